//! `mira check`

use std::process::ExitCode;

use clap::Args;
use mira_core::rights::{Use, Verdict};
use mira_core::statement::{Deploy, DeploymentState, Kind as StatementKind, Predicate};
use mira_lineage::graph::rights::{About, Answer, Item};
use mira_lineage::graph::{Graph, Place, Source, path_to};
use serde::Serialize;

use crate::args::Global;
use crate::error::{Kind, Result};
use crate::output::{Output, escape};
use crate::refs::Found;
use crate::session::Session;
use crate::{clock, lineage, naming};

/// Ask whether a dataset, model or deployment may be used so
///
/// Its own terms count, and those of everything that it was made from: allowed by all, denied by any, and what is not
/// known never passes. A withdrawn input denies every use; one from outside of the log is never known to allow it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira check net --use commercial
  mira check net-api --use commercial,redistribute --json

Uses: commercial, distill, evaluate, finetune, redistribute, retrieve, train.
Exit codes: 0 allowed, 3 an input forbids it or was withdrawn, 4 nobody said that it may be done.")]
pub struct CheckArgs {
    /// A dataset, model, deployment, evaluation or use
    #[arg(value_name = "REF")]
    reference: String,
    /// What is to be done with it; several are answered together, the worst deciding the exit code
    #[arg(long = "use", value_name = "USE,…", value_delimiter = ',', required = true)]
    uses: Vec<Use>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(rename = "ref")]
    reference: String,
    statement: String,
    verdict: &'static str,
    uses: Vec<Line>,
    flags: Vec<String>,
}

/// The answer for one use.
#[derive(Serialize)]
struct Line {
    #[serde(rename = "use")]
    wanted: &'static str,
    verdict: &'static str,
    by: Option<ItemLine>,
    path: Vec<String>,
    inputs: Vec<ItemLine>,
}

/// What one input says.
#[derive(Serialize, Clone)]
struct ItemLine {
    #[serde(rename = "ref")]
    reference: String,
    statement: Option<String>,
    says: &'static str,
    license: Option<String>,
    depth: usize,
}

/// Answers.
pub fn run(args: &CheckArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let found = session.find(&args.reference)?;
    let today = clock::now()?.date();
    let graph = lineage::graph(&session)?;
    let place = lineage::place(&graph, &found)?;
    let fold = session.ledger.fold();
    let answers: Vec<(Use, Answer)> =
        args.uses.iter().map(|wanted| (*wanted, graph.may(fold, place, *wanted, today))).collect();
    let uses: Vec<Line> = answers.iter().map(|(wanted, answer)| line(&session, &graph, *wanted, answer)).collect();
    let worst = worst(answers.iter().map(|(_, answer)| &answer.verdict));
    let reference = naming::title(fold, &found.id);
    let flags = flags(&session, &found);
    if output.is_json() {
        let (statement, verdict) = (found.id.to_string(), word(&worst));
        output.document(&Document { schema: "mira.check/1", reference, statement, verdict, uses, flags });
    } else {
        uses.iter().for_each(|line| print(&reference, line, output));
        flags.iter().for_each(|flag| output.data(format_args!("note: {}", escape(flag))));
    }
    Ok(match worst {
        Verdict::Allowed => ExitCode::SUCCESS,
        Verdict::Denied { .. } => Kind::DoesNotVerify.exit_code(),
        Verdict::Unknown { .. } => Kind::NotChecked.exit_code(),
    })
}

/// Denied beats unknown, unknown beats allowed.
fn worst<'a>(verdicts: impl Iterator<Item = &'a Verdict<usize>>) -> Verdict<usize> {
    let rank = |verdict: &Verdict<usize>| match verdict {
        Verdict::Allowed => 0,
        Verdict::Unknown { .. } => 1,
        Verdict::Denied { .. } => 2,
    };
    verdicts.max_by_key(|verdict| rank(verdict)).copied().unwrap_or(Verdict::Allowed)
}

const fn word(verdict: &Verdict<usize>) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied { .. } => "denied",
        Verdict::Unknown { .. } => "unknown",
    }
}

fn line(session: &Session, graph: &Graph, wanted: Use, answer: &Answer) -> Line {
    let inputs: Vec<ItemLine> = answer.items.iter().map(|item| item_line(session, graph, answer, item)).collect();
    let decided = match answer.verdict {
        Verdict::Allowed => None,
        Verdict::Denied { by } => Some(by),
        Verdict::Unknown { by } => by,
    };
    let by = decided.and_then(|item| inputs.get(item)).cloned();
    let path = decided.map(|item| path(session, graph, answer, item)).unwrap_or_default();
    Line { wanted: wanted.as_str(), verdict: word(&answer.verdict), by, path, inputs }
}

