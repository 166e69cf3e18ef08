//! Values as text that reads back as the same values.

use std::io::Write;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use data_encoding::BASE64;

use crate::physical::{DecimalStorage, FloatStorage, IntStorage, PhysicalType, TimeStorage};

/// A value that no text reads back as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    /// Only four-digit years can be written.
    #[error("a date or time is outside the years 0000 to 9999, {days} days from 1970-01-01")]
    Year {
        /// Days since 1970-01-01.
        days: i64,
    },
}

/// Appends a value that is not null as the text of a CSV field, before any quoting.
pub(super) fn text(ty: &PhysicalType, array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), NoText> {
    match ty {
        PhysicalType::Text => out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes()),
        PhysicalType::List(_) | PhysicalType::Struct(_) | PhysicalType::Map(..) => return json(ty, array, row, out),
        scalar => return plain(scalar, array, row, out),
    }
    Ok(())
}

/// Appends a value as JSON.
pub(super) fn json(ty: &PhysicalType, array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), NoText> {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match ty {
        PhysicalType::Text => json_string(array.as_string::<i32>().value(row), out),
        PhysicalType::List(item) => {
            let items = array.as_list::<i32>().value(row);
            sequence(out, b'[', b']', items.len(), |i, out| json(item, items.as_ref(), i, out))?;
        }
        PhysicalType::Struct(fields) => {
            let children = array.as_struct().columns();
            let mut members = fields.iter().zip(children);
            sequence(out, b'{', b'}', fields.len(), |_, out| {
                // As many members as fields, by the schema that the array was read with.
                let Some((field, child)) = members.next() else { return Ok(()) };
                json_string(&field.name, out);
                out.push(b':');
                json(&field.ty, child.as_ref(), row, out)
            })?;
        }
        PhysicalType::Map(key, value) => {
            let entries = array.as_map().value(row);
            let [keys, values] = entries.columns() else { return Ok(()) };
            sequence(out, b'[', b']', entries.len(), |i, out| {
                out.push(b'[');
                json(key, keys.as_ref(), i, out)?;
                out.push(b',');
                json(value, values.as_ref(), i, out)?;
                out.push(b']');
                Ok(())
            })?;
        }
        PhysicalType::Float(_) if !float(ty, array, row).is_finite() => quoted(ty, array, row, out)?,
        // Numbers and booleans of JSON.
        PhysicalType::Bool | PhysicalType::Int(_) | PhysicalType::Float(_) => plain(ty, array, row, out)?,
        PhysicalType::Decimal(..) | PhysicalType::Duration(_) => plain(ty, array, row, out)?,
        PhysicalType::Bytes | PhysicalType::Date | PhysicalType::Time => quoted(ty, array, row, out)?,
        PhysicalType::Timestamp(_) | PhysicalType::Instant(_) => quoted(ty, array, row, out)?,
    }
    Ok(())
}

/// Appends a JSON string.
pub(super) fn json_string(text: &str, out: &mut Vec<u8>) {
    // Writing a string to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

fn sequence(
    out: &mut Vec<u8>,
    open: u8,
    close: u8,
    len: usize,
    mut item: impl FnMut(usize, &mut Vec<u8>) -> Result<(), NoText>,
) -> Result<(), NoText> {
    out.push(open);
    for i in 0..len {
        if i > 0 {
            out.push(b',');
        }
        item(i, out)?;
    }
    out.push(close);
    Ok(())
}

/// A scalar's text between quotes; it holds nothing that JSON escapes.
fn quoted(ty: &PhysicalType, array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), NoText> {
    out.push(b'"');
    plain(ty, array, row, out)?;
    out.push(b'"');
    Ok(())
}

/// Appends a scalar other than text.
fn plain(ty: &PhysicalType, array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), NoText> {
    match ty {
        PhysicalType::Bool => show(out, array.as_boolean().value(row)),
        PhysicalType::Int(IntStorage::Signed) => show(out, array.as_primitive::<Int64Type>().value(row)),
        PhysicalType::Int(IntStorage::Unsigned) => show(out, array.as_primitive::<UInt64Type>().value(row)),
        PhysicalType::Float(_) => write_float(float(ty, array, row), out),
        PhysicalType::Bytes => out.extend_from_slice(BASE64.encode(array.as_binary::<i32>().value(row)).as_bytes()),
        PhysicalType::Date => date(array.as_primitive::<Date32Type>().value(row).into(), out)?,
        PhysicalType::Time => {
            let nanos = array.as_primitive::<Time64NanosecondType>().value(row);
            clock(nanos.div_euclid(NANOS), nanos.rem_euclid(NANOS), out);
        }
        PhysicalType::Timestamp(unit) => moment(timestamp(*unit, array, row), out)?,
        PhysicalType::Instant(unit) => {
            moment(timestamp(*unit, array, row), out)?;
            out.push(b'Z');
        }
        PhysicalType::Duration(unit) => duration(ticks_to_nanos(*unit, duration_ticks(*unit, array, row)), out),
        PhysicalType::Decimal(_, DecimalStorage::D76) => {
            let decimals = array.as_primitive::<Decimal256Type>();
            out.extend_from_slice(decimals.value_as_string(row).as_bytes());
        }
        PhysicalType::Decimal(..) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            out.extend_from_slice(decimals.value_as_string(row).as_bytes());
        }
        // `text` and `json` do not come here with these.
        PhysicalType::Text | PhysicalType::List(_) | PhysicalType::Struct(_) | PhysicalType::Map(..) => {}
    }
    Ok(())
}

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

