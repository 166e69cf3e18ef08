//! Text files: cut into blocks of whole records, then each block on its own into values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use memchr::{memchr, memchr_iter, memchr2, memrchr};

use mira_core::schema::{Field, Schema, Type};

use super::bad_row::{BadRow, OnBadRow};
use super::cells::{Refused, Watched};
use super::column::{Fault, Record, Refusal};
use super::csv::{self, BadRecord, Grid, Mark, Punctuation, Tile};
use super::error::{Place, Problem, SourceError, Spot};
use super::infer::{At, Inference};
use super::input::Input;
use super::json::{Json, Kind};
use super::reader::Text;
use super::values::{Span, Values};
use super::working::{Plan, Widening};
use super::{Origin, SourceBatch};

/// The byte order mark of UTF-8, of which one is dropped at the start of a file.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Longest record in bytes: no row may be longer either.
pub(crate) const MAX_RECORD: usize = 64 << 20;

/// Bytes of each further part of a record that is longer: always the same, wherever blocks are cut.
const PART: usize = 1 << 20;

/// How lines of a file are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Csv {
        punctuation: Punctuation,
        has_header: bool,
    },
    Ndjson,
    /// One array, or values one after the other, over any number of lines.
    Json,
    /// Lines of text, as they are.
    Lines,
}

/// A run of whole records.
#[derive(Debug)]
pub(crate) struct TextBlock {
    input: Arc<Input>,
    dialect: Dialect,
    /// What is null in CSV, unquoted.
    nulls: Arc<[String]>,
    /// The columns, in CSV and of lines.
    header: Arc<[String]>,
    /// What each line's row calls the file, if it does.
    name: Option<Arc<str>>,
    /// The values, in JSON.
    spans: Vec<Span>,
    bytes: Vec<u8>,
    /// The byte and the line of the file at which the block starts.
    offset: u64,
    line: u64,
    on_bad: OnBadRow,
    /// The block is not whole records but a part of one that is too long.
    part: Option<Part>,
}

/// Which part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    First,
    Later,
}

/// The batches of a block: one, unless its rows have so many columns that it would grow too large.
#[derive(Debug)]
pub(crate) struct TextBatches {
    block: Arc<TextBlock>,
    plan: Plan,
    next: Next,
    /// What the rows are read for besides, under a guess.
    watched: Option<Watched>,
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
    /// NDJSON from a byte and a line on, or JSON from a value, and the byte and the line before it.
    Records(Position),
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
    name: Option<Arc<str>>,
    /// What cuts a JSON file into values.
    values: Values,
    /// How many bytes a block has at least, unless the file ends.
    size: usize,
    /// The start of a record that the last block did not hold whole.
    rest: Vec<u8>,
    offset: u64,
    line: u64,
    ended: bool,
    on_bad: OnBadRow,
    /// Inside a record that is too long.
    overlong: bool,
}

impl TextReader {
    pub(crate) fn open(
        input: Arc<Input>,
        dialect: Dialect,
        nulls: Arc<[String]>,
        size: usize,
        on_bad: OnBadRow,
    ) -> Result<Self, SourceError> {
        // JSON is UTF-8 by its standard, so an encoding is guessed for tables and lines only.
        let reader = input.text(matches!(dialect, Dialect::Csv { .. } | Dialect::Lines))?;
        let mut reader = Self {
            input,
            reader,
            dialect,
            nulls,
            header: None,
            name: None,
            values: Values::default(),
            size,
            rest: Vec::new(),
            offset: 0,
            line: 1,
            ended: false,
            on_bad,
            overlong: false,
        };
        reader.fill(BOM.len())?;
        if reader.rest.starts_with(BOM) {
            reader.rest.clear();
            reader.offset = BOM.len() as u64;
        }
        Ok(reader)
    }

    /// The rows are lines, with this name of the file beside them if there is one.
    pub(crate) fn name(&mut self, name: Option<Arc<str>>) {
        let columns = if name.is_some() { vec!["path".to_owned(), "text".to_owned()] } else { vec!["text".to_owned()] };
        (self.header, self.name) = (Some(columns.into()), name);
    }

