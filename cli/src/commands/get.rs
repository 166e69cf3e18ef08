//! `mira get`

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use mira_core::cid::Cid;
use mira_core::fold::{Record, Withdrawn};
use mira_ingest::commit::CommittedDataset;
use mira_ingest::directory::car::{Beside, WriteError};
use mira_ingest::export::{self, ExportError};
use mira_ingest::observer::{Observer as _, Watched};
use mira_ingest::source::Format;
use mira_ingest::store::{Store, file_of};
use serde::Serialize;

use crate::args::Global;
use crate::dataset::Stored;
use crate::error::{CliError, Kind, Result, ResultExt as _};
use crate::fetching::{self, Fetched, Foreign, FromArgs, Signed};
use crate::interrupt::interrupted_before;
use crate::output::{Output, count, counted, grouped};
use crate::refs::Found;
use crate::session::Session;
use crate::task::Task;
use crate::{dataset, folder, naming, publish, removed, temporary, write_file, write_tree};

/// Write a dataset to a file or a folder again, every byte and row checked on the way
///
/// What is written reads back as the same dataset under its schema, or it is not written. Without `--format`, the file's
/// name tells it. `text` and `files` write a directory, for datasets whose rows are files; `car` writes what IPFS nodes
/// hold.
///
/// A folder (its name ends in /, or it is there and empty) is the directory that is published: the rows as Parquet files,
/// README.md as the Hugging Face Hub and `datasets` read it, croissant.json, and what the contributor signed. `mira verify
/// DIR --proof FILE` checks all of it. A run that is interrupted goes on when it is started again.
///
/// With `--from`, files that are not here are fetched, and a dataset of another log by the CID of its directory: block by
/// block, each compared with its CID, from any IPFS gateway that serves raw blocks or CARs, or from your Kubo node. Who
/// gives wrong bytes is named and not asked again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira get penguins -o penguins.parquet
  mira get penguins@1 -o penguins.csv
  mira get penguins -o penguins/
  mira get penguins -o penguins.car
  mira get photos --format files -o photos
  mira get penguins --from kubo -o penguins.csv
  mira get bafybei… --from https://gateway.example.org -o penguins/")]
pub struct GetArgs {
    /// The dataset
    #[arg(value_name = "REF")]
    reference: String,
    /// The file, or the folder
    #[arg(short, long, value_name = "FILE|DIR")]
    output: PathBuf,
    /// The format (default: by the file's name)
    #[arg(long)]
    format: Option<GetFormat>,
    /// Write over an existing file or a folder that `mira get` wrote, or files into a directory that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    from: FromArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GetFormat {
    Parquet,
    Csv,
    Ndjson,
    Arrow,
    /// Lines of text
    Lines,
    /// A directory of text documents
    Text,
    /// A directory of files
    Files,
    /// The blocks of what is published
    Car,
    /// A folder with everything that is published
    Dir,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    file: String,
    format: String,
    root: String,
    #[serde(serialize_with = "count")]
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<usize>,
    #[serde(flatten)]
    fetched: Option<Fetched>,
    #[serde(flatten)]
    signed: Option<Signed>,
}

/// Writes it.
pub fn run(args: &GetArgs, global: &Global, output: &Output) -> Result {
    let format = format(args)?;
    if args.output.as_os_str() == "-" {
        return Err(CliError::new(Kind::Usage, "a dataset is written to a file: it is whole, or it is not there")
            .hint("-o ./- names a file called `-`"));
    }
    refuse_workspace(&args.output)?;
    if let Some(cid) = fetching::foreign(&args.reference, &args.from, global)? {
        return foreign(args, format, &cid, global, output);
    }
    let session = Session::open(global)?;
    let found = session.find(&args.reference)?;
    refuse_withdrawn(&args.reference, found.record.withdrawn)?;
    let fetched = fetching::complete(&session, &found, &args.from, output)?;
    fetched.iter().for_each(|fetched| fetched.tell(output));
    let stored = dataset::load(&session.ledger, &session.blobs(), &found)?;
    if removed::is_removed(&session, &found)? {
        let title = naming::title(session.ledger.fold(), &found.id);
        return Err(CliError::new(Kind::NotFound, format!("{title} was removed here, by mira rm"))
            .hint("mira get --from URL fetches its rows again, mira add of the same files brings them back"));
    }
    if format == GetFormat::Dir {
        return to_folder(args, &session, &found, (&stored, fetched), output);
    }
    let store = session.store()?;
    let mut document = document(args, format, &stored.committed, fetched);
    if format == GetFormat::Car {
        document.cid = Some(write_car(args, &session, &store, &found, output)?);
    } else {
        write_rows(args, format, &stored.committed, &store, output)?;
    }
    document.tell(output);
    Ok(ExitCode::SUCCESS)
}

