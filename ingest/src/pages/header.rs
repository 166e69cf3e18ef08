//! Headers of pages, in Thrift's compact protocol: what says how much is to come, and nothing else.

use std::io::{self, Read};

/// Longest header of a page: its statistics hold two values of the column.
const MAX_HEADER: u64 = 8 << 20;
/// Deepest nesting in a header, which has two levels and a few more in versions to come.
const MAX_DEPTH: usize = 8;

/// What is read of a page's header, in Thrift's compact protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    kind: u64,
    pub(super) uncompressed: u64,
    pub(super) compressed: u64,
    /// How many values a data page has, nulls and empty lists counted.
    pub(super) values: u64,
}

impl Header {
    const DICTIONARY: u64 = 2;

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let from = &mut from.take(MAX_HEADER);
        let (mut fields, mut values) = ([None; 3], 0);
        let mut id = 0;
        while let Some((field, kind)) = field(from, id)? {
            id = field;
            match usize::try_from(id).ok().and_then(|id| fields.get_mut(id.wrapping_sub(1))) {
                Some(value) if kind == I32 => *value = Some(number(from)?),
                // The header of a data page, of the first version or the second.
                _ if matches!(id, 5 | 8) && kind == STRUCT => values = values_of(from)?,
                _ => skip(from, kind, 0)?,
            }
        }
        match fields {
            [Some(kind), Some(uncompressed), Some(compressed)] => Ok(Self { kind, uncompressed, compressed, values }),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "its kind and its two lengths are not there")),
        }
    }

    pub(super) fn is_dictionary(&self) -> bool {
        self.kind == Self::DICTIONARY
    }
}

/// The first field of a data page's own header.
fn values_of(from: &mut impl Read) -> io::Result<u64> {
    let (mut values, mut id) = (0, 0);
    while let Some((field, kind)) = field(from, id)? {
        id = field;
        if id == 1 && kind == I32 { values = number(from)? } else { skip(from, kind, 1)? }
    }
    Ok(values)
}

// Types of Thrift's compact protocol; booleans are 1 and 2, and have no bytes of their own in a struct.
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

/// The next field's id and type, `None` at the end of the struct.
fn field(from: &mut impl Read, last: i64) -> io::Result<Option<(i64, u8)>> {
    let byte = byte(from)?;
    match (byte >> 4, byte & 0x0f) {
        (0, 0) => Ok(None),
        (0, kind) => Ok(Some((zigzag(varint(from)?), kind))),
        (delta, kind) => Ok(Some((last.saturating_add(i64::from(delta)), kind))),
    }
}

fn skip(from: &mut impl Read, kind: u8, depth: usize) -> io::Result<()> {
    let too_deep = || io::Error::new(io::ErrorKind::InvalidData, "it is nested too deeply");
    if depth == MAX_DEPTH {
        return Err(too_deep());
    }
    match kind {
        1 | 2 => Ok(()),
        BYTE => byte(from).map(drop),
        I16 | I32 | I64 => varint(from).map(drop),
        DOUBLE => skip_bytes(from, 8),
        BINARY => varint(from).and_then(|len| skip_bytes(from, len)),
        LIST | SET => {
            let head = byte(from)?;
            let len = if head >> 4 == 15 { varint(from)? } else { u64::from(head >> 4) };
            // Each item takes a byte at least: in a list booleans do too.
            (0..len).try_for_each(|_| match head & 0x0f {
                1 | 2 => byte(from).map(drop),
                kind => skip(from, kind, depth + 1),
            })
        }
        STRUCT => {
            let mut id = 0;
            while let Some((field, kind)) = field(from, id)? {
                id = field;
                skip(from, kind, depth + 1)?;
            }
            Ok(())
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it has a field of an unknown type")),
    }
}

fn skip_bytes(from: &mut impl Read, len: u64) -> io::Result<()> {
    let copied = io::copy(&mut from.take(len), &mut io::sink())?;
    if copied == len { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// A length or a kind, which is never negative.
fn number(from: &mut impl Read) -> io::Result<u64> {
    u64::try_from(zigzag(varint(from)?)).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a negative number"))
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn varint(from: &mut impl Read) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(from)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a number of more than 64 bits"))
}

fn byte(from: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    let [byte] = byte;
    Ok(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_what_else_they_hold_is_stepped_over() {
        // A data page of 2^31 - 1 bytes in 5, with a checksum, and statistics in its own header.
        let bytes = [
            &[0x15, 0x00, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0x0a, 0x15, 0x01][..],
            &[
                0x1c, 0x15, 0x02, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x1c, 0x18, 0x02, 0xaa, 0xbb, 0x11, 0x00, 0x00,
                0x00,
            ],
        ]
        .concat();
        let mut from = bytes.as_slice();
        let header = Header::read(&mut from).unwrap();
        assert_eq!(header, Header { kind: 0, uncompressed: 0x7fff_ffff, compressed: 5, values: 1 });
        assert!(from.is_empty());
        for end in 0..bytes.len() {
            assert!(Header::read(&mut &bytes[..end]).is_err(), "cut at {end}");
        }
        // A negative length, a field of no type, and structs without end.
        for bad in [&[0x15, 0x00, 0x15, 0x01, 0x15, 0x02, 0x00][..], &[0x1f], &[0x5c; 64], &[0x59, 0xfc, 0xff, 0xff]] {
            assert!(Header::read(&mut &bad[..]).is_err(), "{bad:x?}");
        }
    }
}
