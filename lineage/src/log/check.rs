//! Checking a whole log: every entry read, the tree built again, and everything stored compared with it.

use std::collections::{BTreeMap, BTreeSet};

use mira_core::digest::Digest;
use mira_core::id::{EpochNumber, LeafIndex, TreeSize};
use mira_core::log::vkey::VerifierKey;
use mira_core::merkle::{CompactRange, Subtree, TreeHead, leaf_hash, root_of};
use mira_core::tile::{EntryBundle, Tile};

use super::open::{OpenError, read_checkpoint};
use super::storage::{CHECKPOINT, Storage, StorageError};
use super::tiles::{Found, ReadError, fetch_bundle, fetch_tile};
use super::{LEVELS, head_of};
use crate::epoch::{self, EpochError, SealedEpoch};

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// Size and root of the checkpoint, if it verifies; nothing more is checked if it does not.
    pub head: Option<TreeHead>,
    /// How many tiles and entry bundles were compared.
    pub objects: u64,
    /// How many epochs were read.
    pub epochs: u64,
    /// How many tiles and bundles are there that the checkpoint has no use for: of older sizes, or never published.
    pub leftovers: u64,
    /// Objects that no log has.
    pub unknown: Vec<String>,
    /// Everything that is wrong.
    pub defects: Vec<Defect>,
}

/// Something wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// The checkpoint is missing, malformed or not signed by the log's key.
    #[error("the log cannot be checked without its checkpoint")]
    Checkpoint(#[source] OpenError),
    /// The entries do not lead to the checkpoint's root: other defects explain it, or the checkpoint is of another
    /// history.
    #[error("the checkpoint has root {expected} at size {size}, the entries have {found}")]
    Root {
        /// The checkpoint's size.
        size: TreeSize,
        /// The checkpoint's root.
        expected: Digest,
        /// The root over the entries.
        found: Digest,
    },
    /// A tile or entry bundle is missing, malformed or edited.
    #[error("a part of the log is missing or edited")]
    Object(#[source] ReadError),
    /// Neither entries nor leaf hashes are there, so that nothing from here on was checked.
    #[error("without the entries from {from} on, the tree cannot be built again")]
    Incomplete {
        /// The first entry that is missing.
        from: LeafIndex,
    },
    /// An epoch is missing, malformed, or not a prefix of the log.
    #[error("an epoch is not the log's")]
    Epoch(#[source] EpochError),
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.defects.is_empty()
    }
}

impl Defect {
    /// The object at fault.
    pub fn path(&self) -> String {
        match self {
            Self::Checkpoint(_) | Self::Root { .. } | Self::Epoch(EpochError::Beyond { .. }) => CHECKPOINT.to_owned(),
            Self::Object(error) => error.path(),
            Self::Incomplete { from } => format!("tile/entries, from entry {from} on"),
            Self::Epoch(error) => error.path(),
        }
    }
}

/// Reads every entry, tile and epoch of a log, builds the tree again, and reports whatever does not fit: all of it,
/// not only the first, up to where neither entries nor leaf hashes are left to build the tree from. Time and reading
/// are those of the whole log, memory that of one entry bundle.
///
/// # Errors
/// [`StorageError`] if the storage cannot be read, so that nothing is known.
pub fn check_everything<S: Storage>(storage: &S, key: &VerifierKey) -> Result<Report, StorageError> {
    let mut check = Check { storage, report: Report::default() };
    let checkpoint = match read_checkpoint(storage, key) {
        Ok(checkpoint) => checkpoint,
        Err(OpenError::Read(ReadError::Storage(error))) if !is_too_long(&error) => return Err(error),
        Err(error) => {
            check.report.defects.push(Defect::Checkpoint(error));
            return Ok(check.report);
        }
    };
    let head = head_of(checkpoint.signed());
    check.report.head = Some(head);
    let epochs = check.read_epochs(key)?;
    let sizes = epochs.iter().map(|epoch| epoch.head().size).collect();
    if let Some(rebuilt) = check.rebuild(head, sizes)? {
        check.compare_roots(head, &epochs, &rebuilt);
    }
    check.name_leftovers(head.size)?;
    Ok(check.report)
}

struct Check<'s, S> {
    storage: &'s S,
    report: Report,
}

/// The tree as the entries have it, a tile of each level at a time.
struct Rebuilt {
    range: CompactRange,
    /// The hashes of the tile that is being filled, by level; from level 1 on.
    hashes: [Vec<Digest>; LEVELS],
    /// Sizes whose roots are asked for.
    sizes: BTreeSet<TreeSize>,
    roots: BTreeMap<TreeSize, Digest>,
}

