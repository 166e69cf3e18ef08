//! Logical types and canonical schemas.
//!
//! A schema says what rows mean: names and logical types in order, nothing of widths, nullability or storage. Its
//! canonical form is deterministic CBOR, `[[name, type], …]`, and its digest is the schema_id. The same shape in JSON
//! is what people write and read:
//!
//! ```
//! use mira_core::schema::Schema;
//!
//! let schema = Schema::from_json(r#"[["id", "int"], ["price", ["decimal", 2]], ["tags", ["list", "text"]]]"#)?;
//! assert_eq!(schema.to_json(), r#"[["id","int"],["price",["decimal",2]],["tags",["list","text"]]]"#);
//! assert_eq!(Schema::from_cbor(&schema.to_cbor())?, schema);
//! # Ok::<(), mira_core::schema::SchemaError>(())
//! ```

use std::collections::HashSet;
use std::fmt;

use crate::cbor::CborError;

mod canonical;
mod json;

/// A logical type. Every value of every type may also be null, except a map's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// An integer that fits i64 or u64.
    Int,
    /// A 64-bit IEEE 754 float.
    Float,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
    /// A day, counted from 1970-01-01.
    Date,
    /// A time of day in nanoseconds since midnight.
    Time,
    /// A local date and time, without a zone.
    Timestamp,
    /// A point in time, UTC.
    Instant,
    /// A length of time.
    Duration,
    /// An exact decimal with this many fraction digits, at most [`Type::MAX_SCALE`].
    Decimal(u8),
    /// Items of one type.
    List(Box<Type>),
    /// Named fields in order: at least one, names unique.
    Struct(Vec<Field>),
    /// Pairs, ascending by encoded key, no key twice or null.
    Map(Box<Type>, Box<Type>),
}

/// A column of a schema, or a field of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name: unique among its siblings, at most [`Field::MAX_NAME`] bytes, possibly empty.
    pub name: String,
    /// The type.
    pub ty: Type,
}

impl Type {
    /// Most fraction digits of a decimal.
    pub const MAX_SCALE: u8 = 76;
    /// How deep types may nest: a column of a scalar type has depth 1.
    pub const MAX_DEPTH: usize = 32;

    /// The word that names the type in a schema, without its parameters.
    pub const fn name(&self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Text => "text",
            Type::Bytes => "bytes",
            Type::Date => "date",
            Type::Time => "time",
            Type::Timestamp => "timestamp",
            Type::Instant => "instant",
            Type::Duration => "duration",
            Type::Decimal(_) => "decimal",
            Type::List(_) => "list",
            Type::Struct(_) => "struct",
            Type::Map(..) => "map",
        }
    }

    /// The type that a bare word stands for, if it needs no parameters.
    fn scalar(name: &str) -> Option<Type> {
        Some(match name {
            "bool" => Type::Bool,
            "int" => Type::Int,
            "float" => Type::Float,
            "text" => Type::Text,
            "bytes" => Type::Bytes,
            "date" => Type::Date,
            "time" => Type::Time,
            "timestamp" => Type::Timestamp,
            "instant" => Type::Instant,
            "duration" => Type::Duration,
            _ => return None,
        })
    }
}

impl Field {
    /// Longest name in bytes.
    pub const MAX_NAME: usize = 4096;

    /// A field of this name and type; [`Schema::new`] checks both.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self { name: name.into(), ty }
    }
}

/// A canonical schema: 1 to [`Schema::MAX_COLUMNS`] columns with unique names.
///
/// Whoever holds one need not check its names, scales, depth or size again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema {
    columns: Vec<Field>,
}

/// Why fields are not a schema, or bytes or JSON not the form of one.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// There are no columns, or too many.
    #[error("a schema has 1 to {} columns, found {found}", Schema::MAX_COLUMNS)]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// A struct has no fields.
    #[error("a struct has at least one field, found none at {at}")]
    EmptyStruct {
        /// Which column or field has that type.
        at: String,
    },
    /// Two siblings have the same name.
    #[error("two columns or fields are named {at}")]
    DuplicateName {
        /// The name, after those of the columns and fields around it.
        at: String,
    },
    /// A name is too long.
    #[error("a name has at most {} bytes, found {found} at {at}", Field::MAX_NAME)]
    LongName {
        /// Which column or field, cut short.
        at: String,
        /// Its length in bytes.
        found: usize,
    },
    /// A decimal has too many fraction digits.
    #[error("a decimal has at most {} fraction digits, found {found} at {at}", Type::MAX_SCALE)]
    Scale {
        /// Which column or field has that type.
        at: String,
        /// How many it asks for.
        found: u64,
    },
    /// Types nest too deep.
    #[error("types nest at most {} deep, found more at {at}", Type::MAX_DEPTH)]
    Depth {
        /// Which column or field has that type.
        at: String,
    },
    /// Too many types in all, nested ones included.
    #[error("a schema has at most {} types in all, found more", Schema::MAX_TYPES)]
    Types,
    /// No type has this name, or the named type is not written in this way.
    #[error("expected a type at {at}, found {found}")]
    UnknownType {
        /// Which column or field, or which offset in the bytes.
        at: String,
        /// The name, or the start of the JSON, that stands there.
        found: String,
    },
    /// The JSON is well-formed but not `[[name, type], …]`.
    #[error("expected {expected} at {at}, found {found}")]
    Shape {
        /// Which column or field.
        at: String,
        /// What should stand there.
        expected: &'static str,
        /// The start of what does.
        found: String,
    },
    /// The bytes are not deterministic CBOR of a schema's shape.
    #[error("the bytes are not a canonical schema")]
    Cbor(#[from] CborError),
    /// The text is not JSON.
    #[error("the text is not a schema in JSON")]
    Json(#[source] serde_json::Error),
}

impl Schema {
    /// Most columns of a schema.
    pub const MAX_COLUMNS: usize = 16_384;
    /// Most types in a schema: one for each column, and one for each type within a type.
    pub const MAX_TYPES: usize = 65_536;

    /// Takes columns that keep every limit, in this order.
    pub fn new(columns: Vec<Field>) -> Result<Self, SchemaError> {
        Self::check_count(columns.len())?;
        Check::default().fields(&columns, 1)?;
        Ok(Self { columns })
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Field] {
        &self.columns
    }

    fn check_count(found: usize) -> Result<(), SchemaError> {
        if found == 0 || found > Self::MAX_COLUMNS { Err(SchemaError::Columns { found }) } else { Ok(()) }
    }
}

/// A walk over all types of a schema: where it stands, and how many types it has met.
#[derive(Default)]
struct Check<'a> {
    path: Vec<&'a str>,
    types: usize,
}

