//! How much memory a row group asks for, before any is taken.
//!
//! A page's header says how long the page is once it is decompressed, and the Parquet library makes that much room,
//! up to 2 GiB, whatever the footer promised. A few hundred kilobytes can so ask for all the memory there is: [`check`]
//! steps over the pages, header by header, as the library will, and refuses what is out of proportion. It reads a few
//! kilobytes for each page of about a megabyte.
//!
//! What is in bounds page by page may not be so in a batch: a long value in a dictionary takes a few bits each time that it
//! is used, and all of its bytes in an array; a run of levels says in six bytes that a row has two thousand million items;
//! and a batch may have the values of many pages. So batches have as many rows as fit, by what pages and dictionaries say,
//! and a row that does not fit alone is refused. Where rows begin is looked at only where it matters: in columns of lists
//! that are large as a whole, whose pages are decompressed once more for it.

use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;

use mira_core::dataset::Cut1;
use mira_core::row::MAX_BYTES;
use parquet::basic::{Compression, Type};
use parquet::column::page::{Page, PageReader as _};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use header::Header;
use levels::{Levels, Run};
use windows::Windows;

mod header;
mod levels;
mod windows;

/// What the pages of a row group that are in memory at once may take, however small the file is.
const ROOM: u64 = 256 << 20;
/// What they may take beyond that for each byte of the row group in the file.
const EXPANSION: u64 = 16;
/// What the values of one batch may take, if it is more than a row.
const BATCH_BYTES: u64 = 256 << 20;
/// What those of a row may: a canonical row of 64 MiB has at most 2^26 items, each a number of eight bytes and its levels.
const ROW_BYTES: u64 = 768 << 20;
/// The items of a column that is decoded whole. Each has a byte of canonical rows at least, of which a chunk has fewer than
/// its maximum before the row that ends it, and that one's.
const COLUMN_ITEMS: u64 = (Cut1::MAX_BYTES + MAX_BYTES) as u64;
/// The pages of a column of texts that is decoded whole: as many bytes, and the length and the levels of each item.
const COLUMN_BYTES: u64 = 512 << 20;
/// What the two levels of a value take.
const LEVELS: u64 = 4;

/// Refuses a row group whose pages take too much memory, whose headers do not follow one another, or that has a row which
/// takes too much. Returns how many of its rows may be in one batch: `rows`, or fewer, but one at least.
pub(crate) fn check<R: ChunkReader + 'static>(
    file: &Arc<R>,
    group: &RowGroupMetaData,
    rows: usize,
) -> Result<usize, ParquetError> {
    let columns = group.columns();
    let kept = columns.iter().map(|column| Kept::of(file.as_ref(), column, rows).map_err(|error| of(column, error)));
    let kept = kept.collect::<Result<Vec<_>, _>>()?;
    check_room(&kept)?;
    let weights = weigh(file, columns, kept, rows)?;
    let total = |exponent: usize| weights.iter().fold(0, |sum: u64, column| sum.saturating_add(column.most(exponent)));
    let row = total(0);
    if row > ROW_BYTES {
        return Err(refused(format!("a row takes {row} bytes of memory, at most {ROW_BYTES} are allowed")));
    }
    // One batch of all rows begins where windows of any size do; others do where those of their own size do.
    let is_whole = u64::try_from(group.num_rows()).is_ok_and(|all| all <= rows as u64);
    if is_whole && total(windows::exponent(rows)) <= BATCH_BYTES {
        return Ok(rows);
    }
    let exponents = 1..=rows.max(1).ilog2() as usize;
    Ok(exponents.rev().find(|exponent| total(*exponent) <= BATCH_BYTES).map_or(1, |exponent| 1 << exponent))
}

