//! Reading a log: entries, and the proofs that its tiles hold.

use std::ops::Range;
use std::vec;

use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::{CompactError, CompactRange, ConsistencyError, InclusionError, ProofPlan, Subtree, TreeHead};
use mira_core::tile::{EntryBundle, Tile};

use super::tiles::{ReadError, Tiles};
use super::{Log, Storage};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The tree of that size has no such leaf.
    #[error("there is no such leaf to prove")]
    Inclusion(#[from] InclusionError),
    /// Nothing can be proved between these sizes.
    #[error("there is nothing to prove between these sizes")]
    Consistency(#[from] ConsistencyError),
    /// The log never had this size.
    #[error("the log has {found} entries, not yet {asked}")]
    Beyond {
        /// The size asked for.
        asked: TreeSize,
        /// The log's size.
        found: TreeSize,
    },
    /// The size is out of all proportion.
    #[error("the size is not that of a log")]
    Size(#[from] CompactError),
    /// A tile cannot be read, or is not the log's.
    #[error("the hashes of the proof cannot be read")]
    Read(#[from] ReadError),
}

/// Entries in order; see [`Log::entries`].
#[derive(Debug)]
pub struct Entries<'l, S> {
    tiles: Tiles<'l, S>,
    size: TreeSize,
    /// What is still to come; empty after an error.
    rest: Range<u64>,
    bundle: vec::IntoIter<Vec<u8>>,
}

impl<S: Storage> Log<S> {
    /// One entry.
    ///
    /// # Errors
    /// [`ReadError`]; an edited entry is named, and not returned.
    pub fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        let end = LeafIndex::new(index.value().saturating_add(1));
        self.entries(index..end)?.next().unwrap_or(Err(ReadError::Beyond { index, size: self.size() }))
    }

    /// Entries in order, each checked against its leaf hash. At most one bundle is in memory. After an error there are
    /// no more.
    ///
    /// # Errors
    /// [`ReadError::Beyond`] if the range ends past the log.
    pub fn entries(&self, range: Range<LeafIndex>) -> Result<Entries<'_, S>, ReadError> {
        if range.end.value() > self.size().value() {
            return Err(ReadError::Beyond { index: LeafIndex::new(range.end.value() - 1), size: self.size() });
        }
        let tiles = Tiles::new(&self.storage, &self.range);
        let rest = range.start.value()..range.end.value();
        Ok(Entries { tiles, size: self.size(), rest, bundle: Vec::new().into_iter() })
    }

    /// The path that proves entry `index` in the log as it was at `size`.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove_inclusion(&self, index: LeafIndex, size: TreeSize) -> Result<Vec<Digest>, ProveError> {
        self.check_size(size)?;
        self.resolve(&ProofPlan::inclusion(index, size)?)
    }

    /// The path that proves the log at size `old` a prefix of the log at size `new`.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove_consistency(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Digest>, ProveError> {
        self.check_size(new)?;
        self.resolve(&ProofPlan::consistency(old, new)?)
    }

    /// Size and root of the log as it was at `size`.
    ///
    /// # Errors
    /// [`ProveError::Beyond`] and [`ProveError::Read`].
    pub fn head_at(&self, size: TreeSize) -> Result<TreeHead, ProveError> {
        self.check_size(size)?;
        let mut tiles = Tiles::new(&self.storage, &self.range);
        let frontier = Subtree::frontier(size).map(|subtree| tiles.hash(subtree)).collect::<Result<Vec<_>, _>>()?;
        Ok(CompactRange::from_frontier(size, frontier)?.head())
    }

    fn resolve(&self, plan: &ProofPlan) -> Result<Vec<Digest>, ProveError> {
        // What was complete in an older tree is complete in this one, so the tiles of this one are enough.
        let mut tiles = Tiles::new(&self.storage, &self.range);
        Ok(plan.resolve(|subtree| tiles.hash(subtree))?)
    }

    fn check_size(&self, asked: TreeSize) -> Result<(), ProveError> {
        if asked > self.size() { Err(ProveError::Beyond { asked, found: self.size() }) } else { Ok(()) }
    }
}

impl<S: Storage> Entries<'_, S> {
    /// Reads the bundle that has the next entry, and drops what stands before that one.
    fn fill(&mut self) -> Result<(), ReadError> {
        let leaf = Subtree::new(0, self.rest.start)
            .ok_or(ReadError::Beyond { index: LeafIndex::new(self.rest.start), size: self.size })?;
        let (tile, slots) = Tile::locate(leaf, self.size)?;
        self.bundle = self.tiles.entries(EntryBundle::new(tile.index(), tile.width())?)?.into_iter();
        if let Some(before) = slots.start.checked_sub(1) {
            self.bundle.nth(before);
        }
        Ok(())
    }
}

impl<S: Storage> Iterator for Entries<'_, S> {
    type Item = Result<Vec<u8>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        if self.bundle.len() == 0
            && let Err(error) = self.fill()
        {
            self.rest = 0..0;
            return Some(Err(error));
        }
        self.rest.start += 1;
        self.bundle.next().map(Ok)
    }
}
