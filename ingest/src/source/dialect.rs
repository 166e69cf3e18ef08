//! What a CSV file is read with: what its reader says, and what its start tells.

use super::Options;
use super::csv::{self, Punctuation};
use super::error::SourceError;
use super::input::Input;
use super::number::Number;
use super::sniff;
use super::text::Dialect;

/// What the fields of CSV can be quoted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// Nothing: every character is part of a field.
    None,
    /// An ASCII character.
    Byte(u8),
}

/// Whether the first record of CSV names the columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Header {
    /// It does.
    #[default]
    Yes,
    /// It is a row like the others; the columns are `c1`, `c2` and so on.
    No,
    /// It is a row if all fields of the first file's first record are numbers.
    Auto,
}

/// Refuses characters that cannot separate or quote fields.
pub(crate) fn check(options: &Options) -> Result<(), SourceError> {
    let is_unfit = |byte: &u8| !byte.is_ascii() || matches!(byte, b'\n' | b'\r');
    let quote = options.quote.and_then(Quote::byte);
    let taken = if options.quote.is_none() { Some(b'"') } else { quote };
    if let Some(found) = options.delimiter.filter(|byte| is_unfit(byte) || taken == Some(*byte)) {
        return Err(SourceError::Delimiter { found });
    }
    match quote.filter(is_unfit) {
        Some(found) => Err(SourceError::Quote { found }),
        None => Ok(()),
    }
}

/// How a table is to be understood whose first file is `input`. Whatever a user should look at is added to `notes`.
pub(crate) fn of_csv(
    input: &Input,
    delimiter: Option<u8>,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Dialect, SourceError> {
    let (head, is_whole) = input.text_head(true)?;
    let quote = options.quote.map(Quote::byte);
    let punctuation = sniff::punctuation(&head, is_whole, options.delimiter.or(delimiter), quote);
    let is_numeric = starts_with_numbers(&head, punctuation);
    let has_header = match options.header {
        Header::Yes => true,
        Header::No => false,
        Header::Auto => !is_numeric,
    };
    if is_numeric && options.header == Header::Yes {
        let path = input.path.display();
        notes.push(format!(
            "all column names of {path} are numbers: if its first line is a row, say so with --header no"
        ));
    }
    Ok(Dialect::Csv { punctuation, has_header })
}

fn starts_with_numbers(head: &str, punctuation: Punctuation) -> bool {
    // A record that the sample does not hold whole is longer than any row of numbers.
    let names = csv::columns(head, punctuation, true);
    names.is_ok_and(|(names, _)| names.iter().all(|name| Number::parse(name).is_some()))
}

impl Quote {
    fn byte(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Byte(byte) => Some(byte),
        }
    }
}
