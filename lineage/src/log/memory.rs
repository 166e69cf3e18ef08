//! A log in memory: the twin of [`FsStorage`](super::FsStorage) for tests and trials.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::storage::{CHECKPOINT, Storage, StorageError, check_path};

/// Objects in a map, gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStorage(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStorage {
    /// Holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes one object, as somebody would who means harm; says whether it was there.
    pub fn remove(&self, path: &str) -> bool {
        self.objects().remove(path).is_some()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        // The map is whole after every single change, whoever panicked after it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for MemoryStorage {
    /// A copy that goes its own way.
    fn clone(&self) -> Self {
        Self(Mutex::new(self.objects().clone()))
    }
}

impl Storage for MemoryStorage {
    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        check_path(path)?;
        match self.objects().get(path) {
            Some(bytes) if bytes.len() > limit => Err(StorageError::TooLong { path: path.to_owned(), limit }),
            found => Ok(found.cloned()),
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        check_path(path)?;
        self.objects().insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        check_path(path)?;
        let mut objects = self.objects();
        if objects.contains_key(path) {
            return Err(StorageError::Exists { path: path.to_owned() });
        }
        objects.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove_all(&self, directory: &str) -> Result<(), StorageError> {
        check_path(directory)?;
        self.objects().retain(|path, _| !is_below(path, directory));
        Ok(())
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, StorageError> {
        if !directory.is_empty() {
            check_path(directory)?;
        }
        let objects = self.objects();
        Ok(objects.keys().filter(|path| directory.is_empty() || is_below(path, directory)).cloned().collect())
    }

    fn swap_checkpoint(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
        let mut objects = self.objects();
        if objects.get(CHECKPOINT).map(Vec::as_slice) != expected {
            return Err(StorageError::Conflict);
        }
        objects.insert(CHECKPOINT.to_owned(), new.to_vec());
        Ok(())
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}
