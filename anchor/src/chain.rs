//! A chain as this crate sees it: one endpoint, a few questions, and who the chain is.
//!
//! A [`Client`] asks one endpoint and believes it no further than it must: chain id, genesis hash and the contracts'
//! code are compared with what was recorded before anything is signed. It knows nothing of nonces, fees or retries;
//! that is the outbox's business. The workspace's own chain answers the same questions through the same transport, so
//! there is one code path.
//!
//! Calls block: a command waits for its chain and for nothing else.

mod error;
mod http;
mod types;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U64, U256, keccak256};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RpcRecv, RpcSend};
use alloy::rpc::types::{Filter, Log, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent};
use alloy::transports::TransportError;
use mira_devchain::{DevChain, Genesis, LOCAL_CHAIN_ID};
use tokio::runtime::Runtime;

use crate::endpoint::Endpoint;

pub use self::error::{ChainError, Revert};
use self::http::Http;
pub use mira_devchain::{ChainError as LocalError, FileError};

pub use self::types::{Block, BlockRef, Found, Identity, Receipt};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many blocks one question about events spans where a node does not take all at once.
const EVENT_SPAN: u64 = 5_000;

/// What each account has at the beginning of a local chain: a million ether.
const LOCAL_BALANCE: U256 = U256::from_limbs([0x1bce_cced_a100_0000, 0xd3c2, 0, 0]);
/// The base fee at its beginning: 1 gwei.
const LOCAL_BASE_FEE: u64 = 1_000_000_000;

/// An endpoint and the identity it showed when it was connected.
pub struct Client {
    runtime: Runtime,
    rpc: RpcClient,
    endpoint: Endpoint,
    identity: Identity,
}

/// Which block a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest.
    Latest,
    /// The newest that cannot be taken back.
    Finalized,
    /// One by its number.
    Number(u64),
}

