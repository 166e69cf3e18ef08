//! Text in any encoding, told or found out: the same lines wherever it is cut, and nothing becomes U+FFFD that is not there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_ingest::source::{Encoding, Format, Options, Source};
use mira_ingest_fuzz::{file, rows, told};

const LABELS: [&str; 16] = [
    "",
    "utf-8",
    "utf-16",
    "utf-16le",
    "utf-16be",
    "ascii",
    "iso-8859-1",
    "windows-1252",
    "windows-1253",
    "big5",
    "gbk",
    "gb18030",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "iso-2022-jp",
];

// A byte for the encoding, one for the length of the blocks, and the text.
fuzz_target!(|data: &[u8]| {
    let Some(([label, blocks], content)) = data.split_first_chunk::<2>() else { return };
    let encoding: Option<Encoding> = LABELS[usize::from(*label) % LABELS.len()].parse().ok();
    let path = file("x.txt", content);
    let options = Options { format: Some(Format::Lines), encoding, ..Options::default() };
    let read = |options| {
        let source = Source::open(&[path.clone()], options).map_err(told)?;
        let plan = source.infer().map_err(told)?;
        rows(&source, &plan).map_err(told)
    };
    let whole = read(options.clone());
    let cut = read(Options { block_bytes: usize::from(*blocks) + 1, ..options });
    // Which of several faults is told may depend on the cut. Whether there is one does not.
    assert_eq!(whole.as_ref().ok(), cut.as_ref().ok());
    // Bytes that stand for this character are there in UTF-8, UTF-16 and GB 18030 only, and are no error where they are.
    const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
    let has = |bytes: &[u8]| content.windows(bytes.len()).any(|window| window == bytes);
    let is_written = has(REPLACEMENT) || has(&[0xff, 0xfd]) || has(&[0xfd, 0xff]) || has(&[0x84, 0x31, 0xa4, 0x37]);
    if !is_written {
        let rows = whole.unwrap_or_default();
        assert!(!rows.iter().any(|row| row.windows(3).any(|window| window == REPLACEMENT)));
    }
});
