//! What is counted of one type's slots.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray, StringArray};
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::{DataType, TimeUnit};

use super::sketch::Distinct;

/// Most bytes of a text that are kept as its column's least or greatest.
pub(super) const MAX_SHOWN: usize = 64;

/// The counts of one type, over any number of arrays.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    pub(super) values: u64,
    pub(super) nulls: u64,
    pub(super) distinct: Distinct,
    pub(super) range: Range,
    /// Bytes of text and byte strings.
    pub(super) bytes: u64,
    /// Items of lists, pairs of maps.
    pub(super) items: u64,
    pub(super) trues: u64,
    pub(super) nans: u64,
    pub(super) infinities: u64,
}

/// The least and the greatest value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Range(Option<(Bound, Bound)>);

/// A value as its type orders it. Those of one type are of one variant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    /// A number of whatever the type counts; nanoseconds of times.
    Int(i128),
    Float(f64),
    /// The unscaled number.
    Decimal(i256),
    /// The first bytes of a text, and whether there are more.
    Text(Vec<u8>, bool),
}

impl Bound {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.cmp(b),
            // Texts that begin alike: the shorter one is the lesser, and only it has no more bytes.
            (Self::Text(a, a_more), Self::Text(b, b_more)) => (a, a_more).cmp(&(b, b_more)),
            // One type has one variant.
            _ => Ordering::Equal,
        }
    }
}

impl Range {
    pub(super) fn bounds(&self) -> Option<&(Bound, Bound)> {
        self.0.as_ref()
    }

    fn include(&mut self, min: Bound, max: Bound) {
        match &mut self.0 {
            None => self.0 = Some((min, max)),
            Some((least, greatest)) => {
                if min.compare(least) == Ordering::Less {
                    *least = min;
                }
                if max.compare(greatest) == Ordering::Greater {
                    *greatest = max;
                }
            }
        }
    }
}

impl Cells {
    /// Counts the slots of an array, which is of a type that chunks are stored in. Ranges are looked for only where
    /// somebody may see them.
    pub(super) fn add(&mut self, array: &dyn Array, with_range: bool) {
        let nulls = array.null_count();
        self.nulls += nulls as u64;
        self.values += (array.len() - nulls) as u64;
        match array.data_type() {
            DataType::Boolean => self.trues += array.as_boolean().true_count() as u64,
            DataType::Int64 => self.ints::<Int64Type>(array, i64::cast_unsigned, i128::from),
            DataType::UInt64 => self.ints::<UInt64Type>(array, |value| value, i128::from),
            DataType::Float32 => self.floats::<Float32Type>(array),
            DataType::Float64 => self.floats::<Float64Type>(array),
            DataType::Utf8 => self.text(array.as_string(), with_range),
            DataType::Binary => self.blobs(array),
            DataType::Date32 => {
                self.ints::<Date32Type>(array, |days| i64::from(days).cast_unsigned(), i128::from);
            }
            DataType::Time64(_) => self.nanos::<Time64NanosecondType, 1>(array),
            DataType::Timestamp(TimeUnit::Microsecond, _) => self.nanos::<TimestampMicrosecondType, 1000>(array),
            DataType::Timestamp(..) => self.nanos::<TimestampNanosecondType, 1>(array),
            DataType::Duration(TimeUnit::Microsecond) => self.nanos::<DurationMicrosecondType, 1000>(array),
            DataType::Duration(_) => self.nanos::<DurationNanosecondType, 1>(array),
            DataType::Decimal128(..) => self.decimals(array),
            DataType::Decimal256(..) => self.wide_decimals(array),
            DataType::List(_) => self.items += sum(array.as_list::<i32>().offsets(), array),
            DataType::Map(..) => self.items += sum(array.as_map().offsets(), array),
            // Structs have slots and nothing else, and no chunk has other types.
            _ => {}
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.values += other.values;
        self.nulls += other.nulls;
        self.distinct.merge(&other.distinct);
        if let Some((min, max)) = &other.range.0 {
            self.range.include(min.clone(), max.clone());
        }
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.items = self.items.saturating_add(other.items);
        self.trues += other.trues;
        self.nans += other.nans;
        self.infinities += other.infinities;
    }

    /// Sees integers, and finds the least and the greatest.
    fn ints<T: ArrowPrimitiveType<Native: Ord>>(
        &mut self,
        array: &dyn Array,
        word: impl Fn(T::Native) -> u64,
        wide: impl Fn(T::Native) -> i128,
    ) {
        let distinct = &mut self.distinct;
        if let Some((min, max)) = extremes(array.as_primitive::<T>(), |value| distinct.see_word(word(value))) {
            self.range.include(Bound::Int(wide(min)), Bound::Int(wide(max)));
        }
    }

    /// Sees counts of time: the same whatever they are stored in.
    fn nanos<T: ArrowPrimitiveType<Native = i64>, const NANOS: i64>(&mut self, array: &dyn Array) {
        self.ints::<T>(
            array,
            |ticks| ticks.wrapping_mul(NANOS).cast_unsigned(),
            |ticks| i128::from(ticks) * i128::from(NANOS),
        );
    }

    fn decimals(&mut self, array: &dyn Array) {
        let distinct = &mut self.distinct;
        let see = |value: i128| match i64::try_from(value) {
            Ok(value) => distinct.see_word(value.cast_unsigned()),
            Err(_) => distinct.see_words(words(i256::from_i128(value))),
        };
        if let Some((min, max)) = extremes(array.as_primitive::<Decimal128Type>(), see) {
            self.range.include(Bound::Decimal(i256::from_i128(min)), Bound::Decimal(i256::from_i128(max)));
        }
    }

    fn wide_decimals(&mut self, array: &dyn Array) {
        let distinct = &mut self.distinct;
        let see = |value: i256| distinct.see_words(words(value));
        if let Some((min, max)) = extremes(array.as_primitive::<Decimal256Type>(), see) {
            self.range.include(Bound::Decimal(min), Bound::Decimal(max));
        }
    }

    fn floats<T: ArrowPrimitiveType<Native: Into<f64>>>(&mut self, array: &dyn Array) {
        let mut range: Option<(f64, f64)> = None;
        each(array.as_primitive::<T>(), |value| {
            let value: f64 = value.into();
            if value.is_nan() {
                self.nans += 1;
                self.distinct.see_word(CANONICAL_NAN);
                return;
            }
            self.infinities += u64::from(value.is_infinite());
            self.distinct.see_word(value.to_bits());
            let (min, max) = range.get_or_insert((value, value));
            if value.total_cmp(min) == Ordering::Less {
                *min = value;
            }
            if value.total_cmp(max) == Ordering::Greater {
                *max = value;
            }
        });
        if let Some((min, max)) = range {
            self.range.include(Bound::Float(min), Bound::Float(max));
        }
    }

    fn text(&mut self, texts: &StringArray, with_range: bool) {
        let mut range: Option<(&[u8], &[u8])> = None;
        for row in 0..texts.len() {
            if texts.is_null(row) {
                continue;
            }
            let text = texts.value(row).as_bytes();
            self.bytes += text.len() as u64;
            self.distinct.see_bytes(text);
            if with_range {
                let (min, max) = range.get_or_insert((text, text));
                if is_less(text, min) {
                    *min = text;
                }
                if is_less(max, text) {
                    *max = text;
                }
            }
        }
        if let Some((min, max)) = range {
            self.range.include(shown(min), shown(max));
        }
    }

    fn blobs(&mut self, array: &dyn Array) {
        for value in array.as_binary::<i32>().iter().flatten() {
            self.bytes += value.len() as u64;
            self.distinct.see_bytes(value);
        }
    }
}

const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

/// The start of a text. Cutting at a byte keeps the order, and cutting at a character would not.
fn shown(text: &[u8]) -> Bound {
    let start = text.get(..MAX_SHOWN).unwrap_or(text);
    Bound::Text(start.to_vec(), text.len() > MAX_SHOWN)
}

/// Compares the first eight bytes as a number: they are enough for most pairs, without a call.
#[inline]
fn is_less(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<8>(), b.first_chunk::<8>()) {
        (Some(x), Some(y)) if x != y => u64::from_be_bytes(*x) < u64::from_be_bytes(*y),
        _ => a < b,
    }
}

