//! Arrow IPC: files with a footer and streams, record batch by record batch, into working types.
//!
//! A file is read by its footer, which says where its dictionaries and its batches are; a stream in the order in which
//! it stands, dictionaries that grow or are replaced in between included. The reading thread takes messages out of the
//! file and makes dictionaries; each record batch is decompressed, checked and converted by whoever gets it.
//!
//! Texts are decoded as bytes: the decoder would refuse a batch for one text that is not UTF-8, and a file for one in a
//! dictionary that no row may use. Whether they are is looked at where rows are known.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{MessageHeader, convert::fb_to_schema};
use arrow_schema::{ArrowError, SchemaRef};

use super::bad_row::OnBadRow;
use super::declared::{Conform, Declared, Known};
use super::error::{Place, Problem, SourceError, Spot};
use super::input::Input;
use super::plain::Cursor;
use super::text::MAX_RECORD;
use super::working::Plan;
use super::{SourceBatch, untyped};
use crate::guard::guarded;
use footer::Footer;
use message::{Broken, Message};

mod bounds;
pub(super) mod expand;
mod footer;
mod message;

/// Why bytes are not Arrow IPC that is read here.
#[derive(Debug, thiserror::Error)]
pub enum ArrowProblem {
    /// The first version of Feather, which is another format.
    #[error("this is Feather version 1, which is not Arrow IPC")]
    Feather1,
    /// Something else should stand here.
    #[error("expected {expected}")]
    Expected {
        /// What.
        expected: &'static str,
    },
    /// Values are in the other order of bytes.
    #[error("the values are big-endian")]
    BigEndian,
    /// There is less than was declared.
    #[error("{what} declares {declared} bytes, and there are {found}")]
    Short {
        /// What declares it.
        what: &'static str,
        /// How many bytes.
        declared: u64,
        /// How many there are.
        found: u64,
    },
    /// A length that is negative, or more than there can be.
    #[error("{what} declares length {declared}, expected 0 to {limit}")]
    Length {
        /// What declares it.
        what: &'static str,
        /// What it declares.
        declared: i64,
        /// The most that can be.
        limit: u64,
    },
    /// The decoder says no.
    #[error("it does not decode")]
    Decode(#[from] ArrowError),
    /// The decoder panicked.
    #[error("it is damaged in a way that the decoder does not understand")]
    GaveUp,
}

/// A file whose schema has been read.
#[derive(Debug)]
pub(crate) struct ArrowFile {
    input: Arc<Input>,
    bytes: Bytes,
    /// Kept to see at the end whether the file is still the same.
    handle: Arc<File>,
    schema: SchemaRef,
    /// The schema with bytes for texts.
    untyped: SchemaRef,
    /// Where things are, in a file that is no stream.
    footer: Option<Footer>,
}

/// The bytes of the file: from the start, or from anywhere.
enum Bytes {
    Stream(Box<dyn Read + Send>),
    Plain(Cursor),
}

/// Reads messages in order, and keeps the dictionaries.
#[derive(Debug)]
pub(crate) struct ArrowReader {
    file: ArrowFile,
    on_bad_row: OnBadRow,
    dictionaries: Dictionaries,
    first_row: u64,
}

/// A record batch that is not decoded yet.
#[derive(Debug, Clone)]
pub(crate) struct ArrowBlock {
    input: Arc<Input>,
    on_bad_row: OnBadRow,
    schema: SchemaRef,
    untyped: SchemaRef,
    message: Arc<Message>,
    dictionaries: Dictionaries,
    size: bounds::Size,
    first_row: u64,
}

/// The rows of a record batch, a few at a time.
pub(crate) struct ArrowBatches {
    conform: Conform,
    input: Arc<Input>,
    batch: RecordBatch,
    at: usize,
    first_row: u64,
    done: bool,
}

type Dictionaries = Arc<HashMap<i64, ArrayRef>>;

/// Largest record batch that is handed to another thread as it is.
const SMALL_BATCH: u64 = 16 << 20;
/// Most bytes of all dictionaries.
const MAX_DICTIONARIES: u64 = 1 << 30;
/// Memory that the rows of one batch may take after dictionaries and runs are undone, and that one row may.
const BATCH_BYTES: u64 = 64 << 20;
const ROW_BYTES: u64 = 1 << 30;

impl ArrowFile {
    pub(crate) fn open(input: Arc<Input>) -> Result<Self, SourceError> {
        let opened = guarded(|| Self::load(&input)).unwrap_or_else(|| Err(ArrowProblem::GaveUp.into()));
        let (bytes, handle, schema, footer) = opened.map_err(|broken| broken.of(&input, Spot::File))?;
        let untyped = untyped::schema(&schema);
        Ok(Self { input, bytes, handle, schema, untyped, footer })
    }

