//! What can be wrong with an input, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::Utf8Chunk;
use std::sync::Arc;

use super::arrow::ArrowProblem;
use super::working::Widening;

/// A place in an input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// Where in it.
    pub spot: Spot,
}

/// A position inside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// In a text file.
    Text {
        /// The line, from 1.
        line: u64,
        /// The byte, from 0, counted from the start of the file.
        byte: u64,
    },
    /// In a file of rows without lines: the row, from 0, as rows are counted everywhere.
    Row(u64),
    /// The file as a whole.
    File,
}

/// Why an input cannot be read as rows.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: open, read, list.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in a file is wrong.
    #[error("{problem}")]
    At {
        /// Where.
        place: Place,
        /// What. Boxed, because errors travel through every cell's return value.
        problem: Box<Problem>,
    },
    /// A Parquet file does not decode.
    #[error("not a readable Parquet file{}", part(*group, column.as_deref()))]
    Parquet {
        /// Which file, and from which row on.
        place: Place,
        /// Which row group, from 0, if it is not the footer.
        group: Option<usize>,
        /// Which column, if that is known.
        column: Option<String>,
        /// What the decoder said.
        source: parquet::errors::ParquetError,
    },
    /// An Arrow file or stream does not decode.
    #[error("not readable Arrow IPC{}", part(None, column.as_deref()))]
    Ipc {
        /// Which file, and from which row on.
        place: Place,
        /// Which column, if that is known.
        column: Option<String>,
        /// What is wrong.
        source: Box<ArrowProblem>,
    },
    /// Whoever watches wanted it to end.
    #[error(transparent)]
    Halted(#[from] crate::observer::Halted),
    /// No file was given, or a directory holds none.
    #[error("no input files in {}", path.display())]
    NoFiles {
        /// The directory, or an empty path.
        path: PathBuf,
    },
    /// A pattern that matches nothing.
    #[error("nothing matches {}", pattern.display())]
    NoMatch {
        /// The pattern.
        pattern: PathBuf,
    },
    /// A pattern that is none.
    #[error("not a pattern for file names: {}: {why}", pattern.display())]
    Pattern {
        /// As it was given.
        pattern: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Standard input can be read once.
    #[error("standard input is named twice")]
    StandardInputTwice,
    /// Neither a file nor a directory.
    #[error("neither a file nor a directory: {}", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Files of two formats in one input.
    #[error("one input has one format: {} is {first_format}, {} is {format}", first.display(), path.display())]
    MixedFormats {
        /// The first file.
        first: PathBuf,
        /// Its format.
        first_format: &'static str,
        /// The file that differs.
        path: PathBuf,
        /// Its format.
        format: &'static str,
    },
    /// A delimiter that cannot separate fields.
    #[error("a delimiter is one ASCII character, no quote and no line end, found byte {found:#04x}")]
    Delimiter {
        /// The byte given.
        found: u8,
    },
    /// A character that cannot quote fields.
    #[error("a quote is one ASCII character and no line end, found byte {found:#04x}")]
    Quote {
        /// The byte given.
        found: u8,
    },
    /// A token for null that no field can be.
    #[error("{token:?} is never a whole field without quotes, so it cannot stand for null")]
    NullToken {
        /// The token given.
        token: String,
    },
    /// The files hold columns but not one row.
    #[error("no rows in {files} file{}, the first being {}", if *files == 1 { "" } else { "s" }, first.display())]
    NoRows {
        /// How many files there are.
        files: usize,
        /// The first of them.
        first: PathBuf,
    },
    /// The columns that were found are not a schema.
    #[error("the columns are not a schema")]
    Schema(#[from] mira_core::schema::SchemaError),
    /// A working type that Arrow refuses; a fault of this crate.
    #[error("the columns do not form a batch")]
    Arrow(#[from] arrow_schema::ArrowError),
}

/// What is wrong at a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The format can be told neither from the name nor from the content.
    #[error(
        "cannot tell the format of the file: expected csv, tsv, json, ndjson, parquet, arrow, text, lines or files"
    )]
    UnknownFormat,
    /// A compressed stream that is damaged, cut short, or followed by something else.
    #[error("not a whole {compression} stream: {why}")]
    Compressed {
        /// The compression's name.
        compression: &'static str,
        /// What the decoder says.
        why: String,
    },
    /// A compressed file that grows beyond measure.
    #[error("the file expands to more than {limit} bytes")]
    Expands {
        /// Most bytes that it may expand to.
        limit: u64,
    },
    /// An archive that is damaged, or means harm.
    #[error("not a ZIP archive that can be read: {why}")]
    Archive {
        /// What is wrong with it.
        why: String,
    },
    /// A container that is not taken apart.
    #[error("{found} is not read here")]
    Packed {
        /// What it is.
        found: &'static str,
    },
    /// A Parquet file with an encrypted footer or encrypted columns.
    #[error("the file is encrypted, and nothing here has its keys")]
    Encrypted,
    /// A row needs the file's path, and it has none that is text and stays below where it starts.
    #[error("the file's path is not one that a row can have: UTF-8, without `..`")]
    NoPath,
    /// Two files would be rows of the same path.
    #[error("another file has the path {path:?} too: name a directory above both")]
    SamePath {
        /// The path.
        path: String,
    },
    /// A file that is to be one row is longer than a row.
    #[error("a file longer than {limit} bytes cannot be one row")]
    FileTooLong {
        /// Most bytes of a file.
        limit: usize,
    },
    /// Length, times or inode differ from when the input was opened.
    #[error("the file changed while it was being read")]
    Changed,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// Bytes that mean nothing in the encoding that the file is read in.
    #[error("not {encoding}: byte {byte} of the file and what follows it mean nothing there")]
    Malformed {
        /// The encoding's name.
        encoding: String,
        /// Where the bytes begin, counted from the start of the file before decoding.
        byte: u64,
    },
    /// A byte order mark that says something else than whoever reads.
    #[error("the file's byte order mark says {marked}, and it was to be read as {encoding}")]
    Mark {
        /// What the mark says.
        marked: String,
        /// What was given.
        encoding: String,
    },
    /// An encoding that is recognised and not read.
    #[error("the file is in {encoding}, which is not read here")]
    Unread {
        /// The encoding's name.
        encoding: &'static str,
    },
    /// One record is longer than what is read into memory for it.
    #[error("a record longer than {limit} bytes")]
    RecordTooLong {
        /// Most bytes of a record.
        limit: usize,
    },
    /// A CSV file without a header.
    #[error("no header line")]
    NoHeader,
    /// A column name that occurs twice in a header.
    #[error("the header names column {column:?} twice")]
    RepeatedColumn {
        /// The name.
        column: String,
    },
    /// A column of the schema that the file lacks.
    #[error("column {column:?} is missing")]
    MissingColumn {
        /// The name.
        column: String,
    },
    /// A column of the file that the schema lacks, or a key of an object.
    #[error("column {column:?} is not in the schema")]
    ExtraColumn {
        /// The name.
        column: String,
    },
    /// A record with more or fewer fields than the header.
    #[error("ragged row: {found} fields, header has {expected}")]
    Ragged {
        /// Fields of the record.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Something between a closing quote and the end of the field.
    #[error("a closing quote is followed by {found:?}, expected a delimiter or the end of the line")]
    AfterQuote {
        /// The character found.
        found: char,
    },
    /// A quoted field that never ends.
    #[error("a quoted field is not closed")]
    OpenQuote,
    /// A line that is not JSON.
    #[error("not JSON: {0}")]
    Json(JsonProblem),
    /// A line of NDJSON that is not an object.
    #[error("expected an object, found {found}")]
    NotAnObject {
        /// The kind of value found.
        found: &'static str,
    },
    /// Arrays or objects in a column that also holds something else.
    #[error("column {column:?} holds {second}, but {first} at {earlier}")]
    MixedKinds {
        /// The column, with the path inside it.
        column: String,
        /// The kind that came first.
        first: &'static str,
        /// Where.
        earlier: Place,
        /// The kind that stands here.
        second: &'static str,
    },
    /// A column in which every object is empty.
    #[error("column {column:?} holds only empty objects, and a struct has at least one field")]
    EmptyObjects {
        /// The column, with the path inside it.
        column: String,
    },
    /// More distinct keys than a schema has columns, in one object or in all.
    #[error("more than {limit} distinct keys: keys that are data need a map, which takes a schema")]
    TooManyKeys {
        /// Most keys.
        limit: usize,
    },
    /// Values nested deeper than types can be.
    #[error("arrays and objects nest deeper than {limit}")]
    TooDeep {
        /// Deepest type.
        limit: usize,
    },
    /// A value that its column's type does not hold.
    #[error("column {column:?}: {reason}: {excerpt}")]
    Value {
        /// The column, with the path inside it.
        column: String,
        /// Why.
        reason: Reason,
        /// The value's text, escaped and cut.
        excerpt: String,
    },
    /// A value that needs wider storage than the plan gives its column: measure the input, then read again.
    #[error("column {column:?} needs wider storage: {widening}: {excerpt}")]
    Wider {
        /// The column, with the path inside it.
        column: String,
        /// What to change in the plan.
        widening: Widening,
        /// The value's text, escaped and cut.
        excerpt: String,
    },
    /// A declared column of a type that has no logical type.
    #[error("column {column:?}: there is no rule for the type {found}")]
    UnsupportedType {
        /// The column, with the path inside it.
        column: String,
        /// Arrow's name of the type.
        found: String,
    },
    /// A declared column whose type cannot become the schema's without loss.
    #[error("column {column:?} is {found}, expected {expected}")]
    TypeMismatch {
        /// The column, with the path inside it.
        column: String,
        /// The file's type.
        found: String,
        /// The schema's type.
        expected: String,
    },
}

/// Why a value is not of its column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The text does not have the form of the type.
    #[error("not {expected}")]
    Form {
        /// What the type takes, in words.
        expected: &'static str,
    },
    /// The value lies outside the type.
    #[error("outside the range of {expected}")]
    Range {
        /// What the type holds, in words.
        expected: &'static str,
    },
    /// More fraction digits than the type has.
    #[error("more than {scale} fraction digits")]
    Excess {
        /// Fraction digits of the type.
        scale: u8,
    },
    /// A text of a file that declares its types, whose bytes are not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// A map entry whose key is null.
    #[error("a map key is null")]
    NullKey,
    /// Two entries of one map that have the same key.
    #[error("a key occurs twice in one map")]
    RepeatedKey,
    /// A cell that should be JSON and is not.
    #[error("not JSON: {0}")]
    Json(JsonProblem),
    /// One batch cannot hold so much of one column.
    #[error("more than 2 GiB in one batch")]
    TooMuch,
}

