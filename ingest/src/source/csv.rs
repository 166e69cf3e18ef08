//! CSV: where records end, and where the cells of a block lie.
//!
//! A field that starts with the quote character, if the file has one, is quoted: it ends at the next quote that is not
//! doubled, and only a delimiter or the end of the line may follow. Elsewhere a quote is a character like any other.
//! Lines end with LF, CRLF or CR.
//! Nothing is trimmed. An unquoted empty field is null, a quoted one empty text. A blank line is skipped where the
//! header has more than one column and is a row of one null where it has one; before the header it is skipped.
//!
//! [`cut`] finds the end of the last whole record in one sequential look at the bytes; [`Grid`] then takes each block
//! apart on its own, so that blocks can go to several threads. Turning cells into values comes after, column by column.
//!
//! Where bad records are set aside ([`OnBadRow::SetAside`]), a ragged one is passed over whole. A quoted field that does not
//! end as it should, or not within the longest record, costs the lines up to the end of the one on which it opens, and
//! reading goes on with the next line: a lost quote never takes the rest of the file with it. That line is all the
//! record is judged by, so that it makes no difference how the file is cut into blocks.

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memrchr2};

use super::bad_row::OnBadRow;
use super::error::Problem;

/// The characters that a file's cells stand between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Punctuation {
    pub(crate) delimiter: u8,
    /// `None` if no field is quoted.
    pub(crate) quote: Option<u8>,
}

/// The cells of a block, row by row, every row as wide as the header.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    width: usize,
    cells: Vec<Cell>,
    rows: Vec<Mark>,
    /// What ended the reading early, and the byte it stands at; the rows before it are good.
    pub(crate) fault: Option<(usize, Problem)>,
    /// Records that were set aside, in order.
    pub(crate) bad: Vec<BadRecord>,
}

/// A record that is no row: its bytes in the block without the end of its line, and the byte at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadRecord {
    pub(crate) range: Range<usize>,
    pub(crate) at: usize,
    pub(crate) problem: Problem,
}

/// Some rows of a grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tile<'a> {
    width: usize,
    cells: &'a [Cell],
}

/// Where a row starts, counted from the start of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) byte: u32,
    pub(crate) line: u32,
}

/// A field's place in its block: the bytes between the quotes, or between the delimiters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    start: u32,
    /// The end, and in the two highest bits how it is quoted. Blocks are far below 2^30 bytes.
    end: u32,
}

const TILE_ROWS: usize = 256;

const QUOTED: u32 = 1 << 31;
const DOUBLED: u32 = 1 << 30;
const END: u32 = DOUBLED - 1;

/// Longest block, so that offsets leave two bits free.
pub(crate) const MAX_BLOCK: usize = 1 << 29;

/// The length of the whole records that `data` starts with, or `None` if not even one is known to end in it. `data`
/// starts at the start of a record, and more bytes follow it in the file.
pub(crate) fn cut(data: &[u8], Punctuation { delimiter, quote: mark }: Punctuation, on_bad: OnBadRow) -> Option<usize> {
    let Some(mark) = mark else { return last_terminator(data, true) };
    let (mut at, mut last) = (0, None);
    loop {
        let rest = data.get(at..)?;
        let quote = memchr(mark, rest).map(|found| at + found);
        let gap = data.get(at..quote.unwrap_or(data.len()))?;
        if let Some(end) = last_terminator(gap, quote.is_none()) {
            last = Some(at + end);
        }
        let Some(quote) = quote else { return last };
        at = quote + 1;
        // After a closing quote the previous byte is that quote, so a stray one there never opens a field.
        let opens =
            quote == 0 || data.get(quote - 1).is_some_and(|&byte| byte == delimiter || byte == b'\n' || byte == b'\r');
        if opens {
            match closing_quote(data, at, mark) {
                Some(close) if on_bad == OnBadRow::Fail || ends_field(data.get(close + 1).copied(), delimiter) => {
                    at = close + 1;
                }
                Some(_) => match line_end(data, at) {
                    Some(end) => {
                        last = Some(end);
                        at = end;
                    }
                    None => return last,
                },
                None => return last,
            }
        }
    }
}

