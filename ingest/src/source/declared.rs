//! Files that say themselves which columns they have, as an Arrow schema: what it stands for, and batches of it brought
//! into the working types of a plan.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::concat::concat_batches;

use mira_core::schema::Field;

use super::bad_row::{BadRow, OnBadRow};
use super::column::{Fault, Refusal};
use super::error::{Place, Problem, Reason, SourceError, Spot, excerpt_of};
use super::input::Input;
use super::normalise::{Misfit, logical_type, normalise};
use super::text::{column_name, match_names, problem};
use super::working::{Plan, Width};
use super::{Origin, SourceBatch};
use crate::guard::guarded;

/// The columns of a file, as it declares them.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    input: Arc<Input>,
    schema: SchemaRef,
}

/// Brings batches of a file into the types of a plan.
#[derive(Debug)]
pub(crate) struct Conform {
    input: Arc<Input>,
    plan: Plan,
    /// For each column of the schema, its index in the file.
    order: Vec<usize>,
    on_bad_row: OnBadRow,
}

/// A row of a batch that whoever read it already knows to be bad.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) row: usize,
    pub(crate) problem: Problem,
    pub(crate) bytes: Vec<u8>,
}

/// What became of the rows of a batch: runs of good ones, and the bad ones between them.
#[derive(Debug, Default)]
struct Sifted {
    good: Vec<(Range<usize>, RecordBatch)>,
    bad: Vec<BadRow>,
}

impl Declared {
    pub(crate) fn new(input: Arc<Input>, schema: SchemaRef) -> Self {
        Self { input, schema }
    }

    /// The columns as logical types, and how wide they are.
    pub(crate) fn columns(&self) -> Result<(Vec<Field>, Vec<Width>), SourceError> {
        let typed = self.schema.fields().iter().map(|field| match logical_type(field.data_type()) {
            Ok((ty, width)) => Ok((Field { name: field.name().clone(), ty }, width)),
            Err(found) => Err(self.input.fault(Problem::UnsupportedType { column: field.name().clone(), found })),
        });
        Ok(typed.collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
    }

    /// The widths that this file declares for `columns`; the narrowest where its types are others.
    pub(crate) fn widths(&self, columns: &[Field]) -> Result<Vec<Width>, SourceError> {
        let (fields, widths) = self.columns()?;
        let declared: HashMap<&str, (&Field, &Width)> =
            fields.iter().zip(&widths).map(|(field, width)| (field.name.as_str(), (field, width))).collect();
        let width_of = |column: &Field| match declared.get(column.name.as_str()) {
            Some((field, width)) if field.ty == column.ty => (*width).clone(),
            _ => Width::narrowest(&column.ty),
        };
        Ok(columns.iter().map(width_of).collect())
    }

    /// Whether a column has unsigned 64-bit integers, at any depth.
    pub(crate) fn has_unsigned(&self) -> bool {
        self.schema.fields().iter().any(|field| has_unsigned(field.data_type()))
    }

    /// Checks that the file has the columns of a file before it, in any order.
    pub(crate) fn check_columns(&self, expected: &[Field]) -> Result<(), SourceError> {
        let (fields, _) = self.columns()?;
        let order = self.order(expected)?;
        for (expected, index) in expected.iter().zip(order) {
            if let Some(found) = fields.get(index).filter(|found| found.ty != expected.ty) {
                let (column, found, expected) = (found.name.clone(), found.ty.to_string(), expected.ty.to_string());
                return Err(self.input.fault(Problem::TypeMismatch { column, found, expected }));
            }
        }
        Ok(())
    }

    /// What brings the file's batches into the types of a plan. Texts may be bytes in them.
    pub(crate) fn conform(&self, plan: &Plan, on_bad_row: OnBadRow) -> Result<Conform, SourceError> {
        let order = self.order(plan.schema().columns())?;
        let conform = Conform { input: Arc::clone(&self.input), plan: plan.clone(), order, on_bad_row };
        self.check_types()?;
        // Types are looked at without a value, and as they are declared; from here on only values can be at fault.
        conform.columns(&RecordBatch::new_empty(Arc::clone(&self.schema))).map_err(|misfit| conform.fault(misfit))?;
        Ok(conform)
    }

    /// Refuses types that the library cannot make an array of, such as values of a negative width: it panics.
    fn check_types(&self) -> Result<(), SourceError> {
        let odd = self.schema.fields().iter().find(|field| guarded(|| new_empty_array(field.data_type())).is_none());
        odd.map_or(Ok(()), |field| {
            let (column, found) = (field.name().clone(), field.data_type().to_string());
            Err(self.input.fault(Problem::UnsupportedType { column, found }))
        })
    }

    fn order(&self, wanted: &[Field]) -> Result<Vec<usize>, SourceError> {
        let names: Vec<String> = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        let order = match_names(&names, wanted.iter().map(|field| field.name.as_str()));
        order.map_err(|problem| self.input.fault(problem))
    }
}

fn has_unsigned(ty: &DataType) -> bool {
    match ty {
        DataType::UInt64 => true,
        DataType::Dictionary(_, values) => has_unsigned(values),
        DataType::RunEndEncoded(_, values) => has_unsigned(values.data_type()),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            has_unsigned(item.data_type())
        }
        DataType::Map(entries, _) => has_unsigned(entries.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_unsigned(field.data_type())),
        _ => false,
    }
}

