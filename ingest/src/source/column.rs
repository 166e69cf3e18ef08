//! Columns under construction: text and JSON values become Arrow arrays, exactly or not at all.
//!
//! A value that is refused may leave parts of itself behind: [`Record::truncate`] goes back to the last whole row.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, DurationNanosecondType, Float64Type,
    Int64Type, Time64NanosecondType, TimestampMicrosecondType, TimestampNanosecondType, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, MapArray, PrimitiveArray, StringArray,
    StructArray,
};
use arrow_buffer::{ArrowNativeType, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{ArrowError, DataType};

use mira_core::base64;
use mira_core::schema::{Field, Type};

use super::error::{JsonProblem, Reason, excerpt};
use super::json::{Json, JsonError, Kind};
use super::members::Members;
use super::moment::{self, DurationRefusal, Moment};
use super::number::{self, DecimalRefusal, Int, Number, Plain, Unscaled};
use super::working::{Need, Width, digit_class, list_item, map_entries, map_fields, struct_fields};

/// A column that grows value by value. After an error it must be cut back to a length before.
#[derive(Debug)]
pub(crate) enum Column {
    Bool(Values<bool>),
    Int(Values<i64>),
    Unsigned(Values<u64>),
    Float(Values<f64>),
    Text(Strings),
    Bytes(Strings),
    Date(Values<i32>),
    Time(Values<i64>),
    Moment { values: Values<i64>, zoned: bool, nanos: bool },
    Duration { values: Values<i64>, nanos: bool },
    Decimal { values: Values<i128>, scale: u8, digits: u8 },
    BigDecimal { values: Values<i256>, scale: u8 },
    List { ends: Ends, item: Box<Column> },
    Struct { valid: Validity, record: Record },
    Map { ends: Ends, key: Box<Column>, value: Box<Column> },
}

/// Columns side by side, filled from objects: the rows of NDJSON, or the fields of a struct.
#[derive(Debug)]
pub(crate) struct Record {
    members: Members,
    columns: Vec<Column>,
}

/// Values of a fixed size.
#[derive(Debug, Default)]
pub(crate) struct Values<T> {
    values: Vec<T>,
    valid: Validity,
}

/// Values of any length, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    data: Vec<u8>,
    ends: Ends,
}

/// Where values of any length begin and end.
#[derive(Debug)]
pub(crate) struct Ends {
    offsets: Vec<i32>,
    valid: Validity,
}

/// Which values are not null; takes memory from the first null on.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    len: usize,
    bits: Option<BooleanBufferBuilder>,
}

/// A value that a column does not take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The index at each level inside the column, innermost first.
    pub(crate) path: Vec<usize>,
    /// The offset of the value in the text.
    pub(crate) at: usize,
    pub(crate) fault: Fault,
    /// The value, escaped and cut.
    pub(crate) excerpt: String,
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not of the type.
    Reason(Reason),
    /// It is of the type, but the column was made too narrow.
    Need(Need),
    /// It is a key that the struct lacks; the excerpt is its start, not escaped.
    UnknownKey,
    /// The text around it is not JSON.
    Json(JsonProblem),
}

const BASE64_FORM: &str = "base64 with padding";

type Pushed = Result<(), Box<Refusal>>;

impl Column {
    pub(crate) fn new(ty: &Type, width: &Width) -> Self {
        let inner = |index, ty: &Type| match width.at(index) {
            Some(width) => Box::new(Self::new(ty, width)),
            None => Box::new(Self::new(ty, &Width::narrowest(ty))),
        };
        let nanos = width.nanos;
        match ty {
            Type::Bool => Self::Bool(Values::default()),
            Type::Int if width.unsigned => Self::Unsigned(Values::default()),
            Type::Int => Self::Int(Values::default()),
            Type::Float => Self::Float(Values::default()),
            Type::Text => Self::Text(Strings::default()),
            Type::Bytes => Self::Bytes(Strings::default()),
            Type::Date => Self::Date(Values::default()),
            Type::Time => Self::Time(Values::default()),
            Type::Timestamp => Self::Moment { values: Values::default(), zoned: false, nanos },
            Type::Instant => Self::Moment { values: Values::default(), zoned: true, nanos },
            Type::Duration => Self::Duration { values: Values::default(), nanos },
            Type::Decimal(scale) => match digit_class(width.digits.max(*scale)) {
                76 => Self::BigDecimal { values: Values::default(), scale: *scale },
                digits => Self::Decimal { values: Values::default(), scale: *scale, digits },
            },
            Type::List(item) => Self::List { ends: Ends::default(), item: inner(0, item) },
            Type::Struct(fields) => {
                Self::Struct { valid: Validity::default(), record: Record::new(fields, &width.inner) }
            }
            Type::Map(key, value) => Self::Map { ends: Ends::default(), key: inner(0, key), value: inner(1, value) },
        }
    }

