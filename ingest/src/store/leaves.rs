//! Leaf files: what is kept of a chunk whose rows are removed, so that its root can still be made and its rows proved.
//!
//! ```text
//! leaves/03/03ab…    87 bytes of chunk leaf data, then 32 bytes for each row: the row's leaf
//! ```
//!
//! The file's name is the leaf of its chunk leaf data. Its length follows from how many rows the chunk has, and the root
//! over its leaves is the chunk's, so that nothing in it is believed.

use std::fs::{self, File as FsFile};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mira_core::dataset::{ChunkLeafData, Cut1};
use mira_core::digest::{ChunkLeaf, Digest, RowLeaf, RowRoot};
use mira_core::merkle;

use super::{Durability, Store, StoreError, entries, io_error, remove, shard, sync_directory};

const LEAVES: &str = "leaves";

/// Why the leaves of a chunk cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum LeavesError {
    /// The file could not be written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No chunk has so many rows.
    #[error("a chunk has at most {} rows, found {found}", Cut1::MAX_ROWS)]
    Rows {
        /// How many it says that it has.
        found: u64,
    },
    /// The file is of another length than that of as many leaves as the chunk has rows.
    #[error("{}: expected leaves of {expected} bytes, found {found}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length by the chunk's rows.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// The leaves are those of other rows.
    #[error("{}: the leaves do not have the chunk's root", path.display())]
    Root {
        /// The file.
        path: PathBuf,
    },
}

impl Store {
    /// Keeps the leaves of a chunk's rows, durably when this returns.
    ///
    /// # Errors
    /// [`LeavesError::Root`] if they are the leaves of other rows.
    pub fn keep_leaves(&self, chunk: &ChunkLeafData, leaves: &[RowLeaf]) -> Result<(), LeavesError> {
        let path = self.leaf_file(&chunk.leaf());
        if leaves.len() as u64 != chunk.rows || root(leaves) != chunk.row_root {
            return Err(LeavesError::Root { path });
        }
        let directory = self.root.join(LEAVES);
        if !directory.is_dir() {
            fs::create_dir_all(&directory).map_err(|source| io_error("create", &directory, source))?;
            sync_directory(&self.root)?;
        }
        let mut bytes = Vec::with_capacity(ChunkLeafData::LEN + leaves.len() * Digest::LEN);
        bytes.extend(chunk.encode());
        leaves.iter().for_each(|leaf| bytes.extend(leaf.as_bytes()));
        Ok(self.write(&path, &bytes, Durability::Synced)?)
    }

    /// The leaves that were kept of a chunk's rows, compared with its root; nothing if none were.
    pub fn leaves(&self, chunk: &ChunkLeafData) -> Result<Option<Vec<RowLeaf>>, LeavesError> {
        let path = self.leaf_file(&chunk.leaf());
        let Some(file) = open(&path)? else { return Ok(None) };
        // The length is known before a byte of it is taken: at most 8 MiB and a little.
        if chunk.rows > u64::from(Cut1::MAX_ROWS) {
            return Err(LeavesError::Rows { found: chunk.rows });
        }
        let expected = ChunkLeafData::LEN as u64 + chunk.rows * Digest::LEN as u64;
        let failed = |source| io_error("read", &path, source);
        let found = file.metadata().map_err(failed)?.len();
        if found != expected {
            return Err(LeavesError::Length { path, expected, found });
        }
        let mut bytes = Vec::new();
        file.take(expected).read_to_end(&mut bytes).map_err(failed)?;
        let leaves = bytes.strip_prefix(&chunk.encode()).map(split).filter(|leaves| root(leaves) == chunk.row_root);
        leaves.map(Some).ok_or(LeavesError::Root { path })
    }

    /// Whether leaves of this chunk are kept; they are not looked at.
    pub fn has_leaves(&self, chunk: &ChunkLeaf) -> bool {
        self.leaf_file(chunk).is_file()
    }

