//! Arrow arrays of any kind, as Parquet readers make them, brought into working types.
//!
//! Encodings are undone first: dictionaries, runs, views, large offsets, fixed sizes. Then values move between widths,
//! each checked: a conversion is exact or refused. Types without a logical type are refused by name.
//!
//! Texts may come as bytes, from readers that leave it open whether they are UTF-8. A whole column is looked at here in one
//! go; which value it is that is none is looked for only if there is one.

use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, MapArray, PrimitiveArray, RunArray,
    StringArray, StructArray, UInt32Array, new_null_array,
};
use arrow_buffer::{ArrowNativeType as _, NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, TimeUnit};
use arrow_select::filter::filter;
use arrow_select::nullif::nullif;
use arrow_select::take::take;

use mira_core::schema::{Field, Type};

use super::arrow::expand;
use super::column::{Fault, Strings};
use super::error::Reason;
use super::moment::DAY;
use super::working::{Need, Width, digit_class, list_item, map_entries, map_fields, struct_fields, working_type};

mod keys;

/// Why an array does not become a column of the schema.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// One value does not fit.
    Value {
        /// Its row.
        row: usize,
        /// The index at each level inside the column, innermost first.
        path: Vec<usize>,
        fault: Fault,
        /// The value: its own bytes if it is a text or bytes, else the number that stands for it, in decimal.
        value: Vec<u8>,
    },
    /// The type is another, or has no rule.
    Type { path: Vec<usize>, found: String, expected: String },
    /// Arrow refused to put the parts together.
    Arrow(ArrowError),
}

/// The logical type and the width of an Arrow type; `Err` names the type that has none.
pub(crate) fn logical_type(ty: &DataType) -> Result<(Type, Width), String> {
    use DataType::*;
    let mut inner = Vec::new();
    let mut child = |field: &ArrowField| -> Result<Box<Type>, String> {
        let (ty, width) = logical_type(field.data_type())?;
        inner.push(width);
        Ok(Box::new(ty))
    };
    let logical = match ty {
        Null | Utf8 | LargeUtf8 | Utf8View => Type::Text,
        Boolean => Type::Bool,
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => Type::Int,
        Float16 | Float32 | Float64 => Type::Float,
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Type::Bytes,
        Date32 | Date64 => Type::Date,
        Time32(_) | Time64(_) => Type::Time,
        Timestamp(_, None) => Type::Timestamp,
        Timestamp(_, Some(_)) => Type::Instant,
        Duration(_) => Type::Duration,
        Decimal32(_, scale) | Decimal64(_, scale) | Decimal128(_, scale) | Decimal256(_, scale) => {
            Type::Decimal(u8::try_from(*scale).unwrap_or(0))
        }
        List(item) | LargeList(item) | FixedSizeList(item, _) => Type::List(child(item)?),
        Struct(fields) if !fields.is_empty() => {
            let typed = fields.iter().map(|field| Ok(Field { name: field.name().clone(), ty: *child(field)? }));
            Type::Struct(typed.collect::<Result<_, String>>()?)
        }
        Map(entries, _) => match entries.data_type() {
            Struct(fields) if fields.len() == 2 => {
                let mut both = fields.iter().map(|field| child(field));
                match (both.next(), both.next()) {
                    (Some(key), Some(value)) => Type::Map(key?, value?),
                    _ => return Err(ty.to_string()),
                }
            }
            _ => return Err(ty.to_string()),
        },
        Dictionary(_, values) => return logical_type(values),
        RunEndEncoded(_, values) => return logical_type(values.data_type()),
        _ => return Err(ty.to_string()),
    };
    let mut width = Width { inner, ..Width::narrowest(&logical) };
    match ty {
        Float16 | Float32 => width.single = true,
        Timestamp(TimeUnit::Nanosecond, _) | Duration(TimeUnit::Nanosecond) => width.nanos = true,
        Decimal32(digits, scale) | Decimal64(digits, scale) | Decimal128(digits, scale) | Decimal256(digits, scale) => {
            // A negative scale stands for zeros that become digits.
            width.digits = digit_class(digits.saturating_add(u8::try_from(scale.saturating_neg()).unwrap_or(0)));
        }
        _ => {}
    }
    Ok((logical, width))
}

