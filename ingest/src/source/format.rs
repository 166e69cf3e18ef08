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
    /// An array of JSON objects, or objects one after the other, over any number of lines.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, as a file or as a stream.
    Arrow,
    /// A document of text per file, with its path.
    Text,
    /// A line of text per row.
    Lines,
    /// A file per row: its path, media type and bytes.
    Files,
}

/// A name that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected csv, tsv, json, ndjson, parquet, arrow, text, lines or files, found {found:?}")]
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
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Text => "text",
            Self::Lines => "lines",
            Self::Files => "files",
        }
    }

    /// Whether files of this format say the types of their columns, so that nothing is inferred.
    pub const fn declares_types(self) -> bool {
        match self {
            Self::Csv | Self::Tsv | Self::Json | Self::Ndjson => false,
            Self::Parquet | Self::Arrow | Self::Text | Self::Lines | Self::Files => true,
        }
    }

    /// Whether a row is a file as a whole.
    pub(crate) const fn is_of_files(self) -> bool {
        matches!(self, Self::Text | Self::Files)
    }

    /// The format that a file name's extension stands for.
    pub fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "json" => Some(Self::Json),
            "parquet" | "pq" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::Arrow),
            "txt" | "text" | "md" | "markdown" => Some(Self::Text),
            // Pictures, sound, pages: whatever has a media type and is no table.
            _ if super::media::of_name(path.file_name()?.to_str()?).is_some() => Some(Self::Files),
            _ => None,
        }
    }

    /// The format that the first bytes of a file look like: Parquet and Arrow by their magic, JSON by an opening bracket
    /// or brace, CSV or TSV by a comma or else a tab in a first line of text.
    pub fn of_content(head: &[u8]) -> Option<Self> {
        match head {
            // The last letter is E where the footer is encrypted.
            [b'P', b'A', b'R', b'1' | b'E', ..] => return Some(Self::Parquet),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [b'F', b'E', b'A', b'1', ..] => return Some(Self::Arrow),
            // A stream starts with a message: a mark, and the length of what it says, a multiple of 8.
            [0xff, 0xff, 0xff, 0xff, low, _, _, 0, ..] if low % 8 == 0 => return Some(Self::Arrow),
            _ => {}
        }
        let text = head.strip_prefix(super::text::BOM).unwrap_or(head).trim_ascii_start();
        let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        match () {
            () if text.starts_with(b"[") => Some(Self::Json),
            // An object that goes on behind its first line is not NDJSON, but JSON over several lines.
            () if text.starts_with(b"{") && line.len() < text.len() && !line.trim_ascii_end().ends_with(b"}") => {
                Some(Self::Json)
            }
            () if text.starts_with(b"{") => Some(Self::Ndjson),
            // Bytes below the tab are no text.
            () if head.iter().any(|&byte| byte < b'\t') => None,
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
            "json" => Ok(Self::Json),
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            "parquet" => Ok(Self::Parquet),
            "arrow" => Ok(Self::Arrow),
            "text" => Ok(Self::Text),
            "lines" => Ok(Self::Lines),
            "files" => Ok(Self::Files),
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
        assert_eq!(of("b.json"), Some(Format::Json));
        assert_eq!(of("b.feather"), Some(Format::Arrow));
        assert_eq!(of("b.md"), Some(Format::Text));
        assert_eq!(of("b.png"), Some(Format::Files));
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
        assert_eq!(Format::of_content(b"[{\"a\":1}]"), Some(Format::Json));
        assert_eq!(Format::of_content(b"{\n\"a\":1}"), Some(Format::Json));
        assert_eq!(Format::of_content(b"{\"a\":1}\r\n{\"a\":2}"), Some(Format::Ndjson));
        assert_eq!(Format::of_content(b"ARROW1\0\0"), Some(Format::Arrow));
        assert_eq!(Format::of_content(b"\xff\xff\xff\xff\x88\x01\0\0"), Some(Format::Arrow));
        assert_eq!(Format::of_content(b"\x1f\x8b\x08\x00,"), None);
        assert_eq!(Format::of_content(b"words\nwords"), None);
    }
}
