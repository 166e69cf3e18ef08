//! Sending files of a dataset, and the directories over all of its files.
//!
//! ```text
//! CARs, a few at a time: dag/import                      where the node takes CARs
//! files, a few at a time: add; then the directories     where it does not
//! ```
//!
//! Either way leads to the same blocks. A thread for each of what is under way reads the store and hands pieces of one
//! mebibyte through a channel that holds few of them, so memory is bounded whatever a dataset's size: for each of
//! three, at most four pieces in the channel, one being filled, one at the connection, and one leaf.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mira_core::cid::{Cid, Codec};
use mira_core::unixfs::{Discard, FileBuilder};
use tokio::sync::mpsc;

use super::dataset::part_name;
use super::{CarError, FRAME_LEN, Pin, PinError, Stopped, Upload};
use crate::directory::car::{CarContent, CarPlan, WriteError};
use crate::directory::{DatasetDirectory, Entry};
use crate::observer::Observer;
use crate::store::Store;

/// CARs or files that are sent at once. One is read and hashed here while the node hashes and stores another.
const IN_FLIGHT: usize = 3;
/// Pieces that wait for the connection, of each.
const QUEUED_FRAMES: usize = 4;

/// Bytes from which on parts are pinned as they arrive. Pinning one has the node read all of it, a twelfth of what
/// storing it took; less than this is sooner sent again, should a collection of garbage come in between.
const LONG: u64 = 1 << 30;

/// How blocks came to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// As CARs.
    Import,
    /// File by file.
    Add,
}

/// What all that is under way adds up to.
pub(super) struct Tally<'a> {
    sent: AtomicU64,
    observer: &'a dyn Observer,
}

impl<'a> Tally<'a> {
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        Self { sent: AtomicU64::new(0), observer }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn plan(&self, more: u64) {
        self.observer.left(more);
    }

    fn add(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        // Who wants it to end is asked again in a moment, by whoever waits for all of it.
        let _ = self.observer.done(0, bytes);
    }
}

/// What is sent, from where, to whom.
pub(super) struct Sending<'a, P> {
    pub(super) service: &'a P,
    pub(super) store: &'a Store,
    pub(super) dataset: &'a DatasetDirectory,
    pub(super) tally: &'a Tally<'a>,
}

impl<P: Pin> Sending<'_, P> {
    /// Sends files and the directories over all files, as CARs if the node takes them.
    pub(super) async fn send(&self, files: Vec<Entry>) -> Result<Route, PinError> {
        match self.import_all(files.clone()).await {
            Err(error) if error.lacks_call() => self.add_all(files).await.map(|()| Route::Add),
            sent => sent.map(|()| Route::Import),
        }
    }

    async fn import_all(&self, files: Vec<Entry>) -> Result<(), PinError> {
        let cars = self.dataset.cars(files)?;
        let bytes = cars.iter().map(CarPlan::byte_len).sum();
        self.tally.plan(bytes);
        let part = (bytes >= LONG).then(|| part_name(&self.dataset.cid()));
        let imports = stream::iter(cars).map(|car| self.import(car, part.as_deref())).buffer_unordered(IN_FLIGHT);
        // The first error ends the others with it: what they have sent is there, and is not sent again.
        imports.try_collect().await
    }

    /// Sends one CAR, and pins what it brought if that has a name, unless the dataset's own pin is next.
    async fn import(&self, car: CarPlan, part: Option<&str>) -> Result<(), PinError> {
        let (root, is_last) = (car.root(), car.is_last());
        let store = self.store.clone();
        let mut count = |bytes| self.tally.add(bytes);
        let (upload, reader) = upload(root, &mut count, move |frames| read_car(&car, &store, frames));
        let found = self.service.import(upload).await?;
        // An error of the reader has ended the import with that error. Whatever else stopped it, nothing is expected
        // then, and something was found.
        let expected = reader.await.ok().flatten().unwrap_or_default();
        if found != expected {
            let service = self.service.version().await?;
            return Err(PinError::Content { service, root, expected, found });
        }
        match part.filter(|_| !is_last) {
            Some(part) => self.service.pin(&root, part, true).await,
            None => Ok(()),
        }
    }

    async fn add_all(&self, files: Vec<Entry>) -> Result<(), PinError> {
        self.tally.plan(files.iter().map(|entry| entry.file.size).sum());
        let added = stream::iter(files).map(|entry| self.add(entry)).buffer_unordered(IN_FLIGHT);
        added.try_collect::<()>().await?;
        // The root comes last: a node that has it has been sent everything.
        for node in self.dataset.nodes() {
            let block = Bytes::from(node?.encode());
            let expected = Cid::of(Codec::DagPb, &block);
            let found = self.service.put(block).await?;
            compare("a directory".into(), expected, found)?;
        }
        Ok(())
    }

    async fn add(&self, entry: Entry) -> Result<(), PinError> {
        let expected = entry.file.cid;
        let (store, file) = (self.store.clone(), entry.clone());
        let mut count = |bytes| self.tally.add(bytes);
        let (upload, _reader) = upload(expected, &mut count, move |frames| read_file(&file, &store, frames));
        let found = self.service.add(upload).await?;
        compare(entry.path, expected, found)
    }
}

