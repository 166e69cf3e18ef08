//! What a log says up to a checkpoint, in the form that the rules ask about.
//!
//! A [`History`] is the accepted entries below one size; whether an entry is accepted depends on those before it alone,
//! so the same prefix always makes the same history. What a later entry says (a withdrawal, another bind) counts from
//! the first epoch whose checkpoint holds it.

use std::collections::HashMap;

use alloy::primitives::Address;
use mira_core::digest::{ContributorId, Digest, StatementId};
use mira_core::fold::Accepted;
use mira_core::id::{EpochNumber, TreeSize};
use mira_core::log::vkey::KeyName;
use mira_core::merkle::TreeHead;
use mira_core::statement::{Deploy, DeploymentState, Predicate, RowSet, Withdraw, WithdrawReason};

use super::distributor::Distributor;
use crate::bind;

/// The accepted entries of a log below one size.
#[derive(Debug, Clone)]
pub struct History<'a> {
    origin: &'a KeyName,
    /// Sizes and roots of the log's epochs, from epoch 1 to the one at hand.
    epochs: &'a [TreeHead],
    accepted: Vec<&'a Accepted>,
    places: HashMap<StatementId, usize>,
    withdrawn: HashMap<StatementId, Withdrawal>,
}

/// What was taken back of a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withdrawal {
    /// Whether all of it was.
    pub whole: Option<Whole>,
    /// Rows of the dataset that were.
    pub rows: Vec<RowSet>,
}

/// What becomes of a statement that was taken back as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whole {
    /// It was an error: as if it had never been made.
    Vacated,
    /// It was licensed or consented to no longer, or says too much about people: it keeps its place, unpaid, so that
    /// nobody gains the place by copying.
    Reserved,
}

/// The policy that an epoch follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    /// SHA-256 of the policy file.
    pub policy: Digest,
    /// The statement that put it in force.
    pub statement: StatementId,
}

impl<'a> History<'a> {
    /// The history up to the last of `epochs`, from a log's accepted entries in order, which may go on beyond it.
    pub fn new(origin: &'a KeyName, epochs: &'a [TreeHead], accepted: impl IntoIterator<Item = &'a Accepted>) -> Self {
        let size = epochs.last().map_or(0, |head| head.size.value());
        let within = accepted.into_iter().take_while(|accepted| accepted.record.seq.value() < size);
        let accepted: Vec<_> = within.collect();
        let places = (0..).zip(&accepted).map(|(place, accepted)| (accepted.statement_id, place)).collect();
        let mut history = Self { origin, epochs, accepted, places, withdrawn: HashMap::new() };
        for accepted in &history.accepted {
            if let Predicate::Withdraw(withdraw) = accepted.statement.predicate() {
                history.withdrawn.entry(withdraw.target).or_default().add(withdraw);
            }
        }
        history
    }

    /// The log's origin.
    pub fn origin(&self) -> &'a KeyName {
        self.origin
    }

    /// The log's epoch at hand.
    pub fn epoch(&self) -> EpochNumber {
        EpochNumber::new(self.epochs.len() as u64)
    }

    /// Its checkpoint.
    pub fn head(&self) -> TreeHead {
        let empty = TreeHead { size: TreeSize::new(0), root: mira_core::merkle::empty_root() };
        self.epochs.last().copied().unwrap_or(empty)
    }

    /// All of it, in order.
    pub fn accepted(&self) -> impl Iterator<Item = &'a Accepted> {
        self.accepted.iter().copied()
    }

    /// An accepted statement.
    pub fn get(&self, id: &StatementId) -> Option<&'a Accepted> {
        self.accepted.get(*self.places.get(id)?).copied()
    }

    /// What was taken back of a statement.
    pub fn withdrawal(&self, id: &StatementId) -> Option<&Withdrawal> {
        self.withdrawn.get(id)
    }

    /// Whether a statement was taken back as a whole, for whatever reason.
    pub fn is_withdrawn(&self, id: &StatementId) -> bool {
        self.withdrawal(id).is_some_and(|withdrawal| withdrawal.whole.is_some())
    }

    /// The epoch in which an entry first stood; the one after the last for one beyond.
    pub fn epoch_of(&self, accepted: &Accepted) -> u64 {
        let index = accepted.record.seq.value();
        self.epochs.partition_point(|head| head.size.value() <= index) as u64 + 1
    }

    /// The policy in force.
    ///
    /// Whoever logs the first policy keeps it: later ones count only from the same contributor. The first counts from the
    /// epoch in which it stands, and later ones from the next at the earliest, so no epoch's rules change after it was
    /// sealed; each from its `from_epoch`, if that is later. Of those that count, the last one holds.
    pub fn policy(&self) -> Option<InForce> {
        let mut keeper = None;
        let mut in_force = None;
        for accepted in &self.accepted {
            let Predicate::Policy(policy) = accepted.statement.predicate() else { continue };
            let first = keeper.is_none();
            if *keeper.get_or_insert(accepted.record.signer) != accepted.record.signer {
                continue;
            }
            let logged = self.epoch_of(accepted) + u64::from(!first);
            if policy.from_epoch.value().max(logged) <= self.epoch().value() {
                in_force = Some(InForce { policy: policy.policy, statement: accepted.statement_id });
            }
        }
        in_force
    }

    /// Where each contributor is paid by a distributor: the payout of the last bind for it whose account signed, unless
    /// it has expired. An earlier bind does not come back then, for its account may have been given up.
    pub fn payouts(&self, distributor: &Distributor) -> HashMap<ContributorId, Address> {
        let mut payouts = HashMap::new();
        for accepted in &self.accepted {
            let Predicate::Bind(bind) = accepted.statement.predicate() else { continue };
            let signer = accepted.record.signer;
            if !distributor.is_meant_by(bind) || bind::verify(signer, bind).is_err() {
                continue;
            }
            match bind.expires_epoch.value() >= self.epoch().value() {
                true => payouts.insert(signer, Address::from(*bind.payout.as_bytes())),
                false => payouts.remove(&signer),
            };
        }
        payouts
    }

    /// Who serves the model that a deploy statement is about, if it says that it is served.
    pub fn deployer(&self, deploy: &StatementId) -> Option<ContributorId> {
        let accepted = self.get(deploy).filter(|_| !self.is_withdrawn(deploy))?;
        match accepted.statement.predicate() {
            Predicate::Deploy(Deploy { state: DeploymentState::Active, .. }) => Some(accepted.record.owner),
            _ => None,
        }
    }
}

impl Withdrawal {
    fn add(&mut self, withdraw: &Withdraw) {
        if let Some(rows) = withdraw.rows {
            self.rows.push(rows);
            return;
        }
        let whole = match withdraw.reason {
            WithdrawReason::Error => Whole::Vacated,
            WithdrawReason::Consent | WithdrawReason::Licence | WithdrawReason::Privacy => Whole::Reserved,
        };
        self.whole = self.whole.max(Some(whole));
    }
}
