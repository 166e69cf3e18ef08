//! The files that a model consists of: each by path and SHA-256, never only by a name.

use std::fs;
use std::path::{Path, PathBuf};

use mira_core::digest::Digest;
use mira_core::name::{ArtifactPath, Name};
use mira_core::statement::{Listed, ModelFiles};
use serde::Serialize;

use crate::blobs::Blobs;
use crate::error::{CliError, Kind, Result};
use crate::output::optional_count;
use crate::read_file;

/// Most files of a model.
const MAX_FILES: usize = 1_000_000;
/// How deep a model's folders may nest; a path of 255 bytes cannot have more segments.
const MAX_DEPTH: usize = 128;
/// Longest list that stands in the statement itself. With the inputs and the rest it stays below an entry's 64 KiB.
pub const INLINE_BYTES: usize = 8 << 10;

/// A model's files.
#[derive(Debug, Default)]
pub struct Artifact {
    /// Path and digest.
    pub files: ModelFiles,
    /// The same for the answer, with lengths.
    pub lines: Vec<FileLine>,
}

/// A file in an answer.
#[derive(Debug, Serialize)]
pub struct FileLine {
    path: String,
    sha256: String,
    #[serde(serialize_with = "optional_count", skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl Artifact {
    /// Reads files, folders and digests: `PATH`, `sha256:HEX`, or `NAME=sha256:HEX` for a file that is not at hand. A
    /// digest without a name is the file called like the model.
    pub fn read(given: &[String], model: &Name) -> Result<Self> {
        let mut artifact = Self::default();
        for text in given {
            match digest_of(text, model)? {
                Some((path, digest)) => artifact.insert(&path, digest, None)?,
                None => artifact.add(Path::new(text))?,
            }
        }
        // Directories list their entries in no order.
        artifact.lines.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(artifact)
    }

    /// Reads a file or a folder.
    pub fn of(path: &Path) -> Result<Self> {
        let mut artifact = Self::default();
        artifact.add(path)?;
        Ok(artifact)
    }

    /// As it stands in a statement: a long list goes to a file of its own, which is durable when this returns.
    pub fn listed(&self, blobs: &Blobs) -> Result<Listed<ModelFiles>> {
        let (listed, file) = Listed::<ModelFiles>::in_file(&self.files)
            .ok_or_else(|| CliError::new(Kind::Usage, "the folder has no files, and a model is its files"))?;
        if file.len() <= INLINE_BYTES {
            return Ok(Listed::Inline(self.files.clone()));
        }
        blobs.put(&file)?;
        Ok(listed)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let kind = fs::metadata(path).map_err(|error| read_file::failed(path, &error))?;
        if kind.is_dir() {
            return self.add_folder(path);
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.add_file(path, &name)
    }

    /// All files below a folder, hidden ones as well: what is left out would not be part of what is signed.
    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let mut open: Vec<(PathBuf, String, usize)> = vec![(folder.to_owned(), String::new(), 0)];
        while let Some((dir, prefix, depth)) = open.pop() {
            let failed = |error| read_file::failed(&dir, &error);
            for entry in fs::read_dir(&dir).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                let below = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                if !fs::metadata(&path).map_err(|error| read_file::failed(&path, &error))?.is_dir() {
                    self.add_file(&path, &below)?;
                } else if entry.file_type().map_err(failed)?.is_symlink() || depth == MAX_DEPTH {
                    // A link to a folder above would never end.
                    return Err(CliError::new(Kind::Failed, "a link to a folder, or a folder too deep")
                        .at(path.display().to_string())
                        .hint("a model is made of files and plain folders"));
                } else {
                    open.push((path, below, depth + 1));
                }
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, name: &str) -> Result<()> {
        let (digest, bytes) = read_file::digest(path)?;
        self.insert(name, digest, Some(bytes)).map_err(|error| error.at(path.display().to_string()))
    }

    fn insert(&mut self, path: &str, digest: Digest, bytes: Option<u64>) -> Result<()> {
        let name: ArtifactPath = path.parse().map_err(|error| {
            CliError::new(Kind::Usage, format!("{error}")).hint("rename the file: its path is part of the model")
        })?;
        if self.files.insert(name, digest).is_some() {
            return Err(CliError::new(Kind::Usage, format!("two files of the model are called {path:?}")));
        }
        if self.files.len() > MAX_FILES {
            return Err(CliError::new(Kind::Usage, format!("a model has at most {MAX_FILES} files")));
        }
        self.lines.push(FileLine { path: path.to_owned(), sha256: digest.to_string(), bytes });
        Ok(())
    }
}

/// A file given by its digest.
fn digest_of(text: &str, model: &Name) -> Result<Option<(String, Digest)>> {
    let (path, hex) = match text.split_once("=sha256:") {
        Some((path, hex)) => (path.to_owned(), hex),
        None => match text.strip_prefix("sha256:") {
            Some(hex) => (model.to_string(), hex),
            None => return Ok(None),
        },
    };
    let digest = hex.parse().map_err(|_| CliError::new(Kind::Usage, format!("{hex:?} is not 64 lowercase hex digits")));
    digest.map(|digest| Some((path, digest)))
}
