//! Dates and times as statements write them: what a signer says, never what a clock of ours says.
//!
//! Both types hold real dates of the proleptic Gregorian calendar from year 0000 to 9999, and seconds from 00 to 59.

use std::fmt;
use std::str::FromStr;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_FROM_MARCH_0: i64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// A day, `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    // In this order the derived comparison is that of the calendar.
    year: u16,
    month: u8,
    day: u8,
}

/// A point in time, `YYYY-MM-DDThh:mm:ssZ`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime {
    date: Date,
    second_of_day: u32,
}

/// Why a text is not a date or a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a real {form}, found {found:?}")]
pub struct TimeError {
    /// The form that was expected.
    pub form: &'static str,
    /// The text as given, cut to 80 characters.
    pub found: String,
}

impl TimeError {
    fn new(form: &'static str, found: &str) -> Self {
        Self { form, found: found.chars().take(80).collect() }
    }
}

impl Date {
    const FORM: &str = "date YYYY-MM-DD";

    /// The day, if the calendar has it.
    fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            _ => return None,
        };
        (year <= 9999 && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }

    fn parse(text: &str) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return None };
        let year = u16::from(two(y1, y2)?) * 100 + u16::from(two(y3, y4)?);
        Self::new(year, two(m1, m2)?, two(d1, d2)?)
    }

    /// Days since 1970-01-01.
    ///
    /// Years start in March here, so that the leap day is the last of its year: the civil-from-days algorithm.
    pub fn days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - EPOCH_FROM_MARCH_0
    }

    /// The day so many days after 1970-01-01, if its year has four digits.
    pub fn from_days(days: i64) -> Option<Self> {
        let days = days.checked_add(EPOCH_FROM_MARCH_0)?;
        let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era * 400 + year + next_year;
        Self::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?)
    }
}

impl FromStr for Date {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        Self::parse(text).ok_or_else(|| TimeError::new(Self::FORM, text))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl UtcTime {
    const FORM: &str = "time YYYY-MM-DDThh:mm:ssZ";

    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
    pub fn unix_seconds(self) -> i64 {
        self.date.days() * DAY + i64::from(self.second_of_day)
    }

    /// The time so many seconds after 1970-01-01T00:00:00Z, if its year has four digits.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        let date = Date::from_days(seconds.div_euclid(DAY))?;
        Some(Self { date, second_of_day: seconds.rem_euclid(DAY).try_into().ok()? })
    }

    /// The day.
    pub const fn date(self) -> Date {
        self.date
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_at_checked(10)?;
        let [b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'Z'] = *time.as_bytes() else { return None };
        let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        let second_of_day = u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second);
        (hour < 24 && minute < 60 && second < 60).then_some(Self { date: Date::parse(date)?, second_of_day })
    }
}

impl FromStr for UtcTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        Self::parse(text).ok_or_else(|| TimeError::new(Self::FORM, text))
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.second_of_day;
        write!(f, "{}T{:02}:{:02}:{:02}Z", self.date, second / 3600, second / 60 % 60, second % 60)
    }
}

impl fmt::Debug for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The number that two ASCII digits make.
fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years() {
        let mut expected = Date::new(0, 1, 1).unwrap();
        for days in expected.days().. {
            assert_eq!(Date::from_days(days), Some(expected));
            assert_eq!(expected.days(), days);
            let Date { year, month, day } = expected;
            let next = Date::new(year, month, day + 1).or(Date::new(year, month + 1, 1)).or(Date::new(year + 1, 1, 1));
            let Some(next) = next else {
                assert_eq!(Date::from_days(days + 1), None);
                break;
            };
            expected = next;
        }
        assert_eq!(expected.to_string(), "9999-12-31");
        assert_eq!(Date::from_days(0).unwrap().to_string(), "1970-01-01");
        assert_eq!(Date::from_days(i64::MAX), None);
    }

    #[test]
    fn known_times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
        ] {
            let time = UtcTime::from_unix_seconds(seconds).unwrap();
            assert_eq!((time.to_string().as_str(), time.unix_seconds()), (text, seconds));
            assert_eq!(text.parse(), Ok(time));
        }
    }

    #[test]
    fn refuses_what_no_calendar_has_and_other_spellings() {
        for bad in ["2025-02-29", "1900-02-29", "2026-00-01", "2026-13-01", "2026-04-31", "2026-01-00", "2026-1-01", ""]
        {
            assert!(bad.parse::<Date>().is_err(), "{bad:?}");
        }
        for bad in [
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-06-30T23:59:60Z",
            "2026-01-01t00:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.0Z",
            "2026-01-01T00:00:00+00:00",
            "2026-02-30T00:00:00Z",
            "202é-01-01T00:00:00Z",
        ] {
            assert!(bad.parse::<UtcTime>().is_err(), "{bad:?}");
        }
    }
}
