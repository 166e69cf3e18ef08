//! The canonical form of a schema, and the two digests over it.

use super::{Field, Schema, SchemaError, Type};
use crate::cbor::{self, Reader};
use crate::digest::{Digest, SchemaId, TypeId};
use crate::domain;

impl Schema {
    /// The canonical schema: deterministic CBOR `[[name, type], …]`.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_fields(&mut out, &self.columns, Names::Kept);
        out
    }

    /// Reads a canonical schema and refuses every other spelling of it.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, SchemaError> {
        let mut reader = Reader::new(bytes);
        let count = reader.array()?;
        Self::check_count(count)?;
        let columns = read_fields(&mut reader, count, 1)?;
        reader.finish()?;
        Self::new(columns)
    }

    /// The digest of the canonical schema: H("mira/schema/v1\0" ‖ canonical schema).
    pub fn schema_id(&self) -> SchemaId {
        Digest::of_parts(&[domain::SCHEMA, &self.to_cbor()]).into()
    }

    /// The digest of the types without any names: H("mira/type/v1\0" ‖ \[type, …\]), with structs as
    /// `["struct", [type, …]]`.
    ///
    /// Rows that say the same under renamed columns share it.
    pub fn type_id(&self) -> TypeId {
        let mut out = Vec::new();
        write_fields(&mut out, &self.columns, Names::Dropped);
        Digest::of_parts(&[domain::TYPE, &out]).into()
    }
}

/// Whether fields are written as `[name, type]` or as `type`.
#[derive(Clone, Copy)]
enum Names {
    Kept,
    Dropped,
}

fn write_fields(out: &mut Vec<u8>, fields: &[Field], names: Names) {
    cbor::array(out, fields.len() as u64);
    for field in fields {
        if let Names::Kept = names {
            cbor::array(out, 2);
            cbor::text(out, &field.name);
        }
        write_type(out, &field.ty, names);
    }
}

fn write_type(out: &mut Vec<u8>, ty: &Type, names: Names) {
    match ty {
        Type::Decimal(scale) => {
            head(out, ty, 2);
            cbor::uint(out, u64::from(*scale));
        }
        Type::List(item) => {
            head(out, ty, 2);
            write_type(out, item, names);
        }
        Type::Struct(fields) => {
            head(out, ty, 2);
            write_fields(out, fields, names);
        }
        Type::Map(key, value) => {
            head(out, ty, 3);
            write_type(out, key, names);
            write_type(out, value, names);
        }
        scalar => cbor::text(out, scalar.name()),
    }
}

fn head(out: &mut Vec<u8>, ty: &Type, items: u64) {
    cbor::array(out, items);
    cbor::text(out, ty.name());
}

/// Reads `count` fields. Nothing is reserved for the count, so a false one costs no memory.
fn read_fields(reader: &mut Reader<'_>, count: usize, depth: usize) -> Result<Vec<Field>, SchemaError> {
    let mut fields = Vec::new();
    for _ in 0..count {
        reader.array_of(2)?;
        let at = reader.offset();
        let name = reader.text()?;
        if name.len() > Field::MAX_NAME {
            return Err(SchemaError::LongName { at: offset(at), found: name.len() });
        }
        fields.push(Field::new(name, read_type(reader, depth)?));
    }
    Ok(fields)
}

fn read_type(reader: &mut Reader<'_>, depth: usize) -> Result<Type, SchemaError> {
    let at = reader.offset();
    // Before the recursion, so that foreign bytes cannot exhaust the stack.
    if depth > Type::MAX_DEPTH {
        return Err(SchemaError::Depth { at: offset(at) });
    }
    if is_text(reader) {
        let name = reader.text()?;
        return Type::scalar(name).ok_or_else(|| unknown(at, name));
    }
    let items = reader.array()?;
    let name = reader.text()?;
    match (name, items) {
        ("decimal", 2) => read_scale(reader).map(Type::Decimal),
        ("list", 2) => Ok(Type::List(Box::new(read_type(reader, depth + 1)?))),
        ("struct", 2) => {
            let count = reader.array()?;
            Ok(Type::Struct(read_fields(reader, count, depth + 1)?))
        }
        ("map", 3) => {
            let key = Box::new(read_type(reader, depth + 1)?);
            Ok(Type::Map(key, Box::new(read_type(reader, depth + 1)?)))
        }
        _ => Err(unknown(at, name)),
    }
}

fn read_scale(reader: &mut Reader<'_>) -> Result<u8, SchemaError> {
    let at = reader.offset();
    let found = reader.uint()?;
    u8::try_from(found).map_err(|_| SchemaError::Scale { at: offset(at), found })
}

fn is_text(reader: &Reader<'_>) -> bool {
    const TEXT_MAJOR: u8 = 3;
    reader.peek().is_some_and(|byte| byte >> 5 == TEXT_MAJOR)
}

fn unknown(at: usize, name: &str) -> SchemaError {
    SchemaError::UnknownType { at: offset(at), found: format!("{:?}", name.chars().take(80).collect::<String>()) }
}

fn offset(at: usize) -> String {
    format!("offset {at}")
}
