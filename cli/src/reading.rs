//! The options that say how files become rows: shared by everything that reads datasets from files.

use std::path::PathBuf;

use clap::Args;
use mira_core::schema::Schema;
use mira_ingest::source::{Format, Options, Source, SourceError};

use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::read_file;

/// Largest schema file that is read.
const MAX_SCHEMA: usize = 16 << 20;

/// How to read files.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    /// The schema, as JSON (default: inferred from all rows)
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// csv, tsv, ndjson or parquet (default: by name, else by content)
    #[arg(long)]
    format: Option<Format>,
    /// What separates the fields of a CSV file
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<char>,
    /// What stands for null in a CSV file beside an empty field, as in `--null NA`; quoted it stays text (may be repeated)
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    null: Vec<String>,
}

impl ReadArgs {
    /// Whether any of them was given.
    pub fn is_given(&self) -> bool {
        self.schema.is_some() || self.format.is_some() || self.delimiter.is_some() || !self.null.is_empty()
    }

    /// Opens files, or directories of files, as one sequence of rows.
    pub fn open(&self, paths: &[PathBuf]) -> Result<Source> {
        Source::open(paths, self.options()?).map_err(|error| source_error(&error))
    }

    /// The options themselves.
    pub fn options(&self) -> Result<Options> {
        let delimiter = match self.delimiter {
            None => None,
            Some(c) => Some(u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| {
                CliError::new(Kind::Usage, format!("{c:?} cannot separate fields"))
                    .hint("--delimiter takes one ASCII character")
            })?),
        };
        Ok(Options { format: self.format, delimiter, nulls: self.null.clone(), ..Options::default() })
    }

    /// The schema that was given.
    pub fn schema(&self) -> Result<Option<Schema>> {
        let Some(path) = &self.schema else { return Ok(None) };
        let at = |error: CliError| error.at(path.display().to_string());
        let text = String::from_utf8(read_file::bounded(path, MAX_SCHEMA)?).kind(Kind::Usage).map_err(at)?;
        Schema::from_json(&text).kind(Kind::Usage).map(Some).map_err(at)
    }
}

/// A reading error, with the place in the form `file:line (byte n)`.
pub fn source_error(error: &SourceError) -> CliError {
    let kind = if matches!(error, SourceError::NoFiles { .. }) { Kind::NotFound } else { Kind::Failed };
    match error.problem() {
        Some(problem) => {
            let failed = CliError::new(kind, problem.to_string());
            match error.place() {
                Some(place) => failed.at(place.to_string()),
                None => failed,
            }
        }
        None => CliError::new(kind, chain(error)),
    }
}
