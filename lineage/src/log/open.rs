//! Making a log, and opening one.

use mira_core::digest::Digest;
use mira_core::id::TreeSize;
use mira_core::log::checkpoint::{CheckpointError, CheckpointVerifyError, SignedCheckpoint, VerifiedCheckpoint};
use mira_core::log::note::MAX_NOTE;
use mira_core::log::vkey::VerifierKey;
use mira_core::merkle::{CompactError, CompactRange, Subtree, leaf_hash, root_of};
use mira_core::tile::{EntryBundle, Tile};

use super::growth::Edge;
use super::tiles::{Found, ReadError, fetch_bundle, fetch_tile, hash_over};
use super::{Log, LogSigner, SignError, Storage, StorageError, head_of};

/// Longest checkpoint in bytes, with all its cosignatures.
pub(crate) const MAX_CHECKPOINT: usize = MAX_NOTE;

/// Why no log was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is a log already.
    #[error("there is a log already")]
    Exists,
    /// The empty checkpoint was not signed.
    #[error("the first checkpoint was not signed")]
    Sign(#[from] SignError),
    /// The storage failed. There may be a log now all the same: open it.
    #[error("the log's storage failed")]
    Storage(#[source] StorageError),
}

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no checkpoint, so there is no log.
    #[error("there is no checkpoint")]
    NoCheckpoint,
    /// The checkpoint cannot be read as one.
    #[error("the checkpoint is malformed")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is not signed by the log's key, or of another origin.
    #[error("the checkpoint does not verify")]
    Verify(#[from] CheckpointVerifyError),
    /// A tile at the right edge of the tree is missing or edited, or the storage failed.
    #[error("the right edge of the log's tree cannot be read")]
    Read(#[from] ReadError),
    /// The tiles agree with each other and the entries, and not with the checkpoint.
    #[error("the checkpoint has root {expected} at size {size}, its tiles have {found}")]
    Root {
        /// The checkpoint's size.
        size: TreeSize,
        /// The checkpoint's root.
        expected: Digest,
        /// The root of the tiles.
        found: Digest,
    },
    /// The checkpoint's size is out of all proportion.
    #[error("the checkpoint's size is not that of a log")]
    Size(#[from] CompactError),
}

impl<S: Storage> Log<S> {
    /// Makes a log without entries, whose origin is the signer's name.
    ///
    /// # Errors
    /// [`CreateError::Exists`] if there is a checkpoint, whoever signed it.
    pub fn create(storage: S, signer: &LogSigner) -> Result<Self, CreateError> {
        let checkpoint = signer.sign_empty()?;
        storage.swap_checkpoint(None, checkpoint.signed().as_bytes()).map_err(|error| match error {
            StorageError::Conflict => CreateError::Exists,
            error => CreateError::Storage(error),
        })?;
        Ok(Self { storage, checkpoint, range: CompactRange::new(), edge: Some(Edge::default()) })
    }

    /// Opens a log: checks its checkpoint with the log's key, whose name is the origin, and the right edge of the tree
    /// with the checkpoint. What lies further left is checked as it is read.
    ///
    /// # Errors
    /// [`OpenError`]; a missing or edited tile is named.
    pub fn open(storage: S, key: &VerifierKey) -> Result<Self, OpenError> {
        let checkpoint = read_checkpoint(&storage, key)?;
        let head = head_of(checkpoint.signed());
        let range = read_range(&storage, head.size)?;
        if range.root() != head.root {
            blame_tile(&storage, head.size)?;
            return Err(OpenError::Root { size: head.size, expected: head.root, found: range.root() });
        }
        Ok(Self { storage, checkpoint, range, edge: None })
    }
}

/// Reads and verifies the cell.
pub(super) fn read_checkpoint<S: Storage>(storage: &S, key: &VerifierKey) -> Result<VerifiedCheckpoint, OpenError> {
    let bytes = storage.checkpoint(MAX_CHECKPOINT).map_err(ReadError::from)?.ok_or(OpenError::NoCheckpoint)?;
    Ok(SignedCheckpoint::parse(&bytes)?.verify_log(key)?)
}

/// Reads the right edge of a tree; its root is still to be compared.
fn read_range<S: Storage>(storage: &S, size: TreeSize) -> Result<CompactRange, OpenError> {
    let mut frontier = Vec::new();
    let mut held: Option<(Tile, Vec<Digest>)> = None;
    for subtree in Subtree::frontier(size) {
        let (tile, slots) = Tile::locate(subtree, size).map_err(ReadError::from)?;
        let hashes = match held.take() {
            Some((last, hashes)) if last == tile => hashes,
            _ => fetch_tile(storage, tile)?.content,
        };
        frontier.push(hash_over(&hashes, slots));
        held = Some((tile, hashes));
    }
    Ok(CompactRange::from_frontier(size, frontier)?)
}

/// Fails with the first tile at the right edge that is not what lies beneath it says, given that one of them is wrong.
fn blame_tile<S: Storage>(storage: &S, size: TreeSize) -> Result<(), ReadError> {
    let mut on_edge: Vec<Tile> = Subtree::frontier(size)
        .map(|subtree| Tile::locate(subtree, size).map(|(tile, _)| tile))
        .collect::<Result<_, _>>()?;
    on_edge.dedup();
    for tile in on_edge.into_iter().rev() {
        let Found { path, content: hashes } = fetch_tile(storage, tile)?;
        let beneath = hashes_beneath(storage, tile)?;
        for (expected, found) in beneath.into_iter().zip(hashes) {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                return Err(ReadError::Tile { path, expected, found });
            }
        }
    }
    Ok(())
}

/// What the objects beneath a tile say its hashes are, where they are there to say it.
fn hashes_beneath<S: Storage>(storage: &S, tile: Tile) -> Result<Vec<Option<Digest>>, ReadError> {
    let Some(level) = tile.level().checked_sub(1) else {
        let entries = if_there(fetch_bundle(storage, EntryBundle::new(tile.index(), tile.width())?))?;
        return Ok(entries.unwrap_or_default().iter().map(|entry| Some(leaf_hash(entry))).collect());
    };
    let first = tile.index() * u64::from(Tile::FULL);
    let hash = |index| Ok(if_there(fetch_tile(storage, Tile::new(level, index, Tile::FULL)?))?.map(root_of));
    (first..first + u64::from(tile.width())).map(hash).collect()
}

/// The content of an object, or nothing if it is missing or malformed and so has nothing to say.
fn if_there<T>(found: Result<Found<T>, ReadError>) -> Result<Option<T>, ReadError> {
    match found {
        Ok(found) => Ok(Some(found.content)),
        Err(error) if error.is_unavailable() => Err(error),
        Err(_) => Ok(None),
    }
}
