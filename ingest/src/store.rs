//! Files on the local disk, named by their CIDs and checked on every read.
//!
//! ```text
//! objects/9f/bafk…    a file's bytes; 9f is the first byte of the CID's digest
//! chunks/03/03ab…-77…  the CID of the file of a chunk: its leaf, its physical schema's digest
//! leaves/03/03ab…     what is kept of a chunk whose rows were removed: the leaf of each row
//! partial/bafy…       a file being fetched, of which a part is here
//! tmp/                files being written
//! ```
//!
//! There is no journal and none is needed: a name under `objects/` appears when its file is complete and durable, and
//! is never written to again. The index under `chunks/` is a cache; losing any of it costs a rewrite of a chunk that is
//! stored already.

mod leaves;
mod partial;

use std::collections::BTreeSet;
use std::fs::{self, File as FsFile, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use mira_core::cid::Cid;
use mira_core::digest::{ChunkLeaf, Digest};
use mira_core::unixfs::{Discard, File, FileBuilder, FileError};

use crate::chunk::MAX_FILE;

pub use leaves::LeavesError;
pub use partial::Partial;

/// A directory of content-addressed files.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What a chunk's file is a function of, within a writer profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkKey {
    /// The leaf of its leaf data: which rows, under which schema.
    pub leaf: ChunkLeaf,
    /// The digest of its physical schema.
    pub physical: Digest,
}

/// A file that was being written when its process ended, or still is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// The number of the process that wrote it.
    pub process: u32,
    /// How long ago it was last written to.
    pub age: Duration,
    /// Its length.
    pub bytes: u64,
}

/// Keeps the files of chunks. [`Store`] is the real one; [`Unstored`] names them and keeps nothing.
pub trait ChunkStore: Sync {
    /// The file that the index names for a chunk, intact, and its bytes. Whether its rows are the chunk's is for the
    /// caller to see: the index is only a cache, and may name another chunk's file.
    fn kept(&self, key: &ChunkKey) -> Result<Option<(File, Vec<u8>)>, StoreError>;

    /// Keeps a chunk's file, durably when this returns.
    fn keep(&self, key: &ChunkKey, bytes: &[u8]) -> Result<File, StoreError>;
}

/// Why a file could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
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
    /// There is no such file in the store.
    #[error("{cid} is not in the store")]
    Missing {
        /// Its CID.
        cid: Cid,
    },
    /// The bytes are not those that the CID names.
    #[error("{}: the bytes have CID {found}, expected {expected}", path.display())]
    Corrupt {
        /// The CID that the file stands for.
        expected: Cid,
        /// The CID of what it holds.
        found: Cid,
        /// The damaged file.
        path: PathBuf,
    },
    /// The file is longer than the caller is ready to hold.
    #[error("{cid} has {found} bytes, expected at most {limit}")]
    TooLong {
        /// Its CID.
        cid: Cid,
        /// Its length.
        found: u64,
        /// The most the caller takes.
        limit: u64,
    },
    /// Another process is fetching this file into the store.
    #[error("{cid} is being fetched by another process")]
    Busy {
        /// Its CID.
        cid: Cid,
    },
    /// A file whose tree's sizes do not fit 64 bits.
    #[error("the file has no CID")]
    Cid(#[from] FileError<std::convert::Infallible>),
}