/// Where to go on after a record that does not end within `data`, the longest that is read: after the line on which its
/// quote opens, if that line ends.
pub(crate) fn resync(data: &[u8], Punctuation { delimiter, quote: mark }: Punctuation) -> Option<usize> {
    let mark = mark?;
    let opens = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| data.get(before));
        before.is_none_or(|&byte| byte == delimiter || matches!(byte, b'\n' | b'\r'))
    };
    let mut at = 0;
    while let Some(quote) = memchr(mark, data.get(at..)?).map(|found| at + found) {
        at = quote + 1;
        if opens(&quote) {
            match closing_quote(data, at, mark) {
                Some(close) => at = close + 1,
                None => return line_end(data, at),
            }
        }
    }
    None
}

/// Whether a quoted field may end before this byte, or before the end of the data.
fn ends_field(next: Option<u8>, delimiter: u8) -> bool {
    next.is_none_or(|next| next == delimiter || matches!(next, b'\n' | b'\r'))
}

/// The offset after the first line terminator from `from` on. A CR at the very end of the data may be half of a CRLF.
pub(crate) fn line_end(data: &[u8], from: usize) -> Option<usize> {
    let end = from + memchr2(b'\n', b'\r', data.get(from..)?)?;
    match (data.get(end), data.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(end + 2),
        (Some(b'\r'), None) => None,
        _ => Some(end + 1),
    }
}

/// A record without the terminator of its line.
fn content(data: &[u8], record: Range<usize>) -> Range<usize> {
    let bytes = data.get(record.clone()).unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    record.start..record.start + bytes.len()
}

/// The offset after the last line terminator in `gap`. A CR at the very end of the data may be half of a CRLF.
fn last_terminator(gap: &[u8], at_end: bool) -> Option<usize> {
    let end = memrchr2(b'\n', b'\r', gap)? + 1;
    if at_end && end == gap.len() && gap.last() == Some(&b'\r') {
        return memrchr2(b'\n', b'\r', gap.get(..end - 1)?).map(|found| found + 1);
    }
    Some(end)
}

/// The quote that closes a field whose content starts at `at`, if the byte after it is there to show that it does.
fn closing_quote(data: &[u8], mut at: usize, mark: u8) -> Option<usize> {
    loop {
        let quote = at + memchr(mark, data.get(at..)?)?;
        match data.get(quote + 1) {
            Some(&next) if next == mark => at = quote + 2,
            Some(_) => return Some(quote),
            None => return None,
        }
    }
}

/// The first record that is not a blank line: its fields, and the length of everything up to its end.
pub(crate) fn header(text: &str, punctuation: Punctuation) -> Result<(Vec<String>, usize), (usize, Problem)> {
    let mut scan = Scan::new(text.as_bytes(), punctuation, None, OnBadRow::Fail);
    scan.run();
    if let Some(fault) = scan.grid.fault {
        return Err(fault);
    }
    let end = scan.row_start;
    let names = scan.grid.cells.iter().map(|cell| cell.with(text, |name| name.unwrap_or_default().to_owned()));
    let names: Vec<String> = names.collect();
    if names.is_empty() { Err((end, Problem::NoHeader)) } else { Ok((names, end)) }
}

/// The columns' names, and the length of what stands before the first row of data: the header, or the names `c1`, `c2`
/// and so on for as many columns as the first record has. A first line of `sep=` and the delimiter, which Excel reads as
/// a hint, is no part of the table.
pub(crate) fn columns(
    text: &str,
    punctuation: Punctuation,
    has_header: bool,
) -> Result<(Vec<String>, usize), (usize, Problem)> {
    let start = table_start(text.as_bytes(), punctuation);
    let table = text.get(start..).unwrap_or_default();
    let (names, end) = header(table, punctuation).map_err(|(at, problem)| (start + at, problem))?;
    if has_header {
        return Ok((names, start + end));
    }
    Ok(((1..=names.len()).map(|number| format!("c{number}")).collect(), start))
}

