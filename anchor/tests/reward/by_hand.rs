//! Small logs whose amounts are known beforehand.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256};
use mira_anchor::reward::{AllocateError, EpochError, Funded, Policy, Previous, Role, StepKind};
use mira_core::digest::ContributorId;
use mira_core::statement::{AgentRole, InputRole, WithdrawReason};

use crate::world::{Columns, Event, Piece, RESERVE, Use, World, person, policy};

fn contribute(by: u8, rows: &[u8]) -> Event {
    Event::Contribute { by, columns: Columns::IntA, rows: rows.to_vec() }
}

fn train(by: u8, inputs: Vec<Use>) -> Event {
    Event::Train { by, inputs, agents: vec![] }
}

/// Everything for the data.
fn data_only() -> Policy {
    let mut policy = policy();
    policy.roles = Role::ALL.iter().map(|role| (*role, if *role == Role::Data { 10_000 } else { 0 })).collect();
    policy
}

fn paid(world: &World, policy: &Policy, payments: &[(Option<usize>, u128)]) -> Vec<(u8, u128)> {
    let amounts: BTreeMap<ContributorId, u128> = world.pay(policy, &world.fund(payments));
    let seed = |who: &ContributorId| (0..=u8::MAX).find(|seed| person(*seed) == *who).unwrap();
    let mut amounts: Vec<_> = amounts.iter().map(|(who, amount)| (seed(who), *amount)).collect();
    amounts.sort_unstable();
    amounts
}

#[test]
fn each_role_gets_its_share() {
    let agents = vec![(3, AgentRole::Developer), (4, AgentRole::Compute), (5, AgentRole::Compute)];
    let world = World::new(&[
        contribute(1, &[2, 3]),
        Event::Train { by: 2, inputs: vec![Use::whole(0)], agents },
        Event::Evaluate { by: 2, run: 1 },
        Event::Evaluate { by: 6, run: 1 },
        Event::Evaluate { by: 7, run: 1 },
        Event::Deploy { by: 8, run: 1, active: true },
        Event::Use { by: 9, run: 1, deployment: Some(5), count: 0 },
    ]);
    let expected = [(1, 50_000), (2, 10_000), (3, 10_000), (4, 5_000), (5, 5_000), (6, 10_000), (8, 10_000)];
    assert_eq!(paid(&world, &policy(), &[(Some(6), 100_000)]), expected, "the first validator but the trainer");
    let direct = paid(&world, &policy(), &[(Some(1), 100_000)]);
    assert!(direct.contains(&(RESERVE, 10_000)), "no use, no deployer: {direct:?}");
}

#[test]
fn absent_roles_and_weightless_inputs_go_to_the_reserve() {
    let world = World::new(&[train(2, vec![])]);
    assert_eq!(paid(&world, &policy(), &[(Some(0), 1000)]), [(2, 100), (RESERVE, 900)]);
    let tested = Use { role: InputRole::Test, ..Use::whole(0) };
    let world = World::new(&[contribute(1, &[2]), train(2, vec![tested])]);
    assert_eq!(paid(&world, &data_only(), &[(Some(1), 7)]), [(RESERVE, 7)], "measured with, never learned from");
    let world = World::new(&[contribute(1, &[0, 1, 0]), train(2, vec![Use::whole(0)])]);
    assert_eq!(paid(&world, &data_only(), &[(Some(1), 7)]), [(RESERVE, 7)], "rows too short to count");
    let mut policy = data_only();
    policy.data.inputs.iter_mut().for_each(|(_, weight)| *weight = 0);
    let world = World::new(&[contribute(1, &[2]), train(2, vec![Use::whole(0)])]);
    assert_eq!(paid(&world, &policy, &[(Some(1), 7)]), [(RESERVE, 7)]);
}

#[test]
fn nothing_paid_in_is_an_epoch_of_nothing() {
    let world = World::new(&[contribute(1, &[2]), train(2, vec![Use::whole(0)])]);
    let allocation = world.compute(&policy(), &[], &Previous::default()).unwrap();
    assert_eq!((allocation.amounts.shares.as_slice(), &allocation.tree), (&[][..], &None));
    assert_eq!(allocation.manifest.root, B256::ZERO);
    assert_eq!(allocation.amounts.trace.steps(), []);
    assert_eq!(allocation.amounts.rows, 0, "no rows were read");
}

