//! Pins on a real Kubo node. `MIRA_TEST_KUBO` names its RPC API; without it these tests skip, saying so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use world::{World, sample};

#[test]
fn live_a_dataset_is_pinned_and_status_says_so() {
    let Some(node) = std::env::var("MIRA_TEST_KUBO").ok() else {
        eprintln!("skipped: MIRA_TEST_KUBO names no node");
        return;
    };
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    let run = |args: &[&str], node: &str| {
        let ended = world.command(args).env("MIRA_KUBO", node).output().unwrap();
        (ended.status.code().unwrap(), String::from_utf8(ended.stdout).unwrap())
    };
    // Nobody listens on port 9 (discard) of a machine like this one: the pin is queued, and the command says it failed.
    let (code, out) = run(&["pin", "penguins", "--json"], "http://127.0.0.1:9");
    let away: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, away["pins"][0]["state"].as_str()), (1, Some("queued")));
    assert_eq!(world.json(&["status"])["pins"][0]["state"], "queued");

    let (code, out) = run(&["pin", "--all", "--json"], &node);
    let pinned: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, pinned["pins"][0]["state"].as_str()), (0, Some("pinned")), "{out}");
    assert_eq!(pinned["pins"][0]["cid"], away["pins"][0]["cid"]);
    let (code, out) = run(&["pin", "penguins", "--json"], &node);
    let again: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, again["pins"][0]["sent_bytes"].as_u64()), (0, Some(0)), "nothing is sent twice");
    assert!(world.ok(&["status"]).contains("pinned"));
}

#[test]
fn nodes_elsewhere_are_behind_the_gate() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    let ended = world.command(&["pin", "penguins"]).env("MIRA_KUBO", "http://192.0.2.1:5001").output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
}
