//! Anchoring: roots on a chain, rewards computed from lineage, and claims.

pub mod abi;
pub mod artifact;
pub mod bind;
pub mod calls;
pub mod chain;
pub mod claim;
pub mod commitment;
pub mod deployment;
pub mod distributor;
pub mod endpoint;
pub mod fees;
pub mod outbox;
pub mod publish;
pub mod registry;
pub mod reward;
pub mod sender;
pub mod wallet;

pub use alloy::primitives::{Address, B256, Bytes, U256};
