//! A chain through alloy's provider, as its users see it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEip7702, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, keccak256, uint};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::rpc::types::{Filter, TransactionReceipt, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::sol_types::SolError;
use alloy::transports::TransportError;
use common::contracts::*;
use common::*;
use mira_devchain::{HISTORY, LOCAL_CHAIN_ID, MAX_TRANSACTION, TX_GAS_CAP};

alloy::sol! {
    /// What the refuser reverts with.
    #[derive(Debug, PartialEq)]
    error Refused(uint256 number);
}

const NOBODY: Address = address!("00000000000000000000000000000000000000aa");

#[tokio::test]
async fn a_transfer_becomes_a_block() {
    let home = Home::new();
    let provider = home.provider(0);
    let receipt = send(&provider, TransactionRequest::default().to(NOBODY).value(U256::from(7))).await;
    assert!(receipt.status());
    assert_eq!((receipt.gas_used, receipt.block_number), (21_000, Some(1)));
    assert_eq!(receipt.effective_gas_price, 875_000_000 + 1);
    assert_eq!(provider.get_balance(NOBODY).await.unwrap(), U256::from(7));
    assert_eq!(provider.get_transaction_count(sender(0).address()).await.unwrap(), 1);

    let block = provider.get_block_by_number(BlockNumberOrTag::Latest).full().await.unwrap().unwrap();
    assert_eq!(block.header.hash, receipt.block_hash.unwrap());
    assert_eq!(block.header.hash_slow(), block.header.hash, "the header hashes to the hash that it has");
    let tx = &block.transactions.as_transactions().unwrap()[0];
    assert_eq!(tx.inner.tx_hash(), &receipt.transaction_hash);
    assert_eq!(tx.inner.signer(), sender(0).address());
    let genesis = provider.get_block_by_number(0.into()).await.unwrap().unwrap();
    assert_eq!(genesis.header.hash, block.header.parent_hash);
    assert_eq!(provider.get_transaction_by_hash(receipt.transaction_hash).await.unwrap().as_ref(), Some(tx));
}

#[tokio::test]
async fn contracts_keep_and_log() {
    let home = Home::new();
    let provider = home.provider(0);
    let made = send(&provider, TransactionRequest::default().with_deploy_code(keeper([7; 32]))).await;
    let keeper = made.contract_address.unwrap();
    assert_eq!(keeper, sender(0).address().create(0));
    let old = provider.call(TransactionRequest::default().to(keeper).with_input(word(5))).await.unwrap();
    assert_eq!(old.as_ref(), [7; 32]);
    assert_eq!(provider.get_storage_at(keeper, U256::ZERO).await.unwrap(), U256::from_be_bytes([7; 32]));

    let kept = send(&provider, TransactionRequest::default().to(keeper).with_input(word(5))).await;
    assert_eq!(kept.logs().len(), 1);
    assert_eq!(kept.logs()[0].data().data.as_ref(), [[7; 32], U256::from(5).to_be_bytes()].concat());
    assert_eq!(kept.logs()[0].topics()[1], sender(0).address().into_word());
    assert_eq!(provider.get_storage_at(keeper, U256::ZERO).await.unwrap(), U256::from(5));

    let all = Filter::new().address(keeper).from_block(0);
    assert_eq!(provider.get_logs(&all).await.unwrap(), [made.logs(), kept.logs()].concat());
    let second = all.clone().event_signature(B256::with_last_byte(0x11));
    assert_eq!(provider.get_logs(&second).await.unwrap(), kept.logs());
    assert_eq!(provider.get_logs(&all.clone().topic1(NOBODY.into_word())).await.unwrap(), []);
    assert_eq!(provider.get_logs(&all.clone().to_block(1)).await.unwrap(), made.logs());
    assert_eq!(provider.get_logs(&all.clone().from_block(9)).await.unwrap(), [], "a range in the future");
    assert_eq!(provider.get_logs(&Filter::new().at_block_hash(kept.block_hash.unwrap())).await.unwrap(), kept.logs());
    assert_eq!(provider.get_logs(&Filter::new().address(NOBODY).from_block(0)).await.unwrap(), []);
}

