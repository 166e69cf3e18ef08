//! Why the fold refuses an entry: a stable code, and what was found.

use crate::digest::{ContributorId, Digest, StatementId};
use crate::dsse::EnvelopeSignatureError;
use crate::entry::EntryError;
use crate::id::LeafIndex;
use crate::log::vkey::KeyName;
use crate::name::{Label, Name};
use crate::spelled::spelled_enums;
use crate::statement::{DelegatedKind, Kind};

use super::state::Thing;

spelled_enums! {
    /// The rules of section 10 of `FORMAT.md`, in the order in which they are checked. The words are stable.
    Reason, "a reason to refuse an entry" {
        /// The kind in the header is reserved.
        Reserved = "reserved",
        /// Entry, envelope or payload do not parse.
        Malformed = "malformed",
        /// The header is not that of the statement.
        Header = "header",
        /// The statement was accepted before.
        Repeated = "repeated",
        /// A signature does not verify.
        Signature = "signature",
        /// The key may not sign for the contributor.
        Key = "key",
        /// `prev` names no statement of the signer.
        Prev = "prev",
        /// A statement that is named was not accepted before, or is of another kind.
        Target = "target",
        /// The model is not that of the statement that is named.
        Subject = "subject",
        /// The signer may not say this.
        Permission = "permission",
        /// The name is used for something else.
        Name = "name",
        /// A label, a key or the one registration is taken.
        Taken = "taken",
        /// The bind is stale, or for another log.
        Bind = "bind",
        /// Chunks or rows lie outside of the dataset.
        Range = "range",
    }
}

