//! `eth_call` and `eth_estimateGas`: what a transaction would do.

use alloy::consensus::Header;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Bytes, TxKind, U256};
use alloy::rpc::types::TransactionRequest;
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, InvalidTransaction};

use super::error::RpcError;
use super::{block, state};
use crate::machine::{Rules, RunError, TX_GAS_CAP, halt_text};
use crate::node::Node;
use crate::state::State;

/// Gas of a transfer, which is the least that a transaction takes.
const LEAST_GAS: u64 = 21_000;
/// What a call that moves money gives its target for free, so that an estimate must not count on it.
const CALL_STIPEND: u64 = 2_300;

/// Where a call is made.
struct Place<'a> {
    node: &'a Node,
    header: Header,
    state: &'a State,
}

pub(super) fn call(node: &Node, request: TransactionRequest, at: Option<BlockId>) -> Result<Bytes, RpcError> {
    let place = Place::of(node, at)?;
    let limit = request.gas.unwrap_or(u64::MAX).min(place.header.gas_limit);
    let tx = place.transaction(request, limit)?;
    match place.run(tx)? {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        failed => Err(failure(failed)),
    }
}

/// The least gas limit under which a transaction succeeds.
pub(super) fn estimate(node: &Node, request: TransactionRequest, at: Option<BlockId>) -> Result<u64, RpcError> {
    let place = Place::of(node, at)?;
    let most = request.gas.unwrap_or(u64::MAX).min(place.header.gas_limit).min(TX_GAS_CAP);
    let tx = place.transaction(request, most)?;
    let most = most.min(place.affordable(&tx)?);
    let with = |gas_limit| TxEnv { gas_limit, ..tx.clone() };

    let first = place.run(with(most))?;
    let ExecutionResult::Success { gas, .. } = &first else { return Err(failure(first)) };
    // Below what was spent, refunds aside, it cannot succeed. A little above, nearly everything does (EIP-150 keeps
    // back a 64th of what is left at every call); gas that a contract asks for and gives back may need more.
    let mut enough = most;
    let mut too_little = gas.tx_gas_used().saturating_sub(1).max(LEAST_GAS - 1);
    let likely = (gas.total_gas_spent() + CALL_STIPEND).saturating_mul(64) / 63;
    let mut guess = if too_little < likely && likely < enough { likely } else { middle(too_little, enough) };
    while too_little + 1 < enough {
        match place.succeeds(with(guess))? {
            true => enough = guess,
            false => too_little = guess,
        }
        guess = middle(too_little, enough);
    }
    Ok(enough)
}

impl<'a> Place<'a> {
    /// In a block that there is, or in the next one; that is the default.
    fn of(node: &'a Node, at: Option<BlockId>) -> Result<Self, RpcError> {
        let at = at.unwrap_or(BlockId::Number(BlockNumberOrTag::Pending));
        let header = if at.is_pending() {
            node.chain.next_header(node.moment())
        } else {
            block(node, at).ok_or_else(RpcError::unknown_block)?.block.header.clone()
        };
        Ok(Self { node, header, state: state(node, Some(at))? })
    }

    fn transaction(&self, request: TransactionRequest, gas_limit: u64) -> Result<TxEnv, RpcError> {
        let dynamic = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
        if dynamic && request.gas_price.is_some() {
            return Err(RpcError::params("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"));
        }
        if request.has_eip4844_fields() || request.authorization_list.is_some() {
            return Err(RpcError::params("transaction type not supported"));
        }
        let data = request.input.try_into_unique_input().map_err(|error| RpcError::params(error.to_string()))?;
        Ok(TxEnv {
            tx_type: match (dynamic, &request.access_list) {
                (true, _) => 2,
                (false, Some(_)) => 1,
                (false, None) => 0,
            },
            caller: request.from.unwrap_or_default(),
            gas_limit,
            gas_price: request.gas_price.or(request.max_fee_per_gas).unwrap_or_default(),
            kind: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or_default(),
            data: data.unwrap_or_default(),
            chain_id: Some(request.chain_id.unwrap_or(self.node.chain.chain_id)),
            access_list: request.access_list.unwrap_or_default(),
            gas_priority_fee: dynamic.then(|| request.max_priority_fee_per_gas.unwrap_or_default()),
            ..TxEnv::default()
        })
    }

    fn run(&self, tx: TxEnv) -> Result<ExecutionResult, RpcError> {
        let run = self.node.chain.run(&self.header, self.state, tx, Rules::Call);
        run.map(|done| done.result).map_err(|error| match error {
            RunError::Refused(reason) => RpcError::server(format!("err: {reason}")),
            RunError::Broken(words) => RpcError::internal(words),
        })
    }

    /// Whether a transaction succeeds under a gas limit that may be too low even to begin.
    fn succeeds(&self, tx: TxEnv) -> Result<bool, RpcError> {
        use InvalidTransaction::{CallGasCostMoreThanGasLimit, GasFloorMoreThanGasLimit};
        match self.node.chain.run(&self.header, self.state, tx, Rules::Call) {
            Ok(done) => Ok(done.result.is_success()),
            Err(RunError::Refused(CallGasCostMoreThanGasLimit { .. } | GasFloorMoreThanGasLimit { .. })) => Ok(false),
            Err(RunError::Refused(reason)) => Err(RpcError::server(format!("err: {reason}"))),
            Err(RunError::Broken(words)) => Err(RpcError::internal(words)),
        }
    }

    /// The most gas that the sender can pay for, if a price is named.
    fn affordable(&self, tx: &TxEnv) -> Result<u64, RpcError> {
        if tx.gas_price == 0 {
            return Ok(u64::MAX);
        }
        let left = self.state.balance(tx.caller).checked_sub(tx.value);
        let left = left.ok_or_else(|| RpcError::server("insufficient funds for transfer"))?;
        Ok((left / U256::from(tx.gas_price)).saturating_to())
    }
}

fn failure(result: ExecutionResult) -> RpcError {
    match result {
        ExecutionResult::Revert { output, .. } => RpcError::reverted(output),
        ExecutionResult::Halt { reason, .. } => RpcError::server(halt_text(&reason)),
        ExecutionResult::Success { .. } => RpcError::internal("a call that succeeded has failed"),
    }
}

fn middle(low: u64, high: u64) -> u64 {
    low + (high - low) / 2
}
