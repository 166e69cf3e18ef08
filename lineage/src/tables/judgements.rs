//! `judgements`: what was said about statements.

use mira_core::digest::{ContributorId, StatementId};
use mira_core::statement::Kind;
use mira_core::time::UtcTime;

use super::table;

table! {
    /// A countersignature, dispute, withdrawal, or word on whether a dataset can be fetched.
    JudgementRow as "judgements" {
        /// The statement.
        statement_id: StatementId,
        /// Its place in the log.
        seq: u64,
        /// What it says: countersign, dispute, withdraw, available or refused.
        kind: Kind,
        /// Who says so.
        signer: ContributorId,
        /// The statement it is about.
        target: StatementId,
        /// What that one adds, for people.
        target_ref: Option<String>,
        /// As what the signer of a countersignature took part.
        role: Option<String>,
        /// Why, of a dispute, withdrawal or refusal.
        reason: Option<String>,
        /// How many rows are withdrawn; null if it is everything.
        rows: Option<u64>,
        /// Whether it was not withdrawn itself.
        in_force: bool,
        /// When the signer says that it was signed.
        claimed_at: UtcTime,
        /// The first epoch that holds it.
        epoch: Option<u64>,
    }
}
