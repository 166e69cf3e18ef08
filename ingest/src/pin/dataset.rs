//! Bringing a dataset to a node, and making sure that it got there.
//!
//! ```text
//! pinned already? ── yes ──────────────────────────────→ pin by name → confirm → unpin the parts
//!   no → what is missing → send it, pin long parts ────┘ ↑ refused: what is broken? send it, once
//! ```
//!
//! Of a dataset that is long on its way, the parts are pinned under a name made from the dataset's CID, so that garbage
//! collection cannot take what has arrived, and so that a later run finds and ends them. Dying on any line leaves at most
//! such parts; running again goes on from there.

use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use mira_core::cid::Cid;

use super::missing::{self, Missing, Split};
use super::send::{Route, Sending, Tally};
use super::{CarError, Pin, PinError};
use crate::directory::car::WriteError;
use crate::directory::{DatasetDirectory, Entry};
use crate::observer::{Observer, attend};
use crate::store::Store;

/// The longest piece that is read back.
const READ_BACK_LEN: u64 = 64 << 10;

/// A dataset that a node has pinned: listed as such, and read back in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The dataset's directory.
    pub root: Cid,
    /// The node's software and version.
    pub version: String,
    /// Bytes that had to be sent; none if it was pinned already.
    pub sent: u64,
    /// Files that the node had before.
    pub kept_files: usize,
    /// How they were sent; nothing if nothing was.
    pub route: Option<Route>,
    /// What was read back.
    pub read_back: ReadBack,
}

/// A piece of a file that a node gave back as it is stored here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBack {
    /// The file, in the dataset.
    pub path: String,
    /// Where the piece starts.
    pub offset: u64,
    /// Its length.
    pub len: u64,
}

/// Pins a dataset and waits for it, for callers that are not async. The observer hears of every byte that is sent, and
/// can end it at any time: what has arrived is not sent again.
///
/// `random` chooses the piece that is read back; a node that could foresee it might keep just that.
///
/// # Errors
/// [`PinError`]; then the dataset is not to be called pinned, and the same call may be made again.
pub fn pin_dataset<P: Pin>(
    service: &P,
    store: &Store,
    dataset: &DatasetDirectory,
    name: &str,
    random: u64,
    observer: &dyn Observer,
) -> Result<Pinned, PinError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PinError::Runtime)?;
    runtime.block_on(attend(observer, publish(service, store, dataset, name, random, observer)))
}

/// Pins a dataset. See [`pin_dataset`].
///
/// # Errors
/// [`PinError`].
pub async fn publish<P: Pin>(
    service: &P,
    store: &Store,
    dataset: &DatasetDirectory,
    name: &str,
    random: u64,
    observer: &dyn Observer,
) -> Result<Pinned, PinError> {
    let version = service.version().await?;
    let root = dataset.cid();
    let tally = Tally::new(observer);
    let sending = Sending { service, store, dataset, tally: &tally };
    let mut route = None;
    let (kept, mut kept_files) = if service.is_pinned(&root).await? {
        (missing::distinct(dataset), dataset.len())
    } else {
        let Split { missing, kept, kept_files } = missing::split(service, dataset).await?;
        route = Some(sending.send(missing).await?);
        (kept, kept_files)
    };
    match service.pin(&root, name, kept.is_empty()).await {
        // The root of a file was there and something below it was not: garbage was collected, a transfer broke off, or
        // the node lost what it had pinned.
        Err(PinError::Refused { .. }) if !kept.is_empty() => {
            let broken = missing::broken(service, &kept).await?;
            kept_files -= dataset.files().filter(|entry| broken.iter().any(|it| it.file.cid == entry.file.cid)).count();
            route = Some(sending.send(broken).await?);
            service.pin(&root, name, kept_files == 0).await?;
        }
        pinned => pinned?,
    }
    let read_back = confirm(service, store, dataset, random).await?;
    // Only now, so that the blocks are never without a pin. If this fails the parts stay until the next run, and the
    // dataset is pinned all the same; but whoever asked should know that the node does not do what it is told.
    for part in service.pinned_as(&part_name(&root)).await? {
        service.unpin(&part).await?;
    }
    Ok(Pinned { root, version, sent: tally.sent(), kept_files, route, read_back })
}

