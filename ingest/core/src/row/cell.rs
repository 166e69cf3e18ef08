//! Dates and times as items of a row. The unit they were stored in leaves no trace.

use super::CellError;
use crate::cbor;

/// Nanoseconds in a day; a time of day is below it.
pub const NANOS_PER_DAY: u64 = 86_400_000_000_000;

const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// Appends a date: days since 1970-01-01.
#[inline]
pub fn date(out: &mut Vec<u8>, days: i32) {
    cbor::int(out, i64::from(days));
}

/// Appends a time of day: nanoseconds since midnight, less than [`NANOS_PER_DAY`].
#[inline]
pub fn time(out: &mut Vec<u8>, nanos: u64) -> Result<(), CellError> {
    if nanos >= NANOS_PER_DAY {
        return Err(CellError::Time { found: nanos });
    }
    cbor::uint(out, nanos);
    Ok(())
}

/// Appends a timestamp, an instant (both since 1970-01-01T00:00:00) or a duration.
#[inline]
pub fn seconds(out: &mut Vec<u8>, value: Seconds) {
    if value.nanos == 0 {
        cbor::int(out, value.whole);
    } else {
        cbor::array(out, 2);
        cbor::int(out, value.whole);
        cbor::uint(out, u64::from(value.nanos));
    }
}

/// A number of seconds, exact to the nanosecond: the floor, and what is above it.
///
/// ```
/// use mira_core::row::{Seconds, TimeUnit};
///
/// let half_before = Seconds::from_ticks(-500, TimeUnit::Millisecond);
/// assert_eq!((half_before.whole(), half_before.nanos()), (-1, 500_000_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds {
    whole: i64,
    nanos: u32,
}

impl Seconds {
    /// `whole` seconds and `nanos` nanoseconds after them, which are less than a second.
    #[inline]
    pub const fn new(whole: i64, nanos: u32) -> Result<Self, CellError> {
        if nanos >= NANOS_PER_SECOND {
            return Err(CellError::Nanos { found: nanos as u64 });
        }
        Ok(Self { whole, nanos })
    }

    /// A count of `unit`s, before or after zero.
    #[inline]
    pub const fn from_ticks(ticks: i64, unit: TimeUnit) -> Self {
        let per_second = unit.per_second();
        let rest = ticks.rem_euclid(per_second) * (NANOS_PER_SECOND as i64 / per_second);
        // The remainder is below `per_second`, so the product is below 10^9.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= rest < 10^9")]
        Self { whole: ticks.div_euclid(per_second), nanos: rest as u32 }
    }

    /// The largest whole number of seconds that is not above the value.
    pub const fn whole(self) -> i64 {
        self.whole
    }

    /// Nanoseconds above the whole seconds, less than 10^9.
    pub const fn nanos(self) -> u32 {
        self.nanos
    }
}

/// What a stored count of time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Seconds.
    Second,
    /// 10^-3 seconds.
    Millisecond,
    /// 10^-6 seconds.
    Microsecond,
    /// 10^-9 seconds.
    Nanosecond,
}

impl TimeUnit {
    /// How many make a second.
    pub const fn per_second(self) -> i64 {
        match self {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Seconds) -> String {
        let mut out = Vec::new();
        seconds(&mut out, value);
        data_encoding::HEXLOWER.encode(&out)
    }

    #[test]
    fn the_unit_leaves_no_trace() {
        for (ticks, unit) in [
            (-3, TimeUnit::Second),
            (-3_000, TimeUnit::Millisecond),
            (-3_000_000, TimeUnit::Microsecond),
            (-3_000_000_000, TimeUnit::Nanosecond),
        ] {
            assert_eq!(written(Seconds::from_ticks(ticks, unit)), "22");
        }
        assert_eq!(written(Seconds::from_ticks(-1, TimeUnit::Nanosecond)), "82201a3b9ac9ff");
        assert_eq!(written(Seconds::from_ticks(1_500, TimeUnit::Millisecond)), "82011a1dcd6500");
    }

    #[test]
    fn every_count_of_every_unit_has_a_place() {
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
            for ticks in [i64::MIN, -1, 0, 1, i64::MAX] {
                let value = Seconds::from_ticks(ticks, unit);
                let nanos = i128::from(value.whole()) * 1_000_000_000 + i128::from(value.nanos());
                assert_eq!(nanos, i128::from(ticks) * i128::from(1_000_000_000 / unit.per_second()));
            }
        }
        assert!(Seconds::new(0, 999_999_999).is_ok());
        assert_eq!(Seconds::new(0, 1_000_000_000), Err(CellError::Nanos { found: 1_000_000_000 }));
    }

    #[test]
    fn a_day_ends_before_midnight() {
        let mut out = Vec::new();
        assert!(time(&mut out, NANOS_PER_DAY - 1).is_ok());
        assert_eq!(time(&mut out, NANOS_PER_DAY), Err(CellError::Time { found: NANOS_PER_DAY }));
    }
}
