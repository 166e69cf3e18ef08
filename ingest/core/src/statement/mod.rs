//! Statements: facts that somebody claims, each in one byte form.
//!
//! A [`Statement`] is an in-toto Statement v1: who says it and when ([`Common`]), and what ([`Predicate`], one struct
//! per [`Kind`]). [`Statement::parse`] accepts a payload only if [`Statement::to_payload`] would write those bytes. A
//! statement here is well-formed by section 9 of `FORMAT.md` and no more: who signed it is the envelope's business, and
//! whether what it names exists and the signer may say so is decided by the [fold](crate::fold).
//!
//! ```
//! use mira_core::statement::{Kind, Statement};
//!
//! let payload = [
//!     r#"{"_type":"https://in-toto.io/Statement/v1","predicate":{"claimed_at":"2026-01-31T12:00:00Z","contributor_id":"#,
//!     r#""1111111111111111111111111111111111111111111111111111111111111111","from_epoch":3,"#,
//!     r#""nonce":"00112233445566778899aabbccddeeff"},"predicateType":"urn:mira:policy:v1","subject":[{"digest":"#,
//!     r#"{"sha256":"2222222222222222222222222222222222222222222222222222222222222222"}}]}"#,
//! ]
//! .concat();
//! let statement = Statement::parse(payload.as_bytes())?;
//! assert_eq!(statement.kind(), Kind::Policy);
//! assert_eq!(statement.subject().header().to_string(), "22".repeat(32));
//! assert_eq!(statement.to_payload(), payload.as_bytes());
//! # Ok::<(), mira_core::statement::StatementError>(())
//! ```

mod dataset;
mod inputs;
mod judgement;
mod keys;
mod kind;
mod lists;
mod model;
mod predicate;
mod ranges;
mod subject;
mod values;

pub use dataset::{Available, Code, Dataset, Inference, Profiles, Refused, RefusedReason, Transform};
pub use inputs::{ExternalInput, Input, InputRole, Inputs, Listed, LoggedInput, Part};
pub use judgement::{Audit, AuditResult, Countersign, Dispute, DisputeReason, Policy, Withdraw, WithdrawReason};
pub use keys::{Bind, Delegate, DelegatedKind, DelegationState, Register, RevokeKey, RevokeReason, Rotate};
pub use kind::Kind;
pub use lists::ListError;
pub use model::{Agent, AgentRole, Deploy, DeploymentState, Evaluate, Train, Unit, Usage};
pub use predicate::Predicate;
pub use ranges::{Range, Ranges, RangesError, RowSet, RowSetError};
pub use subject::{DatasetSubject, ModelFiles, ModelSubject, Subject, model_id, model_list};
pub use values::{Amount, EvmAddress, EvmHash, EvmSignature, Natural, Nonce, Number, Positive, ValueError};

use crate::digest::{ContributorId, StatementId};
use crate::domain::STATEMENT_TYPE;
use crate::field::{Members, ReadFields as _};
use crate::json::{FieldError, Fields, Json, JsonError, Node, parse_canonical};
use crate::time::UtcTime;
use subject::SubjectReader;

/// A well-formed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    common: Common,
    predicate: Predicate,
}

/// What every statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// When the signer says that it was signed: their word, not evidence.
    pub claimed_at: UtcTime,
    /// The signer.
    pub contributor_id: ContributorId,
    /// Fresh random bytes.
    pub nonce: Nonce,
    /// An earlier statement of the same signer.
    pub prev: Option<StatementId>,
}

