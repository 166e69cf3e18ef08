//! Closures equal their recursive definition.

use std::collections::BTreeMap;

use mira_lineage::closure::{Direction, Index, Walk};
use proptest::prelude::*;

/// The definition: a node's neighbours are one edge away, and theirs one more.
fn naive(edges: &[(u32, u32)], root: u32, direction: Direction, walk: &Walk) -> BTreeMap<u32, u32> {
    fn visit(
        edges: &[(u32, u32)],
        at: u32,
        depth: u32,
        direction: Direction,
        walk: &Walk,
        found: &mut BTreeMap<u32, u32>,
    ) {
        if walk.depth.is_some_and(|most| depth > most) {
            return;
        }
        for (src, dst) in edges {
            let (from, to) = if direction == Direction::Up { (*dst, *src) } else { (*src, *dst) };
            if from != at || to >= walk.bound {
                continue;
            }
            if found.get(&to).is_none_or(|known| *known > depth) {
                found.insert(to, depth);
                visit(edges, to, depth + 1, direction, walk, found);
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(edges, root, 1, direction, walk, &mut found);
    found
}

fn dags() -> impl Strategy<Value = (u32, Vec<(u32, u32)>)> {
    (1_u32..14).prop_flat_map(|nodes| {
        let edge = (0..nodes, 0..nodes).prop_map(|(a, b)| (a.min(b), a.max(b)));
        proptest::collection::vec(edge, 0..30)
            .prop_map(move |edges| (nodes, edges.into_iter().filter(|(src, dst)| src < dst).collect()))
    })
}

proptest! {
    #[test]
    fn closures_are_what_the_definition_says((nodes, edges) in dags()) {
        let index = Index::build(nodes, &edges).unwrap();
        let index = Index::from_bytes(index.as_bytes().to_vec()).unwrap();
        let depths = (0..=nodes).map(Some).chain([None]);
        for (root, depth) in (0..nodes).flat_map(|root| depths.clone().map(move |depth| (root, depth))) {
            for bound in root + 1..=nodes {
                for direction in [Direction::Up, Direction::Down] {
                    let walk = Walk { depth, bound, most: usize::MAX };
                    let steps = index.walk(root, direction, &walk).unwrap();
                    let found: BTreeMap<u32, u32> = steps.iter().map(|step| (step.node, step.depth)).collect();
                    prop_assert_eq!(found.len(), steps.len(), "no node comes twice");
                    prop_assert!(steps.is_sorted_by_key(|step| step.depth));
                    prop_assert_eq!(found, naive(&edges, root, direction, &walk));
                }
            }
        }
    }
}