#[test]
fn one_contributor_is_one_leaf() {
    let world = World::new(&[contribute(1, &[2]), train(1, vec![Use::whole(0)])]);
    let allocation = world.compute(&data_only(), &world.fund(&[(Some(1), 5)]), &Previous::default()).unwrap();
    let tree = allocation.tree.unwrap();
    assert_eq!((tree.claims().len(), tree.prove(&person(1)).unwrap().1.len()), (1, 0));
    assert_eq!(tree.root(), allocation.manifest.root);
}

#[test]
fn equal_rows_under_other_names_are_equal_and_under_other_types_are_not() {
    let columns = |columns| Event::Contribute { by: 3, columns, rows: vec![2, 3] };
    for (second, amount) in [(Columns::IntA, None), (Columns::IntB, None), (Columns::Date, Some(50))] {
        let inputs = vec![Use::whole(0), Use::whole(1)];
        let world = World::new(&[contribute(1, &[2, 3]), columns(second), train(2, inputs)]);
        let amounts: BTreeMap<_, _> = paid(&world, &data_only(), &[(Some(2), 100)]).into_iter().collect();
        assert_eq!(amounts.get(&3).copied(), amount, "{second:?}");
    }
}

#[test]
fn first_by_place_in_the_log_whatever_was_used() {
    // 3 copies rows 2 and 3 of 1 and adds 4; only the copy is used.
    let world = World::new(&[contribute(1, &[2, 3]), contribute(3, &[2, 3, 4]), train(2, vec![Use::whole(1)])]);
    assert_eq!(paid(&world, &data_only(), &[(Some(2), 300)]), [(1, 200), (3, 100)]);
}

#[test]
fn rows_count_once_with_their_largest_weight() {
    let of = |passes, part| Use { passes, part, ..Use::whole(0) };
    let inputs = vec![of(1, Piece::Whole), of(3, Piece::Rows(vec![0])), Use { passes: 9, ..Use::whole(1) }];
    // 1: rows 2 (3 passes) and 3 (1 pass); 4: row 5, 9 passes capped at 4.
    let world = World::new(&[contribute(1, &[2, 3, 2]), contribute(4, &[5]), train(2, inputs)]);
    assert_eq!(paid(&world, &data_only(), &[(Some(2), 800)]), [(1, 400), (4, 400)]);
}

#[test]
fn transforms_pass_on_what_their_own_rows_earn() {
    // The transform has row 2 from its parent, and 9 of its own.
    let transform = Event::Transform { by: 3, columns: Columns::IntA, rows: vec![2, 9], inputs: vec![Use::whole(0)] };
    let world = World::new(&[contribute(1, &[2, 4]), transform, train(2, vec![Use::whole(1)])]);
    let mut policy = data_only();
    policy.data.derived_share = 4000;
    assert_eq!(paid(&world, &policy, &[(Some(2), 1000)]), [(1, 500 + 200), (3, 300)]);
    let orphan = Event::Transform { by: 3, columns: Columns::IntA, rows: vec![9], inputs: vec![] };
    let world = World::new(&[orphan, train(2, vec![Use::whole(0)])]);
    assert_eq!(paid(&world, &policy, &[(Some(1), 1000)]), [(3, 600), (RESERVE, 400)], "hiding inputs gains nothing");
}

#[test]
fn base_models_are_paid_as_runs() {
    let base = Use { role: InputRole::Base, ..Use::whole(1) };
    let world = World::new(&[
        contribute(1, &[2]),
        train(2, vec![Use::whole(0)]),
        contribute(3, &[5]),
        train(4, vec![base.clone(), Use::whole(2)]),
        train(4, vec![base]),
    ]);
    let mut policy = policy();
    policy.roles = Role::ALL.iter().map(|role| (*role, 0)).collect();
    policy.roles.extend([(Role::Data, 5000), (Role::Trainer, 5000)]);
    policy.data.model_share = 4000;
    // Half to the trainer; of the rest 40 % to the base model, whose budget is halved in turn.
    assert_eq!(paid(&world, &policy, &[(Some(3), 1000)]), [(1, 100), (2, 100), (3, 300), (4, 500)]);
    assert_eq!(paid(&world, &policy, &[(Some(4), 1000)]), [(1, 250), (2, 250), (4, 500)], "no rows beside it");
}

