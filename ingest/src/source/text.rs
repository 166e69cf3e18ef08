//! Text files: cut into blocks of whole records, then each block on its own into values.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use memchr::{memchr, memchr_iter, memrchr};

use mira_core::schema::{Field, Schema, Type};

use super::column::{Column, Fault, Record, Refusal};
use super::csv::{self, Cell, Grid, Mark, Punctuation, Tile};
use super::error::{Place, Problem, SourceError, Spot};
use super::infer::{At, Inference};
use super::input::Input;
use super::json::{Json, Kind};
use super::reader::Text;
use super::working::{Plan, Widening};
use super::{Origin, SourceBatch};

/// The byte order mark of UTF-8, of which one is dropped at the start of a file.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Longest record in bytes: no row may be longer either.
pub(crate) const MAX_RECORD: usize = 64 << 20;

/// How lines of a file are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Csv { punctuation: Punctuation, has_header: bool },
    Ndjson,
}

/// A run of whole records.
#[derive(Debug)]
pub(crate) struct TextBlock {
    input: Arc<Input>,
    dialect: Dialect,
    /// What is null in CSV, unquoted.
    nulls: Arc<[String]>,
    /// The columns, in CSV.
    header: Arc<[String]>,
    bytes: Vec<u8>,
    /// The byte and the line of the file at which the block starts.
    offset: u64,
    line: u64,
}

/// The batches of a block: one, unless its rows have so many columns that it would grow too large.
#[derive(Debug)]
pub(crate) struct TextBatches {
    block: Arc<TextBlock>,
    plan: Plan,
    next: Next,
}

/// What is to be read next.
#[derive(Debug)]
enum Next {
    Start,
    /// CSV from a row on; for each column of the schema, its index in the file.
    Rows {
        grid: Grid,
        order: Vec<usize>,
        row: usize,
    },
    /// NDJSON from a byte and a line on.
    Lines {
        at: usize,
        number: u64,
    },
    End,
}

/// Reads a file block by block.
#[derive(Debug)]
pub(crate) struct TextReader {
    input: Arc<Input>,
    reader: Text,
    dialect: Dialect,
    nulls: Arc<[String]>,
    header: Option<Arc<[String]>>,
    /// How many bytes a block has at least, unless the file ends.
    size: usize,
    /// The start of a record that the last block did not hold whole.
    rest: Vec<u8>,
    offset: u64,
    line: u64,
    ended: bool,
}

impl TextReader {
    pub(crate) fn open(
        input: Arc<Input>,
        dialect: Dialect,
        nulls: Arc<[String]>,
        size: usize,
    ) -> Result<Self, SourceError> {
        // JSON is UTF-8 by its standard, so an encoding is guessed for tables only.
        let reader = input.text(matches!(dialect, Dialect::Csv { .. }))?;
        let (header, rest, offset, line, ended) = (None, Vec::new(), 0, 1, false);
        let mut reader = Self { input, reader, dialect, nulls, header, size, rest, offset, line, ended };
        reader.fill(BOM.len())?;
        if reader.rest.starts_with(BOM) {
            reader.rest.clear();
            reader.offset = BOM.len() as u64;
        }
        Ok(reader)
    }

    /// The next block, or `None` at the end of the file.
    pub(crate) fn next_block(&mut self) -> Result<Option<TextBlock>, SourceError> {
        let mut size = self.size.max(1);
        let end = loop {
            self.fill(size)?;
            if self.ended {
                break self.rest.len();
            }
            if let Some(end) = self.cut() {
                break end;
            }
            if self.rest.len() >= MAX_RECORD {
                return Err(self.fault(0, Problem::RecordTooLong { limit: MAX_RECORD }));
            }
            size = size.max(self.rest.len()).saturating_mul(2).min(MAX_RECORD);
        };
        if end == 0 && self.header.is_some() {
            return Ok(None);
        }
        let rest = self.rest.split_off(end);
        let mut bytes = std::mem::replace(&mut self.rest, rest);
        let header = match &self.header {
            Some(header) => Arc::clone(header),
            None => self.take_header(&mut bytes)?,
        };
        let block = TextBlock {
            input: Arc::clone(&self.input),
            dialect: self.dialect,
            nulls: Arc::clone(&self.nulls),
            header,
            offset: self.offset,
            line: self.line,
            bytes,
        };
        self.advance(&block.bytes);
        Ok(Some(block))
    }

