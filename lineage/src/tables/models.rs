//! `models`: each model by owner and name, whatever its versions.

use mira_core::digest::{ContributorId, StatementId};
use mira_core::name::{Label, Name};

use super::table;

table! {
    /// A model: a name of an owner.
    ModelRow as "models" {
        /// Whose it is.
        owner: ContributorId,
        /// What the owner is called.
        owner_label: Option<Label>,
        /// What the owner calls it.
        name: Name,
        /// How many versions there are.
        versions: u64,
        /// The statement of the latest one.
        latest: StatementId,
        /// The place of the first one in the log.
        created_seq: u64,
    }
}
