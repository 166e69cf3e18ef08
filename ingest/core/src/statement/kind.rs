//! The kinds of statements: numbers, spellings and predicate types.

use std::fmt;
use std::str::FromStr;

use crate::name::NameError;

/// Declares the kinds once: number, spelling, meaning.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What a statement states. The number stands in a log entry's header, the spelling in the predicate type.
        ///
        /// Number 255, `private`, is reserved and no member: no statement of that kind can be read or made yet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// All kinds, ascending by number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The spelling.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The kind with this number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The predicate type.
            pub const fn predicate_type(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("urn:mira:", $text, ":v1"),)*
                }
            }
        }
    };
}

kinds! {
    /// A contributor's first key, label and recovery key.
    Register = 1, "register";
    /// A new key in place of the current one.
    Rotate = 2, "rotate";
    /// A key that no longer counts.
    RevokeKey = 3, "revoke-key";
    /// What another contributor may sign under the signer's name.
    Delegate = 4, "delegate";
    /// The account on a chain that the signer is paid to.
    Bind = 5, "bind";
    /// A dataset.
    Contribute = 6, "contribute";
    /// A dataset can be fetched.
    Available = 7, "available";
    /// A dataset was not taken.
    Refused = 8, "refused";
    /// A dataset made from others.
    Transform = 9, "transform";
    /// A model made from datasets and models.
    Train = 10, "train";
    /// Measurements of a model.
    Evaluate = 11, "evaluate";
    /// A model that is served, or no longer.
    Deploy = 12, "deploy";
    /// How much a model was used.
    Use = 13, "use";
    /// Somebody else says the same.
    Countersign = 14, "countersign";
    /// A statement is taken back.
    Withdraw = 15, "withdraw";
    /// A statement is said to be wrong.
    Dispute = 16, "dispute";
    /// The rules that rewards follow from an epoch on.
    Policy = 17, "policy";
    /// The result of an audit.
    Audit = 18, "audit";
}

impl Kind {
    /// The number that no kind of this version has.
    pub const RESERVED: u8 = 255;

    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this predicate type.
    pub fn from_predicate_type(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.predicate_type() == text)
    }
}

impl FromStr for Kind {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| NameError {
            what: "a kind of statement",
            rule: "the kinds are those of section 9",
            found: text.chars().take(80).collect(),
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spellings_round_trip() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind.number()), Some(*kind));
            assert_eq!(Kind::from_predicate_type(kind.predicate_type()), Some(*kind));
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!(Kind::RevokeKey.predicate_type(), "urn:mira:revoke-key:v1");
        for other in [0, 19, Kind::RESERVED] {
            assert_eq!(Kind::from_number(other), None);
        }
        assert!("Train".parse::<Kind>().is_err());
    }
}
