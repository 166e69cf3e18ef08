//! The column profile of a dataset as a table.

use mira_ingest::report::{CellReport, ColumnReport, Cut, Report};

use crate::dataset;
use crate::error::{CliError, Kind, Result};
use crate::gate::listed;
use crate::output::{Output, counted, escape};
use crate::refs::Found;
use crate::session::Session;

/// The report that the dataset's manifest names.
pub(super) fn report(session: &Session, found: &Found<'_>) -> Result<Report> {
    let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
    dataset::report(&session.blobs(), &stored.manifest)?.ok_or_else(|| {
        CliError::new(Kind::NotFound, "this version has no column profile")
            .hint("it was added by a mira that made none; a new version has one")
    })
}

/// Prints a line a column, and what the scan found.
pub(super) fn print(report: &Report, output: &Output) {
    output.data(format_args!(
        "{:<28} {:<9} {:>12} {:>12} {:>12}  range",
        "column", "type", "values", "nulls", "distinct"
    ));
    for column in &report.columns {
        let indent = usize::try_from(column.depth).unwrap_or(1).saturating_sub(1) * 2;
        let name = format!("{:indent$}{}", "", escape(&column.name));
        let distinct = distinct(column).map(|distinct| distinct.to_string()).unwrap_or_default();
        let (ty, values, nulls) = (column.type_name(), column.values, column.nulls);
        output.data(format_args!(
            "{name:<28} {ty:<9} {values:>12} {nulls:>12} {distinct:>12}  {}",
            escape(&more(column))
        ));
    }
    if let Some(rest) = &report.rest {
        output.data(format_args!("and {} more", counted(rest.types, "type")));
    }
    match report.findings() {
        Some(found) if found.is_empty() => output.data("scan       nothing found"),
        Some(found) => output.data(format_args!("scan       {}", escape(&listed(&found)))),
        None => {}
    }
}

fn distinct(column: &ColumnReport) -> Option<u64> {
    match column.cells {
        CellReport::Ordered { distinct, .. }
        | CellReport::Float { distinct, .. }
        | CellReport::Text { distinct, .. }
        | CellReport::Bytes { distinct, .. } => Some(distinct),
        _ => None,
    }
}

/// Least and greatest, or whatever else the type has.
fn more(column: &ColumnReport) -> String {
    let from_to = |range: &Option<(String, String)>| {
        range.as_ref().map(|(min, max)| format!("{min} to {max}")).unwrap_or_default()
    };
    match &column.cells {
        CellReport::Bool { trues } => format!("{trues} true"),
        CellReport::Ordered { range, .. } => from_to(range),
        CellReport::Float { nans: 0, range, .. } => from_to(range),
        CellReport::Float { nans, range, .. } => format!("{}, {nans} NaN", from_to(range)),
        CellReport::Text { range: Some((min, max)), .. } => format!("{} to {}", cut(min), cut(max)),
        CellReport::Text { bytes, .. } | CellReport::Bytes { bytes, .. } => counted(*bytes, "byte"),
        CellReport::List { items } => counted(*items, "item"),
        CellReport::Map { items } => counted(*items, "pair"),
        CellReport::Struct => String::new(),
    }
}

/// The start of a text, as much as a table has room for.
fn cut(text: &Cut) -> String {
    const ROOM: usize = 24;
    let start: String = text.text.chars().take(ROOM).collect();
    let more = if text.is_cut || start.len() < text.text.len() { "…" } else { "" };
    format!("{start:?}{more}")
}
