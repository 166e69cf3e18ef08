//! Answers as text and files.
//!
//! | format | a null is | numbers |
//! |---|---|---|
//! | `table`, `markdown` | `NULL` | as they are; control characters are escaped |
//! | `csv`, `tsv` | an empty field (an empty text is `""`) | as they are |
//! | `json`, `ndjson` | `null` | integers that a double cannot hold, and all decimals, are texts |
//! | `parquet`, `arrow` | a null | typed |
//!
//! Rows are written as they come, so memory does not grow with the answer.

mod binary;
mod json;
mod text;

use std::io::{self, Write};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use parquet::errors::ParquetError;

use crate::query::{Answer, QueryError};

pub(crate) use binary::parquet_file;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns under each other, for people.
    Table,
    /// The same as a Markdown table.
    Markdown,
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// One array of objects.
    Json,
    /// One object a line.
    Ndjson,
    /// An Apache Parquet file.
    Parquet,
    /// An Apache Arrow IPC stream.
    Arrow,
}

/// Why an answer was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The query failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The writer failed.
    #[error("could not write the rows")]
    Io(#[from] io::Error),
    /// The format cannot say it.
    #[error("the format cannot hold these columns")]
    Arrow(#[source] ArrowError),
    /// The same, of Parquet.
    #[error("the format cannot hold these columns")]
    Parquet(#[source] ParquetError),
    /// Names are what JSON knows columns by.
    #[error("two columns are called {name:?}: give one of them another name, with AS")]
    TwoColumns {
        /// The name.
        name: String,
    },
}

impl Format {
    /// Whether it is for programs only.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}

impl From<ArrowError> for WriteError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => Self::Io(error),
            error => Self::Arrow(error),
        }
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        let ParquetError::External(inner) = error else { return Self::Parquet(error) };
        match inner.downcast::<io::Error>() {
            Ok(error) => Self::Io(*error),
            Err(inner) => Self::Parquet(ParquetError::External(inner)),
        }
    }
}

/// Writes an answer, and returns how many rows it had. `escape` makes a text safe to show to a person.
///
/// # Errors
/// [`WriteError`]. What was written before is then part of an answer: whoever keeps it must throw it away.
pub fn write(
    answer: Answer,
    format: Format,
    escape: fn(&str) -> String,
    out: &mut (impl Write + Send),
) -> Result<u64, WriteError> {
    match format {
        Format::Table => text::table(answer, text::Frame::Plain, escape, out),
        Format::Markdown => text::table(answer, text::Frame::Markdown, escape, out),
        Format::Csv => text::separated(answer, ',', out),
        Format::Tsv => text::separated(answer, '\t', out),
        Format::Json => json::array(answer, out),
        Format::Ndjson => json::lines(answer, out),
        Format::Parquet => binary::parquet(answer, out),
        Format::Arrow => binary::arrow(answer, out),
    }
}

/// Writes an answer as one JSON document: `{"schema": …, "columns": [{"name", "type"}…], "rows": […]}`.
///
/// # Errors
/// [`WriteError`].
pub fn document(answer: Answer, name: &str, out: &mut (impl Write + Send)) -> Result<u64, WriteError> {
    json::document(answer, name, out)
}

/// Refuses columns of one name.
fn check_names(schema: &SchemaRef) -> Result<(), WriteError> {
    let mut names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)).and_then(|pair| pair.first()) {
        Some(name) => Err(WriteError::TwoColumns { name: (*name).clone() }),
        None => Ok(()),
    }
}
