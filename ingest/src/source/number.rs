//! Numbers as text, read exactly.
//!
//! The grammar is JSON's (RFC 8259, section 6): an optional minus, whole digits without leading zeros, an optional
//! fraction, an optional exponent. A [`Number`] borrows the digits as written, so nothing is rounded before it is known
//! what the digits are to become.

use arrow_buffer::i256;

/// A number token, taken apart. Its value is `± whole.fraction × 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    text: &'a str,
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
    has_exponent: bool,
}

/// An integer in the narrowest of the two types that hold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Int {
    /// It fits i64.
    Signed(i64),
    /// It is above `i64::MAX` and fits u64.
    Unsigned(u64),
}

/// A short number without an exponent: what most cells are, and quick to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain {
    negative: bool,
    /// All digits, the point left out; at most 18.
    digits: u64,
    /// Digits before and after the point, as written.
    whole: usize,
    fraction: usize,
}

/// An exact decimal at some scale, as the integer `value × 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unscaled {
    /// At most 38 digits; the second item counts them.
    Small(i128, u8),
    /// At most 76 digits.
    Big(i256),
}

/// Why a number has no exact decimal of some scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecimalRefusal {
    /// Digits other than zero stand beyond the scale.
    Excess,
    /// It would take more than 76 digits.
    Large,
}

/// Digits without the zeros around them: the value is `digits × 10^power`.
struct Core<'a> {
    number: Number<'a>,
    /// Index of the first digit that counts, in whole ‖ fraction.
    first: usize,
    /// How many digits count; 0 for a zero.
    count: usize,
    power: i64,
}

/// Exponents are cut off here, far beyond every type and far from overflow.
const EXPONENT_BOUND: i64 = 1 << 40;

/// Reads an integer in JSON's grammar that fits i64 or u64; `-0` is none, because integers have no negative zero.
#[inline]
pub(crate) fn int(text: &[u8]) -> Option<Int> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let leading_zero = digits.len() > 1 && digits.first() == Some(&b'0');
    if digits.is_empty() || digits.len() > 20 || leading_zero {
        return None;
    }
    if digits.len() > 18 {
        return long_int(negative, digits);
    }
    let mut value = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    match (negative, value) {
        (true, 0) => None,
        (true, _) => Some(Int::Signed(-value)),
        (false, _) => Some(Int::Signed(value)),
    }
}

/// The same for 19 or 20 digits, where overflow is possible.
fn long_int(negative: bool, digits: &[u8]) -> Option<Int> {
    let mut magnitude = 0_u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    if negative {
        return 0_i64.checked_sub_unsigned(magnitude).map(Int::Signed);
    }
    Some(i64::try_from(magnitude).map_or(Int::Unsigned(magnitude), Int::Signed))
}

impl Plain {
    /// Reads a number of at most 18 digits without an exponent. `None` says nothing: [`Number`] must be asked then.
    #[inline]
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        // Nineteen digits still fit the sum, so it needs no checks.
        if text.len() > 19 {
            return None;
        }
        let (mut digits, mut point) = (0_u64, None);
        for (at, &byte) in text.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                digits = digits * 10 + u64::from(digit);
            } else if byte == b'.' && point.is_none() {
                point = Some(at);
            } else {
                return None;
            }
        }
        let whole = point.unwrap_or(text.len());
        let fraction = point.map_or(0, |point| text.len() - point - 1);
        let leading_zero = whole > 1 && text.first() == Some(&b'0');
        let plain = whole > 0 && whole + fraction <= 18 && !leading_zero && (point.is_none() || fraction > 0);
        plain.then_some(Self { negative, digits, whole, fraction })
    }

    /// Whether it is below zero, and written as an integer.
    pub(crate) fn int_sign(self) -> Option<bool> {
        let int = self.fraction == 0 && !(self.negative && self.digits == 0);
        int.then_some(self.negative)
    }

    /// Whether it has so few digits that it is a double, see [`Number::is_double`].
    pub(crate) fn is_short(self) -> bool {
        self.whole + self.fraction <= 15
    }

    /// What [`Number::whole_digits`] counts.
    pub(crate) fn whole_digits(self) -> u64 {
        // A single zero before the point is no digit; more zeros are refused.
        let zero = self.whole == 1 && POWERS_OF_TEN_U64.get(self.fraction).is_some_and(|&one| self.digits < one);
        if zero { 0 } else { self.whole as u64 }
    }

    /// What [`Number::scale`] counts.
    pub(crate) fn scale(self) -> u64 {
        self.fraction as u64
    }

    /// The nearest double, if one rounding step finds it.
    #[inline]
    pub(crate) fn double(self) -> Option<f64> {
        let power = POWERS_OF_TEN.get(self.fraction)?;
        if self.digits > 1 << 53 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
        let value = self.digits as f64 / power;
        Some(if self.negative { -value } else { value })
    }

    /// The number at `scale` fraction digits, if that is an integer below 10^18.
    #[inline]
    pub(crate) fn unscaled(self, scale: u8) -> Option<i64> {
        let zeros = usize::from(scale).checked_sub(self.fraction)?;
        let value = self.digits.checked_mul(*POWERS_OF_TEN_U64.get(zeros)?)?;
        let value = i64::try_from(value).ok().filter(|&value| value < 1_000_000_000_000_000_000)?;
        Some(if self.negative { -value } else { value })
    }
}