#[tokio::test]
async fn reverts_are_decoded() {
    let home = Home::new();
    let provider = home.provider(0);
    let refuser =
        send(&provider, TransactionRequest::default().with_deploy_code(refuser())).await.contract_address.unwrap();
    let request = TransactionRequest::default().from(sender(0).address()).to(refuser).with_input(word(42));
    let expected = Refused { number: U256::from(42) };
    for error in [provider.call(request.clone()).await.err(), provider.estimate_gas(request.clone()).await.err()] {
        let payload = answered(error.unwrap());
        assert_eq!(payload.code, 3);
        assert!(payload.message.starts_with("execution reverted"), "{}", payload.message);
        assert_eq!(payload.as_decoded_error::<Refused>(), Some(Refused { number: expected.number }));
        assert_eq!(payload.as_revert_data().unwrap(), expected.abi_encode());
    }
    let receipt = send(&provider, request.gas_limit(100_000)).await;
    assert!(!receipt.status());
    assert_eq!(receipt.logs(), []);
    assert_eq!(provider.get_storage_at(refuser, U256::ZERO).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn failures_without_data_are_no_reverts() {
    let home = Home::new();
    let provider = home.provider(0);
    for (code, message) in
        [(invalid(), "invalid opcode: INVALID"), (lost(), "invalid jump destination"), (spinner(), "out of gas")]
    {
        let contract =
            send(&provider, TransactionRequest::default().with_deploy_code(code)).await.contract_address.unwrap();
        let error = answered(provider.call(TransactionRequest::default().to(contract)).await.unwrap_err());
        assert_eq!((error.code, error.message.as_ref(), error.as_revert_data()), (-32000, message, None));
    }
}

#[tokio::test]
async fn precompiles_answer() {
    let home = Home::new();
    let provider = home.provider(0);
    let sha256_of_abc = alloy::hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").to_vec();
    let recovered = sender(1).address().into_word().to_vec();
    for (number, input, expected) in
        [(2, b"abc".to_vec(), sha256_of_abc), (1, signed(1), recovered), (5, fermat(), U256::ONE.to_be_bytes_vec())]
    {
        let made = send(&provider, TransactionRequest::default().with_deploy_code(precompile(number))).await;
        let request = TransactionRequest::default().to(made.contract_address.unwrap()).with_input(input);
        let output = provider.call(request).await.unwrap();
        assert_eq!(output.as_ref(), [U256::ONE.to_be_bytes_vec(), expected].concat(), "precompile {number}");
    }
}

#[tokio::test]
async fn an_estimate_is_enough_and_no_more() {
    let home = Home::new();
    let provider = home.provider(0);
    let from = sender(0).address();
    let keeper_code = TransactionRequest::default().with_deploy_code(keeper([7; 32]));
    let keeper = send(&provider, keeper_code.clone()).await.contract_address.unwrap();
    let caller =
        send(&provider, TransactionRequest::default().with_deploy_code(caller())).await.contract_address.unwrap();
    let requests = [
        TransactionRequest::default().to(NOBODY).value(U256::ONE),
        keeper_code,
        TransactionRequest::default().to(keeper).with_input(word(5)),
        TransactionRequest::default().to(keeper).with_input(word(0)),
        TransactionRequest::default().to(caller).with_input([keeper.into_word().as_slice(), &word(5)].concat()),
    ];
    for request in requests {
        let request = request.from(from);
        let gas = provider.estimate_gas(request.clone()).await.unwrap();
        assert!(provider.call(request.clone().gas_limit(gas)).await.is_ok());
        assert!(provider.call(request.gas_limit(gas - 1)).await.is_err(), "{gas} is more than the least");
    }
}

#[tokio::test]
async fn refusals_have_the_words_of_nodes_and_change_nothing() {
    let home = Home::new();
    let provider = home.provider(0);
    send(&provider, TransactionRequest::default().to(NOBODY).value(U256::ONE)).await;
    let before = home.chain.status();

    let fine = TxEip1559 {
        chain_id: LOCAL_CHAIN_ID,
        nonce: 1,
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(NOBODY),
        value: U256::ONE,
        ..Default::default()
    };
    let ether = U256::from(10u64.pow(18));
    let cases = [
        ("nonce too low: next nonce 1, tx nonce 0", TxEip1559 { nonce: 0, ..fine.clone() }),
        ("nonce too high: next nonce 1, tx nonce 2", TxEip1559 { nonce: 2, ..fine.clone() }),
        (
            "insufficient funds for gas * price + value: balance",
            TxEip1559 { value: ether * U256::from(2000), ..fine.clone() },
        ),
        ("insufficient funds for gas * price + value: balance", TxEip1559 { value: U256::MAX, ..fine.clone() }),
        ("invalid chain id for signer: have 1 want 1835627105", TxEip1559 { chain_id: 1, ..fine.clone() }),
        (
            "transaction gas limit too high (cap: 16777216, tx: 16777217)",
            TxEip1559 { gas_limit: TX_GAS_CAP + 1, ..fine.clone() },
        ),
        ("intrinsic gas too low: gas 20999, minimum needed 21000", TxEip1559 { gas_limit: 20_999, ..fine.clone() }),
        (
            "insufficient gas for floor data gas cost: gas 40000, minimum needed 61000",
            TxEip1559 { gas_limit: 40_000, input: vec![0; 4000].into(), ..fine.clone() },
        ),
        ("max fee per gas less than block base fee", TxEip1559 { max_fee_per_gas: 700_000_000, ..fine.clone() }),
        (
            "max priority fee per gas higher than max fee per gas",
            TxEip1559 { max_priority_fee_per_gas: 2_000_000_001, ..fine.clone() },
        ),
        (
            "max initcode size exceeded",
            TxEip1559 { to: TxKind::Create, input: vec![0; 49_153].into(), gas_limit: 10_000_000, ..fine.clone() },
        ),
        (
            "oversized data: transaction size",
            TxEip1559 { input: vec![0; MAX_TRANSACTION].into(), gas_limit: 10_000_000, ..fine.clone() },
        ),
    ];
    for (message, tx) in cases {
        refused(&provider, &signed_by(0, tx), message).await;
    }

    let good = signed_by(0, fine.clone());
    // The twin of a signature, which pays as well as the signature itself on chains before EIP-2.
    let signature = sender(0).sign_hash_sync(&fine.signature_hash()).unwrap();
    let twin = Signature::new(signature.r(), ORDER - signature.s(), !signature.v());
    refused(&provider, &TxEnvelope::from(fine.clone().into_signed(twin)).encoded_2718(), "invalid sender").await;
    // Good on any chain.
    let unprotected = TxLegacy {
        nonce: 1,
        gas_limit: 21_000,
        gas_price: 2_000_000_000,
        to: TxKind::Call(NOBODY),
        ..Default::default()
    };
    let signature = sender(0).sign_hash_sync(&unprotected.signature_hash()).unwrap();
    let unprotected = TxEnvelope::from(unprotected.into_signed(signature)).encoded_2718();
    refused(&provider, &unprotected, "only replay-protected (EIP-155) transactions allowed over RPC").await;
    // Kinds that have no place here.
    let delegation = TxEip7702 { chain_id: LOCAL_CHAIN_ID, nonce: 1, ..Default::default() };
    let signature = sender(0).sign_hash_sync(&delegation.signature_hash()).unwrap();
    let delegation = TxEnvelope::from(delegation.into_signed(signature)).encoded_2718();
    refused(&provider, &delegation, "transaction type not supported").await;
    refused(&provider, &[3, 0xc0], "transaction type not supported").await;
    // Bytes that are not quite a transaction.
    refused(&provider, &[], "rlp").await;
    refused(&provider, &good[..good.len() - 1], "rlp").await;
    refused(&provider, &[good.as_slice(), &[0]].concat(), "rlp").await;
    // The same list with a length in more bytes than it needs.
    let long = [&[good[0], 0xf9, 0x00], &good[2..]].concat();
    refused(&provider, &long, "rlp").await;

    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 1 << (at % 8);
        let error = provider.send_raw_transaction(&damaged).await.err();
        assert_eq!(error.map(answered).map(|error| error.code), Some(-32000), "byte {at}");
    }

    assert_eq!(home.chain.status(), before);
    let _ = provider.send_raw_transaction(&good).await.unwrap();
    assert_eq!(home.chain.status().head, before.head + 1);
    refused(&provider, &good, "nonce too low").await;
}

#[tokio::test]
async fn time_moves_forward_only() {
    let home = Home::new();
    let provider = home.provider(0);
    let when = send(&provider, TransactionRequest::default().with_deploy_code(when())).await.contract_address.unwrap();
    assert_eq!(timestamp(&provider).await, BEGIN + 1, "the clock stands still, and a block is after its parent");
    home.clock.set(BEGIN + 50);
    mine(&provider).await;
    assert_eq!(timestamp(&provider).await, BEGIN + 50);
    home.clock.set(BEGIN);
    mine(&provider).await;
    assert_eq!(timestamp(&provider).await, BEGIN + 51, "a clock that runs backwards");

    home.clock.set(BEGIN + 100);
    let ahead: i64 = provider.raw_request("evm_increaseTime".into(), [3600]).await.unwrap();
    assert_eq!(ahead, 3600);
    let request = TransactionRequest::default().to(when);
    let call = async |at: BlockNumberOrTag| provider.call(request.clone()).block(at.into()).await.unwrap();
    let (latest, pending) = (call(BlockNumberOrTag::Latest).await, call(BlockNumberOrTag::Pending).await);
    let field = |output: &Bytes, index: usize| U256::from_be_slice(&output[32 * index..32 * (index + 1)]);
    assert_eq!((field(&latest, 0), field(&latest, 1)), (U256::from(3), U256::from(BEGIN + 51)));
    assert_eq!((field(&pending, 0), field(&pending, 1)), (U256::from(4), U256::from(BEGIN + 3700)));
    assert_eq!(field(&pending, 4), U256::from_be_bytes(home.chain.status().hash.0), "the hash of the block before");
    assert_eq!(provider.call(request).await.unwrap(), pending, "a call that names no block is made in the next one");
    mine(&provider).await;
    assert_eq!(timestamp(&provider).await, BEGIN + 3700);

    let answer = provider.raw_request::<_, ()>("evm_setNextBlockTimestamp".into(), [BEGIN + 3700]).await;
    assert!(answered(answer.unwrap_err()).message.contains("lower than or equal"));
    provider.raw_request::<_, ()>("evm_setNextBlockTimestamp".into(), [BEGIN + 9000]).await.unwrap();
    mine(&provider).await;
    assert_eq!(timestamp(&provider).await, BEGIN + 9000);
    home.clock.set(BEGIN + 110);
    mine(&provider).await;
    assert_eq!(timestamp(&provider).await, BEGIN + 9010, "time goes on from there");
    let far = provider.raw_request::<_, i64>("evm_increaseTime".into(), [u64::MAX]).await;
    assert_eq!(answered(far.unwrap_err()).code, -32602);
}

#[tokio::test]
async fn older_states_are_there_for_a_while() {
    let home = Home::quick();
    let provider = home.provider(0);
    let keeper = send(&provider, TransactionRequest::default().with_deploy_code(keeper([7; 32])))
        .await
        .contract_address
        .unwrap();
    send(&provider, TransactionRequest::default().to(keeper).with_input(word(5))).await;
    let before = provider.get_storage_at(keeper, U256::ZERO).block_id(BlockId::number(1)).await.unwrap();
    assert_eq!(before, U256::from_be_bytes([7; 32]));
    assert_eq!(provider.get_code_at(keeper).block_id(BlockId::number(0)).await.unwrap(), Bytes::new());
    for tag in [BlockId::latest(), BlockId::pending(), BlockId::from(BlockNumberOrTag::Safe), BlockId::finalized()] {
        assert_eq!(provider.get_storage_at(keeper, U256::ZERO).block_id(tag).await.unwrap(), U256::from(5));
    }
    for _ in 0..HISTORY {
        mine(&provider).await;
    }
    let error = answered(provider.get_balance(NOBODY).block_id(BlockId::number(1)).await.unwrap_err());
    assert!(error.message.contains("historical state is not available"), "{}", error.message);
    assert!(provider.get_balance(NOBODY).block_id(BlockId::number(3)).await.is_ok());
    let error = answered(provider.get_balance(NOBODY).block_id(BlockId::number(9999)).await.unwrap_err());
    assert_eq!(error.message, "header not found");
    assert_eq!(provider.get_block_by_number(9999.into()).await.unwrap(), None);
}

#[tokio::test]
async fn fees_are_told_as_they_were() {
    let home = Home::new();
    let provider = home.provider(0);
    send(
        &provider,
        TransactionRequest::default().to(NOBODY).max_fee_per_gas(3_000_000_000).max_priority_fee_per_gas(70),
    )
    .await;
    mine(&provider).await;
    let history = provider.get_fee_history(10, BlockNumberOrTag::Latest, &[20.0, 80.0]).await.unwrap();
    assert_eq!(history.oldest_block, 0);
    assert_eq!(history.reward.unwrap(), [[0, 0], [70, 70], [0, 0]]);
    // EIP-1559: an empty block takes an eighth off; 21,000 of 15,000,000 hardly less.
    let second = 875_000_000;
    let third = second - second * (15_000_000 - 21_000) / 15_000_000 / 8;
    assert_eq!(history.base_fee_per_gas, [1_000_000_000, second, third, third - third / 8]);
    assert_eq!(history.gas_used_ratio, [0.0, 21_000.0 / 30_000_000.0, 0.0]);
    assert_eq!(provider.get_gas_price().await.unwrap(), third - third / 8 + 1_000_000_000);
    let error = answered(provider.get_fee_history(1, BlockNumberOrTag::Latest, &[80.0, 20.0]).await.unwrap_err());
    assert_eq!(error.message, "invalid reward percentile");
}

#[tokio::test]
async fn strange_requests_are_refused() {
    let home = Home::new();
    let provider = home.provider(0);
    let unknown = provider.raw_request::<_, u64>("eth_mine\u{1b}".into(), ()).await;
    let error = answered(unknown.unwrap_err());
    assert_eq!(error.code, -32601);
    assert_eq!(error.message, "the method eth_mine\\u{1b} does not exist/is not available");
    let nothing: [u64; 0] = [];
    for method in ["eth_getBalance", "eth_sendRawTransaction", "eth_getBlockByNumber", "eth_call", "evm_increaseTime"] {
        let error = answered(provider.raw_request::<_, u64>(method.into(), nothing).await.unwrap_err());
        assert_eq!(error.code, -32602, "{method}: {}", error.message);
    }
    let object = serde_json::json!({"address": NOBODY});
    assert_eq!(
        answered(provider.raw_request::<_, u64>("eth_getBalance".into(), object).await.unwrap_err()).code,
        -32602
    );
    let overrides = (
        TransactionRequest::default().to(NOBODY),
        "latest",
        serde_json::json!({NOBODY.to_string(): {"balance": "0x1"}}),
    );
    let error = answered(provider.raw_request::<_, Bytes>("eth_call".into(), overrides).await.unwrap_err());
    assert_eq!(error.message, "state and block overrides are not supported");
    assert_eq!(provider.get_client_version().await.unwrap(), concat!("mira-devchain/", env!("CARGO_PKG_VERSION")));
    assert_eq!(provider.get_net_version().await.unwrap(), LOCAL_CHAIN_ID);
    assert!(home.chain.status().to_string().starts_with("local (one operator, no independent time)"));
}

#[tokio::test]
async fn a_batch_is_answered_in_order() {
    let home = Home::new();
    let client = home.chain.client();
    let mut batch = client.new_batch();
    let number = batch.add_call::<_, String>("eth_blockNumber", &()).unwrap();
    let unknown = batch.add_call::<_, String>("eth_nothing", &()).unwrap();
    let chain = batch.add_call::<_, String>("eth_chainId", &()).unwrap();
    batch.send().await.unwrap();
    assert_eq!(number.await.unwrap(), "0x0");
    assert_eq!(answered(unknown.await.unwrap_err()).code, -32601);
    assert_eq!(chain.await.unwrap(), "0x6d697261");
}

/// The order of the group in which the signatures live.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

async fn send(provider: &DynProvider, request: TransactionRequest) -> TransactionReceipt {
    provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap()
}

async fn mine(provider: &DynProvider) {
    let _: String = provider.raw_request("evm_mine".into(), ()).await.unwrap();
}

async fn timestamp(provider: &DynProvider) -> u64 {
    provider.get_block_by_number(BlockNumberOrTag::Latest).await.unwrap().unwrap().header.timestamp
}

async fn refused(provider: &DynProvider, raw: &[u8], message: &str) {
    let error = answered(provider.send_raw_transaction(raw).await.unwrap_err());
    assert!(error.message.starts_with(message), "{}, expected {message}", error.message);
    assert_eq!(error.code, -32000);
    assert_eq!(provider.get_transaction_by_hash(keccak256(raw)).await.unwrap().is_some(), message == "nonce too low");
}

fn signed_by(index: u8, tx: TxEip1559) -> Vec<u8> {
    let signature = sender(index).sign_hash_sync(&tx.signature_hash()).unwrap();
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
}

/// The answer of the node, where it is an error.
fn answered(error: TransportError) -> ErrorPayload {
    error.as_error_resp().unwrap_or_else(|| panic!("no answer: {error}")).clone()
}

fn word(number: u64) -> Vec<u8> {
    U256::from(number).to_be_bytes_vec()
}
