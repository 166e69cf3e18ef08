//! Decimals as items of a row: exact text with the type's number of fraction digits.
//!
//! Digits are counted as a decimal type counts them: whole digits, where a lone zero is none, plus the scale. So
//! `0.05` has two digits and fits the same types as `0.50`.

use crate::cbor;
use crate::schema::Type;

/// Most digits of a decimal, whole and fraction together: what 256 bits hold.
pub const MAX_DIGITS: usize = 76;

/// Most digits of a 128-bit number.
const DIGITS_128: usize = 39;

/// Why a text is not the canonical decimal of a scale, or digits cannot become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// A byte that is not a digit stands where one should.
    #[error("expected a digit, found byte {found:#04x}")]
    Digit {
        /// The byte.
        found: u8,
    },
    /// There are no digits before the point, or none at all.
    #[error("expected at least one whole digit")]
    Empty,
    /// There are more or fewer fraction digits than the type has.
    #[error("expected {expected} fraction digits, found {found}")]
    Scale {
        /// The type's scale.
        expected: u8,
        /// Fraction digits in the text; a point without digits counts as none.
        found: usize,
    },
    /// A point stands where the scale is zero.
    #[error("a decimal of scale 0 has no point")]
    Point,
    /// The whole digits start with a zero that is not alone.
    #[error("the whole digits start with a zero")]
    LeadingZero,
    /// Zero has a minus sign.
    #[error("zero has no minus sign")]
    NegativeZero,
    /// There are too many digits.
    #[error("a decimal has at most {MAX_DIGITS} digits, found {found}")]
    Digits {
        /// Whole and fraction digits.
        found: usize,
    },
}

/// Appends the decimal `unscaled` · 10^-`scale`; the scale is that of a [`Type`], at most [`Type::MAX_SCALE`].
#[inline]
pub fn decimal(out: &mut Vec<u8>, unscaled: i128, scale: u8) {
    let mut buffer = [0; DIGITS_128];
    let digits = ascii_digits(unscaled.unsigned_abs(), &mut buffer);
    append(out, unscaled < 0, digits, scale);
}

/// Appends a decimal from the ASCII digits of its unscaled number, for those that 128 bits do not hold.
///
/// Leading zeros and the sign of a zero are dropped, since the number is the same without them. On error nothing is
/// appended.
pub fn decimal_digits(out: &mut Vec<u8>, negative: bool, digits: &[u8], scale: u8) -> Result<(), DecimalError> {
    if digits.is_empty() {
        return Err(DecimalError::Empty);
    }
    all_digits(digits)?;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    let found = digits.len().max(usize::from(scale));
    if found > MAX_DIGITS {
        return Err(DecimalError::Digits { found });
    }
    append(out, negative && !digits.is_empty(), digits, scale);
    Ok(())
}

/// Appends a decimal that is already in canonical form, and refuses every other text. On error nothing is appended.
pub fn decimal_text(out: &mut Vec<u8>, text: &str, scale: u8) -> Result<(), DecimalError> {
    check(text, scale)?;
    cbor::text(out, text);
    Ok(())
}

/// Holds a text against the canonical form: `-?` digits without leading zeros, `.` and `scale` digits, never `-0`.
pub(super) fn check(text: &str, scale: u8) -> Result<(), DecimalError> {
    let text = text.as_bytes();
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let point = unsigned.iter().position(|byte| *byte == b'.').unwrap_or(unsigned.len());
    let (whole, rest) = unsigned.split_at(point); // `position` and `len` are both within the slice.
    let fraction = rest.strip_prefix(b".").unwrap_or_default();
    all_digits(whole)?;
    all_digits(fraction)?;
    if fraction.len() != usize::from(scale) {
        return Err(DecimalError::Scale { expected: scale, found: fraction.len() });
    }
    if scale == 0 && !rest.is_empty() {
        return Err(DecimalError::Point);
    }
    let whole_digits = match whole {
        [] => return Err(DecimalError::Empty),
        [b'0'] => 0,
        [b'0', ..] => return Err(DecimalError::LeadingZero),
        digits => digits.len(),
    };
    let found = whole_digits + fraction.len();
    if found > MAX_DIGITS {
        return Err(DecimalError::Digits { found });
    }
    let is_zero = whole_digits == 0 && fraction.iter().all(|digit| *digit == b'0');
    if is_zero && unsigned.len() < text.len() {
        return Err(DecimalError::NegativeZero);
    }
    Ok(())
}

fn all_digits(bytes: &[u8]) -> Result<(), DecimalError> {
    match bytes.iter().find(|byte| !byte.is_ascii_digit()) {
        Some(found) => Err(DecimalError::Digit { found: *found }),
        None => Ok(()),
    }
}

/// Appends a decimal whose unscaled `digits` start with none of their zeros, so that zero has no digits.
#[inline]
fn append(out: &mut Vec<u8>, negative: bool, digits: &[u8], scale: u8) {
    let scale = usize::from(scale);
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale)); // At most the length.
    let whole = if whole.is_empty() { b"0" } else { whole };
    let point = usize::from(scale > 0);
    cbor::text_head(out, usize::from(negative) + whole.len() + point + scale);
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(whole);
    if scale > 0 {
        out.push(b'.');
        out.resize(out.len() + (scale - fraction.len()), b'0');
        out.extend_from_slice(fraction);
    }
}

