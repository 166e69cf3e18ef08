//! `associations`: who took part in what.

use mira_core::digest::{ContributorId, StatementId};

use super::table;

table! {
    /// Somebody's part in an activity.
    AssociationRow as "associations" {
        /// The statement that tells of the activity.
        activity: StatementId,
        /// Who took part.
        agent: ContributorId,
        /// As what.
        role: String,
        /// For whom, if not for themselves.
        on_behalf_of: Option<ContributorId>,
        /// Whether they say so themselves: the signer, or somebody who countersigned.
        signed: bool,
        /// The place of the entry that says so.
        seq: u64,
    }
}
