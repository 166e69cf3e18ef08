//! Bytes to text, lines, blank lines and headers of CSV.

use data_encoding::HEXLOWER;

use crate::case::{Case, csv, ndjson};

const TWO: &str = r#"[["a","int"],["b","int"]]"#;
const ONE: &str = r#"[["a","int"]]"#;
const ONE_TEXT: &str = r#"[["a","text"]]"#;

const GZIP: &str = "1f8b08000000000002034bd449e232d40100566e661e06000000";
const GZIP_MORE: &str = "1f8b080000000000020333e232d631e1020086edf63a06000000";
const BZIP2: &str = "425a6839314159265359bf87407f00000359000010000430003000200030c00869b28823278bb9229c28485fc3a03f80";
const BZIP2_MORE: &str = "425a68393141592653592d9fe7360000015800001000040c002000219a68334d173c5dc914e14240b67f9cd8";

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

pub(crate) fn lines() -> Vec<Case> {
    [ends(), texts(), packings(), blank()].into_iter().flatten().collect()
}

fn ends() -> Vec<Case> {
    let two = ["1, 2", "3, 4"];
    vec![
        csv("lf", "nothing follows the last line", "a,b\n1,2\n3,4\n").reads(TWO, &two),
        csv("crlf", "both are the end of a line", "a,b\r\n1,2\r\n3,4\r\n").reads(TWO, &two),
        csv("cr", "a CR alone is one too", "a,b\r1,2\r3,4\r").reads(TWO, &two),
        csv("mixed", "each line has its own", "a,b\r1,2\r\n3,4\n5,6").reads(TWO, &["1, 2", "3, 4", "5, 6"]),
        csv("lf_cr", "in this order they are two ends", "a\n1\n\r2\n").reads(ONE, &["1", "null", "2"]),
        csv("no_last_end", "the last line need not have one", "a,b\n1,2\n3,4").reads(TWO, &two),
    ]
}

