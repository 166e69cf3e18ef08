//! What commands say to a person: errors that help, counts that read well, sizes that are so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

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

/// What comes by standard input has a size once it is copied.
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

/// Numbers that are written with zeros at their end are said to lose them, in the plan and after the fact.
#[test]
fn zeros_that_are_lost_are_told() {
    let world = World::new();
    world.write("prices.csv", "name,price,count,share\na,1.10,10,0.5\nb,2.5,20,0.25\nc,2.50,30,1e10\n");
    let expected = "column \"price\" is read as numbers, so 1.10 becomes 1.1; with --schema, \"text\" or [\"decimal\",2] for it \
                    keeps the zeros";
    let plan = world.json(&["add", "prices.csv", "--dry-run"]);
    assert_eq!(plan["warnings"], serde_json::json!([expected]));
    let said = world.run(&["add", "prices.csv", "--dry-run"]);
    assert!(said.err.contains(&format!("warning: {expected}")), "{}", said.err);
    assert_eq!(world.json(&["add", "prices.csv"])["warnings"], serde_json::json!([expected]));
    // What the hint says is so, and then there is nothing to say.
    world.write("schema.json", r#"[["name","text"],["price",["decimal",2]],["count","int"],["share","float"]]"#);
    let exact = world.json(&["add", "prices.csv", "--schema", "schema.json", "--name", "exact"]);
    assert!(exact.get("warnings").is_none(), "{exact}");
    world.ok(&["get", "exact", "-o", "exact.csv"]);
    assert!(fs::read_to_string(world.ws("exact.csv")).unwrap().contains("a,1.10,"));
    // Where the start makes a guess that does not hold, too; and in a column that is text after all there is nothing to lose.
    world.write("late.csv", format!("a,b\n{}x,1.0\n", "1.0,2\n".repeat(400_000)));
    let late = world.json(&["add", "late.csv", "--dry-run"]);
    assert_eq!(late["warnings"].as_array().unwrap().len(), 1, "{}", late["warnings"]);
    assert!(late["warnings"][0].as_str().unwrap().contains("column \"b\" is read as numbers, so 1.0 becomes 1;"));
}

/// Text that stops being UTF-8 further on than an encoding is told by.
#[test]
fn the_hint_names_the_encoding_that_is_likely() {
    let world = World::new();
    let mut text = b"place,note\n".to_vec();
    text.extend("Aachen,plain\n".repeat(20_000).bytes());
    for place in ["Genève", "Zürich", "Besançon", "Málaga", "Orléans", "Münster", "Göteborg", "Ávila"] {
        let latin: Vec<u8> = place.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        text.extend([&*latin, b",caf\xe9 fran\xe7ais tr\xe8s agr\xe9able\n"].concat());
    }
    world.write("late.csv", text);
    let said = world.fails(1, "UTF-8", &["add", "late.csv"]).err;
    assert!(said.contains("hint: --encoding windows-1252 reads it"), "{said}");
    world.ok(&["add", "late.csv", "--encoding", "windows-1252"]);
    world.write("bytes.csv", [b"a\n".repeat(40_000), b"\xff\xfe\x80\n".to_vec()].concat());
    let said = world.fails(1, "UTF-8", &["add", "bytes.csv"]).err;
    assert!(said.contains("hint: --encoding says what it is in"), "{said}");
}

/// What is noted as the schema is the schema that the rows were read under: the file is read once.
#[test]
fn a_schema_is_read_once() {
    let world = World::new();
    world.write("pets.csv", "name,legs\nRex,4\n");
    let pipe = world.ws("schema.pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for args in [
        &["add", "pets.csv", "--schema", "schema.pipe"][..],
        &["add", "pets.csv", "--schema", "schema.pipe", "--dry-run"],
    ] {
        let mut child = world.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        fs::write(&pipe, r#"[["name","text"],["legs","int"]]"#).unwrap();
        let began = Instant::now();
        let code = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status.code(),
                // Somebody who opens a pipe a second time waits for a second writer.
                None if began.elapsed() > Duration::from_secs(20) => {
                    child.kill().unwrap();
                    break child.wait().unwrap().code();
                }
                None => sleep(Duration::from_millis(5)),
            }
        };
        assert_eq!(code, Some(0), "{args:?}");
    }
}
