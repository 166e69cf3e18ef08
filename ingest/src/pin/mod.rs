//! Pinning: a node somebody else can ask keeps a dataset, and has shown that it does.
//!
//! [`Pin`] is what we ask of such a node. [`Kubo`] is the real one, [`Memory`] its twin for tests, and [`checks`] what
//! both must pass. [`dataset`] brings a dataset to one: it sends what is missing, as CARs where the node takes them and
//! else file by file, pins the root under a name, asks whether it is pinned, reads a piece back and compares. Only then
//! is a dataset called pinned. Everything may be done again after a break at any point; nothing already there is sent
//! twice.
//!
//! A node can also ask a pinning service on behalf of its owner: [`pin_remotely`].
//!
//! Not here: when to try again, which is the [outbox](crate::outbox)'s, and whether something may be published at all.

mod address;
pub mod checks;
pub mod dataset;
mod kubo;
mod memory;
mod missing;
mod remote;
mod send;

pub use self::address::{Address, AddressError};
pub use self::dataset::{Pinned, ReadBack, pin_dataset, plan_dataset, unpin_dataset};
pub use self::kubo::{Kubo, Patience};
pub use self::memory::Memory;
pub use self::missing::Missing;
pub use self::remote::{RemoteState, Service, Waiting, pin_remotely, services_of, unpin_remotely, version_of};
pub use self::send::Route;

use std::future::Future;

use bytes::Bytes;
use mira_core::cid::Cid;
use tokio::sync::mpsc;

use crate::directory::car::{CarContent, WriteError};

/// A node that keeps blocks and pins them.
///
/// No method looks for anything on the network behind the node: what the node does not have itself, it does not have.
pub trait Pin {
    /// The node's software and version, as in `kubo 0.43.1`. The cheapest question: whether anybody is there.
    fn version(&self) -> impl Future<Output = Result<String, PinError>> + Send;

    /// Whether the node has this one block. Nothing follows for the blocks below it.
    fn has_block(&self, cid: &Cid) -> impl Future<Output = Result<bool, PinError>> + Send;

    /// Whether the node has this block and all that it leads to. Fails where the node cannot be asked that.
    fn has_dag(&self, cid: &Cid) -> impl Future<Output = Result<bool, PinError>> + Send;

    /// Sends a CAR. What it brings is there and nothing keeps it yet: until something is pinned, a collection of garbage
    /// may take it. Not every node has this call, see [`PinError::lacks_call`].
    fn import(&self, car: Upload<'_>) -> impl Future<Output = Result<CarContent, PinError>> + Send;

    /// Sends the bytes of one file, which the node cuts into blocks as we do; gives the CID it comes to. Nothing keeps it
    /// yet.
    fn add(&self, file: Upload<'_>) -> impl Future<Output = Result<Cid, PinError>> + Send;

    /// Sends one block of codec dag-pb and gives its CID. Nothing keeps it yet.
    fn put(&self, block: Bytes) -> impl Future<Output = Result<Cid, PinError>> + Send;

    /// Pins a DAG under a name, or gives the pin this name. Fails unless all its blocks are there, also where it is pinned
    /// already; and soon, unless `just_sent` says that all of them have just been sent and counted.
    fn pin(&self, cid: &Cid, name: &str, just_sent: bool) -> impl Future<Output = Result<(), PinError>> + Send;

    /// Whether the whole DAG under this very root is pinned, as a root of its own.
    fn is_pinned(&self, cid: &Cid) -> impl Future<Output = Result<bool, PinError>> + Send;

    /// The roots that are pinned under exactly this name, ascending.
    fn pinned_as(&self, name: &str) -> impl Future<Output = Result<Vec<Cid>, PinError>> + Send;

    /// Ends a pin. That there was none is no error.
    fn unpin(&self, cid: &Cid) -> impl Future<Output = Result<(), PinError>> + Send;

    /// Reads at most `len` bytes of a file from an offset; fewer if the file ends. Fails, and soon, if it is not there.
    fn read(&self, file: &Cid, offset: u64, len: usize) -> impl Future<Output = Result<Bytes, PinError>> + Send;
}

/// A CAR or a file on its way, in pieces of about [`FRAME_LEN`] bytes.
pub struct Upload<'a> {
    /// The root in the CAR's header, or the file's CID.
    pub cid: Cid,
    frames: mpsc::Receiver<Result<Bytes, CarError>>,
    sent: &'a mut (dyn FnMut(u64) + Send),
}

/// Why a CAR or a file broke off at our end.
pub type CarError = WriteError<Stopped>;

/// The receiver of a CAR or a file went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receiver went away")]
pub struct Stopped;

/// Bytes in a piece of an upload: few enough to hold several, enough that each costs little.
pub const FRAME_LEN: usize = 1 << 20;

impl<'a> Upload<'a> {
    /// What comes through a channel. `sent` hears of the bytes of each piece as it is taken.
    pub fn new(
        cid: Cid,
        frames: mpsc::Receiver<Result<Bytes, CarError>>,
        sent: &'a mut (dyn FnMut(u64) + Send),
    ) -> Self {
        Self { cid, frames, sent }
    }

