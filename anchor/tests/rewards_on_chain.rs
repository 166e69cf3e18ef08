//! Rewards from payment to payout on a chain: the workspace's own, and anvil where `MIRA_TEST_ANVIL` names its RPC API.

#![allow(unreachable_pub, reason = "a test is nobody's library")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

#[path = "reward/world.rs"]
mod log;
mod support;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolValue as _};
use mira_anchor::abi::{MiraToken, RewardsDistributor};
use mira_anchor::bind::Binding;
use mira_anchor::chain::{ChainError, Client};
use mira_anchor::claim::Claim;
use mira_anchor::distributor::{Contract, Status};
use mira_anchor::endpoint::Endpoint;
use mira_anchor::reward::{Allocation, Auditor, Previous, Verdict};
use mira_anchor::sender::{Intent, SendError, Sender, Sent};
use mira_anchor::wallet::Wallet;
use mira_core::digest::ContributorId;
use mira_core::id::EpochNumber;
use mira_core::statement::{Bind, EvmAddress, Natural};

use log::{Columns, Event, ORIGIN, Use, World, person, policy};
use support::{World as Accounts, origin_of, sample_keystore};

fn local() -> Accounts {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::local(&dir.path().join("keys"), "main").unwrap();
    let client = Client::create_local(&dir.path().join("chain"), &[wallet.address()], 1_767_225_600).unwrap();
    Accounts { dir, client, wallet, origin: ORIGIN.to_owned() }
}

#[test]
fn from_payment_to_payout() {
    pay_out(&local());
}

#[test]
fn live_anvil_from_payment_to_payout() {
    let Ok(url) = std::env::var("MIRA_TEST_ANVIL") else {
        eprintln!("skipped: MIRA_TEST_ANVIL names no node");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let client = Client::connect(&Endpoint::parse(&url, "unused").unwrap()).unwrap();
    let wallet = sample_keystore(dir.path());
    pay_out(&Accounts { dir, client, wallet, origin: ORIGIN.to_owned() });
}

/// A log whose contributor 1 is paid to an account of theirs, and whose trainer 2 has none.
struct Story {
    log: World,
    contract: Contract,
    payout: Address,
}

fn pay_out(accounts: &Accounts) {
    let client = &accounts.client;
    let deployment = accounts.deploy();
    let contract = Contract::at(client, deployment.distributor.unwrap().address, deployment.block).unwrap();
    let origin = origin_of(&deployment);
    let mut story = Story { log: first_epoch(), contract, payout: Address::repeat_byte(0x9a) };
    assert_eq!(domain(client, contract), contract.distributor.domain());

    let mut outbox = accounts.outbox();
    let mut sender = accounts.sender(&mut outbox);
    origin.anchor(&mut sender, &story.log.epochs, &[]).unwrap();
    story.bind(client);
    origin.anchor(&mut sender, &story.log.epochs, &story.log.consistency()).unwrap();
    let commitment =
        |epoch| origin.commitment(client, EpochNumber::new(epoch), mira_anchor::chain::At::Latest).unwrap();

    story.fund(&mut sender, deployment.token.unwrap().address, Some(3), 900);
    let first = story.compute(client, 1, 2, &Previous::default());
    assert_eq!(first.manifest.budget, U256::from(900));
    let sent = contract.propose(&mut sender, &first.manifest, commitment(2)).unwrap();
    assert!(sent.landed.is_some());
    let again = contract.propose(&mut sender, &first.manifest, commitment(2)).unwrap();
    assert_eq!(again.tx, sent.tx, "the same transaction");
    let mut other = first.manifest.clone();
    other.root = B256::repeat_byte(1);
    let result = contract.propose(&mut sender, &other, commitment(2));
    assert!(matches!(result, Err(SendError::Conflict { .. })), "{result:?}");

    let claim = |sender: &mut Sender<'_>, epoch, allocation: &Allocation, who: ContributorId| {
        let (claim, proof) = allocation.tree.as_ref().unwrap().prove(&who).unwrap();
        contract.claim(sender, epoch, &claim, &proof)
    };
    let early = claim(&mut sender, 1, &first, person(1));
    refused(early, "WrongStatus");
    assert_eq!(contract.state(client, 1).unwrap().status, Status::Pending);
    warp(client, 24 * 3600 + 600);
    assert_eq!(contract.state(client, 1).unwrap().status, Status::Active);

    let due = share(&first, 1);
    assert_eq!(due, 450);
    forgeries(&mut sender, contract, &first);
    let paid = claim(&mut sender, 1, &first, person(1)).unwrap();
    assert!(paid.landed.is_some());
    assert_eq!(balance(client, contract, story.payout), U256::from(due));
    let twice = claim(&mut sender, 1, &first, person(1)).unwrap();
    assert_eq!(twice.tx, paid.tx, "nothing is sent again");
    assert_eq!(contract.claimed(client, &person(1)).unwrap(), U256::from(due));
    refused(claim(&mut sender, 1, &first, person(2)), "Unbound");

    // An epoch that is vetoed, and the one in its place, which counts the same payments.
    story.fund(&mut sender, contract.distributor.token, None, 101);
    let second = story.compute(client, 2, 2, &first.to_previous());
    contract.propose(&mut sender, &second.manifest, commitment(2)).unwrap();
    send(&mut sender, contract.distributor.contract, "veto/2", &RewardsDistributor::vetoCall { epoch: 2 });
    let proposals = contract.proposals(client).unwrap();
    assert_eq!(contract.last_standing(client, &proposals).unwrap(), 1);
    let third = story.compute(client, 3, 2, &first.to_previous());
    assert_eq!(third.manifest.total, U256::from(1001));
    contract.propose(&mut sender, &third.manifest, commitment(2)).unwrap();
    warp(client, 24 * 3600 + 600);
    claim(&mut sender, 3, &third, person(1)).unwrap();
    assert_eq!(balance(client, contract, story.payout), U256::from(share(&third, 1)));

    audit(client, &story, &third);
}

