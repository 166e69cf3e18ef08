//! Parquet files: row group by row group, through the crate's Arrow reader and into working types.
//!
//! INT96 is the one type whose decoding is not exact on its own: the reader wraps beyond what 64 bits of nanoseconds
//! reach. Such columns are read a second time in whole seconds, which never wrap, and the two must agree.
//!
//! The reader gives up at the first text that is not UTF-8. The rest of the row group is then read once more with bytes
//! for texts, and the rows at fault are found among them; what fails that way too is damaged.

use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, TimestampSecondType};
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;

use super::SourceBatch;
use super::bad_row::OnBadRow;
use super::declared::{Conform, Declared, Known};
use super::error::{Place, Problem, Reason, SourceError, Spot};
use super::input::Input;
use super::meter::Meter;
use super::working::Plan;
use crate::guard::guarded;
use crate::pages;
use retyped::Texts;

mod encryption;
mod retyped;

/// A Parquet file whose footer has been read.
#[derive(Debug, Clone)]
pub(crate) struct ParquetFile {
    input: Arc<Input>,
    metadata: ArrowReaderMetadata,
    /// Columns of INT96, and how to read them in seconds.
    int96: Option<(Vec<usize>, ArrowReaderMetadata)>,
    texts: Option<Texts>,
}

/// One row group.
#[derive(Debug, Clone)]
pub(crate) struct ParquetBlock {
    file: ParquetFile,
    on_bad_row: OnBadRow,
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
    /// Most rows of a batch.
    rows: usize,
    /// The file with bytes for texts, if they are read so because as texts they could not be.
    untyped: Option<ArrowReaderMetadata>,
    seconds: Option<ParquetRecordBatchReader>,
    conform: Conform,
    row: u64,
    done: bool,
}

impl ParquetFile {
    pub(crate) fn open(input: Arc<Input>) -> Result<Self, SourceError> {
        let opened = guarded(|| Self::load(Arc::clone(&input)));
        opened.unwrap_or_else(|| Err(footer_error(&input, gave_up())))
    }

    fn load(input: Arc<Input>) -> Result<Self, SourceError> {
        let handle = input.plain()?;
        if encryption::is_encrypted(&handle) {
            return Err(input.fault(Problem::Encrypted));
        }
        let failed = |source| footer_error(&input, source);
        let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::new()).map_err(failed)?;
        // What Parquet has no type for, durations, is known from our own footer key.
        if let Some(schema) = crate::chunk::schema_of(metadata.metadata()) {
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(schema.arrow().clone());
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(failed)?;
            return Self::of(Arc::clone(&input), metadata, None).map_err(failed);
        }
        let columns = int96_columns(&metadata).map_err(|column| {
            input.fault(Problem::UnsupportedType { column, found: "INT96 inside a nested type".to_owned() })
        })?;
        if columns.is_empty() {
            return Self::of(Arc::clone(&input), metadata, None).map_err(failed);
        }
        let nanos = with_unit(&metadata, &columns, TimeUnit::Nanosecond).map_err(failed)?;
        let seconds = with_unit(&metadata, &columns, TimeUnit::Second).map_err(failed)?;
        Self::of(Arc::clone(&input), nanos, Some((columns, seconds))).map_err(failed)
    }

    fn of(
        input: Arc<Input>,
        metadata: ArrowReaderMetadata,
        int96: Option<(Vec<usize>, ArrowReaderMetadata)>,
    ) -> Result<Self, ParquetError> {
        let texts = Texts::of(&metadata)?;
        let metadata = match &texts {
            Some(texts) => texts.checked(metadata)?,
            None => metadata,
        };
        Ok(Self { input, metadata, int96, texts })
    }

    /// The row groups, each with the number of its first row.
    pub(crate) fn blocks(&self, on_bad_row: OnBadRow) -> impl Iterator<Item = ParquetBlock> + use<> {
        let file = self.clone();
        let mut first_row = 0;
        (0..self.metadata.metadata().num_row_groups()).map(move |group| {
            let rows = u64::try_from(file.metadata.metadata().row_group(group).num_rows()).unwrap_or(0);
            let block = ParquetBlock { file: file.clone(), on_bad_row, group, first_row };
            first_row += rows;
            block
        })
    }

    /// What the file says of its columns.
    pub(crate) fn declared(&self) -> Declared {
        Declared::new(Arc::clone(&self.input), Arc::clone(self.metadata.schema()))
    }
}