/// The same of a row group whose columns are decoded whole, one after another: refuses pages as [`check`] does, and a
/// column of more items or longer texts than any that a chunk may have.
pub(crate) fn check_columns(file: &impl ChunkReader, group: &RowGroupMetaData) -> Result<(), ParquetError> {
    for column in group.columns() {
        let kept = Kept::of(file, column, 1).map_err(|error| of(column, error))?;
        let is_text = column.column_type() == Type::BYTE_ARRAY;
        let held = |what: &str, found: u64, most: u64| match found > most {
            true => Err(of(column, refused(format!("it has {found} {what}, at most {most} are allowed")))),
            false => Ok(()),
        };
        held("values", kept.values, COLUMN_ITEMS)?;
        held("bytes of text in memory", if is_text { kept.bytes } else { 0 }, COLUMN_BYTES)?;
        check_room(&[kept])?;
    }
    Ok(())
}

/// What each column takes in batches of each size.
fn weigh<R: ChunkReader + 'static>(
    file: &Arc<R>,
    columns: &[ColumnChunkMetaData],
    kept: Vec<Kept>,
    rows: usize,
) -> Result<Vec<Windows>, ParquetError> {
    let mut weights = Vec::with_capacity(columns.len());
    for (column, kept) in columns.iter().zip(&kept) {
        let values = if is_in_list(column) { kept.values } else { kept.values.min(rows as u64) };
        weights.push(Weight::of(file, column, kept, values).map_err(|error| of(column, error))?);
    }
    let lists = columns.iter().zip(&kept).zip(&weights).filter(|((column, _), _)| is_in_list(column));
    let in_lists = lists.fold(0_u64, |sum, ((_, kept), weight)| sum.saturating_add(weight.all(kept)));
    let each = columns.iter().zip(kept).zip(weights);
    each.map(|((column, kept), weight)| {
        if !is_in_list(column) {
            let mut windows = Windows::up_to(rows);
            windows.add_each(0, kept.values, weight.each);
            if weight.is_text {
                windows.merge(&kept.pages);
            }
            return Ok(windows);
        }
        if in_lists > BATCH_BYTES {
            return walk(file, column, &weight, rows).map_err(|error| of(column, error));
        }
        let mut windows = Windows::up_to(rows);
        windows.add_everywhere(weight.all(&kept));
        Ok(windows)
    })
    .collect()
}

/// The same error with the column that it is about.
fn of(column: &ColumnChunkMetaData, error: ParquetError) -> ParquetError {
    let column = column.column_path().string();
    match error {
        ParquetError::General(text) => ParquetError::General(format!("column {column:?}: {text}")),
        ParquetError::EOF(text) => ParquetError::EOF(format!("column {column:?}: {text}")),
        ParquetError::NYI(text) => ParquetError::NYI(format!("column {column:?}: {text}")),
        ParquetError::External(source) => ParquetError::External(Box::new(OfColumn { column, source })),
        other => other,
    }
}

/// What a decompressor or the system said, which stays to be found below.
#[derive(Debug, thiserror::Error)]
#[error("column {column:?}")]
struct OfColumn {
    column: String,
    source: Box<dyn Error + Send + Sync>,
}

/// Refuses pages that take more memory than the row group's own bytes account for.
fn check_room(columns: &[Kept]) -> Result<(), ParquetError> {
    let sum = |of: fn(&Kept) -> u64| columns.iter().map(of).fold(0, u64::saturating_add);
    let (memory, stored) = (sum(|kept| kept.dictionary.saturating_add(kept.page)), sum(|kept| kept.stored));
    let allowed = ROOM.saturating_add(stored.saturating_mul(EXPANSION));
    if memory > allowed {
        return Err(refused(format!(
            "a row group of {stored} bytes has pages that say they take {memory} bytes of memory, at most {allowed} are \
             allowed"
        )));
    }
    Ok(())
}

/// What a column's pages say of themselves.
struct Kept {
    /// What is in memory at once, uncompressed: the dictionary, and the largest other page.
    dictionary: u64,
    page: u64,
    /// What the column takes in the file.
    stored: u64,
    /// All values, and all bytes of data pages.
    values: u64,
    bytes: u64,
    /// Bytes of the pages that batches are from, where each value is a row.
    pages: Windows,
}

