//! Statements: facts that somebody claims, each in one byte form.
//!
//! A [`Statement`] is an in-toto Statement v1: who says it and when ([`Common`]), and what ([`Predicate`], one struct
//! per [`Kind`]). [`Statement::parse`] accepts a payload only if [`Statement::to_payload`] would write those very bytes.
//! A statement here is well-formed by section 9 of `FORMAT.md` and no more: who signed it is the envelope's business,
//! and whether what it names exists and the signer may say so is decided by the [fold](crate::fold).
//!
//! ```
//! use mira_core::statement::{Kind, Statement};
//!
//! let payload = br#"{"_type":"https://in-toto.io/Statement/v1","predicate":{"claimed_at":"2026-01-31T12:00:00Z","contributor_id":"1111111111111111111111111111111111111111111111111111111111111111","from_epoch":3,"nonce":"00112233445566778899aabbccddeeff"},"predicateType":"urn:mira:policy:v1","subject":[{"digest":{"sha256":"2222222222222222222222222222222222222222222222222222222222222222"}}]}"#;
//! let statement = Statement::parse(payload)?;
//! assert_eq!(statement.kind(), Kind::Policy);
//! assert_eq!(statement.subject().header().to_string(), "22".repeat(32));
//! assert_eq!(statement.to_payload(), payload);
//! # Ok::<(), mira_core::statement::StatementError>(())
//! ```

mod dataset;
mod inputs;
mod judgement;
mod keys;
mod kind;
mod model;
mod ranges;
mod subject;
mod values;

pub use dataset::{Available, Code, Dataset, Inference, Profiles, Refused, RefusedReason, Transform};
pub use inputs::{ExternalInput, Input, InputRole, Inputs, Listed, LoggedInput, Part};
pub use judgement::{Audit, AuditResult, Countersign, Dispute, DisputeReason, Policy, Withdraw, WithdrawReason};
pub use keys::{Bind, Delegate, DelegatedKind, DelegationState, Register, RevokeKey, RevokeReason, Rotate};
pub use kind::Kind;
pub use model::{Agent, AgentRole, Deploy, DeploymentState, Evaluate, Train, Unit, Usage};
pub use ranges::{Range, Ranges, RangesError, RowSet, RowSetError};
pub use subject::{DatasetSubject, ModelFiles, ModelSubject, Subject, model_id, model_list};
pub use values::{Amount, EvmAddress, EvmSignature, Natural, Nonce, Number, Positive, ValueError};

use crate::cid::Codec;
use crate::digest::{ContributorId, StatementId};
use crate::domain::STATEMENT_TYPE;
use crate::field::{Members, ReadFields as _};
use crate::json::{FieldError, Fields, Json, JsonError, Node, parse_canonical};
use crate::name::Name;
use crate::rights::Rights;
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

/// What a statement states, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// A contributor's first key, label and recovery key.
    Register(Register),
    /// A new key in place of the current one.
    Rotate(Rotate),
    /// A key that no longer counts.
    RevokeKey(RevokeKey),
    /// What another contributor may sign under the signer's name.
    Delegate(Delegate),
    /// The account that the signer is paid to.
    Bind(Bind),
    /// A dataset.
    Contribute(Dataset),
    /// A dataset can be fetched.
    Available(Available),
    /// A dataset was not taken.
    Refused(Refused),
    /// A dataset made from others.
    Transform(Transform),
    /// A model made from datasets and models.
    Train(Train),
    /// Measurements of a model.
    Evaluate(Evaluate),
    /// A model that is served, or no longer.
    Deploy(Deploy),
    /// How much a model was used.
    Use(Usage),
    /// Somebody else says the same.
    Countersign(Countersign),
    /// A statement is taken back.
    Withdraw(Withdraw),
    /// A statement is said to be wrong.
    Dispute(Dispute),
    /// The rules that rewards follow.
    Policy(Policy),
    /// The result of an audit.
    Audit(Audit),
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