/// Every proposal on the chain, computed again from the log and the chain's events alone.
fn audit(client: &Client, story: &Story, last: &Allocation) {
    let contract = story.contract;
    let funded = contract.funded(client, client.head().unwrap().number).unwrap();
    let accepted = story.log.accepted();
    let mut auditor = Auditor::new(story.log.view(&accepted), contract.distributor, &funded);
    let proposals = contract.proposals(client).unwrap();
    assert_eq!(proposals.iter().map(|p| (p.epoch, p.previous)).collect::<Vec<_>>(), [(1, 0), (2, 1), (3, 1)]);
    for proposal in &proposals {
        let verdict = auditor.check(proposal, None, &mut story.log.shelf.clone()).unwrap();
        assert!(matches!(verdict, Verdict::Equal(_)), "{verdict:?}");
    }
    assert_eq!(auditor.previous(3), Some(&last.to_previous()));
}

fn first_epoch() -> World {
    let mut log = World::new(&[
        Event::Policy { by: 1, policy: policy().digest(), from_epoch: 1 },
        Event::Contribute { by: 1, columns: Columns::IntA, rows: vec![2, 3, 4] },
        Event::Train { by: 2, inputs: vec![Use::whole(1)], agents: vec![] },
        Event::Use { by: 4, run: 2, deployment: None, count: 5 },
    ]);
    log.shelf.files.insert(policy().digest(), policy().to_bytes());
    log
}

impl Story {
    /// Contributor 1 binds an account, whose key is kept elsewhere here: what counts is the address in the leaf.
    fn bind(&mut self, client: &Client) {
        let dir = tempfile::tempdir().unwrap();
        let account = Wallet::local(dir.path(), "payout").unwrap();
        let binding = Binding {
            contributor: person(1),
            nonce: Natural::new(1).unwrap(),
            log_origin: ORIGIN.parse().unwrap(),
            expires_epoch: Natural::new(100).unwrap(),
            chain_id: Natural::new(client.identity().chain_id).unwrap(),
            contract: EvmAddress::new(self.contract.distributor.contract.into_array()),
        };
        let bind: Bind = binding.sign(account.address(), |digest| account.sign_digest(digest)).unwrap();
        self.payout = account.address();
        self.log.seal(&[Event::Bind { by: 1, bind: Box::new(bind) }]);
    }

