//! Inference `infer-1`: the types that hold every value of an input, from all of its values.
//!
//! The first that holds of: bool, int, float, decimal, date, timestamp, instant, text. Each column keeps the set of
//! types that are still possible, and a few facts on which the widths depend; both only ever shrink or grow, so what
//! two blocks found can be merged, and only the order of new columns depends on which block comes first. A column that
//! is down to text costs nothing more.
//!
//! Kinds are judged at the end: a column in which arrays or objects meet anything else is an error that names the place
//! where the second kind appeared first, wherever the blocks were cut.

use std::path::Path;
use std::sync::Arc;

use memchr::memchr_iter;

use mira_core::schema::{Field, Schema, SchemaError, Type};

use super::csv::Cell;
use super::error::{JsonProblem, Place, Problem, SourceError, Spot};
use super::json::{Json, JsonError, Kind};
use super::members::Members;
use super::moment::{self, Moment};
use super::number::{self, Int, Number, Plain};
use super::working::{Plan, Width, digit_class};

/// What the values of some blocks allow.
#[derive(Debug, Clone)]
pub struct Inference {
    columns: Record,
    rows: u64,
    /// How many more nodes may be made.
    room: usize,
}

/// What the values under one name allow: all three kinds are kept, and the end decides whether they may be.
#[derive(Debug, Clone, Default)]
struct Node {
    scalar: Scalar,
    scalar_first: Option<First>,
    list: Option<(First, Box<Node>)>,
    object: Option<(First, Record)>,
}

/// Where a kind of value appeared first.
#[derive(Debug, Clone)]
struct First {
    /// The number of the file, and the byte in it.
    order: (usize, u64),
    place: Place,
}

/// Objects, or rows.
#[derive(Debug, Clone, Default)]
struct Record {
    members: Members,
    nodes: Vec<Node>,
}

/// Which types hold all scalars of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// Types that hold all values so far.
    alive: u8,
    /// Whether there was a value.
    seen: bool,
    /// Whether there was an integer below zero, or one above `i64::MAX`.
    negative: bool,
    big: bool,
    /// Most digits before and after the point, as far as decimals go.
    whole: u8,
    scale: u8,
    /// Whether a moment has digits below a microsecond, or lies beyond what nanoseconds reach.
    nanos: bool,
    far: bool,
    /// A number of CSV with zeros at its end, which a float does not keep: the least of those that came first in a block.
    padded: Option<Spelling>,
}

/// The start of a short text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spelling([u8; Spelling::LEN]);

/// A column of CSV that is read as numbers which are written otherwise there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respelled {
    /// The column.
    pub column: String,
    /// A value of it, as in `1.10`.
    pub example: String,
    /// How many digits stand behind the point, at most.
    pub scale: u8,
}

const BOOL: u8 = 1;
const INT: u8 = 1 << 1;
const FLOAT: u8 = 1 << 2;
const DECIMAL: u8 = 1 << 3;
const DATE: u8 = 1 << 4;
const TIMESTAMP: u8 = 1 << 5;
const INSTANT: u8 = 1 << 6;
const NUMBERS: u8 = INT | FLOAT | DECIMAL;
const MOMENTS: u8 = TIMESTAMP | INSTANT;

/// Most digits of a decimal that inference chooses.
const MAX_DIGITS: u8 = 38;

/// Where the record that is being observed stands.
pub(crate) struct At<'a> {
    pub(crate) file: &'a Arc<Path>,
    /// The number of the file in the input.
    pub(crate) number: usize,
    /// The record, which may run over several lines.
    pub(crate) text: &'a str,
    pub(crate) line: u64,
    pub(crate) byte: u64,
}

/// Why a line of NDJSON could not be observed; the offset counts from the start of the line.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: Problem,
}

