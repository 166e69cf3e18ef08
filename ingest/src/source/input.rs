//! Input files: which they are, in which order, and that they stay what they were.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::error::{Place, Problem, SourceError};

/// A file of an input, and what it looked like when the input was opened.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) path: Arc<Path>,
    /// Its place in the order of files, from 0.
    pub(crate) number: usize,
    stamp: Stamp,
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

/// How much of a file is looked at to tell its format.
const HEAD: usize = 8192;

impl Input {
    /// Opens the file, if it is still the same.
    pub(crate) fn open(&self) -> Result<File, SourceError> {
        let file = File::open(&self.path).map_err(|source| self.io("open", source))?;
        self.check(&file)?;
        Ok(file)
    }

    /// Checks that an open file is as it was.
    pub(crate) fn check(&self, file: &File) -> Result<(), SourceError> {
        let metadata = file.metadata().map_err(|source| self.io("read", source))?;
        if Stamp::new(&metadata) == self.stamp { Ok(()) } else { Err(self.fault(Problem::Changed)) }
    }

    /// The first bytes of the file.
    pub(crate) fn head(&self) -> Result<Vec<u8>, SourceError> {
        let mut head = Vec::new();
        let file = self.open()?;
        file.take(HEAD as u64).read_to_end(&mut head).map_err(|source| self.io("read", source))?;
        Ok(head)
    }

    pub(crate) fn io(&self, action: &'static str, source: io::Error) -> SourceError {
        io_error(action, &self.path, source)
    }

    /// An error about the file as a whole.
    pub(crate) fn fault(&self, problem: Problem) -> SourceError {
        SourceError::at(Place::file(Arc::clone(&self.path)), problem)
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

/// The files that `paths` name: files as they come, directories replaced by the files in and below them in the order
/// of their paths' bytes. Names in a directory that start with `.` or `_` are not data and are left out.
pub(crate) fn collect(paths: &[PathBuf]) -> Result<Vec<Arc<Input>>, SourceError> {
    let mut inputs = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|source| io_error("open", path, source))?;
        if metadata.is_dir() {
            let mut found = Vec::new();
            list(path, 0, &mut found)?;
            if found.is_empty() {
                return Err(SourceError::NoFiles { path: path.clone() });
            }
            found.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
            for path in found {
                let metadata = fs::metadata(&path).map_err(|source| io_error("open", &path, source))?;
                push(&mut inputs, &path, &metadata)?;
            }
        } else {
            push(&mut inputs, path, &metadata)?;
        }
    }
    if inputs.is_empty() { Err(SourceError::NoFiles { path: PathBuf::new() }) } else { Ok(inputs) }
}

fn push(inputs: &mut Vec<Arc<Input>>, path: &Path, metadata: &Metadata) -> Result<(), SourceError> {
    if !metadata.is_file() {
        return Err(SourceError::NotAFile { path: path.to_owned() });
    }
    let input = Input { path: path.into(), number: inputs.len(), stamp: Stamp::new(metadata) };
    if metadata.len() == 0 {
        return Err(input.fault(Problem::Empty));
    }
    inputs.push(Arc::new(input));
    Ok(())
}

/// Finds the files below a directory. Links to files are followed; links to directories are refused, because they can
/// lead in circles.
fn list(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    const DEEPEST: usize = 64;
    let failed = |source| io_error("list", directory, source);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if is_hidden(&entry.file_name()) {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            if depth == DEEPEST {
                return Err(io_error("list", &path, io::ErrorKind::QuotaExceeded.into()));
            }
            list(&path, depth + 1, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn is_hidden(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> SourceError {
    SourceError::Io { action, path: path.to_owned(), source }
}
