//! NDJSON and JSON: lines, values, and what keys become.

use crate::case::{Case, json, ndjson};

pub(crate) fn texts() -> Vec<Case> {
    [lines(), grammar(), strings(), repeated()].into_iter().flatten().collect()
}

const INT: &str = r#"[["a","int"]]"#;

fn lines() -> Vec<Case> {
    vec![
        ndjson("blank_lines", "white space alone is a blank line too", "\n{\"a\":1}\r\n \t\n\r\n{\"a\":2}")
            .reads(INT, &["1", "2"]),
        ndjson("mark", "it is no part of the text", "\u{feff}{\"a\":1}\n").reads(INT, &["1"]),
        ndjson("two_marks", "the second is no JSON", "\u{feff}\u{feff}{\"a\":1}\n"),
        ndjson("white_space", "around and between tokens", " { \"a\" :\t1 } \n").reads(INT, &["1"]),
        ndjson("cr", "it ends no line", "{\"a\":1}\r{\"a\":2}\n"),
        ndjson("two_on_a_line", "one object a line", "{\"a\":1} {\"a\":2}\n"),
        ndjson("two_lines", "an object does not go on in the next line", "{\"a\":\n1}\n"),
        ndjson("array", "a line is an object", "[{\"a\":1}]\n"),
        ndjson("null", "a line is an object", "{\"a\":1}\nnull\n"),
        ndjson("no_line", "blank lines only", "\n \n"),
    ]
}

fn grammar() -> Vec<Case> {
    vec![
        ndjson("trailing_comma", "no JSON", "{\"a\":1,}\n"),
        ndjson("single_quotes", "no JSON", "{'a':1}\n"),
        ndjson("key_without_quotes", "no JSON", "{a:1}\n"),
        ndjson("nan", "no JSON", "{\"a\":NaN}\n"),
        ndjson("comment", "no JSON", "{\"a\":1} // one\n"),
        ndjson("leading_zero", "no JSON, where CSV would be text", "{\"a\":01}\n"),
        ndjson("plus", "no JSON", "{\"a\":+1}\n"),
        ndjson("no_whole_digit", "no JSON", "{\"a\":.5}\n"),
        ndjson("no_fraction_digit", "no JSON", "{\"a\":5.}\n"),
        ndjson("word_in_capitals", "no JSON", "{\"a\":True}\n"),
        ndjson("other_digits", "digits are those of ASCII", "{\"a\":1.１}\n"),
        ndjson("other_space", "U+00A0 is no white space of JSON", "{\"a\":\u{a0}1}\n"),
        ndjson("cut_off", "no JSON", "{\"a\":1\n"),
    ]
}

