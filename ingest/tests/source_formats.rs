//! The same rows from every format, whatever the size of blocks; and foreign Parquet.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests state what they expect"
)]

mod common;

use std::sync::Arc;

use arrow_array::builder::{
    Date64Builder, Float64Builder, ListBuilder, MapBuilder, StringBuilder, StringDictionaryBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, TimeUnit};
use mira_core::schema::{Schema, Type};
use mira_ingest::source::{Need, Options, Problem, Reason, Source, SourceError};
use parquet::arrow::ArrowWriter;
use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use common::{Files, fields, list, map, rows, schema};

fn parquet_bytes(batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = Vec::new();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3)).build();
    let mut writer = ArrowWriter::try_new(&mut out, batches[0].schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
    out
}

fn one_column(array: ArrayRef) -> Vec<u8> {
    parquet_bytes(&[RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap()])
}

fn open_parquet(contents: &[Vec<u8>]) -> (Files, Source) {
    let names: Vec<String> = (0..contents.len()).map(|index| format!("{index}.parquet")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(contents.iter().map(Vec::as_slice)).collect();
    let files = Files::new(&files);
    let source = files.open(Options::default()).unwrap();
    (files, source)
}

/// The inferred schema, and the column as read.
fn read_column(array: ArrayRef) -> Result<(String, ArrayRef), SourceError> {
    let (_files, source) = open_parquet(&[one_column(array)]);
    let plan = source.infer()?;
    let batch = rows(&source, &plan)?;
    Ok((plan.schema().to_string(), Arc::clone(batch.column(0))))
}

fn read_under(array: ArrayRef, ty: Type) -> Result<ArrayRef, SourceError> {
    let (_files, source) = open_parquet(&[one_column(array)]);
    let plan = source.under(schema(&[("x", ty)]))?;
    rows(&source, &plan).map(|batch| Arc::clone(batch.column(0)))
}

fn problem(error: SourceError) -> Problem {
    error.problem().cloned().unwrap_or_else(|| panic!("{error:?}"))
}

/// Every type once, with a null in each column.
const CSV: &str = concat!(
    "flag,count,ratio,note,raw,day,clock,local,moment,span,price,tags,point,scores\n",
    "true,-5,1.5,\"a,\"\"b\",AP8=,2024-02-29,23:59:59.5,2024-01-01 00:00:00.25,2024-01-01T02:00:00+02:00,1.5,12.30,",
    "\"[\"\"x\"\",null]\",\"{\"\"x\"\":1,\"\"y\"\":\"\"p\"\"}\",\"[[\"\"k\"\",1.5]]\"\n",
    ",,,,,,,,,,,,,\n",
    "false,9,1e300,\"\",\"\",0000-01-01,00:00:00,1969-12-31T23:59:59,1969-12-31T23:59:59Z,-1e-6,-0.01,",
    "[],\"{\"\"y\"\":\"\"\"\"}\",{}\n",
);

const NDJSON: &str = concat!(
    r#"{"flag":true,"count":-5,"ratio":1.5,"note":"a,\"b","raw":"AP8=","day":"2024-02-29","clock":"23:59:59.5","#,
    r#""local":"2024-01-01T00:00:00.25","moment":"2024-01-01T00:00:00Z","span":1.5,"price":12.30,"#,
    r#""tags":["x",null],"point":{"x":1,"y":"p"},"scores":{"k":1.5}}"#,
    "\n{}\n",
    r#"{"scores":[],"point":{"x":null,"y":""},"tags":[],"price":-1e-2,"span":"-0.000001","moment":"1970-01-01 01:59:59+02","#,
    r#""local":"1969-12-31 23:59:59","clock":"00:00:00.0","day":"0000-01-01","raw":"","note":"","ratio":1E300,"count":9,"flag":false}"#,
    "\n",
);

fn every_type() -> Schema {
    schema(&[
        ("flag", Type::Bool),
        ("count", Type::Int),
        ("ratio", Type::Float),
        ("note", Type::Text),
        ("raw", Type::Bytes),
        ("day", Type::Date),
        ("clock", Type::Time),
        ("local", Type::Timestamp),
        ("moment", Type::Instant),
        ("span", Type::Duration),
        ("price", Type::Decimal(2)),
        ("tags", list(Type::Text)),
        ("point", Type::Struct(fields(&[("x", Type::Int), ("y", Type::Text)]))),
        ("scores", map(Type::Text, Type::Float)),
    ])
}

/// The same rows in the types that another writer could choose for them.
fn foreign_batch() -> RecordBatch {
    let mut note = StringDictionaryBuilder::<Int8Type>::new();
    note.append_value("a,\"b");
    note.append_null();
    note.append_value("");
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.append_value([Some("x"), None]);
    tags.append_null();
    tags.append_value(Vec::<Option<&str>>::new());
    let mut scores = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
    scores.keys().append_value("k");
    scores.values().append_value(1.5);
    scores.append(true).unwrap();
    scores.append(false).unwrap();
    scores.append(true).unwrap();
    let y: ArrayRef = Arc::new(LargeStringArray::from(vec![Some("p"), None, Some("")]));
    let x: ArrayRef = Arc::new(Int8Array::from(vec![Some(1), None, None]));
    let point_fields =
        vec![ArrowField::new("y", DataType::LargeUtf8, true), ArrowField::new("x", DataType::Int8, true)];
    let point = StructArray::new(point_fields.into(), vec![y, x], Some(NullBuffer::from(vec![true, false, true])));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("scores", Arc::new(scores.finish())),
        ("point", Arc::new(point)),
        ("tags", Arc::new(tags.finish())),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("count", Arc::new(Int16Array::from(vec![Some(-5), None, Some(9)]))),
        ("ratio", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(1e300)]))),
        ("note", Arc::new(note.finish())),
        ("raw", Arc::new(BinaryViewArray::from(vec![Some(&b"\x00\xff"[..]), None, Some(b"")]))),
        ("day", Arc::new(Date64Array::from(vec![Some(19_782 * 86_400_000), None, Some(-719_528 * 86_400_000)]))),
        ("clock", Arc::new(Time32MillisecondArray::from(vec![Some(86_399_500), None, Some(0)]))),
        ("local", Arc::new(TimestampMillisecondArray::from(vec![Some(1_704_067_200_250), None, Some(-1000)]))),
        (
            "moment",
            Arc::new(TimestampSecondArray::from(vec![Some(1_704_067_200), None, Some(-1)]).with_timezone("+02:00")),
        ),
        ("span", Arc::new(DurationMicrosecondArray::from(vec![Some(1_500_000), None, Some(-1)]))),
        (
            "price",
            Arc::new(Decimal128Array::from(vec![Some(1230), None, Some(-1)]).with_precision_and_scale(9, 2).unwrap()),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

#[test]
fn the_same_rows_are_equal_from_every_format() {
    let parquet = parquet_bytes(&[foreign_batch()]);
    let mut batches = Vec::new();
    for (name, content) in [("t.csv", CSV.as_bytes()), ("t.ndjson", NDJSON.as_bytes()), ("t.parquet", &parquet)] {
        let files = Files::new(&[(name, content)]);
        let source = files.open(Options::default()).unwrap();
        let plan = source.under(every_type()).unwrap();
        batches.push(rows(&source, &plan).unwrap_or_else(|error| panic!("{name}: {error}")));
    }
    assert_eq!(batches[0].num_rows(), 3);
    assert_eq!(batches[0], batches[1]);
    assert_eq!(batches[0], batches[2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_size_of_blocks_changes_nothing_in_csv(
        cells in prop::collection::vec("|-?[0-9]{1,3}|[0-9]\\.[0-9]{1,2}|true|\"[a,\n\r]{0,3}(\"\")?\"|a\"b|2024-01-0[1-9]|\"7\"", 0..60),
        ends in prop::collection::vec(0_usize..4, 0..30),
        block_bytes in 1_usize..64,
    ) {
        let mut text = "a,b\n".to_owned();
        let mut ends = ends.into_iter().cycle();
        for pair in cells.chunks(2) {
            text.push_str(&pair.join(","));
            text.push_str(["\n", "\r\n", "\r", "\n\n"][ends.next().unwrap_or(0)]);
        }
        prop_assert_eq!(read("t.csv", &text, 1 << 20), read("t.csv", &text, block_bytes));
    }

    #[test]
    fn the_size_of_blocks_changes_nothing_in_ndjson(
        lines in prop::collection::vec("|\\{\\}|\\{\"a\":(1|1\\.5|\"x\"|null|\\[1,\"y\"\\]|\\{\"b\":true\\})(,\"[bc]\":[0-9])?\\}", 0..30),
        block_bytes in 1_usize..64,
    ) {
        let text = lines.join("\n");
        prop_assert_eq!(read("t.ndjson", &text, 1 << 20), read("t.ndjson", &text, block_bytes));
    }
}

/// Schema and rows, or the message and its place. What inference accepts, conversion must accept too.
fn read(name: &str, text: &str, block_bytes: usize) -> Result<(String, RecordBatch), String> {
    let files = Files::new(&[(name, text.as_bytes())]);
    let shown = |error: SourceError| match error {
        SourceError::NoRows { .. } | SourceError::At { .. } => {
            format!("{error} at {:?}", error.place().map(|place| place.spot))
        }
        error => format!("{error:?}").replace(files.directory.path().to_str().unwrap(), ""),
    };
    let named = |message: String| message.replace(files.directory.path().to_str().unwrap(), "");
    let source = files.open(Options { block_bytes, ..Options::default() }).map_err(shown).map_err(named)?;
    let plan = source.infer().map_err(shown).map_err(named)?;
    let batch = rows(&source, &plan).unwrap_or_else(|error| panic!("{error} in {text:?}"));
    Ok((plan.schema().to_string(), batch))
}

#[test]
fn foreign_types_become_working_types() {
    let table: Vec<(ArrayRef, &str, DataType)> = vec![
        (Arc::new(NullArray::new(2)), r#""text""#, DataType::Utf8),
        (Arc::new(UInt8Array::from(vec![Some(7), None])), r#""int""#, DataType::Int64),
        (Arc::new(UInt64Array::from(vec![7, 1 << 62])), r#""int""#, DataType::Int64),
        (Arc::new(UInt64Array::from(vec![7, 1 << 63])), r#""int""#, DataType::UInt64),
        (Arc::new(Float32Array::from(vec![0.1, f32::NAN])), r#""float""#, DataType::Float32),
        (Arc::new(Float16Array::from(vec![half(0x3c00)])), r#""float""#, DataType::Float32),
        (Arc::new(StringViewArray::from(vec![Some("a"), None])), r#""text""#, DataType::Utf8),
        (Arc::new(LargeBinaryArray::from(vec![Some(&b"a"[..]), None])), r#""bytes""#, DataType::Binary),
        (
            Arc::new(FixedSizeBinaryArray::try_from_iter([[1_u8, 2]].into_iter()).unwrap()),
            r#""bytes""#,
            DataType::Binary,
        ),
        (Arc::new(Time64MicrosecondArray::from(vec![1])), r#""time""#, DataType::Time64(TimeUnit::Nanosecond)),
        (
            Arc::new(TimestampNanosecondArray::from(vec![1000])),
            r#""timestamp""#,
            DataType::Timestamp(TimeUnit::Nanosecond, None),
        ),
        (
            Arc::new(TimestampMillisecondArray::from(vec![1]).with_timezone("Europe/Vienna")),
            r#""instant""#,
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
        (Arc::new(DurationSecondArray::from(vec![1])), r#""duration""#, DataType::Duration(TimeUnit::Microsecond)),
        (
            Arc::new(Decimal128Array::from(vec![Some(15), None]).with_precision_and_scale(20, 1).unwrap()),
            r#"["decimal",1]"#,
            DataType::Decimal128(38, 1),
        ),
        (
            Arc::new(
                Decimal256Array::from(vec![arrow_buffer::i256::from_i128(15)]).with_precision_and_scale(50, 3).unwrap(),
            ),
            r#"["decimal",3]"#,
            DataType::Decimal256(76, 3),
        ),
    ];
    for (array, expected, data_type) in table {
        let from = array.data_type().clone();
        let (found, column) = read_column(Arc::clone(&array)).unwrap_or_else(|error| panic!("{from}: {error}"));
        assert_eq!(found, format!("[[\"x\",{expected}]]"), "{from}");
        assert_eq!(column.data_type(), &data_type, "{from}");
        assert_eq!(column.len(), array.len(), "{from}");
        assert_eq!(column.null_count(), array.logical_null_count(), "{from}");
    }
}

fn half(bits: u16) -> <Float16Type as ArrowPrimitiveType>::Native {
    <Float16Type as ArrowPrimitiveType>::Native::from_bits(bits)
}

#[test]
fn lists_of_every_offset_become_lists() {
    let values = Int32Array::from(vec![1, 2, 3, 4]);
    let item = Arc::new(ArrowField::new("element", DataType::Int32, true));
    let fixed =
        FixedSizeListArray::new(item.clone(), 2, Arc::new(values.clone()), Some(NullBuffer::from(vec![true, false])));
    let offsets = arrow_buffer::OffsetBuffer::new(vec![0_i64, 0, 3, 4].into());
    let large = LargeListArray::new(item, offsets, Arc::new(values), None);
    let (schema, column) = read_column(Arc::new(fixed)).unwrap();
    assert_eq!(schema, r#"[["x",["list","int"]]]"#);
    assert_eq!(column.as_list::<i32>().value(0).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert!(column.is_null(1));
    let (_, column) = read_column(Arc::new(large)).unwrap();
    assert_eq!(column.as_list::<i32>().value(1).as_primitive::<Int64Type>().values(), &[1, 2, 3]);
    assert_eq!(column.as_list::<i32>().value_length(0), 0);
}

#[test]
fn values_without_an_exact_form_are_refused() {
    let refused = |array: ArrayRef, ty: Type| problem(read_under(array, ty).unwrap_err());
    let reason = |array: ArrayRef, ty: Type| match refused(array, ty) {
        Problem::Value { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert!(matches!(reason(Arc::new(Date64Array::from(vec![86_400_001])), Type::Date), Reason::Form { .. }));
    assert!(matches!(
        reason(Arc::new(Time64NanosecondArray::from(vec![86_400_000_000_000])), Type::Time),
        Reason::Range { .. }
    ));
    assert!(matches!(reason(Arc::new(Time32SecondArray::from(vec![-1])), Type::Time), Reason::Range { .. }));
    assert!(matches!(
        reason(Arc::new(TimestampMillisecondArray::from(vec![i64::MAX])), Type::Timestamp),
        Reason::Range { .. }
    ));
    assert!(matches!(reason(Arc::new(Int64Array::from(vec![(1 << 53) + 1])), Type::Float), Reason::Range { .. }));
    let decimal = || Arc::new(Decimal128Array::from(vec![155]).with_precision_and_scale(9, 2).unwrap());
    assert_eq!(reason(decimal(), Type::Decimal(1)), Reason::Excess { scale: 1 });
    assert!(matches!(refused(decimal(), Type::Int), Problem::TypeMismatch { .. }));
    assert!(matches!(refused(Arc::new(StringArray::from(vec!["1"])), Type::Int), Problem::TypeMismatch { .. }));
    assert!(matches!(
        refused(Arc::new(TimestampSecondArray::from(vec![0])), Type::Instant),
        Problem::TypeMismatch { .. }
    ));
    let intervals: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![1]));
    assert!(matches!(problem(read_column(intervals).unwrap_err()), Problem::UnsupportedType { .. }));
}

#[test]
fn numbers_move_between_types_when_nothing_is_lost() {
    let column = read_under(Arc::new(Int64Array::from(vec![Some(1 << 53), None])), Type::Float).unwrap();
    assert_eq!(column.as_primitive::<Float64Type>().value(0), 9_007_199_254_740_992.0);
    let column = read_under(Arc::new(UInt8Array::from(vec![5])), Type::Decimal(2)).unwrap();
    assert_eq!(column.as_primitive::<Decimal128Type>().value(0), 500);
    let decimal = Decimal128Array::from(vec![1550]).with_precision_and_scale(9, 3).unwrap();
    let column = read_under(Arc::new(decimal), Type::Decimal(2)).unwrap();
    assert_eq!(column.as_primitive::<Decimal128Type>().value(0), 155);
    let column = read_under(Arc::new(NullArray::new(3)), list(Type::Int)).unwrap();
    assert_eq!(column.null_count(), 3);
}

#[test]
fn a_place_inside_a_list_is_its_row() {
    let mut lists = ListBuilder::new(Date64Builder::new());
    lists.append_value([Some(0), Some(0)]);
    lists.append_null();
    lists.append_value([Some(0), Some(5)]);
    let error = read_under(Arc::new(lists.finish()), list(Type::Date)).unwrap_err();
    assert!(error.place().unwrap().to_string().ends_with("0.parquet (row 2)"), "{error:?}");
    assert!(matches!(problem(error), Problem::Value { column, .. } if column == "x[]"));
}

#[test]
fn unsigned_values_under_a_schema_ask_for_another_plan() {
    let (_files, source) = open_parquet(&[one_column(Arc::new(UInt64Array::from(vec![1, u64::MAX])))]);
    let plan = source.under(schema(&[("x", Type::Int)])).unwrap();
    let error = rows(&source, &plan).unwrap_err();
    assert_eq!(error.widening().map(|widening| widening.need), Some(Need::Unsigned));
    let plan = source.measure(plan).unwrap();
    assert_eq!(rows(&source, &plan).unwrap().column(0).as_primitive::<UInt64Type>().value(1), u64::MAX);
}

#[test]
fn parquet_files_share_columns_by_name() {
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let texts = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let first = parquet_bytes(&[batch(vec![("a", ints(vec![1, 2, 3, 4])), ("b", texts(vec!["p", "q", "r", "s"]))])]);
    let second = parquet_bytes(&[batch(vec![("b", texts(vec!["t"])), ("a", Arc::new(Int8Array::from(vec![5])))])]);
    let (_files, source) = open_parquet(&[first.clone(), second]);
    let plan = source.infer().unwrap();
    assert_eq!(plan.schema().to_string(), r#"[["a","int"],["b","text"]]"#);
    let read = rows(&source, &plan).unwrap();
    assert_eq!(read.column(0).as_primitive::<Int64Type>().values(), &[1, 2, 3, 4, 5]);
    let places: Vec<String> = source.batches(&plan).map(|batch| batch.unwrap().place(0).to_string()).collect();
    assert!(places[1].ends_with("0.parquet (row 3)") && places[2].ends_with("1.parquet (row 0)"), "{places:?}");

    let other = parquet_bytes(&[batch(vec![("b", ints(vec![1])), ("a", ints(vec![5]))])]);
    let (_files, source) = open_parquet(&[first.clone(), other]);
    assert!(matches!(problem(source.infer().unwrap_err()), Problem::TypeMismatch { .. }));
    let missing = parquet_bytes(&[batch(vec![("a", ints(vec![5]))])]);
    let (_files, source) = open_parquet(&[first, missing]);
    assert_eq!(problem(source.infer().unwrap_err()), Problem::MissingColumn { column: "b".to_owned() });
}

/// A file with one INT96 column, which the Arrow writer does not write.
fn int96_file(values: &[(i32, u64)]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message m { required int32 a; required int96 x; }").unwrap());
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let ones = vec![1; values.len()];
    column.typed::<parquet::data_type::Int32Type>().write_batch(&ones, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let encode = |&(day, nanos): &(i32, u64)| {
        let mut value = Int96::new();
        let (low, high) = (nanos as u32, (nanos >> 32) as u32);
        value.set_data(low, high, (day + 2_440_588).cast_unsigned());
        value
    };
    column.typed::<Int96Type>().write_batch(&values.iter().map(encode).collect::<Vec<_>>(), None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    out
}

#[test]
fn int96_is_a_timestamp_where_it_fits() {
    let (_files, source) = open_parquet(&[int96_file(&[(0, 1), (-1, 86_399_999_999_999), (106_751, 0)])]);
    let plan = source.infer().unwrap();
    assert_eq!(plan.schema().to_string(), r#"[["a","int"],["x","timestamp"]]"#);
    let batch = rows(&source, &plan).unwrap();
    assert_eq!(
        batch.column(1).as_primitive::<TimestampNanosecondType>().values(),
        &[1, -1, 106_751 * 86_400_000_000_000]
    );
    // The reader would wrap these around without a word.
    for far in [(2_932_896, 0), (-719_528, 0), (106_752, 0), (0, 1 << 63)] {
        let (_files, source) = open_parquet(&[int96_file(&[(0, 1), far])]);
        let error = rows(&source, &source.infer().unwrap()).unwrap_err();
        assert!(error.place().unwrap().to_string().ends_with("(row 1)"));
        assert!(matches!(problem(error), Problem::Value { reason: Reason::Range { .. }, .. }), "{far:?}");
    }
}

#[test]
fn a_broken_parquet_file_is_an_error() {
    let good = one_column(Arc::new(Int64Array::from(vec![1, 2, 3])));
    let half = good[..good.len() / 2].to_vec();
    for bad in [b"PAR1".to_vec(), half, b"not parquet at all".to_vec()] {
        let (_files, source) = open_parquet(&[bad]);
        assert!(matches!(source.infer(), Err(SourceError::Parquet { .. })));
    }
    let schema = Arc::new(ArrowSchema::new(vec![ArrowField::new("x", DataType::Int64, true)]));
    let (_files, source) = open_parquet(&[parquet_bytes(&[RecordBatch::new_empty(schema)])]);
    assert!(matches!(source.infer(), Err(SourceError::NoRows { .. })));
}