    /// The chunks of which leaves are kept, with the lengths of the files.
    pub fn leaf_files(&self) -> Result<Vec<(ChunkLeaf, u64)>, StoreError> {
        let directory = self.root.join(LEAVES);
        let mut files = Vec::new();
        if !directory.is_dir() {
            return Ok(files);
        }
        for path in entries(&directory)?.into_iter().filter(|path| path.is_dir()) {
            for path in entries(&path)? {
                // Whatever is not named by a digest was not put there by this store.
                let name = path.file_name().and_then(|name| name.to_str()?.parse::<Digest>().ok());
                let Some(name) = name else { continue };
                let length = fs::metadata(&path).map_err(|source| io_error("read", &path, source))?.len();
                files.push((name.into(), length));
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Removes the leaves of a chunk, if they are there.
    pub fn remove_leaves(&self, chunk: &ChunkLeaf) -> Result<(), StoreError> {
        remove(&self.leaf_file(chunk))
    }

    fn leaf_file(&self, chunk: &ChunkLeaf) -> PathBuf {
        self.root.join(LEAVES).join(shard(&(*chunk).into())).join(chunk.to_string())
    }
}

fn open(path: &Path) -> Result<Option<FsFile>, StoreError> {
    match FsFile::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("read", path, source)),
    }
}

fn root(leaves: &[RowLeaf]) -> RowRoot {
    merkle::root_of(leaves.iter().copied()).into()
}

fn split(bytes: &[u8]) -> Vec<RowLeaf> {
    let (leaves, _) = bytes.as_chunks();
    leaves.iter().map(|leaf| Digest::new(*leaf).into()).collect()
}

#[cfg(test)]
mod tests {
    use mira_core::row;

    use super::*;

    fn chunk(rows: u64) -> (ChunkLeafData, Vec<RowLeaf>) {
        let leaves: Vec<RowLeaf> = (0..rows).map(|row| Digest::of(&row.to_be_bytes()).into()).collect();
        let schema_id = Digest::of(b"schema").into();
        (ChunkLeafData { row_profile: row::PROFILE, schema_id, rows, row_root: root(&leaves) }, leaves)
    }

    #[test]
    fn leaves_are_those_of_the_root_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (data, leaves) = chunk(5);
        assert_eq!(store.leaves(&data).unwrap(), None);
        assert!(store.leaf_files().unwrap().is_empty());
        assert!(matches!(store.keep_leaves(&data, &leaves[1..]), Err(LeavesError::Root { .. })));
        store.keep_leaves(&data, &leaves).unwrap();
        assert_eq!(store.leaves(&data).unwrap(), Some(leaves));
        assert_eq!(store.leaf_files().unwrap(), [(data.leaf(), 87 + 5 * 32)]);
        assert!(store.has_leaves(&data.leaf()));

        let path = store.leaf_file(&data.leaf());
        let bytes = fs::read(&path).unwrap();
        for at in [0, 20, 50, 87, bytes.len() - 1] {
            let mut edited = bytes.clone();
            edited[at] ^= 1;
            fs::write(&path, edited).unwrap();
            assert!(matches!(store.leaves(&data), Err(LeavesError::Root { .. })), "byte {at}");
        }
        for len in [0, 86, bytes.len() - 1] {
            fs::write(&path, &bytes[..len]).unwrap();
            assert!(matches!(store.leaves(&data), Err(LeavesError::Length { .. })), "{len} bytes");
        }
        store.remove_leaves(&data.leaf()).unwrap();
        store.remove_leaves(&data.leaf()).unwrap();
        assert_eq!(store.leaves(&data).unwrap(), None);
    }

    #[test]
    fn a_file_of_more_leaves_than_a_chunk_has_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let data = ChunkLeafData { rows: u64::MAX, ..chunk(1).0 };
        let path = store.leaf_file(&data.leaf());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"").unwrap();
        assert!(matches!(store.leaves(&data), Err(LeavesError::Rows { found: u64::MAX })));
    }
}
