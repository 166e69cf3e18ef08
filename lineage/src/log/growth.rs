//! What an append changes, computed before anything is written.

use std::collections::HashMap;
use std::convert::Infallible;

use mira_core::digest::Digest;
use mira_core::id::TreeSize;
use mira_core::merkle::{CompactRange, ProofPlan, Subtree, leaf_hash};
use mira_core::tile::{EntryBundle, Tile};

use super::{LEVELS, bundle};

/// The tiles and the bundle that are not full yet, which the next append rewrites under a wider name.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    /// The hashes of the partial tile of each level; none where the last tile is full.
    pub(super) hashes: [Vec<Digest>; LEVELS],
    /// The bytes of the partial bundle.
    pub(super) bundle: Vec<u8>,
}

/// A log after an append, and what has to be written to get there.
#[derive(Debug)]
pub(super) struct Growth {
    /// The right edge of the grown tree.
    pub(super) range: CompactRange,
    /// What the append after this one continues.
    pub(super) edge: Edge,
    /// Bundles and tiles to write, by path.
    pub(super) objects: Vec<Object>,
    /// Directories of partial tiles that a full one of these objects replaces.
    pub(super) replaced: Vec<String>,
    /// The consistency path from the old tree to the grown one; empty if the old one is.
    pub(super) path: Vec<Digest>,
}

/// An object to write.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// An entry is too long for a bundle.
pub(super) struct TooLong {
    pub(super) position: usize,
}

impl Growth {
    pub(super) fn new(old: &CompactRange, edge: Edge, entries: &[&[u8]]) -> Result<Self, TooLong> {
        let Edge { mut hashes, bundle } = edge;
        let mut range = old.clone();
        let mut known: HashMap<Subtree, Digest> = old.frontier().collect();
        for entry in entries {
            range.append_with(leaf_hash(entry), |subtree, hash| {
                known.insert(subtree, hash);
                let stored = subtree.level().is_multiple_of(Tile::HEIGHT);
                if let Some(level) = hashes.get_mut(usize::from(subtree.level() / Tile::HEIGHT)).filter(|_| stored) {
                    level.push(hash);
                }
            });
        }
        let path = consistency_path(old.size(), range.size(), &known);
        let (mut objects, bundle) = bundles(old.size(), range.size(), bundle, entries)?;
        let mut replaced = Vec::new();
        // The hashes of each level begin where its first changed tile does.
        let mut contents = hashes.each_ref().map(|level| level.chunks(Tile::FULL.into()));
        for tile in Tile::added(old.size(), range.size()) {
            let level = contents.get_mut(usize::from(tile.level()));
            let content = level.and_then(Iterator::next).unwrap_or_default();
            let bytes = content.iter().flat_map(Digest::as_bytes).copied().collect();
            objects.push(Object { path: tile.to_string(), bytes });
            if tile.is_full() {
                replaced.extend(partials_of(tile));
            }
        }
        for level in &mut hashes {
            let full = level.len() - level.len() % usize::from(Tile::FULL);
            level.drain(..full);
        }
        Ok(Self { range, edge: Edge { hashes, bundle }, objects, replaced, path })
    }
}

/// The bundles that grow, by path, and the bytes of the last one if it is partial.
fn bundles(
    old: TreeSize,
    new: TreeSize,
    mut bundle: Vec<u8>,
    entries: &[&[u8]],
) -> Result<(Vec<Object>, Vec<u8>), TooLong> {
    let mut objects = Vec::new();
    let mut entries = entries.iter().enumerate();
    // How many entries of the bundle are there already; below 256.
    let mut filled = usize::try_from(old.value() % u64::from(Tile::FULL)).unwrap_or_default();
    for grown in EntryBundle::added(old, new) {
        for (position, entry) in entries.by_ref().take(usize::from(grown.width()) - filled) {
            if !bundle::push(&mut bundle, entry) {
                return Err(TooLong { position });
            }
        }
        objects.push(Object { path: grown.to_string(), bytes: bundle.clone() });
        if grown.width() == Tile::FULL {
            bundle.clear();
        }
        filled = 0;
    }
    Ok((objects, bundle))
}

/// Where the partial tiles and bundles stand that a full tile makes needless.
fn partials_of(full: Tile) -> impl Iterator<Item = String> {
    let bundle = EntryBundle::new(full.index(), full.width()).ok().filter(|_| full.level() == 0);
    [Some(format!("{full}.p")), bundle.map(|bundle| format!("{bundle}.p"))].into_iter().flatten()
}

/// Every hash of the path is over old frontier subtrees or over new ones. Were one missing, the path would not verify,
/// and nothing would be signed.
fn consistency_path(old: TreeSize, new: TreeSize, known: &HashMap<Subtree, Digest>) -> Vec<Digest> {
    let hash = |subtree| Ok::<_, Infallible>(known.get(&subtree).copied().unwrap_or_default());
    let Ok(plan) = ProofPlan::consistency(old, new) else { return Vec::new() };
    let Ok(path) = plan.resolve(hash);
    path
}
