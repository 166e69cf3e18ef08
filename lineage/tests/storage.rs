//! Every storage keeps the promises of the trait.

use mira_lineage::log::{Fault, Faulty, FsStorage, MemoryStorage, Storage, StorageError, conformance};

#[test]
fn memory() {
    conformance::check(MemoryStorage::new);
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    conformance::check(|| {
        count.set(count.get() + 1);
        FsStorage::create(directory.path().join(count.get().to_string())).unwrap()
    });
}

#[test]
fn faulty_without_faults() {
    conformance::check(|| Faulty::new(MemoryStorage::new()));
    conformance::check(|| {
        let storage = Faulty::new(MemoryStorage::new());
        storage.fail_after(0, Fault::Before);
        assert!(storage.put("a", b"x").is_err());
        storage.heal();
        storage
    });
}

#[test]
fn faults_come_before_or_after() {
    let storage = Faulty::new(MemoryStorage::new());
    storage.fail_after(1, Fault::Before);
    assert!(storage.put("a", b"1").is_ok());
    assert!(matches!(storage.put("b", b"1"), Err(StorageError::Io { .. })));
    assert!(storage.put("c", b"1").is_err(), "dead");
    assert!(storage.heal());
    storage.fail_after(0, Fault::After);
    assert!(storage.swap_checkpoint(None, b"1").is_err());
    assert!(storage.heal() && !storage.heal());
    assert_eq!(storage.list("").unwrap(), ["a", "checkpoint"]);
}

/// What a process that died while it wrote leaves behind is not listed, and gives way to the next write.
#[test]
fn temporary_files_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let storage = FsStorage::create(directory.path().join("log")).unwrap();
    storage.put("tile/0/000.p/1", b"published").unwrap();
    for (path, torn) in [("tile/0/000.p/.1.tmp", "torn"), (".checkpoint.tmp", ""), ("tile/0/.000.tmp", "x")] {
        std::fs::write(storage.root().join(path), torn).unwrap();
    }
    assert_eq!(storage.list("").unwrap(), ["tile/0/000.p/1"]);
    assert!(storage.checkpoint(100).unwrap().is_none());
    storage.put("tile/0/000.p/1", b"again").unwrap();
    storage.swap_checkpoint(None, b"first").unwrap();
    assert_eq!(storage.get("tile/0/000.p/1", 100).unwrap().unwrap(), b"again");
    assert!(!storage.root().join(".checkpoint.tmp").exists());
}

#[test]
fn a_directory_that_is_not_there_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(FsStorage::open(directory.path().join("none")), Err(StorageError::Io { .. })));
    assert!(matches!(FsStorage::create(directory.path().join("none/log")), Err(StorageError::Io { .. })));
}
