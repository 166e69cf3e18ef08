//! The same script on this chain and on anvil: gas, logs, status, returned and reverted data must be the same.
//!
//! `MIRA_TEST_ANVIL` names a running anvil 1.7.1 with its defaults; without it the test is skipped.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use alloy::consensus::TxReceipt;
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::eip2930::{AccessList, AccessListItem};
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, B256, Bloom, Bytes, Log, U256, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::json_rpc::RpcSend;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolValue};
use common::asm::init;
use common::contracts::*;
use common::*;
use mira_devchain::{DevChain, Genesis};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

/// The tests of this file take turns: they set the time of a node that they share.
static TURN: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

#[tokio::test]
async fn live_anvil_agrees() {
    let _turn = TURN.lock().await;
    let Some(mut pair) = Pair::meet().await else { return };
    let steps = script();
    let mut contracts = Vec::new();
    for step in &steps {
        let mut data = step.data.clone();
        if let [0xaa, index, rest @ ..] = data.as_slice() {
            let target: Address = contracts[usize::from(*index)];
            data = [target.into_word().as_slice(), rest].concat();
        }
        let mut request = TransactionRequest::default().value(U256::from(step.value)).with_input(data);
        request = match step.to {
            Some(index) => request.to(contracts[index]),
            None => request.create(),
        };
        // One step is sent as each older kind of transaction.
        match step.name {
            "keep" => request.set_gas_price(3_000_000_000),
            "keep the same" => {
                request.set_gas_price(3_000_000_000);
                let item = AccessListItem { address: contracts[0], storage_keys: vec![B256::ZERO] };
                request = request.access_list(AccessList(vec![item]));
            }
            _ => {}
        }
        let outcome = pair.send(step.name, request, step.gas).await;
        if step.to.is_none() {
            contracts.push(outcome.created.unwrap());
        }
    }
    for address in &contracts {
        pair.same_code(*address).await;
    }
    println!("{} transactions agree, {} gas", steps.len(), pair.gas);
}

