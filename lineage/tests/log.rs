//! Appending and reading, against the naive definitions.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod support;

use mira_core::merkle::naive;
use mira_lineage::log::{
    AppendError, CreateError, FsStorage, Log, LogSigner, MAX_ENTRY, MemoryStorage, OpenError, ProveError, ReadError,
    SignError, Storage, StorageError, check_everything,
};
use proptest::prelude::*;
use support::{check_log, entries, index, leaves, memory_log, signer, signer_of, size, slices};

#[test]
fn a_new_log_is_empty() {
    let storage = MemoryStorage::new();
    let log = Log::create(&storage, &signer()).unwrap();
    assert_eq!(log.size(), size(0));
    assert_eq!(storage.list("").unwrap(), ["checkpoint"]);
    check_log(&storage, &[]);
    assert!(matches!(Log::create(&storage, &signer()), Err(CreateError::Exists)));
    assert!(matches!(Log::create(&storage, &signer_of(8)), Err(CreateError::Exists)));
}

#[test]
fn a_log_grows_across_the_edges_of_tiles() {
    let all = entries("a", 0..600);
    let storage = MemoryStorage::new();
    let mut log = Log::create(&storage, &signer()).unwrap();
    let mut done = 0;
    for step in [1, 1, 252, 1, 1, 1, 254, 1, 0, 88] {
        let range = log.append(&slices(&all[done..done + step]), &signer()).unwrap();
        assert_eq!(range, index(done)..index(done + step));
        done += step;
        check_log(&storage, &all[..done]);
    }
    assert_eq!(done, 600);
}

/// The names of tlog-tiles, and no others.
#[test]
fn partial_tiles_stay_until_the_full_one_is_there() {
    let all = entries("a", 0..258);
    let storage = MemoryStorage::new();
    let mut log = Log::create(&storage, &signer()).unwrap();
    log.append(&slices(&all[..3]), &signer()).unwrap();
    log.append(&slices(&all[3..255]), &signer()).unwrap();
    let partial = ["tile/0/000.p/255", "tile/0/000.p/3", "tile/entries/000.p/255", "tile/entries/000.p/3"];
    assert_eq!(storage.list("tile").unwrap(), partial);
    log.append(&slices(&all[255..256]), &signer()).unwrap();
    assert_eq!(storage.list("tile").unwrap(), ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]);
    log.append(&slices(&all[256..]), &signer()).unwrap();
    let report = check_log(&storage, &all);
    assert_eq!(
        storage.list("tile").unwrap(),
        ["tile/0/000", "tile/0/001.p/2", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/2"]
    );
    assert_eq!((report.objects, report.leftovers), (5, 0));
}

#[test]
fn entries_may_be_empty_and_equal_and_not_too_long() {
    let storage = MemoryStorage::new();
    let mut log = Log::create(&storage, &signer()).unwrap();
    let longest = vec![0xa5; MAX_ENTRY];
    let batch = [vec![], vec![], longest.clone()];
    log.append(&slices(&batch), &signer()).unwrap();
    let too_long = vec![0; MAX_ENTRY + 1];
    let refused = log.append(&[b"fine", &too_long], &signer());
    assert!(matches!(refused, Err(AppendError::EntryTooLong { position: 1, found: 65_536 })), "{refused:?}");
    check_log(&storage, &batch);
    log.append(&[b"fine"], &signer()).unwrap();
    check_log(&storage, &[&batch[..], &[b"fine".to_vec()]].concat());
}

