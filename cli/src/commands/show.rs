//! `mira show`

mod profile;

use std::process::ExitCode;

use clap::Args;
use mira_core::fold::{Outcome, Withdrawn};
use mira_core::statement::Predicate;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{Output, counted, escape};
use crate::session::Session;
use crate::{dataset, lineage, naming, pinning, publish, refs, removed};

/// Show what the log says about a dataset, a model or a statement
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira show penguins
  mira show penguins@1
  mira show penguins --profile
  mira show 8affb328

REF is [owner/]name[@version], or an id in hex: see `mira help refs`.")]
pub struct ShowArgs {
    /// What to show
    #[arg(value_name = "REF")]
    reference: String,
    /// What its columns hold: nulls, distinct values, least and greatest
    #[arg(long)]
    profile: bool,
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
    signer_label: Option<String>,
    assurance: &'static str,
    withdrawn: bool,
    stands_on_withdrawn: Option<String>,
    disputes: u64,
    countersignatures: u64,
    said_about: Vec<Said>,
    removed_here: bool,
    pins: Vec<Pin>,
    columns: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Box<RawValue>>,
    payload: Box<RawValue>,
}

/// Where it is pinned, or is to be.
#[derive(Serialize)]
struct Pin {
    cid: String,
    service: String,
    state: &'static str,
    confirmed_at: Option<String>,
}

/// A later statement about this one.
#[derive(Serialize)]
struct Said {
    kind: &'static str,
    statement: String,
    signer: String,
    #[serde(skip)]
    by: String,
    what: String,
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
    let removed_here = found.record.extent.is_some() && removed::is_removed(&session, &found)?;
    let record = found.record;
    let fold = session.ledger.fold();
    let graph = lineage::graph(&session)?;
    let taint = graph.place(&found.id).and_then(|place| graph.taints(fold).get(place).copied().flatten());
    let said = said(&session, &found);
    let profile = if args.profile { Some(profile::report(&session, &found)?) } else { None };
    let jobs = publish::jobs(&session)?;
    let pins: Vec<Pin> = pinning::of(&jobs, &found.id)
        .map(|job| Pin {
            cid: job.target.dataset.to_string(),
            service: job.target.service.clone(),
            state: job.state.as_str(),
            confirmed_at: pinning::confirmed(job),
        })
        .collect();
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
            signer_label: naming::label(fold, &record.signer),
            assurance: naming::assurance(record),
            withdrawn: record.withdrawn != Withdrawn::Nothing,
            stands_on_withdrawn: taint
                .and_then(|taint| graph.node(taint.by))
                .map(|node| naming::title(fold, &node.statement)),
            disputes: record.disputes,
            countersignatures: record.countersignatures,
            said_about: said,
            removed_here,
            pins,
            columns: columns.map(raw).transpose()?,
            profile: profile.map(|report| raw(String::from_utf8_lossy(&report.to_json()).into_owned())).transpose()?,
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
    let label = naming::label(fold, &record.signer).map(|label| format!(" ({label})")).unwrap_or_default();
    output.data(format_args!("signer     {}{label}, {}", record.signer, naming::assurance(record)));
    match record.withdrawn {
        Withdrawn::Nothing => {}
        Withdrawn::Rows => output.data("ROWS WITHDRAWN"),
        Withdrawn::Whole => output.data("WITHDRAWN"),
    }
    if removed_here {
        output.data("REMOVED HERE: the log, the manifest and the list of chunks stay");
    }
    if let Some(taint) = &taint {
        output.data(format_args!("warning    {}", lineage::warning(&session, &graph, taint)));
    }
    for said in &said {
        output.data(format_args!("{:<10} {} by {}", said.kind, said.what, said.by));
    }
    for Pin { cid, service, state, confirmed_at } in &pins {
        let seen = confirmed_at.as_ref().map(|time| format!(", seen {time}")).unwrap_or_default();
        output.data(format_args!("{state:<10} {cid} at {}{seen}", escape(service)));
    }
    if let Some(extent) = record.extent {
        output.data(format_args!("rows       {} in {}", extent.rows, counted(extent.chunks, "chunk")));
    }
    if let Some(rights) = &record.rights {
        output.data(format_args!("rights     {}", escape(&String::from_utf8_lossy(&rights.to_json_bytes()))));
    }
    if let Some(columns) = columns {
        output.data(format_args!("schema     {}", escape(&columns)));
    }
    if let Some(report) = &profile {
        profile::print(report, output);
    }
    Ok(ExitCode::SUCCESS)
}

/// What later statements said about this one: withdrawn, disputed, countersigned.
fn said(session: &Session, found: &refs::Found<'_>) -> Vec<Said> {
    let accepted = session.ledger.history().iter().filter_map(|event| match &event.outcome {
        Outcome::Accepted(accepted) => Some(accepted),
        Outcome::Refused(_) => None,
    });
    let about = accepted.filter(|accepted| accepted.record.subject == *found.id.digest());
    about
        .filter_map(|accepted| {
            let what = match accepted.statement.predicate() {
                Predicate::Withdraw(withdraw) => {
                    let rows = withdraw
                        .rows
                        .map(|rows| format!(", {}", counted(rows.count.value(), "row")))
                        .unwrap_or_default();
                    format!("reason {}{rows}", withdraw.reason)
                }
                Predicate::Dispute(dispute) => format!("reason {}", dispute.reason),
                Predicate::Countersign(countersign) => format!("as {}", countersign.role),
                _ => return None,
            };
            let withdrawn = session.ledger.fold().statement(&accepted.statement_id);
            let is_void = withdrawn.is_some_and(|record| record.withdrawn == Withdrawn::Whole);
            Some(Said {
                kind: accepted.record.kind.as_str(),
                statement: accepted.statement_id.to_string(),
                signer: accepted.record.signer.to_string(),
                by: naming::person(session.ledger.fold(), &accepted.record.signer),
                what: if is_void { format!("{what} (withdrawn)") } else { what },
            })
        })
        .collect()
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