impl Kept {
    fn of(file: &impl ChunkReader, column: &ColumnChunkMetaData, rows: usize) -> Result<Self, ParquetError> {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let (Ok(start), Ok(stored)) = (u64::try_from(start), u64::try_from(column.compressed_size())) else {
            return Err(refused("a column has a negative length or place".to_owned()));
        };
        let pages = Windows::up_to(rows);
        let mut kept = Self { dictionary: 0, page: 0, stored, values: 0, bytes: 0, pages };
        let mut at = 0_u64;
        while at < stored {
            let mut counted = Counted { file: file.get_read(start.saturating_add(at))?, read: 0 };
            let header = Header::read(&mut counted);
            let header = header.map_err(|error| refused(format!("the header of a page cannot be read: {error}")))?;
            at = at.saturating_add(counted.read).saturating_add(header.compressed);
            if at > stored {
                return Err(refused("a page ends beyond its column".to_owned()));
            }
            // Without compression the library keeps the bytes as they are.
            let plain = column.compression() == Compression::UNCOMPRESSED;
            let memory = if plain { header.compressed } else { header.uncompressed };
            if header.is_dictionary() {
                kept.dictionary = memory.max(kept.dictionary);
                continue;
            }
            kept.page = memory.max(kept.page);
            kept.pages.add_shared(kept.values, header.values, memory);
            kept.values = kept.values.saturating_add(header.values);
            kept.bytes = kept.bytes.saturating_add(memory);
        }
        Ok(kept)
    }
}

/// What values of a column take in memory.
struct Weight {
    /// Each, as an item of an array.
    each: u64,
    /// What stands in the pages and is copied from there.
    is_text: bool,
}

impl Weight {
    /// Looks at a dictionary only where so many values from it could be too much.
    fn of<R: ChunkReader + 'static>(
        file: &Arc<R>,
        column: &ColumnChunkMetaData,
        kept: &Kept,
        values: u64,
    ) -> Result<Self, ParquetError> {
        let is_text = column.column_type() == Type::BYTE_ARRAY;
        let width = match column.column_type() {
            Type::BOOLEAN => 1,
            Type::INT32 | Type::FLOAT => 4,
            Type::INT64 | Type::DOUBLE | Type::BYTE_ARRAY => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.column_descr().type_length()).unwrap_or(0),
        };
        let may_repeat = is_text && kept.dictionary.saturating_mul(values) > BATCH_BYTES / 16;
        let longest = if may_repeat { longest_value(file, column)? } else { 0 };
        let levels = if is_in_list(column) { LEVELS } else { 0 };
        Ok(Self { each: width + levels + longest as u64, is_text })
    }

    /// All values of a column, wherever they are.
    fn all(&self, kept: &Kept) -> u64 {
        kept.values.saturating_mul(self.each).saturating_add(if self.is_text { kept.bytes } else { 0 })
    }
}

fn is_in_list(column: &ColumnChunkMetaData) -> bool {
    column.column_descr().max_rep_level() > 0
}

/// Goes over the rows of a column of lists: what the items of each take, and the pages that they are from.
fn walk<R: ChunkReader + 'static>(
    file: &Arc<R>,
    column: &ColumnChunkMetaData,
    weight: &Weight,
    rows: usize,
) -> Result<Windows, ParquetError> {
    let (mut items, mut texts) = (Windows::up_to(rows), Windows::up_to(rows));
    let max = column.column_descr().max_rep_level();
    let mut pages = SerializedPageReader::new(Arc::clone(file), column, 0, None)?;
    // Rows that have begun: the last of them may go on.
    let mut begun = 0_u64;
    while let Some(page) = pages.get_next_page()? {
        if !page.is_data_page() {
            continue;
        }
        let first = begun.saturating_sub(1);
        let mut levels = Levels::of(&page, max)?;
        while let Some(run) = levels.next() {
            match run {
                Run::Same(0, rows) => {
                    items.add_each(begun, rows, weight.each);
                    begun = begun.saturating_add(rows);
                }
                Run::Same(_, more) => items.add_each(begun.saturating_sub(1), 1, more.saturating_mul(weight.each)),
                Run::Packed(bits, count) => {
                    let mut of_row = 0;
                    for begins in levels.begins(bits, count) {
                        if begins {
                            items.add_each(begun.saturating_sub(1), 1, weight.each * of_row);
                            (begun, of_row) = (begun + 1, 0);
                        }
                        of_row += 1;
                    }
                    items.add_each(begun.saturating_sub(1), 1, weight.each * of_row);
                }
            }
        }
        if weight.is_text {
            texts.add_shared(first, begun.saturating_sub(first).max(1), page.buffer().len() as u64);
        }
    }
    items.merge(&texts);
    Ok(items)
}

