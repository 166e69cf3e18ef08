//! Chunk files: the same bytes from the same rows, and no rows but the right ones from any bytes.

use arrow_array::RecordBatch;
use bytes::Bytes;
use mira_core::dataset::ChunkLeafData;
use mira_core::digest::{Digest, RowLeaf};
use mira_core::row::{Seconds, Value};
use mira_core::schema::Schema;
use mira_ingest::chunk::{self, ChunkError, ChunkWriter};
use mira_ingest::commit;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::rows::RowEncoder;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use crate::arrays::{self, Random, Style};

/// A file of every type, written once and never again: `pq-1` means these bytes.
const GOLDEN: &[u8] = include_bytes!("golden/pq-1.parquet");

const EVERY_TYPE: &str = concat!(
    r#"[["b","bool"],["i","int"],["f","float"],["t","text"],["y","bytes"],["d","date"],["h","time"],"#,
    r#"["ts","timestamp"],["in","instant"],["du","duration"],["d2",["decimal",2]],["d0",["decimal",0]],"#,
    r#"["l",["list","text"]],["s",["struct",[["x","int"],["y","bool"]]]],["m",["map","text","int"]]]"#
);

/// Two rows of every type, the second of nulls where it can be.
pub(crate) fn every_type() -> (Schema, Vec<Vec<Value>>) {
    let schema = Schema::from_json(EVERY_TYPE).unwrap();
    let at = Seconds::new(1_700_000_000, 250_000_000).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let first = vec![
        Value::Bool(true),
        Value::Int(-7),
        Value::from(0.1),
        text("comma, \"quote\" and é"),
        Value::Bytes(vec![0, 255]),
        Value::Date(19_675),
        Value::Time(3_600_000_000_001),
        Value::Timestamp(at),
        Value::Instant(at),
        Value::Duration(Seconds::new(-2, 500_000_000).unwrap()),
        Value::Decimal("-0.05".to_owned()),
        Value::Decimal("12345678901234567890123456789012345678901234567890".to_owned()),
        Value::List(vec![text("a"), Value::Null, text("")]),
        Value::Struct(vec![Value::Int(1), Value::Null]),
        Value::Map(vec![(text("zz"), Value::Int(2)), (text("b"), Value::Null)]),
    ];
    let mut second = vec![Value::Null; first.len()];
    second[2] = Value::from(f64::NAN);
    second[3] = text("");
    (schema, vec![first, second])
}

fn stored(batch: &RecordBatch) -> (PhysicalSchema, RecordBatch) {
    let physical = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
    let stored = physical.convert(batch).unwrap();
    (physical, stored)
}

fn leaf_data(physical: &PhysicalSchema, batch: &RecordBatch) -> ChunkLeafData {
    let leaves = RowEncoder::new(batch).unwrap().leaves().unwrap();
    let leaves: Vec<RowLeaf> = leaves.iter().map(|leaf| leaf.hash).collect();
    commit::leaf_data(physical.logical(), &leaves)
}

fn write(physical: &PhysicalSchema, batches: &[RecordBatch]) -> Vec<u8> {
    ChunkWriter::new(physical).unwrap().write(batches).unwrap()
}

#[test]
fn the_profile_is_these_bytes() {
    let (schema, rows) = every_type();
    let batch = arrays::batch(&mut Random(0), &schema, &rows, Style::Working);
    let (physical, batch) = stored(&batch);
    let file = write(&physical, std::slice::from_ref(&batch));
    assert_eq!(Digest::of(GOLDEN).to_string(), GOLDEN_SHA256);
    assert_eq!(Digest::of(&file).to_string(), GOLDEN_SHA256, "pq-1 writes other bytes than it did");
    let rows = chunk::read(Bytes::from_static(GOLDEN), &physical).unwrap();
    assert_eq!(rows.verify(&leaf_data(&physical, &batch)).unwrap(), batch);
}

const GOLDEN_SHA256: &str = "6b0c3c4436b7ffb00aebd3694c8c1ea759baef9005661f75882b9cc664708677";

const LARGE_SHA256: &str = "ff04892ac77ebfdbd8a99bdad76085c00b0daa59f7af7bfec8c39d9c70066ddf";

