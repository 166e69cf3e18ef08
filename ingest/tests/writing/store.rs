//! The store: what is put is there, what is not intact is not given out, and a crash leaves nothing that matters.

use std::fs;
use std::path::PathBuf;

use mira_core::cid::Cid;
use mira_core::digest::Digest;
use mira_ingest::store::{ChunkKey, ChunkStore, Store, StoreError, Unstored};
use tempfile::TempDir;

pub(crate) fn temporary() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    (directory, store)
}

/// Every file below a directory.
pub(crate) fn files(root: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_is_put_is_there() {
    let (directory, store) = temporary();
    let contents = [vec![], b"hello world".to_vec(), vec![7; 1 << 20], vec![8; (1 << 20) + 1]];
    let mut expected = Vec::new();
    for bytes in &contents {
        let file = store.put(bytes).unwrap();
        assert_eq!(file.size, bytes.len() as u64);
        assert_eq!(store.put(bytes).unwrap(), file, "again");
        assert_eq!(Unstored.keep(&key(1), bytes).unwrap(), file);
        assert_eq!(&store.get(&file.cid, file.size).unwrap(), bytes);
        assert_eq!(store.verify(&file.cid, |_| ()).unwrap(), file);
        expected.push((file.cid, file.size));
    }
    // The CID that `ipfs add --cid-version=1` gives these bytes.
    let hello = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse().unwrap();
    assert!(store.has(&hello).unwrap());
    expected.sort_unstable();
    assert_eq!(store.objects().unwrap(), expected);
    assert!(files(&directory.path().join("store/tmp")).is_empty());
    store.remove(&hello).unwrap();
    store.remove(&hello).unwrap();
    assert!(matches!(store.get(&hello, 100), Err(StoreError::Missing { cid }) if cid == hello));
    assert!(matches!(store.get(&expected[0].0, 0), Err(StoreError::TooLong { .. }) | Ok(_)));
}

#[test]
fn every_flipped_bit_is_seen() {
    let (directory, store) = temporary();
    let file = store.put(b"what the contributor signed").unwrap();
    let path = files(&directory.path().join("store/objects")).remove(0);
    let good = fs::read(&path).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bad).unwrap();
        match store.get(&file.cid, 100) {
            Err(StoreError::Corrupt { expected, path: named, .. }) => {
                assert_eq!(expected, file.cid);
                assert_eq!(named, path);
            }
            other => panic!("{other:?}"),
        }
    }
    for bad in [&good[1..], &good[..5], &[&good[..], b"x"].concat()] {
        fs::write(&path, bad).unwrap();
        assert!(matches!(store.get(&file.cid, 100), Err(StoreError::Corrupt { .. })));
    }
    // Putting the bytes again repairs the file.
    store.put(&good).unwrap();
    assert_eq!(store.get(&file.cid, 100).unwrap(), good);
}

fn key(n: u8) -> ChunkKey {
    ChunkKey { leaf: Digest::of(&[n]).into(), physical: Digest::of(&[n, n]) }
}

#[test]
fn a_kept_chunk_is_found_only_while_its_file_is_intact() {
    let (directory, store) = temporary();
    let file = store.keep(&key(1), b"a chunk").unwrap();
    assert_eq!(store.kept(&key(1)).unwrap(), Some((file, b"a chunk".to_vec())));
    assert_eq!(store.kept(&key(2)).unwrap(), None);
    let other = ChunkKey { physical: Digest::of(b"another"), ..key(1) };
    assert_eq!(store.kept(&other).unwrap(), None, "another physical schema is another file");

    let index = files(&directory.path().join("store/chunks")).remove(0);
    let good = fs::read(&index).unwrap();
    let elsewhere = Cid::raw_of(b"not stored").to_string();
    for bad in [&b""[..], b"bafk", b"\xff\xff", elsewhere.as_bytes()] {
        fs::write(&index, bad).unwrap();
        assert_eq!(store.kept(&key(1)).unwrap(), None);
    }
    fs::write(&index, good).unwrap();
    let object = files(&directory.path().join("store/objects")).remove(0);
    fs::write(&object, b"a chunc").unwrap();
    assert_eq!(store.kept(&key(1)).unwrap(), None);
    assert_eq!(store.keep(&key(1), b"a chunk").unwrap(), file);
    assert_eq!(store.kept(&key(1)).unwrap(), Some((file, b"a chunk".to_vec())));
    store.remove(&file.cid).unwrap();
    assert_eq!(store.kept(&key(1)).unwrap(), None);
}

/// What a crash leaves at each line of a write: a file cut off in `tmp/`, a whole one there, or the object without its
/// index entry.
#[test]
fn interrupted_writes_leave_nothing_that_matters() {
    let (directory, store) = temporary();
    let tmp = directory.path().join("store/tmp");
    let file = store.put(b"before").unwrap();
    // As left by a process that had this one's number: the names that will be asked for next.
    for n in 0..50 {
        fs::write(tmp.join(format!("{}-{n}", std::process::id())), &b"half a chu"[..n % 10]).unwrap();
    }
    let store = Store::open(directory.path().join("store")).unwrap();
    assert_eq!(store.objects().unwrap(), [(file.cid, 6)]);
    let chunk = store.keep(&key(1), b"a chunk").unwrap();
    assert_eq!(store.get(&chunk.cid, 7).unwrap(), b"a chunk");
    fs::remove_dir_all(directory.path().join("store/chunks")).unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    assert_eq!(store.kept(&key(1)).unwrap(), None);
    assert_eq!(store.keep(&key(1), b"a chunk").unwrap(), chunk);
    assert_eq!(store.sweep().unwrap(), 50);
    assert_eq!(store.sweep().unwrap(), 0);
    assert_eq!(store.objects().unwrap().len(), 2);
}

#[test]
fn threads_may_put_the_same_bytes() {
    let (_directory, store) = temporary();
    std::thread::scope(|scope| {
        for n in 0..8_u8 {
            let store = &store;
            scope.spawn(move || (0..20).for_each(|i| assert_eq!(store.put(&[i, i, n % 2]).unwrap().size, 3)));
        }
    });
    assert_eq!(store.objects().unwrap().len(), 40);
    assert!(store.objects().unwrap().iter().all(|(cid, size)| store.get(cid, *size).is_ok()));
}
