//! One source while it is being asked: its connection, what it gave, and whether it is still worth asking.
//!
//! The trustless gateway specification: `GET /ipfs/CID?format=raw` gives one block, `?format=car&dag-scope=entity` all
//! blocks of a file. Every block is compared with its CID before anything else looks at it, and no answer is read beyond
//! the length that the right one can have, whatever length it declares.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use mira_core::car::{self, Block, CarError, Step};
use mira_core::cid::{Cid, Codec};
use mira_core::unixfs::{CHUNK_LEN, MAX_NODE_LEN};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, Url};
use tokio::time::timeout;

use super::patience::is_passing;
use super::{Given, Patience, Source, Trouble};

const RAW: &str = "application/vnd.ipld.raw";
const CAR: &str = "application/vnd.ipld.car";
/// Redirects that are followed: gateways send from a path to a host name of the CID, and from there to a mirror.
const MAX_REDIRECTS: usize = 5;

/// A source that is being asked.
pub(super) struct Asked {
    source: Source,
    client: Client,
    patience: Patience,
    blamed: RefCell<Option<Trouble>>,
    has_cars: Cell<bool>,
    given: Cell<(u64, u64)>,
}

/// Whether a source is asked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is.
    Fine,
    /// It did not answer when it was asked again and again, and is left alone for the rest of the run.
    Away,
    /// It gave bytes that are not those of the CID, or more than any block has: it is not asked again.
    Wrong,
}