/// Whether whole lines at the start of a file are only what may stand before its first record: a separator's line, and
/// blank lines.
pub(crate) fn is_blank(lines: &[u8], punctuation: Punctuation) -> bool {
    let table = lines.get(table_start(lines, punctuation)..).unwrap_or_default();
    table.iter().all(|byte| matches!(byte, b'\n' | b'\r'))
}

/// The length of the line that names the delimiter, if there is one.
fn table_start(text: &[u8], punctuation: Punctuation) -> usize {
    match separator_line(text) {
        Some((delimiter, len)) if delimiter == punctuation.delimiter => len,
        _ => 0,
    }
}

/// The delimiter that a first line such as `sep=;` names, and the line's length.
pub(crate) fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    match text.strip_prefix(b"sep=")? {
        [delimiter, b'\r', b'\n', ..] => Some((*delimiter, 7)),
        [delimiter, b'\r' | b'\n', ..] => Some((*delimiter, 6)),
        _ => None,
    }
}

impl Grid {
    /// Takes apart `data`, which is whole records; `width` is the number of columns of the header.
    pub(crate) fn new(data: &[u8], punctuation: Punctuation, width: usize, on_bad: OnBadRow) -> Self {
        let mut scan = Scan::new(data, punctuation, Some(width), on_bad);
        scan.run();
        scan.grid
    }

    /// Where the row that starts at `mark` lies, without the end of its line.
    pub(crate) fn extent(&self, data: &[u8], punctuation: Punctuation, mark: Mark) -> Range<usize> {
        let start = mark.byte as usize;
        // The next record that is known bounds how much is looked at again.
        let next = self.rows.partition_point(|row| row.byte <= mark.byte);
        let next = self.rows.get(next).map_or(data.len(), |row| row.byte as usize);
        let mut scan = Scan::new(data.get(start..next).unwrap_or_default(), punctuation, None, OnBadRow::Fail);
        scan.run();
        content(data, start..start + scan.row_start)
    }

    /// The index of the row in which a byte lies, if it lies in one.
    pub(crate) fn row_at(&self, at: usize) -> Option<usize> {
        let bad = self.bad.partition_point(|bad| bad.range.start <= at).checked_sub(1);
        if bad.and_then(|bad| self.bad.get(bad)).is_some_and(|bad| bad.range.contains(&at)) {
            return None;
        }
        self.rows.partition_point(|row| row.byte as usize <= at).checked_sub(1)
    }

    /// The records before the row of this index that were set aside and not yet taken.
    pub(crate) fn take_bad(&mut self, row: usize) -> Vec<BadRecord> {
        let end = self.rows.get(row).map_or(usize::MAX, |row| row.byte as usize);
        let count = self.bad.partition_point(|bad| bad.range.start < end);
        self.bad.drain(..count).collect()
    }

    /// Sets aside rows by their indices, each with the byte at fault.
    pub(crate) fn set_aside(
        &mut self,
        data: &[u8],
        punctuation: Punctuation,
        faults: BTreeMap<usize, (usize, Problem)>,
    ) {
        let Some((&first, _)) = faults.first_key_value() else { return };
        let bad: Vec<usize> = faults.keys().copied().collect();
        for (row, (at, problem)) in faults {
            let Some(mark) = self.rows.get(row).copied() else { continue };
            let range = self.extent(data, punctuation, mark);
            self.bad.push(BadRecord { range, at, problem });
        }
        self.bad.sort_by_key(|bad| bad.range.start);
        let (mut kept, width) = (first, self.width);
        for row in first..self.rows.len() {
            if bad.binary_search(&row).is_ok() {
                continue;
            }
            self.rows.swap(kept, row);
            self.cells.copy_within(row * width..(row + 1) * width, kept * width);
            kept += 1;
        }
        self.rows.truncate(kept);
        self.cells.truncate(kept * width);
    }

