//! Input files: that they stay what they were, and what bytes they hold when everything they are packed in is taken off.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use super::archive::Member;
use super::encoding::{Decoded, Encoding, Known, SAMPLE};
use super::error::{Place, Problem, SourceError};
use super::meter::Meter;
use super::packing::{Bound, Compression, MAGIC_BYTES, Packing, Refused};
use super::plain::Plain;
use super::reader::{Reader, Text};
use super::spool::{self, SpoolError};
use super::text::BOM;

/// A file of an input: one that lies on the disk, one in an archive, or a copy of what came in by standard input.
#[derive(Debug)]
pub(crate) struct Input {
    /// The name for people: `data.csv.gz`, `data.zip!part/1.csv`, or `-`.
    pub(crate) path: Arc<Path>,
    /// Its place in the order of files, from 0.
    pub(crate) number: usize,
    container: Arc<Container>,
    member: Option<Member>,
    access: Arc<Access>,
    packing: OnceLock<Packing>,
    /// Its encoding if it is text, and how that is known.
    encoding: OnceLock<(Encoding, Known)>,
    /// A copy of what a compressed file expands to, once somebody wanted to read it from anywhere.
    expanded: Mutex<Option<Plain>>,
}

/// The file that an input is, or lies in.
#[derive(Debug)]
pub(crate) struct Container {
    path: Arc<Path>,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    /// On the disk, where others may change it.
    File(Stamp),
    /// In a file that only this process has.
    Copy(Plain),
}

/// How the inputs of one source are opened.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// Counts the bytes that are read.
    pub(crate) meter: Meter,
    /// How far compressed files may expand.
    pub(crate) bound: Bound,
    /// Where temporary files go.
    pub(crate) scratch: PathBuf,
    /// What text files are in, if it is given.
    pub(crate) encoding: Option<Encoding>,
}

/// What the file system says of a file's content without reading it.
///
/// Every pass opens the file anew and compares, before the first byte and after the last. A change within one tick of
/// the file system's clock that keeps the length goes unnoticed; it can make a schema miss the rule of inference, but
/// not a value: conversion refuses what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time of the last change to the inode, which cannot be set back.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

/// How long a file must have been left alone for its stamp to tell it from what it was before: longer than a tick of any
/// file system's clock (FAT has 2 s).
const SETTLED: Duration = Duration::from_secs(3);
/// How much of a file is looked at to tell its format.
const HEAD: usize = 8192;

impl Container {
    /// A file on the disk.
    pub(crate) fn file(path: &Path, metadata: &Metadata) -> Arc<Self> {
        Arc::new(Self { path: path.into(), kept: Kept::File(Stamp::new(metadata)) })
    }

    /// A copy that only this process has.
    pub(crate) fn copy(name: &Path, copy: Plain) -> Arc<Self> {
        Arc::new(Self { path: name.into(), kept: Kept::Copy(copy) })
    }

    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        match &self.kept {
            Kept::File(stamp) => stamp.len,
            Kept::Copy(copy) => copy.len(),
        }
    }

    /// What tells this content from any other without reading it; `None` of a copy, and of a file that changed so
    /// shortly before `now` that another change could have left the same stamp.
    fn fingerprint(&self, now: SystemTime) -> Option<String> {
        let Kept::File(stamp) = &self.kept else { return None };
        let is_settled = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age >= SETTLED);
        let modified = stamp.modified.filter(|&modified| is_settled(modified))?;
        #[cfg(unix)]
        {
            let (.., seconds, nanos) = stamp.inode;
            let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?);
            is_settled(SystemTime::UNIX_EPOCH.checked_add(since)?).then_some(())?;
            Some(format!("{:?} {} {modified:?} {:?}", self.path, stamp.len, stamp.inode))
        }
        // Elsewhere a time of modification can be set back without a trace.
        #[cfg(not(unix))]
        None
    }

    /// Opens it, if it is still the same.
    pub(crate) fn open(&self, meter: &Meter) -> Result<Plain, SourceError> {
        match &self.kept {
            Kept::Copy(copy) => Ok(copy.metered(meter)),
            Kept::File(stamp) => {
                let file = File::open(&self.path).map_err(|source| io_error("open", &self.path, source))?;
                self.check(&file)?;
                Ok(Plain::new(file, stamp.len, meter.clone()))
            }
        }
    }

    /// Checks that an open file is as it was.
    fn check(&self, file: &File) -> Result<(), SourceError> {
        let Kept::File(stamp) = &self.kept else { return Ok(()) };
        let metadata = file.metadata().map_err(|source| io_error("read", &self.path, source))?;
        if Stamp::new(&metadata) == *stamp { Ok(()) } else { Err(fault(&self.path, Problem::Changed)) }
    }
}

impl Input {
    pub(crate) fn new(container: Arc<Container>, member: Option<Member>, number: usize, access: Arc<Access>) -> Self {
        let path = match &member {
            None => Arc::clone(&container.path),
            Some(member) => {
                let mut path = container.path.as_os_str().to_owned();
                path.push("!");
                path.push(&member.name);
                PathBuf::from(path).into()
            }
        };
        let (packing, encoding, expanded) = (OnceLock::new(), OnceLock::new(), Mutex::new(None));
        Self { path, number, container, member, access, packing, encoding, expanded }
    }