/// The values of `array` as a column of type `ty` at `width`.
pub(crate) fn normalise(array: &ArrayRef, ty: &Type, width: &Width) -> Result<ArrayRef, Misfit> {
    if *ty == Type::Text
        && let Some(texts) = dictionary_of_texts(array, width)?
    {
        return Ok(texts);
    }
    let array = &decode(array)?;
    let target = working_type(ty, width);
    if array.data_type() == &DataType::Null {
        return Ok(new_null_array(&target, array.len()));
    }
    match ty {
        Type::Bool | Type::Text | Type::Bytes | Type::Date if array.data_type() == &target => Ok(Arc::clone(array)),
        Type::Text | Type::Bytes => strings(array, ty),
        Type::Date => dates(array),
        Type::Int if width.unsigned => integers::<UInt64Type>(array, |value| {
            u64::try_from(value).map_err(|_| range("the u64 that another value of the column needs"))
        }),
        Type::Int => {
            integers::<Int64Type>(array, |value| i64::try_from(value).map_err(|_| Fault::Need(Need::Unsigned)))
        }
        Type::Float => floats(array, width.single),
        Type::Time => times(array),
        Type::Timestamp | Type::Instant => moments(array, ty, width.nanos),
        Type::Duration => durations(array, width.nanos),
        Type::Decimal(scale) => decimals(array, *scale, &target),
        Type::List(item) => list(array, item, width),
        Type::Struct(fields) => structure(array, fields, width),
        Type::Map(key, value) => map(array, key, value, width),
        Type::Bool => Err(mismatch(array, ty)),
    }
}

/// Undoes a dictionary of bytes that are all texts, so that each is looked at once; nothing if it is none of that, or if
/// its values are more than the rows come to: a file may have many rows and one long value that none of them uses.
fn dictionary_of_texts(array: &ArrayRef, width: &Width) -> Result<Option<ArrayRef>, Misfit> {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return Ok(None) };
    let is_small = || expand::bytes(dictionary.values()) <= expand::bytes(array);
    if !is_bytes(dictionary.values().data_type()) || dictionary.values().len() > array.len() || !is_small() {
        return Ok(None);
    }
    match normalise(dictionary.values(), &Type::Text, width) {
        Ok(values) => Ok(Some(take(&values, dictionary.keys(), None)?)),
        // Perhaps no row has the value at fault.
        Err(Misfit::Value { .. }) => Ok(None),
        Err(misfit) => Err(misfit),
    }
}

