//! Canonical row bytes to values, or to the mere knowledge that they are canonical.

use super::cell::NANOS_PER_DAY;
use super::{CellError, MAX_BYTES, RowError, Seconds, Value, decimal};
use crate::cbor::Reader;
use crate::schema::{Field, Schema, Type};

/// Reads a row, and refuses every byte string that encoding under this schema would not make.
///
/// A hostile row of the greatest length holds 2^26 items, and a [`Value`] takes more memory than the byte it may come
/// from; whoever only needs to know that a row is canonical calls [`check_row`].
pub fn decode_row(schema: &Schema, bytes: &[u8]) -> Result<Vec<Value>, RowError> {
    read_row(schema, bytes)
}

/// Checks what [`decode_row`] checks, and allocates nothing.
pub fn check_row(schema: &Schema, bytes: &[u8]) -> Result<(), RowError> {
    read_row::<()>(schema, bytes).map(drop)
}

/// What reading makes of a row: values, or nothing at all.
trait Product: Sized {
    fn scalar(make: impl FnOnce() -> Value) -> Self;
    fn list(items: Vec<Self>) -> Self;
    fn fields(fields: Vec<Self>) -> Self;
    fn map(pairs: Vec<(Self, Self)>) -> Self;
}

impl Product for Value {
    fn scalar(make: impl FnOnce() -> Value) -> Self {
        make()
    }

    fn list(items: Vec<Self>) -> Self {
        Value::List(items)
    }

    fn fields(fields: Vec<Self>) -> Self {
        Value::Struct(fields)
    }

    fn map(pairs: Vec<(Self, Self)>) -> Self {
        Value::Map(pairs)
    }
}

/// A vector of `()` takes no memory, however long it is.
impl Product for () {
    fn scalar(_: impl FnOnce() -> Value) -> Self {}
    fn list(_: Vec<Self>) -> Self {}
    fn fields(_: Vec<Self>) -> Self {}
    fn map(_: Vec<(Self, Self)>) -> Self {}
}

fn read_row<P: Product>(schema: &Schema, bytes: &[u8]) -> Result<Vec<P>, RowError> {
    if bytes.len() > MAX_BYTES {
        return Err(RowError::Length { found: bytes.len() });
    }
    let mut reader = Reader::new(bytes);
    let found = reader.array().map_err(RowError::Frame)?;
    let columns = schema.columns();
    if found != columns.len() {
        return Err(RowError::Columns { expected: columns.len(), found });
    }
    let mut cells = Vec::with_capacity(columns.len());
    for (column, Field { ty, .. }) in columns.iter().enumerate() {
        cells.push(item(&mut reader, ty).map_err(|source| RowError::cell(schema, column, source))?);
    }
    reader.finish().map_err(RowError::Frame)?;
    Ok(cells)
}

/// Reads one item. The recursion is as deep as the type, which its schema bounds.
fn item<P: Product>(reader: &mut Reader<'_>, ty: &Type) -> Result<P, CellError> {
    if reader.null() {
        return Ok(P::scalar(|| Value::Null));
    }
    Ok(match ty {
        Type::Bool => {
            let value = reader.bool()?;
            P::scalar(|| Value::Bool(value))
        }
        Type::Int => {
            let value = reader.int()?;
            P::scalar(|| Value::Int(value))
        }
        Type::Float => {
            let value = reader.float()?;
            P::scalar(|| value.into())
        }
        Type::Text => {
            let value = reader.text()?;
            P::scalar(|| Value::Text(value.to_owned()))
        }
        Type::Bytes => {
            let value = reader.bytes()?;
            P::scalar(|| Value::Bytes(value.to_owned()))
        }
        Type::Date => {
            let days = date(reader)?;
            P::scalar(|| Value::Date(days))
        }
        Type::Time => {
            let nanos = time(reader)?;
            P::scalar(|| Value::Time(nanos))
        }
        Type::Timestamp => {
            let value = seconds(reader)?;
            P::scalar(|| Value::Timestamp(value))
        }
        Type::Instant => {
            let value = seconds(reader)?;
            P::scalar(|| Value::Instant(value))
        }
        Type::Duration => {
            let value = seconds(reader)?;
            P::scalar(|| Value::Duration(value))
        }
        Type::Decimal(scale) => {
            let text = reader.text()?;
            decimal::check(text, *scale)?;
            P::scalar(|| Value::Decimal(text.to_owned()))
        }
        Type::List(ty) => P::list(list(reader, ty)?),
        Type::Struct(fields) => P::fields(fields_of(reader, fields)?),
        Type::Map(key, value) => P::map(map(reader, key, value)?),
    })
}

fn date(reader: &mut Reader<'_>) -> Result<i32, CellError> {
    let found = reader.int64()?;
    i32::try_from(found).map_err(|_| CellError::Date { found })
}

fn time(reader: &mut Reader<'_>) -> Result<u64, CellError> {
    let found = reader.uint()?;
    if found < NANOS_PER_DAY { Ok(found) } else { Err(CellError::Time { found }) }
}

fn seconds(reader: &mut Reader<'_>) -> Result<Seconds, CellError> {
    if !is_array(reader) {
        return Seconds::new(reader.int64()?, 0);
    }
    reader.array_of(2)?;
    let whole = reader.int64()?;
    let found = reader.uint()?;
    // A zero fraction is written without the array.
    let nanos = u32::try_from(found).ok().filter(|nanos| *nanos > 0).ok_or(CellError::Nanos { found })?;
    Seconds::new(whole, nanos)
}

fn is_array(reader: &Reader<'_>) -> bool {
    const ARRAY_MAJOR: u8 = 4;
    reader.peek().is_some_and(|byte| byte >> 5 == ARRAY_MAJOR)
}

/// Reads a list. Memory grows with the items read, never with the count that stands before them.
fn list<P: Product>(reader: &mut Reader<'_>, ty: &Type) -> Result<Vec<P>, CellError> {
    let mut items = Vec::new();
    for _ in 0..reader.array()? {
        items.push(item(reader, ty)?);
    }
    Ok(items)
}

fn fields_of<P: Product>(reader: &mut Reader<'_>, fields: &[Field]) -> Result<Vec<P>, CellError> {
    let found = reader.array()?;
    if found != fields.len() {
        return Err(CellError::Fields { expected: fields.len(), found });
    }
    fields.iter().map(|field| item(reader, &field.ty)).collect()
}

fn map<P: Product>(reader: &mut Reader<'_>, key_type: &Type, value_type: &Type) -> Result<Vec<(P, P)>, CellError> {
    let mut pairs = Vec::new();
    let mut last_key: &[u8] = &[];
    for _ in 0..reader.array()? {
        reader.array_of(2)?;
        let start = reader.offset();
        if reader.null() {
            return Err(CellError::NullKey);
        }
        let key = item(reader, key_type)?;
        let key_bytes = reader.since(start);
        // No item is empty, so the first key is above the empty slice.
        match key_bytes.cmp(last_key) {
            std::cmp::Ordering::Less => return Err(CellError::KeyOrder),
            std::cmp::Ordering::Equal => return Err(CellError::DuplicateKey),
            std::cmp::Ordering::Greater => last_key = key_bytes,
        }
        pairs.push((key, item(reader, value_type)?));
    }
    Ok(pairs)
}
