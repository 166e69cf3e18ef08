//! Writes a sample log, for other people's tools to read.
//!
//! ```text
//! cargo run -p mira-lineage --example sample_log -- LOG ENTRIES PROOF
//! ```
//!
//! LOG becomes a tlog-tiles directory of so many entries, `entry 0` and so on, in batches of 100; PROOF the C2SP
//! tlog-proof of the middle one. The log's verifier key is printed. The key is a sample that everybody has.

use std::error::Error;

use mira_core::id::LeafIndex;
use mira_core::key::SigningKey;
use mira_core::log::tlog_proof::TlogProof;
use mira_lineage::log::{FsStorage, Log, LogSigner};

fn main() -> Result<(), Box<dyn Error>> {
    let [directory, count, proof] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "LOG ENTRIES PROOF")?;
    let count: u64 = count.parse()?;
    let sample = LogSigner::new("example.com/sample-log".parse()?, SigningKey::from_seed(&[7; 32]));
    let mut log = Log::create(FsStorage::create(directory)?, &sample)?;
    let entries: Vec<Vec<u8>> = (0..count).map(|at| format!("entry {at}").into_bytes()).collect();
    for batch in entries.chunks(100) {
        log.append(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>(), &sample)?;
    }
    let index = LeafIndex::new(count / 2);
    let path = log.prove_inclusion(index, log.size())?;
    let checkpoint = log.checkpoint().signed().clone();
    std::fs::write(proof, TlogProof { extra: Vec::new(), index, path, checkpoint }.to_bytes())?;
    println!("{}", sample.verifier());
    Ok(())
}
