//! Files of any name and content, as `mira add` is given them: read or refused, within bounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_ingest::source::Options;
use mira_ingest_fuzz::{file, read_again, scratch};

const NAMES: [&str; 16] = [
    "x",
    "x.csv",
    "x.tsv",
    "x.ndjson",
    "x.json",
    "x.parquet",
    "x.arrow",
    "x.arrows",
    "x.txt",
    "x.md",
    "x.csv.gz",
    "x.ndjson.zst",
    "x.csv.bz2",
    "x.zip",
    "x.json.gz",
    "x.bin",
];

// A byte for the name, and the file.
fuzz_target!(|data: &[u8]| {
    let Some((name, content)) = data.split_first() else { return };
    let path = file(NAMES[usize::from(*name) % NAMES.len()], content);
    let options = Options { max_expanded: Some(4 << 20), scratch: Some(scratch()), ..Options::default() };
    read_again(&path, options);
});
