//! `mira anchor`

use std::process::ExitCode;

use clap::Args;
use mira_anchor::chain::{At, Client};
use mira_anchor::deployment::Deployment;
use mira_anchor::publish::stage_of;
use mira_anchor::registry::{AnchorError, Anchored, Origin};
use mira_core::merkle::TreeHead;
use mira_core::receipt::AnchorReceipt;
use mira_lineage::epoch::{self, SealedEpoch};
use serde::Serialize;

use crate::args::Global;
use crate::chain::{ChainSession, PayArgs, SpendArgs, hex, send_error, status, unreachable};
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::{JsonMode, Output, count};
use crate::receipts;
use crate::session::Session;

/// Anchor the sealed epochs on a chain
///
/// Every sealed epoch that is not in the registry yet goes there, in order and none skipped, with the proof that the log
/// only grew. The registry checks that proof, so that an anchored log can be neither forked nor rewritten. For each
/// epoch a signed receipt is left in `.mira/receipts/`.
///
/// On the workspace's own chain the result is `local`: it shows that everything works, and nothing to anybody else.
///
/// A run that was cut off goes on where it was: nothing is sent twice.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira seal && mira anchor
  mira anchor --chain http://127.0.0.1:8545 --account deployer
  mira anchor --dry-run")]
pub struct AnchorArgs {
    #[command(flatten)]
    pay: PayArgs,
    #[command(flatten)]
    spend: SpendArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    last: Line,
    /// Whether there was nothing to do.
    unchanged: bool,
    /// All that this run anchored, or found anchored without a receipt.
    anchors: Vec<Line>,
}

#[derive(Clone, Serialize)]
struct Line {
    #[serde(serialize_with = "count")]
    epoch: u64,
    origin: String,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    contract: String,
    tx: String,
    block: Option<u64>,
    status: &'static str,
}

/// Anchors them.
pub fn run(args: &AnchorArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let _lock = session.workspace.lock()?;
    let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?;
    let Some(last) = epochs.last() else {
        return Err(CliError::new(Kind::Failed, "no epoch is sealed, so there is none to anchor").hint("mira seal"));
    };
    let mut chain = args.pay.open(&session, output)?;
    let deployment = chain.deployment()?;
    let origin = origin_of(&deployment)?;
    if !args.spend.is_any() {
        chain.resume(output)?;
    }
    let heads: Vec<TreeHead> = epochs.iter().map(SealedEpoch::head).collect();
    let anchored = origin.anchored(&chain.client, &heads).map_err(anchor_error)?;
    let key = session.signing_key()?;
    let mut run = Run { session: &session, chain: &mut chain, origin, heads: &heads, lines: Vec::new() };
    for epoch in &epochs {
        if epoch.number().value() > anchored && run.instead(epoch, args.spend, output)? {
            return Ok(ExitCode::SUCCESS);
        }
        let pending = run.epoch(epoch, anchored, &key)?;
        if pending {
            // The next one extends this one, which the contract does not have yet.
            output.talk("the transaction waits for a block: mira anchor goes on from here");
            break;
        }
    }
    let (lines, client) = (run.lines, &chain.client);
    let unchanged = lines.is_empty();
    let line = match lines.last() {
        Some(line) => line.clone(),
        None => found(&session, client, &origin, last)?,
    };
    print(lines, line, unchanged, output);
    Ok(ExitCode::SUCCESS)
}

struct Run<'a> {
    session: &'a Session,
    chain: &'a mut ChainSession,
    origin: Origin,
    heads: &'a [TreeHead],
    lines: Vec<Line>,
}

impl Run<'_> {
    /// Anchors one epoch, unless it is and its receipt says where; says whether it waits for a block.
    fn epoch(&mut self, epoch: &SealedEpoch, anchored: u64, key: &mira_core::key::SigningKey) -> Result<bool> {
        let chain = self.chain.client.identity();
        if epoch.number().value() <= anchored && self.has_receipt(epoch)? {
            return Ok(false);
        }
        let (heads, path) = self.up_to(epoch)?;
        let origin = self.origin;
        let mut sender = self.chain.sender()?;
        let done = origin.anchor(&mut sender, &heads, &path).map_err(anchor_error)?;
        drop(sender);
        receipts::keep(&self.session.workspace, epoch, chain, &origin, &done, key)?;
        self.lines.push(line(epoch, chain.chain_id, &origin, &done, chain.local));
        Ok(done.block.is_none())
    }

    /// Whether the receipt is of this chain, and its block is still the one at that height.
    fn has_receipt(&self, epoch: &SealedEpoch) -> Result<bool> {
        let client = &self.chain.client;
        let Ok(Some(receipt)) = receipts::load(&self.session.workspace, epoch) else { return Ok(false) };
        if client.identity().local && !receipt.local {
            // A better one is there, and stays.
            return Ok(true);
        }
        Ok(receipts::is_of(&receipt, client.identity(), &self.origin) && is_canonical(client, &receipt)?)
    }

    fn instead(&mut self, epoch: &SealedEpoch, spend: SpendArgs, output: &Output) -> Result<bool> {
        if !spend.is_any() {
            return Ok(false);
        }
        let (heads, path) = self.up_to(epoch)?;
        let origin = self.origin;
        let mut sender = self.chain.sender()?;
        let intent = origin.intent(&mut sender, &heads, &path).map_err(anchor_error)?;
        drop(sender);
        self.chain.instead(&intent, spend, output)
    }

    /// The epochs up to this one, and the proof that it extends the one before.
    fn up_to(&self, epoch: &SealedEpoch) -> Result<(Vec<TreeHead>, Vec<mira_core::digest::Digest>)> {
        let at = self.heads.iter().position(|head| *head == epoch.head()).unwrap_or_default();
        let heads = self.heads.get(..=at).unwrap_or_default();
        let log = self.session.ledger.log();
        let path = match heads {
            [.., before, head] => log.prove_consistency(before.size, head.size).kind(Kind::DoesNotVerify)?,
            _ => Vec::new(),
        };
        Ok((heads.to_vec(), path))
    }
}

