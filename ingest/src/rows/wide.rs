//! Decimals that 128 bits or a non-negative scale do not hold.

use arrow_buffer::i256;
use mira_core::row::{self, CellError, DecimalError, MAX_DIGITS};

/// 10^19, the largest power of ten in a u64.
const CHUNK: u64 = 10_000_000_000_000_000_000;
const CHUNK_DIGITS: usize = 19;
/// Five chunks hold the 78 digits of the largest 256-bit number.
const CHUNKS: usize = 5;

/// Appends `unscaled`·10^-`scale`.
pub(super) fn decimal(out: &mut Vec<u8>, unscaled: i256, scale: i8) -> Result<(), CellError> {
    let mut buffer = [b'0'; CHUNKS * CHUNK_DIGITS + MAX_DIGITS];
    write_digits(unscaled, &mut buffer);
    // A negative scale counts tens, hundreds, …: as many of the zeros behind the number belong to it.
    let zeros = if scale < 0 { usize::from(scale.unsigned_abs()) } else { 0 };
    let digits = buffer.get(..CHUNKS * CHUNK_DIGITS + zeros);
    let digits = digits.ok_or(CellError::Decimal(DecimalError::Digits { found: zeros }))?;
    row::decimal_digits(out, unscaled.is_negative(), digits, u8::try_from(scale).unwrap_or(0))?;
    Ok(())
}

/// Writes all digits with zeros before them into the first [`CHUNKS`] chunks of the buffer.
fn write_digits(unscaled: i256, buffer: &mut [u8]) {
    // The least i256 has no absolute value in i256, but its bits read without a sign are the right ones.
    let mut limbs = limbs(unscaled.wrapping_abs());
    for chunk in buffer.chunks_exact_mut(CHUNK_DIGITS).take(CHUNKS).rev() {
        let mut rest = divide(&mut limbs);
        for digit in chunk.iter_mut().rev() {
            // Below 10 by the modulus.
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
    }
}

/// The 64-bit limbs of a number without sign, the highest first.
const fn limbs(value: i256) -> [u64; 4] {
    let (low_half, high_half) = value.to_parts();
    let high_half = high_half.cast_unsigned();
    [low(high_half >> 64), low(high_half), low(low_half >> 64), low(low_half)]
}

/// Divides by [`CHUNK`] and returns the remainder.
fn divide(limbs: &mut [u64; 4]) -> u64 {
    limbs.iter_mut().fold(0, |remainder, limb| {
        let value = u128::from(remainder) << 64 | u128::from(*limb);
        *limb = low(value / u128::from(CHUNK));
        low(value % u128::from(CHUNK))
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
const fn low(value: u128) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(unscaled: i256, scale: i8) -> Result<String, CellError> {
        let mut out = Vec::new();
        decimal(&mut out, unscaled, scale)?;
        Ok(mira_core::cbor::Reader::new(&out).text().unwrap().to_owned())
    }

    #[test]
    fn agrees_with_the_digits_that_arrow_prints() {
        for text_form in ["0", "7", "-7", "10000000000000000000", "-99999999999999999999999999999999999999999"] {
            let value = i256::from_string(text_form).unwrap();
            assert_eq!(text(value, 0).unwrap(), text_form);
        }
        let nines = "9".repeat(76);
        assert_eq!(text(i256::from_string(&nines).unwrap(), 0).unwrap(), nines);
        assert_eq!(text(i256::from_string(&nines).unwrap(), 76).unwrap(), format!("0.{nines}"));
        assert_eq!(text(i256::from_i128(-5), 2).unwrap(), "-0.05");
    }

    #[test]
    fn a_negative_scale_is_zeros() {
        assert_eq!(text(i256::from_i128(-12), -3).unwrap(), "-12000");
        assert_eq!(text(i256::ZERO, -3).unwrap(), "0");
        assert_eq!(text(i256::ONE, -75).unwrap().len(), 76);
        assert!(text(i256::ONE, -76).is_err());
        assert!(text(i256::ONE, -128).is_err());
    }

    #[test]
    fn refuses_77_digits() {
        assert!(text(i256::MAX, 0).is_err());
        assert!(text(i256::MIN, 0).is_err());
    }
}
