//! A log in a directory, laid out as tlog-tiles serves it. The file system must be one of POSIX.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::storage::{CHECKPOINT, Storage, StorageError, check_path};

/// A directory of files.
///
/// A file is written under a temporary name, synced, renamed, and the rename synced; so a file is there with all its
/// bytes or not at all. Temporary names start with a dot, readers pass over them, and the next write of the same file
/// takes the name again, so that crashes leave no growing heap.
#[derive(Debug)]
pub struct FsStorage {
    root: PathBuf,
    /// Directories that this process knows to survive a loss of power. One that was there when it came may have been
    /// made by a process that died before it synced it.
    durable: Mutex<HashSet<PathBuf>>,
}

impl FsStorage {
    /// Makes the directory, if it is not there; its parent is.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let root = root.into();
        create_directory(&root)?;
        sync_directory(parent_of(&root))?;
        Self::open(root)
    }

    /// Opens a directory that is there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let root = root.into();
        // A process may have died between a rename and its sync. What readers can see is made durable before anyone
        // builds on it: first the checkpoint, then the epochs.
        sync_directory(&root)?;
        match sync_directory(&root.join("epochs")) {
            Err(StorageError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => (),
            result => result?,
        }
        Ok(Self { root, durable: Mutex::default() })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn locate(&self, path: &str) -> Result<PathBuf, StorageError> {
        check_path(path)?;
        Ok(self.root.join(path))
    }

    /// Writes a file, durably.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let target = self.locate(path)?;
        let parent = parent_of(&target);
        self.make_durable(parent)?;
        let temporary = temporary_name(&target);
        write_synced(&temporary, bytes).map_err(|source| io_error("write", &temporary, source))?;
        // Dies here: the old file stands, and beside it a complete one that nobody reads.
        fs::rename(&temporary, &target).map_err(|source| io_error("rename", &target, source))?;
        // Dies here: the new file stands, unless power is lost too: then it is the old or the new one, each whole.
        sync_directory(parent)
        // From here the new file survives everything.
    }

    /// Makes a directory and those above it, each before what is in it.
    fn make_durable(&self, directory: &Path) -> Result<(), StorageError> {
        if directory == self.root || self.durable().contains(directory) {
            return Ok(());
        }
        let parent = parent_of(directory);
        self.make_durable(parent)?;
        create_directory(directory)?;
        // Dies here: an empty directory, which means nothing.
        sync_directory(parent)?;
        self.durable().insert(directory.to_owned());
        Ok(())
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        // The set is right after every single insertion, whoever panicked after it.
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps other processes from comparing until this one has swapped. The lock is on the directory itself, lives as
    /// long as the file, and dies with the process.
    fn lock(&self) -> Result<File, StorageError> {
        let locked = File::open(&self.root).and_then(|directory| directory.lock().map(|()| directory));
        locked.map_err(|source| io_error("lock", &self.root, source))
    }
}

impl Storage for FsStorage {
    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        let target = self.locate(path)?;
        match read_up_to(&target, limit) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read", &target, source)),
            Ok(bytes) if bytes.len() > limit => Err(StorageError::TooLong { path: path.to_owned(), limit }),
            Ok(bytes) => Ok(Some(bytes)),
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.write(path, bytes)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let target = self.locate(path)?;
        let _lock = self.lock()?;
        if target.try_exists().map_err(|source| io_error("look for", &target, source))? {
            return Err(StorageError::Exists { path: path.to_owned() });
        }
        self.write(path, bytes)
    }

    fn remove_all(&self, directory: &str) -> Result<(), StorageError> {
        let target = self.locate(directory)?;
        self.durable().retain(|known| !known.starts_with(&target));
        match fs::remove_dir_all(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // Dies here, or after: what is not yet removed stays, and a loss of power may bring back the rest.
            result => result.map_err(|source| io_error("remove", &target, source)),
        }
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, StorageError> {
        let start = if directory.is_empty() { self.root.clone() } else { self.locate(directory)? };
        let mut paths = Vec::new();
        let mut waiting = vec![start];
        while let Some(directory) = waiting.pop() {
            let failed = |source| io_error("list", &directory, source);
            let items = match fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                items => items.map_err(failed)?,
            };
            for item in items {
                let item = item.map_err(failed)?;
                if item.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                if item.file_type().map_err(failed)?.is_dir() {
                    waiting.push(item.path());
                } else {
                    let path = item.path();
                    paths.push(path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy().into_owned());
                }
            }
        }
        paths.sort_unstable();
        Ok(paths)
    }

    fn swap_checkpoint(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
        let _lock = self.lock()?;
        // A longer one than expected is not the one expected.
        let found = match self.checkpoint(expected.map_or(0, <[u8]>::len)) {
            Err(StorageError::TooLong { .. }) => return Err(StorageError::Conflict),
            found => found?,
        };
        if found.as_deref() != expected {
            return Err(StorageError::Conflict);
        }
        self.write(CHECKPOINT, new)
    }
}

/// Creates a file, or takes over one of a process that died, and makes its bytes durable.
fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    // Dies here or below: a temporary file with some of the bytes, which nobody reads.
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_up_to(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a longer file from one of just that length.
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn create_directory(path: &Path) -> Result<(), StorageError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result.map_err(|source| io_error("make", path, source)),
    }
}

/// Makes the names in a directory durable.
fn sync_directory(path: &Path) -> Result<(), StorageError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|source| io_error("sync", path, source))
}

/// The directory above; a bare name stands in the current one.
fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `.name.tmp` in the same directory, because a rename cannot leave its file system.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsStr::new(".").to_owned();
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    path.with_file_name(name)
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> StorageError {
    StorageError::Io { action, path: path.display().to_string(), source }
}
