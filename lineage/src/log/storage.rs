//! What a log asks of the place where it is kept.
//!
//! | kind | names | promise |
//! |---|---|---|
//! | objects | `tile/…`, `epochs/…` | durable when the call returns; readers see all of an object or none of it |
//! | one cell | `checkpoint` | the same, and it changes only if it still holds what the writer had read |
//!
//! An object is written once, except that a tile which no checkpoint speaks for may be written over. The cell is the
//! only place where two writers meet, so a store of objects without compare-and-swap can keep the objects while a
//! database keeps the cell.

use std::io;

/// The name under which the cell is listed, and served by tlog-tiles.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Objects, and one cell that is compared and swapped. [`conformance::check`](super::conformance::check) holds an
/// implementation to the promises below.
///
/// Paths are relative, parts of `[0-9a-z.]` between single slashes, as those of tlog-tiles are; no part starts with a
/// dot.
pub trait Storage {
    /// Reads an object of at most `limit` bytes; `None` if there is none.
    ///
    /// # Errors
    /// [`StorageError::TooLong`] if there is more, before it takes memory.
    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, StorageError>;

    /// Writes an object, or replaces it. When this returns, the object survives a loss of power; when this fails, the
    /// old object, the new one or, if there was none, nothing is there.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError>;

    /// Writes an object as [`put`](Self::put) does, unless there is one.
    ///
    /// # Errors
    /// [`StorageError::Exists`].
    fn create(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError>;

    /// Removes all objects below a directory; it may come back, whole or in part, after a loss of power.
    fn remove_all(&self, directory: &str) -> Result<(), StorageError>;

    /// The paths of all objects below a directory, in ascending order; the empty name stands for everything, the cell
    /// included.
    fn list(&self, directory: &str) -> Result<Vec<String>, StorageError>;

    /// Reads the cell as [`get`](Self::get) does.
    fn checkpoint(&self, limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        self.get(CHECKPOINT, limit)
    }

    /// Sets the cell as [`put`](Self::put) does, if it still holds `expected`.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it holds something else, which it then keeps.
    fn swap_checkpoint(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError>;
}

/// Why storage did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The system refused.
    #[error("could not {action} {path}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The object or directory.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The object is longer than it can be.
    #[error("{path} has more than {limit} bytes")]
    TooLong {
        /// The object.
        path: String,
        /// The longest it can be.
        limit: usize,
    },
    /// The object was to be created, and is there.
    #[error("{path} exists")]
    Exists {
        /// The object.
        path: String,
    },
    /// The cell holds something else than the writer had read.
    #[error("someone else changed the checkpoint")]
    Conflict,
    /// No object can have this path.
    #[error("{path:?} is not the path of an object")]
    Path {
        /// The path, cut to 80 characters.
        path: String,
    },
}

impl StorageError {
    /// The object or directory that it is about.
    pub fn path(&self) -> &str {
        match self {
            Self::Io { path, .. } | Self::TooLong { path, .. } | Self::Exists { path } | Self::Path { path } => path,
            Self::Conflict => CHECKPOINT,
        }
    }
}

impl<S: Storage + ?Sized> Storage for &S {
    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        (**self).get(path, limit)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        (**self).put(path, bytes)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        (**self).create(path, bytes)
    }

    fn remove_all(&self, directory: &str) -> Result<(), StorageError> {
        (**self).remove_all(directory)
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, StorageError> {
        (**self).list(directory)
    }

    fn checkpoint(&self, limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        (**self).checkpoint(limit)
    }

    fn swap_checkpoint(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
        (**self).swap_checkpoint(expected, new)
    }
}

/// Refuses what is not the path of an object, so that no name can lead out of the storage.
pub(super) fn check_path(path: &str) -> Result<(), StorageError> {
    let is_part = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
    };
    if path.split('/').all(is_part) {
        Ok(())
    } else {
        Err(StorageError::Path { path: path.chars().take(80).collect() })
    }
}