/// Writes the digits of `value` to the end of the buffer and returns them; zero has none.
fn ascii_digits(value: u128, buffer: &mut [u8; DIGITS_128]) -> &[u8] {
    // Division of 128 bits is a call, of 64 bits an instruction: so 19 digits at a time are cut off and worked on.
    const PIECE_DIGITS: u32 = 19;
    const PIECE: u128 = 10_u128.pow(PIECE_DIGITS);
    let (mut rest, mut piece, mut left, mut used) = (value, 0_u64, 0, 0);
    for slot in buffer.iter_mut().rev() {
        if piece == 0 && rest == 0 {
            break;
        }
        if left == 0 {
            let lowest = (rest % PIECE) as u64; // Below 10^19, which 64 bits hold.
            (piece, rest, left) = (lowest, rest / PIECE, PIECE_DIGITS);
        }
        let digit = (piece % 10) as u8;
        *slot = b'0' + digit;
        piece /= 10;
        left -= 1;
        used += 1;
    }
    buffer.get(DIGITS_128 - used..).unwrap_or_default()
}

// A decimal of the largest scale still has all its fraction digits.
const _: () = assert!(Type::MAX_SCALE as usize <= MAX_DIGITS);

#[cfg(test)]
mod tests {
    use super::*;

    fn written(unscaled: i128, scale: u8) -> String {
        let mut out = Vec::new();
        decimal(&mut out, unscaled, scale);
        cbor::Reader::new(&out).text().unwrap().to_owned()
    }

    #[test]
    fn numbers_become_text() {
        for (unscaled, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 0, "5"),
            (5, 1, "0.5"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (-100, 2, "-1.00"),
            (1_000_000_000_000_000_000_000, 2, "10000000000000000000.00"),
            (i128::MAX, 0, "170141183460469231731687303715884105727"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
            (i128::MIN, 39, "-0.170141183460469231731687303715884105728"),
        ] {
            assert_eq!(written(unscaled, scale), text);
        }
        assert_eq!(written(1, 76), format!("0.{}1", "0".repeat(75)));
    }

    #[test]
    fn number_and_digits_agree_and_are_canonical() {
        let mut numbers = vec![0, i128::MAX, i128::MIN];
        for power in 0..=38 {
            let tens = 10_i128.pow(power);
            numbers.extend([tens, tens - 1, tens + 1, -tens, 1 - tens, -1 - tens]);
        }
        for number in numbers {
            for scale in [0, 1, 18, 19, 20, 38, 39, 76] {
                let (mut a, mut b) = (Vec::new(), Vec::new());
                decimal(&mut a, number, scale);
                let digits = format!("000{}", number.unsigned_abs());
                decimal_digits(&mut b, number < 0, digits.as_bytes(), scale).unwrap();
                assert_eq!(a, b);
                assert_eq!(check(&written(number, scale), scale), Ok(()));
            }
        }
    }

    #[test]
    fn seventy_six_digits_and_no_more() {
        let nines = "9".repeat(76);
        let mut out = Vec::new();
        decimal_digits(&mut out, true, nines.as_bytes(), 76).unwrap();
        assert_eq!(check(&format!("-0.{nines}"), 76), Ok(()));
        assert_eq!(check(&nines, 0), Ok(()));
        assert_eq!(check(&format!("9{nines}"), 0), Err(DecimalError::Digits { found: 77 }));
        assert_eq!(check(&format!("1.{nines}"), 76), Err(DecimalError::Digits { found: 77 }));
        let too_many = decimal_digits(&mut out, false, format!("1{nines}").as_bytes(), 2);
        assert_eq!(too_many, Err(DecimalError::Digits { found: 77 }));
        assert_eq!(decimal_digits(&mut out, false, b"1", 77), Err(DecimalError::Digits { found: 77 }));
        assert_eq!(decimal_digits(&mut out, false, b"", 0), Err(DecimalError::Empty));
        assert_eq!(decimal_digits(&mut out, false, b"-1", 0), Err(DecimalError::Digit { found: b'-' }));
    }

    #[test]
    fn one_text_per_number() {
        for (text, scale, error) in [
            ("", 0, DecimalError::Empty),
            ("-", 0, DecimalError::Empty),
            (".5", 1, DecimalError::Empty),
            ("+1", 0, DecimalError::Digit { found: b'+' }),
            ("--1", 0, DecimalError::Digit { found: b'-' }),
            ("1e2", 0, DecimalError::Digit { found: b'e' }),
            (" 1", 0, DecimalError::Digit { found: b' ' }),
            ("1.2.3", 3, DecimalError::Digit { found: b'.' }),
            ("٣", 0, DecimalError::Digit { found: 0xd9 }),
            ("01", 0, DecimalError::LeadingZero),
            ("00.5", 1, DecimalError::LeadingZero),
            ("1.", 0, DecimalError::Point),
            ("1.5", 2, DecimalError::Scale { expected: 2, found: 1 }),
            ("1.500", 2, DecimalError::Scale { expected: 2, found: 3 }),
            ("1", 2, DecimalError::Scale { expected: 2, found: 0 }),
            ("-0", 0, DecimalError::NegativeZero),
            ("-0.00", 2, DecimalError::NegativeZero),
        ] {
            assert_eq!(check(text, scale), Err(error), "{text:?}");
        }
    }
}