impl Inference {
    /// Nothing seen of the given columns.
    pub(crate) fn of_columns<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let members = Members::new(names);
        let nodes = vec![Node::default(); members.names().len()];
        Self { columns: Record { members, nodes }, rows: 0, room: Schema::MAX_TYPES }
    }

    /// How many rows were seen.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn add_rows(&mut self, rows: usize) {
        self.rows += rows as u64;
    }

    /// Takes in cells of one column of CSV; nulls say nothing.
    pub(crate) fn observe_cells(&mut self, column: usize, text: &str, cells: impl Iterator<Item = Cell>) {
        let Some(scalar) = self.scalar(column) else { return };
        for cell in cells {
            if scalar.is_text() {
                return;
            }
            cell.with(text, |content| content.into_iter().for_each(|content| scalar.text(content)));
        }
    }

    /// What the scalars of a column allow.
    pub(crate) fn scalar(&mut self, column: usize) -> Option<&mut Scalar> {
        self.columns.nodes.get_mut(column).map(|node| &mut node.scalar)
    }

    /// Whether values of CSV that a column of its type takes are just those with which inference comes to that type, and
    /// to the same width: then they need not be observed. A float takes what rounds, a decimal takes fewer digits
    /// behind the point, and a column without values becomes text by default.
    pub(crate) fn is_decided(&self, name: &str) -> bool {
        let scalar = self.columns.members.index_of(name).and_then(|index| self.columns.nodes.get(index));
        scalar.is_some_and(|node| node.scalar.seen && !matches!(node.scalar.finish().0, Type::Float | Type::Decimal(_)))
    }

    /// Takes in one line of NDJSON.
    pub(crate) fn observe_line(&mut self, text: &str, at: &At<'_>) -> Result<(), Fault> {
        let mut json = Json::new(text);
        let kind = json.kind()?;
        if kind != Kind::Object {
            return Err(Fault { at: json.position(), problem: Problem::NotAnObject { found: kind.name() } });
        }
        self.columns.observe(&mut json, at, 1, &mut self.room)?;
        json.finish()?;
        self.rows += 1;
        Ok(())
    }

    /// The columns of CSV whose numbers are floats and lose zeros at their ends. Nothing is lost that counts as a number,
    /// but a price or a version is no longer spelled as it was.
    pub fn respelled(&self) -> Vec<Respelled> {
        let named = self.columns.members.names().iter().zip(&self.columns.nodes);
        let respelled = named.filter_map(|(name, node)| {
            let padded = node.scalar.padded.filter(|_| node.scalar.finish().0 == Type::Float)?;
            Some(Respelled { column: name.clone(), example: padded.text(), scale: node.scalar.scale })
        });
        respelled.collect()
    }

    /// Adds what `later` found in values that come after these.
    pub fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.columns.merge(later.columns, &mut self.room);
    }

    /// Adds what `later` found to what came before, if anything did.
    pub fn add(whole: &mut Option<Self>, later: Self) {
        match whole {
            Some(whole) => whole.merge(later),
            None => *whole = Some(later),
        }
    }

    /// Whether [`Inference::finish`] would come to this plan.
    pub(crate) fn comes_to(&self, plan: &Plan) -> bool {
        self.clone().finish().is_ok_and(|own| own.schema() == plan.schema() && own.widths() == plan.widths())
    }

    /// The schema and the widths, or the first place where kinds of values do not go together.
    pub(crate) fn finish(self) -> Result<Plan, SourceError> {
        if self.room == 0 {
            return Err(SchemaError::Types.into());
        }
        let respelled = self.respelled();
        let mut conflicts = Vec::new();
        let (fields, widths) = self.columns.finish("", &mut conflicts);
        // The earliest is the same however the blocks were cut.
        let earliest = conflicts.into_iter().min_by_key(|(first, _)| first.order);
        match earliest {
            Some((first, problem)) => Err(SourceError::at(first.place, problem)),
            None => Ok(Plan::new(Schema::new(fields)?, widths).respelling(respelled)),
        }
    }
}

