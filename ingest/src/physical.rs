//! How the values of a dataset are stored: the Arrow and Parquet types of its chunk files.
//!
//! A logical type says what a value means; a physical type also says which Parquet column holds it: an integer with or
//! without a sign, a float of 32 or 64 bits, microseconds or nanoseconds, a decimal of 18, 38 or 76 digits. All chunk
//! files of a dataset share one [`PhysicalSchema`]. It is not part of what a dataset says: the same rows have the same
//! dataset_id under any of them, but other file bytes and so other CIDs.
//!
//! Its text form is the value of the footer key `mira.schema`: the canonical schema in JSON, where a type that leaves
//! a choice is an array of its name and the choice:
//!
//! ```
//! use mira_ingest::physical::PhysicalSchema;
//!
//! let text = r#"[["id",["int","i64"]],["price",["decimal",2,18]],["seen",["instant","us"]],["note","text"]]"#;
//! let schema = PhysicalSchema::parse(text)?;
//! assert_eq!(schema.to_string(), text);
//! let logical = r#"[["id","int"],["price",["decimal",2]],["seen","instant"],["note","text"]]"#;
//! assert_eq!(schema.logical().to_json(), logical);
//! # Ok::<(), mira_ingest::physical::PhysicalError>(())
//! ```
//!
//! In Arrow every column, field, item and map value is nullable (a map's key is not), nothing carries metadata, and the
//! children of lists and maps have the names that Parquet's specification gives them: `element`, `key_value`, `key`
//! and `value`.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};
use mira_core::digest::Digest;
use mira_core::schema::{Field, Schema, SchemaError, Type};

mod convert;
mod text;

pub use convert::ConvertError;

/// The physical schema of a dataset: names and storage of its columns, in order.
///
/// Whoever holds one need not check names, counts or depth again: its logical schema is a valid [`Schema`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhysicalSchema {
    columns: Vec<PhysicalField>,
    logical: Schema,
    arrow: SchemaRef,
}

/// A column of a physical schema, or a field of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhysicalField {
    /// The name, as in the logical schema.
    pub name: String,
    /// How the values are stored.
    pub ty: PhysicalType,
}

/// How values of one logical type are stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PhysicalType {
    /// Parquet BOOLEAN.
    Bool,
    /// Parquet INT64.
    Int(IntStorage),
    /// Parquet FLOAT or DOUBLE.
    Float(FloatStorage),
    /// Parquet BYTE_ARRAY of UTF-8.
    Text,
    /// Parquet BYTE_ARRAY.
    Bytes,
    /// Parquet INT32, days.
    Date,
    /// Parquet INT64, nanoseconds since midnight.
    Time,
    /// Parquet INT64, not adjusted to UTC.
    Timestamp(TimeStorage),
    /// Parquet INT64, adjusted to UTC.
    Instant(TimeStorage),
    /// Parquet INT64 without a logical type, which Parquet has none of for durations.
    Duration(TimeStorage),
    /// Parquet INT64 (18 digits) or FIXED_LEN_BYTE_ARRAY (38 and 76) with this scale.
    Decimal(u8, DecimalStorage),
    /// Parquet LIST.
    List(Box<PhysicalType>),
    /// A Parquet group.
    Struct(Vec<PhysicalField>),
    /// Parquet MAP.
    Map(Box<PhysicalType>, Box<PhysicalType>),
}

/// Declares a choice of storage and its spelling in `mira.schema`.
macro_rules! storages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The spelling in `mira.schema`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

storages! {
    /// Which 64-bit integers a column holds.
    IntStorage {
        /// -2^63 to 2^63 - 1.
        Signed = "i64",
        /// 0 to 2^64 - 1.
        Unsigned = "u64",
    }
    /// How wide floats are; only 16- and 32-bit input is stored in 32.
    FloatStorage {
        /// 32 bits.
        Single = "f32",
        /// 64 bits.
        Double = "f64",
    }
    /// What a time counts, in an i64.
    TimeStorage {
        /// Microseconds.
        Micro = "us",
        /// Nanoseconds.
        Nano = "ns",
    }
}

/// How many digits a decimal column holds, those of the fraction included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecimalStorage {
    /// 18 digits: Decimal128(18, scale).
    D18,
    /// 38 digits: Decimal128(38, scale).
    D38,
    /// 76 digits: Decimal256(76, scale).
    D76,
}

impl DecimalStorage {
    /// How many digits that is.
    pub const fn digits(self) -> u8 {
        match self {
            Self::D18 => 18,
            Self::D38 => 38,
            Self::D76 => 76,
        }
    }

