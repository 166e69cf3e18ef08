//! What the targets share: a file in memory, and its rows in canonical bytes.

pub mod server;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mira_ingest::rows::RowEncoder;
use mira_ingest::source::{Options, Plan, Source, SourceError};

/// Writes `content` to the one file of this name that this process has.
pub fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = scratch().join(name);
    fs::write(&path, content).expect("a file of our own");
    path
}

/// A directory of this process, where `MIRA_FUZZ_SCRATCH` says, or in that for temporary files.
pub fn scratch() -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let made = DIRECTORY.get_or_init(|| {
        let parent = std::env::var_os("MIRA_FUZZ_SCRATCH").map_or_else(std::env::temp_dir, PathBuf::from);
        let directory = parent.join(format!("mira-fuzz-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory of our own");
        directory
    });
    made.clone()
}

/// A schema, its widths, and the canonical rows; or what was said against them.
pub type Read = Result<(Plan, Vec<Vec<u8>>), String>;

/// Infers the schema and reads all rows under it. What inference accepts must be readable.
pub fn read(path: &Path, options: Options) -> Read {
    let source = Source::open(&[path.to_owned()], options).map_err(told)?;
    let plan = source.infer().map_err(told)?;
    match rows(&source, &plan) {
        Ok(rows) => Ok((plan, rows)),
        Err(error) => panic!("inferred, but not readable: {}", told(error)),
    }
}

/// Reads a file that may be refused half-way, and one that is read a second time: it is the same again.
pub fn read_again(path: &Path, options: Options) {
    let read = || {
        let source = Source::open(&[path.to_owned()], options.clone()).map_err(told)?;
        let plan = source.infer().map_err(told)?;
        rows(&source, &plan).map_err(told)
    };
    let once = read();
    if once.is_ok() {
        assert_eq!(once, read());
    }
}

/// All rows in canonical bytes.
pub fn rows(source: &Source, plan: &Plan) -> Result<Vec<Vec<u8>>, SourceError> {
    let mut rows = Vec::new();
    for batch in source.batches(plan) {
        let batch = batch?;
        let mut encoder = RowEncoder::new(batch.batch()).expect("working types have canonical rows");
        for row in 0..encoder.rows() {
            let mut bytes = Vec::new();
            encoder.encode(row, &mut bytes).expect("values of working types have canonical bytes");
            mira_core::row::check_row(plan.schema(), &bytes).expect("the encoder writes what the decoder reads");
            rows.push(bytes);
            drop(batch.place(row));
        }
    }
    Ok(rows)
}

/// An error and its sources.
pub fn told(error: SourceError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
