//! `cut-1`: where a chunk ends, decided by the content of its rows.

use crate::digest::RowLeaf;

/// Decides after each row whether its chunk ends there.
///
/// With b = canonical bytes of the open chunk including this row, it ends iff
/// - b ≥ 4T, or
/// - it has 2^18 rows, or
/// - b ≥ T/4 and u64be(leaf\[0..8\]) < min(row_len, T) · ⌊2^64 / T⌋.
///
/// The leaf is as good as random, so past T/4 a chunk ends after each of its bytes with a chance of 1/T, wherever rows
/// begin and end: chunks have about 1.23 T bytes and are shorter than 4T and one row. Where two sequences of rows agree
/// they soon cut at the same rows, whatever came before, so an edit changes the chunks it touches and about one more. A
/// run of equal rows is the exception: all of them are cuts or none is, and then only 4T and 2^18 end a chunk, which
/// depend on where it began.
///
/// The last rows of a dataset are a chunk too, whether or not [`Cut1::push`] ends it; [`Cut1::is_open`] tells.
///
/// ```
/// use mira_core::dataset::Cut1;
/// use mira_core::digest::{Digest, RowLeaf};
///
/// let mut cut = Cut1::default();
/// let first = RowLeaf::new(Digest::new([0; 32]));
/// assert!(!cut.push(Cut1::MIN_BYTES - 1, &first), "too early for any leaf");
/// assert!(cut.push(1, &first), "the smallest leaf ends a chunk as soon as one may end");
/// assert!(!cut.is_open());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cut1 {
    rows: u32,
    bytes: usize,
}

impl Cut1 {
    /// The name under which a manifest says that this rule made its chunks.
    pub const NAME: &str = "cut-1";
    /// T = 2^21 bytes: how many lie between two cuts on average.
    pub const TARGET_BYTES: usize = 1 << 21;
    /// T/4: a chunk with fewer bytes ends only with the dataset, or at [`Cut1::MAX_ROWS`].
    pub const MIN_BYTES: usize = Self::TARGET_BYTES / 4;
    /// 4T: a chunk with as many bytes ends.
    pub const MAX_BYTES: usize = Self::TARGET_BYTES * 4;
    /// 2^18: a chunk with as many rows ends.
    pub const MAX_ROWS: u32 = 1 << 18;
    /// ⌊2^64 / T⌋: how many of the 2^64 leaf prefixes each byte of a row makes cuts.
    const PREFIXES_PER_BYTE: u128 = (1 << 64) / Self::TARGET_BYTES as u128;

    /// Takes the next row, by the length of its canonical bytes and its leaf; true if the chunk ends after it.
    pub fn push(&mut self, row_len: usize, leaf: &RowLeaf) -> bool {
        self.rows += 1; // At most MAX_ROWS, where the count starts again.
        self.bytes = self.bytes.saturating_add(row_len);
        let ends = self.bytes >= Self::MAX_BYTES
            || self.rows >= Self::MAX_ROWS
            || (self.bytes >= Self::MIN_BYTES && Self::is_cut(row_len, leaf));
        if ends {
            *self = Self::default();
        }
        ends
    }

    /// Whether rows wait for their chunk to end.
    pub const fn is_open(&self) -> bool {
        self.rows > 0
    }

