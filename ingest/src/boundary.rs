//! Where chunks end: `cut-1` over leaves that arrive batch by batch.

use mira_core::dataset::Cut1;

use crate::rows::Leaf;

/// The cuts of one dataset; how its rows are spread over batches makes no difference.
#[derive(Debug, Clone, Default)]
pub struct Boundaries {
    cut: Cut1,
}

impl Boundaries {
    /// Takes the leaves of the next rows and returns how many of them go to each chunk that ends among them.
    ///
    /// What is left after the last of these stays in the open chunk, which the end of the dataset ends.
    pub fn ends(&mut self, leaves: &[Leaf]) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut rows = 0;
        for leaf in leaves {
            rows += 1;
            // u32 to usize does not lose on any machine that holds such rows.
            if self.cut.push(leaf.len as usize, &leaf.hash) {
                ends.push(std::mem::take(&mut rows));
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use mira_core::digest::Digest;

    use super::*;

    #[test]
    fn batches_do_not_matter() {
        let leaf = |i: u32| Leaf { hash: Digest::of(&i.to_be_bytes()).into(), len: 3_000 + i % 5_000 };
        let leaves: Vec<Leaf> = (0..9_000).map(leaf).collect();
        let whole = Boundaries::default().ends(&leaves);
        assert!(whole.len() > 5);
        for size in [1, 7, 1000, 8_999] {
            let mut boundaries = Boundaries::default();
            let (mut chunks, mut open) = (Vec::new(), 0);
            for batch in leaves.chunks(size) {
                let ends = boundaries.ends(batch);
                let closed: usize = ends.iter().sum();
                for rows in ends {
                    chunks.push(std::mem::take(&mut open) + rows);
                }
                open += batch.len() - closed;
            }
            assert_eq!(chunks, whole, "batches of {size}");
        }
    }
}