fn compare(path: String, expected: Cid, found: Cid) -> Result<(), PinError> {
    if found == expected { Ok(()) } else { Err(PinError::Added { path, expected, found }) }
}

type Frames = mpsc::Sender<Result<Bytes, CarError>>;

/// Starts a thread that reads. The upload is gone when whoever takes it returns, so the thread stops at its next piece
/// whatever happened.
fn upload<'a, T: Send + 'static>(
    cid: Cid,
    count: &'a mut (dyn FnMut(u64) + Send),
    read: impl FnOnce(&Frames) -> T + Send + 'static,
) -> (Upload<'a>, tokio::task::JoinHandle<T>) {
    let (frames, receiver) = mpsc::channel(QUEUED_FRAMES);
    let reader = tokio::task::spawn_blocking(move || read(&frames));
    (Upload::new(cid, receiver, count), reader)
}

/// Reads a CAR's blocks into pieces of equal length. Gives what it holds once all of it was handed on.
fn read_car(car: &CarPlan, store: &Store, frames: &Frames) -> Option<CarContent> {
    let mut pieces = Pieces::new(frames);
    let written = car.write(store, |bytes| pieces.push(bytes));
    match written {
        Ok(content) => pieces.finish().ok().map(|()| content),
        Err(error) => {
            // A receiver that went away has an error of its own to tell.
            let _ = frames.blocking_send(Err(error));
            None
        }
    }
}

/// Reads a file into pieces. The last one is handed on only when all of the bytes are known to be those that the CID
/// names, so what is damaged here is never whole there.
fn read_file(entry: &Entry, store: &Store, frames: &Frames) {
    let mut pieces = Pieces::new(frames);
    if let Err(error) = checked(entry, store, &mut pieces) {
        let _ = frames.blocking_send(Err(error));
        return;
    }
    // As above.
    let _ = pieces.finish();
}

fn checked(entry: &Entry, store: &Store, pieces: &mut Pieces<'_>) -> Result<(), CarError> {
    let Entry { path, file } = entry;
    let tree = |_| WriteError::Tree { path: path.clone() };
    let mut reader = store.reader(&file.cid).map_err(|source| WriteError::Open { path: path.clone(), source })?;
    let (mut hashed, mut left, mut buffer) = (FileBuilder::new(Discard), file.size, vec![0; FRAME_LEN]);
    while left > 0 {
        let part = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let part = buffer.get_mut(..part).unwrap_or_default();
        let read = std::io::Read::read(&mut reader, part);
        let read = read.map_err(|source| WriteError::Read { path: path.clone(), source })?;
        let part = part.get(..read).filter(|part| !part.is_empty());
        let part = part.ok_or_else(|| WriteError::Length { path: path.clone(), expected: file.size })?;
        hashed.write(part).map_err(tree)?;
        pieces.push(part).map_err(WriteError::Output)?;
        left -= read as u64;
    }
    let found = hashed.finish().map_err(tree)?.cid;
    if found == file.cid {
        return Ok(());
    }
    Err(WriteError::Corrupt { path: path.clone(), expected: file.cid, found })
}

/// Bytes into pieces of equal length. A piece is handed on when the next one begins, so there is always one to withhold.
struct Pieces<'a> {
    frames: &'a Frames,
    piece: BytesMut,
}

impl<'a> Pieces<'a> {
    fn new(frames: &'a Frames) -> Self {
        Self { frames, piece: BytesMut::with_capacity(FRAME_LEN) }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Stopped> {
        while !bytes.is_empty() {
            if self.piece.len() == FRAME_LEN {
                let full = std::mem::replace(&mut self.piece, BytesMut::with_capacity(FRAME_LEN));
                self.frames.blocking_send(Ok(full.freeze())).map_err(|_| Stopped)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(FRAME_LEN - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Stopped> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.frames.blocking_send(Ok(self.piece.freeze())).map_err(|_| Stopped)
    }
}
