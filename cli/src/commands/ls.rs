//! `mira ls`

use std::process::ExitCode;

use clap::Args;
use mira_core::fold::{Record, Thing, Withdrawn};
use mira_core::statement::Predicate;
use serde::Serialize;

use crate::args::Global;
use crate::error::Result;
use crate::output::{JsonMode, Output, counted};
use crate::session::Session;
use crate::{lineage, naming};

/// List datasets, models and deployments, the latest version of each
#[derive(Debug, Args)]
pub struct LsArgs {
    /// All versions
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    items: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    version: u64,
    kind: &'static str,
    owner: String,
    label: Option<String>,
    root: String,
    statement: String,
    rows: Option<u64>,
    license: Option<String>,
    state: Option<&'static str>,
    withdrawn: bool,
    stands_on_withdrawn: Option<String>,
    disputed: bool,
}

/// Lists them.
pub fn run(args: &LsArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let fold = session.ledger.fold();
    let graph = lineage::graph(&session)?;
    let taints = graph.taints(fold);
    let is_latest = |record: &Record| {
        let version = record.version.as_ref();
        let series = version.and_then(|version| match Thing::of(record.kind) {
            Some(Thing::Deployment) => fold.deployment(&record.owner, &version.name),
            _ => fold.artifact(&record.owner, &version.name),
        });
        version.zip(series).is_some_and(|(version, series)| version.number == series.versions().len() as u64)
    };
    let mut items: Vec<_> = fold
        .statements()
        .filter(|(_, record)| record.version.is_some())
        .filter(|(_, record)| args.all || is_latest(record))
        .collect();
    items.sort_by_key(|(_, record)| record.seq);
    let lines = items.into_iter().filter_map(|(id, record)| {
        let version = record.version.as_ref()?;
        let taint = graph.place(id).and_then(|place| taints.get(place).copied().flatten());
        let by = taint.and_then(|taint| graph.node(taint.by));
        Some(Line {
            name: version.name.to_string(),
            version: version.number,
            kind: record.kind.as_str(),
            owner: record.owner.to_string(),
            label: fold.contributor(&record.owner).and_then(|owner| owner.label()).map(ToString::to_string),
            root: record.subject.to_string(),
            statement: id.to_string(),
            rows: record.extent.map(|extent| extent.rows),
            license: record.rights.as_ref().map(|rights| rights.license.to_string()),
            state: state(&session, record),
            withdrawn: record.withdrawn != Withdrawn::Nothing,
            stands_on_withdrawn: by.map(|node| naming::title(fold, &node.statement)),
            disputed: record.disputes > 0,
        })
    });
    match output.json {
        JsonMode::Lines => lines.for_each(|line| output.document(&line)),
        JsonMode::Document => output.document(&Document { schema: "mira.ls/1", items: lines.collect() }),
        JsonMode::Off => lines.for_each(|line| output.data(text(&line))),
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a deployment is served.
fn state(session: &Session, record: &Record) -> Option<&'static str> {
    match session.ledger.accepted(record.seq)?.statement.predicate() {
        Predicate::Deploy(deploy) => Some(deploy.state.as_str()),
        _ => None,
    }
}

fn text(line: &Line) -> String {
    let rows = line.rows.map(|rows| counted(rows, "row")).unwrap_or_default();
    let license = line.license.as_deref().or(line.state).unwrap_or_default();
    let mut flags = String::new();
    if line.withdrawn {
        flags.push_str("  WITHDRAWN");
    }
    if let Some(by) = &line.stands_on_withdrawn {
        flags.push_str(&format!("  STANDS ON WITHDRAWN {by}"));
    }
    if line.disputed {
        flags.push_str("  DISPUTED");
    }
    let name = format!("{}@{}", line.name, line.version);
    format!("{name:<28}  {:<10}  {rows:>14}  {license:<12}  {:.16}{flags}", line.kind, line.root)
}
