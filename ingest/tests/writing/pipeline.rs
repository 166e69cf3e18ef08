//! The pipeline: one dataset whatever the threads and batches, the same as the stages one after the other.

use std::convert::Infallible;
use std::fs;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use mira_core::digest::RowLeaf;
use mira_core::manifest::ListedChunk;
use mira_ingest::chunk::ChunkWriter;
use mira_ingest::commit::{self, CommitError, CommittedDataset};
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline::{self, Outcome, PipelineError, Progress};
use mira_ingest::rows::RowEncoder;
use mira_ingest::store::{ChunkKey, ChunkStore, StoreError, Unstored, file_of};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::arrays::Random;
use crate::store::{files, temporary};

/// About 8 MB of canonical rows, so a few chunks.
pub(crate) fn table() -> (PhysicalSchema, RecordBatch) {
    let mut random = Random(7);
    let ids: ArrayRef = Arc::new((0..20_000).map(Some).collect::<Int64Array>());
    let text = |_| Some(format!("{:x}", random.next()).repeat(1 + random.below(50)));
    let texts: ArrayRef = Arc::new((0..20_000).map(text).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap();
    (PhysicalSchema::of_working(batch.schema_ref()).unwrap(), batch)
}

fn slices(batch: &RecordBatch, rows: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(rows);
    starts.map(|start| batch.slice(start, rows.min(batch.num_rows() - start))).collect()
}

fn threads(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

pub(crate) fn run(physical: &PhysicalSchema, batches: Vec<RecordBatch>, store: &impl ChunkStore, n: usize) -> Outcome {
    pipeline::run(physical, batches.into_iter().map(Ok::<_, Infallible>), store, threads(n), &mut |_| ()).unwrap()
}

/// The definition: all rows, then all cuts, then all chunks.
fn naive(physical: &PhysicalSchema, batch: &RecordBatch) -> CommittedDataset {
    let leaves = RowEncoder::new(batch).unwrap().leaves().unwrap();
    let mut ends = mira_ingest::boundary::Boundaries::default().ends(&leaves);
    ends.push(leaves.len() - ends.iter().sum::<usize>());
    let (mut start, mut chunks) = (0, Vec::new());
    for len in ends.into_iter().filter(|len| *len > 0) {
        let rows = physical.convert(&batch.slice(start, len)).unwrap();
        let file = file_of(&ChunkWriter::new(physical).unwrap().write(&[rows]).unwrap()).unwrap();
        let hashes: Vec<RowLeaf> = leaves[start..start + len].iter().map(|leaf| leaf.hash).collect();
        let leaf_data = commit::leaf_data(physical.logical(), &hashes);
        chunks.push(ListedChunk { leaf: leaf_data, cid: file.cid, bytes: file.size });
        start += len;
    }
    CommittedDataset::new(physical.clone(), chunks).unwrap()
}

#[test]
fn threads_and_batches_do_not_matter() {
    let (physical, batch) = table();
    let expected = naive(&physical, &batch);
    assert!(expected.chunks.len() >= 3, "{} chunks", expected.chunks.len());
    for (rows, n) in [(20_000, 1), (1_000, 1), (3_333, 2), (777, 7)] {
        let outcome = run(&physical, slices(&batch, rows), &Unstored, n);
        assert_eq!(outcome.dataset, expected, "batches of {rows} rows, {n} threads");
        assert_eq!(outcome.new_bytes, expected.bytes());
    }
}

#[test]
fn progress_adds_up() {
    let (physical, batch) = table();
    let mut seen = vec![Progress::default()];
    let batches = slices(&batch, 4_000).into_iter().map(Ok::<_, Infallible>);
    let outcome = pipeline::run(&physical, batches, &Unstored, threads(2), &mut |now| seen.push(now)).unwrap();
    assert!(seen.is_sorted_by(|a, b| a.rows <= b.rows && a.chunks <= b.chunks && a.file_bytes <= b.file_bytes));
    let last = seen.last().unwrap();
    assert_eq!((last.rows, last.chunks), (outcome.dataset.rows, outcome.dataset.chunks.len() as u64));
    assert_eq!((last.file_bytes, last.new_bytes), (outcome.dataset.bytes(), outcome.new_bytes));
}

#[test]
fn what_is_stored_is_not_written_again() {
    let (directory, store) = temporary();
    let (physical, batch) = table();
    let first = run(&physical, vec![batch.clone()], &store, 2);
    let again = run(&physical, slices(&batch, 999), &store, 2);
    assert_eq!((&again.dataset, again.new_bytes), (&first.dataset, 0));

    // A stored chunk keeps its file, whatever this version would write.
    let chunk = &first.dataset.chunks[0];
    let key = ChunkKey { leaf: chunk.leaf.leaf(), physical: physical.digest() };
    let rows = batch.slice(0, usize::try_from(chunk.leaf.rows).unwrap());
    let old = store.keep(&key, &as_another_writer(&physical, &rows)).unwrap();
    assert_ne!(old.cid, chunk.cid);
    let kept = run(&physical, vec![batch.clone()], &store, 2);
    assert_eq!(kept.dataset.chunks[0].cid, old.cid);
    assert_eq!(kept.dataset.dataset_id, first.dataset.dataset_id, "other bytes, the same rows");

    // A damaged file is written anew, and so is everything once the store is gone.
    let damaged = files(&directory.path().join("store/objects"));
    let of_first = |path: &&std::path::PathBuf| path.ends_with(old.cid.to_string());
    fs::write(damaged.iter().find(of_first).unwrap(), b"damaged").unwrap();
    let healed = run(&physical, vec![batch.clone()], &store, 2);
    assert_eq!((&healed.dataset, healed.new_bytes), (&first.dataset, chunk.bytes));
    fs::remove_dir_all(directory.path().join("store/chunks")).unwrap();
    let reindexed =
        run(&physical, vec![batch], &mira_ingest::store::Store::open(directory.path().join("store")).unwrap(), 2);
    assert_eq!(reindexed.dataset, first.dataset);
}

/// The same rows in a file of other bytes.
fn as_another_writer(physical: &PhysicalSchema, batch: &RecordBatch) -> Vec<u8> {
    let text = KeyValue::new("mira.schema".to_owned(), physical.to_string());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![text])).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let rows = physical.convert(batch).unwrap();
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), rows.schema(), options).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn an_index_that_names_another_chunks_file_is_not_believed() {
    let (directory, store) = temporary();
    let (physical, batch) = table();
    let first = run(&physical, vec![batch.clone()], &store, 2);
    let index = files(&directory.path().join("store/chunks"));
    assert!(index.len() >= 3);
    // Every entry names the file of one chunk: sound, intact, and of other rows for all but that one.
    let one = fs::read(&index[0]).unwrap();
    for path in &index {
        fs::write(path, &one).unwrap();
    }
    let again = run(&physical, vec![batch.clone()], &store, 2);
    assert_eq!(again.dataset, first.dataset);
    assert!(again.new_bytes > 0, "they were written anew");

    // As many rows of the same schema, one value of which differs.
    let chunk = &first.dataset.chunks[0];
    let len = usize::try_from(chunk.leaf.rows).unwrap();
    let rows = batch.slice(0, len);
    let mut ids: Vec<i64> = (0..i64::try_from(len).unwrap()).collect();
    ids[len - 1] += 1;
    let ids: ArrayRef = Arc::new(Int64Array::from(ids));
    let forged = RecordBatch::try_new(rows.schema(), vec![ids, rows.column(1).clone()]).unwrap();
    let key = ChunkKey { leaf: chunk.leaf.leaf(), physical: physical.digest() };
    store.keep(&key, &as_another_writer(&physical, &forged)).unwrap();
    let again = run(&physical, slices(&batch, 999), &store, 2);
    assert_eq!(again.dataset, first.dataset);
    assert_eq!(run(&physical, vec![batch], &store, 2).new_bytes, 0, "and the index is right again");
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
struct Gone;

#[test]
fn the_earliest_error_is_reported() {
    let (_, batch) = table();
    let mut dates: Vec<RecordBatch> = Vec::new();
    for millis in [0, 1] {
        let array: ArrayRef = Arc::new(arrow_array::Time64NanosecondArray::from(vec![0, -millis]));
        dates.push(RecordBatch::try_from_iter([("t", array)]).unwrap());
    }
    let physical = PhysicalSchema::of_working(dates[0].schema_ref()).unwrap();
    for n in [1, 4] {
        let batches = dates.iter().cloned().map(Ok).chain([Err(Gone)]);
        let result = pipeline::run(&physical, batches, &Unstored, threads(n), &mut |_| ());
        assert!(matches!(result, Err(PipelineError::Row { first_row: 2, .. })));
        let batches = [Ok(dates[0].clone()), Err(Gone), Ok(dates[1].clone())];
        let result = pipeline::run(&physical, batches, &Unstored, threads(n), &mut |_| ());
        assert!(matches!(result, Err(PipelineError::Source(Gone))));
        let result = pipeline::run(&physical, [Ok::<_, Gone>(batch.clone())], &Unstored, threads(n), &mut |_| ());
        assert!(matches!(result, Err(PipelineError::Convert { first_row: 0, .. })));
    }
    let empty = pipeline::run(&physical, [Ok::<_, Gone>(dates[0].slice(0, 0))], &Unstored, threads(2), &mut |_| ());
    assert!(matches!(empty, Err(PipelineError::Commit(CommitError::NoRows))));
}

/// A store that fails, or panics.
struct Failing {
    panics: bool,
}

impl ChunkStore for Failing {
    fn kept(&self, _: &ChunkKey) -> Result<Option<(mira_core::unixfs::File, Vec<u8>)>, StoreError> {
        Ok(None)
    }

    fn keep(&self, _: &ChunkKey, _: &[u8]) -> Result<mira_core::unixfs::File, StoreError> {
        assert!(!self.panics, "on purpose");
        Err(StoreError::Missing { cid: mira_core::cid::Cid::raw_of(b"") })
    }
}

#[test]
fn a_store_that_fails_ends_the_run() {
    let (physical, batch) = table();
    let run = |panics| {
        let batches = slices(&batch, 500).into_iter().map(Ok::<_, Infallible>);
        pipeline::run(&physical, batches, &Failing { panics }, threads(3), &mut |_| ())
    };
    assert!(matches!(run(false), Err(PipelineError::Store { .. })));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(true))).is_err());
}
