//! What rs_merkle 1.5 gets wrong, and that none of it gets past our functions.
//!
//! rs_merkle builds trees that are equal to RFC 6962, so it is a good oracle for roots and paths. Its verifier is not:
//! each test here first shows that an attack passes it, then that ours refuses it or has no argument to carry it. A
//! test that fails at the first half means that rs_merkle has been mended.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod trees;

use std::panic::catch_unwind;

use mira_core::digest::Digest;
use mira_core::domain;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::{InclusionError, Tree, empty_root, leaf_hash, root_from_path, verify_inclusion};
use rs_merkle::Hasher as _;
use trees::{OracleProof, OracleTree, cooked, index, leaves, oracle, raw, size};

/// Two leaves for one index push both out of the pair that is hashed, and the true pair takes their place.
#[test]
fn duplicate_odd_index_proves_anything() {
    for n in 2..=64 {
        let leaves = leaves(n);
        let (tree, n) = (oracle(&leaves), leaves.len());
        let evil = [leaf_hash(b"evil"), leaf_hash(b"more evil")];
        for i in (1..n).step_by(2) {
            let forged = [&raw(&leaves[i - 1..=i]), &tree.proof(&[i]).proof_hashes()[1..]].concat();
            let root = tree.root().expect("a tree with leaves has a root");
            assert!(OracleProof::new(forged.clone()).verify(root, &[i, i], &raw(&evil), n), "leaf {i} of {n}");
            refused(&evil, i, n, &cooked(&forged), Digest::new(root));
        }
    }
}

/// The same for even indices: a triple at index 1 shifts every later pair by two places.
#[test]
fn duplicates_before_an_even_index_prove_anything() {
    for n in 6..=32 {
        let leaves = leaves(n);
        let (tree, n) = (oracle(&leaves), leaves.len());
        let evil = leaf_hash(b"evil");
        for i in (2..n - 1).step_by(2) {
            let proof = tree.proof(&[0, 1, i]);
            let shown = raw(&[leaves[0], leaves[1], leaves[i], leaves[i + 1], evil]);
            let root = tree.root().expect("a tree with leaves has a root");
            assert!(proof.verify(root, &[0, 1, 1, 1, i], &shown, n), "leaf {i} of {n}");
            refused(&[evil], i, n, &cooked(proof.proof_hashes()), Digest::new(root));
        }
    }
}

/// Ours takes one leaf and one index, so the nearest thing to a duplicate is each forged leaf with any part of the
/// forged proof.
fn refused(evil: &[Digest], i: usize, n: usize, forged: &[Digest], root: Digest) {
    for &leaf in evil {
        for start in 0..=forged.len() {
            for end in start..=forged.len() {
                assert!(verify_inclusion(leaf, index(i), size(n), &forged[start..end], root).is_err());
            }
        }
    }
}

/// One leaf could be claimed many times over.
#[test]
fn index_is_not_bounded_by_the_tree_size() {
    let leaves = leaves(11);
    let tree = oracle(&leaves);
    let (proof, root) = (tree.proof(&[3]), tree.root().expect("a tree with leaves has a root"));
    for beyond in [19, 35, 51] {
        assert!(proof.verify(root, &[beyond], &raw(&leaves[3..4]), 11), "index {beyond}");
        let path = cooked(proof.proof_hashes());
        assert_eq!(
            verify_inclusion(leaves[3], index(beyond), size(11), &path, Digest::new(root)),
            Err(InclusionError::IndexBeyondTree { index: index(beyond), size: size(11) })
        );
    }
}

#[test]
fn trailing_hashes_are_ignored() {
    let leaves = leaves(11);
    let tree = oracle(&leaves);
    let root = tree.root().expect("a tree with leaves has a root");
    for i in 0..11 {
        let mut hashes = tree.proof(&[i]).proof_hashes().to_vec();
        let expected = hashes.len();
        hashes.push([0xee; 32]);
        assert!(OracleProof::new(hashes.clone()).verify(root, &[i], &raw(&leaves[i..=i]), 11), "leaf {i}");
        assert_eq!(
            verify_inclusion(leaves[i], index(i), size(11), &cooked(&hashes), Digest::new(root)),
            Err(InclusionError::PathLength { index: index(i), size: size(11), expected, found: expected + 1 })
        );
    }
}

