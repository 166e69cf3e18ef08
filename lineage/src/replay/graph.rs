//! Nodes and edges.

use std::collections::{BTreeMap, HashMap};

use mira_core::digest::{Digest, StatementId};
use mira_core::fold::{Accepted, Fold};
use mira_core::statement::{Code, ExternalInput, Input, Inputs, Listed, LoggedInput, Part, Predicate, Ranges};
use serde_json::Value;

use super::{ReplayError, Sources, names};
use crate::tables::{ChunkRow, EdgeRow, NodeKind, NodeRow, Rel};

/// What a node is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Statement(StatementId),
    /// URI and SHA-256.
    External(String, Option<Digest>),
    /// URI and commit.
    Code(String),
    Config(Digest),
}

/// Nodes and edges as they are made.
pub(super) struct Graph<'a> {
    fold: &'a Fold,
    sources: &'a Sources,
    /// Where the chunks of a dataset stand among all chunks.
    chunks: HashMap<StatementId, std::ops::Range<usize>>,
    known: HashMap<Key, u32>,
    pub(super) nodes: Vec<NodeRow>,
    pub(super) edges: Vec<EdgeRow>,
}

/// The edges into a node that is about to be made: their sources must be there first.
struct Incoming {
    src: u32,
    rel: Rel,
    input: Option<Used>,
}

/// How an input was used.
struct Used {
    usage: mira_core::statement::InputRole,
    rows: Option<u64>,
    passes: Option<u64>,
    tokens: Option<u64>,
    chunks: Option<String>,
    row_set: Option<Digest>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(fold: &'a Fold, sources: &'a Sources) -> Self {
        let mut chunks: HashMap<StatementId, std::ops::Range<usize>> = HashMap::new();
        for (at, chunk) in sources.chunks.iter().enumerate() {
            chunks.entry(chunk.statement_id).or_insert(at..at).end = at + 1;
        }
        Self { fold, sources, chunks, known: HashMap::new(), nodes: Vec::new(), edges: Vec::new() }
    }

    /// The node of a statement.
    pub(super) fn of(&self, statement: &StatementId) -> Option<u32> {
        self.known.get(&Key::Statement(*statement)).copied()
    }

    /// The inputs of a statement, if they are at hand.
    pub(super) fn inputs(&self, inputs: &Inputs) -> Option<Vec<Input>> {
        match inputs {
            Listed::Inline(inputs) => Some(inputs.clone()),
            Listed::File { list, .. } => inputs.open(self.sources.lists.get(list)?).ok(),
        }
    }

    /// Makes the nodes and edges of an accepted statement; returns its own node, if it has one.
    pub(super) fn add(&mut self, seq: u64, accepted: &Accepted) -> Result<Option<u32>, ReplayError> {
        let predicate = accepted.statement.predicate();
        let Some(kind) = kind_of(predicate) else { return Ok(None) };
        let mut incoming = Vec::new();
        for input in predicate.inputs().and_then(|inputs| self.inputs(inputs)).unwrap_or_default() {
            incoming.push(self.input(seq, &input)?);
        }
        let (code, config) = program(predicate);
        if let Some(code) = code {
            let src = self.code(seq, code)?;
            incoming.push(Incoming { src, rel: Rel::Code, input: None });
        }
        if let Some(config) = config {
            let src = self.node(Key::Config(config), NodeKind::Config, config.to_string(), None, seq, &attrs([]))?;
            incoming.push(Incoming { src, rel: Rel::Config, input: None });
        }
        for (statement, rel) in named(predicate) {
            // The fold accepts only statements whose targets it accepted before, so their nodes are there.
            incoming.extend(self.of(&statement).map(|src| Incoming { src, rel, input: None }));
        }
        let (id, name) = (accepted.statement_id, names::reference(self.fold, &accepted.record));
        let node = self.node(Key::Statement(id), kind, id.to_string(), name, seq, &attributes(predicate))?;
        self.connect(seq, node, incoming);
        Ok(Some(node))
    }

