//! The vectors of reading files, `core/vectors/reading/<subject>.json`: the bytes of files, how they are read, and the schema
//! and the rows that they become, or that they are refused. They stand beside the other vectors and are made here, where
//! files are read; `BLESS=1` writes them again. What is expected is said here, in words that the vectors repeat.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test states what it expects")]

mod case;
mod fields;
mod json;
mod lines;
mod moments;
mod numbers;
mod several;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use case::Case;

fn subjects() -> Vec<(&'static str, &'static str, Vec<Case>)> {
    vec![
        ("delimiters", "which delimiter and which quote a CSV file has", fields::delimiters()),
        ("fields", "where the fields of CSV end, and which are null", fields::fields()),
        ("headers", "what names the columns of CSV", lines::headers()),
        ("json", "arrays, and values one after the other", json::json_values()),
        ("lines", "bytes to text, where the lines of CSV end, and blank ones", lines::lines()),
        ("moments", "dates, timestamps and instants", moments::moments()),
        ("ndjson", "objects, and what each key becomes", json::keys_and_values()),
        ("ndjson_texts", "what is JSON, and what a line", json::texts()),
        ("nulls", "tokens that stand for null", fields::nulls()),
        ("numbers", "bools, ints, floats and decimals", numbers::numbers()),
        ("several_files", "files that are one sequence of rows", several::several()),
    ]
}

#[test]
fn the_vectors_say_what_files_become() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("core/vectors/reading");
    let mut names = BTreeSet::new();
    for (subject, comment, cases) in subjects() {
        let known: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
        assert_eq!(known.len(), cases.len(), "{subject}: two cases have one name");
        let (cases, wrong): (Vec<_>, Vec<_>) = cases.iter().map(Case::vector).partition(Result::is_ok);
        let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
        assert!(wrong.is_empty(), "{subject}:\n{}", wrong.join("\n"));
        let cases: Vec<String> = cases.into_iter().flatten().collect();
        let file = format!("{{\n  \"comment\": \"{comment}\",\n  \"cases\": [\n{}\n  ]\n}}\n", cases.join(",\n"));
        let path = folder.join(format!("{subject}.json"));
        if env::var_os("BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &file).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert!(there == file, "{subject} differs; BLESS=1 writes it\n{}", first_difference(&there, &file));
        names.insert(path.file_name().unwrap().to_owned());
    }
    let there: BTreeSet<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(there, names, "files and subjects");
}

/// The first line that is another: files of many cases are too long to print.
fn first_difference(there: &str, made: &str) -> String {
    let mut lines = there.lines().zip(made.lines()).enumerate();
    match lines.find(|(_, (there, made))| there != made) {
        Some((at, (there, made))) => format!("line {}\n there {there}\n made  {made}", at + 1),
        None => "one is the start of the other".to_owned(),
    }
}