/// A dataset that this workspace knows nothing of.
fn foreign(args: &GetArgs, format: GetFormat, cid: &Cid, global: &Global, output: &Output) -> Result {
    if format == GetFormat::Car {
        return Err(CliError::new(Kind::Usage, "a CAR is written of datasets that are here")
            .hint("a slash at the end of the name writes the same files to a folder"));
    }
    refuse_there(args, cid)?;
    let allow = |record: &Record| refuse_withdrawn(&args.reference, record.withdrawn);
    let foreign = Foreign::fetch(cid, &args.from, (&args.output, global, output), allow)?;
    let mut document = document(args, format, &foreign.published.committed, None);
    if format == GetFormat::Dir {
        let files = folder::write_fetched(&foreign.published, &foreign.store, (&args.output, args.force), output)?;
        (document.cid, document.files) = (Some(cid.to_string()), Some(files));
    } else {
        write_rows(args, format, &foreign.published.committed, &foreign.store, output)?;
    }
    let (fetched, signed) = foreign.finish(output)?;
    (document.fetched, document.signed) = (Some(fetched), Some(signed));
    document.tell(output);
    Ok(ExitCode::SUCCESS)
}

fn to_folder(
    args: &GetArgs,
    session: &Session,
    found: &Found<'_>,
    (stored, fetched): (&Stored, Option<Fetched>),
    output: &Output,
) -> Result {
    let written = folder::write(session, found, stored, (&args.output, args.force), output)?;
    let mut document = document(args, GetFormat::Dir, &stored.committed, fetched);
    document.files = Some(written.files);
    document.cid = written.is_published.then(|| written.cid.to_string());
    document.tell(output);
    if !written.is_published && !output.is_json() {
        output.talk("README.md is not among what was signed: this version was added before cards were");
    }
    Ok(ExitCode::SUCCESS)
}

fn document(args: &GetArgs, format: GetFormat, dataset: &CommittedDataset, fetched: Option<Fetched>) -> Document {
    Document {
        schema: "mira.get/1",
        file: args.output.display().to_string(),
        format: format!("{format:?}").to_lowercase(),
        root: dataset.dataset_id.to_string(),
        rows: dataset.rows,
        cid: None,
        files: None,
        fetched,
        signed: None,
    }
}

impl Document {
    fn tell(&self, output: &Output) {
        if output.is_json() {
            output.document(self);
            return;
        }
        let files = self.files.map(|files| format!(" in {}", counted(files as u64, "file"))).unwrap_or_default();
        output.data(format_args!("{}: {}{files}", self.file, counted(self.rows, "row")));
        self.cid.iter().for_each(|cid| output.data(format_args!("cid        {cid}")));
    }
}

fn write_rows(
    args: &GetArgs,
    format: GetFormat,
    dataset: &CommittedDataset,
    store: &Store,
    output: &Output,
) -> Result<()> {
    let task = Task::stoppable(output, "write", Some(dataset.bytes()));
    let watched = Watched { store, observer: &task };
    let written = match format {
        GetFormat::Text => write_files(args, dataset, &watched, Format::Text),
        GetFormat::Files => write_files(args, dataset, &watched, Format::Files),
        table => write_file::stream(&args.output, args.force, |file| write_table(table, dataset, &watched, file)),
    };
    task.end(written, || not_written(&task, dataset.rows))
}

/// A file that is not whole is not kept, so the next run begins anew.
fn not_written(task: &Task, rows: u64) -> CliError {
    let (done, _) = task.progress().so_far();
    interrupted_before(&format!("nothing is written; {} of {} were read", grouped(done), counted(rows, "row")))
}

fn write_table(
    format: GetFormat,
    dataset: &CommittedDataset,
    store: &Watched<'_>,
    file: &mut BufWriter<File>,
) -> Result<()> {
    match format {
        GetFormat::Csv => export::to_csv(dataset, store, file),
        GetFormat::Ndjson => export::to_ndjson(dataset, store, file),
        GetFormat::Arrow => export::to_arrow(dataset, store, file),
        GetFormat::Lines => export::to_lines(dataset, store, file),
        _ => export::to_parquet(dataset, store, file),
    }
    .map_err(|error| export_error(&error))
}

/// Writes a directory with a file for each row.
fn write_files(args: &GetArgs, dataset: &CommittedDataset, store: &Watched<'_>, format: Format) -> Result<()> {
    write_tree::stream(&args.output, args.force, |tree| {
        export::to_files(dataset, store, format, |path, content| tree.write(path, content).map_err(Unwritten::Tree))
            .map_err(|unwritten| match unwritten {
                Unwritten::Tree(error) => error,
                Unwritten::Export(error) => export_error(&error),
            })
    })
}

enum Unwritten {
    Tree(CliError),
    Export(ExportError),
}

