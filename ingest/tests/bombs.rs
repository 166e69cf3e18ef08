//! Parquet files of a few hundred bytes that ask for gigabytes: refused before the memory is taken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests state what they expect")]

mod common;

use std::error::Error as _;
use std::sync::Arc;

use mira_ingest::source::{Options, SourceError};
use parquet::basic::{Compression, Encoding, Repetition, Type as Physical, ZstdLevel};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::schema::types::{SchemaDescriptor, Type};

use common::Files;

/// A page as it lies in a file.
struct Raw {
    /// 0 for data, 2 for a dictionary, 3 for data of the second version.
    kind: u8,
    /// The length that its header claims after decompression.
    claimed: u32,
    values: u32,
    /// 0 is PLAIN, 8 a dictionary's indices.
    encoding: u32,
    data: Vec<u8>,
}

/// A column of texts with these pages, in a file with one row group of so many rows.
fn file(pages: &[Raw], rows: i64, compression: Compression) -> Vec<u8> {
    let column = Type::primitive_type_builder("a", Physical::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(parquet::basic::LogicalType::String));
    file_of(column.build().unwrap(), pages, rows, compression)
}

/// A column of lists of what may be null.
fn lists(of: Physical, pages: &[Raw], rows: i64) -> Vec<u8> {
    let element = Type::primitive_type_builder("element", of).with_repetition(Repetition::OPTIONAL);
    let element = match of {
        Physical::BYTE_ARRAY => element.with_logical_type(Some(parquet::basic::LogicalType::String)),
        _ => element,
    };
    let list = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element.build().unwrap())]);
    let column = Type::group_type_builder("a")
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(parquet::basic::LogicalType::List))
        .with_fields(vec![Arc::new(list.build().unwrap())]);
    file_of(column.build().unwrap(), pages, rows, Compression::UNCOMPRESSED)
}

/// A page of lists: runs of repetition and of definition levels, and what stands for values, with its encoding.
fn page(repetition: &[(u32, u8)], definition: &[(u32, u8)], (encoding, data): (u32, &[u8])) -> Raw {
    let (repeats, defines) = (runs(repetition), runs(definition));
    let with_len = |levels: &[u8]| [&u32::try_from(levels.len()).unwrap().to_le_bytes()[..], levels].concat();
    let data = [&with_len(&repeats)[..], &with_len(&defines), data].concat();
    let claimed = u32::try_from(data.len()).unwrap();
    Raw { kind: 0, claimed, values: definition.iter().map(|(count, _)| count).sum(), encoding, data }
}

