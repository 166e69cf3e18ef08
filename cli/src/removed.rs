//! Datasets whose rows were removed from this machine on purpose, by `mira rm`.
//!
//! ```text
//! .mira/removed/<statement_id>   empty: the chunk files of this dataset need not be here
//! ```
//!
//! The log, the manifest and the list of chunks stay, so that the dataset can still be named, proved by its chunks, and
//! fetched again. The mark is durable before the first file goes: a crash leaves a dataset that says that it is removed, of
//! which some files are still here, and `mira rm` or `mira gc` goes on. Where all files are here, none was removed,
//! whatever mark there is.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use mira_core::digest::StatementId;
use mira_core::manifest::ChunkList;
use mira_ingest::store::Store;

use crate::error::{Kind, Result, ResultExt};
use crate::read_file::failed;
use crate::refs::Found;
use crate::session::Session;
use crate::{dataset, workspace::Workspace};

/// Says, durably when this returns, that a dataset's rows need not be here.
pub fn mark(workspace: &Workspace, id: &StatementId) -> Result<()> {
    let dir = workspace.path(DIR);
    let write = || {
        if !dir.is_dir() {
            fs::create_dir_all(&dir)?;
            sync(dir.parent().unwrap_or(&dir))?;
        }
        File::create(path(workspace, id))?.sync_all()?;
        sync(&dir)
    };
    write().map_err(|error| failed(&dir, &error))
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

fn path(workspace: &Workspace, id: &StatementId) -> PathBuf {
    workspace.path(DIR).join(id.to_string())
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
