//! Where a complete subtree stands, whatever the size of the tree around it.

use std::fmt;
use std::ops::Range;

use crate::id::{LeafIndex, TreeSize};

/// A complete subtree: 2^level leaves, from leaf index · 2^level on.
///
/// Its hash is final as soon as its last leaf is there, so these are the hashes worth storing. Every subtree of this
/// type fits a tree of at most 2^64 - 1 leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subtree {
    level: u8,
    index: u64,
}

impl Subtree {
    /// The subtree at `level` (0 is a leaf) and `index` (counted within its level), or `None` if its end is past the
    /// largest tree.
    pub const fn new(level: u8, index: u64) -> Option<Self> {
        if level < 64 && index < u64::MAX >> level { Some(Self { level, index }) } else { None }
    }

    /// The subtrees that make up a tree of `size` leaves, largest and leftmost first: one per set bit of the size.
    pub fn frontier(size: TreeSize) -> impl DoubleEndedIterator<Item = Self> {
        Self::covering(0..size.value())
    }

    /// The level; a leaf is at level 0.
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The index within the level.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// The leaves beneath.
    pub const fn leaves(self) -> Range<u64> {
        self.index << self.level..(self.index + 1) << self.level
    }

    /// Whether a tree of `size` leaves has all leaves of this subtree.
    pub const fn is_within(self, size: TreeSize) -> bool {
        self.leaves().end <= size.value()
    }

    /// The leaf at `index` as a subtree; the index must be below that of the last possible leaf.
    pub(super) const fn leaf(index: LeafIndex) -> Self {
        Self { level: 0, index: index.value() }
    }

    /// The subtree above; the caller knows that it is complete.
    pub(super) const fn parent(self) -> Self {
        Self { level: self.level + 1, index: self.index >> 1 }
    }

    /// The subtrees that make up a range of leaves, largest first.
    ///
    /// The range must be one that RFC 6962 hashes as a tree of its own: its start is a multiple of a power of two that
    /// is no smaller than its length.
    pub(super) fn covering(leaves: Range<u64>) -> impl DoubleEndedIterator<Item = Self> {
        let len = leaves.end - leaves.start;
        (0..64_u8).rev().filter(move |level| (len >> level) & 1 == 1).map(move |level| {
            // The longer subtrees come first, so this one starts after those bits of the length.
            let before = len & !(u64::MAX >> (63 - level));
            Self { level, index: (leaves.start + before) >> level }
        })
    }
}

impl fmt::Display for Subtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subtree {} of level {}", self.index, self.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontier_covers_the_tree_without_gaps() {
        for size in (0..300).chain([u64::MAX - 1, u64::MAX, 1 << 63, (1 << 63) - 1]) {
            let mut next = 0;
            for subtree in Subtree::frontier(TreeSize::new(size)) {
                assert_eq!(Subtree::new(subtree.level(), subtree.index()), Some(subtree));
                assert_eq!(subtree.leaves().start, next);
                assert!(subtree.is_within(TreeSize::new(size)) && !subtree.is_within(TreeSize::new(next)));
                next = subtree.leaves().end;
            }
            assert_eq!(next, size);
            assert_eq!(Subtree::frontier(TreeSize::new(size)).count(), size.count_ones() as usize);
        }
    }

    #[test]
    fn subtrees_past_the_largest_tree_do_not_exist() {
        assert!(Subtree::new(0, u64::MAX - 1).is_some());
        assert!(Subtree::new(0, u64::MAX).is_none());
        assert!(Subtree::new(63, 0).is_some());
        assert!(Subtree::new(63, 1).is_none());
        assert!(Subtree::new(64, 0).is_none());
    }
}