fn is_bytes(ty: &DataType) -> bool {
    matches!(ty, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Undoes dictionaries and runs.
fn decode(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    match array.data_type() {
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            decode(&take(dictionary.values(), dictionary.keys(), None)?)
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => decode_runs::<Int16Type>(array),
            DataType::Int32 => decode_runs::<Int32Type>(array),
            _ => decode_runs::<Int64Type>(array),
        },
        _ => Ok(Arc::clone(array)),
    }
}

fn decode_runs<R: RunEndIndexType>(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    let Some(runs) = array.as_any().downcast_ref::<RunArray<R>>() else { return Ok(Arc::clone(array)) };
    let index = |row| u32::try_from(runs.get_physical_index(row)).unwrap_or(u32::MAX);
    let indices: UInt32Array = (0..runs.len()).map(index).collect::<Vec<_>>().into();
    decode(&take(runs.values(), &indices, None)?)
}

fn strings(array: &ArrayRef, ty: &Type) -> Result<ArrayRef, Misfit> {
    fn copy<'a, T: AsRef<[u8]> + ?Sized + 'a>(values: impl Iterator<Item = Option<&'a T>>) -> Result<Strings, Misfit> {
        let mut strings = Strings::default();
        for (row, value) in values.enumerate() {
            match value {
                None => strings.push_null(),
                Some(value) => {
                    let refused =
                        |fault| Misfit::Value { row, path: Vec::new(), fault, value: value.as_ref().to_vec() };
                    strings.push(value.as_ref()).map_err(refused)?;
                }
            }
        }
        Ok(strings)
    }
    let text = *ty == Type::Text;
    if text && array.data_type() == &DataType::Binary {
        return texts(array.as_binary::<i32>());
    }
    let strings = match array.data_type() {
        DataType::LargeUtf8 if text => copy(array.as_string::<i64>().iter()),
        DataType::Utf8View if text => copy(array.as_string_view().iter()),
        DataType::LargeBinary => copy(array.as_binary::<i64>().iter()),
        DataType::BinaryView => copy(array.as_binary_view().iter()),
        DataType::FixedSizeBinary(_) if !text => copy(array.as_fixed_size_binary().iter()),
        _ => Err(mismatch(array, ty)),
    }?;
    match array.data_type() {
        DataType::LargeBinary | DataType::BinaryView if text => texts(strings.bytes()?.as_binary()),
        _ if text => Ok(strings.text()?),
        _ => Ok(strings.bytes()?),
    }
}

/// Bytes as texts, without a copy if all of them are UTF-8.
fn texts(array: &BinaryArray) -> Result<ArrayRef, Misfit> {
    // A slice has the bytes of all rows around it.
    let (offsets, bytes, nulls) = array.clone().into_parts();
    let (first, last) = (offsets.first().copied().unwrap_or_default(), offsets.last().copied().unwrap_or_default());
    let bytes = bytes.slice_with_length(first.as_usize(), (last - first).as_usize());
    let offsets = match first {
        0 => offsets,
        // The offsets of an array never fall, and these start at 0.
        _ => OffsetBuffer::new(offsets.iter().map(|offset| offset - first).collect()),
    };
    if let Ok(texts) = StringArray::try_new(offsets, bytes, nulls) {
        return Ok(Arc::new(texts));
    }
    let mut strings = Strings::default();
    for (row, value) in array.iter().enumerate() {
        match value {
            // What lies under a null is no value.
            None => strings.push_null(),
            Some(value) => {
                let pushed = match std::str::from_utf8(value) {
                    Ok(_) => strings.push(value),
                    Err(_) => Err(Fault::Reason(Reason::Utf8)),
                };
                pushed.map_err(|fault| Misfit::Value { row, path: Vec::new(), fault, value: value.to_vec() })?;
            }
        }
    }
    Ok(strings.text()?)
}

fn integers<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    to: impl Fn(i128) -> Result<T::Native, Fault>,
) -> Result<ArrayRef, Misfit> {
    if array.data_type() == &T::DATA_TYPE {
        return Ok(Arc::clone(array));
    }
    for_integers(array, to)
        .unwrap_or_else(|| Err(mismatch(array, &Type::Int)))
        .map(|array: PrimitiveArray<T>| Arc::new(array) as ArrayRef)
}

/// Converts integers of any width; `None` if they are no integers.
fn for_integers<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    to: impl Fn(i128) -> Result<T::Native, Fault>,
) -> Option<Result<PrimitiveArray<T>, Misfit>> {
    Some(match array.data_type() {
        DataType::Int8 => convert::<Int8Type, T>(array, |value| to(value.into())),
        DataType::Int16 => convert::<Int16Type, T>(array, |value| to(value.into())),
        DataType::Int32 => convert::<Int32Type, T>(array, |value| to(value.into())),
        DataType::Int64 => convert::<Int64Type, T>(array, |value| to(value.into())),
        DataType::UInt8 => convert::<UInt8Type, T>(array, |value| to(value.into())),
        DataType::UInt16 => convert::<UInt16Type, T>(array, |value| to(value.into())),
        DataType::UInt32 => convert::<UInt32Type, T>(array, |value| to(value.into())),
        DataType::UInt64 => convert::<UInt64Type, T>(array, |value| to(value.into())),
        _ => return None,
    })
}

fn floats(array: &ArrayRef, single: bool) -> Result<ArrayRef, Misfit> {
    Ok(match (array.data_type(), single) {
        (DataType::Float64, false) | (DataType::Float32, true) => Arc::clone(array),
        (DataType::Float32, false) => Arc::new(convert::<Float32Type, Float64Type>(array, |value| Ok(value.into()))?),
        (DataType::Float16, false) => Arc::new(convert::<Float16Type, Float64Type>(array, |value| Ok(value.to_f64()))?),
        (DataType::Float16, true) => Arc::new(convert::<Float16Type, Float32Type>(array, |value| Ok(value.to_f32()))?),
        _ => match for_integers::<Float64Type>(array, exact_double) {
            Some(converted) if !single => Arc::new(converted?),
            _ => return Err(mismatch(array, &Type::Float)),
        },
    })
}

