//! Compressed files and archives: the same rows as without, and every way to lie about them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::io::Write as _;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use mira_ingest::source::{Format, Options, Problem, Source, SourceError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use common::{Files, rows};

const ROWS: &str = "id,name\n1,ant\n2,bee\n3,\"c\nd\"\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    writer.include_checksum(true).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;

const CODECS: [(&str, Compress); 3] = [("gz", gzip), ("zst", zstd), ("bz2", bzip2)];

/// An archive of these members, deflated.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn read(files: &Files, options: Options) -> Result<RecordBatch, SourceError> {
    let source = files.open(options)?;
    let plan = source.infer()?;
    rows(&source, &plan)
}

fn read_one(name: &str, bytes: &[u8]) -> Result<RecordBatch, SourceError> {
    read(&Files::new(&[(name, bytes)]), Options::default())
}

fn refusal(name: &str, bytes: &[u8]) -> Problem {
    match read_one(name, bytes) {
        Err(error) => error.problem().cloned().unwrap_or_else(|| panic!("{name}: {error:?}")),
        Ok(batch) => panic!("{name}: {batch:?}"),
    }
}

fn plain() -> RecordBatch {
    read_one("t.csv", ROWS.as_bytes()).unwrap()
}

#[test]
fn compressed_files_hold_the_same_rows() {
    for (extension, compress) in CODECS {
        let whole = compress(ROWS.as_bytes());
        assert_eq!(read_one(&format!("t.csv.{extension}"), &whole).unwrap(), plain(), "{extension}");
        assert_eq!(read_one("t.csv", &whole).unwrap(), plain(), "{extension}: told by content, not by name");
        assert_eq!(read_one("t", &whole).unwrap(), plain(), "{extension}: no name at all");
        let parts: Vec<u8> = ROWS.as_bytes().chunks(5).flat_map(compress).collect();
        assert_eq!(read_one("t.csv.x", &parts).unwrap(), plain(), "{extension}: many members, frames or streams");
    }
}

#[test]
fn streams_are_whole_or_refused() {
    for (extension, compress) in CODECS {
        let name = format!("t.csv.{extension}");
        let whole = compress(ROWS.repeat(50).as_bytes());
        for cut in [whole.len() / 2, whole.len() - 1] {
            let problem = refusal(&name, &whole[..cut]);
            assert!(matches!(problem, Problem::Compressed { .. }), "{extension} cut at {cut}: {problem}");
        }
        for garbage in [&b"garbage"[..], b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
            let problem = refusal(&name, &[&whole, garbage].concat());
            assert!(matches!(problem, Problem::Compressed { .. }), "{extension} before {garbage:?}: {problem}");
        }
        let mut flipped = whole.clone();
        let middle = whole.len() / 2;
        flipped[middle] ^= 0x10;
        assert!(read_one(&name, &flipped).is_err(), "{extension}: one bit");
        let twice = refusal(&name, &compress(&whole));
        assert!(matches!(twice, Problem::Packed { .. }), "{extension} of {extension}: {twice}");
    }
}

#[test]
fn what_is_not_read_is_named() {
    for (bytes, found) in
        [(&b"\xfd7zXZ\0\0\x04"[..], "xz"), (b"7z\xbc\xaf\x27\x1c\0\x04", "7z"), (b"\x04\x22\x4d\x18", "lz4")]
    {
        let problem = refusal("t.csv", bytes).to_string();
        assert!(problem.contains(found), "{problem}");
    }
    let problem = refusal("t.csv", &archive(&[("a.csv", ROWS.as_bytes())])).to_string();
    assert!(problem.contains("does not end in .zip"), "{problem}");
}

#[test]
fn expansion_has_a_bound_that_can_be_set() {
    let text = format!("a\n{}", "x\n".repeat(500_000));
    for (extension, compress) in CODECS {
        let files = Files::new(&[(&format!("t.csv.{extension}"), &compress(text.as_bytes()))]);
        let limit = |max_expanded| read(&files, Options { max_expanded, ..Options::default() });
        assert_eq!(limit(None).unwrap().num_rows(), 500_000);
        assert_eq!(limit(Some(text.len() as u64)).unwrap().num_rows(), 500_000);
        let error = limit(Some(text.len() as u64 - 1)).unwrap_err();
        assert_eq!(error.problem(), Some(&Problem::Expands { limit: text.len() as u64 - 1 }), "{extension}");
    }
}

