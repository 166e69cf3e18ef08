//! Messy files through the binary: what is bad is named, left out or kept, and the good rows are the dataset.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use world::{World, files};

const MESSY: &[u8] = b"id,name,born\n1,a,2001-01-01\n2,b\n3,\"c\"x,2001-01-03\n4,\"lost,2001-01-04\n5,\xff,2001-01-05\n6,f,soon\n7,g,2001-01-07\n";
const SCHEMA: &str = r#"[["id","int"],["name","text"],["born","date"]]"#;

/// Bytes of every file of the workspace.
fn contents(world: &World) -> BTreeMap<String, Vec<u8>> {
    let read = |path: std::path::PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    files(&world.ws(".mira")).into_iter().map(read).collect()
}

#[test]
fn the_first_bad_row_is_an_error_that_says_what_helps() {
    let world = World::new();
    world.write("messy.csv", "id,name,born\n1,a,2001-01-01\n2,b\n3,c,2001-01-03\n");
    let ended = world.fails(1, "ragged row: 2 fields, header has 3", &["add", "messy.csv", "--delimiter", ","]);
    assert!(ended.err.contains("messy.csv:3 (byte 28)"), "{}", ended.err);
    assert!(ended.err.contains("hint: --on-bad-row quarantine sets it aside"), "{}", ended.err);
}

#[test]
fn good_rows_are_added_and_bad_ones_kept_apart() {
    let world = World::new();
    world.write("messy.csv", MESSY);
    world.write("schema.json", SCHEMA);
    world.write("clean.csv", "id,name,born\n1,a,2001-01-01\n7,g,2001-01-07\n");
    let args = ["add", "messy.csv", "--encoding", "utf-8", "--quote", "\"", "--schema", "schema.json", "--on-bad-row"];
    let kept = world.json(&[&args[..], &["quarantine", "--name", "kept"]].concat());
    let skipped = world.json(&[&args[..], &["skip", "--name", "skipped", "--threads", "1"]].concat());
    let clean = world.json(&["add", "clean.csv", "--schema", "schema.json"]);
    for document in [&kept, &skipped, &clean] {
        assert_eq!((&document["root"], &document["rows"]), (&clean["root"], &Value::from(2)));
    }
    let counts = [&kept, &skipped, &clean].map(|document| document["bad_rows"].as_u64().unwrap());
    assert_eq!(counts, [5, 5, 0]);
    assert!(skipped.get("quarantine").is_none());

    let path = kept["quarantine"].as_str().unwrap();
    let lines: Vec<Value> =
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(u64, &str)> =
        lines.iter().map(|line| (line["line"].as_u64().unwrap(), line["kind"].as_str().unwrap())).collect();
    assert_eq!(told, [(3, "ragged"), (4, "quote"), (5, "quote"), (6, "utf8"), (7, "value")]);
    assert_eq!((&lines[0]["raw"], &lines[3]["raw_base64"]), (&"2,b".into(), &"NSz/LDIwMDEtMDEtMDU=".into()));
    for line in &lines {
        let start = usize::try_from(line["byte"].as_u64().unwrap()).unwrap();
        let raw = line["raw"].as_str().map_or(b"5,\xff,2001-01-05".to_vec(), |raw| raw.as_bytes().to_vec());
        assert_eq!(&MESSY[start..start + raw.len()], raw);
    }
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(path.as_ref()), mode(&world.ws(".mira/quarantine"))), (0o600, 0o700));

    // The same records are the same file; a person is told of the first three, and where all of them are.
    let again = world.run(&[&args[..], &["quarantine", "--name", "kept"]].concat());
    assert!(again.err.contains("unchanged: kept@1") && again.out.contains("bad rows   5, kept in "), "{}", again.out);
    assert_eq!(again.err.matches("bad row: ").count(), 3, "{}", again.err);
    assert!(again.err.contains("messy.csv:3 (byte 28)") && again.err.contains("and 2 more"), "{}", again.err);
    assert_eq!(fs::read_dir(world.ws(".mira/quarantine")).unwrap().count(), 1);
    world.ok(&["fsck"]);
    world.ok(&["get", "kept", "-o", "back.csv"]);
    assert_eq!(fs::read(world.ws("back.csv")).unwrap(), fs::read(world.ws("clean.csv")).unwrap());
}

