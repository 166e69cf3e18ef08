//! A process that dies at any step, on the workspace's own chain: each thing still happens exactly once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect")]

mod support;

use alloy::primitives::{Address, U256};
use mira_anchor::abi::RootRegistry;
use mira_anchor::chain::Client;
use mira_anchor::commitment::{self, Committee};
use mira_anchor::outbox::{Call, Key, Outbox, OutboxError, Stage};
use mira_anchor::registry::{AnchorError, Lookup, lookup};
use mira_anchor::sender::{Intent, SendError, Step};
use mira_anchor::wallet::Wallet;
use mira_core::id::EpochNumber;

use support::{World, epochs, origin_of};

const STEPS: [Step; 6] = [Step::Planned, Step::Signed, Step::Broadcast, Step::Noted, Step::Landed, Step::Settled];

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::local(&dir.path().join("keys"), "dev").unwrap();
    let client = Client::create_local(&dir.path().join("local"), &[wallet.address()], 1_700_000_000).unwrap();
    World { dir, client, wallet, origin: "log.example.org/test".to_owned() }
}

/// How many epochs the registry was told of, by its events.
fn events(world: &World, registry: Address) -> usize {
    let head = world.client.head().unwrap().number;
    world.client.events::<RootRegistry::Anchored>(registry, 0, head).unwrap().len()
}

#[test]
fn a_death_at_any_step_leaves_one_anchor() {
    for step in STEPS {
        let world = world();
        let origin = origin_of(&world.deploy());
        let (heads, path) = epochs(&[5]);
        let blocks = world.client.head().unwrap().number;
        {
            let mut outbox = world.outbox();
            let die = |at: Step| if at == step { Err(SendError::Ended(at)) } else { Ok(()) };
            let mut sender = world.sender(&mut outbox).probed(die);
            match origin.anchor(&mut sender, &heads, &path) {
                Err(AnchorError::Send(SendError::Ended(at))) => assert_eq!(at, step),
                other => panic!("{step:?} was not reached: {other:?}"),
            }
        }
        for _ in 0..2 {
            let mut outbox = world.outbox();
            let done = origin.anchor(&mut world.sender(&mut outbox), &heads, &path).unwrap();
            assert_eq!(done.block.unwrap().number, blocks + 1, "{step:?}");
            assert!(done.stage.is_done(), "{step:?}: {:?}", done.stage);
        }
        assert_eq!(events(&world, origin.registry), 1, "{step:?}");
        assert_eq!(world.client.head().unwrap().number, blocks + 1, "{step:?}: one transaction was made");
        assert_eq!(world.outbox().jobs().unwrap().iter().filter(|job| !job.stage.is_done()).count(), 0);
    }
}

/// The same account sends from elsewhere, and uses the nonce of what is signed here.
#[test]
fn a_nonce_that_something_else_used_is_given_up_and_nothing_is_lost() {
    let world = world();
    let deployment = world.deploy();
    let origin = origin_of(&deployment);
    let (heads, path) = epochs(&[5]);
    let mut outbox = world.outbox();
    let die = |at: Step| if at == Step::Signed { Err(SendError::Ended(at)) } else { Ok(()) };
    origin.anchor(&mut world.sender(&mut outbox).probed(die), &heads, &path).unwrap_err();
    let mut elsewhere = Outbox::open(&world.dir.path().join("elsewhere.sqlite")).unwrap();
    let input = mira_anchor::calls::approve(Address::repeat_byte(1), U256::from(1));
    let token = deployment.token.unwrap().address;
    let intent = Intent { purpose: "other".to_owned(), to: Some(token), input, value: U256::ZERO };
    assert!(world.sender(&mut elsewhere).send(&intent).unwrap().stage.is_done());

    let done = origin.anchor(&mut world.sender(&mut outbox), &heads, &path).unwrap();
    assert!(done.stage.is_done());
    assert_eq!(events(&world, origin.registry), 1);
    let jobs = outbox.jobs().unwrap();
    let job = jobs.iter().find(|job| job.key.purpose.starts_with("anchor/")).unwrap();
    let nonces: Vec<u64> = job.attempts.iter().map(|attempt| attempt.nonce).collect();
    assert_eq!(nonces, [4, 5], "the old bytes are kept beside the new ones");
}

