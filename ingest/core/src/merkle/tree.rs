//! A tree built once from all its leaves.

use std::convert::Infallible;

use crate::digest::Digest;
use crate::id::{LeafIndex, TreeSize};

use super::{CompactRange, ConsistencyError, InclusionError, ProofPlan, Subtree, TreeHead, join, node_hash};

/// All leaf hashes of a bounded tree, such as the rows of a chunk, and the complete subtrees above them.
///
/// It holds fewer than two digests per leaf (64 bytes), the leaf hashes included, and hashes each pair once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// `levels[l]` has the complete subtrees of level l in order, n >> l of them; the leaves are level 0.
    levels: Vec<Vec<Digest>>,
    root: Digest,
}

impl Tree {
    /// Builds the tree over leaf hashes, in order.
    pub fn new<L: Into<Digest>>(leaves: impl IntoIterator<Item = L>) -> Self {
        let mut levels = Vec::new();
        let mut level: Vec<Digest> = leaves.into_iter().map(Into::into).collect();
        while level.len() > 1 {
            let (pairs, _) = level.as_chunks();
            let above = pairs.iter().map(|&[left, right]| node_hash(left, right)).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        let mut tree = Self { levels, root: super::empty_root() };
        tree.root = join(Subtree::frontier(tree.size()).map(|subtree| tree.stored(subtree)));
        tree
    }

    /// How many leaves there are.
    pub fn size(&self) -> TreeSize {
        TreeSize::new(self.leaves().len() as u64)
    }

    /// The root; of a tree without leaves, [`empty_root`](super::empty_root).
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size(), root: self.root }
    }

    /// The leaf hashes, in order.
    pub fn leaves(&self) -> &[Digest] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The path that proves the leaf at `index`, leaf up.
    ///
    /// # Errors
    /// [`InclusionError::IndexBeyondTree`].
    pub fn path(&self, index: LeafIndex) -> Result<Vec<Digest>, InclusionError> {
        Ok(self.resolve(&ProofPlan::inclusion(index, self.size())?))
    }

    /// The path that proves the tree of the first `old` leaves a prefix of this one.
    ///
    /// # Errors
    /// [`ConsistencyError::OldTreeEmpty`] and [`ConsistencyError::Shrinks`].
    pub fn consistency_path(&self, old: TreeSize) -> Result<Vec<Digest>, ConsistencyError> {
        Ok(self.resolve(&ProofPlan::consistency(old, self.size())?))
    }

    fn resolve(&self, plan: &ProofPlan) -> Vec<Digest> {
        let Ok(path) = plan.resolve(|subtree| Ok::<_, Infallible>(self.stored(subtree)));
        path
    }

    /// The hash of a complete subtree of this tree.
    #[expect(clippy::indexing_slicing, reason = "a frontier or plan for this size names only subtrees that are stored")]
    #[expect(clippy::cast_possible_truncation, reason = "an index within a level is below the length of a vector")]
    fn stored(&self, subtree: Subtree) -> Digest {
        self.levels[usize::from(subtree.level())][subtree.index() as usize]
    }
}

/// The root over leaf hashes, in order, in memory for one digest per level.
pub fn root_of<L: Into<Digest>>(leaves: impl IntoIterator<Item = L>) -> Digest {
    let mut range = CompactRange::new();
    leaves.into_iter().for_each(|leaf| range.append(leaf.into()));
    range.root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::RowLeaf;
    use crate::merkle::{empty_root, leaf_hash};

    #[test]
    fn a_tree_without_leaves_has_a_root_and_no_paths() {
        let tree = Tree::new(Vec::<RowLeaf>::new());
        assert_eq!(tree.head(), TreeHead { size: TreeSize::new(0), root: empty_root() });
        assert_eq!(root_of(Vec::<RowLeaf>::new()), empty_root());
        let index = LeafIndex::new(0);
        assert_eq!(tree.path(index), Err(InclusionError::IndexBeyondTree { index, size: tree.size() }));
        assert!(tree.consistency_path(TreeSize::new(0)).is_err());
    }

    #[test]
    fn a_tree_keeps_fewer_than_two_digests_a_leaf() {
        for size in 1..300_u16 {
            let tree = Tree::new((0..size).map(|row| RowLeaf::new(leaf_hash(&row.to_be_bytes()))));
            let kept: usize = tree.levels.iter().map(Vec::capacity).sum();
            assert!(kept < 2 * usize::from(size));
        }
    }
}
