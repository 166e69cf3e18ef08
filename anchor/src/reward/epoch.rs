//! One epoch of rewards from beginning to end: policy, amounts, claim tree, manifest.

use alloy::primitives::{B256, U256};
use mira_core::digest::Digest;

use super::allocate::{AllocateError, Amounts, Carried, Share, allocate};
use super::distributor::{Distributor, Funded};
use super::evidence::Evidence;
use super::history::History;
use super::manifest::{Funding, Manifest, table};
use super::policy::{Policy, PolicyError};
use crate::claim::{Claim, ClaimTree, ClaimTreeError};

/// What an epoch adds to: the last one that was not vetoed, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Previous {
    /// What it left.
    pub carried: Carried,
    /// SHA-256 of its manifest.
    pub manifest: Option<Digest>,
}

/// An epoch of rewards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// What it was computed from.
    pub manifest: Manifest,
    /// The amounts, and how they came about.
    pub amounts: Amounts,
    /// The claims; none if nobody has earned anything.
    pub tree: Option<ClaimTree>,
    /// The file of amounts.
    pub table: Vec<u8>,
}

/// Why an epoch of rewards cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// The file is no policy.
    #[error("the policy cannot be used")]
    Policy(#[from] PolicyError),
    /// The amounts cannot be computed.
    #[error(transparent)]
    Allocate(#[from] AllocateError),
    /// The amounts are no claims.
    #[error(transparent)]
    Tree(#[from] ClaimTreeError),
    /// Everything earned so far is more than a token can have.
    #[error("the amounts add up to more than 2^256 - 1")]
    Overflow,
}

impl Allocation {
    /// Computes epoch `epoch` of rewards: a function of a log's prefix, the policy file, a chain's payments, the epoch
    /// before, and rows that are checked against the log.
    pub fn compute(
        epoch: u64,
        history: &History<'_>,
        policy: &[u8],
        distributor: Distributor,
        funded: &[Funded],
        previous: &Previous,
        evidence: &mut impl Evidence,
    ) -> Result<Self, EpochError> {
        let rules = Policy::parse(policy)?;
        let amounts = allocate(history, &rules, &distributor, funded, &previous.carried, evidence)?;
        let claims = claims(&amounts.shares);
        let tree = if claims.is_empty() { None } else { Some(ClaimTree::new(distributor.domain(), claims)?) };
        let sum = |total: Option<U256>, share: &Share| total?.checked_add(share.cumulative);
        let total = amounts.shares.iter().fold(Some(U256::ZERO), sum).ok_or(EpochError::Overflow)?;
        let table = table(epoch, &amounts.shares);
        let head = history.head();
        let manifest = Manifest {
            epoch,
            previous: previous.manifest,
            origin: history.origin().to_string(),
            log_epoch: history.epoch().value(),
            log_size: head.size.value(),
            log_root: head.root,
            policy: Digest::of(policy),
            distributor,
            funding: Funding {
                from_block: previous.carried.next_block,
                next_block: amounts.carried.next_block,
                events: funded.len() as u64,
                digest: Funded::digest(funded),
                waiting: amounts.carried.waiting.len() as u64,
            },
            budget: amounts.budget,
            total,
            steps: amounts.trace.totals(),
            allocation: Digest::of(&table),
            root: tree.as_ref().map_or(B256::ZERO, ClaimTree::root),
        };
        Ok(Self { manifest, amounts, tree, table })
    }

    /// What the epoch after this one adds to.
    pub fn to_previous(&self) -> Previous {
        Previous { carried: self.amounts.carried.clone(), manifest: Some(self.manifest.digest()) }
    }
}

fn claims(shares: &[Share]) -> Vec<Claim> {
    let claim =
        |share: &Share| Claim { contributor: share.contributor, payout: share.payout, cumulative: share.cumulative };
    shares.iter().filter(|share| !share.cumulative.is_zero()).map(claim).collect()
}
