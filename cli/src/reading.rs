//! The options that say how files become rows: shared by everything that reads datasets from files.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use mira_core::schema::Schema;
use mira_ingest::source::{Encoding, Format, Header, OnBadRow, Options, Problem, Quote, Source, SourceError};

use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::{Output, escape};
use crate::read_file;

/// Largest schema file that is read.
const MAX_SCHEMA: usize = 16 << 20;

/// How to read files.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    /// The schema, as JSON, or what `mira add --dry-run --json` printed (default: inferred from all rows)
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// csv, tsv, json, ndjson, parquet, arrow, text (a document per file), lines or files (default: by name, else by content)
    #[arg(long)]
    format: Option<Format>,
    /// What text files are in, such as windows-1252 or big5 (default: told by each file, else UTF-8)
    #[arg(long, value_name = "LABEL")]
    encoding: Option<Encoding>,
    /// What separates the fields of a CSV file, `tab` for a tab (default: what fits the first file)
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// What fields of a CSV file can be quoted with, or `none` (default: what fits the first file)
    #[arg(long, value_name = "CHAR", value_parser = quote)]
    quote: Option<Quote>,
    /// Whether the first line of a CSV file names the columns: yes, no (they are c1, c2 and so on) or auto
    #[arg(long, value_name = "WHETHER", value_parser = header)]
    header: Option<Header>,
    /// What stands for null in a CSV file beside an empty field, as in `--null NA`; quoted it stays text (may be repeated)
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    null: Vec<String>,
    /// Most bytes that a compressed file may expand to, as in 20GiB (default: 1 GiB, or 1,000 times its own bytes)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_expanded: Option<u64>,
}

impl ReadArgs {
    /// Whether any of them was given.
    pub fn is_given(&self) -> bool {
        let is_spelled = self.delimiter.is_some() || self.quote.is_some() || self.header.is_some();
        self.schema.is_some()
            || self.format.is_some()
            || self.encoding.is_some()
            || is_spelled
            || !self.null.is_empty()
            || self.max_expanded.is_some()
    }

    /// Opens files, or directories of files, as one sequence of rows; records that are no rows are as `on_bad_row` says.
    pub fn open(&self, paths: &[PathBuf], on_bad_row: OnBadRow) -> Result<Source> {
        let options = Options { on_bad_row, ..self.options()? };
        Source::open(paths, options).map_err(|error| source_error(&error))
    }

    /// The options themselves.
    pub fn options(&self) -> Result<Options> {
        Ok(Options {
            format: self.format,
            encoding: self.encoding,
            delimiter: self.delimiter,
            quote: self.quote,
            header: self.header.unwrap_or_default(),
            nulls: self.null.clone(),
            max_expanded: self.max_expanded,
            ..Options::default()
        })
    }

    /// The schema that was given.
    pub fn schema(&self) -> Result<Option<Schema>> {
        let Some(path) = &self.schema else { return Ok(None) };
        let at = |error: CliError| error.at(path.display().to_string());
        let text = String::from_utf8(read_file::bounded(path, MAX_SCHEMA)?).kind(Kind::Usage).map_err(at)?;
        let text = columns_of(&text).unwrap_or(text);
        let shown = |error: CliError| {
            at(error)
                .hint("a schema is [[\"id\",\"int\"],[\"price\",[\"decimal\",2]]], or what --dry-run --json prints")
        };
        Schema::from_json(&text).kind(Kind::Usage).map(Some).map_err(shown)
    }
}

/// The columns of a document that has them, such as that of a dry run or of `mira show --json`.
fn columns_of(text: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    document.as_object()?.get("columns").map(ToString::to_string)
}

/// Says how files are read, as far as they tell, so that what was found out can be corrected.
pub fn say(source: &Source, output: &Output) {
    let findings = source.findings();
    output.talk(format_args!("reading {}", escape(&findings.to_string())));
    for note in &findings.notes {
        output.talk(format_args!("warning: {}", escape(note)));
    }
}

/// The name that a file gives a dataset: its own without extensions of format and compression. Standard input and patterns
/// give none.
pub fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    if name == "-" || name.contains(['*', '?', '[']) {
        return None;
    }
    let name = [".gz", ".zst", ".bz2"].into_iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    Path::new(name).file_stem()?.to_str().map(str::to_owned)
}

fn delimiter(text: &str) -> std::result::Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        _ => ascii(text).ok_or_else(|| "expected one ASCII character, or tab".to_owned()),
    }
}

fn quote(text: &str) -> std::result::Result<Quote, String> {
    match text {
        "none" => Ok(Quote::None),
        _ => ascii(text).map(Quote::Byte).ok_or_else(|| "expected one ASCII character, or none".to_owned()),
    }
}

fn ascii(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => None,
    }
}

