//! `mira rewards`

mod policy;
mod propose;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mira_anchor::chain::Client;
use mira_anchor::distributor::State;
use mira_anchor::reward::{MAX_POLICY, Share, Step};
use mira_core::digest::{ContributorId, Digest, StatementId};
use mira_core::fold::Fold;
use mira_core::statement::Kind as StatementKind;
use serde::Serialize;

use crate::args::Global;
use crate::chain::{ChainArgs, deployment_on, hex, load_deployments, unreachable};
use crate::error::{CliError, Kind, Result};
use crate::output::{JsonMode, Output, count, escape};
use crate::read_file;
use crate::rewarding::{Computed, Rewards};
use crate::session::Session;

/// Compute who has earned what
///
/// What was paid into the distributor is divided by the policy in force: among runs, roles, and the contributors of the
/// rows that were used, each row counting for whoever logged it first. Anybody with the same log, rows and chain gets the
/// same amounts. Without --epoch this is the epoch that could be proposed next, or, if nothing new was paid in, the last one
/// that was proposed.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  mira rewards
  mira rewards --epoch 1 --mine
  mira rewards --model imagenet-tiny
  mira rewards policy new -o policy.json && mira rewards policy log policy.json
  mira rewards propose"
)]
pub struct RewardsArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Which epoch of rewards (default: the next one)
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// Show your own amounts only
    #[arg(long)]
    mine: bool,
    /// Show also how the budget of this model's run was divided
    #[arg(long, value_name = "REF")]
    model: Option<String>,
    /// Compute by this policy, where none is in force or to see what it would do
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make, log and show the policy that rewards follow
    Policy(policy::PolicyArgs),
    /// Propose the next epoch to the distributor's contract
    Propose(propose::ProposeArgs),
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(serialize_with = "count")]
    epoch: u64,
    policy: String,
    unit: String,
    budget: String,
    allocation_digest: String,
    root: String,
    distributor: String,
    allocations: Vec<Line>,
    total: String,
    manifest: String,
    #[serde(serialize_with = "count")]
    log_epoch: u64,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    /// `computed` here only, or what the contract says: pending, active, disputed, vetoed.
    status: &'static str,
    /// From when on it can be claimed, in seconds since 1970.
    activates_at: Option<u64>,
    /// Whether the policy is in force and the log's epoch anchored, so that this can be proposed.
    proposable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Vec<StepLine>>,
}

#[derive(Serialize)]
struct Line {
    contributor: String,
    label: Option<String>,
    amount: String,
    cumulative: String,
    payout: String,
}

#[derive(Serialize)]
struct StepLine {
    step: &'static str,
    amount: String,
    parts: Vec<(String, String)>,
}

/// Runs the action.
pub fn run(args: &RewardsArgs, global: &Global, output: &Output) -> Result {
    match &args.action {
        None => show(args, global, output),
        Some(Action::Policy(args)) => policy::run(args, global, output),
        Some(Action::Propose(args)) => propose::run(args, global, output),
    }
}

fn show(args: &RewardsArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let client = args.chain.connect_to_read(&session.workspace)?;
    let deployment = deployment_on(&load_deployments(&session.workspace)?, &client)?;
    let rewards = Rewards::open(&session, &client, &deployment)?;
    let policy = args.policy.as_deref().map(|path| read_policy(path).map(|policy| policy.to_bytes())).transpose()?;
    let computed = rewards.compute(args.epoch.unwrap_or_else(|| rewards.next_number()), policy.as_deref())?;
    let computed = match rewards.proposals.last() {
        // Nothing new to divide: the last proposal says more.
        Some(last) if args.epoch.is_none() && policy.is_none() && computed.allocation.manifest.budget.is_zero() => {
            rewards.compute(last.epoch, None)?
        }
        _ => computed,
    };
    if let Some(policy) = &policy
        && computed.state.is_some()
        && Digest::of(policy) != computed.allocation.manifest.policy
    {
        let manifest = &computed.allocation.manifest;
        return Err(CliError::new(
            Kind::Usage,
            format!("epoch {} was proposed, by policy {}: no other can apply to it", manifest.epoch, manifest.policy),
        )
        .hint("without --epoch the file is applied to the epoch that could be proposed next"));
    }
    if computed.in_force {
        // Views, which the next one makes as well: a workspace that another writes to, or nobody may, is no reason to fail.
        let kept = session.workspace.lock().and_then(|_lock| rewards.keep(&computed.allocation));
        if let Err(error) = kept {
            output.talk(format_args!("the files in .mira/rewards were not written: {}", error.message()));
        }
    }
    let fold = session.ledger.fold();
    let mine = args.mine.then(|| session.me()).transpose()?.flatten();
    if args.mine && mine.is_none() {
        return Err(CliError::new(Kind::NotFound, "you have no signing key").hint("mira key new"));
    }
    let model = args.model.as_deref().map(|text| model(&session, text)).transpose()?;
    let document = document(fold, &client, &rewards, &computed, mine, model)?;
    print(&document, &computed, output);
    Ok(ExitCode::SUCCESS)
}

