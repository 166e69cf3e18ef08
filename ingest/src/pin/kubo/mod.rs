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
//! and what is missing is sent again.
//!
//! A node or proxy that lacks `dag/import` is sent files with `add`, under the parameters by which it comes to our CIDs,
//! and directories with `block/put`.

mod remote;
mod requests;
mod transport;
mod upload;

use std::time::{Duration, Instant};

use bytes::Bytes;
use ipfs_api_backend_hyper::request::{PinLs, PinRm, Version};
use ipfs_api_backend_hyper::response::{BlockStatResponse, PinAddResponse, VersionResponse};
use ipfs_api_prelude::ApiRequest;
use mira_core::cid::{Cid, Codec};
use serde::Deserialize;

use self::requests::{
    Add, AddedFile, BlockPut, BlockStat, Cat, DagImport, DagStat, DagStats, ImportLine, PinAdd, PinLsByName, Pins,
    PutBlock,
};
use self::transport::{MAX_ANSWER, Transport};
use super::{Address, Pin, PinError, Upload};
use crate::directory::car::CarContent;

/// The kind of pin that keeps a whole DAG.
const RECURSIVE: &str = "recursive";

/// A Kubo node.
pub struct Kubo {
    transport: Transport,
    patience: Patience,
}

/// How long a node may take before it is called hanging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a question that it answers from an index.
    pub quick: Duration,
    /// For taking no bytes of what is sent.
    pub stall: Duration,
    /// For walking all blocks of a dataset, as it does before it pins one, or storing the last that were sent.
    pub walk: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { quick: Duration::from_secs(60), stall: Duration::from_secs(120), walk: Duration::from_secs(30 * 60) }
    }
}

impl Kubo {
    /// A node at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`PinError::Address`], for no address that [`Address`] reads.
    pub fn new(address: &Address) -> Result<Self, PinError> {
        Ok(Self { transport: Transport::new(address)?, patience: Patience::default() })
    }

    /// The same node, waited for otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
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
        match self.call(request, self.patience.quick).await {
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
        let body = self.call(DagStat { arg, offline: true, progress: false }, self.patience.walk).await?;
        let found: DagStats = self.parse(DagStat::PATH, &body, "sizes")?;
        let walked = found.dags.iter().any(|dag| dag.cid == arg && dag.blocks > 0);
        walked.then(|| started.elapsed()).ok_or_else(|| self.transport.answer(DagStat::PATH, "the DAG that was meant"))
    }
}

impl Pin for Kubo {
    async fn version(&self) -> Result<String, PinError> {
        let body = self.call(Version, self.patience.quick).await?;
        let found: VersionResponse = self.parse(Version::PATH, &body, "a version")?;
        Ok(format!("kubo {}", found.version.chars().filter(char::is_ascii_graphic).take(40).collect::<String>()))
    }

    async fn has_block(&self, cid: &Cid) -> Result<bool, PinError> {
        let arg = cid.to_string();
        let body = match self.find(BlockStat { arg: &arg, offline: true }, "could not find").await {
            // A node that cannot be asked is sent the block.
            Err(error) if error.lacks_call() => None,
            answer => answer?,
        };
        let Some(body) = body else { return Ok(false) };
        let found: BlockStatResponse = self.parse(BlockStat::PATH, &body, "a block")?;
        Ok(found.key == arg)
    }

    async fn has_dag(&self, cid: &Cid) -> Result<bool, PinError> {
        if cid.codec() == Codec::Raw {
            // Nothing is below it; and Kubo fails to count the DAG of an empty block.
            return self.has_block(cid).await;
        }
        match self.walk(&cid.to_string()).await {
            Ok(_) => Ok(true),
            // Kubo's word for it, in all versions that have the call; other refusals are none of "no".
            Err(PinError::Refused { message, .. })
                if message.contains("not found") && !message.contains("404 page") =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn import(&self, mut car: Upload<'_>) -> Result<CarContent, PinError> {
        let body = self.upload(DagImport { pin_roots: false, stats: true }, "dataset.car", &mut car).await?;
        self.imported(&body)
    }

    async fn add(&self, mut file: Upload<'_>) -> Result<Cid, PinError> {
        let body = self.upload(Add::default(), "file", &mut file).await?;
        // One line a file; with an error after the answer began there is none.
        let line = body.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
        let added: AddedFile = self.parse(Add::PATH, line, "a file")?;
        added.hash.parse().map_err(|_| self.transport.answer(Add::PATH, "a CID of ours"))
    }

    async fn put(&self, block: Bytes) -> Result<Cid, PinError> {
        let body = self.upload_whole(BlockPut::default(), "block", block).await?;
        let put: PutBlock = self.parse(BlockPut::PATH, &body, "a block")?;
        put.key.parse().map_err(|_| self.transport.answer(BlockPut::PATH, "a CID of ours"))
    }

    async fn pin(&self, cid: &Cid, name: &str, just_sent: bool) -> Result<(), PinError> {
        let arg = cid.to_string();
        if just_sent {
            match self.pin_whole(&arg, name, self.patience.quick).await {
                // Large, or a block has gone after all: the walk tells.
                Err(PinError::Timeout { .. }) => {}
                done => return done,
            }
        }
        let walked = self.walk(&arg).await?;
        // Pinning walks the DAG once more. Should a block have gone in between, it does not get on, and we do not wait
        // for it: giving up ends the call at the node too.
        self.pin_whole(&arg, name, self.patience.quick + walked * 4).await
    }

    async fn is_pinned(&self, cid: &Cid) -> Result<bool, PinError> {
        let arg = cid.to_string();
        let request = PinLs { key: Some(&arg), typ: Some(RECURSIVE) };
        let Some(body) = self.find(request, "is not pinned").await? else { return Ok(false) };
        let found: Pins = self.parse(PinLs::PATH, &body, "pins")?;
        Ok(found.keys.get(&arg).is_some_and(|pin| pin.kind == RECURSIVE))
    }

    async fn pinned_as(&self, name: &str) -> Result<Vec<Cid>, PinError> {
        let body = self.call(PinLsByName { kind: RECURSIVE, name }, self.patience.quick).await?;
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
        let bytes = self.transport.ask_ok(Cat::PATH, request, len.max(MAX_ANSWER), Some(self.patience.quick)).await?;
        if bytes.len() > len {
            return Err(PinError::AnswerTooLong { service: self.service().to_owned(), call: Cat::PATH, limit: len });
        }
        Ok(bytes)
    }
}
