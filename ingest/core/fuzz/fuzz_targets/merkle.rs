//! Inclusion and consistency proofs of a small tree, edited: nothing but the path of the naive definition passes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::digest::Digest;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::merkle::{self, TreeHead, naive, verify_consistency, verify_inclusion};

// Size, index or older size, the index that is claimed, and edits of three bytes each.
fuzz_target!(|data: &[u8]| {
    let Some(([size, at, claimed], edits)) = data.split_first_chunk::<3>() else { return };
    let (size, at, claimed) = (usize::from(*size) + 1, usize::from(*at), usize::from(*claimed));
    let leaves: Vec<Digest> = (0..size).map(|index| merkle::leaf_hash(&index.to_be_bytes())).collect();
    let (root, count) = (naive::root(&leaves), TreeSize::new(size as u64));

    let index = at % size;
    let good = naive::path(index, &leaves);
    let path = edited(good.clone(), edits, &leaves);
    let passes = verify_inclusion(leaves[index], LeafIndex::new(claimed as u64), count, &path, root).is_ok();
    assert_eq!(passes, claimed == index && path == good);

    let older = at % size + 1;
    let good = naive::consistency(older, &leaves);
    let path = edited(good.clone(), edits, &leaves);
    let head = |size: usize| TreeHead { size: TreeSize::new(size as u64), root: naive::root(&leaves[..size]) };
    assert_eq!(verify_consistency(head(older), head(size), &path).is_ok(), path == good);
});

fn edited(mut path: Vec<Digest>, edits: &[u8], leaves: &[Digest]) -> Vec<Digest> {
    for edit in edits.as_chunks::<3>().0.iter().take(8) {
        let [action, one, two] = edit.map(usize::from);
        let len = path.len();
        match action % 6 {
            0 if len > 0 => drop(path.remove(one % len)),
            1 => path.insert(one % (len + 1), leaves[two % leaves.len()]),
            2 if len > 0 => path.swap(one % len, two % len),
            3 if len > 0 => path[one % len] = naive::root(&leaves[..two % leaves.len()]),
            4 => path.truncate(one),
            5 if len > 0 => {
                let mut bytes = *path[one % len].as_bytes();
                bytes[two % 32] ^= 1;
                path[one % len] = Digest::new(bytes);
            }
            _ => {}
        }
    }
    path
}