impl Store {
    /// Opens a store in `root`, and makes it if it is not there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        for name in [OBJECTS, CHUNKS, TMP] {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(|source| io_error("create", &path, source))?;
        }
        Ok(Self { root })
    }

    /// Stores bytes, durably when this returns. Storing them again changes nothing, or repairs a damaged file.
    pub fn put(&self, bytes: &[u8]) -> Result<File, StoreError> {
        let file = file_of(bytes)?;
        match self.verify(&file.cid, |_| ()) {
            Ok(_) => return Ok(file),
            Err(StoreError::Missing { .. } | StoreError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
        self.write(&self.object(&file.cid), bytes, Durability::Synced)?;
        Ok(file)
    }

    /// Reads a file of at most `limit` bytes and checks it.
    pub fn get(&self, cid: &Cid, limit: u64) -> Result<Vec<u8>, StoreError> {
        self.whole(cid, limit).map(|(_, bytes)| bytes)
    }

    fn whole(&self, cid: &Cid, limit: u64) -> Result<(File, Vec<u8>), StoreError> {
        let found = self.size(cid)?.ok_or(StoreError::Missing { cid: *cid })?;
        if found > limit {
            return Err(StoreError::TooLong { cid: *cid, found, limit });
        }
        // The length is known and within what the caller takes; a file that grows meanwhile is cut off and then
        // does not verify.
        let mut bytes = Vec::with_capacity(usize::try_from(found).unwrap_or(0));
        let file = self.read(cid, found, |part| bytes.extend_from_slice(part))?;
        Ok((file, bytes))
    }

    /// Reads a file of any length, a piece at a time, and checks it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] only after the last piece: what `take` got until then was not yet checked.
    pub fn verify(&self, cid: &Cid, take: impl FnMut(&[u8])) -> Result<File, StoreError> {
        self.read(cid, u64::MAX, take)
    }

    /// Opens a file for reading. Its bytes are not checked: who reads them compares them with the CID.
    pub fn reader(&self, cid: &Cid) -> Result<impl Read + Seek + use<>, StoreError> {
        let path = self.object(cid);
        FsFile::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { cid: *cid },
            _ => io_error("read", &path, source),
        })
    }

    /// Whether the store has a file of this CID; its bytes are not looked at.
    pub fn has(&self, cid: &Cid) -> Result<bool, StoreError> {
        Ok(self.size(cid)?.is_some())
    }

    /// Length of a stored file in bytes; its bytes are not looked at.
    pub fn size(&self, cid: &Cid) -> Result<Option<u64>, StoreError> {
        let path = self.object(cid);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read", &path, source)),
        }
    }

    /// Length of a stored file in bytes, and when it was last written to; its bytes are not looked at.
    pub fn written(&self, cid: &Cid) -> Result<Option<(u64, SystemTime)>, StoreError> {
        let path = self.object(cid);
        match fs::metadata(&path).and_then(|metadata| Ok((metadata.len(), metadata.modified()?))) {
            Ok(written) => Ok(Some(written)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read", &path, source)),
        }
    }

    /// The CIDs of all stored files with their lengths, ascending.
    pub fn objects(&self) -> Result<Vec<(Cid, u64)>, StoreError> {
        let mut objects = Vec::new();
        for directory in entries(&self.root.join(OBJECTS))? {
            for path in entries(&directory)? {
                // Whatever is not named by a CID was not put there by this store.
                let Some(cid) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
                if let Some(size) = self.size(&cid)? {
                    objects.push((cid, size));
                }
            }
        }
        objects.sort_unstable();
        Ok(objects)
    }

    /// Removes a file, if it is there. The index may go on naming it; a chunk is looked at before it is reused.
    pub fn remove(&self, cid: &Cid) -> Result<(), StoreError> {
        remove(&self.object(cid))
    }

    /// Makes durable that files were removed: what was said to be gone does not come back with the power.
    pub fn settle<'a>(&self, removed: impl Iterator<Item = &'a Cid>) -> Result<(), StoreError> {
        let directories: BTreeSet<_> = removed.filter_map(|cid| Some(self.object(cid).parent()?.to_owned())).collect();
        directories.iter().filter(|directory| directory.is_dir()).try_for_each(|directory| sync_directory(directory))
    }

    /// Removes what interrupted writes left in `tmp/`; nobody else may be writing. Returns how many files there were.
    pub fn sweep(&self) -> Result<usize, StoreError> {
        let leftovers = entries(&self.root.join(TMP))?;
        leftovers.iter().try_for_each(|path| remove(path))?;
        Ok(leftovers.len())
    }

    /// The same for those processes only, by their numbers, of which `is_gone` is true: others may be writing.
    pub fn sweep_where(&self, is_gone: impl Fn(u32) -> bool) -> Result<usize, StoreError> {
        let process = |path: &PathBuf| path.file_name()?.to_str()?.split_once('-')?.0.parse().ok();
        let mut leftovers = entries(&self.root.join(TMP))?;
        leftovers.retain(|path| process(path).is_some_and(&is_gone));
        leftovers.iter().try_for_each(|path| remove(path))?;
        Ok(leftovers.len())
    }

    /// What interrupted writes left in `tmp/`, and what writers that are at work have there.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, StoreError> {
        let mut leftovers = Vec::new();
        for path in entries(&self.root.join(TMP))? {
            let process = path.file_name().and_then(|name| name.to_str()?.split_once('-')?.0.parse().ok());
            leftovers.extend(process.and_then(|process| Leftover::of(path, process)));
        }
        Ok(leftovers)
    }

    /// Removes the lines of the chunk index whose files are not there, by the caller's word, and those that cannot be read.
    /// Returns how many there are; a dry run only counts them. Nobody else may be writing.
    pub fn prune_index(&self, is_there: impl Fn(&Cid) -> bool, dry_run: bool) -> Result<u64, StoreError> {
        let mut pruned = 0;
        for shard in entries(&self.root.join(CHUNKS))? {
            for path in entries(&shard)? {
                let cid = fs::read_to_string(&path).ok().and_then(|text| text.trim_end().parse().ok());
                if cid.is_some_and(|cid| is_there(&cid)) {
                    continue;
                }
                pruned += 1;
                if !dry_run {
                    remove(&path)?;
                }
            }
        }
        Ok(pruned)
    }

    /// Where a file is, if it is stored.
    fn object(&self, cid: &Cid) -> PathBuf {
        let shard = shard(cid.digest());
        self.root.join(OBJECTS).join(shard).join(cid.to_string())
    }

    fn index(&self, key: &ChunkKey) -> PathBuf {
        let shard = shard(&key.leaf.into());
        self.root.join(CHUNKS).join(shard).join(format!("{}-{}", key.leaf, key.physical))
    }

    /// Hashes at most `limit` bytes of a file while handing them on.
    fn read(&self, cid: &Cid, limit: u64, mut take: impl FnMut(&[u8])) -> Result<File, StoreError> {
        let path = self.object(cid);
        let mut reader = self.reader(cid)?.take(limit);
        let mut builder = FileBuilder::new(Discard);
        let mut buffer = vec![0; READ_LEN];
        loop {
            let len = reader.read(&mut buffer).map_err(|source| io_error("read", &path, source))?;
            let part = buffer.get(..len).unwrap_or_default();
            if part.is_empty() {
                break;
            }
            builder.write(part)?;
            take(part);
        }
        let file = builder.finish()?;
        if file.cid != *cid {
            return Err(StoreError::Corrupt { expected: *cid, found: file.cid, path });
        }
        Ok(file)
    }

    /// Makes `path` a file of these bytes, all of them or none.
    fn write(&self, path: &Path, bytes: &[u8], durability: Durability) -> Result<(), StoreError> {
        let shard = path.parent().unwrap_or(&self.root);
        if !shard.is_dir() {
            fs::create_dir_all(shard).map_err(|source| io_error("create", shard, source))?;
            // The shard's own entry must not vanish with a crash after the file in it was reported as stored.
            sync_directory(shard.parent().unwrap_or(&self.root))?;
        }
        let (mut file, tmp) = self.temporary()?;
        let written = file.write_all(bytes).and_then(|()| match durability {
            Durability::Synced => file.sync_all(),
            Durability::Cache => Ok(()),
        });
        // A crash up to here leaves a file in `tmp/`, which nothing reads and `sweep` removes.
        if let Err(source) = written {
            drop(file);
            // The error that counts is the first; a leftover is harmless.
            let _ = fs::remove_file(&tmp);
            return Err(io_error("write", &tmp, source));
        }
        // This is the commit point: before it nothing has the name, after it a complete file has.
        fs::rename(&tmp, path).map_err(|source| io_error("rename", &tmp, source))?;
        match durability {
            // A crash before this line may undo the rename; the caller has not been told that the file is stored.
            Durability::Synced => sync_directory(shard),
            Durability::Cache => Ok(()),
        }
    }

    /// A new file in `tmp/` that no other thread or process has.
    fn temporary(&self) -> Result<(FsFile, PathBuf), StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = self.root.join(TMP).join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, path)),
                // A process of the same number died here; its leftovers are finitely many.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(io_error("create", &path, source)),
            }
        }
    }
}

