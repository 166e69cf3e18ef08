//! A chunk as a Parquet file, in the writer profile `pq-1`.
//!
//! The bytes follow from the rows and the physical schema alone: not from how the rows were spread over batches, nor
//! from the machine, the threads or the version of this program. The profile, all of it fixed:
//!
//! - one row group with all rows of the chunk (2^18 at most), fed by one write; data pages of version 1, about 1 MiB;
//! - zstd at level 1;
//! - a dictionary per column up to 16 KiB; once it is larger, INT32 and INT64 are DELTA_BINARY_PACKED, BYTE_ARRAY is
//!   DELTA_LENGTH_BYTE_ARRAY, and the rest PLAIN;
//! - `created_by` is `mira pq-1`; the only footer key is `mira.schema`, the text form of the [`PhysicalSchema`]; no
//!   Arrow schema;
//! - minimum, maximum and null count per column chunk, cut at 64 bytes; no page statistics or indexes and no bloom
//!   filters, since a chunk is about one page per column.
//!
//! A root commits to rows and a CID to file bytes, so reading does not ask who wrote a file: [`read`] takes any Parquet
//! file of the right schema, and [`Rows::verify`] compares what it says with the root.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use mira_core::dataset::{ChunkLeafData, Cut1};
use mira_core::digest::RowLeaf;
use mira_core::statement::Profiles;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Encoding, Type as ParquetType, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnDescPtr;

use crate::commit;
use crate::guard::guarded;
use crate::pages;
use crate::physical::PhysicalSchema;
use crate::rows::{RowEncoder, RowError};

/// The writer profile, as manifests name it.
pub const PROFILE: &str = Profiles::PARQUET;
/// The footer key of the physical schema.
pub const SCHEMA_KEY: &str = "mira.schema";
/// Longest chunk file that is read, in bytes: what the canonical bytes of a chunk may be, several times over.
pub const MAX_FILE: u64 = 1 << 30;

const CREATED_BY: &str = "mira pq-1";
const ROWS_PER_GROUP: usize = Cut1::MAX_ROWS as usize;
const PAGE_BYTES: usize = 1 << 20;
// Level, dictionary size and encodings were measured on chunks of TPC-H lineitem: level 3 is 2 % smaller and takes 40 %
// longer; dictionaries of 64 KiB instead of 16 KiB make files 16 % larger and take 50 % longer, for most columns of a
// chunk have either few values or as many as rows; the two delta encodings save 9 % over PLAIN.
const ZSTD_LEVEL: i32 = 1;
const DICTIONARY_BYTES: usize = 16 << 10;
/// Values between two looks at the sizes of page and dictionary.
const WRITE_BATCH: usize = 1024;
const STATISTICS_BYTES: usize = 64;
/// Most bytes that a chunk may take in memory, by its footer and when it is decoded. Its canonical bytes are 8 MiB and a
/// row at most, and a value is a few times longer in an array.
const MAX_UNCOMPRESSED: i64 = 1 << 30;

