//! `mira verify`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mira_anchor::{Address, B256};
use mira_core::digest::ContributorId;
use mira_core::evidence::Descent;
use mira_core::key::VerifyingKey;
use mira_core::log::checkpoint::{SignedCheckpoint, VerifiedCheckpoint};
use mira_core::log::note::MAX_NOTE;
use mira_core::log::policy::{MAX_POLICY, Policy};
use mira_core::log::tlog_proof::MAX_PROOF;
use mira_core::row;
use mira_core::schema::Schema;
use mira_core::verify::{Asks, Outcome, Proof, Report, Verdict};
use serde::Serialize;

use crate::anchor_check::{self, Ask};
use crate::args::Global;
use crate::checks::Checks;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::home::Home;
use crate::output::{Output, escape};
use crate::reading::ReadArgs;
use crate::subject::Found;
use crate::trust::Trust;
use crate::{read_file, subject};

/// Check a proof, offline unless a chain is named
///
/// A proof ties a row, a chunk or a statement to a checkpoint of a log. Each check is ok, FAILED, or not checked (and
/// why). Which logs to believe is your word, never the proof's: see `mira help trust`.
///
/// What a proof shows: this row is in this dataset, which this key contributed to this log. What it does not show: that
/// the statement is true, or that the key has not been revoked since.
///
/// With `--chain` the registry on that chain is asked whether the checkpoint is anchored. Which registry to believe is
/// your word too. What is on a local chain verifies as `local`, and shows nothing to anybody but who keeps the chain.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira verify row.tlog-proof                      with the logs you trust
  mira verify row.tlog-proof --policy log.policy  with the logs and witnesses of a policy file
  mira verify row.tlog-proof --signer did:key:z6Mk…
  mira verify row.tlog-proof --chain http://127.0.0.1:8545 --require-anchor
  mira verify out/ --proof net.tlog-proof         that these files are the model of the proof
  mira verify penguins.csv --proof row.tlog-proof that these rows are the dataset of the proof

Exit codes: 0 every check holds, 3 one fails, 4 one could not be made.")]
pub struct VerifyArgs {
    /// The proof file; or, with `--proof`, the model or dataset that it should be about
    file: PathBuf,
    /// The proof file: FILE is then a model's file or folder, or a dataset's files, and must be the proof's subject
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// Believe the logs and witnesses of this C2SP tlog-policy file, instead of those you trust
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Require this contributor: the did:key of its first key, or its contributor_id
    #[arg(long, value_name = "DID")]
    signer: Option<String>,
    /// Require this checkpoint of the log, which you got elsewhere
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The canonical row, for a proof that leaves it out
    #[arg(long, value_name = "FILE")]
    row: Option<PathBuf>,
    /// Ask this chain whether the checkpoint is anchored: http://HOST:PORT, or `local` for the workspace's own
    #[arg(long, value_name = "URL")]
    chain: Option<String>,
    /// Believe the registry at this address, instead of those you trust
    #[arg(long, value_name = "ADDR", requires = "chain")]
    contract: Option<Address>,
    /// The log's name in that registry, where several are registered for the log
    #[arg(long, value_name = "HEX", requires = "contract")]
    origin_id: Option<B256>,
    /// Do not pass a checkpoint that is not surely anchored: one that no chain was asked about, that is on a local chain
    /// or in a block that may still be replaced
    #[arg(long)]
    require_anchor: bool,
    #[command(flatten, next_help_heading = "How to read a dataset's files, with --proof")]
    reading: ReadArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    ok: bool,
    verdict: &'static str,
    /// none, not-asked, local, mined, confirmed, finalized, failed or not-checked.
    anchor: &'static str,
    trusted_by: Option<String>,
    statement: String,
    contributor: String,
    subject: String,
    row: Option<Vec<Cell>>,
    checks: Checks,
}

#[derive(Serialize)]
struct Cell {
    column: String,
    value: String,
}

/// Checks the proof and says how it went.
pub fn run(args: &VerifyArgs, global: &Global, output: &Output) -> Result {
    if args.proof.is_none() && args.reading.is_given() {
        return Err(CliError::new(Kind::Usage, "a proof is not read as a dataset")
            .hint("verify FILE --proof F takes options on how to read FILE"));
    }
    let policy = load_policy(args, global)?;
    let known = args.checkpoint.as_deref().map(|path| load_checkpoint(path, &policy)).transpose()?;
    let row = args.row.as_deref().map(|path| read_file::bounded(path, row::MAX_BYTES)).transpose()?;
    let signer = args.signer.as_deref().map(parse_signer).transpose()?;
    let path = args.proof.as_ref().unwrap_or(&args.file);
    let bytes = read_file::bounded(path, MAX_PROOF)?;
    let proof = Proof::parse(&bytes).kind(Kind::DoesNotVerify).map_err(|error| error.at(display(path)))?;
    let mut report = proof.verify(&Asks { policy: &policy, row: row.as_deref(), signer, checkpoint: known.as_ref() });
    let anchor = anchor(args, global, &proof, &mut report)?;
    let found = args.proof.as_ref().map(|_| subject::check(&proof, &args.file, &args.reading, output)).transpose()?;
    let verdict = found.as_ref().map_or(report.verdict(), |found| with(report.verdict(), found));
    let file = found.map(|found| file_check(&args.file, found)).unwrap_or_default();
    print(&proof, &report, verdict, anchor, file, output);
    Ok(match verdict {
        Verdict::Verified => ExitCode::SUCCESS,
        Verdict::Failed => Kind::DoesNotVerify.exit_code(),
        Verdict::Incomplete => Kind::NotChecked.exit_code(),
    })
}

