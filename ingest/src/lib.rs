//! Rows become chunks, and chunks a dataset that anyone can check.

pub mod boundary;
pub mod chunk;
pub mod commit;
pub mod physical;
pub mod pipeline;
pub mod rows;
pub mod store;
