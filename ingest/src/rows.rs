//! Arrow batches to canonical rows (`row_profile` 1) and their leaf hashes.
//!
//! What a row says does not depend on how Arrow holds it: dictionaries, views, large and run-end encodings, integer and
//! float widths, units of time, slices and values hidden under nulls leave no trace in its bytes. A type without a rule
//! (intervals, unions) is an error, and so is a value that its logical type does not have.
//!
//! A batch is compiled once into one [`CellEncoder`] per column, which borrows the column's buffers; rows then append
//! to one byte vector, and nothing is allocated per row or cell.
//!
//! ```
//! use std::sync::Arc;
//! use arrow_array::{Int32Array, RecordBatch, StringArray};
//! use mira_ingest::rows::RowEncoder;
//!
//! let ids = Arc::new(Int32Array::from(vec![1, -2]));
//! let names = Arc::new(StringArray::from(vec![Some("é"), None]));
//! let batch = RecordBatch::try_from_iter([("id", ids as _), ("name", names as _)])?;
//!
//! let mut encoder = RowEncoder::new(&batch)?;
//! let mut row = Vec::new();
//! encoder.encode(0, &mut row)?;
//! assert_eq!(row, [0x82, 0x01, 0x62, 0xc3, 0xa9]);
//! row.clear();
//! encoder.encode(1, &mut row)?;
//! assert_eq!(row, [0x82, 0x21, 0xf6]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, Schema as ArrowSchema};
use mira_core::digest::{Digest, RowLeaf};
use mira_core::domain::LEAF_PREFIX;
use mira_core::row::{self, CellError, MAX_BYTES, MapWriter};
use mira_core::schema::{Schema, SchemaError};

mod cell;
mod logical;
mod wide;

pub use cell::CellEncoder;
use cell::Out;

/// Why rows have no canonical bytes.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// No rule says what values of this type are.
    #[error("{found} values have no canonical form")]
    Type {
        /// The Arrow type.
        found: DataType,
    },
    /// The columns are not a schema.
    #[error("the columns are not a schema")]
    Schema(#[from] SchemaError),
    /// A stored number stands for no value of its type.
    #[error("{rule}, found {found}")]
    Value {
        /// The rule it breaks.
        rule: &'static str,
        /// The number as the array holds it.
        found: i64,
    },
    /// A value does not exist in its logical type.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// A row is too long.
    #[error("a row has at most {MAX_BYTES} canonical bytes")]
    Long,
    /// An array's parts disagree: an offset, key or run end leads outside.
    #[error("an array refers to item {index} of {len}")]
    Broken {
        /// Where it leads.
        index: usize,
        /// How many items there are.
        len: usize,
    },
    /// One of the above, in a known row and column.
    #[error("row {row} of the batch, column {column}")]
    At {
        /// Row in the batch, from 0.
        row: usize,
        /// Name of the column.
        column: String,
        /// What is wrong there.
        source: Box<RowError>,
    },
    /// A column of a type without a rule.
    #[error("column {column}")]
    Column {
        /// Name of the column.
        column: String,
        /// What is wrong with it.
        source: Box<RowError>,
    },
}

/// The logical schema of rows in these Arrow types; widths, nullability and metadata do not matter.
pub fn logical_schema(schema: &ArrowSchema) -> Result<Schema, RowError> {
    logical::schema(schema)
}

/// Encodes the rows of one batch.
pub struct RowEncoder<'a> {
    columns: Vec<CellEncoder<'a>>,
    batch: &'a RecordBatch,
    maps: MapWriter,
}

impl<'a> RowEncoder<'a> {
    /// Compiles the batch's columns.
    ///
    /// # Errors
    /// [`RowError::Column`] for a type without a rule.
    pub fn new(batch: &'a RecordBatch) -> Result<Self, RowError> {
        let compile = |(array, field): (&'a ArrayRef, &FieldRef)| {
            CellEncoder::new(array.as_ref())
                .map_err(|source| RowError::Column { column: field.name().clone(), source: Box::new(source) })
        };
        let fields = batch.schema_ref().fields();
        let columns = batch.columns().iter().zip(fields).map(compile).collect::<Result<_, _>>()?;
        Ok(Self { columns, batch, maps: MapWriter::default() })
    }

    /// How many rows the batch has.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Appends the canonical bytes of a row.
    ///
    /// # Errors
    /// [`RowError::At`] with the column whose value is at fault; what was appended is then no row.
    pub fn encode(&mut self, row: usize, bytes: &mut Vec<u8>) -> Result<(), RowError> {
        let start = bytes.len();
        row::begin(bytes, self.columns.len());
        let mut out = Out { bytes, maps: &mut self.maps };
        for (index, column) in self.columns.iter().enumerate() {
            let mut result = column.append(row, &mut out);
            if out.bytes.len() - start > MAX_BYTES {
                result = Err(RowError::Long);
            }
            if let Err(source) = result {
                self.maps.reset();
                return Err(self.at(row, index, source));
            }
        }
        Ok(())
    }

    /// Encodes every row and hashes it: one leaf and length per row, in order.
    pub fn leaves(&mut self) -> Result<Vec<Leaf>, RowError> {
        let mut leaves = Vec::with_capacity(self.rows());
        // The prefix and the row lie together, so that each leaf is one call of the hash.
        let mut preimage = Vec::new();
        for row in 0..self.rows() {
            preimage.clear();
            preimage.push(LEAF_PREFIX);
            self.encode(row, &mut preimage)?;
            // At most MAX_BYTES, which fits.
            let len = u32::try_from(preimage.len() - 1).unwrap_or(u32::MAX);
            leaves.push(Leaf { hash: Digest::of(&preimage).into(), len });
        }
        Ok(leaves)
    }

    #[cold]
    fn at(&self, row: usize, column: usize, source: RowError) -> RowError {
        let column = self.batch.schema_ref().fields().get(column).map(|field| field.name().clone());
        RowError::At { row, column: column.unwrap_or_default(), source: Box::new(source) }
    }
}

/// What a dataset keeps of a row: enough to cut chunks and build trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// H(00 ‖ row).
    pub hash: RowLeaf,
    /// Length of the canonical row in bytes.
    pub len: u32,
}
