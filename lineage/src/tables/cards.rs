//! `cards`: what datasets say of themselves to people. Its rows are handed in.

use mira_core::digest::StatementId;

use super::table;

table! {
    /// The front matter of a dataset version's card, and its first paragraph. Words of a list stand on a line each.
    CardRow as "cards" {
        /// The dataset version.
        statement_id: StatementId,
        /// What it is called in the log.
        r#ref: String,
        /// Its title.
        title: Option<String>,
        /// The first paragraph of prose.
        description: Option<String>,
        /// Languages.
        language: Option<String>,
        /// Words to find it by.
        tags: Option<String>,
        /// What it is good for.
        tasks: Option<String>,
        /// The licence as the card says it; what counts is in table `rights`.
        license: Option<String>,
    }
}
