//! Which chunks or rows were meant: ranges of positions, and row sets kept in a file of their own.

use super::values::{Natural, Number, Positive};
use crate::cbor::{self, CborError, Reader};
use crate::digest::Digest;
use crate::field::{Field, Members, ReadFields as _};
use crate::json::{FieldError, Json, Node};

/// At least one range of positions: ascending, none empty, none touching the next, all ends at most 2^53 - 1.
///
/// A set of positions has exactly one such form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<Range>);

/// Positions that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first position.
    pub start: Natural,
    /// How many there are.
    pub length: Positive,
}

/// Why ranges are not in the one form of their set. `index` counts them from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    /// There is no range.
    #[error("there is no range")]
    Empty,
    /// A range starts before the end of the one before, or where it ends.
    #[error("range {index} starts at {start}, not above {end}, the end of the range before")]
    Order {
        /// Which range.
        index: usize,
        /// Where it starts.
        start: u64,
        /// Where the range before ends.
        end: u64,
    },
    /// A range ends beyond 2^53 - 1.
    #[error("range {index} ends above 2^53 - 1")]
    TooLarge {
        /// Which range.
        index: usize,
    },
}

impl Range {
    /// The position after the last one; at most 2^54.
    pub const fn end(self) -> u64 {
        self.start.value() + self.length.value()
    }
}

impl Ranges {
    /// Accepts ranges in the one form of their set.
    pub fn new(ranges: Vec<Range>) -> Result<Self, RangesError> {
        let mut before = None;
        for (index, range) in ranges.iter().enumerate() {
            before = Some(follow(before, index, *range)?);
        }
        if before.is_none() { Err(RangesError::Empty) } else { Ok(Self(ranges)) }
    }

    /// The ranges, ascending.
    pub fn as_slice(&self) -> &[Range] {
        &self.0
    }

    /// How many positions there are.
    pub fn count(&self) -> Positive {
        // There is a range, none is empty, and they are disjoint and end at most at 2^53 - 1.
        Number(self.0.iter().map(|range| range.length.value()).sum())
    }

    /// The position after the last one.
    pub fn end(&self) -> u64 {
        self.0.last().map_or(0, |range| range.end())
    }

    /// Writes the file that a [`RowSet`] names: the CBOR array `[[start, length], …]`.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        cbor::array(&mut out, self.0.len() as u64);
        for range in &self.0 {
            cbor::array(&mut out, 2);
            cbor::uint(&mut out, range.start.value());
            cbor::uint(&mut out, range.length.value());
        }
        out
    }

    /// Reads the file that a [`RowSet`] names.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, RowSetError> {
        let mut reader = Reader::new(bytes);
        let mut ranges = Vec::new();
        for _ in 0..reader.array()? {
            reader.array_of(2)?;
            ranges.push(Range { start: number(&mut reader)?, length: number(&mut reader)? });
        }
        reader.finish()?;
        Ok(Self::new(ranges)?)
    }
}

/// Checks that `range` may come after the end of the one before it, and returns its own end.
fn follow(before: Option<u64>, index: usize, range: Range) -> Result<u64, RangesError> {
    let (start, end) = (range.start.value(), range.end());
    match before {
        Some(before) if start <= before => Err(RangesError::Order { index, start, end: before }),
        _ if end > Positive::MAX => Err(RangesError::TooLarge { index }),
        _ => Ok(end),
    }
}

fn number<const LEAST: u64>(reader: &mut Reader<'_>) -> Result<Number<LEAST>, CborError> {
    let at = reader.offset();
    let rule = "a start is from 0 and a length from 1, both at most 2^53 - 1";
    Number::new(reader.uint()?).ok_or(CborError::Range { at, rule })
}

impl Field for Ranges {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        Self::new(Vec::read(node)?).map_err(|_| node.unlike("ascending ranges that are neither empty nor touching"))
    }

    fn to_json(&self) -> Json {
        self.0.to_json()
    }
}

impl Field for Range {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let (start, length): (Natural, Positive) = Field::read(node)?;
        Ok(Self { start, length })
    }

    fn to_json(&self) -> Json {
        (self.start, self.length).to_json()
    }
}