    /// Takes memory for `rows` more values, as far as their size is known.
    pub(crate) fn reserve(&mut self, rows: usize) {
        match self {
            Self::Bool(values) => values.values.reserve(rows),
            Self::Int(values) | Self::Time(values) | Self::Moment { values, .. } | Self::Duration { values, .. } => {
                values.values.reserve(rows);
            }
            Self::Unsigned(values) => values.values.reserve(rows),
            Self::Float(values) => values.values.reserve(rows),
            Self::Text(strings) | Self::Bytes(strings) => strings.ends.offsets.reserve(rows),
            Self::Date(values) => values.values.reserve(rows),
            Self::Decimal { values, .. } => values.values.reserve(rows),
            Self::BigDecimal { values, .. } => values.values.reserve(rows),
            Self::List { ends, .. } | Self::Map { ends, .. } => ends.offsets.reserve(rows),
            Self::Struct { record, .. } => record.columns.iter_mut().for_each(|column| column.reserve(rows)),
        }
    }

    /// Appends null.
    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Bool(values) => values.push_null(),
            Self::Int(values) | Self::Time(values) | Self::Moment { values, .. } | Self::Duration { values, .. } => {
                values.push_null();
            }
            Self::Unsigned(values) => values.push_null(),
            Self::Float(values) => values.push_null(),
            Self::Text(strings) | Self::Bytes(strings) => strings.push_null(),
            Self::Date(values) => values.push_null(),
            Self::Decimal { values, .. } => values.push_null(),
            Self::BigDecimal { values, .. } => values.push_null(),
            Self::List { ends, .. } | Self::Map { ends, .. } => ends.push_null(),
            Self::Struct { valid, record } => {
                valid.push(false);
                record.columns.iter_mut().for_each(Column::push_null);
            }
        }
    }

    /// Appends the value that a cell of text stands for; nested types are JSON.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str) -> Pushed {
        if matches!(self, Self::List { .. } | Self::Struct { .. } | Self::Map { .. }) {
            return self.push_nested(text);
        }
        self.push_scalar(text)
            .map_err(|fault| Box::new(Refusal { path: Vec::new(), at: 0, fault, excerpt: excerpt(text) }))
    }

    /// Appends the next value of a JSON text.
    pub(crate) fn push_json(&mut self, json: &mut Json<'_>) -> Pushed {
        let kind = json.kind()?;
        if kind == Kind::Null {
            json.null()?;
            self.push_null();
            return Ok(());
        }
        match self {
            Self::List { ends, item } if kind == Kind::Array => {
                let mut first = true;
                json.open_array()?;
                while json.next_item(&mut first)? {
                    item.push_json(json).map_err(|refusal| refusal.inside(0))?;
                }
                let at = json.position();
                ends.push(item.len()).map_err(|fault| Refusal::at(at, fault, ""))
            }
            Self::Struct { valid, record } if kind == Kind::Object => {
                valid.push(true);
                record.push_json(json)
            }
            Self::Map { ends, key, value } if matches!(kind, Kind::Array | Kind::Object) => {
                let read = if kind == Kind::Array { push_pairs } else { push_members };
                read(json, key, value)?;
                let at = json.position();
                ends.push(key.len()).map_err(|fault| Refusal::at(at, fault, ""))
            }
            scalar => scalar.push_json_scalar(kind, json),
        }
    }

    /// Forgets all values but the first `len`, and whatever a refused one left behind.
    fn truncate(&mut self, len: usize) {
        match self {
            Self::Bool(values) => values.truncate(len),
            Self::Int(values) | Self::Time(values) | Self::Moment { values, .. } | Self::Duration { values, .. } => {
                values.truncate(len);
            }
            Self::Unsigned(values) => values.truncate(len),
            Self::Float(values) => values.truncate(len),
            Self::Text(strings) | Self::Bytes(strings) => strings.truncate(len),
            Self::Date(values) => values.truncate(len),
            Self::Decimal { values, .. } => values.truncate(len),
            Self::BigDecimal { values, .. } => values.truncate(len),
            Self::List { ends, item } => item.truncate(ends.truncate(len)),
            Self::Struct { valid, record } => {
                valid.truncate(len);
                record.truncate(len);
            }
            Self::Map { ends, key, value } => {
                let pairs = ends.truncate(len);
                key.truncate(pairs);
                value.truncate(pairs);
            }
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.values.len(),
            Self::Int(values) | Self::Time(values) | Self::Moment { values, .. } | Self::Duration { values, .. } => {
                values.values.len()
            }
            Self::Unsigned(values) => values.values.len(),
            Self::Float(values) => values.values.len(),
            Self::Text(strings) | Self::Bytes(strings) => strings.ends.valid.len,
            Self::Date(values) => values.values.len(),
            Self::Decimal { values, .. } => values.values.len(),
            Self::BigDecimal { values, .. } => values.values.len(),
            Self::List { ends, .. } | Self::Map { ends, .. } => ends.valid.len,
            Self::Struct { valid, .. } => valid.len,
        }
    }

    /// The array, in the working type of the type and width that the column was made for.
    pub(crate) fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Bool(Values { values, valid }) => Arc::new(BooleanArray::new(values.into(), valid.finish())),
            Self::Int(values) => values.array::<Int64Type>(),
            Self::Unsigned(values) => values.array::<UInt64Type>(),
            Self::Float(values) => values.array::<Float64Type>(),
            Self::Text(strings) => strings.text()?,
            Self::Bytes(strings) => strings.bytes()?,
            Self::Date(values) => values.array::<Date32Type>(),
            Self::Time(values) => values.array::<Time64NanosecondType>(),
            Self::Moment { values, zoned, nanos } => {
                let zone = zoned.then_some("UTC");
                if nanos {
                    Arc::new(values.primitive::<TimestampNanosecondType>().with_timezone_opt(zone))
                } else {
                    Arc::new(values.primitive::<TimestampMicrosecondType>().with_timezone_opt(zone))
                }
            }
            Self::Duration { values, nanos: true } => values.array::<DurationNanosecondType>(),
            Self::Duration { values, nanos: false } => values.array::<DurationMicrosecondType>(),
            Self::Decimal { values, scale, digits } => {
                let values = values.primitive::<Decimal128Type>();
                Arc::new(values.with_precision_and_scale(digits, signed(scale))?)
            }
            Self::BigDecimal { values, scale } => {
                Arc::new(values.primitive::<Decimal256Type>().with_precision_and_scale(76, signed(scale))?)
            }
            Self::List { ends, item } => {
                let item = item.finish()?;
                let (offsets, valid) = ends.finish();
                Arc::new(ListArray::try_new(list_item(item.data_type().clone()), offsets, item, valid)?)
            }
            Self::Struct { valid, record } => {
                let len = valid.len;
                let names = record.members.names().to_vec();
                let arrays = record.finish()?;
                let fields = struct_fields(names.iter().map(String::as_str).zip(types_of(&arrays)));
                Arc::new(StructArray::try_new_with_length(fields, arrays, valid.finish(), len)?)
            }
            Self::Map { ends, key, value } => {
                let (key, value) = (key.finish()?, value.finish()?);
                let (offsets, valid) = ends.finish();
                let fields = map_fields(key.data_type().clone(), value.data_type().clone());
                let pairs = StructArray::try_new(fields.clone(), vec![key, value], None)?;
                Arc::new(MapArray::try_new(map_entries(fields), offsets, pairs, valid, false)?)
            }
        })
    }

    /// Reads a cell that holds JSON.
    fn push_nested(&mut self, text: &str) -> Pushed {
        let mut json = Json::new(text);
        let pushed = self.push_json(&mut json).and_then(|()| Ok(json.finish()?));
        // The cell is the value at fault, for the rest of the record is not JSON.
        pushed.map_err(|mut refusal| {
            if let Fault::Json(problem) = refusal.fault {
                refusal.fault = Fault::Reason(Reason::Json(problem));
                refusal.excerpt = excerpt(text);
            }
            refusal.at = 0;
            refusal
        })
    }

    /// Appends a JSON string, number or boolean, where the type takes that kind.
    fn push_json_scalar(&mut self, kind: Kind, json: &mut Json<'_>) -> Pushed {
        let at = json.position();
        let takes = match self {
            Self::Bool(_) => kind == Kind::Bool,
            Self::Int(_) | Self::Unsigned(_) | Self::Decimal { .. } | Self::BigDecimal { .. } => kind == Kind::Number,
            Self::Float(_) | Self::Duration { .. } => matches!(kind, Kind::Number | Kind::String),
            Self::Text(_) => matches!(kind, Kind::String | Kind::Number | Kind::Bool),
            Self::Bytes(_) | Self::Date(_) | Self::Time(_) | Self::Moment { .. } => kind == Kind::String,
            Self::List { .. } | Self::Struct { .. } | Self::Map { .. } => false,
        };
        let pushed = match kind {
            _ if !takes => json.skip().map(|()| Err(self.form()))?,
            // JSON has no NaN and no infinities, so their names stand in strings; numbers never do.
            Kind::String => match (&*self, json.string()?) {
                (Self::Float(_), text) if !matches!(&*text, "NaN" | "Infinity" | "-Infinity") => Err(self.form()),
                (_, text) => self.push_scalar(&text),
            },
            Kind::Number => self.push_scalar(json.number()?.text()),
            _ => self.push_scalar(if json.bool()? { "true" } else { "false" }),
        };
        pushed.map_err(|fault| Refusal::at(at, fault, json.since(at)))
    }

    /// Appends the value that `text` spells, if the type is a scalar one.
    #[inline]
    fn push_scalar(&mut self, text: &str) -> Result<(), Fault> {
        match self {
            Self::Bool(values) => match text {
                "true" => values.push(true),
                "false" => values.push(false),
                _ => return Err(self.form()),
            },
            Self::Int(values) => match number::int(text.as_bytes()) {
                Some(Int::Signed(value)) => values.push(value),
                Some(Int::Unsigned(_)) => return Err(Fault::Need(Need::Unsigned)),
                None => return Err(not_an_int(text)),
            },
            Self::Unsigned(values) => match number::int(text.as_bytes()) {
                Some(Int::Unsigned(value)) => values.push(value),
                Some(Int::Signed(value)) => {
                    let value =
                        u64::try_from(value).map_err(|_| range("the u64 that another value of the column needs"))?;
                    values.push(value);
                }
                None => return Err(not_an_int(text)),
            },
            Self::Float(values) => values.push(float(text)?),
            Self::Text(strings) => strings.push(text.as_bytes())?,
            Self::Bytes(strings) => {
                let form = Fault::Reason(Reason::Form { expected: BASE64_FORM });
                strings.push(&base64::decode(text).ok_or(form)?)?;
            }
            Self::Date(values) => match moment::date(text.as_bytes()) {
                Some(days) => values.push(days),
                None => return Err(self.form()),
            },
            Self::Time(values) => match moment::time(text.as_bytes()) {
                Some(nanos) => values.push(nanos),
                None => return Err(self.form()),
            },
            Self::Moment { values, zoned, nanos } => match Moment::parse(text.as_bytes()) {
                Some(moment) if moment.zoned == *zoned => values.push(moment_value(moment, *nanos)?),
                _ => return Err(self.form()),
            },
            Self::Duration { values, nanos } => values.push(duration(text, *nanos)?),
            Self::Decimal { values, scale, digits } => match decimal(text, *scale)? {
                Unscaled::Small(value, count) if count <= *digits => values.push(value),
                Unscaled::Small(_, count) => return Err(Fault::Need(Need::Digits(count))),
                Unscaled::Big(_) => return Err(Fault::Need(Need::Digits(76))),
            },
            Self::BigDecimal { values, scale } => match decimal(text, *scale)? {
                Unscaled::Small(value, _) => values.push(i256::from_i128(value)),
                Unscaled::Big(value) => values.push(value),
            },
            Self::List { .. } | Self::Struct { .. } | Self::Map { .. } => return Err(self.form()),
        }
        Ok(())
    }

    /// The fault of a text that has not the form of this type.
    #[cold]
    fn form(&self) -> Fault {
        let expected = match self {
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Unsigned(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => BASE64_FORM,
            Self::Date(_) => "a date as YYYY-MM-DD",
            Self::Time(_) => "a time as hh:mm:ss[.fraction]",
            Self::Moment { zoned: false, .. } => {
                "a local timestamp as YYYY-MM-DDThh:mm:ss[.fraction], without an offset"
            }
            Self::Moment { .. } => "an instant as YYYY-MM-DDThh:mm:ss[.fraction] with Z or an offset",
            Self::Duration { .. } => "a duration in decimal seconds",
            Self::Decimal { .. } | Self::BigDecimal { .. } => "a decimal number",
            Self::List { .. } => "an array",
            Self::Struct { .. } => "an object",
            Self::Map { .. } => "an object or an array of [key, value] pairs",
        };
        Fault::Reason(Reason::Form { expected })
    }
}

