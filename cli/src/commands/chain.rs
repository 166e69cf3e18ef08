//! `mira chain`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use mira_anchor::abi::{MiraToken, RewardsDistributor};
use mira_anchor::chain::{Block, Client};
use mira_anchor::commitment::Committee;
use mira_anchor::deployment::{DeployError, Deployment, Plan};
use mira_anchor::outbox::{Job, Stage};
use mira_anchor::sender::{Intent, Resumed, Sent};
use mira_anchor::{Address, B256, Bytes, U256};
use mira_core::log::vkey::PublicKey;
use mira_core::statement::Kind as StatementKind;
use serde::Serialize;

use super::anchor::{anchor_error, origin_of};
use crate::args::Global;
use crate::chain::{
    ChainArgs, ChainSession, PayArgs, SpendArgs, deployment_on, hex, load_deployments, parse_amount, parse_duration,
    send_error, sent, status, unreachable,
};
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::ledger::log_key;
use crate::output::{Output, count};
use crate::session::Session;
use crate::trust::{Role, Trust, TrustedContract};

/// How long others can object to rewards before they are paid.
const WINDOW: u64 = 7 * 24 * 3600;
/// The same where nobody else can: the least that the contract takes.
const LOCAL_WINDOW: u64 = 24 * 3600;

/// What is taken where nothing else is said.
const RESOLUTION: &str = "3d";
const BOND: &str = "100";
const SUPPLY: &str = "1000000";

/// Deploy the contracts, fund them, and look at the chain
///
/// The workspace's own chain (`local`) is an EVM in this program and one file, `.mira/chain/local`: the same contracts
/// and the same signed transactions as on any other chain, and nobody's word but yours.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira chain deploy                                      on the local chain, which is made
  mira chain fund 250 --use statement:4f2a91c0           pay a fee for a logged use
  mira chain fund 1000 --pool                            pay into the common pool
  mira chain warp 7d                                     let a week pass on the local chain
  mira chain deploy --chain http://127.0.0.1:8545 --account deployer")]
