//! Values that were seen a moment ago, and need not be seen again.
//!
//! Many columns repeat a few values, and what a report says of a column does not change when a value comes again. A small
//! table, addressed by a few bits of the value, remembers one value a slot and compares the whole of it, so that nothing
//! is passed over that was not seen before. Where most values are new it would only cost: the first values of an array
//! tell which kind it is.

/// Slots of a table: enough for the codes, flags and small numbers that columns repeat.
const SLOTS: usize = 64;
/// Values of an array that tell whether it repeats itself; shorter arrays are not worth the question.
const PROBE: usize = 256;

/// Calls `see` for the values, but mostly not for those that came just before. `bits` says where to remember a value: equal
/// ones are at one place.
#[inline]
pub(super) fn each_new<V: Copy + PartialEq>(
    mut values: impl Iterator<Item = V>,
    bits: impl Fn(V) -> u64,
    mut see: impl FnMut(V),
) {
    let Some(first) = values.next() else { return };
    see(first);
    let mut slots = [first; SLOTS];
    let mut is_new = |value: V| match slots.get_mut(slot_of(bits(value))) {
        Some(slot) if *slot == value => false,
        Some(slot) => {
            *slot = value;
            true
        }
        None => true,
    };
    let mut new = 0;
    for value in values.by_ref().take(PROBE) {
        if is_new(value) {
            new += 1;
            see(value);
        }
    }
    if new > PROBE / 2 {
        values.for_each(see);
    } else {
        values.filter(|value| is_new(*value)).for_each(see);
    }
}

/// The highest bits of a product: the low bits of values that are multiples of something are all the same.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "six bits")]
const fn slot_of(bits: u64) -> usize {
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SLOTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_value_is_seen_and_repeated_ones_are_not_seen_often() {
        for (distinct, most) in [(1, 1), (7, 60), (50, 2000), (100_000, 10_000)] {
            let values: Vec<u64> = (0..10_000_u64).map(|i| i.wrapping_mul(0x5851_f42d_4c95_7f2d) % distinct).collect();
            let mut seen = Vec::new();
            each_new(values.iter().copied(), |value| value, |value| seen.push(value));
            let expected: BTreeSet<_> = values.iter().copied().collect();
            assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), expected);
            assert!(seen.len() <= most, "{} of {distinct}", seen.len());
        }
    }

    #[test]
    fn values_at_one_place_push_each_other_out_and_both_are_seen() {
        let mut seen = 0;
        each_new([1_u64, 2].into_iter().cycle().take(1000), |_| 0, |_| seen += 1);
        assert_eq!(seen, 1000);
        each_new(std::iter::empty::<u64>(), |_| 0, |_| seen += 1);
        assert_eq!(seen, 1000);
    }
}
