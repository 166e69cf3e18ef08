//! `mira record`: what was made, measured, served and used.

mod deploy;
mod evaluate;
mod train;
mod transform;
mod usage;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use mira_core::digest::Digest;
use mira_core::fold::Withdrawn;
use mira_core::name::Name;
use mira_core::statement::{Code, Kind as StatementKind};
use serde::de::DeserializeOwned;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{Output, escape};
use crate::refs::Found;
use crate::session::Session;
use crate::{lineage, naming, read_file};

/// Largest JSON file of `--from`.
const MAX_SPEC: usize = 64 << 20;

/// Record what was made, measured, served or used, in a signed statement
///
/// A statement says who claims something, not that it is true. What it names is stored by id, so it means the same for
/// ever; what went in is a closed list. Nothing is sent anywhere.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira record train --model net --artifact net.safetensors --uses penguins --uses weather,chunks=0
  mira record evaluate --model net --report report.json --metric accuracy=0.83 --uses heldout
  mira record deploy --model net --name net-api --uri https://api.example.org
  mira record use --deployment net-api --from 2026-01-01 --to 2026-02-01 --unit tokens --count 1200000")]
pub struct RecordArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Train(Box<train::TrainArgs>),
    Transform(Box<transform::TransformArgs>),
    Evaluate(evaluate::EvaluateArgs),
    Deploy(deploy::DeployArgs),
    Use(usage::UseArgs),
}

/// Records it.
pub fn run(args: &RecordArgs, global: &Global, output: &Output) -> Result {
    match &args.what {
        What::Train(args) => train::run(args, global, output),
        What::Transform(args) => transform::run(args, global, output),
        What::Evaluate(args) => evaluate::run(args, global, output),
        What::Deploy(args) => deploy::run(args, global, output),
        What::Use(args) => usage::run(args, global, output),
    }
}

/// What was typed, or what the JSON file of `--from` says in its place.
fn typed_or_from<T: DeserializeOwned>(from: Option<&PathBuf>) -> Result<Option<T>> {
    let Some(path) = from else { return Ok(None) };
    let bytes = read_file::bounded_or_stdin(path, MAX_SPEC)?;
    serde_json::from_slice(&bytes).map(Some).kind(Kind::Usage).map_err(|error| {
        error.at(path.display().to_string()).hint("the members are the options, with _ for -; see --help")
    })
}

/// A name that was typed.
fn name(text: &str) -> Result<Name> {
    text.parse().kind(Kind::Usage)
}

/// A program, as `URI@COMMIT`.
fn code(text: &str) -> Result<Code> {
    let failed = |error: CliError| error.hint("--code is URI@COMMIT, with 40 or 64 hex digits of the commit");
    let (uri, commit) =
        text.rsplit_once('@').ok_or_else(|| failed(CliError::new(Kind::Usage, format!("{text:?} names no commit"))))?;
    let uri = uri.parse().kind(Kind::Usage).map_err(failed)?;
    Ok(Code { commit: commit.parse().kind(Kind::Usage).map_err(failed)?, uri })
}

/// The digest of a file, or one that is given as `sha256:HEX`. The file itself is not kept: it may hold secrets.
fn digest(text: &str) -> Result<Digest> {
    match text.strip_prefix("sha256:") {
        Some(hex) => hex.parse().kind(Kind::Usage),
        None => read_file::digest(Path::new(text)).map(|(digest, _)| digest),
    }
}

/// A model's train statement.
fn model<'a>(session: &'a Session, reference: &str) -> Result<Found<'a>> {
    let found = session.find(reference)?;
    if found.record.kind == StatementKind::Train {
        return Ok(found);
    }
    Err(CliError::new(Kind::Usage, format!("{reference} is not a model but a {} statement", found.record.kind))
        .hint("mira ls lists models"))
}

/// What a person should know of a model: that it was withdrawn, or something that it was made from.
fn warnings(session: &Session, found: &Found<'_>) -> Result<Vec<String>> {
    let title = naming::title(session.ledger.fold(), &found.id);
    let graph = lineage::graph(session)?;
    let taints = graph.taints(session.ledger.fold());
    let taint = taints.get(lineage::place(&graph, found)?).copied().flatten();
    let withdrawn = (found.record.withdrawn == Withdrawn::Whole).then(|| format!("{title} was withdrawn"));
    let taint = taint.map(|taint| format!("{title} {}", lineage::warning(session, &graph, &taint)));
    Ok(withdrawn.into_iter().chain(taint).collect())
}

/// Says what a person should know, though it was recorded.
fn warn(warnings: &[String], output: &Output) {
    for warning in warnings {
        output.talk(format_args!("warning: {}", escape(warning)));
    }
}
