//! The rules that need the state: one function each, in the order of section 10 of `FORMAT.md`.

use super::Fold;
use super::refusal::Refusal;
use super::state::{Contributor, Record, Thing};
use crate::digest::{ContributorId, StatementId};
use crate::key::VerifyingKey;
use crate::name::Name;
use crate::statement::{
    Bind, DelegatedKind, Deploy, Evaluate, Input, Kind, LoggedInput, Part, Predicate, Register, Statement, Usage,
};

/// What may stand as an input, and what carries terms.
const MATERIAL: &[Kind] = &[Kind::Contribute, Kind::Transform, Kind::Train];
/// What has files that can be fetched.
const DATASETS: &[Kind] = &[Kind::Contribute, Kind::Transform];
/// What somebody else can have seen.
const WITNESSED: &[Kind] =
    &[Kind::Contribute, Kind::Transform, Kind::Train, Kind::Evaluate, Kind::Deploy, Kind::Use, Kind::Audit];
/// What can be wrong about others' work.
const DISPUTABLE: &[Kind] = &[
    Kind::Contribute,
    Kind::Available,
    Kind::Refused,
    Kind::Transform,
    Kind::Train,
    Kind::Evaluate,
    Kind::Deploy,
    Kind::Use,
    Kind::Countersign,
    Kind::Withdraw,
    Kind::Audit,
];
/// What can be taken back.
const WITHDRAWABLE: &[Kind] = &[
    Kind::Contribute,
    Kind::Transform,
    Kind::Train,
    Kind::Evaluate,
    Kind::Deploy,
    Kind::Use,
    Kind::Countersign,
    Kind::Dispute,
];

/// A statement whose signatures verified, before the state it would change.
pub(super) struct Check<'a> {
    fold: &'a Fold,
    statement: &'a Statement,
    /// The signer's state, if it was seen before.
    contributor: Option<&'a Contributor>,
    /// The first key that signed, and the second.
    key: VerifyingKey,
    second: Option<VerifyingKey>,
}

impl<'a> Check<'a> {
    pub(super) fn new(
        fold: &'a Fold,
        statement: &'a Statement,
        key: VerifyingKey,
        second: Option<VerifyingKey>,
    ) -> Self {
        let contributor = fold.contributors.get(&statement.signer());
        Self { fold, statement, contributor, key, second }
    }

    /// Checks the rules; the first that does not hold is the reason.
    pub(super) fn all(&self) -> Result<(), Refusal> {
        self.key()?;
        self.prev()?;
        self.target()?;
        self.subject()?;
        self.permission()?;
        self.name()?;
        self.taken()?;
        self.bind()?;
        self.range()
    }

    fn key(&self) -> Result<(), Refusal> {
        self.signing_key()?;
        match (self.statement.predicate(), self.second) {
            (Predicate::Rotate(rotate), Some(second)) if second != rotate.new => {
                Err(Refusal::NewKey { expected: rotate.new.to_did(), found: second.to_did() })
            }
            _ => Ok(()),
        }
    }

    fn signing_key(&self) -> Result<(), Refusal> {
        let signer = self.statement.signer();
        let Some(contributor) = self.contributor else { return self.first_key(signer) };
        let replaces_keys = matches!(self.statement.kind(), Kind::Rotate | Kind::RevokeKey);
        if replaces_keys && contributor.recovery == Some(self.key) {
            return Ok(());
        }
        let found = self.key.to_did();
        if self.key != contributor.key {
            return Err(Refusal::CurrentKey { contributor: signer, expected: contributor.key.to_did(), found });
        }
        if contributor.revoked { Err(Refusal::RevokedKey { contributor: signer, found }) } else { Ok(()) }
    }

    /// A contributor nobody has seen is named after its key, and every key belongs to one contributor.
    fn first_key(&self, signer: ContributorId) -> Result<(), Refusal> {
        if self.key.contributor_id() != signer {
            return Err(Refusal::FirstKey { contributor: signer, found: self.key.to_did() });
        }
        match self.fold.keys.get(self.key.as_bytes()) {
            Some(holder) => Err(Refusal::ForeignKey { found: self.key.to_did(), holder: *holder }),
            None => Ok(()),
        }
    }

    fn prev(&self) -> Result<(), Refusal> {
        let Some(prev) = self.statement.common().prev else { return Ok(()) };
        match self.fold.statements.get(&prev) {
            Some(record) if record.signer == self.statement.signer() => Ok(()),
            _ => Err(Refusal::Prev { prev, contributor: self.statement.signer() }),
        }
    }

