//! Lineage: what was said about data and models, in which order, and that nobody changed it since.
//!
//! - [`log`] is the append-only log: entries go in, and every reader can prove that they stay.
//! - [`epoch`] names some of its checkpoints 1, 2, 3, …, for those who pay and anchor.
//! - [`graph`] is what was made from what, and whether it may be used so.
//!
//! An entry is opaque here, at most 65,535 bytes: what entries mean, and which of them count, is decided by the fold in
//! `mira-core`. There is no network and no clock, and nothing is locked for longer than one call: whoever appends
//! holds a lock of his own.

pub mod epoch;
pub mod graph;
pub mod log;
