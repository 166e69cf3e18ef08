//! What the tests of the log share: a sample key, sample entries, and the helper that every test ends with.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do, and each test file uses a part of them"
)]

use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::key::SigningKey;
use mira_core::merkle::{leaf_hash, naive, verify_consistency, verify_inclusion};
use mira_lineage::log::{Log, LogSigner, MemoryStorage, Report, Storage, check_everything};

pub(crate) fn signer() -> LogSigner {
    signer_of(7)
}

/// Other seeds make other keys of the same log name.
pub(crate) fn signer_of(seed: u8) -> LogSigner {
    LogSigner::new("example.com/log".parse().unwrap(), SigningKey::from_seed(&[seed; 32]))
}

pub(crate) fn index(value: usize) -> LeafIndex {
    LeafIndex::new(value as u64)
}

pub(crate) fn size(value: usize) -> TreeSize {
    TreeSize::new(value as u64)
}

/// Entries that all differ, of lengths from 0 to 40; another salt makes others of the same lengths, save the empty one.
pub(crate) fn entries(salt: &str, range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range
        .map(|at| {
            let mut entry = format!("{salt} entry {at} ").into_bytes();
            entry.resize(entry.len() + at % 20, b'.');
            entry
        })
        .collect()
}

pub(crate) fn slices(entries: &[Vec<u8>]) -> Vec<&[u8]> {
    entries.iter().map(Vec::as_slice).collect()
}

pub(crate) fn leaves(entries: &[Vec<u8>]) -> Vec<Digest> {
    entries.iter().map(|entry| leaf_hash(entry)).collect()
}

/// A log in memory with these entries, appended at once.
pub(crate) fn memory_log(entries: &[Vec<u8>]) -> MemoryStorage {
    let storage = MemoryStorage::new();
    let mut log = Log::create(&storage, &signer()).unwrap();
    log.append(&slices(entries), &signer()).unwrap();
    storage
}

/// The log is sound and has exactly these entries, and the naive root over them.
pub(crate) fn check_contents<S: Storage>(storage: &S, expected: &[Vec<u8>]) -> Report {
    let report = check_everything(storage, signer().verifier()).unwrap();
    assert!(report.is_sound(), "{:?}", report.defects);
    assert!(report.unknown.is_empty(), "{:?}", report.unknown);
    let log = Log::open(storage, signer().verifier()).unwrap();
    let head = log.head();
    assert_eq!((head.size, head.root), (size(expected.len()), naive::root(&leaves(expected))));
    assert_eq!(report.head, Some(head));
    let read: Vec<Vec<u8>> = log.entries(index(0)..index(expected.len())).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, expected);
    report
}

/// The same, and its proofs are those of the naive definitions.
pub(crate) fn check_log<S: Storage>(storage: &S, expected: &[Vec<u8>]) -> Report {
    let report = check_contents(storage, expected);
    let log = Log::open(storage, signer().verifier()).unwrap();
    let (head, leaves) = (log.head(), leaves(expected));
    let n = expected.len();
    for at in [0, n / 3, n / 2, n.saturating_sub(2), n.saturating_sub(1)].into_iter().filter(|&at| at < n) {
        assert_eq!(log.entry(index(at)).unwrap(), expected[at]);
        let path = log.prove_inclusion(index(at), head.size).unwrap();
        assert_eq!(path, naive::path(at, &leaves));
        verify_inclusion(leaves[at], index(at), head.size, &path, head.root).unwrap();

        let old = log.head_at(size(at + 1)).unwrap();
        assert_eq!(old.root, naive::root(&leaves[..=at]));
        let path = log.prove_consistency(old.size, head.size).unwrap();
        assert_eq!(path, naive::consistency(at + 1, &leaves));
        verify_consistency(old, head, &path).unwrap();
        assert_eq!(log.prove_inclusion(index(at / 2), old.size).unwrap(), naive::path(at / 2, &leaves[..=at]));
    }
    report
}

/// A copy of a directory, temporary files included.
pub(crate) fn copy_directory(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_directory(&item.path(), &target);
        } else {
            std::fs::copy(item.path(), target).unwrap();
        }
    }
}