/// Large enough for several pages, and for a dictionary that is given up.
#[test]
fn a_large_chunk_is_these_bytes_too() {
    let mut random = Random(1);
    let schema =
        Schema::from_json(r#"[["few","text"],["many","text"],["n","int"],["x","float"],["l",["list","int"]]]"#);
    let row = |i: u64, random: &mut Random| {
        vec![
            Value::Text(format!("category {}", i % 7)),
            Value::Text(format!("text {i} {}", random.next())),
            Value::Int((random.next() >> 20).into()),
            Value::from(i as f64 / 8.0),
            Value::List((0..i % 4).map(|n| Value::Int(n.into())).collect()),
        ]
    };
    let rows: Vec<_> = (0..60_000).map(|i| row(i, &mut random)).collect();
    let batch = arrays::batch(&mut random, &schema.unwrap(), &rows, Style::Working);
    let (physical, batch) = stored(&batch);
    let whole = write(&physical, std::slice::from_ref(&batch));
    assert_eq!(Digest::of(&whole).to_string(), LARGE_SHA256);
    let parts = [batch.slice(0, 1), batch.slice(1, 33_333), batch.slice(33_334, 26_666)];
    assert_eq!(Digest::of(&write(&physical, &parts)), Digest::of(&whole), "batches reach the bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn files_are_read_back(seed: u64, count in 1_usize..30) {
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let (physical, batch) = stored(&arrays::batch(&mut random, &schema, &rows, Style::Working));
        let file = Bytes::from(write(&physical, std::slice::from_ref(&batch)));
        // What NaN and nulls hide is not equal as Arrow sees it, so rows are compared, and then files.
        let read = chunk::read(file.clone(), &physical).unwrap().verify(&leaf_data(&physical, &batch)).unwrap();
        prop_assert_eq!(read.schema_ref(), physical.arrow());
        prop_assert_eq!(&write(&physical, &[read]), &file);
        // A reader that knows nothing of `mira.schema` sees the same rows, durations aside.
        let plain = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        if **plain.schema() == physical.arrow().as_ref().clone().with_metadata(plain.schema().metadata().clone()) {
            let plain: Vec<_> = plain.build().unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(plain.len(), 1);
            prop_assert_eq!(leaf_data(&physical, &plain[0]), leaf_data(&physical, &batch));
        } else {
            prop_assert!(physical.to_string().contains("duration"), "{}", physical);
        }
    }

    #[test]
    fn rows_and_not_arrays_make_the_file(seed: u64, count in 1_usize..30) {
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let once = arrays::batch(&mut random, &schema, &rows, Style::Working);
        let (physical, first) = stored(&once);
        // The same rows in a slice of a larger batch, with the pairs of its maps in another order.
        let around = [arrays::rows(&mut random, &schema, 2), rows, arrays::rows(&mut random, &schema, 2)].concat();
        let again = arrays::batch(&mut random, &schema, &around, Style::Working);
        let second = physical.convert(&again.slice(2, count));
        // The rows around may ask for other widths.
        let same_widths = PhysicalSchema::of_working(again.schema_ref()).unwrap() == physical;
        if same_widths {
            prop_assert_eq!(write(&physical, &[first]), write(&physical, &[second.unwrap()]));
        }
    }
}

#[test]
fn damaged_files_do_not_verify_as_other_rows() {
    let (schema, rows) = every_type();
    let batch = arrays::batch(&mut Random(0), &schema, &rows, Style::Working);
    let (physical, batch) = stored(&batch);
    let leaf_data = leaf_data(&physical, &batch);
    let mut refused = 0;
    for at in 0..GOLDEN.len() {
        let mut file = GOLDEN.to_vec();
        file[at] ^= 1 << (at % 8);
        match chunk::read(file.into(), &physical).and_then(|rows| rows.verify(&leaf_data)) {
            // A byte that says nothing of the rows: statistics, the writer's name.
            Ok(rows) => assert_eq!(rows.num_rows(), batch.num_rows()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > GOLDEN.len() / 2);
    for len in (0..GOLDEN.len()).step_by(7) {
        assert!(chunk::read(Bytes::copy_from_slice(&GOLDEN[..len]), &physical).is_err());
    }
}

#[test]
fn refuses_files_of_other_schemas_and_rows() {
    let (schema, rows) = every_type();
    let batch = arrays::batch(&mut Random(0), &schema, &rows, Style::Working);
    let (physical, batch) = stored(&batch);
    let read = |file: Vec<u8>, physical: &PhysicalSchema| chunk::read(file.into(), physical);

    let other =
        PhysicalSchema::parse(&physical.to_string().replace(r#""du",["duration","us"]"#, r#""du",["duration","ns"]"#));
    assert!(matches!(read(GOLDEN.to_vec(), &other.unwrap()), Err(ChunkError::OtherSchema { .. })));

    let mut plain = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut plain, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert!(matches!(read(plain, &physical), Err(ChunkError::NoSchema { found: 0 })));

    let swapped = batch.slice(1, 1);
    let file = write(&physical, &[swapped.clone(), batch.slice(0, 1)]);
    let rows = read(file, &physical).unwrap();
    assert!(matches!(rows.verify(&leaf_data(&physical, &batch)), Err(ChunkError::Root { .. })));
    let rows = read(write(&physical, &[swapped]), &physical).unwrap();
    assert!(matches!(rows.verify(&leaf_data(&physical, &batch)), Err(ChunkError::Root { .. })));
    assert!(matches!(ChunkWriter::new(&physical).unwrap().write(&[]), Err(ChunkError::Rows { found: 0 })));
}

/// `mira.schema` may promise one thing and the columns be another.
#[test]
fn refuses_columns_that_are_not_those_of_the_schema() {
    let physical = PhysicalSchema::parse(r#"[["a",["int","u64"]]]"#).unwrap();
    let text = parquet::file::metadata::KeyValue::new("mira.schema".to_owned(), physical.to_string());
    let properties = parquet::file::properties::WriterProperties::builder().set_key_value_metadata(Some(vec![text]));
    let signed: arrow_array::ArrayRef = std::sync::Arc::new(arrow_array::Int64Array::from(vec![-1]));
    let batch = RecordBatch::try_from_iter_with_nullable([("a", signed, true)]).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert!(matches!(chunk::read(file.into(), &physical), Err(ChunkError::Columns)));
}
