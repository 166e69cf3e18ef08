//! Rows as lines of text.

use std::io::Write;

use arrow_array::{Array, RecordBatch};

use crate::commit::CommittedDataset;
use crate::observer::ChunkFiles;
use crate::physical::PhysicalField;
use crate::source::MAX_RECORD;

use super::ExportError;
use super::cell::{self, NoText};

/// A format of one line per row.
pub(super) trait Lines {
    /// Writes what comes before the first row.
    fn header(&self, columns: &[PhysicalField], out: &mut Vec<u8>);

    /// Writes one row and its line end; on error, the index of the column at fault.
    fn row(&self, fields: &[PhysicalField], rows: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<(), Fault>;
}

/// A column whose value has no text.
pub(super) struct Fault {
    column: String,
    source: NoText,
}

pub(super) fn write(
    dataset: &CommittedDataset,
    store: &dyn ChunkFiles,
    out: &mut impl Write,
    format: &impl Lines,
) -> Result<(), ExportError> {
    let columns = dataset.physical.columns();
    let mut lines = Vec::new();
    format.header(columns, &mut lines);
    let mut first_row = 0;
    for batch in super::chunks(dataset, store)? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let start = lines.len();
            format.row(columns, &batch, row, &mut lines).map_err(|Fault { column, source }| ExportError::Value {
                row: first_row + row as u64,
                column,
                source,
            })?;
            if lines.len() - start > MAX_RECORD {
                let row = first_row + row as u64;
                return Err(ExportError::Line { row, bytes: lines.len() - start, limit: MAX_RECORD });
            }
            if lines.len() >= FLUSH_BYTES {
                out.write_all(&lines)?;
                lines.clear();
            }
        }
        first_row += batch.num_rows() as u64;
    }
    out.write_all(&lines)?;
    out.flush()?;
    Ok(())
}

const FLUSH_BYTES: usize = 1 << 20;

/// Comma-separated values.
pub(super) struct Csv;

impl Lines for Csv {
    fn header(&self, columns: &[PhysicalField], out: &mut Vec<u8>) {
        for (i, column) in columns.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            // A reader drops a byte order mark at the start of a file, but not one inside quotes.
            let marked = i == 0 && column.name.starts_with('\u{feff}');
            let start = out.len();
            out.extend_from_slice(column.name.as_bytes());
            quote_from(out, start, marked);
        }
        out.push(b'\n');
    }

    fn row(&self, fields: &[PhysicalField], rows: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        for (i, (column, array)) in fields.iter().zip(rows.columns()).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            if array.is_null(row) {
                continue;
            }
            let start = out.len();
            cell::text(&column.ty, array.as_ref(), row, out)
                .map_err(|source| Fault { column: column.name.clone(), source })?;
            quote_from(out, start, false);
        }
        out.push(b'\n');
        Ok(())
    }
}

/// Puts the field that starts at `start` in quotes if it is empty, has a quote, comma or line end, or if it `must` be.
fn quote_from(out: &mut Vec<u8>, start: usize, must: bool) {
    let text = out.get(start..).unwrap_or_default();
    if !must && !text.is_empty() && !text.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        return;
    }
    let text = out.split_off(start);
    out.push(b'"');
    for (i, part) in text.split(|byte| *byte == b'"').enumerate() {
        if i > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part);
    }
    out.push(b'"');
}

/// Newline-delimited JSON.
pub(super) struct Ndjson;

impl Lines for Ndjson {
    fn header(&self, _: &[PhysicalField], _: &mut Vec<u8>) {}

    fn row(&self, fields: &[PhysicalField], rows: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        for (i, (column, array)) in fields.iter().zip(rows.columns()).enumerate() {
            out.push(if i == 0 { b'{' } else { b',' });
            cell::json_string(&column.name, out);
            out.push(b':');
            cell::json(&column.ty, array.as_ref(), row, out)
                .map_err(|source| Fault { column: column.name.clone(), source })?;
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }
}
