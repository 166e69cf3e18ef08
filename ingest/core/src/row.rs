//! Canonical rows, `row_profile` 1: the bytes that one row's values become, and the digests over them.
//!
//! A row is one deterministic CBOR array with an item per column, in schema order. Under one schema equal values have
//! equal bytes and different values have different bytes, whatever file format, width, unit or order of a map's pairs
//! they came in. What each type becomes:
//!
//! | type | item |
//! |---|---|
//! | any | `null`, except as a map's key |
//! | bool, int, text, bytes | themselves; an int fits i64 or u64 |
//! | float | always 64 bits; -0.0 is kept, there is one NaN |
//! | decimal(s) | text: `-?` digits without leading zeros, `.` and s digits if s > 0; never `-0`; at most 76 digits |
//! | date | days since 1970-01-01, within i32 |
//! | time | nanoseconds since midnight, below 86,400,000,000,000 |
//! | timestamp, instant, duration | whole seconds within i64, or \[floor of the seconds, 1…999,999,999 nanoseconds\] |
//! | list | array of items |
//! | struct | array of its fields' items, in order |
//! | map | array of \[key, value\] pairs, ascending bytewise by the key's item, no key twice |
//!
//! Three layers, each usable alone: the append functions ([`begin`], [`decimal`], [`seconds`], … beside those of
//! [`cbor`]) write one cell into a caller's buffer and allocate nothing; [`encode_row`], [`decode_row`] and
//! [`check_row`] hold a whole row against its [`Schema`]; [`row_leaf`] and [`row_key`] hash it.
//!
//! ```
//! use mira_core::row::{self, Value};
//! use mira_core::schema::Schema;
//!
//! let schema = Schema::from_json(r#"[["id","int"],["price",["decimal",2]]]"#)?;
//! let bytes = row::encode_row(&schema, &[Value::Int(7), Value::Decimal("0.50".into())])?;
//!
//! let mut same = Vec::new();
//! row::begin(&mut same, 2);
//! mira_core::cbor::int(&mut same, 7);
//! row::decimal(&mut same, 50, 2);
//! assert_eq!(bytes, same);
//! assert_eq!(bytes, *b"\x82\x07\x640.50");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::cbor::{self, CborError};
use crate::digest::{Digest, RowKey, RowLeaf, TypeId};
use crate::domain;
use crate::schema::Schema;

mod cell;
mod decimal;
mod decode;
mod encode;
mod map;
mod show;
mod value;

pub use cell::{NANOS_PER_DAY, Seconds, TimeUnit, date, seconds, time};
pub use decimal::{DecimalError, MAX_DIGITS, decimal, decimal_digits, decimal_text};
pub use decode::{check_row, decode_row};
pub use encode::encode_row;
pub use map::{MapWriter, OpenMap};
pub use show::NamedRow;
pub use value::{Float, Value};

/// The number of this encoding, as chunk leaf data and dataset ids carry it.
pub const PROFILE: u8 = 1;

/// The longest row in bytes: 64 MiB.
pub const MAX_BYTES: usize = 64 << 20;

/// Starts a row: appends the head of its array. The caller appends one item per column.
#[inline]
pub fn begin(out: &mut Vec<u8>, columns: usize) {
    cbor::array(out, columns as u64);
}

/// The leaf of a row in its chunk's tree: H(00 ‖ row).
pub fn row_leaf(row: &[u8]) -> RowLeaf {
    // RFC 6962, section 2.1.
    Digest::of_parts(&[&[domain::LEAF_PREFIX], row]).into()
}

/// The key by which equal rows are counted once: H("mira/rowkey/v1\0" ‖ type_id ‖ row leaf).
pub fn row_key(type_id: &TypeId, leaf: &RowLeaf) -> RowKey {
    Digest::of_parts(&[domain::ROWKEY, type_id.as_bytes(), leaf.as_bytes()]).into()
}

/// Why a value has no place in a cell, or a cell's bytes are not a value's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// The bytes are not deterministic CBOR of the type's shape.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The value is of another type.
    #[error("expected {expected}, found {found}")]
    Type {
        /// The name of the type that the schema asks for.
        expected: &'static str,
        /// The name of the value's type.
        found: &'static str,
    },
    /// An integer fits neither i64 nor u64.
    #[error("an integer lies in -2^63…2^64-1, found {found}")]
    Int {
        /// The integer.
        found: i128,
    },
    /// A decimal is not one.
    #[error("not a decimal of this type")]
    Decimal(#[from] DecimalError),
    /// A date's day does not fit i32.
    #[error("a date lies in -2^31…2^31-1 days from 1970-01-01, found {found}")]
    Date {
        /// Days since 1970-01-01.
        found: i64,
    },
    /// A time is not within a day.
    #[error("a time lies in 0…86399999999999 ns, found {found}")]
    Time {
        /// Nanoseconds since midnight.
        found: u64,
    },
    /// A fraction of a second is a whole one or more, or is written out although it is zero.
    #[error("a fraction of a second lies in 1…999999999 ns, found {found}")]
    Nanos {
        /// Nanoseconds.
        found: u64,
    },
    /// A struct has another number of fields.
    #[error("expected a struct of {expected} fields, found {found}")]
    Fields {
        /// How many the type has.
        expected: usize,
        /// How many the value has.
        found: usize,
    },
    /// A map has another number of pairs than was announced.
    #[error("expected a map of {expected} pairs, found {found}")]
    Pairs {
        /// How many were announced.
        expected: usize,
        /// How many were written.
        found: usize,
    },
    /// A map's key is null.
    #[error("a key of a map is null")]
    NullKey,
    /// A map has the same key twice.
    #[error("a key of a map occurs twice")]
    DuplicateKey,
    /// The pairs of an encoded map do not ascend.
    #[error("the keys of a map do not ascend")]
    KeyOrder,
}

/// Why values are not a row of a schema, or bytes are not the canonical row of any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The row is longer than [`MAX_BYTES`].
    #[error("a row has at most {MAX_BYTES} bytes, found {found}")]
    Length {
        /// Its length in bytes.
        found: usize,
    },
    /// There are more or fewer cells than columns.
    #[error("expected {expected} columns, found {found}")]
    Columns {
        /// Columns of the schema.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// The row's array is not one, or bytes follow it.
    #[error("not a canonical row")]
    Frame(#[source] CborError),
    /// One cell is at fault.
    #[error("column {column}, {name:?}")]
    Cell {
        /// The column's index, from 0.
        column: usize,
        /// The column's name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: CellError,
    },
}

impl RowError {
    fn cell(schema: &Schema, column: usize, source: CellError) -> Self {
        let name = schema.columns().get(column).map(|field| field.name.clone()).unwrap_or_default();
        Self::Cell { column, name, source }
    }
}
