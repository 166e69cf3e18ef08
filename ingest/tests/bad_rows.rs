//! Bad records: set aside whole, one by one, and the same ones however the input is cut and whoever reads it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod common;

use std::num::NonZeroUsize;

use arrow_array::RecordBatch;
use common::{Files, Kept, list, schema};
use mira_core::schema::{Schema, Type};
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline::{self, PipelineError};
use mira_ingest::source::{BadRow, Header, OnBadRow, Options, Plan, Quote, Source, Spot};
use mira_ingest::store::Unstored;
use proptest::prelude::*;

fn open(files: &Files, block_bytes: usize) -> Source {
    // Nothing is left to guess: random bytes look like anything.
    let spelled = Options {
        encoding: Some("utf-8".parse().unwrap()),
        delimiter: Some(b','),
        quote: Some(Quote::Byte(b'"')),
        header: Header::Yes,
        ..Options::default()
    };
    files.open(Options { on_bad_row: OnBadRow::SetAside, block_bytes, ..spelled }).unwrap()
}

/// Rows as text, one cell after the other, and what was set aside.
fn read(source: &Source, plan: &Plan) -> (Vec<String>, Vec<BadRow>) {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for batch in source.batches(plan) {
        let batch = batch.unwrap();
        bad.extend_from_slice(batch.bad_rows());
        for row in 0..batch.batch().num_rows() {
            rows.push(cells(batch.batch(), row));
        }
    }
    (rows, bad)
}

