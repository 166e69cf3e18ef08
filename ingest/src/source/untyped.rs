//! Types in which what should be text is bytes: libraries refuse a whole column for one text that is not UTF-8, and of bytes
//! they ask nothing.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

/// The same schema with bytes for texts.
pub(crate) fn schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new_with_metadata(fields(schema.fields()), schema.metadata().clone()))
}

/// The types of the leaves, in order: a dictionary is one, a run has the leaves of its values.
pub(crate) fn leaves<'a>(ty: &'a DataType, found: &mut Vec<&'a DataType>) {
    match ty {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => leaves(item.data_type(), found),
        DataType::Map(entries, _) => leaves(entries.data_type(), found),
        DataType::Struct(fields) => fields.iter().for_each(|field| leaves(field.data_type(), found)),
        DataType::RunEndEncoded(_, values) => leaves(values.data_type(), found),
        leaf => found.push(leaf),
    }
}

/// Whether a leaf is text.
pub(crate) fn is_text(leaf: &DataType) -> bool {
    match leaf {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn fields(fields: &Fields) -> Fields {
    fields.iter().map(field).collect()
}

fn field(field: &FieldRef) -> FieldRef {
    let ty = of(field.data_type());
    if ty == *field.data_type() { Arc::clone(field) } else { Arc::new(Field::clone(field).with_data_type(ty)) }
}

fn of(ty: &DataType) -> DataType {
    match ty {
        DataType::Utf8 => DataType::Binary,
        DataType::LargeUtf8 => DataType::LargeBinary,
        DataType::Utf8View => DataType::BinaryView,
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        DataType::Struct(inner) => DataType::Struct(fields(inner)),
        DataType::Dictionary(key, values) => DataType::Dictionary(key.clone(), Box::new(of(values))),
        DataType::RunEndEncoded(ends, values) => DataType::RunEndEncoded(Arc::clone(ends), field(values)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_at_any_depth_become_bytes_and_nothing_else_does() {
        let field = |ty: DataType| Arc::new(Field::new("x", ty, true));
        let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int8), Box::new(values));
        let runs = |values| DataType::RunEndEncoded(field(DataType::Int32), field(values));
        let nested = |text: DataType, large: DataType, view: DataType| {
            let inner = Fields::from(vec![field(dictionary(large)), field(DataType::Date32), field(runs(view))]);
            DataType::LargeList(field(DataType::Map(
                field(DataType::Struct(Fields::from(vec![field(text), field(DataType::Struct(inner))]))),
                false,
            )))
        };
        let typed = nested(DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View);
        assert_eq!(of(&typed), nested(DataType::Binary, DataType::LargeBinary, DataType::BinaryView));
        let mut found = Vec::new();
        leaves(&typed, &mut found);
        assert_eq!(found.iter().map(|leaf| is_text(leaf)).collect::<Vec<_>>(), [true, true, false, true]);
        // A view of lists has the leaves of its items, though it has no logical type: that is said elsewhere.
        let mut found = Vec::new();
        let pair = Fields::from(vec![field(DataType::Utf8), field(DataType::Int8)]);
        let view = DataType::ListView(field(DataType::Struct(pair)));
        leaves(&view, &mut found);
        assert_eq!(found, [&DataType::Utf8, &DataType::Int8]);
    }
}
