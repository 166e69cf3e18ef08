//! What a chain says of itself.

use std::fmt;

use alloy::primitives::{Address, B256, U64, U256};
use serde::Deserialize;

/// Which chain it is. A chain id alone can be anybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of block 0.
    pub genesis: B256,
    /// Whether it is the workspace's own chain: one operator, and no time but theirs.
    pub local: bool,
}

impl Identity {
    /// Whether both are the same chain, wherever each was found.
    pub fn is(&self, other: &Self) -> bool {
        self.chain_id == other.chain_id && self.genesis == other.genesis
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain {} with genesis {}", self.chain_id, self.genesis)
    }
}

/// A block by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// The fields of a block's header that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Seconds since 1970, as its maker says.
    pub timestamp: u64,
    /// What a unit of gas costs at least, in wei.
    pub base_fee: u128,
}

/// The fields of a receipt that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub tx: B256,
    /// The block that holds it, which may still be replaced.
    pub block: BlockRef,
    /// Whether it did what it was to do; a reverted transaction is in a block too.
    pub succeeded: bool,
    /// The gas it took.
    pub gas_used: u64,
    /// The contract it made.
    pub contract: Option<Address>,
}

/// An event and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<E> {
    /// The event.
    pub event: E,
    /// The block.
    pub block: BlockRef,
    /// The transaction.
    pub tx: B256,
    /// Its place among the block's events.
    pub index: u64,
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            number: U64,
            hash: B256,
            timestamp: U64,
            base_fee_per_gas: Option<U256>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let base_fee = wire.base_fee_per_gas.unwrap_or_default();
        Ok(Self {
            number: wire.number.to(),
            hash: wire.hash,
            timestamp: wire.timestamp.to(),
            base_fee: u128::try_from(base_fee).map_err(|_| serde::de::Error::custom("a base fee beyond 2^128"))?,
        })
    }
}

impl<'de> Deserialize<'de> for Receipt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            transaction_hash: B256,
            block_number: U64,
            block_hash: B256,
            // Receipts without a status are older than any contract of ours.
            status: U64,
            gas_used: U64,
            contract_address: Option<Address>,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            tx: wire.transaction_hash,
            block: BlockRef { number: wire.block_number.to(), hash: wire.block_hash },
            succeeded: wire.status == U64::from(1),
            gas_used: wire.gas_used.to(),
            contract: wire.contract_address,
        })
    }
}