fn show(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
}

fn float(ty: &PhysicalType, array: &dyn Array, row: usize) -> f64 {
    match ty {
        PhysicalType::Float(FloatStorage::Single) => array.as_primitive::<Float32Type>().value(row).into(),
        _ => array.as_primitive::<Float64Type>().value(row),
    }
}

/// The shortest decimal that reads back as the same double, never in the form of an integer.
fn write_float(value: f64, out: &mut Vec<u8>) {
    let _ = match value {
        value if value.is_nan() => out.write_all(b"NaN"),
        f64::INFINITY => out.write_all(b"Infinity"),
        f64::NEG_INFINITY => out.write_all(b"-Infinity"),
        value => write!(out, "{value:?}"),
    };
}

fn timestamp(unit: TimeStorage, array: &dyn Array, row: usize) -> i128 {
    let ticks = match unit {
        TimeStorage::Micro => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeStorage::Nano => array.as_primitive::<TimestampNanosecondType>().value(row),
    };
    ticks_to_nanos(unit, ticks)
}

fn duration_ticks(unit: TimeStorage, array: &dyn Array, row: usize) -> i64 {
    match unit {
        TimeStorage::Micro => array.as_primitive::<DurationMicrosecondType>().value(row),
        TimeStorage::Nano => array.as_primitive::<DurationNanosecondType>().value(row),
    }
}

fn ticks_to_nanos(unit: TimeStorage, ticks: i64) -> i128 {
    match unit {
        TimeStorage::Micro => i128::from(ticks) * 1000,
        TimeStorage::Nano => ticks.into(),
    }
}

/// Seconds below and above zero with a sign before both parts, as a decimal number has it.
fn duration(nanos: i128, out: &mut Vec<u8>) {
    let magnitude = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    show(out, format_args!("{sign}{}", magnitude / NANOS.unsigned_abs() as u128));
    fraction(i64::try_from(magnitude % NANOS.unsigned_abs() as u128).unwrap_or(0), out);
}

fn moment(nanos: i128, out: &mut Vec<u8>) -> Result<(), NoText> {
    // An i64 of microseconds is an i64 of seconds.
    let seconds = i64::try_from(nanos.div_euclid(NANOS.into())).unwrap_or(i64::MAX);
    let rest = i64::try_from(nanos.rem_euclid(NANOS.into())).unwrap_or(0);
    date(seconds.div_euclid(DAY), out)?;
    out.push(b'T');
    clock(seconds.rem_euclid(DAY), rest, out);
    Ok(())
}

fn date(days: i64, out: &mut Vec<u8>) -> Result<(), NoText> {
    let (year, month, day) = civil(days);
    if !(0..=9999).contains(&year) {
        return Err(NoText::Year { days });
    }
    show(out, format_args!("{year:04}-{month:02}-{day:02}"));
    Ok(())
}

/// Year, month and day in the proleptic Gregorian calendar.
const fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that the leap day is the last of its year, in eras of 400 years.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March have 31, 30, 31, 30, 31 days, five in 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

fn clock(seconds: i64, nanos: i64, out: &mut Vec<u8>) {
    show(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    fraction(nanos, out);
}

/// A point and nine digits without the zeros at their end; nothing if there are no others.
fn fraction(nanos: i64, out: &mut Vec<u8>) {
    if nanos == 0 {
        return;
    }
    show(out, format_args!(".{nanos:09}"));
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn days_are_counted_without_a_gap() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-719_528), (0, 1, 1));
        assert_eq!(civil(2_932_896), (9999, 12, 31));
        let mut before = civil(-800_000);
        for days in -799_999..800_000 {
            let (year, month, day) = civil(days);
            let leap = before.0 % 4 == 0 && (before.0 % 100 != 0 || before.0 % 400 == 0);
            let length = match before.1 {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let next = match before {
                (y, 12, 31) => (y + 1, 1, 1),
                (y, m, d) if d == length => (y, m + 1, 1),
                (y, m, d) => (y, m, d + 1),
            };
            assert_eq!((year, month, day), next);
            before = next;
        }
    }

    #[test]
    fn times_before_the_epoch() {
        assert_eq!(shown(|out| moment(-1, out).unwrap()), "1969-12-31T23:59:59.999999999");
        assert_eq!(shown(|out| moment(1_500_000_000, out).unwrap()), "1970-01-01T00:00:01.5");
        assert_eq!(shown(|out| duration(-1_500_000_000, out)), "-1.5");
        assert_eq!(shown(|out| duration(-1, out)), "-0.000000001");
        assert_eq!(shown(|out| duration(60_000_000_000, out)), "60");
        assert_eq!(date(-719_529, &mut Vec::new()), Err(NoText::Year { days: -719_529 }));
        assert_eq!(date(2_932_897, &mut Vec::new()), Err(NoText::Year { days: 2_932_897 }));
    }

    #[test]
    fn floats_never_look_like_integers() {
        for (value, text) in [(1.0, "1.0"), (-0.0, "-0.0"), (1e300, "1e300"), (0.1, "0.1"), (1e16, "1e16")] {
            assert_eq!(shown(|out| write_float(value, out)), text);
        }
        assert_eq!(shown(|out| write_float(f64::NEG_INFINITY, out)), "-Infinity");
        for value in [f64::MIN_POSITIVE, f64::MAX, 5e-324, 0.1 + 0.2, -1.579_244_069_524_485_3e34, f64::from(0.1_f32)] {
            assert_eq!(shown(|out| write_float(value, out)).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }
}