/// Why a text is not JSON as it is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// Something else is expected at this point.
    #[error("expected {expected}")]
    Expected {
        /// What.
        expected: &'static str,
    },
    /// Something follows the value.
    #[error("content after the value")]
    Trailing,
    /// A raw control character in a string.
    #[error("a control character in a string")]
    Control,
    /// A backslash followed by something unknown.
    #[error("an unknown escape in a string")]
    Escape,
    /// One half of a surrogate pair.
    #[error("a lone surrogate in a string")]
    Surrogate,
    /// An object with the same key twice.
    #[error("a key occurs twice in one object")]
    RepeatedKey,
    /// Arrays and objects nested too deep.
    #[error("nested too deep")]
    Depth,
}

impl Problem {
    /// The kind of a fault that concerns one record or one row, for counting; `None` for all others.
    pub fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::Ragged { .. } => "ragged",
            Self::AfterQuote { .. } | Self::OpenQuote => "quote",
            Self::Utf8 | Self::Value { reason: Reason::Utf8, .. } => "utf8",
            Self::RecordTooLong { .. } => "too-long",
            Self::Json(JsonProblem::RepeatedKey) | Self::Value { reason: Reason::RepeatedKey, .. } => "repeated-key",
            Self::Json(_) => "json",
            Self::NotAnObject { .. } => "not-an-object",
            Self::ExtraColumn { .. } => "extra-key",
            Self::Value { .. } => "value",
            _ => return None,
        })
    }
}

