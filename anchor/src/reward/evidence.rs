//! What the rules need beyond the log: the rows of datasets, and files that statements name.
//!
//! Whoever answers is not trusted with more than the lengths of rows: an outline is checked against the dataset_id, the
//! leaves of a chunk against the outline, a file against its digest. Evidence that is not there makes an allocation
//! impossible, never another one.

use std::error::Error;
use std::sync::Arc;

use mira_core::dataset::{ChunkLeafData, dataset_id};
use mira_core::digest::{ChunkRoot, DatasetId, Digest, RowLeaf, StatementId};
use mira_core::schema::Schema;
use mira_core::statement::Dataset;
use mira_core::{merkle, row};

/// Why something cannot be shown.
pub type EvidenceSource = Box<dyn Error + Send + Sync>;

/// Shows rows and files.
pub trait Evidence {
    /// Schema and chunks of a dataset that a contribute or transform statement names.
    fn outline(&mut self, statement: &StatementId, dataset: &Dataset) -> Result<Outline, EvidenceSource>;

    /// The rows of one chunk, in order.
    fn chunk(&mut self, statement: &StatementId, dataset: &Dataset, index: usize) -> Result<Vec<Row>, EvidenceSource>;

    /// The file with this SHA-256: a row set or a list of inputs.
    fn file(&mut self, sha256: &Digest) -> Result<Vec<u8>, EvidenceSource>;
}

/// A row, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its leaf.
    pub leaf: RowLeaf,
    /// How many canonical bytes it has.
    pub len: u32,
}

/// What a dataset is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The schema.
    pub schema: Schema,
    /// The chunks, in order.
    pub chunks: Vec<ChunkLeafData>,
}

/// Evidence that is not there, or not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// It cannot be shown.
    #[error("{what} cannot be read")]
    Missing {
        /// What was asked for.
        what: String,
        /// Why not.
        source: EvidenceSource,
    },
    /// Schema and chunks are not those of the dataset.
    #[error("schema and chunks of statement {statement} make dataset {found}, not {expected}")]
    Outline {
        /// The statement that names it.
        statement: StatementId,
        /// Its dataset_id.
        expected: DatasetId,
        /// What the outline makes.
        found: DatasetId,
    },
    /// Rows are not those of the chunk.
    #[error("the rows of chunk {index} of statement {statement} do not have the chunk's root")]
    Chunk {
        /// The statement that names the dataset.
        statement: StatementId,
        /// Which chunk, from 0.
        index: usize,
    },
    /// A file has another digest than the one that names it.
    #[error("expected a file with SHA-256 {expected}, found {found}")]
    Digest {
        /// The digest in the statement.
        expected: Digest,
        /// That of the file.
        found: Digest,
    },
    /// A file is not what its statement says.
    #[error("the file {sha256} is not what its statement says")]
    File {
        /// Its digest.
        sha256: Digest,
        /// What is wrong.
        source: EvidenceSource,
    },
}

/// Asks for an outline, and checks it.
pub(super) fn outline(
    evidence: &mut impl Evidence,
    statement: &StatementId,
    dataset: &Dataset,
) -> Result<Arc<Outline>, EvidenceError> {
    let missing = |source| EvidenceError::Missing { what: format!("the dataset of statement {statement}"), source };
    let outline = evidence.outline(statement, dataset).map_err(missing)?;
    let schema_id = outline.schema.schema_id();
    let rows = outline.chunks.iter().fold(0_u64, |rows, chunk| rows.saturating_add(chunk.rows));
    let root = ChunkRoot::new(merkle::root_of(outline.chunks.iter().map(ChunkLeafData::leaf)));
    let found = dataset_id(row::PROFILE, &schema_id, rows, outline.chunks.len() as u64, &root);
    let expected = dataset.subject.id;
    let of_one_schema =
        outline.chunks.iter().all(|chunk| chunk.schema_id == schema_id && chunk.row_profile == row::PROFILE);
    if found == expected && of_one_schema {
        Ok(Arc::new(outline))
    } else {
        Err(EvidenceError::Outline { statement: *statement, expected, found })
    }
}

/// Asks for the rows of a chunk, and checks them against its leaf data.
pub(super) fn chunk(
    evidence: &mut impl Evidence,
    statement: &StatementId,
    dataset: &Dataset,
    index: usize,
    expected: &ChunkLeafData,
) -> Result<Vec<Row>, EvidenceError> {
    let missing = |source| EvidenceError::Missing { what: format!("chunk {index} of statement {statement}"), source };
    let rows = evidence.chunk(statement, dataset, index).map_err(missing)?;
    let same = rows.len() as u64 == expected.rows
        && merkle::root_of(rows.iter().map(|row| row.leaf)) == *expected.row_root.digest();
    if same { Ok(rows) } else { Err(EvidenceError::Chunk { statement: *statement, index }) }
}

/// Asks for a file, and opens it with what names it.
pub(super) fn file<T, E: Error + Send + Sync + 'static>(
    evidence: &mut impl Evidence,
    sha256: &Digest,
    open: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, EvidenceError> {
    let bytes = bytes(evidence, sha256)?;
    open(&bytes).map_err(|source| EvidenceError::File { sha256: *sha256, source: source.into() })
}

/// Asks for a file.
pub(super) fn bytes(evidence: &mut impl Evidence, sha256: &Digest) -> Result<Vec<u8>, EvidenceError> {
    let missing = |source| EvidenceError::Missing { what: format!("the file {sha256}"), source };
    let bytes = evidence.file(sha256).map_err(missing)?;
    let found = Digest::of(&bytes);
    if found == *sha256 { Ok(bytes) } else { Err(EvidenceError::Digest { expected: *sha256, found }) }
}
