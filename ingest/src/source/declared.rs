//! Files that say themselves which columns they have, as an Arrow schema: what it stands for, and batches of it brought
//! into the working types of a plan.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};

use mira_core::schema::Field;

use super::column::Refusal;
use super::error::{Place, Problem, SourceError, Spot, excerpt};
use super::input::Input;
use super::normalise::{Misfit, logical_type, normalise};
use super::text::{column_name, match_names, problem};
use super::working::{Plan, Width};
use super::{Origin, SourceBatch};

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

    /// What brings the file's batches into the types of a plan.
    pub(crate) fn conform(&self, plan: &Plan) -> Result<Conform, SourceError> {
        let order = self.order(plan.schema().columns())?;
        Ok(Conform { input: Arc::clone(&self.input), plan: plan.clone(), order })
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
    /// The rows of a batch, the first of which has a number in the file.
    pub(crate) fn batch(&self, batch: &RecordBatch, first: u64) -> Result<SourceBatch, SourceError> {
        let mut columns = Vec::with_capacity(self.order.len());
        let typed = self.plan.schema().columns().iter().zip(self.plan.widths());
        for (index, ((column, width), &from)) in typed.zip(&self.order).enumerate() {
            // The order was made from the schema that the batch was read with.
            let Some(array) = batch.columns().get(from) else { continue };
            let column = normalise(array, &column.ty, width);
            columns.push(column.map_err(|misfit| self.fault(index, misfit, first))?);
        }
        let batch = RecordBatch::try_new(Arc::clone(self.plan.arrow()), columns)?;
        Ok(SourceBatch { batch, origin: Origin::Rows { file: Arc::clone(&self.input.path), first }, bad: Vec::new() })
    }

    /// Most rows of a batch.
    pub(crate) fn rows(&self) -> usize {
        self.plan.batch_rows().min(BATCH_ROWS)
    }

    fn fault(&self, index: usize, misfit: Misfit, first: u64) -> SourceError {
        match misfit {
            Misfit::Value { row, mut path, fault, text } => {
                path.push(index);
                let refusal = Refusal { path, at: 0, fault, excerpt: excerpt(&text) };
                let place = Place { file: Arc::clone(&self.input.path), spot: Spot::Row(first + row as u64) };
                SourceError::at(place, problem(self.plan.schema(), refusal))
            }
            Misfit::Type { mut path, found, expected } => {
                path.push(index);
                path.reverse();
                let column = column_name(self.plan.schema().columns(), &path);
                self.input.fault(Problem::TypeMismatch { column, found, expected })
            }
            Misfit::Arrow(error) => error.into(),
        }
    }
}

/// Most rows of a batch. Small, because a row may hold long texts; large enough for the columns' loops.
const BATCH_ROWS: usize = 8192;
