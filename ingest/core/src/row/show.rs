//! Values as text for people: JSON where JSON has a form, and where not, one that cannot be mistaken for another type.
//!
//! Bytes are `h'00ff'`, dates and times are ISO 8601 without quotes, durations end in `s`, floats always have a point
//! or an exponent. This is for reading on a screen; it is not a format that anything parses or hashes.

use std::fmt;

use super::{Seconds, Value};
use crate::quote::Quoted;
use crate::schema::{Field, Schema, Type};

const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(f, self, None)
    }
}

/// Prints a row as an object with its columns' names: `{"id": 7, "price": 0.50}`.
#[derive(Debug, Clone, Copy)]
pub struct NamedRow<'a> {
    /// Where the names come from.
    pub schema: &'a Schema,
    /// The row's values, as [`super::decode_row`] gives them under that schema.
    pub values: &'a [Value],
}

impl fmt::Display for NamedRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fields(f, self.values, Some(self.schema.columns()))
    }
}

/// Writes a value; fields of structs have their names if the type is known.
fn write_value(f: &mut fmt::Formatter<'_>, value: &Value, ty: Option<&Type>) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(value) => write!(f, "{value}"),
        Value::Int(value) => write!(f, "{value}"),
        Value::Float(value) => write_float(f, value.value()),
        Value::Text(value) => write!(f, "{}", Quoted(value)),
        Value::Bytes(value) => write!(f, "h'{}'", data_encoding::HEXLOWER.encode_display(value)),
        Value::Date(days) => write_date(f, i64::from(*days)),
        Value::Time(nanos) => write_time(f, *nanos),
        Value::Timestamp(value) => write_point(f, *value, ""),
        Value::Instant(value) => write_point(f, *value, "Z"),
        Value::Duration(value) => write_duration(f, *value),
        Value::Decimal(text) => f.write_str(text),
        Value::List(items) => {
            let ty = if let Some(Type::List(ty)) = ty { Some(&**ty) } else { None };
            write_separated(f, "[", items, "]", |f, _, item| write_value(f, item, ty))
        }
        Value::Struct(values) => {
            let fields = if let Some(Type::Struct(fields)) = ty { Some(fields.as_slice()) } else { None };
            write_fields(f, values, fields)
        }
        Value::Map(pairs) => {
            let types = if let Some(Type::Map(key, value)) = ty { Some((&**key, &**value)) } else { None };
            write_separated(f, "{", pairs, "}", |f, _, (key, value)| {
                write_value(f, key, types.map(|(key, _)| key))?;
                f.write_str(": ")?;
                write_value(f, value, types.map(|(_, value)| value))
            })
        }
    }
}

/// Writes `{"name": value, …}`, or `(value, …)` where the names are not known.
fn write_fields(f: &mut fmt::Formatter<'_>, values: &[Value], fields: Option<&[Field]>) -> fmt::Result {
    let (open, close) = if fields.is_some() { ("{", "}") } else { ("(", ")") };
    write_separated(f, open, values, close, |f, i, value| {
        let field = fields.and_then(|fields| fields.get(i));
        if let Some(field) = field {
            write!(f, "{}: ", Quoted(&field.name))?;
        }
        write_value(f, value, field.map(|field| &field.ty))
    })
}

fn write_separated<T>(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: &[T],
    close: &str,
    mut write: impl FnMut(&mut fmt::Formatter<'_>, usize, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write(f, i, item)?;
    }
    f.write_str(close)
}

fn write_float(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    match value {
        f64::INFINITY => f.write_str("Infinity"),
        f64::NEG_INFINITY => f.write_str("-Infinity"),
        // The debug form is the shortest that reads back, and keeps `.0`; of NaN it is `NaN`.
        _ => write!(f, "{value:?}"),
    }
}

fn write_date(f: &mut fmt::Formatter<'_>, days: i64) -> fmt::Result {
    let (year, month, day) = civil(days);
    // ISO 8601 asks for a sign outside the years of four digits.
    if (0..=9999).contains(&year) {
        write!(f, "{year:04}")?
    } else {
        write!(f, "{year:+05}")?
    }
    write!(f, "-{month:02}-{day:02}")
}

fn write_time(f: &mut fmt::Formatter<'_>, nanos: u64) -> fmt::Result {
    let (seconds, nanos) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
    write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    write_fraction(f, nanos)
}

fn write_point(f: &mut fmt::Formatter<'_>, value: Seconds, zone: &str) -> fmt::Result {
    write_date(f, value.whole().div_euclid(SECONDS_PER_DAY))?;
    f.write_str("T")?;
    let second_of_day = value.whole().rem_euclid(SECONDS_PER_DAY).unsigned_abs();
    write_time(f, second_of_day * NANOS_PER_SECOND + u64::from(value.nanos()))?;
    f.write_str(zone)
}

