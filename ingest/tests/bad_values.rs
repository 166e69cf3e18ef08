//! Values of Parquet and Arrow IPC that no row may have: each costs its own row, and says where and what it is.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "tests state what they expect"
)]

mod common;

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::OffsetBuffer;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field as ArrowField, Fields};
use common::{Files, Kept, schema};
use mira_core::schema::Type;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline;
use mira_ingest::rows::RowEncoder;
use mira_ingest::source::{BadRow, OnBadRow, Options, Plan, Problem, Source, SourceError, Spot};
use mira_ingest::store::Unstored;
use parquet::arrow::ArrowWriter;
use parquet::data_type::{ByteArray, ByteArrayType, Int96, Int96Type};
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

/// A text, and what takes its place in a file once it is written: as long, and no UTF-8.
const MARK: &str = "<not-utf-8>";
const BAD: &[u8] = b"<not\xffutf\xfe8>";

const FORMATS: [&str; 4] = ["t.parquet", "dictionary.parquet", "t.arrow", "t.arrows"];

/// The bytes of a file of these rows, in the format that its name says. Every [`MARK`] in it is [`BAD`].
fn written(name: &str, rows: &RecordBatch) -> Vec<u8> {
    let mut out = Vec::new();
    match name {
        "t.arrow" => {
            let mut writer = FileWriter::try_new(&mut out, rows.schema_ref()).unwrap();
            writer.write(rows).unwrap();
            writer.finish().unwrap();
        }
        "t.arrows" => {
            let mut writer = StreamWriter::try_new(&mut out, rows.schema_ref()).unwrap();
            for start in (0..rows.num_rows()).step_by(5000) {
                writer.write(&rows.slice(start, 5000.min(rows.num_rows() - start))).unwrap();
            }
            writer.finish().unwrap();
        }
        _ => {
            let properties = WriterProperties::builder()
                .set_dictionary_enabled(name.starts_with("dictionary"))
                .set_max_row_group_row_count(Some(12_000))
                .build();
            let mut writer = ArrowWriter::try_new(&mut out, rows.schema(), Some(properties)).unwrap();
            writer.write(rows).unwrap();
            writer.close().unwrap();
        }
    }
    let marks: Vec<usize> =
        out.windows(MARK.len()).enumerate().filter(|(_, it)| *it == MARK.as_bytes()).map(|(at, _)| at).collect();
    for at in marks {
        out[at..at + BAD.len()].copy_from_slice(BAD);
    }
    out
}

fn batch(array: ArrayRef) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..array.len() as i64));
    RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("x", array, true)]).unwrap()
}

fn opened(name: &str, bytes: &[u8], on_bad_row: OnBadRow) -> (Files, Source) {
    let files = Files::new(&[(name, bytes)]);
    let source = files.open(Options { on_bad_row, ..Options::default() }).unwrap();
    (files, source)
}

/// A row's number and its canonical bytes.
type Row = (u64, Vec<u8>);

/// The rows, and what was set aside.
fn read(source: &Source, plan: &Plan) -> Result<(Vec<Row>, Vec<BadRow>), SourceError> {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for batch in source.batches(plan) {
        let batch = batch?;
        bad.extend_from_slice(batch.bad_rows());
        let mut encoder = RowEncoder::new(batch.batch()).unwrap();
        for row in 0..encoder.rows() {
            let Spot::Row(number) = batch.place(row).spot else { panic!("a row has a number") };
            let mut bytes = Vec::new();
            encoder.encode(row, &mut bytes).unwrap();
            rows.push((number, bytes));
        }
    }
    Ok((rows, bad))
}

fn number(bad: &BadRow) -> u64 {
    let Spot::Row(row) = bad.place.spot else { panic!("a row has a number") };
    row
}