/// The contracts that mira deploys, once through their days: a log is registered and anchored, rewards are funded,
/// proposed, vetoed, disputed and claimed, and everything that must revert does, in the same words.
#[tokio::test]
async fn live_anvil_runs_our_contracts_alike() {
    let _turn = TURN.lock().await;
    let Some(mut pair) = Pair::meet().await else { return };
    let me = pair.signer.address();

    let token = pair.deploy("MiraToken", (me, U256::from(1_000_000)).abi_encode_params()).await;
    let registry = pair.deploy("RootRegistry", Vec::new()).await;
    let (log_key, k) = (B256::repeat_byte(3), 1u8);
    let origin_id = keccak256(("example.org/log".to_owned(), log_key, vec![me], U256::from(k)).abi_encode_params());
    let register = registerCall { origin: "example.org/log".to_owned(), logKey: log_key, committee: vec![me], k };
    assert!(pair.call("register", registry, &register).await.status);
    assert!(pair.call("register again", registry, &register).await.status);
    assert!(!pair.call("register nobody", registry, &registerCall { committee: vec![], ..register }).await.status);

    // Two trees of RFC 6962: a leaf, and that leaf with another.
    let leaf = |byte: u8| sha256(&[&[0], &[byte; 32][..]].concat());
    let (one, two) = (leaf(1), sha256(&[&[1], leaf(1).as_slice(), leaf(2).as_slice()].concat()));
    let none = B256::ZERO;
    let mut epochs = vec![pair.view(registry, &commitmentsCall { originId: origin_id, epoch: 0 }).await];
    for (epoch, root, size, proof) in [(1u64, one, 1u64, vec![]), (2, two, 2, vec![leaf(2)])] {
        let previous = epochs[epochs.len() - 1];
        let digest = anchorDigestCall { originId: origin_id, epoch, root, size, previous };
        let digest = pair.view(registry, &digest).await;
        let signature = Bytes::from(pair.signer.sign_hash_sync(&digest).unwrap().as_bytes().to_vec());
        let (before, previous_root) = if epoch == 1 { (none, none) } else { (epochs[0], one) };
        let good = anchorCall {
            originId: origin_id,
            epoch,
            root,
            size,
            beforePrevious: before,
            previousRoot: previous_root,
            consistency: proof,
            signatures: vec![signature],
        };
        let unsigned = anchorCall { signatures: vec![], ..good.clone() };
        let forked = anchorCall { root: leaf(9), ..good.clone() };
        assert!(!pair.call("anchor without a signature", registry, &unsigned).await.status);
        assert!(!pair.call("anchor something else", registry, &forked).await.status);
        assert!(pair.call("anchor", registry, &good).await.status);
        assert!(!pair.call("anchor again", registry, &good).await.status);
        epochs.push(pair.view(registry, &commitmentsCall { originId: origin_id, epoch }).await);
    }

    const DAY: u64 = 24 * 3600;
    let arguments = (token, registry, origin_id, me, me, U256::from(DAY), U256::from(DAY), U256::from(10));
    let distributor = pair.deploy("RewardsDistributor", arguments.abi_encode_params()).await;
    let all = U256::from(1_000);
    assert!(!pair.call("fund before approval", distributor, &fundCall { statementId: none, amount: all }).await.status);
    assert!(pair.call("approve", token, &approveCall { spender: distributor, value: U256::MAX }).await.status);
    assert!(pair.call("fund", distributor, &fundCall { statementId: none, amount: all }).await.status);
    let (contributor, payout) = (B256::repeat_byte(5), Address::repeat_byte(6));
    // A tree of one leaf is that leaf.
    let root = pair.view(distributor, &leafOfCall { contributorId: contributor, payout, cumulative: all }).await;
    let propose = |epoch, total| proposeCall {
        epoch,
        root,
        total,
        manifest: B256::repeat_byte(7),
        logEpoch: 2,
        logCommitment: epochs[2],
    };
    let claim = |epoch, cumulative| claimCall { epoch, contributorId: contributor, payout, cumulative, proof: vec![] };
    assert!(!pair.call("propose too much", distributor, &propose(1, all + U256::ONE)).await.status);
    assert!(pair.call("propose", distributor, &propose(1, all)).await.status);
    assert!(pair.call("veto", distributor, &vetoCall { epoch: 1 }).await.status);
    assert!(pair.call("propose again", distributor, &propose(2, all)).await.status);
    assert!(pair.call("dispute", distributor, &disputeCall { epoch: 2 }).await.status);
    assert!(pair.call("resolve", distributor, &resolveCall { epoch: 2, upheld: false }).await.status);
    assert!(!pair.call("claim too early", distributor, &claim(2, all)).await.status);
    pair.warp(DAY).await;
    assert!(!pair.call("claim what was vetoed", distributor, &claim(1, all)).await.status);
    assert!(!pair.call("claim more", distributor, &claim(2, all + U256::ONE)).await.status);
    assert!(pair.call("claim", distributor, &claim(2, all)).await.status);
    assert!(!pair.call("claim twice", distributor, &claim(2, all)).await.status);
    assert_eq!(pair.view(token, &balanceOfCall { account: payout }).await, all);
    println!("our contracts agree over {} transactions, {} gas", pair.nonce, pair.gas);
}

alloy::sol! {
    function approve(address spender, uint256 value) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
    function register(string origin, bytes32 logKey, address[] committee, uint8 k) external returns (bytes32 originId);
    function anchor(
        bytes32 originId, uint64 epoch, bytes32 root, uint64 size, bytes32 beforePrevious, bytes32 previousRoot,
        bytes32[] consistency, bytes[] signatures
    ) external;
    function anchorDigest(bytes32 originId, uint64 epoch, bytes32 root, uint64 size, bytes32 previous)
        external view returns (bytes32);
    function commitments(bytes32 originId, uint64 epoch) external view returns (bytes32);
    function fund(bytes32 statementId, uint256 amount) external returns (uint256 received);
    function propose(
        uint64 epoch, bytes32 root, uint256 total, bytes32 manifest, uint64 logEpoch, bytes32 logCommitment
    ) external;
    function veto(uint64 epoch) external;
    function dispute(uint64 epoch) external;
    function resolve(uint64 epoch, bool upheld) external;
    function leafOf(bytes32 contributorId, address payout, uint256 cumulative) external view returns (bytes32 leaf);
    function claim(uint64 epoch, bytes32 contributorId, address payout, uint256 cumulative, bytes32[] proof)
        external returns (uint256 amount);
}

