//! What reading found out about an input that its user did not say.

use std::collections::BTreeMap;
use std::fmt;

use super::encoding::Known;
use super::format::Format;
use super::text::Dialect;
use super::{Compression, Source};

/// How an input is read, for people to check. Of files not opened yet compression and encoding are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The format of all files.
    pub format: Format,
    /// How many files there are, members of archives counted one by one.
    pub files: usize,
    /// How many of them lie in archives.
    pub members: usize,
    /// How many bytes they take on the disk.
    pub bytes: u64,
    /// How many files are compressed in which way.
    pub compressions: BTreeMap<Compression, usize>,
    /// How many text files are in which encoding, by its name.
    pub encodings: BTreeMap<String, usize>,
    /// Whether one of the encodings is a guess.
    pub is_guess: bool,
    /// How CSV files are spelled.
    pub spelling: Option<Spelling>,
    /// What may not be as it was meant, in sentences without a full stop.
    pub notes: Vec<String>,
}

/// How CSV files are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// What separates fields.
    pub delimiter: char,
    /// What fields can be quoted with.
    pub quote: Option<char>,
    /// Whether the first record names the columns.
    pub has_header: bool,
}

impl Source {
    /// What is known by now about how the files are read.
    pub fn findings(&self) -> Findings {
        let (mut compressions, mut encodings, mut is_guess) = (BTreeMap::new(), BTreeMap::new(), false);
        for input in &self.inputs {
            if let Some(compression) = input.known_compression() {
                *compressions.entry(compression).or_default() += 1;
            }
            if let Some((encoding, known)) = input.known_encoding() {
                *encodings.entry(encoding.name()).or_default() += 1;
                is_guess |= known == Known::Guessed;
            }
        }
        Findings {
            format: self.format,
            files: self.inputs.len(),
            members: self.inputs.iter().filter(|input| input.is_member()).count(),
            bytes: self.bytes_total(),
            compressions,
            encodings,
            is_guess,
            spelling: self.spelling(),
            notes: self.notes.clone(),
        }
    }

    fn spelling(&self) -> Option<Spelling> {
        let Some(Dialect::Csv { punctuation, has_header }) = self.dialect else { return None };
        let (delimiter, quote) = (char::from(punctuation.delimiter), punctuation.quote.map(char::from));
        Some(Spelling { delimiter, quote, has_header })
    }
}

/// One line: `csv, gzip, windows-1252 (guessed), delimiter ';', quote ", header; 1 file, 1204 bytes`.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.format)?;
        for compression in self.compressions.keys() {
            write!(f, ", {}", compression.name())?;
        }
        if !self.encodings.is_empty() {
            let names: Vec<&str> = self.encodings.keys().map(String::as_str).collect();
            write!(f, ", {}{}", names.join(" and "), if self.is_guess { " (guessed)" } else { "" })?;
        }
        if let Some(spelling) = &self.spelling {
            write!(f, ", {spelling}")?;
        }
        write!(f, "; {} file{}", self.files, if self.files == 1 { "" } else { "s" })?;
        if self.members > 0 {
            write!(f, " ({} in archives)", self.members)?;
        }
        write!(f, ", {} bytes", self.bytes)
    }
}

/// `delimiter ';', quote ", header`
impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delimiter {:?}, ", self.delimiter)?;
        match self.quote {
            Some(quote) => write!(f, "quote {quote}, ")?,
            None => f.write_str("no quotes, ")?,
        }
        f.write_str(if self.has_header { "header" } else { "no header" })
    }
}
