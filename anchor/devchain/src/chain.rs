//! The blocks, and the rules by which one follows another. There is no file here and no clock: both are told to it.

use std::collections::{HashMap, VecDeque};

use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{
    Block, BlockBody, Eip658Value, Header, Receipt, ReceiptEnvelope, Transaction, TxEnvelope, TxReceipt, TxType,
};
use alloy::eips::eip1559::BaseFeeParams;
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::eips::eip4895::Withdrawals;
use alloy::primitives::{Address, B256, Bytes, U256};
use revm::context::TxEnv;
use revm::context::result::{InvalidTransaction, ResultAndState};

use crate::genesis::{Genesis, MAX_BASE_FEE, blank_header};
use crate::machine::{self, Rules, RunError, TX_GAS_CAP};
use crate::refusal::Refusal;
use crate::state::{State, View};

/// The most blocks that a chain may have: each is executed again when the chain is opened.
pub const MAX_BLOCKS: u64 = 1 << 20;

/// The most bytes of one transaction; go-ethereum's limit.
pub const MAX_TRANSACTION: usize = 128 * 1024;

/// After how many of the last blocks the state is kept; as far back as contracts see block hashes.
pub const HISTORY: usize = 256;

/// A chain in memory. It has at least its first block.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) chain_id: u64,
    blocks: Vec<Sealed>,
    /// The states after the last blocks, the head's last.
    states: VecDeque<State>,
    by_hash: HashMap<B256, u64>,
    by_transaction: HashMap<B256, u64>,
}

/// A block with what executing it gave.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) block: Block<TxEnvelope>,
    pub(crate) hash: B256,
    /// Of its transaction, if it has one.
    pub(crate) executed: Option<Executed>,
}

/// A block that is not in the chain yet, and the state after it.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) sealed: Sealed,
    state: State,
}

/// What a transaction did.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) hash: B256,
    pub(crate) sender: Address,
    pub(crate) receipt: ReceiptEnvelope,
    pub(crate) price: u128,
    pub(crate) created: Option<Address>,
}

/// When a block is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The block's time.
    pub(crate) timestamp: u64,
    /// How far the chain's time is ahead of the clock, which the block's extra data keep.
    pub(crate) ahead: i64,
}

/// Why a block of a file is not the next block of the chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// Not the RLP of a block, or not the canonical one.
    #[error("the bytes are not the canonical RLP of a block")]
    Encoding,
    /// A block of this chain has one transaction or none, no ommers, and an empty list of withdrawals.
    #[error("a block of this chain has no {what}")]
    Body {
        /// What it has all the same.
        what: &'static str,
    },
    /// Time stands still or runs backwards.
    #[error("the time is {found}, expected more than {parent}")]
    Timestamp {
        /// The block's time.
        found: u64,
        /// The time of the block before it.
        parent: u64,
    },
    /// Extra data are nothing, or eight bytes that are not all zero.
    #[error("the extra data are not a canonical clock offset")]
    ExtraData,
    /// Its transaction is refused when it is executed again.
    #[error("its transaction is refused")]
    Transaction(#[source] Refusal),
    /// Executing it gives another header.
    #[error("executing it gives another {field}")]
    Header {
        /// The first field that differs.
        field: &'static str,
    },
    /// The hash beside it is not its own.
    #[error("its hash is {found}, the file says {expected}")]
    Hash {
        /// What the file says.
        expected: B256,
        /// What it hashes to.
        found: B256,
    },
    /// There are as many blocks as there may be.
    #[error("a chain has at most {MAX_BLOCKS} blocks")]
    Full,
}

impl Chain {
    /// The chain of one block.
    pub(crate) fn begin(genesis: &Genesis) -> Self {
        let state = genesis.state();
        let block = Block::new(genesis.header(state.root()), body(None));
        let hash = block.header.hash_slow();
        let first = Next { sealed: Sealed { block, hash, executed: None }, state };
        let mut chain = Self {
            chain_id: genesis.chain_id,
            blocks: Vec::new(),
            states: VecDeque::new(),
            by_hash: HashMap::new(),
            by_transaction: HashMap::new(),
        };
        chain.push(first);
        chain
    }

