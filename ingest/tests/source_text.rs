//! Text in every encoding and every spelling of CSV: the same rows, or an error that says where and why.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod common;

use std::fs;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use mira_ingest::source::{Findings, Format, Header, Options, Problem, Quote, Source, SourceError, Spelling, Spot};

use common::{Files, rows};

type Read = (String, Vec<Vec<Option<String>>>, Findings);

fn open(source: Result<Source, SourceError>) -> Result<Read, SourceError> {
    let source = source?;
    let plan = source.infer()?;
    let batch = rows(&source, &plan)?;
    Ok((plan.schema().to_string(), texts(&batch), source.findings()))
}

/// Text cells as they are, others as their debug form.
fn texts(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let cell = |column: usize, row: usize| {
        let column = batch.column(column);
        match column.as_string_opt::<i32>() {
            _ if column.is_null(row) => None,
            Some(text) => Some(text.value(row).to_owned()),
            None => Some(format!("{:?}", column.slice(row, 1)).lines().nth(2).unwrap_or_default().trim().to_owned()),
        }
    };
    (0..batch.num_rows()).map(|row| (0..batch.num_columns()).map(|column| cell(column, row)).collect()).collect()
}

fn read(name: &str, bytes: &[u8], options: Options) -> Result<Read, SourceError> {
    open(Files::new(&[(name, bytes)]).open(options))
}

fn cells(name: &str, bytes: &[u8], options: Options) -> Vec<Vec<Option<String>>> {
    read(name, bytes, options).unwrap_or_else(|error| panic!("{error:?}")).1
}

fn spelled(bytes: &[u8]) -> Spelling {
    read("t.csv", bytes, Options::default()).unwrap().2.spelling.unwrap()
}

fn refusal(bytes: &[u8], options: Options) -> (u64, u64, Problem) {
    let error = read("t.csv", bytes, options).unwrap_err();
    match error.place().map(|place| place.spot) {
        Some(Spot::Text { line, byte }) => (line, byte, error.problem().unwrap().clone()),
        other => panic!("{other:?} in {error:?}"),
    }
}

fn in_encoding(label: &str) -> Options {
    Options { encoding: Some(label.parse().unwrap()), ..Options::default() }
}

fn utf16(text: &str, mark: bool, to: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = mark.then_some('\u{feff}').into_iter();
    mark.chain(text.chars()).collect::<String>().encode_utf16().flat_map(to).collect()
}

const WORDS: &str = "name;city\r\nZoë;Besançon\r\n\"Ann;\r\né\";Orléans\r\n";

#[test]
fn encodings_hold_the_same_rows() {
    let expected = cells("t.csv", WORDS.as_bytes(), Options::default());
    assert_eq!(expected[1][0].as_deref(), Some("Ann;\r\né"));
    let latin: Vec<u8> = WORDS.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (bytes, encoding, is_guess) in [
        ([b"\xef\xbb\xbf", WORDS.as_bytes()].concat(), "utf-8", false),
        (utf16(WORDS, true, u16::to_le_bytes), "utf-16le", false),
        (utf16(WORDS, true, u16::to_be_bytes), "utf-16be", false),
        (utf16(WORDS, false, u16::to_le_bytes), "utf-16le", true),
        (utf16(WORDS, false, u16::to_be_bytes), "utf-16be", true),
        (latin.clone(), "windows-1252", true),
    ] {
        for name in ["t.csv", "t"] {
            let (_, found, findings) = read(name, &bytes, Options::default()).unwrap();
            assert_eq!(found, expected, "{encoding}");
            assert_eq!(findings.encodings.keys().collect::<Vec<_>>(), [encoding]);
            assert_eq!((findings.is_guess, findings.format), (is_guess, Format::Csv), "{encoding}");
        }
    }
    for label in ["latin1", "windows-1252", "iso-8859-15", "cp1252"] {
        assert_eq!(cells("t.csv", &latin, in_encoding(label)), expected, "{label}");
    }
    // Blocks of every size, so that characters and records are cut everywhere.
    let long = format!("a;b\n{}", "né;\"x\ny\"\n日本;z\n".repeat(200));
    let expected = cells("t.csv", long.as_bytes(), Options::default());
    for block_bytes in [1, 7, 64, 1000] {
        let bytes = utf16(&long, true, u16::to_be_bytes);
        assert_eq!(cells("t.csv", &bytes, Options { block_bytes, ..Options::default() }), expected);
    }
}

