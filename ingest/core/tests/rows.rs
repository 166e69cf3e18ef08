//! Canonical rows through the public API: values there and back, no two values with the same bytes, and no bytes that
//! encoding would not make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use mira_core::cbor;
use mira_core::digest::RowLeaf;
use mira_core::row::{self, CellError, NamedRow, RowError, Seconds, TimeUnit, Value};
use mira_core::schema::{Field, Schema, SchemaError, Type};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Each type, and those that could be confused with one another.
const TYPES: [&str; 18] = [
    "bool",
    "int",
    "float",
    "text",
    "bytes",
    "date",
    "time",
    "timestamp",
    "instant",
    "duration",
    r#"["decimal",0]"#,
    r#"["decimal",2]"#,
    r#"["list","int"]"#,
    r#"["list",["list","int"]]"#,
    r#"["struct",[["x","int"]]]"#,
    r#"["struct",[["x","int"],["y","text"]]]"#,
    r#"["map","int","int"]"#,
    r#"["map","text",["list","text"]]"#,
];

fn one_column(ty: &str) -> Schema {
    Schema::from_json(&format!(r#"[["c",{}]]"#, if ty.starts_with('[') { ty.into() } else { format!("\"{ty}\"") }))
        .unwrap()
}

fn any_type() -> impl Strategy<Value = Type> {
    let scalar = prop_oneof![
        Just(Type::Bool),
        Just(Type::Int),
        Just(Type::Float),
        Just(Type::Text),
        Just(Type::Bytes),
        Just(Type::Date),
        Just(Type::Time),
        Just(Type::Timestamp),
        Just(Type::Instant),
        Just(Type::Duration),
        (0..=76_u8).prop_map(Type::Decimal),
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|ty| Type::List(Box::new(ty))),
            vec(inner.clone(), 1..4).prop_map(|types| Type::Struct(named(types))),
            (inner.clone(), inner).prop_map(|(key, value)| Type::Map(Box::new(key), Box::new(value))),
        ]
    })
}

fn named(types: Vec<Type>) -> Vec<Field> {
    types.into_iter().enumerate().map(|(i, ty)| Field::new(format!("f{i}"), ty)).collect()
}

fn any_schema() -> impl Strategy<Value = Schema> {
    vec(any_type(), 1..5).prop_map(|types| Schema::new(named(types)).unwrap())
}

fn any_seconds() -> impl Strategy<Value = Seconds> {
    prop_oneof![
        (any::<i64>(), 0..1_000_000_000_u32).prop_map(|(whole, nanos)| Seconds::new(whole, nanos).unwrap()),
        (-3..3_i64).prop_map(|ticks| Seconds::from_ticks(ticks, TimeUnit::Second)),
        (-3_000..3_000_i64).prop_map(|ticks| Seconds::from_ticks(ticks, TimeUnit::Millisecond)),
    ]
}

fn any_decimal(scale: u8) -> impl Strategy<Value = Value> {
    (any::<bool>(), "[0-9]{1,76}").prop_map(move |(negative, digits)| {
        let mut out = Vec::new();
        row::decimal_digits(&mut out, negative, digits.as_bytes(), scale).unwrap();
        Value::Decimal(cbor::Reader::new(&out).text().unwrap().to_owned())
    })
}

/// Any value of a type, null included.
fn any_value(ty: &Type) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 6 => any_non_null(ty)].boxed()
}

fn any_non_null(ty: &Type) -> BoxedStrategy<Value> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int => prop_oneof![
            (-300..300_i128).prop_map(Value::Int),
            any::<u64>().prop_map(|n| Value::Int(n.into())),
            any::<i64>().prop_map(|n| Value::Int(n.into())),
        ]
        .boxed(),
        Type::Float => any::<u64>().prop_map(|bits| f64::from_bits(bits).into()).boxed(),
        Type::Text => "\\PC{0,5}|[\u{0}-\u{9f}]{0,5}".prop_map(Value::Text).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..40).prop_map(Value::Bytes).boxed(),
        Type::Date => any::<i32>().prop_map(Value::Date).boxed(),
        Type::Time => (0..row::NANOS_PER_DAY).prop_map(Value::Time).boxed(),
        Type::Timestamp => any_seconds().prop_map(Value::Timestamp).boxed(),
        Type::Instant => any_seconds().prop_map(Value::Instant).boxed(),
        Type::Duration => any_seconds().prop_map(Value::Duration).boxed(),
        Type::Decimal(scale) => any_decimal(*scale).boxed(),
        Type::List(ty) => vec(any_value(ty), 0..4).prop_map(Value::List).boxed(),
        Type::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|field| any_value(&field.ty)).collect();
            fields.prop_map(Value::Struct).boxed()
        }
        Type::Map(key, value) => {
            vec((any_non_null(key), any_value(value)), 0..4).prop_map(|pairs| Value::Map(distinct(pairs))).boxed()
        }
    }
}

