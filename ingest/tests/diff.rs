//! What two datasets do not share, against multisets of their rows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use mira_ingest::commit::CommittedDataset;
use mira_ingest::diff::{self, Row, Side};
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline;
use mira_ingest::store::Store;
use proptest::prelude::*;

/// Text that says which row it is, and is long enough for a few dozen rows to make several chunks.
fn text(id: u8) -> String {
    format!("{id:03} ").repeat(10_000)
}

fn commit(store: &Store, column: &str, rows: &[u8]) -> CommittedDataset {
    let texts: StringArray = rows.iter().map(|&id| Some(text(id))).collect();
    of_batch(store, RecordBatch::try_from_iter([(column, Arc::new(texts) as _)]).unwrap())
}

fn of_batch(store: &Store, batch: RecordBatch) -> CommittedDataset {
    let schema = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
    let batches = [Ok::<_, Infallible>(batch)];
    pipeline::run(&schema, batches, store, NonZeroUsize::MIN, &mut |_| ()).unwrap().dataset
}

/// How often each row is on one side beyond the other.
fn beyond(rows: &[u8], other: &[u8]) -> BTreeMap<u8, usize> {
    let count = |rows: &[u8], id| rows.iter().filter(|&&row| row == id).count();
    let surplus = |id| count(rows, id).saturating_sub(count(other, id));
    rows.iter().map(|&id| (id, surplus(id))).filter(|&(_, surplus)| surplus > 0).collect()
}

/// The same of what was found, whose places must hold these rows.
fn found(rows: &[u8], dataset: &CommittedDataset, listed: &[Row]) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for row in listed {
        let before: u64 = dataset.chunks[..row.chunk].iter().map(|chunk| chunk.leaf.rows).sum();
        assert_eq!(row.row, before + row.in_chunk as u64);
        *counts.entry(rows[usize::try_from(row.row).unwrap()]).or_default() += 1;
    }
    assert!(listed.is_sorted_by_key(|row| row.row));
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn surplus_rows_are_found_where_they_are(
        first in proptest::collection::vec(0_u8..60, 1..120),
        cut in any::<prop::sample::Index>(),
        gone in 0_usize..4,
        new in proptest::collection::vec(0_u8..60, 0..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let (head, tail) = first.split_at(cut.index(first.len()));
        let second = [head, &new, tail.get(gone..).unwrap_or_default()].concat();
        prop_assume!(!second.is_empty());
        let (a, b) = (commit(&store, "t", &first), commit(&store, "t", &second));
        let side = |dataset| Side { dataset, store: &store };
        let difference = diff::rows(side(&a), side(&b)).unwrap();
        prop_assert_eq!(found(&first, &a, &difference.removed.rows), beyond(&first, &second));
        prop_assert_eq!(found(&second, &b, &difference.added.rows), beyond(&second, &first));
        prop_assert_eq!(difference.shared_chunks + difference.removed.chunks.len(), a.chunks.len());
        prop_assert_eq!(difference.shared_chunks + difference.added.chunks.len(), b.chunks.len());
        if a.dataset_id == b.dataset_id {
            prop_assert!(difference.removed.chunks.is_empty() && difference.added.chunks.is_empty());
        }
    }
}

#[test]
fn an_edit_leaves_the_other_chunks_shared_and_unread() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let first: Vec<u8> = (0..=255).collect();
    let mut second = first.clone();
    second[128] = 7;
    let (a, b) = (commit(&store, "t", &first), commit(&store, "t", &second));
    let plain = diff::chunks(&a, &b);
    assert!(plain.shared_chunks >= a.chunks.len() - 2, "{plain:?}");
    // Shared chunks are not read, so that their files may be missing.
    let shared = (0..a.chunks.len()).find(|index| !plain.removed.chunks.contains(index)).unwrap();
    store.remove(&a.chunks[shared].cid).unwrap();
    let side = |dataset| Side { dataset, store: &store };
    let difference = diff::rows(side(&a), side(&b)).unwrap();
    assert_eq!(found(&first, &a, &difference.removed.rows), BTreeMap::from([(128, 1)]));
    assert_eq!(found(&second, &b, &difference.added.rows), BTreeMap::from([(7, 1)]));
}

#[test]
fn names_of_columns_do_not_matter_and_types_do() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (a, b) = (commit(&store, "a", &[1, 2]), commit(&store, "b", &[1, 2, 3]));
    let side = |dataset| Side { dataset, store: &store };
    let difference = diff::rows(side(&a), side(&b)).unwrap();
    assert!(difference.same_types && difference.removed.rows.is_empty());
    assert_eq!(difference.added.rows.len(), 1);
    let numbers = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as _)]).unwrap();
    let other = of_batch(&store, numbers);
    let difference = diff::rows(side(&a), side(&other)).unwrap();
    assert!(!difference.same_types && difference.added.rows.is_empty());
    assert_eq!((difference.removed.chunks.len(), difference.added.chunks.len()), (1, 1));
}
