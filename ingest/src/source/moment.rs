//! Dates, times and points in time as text.
//!
//! One spelling each: `2024-02-29`, `23:59:59.5`, `2024-02-29T23:59:59.5` with `T` or one space, and for instants an
//! offset `Z`, `±hh:mm` or `±hh` behind it (RFC 3339, without its lower-case letters and leap seconds). Years run from
//! 0000 to 9999 in the proleptic Gregorian calendar; a fraction has one to nine digits.

use super::number::{DecimalRefusal, Number, Unscaled};

/// A date and time, with or without an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970-01-01T00:00:00, in UTC if an offset was given, else on the local clock.
    pub(crate) seconds: i64,
    /// Nanoseconds within that second.
    pub(crate) nanos: u32,
    /// Whether an offset was given.
    pub(crate) zoned: bool,
}

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DurationRefusal {
    /// It is not a number.
    Form,
    /// It has digits below a nanosecond.
    Excess,
    /// It is too long for 64 bits.
    Large,
}

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

const NANOS: i64 = 1_000_000_000;

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
#[inline]
pub(crate) fn date(text: &[u8]) -> Option<i32> {
    let (start, &[d0, d1]) = text.split_first_chunk::<8>().and_then(|(start, day)| Some((start, day.as_array()?)))?;
    // `YYYY-MM-` at once: digits become 0 to 9, and dashes 0.
    let digits = u64::from_le_bytes(*start) ^ u64::from_le_bytes(*b"0000-00-");
    // Adding 0x76 carries into the top bit from 10 on, and 0x7f from 1 on; bytes that have that bit are no ASCII.
    let most = u64::from_le_bytes([0x76, 0x76, 0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f]);
    const TOP: u64 = 0x8080_8080_8080_8080;
    if digits & TOP != 0 || digits.wrapping_add(most) & TOP != 0 {
        return None;
    }
    // Each byte ten times and the next one: below 100, so nothing carries.
    let [century, _, rest, _, _, month, ..] = (digits * 10 + (digits >> 8)).to_le_bytes();
    let (year, month, day) = (i32::from(century) * 100 + i32::from(rest), i32::from(month), two(d0, d1)?);
    let valid = (1..=12).contains(&month) && day >= 1 && (day <= 28 || day <= month_length(year, month));
    valid.then(|| days_from_civil(year, month, day))
}

/// Reads `hh:mm:ss` with an optional fraction as nanoseconds since midnight.
pub(crate) fn time(text: &[u8]) -> Option<i64> {
    let (seconds, nanos, rest) = clock(text)?;
    rest.is_empty().then_some(i64::from(seconds) * NANOS + i64::from(nanos))
}

impl Moment {
    /// Reads a date and a time, and an offset if there is one.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (day, rest) = text.split_at_checked(10)?;
        let [b'T' | b' ', rest @ ..] = rest else { return None };
        let days = date(day)?;
        let (seconds, nanos, rest) = clock(rest)?;
        let offset = if rest.is_empty() { None } else { Some(offset(rest)?) };
        let seconds = i64::from(days) * DAY + i64::from(seconds) - i64::from(offset.unwrap_or(0));
        Some(Self { seconds, nanos, zoned: offset.is_some() })
    }

    /// Whether microseconds cannot express it.
    pub(crate) fn needs_nanos(&self) -> bool {
        !self.nanos.is_multiple_of(1000)
    }

    /// Microseconds since the epoch; digits below are dropped, see [`Moment::needs_nanos`].
    pub(crate) fn micros(&self) -> i64 {
        // Years up to 9999 stay below 2^38 seconds.
        self.seconds * 1_000_000 + i64::from(self.nanos / 1000)
    }

    /// Nanoseconds since the epoch, which reach from 1677 to 2262.
    pub(crate) fn nanoseconds(&self) -> Option<i64> {
        let nanos = i128::from(self.seconds) * i128::from(NANOS) + i128::from(self.nanos);
        i64::try_from(nanos).ok()
    }
}

/// Reads decimal seconds as nanoseconds.
pub(crate) fn duration(text: &str) -> Result<i128, DurationRefusal> {
    match Number::parse(text).ok_or(DurationRefusal::Form)?.decimal(9) {
        Ok(Unscaled::Small(nanos, _)) => Ok(nanos),
        Ok(Unscaled::Big(_)) | Err(DecimalRefusal::Large) => Err(DurationRefusal::Large),
        Err(DecimalRefusal::Excess) => Err(DurationRefusal::Excess),
    }
}