    /// The last block.
    #[expect(clippy::expect_used, reason = "a chain is made with its first block, and none is ever taken away")]
    pub(crate) fn head(&self) -> &Sealed {
        self.blocks.last().expect("a chain has a first block")
    }

    pub(crate) fn header(&self) -> &Header {
        &self.head().block.header
    }

    /// The state after the last block.
    #[expect(clippy::expect_used, reason = "every push leaves at least one state")]
    pub(crate) fn state(&self) -> &State {
        self.states.back().expect("a chain has a state")
    }

    /// How far ahead of its clock the chain's time was when the last block was made.
    pub(crate) fn ahead(&self) -> i64 {
        if self.header().number == 0 { 0 } else { offset(&self.header().extra_data).unwrap_or(0) }
    }

    pub(crate) fn block(&self, number: u64) -> Option<&Sealed> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn number_of(&self, hash: &B256) -> Option<u64> {
        self.by_hash.get(hash).copied()
    }

    /// The block that has a transaction, and what the transaction did.
    pub(crate) fn transaction(&self, hash: &B256) -> Option<(&Sealed, &TxEnvelope, &Executed)> {
        let sealed = self.block(*self.by_transaction.get(hash)?)?;
        Some((sealed, sealed.block.body.transactions.first()?, sealed.executed.as_ref()?))
    }

    /// The state after a block that is not too far back.
    pub(crate) fn state_after(&self, number: u64) -> Option<&State> {
        let oldest = self.blocks.len() - self.states.len();
        self.states.get(usize::try_from(number).ok()?.checked_sub(oldest)?)
    }

    /// What the next block costs at least.
    pub(crate) fn next_base_fee(&self) -> u64 {
        self.header().next_block_base_fee(BaseFeeParams::ethereum()).unwrap_or_default().min(MAX_BASE_FEE)
    }

    /// The next header, as far as it is known before anything is executed.
    pub(crate) fn next_header(&self, moment: Moment) -> Header {
        let parent = self.header();
        Header {
            parent_hash: self.head().hash,
            number: parent.number + 1,
            gas_limit: parent.gas_limit,
            timestamp: moment.timestamp,
            extra_data: extra_data(moment.ahead),
            base_fee_per_gas: Some(self.next_base_fee()),
            ..blank_header()
        }
    }

    /// Runs a transaction or a call in a block that need not be there yet, on the state after `number`.
    pub(crate) fn run(
        &self,
        header: &Header,
        state: &State,
        tx: TxEnv,
        rules: Rules,
    ) -> Result<ResultAndState, RunError> {
        let hash_of = |number| self.block(number).map(|sealed| sealed.hash);
        machine::run(self.chain_id, header, View { state, hash_of }, tx, rules)
    }

    /// The block that a transaction makes. The chain does not have it yet.
    pub(crate) fn execute(&self, tx: TxEnvelope, moment: Moment) -> Result<Next, Refusal> {
        self.room()?;
        let sender = self.admit(&tx)?;
        let header = self.next_header(moment);
        let run = self.run(&header, self.state(), machine::machine_tx(&tx, sender), Rules::Transaction);
        let done = run.map_err(|error| match error {
            RunError::Refused(reason) => self.refusal(reason, &tx, sender, &header),
            RunError::Broken(words) => Refusal::Machine(words),
        })?;

        // As nodes say it: the address that a contract has, or would have if it had not failed.
        let created = tx.is_create().then(|| sender.create(tx.nonce()));
        let gas_used = done.result.tx_gas_used();
        let receipt = receipt(tx.tx_type(), &done);
        let price = tx.effective_gas_price(header.base_fee_per_gas);
        let state = self.state().after(done.state);
        let header = Header {
            state_root: state.root(),
            transactions_root: calculate_transaction_root(std::slice::from_ref(&tx)),
            receipts_root: calculate_receipt_root(std::slice::from_ref(&receipt)),
            logs_bloom: receipt.bloom(),
            gas_used,
            ..header
        };
        let executed = Executed { hash: *tx.tx_hash(), sender, receipt, price, created };
        let hash = header.hash_slow();
        let sealed = Sealed { block: Block::new(header, body(Some(tx))), hash, executed: Some(executed) };
        Ok(Next { sealed, state })
    }