    /// Reads until `rest` holds `size` bytes or the file ends; at the end it must be the file that was opened.
    fn fill(&mut self, size: usize) -> Result<(), SourceError> {
        let wanted = size.saturating_sub(self.rest.len());
        if self.ended || wanted == 0 {
            return Ok(());
        }
        self.rest.reserve(wanted);
        let read = match self.reader.append(&mut self.rest, wanted) {
            Ok(read) => read,
            Err(source) => return Err(self.placed(self.input.io("read", source))),
        };
        self.ended = read < wanted;
        if self.ended { self.input.check(self.reader.handle()) } else { Ok(()) }
    }

    /// Gives what cannot be decoded its place: the text before it has been read.
    fn placed(&self, error: SourceError) -> SourceError {
        match error.problem() {
            Some(problem @ Problem::Malformed { .. }) => self.fault(self.rest.len(), problem.clone()),
            _ => error,
        }
    }

    fn cut(&self) -> Option<usize> {
        match self.dialect {
            Dialect::Csv { punctuation, .. } => csv::cut(&self.rest, punctuation),
            Dialect::Ndjson => memrchr(b'\n', &self.rest).map(|end| end + 1),
        }
    }

    /// Takes the header off the first block.
    fn take_header(&mut self, bytes: &mut Vec<u8>) -> Result<Arc<[String]>, SourceError> {
        let names = match self.dialect {
            Dialect::Ndjson => Vec::new(),
            Dialect::Csv { punctuation, has_header } => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|error| self.fault_in(bytes, error.valid_up_to(), Problem::Utf8))?;
                let (names, end) = csv::columns(text, punctuation, has_header)
                    .map_err(|(at, problem)| self.fault_in(bytes, at, problem))?;
                check_names(&names).map_err(|problem| self.fault_in(bytes, 0, problem))?;
                let after = bytes.split_off(end);
                let head = std::mem::replace(bytes, after);
                self.advance(&head);
                names
            }
        };
        let names: Arc<[String]> = names.into();
        self.header = Some(Arc::clone(&names));
        Ok(names)
    }

    fn advance(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.line += count_lines(bytes, self.dialect);
    }

    fn fault(&self, at: usize, problem: Problem) -> SourceError {
        self.fault_in(&self.rest, at, problem)
    }

    fn fault_in(&self, bytes: &[u8], at: usize, problem: Problem) -> SourceError {
        let line = self.line + count_lines(bytes.get(..at).unwrap_or_default(), self.dialect);
        let spot = Spot::Text { line, byte: self.offset + at as u64 };
        SourceError::at(Place { file: Arc::clone(&self.input.path), spot }, problem)
    }
}

impl TextBlock {
    /// What the block's values allow.
    pub(crate) fn infer(&self) -> Result<Inference, SourceError> {
        let text = self.text()?;
        match self.dialect {
            Dialect::Csv { punctuation, .. } => Ok(self.infer_grid(text, &self.whole_grid(punctuation)?)),
            Dialect::Ndjson => {
                let mut inference = Inference::of_columns(std::iter::empty());
                for Line { start, number, text } in Lines::new(text) {
                    let byte = self.offset + start as u64;
                    let at = At { file: &self.input.path, number: self.input.number, line: self.line + number, byte };
                    let observed = inference.observe_line(text, &at);
                    observed.map_err(|fault| self.fault(start + fault.at, fault.problem))?;
                }
                Ok(inference)
            }
        }
    }