/// Asks the chain, if one is named, and puts its answer into the report.
fn anchor(args: &VerifyArgs, global: &Global, proof: &Proof, report: &mut Report) -> Result<&'static str> {
    let asked = match (&args.chain, &proof.evidence().anchor) {
        (Some(text), Some(claim)) => {
            let ask = Ask { contract: args.contract, origin_id: args.origin_id };
            Some(anchor_check::ask(&ask, text, claim, proof, report.trusted_by.as_deref(), global)?)
        }
        _ => None,
    };
    let word = match &asked {
        Some(answer) => answer.word,
        None if proof.evidence().anchor.is_some() => "not-asked",
        None => "none",
    };
    if let Some(answer) = asked {
        report.set_anchor(answer.outcome);
    }
    if args.require_anchor {
        report.require_anchor();
    }
    Ok(word)
}

/// A failure beats what could not be checked, and that beats what holds.
fn with(verdict: Verdict, found: &Found) -> Verdict {
    match (verdict, found) {
        (Verdict::Failed, _) | (_, Found::Other(_)) => Verdict::Failed,
        (Verdict::Incomplete, _) | (_, Found::Unknown(_)) => Verdict::Incomplete,
        (Verdict::Verified, Found::Subject) => Verdict::Verified,
    }
}

fn file_check(path: &Path, found: Found) -> Checks {
    let mut checks = Checks::default();
    match found {
        Found::Subject => checks.ok("file", display(path)),
        Found::Other(why) => checks.failed("file", display(path), why),
        Found::Unknown(why) => checks.not_checked("file", display(path), why),
    }
    checks
}

fn load_policy(args: &VerifyArgs, global: &Global) -> Result<Policy> {
    match &args.policy {
        Some(path) => {
            let bytes = read_file::bounded(path, MAX_POLICY)?;
            Policy::parse(&bytes).kind(Kind::Config).map_err(|error| error.at(display(path)))
        }
        None => Ok(Trust::load(&Home::locate(global.home.as_deref())?)?.policy()),
    }
}

fn load_checkpoint(path: &Path, policy: &Policy) -> Result<VerifiedCheckpoint> {
    let bytes = read_file::bounded(path, MAX_NOTE)?;
    let signed = SignedCheckpoint::parse(&bytes).kind(Kind::Failed).map_err(|error| error.at(display(path)))?;
    policy.verify(signed).kind(Kind::DoesNotVerify).map_err(|error| {
        error.at(display(path)).hint("a checkpoint to compare with must itself come from a log you trust")
    })
}

fn parse_signer(text: &str) -> Result<ContributorId> {
    if let Ok(key) = VerifyingKey::from_did(text) {
        return Ok(key.contributor_id());
    }
    text.parse().map_err(|_| {
        CliError::new(Kind::Usage, format!("{text:?} is neither a did:key nor a contributor_id"))
            .hint("a did:key is did:key:z6Mk and 44 more characters, a contributor_id 64 hex digits")
    })
}

fn print(proof: &Proof, report: &Report, verdict: Verdict, anchor: &'static str, file: Checks, output: &Output) {
    let ok = verdict == Verdict::Verified;
    let verdict = match verdict {
        Verdict::Verified => "verified",
        Verdict::Failed => "does not verify",
        Verdict::Incomplete => "could not be checked",
    };
    let mut checks = Checks::default();
    for check in &report.checks {
        let (step, artifact) = (check.step.to_string(), check.artifact.clone());
        match &check.outcome {
            Outcome::Ok => checks.ok(step, artifact),
            Outcome::Failed(failure) => checks.failed(step, artifact, chain(failure)),
            Outcome::NotChecked(gap) => checks.not_checked(step, artifact, gap.to_string()),
        }
    }
    checks.extend(file);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.verify/1",
            ok,
            verdict,
            anchor,
            trusted_by: report.trusted_by.clone(),
            statement: report.subject.statement.to_string(),
            contributor: report.subject.contributor.to_string(),
            subject: report.subject.digest.to_string(),
            row: cells(proof),
            checks,
        });
        return;
    }
    checks.print(output);
    for cell in cells(proof).unwrap_or_default() {
        output.data(format_args!("  {} = {}", escape(&cell.column), escape(&cell.value)));
    }
    output.data(verdict);
}

/// The row's values by column, where the proof holds row and schema and the two fit.
fn cells(proof: &Proof) -> Option<Vec<Cell>> {
    let Descent::Row { row, .. } = &proof.evidence().descent else { return None };
    let schema = Schema::from_cbor(proof.evidence().schema.as_deref()?).ok()?;
    let values = row::decode_row(&schema, row.row.as_deref()?).ok()?;
    let cell = |(column, value): (&mira_core::schema::Field, &row::Value)| Cell {
        column: column.name.clone(),
        value: value.to_string(),
    };
    Some(schema.columns().iter().zip(&values).map(cell).collect())
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
