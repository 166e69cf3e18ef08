//! Log entries: a statement's envelope behind a header of fixed offsets.
//!
//! ```text
//! "mira/entry/v1\0" ‖ u8 kind ‖ contributor_id[32] ‖ subject[32] ‖ envelope
//! 0                   14        15                   47            79       at most 65,535 bytes
//! ```
//!
//! The header lets a contract read what an entry is about without parsing JSON, so an [`Entry`] holds only bytes whose
//! header says what the statement says. Nobody has checked its signatures yet.

use crate::digest::{ContributorId, Digest, EntryId};
use crate::domain;
use crate::dsse::{Envelope, EnvelopeError};
use crate::statement::{Kind, Statement, StatementError};

/// A log entry, in the very bytes that the log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    bytes: Vec<u8>,
    statement: Statement,
    envelope: Envelope,
}

/// The part of an entry that is read at fixed offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The number of a kind.
    pub kind: u8,
    /// The signer.
    pub contributor_id: ContributorId,
    /// What the statement is about.
    pub subject: Digest,
}

/// Why bytes are not a log entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// There is no room for a header, or the entry is longer than a log can hold.
    #[error("an entry has {} to {} bytes, found {found}", Entry::HEADER_LEN, Entry::MAX_LEN)]
    Length {
        /// How many bytes there are.
        found: usize,
    },
    /// The bytes do not start with the tag of an entry.
    #[error("the bytes do not start with the tag mira/entry/v1")]
    Tag,
    /// The kind is the one that no statement has yet.
    #[error("kind 255 is reserved")]
    Reserved,
    /// What follows the header is no envelope.
    #[error("the envelope is malformed")]
    Envelope(#[from] EnvelopeError),
    /// The payload is no statement.
    #[error("the statement is malformed")]
    Statement(#[from] StatementError),
    /// A statement of this kind has another number of signatures.
    #[error("{kind} has {expected} signatures, found {found}")]
    Signatures {
        /// The kind.
        kind: Kind,
        /// How many it has.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The header gives another kind.
    #[error("the header says kind {found}, the statement {expected}")]
    Kind {
        /// The statement's number.
        expected: u8,
        /// The header's.
        found: u8,
    },
    /// The header names another signer.
    #[error("the header names contributor {found}, the statement {expected}")]
    Contributor {
        /// The statement's.
        expected: ContributorId,
        /// The header's.
        found: ContributorId,
    },
    /// The header names another subject.
    #[error("the header names subject {found}, the statement {expected}")]
    Subject {
        /// The statement's.
        expected: Digest,
        /// The header's.
        found: Digest,
    },
}

impl Header {
    /// The header of a statement.
    pub fn of(statement: &Statement) -> Self {
        Self {
            kind: statement.kind().number(),
            contributor_id: statement.signer(),
            subject: statement.subject().header(),
        }
    }

    /// Checks that this is the header of `statement`.
    fn check(&self, statement: &Statement) -> Result<(), EntryError> {
        let (expected, found) = (Self::of(statement), *self);
        if found.kind != expected.kind {
            return Err(EntryError::Kind { expected: expected.kind, found: found.kind });
        }
        if found.contributor_id != expected.contributor_id {
            return Err(EntryError::Contributor { expected: expected.contributor_id, found: found.contributor_id });
        }
        if found.subject != expected.subject {
            return Err(EntryError::Subject { expected: expected.subject, found: found.subject });
        }
        Ok(())
    }

    fn to_bytes(self) -> Vec<u8> {
        [domain::ENTRY, &[self.kind], self.contributor_id.as_bytes(), self.subject.as_bytes()].concat()
    }

    /// Splits an entry into header and envelope.
    fn split(bytes: &[u8]) -> Result<(Self, &[u8]), EntryError> {
        let length = EntryError::Length { found: bytes.len() };
        if bytes.len() > Entry::MAX_LEN {
            return Err(length);
        }
        let (header, envelope) = bytes.split_at_checked(Entry::HEADER_LEN).ok_or(length)?;
        let header = header.strip_prefix(domain::ENTRY).ok_or(EntryError::Tag)?;
        let found = || EntryError::Length { found: bytes.len() };
        let (kind, ids) = header.split_first().ok_or_else(found)?;
        let (contributor, subject) = ids.split_first_chunk().ok_or_else(found)?;
        let subject = Digest::try_from(subject).map_err(|_| found())?;
        Ok((Self { kind: *kind, contributor_id: Digest::new(*contributor).into(), subject }, envelope))
    }
}

impl Entry {
    /// Bytes before the envelope.
    pub const HEADER_LEN: usize = 79;
    /// Most bytes of an entry: what a length of 16 bits can say.
    pub const MAX_LEN: usize = 65_535;

    /// Puts the header of its statement before an envelope.
    pub fn of(envelope: &Envelope) -> Result<Self, EntryError> {
        let statement = read_statement(envelope)?;
        let bytes = [Header::of(&statement).to_bytes(), envelope.to_bytes()].concat();
        if bytes.len() > Self::MAX_LEN {
            return Err(EntryError::Length { found: bytes.len() });
        }
        Ok(Self { bytes, statement, envelope: envelope.clone() })
    }

    /// Reads an entry; refuses every other spelling, and a header that is not the statement's.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let (found, envelope) = Header::split(bytes)?;
        if found.kind == Kind::RESERVED {
            return Err(EntryError::Reserved);
        }
        let envelope = Envelope::parse(envelope)?;
        let statement = read_statement(&envelope)?;
        found.check(&statement)?;
        Ok(Self { bytes: bytes.to_vec(), statement, envelope })
    }

    /// The bytes, as the log holds them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The leaf hash: H(00 ‖ entry).
    pub fn entry_id(&self) -> EntryId {
        entry_id(&self.bytes)
    }

    /// What the envelope's signers are said to state.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The envelope, whose signatures nobody has checked.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Takes the entry apart.
    pub fn into_parts(self) -> (Statement, Envelope) {
        (self.statement, self.envelope)
    }
}

/// The leaf hash of an entry, or of any bytes that stand in a log as one.
pub fn entry_id(bytes: &[u8]) -> EntryId {
    EntryId::new(Digest::of_parts(&[&[domain::LEAF_PREFIX], bytes]))
}

fn read_statement(envelope: &Envelope) -> Result<Statement, EntryError> {
    let statement = Statement::from_json(envelope.unverified_statement())?;
    let (kind, found) = (statement.kind(), envelope.unverified_signers().len());
    // A new key proves that somebody has it, so `rotate` needs its signature too.
    let expected = if kind == Kind::Rotate { 2 } else { 1 };
    if found == expected { Ok(statement) } else { Err(EntryError::Signatures { kind, expected, found }) }
}
