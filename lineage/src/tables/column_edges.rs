//! `column_edges`: which column was made from which. Empty until transforms say so.

use super::table;

table! {
    /// A column that went into another. No statement of this version names columns, so there are no such rows yet.
    ColumnEdgeRow as "column_edges" {
        /// The dataset version it came from.
        src: u32,
        /// Its column.
        src_field: String,
        /// The dataset version it went into.
        dst: u32,
        /// That one's column.
        dst_field: String,
        /// What was done to it.
        transform: Option<String>,
        /// The place of the entry that says so.
        seq: u64,
    }
}
