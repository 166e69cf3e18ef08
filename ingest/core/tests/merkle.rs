//! Trees and proofs against the recursive definition and against rs_merkle.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod trees;

use std::collections::BTreeMap;
use std::time::Instant;

use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::{
    CompactError, CompactRange, ConsistencyError, InclusionError, ProofPlan, Subtree, Tree, TreeHead,
    consistency_path_len, inclusion_path_len, naive, root_from_path, root_of, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use trees::{cooked, index, leaves, oracle, raw, size};

#[test]
fn every_leaf_of_every_tree_to_300() {
    let all = leaves(300);
    let mut range = CompactRange::new();
    for n in 1..=300 {
        let leaves = &all[..n];
        let (tree, oracle) = (Tree::new(leaves.iter().copied()), oracle(leaves));
        range.append(leaves[n - 1]);
        let root = naive::root(leaves);
        assert_eq!(tree.head(), TreeHead { size: size(n), root });
        assert_eq!(range.head(), tree.head());
        assert_eq!(root_of(leaves.iter().copied()), root);
        assert_eq!(oracle.root(), Some(*root.as_bytes()));
        for ((i, &leaf), expected) in leaves.iter().enumerate().zip(every_path(leaves)) {
            let path = tree.path(index(i)).expect("index below size");
            assert_eq!(path, expected, "leaf {i} of {n}");
            assert_eq!(path, cooked(oracle.proof(&[i]).proof_hashes()), "leaf {i} of {n}");
            assert_eq!(inclusion_path_len(index(i), size(n)), Ok(path.len()));
            assert_eq!(verify_inclusion(leaf, index(i), size(n), &path, root), Ok(()));
        }
    }
}

/// PATH(m, D\[n\]) of RFC 6962 for every m at once, which takes n log n hashes and not n².
fn every_path(leaves: &[Digest]) -> Vec<Vec<Digest>> {
    if leaves.len() == 1 {
        return vec![Vec::new()];
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let beside = |paths: Vec<Vec<Digest>>, hash: Digest| paths.into_iter().map(move |path| [path, vec![hash]].concat());
    let (left_root, right_root) = (naive::root(left), naive::root(right));
    beside(every_path(left), right_root).chain(beside(every_path(right), left_root)).collect()
}

#[test]
fn every_path_at_once_is_the_definition() {
    let all = leaves(70);
    for n in 1..=70 {
        let one_by_one: Vec<_> = (0..n).map(|i| naive::path(i, &all[..n])).collect();
        assert_eq!(every_path(&all[..n]), one_by_one);
    }
}

#[test]
fn every_pair_of_sizes_to_130() {
    let all = leaves(130);
    for new in 1..=130 {
        let tree = Tree::new(all[..new].iter().copied());
        for old in 1..=new {
            let path = tree.consistency_path(size(old)).expect("0 < old <= new");
            assert_eq!(path, naive::consistency(old, &all[..new]), "{old} to {new}");
        }
    }
}

#[test]
fn every_pair_of_sizes_to_300_verifies() {
    let all = leaves(300);
    let heads: Vec<TreeHead> = (0..=300).map(|n| Tree::new(all[..n].iter().copied()).head()).collect();
    for new in 1..=300 {
        let tree = Tree::new(all[..new].iter().copied());
        for old in 1..=new {
            let path = tree.consistency_path(size(old)).expect("0 < old <= new");
            assert_eq!(consistency_path_len(size(old), size(new)), Ok(path.len()));
            assert_eq!(verify_consistency(heads[old], heads[new], &path), Ok(()), "{old} to {new}");
        }
    }
}

#[test]
fn paths_of_another_length_are_refused() {
    let all = leaves(40);
    for n in 1..=40 {
        let tree = Tree::new(all[..n].iter().copied());
        for i in 0..n {
            let path = tree.path(index(i)).expect("index below size");
            for other in other_lengths(&path) {
                let refused = verify_inclusion(all[i], index(i), size(n), &other, tree.root());
                let (expected, found) = (path.len(), other.len());
                assert_eq!(
                    refused,
                    Err(InclusionError::PathLength { index: index(i), size: size(n), expected, found })
                );
            }
            let old = Tree::new(all[..=i].iter().copied()).head();
            let path = tree.consistency_path(old.size).expect("0 < old <= new");
            for other in other_lengths(&path) {
                let refused = verify_consistency(old, tree.head(), &other);
                let (expected, found) = (path.len(), other.len());
                assert_eq!(refused, Err(ConsistencyError::PathLength { old: old.size, new: size(n), expected, found }));
            }
        }
    }
}

/// A hash too many at either end, one too few at either end, and many too many.
fn other_lengths(path: &[Digest]) -> Vec<Vec<Digest>> {
    let extra = Digest::of(b"extra");
    let mut others = vec![[path, &[extra]].concat(), [&[extra], path].concat(), [path, &[extra; 100]].concat()];
    if let Some((_, rest)) = path.split_first() {
        others.push(rest.to_vec());
        others.push(path[..rest.len()].to_vec());
    }
    others
}

#[test]
fn sizes_between_which_nothing_can_be_proved() {
    let all = leaves(5);
    let head = |n: usize| Tree::new(all[..n].iter().copied()).head();
    for n in 0..=5 {
        let refused = verify_consistency(head(0), head(n), &[]);
        assert_eq!(refused, Err(ConsistencyError::OldTreeEmpty { new: size(n) }));
    }
    let refused = verify_consistency(head(5), head(4), &[]);
    assert_eq!(refused, Err(ConsistencyError::Shrinks { old: size(5), new: size(4) }));
    let other = TreeHead { size: size(5), root: all[0] };
    let refused = verify_consistency(head(5), other, &[]);
    assert_eq!(refused, Err(ConsistencyError::NewRoot { size: size(5), expected: other.root, found: head(5).root }));
}

#[test]
fn a_growing_tree_reports_every_complete_subtree_once() {
    let all = leaves(300);
    let mut range = CompactRange::new();
    let mut stored = BTreeMap::new();
    for n in 1..=300 {
        range.append_with(all[n - 1], |subtree, hash| {
            assert!(subtree.is_within(size(n)) && !subtree.is_within(size(n - 1)));
            let leaves =
                usize::try_from(subtree.leaves().start).unwrap()..usize::try_from(subtree.leaves().end).unwrap();
            assert_eq!(hash, naive::root(&all[leaves]), "{subtree}");
            assert!(stored.insert(subtree, hash).is_none(), "{subtree} twice");
        });
        let complete: usize = (0..9).map(|level| n >> level).sum();
        assert_eq!(stored.len(), complete);

        let frontier: Vec<Digest> = Subtree::frontier(size(n)).map(|subtree| stored[&subtree]).collect();
        assert_eq!(CompactRange::from_frontier(size(n), frontier), Ok(range.clone()));
        assert!(range.frontier().all(|(subtree, hash)| stored[&subtree] == hash));
    }
}

#[test]
fn a_frontier_must_fit_its_size() {
    let three = vec![Digest::of(b"x"); 3];
    assert!(CompactRange::from_frontier(size(7), three.clone()).is_ok());
    assert_eq!(
        CompactRange::from_frontier(size(8), three),
        Err(CompactError::HashCount { size: size(8), expected: 1, found: 3 })
    );
    let max = CompactRange::MAX_SIZE;
    let mut range = CompactRange::from_frontier(max, vec![Digest::of(b"x")]).expect("one bit, one hash");
    range.append(Digest::of(b"y"));
    assert_eq!(range.size().value(), max.value() + 1);
    let found = range.size();
    let frontier = range.frontier().map(|(_, hash)| hash).collect();
    assert_eq!(CompactRange::from_frontier(found, frontier), Err(CompactError::Size { max, found }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn larger_trees_agree_with_the_definition(n in 1..3000_usize, at in any::<prop::sample::Index>()) {
        let leaves = leaves(n as u64);
        let i = at.index(n);
        let tree = Tree::new(leaves.iter().copied());
        prop_assert_eq!(tree.path(index(i)).unwrap(), naive::path(i, &leaves));
        prop_assert_eq!(tree.consistency_path(size(i + 1)).unwrap(), naive::consistency(i + 1, &leaves));
    }

    #[test]
    fn a_flipped_bit_is_noticed(
        n in 1..300_usize,
        at in any::<prop::sample::Index>(),
        hash in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        let leaves = leaves(n as u64);
        let tree = Tree::new(leaves.iter().copied());
        let i = at.index(n);

        // Leaf, path and root in one row, so that the flipped bit may be in any of them.
        let mut row = [&[leaves[i]], &tree.path(index(i)).unwrap()[..], &[tree.root()]].concat();
        let hit = hash.index(row.len());
        row[hit] = flip(row[hit], bit);
        let (leaf, path, root) = (row[0], &row[1..row.len() - 1], row[row.len() - 1]);
        prop_assert!(verify_inclusion(leaf, index(i), size(n), path, root).is_err());

        let old = Tree::new(leaves[..=i].iter().copied()).head();
        let mut row = [&[old.root], &tree.consistency_path(old.size).unwrap()[..], &[tree.root()]].concat();
        let hit = hash.index(row.len());
        row[hit] = flip(row[hit], bit);
        let (old_root, path, new_root) = (row[0], &row[1..row.len() - 1], row[row.len() - 1]);
        let (old, new) = (TreeHead { root: old_root, ..old }, TreeHead { root: new_root, ..tree.head() });
        prop_assert!(verify_consistency(old, new, path).is_err());
    }

    #[test]
    fn a_leaf_is_at_one_index_only(n in 2..300_usize, at in any::<prop::sample::Index>(), other in any::<u64>()) {
        let leaves = leaves(n as u64);
        let tree = Tree::new(leaves.iter().copied());
        let i = at.index(n);
        let path = tree.path(index(i)).unwrap();
        for other in [other, other % n as u64].map(LeafIndex::new) {
            prop_assume!(other != index(i));
            prop_assert!(verify_inclusion(leaves[i], other, size(n), &path, tree.root()).is_err());
        }
    }

    /// No index, size or length makes a verifier panic or run long.
    #[test]
    fn any_numbers_are_survived(a in any::<u64>(), b in any::<u64>(), len in 0..70_usize) {
        let path = vec![Digest::of(b"x"); len];
        for (a, b) in [(a, b), (a, u64::MAX), (u64::MAX - (a % 3), u64::MAX - (b % 3)), (a % 9, b)] {
            let (index, size) = (LeafIndex::new(a), TreeSize::new(b));
            let root = Digest::of(b"root");
            prop_assert!(verify_inclusion(root, index, size, &path, root).is_err() || len == 0);
            let old = TreeHead { size: TreeSize::new(a), root };
            let _ = verify_consistency(old, TreeHead { size, root }, &path);
            if let Ok(expected) = inclusion_path_len(index, size) {
                let long = vec![root; expected];
                prop_assert!(expected <= 64);
                prop_assert!(root_from_path(root, index, size, &long).is_ok());
            }
            if let Ok(expected) = consistency_path_len(old.size, size) {
                prop_assert!(expected <= 65);
                let plan = ProofPlan::consistency(old.size, size).unwrap();
                prop_assert_eq!(plan.resolve(|_| Ok::<_, ()>(root)).unwrap().len(), expected);
            }
        }
    }
}

/// Why rs_merkle does not build our trees. Run it with both sides optimised:
/// `cargo test -p mira-core --config profile.dev.opt-level=3 --config 'profile.dev.package."*".opt-level=3'
/// --test merkle -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed_against_rs_merkle() {
    const LEAVES: u64 = 1 << 18;
    let leaves = leaves(LEAVES);
    let raw = raw(&leaves);
    let best = |mut work: Box<dyn FnMut()>| {
        let run = |_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        };
        (0..7).map(run).fold(f64::INFINITY, f64::min)
    };
    let (for_tree, for_root) = (leaves.clone(), leaves.clone());
    let ours = best(Box::new(move || {
        std::hint::black_box(Tree::new(for_tree.iter().copied()));
    }));
    let root_only = best(Box::new(move || {
        std::hint::black_box(root_of(for_root.iter().copied()));
    }));
    let theirs = best(Box::new(move || {
        std::hint::black_box(trees::OracleTree::from_leaves(&raw));
    }));
    let rate = |seconds: f64| LEAVES as f64 / seconds / 1e6;
    println!("Tree      {:6.2} M leaves/s", rate(ours));
    println!("root_of   {:6.2} M leaves/s", rate(root_only));
    println!("rs_merkle {:6.2} M leaves/s", rate(theirs));
    println!("rs_merkle takes {:.2} times as long as Tree", theirs / ours);
}

fn flip(digest: Digest, bit: usize) -> Digest {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Digest::new(bytes)
}
