//! Batches made what a chunk file holds.

use std::sync::Arc;

use arrow_array::*;
use mira_core::schema::Schema;
use mira_ingest::physical::{ConvertError, PhysicalError, PhysicalSchema};
use mira_ingest::rows::RowEncoder;
use proptest::prelude::*;

use crate::arrays::{self, Random, Style};

proptest! {
    #[test]
    fn conversion_keeps_the_rows(seed: u64, count in 0_usize..20) {
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let batch = arrays::batch(&mut random, &schema, &rows, Style::Working);
        let physical = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
        prop_assert_eq!(physical.logical(), &schema);
        prop_assert_eq!(&PhysicalSchema::parse(&physical.to_string()).unwrap(), &physical);
        let stored = physical.convert(&batch).unwrap();
        prop_assert_eq!(stored.schema_ref(), physical.arrow());
        let leaves = |batch: &RecordBatch| RowEncoder::new(batch).unwrap().leaves().unwrap();
        prop_assert_eq!(leaves(&batch), leaves(&stored));
        prop_assert_eq!(&physical.convert(&stored).unwrap(), &stored);
        let slice = stored.slice(count / 3, count - count / 3);
        prop_assert_eq!(leaves(&physical.convert(&slice).unwrap()), leaves(&slice));
    }
}

fn convert(text: &str, array: impl Array + 'static) -> Result<ArrayRef, ConvertError> {
    let schema = PhysicalSchema::parse(&format!(r#"[["c",{text}]]"#)).unwrap();
    let batch = RecordBatch::try_from_iter([("c", Arc::new(array) as ArrayRef)]).unwrap();
    schema.convert(&batch).map(|batch| batch.column(0).clone())
}

#[test]
fn another_datasets_schema_holds_values_that_fit() {
    let nanos = |values: Vec<i64>| TimestampNanosecondArray::from(values).with_timezone("UTC");
    assert!(convert(r#"["instant","us"]"#, nanos(vec![-1000, 5000])).is_ok());
    assert!(matches!(convert(r#"["instant","us"]"#, nanos(vec![1001])), Err(ConvertError::Fit { .. })));
    let micros = DurationMicrosecondArray::from(vec![i64::MAX / 1000 + 1]);
    assert!(matches!(convert(r#"["duration","ns"]"#, micros), Err(ConvertError::Fit { .. })));
    assert!(convert(r#"["int","u64"]"#, Int64Array::from(vec![0, 7])).is_ok());
    assert!(matches!(convert(r#"["int","u64"]"#, Int64Array::from(vec![-1])), Err(ConvertError::Fit { .. })));
    assert!(matches!(convert(r#"["int","i64"]"#, UInt64Array::from(vec![u64::MAX])), Err(ConvertError::Fit { .. })));
    assert!(convert(r#"["float","f32"]"#, Float64Array::from(vec![0.5, f64::NAN, -0.0])).is_ok());
    assert!(matches!(convert(r#"["float","f32"]"#, Float64Array::from(vec![0.1])), Err(ConvertError::Fit { .. })));
    let decimals = |value: i128| Decimal128Array::from(vec![value]).with_precision_and_scale(38, 2).unwrap();
    assert!(convert(r#"["decimal",2,18]"#, decimals(999_999_999_999_999_999)).is_ok());
    let wide = convert(r#"["decimal",2,18]"#, decimals(1_000_000_000_000_000_000));
    assert!(matches!(wide, Err(ConvertError::Fit { .. })));
    assert!(convert(r#"["decimal",2,76]"#, decimals(i128::MAX / 10)).is_ok());
}

#[test]
fn another_logical_type_is_not_converted() {
    let timestamps = TimestampMicrosecondArray::from(vec![0]);
    assert!(matches!(convert(r#"["instant","us"]"#, timestamps), Err(ConvertError::Type { .. })));
    let decimals = Decimal128Array::from(vec![1]).with_precision_and_scale(18, 3).unwrap();
    assert!(matches!(convert(r#"["decimal",2,18]"#, decimals), Err(ConvertError::Type { .. })));
    assert!(matches!(convert("\"text\"", Int64Array::from(vec![1])), Err(ConvertError::Type { .. })));
    let batch = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    let two = PhysicalSchema::parse(r#"[["a",["int","i64"]],["b","text"]]"#).unwrap();
    assert!(matches!(two.convert(&batch), Err(ConvertError::Columns { expected: 2, found: 1 })));
}

#[test]
fn values_under_nulls_need_not_fit() {
    let nulls = arrow_buffer::NullBuffer::from(vec![true, false]);
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![1, -1]));
    let fields = arrow_schema::Fields::from(vec![arrow_schema::Field::new("x", inner.data_type().clone(), true)]);
    let array = StructArray::new(fields, vec![inner], Some(nulls));
    assert!(convert(r#"["struct",[["x",["int","u64"]]]]"#, array).is_ok());
}

#[test]
fn only_working_types_are_stored() {
    let of =
        |array: ArrayRef| PhysicalSchema::of_working(RecordBatch::try_from_iter([("c", array)]).unwrap().schema_ref());
    assert!(matches!(of(Arc::new(Int32Array::from(vec![1]))), Err(PhysicalError::Type { .. })));
    assert!(matches!(of(Arc::new(LargeStringArray::from(vec!["a"]))), Err(PhysicalError::Type { .. })));
    let berlin = TimestampMicrosecondArray::from(vec![0]).with_timezone("Europe/Berlin");
    assert!(matches!(of(Arc::new(berlin)), Err(PhysicalError::Type { .. })));
    let schema = Schema::from_json(r#"[["a","int"]]"#).unwrap();
    assert_eq!(PhysicalSchema::parse(r#"[["a",["int","u64"]]]"#).unwrap().logical(), &schema);
}
