//! Reading: files of rows become Arrow batches whose values say exactly what the files say.
//!
//! CSV, JSON, Parquet, Arrow IPC and the rest all end in the same working types (one Arrow type per logical type and [`Width`]), so that
//! whatever comes after need not know where rows came from. A cell is turned into a value exactly or refused, with
//! file, line, byte, column and the start of the value; nothing is rounded, trimmed, shifted or skipped.
//!
//! Reading takes two steps that can run on different threads. [`Source::blocks`] cuts the files, in order, into blocks
//! of whole records, which is cheap. [`Block::infer`] and [`Block::batches`] take one block apart and depend on nothing
//! else. [`Source::infer`] and [`Source::batches`] do both for those who want no threads.
//!
//! A [`Plan`] fixes schema and widths for all batches: from [`Source::infer`], or from [`Source::under`] a schema. The
//! latter looks at the start of the input only, so a value further on may need more room than the plan has. Reading
//! then stops with an error that has a [`SourceError::widening`], and [`Source::measure`] finds the widths of the whole
//! input for another run.
//!
//! ```
//! use mira_ingest::source::{Options, Source};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("pets.csv");
//! std::fs::write(&path, "name,age\nRex,4\n\"\",\n")?;
//! let source = Source::open(&[path], Options::default())?;
//! let plan = source.infer()?;
//! assert_eq!(plan.schema().to_string(), r#"[["name","text"],["age","int"]]"#);
//! let rows = source.batches(&plan).map(|batch| Ok(batch?.batch().num_rows()));
//! assert_eq!(rows.sum::<Result<usize, mira_ingest::source::SourceError>>()?, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arrow_array::RecordBatch;

use mira_core::digest::Digest;
use mira_core::schema::{Field, Schema};

use arrow::{ArrowBlock, ArrowFile, ArrowReader};
use csv::{Mark, Punctuation};
use declared::Declared;
use files::{FilesBlock, Named};
use headers::Headers;
use input::{Access, Input};
use packing::Bound;
use parquet::{ParquetBlock, ParquetFile};
use text::{Dialect, TextBlock, TextReader};

use crate::observer::Observer;

mod archive;
mod arrow;
mod bad_row;
mod cells;
mod collect;
mod column;
mod csv;
mod declared;
mod dialect;
mod encoding;
mod error;
mod files;
mod findings;
mod format;
mod headers;
mod infer;
mod input;
mod json;
mod likely;
mod media;
mod members;
mod meter;
mod moment;
mod normalise;
mod number;
mod packing;
mod parquet;
mod piece;
mod plain;
mod reader;
mod sniff;
mod spool;
mod text;
mod untyped;
mod values;
mod working;

pub use arrow::ArrowProblem;
pub use bad_row::{BadRow, OnBadRow, Parsed};
pub use dialect::{Header, Quote};
pub use encoding::{Encoding, EncodingError};
pub use error::{JsonProblem, Place, Problem, Reason, SourceError, Spot};
pub(crate) use files::MAX_FILE;
pub use findings::{Findings, Spelling};
pub use format::{Format, FormatError};
pub use infer::{Inference, Respelled};
pub(crate) use media::media_type;
pub use meter::Meter;
pub use packing::Compression;
pub use piece::{GuessError, Piece};
pub(crate) use text::MAX_RECORD;
pub use working::{Need, Plan, Widening, Width, working_schema, working_type};

/// What is not told by the files themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The format of every file; else each file's name tells it, or its content.
    pub format: Option<Format>,
    /// What text files are in; else each file tells, and what cannot be told is UTF-8.
    pub encoding: Option<Encoding>,
    /// What separates the fields of CSV, an ASCII character; else the first file tells, and a tab in TSV.
    pub delimiter: Option<u8>,
    /// What fields of CSV can be quoted with; else the first file tells.
    pub quote: Option<Quote>,
    /// Whether the first record of CSV names the columns.
    pub header: Header,
    /// What stands for null in CSV beside an empty field: each is null where it is a whole field without quotes.
    pub nulls: Vec<String>,
    /// What a record does that is no row.
    pub on_bad_row: OnBadRow,
    /// Most bytes that one compressed file or archive may expand to; else 1 GiB, or 1,000 times its own bytes.
    pub max_expanded: Option<u64>,
    /// Where copies of standard input and of compressed files go; else the system's directory for temporary files.
    pub scratch: Option<PathBuf>,
    /// Bytes of a block of text. Larger ones cost memory per thread, smaller ones time.
    pub block_bytes: usize,
}

