//! Merkle trees as RFC 6962 and RFC 9162 define them, over SHA-256.
//!
//! One shape serves the rows of a chunk, the chunks of a dataset and the entries of a log, so one verifier and one set
//! of vectors cover all three, and unmodified tools in other languages verify our proofs:
//!
//! ```text
//! leaf = SHA-256(00 ‖ data)
//! node = SHA-256(01 ‖ left ‖ right)      left holds the largest power of two below the number of leaves
//! ```
//!
//! - [`Tree`] is built once from all leaves and gives its root and any path.
//! - [`CompactRange`] grows a leaf at a time in O(log n) memory; [`root_of`] is the shortcut to a root.
//! - [`ProofPlan`] says which complete [`Subtree`]s a proof needs, for trees whose hashes are stored elsewhere.
//! - [`verify_inclusion`] and [`verify_consistency`] check proofs.
//!
//! Paths are lists of hashes, from the leaf up, and nothing else: index and size are never read from a proof.
//!
//! **The size is an input, not a result.** A path fixes the shape of the tree on its way up and no more, so one path
//! can lead to the same root under several sizes (leaf 3 of 11 under all of 9 to 16). Whoever verifies takes the size
//! from what the root was signed or hashed with: a checkpoint, a chunk's leaf data, a dataset_id.
//!
//! There are no proofs for several leaves at once, no sorted pairs and no other hash.
//!
//! ```
//! use mira_core::id::LeafIndex;
//! use mira_core::merkle::{self, Tree};
//!
//! let tree = Tree::new((0..5_u8).map(|row| merkle::leaf_hash(&[row])));
//! let index = LeafIndex::new(3);
//! let path = tree.path(index)?;
//! merkle::verify_inclusion(merkle::leaf_hash(&[3]), index, tree.size(), &path, tree.root())?;
//! # Ok::<(), merkle::InclusionError>(())
//! ```

mod compact;
mod consistency;
mod inclusion;
#[doc(hidden)]
pub mod naive;
mod plan;
mod subtree;
mod tree;

pub use compact::{CompactError, CompactRange};
pub use consistency::{ConsistencyError, TreeHead, consistency_path_len, verify_consistency};
pub use inclusion::{InclusionError, inclusion_path_len, root_from_path, verify_inclusion};
pub use plan::ProofPlan;
pub use subtree::Subtree;
pub use tree::{Tree, root_of};

use crate::digest::Digest;
use crate::domain::{LEAF_PREFIX, NODE_PREFIX};

/// The hash of a leaf: SHA-256(00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest::of_parts(&[&[LEAF_PREFIX], data])
}

/// The hash of an inner node: SHA-256(01 ‖ left ‖ right).
pub fn node_hash(left: Digest, right: Digest) -> Digest {
    // This is the inner loop of every tree, and its 65 bytes are always the same two blocks: the second has one byte of
    // data, the end mark and the length in bits (FIPS 180-4, section 5.1.1). So nothing needs to be buffered.
    let mut blocks = [[0; 64]; 2];
    let [first, second] = &mut blocks;
    let [start @ .., end] = right.as_bytes();
    first[0] = NODE_PREFIX;
    first[1..33].copy_from_slice(left.as_bytes());
    first[33..].copy_from_slice(start);
    second[0] = *end;
    second[1] = 0x80;
    second[62..].copy_from_slice(&NODE_BITS.to_be_bytes());

    let mut state = SHA256_START;
    sha2::block_api::compress256(&mut state, &blocks);
    let mut hash = [0; 32];
    for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    Digest::new(hash)
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// The hash over neighbouring subtrees that shrink from left to right, such as those of a whole tree.
fn join(subtrees: impl IntoIterator<Item = Digest, IntoIter: DoubleEndedIterator>) -> Digest {
    subtrees.into_iter().rev().reduce(|right, left| node_hash(left, right)).unwrap_or_else(empty_root)
}

/// Bits in the preimage of a node.
const NODE_BITS: u16 = 8 * (1 + 2 * 32);

/// FIPS 180-4, section 5.3.3: the state before the first block.
const SHA256_START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that test suites of RFC 6962 share: the empty tree and the empty leaf.
    #[test]
    fn hashes_have_their_prefixes() {
        let hex = |digest: Digest| digest.to_string();
        assert_eq!(hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn two_fixed_blocks_are_the_hash_of_a_node() {
        for (left, right) in (0..100_u8).map(|i| (leaf_hash(&[i]), leaf_hash(&[i, i]))) {
            assert_eq!(node_hash(left, right), Digest::of_parts(&[&[1], left.as_bytes(), right.as_bytes()]));
        }
    }

    #[test]
    fn join_nests_to_the_right() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|data| leaf_hash(data));
        assert_eq!(join([]), empty_root());
        assert_eq!(join([a]), a);
        assert_eq!(join([a, b, c]), node_hash(a, node_hash(b, c)));
    }
}
