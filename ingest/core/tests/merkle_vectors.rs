//! The proofs in `vectors/merkle`, which the verifiers in other languages read too.
//!
//! One test reads every file and knows nothing of how it was made. The other holds the scenarios and compares them with
//! the files; with `BLESS=1` it writes them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::{
    ConsistencyError, InclusionError, Tree, TreeHead, empty_root, leaf_hash, node_hash, verify_consistency,
    verify_inclusion,
};
use serde_json::Value;

#[test]
fn every_file_gets_its_verdict() {
    for (name, text) in FILES.iter() {
        let vector: Value = serde_json::from_str(text).expect("JSON");
        let verdict = match vector["kind"].as_str() {
            Some("inclusion") => inclusion(&vector),
            Some("consistency") => consistency(&vector),
            other => panic!("{name}: kind {other:?}"),
        };
        assert_eq!(vector["expect"], verdict, "{name}");
    }
    let accepted = FILES.values().filter(|text| text.contains("\"expect\": \"accept\"")).count();
    assert_eq!((FILES.len(), accepted), (30, 7));
}

#[test]
fn the_files_are_the_scenarios() {
    assert_eq!(*FILES, written(), "run this test with BLESS=1 if the scenarios were changed");
}

/// The files as they are, by name, and after they were written again if that was asked for.
static FILES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    if std::env::var_os("BLESS").is_some() {
        for name in committed().keys() {
            fs::remove_file(folder().join(name)).expect("a vector that can be removed");
        }
        for (name, text) in written() {
            fs::write(folder().join(name), text).expect("a vector that can be written");
        }
    }
    committed()
});

fn inclusion(vector: &Value) -> &'static str {
    let leaf = leaf_hash(&HEXLOWER.decode(text(vector, "leaf_data").as_bytes()).expect("hex"));
    let (index, size) = (LeafIndex::new(number(vector, "index")), TreeSize::new(number(vector, "size")));
    match verify_inclusion(leaf, index, size, &path(vector), digest(vector, "root")) {
        Ok(()) => "accept",
        Err(InclusionError::IndexBeyondTree { .. }) => "index_beyond_tree",
        Err(InclusionError::PathLength { .. }) => "path_length",
        Err(InclusionError::Root { .. }) => "root",
    }
}

fn consistency(vector: &Value) -> &'static str {
    let head = |size, root| TreeHead { size: TreeSize::new(number(vector, size)), root: digest(vector, root) };
    match verify_consistency(head("old_size", "old_root"), head("new_size", "new_root"), &path(vector)) {
        Ok(()) => "accept",
        Err(ConsistencyError::OldTreeEmpty { .. }) => "old_tree_empty",
        Err(ConsistencyError::Shrinks { .. }) => "shrinks",
        Err(ConsistencyError::PathLength { .. }) => "path_length",
        Err(ConsistencyError::OldRoot { .. }) => "old_root",
        Err(ConsistencyError::NewRoot { .. }) => "new_root",
    }
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} is text"))
}

fn number(vector: &Value, key: &str) -> u64 {
    vector[key].as_u64().unwrap_or_else(|| panic!("{key} is a number"))
}

fn digest(vector: &Value, key: &str) -> Digest {
    text(vector, key).parse().expect("a digest")
}

fn path(vector: &Value) -> Vec<Digest> {
    let hashes = vector["path"].as_array().expect("path is an array");
    hashes.iter().map(|hash| hash.as_str().expect("text").parse().expect("a digest")).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/merkle")
}

fn committed() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder()).expect("vectors/merkle").map(|entry| entry.expect("a readable folder").path());
    let vectors = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let name = |path: &PathBuf| path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
    vectors.map(|path| (name(&path), fs::read_to_string(&path).expect("a readable file"))).collect()
}

fn written() -> BTreeMap<String, String> {
    scenarios().into_iter().map(|(name, vector)| (format!("{name}.json"), vector.to_json())).collect()
}

/// A vector before it is written.
#[derive(Clone)]
struct Vector {
    expect: &'static str,
    comment: &'static str,
    proof: Proof,
    path: Vec<Digest>,
}

#[derive(Clone)]
enum Proof {
    Inclusion { leaf_data: Vec<u8>, index: u64, size: u64, root: Digest },
    Consistency { old_size: u64, old_root: Digest, new_size: u64, new_root: Digest },
}