/// Finds out what would be sent, and sends nothing. For callers that are not async.
///
/// # Errors
/// [`PinError`]: the node could not be asked.
pub fn plan_dataset<P: Pin>(service: &P, dataset: &DatasetDirectory) -> Result<Missing, PinError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PinError::Runtime)?;
    runtime.block_on(async {
        if service.is_pinned(&dataset.cid()).await? {
            return Ok(Missing { is_pinned: true, ..Missing::default() });
        }
        let Split { missing, .. } = missing::split(service, dataset).await?;
        let files = missing.len();
        Ok(Missing::of(&dataset.cars(missing)?, files))
    })
}

/// Ends our pin of a dataset, the one of this name, and makes sure that the node lists none. Blocks stay until the node
/// collects its garbage. Gives whether there was one. For callers that are not async.
///
/// # Errors
/// [`PinError::OtherName`] if the pin is not ours; then nothing is changed.
pub fn unpin_dataset<P: Pin>(service: &P, root: &Cid, name: &str) -> Result<bool, PinError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PinError::Runtime)?;
    runtime.block_on(async {
        let part = part_name(root);
        // What a broken run left is ours whatever becomes of the rest.
        for part in service.pinned_as(&part).await? {
            service.unpin(&part).await?;
        }
        if !service.is_pinned(root).await? {
            return Ok(false);
        }
        if !service.pinned_as(name).await?.contains(root) {
            return Err(PinError::OtherName { root: *root });
        }
        service.unpin(root).await?;
        if service.is_pinned(root).await? { Err(PinError::StillPinned { root: *root }) } else { Ok(true) }
    })
}

/// Asks whether the dataset is pinned, and compares a piece of it with what is stored here.
///
/// # Errors
/// [`PinError::NotPinned`], [`PinError::ReadBack`], or that it could not be found out.
pub async fn confirm<P: Pin>(
    service: &P,
    store: &Store,
    dataset: &DatasetDirectory,
    random: u64,
) -> Result<ReadBack, PinError> {
    let root = dataset.cid();
    if !service.is_pinned(&root).await? {
        return Err(PinError::NotPinned { root });
    }
    let Some(piece) = Piece::choose(dataset, random) else { return Err(PinError::NotPinned { root }) };
    let ours = piece.stored(store).map_err(|error| PinError::Car(Box::new(error)))?;
    let found = service.read(&piece.entry.file.cid, piece.offset, ours.len()).await?;
    let path = piece.entry.path;
    if found != ours {
        return Err(PinError::ReadBack { path, offset: piece.offset });
    }
    Ok(ReadBack { path, offset: piece.offset, len: piece.len })
}

/// The pin under which the parts of a dataset are kept while it is sent.
pub(super) fn part_name(root: &Cid) -> String {
    format!("part of {root}")
}

/// A piece of a file to compare.
struct Piece {
    entry: Entry,
    offset: u64,
    len: u64,
}

impl Piece {
    /// Any byte of the dataset's files with equal chance, and what follows it.
    fn choose(dataset: &DatasetDirectory, random: u64) -> Option<Self> {
        let mut at = random % dataset.size().max(1);
        for entry in dataset.files() {
            let size = entry.file.size;
            if at < size {
                return Some(Self { entry, offset: at, len: READ_BACK_LEN.min(size - at) });
            }
            at -= size;
        }
        None
    }

    fn stored(&self, store: &Store) -> Result<Bytes, CarError> {
        let path = || self.entry.path.clone();
        let mut file =
            store.reader(&self.entry.file.cid).map_err(|source| WriteError::Open { path: path(), source })?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.take(self.len).read_to_end(&mut bytes))
            .map_err(|source| WriteError::Read { path: path(), source })?;
        if bytes.len() as u64 != self.len {
            return Err(WriteError::Length { path: path(), expected: self.entry.file.size });
        }
        Ok(bytes.into())
    }
}
