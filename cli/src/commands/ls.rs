//! `mira ls`

use std::process::ExitCode;

use clap::Args;
use mira_core::fold::{Record, Withdrawn};
use mira_core::manifest::{MAX_MANIFEST, Manifest};
use mira_core::statement::Predicate;
use mira_ingest::outbox::State;
use serde::Serialize;

use crate::args::Global;
use crate::card::{Card, MAX_CARD};
use crate::error::Result;
use crate::output::{JsonMode, Output, counted, escape, excerpt};
use crate::refs::Found;
use crate::session::Session;
use crate::{dataset, lineage, naming, pinning, publish};

/// List datasets, models and deployments, the latest version of each
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira ls
  mira ls --search penguins --search en
  mira ls --all
  mira ls --json=lines")]
pub struct LsArgs {
    /// All versions
    #[arg(long)]
    all: bool,
    /// Only what has this word in its name, its licence, or its card: title, languages, tags, tasks, size (may be repeated)
    #[arg(long, value_name = "WORD")]
    search: Vec<String>,
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
    title: Option<String>,
    words: Vec<String>,
    /// Nodes and services that have it.
    pinned_at: Vec<String>,
}

impl Line {
    /// Whether each of these words is in one of its texts, in any case.
    fn has(&self, wanted: &[String]) -> bool {
        let texts = [Some(&self.name), self.license.as_ref(), self.title.as_ref()].into_iter().flatten();
        let texts: Vec<String> = texts.chain(&self.words).map(|text| text.to_lowercase()).collect();
        wanted.iter().map(|word| word.to_lowercase()).all(|word| texts.iter().any(|text| text.contains(&word)))
    }
}

/// Lists them.
pub fn run(args: &LsArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let fold = session.ledger.fold();
    let graph = lineage::graph(&session)?;
    let taints = graph.taints(fold);
    let mut items: Vec<_> = fold
        .statements()
        .filter(|(_, record)| record.version.is_some())
        .filter(|(id, record)| args.all || session.ledger.latest(record).as_ref() == Some(*id))
        .collect();
    items.sort_by_key(|(_, record)| record.seq);
    let jobs = publish::jobs(&session)?;
    let lines = items.into_iter().filter_map(|(id, record)| {
        let version = record.version.as_ref()?;
        let taint = graph.place(id).and_then(|place| taints.get(place).copied().flatten());
        let by = taint.and_then(|taint| graph.node(taint.by));
        let card = card(&session, &Found { id: *id, record });
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
            title: card.as_ref().and_then(|card| card.front().pretty_name.clone()),
            words: card.map(|card| card.words().map(str::to_owned).collect()).unwrap_or_default(),
            pinned_at: pinning::of(&jobs, id)
                .filter(|job| job.state == State::Pinned)
                .map(|job| job.target.service.clone())
                .collect(),
        })
    });
    let lines = lines.filter(|line| line.has(&args.search));
    match output.json {
        JsonMode::Lines => lines.for_each(|line| output.document(&line)),
        JsonMode::Document => output.document(&Document { schema: "mira.ls/1", items: lines.collect() }),
        JsonMode::Off => lines.for_each(|line| output.data(text(&line))),
    }
    Ok(ExitCode::SUCCESS)
}

/// The card of a dataset, if it is here. A listing is no place to check it.
fn card(session: &Session, found: &Found<'_>) -> Option<Card> {
    found.record.extent?;
    let blobs = session.blobs();
    let stated = dataset::stated(&session.ledger, found).ok()?;
    let manifest = blobs.get(stated.subject.manifest.digest(), MAX_MANIFEST).ok()?;
    let card = Manifest::from_cbor(&manifest).ok()?.fields().card?;
    Card::kept(blobs.get(&card.sha256, MAX_CARD).ok()?)
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
    if !line.pinned_at.is_empty() {
        flags.push_str("  pinned");
    }
    let name = format!("{}@{}", line.name, line.version);
    let title = line.title.as_ref().filter(|title| **title != line.name);
    let title = title.map(|title| format!("  {}", escape(&excerpt(title)))).unwrap_or_default();
    format!("{name:<28}  {:<10}  {rows:>14}  {license:<12}  {:.16}{title}{flags}", line.kind, line.root)
}
