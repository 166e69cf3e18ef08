//! `mira log`

use std::process::ExitCode;

use clap::Args;
use mira_core::fold::Outcome;
use serde::Serialize;

use crate::args::Global;
use crate::error::{Result, chain};
use crate::ledger::Event;
use crate::output::{JsonMode, Output, count, escape};
use crate::session::Session;

/// List the log's entries, refused ones with the reason
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira log
  mira log --vkey      the log's verifier key, for `mira trust add` elsewhere
  mira log --json=lines")]
pub struct LogArgs {
    /// Print the log's verifier key instead
    #[arg(long = "vkey")]
    vkey: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    origin: String,
    #[serde(serialize_with = "count")]
    size: u64,
    root: String,
    entries: Vec<Line>,
}

#[derive(Serialize)]
struct KeyDocument {
    schema: &'static str,
    origin: String,
    vkey: String,
}

#[derive(Serialize)]
struct Line {
    #[serde(serialize_with = "count")]
    seq: u64,
    accepted: bool,
    kind: Option<&'static str>,
    statement: Option<String>,
    entry: Option<String>,
    signer: Option<String>,
    name: Option<String>,
    claimed_at: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
}

/// Lists them.
pub fn run(args: &LogArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let log = session.ledger.log();
    if args.vkey {
        let key = log.checkpoint().log_key();
        match output.is_json() {
            true => output.document(&KeyDocument {
                schema: "mira.log-key/1",
                origin: key.name().to_string(),
                vkey: key.to_string(),
            }),
            false => output.data(key),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let lines = session.ledger.history().iter().map(line);
    match output.json {
        JsonMode::Lines => lines.for_each(|line| output.document(&line)),
        JsonMode::Document => {
            let head = log.head();
            let origin = log.checkpoint().checkpoint().origin().to_string();
            let (size, root) = (head.size.value(), head.root.to_string());
            output.document(&Document { schema: "mira.log/1", origin, size, root, entries: lines.collect() });
        }
        JsonMode::Off => lines.for_each(|line| output.data(text(&line))),
    }
    Ok(ExitCode::SUCCESS)
}

fn line(event: &Event) -> Line {
    let seq = event.index.value();
    match &event.outcome {
        Outcome::Accepted(accepted) => {
            let record = &accepted.record;
            Line {
                seq,
                accepted: true,
                kind: Some(record.kind.as_str()),
                statement: Some(accepted.statement_id.to_string()),
                entry: Some(record.entry_id.to_string()),
                signer: Some(record.signer.to_string()),
                name: record.version.as_ref().map(|version| format!("{}@{}", version.name, version.number)),
                claimed_at: Some(accepted.statement.common().claimed_at.to_string()),
                reason: None,
                detail: None,
            }
        }
        Outcome::Refused(refusal) => Line {
            seq,
            accepted: false,
            kind: None,
            statement: None,
            entry: None,
            signer: None,
            name: None,
            claimed_at: None,
            reason: Some(refusal.reason().to_string()),
            detail: Some(chain(refusal)),
        },
    }
}

fn text(line: &Line) -> String {
    let field = |field: &Option<String>| escape(field.as_deref().unwrap_or_default());
    match (&line.kind, &line.statement) {
        (Some(kind), Some(statement)) => format!(
            "{:>5}  {:<20}  {kind:<11}  {:<24}  {:.16}  by {:.16}",
            line.seq,
            field(&line.claimed_at),
            field(&line.name),
            statement,
            field(&line.signer),
        ),
        _ => format!("{:>5}  refused ({}): {}", line.seq, field(&line.reason), field(&line.detail)),
    }
}
