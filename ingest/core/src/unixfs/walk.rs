//! Reading a file or a directory from blocks that came from anybody.
//!
//! Under the profile the size of a file fixes the shape of its tree. So once the root is open, the offset, the length,
//! the kind and the depth of every block below are known before it is fetched, and a block that differs is refused.
//! Nothing is trusted but the CID the reader started with; a tree is at most six blocks deep.

use crate::cid::{Cid, Codec};

use super::file::File;
use super::node::{Child, FileNode, Node, NodeError, decode_node};
use super::{CHUNK_LEN, Directory, WIDTH};

/// A block of a file, as its parent describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileBlock {
    cid: Cid,
    offset: u64,
    size: u64,
    tsize: u64,
    level: u32,
}

/// What a block of a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened<'a> {
    /// A leaf: bytes of the file.
    Leaf(&'a [u8]),
    /// A node: the blocks below it, in file order.
    Node(Vec<FileBlock>),
}

/// Why a block is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are not those that the CID names.
    #[error("the bytes do not hash to {cid}")]
    Digest {
        /// The CID that was asked for.
        cid: Cid,
    },
    /// The block's codec is not one of such a block.
    #[error("expected {cid} to be {expected}, found {found}")]
    Codec {
        /// The block.
        cid: Cid,
        /// What it should be.
        expected: &'static str,
        /// Its codec.
        found: Codec,
    },
    /// The block is dag-pb but not a node that we would have written.
    #[error("{cid} is not a UnixFS node of this profile")]
    Node {
        /// The block.
        cid: Cid,
        /// What is wrong with it.
        source: NodeError,
    },
    /// A directory where a file should be, or the reverse.
    #[error("expected {cid} to be {expected}")]
    Kind {
        /// The block.
        cid: Cid,
        /// What it should be.
        expected: &'static str,
    },
    /// The block holds another number of file bytes than its parent, or the profile, says.
    #[error("expected {cid} to hold {expected} bytes of the file, found {found}")]
    Size {
        /// The block.
        cid: Cid,
        /// The number that follows from what is above it.
        expected: u64,
        /// The number it holds.
        found: u64,
    },
    /// The block's cumulative size is another than its parent says.
    #[error("expected {cid} to have a cumulative size of {expected}, found {found}")]
    Tsize {
        /// The block.
        cid: Cid,
        /// The parent's word.
        expected: u64,
        /// What the block itself adds up to.
        found: u64,
    },
    /// A node's children are not cut where the profile cuts.
    #[error("{cid} is not cut as the profile cuts: {rule}")]
    Shape {
        /// The node.
        cid: Cid,
        /// The rule it breaks.
        rule: &'static str,
    },
}

impl File {
    /// Checks the root block of a file and opens it. The size is the root's own word until all leaves are read; who
    /// knows it from elsewhere compares.
    pub fn open(cid: Cid, block: &[u8]) -> Result<(Self, Opened<'_>), OpenError> {
        check_digest(cid, block)?;
        match cid.codec() {
            Codec::Raw => {
                let size = block.len() as u64;
                if size > CHUNK_LEN as u64 {
                    return Err(OpenError::Size { cid, expected: CHUNK_LEN as u64, found: size });
                }
                Ok((Self { cid, size, tsize: size }, Opened::Leaf(block)))
            }
            Codec::DagPb => {
                let node = decode_file(cid, block)?;
                let file = Self { cid, size: node.size(), tsize: node.tsize() };
                let level = level_of(file.size);
                if level == 0 {
                    return Err(OpenError::Shape { cid, rule: "a file of one leaf has no node over it" });
                }
                let root = FileBlock { cid, offset: 0, size: file.size, tsize: file.tsize, level };
                Ok((file, Opened::Node(root.children(&node)?)))
            }
            found => Err(OpenError::Codec { cid, expected: "raw or dag-pb", found }),
        }
    }
}

impl FileBlock {
    /// The block to fetch.
    pub const fn cid(&self) -> Cid {
        self.cid
    }