    /// Makes null of every unquoted cell that is one of `tokens`. `data` is what the grid was made of. Which lines are
    /// blank is settled by then, and does not depend on it.
    pub(crate) fn make_null(&mut self, data: &[u8], tokens: &[String]) {
        if tokens.is_empty() {
            return;
        }
        for cell in self.cells.iter_mut().filter(|cell| cell.end & QUOTED == 0) {
            let content = data.get(cell.start as usize..cell.end as usize).unwrap_or_default();
            if tokens.iter().any(|token| token.as_bytes() == content) {
                cell.end = cell.start;
            }
        }
    }

    /// The rows that are good.
    pub(crate) fn rows(&self) -> &[Mark] {
        &self.rows
    }

    /// Some of the good rows, a few hundred at a time: so many that a column is worth a loop of its own, and so few that
    /// their cells stay in the nearest cache from one column to the next.
    pub(crate) fn tiles(&self, rows: Range<usize>) -> impl Iterator<Item = Tile<'_>> {
        let width = self.width.max(1);
        let cells = self.cells.get(rows.start * width..rows.end * width).unwrap_or_default();
        cells.chunks(width * TILE_ROWS).map(move |cells| Tile { width, cells })
    }
}

impl<'a> Tile<'a> {
    /// How many rows it has.
    pub(crate) fn rows(self) -> usize {
        self.cells.len() / self.width
    }

    /// The cells of one column, from the first row down.
    #[inline]
    pub(crate) fn column(self, column: usize) -> impl Iterator<Item = Cell> + use<'a> {
        self.cells.chunks_exact(self.width).filter_map(move |row| row.get(column).copied())
    }
}

impl Cell {
    /// The offset of the cell's content in the block.
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    /// Whether it is null.
    #[inline]
    pub(crate) fn is_null(self) -> bool {
        self.start == self.end
    }

    /// The bytes of its content, unless it is null or has doubled quotes.
    #[inline]
    pub(crate) fn plain(self, text: &[u8]) -> Option<&[u8]> {
        if self.start == self.end || self.end & DOUBLED != 0 {
            return None;
        }
        text.get(self.start as usize..(self.end & END) as usize)
    }

    /// Hands the cell's content to `take`, `None` for null. A closure, because most contents are borrowed and the rest
    /// live only here.
    #[inline]
    pub(crate) fn with<R>(self, text: &str, mut take: impl FnMut(Option<&str>) -> R) -> R {
        if self.is_null() {
            return take(None);
        }
        // Cells start and end beside ASCII bytes, so the slice is always there.
        let content = text.get(self.start as usize..(self.end & END) as usize).unwrap_or_default();
        if self.end & DOUBLED == 0 {
            return take(Some(content));
        }
        // The byte before the content is the quote that opens it.
        let quote = text.as_bytes().get((self.start as usize).wrapping_sub(1)).map_or('"', |&quote| char::from(quote));
        take(Some(&halve_quotes(content, quote)))
    }
}

#[cold]
#[inline(never)]
fn halve_quotes(content: &str, quote: char) -> String {
    let quote = String::from(quote);
    content.replace(&quote.repeat(2), &quote)
}

/// The state of one pass over a block.
struct Scan<'a> {
    data: &'a [u8],
    delimiter: u8,
    /// The quote character, and whether there is one; else a byte that is no text.
    quote: u8,
    quoting: bool,
    /// Fields per row; unknown while the header is read, and then the pass ends after one row.
    width: Option<usize>,
    on_bad: OnBadRow,
    grid: Grid,
    /// Where the current row starts.
    row_start: usize,
    row_line: u32,
    row_cells: usize,
    /// Where the current field starts, its quote included.
    field: usize,
    /// Bits of [`Cell::end`] for the field, once it is known to be quoted.
    quoted: u32,
    /// Inside quotes, or past them: the end of the content.
    inside: bool,
    close: usize,
    /// Bytes before this offset have been dealt with.
    skip: usize,
    line: u32,
    done: bool,
    /// Where to begin again after a broken quote.
    resume: Option<usize>,
}