/// Files that form one sequence of rows, in order.
#[derive(Debug)]
pub struct Source {
    inputs: Vec<Arc<Input>>,
    /// What rows call the files, where they do.
    named: Vec<Named>,
    meter: Meter,
    format: Format,
    dialect: Option<Dialect>,
    /// What may not be as it was meant.
    notes: Vec<String>,
    nulls: Arc<[String]>,
    on_bad_row: OnBadRow,
    block_bytes: usize,
}

/// How many blocks are looked at for a guess.
const GUESS_BLOCKS: usize = 8;

/// A plan that holds for the start of an input, and whether it held for the blocks that were read under it.
#[derive(Debug)]
pub struct Guess {
    plan: Plan,
    /// For each column, whether what it takes is just what inference makes of it, so that its values need not be
    /// observed.
    decided: Arc<[bool]>,
    /// What inference makes of the start and of the blocks that were read, in any order: CSV has its columns from the
    /// header.
    seen: Mutex<Inference>,
}

/// Whole records of one file, not yet taken apart.
#[derive(Debug)]
pub struct Block(Body);

#[derive(Debug)]
enum Body {
    Text(Arc<TextBlock>),
    Parquet(ParquetBlock),
    Arrow(ArrowBlock),
    Files(FilesBlock),
}

/// The blocks of a source, in order. After an error there are no more.
#[derive(Debug)]
pub struct Blocks<'a> {
    source: &'a Source,
    next: usize,
    open: Option<Open>,
    headers: Headers,
    failed: bool,
}

enum Open {
    Text(Box<TextReader>),
    Parquet(Box<dyn Iterator<Item = ParquetBlock> + Send>),
    Arrow(Box<ArrowReader>),
    Files(Box<dyn Iterator<Item = FilesBlock> + Send>),
}

/// Rows in working types, and where they came from.
#[derive(Debug)]
pub struct SourceBatch {
    batch: RecordBatch,
    origin: Origin,
    /// What stands between and around them and is no row.
    bad: Vec<BadRow>,
}

#[derive(Debug)]
enum Origin {
    /// Rows of a text file: where its block starts, and each row in it.
    Text { file: Arc<Path>, offset: u64, line: u64, marks: Vec<Mark> },
    /// Rows of a file without lines.
    Rows { file: Arc<Path>, first: u64 },
    /// The same with the bad ones left out: the number of each.
    Some { file: Arc<Path>, rows: Vec<u64> },
    /// A file for each row.
    Files(Vec<Arc<Path>>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: None,
            encoding: None,
            delimiter: None,
            quote: None,
            header: Header::default(),
            nulls: Vec::new(),
            on_bad_row: OnBadRow::Fail,
            max_expanded: None,
            scratch: None,
            block_bytes: 1 << 20,
        }
    }
}

impl Source {
    /// Finds the files that `paths` name, in argument order, directories by path bytes, and tells their format.
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, SourceError> {
        dialect::check(&options)?;
        let (meter, bound) = (Meter::default(), Bound(options.max_expanded));
        let scratch = spool::scratch(options.scratch.as_deref());
        let inputs =
            collect::collect(paths, Access { meter: meter.clone(), bound, scratch, encoding: options.encoding })?;
        let format = format_of_all(paths, &inputs, options.format)?;
        let named = match format {
            Format::Text | Format::Files => files::name(paths, &inputs)?,
            Format::Lines if inputs.len() > 1 => files::name(paths, &inputs)?,
            _ => Vec::new(),
        };
        let Some(first) = inputs.first() else { return Err(SourceError::NoFiles { path: PathBuf::new() }) };
        let mut notes = Vec::new();
        let mut csv = |default| dialect::of_csv(first, default, &options, &mut notes);
        let dialect = match format {
            Format::Csv => Some(csv(None)?),
            Format::Tsv => Some(csv(Some(b'\t'))?),
            Format::Ndjson => Some(Dialect::Ndjson),
            Format::Json => Some(Dialect::Json),
            Format::Lines => Some(Dialect::Lines),
            Format::Parquet | Format::Arrow | Format::Text | Format::Files => None,
        };
        if let Some(Dialect::Csv { punctuation, .. }) = dialect {
            check_nulls(&options.nulls, punctuation)?;
        }
        let block_bytes = options.block_bytes.clamp(1, MAX_RECORD);
        // What was looked at to get here has not been read yet.
        meter.restart();
        let (nulls, on_bad_row) = (options.nulls.into(), options.on_bad_row);
        Ok(Self { inputs, named, meter, format, dialect, notes, nulls, on_bad_row, block_bytes })
    }

