//! `mira add`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::digest::{ContributorId, DatasetId, Digest, ManifestDigest};
use mira_core::fold::Withdrawn;
use mira_core::manifest::{ChunkList, FileRef, Manifest, ManifestFields};
use mira_core::name::Name;
use mira_core::rights::Rights;
use mira_core::statement::{
    Code, Dataset, DatasetSubject, Inference, Inputs, Positive, Predicate, Profiles, Transform,
};
use mira_ingest::commit::CommittedDataset;

use mira_ingest::report::{Report, Show};
use mira_ingest::source::Source;
use serde::Serialize;

use run::{Added, Run};
use watch::BadRowPolicy;

use crate::args::Global;
use crate::card::{Card, MAX_CARD};
use crate::dataset::Stored;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{Output, count, counted, escape, size};
use crate::papers::Papers;
use crate::quarantined::Quarantined;
use crate::reading::{self, ReadArgs};
use crate::recording::{Receipt, Recording};
use crate::session::Session;
use crate::terms::{Granted, TermsArgs};
use crate::uses::InputLine;
use crate::{dataset, publish, refs, unchanged};

mod plan;
mod run;
mod watch;

/// Add a dataset: commit to every row, sign, and log it
///
/// Reads CSV, TSV, NDJSON or Parquet files, as they are or in .gz, .zst, .bz2 or .zip, as one sequence of rows, cuts them
/// into chunks, keeps each chunk as Parquet, and logs a signed statement with the root over all rows. The same rows give the same dataset whatever the format,
/// under one `--schema`. What may be done with the data is what you say here, and is never inferred.
///
/// `--card` is kept, signed and published as README.md. Its front matter gets `configs`, so that the Hub and `datasets`
/// find the rows. Its `license` counts where `--license` is not given. A new version keeps the card of the one before, and
/// the licence that was signed with it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira add penguins.csv --license CC0-1.0 --allow train,evaluate
  mira add part-*.parquet --name corpus --basis own --deny redistribute
  mira add data.csv --schema schema.json
  mira add penguins.csv --null NA --null -
  mira add penguins.csv --card README.md
  mira add 'logs/*.ndjson.gz' --name logs
  zcat dump.csv.gz | mira add - --name dump --format csv
  mira add messy.csv --on-bad-row quarantine
  mira add data.csv --dry-run --json > plan.json     edit its \"columns\", then --schema plan.json

A schema is JSON: [[\"id\",\"int\"],[\"price\",[\"decimal\",2]],[\"tags\",[\"list\",\"text\"]]]")]
pub struct AddArgs {
    /// Files, directories of files, archives, quoted patterns such as 'data/**/*.csv', or - for standard input, in the
    /// order of their rows
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The dataset's name (default: the first file's name without its extension)
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    reading: ReadArgs,
    /// Whose dataset it is, if not yours; they must have delegated to you
    #[arg(long, value_name = "WHO")]
    on_behalf_of: Option<String>,
    #[command(flatten)]
    rights: TermsArgs,
    /// The dataset's README.md, with front matter as on the Hugging Face Hub (default: that of the version before)
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// Leave out the card of the version before
    #[arg(long, conflicts_with = "card")]
    no_card: bool,
    /// What becomes of a record that is no row: it ends the command, is skipped, or is kept in a private file; of a row of
    /// Parquet or Arrow IPC, only the value at fault is kept
    #[arg(long, value_enum, value_name = "POLICY", default_value = "fail")]
    on_bad_row: BadRowPolicy,
    /// Give up when more records than this are no rows
    #[arg(long, value_name = "N")]
    max_bad_rows: Option<u64>,
    /// Show the schema, some rows and what would be added, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Threads, at most 512 (default: one for each processor)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
}

