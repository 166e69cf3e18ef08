//! Arrow IPC, files and streams: hostile ones are errors, within bounded memory, and what is read is read the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_ingest::source::{Format, Options};
use mira_ingest_fuzz::{file, read_again};

fuzz_target!(|data: &[u8]| {
    read_again(&file("x.arrow", data), Options { format: Some(Format::Arrow), ..Options::default() });
});