impl<'a> Scan<'a> {
    fn new(
        data: &'a [u8],
        Punctuation { delimiter, quote }: Punctuation,
        width: Option<usize>,
        on_bad: OnBadRow,
    ) -> Self {
        let (quote, quoting) = (quote.unwrap_or(0xff), quote.is_some());
        // Fields of eight bytes are common; a wrong guess costs one copy.
        let grid = Grid { width: width.unwrap_or(0), cells: Vec::with_capacity(data.len() / 8), ..Grid::default() };
        let (row_start, row_line, row_cells, field, quoted) = (0, 0, 0, 0, 0);
        let (inside, close, skip, line, done) = (false, 0, 0, 0, data.len() > MAX_BLOCK);
        Self {
            data,
            delimiter,
            quote,
            quoting,
            width,
            on_bad,
            grid,
            row_start,
            row_line,
            row_cells,
            field,
            quoted,
            inside,
            close,
            skip,
            line,
            done,
            resume: None,
        }
    }

    /// Visits every byte that means something, once; those after the line of a broken quote once more.
    fn run(&mut self) {
        self.pass(0);
        while let Some(at) = self.resume.take() {
            self.done = false;
            self.pass(at);
        }
    }

    /// Visits the bytes from an offset on, 64 bytes at a time, then the end of the block.
    fn pass(&mut self, from: usize) {
        let data = self.data;
        let needles = [self.delimiter, b'\n', self.quote, b'\r'];
        let (words, _) = data.as_chunks::<64>();
        for (index, chunk) in words.iter().enumerate().skip(from / 64) {
            let mut mask = special_bytes(chunk, needles);
            while mask != 0 {
                self.visit(index * 64 + mask.trailing_zeros() as usize);
                mask &= mask - 1;
            }
            if self.done {
                return;
            }
        }
        for at in (words.len() * 64).max(from)..data.len() {
            let is_special = |byte| byte == self.delimiter || byte == self.quote || matches!(byte, b'\n' | b'\r');
            if data.get(at).copied().is_some_and(is_special) {
                self.visit(at);
            }
        }
        self.end();
    }

    #[inline]
    fn visit(&mut self, at: usize) {
        let Some(&byte) = self.data.get(at) else { return };
        if at < self.skip || self.done {
            return;
        }
        if self.inside {
            self.visit_inside(at, byte);
        } else if byte == self.delimiter {
            self.end_field(at);
            self.field = at + 1;
        } else if byte == self.quote {
            if at == self.field && self.quoting {
                self.inside = true;
                self.quoted = QUOTED;
            }
        } else {
            let length = if byte == b'\r' && self.data.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
            self.end_field(at);
            self.skip = at + length;
            self.line += 1;
            self.end_row(at + length);
        }
    }

