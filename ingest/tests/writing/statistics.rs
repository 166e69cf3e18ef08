//! Files whose rows are right and whose statistics lie: every lie is found, and honest files of any writer pass.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use mira_core::digest::RowLeaf;
use mira_core::manifest::ListedChunk;
use mira_ingest::chunk::{self, ChunkWriter, SCHEMA_KEY};
use mira_ingest::commit::{self, CommittedDataset};
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::rows::RowEncoder;
use mira_ingest::statistics::{self, Statistic};
use mira_ingest::{check, export};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{BoundaryOrder, Type};
use parquet::data_type::ByteArray;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
    ParquetMetaDataWriter, SortingColumn,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::statistics::Statistics;
use parquet::file::writer::TrackedWrite;
use proptest::prelude::*;

use crate::arrays::{self, Random, Style};
use crate::store::temporary;

/// Rows in several pages and row groups.
fn table() -> (PhysicalSchema, RecordBatch) {
    let ids: ArrayRef = Arc::new((0..5000).map(|id| if id % 7 == 0 { None } else { Some(id) }).collect::<Int64Array>());
    let names: ArrayRef =
        Arc::new((0..5000).map(|id| Some(format!("name {:05}", id * 37 % 5000))).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap();
    (PhysicalSchema::of_working(batch.schema_ref()).unwrap(), batch)
}

/// A file of the chunk with everything that Parquet can say of its values.
fn talkative(physical: &PhysicalSchema, batch: &RecordBatch, version: WriterVersion) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![KeyValue::new(SCHEMA_KEY.to_owned(), physical.to_string())]))
        .set_writer_version(version)
        .set_max_row_group_row_count(Some(2000))
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(100)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_write_page_header_statistics(true)
        .set_bloom_filter_enabled(true)
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), physical.arrow().clone(), options).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional).parse_and_finish(file).unwrap()
}

/// The same data pages under a footer in which one column chunk of the first row group was changed.
fn tampered(file: &[u8], column: usize, change: impl FnOnce(ColumnChunkMetaData) -> ColumnChunkMetaData) -> Bytes {
    let file = Bytes::copy_from_slice(file);
    let mut builder = metadata(&file).into_builder();
    let mut groups = builder.take_row_groups();
    let mut group = groups.remove(0).into_builder();
    let mut columns = group.take_columns();
    let old = columns.remove(column);
    columns.insert(column, change(old));
    groups.insert(0, group.set_column_metadata(columns).build().unwrap());
    refooted(&file, &builder.set_row_groups(groups).build())
}

/// Writes another footer behind the file's pages. Indexes are written anew, behind the old ones.
fn refooted(file: &Bytes, metadata: &ParquetMetaData) -> Bytes {
    let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap()) as usize;
    let mut bytes = Vec::new();
    let mut out = TrackedWrite::new(&mut bytes);
    out.write_all(&file[..file.len() - 8 - footer]).unwrap();
    ParquetMetaDataWriter::new_with_tracked(out, metadata).finish().unwrap();
    Bytes::from(bytes)
}

fn found(file: &Bytes, physical: &PhysicalSchema, batch: &RecordBatch) -> Vec<(String, Statistic)> {
    // The rows are those of the chunk, and every other check passes.
    let leaves = RowEncoder::new(batch).unwrap().leaves().unwrap();
    let leaves: Vec<RowLeaf> = leaves.iter().map(|leaf| leaf.hash).collect();
    let expected = commit::leaf_data(physical.logical(), &leaves);
    chunk::read(file.clone(), physical).unwrap().verify(&expected).unwrap();
    statistics::check(file).unwrap().into_iter().map(|defect| (defect.column, defect.statistic)).collect()
}

