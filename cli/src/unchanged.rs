//! What `add` need not read again: files that are as they were when they became a dataset's latest version.
//!
//! A note beside the log says for each dataset which files it was made from, by what the file system says of them, how
//! they were read, and which statement came of it. It is a cache: whoever removes it makes the next `add` read. It is
//! not evidence either: what it saves is reading the same bytes to find the same rows, and everything that is
//! signed was computed from the rows once.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use mira_core::digest::Digest;
use mira_ingest::source::Source;

use crate::read_file;
use crate::workspace::Workspace;

/// Longest note: two digests in hex, a space and a line end.
const MAX_NOTE: usize = 130;

/// What an input was when it was opened, and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input(Digest);

impl Input {
    /// Nothing where nothing tells that the files are the same without reading them.
    pub fn of(source: &Source, reading: &impl Debug) -> Option<Self> {
        let files = source.fingerprint(SystemTime::now())?;
        let reading = format!("{} {} {reading:?}", env!("CARGO_PKG_VERSION"), source.format());
        Some(Self(Digest::of_parts(&[files.as_bytes(), reading.as_bytes()])))
    }

    /// Whether this input became that statement's dataset.
    pub fn became(self, workspace: &Workspace, name: &str, statement: &str) -> bool {
        read_file::bounded(&note(workspace, name), MAX_NOTE).is_ok_and(|found| found == self.text(statement).as_bytes())
    }

    /// Notes that it did. Losing the note costs a reader some time, so that failing to write it is no failure; a note
    /// that is cut short by a crash equals no note.
    pub fn note(self, workspace: &Workspace, name: &str, statement: &str) {
        let path = note(workspace, name);
        if let Some(folder) = path.parent()
            && fs::create_dir_all(folder).is_ok()
        {
            let _ = fs::write(path, self.text(statement));
        }
    }

    fn text(self, statement: &str) -> String {
        format!("{} {statement}\n", self.0)
    }
}

/// When it was noted what the dataset was made from.
pub fn noted_at(workspace: &Workspace, name: &str) -> Option<SystemTime> {
    fs::metadata(note(workspace, name)).and_then(|metadata| metadata.modified()).ok()
}

/// Forgets it, so that the next `add` reads: a file that was found to be damaged may look as it was.
pub fn forget(workspace: &Workspace, name: &str) {
    // A note that cannot be removed makes an `add` that does not mend; the next check says so again.
    let _ = fs::remove_file(note(workspace, name));
}

fn note(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.path("cache").join("added").join(name)
}
