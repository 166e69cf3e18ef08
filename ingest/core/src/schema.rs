//! Logical types and canonical schemas.
//!
//! A schema says what rows mean: names and logical types in order, nothing of widths, nullability or storage. Its
//! canonical form is deterministic CBOR, `[[name, type], …]`, and its digest is the schema_id.

use std::fmt;

/// A logical type. Every value of every type may also be null, except a map's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// An integer that fits i64 or u64.
    Int,
    /// A 64-bit IEEE 754 float.
    Float,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
    /// A day, counted from 1970-01-01.
    Date,
    /// A time of day in nanoseconds since midnight.
    Time,
    /// A local date and time, without a zone.
    Timestamp,
    /// A point in time, UTC.
    Instant,
    /// A length of time.
    Duration,
    /// An exact decimal with this many fraction digits, at most [`Type::MAX_SCALE`].
    Decimal(u8),
    /// Items of one type.
    List(Box<Type>),
    /// Named fields in order: at least one, names unique.
    Struct(Vec<Field>),
    /// Pairs, ascending by encoded key, no key twice or null.
    Map(Box<Type>, Box<Type>),
}

/// A column of a schema, or a field of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name: unique among its siblings, at most [`Field::MAX_NAME`] bytes, possibly empty.
    pub name: String,
    /// The type.
    pub ty: Type,
}

impl Type {
    /// Most fraction digits of a decimal.
    pub const MAX_SCALE: u8 = 76;
    /// How deep types may nest: a column of a scalar type has depth 1.
    pub const MAX_DEPTH: usize = 32;
}

impl Field {
    /// Longest name in bytes.
    pub const MAX_NAME: usize = 4096;
}

/// A canonical schema: 1 to [`Schema::MAX_COLUMNS`] columns with unique names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema {
    columns: Vec<Field>,
}

impl Schema {
    /// Most columns of a schema.
    pub const MAX_COLUMNS: usize = 16_384;

    /// The columns, in order.
    pub fn columns(&self) -> &[Field] {
        &self.columns
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
