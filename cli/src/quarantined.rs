//! Whose bad records are whose: which files of the quarantine a dataset's runs set aside.
//!
//! ```text
//! .mira/quarantined/<manifest>-<file>    empty: the run that made this manifest set aside quarantine/<file>.ndjson
//! ```
//!
//! The note is durable before the statement is logged, so that no dataset of the log has a file that nobody knows of. It is
//! no evidence: bad records are private, and nothing signed names them but by their number.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use mira_core::digest::Digest;
use mira_ingest::quarantine::{self, Kept};

use crate::error::Result;
use crate::read_file::failed;
use crate::session::Session;
use crate::temporary;

/// A manifest, and a file of bad records that the run which made it set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The manifest's SHA-256.
    pub manifest: Digest,
    /// The file's.
    pub file: Digest,
}

/// The quarantine of a workspace, and its notes.
#[derive(Debug)]
pub struct Quarantined {
    files: PathBuf,
    notes: PathBuf,
}

impl Quarantined {
    /// That of this workspace.
    pub fn of(session: &Session) -> Self {
        Self { files: session.quarantine(), notes: session.workspace.path("quarantined") }
    }

    /// Notes whose a file is, durably when this returns.
    pub fn note(&self, manifest: &Digest, file: &Path) -> Result<()> {
        let Some(file) = quarantine::name(file) else { return Ok(()) };
        let path = self.path(&Note { manifest: *manifest, file });
        let write = || {
            if !self.notes.is_dir() {
                fs::create_dir_all(&self.notes)?;
                temporary::sync(self.notes.parent().unwrap_or(&self.notes))?;
            }
            File::create(&path)?;
            temporary::sync(&self.notes)
        };
        write().map_err(|error| failed(&path, &error))
    }

    /// All notes, ascending.
    pub fn notes(&self) -> Result<BTreeSet<Note>> {
        let entries = match fs::read_dir(&self.notes) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(failed(&self.notes, &error)),
        };
        let mut notes = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&self.notes, &error))?.file_name();
            let parts = name.to_str().and_then(|name| name.split_once('-'));
            let parts = parts.and_then(|(manifest, file)| Some((manifest.parse().ok()?, file.parse().ok()?)));
            notes.extend(parts.map(|(manifest, file)| Note { manifest, file }));
        }
        Ok(notes)
    }

    /// The files of bad records, with their lengths.
    pub fn files(&self) -> Result<Vec<(Digest, u64)>> {
        quarantine::files(&self.files).map_err(|error| failed(&self.files, &error))
    }

    /// What a file holds; nothing if it is not here.
    pub fn read(&self, file: &Digest) -> Result<Option<Kept>> {
        quarantine::read(&self.files, file).map_err(|error| failed(&self.files, &error))
    }

    /// Removes a file.
    pub fn remove(&self, file: &Digest) -> Result<()> {
        quarantine::remove(&self.files, file).map_err(|error| failed(&self.files, &error))
    }

    /// Removes a note, after its file: a crash in between leaves a note that leads whoever removes again to the rest.
    pub fn forget(&self, note: &Note) -> Result<()> {
        let path = self.path(note);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, &error)),
            _ => Ok(()),
        }
    }

    fn path(&self, note: &Note) -> PathBuf {
        self.notes.join(format!("{}-{}", note.manifest, note.file))
    }
}