/// Every shape that a text can have in a column, and what the value in it is called. Rows at which `is_bad` have a
/// [`MARK`].
fn shapes(len: usize, is_bad: impl Fn(usize) -> bool) -> Vec<(&'static str, ArrayRef)> {
    let texts: Vec<Option<String>> = (0..len)
        .map(|row| match row % 7 {
            _ if is_bad(row) => Some(MARK.to_owned()),
            3 => None,
            _ => Some(format!("tëxt {}", row % 1000)),
        })
        .collect();
    let texts: StringArray = texts.into_iter().collect();
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    texts.iter().for_each(|text| dictionary.append_option(text));
    let (mut list, mut keys, mut values) = (
        ListBuilder::new(StringViewBuilder::new()),
        MapBuilder::new(None, StringBuilder::new(), Int64Builder::new()),
        MapBuilder::new(None, Int32Builder::new(), LargeStringBuilder::new()),
    );
    for text in &texts {
        list.append_value([Some("first"), text, None].into_iter().take(text.map_or(0, |_| 3)));
        if let Some(text) = text {
            keys.keys().append_value(text);
            keys.values().append_value(1);
            values.keys().append_value(5);
            values.values().append_value(text);
        }
        keys.append(true).unwrap();
        values.append(text.is_some()).unwrap();
    }
    let inner = StructArray::from(vec![
        (Arc::new(ArrowField::new("n", DataType::Int8, true)), Arc::new(Int8Array::from(vec![1; len])) as ArrayRef),
        (Arc::new(ArrowField::new("text", DataType::Utf8, true)), Arc::new(texts.clone()) as ArrayRef),
    ]);
    let fixed = FixedSizeListArray::new(
        Arc::new(ArrowField::new("item", DataType::Utf8, true)),
        1,
        Arc::new(texts.clone()),
        None,
    );
    let large: LargeStringArray = texts.iter().collect();
    let lists_of_structs = ListArray::new(
        Arc::new(ArrowField::new("item", inner.data_type().clone(), true)),
        OffsetBuffer::from_lengths(vec![1; len]),
        Arc::new(inner.clone()),
        None,
    );
    vec![
        ("x", Arc::new(texts.clone())),
        ("x", Arc::new(large.clone())),
        ("x", Arc::new(StringViewArray::from_iter(texts.iter()))),
        ("x", Arc::new(dictionary.finish())),
        ("x[]", Arc::new(list.finish())),
        ("x[]", Arc::new(fixed)),
        ("x.text", Arc::new(inner)),
        ("x[].text", Arc::new(lists_of_structs)),
        ("x{key}", Arc::new(keys.finish())),
        ("x{}", Arc::new(values.finish())),
    ]
}

const AT: [usize; 7] = [0, 4999, 5000, 8191, 8192, 12_345, 19_999];

#[test]
fn a_text_that_is_none_costs_its_row_in_every_shape() {
    let len = 20_000;
    let good: UInt32Array = (0..len).filter(|row| !AT.contains(row)).map(|row| row as u32).collect();
    for (column, array) in shapes(len, |row| AT.contains(&row)) {
        let rows = batch(array);
        let kept = rows.columns().iter().map(|column| arrow_select::take::take(column, &good, None).unwrap());
        let kept = RecordBatch::try_new(rows.schema(), kept.collect()).unwrap();
        for name in FORMATS {
            let what = format!("{} in {name}", rows.column(1).data_type());
            let bytes = written(name, &rows);
            let (_files, source) = opened(name, &bytes, OnBadRow::SetAside);
            let plan = source.infer().unwrap();
            let (found, bad) = read(&source, &plan).unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert_eq!(bad.iter().map(|bad| number(bad) as usize).collect::<Vec<_>>(), AT, "{what}");
            for bad in &bad {
                let excerpt = r#""<not\xffutf\xfe8>""#;
                assert_eq!(bad.problem.to_string(), format!("column {column:?}: not UTF-8: {excerpt}"), "{what}");
                assert_eq!((bad.problem.kind(), bad.fault, &bad.bytes[..]), (Some("utf8"), 4, BAD), "{what}");
            }

            // The good rows are those of a file without the bad ones, with the numbers that they have in the file.
            let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, good.values().iter().map(|row| u64::from(*row)).collect::<Vec<_>>(), "{what}");
            let (_files, alone) = opened(name, &written(name, &kept), OnBadRow::Fail);
            let (alone, _) = read(&alone, &alone.infer().unwrap()).unwrap();
            assert!(found.iter().map(|row| &row.1).eq(alone.iter().map(|row| &row.1)), "{what}");

            let (_files, source) = opened(name, &bytes, OnBadRow::Fail);
            let error = read(&source, &source.infer().unwrap()).unwrap_err();
            assert!(error.place().unwrap().to_string().ends_with(&format!("{name} (row 0)")), "{what}: {error:?}");
            assert!(error.is_of_a_record() && error.to_string().starts_with("column \"x"), "{what}: {error}");
        }
    }
}

