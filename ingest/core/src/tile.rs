//! Tiles: where a log keeps its hashes and entries (C2SP tlog-tiles).
//!
//! A [`Tile`] is 1 to 256 hashes of neighbouring complete subtrees, 32 bytes each and nothing between them. Tile level
//! L holds tree levels 8L; the tree levels between are hashed from a tile when they are asked for. An [`EntryBundle`]
//! holds the entries whose leaf hashes are in the tile of level 0 with the same index.
//!
//! ```text
//! tile/0/000              leaf hashes 0 to 255
//! tile/0/x001/x234/067    leaf hashes 256 · 1234067 to 256 · 1234068 - 1
//! tile/1/000.p/17         one hash over each of the first 17 full tiles of level 0
//! tile/entries/273.p/112  entries 69888 to 69999
//! ```
//!
//! Only coordinates and paths are here: nothing is read or written. A proof is made by resolving a
//! [`ProofPlan`](crate::merkle::ProofPlan) with [`Tile::locate`] and [`Tile::hash`].

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::digest::Digest;
use crate::id::TreeSize;
use crate::merkle::{Subtree, Tree};

/// A hash tile: level, index within the level, and how many hashes it has.
///
/// Some tree of fewer than 2^64 leaves has this tile, so levels end at 7 although the grammar goes to 63.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// An entry bundle: index and number of entries, as in the tile of level 0 that holds their leaf hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryBundle(Tile);

/// Why something is not a tile, or not this one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not the one spelling of a tile's path.
    #[error("expected tile/<level>/<index>[.p/<width>], found {found:?}")]
    Path {
        /// The start of the text.
        found: String,
    },
    /// Not the one spelling of an entry bundle's path.
    #[error("expected tile/entries/<index>[.p/<width>], found {found:?}")]
    BundlePath {
        /// The start of the text.
        found: String,
    },
    /// No tree has such a tile.
    #[error("no tree has a tile of level {level}, index {index} and width {width}")]
    Coordinates {
        /// The tile level.
        level: u8,
        /// The index within the level.
        index: u64,
        /// How many hashes.
        width: u16,
    },
    /// The subtree ends past the tree.
    #[error("{subtree} is not complete in a tree of {size}")]
    NotInTree {
        /// The subtree looked for.
        subtree: Subtree,
        /// How many leaves the tree has.
        size: TreeSize,
    },
    /// The bytes are not those of a tile of this width.
    #[error("{tile} has {expected} bytes, found {found}")]
    Length {
        /// The tile.
        tile: Tile,
        /// Bytes that its hashes take.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// The slots are not a subtree within this tile.
    #[error("slots {start} to {end} are no complete subtree of {tile}")]
    Slots {
        /// The tile.
        tile: Tile,
        /// The first slot.
        start: usize,
        /// The slot after the last.
        end: usize,
    },
}

impl Tile {
    /// Hashes in a full tile.
    pub const FULL: u16 = 256;
    /// Tree levels that one tile level stands for.
    pub const HEIGHT: u8 = 8;
    /// The highest tile level that a tree can have.
    pub const MAX_LEVEL: u8 = 7;

    /// The tile with these coordinates.
    ///
    /// # Errors
    /// [`TileError::Coordinates`] if no tree has it: level above 7, width 0 or above 256, or past 2^64 - 1 leaves.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        let end = (u128::from(index) * u128::from(Self::FULL) + u128::from(width)) << (Self::HEIGHT * level.min(8));
        let exists = level <= Self::MAX_LEVEL && (1..=Self::FULL).contains(&width) && end <= u128::from(u64::MAX);
        if exists { Ok(Self { level, index, width }) } else { Err(TileError::Coordinates { level, index, width }) }
    }

    /// The tile in which a tree of `size` leaves keeps this subtree, and the slots of the tile beneath it: one slot if
    /// the hash itself is stored, else a power of two for [`hash`](Self::hash).
    ///
    /// # Errors
    /// [`TileError::NotInTree`] if the subtree is not complete at that size.
    pub fn locate(subtree: Subtree, size: TreeSize) -> Result<(Self, Range<usize>), TileError> {
        if !subtree.is_within(size) {
            return Err(TileError::NotInTree { subtree, size });
        }
        let level = subtree.level() / Self::HEIGHT;
        // Both ends counted in hashes of this tile level; all of the subtree's lie in one tile.
        let spans = subtree.leaves().start >> (Self::HEIGHT * level)..subtree.leaves().end >> (Self::HEIGHT * level);
        let index = spans.start / u64::from(Self::FULL);
        let before = index * u64::from(Self::FULL);
        let width = width_at(level, index, size);
        Ok((Self { level, index, width }, slot(spans.start - before)..slot(spans.end - before)))
    }

    /// The tiles that are new or wider in a tree of `new` leaves than in one of `old`, each in its new width, from
    /// level 0 upwards.
    ///
    /// From 0, these are all tiles of the tree. Written in this order before the checkpoint, they make it servable.
    pub fn added(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Self> {
        (0..=Self::MAX_LEVEL).flat_map(move |level| {
            let full_before = hashes_at(level, old) / u64::from(Self::FULL);
            let end = hashes_at(level, new).div_ceil(u64::from(Self::FULL));
            let grown = hashes_at(level, new) > hashes_at(level, old);
            let tiles = if grown { full_before..end } else { 0..0 };
            tiles.map(move |index| Self { level, index, width: width_at(level, index, new) })
        })
    }

    /// The tile level: 0 holds leaf hashes.
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The index within the level.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes it has, 1 to 256.
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether it has all 256 hashes.
    pub const fn is_full(self) -> bool {
        self.width == Self::FULL
    }

    /// How many bytes it has.
    pub fn byte_len(self) -> usize {
        usize::from(self.width) * Digest::LEN
    }

    /// The hash of the subtree over `slots`, from the tile's bytes.
    ///
    /// # Errors
    /// [`TileError::Length`] if there are not exactly the bytes of this tile, [`TileError::Slots`] if the slots are
    /// not a power of two of them on a multiple of itself.
    pub fn hash(self, bytes: &[u8], slots: Range<usize>) -> Result<Digest, TileError> {
        if bytes.len() != self.byte_len() {
            return Err(TileError::Length { tile: self, expected: self.byte_len(), found: bytes.len() });
        }
        let (hashes, _) = bytes.as_chunks::<{ Digest::LEN }>();
        let aligned = slots.len().is_power_of_two() && slots.start.is_multiple_of(slots.len());
        match hashes.get(slots.clone()) {
            Some(beneath) if aligned => Ok(Tree::new(beneath.iter().copied().map(Digest::new)).root()),
            _ => Err(TileError::Slots { tile: self, start: slots.start, end: slots.end }),
        }
    }
}

