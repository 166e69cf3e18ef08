//! A stored dataset as a file again, and nothing if anything is not what it was.

use std::fs;

use bytes::Bytes;
use mira_core::digest::Digest;
use mira_core::row::{Seconds, Value};
use mira_core::schema::{Schema, Type};
use mira_ingest::chunk;
use mira_ingest::commit::CommittedDataset;
use mira_ingest::export::{self, ExportError};
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::source::{Options, Source};
use mira_ingest::store::{Store, Unstored};
use proptest::prelude::*;

use crate::arrays::{self, Random, Style};
use crate::chunk::every_type;
use crate::pipeline::{run, table};
use crate::store::{files, temporary};

fn stored(store: &Store, schema: &Schema, rows: &[Vec<Value>]) -> CommittedDataset {
    let batch = arrays::batch(&mut Random(0), schema, rows, Style::Working);
    let physical = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
    run(&physical, vec![batch], store, 2).dataset
}

fn csv(dataset: &CommittedDataset, store: &Store) -> Result<String, ExportError> {
    let mut out = Vec::new();
    export::to_csv(dataset, store, &mut out).map(|()| String::from_utf8(out).unwrap())
}

fn ndjson(dataset: &CommittedDataset, store: &Store) -> Result<String, ExportError> {
    let mut out = Vec::new();
    export::to_ndjson(dataset, store, &mut out).map(|()| String::from_utf8(out).unwrap())
}

#[test]
fn every_type_as_text() {
    let (_directory, store) = temporary();
    let (schema, rows) = every_type();
    let dataset = stored(&store, &schema, &rows);
    let expected = [
        "b,i,f,t,y,d,h,ts,in,du,d2,d0,l,s,m",
        concat!(
            r#"true,-7,0.1,"comma, ""quote"" and é",AP8=,2023-11-14,01:00:00.000000001,"#,
            r"2023-11-14T22:13:20.25,2023-11-14T22:13:20.25Z,-1.5,-0.05,",
            r#"12345678901234567890123456789012345678901234567890,"[""a"",null,""""]","{""x"":1,""y"":null}","#,
            r#""[[""b"",null],[""zz"",2]]""#
        ),
        r#",,NaN,"",,,,,,,,,,,"#,
        "",
    ];
    assert_eq!(csv(&dataset, &store).unwrap(), expected.join("\n"));
    let expected = [
        concat!(
            r#"{"b":true,"i":-7,"f":0.1,"t":"comma, \"quote\" and é","y":"AP8=","d":"2023-11-14","#,
            r#""h":"01:00:00.000000001","ts":"2023-11-14T22:13:20.25","in":"2023-11-14T22:13:20.25Z","du":-1.5,"#,
            r#""d2":-0.05,"d0":12345678901234567890123456789012345678901234567890,"l":["a",null,""],"#,
            r#""s":{"x":1,"y":null},"m":[["b",null],["zz",2]]}"#
        ),
        concat!(
            r#"{"b":null,"i":null,"f":"NaN","t":"","y":null,"d":null,"h":null,"ts":null,"in":null,"du":null,"#,
            r#""d2":null,"d0":null,"l":null,"s":null,"m":null}"#
        ),
        "",
    ];
    assert_eq!(ndjson(&dataset, &store).unwrap(), expected.join("\n"));
}

