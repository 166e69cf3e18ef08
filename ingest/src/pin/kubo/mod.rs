//! Kubo, through its RPC API.
//!
//! Nothing here asks Kubo to pin what it may not have whole. `pin/add` on a node with a network waits without end for a
//! missing block, also with `offline=true`, and so does `dag/import` where it pins the roots itself; `dag/stat` with
//! `offline=true` answers at once. So a CAR is sent without pinning and counted, and a DAG is pinned only if every block
//! of it was counted, or after a walk:
//!
//! ```text
//! dag/import?pin-roots=false&stats=true → dag/stat?offline=true, unless just sent → pin/add → pin/ls, cat
//! ```
//!
//! Between the steps a collection of garbage may take what has come. Then pinning does not get on, or the walk says so,
//! and all is sent again.

mod requests;
mod transport;

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{Either, select};
use hyper::Body;
use hyper::body::Sender;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use ipfs_api_backend_hyper::request::{PinLs, PinRm, Version};
use ipfs_api_backend_hyper::response::{BlockStatResponse, PinAddResponse, VersionResponse};
use ipfs_api_prelude::ApiRequest;
use mira_core::cid::Cid;
use serde::Deserialize;
use tokio::time::timeout;

use self::requests::{BlockStat, Cat, DagImport, DagStat, DagStats, ImportLine, PinAdd, PinLsByName, Pins};
use self::transport::{MAX_ANSWER, QUICK, Transport, WALK};
use super::{Address, CarStream, Pin, PinError};
use crate::directory::car::CarContent;

/// How long a node may take no bytes of a CAR.
const STALL: Duration = Duration::from_secs(120);
/// The kind of pin that keeps a whole DAG.
const RECURSIVE: &str = "recursive";

/// A Kubo node.
pub struct Kubo {
    transport: Transport,
}

impl Kubo {
    /// A node at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`PinError::Address`], for no address that [`Address`] reads.
    pub fn new(address: &Address) -> Result<Self, PinError> {
        Ok(Self { transport: Transport::new(address)? })
    }

    /// The node as it is named in errors and in the outbox: scheme, host and port.
    pub fn service(&self) -> &str {
        self.transport.service()
    }

    async fn call<R: ApiRequest>(&self, request: R, time: Duration) -> Result<Bytes, PinError> {
        self.transport.ask_ok(R::PATH, self.transport.request(request)?, MAX_ANSWER, Some(time)).await
    }

    /// Puts a question to which "there is none" is an answer, and gives nothing then. Kubo has one status for all that
    /// goes wrong, so its words decide; in words of another version "none" stays an error and is never taken for "one".
    async fn find<R: ApiRequest>(&self, request: R, none: &str) -> Result<Option<Bytes>, PinError> {
        match self.call(request, QUICK).await {
            Ok(body) => Ok(Some(body)),
            Err(PinError::Refused { message, .. }) if message.contains(none) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse<T: for<'de> Deserialize<'de>>(
        &self,
        call: &'static str,
        body: &[u8],
        expected: &'static str,
    ) -> Result<T, PinError> {
        serde_json::from_slice(body).map_err(|_| self.transport.answer(call, expected))
    }

    /// Sends the pieces of a CAR as the one file of a form.
    async fn feed(&self, mut body: Sender, car: &mut CarStream<'_>, boundary: &str) -> Result<(), PinError> {
        const CALL: &str = DagImport::PATH;
        let mut piece = Bytes::from(form_head(boundary));
        loop {
            let sent = timeout(STALL, body.send_data(piece)).await;
            sent.map_err(|_| self.transport.timeout(CALL, STALL))?
                .map_err(|error| self.transport.unreachable(CALL, error))?;
            piece = match car.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => {
                    // The form has no end then, so the node sees a broken request and pins nothing.
                    body.abort();
                    return Err(PinError::Car(Box::new(error)));
                }
                None => break,
            };
        }
        let sent = timeout(STALL, body.send_data(Bytes::from(form_tail(boundary)))).await;
        sent.map_err(|_| self.transport.timeout(CALL, STALL))?.map_err(|error| self.transport.unreachable(CALL, error))
    }

    /// Reads the answer to an import. What it does not say has not happened: an error after the answer began reaches us
    /// as nothing but missing lines.
    fn imported(&self, body: &[u8]) -> Result<CarContent, PinError> {
        const CALL: &str = DagImport::PATH;
        let mut content = None;
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: ImportLine = self.parse(CALL, line, "lines of JSON")?;
            if let Some(stats) = line.stats {
                content = Some(CarContent { blocks: stats.block_count, block_bytes: stats.block_bytes_count });
            }
        }
        content.ok_or_else(|| self.transport.answer(CALL, "the line of what was imported"))
    }

    /// Pins a DAG of which no block is missing, else no answer comes.
    async fn pin_whole(&self, arg: &str, name: &str, time: Duration) -> Result<(), PinError> {
        let body = self.call(PinAdd { arg, name, recursive: true, offline: true }, time).await?;
        let found: PinAddResponse = self.parse(PinAdd::PATH, &body, "pins")?;
        let pinned = found.pins.iter().any(|pin| pin == arg);
        pinned.then_some(()).ok_or_else(|| self.transport.answer(PinAdd::PATH, "the pin that was asked for"))
    }

