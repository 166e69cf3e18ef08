//! Pins on a real Kubo node. `MIRA_TEST_KUBO` names its RPC API; without it these tests skip, saying so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

#[path = "../../ingest/tests/pinning_service/mod.rs"]
mod pinning_service;
#[path = "../../ingest/tests/proxy/mod.rs"]
mod proxy;
mod world;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use pinning_service::{KEY, PinningService};
use proxy::{Fault, Proxy};
use serde_json::Value;
use world::{Ended, World};

fn node() -> Option<String> {
    let node = std::env::var("MIRA_TEST_KUBO").ok();
    if node.is_none() {
        eprintln!("skipped: MIRA_TEST_KUBO names no node");
    }
    node
}

/// A world with a dataset that no node has seen.
fn with_dataset() -> World {
    let world = World::new();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    world.write("sample.csv", format!("a,b\n1,{}\n", since.as_nanos()));
    world.ok(&["add", "sample.csv", "--license", "CC0-1.0"]);
    world
}

fn at(world: &World, node: &str, args: &[&str]) -> Ended {
    let ended = world.command(args).env("MIRA_KUBO", node).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: ended.status.code().unwrap(), out: text(ended.stdout), err: text(ended.stderr) }
}

/// The document that a command prints, whether or not it fails.
fn document(world: &World, node: &str, args: &[&str]) -> (i32, Value) {
    let ended = at(world, node, &[args, &["--json"]].concat());
    let document = serde_json::from_str(&ended.out);
    (ended.code, document.unwrap_or_else(|error| panic!("{args:?}: {error}: {}{}", ended.out, ended.err)))
}

/// What SQL says of all pins.
fn rows(world: &World) -> String {
    world.ok(&[
        "sql",
        "-c",
        "select service, state, confirmed_at is not null, receipt is not null from pins order by 1",
    ])
}

#[test]
fn live_a_dataset_is_pinned_and_unpinned_and_everything_says_so() {
    let Some(node) = node() else { return };
    let world = with_dataset();
    // Nobody listens on port 9 (discard) of a machine like this one: the pin is queued, and the command says it failed.
    let (code, away) = document(&world, "http://127.0.0.1:9", &["pin", "sample"]);
    assert_eq!((code, away["pins"][0]["state"].as_str()), (1, Some("queued")));
    assert_eq!(world.json(&["status"])["pins"][0]["state"], "queued");

    let (code, plan) = document(&world, &node, &["pin", "--all", "--dry-run"]);
    let missing = &plan["pins"][0]["missing"];
    assert_eq!((code, plan["pins"][0]["state"].as_str()), (0, Some("planned")));
    assert!(missing["blocks"].as_u64().unwrap() >= 8, "five files and three directories: {plan}");
    assert_eq!(world.json(&["status"])["pins"].as_array().unwrap().len(), 1, "planning queues nothing");

    let (code, pinned) = document(&world, &node, &["pin", "--all"]);
    let pin = &pinned["pins"][0];
    assert_eq!((code, pin["state"].as_str(), pin["route"].as_str()), (0, Some("pinned"), Some("import")), "{pinned}");
    assert_eq!(pin["cid"], away["pins"][0]["cid"]);
    assert_eq!(pin["sent_bytes"], missing["car_bytes"]);
    let receipt = fs::read(pin["receipt"].as_str().unwrap()).unwrap();
    let (receipt, _) = mira_core::pin_receipt::PinReceipt::open(&receipt).unwrap();
    assert_eq!((receipt.name.as_str(), receipt.cid.to_string().as_str()), ("sample@1", pin["cid"].as_str().unwrap()));
    assert!(receipt.read_back.is_some());
    let (code, again) = document(&world, &node, &["pin", "sample"]);
    assert_eq!((code, again["pins"][0]["sent_bytes"].as_u64()), (0, Some(0)), "nothing is sent twice");
    assert_eq!(document(&world, &node, &["pin", "sample", "--dry-run"]).1["pins"][0]["state"], "pinned");

    assert!(world.ok(&["status"]).contains("pinned"));
    assert!(world.ok(&["ls"]).contains("pinned"));
    assert!(world.ok(&["show", "sample"]).contains(&format!("at {node}, seen 20")));
    assert!(rows(&world).contains(&node) && rows(&world).contains("pinned"), "{}", rows(&world));
    let lines = at(&world, &node, &["pin", "sample", "--json=lines"]);
    assert_eq!(serde_json::from_str::<Value>(&lines.out).unwrap()["service"], node.as_str());

    let (code, ended) = document(&world, &node, &["unpin", "sample"]);
    assert_eq!((code, ended["pins"][0]["was_pinned"].as_bool()), (0, Some(true)), "{ended}");
    assert_eq!(document(&world, &node, &["unpin", "sample"]).1["pins"][0]["was_pinned"], false);
    assert!(rows(&world).contains("unpinned"), "{}", rows(&world));
    assert!(!world.ok(&["ls"]).contains("pinned"));
    let receipt = fs::read(ended["pins"][0]["receipt"].as_str().unwrap()).unwrap();
    let (receipt, _) = mira_core::pin_receipt::PinReceipt::open(&receipt).unwrap();
    assert_eq!(receipt.state, mira_core::pin_receipt::PinState::Unpinned);
    assert_eq!(document(&world, &node, &["pin", "sample"]).0, 0, "and it can be pinned again");
    // Receipts of pins do not stand in the way of those of anchors.
    world.ok(&["seal"]);
    assert!(!world.ok(&["audit", "--json"]).contains("FAILED"));
}

