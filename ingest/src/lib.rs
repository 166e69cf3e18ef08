//! Rows become chunks, and chunks a dataset that anyone can check.

pub mod physical;
pub mod rows;