    /// Quotes and line ends inside a quoted field.
    fn visit_inside(&mut self, at: usize, byte: u8) {
        let next = self.data.get(at + 1).copied();
        match byte {
            quote if quote == self.quote && next == Some(quote) => {
                self.quoted |= DOUBLED;
                self.skip = at + 2;
            }
            quote if quote == self.quote => {
                if ends_field(next, self.delimiter) {
                    self.inside = false;
                    self.close = at;
                } else if self.on_bad == OnBadRow::SetAside {
                    self.resync(Some(at));
                } else {
                    self.stop(at + 1, Problem::AfterQuote { found: self.char_at(at + 1) });
                }
            }
            b'\n' => self.line += 1,
            b'\r' if next != Some(b'\n') => self.line += 1,
            _ => {}
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a block is shorter than 2^29 bytes, see `done` in `new`")]
    fn end_field(&mut self, at: usize) {
        let cell = if self.quoted == 0 {
            Cell { start: self.field as u32, end: at as u32 }
        } else {
            Cell { start: self.field as u32 + 1, end: self.close as u32 | self.quoted }
        };
        self.quoted = 0;
        self.row_cells += 1;
        self.grid.cells.push(cell);
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a block is shorter than 2^29 bytes, see `done` in `new`")]
    fn end_row(&mut self, next: usize) {
        let mark = Mark { byte: self.row_start as u32, line: self.row_line };
        let found = std::mem::take(&mut self.row_cells);
        match self.width {
            Some(width) if found == width => self.grid.rows.push(mark),
            _ if found == 1 && self.grid.cells.last().is_some_and(|cell| cell.start == cell.end) => {
                self.grid.cells.pop();
            }
            Some(expected) => {
                self.grid.cells.truncate(self.grid.rows.len() * expected);
                let problem = Problem::Ragged { found, expected };
                match self.on_bad {
                    OnBadRow::Fail => self.stop(self.row_start, problem),
                    OnBadRow::SetAside => self.set_aside(next, self.row_start, problem),
                }
            }
            None => self.done = true,
        }
        self.row_start = next;
        self.row_line = self.line;
        self.field = next;
    }

    /// The last record may lack its line end.
    fn end(&mut self) {
        if self.done {
            return;
        }
        if self.inside && self.on_bad == OnBadRow::SetAside {
            return self.resync(None);
        }
        if self.inside {
            return self.stop(self.field, Problem::OpenQuote);
        }
        if self.row_start < self.data.len() {
            self.end_field(self.data.len());
            self.end_row(self.data.len());
        }
    }

    /// Gives up the record whose quoted field does not end as it should, at `close` or at all, and goes on after the line
    /// on which that field opens.
    #[cold]
    fn resync(&mut self, close: Option<usize>) {
        let end = line_end(self.data, self.field + 1).unwrap_or(self.data.len());
        let (at, problem) = match close.filter(|close| *close < end) {
            Some(close) => (close + 1, Problem::AfterQuote { found: self.char_at(close + 1) }),
            None => (self.field, Problem::OpenQuote),
        };
        let whole = self.grid.rows.len() * self.grid.width;
        self.grid.cells.truncate(whole);
        self.set_aside(end, at, problem);
        // What was counted beyond that line counts again.
        let record = self.data.get(self.row_start..end).unwrap_or_default();
        self.line = self.row_line.saturating_add(u32::try_from(lines(record)).unwrap_or(u32::MAX));
        (self.row_start, self.row_line, self.row_cells) = (end, self.line, 0);
        (self.field, self.quoted, self.inside, self.skip) = (end, 0, false, end);
        self.done = true;
        self.resume = (end < self.data.len()).then_some(end);
    }

    #[cold]
    fn set_aside(&mut self, end: usize, at: usize, problem: Problem) {
        let range = content(self.data, self.row_start..end);
        self.grid.bad.push(BadRecord { range, at, problem });
    }

    fn char_at(&self, at: usize) -> char {
        let rest = self.data.get(at..).unwrap_or_default();
        let found = rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        found.unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    #[cold]
    fn stop(&mut self, at: usize, problem: Problem) {
        self.grid.fault = Some((at, problem));
        self.done = true;
    }
}

/// How many lines end in `bytes`.
pub(crate) fn lines(bytes: &[u8]) -> usize {
    let lone = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    memchr_iter(b'\n', bytes).count() + lone
}

/// One bit per byte of `chunk`, set where the byte is one of four.
#[inline]
fn special_bytes(chunk: &[u8; 64], needles: [u8; 4]) -> u64 {
    // Comparing byte by byte into bytes is what compilers turn into vector instructions.
    let found = chunk.map(|byte| u8::from(needles.iter().fold(false, |found, needle| found | (byte == *needle))));
    let (words, _) = found.as_chunks::<8>();
    words.iter().rev().fold(0, |mask, word| {
        // The product moves the eight low bits together into the top byte.
        mask << 8 | u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMAS: Punctuation = Punctuation { delimiter: b',', quote: Some(b'"') };

    /// Rows of fields, `None` for null, and the fault.
    type Read = (Vec<Vec<Option<String>>>, Option<(usize, Problem)>);

    fn read(text: &str, width: usize) -> Read {
        let grid = Grid::new(text.as_bytes(), COMMAS, width, OnBadRow::Fail);
        let field = |cell: &Cell| cell.with(text, |content| content.map(str::to_owned));
        let rows = grid.cells.chunks(width).take(grid.rows.len()).map(|row| row.iter().map(field).collect());
        (rows.collect(), grid.fault)
    }

    /// The rules of the module, one byte after the other.
    fn naive(text: &str, width: usize) -> Read {
        let bytes = text.as_bytes();
        let (mut rows, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let start = at;
            let mut row = Vec::new();
            loop {
                let mut content = Vec::new();
                let quoted = bytes.get(at) == Some(&b'"');
                if quoted {
                    let open = at;
                    at += 1;
                    loop {
                        match (bytes.get(at), bytes.get(at + 1)) {
                            (None, _) => return (rows, Some((open, Problem::OpenQuote))),
                            (Some(b'"'), Some(b'"')) => {
                                content.push(b'"');
                                at += 2;
                            }
                            (Some(b'"'), None | Some(b',' | b'\n' | b'\r')) => break,
                            (Some(b'"'), Some(_)) => {
                                let found = text[at + 1..].chars().next().unwrap();
                                return (rows, Some((at + 1, Problem::AfterQuote { found })));
                            }
                            (Some(&byte), _) => {
                                content.push(byte);
                                at += 1;
                            }
                        }
                    }
                    at += 1;
                } else {
                    while let Some(&byte) = bytes.get(at).filter(|byte| !matches!(byte, b',' | b'\n' | b'\r')) {
                        content.push(byte);
                        at += 1;
                    }
                }
                let content = String::from_utf8(content).unwrap();
                row.push((quoted || !content.is_empty()).then_some(content));
                match bytes.get(at) {
                    Some(b',') => at += 1,
                    Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                        at += 2;
                        break;
                    }
                    Some(_) => {
                        at += 1;
                        break;
                    }
                    None => break,
                }
            }
            if row.len() == width {
                rows.push(row);
            } else if row != [None] {
                return (rows, Some((start, Problem::Ragged { found: row.len(), expected: width })));
            }
        }
        (rows, None)
    }

    #[test]
    fn quotes_keep_empty_text_apart_from_null() {
        let (rows, fault) = read("a,\"\"\n,\"b\"\"c\"\r\n\"x\r\ny,\",d\"e\rlast,", 2);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                vec![text("a"), text("")],
                vec![None, text("b\"c")],
                vec![text("x\r\ny,"), text("d\"e")],
                vec![text("last"), None],
            ]
        );
        assert_eq!(fault, None);
    }

    #[test]
    fn tokens_are_null_where_they_stand_alone_and_unquoted() {
        let text = "NA,\"NA\"\nNA ,-\nna,\"\"\"NA\"\nNA\n";
        let mut grid = Grid::new(text.as_bytes(), COMMAS, 2, OnBadRow::Fail);
        grid.make_null(text.as_bytes(), &["NA".into(), "-".into(), "\"NA".into()]);
        let field = |cell: &Cell| cell.with(text, |content| content.map(str::to_owned));
        let cells: Vec<_> = grid.cells.iter().map(field).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(cells, [None, some("NA"), some("NA "), None, some("na"), some("\"NA")]);
        assert_eq!(grid.fault, Some((24, Problem::Ragged { found: 1, expected: 2 })), "a token is no blank line");
    }

    #[test]
    fn faults_name_the_byte() {
        assert_eq!(read("a,b\nc\n", 2).1, Some((4, Problem::Ragged { found: 1, expected: 2 })));
        assert_eq!(read("a,b\nc,d,e\n", 2).1, Some((4, Problem::Ragged { found: 3, expected: 2 })));
        assert_eq!(read("a,\"b\"é\n", 2).1, Some((5, Problem::AfterQuote { found: 'é' })));
        assert_eq!(read("a,\"b\n", 2).1, Some((2, Problem::OpenQuote)));
    }

    #[test]
    fn blank_lines_are_rows_only_of_one_column() {
        assert_eq!(read("\n\r\na,b\n\n", 2).0.len(), 1);
        assert_eq!(
            read("\n\r\na\n\"\"\n", 1).0,
            [None, None, Some("a".to_owned()), Some(String::new())].map(|f| vec![f])
        );
    }

    #[test]
    fn lines_are_counted_inside_quotes_too() {
        let grid = Grid::new(b"\"a\nb\rc\r\nd\"\ne\r\rf", COMMAS, 1, OnBadRow::Fail);
        assert_eq!(grid.rows().iter().map(|mark| mark.line).collect::<Vec<_>>(), [0, 4, 5, 6]);
        assert_eq!(grid.rows()[3].byte, 14);
    }

    #[test]
    fn a_header_may_follow_blank_lines() {
        assert_eq!(header("\n\r\na,\"b\"\"\",\nrest", COMMAS), Ok((vec!["a".into(), "b\"".into(), String::new()], 12)));
        assert_eq!(header("a\r", COMMAS), Ok((vec!["a".into()], 2)));
        assert_eq!(header("\"\"", COMMAS), Ok((vec![String::new()], 2)));
        assert_eq!(header("\n\n", COMMAS), Err((2, Problem::NoHeader)));
        assert_eq!(header("", COMMAS), Err((0, Problem::NoHeader)));
    }

    #[test]
    fn a_cut_never_splits_a_record() {
        assert_eq!(cut(b"a,b\nc", COMMAS, OnBadRow::Fail), Some(4));
        assert_eq!(cut(b"a,b", COMMAS, OnBadRow::Fail), None);
        assert_eq!(cut(b"a\r", COMMAS, OnBadRow::Fail), None);
        assert_eq!(cut(b"a\r\n", COMMAS, OnBadRow::Fail), Some(3));
        assert_eq!(cut(b"a\rb", COMMAS, OnBadRow::Fail), Some(2));
        assert_eq!(cut(b"a\n\"b\n", COMMAS, OnBadRow::Fail), Some(2));
        assert_eq!(cut(b"a\n\"b\n\"", COMMAS, OnBadRow::Fail), Some(2));
        assert_eq!(cut(b"a\n\"b\n\"\nc\"d\ne", COMMAS, OnBadRow::Fail), Some(11));
    }

    proptest! {
        #[test]
        fn the_grid_follows_the_rules(text in "[ab,\"\n\r é]{0,200}", width in 1_usize..4) {
            prop_assert_eq!(read(&text, width), naive(&text, width));
        }

        #[test]
        fn cutting_anywhere_gives_the_same_rows(text in "([ab]{0,3}|\"([ab,\n\r]|\"\"){0,5}\"|[ab]\"b)([,\n\r]|\r\n)([ab,\n\r]|\"a\n\"\n){0,60}", at in 0_usize..80) {
            let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            if let Some(end) = cut(&text.as_bytes()[..at], COMMAS, OnBadRow::Fail) {
                let (mut rows, fault) = read(&text[..end], 2);
                if fault.is_none() {
                    let (more, fault) = read(&text[end..], 2);
                    rows.extend(more);
                    let whole = read(&text, 2);
                    prop_assert_eq!((rows, fault.map(|(at, problem)| (at + end, problem))), whole);
                }
            }
        }

        #[test]
        fn special_bytes_are_found(bytes: [u8; 32]) {
            let mut chunk = [b'\r'; 64];
            chunk[7..39].copy_from_slice(&bytes);
            let needles = [b',', b'\n', b'"', b'\r'];
            let mask = special_bytes(&chunk, needles);
            for (at, byte) in chunk.iter().enumerate() {
                prop_assert_eq!(mask >> at & 1 == 1, needles.contains(byte));
            }
        }
    }
}
