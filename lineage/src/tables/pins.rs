//! `pins`: where datasets are pinned. Its rows are handed in.

use mira_core::digest::StatementId;

use super::table;

table! {
    /// A pin, or an attempt at one.
    PinRow as "pins" {
        /// The dataset version.
        statement_id: StatementId,
        /// The CID of its directory.
        cid: String,
        /// The node or service.
        service: String,
        /// queued, importing, pinned or failed.
        state: String,
        /// How often it was tried.
        attempts: u64,
        /// What went wrong last.
        error: Option<String>,
    }
}
