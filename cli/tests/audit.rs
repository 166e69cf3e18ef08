//! Whatever is edited, removed or put back in a workspace, an audit names it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};

use world::{World, files, sample};

/// A workspace in which everything has happened once.
fn story() -> World {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv"), "--null", "NA", "--license", "CC0-1.0", "--allow", "train"]);
    world.write("net.bin", "sample weights");
    world.write("some.rows", "0-99\n");
    world.ok(&["record", "train", "--model=net", "--artifact=net.bin", "--uses=penguins,rows=some.rows"]);
    let period = ["--from=2026-01-01", "--to=2026-02-01", "--unit=requests", "--count=10"];
    let used = world.json(&[&["record", "use", "--model=net"][..], &period].concat());
    world.ok(&["chain", "deploy", "--window", "24h"]);
    world.ok(&["bind", "--account", "payout"]);
    world.ok(&["rewards", "policy"]);
    world.ok(&["seal"]);
    world.ok(&["anchor"]);
    world.ok(&["chain", "fund", "--pool", "10"]);
    world.ok(&["chain", "fund", "--use", used["statement"].as_str().unwrap(), "100"]);
    world.ok(&["rewards"]);
    world.ok(&["rewards", "propose"]);
    world.ok(&["chain", "warp", "25h"]);
    world.ok(&["claim"]);
    world
}

/// A copy of the workspace, to be spoilt.
struct Copy<'a> {
    world: &'a World,
    place: PathBuf,
}

