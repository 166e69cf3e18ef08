//! The vectors of column profile reports, `core/vectors/reports/<scenario>.json`: one to accept in every shape, and what the
//! writer would not have written. They stand beside the other vectors and are made here, where reports are read.

#![allow(clippy::unwrap_used, reason = "a test states what it expects")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use mira_ingest::report::Report;
use serde_json::json;

const INT: &str = r#"{"depth":1,"distinct":2,"max":"7","min":"-1","name":"i","nulls":1,"type":"int","values":2}"#;
const TEXT: &str = r#"{"bytes":9,"depth":1,"distinct":2,"findings":{"email":1},"max":"b","min":"a","name":"t","nulls":0,"type":"text","values":3}"#;

/// A report with these columns.
fn with(columns: &str) -> String {
    format!(r#"{{"columns":[{columns}],"rows":3,"scan":"scan-1","shows_values":true,"type":"mira.report/1"}}"#)
}

fn scenarios() -> Vec<(&'static str, bool, &'static str, String)> {
    let good = with(&format!("{INT},{TEXT}"));
    let int = |from: &str, to: &str| with(&swap(INT, from, to));
    let text = |from: &str, to: &str| with(&swap(TEXT, from, to));
    let list = r#"{"depth":1,"items":2,"name":"l","nulls":0,"type":"list","values":3}"#;
    let item = r#"{"bytes":4,"depth":2,"distinct":2,"name":"element","nulls":0,"type":"bytes","values":2}"#;
    let long = "x".repeat(64);
    let cut = text(r#""max":"b""#, &format!(r#""max":"{long}","max_cut":true"#));
    let counts =
        swap(&swap(&with(&swap(INT, r#""max":"7","min":"-1","#, "")), "true", "false"), r#""scan":"scan-1","#, "");
    let every = include_str!("writing/golden/report.json").trim_end().to_owned();
    vec![
        ("sample", true, "an int and a text with a finding", good.clone()),
        ("every_type", true, "two rows of every type", every),
        ("counts_only", true, "data that are not public: no value, and no scan", counts.clone()),
        ("within", true, "what is within a list comes after it, one deeper", with(&format!("{list},{item},{INT}"))),
        ("cut_text", true, "a text of more than 64 bytes", cut.clone()),
        (
            "no_values",
            true,
            "nulls only have no least value",
            int(
                r#""distinct":2,"max":"7","min":"-1","name":"i","nulls":1,"type":"int","values":2"#,
                r#""distinct":0,"name":"i","nulls":3,"type":"int","values":0"#,
            ),
        ),
        ("empty", false, "no bytes", String::new()),
        ("white_space", false, "there is none", good.replace(",\"rows\"", ", \"rows\"")),
        ("trailing_newline", false, "there is none", format!("{good}\n")),
        ("unknown_key", false, "a key of no version", swap(&good, r#""rows":3"#, r#""new":1,"rows":3"#)),
        ("key_missing", false, "shows_values is not optional", swap(&good, r#""shows_values":true,"#, "")),
        ("type_of_version_2", false, "another version", swap(&good, "report/1", "report/2")),
        ("scan_2", false, "rules that nobody knows yet", swap(&good, "scan-1", "scan-2")),
        ("no_rows", false, "a dataset has a row", swap(&good, r#""rows":3"#, r#""rows":0"#)),
        ("no_columns", false, "a schema has a column", with("")),
        ("count_as_text", false, "counts are integers", int(r#""nulls":1"#, r#""nulls":"1""#)),
        ("count_negative", false, "counts begin at 0", int(r#""nulls":1"#, r#""nulls":-1"#)),
        ("rows_do_not_add_up", false, "values and nulls of a column are the rows", int(r#""nulls":1"#, r#""nulls":2"#)),
        ("more_distinct_than_values", false, "at most as many as values", int(r#""distinct":2"#, r#""distinct":3"#)),
        ("none_distinct", false, "values have at least one value", int(r#""distinct":2"#, r#""distinct":0"#)),
        ("min_without_max", false, "both or neither", int(r#""max":"7","#, "")),
        (
            "values_not_shown",
            false,
            "the head says that none are",
            swap(&good, r#""shows_values":true"#, r#""shows_values":false"#),
        ),
        ("range_missing", false, "the head says that values are shown", int(r#""max":"7","min":"-1","#, "")),
        ("findings_without_scan", false, "nobody scanned", swap(&good, r#""scan":"scan-1","#, "")),
        (
            "findings_of_an_int",
            false,
            "only text is scanned",
            int(r#""distinct":2,"#, r#""distinct":2,"findings":{"email":1},"#),
        ),
        ("findings_unknown", false, "no such kind", text("email", "mail")),
        ("findings_empty", false, "left out if nothing was found", text(r#"{"email":1}"#, "{}")),
        ("findings_more_than_values", false, "values are counted", text(r#"{"email":1}"#, r#"{"email":4}"#)),
        ("cut_false", false, "left out if it is not", text(r#""max":"b""#, r#""max":"b","max_cut":false"#)),
        ("cut_short", false, "61 to 64 bytes are left", swap(&cut, &long, &long[..60])),
        ("text_long", false, "cut at 64 bytes", text(r#""max":"b""#, &format!(r#""max":"{long}x""#))),
        ("depth_0", false, "a column is at depth 1", int(r#""depth":1"#, r#""depth":0"#)),
        ("first_within", false, "nothing is before it", int(r#""depth":1"#, r#""depth":2"#)),
        ("within_an_int", false, "an int has nothing within", with(&format!("{INT},{item}"))),
        (
            "two_deeper",
            false,
            "one deeper at a time",
            with(&format!("{list},{}", swap(item, r#""depth":2"#, r#""depth":3"#))),
        ),
        ("type_unknown", false, "no such type", int(r#""int""#, r#""integer""#)),
        (
            "bools_do_not_add_up",
            false,
            "true and false are the values",
            with(r#"{"depth":1,"false":1,"name":"b","nulls":0,"true":1,"type":"bool","values":3}"#),
        ),
        ("rest_of_few", false, "nothing is left out", swap(&good, r#""rows":3"#, r#""rest":{"types":1},"rows":3"#)),
    ]
}

fn swap(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    text.replace(from, to)
}

#[test]
fn reports() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("core/vectors/reports");
    let mut names = BTreeSet::new();
    for (name, accept, comment, text) in scenarios() {
        let mut lines = vec![
            ("comment", json!(comment)),
            ("expect", json!(if accept { "accept" } else { "refuse" })),
            ("report", json!(text)),
        ];
        match Report::parse(text.as_bytes()) {
            Ok(report) => {
                assert!(accept, "{name} is accepted");
                assert_eq!(String::from_utf8(report.to_json()).unwrap(), text, "{name}");
            }
            Err(error) => {
                assert!(!accept, "{name}: {error}");
                lines.push(("error", json!(error.to_string())));
            }
        }
        let lines: Vec<String> = lines.iter().map(|(key, value)| format!("  \"{key}\": {value}")).collect();
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
