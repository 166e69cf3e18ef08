//! Working types: the Arrow types in which every reader hands over values of a logical type.
//!
//! A logical type leaves widths open; a [`Width`] settles them for a column over its whole input, so that all batches
//! of one input share one Arrow schema whatever the format they came from.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};

use mira_core::schema::{Field, Schema, Type};

use super::infer::Respelled;

/// How wide the values of a column are in memory, as a tree in the shape of the column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Width {
    /// Integers are u64, because one is above `i64::MAX`.
    pub unsigned: bool,
    /// Timestamps, instants and durations count nanoseconds, because one has digits below a microsecond.
    pub nanos: bool,
    /// Floats are 32-bit, because a Parquet input says so.
    pub single: bool,
    /// Digits of a decimal: 18, 38 or 76.
    pub digits: u8,
    /// The same for what is inside: the item of a list, the fields of a struct, key and value of a map.
    pub inner: Vec<Width>,
}

/// A change to one node of a [`Width`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widening {
    /// The column's index in the schema, then the index at each level inside it.
    pub path: Vec<usize>,
    /// What it needs.
    pub need: Need,
}

/// What a value needs that its column's width does not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// u64.
    Unsigned,
    /// Nanoseconds.
    Nanos,
    /// This many digits.
    Digits(u8),
}

/// What the batches of an input are: the logical schema, and the working types that hold its values.
#[derive(Debug, Clone)]
pub struct Plan {
    schema: Arc<Schema>,
    widths: Arc<[Width]>,
    arrow: SchemaRef,
    batch_rows: usize,
    respelled: Arc<[Respelled]>,
}

/// Most values of a batch, nested ones counted by their types: a short line stands for as many nulls as there are
/// columns, and memory is taken for each.
const BATCH_VALUES: usize = 1 << 22;

impl Width {
    /// The least width that `ty` can have.
    pub fn narrowest(ty: &Type) -> Self {
        let inner = match ty {
            Type::List(item) => vec![Self::narrowest(item)],
            Type::Struct(fields) => fields.iter().map(|field| Self::narrowest(&field.ty)).collect(),
            Type::Map(key, value) => vec![Self::narrowest(key), Self::narrowest(value)],
            _ => Vec::new(),
        };
        let digits = if let Type::Decimal(scale) = ty { digit_class(*scale) } else { 18 };
        Self { unsigned: false, nanos: false, single: false, digits, inner }
    }

    /// The width at an index of `inner`, if the tree has one there.
    pub(crate) fn at(&self, index: usize) -> Option<&Self> {
        self.inner.get(index)
    }

    /// The least width that is enough for this and for `other`; a float is single only if both are.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        Self {
            unsigned: self.unsigned || other.unsigned,
            nanos: self.nanos || other.nanos,
            single: self.single && other.single,
            digits: self.digits.max(other.digits),
            inner: self.inner.iter().zip(&other.inner).map(|(own, other)| own.joined(other)).collect(),
        }
    }

    /// How many nodes the tree has.
    fn count(&self) -> usize {
        1 + self.inner.iter().map(Self::count).sum::<usize>()
    }

    fn widen(&mut self, path: &[usize], need: Need) {
        match (path, need) {
            ([first, rest @ ..], _) => {
                if let Some(inner) = self.inner.get_mut(*first) {
                    inner.widen(rest, need);
                }
            }
            ([], Need::Unsigned) => self.unsigned = true,
            ([], Need::Nanos) => self.nanos = true,
            ([], Need::Digits(digits)) => self.digits = self.digits.max(digit_class(digits)),
        }
    }
}

impl Plan {
    /// Batches of `schema` in the least widths; reading tells when a value needs more.
    pub fn narrowest(schema: Schema) -> Self {
        let widths = schema.columns().iter().map(|column| Width::narrowest(&column.ty)).collect();
        Self::new(schema, widths)
    }

    /// Batches of `schema` in the given widths, one tree per column; missing ones are the narrowest.
    pub fn new(schema: Schema, mut widths: Vec<Width>) -> Self {
        for column in schema.columns().iter().skip(widths.len()) {
            widths.push(Width::narrowest(&column.ty));
        }
        let arrow = working_schema(&schema, &widths);
        let batch_rows = (BATCH_VALUES / widths.iter().map(Width::count).sum::<usize>().max(1)).max(1);
        Self { schema: Arc::new(schema), widths: widths.into(), arrow, batch_rows, respelled: Arc::default() }
    }

