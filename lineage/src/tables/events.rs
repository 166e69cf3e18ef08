//! `events`: every entry of the log, refused ones with the reason.

use mira_core::digest::{ContributorId, Digest, EntryId, StatementId};
use mira_core::fold::{Reason, Withdrawn};
use mira_core::statement::Kind;
use mira_core::time::UtcTime;

use super::{table, words};

words! {
    /// How much stands behind a statement: nobody else, somebody else, or a dispute. What was withdrawn does not count.
    Assurance {
        /// The signer alone says so.
        SelfAttested = "self_attested",
        /// Somebody who took part says the same.
        Countersigned = "countersigned",
        /// Somebody says that it is wrong.
        Disputed = "disputed",
    }
}

table! {
    /// An entry of the log. What only an accepted entry is known to say is null in a refused one.
    EventRow as "events" {
        /// Its place in the log, from 0.
        seq: u64,
        /// The statement.
        statement_id: Option<StatementId>,
        /// Its leaf hash.
        entry_id: EntryId,
        /// What kind of statement.
        kind: Option<Kind>,
        /// Who signed it.
        signer: Option<ContributorId>,
        /// Whose dataset, model or deployment it is; else the signer.
        owner: Option<ContributorId>,
        /// What it is about: the subject of the entry's header.
        subject: Option<Digest>,
        /// As what the signer speaks.
        role: Option<String>,
        /// When the signer says that it was signed.
        claimed_at: Option<UtcTime>,
        /// How much stands behind it.
        assurance: Option<Assurance>,
        /// How much of it was withdrawn since.
        withdrawn: Option<Withdrawn>,
        /// Whether it counts.
        accepted: bool,
        /// The rule that a refused entry breaks.
        reason: Option<Reason>,
        /// What was found instead.
        detail: Option<String>,
        /// The first epoch that holds it; null while it is unsealed.
        epoch: Option<u64>,
    }
}
