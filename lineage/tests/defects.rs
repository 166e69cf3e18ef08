//! Whatever is missing or edited is found and named, by the reader that comes across it and by the full check.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod support;

use mira_core::id::LeafIndex;
use mira_core::merkle::{CompactRange, TreeHead, leaf_hash};
use mira_lineage::epoch::{EpochError, OpenEpoch};
use mira_lineage::log::{Defect, Log, MemoryStorage, OpenError, ReadError, Report, Storage, check_everything};
use support::{check_log, entries, index, memory_log, signer, signer_of, slices};

const SIZE: usize = 713;

fn check(storage: &MemoryStorage) -> Report {
    check_everything(storage, signer().verifier()).unwrap()
}

fn edited(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

/// Reads the whole log, entries and proofs, and gives the first error.
fn read_everything(storage: &MemoryStorage) -> Result<(), String> {
    let log = Log::open(storage, signer().verifier()).map_err(|error| match error {
        OpenError::Read(error) => error.path(),
        other => other.to_string(),
    })?;
    let all = log.entries(index(0)..LeafIndex::new(log.size().value())).unwrap();
    all.collect::<Result<Vec<_>, _>>().map(drop).map_err(|error| error.path())
}

/// One object at a time, everywhere: removed, cut, prolonged, and edited in its first, middle and last byte.
#[test]
fn every_object_counts() {
    let storage = memory_log(&entries("a", 0..SIZE));
    assert_eq!(read_everything(&storage), Ok(()));
    let paths = storage.list("tile").unwrap();
    assert_eq!(paths.len(), 7, "two bundles and tiles full, two partial, one of level 1");
    for path in paths {
        let bytes = storage.get(&path, 100_000).unwrap().unwrap();
        let mut mutations =
            vec![("cut", bytes[..bytes.len() - 1].to_vec()), ("prolonged", [&bytes[..], b"x"].concat())];
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            mutations.push(("edited", edited(&bytes, at)));
        }
        mutations.push(("emptied", Vec::new()));
        for (why, mutated) in mutations {
            let copy = storage.clone();
            copy.put(&path, &mutated).unwrap();
            let report = check(&copy);
            let found: Vec<_> = report.defects.iter().map(Defect::path).collect();
            assert_eq!(found, std::slice::from_ref(&path), "{path} {why}: {:?}", report.defects);
            assert_eq!(read_everything(&copy), Err(path.clone()), "{path} {why}");
        }
        let copy = storage.clone();
        copy.remove(&path);
        let report = check(&copy);
        assert!(matches!(&report.defects[..], [Defect::Object(ReadError::Missing { path: found })] if *found == path));
        assert_eq!(read_everything(&copy), Err(path.clone()), "{path} removed");
    }
}

#[test]
fn an_edited_entry_is_named() {
    let storage = memory_log(&entries("a", 0..SIZE));
    for (path, first, last) in
        [("tile/entries/000", 0, 255), ("tile/entries/001", 256, 511), ("tile/entries/002.p/201", 512, 712)]
    {
        let bytes = storage.get(path, 100_000).unwrap().unwrap();
        // After the length of the first entry, and at the end of the last.
        for (at, edited_entry) in [(2, first), (bytes.len() - 1, last)] {
            let copy = storage.clone();
            copy.put(path, &edited(&bytes, at)).unwrap();
            let report = check(&copy);
            assert!(
                matches!(report.defects[..], [Defect::Object(ReadError::Entry { index: found, .. })]
                    if found == index(edited_entry)),
                "{:?}",
                report.defects
            );
            let log = Log::open(&copy, signer().verifier()).unwrap();
            let error = log.entry(index(edited_entry)).unwrap_err();
            assert!(matches!(error, ReadError::Entry { index: found, .. } if found == index(edited_entry)), "{error}");
            assert!(!error.is_unavailable());
        }
    }
}

/// What nobody reads may be anything.
#[test]
fn stray_objects_are_told_apart() {
    let all = entries("a", 0..SIZE);
    let storage = memory_log(&all);
    for path in ["tile/0/000.p/7", "tile/0/002.p/200", "tile/0/002", "tile/entries/003.p/1", "tile/3/000.p/1"] {
        storage.put(path, b"of a crash").unwrap();
    }
    assert_eq!(check_log(&storage, &all).leftovers, 5);
    storage.put("tile/0/0", b"no tile").unwrap();
    storage.put("notes.txt", b"no part of a log").unwrap();
    let report = check(&storage);
    assert!(report.is_sound());
    assert_eq!(report.unknown, ["notes.txt", "tile/0/0"]);
}

