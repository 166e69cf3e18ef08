//! `rewards`: who is owed what. Its rows are handed in.

use mira_core::digest::{ContributorId, Digest};

use super::{TokenAmount, table};

table! {
    /// A contributor's part of an epoch's budget.
    RewardRow as "rewards" {
        /// The epoch.
        epoch: u64,
        /// SHA-256 of the policy that it follows.
        policy: Digest,
        /// Who is owed.
        contributor: ContributorId,
        /// What this epoch adds.
        amount: TokenAmount,
        /// Everything up to this epoch.
        cumulative: TokenAmount,
        /// The account that is paid: `0x` and 40 hex digits; null without a bind.
        payout: Option<String>,
        /// The claim root: `0x` and 64 hex digits; null until it is proposed.
        root: Option<String>,
    }
}