#[test]
fn a_bad_text_in_a_dictionary_that_no_row_uses_costs_nothing() {
    let values = StringArray::from(vec!["a", MARK, "b"]);
    let keys = Int8Array::from(vec![Some(0), None, Some(2), Some(0)]);
    let rows = batch(Arc::new(DictionaryArray::new(keys, Arc::new(values))));
    for name in ["t.arrow", "t.arrows"] {
        let (_files, source) = opened(name, &written(name, &rows), OnBadRow::Fail);
        assert_eq!(read(&source, &source.infer().unwrap()).unwrap().0.len(), 4);
    }
    // What lies under a null is no value either.
    let array = StringArray::new(
        OffsetBuffer::from_lengths([1, MARK.len(), 1]),
        format!("a{MARK}b").into_bytes().into(),
        Some(vec![true, false, true].into()),
    );
    let (_files, source) = opened("t.arrow", &written("t.arrow", &batch(Arc::new(array))), OnBadRow::Fail);
    assert_eq!(read(&source, &source.infer().unwrap()).unwrap().0.len(), 3);
}

/// Maps from texts to integers.
fn maps(rows: &[&[(&str, i64)]]) -> ArrayRef {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for row in rows {
        for (key, value) in *row {
            maps.keys().append_value(key);
            maps.values().append_value(*value);
        }
        maps.append(true).unwrap();
    }
    Arc::new(maps.finish())
}

#[test]
fn a_map_has_each_key_once() {
    let array = maps(&[
        &[("a", 1), ("b", 2)],
        &[("a", 1), ("c", 2), ("a", 1)],
        &[],
        &[("b", 1), ("a", 2)],
        &[("", 1), ("", 2)],
    ]);
    let ids = MapArray::new(
        Arc::new(ArrowField::new(
            "entries",
            DataType::Struct(Fields::from(vec![
                ArrowField::new("keys", DataType::Int32, false),
                ArrowField::new("values", DataType::Int32, true),
            ])),
            false,
        )),
        OffsetBuffer::from_lengths([2, 2, 1]),
        StructArray::from(vec![
            (
                Arc::new(ArrowField::new("keys", DataType::Int32, false)),
                Arc::new(Int32Array::from(vec![2, 1, -7, -7, 3])) as ArrayRef,
            ),
            (
                Arc::new(ArrowField::new("values", DataType::Int32, true)),
                Arc::new(Int32Array::from(vec![0; 5])) as ArrayRef,
            ),
        ]),
        None,
        false,
    );
    for name in FORMATS {
        let (_files, source) = opened(name, &written(name, &batch(Arc::clone(&array))), OnBadRow::SetAside);
        let (rows, bad) = read(&source, &source.infer().unwrap()).unwrap();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 2, 3]);
        let told: Vec<_> = bad.iter().map(|bad| (number(bad), bad.problem.to_string(), &bad.bytes[..])).collect();
        let reason = |excerpt| format!("column \"x{{key}}\": a key occurs twice in one map: {excerpt}");
        assert_eq!(told, [(1, reason("\"a\""), &b"a"[..]), (4, reason("\"\""), b"")]);
        assert!(bad.iter().all(|bad| bad.problem.kind() == Some("repeated-key")));

        let (_files, source) = opened(name, &written(name, &batch(Arc::new(ids.clone()))), OnBadRow::Fail);
        let error = read(&source, &source.infer().unwrap()).unwrap_err();
        assert!(error.place().unwrap().to_string().ends_with("(row 1)"));
        assert_eq!(error.to_string(), "column \"x{key}\": a key occurs twice in one map: \"-7\"");
    }
}

