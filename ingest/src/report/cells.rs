//! What is counted of one type's slots.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray, StringArray};
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::{DataType, TimeUnit};

use super::recent::each_new;
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
        word: impl Fn(T::Native) -> u64 + Copy,
        wide: impl Fn(T::Native) -> i128,
    ) {
        let distinct = &mut self.distinct;
        if let Some((min, max)) = extremes(array.as_primitive::<T>(), word, |value| distinct.see_word(word(value))) {
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
        let bits = |value: i128| low_word(value.cast_unsigned());
        if let Some((min, max)) = extremes(array.as_primitive::<Decimal128Type>(), bits, see) {
            self.range.include(Bound::Decimal(i256::from_i128(min)), Bound::Decimal(i256::from_i128(max)));
        }
    }

    fn wide_decimals(&mut self, array: &dyn Array) {
        let distinct = &mut self.distinct;
        let see = |value: i256| distinct.see_words(words(value));
        let bits = |value: i256| low_word(value.to_parts().0);
        if let Some((min, max)) = extremes(array.as_primitive::<Decimal256Type>(), bits, see) {
            self.range.include(Bound::Decimal(min), Bound::Decimal(max));
        }
    }

    fn floats<T: ArrowPrimitiveType<Native: Into<f64>>>(&mut self, array: &dyn Array) {
        let array = array.as_primitive::<T>();
        let (mut nans, mut infinities) = (0, 0);
        let mut range: Option<(i64, i64)> = None;
        let see = |value: T::Native| {
            let value: f64 = value.into();
            nans += u64::from(value.is_nan());
            infinities += u64::from(value.is_infinite());
            (!value.is_nan()).then(|| ordered(value))
        };
        let distinct = &mut self.distinct;
        let new = |key: i64| {
            distinct.see_word(from_ordered(key).to_bits());
            let (min, max) = range.get_or_insert((key, key));
            *min = key.min(*min);
            *max = key.max(*max);
        };
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => each_new(array.values().iter().copied().filter_map(see), i64::cast_unsigned, new),
            Some(nulls) => {
                let values = nulls.valid_indices().map(|row| array.value(row));
                each_new(values.filter_map(see), i64::cast_unsigned, new);
            }
        }
        if nans > 0 {
            self.distinct.see_word(CANONICAL_NAN);
        }
        self.nans += nans;
        self.infinities += infinities;
        if let Some((min, max)) = range {
            self.range.include(Bound::Float(from_ordered(min)), Bound::Float(from_ordered(max)));
        }
    }

    fn text(&mut self, texts: &StringArray, with_range: bool) {
        let (mut bytes, mut range) = (0, None);
        let distinct = &mut self.distinct;
        let values = texts.iter().flatten().map(|text| Start::of(text.as_bytes()));
        let values = values.inspect(|text| bytes += text.bytes.len() as u64);
        each_new(
            values,
            |text| text.start ^ text.bytes.len() as u64,
            |text| {
                distinct.see_bytes(text.bytes);
                if with_range {
                    let (min, max) = range.get_or_insert((text, text));
                    if text.is_less(*min) {
                        *min = text;
                    }
                    if max.is_less(text) {
                        *max = text;
                    }
                }
            },
        );
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some((min, max)) = range {
            self.range.include(shown(min.bytes), shown(max.bytes));
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

/// A text and its first eight bytes as a number, zeros after its end: they tell most pairs apart without a call.
#[derive(Clone, Copy, PartialEq)]
struct Start<'a> {
    start: u64,
    bytes: &'a [u8],
}

impl<'a> Start<'a> {
    #[inline]
    fn of(bytes: &'a [u8]) -> Self {
        let start = match bytes.first_chunk::<8>() {
            Some(word) => u64::from_be_bytes(*word),
            None => short(bytes),
        };
        Self { start, bytes }
    }

    #[inline]
    fn is_less(self, other: Self) -> bool {
        if self.start == other.start { self.bytes < other.bytes } else { self.start < other.start }
    }
}

/// Fewer than eight bytes as the high end of a number, in two or three loads.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    let left = |word: u64| if bytes.is_empty() { 0 } else { word << (64 - 8 * bytes.len()) };
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The two overlap, and agree where they do.
        (Some(first), Some(last)) => {
            u64::from(u32::from_be_bytes(*first)) << 32 | left(u64::from(u32::from_be_bytes(*last)))
        }
        _ => left(bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))),
    }
}

/// A number that is ordered as `total_cmp` orders floats, and back.
#[inline]
const fn ordered(value: f64) -> i64 {
    flipped(value.to_bits().cast_signed())
}

#[inline]
const fn from_ordered(key: i64) -> f64 {
    f64::from_bits(flipped(key).cast_unsigned())
}

/// Turns the order of the negative ones around, of which floats have magnitudes and integers complements.
#[inline]
const fn flipped(bits: i64) -> i64 {
    bits ^ (bits >> 63 & i64::MAX)
}

/// Calls `see` for the values that are not null, but mostly not for what came just before; returns the extremes.
#[inline]
fn extremes<T: ArrowPrimitiveType<Native: Ord>>(
    array: &PrimitiveArray<T>,
    bits: impl Fn(T::Native) -> u64,
    mut see: impl FnMut(T::Native),
) -> Option<(T::Native, T::Native)> {
    let mut range = None;
    let see = |value: T::Native| {
        see(value);
        let (min, max) = range.get_or_insert((value, value));
        *min = value.min(*min);
        *max = value.max(*max);
    };
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => each_new(array.values().iter().copied(), bits, see),
        Some(nulls) => each_new(nulls.valid_indices().map(|row| array.value(row)), bits, see),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_ordered_as_texts_are() {
        let texts: Vec<Vec<u8>> = (0..11_usize)
            .flat_map(|len| (0..=len).flat_map(move |at| [0, 1, b'a', 255].map(|byte| (len, at, byte))))
            .map(|(len, at, byte)| {
                let mut text = vec![b'a'; len];
                text.get_mut(at).into_iter().for_each(|place| *place = byte);
                text
            })
            .collect();
        for a in &texts {
            for b in &texts {
                assert_eq!(Start::of(a).is_less(Start::of(b)), a < b, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn keys_are_ordered_as_floats_are() {
        let floats = [f64::NEG_INFINITY, -1.5, -f64::MIN_POSITIVE, -0.0, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY];
        assert!(floats.map(ordered).is_sorted());
        assert_eq!(floats.map(|value| from_ordered(ordered(value)).to_bits()), floats.map(f64::to_bits));
    }
}
