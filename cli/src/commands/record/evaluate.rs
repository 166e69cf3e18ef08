//! `mira record evaluate`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::digest::ModelId;
use mira_core::name::{MetricName, MetricValue};
use mira_core::statement::{Evaluate, InputRole, Predicate};
use serde::{Deserialize, Serialize};

use super::{digest, model, typed_or_from, warn, warnings};
use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::naming;
use crate::output::Output;
use crate::recording::{Receipt, Recording};
use crate::uses::{ExternalSpec, InputLine, UseSpec, Used};

/// Record what was measured of a model, and with what
///
/// Metrics are decimal text, kept exactly as given. The full report stays with you: its SHA-256 is recorded.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "Examples:
  mira record evaluate --model net --report report.json --metric accuracy=0.83 --uses heldout
  mira record evaluate --model sample-lab/net@2 --report sha256:HEX --metric f1=0.79 --metric loss=1.204 --uses heldout,chunks=0
  mira record evaluate --from evaluation.json")]
pub struct EvaluateArgs {
    /// The model
    #[arg(long, value_name = "REF", required_unless_present = "from")]
    model: Option<String>,
    /// The full report: a file, or sha256:HEX
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    report: Option<String>,
    /// What came out: NAME=VALUE, with decimal digits; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    #[serde(default)]
    metric: Vec<String>,
    /// A dataset or model that it was measured with: REF[,role=test][,chunks=0-9+12][,rows=FILE][,passes=N][,tokens=N]
    #[arg(long, value_name = "REF,…")]
    #[serde(default)]
    uses: Vec<UseSpec>,
    /// Anything else that it was measured with: URI[,sha256=HEX][,license=SPDX][,role=test]
    #[arg(long, value_name = "URI,…")]
    #[serde(default)]
    uses_external: Vec<ExternalSpec>,
    /// Take all this from a JSON file instead, `-` for standard input
    #[arg(long, visible_alias = "from-file", value_name = "FILE", conflicts_with_all = ["model", "report", "metric", "uses", "uses_external"])]
    #[serde(skip)]
    from: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    model: String,
    model_id: String,
    report: String,
    metrics: BTreeMap<String, String>,
    inputs: Vec<InputLine>,
    warnings: Vec<String>,
}

/// Records it.
pub(super) fn run(typed: &EvaluateArgs, global: &Global, output: &Output) -> Result {
    let from = typed_or_from::<EvaluateArgs>(typed.from.as_ref())?;
    let args = from.as_ref().unwrap_or(typed);
    let metrics = metrics(&args.metric)?;
    let report = digest(args.report.as_deref().unwrap_or_default())?;
    let mut recording = Recording::open(global)?;
    let session = &recording.session;
    let mut used = Used::find(session, &args.uses, &args.uses_external, InputRole::Test)?;
    let found = model(session, args.model.as_deref().unwrap_or_default())?;
    used.warnings.extend(warnings(session, &found)?);
    let (subject, title) = (ModelId::new(found.record.subject), naming::title(session.ledger.fold(), &found.id));
    let inputs = used.listed(&session.blobs())?;
    let predicate =
        Predicate::Evaluate(Evaluate { subject, model: found.id, report, inputs, metrics: metrics.clone() });
    let receipt = recording.record(predicate)?;
    warn(&used.warnings, output);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.record/1",
            kind: "evaluate",
            receipt,
            model: title,
            model_id: subject.to_string(),
            report: report.to_string(),
            metrics: metrics.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            inputs: used.lines,
            warnings: used.warnings,
        });
        return Ok(ExitCode::SUCCESS);
    }
    output.data(format_args!("evaluated  {title}"));
    receipt.print(output);
    for (name, value) in &metrics {
        output.data(format_args!("metric     {name} = {value}"));
    }
    for line in &used.lines {
        output.data(format_args!("uses       {}", line.to_text()));
    }
    Ok(ExitCode::SUCCESS)
}

fn metrics(typed: &[String]) -> Result<BTreeMap<MetricName, MetricValue>> {
    let mut metrics = BTreeMap::new();
    for text in typed {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            CliError::new(Kind::Usage, format!("{text:?} is not NAME=VALUE")).hint("for example --metric accuracy=0.83")
        })?;
        let name: MetricName = name.parse().kind(Kind::Usage)?;
        if metrics.insert(name, value.parse().kind(Kind::Usage)?).is_some() {
            return Err(CliError::new(Kind::Usage, format!("{text:?} is a second value of one metric")));
        }
    }
    Ok(metrics)
}
