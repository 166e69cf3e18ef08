//! The fold: which entries of a log count, and what they add up to.
//!
//! A log takes any bytes; the fold reads them in order and accepts or refuses each by section 10 of `FORMAT.md`. A
//! refused entry stays in the log, changes nothing and cannot be named. Everyone who folds the same log comes to the
//! same state, so names, versions, keys and labels need no server to decide them.
//!
//! Deciding is separate from changing: [`Fold::apply`] first checks an entry against the state, which is only read, and
//! then records it, which cannot fail. The work for an entry does not depend on how many came before, and memory is
//! bounded by what was accepted: envelopes are not kept.
//!
//! ```
//! use mira_core::dsse::Envelope;
//! use mira_core::entry::Entry;
//! use mira_core::fold::{Fold, Outcome, Reason};
//! use mira_core::key::SigningKey;
//! use mira_core::statement::{Common, Nonce, Policy, Positive, Predicate, Statement};
//!
//! let sample = SigningKey::from_seed(&[7; 32]);
//! let common = Common {
//!     claimed_at: "2026-01-31T12:00:00Z".parse()?,
//!     contributor_id: sample.verifying_key().contributor_id(),
//!     nonce: Nonce::new([0; 16]),
//!     prev: None,
//! };
//! let policy = Policy { policy: Default::default(), from_epoch: Positive::new(1).expect("1 is positive") };
//! let statement = Statement::new(common, Predicate::Policy(policy))?;
//! let entry = Entry::of(&Envelope::seal(&statement.to_payload(), &[&sample])?)?;
//!
//! let mut fold = Fold::new("log.example.org".parse()?);
//! assert!(matches!(fold.apply(entry.as_bytes()), Outcome::Accepted(_)));
//! assert_eq!(fold.apply(entry.as_bytes()).reason(), Some(Reason::Repeated));
//! assert_eq!(fold.apply(b"anything").reason(), Some(Reason::Malformed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod refusal;
mod state;

use std::collections::HashMap;
use std::sync::Arc;

pub use refusal::{Reason, Refusal};
pub use state::{Contributor, Extent, LastBind, Record, Series, Thing, Version, Withdrawn};

use crate::digest::{ContributorId, EntryId, StatementId};
use crate::entry::{Entry, EntryError, entry_id};
use crate::id::LeafIndex;
use crate::key::{KEY_LEN, VerifyingKey};
use crate::log::vkey::KeyName;
use crate::name::{Label, Name};
use crate::statement::{DelegationState, Kind, Predicate, Statement, Withdraw};
use check::Check;
use state::Delegation;

/// Whose name it is, and the name.
type OwnedName = (ContributorId, Name);

/// The state of one log after some of its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    origin: KeyName,
    next: u64,
    contributors: HashMap<ContributorId, Contributor>,
    /// Every key that ever signed as somebody's current key, and whose it is.
    keys: HashMap<[u8; KEY_LEN], ContributorId>,
    labels: HashMap<Label, ContributorId>,
    delegations: HashMap<(ContributorId, ContributorId), Delegation>,
    statements: HashMap<StatementId, Record>,
    /// Datasets and models share their names; deployments have names of their own.
    artifacts: HashMap<OwnedName, Series>,
    deployments: HashMap<OwnedName, Series>,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Accepted(Box<Accepted>),
    /// It changes nothing.
    Refused(Refusal),
}

/// An entry that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The statement's identity.
    pub statement_id: StatementId,
    /// What it states.
    pub statement: Statement,
    /// The key that signed it; of a rotation the first one.
    pub key: VerifyingKey,
    /// What the fold keeps of it.
    pub record: Record,
}

impl Outcome {
    /// The rule that a refused entry breaks.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Accepted(_) => None,
            Self::Refused(refusal) => Some(refusal.reason()),
        }
    }
}

impl Fold {
    /// An empty log of this origin.
    pub fn new(origin: KeyName) -> Self {
        Self {
            origin,
            next: 0,
            contributors: HashMap::new(),
            keys: HashMap::new(),
            labels: HashMap::new(),
            delegations: HashMap::new(),
            statements: HashMap::new(),
            artifacts: HashMap::new(),
            deployments: HashMap::new(),
        }
    }

