//! The promises of [`Storage`], as checks that every implementation passes.

use super::storage::{Storage, StorageError};

/// Runs every check, each on storage that `fresh` made and that holds nothing.
///
/// What only a loss of power would show, durability, is not checked.
///
/// # Panics
/// If a promise is broken.
pub fn check<S: Storage>(fresh: impl Fn() -> S) {
    let checks: [Check<S>; 8] = [absent, put_and_get, limits, create, remove_all, list, swap, paths];
    for check in checks {
        check(&fresh());
    }
}

type Check<S> = fn(&S);

fn absent<S: Storage>(storage: &S) {
    assert!(matches!(storage.get("tile/0/000", 10), Ok(None)));
    assert!(matches!(storage.checkpoint(10), Ok(None)));
    assert!(storage.remove_all("tile/0/000.p").is_ok());
    assert_eq!(listed(storage, ""), [""; 0]);
    assert_eq!(listed(storage, "epochs"), [""; 0]);
}

fn put_and_get<S: Storage>(storage: &S) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for (path, bytes) in [("tile/0/x001/000", &every_byte[..]), ("tile/0/x001/001.p/7", b""), ("a", b"\n")] {
        assert!(storage.put(path, bytes).is_ok());
        assert_eq!(read(storage, path).as_deref(), Some(bytes));
    }
    assert!(storage.put("a", b"longer than before").is_ok());
    assert!(storage.put("a", b"shorter").is_ok());
    assert_eq!(read(storage, "a").as_deref(), Some(&b"shorter"[..]));
}

fn limits<S: Storage>(storage: &S) {
    assert!(storage.put("a", b"12345").is_ok());
    assert!(matches!(storage.get("a", 5), Ok(Some(_))));
    assert!(matches!(storage.get("a", 4), Err(StorageError::TooLong { limit: 4, .. })));
    assert!(storage.swap_checkpoint(None, b"12345").is_ok());
    assert!(matches!(storage.checkpoint(4), Err(StorageError::TooLong { limit: 4, .. })));
}

fn create<S: Storage>(storage: &S) {
    assert!(storage.create("epochs/1", b"first").is_ok());
    assert!(matches!(storage.create("epochs/1", b"first"), Err(StorageError::Exists { .. })));
    assert!(matches!(storage.create("epochs/1", b"second"), Err(StorageError::Exists { .. })));
    assert_eq!(read(storage, "epochs/1").as_deref(), Some(&b"first"[..]));
}

fn remove_all<S: Storage>(storage: &S) {
    for path in ["tile/0/000.p/1", "tile/0/000.p/255", "tile/0/000.p2", "tile/0/000", "tile/1/000.p/1"] {
        assert!(storage.put(path, b"x").is_ok());
    }
    assert!(storage.remove_all("tile/0/000.p").is_ok());
    assert_eq!(listed(storage, ""), ["tile/0/000", "tile/0/000.p2", "tile/1/000.p/1"]);
    // A directory that was removed can be filled again.
    assert!(storage.put("tile/0/000.p/1", b"y").is_ok());
    assert_eq!(read(storage, "tile/0/000.p/1").as_deref(), Some(&b"y"[..]));
}

fn list<S: Storage>(storage: &S) {
    for path in ["epochs/2", "tile/entries/000", "epochs/10", "epochs.d/1", "epochs/1"] {
        assert!(storage.put(path, b"x").is_ok());
    }
    assert!(storage.swap_checkpoint(None, b"x").is_ok());
    assert_eq!(listed(storage, "epochs"), ["epochs/1", "epochs/10", "epochs/2"]);
    assert_eq!(listed(storage, "tile"), ["tile/entries/000"]);
    assert_eq!(
        listed(storage, ""),
        ["checkpoint", "epochs.d/1", "epochs/1", "epochs/10", "epochs/2", "tile/entries/000"]
    );
}

fn swap<S: Storage>(storage: &S) {
    let conflicts = |expected, new| matches!(storage.swap_checkpoint(expected, new), Err(StorageError::Conflict));
    assert!(conflicts(Some(b"one"), b"two"));
    assert!(matches!(storage.checkpoint(100), Ok(None)));
    assert!(storage.swap_checkpoint(None, b"one").is_ok());
    assert!(conflicts(None, b"two"));
    for other in [&b"on"[..], b"one\n", b"two", b""] {
        assert!(conflicts(Some(other), b"two"));
    }
    assert!(matches!(storage.checkpoint(100).as_ref().map(Option::as_deref), Ok(Some(b"one"))));
    assert!(storage.swap_checkpoint(Some(b"one"), b"a longer one").is_ok());
    assert!(matches!(storage.checkpoint(100).as_ref().map(Option::as_deref), Ok(Some(b"a longer one"))));
}

fn paths<S: Storage>(storage: &S) {
    for path in ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", ".a", "a/.b", "A", "a b", "a\\b", "ä", "a\0"]
    {
        assert!(matches!(storage.put(path, b"x"), Err(StorageError::Path { .. })), "{path:?}");
        assert!(matches!(storage.create(path, b"x"), Err(StorageError::Path { .. })), "{path:?}");
        assert!(matches!(storage.get(path, 10), Err(StorageError::Path { .. })), "{path:?}");
        assert!(matches!(storage.remove_all(path), Err(StorageError::Path { .. })), "{path:?}");
    }
    assert_eq!(listed(storage, ""), [""; 0]);
}

fn read<S: Storage>(storage: &S, path: &str) -> Option<Vec<u8>> {
    storage.get(path, 1000).ok().flatten()
}

fn listed<S: Storage>(storage: &S, directory: &str) -> Vec<String> {
    let paths = storage.list(directory);
    assert!(paths.is_ok(), "{directory:?} was not listed: {paths:?}");
    paths.unwrap_or_default()
}
