//! `model_versions`: each version of a model.

use mira_core::digest::{ContributorId, ModelId, StatementId};
use mira_core::fold::Withdrawn;
use mira_core::name::Name;
use mira_core::rights::License;
use mira_core::time::UtcTime;

use super::{Assurance, table};

table! {
    /// A version of a model.
    ModelVersionRow as "model_versions" {
        /// The train statement.
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
        name: Name,
        /// Which version.
        version: u64,
        /// Both, for people.
        r#ref: String,
        /// Its files.
        model_id: ModelId,
        /// How many files.
        files: u64,
        /// Its licence; table `rights` has the rest.
        license: License,
        /// When the signer says that it was signed.
        claimed_at: UtcTime,
        /// Whether it was withdrawn.
        withdrawn: Withdrawn,
        /// The place of the first withdrawal.
        withdrawn_seq: Option<u64>,
        /// How much stands behind it.
        assurance: Assurance,
        /// The first epoch that holds it.
        epoch: Option<u64>,
    }
}