    /// The next block, or `None` at the end of the file.
    pub(crate) fn next_block(&mut self) -> Result<Option<TextBlock>, SourceError> {
        if self.overlong {
            return self.next_part();
        }
        let mut size = self.size.max(1);
        let end = loop {
            self.fill(size)?;
            self.split()?;
            if self.ended && self.values.fault().is_none() {
                break self.rest.len();
            }
            let end = self.cut();
            let is_blank = end.is_some_and(|end| self.is_before_header(end));
            if let Some(end) = end.filter(|_| !is_blank) {
                break end;
            }
            if self.rest.len() >= MAX_RECORD {
                match self.resync() {
                    _ if is_blank => return Err(self.fault(0, Problem::NoHeader)),
                    Some(end) => break end,
                    None if self.may_set_aside() => return self.first_part().map(Some),
                    None => return Err(self.fault(0, Problem::RecordTooLong { limit: MAX_RECORD })),
                }
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
        Ok(Some(self.block(header, bytes, None)))
    }

    fn block(&mut self, header: Arc<[String]>, bytes: Vec<u8>, part: Option<Part>) -> TextBlock {
        let spans = self.values.take(bytes.len());
        let block = TextBlock {
            input: Arc::clone(&self.input),
            dialect: self.dialect,
            nulls: Arc::clone(&self.nulls),
            header,
            name: self.name.clone(),
            spans,
            offset: self.offset,
            line: self.line,
            bytes,
            on_bad: self.on_bad,
            part,
        };
        self.advance(&block.bytes);
        block
    }

    /// Whether a record that is too long may be bad here: the header of a CSV file may not, nor a value of JSON, whose
    /// end only its own bytes tell.
    fn may_set_aside(&self) -> bool {
        self.on_bad == OnBadRow::SetAside
            && match self.dialect {
                Dialect::Csv { .. } => self.header.is_some(),
                Dialect::Ndjson | Dialect::Lines => true,
                Dialect::Json => false,
            }
    }

    /// The end of the line that a broken quote costs, if that is why no record ends in the longest that is read.
    fn resync(&self) -> Option<usize> {
        match self.dialect {
            Dialect::Csv { punctuation, .. } if self.may_set_aside() => csv::resync(&self.rest, punctuation),
            _ => None,
        }
    }

    /// The start of a record that does not end in the longest that is read.
    fn first_part(&mut self) -> Result<TextBlock, SourceError> {
        self.overlong = true;
        let header = Arc::clone(self.header.get_or_insert_with(|| Vec::new().into()));
        let bytes = std::mem::take(&mut self.rest);
        Ok(self.block(header, bytes, Some(Part::First)))
    }

    /// The next part of that record, up to the end of its line. Quotes count no more: they brought it this far.
    fn next_part(&mut self) -> Result<Option<TextBlock>, SourceError> {
        // One byte more shows whether a CR is half of a CRLF.
        self.fill(PART + 1)?;
        let window = self.rest.get(..PART.min(self.rest.len())).unwrap_or_default();
        let found = match self.dialect {
            Dialect::Csv { .. } => memchr2(b'\n', b'\r', window),
            Dialect::Ndjson | Dialect::Json | Dialect::Lines => memchr(b'\n', window),
        };
        let end = match found {
            Some(at) if self.rest.get(at..at + 2) == Some(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => window.len(),
        };
        self.overlong = found.is_none() && !(self.ended && end == self.rest.len());
        if end == 0 {
            return Ok(None);
        }
        let rest = self.rest.split_off(end);
        let bytes = std::mem::replace(&mut self.rest, rest);
        let header = self.header.clone().unwrap_or_default();
        Ok(Some(self.block(header, bytes, Some(Part::Later))))
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
            Dialect::Csv { punctuation, .. } => csv::cut(&self.rest, punctuation, self.on_bad),
            Dialect::Ndjson | Dialect::Lines => memrchr(b'\n', &self.rest).map(|end| end + 1),
            Dialect::Json => self.values.end(),
        }
    }

    /// Whether so many bytes are only what may come before the header of a CSV file. Then a block needs more, so that it
    /// makes no difference how the file is cut into blocks.
    fn is_before_header(&self, end: usize) -> bool {
        match self.dialect {
            Dialect::Csv { punctuation, .. } if self.header.is_none() => {
                csv::is_blank(self.rest.get(..end).unwrap_or_default(), punctuation)
            }
            _ => false,
        }
    }

    /// Finds the values of a JSON file; what is wrong behind them is said once they have been given out.
    fn split(&mut self) -> Result<(), SourceError> {
        if self.dialect != Dialect::Json {
            return Ok(());
        }
        self.values.scan(&self.rest);
        if self.ended && self.values.fault().is_none() {
            self.values.finish();
        }
        match self.values.fault().filter(|_| self.values.end().is_none()) {
            Some((at, problem)) => Err(self.fault(*at, problem.clone())),
            None => Ok(()),
        }
    }

    /// Takes the header off the first block.
    fn take_header(&mut self, bytes: &mut Vec<u8>) -> Result<Arc<[String]>, SourceError> {
        let names = match self.dialect {
            Dialect::Ndjson | Dialect::Json | Dialect::Lines => Vec::new(),
            Dialect::Csv { punctuation, has_header } => {
                let text = self.header_text(bytes)?;
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

    /// The text that a block with a header starts with. Where bad records are set aside, only the header must be UTF-8:
    /// what comes before the first other byte is enough if it ends a line.
    fn header_text<'b>(&self, bytes: &'b [u8]) -> Result<&'b str, SourceError> {
        let error = match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let at = error.valid_up_to();
        let start = bytes.get(..at).and_then(|start| std::str::from_utf8(start).ok()).unwrap_or_default();
        let line = start.rfind(['\n', '\r']).map(|end| end + 1);
        match line.and_then(|end| start.get(..end)).filter(|_| self.on_bad == OnBadRow::SetAside) {
            Some(lines) => Ok(lines),
            None => Err(self.fault_in(bytes, at, Problem::Utf8)),
        }
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
        if self.part.is_some() {
            return Ok(Inference::of_columns(self.header.iter().map(String::as_str)));
        }
        let (text, invalid) = self.text()?;
        match self.dialect {
            Dialect::Csv { punctuation, .. } => Ok(self.infer_grid(&text, &self.whole_grid(punctuation, &invalid)?)),
            Dialect::Ndjson | Dialect::Json => self.infer_lines(&text, &invalid),
            // Lines are text, and not what they look like.
            Dialect::Lines => Ok(Inference::of_columns(std::iter::empty())),
        }
    }

    fn infer_lines(&self, text: &str, invalid: &[usize]) -> Result<Inference, SourceError> {
        let mut inference = Inference::of_columns(std::iter::empty());
        for line in self.records(text, Position::default()).filter(|line| line.first_of(invalid).is_none()) {
            match inference.observe_line(line.text, &self.at(&line)) {
                Ok(()) => {}
                // A line that is found bad half-way has left its traces, so this begins again.
                Err(_) if self.on_bad == OnBadRow::SetAside => return self.infer_good_lines(text, invalid),
                Err(fault) => return Err(self.fault(line.start + fault.at, fault.problem)),
            }
        }
        Ok(inference)
    }

    /// The same where a line is bad: each is tried alone before it counts.
    fn infer_good_lines(&self, text: &str, invalid: &[usize]) -> Result<Inference, SourceError> {
        let mut inference = Inference::of_columns(std::iter::empty());
        for line in self.records(text, Position::default()).filter(|line| line.first_of(invalid).is_none()) {
            let mut alone = Inference::of_columns(std::iter::empty());
            if alone.observe_line(line.text, &self.at(&line)).is_ok() {
                let observed = inference.observe_line(line.text, &self.at(&line));
                observed.map_err(|fault| self.fault(line.start + fault.at, fault.problem))?;
            }
        }
        Ok(inference)
    }

    fn at<'t>(&'t self, line: &Line<'t>) -> At<'t> {
        let byte = self.offset + line.start as u64;
        let number = self.input.number;
        At { file: &self.input.path, number, text: line.text, line: self.line + line.number, byte }
    }

    /// The block's rows, and what the values allow as they go by; see [`Watched`].
    pub(crate) fn watched(self: Arc<Self>, plan: &Plan, decided: Arc<[bool]>) -> TextBatches {
        let inference = Inference::of_columns(self.header.iter().map(String::as_str));
        TextBatches { watched: Some(Watched { inference, decided }), ..self.batches(plan) }
    }

    /// Most rows that the block can have.
    pub(crate) fn most_rows(&self) -> usize {
        match self.dialect {
            // Every row has all its delimiters, so that the values are no more than the bytes.
            Dialect::Csv { .. } => 0,
            Dialect::Ndjson | Dialect::Lines => memchr_iter(b'\n', &self.bytes).count() + 1,
            Dialect::Json => self.spans.len(),
        }
    }

    /// Whether there is anything in it.
    pub(crate) fn has_bytes(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The records of JSON or NDJSON, from a position on.
    fn records<'t>(&'t self, text: &'t str, from: Position) -> Records<'t> {
        let spans = (self.dialect == Dialect::Json).then_some(self.spans.as_slice());
        let blank = self.dialect == Dialect::Lines;
        Records { text, spans, blank, next: from }
    }

    /// The cells of a CSV block without a fault.
    fn whole_grid(&self, punctuation: Punctuation, invalid: &[usize]) -> Result<Grid, SourceError> {
        let mut grid = self.grid(punctuation, invalid);
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

    /// The cells of a CSV block, up to its first fault; rows with bytes that are not UTF-8 are set aside.
    fn grid(&self, punctuation: Punctuation, invalid: &[usize]) -> Grid {
        let mut grid = Grid::new(&self.bytes, punctuation, self.header.len(), self.on_bad);
        grid.make_null(&self.bytes, &self.nulls);
        let mut faults = BTreeMap::new();
        for &at in invalid {
            if let Some(row) = grid.row_at(at) {
                faults.entry(row).or_insert((at, Problem::Utf8));
            }
        }
        grid.set_aside(&self.bytes, punctuation, faults);
        grid
    }

    /// The block's rows.
    pub(crate) fn batches(self: Arc<Self>, plan: &Plan) -> TextBatches {
        TextBatches { block: self, plan: plan.clone(), next: Next::Start, watched: None }
    }

    /// For each column of the schema, the index of the column with its name in the file.
    fn match_columns(&self, schema: &Schema) -> Result<Vec<usize>, SourceError> {
        let names = schema.columns().iter().map(|column| column.name.as_str());
        match_names(&self.header, names).map_err(|problem| self.input.fault(problem))
    }

    /// Reads the cells, a column of a tile at a time. Where a bad record ends the reading, the fault that stands first in
    /// the file is reported. Else the first of each row is returned, and the record is of no more use if there is one.
    fn fill_columns<'t>(
        &self,
        text: &str,
        tiles: impl Iterator<Item = Tile<'t>>,
        order: &[usize],
        record: &mut Record,
        schema: &Schema,
        mut watched: Option<&mut Watched>,
    ) -> Result<BTreeMap<usize, (usize, Problem)>, SourceError> {
        let mut faults = BTreeMap::new();
        let mut row = 0;
        for tile in tiles {
            let mut first: Option<(usize, Box<Refusal>)> = None;
            for (index, (column, &from)) in record.columns_mut().iter_mut().zip(order).enumerate() {
                let mut skip = 0;
                let mut scalar = watched.as_deref_mut().and_then(|watched| watched.scalar(index, from));
                while let Err(Refused { cell, start, mut refusal }) =
                    column.push_cells(text, tile.column(from).skip(skip), scalar.as_deref_mut())
                {
                    refusal.path.push(index);
                    if self.on_bad == OnBadRow::Fail || matches!(refusal.fault, Fault::Need(_)) {
                        if first.as_ref().is_none_or(|(earliest, _)| start < *earliest) {
                            first = Some((start, refusal));
                        }
                        break;
                    }
                    let fault = faults.entry(row + skip + cell).or_insert((usize::MAX, Problem::Utf8));
                    if start < fault.0 {
                        *fault = (start, problem(schema, *refusal));
                    }
                    skip += cell + 1;
                }
            }
            if let Some((start, refusal)) = first {
                return Err(self.fault(start, problem(schema, *refusal)));
            }
            row += tile.rows();
        }
        Ok(faults)
    }

    /// Reads lines; those that are bad and set aside leave nothing in the record.
    fn fill_lines<'t>(
        &self,
        lines: impl Iterator<Item = Line<'t>>,
        invalid: &[usize],
        record: &mut Record,
        push: impl Fn(&Line<'t>, &mut Record) -> Result<(), (usize, Problem)>,
    ) -> Result<(Vec<Mark>, Vec<BadRecord>), SourceError> {
        let (mut marks, mut bad) = (Vec::new(), Vec::new());
        for line in lines {
            let refused = match line.first_of(invalid) {
                Some(at) => Some((at, Problem::Utf8)),
                None => push(&line, record).err(),
            };
            if let Some((at, problem)) = refused {
                // A value that needs a wider column is no fault of the record.
                if self.on_bad == OnBadRow::Fail || matches!(problem, Problem::Wider { .. }) {
                    return Err(self.fault(at, problem));
                }
                record.truncate(marks.len());
                bad.push(BadRecord { range: line.range(), at, problem });
                continue;
            }
            marks.push(mark(line.start, line.number));
        }
        Ok((marks, bad))
    }

    /// Appends a line as it is, a carriage return before the line feed left out.
    fn push_text(
        &self,
        line: &Line<'_>,
        order: &[usize],
        record: &mut Record,
        schema: &Schema,
    ) -> Result<(), (usize, Problem)> {
        // Only what a line feed follows ends a line: at the end of the file a carriage return is text.
        let ended = line.start + line.text.len() < self.bytes.len();
        let text = if ended { line.text.strip_suffix('\r').unwrap_or(line.text) } else { line.text };
        for (index, (column, from)) in record.columns_mut().iter_mut().zip(order).enumerate() {
            let is_path = self.header.get(*from).is_some_and(|name| name == "path");
            let cell = if is_path { self.name.as_deref().unwrap_or_default() } else { text };
            column.push_text(cell).map_err(|mut refusal| {
                refusal.path.push(index);
                (line.start, problem(schema, *refusal))
            })?;
        }
        Ok(())
    }

    /// The text, and where it is not what the bytes are: each run of bytes that is not UTF-8 is question marks.
    fn text(&self) -> Result<(Cow<'_, str>, Vec<usize>), SourceError> {
        let error = match std::str::from_utf8(&self.bytes) {
            Ok(text) => return Ok((Cow::Borrowed(text), Vec::new())),
            Err(error) => error,
        };
        if self.on_bad == OnBadRow::Fail {
            return Err(self.fault(error.valid_up_to(), Problem::Utf8));
        }
        let (mut text, mut invalid) = (String::with_capacity(self.bytes.len()), Vec::new());
        for chunk in self.bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                invalid.push(text.len());
                text.extend(chunk.invalid().iter().map(|_| '?'));
            }
        }
        Ok((Cow::Owned(text), invalid))
    }

    /// Bad records with their bytes, and with their places in the file.
    fn bad_rows(&self, records: Vec<BadRecord>) -> Vec<BadRow> {
        let (mut from, mut line) = (0, self.line);
        let row = |BadRecord { range, at, problem }: BadRecord| {
            line += count_lines(self.bytes.get(from..range.start).unwrap_or_default(), self.dialect);
            from = range.start;
            let spot = Spot::Text { line, byte: self.offset + range.start as u64 };
            BadRow {
                place: Place { file: Arc::clone(&self.input.path), spot },
                fault: self.offset + at as u64,
                problem,
                bytes: self.bytes.get(range).unwrap_or_default().to_vec(),
                continues: false,
            }
        };
        records.into_iter().map(row).collect()
    }

    /// The block as one bad row, where it is a part of a record that is too long.
    fn bad_part(&self) -> Option<BadRow> {
        let part = self.part?;
        let end = match self.dialect {
            Dialect::Ndjson | Dialect::Json | Dialect::Lines => {
                self.bytes.strip_suffix(b"\n").map_or(self.bytes.len(), content_len)
            }
            Dialect::Csv { .. } => content_len(self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes)),
        };
        let problem = Problem::RecordTooLong { limit: MAX_RECORD };
        let record = BadRecord { range: 0..end, at: 0, problem };
        self.bad_rows(vec![record]).pop().map(|row| BadRow { continues: part == Part::Later, ..row })
    }

    fn fault(&self, at: usize, problem: Problem) -> SourceError {
        let before = self.bytes.get(..at).unwrap_or_default();
        let spot = Spot::Text { line: self.line + count_lines(before, self.dialect), byte: self.offset + at as u64 };
        SourceError::at(Place { file: Arc::clone(&self.input.path), spot }, problem)
    }

    /// What stands between cells; what never does, where there are none.
    fn punctuation(&self) -> Punctuation {
        match self.dialect {
            Dialect::Csv { punctuation, .. } => punctuation,
            Dialect::Ndjson | Dialect::Json | Dialect::Lines => Punctuation { delimiter: b'\n', quote: None },
        }
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
        if let Some(part) = self.block.bad_part() {
            return Ok(self.take_part(part));
        }
        let (text, invalid) = self.block.text()?;
        let start = self.next.take(&self.block, self.plan.schema(), &invalid)?;
        let (block, schema, watched) = (&*self.block, self.plan.schema(), self.watched.as_mut());
        let mut record = Record::new(schema.columns(), self.plan.widths());
        let limit = self.plan.batch_rows();
        let (marks, bad, next) = match start {
            Next::Rows { mut grid, order, row } => {
                let mut end = row.saturating_add(limit).min(grid.rows().len());
                record.columns_mut().iter_mut().for_each(|column| column.reserve(end - row));
                let faults = block.fill_columns(&text, grid.tiles(row..end), &order, &mut record, schema, watched)?;
                if !faults.is_empty() {
                    end -= faults.len();
                    let faults = faults.into_iter().map(|(at, fault)| (row + at, fault)).collect();
                    grid.set_aside(&block.bytes, block.punctuation(), faults);
                    record = Record::new(schema.columns(), self.plan.widths());
                    // What the bad rows told is enough for a guess to be given up.
                    block.fill_columns(&text, grid.tiles(row..end), &order, &mut record, schema, None)?;
                }
                let marks = grid.rows().get(row..end).unwrap_or_default().to_vec();
                let bad = grid.take_bad(end);
                if let Some((at, problem)) = grid.fault.take_if(|_| marks.is_empty()) {
                    return Err(block.fault(at, problem));
                }
                let done = end == grid.rows().len() && grid.fault.is_none();
                (marks, bad, if done { Next::End } else { Next::Rows { grid, order, row: end } })
            }
            Next::Records(from) => {
                let order = if block.dialect == Dialect::Lines { block.match_columns(schema)? } else { Vec::new() };
                let mut records = block.records(&text, from);
                let lines = records.by_ref().take(limit);
                let (marks, bad) =
                    block.fill_lines(lines, &invalid, &mut record, |line, record| match block.dialect {
                        Dialect::Lines => block.push_text(line, &order, record, schema),
                        _ => push_line(line, record, schema),
                    })?;
                (marks, bad, if records.is_done() { Next::End } else { Next::Records(records.next) })
            }
            Next::Start | Next::End => return Ok(None),
        };
        if marks.is_empty() && bad.is_empty() {
            return Ok(None);
        }
        let batch = RecordBatch::try_new(Arc::clone(self.plan.arrow()), record.finish()?)?;
        let file = Arc::clone(&block.input.path);
        let origin = Origin::Text { file, offset: block.offset, line: block.line, marks };
        let bad = block.bad_rows(bad);
        self.next = next;
        Ok(Some(SourceBatch { batch, origin, bad }))
    }

    /// What the values allow that were read so far, where that was asked for.
    pub(crate) fn into_inference(self) -> Option<Inference> {
        self.watched.map(|watched| watched.inference)
    }

    /// A batch without rows that holds a part of a record that is too long.
    fn take_part(&mut self, part: BadRow) -> Option<SourceBatch> {
        let Next::Start = std::mem::replace(&mut self.next, Next::End) else { return None };
        let batch = RecordBatch::new_empty(Arc::clone(self.plan.arrow()));
        let origin = Origin::Rows { file: Arc::clone(&self.block.input.path), first: 0 };
        Some(SourceBatch { batch, origin, bad: vec![part] })
    }
}

impl Next {
    /// Takes what is to be read next out of its place.
    fn take(&mut self, block: &TextBlock, schema: &Schema, invalid: &[usize]) -> Result<Self, SourceError> {
        Ok(match (std::mem::replace(self, Self::End), block.dialect) {
            (Self::Start, Dialect::Ndjson | Dialect::Json | Dialect::Lines) => Self::Records(Position::default()),
            (Self::Start, Dialect::Csv { punctuation, .. }) => {
                let order = block.match_columns(schema)?;
                Self::Rows { grid: block.grid(punctuation, invalid), order, row: 0 }
            }
            (next, _) => next,
        })
    }
}

/// Appends a line's object to a record, or says what is wrong with it and where.
fn push_line(line: &Line<'_>, record: &mut Record, schema: &Schema) -> Result<(), (usize, Problem)> {
    let mut json = Json::new(line.text);
    let pushed = json.kind().map_err(Box::<Refusal>::from).and_then(|kind| match kind {
        Kind::Object => record.push_json(&mut json).and_then(|()| Ok(json.finish()?)).map(|()| None),
        other => Ok(Some(Problem::NotAnObject { found: other.name() })),
    });
    match pushed {
        Ok(None) => Ok(()),
        Ok(Some(problem)) => Err((line.start, problem)),
        Err(refusal) => Err((line.start + refusal.at, problem(schema, *refusal))),
    }
}

/// The length of a record without the CR that may belong to the end of its line.
fn content_len(record: &[u8]) -> usize {
    record.strip_suffix(b"\r").unwrap_or(record).len()
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

/// A line without its line feed, or a value of JSON.
struct Line<'a> {
    start: usize,
    number: u64,
    text: &'a str,
}

impl Line<'_> {
    /// The first of these offsets that lies in the line.
    fn first_of(&self, invalid: &[usize]) -> Option<usize> {
        let next = invalid.partition_point(|&at| at < self.start);
        invalid.get(next).copied().filter(|&at| at < self.start + self.text.len())
    }

