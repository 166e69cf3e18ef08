//! Portable proofs that an entry is in a log: the container of C2SP tlog-proof.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra omVlbnRyeQ==
//! index 1
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//!
//! example.com/log
//! 2
//! sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
//!
//! — example.com/log hI2DJw…
//! ```
//!
//! The index of the entry, the path from its sibling up to the root's child, an empty line, and the checkpoint note
//! verbatim. `extra` is opaque here and nobody signs it. A parsed proof has proved nothing yet: its checkpoint goes
//! through the reader's [policy](super::policy), and its path through the tree's verifier.

use data_encoding::BASE64;

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::{base64_digest, cut, decimal};
use crate::base64;
use crate::digest::Digest;
use crate::domain::PROOF_MAGIC;
use crate::id::LeafIndex;

/// Longest proof file in bytes: 1 MiB, and the base64 of a row of 64 MiB, the longest there is, within `extra`.
pub const MAX_PROOF: usize = (1 << 20) + (64_usize << 20).div_ceil(3) * 4;
/// Longest path: enough for 2^63 leaves. The witness protocol has the same limit for its proofs.
pub const MAX_PATH: usize = 63;

/// A well-formed proof file. It has proved nothing yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// What the application needs beside the proof; empty if the file has no such line. Nobody signed it.
    pub extra: Vec<u8>,
    /// Which leaf of the log.
    pub index: LeafIndex,
    /// The path, the leaf's sibling first.
    pub path: Vec<Digest>,
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
}

/// Why bytes are not a proof file. `line` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The file is longer than [`MAX_PROOF`].
    #[error("the proof has {found} bytes, more than {MAX_PROOF}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// The part before the checkpoint is not UTF-8.
    #[error("the proof is not UTF-8 at byte {at}")]
    Utf8 {
        /// Where the first bad sequence starts.
        at: usize,
    },
    /// No empty line separates the proof from its checkpoint.
    #[error("no empty line separates the proof from its checkpoint")]
    NoSeparator,
    /// A line is missing, or of another form.
    #[error("expected {expected} on line {line}, found {found:?}")]
    Line {
        /// Which line.
        line: usize,
        /// What should stand there.
        expected: &'static str,
        /// The line, cut to 80 characters.
        found: String,
    },
    /// The path is longer than [`MAX_PATH`].
    #[error("the path has {found} hashes, more than {MAX_PATH}")]
    PathTooLong {
        /// How many there are.
        found: usize,
    },
    /// What follows the empty line is not a checkpoint.
    #[error("the proof's checkpoint cannot be read")]
    Checkpoint(#[from] CheckpointError),
}

impl TlogProof {
    /// Reads a proof file.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > MAX_PROOF {
            return Err(TlogProofError::TooLong { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| TlogProofError::Utf8 { at: error.valid_up_to() })?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(TlogProofError::NoSeparator)?;
        let mut lines = Lines { lines: head.split('\n'), line: 0, current: "" };
        lines.advance();
        lines.expect("the magic line", (lines.current == PROOF_MAGIC).then_some(()))?;
        lines.advance();
        let extra = lines.extra()?;
        let index = lines.index()?;
        let path = lines.path()?;
        Ok(Self { extra, index, path, checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())? })
    }

    /// The file; an empty `extra` has no line in it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{PROOF_MAGIC}\n");
        if !self.extra.is_empty() {
            head.push_str("extra ");
            BASE64.encode_append(&self.extra, &mut head);
            head.push('\n');
        }
        head.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            BASE64.encode_append(hash.as_bytes(), &mut head);
            head.push('\n');
        }
        head.push('\n');
        [head.as_bytes(), self.checkpoint.as_bytes()].concat()
    }
}

/// The lines before the empty one.
struct Lines<'a> {
    lines: std::str::Split<'a, char>,
    line: usize,
    current: &'a str,
}

impl Lines<'_> {
    /// Steps to the next line; past the last one there are empty ones.
    fn advance(&mut self) {
        self.current = self.lines.next().unwrap_or_default();
        self.line += 1;
    }

    fn extra(&mut self) -> Result<Vec<u8>, TlogProofError> {
        let Some(text) = self.current.strip_prefix("extra ") else { return Ok(Vec::new()) };
        let extra = base64::decode(text).filter(|extra| !extra.is_empty());
        let extra = self.expect("`extra` and base64 that is not empty", extra)?;
        self.advance();
        Ok(extra)
    }

    fn index(&mut self) -> Result<LeafIndex, TlogProofError> {
        let index = self.current.strip_prefix("index ").and_then(decimal);
        self.expect("`index` and a decimal number", index).map(LeafIndex::new)
    }

    fn path(&mut self) -> Result<Vec<Digest>, TlogProofError> {
        let found = self.lines.clone().count();
        if found > MAX_PATH {
            return Err(TlogProofError::PathTooLong { found });
        }
        let mut path = Vec::with_capacity(found);
        for _ in 0..found {
            self.advance();
            path.push(self.expect("32 bytes in base64", base64_digest(self.current))?);
        }
        Ok(path)
    }

    fn expect<T>(&self, expected: &'static str, value: Option<T>) -> Result<T, TlogProofError> {
        value.ok_or_else(|| TlogProofError::Line { line: self.line, expected, found: cut(self.current) })
    }
}