/// A step of the script: a contract is made, or one that was made is called.
struct Step {
    name: &'static str,
    /// The index of the contract that is called, in the order in which they were made.
    to: Option<usize>,
    data: Vec<u8>,
    value: u64,
    gas: u64,
}

fn make(name: &'static str, data: Vec<u8>) -> Step {
    Step { name, to: None, data, value: 0, gas: 1_000_000 }
}

fn call(name: &'static str, to: usize, data: impl Into<Vec<u8>>) -> Step {
    Step { name, to: Some(to), data: data.into(), value: 0, gas: 1_000_000 }
}

fn word(number: u64) -> Vec<u8> {
    U256::from(number).to_be_bytes_vec()
}

fn script() -> Vec<Step> {
    let mut steps = vec![
        make("keeper", keeper([7; 32])),
        make("refuser", refuser()),
        make("maker", maker()),
        make("salted maker", salted_maker()),
        make("spinner", spinner()),
        make("invalid", invalid()),
        make("lost", lost()),
        make("caller", caller()),
        make("static caller", static_caller()),
        make("modern", modern()),
        make("teller", teller()),
        make("mortal", mortal()),
        make("stillborn", stillborn()),
        make("forbidden", forbidden()),
        make("nothing", Vec::new()),
    ];
    let (keeper_at, refuser_at, maker_at, salted_at, spinner_at) = (0, 1, 2, 3, 4);
    let (caller_at, static_at, modern_at, teller_at, mortal_at) = (7, 8, 9, 10, 11);
    steps.extend([
        call("keep", keeper_at, word(5)),
        call("keep the same", keeper_at, word(5)),
        call("keep nothing", keeper_at, word(0)),
        call("revert", refuser_at, word(42)),
        call("create", maker_at, init("", &[0x00])),
        call("create what has a constructor", maker_at, keeper([9; 32])),
        call("create nothing", maker_at, Vec::new()),
        call("create what reverts", maker_at, asm::asm("0x00 0x00 REVERT")),
        call("create and destroy", maker_at, stillborn()),
        call("create2", salted_at, init("", &[0x00])),
        call("create2 where something is", salted_at, init("", &[0x00])),
        Step { gas: 60_000, ..call("out of gas", spinner_at, Vec::new()) },
        Step { gas: 60_000, ..call("invalid instruction", 5, Vec::new()) },
        Step { gas: 60_000, ..call("invalid jump", 6, Vec::new()) },
        Step { gas: 22_000, ..call("out of gas by memory", caller_at, word(1)) },
        call("osaka and cancun", modern_at, word(77)),
        call("where", teller_at, Vec::new()),
        Step { value: 1_000, ..call("money to a contract", teller_at, Vec::new()) },
        call("selfdestruct of an old contract", mortal_at, Vec::new()),
        Step { value: 5, ..call("selfdestruct with money", mortal_at, Vec::new()) },
        Step { data: vec![1; 4000], ..call("dear data", teller_at, Vec::new()) },
        Step { data: vec![0; 4000], ..call("cheap data", teller_at, Vec::new()) },
    ]);
    // A contract that another calls: the first word of the data is replaced by its address when the step is sent.
    for (name, target) in [("call", keeper_at), ("call what reverts", refuser_at), ("call what spins", spinner_at)] {
        steps.push(Step {
            gas: 300_000,
            ..call(name, caller_at, [vec![0xaa, u8::try_from(target).unwrap()], word(6)].concat())
        });
        steps.push(Step {
            gas: 300_000,
            ..call(name, static_at, [vec![0xaa, u8::try_from(target).unwrap()], word(6)].concat())
        });
    }
    let inputs: [(&str, u16, Vec<u8>); 9] = [
        ("ecrecover", 1, signed(1)),
        ("ecrecover of nonsense", 1, vec![3; 128]),
        ("sha256", 2, b"abc".to_vec()),
        ("ripemd160", 3, b"abc".to_vec()),
        ("identity", 4, vec![5; 100]),
        ("modexp", 5, fermat()),
        ("pairing of nothing", 8, Vec::new()),
        ("blake2f of too little", 9, vec![0; 10]),
        ("p256verify of nonsense", 0x100, vec![1; 160]),
    ];
    for (name, number, input) in inputs {
        let at = steps.iter().filter(|step| step.to.is_none()).count();
        steps.push(make(name, precompile(number)));
        steps.push(call(name, at, input));
    }
    steps
}

