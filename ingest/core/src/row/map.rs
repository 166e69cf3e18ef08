//! Maps as items of a row: pairs in the order of their encoded keys, whatever order they arrive in.

use std::ops::Range;

use super::CellError;
use crate::cbor;

/// The `null` item, which no key may be.
const NULL: &[u8] = &[0xf6];

/// Writes maps, and keeps the memory that sorting them takes from one map to the next.
///
/// The pairs are written straight into the row; [`MapWriter::finish`] moves them only when they did not arrive in
/// order. Maps nest: a key or a value may be a map written by the same writer.
///
/// ```
/// use mira_core::{cbor, row::MapWriter};
///
/// let (mut out, mut maps) = (Vec::new(), MapWriter::default());
/// let map = maps.begin(&mut out, 2);
/// for (key, value) in [("b", 2), ("a", 1)] {
///     maps.key(&mut out);
///     cbor::text(&mut out, key);
///     maps.value(&out);
///     cbor::int(&mut out, value);
/// }
/// maps.finish(&mut out, map)?;
/// assert_eq!(out, *b"\x82\x82\x61a\x01\x82\x61b\x02");
/// # Ok::<(), mira_core::row::CellError>(())
/// ```
#[derive(Debug, Default)]
pub struct MapWriter {
    /// The pairs of all open maps; those of the innermost are last.
    pairs: Vec<Pair>,
    sorted: Vec<u8>,
}

/// A map that has begun and must be finished.
#[derive(Debug)]
#[must_use = "a map is in order only once it is finished"]
pub struct OpenMap {
    announced: usize,
    first_pair: usize,
    start: usize,
}

/// Offsets in the row. A pair's item runs from `start` to the next pair's, its key from `key` to `value`.
#[derive(Debug, Clone, Copy)]
struct Pair {
    start: usize,
    key: usize,
    value: usize,
    end: usize,
}

impl MapWriter {
    /// Begins a map of `pairs` pairs; for each, the caller announces and writes its key and then its value.
    pub fn begin(&mut self, out: &mut Vec<u8>, pairs: usize) -> OpenMap {
        cbor::array(out, pairs as u64);
        OpenMap { announced: pairs, first_pair: self.pairs.len(), start: out.len() }
    }

    /// Begins a pair of the innermost open map; its key is written next.
    pub fn key(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        cbor::array(out, 2);
        // Until `value` is called the key is empty, which no encoded key is.
        self.pairs.push(Pair { start, key: out.len(), value: out.len(), end: out.len() });
    }

    /// Ends the key; the value is written next.
    pub fn value(&mut self, out: &[u8]) {
        if let Some(pair) = self.pairs.last_mut() {
            pair.value = out.len();
        }
    }

    /// Ends the map: puts its pairs in order, and refuses null keys, equal keys and another number of pairs.
    ///
    /// After an error the row is to be thrown away, and the writer serves the next one.
    pub fn finish(&mut self, out: &mut [u8], map: OpenMap) -> Result<(), CellError> {
        let result = self.order(out, &map);
        self.pairs.truncate(map.first_pair);
        result
    }

    /// Forgets maps that an error left open, before the next row.
    pub fn reset(&mut self) {
        self.pairs.clear();
    }

    fn order(&mut self, out: &mut [u8], map: &OpenMap) -> Result<(), CellError> {
        let pairs = self.pairs.get_mut(map.first_pair..).unwrap_or_default();
        if pairs.len() != map.announced {
            return Err(CellError::Pairs { expected: map.announced, found: pairs.len() });
        }
        let mut end = out.len();
        for pair in pairs.iter_mut().rev() {
            pair.end = end;
            end = pair.start;
        }
        if pairs.iter().any(|pair| pair.key_in(out) == NULL) {
            return Err(CellError::NullKey);
        }
        if pairs.is_sorted_by(|a, b| a.key_in(out) < b.key_in(out)) {
            return Ok(());
        }
        pairs.sort_unstable_by(|a, b| a.key_in(out).cmp(b.key_in(out)));
        if !pairs.is_sorted_by(|a, b| a.key_in(out) < b.key_in(out)) {
            return Err(CellError::DuplicateKey);
        }
        self.sorted.clear();
        for pair in pairs {
            self.sorted.extend_from_slice(slice(out, pair.start..pair.end));
        }
        // The same pairs in another order fill the same bytes.
        if let Some(target) = out.get_mut(map.start..map.start + self.sorted.len()) {
            target.copy_from_slice(&self.sorted);
        }
        Ok(())
    }
}

impl Pair {
    fn key_in(self, out: &[u8]) -> &[u8] {
        slice(out, self.key..self.value)
    }
}

fn slice(out: &[u8], range: Range<usize>) -> &[u8] {
    out.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pairs: &[(i64, &str)], announced: usize) -> Result<Vec<u8>, CellError> {
        let (mut out, mut maps) = (Vec::new(), MapWriter::default());
        let map = maps.begin(&mut out, announced);
        for (key, value) in pairs {
            maps.key(&mut out);
            cbor::int(&mut out, *key);
            maps.value(&out);
            cbor::text(&mut out, value);
        }
        maps.finish(&mut out, map)?;
        Ok(out)
    }

    #[test]
    fn order_is_that_of_the_bytes() {
        // 10, 100 and -1 are 0a, 1864 and 20.
        let sorted = b"\x83\x82\x0a\x61a\x82\x18\x64\x62bb\x82\x20\x60";
        assert_eq!(written(&[(10, "a"), (100, "bb"), (-1, "")], 3).unwrap(), sorted);
        assert_eq!(written(&[(-1, ""), (100, "bb"), (10, "a")], 3).unwrap(), sorted);
        assert_eq!(written(&[], 0).unwrap(), [0x80]);
    }

    #[test]
    fn refuses_equal_keys_and_false_counts() {
        assert_eq!(written(&[(1, "a"), (2, ""), (1, "b")], 3), Err(CellError::DuplicateKey));
        assert_eq!(written(&[(1, "a"), (1, "a")], 2), Err(CellError::DuplicateKey));
        assert_eq!(written(&[(1, "a")], 2), Err(CellError::Pairs { expected: 2, found: 1 }));
        assert_eq!(written(&[(1, "a")], 0), Err(CellError::Pairs { expected: 0, found: 1 }));
    }

    #[test]
    fn maps_nest_in_keys_and_values() {
        let (mut out, mut maps) = (Vec::new(), MapWriter::default());
        let inner = |out: &mut Vec<u8>, maps: &mut MapWriter, keys: [i64; 2]| {
            let map = maps.begin(out, 2);
            for key in keys {
                maps.key(out);
                cbor::int(out, key);
                maps.value(out);
                cbor::null(out);
            }
            maps.finish(out, map).unwrap();
        };
        let outer = maps.begin(&mut out, 2);
        for keys in [[9, 8], [2, 1]] {
            maps.key(&mut out);
            inner(&mut out, &mut maps, keys);
            maps.value(&out);
            inner(&mut out, &mut maps, keys);
        }
        maps.finish(&mut out, outer).unwrap();
        let pair = |a: u8, b: u8| [0x82, 0x82, a, 0xf6, 0x82, b, 0xf6];
        let expected = [&[0x82, 0x82][..], &pair(1, 2), &pair(1, 2), &[0x82], &pair(8, 9), &pair(8, 9)].concat();
        assert_eq!(out, expected);
    }
}
