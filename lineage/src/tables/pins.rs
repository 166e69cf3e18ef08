//! `pins`: where datasets are pinned. Its rows are handed in.

use mira_core::digest::{Digest, StatementId};
use mira_core::time::UtcTime;

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
        /// queued, importing, pinning, pinned, failed or unpinned.
        state: String,
        /// How often it was tried.
        attempts: u64,
        /// What went wrong last.
        error: Option<String>,
        /// When the node or service last showed that it has it.
        confirmed_at: Option<UtcTime>,
        /// SHA-256 of the signed receipt that says so.
        receipt: Option<Digest>,
    }
}