impl Conform {
    /// The rows of a batch, the first of which has a number in the file. `known` are bad, in order.
    ///
    /// Columns are looked at as a whole; only where that fails, halves of the batch are, down to the rows at fault.
    pub(crate) fn batch(&self, batch: &RecordBatch, first: u64, known: &[Known]) -> Result<SourceBatch, SourceError> {
        if known.is_empty() {
            match self.columns(batch) {
                Ok(columns) => return Ok(self.whole(self.made(batch, columns)?, first)),
                Err(Misfit::Value { .. }) => {}
                Err(misfit) => return Err(self.fault(misfit)),
            }
        }
        let mut sifted = Sifted::default();
        self.sift(batch, 0, first, known, &mut sifted)?;
        let Sifted { good, bad } = sifted;
        let rows = good.iter().flat_map(|(range, _)| range.clone()).map(|row| first + row as u64).collect();
        let batch = concat_batches(self.plan.arrow(), good.iter().map(|(_, batch)| batch))?;
        Ok(SourceBatch { batch, origin: Origin::Some { file: Arc::clone(&self.input.path), rows }, bad })
    }

    /// Most rows of a batch.
    pub(crate) fn rows(&self) -> usize {
        self.plan.batch_rows().min(BATCH_ROWS)
    }

    fn whole(&self, batch: RecordBatch, first: u64) -> SourceBatch {
        SourceBatch { batch, origin: Origin::Rows { file: Arc::clone(&self.input.path), first }, bad: Vec::new() }
    }

    fn made(&self, rows: &RecordBatch, columns: Vec<ArrayRef>) -> Result<RecordBatch, SourceError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(self.plan.arrow()), columns, &options)?)
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, Misfit> {
        (0..self.order.len()).filter_map(|index| self.column(batch, index)).collect()
    }

    /// A column of the plan; the path of a misfit begins with it. None only if the batch is of another file.
    fn column(&self, batch: &RecordBatch, index: usize) -> Option<Result<ArrayRef, Misfit>> {
        let column = self.plan.schema().columns().get(index)?;
        let (array, width) = (batch.columns().get(*self.order.get(index)?)?, self.plan.widths().get(index)?);
        Some(normalise(array, &column.ty, width).map_err(|mut misfit| {
            if let Misfit::Value { path, .. } | Misfit::Type { path, .. } = &mut misfit {
                path.push(index);
            }
            misfit
        }))
    }

    /// Takes rows apart that begin at row `from` of their batch.
    fn sift(
        &self,
        rows: &RecordBatch,
        from: usize,
        first: u64,
        known: &[Known],
        sifted: &mut Sifted,
    ) -> Result<(), SourceError> {
        let len = rows.num_rows();
        if known.is_empty() {
            match self.columns(rows) {
                Ok(columns) => {
                    sifted.good.push((from..from + len, self.made(rows, columns)?));
                    return Ok(());
                }
                Err(Misfit::Value { .. }) => {}
                Err(misfit) => return Err(self.fault(misfit)),
            }
        }
        if len <= 1 {
            let place = Place { file: Arc::clone(&self.input.path), spot: Spot::Row(first + from as u64) };
            sifted.bad.push(self.refuse(rows, place, known)?);
            return Ok(());
        }
        let half = len / 2;
        let (left, right) = known.split_at(known.partition_point(|known| known.row < from + half));
        self.sift(&rows.slice(0, half), from, first, left, sifted)?;
        self.sift(&rows.slice(half, len - half), from + half, first, right, sifted)
    }

    /// What is wrong with one row. That the plan is too narrow for it counts only if nothing else is.
    fn refuse(&self, row: &RecordBatch, place: Place, known: &[Known]) -> Result<BadRow, SourceError> {
        let bad = match known.first() {
            Some(known) => {
                BadRow { place, fault: 0, problem: known.problem.clone(), bytes: known.bytes.clone(), continues: false }
            }
            None => {
                let misfits = (0..self.order.len()).filter_map(|index| self.column(row, index)?.err());
                let is_narrow = |misfit: &Misfit| matches!(misfit, Misfit::Value { fault: Fault::Need(_), .. });
                match misfits.min_by_key(is_narrow) {
                    Some(Misfit::Value { path, fault, value, .. }) => self.bad(place, path, fault, value),
                    Some(misfit) => return Err(self.fault(misfit)),
                    None => return Err(self.fault(Misfit::Arrow(ArrowError::ComputeError(UNSTEADY.to_owned())))),
                }
            }
        };
        match self.on_bad_row {
            OnBadRow::SetAside if bad.problem.kind().is_some() => Ok(bad),
            _ => Err(SourceError::at(bad.place, bad.problem)),
        }
    }

    fn bad(&self, place: Place, path: Vec<usize>, fault: Fault, bytes: Vec<u8>) -> BadRow {
        let at = match fault {
            Fault::Reason(Reason::Utf8) => std::str::from_utf8(&bytes).err().map_or(0, |error| error.valid_up_to()),
            _ => 0,
        };
        let refusal = Refusal { path, at, fault, excerpt: excerpt_of(&bytes) };
        let problem = problem(self.plan.schema(), refusal);
        BadRow { place, fault: at as u64, problem, bytes, continues: false }
    }

    /// What is wrong with a file, or its batch as a whole.
    fn fault(&self, misfit: Misfit) -> SourceError {
        match misfit {
            Misfit::Value { path, fault, value, .. } => {
                let BadRow { place, problem, .. } =
                    self.bad(Place::file(Arc::clone(&self.input.path)), path, fault, value);
                SourceError::at(place, problem)
            }
            Misfit::Type { mut path, found, expected } => {
                path.reverse();
                let column = column_name(self.plan.schema().columns(), &path);
                self.input.fault(Problem::TypeMismatch { column, found, expected })
            }
            Misfit::Arrow(error) => error.into(),
        }
    }
}

/// A row that was refused among others and not alone; a fault of this crate.
const UNSTEADY: &str = "a row is refused among others and not alone";
/// Most rows of a batch. Small, because a row may hold long texts; large enough for the columns' loops.
const BATCH_ROWS: usize = 8192;
