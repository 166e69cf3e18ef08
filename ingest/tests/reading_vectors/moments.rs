//! Dates, timestamps and instants of `infer-1`.

use crate::case::{Case, csv};

const TIMESTAMP: &str = r#"[["a","timestamp"],["b","int"]]"#;
const INSTANT: &str = r#"[["a","instant"],["b","int"]]"#;
const TEXT: &str = r#"[["a","text"],["b","int"]]"#;
const SIX_TEXTS: &str = r#"[["a","text"],["b","text"],["c","text"],["d","text"],["e","text"],["f","text"]]"#;

pub(crate) fn moments() -> Vec<Case> {
    [dates(), timestamps(), instants(), nanoseconds()].into_iter().flatten().collect()
}

fn dates() -> Vec<Case> {
    vec![
        csv(
            "date",
            "years 0000 to 9999, of which the year 0 is a leap year",
            "a,b\n0000-01-01,1\n0000-02-29,2\n1969-12-31,3\n9999-12-31,4\n",
        )
        .reads(r#"[["a","date"],["b","int"]]"#, &["0000-01-01, 1", "0000-02-29, 2", "1969-12-31, 3", "9999-12-31, 4"]),
        csv(
            "leap_day",
            "every fourth year, of centuries every fourth",
            "a,b,c,d\n2024-02-29,2000-02-29,2023-02-29,1900-02-29\n",
        )
        .reads(
            r#"[["a","date"],["b","date"],["c","text"],["d","text"]]"#,
            &[r#"2024-02-29, 2000-02-29, "2023-02-29", "1900-02-29""#],
        ),
        csv(
            "no_day",
            "not in the calendar",
            "a,b,c,d,e,f\n2024-13-01,2024-00-01,2024-01-00,2024-04-31,2024-01-32,-001-01-01\n",
        )
        .reads(SIX_TEXTS, &[r#""2024-13-01", "2024-00-01", "2024-01-00", "2024-04-31", "2024-01-32", "-001-01-01""#]),
        csv(
            "other_dates",
            "other spellings",
            "a,b,c,d,e,f\n2024-1-1,2024-0101,10000-01-01,2024/01/01, 2024-01-01,2024-01-01T\n",
        )
        .reads(SIX_TEXTS, &[r#""2024-1-1", "2024-0101", "10000-01-01", "2024/01/01", " 2024-01-01", "2024-01-01T""#]),
        csv(
            "date_and_other",
            "every value has to be a date",
            "a,b,c\n2024-01-01,2024-01-01,2024-01-01\n2024-01-01T00:00:00,5,\n",
        )
        .reads(
            r#"[["a","text"],["b","text"],["c","date"]]"#,
            &[r#""2024-01-01", "2024-01-01", 2024-01-01"#, r#""2024-01-01T00:00:00", "5", null"#],
        ),
    ]
}

fn timestamps() -> Vec<Case> {
    vec![
        csv("timestamp", "with a T or a space, from the first to the last", "a,b\n2024-02-29T23:59:59,1\n2024-02-29 23:59:59.5,2\n0000-01-01T00:00:00,3\n9999-12-31T23:59:59.999999,4\n")
            .reads(TIMESTAMP, &["2024-02-29T23:59:59, 1", "2024-02-29T23:59:59.5, 2", "0000-01-01T00:00:00, 3", "9999-12-31T23:59:59.999999, 4"]),
        csv("timestamp_before_1970", "seconds are rounded down", "a,b\n1969-12-31T23:59:59.25,1\n")
            .reads(TIMESTAMP, &["1969-12-31T23:59:59.25, 1"]),
        csv("no_time", "not on a clock", "a,b,c,d,e,f\n2024-01-01T24:00:00,2024-01-01T23:60:00,2024-01-01T23:59:60,2024-02-30T00:00:00,2024-01-01T00:00,2024-01-01T1:00:00\n")
            .reads(SIX_TEXTS, &[r#""2024-01-01T24:00:00", "2024-01-01T23:60:00", "2024-01-01T23:59:60", "2024-02-30T00:00:00", "2024-01-01T00:00", "2024-01-01T1:00:00""#]),
        csv("other_times", "other spellings", "a,b,c,d,e,f\n2024-01-01t00:00:00,2024-01-01  00:00:00,2024-01-01T00:00:00.,2024-01-01T00:00:00.1234567890,\"2024-01-01T00:00:00,5\",12:00:00\n")
            .reads(SIX_TEXTS, &[r#""2024-01-01t00:00:00", "2024-01-01  00:00:00", "2024-01-01T00:00:00.", "2024-01-01T00:00:00.1234567890", "2024-01-01T00:00:00,5", "12:00:00""#]),
    ]
}

fn instants() -> Vec<Case> {
    vec![
        csv("instant", "the offset is taken off", "a,b\n2024-03-01T00:00:00Z,1\n2024-03-01 01:00:00+05:30,2\n2024-02-29T23:00:00-08,3\n2024-03-01T00:00:00.5-00:00,4\n")
            .reads(INSTANT, &["2024-03-01T00:00:00Z, 1", "2024-02-29T19:30:00Z, 2", "2024-03-01T07:00:00Z, 3", "2024-03-01T00:00:00.5Z, 4"]),
        csv("instant_limits", "offsets are below a day, and may lead out of the years", "a,b\n0000-01-01T00:00:00+23:59,1\n9999-12-31T23:59:59-23:59,2\n")
            .reads(INSTANT, &["-0001-12-31T00:01:00Z, 1", "+10000-01-01T23:58:59Z, 2"]),
        csv("other_offsets", "other spellings, and more than a day", "a,b,c,d,e,f\n2024-01-01T00:00:00z,2024-01-01T00:00:00+0530,2024-01-01T00:00:00+5,2024-01-01T00:00:00+24:00,2024-01-01T00:00:00+05:60,2024-01-01T00:00:00 Z\n")
            .reads(SIX_TEXTS, &[r#""2024-01-01T00:00:00z", "2024-01-01T00:00:00+0530", "2024-01-01T00:00:00+5", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+05:60", "2024-01-01T00:00:00 Z""#]),
        csv("instant_and_timestamp", "no type has both", "a,b\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:00,2\n")
            .reads(TEXT, &[r#""2024-01-01T00:00:00Z", 1"#, r#""2024-01-01T00:00:00", 2"#]),
    ]
}

fn nanoseconds() -> Vec<Case> {
    vec![
        csv(
            "nanoseconds",
            "the first and the last that fit i64",
            "a,b\n1677-09-21T00:12:43.145224192,1\n2262-04-11T23:47:16.854775807,2\n",
        )
        .reads(TIMESTAMP, &["1677-09-21T00:12:43.145224192, 1", "2262-04-11T23:47:16.854775807, 2"]),
        csv("nanoseconds_above", "one more", "a,b\n2262-04-11T23:47:16.854775808,1\n")
            .reads(TEXT, &[r#""2262-04-11T23:47:16.854775808", 1"#]),
        csv("nanoseconds_below", "one less", "a,b\n1677-09-21T00:12:43.145224191,1\n")
            .reads(TEXT, &[r#""1677-09-21T00:12:43.145224191", 1"#]),
        csv(
            "nanoseconds_elsewhere",
            "all values are held to them",
            "a,b\n9999-12-31T00:00:00,1\n2024-01-01T00:00:00.0000001,2\n",
        )
        .reads(TEXT, &[r#""9999-12-31T00:00:00", 1"#, r#""2024-01-01T00:00:00.0000001", 2"#]),
        csv(
            "nanoseconds_zero",
            "zeros below a microsecond are none",
            "a,b\n9999-12-31T00:00:00,1\n2024-01-01T00:00:00.123456000,2\n",
        )
        .reads(TIMESTAMP, &["9999-12-31T00:00:00, 1", "2024-01-01T00:00:00.123456, 2"]),
        csv("nanoseconds_offset", "it counts where the instant is", "a,b\n2262-04-12T01:47:16.854775807+02:00,1\n")
            .reads(INSTANT, &["2262-04-11T23:47:16.854775807Z, 1"]),
        csv("nanoseconds_offset_above", "and not what is written", "a,b\n2262-04-11T23:47:16.854775807-00:01,1\n")
            .reads(TEXT, &[r#""2262-04-11T23:47:16.854775807-00:01", 1"#]),
    ]
}