impl Vector {
    /// One field a line, in the order that reads best.
    fn to_json(&self) -> String {
        let mut out = format!("{{\n  \"expect\": \"{}\",\n  \"comment\": \"{}\",\n", self.expect, self.comment);
        let fields = match &self.proof {
            Proof::Inclusion { leaf_data, index, size, root } => format!(
                "  \"kind\": \"inclusion\",\n  \"leaf_data\": \"{}\",\n  \"index\": {index},\n  \"size\": {size},\n  \
                 \"root\": \"{root}\",\n",
                HEXLOWER.encode(leaf_data),
            ),
            Proof::Consistency { old_size, old_root, new_size, new_root } => format!(
                "  \"kind\": \"consistency\",\n  \"old_size\": {old_size},\n  \"old_root\": \"{old_root}\",\n  \
                 \"new_size\": {new_size},\n  \"new_root\": \"{new_root}\",\n",
            ),
        };
        let hashes: Vec<String> = self.path.iter().map(|hash| format!("\n    \"{hash}\"")).collect();
        let end = if hashes.is_empty() { "" } else { "\n  " };
        writeln!(out, "{fields}  \"path\": [{}{end}]\n}}", hashes.join(",")).expect("text takes everything");
        out
    }

    fn expecting(mut self, expect: &'static str, comment: &'static str) -> Self {
        (self.expect, self.comment) = (expect, comment);
        self
    }

    fn with_path(mut self, change: impl FnOnce(&mut Vec<Digest>)) -> Self {
        change(&mut self.path);
        self
    }

    fn with_leaf_data(mut self, data: &[u8]) -> Self {
        if let Proof::Inclusion { leaf_data, .. } = &mut self.proof {
            *leaf_data = data.to_vec();
        }
        self
    }

    fn with_place(mut self, at: u64, of: u64) -> Self {
        if let Proof::Inclusion { index, size, .. } = &mut self.proof {
            (*index, *size) = (at, of);
        }
        self
    }

    fn with_root(mut self, other: Digest) -> Self {
        if let Proof::Inclusion { root, .. } = &mut self.proof {
            *root = other;
        }
        self
    }

    fn with_old(mut self, size: u64, root: Digest) -> Self {
        if let Proof::Consistency { old_size, old_root, .. } = &mut self.proof {
            (*old_size, *old_root) = (size, root);
        }
        self
    }

    fn with_new(mut self, size: u64, root: Digest) -> Self {
        if let Proof::Consistency { new_size, new_root, .. } = &mut self.proof {
            (*new_size, *new_root) = (size, root);
        }
        self
    }
}

fn scenarios() -> Vec<(&'static str, Vector)> {
    [inclusion_scenarios(), consistency_scenarios()].concat()
}

fn inclusion_scenarios() -> Vec<(&'static str, Vector)> {
    let middle = || prove(6, 11);
    let edge = || prove(10, 11);
    let eight = tree(8);
    let children = [eight.leaves()[2], eight.leaves()[3]].map(|leaf| *leaf.as_bytes()).concat();
    let stray = Digest::of(b"stray");
    vec![
        ("inclusion_middle_leaf", middle().expecting("accept", "leaf 6 of 11")),
        ("inclusion_last_leaf_of_odd_tree", edge().expecting("accept", "leaf 10 of 11 goes up alone twice")),
        ("inclusion_only_leaf", prove(0, 1).expecting("accept", "the root is the leaf hash and the path is empty")),
        (
            "size_plus_1_of_same_shape",
            middle().with_place(6, 12).expecting(
                "accept",
                "RFC 9162 accepts it: a path proves no size, so the size must come from what the root is bound to",
            ),
        ),
        (
            "size_plus_1_at_the_edge",
            edge().with_place(10, 12).expecting("path_length", "leaf 10 is not the last of 12 and needs a sibling"),
        ),
        ("size_doubled", middle().with_place(6, 22).expecting("path_length", "a tree of 22 is one level higher")),
        ("size_zero", prove(0, 1).with_place(0, 0).expecting("index_beyond_tree", "an empty tree has no leaf 0")),
        ("leaf_index_plus_1", middle().with_place(7, 11).expecting("root", "the sibling lands on the other side")),
        (
            "leaf_index_plus_power_of_two",
            middle().with_place(22, 11).expecting("index_beyond_tree", "equal low bits, but the tree has 11 leaves"),
        ),
        (
            "leaf_index_equals_size",
            edge().with_place(11, 11).expecting("index_beyond_tree", "indices count from 0, so 10 is the last of 11"),
        ),
        ("leaf_data_changed", middle().with_leaf_data(b"row 7").expecting("root", "the data of another leaf")),
        (
            "node_as_leaf",
            prove(2, 8)
                .with_leaf_data(&children)
                .with_place(1, 4)
                .with_path(|path| path.rotate_left(1))
                .with_path(drop_last)
                .expecting(
                    "root",
                    "the hashes of leaves 2 and 3 of 8 as data of leaf 1 of 4: the prefix of a leaf differs",
                ),
        ),
        (
            "leaf_without_prefix",
            prove(0, 1).with_root(Digest::of(b"row 0")).expecting("root", "the root is SHA-256 of the bare data"),
        ),
        (
            "node_without_prefix",
            prove(0, 2)
                .with_root(Digest::of_parts(&[leaf_hash(b"row 0").as_bytes(), leaf_hash(b"row 1").as_bytes()]))
                .expecting("root", "the root is SHA-256 of two leaf hashes without 01 before them"),
        ),
        (
            "lone_leaf_doubled",
            prove(2, 3)
                .with_path(|path| path.insert(0, leaf_hash(b"row 2")))
                .with_root(doubled_root())
                .expecting("path_length", "a tree that hashes a lone node with itself instead of moving it up"),
        ),
        ("trailing_hash", middle().with_path(|path| path.push(stray)).expecting("path_length", "one hash too many")),
        (
            "leading_hash",
            middle().with_path(|path| path.insert(0, stray)).expecting("path_length", "one hash too many, at the leaf"),
        ),
        ("truncated_path", middle().with_path(drop_last).expecting("path_length", "the last hash is gone")),
        (
            "reversed_path",
            middle()
                .with_path(|path| path.reverse())
                .expecting("root", "from the root down instead of from the leaf up"),
        ),
        (
            "root_of_another_tree",
            middle()
                .with_root(tree(12).root())
                .expecting("root", "the path of a tree of 11, the root of the tree of 12"),
        ),
    ]
}