/// Why an entry is refused. Keys are given as `did:key`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are no entry, or its header is another statement's.
    #[error("the entry is malformed")]
    Entry(#[from] EntryError),
    /// The statement was accepted before.
    #[error("statement {statement} was accepted at index {first}")]
    Repeated {
        /// The statement.
        statement: StatementId,
        /// Where it stands.
        first: LeafIndex,
    },
    /// A signature does not verify.
    #[error("the entry is not signed")]
    Signature(#[from] EnvelopeSignatureError),
    /// The signer was not seen before, and the key is not its first.
    #[error("contributor {contributor} is new, but {found} is not the key it is named after")]
    FirstKey {
        /// The signer.
        contributor: ContributorId,
        /// The key that signed.
        found: String,
    },
    /// The signer was not seen before, and its key belongs to somebody else by now.
    #[error("{found} is already a key of contributor {holder}")]
    ForeignKey {
        /// The key that signed.
        found: String,
        /// Whose it is.
        holder: ContributorId,
    },
    /// The key is not the signer's current one, nor one that may stand in for it here.
    #[error("{found} signed, but the current key of contributor {contributor} is {expected}")]
    CurrentKey {
        /// The signer.
        contributor: ContributorId,
        /// The current key.
        expected: String,
        /// The key that signed.
        found: String,
    },
    /// The key was revoked.
    #[error("{found} was revoked by contributor {contributor}")]
    RevokedKey {
        /// The signer.
        contributor: ContributorId,
        /// The key that signed.
        found: String,
    },
    /// The second signature of a rotation is not the new key's.
    #[error("the second signature is by {found}, not by the new key {expected}")]
    NewKey {
        /// The new key.
        expected: String,
        /// The second key that signed.
        found: String,
    },
    /// `prev` names no accepted statement of the signer.
    #[error("prev {prev} is no accepted statement of contributor {contributor}")]
    Prev {
        /// What it names.
        prev: StatementId,
        /// The signer.
        contributor: ContributorId,
    },
    /// A statement that is named was not accepted before.
    #[error("{place} names statement {target}, which was not accepted before")]
    NoTarget {
        /// Where it is named.
        place: &'static str,
        /// What it names.
        target: StatementId,
    },
    /// A statement that is named is of a kind that cannot stand there.
    #[error("{place} names statement {target}, a {found}")]
    TargetKind {
        /// Where it is named.
        place: &'static str,
        /// What it names.
        target: StatementId,
        /// The kind of that statement.
        found: Kind,
    },
    /// Rows are withdrawn from a statement that has none.
    #[error("rows of statement {target} are withdrawn, but a {found} has no rows")]
    NoRows {
        /// What it names.
        target: StatementId,
        /// The kind of that statement.
        found: Kind,
    },
    /// The model is another than that of a statement that is named.
    #[error("the subject is model {found}, but {place} is about {expected}")]
    Subject {
        /// Where the other statement is named.
        place: &'static str,
        /// Its model id.
        expected: Digest,
        /// The subject of this statement.
        found: Digest,
    },
    /// No delegation in force covers this.
    #[error("contributor {owner} has not delegated {kind} to {signer}{}", for_name(.name.as_ref()))]
    NotDelegated {
        /// For whom it was signed.
        owner: ContributorId,
        /// Who signed it.
        signer: ContributorId,
        /// What had to be delegated.
        kind: DelegatedKind,
        /// For which name.
        name: Option<Name>,
    },
    /// Nobody countersigns their own statement.
    #[error("contributor {signer} signed statement {target} itself")]
    OwnStatement {
        /// The statement.
        target: StatementId,
        /// Who signed both.
        signer: ContributorId,
    },
    /// A key that is named is not the signer's own, or not the one that has to be named.
    #[error("{member} is {found}, which is not that key of contributor {contributor}")]
    NotOwnKey {
        /// Where it is named.
        member: &'static str,
        /// The signer.
        contributor: ContributorId,
        /// The key.
        found: String,
    },
    /// The name is used for something else.
    #[error("{name} of contributor {owner} is a {used_for}")]
    Name {
        /// The owner.
        owner: ContributorId,
        /// The name.
        name: Name,
        /// What it is used for.
        used_for: Thing,
    },
    /// The signer is registered.
    #[error("contributor {contributor} is registered already")]
    Registered {
        /// The signer.
        contributor: ContributorId,
    },
    /// The label belongs to somebody else.
    #[error("label {label} belongs to contributor {holder}")]
    Label {
        /// The label.
        label: Label,
        /// Whose it is.
        holder: ContributorId,
    },
    /// A new key or recovery key was used before.
    #[error("{member} is {found}, which was used before")]
    UsedKey {
        /// Where it is named.
        member: &'static str,
        /// The key.
        found: String,
    },
    /// The bind's nonce does not rise.
    #[error("bind_nonce is {found}, and that of the last bind {last}")]
    BindNonce {
        /// The nonce of the last accepted bind.
        last: u64,
        /// The nonce of this one.
        found: u64,
    },
    /// The bind is for another log.
    #[error("log_origin is {found}, and this log's {expected}")]
    BindOrigin {
        /// This log's origin.
        expected: KeyName,
        /// The origin in the bind.
        found: KeyName,
    },
    /// The input is no dataset, so it has neither chunks nor rows.
    #[error("input {input} is a {found}, which has no chunks or rows")]
    NoExtent {
        /// The statement that the input names.
        input: StatementId,
        /// Its kind.
        found: Kind,
    },
    /// Chunks beyond the dataset's last, or more rows than it has.
    #[error("statement {input} has {size} {unit}, but {found} are named")]
    Range {
        /// The statement that is named.
        input: StatementId,
        /// `chunks` or `rows`.
        unit: &'static str,
        /// How many the dataset has.
        size: u64,
        /// The end of the ranges, or the number of rows.
        found: u64,
    },
}

impl Refusal {
    /// The rule that the entry breaks.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Entry(EntryError::Reserved) => Reason::Reserved,
            Self::Entry(EntryError::Kind { .. } | EntryError::Contributor { .. } | EntryError::Subject { .. }) => {
                Reason::Header
            }
            Self::Entry(_) => Reason::Malformed,
            Self::Repeated { .. } => Reason::Repeated,
            Self::Signature(_) => Reason::Signature,
            Self::FirstKey { .. }
            | Self::ForeignKey { .. }
            | Self::CurrentKey { .. }
            | Self::RevokedKey { .. }
            | Self::NewKey { .. } => Reason::Key,
            Self::Prev { .. } => Reason::Prev,
            Self::NoTarget { .. } | Self::TargetKind { .. } | Self::NoRows { .. } => Reason::Target,
            Self::Subject { .. } => Reason::Subject,
            Self::NotDelegated { .. } | Self::OwnStatement { .. } | Self::NotOwnKey { .. } => Reason::Permission,
            Self::Name { .. } => Reason::Name,
            Self::Registered { .. } | Self::Label { .. } | Self::UsedKey { .. } => Reason::Taken,
            Self::BindNonce { .. } | Self::BindOrigin { .. } => Reason::Bind,
            Self::NoExtent { .. } | Self::Range { .. } => Reason::Range,
        }
    }
}

fn for_name(name: Option<&Name>) -> String {
    name.map(|name| format!(" for {name}")).unwrap_or_default()
}