    /// The format of all files.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The files and how many bytes each takes as it lies there: compressed, in its archive, or in the copy of standard
    /// input.
    pub fn sizes(&self) -> impl ExactSizeIterator<Item = (&Path, u64)> {
        self.inputs.iter().map(|input| (&*input.path, input.disk_bytes()))
    }

    /// The files, in the order of their rows.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.inputs.iter().map(|input| &*input.path)
    }

    /// How many bytes all files take on the disk: compressed ones as they are.
    pub fn bytes_total(&self) -> u64 {
        self.inputs.iter().map(|input| input.disk_bytes()).sum()
    }

    /// Counts how many of [`Source::bytes_total`] have been read since a pass over the input last began. Readers may look
    /// at some bytes twice, so the count can end a little above the total.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// What tells the content of all files from any other without reading them: names, lengths, times and places on the
    /// disk. `None` if nothing does, as for standard input, or for a file that changed just before `now`.
    pub fn fingerprint(&self, now: SystemTime) -> Option<Digest> {
        let files = self.inputs.iter().map(|input| input.fingerprint(now)).collect::<Option<Vec<_>>>()?;
        Some(Digest::of(files.join("\n").as_bytes()))
    }

    /// The blocks of all files, in order. A pass over the input begins here.
    pub fn blocks(&self) -> Blocks<'_> {
        self.meter.restart();
        Blocks { source: self, next: 0, open: None, headers: Headers::default(), failed: false }
    }

    /// Schema and widths by `infer-1` over all values, or as the files declare them.
    pub fn infer(&self) -> Result<Plan, SourceError> {
        self.infer_watched(&())
    }

    /// The same; the observer hears of each block, and can end it.
    pub fn infer_watched(&self, observer: &dyn Observer) -> Result<Plan, SourceError> {
        let mut whole = None;
        if !self.format.declares_types() {
            let (mut rows, mut bytes) = (0, 0);
            for block in self.blocks() {
                Inference::add(&mut whole, block?.infer()?);
                let now = (whole.as_ref().map_or(0, Inference::rows), self.meter.bytes());
                observer.done(now.0.saturating_sub(rows), now.1.saturating_sub(bytes))?;
                (rows, bytes) = now;
            }
        }
        self.plan(whole)
    }

    /// Looks at the start of a CSV input: what [`Source::infer`] finds if the rest is alike. `None` for other formats.
    ///
    /// Reading under a guess takes one pass instead of two, and [`Guess::parse`] finds out if the rest is not alike.
    pub fn guess(&self) -> Result<Option<Guess>, SourceError> {
        if !matches!(self.dialect, Some(Dialect::Csv { .. })) {
            return Ok(None);
        }
        let mut whole = None;
        for block in self.blocks().take(GUESS_BLOCKS) {
            Inference::add(&mut whole, block?.infer()?);
        }
        // A start of which all is bad tells nothing.
        if self.on_bad_row == OnBadRow::SetAside && whole.as_ref().is_none_or(|whole| whole.rows() == 0) {
            return Ok(None);
        }
        let plan = self.plan(whole.clone())?;
        let Some(start) = whole else { return Ok(None) };
        let decided = plan.schema().columns().iter().map(|column| start.is_decided(&column.name)).collect();
        Ok(Some(Guess { plan, decided, seen: Mutex::new(start) }))
    }

    /// Ends an inference whose blocks were merged in order; files that declare their types need none.
    pub fn plan(&self, inference: Option<Inference>) -> Result<Plan, SourceError> {
        if self.format.declares_types() {
            return self.declared_plan();
        }
        inference.filter(|inference| inference.rows() > 0).ok_or_else(|| self.no_rows())?.finish()
    }

    /// A plan for a given schema, in the widths that the first block needs, or that the files declare.
    pub fn under(&self, schema: Schema) -> Result<Plan, SourceError> {
        if self.dialect.is_none() {
            let mut widths: Option<Vec<Width>> = None;
            for input in &self.inputs {
                widths = Some(join(widths, self.declared(input)?.widths(schema.columns())?));
            }
            return Ok(Plan::new(schema, widths.unwrap_or_default()));
        }
        let plan = Plan::narrowest(schema);
        match self.blocks().next() {
            Some(block) => widen(plan, &block?),
            None => Ok(plan),
        }
    }

    /// A plan with the same schema, wide enough for the whole input. Takes a pass over it.
    pub fn measure(&self, plan: Plan) -> Result<Plan, SourceError> {
        self.blocks().try_fold(plan, |plan, block| widen(plan, &block?))
    }

    /// All batches, in order.
    pub fn batches(&self, plan: &Plan) -> impl Iterator<Item = Result<SourceBatch, SourceError>> {
        self.blocks().flat_map(move |block| match block {
            Ok(block) => block.batches(plan),
            Err(error) => Box::new(std::iter::once(Err(error))),
        })
    }

    /// The first file's columns, which all others must have too, in widths that are enough for all.
    fn declared_plan(&self) -> Result<Plan, SourceError> {
        let mut columns: Option<Vec<Field>> = None;
        let (mut widths, mut unsigned) = (None, false);
        // Rows that are files or lines have the same columns whatever the file.
        let fixed = self.dialect.is_some() || self.format.is_of_files();
        for input in self.inputs.iter().take(if fixed { 1 } else { usize::MAX }) {
            let file = self.declared(input)?;
            unsigned |= file.has_unsigned();
            match &columns {
                None => columns = Some(file.columns()?.0),
                Some(columns) => file.check_columns(columns)?,
            }
            widths = Some(join(widths, file.widths(columns.as_deref().unwrap_or_default())?));
        }
        let plan = Plan::new(Schema::new(columns.unwrap_or_default())?, widths.unwrap_or_default());
        // Blocks know how many rows they have before they are read.
        let any = self.blocks().find(|block| block.as_ref().map_or(true, Block::has_rows));
        any.transpose()?.ok_or_else(|| self.no_rows())?;
        // Integers are unsigned only if a value asks for it, and only the values can tell.
        if unsigned { self.measure(plan) } else { Ok(plan) }
    }

    /// What a file that declares its types says of them.
    fn declared(&self, input: &Arc<Input>) -> Result<Declared, SourceError> {
        let input = Arc::clone(input);
        Ok(match self.format {
            Format::Arrow => ArrowFile::open(input)?.declared(),
            Format::Text | Format::Files => Declared::new(input, files::columns(self.format, true)),
            Format::Lines => Declared::new(input, files::columns(self.format, !self.named.is_empty())),
            _ => ParquetFile::open(input)?.declared(),
        })
    }

    fn open_file(&self, input: Arc<Input>, index: usize) -> Result<Open, SourceError> {
        Ok(match (self.dialect, self.format) {
            (Some(dialect), _) => {
                let nulls = Arc::clone(&self.nulls);
                let mut reader = TextReader::open(input, dialect, nulls, self.block_bytes, self.on_bad_row)?;
                if dialect == Dialect::Lines {
                    reader.name(self.named.get(index).map(|named| Arc::clone(&named.name)));
                }
                Open::Text(Box::new(reader))
            }
            (None, Format::Text | Format::Files) => {
                Open::Files(Box::new(files::blocks(&self.named, self.format, self.block_bytes)))
            }
            (None, Format::Arrow) => Open::Arrow(Box::new(ArrowFile::open(input)?.blocks(self.on_bad_row))),
            (None, _) => Open::Parquet(Box::new(ParquetFile::open(input)?.blocks(self.on_bad_row))),
        })
    }

    fn no_rows(&self) -> SourceError {
        let first = self.inputs.first().map(|input| input.path.to_path_buf()).unwrap_or_default();
        SourceError::NoRows { files: self.inputs.len(), first }
    }
}

