//! The plain bytes of an input, from the first to the last, and its text.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::encoding::Decoded;
use super::plain::Plain;

/// Reads an input once.
pub(crate) struct Reader {
    body: Body,
    /// The file that the bytes are from, to see at the end whether it is still the same.
    handle: Arc<File>,
}

enum Body {
    /// A whole file as it is, which is read without a layer in between.
    File(Plain),
    Stream(Box<dyn Read + Send>),
}

impl Reader {
    /// A file that was just opened, from its start.
    pub(crate) fn whole(plain: &Plain) -> Self {
        Self { body: Body::File(plain.clone()), handle: Arc::clone(plain.file()) }
    }

    /// What is made of some of a file's bytes.
    pub(crate) fn stream(stream: Box<dyn Read + Send>, plain: &Plain) -> Self {
        Self { body: Body::Stream(stream), handle: Arc::clone(plain.file()) }
    }

    pub(crate) fn handle(&self) -> &Arc<File> {
        &self.handle
    }

    /// The first `most` bytes, if they can be had without reading on; they do not count as read.
    pub(crate) fn peek(&self, most: usize) -> Option<io::Result<Vec<u8>>> {
        match &self.body {
            Body::File(plain) => Some(plain.head(most)),
            Body::Stream(_) => None,
        }
    }

    /// Appends up to `most` bytes; fewer only at the end. Those that come before an error are appended too.
    pub(crate) fn append(&mut self, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        match &mut self.body {
            Body::File(plain) => {
                let before = bytes.len();
                let read = (&**plain.file()).take(most as u64).read_to_end(bytes);
                plain.meter().add(bytes.len() - before);
                read
            }
            Body::Stream(stream) => stream.take(most as u64).read_to_end(bytes),
        }
    }
}

/// The text of an input as UTF-8, not yet checked where that is what the file is in.
#[derive(Debug)]
pub(crate) enum Text {
    Utf8(Reader),
    Other(Box<Decoded<Reader>>),
}

impl Text {
    pub(crate) fn handle(&self) -> &Arc<File> {
        match self {
            Self::Utf8(reader) => reader.handle(),
            Self::Other(decoded) => decoded.inner().handle(),
        }
    }

    /// As [`Reader::append`].
    pub(crate) fn append(&mut self, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        match self {
            Self::Utf8(reader) => reader.append(bytes, most),
            Self::Other(decoded) => decoded.by_ref().take(most as u64).read_to_end(bytes),
        }
    }
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Utf8(reader) => reader.read(buffer),
            Self::Other(decoded) => decoded.read(buffer),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::File(plain) => {
                let read = (&**plain.file()).read(buffer)?;
                plain.meter().add(read);
                Ok(read)
            }
            Body::Stream(stream) => stream.read(buffer),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.body {
            Body::File(_) => "File",
            Body::Stream(_) => "Stream",
        })
    }
}
