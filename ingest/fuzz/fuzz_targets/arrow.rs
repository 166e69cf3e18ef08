//! Arrow IPC, files and streams: hostile ones are errors, within bounded memory, and what is read is read the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_ingest::source::{Format, Options, Source};
use mira_ingest_fuzz::{file, rows, told};

fuzz_target!(|data: &[u8]| {
    let path = file("x.arrow", data);
    let read = || {
        let options = Options { format: Some(Format::Arrow), ..Options::default() };
        let source = Source::open(&[path.clone()], options).map_err(told)?;
        let plan = source.infer().map_err(told)?;
        rows(&source, &plan).map_err(told)
    };
    let once = read();
    if once.is_ok() {
        assert_eq!(once, read());
    }
});
