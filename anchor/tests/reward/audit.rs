//! Computing proposals again, and what a wrong one looks like.

use alloy::primitives::{B256, U256};
use mira_anchor::reward::{Allocation, AuditError, Auditor, Funded, Previous, Proposal, Verdict};
use mira_core::digest::Digest;

use crate::world::{Columns, Event, Use, World, distributor, person, policy};

/// A log with a policy, sealed twice, and three payments.
fn world() -> (World, Vec<Funded>) {
    let mut world = World::new(&[
        Event::Policy { by: 1, policy: policy().digest(), from_epoch: 1 },
        Event::Contribute { by: 1, columns: Columns::IntA, rows: vec![2, 3, 4] },
        Event::Train { by: 2, inputs: vec![Use::whole(1)], agents: vec![] },
    ]);
    world.shelf.files.insert(policy().digest(), policy().to_bytes());
    world.seal(&[Event::Contribute { by: 3, columns: Columns::IntA, rows: vec![9] }]);
    let funded = world.fund(&[(Some(2), 1000), (Some(2), 70), (None, 11)]);
    (world, funded)
}

fn propose(allocation: &Allocation, block: u64, previous: u64) -> Proposal {
    let manifest = &allocation.manifest;
    Proposal {
        epoch: manifest.epoch,
        previous,
        block,
        root: manifest.root,
        total: manifest.total,
        manifest: manifest.digest(),
        log_epoch: manifest.log_epoch,
    }
}

fn compute(world: &World, epoch: u64, log_epoch: u64, funded: &[Funded], previous: &Previous) -> Allocation {
    let accepted = world.accepted();
    let history = world.view(&accepted).at(log_epoch).unwrap();
    let mut shelf = world.shelf.clone();
    Allocation::compute(epoch, &history, &policy().to_bytes(), distributor(), funded, previous, &mut shelf).unwrap()
}

#[test]
fn what_was_proposed_is_computed_again() {
    let (world, funded) = world();
    let first = compute(&world, 1, 1, &funded[..1], &Previous::default());
    let second = compute(&world, 2, 2, &funded[1..], &first.to_previous());
    let accepted = world.accepted();
    for with_file in [true, false] {
        let mut auditor = Auditor::new(world.view(&accepted), distributor(), &funded);
        for (allocation, previous) in [(&first, 0), (&second, 1)] {
            let file = allocation.manifest.to_bytes();
            let file = with_file.then_some(file.as_slice());
            let proposal = propose(allocation, 100, previous);
            let verdict = auditor.check(&proposal, file, &mut world.shelf.clone()).unwrap();
            let Verdict::Equal(computed) = verdict else { panic!("{verdict:?}") };
            assert_eq!(computed.table, allocation.table);
        }
        assert_eq!(auditor.previous(2), Some(&second.to_previous()));
    }
}

#[test]
fn a_vetoed_epoch_is_nobodys_predecessor() {
    let (world, funded) = world();
    let vetoed = compute(&world, 1, 1, &funded[..1], &Previous::default());
    let again = compute(&world, 2, 1, &funded[..2], &Previous::default());
    let accepted = world.accepted();
    let mut auditor = Auditor::new(world.view(&accepted), distributor(), &funded);
    let mut bad = propose(&vetoed, 100, 0);
    bad.total += U256::ONE;
    assert!(matches!(auditor.check(&bad, None, &mut world.shelf.clone()), Ok(Verdict::Differs { step: "total", .. })));
    let good = propose(&again, 100, 0);
    assert!(matches!(auditor.check(&good, None, &mut world.shelf.clone()), Ok(Verdict::Equal(_))));
    let on_bad = Proposal { epoch: 3, previous: 1, ..good };
    let error = auditor.check(&on_bad, None, &mut world.shelf.clone());
    assert!(matches!(error, Err(AuditError::Previous { epoch: 3, previous: 1 })));
}

#[test]
fn what_differs_is_named() {
    let (world, funded) = world();
    let allocation = compute(&world, 1, 1, &funded[..2], &Previous::default());
    let good = propose(&allocation, 100, 0);
    let accepted = world.accepted();
    let file = allocation.manifest.to_bytes();
    for (step, bad) in [
        ("total", Proposal { total: good.total - U256::ONE, ..good }),
        ("root", Proposal { root: B256::repeat_byte(1), ..good }),
        ("manifest", Proposal { manifest: Digest::of(b"another"), block: 11, ..good }),
    ] {
        let mut auditor = Auditor::new(world.view(&accepted), distributor(), &funded);
        let verdict = auditor.check(&bad, Some(&file), &mut world.shelf.clone()).unwrap();
        assert!(matches!(verdict, Verdict::Differs { step: found, .. } if found == step), "{step}: {verdict:?}");
        assert!(auditor.previous(1).is_none(), "nothing can add to it");
    }
    let early = Proposal { block: 10, ..good };
    let mut auditor = Auditor::new(world.view(&accepted), distributor(), &funded);
    let verdict = auditor.check(&early, None, &mut world.shelf.clone()).unwrap();
    assert!(matches!(verdict, Verdict::Differs { .. }), "payments after the proposal are not in it");
}

#[test]
fn a_proposal_needs_a_log_and_a_policy() {
    let (world, funded) = world();
    let good = propose(&compute(&world, 1, 1, &funded[..1], &Previous::default()), 100, 0);
    let accepted = world.accepted();
    let mut auditor = Auditor::new(world.view(&accepted), distributor(), &funded);
    for log_epoch in [0, 3, u64::MAX] {
        let bad = Proposal { log_epoch, ..good };
        assert!(matches!(auditor.check(&bad, None, &mut world.shelf.clone()), Ok(Verdict::Baseless { .. })));
    }
    let lawless = World::new(&[Event::Contribute { by: 1, columns: Columns::IntA, rows: vec![2] }]);
    let accepted = lawless.accepted();
    let mut auditor = Auditor::new(lawless.view(&accepted), distributor(), &funded);
    assert!(matches!(auditor.check(&good, None, &mut lawless.shelf.clone()), Ok(Verdict::Baseless { .. })));
    let mut shelf = world.shelf.clone();
    shelf.files.remove(&policy().digest());
    let accepted = world.accepted();
    let mut auditor = Auditor::new(world.view(&accepted), distributor(), &funded);
    assert!(matches!(auditor.check(&good, None, &mut shelf), Err(AuditError::Evidence(_))), "not checked, not wrong");
    let _ = person(1);
}
