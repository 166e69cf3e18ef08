//! Telling the format of a file, by its name and else by its content.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A format that rows are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// The same, separated by tabs.
    Tsv,
    /// One JSON object per line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// A name that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected csv, tsv, ndjson or parquet, found {found:?}")]
pub struct FormatError {
    /// The name as given.
    pub found: String,
}

impl Format {
    /// The format's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }

    /// The format that a file name's extension stands for.
    pub fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The format that the first bytes of a file look like: Parquet by its magic, NDJSON by an opening brace, CSV or
    /// TSV by a comma or else a tab in a first line of text.
    pub fn of_content(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"PAR1") {
            return Some(Self::Parquet);
        }
        let text = head.strip_prefix(super::text::BOM).unwrap_or(head).trim_ascii_start();
        let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        match () {
            () if text.starts_with(b"{") => Some(Self::Ndjson),
            // A JSON array is no table of lines, and bytes below the tab are no text.
            () if text.starts_with(b"[") || head.iter().any(|&byte| byte < b'\t') => None,
            () if line.contains(&b',') => Some(Self::Csv),
            () if line.contains(&b'\t') => Some(Self::Tsv),
            () => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text {
            "csv" => Ok(Self::Csv),
            "tsv" => Ok(Self::Tsv),
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            "parquet" => Ok(Self::Parquet),
            _ => Err(FormatError { found: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_content() {
        let of = |name: &str| Format::of_name(Path::new(name));
        assert_eq!(of("a/b.CSV"), Some(Format::Csv));
        assert_eq!(of("b.jsonl"), Some(Format::Ndjson));
        assert_eq!(of("b.tab"), Some(Format::Tsv));
        assert_eq!(of("b.csv.gz"), None);
        assert_eq!(of("csv"), None);
    }

    #[test]
    fn content_tells_what_the_name_does_not() {
        assert_eq!(Format::of_content(b"PAR1\x15"), Some(Format::Parquet));
        assert_eq!(Format::of_content(b"\xef\xbb\xbf\n {\"a\":1}"), Some(Format::Ndjson));
        assert_eq!(Format::of_content(b"a,b\n1\t,2"), Some(Format::Csv));
        assert_eq!(Format::of_content(b"a\tb\n1,2\t3"), Some(Format::Tsv));
        assert_eq!(Format::of_content(b"[{\"a\":1}]"), None);
        assert_eq!(Format::of_content(b"\x1f\x8b\x08\x00,"), None);
        assert_eq!(Format::of_content(b"words\nwords"), None);
    }
}