#[test]
fn what_was_final_on_a_chain_that_was_cut_back_happens_again() {
    let world = world();
    let origin = origin_of(&world.deploy());
    let (heads, path) = epochs(&[5]);
    let file = world.dir.path().join("local");
    let before = std::fs::read(&file).unwrap();
    let first = origin.anchor(&mut world.sender(&mut world.outbox()), &heads, &path).unwrap();
    assert_eq!(first.stage, Stage::Finalized);
    let World { dir, client, wallet, origin: name } = world;
    let endpoint = client.endpoint().clone();
    drop(client);
    std::fs::write(&file, before).unwrap();
    let world = World { dir, client: Client::connect(&endpoint).unwrap(), wallet, origin: name };
    assert_eq!(events(&world, origin.registry), 0);
    let second = origin.anchor(&mut world.sender(&mut world.outbox()), &heads, &path).unwrap();
    assert_eq!((second.tx, second.commitment), (first.tx, first.commitment), "the very bytes");
    assert_eq!(events(&world, origin.registry), 1);
}

/// The same account begins on a chain of the same id again, so that it signs the same bytes.
#[test]
fn one_outbox_serves_chains_of_one_id() {
    let world = world();
    let first = world.deploy();
    let World { dir, client, wallet, origin } = world;
    drop(client);
    let client = Client::create_local(&dir.path().join("other"), &[wallet.address()], 1_700_000_001).unwrap();
    let world = World { dir, client, wallet, origin };
    let second = world.deploy();
    assert_ne!(first.identity().genesis, second.identity().genesis);
    assert_eq!(first.token.unwrap().tx, second.token.unwrap().tx, "the same bytes");
    assert_eq!(world.outbox().jobs().unwrap().len(), 8);
}

/// Somebody else sends the very epoch first, as anybody may.
#[test]
fn an_epoch_that_somebody_else_sent_is_anchored_all_the_same() {
    let world = world();
    let origin = origin_of(&world.deploy());
    let (heads, path) = epochs(&[5]);
    let mut elsewhere = Outbox::open(&world.dir.path().join("elsewhere.sqlite")).unwrap();
    let first = origin.anchor(&mut world.sender(&mut elsewhere), &heads, &path).unwrap();
    let mut outbox = world.outbox();
    let jobs = outbox.jobs().unwrap().len();
    let second = origin.anchor(&mut world.sender(&mut outbox), &heads, &path).unwrap();
    assert_eq!((second.tx, second.block, second.commitment), (first.tx, first.block, first.commitment));
    assert_eq!(outbox.jobs().unwrap().len(), jobs, "nothing was signed");
    let (heads, path) = epochs(&[5, 6]);
    assert_eq!(origin.anchor(&mut world.sender(&mut outbox), &heads, &path).unwrap().epoch.value(), 2);
}

#[test]
fn a_deployment_that_dies_anywhere_goes_on() {
    // Six steps for each of four transactions.
    for die_at in 0..24 {
        let world = world();
        let mut outbox = world.outbox();
        let mut steps = 0;
        let die = |at: Step| {
            steps += 1;
            if steps > die_at { Err(SendError::Ended(at)) } else { Ok(()) }
        };
        let died = world.deployments().deploy(&mut world.sender(&mut outbox).probed(die), &world.plan());
        assert!(died.is_err(), "{die_at}");
        drop(outbox);
        let deployment = world.deploy();
        assert!(deployment.is_complete());
        assert_eq!(world.client.head().unwrap().number, 4, "{die_at}: four transactions, none twice");
        assert_eq!(world.deploy(), deployment, "deploying again changes nothing");
        assert_eq!(world.client.head().unwrap().number, 4);
    }
}

