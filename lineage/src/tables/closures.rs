//! What `closure`, `upstream(…)` and `downstream(…)` return.

use super::{NodeKind, table, words};

words! {
    /// Which way a closure goes.
    Side {
        /// What the root was made from.
        Upstream = "upstream",
        /// What was made from the root.
        Downstream = "downstream",
    }
}

table! {
    /// A node of a closure. The root is not part of it.
    ClosureRow as "closure" {
        /// The root, as it was asked for.
        root: String,
        /// Which way.
        direction: Side,
        /// How many entries the log had, in the state that was asked about.
        as_of: u64,
        /// The fewest edges between the root and this node.
        depth: u32,
        /// The node.
        node: u32,
        /// Its id, as in `nodes`.
        id: String,
        /// What it is.
        kind: NodeKind,
        /// The name that a person knows it by.
        r#ref: Option<String>,
        /// The place of the first entry that speaks of it.
        created_seq: u64,
    }
}