impl ParquetBlock {
    /// How many rows the footer counts in it.
    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.file.metadata.metadata().row_group(self.group).num_rows()).unwrap_or(0)
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.file.input.path
    }

    pub(crate) fn batches(self, plan: &Plan) -> Result<ParquetBatches, SourceError> {
        let conform = self.file.declared().conform(plan, self.on_bad_row)?;
        let rows = self.check_pages(conform.rows())?;
        let failed = |source| self.failed(self.first_row, None, source);
        let reader = self.reader(&self.file.metadata, rows, None)?.map_err(failed)?;
        let seconds = match &self.file.int96 {
            Some((columns, metadata)) => Some(self.reader(metadata, rows, Some(columns))?.map_err(failed)?),
            None => None,
        };
        let (handle, row) = (Arc::clone(self.file.input.plain()?.file()), self.first_row);
        Ok(ParquetBatches { block: self, handle, reader, rows, untyped: None, seconds, conform, row, done: false })
    }

    /// Refuses pages that take too much memory; returns how many rows a batch may have.
    fn check_pages(&self, rows: usize) -> Result<usize, SourceError> {
        // What is read here is not the reading that progress counts.
        let file = Arc::new(self.file.input.plain()?.metered(&Meter::default()));
        let group = self.file.metadata.metadata().row_group(self.group);
        let failed = |source| self.failed(self.first_row, None, source);
        guarded(|| pages::check(&file, group, rows)).unwrap_or_else(|| Err(gave_up())).map_err(failed)
    }

    /// Reads the row group in batches of `rows`.
    fn reader(
        &self,
        metadata: &ArrowReaderMetadata,
        rows: usize,
        columns: Option<&[usize]>,
    ) -> Result<Result<ParquetRecordBatchReader, ParquetError>, SourceError> {
        let handle = self.file.input.plain()?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone())
            .with_row_groups(vec![self.group])
            .with_batch_size(rows);
        if let Some(columns) = columns {
            let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        Ok(guarded(|| builder.build()).unwrap_or_else(|| Err(gave_up())))
    }

    /// The first column that does not decode.
    fn broken_column(&self, metadata: &ArrowReaderMetadata, rows: usize) -> Option<String> {
        let fields = metadata.schema().fields().iter().enumerate();
        let broken = |index| {
            let reader = self.reader(metadata, rows, Some(&[index]));
            reader.is_ok_and(|reader| reader.and_then(|mut reader| skip(&mut reader, u64::MAX)).is_err())
        };
        fields.into_iter().find(|(index, _)| broken(*index)).map(|(_, field)| field.name().clone())
    }

    fn failed(&self, row: u64, column: Option<String>, source: ParquetError) -> SourceError {
        let place = Place { file: Arc::clone(&self.file.input.path), spot: Spot::Row(row) };
        SourceError::Parquet { place, group: Some(self.group), column, source }
    }
}

