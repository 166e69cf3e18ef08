//! How much memory a row group asks for, before any is taken.
//!
//! A page's header says how long the page is once it is decompressed, and the Parquet library makes that much room,
//! up to 2 GiB, whatever the footer promised. A few hundred kilobytes can so ask for all the memory there is: [`check`]
//! steps over the pages, header by header, as the library will, and refuses what is out of proportion. It reads a few
//! kilobytes for each page of about a megabyte.
//!
//! A long value in a dictionary takes a few bits each time that it is used, and all of its bytes in an array, so the
//! longest one bounds the rows of a batch. What is not bounded here: how many items the lists of one batch have.

use std::io::{self, Read};
use std::sync::Arc;

use parquet::basic::{Compression, Type};
use parquet::column::page::{Page, PageReader as _};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

/// What the pages of a row group that are in memory at once may take, however small the file is.
const ROOM: u64 = 256 << 20;
/// What they may take beyond that for each byte of the row group in the file.
const EXPANSION: u64 = 16;
/// What the longest values of dictionaries may take in one batch.
const BATCH_BYTES: usize = 256 << 20;
/// Longest header of a page: its statistics hold two values of the column.
const MAX_HEADER: u64 = 8 << 20;
/// Deepest nesting in a header, which has two levels and a few more in versions to come.
const MAX_DEPTH: usize = 8;

/// Refuses a row group whose pages take too much memory, or whose headers do not follow one another. Returns how many
/// of its rows may be in one batch: `rows`, or fewer, but one at least.
pub(crate) fn check<R: ChunkReader + 'static>(
    file: &Arc<R>,
    group: &RowGroupMetaData,
    rows: usize,
) -> Result<usize, ParquetError> {
    let (mut memory, mut stored) = (0_u64, 0_u64);
    let mut with_dictionary = Vec::new();
    for column in group.columns() {
        let kept = Kept::of(file.as_ref(), column)?;
        memory = memory.saturating_add(kept.dictionary).saturating_add(kept.page);
        stored = stored.saturating_add(kept.stored);
        // Where even a batch full of it is small, no value of the dictionary is looked at.
        let most = usize::try_from(kept.dictionary).unwrap_or(usize::MAX).saturating_mul(rows);
        if column.column_type() == Type::BYTE_ARRAY && most > BATCH_BYTES / 16 {
            with_dictionary.push(column);
        }
    }
    let allowed = ROOM.saturating_add(stored.saturating_mul(EXPANSION));
    if memory > allowed {
        return Err(refused(format!(
            "a row group of {stored} bytes has pages that say they take {memory} bytes of memory, at most {allowed} are \
             allowed"
        )));
    }
    let mut longest = 0_usize;
    for column in with_dictionary {
        longest = longest.saturating_add(longest_value(file, column)?);
    }
    Ok(rows.min(BATCH_BYTES / longest.max(1)).max(1))
}

/// What of a column is in memory at once, uncompressed, and how much it takes in the file.
struct Kept {
    dictionary: u64,
    /// The largest other page.
    page: u64,
    stored: u64,
}

impl Kept {
    fn of(file: &impl ChunkReader, column: &ColumnChunkMetaData) -> Result<Self, ParquetError> {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let (Ok(start), Ok(stored)) = (u64::try_from(start), u64::try_from(column.compressed_size())) else {
            return Err(refused("a column has a negative length or place".to_owned()));
        };
        let mut kept = Self { dictionary: 0, page: 0, stored };
        let mut at = 0_u64;
        while at < stored {
            let mut counted = Counted { file: file.get_read(start.saturating_add(at))?, read: 0 };
            let header = Header::read(&mut counted);
            let header = header.map_err(|error| refused(format!("the header of a page cannot be read: {error}")))?;
            at = at.saturating_add(counted.read).saturating_add(header.compressed);
            if at > stored {
                return Err(refused("a page ends beyond its column".to_owned()));
            }
            // Without compression the library keeps the bytes as they are.
            let plain = column.compression() == Compression::UNCOMPRESSED;
            let memory = if plain { header.compressed } else { header.uncompressed };
            let most = if header.kind == Header::DICTIONARY { &mut kept.dictionary } else { &mut kept.page };
            *most = memory.max(*most);
        }
        Ok(kept)
    }
}

/// The length of the longest value in a column's dictionary.
fn longest_value<R: ChunkReader + 'static>(file: &Arc<R>, column: &ColumnChunkMetaData) -> Result<usize, ParquetError> {
    let mut pages = SerializedPageReader::new(Arc::clone(file), column, 0, None)?;
    let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? else { return Ok(0) };
    let (mut longest, mut rest) = (0, buf.as_ref());
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        longest = longest.max(len.min(after.len()));
        rest = after.get(len..).unwrap_or_default();
    }
    Ok(longest)
}

/// What is read of a page's header, in Thrift's compact protocol.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    kind: u64,
    uncompressed: u64,
    compressed: u64,
}

impl Header {
    const DICTIONARY: u64 = 2;

    fn read(from: &mut impl Read) -> io::Result<Self> {
        let from = &mut from.take(MAX_HEADER);
        let mut fields = [None; 3];
        let mut id = 0;
        while let Some((field, kind)) = field(from, id)? {
            id = field;
            match usize::try_from(id).ok().and_then(|id| fields.get_mut(id.wrapping_sub(1))) {
                Some(value) if kind == I32 => *value = Some(number(from)?),
                _ => skip(from, kind, 0)?,
            }
        }
        match fields {
            [Some(kind), Some(uncompressed), Some(compressed)] => Ok(Self { kind, uncompressed, compressed }),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "its kind and its two lengths are not there")),
        }
    }
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

/// Counts what is read.
struct Counted<R> {
    file: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.read += read as u64;
        Ok(read)
    }
}

fn refused(message: String) -> ParquetError {
    ParquetError::General(message)
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
        let mut from = Counted { file: bytes.as_slice(), read: 0 };
        let header = Header::read(&mut from).unwrap();
        assert_eq!(header, Header { kind: 0, uncompressed: 0x7fff_ffff, compressed: 5 });
        assert_eq!(from.read, bytes.len() as u64);
        for end in 0..bytes.len() {
            assert!(Header::read(&mut &bytes[..end]).is_err(), "cut at {end}");
        }
        // A negative length, a field of no type, and structs without end.
        for bad in [&[0x15, 0x00, 0x15, 0x01, 0x15, 0x02, 0x00][..], &[0x1f], &[0x5c; 64], &[0x59, 0xfc, 0xff, 0xff]] {
            assert!(Header::read(&mut &bad[..]).is_err(), "{bad:x?}");
        }
    }
}
