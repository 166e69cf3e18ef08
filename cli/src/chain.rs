//! What commands that talk to a chain begin with: which chain, who pays, and what was sent before.
//!
//! ```text
//! .mira/chain/local              the workspace's own chain
//! .mira/chain/deployment.json    the contracts, per chain
//! .mira/chain/outbox.sqlite      transactions, before and after they are sent
//! $MIRA_HOME/keys/evm/           accounts: NAME.local-key for the local chain, keystores for others
//! ```

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mira_anchor::chain::{ChainError, Client, FileError, LocalError};
use mira_anchor::deployment::{Deployment, Deployments};
use mira_anchor::endpoint::Endpoint;
use mira_anchor::outbox::{Job, Outbox, Stage};
use mira_anchor::sender::{Intent, Resumed, SendError, Sender};
use mira_anchor::wallet::{Wallet, WalletError};
use mira_anchor::{Address, U256};
use serde::Serialize;

use crate::clock;
use crate::commands::key::passphrase;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::home::Home;
use crate::output::Output;
use crate::session::Session;
use crate::workspace::Workspace;

/// The account that pays on the local chain where no other is chosen.
pub const LOCAL_ACCOUNT: &str = "dev";
/// The longest time that is asked for, in seconds: a hundred years.
const MAX_DURATION: u64 = 36_500 * 86_400;
/// Decimals of the token.
const DECIMALS: usize = 18;

/// Which chain.
#[derive(Debug, Clone, Args)]
pub struct ChainArgs {
    /// The chain: `local`, the workspace's own, or the URL of a node (default: MIRA_CHAIN, else ETH_RPC_URL,
    /// else local)
    #[arg(long, value_name = "URL")]
    chain: Option<String>,
}

/// Which chain, and who pays on it.
#[derive(Debug, Clone, Args)]
pub struct PayArgs {
    #[command(flatten)]
    chain: ChainArgs,
    /// The account that pays: on the local chain any name, which is made if it is new; elsewhere a keystore as `cast
    /// wallet` makes them, opened by the password in MIRA_PASSPHRASE_FILE
    #[arg(long, env = "MIRA_ACCOUNT", hide_env_values = true, value_name = "NAME")]
    account: Option<String>,
}

/// What to do instead of paying.
#[derive(Debug, Clone, Copy, Args)]
pub struct SpendArgs {
    /// Say whether the contract would take it, and send nothing
    #[arg(long, conflicts_with = "unsigned")]
    dry_run: bool,
    /// Print the call, for another wallet to sign and send
    #[arg(long)]
    unsigned: bool,
}

/// An open chain, an account on it, and the workspace's files about it.
#[derive(Debug)]
pub struct ChainSession {
    /// The chain.
    pub client: Client,
    /// The account.
    pub wallet: Wallet,
    /// What was sent.
    pub outbox: Outbox,
    /// The contracts.
    pub deployments: Deployments,
}

#[derive(Serialize)]
struct CallsDocument {
    schema: &'static str,
    calls: Vec<CallDocument>,
}

#[derive(Serialize)]
struct CallDocument {
    schema: &'static str,
    purpose: String,
    chain_id: String,
    from: String,
    to: Option<String>,
    data: String,
    value: String,
    gas: Option<String>,
}

impl SpendArgs {
    /// Whether anything but paying is asked for.
    pub fn is_any(self) -> bool {
        self.dry_run || self.unsigned
    }
}

impl ChainArgs {
    /// Where the chain is.
    pub fn endpoint(&self, workspace: &Workspace) -> Result<Endpoint> {
        let text = self.chain.clone().or_else(|| variable("MIRA_CHAIN")).or_else(|| variable("ETH_RPC_URL"));
        parse_endpoint(text.as_deref().unwrap_or("local"), Some(workspace))
    }

    /// Connects.
    pub fn connect(&self, workspace: &Workspace) -> Result<Client> {
        Client::connect(&self.endpoint(workspace)?).map_err(unreachable)
    }

    /// Connects to read only, which several may do at once.
    pub fn connect_to_read(&self, workspace: &Workspace) -> Result<Client> {
        Client::connect_to_read(&self.endpoint(workspace)?).map_err(unreachable)
    }
}

impl PayArgs {
    /// The chain alone.
    pub fn chain(&self) -> &ChainArgs {
        &self.chain
    }

    /// Where the chain is. Keys of demos stay on local chains.
    fn endpoint(&self, session: &Session) -> Result<Endpoint> {
        let endpoint = self.chain.endpoint(&session.workspace)?;
        if !endpoint.is_local() {
            session.refuse_demo_key()?;
        }
        Ok(endpoint)
    }

