//! Values to canonical row bytes, one row at a time.

use super::{CellError, MAX_BYTES, MapWriter, RowError, Value};
use super::{begin, date, decimal_text, seconds, time};
use crate::cbor;
use crate::schema::{Field, Schema, Type};

/// The canonical bytes of a row: one value per column, each of its column's type or null.
///
/// The pairs of a map may come in any order. A decimal is given in its canonical text.
pub fn encode_row(schema: &Schema, values: &[Value]) -> Result<Vec<u8>, RowError> {
    let columns = schema.columns();
    if values.len() != columns.len() {
        return Err(RowError::Columns { expected: columns.len(), found: values.len() });
    }
    let (mut out, mut maps) = (Vec::new(), MapWriter::default());
    begin(&mut out, columns.len());
    for (column, (Field { ty, .. }, value)) in columns.iter().zip(values).enumerate() {
        item(&mut out, &mut maps, ty, value).map_err(|source| RowError::cell(schema, column, source))?;
        // Here and not once at the end, so that a row of many long cells stops early.
        if out.len() > MAX_BYTES {
            return Err(RowError::Length { found: out.len() });
        }
    }
    Ok(out)
}

fn item(out: &mut Vec<u8>, maps: &mut MapWriter, ty: &Type, value: &Value) -> Result<(), CellError> {
    match (ty, value) {
        (_, Value::Null) => cbor::null(out),
        (Type::Bool, Value::Bool(value)) => cbor::bool(out, *value),
        (Type::Int, Value::Int(value)) => int(out, *value)?,
        (Type::Float, Value::Float(value)) => cbor::float(out, value.value()),
        (Type::Text, Value::Text(value)) => cbor::text(out, value),
        (Type::Bytes, Value::Bytes(value)) => cbor::bytes(out, value),
        (Type::Date, Value::Date(days)) => date(out, *days),
        (Type::Time, Value::Time(nanos)) => time(out, *nanos)?,
        (Type::Timestamp, Value::Timestamp(value))
        | (Type::Instant, Value::Instant(value))
        | (Type::Duration, Value::Duration(value)) => seconds(out, *value),
        (Type::Decimal(scale), Value::Decimal(text)) => decimal_text(out, text, *scale)?,
        (Type::List(ty), Value::List(items)) => list(out, maps, ty, items)?,
        (Type::Struct(fields), Value::Struct(values)) => fields_of(out, maps, fields, values)?,
        (Type::Map(key, value), Value::Map(pairs)) => map(out, maps, (key, value), pairs)?,
        _ => return Err(CellError::Type { expected: ty.name(), found: value.type_name() }),
    }
    Ok(())
}

fn int(out: &mut Vec<u8>, value: i128) -> Result<(), CellError> {
    if let Ok(value) = u64::try_from(value) {
        cbor::uint(out, value);
    } else {
        cbor::int(out, i64::try_from(value).map_err(|_| CellError::Int { found: value })?);
    }
    Ok(())
}

fn list(out: &mut Vec<u8>, maps: &mut MapWriter, ty: &Type, items: &[Value]) -> Result<(), CellError> {
    cbor::array(out, items.len() as u64);
    items.iter().try_for_each(|value| item(out, maps, ty, value))
}

fn fields_of(out: &mut Vec<u8>, maps: &mut MapWriter, fields: &[Field], values: &[Value]) -> Result<(), CellError> {
    if values.len() != fields.len() {
        return Err(CellError::Fields { expected: fields.len(), found: values.len() });
    }
    cbor::array(out, fields.len() as u64);
    fields.iter().zip(values).try_for_each(|(field, value)| item(out, maps, &field.ty, value))
}

fn map(
    out: &mut Vec<u8>,
    maps: &mut MapWriter,
    (key_type, value_type): (&Type, &Type),
    pairs: &[(Value, Value)],
) -> Result<(), CellError> {
    let open = maps.begin(out, pairs.len());
    for (key, value) in pairs {
        maps.key(out);
        item(out, maps, key_type, key)?;
        maps.value(out);
        item(out, maps, value_type, value)?;
    }
    maps.finish(out, open)
}
