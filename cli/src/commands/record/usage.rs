//! `mira record use`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::digest::{ModelId, StatementId};
use mira_core::statement::{Amount, Kind as StatementKind, Predicate, Unit, Usage};
use mira_core::time::{Date, UtcTime};
use mira_lineage::graph::Direction;
use serde::{Deserialize, Serialize};

use super::{model, typed_or_from, warn, warnings};
use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::Output;
use crate::recording::{Receipt, Recording};
use crate::refs::Found;
use crate::session::Session;
use crate::{lineage, naming};

/// Record how much a model was used
///
/// The terms are the statements whose rights the user relied on: unless you name some, the model and everything of this
/// log that it was made from.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "Examples:
  mira record use --deployment net-api --from 2026-01-01 --to 2026-02-01 --unit tokens --count 1200000
  mira record use --model net --from 2026-01-01T00:00:00Z --to 2026-01-01T12:00:00Z --unit requests --count 40 --terms weather")]
pub struct UseArgs {
    /// The model (default: that of the deployment)
    #[arg(long, value_name = "REF", required_unless_present_any = ["deployment", "from_file"])]
    model: Option<String>,
    /// The deployment in which it was used
    #[arg(long, value_name = "REF")]
    deployment: Option<String>,
    /// When counting started: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ
    #[arg(long, value_name = "TIME", required_unless_present = "from_file")]
    from: Option<String>,
    /// When counting ended
    #[arg(long, value_name = "TIME", required_unless_present = "from_file")]
    to: Option<String>,
    /// What was counted: tokens, requests, hours, seats
    #[arg(long, required_unless_present = "from_file")]
    unit: Option<String>,
    /// How many
    #[arg(long, value_name = "N", required_unless_present = "from_file")]
    count: Option<String>,
    /// A dataset or model whose rights the user relied on; may be repeated
    #[arg(long, value_name = "REF")]
    #[serde(default)]
    terms: Vec<String>,
    /// Take all this from a JSON file instead, `-` for standard input
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["model", "deployment", "from", "to", "unit", "count", "terms"])]
    #[serde(skip)]
    from_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    model: String,
    model_id: String,
    deployment: Option<String>,
    from: String,
    to: String,
    unit: &'static str,
    count: String,
    terms: Vec<String>,
    warnings: Vec<String>,
}

/// Records it.
pub(super) fn run(typed: &UseArgs, global: &Global, output: &Output) -> Result {
    let from = typed_or_from::<UseArgs>(typed.from_file.as_ref())?;
    let args = from.as_ref().unwrap_or(typed);
    let (from, to) = (time(args.from.as_ref())?, time(args.to.as_ref())?);
    let unit: Unit = args.unit.as_deref().unwrap_or_default().parse().kind(Kind::Usage)?;
    let count: Amount = args.count.as_deref().unwrap_or_default().parse().kind(Kind::Usage)?;
    let mut recording = Recording::open(global)?;
    let session = &recording.session;
    let fold = session.ledger.fold();
    let deployment = args.deployment.as_deref().map(|text| deployed(session, text)).transpose()?;
    let found = used_model(session, args.model.as_deref(), deployment.as_ref())?;
    let subject = ModelId::new(found.record.subject);
    let terms = terms(session, &args.terms, &found)?;
    let title = naming::title(fold, &found.id);
    let warnings = warnings(session, &found)?;
    let place = deployment.as_ref().map(|found| naming::title(fold, &found.id));
    let (model, deployment) = (found.id, deployment.map(|found| found.id));
    let usage = Usage { subject, model, deployment, from, to, unit, count, terms: terms.clone() };
    let receipt = recording.record(Predicate::Use(usage)).map_err(|error| match terms.len() {
        500.. => error.hint("--terms names the statements relied on, where all of them are too many for one entry"),
        _ => error,
    })?;
    warn(&warnings, output);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.record/1",
            kind: "use",
            receipt,
            model: title,
            model_id: subject.to_string(),
            deployment: place,
            from: from.to_string(),
            to: to.to_string(),
            unit: unit.as_str(),
            count: count.to_string(),
            terms: terms.iter().map(ToString::to_string).collect(),
            warnings,
        });
        return Ok(ExitCode::SUCCESS);
    }
    let place = place.map(|place| format!(" in {place}")).unwrap_or_default();
    output.data(format_args!("used       {title}{place}: {count} {unit}"));
    receipt.print(output);
    output.data(format_args!("terms      of {} statements", terms.len()));
    Ok(ExitCode::SUCCESS)
}

/// A deployment: `deployment:` may be left out, as only one fits here.
fn deployed<'a>(session: &'a Session, text: &str) -> Result<Found<'a>> {
    let by_name = || session.find(&format!("deployment:{text}"));
    let found = session.find(text).ok().filter(|found| found.record.kind == StatementKind::Deploy);
    found.map_or_else(by_name, Ok)
}

fn used_model<'a>(session: &'a Session, text: Option<&str>, deployment: Option<&Found<'_>>) -> Result<Found<'a>> {
    let deployed = match deployment {
        None => None,
        Some(deployment) => {
            let accepted = session.ledger.accepted(deployment.record.seq);
            match accepted.map(|accepted| accepted.statement.predicate()) {
                Some(Predicate::Deploy(deploy)) => Some(session.find(&format!("statement:{}", deploy.model))?),
                _ => return Err(CliError::new(Kind::Usage, "this is not a deployment")),
            }
        }
    };
    match (text, deployed) {
        (Some(text), _) => model(session, text),
        (None, Some(found)) => Ok(found),
        (None, None) => Err(CliError::new(Kind::Usage, "neither a model nor a deployment is given")),
    }
}

/// The statements relied on: those named, else the model's own and all of this log that it was made from.
fn terms(session: &Session, named: &[String], found: &Found<'_>) -> Result<BTreeSet<StatementId>> {
    if !named.is_empty() {
        return named.iter().map(|text| session.find(text).map(|found| found.id)).collect();
    }
    let graph = lineage::graph(session)?;
    let walk = graph.walk(lineage::place(&graph, found)?, Direction::Up);
    let nodes = walk.iter().filter_map(|step| graph.node(step.place));
    Ok(nodes.map(|node| node.statement).collect())
}

/// A time, or a day, which means its first second.
fn time(text: Option<&String>) -> Result<UtcTime> {
    let text = text.map(String::as_str).unwrap_or_default();
    let start_of_day = |date: Date| UtcTime::from_unix_seconds(date.days().checked_mul(86_400)?);
    if let Some(time) = text.parse::<Date>().ok().and_then(start_of_day) {
        return Ok(time);
    }
    text.parse().kind(Kind::Usage).map_err(|error| error.hint("a time is YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ, in UTC"))
}