#[test]
fn lies_in_the_footer_of_a_chunk() {
    let (physical, batch) = table();
    let file = ChunkWriter::new(&physical).unwrap().write(std::slice::from_ref(&batch)).unwrap();
    let lie = |column, statistics| {
        let file = tampered(&file, column, |chunk| chunk.into_builder().set_statistics(statistics).build().unwrap());
        found(&file, &physical, &batch)
    };
    let id = |statistic| vec![("id".to_owned(), statistic)];
    let name = |statistic| vec![("name".to_owned(), statistic)];
    let ids = |min, max, distinct, nulls| lie(0, Statistics::int64(Some(min), Some(max), distinct, Some(nulls), false));
    // Multiples of 7 are null, so 1 to 4999 with 715 nulls is the truth.
    assert_eq!(ids(1, 4999, None, 715), []);
    assert_eq!(ids(1, 4999, Some(4285), 715), []);
    assert_eq!(ids(2, 4999, None, 715), id(Statistic::Min));
    assert_eq!(ids(1, 4000, None, 715), id(Statistic::Max));
    assert_eq!(ids(1, 4999, None, 0), id(Statistic::NullCount));
    assert_eq!(ids(1, 4999, Some(9), 715), id(Statistic::DistinctCount));
    // These say that they are exact, and are not.
    assert_eq!(ids(0, 4999, None, 715), id(Statistic::Min));
    assert_eq!(ids(1, 5000, None, 715), id(Statistic::Max));

    let text = |text: &str| Some(ByteArray::from(text));
    let names = |min, max, exact| {
        let said = parquet::file::statistics::ValueStatistics::new(text(min), text(max), None, Some(0), false);
        lie(1, Statistics::ByteArray(said.with_min_is_exact(exact).with_max_is_exact(exact)))
    };
    assert_eq!(names("name 00000", "name 04999", true), []);
    assert_eq!(names("name", "name 05", false), [], "wider, and does not say that it is exact");
    assert_eq!(names("name", "name 05", true).len(), 2);
    assert_eq!(names("name 00001", "name 04999", false), name(Statistic::Min));
    assert_eq!(names("name 00000", "name 04", false), name(Statistic::Max));
    // What a person reads.
    let file = tampered(&file, 0, |chunk| {
        let said = Statistics::int64(Some(1), Some(4000), None, Some(715), false);
        chunk.into_builder().set_statistics(said).build().unwrap()
    });
    let told = statistics::check(&file).unwrap().remove(0).to_string();
    assert_eq!(told, "row group 0, column id: the maximum is 4000, the values say 4999");
}

#[test]
fn lies_about_pages_and_filters() {
    let (physical, batch) = table();
    let file = Bytes::from(talkative(&physical, &batch, WriterVersion::PARQUET_1_0));
    assert_eq!(found(&refooted(&file, &metadata(&file)), &physical, &batch), [], "a new footer that says the same");
    let id = |statistic| vec![("id".to_owned(), statistic)];
    let with = |change: &dyn Fn(&mut ParquetMetaData, &mut Vec<Vec<ColumnIndexMetaData>>)| {
        let mut metadata = metadata(&file);
        let mut indexes = metadata.column_index().unwrap().clone();
        change(&mut metadata, &mut indexes);
        let file = refooted(&file, &metadata.into_builder().set_column_index(Some(indexes)).build());
        found(&file, &physical, &batch)
    };
    // The column index of the first row group, with other bounds for its second page (rows 500 to 999).
    let index = |min: i64, max: i64, nulls: i64, order: BoundaryOrder| {
        move |_: &mut ParquetMetaData, indexes: &mut Vec<Vec<ColumnIndexMetaData>>| {
            let mut builder = ColumnIndexBuilder::new(Type::INT64);
            for page in 0..4_i64 {
                let nulls_of = [72, 71, 72, 71];
                let (from, to) = (page * 500, page * 500 + 499);
                let (mut bounds, mut null_count) = ((from, to), nulls_of[usize::try_from(page).unwrap()]);
                if page == 1 {
                    (bounds, null_count) = ((min, max), nulls);
                }
                builder.append(false, bounds.0.to_le_bytes().to_vec(), bounds.1.to_le_bytes().to_vec(), null_count);
            }
            builder.set_boundary_order(order);
            indexes[0][0] = builder.build().unwrap();
        }
    };
    assert_eq!(with(&index(500, 999, 71, BoundaryOrder::ASCENDING)), []);
    assert_eq!(with(&index(400, 1100, 71, BoundaryOrder::UNORDERED)), [], "wider");
    assert_eq!(with(&index(501, 999, 71, BoundaryOrder::ASCENDING)), id(Statistic::Min));
    assert_eq!(with(&index(500, 900, 71, BoundaryOrder::ASCENDING)), id(Statistic::Max));
    assert_eq!(with(&index(500, 999, 70, BoundaryOrder::ASCENDING)), id(Statistic::NullCount));
    assert_eq!(with(&index(500, 999, 71, BoundaryOrder::DESCENDING)), id(Statistic::BoundaryOrder));

    let moved = |change: &dyn Fn(&mut ParquetMetaData)| {
        let mut metadata = metadata(&file);
        change(&mut metadata);
        found(&refooted(&file, &metadata), &physical, &batch)
    };
    let offsets = |change: &dyn Fn(&mut Vec<parquet::file::page_index::offset_index::PageLocation>)| {
        moved(&|metadata| {
            let mut offsets = metadata.offset_index().unwrap().clone();
            change(&mut offsets[0][0].page_locations);
            *metadata = metadata.clone().into_builder().set_offset_index(Some(offsets)).build();
        })
    };
    let place = id(Statistic::PageLocation);
    assert_eq!(offsets(&|pages| pages[1].first_row_index = 501), place);
    assert_eq!(offsets(&|pages| pages[1].offset = pages[2].offset), place);
    assert_eq!(
        offsets(&|pages| {
            pages.pop();
        }),
        id(Statistic::Pages)
    );

    let filter_of_names = metadata(&file).row_group(0).column(1).bloom_filter_offset();
    let file_with = |change: &dyn Fn(ColumnChunkMetaData) -> ColumnChunkMetaData| {
        found(&tampered(&file, 0, change), &physical, &batch)
    };
    let other =
        |chunk: ColumnChunkMetaData| chunk.into_builder().set_bloom_filter_offset(filter_of_names).build().unwrap();
    assert_eq!(file_with(&other), id(Statistic::BloomFilter));

    let sorted = moved(&|metadata| {
        let mut builder = metadata.clone().into_builder();
        let mut groups = builder.take_row_groups();
        let claim = SortingColumn { column_idx: 1, descending: false, nulls_first: false };
        let group = groups.remove(0).into_builder().set_sorting_columns(Some(vec![claim])).build().unwrap();
        groups.insert(0, group);
        *metadata = builder.set_row_groups(groups).build();
    });
    assert_eq!(sorted, [(String::new(), Statistic::Sorting)]);
}

