//! The footer of an Arrow file: its schema, and where dictionaries and record batches stand.

use std::io::{Read, Seek, SeekFrom};

use arrow_ipc::{MessageHeader, root_as_footer};
use arrow_schema::SchemaRef;

use super::message::{Broken, Message, bounded, exactly};
use super::{ArrowProblem, schema_of};
use crate::source::plain::Cursor;

/// What an Arrow file starts and ends with.
pub(super) const MAGIC: &[u8] = b"ARROW1";
/// Bytes before the first message: the magic and two of padding.
const HEAD: u64 = 8;
/// Bytes after the footer: its length and the magic.
const TAIL: u64 = 10;
/// Longest footer: 24 bytes for each of ten million batches.
const MAX_FOOTER: u64 = 256 << 20;

/// The messages of a file, dictionaries first, which may stand behind the batches that need them.
#[derive(Debug)]
pub(super) struct Footer {
    places: std::vec::IntoIter<Location>,
}

#[derive(Debug, Clone, Copy)]
struct Location {
    kind: MessageHeader,
    offset: u64,
    length: u64,
}

impl Footer {
    /// Reads the footer and checks that all messages are before it, and together no longer than the file: a footer
    /// that names one batch a million times is refused.
    pub(super) fn read(file: &mut Cursor) -> Result<(SchemaRef, Self), Broken> {
        let len = file.seek(SeekFrom::End(0))?;
        let tail = file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
        let tail_bytes = exactly(file, "the end of the file", TAIL)?;
        let (length, magic) = tail_bytes.split_first_chunk().ok_or(ArrowProblem::Expected { expected: "a footer" })?;
        if magic != MAGIC {
            return Err(ArrowProblem::Expected { expected: "ARROW1 at the end of the file" }.into());
        }
        let limit = MAX_FOOTER.min(tail.saturating_sub(HEAD));
        let length = bounded("the footer", i32::from_le_bytes(*length).into(), limit)?;
        let start = file.seek(SeekFrom::Start(tail - length))?;
        let bytes = exactly(file, "the footer", length)?;
        let footer = root_as_footer(&bytes).map_err(|_| ArrowProblem::Expected { expected: "a footer" })?;
        let schema = schema_of(footer.schema().ok_or(ArrowProblem::Expected { expected: "a schema" })?)?;
        let dictionaries = footer.dictionaries().into_iter().flatten().map(|b| (MessageHeader::DictionaryBatch, b));
        let batches = footer.recordBatches().into_iter().flatten().map(|b| (MessageHeader::RecordBatch, b));
        let (mut places, mut left) = (Vec::new(), start - HEAD);
        for (kind, block) in dictionaries.chain(batches) {
            let metadata = bounded("a message", block.metaDataLength().into(), left)?;
            let length = metadata + bounded("a message", block.bodyLength(), left - metadata)?;
            let offset = bounded("a message's offset", block.offset(), start - length)?;
            left -= length;
            places.push(Location { kind, offset, length });
        }
        Ok((schema, Self { places: places.into_iter() }))
    }

    /// The next message, which is of the kind and the length that the footer says.
    pub(super) fn next(&mut self, file: &mut Cursor) -> Result<Option<Message>, Broken> {
        let Some(Location { kind, offset, length }) = self.places.next() else { return Ok(None) };
        file.seek(SeekFrom::Start(offset))?;
        let message = Message::read(&mut file.by_ref().take(length))?;
        match message {
            Some(message) if message.kind()? == kind => Ok(Some(message)),
            _ => Err(ArrowProblem::Expected { expected: "what the footer says" }.into()),
        }
    }
}