    /// What the block's values allow, and its rows, from one scan of a CSV block.
    pub(crate) fn observe(self: Arc<Self>, plan: &Plan) -> Result<(Inference, TextBatches), SourceError> {
        let Dialect::Csv { punctuation, .. } = self.dialect else { return Ok((self.infer()?, self.batches(plan))) };
        let grid = self.whole_grid(punctuation)?;
        let inference = self.infer_grid(self.text()?, &grid);
        let next = Next::Rows { grid, order: self.match_columns(plan.schema())?, row: 0 };
        Ok((inference, TextBatches { block: self, plan: plan.clone(), next }))
    }

    /// Most rows that the block can have.
    pub(crate) fn most_rows(&self) -> usize {
        match self.dialect {
            // Every row has all its delimiters, so that the values are no more than the bytes.
            Dialect::Csv { .. } => 0,
            Dialect::Ndjson => memchr_iter(b'\n', &self.bytes).count() + 1,
        }
    }

    /// The cells of a CSV block without a fault.
    fn whole_grid(&self, punctuation: Punctuation) -> Result<Grid, SourceError> {
        let mut grid = self.grid(punctuation);
        match grid.fault.take() {
            Some((at, problem)) => Err(self.fault(at, problem)),
            None => Ok(grid),
        }
    }

    fn infer_grid(&self, text: &str, grid: &Grid) -> Inference {
        let mut inference = Inference::of_columns(self.header.iter().map(String::as_str));
        for tile in grid.tiles(0..grid.rows().len()) {
            for column in 0..self.header.len() {
                inference.observe_cells(column, text, tile.column(column));
            }
        }
        inference.add_rows(grid.rows().len());
        inference
    }

    /// The cells of a CSV block, up to its first fault.
    fn grid(&self, punctuation: Punctuation) -> Grid {
        let mut grid = Grid::new(&self.bytes, punctuation, self.header.len());
        grid.make_null(&self.bytes, &self.nulls);
        grid
    }

    /// The block's rows.
    pub(crate) fn batches(self: Arc<Self>, plan: &Plan) -> TextBatches {
        TextBatches { block: self, plan: plan.clone(), next: Next::Start }
    }

    /// For each column of the schema, the index of the column with its name in the file.
    fn match_columns(&self, schema: &Schema) -> Result<Vec<usize>, SourceError> {
        let names = schema.columns().iter().map(|column| column.name.as_str());
        match_names(&self.header, names).map_err(|problem| self.input.fault(problem))
    }

    /// Reads the cells, a column of a tile at a time. The fault that stands first in the file is the one reported.
    fn fill_columns<'t>(
        &self,
        text: &str,
        tiles: impl Iterator<Item = Tile<'t>>,
        order: &[usize],
        record: &mut Record,
        schema: &Schema,
    ) -> Result<(), SourceError> {
        for tile in tiles {
            let mut first: Option<(usize, Box<Refusal>)> = None;
            for (index, (column, &from)) in record.columns_mut().iter_mut().zip(order).enumerate() {
                if let Err((start, mut refusal)) = fill_column(text, tile.column(from), column)
                    && first.as_ref().is_none_or(|(earliest, _)| start < *earliest)
                {
                    refusal.path.push(index);
                    first = Some((start, refusal));
                }
            }
            if let Some((start, refusal)) = first {
                return Err(self.fault(start, problem(schema, *refusal)));
            }
        }
        Ok(())
    }

    fn fill_lines<'t>(
        &self,
        lines: impl Iterator<Item = Line<'t>>,
        record: &mut Record,
        schema: &Schema,
    ) -> Result<Vec<Mark>, SourceError> {
        let mut marks = Vec::new();
        for Line { start, number, text } in lines {
            let mut json = Json::new(text);
            let pushed = json.kind().map_err(Box::<Refusal>::from).and_then(|kind| match kind {
                Kind::Object => record.push_json(&mut json).and_then(|()| Ok(json.finish()?)).map(|()| None),
                other => Ok(Some(Problem::NotAnObject { found: other.name() })),
            });
            match pushed {
                Ok(None) => {}
                Ok(Some(problem)) => return Err(self.fault(start, problem)),
                Err(refusal) => return Err(self.fault(start + refusal.at, problem(schema, *refusal))),
            }
            // A block is shorter than 2^32 bytes and has fewer lines than bytes.
            let mark = Mark {
                byte: u32::try_from(start).unwrap_or(u32::MAX),
                line: u32::try_from(number).unwrap_or(u32::MAX),
            };
            marks.push(mark);
        }
        Ok(marks)
    }

    fn text(&self) -> Result<&str, SourceError> {
        std::str::from_utf8(&self.bytes).map_err(|error| self.fault(error.valid_up_to(), Problem::Utf8))
    }

    fn fault(&self, at: usize, problem: Problem) -> SourceError {
        let before = self.bytes.get(..at).unwrap_or_default();
        let spot = Spot::Text { line: self.line + count_lines(before, self.dialect), byte: self.offset + at as u64 };
        SourceError::at(Place { file: Arc::clone(&self.input.path), spot }, problem)
    }

    /// The columns that the file names, in CSV.
    pub(crate) fn header(&self) -> &Arc<[String]> {
        &self.header
    }

    /// An error about the file as a whole.
    pub(crate) fn file_fault(&self, problem: Problem) -> SourceError {
        self.input.fault(problem)
    }

    /// The file the block is from.
    pub(crate) fn path(&self) -> &Path {
        &self.input.path
    }
}

