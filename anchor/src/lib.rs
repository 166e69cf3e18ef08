//! Anchoring: roots on a chain, rewards computed from lineage, and claims.

pub mod abi;
pub mod artifact;
pub mod calls;
pub mod chain;
pub mod commitment;
pub mod deployment;
pub mod endpoint;
pub mod fees;
pub mod outbox;
pub mod publish;
pub mod registry;
pub mod sender;
pub mod wallet;

pub use alloy::primitives::{Address, B256, Bytes, U256};
