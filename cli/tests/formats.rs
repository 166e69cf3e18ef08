//! The same rows from every format, back into every format, and nothing that a format cannot hold.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use mira_core::car::Car;

use world::{World, files};

/// A file as pyarrow wrote it; `ingest/tests/foreign/make.py` says how.
fn foreign(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/tests/foreign").join(name).to_str().unwrap().to_owned()
}

fn root(world: &World, args: &[&str]) -> String {
    world.json(&[&["add"], args].concat())["root"].as_str().unwrap().to_owned()
}

#[test]
fn ten_rows_in_eight_formats_are_one_dataset() {
    let world = World::new();
    let schema = foreign("ten_schema.json");
    let mut roots = Vec::new();
    for name in [
        "ten.csv",
        "ten.tsv",
        "ten.ndjson",
        "ten_array.json",
        "ten_pretty.json",
        "ten.parquet",
        "ten.feather",
        "ten.arrows",
    ] {
        roots.push(root(&world, &[&foreign(name), "--schema", &schema]));
    }
    assert!(roots.iter().all(|other| *other == roots[0]), "{roots:?}");
    // What declares its types needs no schema, and what does not lacks only the decimal.
    assert_eq!(root(&world, &[&foreign("ten.feather"), "--name", "declared"]), roots[0]);
    assert_eq!(world.json(&["add", &foreign("ten.arrows")])["rows"], 10);
    for (format, extra) in [("csv", true), ("ndjson", true), ("parquet", false), ("arrow", false)] {
        let file = format!("back.{format}");
        world.ok(&["get", "ten", "-o", &file]);
        let schema = if extra { vec!["--schema", &schema] } else { Vec::new() };
        assert_eq!(root(&world, &[&[file.as_str()], &schema[..]].concat()), roots[0], "{format}");
    }
    world.fails(1, "lines cannot hold", &["get", "ten", "--format", "lines", "-o", "ten.txt"]);
    world.fails(1, "files cannot hold", &["get", "ten", "--format", "files", "-o", "ten"]);
    assert!(!world.ws("ten").exists() && !world.ws("ten.txt").exists());
}

#[test]
fn a_directory_of_files_comes_back() {
    let world = World::new();
    fs::create_dir_all(world.ws("photos/deep/er")).unwrap();
    world.write("photos/b.png", b"\x89PNG\r\n\x1a\n\x00");
    world.write("photos/deep/er/a.bin", b"");
    world.write("photos/deep/notes.txt", "notes");
    let first = root(&world, &["photos"]);
    world.ok(&["get", "photos", "--format", "files", "-o", "copy"]);
    assert_eq!(files(&world.ws("copy")).len(), 3);
    assert_eq!(fs::read(world.ws("copy/b.png")).unwrap(), fs::read(world.ws("photos/b.png")).unwrap());
    assert_eq!(root(&world, &["copy"]), first);
    // Not over what is there, unless forced; and then beside all others, and through no link.
    world.fails(1, "something already", &["get", "photos", "--format", "files", "-o", "copy"]);
    world.write("copy/b.png", "edited");
    world.write("copy/more", "kept");
    world.ok(&["get", "photos", "--format", "files", "-o", "copy", "--force"]);
    assert_eq!(fs::read(world.ws("copy/b.png")).unwrap(), b"\x89PNG\r\n\x1a\n\x00");
    assert_eq!(fs::read(world.ws("copy/more")).unwrap(), b"kept");
    fs::remove_dir_all(world.ws("copy/deep")).unwrap();
    fs::create_dir(world.path("elsewhere")).unwrap();
    symlink(world.path("elsewhere"), world.ws("copy/deep")).unwrap();
    world.fails(1, "no directory", &["get", "photos", "--format", "files", "-o", "copy", "--force"]);
    assert!(files(&world.path("elsewhere")).is_empty());
    let left = fs::read_dir(world.path("ws"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".tmp-"));
    assert_eq!(left.count(), 0);
}

#[test]
fn hostile_paths_are_not_written() {
    let world = World::new();
    world.write("s.json", r#"[["path","text"],["media_type","text"],["bytes","bytes"]]"#);
    for (name, rows, message) in [
        ("up", "../out,application/octet-stream,\"\"\n", "not a path"),
        ("root", "/tmp/out,application/octet-stream,\"\"\n", "not a path"),
        ("hidden", ".ssh/authorized_keys,application/octet-stream,\"\"\n", "not a path"),
        ("order", "b,application/octet-stream,\"\"\na,application/octet-stream,\"\"\n", "does not come after"),
        ("twice", "a,application/octet-stream,\"\"\na,application/octet-stream,\"\"\n", "does not come after"),
        ("null", "a,application/octet-stream,\n", "is null"),
        ("below", "a,application/octet-stream,\"\"\na/b,application/octet-stream,\"\"\n", "out/a/b"),
        ("media", "a.png,text/plain,\"\"\n", "media type"),
    ] {
        let file = world.write(&format!("{name}.csv"), format!("path,media_type,bytes\n{rows}"));
        world.ok(&["add", &file, "--schema", "s.json"]);
        world.fails(1, message, &["get", name, "--format", "files", "-o", "out"]);
        assert!(!world.ws("out").exists(), "{name}");
    }
}

#[test]
fn lines_and_documents_come_back() {
    let world = World::new();
    world.write("poem.txt", "\u{feff}\u{feff}one\r\n\n007\nlast");
    let lines = root(&world, &["poem.txt", "--format", "lines", "--name", "lines"]);
    world.ok(&["get", "lines", "--format", "lines", "-o", "back.txt"]);
    assert_eq!(fs::read_to_string(world.ws("back.txt")).unwrap(), "\u{feff}\u{feff}one\n\n007\nlast\n");
    assert_eq!(root(&world, &["back.txt", "--format", "lines"]), lines);
    world.write("bad.json", r#"[{"text":"a\nb"}]"#);
    world.ok(&["add", "bad.json"]);
    world.fails(1, "line end", &["get", "bad", "--format", "lines", "-o", "bad.txt"]);

    fs::create_dir_all(world.ws("docs/sub")).unwrap();
    world.write("docs/readme.md", "# A\r\n\r\ntext");
    world.write("docs/sub/b.txt", "");
    let documents = root(&world, &["docs"]);
    world.ok(&["get", "docs", "--format", "text", "-o", "docs_again"]);
    assert_eq!(fs::read(world.ws("docs_again/readme.md")).unwrap(), b"# A\r\n\r\ntext");
    assert_eq!(root(&world, &["docs_again"]), documents);
    assert_eq!(world.json(&["add", "poem.txt"])["rows"], 1, "a document is a row");
}

#[test]
fn a_dataset_is_a_car_too() {
    let world = World::new();
    world.ok(&["add", &foreign("ten.csv")]);
    let document = world.json(&["get", "ten", "-o", "ten.car"]);
    let cid = document["cid"].as_str().unwrap();
    let car = fs::read(world.ws("ten.car")).unwrap();
    // The header names the root; every block is checked against its CID when the file is taken apart.
    let mut blocks = Car::new(&car).unwrap();
    assert_eq!(blocks.root().to_string(), cid);
    let found = blocks.by_ref().map(|block| block.unwrap().cid.to_string()).collect::<Vec<_>>();
    assert!(found.contains(&cid.to_owned()) && found.len() >= 6, "{found:?}");
    assert!(world.ok(&["get", "ten", "-o", "again.car"]).contains(cid));
    assert_eq!(fs::read(world.ws("again.car")).unwrap(), car);
}
