//! Column profiles against their definition over plain values, and the same from any parts, batches and threads.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field as ArrowField, Fields};
use mira_core::row::{self, Value};
use mira_core::schema::{Field, Schema, Type};
use mira_ingest::check;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline;
use mira_ingest::report::{CellReport, ColumnReport, Profile, Report, Show};
use mira_ingest::scan::Kind;
use proptest::prelude::*;

use crate::arrays::{self, Random, Style};
use crate::chunk::every_type;
use crate::pipeline::table;
use crate::store::temporary;

fn profile(batches: &[RecordBatch], physical: &PhysicalSchema, show: Show) -> Report {
    let mut profile = Profile::new(physical.logical(), show);
    batches.iter().for_each(|batch| profile.add(batch).unwrap());
    profile.report()
}

/// Rows as chunks store them.
fn stored(seed: u64, schema: &Schema, rows: &[Vec<Value>]) -> (PhysicalSchema, RecordBatch) {
    let batch = arrays::batch(&mut Random(seed), schema, rows, Style::Working);
    let physical = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
    let batch = physical.convert(&batch).unwrap();
    (physical, batch)
}

/// The slots of a type and of those within it, each list after the types before it.
fn slots(ty: &Type, values: Vec<Value>, out: &mut Vec<(Type, Vec<Value>)>) {
    out.push((ty.clone(), values.clone()));
    match ty {
        Type::List(item) => {
            let items =
                values.into_iter().flat_map(|value| if let Value::List(items) = value { items } else { vec![] });
            slots(item, items.collect(), out);
        }
        Type::Struct(fields) => {
            for (place, field) in fields.iter().enumerate() {
                let value =
                    |value: &Value| if let Value::Struct(values) = value { Some(values[place].clone()) } else { None };
                slots(&field.ty, values.iter().filter_map(value).collect(), out);
            }
        }
        Type::Map(key, value) => {
            let pairs: Vec<(Value, Value)> = values
                .into_iter()
                .flat_map(|value| if let Value::Map(pairs) = value { pairs } else { vec![] })
                .collect();
            let (keys, values) = pairs.into_iter().unzip();
            slots(key, keys, out);
            slots(value, values, out);
        }
        _ => {}
    }
}

/// The order of two values of one type, by the definition of each type.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.value().total_cmp(&b.value()),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::Instant(a), Value::Instant(b))
        | (Value::Duration(a), Value::Duration(b)) => (a.whole(), a.nanos()).cmp(&(b.whole(), b.nanos())),
        (Value::Decimal(a), Value::Decimal(b)) => decimal_order(a, b),
        (a, b) => panic!("{a} and {b} have no order"),
    }
}

/// Decimals of one scale, as text: by sign, then length, then digits.
fn decimal_order(a: &str, b: &str) -> Ordering {
    let (a_digits, b_digits) = (a.trim_start_matches('-'), b.trim_start_matches('-'));
    let magnitude = (a_digits.len(), a_digits).cmp(&(b_digits.len(), b_digits));
    match (a.starts_with('-'), b.starts_with('-')) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (a, b) => b.cmp(&a),
    }
}

