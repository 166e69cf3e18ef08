//! One column chunk, decoded: its levels, its values, and its pages as they went by.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use mira_core::digest::Digest;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::ReaderProperties;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::statistics::Statistics;

use super::Parquet;
use super::key::{Key, Order, Values};

/// A column chunk's slots: its nulls and values, one after another.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) order: Order,
    values: Values,
    /// For each slot, how many values stand before it, and one number more: how many there are.
    before: Vec<usize>,
    /// Slots with which a row begins; empty where every slot is a row.
    starts: Vec<usize>,
    pub(super) pages: Vec<PageSeen>,
}

/// What is kept of a data page.
#[derive(Debug)]
pub(super) struct PageSeen {
    /// Slots of the page.
    pub(super) slots: usize,
    /// What its header says of them.
    pub(super) statistics: Option<Statistics>,
    /// SHA-256 of its bytes, where somebody claims to know where it is.
    pub(super) digest: Option<Digest>,
}

impl Column {
    /// Decodes a column chunk from its start to its end, whatever indexes say.
    pub(super) fn read(file: &Bytes, chunk: &ColumnChunkMetaData, rows: i64, with_digests: bool) -> Parquet<Self> {
        let pages = Arc::new(Mutex::new(Vec::new()));
        let inner = page_reader(file, chunk, rows, None)?;
        let recorder = Recorder { inner, pages: pages.clone(), with_digests };
        let descriptor = chunk.column_descr_ptr();
        let (max_definition, max_repetition) = (descriptor.max_def_level(), descriptor.max_rep_level());
        let order = Order::of(&descriptor);
        let (levels, values) = decode(get_column_reader(descriptor, Box::new(recorder)))?;
        let slots = if max_definition > 0 { levels.definition.len() } else { levels.values };
        let is_value = |slot: usize| max_definition == 0 || levels.definition.get(slot) == Some(&max_definition);
        let mut before = Vec::with_capacity(slots + 1);
        let mut count = 0;
        for slot in 0..slots {
            before.push(count);
            count += usize::from(is_value(slot));
        }
        before.push(count);
        let starts = levels.repetition.iter().enumerate().filter(|(_, level)| **level == 0).map(|(slot, _)| slot);
        let starts = if max_repetition > 0 { starts.collect() } else { Vec::new() };
        let pages = std::mem::take(&mut *pages.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Self { order, values, before, starts, pages })
    }

    /// All slots.
    pub(super) fn slots(&self) -> Range<usize> {
        0..self.before.len().saturating_sub(1)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> i64 {
        let rows = if self.starts.is_empty() { self.slots().len() } else { self.starts.len() };
        i64::try_from(rows).unwrap_or(i64::MAX)
    }

    /// The row that begins with a slot.
    pub(super) fn row_at(&self, slot: usize) -> Option<usize> {
        if self.starts.is_empty() { Some(slot) } else { self.starts.binary_search(&slot).ok() }
    }

    /// How many slots of a range are null.
    pub(super) fn nulls(&self, slots: Range<usize>) -> usize {
        slots.len() - self.placed(slots).len()
    }

    /// The least and the greatest value of a range, NaN left out.
    pub(super) fn extremes(&self, slots: Range<usize>) -> Option<(Key<'_>, Key<'_>)> {
        let mut range: Option<(Key<'_>, Key<'_>)> = None;
        for key in self.placed(slots).filter_map(|at| self.values.key(self.order, at)).filter(|key| !key.is_nan()) {
            let (min, max) = range.get_or_insert((key, key));
            if key.compare(*min).is_some_and(std::cmp::Ordering::is_lt) {
                *min = key;
            }
            if key.compare(*max).is_some_and(std::cmp::Ordering::is_gt) {
                *max = key;
            }
        }
        range
    }

    /// How many different values there are.
    pub(super) fn distinct(&self) -> u64 {
        let different: BTreeSet<Vec<u8>> = self.placed(self.slots()).map(|at| self.bytes(at)).collect();
        different.len() as u64
    }

    /// A value that a bloom filter says is not there.
    pub(super) fn missing_in(&self, filter: &Sbbf) -> Option<Key<'_>> {
        let missing = self.placed(self.slots()).find(|at| !filter.check(self.bytes(*at).as_slice()))?;
        self.values.key(self.order, missing)
    }

