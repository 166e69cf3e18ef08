//! Compressed text and archives: expanded within a bound, twice in the same way, and nothing is written beside the file.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use mira_ingest::source::{Format, Options, Source};
use mira_ingest_fuzz::{file, rows, scratch, told};

const BOUND: u64 = 1 << 20;
const NAMES: [&str; 4] = ["x.txt.gz", "x.txt.zst", "x.txt.bz2", "x.zip"];

// A byte for the name, and the file.
fuzz_target!(|data: &[u8]| {
    let Some((name, content)) = data.split_first() else { return };
    let path = file(NAMES[usize::from(*name) % NAMES.len()], content);
    let before = names();
    let read = || {
        let options = Options {
            format: Some(Format::Lines),
            max_expanded: Some(BOUND),
            scratch: Some(scratch()),
            ..Options::default()
        };
        let source = Source::open(&[path.clone()], options).map_err(told)?;
        let plan = source.infer().map_err(told)?;
        rows(&source, &plan).map_err(told)
    };
    let once = read();
    if let Ok(rows) = &once {
        // A line's row has at most two heads of five bytes and a path more than its text.
        let bytes: usize = rows.iter().map(|row| row.len()).sum();
        assert!(bytes as u64 <= BOUND * 8 + rows.len() as u64 * (content.len() as u64 + 16), "{bytes} bytes");
        assert_eq!(once, read());
    }
    assert_eq!(before, names());
});

fn names() -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(scratch()).expect("our directory").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    names
}
