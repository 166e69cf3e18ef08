//! Appending: the one way in which a log changes.

use std::ops::Range;

use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::Subtree;
use mira_core::tile::{EntryBundle, Tile};

use super::growth::{Edge, Growth, Object, TooLong};
use super::open::MAX_CHECKPOINT;
use super::tiles::{ReadError, Tiles};
use super::{Log, LogSigner, MAX_ENTRY, SignError, Storage, StorageError, bundle};
use crate::epoch::{self, EpochError};

/// Why entries were not appended. Except after [`Commit`](Self::Commit), the log is as it was.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// An entry is too long.
    #[error("entry {position} of the batch has {found} bytes, more than {MAX_ENTRY}")]
    EntryTooLong {
        /// Which entry of the batch, from 0.
        position: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// Someone else has appended since the log was opened; open it again.
    #[error("someone else changed the log's checkpoint")]
    Conflict,
    /// What the log has cannot be read, so it cannot be continued.
    #[error("the end of the log cannot be read")]
    Read(#[from] ReadError),
    /// The log does not contain its last epoch.
    #[error("the log's last epoch forbids to continue it")]
    Epoch(#[from] EpochError),
    /// The signer refused.
    #[error("the new checkpoint was not signed")]
    Sign(#[from] SignError),
    /// An object was not written.
    #[error("the new entries were not written")]
    Write(#[source] StorageError),
    /// The swap failed, and may have happened all the same: open the log again to see.
    #[error("the entries may or may not have been appended")]
    Commit(#[source] StorageError),
}

impl<S: Storage> Log<S> {
    /// Appends entries in this order, and returns their indices when they are durable and the checkpoint covers them.
    ///
    /// A batch costs as much as an entry until its tiles fill: batch what can wait. The batch is in memory twice. The
    /// caller holds the lock that keeps other writers away; an empty batch changes nothing.
    ///
    /// # Errors
    /// [`AppendError`]; after all but [`AppendError::Commit`] and [`AppendError::Conflict`] this log may be used on.
    pub fn append(&mut self, entries: &[&[u8]], signer: &LogSigner) -> Result<Range<LeafIndex>, AppendError> {
        let first = LeafIndex::new(self.size().value());
        if entries.is_empty() {
            return Ok(first..first);
        }
        // A log that fell behind would write its tiles over published ones of the same width.
        self.check_cell()?;
        let edge = self.take_edge()?;
        let growth = Growth::new(&self.range, edge, entries).map_err(|TooLong { position }| {
            AppendError::EntryTooLong { position, found: entries.get(position).map_or(0, |entry| entry.len()) }
        })?;
        for Object { path, bytes } in &growth.objects {
            self.storage.put(path, bytes).map_err(AppendError::Write)?;
            // Dies here: tiles wider than the log, which the next append writes over or passes by.
        }
        // As late as can be: a signed checkpoint that is then not published would contradict the next one.
        let checkpoint = signer.sign(&self.checkpoint, growth.range.head(), &growth.path)?;
        let (last, next) = (self.checkpoint.signed().as_bytes(), checkpoint.signed().as_bytes());
        // The commit point.
        self.storage.swap_checkpoint(Some(last), next).map_err(|error| match error {
            StorageError::Conflict => AppendError::Conflict,
            error => AppendError::Commit(error),
        })?;
        // Dies here: the entries are in the log, and a caller who asks again must look before he repeats himself.
        self.checkpoint = checkpoint;
        self.range = growth.range;
        self.edge = Some(growth.edge);
        for directory in &growth.replaced {
            // Dies or fails here: partial tiles stay that nobody needs, and nobody is harmed by.
            let _ = self.storage.remove_all(directory);
        }
        Ok(first..LeafIndex::new(self.size().value()))
    }

    fn check_cell(&self) -> Result<(), AppendError> {
        let found = self.storage.checkpoint(MAX_CHECKPOINT).map_err(ReadError::from)?;
        if found.as_deref() == Some(self.checkpoint.signed().as_bytes()) { Ok(()) } else { Err(AppendError::Conflict) }
    }

    /// The partial tiles and bundle; read, and checked, if this log has not appended yet.
    fn take_edge(&mut self) -> Result<Edge, AppendError> {
        if let Some(edge) = self.edge.take() {
            return Ok(edge);
        }
        // Before its first signature: a checkpoint that was put back behind an epoch must not be continued.
        if let Some(last) = epoch::last(self)? {
            epoch::check_within(self, &last)?;
        }
        Ok(self.read_edge()?)
    }

    fn read_edge(&self) -> Result<Edge, ReadError> {
        let mut tiles = Tiles::new(&self.storage, &self.range);
        let mut edge = Edge::default();
        for (level, hashes) in (0..).zip(&mut edge.hashes) {
            if let Some(partial) = last_partial(level, self.size()) {
                *hashes = tiles.hashes(partial)?.to_vec();
            }
        }
        if let Some(partial) = last_partial(0, self.size()) {
            for entry in tiles.entries(EntryBundle::new(partial.index(), partial.width())?)? {
                // It was read from a bundle, so it fits one.
                bundle::push(&mut edge.bundle, &entry);
            }
        }
        Ok(edge)
    }
}

/// The last tile of a level, if it is not full.
fn last_partial(level: u8, size: TreeSize) -> Option<Tile> {
    let hashes = size.value() >> (Tile::HEIGHT * level);
    let last = Subtree::new(Tile::HEIGHT * level, hashes.checked_sub(1)?)?;
    let (tile, _) = Tile::locate(last, size).ok()?;
    (!tile.is_full()).then_some(tile)
}
