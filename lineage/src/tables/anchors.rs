//! `anchors`: where epochs stand on a chain. Its rows are handed in.

use mira_core::digest::Digest;

use super::table;

table! {
    /// An anchor receipt.
    AnchorRow as "anchors" {
        /// The epoch.
        epoch: u64,
        /// How many entries it has.
        size: u64,
        /// Its root.
        root: Digest,
        /// The chain's number.
        chain_id: u64,
        /// The registry: `0x` and 40 hex digits.
        contract: String,
        /// The transaction: `0x` and 64 hex digits.
        tx: String,
        /// Its block; null while it is pending.
        block: Option<u64>,
        /// How sure it is: local, pending, mined, confirmed or finalized.
        status: String,
    }
}
