//! What changed between two datasets: which chunks they share, and which rows only one of them has.
//!
//! Chunks with the same leaf data have the same rows, so only the others are read. Their rows are compared as
//! multisets of leaves: a row that occurs three times here and once there was removed twice, and its last two places
//! are the ones that are named. Order is no change: two datasets of the same rows in another order have none, and
//! other roots.
//!
//! A leaf stands for canonical bytes, which mean something only under their types. Datasets of other types have no row
//! in common, whatever their bytes; other names of columns do not matter.

use std::collections::HashMap;
use std::hash::Hash;

use mira_core::digest::{RowLeaf, RowRoot};
use mira_core::manifest::ListedChunk;

use crate::commit::CommittedDataset;
use crate::export::{self, ExportError};
use crate::observer::ChunkFiles;
use crate::rows::{RowEncoder, RowError};

/// Most rows of chunks that are not shared, both sides together: each takes about 100 bytes while they are compared.
pub const MAX_ROWS: u64 = 1 << 23;

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The dataset.
    pub dataset: &'a CommittedDataset,
    /// Where its chunk files are.
    pub store: &'a dyn ChunkFiles,
}

/// What is only on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Only {
    /// Chunks, by their index.
    pub chunks: Vec<usize>,
    /// Rows of these chunks that the other side does not have, in order. Rows of chunks that are only on one side can
    /// be on both: they moved to another chunk.
    pub rows: Vec<Row>,
}

/// A row of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its position in the dataset.
    pub row: u64,
    /// The chunk it is in.
    pub chunk: usize,
    /// Its position in the chunk.
    pub in_chunk: usize,
    /// H(00 ‖ row).
    pub leaf: RowLeaf,
}

/// What is only in the first dataset, and what only in the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whether rows of one could be rows of the other. If not, no row is: none is then listed, or read.
    pub same_types: bool,
    /// How many chunks are in both.
    pub shared_chunks: usize,
    /// What the first has.
    pub removed: Only,
    /// What the second has.
    pub added: Only,
}

impl Only {
    /// How many rows the chunks have together.
    pub fn chunk_rows(&self, dataset: &CommittedDataset) -> u64 {
        self.chunks.iter().filter_map(|&index| dataset.chunks.get(index)).map(|chunk| chunk.leaf.rows).sum()
    }
}

/// Why datasets cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// Too many rows would be in memory.
    #[error("{found} rows are in chunks that are not in both, at most {MAX_ROWS} are compared one by one")]
    TooMany {
        /// How many there are.
        found: u64,
    },
    /// A chunk cannot be read, or does not verify.
    #[error(transparent)]
    Read(#[from] ExportError),
    /// A row has no canonical bytes.
    #[error("rows of chunk {index} cannot be read")]
    Row {
        /// Which chunk.
        index: usize,
        /// Why not.
        source: RowError,
    },
}

/// Compares chunks only, by their leaf data. Nothing is read.
pub fn chunks(first: &CommittedDataset, second: &CommittedDataset) -> Difference {
    let same_types = first.schema().type_id() == second.schema().type_id();
    let mut there = counts(second.chunks.iter().filter(|_| same_types).map(rows_of));
    let mut shared: HashMap<Rows, usize> = HashMap::new();
    let removed = surplus(first, |rows| take(&mut there, rows).inspect(|()| *shared.entry(*rows).or_default() += 1));
    let added = surplus(second, |rows| take(&mut shared, rows));
    let shared_chunks = first.chunks.len() - removed.chunks.len();
    Difference { same_types, shared_chunks, removed, added }
}

/// Compares chunks, and the rows of those that are not in both.
///
/// # Errors
/// [`DiffError`]; every chunk that is read is checked against its CID and its root.
pub fn rows(first: Side<'_>, second: Side<'_>) -> Result<Difference, DiffError> {
    let mut difference = chunks(first.dataset, second.dataset);
    if !difference.same_types {
        return Ok(difference);
    }
    let found =
        difference.removed.chunk_rows(first.dataset).saturating_add(difference.added.chunk_rows(second.dataset));
    if found > MAX_ROWS {
        return Err(DiffError::TooMany { found });
    }
    let (removed, added) = (leaves(first, &difference.removed.chunks)?, leaves(second, &difference.added.chunks)?);
    let mut unmatched = counts(removed.iter().map(|row| row.leaf));
    let mut matched: HashMap<RowLeaf, usize> = HashMap::new();
    let is_new = |row: &Row| {
        let found = take(&mut unmatched, &row.leaf).is_some();
        if found {
            *matched.entry(row.leaf).or_default() += 1;
        }
        !found
    };
    difference.added.rows = added.into_iter().filter(is_new).collect();
    let is_gone = |row: &Row| take(&mut matched, &row.leaf).is_none();
    difference.removed.rows = removed.into_iter().filter(is_gone).collect();
    Ok(difference)
}

/// What chunks of the same types have in common if they have the same rows: a leaf would tell names of columns, too.
type Rows = (u64, RowRoot);

fn rows_of(chunk: &ListedChunk) -> Rows {
    (chunk.leaf.rows, chunk.leaf.row_root)
}

/// The chunks whose rows are not taken.
fn surplus(dataset: &CommittedDataset, mut taken: impl FnMut(&Rows) -> Option<()>) -> Only {
    let chunks = dataset.chunks.iter().enumerate();
    let chunks = chunks.filter(|(_, chunk)| taken(&rows_of(chunk)).is_none()).map(|(index, _)| index).collect();
    Only { chunks, rows: Vec::new() }
}

fn counts<K: Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Takes one of what is counted, if there is one left.
fn take<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) -> Option<()> {
    let count = counts.get_mut(key).filter(|count| **count > 0)?;
    *count -= 1;
    Some(())
}

/// The rows of some chunks.
fn leaves(side: Side<'_>, chunks: &[usize]) -> Result<Vec<Row>, DiffError> {
    let mut starts = Vec::with_capacity(side.dataset.chunks.len());
    let mut row = 0;
    for chunk in &side.dataset.chunks {
        starts.push(row);
        row += chunk.leaf.rows;
    }
    let mut rows = Vec::new();
    for &index in chunks {
        let (Some(batch), Some(&start)) = (export::chunk(side.dataset, side.store, index)?, starts.get(index)) else {
            continue;
        };
        let leaves = RowEncoder::new(&batch).and_then(|mut encoder| encoder.leaves());
        let leaves = leaves.map_err(|source| DiffError::Row { index, source })?;
        rows.extend(leaves.into_iter().enumerate().map(|(in_chunk, leaf)| Row {
            row: start + in_chunk as u64,
            chunk: index,
            in_chunk,
            leaf: leaf.hash,
        }));
    }
    Ok(rows)
}