    /// What tells this content from any other without reading it, if anything does.
    pub(crate) fn fingerprint(&self, now: SystemTime) -> Option<String> {
        let member = self.member.as_ref().map(|member| member.name.as_str()).unwrap_or_default();
        Some(format!("{} {member:?}", self.container.fingerprint(now)?))
    }

    /// The bytes of the file, whatever compression or archive they are in.
    pub(crate) fn open(&self) -> Result<Reader, SourceError> {
        let packed = self.container.open(&self.access.meter)?;
        let reader = self.packed(&packed)?;
        match self.packing(&packed)?.compression() {
            None => Ok(reader),
            Some(compression) => self.expand(compression, reader, &packed),
        }
    }

    /// The file's text as UTF-8, for those who read text. Whether it may be in an encoding that can only be guessed is
    /// settled by who opens it first.
    pub(crate) fn text(&self, may_guess: bool) -> Result<Text, SourceError> {
        let reader = self.open()?;
        let (encoding, _) = self.encoding(&reader, may_guess)?;
        Ok(if encoding.is_utf8() { Text::Utf8(reader) } else { Text::Other(Box::new(Decoded::new(reader, encoding))) })
    }

    /// The start of the text, without a byte order mark and up to what cannot be decoded; and whether that is all of it.
    pub(crate) fn text_head(&self, may_guess: bool) -> Result<(String, bool), SourceError> {
        let mut text = self.text(may_guess)?;
        let mut head = Vec::new();
        // What cannot be decoded is an error for whoever reads on.
        let mut is_whole = text.append(&mut head, SAMPLE).is_ok_and(|read| read < SAMPLE);
        if head.starts_with(BOM) && !is_whole {
            // The mark is no part of the text.
            is_whole = text.append(&mut head, BOM.len()).is_ok_and(|read| read < BOM.len());
        }
        let head = head.strip_prefix(BOM).unwrap_or(&head);
        let valid = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        Ok((valid.to_owned(), is_whole && valid.len() == head.len()))
    }

    fn encoding(&self, reader: &Reader, may_guess: bool) -> Result<(Encoding, Known), SourceError> {
        if let Some(known) = self.encoding.get() {
            return Ok(*known);
        }
        let head = match reader.peek(SAMPLE) {
            Some(head) => head,
            None => {
                let mut head = Vec::new();
                self.open()?.append(&mut head, SAMPLE).map(|_| head)
            }
        };
        let head = head.map_err(|source| self.io("read", source))?;
        let known = match self.access.encoding {
            Some(encoding) => encoding.settled(&head).map(|encoding| (encoding, Known::Told)),
            None => Encoding::detect(&head, head.len() < SAMPLE, may_guess),
        };
        let known = known.map_err(|problem| self.fault(problem))?;
        Ok(*self.encoding.get_or_init(|| known))
    }

    /// How it is compressed, as far as that is known: from when it was first opened.
    pub(crate) fn known_compression(&self) -> Option<Compression> {
        self.packing.get().and_then(|packing| packing.compression())
    }

    /// The encoding, as far as it is known: from when its text was first opened.
    pub(crate) fn known_encoding(&self) -> Option<(Encoding, Known)> {
        self.encoding.get().copied()
    }

    /// Whether it lies in an archive.
    pub(crate) fn is_member(&self) -> bool {
        self.member.is_some()
    }

    /// The bytes of the file as it lies there, out of its archive but not out of its compression.
    pub(crate) fn raw(&self) -> Result<Reader, SourceError> {
        self.packed(&self.container.open(&self.access.meter)?)
    }

