//! What `contribution(model)` returns.

use mira_core::digest::{ContributorId, StatementId};
use mira_core::name::Label;
use mira_core::statement::InputRole;

use super::{Share, table};

table! {
    /// One use of a source.
    ContributionRow as "contribution" {
        /// Whose dataset it is; null of models and externals.
        contributor: Option<ContributorId>,
        /// What they are called.
        contributor_label: Option<Label>,
        /// The dataset's name; the id of any other source.
        dataset: String,
        /// Which version of it.
        version: Option<u64>,
        /// The statement of the source.
        statement_id: Option<StatementId>,
        /// What it was used for.
        usage: Option<InputRole>,
        /// By what: the model, or something on the way to it.
        via: String,
        /// How many steps away the source is.
        depth: u32,
        /// How many rows were used in each pass.
        rows: Option<u64>,
        /// How often.
        passes: Option<u64>,
        /// Whether it counts for the share.
        counted: bool,
        /// Whether any of it was withdrawn by then.
        withdrawn: bool,
        /// Its part of all that counts.
        share: Option<Share>,
    }
}
