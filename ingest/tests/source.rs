//! Reading files of rows: every rule of FORMAT.md on cells, and every refusal.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use mira_core::schema::{Schema, Type};
use mira_ingest::source::{Format, JsonProblem, Need, Options, Problem, Reason, Source, SourceError, Spot};
use tempfile::TempDir;

use common::{Files, fields, list, map, rows, schema};

/// The inferred schema as JSON, and the rows.
fn infer(name: &str, text: &str) -> Result<(String, RecordBatch), SourceError> {
    let files = Files::new(&[(name, text.as_bytes())]);
    let source = files.open(Options::default())?;
    let plan = source.infer()?;
    Ok((plan.schema().to_string(), rows(&source, &plan)?))
}

fn read_under(name: &str, content: &[u8], schema: Schema) -> Result<RecordBatch, SourceError> {
    let files = Files::new(&[(name, content)]);
    let source = files.open(Options::default())?;
    let plan = source.under(schema)?;
    rows(&source, &plan)
}

/// One CSV cell under a type, in a column of its own beside another, so that blank lines play no part.
fn cell(text: &str, ty: Type) -> Result<ArrayRef, SourceError> {
    let quoted = format!("x,y\n\"{}\",\n", text.replace('"', "\"\""));
    read_under("t.csv", quoted.as_bytes(), schema(&[("x", ty), ("y", Type::Text)]))
        .map(|batch| Arc::clone(batch.column(0)))
}

/// One JSON value under a type.
fn value(text: &str, ty: Type) -> Result<ArrayRef, SourceError> {
    let line = format!("{{\"x\":{text}}}\n");
    read_under("t.ndjson", line.as_bytes(), schema(&[("x", ty)])).map(|batch| Arc::clone(batch.column(0)))
}

fn problem(error: SourceError) -> Problem {
    error.problem().cloned().unwrap_or_else(|| panic!("{error:?}"))
}

/// Line and byte of an error.
fn spot(error: &SourceError) -> (u64, u64) {
    match error.place().map(|place| place.spot) {
        Some(Spot::Text { line, byte }) => (line, byte),
        other => panic!("{other:?} in {error:?}"),
    }
}

/// The inferred type of a CSV column of these cells.
fn type_of(cells: &[&str]) -> String {
    let lines: String = cells.iter().map(|cell| format!("{cell},\n")).collect();
    let (schema, _) = infer("t.csv", &format!("x,y\n{lines}")).unwrap_or_else(|error| panic!("{cells:?}: {error}"));
    schema.strip_prefix("[[\"x\",").unwrap().strip_suffix("],[\"y\",\"text\"]]").unwrap().to_owned()
}

/// The inferred type of an NDJSON column of these values.
fn json_type_of(values: &[&str]) -> Result<String, Problem> {
    let lines: String = values.iter().map(|value| format!("{{\"x\":{value}}}\n")).collect();
    let (schema, _) = infer("t.ndjson", &lines).map_err(problem)?;
    Ok(schema.strip_prefix("[[\"x\",").unwrap().strip_suffix("]]").unwrap().to_owned())
}