impl EntryBundle {
    /// The bundle with these coordinates.
    ///
    /// # Errors
    /// [`TileError::Coordinates`] if no log has it.
    pub fn new(index: u64, width: u16) -> Result<Self, TileError> {
        Tile::new(0, index, width).map(Self)
    }

    /// The bundles that are new or wider in a log of `new` entries than in one of `old`.
    pub fn added(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Self> {
        Tile::added(old, new).take_while(|tile| tile.level == 0).map(Self)
    }

    /// The index.
    pub const fn index(self) -> u64 {
        self.0.index
    }

    /// How many entries it has, 1 to 256.
    pub const fn width(self) -> u16 {
        self.0.width
    }

    /// The tile that holds the leaf hashes of these entries.
    pub const fn tile(self) -> Tile {
        self.0
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_index_and_width(f, *self)
    }
}

impl fmt::Display for EntryBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_index_and_width(f, self.0)
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        let (level, rest) = text
            .strip_prefix("tile/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| TileError::Path { found: start_of(text) })?;
        level
            .parse()
            .ok()
            .zip(index_and_width(rest))
            .and_then(|(level, (index, width))| Self::new(level, index, width).ok())
            .filter(|tile| tile.to_string() == text)
            .ok_or_else(|| TileError::Path { found: start_of(text) })
    }
}

impl FromStr for EntryBundle {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        text.strip_prefix("tile/entries/")
            .and_then(index_and_width)
            .and_then(|(index, width)| Self::new(index, width).ok())
            .filter(|bundle| bundle.to_string() == text)
            .ok_or_else(|| TileError::BundlePath { found: start_of(text) })
    }
}

/// Writes `<N>[.p/<W>]`.
fn write_index_and_width(f: &mut fmt::Formatter<'_>, tile: Tile) -> fmt::Result {
    let groups = tile.index.checked_ilog(1000).unwrap_or(0);
    for group in (1..=groups).rev() {
        write!(f, "x{:03}/", tile.index / 1000_u64.pow(group) % 1000)?;
    }
    write!(f, "{:03}", tile.index % 1000)?;
    if tile.is_full() { Ok(()) } else { write!(f, ".p/{}", tile.width) }
}

