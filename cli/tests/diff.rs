//! `mira diff`, through the binary.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use world::World;

fn two_versions() -> World {
    let world = World::new();
    world.write("pets.csv", "name,legs\nRex,4\nRex,4\nTweety,2\n\u{1b}[31m,0\n");
    world.ok(&["add", "pets.csv", "--license", "CC0-1.0"]);
    world.write("pets.csv", "name,legs\nTweety,2\nRex,4\nNemo,0\n\u{1b}[31m,0\n");
    world.ok(&["add", "pets.csv", "--license", "CC0-1.0"]);
    world
}

#[test]
fn rows_that_came_and_went_are_named() {
    let world = two_versions();
    let text = world.ok(&["diff", "pets", "--values"]);
    assert!(text.contains("chunks   0 in both, 1 removed, 1 added"), "{text}");
    assert!(text.contains("rows     1 removed, 1 added"), "{text}");
    assert!(text.contains("- row 1  chunk 0  "), "{text}");
    assert!(
        text.contains(r#"{"name": "Rex", "legs": 4}"#) && text.contains(r#"{"name": "Nemo", "legs": 0}"#),
        "{text}"
    );
    let json = world.json(&["diff", "pets@1", "pets@2"]);
    assert_eq!(json["removed"]["rows"][0]["row"], 1);
    assert_eq!(json["added"]["rows"][0]["row"], 2);
    assert_eq!(json["added"]["rows"][0]["leaf"].as_str().unwrap().len(), 64);
    assert!(json["added"]["rows"][0].get("values").is_none());
    let lines = world.ok(&["diff", "pets@1", "pets@2", "--json=lines"]);
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["removed"]["row_count"], &lines[0]["added"]["row_count"]), (&1.into(), &1.into()));
    assert_eq!([&lines[1]["change"], &lines[2]["change"]], ["removed", "added"]);
    assert_eq!((lines.len(), &lines[1]), (3, &json["removed"]["rows"][0]));
}

#[test]
fn order_and_chunks_alone() {
    let world = two_versions();
    world.write("turned.csv", "name,legs\n\u{1b}[31m,0\nNemo,0\nRex,4\nTweety,2\n");
    world.ok(&["add", "turned.csv", "--license", "CC0-1.0"]);
    assert!(world.ok(&["diff", "pets", "turned"]).contains("rows     the same, in another order"));
    let same = world.ok(&["diff", "pets", "pets"]);
    assert!(same.contains("chunks   1 in both, 0 removed, 0 added") && same.ends_with("rows     the same\n"), "{same}");
    let lines = world.ok(&["diff", "pets", "pets", "--json=lines"]);
    assert!(lines.lines().count() == 1 && lines.contains(r#""added":{"chunks":[],"row_count":0}"#), "{lines}");
    let chunks = world.json(&["diff", "pets@1", "turned", "--chunks"]);
    assert!(chunks["removed"].get("rows").is_none() && chunks["removed"]["chunks"][0]["rows"] == 4, "{chunks}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let world = two_versions();
    world.write("other.csv", "name,legs\nRex,four\n");
    world.ok(&["add", "other.csv", "--license", "CC0-1.0"]);
    assert!(world.ok(&["diff", "pets", "other"]).contains("other types"));
    world.fails(1, "no version before", &["diff", "other"]);
    world.ok(&["withdraw", "pets@1", "--reason", "privacy"]);
    world.fails(3, "withdrawn: pets@1", &["diff", "pets", "--values"]);
    assert!(!world.ok(&["diff", "pets"]).contains("Rex"));
}
