//! Epochs are numbered from 1, grow, and lie within the log.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod support;

use mira_lineage::epoch::{self, EpochError, OpenEpoch};
use mira_lineage::log::{AppendError, Log, MemoryStorage, Storage};
use support::{check_log, entries, memory_log, signer, signer_of, size, slices};

/// A log with epochs at sizes 2, 5 and 300, and ten entries more.
fn sealed() -> (MemoryStorage, Vec<Vec<u8>>) {
    let all = entries("a", 0..310);
    let storage = MemoryStorage::new();
    let mut log = Log::create(&storage, &signer()).unwrap();
    for (start, end) in [(0, 2), (2, 5), (5, 300)] {
        log.append(&slices(&all[start..end]), &signer()).unwrap();
        OpenEpoch::next(&log).unwrap().seal(&storage).unwrap();
    }
    log.append(&slices(&all[300..]), &signer()).unwrap();
    (storage, all)
}

fn read(storage: &MemoryStorage) -> Result<Vec<u64>, EpochError> {
    let log = Log::open(storage, signer().verifier()).unwrap();
    Ok(epoch::read_all(&log)?.iter().map(|epoch| epoch.head().size.value()).collect())
}

/// The checkpoint of a log of these entries, by any key.
fn checkpoint(entries: &[Vec<u8>], seed: u8) -> Vec<u8> {
    let mut log = Log::create(MemoryStorage::new(), &signer_of(seed)).unwrap();
    log.append(&slices(entries), &signer_of(seed)).unwrap();
    log.checkpoint().signed().as_bytes().to_vec()
}

#[test]
fn an_epoch_is_the_checkpoint_verbatim() {
    let storage = memory_log(&entries("a", 0..5));
    let log = Log::open(&storage, signer().verifier()).unwrap();
    let open = OpenEpoch::next(&log).unwrap();
    assert_eq!(open.checkpoint(), log.checkpoint());
    open.seal(&storage).unwrap();
    assert_eq!(storage.get("epochs/1", 10_000).unwrap(), storage.checkpoint(10_000).unwrap());
    let (storage, all) = sealed();
    assert_eq!(read(&storage).unwrap(), [2, 5, 300]);
    assert_eq!(check_log(&storage, &all).epochs, 3);
}

#[test]
fn no_growth_no_epoch() {
    let mut log = Log::create(MemoryStorage::new(), &signer()).unwrap();
    let refused = OpenEpoch::next(&log);
    assert!(matches!(refused, Err(EpochError::NoGrowth { number, .. }) if number.value() == 1));
    log.append(&[b"x"], &signer()).unwrap();
    OpenEpoch::next(&log).unwrap().seal(log.storage()).unwrap();
    let refused = OpenEpoch::next(&log);
    assert!(matches!(refused, Err(EpochError::NoGrowth { number, size: found })
        if number.value() == 2 && found == size(1)));
}

#[test]
fn an_epoch_is_sealed_once() {
    let storage = memory_log(&entries("a", 0..5));
    let log = Log::open(&storage, signer().verifier()).unwrap();
    let (first, second) = (OpenEpoch::next(&log).unwrap(), OpenEpoch::next(&log).unwrap());
    first.seal(&storage).unwrap();
    assert!(matches!(second.seal(&storage), Err(EpochError::Exists { .. })));
}

#[test]
fn ten_epochs_are_in_order() {
    let storage = MemoryStorage::new();
    let mut log = Log::create(&storage, &signer()).unwrap();
    for n in 1..=12 {
        log.append(&[b"x"], &signer()).unwrap();
        assert_eq!(OpenEpoch::next(&log).unwrap().seal(&storage).unwrap().number().value(), n);
    }
    assert_eq!(read(&storage).unwrap(), (1..=12).collect::<Vec<_>>());
}

#[test]
fn the_epoch_at_fault_is_named() {
    let (storage, all) = sealed();
    let mut forked = all.clone();
    forked[1] = b"another".to_vec();
    let get = |path| storage.get(path, 10_000).unwrap().unwrap();
    let changed = |path: &str, bytes: &[u8]| {
        let copy = storage.clone();
        copy.put(path, bytes).unwrap();
        let log = Log::open(&copy, signer().verifier()).unwrap();
        let error = epoch::read_all(&log).unwrap_err();
        assert_eq!(error.path(), path, "{error}");
        error
    };
    let three = get("epochs/3");
    assert!(matches!(changed("epochs/2", &get("epochs/1")), EpochError::Shrinks { .. }));
    assert!(matches!(changed("epochs/3", &get("epochs/1")), EpochError::Shrinks { .. }));
    assert!(matches!(changed("epochs/2", &checkpoint(&forked[..5], 7)), EpochError::Fork { .. }));
    assert!(matches!(changed("epochs/3", &checkpoint(&entries("a", 0..400), 7)), EpochError::Beyond { .. }));
    assert!(matches!(changed("epochs/3", &checkpoint(&all[..300], 8)), EpochError::Verify { .. }));
    assert!(matches!(changed("epochs/2", b""), EpochError::Checkpoint { .. }));
    assert!(matches!(changed("epochs/2", &three[..three.len() - 1]), EpochError::Checkpoint { .. }));
    assert!(matches!(changed("epochs/04", &three), EpochError::Sequence { expected, .. } if expected.value() == 4));
    assert!(matches!(changed("epochs/5", &three), EpochError::Sequence { expected, .. } if expected.value() == 4));
    let gap = storage.clone();
    gap.remove("epochs/2");
    assert!(matches!(read(&gap), Err(EpochError::Sequence { expected, .. }) if expected.value() == 2));
}

/// An old checkpoint was put back: signed, with all its tiles there, and behind an epoch.
#[test]
fn a_log_behind_its_epoch_is_not_continued() {
    let (storage, all) = sealed();
    let old = storage.get("epochs/2", 10_000).unwrap().unwrap();
    let forked = checkpoint(&[&entries("b", 0..1)[..], &all[1..310]].concat(), 7);
    let swapped = |new: &[u8]| {
        let copy = storage.clone();
        copy.swap_checkpoint(storage.checkpoint(10_000).unwrap().as_deref(), new).unwrap();
        copy
    };
    let behind = swapped(&old);
    let mut log = Log::open(&behind, signer().verifier()).unwrap();
    assert!(matches!(log.append(&[b"x"], &signer()), Err(AppendError::Epoch(EpochError::Beyond { .. }))));
    assert!(matches!(OpenEpoch::next(&log), Err(EpochError::Beyond { .. })));
    // A checkpoint of another history does not even open, because the tiles are not its.
    assert!(Log::open(&swapped(&forked), signer().verifier()).is_err());
}
