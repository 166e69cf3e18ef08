//! Lineage: what was said about data and models, in which order, and that nobody changed it since.
//!
//! - [`log`] is the append-only log: entries go in, and every reader can prove that they stay.
//! - [`epoch`] names some of its checkpoints 1, 2, 3, …, for those who pay and anchor.
//! - [`graph`] is what was made from what, and whether it may be used so.
//! - [`replay`] turns what the fold in `mira-core` made of the entries into rows of [`tables`].
//! - [`closure`] indexes what was made from what, however many steps apart, and [`ancestry`] asks it.
//! - [`contribution`] says whose rows went into a model, and [`query`] asks all of it in SQL, read-only.
//!
//! An entry is opaque to the log, at most 65,535 bytes: what entries mean, and which of them count, is decided by the fold
//! in `mira-core`. There is no network and no clock, and nothing is locked for longer than one call: whoever appends
//! holds a lock of his own. Tables and index are [`views`]: they can be deleted, and come back the same.

pub mod ancestry;
pub mod closure;
pub mod contribution;
pub mod epoch;
pub mod graph;
pub mod log;
pub mod query;
pub mod replay;
pub mod tables;
pub mod views;
pub mod write;