    /// The narrowest storage of at least this many digits.
    const fn of_precision(digits: u8) -> Self {
        match digits {
            0..=18 => Self::D18,
            19..=38 => Self::D38,
            _ => Self::D76,
        }
    }
}

/// Why something is not a physical schema.
#[derive(Debug, thiserror::Error)]
pub enum PhysicalError {
    /// A column has an Arrow type that is not among the working types.
    #[error("column {column} has type {found}, which is not stored as it is")]
    Type {
        /// Which column or field.
        column: String,
        /// Its Arrow type.
        found: DataType,
    },
    /// A decimal has more fraction digits than digits.
    #[error("a decimal of {digits} digits cannot have {scale} fraction digits")]
    Scale {
        /// Digits in all.
        digits: u8,
        /// Fraction digits.
        scale: u8,
    },
    /// The logical schema breaks a rule.
    #[error("the columns are not a schema")]
    Schema(#[from] SchemaError),
    /// The text is not JSON.
    #[error("the text is not JSON")]
    Json(#[from] serde_json::Error),
    /// The text is JSON of another shape.
    #[error("expected {expected}, found {found}")]
    Shape {
        /// What should stand there.
        expected: &'static str,
        /// The start of what does.
        found: String,
    },
    /// The text says the same as the canonical one but is spelled in another way.
    #[error("the text is not in canonical form: it differs from byte {at}")]
    NotCanonical {
        /// Offset of the first difference.
        at: usize,
    },
}

impl PhysicalSchema {
    /// Takes columns whose logical schema is valid and whose decimals have no more fraction digits than digits.
    pub fn new(columns: Vec<PhysicalField>) -> Result<Self, PhysicalError> {
        columns.iter().try_for_each(|column| column.ty.check())?;
        let logical = Schema::new(columns.iter().map(PhysicalField::logical).collect())?;
        let arrow = Arc::new(ArrowSchema::new(columns.iter().map(PhysicalField::arrow).collect::<Fields>()));
        Ok(Self { columns, logical, arrow })
    }

    /// The storage of rows that arrive in the working types: Boolean, Int64, UInt64, Float32, Float64, Utf8, Binary,
    /// Date32, Time64 in ns, Timestamp in µs or ns without a zone or in UTC, Duration in µs or ns, Decimal128 and
    /// Decimal256 of non-negative scale, List, Struct and Map of these.
    pub fn of_working(schema: &ArrowSchema) -> Result<Self, PhysicalError> {
        Self::new(fields_of_working(schema.fields(), "")?)
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[PhysicalField] {
        &self.columns
    }

    /// What the columns mean.
    pub fn logical(&self) -> &Schema {
        &self.logical
    }

    /// The Arrow schema of every chunk.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// SHA-256 of the text form: two schemas are equal if and only if their digests are.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_string().as_bytes())
    }
}

impl PhysicalField {
    /// The logical column.
    fn logical(&self) -> Field {
        Field::new(&self.name, self.ty.logical())
    }

    fn arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.ty.arrow(), true)
    }
}

impl PhysicalType {
    /// What the values mean.
    pub fn logical(&self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Text => Type::Text,
            Self::Bytes => Type::Bytes,
            Self::Date => Type::Date,
            Self::Time => Type::Time,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Instant(_) => Type::Instant,
            Self::Duration(_) => Type::Duration,
            Self::Decimal(scale, _) => Type::Decimal(*scale),
            Self::List(item) => Type::List(Box::new(item.logical())),
            Self::Struct(fields) => Type::Struct(fields.iter().map(PhysicalField::logical).collect()),
            Self::Map(key, value) => Type::Map(Box::new(key.logical()), Box::new(value.logical())),
        }
    }

    /// Refuses decimals that no Arrow type can hold.
    fn check(&self) -> Result<(), PhysicalError> {
        match self {
            Self::Decimal(scale, storage) if *scale > storage.digits() => {
                Err(PhysicalError::Scale { digits: storage.digits(), scale: *scale })
            }
            Self::List(item) => item.check(),
            Self::Struct(fields) => fields.iter().try_for_each(|field| field.ty.check()),
            Self::Map(key, value) => key.check().and_then(|()| value.check()),
            _ => Ok(()),
        }
    }

    /// The Arrow type of exactly this storage.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int(IntStorage::Signed) => DataType::Int64,
            Self::Int(IntStorage::Unsigned) => DataType::UInt64,
            Self::Float(FloatStorage::Single) => DataType::Float32,
            Self::Float(FloatStorage::Double) => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Nanosecond),
            Self::Timestamp(unit) => DataType::Timestamp(unit.arrow(), None),
            Self::Instant(unit) => DataType::Timestamp(unit.arrow(), Some(UTC.into())),
            Self::Duration(unit) => DataType::Duration(unit.arrow()),
            Self::Decimal(scale, storage) => decimal(*scale, *storage),
            Self::List(item) => DataType::List(Arc::new(ArrowField::new("element", item.arrow(), true))),
            Self::Struct(fields) => DataType::Struct(fields.iter().map(PhysicalField::arrow).collect()),
            Self::Map(key, value) => {
                let key = ArrowField::new("key", key.arrow(), false);
                let value = ArrowField::new("value", value.arrow(), true);
                let entries = DataType::Struct(Fields::from(vec![key, value]));
                DataType::Map(Arc::new(ArrowField::new("key_value", entries, false)), false)
            }
        }
    }
}

