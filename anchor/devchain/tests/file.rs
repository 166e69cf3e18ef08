//! The file of a chain: opened again, damaged, torn, taken twice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::fs;
use std::path::Path;

use alloy::network::TransactionBuilder;
use alloy::primitives::{B256, U256, address, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use common::contracts::*;
use common::*;
use mira_devchain::{BlockError, ChainError, DevChain, FileError, Genesis, GenesisError, ManualClock, Status};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// A chain with a contract, a call, a failure, a transfer and an empty block in the future.
async fn chain() -> Home {
    let home = Home::new();
    let provider = home.provider(0);
    let send = async |request| provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
    let made = send(TransactionRequest::default().with_deploy_code(keeper([7; 32]))).await;
    let keeper = made.contract_address.unwrap();
    send(TransactionRequest::default().to(keeper).with_input(U256::from(5).to_be_bytes_vec())).await;
    let made = send(TransactionRequest::default().with_deploy_code(invalid())).await;
    send(TransactionRequest::default().to(made.contract_address.unwrap()).gas_limit(50_000)).await;
    send(TransactionRequest::default().to(address!("00000000000000000000000000000000000000aa")).value(U256::ONE)).await;
    let _: i64 = provider.raw_request("evm_increaseTime".into(), [1000]).await.unwrap();
    let _: String = provider.raw_request("evm_mine".into(), ()).await.unwrap();
    home
}

/// Closes the chain and hands out its directory, its file and what it said of itself.
fn closed(home: Home) -> (tempfile::TempDir, std::path::PathBuf, Status) {
    let (path, status) = (home.path(), home.chain.status());
    drop(home.chain);
    (home.dir, path, status)
}

fn open(path: &Path) -> Result<DevChain, ChainError> {
    DevChain::open_with(path, ManualClock::at(BEGIN))
}

fn recover(path: &Path) -> Result<(DevChain, u64), ChainError> {
    DevChain::recover_with(path, ManualClock::at(BEGIN))
}

/// Where records begin; the end of the file is the last of these.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut found = vec![17];
    while let Some(rest) = bytes.get(found[found.len() - 1]..).filter(|rest| !rest.is_empty()) {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap());
        found.push(found[found.len() - 1] + 8 + usize::try_from(length).unwrap() + 32);
    }
    found
}

#[tokio::test]
async fn opening_again_gives_the_same_chain() {
    let home = chain().await;
    let clock = home.clock.clone();
    let provider = home.provider(0);
    let keeper = sender(0).address().create(0);
    let receipt = provider
        .get_transaction_receipt(
            provider.get_block_by_number(2.into()).await.unwrap().unwrap().transactions.hashes().next().unwrap(),
        )
        .await
        .unwrap();
    drop(provider);
    let (_dir, path, status) = closed(home);
    assert_eq!((status.head, status.ahead), (6, 1000));
    let bytes = fs::read(&path).unwrap();
    for _ in 0..2 {
        let chain = open(&path).unwrap();
        assert_eq!(chain.status(), status);
        let provider = alloy::providers::ProviderBuilder::new().connect_client(chain.client());
        assert_eq!(provider.get_storage_at(keeper, U256::ZERO).await.unwrap(), U256::from(5));
        assert_eq!(provider.get_transaction_count(sender(0).address()).await.unwrap(), 5);
        let again = receipt.as_ref().unwrap();
        assert_eq!(provider.get_transaction_receipt(again.transaction_hash).await.unwrap().as_ref(), Some(again));
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "reading does not write");

    clock.set(BEGIN + 60);
    let chain = DevChain::open_with(&path, clock).unwrap();
    let provider = alloy::providers::ProviderBuilder::new().connect_client(chain.client());
    let _: String = provider.raw_request("evm_mine".into(), ()).await.unwrap();
    assert_eq!(chain.status().timestamp, BEGIN + 1060, "the time stays ahead");
}

#[tokio::test]
async fn every_changed_byte_is_noticed() {
    let home = Home::quick();
    let provider = home.provider(0);
    let request = TransactionRequest::default().with_deploy_code(keeper([7; 32]));
    provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
    let _: String = provider.raw_request("evm_mine".into(), ()).await.unwrap();
    drop(provider);
    let (_dir, path, status) = closed(home);
    let bytes = fs::read(&path).unwrap();
    let boundaries = boundaries(&bytes);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged).unwrap();
        // A whole record that is damaged is never taken for a torn one: recovering does not drop it, as it would with
        // the same error of opening.
        let error = recover(&path).expect_err(&format!("byte {at}"));
        assert_eq!(fs::read(&path).unwrap(), damaged, "byte {at}: an error changes nothing");
        if let ChainError::Block { number, offset, .. } = error {
            let record = boundaries.iter().rposition(|boundary| *boundary <= at).unwrap();
            let found = (usize::try_from(number).unwrap(), usize::try_from(offset).unwrap());
            assert_eq!(found, (record, boundaries[record]), "byte {at}");
        }
    }
    fs::write(&path, &bytes).unwrap();
    assert_eq!(open(&path).unwrap().status(), status);
}