/// The run of a model.
fn model(session: &Session, text: &str) -> Result<StatementId> {
    let found = session.find(text)?;
    match found.record.kind {
        StatementKind::Train => Ok(found.id),
        kind => Err(CliError::new(Kind::Usage, format!("{text} is a {kind}, not a model"))),
    }
}

fn document(
    fold: &Fold,
    client: &Client,
    rewards: &Rewards<'_>,
    computed: &Computed,
    mine: Option<ContributorId>,
    model: Option<StatementId>,
) -> Result<Document> {
    let allocation = &computed.allocation;
    let manifest = &allocation.manifest;
    let shares = allocation.amounts.shares.iter();
    let shown = shares.filter(|share| mine.is_none_or(|me| share.contributor == me));
    let of_model = |step: &&Step| model.is_some() && step.at == model;
    Ok(Document {
        schema: "mira.rewards/1",
        epoch: manifest.epoch,
        policy: manifest.policy.to_string(),
        unit: unit(client, rewards)?,
        budget: manifest.budget.to_string(),
        allocation_digest: manifest.allocation.to_string(),
        root: manifest.root.to_string(),
        distributor: hex(manifest.distributor.contract),
        allocations: shown.map(|share| line(fold, share)).collect(),
        total: manifest.total.to_string(),
        manifest: manifest.digest().to_string(),
        log_epoch: manifest.log_epoch,
        chain_id: manifest.distributor.chain_id,
        status: computed.state.map_or("computed", |state: State| state.status.as_str()),
        activates_at: computed.state.map(|state| state.activates_at),
        proposable: computed.state.is_none() && computed.in_force && computed.anchored,
        model: model.map(|_| allocation.amounts.trace.steps().iter().filter(of_model).map(step_line).collect()),
    })
}

fn line(fold: &Fold, share: &Share) -> Line {
    Line {
        contributor: share.contributor.to_string(),
        label: fold.contributor(&share.contributor).and_then(|who| who.label()).map(ToString::to_string),
        amount: share.amount.to_string(),
        cumulative: share.cumulative.to_string(),
        payout: hex(share.payout),
    }
}

fn step_line(step: &Step) -> StepLine {
    StepLine {
        step: step.kind.as_str(),
        amount: step.amount.to_string(),
        parts: step.parts.iter().map(|(id, amount)| (id.clone(), amount.to_string())).collect(),
    }
}

/// What amounts count: the token's smallest unit.
fn unit(client: &Client, rewards: &Rewards<'_>) -> Result<String> {
    let (symbol, decimals) = rewards.contract.unit(client).map_err(unreachable)?;
    Ok(format!("10^-{decimals} {}", escape(&symbol.chars().take(20).collect::<String>())))
}

fn print(document: &Document, computed: &Computed, output: &Output) {
    match output.json {
        JsonMode::Document => output.document(document),
        JsonMode::Lines => document.allocations.iter().for_each(|line| output.document(line)),
        JsonMode::Off => {
            output.data(format_args!(
                "epoch {} of rewards, by epoch {} of the log: {} ({})",
                document.epoch, document.log_epoch, document.status, document.unit
            ));
            output.data(format_args!("budget {}, root {}", document.budget, document.root));
            for line in &document.allocations {
                let who = line.label.clone().unwrap_or_else(|| format!("{:.16}", line.contributor));
                let payout =
                    if line.payout.bytes().all(|c| matches!(c, b'0' | b'x')) { "unbound" } else { &line.payout };
                output.data(format_args!(
                    "{:>24}  {:>24}  {:<20}  {payout}",
                    line.amount,
                    line.cumulative,
                    escape(&who)
                ));
            }
            for step in document.model.iter().flatten() {
                output.data(format_args!("{:>24}  {}", step.amount, step.step));
                for (id, amount) in &step.parts {
                    output.data(format_args!("{amount:>28}  {id:.16}"));
                }
            }
        }
    }
    if !computed.in_force {
        output.talk("this policy is not in force: nothing can be proposed by it");
    } else if !computed.anchored {
        output.talk("no epoch of the log is anchored yet, so this cannot be proposed: mira anchor");
    }
}

/// Reads a policy in any spelling of JSON.
fn read_policy(path: &Path) -> Result<mira_anchor::reward::Policy> {
    let at = |error: CliError| error.at(path.display().to_string());
    let bytes = read_file::bounded(path, MAX_POLICY)?;
    let text = String::from_utf8(bytes).map_err(|_| at(CliError::new(Kind::Usage, "not JSON: not UTF-8")))?;
    policy::parse(&text).map_err(at)
}