    /// A block without a transaction: time passes.
    pub(crate) fn pass(&self, moment: Moment) -> Result<Next, Refusal> {
        self.room()?;
        let state = self.state().clone();
        let header = Header { state_root: state.root(), ..self.next_header(moment) };
        let hash = header.hash_slow();
        Ok(Next { sealed: Sealed { block: Block::new(header, body(None)), hash, executed: None }, state })
    }

    /// Executes a block of a file again and requires the same bytes and the same hash.
    pub(crate) fn replay(&self, bytes: &[u8], hash: B256) -> Result<Next, BlockError> {
        let block: Block<TxEnvelope> = alloy::rlp::decode_exact(bytes).map_err(|_| BlockError::Encoding)?;
        // Typed transactions have more than one RLP form that decodes.
        if alloy::rlp::encode(&block) != bytes {
            return Err(BlockError::Encoding);
        }
        check_body(&block.body)?;
        let (found, parent) = (block.header.timestamp, self.header().timestamp);
        if found <= parent {
            return Err(BlockError::Timestamp { found, parent });
        }
        let ahead = offset(&block.header.extra_data).ok_or(BlockError::ExtraData)?;
        let moment = Moment { timestamp: found, ahead };
        let again = match block.body.transactions.into_iter().next() {
            Some(tx) => self.execute(tx, moment),
            None => self.pass(moment),
        };
        let again = again.map_err(|refusal| match refusal {
            Refusal::Full { .. } => BlockError::Full,
            other => BlockError::Transaction(other),
        })?;
        if let Some(field) = difference(&again.sealed.block.header, &block.header) {
            return Err(BlockError::Header { field });
        }
        if again.sealed.hash != hash {
            return Err(BlockError::Hash { expected: hash, found: again.sealed.hash });
        }
        Ok(again)
    }

    /// Appends a block that this chain has made. Nothing here can fail: the block may already be on the disk.
    pub(crate) fn push(&mut self, next: Next) {
        let Next { sealed, state } = next;
        let number = sealed.block.header.number;
        self.by_hash.insert(sealed.hash, number);
        if let Some(executed) = &sealed.executed {
            self.by_transaction.insert(executed.hash, number);
        }
        if self.states.len() == HISTORY {
            self.states.pop_front();
        }
        self.states.push_back(state);
        self.blocks.push(sealed);
    }

    fn room(&self) -> Result<(), Refusal> {
        let blocks = self.header().number + 1;
        if blocks >= MAX_BLOCKS { Err(Refusal::Full { blocks }) } else { Ok(()) }
    }

    /// What can be said about a transaction without the state.
    fn admit(&self, tx: &TxEnvelope) -> Result<Address, Refusal> {
        if !matches!(tx.tx_type(), TxType::Legacy | TxType::Eip2930 | TxType::Eip1559) {
            return Err(Refusal::Type);
        }
        let have = tx.chain_id().ok_or(Refusal::Unprotected)?;
        if have != self.chain_id {
            return Err(Refusal::ChainId { have, want: self.chain_id });
        }
        // EIP-2: of a signature and its twin, only the one with the low s counts.
        tx.recover_signer().map_err(|_| Refusal::Signature)
    }

    fn refusal(&self, reason: InvalidTransaction, tx: &TxEnvelope, sender: Address, header: &Header) -> Refusal {
        let gas = tx.gas_limit();
        match reason {
            InvalidTransaction::NonceTooLow { tx: have, state: want } => Refusal::NonceTooLow { have, want },
            InvalidTransaction::NonceTooHigh { tx: have, state: want } => Refusal::NonceTooHigh { have, want },
            InvalidTransaction::NonceOverflowInTransaction => Refusal::NonceMax { sender },
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
                Refusal::Funds { balance: *balance, cost: *fee }
            }
            InvalidTransaction::OverflowPaymentInTransaction => {
                Refusal::Funds { balance: self.state().balance(sender), cost: U256::MAX }
            }
            InvalidTransaction::TxGasLimitGreaterThanCap { .. } => Refusal::GasCap { gas, cap: TX_GAS_CAP },
            InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, .. } => {
                Refusal::IntrinsicGas { gas, needed: initial_gas }
            }
            InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor, .. } => {
                Refusal::FloorGas { gas, needed: gas_floor }
            }
            InvalidTransaction::GasPriceLessThanBasefee => Refusal::Underpriced {
                sender,
                fee: tx.max_fee_per_gas(),
                base_fee: header.base_fee_per_gas.unwrap_or_default(),
            },
            InvalidTransaction::PriorityFeeGreaterThanMaxFee => Refusal::Tip {
                sender,
                tip: tx.max_priority_fee_per_gas().unwrap_or_default(),
                fee: tx.max_fee_per_gas(),
            },
            InvalidTransaction::CreateInitCodeSizeLimit => Refusal::Initcode { found: tx.input().len() },
            InvalidTransaction::RejectCallerWithCode => Refusal::SenderHasCode { sender },
            other => Refusal::Rule(other),
        }
    }
}

