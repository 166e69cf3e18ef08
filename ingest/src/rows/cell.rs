//! One column's cells, appended as canonical CBOR.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, OffsetSizeTrait, downcast_dictionary_array, downcast_run_array};
use arrow_buffer::{ArrowNativeType, NullBuffer, i256};
use arrow_schema::{DataType, TimeUnit};
use mira_core::cbor;
use mira_core::row::{self, CellError, MapWriter, Seconds};

use super::{RowError, wide};

/// Appends the cells of one array, which it borrows.
pub struct CellEncoder<'a> {
    len: usize,
    nulls: Option<&'a NullBuffer>,
    /// Appends the cell of a row that exists and is not null.
    write: Write<'a>,
}

type Write<'a> = Box<dyn Fn(usize, &mut Out<'_>) -> Result<(), RowError> + 'a>;

/// Where cells go.
pub(super) struct Out<'o> {
    pub(super) bytes: &'o mut Vec<u8>,
    pub(super) maps: &'o mut MapWriter,
}

impl<'a> CellEncoder<'a> {
    /// Looks up the rule for the array's type, and for those within it.
    ///
    /// # Errors
    /// [`RowError::Type`] if there is none.
    pub fn new(array: &'a dyn Array) -> Result<Self, RowError> {
        Ok(Self { len: array.len(), nulls: array.nulls(), write: compile(array)? })
    }

    /// Appends the cell of a row. After an error, what was appended is to be thrown away and `maps` to be reset.
    ///
    /// # Errors
    /// Any of [`RowError`] but those that name a place.
    pub fn encode(&self, row: usize, bytes: &mut Vec<u8>, maps: &mut MapWriter) -> Result<(), RowError> {
        self.append(row, &mut Out { bytes, maps })
    }

    #[inline]
    pub(super) fn append(&self, row: usize, out: &mut Out<'_>) -> Result<(), RowError> {
        if row >= self.len {
            return Err(RowError::Broken { index: row, len: self.len });
        }
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            cbor::null(out.bytes);
            return Ok(());
        }
        (self.write)(row, out)
    }
}

fn compile<'a>(array: &'a dyn Array) -> Result<Write<'a>, RowError> {
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_, out| {
            cbor::null(out.bytes);
            Ok(())
        }),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(|row, out| put(cbor::bool, out, values.value(row)))
        }
        DataType::Int8 => signed::<Int8Type>(array),
        DataType::Int16 => signed::<Int16Type>(array),
        DataType::Int32 => signed::<Int32Type>(array),
        DataType::Int64 => signed::<Int64Type>(array),
        DataType::UInt8 => unsigned::<UInt8Type>(array),
        DataType::UInt16 => unsigned::<UInt16Type>(array),
        DataType::UInt32 => unsigned::<UInt32Type>(array),
        DataType::UInt64 => unsigned::<UInt64Type>(array),
        DataType::Float16 => primitive::<Float16Type>(array, |value, out| put(cbor::float, out, value.to_f64())),
        DataType::Float32 => primitive::<Float32Type>(array, |value, out| put(cbor::float, out, f64::from(value))),
        DataType::Float64 => primitive::<Float64Type>(array, |value, out| put(cbor::float, out, value)),
        DataType::Utf8 => text::<i32>(array),
        DataType::LargeUtf8 => text::<i64>(array),
        DataType::Utf8View => {
            let values = array.as_string_view();
            Box::new(|row, out| put(cbor::text, out, values.value(row)))
        }
        DataType::Binary => bytes::<i32>(array),
        DataType::LargeBinary => bytes::<i64>(array),
        DataType::BinaryView => {
            let values = array.as_binary_view();
            Box::new(|row, out| put(cbor::bytes, out, values.value(row)))
        }
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            Box::new(|row, out| put(cbor::bytes, out, values.value(row)))
        }
        DataType::Date32 => primitive::<Date32Type>(array, |days, out| put(row::date, out, days)),
        DataType::Date64 => primitive::<Date64Type>(array, date_of_millis),
        DataType::Time32(TimeUnit::Second) => time::<Time32SecondType>(array, row::TimeUnit::Second),
        DataType::Time32(_) => time::<Time32MillisecondType>(array, row::TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond) => time::<Time64MicrosecondType>(array, row::TimeUnit::Microsecond),
        DataType::Time64(_) => time::<Time64NanosecondType>(array, row::TimeUnit::Nanosecond),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => seconds::<TimestampSecondType>(array, row::TimeUnit::Second),
            TimeUnit::Millisecond => seconds::<TimestampMillisecondType>(array, row::TimeUnit::Millisecond),
            TimeUnit::Microsecond => seconds::<TimestampMicrosecondType>(array, row::TimeUnit::Microsecond),
            TimeUnit::Nanosecond => seconds::<TimestampNanosecondType>(array, row::TimeUnit::Nanosecond),
        },
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => seconds::<DurationSecondType>(array, row::TimeUnit::Second),
            TimeUnit::Millisecond => seconds::<DurationMillisecondType>(array, row::TimeUnit::Millisecond),
            TimeUnit::Microsecond => seconds::<DurationMicrosecondType>(array, row::TimeUnit::Microsecond),
            TimeUnit::Nanosecond => seconds::<DurationNanosecondType>(array, row::TimeUnit::Nanosecond),
        },
        DataType::Decimal32(_, scale) => decimal::<Decimal32Type>(array, *scale),
        DataType::Decimal64(_, scale) => decimal::<Decimal64Type>(array, *scale),
        DataType::Decimal128(_, scale) => decimal::<Decimal128Type>(array, *scale),
        DataType::Decimal256(_, scale) => {
            let scale = *scale;
            primitive::<Decimal256Type>(array, move |value, out| match (value.to_i128(), u8::try_from(scale)) {
                (Some(value), Ok(scale)) => put(|out, value| row::decimal(out, value, scale), out, value),
                _ => Ok(wide::decimal(out.bytes, value, scale)?),
            })
        }
        DataType::List(_) => list::<i32>(array)?,
        DataType::LargeList(_) => list::<i64>(array)?,
        DataType::ListView(_) => list_view::<i32>(array)?,
        DataType::LargeListView(_) => list_view::<i64>(array)?,
        DataType::FixedSizeList(..) => {
            let lists = array.as_fixed_size_list();
            let size = lists.value_length().as_usize();
            items(lists.values().as_ref(), move |row| row * size..(row + 1) * size)?
        }
        DataType::Struct(_) => structure(array)?,
        DataType::Map(..) => map(array)?,
        DataType::Dictionary(..) => dictionary(array)?,
        DataType::RunEndEncoded(..) => runs(array)?,
        found @ (DataType::Interval(_) | DataType::Union(..)) => return Err(RowError::Type { found: found.clone() }),
    })
}

