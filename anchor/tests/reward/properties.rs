//! What holds for every log.

use std::collections::BTreeMap;

use alloy::primitives::U256;
use mira_anchor::reward::{Policy, Previous};
use mira_core::digest::ContributorId;
use mira_core::statement::{AgentRole, InputRole, WithdrawReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle::Oracle;
use crate::world::{CHUNK, Columns, Event, Piece, Use, World, person, policy};

/// Numbers from which an event is made once it is known what came before.
type Seed = (u8, u8, u16, Vec<u8>, Vec<(u16, u8, u64, u8)>);

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let input = (any::<u16>(), 0_u8..8, 1_u64..7, any::<u8>());
    vec((any::<u8>(), 1_u8..6, any::<u16>(), vec(0_u8..14, 1..7), vec(input, 0..4)), 1..16)
}

fn payments() -> impl Strategy<Value = Vec<(u8, u16, u32)>> {
    vec((any::<u8>(), any::<u16>(), any::<u32>()), 0..6)
}

/// A log that the fold accepts: what the numbers name is searched among what exists.
fn events(seeds: &[Seed]) -> Vec<Event> {
    let mut events: Vec<Event> = vec![];
    for (kind, by, pick, rows, inputs) in seeds {
        let columns = [Columns::IntA, Columns::IntB, Columns::IntA, Columns::Date][usize::from(*pick) % 4];
        let (by, rows) = (*by, rows.clone());
        let inputs = uses(&events, inputs);
        let run = nth(&events, *pick, |event| matches!(event, Event::Train { .. }));
        let event = match (kind % 16, run) {
            (0..=3, _) => Event::Contribute { by, columns, rows },
            (4..=5, _) => Event::Transform { by, columns, rows, inputs },
            (6..=8, _) => Event::Train { by, inputs, agents: agents(&rows) },
            (9, Some(run)) => Event::Evaluate { by, run },
            (10, Some(run)) => Event::Deploy { by, run, active: pick % 5 > 0 },
            (11..=13, Some(run)) => {
                let deployments = |event: &Event| matches!(event, Event::Deploy { run: of, .. } if *of == run);
                let deployment = nth(&events, pick / 7, deployments);
                Event::Use { by, run, deployment, count: u64::from(*pick % 50) }
            }
            _ => match withdraw(&events, *pick, &rows) {
                Some(event) => event,
                None => Event::Contribute { by, columns, rows },
            },
        };
        events.push(event);
    }
    events
}

fn nth(events: &[Event], pick: u16, fits: impl Fn(&Event) -> bool) -> Option<usize> {
    let found: Vec<usize> = (0..events.len()).filter(|at| fits(&events[*at])).collect();
    (!found.is_empty()).then(|| found[usize::from(pick) % found.len()])
}

fn rows_of(event: &Event) -> Option<usize> {
    match event {
        Event::Contribute { rows, .. } | Event::Transform { rows, .. } => Some(rows.len()),
        _ => None,
    }
}

fn uses(events: &[Event], picks: &[(u16, u8, u64, u8)]) -> Vec<Use> {
    let is_input = |event: &Event| rows_of(event).is_some() || matches!(event, Event::Train { .. });
    let make = |(pick, role, passes, part): &(u16, u8, u64, u8)| {
        let target = nth(events, *pick, is_input)?;
        let part = match (rows_of(&events[target]), part % 3) {
            (None, _) | (_, 0) => Piece::Whole,
            (Some(rows), 1) => Piece::Chunk(u64::from(*part) % rows.div_ceil(CHUNK) as u64),
            // One of the positions may lie beyond the last row.
            (Some(rows), _) => Piece::Rows((0..rows as u64).map(|row| row + u64::from(part % 2)).step_by(2).collect()),
        };
        Some(Use { target, role: InputRole::ALL[usize::from(*role)], passes: *passes, part })
    };
    picks.iter().filter_map(make).collect()
}

fn agents(rows: &[u8]) -> Vec<(u8, AgentRole)> {
    rows.iter().skip(3).map(|row| (1 + row % 5, AgentRole::ALL[usize::from(*row) % 6])).collect()
}