#[test]
fn inference_does_not_look_at_bad_rows() {
    let world = World::new();
    // The guess from the start is wrong, so that all of it is read again.
    let rows: String = (0..600_000).map(|row| format!("{row},{}\n", row * 7)).collect();
    world.write("long.csv", format!("a,b\n1,2,x\n{rows}y\n0.5,3\n\"z\n"));
    let document = world.json(&["add", "long.csv", "--on-bad-row", "quarantine"]);
    assert_eq!((&document["rows"], &document["bad_rows"]), (&600_001.into(), &3.into()));
    let columns = world.json(&["show", "long"])["columns"].to_string();
    assert_eq!(columns, r#"[["a","float"],["b","int"]]"#);
    let kept = fs::read_to_string(document["quarantine"].as_str().unwrap()).unwrap();
    assert_eq!(kept.lines().count(), 3, "each once, though the file was read twice");
}

#[test]
fn too_much_is_too_much() {
    let world = World::new();
    world.write("messy.csv", MESSY);
    world.write("all.csv", "a,b\n1\n2\n");
    world.write("all.ndjson", "{\"a\":\"x\"}\n{\"a\":[]}\n");
    world.write("schema.json", "[[\"a\",\"int\"]]");
    let skip = ["--on-bad-row", "skip"];
    world.fails(1, "more than 2 bad rows", &[&["add", "messy.csv", "--max-bad-rows", "2"][..], &skip].concat());
    world.fails(1, "no rows", &[&["add", "all.csv", "--delimiter", ","][..], &skip].concat());
    let all = world.fails(
        1,
        "not one good row: all 2 are bad",
        &[&["add", "all.ndjson", "--schema", "schema.json"][..], &skip].concat(),
    );
    assert!(all.err.contains("all.ndjson:1 (byte 0)"), "{}", all.err);
    world.write("ok.csv", "a,b\n1,2\n");
    assert_eq!(world.json(&[&["add", "ok.csv", "--max-bad-rows", "0"][..], &skip].concat())["bad_rows"], 0);
    // What a run that failed had begun to keep is gone.
    world.fails(1, "more than 2", &["add", "messy.csv", "--max-bad-rows", "2", "--on-bad-row", "quarantine"]);
    assert_eq!(fs::read_dir(world.ws(".mira/quarantine")).unwrap().count(), 0);
}

#[test]
fn a_dry_run_says_it_all_and_writes_nothing() {
    let world = World::new();
    world.write("messy.csv", MESSY);
    let before = contents(&world);
    let skip = ["add", "messy.csv", "--encoding", "utf-8", "--quote", "\"", "--on-bad-row", "quarantine", "--dry-run"];
    let plan = world.json(&skip);
    assert_eq!((&plan["rows"], &plan["bad_rows"], &plan["version"]), (&3.into(), &4.into(), &1.into()));
    assert_eq!(plan["bad_rows_by_kind"], serde_json::json!({"quote": 2, "ragged": 1, "utf8": 1}));
    assert_eq!(plan["columns"], serde_json::json!([["id", "int"], ["name", "text"], ["born", "text"]]));
    assert_eq!(plan["sample"][2], r#"{"id": 7, "name": "g", "born": "2001-01-07"}"#);
    let said = world.run(&skip);
    assert!(said.out.contains("would be   a new dataset") && said.err.contains("--schema plan.json"), "{}", said.out);
    assert_eq!(contents(&world), before);

    // The plan, edited, is a schema; what is planned is what comes, and then nothing is new.
    let edited = plan.to_string().replace(r#"["born","text"]"#, r#"["born","date"]"#);
    world.write("plan.json", edited);
    let args =
        ["add", "messy.csv", "--encoding", "utf-8", "--quote", "\"", "--schema", "plan.json", "--on-bad-row", "skip"];
    let planned = world.json(&[&args[..], &["--dry-run"]].concat());
    let added = world.json(&args);
    for field in ["root", "rows", "bad_rows", "total_bytes", "new_bytes", "schema_id"] {
        assert_eq!(planned[field], added[field], "{field}");
    }
    let before = contents(&world);
    let planned = world.json(&[&args[..], &["--dry-run"]].concat());
    assert_eq!(
        (&planned["unchanged"], &planned["new_bytes"], &planned["previous"]),
        (&true.into(), &0.into(), &"messy@1".into())
    );
    world.write("more.csv", "id,name,born\n1,a,2001-01-01\n");
    let planned = world.json(&["add", "more.csv", "--name", "messy", "--dry-run"]);
    assert_eq!((&planned["unchanged"], &planned["version"]), (&false.into(), &2.into()));
    assert_eq!(contents(&world), before);

    // Neither keys nor a workspace are needed.
    let outside = world.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("t.csv"), "a\n1\n").unwrap();
    let mut command = world.command(&["add", "t.csv", "--dry-run", "--json"]);
    let ended = command.current_dir(&outside).env("MIRA_HOME", world.path("nobody")).output().unwrap();
    let plan: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&plan["rows"], &plan["version"]), (&1.into(), &Value::Null));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn bad_rows_stay_private_and_go_with_their_dataset() {
    const SECRET: &[u8] = b"nobody's-business";
    let world = World::new();
    world.write("messy.csv", "id,name\n1,a\n2,nobody's-business,x\n3,c\n");
    let has_secret = |bytes: &Vec<u8>| bytes.windows(SECRET.len()).any(|window| window == SECRET);
    let add = |name: &str| {
        world.json(&["add", "messy.csv", "--delimiter", ",", "--on-bad-row", "quarantine", "--name", name])
    };
    let added = add("messy");
    let file = std::path::PathBuf::from(added["quarantine"].as_str().unwrap());
    assert!(world.ok(&["fsck"]).lines().any(|line| line.starts_with("ok") && line.ends_with(": 1 bad row")));

    // Nothing that is published has it, nor anything that is named by what is signed.
    world.ok(&["get", "messy", "-o", "folder/"]);
    world.ok(&["get", "messy", "-o", "messy.car"]);
    let published = files(&world.ws("folder")).into_iter().chain([world.ws("messy.car")]);
    assert!(published.map(|path| fs::read(path).unwrap()).all(|bytes| !has_secret(&bytes)));
    let holders: Vec<String> =
        contents(&world).into_iter().filter(|(_, bytes)| has_secret(bytes)).map(|(path, _)| path).collect();
    assert_eq!(holders, [file.display().to_string()]);

    // What was edited is told; what is gone comes back with the same files.
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, [&bytes[..], &bytes].concat()).unwrap();
    let fsck = world.run(&["fsck"]);
    assert_eq!((fsck.code, fsck.out.contains("the file was edited")), (3, true), "{}", fsck.out);
    fs::remove_file(&file).unwrap();
    let fsck = world.run(&["fsck"]);
    assert_eq!((fsck.code, fsck.out.contains("sets it aside again")), (4, true), "{}", fsck.out);
    assert_eq!(add("messy")["unchanged"], true);
    assert_eq!(fs::read(&file).unwrap(), bytes);

    // gc keeps it, and takes what nobody's run set aside.
    let nobodys = mira_core::digest::Digest::of(b"nobody's");
    fs::write(file.with_file_name(format!("{nobodys}.ndjson")), "{}\n").unwrap();
    assert_eq!(world.json(&["gc", "--dry-run"])["quarantine"]["files"], 1);
    assert_eq!(world.json(&["gc"])["quarantine"]["files"], 1);
    assert_eq!(files(&world.ws(".mira/quarantine")), std::slice::from_ref(&file));

    // It goes with the last dataset that set it aside, though another one needs the rows.
    add("other");
    world.write("good.csv", "id,name\n1,a\n3,c\n");
    world.ok(&["add", "good.csv"]);
    assert_eq!(world.json(&["rm", "messy", "--yes"])["quarantine_files"], 0);
    assert!(file.exists());
    let removed = world.json(&["rm", "other", "--yes"]);
    assert_eq!((&removed["files"], &removed["quarantine_files"]), (&0.into(), &1.into()));
    assert!(files(&world.ws(".mira/quarantine")).is_empty() && files(&world.ws(".mira/quarantined")).len() <= 1);
    assert!(contents(&world).values().all(|bytes| !has_secret(bytes)));
    assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
    world.ok(&["get", "good", "-o", "good-again.csv"]);
}