/// The path of leaf 3 has one shape under 9 to 16 leaves, and RFC 9162 accepts it under all of them. What stops a
/// wrong size is therefore no verifier but that each root is hashed or signed together with its size.
#[test]
fn wrong_size_of_the_same_shape_is_stopped_by_the_commitment() {
    let leaves = leaves(11);
    let tree = oracle(&leaves);
    let (proof, root) = (tree.proof(&[3]), tree.root().expect("a tree with leaves has a root"));
    let path = cooked(proof.proof_hashes());
    let dataset = |chunks: TreeSize, root: Digest| {
        let (rows, chunks) = (1000_u64.to_be_bytes(), chunks.value().to_be_bytes());
        Digest::of_parts(&[domain::DATASET, &[1], &[0; 32], &rows, &chunks, root.as_bytes()])
    };
    let dataset_id = dataset(size(11), Digest::new(root));
    for n in 4..40 {
        let reached = root_from_path(leaves[3], index(3), size(n), &path);
        if (9..=16).contains(&n) {
            assert!(proof.verify(root, &[3], &raw(&leaves[3..4]), n));
            assert_eq!(reached, Ok(Digest::new(root)));
            assert_eq!(dataset(size(n), Digest::new(root)) == dataset_id, n == 11);
        } else {
            assert!(matches!(reached, Err(InclusionError::PathLength { found: 4, .. })), "size {n}");
        }
    }
}

/// The bad proofs in the vectors of transparency-dev/merkle that it lets pass: the root after the path (five files; one
/// more where the path is empty, so that the root stands before it), and an index beyond a tree size cut in half.
#[test]
fn official_bad_proofs_are_accepted() {
    for (i, n) in [(0, 1), (0, 8), (5, 8), (2, 3), (1, 5)] {
        let leaves = leaves(n);
        let tree = oracle(&leaves);
        let root = tree.root().expect("a tree with leaves has a root");
        let trailing_root = [tree.proof(&[i]).proof_hashes(), &[root]].concat();
        assert!(OracleProof::new(trailing_root.clone()).verify(root, &[i], &raw(&leaves[i..=i]), leaves.len()));
        let refused =
            verify_inclusion(leaves[i], index(i), size(leaves.len()), &cooked(&trailing_root), Digest::new(root));
        assert!(matches!(refused, Err(InclusionError::PathLength { .. })));
    }
    let leaves = leaves(8);
    let tree = oracle(&leaves);
    let (proof, root) = (tree.proof(&[5]), tree.root().expect("a tree with leaves has a root"));
    assert!(proof.verify(root, &[5], &raw(&leaves[5..6]), 4));
    assert_eq!(
        verify_inclusion(leaves[5], index(5), size(4), &cooked(proof.proof_hashes()), Digest::new(root)),
        Err(InclusionError::IndexBeyondTree { index: index(5), size: size(4) })
    );
}

/// The prover sorts nothing, the verifier does; our path takes one index.
#[test]
fn unsorted_indices_make_a_proof_that_does_not_verify() {
    let leaves = leaves(11);
    let tree = oracle(&leaves);
    let root = tree.root().expect("a tree with leaves has a root");
    let shown = raw(&[leaves[8], leaves[1]]);
    assert!(!tree.proof(&[8, 1]).verify(root, &[8, 1], &shown, 11));

    let ours = Tree::new(leaves.iter().copied());
    for i in [8, 1] {
        let path = ours.path(index(i)).expect("index below size");
        assert_eq!(verify_inclusion(leaves[i], index(i), ours.size(), &path, ours.root()), Ok(()));
    }
}

#[test]
fn index_out_of_range_makes_a_short_proof_without_an_error() {
    let leaves = leaves(11);
    assert!(oracle(&leaves).proof(&[100]).proof_hashes().len() < oracle(&leaves).proof(&[3]).proof_hashes().len());
    let ours = Tree::new(leaves);
    for beyond in [11, 100, u64::MAX] {
        let index = LeafIndex::new(beyond);
        assert_eq!(ours.path(index), Err(InclusionError::IndexBeyondTree { index, size: size(11) }));
    }
}

#[test]
fn depth_of_an_empty_tree_underflows() {
    // A panic where overflow is checked, else the largest number.
    assert!(catch_unwind(|| OracleTree::new().depth()).map_or(true, |depth| depth == usize::MAX));
    let ours = Tree::new(Vec::<Digest>::new());
    assert_eq!((ours.size(), ours.root()), (size(0), empty_root()));
}

/// The hashers that come with it have no prefixes, so an inner node is the hash of a leaf that says its two children.
#[test]
fn inner_node_poses_as_leaf() {
    type Plain = rs_merkle::algorithms::Sha256;
    let data: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];

    let plain = data.map(Plain::hash);
    let tree = rs_merkle::MerkleTree::<Plain>::from_leaves(&plain);
    let root = tree.root().expect("a tree with leaves has a root");
    let forged = [plain[0], plain[1]].concat();
    let above = tree.proof(&[0]).proof_hashes()[1..].to_vec();
    assert!(rs_merkle::MerkleProof::<Plain>::new(above).verify(root, &[0], &[Plain::hash(&forged)], 2));

    let ours = Tree::new(data.map(leaf_hash));
    let forged = raw(&ours.leaves()[..2]).concat();
    let path = ours.path(index(0)).expect("index below size");
    let refused = verify_inclusion(leaf_hash(&forged), index(0), size(2), &path[1..], ours.root());
    assert!(matches!(refused, Err(InclusionError::Root { .. })));
}