impl AddArgs {
    /// Whether nothing is to be written.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    dataset: String,
    version: u64,
    unchanged: bool,
    root: String,
    schema_id: String,
    manifest: String,
    statement: String,
    entry: String,
    #[serde(serialize_with = "count")]
    rows: u64,
    #[serde(serialize_with = "count")]
    bad_rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<String>,
    chunker: &'static str,
    profile: &'static str,
    chunks: Vec<ChunkLine>,
    #[serde(serialize_with = "count")]
    new_bytes: u64,
    #[serde(serialize_with = "count")]
    total_bytes: u64,
    /// The directory that is published, and manifest.cbor in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_cid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_cid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<Vec<InputLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

#[derive(Serialize)]
struct ChunkLine {
    index: usize,
    #[serde(serialize_with = "count")]
    rows: u64,
    root: String,
    cid: String,
    #[serde(serialize_with = "count")]
    bytes: u64,
}

/// What a dataset was made from, where it was made from others.
#[derive(Debug)]
pub struct Origin {
    /// For the statement.
    pub inputs: Inputs,
    /// The program.
    pub code: Option<Code>,
    /// SHA-256 of its configuration.
    pub config: Option<Digest>,
    /// The inputs for the answer.
    pub lines: Vec<InputLine>,
    /// What a person should know about them.
    pub warnings: Vec<String>,
}

/// Adds it, or says what that would be.
pub fn run(args: &AddArgs, global: &Global, output: &Output) -> Result {
    if args.dry_run {
        return plan::run(args, global, output);
    }
    add(args, Recording::open(global)?, None, output)
}

/// Adds it, as contributed or as made from others.
pub fn add(args: &AddArgs, mut recording: Recording, origin: Option<Origin>, output: &Output) -> Result {
    let name = name(args)?;
    let session = &recording.session;
    let on_behalf_of = args.on_behalf_of.as_deref().map(|who| session.person(who)).transpose()?;
    let parent = parent(session, on_behalf_of, &name)?;
    let card = card(args, parent.as_ref())?;
    let before = parent.as_ref().map(|parent| &parent.stored.manifest.fields().rights);
    let granted = args.rights.granted(&session.blobs(), card.as_ref(), before)?;
    let rights = granted.rights.clone();

    let source = args.reading.open(&args.paths, args.on_bad_row.on_bad_row())?;
    reading::say(&source, output);
    tell_files(&source, output);
    let infer = inference(args, &source);
    let other_card = args.card.is_some() || args.no_card;
    // Read once, so that the note is of the schema that the rows are read under.
    let schema = args.reading.schema()?;
    let input = unchanged::Input::of(&source, &(&args.reading, &schema, args.on_bad_row));
    if let (Some(parent), Some(input), None, false) = (&parent, input, &origin, other_card)
        && input.became(&session.workspace, &name.to_string(), &parent.receipt.statement)
        && parent.holds(parent.stored.committed.dataset_id, &rights)
        && parent.is_stored(session, &name)?
    {
        output.detail("the files are as they were when they became this version, so they are not read");
        let document = Document::of(&name, &parent.stored.manifest, &parent.stored.committed);
        document.unchanged(parent, session, output);
        return Ok(ExitCode::SUCCESS);
    }
    let quarantine = session.quarantine();
    let how = (args.on_bad_row, Show::of(granted.rights.visibility));
    let run = Run::new(args, (&source, schema), parent.as_ref(), output, how);
    let (added, _) = run.commit(&session.store()?, Some(&quarantine))?;
    let warnings = granted.warnings.iter().cloned().chain(added.warnings()).collect::<Vec<_>>();
    let Added { outcome, mut bad, .. } = added;
    let (committed, report) = (outcome.dataset, outcome.report);
    // What was set aside is durable before anything says that it was.
    bad.keep()?;

    let before = parent.as_ref().map(|parent| parent.stored.manifest.digest());
    let made = Made {
        name: &name,
        committed: &committed,
        infer,
        bad_rows: bad.count,
        parent: before,
        report: report.as_ref(),
    };
    let (manifest, files) = output.timed("manifest made", || made.manifest(card, &granted))?;
    let mut document = Document::of(&name, &manifest, &committed);
    document.quarantine = bad.kept.as_ref().map(|path| path.display().to_string());
    document.warnings = Some(warnings).filter(|warnings| !warnings.is_empty());
    bad.talk(output);
    // What was made from others is a run of its own, however often it comes out the same.
    if let Some(parent) = parent.filter(|parent| origin.is_none() && parent.says(&manifest, other_card)) {
        // A version that was added with other bad rows keeps those; gc takes what nobody's run set aside.
        if let Some(kept) = bad.kept.as_ref().filter(|_| parent.stored.manifest.fields().bad_rows == bad.count) {
            Quarantined::of(session).note(parent.stored.manifest.digest().digest(), kept)?;
        }
        note(input, session, &document.dataset, &parent.receipt.statement);
        document.new_bytes = outcome.new_bytes;
        document.unchanged(&parent, session, output);
        return Ok(ExitCode::SUCCESS);
    }
    // What is named before what names it, and the manifest last.
    let blobs = session.blobs();
    files.iter().try_for_each(|file| blobs.put(file).map(drop))?;
    if let Some(kept) = &bad.kept {
        Quarantined::of(session).note(manifest.digest().digest(), kept)?;
    }
    // Everything that the statement names is durable by now, so a crash from here on leaves files that nothing names.
    let dataset = Dataset {
        subject: DatasetSubject { name, id: manifest.dataset_id(), manifest: manifest.digest() },
        on_behalf_of,
        rows: positive(committed.rows)?,
        chunks: positive(committed.chunks.len() as u64)?,
        schema_id: committed.schema().schema_id(),
        profiles: Profiles { infer },
        rights,
    };
    let predicate = match origin {
        None => Predicate::Contribute(dataset),
        Some(Origin { inputs, code, config, lines, warnings }) => {
            document.schema = "mira.record/1";
            document.kind = Some("transform");
            document.inputs = Some(lines);
            document.warnings.get_or_insert_default().extend(warnings);
            Predicate::Transform(Transform { output: dataset, inputs, code, config })
        }
    };
    document.new_bytes = outcome.new_bytes;
    let receipt = output.timed("signed and logged", || recording.record(predicate))?;
    note(input, &recording.session, &document.dataset, &receipt.statement);
    document.print(receipt, &recording.session, output);
    output.talk("logged here; not sealed, not published: it has no priority elsewhere until it is");
    Ok(ExitCode::SUCCESS)
}

/// Remembers which files a version was made from.
fn note(input: Option<unchanged::Input>, session: &Session, name: &str, statement: &str) {
    if let Some(input) = input {
        input.note(&session.workspace, name, statement);
    }
}

/// The version before this one.
struct Parent {
    receipt: Receipt,
    stored: Stored,
    card: Option<(FileRef, Card)>,
    holds: bool,
}

impl Parent {
    /// Whether the new version would say nothing new. What was withdrawn is no longer said. A card counts only where it
    /// was asked for: one that is written for a dataset without a card is none that anybody would miss.
    fn says(&self, manifest: &Manifest, other_card: bool) -> bool {
        let fields = manifest.fields();
        let same_card = !other_card || self.card.as_ref().map(|(file, _)| *file) == fields.card;
        same_card && self.holds(manifest.dataset_id(), &fields.rights)
    }