impl<'a> Number<'a> {
    /// Reads `text` as one number and nothing else.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let number = Self::prefix(text)?;
        (number.text.len() == text.len()).then_some(number)
    }

    /// Reads the longest number that `text` starts with.
    pub(crate) fn prefix(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut at = usize::from(bytes.first() == Some(&b'-'));
        let negative = at == 1;
        let whole = digits(bytes, at);
        if whole.is_empty() || (whole.len() > 1 && whole.first() == Some(&b'0')) {
            return None;
        }
        at += whole.len();
        let mut fraction: &[u8] = &[];
        if bytes.get(at) == Some(&b'.') {
            fraction = digits(bytes, at + 1);
            if fraction.is_empty() {
                return None;
            }
            at += 1 + fraction.len();
        }
        let (mut exponent, mut has_exponent) = (0, false);
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = bytes.get(at + 1).copied();
            at += 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
            let written = digits(bytes, at);
            if written.is_empty() {
                return None;
            }
            at += written.len();
            let size = written.iter().fold(0, |sum, byte| (sum * 10 + i64::from(byte - b'0')).min(EXPONENT_BOUND));
            exponent = if sign == Some(b'-') { -size } else { size };
            has_exponent = true;
        }
        Some(Self { text: text.get(..at)?, negative, whole, fraction, exponent, has_exponent })
    }

    /// The token as written.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether it is written as an integer: no fraction, no exponent, not `-0`.
    pub(crate) fn is_int(&self) -> bool {
        self.fraction.is_empty() && !self.has_exponent && !(self.negative && self.whole == b"0")
    }

    /// Fraction digits as written, once the exponent has moved the point.
    pub(crate) fn scale(&self) -> u64 {
        u64::try_from(length(self.fraction) - self.exponent).unwrap_or(0)
    }

    /// Digits before the point, once the exponent has moved it; 0 for values below one.
    pub(crate) fn whole_digits(&self) -> u64 {
        let core = self.core();
        let count = i64::try_from(core.count).unwrap_or(i64::MAX);
        if core.count == 0 { 0 } else { u64::try_from(count.saturating_add(core.power)).unwrap_or(0) }
    }

    /// The nearest double; `None` when that is an infinity.
    pub(crate) fn nearest_double(&self) -> Option<f64> {
        if let Some(value) = self.exact_double() {
            return Some(value);
        }
        // The standard library rounds correctly, whatever the length of the text.
        self.text.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// Whether the shortest decimal of the nearest finite double is numerically equal to this number.
    pub(crate) fn is_double(&self) -> bool {
        let core = self.core();
        // Any 15 digits survive the way into a double and back, away from the ends of the exponent range; and no
        // double needs more than 17.
        let magnitude = core.power.saturating_add(i64::try_from(core.count).unwrap_or(i64::MAX));
        if core.count == 0 || (core.count <= 15 && core.power > -290 && magnitude < 290) {
            return true;
        }
        core.count <= 17 && self.nearest_double().is_some_and(|double| core.is_shortest_of(double))
    }

    /// This number at `scale` fraction digits, if that loses nothing.
    pub(crate) fn decimal(&self, scale: u8) -> Result<Unscaled, DecimalRefusal> {
        let core = self.core();
        if core.count == 0 {
            return Ok(Unscaled::Small(0, 0));
        }
        let zeros = core.power.saturating_add(i64::from(scale));
        let zeros = usize::try_from(zeros).map_err(|_| DecimalRefusal::Excess)?;
        match core.count.saturating_add(zeros) {
            total @ 0..=38 => {
                let magnitude = core.digits().fold(0_i128, |sum, digit| sum * 10 + i128::from(digit));
                let magnitude = (0..zeros).fold(magnitude, |sum, _| sum * 10);
                let count = u8::try_from(total).unwrap_or(38);
                Ok(Unscaled::Small(if self.negative { -magnitude } else { magnitude }, count))
            }
            39..=76 => {
                // 10^76 is below 2^255, so that none of this wraps.
                let ten = i256::from_i128(10);
                let digits = core.digits().chain(std::iter::repeat_n(0, zeros));
                let magnitude = digits.fold(i256::ZERO, |sum, digit| {
                    sum.wrapping_mul(ten).wrapping_add(i256::from_i128(i128::from(digit)))
                });
                Ok(Unscaled::Big(if self.negative { magnitude.wrapping_neg() } else { magnitude }))
            }
            _ => Err(DecimalRefusal::Large),
        }
    }

    /// The double of a number short enough for one exact multiplication or division (Clinger's fast path).
    fn exact_double(&self) -> Option<f64> {
        let core = self.core();
        if core.count > 15 || !(-22..=22).contains(&core.power) {
            return None;
        }
        let magnitude = core.digits().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit));
        // Fifteen digits are below 2^53, and powers of ten up to the 22nd are doubles, so only one step rounds.
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let magnitude = magnitude as f64;
        let power = POWERS_OF_TEN.get(usize::try_from(core.power.unsigned_abs()).ok()?)?;
        let value = if core.power < 0 { magnitude / power } else { magnitude * power };
        Some(if self.negative { -value } else { value })
    }

    fn core(&self) -> Core<'a> {
        let total = self.whole.len() + self.fraction.len();
        let first = (0..total).find(|&at| self.digit(at) != 0).unwrap_or(total);
        let last = (first..total).rev().find(|&at| self.digit(at) != 0).map_or(first, |at| at + 1);
        let dropped = i64::try_from(total - last).unwrap_or(i64::MAX);
        Core { number: *self, first, count: last - first, power: self.exponent - length(self.fraction) + dropped }
    }

    /// The digit at `at` in whole ‖ fraction.
    #[inline]
    fn digit(&self, at: usize) -> u8 {
        let byte = self.whole.get(at).or_else(|| self.fraction.get(at - self.whole.len()));
        byte.map_or(0, |byte| byte - b'0')
    }
}

