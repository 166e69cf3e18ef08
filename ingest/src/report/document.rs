//! `report.json`: the bytes of a report (`FORMAT.md`, section 19).
//!
//! ```text
//! {"columns":[{"bytes":19,"depth":1,"distinct":3,"max":"Torgersen","min":"Biscoe",…}],"rows":3,"shows_values":true,…}
//! ```
//!
//! A [`Report`] that was read is one that the writer could have written: counts agree with each other, and nothing is
//! shown that its head says is not.

use mira_core::json::{FieldError, Fields, Json, JsonError, Node, Object, SafeInt, parse_canonical};
use mira_core::schema::{Field, Schema, Type};

use super::cells::MAX_SHOWN;
use super::{MAX_REPORT, MAX_TYPES};
use crate::scan::{self, Findings, Kind};

const TYPE: &str = "mira.report/1";
/// Most bytes of a least or greatest value: of texts 64, and a decimal has at most 79.
const MAX_BOUND: usize = 128;

/// The column profile report of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Rows of the dataset.
    pub rows: u64,
    /// Whether least and greatest values are given.
    pub shows_values: bool,
    /// Whether text was scanned for secrets and personal data.
    pub scanned: bool,
    /// The types of the schema in order, each before those within it: all, or the first [`MAX_TYPES`].
    pub columns: Vec<ColumnReport>,
    /// Those that are left out, if there are more.
    pub rest: Option<Rest>,
}

/// What the report leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// How many types.
    pub types: u64,
    /// What was found in their text.
    pub findings: Findings,
}

/// One type of the schema: a column, or what is within one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnReport {
    /// Its name; `element`, `key` or `value` within a list or a map.
    pub name: String,
    /// 1 for a column.
    pub depth: u64,
    /// Slots with a value.
    pub values: u64,
    /// Slots without.
    pub nulls: u64,
    /// What is known of the values.
    pub cells: CellReport,
}

/// What is known of values, by their type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellReport {
    /// How many are true; the others are false.
    Bool {
        /// The true ones.
        trues: u64,
    },
    /// Numbers, days and times: the type's name.
    Ordered {
        /// As in a schema.
        ty: OrderedType,
        /// How many different ones.
        distinct: u64,
        /// The least and the greatest.
        range: Option<(String, String)>,
    },
    /// Floats. NaN is neither least nor greatest.
    Float {
        /// How many different ones.
        distinct: u64,
        /// How many are no number.
        nans: u64,
        /// How many are infinite.
        infinities: u64,
        /// The least and the greatest.
        range: Option<(String, String)>,
    },
    /// Text.
    Text {
        /// How many different ones.
        distinct: u64,
        /// Bytes of all of them.
        bytes: u64,
        /// The least and the greatest, by their bytes.
        range: Option<(Cut, Cut)>,
        /// What the scan found.
        findings: Findings,
    },
    /// Byte strings.
    Bytes {
        /// How many different ones.
        distinct: u64,
        /// Bytes of all of them.
        bytes: u64,
    },
    /// Lists: how many items all of them have.
    List {
        /// The items.
        items: u64,
    },
    /// Structs.
    Struct,
    /// Maps: how many pairs all of them have.
    Map {
        /// The pairs.
        items: u64,
    },
}

/// A text, or its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// At most 64 bytes of it.
    pub text: String,
    /// Whether there is more.
    pub is_cut: bool,
}

impl Cut {
    /// Whether the writer would cut so: 64 bytes, less what a character needs that does not fit.
    fn is_possible(&self) -> bool {
        let len = self.text.len();
        len <= MAX_SHOWN && (!self.is_cut || len > MAX_SHOWN - char::MAX.len_utf8())
    }
}

