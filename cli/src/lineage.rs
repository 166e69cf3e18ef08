//! The graph of a workspace's statements.

use mira_core::fold::Outcome;
use mira_core::statement::{Input, Inputs, Listed};
use mira_lineage::graph::{Graph, Place, Taint};

use crate::blobs::Blobs;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::naming;
use crate::session::Session;

/// Largest file of inputs that is read.
pub const MAX_INPUTS: usize = 64 << 20;

/// What was made from what in this workspace's log. A list of inputs that is not here is shown as missing.
pub fn graph(session: &Session) -> Result<Graph> {
    let blobs = session.blobs();
    let mut graph = Graph::new();
    for event in session.ledger.history() {
        let Outcome::Accepted(accepted) = &event.outcome else { continue };
        let listed = accepted.statement.predicate().inputs().map(|inputs| listed(inputs, &blobs)).transpose()?;
        graph.push(accepted.statement_id, &accepted.statement, listed.flatten());
    }
    Ok(graph)
}

/// The withdrawn statement that something stands on, in words.
pub fn warning(session: &Session, graph: &Graph, taint: &Taint) -> String {
    let fold = session.ledger.fold();
    let by = graph.node(taint.by).map(|node| naming::title(fold, &node.statement)).unwrap_or_default();
    match taint.withdrawn {
        mira_core::fold::Withdrawn::Rows => format!("stands on {by}, of which rows were withdrawn"),
        _ => format!("stands on {by}, which was withdrawn"),
    }
}

/// Where a statement stands in the graph.
pub fn place(graph: &Graph, found: &crate::refs::Found<'_>) -> Result<Place> {
    graph.place(&found.id).ok_or_else(|| {
        CliError::new(Kind::Usage, format!("a {} statement has no lineage", found.record.kind))
            .hint("datasets, models, evaluations, deployments and uses have one")
    })
}

fn listed(inputs: &Inputs, blobs: &Blobs) -> Result<Option<Vec<Input>>> {
    let Listed::File { list, .. } = inputs else { return Ok(None) };
    match blobs.get(list, MAX_INPUTS) {
        Ok(bytes) => inputs.open(&bytes).kind(Kind::DoesNotVerify).map(Some),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
