//! The vectors of physical schemas, `core/vectors/physical/<scenario>.json`: texts to accept, with the canonical schema that
//! they store, and spellings to refuse. They stand beside the other vectors and are made here, where such texts are read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test states what it expects")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use mira_ingest::physical::PhysicalSchema;
use serde_json::{Value, json};

const SCENARIOS: &[(&str, bool, &str, &str)] = &[
    (
        "every_type",
        true,
        "all that leave no choice, and one choice each",
        r#"[["b","bool"],["i",["int","i64"]],["f",["float","f64"]],["t","text"],["y","bytes"],["d","date"],["h","time"],["ts",["timestamp","us"]],["in",["instant","us"]],["du",["duration","us"]],["de",["decimal",2,18]]]"#,
    ),
    (
        "other_choices",
        true,
        "the other choice of each",
        r#"[["i",["int","u64"]],["f",["float","f32"]],["ts",["timestamp","ns"]],["in",["instant","ns"]],["du",["duration","ns"]],["d1",["decimal",38,38]],["d2",["decimal",76,76]]]"#,
    ),
    (
        "nested",
        true,
        "choices inside",
        r#"[["l",["list",["int","u64"]]],["t",["list","text"]],["s",["struct",[["x",["float","f32"]],["y","bool"]]]],["m",["map","text",["list",["decimal",0,18]]]]]"#,
    ),
    ("names_escaped", true, "strings as in RFC 8785", r#"[["\u0000\n\"\\/é€","text"],["","text"]]"#),
    ("int_without_choice", false, "int is stored signed or unsigned", r#"[["i","int"]]"#),
    ("text_with_choice", false, "text leaves no choice", r#"[["t",["text","utf8"]]]"#),
    ("unknown_choice", false, "no such width", r#"[["i",["int","i32"]]]"#),
    ("unknown_type", false, "no such type", r#"[["i","integer"]]"#),
    ("choice_of_another", false, "a float's choice for an int", r#"[["i",["int","f64"]]]"#),
    ("scale_above_digits", false, "19 fraction digits of 18", r#"[["d",["decimal",19,18]]]"#),
    ("digits_17", false, "18, 38 or 76 digits", r#"[["d",["decimal",2,17]]]"#),
    ("scale_as_float", false, "2.0 is no integer token", r#"[["d",["decimal",2.0,18]]]"#),
    ("scale_negative", false, "negative scales become 0 before", r#"[["d",["decimal",-1,18]]]"#),
    ("list_without_item", false, "a list has an item", r#"[["l",["list"]]]"#),
    ("map_without_value", false, "a map has two types", r#"[["m",["map","text"]]]"#),
    ("struct_empty", false, "a struct has a field", r#"[["s",["struct",[]]]]"#),
    ("column_twice", false, "c twice", r#"[["c","text"],["c","bool"]]"#),
    ("no_columns", false, "a schema has a column", "[]"),
    ("white_space", false, "there is none", r#"[["c", "text"]]"#),
    ("leading_space", false, "there is none", r#" [["c","text"]]"#),
    ("trailing_newline", false, "there is none", "[[\"c\",\"text\"]]\n"),
    ("escape_not_needed", false, "RFC 8785 writes a", r#"[["\u0061","text"]]"#),
    ("escape_in_capitals", false, "RFC 8785 writes small hex digits", r#"[["\u001F","text"]]"#),
    ("slash_escaped", false, "RFC 8785 does not", r#"[["a\/b","text"]]"#),
    ("object", false, "columns stand in an array", r#"{"c":"text"}"#),
    ("three_members", false, "name and type only", r#"[["c","text",true]]"#),
    ("not_json", false, "cut off", r#"[["c","text"]"#),
    ("empty", false, "no bytes", ""),
];

#[test]
fn physical_schemas() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("core/vectors/physical");
    let mut names = BTreeSet::new();
    for (name, accept, comment, text) in SCENARIOS {
        let members: Vec<(&str, Value)> = match PhysicalSchema::parse(text) {
            Ok(schema) => {
                assert!(accept, "{name} is accepted");
                assert_eq!(schema.to_string(), *text, "{name}");
                let logical = schema.logical();
                vec![
                    ("schema", serde_json::from_str(&logical.to_json()).unwrap()),
                    ("schema_id", json!(logical.schema_id().to_string())),
                ]
            }
            Err(error) => {
                assert!(!accept, "{name}: {error}");
                vec![("error", json!(error.to_string()))]
            }
        };
        let expect = if *accept { "accept" } else { "refuse" };
        let head = [("comment", json!(comment)), ("expect", json!(expect)), ("physical", json!(text))];
        let lines: Vec<String> =
            head.iter().chain(&members).map(|(key, value)| format!("  \"{key}\": {value}")).collect();
        let file = format!("{{\n{}\n}}\n", lines.join(",\n"));
        let path = folder.join(format!("{name}.json"));
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &file).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), file, "{name} differs; BLESS=1 writes it");
        assert!(names.insert(path.file_name().unwrap().to_owned()), "{name} is there twice");
    }
    let on_disk: BTreeSet<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(on_disk, names, "files and scenarios");
}