#[tokio::test]
async fn a_torn_tail_is_an_error_until_it_is_cut() {
    let (_dir, path, status) = closed(chain().await);
    let bytes = fs::read(&path).unwrap();
    let last = boundaries(&bytes)[6];
    let frame = last + 1..last + 12;
    for end in frame.chain((last + 12..bytes.len()).step_by(9)).chain([bytes.len() - 1]) {
        fs::write(&path, &bytes[..end]).unwrap();
        let Err(ChainError::File(FileError::Torn { offset, bytes: left, .. })) = open(&path) else { panic!("{end}") };
        assert_eq!((usize::try_from(offset).unwrap(), usize::try_from(left).unwrap()), (last, end - last));
    }
    let (chain, lost) = recover(&path).unwrap();
    assert_eq!(usize::try_from(lost).unwrap(), bytes.len() - 1 - last);
    assert_eq!(chain.status().head, status.head - 1);
    drop(chain);
    assert_eq!(fs::read(&path).unwrap(), bytes[..last]);
    assert_eq!(recover(&path).unwrap().1, 0, "nothing is torn any more");
    // A file system may make the file long before it fills it.
    fs::write(&path, [&bytes[..last], &[0; 5000]].concat()).unwrap();
    assert!(matches!(open(&path), Err(ChainError::File(FileError::Torn { bytes: 5000, .. }))));
    assert_eq!(recover(&path).unwrap().1, 5000);
    assert_eq!(fs::read(&path).unwrap(), bytes[..last]);
}

#[tokio::test]
async fn a_chain_cut_within_is_not_torn() {
    let (_dir, path, _) = closed(chain().await);
    let bytes = fs::read(&path).unwrap();
    let at = boundaries(&bytes);
    let cases = [
        ("a block left out", [&bytes[..at[3]], &bytes[at[4]..]].concat()),
        ("a block twice", [&bytes[..at[4]], &bytes[at[3]..]].concat()),
        (
            "two blocks exchanged",
            [&bytes[..at[3]], &bytes[at[4]..at[5]], &bytes[at[3]..at[4]], &bytes[at[5]..]].concat(),
        ),
    ];
    for (name, damaged) in cases {
        fs::write(&path, &damaged).unwrap();
        assert!(matches!(recover(&path), Err(ChainError::Block { .. })), "{name}");
    }
}

#[tokio::test]
async fn a_forged_block_does_not_verify() {
    let (_dir, path, _) = closed(chain().await);
    let bytes = fs::read(&path).unwrap();
    let at = boundaries(&bytes);
    let block = &bytes[at[5] + 8..at[6] - 32];
    let head = |block: &[u8]| keccak256(&block[3..3 + 3 + usize::from(u16::from_be_bytes([block[4], block[5]]))]);
    assert_eq!(
        head(block),
        B256::from_slice(&bytes[at[6] - 32..at[6]]),
        "the header comes first, in a list of its own"
    );
    let forge = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut block = block.to_vec();
        change(&mut block);
        let length = u32::try_from(block.len()).unwrap();
        let hash = head(&block);
        let record = [&length.to_be_bytes()[..], &(!length).to_be_bytes(), &block, hash.as_slice()].concat();
        fs::write(&path, [&bytes[..at[5]], &record, &bytes[at[6]..]].concat()).unwrap();
        match open(&path) {
            Err(ChainError::Block { number: 5, source, .. }) => *source,
            other => panic!("{other:?}"),
        }
    };
    let header = |found: BlockError| match found {
        BlockError::Header { field } => field,
        other => panic!("{other:?}"),
    };
    // Offsets in the block: three bytes of list header each, then fields of 33, 33, 21, 33, 33 and 33 bytes.
    assert_eq!(header(forge(&|block| block[6 + 1] ^= 1)), "parent hash");
    assert_eq!(header(forge(&|block| block[6 + 33 + 33 + 21 + 1] ^= 1)), "state root");
    assert_eq!(header(forge(&|block| block[6 + 33 + 33 + 21 + 33 + 1] ^= 1)), "transactions root");
    assert_eq!(header(forge(&|block| block[6 + 33 + 33 + 21 + 33 + 33 + 1] ^= 1)), "receipts root");
    assert_eq!(header(forge(&|block| block[6 + 33 + 33 + 21 + 33 + 33 + 33 + 5] ^= 1)), "logs bloom");
}

/// A damage to a file: bytes from `at` on are replaced.
fn damage() -> impl Strategy<Value = (prop::sample::Index, usize, Vec<u8>)> {
    (any::<prop::sample::Index>(), 0usize..80, prop::collection::vec(any::<u8>(), 0..80))
}

