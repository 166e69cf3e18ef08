//! `agents`: who signed accepted statements.

use mira_core::digest::{ContributorId, StatementId};
use mira_core::key::VerifyingKey;
use mira_core::name::Label;
use mira_core::statement::EvmAddress;

use super::table;

table! {
    /// A contributor, as the log has it at its end.
    AgentRow as "agents" {
        /// Who.
        contributor_id: ContributorId,
        /// What they registered to be called.
        label: Option<Label>,
        /// The key that signs for them; null after it was revoked.
        key: Option<VerifyingKey>,
        /// The place of their first accepted statement.
        first_seq: u64,
        /// How many of their statements were accepted.
        statements: u64,
        /// The account that their last bind names. The account's own signature is checked by whoever pays, not here.
        payout: Option<EvmAddress>,
        /// The chain of that account.
        chain_id: Option<u64>,
        /// The last epoch for which that bind counts.
        bind_expires: Option<u64>,
        /// That bind.
        bind: Option<StatementId>,
    }
}
