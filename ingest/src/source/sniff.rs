//! Telling the punctuation of a CSV file from its start.
//!
//! Of the delimiters comma, semicolon, tab and bar, in this order, that one is taken under which every record has as many
//! fields as the first, and at least two. `'` counts as a quote only where no delimiter fits with `"` and no `"` is in
//! sight. Where nothing fits, that is taken which fits longest, and else a comma and `"`: whoever reads on will say what
//! is wrong.

use super::bad_row::OnBadRow;
use super::csv::{self, Grid, Punctuation};

/// What a file is read with that shows nothing else.
pub(crate) const DEFAULT: Punctuation = Punctuation { delimiter: b',', quote: Some(b'"') };

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What is given, and for the rest what fits `head`, which is all of the file if `is_whole`.
pub(crate) fn punctuation(head: &str, is_whole: bool, delimiter: Option<u8>, quote: Option<Option<u8>>) -> Punctuation {
    if let (Some(delimiter), Some(quote)) = (delimiter, quote) {
        return Punctuation { delimiter, quote };
    }
    let separator = csv::separator_line(head.as_bytes()).filter(|&(named, _)| match delimiter {
        Some(given) => given == named,
        None => may_separate(named, quote),
    });
    let delimiter = delimiter.or(separator.map(|(named, _)| named));
    let head = head.get(separator.map_or(0, |(_, len)| len)..).unwrap_or_default();
    let mut longest = (0, None);
    let may_be_single = quote.is_none() && head.contains('\'') && !head.contains('"');
    let quotes = [Some(quote.unwrap_or(DEFAULT.quote)), may_be_single.then_some(Some(b'\''))];
    for quote in quotes.into_iter().flatten() {
        for delimiter in delimiter.map_or(DELIMITERS.to_vec(), |delimiter| vec![delimiter]) {
            let punctuation = Punctuation { delimiter, quote };
            match fit(head, is_whole, punctuation) {
                Fit::All => return punctuation,
                Fit::Rows(rows) if rows > longest.0 => longest = (rows, Some(punctuation)),
                Fit::Rows(_) => {}
            }
        }
    }
    longest.1.unwrap_or(Punctuation {
        delimiter: delimiter.unwrap_or(DEFAULT.delimiter),
        quote: quote.unwrap_or(DEFAULT.quote),
    })
}

/// Whether a line such as `sep=;` can mean this character: a quote separates nothing.
fn may_separate(named: u8, quote: Option<Option<u8>>) -> bool {
    let is_quote = matches!(named, b'"' | b'\'') || quote == Some(Some(named));
    named == b'\t' || (named.is_ascii_punctuation() && !is_quote)
}

/// Whether a file is a table of at least two columns under some punctuation.
pub(crate) fn is_table(head: &str, is_whole: bool) -> bool {
    DELIMITERS.into_iter().any(|delimiter| {
        let fit = fit(head, is_whole, Punctuation { delimiter, ..DEFAULT });
        fit == Fit::All
    })
}

/// How much of a sample is a table.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    All,
    /// So many rows, up to the first that is none.
    Rows(usize),
}

fn fit(head: &str, is_whole: bool, punctuation: Punctuation) -> Fit {
    let end = if is_whole { Some(head.len()) } else { csv::cut(head.as_bytes(), punctuation, OnBadRow::Fail) };
    let Some(records) = end.and_then(|end| head.get(..end)) else { return Fit::Rows(0) };
    let Ok((names, end)) = csv::header(records, punctuation) else { return Fit::Rows(0) };
    if names.len() < 2 {
        return Fit::Rows(0);
    }
    let grid = Grid::new(records.as_bytes().get(end..).unwrap_or_default(), punctuation, names.len(), OnBadRow::Fail);
    if grid.fault.is_none() { Fit::All } else { Fit::Rows(grid.rows().len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &str) -> (char, Option<char>) {
        let Punctuation { delimiter, quote } = punctuation(head, true, None, None);
        (char::from(delimiter), quote.map(char::from))
    }

    #[test]
    fn the_count_of_fields_tells() {
        let double = Some('"');
        for (head, expected) in [
            ("a,b\n1,2\n", (',', double)),
            ("a;b\n1,5;2,5\n", (';', double)),
            ("a\tb\n1,5\t2;5\n", ('\t', double)),
            ("a|b|c\n1|2|3\n", ('|', double)),
            ("a;b\n\"x\n;y\";\"1;2\"\n", (';', double)),
            ("\"a,x\";b\n1;2\n", (';', double)),
            ("text\none; two\nthree; four\n", (',', double)),
            ("text\n", (',', double)),
            ("", (',', double)),
            ("a,b;c\n1,2;3\n", (',', double)),
            ("a,b\n1,2\n3\n4,5\n", (',', double)),
            ("a;b\n1;2\n3\n4;5\n", (';', double)),
            ("sep=;\na;b,c\n1;2,3\n", (';', double)),
            ("sep=|\na;b\n1;2\n", ('|', double)),
            ("'a','b'\n'1','2'\n", (',', double)),
            ("a,b\n\"x\"y,2\n", (',', double)),
            ("a,b\n'x,y',2\n'z',3\n", (',', Some('\''))),
            ("a;b\n'x\ny;z';2\n", (';', Some('\''))),
            ("a,b\nit's,1\nhe's,2\n", (',', double)),
        ] {
            assert_eq!(told(head), expected, "{head:?}");
        }
    }

    #[test]
    fn what_is_given_is_taken() {
        let given = |delimiter, quote| punctuation("a;b\n'1;2';3\n", true, delimiter, quote);
        assert_eq!(given(Some(b','), Some(None)), Punctuation { delimiter: b',', quote: None });
        assert_eq!(given(None, Some(Some(b'\''))), Punctuation { delimiter: b';', quote: Some(b'\'') });
        assert_eq!(given(Some(b';'), None), Punctuation { delimiter: b';', quote: Some(b'\'') });
        assert_eq!(given(Some(b','), None), Punctuation { delimiter: b',', quote: Some(b'"') });
    }

    #[test]
    fn a_sample_may_end_inside_of_a_record() {
        let cut = |head: &str| char::from(punctuation(head, false, None, None).delimiter);
        assert_eq!(cut("a;b\n1;2\n3"), ';');
        assert_eq!(cut("a;b\n1;2\n3;\"4"), ';');
        assert_eq!(cut("a;b"), ',');
    }
}
