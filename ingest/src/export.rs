//! A stored dataset as one file again: CSV, NDJSON, Parquet, Arrow or lines of text; or as the files that its rows are.
//!
//! Every chunk is checked twice on the way, its bytes against its CID and its rows against its root, and all chunks
//! together against the dataset_id. Output begins before the last chunk is checked, so a caller writes to a file
//! that gets its name only when the export returns without an error.
//!
//! What is written reads back as the same rows under the dataset's schema (`--schema`):
//!
//! | type | CSV | NDJSON |
//! |---|---|---|
//! | null | empty, unquoted | `null` |
//! | bool, int, decimal | as it is, all fraction digits | the same, as JSON numbers and booleans |
//! | float | shortest decimal with point or exponent; `NaN`, `Infinity`, `-Infinity` | the same; names as strings |
//! | text | as it is; `""` if empty | string |
//! | bytes | base64 with padding | the same as a string |
//! | date, time, timestamp, instant | RFC 3339, shortest fraction; instants in `Z` | the same as strings |
//! | duration | decimal seconds | the same, as a number |
//! | list, struct, map | JSON as in NDJSON | array, object, array of `[key, value]` |
//!
//! Dates and times outside the years 0000 to 9999 have no text, so a dataset with one has no CSV or NDJSON form. In a
//! CSV file of one column a null row is a blank line.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::ArrowError;
use bytes::Bytes;
use mira_core::digest::{DatasetId, RowLeaf};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;

use crate::chunk::{self, ChunkError};
use crate::commit::{CommitError, CommittedDataset};
use crate::observer::{ChunkFiles, Halted};
use crate::store::{LeavesError, Store, StoreError};

mod cell;
mod files;
mod table;

pub use cell::NoText;
pub use files::{NoFile, to_files, to_lines};

