//! `chunks`: the chunks of the datasets whose chunk lists are at hand.

use mira_core::cid::Cid;
use mira_core::digest::{RowRoot, StatementId};

use super::table;

table! {
    /// A chunk of a dataset. Its rows are handed in: the log names only the list that has them.
    ChunkRow as "chunks" {
        /// The dataset version.
        statement_id: StatementId,
        /// Its position, from 0.
        index: u64,
        /// The position of its first row in the dataset.
        first_row: u64,
        /// How many rows.
        rows: u64,
        /// What its rows say.
        root: RowRoot,
        /// The name of its file.
        cid: Cid,
        /// The size of its file.
        bytes: u64,
    }
}
