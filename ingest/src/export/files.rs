//! Rows that are lines or files, as lines or files again.
//!
//! Only what reads back as the same rows is given out: paths that `add` would leave out or read in another order, a
//! media type that the content does not have, a line with a line end in it, all are refused by row.

use std::io::Write;
use std::path::{Component, Path};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use mira_core::schema::{Schema, Type};

use super::ExportError;
use crate::commit::CommittedDataset;
use crate::observer::ChunkFiles;
use crate::source::{Format, MAX_FILE, media_type};

/// Why a row is no line and no file that reads back as the same row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFile {
    /// A file has all its columns.
    #[error("column {column:?} is null")]
    Null {
        /// The column.
        column: &'static str,
    },
    /// A line feed, or a carriage return at the end, which would be taken for the end of the line.
    #[error("the text has a line end in it")]
    LineEnd,
    /// A file that reading refuses, because with its path it might be longer than a row.
    #[error("the content is {found} bytes, and a file of more than {limit} bytes is not read")]
    TooLong {
        /// Bytes of the content.
        found: usize,
        /// Most bytes.
        limit: usize,
    },
    /// A path that leaves the directory, or that reading leaves out.
    #[error("{path:?} is not a path of a file below a directory, with no part that starts with `.` or `_`")]
    Path {
        /// The path.
        path: String,
    },
    /// Files are read in the order of their paths' bytes.
    #[error("{path:?} does not come after the path of the row before it")]
    Order {
        /// The path.
        path: String,
    },
    /// The media type follows from path and content.
    #[error("the media type is {found:?}, and reading the file makes it {expected:?}")]
    MediaType {
        /// What the row says.
        found: String,
        /// What reading says.
        expected: &'static str,
    },
}

/// The byte order mark, of which reading drops one at the start of a text.
const MARK: char = '\u{feff}';

/// Writes the dataset as lines of text, each with a line feed.
///
/// # Errors
/// [`ExportError::Shape`] unless the only column is `text`; [`ExportError::File`] for a row that is no line.
pub fn to_lines(dataset: &CommittedDataset, store: &dyn ChunkFiles, out: &mut impl Write) -> Result<(), ExportError> {
    check_columns(dataset.schema(), Format::Lines, &[("text", Type::Text)])?;
    let mut row = 0;
    for batch in super::chunks(dataset, store)? {
        let batch = batch?;
        let Some(column) = batch.columns().first() else { continue };
        for line in column.as_string::<i32>() {
            let fault = |source| ExportError::File { row, source };
            let line = line.ok_or_else(|| fault(NoFile::Null { column: "text" }))?;
            if line.contains('\n') || line.ends_with('\r') {
                return Err(fault(NoFile::LineEnd));
            }
            if row == 0 && line.starts_with(MARK) {
                write!(out, "{MARK}")?;
            }
            out.write_all(line.as_bytes())?;
            out.write_all(b"\n")?;
            row += 1;
        }
    }
    out.flush()?;
    Ok(())
}

/// Gives out the dataset as files, path and content in the order of the rows, for `text` or `files`.
///
/// A path has only plain parts separated by `/`. What is made of them is to be thrown away after an error.
///
/// # Errors
/// [`ExportError::Shape`] unless the columns are those of the format; [`ExportError::File`] for a row that is no file;
/// whatever `file` returns.
pub fn to_files<E: From<ExportError>>(
    dataset: &CommittedDataset,
    store: &dyn ChunkFiles,
    format: Format,
    mut file: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let columns = match format {
        Format::Files => vec![("path", Type::Text), ("media_type", Type::Text), ("bytes", Type::Bytes)],
        _ => vec![("path", Type::Text), ("text", Type::Text)],
    };
    check_columns(dataset.schema(), format, &columns)?;
    let (mut row, mut before) = (0, String::new());
    for batch in super::chunks(dataset, store)? {
        let batch = batch?;
        for index in 0..batch.num_rows() {
            let fault = |source| ExportError::File { row, source };
            let (path, content) = one_file(&batch, index, format).map_err(fault)?;
            if row > 0 && *path <= *before {
                return Err(fault(NoFile::Order { path: path.to_owned() }).into());
            }
            if content.len() > MAX_FILE {
                return Err(fault(NoFile::TooLong { found: content.len(), limit: MAX_FILE }).into());
            }
            file(path, &content)?;
            path.clone_into(&mut before);
            row += 1;
        }
    }
    Ok(())
}

fn one_file(batch: &RecordBatch, row: usize, format: Format) -> Result<(&str, std::borrow::Cow<'_, [u8]>), NoFile> {
    let column = |at: usize, column| match batch.columns().get(at) {
        Some(array) if array.is_valid(row) => Ok(array),
        _ => Err(NoFile::Null { column }),
    };
    let path = column(0, "path")?.as_string::<i32>().value(row);
    if !is_below(path) {
        return Err(NoFile::Path { path: path.to_owned() });
    }
    if format != Format::Files {
        let text = column(1, "text")?.as_string::<i32>().value(row);
        let marked = text.starts_with(MARK).then(|| format!("{MARK}{text}").into_bytes().into());
        return Ok((path, marked.unwrap_or(text.as_bytes().into())));
    }
    let content = column(2, "bytes")?.as_binary::<i32>().value(row);
    let (found, expected) = (column(1, "media_type")?.as_string::<i32>().value(row), media_type(path, content));
    if found != expected {
        return Err(NoFile::MediaType { found: found.to_owned(), expected });
    }
    Ok((path, content.into()))
}

/// Whether a path names a file below whatever directory it is put in, on this system, and reading finds it there.
fn is_below(path: &str) -> bool {
    /// How many directories deep a directory of files is read.
    const DEEPEST: usize = 64;
    let parts = path.split('/').collect::<Vec<_>>();
    let plain = |part: &&str| !part.is_empty() && !part.starts_with(['.', '_']) && !part.contains('\0');
    let components = Path::new(path).components();
    parts.len() <= DEEPEST
        && parts.iter().all(plain)
        && components.clone().all(|part| matches!(part, Component::Normal(_)))
        && components.count() == parts.len()
}

fn check_columns(schema: &Schema, format: Format, columns: &[(&str, Type)]) -> Result<(), ExportError> {
    let same = |(field, (name, ty)): (&mira_core::schema::Field, &(&str, Type))| field.name == *name && field.ty == *ty;
    if schema.columns().len() == columns.len() && schema.columns().iter().zip(columns).all(same) {
        return Ok(());
    }
    let expected = columns.iter().map(|(name, ty)| format!("[\"{name}\",{ty}]")).collect::<Vec<_>>().join(",");
    Err(ExportError::Shape { format: format.name(), expected: format!("[{expected}]"), found: schema.to_string() })
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn paths_stay_below_their_directory() {
        for good in ["a", "a/b.png", "ä/ö", "a b/c d", "a.b/c"] {
            assert!(is_below(good), "{good}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".a", "a/.b", "_a", "a\0b"] {
            assert!(!is_below(bad), "{bad:?}");
        }
        assert!(!is_below(&["a"; 65].join("/")));
    }
}