/// 10 GB of one letter in files of a few megabytes: refused once they have grown a thousandfold past 1 GiB.
#[test]
fn bombs_are_refused() {
    let line = [vec![b'x'; (4 << 20) - 1], vec![b'\n']].concat();
    let dense: Compress = |bytes| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    };
    let cases: [(&str, Compress); 2] = [("gz", dense), ("zst", zstd)];
    for (extension, compress) in cases {
        let bomb = [compress(b"a\n"), compress(&line.repeat(2)).repeat(1280)].concat();
        assert!(bomb.len() < 12 << 20, "{extension}: {} bytes", bomb.len());
        let files = Files::new(&[(&format!("t.csv.{extension}"), &bomb)]);
        let source = files.open(Options::default()).unwrap();
        let error = source.blocks().find_map(Result::err).unwrap();
        assert!(matches!(error.problem(), Some(Problem::Expands { .. })), "{extension}: {error}");
    }
}

#[test]
fn a_window_of_gigabytes_is_refused() {
    let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    writer.long_distance_matching(true).unwrap();
    writer.window_log(28).unwrap();
    writer.write_all(ROWS.repeat(1000).as_bytes()).unwrap();
    let problem = refusal("t.csv.zst", &writer.finish().unwrap());
    assert!(matches!(problem, Problem::Compressed { .. }), "{problem}");
}

#[test]
fn parquet_is_read_out_of_compression() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../samples/data/penguins.csv");
    let csv = std::fs::read(path).unwrap();
    let batch = read_one("t.csv", &csv).unwrap();
    let mut parquet = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut files: Vec<(String, Vec<u8>)> =
        CODECS.iter().map(|(extension, compress)| (format!("t.parquet.{extension}"), compress(&parquet))).collect();
    files.push(("t.zip".to_owned(), archive(&[("t.parquet", &parquet)])));
    for (name, bytes) in files {
        let source = Files::new(&[(&name, &bytes)]);
        let opened = source.open(Options::default()).unwrap();
        assert_eq!(opened.format(), Format::Parquet, "{name}");
        assert_eq!(rows(&opened, &opened.infer().unwrap()).unwrap(), batch, "{name}");
    }
}

#[test]
fn archives_are_their_members_in_order() {
    let members: &[(&str, &[u8])] = &[
        ("b/2.csv", b"id,name\n3,\"c\nd\"\n"),
        ("__MACOSX/._1.csv", b"\0"),
        (".hidden", b"x"),
        ("a/_skipped/1.csv", b"y"),
        ("a/1.csv", b"id,name\n1,ant\n"),
        ("b/1.csv.gz", &gzip(b"id,name\n2,bee\n")),
    ];
    let files = Files::new(&[("t.zip", &archive(members))]);
    let source = files.open(Options::default()).unwrap();
    let names: Vec<String> =
        source.files().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["1.csv", "1.csv.gz", "2.csv"]);
    assert!(source.files().next().unwrap().to_str().unwrap().ends_with("t.zip!a/1.csv"));
    assert_eq!(rows(&source, &source.infer().unwrap()).unwrap(), plain());
    for (method, name) in
        [(CompressionMethod::Stored, "0"), (CompressionMethod::Bzip2, "b"), (CompressionMethod::Zstd, "z")]
    {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file("t.csv", SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(ROWS.as_bytes()).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        assert_eq!(read_one("t.zip", &bytes).unwrap(), plain(), "{name}");
        assert_eq!(read_one("t", &bytes).unwrap(), plain(), "{name}: told by content");
    }
}

#[test]
fn faults_name_the_member() {
    let files = Files::new(&[("t.zip", &archive(&[("a.csv", b"a,b\n1,2\n"), ("d/b.csv", b"a,b\n1,2\n3\n")]))]);
    let error = read(&files, Options::default()).unwrap_err();
    assert!(error.place().unwrap().to_string().ends_with("t.zip!d/b.csv:3 (byte 8)"), "{error:?}");
}

/// The end record and everything before it, so that tests can put other bytes in between.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from) {
        at += found;
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    assert!(at > 0);
    bytes
}