#[test]
fn nothing_is_proved_past_the_log() {
    let storage = memory_log(&entries("a", 0..5));
    let log = Log::open(&storage, signer().verifier()).unwrap();
    assert!(matches!(log.prove_inclusion(index(5), size(5)), Err(ProveError::Inclusion(_))));
    assert!(matches!(log.prove_inclusion(index(5), size(6)), Err(ProveError::Beyond { .. })));
    assert!(matches!(log.prove_consistency(size(0), size(5)), Err(ProveError::Consistency(_))));
    assert!(matches!(log.prove_consistency(size(4), size(3)), Err(ProveError::Consistency(_))));
    assert!(matches!(log.prove_consistency(size(4), size(6)), Err(ProveError::Beyond { .. })));
    assert!(matches!(log.head_at(size(6)), Err(ProveError::Beyond { .. })));
    assert!(matches!(log.entry(index(5)), Err(ReadError::Beyond { .. })));
    assert!(matches!(log.entry(index(usize::MAX)), Err(ReadError::Beyond { .. })));
    assert!(matches!(log.entries(index(0)..index(6)).map(drop), Err(ReadError::Beyond { .. })));
    assert_eq!(log.entries(index(5)..index(5)).unwrap().count(), 0);
    assert_eq!(log.entries(index(3)..index(2)).unwrap().count(), 0);
}

#[test]
fn other_keys_and_origins_are_refused() {
    let storage = memory_log(&entries("a", 0..5));
    let other_key = signer_of(8);
    let other_name =
        LogSigner::new("example.com/other".parse().unwrap(), mira_core::key::SigningKey::from_seed(&[7; 32]));
    assert!(matches!(Log::open(&storage, other_key.verifier()), Err(OpenError::Verify(_))));
    assert!(matches!(Log::open(&storage, other_name.verifier()), Err(OpenError::Verify(_))));
    assert!(matches!(Log::open(MemoryStorage::new(), signer().verifier()), Err(OpenError::NoCheckpoint)));
    let mut log = Log::open(&storage, signer().verifier()).unwrap();
    for wrong in [&other_key, &other_name] {
        assert!(matches!(log.append(&[b"x"], wrong), Err(AppendError::Sign(SignError::Key { .. }))));
    }
    check_log(&storage, &entries("a", 0..5));
}

/// Of two logs that were opened at one size, the second to append is refused before it overwrites anything.
#[test]
fn a_log_that_fell_behind_conflicts() {
    let all = entries("a", 0..6);
    let storage = memory_log(&all[..5]);
    let mut first = Log::open(&storage, signer().verifier()).unwrap();
    let mut second = Log::open(&storage, signer().verifier()).unwrap();
    first.append(&slices(&all[5..]), &signer()).unwrap();
    assert!(matches!(second.append(&[b"another"], &signer()), Err(AppendError::Conflict)));
    check_log(&storage, &all);
    // It still reads what it had.
    assert_eq!(second.entry(index(4)).unwrap(), all[4]);
    assert_eq!(second.prove_inclusion(index(4), size(5)).unwrap(), naive::path(4, &leaves(&all[..5])));
}

/// A reader at size 250, whose partial tiles are gone because somebody filled them, finds everything in the full ones.
#[test]
fn a_reader_that_fell_behind_takes_full_tiles() {
    let all = entries("a", 0..300);
    let storage = memory_log(&all[..250]);
    let reader = Log::open(&storage, signer().verifier()).unwrap();
    Log::open(&storage, signer().verifier()).unwrap().append(&slices(&all[250..]), &signer()).unwrap();
    assert!(storage.get("tile/0/000.p/250", 10_000).unwrap().is_none());
    assert_eq!(reader.entry(index(249)).unwrap(), all[249]);
    assert_eq!(reader.entries(index(0)..index(250)).unwrap().map(Result::unwrap).collect::<Vec<_>>(), all[..250]);
    assert_eq!(reader.prove_inclusion(index(7), size(250)).unwrap(), naive::path(7, &leaves(&all[..250])));
}

/// Somebody changes the cell after the append has looked, and before it swaps.
#[test]
fn a_change_between_read_and_swap_conflicts() {
    struct Meddled<'s>(&'s MemoryStorage);

    impl Storage for Meddled<'_> {
        fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
            self.0.get(path, limit)
        }
        fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
            self.0.put(path, bytes)
        }
        fn create(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
            self.0.create(path, bytes)
        }
        fn remove_all(&self, directory: &str) -> Result<(), StorageError> {
            self.0.remove_all(directory)
        }
        fn list(&self, directory: &str) -> Result<Vec<String>, StorageError> {
            self.0.list(directory)
        }
        fn swap_checkpoint(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
            // The entry whose tile this append has just written, too: the caller's lock is there against worse.
            Log::open(self.0, signer().verifier()).unwrap().append(&[b"one", b"two"], &signer()).unwrap();
            self.0.swap_checkpoint(expected, new)
        }
    }

    let mut all = entries("a", 0..5);
    let storage = memory_log(&all);
    let mut log = Log::open(Meddled(&storage), signer().verifier()).unwrap();
    assert!(matches!(log.append(&[b"mine"], &signer()), Err(AppendError::Conflict)));
    all.extend([b"one".to_vec(), b"two".to_vec()]);
    check_log(&storage, &all);
}