/// Why bytes are not the payload of a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not canonical JSON.
    #[error("the payload is not canonical JSON")]
    Json(#[from] JsonError),
    /// A member is missing, unknown or has a value it cannot have.
    #[error("the payload is malformed")]
    Field(#[from] FieldError),
    /// The members contradict each other.
    #[error("the payload contradicts itself")]
    Rule(#[from] RuleError),
}

/// Members of a statement contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {rule}")]
pub struct RuleError {
    /// The member at fault.
    pub member: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl Statement {
    /// Accepts members that do not contradict each other.
    pub fn new(common: Common, predicate: Predicate) -> Result<Self, RuleError> {
        predicate.check(&common.contributor_id)?;
        Ok(Self { common, predicate })
    }

    /// Reads a payload; refuses every byte sequence that [`Statement::to_payload`] does not write.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        Self::from_json(&parse_canonical(payload)?)
    }

    /// Reads a payload that was parsed already.
    pub fn from_json(payload: &Json) -> Result<Self, StatementError> {
        let mut fields = payload.fields()?;
        fields.constant("_type", STATEMENT_TYPE)?;
        let predicate_type = fields.required("predicateType")?;
        let kind = Kind::from_predicate_type(predicate_type.text()?)
            .ok_or_else(|| predicate_type.unlike("urn:mira:<kind>:v1 of a kind that exists"))?;
        let subject = only_item(&fields.required("subject")?)?;
        let mut members = fields.required("predicate")?.fields()?;
        fields.finish()?;

        let common = Common::read(&mut members)?;
        let subject = SubjectReader::new(&subject)?;
        let predicate = Predicate::read(kind, &common.contributor_id, subject, &mut members)?;
        members.finish()?;
        Ok(Self::new(common, predicate)?)
    }

    /// Writes the payload.
    pub fn to_payload(&self) -> Vec<u8> {
        let predicate = self.predicate.write(self.common.write(Members::new()));
        Members::new()
            .with_json("_type", STATEMENT_TYPE)
            .with_json("predicate", predicate.into_json())
            .with_json("predicateType", self.kind().predicate_type())
            .with_json("subject", vec![self.subject().to_json()])
            .into_json()
            .to_canonical()
    }

    /// What every statement says.
    pub const fn common(&self) -> &Common {
        &self.common
    }

    /// What this one states.
    pub const fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    /// The kind.
    pub const fn kind(&self) -> Kind {
        self.predicate.kind()
    }

    /// Who signs it.
    pub const fn signer(&self) -> ContributorId {
        self.common.contributor_id
    }

    /// What it is about.
    pub fn subject(&self) -> Subject {
        match &self.predicate {
            Predicate::Register(_)
            | Predicate::Rotate(_)
            | Predicate::RevokeKey(_)
            | Predicate::Delegate(_)
            | Predicate::Bind(_) => Subject::Contributor(self.signer()),
            Predicate::Contribute(dataset) => Subject::Dataset(dataset.subject.clone()),
            Predicate::Transform(transform) => Subject::Dataset(transform.output.subject.clone()),
            Predicate::Train(train) => Subject::NamedModel(train.subject.clone()),
            Predicate::Evaluate(Evaluate { subject, .. })
            | Predicate::Deploy(Deploy { subject, .. })
            | Predicate::Use(Usage { subject, .. }) => Subject::Model(*subject),
            Predicate::Available(Available { target, .. })
            | Predicate::Refused(Refused { target, .. })
            | Predicate::Countersign(Countersign { target, .. })
            | Predicate::Withdraw(Withdraw { target, .. })
            | Predicate::Dispute(Dispute { target, .. }) => Subject::Statement(*target),
            Predicate::Policy(Policy { policy: file, .. }) | Predicate::Audit(Audit { report: file, .. }) => {
                Subject::File(*file)
            }
        }
    }

    /// Whose dataset, model or deployment it is: that of `on_behalf_of`, else the signer's.
    pub fn owner(&self) -> ContributorId {
        self.predicate.on_behalf_of().unwrap_or(self.signer())
    }
}

impl Common {
    fn read(fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            claimed_at: fields.read("claimed_at")?,
            contributor_id: fields.read("contributor_id")?,
            nonce: fields.read("nonce")?,
            prev: fields.read_some("prev")?,
        })
    }

    fn write(&self, object: Members) -> Members {
        object
            .with("claimed_at", &self.claimed_at)
            .with("contributor_id", &self.contributor_id)
            .with("nonce", &self.nonce)
            .with_some("prev", self.prev.as_ref())
    }
}

/// The item of an array of one.
fn only_item<'a>(node: &Node<'a>) -> Result<Node<'a>, FieldError> {
    let mut items = node.items()?;
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item),
        _ => Err(node.unlike("an array of one")),
    }
}
