//! ZIP archives: their members, listed with suspicion and read one at a time.
//!
//! The central directory is what says what an archive holds. It is believed only where nothing can be meant by it but one
//! thing: one end record, at the end of the file; entries that do not overlap; names that are distinct and stay below the
//! archive; regular files that are not encrypted. An archive that fails any of this is refused as a whole.

use std::io::{self, BufReader, Read};
use std::path::Path;

use zip::CompressionMethod;
use zip::read::{ArchiveOffset, Config, ZipArchive};
use zip::result::ZipError;

use super::error::Problem;
use super::packing::{Bound, Compression, Refused};
use super::plain::Plain;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Where its compressed bytes lie in the archive.
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    compression: Option<Compression>,
}

/// Most members of an archive: each takes memory.
const MOST_MEMBERS: u64 = 1 << 18;
/// Longest name.
const LONGEST_NAME: usize = 4096;

/// The files in an archive that are data, in the order of their names' bytes. As in directories, those are left out whose
/// name, or a directory's in it, starts with `.` or `_`.
pub(crate) fn members(archive: &Plain, bound: Bound) -> io::Result<Vec<Member>> {
    check_end(archive)?;
    let reader = BufReader::with_capacity(4096, archive.cursor());
    let mut zip =
        ZipArchive::with_config(Config { archive_offset: ArchiveOffset::Known(0) }, reader).map_err(refused)?;
    if zip.has_duplicate_names() {
        return Err(no_archive("two members have the same name"));
    }
    if zip.has_overlapping_entries().map_err(refused)? {
        return Err(no_archive("members overlap"));
    }
    let mut members = Vec::new();
    for index in 0..zip.len() {
        if let Some(member) = member(&mut zip, index)? {
            members.push(member);
        }
    }
    let (size, limit) =
        (members.iter().map(|member| u128::from(member.size)).sum::<u128>(), bound.limit(archive.len()));
    if size > u128::from(limit) {
        return Err(Refused::error(Problem::Expands { limit }));
    }
    members.retain(|member| !member.name.split('/').any(|part| part.starts_with(['.', '_'])));
    members.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    Ok(members)
}

/// One entry of the directory, or `None` if it is a directory itself.
fn member(zip: &mut ZipArchive<BufReader<super::plain::Cursor>>, index: usize) -> io::Result<Option<Member>> {
    let entry = zip.by_index_raw(index).map_err(refused)?;
    let name = match std::str::from_utf8(entry.name_raw()) {
        Ok(name) => name.to_owned(),
        Err(_) => entry.name().map_err(refused)?.into_owned(),
    };
    check_name(&name)?;
    if entry.is_dir() {
        return Ok(None);
    }
    let failed = |why: &str| no_archive(&format!("member {name:?} {why}"));
    if entry.encrypted() {
        return Err(failed("is encrypted"));
    }
    let file_type = entry.unix_mode().unwrap_or(0) & 0o170_000;
    if entry.is_symlink() || !matches!(file_type, 0 | 0o100_000) {
        return Err(failed("is no regular file but a link or a device"));
    }
    let compression = match entry.compression() {
        CompressionMethod::Stored => None,
        CompressionMethod::Deflated => Some(Compression::Deflate),
        CompressionMethod::Bzip2 => Some(Compression::Bzip2),
        CompressionMethod::Zstd => Some(Compression::Zstd),
        other => return Err(failed(&format!("is compressed by {other}, which is not read here"))),
    };
    let (packed, size, crc) = (entry.compressed_size(), entry.size(), entry.crc32());
    if compression.is_none() && packed != size {
        return Err(failed("has two sizes"));
    }
    let start = entry.data_start().ok_or_else(|| failed("has no data"))?;
    Ok(Some(Member { name, start, packed, size, crc, compression }))
}

impl Member {
    /// Whether it has no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// How many bytes of the archive it takes.
    pub(crate) fn packed_bytes(&self) -> u64 {
        self.packed
    }

    /// Its bytes where they lie, if they are not compressed.
    pub(crate) fn stored(&self, archive: &Plain) -> Option<Plain> {
        if self.compression.is_some() { None } else { archive.part(self.start, self.packed) }
    }

