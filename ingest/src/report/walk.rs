//! A schema's types in order, and the slots that a batch has for each of them.
//!
//! A *type* here is a column's, or one within another. A column has a slot for each row; a struct that is not null has one
//! for each of its fields, a list that is not null one for each item, a map one for key and value of each pair. So what is
//! hidden under a null is no slot, and nulls of different levels are never mixed up.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::{BooleanBufferBuilder, OffsetBuffer};
use arrow_schema::{ArrowError, DataType};
use arrow_select::filter::filter;
use mira_core::schema::{Schema, Type};

/// One type of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The name of the column or field; `element`, `key` or `value` within a list or a map.
    pub(super) name: &'a str,
    /// 1 for a column.
    pub(super) depth: usize,
    pub(super) ty: &'a Type,
}

/// All types of a schema, each before those within it.
pub(super) fn places(schema: &Schema) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    schema.columns().iter().for_each(|column| place(&column.name, 1, &column.ty, &mut places));
    places
}

fn place<'a>(name: &'a str, depth: usize, ty: &'a Type, places: &mut Vec<Place<'a>>) {
    places.push(Place { name, depth, ty });
    match ty {
        Type::List(item) => place("element", depth + 1, item, places),
        Type::Struct(fields) => fields.iter().for_each(|field| place(&field.name, depth + 1, &field.ty, places)),
        Type::Map(key, value) => {
            place("key", depth + 1, key, places);
            place("value", depth + 1, value, places);
        }
        _ => {}
    }
}

/// Hands out the slots of each type, in the order of [`places`].
pub(super) fn slots(batch: &RecordBatch, mut each: impl FnMut(usize, &ArrayRef)) -> Result<(), ArrowError> {
    let mut number = 0;
    batch.columns().iter().try_for_each(|column| walk(column, &mut number, &mut each))
}

fn walk(array: &ArrayRef, number: &mut usize, each: &mut impl FnMut(usize, &ArrayRef)) -> Result<(), ArrowError> {
    each(*number, array);
    *number += 1;
    match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            walk(&within(lists, lists.offsets(), lists.values())?, number, each)
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            walk(&within(maps, maps.offsets(), maps.keys())?, number, each)?;
            walk(&within(maps, maps.offsets(), maps.values())?, number, each)
        }
        DataType::Struct(_) => {
            let structs = array.as_struct();
            let valid = structs.nulls().filter(|nulls| nulls.null_count() > 0);
            let valid = valid.map(|nulls| BooleanArray::new(nulls.inner().clone(), None));
            structs.columns().iter().try_for_each(|child| match &valid {
                Some(valid) => walk(&filter(child, valid)?, number, each),
                None => walk(child, number, each),
            })
        }
        _ => Ok(()),
    }
}

/// The items of the lists that are not null.
fn within(lists: &dyn Array, offsets: &OffsetBuffer<i32>, items: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
    let (start, end) = (offsets.first().copied().map_or(0, place), offsets.last().copied().map_or(0, place));
    let items = items.slice(start, end - start);
    // A null list may have items that nobody sees.
    let hides = |row: usize| lists.is_null(row) && offsets.get(row) != offsets.get(row + 1);
    if lists.null_count() == 0 || !(0..lists.len()).any(hides) {
        return Ok(items);
    }
    let mut seen = BooleanBufferBuilder::new(items.len());
    for (row, ends) in offsets.windows(2).enumerate() {
        if let [start, end] = ends {
            seen.append_n(place(end - start), lists.is_valid(row));
        }
    }
    filter(&items, &BooleanArray::new(seen.finish(), None))
}
