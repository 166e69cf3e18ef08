//! The rights block in a manifest: the JSON form's keys and values as deterministic CBOR.

use super::{Rights, RightsError};
use crate::cbor::{self, CborError, Reader};
use crate::field::Field as _;
use crate::json::{Json, Node, Object};

/// The block, the consent in it, the scope in that, and a use.
const MAX_DEPTH: usize = 4;

impl Rights {
    /// Appends the CBOR form to `out`.
    pub fn write_cbor(&self, out: &mut Vec<u8>) {
        write(out, &self.to_json());
    }

    /// Reads the CBOR form from `reader`, up to its last byte; refuses any other spelling of it.
    pub fn read_cbor(reader: &mut Reader<'_>) -> Result<Self, RightsError> {
        let json = read(reader, MAX_DEPTH)?;
        Ok(Self::read(&Node::root(&json))?)
    }
}

/// A rights block holds texts, arrays and objects only.
fn write(out: &mut Vec<u8>, json: &Json) {
    match json {
        Json::Bool(value) => cbor::bool(out, *value),
        Json::Int(value) => cbor::int(out, value.value()),
        Json::Text(text) => cbor::text(out, text),
        Json::Array(items) => {
            cbor::array(out, items.len() as u64);
            items.iter().for_each(|item| write(out, item));
        }
        Json::Object(object) => {
            cbor::map(out, object.len() as u64);
            let mut members: Vec<_> = object.iter().collect();
            // Keys ascend by their encoding, in which the length comes first.
            members.sort_by_key(|(name, _)| (name.len(), *name));
            for (name, value) in members {
                cbor::text(out, name);
                write(out, value);
            }
        }
    }
}

fn read(reader: &mut Reader<'_>, depth: usize) -> Result<Json, CborError> {
    let at = reader.offset();
    match reader.peek().map(|byte| byte >> 5) {
        Some(ARRAY | MAP) if depth == 0 => {
            Err(CborError::Range { at, rule: "a rights block is not nested deeper than its keys ask for" })
        }
        Some(ARRAY) => (0..reader.array()?).map(|_| read(reader, depth - 1)).collect::<Result<_, _>>().map(Json::Array),
        Some(MAP) => read_map(reader, depth - 1).map(Json::Object),
        _ => reader.text().map(Json::from),
    }
}

/// Major types, the upper three bits of an item's first byte.
const ARRAY: u8 = 4;
const MAP: u8 = 5;

fn read_map(reader: &mut Reader<'_>, depth: usize) -> Result<Object, CborError> {
    let mut object = Object::default();
    let mut last: Option<&str> = None;
    for _ in 0..reader.map()? {
        let at = reader.offset();
        let name = reader.text()?;
        if last.is_some_and(|last| (last.len(), last) >= (name.len(), name)) {
            return Err(CborError::NotCanonical { at, rule: "map keys ascend by their encoding" });
        }
        last = Some(name);
        object.insert(name, read(reader, depth)?);
    }
    Ok(object)
}