fn strings() -> Vec<Case> {
    let text = r#"[["a","text"]]"#;
    vec![
        ndjson("escapes", "all of them", r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"}"#)
            .reads(text, &[r#""\"\\/\u0008\u000c\n\r\té😀""#]),
        ndjson("escaped_key", "a key is what it says", "{\"\\u0061\":1}\n{\"a\":2}\n").reads(INT, &["1", "2"]),
        ndjson("high_surrogate", "half of a character", r#"{"a":"\ud83d"}"#),
        ndjson("low_surrogate", "half of a character", r#"{"a":"\ude00"}"#),
        ndjson("surrogates_turned", "low before high", r#"{"a":"\ude00\ud83d"}"#),
        ndjson("high_surrogate_and_text", "half of a character", r#"{"a":"\ud83dx"}"#),
        ndjson("surrogate_in_key", "half of a character", r#"{"\ud83d":1}"#),
        ndjson("unknown_escape", "no JSON", r#"{"a":"\x41"}"#),
        ndjson("control", "a tab is escaped in a string", "{\"a\":\"x\ty\"}\n"),
        ndjson("delete", "U+007F is not", "{\"a\":\"\u{7f}\u{2028}\"}\n").reads(text, &[r#""\u007f\u2028""#]),
    ]
}

fn repeated() -> Vec<Case> {
    vec![
        ndjson("repeated", "a key occurs once", "{\"a\":1,\"a\":1}\n"),
        ndjson("repeated_escaped", "however it is spelled", "{\"a\":1,\"\\u0061\":2}\n"),
        ndjson("repeated_null", "whatever it is", "{\"a\":null,\"a\":1}\n"),
        ndjson("repeated_within", "in objects within too", "{\"a\":[{\"x\":1,\"x\":2}]}\n"),
        ndjson("repeated_in_two", "objects do not repeat each other", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}\n")
            .reads(r#"[["a",["struct",[["a","int"]]]],["b",["struct",[["a","int"]]]]]"#, &["(1), (2)"]),
    ]
}

pub(crate) fn keys_and_values() -> Vec<Case> {
    [keys(), scalars(), lists(), objects(), mixed()].into_iter().flatten().collect()
}

fn keys() -> Vec<Case> {
    vec![
        ndjson("order", "of first appearance", "{\"b\":1}\n{\"a\":2,\"c\":3,\"b\":4}\n")
            .reads(r#"[["b","int"],["a","int"],["c","int"]]"#, &["1, null, null", "4, 2, 3"]),
        ndjson("missing", "as good as null", "{\"a\":1,\"b\":null}\n{\"b\":true}\n{}\n")
            .reads(r#"[["a","int"],["b","bool"]]"#, &["1, null", "null, true", "null, null"]),
        ndjson("nulls_only", "text", "{\"a\":null,\"b\":1}\n").reads(r#"[["a","text"],["b","int"]]"#, &["null, 1"]),
        ndjson("empty_key", "a name", "{\"\":1}\n").reads(r#"[["","int"]]"#, &["1"]),
        ndjson("no_keys", "a schema has a column", "{}\n{}\n"),
    ]
}

fn scalars() -> Vec<Case> {
    vec![
        ndjson("numbers", "as in CSV", "{\"a\":-0,\"b\":18446744073709551615,\"c\":0.10000000000000001,\"d\":1e400}\n")
            .reads(
                r#"[["a","float"],["b","int"],["c",["decimal",17]],["d","text"]]"#,
                &[r#"-0.0, 18446744073709551615, 0.10000000000000001, "1e400""#],
            ),
        ndjson("strings", "never bools or numbers", "{\"a\":\"true\",\"b\":\"1\",\"c\":\"\"}\n")
            .reads(r#"[["a","text"],["b","text"],["c","text"]]"#, &[r#""true", "1", """#]),
        ndjson(
            "moments",
            "strings become these",
            "{\"a\":\"2024-02-29\",\"b\":\"2024-02-29 12:00:00\",\"c\":\"2024-02-29T12:00:00+01\"}\n",
        )
        .reads(
            r#"[["a","date"],["b","timestamp"],["c","instant"]]"#,
            &["2024-02-29, 2024-02-29T12:00:00, 2024-02-29T11:00:00Z"],
        ),
        ndjson(
            "tokens",
            "numbers and bools keep theirs in text",
            "{\"a\":1.50}\n{\"a\":1E+5}\n{\"a\":-0}\n{\"a\":true}\n{\"a\":\"x\"}\n",
        )
        .reads(r#"[["a","text"]]"#, &[r#""1.50""#, r#""1E+5""#, r#""-0""#, r#""true""#, r#""x""#]),
        ndjson(
            "number_and_string",
            "no number, even if it looks like one",
            "{\"a\":1,\"b\":\"2024-01-01\"}\n{\"a\":\"2\",\"b\":3}\n",
        )
        .reads(r#"[["a","text"],["b","text"]]"#, &[r#""1", "2024-01-01""#, r#""2", "3""#]),
        ndjson("bool_and_number", "text", "{\"a\":false}\n{\"a\":0}\n")
            .reads(r#"[["a","text"]]"#, &[r#""false""#, r#""0""#]),
    ]
}

fn lists() -> Vec<Case> {
    vec![
        ndjson(
            "list",
            "items have one type, over all rows",
            "{\"a\":[1,null]}\n{\"a\":[]}\n{\"a\":null}\n{\"a\":[0.5]}\n",
        )
        .reads(r#"[["a",["list","float"]]]"#, &["[1.0, null]", "[]", "null", "[0.5]"]),
        ndjson("list_empty", "empty ones only: of text", "{\"a\":[],\"b\":[[]]}\n")
            .reads(r#"[["a",["list","text"]],["b",["list",["list","text"]]]]"#, &["[], [[]]"]),
        ndjson("list_of_nulls", "of text", "{\"a\":[null]}\n").reads(r#"[["a",["list","text"]]]"#, &["[null]"]),
        ndjson("list_tokens", "items in text keep theirs", "{\"a\":[1.0,true,\"x\"]}\n")
            .reads(r#"[["a",["list","text"]]]"#, &[r#"["1.0", "true", "x"]"#]),
        ndjson(
            "list_depth_32",
            "31 lists and what is in them",
            format!("{{\"a\":{}1{}}}\n", "[".repeat(31), "]".repeat(31)),
        )
        .reads(DEEP, &["[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"]),
        ndjson("list_depth_33", "types nest no deeper", format!("{{\"a\":{}1{}}}\n", "[".repeat(32), "]".repeat(32))),
        ndjson(
            "list_depth_33_empty",
            "even where nothing is in it",
            format!("{{\"a\":{}{}}}\n", "[".repeat(32), "]".repeat(32)),
        ),
    ]
}

const DEEP: &str = r#"[["a",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list",["list","int"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"#;

fn objects() -> Vec<Case> {
    vec![
        ndjson(
            "object",
            "fields in order of first appearance",
            "{\"a\":{\"y\":1}}\n{\"a\":{\"x\":\"z\",\"y\":2}}\n{\"a\":null}\n{\"a\":{}}\n{}\n",
        )
        .reads(
            r#"[["a",["struct",[["y","int"],["x","text"]]]]]"#,
            &[r#"(1, null)"#, r#"(2, "z")"#, "null", "(null, null)", "null"],
        ),
        ndjson(
            "object_of_objects",
            "as deep as they go",
            "{\"a\":{\"b\":{\"c\":[1]}}}\n{\"a\":{\"b\":{}}}\n{\"a\":{\"b\":null}}\n",
        )
        .reads(r#"[["a",["struct",[["b",["struct",[["c",["list","int"]]]]]]]]]"#, &["(([1]))", "((null))", "(null)"]),
        ndjson(
            "objects_in_list",
            "have one type together",
            "{\"a\":[{\"x\":1},{\"y\":true}]}\n{\"a\":[{\"x\":0.5},null]}\n",
        )
        .reads(
            r#"[["a",["list",["struct",[["x","float"],["y","bool"]]]]]]"#,
            &["[(1.0, null), (null, true)]", "[(0.5, null), null]"],
        ),
        ndjson("object_empty", "a struct has a field", "{\"a\":{}}\n"),
        ndjson("object_null", "a key that is null is a field", "{\"a\":{\"x\":null}}\n")
            .reads(r#"[["a",["struct",[["x","text"]]]]]"#, &["(null)"]),
    ]
}

fn mixed() -> Vec<Case> {
    vec![
        ndjson("scalar_and_array", "no type has both", "{\"a\":1}\n{\"a\":[1]}\n"),
        ndjson("scalar_and_empty_array", "even where nothing is in it", "{\"a\":\"x\"}\n{\"a\":[]}\n"),
        ndjson("scalar_and_object", "no type has both", "{\"a\":{\"x\":1}}\n{\"a\":\"x\"}\n"),
        ndjson("array_and_object", "no type has both", "{\"a\":[]}\n{\"a\":{}}\n"),
        ndjson("mixed_items", "nor within a list", "{\"a\":[1,[2]]}\n"),
        ndjson("mixed_items_of_two", "nor over rows", "{\"a\":[1]}\n{\"a\":[[2]]}\n"),
        ndjson("mixed_fields", "nor within an object", "{\"a\":{\"x\":1}}\n{\"a\":{\"x\":{}}}\n"),
    ]
}

pub(crate) fn json_values() -> Vec<Case> {
    let two = ["1", "2"];
    vec![
        json("array", "each item is a row", "[{\"a\":1},{\"a\":2}]").reads(INT, &two),
        json(
            "array_over_lines",
            "white space is where it may be in JSON",
            "\u{feff}\n[\n{\"a\":\r\n1}\n,\n{\"a\":2}\n]\n",
        )
        .reads(INT, &two),
        json("values", "each is a row, over any number of lines", "{\"a\":\n1}\n\n{\"a\":\n2}").reads(INT, &two),
        json("values_close", "with nothing between them", "{\"a\":1}{\"a\":2}").reads(INT, &two),
        json("values_comma", "a comma stands in arrays", "{\"a\":1},{\"a\":2}"),
        json("array_and_more", "the array is the file", "[{\"a\":1}] {\"a\":2}"),
        json("array_trailing_comma", "no JSON", "[{\"a\":1},]"),
        json("array_cut_off", "no JSON", "[{\"a\":1}"),
        json("array_of_arrays", "a row is an object", "[[{\"a\":1}]]"),
        json("number", "a row is an object", "7"),
        json("array_empty", "a dataset has a row", "[]"),
        json("repeated", "a key occurs once", "[{\"a\":1,\"a\":1}]"),
    ]
}
