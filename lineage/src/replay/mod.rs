//! Replay: what the fold made of a log's entries, as rows of [tables](crate::tables).
//!
//! Replay decides nothing. It takes the outcomes of the fold in log order, with the state at the end, and writes down the
//! same rows for the same log every time. Facts that are no entries (chunk lists, pins, anchors, rewards, claims) come in as
//! rows, and go out as they came.
//!
//! A node is made by the first accepted entry that speaks of it, so that its number grows with the log and an edge runs
//! from an older node to a newer one.
//!
//! Inputs may stand in a file that the statement names. A file that is not at hand leaves its run without edges, and with
//! `inputs_known` false: [`Lineage`](crate::ancestry::Lineage) then refuses to answer what depends on it.

mod graph;
mod names;
mod rows;

use std::collections::HashMap;

use mira_core::digest::{Digest, EntryId, StatementId};
use mira_core::fold::{Accepted, Fold, Outcome};
use mira_core::merkle::TreeHead;

use crate::tables::{
    AgentRow, AnchorRow, AssociationRow, CardRow, ChunkRow, ClaimRow, ColumnEdgeRow, DatasetRow, DatasetVersionRow,
    DeploymentRow, EdgeRow, EpochRow, EvaluationRow, EventRow, JudgementRow, ModelRow, ModelVersionRow, NodeRow,
    PinRow, RewardRow, RightsRow, RunRow, UseRow,
};

/// An entry of the log, and what the fold made of it.
#[derive(Debug, Clone, Copy)]
pub struct Logged<'a> {
    /// Its leaf hash.
    pub entry_id: EntryId,
    /// What became of it.
    pub outcome: &'a Outcome,
}

/// What the log does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Size and root of the sealed epochs, from epoch 1 on.
    pub epochs: Vec<TreeHead>,
    /// The files of inputs that statements name, by their SHA-256.
    pub lists: HashMap<Digest, Vec<u8>>,
    /// The chunks of datasets, those of one dataset together and in order.
    pub chunks: Vec<ChunkRow>,
    /// The cards of datasets, in the order of the log.
    pub cards: Vec<CardRow>,
    /// Anchor receipts.
    pub anchors: Vec<AnchorRow>,
    /// The state of pins.
    pub pins: Vec<PinRow>,
    /// What contributors are owed.
    pub rewards: Vec<RewardRow>,
    /// What they were paid.
    pub claims: Vec<ClaimRow>,
}

/// The rows of every table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the table of its name")]
pub struct Tables {
    pub events: Vec<EventRow>,
    pub nodes: Vec<NodeRow>,
    pub edges: Vec<EdgeRow>,
    pub datasets: Vec<DatasetRow>,
    pub dataset_versions: Vec<DatasetVersionRow>,
    pub chunks: Vec<ChunkRow>,
    pub cards: Vec<CardRow>,
    pub models: Vec<ModelRow>,
    pub model_versions: Vec<ModelVersionRow>,
    pub runs: Vec<RunRow>,
    pub evaluations: Vec<EvaluationRow>,
    pub deployments: Vec<DeploymentRow>,
    pub uses: Vec<UseRow>,
    pub agents: Vec<AgentRow>,
    pub associations: Vec<AssociationRow>,
    pub rights: Vec<RightsRow>,
    pub judgements: Vec<JudgementRow>,
    pub epochs: Vec<EpochRow>,
    pub anchors: Vec<AnchorRow>,
    pub pins: Vec<PinRow>,
    pub rewards: Vec<RewardRow>,
    pub claims: Vec<ClaimRow>,
    pub column_edges: Vec<ColumnEdgeRow>,
}

/// Why a log has no tables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// More nodes than 32 bits can count.
    #[error("the log speaks of more than 2^32 - 1 nodes")]
    TooManyNodes,
    /// The outcomes are not those of this fold.
    #[error("the fold has {expected} entries, found the outcomes of {found}")]
    Entries {
        /// How many the fold has seen.
        expected: u64,
        /// How many outcomes there are.
        found: u64,
    },
    /// An accepted statement that the fold does not know.
    #[error("the fold does not know statement {statement}")]
    Unknown {
        /// The statement.
        statement: StatementId,
    },
}

/// Writes down the rows of all tables. `fold` is the state after the last of the entries.
///
/// # Errors
/// [`ReplayError`], if these are not the outcomes of that fold, or there are too many nodes.
pub fn replay(fold: &Fold, log: &[Logged<'_>], sources: Sources) -> Result<Tables, ReplayError> {
    let (expected, found) = (fold.next_index().value(), log.len() as u64);
    if expected != found {
        return Err(ReplayError::Entries { expected, found });
    }
    let mut replay = rows::Replay::new(fold, log, &sources);
    for (seq, entry) in (0..).zip(log) {
        replay.entry(seq, entry)?;
    }
    let mut tables = replay.finish();
    let Sources { chunks, cards, anchors, pins, rewards, claims, .. } = sources;
    tables.chunks = chunks;
    tables.cards = cards;
    tables.anchors = anchors;
    tables.pins = pins;
    tables.rewards = rewards;
    tables.claims = claims;
    Ok(tables)
}

/// The accepted entries, with their places.
fn accepted<'a>(log: &'a [Logged<'a>]) -> impl Iterator<Item = (u64, &'a Accepted)> {
    (0..).zip(log).filter_map(|(seq, entry)| match entry.outcome {
        Outcome::Accepted(accepted) => Some((seq, &**accepted)),
        Outcome::Refused(_) => None,
    })
}
