//! `mira rewards policy`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mira_anchor::reward::{History, MAX_POLICY, Policy};
use mira_core::fold::{Accepted, Outcome};
use mira_core::json::{Json, SafeInt};
use mira_core::merkle::TreeHead;
use mira_core::statement::{self, Kind as StatementKind, Positive, Predicate};
use mira_lineage::epoch::{self, SealedEpoch};
use serde::Serialize;
use serde_json::Value;

use super::read_policy;
use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::{Output, count};
use crate::session::Session;
use crate::write_file;

/// Make, log and show the policy that rewards follow
///
/// The policy is a file; a statement in the log names its hash and the first epoch that follows it. Whoever logs the
/// first one keeps it: later ones count only from the same contributor, and never for an epoch that is sealed.
///
/// Without an action: shows the policy in force, or, in a log that has none, logs the standard one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira rewards policy
  mira rewards policy new -o policy.json
  mira rewards policy log policy.json --from-epoch 3
  mira rewards policy show")]
pub struct PolicyArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a policy to start from
    #[command(after_help = "Examples:
  mira rewards policy new
  mira rewards policy new -o policy.json --reserve sample-lab")]
    New {
        /// The file
        #[arg(short, long, value_name = "FILE", default_value = "policy.json")]
        output: PathBuf,
        /// Who gets what nobody has earned: a label, did:key or contributor_id, or the name of a key (default: you)
        #[arg(long, value_name = "WHO")]
        reserve: Option<String>,
        /// Write over an existing file
        #[arg(long)]
        force: bool,
    },
    /// Put a policy in force
    #[command(after_help = "Examples:
  mira rewards policy log policy.json --from-epoch 3")]
    Log {
        /// The file, in any spelling of JSON (default: the standard policy, with you as the reserve)
        file: Option<PathBuf>,
        /// The first epoch of the log that follows it (default: the next one to be sealed)
        #[arg(long, value_name = "N")]
        from_epoch: Option<u64>,
    },
    /// Print the policy in force
    #[command(after_help = "Examples:
  mira rewards policy show")]
    Show,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    policy: String,
    statement: String,
    #[serde(serialize_with = "count", skip_serializing_if = "is_zero")]
    from_epoch: u64,
    rules: Value,
}

/// Runs the action.
pub fn run(args: &PolicyArgs, global: &Global, output: &Output) -> Result {
    match &args.action {
        Some(Action::New { output: path, reserve, force }) => new(path, reserve.as_deref(), *force, global, output),
        Some(Action::Log { file, from_epoch }) => log(file.as_deref(), *from_epoch, global, output),
        Some(Action::Show) => show(global, output),
        None => {
            let session = Session::open(global)?;
            let is_policy = |accepted: &Accepted| accepted.record.kind == StatementKind::Policy;
            let has_policy = session.ledger.history().iter().any(|event| match &event.outcome {
                Outcome::Accepted(accepted) => is_policy(accepted),
                Outcome::Refused(_) => false,
            });
            if has_policy { show(global, output) } else { log(None, None, global, output) }
        }
    }
}

/// Rules to start from; what nobody has earned is `reserve`'s, or the asker's.
fn standard(session: &Session, reserve: Option<&str>) -> Result<Policy> {
    let me = || CliError::new(Kind::NotFound, "nobody is named for the reserve, and you have no key");
    let reserve = match reserve {
        Some(who) => session.person(who)?,
        None => session.me()?.ok_or_else(|| me().hint("--reserve WHO, or mira key new"))?,
    };
    Ok(Policy::standard(session.ledger.fold().origin().clone(), reserve))
}

fn new(path: &Path, reserve: Option<&str>, force: bool, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let policy = standard(&session, reserve)?;
    let mut text = pretty(&policy);
    text.push('\n');
    write_file::whole(path, text.as_bytes(), force)?;
    if output.is_json() {
        let (file, digest) = (path.display().to_string(), policy.digest().to_string());
        output.document(&serde_json::json!({ "schema": "mira.policy-file/1", "file": file, "policy": digest }));
    }
    output.talk(format_args!("edit it, then: mira rewards policy log {}", path.display()));
    Ok(ExitCode::SUCCESS)
}

