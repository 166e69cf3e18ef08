//! A statement on its way into the log: `.mira/pending`, an entry as the log holds it.
//!
//! It is durable before the entry is logged and goes when the command has told of it. A process that dies in between
//! leaves it, and the next one that is to say just the same, by the same keys, logs this very entry, or finds it logged:
//! a repeated command does not become a second run. Once something else is logged it counts for nothing any more.
//!
//! It is no evidence and grants nothing: what is taken from it is what its reader's own keys signed.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use mira_core::entry::Entry;
use mira_core::key::SigningKey;
use mira_core::statement::Statement;

use crate::error::{CliError, Kind, Result};
use crate::read_file;
use crate::temporary;
use crate::workspace::Workspace;

const FILE: &str = "pending";

/// The place of such a statement in a workspace.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
}

impl Pending {
    /// That of this workspace.
    pub fn of(workspace: &Workspace) -> Self {
        Self { path: workspace.path(FILE) }
    }

    /// What a run before left. A file that cannot be read, or is no entry, is as good as none.
    pub fn left(&self) -> Option<Entry> {
        read_file::bounded(&self.path, Entry::MAX_LEN).ok().and_then(|bytes| Entry::parse(&bytes).ok())
    }

    /// Keeps an entry, durably when this returns.
    pub fn keep(&self, entry: &Entry) -> Result<()> {
        let write = || {
            let temporary = temporary::beside(&self.path)?;
            let mut file = File::create(&temporary)?;
            let written = file
                .write_all(entry.as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| temporary::place(&temporary, &self.path, true));
            if written.is_err() {
                // Nothing more can be done about a file that cannot be removed; the next run does.
                let _ = fs::remove_file(&temporary);
            }
            written
        };
        write().map_err(|error| CliError::of_io(Kind::Failed, &self.path, &error))
    }

    /// Forgets it. Where that fails the next entry takes its place.
    pub fn clear(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether an entry says what this statement says, by these keys: all but the time and the nonce.
pub fn says(entry: &Entry, wanted: &Statement, keys: &[&SigningKey]) -> bool {
    let found = entry.statement();
    found.predicate() == wanted.predicate()
        && found.signer() == wanted.signer()
        && found.common().prev == wanted.common().prev
        && entry.envelope().unverified_signers().eq(keys.iter().map(|key| key.verifying_key()))
}