/// The double that equals an integer of 64 bits.
fn exact_double(value: i128) -> Result<f64, Fault> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the way back is compared")]
    let (double, back) = (value as f64, value as f64 as i128);
    if back == value { Ok(double) } else { Err(range("integers that are 64-bit floats")) }
}

fn dates(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    const MILLIS: i64 = DAY * 1000;
    if array.data_type() != &DataType::Date64 {
        return Err(mismatch(array, &Type::Date));
    }
    let days = convert::<Date64Type, Date32Type>(array, |millis| match millis % MILLIS {
        0 => i32::try_from(millis / MILLIS).map_err(|_| range("dates of 32 bits")),
        _ => Err(Fault::Reason(Reason::Form { expected: "a whole day in milliseconds" })),
    })?;
    Ok(Arc::new(days))
}

fn times(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    const NANOS: i64 = DAY * 1_000_000_000;
    let scaled = |value: i64, factor: i64| match value.checked_mul(factor) {
        Some(nanos @ 0..NANOS) => Ok(nanos),
        _ => Err(range("a day")),
    };
    type Ns = Time64NanosecondType;
    Ok(Arc::new(match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            convert::<Time32SecondType, Ns>(array, |v| scaled(v.into(), 1_000_000_000))
        }
        DataType::Time32(_) => convert::<Time32MillisecondType, Ns>(array, |v| scaled(v.into(), 1_000_000)),
        DataType::Time64(TimeUnit::Microsecond) => convert::<Time64MicrosecondType, Ns>(array, |v| scaled(v, 1000)),
        DataType::Time64(_) => convert::<Ns, Ns>(array, |v| scaled(v, 1)),
        _ => Err(mismatch(array, &Type::Time)),
    }?))
}

fn moments(array: &ArrayRef, ty: &Type, nanos: bool) -> Result<ArrayRef, Misfit> {
    let zone = (*ty == Type::Instant).then_some("UTC");
    let unit = match array.data_type() {
        DataType::Timestamp(unit, found) if found.is_some() == zone.is_some() => *unit,
        _ => return Err(mismatch(array, ty)),
    };
    fn to<T: ArrowTimestampType>(array: &ArrayRef, from: TimeUnit, nanos: bool) -> Result<PrimitiveArray<T>, Misfit> {
        let to = |value| rescale(value, from, nanos);
        match from {
            TimeUnit::Second => convert::<TimestampSecondType, T>(array, to),
            TimeUnit::Millisecond => convert::<TimestampMillisecondType, T>(array, to),
            TimeUnit::Microsecond => convert::<TimestampMicrosecondType, T>(array, to),
            TimeUnit::Nanosecond => convert::<TimestampNanosecondType, T>(array, to),
        }
    }
    Ok(if nanos {
        Arc::new(to::<TimestampNanosecondType>(array, unit, true)?.with_timezone_opt(zone))
    } else {
        Arc::new(to::<TimestampMicrosecondType>(array, unit, false)?.with_timezone_opt(zone))
    })
}

fn durations(array: &ArrayRef, nanos: bool) -> Result<ArrayRef, Misfit> {
    fn to<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef, nanos: bool) -> Result<PrimitiveArray<T>, Misfit> {
        let DataType::Duration(unit) = array.data_type() else { return Err(mismatch(array, &Type::Duration)) };
        let to = |value| rescale(value, *unit, nanos);
        match unit {
            TimeUnit::Second => convert::<DurationSecondType, T>(array, to),
            TimeUnit::Millisecond => convert::<DurationMillisecondType, T>(array, to),
            TimeUnit::Microsecond => convert::<DurationMicrosecondType, T>(array, to),
            TimeUnit::Nanosecond => convert::<DurationNanosecondType, T>(array, to),
        }
    }
    Ok(if nanos {
        Arc::new(to::<DurationNanosecondType>(array, true)?)
    } else {
        Arc::new(to::<DurationMicrosecondType>(array, false)?)
    })
}