#[test]
fn epochs_go_in_order_and_a_log_that_was_put_back_is_refused() {
    let world = world();
    let origin = origin_of(&world.deploy());
    let mut outbox = world.outbox();
    let mut sender = world.sender(&mut outbox);
    let sizes = [1, 2, 3, 8, 21, 300];
    for count in 1..=sizes.len() {
        let (heads, path) = epochs(&sizes[..count]);
        let done = origin.anchor(&mut sender, &heads, &path).unwrap();
        assert_eq!(done.epoch.value(), count as u64);
        let head = origin.head(&world.client).unwrap();
        assert_eq!((head.epoch.value(), head.size), (count as u64, sizes[count - 1]));
        // What Rust computes is what the contract holds.
        assert_eq!(head.commitment, done.commitment);
    }
    let (heads, path) = epochs(&[1, 2]);
    assert!(matches!(origin.anchored(&world.client, &heads), Err(AnchorError::Behind { found: 2, .. })));
    // Epoch 2 is there, and it is this one: nothing is sent.
    assert_eq!(origin.anchor(&mut sender, &heads, &path).unwrap().epoch.value(), 2);
    let (heads, path) = epochs(&[1, 2, 4]);
    assert!(matches!(origin.anchor(&mut sender, &heads, &path), Err(AnchorError::Beside { .. })));
    let (heads, _) = epochs(&[1, 2, 3, 8, 21, 300, 301]);
    let (_, path) = epochs(&[299, 301]);
    assert!(matches!(origin.anchor(&mut sender, &heads, &path), Err(AnchorError::Inconsistent { .. })));
}

#[test]
fn a_signer_signs_one_checkpoint_an_epoch_and_none_behind() {
    let world = world();
    let mut outbox = world.outbox();
    let (chain, registry, origin) = (world.client.identity(), Address::repeat_byte(1), [2; 32].into());
    let mut sign = |epoch, digest: u8| outbox.sign_epoch(chain, registry, origin, epoch, [digest; 32].into());
    sign(1, 1).unwrap();
    sign(2, 2).unwrap();
    sign(2, 2).unwrap();
    sign(1, 1).unwrap();
    assert!(matches!(sign(2, 3), Err(OutboxError::Signed { epoch: 2, .. })), "beside");
    sign(5, 5).unwrap();
    assert!(matches!(sign(4, 4), Err(OutboxError::Signed { epoch: 4, .. })), "behind");
    // Another registry is another matter.
    outbox.sign_epoch(chain, Address::repeat_byte(9), origin, 1, [9; 32].into()).unwrap();
}

#[test]
fn rust_and_the_contract_compute_alike() {
    let world = world();
    let deployment = world.deploy();
    let origin = origin_of(&deployment);
    let identity = world.client.identity();
    let committee = Committee::of_one(world.wallet.address()).unwrap();
    assert_eq!(commitment::origin_id(&world.origin, &[7; 32], &committee), deployment.origin_id);
    let zero = origin.commitment(&world.client, EpochNumber::new(0), mira_anchor::chain::At::Latest).unwrap();
    assert_eq!(zero, commitment::genesis(identity.chain_id, origin.registry, origin.id));
    let (heads, _) = epochs(&[9]);
    let call = RootRegistry::anchorDigestCall {
        originId: origin.id,
        epoch: 1,
        root: (*heads[0].root.as_bytes()).into(),
        size: 9,
        previous: zero,
    };
    let digest = world.client.view(origin.registry, &call).unwrap();
    let number = EpochNumber::new(1);
    assert_eq!(
        digest,
        commitment::signing_digest(identity.chain_id, origin.registry, origin.id, number, heads[0], zero)
    );
}

#[test]
fn a_lookup_believes_the_registry_and_no_claim() {
    let world = world();
    let origin = origin_of(&world.deploy());
    let mut outbox = world.outbox();
    let (heads, path) = epochs(&[5]);
    let done = origin.anchor(&mut world.sender(&mut outbox), &heads, &path).unwrap();
    let ask = |epoch, previous, head| lookup(&world.client, &origin, EpochNumber::new(epoch), previous, head).unwrap();
    assert_eq!(ask(1, done.previous, heads[0]), Lookup::Anchored(Stage::Finalized));
    assert!(matches!(ask(1, done.previous, epochs(&[6]).0[0]), Lookup::Other { .. }));
    assert!(matches!(ask(1, done.commitment, heads[0]), Lookup::Other { .. }));
    assert!(matches!(ask(2, done.commitment, heads[0]), Lookup::Missing { .. }));
    assert!(matches!(ask(0, done.previous, heads[0]), Lookup::Missing { .. }));
}