    /// Reads the schema, of a stream up to its end.
    fn load(input: &Input) -> Result<(Bytes, Arc<File>, SchemaRef, Option<Footer>), Broken> {
        let mut reader = input.open()?;
        let mut magic = Vec::new();
        reader.append(&mut magic, footer::MAGIC.len())?;
        if magic.starts_with(b"FEA1") {
            return Err(ArrowProblem::Feather1.into());
        }
        if magic == footer::MAGIC {
            let plain = input.plain()?;
            let mut cursor = plain.cursor();
            let (schema, footer) = Footer::read(&mut cursor)?;
            return Ok((Bytes::Plain(cursor), Arc::clone(plain.file()), schema, Some(footer)));
        }
        let handle = Arc::clone(reader.handle());
        let mut stream = io::Cursor::new(magic).chain(reader);
        let message = Message::read(&mut stream)?.ok_or(ArrowProblem::Expected { expected: "a schema" })?;
        let schema = message.header()?.header_as_schema().ok_or(ArrowProblem::Expected { expected: "a schema" })?;
        Ok((Bytes::Stream(Box::new(stream)), handle, schema_of(schema)?, None))
    }

    pub(crate) fn declared(&self) -> Declared {
        Declared::new(Arc::clone(&self.input), Arc::clone(&self.schema))
    }

    pub(crate) fn blocks(self, on_bad_row: OnBadRow) -> ArrowReader {
        ArrowReader { file: self, on_bad_row, dictionaries: Dictionaries::default(), first_row: 0 }
    }
}

fn schema_of(schema: arrow_ipc::Schema<'_>) -> Result<SchemaRef, ArrowProblem> {
    if !schema.endianness().equals_to_target_endianness() {
        return Err(ArrowProblem::BigEndian);
    }
    Ok(Arc::new(fb_to_schema(schema)))
}

impl ArrowReader {
    /// The next record batch, or nothing at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<ArrowBlock>, SourceError> {
        let next = guarded(|| self.advance()).unwrap_or_else(|| Err(ArrowProblem::GaveUp.into()));
        let next = next.map_err(|broken| broken.of(&self.file.input, Spot::Row(self.first_row)))?;
        if next.is_none() {
            self.file.input.check(&self.file.handle)?;
        }
        Ok(next)
    }

    fn advance(&mut self) -> Result<Option<ArrowBlock>, Broken> {
        loop {
            let message = match (&mut self.file.bytes, &mut self.file.footer) {
                (Bytes::Plain(cursor), Some(footer)) => footer.next(cursor)?,
                (Bytes::Stream(stream), _) => Message::read(stream)?,
                (Bytes::Plain(_), None) => None,
            };
            let Some(message) = message else { return self.finish().map(|()| None) };
            match message.kind()? {
                MessageHeader::DictionaryBatch => self.keep_dictionary(&message)?,
                MessageHeader::RecordBatch => match self.block(message)? {
                    // Nothing to read, and some writers leave its buffers in no good state.
                    block if block.rows() == 0 => {}
                    block => return Ok(Some(block)),
                },
                _ => return Err(ArrowProblem::Expected { expected: "a record batch or a dictionary" }.into()),
            }
        }
    }

    /// After the end of a stream nothing may follow: it would be left out without a word.
    fn finish(&mut self) -> Result<(), Broken> {
        if let Bytes::Stream(stream) = &mut self.file.bytes
            && stream.read(&mut [0])? > 0
        {
            return Err(ArrowProblem::Expected { expected: "the end of the file after the end of the stream" }.into());
        }
        Ok(())
    }

    fn block(&mut self, message: Message) -> Result<ArrowBlock, ArrowProblem> {
        let batch = message.header()?.header_as_record_batch();
        let batch = batch.ok_or(ArrowProblem::Expected { expected: "a record batch" })?;
        let size = bounds::check(batch, &message.body)?;
        let first_row = self.first_row;
        self.first_row += size.rows;
        Ok(ArrowBlock {
            input: Arc::clone(&self.file.input),
            on_bad_row: self.on_bad_row,
            schema: Arc::clone(&self.file.schema),
            untyped: Arc::clone(&self.file.untyped),
            message: Arc::new(message),
            dictionaries: Arc::clone(&self.dictionaries),
            size,
            first_row,
        })
    }