#[test]
fn no_bytes_of_a_file_are_a_surprise() {
    let home = Home::quick();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let provider = home.provider(0);
        let request = TransactionRequest::default().with_deploy_code(keeper([7; 32]));
        let _ = provider.send_transaction(request).await.unwrap();
    });
    let (_dir, path, _) = closed(home);
    let bytes = fs::read(&path).unwrap();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(500) });
    let result = runner.run(&prop::collection::vec(damage(), 1..4), |damages| {
        let mut damaged = bytes.clone();
        for (at, length, new) in damages {
            let at = at.index(damaged.len());
            let end = damaged.len().min(at + length);
            damaged.splice(at..end, new);
        }
        fs::write(&path, &damaged).unwrap();
        if let Ok(chain) = open(&path) {
            // Only a file that is a chain opens: this one, or its beginning.
            prop_assert!(bytes.starts_with(&damaged), "{} blocks", chain.status().head);
        }
        Ok(())
    });
    result.unwrap();
}

#[tokio::test]
async fn lengths_are_checked_before_memory_is_taken() {
    let (_dir, path, _) = closed(Home::new());
    let bytes = fs::read(&path).unwrap();
    for length in [140_000u32, u32::MAX] {
        let record = [length.to_be_bytes(), (!length).to_be_bytes()].concat();
        fs::write(&path, [bytes.as_slice(), &record].concat()).unwrap();
        assert!(matches!(recover(&path), Err(ChainError::File(FileError::TooLong { .. }))), "{length}");
    }
    for short in 0..bytes.len() {
        fs::write(&path, &bytes[..short]).unwrap();
        assert!(recover(&path).is_err(), "a chain without its genesis: {short} bytes");
    }
}

#[test]
fn one_process_has_the_chain() {
    let home = Home::new();
    assert!(matches!(open(&home.path()), Err(ChainError::File(FileError::Locked { .. }))));
    assert!(matches!(DevChain::create(home.path(), genesis()), Err(ChainError::File(FileError::Exists { .. }))));
    let transport = home.chain.transport();
    let (_dir, path, _) = closed(home);
    assert!(matches!(open(&path), Err(ChainError::File(FileError::Locked { .. }))), "a transport keeps the chain");
    assert!(matches!(DevChain::open_to_read(&path), Err(ChainError::File(FileError::Locked { .. }))));
    drop(transport);
    // Several may read it, and nobody writes meanwhile.
    let readers = [DevChain::open_to_read(&path).unwrap(), DevChain::open_to_read(&path).unwrap()];
    assert!(matches!(open(&path), Err(ChainError::File(FileError::Locked { .. }))));
    drop(readers);
    assert!(open(&path).is_ok());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no other file is left behind");
}

#[test]
fn other_files_are_no_chains() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chain");
    assert!(matches!(open(&path), Err(ChainError::File(FileError::Io { action: "open", .. }))));
    for bytes in [&b""[..], b"mira", b"mira/devchain/v2\n and more"] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(open(&path), Err(ChainError::File(FileError::Magic { .. }))));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    fs::write(&path, b"mira/devchain/v1\n").unwrap();
    assert!(matches!(open(&path), Err(ChainError::File(FileError::Magic { .. }))));
}

#[test]
fn a_genesis_is_checked_and_ordered() {
    let dir = tempfile::tempdir().unwrap();
    let make =
        |name: &str, genesis| DevChain::create(dir.path().join(name), genesis).map(|chain| chain.status().genesis);
    let error = |genesis| match make("wrong", genesis) {
        Err(ChainError::Genesis(error)) => error,
        other => panic!("{other:?}"),
    };
    let one = |byte| (alloy::primitives::Address::with_last_byte(byte), U256::ONE);
    assert_eq!(error(Genesis { chain_id: 0, ..genesis() }), GenesisError::ChainId { found: 0 });
    assert_eq!(error(Genesis { chain_id: 1 << 53, ..genesis() }), GenesisError::ChainId { found: 1 << 53 });
    assert_eq!(
        error(Genesis { alloc: vec![one(1), one(2), one(1)], ..genesis() }),
        GenesisError::Twice { address: one(1).0 }
    );
    assert_eq!(error(Genesis { alloc: vec![(one(1).0, U256::MAX), one(2)], ..genesis() }), GenesisError::Supply);
    assert_eq!(error(Genesis { alloc: vec![one(1); 4097], ..genesis() }), GenesisError::Accounts { found: 4097 });
    assert_eq!(error(Genesis { timestamp: 1 << 41, ..genesis() }), GenesisError::Timestamp { found: 1 << 41 });
    assert_eq!(error(Genesis { base_fee: 1 << 63, ..genesis() }), GenesisError::BaseFee { found: 1 << 63 });
    assert!(!dir.path().join("wrong").exists());

    let sorted = make("sorted", Genesis { alloc: vec![one(1), one(2)], ..genesis() }).unwrap();
    let unsorted = make("unsorted", Genesis { alloc: vec![one(2), one(1)], ..genesis() }).unwrap();
    assert_eq!(sorted, unsorted);
    let other = make("other", Genesis { chain_id: 7, alloc: vec![one(1), one(2)], ..genesis() }).unwrap();
    assert_ne!(sorted, other, "the chain id is in the hash of the first block");
}
