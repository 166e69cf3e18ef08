//! What commands say to a person: errors that help, counts that read well, sizes that are so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use mira_core::cid::{Cid, Codec};
use serde_json::Value;
use world::{World, sample};

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:9";

/// The common mistakes: what is wrong, and what to do about it.
#[test]
fn common_errors_have_hints() {
    let world = World::new();
    world.ok(&["add", &sample("data/weather.csv")]);
    world.write("pets.csv", "name,legs\nRex,4\n");
    world.write("notes.xyz", "hello\n");
    world.write("empty.csv", "");
    world.write("head.csv", "name,legs\n");
    world.write("other.json", r#"[["name","text"],["weight","int"]]"#);
    world.write("half.json", "[[");
    fs::create_dir(world.ws("nothing")).unwrap();
    for (code, message, hint, args) in [
        (1, "cannot open this path: No such file", "did you mean pets.csv?", &["add", "pest.csv"][..]),
        (1, "No such file", "there is no folder nowhere", &["get", "weather", "-o", "nowhere/x.csv"]),
        (1, "No such file", "did you mean half.json?", &["add", "pets.csv", "--schema", "hlaf.json"]),
        (1, "No such file", "paths start where you are", &["verify", "some.tlog-proof"]),
        (1, "No such file", "did you mean pets.csv?", &["record", "train", "--model=m", "--artifact=pet.csv"]),
        (1, "nothing matches no-*.csv", "** for any directories", &["add", "no-*.csv"]),
        (1, "cannot tell the format", "--format says what it is", &["add", "notes.xyz"]),
        (1, "the file is empty", "at least one row", &["add", "empty.csv"]),
        (1, "no rows in 1 file", "at least one row", &["add", "head.csv"]),
        (1, "no input files in nothing", "are left out", &["add", "nothing"]),
        (1, "column \"weight\" is missing", "--dry-run --json prints", &["add", "pets.csv", "--schema", "other.json"]),
        (2, "not a schema in JSON", "--dry-run --json prints", &["add", "pets.csv", "--schema", "half.json"]),
        (1, "not a readable Parquet file", "--format says", &["add", "pets.csv", "--format", "parquet"]),
        (1, "the log has nothing that is wether", "did you mean weather?", &["show", "wether"]),
        (1, "there is no key", "mira key list", &["add", "pets.csv", "--key", "nobody"]),
        (2, "there is no column nmae", "did you mean name?", &["sql", "-c", "select nmae from datasets"]),
        (2, "this path tells no name", "--name", &["add", "*.csv"]),
    ] {
        let said = world.fails(code, message, args).err;
        assert!(said.contains("\n  hint: ") && said.contains(hint), "{args:?}: expected {hint:?} in {said}");
    }
    let bare = World::bare();
    assert!(bare.fails(1, "there is no workspace", &["ls"]).err.contains("hint: mira init"));
}

/// A node that is away is told of once, with what to do about it.
#[test]
fn a_node_that_is_away_is_one_sentence() {
    let world = World::new();
    world.ok(&["add", &sample("data/weather.csv"), "--license", "CC0-1.0"]);
    for args in [&["pin", "weather"][..], &["unpin", "weather"], &["pin", "weather", "--dry-run"]] {
        let ended = world.command(args).env("MIRA_KUBO", NOBODY).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert_eq!(said.matches("onnection refused").count(), 1, "{said}");
        assert!(!said.contains("connect error") && said.contains("MIRA_KUBO says where it is"), "{said}");
    }
    let asked = world.run(&["audit", "--chain", NOBODY]);
    assert_eq!(asked.code, 4);
    assert!(asked.out.contains(&format!("{NOBODY} does not answer eth_chainId: Connection refused")), "{}", asked.out);
}

/// One is no plural, and one entry is no entrys.
#[test]
fn one_is_no_plural() {
    let world = World::new();
    world.write("one.csv", "a\n1\n");
    world.ok(&["add", "one.csv"]);
    let mut said = String::new();
    for args in [&["status"][..], &["fsck"], &["seal"], &["status"], &["audit"], &["get", "one", "-o", "one.txt.csv"]] {
        said.push_str(&world.ok(args));
    }
    for wrong in ["1 rows", "1 entries", "1 epochs", "1 bytes", "1 chunks", "1 files", "entrys"] {
        assert!(!said.contains(wrong), "{wrong}: {said}");
    }
    assert!(said.contains(": 1 entry, 1 epoch, 0 entries unsealed"), "{said}");
}

/// What comes by standard input has a size once it is copied, and so has a member of an archive.
#[test]
fn a_dry_run_knows_the_size_of_standard_input() {
    let world = World::new();
    let args = ["add", "-", "--format", "csv", "--name", "typed", "--dry-run", "--json"];
    let mut command = world.command(&args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"name,legs\nRex,4\n").unwrap();
    let plan: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!((&plan["files"][0]["bytes"], &plan["input_bytes"]), (&16.into(), &16.into()));
}

/// The CIDs that `add` names are those that are pinned and written.
#[test]
fn add_names_the_cids_of_what_is_published() {
    let world = World::new();
    let args = ["add", &sample("data/weather.csv"), "--license", "CC0-1.0"];
    let added = world.json(&args);
    let got = world.json(&["get", "weather", "-o", "weather/"]);
    assert_eq!(added["dataset_cid"], got["cid"]);
    assert_eq!(added["dataset_cid"], world.json(&["get", "weather", "-o", "weather.car"])["cid"]);
    let pin = world.command(&["pin", "weather", "--json"]).env("MIRA_KUBO", NOBODY).output().unwrap();
    let pin: Value = serde_json::from_slice(&pin.stdout).unwrap();
    assert_eq!(added["dataset_cid"], pin["pins"][0]["cid"]);
    let manifest = fs::read(world.ws("weather/manifest.cbor")).unwrap();
    assert_eq!(added["manifest_cid"], Cid::of(Codec::Raw, &manifest).to_string());
    let again = world.json(&args);
    assert_eq!(again["unchanged"], true);
    assert_eq!((&again["dataset_cid"], &again["manifest_cid"]), (&added["dataset_cid"], &added["manifest_cid"]));
}