impl Record {
    /// Columns for `fields`; widths that are missing are the narrowest.
    pub(crate) fn new(fields: &[Field], widths: &[Width]) -> Self {
        let column = |(index, field): (usize, &Field)| match widths.get(index) {
            Some(width) => Column::new(&field.ty, width),
            None => Column::new(&field.ty, &Width::narrowest(&field.ty)),
        };
        let members = Members::new(fields.iter().map(|field| field.name.as_str()));
        Self { members, columns: fields.iter().enumerate().map(column).collect() }
    }

    /// Appends the next value of a JSON text, which is an object: missing keys are null, unknown and repeated ones are
    /// refused.
    pub(crate) fn push_json(&mut self, json: &mut Json<'_>) -> Pushed {
        self.members.begin();
        let mut first = true;
        json.open_object()?;
        while let Some((at, key)) = json.next_key(&mut first)? {
            let Some(index) = self.members.find(&key) else {
                let excerpt = key.chars().take(60).collect();
                return Err(Box::new(Refusal { path: Vec::new(), at, fault: Fault::UnknownKey, excerpt }));
            };
            if !self.members.mark(index) {
                return Err(JsonError { at, problem: JsonProblem::RepeatedKey }.into());
            }
            if let Some(column) = self.columns.get_mut(index) {
                column.push_json(json).map_err(|refusal| refusal.inside(index))?;
            }
        }
        for (index, column) in self.columns.iter_mut().enumerate() {
            if !self.members.has(index) {
                column.push_null();
            }
        }
        Ok(())
    }

