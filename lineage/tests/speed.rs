//! How many durable appends a directory takes in a second. Prints figures and checks none, so it runs when asked:
//! `cargo test -p mira-lineage --test speed -- --ignored --nocapture`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod support;

use std::time::{Duration, Instant};

use mira_lineage::log::{FsStorage, Log};
use support::{check_contents, signer, slices};

#[test]
#[ignore = "measures, and takes seconds"]
fn durable_appends() {
    for batch in [1, 16, 256, 4096] {
        let directory = tempfile::tempdir().unwrap();
        let storage = FsStorage::create(directory.path().join("log")).unwrap();
        let mut log = Log::create(&storage, &signer()).unwrap();
        let mut all = Vec::new();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            let entries: Vec<Vec<u8>> = (0..batch).map(|at| format!("{at:01000}").into_bytes()).collect();
            log.append(&slices(&entries), &signer()).unwrap();
            all.extend(entries);
        }
        let per_second = all.len() as f64 / start.elapsed().as_secs_f64();
        println!("batches of {batch}: {per_second:.0} durable entries of 1,000 bytes in a second");
        check_contents(&storage, &all);
    }
}
