//! The proof vectors of transparency-dev/merkle, read in place from `$MIRA_VECTORS/rfc6962`.
//!
//! They are not part of this repository. Without `MIRA_VECTORS` the tests say so and pass; with it, exactly the known
//! number of cases must be there.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::{TreeHead, verify_consistency, verify_inclusion};
use serde_json::Value;

const CASES: usize = 98;
const CASES_THAT_MUST_FAIL: usize = 92;

/// Passes with two equal roots of 12 bytes, which are no SHA-256 digests and cannot be handed to our verifier.
const SKIPPED: &str = "sizes-are-equal-one-and-proof-is-empty";

#[test]
fn inclusion() {
    check("inclusion", inclusion_holds);
}

#[test]
fn consistency() {
    check("consistency", consistency_holds);
}

/// `None` stands for a value that our types cannot hold, and so for a refusal.
fn inclusion_holds(case: &Value) -> Option<()> {
    let (index, size) = (LeafIndex::new(case["leafIdx"].as_u64()?), TreeSize::new(case["treeSize"].as_u64()?));
    let (leaf, root, path) = (digest(&case["leafHash"])?, digest(&case["root"])?, path(&case["proof"])?);
    verify_inclusion(leaf, index, size, &path, root).ok()
}

fn consistency_holds(case: &Value) -> Option<()> {
    let head = |size: &str, root: &str| {
        Some(TreeHead { size: TreeSize::new(case[size].as_u64()?), root: digest(&case[root])? })
    };
    let (old, new) = (head("size1", "root1")?, head("size2", "root2")?);
    verify_consistency(old, new, &path(&case["proof"])?).ok()
}

fn check(kind: &str, holds: fn(&Value) -> Option<()>) {
    let Some(vectors) = std::env::var_os("MIRA_VECTORS") else {
        eprintln!("skipped: MIRA_VECTORS names no folder with rfc6962/{kind}");
        return;
    };
    let folder = PathBuf::from(vectors).join("rfc6962").join(kind);
    let mut files = Vec::new();
    collect(&folder, &mut files);
    let (mut must_fail, mut skipped) = (0, 0);
    for file in &files {
        let case: Value = serde_json::from_slice(&fs::read(file).expect("a readable file")).expect("JSON");
        let want_error = case["wantErr"].as_bool().expect("wantErr is a boolean");
        must_fail += usize::from(want_error);
        if file.file_stem().is_some_and(|name| name == SKIPPED) {
            skipped += 1;
            continue;
        }
        assert_eq!(holds(&case).is_none(), want_error, "{}", file.display());
    }
    assert_eq!((files.len(), must_fail), (CASES, CASES_THAT_MUST_FAIL), "{}", folder.display());
    assert_eq!(skipped, usize::from(kind == "consistency"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

fn digest(value: &Value) -> Option<Digest> {
    Digest::try_from(&BASE64.decode(value.as_str()?.as_bytes()).ok()?[..]).ok()
}

fn path(value: &Value) -> Option<Vec<Digest>> {
    match value {
        Value::Null => Some(Vec::new()),
        _ => value.as_array()?.iter().map(digest).collect(),
    }
}