    fn target(&self) -> Result<(), Refusal> {
        match self.statement.predicate() {
            Predicate::Available(available) => self.named("subject", &available.target, DATASETS)?,
            Predicate::Refused(refused) => self.named("subject", &refused.target, DATASETS)?,
            Predicate::Countersign(countersign) => self.named("subject", &countersign.target, WITNESSED)?,
            Predicate::Dispute(dispute) => self.named("subject", &dispute.target, DISPUTABLE)?,
            Predicate::Withdraw(withdraw) => {
                self.named("subject", &withdraw.target, WITHDRAWABLE)?;
                if let (Some(_), Some(record)) = (&withdraw.rows, self.record(&withdraw.target))
                    && record.extent.is_none()
                {
                    return Err(Refusal::NoRows { target: withdraw.target, found: record.kind });
                }
            }
            Predicate::Evaluate(Evaluate { model, .. }) | Predicate::Deploy(Deploy { model, .. }) => {
                self.named("model", model, &[Kind::Train])?;
            }
            Predicate::Use(usage) => {
                self.named("model", &usage.model, &[Kind::Train])?;
                usage.deployment.iter().try_for_each(|id| self.named("deployment", id, &[Kind::Deploy]))?;
                usage.terms.iter().try_for_each(|id| self.named("terms", id, MATERIAL))?;
            }
            _ => {}
        }
        self.inputs().try_for_each(|input| self.named("inputs", &input.statement, MATERIAL))
    }

    fn subject(&self) -> Result<(), Refusal> {
        match self.statement.predicate() {
            Predicate::Evaluate(Evaluate { model, .. }) | Predicate::Deploy(Deploy { model, .. }) => {
                self.same_model("model", model)
            }
            Predicate::Use(Usage { model, deployment, .. }) => {
                self.same_model("model", model)?;
                deployment.iter().try_for_each(|id| self.same_model("deployment", id))
            }
            _ => Ok(()),
        }
    }

    fn permission(&self) -> Result<(), Refusal> {
        let signer = self.statement.signer();
        let own = |holds: bool, member, key: &VerifyingKey| match holds {
            true => Ok(()),
            false => Err(Refusal::NotOwnKey { member, contributor: signer, found: key.to_did() }),
        };
        match self.statement.predicate() {
            Predicate::Register(Register { key, .. }) => own(key.contributor_id() == signer, "key", key),
            Predicate::Rotate(rotate) => own(rotate.old == self.current_key(), "old", &rotate.old),
            Predicate::RevokeKey(revoke) => own(self.is_own_key(&revoke.key), "key", &revoke.key),
            Predicate::Countersign(countersign) => match self.record(&countersign.target) {
                Some(target) if target.signer == signer => {
                    Err(Refusal::OwnStatement { target: countersign.target, signer })
                }
                _ => Ok(()),
            },
            Predicate::Withdraw(withdraw) => match self.record(&withdraw.target) {
                Some(target) if target.signer != signer => {
                    let name = target.version.as_ref().map(|version| &version.name);
                    self.delegated(target.owner, DelegatedKind::Withdraw, name)
                }
                _ => Ok(()),
            },
            predicate => match DelegatedKind::of(predicate.kind()) {
                Some(kind) => self.delegated(self.statement.owner(), kind, predicate.name()),
                None => Ok(()),
            },
        }
    }

    fn name(&self) -> Result<(), Refusal> {
        let owner = self.statement.owner();
        let (Some(name), Some(thing)) = (self.statement.predicate().name(), Thing::of(self.statement.kind())) else {
            return Ok(());
        };
        match self.fold.series(thing).get(&(owner, name.clone())) {
            Some(series) if series.thing != thing => {
                Err(Refusal::Name { owner, name: name.clone(), used_for: series.thing })
            }
            _ => Ok(()),
        }
    }

    fn taken(&self) -> Result<(), Refusal> {
        match self.statement.predicate() {
            Predicate::Register(register) => {
                if self.contributor.is_some_and(|contributor| contributor.registered) {
                    return Err(Refusal::Registered { contributor: self.statement.signer() });
                }
                if let Some(label) = &register.label
                    && let Some(holder) = self.fold.labels.get(label)
                {
                    return Err(Refusal::Label { label: label.clone(), holder: *holder });
                }
                register.recovery.iter().try_for_each(|key| self.unused("recovery", key))
            }
            Predicate::Rotate(rotate) => self.unused("new", &rotate.new),
            _ => Ok(()),
        }
    }

