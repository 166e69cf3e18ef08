//! Unsigned LEB128 integers, as protobuf and CAR write them, in their shortest form only.

/// The most bytes that an integer of 64 bits takes.
pub(crate) const MAX_LEN: usize = 10;

/// Why bytes do not start with a varint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VarintError {
    /// The bytes end first.
    Truncated,
    /// The value does not fit 64 bits.
    TooLarge,
    /// The last byte adds nothing, so a shorter form exists.
    NotShortest,
}

/// Appends `value`.
#[expect(clippy::cast_possible_truncation, reason = "the value is masked to, or known to fit, seven bits")]
pub(crate) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`write`] appends.
pub(crate) const fn len(value: u64) -> usize {
    match value {
        0 => 1,
        _ => (64 - value.leading_zeros()).div_ceil(7) as usize,
    }
}

/// Reads a varint and says how many bytes it took.
pub(crate) fn read(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(MAX_LEN) {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte holds bit 63 alone.
        if i == MAX_LEN - 1 && *byte > 1 {
            return Err(VarintError::TooLarge);
        }
        value |= bits << (7 * i);
        if byte & 0x80 == 0 {
            let shortest = bits != 0 || i == 0;
            return if shortest { Ok((value, i + 1)) } else { Err(VarintError::NotShortest) };
        }
    }
    Err(VarintError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_around_every_power_of_two() {
        for shift in 0..64 {
            for value in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1, u64::MAX - (1 << shift)] {
                let mut out = Vec::new();
                write(&mut out, value);
                assert_eq!(out.len(), len(value));
                assert_eq!(read(&out), Ok((value, out.len())));
                assert_eq!(read(&out[..out.len() - 1]), Err(VarintError::Truncated));
            }
        }
    }

    #[test]
    fn refuses_longer_forms_and_larger_values() {
        assert_eq!(read(&[0x80, 0x00]), Err(VarintError::NotShortest));
        assert_eq!(read(&[0xff, 0x80, 0x00]), Err(VarintError::NotShortest));
        let mut ten = [0xff; 10];
        ten[9] = 0x01;
        assert_eq!(read(&ten), Ok((u64::MAX, 10)));
        ten[9] = 0x02;
        assert_eq!(read(&ten), Err(VarintError::TooLarge));
        assert_eq!(read(&[0xff; 11]), Err(VarintError::TooLarge));
        assert_eq!(read(&[]), Err(VarintError::Truncated));
    }
}
