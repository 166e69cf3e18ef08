//! That a leaf is in a tree, at one place.

use crate::digest::Digest;
use crate::id::{LeafIndex, TreeSize};

use super::node_hash;

/// Why a path does not prove a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The tree has no such leaf.
    #[error("leaf index {index} is not below the tree size {size}")]
    IndexBeyondTree {
        /// The index given.
        index: LeafIndex,
        /// How many leaves the tree has.
        size: TreeSize,
    },
    /// The path has too few or too many hashes for this leaf of this tree.
    #[error("the path of leaf {index} in a tree of {size} has {expected} hashes, found {found}")]
    PathLength {
        /// The leaf.
        index: LeafIndex,
        /// How many leaves the tree has.
        size: TreeSize,
        /// How many hashes lead from that leaf to the root.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// The path leads elsewhere.
    #[error("the path of leaf {index} in a tree of {size} leads to root {found}, expected {expected}")]
    Root {
        /// The leaf.
        index: LeafIndex,
        /// How many leaves the tree has.
        size: TreeSize,
        /// The root that was to be reached.
        expected: Digest,
        /// The root that was reached.
        found: Digest,
    },
}

/// Checks that `leaf` is leaf `index` of the tree with `size` leaves and this `root` (RFC 9162, section 2.1.3.2).
///
/// `size` and `root` must come from one trusted place; a path that verifies says nothing about the size.
///
/// # Errors
/// [`InclusionError`].
pub fn verify_inclusion(
    leaf: Digest,
    index: LeafIndex,
    size: TreeSize,
    path: &[Digest],
    root: Digest,
) -> Result<(), InclusionError> {
    let found = root_from_path(leaf, index, size, path)?;
    if found != root {
        return Err(InclusionError::Root { index, size, expected: root, found });
    }
    Ok(())
}

/// The root that the path leads to, where it has to be hashed further before it can be compared.
///
/// Any path of the right length leads to some root: nothing is proved until that root is compared with a trusted one.
///
/// # Errors
/// [`InclusionError::IndexBeyondTree`] and [`InclusionError::PathLength`].
pub fn root_from_path(
    leaf: Digest,
    index: LeafIndex,
    size: TreeSize,
    path: &[Digest],
) -> Result<Digest, InclusionError> {
    let expected = inclusion_path_len(index, size)?;
    if path.len() != expected {
        return Err(InclusionError::PathLength { index, size, expected, found: path.len() });
    }
    // RFC 9162, section 2.1.3.2: `node` is its fn, `last` its sn. The length of the path was checked as a whole, so
    // neither "sn is 0 too early" nor "sn is not 0 at the end" can happen.
    let mut node = index.value();
    let mut last = size.value() - 1;
    let mut hash = leaf;
    for &sibling in path {
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, hash);
            // An only child moves up unchanged until it is somebody's right sibling.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    Ok(hash)
}

/// How many hashes the path of leaf `index` in a tree of `size` leaves has: at most 64.
///
/// # Errors
/// [`InclusionError::IndexBeyondTree`].
pub fn inclusion_path_len(index: LeafIndex, size: TreeSize) -> Result<usize, InclusionError> {
    if index.value() >= size.value() {
        return Err(InclusionError::IndexBeyondTree { index, size });
    }
    Ok(climb(index.value(), size.value() - 1, 0))
}

/// How many siblings there are on the way up from node `node`, whose level ends with node `last`, both given as leaf
/// numbers to be shifted right by `level`.
///
/// Below the level where the two meet, each level has a sibling to give. From there on the node is the last of its
/// level, and has a sibling, on its left, only where its bit is set.
pub(super) fn climb(node: u64, last: u64, level: u32) -> usize {
    let meeting = u64::BITS - (node ^ last).leading_zeros();
    let along_the_edge = node.checked_shr(meeting).unwrap_or(0).count_ones();
    (meeting - level + along_the_edge) as usize
}