#[test]
fn ndjson_is_unicode_unless_told_otherwise() {
    let text = "{\"a\":\"Zoë\"}\n{\"a\":\"日本\"}\n";
    let expected = cells("t.ndjson", text.as_bytes(), Options::default());
    assert_eq!(cells("t.ndjson", &utf16(text, true, u16::to_le_bytes), Options::default()), expected);
    assert_eq!(cells("t", &utf16(text, false, u16::to_be_bytes), Options::default()), expected);
    let latin = b"{\"name\":\"Zo\xeb de Besan\xe7on\"}\n";
    let error = read("t.ndjson", latin, Options::default()).unwrap_err();
    assert_eq!(error.problem(), Some(&Problem::Utf8), "JSON is UTF-8: nothing is guessed");
    assert_eq!(cells("t.ndjson", latin, in_encoding("latin1"))[0][0].as_deref(), Some("Zoë de Besançon"));
}

#[test]
fn what_means_nothing_is_an_error_with_a_place() {
    let malformed = |encoding: &str, byte| Problem::Malformed { encoding: encoding.to_owned(), byte };
    // The place counts decoded text, in which é takes two bytes; the problem counts bytes of the file.
    assert_eq!(refusal(b"a,b\n\xe9,1\nx,\x81\n", in_encoding("windows-1252")), (3, 11, malformed("windows-1252", 10)));
    let lone = [utf16("a,b\nx,", true, u16::to_le_bytes), vec![0, 0xd8, b'\n', 0]].concat();
    assert_eq!(refusal(&lone, Options::default()), (2, 6, malformed("utf-16le", 14)));
    assert_eq!(refusal(b"a,b\n1,\xe9\n", in_encoding("ascii")), (2, 6, malformed("us-ascii", 6)));
    // UTF-8 at the start is UTF-8 to the end, however the rest looks.
    let late = format!("a,b\n{}", "1,plain\n".repeat(20_000));
    let late = [late.as_bytes(), b"2,Besan\xe7on\n"].concat();
    assert_eq!(refusal(&late, Options::default()), (20_002, late.len() as u64 - 4, Problem::Utf8));
    assert_eq!(cells("t.csv", &late, in_encoding("windows-1252")).last().unwrap()[1].as_deref(), Some("Besançon"));
    for (bytes, options) in [
        (&b"\xff\xfe\0\0a\0\0\0"[..], Options::default()),
        (b"\xef\xbb\xbfa,b\n", in_encoding("windows-1252")),
        (b"\xff\xfea\0", in_encoding("utf-8")),
    ] {
        let error = read("t.csv", bytes, options).unwrap_err();
        assert!(matches!(error.problem(), Some(Problem::Unread { .. } | Problem::Mark { .. })), "{error:?}");
    }
}

#[test]
fn each_file_has_its_own_encoding() {
    let french = "id,ville\n1,Besançon\n2,Orléans\n";
    let latin: Vec<u8> = french.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let wide = utf16(french, true, u16::to_le_bytes);
    let files = Files::new(&[("1.csv", french.as_bytes()), ("2.csv", &latin), ("3.csv", &wide)]);
    let (_, found, findings) = open(files.open(Options::default())).unwrap();
    assert_eq!(found[0..2], found[2..4]);
    assert_eq!(found[0..2], found[4..6]);
    assert_eq!(findings.encodings.values().collect::<Vec<_>>(), [&1, &1, &1]);
    let line = findings.to_string();
    assert!(line.starts_with("csv, utf-16le and utf-8 and windows-1252 (guessed), delimiter ','"), "{line}");
}