impl Core<'_> {
    fn digits(&self) -> impl Iterator<Item = u8> {
        (self.first..self.first + self.count).map(|at| self.number.digit(at))
    }

    /// Whether these digits at this power are the shortest ones that name `double`.
    fn is_shortest_of(&self, double: f64) -> bool {
        // `{:e}` writes the shortest digits that parse back, as d.ddde±x.
        let shortest = format!("{double:e}");
        let Some(shortest) = Number::parse(&shortest) else { return false };
        let other = shortest.core();
        other.count == self.count && other.power == self.power && other.digits().eq(self.digits())
    }
}

/// The run of digits in `bytes` from `at`.
fn digits(bytes: &[u8], at: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest.get(..count).unwrap_or_default()
}

/// A length as a signed number; texts are far shorter than 2^63 bytes.
fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

/// The powers of ten that are doubles.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The powers of ten below 10^19.
const POWERS_OF_TEN_U64: [u64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        #[expect(clippy::indexing_slicing, reason = "the loop is bounded by the length, at compile time")]
        {
            powers[at] = powers[at - 1] * 10;
        }
        at += 1;
    }
    powers
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number<'_> {
        Number::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_grammar_is_json() {
        for good in ["0", "-0", "7", "-12", "0.5", "1.50", "1e5", "1E+05", "-1.5e-7", "123456789012345678901234567890"]
        {
            assert!(Number::parse(good).is_some(), "{good}");
        }
        for bad in
            ["", "-", "+1", "007", "-01", ".5", "5.", "1e", "1e+", "NaN", "Infinity", "0x1", " 1", "1 ", "1_0", "--1"]
        {
            assert!(Number::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn integers_fit_64_bits_or_are_none() {
        assert_eq!(int(b"0"), Some(Int::Signed(0)));
        assert_eq!(int(b"-9223372036854775808"), Some(Int::Signed(i64::MIN)));
        assert_eq!(int(b"9223372036854775807"), Some(Int::Signed(i64::MAX)));
        assert_eq!(int(b"9223372036854775808"), Some(Int::Unsigned(1 << 63)));
        assert_eq!(int(b"18446744073709551615"), Some(Int::Unsigned(u64::MAX)));
        for bad in [
            "",
            "-",
            "-0",
            "00",
            "+1",
            "1.0",
            "1e3",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
        ] {
            assert_eq!(int(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_double_is_what_its_shortest_decimal_says() {
        for yes in [
            "0",
            "-0",
            "0.000",
            "0e999",
            "1.0",
            "0.1",
            "1e5",
            "1e22",
            "1e300",
            "5e-324",
            "1.7976931348623157e308",
            "9007199254740992",
            "0.30000000000000004",
            "1e23",
        ] {
            assert!(number(yes).is_double(), "{yes}");
        }
        for no in [
            "9007199254740993",
            "0.10000000000000001",
            "1e400",
            "1e-400",
            "4e-324",
            "18446744073709551615",
            "0.1000000000000000055511151231257827",
        ] {
            assert!(!number(no).is_double(), "{no}");
        }
    }

    #[test]
    fn decimals_count_the_digits_that_stand() {
        let counts = |text| (number(text).whole_digits(), number(text).scale());
        assert_eq!(counts("0"), (0, 0));
        assert_eq!(counts("0.00"), (0, 2));
        assert_eq!(counts("12.50"), (2, 2));
        assert_eq!(counts("1.50e1"), (2, 1));
        assert_eq!(counts("1e5"), (6, 0));
        assert_eq!(counts("1e-3"), (0, 3));
        assert_eq!(counts("0.012"), (0, 3));
    }

    #[test]
    fn a_decimal_is_exact_or_refused() {
        assert_eq!(number("1.5").decimal(2), Ok(Unscaled::Small(150, 3)));
        assert_eq!(number("-1.500").decimal(1), Ok(Unscaled::Small(-15, 2)));
        assert_eq!(number("-0.00").decimal(0), Ok(Unscaled::Small(0, 0)));
        assert_eq!(number("1.55").decimal(1), Err(DecimalRefusal::Excess));
        assert_eq!(number("1e76").decimal(0), Err(DecimalRefusal::Large));
        assert_eq!(number("1e999999999999999").decimal(0), Err(DecimalRefusal::Large));
        assert_eq!(
            number("1e38").decimal(0),
            Ok(Unscaled::Big(i256::from_string(&format!("1{}", "0".repeat(38))).unwrap()))
        );
        let nines = "9".repeat(38);
        assert_eq!(number(&nines).decimal(0), Ok(Unscaled::Small(10_i128.pow(38) - 1, 38)));
        let big = format!("-{}", "9".repeat(76));
        assert_eq!(number(&big).decimal(0), Ok(Unscaled::Big(i256::from_string(&big).unwrap())));
    }

    proptest! {
        #[test]
        fn doubles_agree_with_the_standard_library(whole in 0_u64..1 << 60, fraction in "[0-9]{0,20}", power in -330_i32..330) {
            let text = if fraction.is_empty() { format!("{whole}e{power}") } else { format!("{whole}.{fraction}e{power}") };
            let std: f64 = text.parse().unwrap();
            prop_assert_eq!(number(&text).nearest_double(), Some(std).filter(|d| d.is_finite()));
        }

        #[test]
        fn every_shortest_decimal_is_a_double(bits: u64) {
            let double = f64::from_bits(bits);
            prop_assume!(double.is_finite());
            for text in [format!("{double:e}"), format!("{double}")] {
                prop_assert!(number(&text).is_double(), "{}", text);
            }
        }

        #[test]
        fn plain_numbers_agree_with_numbers(text in "-?(0|[0-9]{1,19})(\\.[0-9]{0,19})?", scale in 0_u8..20) {
            if let Some(plain) = Plain::parse(text.as_bytes()) {
                let number = number(&text);
                prop_assert_eq!(plain.int_sign().is_some(), number.is_int());
                prop_assert_eq!(plain.whole_digits(), number.whole_digits());
                prop_assert_eq!(plain.scale(), number.scale());
                prop_assert!(!plain.is_short() || number.is_double());
                if let Some(double) = plain.double() {
                    prop_assert_eq!(double.to_bits(), text.parse::<f64>().unwrap().to_bits());
                }
                if let Some(unscaled) = plain.unscaled(scale) {
                    match number.decimal(scale) {
                        Ok(Unscaled::Small(value, count)) => prop_assert!(value == i128::from(unscaled) && count <= 18),
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
            }
        }

        /// The definition with nothing skipped: format the nearest double, compare as exact decimals.
        #[test]
        fn shortcuts_do_not_change_the_rule(text in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?(e-?[0-9]{1,3})?") {
            let number = number(&text);
            let double: f64 = text.parse().unwrap();
            let naive = double.is_finite() && number.core().is_shortest_of(double);
            let zero = number.core().count == 0;
            prop_assert_eq!(number.is_double(), naive || zero);
        }
    }
}
