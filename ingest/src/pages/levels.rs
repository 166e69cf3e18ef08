//! Where rows begin: repetition levels, which stand in runs, so that a few bytes may say two thousand million.

use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::errors::ParquetError;

use super::refused;

/// A page's repetition levels, in the mix of runs and packed bits that Parquet calls RLE.
pub(super) struct Levels<'p> {
    bytes: &'p [u8],
    bits: u32,
    /// Levels that the page has beyond those that were given out.
    left: u64,
}

/// Levels that follow one another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run<'p> {
    /// The same level so many times.
    Same(u64, u64),
    /// So many levels of packed bits, the lowest first.
    Packed(&'p [u8], u64),
}

impl<'p> Levels<'p> {
    /// Those of a data page whose column has levels up to `max`.
    pub(super) fn of(page: &'p Page, max: i16) -> Result<Self, ParquetError> {
        let bits = u16::BITS - max.unsigned_abs().leading_zeros();
        let cut = || refused("the repetition levels of a page are cut off".to_owned());
        let bytes = match page {
            Page::DataPage { rep_level_encoding: Encoding::RLE, buf, .. } => {
                let (len, rest) = buf.split_first_chunk::<4>().ok_or_else(cut)?;
                usize::try_from(u32::from_le_bytes(*len)).ok().and_then(|len| rest.get(..len)).ok_or_else(cut)?
            }
            Page::DataPageV2 { buf, rep_levels_byte_len, .. } => {
                usize::try_from(*rep_levels_byte_len).ok().and_then(|len| buf.get(..len)).ok_or_else(cut)?
            }
            Page::DataPage { .. } | Page::DictionaryPage { .. } => {
                return Err(refused(
                    "a large page of lists has levels in an encoding that is no longer written".to_owned(),
                ));
            }
        };
        Ok(Self { bytes, bits, left: u64::from(page.num_values()) })
    }

    /// The next run, `None` after all levels of the page, or where its bytes end before.
    pub(super) fn next(&mut self) -> Option<Run<'p>> {
        if self.left == 0 {
            return None;
        }
        let head = self.varint()?;
        let width = self.bits.div_ceil(8) as usize;
        if head & 1 == 1 {
            let count = ((head >> 1).saturating_mul(8)).min(self.left);
            let bytes = usize::try_from((head >> 1).saturating_mul(self.bits.into())).unwrap_or(usize::MAX);
            let (packed, rest) = self.bytes.split_at(bytes.min(self.bytes.len()));
            self.bytes = rest;
            // The last run may be short of bytes, which are then no levels.
            let count = count.min(packed.len() as u64 * 8 / u64::from(self.bits.max(1)));
            self.left -= count;
            return Some(Run::Packed(packed, count));
        }
        let (value, rest) = self.bytes.split_at_checked(width)?;
        self.bytes = rest;
        let level = value.iter().rev().fold(0, |level, byte| level << 8 | u64::from(*byte));
        let count = (head >> 1).min(self.left);
        self.left -= count;
        Some(Run::Same(level, count))
    }

    /// Whether each level of packed bits begins a row.
    pub(super) fn begins(&self, packed: &'p [u8], count: u64) -> impl Iterator<Item = bool> + use<'p> {
        let bits = u64::from(self.bits);
        let bit = |at: u64| {
            let byte = usize::try_from(at / 8).ok().and_then(|byte| packed.get(byte));
            byte.is_some_and(|byte| byte >> (at % 8) & 1 == 1)
        };
        (0..count).map(move |level| !(level * bits..(level + 1) * bits).any(bit))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(bytes: &[u8], bits: u32, left: u64) -> Levels<'_> {
        Levels { bytes, bits, left }
    }

    #[test]
    fn runs_and_packed_bits_take_turns() {
        // 5 times 0, eight levels of two bits, 2^31 - 1 times 1.
        let bytes = [0x0a, 0x00, 0x03, 0b0001_0000, 0b0000_1100, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x01];
        let mut all = levels(&bytes, 2, 1 << 40);
        assert_eq!(all.next(), Some(Run::Same(0, 5)));
        let Some(Run::Packed(packed, count)) = all.next() else { panic!("packed bits") };
        let begins: Vec<bool> = all.begins(packed, count).collect();
        assert_eq!(begins, [true, true, false, true, true, false, true, true]);
        assert_eq!(all.next(), Some(Run::Same(1, 0x7fff_ffff)));
        assert_eq!(all.next(), None);
    }

    #[test]
    fn a_page_has_no_more_levels_than_values() {
        let mut all = levels(&[0xfe, 0xff, 0xff, 0xff, 0x0f, 0x01, 0x0a, 0x00], 1, 9);
        assert_eq!(all.next(), Some(Run::Same(1, 9)));
        assert_eq!(all.next(), None);
        assert_eq!(levels(&[0x05, 0xff], 1, 100).next(), Some(Run::Packed(&[0xff], 8)), "the second byte is not there");
        assert_eq!(levels(&[0x80], 1, 1).next(), None);
    }
}