    /// The next piece. After an error the rest is worthless, and whoever takes it must not treat it as ended.
    pub async fn next(&mut self) -> Option<Result<Bytes, CarError>> {
        let frame = self.frames.recv().await?;
        if let Ok(frame) = &frame {
            (self.sent)(frame.len() as u64);
        }
        Some(frame)
    }
}

/// Why a node did not do what it was asked, or could not be believed.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The connection could not be made, or broke.
    #[error("{service} cannot be reached for {call}")]
    Unreachable {
        /// The node.
        service: String,
        /// What was asked.
        call: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{service} did not get on with {call} within {seconds} s")]
    Timeout {
        /// The node.
        service: String,
        /// What was asked.
        call: &'static str,
        /// How long we waited.
        seconds: u64,
    },
    /// The node said no.
    #[error("{service} refused {call} (status {status}): {message:?}")]
    Refused {
        /// The node.
        service: String,
        /// What was asked.
        call: &'static str,
        /// Its HTTP status.
        status: u16,
        /// Its words, cut to 300 characters.
        message: String,
    },
    /// The answer is longer than any sensible one.
    #[error("the answer of {service} to {call} has more than {limit} bytes")]
    AnswerTooLong {
        /// The node.
        service: String,
        /// What was asked.
        call: &'static str,
        /// The most we take.
        limit: usize,
    },
    /// The answer is not one to this question.
    #[error("the answer of {service} to {call} lacks {expected}")]
    Answer {
        /// The node.
        service: String,
        /// What was asked.
        call: &'static str,
        /// What should be in it.
        expected: &'static str,
    },
    /// The question could not be put.
    #[error("no request for {call} can be made")]
    Request {
        /// What was to be asked.
        call: &'static str,
        /// Why not.
        source: Box<ipfs_api_backend_hyper::Error>,
    },
    /// The address is not one that the client takes.
    #[error("no request can be made to this address")]
    Address(#[source] hyper::http::uri::InvalidUri),
    /// Encryption cannot be set up on this machine.
    #[error("no encrypted connection can be made")]
    Tls(#[source] Box<reqwest::Error>),
    /// What was to be sent could not be read at our end.
    #[error("the dataset could not be sent")]
    Car(#[source] Box<CarError>),
    /// The node took another number of blocks or bytes than were sent.
    #[error("{service} took {found:?} of CAR {root}, expected {expected:?}")]
    Content {
        /// The node.
        service: String,
        /// Root of the CAR.
        root: Cid,
        /// What was sent.
        expected: CarContent,
        /// What the node says it took.
        found: CarContent,
    },
    /// The node cut a file otherwise than we do, or was given other bytes on the way.
    #[error("{path} came to the CID {found} at the node, expected {expected}")]
    Added {
        /// The file, or the directory, in the dataset.
        path: String,
        /// Our CID.
        expected: Cid,
        /// The node's.
        found: Cid,
    },
    /// The node did all it was asked and then does not list the pin.
    #[error("{root} is not pinned")]
    NotPinned {
        /// The dataset.
        root: Cid,
    },
    /// The node did all it was asked and still lists the pin.
    #[error("{root} is still pinned")]
    StillPinned {
        /// The dataset.
        root: Cid,
    },
    /// The node keeps the dataset under a name that is not ours, so somebody else wants it kept.
    #[error("{root} is pinned under another name")]
    OtherName {
        /// The dataset.
        root: Cid,
    },
    /// A pinning service gave up. Its interface, as nodes pass it on, does not say why.
    #[error("{service} failed to pin")]
    RemoteFailed {
        /// The service.
        service: String,
    },
    /// What the node gives back is not what is in the store.
    #[error("{path} reads back otherwise at byte {offset} than it is stored here")]
    ReadBack {
        /// The file, in the dataset.
        path: String,
        /// Where the piece starts.
        offset: u64,
    },
    /// The dataset's directory cannot be made.
    #[error("the directory cannot be made")]
    Directory(#[from] mira_core::unixfs::DirectoryError),
    /// Whoever watches wanted it to end.
    #[error(transparent)]
    Halted(#[from] crate::observer::Halted),
    /// The runtime under the connection cannot start.
    #[error("the runtime for connections cannot start")]
    Runtime(#[source] std::io::Error),
}

impl PinError {
    /// Whether nobody answers where the node should be.
    pub const fn is_away(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout { .. })
    }

    /// Whether the node does not know the call at all: others of its API may work.
    pub const fn lacks_call(&self) -> bool {
        // Not found, method not allowed, not implemented: what servers say to paths that they do not serve.
        matches!(self, Self::Refused { status: 404 | 405 | 501, .. })
    }

    /// Whether trying again later can help without anybody doing anything here: the node was away, slow or unwilling.
    /// What is wrong with the files or the store stays wrong, and so does a key that a pinning service does not know.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { call, message, .. } if call.starts_with("/pin/remote") => !is_final(message),
            Self::Car(_) | Self::Request { .. } | Self::Address(_) | Self::ReadBack { .. } | Self::Directory(_) => {
                false
            }
            Self::Added { .. } | Self::OtherName { .. } | Self::RemoteFailed { .. } | Self::Tls(_) => false,
            _ => true,
        }
    }
}

/// Whether a service's refusal, in a node's words, is about the request and not about the moment: its HTTP status, which
/// ends them, is 4xx and none that a pause cures.
fn is_final(message: &str) -> bool {
    let mut numbers = message.rsplit([':', '"']).filter_map(|part| part.trim_start().get(..3)?.parse::<u16>().ok());
    let last = numbers.find(|status| (400..600).contains(status));
    message.contains("service not known")
        || last.is_some_and(|status| (400..500).contains(&status) && !matches!(status, 408 | 425 | 429))
}