/// A count of `from` as microseconds or nanoseconds.
fn rescale(value: i64, from: TimeUnit, nanos: bool) -> Result<i64, Fault> {
    let factor = match (from, nanos) {
        (TimeUnit::Second, false) | (TimeUnit::Millisecond, true) => 1_000_000,
        (TimeUnit::Millisecond, false) | (TimeUnit::Microsecond, true) => 1000,
        (TimeUnit::Microsecond, false) | (TimeUnit::Nanosecond, true) => 1,
        (TimeUnit::Second, true) => 1_000_000_000,
        (TimeUnit::Nanosecond, false) if value % 1000 != 0 => return Err(Fault::Need(Need::Nanos)),
        (TimeUnit::Nanosecond, false) => return Ok(value / 1000),
    };
    let unit = if nanos { "nanoseconds in 64 bits" } else { "microseconds in 64 bits" };
    value.checked_mul(factor).ok_or(range(unit))
}

fn decimals(array: &ArrayRef, scale: u8, target: &DataType) -> Result<ArrayRef, Misfit> {
    let from = match array.data_type() {
        DataType::Decimal32(_, from)
        | DataType::Decimal64(_, from)
        | DataType::Decimal128(_, from)
        | DataType::Decimal256(_, from) => *from,
        _ => 0,
    };
    let digits = match target {
        DataType::Decimal128(digits, _) | DataType::Decimal256(digits, _) => *digits,
        _ => 76,
    };
    let rescale = |value: i256| rescale_decimal(value, i32::from(scale) - i32::from(from), scale, digits);
    let small = |value| rescale(value).map(|value| value.as_i128());
    let ty = Type::Decimal(scale);
    fn to<T: ArrowPrimitiveType>(
        array: &ArrayRef,
        ty: &Type,
        to: impl Fn(i256) -> Result<T::Native, Fault>,
    ) -> Result<PrimitiveArray<T>, Misfit> {
        match array.data_type() {
            DataType::Decimal32(..) => convert::<Decimal32Type, T>(array, |value| to(i256::from_i128(value.into()))),
            DataType::Decimal64(..) => convert::<Decimal64Type, T>(array, |value| to(i256::from_i128(value.into()))),
            DataType::Decimal128(..) => convert::<Decimal128Type, T>(array, |value| to(i256::from_i128(value))),
            DataType::Decimal256(..) => convert::<Decimal256Type, T>(array, to),
            _ => for_integers(array, |value| to(i256::from_i128(value))).unwrap_or_else(|| Err(mismatch(array, ty))),
        }
    }
    // A logical scale is at most 76, so the conversion cannot fail.
    let signed = i8::try_from(scale).unwrap_or(i8::MAX);
    Ok(if digits > 38 {
        Arc::new(to::<Decimal256Type>(array, &ty, rescale)?.with_precision_and_scale(digits, signed)?)
    } else {
        Arc::new(to::<Decimal128Type>(array, &ty, small)?.with_precision_and_scale(digits, signed)?)
    })
}

/// `value × 10^power`, exact and within `digits`.
fn rescale_decimal(value: i256, power: i32, scale: u8, digits: u8) -> Result<i256, Fault> {
    let ten = i256::from_i128(10);
    let bound = |digits: u8| (0..digits).fold(i256::ONE, |power, _| power.wrapping_mul(ten));
    let mut value = value;
    if value != i256::ZERO {
        for _ in 0..power {
            value = value.checked_mul(ten).ok_or(range("decimals of 76 digits"))?;
        }
        for _ in power..0 {
            if value.wrapping_rem(ten) != i256::ZERO {
                return Err(Fault::Reason(Reason::Excess { scale }));
            }
            value = value.wrapping_div(ten);
        }
    }
    let fits = |digits| value < bound(digits) && value > bound(digits).wrapping_neg();
    match [18, 38, 76].into_iter().find(|&class| fits(class)) {
        Some(class) if class <= digits => Ok(value),
        Some(class) => Err(Fault::Need(Need::Digits(class))),
        None => Err(range("decimals of 76 digits")),
    }
}

