//! What the scan finds, what it must not find, and how fast it is.
//!
//! The measurement prints the tables of `src/scan/README.md`:
//!
//! ```sh
//! cargo test --locked -p mira-ingest --test scan -- --ignored --nocapture
//! ```

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod made;
mod measure;
mod vectors;

use arrow_array::StringArray;
use made::{Random, made, near_misses};
use mira_ingest::scan::{Findings, Kind, Scanner};
use proptest::prelude::*;

fn scanned(texts: &[String]) -> Findings {
    let mut findings = Findings::default();
    Scanner::new().scan(&StringArray::from_iter_values(texts), &mut findings);
    findings
}

#[test]
fn every_kind_is_found_wherever_it_stands() {
    let mut random = Random(1);
    for kind in Kind::ALL {
        let mut texts = Vec::new();
        for _ in 0..100 {
            let value = made(*kind, &mut random);
            texts.extend([
                value.clone(),
                format!("see {value} for it"),
                format!("(\"{value}\")"),
                format!("first line\n{value}\nlast"),
            ]);
        }
        let found = scanned(&texts);
        let count = found.iter().find(|(found, _)| found == kind).map_or(0, |(_, values)| values);
        assert_eq!(
            count,
            texts.len() as u64,
            "{kind}: {:?}",
            texts.iter().find(|text| { !scanned(std::slice::from_ref(*text)).iter().any(|(found, _)| found == *kind) })
        );
    }
}

#[test]
fn what_only_looks_like_it_is_passed_over() {
    for text in near_misses() {
        let found = scanned(&[(*text).to_owned()]);
        assert!(found.is_empty(), "{text:?}: {found:?}");
    }
}

#[test]
fn nulls_are_not_looked_into() {
    let mut findings = Findings::default();
    let column = StringArray::from(vec![None, Some("ada@mail.sample-site.org"), Some(""), None]).slice(1, 3);
    Scanner::new().scan(&column, &mut findings);
    assert_eq!(findings.iter().collect::<Vec<_>>(), [(Kind::Email, 1)]);
}

/// Pieces from which texts are put together that are nearly, or wholly, what the rules look for.
const PIECES: [&str; 24] = [
    "password",
    "secret",
    "api_key",
    "=",
    ": ",
    " ",
    "\"",
    "sk-ant-api03-",
    "AKIA",
    "ghp_",
    "eyJ",
    "-----BEGIN ",
    "@",
    "ada",
    ".org",
    "+",
    "4539 1488 0343 6467",
    "DE89 3704 0044 0532 0130 00",
    "81.2.69.142",
    "2a00:1450:4001:81b::200e",
    "x9Kq2mV7pL4t",
    "078-05-1120",
    "é",
    "\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// The cheap passes over a column pass nothing over that the rules would find in a value.
    #[test]
    fn the_prefilter_loses_nothing(seed: u64, count in 1_usize..60) {
        let mut random = Random(seed);
        let text = |random: &mut Random| {
            let mut text = String::new();
            for _ in 0..random.below(8) {
                match random.below(3) {
                    0 => text.push_str(&made(Kind::ALL[random.below(Kind::ALL.len())], random)),
                    1 => text.push_str(PIECES[random.below(PIECES.len())]),
                    // Long values, so that one spans several of the stretches that are looked at.
                    _ => text.push_str(&"word 1 ".repeat(random.below(900))),
                }
            }
            text
        };
        let texts: Vec<String> = (0..count).map(|_| text(&mut random)).collect();
        let (scanner, mut expected) = (Scanner::new(), Findings::default());
        texts.iter().for_each(|text| scanner.scan_text(text, &mut expected));
        prop_assert_eq!(scanned(&texts), expected);
        // Also of a slice, whose bytes do not begin with the buffer's.
        let from = random.below(count);
        let mut expected = Findings::default();
        texts[from..].iter().for_each(|text| scanner.scan_text(text, &mut expected));
        let mut findings = Findings::default();
        Scanner::new().scan(&StringArray::from_iter_values(&texts).slice(from, count - from), &mut findings);
        prop_assert_eq!(findings, expected);
    }
}
