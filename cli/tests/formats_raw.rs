//! The same rows, however they are packed and spelled: through the binary.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

use world::{Ended, World, sample};

const WORDS: &str = "name;city;n\r\nZoë;Besançon;007\r\n\"Ann;\r\né\";Orléans;1\r\n";

/// Runs `mira` with `input` on its standard input.
fn piped(world: &World, args: &[&str], input: &[u8]) -> Ended {
    let mut command = world.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that fails early closes its end.
    let _ = child.stdin.take().unwrap().write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn archive(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn the_same_rows_have_the_same_root() {
    let world = World::new();
    let plain = WORDS.as_bytes();
    let wide: Vec<u8> = format!("\u{feff}{WORDS}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = WORDS.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let commas = WORDS.replace("Ann;", "\u{1}").replace(';', ",").replace('\u{1}', "Ann;").replace("\r\nZ", "\nZ");
    world.write("plain.csv", plain);
    let root = world.json(&["add", "plain.csv"])["root"].clone();
    for (name, bytes) in [
        ("commas.csv", commas.into_bytes()),
        ("packed.csv.gz", gzip(plain)),
        ("packed.csv.zst", zstd::stream::encode_all(plain, 1).unwrap()),
        ("packed.csv.bz2", bzip2(plain)),
        ("packed.zip", archive("d/plain.csv", plain)),
        ("nested.zip", archive("d/plain.csv.gz", &gzip(&wide))),
        ("wide.csv", wide.clone()),
        ("wide", wide.clone()),
        ("latin.csv", latin.clone()),
    ] {
        world.write(name, bytes);
        assert_eq!(world.json(&["add", name, "--name", "other"])["root"], root, "{name}");
    }
    for (bytes, args) in [
        (plain.to_vec(), &["--format", "csv"][..]),
        (gzip(&latin), &[]),
        (archive("plain.csv", plain), &[]),
        (wide, &["--encoding", "utf-16"]),
    ] {
        let ended = piped(&world, &[&["add", "-", "--name", "piped", "--json"], args].concat(), &bytes);
        assert_eq!(ended.code, 0, "{}", ended.err);
        let document: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(document["root"], root, "{args:?}");
    }
    let left = fs::read_dir(std::env::temp_dir()).unwrap();
    let spool = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".mira-spool-");
    assert!(!left.filter_map(Result::ok).any(spool), "nothing is left behind");
}

#[test]
fn what_was_found_is_said() {
    let world = World::new();
    world.write("a.csv.gz", gzip(b"a;b\n1,5;x\n"));
    let ended = world.run(&["add", "a.csv.gz"]);
    assert!(ended.err.contains("reading csv, gzip, utf-8, delimiter ';', quote \", header; 1 file, "), "{}", ended.err);
    assert!(ended.out.starts_with("a@1 "), "named without its extensions: {}", ended.out);
    world.write("n.csv", "1,2\n3,4\n");
    let ended = world.run(&["add", "n.csv"]);
    assert!(ended.err.contains("warning: all column names of n.csv are numbers"), "{}", ended.err);
    world.ok(&["add", "n.csv", "--header", "no"]);
    assert_eq!(world.json(&["show", "n"])["columns"].to_string(), r#"[["c1","int"],["c2","int"]]"#);
    let quiet = world.run(&["-q", "add", "n.csv", "--delimiter", "tab", "--quote", "none"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
}

#[test]
fn many_files_are_one_dataset() {
    let world = World::new();
    fs::create_dir_all(world.ws("data/more")).unwrap();
    world.write("data/b.csv", "id,name\n2,bee\n");
    world.write("data/a.csv", "name,id\nant,1\n");
    world.write("data/more/c.csv", "id,name\n3,cow\n");
    world.write("all.csv", "name,id\nant,1\nbee,2\ncow,3\n");
    let root = world.json(&["add", "all.csv"])["root"].clone();
    assert_eq!(world.json(&["add", "data/**/*.csv", "--name", "globbed"])["root"], root);
    assert_eq!(world.json(&["add", "data"])["root"], root);
    let ended = world.fails(1, "nothing matches data/*.parquet", &["add", "data/*.parquet", "--name", "x"]);
    assert!(ended.err.contains("hint:"), "{}", ended.err);
    world.fails(2, "--name", &["add", "data/*.csv"]);
    world.write("data/d.csv", "id,colour\n4,red\n");
    world.fails(1, "data/d.csv", &["add", "data/*.csv", "--name", "x"]);
}

#[test]
fn what_cannot_be_read_is_refused_with_a_hint() {
    let world = World::new();
    let lines = |n: usize| format!("a\n{}", "x\n".repeat(n));
    world.write("late.csv", [lines(50_000).as_bytes(), b"Besan\xe7on\n"].concat());
    let ended = world.fails(1, "not UTF-8", &["add", "late.csv"]);
    assert!(ended.err.contains("late.csv:50002 (byte 100007)") && ended.err.contains("--encoding"), "{}", ended.err);
    world.ok(&["add", "late.csv", "--encoding", "windows-1252"]);
    world.write("bomb.csv.gz", gzip(lines(100_000).as_bytes()));
    let ended = world.fails(1, "expands to more than 1024 bytes", &["add", "bomb.csv.gz", "--max-expanded", "1KiB"]);
    assert!(ended.err.contains("--max-expanded"), "{}", ended.err);
    world.write("cut.csv.gz", &gzip(lines(1000).as_bytes())[..40]);
    world.fails(1, "it ends early", &["add", "cut.csv.gz"]);
    world.write("up.zip", archive("../up.csv", b"a\n1\n"));
    world.fails(1, "leads out of the archive", &["add", "up.zip"]);
    world.write("bad.zip", archive("d/b.csv", b"a,b\n1\n"));
    world.fails(1, "bad.zip!d/b.csv:2 (byte 4)", &["add", "bad.zip"]);
    for (option, value) in [
        ("--encoding", "klingon"),
        ("--delimiter", "ab"),
        ("--quote", "é"),
        ("--header", "maybe"),
        ("--max-expanded", "much"),
    ] {
        world.fails(2, option, &["add", "late.csv", option, value]);
    }
    let ended = piped(&world, &["add", "-", "--format", "csv"], b"a\n1\n");
    assert!(ended.code == 2 && ended.err.contains("--name"), "{}", ended.err);
    let ended = piped(&world, &["add", "-", "-", "--name", "x"], b"a\n1\n");
    assert!(ended.code == 2 && ended.err.contains("twice"), "{}", ended.err);
    let ended = piped(&world, &["add", "-", "--name", "x", "--format", "csv"], b"");
    assert!(ended.code == 1 && ended.err.contains("the file is empty"), "{}", ended.err);
    let full =
        world.command(&["add", "-", "--name", "x"]).env("TMPDIR", "/nowhere").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(full.stderr).unwrap();
    assert!(said.contains("cannot write a copy of the input") && said.contains("  at /nowhere"), "{said}");
    assert!(said.contains("hint: TMPDIR"), "{said}");
    world.ok(&["add", &sample("data/penguins.csv")]);
    assert_eq!(world.json(&["log"])["size"].as_u64(), Some(2), "nothing was logged but late.csv and this");
}
