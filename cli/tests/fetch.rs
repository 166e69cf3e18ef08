//! `mira get --from`: datasets from gateways that nobody believes, after `rm`, after a kill, and from nothing but a CID.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

#[path = "../../ingest/tests/gateway/mod.rs"]
mod gateway;
mod world;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gateway::{Answer, Blocks, Gateway};
use serde_json::Value;
use world::{World, files, sample};

/// Rows that take a few MiB, however they are packed.
fn numbers() -> String {
    let mut state = 1_u64;
    let mut line = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{}\n", state >> 1)
    };
    let lines: String = (0..400_000).map(|_| line()).collect();
    format!("number\n{lines}")
}

/// A world with one dataset, and what was published of it.
fn publisher(input: &str) -> (World, Blocks, String) {
    let world = World::new();
    world.ok(&["add", input, "--name", "data", "--license", "CC0-1.0"]);
    world.ok(&["get", "data", "-o", "folder/"]);
    let mut blocks = Blocks::default();
    let cid = blocks.add_folder(&world.ws("folder")).cid.to_string();
    (world, blocks, cid)
}

fn large() -> (World, Blocks, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("numbers.csv");
    fs::write(&path, numbers()).unwrap();
    publisher(path.to_str().unwrap())
}

fn same_folders(one: &Path, other: &Path) {
    let read = |root: &Path| -> Vec<(std::path::PathBuf, Vec<u8>)> {
        files(root).iter().map(|path| (path.strip_prefix(root).unwrap().to_owned(), fs::read(path).unwrap())).collect()
    };
    assert!(read(one) == read(other));
}

