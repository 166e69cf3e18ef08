//! Files of which a part is here: what a fetch that was interrupted goes on from.
//!
//! `partial/<CID>` has the length of the file from the start, and holds leaves at their places. Which ones is written
//! nowhere: a place holds its leaf if the bytes there hash to the leaf's CID. So nothing that a crash leaves behind is
//! believed, and a partial file needs no order of writes; only when it is whole is it made durable and given its name.

use std::fs::{self, File as FsFile, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mira_core::cid::Cid;
use mira_core::unixfs::File;

use super::{Store, StoreError, entries, io_error, sync_directory};

const PARTIAL: &str = "partial";

/// A file on its way into the store. One process at a time has it.
#[derive(Debug)]
pub struct Partial {
    file: FsFile,
    path: PathBuf,
    object: PathBuf,
}

impl Store {
    /// Takes up the partial file, or starts it; nothing if the file has become whole meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another process has it.
    pub fn partial(&self, wanted: &File) -> Result<Option<Partial>, StoreError> {
        let directory = self.root.join(PARTIAL);
        fs::create_dir_all(&directory).map_err(|source| io_error("create", &directory, source))?;
        let path = directory.join(wanted.cid.to_string());
        let failed = |source| io_error("open", &path, source);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        lock(&file, &wanted.cid, &path)?;
        // Whoever had it gave it its name before letting go of it.
        if self.has(&wanted.cid)? {
            return Ok(None);
        }
        // All holes at first: a file of any length takes the room of the leaves that have come.
        file.set_len(wanted.size).map_err(failed)?;
        Ok(Some(Partial { file, object: self.object(&wanted.cid), path }))
    }

    /// Removes partial files that no process has, or only looks for them. Returns the length of each.
    pub fn sweep_partial(&self, dry_run: bool) -> Result<Vec<u64>, StoreError> {
        let directory = self.root.join(PARTIAL);
        if !directory.is_dir() {
            return Ok(Vec::new());
        }
        let mut idle = Vec::new();
        for path in entries(&directory)? {
            let Ok(file) = FsFile::open(&path) else { continue };
            if file.try_lock().is_ok() {
                idle.push(file.metadata().map_or(0, |metadata| metadata.len()));
                if !dry_run {
                    super::remove(&path)?;
                }
            }
        }
        Ok(idle)
    }
}

impl Partial {
    /// Reads what stands at a place. Nobody knows yet what it is.
    pub fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; len];
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|source| io_error("read", &self.path, source))?;
        Ok(bytes)
    }

    /// Puts the bytes of a leaf, which the caller has compared with its CID, at their place.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|source| io_error("write", &self.path, source))
    }

    /// Gives the file its name, durably when this returns. The caller has seen every leaf.
    pub fn finish(self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|source| io_error("sync", &self.path, source))?;
        // A crash up to here leaves a partial file with all of its leaves, and the next run ends here at once.
        let shard = self.object.parent().unwrap_or(&self.object);
        if !shard.is_dir() {
            fs::create_dir_all(shard).map_err(|source| io_error("create", shard, source))?;
            sync_directory(shard.parent().unwrap_or(shard))?;
        }
        fs::rename(&self.path, &self.object).map_err(|source| io_error("rename", &self.path, source))?;
        // As in `Store::write`: who is told that the file is stored, is told after this line.
        sync_directory(shard)
    }
}

/// Takes the right to write the file, which ends with the process.
fn lock(file: &FsFile, cid: &Cid, path: &Path) -> Result<(), StoreError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::Busy { cid: *cid },
        TryLockError::Error(source) => io_error("lock", path, source),
    })
}

#[cfg(test)]
mod tests {
    use mira_core::unixfs::CHUNK_LEN;

    use super::*;
    use crate::store::file_of;

    #[test]
    fn is_taken_up_where_it_was_left_and_is_nowhere_else_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let bytes = [vec![1; CHUNK_LEN], vec![2; 10]].concat();
        let file = file_of(&bytes).unwrap();
        let mut partial = store.partial(&file).unwrap().unwrap();
        assert!(matches!(store.partial(&file), Err(StoreError::Busy { .. })));
        assert!(store.sweep_partial(false).unwrap().is_empty());
        partial.write(CHUNK_LEN as u64, &bytes[CHUNK_LEN..]).unwrap();
        drop(partial);

        let mut partial = store.partial(&file).unwrap().unwrap();
        assert_eq!(partial.read(CHUNK_LEN as u64, 10).unwrap(), vec![2; 10]);
        assert_eq!(partial.read(0, CHUNK_LEN).unwrap(), vec![0; CHUNK_LEN]);
        assert!(!store.has(&file.cid).unwrap());
        partial.write(0, &bytes[..CHUNK_LEN]).unwrap();
        partial.finish().unwrap();
        assert_eq!(store.get(&file.cid, 2 << 20).unwrap(), bytes);
        assert!(store.partial(&file).unwrap().is_none());
    }

    #[test]
    fn what_nobody_goes_on_with_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert!(store.sweep_partial(false).unwrap().is_empty());
        drop(store.partial(&file_of(&[3; CHUNK_LEN + 1]).unwrap()).unwrap());
        assert_eq!(store.sweep_partial(true).unwrap(), [CHUNK_LEN as u64 + 1]);
        assert_eq!(store.sweep_partial(false).unwrap(), [CHUNK_LEN as u64 + 1]);
        assert!(store.sweep_partial(false).unwrap().is_empty());
    }
}
