//! The column profile report: what a dataset's columns hold, counted in the same pass that commits to its rows.
//!
//! [`Profile`] takes batches of stored rows, in any order and on any thread, and merges with others of the same schema;
//! [`Profile::report`] says what all of them hold. The result depends on the rows alone, so whoever has them makes the
//! same bytes again, which is how `fsck` checks a report. The bytes are section 19 of `FORMAT.md`.
//!
//! Where the data are not public, the report has counts only ([`Show::Counts`]): no value of theirs is in it.
//!
//! ```
//! use std::sync::Arc;
//! use arrow_array::{Int64Array, RecordBatch};
//! use mira_ingest::physical::PhysicalSchema;
//! use mira_ingest::report::{Profile, Show};
//!
//! let batch = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![3, 1, 3])) as _)])?;
//! let schema = PhysicalSchema::of_working(&batch.schema())?;
//! let mut profile = Profile::new(schema.logical(), Show::Values);
//! profile.add(&batch)?;
//! let json = String::from_utf8(profile.report().to_json())?;
//! assert!(json.contains(r#""distinct":2,"max":"3","min":"1","name":"id","nulls":0"#), "{json}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use mira_core::rights::Visibility;
use mira_core::row::{Seconds, Value};
use mira_core::schema::{Schema, Type};

use crate::scan::{Findings, Scanner};

mod cells;
mod document;
mod recent;
mod sketch;
mod walk;

use cells::{Bound, Cells};
pub use document::{CellReport, ColumnReport, Cut, OrderedType, Report, ReportError, Rest};

/// Most types of a schema that a report counts one by one.
pub const MAX_TYPES: usize = 512;
/// Largest report in bytes: [`MAX_TYPES`] names of 4,096 bytes, each written with six for one, and their counts.
pub const MAX_REPORT: usize = 16 << 20;

/// What a report may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Least and greatest values as well as counts.
    Values,
    /// Counts only.
    Counts,
}

impl Show {
    /// What the report of data with this visibility shows.
    pub const fn of(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Values,
            Visibility::Private | Visibility::Restricted => Self::Counts,
        }
    }
}

/// Counts over rows of one schema.
#[derive(Debug, Clone)]
pub struct Profile {
    schema: Schema,
    show: Show,
    rows: u64,
    /// One for each type of the schema that is counted one by one.
    types: Vec<(Cells, Findings)>,
    /// How many more types there are, and what was found in them.
    rest: (usize, Findings),
    /// None if text is not looked into.
    scanner: Option<Scanner>,
}

impl Profile {
    /// Counts nothing yet. Text of data that may be published is scanned; other data stay here.
    pub fn new(schema: &Schema, show: Show) -> Self {
        let scanner = (show == Show::Values).then(Scanner::new);
        Self::with_scanner(schema, show, scanner)
    }

    /// The same, with text scanned or not as `report` did it: to compare with it.
    pub fn like(schema: &Schema, report: &Report) -> Self {
        let show = if report.shows_values { Show::Values } else { Show::Counts };
        Self::with_scanner(schema, show, report.scanned.then(Scanner::new))
    }

    fn with_scanner(schema: &Schema, show: Show, scanner: Option<Scanner>) -> Self {
        let types = walk::places(schema).len();
        let counted = types.min(MAX_TYPES);
        Self {
            schema: schema.clone(),
            show,
            rows: 0,
            types: vec![Default::default(); counted],
            rest: (types - counted, Findings::default()),
            scanner,
        }
    }