impl Guess {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The columns of the blocks that were read whose numbers are written otherwise there.
    pub fn respelled(&self) -> Vec<Respelled> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).respelled()
    }

    /// Reads a block under the plan, and whether inference over all blocks read so far still comes to that plan; if
    /// not, neither do all values of the input.
    fn read(&self, block: Block) -> Result<(Vec<SourceBatch>, bool), SourceError> {
        let Body::Text(block) = block.0 else { return Ok((Vec::new(), false)) };
        let mut batches = block.watched(&self.plan, Arc::clone(&self.decided));
        let read = batches.by_ref().collect::<Result<Vec<_>, _>>()?;
        let holds = {
            // No code that can panic runs under the lock.
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(inference) = batches.into_inference() {
                seen.merge(inference);
            }
            seen.comes_to(&self.plan)
        };
        // A value that the guess does not hold is no bad row: with it, inference comes to another type.
        let is_value = |bad: &BadRow| matches!(bad.problem, Problem::Value { .. });
        let refused = read.iter().flat_map(|batch| &batch.bad).any(is_value);
        Ok((read, holds && !refused))
    }
}

impl Block {
    /// Whether its batches may all be in memory at once: a block of short NDJSON lines stands for as many values as
    /// there are columns on each.
    fn is_small(&self, plan: &Plan) -> bool {
        match &self.0 {
            Body::Text(block) => block.most_rows() <= plan.batch_rows(),
            Body::Parquet(_) => false,
            Body::Arrow(block) => block.is_small(plan),
            Body::Files(_) => true,
        }
    }

