//! `mira show`

use std::process::ExitCode;

use clap::Args;
use mira_core::fold::Withdrawn;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{Output, escape};
use crate::session::Session;
use crate::{dataset, refs};

/// Show what the log says about a dataset, a model or a statement
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira show penguins
  mira show penguins@1
  mira show 8affb328

REF is [owner/]name[@version], or an id in hex: see `mira help refs`.")]
pub struct ShowArgs {
    /// What to show
    #[arg(value_name = "REF")]
    reference: String,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    statement: String,
    entry: String,
    seq: u64,
    kind: &'static str,
    signer: String,
    owner: String,
    name: Option<String>,
    version: Option<u64>,
    subject: String,
    withdrawn: bool,
    disputes: u64,
    countersignatures: u64,
    columns: Option<Box<RawValue>>,
    payload: Box<RawValue>,
}

/// Shows it.
pub fn run(args: &ShowArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let found = session.find(&args.reference)?;
    let accepted = session
        .ledger
        .accepted(found.record.seq)
        .ok_or_else(|| CliError::new(Kind::NotFound, "the log has no such statement"))?;
    let payload = String::from_utf8_lossy(&accepted.statement.to_payload()).into_owned();
    let columns = columns(&session, &found)?;
    let record = found.record;
    if output.is_json() {
        let raw = |text: String| RawValue::from_string(text).kind(Kind::Failed);
        output.document(&Document {
            schema: "mira.show/1",
            statement: found.id.to_string(),
            entry: record.entry_id.to_string(),
            seq: record.seq.value(),
            kind: record.kind.as_str(),
            signer: record.signer.to_string(),
            owner: record.owner.to_string(),
            name: record.version.as_ref().map(|version| version.name.to_string()),
            version: record.version.as_ref().map(|version| version.number),
            subject: record.subject.to_string(),
            withdrawn: record.withdrawn != Withdrawn::Nothing,
            disputes: record.disputes,
            countersignatures: record.countersignatures,
            columns: columns.map(raw).transpose()?,
            payload: raw(payload)?,
        });
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(version) = &record.version {
        output.data(format_args!("{}@{}", version.name, version.number));
    }
    output.data(format_args!("kind       {}", record.kind));
    output.data(format_args!("subject    {}", record.subject));
    output.data(format_args!("statement  {}", found.id));
    output.data(format_args!("entry      {} at {}", record.entry_id, record.seq));
    output.data(format_args!("signer     {}", record.signer));
    if record.withdrawn != Withdrawn::Nothing {
        output.data("WITHDRAWN");
    }
    if let Some(extent) = record.extent {
        output.data(format_args!("rows       {} in {} chunks", extent.rows, extent.chunks));
    }
    if let Some(rights) = &record.rights {
        output.data(format_args!("rights     {}", escape(&String::from_utf8_lossy(&rights.to_json_bytes()))));
    }
    if let Some(columns) = columns {
        output.data(format_args!("schema     {}", escape(&columns)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The schema of a dataset that is here.
fn columns(session: &Session, found: &refs::Found<'_>) -> Result<Option<String>> {
    if found.record.extent.is_none() {
        return Ok(None);
    }
    match dataset::load(&session.ledger, &session.blobs(), found) {
        Ok(stored) => Ok(Some(stored.manifest.fields().schema.to_json())),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