impl Leftover {
    /// What is known of a file; nothing if it is gone by now.
    pub fn of(path: PathBuf, process: u32) -> Option<Self> {
        let metadata = fs::symlink_metadata(&path).ok()?;
        // A clock that went backwards makes a file new, and new files are left alone.
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
        Some(Self { path, process, age, bytes: metadata.len() })
    }
}

impl ChunkStore for Store {
    fn kept(&self, key: &ChunkKey) -> Result<Option<(File, Vec<u8>)>, StoreError> {
        // An index entry that cannot be read, or names a file that is gone or damaged, is as good as none.
        let Some(cid) = fs::read_to_string(self.index(key)).ok().and_then(|text| text.trim_end().parse().ok()) else {
            return Ok(None);
        };
        match self.whole(&cid, MAX_FILE) {
            Ok(kept) => Ok(Some(kept)),
            Err(StoreError::Missing { .. } | StoreError::Corrupt { .. } | StoreError::TooLong { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, key: &ChunkKey, bytes: &[u8]) -> Result<File, StoreError> {
        let file = self.put(bytes)?;
        // After the file, so that the index never names what is not there. It is not synced: a crash leaves an entry
        // that is missing, empty or whole, and only the last is used.
        self.write(&self.index(key), format!("{}\n", file.cid).as_bytes(), Durability::Cache)?;
        Ok(file)
    }
}

/// Names the files of chunks and keeps nothing: for dry runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unstored;

impl ChunkStore for Unstored {
    fn kept(&self, _: &ChunkKey) -> Result<Option<(File, Vec<u8>)>, StoreError> {
        Ok(None)
    }

    fn keep(&self, _: &ChunkKey, bytes: &[u8]) -> Result<File, StoreError> {
        file_of(bytes)
    }
}

/// A store that is looked at and not written to, for dry runs: it finds what is stored and names what would be.
#[derive(Debug, Clone)]
pub struct Lookup(Store);

impl Lookup {
    /// Looks at the store in `root`, which need not be there.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(Store { root: root.into() })
    }
}

impl ChunkStore for Lookup {
    fn kept(&self, key: &ChunkKey) -> Result<Option<(File, Vec<u8>)>, StoreError> {
        self.0.kept(key)
    }

    fn keep(&self, _: &ChunkKey, bytes: &[u8]) -> Result<File, StoreError> {
        file_of(bytes)
    }
}

/// Whether a write must have reached the disk.
#[derive(Clone, Copy)]
enum Durability {
    Synced,
    Cache,
}

const OBJECTS: &str = "objects";
const CHUNKS: &str = "chunks";
const TMP: &str = "tmp";
const READ_LEN: usize = 256 << 10;

/// The CID and sizes of a file with these bytes.
pub fn file_of(bytes: &[u8]) -> Result<File, StoreError> {
    let mut builder = FileBuilder::new(Discard);
    builder.write(bytes)?;
    Ok(builder.finish()?)
}

/// A directory name that spreads files evenly.
fn shard(digest: &Digest) -> String {
    let [first, ..] = digest.as_bytes();
    format!("{first:02x}")
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| io_error("list", directory, source);
    fs::read_dir(directory).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path, error)),
        _ => Ok(()),
    }
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    // Only Unix has directories that can be opened and synced.
    if cfg!(unix) {
        FsFile::open(path)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| io_error("sync", path, source))?;
    }
    Ok(())
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), source }
}