impl From<ExportError> for Unwritten {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

/// Writes the dataset directory as one CAR, and returns its root. Every file is compared with its CID on the way.
fn write_car(args: &GetArgs, session: &Session, store: &Store, found: &Found<'_>, output: &Output) -> Result<String> {
    // The files beside the chunks are small, and the store may be one that nobody may write to.
    let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
    let beside = RefCell::new(BTreeMap::new());
    let directory = publish::directory_of(session, found, &stored, |bytes| {
        let file = file_of(bytes).kind(Kind::Failed)?;
        beside.borrow_mut().insert(file.cid, bytes.to_vec());
        Ok(file)
    })?;
    let files = Beside { store, files: beside.into_inner() };
    let car = directory.car();
    let task = Task::stoppable(output, "write", Some(car.byte_len()));
    let written = write_file::stream(&args.output, args.force, |file| {
        let written = car.write(&files, |bytes| {
            task.done(0, bytes.len() as u64).map_err(io::Error::other)?;
            file.write_all(bytes)
        });
        written.map(drop).map_err(|error| {
            let kind = if matches!(error, WriteError::Output(_)) { Kind::Failed } else { Kind::DoesNotVerify };
            CliError::caused(kind, &error)
        })
    });
    task.end(written, || interrupted_before("nothing is written"))?;
    Ok(directory.cid().to_string())
}

/// Asked before anything is fetched. A run that was killed when it had written its file left what it fetched for it.
fn refuse_there(args: &GetArgs, cid: &Cid) -> Result<()> {
    let Ok(there) = args.output.symlink_metadata() else { return Ok(()) };
    let is_empty = || args.output.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if args.force || (there.is_dir() && is_empty()) {
        return Ok(());
    }
    fetching::forget(&args.output, cid)?;
    // So may the other name of the file, which a run that was killed could not take away.
    let _ = temporary::sweep_of(&args.output);
    let (what, hint) = match there.is_dir() {
        true => ("there is a folder already", "--force replaces a folder that mira get wrote"),
        false => ("there is a file already", "--force replaces it"),
    };
    Err(CliError::new(Kind::Failed, what).at(args.output.display().to_string()).hint(hint))
}

/// What a workspace keeps is nobody's output, whoever says `--force`.
fn refuse_workspace(output: &Path) -> Result<()> {
    let there = output.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or_default();
    match there.components().any(|part| part.as_os_str() == ".mira") {
        false => Ok(()),
        true => Err(CliError::new(Kind::Usage, "this is inside of a workspace's own files")
            .at(output.display().to_string())
            .hint("-o names a file or folder of yours")),
    }
}

/// What was withdrawn is not handed out again, in whole or in part.
fn refuse_withdrawn(reference: &str, withdrawn: Withdrawn) -> Result<()> {
    let (what, hint) = match withdrawn {
        Withdrawn::Nothing => return Ok(()),
        Withdrawn::Whole => (reference.to_owned(), format!("mira show {reference} says who withdrew it, and why")),
        Withdrawn::Rows => {
            (format!("some rows of {reference}"), "its owner can add a version without these rows".to_owned())
        }
    };
    Err(CliError::new(Kind::DoesNotVerify, format!("withdrawn: {what}")).hint(hint))
}

fn format(args: &GetArgs) -> Result<GetFormat> {
    let extension = args.output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_folder = args.output.as_os_str().as_encoded_bytes().ends_with(b"/");
    args.format
        .or(is_folder.then_some(GetFormat::Dir))
        .or(match extension.to_ascii_lowercase().as_str() {
            "parquet" | "pq" => Some(GetFormat::Parquet),
            "csv" => Some(GetFormat::Csv),
            "ndjson" | "jsonl" => Some(GetFormat::Ndjson),
            "arrow" | "feather" | "ipc" => Some(GetFormat::Arrow),
            "car" => Some(GetFormat::Car),
            // A folder that is called as a file is more likely a slip.
            _ if args.output.is_dir() => Some(GetFormat::Dir),
            _ => None,
        })
        .ok_or_else(|| {
            CliError::new(Kind::Usage, format!("{:?} does not tell a format", args.output.display().to_string())).hint(
                "--format parquet, csv, ndjson, arrow, lines, text, files or car, or a slash at the end for a folder",
            )
        })
}

/// What does not verify is another matter than what cannot be written.
fn export_error(error: &ExportError) -> CliError {
    let kind = match error {
        ExportError::Value { .. } | ExportError::Shape { .. } | ExportError::File { .. } => Kind::Failed,
        ExportError::Line { .. } => Kind::Failed,
        ExportError::Output(_) | ExportError::Parquet(_) | ExportError::Arrow(_) => Kind::Failed,
        _ => Kind::DoesNotVerify,
    };
    CliError::caused(kind, error)
}
