//! Whether files at hand are what a proof is about: the model or the dataset of its statement.

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use mira_core::digest::ModelId;
use mira_core::evidence::Descent;
use mira_core::schema::Schema;
use mira_core::statement::{Dataset, Listed, ModelFiles, Predicate, Train, model_id};
use mira_core::verify::Proof;
use mira_ingest::commit::CommittedDataset;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline::{self, PipelineError};
use mira_ingest::source::{Problem, Source, SourceError};
use mira_ingest::store::Unstored;

use crate::artifact::Artifact;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::folder;
use crate::output::{Output, counted};
use crate::progress::Progress;
use crate::reading::{ReadArgs, source_error};
use crate::task::Task;

/// What the files are.
#[derive(Debug)]
pub enum Found {
    /// What the proof is about.
    Subject,
    /// Something else, and in what it differs.
    Other(String),
    /// That cannot be said, and why.
    Unknown(String),
}

/// Compares the file or folder at `path` with the subject of a proof.
pub fn check(proof: &Proof, path: &Path, reading: &ReadArgs, output: &Output) -> Result<Found> {
    let statement = proof.entry().statement();
    match statement.predicate() {
        Predicate::Train(train) => check_model(train, path),
        predicate => match predicate.dataset() {
            Some(dataset) => check_dataset(proof, dataset, (path, reading), output),
            None => Err(CliError::new(
                Kind::Usage,
                format!("the proof is of a {} statement, which is about no file", statement.kind()),
            )
            .hint("--proof takes a proof of a model, a dataset, a chunk or a row")),
        },
    }
}

fn check_model(train: &Train, path: &Path) -> Result<Found> {
    let files = Artifact::of(path)?.files;
    if model_id(&files) == train.subject.id {
        return Ok(Found::Subject);
    }
    let is_folder = path.is_dir();
    Ok(match (&train.files, is_folder) {
        (Listed::Inline(expected), true) => Found::Other(difference(expected, &files)),
        (Listed::Inline(expected), false) => of_one_file(expected, &files),
        (Listed::File { count, .. }, false) if count.value() > 1 => {
            Found::Unknown(format!("the model has {} files: give the folder", count.value()))
        }
        (Listed::File { count, .. }, _) => {
            let found: ModelId = model_id(&files);
            Found::Other(format!(
                "{} files of model {found}, not {} of {}",
                files.len(),
                count.value(),
                train.subject.id
            ))
        }
    })
}

/// A single file has no folder that would give it its path, so its bytes decide.
fn of_one_file(expected: &ModelFiles, files: &ModelFiles) -> Found {
    let digest = files.values().next();
    let named = expected.iter().find(|(_, sha256)| Some(*sha256) == digest);
    match (named, expected.len()) {
        (Some(_), 1) => Found::Subject,
        (Some((name, _)), count) => {
            Found::Unknown(format!("this is {name}, one of the model's {count} files: give the folder"))
        }
        (None, _) => Found::Other("no file of the model has these bytes".to_owned()),
    }
}

/// The first path in which two lists of files differ.
fn difference(expected: &ModelFiles, found: &ModelFiles) -> String {
    for (path, sha256) in expected {
        match found.get(path) {
            None => return format!("{path} is missing"),
            Some(other) if other != sha256 => return format!("{path} has SHA-256 {other}, not {sha256}"),
            Some(_) => {}
        }
    }
    let added = found.keys().find(|path| !expected.contains_key(*path));
    added.map(|path| format!("{path} is no file of the model")).unwrap_or_default()
}

