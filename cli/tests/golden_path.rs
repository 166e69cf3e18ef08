//! What a contributor and an auditor do, from an empty directory to a verified proof.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;

use world::{World, sample};

#[test]
fn add_prove_verify() {
    let world = World::new();
    let added = world.json(&["add", &sample("data/weather.csv"), "--license", "CC0-1.0", "--allow", "train"]);
    assert_eq!((added["schema"].as_str(), added["rows"].as_u64()), (Some("mira.add/1"), Some(26115)));
    assert_eq!((added["dataset"].as_str(), added["version"].as_u64()), (Some("weather"), Some(1)));
    for id in ["root", "schema_id", "manifest", "statement", "entry"] {
        let id = added[id].as_str().unwrap();
        assert!(id.len() == 64 && id.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)), "{id}");
    }
    let chunks = added["chunks"].as_array().unwrap();
    assert!(chunks.len() > 1, "the sample is large enough for several chunks");
    assert_eq!(chunks.iter().map(|chunk| chunk["rows"].as_u64().unwrap()).sum::<u64>(), 26115);
    assert_eq!(added["new_bytes"], added["total_bytes"]);

    assert_eq!(world.json(&["seal"])["epoch"].as_u64(), Some(1));
    for (what, args) in [
        ("first", vec!["prove", "row", "weather", "0"]),
        ("last", vec!["prove", "row", "weather@1", "26114"]),
        ("chunk", vec!["prove", "chunk", "weather", "1"]),
        ("entry", vec!["prove", "entry", added["statement"].as_str().unwrap()]),
    ] {
        let file = format!("{what}.tlog-proof");
        world.ok(&[args.as_slice(), &["-o", &file]].concat());
        let verified = world.json(&["verify", &file]);
        assert_eq!((verified["ok"].as_bool(), verified["verdict"].as_str()), (Some(true), Some("verified")), "{what}");
    }
    let row = world.json(&["verify", "first.tlog-proof"]);
    assert_eq!((row["row"][0]["column"].as_str(), row["row"][0]["value"].as_str()), (Some("origin"), Some("\"EWR\"")));
}

#[test]
fn the_same_rows_are_the_same_dataset_in_every_format() {
    let world = World::new();
    let original = world.json(&["add", &sample("data/penguins.csv")]);
    let shown = world.json(&["show", "penguins"]);
    world.write("schema.json", shown["columns"].to_string());
    for format in ["csv", "ndjson", "parquet"] {
        let file = format!("copy.{format}");
        world.ok(&["get", "penguins", "-o", &file]);
        let copy = world.json(&["add", &file, "--name", format, "--schema", "schema.json"]);
        assert_eq!(copy["root"], original["root"], "{format}");
        assert_eq!(copy["new_bytes"].as_u64(), Some(0), "{format}: every chunk is stored already");
    }
}

#[test]
fn adding_again_logs_nothing_and_new_terms_are_a_new_version() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    let first = world.json(&["add", &file, "--license", "CC0-1.0"]);
    let again = world.json(&["add", &file, "--license", "CC0-1.0"]);
    assert_eq!((again["unchanged"].as_bool(), &again["statement"]), (Some(true), &first["statement"]));
    assert_eq!(world.json(&["log"])["size"].as_u64(), Some(1));
    let terms = world.json(&["add", &file, "--license", "MIT"]);
    assert_eq!((terms["version"].as_u64(), &terms["root"]), (Some(2), &first["root"]));
    assert_eq!(world.json(&["show", "penguins@1"])["statement"], first["statement"]);
}

#[test]
fn an_edit_stores_only_the_chunks_that_it_touches() {
    let world = World::new();
    let text = fs::read_to_string(sample("data/weather.csv")).unwrap();
    world.write("weather.csv", &text);
    let first = world.json(&["add", "weather.csv"]);
    // The last row of the file stands in the last chunk.
    let edited = text.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    world.write("weather.csv", &edited);
    let second = world.json(&["add", "weather.csv"]);
    assert_eq!((second["version"].as_u64(), second["rows"].as_u64()), (Some(2), Some(26114)));
    assert_ne!(second["root"], first["root"]);
    assert_eq!(second["chunks"][0]["cid"], first["chunks"][0]["cid"]);
    assert!(second["new_bytes"].as_u64() < second["total_bytes"].as_u64());
}

#[test]
fn the_output_does_not_depend_on_threads() {
    let world = World::new();
    let cids = |threads: &str, name: &str| {
        world.json(&["add", &sample("data/weather.csv"), "--name", name, "--threads", threads])["chunks"].clone()
    };
    assert_eq!(cids("1", "one"), cids("5", "five"));
}

