//! A batch in working types, made exactly what a chunk file holds.
//!
//! The file bytes of a chunk are a function of its rows and its physical schema. So what rows do not say is made equal
//! here: every NaN becomes the one, map entries are put in the order of their encoded keys, lists lose what lies
//! between and behind their items. Values hidden by a null are never written to Parquet, and stay.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, DecimalType, Float32Type, Float64Type, Int64Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ListArray, MapArray, PrimitiveArray, RecordBatch, StructArray, UInt32Array, make_array,
};
use arrow_buffer::{ArrowNativeType, NullBuffer, OffsetBuffer, i256};
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, TimeUnit};
use arrow_select::take::take;
use mira_core::row::MapWriter;

use crate::rows::{CellEncoder, RowError};

use super::{PhysicalField, PhysicalSchema, PhysicalType};

/// Why a batch cannot be stored under a physical schema.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The batch has more or fewer columns.
    #[error("expected {expected} columns, found {found}")]
    Columns {
        /// Columns of the schema.
        expected: usize,
        /// Columns of the batch.
        found: usize,
    },
    /// A column's type has no conversion to the stored one.
    #[error("column {column} has type {found}, which is not stored as {expected}")]
    Type {
        /// Which column or field.
        column: String,
        /// The Arrow type to store.
        expected: DataType,
        /// The Arrow type at hand.
        found: DataType,
    },
    /// A value is outside the stored type, or would lose digits in it. The rows are fine; another physical schema
    /// holds them.
    #[error("a value of column {column} does not fit {expected}")]
    Fit {
        /// Which column or field.
        column: String,
        /// The Arrow type to store.
        expected: DataType,
    },
    /// A map's keys could not be put in order.
    #[error("the keys of column {column} have no order")]
    Keys {
        /// Which column or field.
        column: String,
        /// Why not.
        source: RowError,
    },
    /// Arrow refuses the parts of a batch; its lengths disagree or an offset is too large.
    #[error("column {column} is not a valid array")]
    Arrow {
        /// Which column or field.
        column: String,
        /// What is wrong with it.
        source: ArrowError,
    },
}

impl PhysicalSchema {
    /// Makes a batch of working types exactly what a chunk file holds; columns match by position.
    ///
    /// # Errors
    /// [`ConvertError::Fit`] where the schema is another dataset's and too narrow; the others do not happen to a batch
    /// whose own schema gave this one by [`PhysicalSchema::of_working`].
    pub fn convert(&self, batch: &RecordBatch) -> Result<RecordBatch, ConvertError> {
        let (expected, found) = (self.columns.len(), batch.num_columns());
        if expected != found {
            return Err(ConvertError::Columns { expected, found });
        }
        let convert = |(field, array): (&PhysicalField, &ArrayRef)| convert(&field.ty, array, None, &field.name);
        let columns = self.columns.iter().zip(batch.columns()).map(convert).collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(self.arrow.clone(), columns)
            .map_err(|source| ConvertError::Arrow { column: String::new(), source })
    }
}

/// Converts one array. Where `hidden` is null, so is the parent, and the value must not matter.
fn convert(
    ty: &PhysicalType,
    array: &ArrayRef,
    hidden: Option<&NullBuffer>,
    column: &str,
) -> Result<ArrayRef, ConvertError> {
    let target = ty.arrow();
    match (ty, array.data_type()) {
        (PhysicalType::Float(_), DataType::Float32 | DataType::Float64) => float(array, hidden, &target),
        (PhysicalType::List(item), DataType::List(_)) => return list(item, array.as_list(), &target, column),
        (PhysicalType::Struct(fields), DataType::Struct(_)) => {
            return structure(fields, array.as_struct(), hidden, &target, column);
        }
        (PhysicalType::Map(key, value), DataType::Map(..)) => {
            return map((key, value), array.as_map(), &target, column);
        }
        (_, found) if *found == target => Some(array.clone()),
        (PhysicalType::Int(_), DataType::Int64 | DataType::UInt64) => integer(array, hidden, &target),
        (PhysicalType::Timestamp(_), DataType::Timestamp(unit, None)) => time(array, hidden, *unit, &target),
        (PhysicalType::Instant(_), DataType::Timestamp(unit, Some(zone))) if zone.as_ref() == super::UTC => {
            time(array, hidden, *unit, &target)
        }
        (PhysicalType::Duration(_), DataType::Duration(unit)) => time(array, hidden, *unit, &target),
        (PhysicalType::Decimal(scale, _), DataType::Decimal128(_, found) | DataType::Decimal256(_, found))
            if i16::from(*found) == i16::from(*scale) =>
        {
            decimal(array, hidden, &target)
        }
        (_, found) => {
            let found = found.clone();
            return Err(ConvertError::Type { column: column.to_owned(), expected: target, found });
        }
    }
    .ok_or(ConvertError::Fit { column: column.to_owned(), expected: target })
}

