//! Why a transaction does not become a block, in the words of go-ethereum, which clients look for.

use alloy::primitives::{Address, U256};
use revm::context::result::InvalidTransaction;

/// Why a transaction is refused. Nothing has changed, and its nonce is still free.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More bytes than a node takes from its users.
    #[error("oversized data: transaction size {found}, limit {limit}")]
    Oversized {
        /// Bytes of the transaction.
        found: usize,
        /// The most bytes.
        limit: usize,
    },
    /// The bytes are no transaction, or a transaction written in another way than the canonical one.
    #[error("rlp: not a canonical transaction")]
    Encoding,
    /// A kind of transaction that has no place here: with blobs or delegations, or of the future.
    #[error("transaction type not supported")]
    Type,
    /// The signature belongs to nobody, or is the malleable twin of one that does.
    #[error("invalid sender")]
    Signature,
    /// A signature that is good on any chain.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    ChainId {
        /// What it is signed for.
        have: u64,
        /// This chain.
        want: u64,
    },
    /// The nonce is used up: this transaction, or another one, is in a block.
    #[error("nonce too low: next nonce {want}, tx nonce {have}")]
    NonceTooLow {
        /// The transaction's nonce.
        have: u64,
        /// The nonce that is next.
        want: u64,
    },
    /// A gap. Nodes keep such a transaction until the gap is closed; here nothing waits.
    #[error("nonce too high: next nonce {want}, tx nonce {have}")]
    NonceTooHigh {
        /// The transaction's nonce.
        have: u64,
        /// The nonce that is next.
        want: u64,
    },
    /// The account has sent as much as an account can.
    #[error("nonce has max value: address {sender}")]
    NonceMax {
        /// The sender.
        sender: Address,
    },
    /// The sender cannot pay the most that it may cost.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}", cost.saturating_sub(*balance))]
    Funds {
        /// What the sender has.
        balance: U256,
        /// What it may cost.
        cost: U256,
    },
    /// More gas than EIP-7825 allows, which is less than a block has.
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    GasCap {
        /// The transaction's gas limit.
        gas: u64,
        /// The most.
        cap: u64,
    },
    /// Not enough gas to begin.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGas {
        /// The transaction's gas limit.
        gas: u64,
        /// What its bytes alone cost.
        needed: u64,
    },
    /// Not enough gas for what its data cost at least (EIP-7623).
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorGas {
        /// The transaction's gas limit.
        gas: u64,
        /// What its data cost at least.
        needed: u64,
    },
    /// It would not pay the base fee.
    #[error("max fee per gas less than block base fee: address {sender}, maxFeePerGas: {fee}, baseFee: {base_fee}")]
    Underpriced {
        /// The sender.
        sender: Address,
        /// The most that it would pay for gas.
        fee: u128,
        /// What gas costs.
        base_fee: u64,
    },
    /// The tip alone is more than it would pay in all.
    #[error(
        "max priority fee per gas higher than max fee per gas: address {sender}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee}"
    )]
    Tip {
        /// The sender.
        sender: Address,
        /// The most tip.
        tip: u128,
        /// The most in all.
        fee: u128,
    },
    /// Too much code for a new contract.
    #[error("max initcode size exceeded: code size {found}")]
    Initcode {
        /// Bytes of code.
        found: usize,
    },
    /// A contract cannot sign (EIP-3607).
    #[error("sender not an eoa: address {sender}")]
    SenderHasCode {
        /// The sender.
        sender: Address,
    },
    /// A rule that is none of the above.
    #[error("{0}")]
    Rule(InvalidTransaction),
    /// The file holds as many blocks as it may.
    #[error("the chain is full: {blocks} blocks")]
    Full {
        /// How many blocks there are.
        blocks: u64,
    },
    /// revm has failed where nothing should.
    #[error("internal error of the machine: {0}")]
    Machine(String),
}