/// The third level of tiles, where 65,536 hashes of entries become one.
#[test]
fn a_log_crosses_65536() {
    let mut all = entries("a", 0..65_535);
    let storage = memory_log(&all);
    let mut log = Log::open(&storage, signer().verifier()).unwrap();
    for entry in entries("b", 0..2) {
        log.append(&[&entry], &signer()).unwrap();
        all.push(entry);
    }
    let report = check_everything(&storage, signer().verifier()).unwrap();
    assert!(report.is_sound(), "{:?}", report.defects);
    assert_eq!(log.head().root, naive::root(&leaves(&all)));
    for at in [0, 255, 256, 65_279, 65_280, 65_535, 65_536] {
        assert_eq!(log.entry(index(at)).unwrap(), all[at]);
        assert_eq!(log.prove_inclusion(index(at), log.size()).unwrap(), naive::path(at, &leaves(&all)));
    }
    let top: Vec<_> = ["tile/1", "tile/2"].iter().flat_map(|level| storage.list(level).unwrap()).collect();
    assert_eq!(top, ["tile/1/000", "tile/2/000.p/1"]);
}

#[test]
fn files_hold_the_same_objects_as_memory() {
    let all = entries("a", 0..260);
    let directory = tempfile::tempdir().unwrap();
    let (files, memory) = (FsStorage::create(directory.path().join("log")).unwrap(), MemoryStorage::new());
    fn fill<S: Storage>(storage: &S, all: &[Vec<u8>]) {
        let mut log = Log::create(storage, &signer()).unwrap();
        for batch in [&all[..2], &all[2..255], &all[255..]] {
            log.append(&slices(batch), &signer()).unwrap();
        }
    }
    fill(&files, &all);
    fill(&memory, &all);
    check_log(&files, &all);
    assert_eq!(files.list("").unwrap(), memory.list("").unwrap());
    for path in memory.list("").unwrap() {
        assert_eq!(files.get(&path, 100_000).unwrap(), memory.get(&path, 100_000).unwrap(), "{path}");
    }
    // Opened by another process, it goes on.
    let reopened = FsStorage::open(files.root()).unwrap();
    Log::open(&reopened, signer().verifier()).unwrap().append(&[b"more"], &signer()).unwrap();
    check_log(&reopened, &[&all[..], &[b"more".to_vec()]].concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Batches of any sizes, with the log opened again between some of them.
    #[test]
    fn any_batches(batches in prop::collection::vec((0_usize..200, any::<bool>()), 1..8)) {
        let all = entries("a", 0..batches.iter().map(|(count, _)| count).sum());
        let storage = MemoryStorage::new();
        let mut log = Log::create(&storage, &signer()).unwrap();
        let mut done = 0;
        for (count, reopen) in batches {
            log.append(&slices(&all[done..done + count]), &signer()).unwrap();
            done += count;
            prop_assert_eq!(log.head().root, naive::root(&leaves(&all[..done])));
            if reopen {
                log = Log::open(&storage, signer().verifier()).unwrap();
            }
        }
        check_log(&storage, &all);
    }

    /// Any part of a log, read from any place in it.
    #[test]
    fn any_range(start in 0_usize..=700, len in 0_usize..=700) {
        let all = entries("a", 0..700);
        let log = Log::open(memory_log(&all), signer().verifier()).unwrap();
        let end = (start + len).min(700);
        let read: Vec<_> = log.entries(index(start)..index(end)).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(&read[..], &all[start..end]);

    }
}
