//! Files of bad records that are kept: which there are, and whether each is what its name says.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use mira_core::digest::{Digest, Hasher};

/// Longest start of a line that is looked at: what stands before the record's own bytes.
const MAX_HEAD: u64 = 64 << 10;
/// What the start of a line has iff it goes on with the record before it. In a string of JSON its quotes were escaped.
const CONTINUES: &[u8] = b",\"continues\":true,";

/// What a file of bad records holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many records.
    pub records: u64,
    /// Its SHA-256, which is its name if nobody edited it.
    pub digest: Digest,
}

/// The files of a directory of bad records by their names, with their lengths, ascending.
pub fn files(directory: &Path) -> io::Result<Vec<(Digest, u64)>> {
    let mut files = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        // Whatever is not so named was not put there by a quarantine.
        if let Some(digest) = name(&entry.path()) {
            files.push((digest, entry.metadata()?.len()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Reads a file of bad records, a piece at a time; nothing if it is not there.
pub fn read(directory: &Path, file: &Digest) -> io::Result<Option<Kept>> {
    let file = match File::open(path(directory, file)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(1 << 16, Hashing { file, hasher: Hasher::default() });
    let (mut records, mut head) = (0, Vec::new());
    loop {
        head.clear();
        if reader.by_ref().take(MAX_HEAD).read_until(b'\n', &mut head)? == 0 {
            break;
        }
        if !head.windows(CONTINUES.len()).any(|window| window == CONTINUES) {
            records += 1;
        }
        if !head.ends_with(b"\n") {
            reader.skip_until(b'\n')?;
        }
    }
    let digest = reader.into_inner().hasher.finish();
    Ok(Some(Kept { records, digest }))
}

/// Removes a file of bad records, if it is there.
pub fn remove(directory: &Path, file: &Digest) -> io::Result<()> {
    match fs::remove_file(path(directory, file)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The digest that a file of bad records is named by.
pub fn name(path: &Path) -> Option<Digest> {
    path.file_name()?.to_str()?.strip_suffix(".ndjson")?.parse().ok()
}

pub(super) fn path(directory: &Path, file: &Digest) -> PathBuf {
    directory.join(format!("{file}.ndjson"))
}

/// Hashes what is read.
struct Hashing {
    file: File,
    hasher: Hasher,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        self.hasher.update(buffer.get(..len).unwrap_or_default());
        Ok(len)
    }
}