    /// Takes the next entry of the log, whatever its bytes are, and decides about it.
    pub fn apply(&mut self, entry: &[u8]) -> Outcome {
        let seq = LeafIndex::new(self.next);
        self.next += 1;
        match self.decide(entry) {
            Ok(decided) => Outcome::Accepted(Box::new(self.record(seq, entry_id(entry), decided))),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// Decides what [`Fold::apply`] would, and changes nothing: to find out before an entry is logged.
    pub fn check(&self, entry: &[u8]) -> Result<(), Refusal> {
        self.decide(entry).map(|_| ())
    }

    /// The log's origin.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// The index that the next entry has: how many were applied, accepted or not.
    pub fn next_index(&self) -> LeafIndex {
        LeafIndex::new(self.next)
    }

    /// Somebody who signed an accepted statement.
    pub fn contributor(&self, id: &ContributorId) -> Option<&Contributor> {
        self.contributors.get(id)
    }

    /// Everybody who signed an accepted statement, in no order.
    pub fn contributors(&self) -> impl ExactSizeIterator<Item = (&ContributorId, &Contributor)> {
        self.contributors.iter()
    }

    /// Who took a label.
    pub fn by_label(&self, label: &Label) -> Option<&ContributorId> {
        self.labels.get(label)
    }

    /// Whose key this is or was.
    pub fn by_key(&self, key: &VerifyingKey) -> Option<&ContributorId> {
        self.keys.get(key.as_bytes())
    }

    /// An accepted statement.
    pub fn statement(&self, id: &StatementId) -> Option<&Record> {
        self.statements.get(id)
    }

    /// All accepted statements, in no order.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = (&StatementId, &Record)> {
        self.statements.iter()
    }

    /// The versions of a dataset or model.
    pub fn artifact(&self, owner: &ContributorId, name: &Name) -> Option<&Series> {
        self.artifacts.get(&(*owner, name.clone()))
    }

    /// The statements about a deployment.
    pub fn deployment(&self, owner: &ContributorId, name: &Name) -> Option<&Series> {
        self.deployments.get(&(*owner, name.clone()))
    }

    fn series(&self, thing: Thing) -> &HashMap<OwnedName, Series> {
        match thing {
            Thing::Dataset | Thing::Model => &self.artifacts,
            Thing::Deployment => &self.deployments,
        }
    }

    /// Checks the rules in the order of section 10.
    fn decide(&self, entry: &[u8]) -> Result<Decided, Refusal> {
        let (statement, envelope) = Entry::parse(entry)?.into_parts();
        let statement_id = envelope.statement_id();
        if let Some(record) = self.statements.get(&statement_id) {
            return Err(Refusal::Repeated { statement: statement_id, first: record.seq });
        }
        let envelope = envelope.verify_signatures()?;
        let mut signers = envelope.signers();
        // An entry's envelope has the number of signatures that its kind asks for, so there is a first one.
        let found = EntryError::Signatures { kind: statement.kind(), expected: 1, found: 0 };
        let key = signers.next().ok_or(found)?;
        Check::new(self, &statement, key, signers.next()).all()?;
        Ok(Decided { statement_id, statement, key })
    }

    /// Writes down an entry that was decided to count.
    fn record(&mut self, seq: LeafIndex, entry_id: EntryId, decided: Decided) -> Accepted {
        let Decided { statement_id, statement, key } = decided;
        self.record_contributor(statement_id, &statement, key);
        self.record_delegation(&statement);
        self.record_judgement(&statement);
        let predicate = statement.predicate();
        let record = Record {
            seq,
            entry_id,
            kind: statement.kind(),
            signer: statement.signer(),
            owner: statement.owner(),
            subject: statement.subject().header(),
            version: self.record_version(statement_id, &statement),
            rights: predicate.rights().cloned().map(Arc::new),
            extent: predicate.dataset().map(Extent::of),
            withdrawn: Withdrawn::Nothing,
            disputes: 0,
            countersignatures: 0,
        };
        self.statements.insert(statement_id, record.clone());
        Accepted { statement_id, statement, key, record }
    }

    /// Introduces the signer, or changes its keys, label or bind.
    fn record_contributor(&mut self, statement_id: StatementId, statement: &Statement, key: VerifyingKey) {
        let signer = statement.signer();
        let contributor = self.contributors.entry(signer).or_insert_with(|| {
            self.keys.insert(*key.as_bytes(), signer);
            Contributor::new(key)
        });
        match statement.predicate() {
            Predicate::Register(register) => {
                contributor.registered = true;
                contributor.recovery = register.recovery;
                contributor.label = register.label.clone();
                self.labels.extend(register.label.clone().map(|label| (label, signer)));
            }
            Predicate::Rotate(rotate) => {
                self.keys.insert(*rotate.new.as_bytes(), signer);
                contributor.key = rotate.new;
                contributor.revoked = false;
            }
            // An earlier key does not sign any more anyway.
            Predicate::RevokeKey(revoke) => contributor.revoked |= revoke.key == contributor.key,
            Predicate::Bind(bind) => {
                contributor.bind = Some(LastBind { statement: statement_id, nonce: bind.bind_nonce });
            }
            _ => {}
        }
    }

    fn record_delegation(&mut self, statement: &Statement) {
        let Predicate::Delegate(delegate) = statement.predicate() else { return };
        let pair = (statement.signer(), delegate.to);
        let delegation = self.delegations.entry(pair).or_default();
        match delegate.state {
            DelegationState::Granted => delegation.grant(&delegate.kinds, delegate.names.as_ref()),
            DelegationState::Ended => delegation.end(&delegate.kinds),
        }
        if delegation.is_empty() {
            self.delegations.remove(&pair);
        }
    }

    /// Notes on the target what was said about it.
    fn record_judgement(&mut self, statement: &Statement) {
        let target = match statement.predicate() {
            Predicate::Countersign(countersign) => countersign.target,
            Predicate::Dispute(dispute) => dispute.target,
            Predicate::Withdraw(withdraw) => return self.record_withdrawal(withdraw),
            _ => return,
        };
        let Some(record) = self.statements.get_mut(&target) else { return };
        match statement.kind() {
            Kind::Countersign => record.countersignatures += 1,
            _ => record.disputes += 1,
        }
    }

    /// Withdraws a statement or rows of it. A countersignature or dispute that is withdrawn no longer counts.
    fn record_withdrawal(&mut self, withdraw: &Withdraw) {
        let Some(record) = self.statements.get_mut(&withdraw.target) else { return };
        let before = record.withdrawn;
        let now = if withdraw.rows.is_some() { Withdrawn::Rows } else { Withdrawn::Whole };
        record.withdrawn = before.max(now);
        let (kind, judged) = (record.kind, StatementId::new(record.subject));
        if before == Withdrawn::Whole {
            return;
        }
        let Some(judged) = self.statements.get_mut(&judged) else { return };
        match kind {
            Kind::Countersign => judged.countersignatures = judged.countersignatures.saturating_sub(1),
            Kind::Dispute => judged.disputes = judged.disputes.saturating_sub(1),
            _ => {}
        }
    }

    /// Counts the statement among those of its owner and name.
    fn record_version(&mut self, statement_id: StatementId, statement: &Statement) -> Option<Version> {
        let (name, thing) = (statement.predicate().name()?.clone(), Thing::of(statement.kind())?);
        let series = match thing {
            Thing::Dataset | Thing::Model => &mut self.artifacts,
            Thing::Deployment => &mut self.deployments,
        };
        let series = series
            .entry((statement.owner(), name.clone()))
            .or_insert_with(|| Series { thing, versions: Vec::with_capacity(1) });
        series.versions.push(statement_id);
        Some(Version { name, number: series.versions.len() as u64 })
    }
}

/// An entry that passed every rule.
struct Decided {
    statement_id: StatementId,
    statement: Statement,
    key: VerifyingKey,
}