#[test]
fn archives_that_mean_harm_are_refused() {
    let whole = archive(&[("a_.csv", ROWS.as_bytes()), ("b_.csv", ROWS.as_bytes())]);
    let name = |to: &str| patched(whole.clone(), b"a_.csv", to.as_bytes());
    let mut link = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    link.add_symlink("a.csv", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let link = link.finish().unwrap().into_inner();
    let directory = whole.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    // Bit 0 of the flags in the directory says that the member is encrypted.
    let mut encrypted = whole.clone();
    encrypted[directory + 8] |= 1;
    // The second entry points to the first one's bytes.
    let mut overlapping = whole.clone();
    let second = directory + 46 + 6;
    let second = second + whole[second..].windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    overlapping[second + 42..second + 46].copy_from_slice(&[0; 4]);
    let mut huge = whole.clone();
    huge[directory + 24..directory + 28].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let mut checksum = whole.clone();
    checksum[directory + 16] ^= 1;
    let mut short = whole.clone();
    short[directory + 24] += 1;
    let mut many = whole.clone();
    let end = many.len();
    many[end - 14..end - 10].copy_from_slice(&[0xff, 0xfe, 0xff, 0xfe]);
    for (case, bytes, says) in [
        ("leads out", name("../csv"), "leads out"),
        ("leads out below", name("a/../b"), "leads out"),
        ("absolute", name("/a.csv"), "absolute"),
        ("drive", name("C:.csv"), "absolute"),
        ("backslash", name("..\\csv"), "backslash"),
        ("same name", name("b_.csv"), "same name"),
        ("link", link, "link"),
        ("encrypted", encrypted, "encrypted"),
        ("overlapping", overlapping, "overlap"),
        ("huge", huge, "expands to more"),
        ("checksum", checksum, "checksum"),
        ("short", short, "shorter"),
        ("many", many, "ZIP archive"),
        ("prefixed", [&b"#!/bin/sh\n"[..], &whole].concat(), "ZIP archive"),
        ("followed", [&whole[..], b"more"].concat(), "end record"),
        ("cut", whole[..whole.len() - 5].to_vec(), "end record"),
        ("two ends", [&whole[..], &whole[whole.len() - 22..]].concat(), "end record"),
        ("text", b"a,b\n1,2\n".to_vec(), "end record"),
        ("archive inside", archive(&[("a.csv", &archive(&[("b.csv", b"a\n1\n")]))]), "inside of an archive"),
    ] {
        let problem = refusal("t.zip", &bytes).to_string();
        assert!(problem.contains(says), "{case}: {problem}");
    }
    let error = read_one("t.zip", &archive(&[])).unwrap_err();
    assert!(matches!(error, SourceError::NoFiles { .. }), "{error}");
    let error = read_one("t.zip", &archive(&[("x.csv", b"")])).unwrap_err();
    assert_eq!(error.problem(), Some(&Problem::Empty));
}

#[test]
fn the_meter_counts_bytes_on_the_disk() {
    let text = format!("a,b\n{}", "1,2\n3,4\n".repeat(100_000));
    for (name, bytes) in [("t.csv", text.clone().into_bytes()), ("t.csv.gz", gzip(text.as_bytes()))] {
        let files = Files::new(&[(name, &bytes)]);
        let source = files.open(Options::default()).unwrap();
        assert_eq!(source.bytes_total(), bytes.len() as u64);
        assert_eq!(source.meter().bytes(), 0);
        for _ in 0..2 {
            source.blocks().for_each(|block| drop(block.unwrap()));
            let read = source.meter().bytes();
            assert!(read >= source.bytes_total() && read <= source.bytes_total() + 70_000, "{name}: {read}");
        }
    }
    let archive = archive(&[("a.csv", text.as_bytes()), ("b.csv", text.as_bytes())]);
    let source = Files::new(&[("t.zip", &archive)]);
    let opened = source.open(Options::default()).unwrap();
    assert!(opened.bytes_total() < archive.len() as u64 && opened.bytes_total() > archive.len() as u64 / 2);
    let none: Vec<PathBuf> = Vec::new();
    assert!(matches!(Source::open(&none, Options::default()), Err(SourceError::NoFiles { .. })));
}