    /// Whether it has these rows and these terms, and is not withdrawn.
    fn holds(&self, root: DatasetId, rights: &Rights) -> bool {
        self.holds && self.stored.committed.dataset_id == root && self.stored.manifest.fields().rights == *rights
    }

    /// Whether all chunk files are here, by name and length, and nobody wrote to them since it was noted that they are;
    /// and so are the bad records that were set aside. In doubt the input is read, which writes what is damaged anew.
    fn is_stored(&self, session: &Session, name: &Name) -> Result<bool> {
        let (store, noted) = (session.store()?, unchanged::noted_at(&session.workspace, &name.to_string()));
        for chunk in &self.stored.committed.chunks {
            let found = store.written(&chunk.cid).kind(Kind::Failed)?;
            if !found.is_some_and(|(bytes, at)| bytes == chunk.bytes && noted.is_some_and(|noted| at <= noted)) {
                return Ok(false);
            }
        }
        let quarantined = Quarantined::of(session);
        let files = quarantined.files()?;
        let here = |file: &Digest| files.binary_search_by_key(file, |(file, _)| *file).is_ok();
        let manifest = self.stored.manifest.digest();
        Ok(quarantined.notes()?.iter().all(|note| note.manifest != *manifest.digest() || here(&note.file)))
    }
}

fn parent(session: &Session, owner: Option<ContributorId>, name: &Name) -> Result<Option<Parent>> {
    let fold = session.ledger.fold();
    let owner = owner.or(session.me()?);
    let Some(series) = owner.and_then(|owner| fold.artifact(&owner, name)) else { return Ok(None) };
    let Some((id, record)) =
        refs::latest(series, session.ledger.mistakes()).and_then(|id| Some((*id, fold.statement(id)?)))
    else {
        return Ok(None);
    };
    let stored = dataset::load(&session.ledger, &session.blobs(), &refs::Found { id, record })?;
    let version = record.version.as_ref().map_or(0, |version| version.number);
    let card = match stored.manifest.fields().card {
        Some(file) => Card::kept(session.blobs().get(&file.sha256, MAX_CARD)?).map(|card| (file, card)),
        None => None,
    };
    Ok(Some(Parent {
        receipt: Receipt { entry: record.entry_id.to_string(), statement: id.to_string(), version, was_untold: false },
        stored,
        card,
        holds: record.withdrawn == Withdrawn::Nothing,
    }))
}

fn name(args: &AddArgs) -> Result<Name> {
    let text = match &args.name {
        Some(name) => name.clone(),
        None => args.paths.first().and_then(|path| reading::stem(path)).unwrap_or_default(),
    };
    if text.is_empty() && args.name.is_none() {
        // A pattern that nothing matches is the nearer fault.
        if args.paths.iter().all(|path| path.as_os_str() != "-")
            && let Err(error) = args.reading.open(&args.paths, args.on_bad_row.on_bad_row())
            && error.kind == Kind::NotFound
        {
            return Err(error);
        }
        return Err(CliError::new(Kind::Usage, "this path tells no name for the dataset").hint("--name gives it one"));
    }
    text.parse()
        .kind(Kind::Usage)
        .map_err(|error| error.hint("--name takes lower-case letters, digits, dots and hyphens"))
}

/// Whether types are inferred, and by which rule.
fn inference(args: &AddArgs, source: &Source) -> Inference {
    if args.reading.schema.is_some() || source.format().declares_types() { Inference::None } else { Inference::Infer1 }
}

/// Where the rows come from.
fn tell_files(source: &Source, output: &Output) {
    for (path, bytes) in source.sizes() {
        output.detail(format_args!("{}: {}, {}", escape(&path.display().to_string()), source.format(), size(bytes)));
    }
}

/// The card: the one that is given, else that of the version before, unless nobody wrote it.
fn card(args: &AddArgs, parent: Option<&Parent>) -> Result<Option<Card>> {
    match &args.card {
        Some(path) => Card::read(path).map(Some),
        None if args.no_card => Ok(None),
        None => {
            let card = parent.and_then(|parent| parent.card.as_ref()).map(|(_, card)| card);
            Ok(card.filter(|card| !card.is_generated()).cloned())
        }
    }
}

/// A dataset whose rows are committed to, before its manifest.
struct Made<'a> {
    name: &'a Name,
    committed: &'a CommittedDataset,
    infer: Inference,
    bad_rows: u64,
    parent: Option<ManifestDigest>,
    /// What its columns hold.
    report: Option<&'a Report>,
}

