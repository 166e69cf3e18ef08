//! Replay: the same rows every time, and nothing left out in silence.

use mira_core::digest::Digest;
use mira_core::statement::*;
use mira_lineage::ancestry::{AsOf, LineageError};
use mira_lineage::closure::{Direction, Index};
use mira_lineage::contribution::{ContributionError, contribution};
use mira_lineage::tables::{NodeKind, Share};
use mira_lineage::views::{ViewError, ViewFile, files};
use proptest::prelude::*;

use crate::people::{self, Person, digest, positive};
use crate::world::{World, external, logged, training};

fn views(world: &World) -> Vec<ViewFile> {
    let mut found = Vec::new();
    files::<ViewError>(&world.lineage(), |file| {
        found.push(file);
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn views_are_the_same_bytes_every_time() {
    let (one, other) = (World::story(), World::story());
    assert_eq!(one.tables(), other.tables());
    let (one, other) = (views(&one), views(&other));
    assert_eq!(one.len(), 24);
    for (one, other) in one.iter().zip(&other) {
        assert!(one == other, "{} differs", one.name);
    }
    let index = one.iter().find(|file| file.name == "closure.csr").unwrap();
    let lineage = World::story().lineage();
    assert_eq!(&Index::from_bytes(index.bytes.clone()).unwrap(), lineage.index());
}

#[test]
fn nodes_and_edges_are_in_log_order() {
    let tables = World::story().tables();
    assert!(tables.nodes.iter().zip(0..).all(|(node, at)| node.node == at));
    assert!(tables.nodes.is_sorted_by_key(|node| node.created_seq));
    assert!(tables.edges.is_sorted_by_key(|edge| (edge.dst, edge.ord)));
    assert!(tables.edges.iter().all(|edge| edge.src < edge.dst));
    assert_eq!(tables.events.len(), 15);
    assert_eq!(tables.events.iter().filter(|event| !event.accepted).count(), 1);
}

#[test]
fn an_inputs_list_that_is_not_here_is_an_error_where_it_matters() {
    let (ann, tom) = (Person::new(1), Person::new(3));
    let mut world = World::new();
    let corpus = world.say(&ann, people::contribute("corpus"));
    let nothing = Digest::new([0x99; 32]).into();
    let inputs = [
        logged(corpus, InputRole::Train, 1, Part::Whole),
        logged(nothing, InputRole::Train, 1, Part::Whole),
        external("urn:x", InputRole::Base),
    ];
    let (listed, file) = Inputs::in_file(&inputs).unwrap();
    let Inputs::File { list, .. } = listed else { panic!("in a file") };
    let model = world.say(&tom, people::train("model", 0x51, listed));
    let lineage = world.lineage();
    let (dataset, node) = (lineage.node_of(&corpus).unwrap(), lineage.node_of(&model).unwrap());
    let now = lineage.bound(AsOf::Now).unwrap();
    let before = lineage.bound(AsOf::Size(1)).unwrap();
    for (root, direction) in [(node, Direction::Up), (dataset, Direction::Down)] {
        let closure = lineage.closure(root, direction, None, now, 100);
        assert!(matches!(closure, Err(LineageError::InputsUnknown { list: found, .. }) if found == list));
    }
    assert!(lineage.closure(dataset, Direction::Up, None, now, 100).unwrap().is_empty());
    assert!(lineage.closure(dataset, Direction::Down, None, before, 100).unwrap().is_empty());
    assert!(lineage.closure(node, Direction::Up, Some(0), now, 100).unwrap().is_empty());
    assert!(contribution(&lineage, node, AsOf::Now, 100).is_err());
    let run = &lineage.tables().runs[0];
    assert_eq!((run.inputs, run.inputs_known, run.input_list), (3, false, Some(list)));

    world.sources.lists.insert(list, file);
    let lineage = world.lineage();
    let now = lineage.bound(AsOf::Now).unwrap();
    let found = lineage.closure(lineage.node_of(&model).unwrap(), Direction::Up, None, now, 100).unwrap();
    let kinds: Vec<NodeKind> = found.iter().map(|step| lineage.tables().nodes[step.node as usize].kind).collect();
    assert_eq!(
        kinds,
        [NodeKind::DatasetVersion, NodeKind::External, NodeKind::External],
        "what the log lacks is shown"
    );
    assert!(lineage.tables().runs[0].inputs_known);
}

#[test]
fn rows_that_nobody_can_count_are_an_error() {
    let (ann, tom) = (Person::new(1), Person::new(3));
    let mut world = World::new();
    let corpus = world.say(&ann, people::contribute("corpus"));
    let chunks = Ranges::new(vec![Range { start: Natural::new(1).unwrap(), length: positive(2) }]).unwrap();
    let input = logged(corpus, InputRole::Train, 1, Part::Chunks(chunks));
    let model = world.say(&tom, training("model", 0x51, vec![input], &[]));
    let lineage = world.lineage();
    let root = lineage.node_of(&model).unwrap();
    let error = contribution(&lineage, root, AsOf::Now, 100).unwrap_err();
    assert!(matches!(&error, ContributionError::RowsUnknown { chunks, .. } if chunks == "1-2"), "{error}");
    world.chunks(corpus, &[1, 2, 3, 4]);
    let rows = contribution(&world.lineage(), root, AsOf::Now, 100).unwrap();
    assert_eq!((rows.len(), rows[0].rows, rows[0].share.map(Share::units)), (1, Some(5), Some(Share::ONE)));
}

#[test]
fn a_withdrawal_later_than_the_state_is_not_in_it() {
    let world = World::story();
    let lineage = world.lineage();
    let model = lineage.tables().model_versions.iter().find(|row| row.r#ref == "model@1").unwrap().node;
    let withdrawn = |as_of| {
        let rows = contribution(&lineage, model, as_of, 100).unwrap();
        rows.iter().any(|row| row.withdrawn)
    };
    assert!(withdrawn(AsOf::Now) && !withdrawn(AsOf::Epoch(2)));
    assert!(matches!(
        contribution(&lineage, model, AsOf::Epoch(1), 100),
        Err(ContributionError::Lineage(LineageError::Later { .. }))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn contributions_of_any_lineage_add_up_to_one(
        steps in proptest::collection::vec((0_u8..3, proptest::collection::vec((any::<u8>(), 1_u64..5, 0_u8..8), 0..5)), 1..14)
    ) {
        let person = Person::new(1);
        let mut world = World::new();
        let mut made: Vec<(mira_core::digest::StatementId, bool)> = Vec::new();
        for (at, (kind, inputs)) in steps.iter().enumerate() {
            let inputs: Vec<Input> = inputs.iter().filter(|_| !made.is_empty()).map(|(which, passes, role)| {
                let (statement, _) = made[usize::from(*which) % made.len()];
                logged(statement, InputRole::ALL[usize::from(*role)], *passes, Part::Whole)
            }).collect();
            let statement = match kind {
                0 => world.say(&person, people::contribute(&format!("d{at}x"))),
                1 => world.say(&person, people::transform(&format!("t{at}x"), Inputs::Inline(inputs))),
                _ => world.say(&person, training(&format!("m{at}x"), u8::try_from(at).unwrap(), inputs, &[])),
            };
            made.push((statement, *kind == 2));
        }
        let lineage = world.lineage();
        for (statement, _) in &made {
            let root = lineage.node_of(statement).unwrap();
            let rows = contribution(&lineage, root, AsOf::Now, 1000).unwrap();
            let shares: Vec<u128> = rows.iter().filter_map(|row| row.share.map(Share::units)).collect();
            let counted = rows.iter().any(|row| row.counted && row.rows.is_some() && row.contributor.is_some());
            prop_assert_eq!(shares.iter().sum::<u128>(), if counted { Share::ONE } else { 0 });
            prop_assert!(rows.iter().all(|row| row.counted || row.share.is_none_or(|share| share.units() == 0)));
            let up = lineage.closure(root, Direction::Up, None, lineage.bound(AsOf::Now).unwrap(), 1000).unwrap();
            prop_assert!(rows.iter().all(|row| up.iter().any(|step| step.depth == row.depth)));
        }
    }
}

#[test]
fn a_digest_of_a_file_names_a_node() {
    let lineage = World::story().lineage();
    assert!(lineage.node("hf:org/base").is_some());
    assert!(lineage.node(&digest(0x70).to_string()).is_some());
    assert!(lineage.node("nothing").is_none());
}
