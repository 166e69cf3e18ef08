//! Reading hashes and entries out of storage, each checked against what was checked before.
//!
//! The right edge of the tree is in memory and known to be good. A tile on the edge is checked against it, a full tile
//! against its one hash in the tile above, an entry against its hash in the tile of level 0.

use std::ops::Range;

use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::{CompactRange, Subtree, leaf_hash, root_of};
use mira_core::tile::{EntryBundle, Tile, TileError};

use super::LEVELS;
use super::bundle::{self, BundleError, MAX_FRAMED};
use super::storage::{Storage, StorageError};

/// Why a part of the log cannot be read, or is not what the log's checkpoint speaks for.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The storage failed, or holds an object that is too long.
    #[error("the log's storage failed")]
    Storage(#[from] StorageError),
    /// An object that the log has is not there.
    #[error("{path} is missing")]
    Missing {
        /// The object.
        path: String,
    },
    /// A tile has another number of bytes than its hashes take.
    #[error("{path} has {expected} bytes, found {found}")]
    Length {
        /// The tile.
        path: String,
        /// Bytes of its hashes.
        expected: usize,
        /// Bytes in storage.
        found: usize,
    },
    /// A bundle is not made of the entries that it should have.
    #[error("{path} is not an entry bundle of its width")]
    Bundle {
        /// The bundle.
        path: String,
        /// What is wrong with it.
        source: BundleError,
    },
    /// A tile does not hash to what the tree has there.
    #[error("{path} is not the log's: expected hash {expected}, found {found}")]
    Tile {
        /// The tile.
        path: String,
        /// The hash over it, or over a part of it, in the tree.
        expected: Digest,
        /// What it hashes to.
        found: Digest,
    },
    /// An entry does not hash to the leaf that the tree has there.
    #[error("entry {index} in {path} is not the log's: expected leaf {expected}, found {found}")]
    Entry {
        /// The bundle.
        path: String,
        /// Which entry of the log.
        index: LeafIndex,
        /// The leaf hash in the tree.
        expected: Digest,
        /// What the entry hashes to.
        found: Digest,
    },
    /// The log has no such entry.
    #[error("the log has {size} entries, none at {index}")]
    Beyond {
        /// The index asked for.
        index: LeafIndex,
        /// The size of the log.
        size: TreeSize,
    },
    /// The log has no such subtree.
    #[error("no tile of the log has the hash")]
    Subtree(#[from] TileError),
}

impl ReadError {
    /// Whether the storage could not answer. Otherwise what it holds, or does not hold, is at fault.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Storage(error) if !matches!(error, StorageError::TooLong { .. }))
    }

    /// The object at fault, as far as there is one.
    pub fn path(&self) -> String {
        match self {
            Self::Storage(error) => error.path().to_owned(),
            Self::Missing { path }
            | Self::Length { path, .. }
            | Self::Bundle { path, .. }
            | Self::Tile { path, .. }
            | Self::Entry { path, .. } => path.clone(),
            Self::Beyond { .. } | Self::Subtree(_) => "tile".to_owned(),
        }
    }
}

/// Reads hashes of a tree whose right edge is known, and remembers one tile of each level.
#[derive(Debug)]
pub(super) struct Tiles<'l, S> {
    storage: &'l S,
    range: &'l CompactRange,
    held: [Option<(Tile, Vec<Digest>)>; LEVELS],
}

impl<'l, S: Storage> Tiles<'l, S> {
    pub(super) fn new(storage: &'l S, range: &'l CompactRange) -> Self {
        Self { storage, range, held: Default::default() }
    }

    /// The hash of a complete subtree.
    pub(super) fn hash(&mut self, subtree: Subtree) -> Result<Digest, ReadError> {
        let (tile, slots) = Tile::locate(subtree, self.range.size())?;
        Ok(hash_over(self.hashes(tile)?, slots))
    }

    /// The hashes of a tile in the width that the tree has it in.
    pub(super) fn hashes(&mut self, tile: Tile) -> Result<&[Digest], ReadError> {
        let level = usize::from(tile.level());
        if !matches!(self.held.get(level), Some(Some((held, _))) if *held == tile) {
            let read = self.read(tile)?;
            if let Some(held) = self.held.get_mut(level) {
                *held = Some((tile, read));
            }
        }
        Ok(self.held.get(level).and_then(Option::as_ref).map_or(&[], |(_, hashes)| hashes))
    }

