//! Reading CSV under a guess: either it comes to what inference over all values finds, or it says that it was wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect")]

use std::fs;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use mira_ingest::source::{BadRow, Guess, GuessError, OnBadRow, Options, Plan, Problem, Quote, Source, SourceError};
use proptest::prelude::*;

/// The rows as read under the guess, if it held.
fn guessed(source: &Source) -> Result<Option<RecordBatch>, String> {
    let guess = source.guess().map_err(|error| error.to_string())?.unwrap();
    let mut read = Vec::new();
    for block in source.blocks() {
        let parsed = guess.parse(block.map_err(|error| error.to_string())?);
        match parsed.error {
            None => read.extend(parsed.batches),
            Some(GuessError::Wrong | GuessError::Source(_)) => return Ok(None),
        }
    }
    Ok(Some(concat_batches(guess.plan().arrow(), &read).unwrap()))
}

/// The rows as read after inference over all values.
fn inferred(source: &Source) -> Result<RecordBatch, String> {
    let plan = source.infer().map_err(|error| error.to_string())?;
    let batches = source.batches(&plan).map(|batch| batch.map(|batch| batch.batch().clone()));
    let batches = batches.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    Ok(concat_batches(plan.arrow(), &batches).unwrap())
}

fn open(text: &str, block_bytes: usize) -> (tempfile::TempDir, Source) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    fs::write(&path, text).unwrap();
    let source = Source::open(&[path], Options { block_bytes, ..Options::default() }).unwrap();
    (directory, source)
}

/// A column of `first` values, long enough that the guess does not see `last`.
fn column(first: &str, last: &str) -> String {
    format!("a,b\n{}{last},1\n", format!("{first},1\n").repeat(200))
}

#[test]
fn a_start_like_the_rest_is_enough() {
    for value in ["1", "true", "0.5", "2013-01-01", "x", ""] {
        let (_directory, source) = open(&column(value, value), 64);
        assert_eq!(guessed(&source).unwrap(), Some(inferred(&source).unwrap()), "{value}");
    }
}

#[test]
fn a_later_value_of_another_type_is_noticed() {
    for (first, last) in [
        ("1", "x"),
        ("1", "1.5"),
        ("1", "18446744073709551615"),
        ("0.5", "0.10000000000000000001"),
        ("true", "1"),
        ("", "7"),
        ("2013-01-01", "2013-01-01T00:00:00"),
        ("2013-01-01T00:00:00Z", "2013-01-01T00:00:00.123456789Z"),
        ("123456789012345.25", "123456789012345678901.25"),
    ] {
        let (_directory, source) = open(&column(first, last), 64);
        assert_eq!(guessed(&source).unwrap(), None, "{first} then {last}");
    }
}

/// Cells that are near each other and yet of other types, widths or spellings.
const CELLS: &[&str] = &[
    "",
    "0",
    "-0",
    "1",
    "-7",
    "007",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0.5",
    "0.50",
    "-0.0",
    "1e5",
    "1E400",
    "123456789012345.5",
    "9007199254740993.0",
    "0.10000000000000000001",
    "12345678901234567890.125",
    "1.",
    ".5",
    "+1",
    "NaN",
    "Infinity",
    "true",
    "false",
    "True",
    "2013-01-01",
    "2013-02-29",
    "2013-01-01T00:00:00",
    "2013-01-01 00:00:00.5",
    "2013-01-01T00:00:00.123456789",
    "9999-01-01T00:00:00",
    "2013-01-01T00:00:00Z",
    "2013-01-01T00:00:00.0000001+02:00",
    "x",
    "\"quoted\"",
    "\"1\"",
    "\"do\"\"ubled\"",
    "é",
    " 1",
    "NA",
    "\"NA\"",
];

/// A column of one cell mostly, so that a guess is often right, and wrong in one place otherwise.
fn cells() -> impl Strategy<Value = Vec<&'static str>> {
    let cell = || prop::sample::select(CELLS);
    (cell(), cell(), prop::option::of((cell(), 0_usize..90)), 40_usize..90).prop_map(|(first, second, other, len)| {
        let mut column: Vec<_> = [first, second].into_iter().cycle().take(len).collect();
        if let Some((cell, at)) = other
            && let Some(place) = column.get_mut(at)
        {
            *place = cell;
        }
        column
    })
}

/// Two columns of cells in one or two files, and how they are read.
#[derive(Debug, Clone)]
struct Table {
    columns: (Vec<&'static str>, Vec<&'static str>),
    /// How many rows are in the first file; the second file has its columns the other way round.
    split: usize,
    /// The row that has a field too many.
    long: Option<usize>,
    nulls: bool,
    on_bad_row: OnBadRow,
    block_bytes: usize,
}

