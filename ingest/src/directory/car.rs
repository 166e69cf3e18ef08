//! The blocks of a dataset directory, in CARs of a size that one request can carry.
//!
//! Each CAR is complete under its root, so that a node can pin what it just received: the last one's root is the
//! dataset, that of each before it a directory of just the files it brings, named by their last path component. The
//! blocks of a file stand together, leaves first; the directories of the dataset come at the very end.

use std::collections::BTreeMap;
use std::io::{self, Read};

use mira_core::car::{self, CarError};
use mira_core::cid::{Cid, Codec};
use mira_core::digest::Digest;
use mira_core::unixfs::{CHUNK_LEN, Directory, DirectoryError, FileError, FileTree, MAX_ENTRIES, Sink};

use super::{DatasetDirectory, Entry, leaf_lens};
use crate::store::{Store, StoreError};

/// A CAR ends before the file that would bring it over this many bytes of file content.
///
/// Long enough that the answer to a request costs little beside the request, short enough that little is sent again
/// after a break. One longer file is a CAR of its own; the last CAR has the directories besides, 66 bytes a chunk.
pub const TARGET_BYTES: u64 = 128 << 20;

/// Where the bytes of a dataset's files are.
pub trait Files {
    /// A file from its first byte on.
    ///
    /// # Errors
    /// [`StoreError`]: it is not there, or cannot be opened.
    fn file(&self, cid: &Cid) -> Result<impl Read, StoreError>;
}

impl Files for Store {
    fn file(&self, cid: &Cid) -> Result<impl Read, StoreError> {
        self.reader(cid)
    }
}

/// A store and beside it files in memory, for who may not write to it.
#[derive(Debug)]
pub struct Beside<'a> {
    /// The store.
    pub store: &'a Store,
    /// What it may lack.
    pub files: BTreeMap<Cid, Vec<u8>>,
}

impl Files for Beside<'_> {
    fn file(&self, cid: &Cid) -> Result<impl Read, StoreError> {
        let file: Box<dyn Read + '_> = match self.files.get(cid) {
            Some(bytes) => Box::new(bytes.as_slice()),
            None => Box::new(self.store.reader(cid)?),
        };
        Ok(file)
    }
}

/// One CAR, planned: nothing is read until it is written.
#[derive(Debug, Clone)]
pub struct CarPlan {
    root: Cid,
    files: Vec<Entry>,
    ending: Ending,
}

/// What follows the files.
#[derive(Debug, Clone)]
enum Ending {
    /// The directory of these very files.
    Batch(Directory),
    /// The directories of the dataset.
    Dataset(DatasetDirectory),
}

/// What a CAR holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CarContent {
    /// How many blocks. Equal blocks count as often as they stand there.
    pub blocks: u64,
    /// Bytes in all blocks.
    pub block_bytes: u64,
}

