//! What a log signs, in the C2SP text formats: notes, checkpoints, trust policies and proofs.
//!
//! | module | format | what it holds |
//! |---|---|---|
//! | [`vkey`] | signed-note, verifier keys | a name, a key id and a public key |
//! | [`note`] | signed-note | a text and the lines that sign it |
//! | [`checkpoint`] | tlog-checkpoint, tlog-cosignature | origin, size and root of a log |
//! | [`policy`] | tlog-policy | whose signatures a reader believes |
//! | [`tlog_proof`] | tlog-proof | the path from one leaf to a checkpoint |
//!
//! Every parser accepts one spelling and keeps the bytes it was given. Following a proof's path is not done here, and
//! neither is fetching or storing any of it.

use crate::base64;

pub mod checkpoint;
pub mod note;
pub mod policy;
pub mod tlog_proof;
pub mod vkey;

/// Reads a decimal number without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    // Printing the number again refuses the leading zeros and the plus that `parse` lets pass.
    text.parse::<u64>().ok().filter(|value| value.to_string() == text)
}

/// Reads the base64 of exactly 32 bytes.
fn base64_digest(text: &str) -> Option<crate::digest::Digest> {
    crate::digest::Digest::try_from(base64::decode(text)?.as_slice()).ok()
}

/// A foreign line as it may stand in an error.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
