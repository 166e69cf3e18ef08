//! What every [`Pin`] does: the checks that the real one and its twin both pass.
//!
//! They bring blocks of their own, made from `salt`, and remove the pins they made. A node on which they run keeps the
//! blocks until it collects its garbage.

use bytes::Bytes;
use mira_core::car;
use mira_core::cid::Cid;
use mira_core::unixfs::{CHUNK_LEN, Directory, File, FileBuilder, Sink};
use tokio::sync::mpsc;

use super::{CarError, Pin, PinError, Stopped, Upload};
use crate::directory::car::{CarContent, WriteError};

/// Why a service does not pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It did not do what it was asked.
    #[error("{check}")]
    Pin {
        /// What was checked.
        check: &'static str,
        /// What it said.
        source: PinError,
    },
    /// It did something else.
    #[error("{check}: it did not hold")]
    Failed {
        /// What was checked.
        check: &'static str,
    },
    /// The sample could not be made.
    #[error("the sample cannot be made: {0}")]
    Sample(String),
}

/// Runs every check. `salt` makes the blocks differ from those of other runs.
///
/// # Errors
/// The first check that the service does not pass.
pub async fn check_all<P: Pin>(service: &P, salt: u64) -> Result<(), CheckError> {
    let sample = Sample::new(salt).map_err(CheckError::Sample)?;
    knows_nothing_at_first(service, &sample).await?;
    a_broken_car_pins_nothing(service, &sample).await?;
    an_incomplete_dag_is_not_pinned(service, &sample).await?;
    a_file_is_cut_as_ours(service, salt).await?;
    a_whole_car_is_pinned(service, &sample).await?;
    reads_ranges(service, &sample).await?;
    pins_have_names(service, &sample).await?;
    unpins_twice(service, &sample).await
}

async fn knows_nothing_at_first<P: Pin>(service: &P, sample: &Sample) -> Result<(), CheckError> {
    let check = "a node knows nothing of blocks it was not sent";
    hold(check, !service.version().await.or_fail(check)?.is_empty())?;
    hold(check, !service.has_block(&sample.root).await.or_fail(check)?)?;
    hold(check, !service.is_pinned(&sample.root).await.or_fail(check)?)?;
    hold(check, service.pin(&sample.root, "never", false).await.is_err())?;
    hold(check, service.read(&sample.file.cid, 0, 1).await.is_err())?;
    hold(check, service.pinned_as(&sample.name).await.or_fail(check)?.is_empty())
}

async fn a_broken_car_pins_nothing<P: Pin>(service: &P, sample: &Sample) -> Result<(), CheckError> {
    let check = "a CAR that breaks off pins nothing";
    let whole = sample.car(sample.blocks.len());
    let (half, _) = whole.split_at(whole.len() / 2);
    let broken = Err(WriteError::Output(Stopped));
    let imported = import(service, sample.root, vec![Ok(Bytes::copy_from_slice(half)), broken]).await;
    hold(check, imported.is_err())?;
    hold(check, !service.is_pinned(&sample.root).await.or_fail(check)?)
}

async fn an_incomplete_dag_is_not_pinned<P: Pin>(service: &P, sample: &Sample) -> Result<(), CheckError> {
    let check = "a DAG that lacks a block is not pinned";
    // Blocks stand in the CAR from the root down; the last is a leaf.
    let car = sample.car(sample.blocks.len() - 1);
    import(service, sample.root, vec![Ok(car.into())]).await.or_fail(check)?;
    hold(check, service.has_block(&sample.root).await.or_fail(check)?)?;
    hold(check, !service.has_dag(&sample.root).await.or_fail(check)?)?;
    hold(check, service.pin(&sample.root, "never", false).await.is_err())?;
    hold(check, !service.is_pinned(&sample.root).await.or_fail(check)?)
}

