//! Values with an owner: for tests, tools and printing. The hot path writes cells without them.

use std::cmp::Ordering;

use super::Seconds;
use crate::cbor::CANONICAL_NAN;

/// One value of a row, or of a list, struct or map in it.
///
/// Two values of one type are equal exactly if their canonical bytes are, save that the pairs of a map may stand in
/// any order here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// No value, of any type.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer; only those that fit i64 or u64 can be encoded.
    Int(i128),
    /// A float.
    Float(Float),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Nanoseconds since midnight; only those within a day can be encoded.
    Time(u64),
    /// A local date and time: seconds since 1970-01-01T00:00:00 on the same clock.
    Timestamp(Seconds),
    /// A point in time: seconds since 1970-01-01T00:00:00Z.
    Instant(Seconds),
    /// A length of time.
    Duration(Seconds),
    /// A decimal in its canonical text.
    Decimal(String),
    /// The items of a list.
    List(Vec<Value>),
    /// The fields of a struct, in the order of its type.
    Struct(Vec<Value>),
    /// The pairs of a map.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// The name of the type the value is of.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Date(_) => "date",
            Value::Time(_) => "time",
            Value::Timestamp(_) => "timestamp",
            Value::Instant(_) => "instant",
            Value::Duration(_) => "duration",
            Value::Decimal(_) => "decimal",
            Value::List(_) => "list",
            Value::Struct(_) => "struct",
            Value::Map(_) => "map",
        }
    }
}

/// A float as a row tells it from others: one NaN, equal to itself, and two zeros.
#[derive(Debug, Clone, Copy)]
pub struct Float(f64);

impl Float {
    /// The number.
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl From<f64> for Float {
    fn from(value: f64) -> Self {
        Self(if value.is_nan() { f64::from_bits(CANONICAL_NAN) } else { value })
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value.into())
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.0.total_cmp(&other.0) == Ordering::Equal
    }
}

impl Eq for Float {}

impl std::hash::Hash for Float {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_equal_as_their_bytes_are() {
        let float = Float::from;
        assert_eq!(float(f64::NAN), float(-f64::NAN));
        assert_eq!(float(f64::from_bits(0x7ff0_0000_0000_0001)), float(f64::NAN));
        assert_ne!(float(0.0), float(-0.0));
        assert_eq!(float(1.0), float(1.0));
    }
}
