//! The demo ends well, and leaves a workspace like any other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod world;

use world::World;

#[test]
fn the_demo_runs_and_leaves_an_ordinary_workspace() {
    let world = World::new();
    let document = world.json(&["demo", "shown"]);
    let steps = document["steps"].as_array().unwrap();
    assert!(steps.len() > 20, "{document}");
    let codes: Vec<i64> = steps.iter().map(|step| step["exit_code"].as_i64().unwrap()).collect();
    // All end well but two: nobody knows what the base model allows, and the edited copy is found out.
    assert_eq!(codes.iter().filter(|code| **code != 0).copied().collect::<Vec<_>>(), [4, 3]);

    for command in
        [&["ls"][..], &["log"], &["status"], &["fsck"], &["audit"], &["trace", "means"], &["chain", "status"]]
    {
        world.ok(&[command, &["--workspace", "shown"]].concat());
    }
    let paid = world.ok(&["sql", "--format", "csv", "-c", "select count(*) from claims", "--workspace", "shown"]);
    assert!(paid.trim().ends_with('1'), "{paid}");
    world.fails(1, "not empty", &["demo", "shown"]);
    // The keys are there already, and serve again.
    world.ok(&["demo", "again", "-q"]);
    let away =
        ["--chain", "http://127.0.0.1:9", "--account", "payout", "--workspace", "shown", "--key", "demo-trainer"];
    world.fails(3, "is of a demo", &[&["anchor"][..], &away].concat());
    world.fails(3, "is of a demo", &[&["bind"][..], &away].concat());
    // They sign where they are named, and never by default.
    let keys = world.json(&["key", "list"]);
    let default = keys["keys"].as_array().unwrap().iter().find(|key| key["default"] == true).unwrap();
    assert_eq!(default["name"], "main");
}