#[test]
fn keys_are_kept_private_and_may_have_a_passphrase() {
    let world = World::new();
    fs::write(world.path("passphrase"), "sample passphrase\n").unwrap();
    let with = |args: &[&str]| {
        world.command(args).env("MIRA_PASSPHRASE_FILE", world.path("passphrase")).output().unwrap().status.code()
    };
    assert_eq!(with(&["key", "new", "locked"]), Some(0));
    let pem = fs::read_to_string(world.path("home/keys/locked.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let penguins = sample("data/penguins.csv");
    world.fails(1, "encrypted", &["add", &penguins, "--key", "locked"]);
    assert_eq!(with(&["add", &penguins, "--key", "locked"]), Some(0));
    let keys = world.json(&["key", "list"]);
    let names: Vec<&str> = keys["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["locked", "main"], "the log's key is no signing key of a person");
}

#[test]
fn tokens_for_null_make_numbers_of_columns() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    let columns = |name: &str| {
        let shown = world.json(&["show", name]);
        let columns = shown["columns"].as_array().unwrap().clone();
        let ty = |name: &str| columns.iter().find(|column| column[0] == name).unwrap()[1].clone();
        (ty("bill_length_mm"), ty("body_mass_g"), ty("sex"))
    };
    world.ok(&["add", &file, "--name", "as-text"]);
    assert_eq!(columns("as-text"), ("text".into(), "text".into(), "text".into()));
    let tokens = world.json(&["add", &file, "--name", "tokens", "--null", "NA", "--null", "-"]);
    assert_eq!(columns("tokens"), ("float".into(), "int".into(), "text".into()));
    // What `get` writes has empty fields for null, and is the same dataset without any token.
    world.ok(&["get", "tokens", "-o", "copy.csv"]);
    assert_eq!(world.json(&["add", "copy.csv"])["root"], tokens["root"]);
    world.fails(2, "cannot stand for null", &["add", &file, "--null", "a,b"]);
}

#[test]
fn tasks_in_ndjson_come_back_as_they_are() {
    let world = World::new();
    let file = sample("data/humaneval.ndjson");
    let added = world.json(&["add", &file, "--license", "MIT"]);
    assert_eq!(added["rows"].as_u64(), Some(164));
    world.ok(&["get", "humaneval", "-o", "copy.ndjson"]);
    let read = |text: String| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(read(fs::read_to_string(world.ws("copy.ndjson")).unwrap()), read(fs::read_to_string(file).unwrap()));
    assert_eq!(world.json(&["add", "copy.ndjson", "--name", "copy"])["root"], added["root"]);
}

#[test]
fn files_that_are_as_they_were_are_not_read_again() {
    let world = World::new();
    let path = world.write("pets.csv", "name,legs\nRex,4\n");
    let settle = || {
        // As if the file had been left alone for a while: what changed just now could change again unseen.
        std::thread::sleep(std::time::Duration::from_millis(3100));
    };
    settle();
    let first = world.json(&["add", &path]);
    let says = |args: &[&str]| world.run(&[args, &["-v"]].concat()).err;
    let again = says(&["add", &path]);
    assert!(again.contains("unchanged: pets@1") && again.contains("they are not read"), "{again}");
    assert_eq!(world.json(&["add", &path])["root"], first["root"]);
    // Other ways of reading, a chunk that is gone and another content are each read.
    assert!(!says(&["add", &path, "--null", "Rex"]).contains("not read"));
    fs::write(world.ws("pets.csv"), "name,legs\nMax,4\n").unwrap();
    assert!(!says(&["add", &path]).contains("not read"));
    settle();
    assert!(!says(&["add", &path]).contains("not read"), "the note is of files that had just changed");
    assert!(says(&["add", &path]).contains("not read"));
    let chunks = world::files(&world.ws(".mira/store/objects"));
    chunks.iter().for_each(|chunk| fs::remove_file(chunk).unwrap());
    assert!(!says(&["add", &path]).contains("not read"));
    world.ok(&["get", "pets", "-o", "again.csv"]);
}

#[test]
fn a_new_version_keeps_the_terms_that_nobody_changes() {
    let world = World::new();
    let path = world.write("pets.csv", "name\nRex\n");
    let terms = ["--license=MIT", "--visibility=private", "--deny=train", "--personal-data=present", "--basis=consent"];
    world.ok(&[&["add", &path][..], &terms].concat());
    assert!(world.json(&["add", &path])["unchanged"].as_bool().unwrap());
    world.write("pets.csv", "name\nMax\n");
    world.ok(&["add", &path]);
    let rights = |name: &str| world.json(&["show", name])["payload"]["predicate"]["rights"].clone();
    assert_eq!(rights("pets@2"), rights("pets@1"));
    world.ok(&["add", &path, "--visibility", "public", "--allow", "evaluate"]);
    let rights = rights("pets@3");
    assert_eq!((&rights["visibility"], &rights["license"]), (&"public".into(), &"MIT".into()));
    assert_eq!((&rights["deny"], &rights["allow"]), (&serde_json::json!([]), &serde_json::json!(["evaluate"])));
}

#[test]
fn what_is_yours_is_not_replaced() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["get", "penguins", "-o", "folder/"]);
    world.ok(&["get", "penguins", "-o", "folder/", "--force"]);
    fs::create_dir(world.ws("folder/chunks/notes")).unwrap();
    world.fails(1, "did not write", &["get", "penguins", "-o", "folder/", "--force"]);
    assert!(world.ws("folder/chunks/notes").is_dir());
    for output in [".mira/log/checkpoint", ".mira/new.csv"] {
        world.fails(2, "a workspace's own files", &["get", "penguins", "-o", output, "--format=csv", "--force"]);
    }
    world.ok(&["fsck"]);
}
