//! Reading CSV under a guess: either it comes to what inference over all values finds, or it says that it was wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect")]

use std::fs;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use mira_ingest::source::{GuessError, Options, Source};
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_guess_that_holds_is_what_inference_finds_of_cells_nearly_alike(
        (a, b) in (cells(), cells()),
        block_bytes in 1_usize..40,
    ) {
        let rows = a.iter().zip(&b).map(|(a, b)| format!("{a},{b}\n"));
        let (_directory, source) = open(&format!("a,b\n{}", rows.collect::<String>()), block_bytes);
        let guess = source.guess().unwrap().unwrap();
        let held = source.blocks().try_fold(Vec::new(), |mut read, block| {
            let parsed = guess.parse(block.unwrap());
            read.extend(parsed.batches);
            parsed.error.is_none().then_some(read)
        });
        let plan = source.infer().unwrap();
        // Either it holds, down to the widths and to what is said of spellings, or inference finds something else.
        match held {
            Some(read) => {
                prop_assert_eq!(concat_batches(guess.plan().arrow(), &read).unwrap(), inferred(&source).unwrap());
                prop_assert_eq!(guess.plan().arrow(), plan.arrow());
                prop_assert_eq!(guess.respelled(), plan.respelled());
            }
            None => prop_assert_ne!(guess.plan().arrow(), plan.arrow()),
        }
    }
}

proptest! {
    #[test]
    fn a_guess_that_holds_is_what_inference_finds(
        rows in prop::collection::vec("([0-9]{1,3}|[0-9]\\.[0-9]{1,20}|true|x|2013-01-0[1-9]|)(,)([0-9]{1,20}|)", 1..120),
        block_bytes in 1_usize..80,
    ) {
        let (_directory, source) = open(&format!("a,b\n{}\n", rows.join("\n")), block_bytes);
        if let Ok(Some(rows)) = guessed(&source) {
            prop_assert_eq!(Ok(rows), inferred(&source));
        }
    }
}