fn item_line(session: &Session, graph: &Graph, answer: &Answer, item: &Item) -> ItemLine {
    let step = answer.walk.get(item.step);
    let place = step.map_or(usize::MAX, |step| step.place);
    let depth = step.map_or(0, |step| step.depth);
    let fold = session.ledger.fold();
    let statement = graph.node(place).map(|node| node.statement);
    let record = statement.and_then(|id| fold.statement(&id));
    let title = statement.map(|id| naming::title(fold, &id)).unwrap_or_default();
    let says = item.says.as_str();
    match source(graph, place, item.about) {
        Some(Source::External(external)) => ItemLine {
            reference: external.uri.to_string(),
            statement: None,
            says,
            license: external.license.as_ref().map(ToString::to_string),
            depth: depth + 1,
        },
        Some(Source::Missing { list, count }) => {
            let reference = format!("{count} inputs of {title}, whose list {list:.16} is not here");
            ItemLine { reference, statement: None, says, license: None, depth: depth + 1 }
        }
        Some(Source::Dangling(input)) => ItemLine {
            reference: format!("{:.16}, which is no dataset or model of this log", input.statement.to_string()),
            statement: None,
            says,
            license: None,
            depth: depth + 1,
        },
        _ if item.about == About::NoSources => {
            let reference = format!("the inputs of {title}, of which it names none");
            ItemLine { reference, statement: None, says, license: None, depth: depth + 1 }
        }
        _ => ItemLine {
            reference: title,
            statement: statement.map(|id| id.to_string()),
            says,
            license: record.and_then(|record| record.rights.as_ref()).map(|rights| rights.license.to_string()),
            depth,
        },
    }
}

fn source(graph: &Graph, place: Place, about: About) -> Option<&Source> {
    match about {
        About::Source(index) => graph.node(place)?.sources.get(index),
        About::Itself | About::NoSources => None,
    }
}

/// The shortest path to what decided, from what was asked.
fn path(session: &Session, graph: &Graph, answer: &Answer, item: usize) -> Vec<String> {
    let Some(item) = answer.items.get(item) else { return Vec::new() };
    let places = path_to(&answer.walk, item.step).into_iter();
    let nodes = places.filter_map(|place| graph.node(place));
    let mut path: Vec<String> = nodes.map(|node| naming::title(session.ledger.fold(), &node.statement)).collect();
    if item.about != About::Itself {
        path.push(item_line(session, graph, answer, item).reference);
    }
    path
}

/// What else a reader of the answer should know.
fn flags(session: &Session, found: &Found<'_>) -> Vec<String> {
    let record = found.record;
    let mut flags = Vec::new();
    if record.disputes > 0 {
        flags.push(format!("{} statements dispute it: mira show says which it is", record.disputes));
    }
    let accepted = session.ledger.accepted(record.seq);
    let predicate = accepted.map(|accepted| accepted.statement.predicate());
    if let Some(Predicate::Deploy(Deploy { state: DeploymentState::Retired, .. })) = predicate {
        flags.push("it is retired".to_owned());
    }
    if record.kind == StatementKind::Deploy {
        let version = record.version.as_ref();
        let series = version.and_then(|version| session.ledger.fold().deployment(&record.owner, &version.name));
        if series.zip(version).is_some_and(|(series, version)| series.versions().len() as u64 > version.number) {
            flags.push("a later statement about this deployment exists".to_owned());
        }
    }
    flags
}

fn print(reference: &str, line: &Line, output: &Output) {
    let verdict = line.verdict.to_uppercase();
    output.data(format_args!("{}: {verdict} for {}", line.wanted, escape(reference)));
    if let Some(by) = &line.by {
        let license = by.license.as_ref().map(|license| format!(" ({license})")).unwrap_or_default();
        output.data(format_args!("  because  {}{} {}", escape(&by.reference), escape(&license), phrase(by.says)));
        let path: Vec<String> = line.path.iter().map(|item| escape(item)).collect();
        output.data(format_args!("  path     {}", path.join(" <- ")));
    }
    for input in &line.inputs {
        let license = input.license.as_deref().unwrap_or("-");
        output.data(format_args!("  {:<16} {:<28} {}", input.says, escape(&input.reference), escape(license)));
    }
}

fn phrase(says: &str) -> &'static str {
    match says {
        "denies" => "forbids it",
        "withdrawn" => "was withdrawn",
        "partly-withdrawn" => "allows it, but rows of it were withdrawn",
        "consent-ended" => "allows it, but the consent that it stands on has ended, or is not for this use",
        "says-nothing" => "does not say that it may be done",
        _ => "is not known to allow it",
    }
}