/// Reads `<N>[.p/<W>]` without caring for its spelling: the caller prints the result and compares.
fn index_and_width(text: &str) -> Option<(u64, u16)> {
    let (index, width) = match text.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok()?),
        None => (text, Tile::FULL),
    };
    let index = index.split('/').try_fold(0_u64, |index, group| {
        let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    Some((index, width))
}

/// As much of a text as an error should quote.
fn start_of(text: &str) -> String {
    text.chars().take(80).collect()
}

/// How many hashes a tree of `size` leaves has at a tile level.
const fn hashes_at(level: u8, size: TreeSize) -> u64 {
    size.value() >> (Tile::HEIGHT * level)
}

/// The width of a tile in a tree that has it.
fn width_at(level: u8, index: u64, size: TreeSize) -> u16 {
    let from_here = hashes_at(level, size) - index * u64::from(Tile::FULL);
    u16::try_from(from_here).unwrap_or(Tile::FULL).min(Tile::FULL)
}

/// A distance within a tile.
#[expect(clippy::cast_possible_truncation, reason = "at most the 256 slots of a tile")]
const fn slot(distance: u64) -> usize {
    distance as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_specification() {
        for (path, level, index, width) in [
            ("tile/0/000", 0, 0, 256),
            ("tile/0/x001/x234/067", 0, 1_234_067, 256),
            ("tile/1/999", 1, 999, 256),
            ("tile/1/x001/000", 1, 1000, 256),
            ("tile/0/273.p/112", 0, 273, 112),
            ("tile/7/000.p/255", 7, 0, 255),
            ("tile/0/x072/x057/x594/x037/x927/935.p/255", 0, u64::MAX / 256, 255),
        ] {
            let tile = Tile::new(level, index, width).expect("a tree has it");
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
        let bundle = EntryBundle::new(273, 112).expect("a log has it");
        assert_eq!(bundle.to_string(), "tile/entries/273.p/112");
        assert_eq!("tile/entries/273.p/112".parse(), Ok(bundle));
    }

    #[test]
    fn one_spelling_only() {
        for bad in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile/00/000",
            "tile/+0/000",
            "tile/-1/000",
            "tile/8/000.p/1",
            "tile/63/000.p/1",
            "tile/64/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/+00",
            "tile/0/x000",
            "tile/0/x000/001",
            "tile/0/001/001",
            "tile/0/x001/x001",
            "tile/0/X001/001",
            "tile/0/xx001/001",
            "tile/0/x001//001",
            "tile/0/x01/001",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/256",
            "tile/0/000.p/1.p/1",
            "tile/0/000.p/1 ",
            "tile/0/000.P/1",
            "tile/7/000",
            "tile/0/x072/x057/x594/x037/x927/935",
            "tile/0/x072/x057/x594/x037/x927/936.p/1",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/entries/000",
            "tile/0/٠٠٠",
        ] {
            assert_eq!(bad.parse::<Tile>(), Err(TileError::Path { found: bad.into() }));
        }
        for bad in
            ["tile/0/000", "tile/entries/", "tile/entries/000.p/0", "tile/entries/x000/000", "tile/entries/0/000"]
        {
            assert_eq!(bad.parse::<EntryBundle>(), Err(TileError::BundlePath { found: bad.into() }));
        }
    }

    /// tlog-tiles, "Partial Tiles": a tree of 70,000, and one of 256.
    #[test]
    fn tiles_of_the_specification() {
        let all = |size| Tile::added(TreeSize::new(0), TreeSize::new(size)).collect::<Vec<_>>();
        let tiles = all(70_000);
        assert_eq!(tiles.iter().filter(|tile| tile.level() == 0 && tile.is_full()).count(), 273);
        let rest: Vec<_> = tiles.into_iter().skip(273).map(|tile| tile.to_string()).collect();
        assert_eq!(rest, ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
        let names: Vec<_> = all(256).into_iter().map(|tile| tile.to_string()).collect();
        assert_eq!(names, ["tile/0/000", "tile/1/000.p/1"]);
        assert!(all(0).is_empty());
        let bundles: Vec<_> =
            EntryBundle::added(TreeSize::new(255), TreeSize::new(257)).map(|b| b.to_string()).collect();
        assert_eq!(bundles, ["tile/entries/000", "tile/entries/001.p/1"]);
    }

    #[test]
    fn growth_adds_exactly_the_tiles_that_differ() {
        let all = |size| Tile::added(TreeSize::new(0), TreeSize::new(size)).collect::<Vec<_>>();
        for (old, new) in [(0, 1), (1, 1), (1, 2), (255, 256), (256, 257), (200, 70_000), (65_535, 65_536), (7, 5)] {
            let before = if old <= new { all(old) } else { all(new) };
            let differing: Vec<_> = all(new).into_iter().filter(|tile| !before.contains(tile)).collect();
            let added: Vec<_> = Tile::added(TreeSize::new(old), TreeSize::new(new)).collect();
            assert_eq!(added, differing, "{old} to {new}");
        }
    }

    #[test]
    fn bytes_and_slots_are_checked() {
        let tile = Tile::new(0, 0, 4).expect("a tree has it");
        let bytes = [7; 4 * Digest::LEN];
        assert!(tile.hash(&bytes, 2..4).is_ok());
        assert_eq!(tile.hash(&bytes[1..], 0..1), Err(TileError::Length { tile, expected: 128, found: 127 }));
        for (start, end) in [(0, 0), (0, 3), (1, 3), (4, 5), (3, 2), (0, 8)] {
            assert_eq!(tile.hash(&bytes, start..end), Err(TileError::Slots { tile, start, end }));
        }
    }

    #[test]
    fn a_subtree_past_the_tree_is_nowhere() {
        let subtree = Subtree::new(3, 1).expect("a tree has it");
        assert!(Tile::locate(subtree, TreeSize::new(16)).is_ok());
        let size = TreeSize::new(15);
        assert_eq!(Tile::locate(subtree, size), Err(TileError::NotInTree { subtree, size }));
    }
}