    /// The same bytes, to be read from anywhere: compressed ones are copied to a temporary file first.
    pub(crate) fn plain(&self) -> Result<Plain, SourceError> {
        let packed = self.container.open(&self.access.meter)?;
        let lies_plain = match &self.member {
            None => Some(packed.clone()),
            Some(member) => member.stored(&packed),
        };
        if let Some(plain) = lies_plain
            && self.packing(&packed)?.compression().is_none()
        {
            return Ok(plain);
        }
        // Held while the copy is made, so that it is made once. No code that can panic runs under it.
        let mut expanded = self.expanded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plain) = &*expanded {
            return Ok(plain.clone());
        }
        let mut reader = self.open()?;
        let copy = spool::spool(&mut reader, &self.access.scratch).map_err(|error| self.spool_error(error))?;
        self.container.check(reader.handle())?;
        Ok(expanded.insert(copy).clone())
    }

    /// Checks that the file which a reader or a plain view has open is as it was.
    pub(crate) fn check(&self, handle: &Arc<File>) -> Result<(), SourceError> {
        let expanded = self.expanded.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else has the copy.
        if expanded.as_ref().is_some_and(|copy| Arc::ptr_eq(copy.file(), handle)) {
            return Ok(());
        }
        self.container.check(handle)
    }

    /// The file that it is or lies in, as it was named or found.
    pub(crate) fn file(&self) -> &Arc<Path> {
        &self.container.path
    }

    /// Its name in the archive, if it is in one.
    pub(crate) fn member(&self) -> Option<&str> {
        self.member.as_ref().map(|member| member.name.as_str())
    }

    /// Whether the file has no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.member.as_ref().map_or_else(|| self.container.len() == 0, Member::is_empty)
    }

    /// The first bytes of the file.
    pub(crate) fn head(&self) -> Result<Vec<u8>, SourceError> {
        let mut head = Vec::new();
        self.open()?.append(&mut head, HEAD).map_err(|source| self.io("read", source))?;
        Ok(head)
    }

    /// The name that tells the format: without what it is packed in.
    pub(crate) fn inner_name(&self) -> PathBuf {
        inner_name(self.member.as_ref().map_or(&*self.path, |member| Path::new(&member.name)))
    }

    /// How many bytes it takes on the disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.member.as_ref().map_or_else(|| self.container.len(), Member::packed_bytes)
    }

    /// An error of the system; problems of the file's content that came the same way become what they are.
    pub(crate) fn io(&self, action: &'static str, source: io::Error) -> SourceError {
        match source.downcast::<Refused>() {
            Ok(Refused(problem)) => self.fault(problem),
            Err(source) => io_error(action, &self.path, source),
        }
    }

    /// An error about the file as a whole.
    pub(crate) fn fault(&self, problem: Problem) -> SourceError {
        fault(&self.path, problem)
    }

    /// The bytes as they are, out of their archive.
    fn packed(&self, packed: &Plain) -> Result<Reader, SourceError> {
        match &self.member {
            None if matches!(self.container.kept, Kept::File(_)) => Ok(Reader::whole(packed)),
            None => Ok(Reader::stream(Box::new(packed.cursor()), packed)),
            Some(member) => {
                let stream = member.open(packed, self.access.bound).map_err(|source| self.io("read", source))?;
                Ok(Reader::stream(stream, packed))
            }
        }
    }

    /// The same, without moving the place up to which the file has been read.
    fn probe(&self, packed: &Plain) -> Result<Reader, SourceError> {
        match &self.member {
            None => Ok(Reader::stream(Box::new(packed.metered(&Meter::default()).cursor()), packed)),
            Some(_) => self.packed(&packed.metered(&Meter::default())),
        }
    }

    /// Told by the first bytes, once.
    fn packing(&self, packed: &Plain) -> Result<Packing, SourceError> {
        if let Some(packing) = self.packing.get() {
            return Ok(*packing);
        }
        let head = match &self.member {
            None => packed.head(MAGIC_BYTES).map_err(|source| self.io("read", source))?,
            Some(_) => self.first_bytes(self.probe(packed)?)?,
        };
        let packing = Packing::of(&head);
        match packing {
            Packing::Plain => {}
            Packing::Compressed(compression) => {
                let inner = self.expand(compression, self.probe(packed)?, packed)?;
                if Packing::of(&self.first_bytes(inner)?) != Packing::Plain {
                    return Err(self.fault(Problem::Packed { found: "a file packed more than once" }));
                }
            }
            Packing::Zip if self.member.is_some() => {
                return Err(self.fault(Problem::Packed { found: "an archive inside of an archive" }));
            }
            Packing::Zip => {
                return Err(
                    self.fault(Problem::Packed { found: "a ZIP archive under a name that does not end in .zip" })
                );
            }
            Packing::Other(found) => return Err(self.fault(Problem::Packed { found })),
        }
        Ok(*self.packing.get_or_init(|| packing))
    }

    fn first_bytes(&self, mut reader: Reader) -> Result<Vec<u8>, SourceError> {
        let mut head = Vec::new();
        reader.append(&mut head, MAGIC_BYTES).map_err(|source| self.io("read", source))?;
        Ok(head)
    }

    fn expand(&self, compression: Compression, reader: Reader, packed: &Plain) -> Result<Reader, SourceError> {
        let stream = compression.expand(reader, self.access.bound).map_err(|source| self.io("read", source))?;
        Ok(Reader::stream(stream, packed))
    }

    fn spool_error(&self, error: SpoolError) -> SourceError {
        match error {
            SpoolError::Read(source) => self.io("read", source),
            SpoolError::Write(source) => io_error("write a copy of the input in", &self.access.scratch, source),
        }
    }
}

impl Stamp {
    fn new(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file's name without the extension of its compression: `data.csv` of `data.csv.gz`.
pub(crate) fn inner_name(path: &Path) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("gz" | "gzip" | "zst" | "zstd" | "bz2") => path.with_extension(""),
        _ => path.to_owned(),
    }
}

pub(crate) fn fault(path: &Arc<Path>, problem: Problem) -> SourceError {
    SourceError::at(Place::file(Arc::clone(path)), problem)
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> SourceError {
    SourceError::Io { action, path: path.to_owned(), source }
}
