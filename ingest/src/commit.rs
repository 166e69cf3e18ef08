//! Leaves to names: what a dataset says, in 32 bytes, and where its chunks' files are. Pure.

use mira_core::dataset::{ChunkLeafData, dataset_id};
use mira_core::digest::{ChunkRoot, DatasetId, RowLeaf};
use mira_core::manifest::ListedChunk;
use mira_core::schema::Schema;
use mira_core::statement::Dataset;
use mira_core::{merkle, row};

use crate::physical::PhysicalSchema;

/// A dataset whose chunks are cut, hashed and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedDataset {
    /// How all of its chunk files store their rows.
    pub physical: PhysicalSchema,
    /// How many rows there are, at least one.
    pub rows: u64,
    /// The chunks and their files, in order, as the chunk list has them.
    pub chunks: Vec<ListedChunk>,
    /// The root over the chunks' leaves.
    pub chunk_root: ChunkRoot,
    /// What the dataset says.
    pub dataset_id: DatasetId,
}

/// Why chunks are not a dataset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// There is nothing to commit to.
    #[error("a dataset has at least one row, found none")]
    NoRows,
    /// There are too many chunks for one dataset.
    #[error("a dataset has at most {} chunks, found {found}", Dataset::MAX_CHUNKS)]
    Chunks {
        /// How many there are.
        found: u64,
    },
    /// A chunk is of another schema, or of another row profile.
    #[error("chunk {index} has another schema or row profile than the dataset")]
    Schema {
        /// Which chunk, from 0.
        index: usize,
    },
}

/// The leaf data of a chunk with these rows.
pub fn leaf_data(schema: &Schema, leaves: &[RowLeaf]) -> ChunkLeafData {
    ChunkLeafData {
        row_profile: row::PROFILE,
        schema_id: schema.schema_id(),
        rows: leaves.len() as u64,
        row_root: merkle::root_of(leaves.iter().copied()).into(),
    }
}

impl CommittedDataset {
    /// Puts chunks together, in this order.
    pub fn new(physical: PhysicalSchema, chunks: Vec<ListedChunk>) -> Result<Self, CommitError> {
        if chunks.is_empty() {
            return Err(CommitError::NoRows);
        }
        let count = chunks.len() as u64;
        if count > Dataset::MAX_CHUNKS {
            return Err(CommitError::Chunks { found: count });
        }
        let schema_id = physical.logical().schema_id();
        let foreign = |data: &ChunkLeafData| data.schema_id != schema_id || data.row_profile != row::PROFILE;
        if let Some(index) = chunks.iter().position(|chunk| foreign(&chunk.leaf)) {
            return Err(CommitError::Schema { index });
        }
        // At most 2^18 rows for each of at most 10^6 chunks by the cut, and nothing wraps if leaf data claims more.
        let rows = chunks.iter().fold(0_u64, |rows, chunk| rows.saturating_add(chunk.leaf.rows));
        let chunk_root = ChunkRoot::new(merkle::root_of(chunks.iter().map(|chunk| chunk.leaf.leaf())));
        let dataset_id = dataset_id(row::PROFILE, &schema_id, rows, count, &chunk_root);
        Ok(Self { physical, rows, chunks, chunk_root, dataset_id })
    }

    /// What the columns mean.
    pub fn schema(&self) -> &Schema {
        self.physical.logical()
    }

    /// Length of all chunk files in bytes.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().fold(0, |bytes, chunk| bytes.saturating_add(chunk.bytes))
    }
}
