//! NDJSON: what comes out does not depend on how the file is cut into blocks, and what is inferred can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_ingest::source::{Format, Options};
use mira_ingest_fuzz::{file, read};

// A byte for the length of the blocks, and the file.
fuzz_target!(|data: &[u8]| {
    let Some((blocks, content)) = data.split_first() else { return };
    let path = file("x.ndjson", content);
    let options = Options { format: Some(Format::Ndjson), ..Options::default() };
    let whole = read(&path, options.clone());
    let cut = read(&path, Options { block_bytes: usize::from(*blocks) + 1, ..options });
    // A block is found to be UTF-8 before its records are looked at, so which of several faults is told may depend on
    // the cut. Whether there is one does not.
    assert_eq!(
        whole.map(|(plan, rows)| (plan.schema().clone(), rows)).ok(),
        cut.map(|(plan, rows)| (plan.schema().clone(), rows)).ok()
    );
});
