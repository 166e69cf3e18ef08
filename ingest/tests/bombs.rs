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
    /// 0 for data, 2 for a dictionary.
    kind: u8,
    /// The length that its header claims after decompression.
    claimed: u32,
    values: u32,
    data: Vec<u8>,
}

/// A column of texts with these pages, in a file with one row group of so many rows.
fn file(pages: &[Raw], rows: i64, compression: Compression) -> Vec<u8> {
    let mut out = b"PAR1".to_vec();
    let start = out.len();
    let mut data_at = None;
    for page in pages {
        if page.kind == 0 {
            data_at.get_or_insert(out.len());
        }
        out.extend(header(page));
        out.extend(&page.data);
    }
    let column = Type::primitive_type_builder("a", Physical::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(parquet::basic::LogicalType::String))
        .build()
        .unwrap();
    let root = Type::group_type_builder("schema").with_fields(vec![Arc::new(column)]).build().unwrap();
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
    let length = i64::try_from(out.len() - start).unwrap();
    let dictionary = pages.iter().any(|page| page.kind == 2).then(|| i64::try_from(start).unwrap());
    let chunk = ColumnChunkMetaData::builder(schema.column(0))
        .set_compression(compression)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
        .set_num_values(rows)
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
    // The header of a data page is field 5, that of a dictionary field 7.
    out.push(if page.kind == 0 { 0x2c } else { 0x4c });
    out.push(0x15);
    zigzag(&mut out, page.values);
    out.push(0x15);
    // PLAIN for a dictionary, RLE_DICTIONARY for data that stand on one.
    zigzag(&mut out, if page.kind == 0 { 8 } else { 0 });
    if page.kind == 0 {
        out.extend([0x15, 0x06, 0x15, 0x06]);
    }
    out.extend([0x00, 0x00]);
    out
}

fn zigzag(out: &mut Vec<u8>, value: u32) {
    let mut value = u64::from(value) << 1;
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
        let page = Raw { kind: 0, claimed: 0x7fff_ffff, values: 1, data: vec![0; 40] };
        let error = read(&file(&[page], 1, compression)).unwrap_err();
        assert!(told(&error).contains("2147483647 bytes of memory"), "{error:?}");
    }
}

#[test]
fn a_page_that_ends_beyond_its_column() {
    let page = Raw { kind: 0, claimed: 40, values: 1, data: vec![0; 40] };
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
    let dictionary = Raw { kind: 2, claimed: u32::try_from(long.len()).unwrap(), values: 1, data: long };
    // No bits for an index, and one run of them all.
    let rows = 1_u32 << 20;
    let mut run = vec![0];
    let mut count = u64::from(rows) << 1;
    while count >= 0x80 {
        run.push(u8::try_from(count & 0x7f).unwrap() | 0x80);
        count >>= 7;
    }
    run.push(u8::try_from(count).unwrap());
    let data = Raw { kind: 0, claimed: u32::try_from(run.len()).unwrap(), values: rows, data: run };
    let (rows, largest) = read(&file(&[dictionary, data], i64::from(rows), Compression::UNCOMPRESSED)).unwrap();
    assert_eq!(rows, 4 * 64, "small batches");
    assert!(largest <= 600 << 20, "{largest}");
}
