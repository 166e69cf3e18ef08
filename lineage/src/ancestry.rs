//! Lineage: tables and index together, and the questions about what was made from what.
//!
//! An answer is whole or an error. Where a run's inputs stand in a file that is not at hand, what lies behind them is not
//! known, and no closure that would have to pass there is given.

use std::collections::HashMap;

use mira_core::digest::{Digest, StatementId};

use crate::closure::{ClosureError, Direction, Index, Step, Walk};
use crate::replay::Tables;
use crate::tables::{EdgeRow, NodeRow};

/// Tables, and the index over their nodes and edges.
#[derive(Debug)]
pub struct Lineage {
    tables: Tables,
    index: Index,
    by_id: HashMap<String, u32>,
    /// Nodes whose inputs are not known, ascending, and the list that has them.
    unknown: Vec<(u32, Digest)>,
}

/// A state of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOf {
    /// As it is.
    #[default]
    Now,
    /// When it had so many entries.
    Size(u64),
    /// As it was sealed.
    Epoch(u64),
}

/// The part of the lineage that the log had at some state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// How many entries it had.
    pub size: u64,
    /// How many nodes those made.
    pub nodes: u32,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// The index is not that of these tables.
    #[error("the index has {found} nodes, the log has {expected}")]
    Index {
        /// Nodes of the tables.
        expected: usize,
        /// Nodes of the index.
        found: u32,
    },
    /// The walk failed.
    #[error(transparent)]
    Closure(#[from] ClosureError),
    /// The log never had this size.
    #[error("the log has {size} entries, so there is no state of it with {found}")]
    Size {
        /// How many there are.
        size: u64,
        /// How many were asked for.
        found: u64,
    },
    /// No such epoch was sealed.
    #[error("the log has {epochs} sealed epochs, so there is no epoch {found}")]
    Epoch {
        /// How many there are.
        epochs: usize,
        /// Which one was asked for.
        found: u64,
    },
    /// The statement makes no node.
    #[error("statement {statement} is no part of lineage")]
    NoNode {
        /// The statement.
        statement: StatementId,
    },
    /// The node came later.
    #[error("{node} came after the log had {size} entries")]
    Later {
        /// The node, as a person knows it.
        node: String,
        /// The state that was asked for.
        size: u64,
    },
    /// The closure would have to pass where it is not known.
    #[error("the inputs of {node} are listed in file {list}, which is not here")]
    InputsUnknown {
        /// The node, as a person knows it.
        node: String,
        /// SHA-256 of the list.
        list: Digest,
    },
}

impl Lineage {
    /// Makes the index of these tables.
    ///
    /// # Errors
    /// [`LineageError::Closure`], if they hold too many edges.
    pub fn new(tables: Tables) -> Result<Self, LineageError> {
        let edges: Vec<(u32, u32)> = tables.edges.iter().map(|edge| (edge.src, edge.dst)).collect();
        let nodes = u32::try_from(tables.nodes.len()).unwrap_or(u32::MAX);
        let index = Index::build(nodes, &edges)?;
        Self::with_index(tables, index)
    }

    /// Takes an index that was made of these tables before. Only its number of nodes is compared.
    ///
    /// # Errors
    /// [`LineageError::Index`].
    pub fn with_index(tables: Tables, index: Index) -> Result<Self, LineageError> {
        let (expected, found) = (tables.nodes.len(), index.nodes());
        if expected != found as usize {
            return Err(LineageError::Index { expected, found });
        }
        let by_id = tables.nodes.iter().map(|node| (node.id.clone(), node.node)).collect();
        let unknown = tables.runs.iter().filter(|run| !run.inputs_known);
        let unknown = unknown.filter_map(|run| Some((run.output, run.input_list?))).collect();
        Ok(Self { tables, index, by_id, unknown })
    }

    /// The rows.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// A node by its id, as it stands in `nodes`.
    pub fn node(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// The node that a statement makes.
    ///
    /// # Errors
    /// [`LineageError::NoNode`].
    pub fn node_of(&self, statement: &StatementId) -> Result<u32, LineageError> {
        self.node(&statement.to_string()).ok_or(LineageError::NoNode { statement: *statement })
    }

    /// What the log had at some state.
    ///
    /// # Errors
    /// [`LineageError::Size`] and [`LineageError::Epoch`], if it never was in that state.
    pub fn bound(&self, as_of: AsOf) -> Result<Bound, LineageError> {
        let most = self.tables.events.len() as u64;
        let size = match as_of {
            AsOf::Now => most,
            AsOf::Size(found) if found > most => return Err(LineageError::Size { size: most, found }),
            AsOf::Size(size) => size,
            AsOf::Epoch(found) => {
                let epoch = self.tables.epochs.iter().find(|epoch| epoch.epoch == found);
                epoch.ok_or(LineageError::Epoch { epochs: self.tables.epochs.len(), found })?.size
            }
        };
        let nodes = self.tables.nodes.partition_point(|node| node.created_seq < size);
        Ok(Bound { size, nodes: u32::try_from(nodes).unwrap_or(u32::MAX) })
    }

    /// Everything that `root` was made from, or that was made from it, nearest first.
    ///
    /// # Errors
    /// [`LineageError`]; never less than everything.
    pub fn closure(
        &self,
        root: u32,
        direction: Direction,
        depth: Option<u32>,
        bound: Bound,
        most: usize,
    ) -> Result<Vec<Step>, LineageError> {
        if root >= bound.nodes && (root as usize) < self.tables.nodes.len() {
            return Err(LineageError::Later { node: self.name(root), size: bound.size });
        }
        let steps = self.index.walk(root, direction, &Walk { depth, bound: bound.nodes, most })?;
        match direction {
            Direction::Up => {
                let passed = steps.iter().filter(|step| depth.is_none_or(|depth| step.depth < depth));
                let start = (depth != Some(0)).then_some(root);
                start.into_iter().chain(passed.map(|step| step.node)).try_for_each(|node| self.check_inputs(node))?;
            }
            // Whatever came after the root may have been made from it.
            Direction::Down => {
                let later = |(node, _): &&(u32, Digest)| *node > root && *node < bound.nodes;
                if let Some((node, _)) = self.unknown.iter().find(later) {
                    self.check_inputs(*node)?;
                }
            }
        }
        Ok(steps)
    }

    /// Refuses a node whose inputs are not known.
    pub(crate) fn check_inputs(&self, node: u32) -> Result<(), LineageError> {
        let Ok(at) = self.unknown.binary_search_by_key(&node, |(node, _)| *node) else { return Ok(()) };
        let list = self.unknown.get(at).map(|(_, list)| *list).unwrap_or_default();
        Err(LineageError::InputsUnknown { node: self.name(node), list })
    }

    /// A node's row.
    pub(crate) fn row(&self, node: u32) -> Option<&NodeRow> {
        self.tables.nodes.get(node as usize)
    }

    /// The edges into a node, in the order of its statement.
    pub(crate) fn edges_into(&self, node: u32) -> &[EdgeRow] {
        // A node's edges are written when it is made, so they ascend by destination.
        let start = self.tables.edges.partition_point(|edge| edge.dst < node);
        let end = self.tables.edges.partition_point(|edge| edge.dst <= node);
        self.tables.edges.get(start..end).unwrap_or_default()
    }

    /// A node as a person knows it.
    pub(crate) fn name(&self, node: u32) -> String {
        self.row(node).map_or_else(|| node.to_string(), |row| row.r#ref.clone().unwrap_or_else(|| row.id.clone()))
    }
}