impl<S: Storage> Check<'_, S> {
    /// Reads the epochs up to the first that is not in its place.
    fn read_epochs(&mut self, key: &VerifierKey) -> Result<Vec<SealedEpoch>, StorageError> {
        let numbers = match epoch::numbers(self.storage) {
            Err(EpochError::Sequence { expected, found }) => {
                self.report.defects.push(Defect::Epoch(EpochError::Sequence { expected, found }));
                (1..expected.value()).map(EpochNumber::new).collect()
            }
            numbers => self.epoch_or_defect(numbers)?.unwrap_or_default(),
        };
        let mut epochs: Vec<SealedEpoch> = Vec::new();
        for number in numbers {
            self.report.epochs += 1;
            let Some(epoch) = self.epoch_or_defect(epoch::read(self.storage, number, key))? else { continue };
            if let Some(last) = epochs.last() {
                self.epoch_or_defect(epoch.check_after(last))?;
            }
            epochs.push(epoch);
        }
        Ok(epochs)
    }

    /// Builds the tree from the entries and compares each tile with it; `None` if a part of it is lost.
    fn rebuild(&mut self, head: TreeHead, sizes: BTreeSet<TreeSize>) -> Result<Option<Rebuilt>, StorageError> {
        let mut rebuilt =
            Rebuilt { range: CompactRange::new(), hashes: Default::default(), sizes, roots: BTreeMap::new() };
        for bundle in EntryBundle::added(TreeSize::new(0), head.size) {
            self.report.objects += 2;
            let Some(leaves) = self.leaves(bundle, head, &rebuilt)? else {
                // No further: a checkpoint may promise 2^63 entries, and what is not there would take as long to name.
                let from = LeafIndex::new(bundle.index() * u64::from(Tile::FULL));
                self.report.defects.push(Defect::Incomplete { from });
                return Ok(None);
            };
            rebuilt.extend(&leaves);
            self.compare_full_tiles(&mut rebuilt)?;
        }
        self.compare_partial_tiles(&rebuilt, head.size)?;
        Ok(Some(rebuilt))
    }

    /// The leaf hashes of a bundle, by its entries or, where these are at fault, by its tile; `None` if both are.
    fn leaves(
        &mut self,
        bundle: EntryBundle,
        head: TreeHead,
        rebuilt: &Rebuilt,
    ) -> Result<Option<Vec<Digest>>, StorageError> {
        let entries = self.object_or_defect(fetch_bundle(self.storage, bundle))?;
        let by_entries = entries.map(|found| Found {
            path: found.path,
            content: found.content.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>(),
        });
        let by_tile = self.object_or_defect(fetch_tile(self.storage, bundle.tile()))?;
        match (by_entries, by_tile) {
            (Some(entries), Some(tile)) if entries.content != tile.content => {
                self.settle(bundle, entries, tile, head, rebuilt).map(Some)
            }
            (Some(found), _) | (None, Some(found)) => Ok(Some(found.content)),
            (None, None) => Ok(None),
        }
    }

    /// Leaf hashes by the entries and by their tile contradict each other: what the tree has above them says who is
    /// right, and if nobody is, both are reported.
    fn settle(
        &mut self,
        bundle: EntryBundle,
        entries: Found<Vec<Digest>>,
        tile: Found<Vec<Digest>>,
        head: TreeHead,
        rebuilt: &Rebuilt,
    ) -> Result<Vec<Digest>, StorageError> {
        let entries_fit = self.fits(bundle, &entries.content, head, rebuilt)?;
        let tile_fits = self.fits(bundle, &tile.content, head, rebuilt)?;
        if !tile_fits {
            let [expected, found] = [&entries.content, &tile.content].map(|hashes| root_of(hashes.iter().copied()));
            self.object(ReadError::Tile { path: tile.path, expected, found });
        }
        if !entries_fit {
            let first = bundle.index() * u64::from(Tile::FULL);
            for ((index, &expected), &found) in (first..).zip(&tile.content).zip(&entries.content) {
                if expected != found {
                    let (path, index) = (entries.path.clone(), LeafIndex::new(index));
                    self.object(ReadError::Entry { path, index, expected, found });
                }
            }
        }
        Ok(if tile_fits { tile.content } else { entries.content })
    }

    /// Whether leaf hashes are what stands above them: the tile of level 1, or the checkpoint if they are the last.
    fn fits(
        &self,
        bundle: EntryBundle,
        leaves: &[Digest],
        head: TreeHead,
        rebuilt: &Rebuilt,
    ) -> Result<bool, StorageError> {
        if !bundle.tile().is_full() {
            let mut range = rebuilt.range.clone();
            leaves.iter().for_each(|leaf| range.append(*leaf));
            return Ok(range.head() == head);
        }
        let above = Subtree::new(Tile::HEIGHT, bundle.index());
        let Some((tile, slots)) = above.and_then(|above| Tile::locate(above, head.size).ok()) else { return Ok(false) };
        match fetch_tile(self.storage, tile) {
            Ok(above) => Ok(above.content.get(slots.start) == Some(&root_of(leaves.iter().copied()))),
            Err(ReadError::Storage(error)) if !is_too_long(&error) => Err(error),
            // It is reported when its own turn comes.
            Err(_) => Ok(false),
        }
    }

    /// Compares the tiles above level 0 that the last leaves completed.
    fn compare_full_tiles(&mut self, rebuilt: &mut Rebuilt) -> Result<(), StorageError> {
        for level in 1..=Tile::MAX_LEVEL {
            let Some(hashes) = rebuilt.hashes.get_mut(usize::from(level)) else { continue };
            if hashes.len() == usize::from(Tile::FULL) {
                let whole = std::mem::take(hashes);
                let index = (rebuilt.range.size().value() >> (Tile::HEIGHT * level)) / u64::from(Tile::FULL) - 1;
                self.compare_tile(level, index, &whole)?;
            }
        }
        Ok(())
    }

    fn compare_partial_tiles(&mut self, rebuilt: &Rebuilt, size: TreeSize) -> Result<(), StorageError> {
        for (level, hashes) in (0..).zip(&rebuilt.hashes) {
            if !hashes.is_empty() {
                self.compare_tile(level, (size.value() >> (Tile::HEIGHT * level)) / u64::from(Tile::FULL), hashes)?;
            }
        }
        Ok(())
    }

    fn compare_tile(&mut self, level: u8, index: u64, expected: &[Digest]) -> Result<(), StorageError> {
        self.report.objects += 1;
        let width = u16::try_from(expected.len()).unwrap_or(u16::MAX);
        let tile = Tile::new(level, index, width).map_err(ReadError::from);
        let found = tile.and_then(|tile| fetch_tile(self.storage, tile));
        if let Some(found) = self.object_or_defect(found)?.filter(|found| found.content != expected) {
            let (expected, content) = (root_of(expected.iter().copied()), root_of(found.content));
            self.object(ReadError::Tile { path: found.path, expected, found: content });
        }
        Ok(())
    }

    fn compare_roots(&mut self, head: TreeHead, epochs: &[SealedEpoch], rebuilt: &Rebuilt) {
        let found = rebuilt.range.root();
        if found != head.root {
            self.report.defects.push(Defect::Root { size: head.size, expected: head.root, found });
        }
        for epoch in epochs {
            let (number, TreeHead { size, root }) = (epoch.number(), epoch.head());
            let defect = match rebuilt.roots.get(&size) {
                None => EpochError::Beyond { number, log: head.size, found: size },
                Some(&expected) if expected != root => EpochError::Fork { number, size, expected, found: root },
                Some(_) => continue,
            };
            self.report.defects.push(Defect::Epoch(defect));
        }
    }

    /// Counts and names what else is there.
    fn name_leftovers(&mut self, size: TreeSize) -> Result<(), StorageError> {
        for path in self.storage.list("")? {
            let tile = path.parse::<Tile>().or_else(|_| path.parse::<EntryBundle>().map(EntryBundle::tile));
            match tile {
                Ok(tile) if !is_of_tree(tile, size) => self.report.leftovers += 1,
                Ok(_) => (),
                Err(_) if path == CHECKPOINT || is_epoch(&path) => (),
                Err(_) => self.report.unknown.push(path),
            }
        }
        Ok(())
    }

    /// A failing storage ends the check; any other error is a defect, and the check goes on.
    fn object_or_defect<T>(&mut self, result: Result<T, ReadError>) -> Result<Option<T>, StorageError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(ReadError::Storage(error)) if !is_too_long(&error) => Err(error),
            Err(error) => {
                self.object(error);
                Ok(None)
            }
        }
    }

    fn epoch_or_defect<T>(&mut self, result: Result<T, EpochError>) -> Result<Option<T>, StorageError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(EpochError::Storage(error)) if !is_too_long(&error) => Err(error),
            Err(error) => {
                self.report.defects.push(Defect::Epoch(error));
                Ok(None)
            }
        }
    }

    fn object(&mut self, error: ReadError) {
        self.report.defects.push(Defect::Object(error));
    }
}