    fn fund(&self, sender: &mut Sender<'_>, token: Address, what: Option<usize>, amount: u64) {
        let (spender, amount) = (self.contract.distributor.contract, U256::from(amount));
        send(sender, token, &format!("approve/{amount}"), &MiraToken::approveCall { spender, value: amount });
        let statement = what.map_or(B256::ZERO, |what| B256::from(*self.log.ids[what].as_bytes()));
        let call = RewardsDistributor::fundCall { statementId: statement, amount };
        send(sender, spender, &format!("fund/{amount}"), &call);
    }

    fn compute(&self, client: &Client, epoch: u64, log_epoch: u64, previous: &Previous) -> Allocation {
        let funded = self.contract.funded(client, client.head().unwrap().number).unwrap();
        let open: Vec<_> = funded.into_iter().filter(|event| event.block >= previous.carried.next_block).collect();
        let accepted = self.log.accepted();
        let history = self.log.view(&accepted).at(log_epoch).unwrap();
        let mut shelf = self.log.shelf.clone();
        let distributor = self.contract.distributor;
        Allocation::compute(epoch, &history, &policy().to_bytes(), distributor, &open, previous, &mut shelf).unwrap()
    }
}

/// What a stranger could try: another amount, another account, a proof of somebody else.
fn forgeries(sender: &mut Sender<'_>, contract: Contract, allocation: &Allocation) {
    let tree = allocation.tree.as_ref().unwrap();
    let (claim, proof) = tree.prove(&person(1)).unwrap();
    let (_, foreign) = tree.prove(&person(2)).unwrap();
    for (forged, proof) in [
        (Claim { cumulative: claim.cumulative + U256::ONE, ..claim }, &proof),
        (Claim { payout: Address::repeat_byte(0xee), ..claim }, &proof),
        (Claim { contributor: person(77), ..claim }, &proof),
        (claim, &foreign),
    ] {
        refused(contract.claim(sender, 1, &forged, proof), "ProofMismatch");
    }
}

fn refused(result: Result<Sent, SendError>, why: &str) {
    match result {
        Err(SendError::Chain(ChainError::Revert(revert))) => {
            let text = ChainError::Revert(revert).to_string();
            assert!(text.contains(why), "{text}");
        }
        other => panic!("expected {why}, found {other:?}"),
    }
}

fn share(allocation: &Allocation, seed: u8) -> u64 {
    let shares = &allocation.amounts.shares;
    shares.iter().find(|share| share.contributor == person(seed)).unwrap().cumulative.to()
}

fn send(sender: &mut Sender<'_>, to: Address, purpose: &str, call: &impl SolCall) {
    let intent =
        Intent { purpose: purpose.to_owned(), to: Some(to), input: call.abi_encode().into(), value: U256::ZERO };
    sender.send(&intent).unwrap();
}

fn balance(client: &Client, contract: Contract, account: Address) -> U256 {
    client.view(contract.distributor.token, &MiraToken::balanceOfCall { account }).unwrap()
}

fn domain(client: &Client, contract: Contract) -> B256 {
    let domain = client.view(contract.distributor.contract, &RewardsDistributor::domainCall {}).unwrap();
    let leaf = RewardsDistributor::leafOfCall {
        contributorId: B256::repeat_byte(3),
        payout: Address::repeat_byte(4),
        cumulative: U256::from(5),
    };
    let claim = Claim {
        contributor: mira_core::digest::Digest::new([3; 32]).into(),
        payout: Address::repeat_byte(4),
        cumulative: U256::from(5),
    };
    assert_eq!(client.view(contract.distributor.contract, &leaf).unwrap(), claim.leaf(domain));
    assert_eq!((domain, claim.cumulative).abi_encode().len(), 64);
    domain
}

fn warp(client: &Client, seconds: u64) {
    let _: serde_json::Value = client.request("evm_increaseTime", (seconds,)).unwrap();
    let _: serde_json::Value = client.request("evm_mine", ()).unwrap();
}