/// What a step did, without what differs between two chains that are of different age.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: bool,
    gas_used: u64,
    created: Option<Address>,
    logs: Vec<Log>,
    bloom: Bloom,
    /// Over the base fee where the transaction says so, for base fees fall with the age of a chain.
    price: u128,
    kind: u8,
}

/// Our chain and anvil, and somebody who has the same money and the same nonce on both.
struct Pair {
    parties: [DynProvider; 2],
    signer: PrivateKeySigner,
    chain_id: u64,
    nonce: u64,
    gas: u64,
    /// The time of the next block.
    time: u64,
    _dir: tempfile::TempDir,
}

impl Pair {
    async fn meet() -> Option<Self> {
        let Ok(url) = std::env::var("MIRA_TEST_ANVIL") else {
            eprintln!("skipped: MIRA_TEST_ANVIL names no running anvil");
            return None;
        };
        // The other test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let anvil = ProviderBuilder::new().disable_recommended_fillers().connect_http(url.parse().unwrap()).erased();
        let version = anvil.get_client_version().await.unwrap();
        assert!(version.starts_with("anvil/v1.7.1"), "{version}");
        let chain_id = anvil.get_chain_id().await.unwrap();
        let signer = unused_sender(&anvil).await;
        let money = U256::from(10u64.pow(18)) * U256::from(100);
        let _: () = anvil.raw_request("anvil_setBalance".into(), (signer.address(), money)).await.unwrap();
        let timestamp = anvil.get_block_by_number(Default::default()).await.unwrap().unwrap().header.timestamp;

        let dir = tempfile::tempdir().unwrap();
        let alloc = vec![(signer.address(), money)];
        let genesis = Genesis { chain_id, timestamp, base_fee: 1_000_000_000, alloc };
        let chain = DevChain::create(dir.path().join("chain"), genesis).unwrap();
        let ours = ProviderBuilder::new().disable_recommended_fillers().connect_client(chain.client()).erased();
        Some(Self { parties: [ours, anvil], signer, chain_id, nonce: 0, gas: 0, time: timestamp + 10, _dir: dir })
    }

    /// Asks both what a transaction would do, sends it to both, and requires the same answers and outcomes.
    async fn send(&mut self, name: &str, request: TransactionRequest, gas: u64) -> Outcome {
        let mut request = request.from(self.signer.address());
        let would = [would(&self.parties[0], &request).await, would(&self.parties[1], &request).await];
        assert_eq!(would[0], would[1], "{name}: eth_call");

        request = request.nonce(self.nonce).gas_limit(gas);
        request.set_chain_id(self.chain_id);
        if request.gas_price.is_none() {
            request.set_max_fee_per_gas(3_000_000_000);
            request.set_max_priority_fee_per_gas(1_000_000_000);
        }
        let raw = request.build(&EthereumWallet::from(self.signer.clone())).await.unwrap().encoded_2718();
        self.set_time().await;
        let mut outcomes = Vec::new();
        let mut shapes = Vec::new();
        for party in &self.parties {
            let pending = party.send_raw_transaction(&raw).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            let hash = *pending.tx_hash();
            outcomes.push(outcome(party, hash).await);
            shapes.push([
                shape(party, "eth_getTransactionReceipt", (hash,)).await,
                shape(party, "eth_getTransactionByHash", (hash,)).await,
                shape(party, "eth_getBlockByNumber", ("latest", true)).await,
            ]);
        }
        assert_eq!(shapes[0], shapes[1], "{name}");
        let [ours, anvils] = outcomes.try_into().unwrap();
        assert_eq!(ours, anvils, "{name}");
        self.nonce += 1;
        self.gas += ours.gas_used;
        ours
    }

    async fn call(&mut self, name: &str, to: Address, call: &impl SolCall) -> Outcome {
        let request = TransactionRequest::default().to(to).with_input(call.abi_encode());
        self.send(name, request, 1_000_000).await
    }

