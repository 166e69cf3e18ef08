//! `mira withdraw`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::statement::{Predicate, RowSet, Withdraw, WithdrawReason};
use mira_lineage::graph::Direction;
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result};
use crate::output::{Output, counted, optional_count};
use crate::recording::{Receipt, Recording};
use crate::refs::Found;
use crate::session::Session;
use crate::{lineage, naming, uses};

/// Take a statement back: a dataset, rows of it, a model, or anything else you stated
///
/// Nothing is rewritten. From then on `get` and `--uses` refuse it, and `show`, `ls`, `trace` and `check` flag
/// everything that was made from it. Proofs made before still verify: they show that it was stated, which stays true.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira withdraw penguins --reason licence
  mira withdraw survey@2 --reason consent --rows left.txt    one position or range (7, 10-19) a line, from 0

Who may: the owner, whoever signed it, and whom the owner delegated to withdraw.")]
pub struct WithdrawArgs {
    /// What to take back
    #[arg(value_name = "REF")]
    reference: String,
    /// Why: licence, consent, privacy, error
    #[arg(long)]
    reason: WithdrawReason,
    /// Only these rows of the dataset
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    target: String,
    #[serde(rename = "ref")]
    reference: String,
    reason: &'static str,
    #[serde(serialize_with = "optional_count")]
    rows: Option<u64>,
    affected: Vec<Affected>,
}

/// Something that stands on what was withdrawn.
#[derive(Serialize)]
pub(super) struct Affected {
    /// Its name.
    #[serde(rename = "ref")]
    pub(super) reference: String,
    kind: &'static str,
    statement: String,
}

/// Takes it back.
pub fn run(args: &WithdrawArgs, global: &Global, output: &Output) -> Result {
    let mut recording = Recording::open(global)?;
    let session = &recording.session;
    let found = session.find(&args.reference)?;
    let rows = args.rows.as_ref().map(|path| rows(session, path, &found, &args.reference)).transpose()?;
    let affected = affected(session, &found)?;
    let (target, title) = (found.id, naming::title(session.ledger.fold(), &found.id));
    let receipt = recording.record(Predicate::Withdraw(Withdraw { target, reason: args.reason, rows }))?;
    let rows = rows.map(|rows| rows.count.value());
    if output.is_json() {
        output.document(&Document {
            schema: "mira.withdraw/1",
            receipt,
            target: target.to_string(),
            reference: title,
            reason: args.reason.as_str(),
            rows,
            affected,
        });
        return Ok(ExitCode::SUCCESS);
    }
    let part = rows.map(|rows| format!("{} of ", counted(rows, "row"))).unwrap_or_default();
    output.data(format_args!("withdrawn  {part}{title}, reason {}", args.reason));
    receipt.print(output);
    for item in &affected {
        output.data(format_args!("affects    {} ({})", item.reference, item.kind));
    }
    Ok(ExitCode::SUCCESS)
}

/// The rows to take back. Their positions are durable before a statement names them.
fn rows(session: &Session, path: &std::path::Path, found: &Found<'_>, reference: &str) -> Result<RowSet> {
    let rows = uses::rows_file(path)?;
    let extent = found
        .record
        .extent
        .ok_or_else(|| CliError::new(Kind::Usage, format!("{reference} is not a dataset: it has no rows")))?;
    uses::within(reference, "row", extent.rows, &rows)?;
    session.blobs().put(&rows.to_cbor())?;
    Ok(RowSet::of(&rows))
}

/// Everything that stands on it, nearest first.
pub(super) fn affected(session: &Session, found: &Found<'_>) -> Result<Vec<Affected>> {
    let graph = lineage::graph(session)?;
    let Some(place) = graph.place(&found.id) else { return Ok(Vec::new()) };
    let walk = graph.walk(place, Direction::Down);
    let nodes = walk.iter().skip(1).filter_map(|step| graph.node(step.place));
    let line = |node: &mira_lineage::graph::Node| Affected {
        reference: naming::title(session.ledger.fold(), &node.statement),
        kind: node.kind.as_str(),
        statement: node.statement.to_string(),
    };
    Ok(nodes.map(line).collect())
}
