//! Cells of CSV into columns: a tile's cells of one column at a time, most of them in a loop that knows the column's type.
//!
//! Under a guess the same look at a cell serves inference too. A column whose type the start of the input has settled is
//! [`Decided`](Watched::decided): what it takes and what inference would count towards that type are the same texts, so
//! a cell that is taken has nothing more to say. The other columns are observed cell by cell.

use std::sync::Arc;

use super::column::{Column, Refusal, Values};
use super::csv::Cell;
use super::infer::{Inference, Scalar};
use super::moment;
use super::number::{self, Int, Plain};

/// What inference is told of the cells that go by.
#[derive(Debug)]
pub(crate) struct Watched {
    /// What the cells of the other columns allow, by the columns of the file.
    pub(crate) inference: Inference,
    /// For each column of the schema, whether its type says all.
    pub(crate) decided: Arc<[bool]>,
}

/// A cell that a column refused: its index among the cells, and where it starts.
pub(crate) struct Refused {
    pub(crate) cell: usize,
    pub(crate) start: usize,
    pub(crate) refusal: Box<Refusal>,
}

impl Watched {
    /// Whoever wants to know of the cells of a column, by its index in the schema and in the file.
    pub(crate) fn scalar(&mut self, index: usize, from: usize) -> Option<&mut Scalar> {
        if self.decided.get(index).is_some_and(|decided| *decided) {
            return None;
        }
        self.inference.scalar(from).filter(|scalar| !scalar.is_text())
    }
}

impl Column {
    /// Appends cells up to the first that is refused, and tells `scalar` of them.
    pub(crate) fn push_cells(
        &mut self,
        text: &str,
        cells: impl Iterator<Item = Cell>,
        mut scalar: Option<&mut Scalar>,
    ) -> Result<(), Refused> {
        let mut cells = cells.enumerate();
        while let Some((index, cell)) = self.push_common(text.as_bytes(), &mut cells, scalar.as_deref_mut()) {
            let pushed = cell.with(text, |content| {
                let Some(content) = content else {
                    self.push_null();
                    return Ok(());
                };
                if let Some(scalar) = &mut scalar {
                    scalar.text(content);
                }
                self.push_text(content)
            });
            pushed.map_err(|refusal| Refused { cell: index, start: cell.start(), refusal })?;
        }
        Ok(())
    }

    /// Appends cells as long as they are of the most common forms, and returns the first that is not.
    #[inline]
    fn push_common(
        &mut self,
        text: &[u8],
        cells: &mut impl Iterator<Item = (usize, Cell)>,
        scalar: Option<&mut Scalar>,
    ) -> Option<(usize, Cell)> {
        match (self, scalar) {
            (Self::Int(values), None) => cells.find(|(_, cell)| {
                !values.push_cell(*cell, text, |content| match number::int(content) {
                    Some(Int::Signed(value)) => Some(value),
                    _ => None,
                })
            }),
            (Self::Date(values), None) => cells.find(|(_, cell)| !values.push_cell(*cell, text, moment::date)),
            (Self::Text(strings), None) => cells.find(|(_, cell)| match cell.plain(text) {
                Some(content) => strings.push(content).is_err(),
                None if cell.is_null() => {
                    strings.push_null();
                    false
                }
                None => true,
            }),
            (Self::Float(values), None) => cells.find(|(_, cell)| {
                !values.push_cell(*cell, text, |content| Plain::parse(content).and_then(Plain::double))
            }),
            (Self::Float(values), Some(scalar)) => cells.find(|(_, cell)| {
                !values.push_cell(*cell, text, |content| {
                    let plain = Plain::parse(content).filter(|plain| plain.is_short())?;
                    let value = plain.double()?;
                    scalar.plain(content, plain);
                    Some(value)
                })
            }),
            _ => cells.next(),
        }
    }
}

impl<T: Default> Values<T> {
    /// Appends a cell that is null, or that `parse` knows a value for; otherwise it is not taken.
    #[inline]
    fn push_cell(&mut self, cell: Cell, text: &[u8], parse: impl FnOnce(&[u8]) -> Option<T>) -> bool {
        match cell.plain(text).map(parse) {
            Some(Some(value)) => self.push(value),
            _ if cell.is_null() => self.push_null(),
            _ => return false,
        }
        true
    }
}
