//! `deployments`: where models are served, one row per statement.

use mira_core::digest::{ContributorId, ModelId, StatementId};
use mira_core::name::{Name, Uri};
use mira_core::statement::DeploymentState;
use mira_core::time::UtcTime;

use super::{Assurance, table};

table! {
    /// What was said about a deployment. The last row of a deployment is what holds.
    DeploymentRow as "deployments" {
        /// The deploy statement.
        statement_id: StatementId,
        /// Its node.
        node: u32,
        /// Its place in the log.
        seq: u64,
        /// Whose it is.
        owner: ContributorId,
        /// Who signed for it.
        signer: ContributorId,
        /// What the owner calls it.
        deployment: Name,
        /// Which statement about it, from 1.
        version: u64,
        /// Whether this is the last one.
        latest: bool,
        /// Whether it is served.
        state: DeploymentState,
        /// The train statement of the model.
        model: StatementId,
        /// The same, for people.
        model_ref: Option<String>,
        /// The model's files.
        model_id: ModelId,
        /// Where it is served.
        uri: Option<Uri>,
        /// When the signer says that it was signed.
        claimed_at: UtcTime,
        /// How much stands behind it.
        assurance: Assurance,
        /// The first epoch that holds it.
        epoch: Option<u64>,
    }
}