    /// Its place in the block, without what ends it.
    fn range(&self) -> Range<usize> {
        self.start..self.start + content_len(self.text.as_bytes())
    }
}

/// Where the next record is looked for.
#[derive(Debug, Clone, Copy, Default)]
struct Position {
    /// The byte up to which lines are counted, and how many there are.
    at: usize,
    number: u64,
    /// The next value, in JSON.
    value: usize,
}

/// The lines of a block, those of NDJSON without blank ones, or the values of a block of JSON.
struct Records<'a> {
    text: &'a str,
    spans: Option<&'a [Span]>,
    /// Whether blank lines are records.
    blank: bool,
    next: Position,
}

impl<'a> Records<'a> {
    fn line(&mut self) -> Option<Line<'a>> {
        loop {
            let rest = self.text.get(self.next.at..).filter(|rest| !rest.is_empty())?;
            let Position { at: start, number, .. } = self.next;
            let end = memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            self.next.at += end + 1;
            self.next.number += 1;
            let text = rest.get(..end)?;
            if self.blank || !text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                return Some(Line { start, number, text });
            }
        }
    }

    fn value(&mut self, spans: &[Span]) -> Option<Line<'a>> {
        let &(start, end) = spans.get(self.next.value)?;
        let (start, end) = (start as usize, end as usize);
        let between = self.text.as_bytes().get(self.next.at..start)?;
        let number = self.next.number + memchr_iter(b'\n', between).count() as u64;
        self.next = Position { at: start, number, value: self.next.value + 1 };
        Some(Line { start, number, text: self.text.get(start..end)? })
    }

    fn is_done(&self) -> bool {
        match self.spans {
            Some(spans) => self.next.value >= spans.len(),
            None => self.next.at >= self.text.len(),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        match self.spans {
            Some(spans) => self.value(spans),
            None => self.line(),
        }
    }
}

/// Where a record begins. A block is shorter than 2^32 bytes and has fewer lines than bytes.
fn mark(start: usize, number: u64) -> Mark {
    Mark { byte: u32::try_from(start).unwrap_or(u32::MAX), line: u32::try_from(number).unwrap_or(u32::MAX) }
}

/// How many lines end in `bytes`.
fn count_lines(bytes: &[u8], dialect: Dialect) -> u64 {
    let lines = match dialect {
        Dialect::Csv { .. } => csv::lines(bytes),
        Dialect::Ndjson | Dialect::Json | Dialect::Lines => memchr_iter(b'\n', bytes).count(),
    };
    lines as u64
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
