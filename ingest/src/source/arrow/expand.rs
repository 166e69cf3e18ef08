//! How much memory an array takes once dictionaries, views and runs are undone.
//!
//! A few bytes can stand for gigabytes: a dictionary of one long text, or one run of two billion. So the rows that are
//! converted at once are chosen by what they become. Numbers are exact for texts and bytes, and else from above.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{Array, ArrayRef, RunArray};
use arrow_schema::DataType;

/// The widest value of a fixed size, a decimal of 76 digits.
const VALUE: u64 = 32;

/// Bytes that the array becomes.
pub(crate) fn bytes(array: &ArrayRef) -> u64 {
    let len = array.len() as u64;
    let heads = len.saturating_mul(VALUE);
    heads.saturating_add(match array.data_type() {
        DataType::Utf8View | DataType::BinaryView | DataType::Utf8 | DataType::Binary => texts(array),
        DataType::LargeUtf8 | DataType::LargeBinary | DataType::FixedSizeBinary(_) => texts(array),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = (list.value_offsets().first(), list.value_offsets().last());
            span(list.values(), first.map_or(0, |at| index(*at)), last.map_or(0, |at| index(*at)))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (first, last) = (list.value_offsets().first(), list.value_offsets().last());
            span(list.values(), first.map_or(0, |at| index(*at)), last.map_or(0, |at| index(*at)))
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let (first, last) = (map.value_offsets().first(), map.value_offsets().last());
            let (first, last) = (first.map_or(0, |at| index(*at)), last.map_or(0, |at| index(*at)));
            span(map.keys(), first, last).saturating_add(span(map.values(), first, last))
        }
        DataType::FixedSizeList(..) => bytes(array.as_fixed_size_list().values()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(bytes).fold(0, u64::saturating_add),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            if dictionary.values().is_empty() {
                return heads;
            }
            chosen(dictionary.values(), dictionary.normalized_keys().into_iter())
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs::<Int16Type>(array),
            DataType::Int32 => runs::<Int32Type>(array),
            _ => runs::<Int64Type>(array),
        },
        _ => 0,
    })
}

/// Bytes of the items from `first` up to `last`.
fn span(values: &ArrayRef, first: usize, last: usize) -> u64 {
    bytes(&values.slice(first, last - first))
}

fn runs<R: RunEndIndexType>(array: &ArrayRef) -> u64 {
    let Some(runs) = array.as_any().downcast_ref::<RunArray<R>>() else { return 0 };
    chosen(runs.values(), (0..runs.len()).map(|row| runs.get_physical_index(row)))
}

/// Bytes of the values at some indices, which may come again and again.
fn chosen(values: &ArrayRef, indices: impl ExactSizeIterator<Item = usize>) -> u64 {
    match lengths(values) {
        Some(length) => indices.map(length).fold(0, u64::saturating_add),
        None if values.data_type().is_primitive() => 0,
        None => (indices.len() as u64).saturating_mul(bytes(values)),
    }
}

fn texts(array: &ArrayRef) -> u64 {
    lengths(array).map_or(0, |length| (0..array.len()).map(length).fold(0, u64::saturating_add))
}

/// The length of each text or byte string.
fn lengths(array: &ArrayRef) -> Option<Box<dyn Fn(usize) -> u64 + '_>> {
    fn by<'a>(len: usize, of: impl Fn(usize) -> u64 + 'a) -> Option<Box<dyn Fn(usize) -> u64 + 'a>> {
        Some(Box::new(move |at| if at < len { of(at) } else { 0 }))
    }
    let len = array.len();
    match array.data_type() {
        DataType::Utf8 => by(len, |at| array.as_string::<i32>().value_length(at).unsigned_abs().into()),
        DataType::Binary => by(len, |at| array.as_binary::<i32>().value_length(at).unsigned_abs().into()),
        DataType::LargeUtf8 => by(len, |at| array.as_string::<i64>().value_length(at).unsigned_abs()),
        DataType::LargeBinary => by(len, |at| array.as_binary::<i64>().value_length(at).unsigned_abs()),
        // The low 32 bits of a view are its length.
        DataType::Utf8View => by(len, |at| low(array.as_string_view().views().get(at))),
        DataType::BinaryView => by(len, |at| low(array.as_binary_view().views().get(at))),
        DataType::FixedSizeBinary(size) => {
            let size = u64::from(size.unsigned_abs());
            by(len, move |_| size)
        }
        _ => None,
    }
}

fn low(view: Option<&u128>) -> u64 {
    view.map_or(0, |view| view & u128::from(u32::MAX)).try_into().unwrap_or(0)
}

/// An offset, which is never negative in an array that was checked.
fn index(offset: impl TryInto<usize>) -> usize {
    offset.try_into().unwrap_or(0)
}
