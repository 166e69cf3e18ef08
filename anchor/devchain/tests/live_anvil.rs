//! The same script on this chain and on anvil: gas, logs, status, returned and reverted data must be the same.
//!
//! `MIRA_TEST_ANVIL` names a running anvil 1.7.1 with its defaults; without it the test is skipped.

mod common;

use alloy::consensus::TxReceipt;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use common::asm::init;
use common::*;
use mira_devchain::{DevChain, Genesis};

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
    use common::contracts::*;
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
    logs: Vec<alloy::primitives::Log>,
    bloom: alloy::primitives::Bloom,
    /// Over the base fee where the transaction says so, for base fees fall with the age of a chain.
    price: u128,
    kind: u8,
}

struct Party {
    provider: DynProvider,
    contracts: Vec<Option<Address>>,
}

impl Party {
    fn request(&self, from: Address, step: &Step) -> TransactionRequest {
        let mut data = step.data.clone();
        if let [0xaa, index, rest @ ..] = data.as_slice() {
            let target = self.contracts[usize::from(*index)].unwrap();
            data = [target.into_word().as_slice(), rest].concat();
        }
        let request = TransactionRequest::default().from(from).value(U256::from(step.value)).with_input(data);
        match step.to {
            Some(index) => request.to(self.contracts[index].unwrap()),
            None => request.create(),
        }
    }

    async fn outcome(&mut self, step: &Step, receipt: &TransactionReceipt) -> Outcome {
        if step.to.is_none() {
            self.contracts.push(receipt.status().then_some(receipt.contract_address).flatten());
        }
        let kind = receipt.transaction_type().into();
        let block = self.provider.get_block(receipt.block_hash.unwrap().into()).await.unwrap().unwrap();
        Outcome {
            status: receipt.status(),
            gas_used: receipt.gas_used,
            created: receipt.contract_address,
            logs: receipt.logs().iter().map(|log| log.inner.clone()).collect(),
            bloom: receipt.inner.bloom(),
            price: receipt.effective_gas_price
                - if kind == 2 { block.header.base_fee_per_gas.unwrap().into() } else { 0 },
            kind,
        }
    }

    /// anvil makes its block a moment later; ours is there.
    async fn receipt(&self, hash: B256) -> TransactionReceipt {
        for _ in 0..1000 {
            if let Some(receipt) = self.provider.get_transaction_receipt(hash).await.unwrap() {
                return receipt;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("no receipt of {hash}");
    }

    /// What `eth_call` says, and the data of a revert.
    async fn would(&self, request: TransactionRequest) -> (Option<Bytes>, Option<Bytes>, bool) {
        match self.provider.call(request).await {
            Ok(output) => (Some(output), None, false),
            Err(error) => {
                let error = error.as_error_resp().unwrap_or_else(|| panic!("no answer: {error}"));
                (None, error.as_revert_data(), true)
            }
        }
    }
}

#[tokio::test]
async fn live_anvil_agrees() {
    let Ok(url) = std::env::var("MIRA_TEST_ANVIL") else {
        eprintln!("skipped: MIRA_TEST_ANVIL names no running anvil");
        return;
    };
    let anvil = ProviderBuilder::new().disable_recommended_fillers().connect_http(url.parse().unwrap()).erased();
    let version = anvil.get_client_version().await.unwrap();
    assert!(version.starts_with("anvil/v1.7.1"), "{version}");
    let chain_id = anvil.get_chain_id().await.unwrap();
    let signer = unused_sender(&anvil).await;
    let from = signer.address();
    let money = U256::from(10u64.pow(18)) * U256::from(100);
    let _: () = anvil.raw_request("anvil_setBalance".into(), (from, money)).await.unwrap();

    let dir = tempfile::tempdir().unwrap();
    let genesis = Genesis { chain_id, timestamp: BEGIN, base_fee: 1_000_000_000, alloc: vec![(from, money)] };
    let chain = DevChain::create(dir.path().join("chain"), genesis).unwrap();
    let ours = ProviderBuilder::new().disable_recommended_fillers().connect_client(chain.client()).erased();

    let wallet = EthereumWallet::from(signer);
    let mut parties = [ours, anvil].map(|provider| Party { provider, contracts: Vec::new() });
    let steps = script();
    let mut gas = 0;
    for (nonce, step) in (0..).zip(&steps) {
        let request = parties[0].request(from, step);
        assert_eq!(request, parties[1].request(from, step), "{}", step.name);

        let would = [parties[0].would(request.clone()).await, parties[1].would(request.clone()).await];
        assert_eq!(would[0], would[1], "{}: eth_call", step.name);

        let mut request = request.nonce(nonce).gas_limit(step.gas);
        request.set_chain_id(chain_id);
        // One step is sent as each older kind of transaction.
        match step.name {
            "keep" => request.set_gas_price(3_000_000_000),
            "keep the same" => {
                request.set_gas_price(3_000_000_000);
                request =
                    request.access_list(alloy::eips::eip2930::AccessList(vec![alloy::eips::eip2930::AccessListItem {
                        address: parties[0].contracts[0].unwrap(),
                        storage_keys: vec![B256::ZERO],
                    }]));
            }
            _ => {
                request.set_max_fee_per_gas(3_000_000_000);
                request.set_max_priority_fee_per_gas(1_000_000_000);
            }
        }
        let raw = alloy::eips::Encodable2718::encoded_2718(&request.build(&wallet).await.unwrap());
        let mut outcomes = Vec::new();
        for party in &mut parties {
            let pending = party
                .provider
                .send_raw_transaction(&raw)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", step.name));
            let receipt = party.receipt(*pending.tx_hash()).await;
            outcomes.push(party.outcome(step, &receipt).await);
        }
        assert_eq!(outcomes[0], outcomes[1], "{}", step.name);
        gas += outcomes[0].gas_used;
    }
    for party in &parties {
        for address in parties[0].contracts.iter().flatten() {
            assert_eq!(
                party.provider.get_code_at(*address).await.unwrap(),
                parties[1].provider.get_code_at(*address).await.unwrap()
            );
        }
    }
    println!("{} transactions agree, {gas} gas", steps.len());
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
