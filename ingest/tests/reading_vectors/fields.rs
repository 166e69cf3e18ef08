//! Fields of CSV, what they stand between, and tokens for null.

use crate::case::{Case, csv, ndjson};

const INTS: &str = r#"[["a","int"],["b","int"]]"#;
const TEXT_INT: &str = r#"[["a","text"],["b","int"]]"#;
const INT_TEXT: &str = r#"[["a","int"],["b","text"]]"#;
const TEXTS: &str = r#"[["a","text"],["b","text"]]"#;

pub(crate) fn fields() -> Vec<Case> {
    vec![
        csv("line_ends", "inside of quotes they are text as they are", "a,b\n\"x\ny\",1\n\"x\r\ny\",2\n\"x\ry\",3\n")
            .reads(TEXT_INT, &[r#""x\ny", 1"#, r#""x\r\ny", 2"#, r#""x\ry", 3"#]),
        csv("doubled_quotes", "two are one", "a,b\n\"\"\"x\"\"\",1\n\"x\"\"y\",2\n\"\"\"\",3\n")
            .reads(TEXT_INT, &[r#""\"x\"", 1"#, r#""x\"y", 2"#, r#""\"", 3"#]),
        csv("quote_inside", "in an unquoted field it is itself, and two are two", "a,b\nx\"y,1\nx\"\"y\",2\n")
            .reads(TEXT_INT, &[r#""x\"y", 1"#, r#""x\"\"y\"", 2"#]),
        csv("quote_after_space", "the field does not start with it", "a,b\n \"x\",1\n")
            .reads(TEXT_INT, &[r#"" \"x\"", 1"#]),
        csv("quote_after_space_and_delimiter", "so it keeps nothing together", "a,b\n \"x,y\",1\n"),
        csv("white_space", "nothing is trimmed", "a,b\n x\t,1\n").reads(TEXT_INT, &[r#"" x\t", 1"#]),
        csv("quoted_delimiter", "it is text", "a,b\n\"x,y\",1\n").reads(TEXT_INT, &[r#""x,y", 1"#]),
        csv("null_and_empty", "an empty field is null, a quoted one empty text", "a,b\n,\"\"\n\"\",\n")
            .reads(TEXTS, &[r#"null, """#, r#""", null"#]),
        csv("null_among_ints", "nulls say nothing of the type", "a,b\n1,x\n,y\n")
            .reads(INT_TEXT, &[r#"1, "x""#, r#"null, "y""#]),
        csv("empty_among_ints", "empty text is no int", "a,b\n1,x\n\"\",y\n")
            .reads(TEXTS, &[r#""1", "x""#, r#""", "y""#]),
        csv("nulls_only", "text", "a,b\n,1\n,2\n").reads(TEXT_INT, &["null, 1", "null, 2"]),
        csv("quoted_int", "quotes say nothing of the type", "a,b\n\"1\",x\n2,y\n")
            .reads(INT_TEXT, &[r#"1, "x""#, r#"2, "y""#]),
        csv("quote_at_the_end", "the file may end with it", "a,b\n1,\"x\"").reads(INT_TEXT, &[r#"1, "x""#]),
        csv("nul", "a character like others", "a,b\nx\0y,1\n").reads(TEXT_INT, &[r#""x\u0000y", 1"#]),
        csv("after_quote", "a closing quote ends the field", "a,b\n\"x\"y,1\n"),
        csv("space_after_quote", "a space is no delimiter", "a,b\n\"x\" ,1\n"),
        csv("not_closed", "the file ends in a quoted field", "a,b\n\"x,1\n"),
    ]
}

pub(crate) fn delimiters() -> Vec<Case> {
    [found(), said(), single_quotes()].into_iter().flatten().collect()
}

fn found() -> Vec<Case> {
    vec![
        csv("comma", "the first that fits", "a,b;c\n1,2;3\n")
            .reads(r#"[["a","int"],["b;c","text"]]"#, &[r#"1, "2;3""#]),
        csv("semicolon", "a comma fits the rows, but not the header", "a;b\n1,5;2\n").reads(TEXT_INT, &[r#""1,5", 2"#]),
        csv("tab", "neither a comma nor a semicolon is there", "a\tb\n1\t2\n").reads(INTS, &["1, 2"]),
        csv("bar", "the last", "a|b\n1|2\n").reads(INTS, &["1, 2"]),
        csv("semicolon_before_tab", "in this order", "a;b\tc\n1;2\t3\n")
            .reads(r#"[["a","int"],["b\tc","text"]]"#, &[r#"1, "2\t3""#]),
        csv("every_record", "under a comma the last has one field", "a,b;c\n1,5;2\n1;2\n")
            .reads(r#"[["a,b","text"],["c","int"]]"#, &[r#""1,5", 2"#, r#""1", 2"#]),
        csv("quoted", "what is quoted does not count", "\"a,x\";b\n\"1,2\";3\n")
            .reads(r#"[["a,x","text"],["b","int"]]"#, &[r#""1,2", 3"#]),
        csv("blank_lines", "they do not count", "\na;b\n\n1;2\n").reads(INTS, &["1, 2"]),
        csv("none", "a comma, where the header is one field under each", "a\none; two\nthree\n")
            .reads(r#"[["a","text"]]"#, &[r#""one; two""#, r#""three""#]),
        csv("none_and_comma", "then a comma in a row is one too many", "a\n1,2\n"),
        csv("nearly", "a record like the header and one unlike it are no table of one column", "a;b\n1;2\n3\n"),
    ]
}

fn said() -> Vec<Case> {
    let bars = r#"[["a;b","text"]]"#;
    vec![
        csv("given", "what is given is taken", "a;b,c\n1;2,3\n")
            .delimiter(';')
            .reads(r#"[["a","int"],["b,c","text"]]"#, &[r#"1, "2,3""#]),
        csv("sep", "the line is no part of the table", "sep=;\na;b\n1;2\n").reads(INTS, &["1, 2"]),
        csv("sep_crlf", "whatever ends it", "sep=;\r\na;b\r\n1;2\r\n").reads(INTS, &["1, 2"]),
        csv("sep_mark", "after a byte order mark", "\u{feff}sep=,\na,b\n1,2\n").reads(INTS, &["1, 2"]),
        csv("sep_decides", "where none is given", "sep=|\na;b\n1;2\n").reads(bars, &[r#""1;2""#]),
        csv("sep_other", "of another than the given it is a line like others", "sep=;\n1\n")
            .delimiter(',')
            .reads(r#"[["sep=;","int"]]"#, &["1"]),
        csv("sep_letter", "a letter is no delimiter, so this is a header", "sep=a\nb;c\n")
            .reads(r#"[["sep=a","text"]]"#, &[r#""b;c""#]),
        csv("sep_quote", "nor is a quote", "sep=\"\nx\"y\n").reads(r#"[["sep=\"","text"]]"#, &[r#""x\"y""#]),
        csv("sep_more", "nor is it such a line if more follows", "sep=;x\n1;2\n")
            .reads(r#"[["sep=","int"],["x","int"]]"#, &["1, 2"]),
        csv("sep_later", "it is the first line or none", "a\nsep=;\n").reads(r#"[["a","text"]]"#, &[r#""sep=;""#]),
        csv("sep_blank", "blank lines may follow it", "sep=;\n\na;b\n1;2\n").reads(INTS, &["1, 2"]),
        csv("sep_without_header", "it is no row", "sep=;\n1;2\n")
            .without_header()
            .reads(r#"[["c1","int"],["c2","int"]]"#, &["1, 2"]),
    ]
}

fn single_quotes() -> Vec<Case> {
    vec![
        csv("single_quote", "where nothing fits without it", "a,b\n'x,y',1\n'it''s, z',2\n")
            .reads(TEXT_INT, &[r#""x,y", 1"#, r#""it's, z", 2"#]),
        csv("single_quote_semicolon", "with the delimiter that fits then", "a;b\n'x;y';1\n")
            .reads(TEXT_INT, &[r#""x;y", 1"#]),
        csv("single_quote_not_needed", "text where a delimiter fits", "a,b\n'x',1\n").reads(TEXT_INT, &[r#""'x'", 1"#]),
        csv("single_quote_beside_double", "no quote where a double one is there", "a,b\n'x,y',\"1\"\n"),
    ]
}

pub(crate) fn nulls() -> Vec<Case> {
    vec![
        csv("token", "a whole field, and inference goes by the others", "a,b\nNA,1\nx,NA\n")
            .null("NA")
            .reads(TEXT_INT, &["null, 1", r#""x", null"#]),
        csv("quoted", "text", "a,b\n\"NA\",1\nNA,2\n").null("NA").reads(TEXT_INT, &[r#""NA", 1"#, "null, 2"]),
        csv("header", "a name", "NA,b\n1,NA\n").null("NA").reads(r#"[["NA","int"],["b","text"]]"#, &["1, null"]),
        csv("part", "of a field, in other letters, or with a space: text", "a,b\nNAN,1\nna,2\n NA,3\n")
            .null("NA")
            .reads(TEXT_INT, &[r#""NAN", 1"#, r#""na", 2"#, r#"" NA", 3"#]),
        csv("two_tokens", "each is null", "a,b\n-,NA\n2024-01-31,1\n")
            .null("NA")
            .null("-")
            .reads(r#"[["a","date"],["b","int"]]"#, &["null, null", "2024-01-31, 1"]),
        csv("number", "as spelled", "a,b\n0,00\n1,2\n").null("0").reads(INT_TEXT, &[r#"null, "00""#, r#"1, "2""#]),
        csv("not_given", "there are no tokens of their own", "a,b\nNA,1\nnull,2\n\\N,3\n")
            .reads(TEXT_INT, &[r#""NA", 1"#, r#""null", 2"#, r#""\\N", 3"#]),
        csv("one_column", "a row as a blank line is", "a\nNA\n\n1\n")
            .null("NA")
            .reads(r#"[["a","int"]]"#, &["null", "null", "1"]),
        csv("all", "text, as where all fields are empty", "a,b\nNA,1\n").null("NA").reads(TEXT_INT, &["null, 1"]),
        csv("two_columns", "a line of the token alone is not blank", "a,b\nNA\n1,2\n").null("NA"),
        ndjson("json", "other formats are not affected", "{\"a\":\"NA\",\"b\":1}\n")
            .null("NA")
            .reads(TEXT_INT, &[r#""NA", 1"#]),
    ]
}
