//! Proofs made from tiles alone, as a log's reader makes them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod trees;

use std::collections::BTreeMap;

use mira_core::digest::Digest;
use mira_core::id::TreeSize;
use mira_core::merkle::{CompactRange, ProofPlan, Subtree, Tree};
use mira_core::tile::{Tile, TileError};
use trees::{index, leaves, size};

/// A log's tiles by path, and the hashes that are stored in them.
#[derive(Default)]
struct Log {
    range: CompactRange,
    hashes: BTreeMap<(u8, u64), Digest>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Log {
    /// Appends leaves and writes the tiles that grew.
    fn grow(&mut self, leaves: &[Digest]) {
        let old = self.range.size();
        for &leaf in leaves {
            self.range.append_with(leaf, |subtree, hash| {
                if subtree.level() % Tile::HEIGHT == 0 {
                    self.hashes.insert((subtree.level() / Tile::HEIGHT, subtree.index()), hash);
                }
            });
        }
        for tile in Tile::added(old, self.range.size()) {
            let first = tile.index() * u64::from(Tile::FULL);
            let slots = first..first + u64::from(tile.width());
            let bytes = slots.flat_map(|slot| *self.hashes[&(tile.level(), slot)].as_bytes()).collect();
            self.files.insert(tile.to_string(), bytes);
        }
    }

    fn read(&self, subtree: Subtree, size: TreeSize) -> Result<Digest, TileError> {
        let (tile, slots) = Tile::locate(subtree, size)?;
        tile.hash(&self.files[&tile.to_string()], slots)
    }
}

#[test]
fn proofs_come_out_of_tiles() {
    let sizes = [1, 2, 255, 256, 257, 511, 700, 65_535, 65_536, 65_793, 70_000];
    let all = leaves(70_000);
    let mut log = Log::default();
    let mut done = 0;
    for n in sizes {
        log.grow(&all[done..n]);
        done = n;
        let tree = Tree::new(all[..n].iter().copied());
        assert_eq!(log.range.head(), tree.head());
        for at in [0, 1.min(n - 1), n / 3, n / 2, n - 1] {
            let plan = ProofPlan::inclusion(index(at), size(n)).expect("index below size");
            let path = plan.resolve(|subtree| log.read(subtree, size(n)));
            assert_eq!(path, Ok(tree.path(index(at)).expect("index below size")), "leaf {at} of {n}");
        }
        for old in sizes.into_iter().filter(|&old| old <= n) {
            let plan = ProofPlan::consistency(size(old), size(n)).expect("0 < old <= new");
            let path = plan.resolve(|subtree| log.read(subtree, size(n)));
            assert_eq!(path, Ok(tree.consistency_path(size(old)).expect("0 < old <= new")), "{old} to {n}");
        }
        // A log opens again from its tiles.
        let frontier: Result<Vec<_>, _> =
            Subtree::frontier(size(n)).map(|subtree| log.read(subtree, size(n))).collect();
        let reopened = CompactRange::from_frontier(size(n), frontier.expect("all tiles are there"));
        assert_eq!(reopened, Ok(log.range.clone()));
    }
}

/// Tiles read in an old tree's width are still there after growth, so an old checkpoint stays provable.
#[test]
fn old_partial_tiles_serve_old_sizes() {
    let all = leaves(600);
    let mut log = Log::default();
    log.grow(&all[..300]);
    log.grow(&all[300..]);
    let tree = Tree::new(all[..300].iter().copied());
    let plan = ProofPlan::inclusion(index(299), size(300)).expect("index below size");
    assert_eq!(plan.resolve(|subtree| log.read(subtree, size(300))), Ok(tree.path(index(299)).expect("in the tree")));
}
