//! Files that a user names: read whole within a bound, or hashed piece by piece.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use mira_core::digest::{Digest, Hasher};

use crate::error::{CliError, Kind, Result};

/// Reads a file of at most `limit` bytes; one more is read to see that there are no more.
pub fn bounded(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    take(file, limit).map_err(|error| failed(path, &error))
}

/// A file of text of at most `limit` bytes, as the system answers: for files whose absence means something.
pub fn text(path: &Path, limit: usize) -> io::Result<String> {
    let bytes = take(File::open(path)?, limit)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is not UTF-8"))
}

/// What [`if_short`] found.
#[derive(Debug)]
pub enum Found {
    /// The file.
    Bytes(Vec<u8>),
    /// A file that is longer.
    TooLong,
    /// No file.
    Nothing,
}

/// A file that need not be there, of at most `limit` bytes; what is longer is not read to its end.
pub fn if_short(path: &Path, limit: usize) -> Result<Found> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(failed(path, &error)),
    };
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| failed(path, &error))?;
    Ok(if bytes.len() > limit { Found::TooLong } else { Found::Bytes(bytes) })
}

/// As [`bounded`], from standard input, which `-` stands for.
pub fn bounded_or_stdin(path: &Path, limit: usize) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        return take(io::stdin().lock(), limit).map_err(|error| failed(path, &error));
    }
    bounded(path, limit)
}

/// SHA-256 of a file and its length, whatever its size.
pub fn digest(path: &Path) -> Result<(Digest, u64)> {
    hash(path).map_err(|error| failed(path, &error))
}

fn hash(path: &Path) -> io::Result<(Digest, u64)> {
    // Asked before it is opened: opening a pipe would wait for somebody to write to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file"));
    }
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), length)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..read).unwrap_or_default());
        length += read as u64;
    }
}

fn take(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the file is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// What the system says about a file.
pub fn failed(path: &Path, error: &io::Error) -> CliError {
    let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Failed };
    CliError::of_io(kind, path, error)
}