#[test]
fn checkpoints_that_lie() {
    let all = entries("a", 0..300);
    let storage = memory_log(&all[..5]);
    let mut log = Log::open(&storage, signer().verifier()).unwrap();
    let old = storage.checkpoint(10_000).unwrap().unwrap();
    log.append(&slices(&all[5..]), &signer()).unwrap();
    OpenEpoch::next(&log).unwrap().seal(&storage).unwrap();
    let now = storage.checkpoint(10_000).unwrap().unwrap();
    let swapped = |new: &[u8]| {
        let copy = storage.clone();
        copy.swap_checkpoint(Some(&now), new).unwrap();
        check(&copy).defects
    };
    let of = |entries: &[Vec<u8>], seed: u8| {
        let mut log = Log::create(MemoryStorage::new(), &signer_of(seed)).unwrap();
        log.append(&slices(entries), &signer_of(seed)).unwrap();
        log.checkpoint().signed().as_bytes().to_vec()
    };
    let mut forked = all.clone();
    forked[2] = b"another".to_vec();

    // It shrinks the log behind a sealed epoch.
    assert!(matches!(&swapped(&old)[..], [Defect::Epoch(EpochError::Beyond { .. })]));
    assert_eq!(swapped(&old)[0].path(), "checkpoint");
    // It forks: the same size, another history.
    assert!(matches!(&swapped(&of(&forked, 7))[..], [defect @ Defect::Root { .. }] if defect.path() == "checkpoint"));
    // It promises more than there is.
    assert!(swapped(&of(&entries("a", 0..301), 7)).iter().any(|defect| defect.path() == "tile/0/001.p/45"));
    // Another key signed it, or nobody.
    assert!(matches!(&swapped(&of(&all, 8))[..], [Defect::Checkpoint(OpenError::Verify(_))]));
    assert!(matches!(&swapped(b"no checkpoint")[..], [Defect::Checkpoint(OpenError::Checkpoint(_))]));
    let gone = storage.clone();
    gone.remove("checkpoint");
    assert!(matches!(&check(&gone).defects[..], [Defect::Checkpoint(OpenError::NoCheckpoint)]));
}

#[test]
fn epochs_that_lie() {
    let all = entries("a", 0..10);
    let storage = memory_log(&all[..4]);
    let mut log = Log::open(&storage, signer().verifier()).unwrap();
    OpenEpoch::next(&log).unwrap().seal(&storage).unwrap();
    log.append(&slices(&all[4..]), &signer()).unwrap();
    OpenEpoch::next(&log).unwrap().seal(&storage).unwrap();
    assert_eq!(check_log(&storage, &all).epochs, 2);

    let gap = storage.clone();
    gap.remove("epochs/1");
    assert!(matches!(&check(&gap).defects[..], [Defect::Epoch(EpochError::Sequence { .. })]));
    let torn = storage.clone();
    torn.put("epochs/2", b"torn").unwrap();
    assert!(matches!(&check(&torn).defects[..], [defect @ Defect::Epoch(EpochError::Checkpoint { .. })]
        if defect.path() == "epochs/2"));
    let forked = storage.clone();
    let other = memory_log(&entries("b", 0..4)).checkpoint(10_000).unwrap().unwrap();
    forked.put("epochs/1", &other).unwrap();
    assert!(matches!(&check(&forked).defects[..], [defect @ Defect::Epoch(EpochError::Fork { .. })]
        if defect.path() == "epochs/1"));
    let twice = storage.clone();
    twice.put("epochs/2", &storage.get("epochs/1", 10_000).unwrap().unwrap()).unwrap();
    assert!(matches!(&check(&twice).defects[..], [Defect::Epoch(EpochError::Shrinks { .. })]));
}

/// Several things at once are all reported.
#[test]
fn every_defect_is_reported() {
    let storage = memory_log(&entries("a", 0..SIZE));
    storage.remove("tile/entries/000");
    storage.put("tile/0/001", &[0; 8192]).unwrap();
    storage.remove("tile/0/002.p/201");
    let found: Vec<_> = check(&storage).defects.iter().map(Defect::path).collect();
    assert_eq!(found, ["tile/entries/000", "tile/0/001", "tile/0/002.p/201"]);
    // Where entries and hashes are both gone, the check ends and says so.
    storage.remove("tile/entries/001");
    storage.remove("tile/0/001");
    let found: Vec<_> = check(&storage).defects.iter().map(Defect::path).collect();
    assert_eq!(found, ["tile/entries/000", "tile/entries/001", "tile/0/001", "tile/entries, from entry 256 on"]);
}

/// A checkpoint that promises more than any disk holds costs no time.
#[test]
fn a_size_out_of_all_proportion() {
    let storage = memory_log(&entries("a", 0..5));
    let now = storage.checkpoint(10_000).unwrap().unwrap();
    let boast = TreeHead { size: CompactRange::MAX_SIZE, root: leaf_hash(b"") };
    let signed = signer().sign(&signer().sign_empty().unwrap(), boast, &[]).unwrap();
    storage.swap_checkpoint(Some(&now), signed.signed().as_bytes()).unwrap();
    let found: Vec<_> = check(&storage).defects.iter().map(Defect::path).collect();
    assert_eq!(found, ["tile/entries/000", "tile/0/000", "tile/entries, from entry 0 on"]);
    assert!(matches!(Log::open(&storage, signer().verifier()), Err(OpenError::Read(ReadError::Missing { .. }))));
}