#[test]
fn inference_takes_the_first_type_that_holds() {
    let table: &[(&[&str], &str)] = &[
        (&["true", "", "false"], r#""bool""#),
        (&["true", "True"], r#""text""#),
        (&["true", "1"], r#""text""#),
        (&["0", "-1", "9223372036854775807"], r#""int""#),
        (&["0", "18446744073709551615"], r#""int""#),
        (&["-1", "9223372036854775808"], r#"["decimal",0]"#),
        (&["-1", "10000000000000000000"], r#""float""#),
        (&["-1", "18446744073709551615"], r#"["decimal",0]"#),
        (&["1", "-0"], r#""float""#),
        (&["1", "1.5"], r#""float""#),
        (&["1e5", "1E-5"], r#""float""#),
        (&["9007199254740993"], r#""int""#),
        (&["9007199254740993", "0.5"], r#"["decimal",1]"#),
        (&["0.10000000000000001"], r#"["decimal",17]"#),
        (&["1.50", "18446744073709551617"], r#"["decimal",2]"#),
        (&["1e400"], r#""text""#),
        (&["99999999999999999999999999999999999999"], r#"["decimal",0]"#),
        (&["999999999999999999999999999999999999999"], r#""text""#),
        (&["99999999999999999999999999999999999999", "0.1"], r#""text""#),
        (&["NaN"], r#""text""#),
        (&["1.5", "Infinity"], r#""text""#),
        (&[".5"], r#""text""#),
        (&["5."], r#""text""#),
        (&["007"], r#""text""#),
        (&["+1"], r#""text""#),
        (&[" 1"], r#""text""#),
        (&["\"12\"", "13"], r#""int""#),
        (&["\"\"", "13"], r#""text""#),
        (&["", ""], r#""text""#),
        (&["2024-02-29", "0000-01-01"], r#""date""#),
        (&["2023-02-29"], r#""text""#),
        (&["2024-02-29", "5"], r#""text""#),
        (&["2024-02-29", "2024-02-29T00:00:00"], r#""text""#),
        (&["2024-02-29T23:59:59", "2024-02-29 23:59:59.123456789"], r#""timestamp""#),
        (&["2024-02-29T23:59:59Z", "2024-02-29 23:59:59.5+05:30", "2024-02-29T00:00:00-08"], r#""instant""#),
        (&["2024-02-29T23:59:59Z", "2024-02-29T23:59:59"], r#""text""#),
        (&["2024-02-29T23:59:60"], r#""text""#),
        (&["2024-02-29T23:59"], r#""text""#),
        (&["2024-02-29T23:59:59.1234567890"], r#""text""#),
        (&["9999-12-31T00:00:00"], r#""timestamp""#),
        (&["9999-12-31T00:00:00", "2024-01-01T00:00:00.000001"], r#""timestamp""#),
        (&["9999-12-31T00:00:00", "2024-01-01T00:00:00.0000001"], r#""text""#),
        (&["9999-12-31T00:00:00", "2024-01-01T00:00:00.0000000"], r#""timestamp""#),
    ];
    for (cells, expected) in table {
        assert_eq!(type_of(cells), *expected, "{cells:?}");
        let reversed: Vec<&str> = cells.iter().rev().copied().collect();
        assert_eq!(type_of(&reversed), *expected, "{reversed:?}");
    }
}

#[test]
fn json_strings_are_never_numbers_and_tokens_are_kept() {
    let table: &[(&[&str], &str)] = &[
        (&["true", "null"], r#""bool""#),
        (&["1", "-2"], r#""int""#),
        (&["1", "2.5"], r#""float""#),
        (&["\"true\""], r#""text""#),
        (&["\"1\""], r#""text""#),
        (&["1", "\"1\""], r#""text""#),
        (&["1", "true"], r#""text""#),
        (&["\"2024-01-01\"", "null"], r#""date""#),
        (&["\"2024-01-01T00:00:00Z\""], r#""instant""#),
        (&["\"2024-01-01\"", "1"], r#""text""#),
        (&["null"], r#""text""#),
        (&["[]", "null", "[1, 2]"], r#"["list","int"]"#),
        (&["[]"], r#"["list","text"]"#),
        (&["[[1.5], [], null]"], r#"["list",["list","float"]]"#),
        (&["{\"b\":1}", "{\"a\":[true],\"b\":null}"], r#"["struct",[["b","int"],["a",["list","bool"]]]]"#),
        (&["{}", "{\"a\":1}"], r#"["struct",[["a","int"]]]"#),
    ];
    for (values, expected) in table {
        assert_eq!(json_type_of(values).as_deref(), Ok(*expected), "{values:?}");
    }
    let (_, batch) = infer("t.ndjson", "{\"x\":1.50}\n{\"x\":\"a\"}\n{\"x\":true}\n{\"x\":1e2}\n").unwrap();
    let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().map(Option::unwrap).collect();
    assert_eq!(texts, ["1.50", "a", "true", "1e2"]);
}

#[test]
fn kinds_do_not_mix() {
    let kinds = |values: &[&str]| match json_type_of(values) {
        Err(Problem::MixedKinds { column, first, second, .. }) => (column, first, second),
        other => panic!("{other:?}"),
    };
    let mixed = |first, second| ("x".to_owned(), first, second);
    assert_eq!(kinds(&["1", "[1]"]), mixed("scalars", "arrays"));
    assert_eq!(kinds(&["{\"a\":1}", "\"s\""]), mixed("objects", "scalars"));
    assert_eq!(kinds(&["[]", "{}", "1"]), mixed("arrays", "objects"));
    assert_eq!(kinds(&["[{\"a\":1},{\"a\":[]}]"]), ("x[].a".to_owned(), "scalars", "arrays"));
    assert_eq!(json_type_of(&["{}", "null"]), Err(Problem::EmptyObjects { column: "x".to_owned() }));
    // The place is that of the second kind, whatever comes after and wherever blocks are cut.
    for block_bytes in [1, 7, 1 << 20] {
        let files = Files::new(&[("t.ndjson", b"{\"x\":1}\n{\"x\":\n{}}\n".as_slice())]);
        assert!(files.open(Options { block_bytes, ..Options::default() }).unwrap().infer().is_err());
        let files = Files::new(&[("t.ndjson", b"{\"x\":1}\n\n{\"y\":[], \"x\":[2]}\n{\"y\":0}\n".as_slice())]);
        let error = files.open(Options { block_bytes, ..Options::default() }).unwrap().infer().unwrap_err();
        assert_eq!(spot(&error), (3, 22));
        assert!(error.to_string().contains("column \"x\" holds arrays, but scalars at"), "{error}");
        assert!(error.to_string().ends_with("t.ndjson:1 (byte 5)"), "{error}");
    }
}

#[test]
fn columns_come_in_order_of_first_appearance() {
    let (schema, batch) = infer("t.ndjson", "{\"b\":1}\n\n \t\r\n{\"a\":2,\"b\":3}\n{}").unwrap();
    assert_eq!(schema, r#"[["b","int"],["a","int"]]"#);
    assert_eq!(batch.num_rows(), 3);
    assert_eq!(batch.column(1).null_count(), 2);
}

#[test]
fn depth_and_keys_are_bounded() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(json_type_of(&[&nested(31)]).is_ok());
    assert_eq!(json_type_of(&[&nested(32)]), Err(Problem::TooDeep { limit: 32 }));
    assert_eq!(json_type_of(&[&nested(100_000)]).map_err(|p| matches!(p, Problem::TooDeep { .. })), Err(true));
    let keys: Vec<String> = (0..16_385).map(|key| format!("\"k{key}\":0")).collect();
    assert_eq!(json_type_of(&[&format!("{{{}}}", keys.join(","))]), Err(Problem::TooManyKeys { limit: 16_384 }));
}

#[test]
fn keys_are_bounded_over_all_blocks() {
    let lines: String = (0..66_000).map(|key| format!("{{\"x\":{{\"k{key}\":0}}}}\n")).collect();
    let files = Files::new(&[("t.ndjson", lines.as_bytes())]);
    let source = files.open(Options { block_bytes: 1 << 14, ..Options::default() }).unwrap();
    assert!(matches!(source.infer(), Err(SourceError::Schema(_))));
}

#[test]
fn many_columns_make_small_batches() {
    let keys: Vec<String> = (0..16_000).map(|key| format!("\"k{key}\":{key}")).collect();
    let text = format!("{{{}}}\n{}", keys.join(","), "{}\n".repeat(1000));
    let header: Vec<String> = (0..16_000).map(|key| format!("k{key}")).collect();
    let line = format!("{}\n", ",".repeat(15_999));
    let csv = format!("{}\n{}", header.join(","), line.repeat(600));
    for (name, text, expected) in [("t.ndjson", text, 1001), ("t.csv", csv, 600)] {
        let files = Files::new(&[(name, text.as_bytes())]);
        let source = files.open(Options { block_bytes: 16 << 20, ..Options::default() }).unwrap();
        let plan = source.infer().unwrap();
        let sizes: Vec<usize> = source.batches(&plan).map(|batch| batch.unwrap().batch().num_rows()).collect();
        assert!(sizes.len() > 1 && sizes.iter().all(|rows| *rows <= (1 << 22) / 16_000), "{sizes:?}");
        assert_eq!(sizes.iter().sum::<usize>(), expected);
    }
}

#[test]
fn a_record_has_a_longest_length() {
    let line = vec![b'x'; (64 << 20) + 1];
    let files = Files::new(&[("t.ndjson", &line)]);
    let error = files.open(Options::default()).unwrap().infer().unwrap_err();
    assert_eq!(spot(&error), (1, 0));
    assert_eq!(problem(error), Problem::RecordTooLong { limit: 64 << 20 });
}

#[test]
fn widths_follow_the_values() {
    let data_type = |cells: &str| infer("t.csv", &format!("x\n{cells}")).unwrap().1.column(0).data_type().clone();
    assert_eq!(data_type("1\n-1\n"), DataType::Int64);
    assert_eq!(data_type("1\n9223372036854775808\n"), DataType::UInt64);
    assert_eq!(data_type("2024-01-01T00:00:00.123456\n"), DataType::Timestamp(TimeUnit::Microsecond, None));
    assert_eq!(
        data_type("2024-01-01T00:00:00.1234567Z\n"),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
    );
    assert_eq!(data_type("0.10000000000000001\n"), DataType::Decimal128(18, 17));
    assert_eq!(data_type("18446744073709551616.5\n0.10000000000000001\n"), DataType::Decimal128(38, 17));
}

#[test]
fn a_wider_value_further_on_asks_for_another_plan() {
    let files = Files::new(&[(
        "t.csv",
        b"a,b,c\n1,1.5,0.5\n2,2.5,0.5\n9223372036854775808,99999999999999999999.5,0.0000001\n",
    )]);
    let source = files.open(Options { block_bytes: 8, ..Options::default() }).unwrap();
    let schema = schema(&[("a", Type::Int), ("b", Type::Decimal(1)), ("c", Type::Duration)]);
    let plan = source.under(schema).unwrap();
    let error = rows(&source, &plan).unwrap_err();
    assert_eq!(
        error.widening().map(|widening| (widening.path.clone(), widening.need)),
        Some((vec![0], Need::Unsigned))
    );
    let plan = source.measure(plan).unwrap();
    let batch = rows(&source, &plan).unwrap();
    assert_eq!(batch.column(0).as_primitive::<UInt64Type>().value(2), 1 << 63);
    assert_eq!(batch.column(1).data_type(), &DataType::Decimal128(38, 1));
    assert_eq!(batch.column(2).as_primitive::<DurationNanosecondType>().value(2), 100);
}

#[test]
fn no_integer_type_holds_both_ends() {
    let text = b"x\n-1\n9223372036854775808\n";
    let error = read_under("t.csv", text, schema(&[("x", Type::Int)])).unwrap_err();
    assert!(matches!(problem(error), Problem::Value { reason: Reason::Range { .. }, .. }));
}

#[test]
fn csv_tells_null_from_empty_text() {
    let (_, batch) = infer("t.csv", "\u{feff}a,b\r\n,\"\"\r\nx,\"y\"\"z\"\n\n\"multi\r\nline\", t \r").unwrap();
    let column = |index: usize| batch.column(index).as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(column(0), [None, Some("x"), Some("multi\r\nline")]);
    assert_eq!(column(1), [Some(""), Some("y\"z"), Some(" t ")]);
}

#[test]
fn a_blank_line_is_a_null_row_of_one_column() {
    let (_, batch) = infer("t.csv", "a\nx\n\n\"\"\n").unwrap();
    assert_eq!(batch.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("x"), None, Some("")]);
}

#[test]
fn tabs_and_other_delimiters() {
    let (schema, _) = infer("t.tsv", "a\tb\n1\t\"x\ty\"\n").unwrap();
    assert_eq!(schema, r#"[["a","int"],["b","text"]]"#);
    let files = Files::new(&[("t.csv", b"a;b\n1;2,5\n".as_slice())]);
    let source = files.open(Options { delimiter: Some(b';'), ..Options::default() }).unwrap();
    assert_eq!(source.infer().unwrap().schema().to_string(), r#"[["a","int"],["b","text"]]"#);
    for found in [b'"', b'\n', b'\r', 0x80] {
        let refused = files.open(Options { delimiter: Some(found), ..Options::default() });
        assert!(matches!(refused, Err(SourceError::Delimiter { .. })));
    }
}

#[test]
fn faults_of_csv_name_line_and_byte() {
    let text = Type::Text;
    let two = || schema(&[("a", text.clone()), ("b", Type::Int)]);
    let fault = |content: &[u8]| {
        let error = read_under("t.csv", content, two()).unwrap_err();
        (error.place().map(|place| place.spot), problem(error))
    };
    let at = |line, byte| Some(Spot::Text { line, byte });
    assert_eq!(fault(b"a,b\n1,2\n\"x\ny\",3\n1\n"), (at(5, 16), Problem::Ragged { found: 1, expected: 2 }));
    assert_eq!(fault(b"a,b\n1,2,3\n"), (at(2, 4), Problem::Ragged { found: 3, expected: 2 }));
    assert_eq!(fault(b"a,b\n\"x\"y,2\n"), (at(2, 7), Problem::AfterQuote { found: 'y' }));
    assert_eq!(fault(b"a,b\nx,1\n\"x,2\n"), (at(3, 8), Problem::OpenQuote));
    assert_eq!(fault(b"a,b\nx,1\n\xff,2\n"), (at(3, 8), Problem::Utf8));
    assert_eq!(fault(b"a,b\nx,\xed\xa0\x80\n"), (at(2, 6), Problem::Utf8));
    assert_eq!(fault(b"a,b,a\n"), (at(1, 0), Problem::RepeatedColumn { column: "a".to_owned() }));
    assert_eq!(fault(b"\n\r\n"), (at(3, 3), Problem::NoHeader));
    assert_eq!(fault(b"a\n1\n").1, Problem::MissingColumn { column: "b".to_owned() });
    assert_eq!(fault(b"a,c,b\n").1, Problem::ExtraColumn { column: "c".to_owned() });
    let (place, value) = fault("\u{feff}a,b\rx,1\ry,1.0\r".as_bytes());
    assert_eq!(place, at(3, 13));
    let reason = Reason::Form { expected: "an integer" };
    assert_eq!(value, Problem::Value { column: "b".to_owned(), reason, excerpt: "\"1.0\"".to_owned() });
}

#[test]
fn the_first_fault_in_the_file_is_the_one_reported() {
    let three = || schema(&[("a", Type::Int), ("b", Type::Int), ("c", Type::Int)]);
    let fault = |text: &str| spot(&read_under("t.csv", text.as_bytes(), three()).unwrap_err());
    assert_eq!(fault("c,b,a\n1,1,1\n1,x,1\n1,1,x\n"), (3, 14));
    assert_eq!(fault("c,b,a\n1,x,x\n"), (2, 8));
    assert_eq!(fault("c,b,a\nx,x,x\n"), (2, 6));
    assert_eq!(fault("c,b,a\n1,1,1\n1,1,x\n1\n"), (3, 16));
    assert_eq!(fault("c,b,a\n1,1,1\n1\n1,1,x\n"), (3, 12));
}

#[test]
fn faults_of_ndjson_name_line_and_byte() {
    let fault = |content: &[u8]| {
        let error = read_under("t.ndjson", content, schema(&[("a", Type::Int), ("b", Type::Text)])).unwrap_err();
        (spot(&error), problem(error))
    };
    let json = |at, problem| (at, Problem::Json(problem));
    assert_eq!(fault(b"{}\n{\"a\":1,\"a\":2}\n"), json((2, 10), JsonProblem::RepeatedKey));
    assert_eq!(fault(b"{\"a\":1,\"\\u0061\":2}\n"), json((1, 7), JsonProblem::RepeatedKey));
    assert_eq!(fault(b"{\"b\":\"\\ud800\"}\n"), json((1, 6), JsonProblem::Surrogate));
    assert_eq!(fault(b"{\"b\":\"\t\"}\n"), json((1, 6), JsonProblem::Control));
    assert_eq!(fault(b"{\"a\":1}{}\n"), json((1, 7), JsonProblem::Trailing));
    assert_eq!(fault(b"{\"a\":01}\n"), json((1, 5), JsonProblem::Expected { expected: "a number" }));
    assert_eq!(fault(b"{\"a\":1\n}"), json((1, 6), JsonProblem::Expected { expected: "`,` or `}`" }));
    assert_eq!(fault(b"\n[1]\n"), ((2, 1), Problem::NotAnObject { found: "an array" }));
    assert_eq!(fault(b"{}\nnull\n"), ((2, 3), Problem::NotAnObject { found: "null" }));
    let (at, unknown) = fault(b"{\"a\":1, \"c\":2}\n");
    assert_eq!(at, (1, 8));
    assert_eq!(unknown, Problem::ExtraColumn { column: "c".to_owned() });
    assert_eq!(fault(b"{\"a\":1}\n{\"b\":\"\xc3\"}\n"), ((2, 14), Problem::Utf8));
}

#[test]
fn inference_refuses_what_conversion_refuses() {
    for bad in ["{\"a\":1,\"a\":2}", "{\"a\":\"\\udfff\"}", "[1]", "{\"a\":1", "{\"a\":{\"b\":1,\"b\":1}}", "{} {}"] {
        assert!(infer("t.ndjson", bad).is_err(), "{bad}");
    }
    for bad in ["a,b\n1\n", "a\n\"x", "a\n\"x\"y\n", "a,a\n"] {
        assert!(infer("t.csv", bad).is_err(), "{bad}");
    }
}

#[test]
fn cells_become_values_or_are_refused() {
    use Type::*;
    let good: &[(&str, Type, &str)] = &[
        ("true", Bool, "true"),
        ("-9223372036854775808", Int, "-9223372036854775808"),
        ("18446744073709551615", Int, "18446744073709551615"),
        ("1", Float, "1.0"),
        ("0.1000000000000000055", Float, "0.1"),
        ("-0", Float, "-0.0"),
        ("1e-400", Float, "0.0"),
        ("NaN", Float, "NaN"),
        ("-Infinity", Float, "-inf"),
        ("Infinity", Float, "inf"),
        (" x ", Text, "\" x \""),
        ("", Text, "\"\""),
        ("", Bytes, "[]"),
        ("AP8=", Bytes, "[0, 255]"),
        ("1969-12-31", Date, "1969-12-31"),
        ("23:59:59.999999999", Time, "23:59:59.999999999"),
        ("1969-12-31T23:59:59.5", Timestamp, "1969-12-31T23:59:59.500"),
        ("1970-01-01 00:00:00+01", Instant, "1969-12-31T23:00:00+00:00"),
        ("-1.5", Duration, "-1500000"),
        ("1e-9", Duration, "1"),
        ("1.5", Decimal(2), "150"),
        ("1.500", Decimal(1), "15"),
        ("-0.0", Decimal(1), "0"),
        ("15e-1", Decimal(1), "15"),
        ("1e18", Decimal(0), "1000000000000000000"),
    ];
    for (text, ty, expected) in good {
        let array = cell(text, ty.clone()).unwrap_or_else(|error| panic!("{text} as {ty}: {error}"));
        assert_eq!(debug_value(&array), *expected, "{text} as {ty}");
    }
    let bad: &[(&str, Type, &str)] = &[
        ("", Int, "not an integer"),
        ("", Bool, "not true or false"),
        ("TRUE", Bool, "not true or false"),
        ("1", Bool, "not true or false"),
        ("-0", Int, "not an integer"),
        ("1.0", Int, "not an integer"),
        ("1e3", Int, "not an integer"),
        ("007", Int, "not an integer"),
        (" 1", Int, "not an integer"),
        ("18446744073709551616", Int, "outside the range of 64-bit integers"),
        ("-9223372036854775809", Int, "outside the range of 64-bit integers"),
        ("1e309", Float, "outside the range of 64-bit floats"),
        (".5", Float, "not a number"),
        ("inf", Float, "not a number"),
        ("nan", Float, "not a number"),
        ("1.55", Decimal(1), "more than 1 fraction digits"),
        ("1e-1", Decimal(0), "more than 0 fraction digits"),
        ("1e76", Decimal(0), "outside the range of decimals of 76 digits"),
        ("NaN", Decimal(0), "not a decimal number"),
        ("AP8", Bytes, "not base64 with padding"),
        ("AP9=", Bytes, "not base64 with padding"),
        ("AP8=\n", Bytes, "not base64 with padding"),
        ("2024-1-1", Date, "not a date as YYYY-MM-DD"),
        ("2024-01-01T00:00:00", Date, "not a date as YYYY-MM-DD"),
        ("24:00:00", Time, "not a time as hh:mm:ss[.fraction]"),
        ("10:00", Time, "not a time as hh:mm:ss[.fraction]"),
        ("2024-01-01", Timestamp, "not a local timestamp as YYYY-MM-DDThh:mm:ss[.fraction], without an offset"),
        (
            "2024-01-01T00:00:00Z",
            Timestamp,
            "not a local timestamp as YYYY-MM-DDThh:mm:ss[.fraction], without an offset",
        ),
        ("2024-01-01T00:00:00", Instant, "not an instant as YYYY-MM-DDThh:mm:ss[.fraction] with Z or an offset"),
        (
            "9999-01-01T00:00:00.0000001Z",
            Instant,
            "outside the range of nanoseconds in 64 bits, which another value of the column needs",
        ),
        ("1 s", Duration, "not a duration in decimal seconds"),
        ("0.0000000001", Duration, "more than 9 fraction digits"),
        ("1e20", Duration, "outside the range of durations"),
        ("1", list(Int), "not an array"),
        ("[1", list(Int), "not JSON: expected `,` or `]`"),
        ("[1] 2", list(Int), "not JSON: content after the value"),
    ];
    for (text, ty, expected) in bad {
        let error = cell(text, ty.clone()).err().unwrap_or_else(|| panic!("{text} as {ty}"));
        assert_eq!(spot(&error), (2, 5), "{text} as {ty}");
        match problem(error) {
            Problem::Value { column, reason, .. } => {
                assert_eq!((column.as_str(), reason.to_string().as_str()), ("x", *expected), "{text} as {ty}");
            }
            other => panic!("{text} as {ty}: {other:?}"),
        }
    }
}

#[test]
fn json_values_become_values_or_are_refused() {
    use Type::*;
    let good: &[(&str, Type, &str)] = &[
        ("false", Bool, "false"),
        ("12", Int, "12"),
        ("12", Float, "12.0"),
        ("\"NaN\"", Float, "NaN"),
        ("1.50", Text, "\"1.50\""),
        ("true", Text, "\"true\""),
        ("\"\\u00e9\"", Text, "\"é\""),
        ("\"AP8=\"", Bytes, "[0, 255]"),
        ("\"2024-02-29\"", Date, "2024-02-29"),
        ("1.5", Duration, "1500000"),
        ("\"1.5\"", Duration, "1500000"),
        ("1.5", Decimal(1), "15"),
    ];
    for (text, ty, expected) in good {
        let array = value(text, ty.clone()).unwrap_or_else(|error| panic!("{text} as {ty}: {error}"));
        assert_eq!(debug_value(&array), *expected, "{text} as {ty}");
    }
    let bad: &[(&str, Type)] = &[
        ("\"true\"", Bool),
        ("0", Bool),
        ("\"12\"", Int),
        ("true", Int),
        ("1.0", Int),
        ("\"1.5\"", Float),
        ("\"nan\"", Float),
        ("\"1.5\"", Decimal(1)),
        ("[]", Text),
        ("{}", Text),
        ("1", Bytes),
        ("20240229", Date),
        ("1", Time),
        ("1", Instant),
        ("true", Duration),
        ("{}", list(Int)),
        ("[\"1\"]", list(Int)),
        ("[]", Struct(fields(&[("a", Int)]))),
        ("1", map(Text, Int)),
        ("[1]", map(Text, Int)),
        ("[[]]", map(Text, Int)),
        ("[[\"a\"]]", map(Text, Int)),
        ("[[\"a\",1,2]]", map(Text, Int)),
        ("[[null,1]]", map(Text, Int)),
        ("{\"x\":1}", map(Int, Int)),
    ];
    for (text, ty) in bad {
        let error = value(text, ty.clone()).err().unwrap_or_else(|| panic!("{text} as {ty}"));
        assert!(matches!(problem(error), Problem::Value { .. }), "{text} as {ty}");
    }
}

#[test]
fn nested_cells_are_json() {
    let point = Type::Struct(fields(&[("x", Type::Int), ("y", list(Type::Text))]));
    let text = "p,m\n\"{\"\"y\"\":[\"\"a\"\",null]}\",\"{\"\"1\"\":true}\"\n\"null\",\"[[2,null]]\"\n,\n";
    let batch =
        read_under("t.csv", text.as_bytes(), schema(&[("p", point), ("m", map(Type::Int, Type::Bool))])).unwrap();
    let points = batch.column(0).as_struct();
    assert_eq!((0..3).map(|row| points.is_null(row)).collect::<Vec<_>>(), [false, true, true]);
    assert!(points.column(0).is_null(0));
    assert_eq!(
        points.column(1).as_list::<i32>().value(0).as_string::<i32>().iter().collect::<Vec<_>>(),
        [Some("a"), None]
    );
    let maps = batch.column(1).as_map();
    assert_eq!(maps.keys().as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(maps.values().as_boolean().iter().collect::<Vec<_>>(), [Some(true), None]);
    assert!(maps.is_null(2));
}

#[test]
fn faults_inside_nested_values_name_the_path() {
    let ty = list(Type::Struct(fields(&[("price", Type::Decimal(2)), ("tags", map(Type::Text, Type::Int))])));
    let fault = |text: &str| {
        let line = format!("{{\"items\":{text}}}");
        let error = read_under("t.ndjson", line.as_bytes(), schema(&[("items", ty.clone())])).unwrap_err();
        (spot(&error).1, error.to_string())
    };
    assert_eq!(
        fault("[{\"price\":1.234}]"),
        (19, "column \"items[].price\": more than 2 fraction digits: \"1.234\"".to_owned())
    );
    assert_eq!(
        fault("[{\"tags\":{\"a\":\"b\"}}]"),
        (23, "column \"items[].tags{}\": not an integer: \"\\\"b\\\"\"".to_owned())
    );
    assert_eq!(fault("[{\"tags\":{\"a\":1,\"a\":1}}]").1, "not JSON: a key occurs twice in one object");
    assert_eq!(fault("[{\"nope\":1}]"), (11, "column \"items[].nope\" is not in the schema".to_owned()));
    let wide = "[{\"price\":12345678901234567890123456789012345678901234567890.5}]";
    assert!(value(wide, ty.clone()).is_ok());
}

#[test]
fn big_decimals_keep_every_digit() {
    let digits = "1".repeat(76);
    let array = cell(&digits, Type::Decimal(0)).unwrap();
    assert_eq!(array.as_primitive::<Decimal256Type>().value(0), i256::from_string(&digits).unwrap());
    assert!(matches!(problem(cell(&"1".repeat(77), Type::Decimal(0)).unwrap_err()), Problem::Value { .. }));
    // Seventy-six fraction digits leave no room before the point.
    assert!(cell("0.5", Type::Decimal(76)).is_ok());
    assert!(cell("1.5", Type::Decimal(76)).is_err());
}

#[test]
fn excerpts_are_escaped_and_short() {
    let long = format!("\u{1b}[31m{}", "x".repeat(1000));
    match problem(cell(&long, Type::Int).unwrap_err()) {
        Problem::Value { excerpt, .. } => {
            assert!(excerpt.starts_with("\"\\u{1b}[31mxxx") && excerpt.chars().count() == 62, "{excerpt}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_form_one_sequence_in_argument_order() {
    let files = Files::new(&[
        ("z.csv", b"a,b\n1,x\n"),
        ("d/b/1.csv", b"b,a\ny,2\n"),
        ("d/b.csv", b"a,b\n3,\n"),
        ("d/_SUCCESS", b""),
        ("d/.hidden.csv", b"nonsense"),
        ("d/B.csv", b"a,b\n4.5,z\n"),
    ]);
    let paths = [files.directory.path().join("z.csv"), files.directory.path().join("d")];
    let source = Source::open(&paths, Options::default()).unwrap();
    let names: Vec<_> =
        source.files().map(|path| path.strip_prefix(files.directory.path()).unwrap().to_owned()).collect();
    assert_eq!(names, ["z.csv", "d/B.csv", "d/b.csv", "d/b/1.csv"].map(PathBuf::from));
    let plan = source.infer().unwrap();
    assert_eq!(plan.schema().to_string(), r#"[["a","float"],["b","text"]]"#);
    let batch = rows(&source, &plan).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Float64Type>().values(), &[1.0, 4.5, 3.0, 2.0]);
    assert_eq!(batch.column(1).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("x"), Some("z"), None, Some("y")]);
}

#[test]
fn rows_know_where_they_came_from() {
    let files = Files::new(&[("t.csv", b"a,b\n\n1,\"x\ny\"\n2,z\n"), ("u.ndjson", b"\n{\"a\":1}\n  {\"a\":2}\n")]);
    for (path, expected) in files.paths.iter().zip([["3 (byte 5)", "5 (byte 13)"], ["2 (byte 1)", "3 (byte 9)"]]) {
        for block_bytes in [1, 1 << 20] {
            let source =
                Source::open(std::slice::from_ref(path), Options { block_bytes, ..Options::default() }).unwrap();
            let plan = source.infer().unwrap();
            let mut places = Vec::new();
            for batch in source.batches(&plan) {
                let batch = batch.unwrap();
                places.extend((0..batch.batch().num_rows()).map(|row| batch.place(row).to_string()));
            }
            let expected = expected.map(|spot| format!("{}:{spot}", path.display()));
            assert_eq!(places, expected);
        }
    }
}

#[test]
fn formats_are_told_or_refused() {
    let format = |name: &str, content: &[u8]| {
        let files = Files::new(&[(name, content)]);
        files.open(Options::default()).map(|source| source.format()).map_err(problem)
    };
    assert_eq!(format("data", b"a,b\n1,2\n"), Ok(Format::Csv));
    assert_eq!(format("data.log", b"{\"a\":1}\n"), Ok(Format::Ndjson));
    assert_eq!(format("data.txt", b"{\"a\":1}\n"), Ok(Format::Text));
    assert_eq!(format("data.bin", b"\x00\x01,"), Err(Problem::UnknownFormat));
    assert_eq!(format("data.csv", b""), Err(Problem::Empty));
    let mixed = Files::new(&[("a.csv", b"a\n1\n"), ("b.ndjson", b"{}\n")]);
    assert!(matches!(mixed.open(Options::default()), Err(SourceError::MixedFormats { .. })));
    let told = Files::new(&[("a.csv", b"{\"a\":1}\n")]);
    let source = told.open(Options { format: Some(Format::Ndjson), ..Options::default() }).unwrap();
    assert_eq!(source.infer().unwrap().schema().to_string(), r#"[["a","int"]]"#);
    let empty = TempDir::new().unwrap();
    assert!(matches!(Source::open(&[empty.path().to_owned()], Options::default()), Err(SourceError::NoFiles { .. })));
    let missing = empty.path().join("missing.csv");
    assert!(matches!(Source::open(&[missing], Options::default()), Err(SourceError::Io { action: "open", .. })));
}

#[test]
fn files_without_rows_are_refused() {
    for (name, text) in [("t.csv", "a,b\n"), ("t.csv", "a\n"), ("t.ndjson", "\n\n")] {
        assert!(matches!(infer(name, text), Err(SourceError::NoRows { files: 1, .. })), "{text:?}");
    }
    assert_eq!(problem(infer("t.csv", "\u{feff}").unwrap_err()), Problem::NoHeader);
    let files = Files::new(&[("a.csv", b"a\n".as_slice()), ("b.csv", b"a\n1\n")]);
    let source = files.open(Options::default()).unwrap();
    assert_eq!(rows(&source, &source.infer().unwrap()).unwrap().num_rows(), 1);
}

#[test]
fn a_file_that_changes_between_passes_is_refused() {
    let files = Files::new(&[("t.csv", b"a\n1\n")]);
    let source = files.open(Options::default()).unwrap();
    let plan = source.infer().unwrap();
    fs::write(&files.paths[0], b"a\n1\n2\n").unwrap();
    assert_eq!(problem(rows(&source, &plan).unwrap_err()), Problem::Changed);
    // The same length, written to another inode and put in place.
    let files = Files::new(&[("t.csv", b"a\n1\n"), ("u.csv", b"a\n2\n")]);
    let source = Source::open(&files.paths[..1], Options::default()).unwrap();
    fs::rename(&files.paths[1], &files.paths[0]).unwrap();
    assert_eq!(problem(source.infer().unwrap_err()), Problem::Changed);
}

#[test]
fn a_file_that_grows_while_it_is_read_is_refused() {
    let files = Files::new(&[("t.csv", b"a\n1\n2\n3\n")]);
    let source = files.open(Options { block_bytes: 2, ..Options::default() }).unwrap();
    let mut blocks = source.blocks();
    assert!(blocks.next().unwrap().is_ok());
    fs::write(&files.paths[0], b"a\n1\n2\n3\n4\n").unwrap();
    let error = blocks.find_map(Result::err).unwrap();
    assert_eq!(problem(error), Problem::Changed);
    assert!(blocks.next().is_none());
}

/// The single value of an array, as text.
fn debug_value(array: &ArrayRef) -> String {
    assert_eq!(array.len(), 1);
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(0).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(0).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(0).to_string(),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(0)),
        DataType::Utf8 => format!("{:?}", array.as_string::<i32>().value(0)),
        DataType::Binary => format!("{:?}", array.as_binary::<i32>().value(0)),
        DataType::Date32 => array.as_primitive::<Date32Type>().value_as_date(0).unwrap().to_string(),
        DataType::Time64(_) => array.as_primitive::<Time64NanosecondType>().value_as_time(0).unwrap().to_string(),
        DataType::Timestamp(_, None) => {
            let moment = array.as_primitive::<TimestampMicrosecondType>().value_as_datetime(0).unwrap();
            format!("{moment:?}")
        }
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>();
            let moment = micros.value_as_datetime_with_tz(0, "+00:00".parse().unwrap()).unwrap();
            moment.to_rfc3339()
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            array.as_primitive::<DurationMicrosecondType>().value(0).to_string()
        }
        DataType::Duration(_) => array.as_primitive::<DurationNanosecondType>().value(0).to_string(),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value(0).to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn tokens_for_null_leave_quoted_text_alone() {
    let nulls = || Options { nulls: vec!["NA".into(), "-".into()], ..Options::default() };
    let csv = Files::new(&[("a.csv", b"n,t,q\n1,x,\"NA\"\nNA,-,NA\n3,NA,\"-\"\n")]);
    let plan = csv.open(nulls()).unwrap().infer().unwrap();
    assert_eq!(plan.schema().to_string(), r#"[["n","int"],["t","text"],["q","text"]]"#);
    let batch = rows(&csv.open(nulls()).unwrap(), &plan).unwrap();
    assert_eq!([0, 1, 2].map(|column| batch.column(column).null_count()), [1, 2, 1]);
    let quoted = batch.column(2).as_any().downcast_ref::<arrow_array::StringArray>().unwrap();
    assert_eq!((quoted.value(0), quoted.value(2)), ("NA", "-"));

    // The same rows are the same values, whatever stands for null and in whatever format.
    let plain = Files::new(&[("a.csv", b"n,t,q\n1,x,NA\n,,\n3,,-\n")]);
    assert_eq!(rows(&plain.open(Options::default()).unwrap(), &plan).unwrap(), batch);
    let json = Files::new(&[("a.ndjson", b"{\"n\":1,\"t\":\"x\",\"q\":\"NA\"}\n{}\n{\"n\":3,\"q\":\"-\"}\n")]);
    assert_eq!(rows(&json.open(nulls()).unwrap(), &plan).unwrap(), batch, "strings of JSON are quoted");

    // Under a schema too, and without the tokens it is no integer.
    let under = csv.open(nulls()).unwrap().under(plan.schema().clone()).unwrap();
    assert_eq!(rows(&csv.open(nulls()).unwrap(), &under).unwrap(), batch);
    assert!(csv.open(Options::default()).unwrap().under(plan.schema().clone()).is_err());
}

#[test]
fn tokens_that_no_field_can_be_are_refused() {
    let files = Files::new(&[("a.csv", b"n\n1\n")]);
    for token in ["a,b", "\"NA\"", "a\nb", "a\r"] {
        let options = Options { nulls: vec!["NA".into(), token.into()], ..Options::default() };
        assert!(matches!(files.open(options), Err(SourceError::NullToken { token: found }) if found == token));
    }
    let semicolons = Options { nulls: vec!["a,b".into()], delimiter: Some(b';'), ..Options::default() };
    assert!(files.open(semicolons).is_ok());
}