#[test]
fn spellings_are_found_and_can_be_told() {
    let spelling = |delimiter, quote| Spelling { delimiter, quote, has_header: true };
    assert_eq!(spelled(b"a;b\n1,5;2\n"), spelling(';', Some('"')));
    assert_eq!(spelled(b"a|b\n1|2\n"), spelling('|', Some('"')));
    assert_eq!(spelled(b"a\tb\n1\t2\n"), spelling('\t', Some('"')));
    assert_eq!(spelled(b"a,b\n'x,y',2\n"), spelling(',', Some('\'')));
    let some = |text: &str| Some(text.to_owned());
    let quoted = b"a,b\n'it''s, ok',\"x\"\n'',y\n";
    let single = Options { quote: Some(Quote::Byte(b'\'')), ..Options::default() };
    assert_eq!(cells("t.csv", quoted, single), [[some("it's, ok"), some("\"x\"")], [some(""), some("y")]]);
    let none = Options { quote: Some(Quote::None), ..Options::default() };
    assert_eq!(cells("t.csv", b"a,b\n\"x,y\n", none.clone()), [[some("\"x"), some("y")]]);
    assert_eq!(cells("t.csv", b"a,b\n\"\",\"\"\"\n", none), [[some("\"\""), some("\"\"\"")]]);
    assert_eq!(cells("t.csv", b"sep=;\r\na;b\r\nx;y\r\n", Options::default()), [[some("x"), some("y")]]);
    let error = read("t.csv", b"sep=;\na;b\nx\n", Options::default()).unwrap_err();
    assert!(error.place().unwrap().to_string().ends_with("t.csv:3 (byte 10)"), "{error:?}");
    for quote in [b'\n', 0x80] {
        let options = Options { quote: Some(Quote::Byte(quote)), ..Options::default() };
        assert!(matches!(read("t.csv", b"a\n1\n", options), Err(SourceError::Quote { .. })));
    }
    let both = Options { delimiter: Some(b'\''), quote: Some(Quote::Byte(b'\'')), ..Options::default() };
    assert!(matches!(read("t.csv", b"a\n1\n", both), Err(SourceError::Delimiter { .. })));
}

#[test]
fn a_header_is_found_wherever_blocks_are_cut() {
    let blank = "\n\r\n\r".repeat(20);
    let texts = [
        format!("{blank}a,b\n1,2\n"),
        format!("sep=,\n{blank}a,b\n1,2\n"),
        "sep=,\r\n\ra,b\r1,2".to_owned(),
        format!("\u{feff}\n{blank}\"a\",b\n\n1,2\n"),
        // Another separator than the one that was given is the name of a column.
        "sep=;,b\n1,2\n".to_owned(),
    ];
    for text in &texts {
        for header in [Header::Yes, Header::No] {
            let read = |block_bytes| {
                let options = Options { delimiter: Some(b','), header, block_bytes, ..Options::default() };
                read("t.csv", text.as_bytes(), options)
                    .map(|(schema, rows, _)| (schema, rows))
                    .map_err(|error| error.to_string())
            };
            let whole = read(1 << 20);
            assert_eq!(
                whole.as_ref().map(|(_, rows)| rows.len()),
                Ok(if header == Header::Yes { 1 } else { 2 }),
                "{text:?}"
            );
            for block_bytes in 1..12 {
                assert_eq!(read(block_bytes), whole, "{text:?} in {block_bytes}");
            }
        }
    }
    // Nothing but blank lines is no table, wherever they are cut.
    for block_bytes in [1, 7, 1 << 20] {
        let options = Options { delimiter: Some(b','), block_bytes, ..Options::default() };
        assert_eq!(refusal(blank.as_bytes(), options), (42, 80, Problem::NoHeader));
    }
}

