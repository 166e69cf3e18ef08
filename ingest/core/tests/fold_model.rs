//! The fold against a naive model that keeps every accepted step and searches through all of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod people;

use mira_core::fold::{Fold, Outcome, Reason};
use mira_core::statement::{DelegatedKind, Listed, Predicate};
use people::*;
use proptest::prelude::*;

const NAMES: [&str; 2] = ["one", "two"];

/// People and names are given by their index.
#[derive(Debug, Clone, Copy)]
struct Step {
    by: usize,
    action: Action,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Contribute { owner: usize, name: usize },
    Train { owner: usize, name: usize },
    Delegate { to: usize, train: bool, name: Option<usize>, granted: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let version = (0..3_usize, 0..NAMES.len(), any::<bool>()).prop_map(|(owner, name, train)| match train {
        true => Action::Train { owner, name },
        false => Action::Contribute { owner, name },
    });
    let delegate = (0..3_usize, any::<bool>(), proptest::option::of(0..NAMES.len()), any::<bool>())
        .prop_map(|(to, train, name, granted)| Action::Delegate { to, train, name, granted });
    (0..3_usize, prop_oneof![version, delegate]).prop_map(|(by, action)| Step { by, action })
}

/// The accepted steps, oldest first.
#[derive(Default)]
struct Naive(Vec<Step>);

impl Naive {
    /// The reason to refuse a step, or the version that it makes.
    fn apply(&mut self, step: Step) -> Result<Option<u64>, Reason> {
        let (owner, name, train) = match step.action {
            Action::Contribute { owner, name } => (owner, name, false),
            Action::Train { owner, name } => (owner, name, true),
            Action::Delegate { .. } => {
                self.0.push(step);
                return Ok(None);
            }
        };
        if owner != step.by && !self.delegated(owner, step.by, train, name) {
            return Err(Reason::Permission);
        }
        let same = |earlier: &&Step| match earlier.action {
            Action::Contribute { owner: o, name: n } | Action::Train { owner: o, name: n } => (o, n) == (owner, name),
            Action::Delegate { .. } => false,
        };
        let earlier: Vec<_> = self.0.iter().filter(same).collect();
        if earlier.iter().any(|earlier| matches!(earlier.action, Action::Train { .. }) != train) {
            return Err(Reason::Name);
        }
        let version = earlier.len() as u64 + 1;
        self.0.push(step);
        Ok(Some(version))
    }

    /// The last delegation that says anything about this kind decides.
    fn delegated(&self, owner: usize, signer: usize, wanted: bool, wanted_name: usize) -> bool {
        let last = self.0.iter().rev().find_map(|step| match step.action {
            Action::Delegate { to, train, name, granted } if (step.by, to, train) == (owner, signer, wanted) => {
                Some(granted && name.is_none_or(|name| name == wanted_name))
            }
            _ => None,
        });
        last.unwrap_or(false)
    }
}

fn predicate(people: &[Person], step: Step) -> Predicate {
    let behalf = |owner: usize| (owner != step.by).then(|| people[owner].id);
    match step.action {
        Action::Contribute { owner, name } => {
            let mut dataset = dataset(NAMES[name]);
            dataset.on_behalf_of = behalf(owner);
            Predicate::Contribute(dataset)
        }
        Action::Train { owner, name } => {
            let Predicate::Train(mut model) = train(NAMES[name], 7, Listed::Inline(vec![])) else { unreachable!() };
            model.on_behalf_of = behalf(owner);
            Predicate::Train(model)
        }
        Action::Delegate { to, train, name, granted } => {
            let kinds = [if train { DelegatedKind::Train } else { DelegatedKind::Contribute }];
            match (granted, name) {
                (false, _) => end(&people[to], &kinds),
                (true, None) => grant(&people[to], &kinds, None),
                (true, Some(name)) => grant(&people[to], &kinds, Some(&[NAMES[name]])),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn names_versions_and_delegations(steps in proptest::collection::vec(step(), 1..40)) {
        let people = [Person::new(1), Person::new(2), Person::new(3)];
        let (mut fold, mut naive) = (Fold::new(ORIGIN.parse().unwrap()), Naive::default());
        for (nonce, step) in steps.into_iter().enumerate() {
            if matches!(step.action, Action::Delegate { to, .. } if to == step.by) {
                continue;
            }
            let by = &people[step.by];
            let statement = common(by.id, nonce as u64, None);
            let statement = mira_core::statement::Statement::new(statement, predicate(&people, step)).unwrap();
            let found = match fold.apply(&sealed(&statement, &[&by.key])) {
                Outcome::Accepted(accepted) => Ok(accepted.record.version.map(|version| version.number)),
                Outcome::Refused(refusal) => Err(refusal.reason()),
            };
            prop_assert_eq!(found, naive.apply(step), "{:?}", step);
        }
        prop_assert_eq!(fold.statements().len(), naive.0.len());
    }

    #[test]
    fn mutated_entries_are_refused(at in any::<prop::sample::Index>(), byte: u8, edit in 0..3) {
        let ann = Person::new(1);
        let log = Scenario::new("", "");
        let mut entry = log.entry(&ann, contribute("corpus"));
        let at = at.index(entry.len());
        prop_assume!(edit > 0 || entry[at] != byte);
        match edit {
            0 => entry[at] = byte,
            1 => entry.insert(at, byte),
            _ => { entry.remove(at); }
        }
        prop_assert!(Fold::new(ORIGIN.parse().unwrap()).check(&entry).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let ann = Person::new(1);
        let entry = Scenario::new("", "").entry(&ann, contribute("corpus"));
        let fold = Fold::new(ORIGIN.parse().unwrap());
        prop_assert!(fold.check(&bytes).is_err());
        prop_assert!(fold.check(&[&entry[..79], &bytes].concat()).is_err());
    }
}
