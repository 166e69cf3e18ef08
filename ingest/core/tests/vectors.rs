//! The vectors in `vectors/`: one file per case, written from the cases here with `BLESS=1` and compared otherwise.
//!
//! Other implementations read the same files. A file says what to `accept` or `refuse`; `reason` and `values` are this
//! implementation's words and not part of the format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Display;
use std::path::PathBuf;
use std::{env, fs};

use data_encoding::HEXLOWER;
use mira_core::cbor;
use mira_core::dataset::{ChunkLeafData, Cut1, dataset_id};
use mira_core::digest::{Digest, RowLeaf};
use mira_core::row::{self, Seconds, Value};
use mira_core::schema::Schema;
use serde_json::{Value as Json, json};

/// One file: its name without `.json`, and its members in order.
struct Vector {
    name: &'static str,
    members: Vec<(&'static str, Json)>,
}

impl Vector {
    /// One member per line, in the order given, whatever order serde_json's maps have.
    fn text(&self) -> String {
        let lines: Vec<String> = self.members.iter().map(|(key, value)| format!("  \"{key}\": {value}")).collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }
}

/// Compares a folder with its vectors, or writes it if `BLESS` is set.
fn compare(folder: &str, vectors: &[Vector]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(folder);
    let wanted: BTreeSet<String> = vectors.iter().map(|vector| format!("{}.json", vector.name)).collect();
    assert_eq!(wanted.len(), vectors.len(), "two vectors have one name");
    if env::var_os("BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for vector in vectors {
            fs::write(folder.join(format!("{}.json", vector.name)), vector.text()).unwrap();
        }
    }
    for vector in vectors {
        let file = fs::read_to_string(folder.join(format!("{}.json", vector.name))).unwrap_or_default();
        assert_eq!(file, vector.text(), "{} differs; BLESS=1 writes it", vector.name);
    }
    let found: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, wanted);
}

/// An error and its sources, as `mira` prints them.
fn reason(error: &dyn Error) -> Json {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.into()
}

fn hex(bytes: impl AsRef<[u8]>) -> Json {
    HEXLOWER.encode(bytes.as_ref()).into()
}

fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap()
}

fn shown(value: impl Display) -> Json {
    value.to_string().into()
}

fn row_vector(name: &'static str, schema_json: &str, row: &[u8], comment: &str) -> Vector {
    let schema = Schema::from_json(schema_json).unwrap();
    let mut members = vec![
        ("comment", json!(comment)),
        ("schema", serde_json::from_str(&schema.to_json()).unwrap()),
        ("schema_id", shown(schema.schema_id())),
        ("type_id", shown(schema.type_id())),
        ("row", hex(row)),
    ];
    match row::decode_row(&schema, row) {
        Ok(values) => {
            let leaf = row::row_leaf(row);
            members.extend([
                ("expect", json!("accept")),
                ("values", values.iter().map(shown).collect()),
                ("leaf", shown(leaf)),
                ("rowkey", shown(row::row_key(&schema.type_id(), &leaf))),
            ]);
        }
        Err(error) => members.extend([("expect", json!("refuse")), ("reason", reason(&error))]),
    }
    Vector { name, members }
}

fn accept(name: &'static str, schema: &str, values: &[Value], comment: &str) -> Vector {
    let row = row::encode_row(&Schema::from_json(schema).unwrap(), values).unwrap();
    assert!(row::check_row(&Schema::from_json(schema).unwrap(), &row).is_ok(), "{name}");
    row_vector(name, schema, &row, comment)
}

