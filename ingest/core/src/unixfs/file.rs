//! A file's tree, built leaf by leaf in bounded memory.
//!
//! Each level keeps the children that have no parent yet, at most [`WIDTH`] of them. A full level becomes a node only
//! when one more child arrives, so a file of exactly [`WIDTH`] leaves has one node and not two. At the end every level
//! below the last is closed, a lone child included: all leaves have the same depth, as in Kubo's balanced layout.

use std::convert::Infallible;

use sha2::{Digest as _, Sha256};

use crate::cid::{Cid, Codec};
use crate::digest::Digest;

use super::node::{Child, FileNode, NodeError};
use super::{CHUNK_LEN, Link, WIDTH};

/// A whole file, by its root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct File {
    /// The root block: raw if the file is at most one leaf, else dag-pb.
    pub cid: Cid,
    /// Bytes in the file.
    pub size: u64,
    /// Bytes in all its blocks: the file and the nodes over it.
    pub tsize: u64,
}

impl File {
    /// What a directory says about this file.
    pub const fn link(&self) -> Link {
        Link { cid: self.cid, tsize: self.tsize }
    }
}

/// Takes the blocks of a file as soon as they are known: leaves in file order, each node after all below it, the root
/// last. Two blocks may be equal, and are then handed over twice.
pub trait Sink {
    /// What can go wrong with keeping a block.
    type Error;

    /// A leaf, which is the file's bytes `offset .. offset + len`; the sink has them, or finds them there.
    fn leaf(&mut self, cid: Cid, offset: u64, len: usize) -> Result<(), Self::Error>;

    /// A dag-pb node.
    fn node(&mut self, cid: Cid, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    type Error = S::Error;

    fn leaf(&mut self, cid: Cid, offset: u64, len: usize) -> Result<(), Self::Error> {
        (**self).leaf(cid, offset, len)
    }

    fn node(&mut self, cid: Cid, bytes: &[u8]) -> Result<(), Self::Error> {
        (**self).node(cid, bytes)
    }
}

/// A sink for those who want the root and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Sink for Discard {
    type Error = Infallible;

