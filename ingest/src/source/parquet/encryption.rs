//! Whether a Parquet file is encrypted, so that it is refused as what it is and not as damaged.
//!
//! A file whose footer is encrypted ends in `PARE`. One with a plain footer and encrypted columns has field 8 in it, the
//! algorithm, which the reader does not show: the footer's fields are passed over until it comes.

use std::io::{Read as _, Seek as _, SeekFrom};

use crate::source::plain::Plain;

/// Bytes after the footer: its length and the magic.
const TAIL: usize = 8;
/// The field of the footer that names the algorithm.
const ALGORITHM: i64 = 8;
/// Deepest structs and lists of a footer, by its definition 6.
const DEEPEST: usize = 32;

/// Whether the file says that it is encrypted, in whole or in part. What cannot be read says nothing.
pub(super) fn is_encrypted(file: &Plain) -> bool {
    match footer(file) {
        Ok(Some(footer)) => Thrift { rest: &footer }.has_field(ALGORITHM).unwrap_or(false),
        Ok(None) => true,
        Err(_) => false,
    }
}

/// The bytes of the footer; none if it is encrypted itself.
fn footer(file: &Plain) -> std::io::Result<Option<Vec<u8>>> {
    let mut cursor = file.cursor();
    let end = cursor.seek(SeekFrom::End(0))?.saturating_sub(TAIL as u64);
    let mut tail = [0; TAIL];
    cursor.seek(SeekFrom::Start(end))?;
    cursor.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    if magic == *b"PARE" {
        return Ok(None);
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d])).min(end);
    cursor.seek(SeekFrom::Start(end - length))?;
    let mut footer = Vec::new();
    cursor.take(length).read_to_end(&mut footer)?;
    Ok(Some(footer))
}

/// Passes over values of Thrift's compact protocol.
struct Thrift<'a> {
    rest: &'a [u8],
}

impl Thrift<'_> {
    /// Whether the struct that starts here has a field.
    fn has_field(&mut self, wanted: i64) -> Option<bool> {
        let mut id = 0;
        while let Some(ty) = self.field(&mut id)? {
            if id == wanted {
                return Some(true);
            }
            self.skip(ty, 0)?;
        }
        Some(false)
    }

    /// The type of the next field, whose number becomes `id`; nothing at the end of the struct.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let head = self.byte()?;
        let ty = head & 0x0f;
        if ty == 0 {
            return Some(None);
        }
        *id = match head >> 4 {
            0 => {
                let zigzag = self.varint()?;
                (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed())
            }
            step => id.checked_add(step.into())?,
        };
        Some(Some(ty))
    }

    fn skip(&mut self, ty: u8, depth: usize) -> Option<()> {
        if depth == DEEPEST {
            return None;
        }
        match ty {
            // The type of a boolean field is its value.
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.varint().map(drop),
            7 => self.bytes(8),
            8 => {
                let len = self.varint()?;
                self.bytes(usize::try_from(len).ok()?)
            }
            9 | 10 => {
                let head = self.byte()?;
                let len = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                // Items of no bytes do not exist here: a boolean in a list is a byte.
                let item = if matches!(head & 0x0f, 1 | 2) { 3 } else { head & 0x0f };
                (0..len).try_for_each(|_| self.skip(item, depth + 1))
            }
            12 => {
                let mut id = 0;
                while let Some(ty) = self.field(&mut id)? {
                    self.skip(ty, depth + 1)?;
                }
                Some(())
            }
            // A footer has no maps.
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn bytes(&mut self, len: usize) -> Option<()> {
        self.rest = self.rest.get(len..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}
