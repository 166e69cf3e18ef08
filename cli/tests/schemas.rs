//! What the commands print under `--json` is what `cli/schemas/` says, with no field that is not there.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test and its small validator state what they expect"
)]

mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use world::{World, sample};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn schema(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(file)).unwrap()).unwrap()
}

#[test]
fn documents_are_as_their_schemas_say() {
    let world = World::new();
    world.write("net.bin", "sample weights");
    let mut seen = BTreeSet::new();
    world.ok(&["rewards", "policy"]);
    let mut check = |document: &Value| {
        let name = document["schema"].as_str().unwrap();
        let file = format!("{}.json", name.replace('/', "."));
        validate(document, &schema(&file), &schema(&file), name);
        seen.insert(file);
    };
    for args in [
        &["add", &sample("data/airlines.csv"), "--license", "CC0-1.0", "--dry-run"][..],
        &["add", &sample("data/airlines.csv"), "--license", "CC0-1.0"],
        &["add", &sample("data/airlines.csv"), "--license", "CC0-1.0"],
        &["ls"],
        &["log"],
        &[
            "record",
            "train",
            "--model=net",
            "--artifact=net.bin",
            "--uses=airlines",
            "--uses-external=https://models.example.org/base",
        ],
        &["seal"],
        &["prove", "row", "airlines", "3", "-o", "row.tlog-proof"],
        &["prove", "entry", "airlines", "-o", "entry.tlog-proof"],
        &["verify", "row.tlog-proof"],
        &["verify", "entry.tlog-proof"],
        &["get", "airlines", "-o", "copy.csv"],
        &["get", "airlines", "-o", "again.csv", "--from", "https://gateway.example.org"],
        &["diff", "airlines", "airlines", "--values"],
        &["fsck"],
        &["trust", "list"],
        &["config", "list"],
        &["status"],
    ] {
        check(&world.json(args));
    }
    // Bad rows, and how far the command was.
    world.write("bad.csv", "a,b\n1\n2,3\n\"4\"5,6\n");
    let ended = world.run(&["add", "bad.csv", "--on-bad-row", "quarantine", "--json", "--progress=json"]);
    check(&serde_json::from_str(&ended.out).unwrap());
    let events = ended.err.lines().filter(|line| line.contains("mira.progress/1"));
    assert!(events.map(|line| check(&serde_json::from_str(line).unwrap())).count() > 0, "{}", ended.err);
    check(&world.json(&["add", "bad.csv", "--on-bad-row", "skip", "--dry-run"]));
    world.ok(&["chain", "deploy"]);
    world.ok(&["chain", "fund", "--pool", "10"]);
    for args in [
        &["add", &sample("data/penguins.csv")][..],
        &["undo"],
        &["rm", "airlines", "--yes"],
        &["gc"],
        &["add", &sample("data/airlines.csv"), "--license", "CC0-1.0"],
        &["get", "airlines", "-o", "folder/"],
    ] {
        check(&world.json(args));
    }
    for args in [&["anchor"][..], &["rewards"], &["audit"], &["trust", "list"]] {
        check(&world.json(args));
    }
    // Documents of what did not work out: a node that is away, a log that nobody believes, and the queue after that.
    let failed = |args: &[&str], code: i32| -> Value {
        let ended = world.command(args).env("MIRA_KUBO", "http://127.0.0.1:9").output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{args:?}");
        serde_json::from_slice(&ended.stdout).unwrap()
    };
    check(&failed(&["check", "net", "--use=commercial", "--json"], 4));
    check(&failed(&["pin", "airlines", "--json"], 1));
    check(&world.json(&["status"]));
    check(&failed(&["unpin", "airlines", "--json"], 1));
    world.ok(&["trust", "remove", "log.example.org/test"]);
    check(&failed(&["verify", "row.tlog-proof", "--json"], 4));
    let on_disk: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("mira."))
        .collect();
    assert_eq!(seen, on_disk, "every schema has an output that it was held to");
}

#[test]
fn errors_are_as_their_schema_says() {
    let world = World::new();
    let error = schema("error.json");
    for args in [&["show", "nothing"][..], &["nonsense"], &["add", "nowhere.csv"], &["verify", "nowhere"]] {
        let ended = world.run(&[args, &["--json"]].concat());
        let document: Value = serde_json::from_str(ended.err.lines().last().unwrap()).unwrap();
        validate(&document, &error, &error, "error");
    }
}

#[test]
fn the_validator_refuses() {
    let root: Value = serde_json::json!({
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"$ref": "#/$defs/digest"}, "b": {"type": "array", "items": {"enum": ["x", "y"]}}},
        "$defs": {"digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}
    });
    let digest = "0".repeat(64);
    let refused = |document: Value| std::panic::catch_unwind(|| validate(&document, &root, &root, "")).is_err();
    assert!(!refused(serde_json::json!({"a": digest, "b": ["x"]})));
    for document in [
        serde_json::json!({}),
        serde_json::json!([]),
        serde_json::json!({"a": "0"}),
        serde_json::json!({"a": 7}),
        serde_json::json!({"a": digest, "b": ["z"]}),
        serde_json::json!({"a": digest, "c": null}),
    ] {
        assert!(refused(document));
    }
}

/// The part of JSON Schema that our schemas use; and, more strictly, no property without a schema.
fn validate(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return validate(value, root.pointer(name.trim_start_matches('#')).unwrap(), root, at);
    }
    for key in schema.as_object().unwrap().keys() {
        let known = [
            "$schema",
            "$defs",
            "title",
            "description",
            "type",
            "const",
            "enum",
            "pattern",
            "minimum",
            "required",
            "properties",
            "items",
        ];
        assert!(known.contains(&key.as_str()), "{at}: the validator does not know {key:?}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().map(|one| one.as_str().unwrap()).collect(),
        _ => Vec::new(),
    };
    assert!(types.is_empty() || types.contains(&type_of(value)), "{at}: {value} is none of {types:?}");
    if let Some(expected) = schema.get("const") {
        assert_eq!(value, expected, "{at}");
    }
    if let Some(values) = schema["enum"].as_array() {
        assert!(values.contains(value), "{at}: {value} is none of {values:?}");
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        assert!(matches(pattern, text), "{at}: {text:?} does not match {pattern}");
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_i64(), value.as_i64()) {
        assert!(number >= least, "{at}: {number}");
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(object.contains_key(name.as_str().unwrap()), "{at} lacks {name}");
        }
        for (name, member) in object {
            let schema = schema["properties"].get(name).unwrap_or_else(|| panic!("{at}: {name:?} is in no schema"));
            validate(member, schema, root, &format!("{at}.{name}"));
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        validate(item, &schema["items"], root, &format!("{at}[{index}]"));
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The patterns that there are.
fn matches(pattern: &str, text: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match pattern {
        "^[0-9a-f]{64}$" => text.len() == 64 && text.chars().all(is_hex),
        "^0x[0-9a-f]{64}$" => text.strip_prefix("0x").is_some_and(|hex| hex.len() == 64 && hex.chars().all(is_hex)),
        "^0x[0-9a-f]{40}$" => text.strip_prefix("0x").is_some_and(|hex| hex.len() == 40 && hex.chars().all(is_hex)),
        "^[0-9]+$" => !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()),
        "^b[a-z2-7]+$" => {
            let mut rest = text.strip_prefix('b').unwrap_or_default().bytes().peekable();
            rest.peek().is_some() && rest.all(|c| c.is_ascii_lowercase() || (b'2'..=b'7').contains(&c))
        }
        _ => panic!("the validator does not know {pattern}"),
    }
}