fn write_duration(f: &mut fmt::Formatter<'_>, value: Seconds) -> fmt::Result {
    let nanos = i128::from(value.whole()) * i128::from(NANOS_PER_SECOND) + i128::from(value.nanos());
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let per_second = u128::from(NANOS_PER_SECOND);
    write!(f, "{sign}{}", nanos / per_second)?;
    write_fraction(f, u64::try_from(nanos % per_second).unwrap_or_default())?;
    f.write_str("s")
}

/// Writes `.` and the digits of a fraction of a second without the zeros at their end, or nothing.
fn write_fraction(f: &mut fmt::Formatter<'_>, nanos: u64) -> fmt::Result {
    if nanos == 0 {
        return Ok(());
    }
    f.write_str(format!(".{nanos:09}").trim_end_matches('0'))
}

/// Year, month and day of a count of days since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years are counted from 1 March, so that the leap day is a year's last, within eras of 400 years, after which the
/// calendar repeats.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    const MARCH_OF_YEAR_ZERO: i64 = -719_468;
    let since_march = days - MARCH_OF_YEAR_ZERO;
    let day_of_era = since_march.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // The months from March on have 31, 30, 31, 30, 31 days, over and over: 153 in five.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = since_march.div_euclid(DAYS_PER_ERA) * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(whole: i64, nanos: u32) -> Seconds {
        Seconds::new(whole, nanos).unwrap()
    }

    #[test]
    fn every_type_has_a_form_of_its_own() {
        for (value, text) in [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Int(-12), "-12"),
            (1.0.into(), "1.0"),
            ((-0.0).into(), "-0.0"),
            (1e300.into(), "1e300"),
            (f64::NAN.into(), "NaN"),
            (f64::NEG_INFINITY.into(), "-Infinity"),
            (Value::Text("a\u{1b}[0m".into()), "\"a\\u001b[0m\""),
            (Value::Bytes(vec![0, 255]), "h'00ff'"),
            (Value::Date(0), "1970-01-01"),
            (Value::Time(3_723_000_000_001), "01:02:03.000000001"),
            (Value::Timestamp(seconds(-1, 500_000_000)), "1969-12-31T23:59:59.5"),
            (Value::Instant(seconds(1_700_000_000, 0)), "2023-11-14T22:13:20Z"),
            (Value::Duration(seconds(-1, 500_000_000)), "-0.5s"),
            (Value::Duration(seconds(90, 0)), "90s"),
            (Value::Decimal("-0.50".into()), "-0.50"),
            (Value::List(vec![Value::Int(1), Value::Null]), "[1, null]"),
            (Value::Struct(vec![Value::Int(1)]), "(1)"),
            (Value::Map(vec![(Value::Text("k".into()), Value::Int(1))]), "{\"k\": 1}"),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn a_named_row_names_nested_fields() {
        let schema = Schema::from_json(r#"[["p",["list",["struct",[["x","int"]]]]],["a\u0007","int"]]"#).unwrap();
        let values = [Value::List(vec![Value::Struct(vec![Value::Int(1)])]), Value::Int(2)];
        let shown = NamedRow { schema: &schema, values: &values }.to_string();
        assert_eq!(shown, r#"{"p": [{"x": 1}], "a\u0007": 2}"#);
    }

    #[test]
    fn the_calendar_against_one_that_counts() {
        let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (-801, 1, 1);
        // From the first day of year -801 to that of 1970.
        let first = -(-801..1970).map(|year| 365 + i64::from(is_leap(year))).sum::<i64>();
        for days in first..300_000 {
            assert_eq!(civil(days), (year, month, day));
            let length = match month {
                2 => 28 + i64::from(is_leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    #[test]
    fn the_ends_of_the_ranges() {
        assert_eq!(Value::Date(i32::MAX).to_string(), "+5881580-07-11");
        assert_eq!(Value::Date(i32::MIN).to_string(), "-5877641-06-23");
        assert_eq!(Value::Instant(seconds(i64::MAX, 0)).to_string(), "+292277026596-12-04T15:30:07Z");
        assert_eq!(Value::Timestamp(seconds(i64::MIN, 0)).to_string(), "-292277022657-01-27T08:29:52");
        assert_eq!(Value::Duration(seconds(i64::MIN, 0)).to_string(), "-9223372036854775808s");
        assert_eq!(Value::Date(-719_529).to_string(), "-0001-12-31");
    }
}