/// Appends what cannot fail.
#[inline]
fn put<T>(write: impl Fn(&mut Vec<u8>, T), out: &mut Out<'_>, value: T) -> Result<(), RowError> {
    write(out.bytes, value);
    Ok(())
}

fn primitive<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    write: impl Fn(T::Native, &mut Out<'_>) -> Result<(), RowError> + 'a,
) -> Write<'a> {
    let values = array.as_primitive::<T>();
    Box::new(move |row, out| write(values.value(row), out))
}

fn signed<'a, T: ArrowPrimitiveType<Native: Into<i64>>>(array: &'a dyn Array) -> Write<'a> {
    primitive::<T>(array, |value, out| put(cbor::int, out, value.into()))
}

fn unsigned<'a, T: ArrowPrimitiveType<Native: Into<u64>>>(array: &'a dyn Array) -> Write<'a> {
    primitive::<T>(array, |value, out| put(cbor::uint, out, value.into()))
}

fn text<'a, O: OffsetSizeTrait>(array: &'a dyn Array) -> Write<'a> {
    let values = array.as_string::<O>();
    Box::new(|row, out| put(cbor::text, out, values.value(row)))
}

fn bytes<'a, O: OffsetSizeTrait>(array: &'a dyn Array) -> Write<'a> {
    let values = array.as_binary::<O>();
    Box::new(|row, out| put(cbor::bytes, out, values.value(row)))
}

fn date_of_millis(millis: i64, out: &mut Out<'_>) -> Result<(), RowError> {
    const MILLIS_PER_DAY: i64 = 86_400_000;
    if millis % MILLIS_PER_DAY != 0 {
        return Err(RowError::Value { rule: "a date in ms is a whole day", found: millis });
    }
    let days = millis / MILLIS_PER_DAY;
    put(row::date, out, i32::try_from(days).map_err(|_| CellError::Date { found: days })?)
}

/// Times of day: counts of `unit` since midnight.
fn time<'a, T: ArrowPrimitiveType<Native: Into<i64>>>(array: &'a dyn Array, unit: row::TimeUnit) -> Write<'a> {
    let nanos_per_tick = row::TimeUnit::Nanosecond.per_second() / unit.per_second();
    primitive::<T>(array, move |ticks, out| {
        let ticks = ticks.into();
        let nanos = ticks.checked_mul(nanos_per_tick).and_then(|nanos| u64::try_from(nanos).ok());
        let nanos = nanos.ok_or(RowError::Value { rule: "a time is from 0 to 86399.999999999 s", found: ticks })?;
        Ok(row::time(out.bytes, nanos)?)
    })
}