    /// Whether it has rows, of what knows that by its declaration.
    fn has_rows(&self) -> bool {
        match &self.0 {
            Body::Text(block) => block.has_bytes(),
            Body::Parquet(block) => block.rows() > 0,
            Body::Arrow(block) => block.rows() > 0,
            Body::Files(_) => true,
        }
    }

    /// What the values of this block allow, to be merged in order of the blocks. Blocks whose types are declared allow
    /// everything.
    pub fn infer(&self) -> Result<Inference, SourceError> {
        match &self.0 {
            Body::Text(block) => block.infer(),
            Body::Parquet(_) | Body::Arrow(_) | Body::Files(_) => Ok(Inference::of_columns(std::iter::empty())),
        }
    }

    /// The block's rows, under a plan: mostly one batch of text, several of a row group. After an error there are no more.
    pub fn batches(self, plan: &Plan) -> Box<dyn Iterator<Item = Result<SourceBatch, SourceError>> + Send> {
        match self.0 {
            Body::Text(block) => Box::new(block.batches(plan)),
            Body::Parquet(block) => match block.batches(plan) {
                Ok(batches) => Box::new(batches),
                Err(error) => Box::new(std::iter::once(Err(error))),
            },
            Body::Arrow(block) => match block.batches(plan) {
                Ok(batches) => Box::new(batches),
                Err(error) => Box::new(std::iter::once(Err(error))),
            },
            Body::Files(block) => Box::new(std::iter::once(block.read(plan))),
        }
    }

    /// The file the block is from.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Body::Text(block) => block.path(),
            Body::Parquet(block) => block.path(),
            Body::Arrow(block) => block.path(),
            Body::Files(block) => block.path(),
        }
    }

    /// Reads the block under a plan and forgets the rows.
    fn check(&self, plan: &Plan) -> Result<(), SourceError> {
        match &self.0 {
            Body::Text(block) => Arc::clone(block).batches(plan).try_for_each(|batch| batch.map(drop)),
            Body::Parquet(block) => block.clone().batches(plan)?.try_for_each(|batch| batch.map(drop)),
            Body::Arrow(block) => block.clone().batches(plan)?.try_for_each(|batch| batch.map(drop)),
            Body::Files(block) => block.read(plan).map(drop),
        }
    }
}

impl Blocks<'_> {
    fn advance(&mut self) -> Result<Option<Block>, SourceError> {
        loop {
            if let Some(open) = &mut self.open {
                let block = match open {
                    Open::Text(reader) => reader.next_block()?.map(|block| Body::Text(Arc::new(block))),
                    Open::Parquet(blocks) => blocks.next().map(Body::Parquet),
                    Open::Arrow(reader) => reader.next_block()?.map(Body::Arrow),
                    Open::Files(blocks) => blocks.next().map(Body::Files),
                };
                if let Some(body) = block {
                    if let Body::Text(block) = &body {
                        self.headers.check(block)?;
                    }
                    return Ok(Some(Block(body)));
                }
            }
            let Some(input) = self.source.inputs.get(self.next) else { return Ok(None) };
            self.next += 1;
            self.open = Some(self.source.open_file(Arc::clone(input), self.next - 1)?);
            if self.source.format.is_of_files() {
                // One sequence of blocks has all files.
                self.next = self.source.inputs.len();
            }
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Block, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.advance();
        self.failed = next.is_err();
        next.transpose()
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Parquet(_) => "Parquet",
            Self::Arrow(_) => "Arrow",
            Self::Files(_) => "Files",
        })
    }
}

impl SourceBatch {
    /// The rows.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The records that were set aside here, in order.
    pub fn bad_rows(&self) -> &[BadRow] {
        &self.bad
    }