    fn leaf(&mut self, _: Cid, _: u64, _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn node(&mut self, _: Cid, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Why a file's tree could not be built. After any of these the builder is to be dropped: a sink may have missed a
/// block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError<E> {
    /// A leaf is longer than a leaf can be, or empty without being the whole file.
    #[error("leaf {index} has {found} bytes, expected 1 to {CHUNK_LEN}")]
    LeafLen {
        /// Which leaf, counted from 0.
        index: u64,
        /// Its length.
        found: usize,
    },
    /// A leaf comes after one that was not full, and so was the last.
    #[error("leaf {index} comes after a leaf of less than {CHUNK_LEN} bytes")]
    AfterLast {
        /// Which leaf, counted from 0.
        index: u64,
    },
    /// A node could not be made: the sizes do not fit 64 bits.
    #[error("the nodes over the file cannot be made")]
    Node(#[source] NodeError),
    /// The sink could not keep a block.
    #[error("a block of the file could not be kept")]
    Sink(#[source] E),
}

/// Builds a file's tree from its bytes, in slices of any lengths.
#[derive(Debug)]
pub struct FileBuilder<S> {
    tree: FileTree<S>,
    leaf: Sha256,
    filled: usize,
}

impl<S: Sink> FileBuilder<S> {
    /// Starts a file whose blocks go to `sink`.
    pub fn new(sink: S) -> Self {
        Self { tree: FileTree::new(sink), leaf: Sha256::new(), filled: 0 }
    }

    /// Takes the next bytes of the file.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), FileError<S::Error>> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_LEN - self.filled));
            self.leaf.update(now);
            self.filled += now.len();
            if self.filled == CHUNK_LEN {
                self.end_leaf()?;
            }
            bytes = later;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<File, FileError<S::Error>> {
        // The empty file has one leaf too, made by `FileTree::finish`.
        if self.filled > 0 {
            self.end_leaf()?;
        }
        self.tree.finish()
    }

    fn end_leaf(&mut self) -> Result<(), FileError<S::Error>> {
        let digest = Digest::new(self.leaf.finalize_reset().into());
        self.tree.push(digest, std::mem::take(&mut self.filled))
    }
}

/// Builds a file's tree from the digests of its leaves, which may have been computed in parallel.
///
/// ```
/// use mira_core::digest::Digest;
/// use mira_core::unixfs::{CHUNK_LEN, Discard, FileTree};
///
/// let content = vec![7; 3 * CHUNK_LEN + 1];
/// let mut tree = FileTree::new(Discard);
/// for leaf in content.chunks(CHUNK_LEN) {
///     tree.push(Digest::of(leaf), leaf.len())?;
/// }
/// assert_eq!(tree.finish()?.size, 3 * 1_048_576 + 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileTree<S> {
    sink: S,
    // Level 0 holds leaves. At most six levels, since 1024^5 leaves exceed 64 bits of size.
    levels: Vec<Vec<Child>>,
    leaves: u64,
    size: u64,
    ended: bool,
}

impl<S: Sink> FileTree<S> {
    /// Starts a file whose blocks go to `sink`.
    pub const fn new(sink: S) -> Self {
        Self { sink, levels: Vec::new(), leaves: 0, size: 0, ended: false }
    }

    /// Takes the SHA-256 and the length of the next leaf. Every leaf has [`CHUNK_LEN`] bytes; the last may have fewer.
    pub fn push(&mut self, digest: Digest, len: usize) -> Result<(), FileError<S::Error>> {
        let index = self.leaves;
        if self.ended {
            return Err(FileError::AfterLast { index });
        }
        // The empty file has no leaf to push; `finish` knows it.
        if len == 0 || len > CHUNK_LEN {
            return Err(FileError::LeafLen { index, found: len });
        }
        self.leaf(Cid::new(Codec::Raw, digest), len)
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<File, FileError<S::Error>> {
        if self.leaves == 0 {
            self.leaf(Cid::raw_of(b""), 0)?;
        }
        let mut level = 0;
        loop {
            match self.levels.get(level).map(Vec::as_slice) {
                Some([root]) if level + 1 == self.levels.len() => {
                    return Ok(File { cid: root.cid, size: root.size, tsize: root.tsize });
                }
                _ => self.close(level)?,
            }
            level += 1;
        }
    }

    fn leaf(&mut self, cid: Cid, len: usize) -> Result<(), FileError<S::Error>> {
        let (offset, size) = (self.size, len as u64);
        self.size = offset.checked_add(size).ok_or(FileError::Node(NodeError::TooLarge))?;
        self.leaves += 1;
        self.ended = len < CHUNK_LEN;
        self.sink.leaf(cid, offset, len).map_err(FileError::Sink)?;
        self.place(0, Child { cid, size, tsize: size })
    }

    /// Puts a child on a level, closing the node before it if that is full.
    fn place(&mut self, level: usize, child: Child) -> Result<(), FileError<S::Error>> {
        if self.levels.get(level).is_some_and(|children| children.len() == WIDTH) {
            self.close(level)?;
        }
        match self.levels.get_mut(level) {
            Some(children) => children.push(child),
            None => self.levels.push(vec![child]),
        }
        Ok(())
    }

    /// Makes the children of a level into a node, and that a child of the level above.
    fn close(&mut self, level: usize) -> Result<(), FileError<S::Error>> {
        let children = self.levels.get_mut(level).map(std::mem::take).unwrap_or_default();
        let node = FileNode::new(children).map_err(FileError::Node)?;
        let bytes = node.encode();
        let cid = Cid::of(Codec::DagPb, &bytes);
        self.sink.node(cid, &bytes).map_err(FileError::Sink)?;
        self.place(level + 1, Child { cid, size: node.size(), tsize: node.tsize() })
    }
}
