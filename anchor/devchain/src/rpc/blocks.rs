//! Blocks, transactions, receipts and logs as JSON.

use alloy::consensus::transaction::Recovered;
use alloy::consensus::{Sealed as Named, Transaction as _, TxEnvelope};
use alloy::eips::BlockNumberOrTag;
use alloy::network::primitives::BlockTransactions;
use alloy::primitives::U256;
use alloy::rlp::Encodable;
use alloy::rpc::types::{
    Block, FeeHistory, Filter, FilterBlockOption, Header, Log, Transaction, TransactionInfo, TransactionReceipt,
};

use super::error::RpcError;
use super::number;
use crate::chain::{Chain, Executed, Sealed};
use crate::node::Node;

/// The most blocks of a fee history; go-ethereum's limit.
const MAX_FEE_HISTORY: u64 = 1024;
/// The most percentiles of a fee history; go-ethereum's limit.
const MAX_PERCENTILES: usize = 100;

pub(super) fn block(sealed: &Sealed, full: bool) -> Block {
    let transactions = sealed.block.body.transactions.iter().zip(&sealed.executed);
    let transactions = if full {
        BlockTransactions::Full(transactions.map(|(tx, done)| transaction(sealed, tx, done)).collect())
    } else {
        BlockTransactions::Hashes(transactions.map(|(_, done)| done.hash).collect())
    };
    let header = Named::new_unchecked(sealed.block.header.clone(), sealed.hash);
    Block {
        header: Header::from_consensus(header, None, Some(U256::from(sealed.block.length()))),
        uncles: Vec::new(),
        transactions,
        withdrawals: sealed.block.body.withdrawals.clone(),
    }
}

pub(super) fn transaction(sealed: &Sealed, tx: &TxEnvelope, done: &Executed) -> Transaction {
    let header = &sealed.block.header;
    Transaction::from_transaction(
        Recovered::new_unchecked(tx.clone(), done.sender),
        TransactionInfo {
            hash: Some(done.hash),
            index: Some(0),
            block_hash: Some(sealed.hash),
            block_number: Some(header.number),
            base_fee: header.base_fee_per_gas,
            block_timestamp: Some(header.timestamp),
        },
    )
}

pub(super) fn receipt(sealed: &Sealed, tx: &TxEnvelope, done: &Executed) -> TransactionReceipt {
    let header = &sealed.block.header;
    let mut index = 0..;
    TransactionReceipt {
        inner: done.receipt.clone().map_logs(|log| Log {
            inner: log,
            block_hash: Some(sealed.hash),
            block_number: Some(header.number),
            block_timestamp: Some(header.timestamp),
            transaction_hash: Some(done.hash),
            transaction_index: Some(0),
            log_index: index.next(),
            removed: false,
        }),
        transaction_hash: done.hash,
        transaction_index: Some(0),
        block_hash: Some(sealed.hash),
        block_number: Some(header.number),
        gas_used: header.gas_used,
        effective_gas_price: done.price,
        blob_gas_used: None,
        blob_gas_price: None,
        from: done.sender,
        to: tx.to(),
        contract_address: done.created,
    }
}

pub(super) fn logs(node: &Node, filter: &Filter) -> Result<Vec<Log>, RpcError> {
    let (first, last) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let number = node.chain.number_of(&hash).ok_or_else(RpcError::unknown_block)?;
            (number, number)
        }
        FilterBlockOption::Range { from_block, to_block } => {
            if let (Some(BlockNumberOrTag::Number(from)), Some(BlockNumberOrTag::Number(to))) = (from_block, to_block)
                && from > to
            {
                return Err(RpcError::params("invalid block range params"));
            }
            let head = node.chain.header().number;
            // A range may lie in the future, in part or as a whole.
            let bound = |tag: Option<BlockNumberOrTag>| match tag.unwrap_or_default() {
                BlockNumberOrTag::Number(number) => Ok(number),
                tag => number(node, tag),
            };
            let (first, last) = (bound(from_block)?, bound(to_block)?);
            (first, last.min(head))
        }
    };
    let blocks = (first..=last).map_while(|number| node.chain.block(number));
    let receipts = blocks
        .filter(|sealed| filter.matches_bloom(sealed.block.header.logs_bloom))
        .filter_map(|sealed| Some(receipt(sealed, sealed.block.body.transactions.first()?, sealed.executed.as_ref()?)));
    Ok(receipts.flat_map(|receipt| receipt.inner.logs().to_vec()).filter(|log| filter.matches(&log.inner)).collect())
}

pub(super) fn fee_history(
    chain: &Chain,
    count: u64,
    newest: u64,
    percentiles: Option<Vec<f64>>,
) -> Result<FeeHistory, RpcError> {
    let percentiles = percentiles.unwrap_or_default();
    let ascending = percentiles.iter().zip(percentiles.iter().skip(1)).all(|(one, next)| one < next);
    if percentiles.len() > MAX_PERCENTILES || !ascending || percentiles.iter().any(|p| !(0.0..=100.0).contains(p)) {
        return Err(RpcError::server("invalid reward percentile"));
    }
    let count = count.min(MAX_FEE_HISTORY).min(newest + 1);
    if count == 0 {
        return Ok(FeeHistory::default());
    }
    let oldest = newest + 1 - count;
    let blocks: Vec<_> = (oldest..=newest).filter_map(|number| chain.block(number)).collect();

    let mut base_fees: Vec<_> = blocks.iter().map(|sealed| base_fee(sealed)).collect();
    base_fees.push(chain.block(newest + 1).map_or_else(|| chain.next_base_fee().into(), base_fee));
    let rewards = blocks.iter().map(|sealed| {
        // A block has one transaction, so every percentile of its tips is that one's.
        let tip = sealed.executed.as_ref().map_or(0, |done| done.price.saturating_sub(base_fee(sealed)));
        vec![tip; percentiles.len()]
    });
    Ok(FeeHistory {
        gas_used_ratio: blocks.iter().map(|sealed| gas_used_ratio(sealed)).collect(),
        // Blobs cost the least that they may: there are none.
        base_fee_per_blob_gas: vec![1; base_fees.len()],
        blob_gas_used_ratio: vec![0.0; blocks.len()],
        oldest_block: oldest,
        reward: (!percentiles.is_empty()).then(|| rewards.collect()),
        base_fee_per_gas: base_fees,
    })
}

fn base_fee(sealed: &Sealed) -> u128 {
    sealed.block.header.base_fee_per_gas.unwrap_or_default().into()
}

#[expect(clippy::cast_precision_loss, reason = "gas of a block is far below 2^53")]
fn gas_used_ratio(sealed: &Sealed) -> f64 {
    sealed.block.header.gas_used as f64 / sealed.block.header.gas_limit as f64
}