fn runs(levels: &[(u32, u8)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (count, level) in levels {
        varint(&mut out, u64::from(*count) << 1);
        out.push(*level);
    }
    out
}

/// The column with these pages, in a file with one row group of so many rows.
fn file_of(column: Type, pages: &[Raw], rows: i64, compression: Compression) -> Vec<u8> {
    let mut out = b"PAR1".to_vec();
    let start = out.len();
    let mut data_at = None;
    for page in pages {
        if page.kind != 2 {
            data_at.get_or_insert(out.len());
        }
        out.extend(header(page));
        out.extend(&page.data);
    }
    let root = Type::group_type_builder("schema").with_fields(vec![Arc::new(column)]).build().unwrap();
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
    let length = i64::try_from(out.len() - start).unwrap();
    let dictionary = pages.iter().any(|page| page.kind == 2).then(|| i64::try_from(start).unwrap());
    let chunk = ColumnChunkMetaData::builder(schema.column(0))
        .set_compression(compression)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
        .set_num_values(pages.iter().filter(|page| page.kind != 2).map(|page| i64::from(page.values)).sum())
        .set_total_compressed_size(length)
        .set_total_uncompressed_size(length)
        .set_dictionary_page_offset(dictionary)
        .set_data_page_offset(i64::try_from(data_at.unwrap()).unwrap())
        .build()
        .unwrap();
    let group = RowGroupMetaData::builder(Arc::clone(&schema))
        .set_num_rows(rows)
        .set_total_byte_size(length)
        .set_column_metadata(vec![chunk])
        .build()
        .unwrap();
    let metadata = FileMetaData::new(1, rows, None, None, schema, None);
    let metadata = ParquetMetaData::new(metadata, vec![group]);
    ParquetMetaDataWriter::new(&mut out, &metadata).finish().unwrap();
    out
}

/// A page's header in Thrift's compact protocol.
fn header(page: &Raw) -> Vec<u8> {
    let mut out = vec![0x15];
    zigzag(&mut out, u32::from(page.kind));
    out.push(0x15);
    zigzag(&mut out, page.claimed);
    out.push(0x15);
    zigzag(&mut out, u32::try_from(page.data.len()).unwrap());
    if page.kind == 3 {
        // Field 8: values, nulls, rows, PLAIN, the lengths of the definition levels, one run, and of the repetition levels
        // before them, and that nothing is compressed.
        let definition = 6;
        out.push(0x5c);
        let repetition = u32::try_from(page.data.len()).unwrap() - definition;
        for value in [page.values, page.values, 1, 0, definition, repetition] {
            out.push(0x15);
            zigzag(&mut out, value);
        }
        out.extend([0x12, 0x00, 0x00]);
        return out;
    }
    // The header of a data page is field 5, that of a dictionary field 7.
    out.push(if page.kind == 0 { 0x2c } else { 0x4c });
    out.push(0x15);
    zigzag(&mut out, page.values);
    out.push(0x15);
    zigzag(&mut out, page.encoding);
    if page.kind == 0 {
        out.extend([0x15, 0x06, 0x15, 0x06]);
    }
    out.extend([0x00, 0x00]);
    out
}

fn zigzag(out: &mut Vec<u8>, value: u32) {
    varint(out, u64::from(value) << 1);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

/// Reads the file, and gives the number of rows and the largest batch.
fn read(bytes: &[u8]) -> Result<(usize, usize), SourceError> {
    let files = Files::new(&[("bomb.parquet", bytes)]);
    let source = files.open(Options::default())?;
    let plan = source.infer()?;
    let (mut rows, mut largest) = (0, 0);
    for batch in source.batches(&plan).take(4) {
        let batch = batch?;
        rows += batch.batch().num_rows();
        largest = largest.max(batch.batch().get_array_memory_size());
    }
    Ok((rows, largest))
}

fn told(error: &SourceError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_page_that_says_it_is_two_gigabytes() {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    for compression in [zstd, Compression::SNAPPY, Compression::LZ4_RAW] {
        let page = Raw { kind: 0, claimed: 0x7fff_ffff, values: 1, encoding: 8, data: vec![0; 40] };
        let error = read(&file(&[page], 1, compression)).unwrap_err();
        assert!(told(&error).contains("2147483647 bytes of memory"), "{error:?}");
    }
}

#[test]
fn a_page_that_ends_beyond_its_column() {
    let page = Raw { kind: 0, claimed: 40, values: 1, encoding: 8, data: vec![0; 40] };
    let mut bytes = file(&[page], 1, Compression::UNCOMPRESSED);
    // The compressed length, in zigzag: 80 becomes 82.
    assert_eq!(bytes.get(8..10), Some(&[0x15, 0x50][..]));
    bytes[9] = 0x52;
    assert!(told(&read(&bytes).unwrap_err()).contains("beyond its column"));
}

#[test]
fn a_long_value_that_a_dictionary_repeats() {
    // One value of 4 MiB, and a million rows that are it: 4 TiB, of which a batch holds no more than its share.
    let long = [&(4_u32 << 20).to_le_bytes()[..], &vec![b'x'; 4 << 20]].concat();
    let dictionary = Raw { kind: 2, claimed: u32::try_from(long.len()).unwrap(), values: 1, encoding: 0, data: long };
    // No bits for an index, and one run of them all.
    let rows = 1_u32 << 20;
    let mut run = vec![0];
    varint(&mut run, u64::from(rows) << 1);
    let data = Raw { kind: 0, claimed: u32::try_from(run.len()).unwrap(), values: rows, encoding: 8, data: run };
    let (rows, largest) = read(&file(&[dictionary, data], i64::from(rows), Compression::UNCOMPRESSED)).unwrap();
    assert_eq!(rows, 4 * 32, "small batches");
    assert!(largest <= 600 << 20, "{largest}");
}

#[test]
fn a_row_of_two_thousand_million_items_in_forty_bytes() {
    let (items, plain) = (0x7fff_ffff, (0, &[][..]));
    let (repetition, definition) = ([(1, 0), (items - 1, 1)], [(items, 2)]);
    let error = read(&lists(Physical::INT64, &[page(&repetition, &definition, plain)], 1)).unwrap_err();
    assert!(told(&error).contains("a row takes 25769803764 bytes of memory"), "{error:?}");
    // The same in the second version of pages.
    let data = [runs(&repetition), runs(&definition)].concat();
    let page = Raw { kind: 3, claimed: u32::try_from(data.len()).unwrap(), values: items, encoding: 0, data };
    let error = read(&lists(Physical::INT64, &[page], 1)).unwrap_err();
    assert!(told(&error).contains("a row takes 25769803764 bytes of memory"), "{error:?}");
}

#[test]
fn rows_of_many_items_are_read_a_few_at_a_time() {
    // 96 MiB each in memory, levels counted; the third row goes on in the second page.
    let (items, plain) = (8 << 20, (0, &[][..]));
    let rows = [(1, 0), (items - 1, 1), (1, 0), (items - 1, 1), (1, 0), (items / 2 - 1, 1)];
    let first = page(&rows, &[(items / 2 * 5, 2)], plain);
    let second = page(&[(items / 2, 1), (1, 0), (items - 1, 1)], &[(items / 2 * 3, 2)], plain);
    let (rows, largest) = read(&lists(Physical::INT64, &[first, second], 4)).unwrap();
    assert_eq!(rows, 4);
    assert!((100 << 20..300 << 20).contains(&largest), "{largest}");
}

#[test]
fn a_long_value_that_the_items_of_a_row_repeat() {
    let long = [&(1_u32 << 20).to_le_bytes()[..], &vec![b'x'; 1 << 20]].concat();
    let claimed = u32::try_from(long.len()).unwrap();
    let dictionary = Raw { kind: 2, claimed, values: 1, encoding: 0, data: long };
    let items = 1 << 20;
    let indices = [&[0][..], &runs(&[(items, 0)])].concat();
    let data = page(&[(1, 0), (items - 1, 1)], &[(items, 3)], (8, &indices));
    let error = read(&lists(Physical::BYTE_ARRAY, &[dictionary, data], 1)).unwrap_err();
    assert!(told(&error).contains("a row takes 10995"), "{error:?}");
}

/// What [`mira_ingest::statistics::check`] says of a file, with the error below its own.
fn checked(bytes: Vec<u8>) -> Result<usize, String> {
    let found = mira_ingest::statistics::check(&bytes.into()).map(|defects| defects.len());
    found.map_err(|error| error.source().map_or_else(|| error.to_string(), ToString::to_string))
}

/// Statistics are checked column by column, each decoded whole, also of files that nobody has read before.
#[test]
fn statistics_are_not_checked_against_more_than_a_chunk_can_hold() {
    let number = Raw { kind: 0, claimed: 8, values: 2, encoding: 0, data: vec![0, 0, 0, 0, 0, 0, 0, 0] };
    assert_eq!(checked(file(&[number], 2, Compression::UNCOMPRESSED)), Ok(0), "two empty texts");

    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let page_of = |claimed, data| Raw { kind: 0, claimed, values: 1, encoding: 0, data };
    let error = checked(file(&[page_of(0x7fff_ffff, vec![0; 40])], 1, zstd)).unwrap_err();
    assert!(error.contains("2147483647 bytes of text in memory"), "{error}");

    let (items, plain) = (0x7fff_ffff, (0, &[][..]));
    let items = page(&[(1, 0), (items - 1, 1)], &[(items, 2)], plain);
    let error = checked(lists(Physical::INT64, &[items], 1)).unwrap_err();
    assert!(error.contains("2147483647 values, at most 75497472"), "{error}");

    // Two GiB of texts, 32 MiB a page: each page is in bounds, and all of them are kept.
    let text = [&(32_u32 << 20).to_le_bytes()[..], &vec![b'x'; 32 << 20]].concat();
    let (claimed, data) = (u32::try_from(text.len()).unwrap(), zstd::encode_all(text.as_slice(), 1).unwrap());
    let pages: Vec<Raw> = (0..64).map(|_| page_of(claimed, data.clone())).collect();
    let error = checked(file(&pages, 64, zstd)).unwrap_err();
    assert!(error.contains("2147483904 bytes of text in memory, at most 536870912"), "{error}");
}

#[test]
fn texts_that_are_small_on_the_disk_alone() {
    // Sixteen rows of 32 MiB, a page each, in some 50 kilobytes.
    let text = [&(32_u32 << 20).to_le_bytes()[..], &vec![b'x'; 32 << 20]].concat();
    let data = zstd::encode_all(text.as_slice(), 1).unwrap();
    let claimed = u32::try_from(text.len()).unwrap();
    let pages: Vec<Raw> =
        (0..16).map(|_| Raw { kind: 0, claimed, values: 1, encoding: 0, data: data.clone() }).collect();
    let bytes = file(&pages, 16, Compression::ZSTD(ZstdLevel::try_new(1).unwrap()));
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    let (rows, largest) = read(&bytes).unwrap();
    assert_eq!(rows, 16);
    assert!(largest <= 300 << 20, "{largest}");
}