fn log(file: Option<&Path>, from_epoch: Option<u64>, global: &Global, output: &Output) -> Result {
    let mut session = Session::open(global)?;
    let _lock = session.workspace.lock()?;
    let policy = match file {
        Some(file) => read_policy(file)?,
        None => standard(&session, None)?,
    };
    let origin = session.ledger.fold().origin();
    if policy.origin != *origin {
        let message = format!("the policy is for the log {}, and this one is {origin}", policy.origin);
        return Err(CliError::new(Kind::DoesNotVerify, message));
    }
    let heads = heads(&session)?;
    let from_epoch = from_epoch.unwrap_or(heads.len() as u64 + 1);
    let from = Positive::new(from_epoch)
        .ok_or_else(|| CliError::new(Kind::Usage, "an epoch is a number from 1").hint("--from-epoch 1"))?;
    let signer = session.log_signer()?;
    let key = session.signing_key()?;
    // The file is durable before a statement names it.
    let digest = session.blobs().put(&policy.to_bytes())?;
    let predicate = Predicate::Policy(statement::Policy { policy: digest, from_epoch: from });
    let accepted = session.ledger.record(predicate, &key, &signer)?;
    let statement = accepted.statement_id.to_string();
    if output.is_json() {
        let rules = serde_json::from_slice(&policy.to_bytes()).kind(Kind::Failed)?;
        let policy = digest.to_string();
        output.document(&Document { schema: "mira.rewards.policy/1", policy, statement, from_epoch, rules });
    } else {
        output.data(format_args!("policy {digest} from epoch {from_epoch} of the log on"));
        output.talk("unsealed: it counts when the log's next epoch is sealed");
    }
    Ok(ExitCode::SUCCESS)
}

fn show(global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let heads = heads(&session)?;
    let accepted = session.ledger.history().iter().filter_map(|event| session.ledger.accepted(event.index));
    let history = History::new(session.ledger.fold().origin(), &heads, accepted);
    let in_force = history.policy().ok_or_else(|| {
        CliError::new(Kind::NotFound, "no policy is in force at the log's last epoch")
            .hint("mira rewards policy new, then mira rewards policy log, then mira seal")
    })?;
    let bytes = session.blobs().get(&in_force.policy, MAX_POLICY)?;
    let policy = Policy::parse(&bytes).kind(Kind::DoesNotVerify)?;
    if output.is_json() {
        let rules = serde_json::from_slice(&bytes).kind(Kind::Failed)?;
        let (policy, statement) = (in_force.policy.to_string(), in_force.statement.to_string());
        output.document(&Document { schema: "mira.rewards.policy/1", policy, statement, from_epoch: 0, rules });
    } else {
        output.data(pretty(&policy));
        output.talk(format_args!("policy {}", in_force.policy));
    }
    Ok(ExitCode::SUCCESS)
}

fn heads(session: &Session) -> Result<Vec<TreeHead>> {
    let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?;
    Ok(epochs.iter().map(SealedEpoch::head).collect())
}

/// The policy as a person edits it.
fn pretty(policy: &Policy) -> String {
    let value: Value = serde_json::from_slice(&policy.to_bytes()).unwrap_or_default();
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

/// Reads a policy in any spelling of JSON: only its canonical form has a hash.
pub(super) fn parse(text: &str) -> Result<Policy> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| CliError::new(Kind::Usage, format!("the policy is not JSON: {error}")))?;
    let json = json(&value).ok_or_else(|| {
        CliError::new(Kind::Usage, "the policy holds null, a fraction or a number beyond 2^53: none has a place in it")
    })?;
    Policy::parse(&json.to_canonical()).map_err(|error| CliError::new(Kind::Usage, chain(&error)))
}

/// The same value, if it is one of canonical JSON. It is as deep as `serde_json` reads, which is 128 at most.
fn json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => SafeInt::try_from(number.as_i64()?).ok()?.into(),
        Value::String(text) => text.clone().into(),
        Value::Array(items) => items.iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| Some((name.as_str(), json(value)?)));
            Json::object(members.collect::<Option<Vec<_>>>()?)
        }
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
