//! Checkpoints: what a log says about itself at one size (C2SP tlog-checkpoint).
//!
//! ```text
//! example.com/log
//! 3
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/log Az3grlgt…
//! — witness.example.com/w1 jWbPPwAA…
//! ```
//!
//! Origin, size in decimal, base64 of the root; then possibly extension lines, which we keep and never write. The
//! log's own signature comes from the key whose name is the origin. A [`SignedCheckpoint`] is the whole note, verbatim
//! and unverified; a [`VerifiedCheckpoint`] is one that a log key, or a [policy](super::policy), vouches for.

use data_encoding::BASE64;

use super::note::{Note, NoteError, NoteSignature, NoteVerifyError, PosixSeconds};
use super::vkey::{KeyName, PublicKey, VerifierKey, VerifierKeyError};
use super::{base64_digest, cut, decimal};
use crate::digest::{Digest, LogRoot};
use crate::id::TreeSize;
use crate::key::SigningKey;

/// The text of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: KeyName,
    size: TreeSize,
    root: LogRoot,
    extensions: Vec<String>,
}

/// A checkpoint with its signatures, byte for byte. Nobody has checked them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

/// A checkpoint that a key of its own log signed, and whoever else the reader asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    signed: SignedCheckpoint,
    log: VerifierKey,
    witnesses: Vec<Witnessed>,
}

/// A known witness that cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Its key.
    pub key: VerifierKey,
    /// When it says it did.
    pub time: PosixSeconds,
}

/// Why bytes are not a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes are not a signed note.
    #[error("the checkpoint is not a signed note")]
    Note(#[from] NoteError),
    /// The text has fewer than three lines, an empty one, or no newline at its end.
    #[error("expected at least three lines, none empty, each with its newline")]
    Lines,
    /// The origin cannot be the name of a key, so nothing could verify it.
    #[error("the origin is not a key name")]
    Origin(#[source] VerifierKeyError),
    /// The size is not a decimal number of 64 bits without leading zeros.
    #[error("expected a tree size in decimal, found {found:?}")]
    Size {
        /// The line, cut to 80 characters.
        found: String,
    },
    /// The root is not 32 bytes in padded base64.
    #[error("expected a root of 32 bytes in base64, found {found:?}")]
    Root {
        /// The line, cut to 80 characters.
        found: String,
    },
    /// The tree is empty and its root is not that of the empty tree.
    #[error("an empty tree has the root {}, found {found}", empty_root())]
    EmptyRoot {
        /// The root.
        found: LogRoot,
    },
}

/// Why a checkpoint is not to be believed on the word of one log key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointVerifyError {
    /// The checkpoint is of another log.
    #[error("the checkpoint's origin is {found}, the key belongs to {expected}")]
    Origin {
        /// The key's name.
        expected: KeyName,
        /// The checkpoint's origin.
        found: KeyName,
    },
    /// The key's signature is missing or wrong.
    #[error("the log's signature does not verify")]
    Note(#[from] NoteVerifyError),
}

impl Checkpoint {
    /// States size and root of a log.
    pub fn new(origin: KeyName, size: TreeSize, root: LogRoot) -> Self {
        Self { origin, size, root, extensions: Vec::new() }
    }

    /// Reads the text of a checkpoint, with its final newline.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n').collect();
        let [origin, size, root, extensions @ ..] = lines.as_slice() else { return Err(CheckpointError::Lines) };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Lines);
        }
        let origin = origin.parse().map_err(CheckpointError::Origin)?;
        let size = decimal(size).ok_or_else(|| CheckpointError::Size { found: cut(size) })?;
        let root = base64_digest(root).ok_or_else(|| CheckpointError::Root { found: cut(root) })?;
        if size == 0 && LogRoot::new(root) != empty_root() {
            return Err(CheckpointError::EmptyRoot { found: root.into() });
        }
        let extensions = extensions.iter().map(|line| (*line).to_owned()).collect();
        Ok(Self { origin, size: TreeSize::new(size), root: root.into(), extensions })
    }

    /// The text, with its final newline.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.as_bytes()));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Which log this is.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// How many entries the log has.
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// The root over them.
    pub fn root(&self) -> LogRoot {
        self.root
    }

    /// Lines after the root; what they mean is not ours to say.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl SignedCheckpoint {
    /// Reads a checkpoint note.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::of_note(Note::parse(bytes)?)
    }

    /// Signs a checkpoint as the log that its origin names. The caller has checked that it is consistent with every
    /// checkpoint the key signed before.
    pub fn sign(checkpoint: &Checkpoint, key: &SigningKey) -> Result<Self, CheckpointError> {
        let text = checkpoint.to_text();
        let signature = NoteSignature::sign(&text, checkpoint.origin(), key);
        Self::of_note(Note::new(&text, &[signature])?)
    }

    /// Adds a witness's cosignature. The caller has checked that the checkpoint is consistent with the last one that
    /// the witness cosigned.
    pub fn cosign(&self, name: &KeyName, key: &SigningKey, time: PosixSeconds) -> Result<Self, CheckpointError> {
        let signature = NoteSignature::cosign(self.note.unverified_text(), name, key, time);
        Self::of_note(self.note.with_signature(&signature)?)
    }

    /// The note as it was read.
    pub fn as_bytes(&self) -> &[u8] {
        self.note.as_bytes()
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What the note says, which nobody is yet shown to have signed.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Checks that one log key signed; cosignatures are ignored.
    pub fn verify_log(self, key: &VerifierKey) -> Result<VerifiedCheckpoint, CheckpointVerifyError> {
        if self.checkpoint.origin() != key.name() {
            let (expected, found) = (key.name().clone(), self.checkpoint.origin.clone());
            return Err(CheckpointVerifyError::Origin { expected, found });
        }
        // A cosignature is a witness's word, and does not make a checkpoint.
        let log = Some(key).filter(|key| matches!(key.public(), PublicKey::Note(_)));
        self.note.verify(log)?;
        Ok(VerifiedCheckpoint { signed: self, log: key.clone(), witnesses: Vec::new() })
    }

    fn of_note(note: Note) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.unverified_text())?;
        Ok(Self { note, checkpoint })
    }
}

