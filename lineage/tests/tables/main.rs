//! Tables, closures and SQL, over logs whose entries are signed and folded as any other's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests state what they expect"
)]

mod closure;
mod limits;
#[path = "../../../ingest/core/tests/people/mod.rs"]
mod people;
mod replay;
mod scripts;
mod world;
