//! Splitting an amount by weights, exactly.
//!
//! Each part gets the whole units of `amount · weight / total`; the units that are left over go, one each, to the parts
//! with the largest remainders, and among equal remainders to the smallest ids. So parts always add up to the amount,
//! nothing depends on the order in which parts were found, and a part of weight 0 gets nothing.
//!
//! A larger amount may give one part one unit less (the Alabama paradox of largest remainders); sums over epochs still
//! only grow, for each epoch adds to them.
//!
//! ```
//! use alloy::primitives::U256;
//! use mira_anchor::reward::split;
//!
//! let parts = [("a", 1), ("b", 1), ("c", 1)].map(|(id, weight)| (id, U256::from(weight))).into();
//! let split = split(U256::from(5), &parts).expect("there is weight");
//! assert_eq!(split.into_values().collect::<Vec<_>>(), [2, 2, 1].map(U256::from));
//! ```

use std::cmp::Reverse;
use std::collections::BTreeMap;

use alloy::primitives::{U256, U512};

/// Splits `amount` by `weights`; nothing if there is no weight.
pub fn split<K: Ord + Clone>(amount: U256, weights: &BTreeMap<K, U256>) -> Option<BTreeMap<K, U256>> {
    // At most 2^64 weights below 2^256 each: their sum is far below 2^512.
    let total = weights.values().fold(U512::ZERO, |total, weight| total + U512::from(*weight));
    if total.is_zero() {
        return None;
    }
    let mut shares: Vec<Share<'_, K>> =
        weights.iter().map(|(id, weight)| Share::of(id, amount, *weight, total)).collect();
    let given = shares.iter().fold(U256::ZERO, |given, share| given + share.units);
    // The remainders add up to `left · total` and each is below `total`, so fewer units are left than parts have one.
    let mut left = amount - given;
    shares.sort_unstable_by_key(|share| (Reverse(share.remainder), share.id));
    for share in &mut shares {
        if left.is_zero() {
            break;
        }
        share.units += U256::ONE;
        left -= U256::ONE;
    }
    Some(shares.into_iter().map(|share| (share.id.clone(), share.units)).collect())
}

/// What one part gets.
struct Share<'a, K> {
    id: &'a K,
    units: U256,
    remainder: U512,
}

impl<'a, K> Share<'a, K> {
    fn of(id: &'a K, amount: U256, weight: U256, total: U512) -> Self {
        let product: U512 = amount.widening_mul(weight);
        let (units, remainder) = product.div_rem(total);
        // At most `amount`, for a weight is at most the total.
        Self { id, units: U256::from_limbs_slice(units.as_limbs().get(..4).unwrap_or_default()), remainder }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn weights(list: &[U256]) -> BTreeMap<usize, U256> {
        list.iter().copied().enumerate().collect()
    }

    fn of(list: &[u64]) -> BTreeMap<usize, U256> {
        weights(&list.iter().map(|weight| U256::from(*weight)).collect::<Vec<_>>())
    }

    fn units(amount: u64, list: &[u64]) -> Option<Vec<u64>> {
        Some(split(U256::from(amount), &of(list))?.into_values().map(|units| units.to::<u64>()).collect())
    }

    #[test]
    fn by_hand() {
        assert_eq!(units(10, &[]), None);
        assert_eq!(units(10, &[0, 0]), None);
        assert_eq!(units(0, &[0, 3]), Some(vec![0, 0]));
        assert_eq!(units(10, &[7]), Some(vec![10]));
        assert_eq!(units(10, &[1, 1, 1]), Some(vec![4, 3, 3]), "ties by id");
        assert_eq!(units(7, &[3, 3, 1]), Some(vec![3, 3, 1]));
        assert_eq!(units(1, &[1, 2, 1]), Some(vec![0, 1, 0]), "the largest remainder");
        assert_eq!(units(2, &[0, 1, 1]), Some(vec![0, 1, 1]), "no weight, no unit");
    }

    #[test]
    fn extremes_neither_wrap_nor_round() {
        let max = U256::MAX;
        let split_of = |amount, list: &[U256]| split(amount, &weights(list)).unwrap();
        assert_eq!(split_of(max, &[max])[&0], max);
        let three = split_of(max, &[max, max, max]);
        assert!(three.values().all(|part| *part == max / U256::from(3)), "2^256 - 1 is divisible by 3");
        let two = split_of(max, &[max, max]);
        assert_eq!(two[&0], two[&1] + U256::ONE);
        let u128_max = U256::from(u128::MAX);
        let uneven = split_of(u128_max, &[u128_max, U256::ONE]);
        assert_eq!(uneven, [(0, u128_max - U256::ONE), (1, U256::ONE)].into());
        assert_eq!(split_of(U256::ONE, &[U256::ONE, max])[&1], U256::ONE);
    }

    fn amount() -> impl Strategy<Value = U256> {
        prop_oneof![
            any::<u8>().prop_map(U256::from),
            any::<u128>().prop_map(U256::from),
            any::<[u64; 4]>().prop_map(U256::from_limbs),
            Just(U256::MAX)
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nobody_is_a_unit_off(amount in amount(), list in vec(amount(), 1..20)) {
            let weights = weights(&list);
            let Some(parts) = split(amount, &weights) else {
                prop_assert!(list.iter().all(U256::is_zero));
                return Ok(());
            };
            let sum = parts.values().fold(U512::ZERO, |sum, part| sum + U512::from(*part));
            prop_assert_eq!(sum, U512::from(amount));
            let total = list.iter().fold(U512::ZERO, |sum, weight| sum + U512::from(*weight));
            for (id, part) in &parts {
                let exact = amount.widening_mul::<256, 4, 512, 8>(weights[id]);
                let floor = exact / total;
                let whole = exact % total == U512::ZERO;
                let part = U512::from(*part);
                prop_assert!(part == floor || (!whole && part == floor + U512::from(1)));
            }
        }

        #[test]
        fn weights_are_ratios(amount in any::<u64>(), list in vec(0_u64..1000, 1..12), factor in 1_u64..1000) {
            let scaled: Vec<u64> = list.iter().map(|weight| weight * factor).collect();
            prop_assert_eq!(units(amount, &list), units(amount, &scaled));
        }

        #[test]
        fn equal_weights_differ_by_at_most_a_unit(amount in any::<u64>(), parts in 1_usize..50, weight in 1_u64..99) {
            let shares = units(amount, &vec![weight; parts]).unwrap();
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
            prop_assert!(shares.windows(2).all(|pair| pair[0] >= pair[1]), "smaller ids first");
        }

        #[test]
        fn one_part_made_two_gains_at_most_a_unit(
            amount in any::<u64>(), list in vec(1_u64..1000, 1..12), first in 0_u64..1000,
        ) {
            let whole = units(amount, &list).unwrap()[0];
            let cut = first.min(list[0]);
            let mut two = list.clone();
            two[0] = cut;
            two.push(list[0] - cut);
            let halves = units(amount, &two).unwrap();
            prop_assert!(halves[0] + halves[halves.len() - 1] <= whole + 1);
        }
    }
}
