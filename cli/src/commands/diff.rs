//! `mira diff`

use std::process::ExitCode;

use clap::Args;
use mira_core::fold::Withdrawn;
use mira_core::row::{self, NamedRow};
use mira_core::schema::Schema;
use mira_ingest::diff::{self, DiffError, Difference, Only, Row, Side};
use mira_ingest::export;
use mira_ingest::observer::Watched;
use mira_ingest::rows::RowEncoder;
use mira_ingest::store::Store;
use serde::Serialize;

use crate::args::Global;
use crate::dataset::{self, Stored};
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::{JsonMode, Output, count, counted};
use crate::refs::Found;
use crate::session::Session;
use crate::task::Task;

/// Tell which rows two datasets do not share
///
/// Chunks that both have are not read; of the others, every byte and row is checked on the way. Rows are compared by
/// their hash, however often each occurs; their order does not count. Positions are those in the dataset that has the
/// row.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira diff penguins@1 penguins@2
  mira diff penguins                     the latest version against the one before
  mira diff penguins@1 penguins --values
  mira diff penguins@1 penguins --json=lines      what changed in one line, then a line for each row")]
pub struct DiffArgs {
    /// The first dataset
    #[arg(value_name = "A")]
    first: String,
    /// The second (default: A, against the version before it)
    #[arg(value_name = "B")]
    second: Option<String>,
    /// Compare chunks only, and read none
    #[arg(long)]
    chunks: bool,
    /// Show what the rows say
    #[arg(long, conflicts_with = "chunks")]
    values: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    first: Named,
    second: Named,
    same_columns: bool,
    same_types: bool,
    shared_chunks: usize,
    removed: Part,
    added: Part,
}

#[derive(Serialize)]
struct Named {
    dataset: String,
    root: String,
    #[serde(serialize_with = "count")]
    rows: u64,
}

#[derive(Serialize)]
struct Part {
    chunks: Vec<ChunkLine>,
    /// How many rows there are, where rows were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    row_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<RowLine>>,
}

#[derive(Serialize)]
struct ChunkLine {
    index: usize,
    #[serde(serialize_with = "count")]
    rows: u64,
    root: String,
    cid: String,
}

#[derive(Serialize)]
struct RowLine {
    change: &'static str,
    #[serde(serialize_with = "count")]
    row: u64,
    chunk: usize,
    leaf: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<String>,
}

/// Tells it.
pub fn run(args: &DiffArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let (first, second) = pair(&session, args)?;
    if args.values {
        refuse_withdrawn(&session, &[&first, &second])?;
    }
    let store = session.store()?;
    let (from, to) = (Shown::load(&session, &first, &store)?, Shown::load(&session, &second, &store)?);
    let by_chunk = diff::chunks(&from.stored.committed, &to.stored.committed);
    let difference = if args.chunks {
        by_chunk
    } else {
        let total = from.bytes(&by_chunk.removed) + to.bytes(&by_chunk.added);
        let task = Task::reading(output, "compare", Some(total));
        let watched = Watched { store: &store, observer: &task };
        diff::rows(from.side(&watched), to.side(&watched)).map_err(|error| failed(&error))?
    };
    let lists_rows = !args.chunks && difference.same_types;
    let part = |shown: &Shown<'_>, only: &Only, change| -> Result<Part> {
        let rows = lists_rows.then(|| shown.rows(&only.rows, change, args.values)).transpose()?;
        Ok(Part { chunks: shown.chunks(&only.chunks), row_count: rows.as_ref().map(Vec::len), rows })
    };
    let (removed, added) = (part(&from, &difference.removed, "removed")?, part(&to, &difference.added, "added")?);
    let mut document = Document {
        schema: "mira.diff/1",
        same_columns: from.stored.committed.schema() == to.stored.committed.schema(),
        same_types: difference.same_types,
        shared_chunks: difference.shared_chunks,
        first: from.named,
        second: to.named,
        removed,
        added,
    };
    match output.json {
        JsonMode::Document => output.document(&document),
        JsonMode::Lines => {
            // First what it adds up to, so that a reader of no rows knows that there are none.
            let rows = [document.removed.rows.take(), document.added.rows.take()];
            output.document(&document);
            output.lines(rows.into_iter().flatten().flatten());
        }
        JsonMode::Off => document.print(&difference, output),
    }
    Ok(ExitCode::SUCCESS)
}

/// The two datasets; of one alone, the version before it and itself.
fn pair<'a>(session: &'a Session, args: &DiffArgs) -> Result<(Found<'a>, Found<'a>)> {
    let found = session.find(&args.first)?;
    if let Some(second) = &args.second {
        return Ok((found, session.find(second)?));
    }
    let none = || {
        CliError::new(Kind::NotFound, format!("{} has no version before it", args.first))
            .hint("mira diff A B compares any two datasets")
    };
    let version = found.record.version.as_ref().ok_or_else(none)?;
    let fold = session.ledger.fold();
    let series = fold.artifact(&found.record.owner, &version.name).ok_or_else(none)?;
    let before = usize::try_from(version.number).ok().and_then(|number| number.checked_sub(2)).ok_or_else(none)?;
    let id = *series.versions().get(before).ok_or_else(none)?;
    let record = fold.statement(&id).ok_or_else(none)?;
    Ok((Found { id, record }, found))
}

