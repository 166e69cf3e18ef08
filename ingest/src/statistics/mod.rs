//! Parquet's own statistics, held against the values they speak of.
//!
//! A root commits to rows and says nothing of what stands beside them in a file: minimum, maximum and counts per column
//! chunk and page, page indexes, bloom filters. Engines believe those and skip what they rule out, so a file with the right
//! rows and a wrong maximum hides rows from every filtered query, and passes every other check. [`check`] decodes each column
//! once more and compares. A bound that is wider than the values hides nothing and is allowed, unless it says that it is
//! exact.
//!
//! Not looked at, because nothing is skipped by them: sizes, histograms of levels, encodings. An order that a row group
//! claims for its rows (`sorting_columns`) is a defect whatever it is: no chunk file of ours claims one.

use std::fmt;

use bytes::Bytes;
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};

use crate::chunk::ChunkError;
use crate::guard::guarded;

mod column;
mod key;
mod pages;

use column::Column;

/// Most defects of one file that are told.
const MAX_DEFECTS: usize = 16;

/// What a file says of itself, and does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The row group, from 0.
    pub row_group: usize,
    /// The column's path; empty where it is about the row group.
    pub column: String,
    /// The data page, from 0, where it is about one.
    pub page: Option<usize>,
    /// What is wrong.
    pub statistic: Statistic,
    /// What the file says.
    pub said: String,
    /// What the values are.
    pub found: String,
}

/// Something that a file says of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The minimum.
    Min,
    /// The maximum.
    Max,
    /// How many are null.
    NullCount,
    /// How many different ones there are.
    DistinctCount,
    /// How many rows there are.
    Rows,
    /// Which values there may be.
    BloomFilter,
    /// How many pages there are.
    Pages,
    /// That a page has no values.
    NullPage,
    /// That the bounds of pages ascend or descend.
    BoundaryOrder,
    /// Where a page is, and with which row it begins.
    PageLocation,
    /// That rows are sorted.
    Sorting,
}

impl Statistic {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Min => "minimum",
            Self::Max => "maximum",
            Self::NullCount => "null count",
            Self::DistinctCount => "distinct count",
            Self::Rows => "number of rows",
            Self::BloomFilter => "bloom filter",
            Self::Pages => "number of pages",
            Self::NullPage => "null page",
            Self::BoundaryOrder => "boundary order",
            Self::PageLocation => "page location",
            Self::Sorting => "sorting columns",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row_group, column, page, statistic, said, found } = self;
        write!(f, "row group {row_group}")?;
        if !column.is_empty() {
            write!(f, ", column {column}")?;
        }
        if let Some(page) = page {
            write!(f, ", page {page}")?;
        }
        write!(f, ": the {} is {said}, the values say {found}", statistic.as_str())
    }
}

/// Compares all that a chunk file says of its values with them. Each column is decoded whole, so of a file that
/// [`crate::chunk::read`] would not accept, what takes more memory than a chunk can is refused before it is taken.
///
/// # Errors
/// Where a statistic, an index or a filter cannot even be read, or the file is no chunk by its size in memory.
pub fn check(file: &Bytes) -> Result<Vec<Defect>, ChunkError> {
    guarded(|| defects(file)).unwrap_or(Err(ChunkError::Malformed))
}

fn defects(file: &Bytes) -> Result<Vec<Defect>, ChunkError> {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = reader.parse_and_finish(file)?;
    let mut found = Vec::new();
    let mut rows = 0;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        if found.len() < MAX_DEFECTS {
            rows += row_group(file, &metadata, number, group, &mut found)?;
        }
    }
    let said = metadata.file_metadata().num_rows();
    if found.is_empty() && said != rows {
        found.push(Defect::of_group(0, Statistic::Rows, said, rows));
    }
    found.truncate(MAX_DEFECTS);
    Ok(found)
}

/// Checks one row group, and returns how many rows it has.
fn row_group(
    file: &Bytes,
    metadata: &ParquetMetaData,
    number: usize,
    group: &RowGroupMetaData,
    found: &mut Vec<Defect>,
) -> Result<i64, ChunkError> {
    if group.sorting_columns().is_some_and(|columns| !columns.is_empty()) {
        found.push(Defect::of_group(number, Statistic::Sorting, "claimed", "no claim that is checked"));
    }
    crate::pages::check_columns(file, group)?;
    for (place, chunk) in group.columns().iter().enumerate() {
        let index = |indexes: Option<&Vec<Vec<_>>>| indexes.and_then(|groups| groups.get(number)?.get(place)).cloned();
        let column_index = index(metadata.column_index());
        let offsets = metadata.offset_index().and_then(|groups| groups.get(number)?.get(place));
        let column = Column::read(file, chunk, group.num_rows(), offsets.is_some())?;
        let mut report = Reporter { row_group: number, chunk, found };
        if column.rows() != group.num_rows() {
            report.add(None, Statistic::Rows, group.num_rows(), column.rows());
        }
        chunk_statistics(&column, chunk, &mut report);
        pages::check(file, &column, column_index.as_ref(), offsets, group.num_rows(), &mut report)?;
        if let Some(filter) = Sbbf::read_from_column_chunk(chunk, file)?
            && let Some(missing) = column.missing_in(&filter)
        {
            report.add(None, Statistic::BloomFilter, "without it", missing);
        }
    }
    Ok(group.num_rows())
}

/// What the footer says of a column chunk.
fn chunk_statistics(column: &Column, chunk: &ColumnChunkMetaData, report: &mut Reporter<'_>) {
    let Some(statistics) = chunk.statistics() else { return };
    let all = column.slots();
    pages::compare(column, all.clone(), statistics, None, report);
    if let Some(said) = statistics.distinct_count_opt() {
        let distinct = column.distinct();
        if said != distinct {
            report.add(None, Statistic::DistinctCount, said, distinct);
        }
    }
}

/// Where defects of one column chunk go.
struct Reporter<'a> {
    row_group: usize,
    chunk: &'a ColumnChunkMetaData,
    found: &'a mut Vec<Defect>,
}

impl Reporter<'_> {
    fn add(&mut self, page: Option<usize>, statistic: Statistic, said: impl ToString, found: impl ToString) {
        if self.found.len() < MAX_DEFECTS {
            let column = self.chunk.column_path().string();
            let (said, found) = (said.to_string(), found.to_string());
            self.found.push(Defect { row_group: self.row_group, column, page, statistic, said, found });
        }
    }
}

impl Defect {
    fn of_group(row_group: usize, statistic: Statistic, said: impl ToString, found: impl ToString) -> Self {
        let (said, found) = (said.to_string(), found.to_string());
        Self { row_group, column: String::new(), page: None, statistic, said, found }
    }
}

type Parquet<T> = Result<T, ParquetError>;