/// Why a CAR could not be written. What was written until then is to be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// A file is not in the store or cannot be opened.
    #[error("{path} cannot be read")]
    Open {
        /// Its path in the dataset.
        path: String,
        /// Why not.
        source: StoreError,
    },
    /// A file could not be read to its end.
    #[error("{path} cannot be read")]
    Read {
        /// Its path in the dataset.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A stored file has another length than the dataset says.
    #[error("{path} has another length in the store than the dataset's {expected} bytes")]
    Length {
        /// Its path in the dataset.
        path: String,
        /// The length that the dataset says.
        expected: u64,
    },
    /// A stored file is damaged.
    #[error("{path} has CID {found} in the store, expected {expected}")]
    Corrupt {
        /// Its path in the dataset.
        path: String,
        /// The CID that the dataset says.
        expected: Cid,
        /// The CID of what is stored.
        found: Cid,
    },
    /// A directory could not be made.
    #[error("a directory cannot be made")]
    Directory(#[from] DirectoryError),
    /// A block could not be framed.
    #[error("a block cannot be framed")]
    Frame(#[from] CarError),
    /// The tree over a file could not be made.
    #[error("the tree over {path} cannot be made")]
    Tree {
        /// Its path in the dataset.
        path: String,
    },
    /// The receiver takes no more.
    #[error("the CAR could not be handed on")]
    Output(#[source] E),
}

impl DatasetDirectory {
    /// Plans the CARs that bring these files and the directories over all files. There is always at least one.
    ///
    /// # Errors
    /// None for files of this directory: their names differ, and no batch has more than a directory holds.
    pub fn cars(&self, files: impl IntoIterator<Item = Entry>) -> Result<Vec<CarPlan>, DirectoryError> {
        let (mut plans, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
        for entry in files {
            let with = bytes.saturating_add(entry.file.tsize);
            if !batch.is_empty() && (with > TARGET_BYTES || batch.len() == MAX_ENTRIES) {
                plans.push(CarPlan::batch(std::mem::take(&mut batch))?);
                bytes = 0;
            }
            bytes += entry.file.tsize;
            batch.push(entry);
        }
        plans.push(CarPlan { root: self.cid(), files: batch, ending: Ending::Dataset(self.clone()) });
        Ok(plans)
    }

    /// Plans one CAR of everything, for a file.
    pub fn car(&self) -> CarPlan {
        CarPlan { root: self.cid(), files: self.files().collect(), ending: Ending::Dataset(self.clone()) }
    }
}

impl CarPlan {
    fn batch(files: Vec<Entry>) -> Result<Self, DirectoryError> {
        let mut directory = Directory::new();
        for Entry { path, file } in &files {
            let name = path.rsplit('/').next().unwrap_or(path);
            directory.insert(name, file.link())?;
        }
        Ok(Self { root: directory.link().cid, files, ending: Ending::Batch(directory) })
    }

    /// The root in the header: complete once this CAR and those before it have arrived.
    pub const fn root(&self) -> Cid {
        self.root
    }

    /// Whether this is the last CAR, whose root is the dataset.
    pub const fn is_last(&self) -> bool {
        matches!(self.ending, Ending::Dataset(_))
    }

    /// The files it brings.
    pub fn files(&self) -> &[Entry] {
        &self.files
    }

    /// Its length in bytes, before anything is read.
    pub fn byte_len(&self) -> u64 {
        let files = self.files.iter().map(|entry| {
            let leaves = leaf_lens(entry.file.size).map(car::frame_len).sum::<u64>();
            // What a file's blocks take beyond its bytes is one node, if it has more than one leaf.
            let node = entry.file.tsize.saturating_sub(entry.file.size);
            leaves + if node > 0 { car::frame_len(node) } else { 0 }
        });
        let node_len = |node: &Directory| car::frame_len(node.encode().len() as u64);
        let nodes = match &self.ending {
            Ending::Batch(directory) => node_len(directory),
            Ending::Dataset(dataset) => dataset.nodes().flatten().map(|node| node_len(&node)).sum(),
        };
        car::HEADER_LEN as u64 + files.sum::<u64>() + nodes
    }

    /// What it holds, before anything is read.
    pub fn content(&self) -> CarContent {
        let files = self.files.iter().map(|entry| {
            let nodes = u64::from(entry.file.tsize > entry.file.size);
            CarContent { blocks: leaf_lens(entry.file.size).count() as u64 + nodes, block_bytes: entry.file.tsize }
        });
        let node = |node: &Directory| CarContent { blocks: 1, block_bytes: node.encode().len() as u64 };
        let nodes: Vec<CarContent> = match &self.ending {
            Ending::Batch(directory) => vec![node(directory)],
            Ending::Dataset(dataset) => dataset.nodes().flatten().map(|directory| node(&directory)).collect(),
        };
        files.chain(nodes).fold(CarContent::default(), |sum, more| CarContent {
            blocks: sum.blocks + more.blocks,
            block_bytes: sum.block_bytes + more.block_bytes,
        })
    }

    /// Writes the CAR, a block at a time, reading the files from the store. Every file is compared with its CID before
    /// the directory over it is written; after an error what `out` got is not complete under the root.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write<E>(
        &self,
        files: &impl Files,
        out: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<CarContent, WriteError<E>> {
        let mut frames = Frames { out, head: Vec::new(), content: CarContent::default() };
        car::header(&mut frames.head, self.root);
        frames.flush_head()?;
        let mut leaf = Vec::new();
        for entry in &self.files {
            frames.file(files, entry, &mut leaf)?;
        }
        match &self.ending {
            Ending::Batch(directory) => frames.directory(directory)?,
            Ending::Dataset(dataset) => dataset.nodes().try_for_each(|node| frames.directory(&node?))?,
        }
        Ok(frames.content)
    }
}

/// Puts blocks into frames and counts them.
struct Frames<O> {
    out: O,
    head: Vec<u8>,
    content: CarContent,
}

impl<E, O: FnMut(&[u8]) -> Result<(), E>> Frames<O> {
    fn file(
        &mut self,
        files: &impl Files,
        Entry { path, file }: &Entry,
        leaf: &mut Vec<u8>,
    ) -> Result<(), WriteError<E>> {
        let mut reader = files.file(&file.cid).map_err(|source| WriteError::Open { path: path.clone(), source })?;
        let mut digests = Vec::new();
        for len in leaf_lens(file.size) {
            leaf.clear();
            let read = reader.by_ref().take(len).read_to_end(leaf);
            let read = read.map_err(|source| WriteError::Read { path: path.clone(), source })?;
            if read as u64 != len {
                return Err(WriteError::Length { path: path.clone(), expected: file.size });
            }
            let digest = Digest::of(leaf);
            self.block(Cid::new(Codec::Raw, digest), leaf)?;
            digests.push((digest, read));
        }
        let found = self.tree(path, &digests)?;
        if found != file.cid {
            return Err(WriteError::Corrupt { path: path.clone(), expected: file.cid, found });
        }
        Ok(())
    }

    /// Writes the nodes over leaves and gives the root.
    fn tree(&mut self, path: &str, leaves: &[(Digest, usize)]) -> Result<Cid, WriteError<E>> {
        let failed = |error| match error {
            FileError::Sink(error) => error,
            _ => WriteError::Tree { path: path.into() },
        };
        let mut tree = FileTree::new(self);
        // The empty file has no leaf to push; `finish` knows it.
        for (digest, len) in leaves.iter().filter(|(_, len)| *len > 0) {
            tree.push(*digest, *len).map_err(failed)?;
        }
        Ok(tree.finish().map_err(failed)?.cid)
    }

    fn directory(&mut self, directory: &Directory) -> Result<(), WriteError<E>> {
        let bytes = directory.encode();
        self.block(Cid::of(Codec::DagPb, &bytes), &bytes)
    }

    fn block(&mut self, cid: Cid, data: &[u8]) -> Result<(), WriteError<E>> {
        car::frame_head(&mut self.head, cid, data.len())?;
        self.flush_head()?;
        self.content.blocks += 1;
        self.content.block_bytes += data.len() as u64;
        (self.out)(data).map_err(WriteError::Output)
    }

    fn flush_head(&mut self) -> Result<(), WriteError<E>> {
        (self.out)(&self.head).map_err(WriteError::Output)?;
        self.head.clear();
        Ok(())
    }
}

impl<E, O: FnMut(&[u8]) -> Result<(), E>> Sink for Frames<O> {
    type Error = WriteError<E>;

    /// Leaves are written as they are read.
    fn leaf(&mut self, _: Cid, _: u64, _: usize) -> Result<(), WriteError<E>> {
        Ok(())
    }

    fn node(&mut self, cid: Cid, bytes: &[u8]) -> Result<(), WriteError<E>> {
        self.block(cid, bytes)
    }
}

// What is left of a leaf that was read fits the frame that a reader accepts.
const _: () = assert!(CHUNK_LEN <= car::MAX_BLOCK_LEN);
