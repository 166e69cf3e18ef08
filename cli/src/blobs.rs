//! Small files that statements name by SHA-256: manifests, chunk lists, schemas.
//!
//! Each is `blobs/<sha256>` in the workspace, written once and checked whenever it is read.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use mira_core::digest::Digest;
use mira_ingest::store::Leftover;

use crate::error::{CliError, Kind, Result};
use crate::process;
use crate::temporary;
use crate::workspace::Workspace;

/// What the extension of a temporary file begins with; the number of its process follows.
const TEMPORARY: &str = "tmp-";

/// The files of a workspace.
#[derive(Debug)]
pub struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    /// The files of this workspace.
    pub fn of(workspace: &Workspace) -> Self {
        Self { dir: workspace.path("blobs") }
    }

    /// Keeps bytes, durably when this returns.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.path(&digest);
        self.write(&path, bytes).map_err(|error| failed(&path, &error))?;
        Ok(digest)
    }

    /// Reads the bytes with this digest, at most `limit` of them.
    pub fn get(&self, digest: &Digest, limit: usize) -> Result<Vec<u8>> {
        let path = self.path(digest);
        let file = fs::File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                CliError::new(Kind::NotFound, format!("the file {digest} is not in this workspace"))
            }
            _ => failed(&path, &error),
        })?;
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| failed(&path, &error))?;
        let found = Digest::of(&bytes);
        if found != *digest {
            let message = format!("expected a file with SHA-256 {digest}, found {found}");
            return Err(CliError::new(Kind::DoesNotVerify, message).at(path.display().to_string()));
        }
        Ok(bytes)
    }

    /// All files with their lengths, ascending. Whatever is not named by a digest is none of them.
    pub fn list(&self) -> Result<Vec<(Digest, u64)>> {
        let mut files = Vec::new();
        for path in self.entries()? {
            let Some(digest) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
            files.push((digest, fs::metadata(&path).map_err(|error| failed(&path, &error))?.len()));
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Removes a file that nothing names.
    pub fn remove(&self, digest: &Digest) -> Result<()> {
        let path = self.path(digest);
        fs::remove_file(&path).map_err(|error| failed(&path, &error))
    }

    /// Files that were being written when their process ended, or still are.
    pub fn leftovers(&self) -> Result<Vec<Leftover>> {
        let leftover = |path: PathBuf| writer(&path).and_then(|process| Leftover::of(path, process));
        Ok(self.entries()?.into_iter().filter_map(leftover).collect())
    }

    /// Removes the temporary files of processes that are no more.
    pub fn sweep(&self) -> Result<()> {
        for path in self.entries()? {
            if writer(&path).is_some_and(|process| !process::is_alive(process)) {
                fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.dir, &error)),
        };
        entries.map(|entry| Ok(entry.map_err(|error| failed(&self.dir, &error))?.path())).collect()
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(digest.to_string())
    }

    /// A name appears when its file is whole and durable; a crash before leaves a temporary file that nobody reads.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let temp = path.with_extension(format!("{TEMPORARY}{}", std::process::id()));
        let mut file = fs::File::create(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temp, path)?;
        temporary::sync(&self.dir)
    }
}

/// The process whose temporary file this is, by its name.
fn writer(path: &Path) -> Option<u32> {
    path.extension()?.to_str()?.strip_prefix(TEMPORARY)?.parse().ok()
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::of_io(Kind::Failed, path, error)
}
