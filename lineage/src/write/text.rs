//! Tables for people, and separated values.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::WriteError;
use crate::query::Answer;

/// What stands around the cells of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    Plain,
    Markdown,
}

/// A line of cells.
type Line = Vec<String>;

pub(super) fn table(
    answer: Answer,
    frame: Frame,
    escape: fn(&str) -> String,
    out: &mut impl Write,
) -> Result<u64, WriteError> {
    let schema = answer.schema().clone();
    let show = |text: &str| match frame {
        Frame::Plain => escape(text),
        Frame::Markdown => escape(text).replace('|', "\\|"),
    };
    let header: Line = schema.fields().iter().map(|field| show(field.name())).collect();
    let right: Vec<bool> = schema.fields().iter().map(|field| is_number(field.data_type())).collect();
    let mut widths: Option<Vec<usize>> = None;
    let mut count = 0;
    for batch in answer {
        let batch = batch?;
        let rows = cells(&batch, "NULL", |text| show(text))?;
        // The first batch says how wide columns are; a wider cell later pushes its own line only.
        let widths = match &widths {
            Some(widths) => widths,
            None => head(&header, &right, frame, widths.insert(measure(&header, &rows)), out)?,
        };
        for row in &rows {
            line(row, &right, widths, frame, out)?;
        }
        count += rows.len() as u64;
    }
    if widths.is_none() {
        head(&header, &right, frame, &measure(&header, &[]), out)?;
    }
    Ok(count)
}

fn measure(header: &Line, rows: &[Line]) -> Vec<usize> {
    let width = |at| {
        let column = rows.iter().filter_map(|row| row.get(at)).chain(header.get(at));
        column.map(|cell: &String| cell.chars().count()).max().unwrap_or_default()
    };
    (0..header.len()).map(width).collect()
}

/// Writes the names of the columns and the rule under them.
fn head<'a>(
    header: &Line,
    right: &[bool],
    frame: Frame,
    widths: &'a Vec<usize>,
    out: &mut impl Write,
) -> Result<&'a Vec<usize>, WriteError> {
    line(header, right, widths, frame, out)?;
    let rule = |(width, right): (&usize, &bool)| match (frame, right) {
        (Frame::Plain, _) => "-".repeat(width + 2),
        (Frame::Markdown, true) => format!("{}:", "-".repeat(width + 1)),
        (Frame::Markdown, false) => "-".repeat(width + 2),
    };
    let rules: Vec<String> = widths.iter().zip(right).map(rule).collect();
    match frame {
        Frame::Plain => writeln!(out, "{}", rules.join("+"))?,
        Frame::Markdown => writeln!(out, "|{}|", rules.join("|"))?,
    }
    Ok(widths)
}

fn line(cells: &Line, right: &[bool], widths: &[usize], frame: Frame, out: &mut impl Write) -> Result<(), WriteError> {
    let padded = |((cell, right), width): ((&String, &bool), &usize)| match right {
        true => format!(" {cell:>width$} "),
        false => format!(" {cell:<width$} "),
    };
    let cells: Vec<String> = cells.iter().zip(right).zip(widths).map(padded).collect();
    match frame {
        Frame::Plain => writeln!(out, "{}", cells.join("|").trim_end())?,
        Frame::Markdown => writeln!(out, "|{}|", cells.join("|"))?,
    }
    Ok(())
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// The cells of a batch as text. `show` gets what is not a null.
fn cells(batch: &RecordBatch, null: &str, show: impl Fn(&str) -> String) -> Result<Vec<Line>, WriteError> {
    let options = FormatOptions::new().with_display_error(false);
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    // A column of type null has no bitmap, and a dictionary's nulls may stand among its values.
    let nulls: Vec<_> = batch.columns().iter().map(|column| column.logical_nulls()).collect();
    let row = |row: usize| -> Result<Line, WriteError> {
        let cell = |(formatter, nulls): (&ArrayFormatter<'_>, &Option<NullBuffer>)| {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            if is_null { Ok(null.to_owned()) } else { Ok(show(&formatter.value(row).try_to_string()?)) }
        };
        columns.iter().zip(&nulls).map(cell).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

pub(super) fn separated(answer: Answer, separator: char, out: &mut impl Write) -> Result<u64, WriteError> {
    let schema = answer.schema().clone();
    let quoted = |text: &str| quote(text, separator);
    let join = |cells: &[String]| cells.join(separator.encode_utf8(&mut [0; 4]));
    let header: Line = schema.fields().iter().map(|field| quoted(field.name())).collect();
    writeln!(out, "{}", join(&header))?;
    let mut count = 0;
    for batch in answer {
        for row in cells(&batch?, "", |text| quoted(text))? {
            writeln!(out, "{}", join(&row))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Puts quotes around what would not be read as it is. An empty text has them, so that it is not a null.
fn quote(text: &str, separator: char) -> String {
    let plain = !text.is_empty() && !text.contains([separator, '"', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_where_they_are_needed() {
        for (text, expected) in
            [("a", "a"), ("", "\"\""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\nb", "\"a\nb\"")]
        {
            assert_eq!(quote(text, ','), expected);
        }
        assert_eq!(quote("a,b", '\t'), "a,b");
    }
}
