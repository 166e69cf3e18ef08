//! The chain of checks, end to end: log → statements → epochs → data → models → anchors → rewards → claims.
//!
//! Each stage takes what the stages before it have shown and adds its own checks. Nothing is taken from a view: entries
//! are read from the log's files, rows from their chunks, and what a chain says from the chain.

pub mod onchain;
mod rewards;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use mira_core::digest::{Digest, StatementId};
use mira_core::fold::{Outcome, Record, Withdrawn};
use mira_core::manifest::{MAX_MANIFEST, Manifest};
use mira_core::rights::Visibility;
use mira_core::statement::{Input, Listed, LoggedInput, Part, Predicate, Statement};
use mira_ingest::check::{self, Remains};
use mira_ingest::observer::{Observer as _, Watched};
use mira_ingest::store::Store;
use mira_lineage::log::{FsStorage, check_everything};

use crate::args::Global;
use crate::blobs::Blobs;
use crate::checks::Checks;
use crate::dataset::{self, Stored};
use crate::error::{Kind, Result, ResultExt, chain};
use crate::home::Home;
use crate::ledger::log_key;
use crate::output::{Output, counted};
use crate::quarantined::Quarantined;
use crate::refs::Found;
use crate::removed;
use crate::session::Session;
use crate::task::Task;
use crate::trust::Trust;
use crate::unchanged;
use crate::workspace::Workspace;

/// What mends a dataset whose files are damaged.
const MENDS: &str = "mira add of the same files mends it, or mira get REF --from URL";
/// The step of bad records.
const QUARANTINE: &str = "quarantine";

/// How much of the data to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Manifests and chunk lists; no rows.
    Quick,
    /// Every row of every dataset.
    Full,
}

/// Rebuilds the log from its entries: every tile, the checkpoint and every epoch, and whether its key is believed.
pub fn log(workspace: &Workspace, global: &Global) -> Result<Checks> {
    let mut checks = Checks::default();
    let key = match log_key(workspace) {
        Ok(key) => key,
        Err(error) => {
            checks.failed("log", "log.vkey", error.in_one_line());
            return Ok(checks);
        }
    };
    let trusted = Trust::load(&Home::locate(global.home.as_deref())?)?.logs().contains(&key);
    let storage = FsStorage::open(workspace.path("log")).kind(Kind::Failed)?;
    let report = check_everything(&storage, &key).kind(Kind::Failed)?;
    if !trusted {
        // The workspace says itself which key its log has, so without the user's word anybody could have made it.
        checks.not_checked("trust", key.to_string(), "this log is not one you trust");
    }
    for defect in &report.defects {
        checks.failed("log", defect.path(), chain(defect));
    }
    for path in &report.unknown {
        checks.failed("log", path.clone(), "no log has such a file");
    }
    if let Some(head) = report.head.filter(|_| report.is_sound()) {
        let (objects, epochs) = (report.objects, report.epochs);
        let name = key.name();
        let (entries, epochs) = (counted(head.size.value(), "entry"), counted(epochs, "epoch"));
        checks.ok("log", format!("{name}: {entries}, {objects} tiles and bundles, {epochs}"));
    }
    Ok(checks)
}

/// Says which entries the fold accepted, each after its signatures verified, and why it refused the others.
///
/// A refused entry is no fault of the log: anybody may submit anything, and it changes nothing.
pub fn statements(session: &Session) -> Checks {
    let mut checks = Checks::default();
    let refused = session.ledger.history().iter().filter_map(|event| match &event.outcome {
        Outcome::Refused(refusal) => Some(format!("entry {}: {}", event.index, refusal.reason())),
        Outcome::Accepted(_) => None,
    });
    let refused: Vec<String> = refused.collect();
    let accepted = session.ledger.history().len() - refused.len();
    checks.ok("statements", format!("{accepted} signed and accepted, {} refused", refused.len()));
    for entry in refused {
        checks.ok("refused", entry);
    }
    checks
}

/// Checks the datasets among `only`, or all: manifest and chunk list against the statement, and in full depth every row
/// against its chunk's root.
pub fn datasets(
    session: &Session,
    only: Option<&BTreeSet<StatementId>>,
    depth: Depth,
    output: &Output,
) -> Result<Checks> {
    let store = session.store()?;
    let mut checks = Checks::default();
    let task = Task::reading(output, "check", None);
    if depth == Depth::Full && !task.progress().is_silent() {
        task.left(bytes(session, only));
    }
    let watched = Watched { store: &store, observer: &task };
    for found in in_order(session, only, |record| record.extent.is_some()) {
        let record = found.record;
        let name = label(record);
        if depth == Depth::Full && removed::is_removed(session, &found).unwrap_or(false) {
            remains(session, &store, &found, &name, &mut checks);
            continue;
        }
        let stored = dataset::load(&session.ledger, &session.blobs(), &found);
        let result = match (&stored, depth) {
            (Ok(stored), Depth::Quick) => {
                checks.ok(
                    "manifest",
                    format!("{name}: {}, root {}", counted(stored.committed.rows, "row"), record.subject),
                );
                checks.not_asked("dataset", name.clone(), "--quick reads no rows");
                Ok(())
            }
            (Ok(stored), Depth::Full) => rows(session, &watched, stored, &name, &mut checks),
            (Err(_), _) => stored.map(drop),
        };
        match result {
            Ok(()) => {}
            // Data that were withdrawn may be gone; what the log says of them stays.
            Err(error) if error.kind == Kind::NotFound || record.withdrawn != Withdrawn::Nothing => {
                checks.not_checked("dataset", name, error.in_one_line());
            }
            Err(error) => {
                if let Some(version) = record.version.as_ref().filter(|_| depth == Depth::Full) {
                    unchanged::forget(&session.workspace, &version.name.to_string());
                }
                checks.failed("dataset", name, format!("{}; {MENDS}", error.in_one_line()));
            }
        }
    }
    Ok(checks)
}