#[test]
fn a_header_is_there_unless_told_otherwise() {
    let with = |header| Options { header, ..Options::default() };
    let numbers = b"1,2.5\n3,4.5\n";
    let (schema, found, findings) = read("t.csv", numbers, with(Header::Yes)).unwrap();
    assert_eq!((schema.as_str(), found.len()), (r#"[["1","int"],["2.5","float"]]"#, 1));
    assert!(findings.notes[0].contains("--header no"), "{:?}", findings.notes);
    for header in [Header::No, Header::Auto] {
        let (schema, found, findings) = read("t.csv", numbers, with(header)).unwrap();
        assert_eq!((schema.as_str(), found.len()), (r#"[["c1","int"],["c2","float"]]"#, 2));
        assert!(findings.notes.is_empty());
    }
    let (schema, found, _) = read("t.csv", b"a,b\n1,2\n", with(Header::Auto)).unwrap();
    assert_eq!((schema.as_str(), found.len()), (r#"[["a","int"],["b","int"]]"#, 1));
    let (schema, found, _) = read("t.csv", b"\n\na,a\n\n1,2\n", with(Header::No)).unwrap();
    assert_eq!((schema.as_str(), found.len()), (r#"[["c1","text"],["c2","text"]]"#, 2));
    assert_eq!(read("t.csv", b"x\n\ny\n", with(Header::No)).unwrap().1.len(), 3, "one column: a blank line is null");
    let files = Files::new(&[("1.csv", b"1,2\n".as_slice()), ("2.csv", b"3,4\n5,6\n")]);
    assert_eq!(open(files.open(with(Header::No))).unwrap().1.len(), 3);
    let files = Files::new(&[("1.csv", b"1,2\n".as_slice()), ("2.csv", b"3,4,5\n")]);
    let error = open(files.open(with(Header::No))).unwrap_err();
    assert!(error.to_string().contains("c3") && error.place().unwrap().file.ends_with("2.csv"), "{error:?}");
}

#[test]
fn the_first_64_kib_of_text_tell_the_delimiter() {
    // A comma fits all records but the last, which ends with the 64 KiB.
    let (header, last) = ("a,b;c\n", "1;2\n");
    let rows = "1,2;3\n".repeat((65_536 - header.len() - last.len()) / 6);
    let text = format!("{header}{}{rows}{last}", "\n".repeat(65_536 - header.len() - rows.len() - last.len()));
    assert_eq!(text.len(), 65_536);
    for mark in ["", "\u{feff}"] {
        let read = |text: &str| read("t.csv", format!("{mark}{text}1;2\n").as_bytes(), Options::default());
        assert_eq!(read(&text).unwrap().0, r#"[["a,b","text"],["c","int"]]"#);
        let error = read(&text.replacen('\n', "\n\n", 1)).unwrap_err();
        assert!(error.to_string().contains("ragged row"), "one byte later it tells nothing: {error}");
    }
}

#[test]
fn line_ends_may_be_mixed() {
    let some = |text: &str| Some(text.to_owned());
    let expected =
        [[some("1x"), some("a\r\nb")], [some("2x"), some("c\rd")], [some("3x"), some("e\nf")], [some("4x"), None]];
    let text = "n,t\r1x,\"a\r\nb\"\n2x,\"c\rd\"\r\n3x,\"e\nf\"\r4x,";
    for block_bytes in 1..40 {
        let options = Options { block_bytes, ..Options::default() };
        assert_eq!(cells("t.csv", text.as_bytes(), options), expected, "blocks of {block_bytes}");
    }
}

#[test]
fn identifiers_stay_text_and_numbers_exact() {
    let column = |values: &[&str]| {
        let lines: String = values.iter().map(|value| format!("{value},\n")).collect();
        let (schema, found, _) = read("t.csv", format!("x,y\n{lines}").as_bytes(), Options::default()).unwrap();
        let ty = schema.strip_prefix("[[\"x\",").unwrap().strip_suffix("],[\"y\",\"text\"]]").unwrap().to_owned();
        (ty, found.into_iter().map(|row| row[0].clone().unwrap()).collect::<Vec<_>>())
    };
    for values in [
        &["007"][..],
        &["00"],
        &["12", "0123"],
        &["-07"],
        &["+1"],
        &["01234-5678", "02139"],
        &["+49 30 1234567"],
        &["0049301234567"],
        &["00.5"],
        &["007e5"],
        &["0x1f"],
        &["1_000"],
        &["1,5".trim_end_matches(",5"), "01"],
    ] {
        assert_eq!(
            column(values),
            (r#""text""#.to_owned(), values.iter().map(|v| (*v).to_owned()).collect()),
            "{values:?}"
        );
    }
    for (values, ty) in [
        (&["0", "-1"][..], r#""int""#),
        (&["9223372036854775807", "-9223372036854775808"], r#""int""#),
        (&["18446744073709551615"], r#""int""#),
        (&["1e5"], r#""float""#),
        (&["0.1", "12345678901234567890.123456789012345678"], r#"["decimal",18]"#),
        (&["99999999999999999999999999999999999999"], r#"["decimal",0]"#),
    ] {
        assert_eq!(column(values).0, ty, "{values:?}");
    }
}

#[test]
fn columns_match_by_name_across_files() {
    let some = |text: &str| Some(text.to_owned());
    let files = Files::new(&[("1.csv", b"a,b\nx,y\n".as_slice()), ("2.csv", b"b,a\nY,X\n")]);
    assert_eq!(open(files.open(Options::default())).unwrap().1, [[some("x"), some("y")], [some("X"), some("Y")]]);
    for (other, says) in [
        (&b"a,c\n1,2\n"[..], "\"b\" is missing"),
        (b"a,b,c\n1,2,3\n", "\"c\" is not in the schema"),
        (b"a\n1\n", "\"b\" is missing"),
    ] {
        let files = Files::new(&[("1.csv", b"a,b\nx,y\n".as_slice()), ("2.csv", other)]);
        let error = open(files.open(Options::default())).unwrap_err();
        assert!(error.to_string().contains(says) && error.place().unwrap().file.ends_with("2.csv"), "{error:?}");
    }
}

#[test]
fn patterns_match_in_the_order_of_bytes() {
    let row: &[u8] = b"a\n1\n";
    let files = Files::new(&[
        ("d/b.csv", row),
        ("d/a.csv", row),
        ("d/B.csv", row),
        ("d/.hidden.csv", row),
        ("d/deep/er/c.csv", row),
        ("d/deep/c.tsv", row),
        ("e/a.csv", row),
        ("[x].csv", row),
    ]);
    let root = files.directory.path();
    let names = |pattern: &str| -> Result<Vec<String>, SourceError> {
        let source = Source::open(&[root.join(pattern)], Options { format: Some(Format::Csv), ..Options::default() })?;
        let short = |path: &std::path::Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        Ok(source.files().map(short).collect())
    };
    assert_eq!(names("d/*.csv").unwrap(), ["d/B.csv", "d/a.csv", "d/b.csv"]);
    assert_eq!(names("?/a.csv").unwrap(), ["d/a.csv", "e/a.csv"]);
    assert_eq!(names("d/[ab].csv").unwrap(), ["d/a.csv", "d/b.csv"]);
    assert_eq!(names("**/c.*").unwrap(), ["d/deep/c.tsv", "d/deep/er/c.csv"]);
    assert_eq!(names("d/**/*.csv").unwrap(), ["d/B.csv", "d/a.csv", "d/b.csv", "d/deep/er/c.csv"]);
    assert_eq!(names("**/**/a.csv").unwrap(), ["d/a.csv", "e/a.csv"], "each file once");
    assert_eq!(names("d/deep/**").unwrap(), ["d/deep/c.tsv", "d/deep/er/c.csv"]);
    assert_eq!(names("d/*").unwrap().len(), 5, "directories are taken whole");
    assert_eq!(names("[x].csv").unwrap(), ["[x].csv"], "a file of that name comes first");
    assert_eq!(names("d/.h*").unwrap(), ["d/.hidden.csv"]);
    assert!(matches!(names("d/*.parquet"), Err(SourceError::NoMatch { .. })));
    assert!(matches!(names("nowhere/*"), Err(SourceError::NoMatch { .. })));
    assert!(matches!(names("d/[a.csv"), Err(SourceError::Pattern { .. })));
}

#[cfg(unix)]
#[test]
fn links_and_devices_are_refused() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let files = Files::new(&[("d/a.csv", b"a\n1\n".as_slice())]);
    let root = files.directory.path();
    let open = |path: PathBuf| Source::open(&[path], Options::default());
    symlink(root.join("d/a.csv"), root.join("d/link.csv")).unwrap();
    assert_eq!(open(root.join("d")).unwrap().files().len(), 2, "a link to a file is that file");
    symlink(root.join("d"), root.join("d/loop")).unwrap();
    assert!(matches!(open(root.join("d")), Err(SourceError::NotAFile { path }) if path.ends_with("d/loop")));
    assert_eq!(open(root.join("**/a.csv")).unwrap().files().len(), 1, "a pattern does not follow it either");
    fs::remove_file(root.join("d/loop")).unwrap();
    symlink(root.join("d/gone"), root.join("d/dangling.csv")).unwrap();
    assert!(matches!(open(root.join("d")), Err(SourceError::Io { .. })));
    fs::remove_file(root.join("d/dangling.csv")).unwrap();
    let _socket = UnixListener::bind(root.join("d/socket.csv")).unwrap();
    assert!(matches!(open(root.join("d")), Err(SourceError::NotAFile { .. })));
    assert!(matches!(open(PathBuf::from("/dev/null")), Err(SourceError::NotAFile { .. })));
    let fifo = root.join("fifo.csv");
    if std::process::Command::new("mkfifo").arg(&fifo).status().is_ok_and(|status| status.success()) {
        assert!(matches!(open(fifo), Err(SourceError::NotAFile { .. })), "nobody waits for a writer");
    }
}
