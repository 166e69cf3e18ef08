//! Files by their CIDs, from anyone who has them.
//!
//! A [`Fetcher`] asks [`Source`]s, gateways or Kubo nodes, one after the other, and believes none: a block is compared
//! with its CID, a file with the shape that its length asks for, and a [published](Published) dataset with its signed
//! statement. Files go to a [`Store`], where they appear when they are whole and durable. Until then their leaves wait
//! in [partial files](crate::store::Partial), so a run that was interrupted goes on where it was, leaf by leaf.
//!
//! ```no_run
//! use mira_ingest::fetch::{Fetcher, Patience, Source, Wanted};
//! use mira_ingest::store::Store;
//!
//! let store = Store::open("store")?;
//! let fetcher = Fetcher::new(vec![Source::gateway("https://gateway.example")?], Patience::default())?;
//! let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse()?;
//! fetcher.files(&store, &[Wanted { cid, len: Length::Exactly(11) }])?;
//! # use mira_ingest::fetch::Length;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Proxies are those that `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name, and none to this machine.

mod asked;
mod patience;
mod published;
mod source;

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use mira_core::car::{self, CarError, MAX_BLOCK_LEN, MAX_FRAME_LEN};
use mira_core::cid::Cid;
use mira_core::unixfs::{CHUNK_LEN, File, FileBlock, OpenError, Opened};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use self::asked::Asked;
use crate::chunk::MAX_FILE;
use crate::observer::{Halted, Observer, attend};
use crate::store::{Partial, Store, StoreError};

pub use self::asked::State;
pub use self::patience::Patience;
pub use self::published::{Published, PublishedError};
pub use self::source::{Source, SourceError};

/// Requests in flight, whoever they go to. Each holds at most one block, or one frame of a CAR.
const REQUESTS: usize = 8;
/// Files under way: a file's node is asked for while the leaves of others come.
const FILES: usize = 4;

/// Fetches files from several sources.
pub struct Fetcher {
    runtime: tokio::runtime::Runtime,
    sources: Vec<Asked>,
    patience: Patience,
    requests: Semaphore,
    observer: Arc<dyn Observer + Send>,
}

/// A file to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its CID.
    pub cid: Cid,
    /// What is known of its length.
    pub len: Length,
}

/// What is known of a file's length before it is here. A file never takes more room than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// It has this many bytes.
    Exactly(u64),
    /// It has no more bytes than this.
    AtMost(u64),
}

/// What a source gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The source: scheme, host and port.
    pub source: String,
    /// Bytes of blocks that were right.
    pub bytes: u64,
    /// How many blocks these were.
    pub blocks: u64,
    /// What became of it.
    pub state: State,
}

/// Why one source did not give what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection.
    #[error("cannot be reached: {error}")]
    Unreachable {
        /// The innermost cause.
        error: String,
    },
    /// The connection broke.
    #[error("broke off: {error}")]
    Broken {
        /// The innermost cause.
        error: String,
    },
    /// Nothing came for too long, or too little.
    #[error("did not get on for {seconds} s")]
    Timeout {
        /// How long we waited.
        seconds: u64,
    },
    /// The answer is no.
    #[error("answered with status {status}{}", asks(*retry_after))]
    Status {
        /// The HTTP status.
        status: u16,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// A redirect too many, or one that gives up TLS.
    #[error("redirects without end, or away from https")]
    Redirect,
    /// More bytes than the right answer has.
    #[error("answered with more than {limit} bytes")]
    TooLong {
        /// The most that were looked at.
        limit: u64,
    },
    /// Other bytes than those that were asked for.
    #[error("answered with bytes that are not {cid}")]
    Wrong {
        /// What they should be.
        cid: Cid,
    },
    /// What came as a CAR is none.
    #[error("answered with what is no CAR")]
    Car(#[source] CarError),
    /// It serves blocks one at a time only.
    #[error("serves no CARs")]
    NoCars,
}

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No source gave a block.
    #[error("{cid} could not be fetched: {}", listed(tried))]
    Nowhere {
        /// The block.
        cid: Cid,
        /// Every source that was asked, and what came of it.
        tried: Vec<(String, Trouble)>,
    },
    /// A block is what its CID says, but not a part of a file as we cut files.
    #[error("what {cid} names is no file of a dataset")]
    Shape {
        /// The file.
        cid: Cid,
        /// Why not.
        source: Box<OpenError>,
    },
    /// A file has another length than whoever names it says.
    #[error("{cid} has {found} bytes, expected {expected}")]
    Len {
        /// The file.
        cid: Cid,
        /// What is known of its length.
        expected: Length,
        /// Its length.
        found: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever watches wanted it to end.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// No connection can be made at all.
    #[error("connections cannot be made")]
    Client(#[source] reqwest::Error),
    /// The runtime under the connections cannot start.
    #[error("the runtime for connections cannot start")]
    Runtime(#[source] std::io::Error),
}

impl FetchError {
    /// Whether what is named is not what it should be, or a source gave wrong bytes and no other gave the right ones:
    /// not a matter of trying again.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Nowhere { tried, .. } => {
                tried.iter().any(|(_, trouble)| matches!(trouble, Trouble::Wrong { .. } | Trouble::TooLong { .. }))
            }
            Self::Shape { .. } | Self::Len { .. } | Self::Store(StoreError::Corrupt { .. }) => true,
            Self::Store(_) | Self::Halted(_) | Self::Client(_) | Self::Runtime(_) => false,
        }
    }
}

