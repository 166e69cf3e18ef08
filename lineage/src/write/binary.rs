//! Parquet and Arrow.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{WriteError, check_names};
use crate::query::Answer;

pub(super) fn parquet(answer: Answer, out: &mut (impl Write + Send)) -> Result<u64, WriteError> {
    check_names(answer.schema())?;
    let mut writer = ArrowWriter::try_new(out, answer.schema().clone(), Some(properties()))?;
    let mut rows = 0;
    for batch in answer {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(rows)
}

pub(super) fn arrow(answer: Answer, out: &mut impl Write) -> Result<u64, WriteError> {
    let mut writer = StreamWriter::try_new(out, answer.schema())?;
    let mut rows = 0;
    for batch in answer {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    writer.finish()?;
    Ok(rows)
}

/// The bytes of a Parquet file: the same for the same rows.
pub(crate) fn parquet_file(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, ParquetError> {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, schema.clone(), Some(properties()))?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.close()?;
    Ok(file)
}

/// Nothing in a file depends on anything but its rows: not on the version of the writer, and not on time.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by("mira".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build()
}