/// Declares the types whose values are ordered and have nothing else to count.
macro_rules! ordered {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A type whose values are ordered.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum OrderedType {
            $($(#[$doc])* $name,)*
        }

        impl OrderedType {
            /// Its name in a schema.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            fn of(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

ordered! {
    /// Integers.
    Int = "int",
    /// Days.
    Date = "date",
    /// Times of day.
    Time = "time",
    /// Local dates and times.
    Timestamp = "timestamp",
    /// Points in time.
    Instant = "instant",
    /// Lengths of time.
    Duration = "duration",
    /// Decimals.
    Decimal = "decimal",
}

/// Why bytes are not a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file is larger than any report.
    #[error("the report has {found} bytes, at most {MAX_REPORT} are allowed")]
    TooLarge {
        /// Its size.
        found: usize,
    },
    /// Not canonical JSON.
    #[error("the report is not canonical JSON")]
    Json(#[from] JsonError),
    /// A member is missing, unknown or of another kind.
    #[error(transparent)]
    Field(#[from] FieldError),
}

type Read<T> = Result<T, FieldError>;

impl Report {
    /// Writes the file.
    pub fn to_json(&self) -> Vec<u8> {
        let mut object = Object::default();
        object.insert("columns", self.columns.iter().map(ColumnReport::to_json).collect::<Vec<_>>().into());
        if let Some(rest) = &self.rest {
            let mut members = Object::default();
            put_findings(&mut members, &rest.findings);
            members.insert("types", count(rest.types));
            object.insert("rest", Json::Object(members));
        }
        object.insert("rows", count(self.rows));
        if self.scanned {
            object.insert("scan", scan::PROFILE.into());
        }
        object.insert("shows_values", self.shows_values.into());
        object.insert("type", TYPE.into());
        Json::Object(object).to_canonical()
    }

    /// Reads the file; refuses other spellings, and counts that contradict each other.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        if bytes.len() > MAX_REPORT {
            return Err(ReportError::TooLarge { found: bytes.len() });
        }
        let json = parse_canonical(bytes)?;
        let mut fields = json.fields()?;
        let ty = fields.required("type")?;
        if ty.text()? != TYPE {
            return Err(ty.unlike("\"mira.report/1\"").into());
        }
        let rows = within(&fields.required("rows")?, 1, u64::MAX, "a number of rows")?;
        let scan = fields.optional("scan");
        if let Some(scan) = scan.as_ref().filter(|scan| scan.text() != Ok(scan::PROFILE)) {
            return Err(scan.unlike("\"scan-1\"").into());
        }
        let head = Head { rows, scanned: scan.is_some(), shows_values: fields.required("shows_values")?.bool()? };
        let columns = head.columns(&fields.required("columns")?)?;
        let rest = fields.optional("rest").map(|rest| head.rest(&rest, columns.len())).transpose()?;
        fields.finish()?;
        Ok(Self { rows, shows_values: head.shows_values, scanned: head.scanned, columns, rest })
    }

    /// What the scan found, by column: the name of the top one and of what is within it, joined by dots. Nothing if it was
    /// not scanned.
    pub fn findings(&self) -> Option<Vec<(String, Findings)>> {
        if !self.scanned {
            return None;
        }
        let mut found = Vec::new();
        for (path, column) in self.paths() {
            if let CellReport::Text { findings, .. } = &column.cells
                && !findings.is_empty()
            {
                found.push((path, *findings));
            }
        }
        let rest = self.rest.as_ref().filter(|rest| !rest.findings.is_empty());
        found.extend(rest.map(|rest| ("other columns".to_owned(), rest.findings)));
        Some(found)
    }

    /// Where this report says something else than one that was made from the rows.
    pub fn difference(&self, made: &Self) -> String {
        let column = self.paths().zip(&made.columns).find(|((_, said), made)| said != made);
        match column {
            Some(((path, said), made)) => {
                let text =
                    |column: &ColumnReport| String::from_utf8_lossy(&column.to_json().to_canonical()).into_owned();
                let (said, made) = (text(said), text(made));
                let same = said.bytes().zip(made.bytes()).take_while(|(said, made)| said == made).count();
                // From the member that differs on, and not all of it: values can be long.
                let from = |text: &str| {
                    let start = text.get(..same).and_then(|same| same.rfind(',')).map_or(0, |comma| comma + 1);
                    text.get(start..).unwrap_or_default().chars().take(60).collect::<String>()
                };
                format!("column {path}: it says {}, the rows say {}", from(&said), from(&made))
            }
            None => "it counts other rows or other columns than there are".to_owned(),
        }
    }

    /// Each type with its names from the column down, joined by dots.
    pub fn paths(&self) -> impl Iterator<Item = (String, &ColumnReport)> {
        let mut names: Vec<&str> = Vec::new();
        self.columns.iter().map(move |column| {
            names.truncate(usize::try_from(column.depth).map_or(0, |depth| depth.saturating_sub(1)));
            names.push(&column.name);
            (names.join("."), column)
        })
    }
}

impl ColumnReport {
    /// The name of its type.
    pub fn type_name(&self) -> &'static str {
        match &self.cells {
            CellReport::Bool { .. } => "bool",
            CellReport::Ordered { ty, .. } => ty.as_str(),
            CellReport::Float { .. } => "float",
            CellReport::Text { .. } => "text",
            CellReport::Bytes { .. } => "bytes",
            CellReport::List { .. } => "list",
            CellReport::Struct => "struct",
            CellReport::Map { .. } => "map",
        }
    }

    fn to_json(&self) -> Json {
        let mut object = Object::default();
        object.insert("name", self.name.as_str().into());
        object.insert("depth", count(self.depth));
        object.insert("type", self.type_name().into());
        object.insert("values", count(self.values));
        object.insert("nulls", count(self.nulls));
        match &self.cells {
            CellReport::Bool { trues } => {
                object.insert("true", count(*trues));
                object.insert("false", count(self.values.saturating_sub(*trues)));
            }
            CellReport::Ordered { distinct, range, .. } => {
                object.insert("distinct", count(*distinct));
                put_range(&mut object, range.as_ref());
            }
            CellReport::Float { distinct, nans, infinities, range } => {
                object.insert("distinct", count(*distinct));
                object.insert("nan", count(*nans));
                object.insert("infinite", count(*infinities));
                put_range(&mut object, range.as_ref());
            }
            CellReport::Text { distinct, bytes, range, findings } => {
                object.insert("distinct", count(*distinct));
                object.insert("bytes", count(*bytes));
                for (name, flag, cut) in
                    range.iter().flat_map(|(min, max)| [("min", "min_cut", min), ("max", "max_cut", max)])
                {
                    object.insert(name, cut.text.as_str().into());
                    if cut.is_cut {
                        object.insert(flag, true.into());
                    }
                }
                put_findings(&mut object, findings);
            }
            CellReport::Bytes { distinct, bytes } => {
                object.insert("distinct", count(*distinct));
                object.insert("bytes", count(*bytes));
            }
            CellReport::List { items } | CellReport::Map { items } => {
                object.insert("items", count(*items));
            }
            CellReport::Struct => {}
        }
        Json::Object(object)
    }
}

fn put_range(object: &mut Object, range: Option<&(String, String)>) {
    if let Some((min, max)) = range {
        object.insert("min", min.as_str().into());
        object.insert("max", max.as_str().into());
    }
}

fn put_findings(object: &mut Object, findings: &Findings) {
    if !findings.is_empty() {
        let kinds = findings.iter().map(|(kind, values)| (kind.as_str(), count(values)));
        object.insert("findings", Json::object(kinds));
    }
}

/// A count; one beyond what JSON holds exactly is the largest that it does.
fn count(value: u64) -> Json {
    SafeInt::try_from(value).unwrap_or(SafeInt::MAX).into()
}

/// What the whole report says, and each column is held against.
struct Head {
    rows: u64,
    scanned: bool,
    shows_values: bool,
}

impl Head {
    fn columns(&self, node: &Node<'_>) -> Read<Vec<ColumnReport>> {
        let items = node.items()?;
        if items.len() == 0 || items.len() > MAX_TYPES {
            return Err(node.unlike("an array of 1 to 512 items"));
        }
        // Where the next type may stand: a container's first is one deeper, and what follows is no deeper than that.
        let mut deepest = 1;
        let mut columns = Vec::new();
        for item in items {
            let column = self.column(&item, deepest)?;
            let is_container =
                matches!(column.cells, CellReport::List { .. } | CellReport::Struct | CellReport::Map { .. });
            deepest = column.depth + u64::from(is_container);
            columns.push(column);
        }
        Ok(columns)
    }

    fn column(&self, node: &Node<'_>, deepest: u64) -> Read<ColumnReport> {
        let mut fields = node.fields()?;
        let name = fields.required("name")?;
        if name.text()?.len() > Field::MAX_NAME {
            return Err(name.unlike("a name of at most 4096 bytes"));
        }
        let depth =
            within(&fields.required("depth")?, 1, deepest.min(Type::MAX_DEPTH as u64), "a depth that a type has here")?;
        let values = fields.required("values")?.uint()?;
        let nulls = fields.required("nulls")?;
        let null_count = nulls.uint()?;
        if depth == 1 && values.checked_add(null_count) != Some(self.rows) {
            return Err(nulls.unlike("as many nulls as make the rows full"));
        }
        let cells = self.cells(&mut fields, values)?;
        fields.finish()?;
        Ok(ColumnReport { name: name.text()?.to_owned(), depth, values, nulls: null_count, cells })
    }

    fn cells(&self, fields: &mut Fields<'_>, values: u64) -> Read<CellReport> {
        let ty = fields.required("type")?;
        Ok(match ty.text()? {
            "bool" => {
                let (trues, falses) = (fields.required("true")?, fields.required("false")?);
                if trues.uint()?.checked_add(falses.uint()?) != Some(values) {
                    return Err(falses.unlike("the values that are not true"));
                }
                CellReport::Bool { trues: trues.uint()? }
            }
            "float" => {
                let distinct = distinct(fields, values)?;
                let nans = within(&fields.required("nan")?, 0, values, "a number of values")?;
                let infinities = within(&fields.required("infinite")?, 0, values - nans, "a number of values")?;
                CellReport::Float { distinct, nans, infinities, range: self.range(fields, values > nans)? }
            }
            "text" => {
                let distinct = distinct(fields, values)?;
                let bytes = fields.required("bytes")?.uint()?;
                let (min_cut, max_cut) = (flag(fields, "min_cut")?, flag(fields, "max_cut")?);
                let range = self.range(fields, values > 0)?;
                if range.is_none() && (min_cut || max_cut) {
                    return Err(ty.unlike("a type whose values are shown"));
                }
                let cut = |text, is_cut| Cut { text, is_cut };
                let range = range.map(|(min, max)| (cut(min, min_cut), cut(max, max_cut)));
                if let Some((min, max)) = &range
                    && !(min.is_possible() && max.is_possible())
                {
                    return Err(ty.unlike("a type whose texts are whole or have 61 to 64 bytes"));
                }
                CellReport::Text { distinct, bytes, range, findings: self.findings(fields, values)? }
            }
            "bytes" => {
                CellReport::Bytes { distinct: distinct(fields, values)?, bytes: fields.required("bytes")?.uint()? }
            }
            "list" => CellReport::List { items: fields.required("items")?.uint()? },
            "map" => CellReport::Map { items: fields.required("items")?.uint()? },
            "struct" => CellReport::Struct,
            other => {
                let ordered = OrderedType::of(other).ok_or_else(|| ty.unlike("a type"))?;
                let distinct = distinct(fields, values)?;
                CellReport::Ordered { ty: ordered, distinct, range: self.range(fields, values > 0)? }
            }
        })
    }

    /// Least and greatest: both are there where the report shows values and there are some to show, else neither.
    fn range(&self, fields: &mut Fields<'_>, has_values: bool) -> Read<Option<(String, String)>> {
        if !(self.shows_values && has_values) {
            // Members that nobody asks for are refused.
            return Ok(None);
        }
        let mut bound = |name| {
            let node = fields.required(name)?;
            let text = node.text()?;
            if text.len() > MAX_BOUND { Err(node.unlike("at most 128 bytes")) } else { Ok(text.to_owned()) }
        };
        Ok(Some((bound("min")?, bound("max")?)))
    }

    fn findings(&self, fields: &mut Fields<'_>, values: u64) -> Read<Findings> {
        let mut findings = Findings::default();
        if !self.scanned {
            return Ok(findings);
        }
        let Some(node) = fields.optional("findings") else { return Ok(findings) };
        let mut kinds = node.fields()?;
        for kind in Kind::ALL {
            if let Some(count) = kinds.optional(kind.as_str()) {
                findings.add(*kind, within(&count, 1, values, "a number of values")?);
            }
        }
        kinds.finish()?;
        if findings.is_empty() {
            return Err(node.unlike("something found"));
        }
        Ok(findings)
    }

    fn rest(&self, node: &Node<'_>, columns: usize) -> Read<Rest> {
        if columns != MAX_TYPES {
            return Err(node.unlike("nothing, where not all columns are taken"));
        }
        let mut fields = node.fields()?;
        let types = within(&fields.required("types")?, 1, Schema::MAX_TYPES as u64, "a number of types")?;
        let findings = self.findings(&mut fields, u64::MAX)?;
        fields.finish()?;
        Ok(Rest { types, findings })
    }
}

fn distinct(fields: &mut Fields<'_>, values: u64) -> Read<u64> {
    within(&fields.required("distinct")?, u64::from(values > 0), values, "a number of values")
}

/// A member that is `true` or not there.
fn flag(fields: &mut Fields<'_>, name: &'static str) -> Read<bool> {
    match fields.optional(name) {
        None => Ok(false),
        Some(node) if node.bool()? => Ok(true),
        Some(node) => Err(node.unlike("true")),
    }
}

fn within(node: &Node<'_>, least: u64, greatest: u64, expected: &'static str) -> Read<u64> {
    let found = node.uint()?;
    if (least..=greatest).contains(&found) { Ok(found) } else { Err(node.unlike(expected)) }
}