fn list(array: &ArrayRef, item: &Type, width: &Width) -> Result<ArrayRef, Misfit> {
    let ty = || Type::List(Box::new(item.clone()));
    let (offsets, items) = match array.data_type() {
        DataType::List(_) => rebase(array.as_list::<i32>().offsets(), array.as_list::<i32>().values())?,
        DataType::LargeList(_) => rebase(array.as_list::<i64>().offsets(), array.as_list::<i64>().values())?,
        DataType::FixedSizeList(_, size) => {
            let sizes = std::iter::repeat_n(usize::try_from(*size).unwrap_or(0), array.len());
            (OffsetBuffer::from_lengths(sizes), Arc::clone(array.as_fixed_size_list().values()))
        }
        _ => return Err(mismatch(array, &ty())),
    };
    let (offsets, items) = shown(array, offsets, items, |offsets, items| {
        inside(items, item, width, 0).map_err(|misfit| misfit.of_row(offsets))
    })?;
    let list = ListArray::try_new(list_item(items.data_type().clone()), offsets, items, nulls(array))?;
    Ok(Arc::new(list))
}

fn structure(array: &ArrayRef, fields: &[Field], width: &Width) -> Result<ArrayRef, Misfit> {
    let found = array.as_struct_opt().filter(|found| found.num_columns() == fields.len());
    let Some(found) = found else { return Err(mismatch(array, &Type::Struct(fields.to_vec()))) };
    let mut columns = Vec::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate() {
        let Some(column) = found.column_by_name(&field.name) else {
            return Err(mismatch(array, &Type::Struct(fields.to_vec())));
        };
        let normalised = match (inside(column, &field.ty, width, index), array.nulls()) {
            (Err(Misfit::Value { .. }), Some(nulls)) => inside(&hidden(column, nulls)?, &field.ty, width, index),
            (normalised, _) => normalised,
        };
        columns.push(normalised?);
    }
    let types = columns.iter().map(|column| column.data_type().clone());
    let fields = struct_fields(fields.iter().map(|field| field.name.as_str()).zip(types));
    Ok(Arc::new(StructArray::try_new_with_length(fields, columns, nulls(array), array.len())?))
}

fn map(array: &ArrayRef, key: &Type, value: &Type, width: &Width) -> Result<ArrayRef, Misfit> {
    let Some(found) = array.as_map_opt() else {
        return Err(mismatch(array, &Type::Map(Box::new(key.clone()), Box::new(value.clone()))));
    };
    let (offsets, entries) = rebase(found.offsets(), &(Arc::new(found.entries().clone()) as ArrayRef))?;
    let (offsets, (keys, values)) = shown(array, offsets, entries, |offsets, entries| {
        let entries = entries.as_struct();
        let (keys, values) = (entries.column(0), entries.column(1));
        let refused = |row, reason, value| {
            Misfit::Value { row, path: vec![0], fault: Fault::Reason(reason), value }.of_row(offsets)
        };
        if let Some(at) = keys.logical_nulls().and_then(|nulls| (0..nulls.len()).find(|&at| nulls.is_null(at))) {
            return Err(refused(at, Reason::NullKey, b"null".to_vec()));
        }
        let keys = inside(keys, key, width, 0).map_err(|misfit| misfit.of_row(offsets))?;
        if let Some((at, key)) = keys::repeated(&keys, offsets) {
            return Err(refused(at, Reason::RepeatedKey, key));
        }
        Ok((keys, inside(values, value, width, 1).map_err(|misfit| misfit.of_row(offsets))?))
    })?;
    let fields = map_fields(keys.data_type().clone(), values.data_type().clone());
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    Ok(Arc::new(MapArray::try_new(map_entries(fields), offsets, entries, nulls(array), false)?))
}

/// What `read` makes of the items of lists or maps. Items may lie under a null one, where they are no values: if any are
/// refused, those under nulls are left out.
fn shown<T>(
    array: &ArrayRef,
    offsets: OffsetBuffer<i32>,
    items: ArrayRef,
    read: impl Fn(&OffsetBuffer<i32>, &ArrayRef) -> Result<T, Misfit>,
) -> Result<(OffsetBuffer<i32>, T), Misfit> {
    match (read(&offsets, &items), array.nulls()) {
        (Err(Misfit::Value { .. }), Some(nulls)) if nulls.null_count() > 0 => {
            let mut is_shown = BooleanBufferBuilder::new(items.len());
            let lengths = offsets.lengths().zip(nulls).map(|(len, is_valid)| {
                is_shown.append_n(len, is_valid);
                if is_valid { len } else { 0 }
            });
            let offsets = OffsetBuffer::from_lengths(lengths);
            let items = filter(&items, &BooleanArray::new(is_shown.finish(), None))?;
            let items = read(&offsets, &items)?;
            Ok((offsets, items))
        }
        (items, _) => Ok((offsets, items?)),
    }
}

