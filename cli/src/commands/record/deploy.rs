//! `mira record deploy`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::digest::ModelId;
use mira_core::fold::Withdrawn;
use mira_core::name::Uri;
use mira_core::statement::{Deploy, DeploymentState, Predicate};
use serde::{Deserialize, Serialize};

use super::{model, name, typed_or_from, warn, warnings};
use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::naming;
use crate::output::{Output, count};
use crate::recording::{Receipt, Recording};

/// Record that a model is served, or no longer
///
/// A deployment has a name of its own; each statement under it is a version, the latest one holds.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "Examples:
  mira record deploy --model net --name net-api --uri https://api.example.org
  mira record deploy --model net --name net-api --retire")]
pub struct DeployArgs {
    /// The model
    #[arg(long, value_name = "REF", required_unless_present = "from")]
    model: Option<String>,
    /// The deployment's name
    #[arg(long, value_name = "NAME", required_unless_present = "from")]
    name: Option<String>,
    /// Where it is served
    #[arg(long, value_name = "URI")]
    uri: Option<String>,
    /// It is served no longer
    #[arg(long)]
    #[serde(default)]
    retire: bool,
    /// Whose deployment it is, if not yours; they must have delegated to you
    #[arg(long, value_name = "WHO")]
    on_behalf_of: Option<String>,
    /// Take all this from a JSON file instead, `-` for standard input
    #[arg(long, visible_alias = "from-file", value_name = "FILE", conflicts_with_all = ["model", "name", "uri", "retire", "on_behalf_of"])]
    #[serde(skip)]
    from: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    deployment: String,
    #[serde(serialize_with = "count")]
    version: u64,
    state: &'static str,
    model: String,
    model_id: String,
    uri: Option<String>,
    warnings: Vec<String>,
}

/// Records it.
pub(super) fn run(typed: &DeployArgs, global: &Global, output: &Output) -> Result {
    let from = typed_or_from::<DeployArgs>(typed.from.as_ref())?;
    let args = from.as_ref().unwrap_or(typed);
    let deployment = name(args.name.as_deref().unwrap_or_default())?;
    let uri = args.uri.as_deref().map(str::parse::<Uri>).transpose().kind(Kind::Usage)?;
    let mut recording = Recording::open(global)?;
    let session = &recording.session;
    let found = model(session, args.model.as_deref().unwrap_or_default())?;
    let title = naming::title(session.ledger.fold(), &found.id);
    let subject = ModelId::new(found.record.subject);
    let state = if args.retire { DeploymentState::Retired } else { DeploymentState::Active };
    if state == DeploymentState::Active && found.record.withdrawn == Withdrawn::Whole {
        return Err(CliError::new(Kind::DoesNotVerify, format!("{title} was withdrawn and may not be deployed"))
            .hint("--retire records that it is served no longer"));
    }
    let warnings = warnings(session, &found)?;
    let predicate = Predicate::Deploy(Deploy {
        subject,
        model: found.id,
        deployment: deployment.clone(),
        state,
        on_behalf_of: args.on_behalf_of.as_deref().map(|who| session.person(who)).transpose()?,
        uri: uri.clone(),
    });
    let receipt = recording.record(predicate)?;
    let version = receipt.version;
    warn(&warnings, output);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.record/1",
            kind: "deploy",
            receipt,
            deployment: deployment.to_string(),
            version,
            state: state.as_str(),
            model: title,
            model_id: subject.to_string(),
            uri: uri.map(|uri| uri.to_string()),
            warnings,
        });
        return Ok(ExitCode::SUCCESS);
    }
    output.data(format_args!("{deployment}@{version}  {state}: {title}"));
    receipt.print(output);
    Ok(ExitCode::SUCCESS)
}