fn withdraw(events: &[Event], pick: u16, rows: &[u8]) -> Option<Event> {
    let target = nth(events, pick, |event| !matches!(event, Event::Withdraw { .. }))?;
    let reason = WithdrawReason::ALL[usize::from(pick) % 4];
    let rows = rows_of(&events[target]).filter(|_| !pick.is_multiple_of(3)).map(|all| {
        let mut rows: Vec<u64> = rows.iter().map(|row| u64::from(*row) % (all as u64 + 1)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.truncate(all);
        rows
    });
    Some(Event::Withdraw { target, reason, rows })
}

/// Payments for the pool, runs and uses.
fn paid(events: &[Event], seeds: &[(u8, u16, u32)]) -> Vec<(Option<usize>, u128)> {
    let is_paid = |event: &Event| matches!(event, Event::Train { .. } | Event::Use { .. });
    let target = |kind: u8, pick| (!kind.is_multiple_of(4)).then(|| nth(events, pick, is_paid)).flatten();
    seeds.iter().map(|(kind, pick, amount)| (target(*kind, *pick), u128::from(*amount) + 1)).collect()
}

fn without_zeros(mut amounts: BTreeMap<ContributorId, u128>) -> BTreeMap<ContributorId, u128> {
    amounts.retain(|_, amount| *amount > 0);
    amounts
}

fn rules(seed: u8) -> Policy {
    let mut policy = policy();
    policy.data.derived_share = u32::from(seed) * 39;
    policy.data.model_share = 10_000 - u32::from(seed) * 39;
    policy.declared.cap = 1 + u64::from(seed) / 2;
    policy.declared.share = u32::from(seed) * 30;
    policy.declared.units.iter_mut().for_each(|(_, weight)| *weight = 1);
    policy
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn the_oracle_agrees(seeds in seeds(), payments in payments(), rule in any::<u8>()) {
        let events = events(&seeds);
        let payments = paid(&events, &payments);
        let (world, policy) = (World::new(&events), rules(rule));
        let expected = Oracle { events: &events, ids: &world.ids, policy: &policy }.pay(&payments);
        let found = without_zeros(world.pay(&policy, &world.fund(&payments)));
        prop_assert_eq!(found, expected, "{:#?} {:?}", events, payments);
    }

    #[test]
    fn every_division_and_the_whole_are_exact(seeds in seeds(), payments in payments(), rule in any::<u8>()) {
        let events = events(&seeds);
        let world = World::new(&events);
        let funded = world.fund(&paid(&events, &payments));
        let allocation = world.compute(&rules(rule), &funded, &Previous::default()).unwrap();
        for step in allocation.amounts.trace.steps() {
            let sum = step.parts.iter().fold(U256::ZERO, |sum, (_, part)| sum + *part);
            prop_assert_eq!(sum, step.amount, "{:?}", step);
        }
        let shares = &allocation.amounts.shares;
        let sum = shares.iter().fold(U256::ZERO, |sum, share| sum + share.amount);
        prop_assert_eq!(sum, funded.iter().fold(U256::ZERO, |sum, event| sum + event.amount));
        prop_assert_eq!(sum, allocation.amounts.budget);
        prop_assert_eq!(allocation.manifest.total, sum);
    }

    #[test]
    fn the_same_inputs_make_the_same_bytes(seeds in seeds(), payments in payments()) {
        let events = events(&seeds);
        let (first, second) = (World::new(&events), World::new(&events));
        let funded = first.fund(&paid(&events, &payments));
        let compute = |world: &World| world.compute(&policy(), &funded, &Previous::default()).unwrap();
        prop_assert_eq!(compute(&first).manifest.to_bytes(), compute(&second).manifest.to_bytes());
        prop_assert_eq!(compute(&first).table, compute(&second).table);
    }

    #[test]
    fn the_order_of_payments_does_not_matter(seeds in seeds(), payments in payments()) {
        let events = events(&seeds);
        let world = World::new(&events);
        let mut payments = paid(&events, &payments);
        let forth = world.pay(&policy(), &world.fund(&payments));
        payments.reverse();
        prop_assert_eq!(forth, world.pay(&policy(), &world.fund(&payments)));
    }

    /// Copies by anybody, before or after the run, listed as inputs or not, earn nothing.
    #[test]
    fn a_copy_earns_nothing(
        rows in vec(2_u8..40, 1..12), copies in vec(any::<bool>(), 1..4), amount in 1_u32.., derived in any::<bool>(),
    ) {
        let copier = 7;
        let mut log = vec![Event::Contribute { by: 1, columns: Columns::IntA, rows: rows.clone() }];
        let mut inputs = vec![Use::whole(0)];
        for listed in &copies {
            if *listed {
                inputs.push(Use::whole(log.len()));
            }
            log.push(match derived {
                // A copy that says what it was made from is a copy all the same.
                true => Event::Transform {
                    by: copier, columns: Columns::IntB, rows: rows.clone(), inputs: vec![Use::whole(0)],
                },
                false => Event::Contribute { by: copier, columns: Columns::IntB, rows: rows.clone() },
            });
        }
        let run = log.len();
        log.push(Event::Train { by: 2, inputs, agents: vec![] });
        log.push(Event::Contribute { by: copier, columns: Columns::IntA, rows: rows.clone() });
        let alone = World::new(&[log[0].clone(), Event::Train { by: 2, inputs: vec![Use::whole(0)], agents: vec![] }]);
        let world = World::new(&log);
        let paid = world.pay(&policy(), &world.fund(&[(Some(run), amount.into())]));
        prop_assert_eq!(paid.get(&person(copier)), None);
        let before = alone.pay(&policy(), &alone.fund(&[(Some(1), amount.into())]));
        prop_assert_eq!(paid, before, "and takes nothing from anybody");
    }

    /// One owner of many rows, or many owners of its parts: the same in all, give or take the rounding.
    #[test]
    fn many_identities_gain_nothing(count in 2_u8..60, cut in 1_u8..59, other in 1_u8..60, amount in 1_u32..) {
        let cut = cut.min(count - 1);
        let all: Vec<u8> = (2..2 + count).collect();
        let rest = Event::Contribute { by: 3, columns: Columns::IntA, rows: (100..100 + other).collect() };
        let contribute = |by, rows: &[u8]| Event::Contribute { by, columns: Columns::IntA, rows: rows.to_vec() };
        let train = |sets: usize| Event::Train { by: 2, inputs: (0..sets).map(Use::whole).collect(), agents: vec![] };
        let one = World::new(&[rest.clone(), contribute(1, &all), train(2)]);
        let (first, second) = all.split_at(cut.into());
        let two = World::new(&[rest, contribute(1, first), contribute(4, second), train(3)]);
        let whole = one.pay(&policy(), &one.fund(&[(Some(2), amount.into())]))[&person(1)];
        let parts = two.pay(&policy(), &two.fund(&[(Some(3), amount.into())]));
        let sum = parts.get(&person(1)).unwrap_or(&0) + parts.get(&person(4)).unwrap_or(&0);
        prop_assert!(sum.abs_diff(whole) <= 1, "{sum} against {whole}");
    }

    /// More of one's rows used is never less pay, give or take a unit.
    #[test]
    fn more_rows_are_not_less_pay(used in 1_u8..30, more in 1_u8..30, other in 1_u8..60, amount in 1_u32..) {
        let log = |rows: u8| {
            let part = Piece::Rows((0..u64::from(rows)).collect());
            World::new(&[
                Event::Contribute { by: 1, columns: Columns::IntA, rows: (2..90).collect() },
                Event::Contribute { by: 3, columns: Columns::IntA, rows: (100..100 + other).collect() },
                Event::Train { by: 2, inputs: vec![Use { part, ..Use::whole(0) }, Use::whole(1)], agents: vec![] },
            ])
        };
        let paid = |world: World| world.pay(&policy(), &world.fund(&[(Some(2), amount.into())]))[&person(1)];
        prop_assert!(paid(log(used)) <= paid(log(used + more)) + 1);
    }

    /// Two runs paid in one epoch are two runs paid apart.
    #[test]
    fn runs_add_up(a in 1_u32.., b in 1_u32..) {
        let world = World::new(&[
            Event::Contribute { by: 1, columns: Columns::IntA, rows: vec![2, 3, 4] },
            Event::Contribute { by: 3, columns: Columns::IntA, rows: vec![4, 5] },
            Event::Train { by: 2, inputs: vec![Use::whole(0)], agents: vec![] },
            Event::Train { by: 4, inputs: vec![Use::whole(1), Use::whole(0)], agents: vec![] },
        ]);
        let pay = |payments: &[(Option<usize>, u128)]| world.pay(&policy(), &world.fund(payments));
        let (first, second) = ((Some(2), u128::from(a)), (Some(3), u128::from(b)));
        let mut apart = pay(&[first]);
        for (who, amount) in pay(&[second]) {
            *apart.entry(who).or_default() += amount;
        }
        prop_assert_eq!(pay(&[first, second]), apart);
    }

    /// Who gave nothing that was used gets nothing.
    #[test]
    fn null_players_get_nothing(seeds in seeds(), payments in payments()) {
        let mut events = events(&seeds);
        events.push(Event::Contribute { by: 8, columns: Columns::IntA, rows: vec![200, 201] });
        let world = World::new(&events);
        let paid = world.pay(&policy(), &world.fund(&paid(&events, &payments)));
        prop_assert_eq!(paid.get(&person(8)), None);
    }
}
