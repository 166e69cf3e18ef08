//! Computing again what was proposed on a chain, from nothing but log, rows, policies and the chain's events.
//!
//! ```text
//! for each proposal, oldest first:
//!   log prefix of its log epoch → policy in force → payments since the epoch that it adds to → allocation
//!   root, total and manifest equal those on the chain, or that is where they differ
//! ```
//!
//! A manifest says up to which block payments were counted. Where its file is gone, the block is found by trying the
//! blocks that have payments: a manifest that matches is the one that was proposed.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256};
use mira_core::digest::Digest;
use mira_core::fold::Accepted;
use mira_core::log::vkey::KeyName;
use mira_core::merkle::TreeHead;

use super::distributor::{Distributor, Funded};
use super::epoch::{Allocation, EpochError, Previous};
use super::evidence::{self, Evidence, EvidenceError};
use super::history::History;
use super::manifest::Manifest;

/// How many ends of the payments are tried for a manifest whose file is gone.
const MAX_TRIES: usize = 64;

/// A proposal, as the chain has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// Which epoch of rewards.
    pub epoch: u64,
    /// The epoch that it adds to; 0 for none. The last before it that had not been vetoed when it was proposed.
    pub previous: u64,
    /// The block of the proposal: later payments are not in it.
    pub block: u64,
    /// The root.
    pub root: B256,
    /// The sum of all amounts.
    pub total: U256,
    /// SHA-256 of the manifest.
    pub manifest: Digest,
    /// The epoch of the log.
    pub log_epoch: u64,
}

/// A log, as far as rewards go.
#[derive(Debug, Clone, Copy)]
pub struct LogView<'a> {
    /// Its origin.
    pub origin: &'a KeyName,
    /// The size and root of each of its epochs, from epoch 1.
    pub epochs: &'a [TreeHead],
    /// Its accepted entries, in order.
    pub accepted: &'a [&'a Accepted],
}

/// What came of computing a proposal again.
#[derive(Debug)]
pub enum Verdict {
    /// It is what was proposed.
    Equal(Box<Allocation>),
    /// It is not.
    Differs {
        /// The first value at which it differs.
        step: &'static str,
        /// What was computed.
        expected: String,
        /// What was proposed.
        found: String,
        /// The allocation that was computed, with payments up to the proposal's block.
        computed: Box<Allocation>,
    },
    /// The log has no such epoch, or no policy was in force at it.
    Baseless {
        /// What is missing.
        what: &'static str,
    },
}

/// Why a proposal cannot be computed again.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The epoch that it adds to was not computed.
    #[error("epoch {epoch} adds to epoch {previous}, which does not hold")]
    Previous {
        /// The epoch.
        epoch: u64,
        /// The one it adds to.
        previous: u64,
    },
    /// Evidence is missing or wrong.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// It cannot be computed.
    #[error("epoch {epoch} cannot be computed")]
    Epoch {
        /// The epoch.
        epoch: u64,
        /// Why not.
        source: EpochError,
    },
}

impl<'a> LogView<'a> {
    /// What the log said at one of its epochs.
    pub fn at(&self, epoch: u64) -> Option<History<'a>> {
        let epochs =
            usize::try_from(epoch).ok().filter(|epoch| *epoch > 0).and_then(|epoch| self.epochs.get(..epoch))?;
        Some(History::new(self.origin, epochs, self.accepted.iter().copied()))
    }
}

/// Computes proposals again, one after the other, each on what it adds to.
#[derive(Debug)]
pub struct Auditor<'a> {
    log: LogView<'a>,
    distributor: Distributor,
    /// Every payment into the distributor, in the order of the chain.
    funded: &'a [Funded],
    /// What the epochs that hold left, by number.
    done: BTreeMap<u64, Previous>,
}

impl<'a> Auditor<'a> {
    /// Starts before the first epoch.
    pub fn new(log: LogView<'a>, distributor: Distributor, funded: &'a [Funded]) -> Self {
        Self { log, distributor, funded, done: [(0, Previous::default())].into() }
    }

    /// What an epoch that was computed left; epoch 0 is before the first.
    pub fn previous(&self, epoch: u64) -> Option<&Previous> {
        self.done.get(&epoch)
    }

    /// Computes a proposal again. `manifest` is its file, if there is one.
    pub fn check(
        &mut self,
        proposal: &Proposal,
        manifest: Option<&[u8]>,
        evidence: &mut impl Evidence,
    ) -> Result<Verdict, AuditError> {
        let missing = AuditError::Previous { epoch: proposal.epoch, previous: proposal.previous };
        let previous = self.done.get(&proposal.previous).cloned().ok_or(missing)?;
        let Some(history) = self.log.at(proposal.log_epoch) else {
            return Ok(Verdict::Baseless { what: "the log has no such epoch" });
        };
        let Some(in_force) = history.policy() else {
            return Ok(Verdict::Baseless { what: "no policy was in force" });
        };
        let policy = evidence::bytes(evidence, &in_force.policy)?;
        let compute = |funded: &[Funded], evidence: &mut _| {
            let (epoch, distributor) = (proposal.epoch, self.distributor);
            Allocation::compute(epoch, &history, &policy, distributor, funded, &previous, evidence)
                .map_err(|source| AuditError::Epoch { epoch, source })
        };
        let start = self.funded.partition_point(|event| event.block < previous.carried.next_block);
        let open = self.funded.get(start..).unwrap_or_default();
        let open = open.get(..open.partition_point(|event| event.block <= proposal.block)).unwrap_or_default();
        let mut first = None;
        for end in ends(open, manifest.filter(|file| Digest::of(file) == proposal.manifest)) {
            let computed = compute(open.get(..end).unwrap_or_default(), evidence)?;
            if computed.manifest.digest() == proposal.manifest {
                return Ok(self.verdict(proposal, computed));
            }
            first.get_or_insert(computed);
        }
        // `ends` has at least one item.
        match first {
            Some(computed) => Ok(self.verdict(proposal, computed)),
            None => Ok(Verdict::Baseless { what: "there are no payments" }),
        }
    }

    fn verdict(&mut self, proposal: &Proposal, computed: Allocation) -> Verdict {
        let manifest = &computed.manifest;
        let values = [
            ("total", manifest.total.to_string(), proposal.total.to_string()),
            ("root", manifest.root.to_string(), proposal.root.to_string()),
            ("manifest", manifest.digest().to_string(), proposal.manifest.to_string()),
        ];
        let differs = values.into_iter().find(|(_, expected, found)| expected != found);
        match differs {
            None => {
                self.done.insert(proposal.epoch, computed.to_previous());
                Verdict::Equal(Box::new(computed))
            }
            Some((step, expected, found)) => Verdict::Differs { step, expected, found, computed: Box::new(computed) },
        }
    }
}

/// How many of the open payments an epoch may have counted, most likely first.
fn ends(open: &[Funded], manifest: Option<&[u8]>) -> Vec<usize> {
    let said = manifest.and_then(|file| Manifest::next_block(file).ok());
    if let Some(next_block) = said {
        return vec![open.partition_point(|event| event.block < next_block)];
    }
    let boundary = |end: &usize| {
        let (before, after) = open.split_at_checked(*end).unwrap_or_default();
        before.last().map(|event| event.block) != after.first().map(|event| event.block)
    };
    let mut ends: Vec<usize> = (1..=open.len()).rev().filter(boundary).collect();
    ends.push(0);
    ends.truncate(MAX_TRIES);
    ends
}