    /// Forgets all rows but the first `len`, and whatever a refused one left behind.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(len));
    }

    /// The columns, to be filled one by one; all must end equally long.
    pub(crate) fn columns_mut(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// The arrays, in order.
    pub(crate) fn finish(self) -> Result<Vec<ArrayRef>, ArrowError> {
        self.columns.into_iter().map(Column::finish).collect()
    }
}

impl<T: Default> Values<T> {
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        self.values.push(value);
        self.valid.push(true);
    }

    pub(crate) fn push_null(&mut self) {
        self.values.push(T::default());
        self.valid.push(false);
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.valid.truncate(len);
    }
}

impl<T: ArrowNativeType> Values<T> {
    fn primitive<P: ArrowPrimitiveType<Native = T>>(self) -> PrimitiveArray<P> {
        PrimitiveArray::new(ScalarBuffer::from(self.values), self.valid.finish())
    }

    fn array<P: ArrowPrimitiveType<Native = T>>(self) -> ArrayRef {
        Arc::new(self.primitive::<P>())
    }
}

impl Strings {
    #[inline]
    pub(crate) fn push(&mut self, value: &[u8]) -> Result<(), Fault> {
        self.data.extend_from_slice(value);
        self.ends.push(self.data.len())
    }

    pub(crate) fn push_null(&mut self) {
        self.ends.push_null();
    }