fn header(text: &str) -> std::result::Result<Header, String> {
    match text {
        "yes" => Ok(Header::Yes),
        "no" => Ok(Header::No),
        "auto" => Ok(Header::Auto),
        _ => Err("expected yes, no or auto".to_owned()),
    }
}

fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text.get(digits.len()..).unwrap_or_default() {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err("expected a number of bytes, KiB, MiB, GiB or TiB".to_owned()),
    };
    let number: Option<u64> = digits.parse().ok();
    number.and_then(|number| number.checked_mul(1 << shift)).ok_or_else(|| "not a number of bytes".to_owned())
}

/// A reading error, with the place in the form `file:line (byte n)`.
pub fn source_error(error: &SourceError) -> CliError {
    let kind = match error {
        SourceError::NoFiles { .. } | SourceError::NoMatch { .. } => Kind::NotFound,
        SourceError::StandardInputTwice | SourceError::Pattern { .. } => Kind::Usage,
        SourceError::Delimiter { .. } | SourceError::Quote { .. } | SourceError::NullToken { .. } => Kind::Usage,
        _ => Kind::Failed,
    };
    let failed = match (error, error.problem()) {
        (SourceError::Io { action, path, source }, _) => {
            let kind = if source.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { kind };
            CliError::of_io(kind, path, source).saying(&format!("cannot {action} this path"))
        }
        (_, problem) => {
            let failed = CliError::new(kind, problem.map_or_else(|| chain(error), ToString::to_string));
            match error.place() {
                Some(place) => failed.at(place.to_string()),
                None => failed,
            }
        }
    };
    match hint(error) {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// What would help.
fn hint(error: &SourceError) -> Option<String> {
    Some(match error {
        SourceError::NoMatch { .. } => {
            "in quotes, * and ? stand for parts of a name, ** for any directories".to_owned()
        }
        SourceError::NoFiles { .. } => {
            "files whose names start with `.` or `_` are left out, and so are those in such folders".to_owned()
        }
        SourceError::NoRows { .. } => "a dataset has at least one row".to_owned(),
        // What is known by row group or column is what it says it is, and damaged there.
        SourceError::Parquet { group: None, column: None, .. } | SourceError::Ipc { column: None, .. } => {
            "--format says what the file is, if it is something else".to_owned()
        }
        SourceError::MixedFormats { .. } => {
            "--format says what all of them are, or name those of one format".to_owned()
        }
        SourceError::NotAFile { .. } => "mira add - reads standard input, a pipe included".to_owned(),
        SourceError::Io { action: "write a copy of the input in", .. } => {
            "TMPDIR names the directory for temporary files".to_owned()
        }
        _ => match error.problem()? {
            Problem::Utf8 => match Encoding::likely(error) {
                Some(encoding) => format!("--encoding {encoding} reads it, if that is what it is in: it looks like it"),
                None => "--encoding says what it is in, such as windows-1252".to_owned(),
            },
            Problem::Malformed { .. } | Problem::Mark { .. } => "--encoding says what the file is in".to_owned(),
            Problem::Unread { encoding } => format!("iconv -f {encoding} -t UTF-8 converts it"),
            Problem::Expands { .. } => "--max-expanded allows more, if the file is yours".to_owned(),
            Problem::Empty => "a dataset has at least one row".to_owned(),
            Problem::UnknownFormat => "--format says what it is".to_owned(),
            Problem::MissingColumn { .. } | Problem::ExtraColumn { .. } => {
                "a schema names every column of every file: mira add FILE --dry-run --json prints one that does"
                    .to_owned()
            }
            Problem::NoHeader => {
                "a dataset has at least one row; --header no says that the first line is one".to_owned()
            }
            Problem::RepeatedColumn { .. } => {
                "name the columns otherwise, or --header no if the first line is a row".to_owned()
            }
            Problem::OpenQuote | Problem::AfterQuote { .. } => {
                "--quote none if quotes are plain characters, or --delimiter if fields end otherwise".to_owned()
            }
            Problem::Packed { .. } => "unpack it, or name it for what it is".to_owned(),
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_without_extensions() {
        let stem = |path: &str| stem(Path::new(path));
        assert_eq!(stem("a/Data.csv.gz").as_deref(), Some("data"));
        assert_eq!(stem("data.v2.csv").as_deref(), Some("data.v2"));
        assert_eq!(stem("data.zip").as_deref(), Some("data"));
        assert_eq!([stem("-"), stem("a/*.csv"), stem("..")], [None, None, None]);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!([bytes("0"), bytes("12"), bytes("3KiB"), bytes("20GiB")], [Ok(0), Ok(12), Ok(3072), Ok(20 << 30)]);
        assert!(
            ["", "-1", "1k", "GiB", "1.5GiB", "99999999999999999999", "99999999TiB"]
                .iter()
                .all(|text| bytes(text).is_err())
        );
    }
}
