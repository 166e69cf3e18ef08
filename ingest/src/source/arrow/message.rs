//! Messages of Arrow IPC, taken out of a file with every length checked before memory is taken for it.

use std::io::{self, Read};

use arrow_buffer::Buffer;
use arrow_ipc::{Message as Header, MessageHeader, root_as_message};

use super::ArrowProblem;
use crate::source::error::SourceError;

/// One message: what it says, and the bytes it is about.
#[derive(Debug)]
pub(super) struct Message {
    metadata: Vec<u8>,
    pub(super) body: Buffer,
}

/// Why there is no message.
#[derive(Debug)]
pub(super) enum Broken {
    Io(io::Error),
    /// The file could not be opened.
    Source(SourceError),
    Arrow(ArrowProblem),
}

/// Longest metadata of a message: a record batch of as many types as a schema may have takes 5 MB, a schema with notes
/// of other programs somewhat more.
const MAX_METADATA: u64 = 64 << 20;
/// Longest body, and most bytes of one after decompression: it is in memory as a whole.
pub(super) const MAX_BODY: u64 = 2 << 30;
/// Memory taken for a body before its bytes are there.
const RESERVE: u64 = 16 << 20;

const CONTINUATION: [u8; 4] = [0xff; 4];

impl Message {
    /// The next message; nothing at the end of the stream or the file.
    pub(super) fn read(from: &mut impl Read) -> Result<Option<Self>, Broken> {
        let Some(mut length) = word(from)? else { return Ok(None) };
        // Before version 0.15 of Arrow, the length stood there at once.
        if length == CONTINUATION {
            length = word(from)?.ok_or(ArrowProblem::Short { what: "a message", declared: 8, found: 4 })?;
        }
        let length = i32::from_le_bytes(length);
        if length == 0 {
            return Ok(None);
        }
        let length = bounded("the metadata of a message", length.into(), MAX_METADATA)?;
        let metadata = exactly(from, "the metadata of a message", length)?;
        let body = header(&metadata)?.bodyLength();
        let body = exactly(from, "the body of a message", bounded("the body of a message", body, MAX_BODY)?)?;
        Ok(Some(Self { metadata, body: Buffer::from_vec(body) }))
    }

    /// What it says. It was verified when it was read.
    pub(super) fn header(&self) -> Result<Header<'_>, ArrowProblem> {
        header(&self.metadata)
    }

    /// What kind of message it is.
    pub(super) fn kind(&self) -> Result<MessageHeader, ArrowProblem> {
        Ok(self.header()?.header_type())
    }
}

fn header(metadata: &[u8]) -> Result<Header<'_>, ArrowProblem> {
    root_as_message(metadata).map_err(|_| ArrowProblem::Expected { expected: "a message" })
}

/// A declared length within its bound.
pub(super) fn bounded(what: &'static str, declared: i64, limit: u64) -> Result<u64, ArrowProblem> {
    match u64::try_from(declared) {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(ArrowProblem::Length { what, declared, limit }),
    }
}

/// Four bytes, or nothing at the end of the file.
fn word(from: &mut impl Read) -> Result<Option<[u8; 4]>, Broken> {
    let mut word = Vec::with_capacity(4);
    from.take(4).read_to_end(&mut word)?;
    match <[u8; 4]>::try_from(word.as_slice()) {
        Ok(word) => Ok(Some(word)),
        Err(_) if word.is_empty() => Ok(None),
        Err(_) => Err(ArrowProblem::Short { what: "a message", declared: 4, found: word.len() as u64 }.into()),
    }
}

/// As many bytes as were declared; a file that has fewer takes no more memory than twice what it has.
pub(super) fn exactly(from: &mut impl Read, what: &'static str, declared: u64) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::with_capacity(usize::try_from(declared.min(RESERVE)).unwrap_or(0));
    let found = from.take(declared).read_to_end(&mut bytes)? as u64;
    if found < declared {
        return Err(ArrowProblem::Short { what, declared, found }.into());
    }
    Ok(bytes)
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SourceError> for Broken {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<ArrowProblem> for Broken {
    fn from(problem: ArrowProblem) -> Self {
        Self::Arrow(problem)
    }
}
