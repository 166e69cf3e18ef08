//! Rows become chunks, and chunks a dataset that anyone can check.
//!
//! The writing half goes one way: [`rows`] gives Arrow batches their canonical bytes and leaves, [`boundary`] says
//! where chunks end, [`physical`] and [`chunk`] make each chunk a Parquet file whose bytes follow from its rows,
//! [`store`] keeps files by CID, and [`commit`] puts roots and CIDs together. [`pipeline`] runs all of it on several
//! threads. [`export`] reads a stored dataset back and checks every byte and row on the way.
//!
//! Nothing here signs, logs or publishes.

pub mod boundary;
pub mod chunk;
pub mod commit;
pub mod export;
pub mod physical;
pub mod pipeline;
pub mod rows;
pub mod store;