impl SourceError {
    /// Where the fault is, if it has a place in a file.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::At { place, .. } | Self::Parquet { place, .. } | Self::Ipc { place, .. } => Some(place),
            _ => None,
        }
    }

    /// Whether a single record of a text, or a single row, is at fault, which could be set aside.
    pub fn is_of_a_record(&self) -> bool {
        let in_part = self.place().is_some_and(|place| place.spot != Spot::File);
        in_part && self.problem().is_some_and(|problem| problem.kind().is_some())
    }

    /// What is wrong there, if it is in a file's content.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::At { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// What to change in the plan, if that is all that is wrong: no value is at fault, the plan was too narrow.
    pub fn widening(&self) -> Option<&Widening> {
        match self.problem()? {
            Problem::Wider { widening, .. } => Some(widening),
            _ => None,
        }
    }

    pub(crate) fn at(place: Place, problem: Problem) -> Self {
        Self::At { place, problem: Box::new(problem) }
    }
}

/// `: row group 3, column "x"`, as far as it is known.
fn part(group: Option<usize>, column: Option<&str>) -> String {
    let parts = [group.map(|group| format!("row group {group}")), column.map(|column| format!("column {column:?}"))];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

impl Place {
    /// The file as a whole.
    pub(crate) fn file(file: Arc<Path>) -> Self {
        Self { file, spot: Spot::File }
    }
}

/// `sales.csv:10482 (byte 1204331)`, `sales.parquet (row 7)` or `sales.csv`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.spot {
            Spot::Text { line, byte } => write!(f, "{file}:{line} (byte {byte})"),
            Spot::Row(row) => write!(f, "{file} (row {row})"),
            Spot::File => write!(f, "{file}"),
        }
    }
}

