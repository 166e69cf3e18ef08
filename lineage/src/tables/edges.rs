//! `edges`: what was made from what. Edges run from old nodes to newer ones.

use mira_core::statement::InputRole;

use super::{table, words};

words! {
    /// What an edge says.
    Rel {
        /// The source went into the destination, as `usage` says.
        Input = "input",
        /// The program that made the destination.
        Code = "code",
        /// The configuration of that program.
        Config = "config",
        /// The model that was measured.
        Evaluated = "evaluated",
        /// The model that is served.
        Deployed = "deployed",
        /// The model or deployment that was used.
        Used = "used",
    }
}

table! {
    /// One use of a node by another.
    EdgeRow as "edges" {
        /// What was there first.
        src: u32,
        /// What came of it.
        dst: u32,
        /// What this says.
        rel: Rel,
        /// The place of the entry that says so.
        seq: u64,
        /// Which of that entry's edges, from 0: inputs come in the order of the statement.
        ord: u32,
        /// What an input was used for.
        usage: Option<InputRole>,
        /// How many rows were used in each pass; null where that is not known, and for what has no rows.
        rows_used: Option<u64>,
        /// How often they were used.
        passes: Option<u64>,
        /// How many tokens that was, all passes together.
        tokens: Option<u64>,
        /// The chunks that were used, as ranges of positions like `0-9+12`; null if it was all of them, or a set of rows.
        chunks: Option<String>,
        /// SHA-256 of the file that says which rows were used.
        row_set: Option<mira_core::digest::Digest>,
    }
}