impl<'a> Check<'a> {
    fn fields(&mut self, fields: &'a [Field], depth: usize) -> Result<(), SchemaError> {
        let mut names = HashSet::with_capacity(fields.len());
        for field in fields {
            self.path.push(&field.name);
            if field.name.len() > Field::MAX_NAME {
                return Err(SchemaError::LongName { at: self.at(), found: field.name.len() });
            }
            if !names.insert(field.name.as_str()) {
                return Err(SchemaError::DuplicateName { at: self.at() });
            }
            self.ty(&field.ty, depth)?;
            self.path.pop();
        }
        Ok(())
    }

    fn ty(&mut self, ty: &'a Type, depth: usize) -> Result<(), SchemaError> {
        self.types += 1;
        if self.types > Schema::MAX_TYPES {
            return Err(SchemaError::Types);
        }
        if depth > Type::MAX_DEPTH {
            return Err(SchemaError::Depth { at: self.at() });
        }
        match ty {
            Type::Decimal(scale) if *scale > Type::MAX_SCALE => {
                Err(SchemaError::Scale { at: self.at(), found: u64::from(*scale) })
            }
            Type::List(item) => self.ty(item, depth + 1),
            Type::Struct(fields) if fields.is_empty() => Err(SchemaError::EmptyStruct { at: self.at() }),
            Type::Struct(fields) => self.fields(fields, depth + 1),
            Type::Map(key, value) => {
                self.ty(key, depth + 1)?;
                self.ty(value, depth + 1)
            }
            _ => Ok(()),
        }
    }

    fn at(&self) -> String {
        shown_path(&self.path)
    }
}

/// Names from the column inwards, for a message: quoted, joined by dots and cut short.
fn shown_path(path: &[&str]) -> String {
    const LONGEST: usize = 200;
    let joined: String = path.join(".").chars().take(LONGEST).collect();
    format!("{joined:?}")
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::write_type(f, self)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::write_fields(f, &self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(ty: Type) -> Result<Schema, SchemaError> {
        Schema::new(vec![Field::new("c", ty)])
    }

    fn lists(levels: usize) -> Type {
        (0..levels).fold(Type::Int, |inner, _| Type::List(Box::new(inner)))
    }

    #[test]
    fn limits_are_the_last_accepted_value() {
        assert!(one(Type::Decimal(76)).is_ok());
        assert!(matches!(one(Type::Decimal(77)), Err(SchemaError::Scale { found: 77, .. })));
        assert!(one(lists(31)).is_ok());
        assert!(matches!(one(lists(32)), Err(SchemaError::Depth { .. })));

        let named = |len| Schema::new(vec![Field::new("n".repeat(len), Type::Int)]);
        assert!(named(0).is_ok() && named(4096).is_ok());
        assert!(matches!(named(4097), Err(SchemaError::LongName { found: 4097, .. })));

        let columns =
            |n: usize, ty: &Type| Schema::new((0..n).map(|i| Field::new(i.to_string(), ty.clone())).collect());
        assert!(matches!(columns(0, &Type::Int), Err(SchemaError::Columns { found: 0 })));
        assert!(columns(16_384, &Type::Int).is_ok());
        assert!(matches!(columns(16_385, &Type::Int), Err(SchemaError::Columns { found: 16_385 })));
        assert!(columns(16_384, &lists(3)).is_ok(), "65,536 types");
        let mut wide: Vec<Field> = (0..16_383).map(|i| Field::new(i.to_string(), lists(3))).collect();
        wide.push(Field::new("last", lists(4)));
        assert!(matches!(Schema::new(wide), Err(SchemaError::Types)));
    }

    #[test]
    fn names_are_unique_among_siblings_only() {
        let x = || Field::new("x", Type::Int);
        assert!(matches!(Schema::new(vec![x(), x()]), Err(SchemaError::DuplicateName { .. })));
        let error = one(Type::Struct(vec![x(), x()])).unwrap_err();
        assert_eq!(error.to_string(), r#"two columns or fields are named "c.x""#);
        assert!(Schema::new(vec![x(), Field::new("X", Type::Struct(vec![x()]))]).is_ok());
        assert!(matches!(one(Type::Struct(vec![])), Err(SchemaError::EmptyStruct { .. })));
    }
}