    fn truncate(&mut self, len: usize) {
        let end = self.ends.truncate(len);
        self.data.truncate(end);
    }

    /// The values as text; Arrow checks that they are UTF-8.
    pub(crate) fn text(self) -> Result<ArrayRef, ArrowError> {
        let (offsets, valid) = self.ends.finish();
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(self.data), valid)?))
    }

    /// The values as bytes.
    pub(crate) fn bytes(self) -> Result<ArrayRef, ArrowError> {
        let (offsets, valid) = self.ends.finish();
        Ok(Arc::new(BinaryArray::try_new(offsets, Buffer::from_vec(self.data), valid)?))
    }
}

impl Default for Ends {
    fn default() -> Self {
        Self { offsets: vec![0], valid: Validity::default() }
    }
}

impl Ends {
    #[inline]
    fn push(&mut self, end: usize) -> Result<(), Fault> {
        self.offsets.push(i32::try_from(end).map_err(|_| Fault::Reason(Reason::TooMuch))?);
        self.valid.push(true);
        Ok(())
    }

    fn push_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.valid.push(false);
    }

    /// Forgets all values but the first `len`, and returns where the last of them ends.
    fn truncate(&mut self, len: usize) -> usize {
        self.offsets.truncate(len + 1);
        self.valid.truncate(len);
        // Offsets are made of lengths, so none is negative.
        self.offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0)
    }

    fn finish(self) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
        // The offsets start at 0 and never fall, because lengths only grow.
        (OffsetBuffer::new(ScalarBuffer::from(self.offsets)), self.valid.finish())
    }
}

