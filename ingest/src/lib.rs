//! Files become rows, rows become chunks, and chunks a dataset that anyone can check.
//!
//! The reading half is [`source`]: CSV, NDJSON and Parquet files into Arrow batches, exactly or not at all.
//!
//! The writing half goes one way: [`rows`] gives Arrow batches their canonical bytes and leaves, [`boundary`] says
//! where chunks end, [`physical`] and [`chunk`] make each chunk a Parquet file whose bytes follow from its rows,
//! [`store`] keeps files by CID, and [`commit`] puts roots and CIDs together. [`pipeline`] runs all of it on several
//! threads. [`export`] reads a stored dataset back and checks every byte and row on the way, and [`diff`] says what two of them
//! do not share.
//!
//! [`quarantine`] keeps the records that were no rows.
//!
//! [`directory`] is the dataset as IPFS nodes hold it, [`pin`] brings it to one and makes sure that it got there, and
//! [`outbox`] remembers what is still to be pinned. [`fetch`] is the way back: files and datasets by their CIDs, from
//! gateways and nodes that are not believed.
//!
//! [`report`] counts what columns hold while rows go by, [`scan`] finds secrets and personal data in their text,
//! [`statistics`] holds what Parquet files say of their values against them, and [`check`] does all of it for a dataset
//! that is stored.
//!
//! [`observer`] is how all of them tell whoever watches how far they are, and are asked to stop.
//!
//! Nothing here signs or logs, or decides whether data may be published.

#![deny(missing_docs)]

pub mod boundary;
pub mod check;
pub mod chunk;
pub mod commit;
pub mod croissant;
pub mod diff;
pub mod directory;
pub mod export;
pub mod fetch;
mod guard;
pub mod license;
pub mod observer;
pub mod outbox;
mod pages;
pub mod physical;
pub mod pin;
pub mod pipeline;
pub mod quarantine;
pub mod report;
pub mod rows;
pub mod scan;
pub mod source;
pub mod statistics;
pub mod store;
pub mod tls;
