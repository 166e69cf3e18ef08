//! RFC 6962, section 2.1, word for word: recursive, quadratic, and what the tests compare everything else with.
//!
//! Public for the tests of other crates, and hidden because nothing else should call it: a leaf or size out of range
//! panics.

use crate::digest::Digest;

use super::{empty_root, node_hash};

/// MTH(D\[n\]), over leaf hashes.
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(root(left), root(right))
        }
    }
}

/// PATH(m, D\[n\]).
pub fn path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    assert!(index < leaves.len(), "the tree of {} has no leaf {index}", leaves.len());
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if index < k { and(path(index, left), root(right)) } else { and(path(index - k, right), root(left)) }
}

/// PROOF(m, D\[n\]), also for m = n, where it is empty.
pub fn consistency(old: usize, leaves: &[Digest]) -> Vec<Digest> {
    assert!(0 < old && old <= leaves.len(), "no proof from {old} to {}", leaves.len());
    subproof(old, leaves, true)
}

/// SUBPROOF(m, D\[n\], b).
fn subproof(old: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if old <= k {
        and(subproof(old, left, whole), root(right))
    } else {
        and(subproof(old - k, right, false), root(left))
    }
}

/// The largest power of two smaller than n, for n > 1.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

fn and(mut path: Vec<Digest>, hash: Digest) -> Vec<Digest> {
    path.push(hash);
    path
}
