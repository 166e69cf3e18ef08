//! What is said of single pages: in their headers, in the column index, in the offset index.

use std::cmp::Ordering;
use std::ops::Range;

use bytes::Bytes;
use mira_core::digest::Digest;
use parquet::basic::BoundaryOrder;
use parquet::column::page::PageReader as _;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::statistics::Statistics;

use super::column::{Column, page_reader};
use super::key::Key;
use super::{Parquet, Reporter, Statistic};

/// Holds a minimum, a maximum and a number of nulls against the slots they speak of.
pub(super) fn compare(
    column: &Column,
    slots: Range<usize>,
    said: &Statistics,
    page: Option<usize>,
    report: &mut Reporter<'_>,
) {
    let nulls = column.nulls(slots.clone()) as u64;
    if let Some(said) = said.null_count_opt().filter(|said| *said != nulls) {
        report.add(page, Statistic::NullCount, said, nulls);
    }
    let exact = (said.min_is_exact(), said.max_is_exact());
    let order = column.order;
    let bounds =
        (said.min_bytes_opt().map(|bytes| order.parse(bytes)), said.max_bytes_opt().map(|bytes| order.parse(bytes)));
    hold(column.extremes(slots), bounds, exact, page, report);
}

/// Compares bounds with extremes: they may be wider, but not where they say that they are exact.
fn hold(
    extremes: Option<(Key<'_>, Key<'_>)>,
    bounds: (Option<Option<Key<'_>>>, Option<Option<Key<'_>>>),
    exact: (bool, bool),
    page: Option<usize>,
    report: &mut Reporter<'_>,
) {
    // Bounds of no values rule out nothing.
    let Some((min, max)) = extremes else { return };
    let fits = |bound: Option<Key<'_>>, value: Key<'_>, is_exact: bool, wider: Ordering| {
        let order = bound.and_then(|bound| bound.compare(value));
        order.is_some_and(|order| order == Ordering::Equal || order == wider && !is_exact)
    };
    let told = |bound: Option<Key<'_>>| {
        bound.map_or_else(|| "of another length than its type".to_owned(), |key| key.to_string())
    };
    if let Some(said) = bounds.0.filter(|said| !fits(*said, min, exact.0, Ordering::Less)) {
        report.add(page, Statistic::Min, told(said), min);
    }
    if let Some(said) = bounds.1.filter(|said| !fits(*said, max, exact.1, Ordering::Greater)) {
        report.add(page, Statistic::Max, told(said), max);
    }
}

/// Checks all that is said of a column chunk's pages.
pub(super) fn check(
    file: &Bytes,
    column: &Column,
    index: Option<&ColumnIndexMetaData>,
    offsets: Option<&OffsetIndexMetaData>,
    rows: i64,
    report: &mut Reporter<'_>,
) -> Parquet<()> {
    let index = index.filter(|index| !matches!(index, ColumnIndexMetaData::NONE));
    let pages = column.pages.len();
    let counts = [index.map(|index| index.num_pages()), offsets.map(|offsets| offsets.page_locations().len() as u64)];
    if let Some(said) = counts.into_iter().flatten().find(|said| *said != pages as u64) {
        report.add(None, Statistic::Pages, said, pages);
        return Ok(());
    }
    let mut start = 0;
    for (number, seen) in column.pages.iter().enumerate() {
        let slots = start..start + seen.slots;
        start = slots.end;
        if let Some(said) = &seen.statistics {
            compare(column, slots.clone(), said, Some(number), report);
        }
        if let Some(index) = index {
            page(column, slots.clone(), index, number, report);
        }
        if let Some(location) = offsets.and_then(|offsets| offsets.page_locations().get(number)) {
            let row = column.row_at(slots.start).and_then(|row| i64::try_from(row).ok());
            if row != Some(location.first_row_index) {
                let found = row.map_or_else(|| "within a row".to_owned(), |row| format!("row {row}"));
                report.add(Some(number), Statistic::PageLocation, format!("row {}", location.first_row_index), found);
            }
        }
    }
    if let Some(index) = index {
        order(column, index, report);
    }
    offsets.map_or(Ok(()), |offsets| places(file, column, offsets, rows, report))
}