async fn a_file_is_cut_as_ours<P: Pin>(service: &P, salt: u64) -> Result<(), CheckError> {
    let check = "a file and the directory over it come to the CIDs that we give them";
    let sample = Sample::new(salt ^ 1 << 40).map_err(CheckError::Sample)?;
    let pieces = sample.content.chunks(300_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let (sender, receiver) = channel(pieces);
    drop(sender);
    let added = service.add(Upload::new(sample.file.cid, receiver, &mut |_| ())).await.or_fail(check)?;
    hold(check, added == sample.file.cid)?;
    hold(check, !service.is_pinned(&added).await.or_fail(check)?)?;
    let (root, node) = sample.blocks.first().ok_or(CheckError::Failed { check })?;
    hold(check, service.put(Bytes::copy_from_slice(node)).await.or_fail(check)? == *root)?;
    hold(check, service.has_dag(root).await.or_fail(check)?)?;
    let broken = "a file that breaks off is not there";
    let sample = Sample::new(salt ^ 1 << 41).map_err(CheckError::Sample)?;
    let half = sample.content.get(..sample.content.len() / 2).unwrap_or_default();
    let (sender, receiver) = channel(vec![Ok(Bytes::copy_from_slice(half)), Err(WriteError::Output(Stopped))]);
    drop(sender);
    hold(broken, service.add(Upload::new(sample.file.cid, receiver, &mut |_| ())).await.is_err())?;
    hold(broken, !service.has_block(&sample.file.cid).await.or_fail(broken)?)
}

async fn a_whole_car_is_pinned<P: Pin>(service: &P, sample: &Sample) -> Result<(), CheckError> {
    let check = "a CAR is counted and kept, and is pinned by asking for that";
    let car = Bytes::from(sample.car(sample.blocks.len()));
    let sizes = sample.blocks.iter().map(|(_, data)| data.len() as u64);
    let expected = CarContent { blocks: sample.blocks.len() as u64, block_bytes: sizes.sum() };
    for was_pinned in [false, true] {
        let found = import(service, sample.root, vec![Ok(car.clone())]).await.or_fail(check)?;
        hold(check, found == expected)?;
        hold(check, service.is_pinned(&sample.root).await.or_fail(check)? == was_pinned)?;
        service.pin(&sample.root, &sample.name, !was_pinned).await.or_fail(check)?;
        hold(check, service.is_pinned(&sample.root).await.or_fail(check)?)?;
    }
    for (cid, _) in &sample.blocks {
        hold(check, service.has_block(cid).await.or_fail(check)?)?;
    }
    let leaf = "a block below a pin is not itself a pinned root";
    hold(leaf, !service.is_pinned(&sample.file.cid).await.or_fail(leaf)?)
}

async fn reads_ranges<P: Pin>(service: &P, sample: &Sample) -> Result<(), CheckError> {
    let check = "a file reads back, in any range";
    let content = &sample.content;
    let len = content.len();
    for (offset, take) in [(0, 10), (CHUNK_LEN - 5, 10), (CHUNK_LEN, 1), (len - 3, 3), (len - 3, 100)] {
        let found = service.read(&sample.file.cid, offset as u64, take).await.or_fail(check)?;
        hold(check, content.get(offset..len.min(offset + take)) == Some(&found[..]))?;
    }
    let directory = "a directory is no file";
    hold(directory, service.read(&sample.root, 0, 1).await.is_err())
}

async fn pins_have_names<P: Pin>(service: &P, sample: &Sample) -> Result<(), CheckError> {
    let check = "a pin has the name it was given last, and is found by no other";
    let longer = format!("{} and more", sample.name);
    service.pin(&sample.root, &longer, false).await.or_fail(check)?;
    hold(check, service.pinned_as(&sample.name).await.or_fail(check)?.is_empty())?;
    service.pin(&sample.root, &sample.name, false).await.or_fail(check)?;
    hold(check, service.pinned_as(&longer).await.or_fail(check)?.is_empty())?;
    service.pin(&sample.file.cid, &sample.name, false).await.or_fail(check)?;
    let mut both = vec![sample.root, sample.file.cid];
    both.sort_unstable();
    hold(check, service.pinned_as(&sample.name).await.or_fail(check)? == both)
}

async fn unpins_twice<P: Pin>(service: &P, sample: &Sample) -> Result<(), CheckError> {
    let check = "a pin that is ended is gone, and ending it again is no error";
    for _ in 0..2 {
        for cid in [&sample.root, &sample.file.cid] {
            service.unpin(cid).await.or_fail(check)?;
            hold(check, !service.is_pinned(cid).await.or_fail(check)?)?;
        }
    }
    Ok(())
}

/// A directory with one file of two leaves, its blocks from the root down.
struct Sample {
    root: Cid,
    file: File,
    content: Vec<u8>,
    blocks: Vec<(Cid, Vec<u8>)>,
    name: String,
}

impl Sample {
    fn new(salt: u64) -> Result<Self, String> {
        let mut content = vec![0; CHUNK_LEN + 1000];
        for (word, place) in (salt..).step_by(7).zip(content.chunks_exact_mut(8)) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        let mut nodes = Nodes::default();
        let mut builder = FileBuilder::new(&mut nodes);
        builder.write(&content).map_err(|error| error.to_string())?;
        let file = builder.finish().map_err(|error| error.to_string())?;
        let mut directory = Directory::new();
        directory.insert("file", file.link()).map_err(|error| error.to_string())?;
        let root = directory.link().cid;
        let leaves = content.chunks(CHUNK_LEN).map(|leaf| (Cid::raw_of(leaf), leaf.to_vec()));
        let blocks = [(root, directory.encode())].into_iter().chain(nodes.0).chain(leaves).collect();
        Ok(Self { root, file, blocks, name: format!("check {root}"), content })
    }

    /// A CAR of the first blocks.
    fn car(&self, blocks: usize) -> Vec<u8> {
        let mut out = Vec::new();
        car::header(&mut out, self.root);
        for (cid, data) in self.blocks.iter().take(blocks) {
            // No block of the sample is longer than a leaf, which fits.
            if car::frame_head(&mut out, *cid, data.len()).is_ok() {
                out.extend_from_slice(data);
            }
        }
        out
    }
}

/// Keeps the nodes over a file.
#[derive(Default)]
struct Nodes(Vec<(Cid, Vec<u8>)>);

impl Sink for Nodes {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, _: Cid, _: u64, _: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    fn node(&mut self, cid: Cid, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.push((cid, bytes.to_vec()));
        Ok(())
    }
}

async fn import<P: Pin>(service: &P, root: Cid, pieces: Vec<Result<Bytes, CarError>>) -> Result<CarContent, PinError> {
    let (sender, receiver) = channel(pieces);
    drop(sender);
    service.import(Upload::new(root, receiver, &mut |_| ())).await
}

type Piece = Result<Bytes, CarError>;

/// A channel that holds these pieces.
fn channel(pieces: Vec<Piece>) -> (mpsc::Sender<Piece>, mpsc::Receiver<Piece>) {
    let (sender, receiver) = mpsc::channel(pieces.len().max(1));
    for piece in pieces {
        // There is room for all of them, and the receiver is here.
        let _ = sender.try_send(piece);
    }
    (sender, receiver)
}

fn hold(check: &'static str, holds: bool) -> Result<(), CheckError> {
    if holds { Ok(()) } else { Err(CheckError::Failed { check }) }
}

trait OrFail<T> {
    fn or_fail(self, check: &'static str) -> Result<T, CheckError>;
}

impl<T> OrFail<T> for Result<T, PinError> {
    fn or_fail(self, check: &'static str) -> Result<T, CheckError> {
        self.map_err(|source| CheckError::Pin { check, source })
    }
}