impl Predicate {
    /// The kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Register(_) => Kind::Register,
            Self::Rotate(_) => Kind::Rotate,
            Self::RevokeKey(_) => Kind::RevokeKey,
            Self::Delegate(_) => Kind::Delegate,
            Self::Bind(_) => Kind::Bind,
            Self::Contribute(_) => Kind::Contribute,
            Self::Available(_) => Kind::Available,
            Self::Refused(_) => Kind::Refused,
            Self::Transform(_) => Kind::Transform,
            Self::Train(_) => Kind::Train,
            Self::Evaluate(_) => Kind::Evaluate,
            Self::Deploy(_) => Kind::Deploy,
            Self::Use(_) => Kind::Use,
            Self::Countersign(_) => Kind::Countersign,
            Self::Withdraw(_) => Kind::Withdraw,
            Self::Dispute(_) => Kind::Dispute,
            Self::Policy(_) => Kind::Policy,
            Self::Audit(_) => Kind::Audit,
        }
    }

    /// The dataset that it adds.
    pub const fn dataset(&self) -> Option<&Dataset> {
        match self {
            Self::Contribute(dataset) | Self::Transform(Transform { output: dataset, .. }) => Some(dataset),
            _ => None,
        }
    }

    /// For whom it was signed, if not for the signer.
    pub fn on_behalf_of(&self) -> Option<ContributorId> {
        match self {
            Self::Train(train) => train.on_behalf_of,
            Self::Deploy(deploy) => deploy.on_behalf_of,
            _ => self.dataset()?.on_behalf_of,
        }
    }

    /// The name of the dataset, model or deployment that it gives a version to.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Train(train) => Some(&train.subject.name),
            Self::Deploy(deploy) => Some(&deploy.deployment),
            _ => self.dataset().map(|dataset| &dataset.subject.name),
        }
    }

    /// The rights block that it carries.
    pub fn rights(&self) -> Option<&Rights> {
        match self {
            Self::Train(train) => Some(&train.rights),
            _ => self.dataset().map(|dataset| &dataset.rights),
        }
    }

    /// The inputs that it lists.
    pub const fn inputs(&self) -> Option<&Inputs> {
        match self {
            Self::Transform(Transform { inputs, .. })
            | Self::Train(Train { inputs, .. })
            | Self::Evaluate(Evaluate { inputs, .. }) => Some(inputs),
            _ => None,
        }
    }

    fn read(
        kind: Kind,
        signer: &ContributorId,
        subject: SubjectReader<'_>,
        fields: &mut Fields<'_>,
    ) -> Result<Self, FieldError> {
        Ok(match kind {
            Kind::Register => subject.signer(signer).and_then(|()| Register::read(fields)).map(Self::Register)?,
            Kind::Rotate => subject.signer(signer).and_then(|()| Rotate::read(fields)).map(Self::Rotate)?,
            Kind::RevokeKey => subject.signer(signer).and_then(|()| RevokeKey::read(fields)).map(Self::RevokeKey)?,
            Kind::Delegate => subject.signer(signer).and_then(|()| Delegate::read(fields)).map(Self::Delegate)?,
            Kind::Bind => subject.signer(signer).and_then(|()| Bind::read(fields)).map(Self::Bind)?,
            Kind::Contribute => Self::Contribute(Dataset::read(subject.dataset()?, fields)?),
            Kind::Available => Self::Available(Available::read(subject.sha256()?.into(), fields)?),
            Kind::Refused => Self::Refused(Refused::read(subject.sha256()?.into(), fields)?),
            Kind::Transform => Self::Transform(Transform::read(subject.dataset()?, fields)?),
            Kind::Train => Self::Train(Train::read(subject.named_model()?, fields)?),
            Kind::Evaluate => Self::Evaluate(Evaluate::read(subject.model()?, fields)?),
            Kind::Deploy => Self::Deploy(Deploy::read(subject.model()?, fields)?),
            Kind::Use => Self::Use(Usage::read(subject.model()?, fields)?),
            Kind::Countersign => Self::Countersign(Countersign::read(subject.sha256()?.into(), fields)?),
            Kind::Withdraw => Self::Withdraw(Withdraw::read(subject.sha256()?.into(), fields)?),
            Kind::Dispute => Self::Dispute(Dispute::read(subject.sha256()?.into(), fields)?),
            Kind::Policy => Self::Policy(Policy::read(subject.sha256()?, fields)?),
            Kind::Audit => Self::Audit(Audit::read(subject.sha256()?, fields)?),
        })
    }

    fn write(&self, object: Members) -> Members {
        match self {
            Self::Register(register) => register.write(object),
            Self::Rotate(rotate) => rotate.write(object),
            Self::RevokeKey(revoke) => revoke.write(object),
            Self::Delegate(delegate) => delegate.write(object),
            Self::Bind(bind) => bind.write(object),
            Self::Contribute(dataset) => dataset.write(object),
            Self::Available(available) => available.write(object),
            Self::Refused(refused) => refused.write(object),
            Self::Transform(transform) => transform.write(object),
            Self::Train(train) => train.write(object),
            Self::Evaluate(evaluate) => evaluate.write(object),
            Self::Deploy(deploy) => deploy.write(object),
            Self::Use(usage) => usage.write(object),
            Self::Countersign(countersign) => countersign.write(object),
            Self::Withdraw(withdraw) => withdraw.write(object),
            Self::Dispute(dispute) => dispute.write(object),
            Self::Policy(policy) => policy.write(object),
            Self::Audit(audit) => audit.write(object),
        }
    }

    /// The rules that no single member can state.
    fn check(&self, signer: &ContributorId) -> Result<(), RuleError> {
        let others = "it is somebody else than the signer";
        rule("on_behalf_of", self.on_behalf_of().is_none_or(|owner| owner != *signer), others)?;
        if let Some(Listed::Inline(inputs)) = self.inputs() {
            rule("inputs", inputs.len() <= Inputs::MAX_INLINE, "at most 4,096 stand in a statement")?;
        }
        match self {
            Self::Register(register) => {
                let differs = register.recovery.is_none_or(|key| key != register.key);
                rule("recovery", differs, "it is another key than the first")
            }
            Self::Delegate(delegate) => {
                rule("to", delegate.to != *signer, others)?;
                delegate.check()
            }
            Self::Contribute(dataset) | Self::Transform(Transform { output: dataset, .. }) => {
                rule("chunks", dataset.chunks.value() <= Dataset::MAX_CHUNKS, "at most 1,000,000")?;
                rule("rows", dataset.rows >= dataset.chunks, "every chunk has a row")
            }
            Self::Available(available) => {
                rule("cid", available.cid.codec() == Codec::DagPb, "it is that of a directory, with codec dag-pb")
            }
            Self::Train(train) => train.check(),
            Self::Use(usage) => rule("to", usage.from <= usage.to, "counting does not end before it starts"),
            _ => Ok(()),
        }
    }
}

impl Delegate {
    fn check(&self) -> Result<(), RuleError> {
        rule("kinds", !self.kinds.is_empty(), "at least one kind")?;
        rule("names", self.names.as_ref().is_none_or(|names| !names.is_empty()), "absent, or at least one name")?;
        let ends = self.state == DelegationState::Ended;
        rule("names", !ends || self.names.is_none(), "absent if the delegation ends")
    }
}

impl Train {
    fn check(&self) -> Result<(), RuleError> {
        rule("agents", self.agents.as_ref().is_none_or(|agents| !agents.is_empty()), "absent, or at least one agent")?;
        let Listed::Inline(files) = &self.files else { return Ok(()) };
        rule("files", !files.is_empty(), "at least one file")?;
        rule("files", model_id(files) == self.subject.id, "they are what miraModelV1 is made from")
    }
}

fn rule(member: &'static str, holds: bool, rule: &'static str) -> Result<(), RuleError> {
    if holds { Ok(()) } else { Err(RuleError { member, rule }) }
}

/// The item of an array of one.
fn only_item<'a>(node: &Node<'a>) -> Result<Node<'a>, FieldError> {
    let mut items = node.items()?;
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item),
        _ => Err(node.unlike("an array of one")),
    }
}
