//! The file of a chain: its genesis, then its blocks, each beside its hash. It only grows.
//!
//! ```text
//! file    "mira/devchain/v1\n", then the record of the genesis, then one record a block
//! record  length (4 bytes, big-endian), the length's complement (4), the bytes, a block hash (32)
//! ```
//!
//! The record of the genesis has the hash of the first block, whose header follows from it. The complement tells a
//! length that was damaged from a tail that was never written in full: only the second may be cut off.
//!
//! One process has the file, by an exclusive lock, or some read it, by shared ones. What is in the bytes is for others
//! to check.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;

use crate::chain::MAX_TRANSACTION;
use crate::genesis;

const MAGIC: &[u8; 17] = b"mira/devchain/v1\n";
/// The length of a record and its complement.
const FRAME: u64 = 8;
const HASH: u64 = 32;
/// The most bytes of a block: its one transaction, and more than a header and all RLP around them take.
const MAX_BLOCK: usize = MAX_TRANSACTION + 2048;

/// The file of a chain, locked.
#[derive(Debug)]
pub(crate) struct BlockFile {
    file: File,
    path: PathBuf,
    /// Where the next record goes: everything before it is whole, and durable.
    end: u64,
    /// A write that failed halfway left behind what could not be cleaned up.
    broken: bool,
    /// Others read it meanwhile.
    read_only: bool,
}

/// A record, its hash not yet compared with anything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where it begins.
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hash: B256,
}

/// Reads one record after another.
pub(crate) struct Records<'a> {
    reader: BufReader<&'a File>,
    path: &'a Path,
    offset: u64,
    end: u64,
}

/// Why the file of a chain cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file system refused.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A chain is not made over a file.
    #[error("{}: there is a file already", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Another process has the chain, or another part of this one.
    #[error("{}: the chain is in use", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file does not begin as a chain does.
    #[error("{}: not the file of a chain", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
    },
    /// The length of a record does not match its complement.
    #[error("{}: byte {offset}: the length of a record is damaged", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
    },
    /// A record that no version writes.
    #[error("{}: byte {offset}: a record of {found} bytes, expected at most {limit}", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// Its length.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// The last record was not written in full; nobody was told of its block.
    #[error("{}: byte {offset}: the last {bytes} bytes are not a whole record", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// How many bytes of it there are.
        bytes: u64,
    },
    /// It was opened to be read.
    #[error("{}: the chain was opened to be read", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// After an earlier failure it is not known what the file holds; opening the chain again finds out.
    #[error("{}: an earlier write failed, so the chain must be opened again", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
}

impl BlockFile {
    /// Makes a file with the record of a genesis. It has its name only when it is whole and durable.
    pub(crate) fn create(path: &Path, genesis: &[u8], hash: B256) -> Result<Self, FileError> {
        if path.exists() {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temp = directory.join(format!(".{name}.{}.new", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temp)
            .map_err(|source| io_error("create", &temp, source))?;
        let made = Self::fill(file, path, &temp, genesis, hash);
        // After this line the file has one name or none; what cannot be removed is a file of an odd name.
        let _ = fs::remove_file(&temp);
        let made = made?;
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| io_error("sync", directory, source))?;
        Ok(made)
    }

    /// Opens a file and locks it; nothing but its first line is read.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        Self::open_as(path, false)
    }

