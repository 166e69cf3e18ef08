//! Reading objects member by member, with the path of whatever is wrong.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{Json, Object};

/// Why a value is not what its reader expects. `path` is like `$.predicate.inputs[3].role`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The object lacks a member.
    #[error("{path} is missing")]
    Missing {
        /// Path of the member.
        path: String,
    },
    /// The object has a member that nobody asked for.
    #[error("{path} has an unknown member {name:?}")]
    Unknown {
        /// Path of the object.
        path: String,
        /// The member's name, cut to 80 characters.
        name: String,
    },
    /// The value is of another kind, or out of range.
    #[error("{path} is {found}, expected {expected}")]
    Value {
        /// Path of the value.
        path: String,
        /// What it should be.
        expected: &'static str,
        /// What it is, cut to 80 characters.
        found: String,
    },
}

/// A value and the path that leads to it.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    value: &'a Json,
    path: String,
}

/// An object being read. Dropping it without [`Fields::finish`] accepts unknown members.
#[derive(Debug)]
#[must_use = "call `finish`, or unknown members pass"]
pub struct Fields<'a> {
    object: &'a Object,
    path: String,
    asked: BTreeSet<&'static str>,
}

impl<'a> Node<'a> {
    /// The value at path `$`.
    pub fn root(value: &'a Json) -> Self {
        Self { value, path: "$".to_owned() }
    }

    /// The value itself.
    pub fn json(&self) -> &'a Json {
        self.value
    }

    /// The path, for errors of the caller's own.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The string.
    pub fn text(&self) -> Result<&'a str, FieldError> {
        match self.value {
            Json::Text(text) => Ok(text),
            _ => Err(self.unlike("a string")),
        }
    }

    /// The string, read as something that has a text form; `expected` names it.
    pub fn parse<T: FromStr>(&self, expected: &'static str) -> Result<T, FieldError> {
        self.text()?.parse().map_err(|_| self.unlike(expected))
    }

    /// The integer.
    pub fn int(&self) -> Result<i64, FieldError> {
        match self.value {
            Json::Int(value) => Ok(value.value()),
            _ => Err(self.unlike("an integer")),
        }
    }

    /// The integer, if it is not negative.
    pub fn uint(&self) -> Result<u64, FieldError> {
        u64::try_from(self.int()?).map_err(|_| self.unlike("an integer from 0"))
    }

    /// The bool.
    pub fn bool(&self) -> Result<bool, FieldError> {
        match self.value {
            Json::Bool(value) => Ok(*value),
            _ => Err(self.unlike("a bool")),
        }
    }

    /// The items of the array, one at a time, so that paths are not all held at once.
    pub fn items(&self) -> Result<impl ExactSizeIterator<Item = Node<'a>> + use<'_, 'a>, FieldError> {
        let Json::Array(items) = self.value else { return Err(self.unlike("an array")) };
        Ok(items.iter().enumerate().map(|(i, value)| Node { value, path: format!("{}[{i}]", self.path) }))
    }

    /// Starts reading the object.
    pub fn fields(&self) -> Result<Fields<'a>, FieldError> {
        match self.value {
            Json::Object(object) => Ok(Fields { object, path: self.path.clone(), asked: BTreeSet::new() }),
            _ => Err(self.unlike("an object")),
        }
    }

    /// The error that something other than `expected` stands here, for checks of the caller's own.
    pub fn unlike(&self, expected: &'static str) -> FieldError {
        let found = match self.value {
            Json::Bool(value) => value.to_string(),
            Json::Int(value) => value.value().to_string(),
            Json::Text(text) => format!("{:?}", cut(text)),
            Json::Array(_) => "an array".to_owned(),
            Json::Object(_) => "an object".to_owned(),
        };
        FieldError::Value { path: self.path.clone(), expected, found }
    }
}

impl<'a> Fields<'a> {
    /// The member of this name, which must be there.
    pub fn required(&mut self, name: &'static str) -> Result<Node<'a>, FieldError> {
        self.optional(name).ok_or_else(|| FieldError::Missing { path: format!("{}.{name}", self.path) })
    }

    /// The member of this name, if it is there.
    pub fn optional(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.asked.insert(name);
        let value = self.object.get(name)?;
        Some(Node { value, path: format!("{}.{name}", self.path) })
    }

    /// Ends the reading; a member that nobody asked for is an error.
    pub fn finish(self) -> Result<(), FieldError> {
        match self.object.iter().find(|(name, _)| !self.asked.contains(name)) {
            Some((name, _)) => Err(FieldError::Unknown { path: self.path, name: cut(name) }),
            None => Ok(()),
        }
    }
}

/// A foreign text as it may stand in an error.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use crate::json::parse_canonical;

    #[test]
    fn errors_name_the_path() {
        let json = parse_canonical(br#"{"a":[{"n":-1},{"n":"x","z":1}],"b":true}"#).unwrap();
        let mut fields = json.fields().unwrap();
        let a = fields.required("a").unwrap();
        let items: Vec<_> = a.items().unwrap().collect();

        let mut first = items[0].fields().unwrap();
        let n = first.required("n").unwrap();
        assert_eq!(n.int(), Ok(-1));
        assert_eq!(n.uint().unwrap_err().to_string(), "$.a[0].n is -1, expected an integer from 0");
        assert_eq!(first.required("m").unwrap_err().to_string(), "$.a[0].m is missing");
        assert!(first.optional("m").is_none());
        assert_eq!(first.finish(), Ok(()));

        let mut second = items[1].fields().unwrap();
        let n = second.required("n").unwrap();
        assert_eq!(n.bool().unwrap_err().to_string(), "$.a[1].n is \"x\", expected a bool");
        assert!(n.parse::<crate::digest::Digest>("a digest").is_err());
        assert_eq!(second.finish().unwrap_err().to_string(), "$.a[1] has an unknown member \"z\"");

        assert_eq!(fields.required("b").unwrap().bool(), Ok(true));
        assert_eq!(fields.finish(), Ok(()));
        assert!(parse_canonical(b"[]").unwrap().fields().is_err());
    }
}
