//! Parquet files: row group by row group, through the crate's Arrow reader and into working types.
//!
//! INT96 is the one type whose decoding is not exact on its own: the reader wraps beyond what 64 bits of nanoseconds
//! reach. Such columns are read a second time in whole seconds, which never wrap, and the two must agree.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, TimestampSecondType};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;

use mira_core::schema::Field;

use super::column::Refusal;
use super::error::{Place, Problem, Reason, SourceError, Spot, excerpt};
use super::input::Input;
use super::meter::Meter;
use super::normalise::{Misfit, logical_type, normalise};
use super::text::{column_name, match_names, problem};
use super::working::{Plan, Width};
use super::{Origin, SourceBatch};
use crate::guard::guarded;
use crate::pages;

/// A Parquet file whose footer has been read.
#[derive(Debug, Clone)]
pub(crate) struct ParquetFile {
    input: Arc<Input>,
    metadata: ArrowReaderMetadata,
    /// Columns of INT96, and how to read them in seconds.
    int96: Option<(Vec<usize>, ArrowReaderMetadata)>,
}

/// One row group.
#[derive(Debug, Clone)]
pub(crate) struct ParquetBlock {
    file: ParquetFile,
    group: usize,
    /// The number of its first row in the file.
    first_row: u64,
}

/// The batches of a row group.
pub(crate) struct ParquetBatches {
    block: ParquetBlock,
    /// Kept to see at the end whether the file is still the same.
    handle: Arc<File>,
    reader: ParquetRecordBatchReader,
    seconds: Option<ParquetRecordBatchReader>,
    plan: Plan,
    /// For each column of the schema, its index in the file.
    order: Vec<usize>,
    row: u64,
    done: bool,
}

/// Most rows of a batch. Small, because a row may hold long texts; large enough for the columns' loops.
const BATCH_ROWS: usize = 8192;

impl ParquetFile {
    pub(crate) fn open(input: Arc<Input>) -> Result<Self, SourceError> {
        let opened = guarded(|| Self::load(Arc::clone(&input)));
        opened.unwrap_or_else(|| Err(parquet_error(&input, Spot::File, gave_up())))
    }

