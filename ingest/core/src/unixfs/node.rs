//! The two kinds of dag-pb node, and their strict decoder.

use crate::cid::{Cid, CidError, Codec};
use crate::varint;

use super::directory::{Directory, DirectoryError};
use super::pb::{self, PbLink, Reader};
use super::{CHUNK_LEN, Link, MAX_NODE_LEN, WIDTH};

/// Field 1 of UnixFS data: the kind of node.
const TYPE: u8 = 0x08;
/// Field 3 of UnixFS data: bytes of the file below this node.
const FILESIZE: u8 = 0x18;
/// Field 4 of UnixFS data, once per link and not packed: bytes of the file below that link.
const BLOCKSIZE: u8 = 0x20;

/// UnixFS data type of a directory.
const DIRECTORY: u64 = 1;
/// UnixFS data type of a file.
const FILE: u64 = 2;

/// The UnixFS data of a directory, which is always the same.
pub(super) const DIRECTORY_DATA: [u8; 2] = [TYPE, 1];

/// A decoded dag-pb node. Encoding it again gives the bytes it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An inner node of a file.
    File(FileNode),
    /// A directory.
    Directory(Directory),
}

impl Node {
    /// The node's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::File(node) => node.encode(),
            Self::Directory(directory) => directory.encode(),
        }
    }
}

/// An inner node of a file. Its parts agree with each other: 1 to [`WIDTH`] children, all leaves or all nodes, none of
/// them empty, and sums that fit 64 bits. Whether it has the shape the profile asks for is for [`File::open`] to say.
///
/// [`File::open`]: super::File::open
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNode {
    children: Vec<Child>,
    size: u64,
    tsize: u64,
}

/// A child of a file's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// The child's block: raw for a leaf, dag-pb for a node.
    pub cid: Cid,
    /// Bytes of the file below it.
    pub size: u64,
    /// Cumulative size in bytes of its blocks.
    pub tsize: u64,
}

impl FileNode {
    /// Puts children under one node; the errors are the same as of decoding such a node.
    pub fn new(children: Vec<Child>) -> Result<Self, NodeError> {
        if children.len() > WIDTH {
            return Err(NodeError::TooManyLinks { max: WIDTH });
        }
        let first = children.first().ok_or(NodeError::NoChildren)?.cid.codec();
        let (mut size, mut tsize) = (0u64, 0u64);
        for (index, child) in children.iter().enumerate() {
            child.check(first).map_err(|rule| NodeError::Child { index, rule })?;
            size = size.checked_add(child.size).ok_or(NodeError::TooLarge)?;
            tsize = tsize.checked_add(child.tsize).ok_or(NodeError::TooLarge)?;
        }
        let mut node = Self { children, size, tsize };
        node.tsize = tsize.checked_add(node.encoded_len() as u64).ok_or(NodeError::TooLarge)?;
        Ok(node)
    }

    /// The children in file order.
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// Bytes of the file below this node.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Cumulative size in bytes: this node and all below it.
    pub fn tsize(&self) -> u64 {
        self.tsize
    }

    /// The node's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(16 + 8 * self.children.len());
        pb::write_number(&mut data, TYPE, FILE);
        pb::write_number(&mut data, FILESIZE, self.size);
        // A link takes 44 bytes and up to 9 more for its size.
        let mut out = Vec::with_capacity(64 * (1 + self.children.len()));
        for child in &self.children {
            child.pb_link().write(&mut out);
            pb::write_number(&mut data, BLOCKSIZE, child.size);
        }
        pb::write_data(&mut out, &data);
        out
    }

    /// How many bytes [`encode`](Self::encode) gives.
    fn encoded_len(&self) -> usize {
        let sizes = self.children.iter().map(|child| 1 + varint::len(child.size));
        let data = 3 + varint::len(self.size) + sizes.sum::<usize>();
        let links = self.children.iter().map(|child| child.pb_link().encoded_len());
        links.sum::<usize>() + 1 + varint::len(data as u64) + data
    }
}

impl Child {
    fn pb_link(&self) -> PbLink<'static> {
        PbLink { cid: self.cid, name: "", tsize: self.tsize }
    }

    /// What can be said of a child without its block; `codec` is that of its first sibling.
    fn check(&self, codec: Codec) -> Result<(), &'static str> {
        let is_leaf = match self.cid.codec() {
            Codec::Raw => true,
            Codec::DagPb => false,
            Codec::DagCbor => return Err("a child of a file is raw or dag-pb"),
        };
        if self.cid.codec() != codec {
            return Err("the children of a file's node are all leaves or all nodes");
        }
        if self.size == 0 {
            return Err("no child of a file's node is empty");
        }
        if is_leaf && self.size > CHUNK_LEN as u64 {
            return Err("a leaf has at most 1 MiB");
        }
        if is_leaf && self.tsize != self.size {
            return Err("a leaf's cumulative size is its length");
        }
        if !is_leaf && self.tsize <= self.size {
            return Err("a node's cumulative size is more than the file bytes below it");
        }
        Ok(())
    }
}

