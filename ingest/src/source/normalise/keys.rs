//! Keys of maps that come twice: a map has each key once.

use arrow_array::cast::AsArray;
use arrow_array::{Array as _, ArrayRef, downcast_primitive_array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;

use mira_core::row::MapWriter;

use crate::rows::CellEncoder;

/// The first map in which a key comes twice: the entry that does, and its key. `offsets` say where maps end.
pub(super) fn repeated(keys: &ArrayRef, offsets: &OffsetBuffer<i32>) -> Option<(usize, Vec<u8>)> {
    let spans = offsets.windows(2).map(|span| match span {
        [start, end] => (usize::try_from(*start).unwrap_or(0), usize::try_from(*end).unwrap_or(0)),
        _ => (0, 0),
    });
    let mut spans = spans.filter(|(start, end)| end - start > 1).peekable();
    spans.peek()?;
    if keys.data_type() == &DataType::Utf8 {
        let texts = keys.as_string::<i32>();
        let at = spans.find_map(|(start, end)| second(start, end, |at| texts.value(at).as_bytes()))?;
        return Some((at, texts.value(at).as_bytes().to_vec()));
    }
    // Two keys of any type are the same if their cells are.
    let cells = Cells::of(keys)?;
    let at = spans.find_map(|(start, end)| second(start, end, |at| cells.at(at)))?;
    Some((at, shown(keys, at).unwrap_or_else(|| cells.at(at).to_vec())))
}

/// A key as people read it, if it is no nested one.
fn shown(keys: &ArrayRef, at: usize) -> Option<Vec<u8>> {
    downcast_primitive_array!(
        keys => Some(format!("{:?}", keys.value(at)).into_bytes()),
        DataType::Binary => Some(keys.as_binary::<i32>().value(at).to_vec()),
        DataType::Boolean => Some(keys.as_boolean().value(at).to_string().into_bytes()),
        _ => None,
    )
}

/// The canonical bytes of values, one behind the other.
struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    /// Nothing if there are none; whoever encodes the rows says why.
    fn of(keys: &ArrayRef) -> Option<Self> {
        let (mut bytes, mut maps) = (Vec::new(), MapWriter::default());
        let mut ends = Vec::with_capacity(keys.len() + 1);
        ends.push(0);
        let encoder = CellEncoder::new(keys.as_ref()).ok()?;
        for row in 0..keys.len() {
            encoder.encode(row, &mut bytes, &mut maps).ok()?;
            ends.push(bytes.len());
        }
        Some(Self { bytes, ends })
    }

    fn at(&self, row: usize) -> &[u8] {
        match self.ends.get(row..row + 2) {
            Some(&[start, end]) => self.bytes.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Maps up to this many entries are looked at without taking memory.
const FEW: usize = 16;

/// The first entry from `start` up to `end` whose key one before it has.
fn second<'a>(start: usize, end: usize, key: impl Fn(usize) -> &'a [u8]) -> Option<usize> {
    if end - start <= FEW {
        if differ((start..end).map(&key)) {
            return None;
        }
        return (start + 1..end).find(|&at| (start..at).any(|before| key(before) == key(at)));
    }
    if (start + 1..end).all(|at| key(at - 1) < key(at)) {
        return None;
    }
    let mut sorted: Vec<usize> = (start..end).collect();
    sorted.sort_unstable_by(|&a, &b| key(a).cmp(key(b)).then(a.cmp(&b)));
    let again = sorted.windows(2).filter_map(|pair| match pair {
        &[a, b] if key(a) == key(b) => Some(b),
        _ => None,
    });
    again.min()
}

/// Whether keys differ in their length or outermost bytes, as those of a small map mostly do; if not, they may differ still.
fn differ<'a>(keys: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut seen = 0_u64;
    for key in keys {
        let [first, middle, last] =
            [key.first(), key.get(key.len() / 2), key.last()].map(|byte| u64::from(byte.copied().unwrap_or(0)));
        let mixed = (key.len() as u64) ^ (first << 16) ^ (middle << 32) ^ (last << 48);
        // The upper bits of a product depend on all bits.
        let bit = 1 << (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58);
        if seen & bit != 0 {
            return false;
        }
        seen |= bit;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn the_first_second_is_found_in_few_and_many() {
        let of = |keys: &[&str], ends: &[usize]| {
            let keys: ArrayRef = Arc::new(StringArray::from(keys.to_vec()));
            let lengths = ends.iter().scan(0, |from, end| Some(end - std::mem::replace(from, *end)));
            repeated(&keys, &OffsetBuffer::from_lengths(lengths)).map(|(at, _)| at)
        };
        assert_eq!(of(&["a", "b", "a", "a"], &[2, 3, 4]), None);
        assert_eq!(of(&["a", "b", "a", "b"], &[1, 4]), Some(3));
        assert_eq!(of(&["", "", "a"], &[3]), Some(1));
        assert_eq!(of(&["abxcd", "abycd", "azxzd"], &[3]), None, "alike where they are looked at");
        let many: Vec<String> = (0..40).map(|at| (at * 7 % 40).to_string()).collect();
        let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of(&many, &[40]), None);
        many[30] = many[3];
        many[20] = many[19];
        assert_eq!(of(&many, &[40]), Some(20));
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![5, -1, 5, 7, 7]));
        assert_eq!(repeated(&ints, &OffsetBuffer::from_lengths([2, 1, 2])), Some((4, b"7".to_vec())));
    }
}
