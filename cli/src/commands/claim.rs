//! `mira claim`

use std::process::ExitCode;

use clap::Args;
use mira_anchor::U256;
use mira_anchor::claim::Claim;
use mira_anchor::distributor::Contract;
use mira_anchor::sender::{Intent, Resumed, Sent};
use serde::Serialize;

use crate::args::Global;
use crate::chain::{ChainSession, PayArgs, SpendArgs, hex, send_error, status, unreachable};
use crate::error::{CliError, Kind, Result};
use crate::output::{Output, count};
use crate::rewarding::Rewards;
use crate::session::Session;

/// Have what was earned paid out
///
/// The amount, and the proof of it, are computed from the log and the chain, so nobody is asked for them. Anybody may
/// send a claim, for anybody: the contract pays to the account that the contributor has bound (`mira bind`).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira claim
  mira claim --contributor sample-lab   somebody else's, to their own account
  mira claim --epoch 2 --dry-run")]
pub struct ClaimArgs {
    /// Which epoch of rewards (default: the newest that can be claimed from)
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// Whose rewards: a label, did:key or contributor_id, or the name of a key of yours (default: yours)
    #[arg(long, value_name = "WHO")]
    contributor: Option<String>,
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
    contributor: String,
    payout: String,
    amount: String,
    cumulative: String,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    distributor: String,
    tx: Option<String>,
    block: Option<u64>,
    status: &'static str,
}

/// Claims it.
pub fn run(args: &ClaimArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let _lock = session.workspace.lock()?;
    let contributor = match &args.contributor {
        Some(who) => session.person(who)?,
        None => session.me()?.ok_or_else(|| {
            CliError::new(Kind::NotFound, "you have no key, so nothing is yours").hint("--contributor says whose")
        })?,
    };
    let mut chain = args.pay.open(&session, output)?;
    let deployment = chain.deployment()?;
    let resumed = if args.spend.is_any() { Vec::new() } else { chain.resume(output)? };
    let rewards = Rewards::open(&session, &chain.client, &deployment)?;
    let epoch = rewards.active(args.epoch)?.map_or_else(|| Err(not_active(&rewards, args.epoch)), Ok)?;
    let computed = rewards.compute(epoch, None)?;
    let contract = rewards.contract;
    drop(rewards);
    let proved = computed.allocation.tree.as_ref().and_then(|tree| tree.prove(&contributor));
    let (claim, proof) = proved.ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("contributor {contributor} has earned nothing up to epoch {epoch}"))
    })?;
    let paid = contract.claimed(&chain.client, &contributor).map_err(unreachable)?;
    let intent = contract.claiming(epoch, &claim, &proof);
    let (due, sent) = match cut_off(&contract, &chain, &intent, &resumed)? {
        Some(done) => done,
        None => {
            let due = due(&claim, paid)?;
            if chain.instead(&intent, args.spend, output)? {
                return Ok(ExitCode::SUCCESS);
            }
            (due, contract.claim(&mut chain.sender()?, epoch, &claim, &proof).map_err(send_error)?)
        }
    };
    let status = status(sent.stage, chain.client.identity().local);
    let payout = hex(claim.payout);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.claim/1",
            epoch,
            contributor: contributor.to_string(),
            payout,
            amount: due.to_string(),
            cumulative: claim.cumulative.to_string(),
            chain_id: contract.distributor.chain_id,
            distributor: hex(contract.distributor.contract),
            tx: sent.tx.map(|tx| tx.to_string()),
            block: sent.landed.map(|landed| landed.block.number),
            status,
        });
    } else {
        output.data(format_args!("paid {due} base units to {payout}: {status}"));
        if sent.landed.is_none() {
            output.talk("the transaction waits for a block: run this again");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What this very claim paid, if it is that of an earlier run that was cut off: what this one was started again for.
fn cut_off(
    contract: &Contract,
    chain: &ChainSession,
    intent: &Intent,
    resumed: &[Resumed],
) -> Result<Option<(U256, Sent)>> {
    let is_it = |job: &&Resumed| job.contract == intent.to && job.purpose == intent.purpose;
    let Some(job) = resumed.iter().find(is_it) else { return Ok(None) };
    let Some(landed) = job.sent.landed else { return Ok(None) };
    let claims = contract.claims(&chain.client).map_err(unreachable)?;
    Ok(claims.iter().find(|claim| claim.tx == landed.tx).map(|claim| (claim.amount, job.sent.clone())))
}

/// What is still to be paid.
fn due(claim: &Claim, paid: U256) -> Result<U256> {
    if claim.payout.is_zero() {
        return Err(CliError::new(
            Kind::Failed,
            format!("contributor {} was bound to no account when this epoch was proposed", claim.contributor),
        )
        .hint("mira bind, mira seal, mira anchor; the amount is kept and stands in the next epoch"));
    }
    let due = claim.cumulative.checked_sub(paid).filter(|due| !due.is_zero());
    due.ok_or_else(|| {
        CliError::new(Kind::Failed, format!("nothing to claim: contributor {} was paid {paid}", claim.contributor))
            .hint("mira rewards shows what the next epoch would give")
    })
}

fn not_active(rewards: &Rewards<'_>, epoch: Option<u64>) -> CliError {
    let last = epoch.or_else(|| rewards.proposals.last().map(|proposal| proposal.epoch));
    let state = last.map(|epoch| (epoch, rewards.state(epoch)));
    match state {
        Some((epoch, Ok(state))) if !state.root.is_zero() => CliError::new(
            Kind::Failed,
            format!("epoch {epoch} of rewards is {}, so it cannot be claimed from", state.status.as_str()),
        )
        .hint(format!(
            "its window ends at {} (seconds since 1970); mira chain warp lets time pass here",
            state.activates_at
        )),
        Some((_, Err(error))) => error,
        _ => CliError::new(Kind::NotFound, "no such epoch of rewards was proposed").hint("mira rewards propose"),
    }
}
