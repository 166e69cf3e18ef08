//! Canonical JSON: RFC 8785, restricted to what statements need.
//!
//! Values are bools, integers between -(2^53 - 1) and 2^53 - 1, strings, arrays and objects. There is no null (a member
//! that is not known is left out), no fraction and no exponent: larger and finer numbers are decimal strings.
//! [`parse_canonical`] accepts a text only if it is its own RFC 8785 form, so what was signed and what is read have one
//! spelling; [`Json::to_canonical`] writes that form. [`Fields`] reads objects member by member and refuses those
//! nobody asked for.
//!
//! ```
//! use mira_core::json::{Json, parse_canonical};
//!
//! let json = parse_canonical(br#"{"name":"corpus","rows":3}"#)?;
//! let mut fields = json.fields()?;
//! assert_eq!(fields.required("rows")?.uint()?, 3);
//! assert_eq!(fields.required("name")?.text()?, "corpus");
//! fields.finish()?;
//!
//! assert!(parse_canonical(br#"{"rows":3,"name":"corpus"}"#).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::cmp::Ordering;

mod fields;
mod parse;
mod write;

pub use fields::{FieldError, Fields, Node};
pub use parse::{JsonError, parse_canonical};

/// How deep arrays and objects may nest; a scalar has depth 0, `[]` depth 1.
pub const MAX_DEPTH: usize = 32;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `true` or `false`.
    Bool(bool),
    /// An integer that every reader of JSON holds exactly.
    Int(SafeInt),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

/// An integer n with |n| < 2^53, which an IEEE 754 double holds exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeInt(i64);

/// The integer needs more than 53 bits; it is written as a decimal string instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} is outside of -(2^53 - 1) to 2^53 - 1")]
pub struct NotSafe {
    /// The integer.
    pub found: i128,
}

/// The members of an object: names unique, ascending by UTF-16 code units (RFC 8785, section 3.2.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object(Vec<(String, Json)>);

impl Json {
    /// Starts reading this value as an object at path `$`.
    pub fn fields(&self) -> Result<Fields<'_>, FieldError> {
        Node::root(self).fields()
    }

    /// An object of these members; of two with one name the later counts.
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Self {
        let mut object = Object::default();
        for (name, value) in members {
            object.insert(name, value);
        }
        Self::Object(object)
    }
}

impl SafeInt {
    /// The greatest: 2^53 - 1.
    pub const MAX: Self = Self((1 << 53) - 1);
    /// The least.
    pub const MIN: Self = Self(-Self::MAX.0);

    /// The integer.
    pub const fn value(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for SafeInt {
    type Error = NotSafe;

    fn try_from(value: i64) -> Result<Self, NotSafe> {
        if (Self::MIN.0..=Self::MAX.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(NotSafe { found: i128::from(value) })
        }
    }
}

impl TryFrom<u64> for SafeInt {
    type Error = NotSafe;

    fn try_from(value: u64) -> Result<Self, NotSafe> {
        i64::try_from(value).map_err(|_| NotSafe { found: i128::from(value) }).and_then(Self::try_from)
    }
}

impl From<u32> for SafeInt {
    fn from(value: u32) -> Self {
        Self(i64::from(value))
    }
}

impl Object {
    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        let at = self.position(name).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Puts a member in its place and returns the one that stood there.
    pub fn insert(&mut self, name: &str, value: Json) -> Option<Json> {
        match self.position(name) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (name.to_owned(), value));
                None
            }
        }
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| compare_names(other, name))
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<SafeInt> for Json {
    fn from(value: SafeInt) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Array(items)
    }
}

/// RFC 8785 orders names by UTF-16 code units, which differs from the order of code points where surrogates are
/// involved: U+10000 comes before U+FFFF.
fn compare_names(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_utf_16_code_units() {
        let mut object = Object::default();
        for name in ["\u{ffff}", "\u{10000}", "b", "", "é", "a"] {
            assert_eq!(object.insert(name, true.into()), None);
        }
        assert_eq!(object.insert("a", false.into()), Some(true.into()));
        let names: Vec<_> = object.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["", "a", "b", "é", "\u{10000}", "\u{ffff}"]);
        assert_eq!(object.get("a"), Some(&false.into()));
        assert_eq!(object.get("c"), None);
    }

    #[test]
    fn integers_stay_below_2_to_the_53() {
        assert!(SafeInt::try_from((1_i64 << 53) - 1).is_ok() && SafeInt::try_from(1_i64 - (1 << 53)).is_ok());
        assert!(SafeInt::try_from(1_i64 << 53).is_err() && SafeInt::try_from(-(1_i64 << 53)).is_err());
        assert!(SafeInt::try_from(i64::MIN).is_err() && SafeInt::try_from(u64::MAX).is_err());
    }
}
