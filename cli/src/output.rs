//! How commands speak: data on stdout, talk on stderr, JSON with `--json`, nothing unescaped.

use std::fmt;
use std::io::{self, Write as _};

use serde::{Serialize, Serializer};

/// How a command was asked to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// `--json`: one document on stdout, or one a line.
    pub json: JsonMode,
    /// `-q`: no talk.
    pub quiet: bool,
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

    /// Says something to a person, unless they asked for quiet.
    pub fn talk(&self, text: impl fmt::Display) {
        if !self.quiet {
            // Losing talk is no reason to fail.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }
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

/// A number and what it counts: `1 row`, `2 rows`.
pub fn counted(number: impl Into<u128>, what: &str) -> String {
    let number = number.into();
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
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
        assert_eq!(excerpt("penguins"), "penguins");
        assert_eq!(excerpt(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    }

    #[test]
    fn escapes_what_steers_a_terminal() {
        assert_eq!(escape("a\u{1b}]0;x\u{7}\u{202e}é"), "a\\u{1b}]0;x\\u{7}\\u{202e}é");
    }
}
