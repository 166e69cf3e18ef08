//! The JSON-RPC methods of a node.
//!
//! Every block is final the moment that it exists, so `latest`, `safe` and `finalized` are one block. Nothing waits for
//! the next block, so `pending` is the state of the latest one; for calls it is the block that a transaction sent now
//! would get, with its number, time and base fee. A call that names no block is made there too: the last block of a
//! chain on which nothing happened since yesterday is from yesterday, which no client of a real node expects.

mod blocks;
mod call;
mod error;
mod params;

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use alloy::rpc::json_rpc::ResponsePayload;
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::serde::JsonStorageKey;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use self::error::RpcError;
use self::params::{Params, Quantity};
use crate::chain::Sealed;
use crate::node::Node;
use crate::state::State;

/// The answer to one request.
pub(crate) fn answer(node: &mut Node, method: &str, params: Option<&RawValue>) -> ResponsePayload {
    match Params::parse(params).and_then(|params| dispatch(node, method, &params)) {
        Ok(result) => ResponsePayload::Success(result),
        Err(error) => ResponsePayload::Failure(error.into()),
    }
}

type Answer = Result<Box<RawValue>, RpcError>;

/// A tip that anvil suggests as well.
const SUGGESTED_TIP: u64 = 1_000_000_000;

/// What kind of chain this is; other methods are handed on.
fn dispatch(node: &mut Node, method: &str, params: &Params<'_>) -> Answer {
    match method {
        "web3_clientVersion" => give(format!("mira-devchain/{}", env!("CARGO_PKG_VERSION"))),
        "net_version" => give(node.chain.chain_id.to_string()),
        "eth_chainId" => give(U64::from(node.chain.chain_id)),
        "eth_syncing" => give(false),
        "eth_accounts" => give(Vec::<Address>::new()),
        "eth_blockNumber" => give(U64::from(node.chain.header().number)),
        "eth_gasPrice" => give(U256::from(node.chain.next_base_fee()) + U256::from(SUGGESTED_TIP)),
        "eth_maxPriorityFeePerGas" => give(U64::from(SUGGESTED_TIP)),
        "eth_feeHistory" => {
            let (count, newest) = (params.at::<Quantity>(0)?, params.at(1)?);
            let percentiles = params.optional::<Vec<f64>>(2)?;
            give(blocks::fee_history(&node.chain, count.0, number(node, newest)?, percentiles)?)
        }
        _ => accounts(node, method, params),
    }
}

/// What accounts have.
fn accounts(node: &mut Node, method: &str, params: &Params<'_>) -> Answer {
    match method {
        "eth_getBalance" => {
            let state = state(node, params.optional(1)?)?;
            give(state.balance(params.at(0)?))
        }
        "eth_getTransactionCount" => {
            let state = state(node, params.optional(1)?)?;
            give(U64::from(state.nonce(params.at(0)?)))
        }
        "eth_getCode" => {
            let state = state(node, params.optional(1)?)?;
            give(state.code(params.at(0)?).map(|code| code.original_bytes()).unwrap_or_default())
        }
        "eth_getStorageAt" => {
            let state = state(node, params.optional(2)?)?;
            let slot = params.at::<JsonStorageKey>(1)?.as_b256();
            give(B256::from(state.storage(params.at(0)?, slot.into())))
        }
        _ => history(node, method, params),
    }
}

/// What is in blocks.
fn history(node: &mut Node, method: &str, params: &Params<'_>) -> Answer {
    match method {
        "eth_getBlockByNumber" => {
            let full = params.optional(1)?.unwrap_or(false);
            give(block(node, BlockId::Number(params.at(0)?)).map(|sealed| blocks::block(sealed, full)))
        }
        "eth_getBlockByHash" => {
            let full = params.optional(1)?.unwrap_or(false);
            give(block(node, BlockId::hash(params.at(0)?)).map(|sealed| blocks::block(sealed, full)))
        }
        "eth_getTransactionByHash" => {
            give(node.chain.transaction(&params.at(0)?).map(|(sealed, tx, done)| blocks::transaction(sealed, tx, done)))
        }
        "eth_getTransactionReceipt" => {
            give(node.chain.transaction(&params.at(0)?).map(|(sealed, tx, done)| blocks::receipt(sealed, tx, done)))
        }
        "eth_getLogs" => give(blocks::logs(node, &params.at::<Filter>(0)?)?),
        _ => execution(node, method, params),
    }
}

/// What runs contracts.
fn execution(node: &mut Node, method: &str, params: &Params<'_>) -> Answer {
    match method {
        "eth_call" => {
            params.refuse_beyond(2, "state and block overrides are not supported")?;
            give(call::call(node, params.at::<TransactionRequest>(0)?, params.optional(1)?)?)
        }
        "eth_estimateGas" => {
            params.refuse_beyond(2, "state and block overrides are not supported")?;
            give(U64::from(call::estimate(node, params.at::<TransactionRequest>(0)?, params.optional(1)?)?))
        }
        "eth_sendRawTransaction" => give(node.send(&params.at::<Bytes>(0)?)?),
        _ => development(node, method, params),
    }
}

/// What public chains do not have: time by request.
fn development(node: &mut Node, method: &str, params: &Params<'_>) -> Answer {
    match method {
        "evm_increaseTime" => {
            let ahead = node.increase_time(params.at::<Quantity>(0)?.0);
            give(ahead.ok_or_else(|| RpcError::params("that is too far in the future"))?)
        }
        "evm_setNextBlockTimestamp" => {
            let timestamp = params.at::<Quantity>(0)?.0;
            if !node.set_next_timestamp(timestamp) {
                let last = node.chain.header().timestamp;
                return Err(RpcError::params(format!(
                    "Timestamp error: {timestamp} is lower than or equal to previous block's timestamp {last}, or too far in the future"
                )));
            }
            give(())
        }
        "evm_mine" => {
            params.refuse_beyond(0, "the time of the block is set by evm_setNextBlockTimestamp")?;
            node.mine()?;
            give("0x0")
        }
        _ => Err(RpcError::method(method)),
    }
}

fn give(result: impl Serialize) -> Answer {
    to_raw_value(&result).map_err(|error| RpcError::internal(error.to_string()))
}

/// The number that a tag stands for.
fn number(node: &Node, tag: BlockNumberOrTag) -> Result<u64, RpcError> {
    let head = node.chain.header().number;
    match tag {
        BlockNumberOrTag::Earliest => Ok(0),
        BlockNumberOrTag::Number(number) if number > head => Err(RpcError::unknown_block()),
        BlockNumberOrTag::Number(number) => Ok(number),
        _ => Ok(head),
    }
}

fn block(node: &Node, id: BlockId) -> Option<&Sealed> {
    let number = match id {
        BlockId::Hash(hash) => node.chain.number_of(&hash.block_hash)?,
        BlockId::Number(tag) => number(node, tag).ok()?,
    };
    node.chain.block(number)
}

/// The state after a block; after the last one if none is named.
fn state(node: &Node, id: Option<BlockId>) -> Result<&State, RpcError> {
    let sealed = block(node, id.unwrap_or_default()).ok_or_else(RpcError::unknown_block)?;
    let number = sealed.block.header.number;
    node.chain.state_after(number).ok_or_else(|| RpcError::forgotten(number))
}