/// Compares one column of the report with its slots.
fn hold(column: &ColumnReport, ty: &Type, slots: &[Value]) {
    let values: Vec<&Value> = slots.iter().filter(|value| **value != Value::Null).collect();
    assert_eq!((column.values, column.nulls), (values.len() as u64, (slots.len() - values.len()) as u64), "{column:?}");
    let schema = Schema::new(vec![Field::new("c", ty.clone())]).unwrap();
    let encode = |value: &&Value| row::encode_row(&schema, std::slice::from_ref(*value)).unwrap();
    let different = values.iter().map(encode).collect::<BTreeSet<_>>().len() as u64;
    let is_nan = |value: &Value| matches!(value, Value::Float(float) if float.value().is_nan());
    let ends = || {
        let mut ordered: Vec<&Value> = values.iter().copied().filter(|value| !is_nan(value)).collect();
        ordered.sort_by(|a, b| order(a, b));
        ordered.first().zip(ordered.last()).map(|(min, max)| (min.to_string(), max.to_string()))
    };
    let sum = |len: fn(&Value) -> usize| values.iter().map(|value| len(value) as u64).sum::<u64>();
    match &column.cells {
        CellReport::Bool { trues } => assert_eq!(*trues, sum(|value| usize::from(*value == Value::Bool(true)))),
        CellReport::Ordered { distinct, range, .. } => assert_eq!((*distinct, range.clone()), (different, ends())),
        CellReport::Float { distinct, nans, infinities, range } => {
            assert_eq!((*distinct, range.clone()), (different, ends()));
            assert_eq!(*nans, values.iter().filter(|value| is_nan(value)).count() as u64);
            let infinite =
                |value: &Value| usize::from(matches!(value, Value::Float(float) if float.value().is_infinite()));
            assert_eq!(*infinities, sum(infinite));
        }
        CellReport::Text { distinct, bytes, range, .. } => {
            assert_eq!(
                (*distinct, *bytes),
                (different, sum(|value| if let Value::Text(text) = value { text.len() } else { 0 }))
            );
            let shown = |value: &Value| if let Value::Text(text) = value { text.clone() } else { String::new() };
            let mut texts: Vec<String> = values.iter().map(|value| shown(value)).collect();
            texts.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            assert_eq!(range.is_some(), !texts.is_empty());
            for (cut, text) in range.iter().flat_map(|(min, max)| [(min, &texts[0]), (max, &texts[texts.len() - 1])]) {
                assert!(text.starts_with(&cut.text) && cut.is_cut == (text.len() > 64), "{cut:?} {text:?}");
                assert!(cut.is_cut && (61..=64).contains(&cut.text.len()) || cut.text == *text);
            }
        }
        CellReport::Bytes { distinct, bytes } => {
            let len = sum(|value| if let Value::Bytes(bytes) = value { bytes.len() } else { 0 });
            assert_eq!((*distinct, *bytes), (different, len));
        }
        CellReport::List { items } => {
            assert_eq!(*items, sum(|value| if let Value::List(items) = value { items.len() } else { 0 }))
        }
        CellReport::Map { items } => {
            assert_eq!(*items, sum(|value| if let Value::Map(pairs) = value { pairs.len() } else { 0 }))
        }
        CellReport::Struct => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn reports_are_those_of_the_definition(seed: u64, count in 1_usize..40) {
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let (physical, batch) = stored(seed, &schema, &rows);
        let report = profile(std::slice::from_ref(&batch), &physical, Show::Values);
        prop_assert_eq!(report.rows, count as u64);
        let mut expected = Vec::new();
        for (place, column) in schema.columns().iter().enumerate() {
            slots(&column.ty, rows.iter().map(|row| row[place].clone()).collect(), &mut expected);
        }
        prop_assert_eq!(report.columns.len(), expected.len());
        for (column, (ty, slots)) in report.columns.iter().zip(&expected) {
            hold(column, ty, slots);
        }
        // One spelling, and it reads back.
        prop_assert_eq!(&Report::parse(&report.to_json()).unwrap(), &report);
        // In parts, in another order, merged.
        let cut = random.below(count + 1);
        let mut one = Profile::new(physical.logical(), Show::Values);
        let mut other = one.clone();
        one.add(&batch.slice(cut, count - cut)).unwrap();
        other.add(&batch.slice(0, cut)).unwrap();
        one.merge(&other);
        prop_assert_eq!(&one.report(), &report);
        // Counts only: the same without values.
        let counts = profile(&[batch], &physical, Show::Counts);
        let text = String::from_utf8(counts.to_json()).unwrap();
        prop_assert!(!text.contains("\"min\":") && !text.contains("\"max\":") && !text.contains("\"findings\":"));
        prop_assert_eq!(Report::parse(text.as_bytes()).unwrap(), counts);
    }
}

/// What FORMAT.md shows.
#[test]
fn the_bytes_of_a_report() {
    let (schema, rows) = every_type();
    let (physical, batch) = stored(0, &schema, &rows);
    let report = profile(&[batch], &physical, Show::Values);
    assert_eq!(String::from_utf8(report.to_json()).unwrap(), include_str!("golden/report.json").trim_end());
}

#[test]
fn what_nulls_hide_is_not_counted() {
    // A null struct over 7, and a null list over 8 and 9.
    let fields = Fields::from(vec![ArrowField::new("x", DataType::Int64, true)]);
    let xs: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(7), None]));
    let structs = StructArray::new(fields, vec![xs], Some(NullBuffer::from(vec![true, false, true])));
    let items: ArrayRef = Arc::new(Int64Array::from(vec![5, 8, 9, 5]));
    let lists = ListArray::new(
        Arc::new(ArrowField::new("element", DataType::Int64, true)),
        OffsetBuffer::new(vec![0, 1, 3, 4].into()),
        items,
        Some(NullBuffer::from(vec![true, false, true])),
    );
    let batch =
        RecordBatch::try_from_iter([("s", Arc::new(structs) as ArrayRef), ("l", Arc::new(lists) as _)]).unwrap();
    let physical = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
    let report = profile(&[batch], &physical, Show::Values);
    let seen: Vec<_> = report.paths().map(|(path, column)| (path, column.values, column.nulls)).collect();
    let expected = [("s", 2, 1), ("s.x", 1, 1), ("l", 2, 1), ("l.element", 2, 0)];
    assert_eq!(seen, expected.map(|(path, values, nulls)| (path.to_owned(), values, nulls)));
    let text = String::from_utf8(report.to_json()).unwrap();
    assert!(!text.contains('7') && !text.contains('8') && !text.contains('9'), "{text}");
}

