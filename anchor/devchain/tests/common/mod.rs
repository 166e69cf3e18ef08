//! A chain in a temporary directory, and senders who have money on it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect")]
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses a part")]

pub mod asm;
pub mod contracts;

use std::path::PathBuf;

use alloy::network::EthereumWallet;
use alloy::primitives::{B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use mira_devchain::{DevChain, Genesis, LOCAL_CHAIN_ID, ManualClock};

/// Time of the first block.
pub const BEGIN: u64 = 1_700_000_000;

pub struct Home {
    pub dir: tempfile::TempDir,
    pub clock: ManualClock,
    pub chain: DevChain,
}

impl Home {
    pub fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap())
    }

    /// In memory where the machine has a file system there: for tests of many blocks, each of which is synced.
    pub fn quick() -> Self {
        Self::in_dir(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn in_dir(dir: tempfile::TempDir) -> Self {
        let clock = ManualClock::at(BEGIN);
        let chain = DevChain::create_with(dir.path().join("chain"), genesis(), clock.clone()).unwrap();
        Self { dir, clock, chain }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("chain")
    }

    /// A provider that signs for a sender.
    pub fn provider(&self, index: u8) -> DynProvider {
        let wallet = EthereumWallet::from(sender(index));
        ProviderBuilder::new().wallet(wallet).connect_client(self.chain.client()).erased()
    }
}

/// Sample keys: they are 1, 2, 3, …, and nobody should own anything by them.
pub fn sender(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(index + 1)).unwrap()
}

pub fn genesis() -> Genesis {
    let ether = U256::from(10u64.pow(18));
    Genesis {
        chain_id: LOCAL_CHAIN_ID,
        timestamp: BEGIN,
        base_fee: 1_000_000_000,
        alloc: (0..3).map(|index| (sender(index).address(), ether * U256::from(1000))).collect(),
    }
}