/// Why bytes are not a node that we would have written. `at` is an offset in the block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The block is longer than any node may be.
    #[error("expected a node of at most {max} bytes, found {found}")]
    TooLong {
        /// How many bytes there are.
        found: usize,
        /// The most allowed.
        max: usize,
    },
    /// A field reaches beyond its message.
    #[error("the bytes end inside a field at offset {at}")]
    Truncated {
        /// Offset of the field.
        at: usize,
    },
    /// A message ends before a field it must have.
    #[error("expected {expected} at offset {at}, found the end")]
    Missing {
        /// Offset of the end.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// Another field stands there.
    #[error("expected {expected} at offset {at}, found key byte {found:#04x}")]
    Field {
        /// Offset of the field.
        at: usize,
        /// What should stand there.
        expected: &'static str,
        /// The field's first byte.
        found: u8,
    },
    /// Bytes follow the last field of a message.
    #[error("{extra} bytes follow the last field at offset {at}")]
    Trailing {
        /// Offset of the first extra byte.
        at: usize,
        /// How many there are.
        extra: usize,
    },
    /// A value could be written in another way that is the canonical one.
    #[error("not in canonical form at offset {at}: {rule}")]
    NotCanonical {
        /// Offset of the value.
        at: usize,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A link's CID is not one that we use.
    #[error("the CID of a link at offset {at} is not usable")]
    Cid {
        /// Offset of the CID.
        at: usize,
        /// What is wrong with it.
        source: CidError,
    },
    /// The node is neither a file nor a directory.
    #[error("expected UnixFS type 1 (directory) or 2 (file), found {found}")]
    Kind {
        /// The type as it stands there.
        found: u64,
    },
    /// More links than such a node may have.
    #[error("expected at most {max} links, found more")]
    TooManyLinks {
        /// The most allowed.
        max: usize,
    },
    /// A file's node without links.
    #[error("expected a file's node to have children, found none")]
    NoChildren,
    /// A child of a file's node cannot be one.
    #[error("child {index} is refused: {rule}")]
    Child {
        /// Which child, counted from 0.
        index: usize,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The sizes of the children do not add up to the size of the file.
    #[error("expected a file size of {expected}, the sum of its children, found {found}")]
    FileSize {
        /// The sum.
        expected: u64,
        /// The size as it stands in the node.
        found: u64,
    },
    /// Sizes whose sum does not fit 64 bits.
    #[error("the sizes add up to more than 64 bits hold")]
    TooLarge,
    /// The entries of a directory do not ascend.
    #[error("entry {index} is not after the one before it by the bytes of its name")]
    Order {
        /// Which entry, counted from 0.
        index: usize,
    },
    /// An entry of a directory is refused.
    #[error("entry {index} is refused")]
    Entry {
        /// Which entry, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: DirectoryError,
    },
}

/// Decodes a dag-pb node, refusing everything that [`Node::encode`] would not have written.
///
/// The bytes are not compared with a CID here; [`File::open`](super::File::open) and [`Directory::open`] do that first.
pub fn decode_node(bytes: &[u8]) -> Result<Node, NodeError> {
    if bytes.len() > MAX_NODE_LEN {
        return Err(NodeError::TooLong { found: bytes.len(), max: MAX_NODE_LEN });
    }
    // A directory has fewer entries than this; its own bound is checked as they are inserted.
    let (links, mut data) = pb::read_node(bytes, WIDTH)?;
    match data.number(TYPE, "the UnixFS type")? {
        DIRECTORY => {
            data.finish()?;
            decode_directory(&links).map(Node::Directory)
        }
        FILE => decode_file(&links, data).map(Node::File),
        found => Err(NodeError::Kind { found }),
    }
}

fn decode_file(links: &[PbLink<'_>], mut data: Reader<'_>) -> Result<FileNode, NodeError> {
    let found = data.number(FILESIZE, "the file size")?;
    let mut children = Vec::with_capacity(links.len());
    for (index, link) in links.iter().enumerate() {
        if !link.name.is_empty() {
            return Err(NodeError::Child { index, rule: "the links of a file have empty names" });
        }
        let size = data.number(BLOCKSIZE, "a block size for each link")?;
        children.push(Child { cid: link.cid, size, tsize: link.tsize });
    }
    // What would follow are more block sizes than links, or fields this profile leaves out, such as mode and mtime.
    data.finish()?;
    let node = FileNode::new(children)?;
    if node.size != found {
        return Err(NodeError::FileSize { expected: node.size, found });
    }
    Ok(node)
}

fn decode_directory(links: &[PbLink<'_>]) -> Result<Directory, NodeError> {
    let mut directory = Directory::new();
    let mut last = None;
    for (index, link) in links.iter().enumerate() {
        if last.is_some_and(|last| last >= link.name) {
            return Err(NodeError::Order { index });
        }
        last = Some(link.name);
        directory
            .insert(link.name, Link { cid: link.cid, tsize: link.tsize })
            .map_err(|source| NodeError::Entry { index, source })?;
    }
    Ok(directory)
}