#[test]
fn live_what_breaks_on_the_way_is_queued_and_made_good() {
    let Some(node) = node() else { return };
    let proxy = Proxy::before(&node);
    for (call, fault, said) in [
        (
            "/dag/import",
            Fault::Answer(500, "{\"Message\":\"no space left on device\"}".into()),
            "no space left on device",
        ),
        ("/dag/import", Fault::Reset(100), "/dag/import"),
        ("/dag/import", Fault::Flip(600), "/dag/import"),
        ("/version", Fault::Answer(502, "bad gateway".into()), "bad gateway"),
        ("/pin/add", Fault::Answer(500, "{\"Message\":\"sample failure\"}".into()), "sample failure"),
    ] {
        let world = with_dataset();
        proxy.fault(call, fault, usize::MAX);
        let ended = at(&world, &proxy.address, &["pin", "sample"]);
        assert_eq!(ended.code, 1, "{call}: {}", ended.err);
        assert!(ended.out.starts_with("queued") && ended.err.contains(said), "{call}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains("mira pin again"), "{}", ended.err);
        proxy.heal();
        assert_eq!(document(&world, &proxy.address, &["pin", "--all"]).1["pins"][0]["state"], "pinned");
    }
    // A node that takes no CARs.
    let world = with_dataset();
    proxy.fault("/dag/import", Fault::Answer(404, "404 page not found".into()), usize::MAX);
    let (code, pinned) = document(&world, &proxy.address, &["pin", "sample"]);
    assert_eq!((code, pinned["pins"][0]["route"].as_str()), (0, Some("add")), "{pinned}");
    proxy.heal();
    // Other bytes come back: that is for somebody to look at, not to be tried again.
    let world = with_dataset();
    proxy.fault("/cat", Fault::Answer(200, "other bytes".into()), usize::MAX);
    let ended = at(&world, &proxy.address, &["pin", "sample"]);
    assert_eq!((ended.code, ended.out.starts_with("failed")), (1, true), "{}{}", ended.out, ended.err);
}

#[test]
fn live_a_pin_that_is_killed_goes_on() {
    let Some(node) = node() else { return };
    let world = with_dataset();
    let proxy = Proxy::before(&node);
    proxy.fault("/dag/import", Fault::Hang, usize::MAX);
    let mut child =
        world.command(&["pin", "sample"]).env("MIRA_KUBO", &proxy.address).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while proxy.calls("/dag/import") == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "it never came to sending");
        std::thread::sleep(Duration::from_millis(20));
    }
    // SIGKILL: nothing can be put in order.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.json(&["status"])["pins"][0]["state"], "importing");
    proxy.heal();
    let (code, pinned) = document(&world, &proxy.address, &["pin", "sample"]);
    assert_eq!((code, pinned["pins"][0]["state"].as_str()), (0, Some("pinned")));
    assert_eq!(world.json(&["status"])["pins"][0]["attempts"], 2);
}