    fn bind(&self) -> Result<(), Refusal> {
        let Predicate::Bind(Bind { bind_nonce, log_origin, .. }) = self.statement.predicate() else { return Ok(()) };
        if let Some(last) = self.contributor.and_then(|contributor| contributor.bind)
            && *bind_nonce <= last.nonce
        {
            return Err(Refusal::BindNonce { last: last.nonce.value(), found: bind_nonce.value() });
        }
        let expected = &self.fold.origin;
        if log_origin == expected {
            return Ok(());
        }
        Err(Refusal::BindOrigin { expected: expected.clone(), found: log_origin.clone() })
    }

    fn range(&self) -> Result<(), Refusal> {
        if let Predicate::Withdraw(withdraw) = self.statement.predicate()
            && let Some(rows) = &withdraw.rows
        {
            self.within(&withdraw.target, "rows", rows.count.value())?;
        }
        self.inputs().try_for_each(|input| match &input.part {
            Part::Whole => Ok(()),
            Part::Chunks(chunks) => self.within(&input.statement, "chunks", chunks.end()),
            Part::Rows(rows) => self.within(&input.statement, "rows", rows.count.value()),
        })
    }

    /// Whether a statement was accepted before and is of one of these kinds.
    fn named(&self, place: &'static str, target: &StatementId, kinds: &[Kind]) -> Result<(), Refusal> {
        match self.record(target) {
            Some(record) if kinds.contains(&record.kind) => Ok(()),
            Some(record) => Err(Refusal::TargetKind { place, target: *target, found: record.kind }),
            None => Err(Refusal::NoTarget { place, target: *target }),
        }
    }

    fn same_model(&self, place: &'static str, named: &StatementId) -> Result<(), Refusal> {
        let found = self.statement.subject().header();
        match self.record(named) {
            Some(record) if record.subject != found => Err(Refusal::Subject { place, expected: record.subject, found }),
            _ => Ok(()),
        }
    }

    /// Whether the signer may do this for `owner`: it is the owner, or a delegation in force covers it.
    fn delegated(&self, owner: ContributorId, kind: DelegatedKind, name: Option<&Name>) -> Result<(), Refusal> {
        let signer = self.statement.signer();
        let covered = || self.fold.delegations.get(&(owner, signer)).is_some_and(|given| given.covers(kind, name));
        if owner == signer || covered() {
            return Ok(());
        }
        Err(Refusal::NotDelegated { owner, signer, kind, name: name.cloned() })
    }

    /// Whether a key was never anybody's: no current key now or before, and not the signer's recovery key.
    fn unused(&self, member: &'static str, key: &VerifyingKey) -> Result<(), Refusal> {
        let recovers = self.contributor.is_some_and(|contributor| contributor.recovery == Some(*key));
        if recovers || *key == self.current_key() || self.fold.keys.contains_key(key.as_bytes()) {
            return Err(Refusal::UsedKey { member, found: key.to_did() });
        }
        Ok(())
    }

    fn within(&self, input: &StatementId, unit: &'static str, found: u64) -> Result<(), Refusal> {
        let Some(record) = self.record(input) else { return Ok(()) };
        let Some(extent) = record.extent else {
            return Err(Refusal::NoExtent { input: *input, found: record.kind });
        };
        let size = if unit == "rows" { extent.rows } else { extent.chunks };
        if found <= size { Ok(()) } else { Err(Refusal::Range { input: *input, unit, size, found }) }
    }

    /// The signer's current key, also after it was revoked. One that was never seen has the key that signed.
    fn current_key(&self) -> VerifyingKey {
        self.contributor.map_or(self.key, |contributor| contributor.key)
    }

    fn is_own_key(&self, key: &VerifyingKey) -> bool {
        *key == self.current_key() || self.fold.keys.get(key.as_bytes()) == Some(&self.statement.signer())
    }

    fn record(&self, id: &StatementId) -> Option<&'a Record> {
        self.fold.statements.get(id)
    }

    fn inputs(&self) -> impl Iterator<Item = &'a LoggedInput> {
        let inputs = self.statement.predicate().inputs().map(|inputs| inputs.inline()).unwrap_or_default();
        inputs.iter().filter_map(|input| match input {
            Input::Logged(input) => Some(input),
            Input::External(_) => None,
        })
    }
}
