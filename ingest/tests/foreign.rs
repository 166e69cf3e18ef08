//! Parquet and Arrow files that pyarrow wrote (`foreign/make.py`): every type that has a rule, and what has none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::i256;
use mira_ingest::source::{Options, Source, SourceError};

use common::rows;

fn open(name: &str) -> Result<Source, SourceError> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name);
    Source::open(&[path], Options::default())
}

fn read(name: &str) -> (String, RecordBatch) {
    let source = open(name).unwrap();
    let plan = source.infer().unwrap();
    (plan.schema().to_string(), rows(&source, &plan).unwrap())
}

#[test]
fn every_type_of_parquet_and_arrow() {
    let (schema, batch) = read("types.parquet");
    for (name, ty) in [
        ("float16", "\"float\""),
        ("fixed", "\"bytes\""),
        ("date64", "\"date\""),
        ("time32s", "\"time\""),
        ("time64ns", "\"time\""),
        ("decimal9", "[\"decimal\",2]"),
        ("decimal76", "[\"decimal\",10]"),
        ("fixed_list", "[\"list\",\"int\"]"),
        ("map", "[\"map\",\"text\",\"int\"]"),
        ("struct", "[\"struct\",[[\"a\",[\"list\",[\"struct\",[[\"b\",\"int\"]]]]]]]"),
        ("dictionary", "\"text\""),
        ("uint64", "\"int\""),
        ("timestamp_ns", "\"timestamp\""),
        ("instant_s", "\"instant\""),
        ("duration_ms", "\"duration\""),
    ] {
        assert!(schema.contains(&format!("[\"{name}\",{ty}]")), "{name}: {schema}");
    }
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert!(batch.columns().iter().all(|column| column.is_null(1) && column.is_valid(0) && column.is_valid(2)));
    assert_eq!(column("uint64").as_primitive::<UInt64Type>().value(2), u64::MAX);
    assert_eq!(column("int64").as_primitive::<Int64Type>().values()[0], i64::MIN);
    assert_eq!(column("float16").as_primitive::<Float32Type>().value(2), -0.25);
    assert_eq!(column("fixed").as_binary::<i32>().value(2), b"\x00\xff.");
    assert_eq!(column("time32s").as_primitive::<Time64NanosecondType>().value(2), 1_000_000_000);
    assert_eq!(column("duration_s").as_primitive::<DurationMicrosecondType>().value(0), 86_401_000_000);
    assert_eq!(column("duration_ns").as_primitive::<DurationNanosecondType>().value(2), -1_000_000_000);
    assert_eq!(column("instant_ms").as_primitive::<TimestampMicrosecondType>().value(0), 1_709_251_199_000_000);
    assert_eq!(column("timestamp_ns").as_primitive::<TimestampNanosecondType>().value(2), -86_399_000_000_000);
    let nines = i256::from_string(&format!("-{}", "9".repeat(76))).unwrap();
    assert_eq!(column("decimal76").as_primitive::<Decimal256Type>().value(2), nines);

    // The same rows in other encodings, and in Arrow, where some types are others.
    let (other_schema, other) = read("types_encodings.parquet");
    assert_eq!((other_schema, &other), (schema, &batch));
    let (_, arrow) = read("types.arrow");
    for field in batch.schema().fields() {
        assert_eq!(arrow.column_by_name(field.name()).unwrap(), column(field.name()), "{}", field.name());
    }
    let text = |name: &str| arrow.column_by_name(name).unwrap().as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(text("string_view"), [Some("é"), None, Some("longer than twelve bytes")]);
    assert_eq!(text("runs"), [Some("a"), Some("a"), None]);
    assert_eq!(text("null"), [None, None, None]);
    let binary = arrow.column_by_name("binary_view").unwrap();
    assert_eq!(binary.as_binary::<i32>().value(2), b"longer than twelve bytes");
    for name in ["decimal32", "decimal64"] {
        assert_eq!(arrow.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().value(0), 15, "{name}");
    }
}

#[test]
fn int96_is_a_timestamp_in_nanoseconds() {
    let (schema, batch) = read("int96.parquet");
    assert_eq!(schema, r#"[["at","timestamp"]]"#);
    let found = batch.column(0).as_primitive::<TimestampNanosecondType>();
    let expected = [Some(1_709_251_199_000_007_000), None, Some(-8_520_336_000_000_000_000)];
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn encrypted_parquet_is_refused_as_such() {
    for name in ["encrypted_footer.parquet", "encrypted_column.parquet"] {
        let error = open(name).unwrap().infer().unwrap_err();
        assert!(error.to_string().contains("encrypted"), "{name}: {error}");
    }
}