fn texts() -> Vec<Case> {
    let text = "a,b\né,2\n";
    let (schema, rows) = (r#"[["a","text"],["b","int"]]"#, [r#""é", 2"#]);
    vec![
        csv("mark", "it is no part of the text", "\u{feff}a,b\n1,2\n").reads(TWO, &["1, 2"]),
        csv("mark_before_quote", "the quote is the first character", "\u{feff}\"a\",b\n1,2\n").reads(TWO, &["1, 2"]),
        csv("two_marks", "one of them is text", "\u{feff}\u{feff}a,b\n1,2\n")
            .reads("[[\"\u{feff}a\",\"int\"],[\"b\",\"int\"]]", &["1, 2"]),
        csv("utf16_le", "as its mark says", utf16(&format!("\u{feff}{text}"), u16::to_le_bytes)).reads(schema, &rows),
        csv("utf16_be", "as its mark says", utf16(&format!("\u{feff}{text}"), u16::to_be_bytes)).reads(schema, &rows),
        csv("utf16_le_unmarked", "one byte of each unit is zero", utf16(text, u16::to_le_bytes)).reads(schema, &rows),
        csv("utf16_be_unmarked", "one byte of each unit is zero", utf16(text, u16::to_be_bytes)).reads(schema, &rows),
        csv("utf16_lone_surrogate", "nothing becomes U+FFFD", b"\xff\xfea\0\n\0\x00\xd8\n\0"),
        ndjson("not_utf8", "the encoding of JSON is never guessed", b"{\"a\":\"\xe9\"}\n"),
        ndjson("utf8_too_long", "U+0000 in two bytes is no UTF-8", b"{\"a\":\"\xc0\x80\"}\n"),
        ndjson("utf8_surrogate", "U+D800 is no character", b"{\"a\":\"\xed\xa0\x80\"}\n"),
    ]
}

fn packings() -> Vec<Case> {
    let both = ["1, 2", "3, 4"];
    vec![
        csv("gzip", "two members are one text", bytes(&format!("{GZIP}{GZIP_MORE}"))).reads(TWO, &both),
        csv("gzip_cut", "the stream is cut short", bytes(GZIP.get(..44).unwrap())),
        csv("gzip_and_more", "what follows is no member", bytes(&format!("{GZIP}78"))),
        csv("bzip2", "two streams are one text", bytes(&format!("{BZIP2}{BZIP2_MORE}"))).reads(TWO, &both),
        csv("bzip2_cut", "the stream is cut short", bytes(BZIP2.get(..80).unwrap())),
    ]
}

fn blank() -> Vec<Case> {
    vec![
        csv("blank_many", "skipped if there are several columns", "a,b\n\n1,2\n\r\n\n3,4\n\n")
            .reads(TWO, &["1, 2", "3, 4"]),
        csv("blank_one", "null rows if there is one column", "a\n1\n\n2\n\n").reads(ONE, &["1", "null", "2", "null"]),
        csv("blank_before_header_many", "skipped", "\n\r\na,b\n1,2\n").reads(TWO, &["1, 2"]),
        csv("blank_before_header_one", "skipped, and no null rows", "\n\na\n1\n").reads(ONE, &["1"]),
        csv("spaces_one", "a line of spaces is not blank", "a\n \n").reads(ONE_TEXT, &[r#"" ""#]),
        csv("spaces_many", "nor is it a record of two fields", "a,b\n \n1,2\n"),
        csv("quotes_one", "empty text is not blank", "a\n\"\"\n\n").reads(ONE_TEXT, &[r#""""#, "null"]),
        csv("quotes_many", "nor is it a record of two fields", "a,b\n\"\"\n1,2\n"),
        csv("blank_first_row_one", "without a header, null rows from the start", "\n1\n\n2\n")
            .without_header()
            .reads(r#"[["c1","int"]]"#, &["null", "1", "null", "2"]),
        csv("blank_first_row_many", "without a header, skipped from the start", "\n1,2\n\n3,4\n")
            .without_header()
            .reads(r#"[["c1","int"],["c2","int"]]"#, &["1, 2", "3, 4"]),
    ]
}

pub(crate) fn headers() -> Vec<Case> {
    let no_header = r#"[["c1","text"],["c2","text"]]"#;
    vec![
        csv("repeated", "a name stands for one column", "a,b,a\n1,2,3\n"),
        csv("repeated_quoted", "quotes make no other name", "a,\"a\"\n1,2\n"),
        csv("empty", "an empty name is a name", "a,\n1,2\n").reads(r#"[["a","int"],["","int"]]"#, &["1, 2"]),
        csv("empty_one", "in quotes it is no blank line", "\"\"\n1\n").reads(r#"[["","int"]]"#, &["1"]),
        csv("empty_repeated", "it names one column too", "a,,\n1,2,3\n"),
        csv("case", "names differ by any byte", "a,A, a\n1,2,3\n")
            .reads(r#"[["a","int"],["A","int"],[" a","int"]]"#, &["1, 2, 3"]),
        csv("quoted", "quoted as any field is", "\"a\nb\",\"c,\"\"d\"\n1,2\n")
            .reads(r#"[["a\nb","int"],["c,\"d","int"]]"#, &["1, 2"]),
        csv("ragged_short", "a field is missing", "a,b\n1,2\n3\n"),
        csv("ragged_long", "a field too many", "a,b\n1,2\n3,4,5\n"),
        csv("ragged_delimiter", "a delimiter at the end begins a field", "a,b\n1,2,\n3,4\n"),
        csv("no_rows", "a dataset has a row", "a,b\n"),
        csv("no_header", "blank lines only", "\n\r\n\n"),
        csv("no_bytes", "nothing at all", ""),
        csv("absent", "the first record is a row", "a,b\n1,2\n")
            .without_header()
            .reads(no_header, &[r#""a", "b""#, r#""1", "2""#]),
        csv("absent_repeated", "rows may repeat what they like", "a,a\n")
            .without_header()
            .reads(no_header, &[r#""a", "a""#]),
    ]
}