/// Checks what `mira rm` left of a dataset: the leaves of its rows make the same roots.
fn remains(session: &Session, store: &Store, found: &Found<'_>, name: &str, checks: &mut Checks) {
    let remains = dataset::load(&session.ledger, &session.blobs(), found)
        .and_then(|stored| Ok((check::remains(&stored.committed, store).kind(Kind::DoesNotVerify)?, stored)));
    match remains {
        Ok((Remains { nothing: 0, leaves, .. }, stored)) => {
            let (rows, root) = (stored.committed.rows, stored.committed.dataset_id);
            let chunks = counted(leaves, "chunk");
            checks.ok("leaves", format!("{name}: {rows} rows, root {root}: rows of {chunks} removed, leaves kept"));
            checks.not_asked("dataset", name.to_owned(), "its rows were removed here by mira rm");
        }
        Ok((Remains { nothing, .. }, _)) => {
            let chunks = counted(nothing, "chunk");
            let why = format!("removed here by mira rm: neither rows nor leaves of {chunks} are here");
            checks.not_checked("dataset", name.to_owned(), why);
        }
        Err(error) if error.kind == Kind::NotFound => {
            let why = format!("removed here by mira rm: {}", error.in_one_line());
            checks.not_checked("dataset", name.to_owned(), why);
        }
        Err(error) => checks.failed("dataset", name.to_owned(), error.in_one_line()),
    }
}

/// How many bytes the chunk files have, of datasets whose lists are here.
fn bytes(session: &Session, only: Option<&BTreeSet<StatementId>>) -> u64 {
    let datasets = in_order(session, only, |record| record.extent.is_some());
    let here = datasets.iter().filter(|found| !removed::is_removed(session, found).unwrap_or(false));
    let stored = here.filter_map(|found| dataset::load(&session.ledger, &session.blobs(), found).ok());
    stored.map(|stored| stored.committed.bytes()).sum()
}

/// Checks every row of a dataset, what its chunk files say of their values, and its report.
fn rows(session: &Session, store: &Watched<'_>, stored: &Stored, name: &str, checks: &mut Checks) -> Result<()> {
    let named = dataset::report(&session.blobs(), &stored.manifest);
    let report = named.as_ref().ok().and_then(Option::as_ref);
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let checked = check::dataset(&stored.committed, store, report, threads).kind(Kind::DoesNotVerify)?;
    checks.ok("dataset", format!("{name}: {}, root {}", counted(checked.rows, "row"), stored.committed.dataset_id));
    for (chunk, defect) in &checked.defects {
        checks.failed("statistics", format!("{name}, chunk {chunk}"), defect.to_string());
    }
    if checked.defects.is_empty() {
        checks.ok("statistics", format!("{name}: {}", counted(stored.committed.chunks.len() as u64, "chunk file")));
    }
    let is_public = stored.manifest.fields().rights.visibility == Visibility::Public;
    match (&named, &checked.report) {
        (Err(error), _) => checks.error("report", name.to_owned(), error),
        (Ok(Some(said)), _) if said.shows_values && !is_public => {
            checks.failed("report", name.to_owned(), "it shows values of data that are not public");
        }
        (Ok(Some(said)), Some(found)) if said == found => checks.ok("report", name.to_owned()),
        (Ok(Some(said)), Some(found)) => checks.failed("report", name.to_owned(), said.difference(found)),
        // Manifests without a report are as good as others.
        (Ok(_), _) => {}
    }
    Ok(())
}

