//! What the chain says: which contract pays, and what was paid into it.

use alloy::primitives::{Address, B256, U256};
use mira_core::digest::{Digest, StatementId};
use mira_core::domain;
use mira_core::statement::Bind;

use crate::claim;

/// A distributor on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distributor {
    /// The chain.
    pub chain_id: u64,
    /// The contract.
    pub contract: Address,
    /// The token that it pays.
    pub token: Address,
}

/// A payment into a distributor: its event `Funded`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funded {
    /// The block.
    pub block: u64,
    /// Which event of the block.
    pub log_index: u64,
    /// What it is for: a use or a train statement, or zero for the common pool.
    pub statement: B256,
    /// How much.
    pub amount: U256,
}

impl Distributor {
    /// The DOMAIN of its claim leaves.
    pub fn domain(&self) -> B256 {
        claim::domain(self.chain_id, self.contract, self.token)
    }

    /// Whether a bind is for it.
    pub fn is_meant_by(&self, bind: &Bind) -> bool {
        bind.chain_id.value() == self.chain_id && bind.contract.as_bytes() == self.contract.as_slice()
    }
}

impl Funded {
    /// The statement that it names; none for the pool.
    pub fn purpose(&self) -> Option<StatementId> {
        (!self.statement.is_zero()).then(|| Digest::new(self.statement.0).into())
    }

    /// Digest of payments in the order of the chain: H("mira/funding/v1\0" ‖ for each, u64be block ‖ u64be log index ‖
    /// statement ‖ amount as 32 bytes).
    pub fn digest(events: &[Self]) -> Digest {
        let mut bytes = domain::FUNDING.to_vec();
        for event in events {
            bytes.extend_from_slice(&event.block.to_be_bytes());
            bytes.extend_from_slice(&event.log_index.to_be_bytes());
            bytes.extend_from_slice(event.statement.as_slice());
            bytes.extend_from_slice(&event.amount.to_be_bytes::<32>());
        }
        Digest::of(&bytes)
    }

    /// Where the event stands on its chain.
    pub const fn place(&self) -> (u64, u64) {
        (self.block, self.log_index)
    }
}
