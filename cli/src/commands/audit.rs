//! `mira audit`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::digest::StatementId;
use mira_lineage::graph::Direction;
use serde::Serialize;

use crate::args::Global;
use crate::audit::onchain::{self, Asked};
use crate::audit::{self, Depth};
use crate::checks::Checks;
use crate::error::{Kind, Result};
use crate::output::{JsonMode, Output, to_json};
use crate::session::Session;
use crate::workspace::Workspace;
use crate::{lineage, write_file};

/// Check everything again, from the entries and rows up, and trust no result that is lying about
///
/// In order: the log is rebuilt from its entries, signatures and rules are checked by the fold, datasets are re-hashed row
/// by row, epochs are compared with the contract that anchors them, and rewards are computed again and compared with what
/// was proposed and claimed. Each check is ok, FAILED, or not checked (and why); what you left out is listed as not asked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira audit
  mira audit means --quick         a model and all that it was made from, without reading rows
  mira audit --epoch 3 --chain http://127.0.0.1:8545
  mira audit --report audit.json

Exit codes: 0 every check holds, 3 one fails, 4 one could not be made.")]
pub struct AuditArgs {
    /// Check the data of this dataset or model and of what it was made from (default: of everything)
    #[arg(value_name = "REF")]
    reference: Option<String>,
    /// Check what this epoch of the log added, its anchor, and the rewards by it
    #[arg(long, value_name = "N", conflicts_with = "reference")]
    epoch: Option<u64>,
    /// Check manifests and chunk lists, but read no rows
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Read every row; this is what is done without --quick, too
    #[arg(long)]
    full: bool,
    /// The chain to ask: http://HOST:PORT of a node, or `local` (default: the workspace's own, if it has one)
    #[arg(long, value_name = "URL")]
    chain: Option<String>,
    /// Also write the answer, as JSON, to this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    ok: bool,
    verdict: &'static str,
    checks: Checks,
}

/// Runs the stages, in order.
pub fn run(args: &AuditArgs, global: &Global, output: &Output) -> Result {
    let checks = stages(args, global, output)?;
    let verdict = match checks.worst() {
        None => "verified",
        Some(Kind::DoesNotVerify) => "does not verify",
        Some(_) => "could not be checked",
    };
    let code: ExitCode = checks.exit_code();
    if !output.is_json() {
        checks.print(output);
        output.data(verdict);
    }
    let document = Document { schema: "mira.audit/1", ok: checks.is_ok(), verdict, checks };
    if let Some(path) = &args.report {
        write_file::whole(path, format!("{}\n", to_json(&document)).as_bytes(), false)?;
    }
    match output.json {
        JsonMode::Document => output.document(&document),
        JsonMode::Lines => document.checks.lines(output),
        JsonMode::Off => {}
    }
    Ok(code)
}

fn stages(args: &AuditArgs, global: &Global, output: &Output) -> Result<Checks> {
    let workspace = Workspace::find(global.workspace.as_deref())?;
    let mut checks = audit::log(&workspace, global)?;
    if checks.worst() == Some(Kind::DoesNotVerify) {
        // Without a sound log nobody knows what there should be.
        checks.not_checked("everything else", "statements, data, anchors, rewards", "the log does not verify");
        return Ok(checks);
    }
    let session = Session::open(global)?;
    checks.extend(audit::statements(&session));
    let only = match (&args.reference, args.epoch) {
        (Some(reference), _) => Some(made_of(&session, reference)?),
        (None, Some(epoch)) => Some(logged_in(&session, epoch)?),
        (None, None) => None,
    };
    if let Some(only) = &only {
        let left = session.ledger.fold().statements().count() - only.len();
        if left > 0 {
            checks.not_asked("dataset", format!("the data of {left} other statements"), "only a part was named");
        }
    }
    let depth = if args.quick { Depth::Quick } else { Depth::Full };
    checks.extend(audit::datasets(&session, only.as_ref(), depth, output)?);
    checks.extend(audit::objects(&session, only.as_ref()));
    let asked = Asked { endpoint: args.chain.as_deref(), epoch: args.epoch, depth };
    checks.extend(onchain::all(&session, &asked, global)?);
    Ok(checks)
}

/// The statements that an epoch added to the log.
fn logged_in(session: &Session, epoch: u64) -> Result<BTreeSet<StatementId>> {
    let places = onchain::statements_of(session, epoch)?;
    let statements = session.ledger.fold().statements();
    Ok(statements.filter(|(_, record)| places.contains(&record.seq.value())).map(|(id, _)| *id).collect())
}

/// The statements that something was made of, itself included.
fn made_of(session: &Session, reference: &str) -> Result<BTreeSet<StatementId>> {
    let found = session.find(reference)?;
    let graph = lineage::graph(session)?;
    let steps = graph.walk(lineage::place(&graph, &found)?, Direction::Up);
    Ok(steps.iter().filter_map(|step| graph.node(step.place)).map(|node| node.statement).collect())
}
