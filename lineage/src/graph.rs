//! What was made from what: the accepted statements of one log as a graph. Pure.
//!
//! A node is a statement. Its [`Source`]s are what it stands on: the inputs of a transform, a training run or an
//! evaluation, the model of an evaluation, a deployment or a use, and the deployment of a use. Statements name only
//! earlier ones, so edges run from old to new and there is no cycle. What was withdrawn or disputed since is not in the
//! graph: it is asked of the fold, which knows.
//!
//! ```text
//! contribute ──▶ transform ──▶ train ──▶ deploy ──▶ use
//!      external ──────────────▶   └────▶ evaluate
//! ```
//!
//! Walks are breadth first, so that the path to every node is a shortest one. Nothing is cut: a list of inputs that is
//! not at hand is a source of its own, [`Source::Missing`].

use std::collections::{HashMap, VecDeque};

use mira_core::digest::{Digest, StatementId};
use mira_core::fold::{Fold, Withdrawn};
use mira_core::statement::{ExternalInput, Input, Inputs, Kind, Listed, LoggedInput, Predicate, Statement};

pub mod rights;

/// Where a node stands in its graph: nodes are numbered in the order of the log.
pub type Place = usize;

/// The statements of a log that say what was made from what.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    places: HashMap<StatementId, Place>,
}

/// A statement.
#[derive(Debug, Clone)]
pub struct Node {
    /// The statement.
    pub statement: StatementId,
    /// Its kind.
    pub kind: Kind,
    /// What it stands on, in the order of the statement.
    pub sources: Vec<Source>,
    /// What stands on it, in the order of the log; twice if it does so twice.
    pub users: Vec<Place>,
}

/// Something that a statement stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A dataset or model of this log.
    Input {
        /// Its statement.
        place: Place,
        /// How it was used.
        input: LoggedInput,
    },
    /// Something that is not in this log.
    External(ExternalInput),
    /// The model that was measured, deployed or used.
    Model(Place),
    /// The deployment that was used.
    Deployment(Place),
    /// The list of inputs stands in a file that is not at hand.
    Missing {
        /// SHA-256 of the file.
        list: Digest,
        /// How many inputs it has.
        count: u64,
    },
    /// A listed input that is no dataset or model of this log: the fold does not look into files of inputs.
    Dangling(LoggedInput),
}

impl Source {
    /// The node, if it is one.
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Input { place, .. } | Self::Model(place) | Self::Deployment(place) => Some(*place),
            Self::External(_) | Self::Missing { .. } | Self::Dangling(_) => None,
        }
    }
}

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what a statement stands on.
    Up,
    /// To what stands on it.
    Down,
}

/// A node that a walk reached, on a shortest path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The node.
    pub place: Place,
    /// How many edges away it is.
    pub depth: usize,
    /// The step before, by its index in the walk; none for the first.
    pub before: Option<usize>,
}

