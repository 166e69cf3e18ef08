//! `mira gc`

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use mira_core::cid::Cid;
use mira_core::digest::{Digest, StatementId};
use mira_ingest::store::Store;
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::needed::Needed;
use crate::output::{Output, count, counted};
use crate::quarantined::{Note, Quarantined};
use crate::refs::Found;
use crate::session::Session;
use crate::workspace::Workspace;
use crate::{dataset, needed, process, removed};

/// Temporary files older than this are nobody's, whatever process has their number today.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Remove files that nothing in the log needs
///
/// An `add` that was killed leaves chunk files, `mira rm` may leave some when it is; these go, and so do small files that
/// no statement names, bad records that no dataset set aside, and what writes left half done. What a manifest in the log
/// needs stays, and so does what a statement names and what a pin still has to send. Nobody else can write while this
/// runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira gc --dry-run
  mira gc")]
pub struct GcArgs {
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Default, Serialize)]
struct Sum {
    files: u64,
    #[serde(serialize_with = "count")]
    bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    dry_run: bool,
    objects: Sum,
    leaves: Sum,
    blobs: Sum,
    quarantine: Sum,
    temporary: Sum,
    index_entries: u64,
    #[serde(serialize_with = "count")]
    bytes: u64,
    kept_objects: u64,
    unknown: Vec<String>,
}

/// Removes them. Each file is looked at again by no one, so a crash on any line leaves fewer of them and nothing else.
pub fn run(args: &GcArgs, global: &Global, output: &Output) -> Result {
    let workspace = Workspace::find(global.workspace.as_deref())?;
    // Before the log is read: nobody adds to it from here on, and chunks whose entry is still to come have no writer.
    let _lock = if args.dry_run { workspace.lock_to_look()? } else { Some(workspace.lock()?) };
    let session = Session::open(global)?;
    let temporary = temporary(&session, args.dry_run)?;
    // The one walk over all datasets; what it found holds, because nothing that is needed goes.
    let needed = needed::objects(&session, &session.store()?, &[])?;
    let Swept { objects, leaves, kept_objects, index_entries } = store(&session, &needed, args.dry_run)?;
    let blobs = blobs(&session, args.dry_run)?;
    let quarantine = quarantine(&session, &needed, args.dry_run)?;
    if !args.dry_run {
        // Marks of datasets whose rows are all here again.
        needed.whole.iter().try_for_each(|id| removed::unmark(&session.workspace, id))?;
    }
    let unknown = needed.unknown;
    let bytes = objects.bytes + leaves.bytes + blobs.bytes + quarantine.bytes + temporary.bytes;
    let is_whole = unknown.is_empty();
    let document = Document {
        schema: "mira.gc/1",
        dry_run: args.dry_run,
        objects,
        leaves,
        blobs,
        quarantine,
        temporary,
        index_entries,
        bytes,
        kept_objects,
        unknown,
    };
    print(&document, output);
    Ok(if is_whole { ExitCode::SUCCESS } else { Kind::NotChecked.exit_code() })
}

fn print(document: &Document, output: &Output) {
    if output.is_json() {
        output.document(document);
        return;
    }
    let word = if document.dry_run { "would go" } else { "removed" };
    for (what, sum) in [
        ("chunk file", &document.objects),
        ("leaf file", &document.leaves),
        ("small file", &document.blobs),
        ("file of bad records", &document.quarantine),
        ("temporary file", &document.temporary),
    ] {
        output.data(format_args!("{word:<10} {}, {}", counted(sum.files, what), counted(sum.bytes, "byte")));
    }
    output.data(format_args!("{word:<10} {} of the chunk index", counted(document.index_entries, "line")));
    for dataset in &document.unknown {
        output
            .talk(format_args!("warning: {dataset} has no manifest or list of chunks here: all chunk files are kept"));
    }
}

/// What writers left half done: those that are no more, and what is old.
fn temporary(session: &Session, dry_run: bool) -> Result<Sum> {
    let mut sum = Sum::default();
    // A file that is being fetched is in the hands of a process; of others, the next fetch would have gone on with them.
    session.store()?.sweep_partial(dry_run).kind(Kind::Failed)?.into_iter().for_each(|bytes| sum.add(bytes));
    let leftovers = session.store()?.leftovers().kind(Kind::Failed)?.into_iter().chain(session.blobs().leftovers()?);
    for leftover in leftovers.filter(|leftover| leftover.age >= OLD || !process::is_alive(leftover.process)) {
        sum.add(leftover.bytes);
        if !dry_run {
            std::fs::remove_file(&leftover.path).map_err(|error| {
                CliError::new(Kind::Failed, error.to_string()).at(leftover.path.display().to_string())
            })?;
        }
    }
    Ok(sum)
}

