//! `mira trace`

use std::collections::HashSet;
use std::process::ExitCode;

use clap::Args;
use mira_core::digest::StatementId;
use mira_core::fold::Withdrawn;
use mira_core::statement::ExternalInput;
use mira_lineage::graph::{Direction, Graph, Node, Place, Source, Taint};
use serde::Serialize;

use crate::args::Global;
use crate::error::Result;
use crate::output::{JsonMode, Output, count, escape};
use crate::session::Session;
use crate::uses::InputLine;
use crate::{lineage, naming};

/// Show what something was made from, or what was made from it
///
/// Everything is shown, with who says so and whether somebody else stands behind it, disputes it or took it back. What
/// can be reached on several ways is written out once and only named after that.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira trace net
  mira trace penguins --down
  mira trace net-api --json
  mira trace net --json=lines            a line for each node, then for each edge")]
pub struct TraceArgs {
    /// A dataset, model, evaluation, deployment or use
    #[arg(value_name = "REF")]
    reference: String,
    /// What was made from it, instead of what it was made from
    #[arg(long)]
    down: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    root: String,
    direction: &'static str,
    nodes: Vec<NodeLine>,
    edges: Vec<EdgeLine>,
}

#[derive(Serialize)]
struct NodeLine {
    id: String,
    kind: &'static str,
    #[serde(rename = "ref")]
    reference: String,
    depth: usize,
    #[serde(flatten)]
    statement: Option<StatementLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
}

/// What is known of a node that is a statement.
#[derive(Serialize)]
struct StatementLine {
    #[serde(serialize_with = "count")]
    seq: u64,
    signer: String,
    signer_label: Option<String>,
    owner: String,
    claimed_at: Option<String>,
    assurance: &'static str,
    #[serde(serialize_with = "count")]
    countersignatures: u64,
    #[serde(serialize_with = "count")]
    disputes: u64,
    withdrawn: &'static str,
    stands_on_withdrawn: Option<String>,
}

#[derive(Serialize)]
struct EdgeLine {
    from: String,
    to: String,
    rel: &'static str,
    #[serde(flatten)]
    input: Option<InputLine>,
}

/// Shows it.
pub fn run(args: &TraceArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let found = session.find(&args.reference)?;
    let graph = lineage::graph(&session)?;
    let root = lineage::place(&graph, &found)?;
    let direction = if args.down { Direction::Down } else { Direction::Up };
    let taints = graph.taints(session.ledger.fold());
    let trace = Trace { session: &session, graph: &graph, taints, direction };
    match output.json {
        JsonMode::Document => output.document(&trace.document(root, &found.id)),
        JsonMode::Lines => {
            let Document { nodes, edges, .. } = trace.document(root, &found.id);
            // Nodes have an `id`, and edges `from` and `to`: what an edge names comes before it.
            output.lines(nodes);
            output.lines(edges);
        }
        JsonMode::Off => trace.print(root, output),
    }
    Ok(ExitCode::SUCCESS)
}

struct Trace<'a> {
    session: &'a Session,
    graph: &'a Graph,
    taints: Vec<Option<Taint>>,
    direction: Direction,
}

/// A line of the tree that is still to be written.
struct Pending<'a> {
    /// What stands before the line, and before those below it.
    prefix: String,
    below: String,
    item: Branch<'a>,
}

