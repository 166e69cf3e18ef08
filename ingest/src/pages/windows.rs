//! What batches of each size take at most, before the size is chosen.

/// A column's weight in batches of 1, 2, 4, … rows: each batch begins where a multiple of its size does.
#[derive(Debug, Clone)]
pub(super) struct Windows(Vec<Window>);

/// The batches of one size: the last of them that had anything, what it has so far, and the most that one had.
#[derive(Debug, Clone, Default)]
struct Window {
    last: u64,
    sum: u64,
    most: u64,
}

impl Windows {
    /// For batches of up to so many rows.
    pub(super) fn up_to(rows: usize) -> Self {
        Self(vec![Window::default(); exponent(rows) + 1])
    }

    /// What stands beside this in the same rows.
    pub(super) fn merge(&mut self, other: &Self) {
        for (window, other) in self.0.iter_mut().zip(&other.0) {
            window.most = window.most.saturating_add(other.most);
        }
    }

    /// Rows that follow those before, each with a weight of its own.
    pub(super) fn add_each(&mut self, first: u64, rows: u64, weight: u64) {
        self.add(first, rows, |rows| rows.saturating_mul(weight));
    }

    /// Rows with a weight that any of them may have all of.
    pub(super) fn add_shared(&mut self, first: u64, rows: u64, weight: u64) {
        self.add(first, rows, |_| weight);
    }

    /// Some weight that stands anywhere.
    pub(super) fn add_everywhere(&mut self, weight: u64) {
        for window in &mut self.0 {
            window.most = window.most.saturating_add(weight);
        }
    }

    fn add(&mut self, first: u64, rows: u64, weight: impl Fn(u64) -> u64) {
        let Some(last) = rows.checked_sub(1).map(|more| first.saturating_add(more)) else { return };
        for (exponent, window) in (0..u64::BITS).zip(&mut self.0) {
            let (from, to) = (first >> exponent, last >> exponent);
            if from == to {
                window.put(from, weight(rows));
                continue;
            }
            window.put(from, weight(((from + 1) << exponent) - first));
            if to - from > 1 {
                window.most = window.most.max(weight(1 << exponent));
            }
            window.put(to, weight(last - (to << exponent) + 1));
        }
    }

    /// The most that a batch of 2^exponent rows has.
    pub(super) fn most(&self, exponent: usize) -> u64 {
        self.0.get(exponent).map_or(0, |window| window.most)
    }
}

/// That of the smallest power of two which is no less.
pub(super) fn exponent(rows: usize) -> usize {
    (usize::BITS - rows.saturating_sub(1).leading_zeros()) as usize
}

impl Window {
    fn put(&mut self, number: u64, weight: u64) {
        self.sum = if self.last == number { self.sum.saturating_add(weight) } else { weight };
        self.last = number;
        self.most = self.most.max(self.sum);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn windows_are_those_of_the_definition(runs in prop::collection::vec((0_u64..9, 0_u64..5), 0..12)) {
            let (mut windows, mut each) = (Windows::up_to(8), Vec::new());
            for (rows, weight) in runs {
                windows.add_each(each.len() as u64, rows, weight);
                each.extend((0..rows).map(|_| weight));
            }
            for exponent in 0..4 {
                let most = each.chunks(1 << exponent).map(|rows| rows.iter().sum::<u64>()).max().unwrap_or(0);
                prop_assert_eq!(windows.most(exponent), most);
            }
        }
    }

    #[test]
    fn what_is_shared_counts_in_full_wherever_it_may_be() {
        let mut windows = Windows::up_to(5);
        windows.add_shared(0, 3, 10);
        windows.add_shared(3, 1, 7);
        assert_eq!([0, 1, 2, 3].map(|exponent| windows.most(exponent)), [10, 17, 17, 17]);
        windows.add_everywhere(1);
        assert_eq!(windows.most(0), 11);
    }
}