/// The pairs whose keys do not occur before them. Keys that are maps count as equal in any order.
fn distinct(pairs: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let mut kept: Vec<(Value, Value)> = Vec::new();
    for pair in pairs {
        if !kept.iter().any(|(key, _)| sorted(key) == sorted(&pair.0)) {
            kept.push(pair);
        }
    }
    kept
}

/// The value with the pairs of its maps in some order that depends on nothing but the pairs.
fn sorted(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(sorted).collect()),
        Value::Struct(items) => Value::Struct(items.iter().map(sorted).collect()),
        Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().map(|(key, value)| (sorted(key), sorted(value))).collect();
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Value::Map(pairs)
        }
        scalar => scalar.clone(),
    }
}

fn sorted_row(values: &[Value]) -> Vec<Value> {
    values.iter().map(sorted).collect()
}

fn schema_and_row() -> impl Strategy<Value = (Schema, Vec<Value>)> {
    any_schema().prop_flat_map(|schema| {
        let values: Vec<_> = schema.columns().iter().map(|field| any_value(&field.ty)).collect();
        (Just(schema), values)
    })
}

/// Values that a sloppy encoding would take for `value` or for one another.
fn neighbours(ty: &Type, value: &Value) -> Vec<Value> {
    let mut near = vec![Value::Null, value.clone()];
    near.extend(smallest(ty));
    match (ty, value) {
        (Type::Int, Value::Int(n)) if i64::try_from(*n).is_ok() => {
            near.extend([n + 1, -1 - n, n & 0xff].map(Value::Int));
        }
        (Type::Float, Value::Float(n)) => near.extend([-n.value(), n.value() + 1.0].map(Value::from)),
        (Type::Text, Value::Text(text)) => {
            near.extend([" ", "\0", "\u{feff}"].map(|c| Value::Text(format!("{text}{c}"))))
        }
        (Type::Bytes, Value::Bytes(bytes)) => near.push(Value::Bytes([&bytes[..], &[0]].concat())),
        (Type::List(item), Value::List(items)) => {
            near.push(Value::List([&items[..], &[Value::Null]].concat()));
            near.push(Value::List([&[Value::Null], &items[..]].concat()));
            near.push(Value::List(items[..items.len().saturating_sub(1)].to_vec()));
            if let Some((first, rest)) = items.split_first() {
                near.extend(neighbours(item, first).into_iter().map(|v| Value::List([&[v], rest].concat())));
            }
        }
        (Type::Struct(fields), Value::Struct(values)) => {
            for (i, field) in fields.iter().enumerate() {
                near.extend(neighbours(&field.ty, &values[i]).into_iter().map(|v| {
                    let mut values = values.clone();
                    values[i] = v;
                    Value::Struct(values)
                }));
            }
        }
        (Type::Map(_, value_type), Value::Map(pairs)) => {
            if let Some(((key, value), rest)) = pairs.split_first() {
                near.push(Value::Map(rest.to_vec()));
                near.extend(
                    neighbours(value_type, value).into_iter().map(|v| Value::Map([&[(key.clone(), v)], rest].concat())),
                );
            }
        }
        _ => {}
    }
    near
}