impl<'a> Copy<'a> {
    fn of(world: &'a World, name: &str) -> Self {
        let place = world.path(name);
        copy(&world.ws(".mira"), &place.join(".mira"));
        Self { world, place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.join(".mira").join(name)
    }

    /// Changes one bit in the middle of a file.
    fn flip(&self, name: &str) {
        let path = self.path(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    /// Keeps the first blocks of the local chain.
    fn put_back_chain(&self, blocks: usize) {
        let path = self.path("chain/local");
        let bytes = fs::read(&path).unwrap();
        let mut at = b"mira/devchain/v1\n".len();
        for _ in 0..=blocks {
            let len = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            at += 8 + len + 32;
        }
        fs::write(path, &bytes[..at]).unwrap();
    }

    /// Audits: the exit code, and every line that is not ok.
    fn audit(&self) -> (i32, String) {
        let ended = self.world.run(&["audit", "--workspace", self.place.to_str().unwrap()]);
        let bad = ended.out.lines().filter(|line| line.starts_with("FAILED") || line.starts_with("not checked"));
        (ended.code, bad.collect::<Vec<_>>().join("\n") + &ended.err)
    }

    fn fails(&self, what: &str, named: &str) {
        let (code, lines) = self.audit();
        assert_eq!(code, 3, "{what}: {lines}");
        assert!(lines.contains("FAILED") && lines.contains(named), "{what}: expected {named:?} in {lines}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_edit_is_named() {
    let world = story();
    let (code, lines) = Copy::of(&world, "as-it-is").audit();
    assert_eq!((code, lines.as_str()), (0, ""));

    let relative = |path: &Path| path.strip_prefix(world.ws(".mira")).unwrap().to_str().unwrap().to_owned();
    let mut edited: Vec<(String, String)> = Vec::new();
    for folder in ["blobs", "store/objects"] {
        for path in files(&world.ws(".mira").join(folder)) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            edited.push((relative(&path), name));
        }
    }
    for (file, named) in [
        ("log/epochs/1", "epochs/1"),
        ("log/checkpoint", "checkpoint"),
        ("log.vkey", "log.vkey"),
        ("receipts/anchor-1.json", "epoch 1"),
        ("rewards/1/manifest.json", "rewards/1/manifest.json"),
        ("rewards/1/allocation.json", "rewards/1/allocation.json"),
        ("rewards/1/trace.json", "rewards/1/trace.json"),
        ("chain/local", "chain"),
        ("chain/deployment.json", "deployment.json"),
    ] {
        edited.push((file.to_owned(), named.to_owned()));
    }
    for (number, (file, named)) in edited.iter().enumerate() {
        let copy = Copy::of(&world, &format!("copy-{number}"));
        copy.flip(file);
        copy.fails(file, named);
    }
}

#[test]
fn what_is_gone_or_put_back_is_named() {
    let world = story();
    let gone = Copy::of(&world, "no-epoch");
    fs::remove_file(gone.path("log/epochs/1")).unwrap();
    gone.fails("an epoch removed", "epoch 1");

    let gone = Copy::of(&world, "no-chain");
    fs::remove_file(gone.path("chain/local")).unwrap();
    let (code, lines) = gone.audit();
    assert_eq!(code, 4, "{lines}");
    assert!(lines.contains("own chain is not here"), "{lines}");

    let stray = Copy::of(&world, "stray");
    fs::write(stray.path("receipts/anchor-9.json"), "{}").unwrap();
    stray.fails("a receipt of no epoch", "epoch 9");

    let blocks = world.json(&["chain", "status"])["block"].as_u64().unwrap();
    for back in 1..=4 {
        let put_back = Copy::of(&world, &format!("back-{back}"));
        put_back.put_back_chain(usize::try_from(blocks - back).unwrap());
        put_back.fails("the chain put back", "put back");
    }
}

#[test]
fn nothing_is_signed_behind_or_beside_an_anchored_epoch() {
    let world = story();
    let signs: [&[&str]; 2] = [&["add", &sample("data/airlines.csv")], &["seal"]];
    for (what, spoil) in [("epoch gone", "log/epochs/1"), ("epoch of another log", "log/epochs/1")] {
        let copy = Copy::of(&world, what);
        fs::remove_file(copy.path(spoil)).unwrap();
        for args in signs {
            let place = copy.place.to_str().unwrap();
            let ended = world.run(&[args, &["--workspace", place]].concat());
            assert_eq!(ended.code, 3, "{what} {args:?}: {}", ended.err);
            assert!(ended.err.contains("epoch 1 is anchored"), "{}", ended.err);
        }
    }
    // Beside: the log is put back to its state at epoch 1, and grows anew.
    world.ok(&["add", &sample("data/airlines.csv")]);
    world.ok(&["seal"]);
    world.ok(&["anchor"]);
    let copy = Copy::of(&world, "beside");
    fs::copy(copy.path("log/epochs/1"), copy.path("log/checkpoint")).unwrap();
    fs::remove_file(copy.path("log/epochs/2")).unwrap();
    let ended = world.run(&["add", &sample("data/weather.csv"), "--workspace", copy.place.to_str().unwrap()]);
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.contains("epoch 2 is anchored"), "{}", ended.err);
    world.ok(&["audit"]);
}

#[test]
fn what_was_left_out_is_not_called_ok() {
    let world = story();
    let quick = world.ok(&["audit", "--quick"]);
    assert!(quick.contains("not asked    dataset") && quick.contains("not asked    rewards"), "{quick}");
    let one = world.ok(&["audit", "--epoch", "1", "--report", "report.json"]);
    assert!(one.contains("ok           anchor           epoch 1"), "{one}");
    let report = fs::read_to_string(world.ws("report.json")).unwrap();
    assert!(report.starts_with("{\"schema\":\"mira.audit/1\",\"ok\":true"), "{report}");
    world.fails(1, "there is no epoch 7", &["audit", "--epoch", "7"]);
    let model = world.ok(&["audit", "net"]);
    assert!(model.contains("not asked    dataset          the data of"), "{model}");
    world.ok(&["trust", "remove", "log.example.org/test"]);
    let ended = world.run(&["audit"]);
    assert_eq!(ended.code, 4, "{}", ended.out);
    assert!(ended.out.contains("this log is not one you trust"), "{}", ended.out);
}
