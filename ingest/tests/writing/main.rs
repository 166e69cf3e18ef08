//! The writing half through its public API: canonical rows of any Arrow arrays, chunk files, the store, the pipeline
//! and the way back out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::cast_possible_truncation, reason = "of floats, on purpose")]

mod arrays;
mod chunk;
mod export;

mod physical;
mod pipeline;
mod report;
mod rows;
mod statistics;
mod store;