/// Zero, empty and the like: what null is most easily taken for.
fn smallest(ty: &Type) -> Vec<Value> {
    let second = Seconds::new(0, 0).unwrap();
    match ty {
        Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
        Type::Int => [0, 1, -1, 100, 25_600].map(Value::Int).to_vec(),
        Type::Float => [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(Value::from).to_vec(),
        Type::Text => ["", "null", "0", "\0", "[]"].map(|text| Value::Text(text.into())).to_vec(),
        Type::Bytes => vec![Value::Bytes(vec![]), Value::Bytes(vec![0]), Value::Bytes(vec![0xf6])],
        Type::Date => vec![Value::Date(0), Value::Date(-1)],
        Type::Time => vec![Value::Time(0), Value::Time(1)],
        Type::Timestamp => vec![Value::Timestamp(second)],
        Type::Instant => vec![Value::Instant(second)],
        Type::Duration => vec![Value::Duration(second)],
        Type::Decimal(0) => vec![Value::Decimal("0".into()), Value::Decimal("-1".into())],
        Type::Decimal(scale) => vec![Value::Decimal(format!("0.{}", "0".repeat(usize::from(*scale))))],
        Type::List(item) => {
            let of = |v| Value::List(vec![v]);
            [Value::List(vec![]), of(Value::Null)].into_iter().chain(smallest(item).into_iter().map(of)).collect()
        }
        Type::Struct(fields) => vec![Value::Struct(vec![Value::Null; fields.len()])],
        Type::Map(key, _) => {
            let of = |key| Value::Map(vec![(key, Value::Null)]);
            [Value::Map(vec![])].into_iter().chain(smallest(key).into_iter().map(of)).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn values_come_back((schema, values) in schema_and_row()) {
        let bytes = row::encode_row(&schema, &values).unwrap();
        let back = row::decode_row(&schema, &bytes).unwrap();
        prop_assert_eq!(sorted_row(&back), sorted_row(&values));
        prop_assert_eq!(row::encode_row(&schema, &back).unwrap(), &bytes[..]);
        prop_assert_eq!(row::check_row(&schema, &bytes), Ok(()));
        let shown = NamedRow { schema: &schema, values: &back }.to_string();
        prop_assert!(!shown.chars().any(char::is_control));
    }

    #[test]
    fn different_values_have_different_bytes((schema, values) in schema_and_row()) {
        let mut seen: HashMap<Vec<u8>, Vec<Value>> = HashMap::new();
        for (i, field) in schema.columns().iter().enumerate() {
            for near in neighbours(&field.ty, &values[i]) {
                let mut values = values.clone();
                values[i] = near;
                // A neighbour of a map may repeat a key; then it is no value.
                let Ok(bytes) = row::encode_row(&schema, &values) else { continue };
                match seen.entry(bytes) {
                    Entry::Occupied(before) => prop_assert_eq!(sorted_row(before.get()), sorted_row(&values)),
                    Entry::Vacant(free) => drop(free.insert(values)),
                }
            }
        }
    }

    #[test]
    fn accepted_bytes_are_the_ones_that_encoding_makes(
        (schema, values) in schema_and_row(),
        edits in vec((any::<Index>(), any::<u8>(), 0..4_u8), 0..4),
    ) {
        let mut bytes = row::encode_row(&schema, &values).unwrap();
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte & 7),
                2 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        canonical_or_refused(&schema, &bytes);
    }

    #[test]
    fn random_bytes_are_no_row_or_a_canonical_one(schema in any_schema(), mut bytes in vec(any::<u8>(), 0..60)) {
        canonical_or_refused(&schema, &bytes);
        let columns = u8::try_from(schema.columns().len()).unwrap();
        bytes.insert(0, 0x80 | columns);
        canonical_or_refused(&schema, &bytes);
    }

    #[test]
    fn schemas_come_back(schema in any_schema()) {
        prop_assert_eq!(&Schema::from_cbor(&schema.to_cbor()).unwrap(), &schema);
        prop_assert_eq!(&Schema::from_json(&schema.to_json()).unwrap(), &schema);
    }

    #[test]
    fn accepted_schemas_are_the_ones_that_encoding_makes(
        schema in any_schema(),
        at in any::<Index>(),
        byte in any::<u8>(),
        random in vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = schema.to_cbor();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for bytes in [bytes, random] {
            if let Ok(schema) = Schema::from_cbor(&bytes) {
                prop_assert_eq!(schema.to_cbor(), bytes);
            }
        }
    }
}

/// Both readers agree, and accepted bytes encode to themselves.
fn canonical_or_refused(schema: &Schema, bytes: &[u8]) {
    let decoded = row::decode_row(schema, bytes);
    assert_eq!(row::check_row(schema, bytes), decoded.clone().map(drop));
    if let Ok(values) = decoded {
        assert_eq!(row::encode_row(schema, &values).unwrap(), bytes);
    }
}

/// A value of each type of [`TYPES`] that has no shorter form.
fn samples() -> Vec<Value> {
    let second = Seconds::new(1, 1).unwrap();
    let int = || Value::Int(1);
    let text = || Value::Text("a".into());
    vec![
        Value::Bool(true),
        Value::Int(-1),
        1.0.into(),
        text(),
        Value::Bytes(vec![1]),
        Value::Date(-1),
        Value::Time(1),
        Value::Timestamp(second),
        Value::Instant(second),
        Value::Duration(second),
        Value::Decimal("1".into()),
        Value::Decimal("1.00".into()),
        Value::List(vec![int(), int(), int()]),
        Value::List(vec![Value::List(vec![])]),
        Value::Struct(vec![int()]),
        Value::Struct(vec![int(), text()]),
        Value::Map(vec![(int(), int())]),
        Value::Map(vec![(text(), Value::List(vec![]))]),
    ]
}

#[test]
fn a_value_of_another_type_is_refused() {
    let schemas = TYPES.map(one_column);
    for (i, schema) in schemas.iter().enumerate() {
        for (j, value) in samples().into_iter().enumerate() {
            let result = row::encode_row(schema, &[value]);
            assert_eq!(result.is_ok(), i == j, "{} as {}", TYPES[j], TYPES[i]);
        }
    }
}

/// Bytes are typed by the schema that stands beside them in every digest; without it, these are all that look alike.
#[test]
fn bytes_of_another_type_are_refused_but_for_these() {
    // A whole number of days, nanoseconds or seconds is an integer, a fraction of a second a pair of them;
    // a decimal is text, and structs and maps are arrays.
    let alike = [
        ("int", "date timestamp instant duration"),
        ("date", "int timestamp instant duration"),
        ("time", "int date timestamp instant duration"),
        ("timestamp", r#"instant duration ["list","int"]"#),
        ("instant", r#"timestamp duration ["list","int"]"#),
        ("duration", r#"timestamp instant ["list","int"]"#),
        (r#"["decimal",0]"#, "text"),
        (r#"["decimal",2]"#, "text"),
        (r#"["struct",[["x","int"]]]"#, r#"["list","int"]"#),
        (r#"["map","int","int"]"#, r#"["list",["list","int"]]"#),
    ];
    for (from, value) in TYPES.iter().zip(samples()) {
        let bytes = row::encode_row(&one_column(from), &[value]).unwrap();
        let accepts = |ty: &&str| ty != from && row::check_row(&one_column(ty), &bytes).is_ok();
        let found: Vec<&str> = TYPES.into_iter().filter(accepts).collect();
        let expected = alike.iter().find(|(ty, _)| ty == from).map(|(_, others)| *others).unwrap_or_default();
        assert_eq!(found.join(" "), expected, "{from}");
    }
    let ids: HashSet<_> = TYPES.iter().map(|ty| one_column(ty).type_id()).collect();
    assert_eq!(ids.len(), TYPES.len());
}

fn leaves(ty: &str, rows: &[Value]) -> Vec<RowLeaf> {
    let schema = one_column(ty);
    rows.iter().map(|value| row::row_leaf(&row::encode_row(&schema, std::slice::from_ref(value)).unwrap())).collect()
}

/// Tables that arrow-digest (`RecordDigestV0`) gives one digest: null is a zero byte there, and rows are not counted.
#[test]
fn tables_that_arrow_digest_confuses_are_distinct() {
    let (null, int, text) = (Value::Null, Value::Int, Value::Text);
    assert_ne!(leaves("int", &[null.clone(), int(100)]), leaves("int", &[int(25_600), null.clone()]));
    assert_ne!(leaves("int", &[null.clone(), int(1)]), leaves("int", &[int(0), int(1)]));
    assert_ne!(leaves("text", &[text(String::new())]), leaves("text", &vec![null.clone(); 8]));
    assert_ne!(leaves("text", &[text(String::new())])[0], leaves("text", std::slice::from_ref(&null))[0]);
    let of_struct = |value| leaves(r#"["struct",[["a","int"]]]"#, &[value]);
    let structs = [null.clone(), Value::Struct(vec![null]), Value::Struct(vec![int(0)])].map(of_struct);
    assert!(structs[0] != structs[1] && structs[1] != structs[2] && structs[0] != structs[2]);
}

#[test]
fn names_change_the_schema_id_and_not_the_type_id() {
    let schema = |json| Schema::from_json(json).unwrap();
    let a = schema(r#"[["a",["struct",[["x","int"]]]]]"#);
    let b = schema(r#"[["b",["struct",[["y","int"]]]]]"#);
    assert_eq!(a.type_id(), b.type_id());
    assert_ne!(a.schema_id(), b.schema_id());
    let leaf = leaves("int", &[Value::Int(0)])[0];
    assert_ne!(row::row_key(&a.type_id(), &leaf), row::row_key(&one_column("int").type_id(), &leaf));
}

#[test]
fn a_row_of_64_mib_and_no_byte_more() {
    let schema = one_column("bytes");
    // One byte for the row's array and five for the byte string's head.
    let longest = row::MAX_BYTES - 6;
    let mut bytes = row::encode_row(&schema, &[Value::Bytes(vec![0; longest])]).unwrap();
    assert_eq!(bytes.len(), row::MAX_BYTES);
    assert_eq!(row::check_row(&schema, &bytes), Ok(()));
    let too_long = RowError::Length { found: row::MAX_BYTES + 1 };
    assert_eq!(row::encode_row(&schema, &[Value::Bytes(vec![0; longest + 1])]), Err(too_long.clone()));
    bytes.push(0);
    assert_eq!(row::check_row(&schema, &bytes), Err(too_long));
}

#[test]
fn what_a_value_may_hold_and_a_row_may_not() {
    let refused = |ty: &str, value: Value| match row::encode_row(&one_column(ty), &[value]).unwrap_err() {
        RowError::Cell { column: 0, source, .. } => source,
        other => panic!("{other}"),
    };
    for found in [i128::from(i64::MIN) - 1, i128::from(u64::MAX) + 1] {
        assert_eq!(refused("int", Value::Int(found)), CellError::Int { found });
    }
    assert_eq!(refused("time", Value::Time(row::NANOS_PER_DAY)), CellError::Time { found: row::NANOS_PER_DAY });
    let pair = |key| (key, Value::Null);
    assert_eq!(refused(TYPES[16], Value::Map(vec![pair(Value::Null)])), CellError::NullKey);
    let twice = vec![pair(Value::Int(1)), pair(Value::Int(0)), pair(Value::Int(1))];
    assert_eq!(refused(TYPES[16], Value::Map(twice)), CellError::DuplicateKey);
    assert_eq!(refused(TYPES[14], Value::Struct(vec![])), CellError::Fields { expected: 1, found: 0 });
    assert_eq!(row::encode_row(&one_column("int"), &[]), Err(RowError::Columns { expected: 1, found: 0 }));
}

#[test]
fn foreign_counts_and_depths_cost_nothing() {
    let huge = [0x81, 0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(row::decode_row(&one_column(TYPES[12]), &huge).is_err());
    // ["c", ["list", ["list", …]]], far deeper than the stack.
    let mut deep = vec![0x81, 0x82, 0x61, b'c'];
    deep.extend(b"\x82\x64list".repeat(1_000_000));
    assert!(matches!(Schema::from_cbor(&deep), Err(SchemaError::Depth { .. })));
}

/// Prints how fast the append functions write rows like those of TPC-H's lineitem, and how fast leaves follow.
#[test]
#[ignore = "prints figures; run with --ignored --nocapture, best in release"]
fn speed_of_encoding() {
    const ROWS: i64 = 1_000_000;
    let (mut out, mut total, mut ends) = (Vec::with_capacity(200 << 20), 0, 0_u8);
    let started = std::time::Instant::now();
    for n in 0..ROWS {
        row::begin(&mut out, 10);
        for int in [n, n % 200_000, n % 10_000, n % 7] {
            cbor::int(&mut out, int);
        }
        for unscaled in [n % 50 * 100, n * 37 % 10_000_000, n % 11] {
            row::decimal(&mut out, unscaled.into(), 2);
        }
        cbor::text(&mut out, "N");
        row::date(&mut out, i32::try_from(9_000 + n % 2_500).unwrap());
        cbor::text(&mut out, "furiously regular deposits sleep");
        total = out.len();
    }
    let encoded = started.elapsed();
    for row in out.chunks(total / usize::try_from(ROWS).unwrap()) {
        ends ^= row::row_leaf(row).as_bytes()[0];
    }
    let hashed = started.elapsed() - encoded;
    println!("{total} bytes of {ROWS} rows: encoded in {encoded:?}, hashed in {hashed:?} ({ends})");
}
