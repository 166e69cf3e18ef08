//! Views on disk: every table as a Parquet file, and the closure index.
//!
//! ```text
//! events.parquet … uses.parquet   the tables, for any tool that reads Parquet
//! closure.csr                     the closure index
//! ```
//!
//! The bytes depend on the rows alone: views that were deleted come back byte for byte. They are for other tools, and for
//! whoever made them. What `mira` answers never comes out of them without a check that they are its own, because nothing in
//! a view is signed, and a workspace is handed over with its views.

use crate::ancestry::Lineage;
use crate::closure::Index;
use crate::query::for_each_table;
use crate::write::parquet_file;

/// The file of the closure index.
pub const INDEX: &str = "closure.csr";

/// A file of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a view cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("table {table} cannot be written as Parquet")]
pub struct ViewError {
    /// The table.
    pub table: &'static str,
    /// Why not.
    pub source: parquet::errors::ParquetError,
}

/// Makes the files one by one, and hands each to `keep`.
///
/// # Errors
/// [`ViewError`], and whatever `keep` returns.
pub fn files<E: From<ViewError>>(lineage: &Lineage, mut keep: impl FnMut(ViewFile) -> Result<(), E>) -> Result<(), E> {
    for_each_table(|table, schema, batches| {
        let bytes = batches(lineage.tables()).map_err(Into::into).and_then(|batches| parquet_file(&schema, &batches));
        let bytes = bytes.map_err(|source| ViewError { table, source })?;
        keep(ViewFile { name: format!("{table}.parquet"), bytes })
    })?;
    keep(ViewFile { name: INDEX.to_owned(), bytes: Index::as_bytes(lineage.index()).to_vec() })
}