    /// Has the node walk a DAG, and gives how long that took. Fails if a block is not there.
    async fn walk(&self, arg: &str) -> Result<Duration, PinError> {
        let started = Instant::now();
        let body = self.call(DagStat { arg, offline: true, progress: false }, WALK).await?;
        let found: DagStats = self.parse(DagStat::PATH, &body, "sizes")?;
        let walked = found.dags.iter().any(|dag| dag.cid == arg && dag.blocks > 0);
        walked.then(|| started.elapsed()).ok_or_else(|| self.transport.answer(DagStat::PATH, "the DAG that was meant"))
    }
}

impl Pin for Kubo {
    async fn version(&self) -> Result<String, PinError> {
        let body = self.call(Version, QUICK).await?;
        let found: VersionResponse = self.parse(Version::PATH, &body, "a version")?;
        Ok(format!("kubo {}", found.version.chars().filter(char::is_ascii_graphic).take(40).collect::<String>()))
    }

    async fn has_block(&self, cid: &Cid) -> Result<bool, PinError> {
        let arg = cid.to_string();
        let Some(body) = self.find(BlockStat { arg: &arg, offline: true }, "could not find").await? else {
            return Ok(false);
        };
        let found: BlockStatResponse = self.parse(BlockStat::PATH, &body, "a block")?;
        Ok(found.key == arg)
    }

    async fn import(&self, mut car: CarStream<'_>) -> Result<CarContent, PinError> {
        let root = car.root;
        // The root commits to every block of the CAR, so no block can hold the text of its CID, and what ends the form
        // cannot stand in the data.
        let boundary = format!("mira-{root}");
        let mut request = self.transport.request(DagImport { pin_roots: false, stats: true })?;
        let (sender, body) = Body::channel();
        *request.body_mut() = body;
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        // A CID is letters and digits.
        let kind = kind.map_err(|_| self.transport.answer(DagImport::PATH, "a content type"))?;
        request.headers_mut().insert(CONTENT_TYPE, kind);

        // The time for sending has no bound but that bytes move; that for the answer starts with the last byte. A node
        // that answers before it has read everything has refused, and is not sent the rest.
        let mut answer = pin!(self.transport.ask_ok(DagImport::PATH, request, MAX_ANSWER, None));
        let body = match select(pin!(self.feed(sender, &mut car, &boundary)), answer.as_mut()).await {
            Either::Left((Ok(()), answer)) => {
                timeout(WALK, answer).await.unwrap_or_else(|_| Err(self.transport.timeout(DagImport::PATH, WALK)))?
            }
            // A node that hangs up may have said why.
            Either::Left((Err(error @ PinError::Unreachable { .. }), answer)) => match timeout(QUICK, answer).await {
                Ok(Err(refused @ PinError::Refused { .. })) => return Err(refused),
                _ => return Err(error),
            },
            Either::Left((Err(error), _)) => return Err(error),
            Either::Right((answer, _)) => answer?,
        };
        self.imported(&body)
    }

    async fn pin(&self, cid: &Cid, name: &str, just_sent: bool) -> Result<(), PinError> {
        let arg = cid.to_string();
        if just_sent {
            match self.pin_whole(&arg, name, QUICK).await {
                // Large, or a block has gone after all: the walk tells.
                Err(PinError::Timeout { .. }) => {}
                done => return done,
            }
        }
        let walked = self.walk(&arg).await?;
        // Pinning walks the DAG once more. Should a block have gone in between, it does not get on, and we do not wait
        // for it: giving up ends the call at the node too.
        self.pin_whole(&arg, name, QUICK + walked * 4).await
    }

    async fn is_pinned(&self, cid: &Cid) -> Result<bool, PinError> {
        let arg = cid.to_string();
        let request = PinLs { key: Some(&arg), typ: Some(RECURSIVE) };
        let Some(body) = self.find(request, "is not pinned").await? else { return Ok(false) };
        let found: Pins = self.parse(PinLs::PATH, &body, "pins")?;
        Ok(found.keys.get(&arg).is_some_and(|pin| pin.kind == RECURSIVE))
    }

    async fn pinned_as(&self, name: &str) -> Result<Vec<Cid>, PinError> {
        let body = self.call(PinLsByName { kind: RECURSIVE, name }, QUICK).await?;
        let found: Pins = self.parse(PinLsByName::PATH, &body, "pins")?;
        // Kubo looks for the name inside names, and keeps pins with CIDs that are none of ours.
        let of_name = found.keys.iter().filter(|(_, pin)| pin.name == name && pin.kind == RECURSIVE);
        let mut cids: Vec<Cid> = of_name.filter_map(|(cid, _)| cid.parse().ok()).collect();
        cids.sort_unstable();
        Ok(cids)
    }

    async fn unpin(&self, cid: &Cid) -> Result<(), PinError> {
        let arg = cid.to_string();
        self.find(PinRm { key: &arg, recursive: true }, "not pinned").await.map(drop)
    }

    async fn read(&self, file: &Cid, offset: u64, len: usize) -> Result<Bytes, PinError> {
        // By its CID, because Kubo asks the network for what it lacks along a path, also with `offline=true`.
        let arg = file.to_string();
        let request = self.transport.request(Cat { arg: &arg, offset, length: len, offline: true })?;
        self.transport.ask_ok(Cat::PATH, request, len.max(MAX_ANSWER), Some(QUICK)).await
    }
}

fn form_head(boundary: &str) -> String {
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"dataset.car\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
}

fn form_tail(boundary: &str) -> String {
    format!("\r\n--{boundary}--\r\n")
}