/// Files of the ten rows of `ingest/tests/foreign`, in which the texts of rows 2 and 9 are not UTF-8.
fn with_bad_texts(world: &World) -> [&'static str; 2] {
    let names = ["ten.parquet", "ten.arrows"];
    for name in names {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/tests/foreign").join(name);
        let mut bytes = fs::read(path).unwrap();
        let text = b"line\nend";
        let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(text)).collect();
        assert!(!places.is_empty(), "{name}");
        places.into_iter().for_each(|at| bytes[at + 4] = 0xe9);
        world.write(name, bytes);
    }
    names
}

#[test]
fn a_bad_value_of_parquet_or_arrow_is_named_or_kept_apart() {
    let world = World::new();
    let foreign = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/tests/foreign");
    let ten = fs::read_to_string(foreign.join("ten.ndjson")).unwrap();
    let good: Vec<&str> =
        ten.lines().enumerate().filter(|(row, _)| ![2, 9].contains(row)).map(|(_, line)| line).collect();
    world.write("good.ndjson", good.join("\n"));
    let schema = foreign.join("ten_schema.json");
    let good = world.json(&["add", "good.ndjson", "--schema", schema.to_str().unwrap()]);
    for name in with_bad_texts(&world) {
        let ended = world.fails(1, r#"column "name": not UTF-8: "line\xe9end""#, &["add", name, "--name", "bad"]);
        assert!(ended.err.contains(&format!("\n  at {name} (row 2)\n")), "{}", ended.err);
        assert!(ended.err.contains("\n  hint: --on-bad-row quarantine sets it aside"), "{}", ended.err);

        let add = |policy: &str, dataset: &str| {
            world.json(&["add", name, "--on-bad-row", policy, "--name", &format!("{dataset}-{}", name.len())])
        };
        let (skipped, kept) = (add("skip", "skipped"), add("quarantine", "kept"));
        for document in [&skipped, &kept] {
            let counts = (&document["rows"], &document["bad_rows"]);
            assert_eq!((&document["root"], counts), (&good["root"], (&8.into(), &2.into())), "{name}");
        }
        let path = kept["quarantine"].as_str().unwrap();
        let lines: Vec<Value> =
            fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (line, row) in lines.iter().zip([2, 9]) {
            let expected = serde_json::json!({
                "file": name, "row": row, "column": "name", "fault": 4, "kind": "utf8",
                "reason": r#"column "name": not UTF-8: "line\xe9end""#, "raw_base64": "bGluZellbmQ=",
            });
            assert_eq!(line, &expected);
        }
        assert_eq!(lines.len(), 2);
        let plan = world.json(&["add", name, "--on-bad-row", "skip", "--dry-run"]);
        assert_eq!(plan["bad_rows_by_kind"], serde_json::json!({"utf8": 2}));

        // What was kept is known to fsck, and goes with the dataset.
        assert!(world.ok(&["fsck"]).lines().any(|line| line.starts_with("ok") && line.ends_with(": 2 bad rows")));
        assert_eq!(world.json(&["gc", "--dry-run"])["quarantine"]["files"], 0);
        let dataset = format!("kept-{}", name.len());
        assert_eq!(world.json(&["rm", &dataset, "--yes"])["quarantine_files"], 1);
        assert!(!std::path::Path::new(path).exists());
        world.ok(&["fsck"]);
        world.fails(1, "more than 1 bad row", &["add", name, "--on-bad-row", "skip", "--max-bad-rows", "1"]);
    }
}

#[test]
fn damage_is_told_by_row_group_and_column() {
    let world = World::new();
    let foreign = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/tests/foreign");
    let bytes = fs::read(foreign.join("ten.parquet")).unwrap();
    world.write("junk.parquet", b"PAR1 this is not Parquet PAR1");
    let junk = world.fails(1, "not a readable Parquet file: ", &["add", "junk.parquet"]);
    assert!(junk.err.contains("\n  at junk.parquet\n  hint: --format says what the file is"), "{}", junk.err);
    // The dictionary of `name`: what snappy made of it, and the header before that.
    let at = bytes.windows(8).position(|window| window == b"line\nend").unwrap();
    for (damage, told) in [
        (at - 10..at - 8, r#"not a readable Parquet file: row group 0, column "name": "#),
        (at - 12..at + 20, r#"not a readable Parquet file: row group 0: Parquet error: column "name": "#),
    ] {
        let mut bytes = bytes.clone();
        bytes[damage].fill(0xff);
        world.write("damaged.parquet", bytes);
        for policy in ["fail", "skip"] {
            let damaged = world.fails(1, told, &["add", "damaged.parquet", "--on-bad-row", policy]);
            assert!(damaged.err.ends_with("\n  at damaged.parquet (row 0)\n"), "no hint helps: {}", damaged.err);
        }
    }
}
