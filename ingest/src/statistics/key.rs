//! Values as Parquet orders them.

use std::cmp::Ordering;
use std::fmt;

use parquet::basic::{SortOrder, Type};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::schema::types::ColumnDescriptor;

/// A value that compares as the column's order says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    /// Compared byte by byte.
    Bytes(&'a [u8]),
    /// Big-endian, with a sign, of any length.
    Number(&'a [u8]),
}

/// How a column's bytes become keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    ty: Type,
    is_unsigned: bool,
}

impl Order {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        Self { ty: column.physical_type(), is_unsigned: column.sort_order() == SortOrder::UNSIGNED }
    }

    pub(super) fn int(self, value: i64) -> Key<'static> {
        if self.is_unsigned { Key::Unsigned(value.cast_unsigned()) } else { Key::Int(value) }
    }

    pub(super) fn short(self, value: i32) -> Key<'static> {
        if self.is_unsigned { Key::Unsigned(value.cast_unsigned().into()) } else { Key::Int(value.into()) }
    }

    pub(super) fn bytes(self, value: &[u8]) -> Key<'_> {
        // Decimals are the only byte arrays of ours with a sign.
        if self.is_unsigned { Key::Bytes(value) } else { Key::Number(value) }
    }

    /// A bound as the footer has it; nothing if it is of another length than the type.
    pub(super) fn parse(self, bytes: &[u8]) -> Option<Key<'_>> {
        Some(match self.ty {
            Type::BOOLEAN => Key::Bool(*bytes.first()? != 0),
            Type::INT32 => self.short(i32::from_le_bytes(bytes.try_into().ok()?)),
            Type::INT64 => self.int(i64::from_le_bytes(bytes.try_into().ok()?)),
            Type::FLOAT => Key::Float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
            Type::DOUBLE => Key::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
            Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => self.bytes(bytes),
            Type::INT96 => return None,
        })
    }
}

/// The values of a column chunk that are not null.
#[derive(Debug)]
pub(super) enum Values {
    Bool(Vec<bool>),
    Short(Vec<i32>),
    Int(Vec<i64>),
    Single(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

impl Values {
    pub(super) fn key(&self, order: Order, at: usize) -> Option<Key<'_>> {
        Some(match self {
            Self::Bool(values) => Key::Bool(*values.get(at)?),
            Self::Short(values) => order.short(*values.get(at)?),
            Self::Int(values) => order.int(*values.get(at)?),
            Self::Single(values) => Key::Float((*values.get(at)?).into()),
            Self::Double(values) => Key::Float(*values.get(at)?),
            Self::Bytes(values) => order.bytes(values.get(at)?.data()),
            Self::Fixed(values) => order.bytes(values.get(at)?.data()),
        })
    }
}

impl Key<'_> {
    /// Their order; none if one of them is no number, for that has no place. The two zeros are equal.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(&b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Unsigned(a), Self::Unsigned(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => Some(numbers(a, b)),
            _ => None,
        }
    }

    pub(super) const fn is_nan(self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

/// Compares two's complement numbers, whatever their lengths.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let sign = |bytes: &[u8]| bytes.first().is_some_and(|first| *first >= 0x80);
    let (a_sign, b_sign) = (sign(a), sign(b));
    if a_sign != b_sign {
        return b_sign.cmp(&a_sign);
    }
    let fill = if a_sign { 0xff } else { 0 };
    let len = a.len().max(b.len());
    let padded = |bytes: &'_ [u8]| std::iter::repeat_n(fill, len - bytes.len()).chain(bytes.to_vec());
    padded(a).cmp(padded(b))
}

/// Most bytes of a value that are told.
const MAX_TOLD: usize = 40;

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Bytes(bytes) => {
                let start = bytes.get(..MAX_TOLD).unwrap_or(bytes);
                write!(f, "{:?}", String::from_utf8_lossy(start))
            }
            Self::Number(bytes) => write!(f, "h'{}'", data_encoding::HEXLOWER.encode_display(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length() {
        let order = |a: &[u8], b: &[u8]| Key::Number(a).compare(Key::Number(b));
        assert_eq!(order(&[0, 5], &[5]), Some(Ordering::Equal));
        assert_eq!(order(&[0xff, 0xfe], &[0xfe]), Some(Ordering::Equal));
        assert_eq!(order(&[0xff], &[0]), Some(Ordering::Less));
        assert_eq!(order(&[1, 0], &[0x7f]), Some(Ordering::Greater));
        assert_eq!(order(&[0x80, 0], &[0xff]), Some(Ordering::Less));
    }
}
