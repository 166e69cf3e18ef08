//! `claims`: what was paid. Its rows are handed in.

use mira_core::digest::ContributorId;

use super::{TokenAmount, table};

table! {
    /// A payment.
    ClaimRow as "claims" {
        /// The epoch whose root it was claimed under.
        epoch: u64,
        /// Who was owed.
        contributor: ContributorId,
        /// The account that was paid: `0x` and 40 hex digits.
        payout: String,
        /// What this payment was.
        amount: TokenAmount,
        /// Everything paid up to it.
        cumulative: TokenAmount,
        /// The chain's number.
        chain_id: u64,
        /// The transaction: `0x` and 64 hex digits.
        tx: String,
        /// Its block; null while it is pending.
        block: Option<u64>,
    }
}
