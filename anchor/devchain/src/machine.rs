//! Runs transactions and calls on revm, under the rules of Osaka.
//!
//! anvil 1.7.1 calls its default `Bpo1`: Osaka with other blob prices, and there are no blobs here.

use alloy::consensus::{Header, Transaction, TxEnvelope, Typed2718};
use alloy::primitives::{Address, B256, U256};
use revm::context::result::{EVMError, HaltReason, InvalidTransaction, ResultAndState};
use revm::context::{BlockEnv, CfgEnv, Context, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::database_interface::WrapDatabaseRef;
use revm::primitives::eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE;
use revm::primitives::hardfork::SpecId;
use revm::{ExecuteEvm, MainBuilder};

use crate::state::View;

/// The hardfork whose rules hold from the first block on.
pub(crate) const HARDFORK: SpecId = SpecId::OSAKA;

/// The most gas that one transaction may ask for (EIP-7825).
pub const TX_GAS_CAP: u64 = 1 << 24;

/// Whether what runs will be a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// All of them.
    Transaction,
    /// As for `eth_call`: any nonce, a price of nothing, more gas than a transaction, a contract as the sender.
    Call,
}

/// Why nothing was run.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The transaction breaks a rule.
    Refused(InvalidTransaction),
    /// The machine did, in these words.
    Broken(String),
}

/// Runs a transaction in a block; nothing is kept.
pub(crate) fn run<H: Fn(u64) -> Option<B256>>(
    chain_id: u64,
    header: &Header,
    view: View<'_, H>,
    tx: TxEnv,
    rules: Rules,
) -> Result<ResultAndState, RunError> {
    let mut cfg = CfgEnv::new_with_spec(HARDFORK).with_chain_id(chain_id);
    if rules == Rules::Call {
        cfg.disable_nonce_check = true;
        cfg.disable_base_fee = true;
        cfg.disable_eip3607 = true;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
    }
    let context = Context::<BlockEnv, TxEnv, CfgEnv, _>::new(WrapDatabaseRef(view), HARDFORK);
    context.with_cfg(cfg).with_block(block_of(header)).build_mainnet().transact(tx).map_err(|error| match error {
        EVMError::Transaction(reason) => RunError::Refused(reason),
        other => RunError::Broken(other.to_string()),
    })
}

/// A signed transaction as the machine takes it.
pub(crate) fn machine_tx(tx: &TxEnvelope, sender: Address) -> TxEnv {
    TxEnv {
        tx_type: tx.ty(),
        caller: sender,
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        ..TxEnv::default()
    }
}

/// What geth calls the reason for which all gas was taken.
pub(crate) fn halt_text(reason: &HaltReason) -> String {
    match reason {
        HaltReason::OutOfGas(_) => "out of gas".to_owned(),
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => "invalid opcode".to_owned(),
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID".to_owned(),
        HaltReason::InvalidJump => "invalid jump destination".to_owned(),
        HaltReason::StackUnderflow => "stack underflow".to_owned(),
        HaltReason::StackOverflow => "stack limit reached 1024".to_owned(),
        HaltReason::OutOfOffset => "return data out of bounds".to_owned(),
        HaltReason::CreateCollision => "contract address collision".to_owned(),
        HaltReason::NonceOverflow => "nonce uint64 overflow".to_owned(),
        HaltReason::CreateContractSizeLimit => "max code size exceeded".to_owned(),
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef".to_owned(),
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection".to_owned()
        }
        HaltReason::OutOfFunds => "insufficient balance for transfer".to_owned(),
        HaltReason::CallTooDeep => "max call depth exceeded".to_owned(),
        other => format!("execution failed: {other:?}"),
    }
}

fn block_of(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE)),
        slot_num: 0,
    }
}
