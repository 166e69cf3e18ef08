//! How commands speak: data on stdout, talk on stderr, JSON with `--json`, nothing unescaped.

use std::fmt;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use crate::progress;

/// How a command was asked to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// `--json`: one document on stdout, or one a line.
    pub json: JsonMode,
    /// `-q`: no talk.
    pub quiet: bool,
    /// `-v`: more talk.
    pub verbose: bool,
    /// `--progress`: how to tell how far a long command is.
    pub progress: ProgressMode,
}

/// The three ways to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JsonMode {
    /// Text for a person.
    #[default]
    Off,
    /// One document.
    Document,
    /// One document a line, for lists.
    Lines,
}

/// How progress is told, always on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressMode {
    /// A bar where stderr is a terminal and a person reads.
    #[default]
    Auto,
    /// One event a line.
    Json,
    /// Not at all.
    Off,
}

impl Output {
    /// Whether data are to be JSON.
    pub fn is_json(&self) -> bool {
        self.json != JsonMode::Off
    }

    /// Writes data to stdout. A reader that went away (`| head`) ends the program quietly.
    pub fn data(&self, text: impl fmt::Display) {
        if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
            if error.kind() != io::ErrorKind::BrokenPipe {
                // Nothing is left to tell it to; the exit code says that the command failed.
                let _ = writeln!(io::stderr(), "error: cannot write to stdout: {error}");
                std::process::exit(1);
            }
            std::process::exit(0);
        }
    }

    /// Writes a document to stdout as one line of JSON.
    pub fn document(&self, document: &impl Serialize) {
        self.data(to_json(document));
    }

    /// Writes the items of a list to stdout, each as one line of JSON.
    pub fn lines<T: Serialize>(&self, items: impl IntoIterator<Item = T>) {
        items.into_iter().for_each(|item| self.document(&item));
    }

    /// Says something to a person, unless they asked for quiet.
    pub fn talk(&self, text: impl fmt::Display) {
        if !self.quiet {
            // Losing talk is no reason to fail.
            progress::beside(|| drop(writeln!(io::stderr().lock(), "{text}")));
        }
    }

    /// Says something to a person who asked for more.
    pub fn detail(&self, text: impl fmt::Display) {
        if self.verbose {
            self.talk(text);
        }
    }

    /// Runs a stage of a command, and tells whoever asked for more how long it took.
    pub fn timed<T>(&self, stage: &str, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.detail(format_args!("{stage}: {}", elapsed(began.elapsed())));
        result
    }
}

/// A text that is escaped, cut to what is left of a line of the terminal behind `taken` columns.
pub fn to_width(text: &str, taken: usize) -> String {
    cut(text, line_width().saturating_sub(taken))
}

/// Columns of the terminal that stdout is, else of `COLUMNS`, else of a wide one.
fn line_width() -> usize {
    const WIDE: usize = 160;
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => columns().filter(|columns| *columns > 0).unwrap_or(WIDE),
    }
}

/// At most so many characters, of which the last says if some are missing.
fn cut(text: &str, width: usize) -> String {
    if text.chars().nth(width).is_none() {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A length of time as a person reads it: `870 ms`, `3.4 s`, `2 min 5 s`, `1 h 2 min`.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as a person reads them, in powers of 1000: `999 B`, `1.2 kB`, `766.0 MB`.
#[expect(clippy::cast_precision_loss, reason = "for a person's eyes")]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    // What would be printed as 1000.0 belongs to the next unit.
    while value >= 999.95 && units.len() > 0 {
        value /= 1000.0;
        unit = units.next();
    }
    format!("{value:.1} {}", unit.copied().unwrap_or_default())
}

/// Most characters of an [`excerpt`].
const EXCERPT: usize = 80;

/// A document as one line of JSON.
pub fn to_json(document: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "documents of ours have text keys, so that nothing can fail")]
    serde_json::to_string(document).expect("a document has text keys")
}

/// Escapes control characters, so that a string from a file cannot steer a terminal.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Bidirectional controls reorder what a person reads; they are as good as control characters.
        let steers =
            c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// A number and what it counts: `1 row`, `2 rows`, `2 entries`.
pub fn counted(number: impl Into<u128>, what: &str) -> String {
    let number = number.into();
    format!("{number} {}", numbered(number == 1, what))
}

/// One thing, or the word for several.
fn numbered(is_one: bool, what: &str) -> String {
    match what.strip_suffix("ry") {
        _ if is_one => what.to_owned(),
        Some(stem) => format!("{stem}ries"),
        None => format!("{what}s"),
    }
}

/// The start of a text that somebody gave, for an error.
pub fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Serialises a count: integers that a double cannot hold become text.
pub fn count<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    // JavaScript's numbers are exact below 2^53.
    if *value < 1 << 53 { serializer.serialize_u64(*value) } else { serializer.serialize_str(&value.to_string()) }
}

/// The same for a count that may not be known.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub fn optional_count<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => count(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_doubles_become_text() {
        #[derive(Serialize)]
        struct Rows(#[serde(serialize_with = "count")] u64);
        assert_eq!(to_json(&Rows((1 << 53) - 1)), "9007199254740991");
        assert_eq!(to_json(&Rows(1 << 53)), "\"9007199254740992\"");
    }

    #[test]
    fn one_is_no_plural_and_excerpts_end() {
        assert_eq!([0_u64, 1, 2].map(|rows| counted(rows, "row")), ["0 rows", "1 row", "2 rows"]);
        assert_eq!([1_u64, 2].map(|entries| counted(entries, "entry")), ["1 entry", "2 entries"]);
        assert_eq!(excerpt("penguins"), "penguins");
        assert_eq!(excerpt(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    }

    #[test]
    fn lines_are_cut_between_characters() {
        assert_eq!(["", "é", "éé", "ééé"].map(|text| cut(text, 2)), ["", "é", "éé", "é…"]);
        assert_eq!(cut("abc", 0), "…");
    }

    #[test]
    fn sizes_and_times_for_people() {
        assert_eq!(
            [999, 1000, 999_949, 999_950, 766_000_000].map(size),
            ["999 B", "1.0 kB", "999.9 kB", "1.0 MB", "766.0 MB"]
        );
        assert_eq!(size(u64::MAX), "18446.7 PB");
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let times = [870, 3_400, 125_000, 3_720_000].map(|millis| elapsed(Duration::from_millis(millis)));
        assert_eq!(times, ["870 ms", "3.4 s", "2 min 5 s", "1 h 2 min"]);
    }

    #[test]
    fn escapes_what_steers_a_terminal() {
        assert_eq!(escape("a\u{1b}]0;x\u{7}\u{202e}é"), "a\\u{1b}]0;x\\u{7}\\u{202e}é");
    }
}
