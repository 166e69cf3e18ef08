//! The graph against the naive definition, on random logs: what can be reached, by how many steps, and what of it was
//! withdrawn.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

use std::collections::BTreeSet;

use mira_core::digest::{Digest, StatementId};
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::fold::{Fold, Outcome, Withdrawn};
use mira_core::key::SigningKey;
use mira_core::rights::{Basis, Consent, License, PersonalData, Rights, Terms, Use, Verdict, Visibility};
use mira_core::statement::{
    Common, Dataset, DatasetSubject, ExternalInput, Inference, Input, InputRole, Inputs, Listed, LoggedInput,
    ModelFiles, ModelSubject, Nonce, Part, Positive, Predicate, Profiles, Statement, Train, Withdraw, WithdrawReason,
    model_id,
};
use mira_lineage::graph::rights::{About, Says};
use mira_lineage::graph::{Direction, Graph, Source, path_to};
use proptest::prelude::*;

/// A log that is folded and put into a graph as it grows.
struct World {
    key: SigningKey,
    fold: Fold,
    graph: Graph,
    made: u64,
}

impl World {
    fn new() -> Self {
        let fold = Fold::new("log.example.org/test".parse().unwrap());
        Self { key: SigningKey::from_seed(&[7; 32]), fold, graph: Graph::new(), made: 0 }
    }

    fn log(&mut self, predicate: Predicate, listed: Option<Vec<Input>>) -> StatementId {
        self.made += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.made.to_be_bytes());
        let common = Common {
            claimed_at: "2026-01-31T12:00:00Z".parse().unwrap(),
            contributor_id: self.key.verifying_key().contributor_id(),
            nonce: Nonce::new(nonce),
            prev: None,
        };
        let statement = Statement::new(common, predicate).unwrap();
        let envelope = Envelope::seal(&statement.to_payload(), &[&self.key]).unwrap();
        match self.fold.apply(Entry::of(&envelope).unwrap().as_bytes()) {
            Outcome::Accepted(accepted) => {
                self.graph.push(accepted.statement_id, &accepted.statement, listed);
                accepted.statement_id
            }
            Outcome::Refused(refusal) => panic!("refused: {refusal}"),
        }
    }

    fn dataset(&mut self, rights: Rights) -> StatementId {
        let id = Digest::of(&self.made.to_be_bytes());
        self.log(
            Predicate::Contribute(Dataset {
                subject: DatasetSubject { name: "data".parse().unwrap(), id: id.into(), manifest: id.into() },
                on_behalf_of: None,
                rows: Positive::new(10).unwrap(),
                chunks: Positive::new(1).unwrap(),
                schema_id: id.into(),
                profiles: Profiles { infer: Inference::None },
                rights,
            }),
            None,
        )
    }

    fn model(&mut self, inputs: Vec<Input>, rights: Rights) -> StatementId {
        self.train(Inputs::Inline(inputs), None, rights)
    }

    fn train(&mut self, inputs: Inputs, listed: Option<Vec<Input>>, rights: Rights) -> StatementId {
        let files = ModelFiles::from([("weights".parse().unwrap(), Digest::of(&self.made.to_be_bytes()))]);
        let subject = ModelSubject { name: "net".parse().unwrap(), id: model_id(&files) };
        let files = Listed::Inline(files);
        let (code, config, agents) = (None, None, None);
        self.log(
            Predicate::Train(Train { subject, on_behalf_of: None, files, inputs, rights, code, config, agents }),
            listed,
        )
    }

    fn withdraw(&mut self, target: StatementId) {
        self.log(Predicate::Withdraw(Withdraw { target, reason: WithdrawReason::Error, rows: None }), None);
    }
}

fn terms(allow: &[Use], deny: &[Use], consent: Option<Consent>) -> Rights {
    Rights::new(Terms {
        allow: allow.iter().copied().collect(),
        deny: deny.iter().copied().collect(),
        basis: Basis::Own,
        license: License::no_assertion(),
        license_text: None,
        personal_data: PersonalData::None,
        visibility: Visibility::Public,
        attribution: None,
        consent,
    })
    .unwrap()
}

fn input(statement: StatementId) -> Input {
    let passes = Positive::new(1).unwrap();
    Input::Logged(LoggedInput { statement, role: InputRole::Train, passes, part: Part::Whole, tokens: None })
}

