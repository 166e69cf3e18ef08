//! An EVM chain in one process and one file, behind the transport of a real node.
//!
//! It runs the same bytecode and the same signed transactions as a public chain, under the rules of Osaka, and answers
//! the same JSON-RPC requests, so that whoever talks to a node talks to this without knowing. Each accepted transaction
//! is a block, final at once: the block is durable before anybody is told of it. Opening the file executes every block
//! again and requires the same headers, byte for byte.
//!
//! It proves that its file is whole, and nothing else. There is no consensus, no independent time and no second copy:
//! whoever has the file and the keys can write another one. What it says of itself is `local`, never `anchored`.
//!
//! ```no_run
//! use alloy::primitives::{U256, address};
//! use alloy::providers::{Provider, ProviderBuilder};
//! use mira_devchain::{DevChain, Genesis, LOCAL_CHAIN_ID};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let holder = address!("7e5f4552091a69125d5dfcb7b8c2659029395bdf");
//! let chain = DevChain::create(
//!     "chain",
//!     Genesis {
//!         chain_id: LOCAL_CHAIN_ID,
//!         timestamp: 1_700_000_000,
//!         base_fee: 1_000_000_000,
//!         alloc: vec![(holder, U256::from(10).pow(U256::from(18)))],
//!     },
//! )?;
//! let provider = ProviderBuilder::new().connect_client(chain.client());
//! assert_eq!(provider.get_chain_id().await?, LOCAL_CHAIN_ID);
//! # Ok(())
//! # }
//! ```

mod chain;
mod clock;
mod file;
mod genesis;
mod machine;
mod node;
mod refusal;
mod rpc;
mod state;
mod transport;
mod trie;

pub use chain::{BlockError, HISTORY, MAX_BLOCKS, MAX_TRANSACTION};
pub use clock::{Clock, ManualClock, SystemClock};
pub use file::FileError;
pub use genesis::{BLOCK_GAS_LIMIT, Genesis, GenesisError, LOCAL_CHAIN_ID, MAX_ALLOC, MAX_BASE_FEE, MAX_TIMESTAMP};
pub use machine::TX_GAS_CAP;
pub use node::{ChainError, DevChain, Status};
pub use refusal::Refusal;
pub use transport::DevTransport;