fn consistency_scenarios() -> Vec<(&'static str, Vector)> {
    let root = |size| tree(size).root();
    let stray = Digest::of(b"stray");
    vec![
        ("consistency_from_6_to_11", grow(6, 11).expecting("accept", "the older tree is not one complete subtree")),
        (
            "consistency_from_8_to_11",
            grow(8, 11).expecting("accept", "the older tree is one complete subtree, so its root is not in the path"),
        ),
        ("equal_sizes", grow(6, 6).expecting("accept", "the same tree and an empty path")),
        (
            "equal_sizes_with_a_path",
            grow(6, 6)
                .with_path(|path| path.push(stray))
                .expecting("path_length", "nothing belongs between equal sizes"),
        ),
        (
            "equal_sizes_other_root",
            grow(6, 6).with_new(6, rewritten_root()).expecting("new_root", "two trees of one size: the log was forked"),
        ),
        (
            "old_size_zero",
            grow(6, 11)
                .with_old(0, empty_root())
                .with_path(Vec::clear)
                .expecting("old_tree_empty", "every tree grows out of the empty one, so it would prove nothing"),
        ),
        (
            "sizes_swapped",
            grow(6, 11).with_old(11, root(11)).with_new(6, root(6)).expecting("shrinks", "a log does not lose leaves"),
        ),
        (
            "history_rewritten",
            grow(6, 11).with_old(6, rewritten_root()).expecting("old_root", "the older root is of other leaves"),
        ),
        (
            "new_root_of_another_size",
            grow(6, 11).with_new(11, root(12)).expecting("new_root", "the newer root is that of 12 leaves"),
        ),
        (
            "complete_old_root_in_path",
            grow(8, 11).with_path(|path| path.insert(0, root(8))).expecting(
                "path_length",
                "RFC 9162 puts the older root before the path itself when its size is a power of two",
            ),
        ),
    ]
}

/// The tree of the first `size` leaves, whose data are `row 0`, `row 1`, …
fn tree(size: u64) -> Tree {
    Tree::new((0..size).map(|row| leaf_hash(format!("row {row}").as_bytes())))
}

fn prove(index: u64, size: u64) -> Vector {
    let tree = tree(size);
    let path = tree.path(LeafIndex::new(index)).expect("index below size");
    let leaf_data = format!("row {index}").into_bytes();
    Vector { expect: "", comment: "", proof: Proof::Inclusion { leaf_data, index, size, root: tree.root() }, path }
}

fn grow(old_size: u64, new_size: u64) -> Vector {
    let (old_root, new) = (tree(old_size).root(), tree(new_size));
    let path = new.consistency_path(TreeSize::new(old_size)).expect("0 < old <= new");
    let proof = Proof::Consistency { old_size, old_root, new_size, new_root: new.root() };
    Vector { expect: "", comment: "", proof, path }
}

fn drop_last(path: &mut Vec<Digest>) {
    path.pop();
}

/// The root of six leaves of which leaf 2 was changed afterwards.
fn rewritten_root() -> Digest {
    let mut leaves = tree(6).leaves().to_vec();
    leaves[2] = leaf_hash(b"row x");
    Tree::new(leaves).root()
}

/// The root of three leaves where a lone node is hashed with itself.
fn doubled_root() -> Digest {
    let three = tree(3);
    let [a, b, c] = three.leaves() else { panic!("three leaves") };
    node_hash(node_hash(*a, *b), node_hash(*c, *c))
}
