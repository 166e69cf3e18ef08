//! Storage that fails when told to: every write can be broken twice, before it lands and after.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::storage::{Storage, StorageError};

/// Passes everything on to other storage, and fails at one write. From then on all writes fail, as if the process had
/// died there, until [`heal`](Self::heal).
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    state: Mutex<State>,
}

/// How a write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was written.
    Before,
    /// Everything was written, and the answer was lost.
    After,
}

#[derive(Debug, Default)]
struct State {
    writes: usize,
    planned: Option<(usize, Fault)>,
    dead: bool,
}

impl<S> Faulty<S> {
    /// Wraps storage; nothing fails yet.
    pub fn new(inner: S) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// Lets the write after `skipped` others fail.
    pub fn fail_after(&self, skipped: usize, fault: Fault) {
        *self.state() = State { writes: 0, planned: Some((skipped, fault)), dead: false };
    }

    /// Lets everything succeed again, and says whether anything had failed.
    pub fn heal(&self) -> bool {
        std::mem::take(&mut *self.state()).dead
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Three plain values that mean the same whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, path: &str, write: impl FnOnce(&S) -> Result<(), StorageError>) -> Result<(), StorageError> {
        match self.next() {
            None => write(&self.inner),
            Some(fault) => {
                if fault == Fault::After {
                    write(&self.inner)?;
                }
                let source = io::Error::other("a fault that was asked for");
                Err(StorageError::Io { action: "write", path: path.to_owned(), source })
            }
        }
    }

    /// Counts a write, and says how it fails if it does.
    fn next(&self) -> Option<Fault> {
        let mut state = self.state();
        if state.dead {
            return Some(Fault::Before);
        }
        let fault = state.planned.filter(|(at, _)| *at == state.writes).map(|(_, fault)| fault);
        state.writes += 1;
        state.dead = fault.is_some();
        fault
    }
}

impl<S: Storage> Storage for Faulty<S> {
    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        self.inner.get(path, limit)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.write(path, |inner| inner.put(path, bytes))
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.write(path, |inner| inner.create(path, bytes))
    }

    fn remove_all(&self, directory: &str) -> Result<(), StorageError> {
        self.write(directory, |inner| inner.remove_all(directory))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, StorageError> {
        self.inner.list(directory)
    }

    fn swap_checkpoint(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
        self.write("checkpoint", |inner| inner.swap_checkpoint(expected, new))
    }
}