impl Iterator for TextBatches {
    type Item = Result<SourceBatch, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl TextBatches {
    /// The next batch. What comes after it is set last, so that an error is the end.
    fn read(&mut self) -> Result<Option<SourceBatch>, SourceError> {
        let start = self.start()?;
        if matches!(start, Next::End) {
            return Ok(None);
        }
        let (block, schema) = (&*self.block, self.plan.schema());
        let text = block.text()?;
        let mut record = Record::new(schema.columns(), self.plan.widths());
        let limit = self.plan.batch_rows();
        let (marks, next) = match start {
            Next::Rows { mut grid, order, row } => {
                let end = row.saturating_add(limit).min(grid.rows().len());
                record.columns_mut().iter_mut().for_each(|column| column.reserve(end - row));
                block.fill_columns(text, grid.tiles(row..end), &order, &mut record, schema)?;
                let marks = grid.rows().get(row..end).unwrap_or_default().to_vec();
                if let Some((at, problem)) = grid.fault.take_if(|_| marks.is_empty()) {
                    return Err(block.fault(at, problem));
                }
                let done = end == grid.rows().len() && grid.fault.is_none();
                (marks, if done { Next::End } else { Next::Rows { grid, order, row: end } })
            }
            Next::Lines { at, number } => {
                let mut lines = Lines { text, at, number };
                let marks = block.fill_lines(lines.by_ref().take(limit), &mut record, schema)?;
                let done = lines.at >= text.len();
                (marks, if done { Next::End } else { Next::Lines { at: lines.at, number: lines.number } })
            }
            Next::Start | Next::End => return Ok(None),
        };
        if marks.is_empty() {
            return Ok(None);
        }
        let batch = RecordBatch::try_new(Arc::clone(self.plan.arrow()), record.finish()?)?;
        let file = Arc::clone(&block.input.path);
        let origin = Origin::Text { file, offset: block.offset, line: block.line, marks };
        self.next = next;
        Ok(Some(SourceBatch { batch, origin }))
    }

    /// Takes what is to be read next out of its place.
    fn start(&mut self) -> Result<Next, SourceError> {
        let block = &self.block;
        Ok(match (std::mem::replace(&mut self.next, Next::End), block.dialect) {
            (Next::Start, Dialect::Ndjson) => Next::Lines { at: 0, number: 0 },
            (Next::Start, Dialect::Csv { punctuation, .. }) => {
                let order = block.match_columns(self.plan.schema())?;
                Next::Rows { grid: block.grid(punctuation), order, row: 0 }
            }
            (next, _) => next,
        })
    }
}

/// Appends cells to a column up to the first that is refused, which is returned with its offset.
fn fill_column(
    text: &str,
    cells: impl Iterator<Item = Cell>,
    column: &mut Column,
) -> Result<(), (usize, Box<Refusal>)> {
    for cell in cells {
        let pushed = cell.with(text, |content| match content {
            Some(content) => column.push_text(content),
            None => {
                column.push_null();
                Ok(())
            }
        });
        pushed.map_err(|refusal| (cell.start(), refusal))?;
    }
    Ok(())
}

/// Where each of `wanted` stands among `names`; every name must be wanted.
pub(crate) fn match_names<'a>(
    names: &[String],
    wanted: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> Result<Vec<usize>, Problem> {
    let index: std::collections::HashMap<&str, usize> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let place = |name: &str| index.get(name).copied().ok_or_else(|| Problem::MissingColumn { column: name.to_owned() });
    let order = wanted.clone().map(place).collect::<Result<Vec<_>, _>>()?;
    if order.len() < names.len() {
        let wanted: std::collections::HashSet<&str> = wanted.collect();
        if let Some(extra) = names.iter().find(|name| !wanted.contains(name.as_str())) {
            return Err(Problem::ExtraColumn { column: extra.clone() });
        }
    }
    Ok(order)
}

/// Checks that no name occurs twice.
fn check_names(names: &[String]) -> Result<(), Problem> {
    let mut seen = std::collections::HashSet::with_capacity(names.len());
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(Problem::RepeatedColumn { column: name.clone() }),
        None => Ok(()),
    }
}

