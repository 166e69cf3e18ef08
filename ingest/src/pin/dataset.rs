//! Bringing a dataset to a node, and making sure that it got there.
//!
//! ```text
//! pinned already? ── yes ─────────────────────────────────────────→ pin by name → confirm → unpin the parts
//!   no → what is missing → CARs: import, pin as a part → last CAR ──┘ ↑ refused: send all, once
//! ```
//!
//! The parts are pinned under a name made from the dataset's CID, so that garbage collection cannot take what has
//! arrived while the rest is on its way, and so that a later run finds and ends them. Dying on any line leaves at most
//! such parts; running again goes on from there.

use std::io::{Read, Seek, SeekFrom};

use bytes::{Bytes, BytesMut};
use mira_core::cid::Cid;
use tokio::sync::mpsc;

use super::{CarError, CarStream, FRAME_LEN, Pin, PinError, Stopped};
use crate::directory::car::{CarContent, CarPlan, WriteError};
use crate::directory::{DatasetDirectory, Entry};
use crate::store::Store;

/// Pieces of a CAR that wait for the connection.
const QUEUED_FRAMES: usize = 4;
/// The longest piece that is read back.
const READ_BACK_LEN: u64 = 64 << 10;

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes sent.
    pub sent: u64,
    /// Bytes to send, as far as is known: files that the node has are not among them.
    pub total: u64,
}

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
    /// The file from which a piece was read back, the offset of the piece and its length.
    pub read_back: (String, u64, usize),
}

/// Pins a dataset and waits for it, for callers that are not async.
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
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Pinned, PinError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PinError::Runtime)?;
    runtime.block_on(publish(service, store, dataset, name, random, progress))
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
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Pinned, PinError> {
    let version = service.version().await?;
    let root = dataset.cid();
    let (mut sent, mut kept_files) = (0, dataset.len());
    if !service.is_pinned(&root).await? {
        let missing = missing(service, dataset).await?;
        kept_files -= missing.len();
        send(service, store, dataset, missing, &mut sent, progress).await?;
    }
    match service.pin(&root, name, kept_files == 0).await {
        // The root of a file was there and something below it was not: garbage was collected, a transfer broke off, or
        // the node lost what it had pinned. Without leaving out anything there is nothing left to miss.
        Err(PinError::Refused { .. }) if kept_files > 0 => {
            kept_files = 0;
            send(service, store, dataset, dataset.files().collect(), &mut sent, progress).await?;
            service.pin(&root, name, true).await?;
        }
        pinned => pinned?,
    }
    let read_back = confirm(service, store, dataset, random).await?;
    // Only now, so that the blocks are never without a pin. If this fails the parts stay until the next run, and the
    // dataset is pinned all the same; but whoever asked should know that the node does not do what it is told.
    for part in service.pinned_as(&part_name(&root)).await? {
        service.unpin(&part).await?;
    }
    Ok(Pinned { root, version, sent, kept_files, read_back })
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
) -> Result<(String, u64, usize), PinError> {
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
    Ok((path, piece.offset, ours.len()))
}

/// The pin under which the parts of a dataset are kept while it is sent.
fn part_name(root: &Cid) -> String {
    format!("part of {root}")
}

/// The files whose root block the node lacks.
async fn missing<P: Pin>(service: &P, dataset: &DatasetDirectory) -> Result<Vec<Entry>, PinError> {
    let mut missing = Vec::new();
    for entry in dataset.files() {
        if !service.has_block(&entry.file.cid).await? {
            missing.push(entry);
        }
    }
    Ok(missing)
}

/// Sends files and the directories over all files.
async fn send<P: Pin>(
    service: &P,
    store: &Store,
    dataset: &DatasetDirectory,
    files: Vec<Entry>,
    sent: &mut u64,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), PinError> {
    let part = part_name(&dataset.cid());
    let cars = dataset.cars(files)?;
    let total = *sent + cars.iter().map(CarPlan::byte_len).sum::<u64>();
    progress(Progress { sent: *sent, total });
    for car in cars {
        let (root, is_last) = (car.root(), car.is_last());
        let mut count = |bytes| {
            *sent += bytes;
            progress(Progress { sent: *sent, total });
        };
        import(service, store, car, &mut count).await?;
        if !is_last {
            service.pin(&root, &part, true).await?;
        }
    }
    Ok(())
}

/// Sends one CAR while another thread reads its blocks.
async fn import<P: Pin>(
    service: &P,
    store: &Store,
    car: CarPlan,
    sent: &mut (dyn FnMut(u64) + Send),
) -> Result<(), PinError> {
    let root = car.root();
    let (frames, receiver) = mpsc::channel(QUEUED_FRAMES);
    let store = store.clone();
    let reader = tokio::task::spawn_blocking(move || read(&car, &store, &frames));
    // The stream is gone when this returns, so the reader stops at its next piece whatever happened.
    let found = service.import(CarStream::new(root, receiver, sent)).await?;
    // An error of the reader has ended the import with that error. Whatever else stopped it, nothing is expected then,
    // and something was found.
    let expected = reader.await.ok().flatten().unwrap_or_default();
    if found != expected {
        let service = service.version().await?;
        return Err(PinError::Content { service, root, expected, found });
    }
    Ok(())
}

/// Reads a CAR's blocks into pieces of equal length. Gives what it holds once all of it was handed on.
fn read(car: &CarPlan, store: &Store, frames: &mpsc::Sender<Result<Bytes, CarError>>) -> Option<CarContent> {
    let mut frame = BytesMut::with_capacity(FRAME_LEN);
    let written = car.write(store, |mut bytes| {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(FRAME_LEN - frame.len()));
            frame.extend_from_slice(now);
            bytes = later;
            if frame.len() == FRAME_LEN {
                let full = std::mem::replace(&mut frame, BytesMut::with_capacity(FRAME_LEN));
                frames.blocking_send(Ok(full.freeze())).map_err(|_| Stopped)?;
            }
        }
        Ok(())
    });
    let (last, content) = match written {
        Ok(content) if frame.is_empty() => return Some(content),
        Ok(content) => (Ok(frame.freeze()), Some(content)),
        Err(error) => (Err(error), None),
    };
    // A receiver that went away has an error of its own to tell.
    frames.blocking_send(last).ok().and(content)
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