/// Maps the visible values of a primitive array; `None` as soon as `op` has none.
fn try_map<S: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    array: &PrimitiveArray<S>,
    hidden: Option<&NullBuffer>,
    target: &DataType,
    op: impl Fn(S::Native) -> Option<T::Native>,
) -> Option<ArrayRef> {
    let nulls = NullBuffer::union(array.nulls(), hidden);
    let masked = PrimitiveArray::<S>::new(array.values().clone(), nulls);
    let mapped = masked.try_unary::<_, T, ()>(|value| op(value).ok_or(())).ok()?;
    Some(Arc::new(mapped.with_data_type(target.clone())))
}

fn integer(array: &ArrayRef, hidden: Option<&NullBuffer>, target: &DataType) -> Option<ArrayRef> {
    if let Some(signed) = array.as_primitive_opt::<Int64Type>() {
        return try_map::<_, UInt64Type>(signed, hidden, target, |value| u64::try_from(value).ok());
    }
    let unsigned = array.as_primitive_opt::<UInt64Type>()?;
    try_map::<_, Int64Type>(unsigned, hidden, target, |value| i64::try_from(value).ok())
}

/// Keeps or changes the width if every value allows it, and makes every NaN the canonical one.
fn float(array: &ArrayRef, hidden: Option<&NullBuffer>, target: &DataType) -> Option<ArrayRef> {
    match (array.as_primitive_opt::<Float32Type>(), array.as_primitive_opt::<Float64Type>(), target) {
        (Some(floats), _, DataType::Float32) => {
            let odd = floats.values().iter().any(|value| value.is_nan() && value.to_bits() != f32::NAN.to_bits());
            let one = |value: f32| if value.is_nan() { f32::NAN } else { value };
            Some(if odd { Arc::new(floats.unary::<_, Float32Type>(one)) } else { array.clone() })
        }
        (_, Some(floats), DataType::Float64) => {
            let odd = floats.values().iter().any(|value| value.is_nan() && value.to_bits() != f64::NAN.to_bits());
            let one = |value: f64| if value.is_nan() { f64::NAN } else { value };
            Some(if odd { Arc::new(floats.unary::<_, Float64Type>(one)) } else { array.clone() })
        }
        (Some(floats), ..) => try_map::<_, Float64Type>(floats, hidden, target, |value| Some(widen(value))),
        (_, Some(floats), _) => try_map::<_, Float32Type>(floats, hidden, target, narrow),
        _ => None,
    }
}

fn widen(value: f32) -> f64 {
    if value.is_nan() { f64::NAN } else { f64::from(value) }
}

/// The float of 32 bits that has exactly this value, if there is one.
#[expect(clippy::cast_possible_truncation, reason = "what the cast changed is found by casting back")]
fn narrow(value: f64) -> Option<f32> {
    if value.is_nan() {
        return Some(f32::NAN);
    }
    let narrowed = value as f32;
    (f64::from(narrowed).to_bits() == value.to_bits()).then_some(narrowed)
}

