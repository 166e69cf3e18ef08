//! Deterministic CBOR: RFC 8949, section 4.2.1, and nothing looser.
//!
//! The writing half appends to a `Vec<u8>` and allocates nothing else. The reading half, [`Reader`], borrows from its
//! input and refuses whatever the writing half would not have written: longer heads than needed, indefinite lengths,
//! tags, 16- and 32-bit floats, other NaNs, invalid UTF-8, and lengths beyond the bytes at hand (checked before
//! anything is reserved for them). It is not a general CBOR library: there is no value tree here, because every format
//! of ours knows what comes next.
//!
//! ```
//! use mira_core::cbor::{self, Reader};
//!
//! let mut out = Vec::new();
//! cbor::array(&mut out, 2);
//! cbor::int(&mut out, -1);
//! cbor::text(&mut out, "é");
//! assert_eq!(out, [0x82, 0x20, 0x62, 0xc3, 0xa9]);
//!
//! let mut reader = Reader::new(&out);
//! assert_eq!(reader.array()?, 2);
//! assert_eq!(reader.int()?, -1);
//! assert_eq!(reader.text()?, "é");
//! reader.finish()?;
//! # Ok::<(), cbor::CborError>(())
//! ```

/// The one NaN that may be written (RFC 8949, section 4.2.2).
pub const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const FLOAT64: u8 = 0xfb;

/// Appends a head of `major` type with the shortest argument.
#[inline]
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    // Each arm's casts keep every bit, because the range was just checked.
    #[expect(clippy::cast_possible_truncation, reason = "the match arm bounds the value")]
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            let [a, b] = (argument as u16).to_be_bytes();
            out.extend_from_slice(&[major | 25, a, b]);
        }
        0x1_0000..=0xffff_ffff => {
            let [a, b, c, d] = (argument as u32).to_be_bytes();
            out.extend_from_slice(&[major | 26, a, b, c, d]);
        }
        _ => {
            let [a, b, c, d, e, f, g, h] = argument.to_be_bytes();
            out.extend_from_slice(&[major | 27, a, b, c, d, e, f, g, h]);
        }
    }
}

/// Appends an unsigned integer.
#[inline]
pub fn uint(out: &mut Vec<u8>, value: u64) {
    head(out, UINT, value);
}

/// Appends a signed integer.
#[inline]
pub fn int(out: &mut Vec<u8>, value: i64) {
    // A negative n is written as -1 - n, which is the complement of its bits.
    if value < 0 { head(out, NEGATIVE, (!value).cast_unsigned()) } else { head(out, UINT, value.cast_unsigned()) }
}

