//! JSON over many lines, Arrow IPC, lines, documents and files: the same rows as ever, and damaged ones refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests state what they expect"
)]

mod common;

use std::io::Write as _;
use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int64Builder, ListBuilder, StringDictionaryBuilder, StringRunBuilder, StringViewBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, TimeUnit};
use mira_core::schema::Type;
use mira_ingest::source::{ArrowProblem, BadRow, Format, OnBadRow, Options, Problem, Source, SourceError, Spot};

use common::{Files, list, rows, schema};

fn read(name: &str, content: &[u8], options: Options) -> Result<(String, RecordBatch), SourceError> {
    let files = Files::new(&[(name, content)]);
    let source = files.open(options)?;
    let plan = source.infer()?;
    Ok((plan.schema().to_string(), rows(&source, &plan)?))
}

fn problem(error: SourceError) -> Problem {
    error.problem().cloned().unwrap_or_else(|| panic!("{error:?}"))
}

const ROWS: [&str; 4] = [
    r#"{"id": 1, "tags": ["a]", "\"}"], "at": {"x": 1.5, "deep": [{"k": null}, {"k": 7}]}}"#,
    r#"{"id":18446744073709551615,"tags":[],"more":"\\"}"#,
    r"{}",
    r#"{"at":{"y":"z"},"id":null}"#,
];