/// Timestamps, instants and durations: 64-bit counts whose unit changes from µs to ns or back.
fn time(array: &ArrayRef, hidden: Option<&NullBuffer>, from: TimeUnit, target: &DataType) -> Option<ArrayRef> {
    let op = match from {
        TimeUnit::Microsecond => |count: i64| count.checked_mul(1000),
        TimeUnit::Nanosecond => |count: i64| (count % 1000 == 0).then_some(count / 1000),
        TimeUnit::Second | TimeUnit::Millisecond => return None,
    };
    // The numbers are i64 whatever the type says they count.
    let counts = retyped(array, DataType::Int64)?;
    let mapped = try_map::<_, Int64Type>(counts.as_primitive::<Int64Type>(), hidden, &DataType::Int64, op)?;
    retyped(&mapped, target.clone())
}

/// The same buffers read as another type of the same width.
fn retyped(array: &ArrayRef, ty: DataType) -> Option<ArrayRef> {
    array.to_data().into_builder().data_type(ty).build().ok().map(make_array)
}

/// Changes the number of digits, not the scale.
fn decimal(array: &ArrayRef, hidden: Option<&NullBuffer>, target: &DataType) -> Option<ArrayRef> {
    let (narrow, wide) = (array.as_primitive_opt::<Decimal128Type>(), array.as_primitive_opt::<Decimal256Type>());
    let fits128 = |value: &i128, digits| Decimal128Type::is_valid_decimal_precision(*value, digits);
    let fits256 = |value: &i256, digits| Decimal256Type::is_valid_decimal_precision(*value, digits);
    match (narrow, wide, target) {
        (Some(array), _, DataType::Decimal128(digits, _)) => {
            try_map::<_, Decimal128Type>(array, hidden, target, |value| Some(value).filter(|v| fits128(v, *digits)))
        }
        (Some(array), _, DataType::Decimal256(..)) => {
            try_map::<_, Decimal256Type>(array, hidden, target, |value| Some(i256::from_i128(value)))
        }
        (_, Some(array), DataType::Decimal128(digits, _)) => {
            try_map::<_, Decimal128Type>(array, hidden, target, |value| value.to_i128().filter(|v| fits128(v, *digits)))
        }
        (_, Some(array), DataType::Decimal256(digits, _)) => {
            try_map::<_, Decimal256Type>(array, hidden, target, |value| Some(value).filter(|v| fits256(v, *digits)))
        }
        _ => None,
    }
}

fn structure(
    fields: &[PhysicalField],
    array: &StructArray,
    hidden: Option<&NullBuffer>,
    target: &DataType,
    column: &str,
) -> Result<ArrayRef, ConvertError> {
    let (DataType::Struct(target_fields), true) = (target, fields.len() == array.num_columns()) else {
        return Err(type_error(column, target, array));
    };
    let nulls = NullBuffer::union(array.nulls(), hidden);
    let child = |(field, child): (&PhysicalField, &ArrayRef)| {
        convert(&field.ty, child, nulls.as_ref(), &format!("{column}.{}", field.name))
    };
    let children = fields.iter().zip(array.columns()).map(child).collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new_with_length(target_fields.clone(), children, array.nulls().cloned(), array.len())
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| ConvertError::Arrow { column: column.to_owned(), source })
}

fn list(item: &PhysicalType, array: &ListArray, target: &DataType, column: &str) -> Result<ArrayRef, ConvertError> {
    let DataType::List(target_item) = target else { return Err(type_error(column, target, array)) };
    let bad = |source| ConvertError::Arrow { column: column.to_owned(), source };
    let spans = Spans::of(array.offsets(), array.nulls());
    let items = convert(item, &spans.pick(array.values()).map_err(bad)?, None, column)?;
    ListArray::try_new(target_item.clone(), spans.offsets, items, array.nulls().cloned())
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(bad)
}