    /// The same, of columns whose numbers are written otherwise in the input.
    #[must_use]
    pub(crate) fn respelling(self, columns: Vec<Respelled>) -> Self {
        Self { respelled: columns.into(), ..self }
    }

    /// Columns whose numbers are written otherwise in the input, as far as types were inferred from all of it.
    pub fn respelled(&self) -> &[Respelled] {
        &self.respelled
    }

    /// The logical schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A width tree per column.
    pub fn widths(&self) -> &[Width] {
        &self.widths
    }

    /// The Arrow schema of every batch.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// Most rows of a batch.
    pub(crate) fn batch_rows(&self) -> usize {
        self.batch_rows
    }

    /// This plan with one node widened.
    #[must_use]
    pub fn widened(&self, widening: &Widening) -> Self {
        let mut widths = self.widths.to_vec();
        if let [column, path @ ..] = widening.path.as_slice()
            && let Some(width) = widths.get_mut(*column)
        {
            width.widen(path, widening.need);
        }
        Self::new(Schema::clone(&self.schema), widths)
    }
}

/// The Arrow type that holds values of `ty` at `width`.
pub fn working_type(ty: &Type, width: &Width) -> DataType {
    let unit = if width.nanos { TimeUnit::Nanosecond } else { TimeUnit::Microsecond };
    let narrow = |index, ty: &Type| {
        width.at(index).map_or_else(|| working_type(ty, &Width::narrowest(ty)), |w| working_type(ty, w))
    };
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int if width.unsigned => DataType::UInt64,
        Type::Int => DataType::Int64,
        Type::Float if width.single => DataType::Float32,
        Type::Float => DataType::Float64,
        Type::Text => DataType::Utf8,
        Type::Bytes => DataType::Binary,
        Type::Date => DataType::Date32,
        Type::Time => DataType::Time64(TimeUnit::Nanosecond),
        Type::Timestamp => DataType::Timestamp(unit, None),
        Type::Instant => DataType::Timestamp(unit, Some("UTC".into())),
        Type::Duration => DataType::Duration(unit),
        Type::Decimal(scale) => decimal_type(digit_class(width.digits.max(*scale)), *scale),
        Type::List(item) => DataType::List(list_item(narrow(0, item))),
        Type::Struct(fields) => DataType::Struct(struct_fields(
            fields.iter().enumerate().map(|(index, field)| (field.name.as_str(), narrow(index, &field.ty))),
        )),
        Type::Map(key, value) => DataType::Map(map_entries(map_fields(narrow(0, key), narrow(1, value))), false),
    }
}

/// The Arrow schema of a logical one: the same names in the same order, everything nullable, no metadata.
pub fn working_schema(schema: &Schema, widths: &[Width]) -> SchemaRef {
    let typed = schema.columns().iter().zip(widths);
    let fields = typed.map(|(Field { name, ty }, width)| ArrowField::new(name, working_type(ty, width), true));
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

/// The field of a list's items.
pub(crate) fn list_item(item: DataType) -> Arc<ArrowField> {
    Arc::new(ArrowField::new("item", item, true))
}

/// The fields of a struct.
pub(crate) fn struct_fields<'a>(fields: impl Iterator<Item = (&'a str, DataType)>) -> Fields {
    fields.map(|(name, ty)| ArrowField::new(name, ty, true)).collect()
}

/// The fields of a map's entries, of which the key cannot be null.
pub(crate) fn map_fields(key: DataType, value: DataType) -> Fields {
    Fields::from(vec![ArrowField::new("key", key, false), ArrowField::new("value", value, true)])
}

/// The field of a map's entries.
pub(crate) fn map_entries(fields: Fields) -> Arc<ArrowField> {
    Arc::new(ArrowField::new("entries", DataType::Struct(fields), false))
}

/// The least of 18, 38 and 76 digits that is enough.
pub(crate) fn digit_class(digits: u8) -> u8 {
    match digits {
        0..=18 => 18,
        19..=38 => 38,
        _ => 76,
    }
}

fn decimal_type(digits: u8, scale: u8) -> DataType {
    // A logical scale is at most 76, so the conversion cannot fail.
    let scale = i8::try_from(scale).unwrap_or(i8::MAX);
    if digits > 38 { DataType::Decimal256(digits, scale) } else { DataType::Decimal128(digits, scale) }
}

impl fmt::Display for Widening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.need {
            Need::Unsigned => f.write_str("unsigned 64-bit integers"),
            Need::Nanos => f.write_str("nanoseconds"),
            Need::Digits(digits) => write!(f, "{digits} digits"),
        }
    }
}
