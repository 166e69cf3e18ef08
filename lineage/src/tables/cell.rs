//! How the values of rows become columns.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, StringBuilder, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use mira_core::cid::Cid;
use mira_core::digest::{
    ContributorId, DatasetId, Digest, EntryId, LogRoot, ManifestDigest, ModelId, RowRoot, SchemaId, StatementId,
};
use mira_core::fold::{Reason, Withdrawn};
use mira_core::key::VerifyingKey;
use mira_core::name::{Commit, Label, MetricName, MetricValue, Name, Uri};
use mira_core::rights::{Attribution, Basis, License, PersonalData, Visibility};
use mira_core::statement::{AgentRole, DeploymentState, EvmAddress, InputRole, Kind, Unit};
use mira_core::time::{Date, UtcTime};

use super::{Assurance, NodeKind, Rel, Side};

/// An amount of a token in its smallest unit: an integer of at most 38 decimal digits.
///
/// A contract counts in 256 bits; SQL can add and compare 38 digits exactly, which is 10^20 tokens of 18 decimals. A larger
/// amount is refused when it is handed in, never rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenAmount(u128);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an amount has 1 to {} decimal digits and no leading zero, found {found:?}", TokenAmount::DIGITS)]
pub struct AmountError {
    /// The text as given, cut to 80 characters.
    pub found: String,
}

impl TokenAmount {
    /// Most decimal digits.
    pub const DIGITS: u8 = 38;

    /// The amount, if it has at most 38 digits.
    pub const fn new(amount: u128) -> Option<Self> {
        if amount < 10_u128.pow(Self::DIGITS as u32) { Some(Self(amount)) } else { None }
    }

    /// The amount.
    pub const fn value(self) -> u128 {
        self.0
    }
}

impl FromStr for TokenAmount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        // Printing back refuses signs and leading zeros.
        let amount = text.parse().ok().and_then(Self::new).filter(|amount| amount.to_string() == text);
        amount.ok_or_else(|| AmountError { found: text.chars().take(80).collect() })
    }
}

impl fmt::Display for TokenAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A part of one, exact to 18 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u128);

impl Share {
    /// Decimals.
    pub const SCALE: u8 = 18;
    /// The whole, in units of the last decimal.
    pub const ONE: u128 = 10_u128.pow(Self::SCALE as u32);

    /// So many units of the last decimal, at most the whole.
    pub const fn new(units: u128) -> Self {
        Self(if units < Self::ONE { units } else { Self::ONE })
    }

    /// Units of the last decimal.
    pub const fn units(self) -> u128 {
        self.0
    }
}

/// A value that a cell can hold.
pub(super) trait Cell: 'static {
    fn data_type() -> DataType;

    fn array(values: &mut dyn Iterator<Item = Option<&Self>>) -> ArrayRef;
}

/// A value of a column: of a cell, or perhaps nothing.
pub(super) trait Value {
    type Cell: Cell;
    const NULLABLE: bool;

    fn cell(&self) -> Option<&Self::Cell>;
}

impl<T: Cell> Value for Option<T> {
    type Cell = T;
    const NULLABLE: bool = true;

