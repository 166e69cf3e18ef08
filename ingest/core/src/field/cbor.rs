//! JSON forms as deterministic CBOR: the same keys and values, for what stands in files that are not signed as JSON.
//!
//! Map keys ascend by their encoding, so shorter ones come first. Digests are byte strings where a format says so: it
//! names the keys whose values they are.

use crate::cbor::{self, CborError, Reader};
use crate::digest::Digest;
use crate::json::{Json, Object, SafeInt};

/// How deep arrays and maps may nest; no format here needs more.
const MAX_DEPTH: usize = 5;

/// Most keys of a map, so that putting them in order takes no time to speak of.
const MAX_KEYS: usize = 16;

/// Major types, the upper three bits of an item's first byte.
const UINT: u8 = 0;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

/// A way to write JSON forms: the keys whose values are digests as byte strings.
pub(crate) struct Form(pub(crate) &'static [&'static str]);

impl Form {
    /// Appends the CBOR form of a value to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>, json: &Json) {
        match json {
            Json::Bool(value) => cbor::bool(out, *value),
            Json::Int(value) => cbor::int(out, value.value()),
            Json::Text(text) => cbor::text(out, text),
            Json::Array(items) => {
                cbor::array(out, items.len() as u64);
                items.iter().for_each(|item| self.write(out, item));
            }
            Json::Object(object) => self.write_map(out, object),
        }
    }

    fn write_map(&self, out: &mut Vec<u8>, object: &Object) {
        cbor::map(out, object.len() as u64);
        let mut members: Vec<_> = object.iter().collect();
        members.sort_by_key(|(name, _)| (name.len(), *name));
        for (name, value) in members {
            cbor::text(out, name);
            match value {
                Json::Text(text) if self.0.contains(&name) => match Digest::from_hex(text) {
                    Ok(digest) => cbor::bytes(out, digest.as_bytes()),
                    Err(_) => cbor::text(out, text),
                },
                _ => self.write(out, value),
            }
        }
    }

    /// Reads the CBOR form of a value as JSON; whether that is what it should be is for a field to say.
    pub(crate) fn read(&self, reader: &mut Reader<'_>) -> Result<Json, CborError> {
        self.item(reader, MAX_DEPTH)
    }

    fn item(&self, reader: &mut Reader<'_>, depth: usize) -> Result<Json, CborError> {
        let at = reader.offset();
        match reader.peek().map(|byte| byte >> 5) {
            Some(ARRAY | MAP) if depth == 0 => Err(CborError::Range { at, rule: "nested no deeper than the format" }),
            Some(ARRAY) => self.array(reader, depth - 1),
            Some(MAP) => self.map(reader, depth - 1),
            Some(UINT) => {
                let value = SafeInt::try_from(reader.uint()?);
                value.map(Json::from).map_err(|_| CborError::Range { at, rule: "an integer is below 2^53" })
            }
            _ => reader.text().map(Json::from),
        }
    }

    fn array(&self, reader: &mut Reader<'_>, depth: usize) -> Result<Json, CborError> {
        let items: Result<Vec<_>, _> = (0..reader.array()?).map(|_| self.item(reader, depth)).collect();
        items.map(Json::Array)
    }

    fn map(&self, reader: &mut Reader<'_>, depth: usize) -> Result<Json, CborError> {
        let mut object = Object::default();
        let mut last: Option<&str> = None;
        let at = reader.offset();
        let keys = reader.map()?;
        if keys > MAX_KEYS {
            return Err(CborError::Range { at, rule: "a map has at most 16 keys" });
        }
        for _ in 0..keys {
            let at = reader.offset();
            let name = reader.text()?;
            if last.is_some_and(|last| (last.len(), last) >= (name.len(), name)) {
                return Err(CborError::NotCanonical { at, rule: "map keys ascend by their encoding" });
            }
            last = Some(name);
            let value = if self.0.contains(&name) { digest(reader)? } else { self.item(reader, depth)? };
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}

/// A digest where the format says bytes; text in its place is refused.
fn digest(reader: &mut Reader<'_>) -> Result<Json, CborError> {
    reader.fixed().map(|bytes| Digest::new(bytes).to_string().into())
}