/// What became of the store.
struct Swept {
    objects: Sum,
    leaves: Sum,
    kept_objects: u64,
    index_entries: u64,
}

/// Files of the store, and lines of its index that name none. Where the needs of a dataset are not known, all stay.
fn store(session: &Session, needed: &Needed, dry_run: bool) -> Result<Swept> {
    let store = session.store()?;
    let is_needed = |cid: &Cid| !needed.unknown.is_empty() || needed.needs(cid);
    if !dry_run {
        keep_leaves(session, &store, &needed.removed, |cid| !is_needed(cid))?;
    }
    let (mut objects, mut kept_objects, mut removed) = (Sum::default(), 0, Vec::new());
    for (cid, bytes) in store.objects().kind(Kind::Failed)? {
        if is_needed(&cid) {
            kept_objects += 1;
            continue;
        }
        objects.add(bytes);
        if !dry_run {
            store.remove(&cid).kind(Kind::Failed)?;
            removed.push(cid);
        }
    }
    store.settle(removed.iter()).kind(Kind::Failed)?;
    // Leaves stay as long as a dataset of the log names their chunk, and while nobody knows what some dataset names.
    let mut leaves = Sum::default();
    for (chunk, bytes) in store.leaf_files().kind(Kind::Failed)? {
        if needed.blind || !needed.unknown.is_empty() || needed.chunks.contains(&chunk) {
            continue;
        }
        leaves.add(bytes);
        if !dry_run {
            store.remove_leaves(&chunk).kind(Kind::Failed)?;
        }
    }
    let index_entries =
        store.prune_index(|cid| is_needed(cid) && store.has(cid).unwrap_or(true), dry_run).kind(Kind::Failed)?;
    Ok(Swept { objects, leaves, kept_objects, index_entries })
}

/// What is left of removed datasets goes too, and like everything that `mira rm` removes it leaves its leaves.
fn keep_leaves(
    session: &Session,
    store: &Store,
    removed: &HashSet<StatementId>,
    goes: impl Fn(&Cid) -> bool,
) -> Result<()> {
    for (id, record) in session.ledger.fold().statements().filter(|(id, _)| removed.contains(id)) {
        if removed::keeps_no_leaves(&session.workspace, id) {
            continue;
        }
        if let Ok(stored) = dataset::load(&session.ledger, &session.blobs(), &Found { id: *id, record }) {
            removed::keep_leaves(store, &stored.committed, &goes)?;
        }
    }
    Ok(())
}

fn blobs(session: &Session, dry_run: bool) -> Result<Sum> {
    let blobs = session.blobs();
    let mut sum = Sum::default();
    for (digest, bytes) in needed::unneeded_blobs(session, &blobs)? {
        sum.add(bytes);
        if !dry_run {
            blobs.remove(&digest)?;
        }
    }
    Ok(sum)
}

/// Bad records that no dataset of the log set aside, as those of an `add` that was killed, or that were its rows' and
/// are removed with them. The run that set them aside has ended, for nobody else writes.
fn quarantine(session: &Session, needed: &Needed, dry_run: bool) -> Result<Sum> {
    let quarantined = Quarantined::of(session);
    let mut owners = HashSet::new();
    for (id, record) in session.ledger.fold().statements().filter(|(_, record)| record.extent.is_some()) {
        let found = Found { id: *id, record };
        if !needed.removed.contains(id) {
            owners.insert(*dataset::stated(&session.ledger, &found)?.subject.manifest.digest());
        }
    }
    let notes = quarantined.notes()?;
    let is_owned = |note: &&Note| owners.contains(&note.manifest);
    let kept: HashSet<Digest> = notes.iter().filter(is_owned).map(|note| note.file).collect();
    let mut sum = Sum::default();
    for (file, bytes) in quarantined.files()? {
        if !kept.contains(&file) {
            sum.add(bytes);
            if !dry_run {
                quarantined.remove(&file)?;
            }
        }
    }
    for note in notes.iter().filter(|note| !dry_run && !is_owned(note)) {
        quarantined.forget(note)?;
    }
    Ok(sum)
}