#[test]
fn withdrawn_rows_go_to_the_reserve_and_to_no_copy() {
    let withdraw = |reason, rows| Event::Withdraw { target: 0, reason, rows };
    let log = |last: Event| {
        World::new(&[contribute(1, &[2, 3]), contribute(3, &[2, 3]), train(2, vec![Use::whole(1)]), last])
    };
    for reason in [WithdrawReason::Consent, WithdrawReason::Licence, WithdrawReason::Privacy] {
        let world = log(withdraw(reason, None));
        assert_eq!(paid(&world, &data_only(), &[(Some(2), 10)]), [(RESERVE, 10)], "{reason}");
    }
    let world = log(withdraw(WithdrawReason::Error, None));
    assert_eq!(paid(&world, &data_only(), &[(Some(2), 10)]), [(3, 10)], "an error is as if never made");
    let world = log(withdraw(WithdrawReason::Privacy, Some(vec![1])));
    assert_eq!(paid(&world, &data_only(), &[(Some(2), 10)]), [(1, 5), (RESERVE, 5)]);
    let copy = Event::Withdraw { target: 1, reason: WithdrawReason::Privacy, rows: None };
    assert_eq!(paid(&log(copy), &data_only(), &[(Some(2), 10)]), [(1, 10)], "a withdrawn copy changes nothing");
}

/// The parent's rows are held by the transform itself once the parent is an error: nothing goes round in circles.
#[test]
fn a_transform_is_not_its_own_parent() {
    let transform = Event::Transform { by: 3, columns: Columns::IntA, rows: vec![2], inputs: vec![Use::whole(0)] };
    let world = World::new(&[
        contribute(1, &[2]),
        transform,
        train(2, vec![Use::whole(0)]),
        contribute(4, &[2]),
        Event::Withdraw { target: 0, reason: WithdrawReason::Error, rows: None },
    ]);
    for share in [0, 4000, 10_000] {
        let mut policy = data_only();
        policy.data.derived_share = share;
        let kept = u128::from(10_000 - share) / 100;
        let expected = [(3, kept), (RESERVE, 100 - kept)].into_iter().filter(|(_, amount)| *amount > 0);
        assert_eq!(paid(&world, &policy, &[(Some(2), 100)]), expected.collect::<Vec<_>>());
    }
    let late = World::new(&[
        contribute(1, &[2]),
        train(2, vec![Use::whole(0)]),
        contribute(4, &[2]),
        Event::Withdraw { target: 0, reason: WithdrawReason::Error, rows: None },
    ]);
    assert_eq!(paid(&late, &data_only(), &[(Some(1), 10)]), [(RESERVE, 10)], "what came after was no source");
}

#[test]
fn the_pool_follows_fees_and_only_partly_what_is_declared() {
    let log = [
        contribute(1, &[2]),
        contribute(3, &[5]),
        train(2, vec![Use::whole(0)]),
        train(2, vec![Use::whole(1)]),
        Event::Use { by: 9, run: 2, deployment: None, count: 1 },
        Event::Use { by: 9, run: 3, deployment: None, count: u64::MAX },
    ];
    let mut policy = data_only();
    policy.declared.share = 2500;
    let world = World::new(&log);
    // The fee of 100 pulls three quarters of the pool; the declared use of the other run no more than the rest.
    assert_eq!(paid(&world, &policy, &[(Some(4), 100), (None, 1000)]), [(1, 850), (3, 250)]);
    assert_eq!(paid(&world, &policy, &[(None, 1000)]), [(3, 250), (RESERVE, 750)], "nobody paid for use");
    policy.declared.cap = 1;
    assert_eq!(paid(&world, &policy, &[(None, 1000)]), [(1, 125), (3, 125), (RESERVE, 750)], "the cap of a run");
    policy.declared.units.iter_mut().for_each(|(_, weight)| *weight = 0);
    assert_eq!(paid(&world, &policy, &[(Some(4), 100), (None, 1000)]), [(1, 1100)], "declared use weighs nothing");
}

#[test]
fn a_run_that_was_taken_back_earns_nothing() {
    let reason = WithdrawReason::Error;
    let world = World::new(&[
        contribute(1, &[2]),
        train(2, vec![Use::whole(0)]),
        Event::Use { by: 9, run: 1, deployment: None, count: 5 },
        Event::Withdraw { target: 1, reason, rows: None },
    ]);
    assert_eq!(paid(&world, &policy(), &[(Some(2), 100), (None, 60)]), [(RESERVE, 160)]);
}