/// Reads a transaction as `eth_sendRawTransaction` takes it.
pub(crate) fn decode_transaction(bytes: &[u8]) -> Result<TxEnvelope, Refusal> {
    if bytes.len() > MAX_TRANSACTION {
        return Err(Refusal::Oversized { found: bytes.len(), limit: MAX_TRANSACTION });
    }
    // A first byte under 0xc0 is a type (EIP-2718); we know 1 and 2, and refuse those that we would have to drop.
    if bytes.first().is_some_and(|first| *first < 0xc0 && !(1..=2).contains(first)) {
        return Err(Refusal::Type);
    }
    let tx = TxEnvelope::decode_2718_exact(bytes).map_err(|_| Refusal::Encoding)?;
    if tx.encoded_2718() != bytes {
        return Err(Refusal::Encoding);
    }
    Ok(tx)
}

fn receipt(kind: TxType, done: &ResultAndState) -> ReceiptEnvelope {
    let success = done.result.is_success();
    let receipt = Receipt {
        status: Eip658Value::Eip658(success),
        // There is no transaction before it in its block.
        cumulative_gas_used: done.result.tx_gas_used(),
        logs: if success { done.result.logs().to_vec() } else { Vec::new() },
    };
    ReceiptEnvelope::from_typed(kind, receipt.with_bloom())
}

fn body(tx: Option<TxEnvelope>) -> BlockBody<TxEnvelope> {
    BlockBody { transactions: tx.into_iter().collect(), ommers: Vec::new(), withdrawals: Some(Withdrawals::default()) }
}

fn check_body(body: &BlockBody<TxEnvelope>) -> Result<(), BlockError> {
    let strange = [
        ("second transaction", body.transactions.len() > 1),
        ("ommers", !body.ommers.is_empty()),
        ("withdrawals", body.withdrawals.as_ref().is_none_or(|withdrawals| !withdrawals.is_empty())),
    ];
    strange.into_iter().find(|(_, is)| *is).map_or(Ok(()), |(what, _)| Err(BlockError::Body { what }))
}

/// The clock offset as a block keeps it: nothing if there is none.
fn extra_data(ahead: i64) -> Bytes {
    if ahead == 0 { Bytes::new() } else { Bytes::copy_from_slice(&ahead.to_be_bytes()) }
}

fn offset(extra_data: &[u8]) -> Option<i64> {
    if extra_data.is_empty() {
        return Some(0);
    }
    let ahead = i64::from_be_bytes(extra_data.try_into().ok()?);
    (ahead != 0).then_some(ahead)
}

fn difference(one: &Header, other: &Header) -> Option<&'static str> {
    if one == other {
        return None;
    }
    let fields = [
        ("parent hash", one.parent_hash == other.parent_hash),
        ("number", one.number == other.number),
        ("transactions root", one.transactions_root == other.transactions_root),
        ("state root", one.state_root == other.state_root),
        ("receipts root", one.receipts_root == other.receipts_root),
        ("logs bloom", one.logs_bloom == other.logs_bloom),
        ("gas used", one.gas_used == other.gas_used),
        ("gas limit", one.gas_limit == other.gas_limit),
        ("base fee", one.base_fee_per_gas == other.base_fee_per_gas),
    ];
    Some(fields.into_iter().find(|(_, same)| !same).map_or("header field", |(name, _)| name))
}