/// The start of `text` for a message: quoted, control characters escaped, at most 60 characters between the quotes.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_of(text.as_bytes())
}

/// The same of bytes that should be a text: those that are none are escaped one by one.
pub(crate) fn excerpt_of(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    // One place is kept for the mark that says something is missing, until it is clear that nothing is.
    let (mut width, mut end_with_mark) = (0, out.len());
    for piece in bytes.utf8_chunks().flat_map(pieces) {
        width += piece.chars().count();
        if width > EXCERPT {
            out.truncate(end_with_mark);
            out.push('…');
            break;
        }
        out.push_str(&piece);
        if width < EXCERPT {
            end_with_mark = out.len();
        }
    }
    out.push('"');
    out
}

/// Most characters of an excerpt.
const EXCERPT: usize = 60;

/// Characters as they are shown, and then the bytes that are none.
fn pieces(chunk: Utf8Chunk<'_>) -> impl Iterator<Item = String> {
    let shown = chunk.valid().chars().map(|char| char.escape_debug().to_string());
    shown.chain(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_escaped_and_short() {
        assert_eq!(excerpt("a\"b\n\u{1b}"), r#""a\"b\n\u{1b}""#);
        assert_eq!(excerpt(&"x".repeat(60)), format!("\"{}\"", "x".repeat(60)));
        assert_eq!(excerpt(&"x".repeat(61)), format!("\"{}…\"", "x".repeat(59)));
        assert_eq!(excerpt(&"é".repeat(1000)).chars().count(), 62);
        assert!(excerpt(&"\u{1}".repeat(1000)).chars().count() <= 62);
        assert_eq!(excerpt_of(b"caf\xe9 \"\xff\xfe\""), r#""caf\xe9 \"\xff\xfe\"""#);
        assert_eq!(excerpt_of(&[0xff; 15]), format!("\"{}\"", "\\xff".repeat(15)));
        assert_eq!(excerpt_of(&[0xff; 16]), format!("\"{}…\"", "\\xff".repeat(14)));
    }
}