/// Why a dataset cannot be exported, or did not verify on the way.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The chunks are not a dataset.
    #[error("the chunks are not a dataset")]
    Commit(#[from] CommitError),
    /// The chunks are another dataset.
    #[error("expected dataset {} of {} rows, the chunks make {} of {}", expected.0, expected.1, found.0, found.1)]
    Dataset {
        /// The dataset_id and the number of rows that were asked for.
        expected: (DatasetId, u64),
        /// Those that the chunks' leaf data make.
        found: (DatasetId, u64),
    },
    /// A chunk's file is not there, or not intact.
    #[error("the file of chunk {index} cannot be read")]
    Store {
        /// Which chunk, from 0.
        index: usize,
        /// What is wrong with its file.
        source: StoreError,
    },
    /// A chunk's file is of another length than the dataset says.
    #[error("chunk {index}: expected a file of {expected} bytes, found {found}")]
    Length {
        /// Which chunk, from 0.
        index: usize,
        /// Its length as the dataset says.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// A chunk's file does not hold the chunk's rows.
    #[error("the file of chunk {index} does not hold its rows")]
    Chunk {
        /// Which chunk, from 0.
        index: usize,
        /// What is wrong with it.
        source: ChunkError,
    },
    /// A chunk's columns do not hold together.
    #[error("the columns of chunk {index} are not valid")]
    Arrays {
        /// Which chunk, from 0.
        index: usize,
        /// What is wrong with them.
        source: ArrowError,
    },
    /// A value has no text form.
    #[error("row {row}, column {column}")]
    Value {
        /// Position of the row in the dataset.
        row: u64,
        /// Name of the column.
        column: String,
        /// Which value, and why not.
        source: NoText,
    },
    /// A row's line is longer than what is read again.
    #[error("row {row} is {bytes} bytes as text, and a line of more than {limit} bytes is not read")]
    Line {
        /// Position of the row in the dataset.
        row: u64,
        /// Bytes of its line.
        bytes: usize,
        /// Most bytes of a line.
        limit: usize,
    },
    /// The columns are not those of the format.
    #[error("{format} cannot hold this dataset: expected the columns {expected}, it has {found}")]
    Shape {
        /// The format.
        format: &'static str,
        /// Its columns.
        expected: String,
        /// The dataset's.
        found: String,
    },
    /// A row is no line, or no file.
    #[error("row {row}")]
    File {
        /// Position of the row in the dataset.
        row: u64,
        /// Why not.
        source: NoFile,
    },
    /// The leaves that were kept of a chunk whose rows were removed are not its leaves.
    #[error("the leaves of chunk {index}")]
    Leaves {
        /// Which chunk, from 0.
        index: usize,
        /// What is wrong with them.
        source: LeavesError,
    },
    /// Whoever watches wanted it to end.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// The output could not be written.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    /// Parquet refused.
    #[error("the Parquet file cannot be written")]
    Parquet(#[from] ParquetError),
    /// Arrow refused.
    #[error("the Arrow file cannot be written")]
    Arrow(#[from] ArrowError),
}

/// The chunks of a stored dataset in order, each checked before it is given out.
///
/// # Errors
/// Before the first chunk, if the dataset's leaf data do not make its dataset_id.
pub fn chunks<'a>(
    dataset: &'a CommittedDataset,
    store: &'a dyn ChunkFiles,
) -> Result<impl Iterator<Item = Result<RecordBatch, ExportError>> + 'a, ExportError> {
    whole(dataset)?;
    Ok((0..dataset.chunks.len()).filter_map(|index| chunk(dataset, store, index).transpose()))
}

/// Checks that the leaf data of all chunks make the dataset_id.
pub(crate) fn whole(dataset: &CommittedDataset) -> Result<(), ExportError> {
    let made = CommittedDataset::new(dataset.physical.clone(), dataset.chunks.clone())?;
    let (expected, found) = ((dataset.dataset_id, dataset.rows), (made.dataset_id, made.rows));
    if expected == found { Ok(()) } else { Err(ExportError::Dataset { expected, found }) }
}

/// A chunk whose rows are those of its root, and the file that they were read from.
#[derive(Debug)]
pub(crate) struct CheckedChunk {
    pub(crate) file: Bytes,
    pub(crate) rows: RecordBatch,
    leaves: Vec<RowLeaf>,
}

/// Reads and checks one chunk; `None` beyond the last.
pub fn chunk(
    dataset: &CommittedDataset,
    store: &dyn ChunkFiles,
    index: usize,
) -> Result<Option<RecordBatch>, ExportError> {
    Ok(chunk_with_file(dataset, store, index)?.map(|chunk| chunk.rows))
}

/// Reads and checks one chunk, and says the leaves of its rows; `None` beyond the last.
pub fn leaves(dataset: &CommittedDataset, store: &Store, index: usize) -> Result<Option<Vec<RowLeaf>>, ExportError> {
    Ok(chunk_with_file(dataset, store, index)?.map(|chunk| chunk.leaves))
}

/// The same, and the bytes that were read.
pub(crate) fn chunk_with_file(
    dataset: &CommittedDataset,
    store: &dyn ChunkFiles,
    index: usize,
) -> Result<Option<CheckedChunk>, ExportError> {
    let Some(chunk) = dataset.chunks.get(index) else { return Ok(None) };
    let limit = chunk.bytes.min(chunk::MAX_FILE);
    let file = store.store().get(&chunk.cid, limit).map_err(|source| ExportError::Store { index, source })?;
    let (expected, found) = (chunk.bytes, file.len() as u64);
    if expected != found {
        return Err(ExportError::Length { index, expected, found });
    }
    let file = Bytes::from(file);
    let rows = chunk::read(file.clone(), &dataset.physical).and_then(|rows| rows.verify_with_leaves(&chunk.leaf));
    let (rows, leaves) = rows.map_err(|source| ExportError::Chunk { index, source })?;
    store.done(chunk.leaf.rows, chunk.bytes)?;
    Ok(Some(CheckedChunk { file, rows, leaves }))
}

/// Writes the dataset as CSV in UTF-8: a header line, LF line ends, quotes only where they are needed.
pub fn to_csv(dataset: &CommittedDataset, store: &dyn ChunkFiles, out: &mut impl Write) -> Result<(), ExportError> {
    table::write(dataset, store, out, &table::Csv)
}

/// Writes the dataset as NDJSON: an object per line with every column, nulls included.
pub fn to_ndjson(dataset: &CommittedDataset, store: &dyn ChunkFiles, out: &mut impl Write) -> Result<(), ExportError> {
    table::write(dataset, store, out, &table::Ndjson)
}

/// Writes the dataset as one Parquet file with the settings of `pq-1`, in row groups of 2^18 rows.
pub fn to_parquet(
    dataset: &CommittedDataset,
    store: &dyn ChunkFiles,
    out: impl Write + Send,
) -> Result<(), ExportError> {
    let options =
        ArrowWriterOptions::new().with_properties(chunk::properties(&dataset.physical)?).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(out, dataset.physical.arrow().clone(), options)?;
    for batch in chunks(dataset, store)? {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}

/// Writes the dataset as one Arrow IPC file, uncompressed, in record batches of at most 2^16 rows.
pub fn to_arrow(dataset: &CommittedDataset, store: &dyn ChunkFiles, out: impl Write) -> Result<(), ExportError> {
    /// Few enough that batches are read by several threads, enough that their heads do not count.
    const BATCH_ROWS: usize = 1 << 16;
    let mut writer = FileWriter::try_new(out, dataset.physical.arrow())?;
    for batch in chunks(dataset, store)? {
        let batch = batch?;
        for from in (0..batch.num_rows()).step_by(BATCH_ROWS) {
            writer.write(&batch.slice(from, BATCH_ROWS.min(batch.num_rows() - from)))?;
        }
    }
    writer.finish()?;
    writer.flush()?;
    Ok(())
}