impl Length {
    fn check(self, cid: Cid, found: u64) -> Result<(), FetchError> {
        let fits = match self {
            Self::Exactly(len) => found == len,
            Self::AtMost(most) => found <= most,
        };
        // No file of a dataset is longer, so none takes more than one node over its leaves.
        if fits && found <= MAX_FILE { Ok(()) } else { Err(FetchError::Len { cid, expected: self, found }) }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(len) => write!(f, "{len}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
        }
    }
}

impl Fetcher {
    /// Will ask these sources, the first first. Nothing is sent yet.
    ///
    /// # Errors
    /// [`FetchError::Client`] and [`FetchError::Runtime`].
    pub fn new(sources: Vec<Source>, patience: Patience) -> Result<Self, FetchError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(FetchError::Runtime)?;
        let asked = |source| Asked::new(source, patience).map_err(FetchError::Client);
        let sources = sources.into_iter().map(asked).collect::<Result<_, _>>()?;
        Ok(Self { runtime, sources, patience, requests: Semaphore::new(REQUESTS), observer: Arc::new(()) })
    }

    /// The same, watched: the observer hears of every byte that came and was right, or was here, and can end it at any
    /// time. What has come is kept.
    pub fn watched(self, observer: Arc<dyn Observer + Send>) -> Self {
        Self { observer, ..self }
    }

    /// What each source has given so far.
    pub fn given(&self) -> Vec<Given> {
        self.sources.iter().map(Asked::given).collect()
    }

    /// Fetches the files that are not in the store, or not intact there.
    ///
    /// # Errors
    /// [`FetchError`]; files that were whole by then are in the store, and leaves of others wait there.
    pub fn files(&self, store: &Store, wanted: &[Wanted]) -> Result<(), FetchError> {
        // Equal chunks have one file: two at work on it would be in each other's way.
        let mut seen = HashSet::new();
        let wanted = wanted.iter().filter(|wanted| seen.insert(wanted.cid));
        self.wait(stream::iter(wanted).map(|wanted| self.file(store, wanted)).buffer_unordered(FILES).try_collect())
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, FetchError>>) -> Result<T, FetchError> {
        self.runtime.block_on(attend(&*self.observer, work))
    }

    async fn file(&self, store: &Store, wanted: &Wanted) -> Result<(), FetchError> {
        let cid = wanted.cid;
        match store.verify(&cid, |_| ()) {
            Ok(file) => {
                self.observer.done(0, file.size)?;
                return wanted.len.check(cid, file.size);
            }
            Err(StoreError::Missing { .. }) => {}
            // It names what it does not hold; whatever happens next, it is of no use.
            Err(StoreError::Corrupt { .. }) => store.remove(&cid)?,
            Err(error) => return Err(error.into()),
        }
        let block = self.block(&cid).await?;
        let (file, opened) =
            File::open(cid, &block).map_err(|source| FetchError::Shape { cid, source: Box::new(source) })?;
        wanted.len.check(cid, file.size)?;
        match opened {
            Opened::Leaf(bytes) => {
                store.put(bytes)?;
                self.observer.done(0, file.size)?;
            }
            Opened::Node(leaves) => self.leaves(store, &file, &leaves).await?,
        }
        Ok(())
    }

    /// Fetches the leaves that a partial file lacks, and makes it a whole one.
    async fn leaves(&self, store: &Store, file: &File, leaves: &[FileBlock]) -> Result<(), FetchError> {
        let Some(mut partial) = store.partial(file)? else { return Ok(()) };
        let mut missing = Vec::new();
        for leaf in leaves {
            // At most 1 MiB: the shape of the file has been checked.
            let bytes = partial.read(leaf.offset(), usize::try_from(leaf.size()).unwrap_or(0))?;
            match leaf.open(&bytes) {
                Ok(_) => self.observer.done(0, leaf.size())?,
                Err(_) => missing.push(*leaf),
            }
        }
        // A CAR brings all of the file, so it is asked for while that is mostly what is missing.
        if missing.len() > 1 && missing.len() * 2 > leaves.len() {
            self.by_car(file, &mut partial, &mut missing).await?;
        }
        let blocks = stream::iter(missing).map(async |leaf| self.block(&leaf.cid()).await.map(|block| (leaf, block)));
        let mut blocks = std::pin::pin!(blocks.buffer_unordered(REQUESTS));
        let mut failed = None;
        // After a failure the others that are under way are kept still: the next run need not ask for them.
        while let Some(answer) = blocks.next().await {
            let kept = answer.and_then(|(leaf, block)| self.keep(&mut partial, file.cid, &leaf, &block));
            failed = failed.or(kept.err());
        }
        failed.map_or_else(|| Ok(partial.finish()?), Err)
    }

    /// Takes from CARs what can be had so, and leaves in `missing` what is to be fetched otherwise.
    async fn by_car(&self, file: &File, partial: &mut Partial, missing: &mut Vec<FileBlock>) -> Result<(), FetchError> {
        // Blocks may come in any order, and twice; a CAR that goes on after that is not read to its end.
        let frames = (file.size / CHUNK_LEN as u64 + 2) * (MAX_FRAME_LEN - MAX_BLOCK_LEN) as u64;
        let once = file.tsize.saturating_add(frames);
        let limit = once.saturating_mul(2).saturating_add(car::MAX_HEADER_LEN as u64);
        for source in &self.sources {
            if missing.is_empty() || source.blamed().is_some() || !source.has_cars() {
                continue;
            }
            // The semaphore is never closed.
            let _permit = self.requests.acquire().await;
            let taken = source.car(&file.cid, limit, |block| {
                let (now, later) = missing.iter().partition(|leaf| leaf.cid() == block.cid);
                *missing = later;
                let now: Vec<FileBlock> = now;
                now.iter().try_for_each(|leaf| self.keep(partial, file.cid, leaf, block.data))?;
                Ok::<bool, FetchError>(!now.is_empty())
            });
            match taken.await {
                Ok(taken) => taken?,
                // The leaves are asked for one by one after this, with patience; here only wrong bytes count.
                Err(trouble @ Trouble::Wrong { .. }) => source.blame(&trouble),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Compares a leaf with all that is known of it, and puts it at its place.
    fn keep(&self, partial: &mut Partial, cid: Cid, leaf: &FileBlock, block: &[u8]) -> Result<(), FetchError> {
        leaf.open(block).map_err(|source| FetchError::Shape { cid, source: Box::new(source) })?;
        partial.write(leaf.offset(), block)?;
        Ok(self.observer.done(0, leaf.size())?)
    }

    /// Fetches a block from the first source that gives it.
    async fn block(&self, cid: &Cid) -> Result<Bytes, FetchError> {
        let mut tried = Vec::new();
        for source in &self.sources {
            match self.block_from(source, cid).await {
                Ok(block) => return Ok(block),
                Err(trouble) => {
                    source.blame(&trouble);
                    tried.push((source.name(), trouble));
                }
            }
        }
        Err(FetchError::Nowhere { cid: *cid, tried })
    }

    /// Asks one source for a block, again where that may help.
    async fn block_from(&self, source: &Asked, cid: &Cid) -> Result<Bytes, Trouble> {
        let mut attempt = 0;
        loop {
            // Another request may have met with trouble since the last attempt.
            if let Some(trouble) = source.blamed() {
                return Err(trouble);
            }
            let answer = {
                // The semaphore is never closed.
                let _permit = self.requests.acquire().await;
                source.block(cid).await
            };
            let Err(trouble) = answer else { return answer };
            attempt += 1;
            let Some(wait) = self.patience.again(&trouble, attempt) else { return Err(trouble) };
            sleep(wait).await;
        }
    }
}

fn asks(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |time| format!(", to be asked again in {} s", time.as_secs()))
}

fn listed(tried: &[(String, Trouble)]) -> String {
    let tried: Vec<String> = tried.iter().map(|(source, trouble)| format!("{source} {trouble}")).collect();
    if tried.is_empty() { "there is nobody to ask".into() } else { tried.join("; ") }
}