    /// Where a row of the batch came from.
    pub fn place(&self, row: usize) -> Place {
        match &self.origin {
            Origin::Text { file, offset, line, marks } => {
                let mark = marks.get(row).copied().unwrap_or(Mark { byte: 0, line: 0 });
                let spot = Spot::Text { line: line + u64::from(mark.line), byte: offset + u64::from(mark.byte) };
                Place { file: Arc::clone(file), spot }
            }
            Origin::Files(files) => {
                let file = files.get(row).map_or_else(|| Arc::from(Path::new("")), Arc::clone);
                Place { file, spot: Spot::File }
            }
            Origin::Rows { file, first } => Place { file: Arc::clone(file), spot: Spot::Row(first + row as u64) },
            Origin::Some { file, rows } => {
                let spot = rows.get(row).map_or(Spot::File, |row| Spot::Row(*row));
                Place { file: Arc::clone(file), spot }
            }
        }
    }
}

/// The plan, widened until it holds all values of the block.
fn widen(mut plan: Plan, block: &Block) -> Result<Plan, SourceError> {
    // Every round widens one node of the plan, which can happen a few times only, so this ends.
    loop {
        match block.check(&plan) {
            Err(error) => match error.widening() {
                Some(widening) => plan = plan.widened(widening),
                None => return Err(error),
            },
            Ok(()) => return Ok(plan),
        }
    }
}

/// The widths of files before, if any, and of one more.
fn join(widths: Option<Vec<Width>>, more: Vec<Width>) -> Vec<Width> {
    match widths {
        Some(widths) => widths.iter().zip(&more).map(|(own, other)| own.joined(other)).collect(),
        None => more,
    }
}

/// Refuses tokens that no unquoted field can be: whoever gave one expects nulls and would get none.
fn check_nulls(nulls: &[String], punctuation: Punctuation) -> Result<(), SourceError> {
    let ends = |byte: u8| byte == punctuation.delimiter || matches!(byte, b'\n' | b'\r');
    let is_quoted = |token: &str| token.bytes().next().is_some_and(|first| punctuation.quote == Some(first));
    match nulls.iter().find(|token| is_quoted(token) || token.bytes().any(ends)) {
        Some(token) => Err(SourceError::NullToken { token: token.clone() }),
        None => Ok(()),
    }
}

/// The format of all files: as given, or the one that each has by name or by content.
///
/// Files that are no tables are rows of `files` where others of their directory are; where all are texts, of `text`.
fn format_of_all(paths: &[PathBuf], inputs: &[Arc<Input>], given: Option<Format>) -> Result<Format, SourceError> {
    let explicit: std::collections::HashSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let mut first: Option<(&Input, Format)> = None;
    for input in inputs {
        let found = match given.or_else(|| Format::of_name(&input.inner_name())) {
            Some(format) => format,
            None if input.is_empty() && explicit.contains(&**input.file()) => return Err(input.fault(Problem::Empty)),
            None => match format_of_content(input)? {
                Some(format) => format,
                None if explicit.contains(&**input.file()) => return Err(input.fault(Problem::UnknownFormat)),
                None => Format::Files,
            },
        };
        if input.is_empty() && !matches!(found, Format::Text | Format::Lines | Format::Files) {
            return Err(input.fault(Problem::Empty));
        }
        first = match first {
            None => Some((input, found)),
            Some((_, format)) if format == found => continue,
            // Texts among other files are files too.
            Some((earlier, Format::Text | Format::Files)) if found.is_of_files() => Some((earlier, Format::Files)),
            Some((earlier, format)) => {
                let (first, path) = (earlier.path.to_path_buf(), input.path.to_path_buf());
                return Err(SourceError::MixedFormats {
                    first,
                    first_format: format.name(),
                    path,
                    format: found.name(),
                });
            }
        };
    }
    first.map(|(_, format)| format).ok_or(SourceError::NoFiles { path: PathBuf::new() })
}

/// The format that a file's content shows, if it shows one.
fn format_of_content(input: &Input) -> Result<Option<Format>, SourceError> {
    let head = input.head()?;
    if let Some(format) = Format::of_content(&head) {
        return Ok(Some(format));
    }
    if media::of_content(&head).is_some() {
        return Ok(Some(Format::Files));
    }
    // In UTF-8 the same bytes may show what they are.
    let Ok((head, is_whole)) = input.text_head(true) else { return Ok(None) };
    Ok(Format::of_content(head.as_bytes()).or_else(|| sniff::is_table(&head, is_whole).then_some(Format::Csv)))
}