    /// Its bytes. At their end size and checksum are compared with the directory's.
    pub(crate) fn open(&self, archive: &Plain, bound: Bound) -> io::Result<Box<dyn Read + Send>> {
        let part =
            archive.part(self.start, self.packed).ok_or_else(|| no_archive("a member reaches beyond its end"))?;
        let inner: Box<dyn Read + Send> = match self.compression {
            None => Box::new(part.cursor()),
            Some(compression) => compression.expand(part.cursor(), bound)?,
        };
        Ok(Box::new(Whole { inner, left: self.size, crc: flate2::Crc::new(), expected: self.crc }))
    }
}

/// A member while it is read.
struct Whole {
    inner: Box<dyn Read + Send>,
    left: u64,
    crc: flate2::Crc,
    expected: u32,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(no_archive("the member is longer than the directory says"));
        };
        self.left = left;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        match () {
            () if left > 0 => Err(no_archive("the member is shorter than the directory says")),
            () if self.crc.sum() != self.expected => Err(no_archive("the member's checksum is another")),
            () => Ok(0),
        }
    }
}

/// Refuses names that mean something outside of the archive, or nothing.
fn check_name(name: &str) -> io::Result<()> {
    let path = name.strip_suffix('/').unwrap_or(name);
    let is_bad = |part: &str| matches!(part, "" | "." | "..");
    let has_drive =
        path.as_bytes().get(1) == Some(&b':') && path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let why = match () {
        () if name.len() > LONGEST_NAME => return Err(no_archive("a member's name is too long")),
        () if path.starts_with('/') || has_drive => "is an absolute path",
        () if path.contains(['\\', '\0']) => "holds a backslash or a zero byte",
        () if path.split('/').any(is_bad) => "leads out of the archive, or nowhere",
        () => return Ok(()),
    };
    Err(no_archive(&format!("the name {name:?} {why}")))
}

/// Checks that the end record is the only one and ends the file, and that it does not count too many members.
fn check_end(archive: &Plain) -> io::Result<()> {
    const SIGNATURE: &[u8] = b"PK\x05\x06";
    const LEN: usize = 22;
    const LONGEST_COMMENT: usize = 0xffff;
    let tail_len = archive.len().min((LEN + LONGEST_COMMENT + ZIP64_LOCATOR) as u64);
    let tail = bytes_at(archive, archive.len() - tail_len, tail_len)?;
    let mut found = memchr::memmem::find_iter(&tail, SIGNATURE);
    let (at, other) = (found.next(), found.next());
    let record = at.and_then(|at| tail.get(at..)).filter(|record| record.len() >= LEN);
    let (Some(record), Some(at)) = (record, at) else { return Err(no_archive("it has no end record")) };
    let comment = usize::from(u16_at(record, 20));
    if other.is_some() || LEN + comment != record.len() {
        return Err(no_archive("its end record does not end the file, or is not the only one"));
    }
    let count = match u16_at(record, 10) {
        u16::MAX => zip64_count(archive, tail.get(..at).unwrap_or_default())?,
        count => u64::from(count),
    };
    if count > MOST_MEMBERS {
        return Err(no_archive(&format!("it says it has {count} members, and more than {MOST_MEMBERS} are not read")));
    }
    Ok(())
}

/// Bytes of the record that says where the 64-bit end record is; it stands right before the other one.
const ZIP64_LOCATOR: usize = 20;

fn zip64_count(archive: &Plain, before: &[u8]) -> io::Result<u64> {
    const RECORD: u64 = 56;
    let locator = before.len().checked_sub(ZIP64_LOCATOR).and_then(|at| before.get(at..));
    let Some(locator) = locator.filter(|locator| locator.starts_with(b"PK\x06\x07")) else {
        return Ok(u16::MAX.into());
    };
    let record = bytes_at(archive, u64_at(locator, 8), RECORD)?;
    if !record.starts_with(b"PK\x06\x06") {
        return Err(no_archive("its 64-bit end record is not where it should be"));
    }
    Ok(u64_at(&record, 32))
}

fn bytes_at(archive: &Plain, at: u64, len: u64) -> io::Result<Vec<u8>> {
    let part = archive.part(at, len).ok_or_else(|| no_archive("a record reaches beyond its end"))?;
    part.head(usize::try_from(len).unwrap_or(0))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Whether a file's name says that it is an archive.
pub(crate) fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

fn no_archive(why: &str) -> io::Error {
    Refused::error(Problem::Archive { why: why.to_owned() })
}

fn refused(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => error,
        other => no_archive(&other.to_string()),
    }
}