/// A line of NDJSON that is not blank.
struct Line<'a> {
    start: usize,
    number: u64,
    text: &'a str,
}

/// The lines of a block, blank ones left out.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let (start, number) = (self.at, self.number);
            let end = memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            self.at += end + 1;
            self.number += 1;
            let text = rest.get(..end)?;
            if !text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                return Some(Line { start, number, text });
            }
        }
    }
}

/// How many lines end in `bytes`.
fn count_lines(bytes: &[u8], dialect: Dialect) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let lone = match dialect {
        Dialect::Csv { .. } => memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count(),
        Dialect::Ndjson => 0,
    };
    (feeds + lone) as u64
}

/// A refusal in terms of the schema: its path becomes a name.
pub(crate) fn problem(schema: &Schema, refusal: Refusal) -> Problem {
    let Refusal { mut path, fault, excerpt, .. } = refusal;
    path.reverse();
    let column = column_name(schema.columns(), &path);
    match fault {
        Fault::UnknownKey if path.is_empty() => Problem::ExtraColumn { column: excerpt },
        Fault::UnknownKey => Problem::ExtraColumn { column: format!("{column}.{excerpt}") },
        Fault::Json(problem) => Problem::Json(problem),
        Fault::Reason(reason) => Problem::Value { column, reason, excerpt },
        Fault::Need(need) => Problem::Wider { column, widening: Widening { path, need }, excerpt },
    }
}

/// The name of a column, and of what is inside it: `orders.items[].price`.
pub(crate) fn column_name(columns: &[Field], path: &[usize]) -> String {
    let [first, rest @ ..] = path else { return String::new() };
    let Some(column) = columns.get(*first) else { return String::new() };
    let mut name = column.name.clone();
    let mut ty = &column.ty;
    for &index in rest {
        ty = match ty {
            Type::List(item) => {
                name.push_str("[]");
                item
            }
            Type::Struct(fields) => match fields.get(index) {
                Some(field) => {
                    name.push('.');
                    name.push_str(&field.name);
                    &field.ty
                }
                None => break,
            },
            Type::Map(key, _) if index == 0 => {
                name.push_str("{key}");
                key
            }
            Type::Map(_, value) => {
                name.push_str("{}");
                value
            }
            _ => break,
        };
    }
    name
}
