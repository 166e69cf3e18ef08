//! `mira sql`

use std::io::{self, BufWriter, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mira_lineage::query::{Answer, Limits, QueryError, Sql};
use mira_lineage::write::{Format, WriteError, document, write};

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::{JsonMode, Output, counted, escape};
use crate::session::Session;
use crate::views::{Refs, Views};
use crate::{read_file, write_file};

/// Longest query in bytes.
const MAX_QUERY: usize = 1 << 20;
const MIB: usize = 1 << 20;

/// Ask in SQL what the log says; nothing can be changed
///
/// Tables: agents, anchors, associations, cards, chunks, claims, column_edges, dataset_versions, datasets, deployments, edges,
/// epochs, evaluations, events, judgements, model_versions, models, nodes, pins, rewards, rights, runs, uses.
///
/// `upstream('REF' [, depth [, as_of]])` and `downstream(…)` are what something was made from, and what was made from it;
/// `contribution('REF' [, as_of])` is whose rows went into a model. `as_of` is a number of entries, or 'epoch 3'. With
/// parameters, ask the table: `from closure where root = $1 and direction = 'upstream'`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira sql -c 'select seq, kind, claimed_at from events'
  mira sql -c \"select contributor, dataset, rows, share from contribution('my-model')\"
  mira sql -c 'select id, depth from closure where root = $1' -p penguins@1
  mira sql -f query.sql -o answer.parquet
  mira sql -c \"select ref, title from cards where tags like '%birds%'\"
  mira sql -c 'describe edges'
  mira sql -c 'show tables'")]
pub struct SqlArgs {
    /// The query (default: standard input)
    #[arg(short = 'c', long = "query", value_name = "QUERY", conflicts_with = "file")]
    query: Option<String>,
    /// A file with the query
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A value for $1, $2, … in the query, in this order
    #[arg(short, long = "param", value_name = "VALUE", allow_hyphen_values = true)]
    parameters: Vec<String>,
    /// The format (default: by the name of the output file, else a table)
    #[arg(long, value_name = "FORMAT")]
    format: Option<SqlFormat>,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over an existing file
    #[arg(long, requires = "output")]
    force: bool,
    /// Most seconds that the query may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Most memory for sorting, joining and grouping, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    memory: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SqlFormat {
    Table,
    Markdown,
    Csv,
    Tsv,
    Json,
    Ndjson,
    Parquet,
    /// Arrow IPC stream
    Arrow,
}

/// Answers it.
pub fn run(args: &SqlArgs, global: &Global, output: &Output) -> Result {
    let format = format(args, output)?;
    let to_terminal = args.output.is_none() && io::stdout().is_terminal();
    if format.is_binary() && to_terminal {
        return Err(CliError::new(Kind::Usage, "this format is not for a terminal").hint("-o FILE writes it to a file"));
    }
    let (name, query) = query(args)?;
    let session = Session::open(global)?;
    let views = Views::of(&session)?;
    if let Err(error) = views.keep(&session) {
        output.talk(format_args!("the views were not kept: {}", error.in_one_line()));
    }
    let limits = Limits {
        memory: usize::try_from(args.memory).unwrap_or(usize::MAX).saturating_mul(MIB),
        time: Duration::from_secs(args.timeout),
        ..Limits::default()
    };
    let explain = |error: &QueryError| explain(error, &name);
    let sql = Sql::new(views.lineage, Arc::new(Refs::of(&session)?), limits).map_err(|error| explain(&error))?;
    let answer = sql.query(&query, &args.parameters).map_err(|error| explain(&error))?;
    let rows = match &args.output {
        Some(path) => {
            let mut rows = 0;
            write_file::stream(path, args.force, |file| {
                rows = send(answer, format, output, file).map_err(|error| failed(&error, &name, path))?;
                Ok(())
            })?;
            rows
        }
        None => {
            let sent = match format {
                Format::Json => send_whole(answer, format, output, limits.memory),
                _ => {
                    let mut out = BufWriter::new(io::stdout());
                    send(answer, format, output, &mut out).and_then(|rows| Ok(out.flush().map(|()| rows)?))
                }
            };
            match sent {
                Ok(rows) => rows,
                // A reader that went away (`| head`) has what it wanted.
                Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                Err(error) => return Err(failed(&error, &name, Path::new("standard output"))),
            }
        }
    };
    if args.output.is_some() || (to_terminal && format == Format::Table) {
        output.talk(counted(rows, "row"));
    }
    Ok(ExitCode::SUCCESS)
}

/// A document that is cut off is none, so it is written when all of it is there.
fn send_whole(answer: Answer, format: Format, output: &Output, limit: usize) -> std::result::Result<u64, WriteError> {
    let mut document = Bounded { bytes: Vec::new(), limit };
    let rows = send(answer, format, output, &mut document)?;
    let mut out = io::stdout().lock();
    out.write_all(&document.bytes).and_then(|()| out.flush())?;
    Ok(rows)
}

/// Bytes in memory, up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if part.len() > self.limit.saturating_sub(self.bytes.len()) {
            let message = "the document is larger than --memory allows: -o FILE or --json=lines writes as it goes";
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn send(
    answer: Answer,
    format: Format,
    output: &Output,
    out: &mut (impl Write + Send),
) -> std::result::Result<u64, WriteError> {
    match output.json {
        JsonMode::Document => document(answer, "mira.sql/1", out),
        JsonMode::Off | JsonMode::Lines => write(answer, format, escape, out),
    }
}

/// `--json` and `--format` say the same in two ways; the name of the output file says it where neither does.
fn format(args: &SqlArgs, output: &Output) -> Result<Format> {
    let by_name = || match args.output.as_ref()?.extension()?.to_str()? {
        "md" => Some(Format::Markdown),
        "csv" => Some(Format::Csv),
        "tsv" => Some(Format::Tsv),
        "json" => Some(Format::Json),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "parquet" => Some(Format::Parquet),
        "arrow" | "arrows" => Some(Format::Arrow),
        _ => None,
    };
    match (output.json, args.format) {
        (JsonMode::Off, None) => Ok(by_name().unwrap_or(Format::Table)),
        (JsonMode::Off, Some(format)) => Ok(match format {
            SqlFormat::Table => Format::Table,
            SqlFormat::Markdown => Format::Markdown,
            SqlFormat::Csv => Format::Csv,
            SqlFormat::Tsv => Format::Tsv,
            SqlFormat::Json => Format::Json,
            SqlFormat::Ndjson => Format::Ndjson,
            SqlFormat::Parquet => Format::Parquet,
            SqlFormat::Arrow => Format::Arrow,
        }),
        (JsonMode::Document, None) => Ok(Format::Json),
        (JsonMode::Lines, None) => Ok(Format::Ndjson),
        (_, Some(_)) => Err(CliError::new(Kind::Usage, "--json and --format say two things")
            .hint("--format json is an array of rows; --json has the columns beside them")),
    }
}

/// The query, and where it comes from.
fn query(args: &SqlArgs) -> Result<(String, String)> {
    let (name, bytes) = match (&args.query, &args.file) {
        (Some(query), _) => return Ok(("query".to_owned(), query.clone())),
        (None, Some(path)) => (path.display().to_string(), read_file::bounded(path, MAX_QUERY)?),
        (None, None) if io::stdin().is_terminal() => {
            return Err(CliError::new(Kind::Usage, "there is no query").hint("mira sql -c 'show tables'"));
        }
        (None, None) => {
            let mut bytes = Vec::new();
            io::stdin().lock().take(MAX_QUERY as u64 + 1).read_to_end(&mut bytes).kind(Kind::Failed)?;
            ("standard input".to_owned(), bytes)
        }
    };
    if bytes.len() > MAX_QUERY {
        return Err(CliError::new(Kind::Usage, format!("a query has at most {MAX_QUERY} bytes")).at(name));
    }
    match String::from_utf8(bytes) {
        Ok(query) => Ok((name, query)),
        Err(_) => Err(CliError::new(Kind::Usage, "the query is not UTF-8").at(name)),
    }
}

fn failed(error: &WriteError, name: &str, path: &Path) -> CliError {
    match error {
        WriteError::Query(error) => explain(error, name),
        WriteError::TwoColumns { .. } => CliError::new(Kind::Usage, chain(error)),
        error => CliError::new(Kind::Failed, chain(error)).at(path.display().to_string()),
    }
}

/// A query's failure, in the terms of the command.
fn explain(error: &QueryError, name: &str) -> CliError {
    let found = |kind| CliError::new(kind, error.to_string());
    match error {
        QueryError::Query { place, hint, .. } => {
            let error = found(Kind::Usage);
            let error = match place {
                Some(place) => error.at(format!("{name}:{}:{}", place.line, place.column)),
                None => error,
            };
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
        QueryError::ReadOnly => found(Kind::Usage),
        QueryError::Parameters { .. } => found(Kind::Usage).hint("-p VALUE gives the values of $1, $2, … in order"),
        QueryError::Unresolved(unresolved) => match &unresolved.hint {
            Some(hint) => found(Kind::NotFound).hint(hint),
            None => found(Kind::NotFound),
        },
        QueryError::Lineage { .. } => found(Kind::NotChecked),
        QueryError::Time { .. } => found(Kind::Failed).hint("--timeout SECONDS gives it more"),
        QueryError::Memory { .. } => found(Kind::Failed).hint("--memory MIB gives it more"),
        QueryError::Engine { .. } => found(Kind::Failed),
    }
}