    /// Deploys one of the artifacts.
    async fn deploy(&mut self, name: &str, arguments: Vec<u8>) -> Address {
        let path = format!("{}/../contracts/artifacts/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let artifact: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let code = alloy::hex::decode(artifact["bytecode"].as_str().unwrap()).unwrap();
        let request = TransactionRequest::default().with_deploy_code([code, arguments].concat());
        let outcome = self.send(name, request, 5_000_000).await;
        assert!(outcome.status, "{name}");
        self.same_code(outcome.created.unwrap()).await;
        outcome.created.unwrap()
    }

    async fn view<C: SolCall>(&self, to: Address, call: &C) -> C::Return {
        let request = TransactionRequest::default().to(to).with_input(call.abi_encode());
        let answers = [would(&self.parties[0], &request).await, would(&self.parties[1], &request).await];
        assert_eq!(answers[0], answers[1]);
        C::abi_decode_returns(answers[0].as_ref().unwrap()).unwrap()
    }

    async fn same_code(&self, address: Address) {
        let [ours, anvils] = &self.parties;
        assert_eq!(ours.get_code_at(address).await.unwrap(), anvils.get_code_at(address).await.unwrap(), "{address}");
    }

    /// Lets time pass, and a block be made in it.
    async fn warp(&mut self, seconds: u64) {
        self.time += seconds;
        self.set_time().await;
        for party in &self.parties {
            let _: String = party.raw_request("evm_mine".into(), ()).await.unwrap();
        }
    }

    /// Gives the next block of both the same time, which contracts store and log.
    async fn set_time(&mut self) {
        for party in &self.parties {
            let _: () = party.raw_request("evm_setNextBlockTimestamp".into(), [self.time]).await.unwrap();
        }
        self.time += 1;
    }
}

/// The names of the fields of an answer, and which of them are null.
async fn shape(party: &DynProvider, method: &'static str, params: impl RpcSend) -> BTreeMap<String, bool> {
    // What anvil adds: a field that is gone since the merge, a price where no blob is, a time that only logs have.
    let added = match method {
        "eth_getTransactionReceipt" => ["blobGasPrice", "blockTimestamp"].as_slice(),
        _ => &["totalDifficulty"],
    };
    let answer: serde_json::Value = party.raw_request(method.into(), params).await.unwrap();
    let fields = answer.as_object().unwrap().iter().filter(|(name, _)| !added.contains(&name.as_str()));
    fields.map(|(name, value)| (name.clone(), value.is_null())).collect()
}

/// What `eth_call` says: what is returned, or what it is reverted with, if it reverts and does not just fail.
async fn would(party: &DynProvider, request: &TransactionRequest) -> Result<Bytes, Option<Bytes>> {
    party
        .call(request.clone())
        .latest()
        .await
        .map_err(|error| error.as_error_resp().unwrap_or_else(|| panic!("no answer: {error}")).as_revert_data())
}

async fn outcome(party: &DynProvider, hash: B256) -> Outcome {
    let receipt = receipt(party, hash).await;
    let kind = receipt.transaction_type().into();
    let block = party.get_block(receipt.block_hash.unwrap().into()).await.unwrap().unwrap();
    let base_fee = u128::from(block.header.base_fee_per_gas.unwrap());
    Outcome {
        status: receipt.status(),
        gas_used: receipt.gas_used,
        created: receipt.contract_address,
        logs: receipt.logs().iter().map(|log| log.inner.clone()).collect(),
        bloom: receipt.inner.bloom(),
        price: receipt.effective_gas_price - if kind == 2 { base_fee } else { 0 },
        kind,
    }
}

/// anvil makes its block a moment later; ours is there.
async fn receipt(party: &DynProvider, hash: B256) -> TransactionReceipt {
    for _ in 0..1000 {
        if let Some(receipt) = party.get_transaction_receipt(hash).await.unwrap() {
            return receipt;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("no receipt of {hash}");
}

/// A sample key that this anvil has not seen, so that nonces and addresses begin alike on a node that others use too.
async fn unused_sender(anvil: &DynProvider) -> PrivateKeySigner {
    for index in 0u32.. {
        let key = keccak256(format!("mira sample key {index}"));
        let signer = PrivateKeySigner::from_bytes(&key).unwrap();
        if anvil.get_transaction_count(signer.address()).await.unwrap() == 0 {
            return signer;
        }
    }
    unreachable!("there are more keys than transactions")
}

fn sha256(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(bytes))
}
