//! A dataset as one UnixFS directory, which anyone opens on any gateway.
//!
//! ```text
//! manifest.cbor  chunks.cbor  statement.dsse  schema.json          always
//! README.md  LICENSE  croissant.json  report.json                  where there is one
//! chunks/000/000000.parquet … chunks/999/999999.parquet            the chunk files, a thousand a directory
//! ```
//!
//! The directory is computed, never stored: its CID follows from the CIDs and lengths of its files, so it is known
//! before any node has seen a byte. [`car`] makes the blocks of all of it, or of what a node lacks, when they are asked
//! for.

pub mod car;

use std::sync::Arc;

use mira_core::cid::{Cid, Codec};
use mira_core::digest::Digest;
use mira_core::manifest::ChunkList;
use mira_core::unixfs::{CHUNK_LEN, Child, Directory, DirectoryError, File, FileNode, Link, NodeError};

use crate::chunk::MAX_FILE;
use mira_core::statement::Dataset;

/// Chunk files in one directory.
const CHUNKS_PER_DIRECTORY: usize = 1000;

/// The files beside the chunks. All of them are in the store that the blocks will be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopFiles {
    /// `manifest.cbor`.
    pub manifest: File,
    /// `chunks.cbor`: the chunk list.
    pub chunk_list: File,
    /// `statement.dsse`: the signed statement that names the manifest.
    pub statement: File,
    /// `schema.json`: the canonical schema as JSON.
    pub schema: File,
    /// `README.md`: the dataset's card.
    pub readme: Option<File>,
    /// `LICENSE`: the text of the licence.
    pub license: Option<File>,
    /// `croissant.json`: the description that catalogues of datasets read.
    pub croissant: Option<File>,
    /// `report.json`: the column profile report.
    pub report: Option<File>,
}

/// The directory of a dataset. Cloning it copies no list.
#[derive(Debug, Clone)]
pub struct DatasetDirectory {
    top: Directory,
    top_files: Vec<(&'static str, File)>,
    chunks: Arc<[File]>,
    link: Link,
    size: u64,
}

/// A file of the directory, by its path there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, as in `chunks/000/000123.parquet`.
    pub path: String,
    /// What it is.
    pub file: File,
}

/// Why files are not a dataset directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// No dataset has so many chunks, or none.
    #[error("a dataset has 1 to {} chunks, found {found}", Dataset::MAX_CHUNKS)]
    Chunks {
        /// How many there are.
        found: usize,
    },
    /// A file is longer than any file of a dataset.
    #[error("{path} has {found} bytes, at most {MAX_FILE} are allowed")]
    TooLong {
        /// The file.
        path: String,
        /// Its length.
        found: u64,
    },
    /// A file of this length has another kind of CID, so the length or the CID is wrong.
    #[error("{path} has {size} bytes, so its CID is {expected}, found {found}")]
    Codec {
        /// The file.
        path: String,
        /// Its length.
        size: u64,
        /// The codec that follows from the length.
        expected: Codec,
        /// That of its CID.
        found: Codec,
    },
    /// A node over a file cannot be made.
    #[error("the node over {path} cannot be made")]
    Node {
        /// The file.
        path: String,
        /// Why not.
        source: NodeError,
    },
    /// An entry is refused.
    #[error("the directory cannot be made")]
    Directory(#[from] DirectoryError),
}

impl TopFiles {
    fn entries(&self) -> impl Iterator<Item = (&'static str, File)> {
        let files = [
            ("manifest.cbor", Some(self.manifest)),
            ("chunks.cbor", Some(self.chunk_list)),
            ("statement.dsse", Some(self.statement)),
            ("schema.json", Some(self.schema)),
            ("README.md", self.readme),
            ("LICENSE", self.license),
            ("croissant.json", self.croissant),
            ("report.json", self.report),
        ];
        files.into_iter().filter_map(|(name, file)| Some((name, file?)))
    }
}

impl DatasetDirectory {
    /// Computes the directory. Nothing is read or written: lengths and CIDs are enough.
    ///
    /// # Errors
    /// [`LayoutError`] where a list from elsewhere claims what no dataset has.
    pub fn new(top: &TopFiles, chunks: &ChunkList) -> Result<Self, LayoutError> {
        let found = chunks.chunks().len();
        if found == 0 || found as u64 > Dataset::MAX_CHUNKS {
            return Err(LayoutError::Chunks { found });
        }
        let top_files: Vec<_> = top.entries().collect();
        for (name, file) in &top_files {
            file_of(name, file.cid, file.size)?;
        }
        let chunks: Arc<[File]> = chunks
            .chunks()
            .iter()
            .enumerate()
            .map(|(index, chunk)| file_of(&chunk_path(index), chunk.cid, chunk.bytes))
            .collect::<Result<_, _>>()?;
        let mut directory = Directory::new();
        for (name, file) in &top_files {
            directory.insert(name, file.link())?;
        }
        directory.insert("chunks", over(&chunks)?.link())?;
        let files = top_files.iter().map(|(_, file)| file).chain(chunks.iter());
        // At most a million files of at most 2^30 bytes.
        let size = files.map(|file| file.size).sum();
        Ok(Self { link: directory.link(), top: directory, top_files, chunks, size })
    }