impl Rebuilt {
    fn extend(&mut self, leaves: &[Digest]) {
        for &leaf in leaves {
            self.range.append_with(leaf, |subtree, hash| {
                let stored = subtree.level() > 0 && subtree.level().is_multiple_of(Tile::HEIGHT);
                if let Some(level) = self.hashes.get_mut(usize::from(subtree.level() / Tile::HEIGHT)).filter(|_| stored)
                {
                    level.push(hash);
                }
            });
            if self.sizes.contains(&self.range.size()) {
                self.roots.insert(self.range.size(), self.range.root());
            }
        }
    }
}

/// Whether a tree of this size has the tile, in this width.
fn is_of_tree(tile: Tile, size: TreeSize) -> bool {
    let first = tile.index() * u64::from(Tile::FULL);
    let subtree = Subtree::new(Tile::HEIGHT * tile.level(), first);
    subtree.and_then(|subtree| Tile::locate(subtree, size).ok()).is_some_and(|(found, _)| found == tile)
}

/// Whether an object stands among the epochs; whether it is one has been checked by then.
fn is_epoch(path: &str) -> bool {
    path.strip_prefix(epoch::DIRECTORY).is_some_and(|rest| rest.starts_with('/'))
}

/// An object that is too long is a defect of the log, not of its storage.
fn is_too_long(error: &StorageError) -> bool {
    matches!(error, StorageError::TooLong { .. })
}