impl Iterator for ParquetBatches {
    type Item = Result<SourceBatch, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = guarded(|| self.read());
        let next = next.unwrap_or_else(|| Err(self.failed(gave_up())));
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl ParquetBatches {
    fn read(&mut self) -> Result<Option<SourceBatch>, SourceError> {
        let Some(batch) = self.decode()? else {
            self.block.file.input.check(&self.handle)?;
            return self.check_count().map(|()| None);
        };
        let mut known = Vec::new();
        if let Some(seconds) = &mut self.seconds {
            let seconds = next(seconds).map_err(|source| self.failed(source))?;
            known = self.check_int96(&batch, seconds.as_ref())?;
        }
        let rows = self.conform.batch(&batch, self.row, &known)?;
        self.row += batch.num_rows() as u64;
        Ok(Some(rows))
    }

    /// The next rows; with bytes for texts from where the reader refuses them on.
    fn decode(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let source = match next(&mut self.reader) {
            Ok(batch) => return Ok(batch),
            Err(source) => source,
        };
        let untyped = match (&self.untyped, &self.block.file.texts) {
            (None, Some(texts)) => texts.untyped(&self.block.file.metadata),
            (tried, _) => tried.clone(),
        };
        if self.untyped.is_none()
            && let Some(metadata) = &untyped
            && let Ok(mut reader) = self.block.reader(metadata, self.rows, None)?
            && skip(&mut reader, self.read_rows()).is_ok()
            && let Ok(batch) = next(&mut reader)
        {
            (self.reader, self.untyped) = (reader, untyped);
            return Ok(batch);
        }
        // That a text is none is not what the decoder means.
        let metadata = untyped.as_ref().unwrap_or(&self.block.file.metadata);
        let column = self.block.broken_column(metadata, self.rows);
        Err(self.block.failed(self.row, column, source))
    }

    /// Rows of the row group that were read.
    fn read_rows(&self) -> u64 {
        self.row - self.block.first_row
    }

    /// A row group has as many rows as the footer counts: else rows would have other numbers than are told, and nobody knew
    /// which are left out.
    fn check_count(&self) -> Result<(), SourceError> {
        let (found, counted) = (self.read_rows(), self.block.rows());
        if found == counted {
            return Ok(());
        }
        let problem = format!("the footer counts {counted} rows, and the pages hold {found}");
        Err(self.failed(ParquetError::General(problem)))
    }

    fn failed(&self, source: ParquetError) -> SourceError {
        self.block.failed(self.row, None, source)
    }

    /// Compares INT96 columns in nanoseconds with the same in seconds, and names the rows where they differ.
    fn check_int96(&self, batch: &RecordBatch, seconds: Option<&RecordBatch>) -> Result<Vec<Known>, SourceError> {
        let (Some((columns, _)), Some(seconds)) = (&self.block.file.int96, seconds) else {
            return Err(self.internal("a batch of seconds"));
        };
        let mut known = Vec::new();
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
                    known.push(Known { row, problem, bytes: seconds.to_string().into_bytes() });
                }
            }
        }
        // Columns were looked at one after the other, and a row is bad once.
        known.sort_by_key(|known| known.row);
        known.dedup_by_key(|known| known.row);
        Ok(known)
    }

    fn internal(&self, what: &str) -> SourceError {
        self.failed(ParquetError::General(format!("the reader left out {what}")))
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

/// The next batch, or none at the end; a panic is an error like others.
fn next(reader: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>, ParquetError> {
    guarded(|| reader.next()).unwrap_or_else(|| Some(Err(gave_up().into()))).transpose().map_err(ParquetError::from)
}

/// Reads over `rows` rows, or up to the end. They were batches before, so they are whole ones.
fn skip(reader: &mut ParquetRecordBatchReader, rows: u64) -> Result<(), ParquetError> {
    let mut left = rows;
    while left > 0 {
        let Some(batch) = next(reader)? else { return Ok(()) };
        let batch = batch.num_rows() as u64;
        left = left.checked_sub(batch).ok_or_else(|| ParquetError::General("batches have other rows".to_owned()))?;
    }
    Ok(())
}

/// What is said where the library panicked.
fn gave_up() -> ParquetError {
    ParquetError::General("the file is damaged in a way that the reader does not understand".to_owned())
}

fn footer_error(input: &Input, source: ParquetError) -> SourceError {
    SourceError::Parquet { place: Place::file(Arc::clone(&input.path)), group: None, column: None, source }
}
