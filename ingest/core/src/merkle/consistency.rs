//! That a tree grew out of an older one, with nothing changed or removed.

use crate::digest::Digest;
use crate::id::TreeSize;

use super::{inclusion, node_hash};

/// A tree as a checkpoint names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TreeHead {
    /// How many leaves it has.
    pub size: TreeSize,
    /// Its root.
    pub root: Digest,
}

/// Why a path does not prove that one tree is a prefix of another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The older tree is empty: everything is consistent with it, so nothing would be proved.
    #[error("expected an older tree of at least one leaf, found an empty one (the newer has {new})")]
    OldTreeEmpty {
        /// Size of the newer tree.
        new: TreeSize,
    },
    /// The newer tree has fewer leaves.
    #[error("expected at least {old} leaves, found a newer tree of {new}")]
    Shrinks {
        /// Size of the older tree.
        old: TreeSize,
        /// Size of the newer tree.
        new: TreeSize,
    },
    /// The path has too few or too many hashes for these sizes.
    #[error("the path from {old} to {new} leaves has {expected} hashes, found {found}")]
    PathLength {
        /// Size of the older tree.
        old: TreeSize,
        /// Size of the newer tree.
        new: TreeSize,
        /// How many hashes belong between them.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// The path does not lead to the older root.
    #[error("the path leads to root {found} at {size} leaves, expected the older root {expected}")]
    OldRoot {
        /// Size of the older tree.
        size: TreeSize,
        /// The older root as given.
        expected: Digest,
        /// What the path leads to.
        found: Digest,
    },
    /// The path does not lead to the newer root; for equal sizes, the two roots differ.
    #[error("the path leads to root {found} at {size} leaves, expected the newer root {expected}")]
    NewRoot {
        /// Size of the newer tree.
        size: TreeSize,
        /// The newer root as given.
        expected: Digest,
        /// What the path leads to.
        found: Digest,
    },
}

/// Checks that `old` is a prefix of `new` (RFC 9162, section 2.1.4.2).
///
/// Equal sizes pass if and only if the path is empty and the roots are equal. An empty older tree is refused, whatever
/// the path: it is consistent with everything.
///
/// # Errors
/// [`ConsistencyError`].
pub fn verify_consistency(old: TreeHead, new: TreeHead, path: &[Digest]) -> Result<(), ConsistencyError> {
    let expected = consistency_path_len(old.size, new.size)?;
    if path.len() != expected {
        return Err(ConsistencyError::PathLength { old: old.size, new: new.size, expected, found: path.len() });
    }
    let (old_root, new_root) = roots_from_path(old, new.size, path);
    if old_root != old.root {
        return Err(ConsistencyError::OldRoot { size: old.size, expected: old.root, found: old_root });
    }
    if new_root != new.root {
        return Err(ConsistencyError::NewRoot { size: new.size, expected: new.root, found: new_root });
    }
    Ok(())
}

/// How many hashes the path between these sizes has: at most 65.
///
/// # Errors
/// [`ConsistencyError::OldTreeEmpty`] and [`ConsistencyError::Shrinks`].
pub fn consistency_path_len(old: TreeSize, new: TreeSize) -> Result<usize, ConsistencyError> {
    check_sizes(old, new)?;
    if old == new {
        return Ok(0);
    }
    // The way starts at the largest complete subtree that ends where the old tree ends, and goes up from there.
    let start = old.value().trailing_zeros();
    let climb = inclusion::climb(old.value() - 1, new.value() - 1, start);
    Ok(if old.value().is_power_of_two() { climb } else { climb + 1 })
}

/// Refuses pairs of sizes between which nothing can be proved.
pub(super) fn check_sizes(old: TreeSize, new: TreeSize) -> Result<(), ConsistencyError> {
    if old.value() == 0 {
        return Err(ConsistencyError::OldTreeEmpty { new });
    }
    if old > new {
        return Err(ConsistencyError::Shrinks { old, new });
    }
    Ok(())
}

/// The older and the newer root that a path of the right length leads to.
fn roots_from_path(old: TreeHead, new_size: TreeSize, path: &[Digest]) -> (Digest, Digest) {
    // RFC 9162, section 2.1.4.2: `node` is its fn, `last` its sn, and the first hash is the old root itself where the
    // old tree is one complete subtree (or the whole of the new tree). The length of the path was checked as a whole,
    // so neither "sn is 0 too early" nor "sn is not 0 at the end" can happen.
    let (first, rest) = match path.split_first() {
        Some((first, rest)) if !old.size.value().is_power_of_two() => (*first, rest),
        _ => (old.root, path),
    };
    let start = old.size.value().trailing_zeros();
    let mut node = (old.size.value() - 1) >> start;
    let mut last = (new_size.value() - 1) >> start;
    let (mut old_hash, mut new_hash) = (first, first);
    for &sibling in rest {
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, old_hash);
            new_hash = node_hash(sibling, new_hash);
            // An only child moves up unchanged until it is somebody's right sibling.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (old_hash, new_hash)
}
