//! Every write of an append, broken before it lands and after; then the log is opened again, checked, and goes on.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod support;

use mira_lineage::epoch::{self, EpochError, OpenEpoch};
use mira_lineage::log::{AppendError, CreateError, Fault, Faulty, FsStorage, Log, MemoryStorage, Storage};
use proptest::prelude::*;
use support::{check_contents, check_log, copy_directory, entries, memory_log, signer, size, slices};

/// Breaks each write of appending `count` entries to a log of `start`, on a fresh copy of the log each time.
fn sweep<S: Storage>(start: usize, count: usize, copy: impl Fn() -> S) {
    let before = entries("a", 0..start);
    let first = entries("b", start..start + count);
    let second = entries("c", start..start + count.min(3));
    for at in 0.. {
        for fault in [Fault::Before, Fault::After] {
            let storage = Faulty::new(copy());
            let mut log = Log::open(&storage, signer().verifier()).unwrap();
            storage.fail_after(at, fault);
            let result = log.append(&slices(&first), &signer());
            let failed = storage.heal();

            // Whatever happened, the log is whole: with the batch, or without any of it.
            let reopened = Log::open(&storage, signer().verifier()).unwrap();
            let landed = reopened.size() > size(start);
            let mut expected = before.clone();
            expected.extend(first.iter().filter(|_| landed).cloned());
            check_contents(&storage, &expected);
            match &result {
                Ok(_) => assert!(landed),
                Err(AppendError::Commit(_)) => assert_eq!(landed, fault == Fault::After),
                Err(AppendError::Write(_)) => assert!(!landed),
                Err(other) => panic!("write {at} {fault:?}: {other}"),
            }

            // The log that failed goes on, unless it has to be opened again to see where it stands.
            let again = log.append(&slices(&second), &signer());
            if result.is_err() && landed {
                assert!(matches!(again, Err(AppendError::Conflict)));
                log = reopened;
                log.append(&slices(&second), &signer()).unwrap();
            } else {
                again.unwrap();
            }
            expected.extend(second.iter().cloned());
            check_contents(&storage, &expected);
            if !failed {
                assert!(at >= 3, "an append writes a bundle, a tile and the checkpoint");
                check_log(&storage, &expected);
                return;
            }
        }
    }
}

#[test]
fn every_write_in_memory() {
    for start in [0, 1, 2, 254, 255, 256, 257, 511, 512] {
        let storage = memory_log(&entries("a", 0..start));
        for count in [1, 2, 257] {
            sweep(start, count, || storage.clone());
        }
    }
}

#[test]
fn every_write_in_files() {
    for (start, count) in [(0, 1), (255, 2)] {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("base");
        let mut log = Log::create(FsStorage::create(&base).unwrap(), &signer()).unwrap();
        log.append(&slices(&entries("a", 0..start)), &signer()).unwrap();
        let copies = std::cell::Cell::new(0);
        sweep(start, count, || {
            copies.set(copies.get() + 1);
            let copy = directory.path().join(copies.get().to_string());
            copy_directory(&base, &copy);
            FsStorage::open(copy).unwrap()
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_write_at_any_size(start in 0_usize..800, count in 1_usize..400) {
        let storage = memory_log(&entries("a", 0..start));
        sweep(start, count, || storage.clone());
    }
}

#[test]
fn making_a_log() {
    for (fault, exists) in [(Fault::Before, false), (Fault::After, true)] {
        let storage = Faulty::new(MemoryStorage::new());
        storage.fail_after(0, fault);
        assert!(matches!(Log::create(&storage, &signer()), Err(CreateError::Storage(_))));
        storage.heal();
        assert_eq!(Log::create(&storage, &signer()).is_err(), exists);
        check_log(&storage, &[]);
    }
}

#[test]
fn sealing_an_epoch() {
    for (fault, sealed) in [(Fault::Before, false), (Fault::After, true)] {
        let storage = Faulty::new(memory_log(&entries("a", 0..5)));
        let log = Log::open(&storage, signer().verifier()).unwrap();
        storage.fail_after(0, fault);
        assert!(matches!(OpenEpoch::next(&log).unwrap().seal(&storage), Err(EpochError::Storage(_))));
        storage.heal();
        // Whoever is unsure looks: the epoch is there, or can be sealed.
        assert_eq!(epoch::read_all(&log).unwrap().len(), usize::from(sealed));
        match OpenEpoch::next(&log) {
            Ok(open) => assert_eq!(open.seal(&storage).unwrap().number().value(), 1),
            Err(error) => assert!(sealed && matches!(error, EpochError::NoGrowth { .. })),
        }
        assert_eq!(check_log(&storage, &entries("a", 0..5)).epochs, 1);
    }
}

/// A process that died within a write leaves a temporary file, with all of its bytes or some, beside any object.
#[test]
fn temporary_files_of_a_crash() {
    let all = entries("a", 0..258);
    let directory = tempfile::tempdir().unwrap();
    let storage = FsStorage::create(directory.path().join("log")).unwrap();
    Log::create(&storage, &signer()).unwrap().append(&slices(&all[..255]), &signer()).unwrap();
    for torn in [&b""[..], b"torn"] {
        for path in
            [".checkpoint.tmp", "tile/0/.000.tmp", "tile/entries/.000.tmp", "tile/0/000.p/.255.tmp", "tile/.1.tmp"]
        {
            std::fs::write(storage.root().join(path), torn).unwrap();
        }
        check_log(&storage, &all[..255]);
    }
    let storage = FsStorage::open(storage.root()).unwrap();
    Log::open(&storage, signer().verifier()).unwrap().append(&slices(&all[255..]), &signer()).unwrap();
    check_log(&storage, &all);
}
