//! Whose checkpoints a reader believes: C2SP tlog-policy.
//!
//! ```text
//! # One log, and two of three witnesses.
//! log example.com/log+530d903a+AekyeRrm…
//! witness w1 witness.example/one+6f3c0a11+BPk2…
//! witness w2 witness.example/two+0d2b91c4+BGh0…
//! witness w3 witness.example/three+5a77e2f9+BLc1…
//! group two-of-three 2 w1 w2 w3
//! quorum two-of-three
//! ```
//!
//! A checkpoint passes if a listed log whose name is the checkpoint's origin signed it and the quorum cosigned it. The
//! file is octets, not text: names are compared byte for byte, and URLs and comments are skipped.

use std::collections::BTreeMap;

use super::checkpoint::{SignedCheckpoint, VerifiedCheckpoint, Witnessed};
use super::note::NoteVerifyError;
use super::vkey::{KeyName, PublicKey, VerifierKey, VerifierKeyError};

mod parse;

/// Longest policy file in bytes: room for the largest keys in use, and comments.
pub const MAX_POLICY: usize = 1 << 20;
/// Most logs, most witnesses and most groups, each; the specification asks for at least 32.
pub const MAX_ITEMS: usize = 64;

/// A trust policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    groups: Vec<Group>,
    quorum: Quorum,
    quorum_name: String,
}

/// At least `threshold` of the members, each of which is defined before the group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// A witness or a group, by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// What the quorum line names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    None,
    Of(Member),
}

/// Why a file is not a policy. `line` counts from 1; names are shown with foreign bytes replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The file is longer than [`MAX_POLICY`].
    #[error("the policy has {found} bytes, more than {MAX_POLICY}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// The file has a control character other than tab and newline.
    #[error("line {line} has the control character {found:#04x}")]
    Control {
        /// Which line.
        line: usize,
        /// The character.
        found: u8,
    },
    /// The last line does not end.
    #[error("the last line, {line}, has no newline")]
    NoNewline {
        /// Which line.
        line: usize,
    },
    /// The line is none of the five forms.
    #[error("line {line} is not of the form {expected:?}")]
    Form {
        /// Which line.
        line: usize,
        /// The form.
        expected: &'static str,
    },
    /// The key cannot be read.
    #[error("the key on line {line} cannot be read")]
    Key {
        /// Which line.
        line: usize,
        /// Why.
        #[source]
        source: VerifierKeyError,
    },
    /// A witness's key stands for a log, or a log's for a witness.
    #[error("the key on line {line} is of a type that is not for {expected}")]
    KeyType {
        /// Which line.
        line: usize,
        /// What the line defines.
        expected: &'static str,
    },
    /// The public key has been listed before, under this name or another.
    #[error("line {line} lists a public key again")]
    DuplicateKey {
        /// Which line.
        line: usize,
    },
    /// There are more than [`MAX_ITEMS`] of a kind.
    #[error("line {line} defines more than {MAX_ITEMS} of its kind")]
    TooMany {
        /// Which line.
        line: usize,
    },
    /// The name is taken, or it is `none`.
    #[error("line {line} defines {name:?}, which is taken")]
    NameTaken {
        /// Which line.
        line: usize,
        /// The name.
        name: String,
    },
    /// The name is not defined on a line before.
    #[error("line {line} names {name:?}, which no line before defines")]
    Undefined {
        /// Which line.
        line: usize,
        /// The name.
        name: String,
    },
    /// The name is a member of a group already.
    #[error("line {line} makes {name:?} a member of a group once more")]
    MemberTwice {
        /// Which line.
        line: usize,
        /// The name.
        name: String,
    },
    /// The threshold is not a decimal number from 1 to the number of members.
    #[error("line {line} asks for {found:?} of {members} members")]
    Threshold {
        /// Which line.
        line: usize,
        /// The threshold.
        found: String,
        /// How many members there are.
        members: usize,
    },
    /// There is a second quorum line.
    #[error("line {line} is a second quorum line")]
    SecondQuorum {
        /// Which line.
        line: usize,
    },
    /// There is no quorum line.
    #[error("the policy has no quorum line")]
    NoQuorum,
}

/// Why a policy does not let a checkpoint pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyVerifyError {
    /// No log of the policy has the checkpoint's origin as its name.
    #[error("the policy lists no log with the origin {origin}")]
    UnknownLog {
        /// The origin.
        origin: KeyName,
    },
    /// Nobody the policy knows signed, or somebody's signature is wrong.
    #[error("the checkpoint's signatures do not verify")]
    Note(#[from] NoteVerifyError),
    /// Known keys signed, but none of the log's own.
    #[error("no key that the policy lists for {origin} signed")]
    NoLogSignature {
        /// The origin.
        origin: KeyName,
    },
    /// Too few witnesses cosigned.
    #[error("the quorum {quorum:?} is not met: {cosigned} of {known} known witnesses cosigned")]
    Quorum {
        /// What the quorum line names.
        quorum: String,
        /// How many known witnesses cosigned.
        cosigned: usize,
        /// How many the policy lists.
        known: usize,
    },
}

impl Policy {
    /// Reads a policy file.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        parse::policy(bytes)
    }

    /// The logs, in the file's order.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses, in the file's order.
    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    /// Checks a checkpoint: a log of this policy whose name is its origin signed it, and the quorum cosigned it. One
    /// wrong signature of any log or witness of the policy is enough to refuse it.
    pub fn verify(&self, signed: SignedCheckpoint) -> Result<VerifiedCheckpoint, PolicyVerifyError> {
        let origin = signed.unverified().origin().clone();
        if !self.logs.iter().any(|log| *log.name() == origin) {
            return Err(PolicyVerifyError::UnknownLog { origin });
        }
        let note = signed.note().verify(self.logs.iter().chain(&self.witnesses))?;
        let is_log = |key: &VerifierKey| *key.name() == origin && matches!(key.public(), PublicKey::Note(_));
        let Some(log) = note.signers().iter().find(|signer| is_log(signer.key)).map(|signer| signer.key.clone()) else {
            return Err(PolicyVerifyError::NoLogSignature { origin });
        };
        // Only cosignatures carry a time, and only witnesses' keys make cosignatures.
        let cosigned =
            |signer: &super::note::Signer<'_>| signer.time.map(|time| Witnessed { key: signer.key.clone(), time });
        let witnessed: Vec<Witnessed> = note.signers().iter().filter_map(cosigned).collect();
        if !self.quorum_met(&witnessed) {
            let quorum = self.quorum_name.clone();
            return Err(PolicyVerifyError::Quorum { quorum, cosigned: witnessed.len(), known: self.witnesses.len() });
        }
        Ok(VerifiedCheckpoint::vouched_for(signed, log, witnessed))
    }

    fn quorum_met(&self, witnessed: &[Witnessed]) -> bool {
        let Quorum::Of(quorum) = self.quorum else { return true };
        let mut groups: Vec<bool> = Vec::with_capacity(self.groups.len());
        let stands = |member: &Member, groups: &[bool]| match member {
            Member::Witness(at) => self.witnesses.get(*at).is_some_and(|key| witnessed.iter().any(|w| w.key == *key)),
            Member::Group(at) => groups.get(*at).copied().unwrap_or_default(),
        };
        // In order, so that whatever a group consists of is settled before it.
        for group in &self.groups {
            let count = group.members.iter().filter(|member| stands(member, &groups)).count();
            groups.push(count >= group.threshold);
        }
        stands(&quorum, &groups)
    }
}

/// Names of witnesses and groups, as octets, and whether each is a member of a group.
type Names = BTreeMap<Vec<u8>, (Member, bool)>;