impl VerifiedCheckpoint {
    /// For the sibling module that has checked the signatures of `log` and `witnesses`.
    pub(super) fn vouched_for(signed: SignedCheckpoint, log: VerifierKey, witnesses: Vec<Witnessed>) -> Self {
        Self { signed, log, witnesses }
    }

    /// What was verified.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.signed.checkpoint
    }

    /// The note, byte for byte.
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }

    /// The log key that signed.
    pub fn log_key(&self) -> &VerifierKey {
        &self.log
    }

    /// The known witnesses that cosigned.
    pub fn witnesses(&self) -> &[Witnessed] {
        &self.witnesses
    }
}

/// RFC 6962, section 2.1: the hash of an empty list is the hash of an empty string.
fn empty_root() -> LogRoot {
    LogRoot::new(Digest::of(b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checkpoint of C2SP tlog-checkpoint, its text.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn text_reads_and_prints_alike() {
        let empty = format!("o\n0\n{}\n", BASE64.encode(empty_root().as_bytes()));
        for text in [EXAMPLE, &format!("{EXAMPLE}extension one\n2\n"), &empty] {
            assert_eq!(Checkpoint::parse(text).unwrap().to_text(), text);
        }
        let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!(checkpoint.size().value(), 20_852_163);
        assert_eq!(checkpoint.origin().as_str(), "example.com/behind-the-sofa");
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (bad, why) in [
            (EXAMPLE.replace("20852163", "020852163"), "a leading zero"),
            (EXAMPLE.replace("20852163", "+20852163"), "a plus"),
            (EXAMPLE.replace("20852163", "20852163 "), "a space"),
            (EXAMPLE.replace("20852163", "-1"), "a negative size"),
            (EXAMPLE.replace("20852163", "18446744073709551616"), "2^64"),
            (EXAMPLE.replace("20852163", "0"), "an empty tree with a root of its own"),
            (EXAMPLE.replace("20852163", ""), "an empty size"),
            (EXAMPLE.replace("q2I=", "q2J="), "spare bits in base64"),
            (EXAMPLE.replace("q2I=", "q2I"), "no padding"),
            (EXAMPLE.replace('/', "_"), "URL-safe base64"),
            (EXAMPLE.replace("CsUY", ""), "29 bytes"),
            (EXAMPLE.replace("CsUY", "CsUYCsUY"), "35 bytes"),
            (EXAMPLE.replace("behind-the-sofa", "behind the sofa"), "an origin with spaces"),
            (format!("\n{EXAMPLE}"), "an empty origin"),
            (format!("{EXAMPLE}\n"), "an empty extension line"),
            (format!("{EXAMPLE}x"), "an extension without newline"),
            ("example.com/behind-the-sofa\n20852163\n".into(), "no root"),
            (String::new(), "nothing"),
        ] {
            assert!(Checkpoint::parse(&bad).is_err(), "{why}: {bad:?}");
        }
    }
}