    /// Opens all of it. The caller holds the workspace's lock.
    pub fn open(&self, session: &Session, output: &Output) -> Result<ChainSession> {
        let endpoint = self.endpoint(session)?;
        let wallet = self.wallet(&session.home, &endpoint, output)?;
        let client = Client::connect(&endpoint).map_err(unreachable)?;
        ChainSession::new(&session.workspace, client, wallet)
    }

    /// The same, and makes the local chain if that is wanted and not there. One that is recorded is not made again: a new
    /// one is another chain.
    pub fn open_or_create(&self, session: &Session, output: &Output) -> Result<ChainSession> {
        let endpoint = self.endpoint(session)?;
        if let Endpoint::Local(path) = &endpoint
            && !path.exists()
            && let Some(lost) = load_deployments(&session.workspace)?.all().iter().find(|it| it.identity().local)
        {
            return Err(CliError::new(
                Kind::Failed,
                format!(
                    "the local chain of genesis {} was lost, with its anchors and payments",
                    lost.identity().genesis
                ),
            )
            .at(path.display().to_string())
            .hint("put the file back; or, to begin another chain, move .mira/chain/deployment.json aside"));
        }
        let wallet = self.wallet(&session.home, &endpoint, output)?;
        let client = match &endpoint {
            Endpoint::Local(path) if !path.exists() => {
                make_dir(&session.workspace)?;
                let now = u64::try_from(clock::now()?.unix_seconds()).unwrap_or_default();
                let client = Client::create_local(path, &[wallet.address()], now).kind(Kind::Failed)?;
                output.talk("made the local chain: one operator, and no independent time");
                client
            }
            endpoint => Client::connect(endpoint).map_err(unreachable)?,
        };
        ChainSession::new(&session.workspace, client, wallet)
    }

    fn wallet(&self, home: &Home, endpoint: &Endpoint, output: &Output) -> Result<Wallet> {
        let dir = accounts(home);
        if endpoint.is_local() {
            let name = self.account.as_deref().unwrap_or(LOCAL_ACCOUNT);
            let new = !Wallet::has_local(&dir, name);
            let wallet = Wallet::local(&dir, name).map_err(account_error)?;
            if new {
                output.talk(format_args!("made the account {name} for local chains, {:#x}", wallet.address()));
            }
            return Ok(wallet);
        }
        let name = self.account.as_deref().ok_or_else(|| {
            CliError::new(Kind::Usage, "no account to pay from")
                .hint("--account NAME, or MIRA_ACCOUNT, names a keystore")
        })?;
        let foundry = variable("HOME").map(|home| PathBuf::from(home).join(".foundry/keystores"));
        let dirs: Vec<PathBuf> = [Some(dir), foundry].into_iter().flatten().collect();
        let path = Wallet::find_keystore(&dirs, name).map_err(account_error)?;
        let password = passphrase()?.ok_or_else(|| {
            CliError::new(Kind::Config, format!("the keystore {name:?} is encrypted"))
                .hint("MIRA_PASSPHRASE_FILE names a file with its password")
        })?;
        Wallet::keystore(&path, &password).map_err(account_error)
    }
}

impl ChainSession {
    fn new(workspace: &Workspace, client: Client, wallet: Wallet) -> Result<Self> {
        make_dir(workspace)?;
        let outbox = Outbox::open(&workspace.path("chain/outbox.sqlite")).kind(Kind::Failed)?;
        let deployments = load_deployments(workspace)?;
        Ok(Self { client, wallet, outbox, deployments })
    }

    /// The contracts on this chain, all of them there and what they were when they were recorded.
    pub fn deployment(&self) -> Result<Deployment> {
        deployment_on(&self.deployments, &self.client)
    }