impl Validity {
    #[inline]
    fn push(&mut self, valid: bool) {
        if !valid && self.bits.is_none() {
            let mut bits = BooleanBufferBuilder::new(self.len + 1024);
            bits.append_n(self.len, true);
            self.bits = Some(bits);
        }
        if let Some(bits) = &mut self.bits {
            bits.append(valid);
        }
        self.len += 1;
    }

    fn truncate(&mut self, len: usize) {
        if let Some(bits) = &mut self.bits
            && len < self.len
        {
            bits.truncate(len);
        }
        self.len = self.len.min(len);
    }

    fn finish(self) -> Option<NullBuffer> {
        self.bits.map(|mut bits| NullBuffer::new(bits.finish()))
    }
}

impl Refusal {
    fn at(at: usize, fault: Fault, text: &str) -> Box<Self> {
        Box::new(Self { path: Vec::new(), at, fault, excerpt: excerpt(text) })
    }

    /// This refusal, seen from one level further out.
    fn inside(mut self: Box<Self>, index: usize) -> Box<Self> {
        self.path.push(index);
        self
    }
}

impl From<JsonError> for Box<Refusal> {
    fn from(JsonError { at, problem }: JsonError) -> Self {
        Refusal::at(at, Fault::Json(problem), "")
    }
}

/// Reads a map from an object; its keys are read as cells of text.
fn push_members(json: &mut Json<'_>, key: &mut Column, value: &mut Column) -> Pushed {
    let (mut first, mut seen) = (true, HashSet::new());
    json.open_object()?;
    while let Some((at, name)) = json.next_key(&mut first)? {
        key.push_text(&name).map_err(|mut refusal| {
            refusal.at = at;
            refusal.inside(0)
        })?;
        if !seen.insert(name) {
            return Err(JsonError { at, problem: JsonProblem::RepeatedKey }.into());
        }
        value.push_json(json).map_err(|refusal| refusal.inside(1))?;
    }
    Ok(())
}