/// The log in the registry.
pub fn origin_of(deployment: &Deployment) -> Result<Origin> {
    let registry = deployment.registry.map(|registry| registry.address);
    let registry =
        registry.ok_or_else(|| CliError::new(Kind::NotFound, "there is no registry").hint("mira chain deploy"))?;
    Ok(Origin { registry, id: deployment.origin_id, since: deployment.block })
}

/// Gives an error of anchoring its kind.
pub fn anchor_error(error: AnchorError) -> CliError {
    match error {
        AnchorError::Send(error) => send_error(error),
        AnchorError::Chain(error) => unreachable(error),
        AnchorError::Behind { .. } | AnchorError::Beside { .. } => {
            CliError::new(Kind::DoesNotVerify, chain(&error)).hint("nothing was signed; mira fsck checks this log")
        }
        AnchorError::Inconsistent { .. } => CliError::new(Kind::DoesNotVerify, chain(&error)),
        AnchorError::Outbox(error) => CliError::caused(Kind::Failed, &error),
        error => CliError::new(Kind::Failed, chain(&error)),
    }
}

fn is_canonical(client: &Client, receipt: &AnchorReceipt) -> Result<bool> {
    let block = client.block(At::Number(receipt.block_number.value())).map_err(unreachable)?;
    Ok(block.is_some_and(|block| block.hash.0 == *receipt.block_hash.as_bytes()))
}

/// What is known of an epoch that was anchored before.
fn found(session: &Session, client: &Client, origin: &Origin, epoch: &SealedEpoch) -> Result<Line> {
    let receipt = receipts::load(&session.workspace, epoch)?
        .ok_or_else(|| CliError::new(Kind::Failed, "the receipt that was just there is gone"))?;
    let block = mira_anchor::chain::BlockRef {
        number: receipt.block_number.value(),
        hash: (*receipt.block_hash.as_bytes()).into(),
    };
    let (head, finalized) = (client.head().map_err(unreachable)?, client.finalized().map_err(unreachable)?);
    let anchored = Anchored {
        epoch: epoch.number(),
        previous: (*receipt.previous.as_bytes()).into(),
        commitment: (*receipt.commitment.as_bytes()).into(),
        tx: (*receipt.tx.as_bytes()).into(),
        block: Some(block),
        stage: stage_of(block, head.number, finalized),
    };
    let origin = Origin { registry: (*receipt.contract.as_bytes()).into(), ..*origin };
    Ok(line(epoch, receipt.chain_id.value(), &origin, &anchored, receipt.local))
}

fn line(epoch: &SealedEpoch, chain_id: u64, origin: &Origin, anchored: &Anchored, local: bool) -> Line {
    Line {
        epoch: epoch.number().value(),
        origin: epoch.checkpoint().checkpoint().origin().to_string(),
        chain_id,
        contract: hex(origin.registry),
        tx: anchored.tx.to_string(),
        block: anchored.block.map(|block| block.number),
        status: status(anchored.stage, local),
    }
}

fn print(lines: Vec<Line>, last: Line, unchanged: bool, output: &Output) {
    let is_local = last.status == "local";
    match output.json {
        JsonMode::Lines => lines.iter().for_each(|line| output.document(line)),
        JsonMode::Document => {
            output.document(&Document { schema: "mira.anchor/1", last, unchanged, anchors: lines });
        }
        JsonMode::Off if unchanged => {
            output.data(format_args!("epoch {}: {} already, nothing to do (tx {})", last.epoch, last.status, last.tx));
        }
        JsonMode::Off => {
            for line in &lines {
                let block = line.block.map(|block| format!(", block {block}")).unwrap_or_default();
                output.data(format_args!("epoch {}: {}{block}, tx {}", line.epoch, line.status, line.tx));
            }
        }
    }
    if !output.is_json() && is_local {
        output.talk("local: one operator, and no independent time; another chain is needed to show it to others");
    }
}