#[test]
fn csv_quotes_what_reading_would_change() {
    let (_directory, store) = temporary();
    let text = |text: &str| vec![Value::Text(text.to_owned())];
    let schema = Schema::from_json(r#"[["\ufeffa","text"]]"#).unwrap();
    let rows =
        [text("plain"), text(""), vec![Value::Null], text("a,b"), text("\r"), text("\""), text(" x "), text("\n")];
    let dataset = stored(&store, &schema, &rows);
    let expected = "\"\u{feff}a\"\nplain\n\"\"\n\n\"a,b\"\n\"\r\"\n\"\"\"\"\n x \n\"\n\"\n";
    assert_eq!(csv(&dataset, &store).unwrap(), expected);
    let nameless = stored(&store, &Schema::from_json(r#"[["","int"]]"#).unwrap(), &[vec![Value::Int(1)]]);
    assert_eq!(csv(&nameless, &store).unwrap(), "\"\"\n1\n");
}

#[test]
fn years_beyond_four_digits_have_no_text() {
    let (_directory, store) = temporary();
    let year_10000 = Seconds::new(253_402_300_800, 0).unwrap();
    for (ty, value) in [("date", Value::Date(2_932_897)), ("instant", Value::Instant(year_10000))] {
        let schema = Schema::from_json(&format!(r#"[["at","{ty}"]]"#)).unwrap();
        let dataset = stored(&store, &schema, &[vec![Value::Null], vec![value]]);
        for result in [csv(&dataset, &store), ndjson(&dataset, &store)] {
            assert!(matches!(result, Err(ExportError::Value { row: 1, column, .. }) if column == "at"));
        }
        assert!(export::to_parquet(&dataset, &store, Vec::new()).is_ok());
    }
}

#[test]
fn lines_that_cannot_be_read_again_are_not_written() {
    let (_directory, store) = temporary();
    let schema = Schema::from_json(r#"[["raw","bytes"]]"#).unwrap();
    // 50 MiB of bytes are 67 MiB of base64.
    let dataset = stored(&store, &schema, &[vec![Value::Bytes(vec![0; 50 << 20])]]);
    for result in [csv(&dataset, &store), ndjson(&dataset, &store)] {
        assert!(matches!(result, Err(ExportError::Line { row: 0, .. })));
    }
    assert!(export::to_arrow(&dataset, &store, Vec::new()).is_ok());
}

/// What our own rules read from a JSON value, for the types whose text is their JSON.
fn agrees(ty: &Type, json: &serde_json::Value, value: &Value) -> bool {
    match (ty, value) {
        (_, Value::Null) => json.is_null(),
        (Type::Bool, Value::Bool(value)) => json.as_bool() == Some(*value),
        (Type::Int, Value::Int(value)) => json.as_i64().map(i128::from) == Some(*value),
        (Type::Text, Value::Text(value)) => json.as_str() == Some(value),
        (Type::Float, Value::Float(value)) if value.value().is_finite() => {
            // serde_json reads a last digit wrong now and then; that the text is exact is tested beside its writing.
            (json.as_f64().unwrap() - value.value()).abs() <= value.value().abs() * 1e-15
        }
        (Type::Bytes, Value::Bytes(value)) => {
            data_encoding::BASE64.decode(json.as_str().unwrap().as_bytes()).unwrap() == *value
        }
        (Type::List(item), Value::List(values)) => {
            let items = json.as_array().unwrap();
            items.len() == values.len() && items.iter().zip(values).all(|(json, value)| agrees(item, json, value))
        }
        (Type::Struct(fields), Value::Struct(values)) => {
            let object = json.as_object().unwrap();
            object.len() == fields.len()
                && fields.iter().zip(values).all(|(field, value)| agrees(&field.ty, &object[&field.name], value))
        }
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn ndjson_and_parquet_say_the_same(seed: u64, count in 1_usize..20) {
        let (_directory, store) = temporary();
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let dataset = stored(&store, &schema, &rows);
        match ndjson(&dataset, &store) {
            Ok(text) => {
                prop_assert_eq!(text.lines().count(), count);
                for (line, row) in text.lines().zip(&rows) {
                    let object: serde_json::Value = serde_json::from_str(line).unwrap();
                    for (column, value) in schema.columns().iter().zip(row) {
                        prop_assert!(agrees(&column.ty, &object[&column.name], value), "{line}");
                    }
                }
            }
            Err(error) => prop_assert!(matches!(error, ExportError::Value { .. }), "{error}"),
        }
        let mut parquet = Vec::new();
        export::to_parquet(&dataset, &store, &mut parquet).unwrap();
        // One chunk, so its leaf data are those of all rows.
        chunk::read(Bytes::from(parquet), &dataset.physical).unwrap().verify(&dataset.chunks[0].leaf).unwrap();
    }
}

/// The dataset that `add --schema` makes of a file.
fn added(path: &std::path::Path, schema: &Schema) -> CommittedDataset {
    let source = Source::open(&[path.to_owned()], Options::default()).unwrap();
    let plan = source.measure(source.under(schema.clone()).unwrap()).unwrap();
    let batches: Vec<_> = source.batches(&plan).map(|batch| batch.unwrap().batch().clone()).collect();
    let physical = PhysicalSchema::of_working(batches[0].schema_ref()).unwrap();
    run(&physical, batches, &Unstored, 2).dataset
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_exported_is_read_as_the_same_dataset(seed: u64, count in 1_usize..20) {
        let (directory, store) = temporary();
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let dataset = stored(&store, &schema, &rows);
        for (name, text) in [("rows.csv", csv(&dataset, &store)), ("rows.ndjson", ndjson(&dataset, &store))] {
            match text {
                Ok(text) => {
                    let path = directory.path().join(name);
                    fs::write(&path, &text).unwrap();
                    prop_assert_eq!(added(&path, &schema).dataset_id, dataset.dataset_id, "{}", text);
                }
                Err(error) => prop_assert!(matches!(error, ExportError::Value { .. }), "{}", error),
            }
        }
        let path = directory.path().join("rows.parquet");
        export::to_parquet(&dataset, &store, fs::File::create(&path).unwrap()).unwrap();
        prop_assert_eq!(added(&path, &schema).dataset_id, dataset.dataset_id, "{}", schema);
        // Arrow says the types itself, too.
        let path = directory.path().join("rows.arrow");
        export::to_arrow(&dataset, &store, fs::File::create(&path).unwrap()).unwrap();
        prop_assert_eq!(added(&path, &schema).dataset_id, dataset.dataset_id, "{}", schema);
        let source = Source::open(&[path], Options::default()).unwrap();
        let plan = source.infer().unwrap();
        prop_assert_eq!(plan.schema(), &schema);
    }
}

#[test]
fn one_flipped_bit_in_any_chunk_is_caught() {
    let (directory, store) = temporary();
    let (physical, batch) = table();
    let dataset = run(&physical, vec![batch], &store, 2).dataset;
    let whole = csv(&dataset, &store).unwrap();
    assert_eq!(whole.lines().count(), 20_001);
    let mut random = Random(3);
    for path in files(&directory.path().join("store/objects")) {
        let good = fs::read(&path).unwrap();
        for _ in 0..8 {
            let mut bad = good.clone();
            let at = random.below(bad.len());
            bad[at] ^= 1 << random.below(8);
            fs::write(&path, bad).unwrap();
            assert!(matches!(csv(&dataset, &store), Err(ExportError::Store { .. })));
        }
        fs::write(&path, good).unwrap();
    }
    assert_eq!(csv(&dataset, &store).unwrap(), whole);
}

#[test]
fn chunks_of_other_rows_are_caught() {
    let (_directory, store) = temporary();
    let schema = Schema::from_json(r#"[["n","int"]]"#).unwrap();
    let one = stored(&store, &schema, &[vec![Value::Int(1)]]);
    let two = stored(&store, &schema, &[vec![Value::Int(2)]]);

    // Intact bytes of another chunk, under this one's name.
    let mut swapped = one.clone();
    swapped.chunks[0].cid = two.chunks[0].cid;
    swapped.chunks[0].bytes = two.chunks[0].bytes;
    assert!(matches!(csv(&swapped, &store), Err(ExportError::Chunk { index: 0, .. })));

    let mut longer = one.clone();
    longer.chunks[0].bytes += 1;
    assert!(matches!(csv(&longer, &store), Err(ExportError::Length { index: 0, .. })));

    // Chunks that do not make the dataset_id are not even read.
    let mut renamed = one.clone();
    renamed.chunks[0] = two.chunks[0].clone();
    assert!(matches!(csv(&renamed, &store), Err(ExportError::Dataset { .. })));
    let mut renamed = one.clone();
    renamed.dataset_id = Digest::of(b"another").into();
    assert!(matches!(csv(&renamed, &store), Err(ExportError::Dataset { .. })));

    store.remove(&one.chunks[0].cid).unwrap();
    assert!(matches!(csv(&one, &store), Err(ExportError::Store { index: 0, .. })));
}
