//! Canonical rows of Arrow batches, against `encode_row`.

use std::sync::Arc;

use arrow_array::*;
use arrow_schema::{DataType, IntervalUnit};
use mira_core::row::{self, CellError, Value};
use mira_ingest::rows::{RowEncoder, RowError, logical_schema};
use proptest::prelude::*;

use crate::arrays::{self, Random, Style};

fn encoded(batch: &RecordBatch) -> Result<Vec<Vec<u8>>, RowError> {
    let mut encoder = RowEncoder::new(batch)?;
    let row = |row| {
        let mut bytes = Vec::new();
        encoder.encode(row, &mut bytes).map(|()| bytes)
    };
    (0..batch.num_rows()).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn rows_are_those_of_the_oracle(seed: u64, count in 0_usize..20) {
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let expected: Vec<_> = rows.iter().map(|row| row::encode_row(&schema, row).unwrap()).collect();
        for style in [Style::Working, Style::Any, Style::Any] {
            let batch = arrays::batch(&mut random, &schema, &rows, style);
            prop_assert_eq!(&logical_schema(batch.schema_ref()).unwrap(), &schema);
            prop_assert_eq!(&encoded(&batch).unwrap(), &expected);
            let leaves = RowEncoder::new(&batch).unwrap().leaves().unwrap();
            for (leaf, row) in leaves.iter().zip(&expected) {
                prop_assert_eq!(leaf.hash, row::row_leaf(row));
                prop_assert_eq!(leaf.len as usize, row.len());
            }
        }
    }

    /// However Arrow holds them: slices, dictionaries, views, runs, widths, units, and values hidden under nulls. The
    /// encoding must not lean on the oracle here, so rows are compared with each other, each with a near relative.
    #[test]
    fn rows_have_equal_bytes_only_if_they_say_the_same(seed: u64, count in 1_usize..12) {
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let mut rows = arrays::rows(&mut random, &schema, count);
        for place in 0..count {
            let mut near = rows[place].clone();
            let column = random.below(near.len());
            near[column] = arrays::value(&mut random, &schema.columns()[column].ty);
            rows.push(near);
        }
        let bytes = encoded(&arrays::batch(&mut random, &schema, &rows, Style::Any)).unwrap();
        let says = |row: &[Value]| row.iter().cloned().map(arrays::ordered).collect::<Vec<_>>();
        for (a, first) in rows.iter().zip(&bytes) {
            for (b, second) in rows.iter().zip(&bytes) {
                prop_assert_eq!(says(a) == says(b), first == second, "{:?} and {:?}", a, b);
                // No row is the start of another, so that a run of rows can be read in one way only.
                prop_assert!(first.len() >= second.len() || !second.starts_with(first));
            }
        }
    }
}

fn one(array: impl Array + 'static) -> Result<Vec<Vec<u8>>, RowError> {
    encoded(&RecordBatch::try_from_iter([("c", Arc::new(array) as ArrayRef)]).unwrap())
}

/// The error at a row and column.
fn fault(result: Result<Vec<Vec<u8>>, RowError>) -> (usize, RowError) {
    match result.unwrap_err() {
        RowError::At { row, column, source } if column == "c" => (row, *source),
        other => panic!("{other}"),
    }
}

#[test]
fn refuses_types_without_a_rule() {
    let intervals = IntervalDayTimeArray::from(vec![None, None]);
    assert!(matches!(one(intervals), Err(RowError::Column { .. })));
    let field = arrow_schema::Field::new("c", DataType::Interval(IntervalUnit::YearMonth), true);
    assert!(matches!(logical_schema(&arrow_schema::Schema::new(vec![field])), Err(RowError::Column { .. })));
}

#[test]
fn refuses_values_outside_their_type() {
    let (row, error) = fault(one(Date64Array::from(vec![86_400_000, 1])));
    assert!(row == 1 && matches!(error, RowError::Value { found: 1, .. }));
    let (_, error) = fault(one(Date64Array::from(vec![i64::from(i32::MAX) * 86_400_000 + 86_400_000])));
    assert!(matches!(error, RowError::Cell(CellError::Date { found: 2_147_483_648 })));
    let (_, error) = fault(one(Time32SecondArray::from(vec![86_400])));
    assert!(matches!(error, RowError::Cell(CellError::Time { .. })));
    let (_, error) = fault(one(Time64NanosecondArray::from(vec![-1])));
    assert!(matches!(error, RowError::Value { found: -1, .. }));
}

#[test]
fn integers_reach_from_i64_to_u64() {
    let most = UInt64Array::from(vec![u64::MAX]);
    assert_eq!(one(most).unwrap(), [b"\x81\x1b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()]);
    let least = Int64Array::from(vec![i64::MIN]);
    assert_eq!(one(least).unwrap(), [b"\x81\x3b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec()]);
}

#[test]
fn a_negative_scale_is_written_as_zeros() {
    let decimals = Decimal128Array::from(vec![12, 0, -3]).with_precision_and_scale(5, -2).unwrap();
    assert_eq!(one(decimals).unwrap(), [b"\x81\x641200".to_vec(), b"\x81\x610".to_vec(), b"\x81\x64-300".to_vec()]);
}

fn map(keys: ArrayRef) -> MapArray {
    let values: ArrayRef = Arc::new(Int32Array::from(vec![1; keys.len()]));
    let fields = arrow_schema::Fields::from(vec![
        arrow_schema::Field::new("keys", keys.data_type().clone(), false),
        arrow_schema::Field::new("values", DataType::Int32, true),
    ]);
    let lengths = arrow_buffer::OffsetBuffer::from_lengths([keys.len()]);
    let entries = StructArray::new(fields.clone(), vec![keys, values], None);
    let field = Arc::new(arrow_schema::Field::new("entries", DataType::Struct(fields), false));
    MapArray::new(field, lengths, entries, None, false)
}

#[test]
fn refuses_equal_keys() {
    // Equal in canonical form: two NaNs.
    let nans = Float64Array::from(vec![f64::NAN, 1.0, f64::from_bits(0xfff8_0000_0000_0001)]);
    assert!(matches!(fault(one(map(Arc::new(nans)))).1, RowError::Cell(CellError::DuplicateKey)));
}

#[test]
fn a_row_that_would_be_endless_ends() {
    // 2^31 - 1 nulls in a few bytes of Arrow.
    let nulls = Arc::new(NullArray::new(i32::MAX as usize));
    let field = Arc::new(arrow_schema::Field::new("item", DataType::Null, true));
    let list = FixedSizeListArray::new(field, i32::MAX, nulls, None);
    assert!(matches!(fault(one(list)).1, RowError::Long));
}