/// The field of a struct with nulls where the struct is null.
fn hidden(field: &ArrayRef, nulls: &NullBuffer) -> Result<ArrayRef, Misfit> {
    match field.data_type() {
        // Neither says of itself what is null.
        DataType::Null | DataType::RunEndEncoded(..) => Ok(Arc::clone(field)),
        _ => Ok(nullif(field, &BooleanArray::new(!nulls.inner(), None))?),
    }
}

/// Normalises what is at `index` inside a nested type.
fn inside(array: &ArrayRef, ty: &Type, width: &Width, index: usize) -> Result<ArrayRef, Misfit> {
    let normalised = match width.at(index) {
        Some(width) => normalise(array, ty, width),
        None => normalise(array, ty, &Width::narrowest(ty)),
    };
    normalised.map_err(|mut misfit| {
        if let Misfit::Value { path, .. } | Misfit::Type { path, .. } = &mut misfit {
            path.push(index);
        }
        misfit
    })
}

/// Offsets that start at 0, in 32 bits, and the values they span.
fn rebase<O: arrow_array::OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
    values: &ArrayRef,
) -> Result<(OffsetBuffer<i32>, ArrayRef), Misfit> {
    let first = offsets.first().copied().unwrap_or_default();
    let last = offsets.last().copied().unwrap_or_default();
    let too_much = || Misfit::value(0, Fault::Reason(Reason::TooMuch));
    let narrow = |offset: &O| i32::try_from((*offset - first).as_usize()).map_err(|_| too_much());
    let narrowed = offsets.iter().map(narrow).collect::<Result<Vec<_>, _>>()?;
    let values = values.slice(first.as_usize(), (last - first).as_usize());
    // The offsets of an array never fall, and these start at 0.
    Ok((OffsetBuffer::new(ScalarBuffer::from(narrowed)), values))
}

/// Converts the values that are not null, one by one.
fn convert<S: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    array: &ArrayRef,
    to: impl Fn(S::Native) -> Result<T::Native, Fault>,
) -> Result<PrimitiveArray<T>, Misfit> {
    let source = array.as_primitive::<S>();
    let mut values = Vec::with_capacity(source.len());
    for (row, value) in source.iter().enumerate() {
        let converted = value.map_or_else(|| Ok(T::default_value()), &to);
        values.push(converted.map_err(|fault| {
            let value = value.map_or_else(Vec::new, |value| format!("{value:?}").into_bytes());
            Misfit::Value { row, path: Vec::new(), fault, value }
        })?);
    }
    Ok(PrimitiveArray::new(ScalarBuffer::from(values), nulls(array)))
}

fn nulls(array: &ArrayRef) -> Option<NullBuffer> {
    array.nulls().cloned()
}

fn mismatch(array: &ArrayRef, expected: &Type) -> Misfit {
    let found = logical_type(array.data_type()).map_or_else(|name| name, |(ty, _)| ty.to_string());
    Misfit::Type { path: Vec::new(), found, expected: expected.to_string() }
}

fn range(expected: &'static str) -> Fault {
    Fault::Reason(Reason::Range { expected })
}

impl Misfit {
    fn value(row: usize, fault: Fault) -> Self {
        Self::Value { row, path: Vec::new(), fault, value: Vec::new() }
    }

    /// This misfit, its row counted in the lists around the items instead of in the items.
    fn of_row(mut self, offsets: &OffsetBuffer<i32>) -> Self {
        if let Self::Value { row, .. } = &mut self {
            let item = i32::try_from(*row).unwrap_or(i32::MAX);
            *row = offsets.partition_point(|&offset| offset <= item).saturating_sub(1);
        }
        self
    }
}

impl From<ArrowError> for Misfit {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}