impl TimeStorage {
    const fn arrow(self) -> TimeUnit {
        match self {
            Self::Micro => TimeUnit::Microsecond,
            Self::Nano => TimeUnit::Nanosecond,
        }
    }

    const fn of_arrow(unit: TimeUnit) -> Option<Self> {
        match unit {
            TimeUnit::Microsecond => Some(Self::Micro),
            TimeUnit::Nanosecond => Some(Self::Nano),
            TimeUnit::Second | TimeUnit::Millisecond => None,
        }
    }
}

/// The one zone that stored instants have.
const UTC: &str = "UTC";

fn decimal(scale: u8, storage: DecimalStorage) -> DataType {
    // `check` let no scale above 76 into a schema, so this keeps the value.
    let scale = i8::try_from(scale).unwrap_or(i8::MAX);
    match storage {
        DecimalStorage::D18 | DecimalStorage::D38 => DataType::Decimal128(storage.digits(), scale),
        DecimalStorage::D76 => DataType::Decimal256(storage.digits(), scale),
    }
}

fn fields_of_working(fields: &Fields, parent: &str) -> Result<Vec<PhysicalField>, PhysicalError> {
    let field = |field: &Arc<ArrowField>| {
        let column = if parent.is_empty() { field.name().clone() } else { format!("{parent}.{}", field.name()) };
        let ty = of_working(field.data_type(), &column)?;
        Ok(PhysicalField { name: field.name().clone(), ty })
    };
    fields.iter().map(field).collect()
}

fn of_working(ty: &DataType, column: &str) -> Result<PhysicalType, PhysicalError> {
    let unsupported = || PhysicalError::Type { column: column.to_owned(), found: ty.clone() };
    let unit = |unit: &TimeUnit| TimeStorage::of_arrow(*unit).ok_or_else(unsupported);
    Ok(match ty {
        DataType::Boolean => PhysicalType::Bool,
        DataType::Int64 => PhysicalType::Int(IntStorage::Signed),
        DataType::UInt64 => PhysicalType::Int(IntStorage::Unsigned),
        DataType::Float32 => PhysicalType::Float(FloatStorage::Single),
        DataType::Float64 => PhysicalType::Float(FloatStorage::Double),
        DataType::Utf8 => PhysicalType::Text,
        DataType::Binary => PhysicalType::Bytes,
        DataType::Date32 => PhysicalType::Date,
        DataType::Time64(TimeUnit::Nanosecond) => PhysicalType::Time,
        DataType::Timestamp(time, None) => PhysicalType::Timestamp(unit(time)?),
        DataType::Timestamp(time, Some(zone)) if zone.as_ref() == UTC => PhysicalType::Instant(unit(time)?),
        DataType::Duration(time) => PhysicalType::Duration(unit(time)?),
        DataType::Decimal128(digits, scale) | DataType::Decimal256(digits, scale) => {
            let scale = u8::try_from(*scale).map_err(|_| unsupported())?;
            PhysicalType::Decimal(scale, DecimalStorage::of_precision((*digits).max(scale)))
        }
        DataType::List(item) => PhysicalType::List(Box::new(of_working(item.data_type(), column)?)),
        DataType::Struct(fields) => PhysicalType::Struct(fields_of_working(fields, column)?),
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { return Err(unsupported()) };
            let [key, value] = fields.as_ref() else { return Err(unsupported()) };
            let key = of_working(key.data_type(), column)?;
            PhysicalType::Map(Box::new(key), Box::new(of_working(value.data_type(), column)?))
        }
        _ => return Err(unsupported()),
    })
}
