//! Calls to the contracts, as the bytes of a transaction.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall as _;

use crate::abi::{MiraToken, RewardsDistributor};

/// Pays into the distributor: for the use that a statement records, or with zero for all.
pub fn fund(statement: B256, amount: U256) -> Bytes {
    RewardsDistributor::fundCall { statementId: statement, amount }.abi_encode().into()
}

/// Lets `spender` take an amount of the token.
pub fn approve(spender: Address, amount: U256) -> Bytes {
    MiraToken::approveCall { spender, value: amount }.abi_encode().into()
}