impl Made<'_> {
    /// The manifest, and the files to keep: what it names, then itself.
    fn manifest(&self, card: Option<Card>, granted: &Granted) -> Result<(Manifest, Vec<Vec<u8>>)> {
        let committed = self.committed;
        let list = ChunkList::new(committed.chunks.clone()).to_cbor();
        let chunk_list = FileRef::of(&list);
        let rights = &granted.rights;
        let report = self.report.map(Report::to_json);
        let papers = Papers::make(self.name, card, (rights, granted.license_text), (committed, chunk_list))?;
        let manifest = Manifest::new(ManifestFields {
            schema: committed.schema().clone(),
            physical: committed.physical.to_string(),
            rows: committed.rows,
            chunks: committed.chunks.len() as u64,
            bad_rows: self.bad_rows,
            chunk_root: committed.chunk_root,
            chunk_list,
            profiles: Profiles { infer: self.infer },
            parent: self.parent,
            card: Some(FileRef::of(&papers.card)),
            report: report.as_deref().map(FileRef::of),
            license: granted.license_text,
            croissant: Some(FileRef::of(&papers.croissant)),
            rights: rights.clone(),
        })
        .kind(Kind::Failed)?;
        let files = [Some(papers.card), Some(papers.croissant), report, Some(list), Some(manifest.to_cbor())];
        Ok((manifest, files.into_iter().flatten().collect()))
    }
}