#[test]
fn json_is_rows_however_it_is_laid_out() {
    let pretty = |row: &str| {
        let value: serde_json::Value = serde_json::from_str(row).unwrap();
        serde_json::to_string_pretty(&value).unwrap().replace("1.8446744073709552e19", "18446744073709551615")
    };
    let ndjson = ROWS.join("\n");
    let layouts = [
        ("array.json", format!("[{}]", ROWS.join(","))),
        ("lines.json", format!("[\n{}\n]\n", ROWS.join(",\n"))),
        ("pretty.json", format!("\u{feff} [ {} ]", ROWS.map(pretty).join("\n,\n"))),
        ("objects.json", ROWS.map(pretty).join("\n")),
        ("close.json", ROWS.concat()),
        ("ndjson.json", format!("{ndjson}\n\n")),
    ];
    for block_bytes in [1, 3, 64, 1 << 20] {
        let options = || Options { block_bytes, ..Options::default() };
        let (schema, expected) = read("rows.ndjson", ndjson.as_bytes(), options()).unwrap();
        assert_eq!(
            schema,
            concat!(
                r#"[["id","int"],["tags",["list","text"]],["at",["struct",[["x","float"],"#,
                r#"["deep",["list",["struct",[["k","int"]]]]],["y","text"]]]],["more","text"]]"#
            )
        );
        for (name, text) in &layouts {
            let (found, batch) = read(name, text.as_bytes(), options()).unwrap();
            if *name != "pretty.json" && *name != "objects.json" {
                assert_eq!(found, schema, "{name}");
            }
            // serde_json sorts keys, so pretty rows come in another order of columns.
            for (column, field) in expected.columns().iter().zip(expected.schema().fields()) {
                let other = batch.column_by_name(field.name()).unwrap();
                if field.name() != "at" {
                    assert_eq!(other, column, "{name} {block_bytes}");
                }
            }
        }
    }
    let one = read("one.json", b"{\n  \"a\": [1,\n 2]\n}\n", Options::default()).unwrap();
    assert_eq!((one.0.as_str(), one.1.num_rows()), (r#"[["a",["list","int"]]]"#, 1));
}

#[test]
fn faults_in_json_have_their_place() {
    for block_bytes in [1, 1 << 20] {
        let fault = |text: &str| {
            let options = Options { block_bytes, ..Options::default() };
            let error = read("t.json", text.as_bytes(), options).unwrap_err();
            let place = error.place().map(ToString::to_string).unwrap_or_default();
            (place.rsplit_once(".json").map(|(_, spot)| spot.to_owned()).unwrap_or_default(), error.to_string())
        };
        let at = |text: &str| fault(text).0;
        assert_eq!(at("[{\"a\":1},\n {\"a\":2}\n {\"a\":3}]"), ":3 (byte 20)");
        assert_eq!(at("[{\"a\":1},\n {\"a\":\n 02}]"), ":3 (byte 18)");
        assert_eq!(at("[{\"a\":1},\n 7]"), ":2 (byte 11)");
        assert_eq!(at("[{\"a\":1},\n {\"a\":1"), ":2 (byte 17)");
        assert_eq!(at("[{\"a\":1}]\n []"), ":2 (byte 11)");
        // The earlier fault is told, though the later one is found first.
        assert_eq!(at("[{\"a\":tru},{\"a\":1} x"), ":1 (byte 6)");
        let (place, message) = fault("[{\"a\":{\"b\":1}},\n {\"a\":\n{\"b\":[]}}]");
        assert_eq!(place, ":3 (byte 28)");
        assert!(message.contains("column \"a.b\" holds arrays, but scalars at") && message.contains(":1 (byte 11)"));
        assert_eq!(fault("[]").1.split(" in ").next(), Some("no rows"));
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(60), "]".repeat(60));
    assert!(matches!(
        problem(read("t.json", deep.as_bytes(), Options::default()).unwrap_err()),
        Problem::TooDeep { .. }
    ));
    let bottomless = "[".repeat(1 << 20);
    assert!(matches!(
        problem(read("t.json", bottomless.as_bytes(), Options::default()).unwrap_err()),
        Problem::Json(_)
    ));
}

#[test]
fn a_record_of_json_is_bounded() {
    let mut text = b"[{\"a\":1},{\"a\":\"".to_vec();
    text.resize((64 << 20) + (2 << 20), b'x');
    text.extend_from_slice(b"\"}]");
    let error = read("t.json", &text, Options::default()).unwrap_err();
    assert!(matches!(problem(error), Problem::RecordTooLong { .. }));
}

/// A batch of what Arrow has and Parquet has not: views, runs, dictionaries, large and nested ones, nulls.
fn arrow_batch() -> RecordBatch {
    let mut view = StringViewBuilder::new();
    view.append_value("short");
    view.append_null();
    view.append_value("a text that is too long to stand in a view");
    let mut runs = StringRunBuilder::<Int16Type>::new();
    runs.extend(["same", "same", "other"].map(Some));
    let mut dictionary = StringDictionaryBuilder::<UInt8Type>::new();
    dictionary.append_value("x");
    dictionary.append_value("y");
    dictionary.append_value("x");
    let mut items = ListBuilder::new(Int64Builder::new());
    items.append_value([Some(1), None]);
    items.append_null();
    items.append_value([]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("view", Arc::new(view.finish())),
        ("runs", Arc::new(runs.finish())),
        ("dictionary", Arc::new(dictionary.finish())),
        ("items", Arc::new(items.finish())),
        ("large", Arc::new(LargeBinaryArray::from(vec![Some(b"\x00\xff".as_slice()), None, Some(b"")]))),
        ("half", Arc::new(Float16Array::from_iter([Some(half_of(1.5)), None, Some(half_of(-2.0))]))),
        ("seconds", Arc::new(DurationSecondArray::from(vec![Some(5), None, Some(-1)]))),
        (
            "zone",
            Arc::new(TimestampMillisecondArray::from(vec![Some(1), None, Some(-1)]).with_timezone("Europe/Paris")),
        ),
        ("none", Arc::new(NullArray::new(3))),
        (
            "small",
            Arc::new(Decimal32Array::from(vec![Some(150), None, Some(-1)]).with_precision_and_scale(5, 2).unwrap()),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn half_of(value: f32) -> <Float16Type as ArrowPrimitiveType>::Native {
    <Float16Type as ArrowPrimitiveType>::Native::from_f32(value)
}

fn arrow_file(batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = FileWriter::try_new_with_options(&mut out, &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    out
}

fn arrow_stream(batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = StreamWriter::try_new_with_options(&mut out, &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    out
}

fn compressed(codec: CompressionType) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(Some(codec)).unwrap()
}

#[test]
fn arrow_files_and_streams_are_the_same_rows() {
    let batch = arrow_batch();
    let batches = [batch.clone(), batch.slice(1, 2), batch.slice(0, 0)];
    let ways = [IpcWriteOptions::default(), compressed(CompressionType::LZ4_FRAME), compressed(CompressionType::ZSTD)];
    let mut seen = None;
    for options in ways {
        for (name, bytes) in [
            ("t.arrow", arrow_file(&batches, options.clone())),
            ("t.arrows", arrow_stream(&batches, options.clone())),
            ("unnamed", arrow_file(&batches, options.clone())),
            ("unnamed", arrow_stream(&batches, options)),
        ] {
            let (schema, batch) = read(name, &bytes, Options::default()).unwrap();
            assert_eq!(
                schema,
                concat!(
                    r#"[["view","text"],["runs","text"],["dictionary","text"],["items",["list","int"]],["#,
                    r#""large","bytes"],["half","float"],["seconds","duration"],["zone","instant"],["none","text"],"#,
                    r#"["small",["decimal",2]]]"#
                )
            );
            assert_eq!(batch.num_rows(), 5);
            let dictionary = batch.column(2).as_string::<i32>();
            assert_eq!(dictionary.iter().flatten().collect::<Vec<_>>(), ["x", "y", "x", "y", "x"]);
            let runs = batch.column(1).as_string::<i32>();
            assert_eq!(runs.iter().flatten().collect::<Vec<_>>(), ["same", "same", "other", "same", "other"]);
            assert_eq!(*seen.get_or_insert_with(|| batch.clone()), batch);
        }
    }
}

#[test]
fn dictionaries_grow_and_are_replaced_in_a_stream() {
    let batch = |values: &[&str]| {
        let array: DictionaryArray<Int32Type> = values.iter().copied().collect();
        RecordBatch::try_from_iter([("x", Arc::new(array) as ArrayRef)]).unwrap()
    };
    let texts = |batch: &RecordBatch| batch.column(0).as_string::<i32>().iter().flatten().collect::<String>();
    let replaced = arrow_stream(&[batch(&["a", "b"]), batch(&["c", "a"]), batch(&["d"])], IpcWriteOptions::default());
    let (_, found) = read("t.arrows", &replaced, Options::default()).unwrap();
    assert_eq!(texts(&found), "abcad");
    let delta = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let growing = [batch(&["a", "b"]), batch(&["a", "b", "c"]), batch(&["a", "b", "c", "d"])];
    for bytes in [arrow_stream(&growing, delta.clone()), arrow_file(&growing, delta)] {
        let (_, found) = read("t", &bytes, Options::default()).unwrap();
        assert_eq!(texts(&found), "ababcabcd");
    }
}

#[test]
fn types_without_a_rule_are_refused_by_column() {
    let interval: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![1]));
    let batch =
        RecordBatch::try_from_iter([("ok", Arc::new(Int8Array::from(vec![1])) as ArrayRef), ("span", interval)]);
    let bytes = arrow_file(&[batch.unwrap()], IpcWriteOptions::default());
    let found = problem(read("t.arrow", &bytes, Options::default()).unwrap_err());
    assert!(matches!(&found, Problem::UnsupportedType { column, .. } if column == "span"), "{found:?}");
    for (bytes, said) in [
        (b"FEA1....".to_vec(), "Feather version 1"),
        (b"ARROW1\0\0".to_vec(), "declares 10 bytes, and there are 8"),
        (b"ARROW1\0\0ARROW2".to_vec(), "expected ARROW1 at the end"),
        ([b"ARROW1\0\0".as_slice(), &[0xff; 4], b"ARROW1"].concat(), "length -1"),
    ] {
        let error = read("t.arrow", &bytes, Options::default()).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(source.contains(said), "{source}");
    }
}

#[test]
fn few_bytes_that_stand_for_many_are_read_in_bounds() {
    // One run of a text of 1 MiB, 20,000 times: 20 GB if it were undone at once.
    let text = "x".repeat(1 << 20);
    let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![20_000]), &StringArray::from(vec![text.as_str()]));
    let field = ArrowField::new("x", runs.as_ref().unwrap().data_type().clone(), true);
    let schema = Arc::new(ArrowSchema::new(vec![field]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(runs.unwrap())]).unwrap();
    let files = Files::new(&[("t.arrow", &arrow_file(&[batch], IpcWriteOptions::default()))]);
    let source = files.open(Options::default()).unwrap();
    let plan = source.infer().unwrap();
    for batch in source.batches(&plan).take(3) {
        assert!(batch.unwrap().batch().get_array_memory_size() <= 130 << 20);
    }
    // One row of 40 million nulls of 80 bytes or so.
    let items = NullArray::new(40_000_000);
    let field = Arc::new(ArrowField::new("item", DataType::Null, true));
    let list = ListArray::new(field, arrow_buffer::OffsetBuffer::from_lengths([40_000_000]), Arc::new(items), None);
    let batch = RecordBatch::try_from_iter([("x", Arc::new(list) as ArrayRef)]).unwrap();
    let error = read("t.arrow", &arrow_file(&[batch], IpcWriteOptions::default()), Options::default()).unwrap_err();
    assert!(matches!(problem(error), Problem::RecordTooLong { .. }));
}

/// Whatever a file is damaged in, it is an error or other rows, and nothing panics or takes memory for lengths that are
/// not there.
#[test]
fn damaged_arrow_is_an_error_or_other_rows() {
    let batch = arrow_batch();
    let files = [
        arrow_file(&[batch.clone(), batch.clone()], IpcWriteOptions::default()),
        arrow_stream(std::slice::from_ref(&batch), compressed(CompressionType::LZ4_FRAME)),
        arrow_stream(&[batch], compressed(CompressionType::ZSTD)),
    ];
    let (mut refused, mut read_well) = (0, 0);
    let mut check = |bytes: &[u8]| match read("t", bytes, Options { format: Some(Format::Arrow), ..Options::default() })
    {
        Ok(_) => read_well += 1,
        Err(error) => {
            let place = matches!(error, SourceError::Ipc { .. } | SourceError::At { .. } | SourceError::Io { .. });
            assert!(place || matches!(error, SourceError::Schema(_) | SourceError::NoRows { .. }), "{error:?}");
            refused += 1;
        }
    };
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    for good in &files {
        for end in (0..good.len()).step_by(97) {
            check(&good[..end]);
        }
        for _ in 0..300 {
            let mut bad = good.clone();
            for _ in 0..=random() % 3 {
                let at = random() % bad.len();
                bad[at] = [0, 0xff, 0x7f, 0x80, random() as u8][random() % 5];
            }
            check(&bad);
        }
    }
    assert!(refused > 100 && read_well > 50, "{refused} refused, {read_well} read");
}

#[test]
fn trailing_bytes_and_short_bodies_are_refused() {
    let batch = RecordBatch::try_from_iter([("x", Arc::new(Int8Array::from(vec![1])) as ArrayRef)]).unwrap();
    let mut stream = arrow_stream(&[batch], IpcWriteOptions::default());
    let ipc = |bytes: &[u8]| match read("t.arrows", bytes, Options::default()) {
        Err(SourceError::Ipc { source, .. }) => *source,
        other => panic!("{other:?}"),
    };
    let end = stream.len();
    assert!(matches!(ipc(&stream[..end - 16]), ArrowProblem::Short { .. }));
    stream.write_all(b"x").unwrap();
    assert!(matches!(ipc(&stream), ArrowProblem::Expected { .. }));
}

#[test]
fn lines_are_text_without_their_ends() {
    let lines = |content: &[u8], block_bytes| {
        let options = Options { format: Some(Format::Lines), block_bytes, ..Options::default() };
        let (schema, batch) = read("t.txt", content, options).unwrap();
        assert_eq!(schema, r#"[["text","text"]]"#);
        batch.column(0).as_string::<i32>().iter().map(|line| line.unwrap().to_owned()).collect::<Vec<_>>()
    };
    for block_bytes in [1, 1 << 20] {
        assert_eq!(lines(b"a\n\r\n007\r\nb\rc\nlast", block_bytes), ["a", "", "007", "b\rc", "last"]);
        assert_eq!(lines(b"\xef\xbb\xbf\xef\xbb\xbfa\n\n", block_bytes), ["\u{feff}a", ""]);
        assert_eq!(lines(b"\n", block_bytes), [""]);
        assert_eq!(lines(b"x\r", block_bytes), ["x\r"]);
    }
    let files = Files::new(&[("d/b.txt", b"1\n2\n"), ("d/a/c.txt", b"3")]);
    let options = Options { format: Some(Format::Lines), ..Options::default() };
    let source = Source::open(&[files.directory.path().join("d")], options).unwrap();
    let plan = source.infer().unwrap();
    assert_eq!(plan.schema().to_string(), r#"[["path","text"],["text","text"]]"#);
    let batch = rows(&source, &plan).unwrap();
    let column = |at| batch.column(at).as_string::<i32>().iter().flatten().collect::<Vec<_>>();
    assert_eq!((column(0), column(1)), (vec!["a/c.txt", "b.txt", "b.txt"], vec!["3", "1", "2"]));
}

#[test]
fn a_document_is_a_row_and_a_directory_is_in_the_order_of_paths() {
    let files = Files::new(&[("d/b.md", b"# B\r\n"), ("d/a/c.txt", b""), ("d/a.txt", "\u{feff}é".as_bytes())]);
    let source = Source::open(&[files.directory.path().join("d")], Options::default()).unwrap();
    assert_eq!(source.format(), Format::Text);
    let plan = source.infer().unwrap();
    let batch = rows(&source, &plan).unwrap();
    let column = |at| batch.column(at).as_string::<i32>().iter().flatten().collect::<Vec<_>>();
    assert_eq!(column(0), ["a.txt", "a/c.txt", "b.md"]);
    assert_eq!(column(1), ["é", "", "# B\r\n"]);
    let bad = Files::new(&[("a.txt", b"\xff")]);
    let source = bad.open(Options::default()).unwrap();
    let plan = source.infer().unwrap();
    assert!(rows(&source, &plan).is_err());
}

#[test]
fn documents_and_lines_are_in_any_encoding() {
    let utf16 =
        |text: &str| [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let options = |name: &str, encoding: &str| Options {
        format: Some(name.parse().unwrap()),
        encoding: Some(encoding.parse().unwrap()),
        ..Options::default()
    };
    let text = |batch: &RecordBatch, at: usize| batch.column(at).as_string::<i32>().value(0).to_owned();
    let (_, batch) = read("a.txt", &utf16("né\n"), Options::default()).unwrap();
    assert_eq!(text(&batch, 1), "né\n", "its byte order mark tells");
    let (_, batch) = read("a.txt", b"n\xe9\n", options("text", "windows-1252")).unwrap();
    assert_eq!(text(&batch, 1), "né\n");
    let (_, batch) = read("a.log", b"n\xe9\n", options("lines", "windows-1252")).unwrap();
    assert_eq!(text(&batch, 0), "né");
    let broken = read("a.txt", &utf16("né\n")[..5], Options::default()).unwrap_err();
    assert!(matches!(problem(broken), Problem::Malformed { .. }));
}

/// How many rows there are, and what was set aside as `line:byte problem | bytes`, however the file is cut.
fn set_aside(name: &str, content: &[u8], format: Format) -> (usize, Vec<String>) {
    let files = Files::new(&[(name, content)]);
    let told = |bad: &BadRow| {
        let Spot::Text { line, byte } = bad.place.spot else { panic!("no place in a text") };
        format!("{line}:{byte} {} | {}", bad.problem, String::from_utf8_lossy(&bad.bytes))
    };
    let mut found = [1, 7, 1 << 20].map(|block_bytes| {
        let encoding = Some("utf-8".parse().unwrap());
        let set_aside = OnBadRow::SetAside;
        let options =
            Options { format: Some(format), encoding, on_bad_row: set_aside, block_bytes, ..Options::default() };
        let source = files.open(options).unwrap();
        let plan = source.infer().unwrap();
        let batches = source.batches(&plan).collect::<Result<Vec<_>, _>>().unwrap();
        let rows = batches.iter().map(|batch| batch.batch().num_rows()).sum::<usize>();
        (rows, batches.iter().flat_map(|batch| batch.bad_rows()).map(told).collect::<Vec<_>>())
    });
    found.sort();
    assert_eq!(found[0], found[2], "blocks do not matter");
    found[0].clone()
}

#[test]
fn a_bad_value_of_json_and_a_bad_line_are_set_aside() {
    let json = b"[{\"a\":1},\n 17,\n {\"a\":\"\xff\"}, {\"a\":1,\n\"a\":2},\n{\"a\" 3},{\"a\":4}]\n";
    let expected = [
        "2:11 expected an object, found a number | 17",
        "3:16 not UTF-8 | {\"a\":\"\u{fffd}\"}",
        "3:27 not JSON: a key occurs twice in one object | {\"a\":1,\n\"a\":2}",
        "5:43 not JSON: expected `:` | {\"a\" 3}",
    ];
    assert_eq!(set_aside("t.json", json, Format::Json), (2, expected.map(str::to_owned).to_vec()));
    let lines = b"one\n\xfftwo\r\n\nthree";
    assert_eq!(set_aside("t.log", lines, Format::Lines), (3, vec!["2:4 not UTF-8 | \u{fffd}two".to_owned()]));
    // What stands between values is no record.
    let files = Files::new(&[("t.json", b"[{\"a\":1} {\"a\":2}]")]);
    let source = files.open(Options { on_bad_row: OnBadRow::SetAside, ..Options::default() }).unwrap();
    assert!(matches!(problem(source.infer().unwrap_err()), Problem::Json(_)));
}

#[test]
fn a_directory_of_pictures_is_files() {
    let png = b"\x89PNG\r\n\x1a\n....";
    let files = Files::new(&[
        ("d/1.png", png),
        ("d/sub/plain", png),
        ("d/notes.txt", b"n"),
        ("d/.hidden", b"h"),
        ("d/empty", b""),
    ]);
    let directory = files.directory.path().join("d");
    let source = Source::open(std::slice::from_ref(&directory), Options::default()).unwrap();
    assert_eq!(source.format(), Format::Files);
    for block_bytes in [1, 1 << 20] {
        let source =
            Source::open(std::slice::from_ref(&directory), Options { block_bytes, ..Options::default() }).unwrap();
        let plan = source.infer().unwrap();
        assert_eq!(plan.schema().to_string(), r#"[["path","text"],["media_type","text"],["bytes","bytes"]]"#);
        let batch = rows(&source, &plan).unwrap();
        let column = |at| batch.column(at).as_string::<i32>().iter().flatten().collect::<Vec<_>>();
        assert_eq!(column(0), ["1.png", "empty", "notes.txt", "sub/plain"]);
        assert_eq!(column(1), ["image/png", "application/octet-stream", "text/plain", "image/png"]);
        assert_eq!(batch.column(2).as_binary::<i32>().value(3), png);
    }
    // The same name twice, a table among pictures, a file too long for a row.
    let twice = [directory.join("1.png"), directory.join("sub/../1.png")];
    let error = Source::open(&twice, Options::default()).unwrap_err();
    assert!(matches!(problem(error), Problem::SamePath { path } if path == "1.png"));
    std::fs::write(directory.join("t.csv"), "a\n1\n").unwrap();
    assert!(matches!(
        Source::open(std::slice::from_ref(&directory), Options::default()),
        Err(SourceError::MixedFormats { .. })
    ));
    let long = std::fs::File::create(directory.join("zz.bin")).unwrap();
    long.set_len(64 << 20).unwrap();
    let source = Source::open(&[directory], Options { format: Some(Format::Files), ..Options::default() }).unwrap();
    let plan = source.infer().unwrap();
    let error = rows(&source, &plan).unwrap_err();
    assert!(error.place().unwrap().file.ends_with("zz.bin"));
    assert!(matches!(problem(error), Problem::FileTooLong { .. }));
}

#[test]
fn under_one_schema_all_formats_are_the_same_batch() {
    let target = schema(&[("t", Type::Instant), ("n", Type::Int), ("l", list(Type::Float))]);
    let times = TimestampSecondArray::from(vec![0, 86_400]).with_timezone("UTC");
    let mut floats = ListBuilder::new(Float64Builder::new());
    floats.append_value([Some(1.5)]);
    floats.append_null();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("l", Arc::new(floats.finish()) as ArrayRef, true),
        ("t", Arc::new(times), true),
        ("n", Arc::new(UInt8Array::from(vec![Some(1), None])), true),
    ])
    .unwrap();
    let json = "[{\"t\":\"1970-01-01T00:00:00Z\",\"n\":1,\"l\":[1.5]},{\"t\":\"1970-01-02T01:00:00+01:00\"}]";
    let files = Files::new(&[
        ("a.arrow", &arrow_file(std::slice::from_ref(&batch), compressed(CompressionType::ZSTD))),
        ("b.arrows", &arrow_stream(&[batch], IpcWriteOptions::default())),
        ("c.json", json.as_bytes()),
    ]);
    let read = |path: &std::path::PathBuf| {
        let source = Source::open(std::slice::from_ref(path), Options::default()).unwrap();
        let plan = source.under(target.clone()).unwrap();
        assert_eq!(plan.arrow().field(0).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        rows(&source, &plan).unwrap()
    };
    let found: Vec<_> = files.paths.iter().map(read).collect();
    assert!(found.iter().all(|batch| *batch == found[0]));
}