fn refuse(name: &'static str, schema: &str, row: &str, comment: &str) -> Vector {
    let row = unhex(row);
    assert!(row::check_row(&Schema::from_json(schema).unwrap(), &row).is_err(), "{name}");
    row_vector(name, schema, &row, comment)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn decimal(text: &str) -> Value {
    Value::Decimal(text.into())
}

fn ints(items: &[i128]) -> Value {
    Value::List(items.iter().copied().map(Value::Int).collect())
}

fn seconds(whole: i64, nanos: u32) -> Seconds {
    Seconds::new(whole, nanos).unwrap()
}

/// A schema of columns `a`, `b`, … of one type.
fn columns(count: u8, ty: &str) -> String {
    let columns: Vec<String> = (0..count).map(|i| format!("[\"{}\",{ty}]", char::from(b'a' + i))).collect();
    format!("[{}]", columns.join(","))
}

fn accepted_rows() -> Vec<Vector> {
    let of = |count, ty| columns(count, ty);
    vec![
        accept(
            "every_type_null",
            concat!(
                r#"[["b","bool"],["i","int"],["f","float"],["t","text"],["y","bytes"],["d","date"],["h","time"],"#,
                r#"["ts","timestamp"],["in","instant"],["du","duration"],["de",["decimal",2]],["l",["list","text"]],"#,
                r#"["s",["struct",[["x","float"]]]],["m",["map","text","int"]]]"#
            ),
            &vec![Value::Null; 14],
            "every type may be null",
        ),
        accept("bool", &of(2, r#""bool""#), &[Value::Bool(false), Value::Bool(true)], "f4 and f5"),
        accept(
            "int_head_lengths",
            &of(10, r#""int""#),
            &[0, 23, 24, 255, 256, 65_535, 65_536, u32::MAX.into(), 1 << 32, -1].map(Value::Int),
            "each integer in its shortest form",
        ),
        accept(
            "int_extremes",
            &of(3, r#""int""#),
            &[i64::MIN.into(), i64::MAX.into(), u64::MAX.into()].map(Value::Int),
            "an int fits i64 or u64",
        ),
        accept(
            "float",
            &of(8, r#""float""#),
            &[0.0, -0.0, 1.0, 0.1, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(Value::from),
            "always 64 bits, -0.0 is kept, one NaN",
        ),
        accept(
            "text",
            &of(5, r#""text""#),
            &["", "null", "a\"b\n\u{1b}", "é水🦀", "e\u{301}"].map(text),
            "UTF-8 as it is: no normalisation, so the last is not é",
        ),
        accept(
            "text_of_24_bytes",
            &of(1, r#""text""#),
            &[text("abcdefghijklmnopqrstuvwx")],
            "the first length that needs a byte of its own",
        ),
        accept(
            "bytes",
            &of(3, r#""bytes""#),
            &[vec![], vec![0], vec![0xff, 0xf6]].map(Value::Bytes),
            "bytes need not be UTF-8",
        ),
        accept("date", &of(4, r#""date""#), &[0, -1, i32::MIN, i32::MAX].map(Value::Date), "days since 1970-01-01"),
        accept(
            "time",
            &of(3, r#""time""#),
            &[0, 3_600_000_000_000, 86_399_999_999_999].map(Value::Time),
            "nanoseconds since midnight",
        ),
        accept(
            "timestamp",
            &of(4, r#""timestamp""#),
            &[seconds(0, 0), seconds(-1, 999_999_999), seconds(1, 1), seconds(i64::MIN, 0)].map(Value::Timestamp),
            "whole seconds, or floor and nanoseconds: the second is 1 ns before 1970",
        ),
        accept(
            "instant",
            &of(3, r#""instant""#),
            &[seconds(1_700_000_000, 0), seconds(1_700_000_000, 500_000_000), seconds(i64::MAX, 999_999_999)]
                .map(Value::Instant),
            "the bytes of a timestamp under another type",
        ),
        accept(
            "duration",
            &of(3, r#""duration""#),
            &[seconds(90, 0), seconds(-1, 500_000_000), seconds(0, 1)].map(Value::Duration),
            "-0.5 s is floor -1 and 500,000,000 ns",
        ),
        accept(
            "decimal_scale_0",
            &of(3, r#"["decimal",0]"#),
            &["0", "-7", "170141183460469231731687303715884105728"].map(decimal),
            "no point; the last needs more than 128 bits with sign",
        ),
        accept(
            "decimal_scale_2",
            &of(5, r#"["decimal",2]"#),
            &["0.00", "0.05", "-0.50", "12.00", "-1000000.01"].map(decimal),
            "always two fraction digits and at least one whole digit",
        ),
        accept(
            "decimal_76_digits",
            r#"[["a",["decimal",76]],["b",["decimal",38]]]"#,
            &[decimal(&format!("0.{}", "9".repeat(76))), decimal(&format!("-{}.{}", "9".repeat(38), "9".repeat(38)))],
            "a lone zero before the point does not count as a digit",
        ),
        accept(
            "list",
            &of(3, r#"["list","int"]"#),
            &[ints(&[]), ints(&[1, 2]), Value::List(vec![Value::Null])],
            "an empty list, a list with a null, and no list at all are three things",
        ),
        accept(
            "list_of_lists",
            &of(2, r#"["list",["list","int"]]"#),
            &[Value::List(vec![ints(&[1]), ints(&[2])]), Value::List(vec![ints(&[1, 2]), ints(&[])])],
            "where an inner list ends matters",
        ),
        accept(
            "struct",
            r#"[["a",["struct",[["x","int"],["y","text"]]]],["b",["struct",[["x","int"],["y","text"]]]]]"#,
            &[Value::Struct(vec![Value::Int(1), text("a")]), Value::Struct(vec![Value::Null, Value::Null])],
            "an array of the fields; a struct of nulls is not null",
        ),
        accept(
            "map_orders_keys_by_their_bytes",
            r#"[["a",["map","text","int"]],["b",["map","int","text"]]]"#,
            &[
                Value::Map(vec![(text("b"), Value::Int(2)), (text("aa"), Value::Int(3)), (text("a"), Value::Null)]),
                Value::Map(vec![(Value::Int(-1), text("")), (Value::Int(100), text("")), (Value::Int(10), text(""))]),
            ],
            "the head comes first: b before aa, and 10, 100, -1",
        ),
        accept(
            "map_with_struct_keys",
            r#"[["a",["map",["struct",[["x","int"],["y","int"]]],["list","bool"]]]]"#,
            &[Value::Map(vec![
                (Value::Struct(vec![Value::Null, Value::Int(1)]), Value::List(vec![Value::Bool(true)])),
                (Value::Struct(vec![Value::Int(1), Value::Null]), Value::Null),
            ])],
            "a key is not null, what is inside it may be; values may be null",
        ),
        accept("map_empty", &of(1, r#"["map","int","int"]"#), &[Value::Map(vec![])], "no pairs"),
        accept(
            "columns_24",
            &of(24, r#""int""#),
            &(0..24).map(Value::Int).collect::<Vec<_>>(),
            "a row of 24 columns starts with 98",
        ),
        accept(
            "renamed_a",
            r#"[["a","int"],["s",["struct",[["x","text"]]]]]"#,
            &[Value::Int(5), Value::Struct(vec![text("five")])],
            "together with renamed_b: other names, the same type_id, leaf and rowkey",
        ),
        accept(
            "renamed_b",
            r#"[["b","int"],["t",["struct",[["y","text"]]]]]"#,
            &[Value::Int(5), Value::Struct(vec![text("five")])],
            "together with renamed_a: other names, the same type_id, leaf and rowkey",
        ),
        accept(
            "retyped",
            r#"[["a","date"],["s",["list","text"]]]"#,
            &[Value::Date(5), Value::List(vec![text("five")])],
            "the bytes and leaf of renamed_a under other types: another rowkey",
        ),
        accept(
            "list_null_100",
            &of(1, r#"["list","int"]"#),
            &[Value::List(vec![Value::Null, Value::Int(100)])],
            "where null is a zero byte among raw bytes, this equals list_25600_null",
        ),
        accept(
            "list_25600_null",
            &of(1, r#"["list","int"]"#),
            &[Value::List(vec![Value::Int(25_600), Value::Null])],
            "where null is a zero byte among raw bytes, this equals list_null_100",
        ),
    ]
}

fn refused_rows() -> Vec<Vector> {
    let int = columns(1, r#""int""#);
    let float = columns(1, r#""float""#);
    let utf8 = columns(1, r#""text""#);
    let date = columns(1, r#""date""#);
    let time = columns(1, r#""time""#);
    let timestamp = columns(1, r#""timestamp""#);
    let decimal = columns(1, r#"["decimal",2]"#);
    let whole = columns(1, r#"["decimal",0]"#);
    let list = columns(1, r#"["list","int"]"#);
    let pair = columns(1, r#"["struct",[["x","int"],["y","int"]]]"#);
    let map = columns(1, r#"["map","int","int"]"#);
    let deepest = format!("81 78 4d {}", HEXLOWER.encode("9".repeat(77).as_bytes()));
    vec![
        refuse("no_bytes", &int, "", "a row is an array"),
        refuse("not_an_array", &int, "00", "a row is an array, even of one column"),
        refuse("column_missing", &columns(2, r#""int""#), "81 00", "one item for two columns"),
        refuse("column_too_many", &int, "82 00 00", "two items for one column"),
        refuse("truncated", &columns(2, r#""int""#), "82 00", "the second item is cut off"),
        refuse("truncated_inside_item", &int, "81 19 01", "the item is cut off"),
        refuse("trailing_garbage", &int, "81 00 00", "a byte after the row"),
        refuse("array_head_too_long", &int, "98 01 00", "one column in a two-byte head"),
        refuse("indefinite_array", &int, "9f 00 ff", "lengths are definite"),
        refuse("tagged", &int, "81 c0 00", "there are no tags"),
        refuse("undefined", &int, "81 f7", "undefined is not null"),
        refuse("int_head_too_long", &int, "81 18 17", "23 in two bytes"),
        refuse("int_below_i64", &int, "81 3b 8000000000000000", "-2^63 - 1"),
        refuse("int_as_float", &int, "81 fb 3ff0000000000000", "1.0 is not 1"),
        refuse("int_as_text", &int, "81 61 31", "\"1\" is not 1"),
        refuse("int_as_bool", &int, "81 f4", "false is not 0"),
        refuse("int_as_bignum", &int, "81 c2 41 00", "there are no bignums"),
        refuse("bool_as_int", &columns(1, r#""bool""#), "81 01", "1 is not true"),
        refuse("float_as_int", &float, "81 01", "1 is not 1.0"),
        refuse("float_of_16_bits", &float, "81 f9 3c00", "floats have 64 bits"),
        refuse("float_of_32_bits", &float, "81 fa 3f800000", "floats have 64 bits"),
        refuse("float_nan_payload", &float, "81 fb 7ff8000000000001", "one NaN"),
        refuse("float_nan_negative", &float, "81 fb fff8000000000000", "one NaN"),
        refuse("text_not_utf8", &utf8, "81 62 c328", "c3 asks for another second byte"),
        refuse("text_surrogate", &utf8, "81 63 eda080", "a surrogate is not UTF-8"),
        refuse("text_as_bytes", &utf8, "81 41 61", "bytes are not text"),
        refuse("bytes_as_text", &columns(1, r#""bytes""#), "81 61 61", "text is not bytes"),
        refuse("length_beyond_the_end", &utf8, "81 7b 00000000ffffffff 61", "longer than the row"),
        refuse("date_above_i32", &date, "81 1a 80000000", "day 2^31"),
        refuse("date_below_i32", &date, "81 3a 80000000", "day -2^31 - 1"),
        refuse("time_of_a_whole_day", &time, "81 1b 00004e94914f0000", "86,400 s after midnight is the next day"),
        refuse("time_negative", &time, "81 20", "1 ns before midnight"),
        refuse("timestamp_zero_nanos", &timestamp, "81 82 01 00", "whole seconds are written without an array"),
        refuse("timestamp_nanos_of_a_second", &timestamp, "81 82 01 1a 3b9aca00", "10^9 ns"),
        refuse("timestamp_nanos_negative", &timestamp, "81 82 01 20", "the fraction is above the floor"),
        refuse("timestamp_of_three", &timestamp, "81 83 01 01 01", "two numbers at most"),
        refuse("timestamp_null_seconds", &timestamp, "81 82 f6 01", "a part of a value is not null"),
        refuse("timestamp_above_i64", &timestamp, "81 1b 8000000000000000", "second 2^63"),
        refuse("decimal_minus_zero", &decimal, "81 65 2d302e3030", "-0.00"),
        refuse("decimal_short_fraction", &decimal, "81 63 312e35", "1.5 with scale 2"),
        refuse("decimal_long_fraction", &decimal, "81 65 312e353030", "1.500 with scale 2"),
        refuse("decimal_leading_zero", &decimal, "81 65 30312e3530", "01.50"),
        refuse("decimal_no_whole_digit", &decimal, "81 63 2e3530", ".50"),
        refuse("decimal_plus", &decimal, "81 65 2b312e3530", "+1.50"),
        refuse("decimal_exponent", &whole, "81 63 316532", "1e2"),
        refuse("decimal_bare_point", &whole, "81 62 312e", "1. with scale 0"),
        refuse("decimal_77_digits", &whole, &deepest, "one digit more than 256 bits hold"),
        refuse("decimal_as_int", &whole, "81 01", "a decimal is text, of scale 0 too"),
        refuse("list_item_of_another_type", &list, "81 82 01 61 61", "a text among integers"),
        refuse("list_count_beyond_the_end", &list, "81 9b 000000ffffffffff 00", "more items than bytes"),
        refuse("struct_field_missing", &pair, "81 81 01", "one of two fields"),
        refuse("struct_as_map", &pair, "81 a2 6178 01 6179 02", "fields stand without names"),
        refuse("map_as_cbor_map", &map, "81 a1 01 02", "a map is an array of pairs"),
        refuse("map_key_order", &map, "81 82 820200 820100", "2 before 1"),
        refuse("map_key_numeric_order", &map, "81 82 822000 820000", "-1 is 20 and comes after 0, which is 00"),
        refuse("map_key_twice", &map, "81 82 820100 820101", "1 twice"),
        refuse("map_key_null", &map, "81 81 82f600", "a key is not null"),
        refuse("map_pair_of_three", &map, "81 81 83010203", "a pair has two items"),
        refuse("map_flat", &map, "81 82 01 02", "key and value without their array"),
    ]
}

#[test]
fn rows() {
    let vectors: Vec<Vector> = accepted_rows().into_iter().chain(refused_rows()).collect();
    compare("rows", &vectors);
}

fn schema(name: &'static str, cbor: &[u8], comment: &str) -> Vector {
    let mut members = vec![("comment", json!(comment)), ("cbor", hex(cbor))];
    match Schema::from_cbor(cbor) {
        Ok(schema) => members.extend([
            ("expect", json!("accept")),
            ("schema", serde_json::from_str(&schema.to_json()).unwrap()),
            ("schema_id", shown(schema.schema_id())),
            ("type_id", shown(schema.type_id())),
        ]),
        Err(error) => members.extend([("expect", json!("refuse")), ("reason", reason(&error))]),
    }
    Vector { name, members }
}

fn accept_schema(name: &'static str, json: &str, comment: &str) -> Vector {
    schema(name, &Schema::from_json(json).unwrap().to_cbor(), comment)
}

fn refuse_schema(name: &'static str, cbor: impl AsRef<[u8]>, comment: &str) -> Vector {
    assert!(Schema::from_cbor(cbor.as_ref()).is_err(), "{name}");
    schema(name, cbor.as_ref(), comment)
}

/// One column named `c` of a type in CBOR.
fn column(ty: impl AsRef<[u8]>) -> Vec<u8> {
    [b"\x81\x82\x61c", ty.as_ref()].concat()
}

#[test]
fn schemas() {
    let long_name = {
        let mut out = unhex("81 82");
        cbor::text(&mut out, &"n".repeat(4097));
        cbor::text(&mut out, "int");
        out
    };
    let lists = |levels| column([b"\x82\x64list".repeat(levels).as_slice(), b"\x63int"].concat());
    compare(
        "schemas",
        &[
            accept_schema(
                "scalars",
                concat!(
                    r#"[["b","bool"],["i","int"],["f","float"],["t","text"],["y","bytes"],"#,
                    r#"["d","date"],["h","time"],["ts","timestamp"],["in","instant"],["du","duration"]]"#
                ),
                "the ten words",
            ),
            accept_schema(
                "nested",
                concat!(
                    r#"[["de",["decimal",2]],["l",["list","text"]],["m",["map","text",["decimal",76]]],"#,
                    r#"["s",["struct",[["x","float"],["y",["struct",[["x","int"]]]]]]]]"#
                ),
                "types with parameters; a name may return at another level",
            ),
            accept_schema(
                "names",
                r#"[["","int"],[" ","int"],["a","int"],["A","int"],["é","int"],["e\u0301","int"],["\u0000","int"]]"#,
                "any text is a name, empty too, and none is normalised",
            ),
            schema("depth_32", &lists(31), "31 lists around an int"),
            refuse_schema("depth_33", lists(32), "32 lists around an int"),
            refuse_schema("no_columns", [0x80], "a schema has a column"),
            refuse_schema("trailing_garbage", column(b"\x63int\x00"), "a byte after the schema"),
            refuse_schema("duplicate_column", b"\x82\x82\x61c\x63int\x82\x61c\x63int", "c twice"),
            refuse_schema("duplicate_field", column(b"\x82\x66struct\x82\x82\x61x\x63int\x82\x61x\x63int"), "x twice"),
            refuse_schema("empty_struct", column(b"\x82\x66struct\x80"), "a struct has a field"),
            refuse_schema("scale_77", column(b"\x82\x67decimal\x18\x4d"), "76 at most"),
            refuse_schema("scale_negative", column(b"\x82\x67decimal\x20"), "negative scales become 0 before"),
            refuse_schema("scale_head_too_long", column(b"\x82\x67decimal\x18\x02"), "2 in two bytes"),
            refuse_schema("scalar_in_array", column(b"\x81\x63int"), "a scalar is a bare word"),
            refuse_schema("list_as_word", column(b"\x64list"), "a list has an item type"),
            refuse_schema("struct_without_names", column(b"\x82\x66struct\x81\x63int"), "that is the form of type_id"),
            refuse_schema("map_without_value", column(b"\x82\x63map\x63int"), "a map has two types"),
            refuse_schema("unknown_word", column(b"\x67integer"), "no synonyms"),
            refuse_schema("word_in_capitals", column(b"\x63Int"), "words are lower case"),
            refuse_schema("word_as_bytes", column(b"\x43int"), "words are text"),
            refuse_schema("name_of_4097_bytes", long_name, "4,096 at most"),
            refuse_schema("column_with_three_members", b"\x81\x83\x61c\x63int\xf6", "name and type only"),
        ],
    );
}

fn chunk_leaf_data(name: &'static str, bytes: &[u8], comment: &str) -> Vector {
    let mut members = vec![("comment", json!(comment)), ("kind", json!("chunk leaf data")), ("bytes", hex(bytes))];
    match ChunkLeafData::decode(bytes) {
        Ok(data) => members.extend([
            ("expect", json!("accept")),
            ("row_profile", json!(data.row_profile)),
            ("schema_id", shown(data.schema_id)),
            ("rows", json!(data.rows)),
            ("row_root", shown(data.row_root)),
            ("leaf", shown(data.leaf())),
        ]),
        Err(error) => members.extend([("expect", json!("refuse")), ("reason", reason(&error))]),
    }
    Vector { name, members }
}

fn dataset(name: &'static str, rows: u64, chunks: u64, comment: &str) -> Vector {
    let (schema_id, chunk_root) = (Digest::of(b"schema").into(), Digest::of(b"chunks").into());
    let members = vec![
        ("comment", json!(comment)),
        ("kind", json!("dataset id")),
        ("row_profile", json!(1)),
        ("schema_id", shown(schema_id)),
        ("rows", json!(rows)),
        ("chunks", json!(chunks)),
        ("chunk_root", shown(chunk_root)),
        ("dataset_id", shown(dataset_id(1, &schema_id, rows, chunks, &chunk_root))),
    ];
    Vector { name, members }
}

/// Runs of equal rows: how many, how long, and the first eight bytes of their leaf; the other bytes are ff.
fn cut(name: &'static str, runs: &[(u64, usize, u64)], comment: &str) -> Vector {
    let (mut cut, mut index, mut ends) = (Cut1::default(), 0, Vec::new());
    let mut listed = Vec::new();
    for (count, row_len, prefix) in runs {
        let leaf = [&prefix.to_be_bytes()[..], &[0xff; 24]].concat();
        let leaf = RowLeaf::new(Digest::try_from(&leaf[..]).unwrap());
        for _ in 0..*count {
            if cut.push(*row_len, &leaf) {
                ends.push(index);
            }
            index += 1;
        }
        listed.push(json!([count, row_len, leaf.to_string()]));
    }
    let members = vec![
        ("comment", json!(comment)),
        ("kind", json!(Cut1::NAME)),
        ("count_length_leaf", json!(listed)),
        ("chunks_end_after_row", json!(ends)),
        ("rows_left_open", json!(cut.is_open())),
    ];
    Vector { name, members }
}

#[test]
fn datasets() {
    const T: usize = 1 << 21;
    const LAST: u64 = u64::MAX;
    let data = ChunkLeafData {
        row_profile: 1,
        schema_id: Digest::of(b"schema").into(),
        rows: 3,
        row_root: Digest::of(b"rows").into(),
    };
    let bytes = data.encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes;
        bytes[at] = byte;
        bytes
    };
    compare(
        "datasets",
        &[
            chunk_leaf_data("chunk", &bytes, "three rows"),
            chunk_leaf_data("chunk_no_rows", &ChunkLeafData { rows: 0, ..data }.encode(), "a chunk has a row"),
            chunk_leaf_data("chunk_row_profile_0", &with(14, 0), "no such profile"),
            chunk_leaf_data("chunk_row_profile_2", &with(14, 2), "not a profile of this version"),
            chunk_leaf_data("chunk_tag_v2", &with(12, b'2'), "another tag"),
            chunk_leaf_data("chunk_truncated", &bytes[..86], "a byte too few"),
            chunk_leaf_data("chunk_trailing_garbage", &[&bytes[..], &[0]].concat(), "a byte too many"),
            chunk_leaf_data("chunk_empty", &[], "no bytes"),
            dataset("dataset_small", 3, 1, "three rows in one chunk"),
            dataset("dataset_large", 6_001_215, 312, "as many rows as lineitem at scale 1"),
            cut("cut_minimum", &[(1, T / 4 - 1, 0), (1, 1, 0)], "no leaf ends a chunk before T/4"),
            cut("cut_below_bound", &[(1, T / 4, LAST), (1, 100, (100 << 43) - 1)], "one below 100 times 2^43"),
            cut("cut_at_bound", &[(1, T / 4, LAST), (1, 100, 100 << 43)], "exactly 100 times 2^43"),
            cut("cut_row_of_t", &[(2, T, LAST), (1, T + 1, LAST)], "a row of T bytes ends its chunk whatever its leaf"),
            cut("cut_below_t", &[(4, T - 1, LAST), (1, 3, LAST), (1, 1, LAST)], "4T - 1 bytes go on, 4T end"),
            cut("cut_rows", &[((1 << 19) + 1, 1, 0)], "2^18 rows end a chunk of any size"),
            cut("cut_equal_rows", &[(6_000, 1_000, 0)], "where every row is a cut, chunks end just past T/4"),
        ],
    );
}
