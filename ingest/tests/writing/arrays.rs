//! Random values, and Arrow arrays that hold them in every way Arrow has.

use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit};
use mira_core::row::{Seconds, TimeUnit as RowUnit, Value};
use mira_core::schema::{Field, Schema, Type};

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to but not including `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Numbers of all magnitudes.
    fn int64(&mut self) -> i64 {
        let shift = self.below(64);
        self.next().cast_signed() >> shift
    }
}

/// A type of at most this depth.
pub(crate) fn ty(random: &mut Random, depth: usize) -> Type {
    match random.below(if depth > 1 { 15 } else { 12 }) {
        0 => Type::Bool,
        1 | 2 => Type::Int,
        3 => Type::Float,
        4 => Type::Text,
        5 => Type::Bytes,
        6 => Type::Date,
        7 => Type::Time,
        8 => Type::Timestamp,
        9 => Type::Instant,
        10 => Type::Duration,
        11 => Type::Decimal(random.pick(&[0, 2, 9, 20, 76])),
        12 => Type::List(Box::new(ty(random, depth - 1))),
        13 => Type::Struct(fields(random, depth - 1, 1)),
        _ => Type::Map(Box::new(ty(random, depth - 1)), Box::new(ty(random, depth - 1))),
    }
}

fn fields(random: &mut Random, depth: usize, least: usize) -> Vec<Field> {
    let count = least + random.below(3);
    (0..count).map(|i| Field::new(format!("{}{i}", random.pick(&["", "f", "é\"", ","])), ty(random, depth))).collect()
}

pub(crate) fn schema(random: &mut Random) -> Schema {
    Schema::new(fields(random, 3, 1)).unwrap()
}

/// A value of a type; null one time in six.
pub(crate) fn value(random: &mut Random, ty: &Type) -> Value {
    if random.one_in(6) { Value::Null } else { present(random, ty) }
}

/// A value of a type, not null.
fn present(random: &mut Random, ty: &Type) -> Value {
    match ty {
        Type::Bool => Value::Bool(random.one_in(2)),
        Type::Int => Value::Int(random.int64().into()),
        Type::Float => float(random).into(),
        Type::Text => Value::Text(text(random)),
        Type::Bytes => Value::Bytes(text(random).into_bytes().into_iter().map(|byte| byte ^ 0xa5).collect()),
        Type::Date => Value::Date(i32::try_from(random.int64() >> 32).unwrap()),
        Type::Time => Value::Time(random.next() % 86_400_000 * random.pick(&[1_000_000, 1])),
        Type::Timestamp => Value::Timestamp(seconds(random)),
        Type::Instant => Value::Instant(seconds(random)),
        Type::Duration => Value::Duration(seconds(random)),
        Type::Decimal(scale) => Value::Decimal(decimal(random, *scale)),
        Type::List(item) => Value::List((0..random.below(4)).map(|_| value(random, item)).collect()),
        Type::Struct(fields) => Value::Struct(fields.iter().map(|field| value(random, &field.ty)).collect()),
        Type::Map(key, ty) => {
            let mut pairs: Vec<(Value, Value)> = Vec::new();
            for _ in 0..random.below(4) {
                let key = present(random, key);
                if !pairs.iter().any(|(other, _)| same_key(other, &key)) {
                    pairs.push((key, value(random, ty)));
                }
            }
            Value::Map(pairs)
        }
    }
}

/// Equal as the oracle sees it, for which maps within keys have no order.
fn same_key(a: &Value, b: &Value) -> bool {
    let key = |value: &Value| format!("{:?}", ordered(value.clone()));
    key(a) == key(b)
}

pub(crate) fn ordered(value: Value) -> Value {
    match value {
        Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (ordered(key), ordered(value))).collect();
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Value::Map(pairs)
        }
        Value::List(items) => Value::List(items.into_iter().map(ordered).collect()),
        Value::Struct(items) => Value::Struct(items.into_iter().map(ordered).collect()),
        value => value,
    }
}

fn float(random: &mut Random) -> f64 {
    match random.below(4) {
        0 => random.pick(&[0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0, 0.1]),
        1 => f64::from(f32::from_bits(u32::try_from(random.next() >> 32).unwrap())),
        2 => random.int64() as f64 / 100.0,
        _ => f64::from_bits(random.next()),
    }
}

fn text(random: &mut Random) -> String {
    let parts = ["", "a", "é水", "\"", ",", "\r\n", " ", "\u{feff}", "null", "\0", "plain words", "𝄞"];
    (0..random.below(5)).map(|_| random.pick(&parts)).collect()
}

/// Within the years that have a text form, in all precisions that both units hold.
fn seconds(random: &mut Random) -> Seconds {
    let unit = random.pick(&[RowUnit::Second, RowUnit::Millisecond, RowUnit::Microsecond, RowUnit::Nanosecond]);
    Seconds::from_ticks((random.int64() % 9_000_000_000_000_000_000) / (1_000_000_000 / unit.per_second()), unit)
}

fn decimal(random: &mut Random, scale: u8) -> String {
    let digits = 1 + random.below(76);
    let mut text: String = (0..digits).map(|_| char::from(b'0' + u8::try_from(random.below(10)).unwrap())).collect();
    let scale = usize::from(scale);
    text = text.trim_start_matches('0').to_owned();
    let padded = format!("{text:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let sign = if random.one_in(2) && !text.is_empty() { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

pub(crate) fn rows(random: &mut Random, schema: &Schema, count: usize) -> Vec<Vec<Value>> {
    let row = |_| schema.columns().iter().map(|column| value(random, &column.ty)).collect();
    (0..count).map(row).collect()
}

/// How arrays are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Plain arrays of the working types, as wide as the values ask for.
    Working,
    /// Any encoding, width and unit that holds the values; nulls hide other values; slices of larger arrays.
    Any,
}

/// A batch of these rows.
pub(crate) fn batch(random: &mut Random, schema: &Schema, rows: &[Vec<Value>], style: Style) -> RecordBatch {
    let column = |(i, field): (usize, &Field)| {
        let values: Vec<Value> = rows.iter().map(|row| row[i].clone()).collect();
        Builder { random, style }.array(&field.ty, &values)
    };
    let arrays: Vec<ArrayRef> = schema.columns().iter().enumerate().map(column).collect();
    let fields = schema.columns().iter().zip(&arrays);
    let fields: Fields = fields.map(|(c, array)| ArrowField::new(&c.name, array.data_type().clone(), true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(arrow_schema::Schema::new(fields)), arrays, &options).unwrap()
}

struct Builder<'r> {
    random: &'r mut Random,
    style: Style,
}

impl Builder<'_> {
    /// An array of these values, perhaps in a wrapping.
    fn array(&mut self, ty: &Type, values: &[Value]) -> ArrayRef {
        if self.style == Style::Working {
            return self.plain(ty, values);
        }
        match self.random.below(6) {
            0 => self.dictionary(ty, values),
            1 => self.runs(ty, values),
            2 => {
                let (before, after) = (self.random.below(3), self.random.below(3));
                let junk = |random: &mut Random, n| (0..n).map(|_| value(random, ty)).collect::<Vec<_>>();
                let all = [junk(self.random, before), values.to_vec(), junk(self.random, after)].concat();
                self.array(ty, &all).slice(before, values.len())
            }
            3 if values.iter().all(|value| *value == Value::Null) && *ty == Type::Text => {
                Arc::new(NullArray::new(values.len()))
            }
            _ => self.plain(ty, values),
        }
    }

    fn dictionary(&mut self, ty: &Type, values: &[Value]) -> ArrayRef {
        // Some values twice, some unused; nulls among the keys or among the values.
        let mut distinct: Vec<Value> = Vec::new();
        let mut keys: Vec<Option<u32>> = Vec::new();
        for value in values {
            if *value == Value::Null && self.random.one_in(2) {
                keys.push(None);
                continue;
            }
            let found = distinct.iter().position(|other| other == value).filter(|_| !self.random.one_in(4));
            let at = found.unwrap_or_else(|| {
                distinct.push(value.clone());
                distinct.len() - 1
            });
            keys.push(Some(u32::try_from(at).unwrap()));
        }
        distinct.push(present(self.random, ty));
        let values = self.array(ty, &distinct);
        if self.random.one_in(2) && distinct.len() < 100 {
            let keys: Int8Array = keys.iter().map(|key| key.map(|key| i8::try_from(key).unwrap())).collect();
            Arc::new(DictionaryArray::new(keys, values))
        } else {
            Arc::new(DictionaryArray::new(keys.into_iter().collect::<UInt32Array>(), values))
        }
    }

    fn runs(&mut self, ty: &Type, values: &[Value]) -> ArrayRef {
        let (mut ends, mut distinct): (Vec<i32>, Vec<Value>) = (Vec::new(), Vec::new());
        for (i, value) in values.iter().enumerate() {
            let end = i32::try_from(i + 1).unwrap();
            match (ends.last_mut(), distinct.last()) {
                (Some(last), Some(previous)) if previous == value => *last = end,
                _ => {
                    ends.push(end);
                    distinct.push(value.clone());
                }
            }
        }
        // Arrow has no run-end array without runs.
        if values.is_empty() {
            return self.plain(ty, values);
        }
        let array = self.array(ty, &distinct);
        Arc::new(RunArray::<Int32Type>::try_new(&Int32Array::from(ends), array.as_ref()).unwrap())
    }

    fn plain(&mut self, ty: &Type, values: &[Value]) -> ArrayRef {
        match ty {
            Type::Bool => Arc::new(
                values.iter().map(|v| if let Value::Bool(v) = v { Some(*v) } else { None }).collect::<BooleanArray>(),
            ),
            Type::Int => self.ints(values),
            Type::Float => self.floats(values),
            Type::Text => {
                let texts: Vec<_> =
                    values.iter().map(|v| if let Value::Text(v) = v { Some(v.as_str()) } else { None }).collect();
                match self.choice(3) {
                    0 => Arc::new(StringArray::from(texts)),
                    1 => Arc::new(LargeStringArray::from(texts)),
                    _ => Arc::new(StringViewArray::from(texts)),
                }
            }
            Type::Bytes => self.bytes(values),
            Type::Date => {
                let days: Vec<_> =
                    values.iter().map(|v| if let Value::Date(v) = v { Some(*v) } else { None }).collect();
                match self.choice(2) {
                    0 => Arc::new(Date32Array::from(days)),
                    _ => hiding::<Date64Type>(days.iter().map(|day| day.map(|day| i64::from(day) * 86_400_000)), 7),
                }
            }
            Type::Time => self.times(values),
            Type::Timestamp | Type::Instant | Type::Duration => self.seconds(ty, values),
            Type::Decimal(scale) => self.decimals(*scale, values),
            Type::List(item) => self.lists(item, values),
            Type::Struct(fields) => self.structs(fields, values),
            Type::Map(key, value) => self.maps(key, value, values),
        }
    }

    /// A value that nobody should see.
    fn junk(&mut self, ty: &Type) -> Value {
        value(self.random, ty)
    }

    /// 0 in the working style.
    fn choice(&mut self, choices: usize) -> usize {
        if self.style == Style::Working { 0 } else { self.random.below(choices) }
    }

    fn ints(&mut self, values: &[Value]) -> ArrayRef {
        let ints: Vec<Option<i128>> =
            values.iter().map(|v| if let Value::Int(v) = v { Some(*v) } else { None }).collect();
        let fits = |low: i128, high: i128| ints.iter().flatten().all(|int| (low..=high).contains(int));
        let mut widths: Vec<MakeInts> = Vec::new();
        macro_rules! width {
            ($($ty:ident $native:ty),*) => {$(
                if fits(<$native>::MIN.into(), <$native>::MAX.into()) {
                    widths.push(|ints| {
                        let ints = ints.iter().map(|int| int.map(|int| <$native>::try_from(int).unwrap()));
                        hiding::<$ty>(ints, <$native>::MAX)
                    });
                }
            )*};
        }
        width!(Int64Type i64, UInt64Type u64);
        if self.style == Style::Any {
            width!(Int8Type i8, Int16Type i16, Int32Type i32, UInt8Type u8, UInt16Type u16, UInt32Type u32);
        }
        assert!(!widths.is_empty(), "no width holds all of these values");
        let at = self.choice(widths.len());
        widths[at](&ints)
    }

    fn floats(&mut self, values: &[Value]) -> ArrayRef {
        let floats: Vec<Option<f64>> =
            values.iter().map(|v| if let Value::Float(v) = v { Some(v.value()) } else { None }).collect();
        let single = floats.iter().flatten().all(|v| v.is_nan() || f64::from(*v as f32).to_bits() == v.to_bits());
        let odd = |v: f64| if v.is_nan() { f64::from_bits(0xfff8_0000_0000_0123) } else { v };
        match self.choice(2) {
            1 if single => hiding::<Float32Type>(floats.iter().map(|v| v.map(|v| v as f32)), 9.0),
            0 if self.style == Style::Working => hiding::<Float64Type>(floats.iter().copied(), 9.0),
            _ => hiding::<Float64Type>(floats.iter().map(|v| v.map(odd)), f64::NAN),
        }
    }

    fn bytes(&mut self, values: &[Value]) -> ArrayRef {
        let bytes: Vec<_> =
            values.iter().map(|v| if let Value::Bytes(v) = v { Some(v.as_slice()) } else { None }).collect();
        let mut lengths = bytes.iter().flatten().map(|bytes| bytes.len());
        let first = lengths.next().unwrap_or(0);
        let fixed = lengths.all(|len| len == first);
        match self.choice(4) {
            0 => Arc::new(BinaryArray::from(bytes)),
            1 => Arc::new(LargeBinaryArray::from(bytes)),
            2 if fixed => {
                let size = i32::try_from(first).unwrap();
                Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.into_iter(), size).unwrap())
            }
            _ => Arc::new(BinaryViewArray::from(bytes)),
        }
    }

    fn times(&mut self, values: &[Value]) -> ArrayRef {
        let nanos: Vec<Option<i64>> = values
            .iter()
            .map(|v| if let Value::Time(v) = v { Some(i64::try_from(*v).unwrap()) } else { None })
            .collect();
        let whole = |unit: i64| nanos.iter().flatten().all(|nanos| nanos % unit == 0);
        let in_unit = |unit: i64| nanos.iter().map(move |nanos| nanos.map(|nanos| nanos / unit));
        let in_small = |unit: i64| in_unit(unit).map(|count| count.map(|count| i32::try_from(count).unwrap()));
        match self.choice(4) {
            1 if whole(1_000) => hiding::<Time64MicrosecondType>(in_unit(1_000), -1),
            2 if whole(1_000_000) => hiding::<Time32MillisecondType>(in_small(1_000_000), -1),
            3 if whole(1_000_000_000) => hiding::<Time32SecondType>(in_small(1_000_000_000), -1),
            _ => hiding::<Time64NanosecondType>(nanos.iter().copied(), -1),
        }
    }

    fn seconds(&mut self, ty: &Type, values: &[Value]) -> ArrayRef {
        let nanos: Vec<Option<i128>> = values.iter().map(nanos_of).collect();
        let per_tick = |unit| match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        };
        let ticks = |unit| -> Option<Vec<Option<i64>>> {
            let tick = |nanos: &Option<i128>| match nanos {
                None => Some(None),
                Some(nanos) if nanos % per_tick(unit) == 0 => i64::try_from(nanos / per_tick(unit)).ok().map(Some),
                Some(_) => None,
            };
            nanos.iter().map(tick).collect()
        };
        let mut units = vec![TimeUnit::Microsecond, TimeUnit::Nanosecond];
        if self.style == Style::Any {
            units.extend([TimeUnit::Millisecond, TimeUnit::Second]);
        }
        let fitting: Vec<_> = units.into_iter().filter_map(|unit| Some((unit, ticks(unit)?))).collect();
        let at = self.choice(fitting.len());
        let (unit, ticks) = fitting[at].clone();
        let zone = match ty {
            Type::Timestamp => None,
            _ if self.style == Style::Working => Some("UTC".into()),
            _ => Some(self.random.pick(&["UTC", "+01:30", "Europe/Berlin"]).into()),
        };
        let target = if *ty == Type::Duration { DataType::Duration(unit) } else { DataType::Timestamp(unit, zone) };
        let counts = hiding::<Int64Type>(ticks.into_iter(), 5);
        make_array(counts.to_data().into_builder().data_type(target).build().unwrap())
    }

    fn decimals(&mut self, scale: u8, values: &[Value]) -> ArrayRef {
        let unscaled = |v: &Value| match v {
            Value::Decimal(text) => Some(i256::from_string(&text.replace('.', "")).unwrap()),
            _ => None,
        };
        let decimals: Vec<Option<i256>> = values.iter().map(unscaled).collect();
        let most = decimals.iter().flatten().map(|v| v.to_string().trim_start_matches('-').len()).max().unwrap_or(1);
        let digits = u8::try_from(most).unwrap().max(scale).max(1);
        let small = |v: &Option<i256>| v.map(|v| v.to_i128().unwrap());
        let scale = i8::try_from(scale).unwrap();
        let kind = match digits {
            0..=9 => self.choice(4),
            10..=18 => self.choice(3),
            19..=38 => self.choice(2),
            _ => 4,
        };
        let target = match kind {
            0 => DataType::Decimal128(digits, scale),
            3 => DataType::Decimal32(digits, scale),
            2 => DataType::Decimal64(digits, scale),
            _ => DataType::Decimal256(digits, scale),
        };
        let array = match kind {
            0 => hiding::<Decimal128Type>(decimals.iter().map(small), 3),
            3 => hiding::<Decimal32Type>(decimals.iter().map(|v| small(v).map(|v| i32::try_from(v).unwrap())), 3),
            2 => hiding::<Decimal64Type>(decimals.iter().map(|v| small(v).map(|v| i64::try_from(v).unwrap())), 3),
            _ => hiding::<Decimal256Type>(decimals.iter().copied(), i256::ONE),
        };
        make_array(array.to_data().into_builder().data_type(target).build().unwrap())
    }

    fn lists(&mut self, item: &Type, values: &[Value]) -> ArrayRef {
        let mut items: Vec<Value> = Vec::new();
        let mut spans: Vec<(usize, usize)> = Vec::new();
        let first_len =
            values.iter().find_map(|v| if let Value::List(v) = v { Some(v.len()) } else { None }).unwrap_or(1);
        let fixed = values.iter().all(|v| if let Value::List(v) = v { v.len() == first_len } else { true });
        let kind = match self.choice(5) {
            4 if !fixed => 0,
            kind => kind,
        };
        for value in values {
            let start = items.len();
            match value {
                Value::List(list) => items.extend(list.iter().cloned()),
                _ if kind == 4 => items.extend((0..first_len).map(|_| self.junk(item))),
                // What a null hides.
                _ if self.style == Style::Any => {
                    let hidden = self.random.below(3);
                    items.extend((0..hidden).map(|_| self.junk(item)));
                }
                _ => {}
            }
            spans.push((start, items.len() - start));
        }
        let nulls = validity(values);
        let array = self.array(item, &items);
        let field = Arc::new(ArrowField::new("item", array.data_type().clone(), true));
        let lengths = spans.iter().map(|(_, len)| *len);
        match kind {
            0 => Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), array, nulls)),
            1 => Arc::new(LargeListArray::new(field, OffsetBuffer::from_lengths(lengths), array, nulls)),
            2 => {
                let offsets: ScalarBuffer<i32> =
                    spans.iter().map(|(start, _)| i32::try_from(*start).unwrap()).collect();
                let sizes: ScalarBuffer<i32> = lengths.map(|len| i32::try_from(len).unwrap()).collect();
                Arc::new(ListViewArray::new(field, offsets, sizes, array, nulls))
            }
            3 => {
                let offsets: ScalarBuffer<i64> =
                    spans.iter().map(|(start, _)| i64::try_from(*start).unwrap()).collect();
                let sizes: ScalarBuffer<i64> = lengths.map(|len| i64::try_from(len).unwrap()).collect();
                Arc::new(LargeListViewArray::new(field, offsets, sizes, array, nulls))
            }
            _ => {
                let size = i32::try_from(first_len).unwrap();
                Arc::new(FixedSizeListArray::try_new_with_length(field, size, array, nulls, values.len()).unwrap())
            }
        }
    }

    fn structs(&mut self, fields: &[Field], values: &[Value]) -> ArrayRef {
        let mut children = Vec::new();
        for (i, field) in fields.iter().enumerate() {
            let child: Vec<Value> = values
                .iter()
                .map(|value| match value {
                    Value::Struct(values) => values[i].clone(),
                    // What a null hides.
                    _ if self.style == Style::Any => self.junk(&field.ty),
                    _ => Value::Null,
                })
                .collect();
            let array = self.array(&field.ty, &child);
            children.push((ArrowField::new(&field.name, array.data_type().clone(), true), array));
        }
        let (fields, arrays): (Vec<_>, Vec<_>) = children.into_iter().unzip();
        Arc::new(StructArray::new(Fields::from(fields), arrays, validity(values)))
    }

    fn maps(&mut self, key: &Type, value: &Type, values: &[Value]) -> ArrayRef {
        let (mut keys, mut items, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for map in values {
            let mut pairs = if let Value::Map(pairs) = map { pairs.clone() } else { Vec::new() };
            // What a null hides: the same key twice, where keys can be made.
            if *map == Value::Null && self.style == Style::Any && self.random.one_in(2) {
                let junk = (present(self.random, key), Value::Null);
                pairs = vec![junk.clone(), junk];
            }
            for i in (1..pairs.len()).rev() {
                let j = self.random.below(i + 1);
                pairs.swap(i, j);
            }
            lengths.push(pairs.len());
            for (key, value) in pairs {
                keys.push(key);
                items.push(value);
            }
        }
        // Arrow wants keys of maps without nulls, which a run-end array cannot promise.
        let keys = self.plain(key, &keys);
        let items = self.array(value, &items);
        let fields = Fields::from(vec![
            ArrowField::new("keys", keys.data_type().clone(), false),
            ArrowField::new("values", items.data_type().clone(), true),
        ]);
        let entries = StructArray::new(fields.clone(), vec![keys, items], None);
        let field = Arc::new(ArrowField::new("entries", DataType::Struct(fields), false));
        Arc::new(MapArray::new(field, OffsetBuffer::from_lengths(lengths), entries, validity(values), false))
    }
}

/// Makes an array of one width.
type MakeInts = fn(&[Option<i128>]) -> ArrayRef;

fn validity(values: &[Value]) -> Option<NullBuffer> {
    Some(NullBuffer::from_iter(values.iter().map(|value| *value != Value::Null)))
}

fn nanos_of(value: &Value) -> Option<i128> {
    match value {
        Value::Timestamp(at) | Value::Instant(at) | Value::Duration(at) => {
            Some(i128::from(at.whole()) * 1_000_000_000 + i128::from(at.nanos()))
        }
        _ => None,
    }
}

/// A primitive array whose nulls hide a value.
fn hiding<T: ArrowPrimitiveType>(values: impl Iterator<Item = Option<T::Native>>, hidden: T::Native) -> ArrayRef {
    let values: Vec<Option<T::Native>> = values.collect();
    let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
    let values: ScalarBuffer<T::Native> = values.into_iter().map(|value| value.unwrap_or(hidden)).collect();
    Arc::new(PrimitiveArray::<T>::new(values, Some(nulls)))
}