/// Seconds, nanoseconds and what follows `hh:mm:ss[.fraction]`.
fn clock(text: &[u8]) -> Option<(i32, u32, &[u8])> {
    let &[h0, h1, b':', m0, m1, b':', s0, s1, ref rest @ ..] = text else { return None };
    let (hour, minute, second) = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    let [b'.', digits @ ..] = rest else { return Some((seconds, 0, rest)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = digits.split_at_checked(count)?;
    if !(1..=9).contains(&count) {
        return None;
    }
    let padded = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some((seconds, padded.fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')), rest))
}

/// Seconds east of UTC.
fn offset(text: &[u8]) -> Option<i32> {
    let (sign, hour, minute) = match *text {
        [b'Z'] => return Some(0),
        [sign, h0, h1] => (sign, two(h0, h1)?, 0),
        [sign, h0, h1, b':', m0, m1] => (sign, two(h0, h1)?, two(m0, m1)?),
        _ => return None,
    };
    let seconds = (hour * 60 + minute) * 60;
    match sign {
        _ if hour > 23 || minute > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i32::from(tens) * 10 + i32::from(ones))
}

fn month_length(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, of years from 0000 on. Years and months are counted from March, so that a leap day is the last of its
/// year; one era of 400 years more keeps all of it above zero, where divisions are cheap.
#[inline]
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let (year, month) = if month <= 2 { (year + 399, month + 9) } else { (year + 400, month - 3) };
    let (year, of_year) = (year.cast_unsigned(), (153 * month.cast_unsigned() + 2) / 5);
    let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year;
    days.cast_signed() + day - 1 - 719_468 - 146_097
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_the_calendar() {
        assert_eq!(date(b"1970-01-01"), Some(0));
        assert_eq!(date(b"2000-03-01"), Some(11_017));
        assert_eq!(date(b"0000-01-01"), Some(-719_528));
        assert_eq!(date(b"9999-12-31"), Some(2_932_896));
        // Every day of the range, counted one by one.
        let mut expected = -719_528;
        for year in 0..=9999 {
            for month in 1..=12 {
                for day in 1..=month_length(year, month) {
                    assert_eq!(days_from_civil(year, month, day), expected);
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn any_byte_at_any_place_is_a_digit_or_refused() {
        for at in 0..10 {
            for byte in 0..=u8::MAX {
                let mut text = *b"2011-11-11";
                text[at] = byte;
                let digit = |at: usize| text[at].is_ascii_digit().then(|| i32::from(text[at] - b'0'));
                let number = |places: &[usize]| places.iter().try_fold(0, |sum, at| Some(sum * 10 + digit(*at)?));
                let expected = number(&[0, 1, 2, 3])
                    .zip(number(&[5, 6]))
                    .zip(number(&[8, 9]))
                    .filter(|_| text[4] == b'-' && text[7] == b'-');
                let expected = expected.filter(|((year, month), day)| {
                    (1..=12).contains(month) && (1..=month_length(*year, *month)).contains(day)
                });
                assert_eq!(date(&text), expected.map(|((y, m), d)| days_from_civil(y, m, d)), "{at} {byte}");
            }
        }
    }

    #[test]
    fn other_spellings_are_not_dates() {
        for bad in [
            "",
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-04-31",
            "24-01-01",
            "2024-1-1",
            "2024/01/01",
            "2024-01-01 ",
            "+2024-01-01",
            "20240101",
        ] {
            assert_eq!(date(bad.as_bytes()), None, "{bad}");
        }
        assert!(date(b"2000-02-29").is_some());
    }

    #[test]
    fn offsets_move_the_clock() {
        let at = |text: &str| Moment::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(at("1970-01-01T00:00:00Z"), Moment { seconds: 0, nanos: 0, zoned: true });
        assert_eq!(at("1970-01-01 01:30:00+01:30").seconds, 0);
        assert_eq!(at("1970-01-01 01:00:00.000000001-02").seconds, 3 * 3600);
        assert_eq!(at("1969-12-31T23:59:59.25"), Moment { seconds: -1, nanos: 250_000_000, zoned: false });
        assert_eq!(at("0000-01-01T00:00:00+23:59").seconds, -719_528 * DAY - 86_340);
    }

    #[test]
    fn other_spellings_are_not_moments() {
        for bad in [
            "2024-01-01",
            "2024-01-01T",
            "2024-01-01T10:00",
            "2024-01-01t10:00:00",
            "2024-01-01T10:00:00z",
            "2024-01-01  10:00:00",
            "2024-01-01T24:00:00",
            "2024-01-01T23:59:60",
            "2024-01-01T10:60:00",
            "2024-01-01T10:00:00.",
            "2024-01-01T10:00:00.1234567890",
            "2024-01-01T10:00:00 Z",
            "2024-01-01T10:00:00+1",
            "2024-01-01T10:00:00+0100",
            "2024-01-01T10:00:00+24:00",
            "2024-01-01T10:00:00+01:60",
            "2023-02-29T10:00:00",
        ] {
            assert_eq!(Moment::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn times_and_durations_are_exact() {
        assert_eq!(time(b"00:00:00"), Some(0));
        assert_eq!(time(b"23:59:59.999999999"), Some(DAY * NANOS - 1));
        assert_eq!(time(b"10:00"), None);
        assert_eq!(time(b"10:00:00Z"), None);
        assert_eq!(duration("-1.5"), Ok(-1_500_000_000));
        assert_eq!(duration("0.0000000010"), Ok(1));
        assert_eq!(duration("0.0000000001"), Err(DurationRefusal::Excess));
        assert_eq!(duration("1e40"), Err(DurationRefusal::Large));
        assert_eq!(duration("1 s"), Err(DurationRefusal::Form));
    }
}