enum Branch<'a> {
    /// A node, and how the node above it uses it, or it uses that.
    Node { place: Place, how: Option<&'a Source> },
    /// Something that is no node.
    Leaf(&'a Source),
}

impl<'a> Trace<'a> {
    fn print(&self, root: Place, output: &Output) {
        let mut seen = HashSet::new();
        let first = Branch::Node { place: root, how: None };
        let mut open = vec![Pending { prefix: String::new(), below: String::new(), item: first }];
        while let Some(Pending { prefix, below, item }) = open.pop() {
            let (text, place) = match item {
                Branch::Leaf(source) => (self.leaf(source), None),
                Branch::Node { place, how } => (self.node(place, how), Some(place)),
            };
            let Some(place) = place else {
                output.data(format_args!("{prefix}{text}"));
                continue;
            };
            let branches = self.branches(place);
            if !seen.insert(place) && !branches.is_empty() {
                output.data(format_args!("{prefix}{text}  (written out above)"));
                continue;
            }
            output.data(format_args!("{prefix}{text}"));
            let last = branches.len().saturating_sub(1);
            for (index, item) in branches.into_iter().enumerate().rev() {
                let (branch, line) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                open.push(Pending { prefix: format!("{below}{branch}"), below: format!("{below}{line}"), item });
            }
        }
    }

    /// What stands below a node in the tree.
    fn branches(&self, place: Place) -> Vec<Branch<'a>> {
        let Some(node) = self.graph.node(place) else { return Vec::new() };
        match self.direction {
            Direction::Up => node
                .sources
                .iter()
                .map(|source| match source.place() {
                    Some(place) => Branch::Node { place, how: Some(source) },
                    None => Branch::Leaf(source),
                })
                .collect(),
            Direction::Down => {
                // A user that has several edges to this node is named once for each way.
                let mut users = node.users.clone();
                users.dedup();
                let ways = users.into_iter().flat_map(|user| {
                    let sources = self.graph.node(user).map(|node| node.sources.as_slice()).unwrap_or_default();
                    let here = sources.iter().filter(move |source| source.place() == Some(place));
                    here.map(move |source| Branch::Node { place: user, how: Some(source) })
                });
                ways.collect()
            }
        }
    }

    fn node(&self, place: Place, how: Option<&Source>) -> String {
        let Some(node) = self.graph.node(place) else { return String::new() };
        let fold = self.session.ledger.fold();
        let mut text = naming::title(fold, &node.statement);
        if let Some(record) = fold.statement(&node.statement) {
            if record.version.is_some() {
                text.push_str(&format!("  {}", node.kind));
            }
            text.push_str(&format!("  by {}  {}", naming::person(fold, &record.signer), naming::assurance(record)));
            if let Some(rights) = &record.rights {
                text.push_str(&format!("  {}", rights.license));
            }
            match record.withdrawn {
                Withdrawn::Nothing => {}
                Withdrawn::Rows => text.push_str("  ROWS WITHDRAWN"),
                Withdrawn::Whole => text.push_str("  WITHDRAWN"),
            }
        }
        if let Some(taint) = self.taint(place) {
            text.push_str(&format!("  [{}]", lineage::warning(self.session, self.graph, taint)));
        }
        match how {
            Some(Source::Input { input, .. }) => {
                text.push_str(&format!("  ({})", InputLine::logged(self.session, input).manner()));
            }
            Some(Source::Deployment(_)) => text.push_str("  (in which it was used)"),
            _ => {}
        }
        escape(&text)
    }

    fn leaf(&self, source: &Source) -> String {
        escape(&match source {
            Source::External(input) => InputLine::external(input).to_text(),
            Source::Missing { list, count } => {
                format!("MISSING  {count} inputs in a list that is not here, with SHA-256 {list}")
            }
            Source::Dangling(input) => format!("UNKNOWN  statement {} is not in this log", input.statement),
            Source::Input { .. } | Source::Model(_) | Source::Deployment(_) => String::new(),
        })
    }

    fn taint(&self, place: Place) -> Option<&Taint> {
        self.taints.get(place).and_then(Option::as_ref)
    }

    fn document(&self, root: Place, id: &StatementId) -> Document {
        let walk = self.graph.walk(root, self.direction);
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        let reached: HashSet<Place> = walk.iter().map(|step| step.place).collect();
        for step in &walk {
            let Some(node) = self.graph.node(step.place) else { continue };
            nodes.push(self.node_line(step.place, node, step.depth));
            for source in &node.sources {
                match source.place() {
                    Some(place) if !reached.contains(&place) => {}
                    // Downwards, what else a user was made from lies outside of what was asked.
                    None if self.direction == Direction::Down => {}
                    _ => {
                        nodes.extend(outside(source, step.depth + 1));
                        edges.push(self.edge_line(node, source));
                    }
                }
            }
        }
        let direction = if self.direction == Direction::Up { "up" } else { "down" };
        let root = id.to_string();
        // One external thing may be named by several statements.
        let mut seen = HashSet::new();
        nodes.retain(|node| seen.insert(node.id.clone()));
        Document { schema: "mira.trace/1", root, direction, nodes, edges }
    }

    fn node_line(&self, place: Place, node: &Node, depth: usize) -> NodeLine {
        let fold = self.session.ledger.fold();
        let record = fold.statement(&node.statement);
        let statement = record.map(|record| {
            let accepted = self.session.ledger.accepted(record.seq);
            let by = self.taint(place).and_then(|taint| self.graph.node(taint.by));
            StatementLine {
                seq: record.seq.value(),
                signer: record.signer.to_string(),
                signer_label: naming::label(fold, &record.signer),
                owner: record.owner.to_string(),
                claimed_at: accepted.map(|accepted| accepted.statement.common().claimed_at.to_string()),
                assurance: naming::assurance(record),
                countersignatures: record.countersignatures,
                disputes: record.disputes,
                withdrawn: naming::withdrawn(record.withdrawn),
                stands_on_withdrawn: by.map(|by| by.statement.to_string()),
            }
        });
        NodeLine {
            id: node.statement.to_string(),
            kind: node.kind.as_str(),
            reference: naming::title(fold, &node.statement),
            depth,
            statement,
            license: record.and_then(|record| record.rights.as_ref()).map(|rights| rights.license.to_string()),
        }
    }

    fn edge_line(&self, user: &Node, source: &Source) -> EdgeLine {
        let from = source.place().and_then(|place| self.graph.node(place)).map(|node| node.statement.to_string());
        let (rel, input) = match source {
            Source::Input { input, .. } | Source::Dangling(input) => {
                ("input", Some(InputLine::logged(self.session, input)))
            }
            Source::External(input) => ("input", Some(InputLine::external(input))),
            Source::Missing { .. } => ("input", None),
            Source::Model(_) => ("model", None),
            Source::Deployment(_) => ("deployment", None),
        };
        EdgeLine { from: from.unwrap_or_else(|| outside_id(source)), to: user.statement.to_string(), rel, input }
    }
}

/// A source that is no statement of this log, as a node.
fn outside(source: &Source, depth: usize) -> Option<NodeLine> {
    let (kind, license) = match source {
        Source::External(ExternalInput { license, .. }) => ("external", license.as_ref().map(ToString::to_string)),
        Source::Missing { .. } => ("missing", None),
        Source::Dangling(_) => ("unknown", None),
        Source::Input { .. } | Source::Model(_) | Source::Deployment(_) => return None,
    };
    let id = outside_id(source);
    Some(NodeLine { reference: id.clone(), id, kind, depth, statement: None, license })
}

fn outside_id(source: &Source) -> String {
    match source {
        Source::External(input) => input.uri.to_string(),
        Source::Missing { list, .. } => format!("sha256:{list}"),
        Source::Dangling(input) => input.statement.to_string(),
        Source::Input { .. } | Source::Model(_) | Source::Deployment(_) => String::new(),
    }
}