#[test]
fn a_value_that_its_type_does_not_have_costs_its_row() {
    let day = 86_400_000;
    let dates: ArrayRef = Arc::new(Date64Array::from(vec![Some(day), Some(day + 1), None, Some(0), Some(i64::MAX)]));
    let times: ArrayRef = Arc::new(Time32SecondArray::from(vec![0, 86_400, -1, 86_399, 5]));
    let both = RecordBatch::try_from_iter_with_nullable([("d", dates, true), ("t", times, true)]).unwrap();
    for name in ["t.arrow", "t.arrows", "t.parquet"] {
        let (_files, source) = opened(name, &written(name, &both), OnBadRow::SetAside);
        let (rows, bad) = read(&source, &source.infer().unwrap()).unwrap();
        let told: Vec<_> = bad.iter().map(|bad| (number(bad), bad.problem.to_string(), &bad.bytes[..])).collect();
        if name == "t.parquet" {
            // The writer keeps dates of 64 bits in whole days.
            assert!(rows.len() >= 2 && !bad.is_empty(), "{told:?}");
            continue;
        }
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(
            told,
            [
                (1, "column \"d\": not a whole day in milliseconds: \"86400001\"".to_owned(), &b"86400001"[..]),
                (2, "column \"t\": outside the range of a day: \"-1\"".to_owned(), b"-1"),
                (
                    4,
                    "column \"d\": not a whole day in milliseconds: \"9223372036854775807\"".to_owned(),
                    b"9223372036854775807"
                ),
            ]
        );
    }
}

/// A file of one column, written below the level of Arrow.
fn low_level<T: parquet::data_type::DataType>(message: &str, values: &[T::T], keys: Option<String>) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut out = Vec::new();
    let keys = keys.map(|value| vec![parquet::file::metadata::KeyValue::new("ARROW:schema".to_owned(), value)]);
    let properties = Arc::new(WriterProperties::builder().set_key_value_metadata(keys).build());
    let mut writer = SerializedFileWriter::new(&mut out, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    out
}

/// The library looks at texts only if the footer calls them UTF8: whatever else becomes text is looked at here.
#[test]
fn what_the_footer_does_not_call_utf8_is_looked_at_too() {
    let values: Vec<ByteArray> = [&b"{}"[..], b"\"\xff\"", b"\"\xc3", b"\xa9\""].map(ByteArray::from).into();
    // Columns of Arrow that say text of what is plain bytes, as some writer left them.
    let text =
        RecordBatch::try_from_iter_with_nullable([("x", Arc::new(StringArray::from(vec![""])) as ArrayRef, false)])
            .unwrap();
    let hinted = written("t.parquet", &text);
    let key = b"ARROW:schema";
    let at = hinted.windows(key.len()).position(|it| it == key).unwrap() + key.len();
    let start = at + hinted[at..].iter().position(|byte| *byte == b'/').unwrap();
    let hint: String = hinted[start..]
        .iter()
        .map(|byte| char::from(*byte))
        .take_while(|c| c.is_ascii_alphanumeric() || "+/=".contains(*c))
        .collect();
    for (message, hint) in [
        ("message m { required binary x (UTF8); }", None),
        ("message m { required binary x (STRING); }", None),
        ("message m { required binary x (JSON); }", None),
        ("message m { required binary x; }", Some(hint)),
    ] {
        let bytes = low_level::<ByteArrayType>(message, &values, hint);
        let (_files, source) = opened("t.parquet", &bytes, OnBadRow::SetAside);
        let plan = source.infer().unwrap();
        assert_eq!(plan.schema().to_string(), r#"[["x","text"]]"#, "{message}");
        let (rows, bad) = read(&source, &plan).unwrap();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0], "{message}");
        assert_eq!(bad.iter().map(number).collect::<Vec<_>>(), [1, 2, 3], "{message}");
    }
}