/// Timestamps, instants and durations: counts of `unit`.
fn seconds<'a, T: ArrowPrimitiveType<Native = i64>>(array: &'a dyn Array, unit: row::TimeUnit) -> Write<'a> {
    primitive::<T>(array, move |ticks, out| put(row::seconds, out, Seconds::from_ticks(ticks, unit)))
}

/// Decimals of at most 128 bits.
fn decimal<'a, T: ArrowPrimitiveType<Native: Into<i128>>>(array: &'a dyn Array, scale: i8) -> Write<'a> {
    match u8::try_from(scale) {
        Ok(scale) => primitive::<T>(array, move |value, out| {
            row::decimal(out.bytes, value.into(), scale);
            Ok(())
        }),
        Err(_) => {
            primitive::<T>(array, move |value, out| Ok(wide::decimal(out.bytes, i256::from_i128(value.into()), scale)?))
        }
    }
}

/// Appends an array of the child's items at the positions `span` gives for a row.
fn items<'a>(child: &'a dyn Array, span: impl Fn(usize) -> Range<usize> + 'a) -> Result<Write<'a>, RowError> {
    let child = CellEncoder::new(child)?;
    Ok(Box::new(move |row, out| {
        let start = out.bytes.len();
        let span = span(row);
        cbor::array(out.bytes, span.len() as u64);
        for item in span {
            child.append(item, out)?;
            // A few bytes of Arrow can stand for very many items, so the limit is kept on the way.
            if out.bytes.len() - start > row::MAX_BYTES {
                return Err(RowError::Long);
            }
        }
        Ok(())
    }))
}

fn list<'a, O: OffsetSizeTrait>(array: &'a dyn Array) -> Result<Write<'a>, RowError> {
    let lists = array.as_list::<O>();
    items(lists.values().as_ref(), |row| span(lists.value_offsets(), row))
}

fn list_view<'a, O: OffsetSizeTrait>(array: &'a dyn Array) -> Result<Write<'a>, RowError> {
    let lists = array.as_list_view::<O>();
    items(lists.values().as_ref(), |row| {
        let start = lists.value_offset(row).as_usize();
        start..start + lists.value_size(row).as_usize()
    })
}

/// The items of a row, by offsets of which there is one more than rows.
fn span<O: ArrowNativeType>(offsets: &[O], row: usize) -> Range<usize> {
    match offsets.get(row..row + 2) {
        Some([start, end]) => start.as_usize()..end.as_usize(),
        _ => 0..0,
    }
}

fn structure<'a>(array: &'a dyn Array) -> Result<Write<'a>, RowError> {
    let children = array.as_struct().columns().iter();
    let children = children.map(|child| CellEncoder::new(child.as_ref())).collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(move |row, out| {
        cbor::array(out.bytes, children.len() as u64);
        children.iter().try_for_each(|child| child.append(row, out))
    }))
}

fn dictionary<'a>(array: &'a dyn Array) -> Result<Write<'a>, RowError> {
    let values = CellEncoder::new(array.as_any_dictionary().values().as_ref())?;
    Ok(downcast_dictionary_array! {
        array => {
            let keys = array.keys().values();
            Box::new(move |row, out| {
                // A key outside the values is caught by `append`; `row` was checked against the keys' length.
                values.append(keys.get(row).map_or(usize::MAX, |key| key.as_usize()), out)
            })
        }
        found => return Err(RowError::Type { found: found.clone() }),
    })
}

fn runs<'a>(array: &'a dyn Array) -> Result<Write<'a>, RowError> {
    Ok(downcast_run_array! {
        array => {
            let values = CellEncoder::new(array.values().as_ref())?;
            Box::new(move |row, out| values.append(array.get_physical_index(row), out))
        }
        found => return Err(RowError::Type { found: found.clone() }),
    })
}

fn map<'a>(array: &'a dyn Array) -> Result<Write<'a>, RowError> {
    let maps = array.as_map();
    let keys = CellEncoder::new(maps.keys().as_ref())?;
    let values = CellEncoder::new(maps.values().as_ref())?;
    Ok(Box::new(move |row, out| {
        let start = out.bytes.len();
        let span = span(maps.value_offsets(), row);
        let open = out.maps.begin(out.bytes, span.len());
        for entry in span {
            out.maps.key(out.bytes);
            keys.append(entry, out)?;
            out.maps.value(out.bytes);
            values.append(entry, out)?;
            if out.bytes.len() - start > row::MAX_BYTES {
                return Err(RowError::Long);
            }
        }
        Ok(out.maps.finish(out.bytes, open)?)
    }))
}
