//! The plain bytes of an input, from the first to the last.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::meter::Meter;
use super::plain::Plain;

/// Reads an input once.
pub(crate) struct Reader {
    body: Body,
    /// The file that the bytes are from, to see at the end whether it is still the same.
    handle: Arc<File>,
}

enum Body {
    /// A whole file as it is, which is read without a layer in between.
    File(Arc<File>, Meter),
    Stream(Box<dyn Read + Send>),
}

impl Reader {
    /// A file that was just opened, from its start.
    pub(crate) fn whole(plain: &Plain) -> Self {
        Self { body: Body::File(Arc::clone(plain.file()), plain.meter().clone()), handle: Arc::clone(plain.file()) }
    }

    /// What is made of some of a file's bytes.
    pub(crate) fn stream(stream: Box<dyn Read + Send>, plain: &Plain) -> Self {
        Self { body: Body::Stream(stream), handle: Arc::clone(plain.file()) }
    }

    pub(crate) fn handle(&self) -> &Arc<File> {
        &self.handle
    }

    /// Appends up to `most` bytes; fewer only at the end. Those that come before an error are appended too.
    pub(crate) fn append(&mut self, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        match &mut self.body {
            Body::File(file, meter) => {
                let before = bytes.len();
                let read = (&**file).take(most as u64).read_to_end(bytes);
                meter.add(bytes.len() - before);
                read
            }
            Body::Stream(stream) => stream.take(most as u64).read_to_end(bytes),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::File(file, meter) => {
                let read = (&**file).read(buffer)?;
                meter.add(read);
                Ok(read)
            }
            Body::Stream(stream) => stream.read(buffer),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.body {
            Body::File(..) => "File",
            Body::Stream(_) => "Stream",
        })
    }
}