fn cells(batch: &RecordBatch, row: usize) -> String {
    let mut bytes = Vec::new();
    mira_ingest::rows::RowEncoder::new(batch).unwrap().encode(row, &mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Bad records as `line:byte reason | bytes`.
fn told(bad: &[BadRow]) -> Vec<String> {
    let tell = |bad: &BadRow| {
        let Spot::Text { line, byte } = bad.place.spot else { panic!("no place in a text") };
        format!("{line}:{byte} {} | {}", bad.problem, String::from_utf8_lossy(&bad.bytes))
    };
    bad.iter().map(tell).collect()
}

fn bad_of(name: &str, text: &[u8], given: Option<Schema>) -> (usize, Vec<String>) {
    let files = Files::new(&[(name, text)]);
    let mut last = None;
    for block_bytes in [1, 7, 64, 1 << 20] {
        let source = open(&files, block_bytes);
        let plan = match given.clone() {
            Some(schema) => source.measure(source.under(schema).unwrap()).unwrap(),
            None => source.infer().unwrap(),
        };
        let (rows, bad) = read(&source, &plan);
        let found = (rows.len(), told(&bad));
        assert_eq!(*last.get_or_insert_with(|| found.clone()), found, "blocks of {block_bytes} bytes");
    }
    last.unwrap()
}

#[test]
fn each_kind_of_bad_record_costs_itself_alone() {
    let text = b"id,n\n1,a\n2\n3,b,c\r\n\"x\"y,4\n5,\xff\xfe\n\n6,f\n";
    let (rows, bad) = bad_of("t.csv", text, None);
    assert_eq!(rows, 2);
    assert_eq!(
        bad,
        [
            "3:9 ragged row: 1 fields, header has 2 | 2",
            "4:11 ragged row: 3 fields, header has 2 | 3,b,c",
            "5:18 a closing quote is followed by 'y', expected a delimiter or the end of the line | \"x\"y,4",
            "6:25 not UTF-8 | 5,\u{fffd}\u{fffd}",
        ]
    );
    let text = b"{\"a\":1}\n?onsense\n[1]\n{\"a\":1,\"a\":2}\n{\"a\":\"\xff\"}\r\n{\"a\":2} x\n{\"b\":[{\"c\":1,\"c\":2}]}\n\n{\"a\":3}";
    let (rows, bad) = bad_of("t.ndjson", text, None);
    assert_eq!(rows, 2);
    assert_eq!(
        bad,
        [
            "2:8 not JSON: expected a value | ?onsense",
            "3:17 expected an object, found an array | [1]",
            "4:21 not JSON: a key occurs twice in one object | {\"a\":1,\"a\":2}",
            "5:35 not UTF-8 | {\"a\":\"\u{fffd}\"}",
            "6:46 not JSON: content after the value | {\"a\":2} x",
            "7:56 column \"b\" is not in the schema | {\"b\":[{\"c\":1,\"c\":2}]}",
        ]
    );
}

#[test]
fn a_lost_quote_costs_its_line() {
    let text = b"a,b\n1,\"lost\n2,x\n3,\"kept\nwhole\"\n4,\"twice \"\"\n5,y\n\"6,z\n";
    let (rows, bad) = bad_of("t.csv", text, None);
    assert_eq!(rows, 3, "2, 3 and 5");
    assert_eq!(
        bad,
        [
            "2:4 a quoted field is not closed | 1,\"lost",
            "6:31 a quoted field is not closed | 4,\"twice \"\"",
            "8:47 a quoted field is not closed | \"6,z",
        ]
    );
}

#[test]
fn values_are_bad_under_a_schema_only() {
    let text = b"id,when\n1,2026-01-01\nx,2026-01-01\n3,soon\n18446744073709551615,2026-01-02\ny,later\n";
    let given = schema(&[("when", Type::Date), ("id", Type::Int)]);
    let (rows, bad) = bad_of("t.csv", text, Some(given));
    assert_eq!(rows, 2);
    assert_eq!(
        bad,
        [
            "3:21 column \"id\": not an integer: \"x\" | x,2026-01-01",
            "4:34 column \"when\": not a date as YYYY-MM-DD: \"soon\" | 3,soon",
            "6:73 column \"id\": not an integer: \"y\" | y,later",
        ]
    );
    assert_eq!(bad_of("t.csv", text, None), (5, Vec::new()));

    // What a refused line left behind in nested columns is gone.
    let text = b"{\"a\":[\"x\",\"y\"],\"b\":{\"c\":1}}\n{\"a\":[\"p\",[]],\"b\":{\"c\":2}}\n{\"b\":{\"c\":\"no\"},\"a\":[\"q\"]}\n{\"a\":[\"z\"],\"b\":null}\n";
    let inner = mira_core::schema::Field { name: "c".into(), ty: Type::Int };
    let given = schema(&[("a", list(Type::Text)), ("b", Type::Struct(vec![inner]))]);
    let files = Files::new(&[("t.ndjson", text)]);
    let source = open(&files, 1 << 20);
    let (rows, bad) = read(&source, &source.under(given.clone()).unwrap());
    let good = Files::new(&[("t.ndjson", b"{\"a\":[\"x\",\"y\"],\"b\":{\"c\":1}}\n{\"a\":[\"z\"],\"b\":null}\n")]);
    let good = open(&good, 1 << 20);
    assert_eq!(rows, read(&good, &good.under(given).unwrap()).0);
    assert_eq!(bad.len(), 2);
}

/// `cargo test -p mira-ingest --test bad_rows -- --ignored`
#[test]
#[ignore = "reads some hundred MiB"]
fn a_record_too_long_comes_in_parts() {
    const LIMIT: usize = 64 << 20;
    for (name, head, row) in [("t.csv", "a,b\n", "1,2\n"), ("t.ndjson", "", "{\"a\":1,\"b\":2}\n")] {
        let long = "x".repeat(LIMIT + (3 << 20) + 17);
        let text = format!("{head}{row}{long}\n{row}");
        let files = Files::new(&[(name, text.as_bytes())]);
        for block_bytes in [1 << 20, 3_000_001] {
            let source = open(&files, block_bytes);
            let plan = source.infer().unwrap();
            let (rows, bad) = read(&source, &plan);
            assert_eq!(rows.len(), 2);
            assert_eq!(
                bad.iter().map(|bad| bad.bytes.len()).collect::<Vec<_>>(),
                [LIMIT, 1 << 20, 1 << 20, 1 << 20, 17]
            );
            assert_eq!(bad.iter().map(|bad| bad.continues).collect::<Vec<_>>(), [false, true, true, true, true]);
            assert_eq!(bad.iter().map(|bad| bad.bytes.len()).sum::<usize>(), long.len());
            assert_eq!(
                bad[0].place.spot,
                Spot::Text { line: 2 + u64::from(!head.is_empty()), byte: (head.len() + row.len()) as u64 }
            );
        }
    }
    // A quote that is not closed within the longest record costs its line, and not what follows.
    let text = format!("a,b\n1,\"lost\n{}", "2,3\n".repeat((LIMIT >> 2) + 100));
    let files = Files::new(&[("t.csv", text.as_bytes())]);
    let source = open(&files, 1 << 20);
    let (rows, bad) = read(&source, &source.infer().unwrap());
    assert_eq!(
        (rows.len(), told(&bad)),
        ((LIMIT >> 2) + 100, vec!["2:4 a quoted field is not closed | 1,\"lost".to_owned()])
    );
}

#[test]
fn headers_and_columns_are_never_bad_rows() {
    for text in [&b"a,\"b\n1,2\n"[..], b"a,\xff\n1,2\n", b"\n\n", b"a,a\n1,2\n"] {
        let files = Files::new(&[("t.csv", text)]);
        assert!(open(&files, 64).infer().is_err(), "{text:?}");
    }
    let files = Files::new(&[("t.csv", b"a,b\n\xff,2\n1,2\n")]);
    assert_eq!(open(&files, 64).infer().unwrap().schema().columns().len(), 2);
}

/// The dataset's id, and what was set aside, as the pipeline finds them on so many threads.
fn piped(source: &Source, threads: usize) -> Option<(String, Vec<BadRow>)> {
    let plan = source.infer().ok()?;
    let physical = PhysicalSchema::of_working(plan.arrow()).unwrap();
    let (mut kept, threads) = (Kept::default(), NonZeroUsize::new(threads).unwrap());
    let pieces = source.pieces(&plan);
    let outcome = pipeline::run_pieces(&physical, pieces, |piece| piece.parse(&plan), &Unstored, threads, &mut kept);
    Some((outcome.unwrap().dataset.dataset_id.to_string(), kept.0))
}

/// The same in one pass under a guess, if it holds.
fn guessed(source: &Source, threads: usize) -> Option<(String, Vec<BadRow>)> {
    let guess = source.guess().ok().flatten()?;
    let physical = PhysicalSchema::of_working(guess.plan().arrow()).unwrap();
    let (mut kept, threads) = (Kept::default(), NonZeroUsize::new(threads).unwrap());
    let blocks = source.blocks().map(|block| block.map_err(Into::into));
    match pipeline::run_pieces(&physical, blocks, |block| guess.parse(block), &Unstored, threads, &mut kept) {
        Ok(outcome) => Some((outcome.dataset.dataset_id.to_string(), kept.0)),
        Err(PipelineError::Source(_) | PipelineError::Convert { .. } | PipelineError::Commit(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A line that may be good, and its bytes.
fn csv_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[0-9]{1,3},[a-c]{0,3}".prop_map(String::into_bytes),
        1 => "[0-9]{1,2},\"[a-c,\n]{0,4}\"".prop_map(String::into_bytes),
        1 => "[a-c]{0,2}(,[a-c]{0,2}){0,3}".prop_map(String::into_bytes),
        1 => "[\",ab ]{0,6}".prop_map(String::into_bytes),
        1 => Just(b"7,\xffz".to_vec()),
    ]
}

fn json_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "\\{\"a\":[1-9][0-9]{0,2},\"b\":\"[a-c]{0,3}\"\\}".prop_map(String::into_bytes),
        1 => "\\{\"a\":[1-9],\"a\":[1-9]\\}".prop_map(String::into_bytes),
        1 => "[\\{\\}\":a1,]{0,6}".prop_map(String::into_bytes),
        1 => Just(b"{\"b\":\"\xff\"}".to_vec()),
        1 => Just(b"{\"a\":{\"z\":".to_vec()),
    ]
}

/// Every byte that is not the end of a line belongs to a row or to a bad record, and nothing belongs to both.
fn accounts_for_all(source: &Source, text: &[u8], head: usize) -> Result<(), TestCaseError> {
    let Ok(plan) = source.infer() else { return Ok(()) };
    let mut starts = Vec::new();
    for batch in source.batches(&plan) {
        let batch = batch.unwrap();
        for row in 0..batch.batch().num_rows() {
            let Spot::Text { byte, line } = batch.place(row).spot else { panic!("a row of a text has a byte") };
            starts.push((usize::try_from(byte).unwrap(), line, None));
        }
        for bad in batch.bad_rows() {
            let Spot::Text { byte, line } = bad.place.spot else { panic!("a bad row has a byte") };
            let start = usize::try_from(byte).unwrap();
            prop_assert_eq!(&text[start..start + bad.bytes.len()], &bad.bytes[..]);
            starts.push((start, line, Some(bad.bytes.len())));
        }
    }
    starts.sort_unstable();
    let mut at = head;
    for (index, &(start, line, len)) in starts.iter().enumerate() {
        let between = &text[at..start];
        prop_assert!(between.iter().all(|byte| byte.is_ascii_whitespace()), "{:?} before {}", between, start);
        let lines = text[..start].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        prop_assert_eq!(line, lines);
        // A good row goes on to the next record; that it is read right is what the row says.
        let next = starts.get(index + 1).map_or(text.len(), |next| next.0);
        at = len.map_or(next, |len| start + len);
        prop_assert!(at <= next);
    }
    prop_assert!(text[at..].iter().all(|byte| byte.is_ascii_whitespace()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn csv_is_the_same_however_it_is_cut(
        lines in prop::collection::vec(csv_line(), 1..60),
        ends in prop::sample::select(vec![&b"\n"[..], b"\r\n"]),
        block_bytes in 1_usize..300,
    ) {
        let text = [&b"a,b\n"[..], &lines.join(ends), ends].concat();
        let files = Files::new(&[("t.csv", &text)]);
        accounts_for_all(&open(&files, block_bytes), &text, 4)?;
        let whole = piped(&open(&files, 1 << 20), 1);
        prop_assert_eq!(&piped(&open(&files, block_bytes), 4), &whole);
        if let Some(guessed) = guessed(&open(&files, block_bytes), 4) {
            prop_assert_eq!(Some(guessed), whole);
        }
    }

    #[test]
    fn ndjson_is_the_same_however_it_is_cut(
        lines in prop::collection::vec(json_line(), 1..60),
        block_bytes in 1_usize..300,
    ) {
        let text = [lines.join(&b"\n"[..]), b"\n".to_vec()].concat();
        let files = Files::new(&[("t.ndjson", &text)]);
        accounts_for_all(&open(&files, block_bytes), &text, 0)?;
        prop_assert_eq!(piped(&open(&files, block_bytes), 4), piped(&open(&files, 1 << 20), 1));
    }

    /// Under a schema that random cells often break, good rows are those that alone would be read.
    #[test]
    fn a_schema_takes_what_it_would_take_alone(
        cells in prop::collection::vec(("[0-9x]{1,2}", "(1|2|\\[\\]|\\[1,2\\]|\\[1,\"\"|\\[\"\"\\])"), 1..50),
        block_bytes in 1_usize..200,
    ) {
        let given = schema(&[("a", Type::Int), ("b", list(Type::Int))]);
        let line = |(a, b): &(String, String)| format!("{a},\"{}\"\n", b.replace('"', "\"\""));
        let rows_of = |text: &str, block_bytes| {
            let files = Files::new(&[("t.csv", text.as_bytes())]);
            let source = open(&files, block_bytes);
            read(&source, &source.under(given.clone()).unwrap())
        };
        let lines: Vec<String> = cells.iter().map(line).collect();
        let (rows, bad) = rows_of(&format!("a,b\n{}", lines.concat()), block_bytes);
        let alone: Vec<_> = lines.iter().map(|line| rows_of(&format!("a,b\n{line}"), 1 << 20)).collect();
        prop_assert_eq!(rows, alone.iter().flat_map(|(rows, _)| rows.clone()).collect::<Vec<_>>());
        let reasons = |bad: &[BadRow]| bad.iter().map(|bad| (bad.problem.to_string(), bad.bytes.clone())).collect::<Vec<_>>();
        prop_assert_eq!(reasons(&bad), alone.iter().flat_map(|(_, bad)| reasons(bad)).collect::<Vec<_>>());
    }
}