fn day(text: &str) -> mira_core::time::Date {
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each node takes some of the earlier ones, now and then the same twice; some are withdrawn in the end.
    #[test]
    fn walks_and_taints_are_those_of_the_definition(
        choices in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..24),
        withdrawn in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let mut world = World::new();
        let mut ids = Vec::new();
        let mut sources: Vec<Vec<usize>> = Vec::new();
        for choice in &choices {
            let before = ids.len();
            let taken: Vec<usize> = if before == 0 { Vec::new() } else { choice.iter().map(|index| index.index(before)).collect() };
            let allow = terms(&[Use::Train], &[], None);
            ids.push(match taken.is_empty() {
                true => world.dataset(allow),
                false => world.model(taken.iter().map(|place| input(ids[*place])).collect(), allow),
            });
            sources.push(taken);
        }
        let gone: BTreeSet<usize> = withdrawn.iter().map(|index| index.index(ids.len())).collect();
        gone.iter().for_each(|place| world.withdraw(ids[*place]));

        // Distances by relaxing all edges until nothing changes.
        let n = ids.len();
        let mut distance = vec![vec![usize::MAX; n]; n];
        for (place, row) in distance.iter_mut().enumerate() {
            row[place] = 0;
            for _ in 0..n {
                for (user, taken) in sources.iter().enumerate().rev() {
                    for source in taken {
                        row[*source] = row[*source].min(row[user].saturating_add(1));
                    }
                }
            }
        }
        let taints = world.graph.taints(&world.fold);
        for from in 0..n {
            let up = world.graph.walk(from, Direction::Up);
            let reached: BTreeSet<usize> = up.iter().map(|step| step.place).collect();
            let expected: BTreeSet<usize> = (0..n).filter(|place| distance[from][*place] != usize::MAX).collect();
            prop_assert_eq!(&reached, &expected);
            prop_assert_eq!(up.len(), reached.len(), "each once");
            for (index, step) in up.iter().enumerate() {
                prop_assert_eq!(step.depth, distance[from][step.place]);
                let path = path_to(&up, index);
                prop_assert_eq!(path.len(), step.depth + 1);
                prop_assert!(path.windows(2).all(|pair| sources[pair[0]].contains(&pair[1])));
            }
            let down: BTreeSet<usize> = world.graph.walk(from, Direction::Down).iter().map(|step| step.place).collect();
            prop_assert_eq!(down, (0..n).filter(|user| distance[*user][from] != usize::MAX).collect::<BTreeSet<_>>());

            let near = gone.iter().filter(|place| **place != from).map(|place| distance[from][*place]).min();
            let near = near.filter(|depth| *depth != usize::MAX);
            prop_assert_eq!(taints[from].map(|taint| taint.depth), near);
            if let Some(taint) = taints[from] {
                prop_assert!(gone.contains(&taint.by) && taint.withdrawn == Withdrawn::Whole);
                prop_assert_eq!(distance[from][taint.by], taint.depth);
            }
            let verdict = world.graph.may(&world.fold, from, Use::Train, day("2026-01-31")).verdict;
            let denied = gone.iter().any(|place| distance[from][*place] != usize::MAX);
            prop_assert_eq!(matches!(verdict, Verdict::Denied { .. }), denied);
            prop_assert_eq!(verdict.is_allowed(), !denied);
        }
    }
}

#[test]
fn what_is_not_known_never_passes() {
    let mut world = World::new();
    let yes = || terms(&[Use::Train], &[], None);
    let data = world.dataset(yes());
    let external =
        ExternalInput { uri: "urn:base".parse().unwrap(), role: InputRole::Base, sha256: None, license: None };
    let (listed, _) = Inputs::in_file(&[input(data)]).unwrap();
    let stray = input(Digest::of(b"elsewhere").into());
    let (strayed, _) = Inputs::in_file(std::slice::from_ref(&stray)).unwrap();

    let good = world.model(vec![input(data)], yes());
    let read = world.train(listed.clone(), Some(vec![input(data)]), yes());
    let unknown = [
        (world.model(vec![input(data), Input::External(external)], yes()), About::Source(1)),
        (world.train(listed, None, yes()), About::Source(0)),
        (world.train(strayed, Some(vec![stray]), yes()), About::Source(0)),
        (world.model(Vec::new(), yes()), About::NoSources),
        (world.model(vec![input(data)], terms(&[], &[], None)), About::Itself),
    ];
    let ask =
        |id: StatementId| world.graph.may(&world.fold, world.graph.place(&id).unwrap(), Use::Train, day("2026-01-31"));
    for id in [data, good, read] {
        assert!(ask(id).verdict.is_allowed());
    }
    for (id, about) in unknown {
        let answer = ask(id);
        let Verdict::Unknown { by: Some(by) } = answer.verdict else { panic!("{about:?}: {:?}", answer.verdict) };
        assert_eq!(answer.items[by].about, about);
    }
    let node = |id: StatementId| world.graph.node(world.graph.place(&id).unwrap()).unwrap();
    assert!(matches!(node(unknown[1].0).sources[..], [Source::Missing { count: 1, .. }]));
    assert!(matches!(node(unknown[2].0).sources[..], [Source::Dangling(_)]));
}

#[test]
fn consent_ends() {
    let mut world = World::new();
    let consent = |expires: Option<&str>| Consent {
        expires: expires.map(day),
        record: Digest::of(b"signed"),
        scope: BTreeSet::from([Use::Train]),
    };
    let both = [Use::Train, Use::Commercial];
    let data = world.dataset(terms(&both, &[Use::Distill], Some(consent(Some("2026-01-31")))));
    let place = world.graph.place(&data).unwrap();
    let says = |wanted, today: &str| {
        let answer = world.graph.may(&world.fold, place, wanted, day(today));
        (answer.verdict.is_allowed(), answer.items[0].says)
    };
    assert_eq!(says(Use::Train, "2026-01-31"), (true, Says::Allows), "the last day counts");
    assert_eq!(says(Use::Train, "2026-02-01"), (false, Says::ConsentEnded));
    assert_eq!(says(Use::Commercial, "2026-01-01"), (false, Says::ConsentEnded), "nobody agreed to that");
    let denied = world.graph.may(&world.fold, place, Use::Distill, day("2027-01-01"));
    assert!(matches!(denied.verdict, Verdict::Denied { .. }), "what is denied stays denied");
}
