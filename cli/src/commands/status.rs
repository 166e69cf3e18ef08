//! `mira status`

use std::process::ExitCode;

use clap::Args;
use mira_lineage::epoch;
use serde::Serialize;

use crate::args::Global;
use crate::error::{Kind, Result, ResultExt};
use crate::output::{Output, count, counted, escape};
use crate::session::Session;
use crate::{pinning, publish};

/// Show the state of the workspace: log, epochs, pins
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira status
  mira status --json")]
pub struct StatusArgs {}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    workspace: String,
    origin: String,
    #[serde(serialize_with = "count")]
    entries: u64,
    root: String,
    #[serde(serialize_with = "count")]
    epochs: u64,
    #[serde(serialize_with = "count")]
    unsealed: u64,
    pins: Vec<Pin>,
}

#[derive(Serialize)]
struct Pin {
    cid: String,
    service: String,
    statement: String,
    state: &'static str,
    attempts: u32,
    confirmed_at: Option<String>,
    error: Option<String>,
}

/// Shows it.
pub fn run(_: &StatusArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let log = session.ledger.log();
    let epochs = epoch::read_all(log).kind(Kind::DoesNotVerify)?;
    let sealed = epochs.last().map_or(0, |epoch| epoch.head().size.value());
    let head = log.head();
    let jobs = publish::jobs(&session)?;
    let pins: Vec<Pin> = jobs
        .into_iter()
        .map(|job| Pin {
            confirmed_at: pinning::confirmed(&job),
            cid: job.target.dataset.to_string(),
            service: job.target.service,
            statement: job.statement.to_string(),
            state: job.state.as_str(),
            attempts: job.attempts,
            error: job.last_error,
        })
        .collect();
    let (entries, unsealed) = (head.size.value(), head.size.value().saturating_sub(sealed));
    let origin = log.checkpoint().checkpoint().origin().to_string();
    if output.is_json() {
        output.document(&Document {
            schema: "mira.status/1",
            workspace: session.workspace.root().display().to_string(),
            origin,
            entries,
            root: head.root.to_string(),
            epochs: epochs.len() as u64,
            unsealed,
            pins,
        });
        return Ok(ExitCode::SUCCESS);
    }
    output.data(format_args!(
        "log     {origin}: {}, {}, {} unsealed",
        counted(entries, "entry"),
        counted(epochs.len() as u64, "epoch"),
        counted(unsealed, "entry")
    ));
    for pin in &pins {
        let seen = pin.confirmed_at.as_ref().map(|time| format!(", seen {time}")).unwrap_or_default();
        let error = pin.error.as_ref().map(|error| format!(" ({})", escape(error))).unwrap_or_default();
        output.data(format_args!("{:<8} {} at {}{seen}{error}", pin.state, pin.cid, escape(&pin.service)));
    }
    Ok(ExitCode::SUCCESS)
}