    fn cell(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// The column of this type.
pub(super) fn field<V: Value>(name: &str) -> Field {
    Field::new(name, V::Cell::data_type(), V::NULLABLE)
}

/// The values of one column.
pub(super) fn column<R, V: Value>(rows: &[R], value: impl Fn(&R) -> &V) -> ArrayRef {
    V::Cell::array(&mut rows.iter().map(|row| value(row).cell()))
}

/// Values that are always there.
macro_rules! values {
    ($($type:ty),* $(,)?) => {$(
        impl Value for $type {
            type Cell = Self;
            const NULLABLE: bool = false;

            fn cell(&self) -> Option<&Self> {
                Some(self)
            }
        }
    )*};
}

macro_rules! plain_cells {
    ($($type:ty, $data_type:expr, $array:ty, $convert:expr;)*) => {$(
        values! { $type }

        impl Cell for $type {
            fn data_type() -> DataType {
                $data_type
            }

            fn array(values: &mut dyn Iterator<Item = Option<&Self>>) -> ArrayRef {
                let array: $array = values.map(|value| value.map($convert)).collect();
                Arc::new(array)
            }
        }
    )*};
}

plain_cells! {
    bool, DataType::Boolean, BooleanArray, |value| *value;
    u32, DataType::UInt32, UInt32Array, |value| *value;
    u64, DataType::UInt64, UInt64Array, |value| *value;
}

values! { Share, TokenAmount, UtcTime }

impl Cell for TokenAmount {
    fn data_type() -> DataType {
        DataType::Decimal128(Self::DIGITS, 0)
    }

    fn array(values: &mut dyn Iterator<Item = Option<&Self>>) -> ArrayRef {
        // 38 digits are fewer than 127 bits.
        let array: Decimal128Array = values.map(|value| value.map(|amount| amount.0.cast_signed())).collect();
        Arc::new(array.with_data_type(Self::data_type()))
    }
}

impl Cell for Share {
    fn data_type() -> DataType {
        DataType::Decimal128(Self::SCALE + 1, Self::SCALE.cast_signed())
    }

    fn array(values: &mut dyn Iterator<Item = Option<&Self>>) -> ArrayRef {
        let array: Decimal128Array = values.map(|value| value.map(|share| share.0.cast_signed())).collect();
        Arc::new(array.with_data_type(Self::data_type()))
    }
}

impl Cell for UtcTime {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }

    fn array(values: &mut dyn Iterator<Item = Option<&Self>>) -> ArrayRef {
        // Years have four digits, so microseconds fit.
        let micros = |time: &UtcTime| time.unix_seconds() * 1_000_000;
        let array: TimestampMicrosecondArray = values.map(|value| value.map(micros)).collect();
        Arc::new(array.with_timezone("UTC"))
    }
}

/// Cells that hold a value's one text form.
macro_rules! text_cells {
    ($($type:ty),* $(,)?) => {$(
        values! { $type }

        impl Cell for $type {
            fn data_type() -> DataType {
                DataType::Utf8
            }

            fn array(values: &mut dyn Iterator<Item = Option<&Self>>) -> ArrayRef {
                texts(values.map(|value| value.map(|value| value as &dyn fmt::Display)))
            }
        }
    )*};
}

text_cells! {
    AgentRole, Assurance, Attribution, Basis, Cid, Commit, ContributorId, DatasetId, Date, DeploymentState, Digest, EntryId,
    EvmAddress, InputRole, Kind, Label, License, LogRoot, ManifestDigest, MetricName, MetricValue, ModelId, Name, NodeKind,
    PersonalData, Reason, Rel, RowRoot, SchemaId, Side, StatementId, String, Unit, Uri, VerifyingKey,
    Visibility,
}

values! { Withdrawn }

impl Cell for Withdrawn {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn array(values: &mut dyn Iterator<Item = Option<&Self>>) -> ArrayRef {
        let word = |value: &Self| match value {
            Self::Nothing => "nothing",
            Self::Rows => "rows",
            Self::Whole => "whole",
        };
        let words: Vec<Option<&str>> = values.map(|value| value.map(word)).collect();
        texts(words.iter().map(|word| word.as_ref().map(|word| word as &dyn fmt::Display)))
    }
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a dyn fmt::Display>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for value in values {
        let Some(value) = value else {
            builder.append_null();
            continue;
        };
        text.clear();
        // Writing to a string fails only if the value's own `fmt` does, and those here do not.
        let _ = fmt::write(&mut text, format_args!("{value}"));
        builder.append_value(&text);
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        let most = "9".repeat(38);
        assert_eq!(most.parse::<TokenAmount>().unwrap().to_string(), most);
        for bad in ["", "-1", "+1", "01", "1.0", "1e3", &format!("1{}", "0".repeat(38)), &u128::MAX.to_string()] {
            assert!(bad.parse::<TokenAmount>().is_err(), "{bad}");
        }
        assert_eq!(TokenAmount::new(10_u128.pow(38)), None);
    }
}