/// Checks the bad records that were set aside when datasets were added: each file is the one of its name, and holds as many
/// as the manifest counts. They are private, so that only their owner's `fsck` looks.
pub fn quarantine(session: &Session) -> Result<Checks> {
    let quarantined = Quarantined::of(session);
    let notes = quarantined.notes()?;
    let mut checks = Checks::default();
    for found in in_order(session, None, |record| record.extent.is_some()) {
        let manifest = *dataset::stated(&session.ledger, &found)?.subject.manifest.digest();
        // What was removed took its bad records with it, or will with the next rm or gc.
        if removed::is_removed(session, &found).unwrap_or(false) {
            continue;
        }
        let counted_there = dataset::load(&session.ledger, &session.blobs(), &found);
        let Ok(bad_rows) = counted_there.map(|stored| stored.manifest.fields().bad_rows) else { continue };
        for note in notes.iter().filter(|note| note.manifest == manifest) {
            let artifact = format!("{}: {}", label(found.record), note.file);
            match quarantined.read(&note.file) {
                Ok(Some(kept)) if kept.digest != note.file => {
                    checks.failed(QUARANTINE, artifact, format!("the file was edited: its SHA-256 is {}", kept.digest));
                }
                Ok(Some(kept)) if kept.records != bad_rows => {
                    let why = format!("the manifest counts {bad_rows} bad rows, the file has {}", kept.records);
                    checks.failed(QUARANTINE, artifact, why);
                }
                Ok(Some(kept)) => checks.ok(QUARANTINE, format!("{artifact}: {}", counted(kept.records, "bad row"))),
                Ok(None) => {
                    checks.not_checked(QUARANTINE, artifact, "the file is not here; mira add sets it aside again")
                }
                Err(error) => checks.error(QUARANTINE, artifact, &error),
            }
        }
    }
    Ok(checks)
}

/// Checks that the files which statements name by digest are here and are those files: lists of files and inputs, sets
/// of rows, policies, and what manifests name to be published beside the rows. Other texts and reports stay with whoever
/// wrote them, and are not looked for.
pub fn objects(session: &Session, only: Option<&BTreeSet<StatementId>>) -> Checks {
    let blobs = session.blobs();
    let mut checks = Checks::default();
    for found in in_order(session, only, |_| true) {
        let Some(accepted) = session.ledger.accepted(found.record.seq) else { continue };
        for (what, digest) in named(&accepted.statement, &blobs) {
            let artifact = format!("{what} of {}: {digest}", label(found.record));
            match blobs.get(&digest, MAX_LIST) {
                Ok(_) => checks.ok("object", artifact),
                Err(error) => checks.error("object", artifact, &error),
            }
        }
    }
    checks
}

/// The files that a statement names by digest.
fn named(statement: &Statement, blobs: &Blobs) -> Vec<(&'static str, Digest)> {
    let mut named = Vec::new();
    let predicate = statement.predicate();
    match predicate {
        Predicate::Train(train) => named.extend(listed(&train.files).map(|list| ("files", list))),
        Predicate::Policy(policy) => named.push(("policy", policy.policy)),
        Predicate::Withdraw(withdraw) => named.extend(withdraw.rows.map(|rows| ("rows", rows.sha256))),
        _ => {}
    }
    if let Some(dataset) = predicate.dataset() {
        // A manifest that is not here, or not this manifest, is the dataset's own check.
        let manifest = blobs.get(dataset.subject.manifest.digest(), MAX_MANIFEST).ok();
        if let Some(fields) = manifest.and_then(|bytes| Manifest::from_cbor(&bytes).ok()).as_ref().map(Manifest::fields)
        {
            let files = [("card", fields.card), ("report", fields.report), ("license", fields.license)];
            let files = files.into_iter().chain([("croissant", fields.croissant)]);
            named.extend(files.filter_map(|(what, file)| Some((what, file?.sha256))));
        }
    }
    let Some(inputs) = predicate.inputs() else { return named };
    let mut items = inputs.inline().to_vec();
    if let Some(list) = listed(inputs) {
        named.push(("inputs", list));
        // A list that is not here, or not this list, is a check of its own.
        items.extend(blobs.get(&list, MAX_LIST).ok().and_then(|bytes| inputs.open(&bytes).ok()).into_iter().flatten());
    }
    for input in items {
        if let Input::Logged(LoggedInput { part: Part::Rows(rows), .. }) = input {
            named.push(("rows", rows.sha256));
        }
    }
    named
}

/// Largest list that a statement may name.
const MAX_LIST: usize = 1 << 30;

fn listed<T>(list: &Listed<T>) -> Option<Digest> {
    match list {
        Listed::Inline(_) => None,
        Listed::File { list, .. } => Some(*list),
    }
}

/// The accepted statements that fit, in the order of the log.
fn in_order<'a>(
    session: &'a Session,
    only: Option<&BTreeSet<StatementId>>,
    fits: impl Fn(&Record) -> bool,
) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = session
        .ledger
        .fold()
        .statements()
        .filter(|(id, record)| only.is_none_or(|only| only.contains(id)) && fits(record))
        .map(|(id, record)| Found { id: *id, record })
        .collect();
    found.sort_by_key(|found| found.record.seq);
    found
}

/// `name@version`, or the kind and the place in the log of a statement without a name.
fn label(record: &Record) -> String {
    match &record.version {
        Some(version) => format!("{}@{}", version.name, version.number),
        None => format!("{} (entry {})", record.kind, record.seq),
    }
}
