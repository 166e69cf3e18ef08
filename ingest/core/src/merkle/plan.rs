//! Which stored hashes a proof is made of.

use std::ops::Range;

use crate::digest::Digest;
use crate::id::{LeafIndex, TreeSize};

use super::{ConsistencyError, InclusionError, Subtree, join};

/// The hashes of a proof before anybody has read them.
///
/// A plan is arithmetic on sizes. [`subtrees`](Self::subtrees) names the complete subtrees to fetch, and
/// [`resolve`](Self::resolve) makes the path from their hashes; most path hashes are one complete subtree, and the
/// ragged right edge of a tree is hashed from several.
///
/// ```
/// use mira_core::id::{LeafIndex, TreeSize};
/// use mira_core::merkle::ProofPlan;
///
/// // Leaf 4 of 7: its sibling leaf 5, then leaf 6 alone, then leaves 0 to 3.
/// let plan = ProofPlan::inclusion(LeafIndex::new(4), TreeSize::new(7))?;
/// let wanted: Vec<_> = plan.subtrees().map(|subtree| (subtree.level(), subtree.index())).collect();
/// assert_eq!(wanted, [(0, 5), (0, 6), (2, 0)]);
/// # Ok::<(), mira_core::merkle::InclusionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    /// One range of leaves per hash of the path, leaf up; each is a subtree of RFC 6962, complete or not.
    ranges: Vec<Range<u64>>,
}

impl ProofPlan {
    /// The plan of the path that proves leaf `index` in a tree of `size` leaves (RFC 9162, section 2.1.3.1).
    ///
    /// # Errors
    /// [`InclusionError::IndexBeyondTree`].
    pub fn inclusion(index: LeafIndex, size: TreeSize) -> Result<Self, InclusionError> {
        if index.value() >= size.value() {
            return Err(InclusionError::IndexBeyondTree { index, size });
        }
        let mut ranges = Vec::new();
        let mut here = 0..size.value();
        while here.end - here.start > 1 {
            let split = split(&here);
            if index.value() < split {
                ranges.push(split..here.end);
                here.end = split;
            } else {
                ranges.push(here.start..split);
                here.start = split;
            }
        }
        ranges.reverse();
        Ok(Self { ranges })
    }

    /// The plan of the path that proves the tree of `old` leaves a prefix of that of `new` leaves (RFC 9162, section
    /// 2.1.4.1). Equal sizes have the empty path.
    ///
    /// # Errors
    /// [`ConsistencyError::OldTreeEmpty`] and [`ConsistencyError::Shrinks`].
    pub fn consistency(old: TreeSize, new: TreeSize) -> Result<Self, ConsistencyError> {
        super::consistency::check_sizes(old, new)?;
        let mut ranges = Vec::new();
        let mut here = 0..new.value();
        while old.value() < here.end {
            let split = split(&here);
            if old.value() <= split {
                ranges.push(split..here.end);
                here.end = split;
            } else {
                ranges.push(here.start..split);
                here.start = split;
            }
        }
        // What remains ends where the old tree ends. If it is all of the old tree, the verifier has its hash already.
        if here.start > 0 {
            ranges.push(here);
        }
        ranges.reverse();
        Ok(Self { ranges })
    }

    /// The complete subtrees whose hashes [`resolve`](Self::resolve) asks for, in that order: at most 128.
    pub fn subtrees(&self) -> impl Iterator<Item = Subtree> {
        self.ranges.iter().cloned().flat_map(Subtree::covering)
    }

    /// Makes the path, leaf up, from the hashes of complete subtrees.
    ///
    /// # Errors
    /// The first error of `read`.
    pub fn resolve<E>(&self, mut read: impl FnMut(Subtree) -> Result<Digest, E>) -> Result<Vec<Digest>, E> {
        let hash_of = |leaves: &Range<u64>| {
            let parts = Subtree::covering(leaves.clone()).map(&mut read).collect::<Result<Vec<_>, E>>()?;
            Ok(join(parts))
        };
        self.ranges.iter().map(hash_of).collect()
    }
}

/// Where the left subtree of a range of at least two leaves ends: the largest power of two below its length.
fn split(leaves: &Range<u64>) -> u64 {
    leaves.start + (1 << (leaves.end - leaves.start - 1).ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(plan: ProofPlan) -> Vec<Range<u64>> {
        plan.ranges
    }

    /// The examples of RFC 6962, section 2.1.3: a tree of seven leaves.
    #[test]
    fn examples_of_the_rfc() {
        let inclusion =
            |index| ranges(ProofPlan::inclusion(LeafIndex::new(index), TreeSize::new(7)).expect("index below 7"));
        assert_eq!(inclusion(0), [1..2, 2..4, 4..7]);
        assert_eq!(inclusion(3), [2..3, 0..2, 4..7]);
        assert_eq!(inclusion(4), [5..6, 6..7, 0..4]);
        assert_eq!(inclusion(6), [4..6, 0..4]);
        let consistency =
            |old| ranges(ProofPlan::consistency(TreeSize::new(old), TreeSize::new(7)).expect("old below 7"));
        assert_eq!(consistency(3), [2..3, 3..4, 0..2, 4..7]);
        assert_eq!(consistency(4), std::slice::from_ref(&(4..7)));
        assert_eq!(consistency(6), [4..6, 6..7, 0..4]);
        assert!(consistency(7).is_empty());
    }

    #[test]
    fn the_largest_tree_has_plans() {
        let largest = TreeSize::new(u64::MAX);
        for index in [0, 1, 1 << 63, u64::MAX - 1] {
            let plan = ProofPlan::inclusion(LeafIndex::new(index), largest).expect("index below size");
            assert!(plan.subtrees().count() <= 128);
        }
        for old in [1, (1 << 63) - 1, 1 << 63, u64::MAX - 1] {
            let plan = ProofPlan::consistency(TreeSize::new(old), largest).expect("old below new");
            assert!(plan.subtrees().count() <= 128);
        }
    }
}
