//! Files and directories as IPFS sees them, under the profile `unixfs-v1-2025` (IPIP-0499).
//!
//! A file is cut every [`CHUNK_LEN`] bytes. Each piece is a raw leaf; up to [`WIDTH`] leaves hang under a dag-pb node,
//! up to [`WIDTH`] of those under the next, until one is left, and that one's CID is the file's. A file of one piece is
//! its leaf, and the empty file is the raw CID of nothing. A directory is one dag-pb node with its entries by name.
//! These are the CIDs that `ipfs add` computes under the same profile, so a dataset has its CID before any node runs.
//!
//! [`FileBuilder`] makes a file's CID from its bytes, [`FileTree`] from leaf digests made elsewhere, and both hand
//! every block to a [`Sink`] as soon as it is known. [`File::open`] and [`Directory::open`] go the other way and check
//! every block on the way down; [`decode_node`] is the strict decoder under them.
//!
//! Not here: sharded (HAMT) directories, symbolic links, modes and times, CIDv0, leaves inside dag-pb. A directory that
//! the profile would shard is refused, so no CID of ours differs from Kubo's for that reason.
//!
//! ```
//! use mira_core::unixfs::{CHUNK_LEN, Directory, Discard, FileBuilder};
//!
//! let mut file = FileBuilder::new(Discard);
//! file.write(&vec![0; CHUNK_LEN])?;
//! file.write(b"and one piece more")?;
//! let file = file.finish()?;
//!
//! let mut directory = Directory::new();
//! directory.insert("zeros.bin", file.link())?;
//! assert_eq!(directory.link().tsize, file.tsize + directory.encode().len() as u64);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod directory;
mod file;
mod node;
mod pb;
mod walk;

pub use self::directory::{Directory, DirectoryError};
pub use self::file::{Discard, File, FileBuilder, FileError, FileTree, Sink};
pub use self::node::{Child, FileNode, Node, NodeError, decode_node};
pub use self::walk::{FileBlock, OpenError, Opened};

use crate::cid::Cid;

/// The profile's name, as IPIP-0499 and Kubo spell it.
pub const PROFILE: &str = "unixfs-v1-2025";
/// Bytes in each leaf but the last.
pub const CHUNK_LEN: usize = 1 << 20;
/// The most children of a node of a file.
pub const WIDTH: usize = 1024;
/// The most entries of a directory.
pub const MAX_ENTRIES: usize = 1000;
/// The longest name of a directory entry, in bytes: what common file systems can hold.
pub const MAX_NAME_LEN: usize = 255;
/// The longest dag-pb node, in bytes. A directory of more would be sharded under the profile (its limit is this very
/// number, and reaching it is allowed); a file's node of [`WIDTH`] children takes about a quarter.
pub const MAX_NODE_LEN: usize = 256 << 10;

/// A DAG by its root: what an entry of a directory points at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Link {
    /// The root block.
    pub cid: Cid,
    /// Cumulative size in bytes: all blocks of the DAG with their node framing, counted once for each link to them.
    pub tsize: u64,
}
