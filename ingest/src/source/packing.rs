//! Compression: told by the first bytes, taken off as a stream, and bounded.
//!
//! gzip files of several members, zstd files of several frames and bzip2 files of several streams are one text after the
//! other, as their own tools have it. Whatever else follows a stream is an error, and so is a stream that ends early.
//!
//! Memory does not grow with what a file expands to, because nobody here holds more than a block of it. Time and disk
//! would, so a file may not expand without end: see [`Bound`].

use std::io::{self, BufReader, Read};

use super::error::Problem;
use super::meter::Meter;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 8878, one frame or several.
    Zstd,
    /// One stream or several.
    Bzip2,
    /// RFC 1951 without a frame, as in ZIP archives.
    Deflate,
}

/// What the first bytes of a file show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Nothing that would have to be taken off.
    Plain,
    /// A compressed stream.
    Compressed(Compression),
    /// A ZIP archive.
    Zip,
    /// Something that is not read here, by name.
    Other(&'static str),
}

/// How many bytes a compressed file may expand to.
///
/// Unless a number is given, a file may always expand to 1 GiB, and beyond that to 1,000 times the bytes read of it so far:
/// tables rarely shrink to a hundredth, and bombs that work grow by more.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bound(pub(crate) Option<u64>);

/// How many bytes tell a packing; a tar archive has its magic at the end of them.
pub(crate) const MAGIC_BYTES: usize = 262;

const FREE_BYTES: u64 = 1 << 30;
const MOST_TIMES: u64 = 1000;
/// The largest window of a zstd frame: 128 MiB, which is what the `zstd` tool takes unless told otherwise.
const WINDOW_LOG: u32 = 27;
const BUFFER: usize = 64 << 10;

impl Compression {
    /// The name by which it is known.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Deflate => "deflate",
        }
    }

    /// Takes it off `packed`.
    pub(crate) fn expand(self, packed: impl Read + Send + 'static, bound: Bound) -> io::Result<Box<dyn Read + Send>> {
        let taken = Meter::default();
        let packed = BufReader::with_capacity(BUFFER, Counted { inner: packed, meter: taken.clone() });
        let inner: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
            Self::Deflate => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
        };
        Ok(Box::new(Expanding { inner, compression: self, taken, given: 0, bound }))
    }
}

impl Packing {
    /// The compression, if there is one.
    pub(crate) fn compression(self) -> Option<Compression> {
        match self {
            Self::Compressed(compression) => Some(compression),
            _ => None,
        }
    }

    /// What a file is that starts with `head`.
    pub(crate) fn of(head: &[u8]) -> Self {
        let is_zstd_skippable = matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
        match head {
            [0x1f, 0x8b, 0x08, ..] => Self::Compressed(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Compressed(Compression::Zstd),
            _ if is_zstd_skippable => Self::Compressed(Compression::Zstd),
            // A block or the end of the stream has to follow, or a text that starts with BZh would do.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
                Self::Compressed(Compression::Bzip2)
            }
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Other("an xz file"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Other("an lz4 file"),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Self::Other("a 7z archive"),
            [0x1f, 0x9d, ..] => Self::Other("a file of compress"),
            [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => Self::Other("a rar archive"),
            _ if head.get(257..262) == Some(b"ustar") => Self::Other("a tar archive"),
            _ => Self::Plain,
        }
    }
}

/// A problem on its way through [`Read`], whose errors are the operating system's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) Problem);

impl Refused {
    pub(crate) fn error(problem: Problem) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Self(problem))
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.add(read);
        Ok(read)
    }
}

/// What comes out of a decoder, up to the bound.
struct Expanding {
    inner: Box<dyn Read + Send>,
    compression: Compression,
    taken: Meter,
    given: u64,
    bound: Bound,
}

impl Expanding {
    /// The decoders' errors become problems of the file; those of the system, and problems below, stay what they are.
    fn damaged(&self, error: io::Error) -> io::Error {
        let is_ours = error.get_ref().is_some_and(|inner| inner.is::<Refused>());
        if is_ours || error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends early".to_owned(),
            _ => error.to_string(),
        };
        Refused::error(Problem::Compressed { compression: self.compression.name(), why })
    }
}

impl Read for Expanding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|error| self.damaged(error))?;
        self.given += read as u64;
        let limit = self.bound.limit(self.taken.bytes());
        if self.given > limit { Err(Refused::error(Problem::Expands { limit })) } else { Ok(read) }
    }
}

impl Bound {
    /// Most bytes that so many compressed ones may become.
    pub(crate) fn limit(self, packed: u64) -> u64 {
        self.0.unwrap_or_else(|| packed.saturating_mul(MOST_TIMES).max(FREE_BYTES))
    }
}