    /// The entries of a bundle in the width that the log has it in.
    pub(super) fn entries(&mut self, bundle: EntryBundle) -> Result<Vec<Vec<u8>>, ReadError> {
        let Found { path, content: entries } = fetch_bundle(self.storage, bundle)?;
        let leaves = self.hashes(bundle.tile())?;
        let first = bundle.index() * u64::from(Tile::FULL);
        for ((index, entry), &expected) in (first..).zip(&entries).zip(leaves) {
            let found = leaf_hash(entry);
            if found != expected {
                return Err(ReadError::Entry { path, index: LeafIndex::new(index), expected, found });
            }
        }
        Ok(entries)
    }

    fn read(&mut self, tile: Tile) -> Result<Vec<Digest>, ReadError> {
        let Found { path, content: hashes } = fetch_tile(self.storage, tile)?;
        for (slots, expected) in self.expected(tile)? {
            let found = hash_over(&hashes, slots);
            if found != expected {
                return Err(ReadError::Tile { path, expected, found });
            }
        }
        Ok(hashes)
    }

    /// Hashes over parts of a tile that together cover it.
    fn expected(&mut self, tile: Tile) -> Result<Vec<(Range<usize>, Digest)>, ReadError> {
        let above = tile.level() * Tile::HEIGHT + Tile::HEIGHT;
        if let (true, Some(whole)) = (tile.is_full(), Subtree::new(above, tile.index())) {
            return Ok(vec![(0..usize::from(Tile::FULL), self.hash(whole)?)]);
        }
        let size = self.range.size();
        let on_edge = |(subtree, hash)| {
            let (found, slots) = Tile::locate(subtree, size).ok()?;
            (found == tile).then_some((slots, hash))
        };
        Ok(self.range.frontier().filter_map(on_edge).collect())
    }
}

/// What storage holds under a path; nobody has checked it.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) path: String,
    pub(super) content: T,
}

/// Reads a tile's hashes. A partial tile that is not there is taken from the full one.
pub(super) fn fetch_tile<S: Storage>(storage: &S, tile: Tile) -> Result<Found<Vec<Digest>>, ReadError> {
    for tile_or_full in widths(tile) {
        let (path, expected) = (tile_or_full.to_string(), tile_or_full.byte_len());
        let Some(bytes) = storage.get(&path, expected)? else { continue };
        if bytes.len() != expected {
            return Err(ReadError::Length { path, expected, found: bytes.len() });
        }
        let (hashes, _) = bytes.as_chunks::<{ Digest::LEN }>();
        let content = hashes.iter().take(tile.width().into()).copied().map(Digest::new).collect();
        return Ok(Found { path, content });
    }
    Err(ReadError::Missing { path: tile.to_string() })
}

/// Reads a bundle's entries. A partial bundle that is not there is taken from the full one.
pub(super) fn fetch_bundle<S: Storage>(storage: &S, bundle: EntryBundle) -> Result<Found<Vec<Vec<u8>>>, ReadError> {
    for tile in widths(bundle.tile()) {
        let path = EntryBundle::new(tile.index(), tile.width())?.to_string();
        let width = usize::from(tile.width());
        let Some(bytes) = storage.get(&path, width * MAX_FRAMED)? else { continue };
        return match bundle::parse(&bytes, width) {
            Err(source) => Err(ReadError::Bundle { path, source }),
            Ok(entries) => {
                let content = entries.into_iter().take(bundle.width().into()).map(<[u8]>::to_vec).collect();
                Ok(Found { path, content })
            }
        };
    }
    Err(ReadError::Missing { path: bundle.to_string() })
}

/// Where a tile may be found: under its own name, then under that of the full one.
fn widths(tile: Tile) -> impl Iterator<Item = Tile> {
    let full = Tile::new(tile.level(), tile.index(), Tile::FULL).ok().filter(|full| *full != tile);
    std::iter::once(tile).chain(full)
}

/// The hash over some slots of a tile; they are within it if [`Tile::locate`] named them, and otherwise what comes out
/// is no hash of the tree.
pub(super) fn hash_over(hashes: &[Digest], slots: Range<usize>) -> Digest {
    root_of(hashes.get(slots).unwrap_or_default().iter().copied())
}
