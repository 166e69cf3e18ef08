//! Several files.

use crate::case::{Case, csv, ndjson};

const TEXT_INT: &str = r#"[["a","text"],["b","int"]]"#;

pub(crate) fn several() -> Vec<Case> {
    vec![
        csv("order", "later files match by name", "a,b\nx,1\n")
            .then("b,a\n2,y\n")
            .reads(TEXT_INT, &[r#""x", 1"#, r#""y", 2"#]),
        csv("types", "of the values of all files", "a,b\n1,2\n")
            .then("a,b\n1.5,x\n")
            .reads(r#"[["a","float"],["b","text"]]"#, &[r#"1.0, "2""#, r#"1.5, "x""#]),
        csv(
            "starts",
            "each has its mark, its line of the delimiter, and its blank lines",
            "\u{feff}sep=;\n\na;b\nx;1\n",
        )
        .then("\u{feff}\r\na;b\r\ny;2\r\n")
        .then("sep=;\na;b\nz;3")
        .reads(TEXT_INT, &[r#""x", 1"#, r#""y", 2"#, r#""z", 3"#]),
        csv("delimiter", "the first file says it", "a;b\nx;1\n").then("a,b\ny,2\n"),
        csv("missing", "a column is not there", "a,b\nx,1\n").then("a\ny\n"),
        csv("extra", "a column too many", "a,b\nx,1\n").then("a,b,c\ny,2,3\n"),
        csv("repeated", "a name twice", "a,b\nx,1\n").then("a,b,a\ny,2,3\n"),
        csv("no_rows", "where another has some", "a,b\nx,1\n").then("b,a\n").reads(TEXT_INT, &[r#""x", 1"#]),
        csv("nulls", "in all of them", "a,b\nNA,1\n")
            .then("b,a\nNA,y\n")
            .null("NA")
            .reads(TEXT_INT, &["null, 1", r#""y", null"#]),
        csv("without_header", "columns match by number", "x,1\n")
            .then("y,2\n")
            .without_header()
            .reads(r#"[["c1","text"],["c2","int"]]"#, &[r#""x", 1"#, r#""y", 2"#]),
        csv("without_header_extra", "a third column", "x,1\n").then("y,2,3\n").without_header(),
        ndjson("ndjson", "keys in order of first appearance, over all files", "{\"b\":1}\n")
            .then("\u{feff}{\"a\":2,\"b\":0.5}")
            .reads(r#"[["b","float"],["a","int"]]"#, &["1.0, null", "0.5, 2"]),
        ndjson("ndjson_mixed", "kinds do not mix over files", "{\"a\":1}\n").then("{\"a\":[1]}\n"),
    ]
}
