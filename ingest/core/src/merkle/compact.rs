//! A tree that only grows, remembered by its right edge.

use crate::digest::Digest;
use crate::id::{LeafIndex, TreeSize};

use super::{Subtree, TreeHead, join};

/// The complete subtrees that make up a growing tree: at most one digest per level.
///
/// This is all that a log needs in memory. Each append reports the subtrees it completes, so that they can be stored
/// once and never written again; a log opens again from [`Subtree::frontier`] of its size.
///
/// ```
/// use mira_core::merkle::{CompactRange, leaf_hash};
///
/// let mut range = CompactRange::new();
/// range.append(leaf_hash(b"first"));
/// let mut completed = Vec::new();
/// range.append_with(leaf_hash(b"second"), |subtree, hash| completed.push((subtree.level(), subtree.index(), hash)));
/// assert_eq!(completed, [(0, 1, leaf_hash(b"second")), (1, 0, range.root())]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    /// Largest and leftmost first: one per set bit of the size.
    frontier: Vec<Digest>,
}

/// Why hashes are not the frontier of a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// The size has another number of set bits.
    #[error("a tree of {size} leaves has {expected} frontier hashes, found {found}")]
    HashCount {
        /// The size given.
        size: TreeSize,
        /// How many hashes belong to it.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// The size is past [`CompactRange::MAX_SIZE`].
    #[error("a growing tree has at most {max} leaves, found {found}")]
    Size {
        /// The largest size allowed.
        max: TreeSize,
        /// The size given.
        found: TreeSize,
    },
}

impl CompactRange {
    /// The largest tree that can be taken up again. Half of all sizes are left, so no append can overflow the size.
    pub const MAX_SIZE: TreeSize = TreeSize::new(1 << 63);

    /// The empty tree.
    pub const fn new() -> Self {
        Self { size: 0, frontier: Vec::new() }
    }

    /// Takes a tree up again from the hashes of [`Subtree::frontier`] of its size, in that order.
    ///
    /// Nothing here can tell whether the hashes are right: compare [`root`](Self::root) with a trusted one.
    ///
    /// # Errors
    /// [`CompactError`] if the size is too large or is not that of so many hashes.
    pub fn from_frontier(size: TreeSize, frontier: Vec<Digest>) -> Result<Self, CompactError> {
        if size > Self::MAX_SIZE {
            return Err(CompactError::Size { max: Self::MAX_SIZE, found: size });
        }
        let expected = size.value().count_ones() as usize;
        if frontier.len() != expected {
            return Err(CompactError::HashCount { size, expected, found: frontier.len() });
        }
        Ok(Self { size: size.value(), frontier })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> TreeSize {
        TreeSize::new(self.size)
    }

    /// The root; O(log n) hashes.
    pub fn root(&self) -> Digest {
        join(self.frontier.iter().copied())
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size(), root: self.root() }
    }

    /// The complete subtrees that make up the tree, largest and leftmost first.
    pub fn frontier(&self) -> impl Iterator<Item = (Subtree, Digest)> {
        Subtree::frontier(self.size()).zip(self.frontier.iter().copied())
    }

    /// Appends a leaf hash.
    pub fn append(&mut self, leaf: Digest) {
        self.append_with(leaf, |_, _| ());
    }

    /// Appends a leaf hash and reports each subtree that it completes: the leaf itself first, then upwards.
    pub fn append_with(&mut self, leaf: Digest, mut completed: impl FnMut(Subtree, Digest)) {
        let mut subtree = Subtree::leaf(LeafIndex::new(self.size));
        let mut hash = leaf;
        completed(subtree, hash);
        // Each trailing set bit of the size is a complete left sibling that waits for this leaf. There are no more of
        // them than set bits, and as many set bits as frontier hashes.
        let waiting = self.frontier.len() - self.size.trailing_ones() as usize;
        for left in self.frontier.drain(waiting..).rev() {
            hash = super::node_hash(left, hash);
            subtree = subtree.parent();
            completed(subtree, hash);
        }
        self.frontier.push(hash);
        self.size += 1;
    }
}