    /// Whether the row by itself is a place to cut. In 128 bits, since a row of T bytes or more has the bound 2^64.
    fn is_cut(row_len: usize, leaf: &RowLeaf) -> bool {
        let prefix = leaf.as_bytes().iter().take(8).fold(0_u128, |prefix, byte| prefix << 8 | u128::from(*byte));
        prefix < row_len.min(Self::TARGET_BYTES) as u128 * Self::PREFIXES_PER_BYTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    const T: usize = Cut1::TARGET_BYTES;
    /// Cuts nowhere by its content, unless the row has T bytes.
    const LAST: u64 = u64::MAX;
    const NONE: [usize; 0] = [];

    fn leaf(prefix: u64) -> RowLeaf {
        let mut bytes = [0xff; 32];
        bytes[..8].copy_from_slice(&prefix.to_be_bytes());
        Digest::new(bytes).into()
    }

    /// The indices of the rows after which a chunk ends.
    fn cuts(rows: impl IntoIterator<Item = (usize, u64)>) -> Vec<usize> {
        let mut cut = Cut1::default();
        let ends = rows.into_iter().enumerate().filter(|(_, (len, prefix))| cut.push(*len, &leaf(*prefix)));
        ends.map(|(i, _)| i).collect()
    }

    /// Rows of pseudo-random lengths and leaves (SplitMix64); each row's leaf goes with the row.
    fn random_rows(seed: u64, count: usize, mean_len: u64) -> Vec<(usize, u64)> {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        (0..count).map(|_| (usize::try_from(1 + next() % (2 * mean_len)).unwrap(), next())).collect()
    }

    #[test]
    fn not_before_a_quarter_of_the_target() {
        assert_eq!(cuts([(T / 4 - 1, 0)]), NONE);
        assert_eq!(cuts([(T / 4, 0)]), [0]);
        assert_eq!(cuts([(T / 4 - 1, 0), (1, 0)]), [1]);
        assert_eq!(cuts([(T / 4 - 1, LAST), (1, 0), (T / 4 - 1, 0), (1, 0)]), [1, 3]);
    }

    #[test]
    fn the_bound_is_the_length_times_2_to_the_43() {
        for len in [1, 2, 1000, T - 1] {
            let bound = u64::try_from(len).unwrap() << 43;
            assert_eq!(cuts([(T / 4, LAST), (len, bound - 1)]), [1], "{len}");
            assert_eq!(cuts([(T / 4, LAST), (len, bound)]), NONE, "{len}");
        }
        assert_eq!(cuts([(0, 0), (T / 4, LAST), (0, 0)]), NONE, "a length of zero has no prefixes");
        assert_eq!(cuts([(T, LAST)]), [0], "every prefix is below 2^64");
        assert_eq!(cuts([(T + 1, LAST)]), [0]);
    }

    #[test]
    fn not_after_four_targets_or_2_to_the_18_rows() {
        assert_eq!(cuts([(T - 1, LAST), (T - 1, LAST), (T - 1, LAST), (T - 1, LAST), (3, LAST)]), NONE);
        assert_eq!(cuts([(T - 1, LAST), (T - 1, LAST), (T - 1, LAST), (T - 1, LAST), (3, LAST), (1, LAST)]), [5]);
        let max = 1 << 18;
        assert_eq!(cuts((0..2 * max + 1).map(|_| (1, LAST))), [max - 1, 2 * max - 1]);
        assert_eq!(cuts([(usize::MAX, LAST), (usize::MAX, LAST)]), [0, 1]);
    }

    #[test]
    fn an_unfinished_chunk_is_open() {
        let mut cut = Cut1::default();
        assert!(!cut.is_open());
        assert!(!cut.push(1, &leaf(0)) && cut.is_open());
        assert!(cut.push(T, &leaf(0)) && !cut.is_open());
    }

    #[test]
    fn sizes_are_as_the_rule_promises() {
        for mean_len in [200, 8_000, 300_000] {
            let total = 300 * T as u64;
            let rows = random_rows(mean_len, usize::try_from(total / mean_len).unwrap(), mean_len);
            let ends = cuts(rows.iter().copied());
            let mut start = 0;
            let mut sizes = Vec::new();
            for end in ends {
                sizes.push(rows[start..=end].iter().map(|(len, _)| len).sum::<usize>());
                start = end + 1;
            }
            let longest_row = usize::try_from(2 * mean_len).unwrap();
            assert!(sizes.iter().all(|size| (T / 4..4 * T + longest_row).contains(size)));
            // T/4, then exponential with mean T and cut off at 4T: 1.23 T. Few large rows overshoot by about one.
            let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64 / T as f64;
            assert!((1.0..1.5).contains(&mean), "{mean}");
        }
    }

    #[test]
    fn chunks_after_an_edit_are_the_same_chunks() {
        let rows = random_rows(7, 60_000, 2_000);
        let before = cuts(rows.iter().copied());
        for at in [0, 1, 12_345, 30_000, 50_000] {
            let mut edited = rows.clone();
            edited[at].1 ^= u64::MAX;
            edited.splice(at..at, random_rows(99, 10, 2_000));
            let after: Vec<usize> = cuts(edited);
            let untouched = before.iter().filter(|end| **end < at).count();
            assert_eq!(before[..untouched], after[..untouched]);
            // Past the edit, all but the first few chunks end at the same rows, which moved by ten.
            let lost = before.iter().filter(|end| **end >= at && !after.contains(&(**end + 10))).count();
            assert!(lost <= 4, "{lost} chunks lost after an edit at {at}");
        }
    }
}
