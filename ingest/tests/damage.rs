//! Every byte of a small Parquet file damaged, and every length of it: as a chunk it is refused or has the same rows, as a
//! foreign file it is read or refused, and nothing panics.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::fs;

use arrow_array::RecordBatch;
use bytes::Bytes;
use common::Files;
use mira_core::digest::RowLeaf;
use mira_ingest::chunk;
use mira_ingest::commit;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::rows::RowEncoder;
use mira_ingest::source::Options;

/// A chunk file of every type.
const GOOD: &[u8] = include_bytes!("writing/golden/pq-1.parquet");

/// Flips of one bit and of all bits of each byte, and all lengths.
fn damaged() -> impl Iterator<Item = (String, Vec<u8>)> {
    let flips = (0..GOOD.len()).flat_map(|at| {
        [1, 0x40, 0xff].map(|mask| {
            let mut bytes = GOOD.to_vec();
            bytes[at] ^= mask;
            (format!("byte {at} by {mask:#x}"), bytes)
        })
    });
    flips.chain((0..GOOD.len()).map(|len| (format!("cut at {len}"), GOOD[..len].to_vec())))
}

fn physical() -> PhysicalSchema {
    let key = b"mira.schema";
    let at = GOOD.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    let start = at + GOOD[at..].iter().position(|byte| *byte == b'[').unwrap();
    let text = GOOD[start..].utf8_chunks().next().unwrap().valid();
    // The text ends where its brackets close.
    let mut depth = 0;
    let end = text.find(|c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        depth == 0
    });
    PhysicalSchema::parse(&text[..=end.unwrap()]).unwrap()
}

#[test]
fn a_damaged_chunk_has_the_rows_that_it_is_to_have_or_none() {
    let physical = physical();
    let rows = chunk::read(Bytes::from_static(GOOD), &physical).unwrap();
    // The first reading tells what to expect; that it is right is another test's.
    let expected = expected(&physical);
    let good = rows.verify(&expected).unwrap();
    let mut refused = 0;
    for (what, bytes) in damaged() {
        match chunk::read(bytes.into(), &physical).and_then(|rows| rows.verify(&expected)) {
            // Compared as canonical rows: a NaN may have got another payload, which is the same value.
            Ok(rows) => assert_eq!(leaves(&rows), leaves(&good), "{what}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > GOOD.len(), "{refused}");
}

fn expected(physical: &PhysicalSchema) -> mira_core::dataset::ChunkLeafData {
    let files = Files::new(&[("good.parquet", GOOD)]);
    let source = files.open(Options::default()).unwrap();
    let plan = source.under(physical.logical().clone()).unwrap();
    let batch = common::rows(&source, &plan).unwrap();
    commit::leaf_data(physical.logical(), &leaves(&batch))
}

fn leaves(batch: &RecordBatch) -> Vec<RowLeaf> {
    RowEncoder::new(batch).unwrap().leaves().unwrap().iter().map(|leaf| leaf.hash).collect()
}

#[test]
fn a_damaged_foreign_file_is_read_or_refused() {
    let files = Files::new(&[("a.parquet", GOOD)]);
    let mut refused = 0;
    // Every third, because each goes through the disk.
    for (_, bytes) in damaged().step_by(3) {
        fs::write(&files.paths[0], bytes).unwrap();
        let read = files.open(Options::default()).and_then(|source| {
            let plan = source.infer()?;
            source.batches(&plan).try_for_each(|batch| batch.map(drop))
        });
        refused += usize::from(read.is_err());
    }
    assert!(refused > GOOD.len() / 3, "{refused}");
}
