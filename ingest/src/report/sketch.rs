//! How many different values a column has, estimated in bounded memory: the k smallest hashes.
//!
//! Each value is hashed to 64 bits, and the [`K`] smallest different hashes are kept. Up to K different values they are
//! all there is, and the count is exact; beyond, the K-th smallest tells how densely hashes lie: the estimate has a
//! standard error of 1/√(K-2), 3.1 %. The set depends on the values alone, so it is the same in whatever order, in how
//! many parts and on how many threads they were seen.
//!
//! The hash is fast and not cryptographic: whoever chooses values to that end can make the estimate wrong, as they can
//! make any other values. What counts for money is never counted so.

/// Hashes that are kept.
pub(super) const K: usize = 1024;
/// Slots of a full table: twice as many as hashes before the larger ones are dropped.
const MAX_SLOTS: usize = 4 * K;
const MIN_SLOTS: usize = 16;
/// What an empty slot holds; no hash is 0.
const EMPTY: u64 = 0;

/// A set of hashes: at least the K smallest that were seen.
#[derive(Debug, Clone)]
pub(super) struct Distinct {
    /// Open addressing, at most half full.
    slots: Vec<u64>,
    len: usize,
    /// Hashes from here on are none of the K smallest, or are there already.
    limit: u64,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { slots: vec![EMPTY; MIN_SLOTS], len: 0, limit: u64::MAX }
    }
}

impl Distinct {
    /// Sees a value of one word.
    #[inline]
    pub(super) fn see_word(&mut self, word: u64) {
        self.see(mix(0, word));
    }

    /// Sees a value of several words.
    #[inline]
    pub(super) fn see_words(&mut self, words: impl IntoIterator<Item = u64>) {
        self.see(words.into_iter().fold(0, mix));
    }

    /// Sees a byte string: its words, zeros after its end, and its length.
    #[inline]
    pub(super) fn see_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            hash = mix(hash, rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        self.see(mix(hash, bytes.len() as u64));
    }

    /// Sees what another has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        other.hashes().for_each(|hash| self.see(hash));
        self.limit = self.limit.min(other.limit);
    }

    /// How many different hashes were seen: exactly up to K, estimated beyond.
    pub(super) fn estimate(&self) -> u64 {
        let mut hashes: Vec<u64> = self.hashes().collect();
        if hashes.len() <= K {
            return hashes.len() as u64;
        }
        let (_, kth, _) = hashes.select_nth_unstable(K - 1);
        let density = ((K as u128 - 1) << 64) / u128::from(*kth);
        u64::try_from(density).unwrap_or(u64::MAX)
    }

    #[inline]
    fn see(&mut self, hash: u64) {
        let hash = hash.max(1);
        if hash < self.limit {
            self.keep(hash);
        }
    }

    fn keep(&mut self, hash: u64) {
        if !insert(&mut self.slots, hash) {
            return;
        }
        self.len += 1;
        if self.len * 2 > self.slots.len() {
            if self.slots.len() < MAX_SLOTS { self.grow() } else { self.drop_larger() }
        }
    }

    fn grow(&mut self) {
        let slots = vec![EMPTY; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, slots);
        for hash in old.into_iter().filter(|hash| *hash != EMPTY) {
            insert(&mut self.slots, hash);
        }
    }

    fn drop_larger(&mut self) {
        let mut hashes: Vec<u64> = self.hashes().collect();
        // One more than K is kept, so that the number of hashes still tells that there were more than K.
        let (smaller, last, _) = hashes.select_nth_unstable(K);
        self.limit = *last;
        self.slots.fill(EMPTY);
        self.len = K + 1;
        for hash in smaller.iter().chain([&*last]) {
            insert(&mut self.slots, *hash);
        }
    }

    fn hashes(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().copied().filter(|hash| *hash != EMPTY)
    }
}

/// Puts a hash into a table that has an empty slot; whether it was not there.
fn insert(slots: &mut [u64], hash: u64) -> bool {
    let mask = slots.len() - 1;
    // The low bits choose the slot: the small hashes that stay have their high bits in common.
    let mut at = usize::try_from(hash & mask as u64).unwrap_or(0);
    while let Some(slot) = slots.get_mut(at) {
        if *slot == hash {
            return false;
        }
        if *slot == EMPTY {
            *slot = hash;
            return true;
        }
        at = (at + 1) & mask;
    }
    false
}

/// The finaliser of SplitMix64 over the hash so far and the next word.
#[inline]
const fn mix(hash: u64, word: u64) -> u64 {
    let x = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "errors are fractions")]
mod tests {
    use super::*;

    fn seen(words: impl IntoIterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        words.into_iter().for_each(|word| distinct.see_word(word));
        distinct
    }

    #[test]
    fn the_first_words_of_splitmix64() {
        // The generator seeded with 0 returns these: its state grows by the constant that `mix` adds.
        assert_eq!(mix(0, 0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0, 0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn exact_up_to_k() {
        for count in [0, 1, 2, 15, 16, 17, 1000, K as u64] {
            assert_eq!(seen((0..count).chain(0..count)).estimate(), count);
        }
    }

    /// The bound that FORMAT.md states: 4 standard errors, 12.6 %, and 3.2 % in the mean.
    #[test]
    fn the_error_is_bounded() {
        let (mut squares, mut runs) = (0.0, 0);
        for count in [1025, 1500, 2048, 5000, 20_000, 100_000_u64] {
            // Counters, multiples, and words that look random, each from several places.
            for step in [1, 1 << 20, 0x9e37_79b9_7f4a_7c15, 1_000_003, 10, 86_400_000_000] {
                for from in [0_u64, 1 << 40, u64::MAX - 77] {
                    let words = (0..count).map(|i| from.wrapping_add(i.wrapping_mul(step)));
                    let error = seen(words).estimate() as f64 / count as f64 - 1.0;
                    assert!(error.abs() < 0.126, "{count} {step} {from}: {error}");
                    squares += error * error;
                    runs += 1;
                }
            }
        }
        let mean = (squares / f64::from(runs)).sqrt();
        assert!((0.015..0.036).contains(&mean), "{mean}");
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        for count in [10, 1000, 1024, 1025, 3000, 50_000_u64] {
            let whole = seen(0..count).estimate();
            for parts in [2, 3, 7] {
                let mut merged = Distinct::default();
                for part in (0..parts).rev() {
                    merged.merge(&seen((0..count).filter(|word| word % parts == part).rev()));
                }
                assert_eq!(merged.estimate(), whole, "{count} in {parts}");
            }
        }
    }

    #[test]
    fn strings_of_zeros_differ_by_length() {
        let mut distinct = Distinct::default();
        for len in 0..40 {
            distinct.see_bytes(&[0; 40][..len]);
        }
        assert_eq!(distinct.estimate(), 40);
    }
}
