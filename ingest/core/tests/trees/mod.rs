//! What several tests of trees need: leaves, and rs_merkle set up as RFC 6962 asks.

#![allow(dead_code, reason = "each test file uses a part of it")]

use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle;

/// The hashes of `count` leaves that all differ.
pub(crate) fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|leaf| merkle::leaf_hash(&leaf.to_be_bytes())).collect()
}

pub(crate) fn index(value: usize) -> LeafIndex {
    LeafIndex::new(value as u64)
}

pub(crate) fn size(value: usize) -> TreeSize {
    TreeSize::new(value as u64)
}

/// rs_merkle's tree with the prefixes of RFC 6962. A lone node must go up unchanged, or roots of 2^k leaves are wrong.
pub(crate) type OracleTree = rs_merkle::MerkleTree<Rfc6962>;
pub(crate) type OracleProof = rs_merkle::MerkleProof<Rfc6962>;

#[derive(Clone)]
pub(crate) struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; 32];

    // Hashed without our `leaf_hash` and `node_hash`, so that the oracle checks them too.
    fn hash(data: &[u8]) -> [u8; 32] {
        *Digest::of_parts(&[&[0], data]).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| *Digest::of_parts(&[&[1], left, right]).as_bytes())
    }
}

/// rs_merkle's tree over the same leaves.
pub(crate) fn oracle(leaves: &[Digest]) -> OracleTree {
    OracleTree::from_leaves(&raw(leaves))
}

pub(crate) fn raw(digests: &[Digest]) -> Vec<[u8; 32]> {
    digests.iter().map(|digest| *digest.as_bytes()).collect()
}

pub(crate) fn cooked(hashes: &[[u8; 32]]) -> Vec<Digest> {
    hashes.iter().copied().map(Digest::new).collect()
}