/// Why a chunk cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// A chunk without rows, or with more than a chunk has.
    #[error("a chunk has 1 to {ROWS_PER_GROUP} rows, found {found}")]
    Rows {
        /// How many there are.
        found: usize,
    },
    /// The batches are of another schema than the chunk.
    #[error("the batches do not have the chunk's schema")]
    Batches(#[source] ArrowError),
    /// The Parquet library refused.
    #[error("not a Parquet file that can be read or written")]
    Parquet(#[from] ParquetError),
    /// Arrow refused what Parquet gave it.
    #[error("the file's columns are not valid")]
    Arrow(#[source] ArrowError),
    /// The bytes made the Parquet library panic.
    #[error("the Parquet library gave up on the file")]
    Malformed,
    /// The file has no `mira.schema`, or more than one.
    #[error("expected one {SCHEMA_KEY} in the footer, found {found}")]
    NoSchema {
        /// How many there are.
        found: usize,
    },
    /// `mira.schema` is another schema than the dataset's.
    #[error("expected {SCHEMA_KEY} {expected}, found {found}")]
    OtherSchema {
        /// The dataset's, in text form.
        expected: String,
        /// The start of the file's.
        found: String,
    },
    /// The file's columns are not those that `mira.schema` promises.
    #[error("the file's columns are not those of its {SCHEMA_KEY}")]
    Columns,
    /// The file says that it is larger than a chunk.
    #[error("the file holds {found} bytes in memory, expected at most {MAX_UNCOMPRESSED}")]
    TooLarge {
        /// Bytes before compression.
        found: i64,
    },
    /// The rows have no canonical form.
    #[error("the rows are not canonical")]
    Row(#[from] RowError),
    /// The rows are not those of the chunk.
    #[error("the rows do not have the chunk's root: expected {expected:?}, found {found:?}")]
    Root {
        /// What the dataset says of the chunk.
        expected: Box<ChunkLeafData>,
        /// What the file's rows make.
        found: Box<ChunkLeafData>,
    },
}

/// Writes the chunks of one dataset.
#[derive(Debug, Clone)]
pub struct ChunkWriter {
    schema: PhysicalSchema,
    options: ArrowWriterOptions,
}

impl ChunkWriter {
    /// Prepares to write chunks of this schema.
    pub fn new(schema: &PhysicalSchema) -> Result<Self, ChunkError> {
        let properties = properties(schema)?;
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        Ok(Self { schema: schema.clone(), options })
    }

    /// The file of a chunk whose rows are those of the batches, in order, each made by [`PhysicalSchema::convert`].
    pub fn write(&self, batches: &[RecordBatch]) -> Result<Vec<u8>, ChunkError> {
        // One write of one batch: where pages and dictionaries end must not depend on the batches that arrived.
        let rows = concat_batches(self.schema.arrow(), batches).map_err(ChunkError::Batches)?;
        check_rows(rows.num_rows())?;
        let mut writer = ArrowWriter::try_new_with_options(Vec::new(), rows.schema(), self.options.clone())?;
        writer.write(&rows)?;
        Ok(writer.into_inner()?)
    }

    /// Whether a file, whoever wrote it, is of this schema and has exactly these rows.
    pub fn holds(&self, file: Bytes, batches: &[RecordBatch]) -> bool {
        let Ok(Rows(found)) = read(file, &self.schema) else { return false };
        // Compared a batch at a time, and by bits: what differs in any of them is written anew.
        let mut from = 0;
        let rows = batches.iter().map(RecordBatch::num_rows).fold(0_usize, usize::saturating_add);
        found.num_rows() == rows
            && batches.iter().all(|batch| {
                let len = batch.num_rows();
                from += len;
                found.slice(from - len, len).columns() == batch.columns()
            })
    }
}

/// The rows of a chunk file, in the Arrow types of its physical schema; not yet known to be the right ones.
#[derive(Debug, Clone)]
pub struct Rows(RecordBatch);

/// Reads the file of a chunk of a dataset with this physical schema.
pub fn read(file: Bytes, schema: &PhysicalSchema) -> Result<Rows, ChunkError> {
    guarded(|| decode(file, schema)).unwrap_or(Err(ChunkError::Malformed)).map(Rows)
}

impl Rows {
    /// Compares the rows with what the dataset's tree says of the chunk, and only then gives them out.
    pub fn verify(self, expected: &ChunkLeafData) -> Result<RecordBatch, ChunkError> {
        self.verify_with_leaves(expected).map(|(rows, _)| rows)
    }

    /// The same, with the leaf of each row.
    pub fn verify_with_leaves(self, expected: &ChunkLeafData) -> Result<(RecordBatch, Vec<RowLeaf>), ChunkError> {
        let schema = crate::rows::logical_schema(self.0.schema_ref())?;
        let leaves: Vec<RowLeaf> = RowEncoder::new(&self.0)?.leaves()?.iter().map(|leaf| leaf.hash).collect();
        let found = commit::leaf_data(&schema, &leaves);
        if found != *expected {
            return Err(ChunkError::Root { expected: Box::new(*expected), found: Box::new(found) });
        }
        Ok((self.0, leaves))
    }
}

/// The settings of `pq-1`. Every one that reaches the bytes is set here, whatever the library's default.
pub(crate) fn properties(schema: &PhysicalSchema) -> Result<WriterProperties, ParquetError> {
    let text = KeyValue::new(SCHEMA_KEY.to_owned(), schema.to_string());
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_key_value_metadata(Some(vec![text]))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_max_row_group_bytes(None)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_enabled(true)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(ROWS_PER_GROUP)
        .set_write_batch_size(WRITE_BATCH)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_write_page_header_statistics(false)
        .set_offset_index_disabled(true)
        .set_bloom_filter_enabled(false)
        .set_coerce_types(false)
        .set_write_path_in_schema(true)
        .set_content_defined_chunking(None);
    let columns = ArrowSchemaConverter::new().convert(schema.arrow())?;
    let encoded = |builder: WriterPropertiesBuilder, column: &ColumnDescPtr| {
        builder.set_column_encoding(column.path().clone(), encoding(column.physical_type()))
    };
    Ok(columns.columns().iter().fold(properties, encoded).build())
}

/// The encoding of a column whose values are too many for a dictionary.
const fn encoding(ty: ParquetType) -> Encoding {
    match ty {
        ParquetType::INT32 | ParquetType::INT64 => Encoding::DELTA_BINARY_PACKED,
        ParquetType::BYTE_ARRAY => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        _ => Encoding::PLAIN,
    }
}

fn decode(file: Bytes, schema: &PhysicalSchema) -> Result<RecordBatch, ChunkError> {
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
    let rows = check_footer(metadata.metadata(), schema)?;
    // The columns are as expected; Arrow's types for them come from the schema, which knows durations.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(schema.arrow().clone());
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
    let pages = Arc::new(file.clone());
    let (mut batches, mut found) = (Vec::new(), 0_i64);
    // Group by group, for batches that took rows of several would have as many bytes.
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let at_once = pages::check(&pages, group, rows)?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone())
            .with_row_groups(vec![number])
            .with_batch_size(at_once)
            .build()?;
        for batch in reader {
            let batch = batch.map_err(ChunkError::Arrow)?;
            found = found.saturating_add(i64::try_from(batch.get_array_memory_size()).unwrap_or(i64::MAX));
            if found > MAX_UNCOMPRESSED {
                return Err(ChunkError::TooLarge { found });
            }
            batches.push(batch);
        }
    }
    let batch = concat_batches(schema.arrow(), &batches).map_err(ChunkError::Arrow)?;
    check_rows(batch.num_rows())?;
    Ok(batch)
}

/// The physical schema by which to read a Parquet file that may be ours, whoever wrote it.
///
/// Other programs carry footer keys over to what they make of a file, so `mira.schema` counts only where the columns
/// are exactly those that it promises; else the file is read like any other.
pub(crate) fn schema_of(metadata: &ParquetMetaData) -> Option<PhysicalSchema> {
    let texts = schema_texts(metadata);
    let [Some(text)] = texts.as_slice() else { return None };
    PhysicalSchema::parse(text).ok().filter(|schema| matches!(has_columns(metadata, schema), Ok(true)))
}

/// The values of all footer keys `mira.schema`.
fn schema_texts(metadata: &ParquetMetaData) -> Vec<Option<&str>> {
    let keys = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    keys.filter(|pair| pair.key == SCHEMA_KEY).map(|pair| pair.value.as_deref()).collect()
}

fn has_columns(metadata: &ParquetMetaData, schema: &PhysicalSchema) -> Result<bool, ParquetError> {
    let expected = ArrowSchemaConverter::new().convert(schema.arrow())?;
    let found = metadata.file_metadata().schema_descr();
    Ok(expected.root_schema().get_fields() == found.root_schema().get_fields())
}

/// Refuses what is not a chunk of this schema before anything of it is decoded; returns the number of rows.
fn check_footer(metadata: &ParquetMetaData, schema: &PhysicalSchema) -> Result<usize, ChunkError> {
    let texts = schema_texts(metadata);
    let [text] = texts.as_slice() else { return Err(ChunkError::NoSchema { found: texts.len() }) };
    let (expected, found) = (schema.to_string(), text.unwrap_or_default());
    if found != expected {
        return Err(ChunkError::OtherSchema { expected, found: found.chars().take(200).collect() });
    }
    if !has_columns(metadata, schema)? {
        return Err(ChunkError::Columns);
    }
    let uncompressed = |bytes: i64, group: &i64| bytes.saturating_add((*group).max(0));
    let sizes: Vec<i64> = metadata.row_groups().iter().map(|group| group.total_byte_size()).collect();
    let found = sizes.iter().fold(0, uncompressed);
    if found > MAX_UNCOMPRESSED {
        return Err(ChunkError::TooLarge { found });
    }
    let rows = metadata.file_metadata().num_rows();
    check_rows(usize::try_from(rows).unwrap_or(usize::MAX))
}

fn check_rows(found: usize) -> Result<usize, ChunkError> {
    if (1..=ROWS_PER_GROUP).contains(&found) { Ok(found) } else { Err(ChunkError::Rows { found }) }
}