    fn load(input: Arc<Input>) -> Result<Self, SourceError> {
        let handle = input.plain()?;
        let failed = |source| parquet_error(&input, Spot::File, source);
        let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::new()).map_err(failed)?;
        // What Parquet has no type for, durations, is known from our own footer key.
        if let Some(schema) = crate::chunk::schema_of(metadata.metadata()) {
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(schema.arrow().clone());
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(failed)?;
            return Ok(Self { input, metadata, int96: None });
        }
        let columns = int96_columns(&metadata).map_err(|column| {
            input.fault(Problem::UnsupportedType { column, found: "INT96 inside a nested type".to_owned() })
        })?;
        if columns.is_empty() {
            return Ok(Self { input, metadata, int96: None });
        }
        let nanos = with_unit(&metadata, &columns, TimeUnit::Nanosecond).map_err(failed)?;
        let seconds = with_unit(&metadata, &columns, TimeUnit::Second).map_err(failed)?;
        Ok(Self { input, metadata: nanos, int96: Some((columns, seconds)) })
    }

    /// The row groups, each with the number of its first row.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = ParquetBlock> + use<> {
        let file = self.clone();
        let mut first_row = 0;
        (0..self.metadata.metadata().num_row_groups()).map(move |group| {
            let rows = u64::try_from(file.metadata.metadata().row_group(group).num_rows()).unwrap_or(0);
            let block = ParquetBlock { file: file.clone(), group, first_row };
            first_row += rows;
            block
        })
    }

    /// How many rows the footer counts.
    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// The file's columns as logical types, and how wide they are.
    pub(crate) fn columns(&self) -> Result<(Vec<Field>, Vec<Width>), SourceError> {
        let typed = self.metadata.schema().fields().iter().map(|field| match logical_type(field.data_type()) {
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

    /// Whether a column is of unsigned 64-bit integers.
    pub(crate) fn declares_unsigned(&self) -> bool {
        let fields = self.metadata.schema().flattened_fields();
        fields.iter().any(|field| match field.data_type() {
            DataType::Dictionary(_, values) => **values == DataType::UInt64,
            ty => *ty == DataType::UInt64,
        })
    }

    /// Checks that the file has the columns of a file before it, in any order.
    pub(crate) fn check_columns(&self, expected: &[Field]) -> Result<(), SourceError> {
        let (fields, _) = self.columns()?;
        let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let order = match_names(&names, expected.iter().map(|field| field.name.as_str()));
        let order = order.map_err(|problem| self.input.fault(problem))?;
        for (expected, index) in expected.iter().zip(order) {
            if let Some(found) = fields.get(index).filter(|found| found.ty != expected.ty) {
                let (column, found, expected) = (found.name.clone(), found.ty.to_string(), expected.ty.to_string());
                return Err(self.input.fault(Problem::TypeMismatch { column, found, expected }));
            }
        }
        Ok(())
    }
}

impl ParquetBlock {
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.file.input.path
    }

    pub(crate) fn batches(self, plan: &Plan) -> Result<ParquetBatches, SourceError> {
        let names: Vec<String> =
            self.file.metadata.schema().fields().iter().map(|field| field.name().clone()).collect();
        let wanted = plan.schema().columns().iter().map(|column| column.name.as_str());
        let order = match_names(&names, wanted).map_err(|problem| self.file.input.fault(problem))?;
        let rows = self.check_pages(plan.batch_rows().min(BATCH_ROWS))?;
        let reader = self.reader(&self.file.metadata, rows, None)?;
        let seconds = match &self.file.int96 {
            Some((columns, metadata)) => Some(self.reader(metadata, rows, Some(columns))?),
            None => None,
        };
        let (handle, row) = (Arc::clone(self.file.input.plain()?.file()), self.first_row);
        Ok(ParquetBatches { block: self, handle, reader, seconds, plan: plan.clone(), order, row, done: false })
    }

    /// Refuses pages that take too much memory; returns how many rows a batch may have.
    fn check_pages(&self, rows: usize) -> Result<usize, SourceError> {
        // What is read here is not the reading that progress counts.
        let file = Arc::new(self.file.input.plain()?.metered(&Meter::default()));
        let group = self.file.metadata.metadata().row_group(self.group);
        let failed = |source| parquet_error(&self.file.input, Spot::Row(self.first_row), source);
        guarded(|| pages::check(&file, group, rows)).unwrap_or_else(|| Err(gave_up())).map_err(failed)
    }

    fn reader(
        &self,
        metadata: &ArrowReaderMetadata,
        rows: usize,
        columns: Option<&[usize]>,
    ) -> Result<ParquetRecordBatchReader, SourceError> {
        let handle = self.file.input.plain()?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone())
            .with_row_groups(vec![self.group])
            .with_batch_size(rows);
        if let Some(columns) = columns {
            let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let failed = |source| parquet_error(&self.file.input, Spot::Row(self.first_row), source);
        guarded(|| builder.build()).unwrap_or_else(|| Err(gave_up())).map_err(failed)
    }
}

impl Iterator for ParquetBatches {
    type Item = Result<SourceBatch, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = guarded(|| self.read());
        let next = next.unwrap_or_else(|| Err(parquet_error(&self.block.file.input, Spot::Row(self.row), gave_up())));
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl ParquetBatches {
    fn read(&mut self) -> Result<Option<SourceBatch>, SourceError> {
        let input = &self.block.file.input;
        let failed = |source: arrow_schema::ArrowError| parquet_error(input, Spot::Row(self.row), source.into());
        let Some(batch) = self.reader.next().transpose().map_err(failed)? else {
            input.check(&self.handle)?;
            return Ok(None);
        };
        if let Some(seconds) = &mut self.seconds {
            let seconds = seconds.next().transpose().map_err(failed)?;
            self.check_int96(&batch, seconds.as_ref())?;
        }
        let mut columns = Vec::with_capacity(self.order.len());
        let typed = self.plan.schema().columns().iter().zip(self.plan.widths());
        for (index, ((column, width), &from)) in typed.zip(&self.order).enumerate() {
            let array: &ArrayRef = batch.columns().get(from).ok_or_else(|| self.internal("a column"))?;
            columns.push(normalise(array, &column.ty, width).map_err(|misfit| self.fault(index, misfit))?);
        }
        let batch = RecordBatch::try_new(Arc::clone(self.plan.arrow()), columns)?;
        let origin = Origin::Rows { file: Arc::clone(&self.block.file.input.path), first: self.row };
        self.row += batch.num_rows() as u64;
        Ok(Some(SourceBatch { batch, origin, bad: Vec::new() }))
    }

    /// Compares INT96 columns in nanoseconds with the same in seconds.
    fn check_int96(&self, batch: &RecordBatch, seconds: Option<&RecordBatch>) -> Result<(), SourceError> {
        let (Some((columns, _)), Some(seconds)) = (&self.block.file.int96, seconds) else {
            return Err(self.internal("a batch of seconds"));
        };
        for (&column, seconds) in columns.iter().zip(seconds.columns()) {
            let nanos = batch.columns().get(column).ok_or_else(|| self.internal("a column"))?;
            let nanos = nanos.as_primitive::<TimestampNanosecondType>();
            let seconds = seconds.as_primitive::<TimestampSecondType>();
            for (row, pair) in nanos.iter().zip(seconds.iter()).enumerate() {
                if let (Some(nanos), Some(seconds)) = pair
                    && nanos.div_euclid(1_000_000_000) != seconds
                {
                    let reason = Reason::Range { expected: "nanoseconds in 64 bits (years 1677 to 2262)" };
                    let column = batch.schema().field(column).name().clone();
                    let problem = Problem::Value { column, reason, excerpt: format!("{seconds} s") };
                    return Err(SourceError::at(self.place(row), problem));
                }
            }
        }
        Ok(())
    }

    fn fault(&self, index: usize, misfit: Misfit) -> SourceError {
        let columns = self.plan.schema().columns();
        match misfit {
            Misfit::Value { row, mut path, fault, text } => {
                path.push(index);
                let refusal = Refusal { path, at: 0, fault, excerpt: excerpt(&text) };
                SourceError::at(self.place(row), problem(self.plan.schema(), refusal))
            }
            Misfit::Type { mut path, found, expected } => {
                path.push(index);
                path.reverse();
                let column = column_name(columns, &path);
                self.block.file.input.fault(Problem::TypeMismatch { column, found, expected })
            }
            Misfit::Arrow(error) => error.into(),
        }
    }

    fn place(&self, row: usize) -> Place {
        Place { file: Arc::clone(&self.block.file.input.path), spot: Spot::Row(self.row + row as u64) }
    }

    fn internal(&self, what: &str) -> SourceError {
        let source = ParquetError::General(format!("the reader left out {what}"));
        parquet_error(&self.block.file.input, Spot::Row(self.row), source)
    }
}

/// The indices of top-level INT96 columns; `Err` names one that is nested.
fn int96_columns(metadata: &ArrowReaderMetadata) -> Result<Vec<usize>, String> {
    let schema = metadata.parquet_schema();
    let leaves = schema.columns().iter().enumerate().filter(|(_, leaf)| leaf.physical_type() == PhysicalType::INT96);
    leaves
        .map(|(index, leaf)| match leaf.path().parts() {
            [_] if leaf.max_rep_level() == 0 => Ok(schema.get_column_root_idx(index)),
            _ => Err(leaf.path().string()),
        })
        .collect()
}

/// The same file, read with the given columns as timestamps of `unit`.
fn with_unit(
    metadata: &ArrowReaderMetadata,
    columns: &[usize],
    unit: TimeUnit,
) -> Result<ArrowReaderMetadata, ParquetError> {
    let field = |(index, field): (usize, &Arc<ArrowField>)| {
        if !columns.contains(&index) {
            return Arc::clone(field);
        }
        Arc::new(field.as_ref().clone().with_data_type(DataType::Timestamp(unit, None)))
    };
    let schema = metadata.schema();
    let fields: Vec<_> = schema.fields().iter().enumerate().map(field).collect();
    let schema = ArrowSchema::new_with_metadata(fields, schema.metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
}

/// What is said where the library panicked.
fn gave_up() -> ParquetError {
    ParquetError::General("the file is damaged in a way that the reader does not understand".to_owned())
}

fn parquet_error(input: &Input, spot: Spot, source: ParquetError) -> SourceError {
    SourceError::Parquet { place: Place { file: Arc::clone(&input.path), spot }, source }
}