/// Reads a map from an array of `[key, value]`.
fn push_pairs(json: &mut Json<'_>, key: &mut Column, value: &mut Column) -> Pushed {
    let form = Fault::Reason(Reason::Form { expected: "an array of [key, value] pairs" });
    let mut first = true;
    json.open_array()?;
    while json.next_item(&mut first)? {
        let at = json.position();
        if json.kind()? != Kind::Array {
            return Err(Refusal::at(at, form, json.rest(at)));
        }
        let mut head = true;
        json.open_array()?;
        if !json.next_item(&mut head)? {
            return Err(Refusal::at(at, form, json.since(at)));
        }
        if json.kind()? == Kind::Null {
            return Err(Refusal::at(at, Fault::Reason(Reason::NullKey), json.rest(at)));
        }
        key.push_json(json).map_err(|refusal| refusal.inside(0))?;
        if !json.next_item(&mut head)? {
            return Err(Refusal::at(at, form, json.since(at)));
        }
        value.push_json(json).map_err(|refusal| refusal.inside(1))?;
        if json.next_item(&mut head)? {
            return Err(Refusal::at(at, form, json.rest(at)));
        }
    }
    Ok(())
}

fn float(text: &str) -> Result<f64, Fault> {
    if let Some(value) = Plain::parse(text.as_bytes()).and_then(Plain::double) {
        return Ok(value);
    }
    match Number::parse(text) {
        Some(number) => number.nearest_double().ok_or(range("64-bit floats")),
        None => match text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(Fault::Reason(Reason::Form { expected: "a number" })),
        },
    }
}

fn decimal(text: &str, scale: u8) -> Result<Unscaled, Fault> {
    if let Some(value) = Plain::parse(text.as_bytes()).and_then(|plain| plain.unscaled(scale)) {
        return Ok(Unscaled::Small(value.into(), 18));
    }
    let number = Number::parse(text).ok_or(Fault::Reason(Reason::Form { expected: "a decimal number" }))?;
    number.decimal(scale).map_err(|refusal| match refusal {
        DecimalRefusal::Excess => Fault::Reason(Reason::Excess { scale }),
        DecimalRefusal::Large => range("decimals of 76 digits"),
    })
}

fn moment_value(moment: Moment, nanos: bool) -> Result<i64, Fault> {
    match nanos {
        true => moment.nanoseconds().ok_or(range("nanoseconds in 64 bits, which another value of the column needs")),
        false if moment.needs_nanos() => Err(Fault::Need(Need::Nanos)),
        false => Ok(moment.micros()),
    }
}

fn duration(text: &str, nanos: bool) -> Result<i64, Fault> {
    let value = moment::duration(text).map_err(|refusal| match refusal {
        DurationRefusal::Form => Fault::Reason(Reason::Form { expected: "a duration in decimal seconds" }),
        DurationRefusal::Excess => Fault::Reason(Reason::Excess { scale: 9 }),
        DurationRefusal::Large => range("durations"),
    })?;
    match nanos {
        true => {
            i64::try_from(value).map_err(|_| range("nanoseconds in 64 bits, which another value of the column needs"))
        }
        false if value % 1000 != 0 => Err(Fault::Need(Need::Nanos)),
        false => i64::try_from(value / 1000).map_err(|_| range("durations")),
    }
}

/// The fault of a text that is no 64-bit integer: too large, or not an integer at all.
#[cold]
fn not_an_int(text: &str) -> Fault {
    match Number::parse(text) {
        Some(number) if number.is_int() => range("64-bit integers"),
        _ => Fault::Reason(Reason::Form { expected: "an integer" }),
    }
}

fn range(expected: &'static str) -> Fault {
    Fault::Reason(Reason::Range { expected })
}

/// A scale as Arrow counts it; a logical one is at most 76.
fn signed(scale: u8) -> i8 {
    i8::try_from(scale).unwrap_or(i8::MAX)
}

fn types_of(arrays: &[ArrayRef]) -> impl Iterator<Item = DataType> {
    arrays.iter().map(|array| array.data_type().clone())
}