#[test]
fn a_wide_schema_is_scanned_to_its_end() {
    let columns =
        (0..600).map(|i| (format!("c{i}"), Arc::new(StringArray::from(vec!["ada@mail.sample-site.org"])) as ArrayRef));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let physical = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
    let report = profile(&[batch], &physical, Show::Values);
    assert_eq!(report.columns.len(), 512);
    let rest = report.rest.as_ref().unwrap();
    assert_eq!((rest.types, rest.findings.iter().collect::<Vec<_>>()), (88, vec![(Kind::Email, 88)]));
    assert_eq!(report.findings().unwrap().len(), 513);
    assert_eq!(Report::parse(&report.to_json()).unwrap(), report);
}

#[test]
fn the_pipeline_counts_what_a_check_counts_again() {
    let (physical, batch) = table();
    let mut reports = Vec::new();
    for (threads, rows) in [(1, 20_000), (3, 777)] {
        let (_dir, store) = temporary();
        let threads = NonZeroUsize::new(threads).unwrap();
        let slices: Vec<_> = (0..batch.num_rows())
            .step_by(rows)
            .map(|from| Ok::<_, Infallible>(batch.slice(from, rows.min(batch.num_rows() - from))))
            .collect();
        let parse = |slice| mira_ingest::source::Parsed::rows(vec![slice]);
        let profile = Some(Profile::new(physical.logical(), Show::Values));
        let outcome =
            pipeline::run_counted(&physical, slices, parse, &store, threads, profile, &mut |_: pipeline::Progress| ())
                .unwrap();
        let report = outcome.report.unwrap();
        let checked = check::dataset(&outcome.dataset, &store, Some(&report), threads).unwrap();
        assert_eq!((checked.rows, checked.defects.len(), checked.report.as_ref()), (20_000, 0, Some(&report)));
        reports.push(report.to_json());
    }
    assert_eq!(reports[0], reports[1]);
}