/// Appends a byte string.
#[inline]
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    head(out, BYTES, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a text string.
#[inline]
pub fn text(out: &mut Vec<u8>, value: &str) {
    head(out, TEXT, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

/// Appends the head of a text string of `len` bytes; the caller writes them, and sees to it that they are UTF-8.
#[inline]
pub(crate) fn text_head(out: &mut Vec<u8>, len: usize) {
    head(out, TEXT, len as u64);
}

/// Appends the head of an array of `len` items.
#[inline]
pub fn array(out: &mut Vec<u8>, len: u64) {
    head(out, ARRAY, len);
}

/// Appends the head of a map of `len` pairs; the caller writes them in ascending order of encoded key.
#[inline]
pub fn map(out: &mut Vec<u8>, len: u64) {
    head(out, MAP, len);
}

/// Appends `true` or `false`.
#[inline]
pub fn bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { TRUE } else { FALSE });
}

/// Appends `null`.
#[inline]
pub fn null(out: &mut Vec<u8>) {
    out.push(NULL);
}

/// Appends a float, always in 64 bits; -0.0 stays, every NaN becomes [`CANONICAL_NAN`].
#[inline]
pub fn float(out: &mut Vec<u8>, value: f64) {
    let bits = if value.is_nan() { CANONICAL_NAN } else { value.to_bits() };
    let [a, b, c, d, e, f, g, h] = bits.to_be_bytes();
    out.extend_from_slice(&[FLOAT64, a, b, c, d, e, f, g, h]);
}

/// Why bytes are not deterministic CBOR of the expected shape. `at` is the offset of the item at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The input ends inside an item.
    #[error("the bytes end inside an item at offset {at}")]
    Truncated {
        /// Offset of that item.
        at: usize,
    },
    /// Bytes follow the last item.
    #[error("{extra} bytes follow the last item at offset {at}")]
    Trailing {
        /// Offset of the first extra byte.
        at: usize,
        /// How many there are.
        extra: usize,
    },
    /// Another kind of item stands there.
    #[error("expected {expected} at offset {at}, found initial byte {found:#04x}")]
    Type {
        /// Offset of the item.
        at: usize,
        /// What should stand there.
        expected: &'static str,
        /// The item's first byte.
        found: u8,
    },
    /// The item could be written in fewer bytes, or in another way that is the canonical one.
    #[error("not in deterministic form at offset {at}: {rule}")]
    NotCanonical {
        /// Offset of the item.
        at: usize,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A value is out of the range this place allows.
    #[error("out of range at offset {at}: {rule}")]
    Range {
        /// Offset of the item.
        at: usize,
        /// The range.
        rule: &'static str,
    },
}

/// Reads deterministic CBOR from a byte slice, item by item.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// Offset of the next item.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// The first byte of the next item, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    /// The bytes from `start` up to the next item.
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.at).unwrap_or_default()
    }

    /// Ends the reading; bytes left over are an error.
    pub fn finish(self) -> Result<(), CborError> {
        match self.input.len() - self.at {
            0 => Ok(()),
            extra => Err(CborError::Trailing { at: self.at, extra }),
        }
    }

    /// Reads an unsigned integer.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.head(UINT, "an unsigned integer")
    }

    /// Reads an integer that fits i64 or u64.
    pub fn int(&mut self) -> Result<i128, CborError> {
        let at = self.at;
        match self.peek().map(|byte| byte >> 5) {
            Some(NEGATIVE) => {
                let argument = self.head(NEGATIVE, "an integer")?;
                if argument > i64::MAX.cast_unsigned() {
                    return Err(CborError::Range { at, rule: "an integer is at least -2^63" });
                }
                Ok(-1 - i128::from(argument))
            }
            _ => self.head(UINT, "an integer").map(i128::from),
        }
    }

    /// Reads an integer that fits i64.
    pub fn int64(&mut self) -> Result<i64, CborError> {
        let at = self.at;
        let value = self.int()?;
        i64::try_from(value).map_err(|_| CborError::Range { at, rule: "the integer fits 64 bits with sign" })
    }

    /// Reads a byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let at = self.at;
        let len = self.head(BYTES, "a byte string")?;
        self.take(at, len)
    }

    /// Reads a byte string of exactly `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let at = self.at;
        self.bytes()?.try_into().map_err(|_| CborError::Range { at, rule: "the byte string has its fixed length" })
    }

    /// Reads a text string.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let at = self.at;
        let len = self.head(TEXT, "a text string")?;
        std::str::from_utf8(self.take(at, len)?)
            .map_err(|_| CborError::NotCanonical { at, rule: "text strings are valid UTF-8" })
    }

    /// Reads the head of an array and returns its length, which is at most the number of bytes left.
    pub fn array(&mut self) -> Result<usize, CborError> {
        let at = self.at;
        let len = self.head(ARRAY, "an array")?;
        self.bounded(at, len, 1)
    }

    /// Reads the head of an array of exactly `len` items.
    pub fn array_of(&mut self, len: usize) -> Result<(), CborError> {
        let at = self.at;
        if self.array()? != len {
            return Err(CborError::Range { at, rule: "the array has its fixed length" });
        }
        Ok(())
    }

    /// Reads the head of a map and returns the number of pairs, each of at least two bytes.
    pub fn map(&mut self) -> Result<usize, CborError> {
        let at = self.at;
        let len = self.head(MAP, "a map")?;
        self.bounded(at, len, 2)
    }

    /// Reads `true` or `false`.
    pub fn bool(&mut self) -> Result<bool, CborError> {
        let at = self.at;
        let found = self.byte(at)?;
        match found {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(CborError::Type { at, expected: "a bool", found }),
        }
    }

    /// Reads `null` if it comes next, and says whether it did.
    pub fn null(&mut self) -> bool {
        let is_null = self.peek() == Some(NULL);
        self.at += usize::from(is_null);
        is_null
    }

    /// Reads a 64-bit float.
    pub fn float(&mut self) -> Result<f64, CborError> {
        let at = self.at;
        match self.byte(at)? {
            FLOAT64 => {}
            0xf9 | 0xfa => return Err(CborError::NotCanonical { at, rule: "floats have 64 bits" }),
            found => return Err(CborError::Type { at, expected: "a float", found }),
        }
        let bits = self.argument(at, 8)?;
        let value = f64::from_bits(bits);
        if value.is_nan() && bits != CANONICAL_NAN {
            return Err(CborError::NotCanonical { at, rule: "NaN is 7ff8000000000000" });
        }
        Ok(value)
    }

    /// Reads a head of the given major type and its shortest-form argument.
    fn head(&mut self, major: u8, expected: &'static str) -> Result<u64, CborError> {
        let at = self.at;
        let found = self.byte(at)?;
        if found >> 5 != major {
            self.at = at;
            return Err(CborError::Type { at, expected, found });
        }
        let (argument, least) = match found & 0x1f {
            short @ 0..=23 => return Ok(u64::from(short)),
            24 => (self.argument(at, 1)?, 24),
            25 => (self.argument(at, 2)?, 0x100),
            26 => (self.argument(at, 4)?, 0x1_0000),
            27 => (self.argument(at, 8)?, 0x1_0000_0000),
            _ => return Err(CborError::NotCanonical { at, rule: "lengths are definite" }),
        };
        if argument < least {
            return Err(CborError::NotCanonical { at, rule: "heads are as short as can be" });
        }
        Ok(argument)
    }

    fn byte(&mut self, at: usize) -> Result<u8, CborError> {
        let byte = self.peek().ok_or(CborError::Truncated { at })?;
        self.at += 1;
        Ok(byte)
    }

    fn argument(&mut self, at: usize, len: u64) -> Result<u64, CborError> {
        Ok(self.take(at, len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn take(&mut self, at: usize, len: u64) -> Result<&'a [u8], CborError> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let len = usize::try_from(len).map_err(|_| CborError::Truncated { at })?;
        let taken = rest.get(..len).ok_or(CborError::Truncated { at })?;
        self.at += len;
        Ok(taken)
    }

    /// Refuses a count that the remaining bytes cannot hold, before anybody reserves memory for it.
    fn bounded(&self, at: usize, len: u64, least_bytes: usize) -> Result<usize, CborError> {
        usize::try_from(len)
            .ok()
            .filter(|len| *len <= (self.input.len() - self.at) / least_bytes)
            .ok_or(CborError::Truncated { at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        data_encoding::HEXLOWER.encode(&out)
    }

    /// RFC 8949, appendix A, where the example is in our profile.
    #[test]
    fn appendix_a() {
        for (value, hex) in [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (100, "1864"),
            (1000, "1903e8"),
            (1_000_000, "1a000f4240"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (-1, "20"),
            (-10, "29"),
            (-100, "3863"),
            (-1000, "3903e7"),
            (i64::MIN, "3b7fffffffffffffff"),
        ] {
            assert_eq!(written(|out| int(out, value)), hex);
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
            assert_eq!(Reader::new(&bytes).int(), Ok(i128::from(value)));
        }
        assert_eq!(written(|out| uint(out, u64::MAX)), "1bffffffffffffffff");
        assert_eq!(written(|out| float(out, 1.1)), "fb3ff199999999999a");
        assert_eq!(written(|out| float(out, -0.0)), "fb8000000000000000");
        assert_eq!(written(|out| float(out, -f64::NAN)), "fb7ff8000000000000");
        assert_eq!(written(|out| text(out, "水")), "63e6b0b4");
        assert_eq!(written(|out| bytes(out, &[1, 2, 3, 4])), "4401020304");
        assert_eq!(written(|out| map(out, 25)), "b819");
    }

    #[test]
    fn refuses_every_other_spelling() {
        let cases: &[(&[u8], &str)] = &[
            (&[0x18, 0x17], "a byte where none is needed"),
            (&[0x19, 0x00, 0xff], "two bytes for one"),
            (&[0x1a, 0, 0, 0xff, 0xff], "four for two"),
            (&[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], "eight for four"),
            (&[0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0], "below -2^63"),
            (&[0x1c], "reserved argument"),
            (&[0x19, 0x01], "cut off"),
            (&[], "nothing"),
        ];
        for (bytes, why) in cases {
            assert!(Reader::new(bytes).int().is_err(), "{why}");
        }
        assert!(Reader::new(&[0xf9, 0x3c, 0x00]).float().is_err(), "half float");
        assert!(Reader::new(&[0xfa, 0, 0, 0, 0]).float().is_err(), "single float");
        assert!(Reader::new(&[0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1]).float().is_err(), "NaN payload");
        assert!(Reader::new(&[0xfb, 0xff, 0xf8, 0, 0, 0, 0, 0, 0]).float().is_err(), "negative NaN");
        assert!(Reader::new(&[0x5f, 0x41, 0, 0xff]).bytes().is_err(), "indefinite");
        assert!(Reader::new(&[0x62, 0xc3, 0x28]).text().is_err(), "UTF-8");
        assert!(Reader::new(&[0xc0, 0x60]).text().is_err(), "tag");
        assert!(Reader::new(&[0x00, 0x00]).finish().is_err(), "trailing");
    }

    #[test]
    fn lengths_are_checked_against_the_bytes_at_hand() {
        let huge = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
        assert_eq!(Reader::new(&huge).array(), Err(CborError::Truncated { at: 0 }));
        let mut huge_bytes = huge;
        huge_bytes[0] = 0x5b;
        assert_eq!(Reader::new(&huge_bytes).bytes(), Err(CborError::Truncated { at: 0 }));
        assert_eq!(Reader::new(&[0xa2, 0x00, 0x00]).map(), Err(CborError::Truncated { at: 0 }));
    }
}