/// Rows that were withdrawn are not shown again; that they changed may be told.
fn refuse_withdrawn(session: &Session, pair: &[&Found<'_>]) -> Result<()> {
    match pair.iter().find(|found| found.record.withdrawn != Withdrawn::Nothing) {
        None => Ok(()),
        Some(found) => {
            let title = crate::naming::title(session.ledger.fold(), &found.id);
            Err(CliError::new(Kind::DoesNotVerify, format!("withdrawn: {title}"))
                .hint("without --values, hashes and positions are shown"))
        }
    }
}

fn failed(error: &DiffError) -> CliError {
    match error {
        DiffError::TooMany { .. } => {
            CliError::new(Kind::Failed, chain(error)).hint("--chunks compares without reading rows")
        }
        DiffError::Read(_) | DiffError::Row { .. } => CliError::new(Kind::DoesNotVerify, chain(error)),
    }
}

/// A dataset that is compared.
struct Shown<'a> {
    stored: Stored,
    store: &'a Store,
    named: Named,
}

impl<'a> Shown<'a> {
    fn load(session: &Session, found: &Found<'_>, store: &'a Store) -> Result<Self> {
        let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
        let named = Named {
            dataset: crate::naming::title(session.ledger.fold(), &found.id),
            root: stored.committed.dataset_id.to_string(),
            rows: stored.committed.rows,
        };
        Ok(Self { stored, store, named })
    }

    fn side<'s>(&'s self, store: &'s Watched<'_>) -> Side<'s> {
        Side { dataset: &self.stored.committed, store }
    }

    /// How many bytes chunks have that are only here.
    fn bytes(&self, only: &Only) -> u64 {
        only.chunks.iter().filter_map(|&index| self.stored.committed.chunks.get(index)).map(|chunk| chunk.bytes).sum()
    }

    fn chunks(&self, indices: &[usize]) -> Vec<ChunkLine> {
        let chunks = indices.iter().filter_map(|&index| Some((index, self.stored.committed.chunks.get(index)?)));
        let line = |(index, chunk): (usize, &mira_core::manifest::ListedChunk)| ChunkLine {
            index,
            rows: chunk.leaf.rows,
            root: chunk.leaf.row_root.to_string(),
            cid: chunk.cid.to_string(),
        };
        chunks.map(line).collect()
    }

    /// The rows in order, which is also that of the chunks: each chunk is read once, if its values are wanted.
    fn rows(&self, rows: &[Row], change: &'static str, with_values: bool) -> Result<Vec<RowLine>> {
        let mut lines = Vec::with_capacity(rows.len());
        for of_chunk in rows.chunk_by(|a, b| a.chunk == b.chunk) {
            let values = if with_values { self.values(of_chunk)? } else { Vec::new() };
            let mut values = values.into_iter();
            lines.extend(of_chunk.iter().map(|row| RowLine {
                change,
                row: row.row,
                chunk: row.chunk,
                leaf: row.leaf.to_string(),
                values: values.next(),
            }));
        }
        Ok(lines)
    }

    /// What rows of one chunk say.
    fn values(&self, rows: &[Row]) -> Result<Vec<String>> {
        let Some(index) = rows.first().map(|row| row.chunk) else { return Ok(Vec::new()) };
        let batch = export::chunk(&self.stored.committed, self.store, index).kind(Kind::DoesNotVerify)?;
        let Some(batch) = batch else { return Ok(Vec::new()) };
        let mut encoder = RowEncoder::new(&batch).kind(Kind::Failed)?;
        let schema = self.stored.committed.schema();
        rows.iter().map(|row| shown(&mut encoder, schema, row.in_chunk)).collect()
    }
}

fn shown(encoder: &mut RowEncoder<'_>, schema: &Schema, row: usize) -> Result<String> {
    let mut bytes = Vec::new();
    encoder.encode(row, &mut bytes).kind(Kind::Failed)?;
    let values = row::decode_row(schema, &bytes).kind(Kind::Failed)?;
    Ok(NamedRow { schema, values: &values }.to_string())
}

impl Document {
    fn print(&self, difference: &Difference, output: &Output) {
        let (first, second) = (&self.first, &self.second);
        output.data(format_args!("{}  {}  {:.16}", first.dataset, counted(first.rows, "row"), first.root));
        output.data(format_args!("{}  {}  {:.16}", second.dataset, counted(second.rows, "row"), second.root));
        let (removed, added) = (self.removed.chunks.len(), self.added.chunks.len());
        output.data(format_args!("chunks   {} in both, {removed} removed, {added} added", self.shared_chunks));
        match (self.same_types, &self.removed.rows, &self.added.rows) {
            (false, ..) => output.data("rows     the columns have other types, so that no row is in both"),
            (true, Some(removed), Some(added)) if removed.is_empty() && added.is_empty() => {
                output.data(format_args!("rows     the same{}", self.why_other(difference)));
            }
            (true, Some(removed), Some(added)) => {
                output.data(format_args!("rows     {} removed, {} added", removed.len(), added.len()));
                removed.iter().chain(added).for_each(|row| output.data(row.to_text()));
            }
            _ => {}
        }
    }

    /// What differs where no row does.
    fn why_other(&self, difference: &Difference) -> &'static str {
        match () {
            () if !self.same_columns => ", under other names of columns",
            () if self.first.root == self.second.root => "",
            () if difference.removed.chunks.is_empty() => ", in other chunks",
            () => ", in another order",
        }
    }
}

impl RowLine {
    fn to_text(&self) -> String {
        let sign = if self.change == "added" { '+' } else { '-' };
        let values = self.values.as_deref().map(|values| format!("  {values}")).unwrap_or_default();
        format!("{sign} row {}  chunk {}  {:.16}{values}", self.row, self.chunk, self.leaf)
    }
}