#[test]
fn amounts_of_any_size() {
    let world =
        World::new(&[contribute(1, &[2, 3, 4]), contribute(3, &[5]), train(2, vec![Use::whole(0), Use::whole(1)])]);
    let event = |block, amount| Funded { block, log_index: 0, statement: B256::from(*world.ids[2].as_bytes()), amount };
    let max = world.compute(&policy(), &[event(1, U256::MAX)], &Previous::default()).unwrap();
    assert_eq!(max.manifest.total, U256::MAX);
    let over = world.compute(&policy(), &[event(1, U256::MAX), event(2, U256::ONE)], &Previous::default());
    assert!(matches!(over, Err(EpochError::Allocate(AllocateError::Overflow(_)))));
    // The second epoch alone fits, but not on top of the first.
    let after = world.compute(&policy(), &[event(2, U256::MAX)], &max.to_previous());
    assert!(matches!(after, Err(EpochError::Allocate(AllocateError::Overflow(_)) | EpochError::Overflow)));
    let one = world.compute(&policy(), &[event(1, U256::ONE)], &Previous::default()).unwrap();
    assert_eq!(one.amounts.shares.iter().filter(|share| !share.amount.is_zero()).count(), 1);
}

#[test]
fn the_trace_says_how() {
    let world = World::new(&[contribute(1, &[2]), train(2, vec![Use::whole(0)])]);
    let allocation = world.compute(&policy(), &world.fund(&[(Some(1), 1000)]), &Previous::default()).unwrap();
    let kinds: Vec<StepKind> = allocation.amounts.trace.steps().iter().map(|step| step.kind).collect();
    let expected = [
        StepKind::Budget,
        StepKind::Roles,
        StepKind::Compute,
        StepKind::Inputs,
        StepKind::Rows,
        StepKind::Deployer,
        StepKind::Developer,
        StepKind::Trainer,
        StepKind::Validator,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(allocation.manifest.steps[&StepKind::Rows], U256::from(500));
}

#[test]
fn rows_that_are_gone_or_forged_make_it_impossible() {
    let dataset = |world: &World| world.history().get(&world.ids[0]).unwrap().record.subject;
    for (what, edit) in [
        ("cannot be read", (|world: &mut World, id| world.shelf.lose(&id)) as fn(&mut World, _)),
        ("do not have the chunk's root", |world, id| world.shelf.forge(&id)),
    ] {
        let mut world = World::new(&[contribute(1, &[2, 3, 4]), train(2, vec![Use::whole(0)])]);
        let id = dataset(&world).into();
        edit(&mut world, id);
        let error = world.compute(&policy(), &world.fund(&[(Some(1), 5)]), &Previous::default()).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    let part = Piece::Rows(vec![0]);
    let mut world = World::new(&[contribute(1, &[2]), train(2, vec![Use { part, ..Use::whole(0) }])]);
    world.shelf.files.clear();
    assert!(world.compute(&policy(), &world.fund(&[(Some(1), 5)]), &Previous::default()).is_err());
}

#[test]
fn payments_come_in_the_order_of_the_chain() {
    let world = World::new(&[contribute(1, &[2]), train(2, vec![Use::whole(0)])]);
    let mut funded = world.fund(&[(Some(1), 5), (None, 6)]);
    funded.reverse();
    let order =
        |result: Result<_, EpochError>| matches!(result, Err(EpochError::Allocate(AllocateError::Order { .. })));
    assert!(order(world.compute(&policy(), &funded, &Previous::default()).map(|_| ())));
    let again = [funded[0], funded[0]];
    assert!(order(world.compute(&policy(), &again, &Previous::default()).map(|_| ())), "one payment twice");
    let first = world.compute(&policy(), &funded[1..], &Previous::default()).unwrap();
    assert!(order(world.compute(&policy(), &funded[1..], &first.to_previous()).map(|_| ())), "counted before");
    let mut foreign = policy();
    foreign.origin = "log.example.org/other".parse().unwrap();
    let result = world.compute(&foreign, &[], &Previous::default());
    assert!(matches!(result, Err(EpochError::Allocate(AllocateError::Origin { .. }))));
}
