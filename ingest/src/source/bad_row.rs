//! Records that are no rows, kept apart from those that are.
//!
//! Bad is what one record can be without the rest of its file being in doubt: too many or too few fields, a quoted field
//! that does not end, bytes that are not UTF-8, a line that is no JSON object or names a key twice, a value that is not of
//! its column's type, a record too long to be read. A header, the columns of a file and files that change concern more
//! than a record, and stay errors; so does a file that would be one row, and in JSON what stands between values and a
//! value too long to be read, for only its own brackets tell where it ends.
//!
//! A row of Parquet or Arrow IPC is bad if one of its values is: a text that is not UTF-8, a map with a null key or one key
//! twice, a value that the column's type does not have. What does not decode concerns more than a row, and so does a type
//! without a rule. There are no bytes that are the row, so those of the value are kept.
//!
//! Whether a record is bad depends on its own bytes and on the plan, never on where blocks are cut or who reads them.
//! Inference does not look at bad records, and makes none: where values differ, it finds a wider type.

use arrow_array::RecordBatch;

use super::error::{Place, Problem};

/// What a bad record does to the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBadRow {
    /// It ends it, with an error.
    #[default]
    Fail,
    /// It is set aside as a [`BadRow`], and reading goes on behind it.
    SetAside,
}

/// A record that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Where the record begins, or which row it is.
    pub place: Place,
    /// The byte at fault: of a record, counted from the start of the file; of a row, in [`BadRow::bytes`].
    pub fault: u64,
    /// What is wrong with it.
    pub problem: Problem,
    /// The bytes of a record, without the end of its line. Of a row, those of the value at fault: a text's or bytes' own, of
    /// anything else the number that stands for it, in decimal; none of a row that is too long.
    pub bytes: Vec<u8>,
    /// Whether the bytes go on where those of the bad row before ended: a record too long for memory comes in parts.
    pub continues: bool,
}

/// What became of a piece of input.
#[derive(Debug)]
pub struct Parsed<E> {
    /// Its rows, in order.
    pub batches: Vec<RecordBatch>,
    /// Its records that are no rows, in order.
    pub bad: Vec<BadRow>,
    /// Why there is no more of it, if it is broken.
    pub error: Option<E>,
}

impl<E> Parsed<E> {
    /// Rows without a fault.
    pub fn rows(batches: Vec<RecordBatch>) -> Self {
        Self { batches, bad: Vec::new(), error: None }
    }

    /// Nothing but an error.
    pub fn broken(error: E) -> Self {
        Self { batches: Vec::new(), bad: Vec::new(), error: Some(error) }
    }
}
