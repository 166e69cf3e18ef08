//! From files to committed chunks.
//!
//! Today this crate reads: [`source`] turns CSV, NDJSON and Parquet files into Arrow batches, exactly or not at all.

#![deny(missing_docs)]

pub mod source;
