//! The logical type of an Arrow type.

use arrow_schema::{DataType, FieldRef, Fields, Schema as ArrowSchema};
use mira_core::schema::{Field, Schema, Type};

use super::RowError;

pub(super) fn schema(schema: &ArrowSchema) -> Result<Schema, RowError> {
    let column = |column: &FieldRef| {
        field(column).map_err(|source| RowError::Column { column: column.name().clone(), source: Box::new(source) })
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    Ok(Schema::new(columns)?)
}

fn field(field: &FieldRef) -> Result<Field, RowError> {
    Ok(Field::new(field.name(), logical(field.data_type())?))
}

fn fields(fields: &Fields) -> Result<Vec<Field>, RowError> {
    fields.iter().map(field).collect()
}

fn logical(ty: &DataType) -> Result<Type, RowError> {
    Ok(match ty {
        DataType::Boolean => Type::Bool,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Type::Int,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Type::Int,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Type::Float,
        // A column of nulls says nothing of its type; text is what a file without values is read as.
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Type::Bytes,
        DataType::Date32 | DataType::Date64 => Type::Date,
        DataType::Time32(_) | DataType::Time64(_) => Type::Time,
        DataType::Timestamp(_, None) => Type::Timestamp,
        DataType::Timestamp(_, Some(_)) => Type::Instant,
        DataType::Duration(_) => Type::Duration,
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        // A negative scale counts whole tens; as text the zeros are written.
        | DataType::Decimal256(_, scale) => Type::Decimal(u8::try_from(*scale).unwrap_or(0)),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => Type::List(Box::new(logical(item.data_type())?)),
        DataType::Struct(children) => Type::Struct(fields(children)?),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) => match pair.as_ref() {
                [key, value] => {
                    Type::Map(Box::new(logical(key.data_type())?), Box::new(logical(value.data_type())?))
                }
                _ => return Err(RowError::Type { found: ty.clone() }),
            },
            _ => return Err(RowError::Type { found: ty.clone() }),
        },
        DataType::Dictionary(_, values) => logical(values)?,
        DataType::RunEndEncoded(_, values) => logical(values.data_type())?,
        DataType::Interval(_) | DataType::Union(..) => return Err(RowError::Type { found: ty.clone() }),
    })
}