/// Calls `see` for the values that are not null.
#[inline]
fn each<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, mut see: impl FnMut(T::Native)) {
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => array.values().iter().for_each(|value| see(*value)),
        Some(nulls) => nulls.valid_indices().for_each(|row| see(array.value(row))),
    }
}

/// Calls `see` for the values that are not null, but not for one that follows its equal; returns the extremes.
#[inline]
fn extremes<T: ArrowPrimitiveType<Native: Ord>>(
    array: &PrimitiveArray<T>,
    mut see: impl FnMut(T::Native),
) -> Option<(T::Native, T::Native)> {
    let (mut range, mut last) = (None, None);
    each(array, |value| {
        if last == Some(value) {
            return;
        }
        last = Some(value);
        see(value);
        let (min, max) = range.get_or_insert((value, value));
        *min = value.min(*min);
        *max = value.max(*max);
    });
    range
}

/// The fewest words, the lowest first, whose two's complement is the number.
fn words(value: i256) -> impl Iterator<Item = u64> {
    let (low, high) = value.to_parts();
    let words = [low, low >> 64, high.cast_unsigned(), high.cast_unsigned() >> 64].map(low_word);
    // A word that is the sign of the one below it says nothing.
    let says = |pair: &[u64]| pair.last() != pair.first().map(|below| sign_of(*below)).as_ref();
    let len = words.windows(2).rposition(says).map_or(1, |place| place + 2);
    words.into_iter().take(len)
}

const fn sign_of(word: u64) -> u64 {
    if word >> 63 == 1 { u64::MAX } else { 0 }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
const fn low_word(value: u128) -> u64 {
    value as u64
}

/// Items of the lists that are not null.
fn sum(offsets: &[i32], lists: &dyn Array) -> u64 {
    let lens = offsets.windows(2).enumerate().filter(|(row, _)| lists.is_valid(*row));
    lens.map(|(_, ends)| ends.last().zip(ends.first()).map_or(0, |(end, start)| (end - start).as_usize() as u64)).sum()
}