#[test]
fn a_moment_of_int96_that_does_not_fit_costs_its_row() {
    let encode = |day: i32| {
        let mut value = Int96::new();
        value.set_data(0, 0, (day + 2_440_588).cast_unsigned());
        value
    };
    let bytes =
        low_level::<Int96Type>("message m { required int96 x; }", &[0, 2_932_896, 1, -719_528].map(encode), None);
    let (_files, source) = opened("t.parquet", &bytes, OnBadRow::SetAside);
    let (rows, bad) = read(&source, &source.infer().unwrap()).unwrap();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(bad.iter().map(number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(bad[0].bytes, b"253402214400");
}

/// A list, a map and a struct of one text field, the second row of each null, with garbage under it.
fn garbage_under_nulls() -> Vec<ArrayRef> {
    let nulls = || Some(vec![true, false, true].into());
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", MARK, MARK, "b"]));
    let item = || Arc::new(ArrowField::new("item", DataType::Utf8, true));
    let list = ListArray::new(item(), OffsetBuffer::from_lengths([1, 2, 1]), Arc::clone(&texts), nulls());
    let fixed = FixedSizeListArray::new(item(), 1, texts.slice(1, 3), Some(vec![false, false, true].into()));
    let fields = vec![ArrowField::new("keys", DataType::Utf8, false), ArrowField::new("values", DataType::Utf8, true)];
    let entry = |keys: Vec<&str>| {
        let values = StringArray::from(vec!["v"; keys.len()]);
        StructArray::new(fields.clone().into(), vec![Arc::new(StringArray::from(keys)), Arc::new(values)], None)
    };
    let map = |keys| {
        let entries = entry(keys);
        let field = Arc::new(ArrowField::new("entries", entries.data_type().clone(), false));
        MapArray::new(field, OffsetBuffer::from_lengths([1, 2, 1]), entries, nulls(), false)
    };
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["a", MARK, "b"]));
    let nested: ArrayRef =
        Arc::new(ListArray::new(item(), OffsetBuffer::from_lengths([1, 1, 1]), Arc::clone(&inner), None));
    let field = |name, array: &ArrayRef| Arc::new(ArrowField::new(name, array.data_type().clone(), true));
    let structure = StructArray::new(
        vec![field("text", &inner), field("list", &nested)].into(),
        vec![Arc::clone(&inner), nested],
        nulls(),
    );
    vec![
        Arc::new(list),
        Arc::new(fixed),
        Arc::new(map(vec!["k", "twice", "twice", "k"])),
        Arc::new(map(vec!["k", MARK, "x", "k"])),
        Arc::new(structure),
    ]
}

#[test]
fn what_lies_under_a_null_is_no_value() {
    for array in garbage_under_nulls() {
        for name in ["t.arrow", "t.arrows"] {
            let rows = batch(Arc::clone(&array));
            let (_files, source) = opened(name, &written(name, &rows), OnBadRow::Fail);
            let read = read(&source, &source.infer().unwrap());
            let (rows, bad) = read.unwrap_or_else(|error| panic!("{} in {name}: {error}", array.data_type()));
            assert_eq!((rows.len(), bad.len()), (3, 0));
            assert_eq!(rows[1].1, [0x82, 0x01, 0xf6]);
        }
    }
    // A value of a row that is there is looked at all the same.
    let array = garbage_under_nulls().remove(0);
    let list = array.as_list::<i32>();
    let (item, offsets, texts, _) = list.clone().into_parts();
    let array = ListArray::new(item, offsets, texts, Some(vec![false, true, true].into()));
    let (_files, source) = opened("t.arrow", &written("t.arrow", &batch(Arc::new(array))), OnBadRow::SetAside);
    let (rows, bad) = read(&source, &source.infer().unwrap()).unwrap();
    assert_eq!((rows.len(), bad.iter().map(number).collect::<Vec<_>>()), (2, vec![1]));
}