fn map(
    (key, value): (&PhysicalType, &PhysicalType),
    array: &MapArray,
    target: &DataType,
    column: &str,
) -> Result<ArrayRef, ConvertError> {
    let Some((entries, fields)) = entries_of(target) else { return Err(type_error(column, target, array)) };
    let bad = |source| ConvertError::Arrow { column: column.to_owned(), source };
    let mut spans = Spans::of(array.offsets(), array.nulls());
    let keys = spans.pick(array.keys()).map_err(bad)?;
    let values = spans.pick(array.values()).map_err(bad)?;
    let order = spans.order_by(&keys).map_err(|source| ConvertError::Keys { column: column.to_owned(), source })?;
    let (keys, values) = match order {
        None => (keys, values),
        Some(order) => (take(&keys, &order, None).map_err(bad)?, take(&values, &order, None).map_err(bad)?),
    };
    let keys = convert(key, &keys, None, column)?;
    let values = convert(value, &values, None, column)?;
    let pairs = StructArray::try_new(fields.clone(), vec![keys, values], None).map_err(bad)?;
    let offsets = std::mem::replace(&mut spans.offsets, OffsetBuffer::new_empty());
    MapArray::try_new(entries.clone(), offsets, pairs, array.nulls().cloned(), false)
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(bad)
}

fn entries_of(target: &DataType) -> Option<(&FieldRef, &Fields)> {
    let DataType::Map(entries, _) = target else { return None };
    let DataType::Struct(fields) = entries.data_type() else { return None };
    Some((entries, fields))
}

fn type_error(column: &str, expected: &DataType, found: &dyn Array) -> ConvertError {
    ConvertError::Type { column: column.to_owned(), expected: expected.clone(), found: found.data_type().clone() }
}

/// Where the items of each list lie, once what no list shows is gone.
struct Spans {
    /// Offsets into the picked items, from 0, without gaps.
    offsets: OffsetBuffer<i32>,
    /// The picked items' positions in the original.
    picked: Picked,
}

/// Which items of a child array are visible.
enum Picked {
    /// One run: the usual case, also after slicing.
    Run { start: usize, len: usize },
    /// Some nulls hide items.
    Items(UInt32Array),
}

impl Spans {
    fn of(offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>) -> Self {
        let shown = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
        let spans = || {
            offsets.windows(2).enumerate().map(|(row, pair)| match pair {
                [start, end] if shown(row) => start.as_usize()..end.as_usize(),
                _ => 0..0,
            })
        };
        let hides = offsets.windows(2).enumerate().any(|(row, pair)| !shown(row) && pair.first() != pair.last());
        let start = offsets.first().map_or(0, |offset| offset.as_usize());
        let end = offsets.last().map_or(0, |offset| offset.as_usize());
        let picked = if hides {
            // Offsets are i32, so every position fits u32.
            Picked::Items(spans().flatten().filter_map(|at| u32::try_from(at).ok()).collect())
        } else {
            Picked::Run { start, len: end - start }
        };
        Self { offsets: OffsetBuffer::from_lengths(spans().map(|span| span.len())), picked }
    }

    fn pick(&self, items: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match &self.picked {
            Picked::Run { start, len } => Ok(items.slice(*start, *len)),
            Picked::Items(at) => take(items, at, None),
        }
    }

    /// The order that puts each span's keys in ascending order of their encoding, unless they are in it already.
    fn order_by(&self, keys: &ArrayRef) -> Result<Option<UInt32Array>, RowError> {
        let encoder = CellEncoder::new(keys.as_ref())?;
        let (mut bytes, mut maps, mut ends) = (Vec::new(), MapWriter::default(), vec![0]);
        for row in 0..keys.len() {
            encoder.encode(row, &mut bytes, &mut maps)?;
            ends.push(bytes.len());
        }
        let key = |row: &u32| {
            let row = row.as_usize();
            let (start, end) = (ends.get(row).copied().unwrap_or(0), ends.get(row + 1).copied().unwrap_or(0));
            bytes.get(start..end).unwrap_or_default()
        };
        let mut order: Vec<u32> = (0..).take(keys.len()).collect();
        let mut sorted = true;
        for pair in self.offsets.windows(2) {
            let [start, end] = pair else { continue };
            let Some(span) = order.get_mut(start.as_usize()..end.as_usize()) else { continue };
            if !span.is_sorted_by_key(key) {
                sorted = false;
                span.sort_by(|a, b| key(a).cmp(key(b)));
            }
        }
        Ok((!sorted).then(|| UInt32Array::from(order)))
    }
}