pub struct ChainCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Deploy token, registry and distributor, and register this log
    Deploy(DeployArgs),
    /// Pay tokens into the distributor
    Fund(FundArgs),
    /// Let time pass on the local chain
    #[command(after_help = "Examples:
  mira chain warp 7d
  mira chain warp 3600")]
    Warp {
        /// How long: seconds, or 90s, 15m, 24h, 7d
        #[arg(value_parser = parse_duration)]
        duration: u64,
        #[command(flatten)]
        chain: ChainArgs,
    },
    /// Make a block on the local chain
    #[command(after_help = "Examples:
  mira chain mine")]
    Mine {
        #[command(flatten)]
        chain: ChainArgs,
    },
    /// Cut off the last block of the local chain, if it was not written in full
    #[command(after_help = "Examples:
  mira chain recover")]
    Recover,
    /// Show the chain, the contracts and what waits to be sent
    #[command(after_help = "Examples:
  mira chain status
  mira chain status --chain http://127.0.0.1:8545")]
    Status {
        #[command(flatten)]
        chain: ChainArgs,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira chain deploy
  mira chain deploy --window 7d --supply 1000000")]
struct DeployArgs {
    #[command(flatten)]
    pay: PayArgs,
    /// From a proposal of rewards to when it can be claimed, at least 24h (default: 7d, and 24h on the local chain)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    window: Option<u64>,
    /// What the guardian has to answer a dispute
    #[arg(long, value_name = "DURATION", default_value = RESOLUTION, value_parser = parse_duration)]
    resolution: u64,
    /// What a dispute costs until it is answered, in tokens
    #[arg(long, value_name = "AMOUNT", default_value = BOND, value_parser = parse_amount)]
    bond: U256,
    /// How many tokens there are; all go to the account that deploys
    #[arg(long, value_name = "AMOUNT", default_value = SUPPLY, value_parser = parse_amount)]
    supply: U256,
    /// Who proposes rewards (default: the account that deploys)
    #[arg(long, value_name = "ADDRESS")]
    proposer: Option<Address>,
    /// Who may stop a proposal in its window (default: the account that deploys)
    #[arg(long, value_name = "ADDRESS")]
    guardian: Option<Address>,
    /// Say what would be deployed, and send nothing
    #[arg(long)]
    dry_run: bool,
}

impl DeployArgs {
    /// Whether anything is asked of the contracts that is not the default.
    fn shapes_contracts(&self) -> bool {
        self.window.is_some()
            || self.proposer.is_some()
            || self.guardian.is_some()
            || parse_duration(RESOLUTION) != Ok(self.resolution)
            || parse_amount(BOND) != Ok(self.bond)
            || parse_amount(SUPPLY) != Ok(self.supply)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira chain fund --pool 1000")]
struct FundArgs {
    /// How much, in tokens
    #[arg(value_parser = parse_amount)]
    amount: U256,
    /// For the use that this statement of the log records
    #[arg(long = "use", value_name = "REF", conflicts_with = "pool")]
    usage: Option<String>,
    /// For all
    #[arg(long)]
    pool: bool,
    #[command(flatten)]
    pay: PayArgs,
    #[command(flatten)]
    spend: SpendArgs,
}

#[derive(Serialize)]
struct DeployDocument {
    schema: &'static str,
    chain: String,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    genesis: String,
    origin: String,
    origin_id: String,
    deployer: String,
    token: Option<Contract>,
    registry: Option<Contract>,
    distributor: Option<Contract>,
    unchanged: bool,
}

#[derive(Serialize)]
struct Contract {
    address: String,
    tx: String,
    code_hash: String,
}

#[derive(Serialize)]
struct FundDocument {
    schema: &'static str,
    statement: Option<String>,
    amount: String,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    contract: String,
    tx: Option<String>,
    block: Option<u64>,
    status: &'static str,
}

#[derive(Serialize)]
struct BlockDocument {
    schema: &'static str,
    block: u64,
    hash: String,
    #[serde(serialize_with = "count")]
    timestamp: u64,
}

#[derive(Serialize)]
struct StatusDocument {
    schema: &'static str,
    chain: String,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    genesis: String,
    block: u64,
    #[serde(serialize_with = "count")]
    timestamp: u64,
    local: bool,
    deployment: Option<DeploymentLine>,
    outbox: Vec<JobLine>,
}

#[derive(Serialize)]
struct DeploymentLine {
    token: String,
    registry: String,
    distributor: String,
    origin_id: String,
    #[serde(serialize_with = "count")]
    anchored_epoch: u64,
    #[serde(serialize_with = "count")]
    anchored_size: u64,
    funded: String,
}

#[derive(Serialize)]
struct JobLine {
    purpose: String,
    stage: &'static str,
    nonce: u64,
    tx: Option<String>,
}

/// Runs the action.
pub fn run(args: &ChainCommand, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    // Looking writes nothing.
    let _lock = match &args.action {
        Action::Status { .. } => None,
        _ => Some(session.workspace.lock()?),
    };
    match &args.action {
        Action::Deploy(args) => deploy(args, &session, output),
        Action::Fund(args) => fund(args, &session, output),
        Action::Warp { duration, chain } => {
            let client = chain.connect(&session.workspace)?;
            made(&client.warp(*duration).map_err(not_for_development)?, output)
        }
        Action::Mine { chain } => {
            let client = chain.connect(&session.workspace)?;
            made(&client.mine().map_err(not_for_development)?, output)
        }
        Action::Recover => {
            let lost = Client::recover_local(&session.workspace.path("chain/local")).map_err(unreachable)?;
            if output.is_json() {
                output.document(&serde_json::json!({ "schema": "mira.chain-recover/1", "bytes_lost": lost }));
            } else {
                output.data(match lost {
                    0 => "the local chain is whole".to_owned(),
                    lost => format!("cut off {lost} bytes of a block that nobody was told of"),
                });
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Status { chain } => show(&chain.connect_to_read(&session.workspace)?, &session, output),
    }
}

fn deploy(args: &DeployArgs, session: &Session, output: &Output) -> Result {
    let key = log_key(&session.workspace)?;
    let PublicKey::Note(log_key) = key.public() else {
        return Err(CliError::new(Kind::Config, "the log's key is no key of a log"));
    };
    let mut chain = args.pay.open_or_create(session, output)?;
    let account = chain.wallet.address();
    let plan = Plan {
        origin: key.name().to_string(),
        log_key: *log_key.as_bytes(),
        committee: Committee::of_one(account).kind(Kind::Failed)?,
        supply: args.supply,
        proposer: args.proposer.unwrap_or(account),
        guardian: args.guardian.unwrap_or(account),
        window: args.window.unwrap_or(if chain.client.identity().local { LOCAL_WINDOW } else { WINDOW }),
        resolution: args.resolution,
        bond: args.bond,
    };
    if args.dry_run {
        let done = chain.deployments.on(chain.client.identity()).is_some_and(Deployment::is_complete);
        output.data(match done {
            true => "everything is deployed: nothing would be sent",
            false => "would deploy a token, a registry and a distributor, and register this log; nothing was sent",
        });
        return Ok(ExitCode::SUCCESS);
    }
    let before = chain.deployments.on(chain.client.identity()).cloned();
    chain.resume(output)?;
    let ChainSession { client, wallet, outbox, deployments } = &mut chain;
    let mut sender =
        mira_anchor::sender::Sender::new(client, wallet, outbox).map_err(send_error)?.waiting(crate::chain::wait());
    let deployment = deployments.deploy(&mut sender, &plan).map_err(deploy_error)?;
    drop(sender);
    trust(&deployment, session, &key)?;
    let unchanged = before.as_ref() == Some(&deployment);
    if before.is_some_and(|before| before.is_complete()) && args.shapes_contracts() {
        output.talk("the contracts are there and stay what they are: what was asked for them was ignored");
    }
    print_deployment(&deployment, &plan, account, unchanged, output);
    Ok(ExitCode::SUCCESS)
}

/// The user's own contracts are believed, as their own log is.
fn trust(deployment: &Deployment, session: &Session, key: &mira_core::log::vkey::VerifierKey) -> Result<()> {
    let mut trust = Trust::load(&session.home)?;
    let contracts = [(Role::Registry, deployment.registry), (Role::Distributor, deployment.distributor)];
    for (role, contract) in contracts.into_iter().filter_map(|(role, found)| Some((role, found?))) {
        let chain = mira_anchor::chain::Identity { local: false, ..deployment.identity() };
        trust.add_contract(TrustedContract {
            role,
            chain,
            address: contract.address,
            code_hash: contract.code_hash,
            origin_id: deployment.origin_id,
            origin: key.name().clone(),
        })?;
    }
    Ok(())
}

fn print_deployment(deployment: &Deployment, plan: &Plan, account: Address, unchanged: bool, output: &Output) {
    let contract = |contract: Option<mira_anchor::deployment::Contract>| {
        contract.map(|contract| Contract {
            address: hex(contract.address),
            tx: contract.tx.to_string(),
            code_hash: contract.code_hash.to_string(),
        })
    };
    let (token, registry) = (contract(deployment.token), contract(deployment.registry));
    let distributor = contract(deployment.distributor);
    if !output.is_json() {
        for (name, contract) in [("token", &token), ("registry", &registry), ("distributor", &distributor)] {
            let address = contract.as_ref().map_or("-", |contract| &contract.address);
            output.data(format_args!("{name:<12} {address}"));
        }
        output.talk(match unchanged {
            true => format!("deployed on {} already, nothing to do", deployment.chain),
            false => format!("deployed on {}; mira anchor puts the sealed epochs there", deployment.chain),
        });
        return;
    }
    let identity = deployment.identity();
    output.document(&DeployDocument {
        schema: "mira.chain.deploy/1",
        chain: deployment.chain.clone(),
        chain_id: identity.chain_id,
        genesis: identity.genesis.to_string(),
        origin: plan.origin.clone(),
        origin_id: deployment.origin_id.to_string(),
        deployer: hex(account),
        token,
        registry,
        distributor,
        unchanged,
    });
}

fn fund(args: &FundArgs, session: &Session, output: &Output) -> Result {
    let statement = match &args.usage {
        Some(reference) => {
            let found = session.find(reference)?;
            if found.record.kind != StatementKind::Use {
                return Err(CliError::new(Kind::Usage, format!("{reference} records no use"))
                    .hint("a fee is paid for a statement that mira record use made; --pool pays for all"));
            }
            Some(B256::from(*found.id.digest().as_bytes()))
        }
        None if args.pool => None,
        None => {
            return Err(CliError::new(Kind::Usage, "neither --use nor --pool says what is paid for")
                .hint("--use REF pays for a logged use, --pool for all"));
        }
    };
    if args.amount.is_zero() {
        return Err(CliError::new(Kind::Usage, "nothing is no amount to pay"));
    }
    let mut chain = args.pay.open(session, output)?;
    let deployment = chain.deployment()?;
    let (Some(token), Some(distributor)) = (deployment.token, deployment.distributor) else {
        return Err(CliError::new(Kind::NotFound, "there is no distributor").hint("mira chain deploy"));
    };
    let (token, distributor) = (token.address, distributor.address);
    // Before the others are brought to their end: a run that was cut off and is started again is one payment.
    let intent = fund_intent(&chain, distributor, statement.unwrap_or_default(), args.amount)?;
    if args.spend.is_any() {
        let calls = match approval(&chain, token, distributor, args.amount)? {
            Some(approval) => vec![approval, intent],
            None => vec![intent],
        };
        chain.instead_all(&calls, args.spend, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    let resumed = chain.resume(output)?;
    let waits = |job: &&Resumed| job.sent.stage.is_open() && job.purpose != intent.purpose;
    if let Some(job) = resumed.iter().find(waits) {
        // What it will have taken of the allowance, nobody can say yet.
        return Err(CliError::new(Kind::Failed, format!("{} still waits for a block", job.purpose))
            .hint("run this again when it is in one"));
    }
    // A job that is there was approved before it was signed; one that did not happen is tried again from the beginning.
    if job(&chain, &intent)?.is_none_or(|job| matches!(job.stage, Stage::Reverted | Stage::Superseded)) {
        approve(&mut chain, token, distributor, args.amount)?;
    }
    let sent = chain.sender()?.send(&intent).map_err(send_error)?;
    print_fund(&chain.client, distributor, statement, args.amount, &sent, output);
    Ok(ExitCode::SUCCESS)
}

/// The payment of this amount that was begun and has not ended, else a new one: paying the same twice is two payments,
/// and running a command again that was cut off is one.
fn fund_intent(chain: &ChainSession, distributor: Address, statement: B256, amount: U256) -> Result<Intent> {
    let input = mira_anchor::calls::fund(statement, amount);
    begun_or_next(chain, distributor, &format!("fund/{statement}/"), input)
}

/// The last open job of these that makes this call, else the next of them.
fn begun_or_next(chain: &ChainSession, to: Address, prefix: &str, input: Bytes) -> Result<Intent> {
    let jobs = on_chain(chain.outbox.jobs().kind(Kind::Failed)?, &chain.client);
    let earlier: Vec<&Job> =
        jobs.iter().filter(|job| job.key.contract == Some(to) && job.key.purpose.starts_with(prefix)).collect();
    let begun = earlier.iter().rev().find(|job| job.stage.is_open() && job.call.input == input);
    let purpose = begun.map_or_else(|| format!("{prefix}{}", earlier.len()), |job| job.key.purpose.clone());
    Ok(Intent { purpose, to: Some(to), input, value: U256::ZERO })
}

fn job(chain: &ChainSession, intent: &Intent) -> Result<Option<Job>> {
    let key = mira_anchor::outbox::Key {
        chain: chain.client.identity(),
        contract: intent.to,
        purpose: intent.purpose.clone(),
    };
    chain.outbox.job(&key).kind(Kind::Failed)
}

/// Lets the distributor take the amount, unless it may already.
fn approve(chain: &mut ChainSession, token: Address, distributor: Address, amount: U256) -> Result<()> {
    let Some(intent) = approval(chain, token, distributor, amount)? else { return Ok(()) };
    let sent = chain.sender()?.send(&intent).map_err(send_error)?;
    if sent.stage.is_open() {
        return Err(CliError::new(Kind::Failed, format!("{} waits for a block", intent.purpose))
            .hint("run this again: it goes on from there"));
    }
    Ok(())
}

/// What lets the distributor take the amount; nothing if it may already.
fn approval(chain: &ChainSession, token: Address, distributor: Address, amount: U256) -> Result<Option<Intent>> {
    let owner = chain.wallet.address();
    let allowed =
        chain.client.view(token, &MiraToken::allowanceCall { owner, spender: distributor }).map_err(unreachable)?;
    let held = chain.client.view(token, &MiraToken::balanceOfCall { account: owner }).map_err(unreachable)?;
    if held < amount {
        return Err(CliError::new(
            Kind::Failed,
            format!("the account {} has {held} base units of the token, and {amount} are to be paid", hex(owner)),
        ));
    }
    if allowed >= amount {
        return Ok(None);
    }
    let input = mira_anchor::calls::approve(distributor, amount);
    begun_or_next(chain, token, &format!("approve/{}/", hex(distributor)), input).map(Some)
}

fn print_fund(client: &Client, contract: Address, statement: Option<B256>, amount: U256, sent: &Sent, output: &Output) {
    let status = status(sent.stage, client.identity().local);
    let (tx, block) = (sent.tx.map(|tx| tx.to_string()), sent.landed.map(|landed| landed.block.number));
    if output.is_json() {
        output.document(&FundDocument {
            schema: "mira.chain.fund/1",
            statement: statement.map(|statement| format!("{statement:x}")),
            amount: amount.to_string(),
            chain_id: client.identity().chain_id,
            contract: hex(contract),
            tx,
            block,
            status,
        });
        return;
    }
    let what = statement.map_or_else(|| "the pool".to_owned(), |statement| format!("{statement:x}"));
    output.data(format_args!("paid {amount} base units for {what}: {status}, tx {}", tx.unwrap_or_default()));
}

fn made(block: &Block, output: &Output) -> Result {
    if output.is_json() {
        let (hash, timestamp) = (block.hash.to_string(), block.timestamp);
        output.document(&BlockDocument { schema: "mira.chain.block/1", block: block.number, hash, timestamp });
    } else {
        output.data(format_args!("block {} at {}", block.number, block.timestamp));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(client: &Client, session: &Session, output: &Output) -> Result {
    let identity = client.identity();
    let head = client.head().map_err(unreachable)?;
    let deployments = load_deployments(&session.workspace)?;
    let complete = deployments.on(identity).is_some_and(Deployment::is_complete);
    let deployment = complete.then(|| deployment_line(client, &deployment_on(&deployments, client)?)).transpose()?;
    let jobs = on_chain(sent(&session.workspace)?, client);
    let outbox: Vec<JobLine> = jobs.into_iter().filter(|job| !job.stage.is_done()).map(job_line).collect();
    let document = StatusDocument {
        schema: "mira.chain.status/1",
        chain: client.endpoint().to_string(),
        chain_id: identity.chain_id,
        genesis: identity.genesis.to_string(),
        block: head.number,
        timestamp: head.timestamp,
        local: identity.local,
        deployment,
        outbox,
    };
    if output.is_json() {
        output.document(&document);
        return Ok(ExitCode::SUCCESS);
    }
    let whose = if identity.local { " (one operator, no independent time)" } else { "" };
    output
        .data(format_args!("chain        {}{whose}, id {}, block {}", document.chain, identity.chain_id, head.number));
    if let Some(found) = &document.deployment {
        output.data(format_args!("token        {}", found.token));
        output.data(format_args!("registry     {}: epoch {}", found.registry, found.anchored_epoch));
        output.data(format_args!("distributor  {}: {} base units paid in", found.distributor, found.funded));
    }
    for job in &document.outbox {
        output.data(format_args!("{:<12} {}", job.stage, job.purpose));
    }
    Ok(ExitCode::SUCCESS)
}

fn deployment_line(client: &Client, deployment: &Deployment) -> Result<DeploymentLine> {
    let origin = origin_of(deployment)?;
    let head = origin.head(client).map_err(anchor_error)?;
    let (Some(token), Some(distributor)) = (deployment.token, deployment.distributor) else {
        return Err(CliError::new(Kind::NotFound, "there is no distributor").hint("mira chain deploy"));
    };
    let funded = client.view(distributor.address, &RewardsDistributor::fundedCall {}).map_err(unreachable)?;
    Ok(DeploymentLine {
        token: hex(token.address),
        registry: hex(origin.registry),
        distributor: hex(distributor.address),
        origin_id: deployment.origin_id.to_string(),
        anchored_epoch: head.epoch.value(),
        anchored_size: head.size,
        funded: funded.to_string(),
    })
}

fn job_line(job: Job) -> JobLine {
    JobLine {
        stage: job.stage.as_str(),
        nonce: job.nonce,
        tx: job.attempts.last().map(|attempt| attempt.signed.tx.to_string()),
        purpose: job.key.purpose,
    }
}

/// What of it was sent to this chain.
fn on_chain(jobs: Vec<Job>, client: &Client) -> Vec<Job> {
    jobs.into_iter().filter(|job| job.key.chain.is(&client.identity())).collect()
}

fn deploy_error(error: DeployError) -> CliError {
    match error {
        DeployError::Send(error) => send_error(error),
        DeployError::Chain(error) => unreachable(error),
        DeployError::Pending { .. } => {
            CliError::new(Kind::Failed, chain(&error)).hint("run this again: it goes on from there")
        }
        DeployError::OtherCode { .. } => CliError::new(Kind::DoesNotVerify, chain(&error)),
        error => CliError::new(Kind::Config, chain(&error)),
    }
}

fn not_for_development(error: mira_anchor::chain::ChainError) -> CliError {
    match error {
        mira_anchor::chain::ChainError::Refused { .. } => {
            CliError::new(Kind::Usage, "only the local chain and other chains for development do this")
        }
        error => unreachable(error),
    }
}