/// The same file with a footer that counts other rows in its first row group.
fn recounted(bytes: &[u8], rows: i64) -> Vec<u8> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(bytes.to_vec())).unwrap();
    let mut groups = metadata.row_groups().to_vec();
    let group = groups.remove(0).into_builder().set_num_rows(rows).build().unwrap();
    groups.insert(0, group);
    let file = metadata.file_metadata();
    let total = groups.iter().map(|group| group.num_rows()).sum();
    let keys = file.key_value_metadata().cloned();
    let file = FileMetaData::new(file.version(), total, None, keys, file.schema_descr_ptr(), None);
    let (rest, tail) = bytes.split_at(bytes.len() - 8);
    let footer = u32::from_le_bytes(tail[..4].try_into().unwrap()) as usize;
    let mut out = rest[..rest.len() - footer].to_vec();
    ParquetMetaDataWriter::new(&mut out, &ParquetMetaData::new(file, groups)).finish().unwrap();
    out
}

#[test]
fn a_footer_that_counts_other_rows_than_there_are_is_refused() {
    for bad in [None, Some(9500), Some(15)] {
        let texts: StringArray = (0..10_000).map(|row| Some(if Some(row) == bad { MARK } else { "a" })).collect();
        let bytes = written("t.parquet", &batch(Arc::new(texts)));
        for on_bad_row in [OnBadRow::Fail, OnBadRow::SetAside] {
            for counted in [10, 8192, 9000, 9999, 20_000] {
                let (_files, source) = opened("t.parquet", &recounted(&bytes, counted), on_bad_row);
                let read = source.infer().and_then(|plan| read(&source, &plan));
                let error = read.map(|(rows, _)| rows.len()).unwrap_err();
                let is_told = error.to_string().contains("row group 0") || error.is_of_a_record();
                assert!(
                    is_told && (on_bad_row == OnBadRow::Fail || !error.is_of_a_record()),
                    "{bad:?} {counted}: {error}"
                );
            }
            let (_files, source) = opened("t.parquet", &recounted(&bytes, 10_000), OnBadRow::SetAside);
            assert_eq!(read(&source, &source.infer().unwrap()).unwrap().0.len(), 10_000 - usize::from(bad.is_some()));
        }
    }
}

#[test]
fn a_type_that_the_library_panics_at_is_refused_by_its_column() {
    let array = FixedSizeBinaryArray::try_from_iter([[7_u8; 0x3b7].as_slice(); 2].into_iter()).unwrap();
    for name in ["t.arrow", "t.arrows"] {
        let mut bytes = written(name, &batch(Arc::new(array.clone())));
        let width = 0x3b7_i32.to_le_bytes();
        let places: Vec<usize> =
            bytes.windows(4).enumerate().filter(|(_, it)| *it == width).map(|(at, _)| at).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at..at + 4].copy_from_slice(&(-1_i32).to_le_bytes()));
        let files = Files::new(&[(name, &bytes)]);
        let source = files.open(Options::default());
        let error = source.and_then(|source| read(&source, &source.infer()?)).map(drop).unwrap_err();
        assert!(error.to_string().contains("\"x\""), "{name}: {error}");
    }
}

#[test]
fn types_and_damage_are_never_bad_rows() {
    let rows = batch(Arc::new(StringArray::from(vec!["a", MARK, "b"])));
    for name in FORMATS {
        let bytes = written(name, &rows);
        let (_files, source) = opened(name, &bytes, OnBadRow::SetAside);
        let plan = source.under(schema(&[("id", Type::Int), ("x", Type::Bytes)]));
        let error = plan.and_then(|plan| read(&source, &plan).map(drop)).unwrap_err();
        assert!(matches!(error.problem(), Some(Problem::TypeMismatch { .. })), "{name}: {error:?}");
        assert!(!error.is_of_a_record());
    }
    let mut cut = written("t.parquet", &batch(Arc::new(StringArray::from(vec!["a"; 5000]))));
    cut[4..40].fill(0xff);
    let (_files, source) = opened("t.parquet", &cut, OnBadRow::SetAside);
    let error = source.infer().and_then(|plan| read(&source, &plan).map(drop)).unwrap_err();
    assert!(matches!(error, SourceError::Parquet { .. }), "{error:?}");
}