/// The length of the longest value in a column's dictionary.
fn longest_value<R: ChunkReader + 'static>(file: &Arc<R>, column: &ColumnChunkMetaData) -> Result<usize, ParquetError> {
    let mut pages = SerializedPageReader::new(Arc::clone(file), column, 0, None)?;
    let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? else { return Ok(0) };
    let (mut longest, mut rest) = (0, buf.as_ref());
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        longest = longest.max(len.min(after.len()));
        rest = after.get(len..).unwrap_or_default();
    }
    Ok(longest)
}

/// Counts what is read.
struct Counted<R> {
    file: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.read += read as u64;
        Ok(read)
    }
}

fn refused(message: String) -> ParquetError {
    ParquetError::General(message)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mira_core::digest::{Digest, RowLeaf};
    use parquet::data_type::BoolType;
    use parquet::file::reader::FileReader as _;
    use parquet::file::serialized_reader::SerializedFileReader;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A file with one column of lists of nulls, of so many items each.
    fn lists(lens: &[usize]) -> (Bytes, RowGroupMetaData) {
        let schema = "message m { optional group a (LIST) { repeated group list { optional boolean element; } } }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        for &len in lens {
            let (defined, mut repeated) = (vec![2; len], vec![1; len]);
            repeated[0] = 0;
            column.typed::<BoolType>().write_batch(&[], Some(&defined), Some(&repeated)).unwrap();
        }
        column.close().unwrap();
        group.close().unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let group = SerializedFileReader::new(file.clone()).unwrap().metadata().row_group(0).clone();
        (file, group)
    }

    #[test]
    fn a_column_has_as_many_items_as_the_longest_chunk() {
        // A row that is a list of nulls has a byte for each null, one that says that there is a column, and the list's length.
        const HEADS: usize = 1 + 5;
        let (leaf, mut cut) = (RowLeaf::new(Digest::new([0xff; 32])), Cut1::default());
        let mut rows = vec![1 << 20; 7];
        rows.extend([(1 << 20) - 1, MAX_BYTES]);
        let ends: Vec<bool> = rows.iter().map(|len| cut.push(*len, &leaf)).collect();
        assert_eq!(ends.iter().position(|ends| *ends), Some(rows.len() - 1), "one chunk, ended by its last row");
        // Pages end between rows only, so the long one is written as several: what counts here is how many items there are.
        let items: usize = rows.iter().map(|len| len - HEADS).sum();
        let mut lens = vec![1 << 20; items >> 20];
        lens.push(items % (1 << 20));
        let (file, group) = lists(&lens);
        check_columns(&file, &group).unwrap();
        // More than any chunk has.
        lens.push(HEADS * rows.len() + 2);
        let (file, group) = lists(&lens);
        let error = check_columns(&file, &group).unwrap_err().to_string();
        assert!(error.contains("column \"a.list.element\": it has 75497473 values"), "{error}");
    }

    #[test]
    fn an_error_of_any_kind_names_its_column() {
        let (_, group) = lists(&[1]);
        let error = check_columns(&Bytes::new(), &group).unwrap_err().to_string();
        assert!(error.starts_with("EOF: column \"a.list.element\": "), "{error}");
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = of(group.column(0), ParquetError::External(Box::new(refused)));
        assert_eq!(error.to_string(), "External: column \"a.list.element\"");
        let below = error.source().and_then(Error::source).and_then(|error| error.downcast_ref::<io::Error>());
        assert_eq!(below.map(io::Error::kind), Some(io::ErrorKind::PermissionDenied), "what the system said is below");
    }
}