impl Asked {
    pub(super) fn new(source: Source, patience: Patience) -> Result<Self, reqwest::Error> {
        crate::tls::install();
        let client = Client::builder()
            .user_agent(concat!("mira/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.connect)
            .read_timeout(patience.idle)
            // A URL that was asked may hold a token, which is not for whom it redirects to.
            .referer(false)
            .redirect(Policy::custom(redirect));
        let client = if source.is_loopback() { client.no_proxy() } else { client };
        let has_cars = Cell::new(source.car(&Cid::raw_of(b"")).is_some());
        let (blamed, given) = (RefCell::new(None), Cell::new((0, 0)));
        Ok(Self { client: client.build()?, source, patience, blamed, has_cars, given })
    }

    /// For what it is not asked any more, if so.
    pub(super) fn blamed(&self) -> Option<Trouble> {
        self.blamed.borrow().clone()
    }

    pub(super) fn has_cars(&self) -> bool {
        self.has_cars.get()
    }

    pub(super) fn name(&self) -> String {
        self.source.to_string()
    }

    pub(super) fn given(&self) -> Given {
        let (bytes, blocks) = self.given.get();
        let state = match &*self.blamed.borrow() {
            None => State::Fine,
            Some(Trouble::Wrong { .. } | Trouble::TooLong { .. }) => State::Wrong,
            Some(_) => State::Away,
        };
        Given { source: self.name(), bytes, blocks, state }
    }

    /// Draws conclusions from trouble after which the source is not asked again for the same thing.
    pub(super) fn blame(&self, trouble: &Trouble) {
        let is_wrong = matches!(trouble, Trouble::Wrong { .. } | Trouble::TooLong { .. });
        let is_away = match trouble {
            Trouble::Unreachable { .. } | Trouble::Broken { .. } | Trouble::Redirect => true,
            Trouble::Status { status, .. } => is_passing(*status),
            // A block that one source does not find says nothing about the next block.
            _ => false,
        };
        let mut blamed = self.blamed.borrow_mut();
        if is_wrong || (is_away && blamed.is_none()) {
            *blamed = Some(trouble.clone());
        }
    }

    /// Asks for one block, once.
    pub(super) async fn block(&self, cid: &Cid) -> Result<Bytes, Trouble> {
        let limit = match cid.codec() {
            Codec::Raw => CHUNK_LEN,
            Codec::DagPb | Codec::DagCbor => MAX_NODE_LEN,
        };
        let bytes = self.in_time(limit as u64, self.exchange_block(cid, limit)).await?;
        if !cid.matches(&bytes) {
            return Err(Trouble::Wrong { cid: *cid });
        }
        self.count(bytes.len());
        Ok(bytes)
    }

    /// Asks for a file as a CAR of at most `limit` bytes, once, and hands over each block that is right.
    ///
    /// # Errors
    /// [`Trouble`] also after some blocks were handed over; `E` from whoever takes them.
    pub(super) async fn car<E>(
        &self,
        cid: &Cid,
        limit: u64,
        mut take: impl FnMut(Block<'_>) -> Result<bool, E>,
    ) -> Result<Result<(), E>, Trouble> {
        let Some(url) = self.source.car(cid) else { return Err(Trouble::NoCars) };
        let answer = self.in_time(limit, async {
            let response = self.send(url, "application/vnd.ipld.car; version=1; order=dfs; dups=n").await?;
            let kind = content_type(response.headers());
            if !response.status().is_success() || kind != CAR {
                let trouble = refusal(&response).filter(|trouble| self.patience.again(trouble, 1).is_some());
                return Err(trouble.unwrap_or_else(|| {
                    self.has_cars.set(false);
                    Trouble::NoCars
                }));
            }
            self.read_car(response, cid, limit, &mut take).await
        });
        let answer = answer.await;
        // Blocks one by one say more about a source than a CAR that is longer, or otherwise written, than ours.
        if let Err(Trouble::Car(_) | Trouble::TooLong { .. } | Trouble::Redirect) = &answer {
            self.has_cars.set(false);
        }
        answer
    }

    async fn read_car<E>(
        &self,
        mut response: Response,
        cid: &Cid,
        limit: u64,
        take: &mut impl FnMut(Block<'_>) -> Result<bool, E>,
    ) -> Result<Result<(), E>, Trouble> {
        check_declared(&response, limit)?;
        // What has come of a frame that is not whole yet: never more than the longest frame and one read.
        let (mut buffer, mut root, mut seen) = (Vec::new(), None, 0_u64);
        while let Some(bytes) = response.chunk().await.map_err(|error| self.broken(&error))? {
            seen = seen.saturating_add(bytes.len() as u64);
            if seen > limit {
                return Err(Trouble::TooLong { limit });
            }
            buffer.extend_from_slice(&bytes);
            let mut at = 0;
            loop {
                let rest = buffer.get(at..).unwrap_or_default();
                if root.is_none() {
                    let Step::Done { value, used } = car::read_header(rest).map_err(Trouble::Car)? else { break };
                    if value != *cid {
                        return Err(Trouble::Wrong { cid: *cid });
                    }
                    root = Some(value);
                    at += used;
                    continue;
                }
                match car::read_frame(rest) {
                    Ok(Step::More { .. }) => break,
                    Ok(Step::Done { value, used }) => {
                        at += used;
                        match take(value) {
                            Ok(true) => self.count(value.data.len()),
                            Ok(false) => {}
                            Err(error) => return Ok(Err(error)),
                        }
                    }
                    Err(CarError::Digest { cid, .. }) => return Err(Trouble::Wrong { cid }),
                    Err(error) => return Err(Trouble::Car(error)),
                }
            }
            buffer.drain(..at);
        }
        if root.is_none() || !buffer.is_empty() {
            return Err(Trouble::Broken { error: "the CAR ends in the middle".into() });
        }
        Ok(Ok(()))
    }

    async fn exchange_block(&self, cid: &Cid, limit: usize) -> Result<Bytes, Trouble> {
        let mut response = self.send(self.source.block(cid), RAW).await?;
        if let Some(trouble) = refusal(&response) {
            return Err(self.explain(trouble, response).await);
        }
        check_declared(&response, limit as u64)?;
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if part.len() > limit - bytes.len() {
                return Err(Trouble::TooLong { limit: limit as u64 });
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.into())
    }

    /// Kubo's RPC has one status for all that goes wrong, so its words decide whether it looked and found nothing.
    async fn explain(&self, trouble: Trouble, mut response: Response) -> Trouble {
        if !self.source.is_rpc() || !matches!(trouble, Trouble::Status { status: 500, .. }) {
            return trouble;
        }
        let words = response.chunk().await.ok().flatten().unwrap_or_default();
        let words = String::from_utf8_lossy(words.get(..words.len().min(4096)).unwrap_or_default()).into_owned();
        let found_nothing = ["not found", "could not find"].iter().any(|none| words.contains(none));
        if found_nothing { Trouble::Status { status: 404, retry_after: None } } else { trouble }
    }

    async fn send(&self, url: Url, accept: &str) -> Result<Response, Trouble> {
        let request = if self.source.is_rpc() { self.client.post(url) } else { self.client.get(url) };
        request.header(ACCEPT, accept).send().await.map_err(|error| self.broken(&error))
    }

    async fn in_time<T>(&self, bytes: u64, asking: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        let time = self.patience.whole(bytes);
        timeout(time, asking).await.unwrap_or(Err(Trouble::Timeout { seconds: time.as_secs() }))
    }

    fn broken(&self, error: &reqwest::Error) -> Trouble {
        if error.is_redirect() {
            return Trouble::Redirect;
        }
        if error.is_timeout() && !error.is_connect() {
            return Trouble::Timeout { seconds: self.patience.idle.as_secs() };
        }
        // The innermost cause alone: what is around it repeats the URL.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let innermost = if error.source().is_some() { cause.to_string() } else { "the request failed".into() };
        if error.is_connect() || error.is_timeout() {
            Trouble::Unreachable { error: innermost }
        } else {
            Trouble::Broken { error: innermost }
        }
    }

    fn count(&self, len: usize) {
        let (bytes, blocks) = self.given.get();
        self.given.set((bytes + len as u64, blocks + 1));
    }
}

/// Follows a few redirects, and none that gives up TLS.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let loses_tls =
        attempt.url().scheme() != "https" && attempt.previous().iter().any(|previous| previous.scheme() == "https");
    if loses_tls || attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("refused");
    }
    attempt.follow()
}

fn refusal(response: &Response) -> Option<Trouble> {
    if response.status().is_success() {
        return None;
    }
    // Seconds; the other form, a date, is read as if nothing had been said.
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Some(Trouble::Status { status: response.status().as_u16(), retry_after: seconds.map(Duration::from_secs) })
}

fn check_declared(response: &Response, limit: u64) -> Result<(), Trouble> {
    match response.content_length() {
        Some(declared) if declared > limit => Err(Trouble::TooLong { limit }),
        _ => Ok(()),
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}
