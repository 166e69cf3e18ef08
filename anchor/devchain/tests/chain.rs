//! A chain through alloy's provider, as its users see it.

mod common;

use alloy::primitives::{U256, address};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use common::*;

#[tokio::test]
async fn a_transfer_becomes_a_block() {
    let home = Home::new();
    let provider = home.provider(0);
    let to = address!("00000000000000000000000000000000000000aa");
    let request = TransactionRequest::default().to(to).value(U256::from(7));
    let receipt = provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
    assert_eq!(receipt.gas_used, 21_000);
    assert_eq!(provider.get_balance(to).await.unwrap(), U256::from(7));
    assert_eq!(provider.get_block_number().await.unwrap(), 1);
    assert_eq!(provider.get_transaction_count(sender(0).address()).await.unwrap(), 1);
}
