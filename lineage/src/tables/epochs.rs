//! `epochs`: the sealed checkpoints of the log.

use mira_core::digest::Digest;

use super::table;

table! {
    /// A sealed epoch.
    EpochRow as "epochs" {
        /// Its number, from 1.
        epoch: u64,
        /// How many entries the log had.
        size: u64,
        /// The log's root at that size.
        root: Digest,
        /// The place of the first entry that is new in it.
        first_seq: u64,
        /// How many entries are new in it.
        entries: u64,
    }
}
