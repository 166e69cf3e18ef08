//! What changes from epoch to epoch: policies, availability, binds, what is carried.

use alloy::primitives::{Address, B256, U256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use mira_anchor::bind::Binding;
use mira_anchor::reward::{Allocation, AvailableRules, Funded, Policy, Previous, Role};
use mira_core::digest::Digest;
use mira_core::statement::{Bind, EvmAddress, EvmSignature, Natural, WithdrawReason};

use crate::world::{Columns, Event, ORIGIN, RESERVE, Use, World, distributor, person, policy};

fn contribute(by: u8, rows: &[u8]) -> Event {
    Event::Contribute { by, columns: Columns::IntA, rows: rows.to_vec() }
}

fn train(by: u8, inputs: Vec<Use>) -> Event {
    Event::Train { by, inputs, agents: vec![] }
}

fn data_only() -> Policy {
    let mut policy = policy();
    policy.roles = Role::ALL.iter().map(|role| (*role, if *role == Role::Data { 10_000 } else { 0 })).collect();
    policy
}

#[test]
fn amounts_add_up_over_epochs_and_nobody_shrinks() {
    let mut world = World::new(&[contribute(1, &[2]), train(2, vec![Use::whole(0)])]);
    let funded = |world: &World, block, run: usize, amount: u64| Funded {
        block,
        log_index: 3,
        statement: B256::from(*world.ids[run].as_bytes()),
        amount: U256::from(amount),
    };
    let first = world.compute(&policy(), &[funded(&world, 5, 1, 1000)], &Previous::default()).unwrap();
    world.seal(&[contribute(3, &[9]), train(3, vec![Use::whole(2)])]);
    let second = world.compute(&policy(), &[funded(&world, 6, 3, 500)], &first.to_previous()).unwrap();
    let of = |allocation: &Allocation, who| {
        let share = allocation.amounts.shares.iter().find(|share| share.contributor == person(who)).copied();
        share.map(|share| (share.amount.to::<u64>(), share.cumulative.to::<u64>()))
    };
    assert_eq!((of(&first, 1), of(&second, 1)), (Some((500, 500)), Some((0, 500))), "still in the tree");
    assert_eq!(of(&second, 3), Some((300, 300)));
    assert_eq!(second.manifest.total, U256::from(1500));
    assert_eq!(second.manifest.previous, Some(first.manifest.digest()));
    assert_eq!((second.manifest.funding.from_block, second.manifest.funding.next_block), (6, 7));
    for share in &first.amounts.shares {
        let later = second.amounts.shares.iter().find(|later| later.contributor == share.contributor).unwrap();
        assert!(later.cumulative >= share.cumulative);
    }
}

#[test]
fn a_payment_waits_an_epoch_for_its_statement() {
    let log = [contribute(1, &[2]), train(2, vec![Use::whole(0)])];
    let ids = World::new(&log).ids;
    let payment = |id: B256| Funded { block: 5, log_index: 0, statement: id, amount: U256::from(100) };
    let run = payment(B256::from(*ids[1].as_bytes()));
    let mut world = World::new(&log[..1]);
    let first = world.compute(
        &data_only(),
        &[run, Funded { log_index: 1, ..payment(B256::repeat_byte(3)) }],
        &Previous::default(),
    );
    let first = first.unwrap();
    assert_eq!((first.amounts.budget, first.manifest.funding.waiting), (U256::ZERO, 2));
    world.seal(&log[1..]);
    let second = world.compute(&data_only(), &[], &first.to_previous()).unwrap();
    let amounts: Vec<_> =
        second.amounts.shares.iter().map(|share| (share.contributor, share.amount.to::<u64>())).collect();
    // What names nothing is the pool's now, and the pool follows the fee.
    assert_eq!(amounts, [(person(1), 200)]);
    assert_eq!(second.manifest.funding.waiting, 0);
}

#[test]
fn declared_use_counts_in_its_epoch_only() {
    let mut policy = data_only();
    policy.declared.share = 10_000;
    let pool = |block| Funded { block, log_index: 0, statement: B256::ZERO, amount: U256::from(100) };
    let mut world = World::new(&[
        contribute(1, &[2]),
        train(2, vec![Use::whole(0)]),
        Event::Use { by: 9, run: 1, deployment: None, count: 7 },
    ]);
    let first = world.compute(&policy, &[pool(1)], &Previous::default()).unwrap();
    assert_eq!(first.amounts.shares[0].contributor, person(1));
    world.seal(&[contribute(4, &[77])]);
    let second = world.compute(&policy, &[pool(2)], &first.to_previous()).unwrap();
    let reserve = second.amounts.shares.iter().find(|share| share.contributor == person(RESERVE)).unwrap();
    assert_eq!(reserve.amount, U256::from(100));
}

#[test]
fn datasets_hold_their_place_if_they_were_fetchable_in_time() {
    let mut policy = data_only();
    policy.available = Some(AvailableRules { within: 1, by: Some([person(50)].into()) });
    let paid =
        |world: &World| -> Vec<(_, u128)> { world.pay(&policy, &world.fund(&[(Some(2), 10)])).into_iter().collect() };
    let base = [contribute(1, &[2]), contribute(3, &[2]), train(2, vec![Use::whole(0)])];
    let available = |by, target| Event::Available { by, target };
    let mut world = World::new(&base);
    assert_eq!(paid(&world), [(person(RESERVE), 10)], "nobody can fetch anything");
    world.seal(&[available(7, 0), available(50, 1)]);
    assert_eq!(paid(&world), [(person(3), 10)], "the word of others does not count");

    let mut in_time = World::new(&base);
    in_time.seal(&[available(50, 1), available(50, 0)]);
    assert_eq!(paid(&in_time), [(person(1), 10)], "both in time: first by place");
    let mut late = World::new(&base);
    late.seal(&[available(50, 1)]);
    late.seal(&[available(50, 0)]);
    assert_eq!(paid(&late), [(person(3), 10)], "too late to be first");
    let mut both_late = World::new(&base);
    both_late.seal(&[contribute(5, &[9])]);
    both_late.seal(&[available(50, 0), available(50, 1)]);
    assert_eq!(paid(&both_late), [(person(1), 10)], "first to be fetchable");
}

#[test]
fn a_policy_is_never_retroactive() {
    let policy = |by, byte, from_epoch| Event::Policy { by, policy: Digest::new([byte; 32]), from_epoch };
    let mut world = World::new(&[policy(1, 0xa1, 1), policy(2, 0xb2, 1)]);
    let in_force = |world: &World| world.history().policy().map(|in_force| in_force.policy.as_bytes()[0]);
    assert_eq!(in_force(&world), Some(0xa1), "the first keeps the policy; a stranger's word does not count");
    world.seal(&[policy(1, 0xa2, 1)]);
    assert_eq!(in_force(&world), Some(0xa1), "not in the epoch that it is logged in");
    world.seal(&[policy(1, 0xa3, 5)]);
    assert_eq!(in_force(&world), Some(0xa2));
    world.seal(&[contribute(3, &[2])]);
    assert_eq!(in_force(&world), Some(0xa2), "epoch 4");
    world.seal(&[contribute(3, &[3])]);
    assert_eq!(in_force(&world), Some(0xa3), "epoch 5");
    assert_eq!(World::new(&[policy(1, 1, 2)]).history().policy(), None);
}

fn bind(seed: u8, account: u8, nonce: u64, expires: u64) -> Bind {
    let wallet = PrivateKeySigner::from_bytes(&B256::repeat_byte(account)).unwrap();
    let binding = Binding {
        contributor: person(seed),
        nonce: Natural::new(nonce).unwrap(),
        log_origin: ORIGIN.parse().unwrap(),
        expires_epoch: Natural::new(expires).unwrap(),
        chain_id: Natural::new(distributor().chain_id).unwrap(),
        contract: EvmAddress::new(distributor().contract.into_array()),
    };
    binding.sign(wallet.address(), |digest| wallet.sign_hash_sync(digest)).unwrap()
}

#[test]
fn the_last_bind_that_holds_is_paid() {
    let account = |byte| PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap().address();
    let payout = |world: &World| world.history().payouts(&distributor()).get(&person(1)).copied();
    let event = |bind| Event::Bind { by: 1, bind: Box::new(bind) };
    let mut world = World::new(&[event(bind(1, 11, 1, 9))]);
    assert_eq!(payout(&world), Some(account(11)));
    let forged = Bind { signature: EvmSignature::new([7; 65]), ..bind(1, 12, 2, 9) };
    world.seal(&[event(forged), event(bind(3, 13, 3, 9))]);
    assert_eq!(payout(&world), Some(account(11)), "the account did not sign, or for somebody else");
    let elsewhere = Bind { contract: EvmAddress::new([1; 20]), ..bind(1, 14, 4, 9) };
    world.seal(&[event(elsewhere), event(bind(1, 15, 5, 4))]);
    assert_eq!(payout(&world), Some(account(15)), "epoch 3");
    world.seal(&[contribute(1, &[2])]);
    assert_eq!(payout(&world), Some(account(15)), "epoch 4, its last");
    world.seal(&[contribute(1, &[3])]);
    assert_eq!(payout(&world), None, "expired, and the earlier one does not come back");

    let unbound = World::new(&[contribute(1, &[2]), train(1, vec![Use::whole(0)])]);
    let allocation = unbound.compute(&policy(), &unbound.fund(&[(Some(1), 10)]), &Previous::default()).unwrap();
    let share = allocation.amounts.shares.iter().find(|share| share.contributor == person(1)).unwrap();
    assert_eq!((share.payout, share.cumulative > U256::ZERO), (Address::ZERO, true), "it accrues all the same");
}

#[test]
fn a_withdrawal_counts_from_its_epoch_on() {
    let mut world = World::new(&[contribute(1, &[2]), train(2, vec![Use::whole(0)])]);
    let pay = |world: &World| world.pay(&data_only(), &world.fund(&[(Some(1), 10)]));
    assert_eq!(pay(&world).get(&person(1)), Some(&10));
    world.seal(&[Event::Withdraw { target: 0, reason: WithdrawReason::Licence, rows: None }]);
    assert_eq!(pay(&world).get(&person(RESERVE)), Some(&10));
}
