//! Values that stand in signed JSON: how each is read and written.
//!
//! A [`Field`] has exactly one JSON form. A struct lists its members once to read and once to write; the canonical
//! order of keys, missing and unknown members are the business of [`crate::json`].

pub(crate) mod cbor;

use std::collections::{BTreeMap, BTreeSet};

use crate::json::{self, FieldError, Fields, Json, Node};

/// A value with one JSON form.
pub(crate) trait Field: Sized {
    /// Reads the form and refuses everything else.
    fn read(node: &Node<'_>) -> Result<Self, FieldError>;

    /// Writes the form.
    fn to_json(&self) -> Json;
}

/// Reading members as fields.
pub(crate) trait ReadFields {
    /// The member of this name, which must be there.
    fn read<T: Field>(&mut self, name: &'static str) -> Result<T, FieldError>;

    /// The member of this name, if it is there.
    fn read_some<T: Field>(&mut self, name: &'static str) -> Result<Option<T>, FieldError>;

    /// A member that must be there and be this text.
    fn constant(&mut self, name: &'static str, text: &'static str) -> Result<(), FieldError>;
}

impl ReadFields for Fields<'_> {
    fn read<T: Field>(&mut self, name: &'static str) -> Result<T, FieldError> {
        T::read(&self.required(name)?)
    }

    fn read_some<T: Field>(&mut self, name: &'static str) -> Result<Option<T>, FieldError> {
        self.optional(name).map(|node| T::read(&node)).transpose()
    }

    fn constant(&mut self, name: &'static str, text: &'static str) -> Result<(), FieldError> {
        let node = self.required(name)?;
        if node.text()? == text { Ok(()) } else { Err(node.unlike(text)) }
    }
}

/// An object being written.
#[derive(Default)]
pub(crate) struct Members(json::Object);

impl Members {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, name: &str, value: &impl Field) -> Self {
        self.0.insert(name, value.to_json());
        self
    }

    pub(crate) fn with_some(self, name: &str, value: Option<&impl Field>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn with_json(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    pub(crate) fn into_json(self) -> Json {
        Json::Object(self.0)
    }
}

/// Fields that are JSON strings of their `Display` form; the words say what a reader expects.
macro_rules! text_fields {
    ($($name:ty, $expected:literal;)+) => {$(
        impl crate::field::Field for $name {
            fn read(node: &crate::json::Node<'_>) -> Result<Self, crate::json::FieldError> {
                node.parse($expected)
            }

            fn to_json(&self) -> crate::json::Json {
                self.to_string().into()
            }
        }
    )+};
}

pub(crate) use text_fields;

text_fields! {
    crate::digest::Digest, "64 lowercase hex digits";
    crate::digest::ContributorId, "a contributor_id of 64 lowercase hex digits";
    crate::digest::StatementId, "a statement_id of 64 lowercase hex digits";
    crate::digest::SchemaId, "a schema_id of 64 lowercase hex digits";
    crate::digest::DatasetId, "a dataset_id of 64 lowercase hex digits";
    crate::digest::ManifestDigest, "a manifest's SHA-256 of 64 lowercase hex digits";
    crate::digest::ModelId, "a model id of 64 lowercase hex digits";
    crate::name::Name, "a name: [a-z0-9][a-z0-9._-]{0,127} that does not look like a hash";
    crate::name::Label, "a label: [a-z0-9][a-z0-9-]{0,38}";
    crate::name::Uri, "a URI without query, fragment and user info, of a scheme that is allowed";
    crate::name::ArtifactPath, "a relative path of A-Za-z0-9._/- without empty, . or .. segments";
    crate::name::MetricName, "a metric's name: [A-Za-z0-9._/-]{1,128}";
    crate::name::MetricValue, "a decimal number without leading zeros";
    crate::name::Commit, "a commit of 40 or 64 lowercase hex digits";
    crate::log::vkey::KeyName, "the origin of a log";
    crate::time::Date, "a real date YYYY-MM-DD";
    crate::time::UtcTime, "a real time YYYY-MM-DDThh:mm:ssZ";
    crate::cid::Cid, "a CIDv1 of SHA-256 in lowercase base32";
}

impl Field for crate::key::VerifyingKey {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        Self::from_did(node.text()?).map_err(|_| node.unlike("the did:key of an ed25519 key"))
    }

    fn to_json(&self) -> Json {
        self.to_did().into()
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        node.items()?.map(|item| T::read(&item)).collect()
    }

    fn to_json(&self) -> Json {
        Json::Array(self.iter().map(Field::to_json).collect())
    }
}

/// A pair is an array of two.
impl<A: Field, B: Field> Field for (A, B) {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut items = node.items()?;
        match (items.next(), items.next(), items.next()) {
            (Some(first), Some(second), None) => Ok((A::read(&first)?, B::read(&second)?)),
            _ => Err(node.unlike("an array of two")),
        }
    }

    fn to_json(&self) -> Json {
        Json::Array(vec![self.0.to_json(), self.1.to_json()])
    }
}

/// A set is an array in strictly ascending order.
impl<T: Field + Ord> Field for BTreeSet<T> {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut set = Self::new();
        for item in node.items()? {
            let member = T::read(&item)?;
            if set.last().is_some_and(|last| *last >= member) {
                return Err(item.unlike("greater than the item before"));
            }
            set.insert(member);
        }
        Ok(set)
    }

    fn to_json(&self) -> Json {
        Json::Array(self.iter().map(Field::to_json).collect())
    }
}

/// A map is an array of pairs in strictly ascending order of the first of each.
impl<K: Field + Ord, V: Field> Field for BTreeMap<K, V> {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut map = Self::new();
        for item in node.items()? {
            let (key, value) = Field::read(&item)?;
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err(item.unlike("a pair whose first is greater than that of the pair before"));
            }
            map.insert(key, value);
        }
        Ok(map)
    }

    fn to_json(&self) -> Json {
        let pair = |(key, value): (&K, &V)| Json::Array(vec![key.to_json(), value.to_json()]);
        Json::Array(self.iter().map(pair).collect())
    }
}
