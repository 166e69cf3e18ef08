//! What a statement states: one member of an enum per kind, and the rules that no single member can state.

use super::dataset::{Available, Dataset, Refused, Transform};
use super::inputs::{Inputs, Listed};
use super::judgement::{Audit, Countersign, Dispute, Policy, Withdraw};
use super::keys::{Bind, Delegate, DelegationState, Register, RevokeKey, Rotate};
use super::model::{Deploy, Evaluate, Train, Usage};
use super::subject::{SubjectReader, model_id};
use super::{Kind, RuleError};
use crate::cid::Codec;
use crate::digest::ContributorId;
use crate::field::Members;
use crate::json::{FieldError, Fields};
use crate::name::Name;
use crate::rights::Rights;

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

    pub(super) fn read(
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

    pub(super) fn write(&self, object: Members) -> Members {
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
    pub(super) fn check(&self, signer: &ContributorId) -> Result<(), RuleError> {
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