impl Document {
    /// What is known before the statement is logged.
    fn of(name: &Name, manifest: &Manifest, committed: &CommittedDataset) -> Self {
        let chunks = committed.chunks.iter().enumerate();
        let chunks = chunks.map(|(index, chunk)| ChunkLine {
            index,
            rows: chunk.leaf.rows,
            root: chunk.leaf.row_root.to_string(),
            cid: chunk.cid.to_string(),
            bytes: chunk.bytes,
        });
        Self {
            schema: "mira.add/1",
            kind: None,
            dataset: name.to_string(),
            version: 0,
            unchanged: false,
            root: manifest.dataset_id().to_string(),
            schema_id: committed.schema().schema_id().to_string(),
            manifest: manifest.digest().to_string(),
            statement: String::new(),
            entry: String::new(),
            rows: committed.rows,
            bad_rows: manifest.fields().bad_rows,
            quarantine: None,
            chunker: Profiles::CUT,
            profile: Profiles::PARQUET,
            chunks: chunks.collect(),
            new_bytes: 0,
            total_bytes: committed.bytes(),
            dataset_cid: None,
            manifest_cid: None,
            inputs: None,
            warnings: None,
        }
    }

    /// Says that there is nothing new.
    fn unchanged(mut self, parent: &Parent, session: &Session, output: &Output) {
        output.talk(format_args!("unchanged: {}@{} has the same rows and terms", self.dataset, parent.receipt.version));
        if self.new_bytes > 0 {
            output.talk(format_args!("mended: chunk files of {} bytes were damaged or missing", self.new_bytes));
        }
        self.unchanged = true;
        self.manifest = parent.stored.manifest.digest().to_string();
        self.print(parent.receipt.clone(), session, output);
    }

    fn print(mut self, receipt: Receipt, session: &Session, output: &Output) {
        (self.statement, self.entry, self.version) = (receipt.statement, receipt.entry, receipt.version);
        for warning in self.warnings.iter().flatten() {
            output.talk(format_args!("warning: {}", escape(warning)));
        }
        if output.is_json() {
            // It is logged by now: what cannot be told any more is left out, and is no failure.
            if let Ok((dataset, manifest)) = publish::cids(session, &self.statement) {
                (self.dataset_cid, self.manifest_cid) = (Some(dataset.to_string()), Some(manifest.to_string()));
            }
            output.document(&self);
            return;
        }
        let (rows, chunks) = (counted(self.rows, "row"), counted(self.chunks.len() as u64, "chunk"));
        output.data(format_args!("{}@{}  {rows} in {chunks}", self.dataset, self.version));
        output.data(format_args!("root       {}", self.root));
        output.data(format_args!("statement  {}", self.statement));
        for line in self.inputs.iter().flatten() {
            output.data(format_args!("uses       {}", line.to_text()));
        }
        let total = counted(self.total_bytes, "byte");
        output.data(format_args!("stored     {total}, {} of them new", self.new_bytes));
        if self.bad_rows > 0 {
            let kept = self.quarantine.as_deref().map(|path| format!(", kept in {}", escape(path)));
            output.data(format_args!("bad rows   {}{}", self.bad_rows, kept.unwrap_or_default()));
        }
    }
}

fn positive(value: u64) -> Result<Positive> {
    Positive::new(value).ok_or_else(|| CliError::new(Kind::Failed, format!("{value} is not a count of rows or chunks")))
}
