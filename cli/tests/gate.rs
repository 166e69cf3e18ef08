//! What may be published: each refusal by its exit code and message, through the binary, and what is kept when data pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::process::Output;

use serde_json::Value;
use world::{World, sample};

/// An address that is on no machine: whatever passes the gate fails there at once.
const ELSEWHERE: &str = "http://255.255.255.255:5001";

/// Pins there and returns exit code and what was said.
fn pin(world: &World, args: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } =
        world.command(&[&["pin"], args].concat()).env("MIRA_KUBO", ELSEWHERE).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

fn refused(world: &World, code: i32, message: &str, args: &[&str]) {
    let (found, said) = pin(world, args);
    assert_eq!(found, code, "{args:?}: {said}");
    assert!(said.contains(message) && said.contains("  hint: "), "{args:?}: expected {message:?} in {said}");
    assert!(!world.ws(".mira/published.ndjson").exists(), "nothing was accepted");
}

#[test]
fn each_refusal() {
    let world = World::new();
    let penguins = sample("data/penguins.csv");
    world.ok(&["add", &penguins, "--name", "licensed", "--license", "CC0-1.0"]);
    world.ok(&["add", &penguins, "--name", "unlicensed"]);
    world.ok(&["add", &penguins, "--name", "hidden", "--license", "CC0-1.0", "--visibility", "private"]);
    world.ok(&["add", &penguins, "--name", "gone", "--license", "CC0-1.0"]);
    world.ok(&["withdraw", "gone", "--reason", "licence"]);

    let all = ["--yes", "--no-license", "--accept-findings"];
    let with_all = |name| [&[name], &all[..]].concat();
    refused(&world, 3, "hidden@1 is private", &with_all("hidden"));
    refused(&world, 3, "unlicensed@1 has no licence", &["unlicensed", "--yes", "--accept-findings"]);
    refused(&world, 2, "nobody is here to ask", &["licensed"]);
    refused(&world, 2, "nobody is here to ask", &["unlicensed", "--no-license"]);
    // One that is refused keeps the others here.
    refused(&world, 3, "hidden@1 is private", &[&["licensed"], &with_all("hidden")[..]].concat());
    let (code, said) = pin(&world, &with_all("gone"));
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("was withdrawn"), "{said}");
}

#[test]
fn findings_are_told_by_column_and_kind_and_never_by_value() {
    let world = World::new();
    let secret = "ada.lovelace@mail.sample-site.org";
    let card = "4539 1488 0343 6467";
    world.write("people.csv", format!("id,contact,note\n1,{secret},plain\n2,{secret},{card}\n3,nobody,plain\n"));
    world.ok(&["add", "people.csv", "--license", "MIT"]);
    let told = "contact: 2 with e-mail addresses; note: 1 with payment card numbers";
    refused(&world, 3, told, &["people", "--yes"]);
    let (_, said) = pin(&world, &["people", "--yes"]);
    assert!(!said.contains("lovelace") && !said.contains("4539"), "{said}");

    // Accepted: it passes, and the receipt says so. (Nobody is at that address, so the pin is queued.)
    let (code, _) = pin(&world, &["people", "--yes", "--accept-findings"]);
    assert_eq!(code, 1);
    let receipts = fs::read_to_string(world.ws(".mira/published.ndjson")).unwrap();
    let lines: Vec<Value> =
        receipts.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
    let [receipt] = lines.as_slice() else { unreachable!("one receipt: {receipts}") };
    let dataset = &receipt["datasets"][0];
    assert_eq!(receipt["schema"], "mira.published/1");
    assert_eq!((dataset["dataset"].as_str(), dataset["findings_accepted"].as_bool()), (Some("people@1"), Some(true)));
    assert_eq!((dataset["no_license"].as_bool(), dataset["license"].as_str()), (Some(false), Some("MIT")));
    assert_eq!(dataset["report"].as_str().unwrap().len(), 64);
    assert!(!receipts.contains("lovelace"));
}

#[test]
fn what_a_demo_signed_stays_here() {
    let world = World::new();
    world.ok(&["key", "new", "demo-sample"]);
    world.ok(&["add", &sample("data/penguins.csv"), "--license", "CC0-1.0", "--key", "demo-sample", "--name", "shown"]);
    let by_demo = ["shown", "--yes", "--key", "demo-sample"];
    refused(&world, 3, "of a demo", &by_demo);
    // Another key of the same person does not make it another's word.
    world.ok(&["key", "new", "own"]);
    let owner = world.json(&["show", "shown", "--key", "demo-sample"])["statement"].as_str().unwrap().to_owned();
    refused(&world, 3, "is signed by the key \"demo-sample\" of a demo", &[&owner, "--yes", "--key", "own"]);
}

#[test]
fn the_users_own_node_asks_for_nothing() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv"), "--visibility", "private"]);
    // Nobody listens on port 9 (discard): the pin is queued, which is past the gate.
    let ended = world.command(&["pin", "penguins"]).env("MIRA_KUBO", "http://127.0.0.1:9").output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stdout).unwrap().starts_with("queued"));
    assert!(!world.ws(".mira/published.ndjson").exists());
}