    /// The root: what is pinned, and where the dataset is found.
    pub const fn cid(&self) -> Cid {
        self.link.cid
    }

    /// The root with its cumulative size.
    pub const fn link(&self) -> Link {
        self.link
    }

    /// Bytes in all files.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// How many files there are: never none.
    pub fn len(&self) -> usize {
        self.top_files.len() + self.chunks.len()
    }

    /// Whether there are no files, which no dataset is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A file by its number: first those beside the chunks, then the chunks in order.
    pub fn file(&self, number: usize) -> Option<Entry> {
        if let Some((name, file)) = self.top_files.get(number) {
            return Some(Entry { path: (*name).into(), file: *file });
        }
        let index = number - self.top_files.len();
        self.chunks.get(index).map(|file| Entry { path: chunk_path(index), file: *file })
    }

    /// All files, in the order of their numbers.
    pub fn files(&self) -> impl Iterator<Item = Entry> {
        (0..self.len()).filter_map(|number| self.file(number))
    }

    /// The directories, each after all below it, the root last. One is in memory at a time, beside the list of them.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Result<Directory, DirectoryError>> {
        let thousands = self.chunks.chunks(CHUNKS_PER_DIRECTORY).enumerate();
        let below = thousands.map(|(number, files)| thousand(number, files));
        below.chain(std::iter::once_with(|| over(&self.chunks))).chain(std::iter::once_with(|| Ok(self.top.clone())))
    }
}

/// `chunks/`: the directories of a thousand files each.
fn over(chunks: &[File]) -> Result<Directory, DirectoryError> {
    let mut directory = Directory::new();
    for (number, files) in chunks.chunks(CHUNKS_PER_DIRECTORY).enumerate() {
        directory.insert(&format!("{number:03}"), thousand(number, files)?.link())?;
    }
    Ok(directory)
}

/// `chunks/ddd/`: the files of up to a thousand chunks.
fn thousand(number: usize, files: &[File]) -> Result<Directory, DirectoryError> {
    let mut directory = Directory::new();
    for (place, file) in files.iter().enumerate() {
        directory.insert(&chunk_name(number * CHUNKS_PER_DIRECTORY + place), file.link())?;
    }
    Ok(directory)
}

fn chunk_name(index: usize) -> String {
    format!("{index:06}.parquet")
}

/// Where the file of a chunk is in the directory.
pub fn chunk_path(index: usize) -> String {
    format!("chunks/{:03}/{}", index / CHUNKS_PER_DIRECTORY, chunk_name(index))
}

/// A file by its CID and length. How many nodes it has and how long they are follows from the length alone, since all
/// CIDs have one length; so its cumulative size does too.
fn file_of(path: &str, cid: Cid, size: u64) -> Result<File, LayoutError> {
    if size > MAX_FILE {
        return Err(LayoutError::TooLong { path: path.into(), found: size });
    }
    let is_leaf = size <= CHUNK_LEN as u64;
    let expected = if is_leaf { Codec::Raw } else { Codec::DagPb };
    if cid.codec() != expected {
        return Err(LayoutError::Codec { path: path.into(), size, expected, found: cid.codec() });
    }
    if is_leaf {
        return Ok(File { cid, size, tsize: size });
    }
    let any = Cid::new(Codec::Raw, Digest::new([0; Digest::LEN]));
    let children = leaf_lens(size).map(|size| Child { cid: any, size, tsize: size }).collect();
    let node = FileNode::new(children).map_err(|source| LayoutError::Node { path: path.into(), source })?;
    Ok(File { cid, size, tsize: node.tsize() })
}

/// The lengths of a file's leaves.
fn leaf_lens(size: u64) -> impl Iterator<Item = u64> {
    let full = CHUNK_LEN as u64;
    // The empty file is one leaf of nothing.
    (0..size.div_ceil(full).max(1)).map(move |leaf| full.min(size - leaf * full))
}