impl Table {
    fn open(&self) -> (tempfile::TempDir, Source) {
        let directory = tempfile::tempdir().unwrap();
        let mut files = ["a,b\n".to_owned(), "b,a\n".to_owned()];
        for (row, (a, b)) in self.columns.0.iter().zip(&self.columns.1).enumerate() {
            let more = if self.long == Some(row) { ",more" } else { "" };
            let [first, second] = &mut files;
            if row < self.split {
                first.push_str(&format!("{a},{b}{more}\n"));
            } else {
                second.push_str(&format!("{b},{a}{more}\n"));
            }
        }
        let rows = self.columns.0.len().min(self.columns.1.len());
        let used = if self.split < rows { &files[..] } else { &files[..1] };
        let paths = used.iter().enumerate().map(|(number, text)| {
            let path = directory.path().join(format!("{number}.csv"));
            fs::write(&path, text).unwrap();
            path
        });
        let options = Options {
            nulls: if self.nulls { vec!["NA".to_owned()] } else { Vec::new() },
            delimiter: Some(b','),
            quote: Some(Quote::Byte(b'"')),
            on_bad_row: self.on_bad_row,
            block_bytes: self.block_bytes,
            ..Options::default()
        };
        let source = Source::open(&paths.collect::<Vec<_>>(), options).unwrap();
        (directory, source)
    }
}

fn tables() -> impl Strategy<Value = Table> {
    let on_bad_row = prop::sample::select(&[OnBadRow::Fail, OnBadRow::SetAside][..]);
    let long = prop::option::weighted(0.2, 0_usize..90);
    let columns = (cells(), cells());
    (columns, 1_usize..120, long, any::<bool>(), on_bad_row, 1_usize..40).prop_map(
        |(columns, split, long, nulls, on_bad_row, block_bytes)| Table {
            columns,
            split,
            long,
            nulls,
            on_bad_row,
            block_bytes,
        },
    )
}

/// The rows, and the records that are none.
type Read = (RecordBatch, Vec<BadRow>);

/// All of it under the guess, if that held.
fn read_guessed(source: &Source, guess: &Guess) -> Result<Option<Read>, SourceError> {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for block in source.blocks() {
        let parsed = guess.parse(block?);
        match parsed.error {
            None => (rows.extend(parsed.batches), bad.extend(parsed.bad)),
            Some(GuessError::Wrong) => return Ok(None),
            Some(GuessError::Source(error)) => match error.problem() {
                // A cell that the guess does not take, or not in its width.
                Some(Problem::Value { .. } | Problem::Wider { .. }) => return Ok(None),
                _ => return Err(error),
            },
        };
    }
    Ok(Some((concat_batches(guess.plan().arrow(), &rows).unwrap(), bad)))
}

fn read_inferred(source: &Source, plan: &Plan) -> Result<Read, SourceError> {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for batch in source.batches(plan) {
        let batch = batch?;
        rows.push(batch.batch().clone());
        bad.extend_from_slice(batch.bad_rows());
    }
    Ok((concat_batches(plan.arrow(), &rows).unwrap(), bad))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_guess_that_holds_is_what_inference_finds_of_cells_nearly_alike(table in tables()) {
        let (_directory, source) = table.open();
        let plan = source.infer();
        let guess = match source.guess() {
            Ok(Some(guess)) => guess,
            // All rows that it looked at were set aside.
            Ok(None) => return Ok(()),
            Err(error) => {
                prop_assert_eq!(plan.map(drop).map_err(|error| error.to_string()), Err(error.to_string()));
                return Ok(());
            }
        };
        // Either it holds, down to the widths and to what is said of spellings, or inference finds something else, or
        // nobody can read the input.
        match (read_guessed(&source, &guess), plan) {
            (Ok(Some(read)), Ok(plan)) => {
                prop_assert_eq!(read, read_inferred(&source, &plan).unwrap());
                prop_assert_eq!(guess.plan().arrow(), plan.arrow());
                prop_assert_eq!(guess.respelled(), plan.respelled());
            }
            (Ok(None), Ok(plan)) => prop_assert_ne!(guess.plan().arrow(), plan.arrow()),
            // Whatever the cells before it are, a record that is no row ends the reading.
            (Ok(None), Err(error)) => prop_assert!(matches!(error.problem(), Some(Problem::Ragged { .. })), "{}", error),
            (Err(error), plan) => {
                prop_assert_eq!(plan.map(drop).map_err(|error| error.to_string()), Err(error.to_string()));
            }
            (Ok(Some(_)), Err(error)) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}