    fn keep_dictionary(&mut self, message: &Message) -> Result<(), ArrowProblem> {
        let header = message.header()?;
        let batch = header.header_as_dictionary_batch().ok_or(ArrowProblem::Expected { expected: "a dictionary" })?;
        let data = batch.data().ok_or(ArrowProblem::Expected { expected: "a dictionary's values" })?;
        let size = bounds::check(data, &message.body)?;
        // Blocks that were given out keep the dictionaries of their time.
        let dictionaries = Arc::make_mut(&mut self.dictionaries);
        let kept = dictionaries.values().map(|values| values.get_buffer_memory_size() as u64).sum::<u64>();
        let bytes = kept.saturating_add(size.bytes);
        if bytes > MAX_DICTIONARIES {
            let declared = i64::try_from(bytes).unwrap_or(i64::MAX);
            return Err(ArrowProblem::Length { what: "the dictionaries", declared, limit: MAX_DICTIONARIES });
        }
        Ok(read_dictionary(&message.body, batch, &self.file.untyped, dictionaries, &header.version())?)
    }
}

impl ArrowBlock {
    pub(crate) fn path(&self) -> &Path {
        &self.input.path
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        self.size.rows
    }

    /// Whether another thread may decode it: many of these are in memory at once.
    pub(crate) fn is_small(&self, plan: &Plan) -> bool {
        self.size.rows <= plan.batch_rows() as u64 && self.size.bytes <= SMALL_BATCH
    }

    pub(crate) fn batches(self, plan: &Plan) -> Result<ArrowBatches, SourceError> {
        let conform =
            Declared::new(Arc::clone(&self.input), Arc::clone(&self.schema)).conform(plan, self.on_bad_row)?;
        let batch = self.decode(None).map_err(|problem| {
            let place = Place { file: Arc::clone(&self.input.path), spot: Spot::Row(self.first_row) };
            SourceError::Ipc { place, column: self.broken_column(), source: Box::new(problem) }
        })?;
        Ok(ArrowBatches { conform, input: self.input, batch, at: 0, first_row: self.first_row, done: false })
    }

    /// Decodes the batch with all of Arrow's checks but that for UTF-8; dictionaries and runs stay as they are.
    fn decode(&self, columns: Option<&[usize]>) -> Result<RecordBatch, ArrowProblem> {
        guarded(|| self.decoded(columns)).unwrap_or(Err(ArrowProblem::GaveUp))
    }

    /// The first column that does not decode.
    fn broken_column(&self) -> Option<String> {
        let mut fields = self.schema.fields().iter().enumerate();
        fields.find(|(index, _)| self.decode(Some(&[*index])).is_err()).map(|(_, field)| field.name().clone())
    }

    fn decoded(&self, columns: Option<&[usize]>) -> Result<RecordBatch, ArrowProblem> {
        let header = self.message.header()?;
        let batch = header.header_as_record_batch().ok_or(ArrowProblem::Expected { expected: "a record batch" })?;
        let schema = Arc::clone(&self.untyped);
        let version = header.version();
        Ok(read_record_batch(&self.message.body, batch, schema, &self.dictionaries, columns, &version)?)
    }
}

impl Iterator for ArrowBatches {
    type Item = Result<SourceBatch, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.at >= self.batch.num_rows() {
            return None;
        }
        let row = self.first_row + self.at as u64;
        let next = guarded(|| self.read(row));
        let next = next.unwrap_or_else(|| Err(Broken::from(ArrowProblem::GaveUp).of(&self.input, Spot::Row(row))));
        self.done = next.is_err();
        Some(next)
    }
}

impl ArrowBatches {
    /// The next rows: as many as fit the bound once dictionaries, views and runs are undone.
    fn read(&mut self, row: u64) -> Result<SourceBatch, SourceError> {
        let mut len = self.conform.rows().min(self.batch.num_rows() - self.at).max(1);
        let mut known = Vec::new();
        let rows = loop {
            let rows = self.batch.slice(self.at, len);
            let bytes = rows.columns().iter().map(expand::bytes).fold(0, u64::saturating_add);
            match len {
                _ if bytes <= BATCH_BYTES => break rows,
                1 if bytes <= ROW_BYTES => break rows,
                1 => {
                    let problem = Problem::RecordTooLong { limit: MAX_RECORD };
                    known.push(Known { row: 0, problem, bytes: Vec::new() });
                    break rows;
                }
                _ => len /= 2,
            }
        };
        let batch = self.conform.batch(&rows, row, &known)?;
        self.at += len;
        Ok(batch)
    }
}

impl Broken {
    fn of(self, input: &Input, spot: Spot) -> SourceError {
        match self {
            Self::Io(source) => input.io("read", source),
            Self::Source(error) => error,
            Self::Arrow(source) => {
                let place = Place { file: Arc::clone(&input.path), spot };
                SourceError::Ipc { place, column: None, source: Box::new(source) }
            }
        }
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stream(_) => "Stream",
            Self::Plain(_) => "Plain",
        })
    }
}
