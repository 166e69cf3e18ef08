//! `uses`: how much models were used.

use mira_core::digest::{ContributorId, ModelId, StatementId};
use mira_core::statement::Unit;
use mira_core::time::UtcTime;

use super::{Assurance, table};

table! {
    /// A use, self-declared unless somebody countersigned it.
    UseRow as "uses" {
        /// The use statement.
        statement_id: StatementId,
        /// Its node.
        node: u32,
        /// Its place in the log.
        seq: u64,
        /// Who says so.
        signer: ContributorId,
        /// The train statement of the model.
        model: StatementId,
        /// The same, for people.
        model_ref: Option<String>,
        /// The model's files.
        model_id: ModelId,
        /// The deploy statement of the deployment in which it was used.
        deployment: Option<StatementId>,
        /// When counting started.
        counted_from: UtcTime,
        /// When counting ended.
        counted_to: UtcTime,
        /// What was counted.
        unit: Unit,
        /// How many.
        count: u64,
        /// How much stands behind it.
        assurance: Assurance,
        /// The first epoch that holds it.
        epoch: Option<u64>,
    }
}
