//! Sending does not slow down as the state grows, and opening a small chain is quick.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::time::{Duration, Instant};

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, TxKind, U256, keccak256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::SignerSync;
use common::*;
use mira_devchain::{DevChain, LOCAL_CHAIN_ID};

/// Money to an address that has none yet.
fn transfer(nonce: u64) -> Vec<u8> {
    let tx = TxEip1559 {
        chain_id: LOCAL_CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3_000_000_000,
        to: TxKind::Call(Address::from_word(keccak256(nonce.to_be_bytes()))),
        value: U256::ONE,
        ..Default::default()
    };
    let signature = sender(0).sign_hash_sync(&tx.signature_hash()).unwrap();
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
}

#[tokio::test]
async fn a_thousand_transfers_do_not_slow_down() {
    let home = Home::quick();
    let provider = ProviderBuilder::new().connect_client(home.chain.client());
    let transfers: Vec<_> = (0..1000).map(transfer).collect();
    let mut hundreds = Vec::new();
    for hundred in transfers.chunks(100) {
        // The least of a hundred says what a transfer costs; the rest is the disk and the neighbours.
        let mut least = Duration::MAX;
        for raw in hundred {
            let begin = Instant::now();
            let _ = provider.send_raw_transaction(raw).await.unwrap();
            least = least.min(begin.elapsed());
        }
        hundreds.push(least);
    }
    println!("a transfer in each hundred: {hundreds:.1?}");
    let (first, last) = (hundreds[0].max(hundreds[1]), hundreds[8].min(hundreds[9]));
    assert!(last < first * 3, "the first hundred: {first:?} each, the last: {last:?}");

    let path = home.path();
    let (_dir, chain) = (home.dir, home.chain);
    let status = chain.status();
    drop((provider, chain));
    let begin = Instant::now();
    let chain = DevChain::open(path).unwrap();
    println!("1,000 blocks opened in {:.1?}", begin.elapsed());
    assert_eq!(chain.status(), status);
}

#[tokio::test]
async fn a_chain_of_twenty_blocks_opens_quickly() {
    let home = Home::new();
    let provider = ProviderBuilder::new().connect_client(home.chain.client());
    for nonce in 0..20 {
        let _ = provider.send_raw_transaction(&transfer(nonce)).await.unwrap();
    }
    let path = home.path();
    let (_dir, chain) = (home.dir, home.chain);
    drop((provider, chain));
    let open = || {
        let begin = Instant::now();
        assert_eq!(DevChain::open(&path).unwrap().status().head, 20);
        begin.elapsed()
    };
    let least = (0..20).map(|_| open()).min().unwrap();
    println!("20 blocks opened in {least:.1?}");
    assert!(least < Duration::from_millis(50), "{least:?}");
}
