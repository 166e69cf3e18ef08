//! What a transaction offers for its gas, and by how much it is raised.
//!
//! Nodes replace a waiting transaction only by one that offers at least a tenth more in *both* fields; some take less,
//! so no node's acceptance shows that a bump is large enough. Rounding is upwards: a tenth of 1 wei is 1 wei.

/// The most that a transaction offers without looking at the market: 100 gwei.
const FREE_CEILING: u128 = 100_000_000_000;
/// How many times the market's own price a transaction may offer beyond that.
const CEILING: u128 = 5;
/// The tip where the node names none: 1 gwei.
pub(crate) const DEFAULT_TIP: u128 = 1_000_000_000;

/// Both fee fields of an EIP-1559 transaction, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// `maxPriorityFeePerGas`.
    pub tip: u128,
    /// `maxFeePerGas`.
    pub cap: u128,
}

impl Fees {
    /// What the market asks now: the tip, and twice the base fee above it, so that six full blocks in a row do not
    /// outgrow it.
    pub fn market(tip: u128, base_fee: u128) -> Self {
        Self { tip, cap: tip.saturating_add(base_fee.saturating_mul(2)) }
    }

    /// The next offer: each field at least a tenth more than this one, and at least what the market asks. `None` if
    /// that is more than we would ever offer: then the old bytes are sent again.
    pub fn bumped(self, market: Self) -> Option<Self> {
        let bumped = Self { tip: raise(self.tip).max(market.tip), cap: raise(self.cap).max(market.cap) };
        let fits = |offer, market: u128| offer <= market.saturating_mul(CEILING).max(FREE_CEILING);
        (fits(bumped.tip, market.tip) && fits(bumped.cap, market.cap)).then_some(bumped)
    }
}

/// A tenth more, rounded up, and at least 1 wei more.
fn raise(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(10).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fields_rise_by_a_tenth_rounded_up() {
        for (fee, expected) in [(0, 1), (1, 2), (9, 10), (10, 11), (11, 13), (100, 110), (101, 112)] {
            assert_eq!(raise(fee), expected, "{fee}");
            assert!(expected * 10 >= fee * 11, "{fee} is under-bumped");
        }
        assert_eq!(raise(u128::MAX), u128::MAX);
        let market = Fees { tip: 1, cap: 1 };
        assert_eq!(Fees { tip: 1, cap: 1001 }.bumped(market), Some(Fees { tip: 2, cap: 1102 }));
    }

    #[test]
    fn a_bump_follows_a_market_that_rose_further() {
        let market = Fees::market(5, 50);
        assert_eq!(market, Fees { tip: 5, cap: 105 });
        assert_eq!(Fees { tip: 1, cap: 20 }.bumped(market), Some(market));
        assert_eq!(Fees { tip: 5, cap: 20 }.bumped(market), Some(Fees { tip: 6, cap: 105 }));
    }

    #[test]
    fn there_is_a_ceiling() {
        let market = Fees { tip: 30_000_000_000, cap: 60_000_000_000 };
        let mut offer = market;
        let mut bumps = 0;
        while let Some(next) = offer.bumped(market) {
            offer = next;
            bumps += 1;
        }
        assert!(offer.tip <= 150_000_000_000 && offer.cap <= 300_000_000_000);
        assert_eq!(bumps, 16);
        // Below the free ceiling the market is not asked.
        assert!(Fees { tip: 1, cap: 80_000_000_000 }.bumped(Fees { tip: 1, cap: 1 }).is_some());
        assert!(Fees { tip: 1, cap: 95_000_000_000 }.bumped(Fees { tip: 1, cap: 1 }).is_none());
    }
}