/// Killed at moments from its start to its end: the next run sends what is missing, and there is one pin and one receipt.
#[test]
fn live_a_pin_that_is_killed_at_any_moment_is_made_in_the_end() {
    let Some(node) = node() else { return };
    let world = with_dataset();
    let whole = {
        let other = with_dataset();
        let began = Instant::now();
        assert_eq!(document(&other, &node, &["pin", "sample"]).0, 0);
        began.elapsed()
    };
    let mut killed = 0;
    for round in 0..12 {
        let mut command = world.command(&["pin", "sample"]);
        command.env("MIRA_KUBO", &node).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(whole * round / 12);
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
        let pins = world.json(&["status"])["pins"].as_array().unwrap().clone();
        assert!(pins.len() <= 1, "no pin stands twice: {pins:?}");
    }
    let (code, pinned) = document(&world, &node, &["pin", "sample"]);
    assert_eq!((code, pinned["pins"][0]["state"].as_str()), (0, Some("pinned")), "{pinned}");
    assert_eq!(world.json(&["status"])["pins"].as_array().unwrap().len(), 1);
    world.ok(&["fsck"]);
    let receipts: Vec<_> =
        fs::read_dir(world.ws(".mira/receipts")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    eprintln!("{killed} of 12 pins were killed before they ended");
}

#[test]
fn live_a_pinning_service_is_publishing_and_is_asked_through_the_node() {
    let Some(node) = node() else { return };
    let world = with_dataset();
    let twin = PinningService::start();
    let ipfs = std::env::var("MIRA_TEST_IPFS").unwrap();
    let port = node.rsplit(':').next().unwrap();
    let known = |name: &str, key: &str| {
        let mut command = std::process::Command::new(&ipfs);
        command.arg(format!("--api=/ip4/127.0.0.1/tcp/{port}")).args(["pin", "remote", "service", "add", name]);
        assert!(command.args([&twin.endpoint, key]).env("IPFS_TELEMETRY", "off").status().unwrap().success());
    };
    let (good, bad) = (format!("good-{port}-{}", std::process::id()), format!("bad-{port}-{}", std::process::id()));
    known(&good, KEY);
    known(&bad, "wrong-sample-key");

    let nobody = at(&world, &node, &["pin", "sample", "--service", "nobody"]);
    assert!(nobody.code == 1 && nobody.err.contains(&good) && nobody.err.contains("knows no pinning service"));
    // Nobody is at a terminal here, so somebody has to say it.
    let refused = at(&world, &node, &["pin", "sample", "--service", &good]);
    assert!(refused.code != 0 && refused.err.contains("--yes"), "{}", refused.err);
    assert_eq!(twin.pins(), []);

    let (code, asked) = document(&world, &node, &["pin", "sample", "--service", &good, "--yes", "--background"]);
    assert_eq!((code, asked["pins"][0]["state"].as_str()), (0, Some("queued")), "{asked}");
    let place = format!("{good} at {}", twin.endpoint);
    let shown = |world: &World| {
        let pins = world.json(&["status"])["pins"].as_array().unwrap().clone();
        pins.into_iter().find(|pin| pin["service"] == place.as_str()).unwrap()["state"].clone()
    };
    assert_eq!(shown(&world), "pinning");
    let (code, pinned) = document(&world, &node, &["pin", "sample", "--service", &good, "--yes"]);
    assert_eq!((code, pinned["pins"][0]["state"].as_str()), (0, Some("pinned")), "{pinned}");
    assert_eq!((shown(&world), twin.requests("POST /pins")), ("pinned".into(), 1));
    assert!(rows(&world).contains(&place), "{}", rows(&world));

    let failed = at(&world, &node, &["pin", "sample", "--service", &bad, "--yes"]);
    assert!(failed.code == 1 && failed.err.contains("UNAUTHORIZED"), "{}", failed.err);
    assert!(failed.out.starts_with("failed"), "a key does not become right by waiting: {}", failed.out);
    assert!(!failed.err.contains("wrong-sample-key"), "{}", failed.err);

    let (code, ended) = document(&world, &node, &["unpin", "sample", "--service", &good]);
    assert_eq!((code, ended["pins"][0]["was_pinned"].as_bool()), (0, Some(true)), "{ended}");
    assert_eq!((twin.pins(), shown(&world)), (Vec::new(), "unpinned".into()));
    assert!(world.json(&["status"]).to_string().contains("\"pinned\""), "the node still has it");
}

#[test]
fn nodes_elsewhere_are_asked_for_nothing_that_the_gate_did_not_pass() {
    let world = with_dataset();
    for node in ["http://192.0.2.1:5001", "https://user:sample-password@node.example"] {
        let refused = at(&world, node, &["pin", "sample"]);
        assert!(refused.code != 0 && refused.err.contains("--yes"), "{}", refused.err);
        // What would be sent is known without asking.
        let (code, plan) = document(&world, node, &["pin", "sample", "--dry-run"]);
        assert_eq!((code, plan["pins"][0]["state"].as_str()), (0, Some("planned")));
        assert!(!refused.err.contains("sample-password") && !plan.to_string().contains("sample-password"));
    }
    let password = "http://user:sample-password@127.0.0.1:5001";
    world.fails(2, "does not stand in a file", &["config", "set", "kubo", password]);
}
