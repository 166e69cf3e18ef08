//! JSON that every reader reads alike.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray as _, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, FieldRef,
    Int64Type, UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonArray, JsonFormat, LineDelimited, NullableEncoder, Writer, WriterBuilder};
use datafusion::arrow::json::{Encoder, EncoderFactory, EncoderOptions};

use super::{WriteError, check_names};
use crate::query::Answer;

/// What JavaScript's numbers, and so many readers, hold exactly.
const EXACT: u64 = 1 << 53;

pub(super) fn array(answer: Answer, out: &mut impl Write) -> Result<u64, WriteError> {
    let rows = rows::<JsonArray>(answer, out)?;
    out.write_all(b"\n")?;
    Ok(rows)
}

pub(super) fn lines(answer: Answer, out: &mut impl Write) -> Result<u64, WriteError> {
    rows::<LineDelimited>(answer, out)
}

pub(super) fn document(answer: Answer, name: &str, out: &mut impl Write) -> Result<u64, WriteError> {
    check_names(answer.schema())?;
    let columns: Vec<serde_json::Value> = answer
        .schema()
        .fields()
        .iter()
        .map(|field| serde_json::json!({ "name": field.name(), "type": field.data_type().to_string() }))
        .collect();
    let name = serde_json::Value::from(name);
    write!(out, "{{\"schema\":{name},\"columns\":{},\"rows\":", serde_json::Value::from(columns))?;
    let rows = rows::<JsonArray>(answer, out)?;
    out.write_all(b"}\n")?;
    Ok(rows)
}

fn rows<F: JsonFormat + Default>(answer: Answer, out: &mut impl Write) -> Result<u64, WriteError> {
    check_names(answer.schema())?;
    let builder = WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Exact));
    let mut writer: Writer<_, F> = builder.build(out);
    let mut rows = 0;
    for batch in answer {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    writer.finish()?;
    Ok(rows)
}

/// Writes numbers as texts where a double would round them.
#[derive(Debug)]
struct Exact;

impl EncoderFactory for Exact {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Int64 => Box::new(Integers(array.as_primitive::<Int64Type>(), i64::unsigned_abs)),
            DataType::UInt64 => Box::new(Integers(array.as_primitive::<UInt64Type>(), |value| value)),
            DataType::Decimal32(_, _) => Box::new(Decimals(array.as_primitive::<Decimal32Type>())),
            DataType::Decimal64(_, _) => Box::new(Decimals(array.as_primitive::<Decimal64Type>())),
            DataType::Decimal128(_, _) => Box::new(Decimals(array.as_primitive::<Decimal128Type>())),
            DataType::Decimal256(_, _) => Box::new(Decimals(array.as_primitive::<Decimal256Type>())),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

struct Integers<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>, fn(T::Native) -> u64);

impl<T: ArrowPrimitiveType<Native: std::fmt::Display>> Encoder for Integers<'_, T> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        let (value, size) = (self.0.value(at), self.1);
        let text = value.to_string();
        if size(value) < EXACT {
            out.extend_from_slice(text.as_bytes());
        } else {
            quoted(&text, out);
        }
    }
}

struct Decimals<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: DecimalType> Encoder for Decimals<'_, T> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", self.0.value_as_string(at));
        quoted(&text, out);
    }
}

/// Digits, signs and points need no escapes.
fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