impl Record {
    fn observe(&mut self, json: &mut Json<'_>, at: &At<'_>, depth: usize, room: &mut usize) -> Result<(), Fault> {
        self.members.begin();
        let mut first = true;
        json.open_object()?;
        while let Some((start, key)) = json.next_key(&mut first)? {
            let index = match self.members.find(&key) {
                Some(index) => index,
                None => self.add(&key, start, room)?,
            };
            if !self.members.mark(index) {
                return Err(JsonError { at: start, problem: JsonProblem::RepeatedKey }.into());
            }
            if let Some(node) = self.nodes.get_mut(index) {
                node.observe(json, at, depth, room)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, key: &str, at: usize, room: &mut usize) -> Result<usize, Fault> {
        if self.nodes.len() == Schema::MAX_COLUMNS || *room == 0 {
            return Err(Fault { at, problem: Problem::TooManyKeys { limit: Schema::MAX_COLUMNS } });
        }
        *room -= 1;
        self.nodes.push(Node::default());
        Ok(self.members.add(key))
    }

    /// Adds later objects. Once there is no room left, new keys are dropped, and the end will say so.
    fn merge(&mut self, later: Self, room: &mut usize) {
        self.members.begin();
        for (name, node) in later.members.names().iter().zip(later.nodes) {
            if let Some(index) = self.members.find(name) {
                if let Some(own) = self.nodes.get_mut(index) {
                    own.merge(node, room);
                }
                continue;
            }
            *room = room.saturating_sub(node.count());
            if *room > 0 {
                self.members.add(name);
                self.nodes.push(node);
            }
        }
    }

    /// How many nodes there are, those inside nodes too.
    fn count(&self) -> usize {
        self.nodes.iter().map(Node::count).sum()
    }

    fn finish(self, path: &str, conflicts: &mut Vec<(First, Problem)>) -> (Vec<Field>, Vec<Width>) {
        let named = self.members.names().iter().zip(self.nodes);
        named
            .map(|(name, node)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let (ty, width) = node.finish(&path, conflicts);
                (Field { name: name.clone(), ty }, width)
            })
            .unzip()
    }
}

impl Node {
    fn observe(&mut self, json: &mut Json<'_>, at: &At<'_>, depth: usize, room: &mut usize) -> Result<(), Fault> {
        let start = json.position();
        if depth > Type::MAX_DEPTH {
            return Err(Fault { at: start, problem: Problem::TooDeep { limit: Type::MAX_DEPTH } });
        }
        let kind = json.kind()?;
        match kind {
            Kind::Null => json.null()?,
            Kind::Array => {
                let (_, item) = self.list.get_or_insert_with(|| (First::new(at, start), Box::default()));
                let mut first = true;
                json.open_array()?;
                while json.next_item(&mut first)? {
                    item.observe(json, at, depth + 1, room)?;
                }
            }
            Kind::Object => {
                let (_, record) = self.object.get_or_insert_with(|| (First::new(at, start), Record::default()));
                record.observe(json, at, depth + 1, room)?;
            }
            Kind::String | Kind::Number | Kind::Bool => {
                self.scalar_first.get_or_insert_with(|| First::new(at, start));
                match kind {
                    Kind::String => self.scalar.string(&json.string()?),
                    Kind::Number => self.scalar.number(json.number()?),
                    _ => {
                        json.bool()?;
                        self.scalar.bool();
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&self) -> usize {
        let items = self.list.as_ref().map_or(0, |(_, item)| item.count());
        let fields = self.object.as_ref().map_or(0, |(_, record)| record.count());
        1 + items + fields
    }

    fn merge(&mut self, later: Self, room: &mut usize) {
        self.scalar.merge(later.scalar);
        self.scalar_first = self.scalar_first.take().or(later.scalar_first);
        match (&mut self.list, later.list) {
            (Some((_, own)), Some((_, item))) => own.merge(*item, room),
            (own @ None, list) => *own = list,
            (Some(_), None) => {}
        }
        match (&mut self.object, later.object) {
            (Some((_, own)), Some((_, record))) => own.merge(record, room),
            (own @ None, object) => *own = object,
            (Some(_), None) => {}
        }
    }

    fn finish(self, path: &str, conflicts: &mut Vec<(First, Problem)>) -> (Type, Width) {
        let mut kinds = [
            self.scalar_first.map(|first| (first, "scalars")),
            self.list.as_ref().map(|(first, _)| (first.clone(), "arrays")),
            self.object.as_ref().map(|(first, _)| (first.clone(), "objects")),
        ];
        kinds.sort_by_key(|kind| kind.as_ref().map_or((usize::MAX, u64::MAX), |(first, _)| first.order));
        if let [Some((earlier, first)), Some((place, second)), _] = kinds {
            let problem = Problem::MixedKinds { column: path.to_owned(), first, earlier: earlier.place, second };
            conflicts.push((place, problem));
        }
        if let Some((_, item)) = self.list {
            let (item, width) = item.finish(&format!("{path}[]"), conflicts);
            let ty = Type::List(Box::new(item));
            return (ty.clone(), Width { inner: vec![width], ..Width::narrowest(&ty) });
        }
        if let Some((first, record)) = self.object {
            if record.nodes.is_empty() {
                conflicts.push((first, Problem::EmptyObjects { column: path.to_owned() }));
            }
            let (fields, inner) = record.finish(path, conflicts);
            let ty = Type::Struct(fields);
            return (ty.clone(), Width { inner, ..Width::narrowest(&ty) });
        }
        self.scalar.finish()
    }
}

impl Default for Scalar {
    fn default() -> Self {
        let alive = BOOL | NUMBERS | DATE | MOMENTS;
        let (seen, negative, big, whole, scale, nanos, far) = (false, false, false, 0, 0, false, false);
        Self { alive, seen, negative, big, whole, scale, nanos, far, padded: None }
    }
}

impl Scalar {
    /// Whether nothing but text is left.
    pub(crate) fn is_text(&self) -> bool {
        self.alive == 0
    }

    /// Takes in a cell of CSV, which may be anything.
    #[inline]
    pub(crate) fn text(&mut self, text: &str) {
        self.seen = true;
        if self.alive & NUMBERS != 0 && self.cell_number(text) {
            return;
        }
        self.alive &= !NUMBERS;
        if self.alive & BOOL != 0 && matches!(text, "true" | "false") {
            self.alive = BOOL;
            return;
        }
        self.alive &= !BOOL;
        self.string(text);
    }

    /// Takes in a cell if it is a number.
    #[inline]
    fn cell_number(&mut self, text: &str) -> bool {
        if let Some(plain) = Plain::parse(text.as_bytes())
            && plain.is_short()
        {
            self.plain(text.as_bytes(), plain);
            return true;
        }
        let number = Number::parse(text);
        if let Some(number) = number {
            self.number(number);
            if number.scale() > 0 && text.ends_with('0') && !text.contains(['e', 'E']) {
                self.pad(text.as_bytes());
            }
        }
        number.is_some()
    }

    /// Takes in a cell that is a short number: a double, which fits i64 if it is an integer.
    #[inline]
    pub(crate) fn plain(&mut self, text: &[u8], plain: Plain) {
        self.seen = true;
        self.alive &= NUMBERS;
        match plain.int_sign() {
            Some(negative) => self.negative |= negative,
            None => self.alive &= !INT,
        }
        self.digits(plain.whole_digits(), plain.scale());
        if plain.scale() > 0 && text.last() == Some(&b'0') {
            self.pad(text);
        }
    }

    fn pad(&mut self, text: &[u8]) {
        self.padded = self.padded.or_else(|| Some(Spelling::of(text)));
    }

    /// Takes in a number.
    fn number(&mut self, number: Number<'_>) {
        self.seen = true;
        self.alive &= NUMBERS;
        if self.alive & INT != 0 {
            match number::int(number.text().as_bytes()) {
                Some(Int::Signed(value)) => self.negative |= value < 0,
                Some(Int::Unsigned(_)) => self.big = true,
                None => self.alive &= !INT,
            }
        }
        if self.alive & FLOAT != 0 && !number.is_double() {
            self.alive &= !FLOAT;
        }
        if self.alive & DECIMAL != 0 {
            self.digits(number.whole_digits(), number.scale());
        }
    }

    /// Takes in the digits of a number on both sides of the point.
    #[inline]
    fn digits(&mut self, whole: u64, scale: u64) {
        let cut = |count: u64| u8::try_from(count).unwrap_or(u8::MAX);
        self.whole = self.whole.max(cut(whole));
        self.scale = self.scale.max(cut(scale));
        if self.whole.saturating_add(self.scale) > MAX_DIGITS {
            self.alive &= !DECIMAL;
        }
    }

    /// Takes in a JSON boolean.
    fn bool(&mut self) {
        self.seen = true;
        self.alive &= BOOL;
    }

    /// Takes in a JSON string, which is never a number or a boolean.
    fn string(&mut self, text: &str) {
        self.seen = true;
        self.alive &= DATE | MOMENTS;
        if self.alive == 0 {
            return;
        }
        if self.alive & DATE != 0 && moment::date(text.as_bytes()).is_some() {
            self.alive = DATE;
            return;
        }
        self.alive &= MOMENTS;
        match Moment::parse(text.as_bytes()) {
            Some(moment) if self.alive != 0 => {
                self.alive &= if moment.zoned { INSTANT } else { TIMESTAMP };
                self.nanos |= moment.needs_nanos();
                self.far |= moment.nanoseconds().is_none();
            }
            _ => self.alive = 0,
        }
    }

    fn merge(&mut self, other: Self) {
        self.alive &= other.alive;
        self.seen |= other.seen;
        self.negative |= other.negative;
        self.big |= other.big;
        self.nanos |= other.nanos;
        self.far |= other.far;
        self.digits(u64::from(other.whole.max(self.whole)), u64::from(other.scale));
        // The least is the same in whatever order blocks are merged.
        self.padded = match (self.padded, other.padded) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
    }

    fn finish(self) -> (Type, Width) {
        let has = |ty: u8| self.alive & ty != 0;
        let nanos_fit = !(self.nanos && self.far);
        let ty = match () {
            () if !self.seen => Type::Text,
            () if has(BOOL) => Type::Bool,
            () if has(INT) && !(self.negative && self.big) => Type::Int,
            () if has(FLOAT) => Type::Float,
            () if has(DECIMAL) => Type::Decimal(self.scale),
            () if has(DATE) => Type::Date,
            () if has(TIMESTAMP) && nanos_fit => Type::Timestamp,
            () if has(INSTANT) && nanos_fit => Type::Instant,
            () => Type::Text,
        };
        let mut width = Width::narrowest(&ty);
        match ty {
            Type::Int => width.unsigned = self.big,
            Type::Decimal(_) => width.digits = digit_class(self.whole + self.scale),
            Type::Timestamp | Type::Instant => width.nanos = self.nanos,
            _ => {}
        }
        (ty, width)
    }
}

impl Spelling {
    /// Longer ones are cut.
    const LEN: usize = 24;

    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    fn text(self) -> String {
        self.0.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
    }
}

impl First {
    fn new(at: &At<'_>, offset: usize) -> Self {
        let byte = at.byte + offset as u64;
        let before = at.text.as_bytes().get(..offset).unwrap_or_default();
        let line = at.line + memchr_iter(b'\n', before).count() as u64;
        let place = Place { file: Arc::clone(at.file), spot: Spot::Text { line, byte } };
        Self { order: (at.number, byte), place }
    }
}

impl From<JsonError> for Fault {
    fn from(JsonError { at, problem }: JsonError) -> Self {
        Self { at, problem: Problem::Json(problem) }
    }
}
