//! Numbers and byte strings in statements, each with its bounds and its one text form.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;

use crate::field::{Field, text_fields};
use crate::json::{FieldError, Json, Node, SafeInt};

/// An integer from `LEAST` to 2^53 - 1: what a JSON number may be without any reader rounding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number<const LEAST: u64>(pub(super) u64);

/// An integer from 0 to 2^53 - 1.
pub type Natural = Number<0>;

/// An integer from 1 to 2^53 - 1.
pub type Positive = Number<1>;

impl<const LEAST: u64> Number<LEAST> {
    /// The largest value.
    pub const MAX: u64 = (1 << 53) - 1;

    /// The number, if it is in range.
    pub const fn new(value: u64) -> Option<Self> {
        if value >= LEAST && value <= Self::MAX { Some(Self(value)) } else { None }
    }

    /// The value.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl<const LEAST: u64> Field for Number<LEAST> {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        Self::new(node.uint()?).ok_or_else(|| node.unlike("an integer from 1"))
    }

    fn to_json(&self) -> Json {
        // `new` keeps it below 2^53, so it is never another than itself.
        SafeInt::try_from(self.0).unwrap_or(SafeInt::MAX).into()
    }
}

/// An integer of 64 bits that is written as decimal digits: tokens and other amounts that outgrow JSON's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub u64);

/// Why a text is not one of the values here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct ValueError {
    /// What was expected.
    pub expected: &'static str,
    /// The text as given, cut to 80 characters.
    pub found: String,
}

impl ValueError {
    fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(80).collect() }
    }
}

impl FromStr for Amount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // Printing back refuses signs and leading zeros.
        let amount = text.parse().ok().map(Self).filter(|amount| amount.to_string() == text);
        amount.ok_or_else(|| ValueError::new("decimal digits of an integer below 2^64, without leading zeros", text))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Declares byte strings of fixed length with a text form in lowercase hex after a prefix.
macro_rules! hex_types {
    ($($(#[$doc:meta])* $name:ident[$len:literal], $prefix:literal, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Takes the bytes as they are.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                let bytes = text
                    .strip_prefix($prefix)
                    .filter(|digits| digits.len() == 2 * $len)
                    .and_then(|digits| HEXLOWER.decode(digits.as_bytes()).ok())
                    .and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| ValueError::new($expected, text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

hex_types! {
    /// 16 fresh random bytes, so that no two statements are the same.
    Nonce[16], "", "32 lowercase hex digits";
    /// An account or a contract on an EVM chain.
    EvmAddress[20], "0x", "0x and 40 lowercase hex digits";
    /// A hash on an EVM chain: of a block, a transaction, or what a contract stores.
    EvmHash[32], "0x", "0x and 64 lowercase hex digits";
    /// An ECDSA signature of an EVM account: r, s and v.
    EvmSignature[65], "0x", "0x and 130 lowercase hex digits";
}

text_fields! {
    Amount, "decimal digits of an integer below 2^64, without leading zeros";
    Nonce, "32 lowercase hex digits";
    EvmAddress, "0x and 40 lowercase hex digits";
    EvmHash, "0x and 64 lowercase hex digits";
    EvmSignature, "0x and 130 lowercase hex digits";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_one_spelling() {
        for good in ["0", "1", "18446744073709551615"] {
            assert_eq!(good.parse::<Amount>().unwrap().to_string(), good);
        }
        for bad in ["", "00", "01", "+1", "-1", "1.0", "1e3", " 1", "18446744073709551616", "١"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hex_has_one_spelling() {
        let address = format!("0x{}", "ab".repeat(20));
        assert_eq!(address.parse::<EvmAddress>().unwrap().to_string(), address);
        for bad in [address.to_uppercase(), address.replace("ab", "AB"), address[2..].into(), format!("{address}ab")] {
            assert!(bad.parse::<EvmAddress>().is_err(), "{bad:?}");
        }
        assert_eq!("00".repeat(16).parse(), Ok(Nonce::new([0; 16])));
        assert!("00".repeat(15).parse::<Nonce>().is_err());
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(Positive::new(0), None);
        assert_eq!(Natural::new(1 << 53), None);
        assert_eq!(Natural::new((1 << 53) - 1).map(Natural::value), Some(9_007_199_254_740_991));
    }
}