/// What the column index says of a page.
fn page(column: &Column, slots: Range<usize>, index: &ColumnIndexMetaData, number: usize, report: &mut Reporter<'_>) {
    let nulls = column.nulls(slots.clone());
    if index.is_null_page(number) != (nulls == slots.len()) {
        report.add(Some(number), Statistic::NullPage, index.is_null_page(number), nulls == slots.len());
        return;
    }
    if let Some(said) = index.null_count(number).filter(|said| usize::try_from(*said) != Ok(nulls)) {
        report.add(Some(number), Statistic::NullCount, said, nulls);
    }
    if let Some((min, max)) = bounds(column, index, number) {
        hold(column.extremes(slots), (Some(Some(min)), Some(Some(max))), (false, false), Some(number), report);
    }
}

/// The bounds of a page in a column index.
fn bounds<'a>(column: &Column, index: &'a ColumnIndexMetaData, at: usize) -> Option<(Key<'a>, Key<'a>)> {
    let order = column.order;
    Some(match index {
        ColumnIndexMetaData::NONE | ColumnIndexMetaData::INT96(_) => return None,
        ColumnIndexMetaData::BOOLEAN(index) => (Key::Bool(*index.min_value(at)?), Key::Bool(*index.max_value(at)?)),
        ColumnIndexMetaData::INT32(index) => (order.short(*index.min_value(at)?), order.short(*index.max_value(at)?)),
        ColumnIndexMetaData::INT64(index) => (order.int(*index.min_value(at)?), order.int(*index.max_value(at)?)),
        ColumnIndexMetaData::FLOAT(index) => {
            (Key::Float((*index.min_value(at)?).into()), Key::Float((*index.max_value(at)?).into()))
        }
        ColumnIndexMetaData::DOUBLE(index) => (Key::Float(*index.min_value(at)?), Key::Float(*index.max_value(at)?)),
        ColumnIndexMetaData::BYTE_ARRAY(index) | ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => {
            (order.bytes(index.min_value(at)?), order.bytes(index.max_value(at)?))
        }
    })
}

/// Whether bounds ascend or descend from page to page as the index says: readers search in them.
fn order(column: &Column, index: &ColumnIndexMetaData, report: &mut Reporter<'_>) {
    let (wrong, said) = match index.get_boundary_order() {
        Some(BoundaryOrder::ASCENDING) => (Ordering::Greater, "ascending"),
        Some(BoundaryOrder::DESCENDING) => (Ordering::Less, "descending"),
        _ => return,
    };
    let all: Vec<_> = (0..column.pages.len()).filter_map(|at| bounds(column, index, at)).collect();
    let breaks = |pair: &[(Key<'_>, Key<'_>)]| match pair {
        [(min, max), (next_min, next_max)] => {
            min.compare(*next_min) == Some(wrong) || max.compare(*next_max) == Some(wrong)
        }
        _ => false,
    };
    if all.windows(2).any(breaks) {
        report.add(None, Statistic::BoundaryOrder, said, "another order");
    }
}

/// Reads the pages where the offset index says they are: they are the same ones.
fn places(
    file: &Bytes,
    column: &Column,
    offsets: &OffsetIndexMetaData,
    rows: i64,
    report: &mut Reporter<'_>,
) -> Parquet<()> {
    let mut reader = page_reader(file, report.chunk, rows, Some(offsets.page_locations().clone()))?;
    for (number, seen) in column.pages.iter().enumerate() {
        let there = loop {
            match reader.get_next_page() {
                Ok(Some(page)) if !page.is_data_page() => {}
                Ok(page) => break page,
                Err(_) => break None,
            }
        };
        if there.map(|page| Digest::of(page.buffer())) != seen.digest {
            report.add(Some(number), Statistic::PageLocation, "somewhere", "another place");
            break;
        }
    }
    Ok(())
}