    /// The places in `values` of a range of slots.
    fn placed(&self, slots: Range<usize>) -> Range<usize> {
        let place = |slot: usize| self.before.get(slot).or(self.before.last()).copied().unwrap_or(0);
        place(slots.start)..place(slots.end)
    }

    /// A value's bytes in PLAIN encoding without a length, which bloom filters hash.
    fn bytes(&self, at: usize) -> Vec<u8> {
        fn plain<T, const N: usize>(values: &[T], at: usize, bytes: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
            values.get(at).map(bytes).map_or_else(Vec::new, Into::into)
        }
        match &self.values {
            Values::Bool(values) => plain(values, at, |value| [u8::from(*value)]),
            Values::Short(values) => plain(values, at, |value| value.to_le_bytes()),
            Values::Int(values) => plain(values, at, |value| value.to_le_bytes()),
            Values::Single(values) => plain(values, at, |value| value.to_le_bytes()),
            Values::Double(values) => plain(values, at, |value| value.to_le_bytes()),
            Values::Bytes(values) => values.get(at).map_or_else(Vec::new, |value| value.data().to_vec()),
            Values::Fixed(values) => values.get(at).map_or_else(Vec::new, |value| value.data().to_vec()),
        }
    }
}

#[derive(Default)]
struct Levels {
    definition: Vec<i16>,
    repetition: Vec<i16>,
    values: usize,
}

fn decode(reader: ColumnReader) -> Parquet<(Levels, Values)> {
    Ok(match reader {
        ColumnReader::BoolColumnReader(reader) => all(reader, Values::Bool)?,
        ColumnReader::Int32ColumnReader(reader) => all(reader, Values::Short)?,
        ColumnReader::Int64ColumnReader(reader) => all(reader, Values::Int)?,
        ColumnReader::FloatColumnReader(reader) => all(reader, Values::Single)?,
        ColumnReader::DoubleColumnReader(reader) => all(reader, Values::Double)?,
        ColumnReader::ByteArrayColumnReader(reader) => all(reader, Values::Bytes)?,
        ColumnReader::FixedLenByteArrayColumnReader(reader) => all(reader, Values::Fixed)?,
        // No physical schema has a column of this type.
        ColumnReader::Int96ColumnReader(_) => return Err(ParquetError::General("an INT96 column".to_owned())),
    })
}

fn all<T: DataType>(mut reader: ColumnReaderImpl<T>, wrap: fn(Vec<T::T>) -> Values) -> Parquet<(Levels, Values)> {
    let (mut levels, mut values) = (Levels::default(), Vec::new());
    let (definition, repetition) = (&mut levels.definition, &mut levels.repetition);
    reader.read_records(usize::MAX, Some(definition), Some(repetition), &mut values)?;
    levels.values = values.len();
    Ok((levels, wrap(values)))
}

/// The pages of a column chunk, one after another or where they are said to be.
pub(super) fn page_reader(
    file: &Bytes,
    chunk: &ColumnChunkMetaData,
    rows: i64,
    locations: Option<Vec<parquet::file::page_index::offset_index::PageLocation>>,
) -> Parquet<SerializedPageReader<Bytes>> {
    let properties = ReaderProperties::builder().set_read_page_statistics(true).build();
    let rows = usize::try_from(rows).map_err(|_| ParquetError::General(format!("{rows} rows in a row group")))?;
    SerializedPageReader::new_with_properties(Arc::new(file.clone()), chunk, rows, locations, Arc::new(properties))
}

/// Notes what goes by.
struct Recorder {
    inner: SerializedPageReader<Bytes>,
    pages: Arc<Mutex<Vec<PageSeen>>>,
    with_digests: bool,
}

impl Recorder {
    fn note(&self, page: &Page) {
        if page.is_data_page() {
            let seen = PageSeen {
                slots: page.num_values() as usize,
                statistics: page.statistics().cloned(),
                digest: self.with_digests.then(|| Digest::of(page.buffer())),
            };
            self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        }
    }
}

impl Iterator for Recorder {
    type Item = Parquet<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Recorder {
    fn get_next_page(&mut self) -> Parquet<Option<Page>> {
        let page = self.inner.get_next_page()?;
        page.iter().for_each(|page| self.note(page));
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Parquet<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Parquet<()> {
        self.inner.skip_next_page()
    }
}
