//! `mira rewards propose`

use std::process::ExitCode;

use clap::Args;
use mira_anchor::distributor::proposing;
use mira_anchor::reward::Manifest;
use mira_anchor::sender::{Resumed, Sent};
use serde::Serialize;

use crate::args::Global;
use crate::chain::{PayArgs, SpendArgs, hex, send_error, status};
use crate::error::{CliError, Kind, Result};
use crate::output::{Output, count};
use crate::rewarding::Rewards;
use crate::session::Session;

/// Propose the next epoch of rewards
///
/// The claim root goes to the distributor's contract with the total, the hash of the manifest that says what it was
/// computed from, and the anchored epoch of the log. It can be claimed from after the window, in which anybody can
/// compute it again and object.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira seal && mira anchor && mira rewards propose
  mira rewards propose --dry-run")]
pub struct ProposeArgs {
    #[command(flatten)]
    pay: PayArgs,
    #[command(flatten)]
    spend: SpendArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(serialize_with = "count")]
    epoch: u64,
    root: String,
    total: String,
    budget: String,
    manifest: String,
    policy: String,
    #[serde(serialize_with = "count")]
    log_epoch: u64,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    distributor: String,
    tx: Option<String>,
    block: Option<u64>,
    status: &'static str,
    /// From when on it can be claimed, in seconds since 1970.
    activates_at: Option<u64>,
}

/// Proposes it.
pub fn run(args: &ProposeArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let _lock = session.workspace.lock()?;
    let mut chain = args.pay.open(&session, output)?;
    let deployment = chain.deployment()?;
    let resumed = if args.spend.is_any() { Vec::new() } else { chain.resume(output)? };
    let rewards = Rewards::open(&session, &chain.client, &deployment)?;
    let computed = rewards.compute(rewards.next_number(), None)?;
    let manifest = computed.allocation.manifest.clone();
    if !computed.anchored {
        return Err(CliError::new(Kind::Failed, "no epoch of the log is anchored").hint("mira anchor"));
    }
    if manifest.budget.is_zero() {
        if let Some((manifest, sent)) = cut_off(&rewards, &resumed)? {
            let activates_at = Some(rewards.state(manifest.epoch)?.activates_at);
            print(&manifest, &sent, activates_at, chain.client.identity().local, output);
            return Ok(ExitCode::SUCCESS);
        }
        return Err(CliError::new(Kind::Failed, "nothing was paid in since the last proposal")
            .hint("mira chain fund pays for a use, or into the pool"));
    }
    let commitment = rewards.commitment(manifest.log_epoch)?;
    let contract = rewards.contract;
    if chain.instead(&contract.proposing(&manifest, commitment), args.spend, output)? {
        return Ok(ExitCode::SUCCESS);
    }
    // What the hash on the chain stands for is durable before the hash is there.
    rewards.keep(&computed.allocation)?;
    drop(rewards);
    let sent = contract.propose(&mut chain.sender()?, &manifest, commitment).map_err(send_error)?;
    let activates_at = match sent.landed {
        Some(_) => Some(contract.state(&chain.client, manifest.epoch).map_err(crate::chain::unreachable)?.activates_at),
        None => None,
    };
    print(&manifest, &sent, activates_at, chain.client.identity().local, output);
    Ok(ExitCode::SUCCESS)
}

/// The last proposal, if it is that of an earlier run that was cut off: what this one was started again for.
fn cut_off(rewards: &Rewards<'_>, resumed: &[Resumed]) -> Result<Option<(Manifest, Sent)>> {
    let Some(last) = rewards.proposals.last() else { return Ok(None) };
    let purpose = proposing(last.epoch, &last.manifest);
    let contract = Some(rewards.contract.distributor.contract);
    let is_it = |job: &&Resumed| job.contract == contract && job.purpose == purpose && job.sent.landed.is_some();
    let Some(job) = resumed.iter().find(is_it) else { return Ok(None) };
    let computed = rewards.compute(last.epoch, None)?;
    Ok(Some((computed.allocation.manifest, job.sent.clone())))
}

fn print(manifest: &Manifest, sent: &Sent, activates_at: Option<u64>, local: bool, output: &Output) {
    let status = status(sent.stage, local);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.rewards.propose/1",
            epoch: manifest.epoch,
            root: manifest.root.to_string(),
            total: manifest.total.to_string(),
            budget: manifest.budget.to_string(),
            manifest: manifest.digest().to_string(),
            policy: manifest.policy.to_string(),
            log_epoch: manifest.log_epoch,
            chain_id: manifest.distributor.chain_id,
            distributor: hex(manifest.distributor.contract),
            tx: sent.tx.map(|tx| tx.to_string()),
            block: sent.landed.map(|landed| landed.block.number),
            status,
            activates_at,
        });
        return;
    }
    output.data(format_args!("epoch {} of rewards: root {}, {status}", manifest.epoch, manifest.root));
    match activates_at {
        Some(time) => output.talk(format_args!("it can be claimed from {time} on (seconds since 1970)")),
        None => output.talk("the transaction waits for a block: run this again"),
    }
}