/// A contributor whose own file lies: manifest, CIDs and roots all fit, and queries that prune would miss rows.
#[test]
fn a_dataset_of_somebody_who_hides_rows() {
    let (physical, batch) = table();
    let honest = ChunkWriter::new(&physical).unwrap().write(std::slice::from_ref(&batch)).unwrap();
    let file = tampered(&honest, 0, |chunk| {
        let said = Statistics::int64(Some(1), Some(10), None, Some(715), false);
        chunk.into_builder().set_statistics(said).build().unwrap()
    });
    let (_dir, store) = temporary();
    let stored = store.put(&file).unwrap();
    let leaves: Vec<RowLeaf> =
        RowEncoder::new(&batch).unwrap().leaves().unwrap().iter().map(|leaf| leaf.hash).collect();
    let leaf = commit::leaf_data(physical.logical(), &leaves);
    let chunks = vec![ListedChunk { leaf, cid: stored.cid, bytes: stored.size }];
    let dataset = CommittedDataset::new(physical, chunks).unwrap();
    // Every row is there, and is the one that the dataset_id says.
    let rows: usize = export::chunks(&dataset, &store).unwrap().map(|chunk| chunk.unwrap().num_rows()).sum();
    assert_eq!(rows, 5000);
    let checked = check::dataset(&dataset, &store, None, NonZeroUsize::MIN).unwrap();
    let told: Vec<String> = checked.defects.iter().map(|(chunk, defect)| format!("{chunk}: {defect}")).collect();
    assert_eq!(told, ["0: row group 0, column id: the maximum is 10, the values say 4999"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn honest_files_pass(seed: u64, count in 1_usize..60, later: bool) {
        let mut random = Random(seed);
        let schema = arrays::schema(&mut random);
        let rows = arrays::rows(&mut random, &schema, count);
        let batch = arrays::batch(&mut random, &schema, &rows, Style::Working);
        let physical = PhysicalSchema::of_working(batch.schema_ref()).unwrap();
        let batch = physical.convert(&batch).unwrap();
        let ours = ChunkWriter::new(&physical).unwrap().write(std::slice::from_ref(&batch)).unwrap();
        let version = if later { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        for file in [ours, talkative(&physical, &batch, version)] {
            let mut defects = statistics::check(&file.into()).unwrap();
            // Two defects of the library in files that are not ours: a page of NaN alone has no bounds, and is called one
            // without values; and where values are nested, rows are counted for that, so that a row with as many nulls
            // as the page has rows makes it one, too.
            if ["[\"float\"", "[\"list\"", "[\"map\""].iter().any(|ty| physical.to_string().contains(ty)) {
                defects.retain(|defect| defect.statistic != Statistic::NullPage);
            }
            prop_assert!(defects.is_empty(), "{:?}", defects);
        }
    }
}