    /// The same to read it, beside others that do, and though it may not be written to.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, FileError> {
        Self::open_as(path, true)
    }

    fn open_as(path: &Path, read_only: bool) -> Result<Self, FileError> {
        let failed = |action, source| io_error(action, path, source);
        let file =
            OpenOptions::new().read(true).write(!read_only).open(path).map_err(|source| failed("open", source))?;
        lock(&file, path, read_only)?;
        let end = file.metadata().map_err(|source| failed("read", source))?.len();
        let mut magic = [0; MAGIC.len()];
        match file.read_exact_at(&mut magic, 0) {
            Ok(()) if magic == *MAGIC => Ok(Self { file, path: path.to_owned(), end, broken: false, read_only }),
            Ok(()) => Err(FileError::Magic { path: path.to_owned() }),
            Err(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Err(FileError::Magic { path: path.to_owned() })
            }
            Err(source) => Err(failed("read", source)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.end
    }

    /// All records, from the genesis on.
    pub(crate) fn records(&self) -> Result<Records<'_>, FileError> {
        let offset = MAGIC.len() as u64;
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(offset)).map_err(|source| io_error("read", &self.path, source))?;
        Ok(Records { reader, path: &self.path, offset, end: self.end })
    }

    /// Appends a record; it is durable when this returns. If it fails, the record is not there, or the file is not
    /// used any more.
    pub(crate) fn append(&mut self, bytes: &[u8], hash: B256) -> Result<(), FileError> {
        if self.read_only {
            return Err(FileError::ReadOnly { path: self.path.clone() });
        }
        if self.broken {
            return Err(FileError::Broken { path: self.path.clone() });
        }
        let record = frame(bytes, hash);
        // A crash during this line leaves a part of the record: a torn tail.
        if let Err(source) = self.file.write_all_at(&record, self.end) {
            self.broken = self.file.set_len(self.end).is_err();
            return Err(io_error("write", &self.path, source));
        }
        // A crash before this line may lose the record. Nobody has been told of its block yet.
        if let Err(source) = self.file.sync_data() {
            // Nobody can say what is on the disk now.
            self.broken = true;
            return Err(io_error("sync", &self.path, source));
        }
        self.end += record.len() as u64;
        Ok(())
    }

    /// Cuts off what comes after the whole records.
    pub(crate) fn cut(&mut self, end: u64) -> Result<(), FileError> {
        self.file
            .set_len(end)
            .and_then(|()| self.file.sync_all())
            .map_err(|source| io_error("cut", &self.path, source))?;
        self.end = end;
        Ok(())
    }

    fn fill(file: File, path: &Path, temp: &Path, genesis: &[u8], hash: B256) -> Result<Self, FileError> {
        // Locked before it has its name, so that nobody else is ever first to have it.
        lock(&file, path, false)?;
        let bytes = [MAGIC.as_slice(), &frame(genesis, hash)].concat();
        file.write_all_at(&bytes, 0).map_err(|source| io_error("write", temp, source))?;
        file.sync_all().map_err(|source| io_error("sync", temp, source))?;
        // Unlike a rename, a link does not replace a file that has come here meanwhile.
        fs::hard_link(temp, path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists { path: path.to_owned() },
            _ => io_error("create", path, source),
        })?;
        Ok(Self { file, path: path.to_owned(), end: bytes.len() as u64, broken: false, read_only: false })
    }
}

impl Records<'_> {
    /// The next record, or nothing where the file ends after the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, FileError> {
        let left = self.end - self.offset;
        if left == 0 {
            return Ok(None);
        }
        let torn = FileError::Torn { path: self.path.to_owned(), offset: self.offset, bytes: left };
        if left < FRAME {
            return Err(torn);
        }
        let length = u32::from_be_bytes(self.read()?);
        let complement = u32::from_be_bytes(self.read()?);
        if length != !complement {
            // A file system may give a file its new length before its new bytes.
            let blank = length == 0 && complement == 0 && self.only_zeroes()?;
            return Err(if blank {
                torn
            } else {
                FileError::Length { path: self.path.to_owned(), offset: self.offset }
            });
        }
        let found = usize::try_from(length).unwrap_or(usize::MAX);
        let limit = if self.offset == MAGIC.len() as u64 { genesis::MAX_LENGTH } else { MAX_BLOCK };
        if found > limit {
            return Err(FileError::TooLong { path: self.path.to_owned(), offset: self.offset, found, limit });
        }
        let whole = FRAME + u64::from(length) + HASH;
        if left < whole {
            return Err(torn);
        }
        let mut bytes = vec![0; found];
        self.reader.read_exact(&mut bytes).map_err(|source| io_error("read", self.path, source))?;
        let hash = B256::from(self.read::<32>()?);
        let offset = self.offset;
        self.offset += whole;
        Ok(Some(Record { offset, bytes, hash }))
    }

    fn read<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|source| io_error("read", self.path, source))?;
        Ok(bytes)
    }

    fn only_zeroes(&mut self) -> Result<bool, FileError> {
        let mut piece = [0; 4096];
        loop {
            match self.reader.read(&mut piece).map_err(|source| io_error("read", self.path, source))? {
                0 => return Ok(true),
                read if piece.iter().take(read).any(|byte| *byte != 0) => return Ok(false),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
impl BlockFile {
    /// From now on no write succeeds.
    pub(crate) fn jam(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }
}

fn lock(file: &File, path: &Path, shared: bool) -> Result<(), FileError> {
    let locked = if shared { file.try_lock_shared() } else { file.try_lock() };
    locked.map_err(|error| match error {
        TryLockError::WouldBlock => FileError::Locked { path: path.to_owned() },
        TryLockError::Error(source) => io_error("lock", path, source),
    })
}

fn frame(bytes: &[u8], hash: B256) -> Vec<u8> {
    // No block and no genesis comes near this length; one that did would be refused when it is read.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), &(!length).to_be_bytes(), bytes, hash.as_slice()].concat()
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::Io { action, path: path.to_owned(), source }
}