#[test]
fn what_the_contract_refuses_is_found_out_before_anything_is_signed() {
    let world = world();
    let deployment = world.deploy();
    let distributor = deployment.distributor.unwrap().address;
    let input = mira_anchor::calls::fund([1; 32].into(), U256::from(5));
    let intent = Intent { purpose: "fund/x".to_owned(), to: Some(distributor), input, value: U256::ZERO };
    let mut outbox = world.outbox();
    let jobs = outbox.jobs().unwrap().len();
    let refused = world.sender(&mut outbox).send(&intent);
    let Err(SendError::Chain(error)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("ERC20InsufficientAllowance"), "{error}");
    assert_eq!(outbox.jobs().unwrap().len(), jobs);
    // Approved, it happens; once, however often it is asked for.
    let token = deployment.token.unwrap().address;
    let input = mira_anchor::calls::approve(distributor, U256::from(50));
    let approve = Intent { purpose: "approve".to_owned(), to: Some(token), input, value: U256::ZERO };
    let mut sender = world.sender(&mut outbox);
    sender.send(&approve).unwrap();
    let first = sender.send(&intent).unwrap();
    assert_eq!(sender.send(&intent).unwrap().landed, first.landed);
    let funded = mira_anchor::abi::RewardsDistributor::fundedCall {};
    assert_eq!(world.client.view(distributor, &funded).unwrap(), U256::from(5));
    // The same purpose cannot stand for another call.
    let other = mira_anchor::calls::fund([1; 32].into(), U256::from(6));
    let other = Intent { input: other, ..intent };
    assert!(matches!(sender.send(&other), Err(SendError::Outbox(OutboxError::OtherCall { .. }))));
}

#[test]
fn keys_of_the_local_chain_stay_there_and_chains_are_told_apart() {
    let (one, two) = (world(), world());
    let deployment = one.deploy();
    assert!(deployment.check(&one.client).is_ok());
    assert!(deployment.check(&two.client).is_err(), "another genesis");
    let file = std::fs::read_dir(one.dir.path().join("keys")).unwrap().next().unwrap().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_nonce_is_taken_once_and_kept_with_its_bytes() {
    let world = world();
    let path = world.dir.path().join("other.sqlite");
    let mut outbox = Outbox::open(&path).unwrap();
    let account = world.wallet.address();
    let key = |purpose: &str| Key { chain: world.client.identity(), contract: None, purpose: purpose.to_owned() };
    let call = Call { input: vec![1].into(), value: U256::ZERO };
    let sign = |nonce: u64| -> Result<_, SendError> {
        let unsigned = mira_anchor::wallet::Unsigned {
            chain_id: 1,
            nonce,
            gas_limit: 21_000,
            fees: mira_anchor::fees::Fees { tip: 1, cap: 2 },
            to: None,
            value: U256::ZERO,
            input: vec![1].into(),
        };
        Ok(world.wallet.sign(&unsigned)?)
    };
    let first = outbox.reserve(&key("a"), account, &call, 7, sign).unwrap();
    assert_eq!((first.nonce, first.stage), (7, Stage::Signed));
    assert_eq!(outbox.reserve(&key("b"), account, &call, 7, sign).unwrap().nonce, 8);
    // A signature that fails takes nothing.
    let failed = outbox.reserve(&key("c"), account, &call, 7, |_| Err(SendError::Clock));
    assert!(failed.is_err() && outbox.job(&key("c")).unwrap().is_none());
    drop(outbox);
    let mut outbox = Outbox::open(&path).unwrap();
    assert_eq!(outbox.job(&key("a")).unwrap(), Some(first.clone()));
    assert_eq!(outbox.reserve(&key("a"), account, &call, 99, sign).unwrap(), first, "the same job");
    // One transaction is one job's: the nonce is lost on both, so that the bytes are the same.
    let same = |_| sign(7);
    let taken = outbox.reserve(&key("d"), account, &call, 20, same);
    assert!(matches!(taken, Err(SendError::Outbox(OutboxError::SameTransaction { .. }))), "{taken:?}");
    // A file of version 1 is brought to this one.
    drop(outbox);
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch("DROP INDEX attempts_by_tx; CREATE UNIQUE INDEX old ON attempts (tx); PRAGMA user_version = 1;")
        .unwrap();
    drop(old);
    let mut outbox = Outbox::open(&path).unwrap();
    assert_eq!(outbox.job(&key("a")).unwrap(), Some(first));
    assert!(matches!(outbox.reserve(&key("d"), account, &call, 20, same), Err(SendError::Outbox(_))));
    let other = Call { input: vec![2].into(), value: U256::ZERO };
    assert!(outbox.reserve(&key("a"), account, &other, 99, sign).is_err(), "another call under the same purpose");
}