    fn connect(&mut self, seq: u64, dst: u32, incoming: Vec<Incoming>) {
        for (ord, Incoming { src, rel, input }) in (0..).zip(incoming) {
            let input = input.as_ref();
            self.edges.push(EdgeRow {
                src,
                dst,
                rel,
                seq,
                ord,
                usage: input.map(|used| used.usage),
                rows_used: input.and_then(|used| used.rows),
                passes: input.and_then(|used| used.passes),
                tokens: input.and_then(|used| used.tokens),
                chunks: input.and_then(|used| used.chunks.clone()),
                row_set: input.and_then(|used| used.row_set),
            });
        }
    }

    /// The node that this key names; makes it if it is new.
    fn node(
        &mut self,
        key: Key,
        kind: NodeKind,
        id: String,
        name: Option<String>,
        seq: u64,
        attrs: &BTreeMap<&'static str, Value>,
    ) -> Result<u32, ReplayError> {
        if let Some(node) = self.known.get(&key) {
            return Ok(*node);
        }
        let node = u32::try_from(self.nodes.len()).ok().filter(|node| *node < u32::MAX);
        let node = node.ok_or(ReplayError::TooManyNodes)?;
        let attrs = Value::from_iter(attrs.iter().map(|(key, value)| (*key, value.clone())));
        self.nodes.push(NodeRow { node, id, kind, r#ref: name, created_seq: seq, attrs: sorted(&attrs) });
        self.known.insert(key, node);
        Ok(node)
    }

    fn input(&mut self, seq: u64, input: &Input) -> Result<Incoming, ReplayError> {
        match input {
            Input::External(external) => self.external(seq, external),
            Input::Logged(logged) => {
                let src = match self.of(&logged.statement) {
                    Some(src) => src,
                    // The fold looks at inputs that stand in the statement only. One that a file lists may be anything.
                    None => self.unlogged(seq, &logged.statement)?,
                };
                Ok(Incoming { src, rel: Rel::Input, input: Some(self.used(logged)) })
            }
        }
    }

    fn used(&self, input: &LoggedInput) -> Used {
        let extent = self.fold.statement(&input.statement).and_then(|record| record.extent);
        let (rows, chunks, row_set) = match &input.part {
            Part::Whole => (extent.map(|extent| extent.rows), None, None),
            Part::Chunks(ranges) => (self.rows_of(&input.statement, ranges), Some(names::ranges(ranges)), None),
            Part::Rows(set) => (Some(set.count.value()), None, Some(set.sha256)),
        };
        let (passes, tokens) = (Some(input.passes.value()), input.tokens.map(|tokens| tokens.0));
        Used { usage: input.role, rows, passes, tokens, chunks, row_set }
    }

    /// How many rows these chunks have, if the dataset's chunk list is at hand.
    fn rows_of(&self, statement: &StatementId, ranges: &Ranges) -> Option<u64> {
        let chunks = self.sources.chunks.get(self.chunks.get(statement)?.clone())?;
        let rows = |chunk: &ChunkRow| chunk.rows;
        let range = |range: &mira_core::statement::Range| {
            let (start, end) = (usize::try_from(range.start.value()).ok()?, usize::try_from(range.end()).ok()?);
            Some(chunks.get(start..end)?.iter().map(rows).sum::<u64>())
        };
        ranges.as_slice().iter().map(range).sum()
    }

    fn external(&mut self, seq: u64, external: &ExternalInput) -> Result<Incoming, ReplayError> {
        let (uri, sha256) = (external.uri.to_string(), external.sha256);
        let id = sha256.map_or_else(|| uri.clone(), |sha256| format!("{uri}#sha256:{sha256}"));
        let license = external.license.as_ref().map(|license| ("license", license.to_string().into()));
        let attrs = attrs([("uri", uri.clone().into())].into_iter().chain(license));
        let src = self.node(Key::External(uri, sha256), NodeKind::External, id, None, seq, &attrs)?;
        let used = Used { usage: external.role, rows: None, passes: None, tokens: None, chunks: None, row_set: None };
        Ok(Incoming { src, rel: Rel::Input, input: Some(used) })
    }

    fn unlogged(&mut self, seq: u64, statement: &StatementId) -> Result<u32, ReplayError> {
        let id = format!("statement:{statement}");
        let attrs = attrs([("unlogged", true.into())]);
        self.node(Key::External(id.clone(), None), NodeKind::External, id, None, seq, &attrs)
    }

    fn code(&mut self, seq: u64, code: &Code) -> Result<u32, ReplayError> {
        let id = format!("{}@{}", code.uri, code.commit);
        let attrs = attrs([("commit", code.commit.to_string().into()), ("uri", code.uri.to_string().into())]);
        self.node(Key::Code(id.clone()), NodeKind::Code, id, None, seq, &attrs)
    }
}

/// What node a statement makes, if any.
const fn kind_of(predicate: &Predicate) -> Option<NodeKind> {
    match predicate {
        Predicate::Contribute(_) | Predicate::Transform(_) => Some(NodeKind::DatasetVersion),
        Predicate::Train(_) => Some(NodeKind::ModelVersion),
        Predicate::Evaluate(_) => Some(NodeKind::Evaluation),
        Predicate::Deploy(_) => Some(NodeKind::Deployment),
        Predicate::Use(_) => Some(NodeKind::Use),
        _ => None,
    }
}

/// The program that made it, and its configuration.
pub(super) fn program(predicate: &Predicate) -> (Option<&Code>, Option<Digest>) {
    match predicate {
        Predicate::Transform(transform) => (transform.code.as_ref(), transform.config),
        Predicate::Train(train) => (train.code.as_ref(), train.config),
        _ => (None, None),
    }
}

/// The statements that it names beside its inputs.
fn named(predicate: &Predicate) -> Vec<(StatementId, Rel)> {
    match predicate {
        Predicate::Evaluate(evaluate) => vec![(evaluate.model, Rel::Evaluated)],
        Predicate::Deploy(deploy) => vec![(deploy.model, Rel::Deployed)],
        Predicate::Use(usage) => {
            let deployment = usage.deployment.map(|deployment| (deployment, Rel::Used));
            [(usage.model, Rel::Used)].into_iter().chain(deployment).collect()
        }
        _ => Vec::new(),
    }
}

/// What a node's statement says of it that a reader of graphs wants beside it.
fn attributes(predicate: &Predicate) -> BTreeMap<&'static str, Value> {
    let text = |text: &dyn std::fmt::Display| Value::from(text.to_string());
    match predicate {
        Predicate::Deploy(deploy) => {
            let uri = deploy.uri.as_ref().map(|uri| ("uri", text(uri)));
            attrs([("state", text(&deploy.state))].into_iter().chain(uri))
        }
        Predicate::Use(usage) => attrs([("count", text(&usage.count)), ("unit", text(&usage.unit))]),
        Predicate::Train(train) => {
            attrs([("license", text(&train.rights.license)), ("model_id", text(&train.subject.id))])
        }
        predicate => attrs(predicate.dataset().into_iter().flat_map(|dataset| {
            [
                ("dataset_id", text(&dataset.subject.id)),
                ("license", text(&dataset.rights.license)),
                ("rows", dataset.rows.value().into()),
            ]
        })),
    }
}

fn attrs(items: impl IntoIterator<Item = (&'static str, Value)>) -> BTreeMap<&'static str, Value> {
    items.into_iter().collect()
}

/// JSON whose members come in the order of the map they were taken from, whatever serde_json's map was built to do.
fn sorted(value: &Value) -> String {
    let members: BTreeMap<&String, &Value> = value.as_object().into_iter().flatten().collect();
    serde_json::to_string(&members).unwrap_or_default()
}