/// A set of rows, kept in a file of [`Ranges`] of row positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowSet {
    /// How many rows it holds.
    pub count: Positive,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

/// Why bytes are not the file that a row set names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowSetError {
    /// The file is not deterministic CBOR of that shape.
    #[error("the row set is not an array of [start, length]")]
    Cbor(#[from] CborError),
    /// The ranges are not in the one form of their set.
    #[error("the row set's ranges are malformed")]
    Ranges(#[from] RangesError),
    /// Other bytes than those that were meant.
    #[error("the row set's SHA-256 is {found}, not {expected}")]
    Digest {
        /// The digest that the row set gives.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// Another number of rows.
    #[error("the row set holds {found} rows, not {expected}")]
    Count {
        /// The number that the row set gives.
        expected: u64,
        /// The number of rows in the ranges.
        found: u64,
    },
}

impl RowSet {
    /// The row set of these rows.
    pub fn of(rows: &Ranges) -> Self {
        Self { count: rows.count(), sha256: Digest::of(&rows.to_cbor()) }
    }

    /// Reads the file that this row set names.
    pub fn open(&self, file: &[u8]) -> Result<Ranges, RowSetError> {
        let found = Digest::of(file);
        if found != self.sha256 {
            return Err(RowSetError::Digest { expected: self.sha256, found });
        }
        let rows = Ranges::from_cbor(file)?;
        let (expected, found) = (self.count.value(), rows.count().value());
        if found == expected { Ok(rows) } else { Err(RowSetError::Count { expected, found }) }
    }
}

impl Field for RowSet {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let rows = Self { count: fields.read("count")?, sha256: fields.read("sha256")? };
        fields.finish()?;
        Ok(rows)
    }

    fn to_json(&self) -> Json {
        Members::new().with("count", &self.count).with("sha256", &self.sha256).into_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(u64, u64)]) -> Result<Ranges, RangesError> {
        let range = |(start, length): &(u64, u64)| Range {
            start: Natural::new(*start).unwrap(),
            length: Positive::new(*length).unwrap(),
        };
        Ranges::new(list.iter().map(range).collect())
    }

    #[test]
    fn one_form_for_each_set() {
        let good = ranges(&[(0, 2), (3, 1), (10, 5)]).unwrap();
        assert_eq!((good.count().value(), good.end()), (8, 15));
        assert_eq!(ranges(&[]), Err(RangesError::Empty));
        assert_eq!(ranges(&[(0, 2), (2, 1)]), Err(RangesError::Order { index: 1, start: 2, end: 2 }), "touching");
        assert_eq!(ranges(&[(0, 2), (1, 9)]), Err(RangesError::Order { index: 1, start: 1, end: 2 }), "overlapping");
        assert_eq!(ranges(&[(5, 1), (0, 1)]), Err(RangesError::Order { index: 1, start: 0, end: 6 }), "descending");
        assert_eq!(ranges(&[(1, Positive::MAX)]), Err(RangesError::TooLarge { index: 0 }));
        assert!(ranges(&[(0, Positive::MAX)]).is_ok());
    }

    #[test]
    fn a_row_set_opens_its_file_only() {
        let rows = ranges(&[(1, 2), (24, 300)]).unwrap();
        let set = RowSet::of(&rows);
        assert_eq!(rows.to_cbor(), [0x82, 0x82, 1, 2, 0x82, 0x18, 24, 0x19, 1, 44]);
        assert_eq!(set.open(&rows.to_cbor()), Ok(rows.clone()));
        let other = ranges(&[(1, 2)]).unwrap().to_cbor();
        assert!(matches!(set.open(&other), Err(RowSetError::Digest { .. })));
        let miscounted = RowSet { count: Positive::new(301).unwrap(), ..set };
        assert_eq!(miscounted.open(&rows.to_cbor()), Err(RowSetError::Count { expected: 301, found: 302 }));
        assert!(Ranges::from_cbor(&[0x81, 0x82, 0, 0]).is_err(), "length 0");
        assert!(Ranges::from_cbor(&[0x80]).is_err(), "no range");
        assert!(Ranges::from_cbor(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]).is_err());
    }
}
