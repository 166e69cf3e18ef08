//! Where a chain begins: its id, its time, its first base fee, and who has money.

use alloy::consensus::Header;
use alloy::consensus::constants::EMPTY_WITHDRAWALS;
use alloy::eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy::primitives::{Address, B256, Bytes, U256};

use crate::state::State;

/// The chain id that a local chain of mira has unless it is given another: the ASCII bytes of `mira`.
pub const LOCAL_CHAIN_ID: u64 = 0x6d69_7261;

/// Gas of a block: what anvil 1.7.1 starts with.
pub const BLOCK_GAS_LIMIT: u64 = 30_000_000;

/// The most accounts that may begin with money.
pub const MAX_ALLOC: usize = 4096;

/// The latest time that a chain is taken to, in seconds since 1970: the year 36812.
pub const MAX_TIMESTAMP: u64 = 1 << 40;

/// The most that a base fee rises to, in wei. From here on EIP-1559 could overflow, so it stops.
pub const MAX_BASE_FEE: u64 = 1 << 62;

/// The first block of a chain, and all that its rules depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// What transactions are signed for; not zero, at most 2^53 − 1, so that JavaScript reads it.
    pub chain_id: u64,
    /// Time of the first block, in seconds since 1970.
    pub timestamp: u64,
    /// Base fee of the first block, in wei; from then on EIP-1559 decides.
    pub base_fee: u64,
    /// Who has how much at the beginning, in wei; each address once.
    pub alloc: Vec<(Address, U256)>,
}

/// Why a chain cannot begin like this.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GenesisError {
    /// The bytes are not those that [`Genesis`] is written as.
    #[error("the genesis is not written as this version writes it")]
    Encoding,
    /// Zero, or more than JavaScript can read.
    #[error("chain id {found}, expected 1 to 2^53 - 1")]
    ChainId {
        /// The chain id.
        found: u64,
    },
    /// A time that leaves no room for blocks after it.
    #[error("timestamp {found}, expected at most {MAX_TIMESTAMP}")]
    Timestamp {
        /// The timestamp.
        found: u64,
    },
    /// A base fee that leaves no room for higher ones.
    #[error("base fee {found}, expected at most {MAX_BASE_FEE}")]
    BaseFee {
        /// The base fee.
        found: u64,
    },
    /// Too many accounts.
    #[error("{found} accounts with money, expected at most {MAX_ALLOC}")]
    Accounts {
        /// How many there are.
        found: usize,
    },
    /// An account that stands there twice.
    #[error("{address} is given money twice")]
    Twice {
        /// Its address.
        address: Address,
    },
    /// More money than a number of 256 bits can say.
    #[error("all accounts together have more than 2^256 - 1 wei")]
    Supply,
}

/// Bytes before the accounts: chain id, time, base fee, each in eight bytes.
const HEAD: usize = 24;
/// Bytes of an account: address and balance.
const ENTRY: usize = 20 + 32;

/// The most bytes that a genesis takes.
pub(crate) const MAX_LENGTH: usize = HEAD + MAX_ALLOC * ENTRY;

impl Genesis {
    /// Checks the genesis and puts its accounts in order.
    pub(crate) fn checked(mut self) -> Result<Self, GenesisError> {
        if self.chain_id == 0 || self.chain_id >= 1 << 53 {
            return Err(GenesisError::ChainId { found: self.chain_id });
        }
        if self.timestamp > MAX_TIMESTAMP {
            return Err(GenesisError::Timestamp { found: self.timestamp });
        }
        if self.base_fee > MAX_BASE_FEE {
            return Err(GenesisError::BaseFee { found: self.base_fee });
        }
        if self.alloc.len() > MAX_ALLOC {
            return Err(GenesisError::Accounts { found: self.alloc.len() });
        }
        self.alloc.sort_unstable_by_key(|(address, _)| *address);
        let mut pairs = self.alloc.iter().zip(self.alloc.iter().skip(1));
        if let Some((&(address, _), _)) = pairs.find(|(one, next)| one.0 == next.0) {
            return Err(GenesisError::Twice { address });
        }
        self.alloc
            .iter()
            .try_fold(U256::ZERO, |sum, (_, wei)| sum.checked_add(*wei))
            .map(|_| self)
            .ok_or(GenesisError::Supply)
    }

    /// The bytes of a checked genesis: integers big-endian at full width, accounts ascending.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.alloc.len() * ENTRY);
        for number in [self.chain_id, self.timestamp, self.base_fee] {
            bytes.extend(number.to_be_bytes());
        }
        for (address, wei) in &self.alloc {
            bytes.extend(address);
            bytes.extend(wei.to_be_bytes::<32>());
        }
        bytes
    }

    /// Reads a genesis; another way to write the same one is refused.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, GenesisError> {
        let (head, accounts) = bytes.split_at_checked(HEAD).ok_or(GenesisError::Encoding)?;
        let (accounts, []) = accounts.as_chunks::<ENTRY>() else { return Err(GenesisError::Encoding) };
        let [chain_id, timestamp, base_fee] = *head.as_chunks::<8>().0 else { return Err(GenesisError::Encoding) };
        let alloc = accounts.iter().map(|entry| {
            let (address, wei) = entry.split_at(20);
            (Address::from_slice(address), U256::from_be_slice(wei))
        });
        let genesis = Self {
            chain_id: u64::from_be_bytes(chain_id),
            timestamp: u64::from_be_bytes(timestamp),
            base_fee: u64::from_be_bytes(base_fee),
            alloc: alloc.collect(),
        }
        .checked()?;
        if genesis.encode() != bytes {
            return Err(GenesisError::Encoding);
        }
        Ok(genesis)
    }

    /// The state before any transaction.
    pub(crate) fn state(&self) -> State {
        State::of_balances(self.alloc.iter().copied())
    }

    /// The first header. A header does not name its chain, so the extra data does: another chain id, another hash.
    pub(crate) fn header(&self, state_root: B256) -> Header {
        Header {
            state_root,
            gas_limit: BLOCK_GAS_LIMIT,
            timestamp: self.timestamp,
            extra_data: Bytes::copy_from_slice(&self.chain_id.to_be_bytes()),
            base_fee_per_gas: Some(self.base_fee),
            ..blank_header()
        }
    }
}

/// What every header of this chain has in common: the fields of Osaka, with nothing in them.
pub(crate) fn blank_header() -> Header {
    Header {
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
