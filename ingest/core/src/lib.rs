//! The bytes that mira commits to, and the checks on them.
//!
//! This crate is the vocabulary that all others share: digests with roles, canonical rows, Merkle trees, datasets,
//! signed statements, log entries and the fold over them, checkpoints and portable proofs. `FORMAT.md` beside it gives
//! every byte; this is its first implementation.
//!
//! It contains no I/O, clock, randomness, threads, async, Arrow or chain: everything is a function of its arguments, so
//! a verifier links this crate and nothing else.

pub mod base64;
pub mod car;
pub mod cbor;
pub mod cbor_map;
pub mod cid;
pub mod dataset;
pub mod digest;
pub mod domain;
pub mod dsse;
pub mod entry;
pub mod evidence;
mod field;
pub mod fold;
pub mod id;
pub mod json;
pub mod key;
pub mod log;
pub mod manifest;
pub mod merkle;
pub mod name;
pub mod pin_receipt;
mod quote;
pub mod receipt;
pub mod rights;
pub mod row;
pub mod schema;
mod spelled;
pub mod statement;
pub mod tile;
pub mod time;
pub mod unixfs;
mod varint;
pub mod verify;