#[test]
fn what_does_not_decode_is_told_by_its_column() {
    let rows = batch(Arc::new(StringArray::from(vec!["p"; 9])));
    let offsets: Vec<u8> = (0_i32..9).flat_map(i32::to_le_bytes).collect();
    for name in ["t.arrow", "t.arrows"] {
        let mut bytes = written(name, &rows);
        let at = bytes.windows(offsets.len()).position(|window| window == offsets).unwrap();
        bytes[at + 7] = 0xff;
        let (_files, source) = opened(name, &bytes, OnBadRow::SetAside);
        let error = read(&source, &source.infer().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "not readable Arrow IPC: column \"x\"");
        assert!(error.place().unwrap().to_string().ends_with(&format!("{name} (row 0)")));
    }
}

#[test]
fn a_value_that_needs_room_is_no_bad_row() {
    let numbers: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX, 3]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", MARK]));
    let rows = RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("x", texts, true)]).unwrap();
    for name in FORMATS {
        let (_files, source) = opened(name, &written(name, &rows), OnBadRow::SetAside);
        let plan = source.infer().unwrap();
        assert!(plan.widths()[0].unsigned, "measured past the bad row");
        let (rows, bad) = read(&source, &plan).unwrap();
        assert_eq!((rows.len(), bad.len()), (2, 1), "{name}");
    }
    // A row that is bad asks for no room.
    let numbers: ArrayRef = Arc::new(UInt64Array::from(vec![1, 2, u64::MAX]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", MARK]));
    let rows = RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("x", texts, true)]).unwrap();
    let (_files, source) = opened("t.arrow", &written("t.arrow", &rows), OnBadRow::SetAside);
    let plan = source.infer().unwrap();
    assert!(!plan.widths()[0].unsigned);
    assert_eq!(read(&source, &plan).unwrap().1.len(), 1);
}

fn piped(source: &Source, threads: usize) -> (String, Vec<BadRow>) {
    let plan = source.infer().unwrap();
    let physical = PhysicalSchema::of_working(plan.arrow()).unwrap();
    let (mut kept, threads) = (Kept::default(), NonZeroUsize::new(threads).unwrap());
    let pieces = source.pieces(&plan);
    let outcome = pipeline::run_pieces(&physical, pieces, |piece| piece.parse(&plan), &Unstored, threads, &mut kept);
    (outcome.unwrap().dataset.dataset_id.to_string(), kept.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whichever rows are bad, the dataset is that of the others, and the same bad ones are told whatever the threads.
    #[test]
    fn the_dataset_is_that_of_the_good_rows(
        bad in prop::collection::vec(prop::bool::weighted(0.2), 1..400),
        shape in 0_usize..10,
        name in prop::sample::select(FORMATS.to_vec()),
    ) {
        let (_, array) = shapes(bad.len(), |row| bad[row]).swap_remove(shape);
        let rows = batch(array);
        let good: UInt32Array = (0..bad.len()).filter(|&row| !bad[row]).map(|row| row as u32).collect();
        prop_assume!(!good.is_empty());
        let kept = rows.columns().iter().map(|column| arrow_select::take::take(column, &good, None).unwrap());
        let kept = RecordBatch::try_new(rows.schema(), kept.collect()).unwrap();
        let (_files, source) = opened(name, &written(name, &rows), OnBadRow::SetAside);
        let (_alone, alone) = opened(name, &written(name, &kept), OnBadRow::Fail);
        let found = piped(&source, 1);
        prop_assert_eq!(&found, &piped(&source, 4));
        prop_assert_eq!(&found.0, &piped(&alone, 2).0);
        let numbers: Vec<usize> = found.1.iter().map(|bad| number(bad) as usize).collect();
        prop_assert_eq!(numbers, (0..bad.len()).filter(|&row| bad[row]).collect::<Vec<_>>());
    }
}