// The longest file's leaves have one node over them; a longer one's tree would have another shape than `file_of` makes.
const _: () = assert!(MAX_FILE <= (CHUNK_LEN * mira_core::unixfs::WIDTH) as u64);

#[cfg(test)]
mod tests {
    use mira_core::dataset::ChunkLeafData;
    use mira_core::digest::{RowRoot, SchemaId};
    use mira_core::manifest::ListedChunk;
    use mira_core::unixfs::{Discard, FileTree};

    use super::*;

    fn listed(file: &File) -> ListedChunk {
        let leaf = ChunkLeafData {
            row_profile: 1,
            schema_id: SchemaId::new(Digest::of(b"schema")),
            rows: 1,
            row_root: RowRoot::new(*file.cid.digest()),
        };
        ListedChunk { leaf, cid: file.cid, bytes: file.size }
    }

    fn small(text: &str) -> File {
        file_of("x", Cid::raw_of(text.as_bytes()), text.len() as u64).unwrap()
    }

    fn top() -> TopFiles {
        TopFiles {
            manifest: small("manifest"),
            chunk_list: small("chunk list"),
            statement: small("statement"),
            schema: small("schema"),
            readme: None,
            license: None,
            croissant: None,
            report: None,
        }
    }

    fn directory(chunks: usize) -> Result<DatasetDirectory, LayoutError> {
        let chunks = (0..chunks).map(|index| listed(&small(&format!("chunk {index}")))).collect();
        DatasetDirectory::new(&top(), &ChunkList::new(chunks))
    }

    #[test]
    fn cumulative_sizes_follow_from_lengths() {
        let mib = CHUNK_LEN as u64;
        for size in [0, 1, mib - 1, mib, mib + 1, 2 * mib, 127 * mib + 5, 128 * mib, 129 * mib, MAX_FILE - 1, MAX_FILE]
        {
            let mut tree = FileTree::new(Discard);
            for (index, len) in leaf_lens(size).enumerate().filter(|(_, len)| *len > 0) {
                tree.push(Digest::of(&index.to_be_bytes()), usize::try_from(len).unwrap()).unwrap();
            }
            let file = tree.finish().unwrap();
            assert_eq!(file_of("x", file.cid, size), Ok(file), "{size}");
        }
    }

    #[test]
    fn refuses_lengths_that_do_not_fit_the_cid() {
        let raw = Cid::raw_of(b"x");
        let node = Cid::of(Codec::DagPb, b"x");
        assert!(matches!(file_of("x", raw, (1 << 20) + 1), Err(LayoutError::Codec { found: Codec::Raw, .. })));
        assert!(matches!(file_of("x", node, 1 << 20), Err(LayoutError::Codec { found: Codec::DagPb, .. })));
        assert!(matches!(file_of("x", node, MAX_FILE + 1), Err(LayoutError::TooLong { .. })));
        assert!(matches!(file_of("x", node, u64::MAX), Err(LayoutError::TooLong { .. })));
    }

    #[test]
    fn a_thousand_chunks_a_directory() {
        for chunks in [1, 999, 1000, 1001, 2500] {
            let directory = directory(chunks).unwrap();
            let nodes: Vec<Directory> = directory.nodes().collect::<Result<_, _>>().unwrap();
            assert_eq!(nodes.len(), chunks.div_ceil(1000) + 2);
            let root = nodes.last().unwrap();
            assert_eq!(root.link(), directory.link());
            let below = &nodes[nodes.len() - 2];
            assert_eq!(root.entry("chunks"), Some(below.link()));
            for (number, thousand) in nodes[..nodes.len() - 2].iter().enumerate() {
                assert_eq!(below.entry(&format!("{number:03}")), Some(thousand.link()));
            }
            let last = directory.file(directory.len() - 1).unwrap();
            assert_eq!(last.path, format!("chunks/{:03}/{:06}.parquet", (chunks - 1) / 1000, chunks - 1));
            let name = last.path.rsplit('/').next().unwrap();
            assert_eq!(nodes[nodes.len() - 3].entry(name), Some(last.file.link()));
            assert_eq!(directory.files().count(), chunks + 4);
            assert_eq!(directory.file(directory.len()), None);
        }
        assert_eq!(directory(0).unwrap_err(), LayoutError::Chunks { found: 0 });
    }

    #[test]
    fn the_cumulative_size_counts_every_block() {
        let directory = directory(1500).unwrap();
        let nodes = directory.nodes().map(|node| node.unwrap().encode().len() as u64).sum::<u64>();
        assert_eq!(directory.link().tsize, directory.size() + nodes);
    }
}