/// Something withdrawn that a statement stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taint {
    /// What was withdrawn: the nearest, and of those the earliest named.
    pub by: Place,
    /// How many edges away it is.
    pub depth: usize,
    /// How much of it was withdrawn.
    pub withdrawn: Withdrawn,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next accepted statement of the log. `listed` are the inputs of a statement that keeps them in a file, if
    /// the file is at hand. Says whether it is a node: statements about keys, and about statements, are none.
    pub fn push(&mut self, id: StatementId, statement: &Statement, listed: Option<Vec<Input>>) -> bool {
        let mut sources = Vec::new();
        match statement.predicate() {
            Predicate::Contribute(_) => {}
            Predicate::Transform(transform) => self.add_inputs(&mut sources, &transform.inputs, listed),
            Predicate::Train(train) => self.add_inputs(&mut sources, &train.inputs, listed),
            Predicate::Evaluate(evaluate) => {
                sources.extend(self.place(&evaluate.model).map(Source::Model));
                self.add_inputs(&mut sources, &evaluate.inputs, listed);
            }
            Predicate::Deploy(deploy) => sources.extend(self.place(&deploy.model).map(Source::Model)),
            Predicate::Use(usage) => {
                sources.extend(self.place(&usage.model).map(Source::Model));
                let deployment = usage.deployment.as_ref().and_then(|id| self.place(id));
                sources.extend(deployment.map(Source::Deployment));
            }
            _ => return false,
        }
        let place = self.nodes.len();
        for source in sources.iter().filter_map(Source::place) {
            if let Some(node) = self.nodes.get_mut(source) {
                node.users.push(place);
            }
        }
        self.places.insert(id, place);
        self.nodes.push(Node { statement: id, kind: statement.kind(), sources, users: Vec::new() });
        true
    }

    /// The nodes, in the order of the log.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at a place.
    pub fn node(&self, place: Place) -> Option<&Node> {
        self.nodes.get(place)
    }

    /// Where a statement stands.
    pub fn place(&self, statement: &StatementId) -> Option<Place> {
        self.places.get(statement).copied()
    }

    /// Every node that can be reached, `from` first, each once and by a shortest path.
    pub fn walk(&self, from: Place, direction: Direction) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        let mut open = VecDeque::from([Step { place: from, depth: 0, before: None }]);
        while let Some(step) = open.pop_front() {
            let (Some(node), Some(seen)) = (self.nodes.get(step.place), seen.get_mut(step.place)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let index = steps.len();
            steps.push(step);
            let next = |place| Step { place, depth: step.depth + 1, before: Some(index) };
            match direction {
                Direction::Up => open.extend(node.sources.iter().filter_map(Source::place).map(next)),
                Direction::Down => open.extend(node.users.iter().copied().map(next)),
            }
        }
        steps
    }

    /// For each node the nearest withdrawn statement that it stands on, if there is one. A node that was withdrawn
    /// itself is not its own taint.
    pub fn taints(&self, fold: &Fold) -> Vec<Option<Taint>> {
        let withdrawn = |place: Place| {
            let record = self.nodes.get(place).and_then(|node| fold.statement(&node.statement));
            record.map_or(Withdrawn::Nothing, |record| record.withdrawn)
        };
        let mut taints: Vec<Option<Taint>> = Vec::with_capacity(self.nodes.len());
        // Sources stand before their users, so one pass in the order of the log is enough.
        for node in &self.nodes {
            let places = node.sources.iter().filter_map(Source::place);
            let nearest = places.filter_map(|place| match withdrawn(place) {
                Withdrawn::Nothing => {
                    let further = taints.get(place).copied().flatten();
                    further.map(|taint| Taint { depth: taint.depth + 1, ..taint })
                }
                withdrawn => Some(Taint { by: place, depth: 1, withdrawn }),
            });
            let taint = nearest.min_by_key(|taint| taint.depth);
            taints.push(taint);
        }
        taints
    }

    fn add_inputs(&self, sources: &mut Vec<Source>, inputs: &Inputs, listed: Option<Vec<Input>>) {
        match (inputs, listed) {
            (Listed::Inline(inputs), _) => sources.extend(inputs.iter().cloned().map(|input| self.source(input))),
            (Listed::File { .. }, Some(inputs)) => sources.extend(inputs.into_iter().map(|input| self.source(input))),
            (Listed::File { count, list }, None) => {
                sources.push(Source::Missing { list: *list, count: count.value() });
            }
        }
    }

    fn source(&self, input: Input) -> Source {
        match input {
            Input::External(input) => Source::External(input),
            Input::Logged(input) => {
                let material = |place: &Place| {
                    let kind = self.nodes.get(*place).map(|node| node.kind);
                    matches!(kind, Some(Kind::Contribute | Kind::Transform | Kind::Train))
                };
                match self.place(&input.statement).filter(material) {
                    Some(place) => Source::Input { place, input },
                    None => Source::Dangling(input),
                }
            }
        }
    }
}

/// The places of a walk's shortest path to one of its steps, from the first node on.
pub fn path_to(walk: &[Step], step: usize) -> Vec<Place> {
    let mut path = Vec::new();
    let mut next = walk.get(step);
    while let Some(step) = next {
        path.push(step.place);
        next = step.before.and_then(|before| walk.get(before));
    }
    path.reverse();
    path
}