    /// Sends from the account.
    pub fn sender(&mut self) -> Result<Sender<'_>> {
        let sender = Sender::new(&self.client, &self.wallet, &mut self.outbox).map_err(send_error)?;
        Ok(sender.waiting(wait()))
    }

    /// Brings what earlier runs began to its end, and says so: a run that was cut off leaves transactions behind that
    /// others would have to wait for.
    pub fn resume(&mut self, output: &Output) -> Result<Vec<Resumed>> {
        let resumed = self.sender()?.resume().map_err(send_error)?;
        for job in &resumed {
            let purpose = &job.purpose;
            let lost = match (job.was_lost, job.sent.stage) {
                (false, _) => "",
                (true, Stage::Superseded) => ", which the chain does not have any more,",
                (true, _) => ", which the chain did not have any more and was sent again,",
            };
            let now = match (job.sent.stage, job.sent.landed) {
                (Stage::Reverted, _) => "was refused by the contract".to_owned(),
                (_, Some(landed)) => format!("is in block {}", landed.block.number),
                (stage, None) if stage.is_open() => "waits for a block".to_owned(),
                (_, None) if job.was_lost => "is given up".to_owned(),
                (_, None) => "was done by somebody else".to_owned(),
            };
            output.talk(format_args!("{purpose}, begun by an earlier run{lost} {now}"));
        }
        Ok(resumed)
    }

    /// Does what `spend` asks for in place of sending, if it asks for anything; says whether it did.
    pub fn instead(&self, intent: &Intent, spend: SpendArgs, output: &Output) -> Result<bool> {
        if !spend.is_any() {
            return Ok(false);
        }
        let call = self.call(intent, spend)?;
        if output.is_json() {
            output.document(&call);
        } else {
            call.print(spend, output);
        }
        Ok(true)
    }

    /// The same for calls of which each needs the one before it: one document with all of them, in order.
    pub fn instead_all(&self, intents: &[Intent], spend: SpendArgs, output: &Output) -> Result<()> {
        let mut calls = Vec::new();
        for intent in intents {
            // What a call would take that needs another one first, no node can say before that one is in a block.
            let asked = SpendArgs { dry_run: spend.dry_run && calls.is_empty(), ..spend };
            calls.push(self.call(intent, asked)?);
        }
        if output.is_json() {
            output.document(&CallsDocument { schema: "mira.calls/1", calls });
        } else {
            calls.iter().for_each(|call| call.print(spend, output));
        }
        Ok(())
    }

    fn call(&self, intent: &Intent, spend: SpendArgs) -> Result<CallDocument> {
        let from = self.wallet.address();
        let gas = match spend.dry_run {
            true => Some(self.client.estimate_gas(from, intent.to, &intent.input, intent.value).map_err(unreachable)?),
            false => None,
        };
        Ok(CallDocument {
            schema: "mira.call/1",
            purpose: intent.purpose.clone(),
            chain_id: self.client.identity().chain_id.to_string(),
            from: hex(from),
            to: intent.to.map(hex),
            data: intent.input.to_string(),
            value: intent.value.to_string(),
            gas: gas.map(|gas| gas.to_string()),
        })
    }
}

impl CallDocument {
    fn print(&self, spend: SpendArgs, output: &Output) {
        match &self.gas {
            Some(gas) => output.data(format_args!("{} would take {gas} gas; nothing was sent", self.purpose)),
            None if spend.dry_run => {
                output.data(format_args!("{} would follow; its gas is known when that is in a block", self.purpose));
            }
            None => {
                output.data(format_args!("to    {}", self.to.as_deref().unwrap_or("(a new contract)")));
                output.data(format_args!("data  {}", self.data));
                output.data(format_args!("value {}", self.value));
            }
        }
    }
}

/// The contracts of a workspace on the chain of `client`.
pub fn deployment_on(deployments: &Deployments, client: &Client) -> Result<Deployment> {
    let found = deployments.on(client.identity()).filter(|found| found.is_complete()).cloned();
    let found = found.ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("this workspace has no contracts on {}", client.endpoint()))
            .hint("mira chain deploy makes them")
    })?;
    found.check(client).map_err(unreachable)?;
    Ok(found)
}

/// Everything that was sent to chains from this workspace; nothing is written.
pub fn sent(workspace: &Workspace) -> Result<Vec<Job>> {
    let path = workspace.path("chain/outbox.sqlite");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let jobs = Outbox::open_to_read(&path).and_then(|outbox| outbox.jobs()).kind(Kind::Failed);
    jobs.map_err(|error| error.at(path.display().to_string()))
}

/// The record of deployments.
pub fn load_deployments(workspace: &Workspace) -> Result<Deployments> {
    Deployments::load(&workspace.path("chain/deployment.json")).kind(Kind::Config)
}

/// Where accounts are kept.
pub fn accounts(home: &Home) -> PathBuf {
    home.dir().join("keys").join("evm")
}

/// Reads where a chain is; `local` needs a workspace.
pub fn parse_endpoint(text: &str, workspace: Option<&Workspace>) -> Result<Endpoint> {
    let local = workspace.map(|workspace| workspace.path("chain/local"));
    let endpoint = Endpoint::parse(text, local.clone().unwrap_or_default())
        .kind(Kind::Usage)
        .map_err(|error| error.hint("--chain local, --chain https://HOST or --chain http://127.0.0.1:8545"))?;
    if endpoint.is_local() && local.is_none() {
        return Err(CliError::new(Kind::NotFound, "there is no workspace, so there is no local chain"));
    }
    Ok(endpoint)
}

