//! Datasets whose rows were removed from this machine on purpose, by `mira rm`.
//!
//! ```text
//! .mira/removed/<statement_id>   the chunk files of this dataset need not be here; empty, or "no leaves\n"
//! ```
//!
//! The log, the manifest and the list of chunks stay, and the leaves of rows take the place of chunk files, so that the
//! dataset can still be named, checked, proved, and fetched again. Leaves and mark are durable before the first file goes: a crash leaves a dataset that says that it is removed, of
//! which some files are still here, and `mira rm` or `mira gc` goes on. Where all files are here, none was removed,
//! whatever mark there is.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::AddAssign;
use std::path::PathBuf;

use mira_core::cid::Cid;
use mira_core::digest::StatementId;
use mira_core::manifest::ChunkList;
use mira_ingest::commit::CommittedDataset;
use mira_ingest::export::{self, ExportError};
use mira_ingest::store::{Store, StoreError};

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::read_file::{self, failed};
use crate::refs::Found;
use crate::session::Session;
use crate::{dataset, temporary, workspace::Workspace};

/// Says, durably when this returns, that a dataset's rows need not be here, and whether their leaves are kept. A crash in
/// between leaves a mark that keeps them.
pub fn mark(workspace: &Workspace, id: &StatementId, with_leaves: bool) -> Result<()> {
    let dir = workspace.path(DIR);
    let write = || {
        if !dir.is_dir() {
            fs::create_dir_all(&dir)?;
            temporary::sync(dir.parent().unwrap_or(&dir))?;
        }
        let mut file = File::create(path(workspace, id))?;
        file.write_all(if with_leaves { b"" } else { NO_LEAVES })?;
        file.sync_all()?;
        temporary::sync(&dir)
    };
    write().map_err(|error| failed(&dir, &error))
}

/// How many chunks gave their leaves.
#[derive(Debug, Default)]
pub struct Leaves {
    /// Chunks whose leaves are here.
    pub kept: u64,
    /// Chunks that had none to give: their files did not verify.
    pub lost: u64,
}

impl AddAssign for Leaves {
    fn add_assign(&mut self, other: Self) {
        self.kept += other.kept;
        self.lost += other.lost;
    }
}

/// Keeps the leaves of each chunk whose file is here and about to go, durably when this returns.
pub fn keep_leaves(store: &Store, dataset: &CommittedDataset, goes: impl Fn(&Cid) -> bool) -> Result<Leaves> {
    let (mut leaves, mut seen) = (Leaves::default(), HashSet::new());
    for (index, chunk) in dataset.chunks.iter().enumerate() {
        if !goes(&chunk.cid) || !store.has(&chunk.cid).kind(Kind::Failed)? || !seen.insert(chunk.leaf.leaf()) {
            continue;
        }
        if let Ok(Some(_)) = store.leaves(&chunk.leaf) {
            leaves.kept += 1;
            continue;
        }
        match export::leaves(dataset, store, index) {
            Ok(Some(found)) => {
                store.keep_leaves(&chunk.leaf, &found).kind(Kind::Failed)?;
                leaves.kept += 1;
            }
            // What cannot be read may be readable in a moment; what is read and wrong will not be right.
            Err(error @ ExportError::Store { source: StoreError::Io { .. }, .. }) => {
                return Err(CliError::caused(Kind::Failed, &error));
            }
            Ok(None) | Err(_) => leaves.lost += 1,
        }
    }
    Ok(leaves)
}

/// Takes the mark away. A crash before it is durable brings it back, which does no harm.
pub fn unmark(workspace: &Workspace, id: &StatementId) -> Result<()> {
    let path = path(workspace, id);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, &error)),
        _ => Ok(()),
    }
}

/// Whether a dataset's rows were removed: it is marked, and a chunk file is missing.
pub fn is_removed(session: &Session, found: &Found<'_>) -> Result<bool> {
    if !is_marked(&session.workspace, &found.id) {
        return Ok(false);
    }
    match dataset::load(&session.ledger, &session.blobs(), found) {
        Ok(stored) => lacks_chunks(&session.store()?, &stored.chunks),
        Err(error) if error.kind == Kind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether there is a mark.
pub fn is_marked(workspace: &Workspace, id: &StatementId) -> bool {
    path(workspace, id).exists()
}

/// Whether the mark says that no leaves are kept.
pub fn keeps_no_leaves(workspace: &Workspace, id: &StatementId) -> bool {
    read_file::bounded(&path(workspace, id), NO_LEAVES.len()).is_ok_and(|text| text == NO_LEAVES)
}

/// Whether the file of a chunk is not in the store.
pub fn lacks_chunks(store: &Store, chunks: &ChunkList) -> Result<bool> {
    for chunk in chunks.chunks() {
        if !store.has(&chunk.cid).kind(Kind::Failed)? {
            return Ok(true);
        }
    }
    Ok(false)
}

const DIR: &str = "removed";
/// What a mark says where no leaves are kept.
const NO_LEAVES: &[u8] = b"no leaves\n";

fn path(workspace: &Workspace, id: &StatementId) -> PathBuf {
    workspace.path(DIR).join(id.to_string())
}
