//! `samples/golden/v0`: one of each artifact, which every later build reads and verifies.
//!
//! The files are made from sample keys, so they can be made again: `BLESS=1` writes them. Once formats are released, a
//! folder of golden files is never written again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod sample;

use std::fs;
use std::path::PathBuf;

use mira_core::dataset::ChunkLeafData;
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::evidence::Descent;
use mira_core::log::checkpoint::SignedCheckpoint;
use mira_core::log::policy::Policy;
use mira_core::manifest::Manifest;
use mira_core::row;
use mira_core::schema::Schema;
use mira_core::verify::{Asks, Proof, Verdict};
use sample::{Log, to_row};

#[test]
fn the_files_are_what_this_build_writes() {
    let folder = folder();
    for (name, bytes) in written() {
        if std::env::var_os("BLESS").is_some() {
            fs::write(folder.join(name), &bytes).unwrap();
        }
        assert!(fs::read(folder.join(name)).unwrap() == bytes, "{name} differs; BLESS=1 writes it");
    }
}

#[test]
fn the_files_verify_and_belong_together() {
    let read = |name: &str| fs::read(folder().join(name)).unwrap();
    let manifest = Manifest::from_cbor(&read("manifest.cbor")).unwrap();
    manifest.open_chunk_list(&read("chunks.cbor")).unwrap();
    let schema = Schema::from_cbor(&read("schema.cbor")).unwrap();
    assert_eq!(schema, manifest.fields().schema);
    row::check_row(&schema, &read("row.bin")).unwrap();
    let chunk = ChunkLeafData::decode(&read("chunk-leaf.bin")).unwrap();
    assert_eq!(manifest.open_chunk_list(&read("chunks.cbor")).unwrap().chunks()[0].leaf, chunk);
    Envelope::parse(&read("rotate.dsse")).unwrap().verify_signatures().unwrap();
    assert_eq!(read("epoch-1"), read("checkpoint"));
    let entry = Entry::parse(&read("entry.bin")).unwrap();
    assert_eq!(entry.statement().subject().header(), *manifest.dataset_id().digest());
    assert_eq!(entry.envelope().to_bytes(), read("statement.dsse"));
    let policy = Policy::parse(&read("log.policy")).unwrap();
    policy.verify(SignedCheckpoint::parse(&read("checkpoint")).unwrap()).unwrap();
    let verdict = |name: &str| {
        let proof = Proof::parse(&read(name)).unwrap();
        proof.verify(&Asks { policy: &policy, row: None, signer: None, checkpoint: None }).verdict()
    };
    for name in ["row.tlog-proof", "chunk.tlog-proof", "entry.tlog-proof"] {
        assert_eq!(verdict(name), Verdict::Verified, "{name}");
    }
    assert_eq!(verdict("row-edited.tlog-proof"), Verdict::Failed);
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../samples/golden/v0")
}

fn written() -> Vec<(&'static str, Vec<u8>)> {
    let log = Log::sample();
    let contribution = &log.entries[3];
    let mut edited = log.proof(3, to_row(0, 1));
    if let Descent::Row { row, .. } = &mut edited.evidence.descent {
        // "Adelie" becomes "adelie".
        row.row.as_mut().unwrap()[2] ^= 0x20;
    }
    vec![
        ("manifest.cbor", sample::manifest().to_cbor()),
        ("chunks.cbor", sample::chunk_list().to_cbor()),
        ("statement.dsse", contribution.envelope().to_bytes()),
        ("entry.bin", contribution.as_bytes().to_vec()),
        ("schema.cbor", sample::schema().to_cbor()),
        ("row.bin", sample::rows()[0][1].clone()),
        ("chunk-leaf.bin", sample::chunk_leaf(0).encode().to_vec()),
        ("rotate.dsse", sample::rotation(&sample::contributor_key(), &sample::second_key(), 2).envelope().to_bytes()),
        // An epoch is a checkpoint kept verbatim.
        ("epoch-1", log.checkpoint().as_bytes().to_vec()),
        ("checkpoint", log.checkpoint().as_bytes().to_vec()),
        ("log.policy", format!("log {}\nquorum none\n", sample::vkey(sample::ORIGIN, &sample::log_key())).into_bytes()),
        ("row.tlog-proof", log.proof(3, to_row(0, 1)).to_bytes()),
        ("chunk.tlog-proof", log.proof(3, Descent::Chunk(sample::chunk_step(1))).to_bytes()),
        ("entry.tlog-proof", log.proof(3, Descent::Entry).to_bytes()),
        ("row-edited.tlog-proof", edited.to_bytes()),
    ]
}