/// Gives an error of a chain its kind.
pub fn unreachable(error: ChainError) -> CliError {
    let text = chain(&error);
    match &error {
        ChainError::NoLocal { .. } => {
            CliError::new(Kind::NotFound, "this workspace has no local chain yet").hint("mira chain deploy makes one")
        }
        ChainError::Revert(_) => CliError::new(Kind::DoesNotVerify, text),
        ChainError::OtherChain { .. } | ChainError::OtherCode { .. } | ChainError::NoCode { .. } => {
            CliError::new(Kind::DoesNotVerify, text).hint("nothing was signed")
        }
        ChainError::Local(error) => match error.as_ref() {
            LocalError::File(FileError::Locked { .. } | FileError::Io { .. }) => CliError::new(Kind::Failed, text),
            LocalError::File(FileError::Torn { .. }) => CliError::new(Kind::DoesNotVerify, text)
                .hint("mira chain recover cuts off what was not written in full"),
            _ => CliError::new(Kind::DoesNotVerify, text),
        },
        _ => CliError::new(Kind::Failed, text),
    }
}

/// Gives an error of sending its kind.
pub fn send_error(error: SendError) -> CliError {
    match error {
        SendError::Chain(error) => unreachable(error),
        SendError::Reverted { .. } | SendError::Conflict { .. } => CliError::new(Kind::DoesNotVerify, chain(&error)),
        SendError::Outbox(error) => CliError::caused(Kind::Failed, &error),
        error => CliError::caused(Kind::Failed, &error),
    }
}

/// How a stage is called: what is on a local chain is local and nothing more.
pub fn status(stage: Stage, local: bool) -> &'static str {
    match stage {
        Stage::Signed | Stage::Broadcast => "pending",
        Stage::Reverted => "reverted",
        _ if local => "local",
        Stage::Mined | Stage::Superseded => "mined",
        Stage::Confirmed => "confirmed",
        Stage::Finalized => "finalized",
    }
}

/// An address in lower case.
pub fn hex(address: Address) -> String {
    format!("{address:#x}")
}

/// Reads an amount of tokens: decimal, with at most 18 digits after the point.
pub fn parse_amount(text: &str) -> std::result::Result<U256, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    let dotted = text.contains('.') && fraction.is_empty();
    if whole.is_empty() || dotted || !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
        return Err("expected an amount of tokens, like 12.5, with at most 18 digits after the point".to_owned());
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse().map_err(|_| "more tokens than there can be".to_owned())
}

/// Reads a length of time: seconds, or a number with s, m, h or d.
pub fn parse_duration(text: &str) -> std::result::Result<u64, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        Some((at, 'd')) => (text.get(..at), 86400),
        _ => (Some(text), 1),
    };
    let number = number.filter(|number| number.bytes().all(|c| c.is_ascii_digit()));
    let Some(number) = number.filter(|number| !number.is_empty()) else {
        return Err("expected a length of time, like 3600, 90s, 15m, 24h or 7d".to_owned());
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| *seconds <= MAX_DURATION).ok_or_else(|| "too long a time: at most 36500d".to_owned())
}

/// How long a command waits for a block.
pub fn wait() -> Duration {
    let seconds = variable("MIRA_CHAIN_WAIT").and_then(|text| text.parse().ok()).unwrap_or(120);
    Duration::from_secs(seconds)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn make_dir(workspace: &Workspace) -> Result<()> {
    let dir = workspace.path("chain");
    fs::create_dir_all(&dir)
        .map_err(|error| CliError::new(Kind::Failed, error.to_string()).at(dir.display().to_string()))
}

fn account_error(error: WalletError) -> CliError {
    let kind = match error {
        WalletError::Missing { .. } => Kind::NotFound,
        WalletError::Name { .. } => Kind::Usage,
        _ => Kind::Config,
    };
    let hint = match error {
        WalletError::Open { .. } => Some("a private key must be readable by you alone: chmod 600"),
        WalletError::Missing { .. } => Some("keystores are looked for in $MIRA_HOME/keys/evm and ~/.foundry/keystores"),
        _ => None,
    };
    let error = CliError::new(kind, chain(&error));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        let one = U256::from(10).pow(U256::from(18));
        assert_eq!(parse_amount("1"), Ok(one));
        assert_eq!(parse_amount("12.5"), Ok(one * U256::from(25) / U256::from(2)));
        assert_eq!(parse_amount("0.000000000000000001"), Ok(U256::from(1)));
        for bad in ["", ".", "1.", ".5", "-1", "1e3", "1,5", "0.0000000000000000001", &"9".repeat(70)] {
            assert!(parse_amount(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("24h", 86400), ("7d", 604_800)] {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
        for bad in ["", "d", "-1", "1w", "1.5h", "+5", "99999999999999999999", "300000000000000000d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_duration("36500d"), Ok(MAX_DURATION));
        for long in ["36501d", "99999999d", "99999999999999999999"] {
            assert!(parse_duration(long).unwrap_err().contains("too long"), "{long}");
        }
    }
}