    /// Where in the file its bytes start.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes of the file are in it or below it.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether its bytes are the file's own.
    pub const fn is_leaf(&self) -> bool {
        self.level == 0
    }

    /// Checks the block's bytes against all that is known of it, and opens it.
    pub fn open<'a>(&self, block: &'a [u8]) -> Result<Opened<'a>, OpenError> {
        check_digest(self.cid, block)?;
        if self.is_leaf() {
            self.check_size(block.len() as u64)?;
            return Ok(Opened::Leaf(block));
        }
        let node = decode_file(self.cid, block)?;
        self.check_size(node.size())?;
        if node.tsize() != self.tsize {
            return Err(OpenError::Tsize { cid: self.cid, expected: self.tsize, found: node.tsize() });
        }
        self.children(&node).map(Opened::Node)
    }

    fn check_size(&self, found: u64) -> Result<(), OpenError> {
        if found != self.size {
            return Err(OpenError::Size { cid: self.cid, expected: self.size, found });
        }
        Ok(())
    }

    /// Gives a node's children their places, after checking that they are cut as the profile cuts. The node's size
    /// equals `self.size`, and its level is at least 1.
    fn children(&self, node: &FileNode) -> Result<Vec<FileBlock>, OpenError> {
        let level = self.level.saturating_sub(1);
        let full = capacity(level);
        let shape = |rule| Err(OpenError::Shape { cid: self.cid, rule });
        let mut offset = self.offset;
        let mut left = self.size;
        let mut blocks = Vec::with_capacity(node.children().len());
        for Child { cid, size, tsize } in node.children().iter().copied() {
            if (cid.codec() == Codec::Raw) != (level == 0) {
                return shape("all leaves have the depth that the file's size asks for");
            }
            // The sizes add up to `self.size`, so the loop ends with nothing left, and neither sum can overflow.
            if size != left.min(full) {
                return shape("every child but the last is full");
            }
            blocks.push(FileBlock { cid, offset, size, tsize, level });
            offset += size;
            left -= size;
        }
        Ok(blocks)
    }
}

impl Directory {
    /// Checks the block of a directory and decodes it.
    pub fn open(cid: Cid, block: &[u8]) -> Result<Self, OpenError> {
        check_digest(cid, block)?;
        match decode(cid, block)? {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(OpenError::Kind { cid, expected: "a directory" }),
        }
    }
}

fn check_digest(cid: Cid, block: &[u8]) -> Result<(), OpenError> {
    if cid.matches(block) { Ok(()) } else { Err(OpenError::Digest { cid }) }
}

fn decode_file(cid: Cid, block: &[u8]) -> Result<FileNode, OpenError> {
    match decode(cid, block)? {
        Node::File(node) => Ok(node),
        Node::Directory(_) => Err(OpenError::Kind { cid, expected: "a file" }),
    }
}

fn decode(cid: Cid, block: &[u8]) -> Result<Node, OpenError> {
    if cid.codec() != Codec::DagPb {
        return Err(OpenError::Codec { cid, expected: "dag-pb", found: cid.codec() });
    }
    decode_node(block).map_err(|source| OpenError::Node { cid, source })
}

/// The most file bytes below a block of a level, leaves being level 0; no more than 64 bits hold.
fn capacity(level: u32) -> u64 {
    (WIDTH as u64).saturating_pow(level).saturating_mul(CHUNK_LEN as u64)
}

/// The level of the root of a file: the lowest with room for it.
fn level_of(size: u64) -> u32 {
    // Capacities reach 2^64 - 1 at level 5, so this always finds one.
    (0..5).find(|level| capacity(*level) >= size).unwrap_or(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_change_just_after_a_full_tree() {
        assert_eq!([0, 1, 1 << 20].map(level_of), [0, 0, 0]);
        assert_eq!([(1 << 20) + 1, 1 << 30].map(level_of), [1, 1]);
        assert_eq!([(1 << 30) + 1, 1 << 40].map(level_of), [2, 2]);
        assert_eq!([(1 << 60) + 1, u64::MAX].map(level_of), [5, 5]);
        assert_eq!(capacity(5), u64::MAX);
    }
}