fn check_dataset(
    proof: &Proof,
    dataset: &Dataset,
    (path, reading): (&Path, &ReadArgs),
    output: &Output,
) -> Result<Found> {
    if let Some(found) = folder::check(path, dataset, output)? {
        return Ok(found);
    }
    let proven = proof.evidence().schema.as_deref().map(Schema::from_cbor).transpose().kind(Kind::DoesNotVerify)?;
    let given = reading.schema()?;
    let is_given = proven.is_some() || given.is_some();
    let committed = match commit(path, given.or(proven), reading, output) {
        Ok(committed) => committed,
        Err(NoRows::Content(why)) => return Ok(Found::Other(why)),
        Err(NoRows::Failed(error)) => return Err(error),
    };
    if committed.dataset_id == dataset.subject.id || is_chunk(proof, &committed) {
        return Ok(Found::Subject);
    }
    let (expected, found) = (dataset.schema_id, committed.schema().schema_id());
    if found != expected && !is_given {
        return Ok(Found::Unknown(format!("read without a schema, its columns are others ({found}): give --schema")));
    }
    if found != expected {
        return Ok(Found::Other(format!("read under schema {found}, the dataset's is {expected}")));
    }
    let (rows, id) = (committed.rows, committed.dataset_id);
    Ok(Found::Other(format!(
        "{} of dataset {id}, not {} of {}",
        counted(rows, "row"),
        dataset.rows.value(),
        dataset.subject.id
    )))
}

/// A proof of a chunk, or of a row in it, also fits the file of that chunk alone.
fn is_chunk(proof: &Proof, committed: &CommittedDataset) -> bool {
    let (Descent::Chunk(chunk) | Descent::Row { chunk, .. }) = &proof.evidence().descent else { return false };
    matches!(committed.chunks.as_slice(), [only] if only.leaf == chunk.leaf)
}

/// Why files have no rows to compare.
enum NoRows {
    /// Their content is none that a dataset read this way could have, and why.
    Content(String),
    /// They could not be read.
    Failed(CliError),
}

impl From<CliError> for NoRows {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

impl From<SourceError> for NoRows {
    fn from(error: SourceError) -> Self {
        let at_fault = match &error {
            SourceError::At { problem, .. } => !matches!(**problem, Problem::Changed | Problem::UnknownFormat),
            SourceError::Parquet { source, .. } => !is_io(source),
            SourceError::NoRows { .. } | SourceError::Schema(_) | SourceError::MixedFormats { .. } => true,
            _ => false,
        };
        let found = source_error(&error);
        if at_fault { Self::Content(found.to_string()) } else { Self::Failed(found) }
    }
}

/// Whether the system is what refused, somewhere below.
fn is_io(error: &(dyn Error + 'static)) -> bool {
    error.is::<io::Error>() || error.source().is_some_and(is_io)
}

/// Commits to the rows of files as `add` would, and keeps nothing.
fn commit(
    path: &Path,
    schema: Option<Schema>,
    reading: &ReadArgs,
    output: &Output,
) -> std::result::Result<CommittedDataset, NoRows> {
    let source = Source::open(&[PathBuf::from(path)], reading.options()?)?;
    let mut plan = match schema {
        Some(schema) => source.under(schema),
        None => source.infer_watched(&Task::reading(output, "infer", Some(source.bytes_total()))),
    }?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    loop {
        let physical = PhysicalSchema::of_working(plan.arrow()).kind(Kind::Failed)?;
        let batches = source.batches(&plan).map(|batch| batch.map(|batch| batch.batch().clone()));
        let progress = Progress::new(output, "verify", Some(source.bytes_total()));
        let mut watch = |now: pipeline::Progress| progress.at(now.rows, source.meter().bytes());
        match pipeline::run(&physical, batches, &Unstored, threads, &mut watch) {
            Ok(outcome) => return Ok(outcome.dataset),
            // A given schema's first rows needed less room than later ones.
            Err(PipelineError::Source(error)) if error.widening().is_some() => plan = source.measure(plan)?,
            Err(PipelineError::Source(error)) => return Err(error.into()),
            Err(error @ (PipelineError::Row { .. } | PipelineError::Convert { .. } | PipelineError::Commit(_))) => {
                return Err(NoRows::Content(chain(&error)));
            }
            Err(error) => return Err(CliError::new(Kind::Failed, chain(&error)).into()),
        }
    }
}