    /// Counts rows, in the types that chunks are stored in.
    ///
    /// # Errors
    /// Where an array's parts disagree, which those of a checked chunk do not.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        self.rows += rows.num_rows() as u64;
        let (types, rest, scanner) = (&mut self.types, &mut self.rest.1, &mut self.scanner);
        let with_range = self.show == Show::Values;
        walk::slots(rows, |number, array| {
            let findings = match types.get_mut(number) {
                Some((cells, findings)) => {
                    cells.add(array.as_ref(), with_range);
                    findings
                }
                None => &mut *rest,
            };
            if let Some(scanner) = scanner.as_mut().filter(|_| *array.data_type() == DataType::Utf8) {
                scanner.scan(array.as_string(), findings);
            }
        })
    }

    /// Adds what another profile of the same schema counted.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        for ((cells, findings), (more, found)) in self.types.iter_mut().zip(&other.types) {
            cells.merge(more);
            findings.merge(found);
        }
        self.rest.1.merge(&other.rest.1);
    }

    /// What the rows hold.
    pub fn report(&self) -> Report {
        let places = walk::places(&self.schema);
        let columns = places.iter().zip(&self.types).map(|(place, (cells, findings))| ColumnReport {
            name: place.name.to_owned(),
            depth: place.depth as u64,
            values: cells.values,
            nulls: cells.nulls,
            cells: self.cells(place.ty, cells, findings),
        });
        let (types, findings) = self.rest;
        Report {
            rows: self.rows,
            shows_values: self.show == Show::Values,
            scanned: self.scanner.is_some(),
            columns: columns.collect(),
            rest: (types > 0).then_some(Rest { types: types as u64, findings }),
        }
    }

    fn cells(&self, ty: &Type, cells: &Cells, findings: &Findings) -> CellReport {
        // An estimate may pass what it estimates.
        let distinct = cells.distinct.estimate().min(cells.values);
        let bounds = cells.range.bounds().filter(|_| self.show == Show::Values);
        let range = bounds.map(|(min, max)| (text_of(ty, min), text_of(ty, max)));
        let ordered = |ty| CellReport::Ordered { ty, distinct, range: range.clone() };
        match ty {
            Type::Bool => CellReport::Bool { trues: cells.trues },
            Type::Int => ordered(OrderedType::Int),
            Type::Date => ordered(OrderedType::Date),
            Type::Time => ordered(OrderedType::Time),
            Type::Timestamp => ordered(OrderedType::Timestamp),
            Type::Instant => ordered(OrderedType::Instant),
            Type::Duration => ordered(OrderedType::Duration),
            Type::Decimal(_) => ordered(OrderedType::Decimal),
            Type::Float => {
                let (nans, infinities) = (cells.nans, cells.infinities);
                CellReport::Float { distinct, nans, infinities, range }
            }
            Type::Text => {
                let range = bounds.map(|(min, max)| (cut_of(min), cut_of(max)));
                CellReport::Text { distinct, bytes: cells.bytes, range, findings: *findings }
            }
            Type::Bytes => CellReport::Bytes { distinct, bytes: cells.bytes },
            Type::List(_) => CellReport::List { items: cells.items },
            Type::Struct(_) => CellReport::Struct,
            Type::Map(..) => CellReport::Map { items: cells.items },
        }
    }
}

const NANOS: i128 = 1_000_000_000;

/// A value as a report shows it: as people are shown values everywhere.
fn text_of(ty: &Type, bound: &Bound) -> String {
    let value = match (ty, bound) {
        (Type::Date, Bound::Int(days)) => Value::Date(i32::try_from(*days).unwrap_or(i32::MAX)),
        (Type::Time, Bound::Int(nanos)) => Value::Time(u64::try_from(*nanos).unwrap_or(u64::MAX)),
        (Type::Timestamp, Bound::Int(nanos)) => Value::Timestamp(seconds(*nanos)),
        (Type::Instant, Bound::Int(nanos)) => Value::Instant(seconds(*nanos)),
        (Type::Duration, Bound::Int(nanos)) => Value::Duration(seconds(*nanos)),
        (Type::Decimal(scale), Bound::Decimal(unscaled)) => Value::Decimal(decimal(&unscaled.to_string(), *scale)),
        (_, Bound::Float(value)) => Value::Float((*value).into()),
        (_, Bound::Int(value)) => Value::Int(*value),
        // A column's bounds are of its type; texts go through `cut_of`.
        _ => Value::Null,
    };
    value.to_string()
}

/// Seconds of a count of nanoseconds, which came from an i64 of microseconds or nanoseconds.
fn seconds(nanos: i128) -> Seconds {
    let whole = i64::try_from(nanos.div_euclid(NANOS)).unwrap_or(i64::MAX);
    let rest = u32::try_from(nanos.rem_euclid(NANOS)).unwrap_or(0);
    Seconds::new(whole, rest).unwrap_or(Seconds::from_ticks(whole, mira_core::row::TimeUnit::Second))
}

/// Digits with a point before the last `scale` of them.
fn decimal(unscaled: &str, scale: u8) -> String {
    let (sign, digits) = unscaled.strip_prefix('-').map_or(("", unscaled), |digits| ("-", digits));
    let scale = usize::from(scale);
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// The whole characters of a text's first bytes.
fn cut_of(bound: &Bound) -> Cut {
    let Bound::Text(bytes, is_cut) = bound else { return Cut { text: String::new(), is_cut: false } };
    // Only the last character can be cut, because what was read is UTF-8.
    let whole = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    Cut { text: whole.to_owned(), is_cut: *is_cut }
}