impl Client {
    /// Connects: asks the endpoint which chain it is. The local chain must be there.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn connect(endpoint: &Endpoint) -> Result<Self, ChainError> {
        Self::connect_by(endpoint, |path| DevChain::open(path))
    }

    /// The same to read only, which several may do at once on the local chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn connect_to_read(endpoint: &Endpoint) -> Result<Self, ChainError> {
        Self::connect_by(endpoint, |path| DevChain::open_to_read(path))
    }

    fn connect_by(
        endpoint: &Endpoint,
        open: impl FnOnce(&Path) -> Result<DevChain, mira_devchain::ChainError>,
    ) -> Result<Self, ChainError> {
        let rpc = match endpoint {
            Endpoint::Local(path) if !path.exists() => return Err(ChainError::NoLocal { path: path.clone() }),
            Endpoint::Local(path) => open(path)?.client(),
            Endpoint::Node(url) => RpcClient::new(Http::new(url.full().clone())?, false),
        };
        Self::over(rpc, endpoint.clone())
    }

    /// Makes the local chain in a file that is not there yet. These accounts have ether from the beginning; nobody else
    /// ever gets any but from them.
    ///
    /// # Errors
    /// [`ChainError::Local`].
    pub fn create_local(path: &Path, accounts: &[Address], timestamp: u64) -> Result<Self, ChainError> {
        let alloc = accounts.iter().map(|account| (*account, LOCAL_BALANCE)).collect();
        let genesis = Genesis { chain_id: LOCAL_CHAIN_ID, timestamp, base_fee: LOCAL_BASE_FEE, alloc };
        let chain = DevChain::create(path, genesis)?;
        Self::over(chain.client(), Endpoint::Local(path.to_owned()))
    }

    /// Opens a local chain whose last block was not written in full, and cuts that off: nobody was told of it. Returns
    /// how many bytes that were.
    ///
    /// # Errors
    /// [`ChainError::Local`] if anything else is wrong with it.
    pub fn recover_local(path: &Path) -> Result<u64, ChainError> {
        if !path.exists() {
            return Err(ChainError::NoLocal { path: path.to_owned() });
        }
        Ok(DevChain::recover(path)?.1)
    }

    /// Connects to what answers behind `rpc`.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn over(rpc: RpcClient, endpoint: Endpoint) -> Result<Self, ChainError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ChainError::Runtime)?;
        let local = endpoint.is_local();
        let nobody = Identity { chain_id: 0, genesis: B256::ZERO, local };
        let mut client = Self { runtime, rpc, endpoint, identity: nobody };
        let chain_id: U64 = client.request("eth_chainId", ())?;
        let genesis = client.block(At::Number(0))?.ok_or_else(|| client.answer("eth_getBlockByNumber", "block 0"))?;
        client.identity = Identity { chain_id: chain_id.to(), genesis: genesis.hash, local };
        Ok(client)
    }

    /// The chain's identity.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Where it is, fit to be shown.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Refuses any chain but this one.
    ///
    /// # Errors
    /// [`ChainError::OtherChain`].
    pub fn expect(&self, expected: Identity) -> Result<(), ChainError> {
        if self.identity.is(&expected) {
            return Ok(());
        }
        let (expected, found) = (Box::new(expected), Box::new(self.identity));
        Err(ChainError::OtherChain { endpoint: self.endpoint.to_string(), expected, found })
    }

    /// Refuses a contract whose code is not the recorded one.
    ///
    /// # Errors
    /// [`ChainError::NoCode`] and [`ChainError::OtherCode`].
    pub fn expect_code(&self, address: Address, expected: B256) -> Result<(), ChainError> {
        let found = keccak256(self.code(address)?);
        if found == expected { Ok(()) } else { Err(ChainError::OtherCode { address, expected, found }) }
    }

    /// The code of a contract.
    ///
    /// # Errors
    /// [`ChainError::NoCode`] if there is none.
    pub fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        let code: Bytes = self.request("eth_getCode", (address, "latest"))?;
        if code.is_empty() { Err(ChainError::NoCode { address }) } else { Ok(code) }
    }

    /// Asks a contract, without a transaction, at the newest block.
    ///
    /// # Errors
    /// [`ChainError::Revert`] if the contract refuses.
    pub fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, ChainError> {
        self.view_at(to, call, At::Latest)
    }

    /// Asks a contract, without a transaction, as it was at a block.
    ///
    /// # Errors
    /// [`ChainError::Revert`] if the contract refuses.
    pub fn view_at<C: SolCall>(&self, to: Address, call: &C, at: At) -> Result<C::Return, ChainError> {
        let request = TransactionRequest::default().to(to).input(call.abi_encode().into());
        let answer: Bytes = self.request("eth_call", (request, at.param()))?;
        if answer.is_empty() {
            // No code answers every call with nothing.
            return Err(ChainError::NoCode { address: to });
        }
        C::abi_decode_returns(&answer).map_err(|_| self.answer("eth_call", C::SIGNATURE))
    }

    /// What a call by `from` would do: nothing, or revert.
    ///
    /// # Errors
    /// [`ChainError::Revert`] if it would be refused.
    pub fn try_call(&self, from: Address, to: Option<Address>, input: &Bytes, value: U256) -> Result<(), ChainError> {
        let _: Bytes = self.request("eth_call", (transaction(from, to, input, value), "latest"))?;
        Ok(())
    }

    /// How much gas a call by `from` would need.
    ///
    /// # Errors
    /// [`ChainError::Revert`] if it would be refused.
    pub fn estimate_gas(
        &self,
        from: Address,
        to: Option<Address>,
        input: &Bytes,
        value: U256,
    ) -> Result<u64, ChainError> {
        let gas: U64 = self.request("eth_estimateGas", (transaction(from, to, input, value),))?;
        Ok(gas.to())
    }

    /// Every event of a kind that a contract emitted in these blocks, in order.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn events<E: SolEvent>(&self, address: Address, from: u64, to: u64) -> Result<Vec<Found<E>>, ChainError> {
        const METHOD: &str = "eth_getLogs";
        let mut found = Vec::new();
        let (mut start, mut span) = (from, u64::MAX);
        while start <= to {
            let end = to.min(start.saturating_add(span - 1));
            let filter =
                Filter::new().address(address).event_signature(E::SIGNATURE_HASH).from_block(start).to_block(end);
            let logs: Vec<Log> = match self.request(METHOD, (filter,)) {
                // Public nodes take only so many blocks at a time, and each says so in its own words.
                Err(ChainError::Refused { .. }) if span > EVENT_SPAN => {
                    span = EVENT_SPAN;
                    continue;
                }
                answer => answer?,
            };
            for log in logs {
                // A node that answers with somebody else's events is not believed.
                let of_filter = log.address() == address && log.topic0() == Some(&E::SIGNATURE_HASH) && !log.removed;
                let event = of_filter.then(|| E::decode_log_data(log.data()).ok()).flatten();
                let (Some(event), Some(number), Some(hash), Some(tx)) =
                    (event, log.block_number, log.block_hash, log.transaction_hash)
                else {
                    return Err(self.answer(METHOD, E::SIGNATURE));
                };
                found.push(Found { event, block: BlockRef { number, hash }, tx, index: log.log_index.unwrap_or(0) });
            }
            start = end.saturating_add(1);
        }
        Ok(found)
    }

    /// A block, if there is one.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn block(&self, at: At) -> Result<Option<Block>, ChainError> {
        self.request("eth_getBlockByNumber", (at.param(), false))
    }

    /// The newest block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn head(&self) -> Result<Block, ChainError> {
        self.block(At::Latest)?.ok_or_else(|| self.answer("eth_getBlockByNumber", "the newest block"))
    }

    /// The number of the newest finalized block, where the node knows of such a thing.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn finalized(&self) -> Result<Option<u64>, ChainError> {
        match self.block(At::Finalized) {
            Ok(block) => Ok(block.map(|block| block.number)),
            // A node that does not know the tag says so in words of its own.
            Err(ChainError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The receipt of a transaction, if it is in a block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn receipt(&self, tx: B256) -> Result<Option<Receipt>, ChainError> {
        self.request("eth_getTransactionReceipt", (tx,))
    }

    /// How many transactions of this account are in blocks.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn mined_nonce(&self, account: Address) -> Result<u64, ChainError> {
        let nonce: U64 = self.request("eth_getTransactionCount", (account, "latest"))?;
        Ok(nonce.to())
    }

    /// The same, counting those that wait at this node.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn pending_nonce(&self, account: Address) -> Result<u64, ChainError> {
        let nonce: U64 = self.request("eth_getTransactionCount", (account, "pending"))?;
        Ok(nonce.to())
    }

    /// What an account holds, in wei.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.request("eth_getBalance", (account, "latest"))
    }

    /// The tip that the node suggests, if it suggests one.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn suggested_tip(&self) -> Result<Option<u128>, ChainError> {
        match self.request::<_, U256>("eth_maxPriorityFeePerGas", ()) {
            Ok(tip) => Ok(u128::try_from(tip).ok()),
            Err(ChainError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets the clock of a development chain forward, and makes a block at least that much after the newest one. Returns
    /// the block.
    ///
    /// # Errors
    /// [`ChainError::Refused`] by every chain that is not for development.
    pub fn warp(&self, seconds: u64) -> Result<Block, ChainError> {
        let until = self.head()?.timestamp.saturating_add(seconds);
        let mut block = self.pass(seconds)?;
        // Blocks that were made in one second stand before the clock, which the request moved.
        if block.timestamp < until {
            block = self.pass(until - block.timestamp)?;
        }
        Ok(block)
    }

    fn pass(&self, seconds: u64) -> Result<Block, ChainError> {
        let _: serde_json::Value = self.request("evm_increaseTime", (U64::from(seconds),))?;
        self.mine()
    }

    /// Makes a block without a transaction on a development chain, and returns it.
    ///
    /// # Errors
    /// [`ChainError::Refused`] by every chain that is not for development.
    pub fn mine(&self) -> Result<Block, ChainError> {
        let _: serde_json::Value = self.request("evm_mine", ())?;
        self.head()
    }

    /// Hands the node a signed transaction. What comes back besides an error says nothing: only a receipt does.
    ///
    /// # Errors
    /// [`ChainError`]; see [`ChainError::is_already_known`].
    pub fn broadcast(&self, raw: &Bytes) -> Result<(), ChainError> {
        let _: B256 = self.request("eth_sendRawTransaction", (raw,))?;
        Ok(())
    }

    /// Asks for anything.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn request<P: RpcSend, R: RpcRecv>(&self, method: &'static str, params: P) -> Result<R, ChainError> {
        self.wait(method, async { self.rpc.request(method, params).await })
    }

    fn wait<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, ChainError> {
        let answer = self.runtime.block_on(async { tokio::time::timeout(TIMEOUT, call).await });
        match answer {
            Ok(answer) => answer.map_err(|error| ChainError::of(&self.endpoint, method, error)),
            Err(_) => {
                Err(ChainError::Timeout { endpoint: self.endpoint.to_string(), method, seconds: TIMEOUT.as_secs() })
            }
        }
    }

    fn answer(&self, method: &'static str, expected: &'static str) -> ChainError {
        ChainError::Answer { endpoint: self.endpoint.to_string(), method, expected }
    }
}

impl At {
    fn param(self) -> String {
        match self {
            Self::Latest => "latest".to_owned(),
            Self::Finalized => "finalized".to_owned(),
            Self::Number(number) => format!("{number:#x}"),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).field("identity", &self.identity).finish()
    }
}

fn transaction(from: Address, to: Option<Address>, input: &Bytes, value: U256) -> TransactionRequest {
    let request = TransactionRequest::default().from(from).input(input.clone().into()).value(value);
    match to {
        Some(to) => request.to(to),
        None => request.create(),
    }
}