fn json(ended: &str) -> Value {
    serde_json::from_str(ended).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

#[test]
fn a_removed_dataset_comes_back() {
    let (world, blocks, _) = large();
    let root = world.json(&["get", "data", "-o", "before.csv"])["root"].clone();
    world.ok(&["rm", "data", "--yes"]);
    world.fails(1, "was removed here", &["get", "data", "-o", "after.csv"]);
    // The small files may be lost as well: the log names them.
    fs::remove_dir_all(world.ws(".mira/blobs")).unwrap();
    let gateway = Gateway::honest(&blocks);
    let got = world.json(&["get", "data", "--from", &gateway.url, "-o", "after.csv"]);
    assert_eq!(got["sources"][0]["state"], "fine");
    assert_eq!(got["sources"][0]["source"].as_str(), Some(gateway.url.as_str()));
    assert!(got["fetched_bytes"].as_u64().unwrap() > 3 << 20, "{got}");
    assert!(gateway.cars() > 0);
    assert_eq!((got["rows"].as_u64(), got["signer"].as_str()), (Some(400_000), None));
    assert!(fs::read(world.ws("after.csv")).unwrap() == fs::read(world.ws("before.csv")).unwrap());
    assert_eq!(got["root"], root);
    world.ok(&["fsck"]);
    // What is here is not asked for again, and no longer removed.
    let asked = gateway.asked().len();
    let again = world.json(&["get", "data", "--from", &gateway.url, "-o", "again/"]);
    assert_eq!((again["fetched_bytes"].as_u64(), gateway.asked().len()), (Some(0), asked));
    same_folders(&world.ws("folder"), &world.ws("again"));
    world.ok(&["get", "data", "-o", "here.csv"]);
}

#[test]
fn a_cid_alone_is_enough_and_nobody_vouches_for_it() {
    let (_, blocks, cid) = publisher(&sample("data/penguins.csv"));
    let gateway = Gateway::honest(&blocks);
    // Somebody else, without even a workspace.
    let stranger = World::bare();
    let got = stranger.json(&["get", &cid, "--from", &gateway.url, "-o", "copy/"]);
    assert_eq!((got["cid"].as_str(), got["rows"].as_u64(), &got["trusted_by"]), (Some(&*cid), Some(344), &Value::Null));
    assert!(got["signer"][0].as_str().unwrap().starts_with("did:key:z6Mk"), "{got}");
    assert!(got.as_object().unwrap().contains_key("trusted_by"));
    assert_eq!(got["name"], "data");
    let mut again = Blocks::default();
    assert_eq!(again.add_folder(&stranger.ws("copy")).cid.to_string(), cid);
    let ended = stranger.run(&["get", &cid, "--from", &gateway.url, "-o", "rows.csv"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("signed by did:key:") && ended.err.contains("no log that you trust"), "{}", ended.err);
    assert_eq!(fs::read_to_string(stranger.ws("rows.csv")).unwrap().lines().count(), 345);
    assert_eq!(fs::read_dir(stranger.ws("")).unwrap().count(), 2, "nothing is left beside them");
    // Without anybody to ask it is a CID that nothing is known of.
    World::new().fails(1, "no dataset here has the CID", &["get", &cid, "-o", "copy/"]);
    stranger.fails(2, "a gateway is", &["get", &cid, "--from", "gateway.example", "-o", "more/"]);
}

#[test]
fn its_own_log_knows_a_dataset_by_its_cid_and_what_was_withdrawn_stays_so() {
    let (world, blocks, cid) = publisher(&sample("data/penguins.csv"));
    let gateway = Gateway::honest(&blocks);
    fs::remove_dir_all(world.ws(".mira/blobs")).unwrap();
    let got = world.json(&["get", &cid, "--from", &gateway.url, "-o", "rows.csv"]);
    assert_eq!(got["trusted_by"], "log.example.org/test");
    world.ok(&["withdraw", "data", "--reason", "error"]);
    world.fails(3, "withdrawn", &["get", &cid, "--from", &gateway.url, "-o", "more.csv"]);
    assert!(!world.ws("more.csv").exists());
}

#[test]
fn what_was_published_must_belong_together() {
    let (world, ..) = publisher(&sample("data/penguins.csv"));
    world.ok(&["add", &sample("data/airlines.csv"), "--name", "other"]);
    world.ok(&["get", "other", "-o", "other/"]);
    let stranger = World::bare();
    let folder = world.ws("folder");
    let other = |name: &str| fs::read(world.ws("other").join(name)).unwrap();
    let with = |name: &str, bytes: Option<Vec<u8>>, message: &str| {
        let path = folder.join(name);
        let before = fs::read(&path).ok();
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let mut blocks = Blocks::default();
        let cid = blocks.add_folder(&folder).cid.to_string();
        let gateway = Gateway::honest(&blocks);
        stranger.fails(3, message, &["get", &cid, "--from", &gateway.url, "-o", "copy/"]);
        assert!(!stranger.ws("copy").exists(), "{name}");
        match before {
            Some(before) => fs::write(&path, before).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    };
    let edited = |name: &str| {
        let mut bytes = fs::read(folder.join(name)).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        Some(bytes)
    };
    with("statement.dsse", Some(other("statement.dsse")), "have another manifest each");
    with("statement.dsse", edited("statement.dsse"), "statement.dsse does not verify");
    with("statement.dsse", None, "it has no statement.dsse");
    with("manifest.cbor", Some(other("manifest.cbor")), "have another manifest each");
    with("manifest.cbor", edited("manifest.cbor"), "");
    with("chunks.cbor", Some(other("chunks.cbor")), "chunks.cbor is not the file that manifest.cbor names");
    with("README.md", edited("README.md"), "README.md is not the file that manifest.cbor names");
    with("README.md", None, "it has no README.md");
    with("schema.json", edited("schema.json"), "the directory has CID");
    with("chunks/000/000000.parquet", edited("chunks/000/000000.parquet"), "the directory has CID");
    with("chunks/000/000001.parquet", Some(b"more".to_vec()), "the directory has CID");
    with("run.sh", Some(b"#!/bin/sh".to_vec()), "it has an entry \"run.sh\"");
}

/// A run that is killed while leaves come, and the next one.
#[test]
fn a_killed_get_goes_on() {
    let (_, blocks, cid) = large();
    let whole: usize = files_len(&blocks);
    // Blocks one by one, and after two large ones no more of these.
    let (served, large) = (blocks.clone(), Arc::new(AtomicUsize::new(0)));
    let seen = large.clone();
    let stalls = Gateway::new(&blocks, move |ask| {
        let is_large = ask.cid.is_some_and(|cid| served.by_cid.get(&cid).is_some_and(|block| block.len() > 500_000));
        match (ask.is_car, is_large) {
            (true, _) => Answer::Full(404, "", Vec::new()),
            (false, true) if seen.fetch_add(1, Ordering::SeqCst) >= 2 => {
                Answer::Write(Box::new(|_| std::thread::sleep(Duration::from_secs(60))))
            }
            _ => Answer::Honest,
        }
    });
    let stranger = World::bare();
    let args =
        |url: &str| ["get".to_owned(), cid.clone(), format!("--from={url}"), "-o".to_owned(), "copy/".to_owned()];
    let first = args(&stalls.url);
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    let mut child = stranger.command(&first).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while large.load(Ordering::SeqCst) < 3 {
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", stalls.asked());
        std::thread::sleep(Duration::from_millis(20));
    }
    // What was answered is on its way through the process.
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!stranger.ws("copy").exists());

    let honest = Gateway::honest(&blocks);
    let second = args(&honest.url);
    let second: Vec<&str> = second.iter().map(String::as_str).collect();
    let got = stranger.json(&second);
    let fetched = usize::try_from(got["fetched_bytes"].as_u64().unwrap()).unwrap();
    assert!(fetched < whole - 1_000_000, "{fetched} of {whole}");
    let mut again = Blocks::default();
    assert_eq!(again.add_folder(&stranger.ws("copy")).cid.to_string(), cid);
    assert_eq!(fs::read_dir(stranger.ws("")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn live_a_dataset_comes_back_from_kubo() {
    let (Ok(node), Ok(gateway)) = (std::env::var("MIRA_TEST_KUBO"), std::env::var("MIRA_TEST_KUBO_GATEWAY")) else {
        eprintln!("skipped: MIRA_TEST_KUBO and MIRA_TEST_KUBO_GATEWAY name no node");
        return;
    };
    let (world, _, cid) = large();
    let kubo = |world: &World, args: &[&str]| {
        let ended = world.command(args).env("MIRA_KUBO", &node).output().unwrap();
        assert!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
        json(&String::from_utf8(ended.stdout).unwrap())
    };
    let root = world.json(&["get", "data", "-o", "before.csv"])["root"].clone();
    assert_eq!(kubo(&world, &["pin", "data", "--json"])["pins"][0]["cid"].as_str(), Some(&*cid));
    for from in [&*gateway, "kubo"] {
        world.ok(&["rm", "data", "--yes"]);
        let got = kubo(&world, &["get", "data", "--from", from, "-o", "after.csv", "--force", "--json"]);
        assert!(got["fetched_bytes"].as_u64().unwrap() > 3 << 20, "{got}");
        assert_eq!(got["root"], root);
        let stranger = World::bare();
        let got = kubo(&stranger, &["get", &cid, "--from", from, "-o", "copy/", "--json"]);
        assert_eq!(got["root"], root);
        same_folders(&world.ws("folder"), &stranger.ws("copy"));
    }
}

fn files_len(blocks: &Blocks) -> usize {
    blocks.by_cid.values().map(Vec::len).sum()
}
