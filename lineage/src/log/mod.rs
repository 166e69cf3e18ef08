//! The log: entries in order, a tree over them, and a signed checkpoint (C2SP tlog-tiles).
//!
//! ```text
//! checkpoint              origin, size and root, signed; the only object that changes
//! tile/0/000.p/5          the hashes of entries 0 to 4
//! tile/entries/000.p/5    entries 0 to 4, each after its length
//! epochs/1                a checkpoint, verbatim, that was sealed (not part of tlog-tiles)
//! ```
//!
//! **Write order.** Entries and tiles are durable, then the checkpoint is swapped in, and that is the commit point:
//! what no checkpoint speaks for was never appended. A process that dies before leaves tiles wider than the log, which
//! nobody reads and the next append writes over; one that dies after leaves narrow tiles that a full one has replaced.
//!
//! **Partial tiles.** The log keeps every partial tile that it published until the full tile of that name is published
//! too, and then removes them: so readers of an older checkpoint find what they need, and a log of n entries does not
//! take 128 · n. A reader that misses a partial tile takes the full one.
//!
//! **Reading trusts the key and nothing else.** The checkpoint's signature is checked with the log's key, the right
//! edge of the tree against its root, every tile against the tile above it, every entry against its tile. Whatever is
//! missing or edited is an error that names its path.
//!
//! The log does not serve, cosign or understand its entries, and leaves the lock to its caller: two appends at one time
//! could write over each other's tiles before the swap stops one of them.
//!
//! ```
//! use mira_core::key::SigningKey;
//! use mira_core::merkle::{leaf_hash, verify_inclusion};
//! use mira_lineage::log::{Log, LogSigner, MemoryStorage};
//!
//! let sample = LogSigner::new("example.com/log".parse()?, SigningKey::from_seed(&[7; 32]));
//! let mut log = Log::create(MemoryStorage::new(), &sample)?;
//! let indices = log.append(&[b"first", b"second"], &sample)?;
//!
//! let head = log.head();
//! let path = log.prove_inclusion(indices.start, head.size)?;
//! verify_inclusion(leaf_hash(b"first"), indices.start, head.size, &path, head.root)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod bundle;
mod check;
pub mod conformance;
mod faulty;
mod fs;
mod growth;
mod memory;
mod open;
mod read;
mod signer;
mod storage;
mod tiles;

pub use append::AppendError;
pub use bundle::BundleError;
pub use check::{Defect, Report, check_everything};
pub use faulty::{Fault, Faulty};
pub use fs::FsStorage;
pub use memory::MemoryStorage;
pub use open::{CreateError, OpenError};
pub use read::{Entries, ProveError};
pub use signer::{LogSigner, SignError};
pub use storage::{Storage, StorageError};
pub use tiles::ReadError;

use mira_core::id::TreeSize;
use mira_core::log::checkpoint::{SignedCheckpoint, VerifiedCheckpoint};
use mira_core::merkle::{CompactRange, TreeHead};

use growth::Edge;
pub(crate) use open::MAX_CHECKPOINT;

/// Longest entry in bytes: what the length before it can say.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// Tile levels that a tree can have.
const LEVELS: usize = mira_core::tile::Tile::MAX_LEVEL as usize + 1;

/// An open log: a verified checkpoint, and the storage that holds what it speaks for.
///
/// The size is that of the checkpoint when the log was opened, and grows by its own appends only. A log that another
/// process appends to stays readable at that size.
#[derive(Debug)]
pub struct Log<S> {
    storage: S,
    checkpoint: VerifiedCheckpoint,
    /// The right edge of the tree; its root is the checkpoint's.
    range: CompactRange,
    /// What the next append continues; read when it is first needed.
    edge: Option<Edge>,
}

impl<S: Storage> Log<S> {
    /// The checkpoint: signed by the log's key, and what everything read here is checked against.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        self.range.head()
    }

    /// How many entries there are.
    pub fn size(&self) -> TreeSize {
        self.range.size()
    }

    /// Where the log is kept.
    pub fn storage(&self) -> &S {
        &self.storage
    }
}

/// What a checkpoint says about the tree.
pub(crate) fn head_of(checkpoint: &SignedCheckpoint) -> TreeHead {
    let checkpoint = checkpoint.unverified();
    TreeHead { size: checkpoint.size(), root: *checkpoint.root().digest() }
}
