//! `mira rm`

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::process::ExitCode;

use clap::Args;
use mira_core::cid::Cid;
use mira_core::digest::{Digest, StatementId};
use mira_ingest::outbox::{Job, State};
use mira_ingest::store::Store;
use serde::Serialize;

use crate::args::Global;
use crate::dataset::Stored;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::needed::{self, Needed};
use crate::output::{Output, count, counted};
use crate::quarantined::{Note, Quarantined};
use crate::refs::Found;
use crate::removed::Leaves;
use crate::session::Session;
use crate::{dataset, naming, publish, removed};

/// Remove datasets' rows from this machine
///
/// The chunk files that no other dataset here needs go; the log's entry, the manifest and the list of chunks stay, and of
/// each row its hash, so that the dataset can still be named, its roots checked, and its chunks and rows proved. What
/// versions share goes when all of them do: name them, or give `--all-versions`. `show` and `fsck` say that the rows were
/// removed here. Others keep what they have: `mira withdraw` takes a dataset back for everybody.
///
/// Bad records that were set aside when the datasets were added go as well, whatever stays of the rows.
///
/// Whoever guesses a row can tell from its hash that the guess is right: `--no-leaves` keeps none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira rm penguins@1 --dry-run      says what would go, and what stays for whom
  mira rm penguins@1 --yes
  mira rm penguins --all-versions --yes

To have the rows again, add the same files again, or fetch them with `mira get REF --from URL`.")]
pub struct RmArgs {
    /// The datasets
    #[arg(value_name = "REF", required = true)]
    references: Vec<String>,
    /// Every version of each
    #[arg(long)]
    all_versions: bool,
    /// Remove them: there is no other question
    #[arg(long)]
    yes: bool,
    /// Say what would go and what stays, and remove nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Also while a pin of it is still to be sent
    #[arg(long)]
    force: bool,
    /// Keep no hashes of rows: nothing below the chunks can be proved or checked any more
    #[arg(long)]
    no_leaves: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(rename = "ref")]
    reference: String,
    statement: String,
    datasets: Vec<String>,
    dry_run: bool,
    files: u64,
    #[serde(serialize_with = "count")]
    bytes: u64,
    kept_files: u64,
    kept_for: Vec<KeptFor>,
    leaf_files: u64,
    without_leaves: u64,
    quarantine_files: u64,
    pinned: Vec<String>,
}

/// How many of the chunk files that stay a dataset needs.
#[derive(Serialize)]
struct KeptFor {
    #[serde(rename = "ref")]
    reference: String,
    files: u64,
}

/// A dataset to remove.
struct Target<'a> {
    found: Found<'a>,
    stored: Stored,
    title: String,
}

/// What goes, and what stays.
#[derive(Default)]
struct Plan {
    /// Files that go, with their lengths. Equal chunks are one file.
    files: BTreeMap<Cid, u64>,
    /// Files that stay, by the titles of those they stay for.
    kept: BTreeMap<String, HashSet<Cid>>,
    /// Notes of bad records that go.
    notes: Vec<Note>,
    /// Their files that go: those that no other dataset set aside too.
    quarantine: BTreeSet<Digest>,
}

/// Removes them.
pub fn run(args: &RmArgs, global: &Global, output: &Output) -> Result {
    let (session, _lock) = match args.dry_run {
        true => Session::open_to_look(global)?,
        false => Session::open_to_write(global).map(|(session, lock)| (session, Some(lock)))?,
    };
    let targets = targets(&session, args)?;
    let pinned = pinned(&session, &targets, args.force || args.dry_run)?;
    let store = session.store()?;
    let plan = Plan::new(&session, &store, &targets)?;
    let mut document = Document::of(args, &targets, &plan, pinned)?;
    if !args.dry_run {
        plan.ask(args, &document)?;
        let leaves = plan.carry_out(args, &session, &store, &targets)?;
        (document.leaf_files, document.without_leaves) = (leaves.kept, leaves.lost);
    }
    document.tell(output);
    Ok(ExitCode::SUCCESS)
}

/// The datasets that are meant, each once, in the order of the log.
fn targets<'a>(session: &'a Session, args: &RmArgs) -> Result<Vec<Target<'a>>> {
    let fold = session.ledger.fold();
    let mut meant = BTreeMap::new();
    for reference in &args.references {
        let found = session.find(reference)?;
        // Before its other versions are looked at: what is no dataset is told as such.
        dataset::stated(&session.ledger, &found)?;
        meant.insert(found.record.seq, found);
        let Some(version) = found.record.version.as_ref().filter(|_| args.all_versions) else { continue };
        let others = fold.statements().filter(|(_, record)| {
            let is_same = record.version.as_ref().is_some_and(|other| other.name == version.name);
            is_same && record.owner == found.record.owner && record.extent.is_some()
        });
        meant.extend(others.map(|(id, record)| (record.seq, Found { id: *id, record })));
    }
    let target = |found: Found<'a>| {
        let stored = dataset::load(&session.ledger, &session.blobs(), &found)?;
        Ok(Target { found, stored, title: naming::title(fold, &found.id) })
    };
    meant.into_values().map(target).collect()
}

/// Where the datasets are pinned, by the outbox. What the outbox still has to send is refused.
fn pinned(session: &Session, targets: &[Target<'_>], force: bool) -> Result<Vec<String>> {
    let jobs = publish::jobs(session)?;
    let mut pinned = BTreeSet::new();
    let is_meant = |job: &Job| targets.iter().any(|target| target.found.id == job.statement);
    for job in jobs.into_iter().filter(is_meant) {
        match job.state {
            State::Pinned => drop(pinned.insert(job.target.service)),
            State::Queued | State::Importing if !force => {
                let service = &job.target.service;
                return Err(CliError::new(Kind::Failed, format!("a pin of it at {service} is still to be sent"))
                    .hint("mira pin sends it, --force removes the rows all the same"));
            }
            _ => {}
        }
    }
    Ok(pinned.into_iter().collect())
}

impl Plan {
    /// A file goes if no dataset but these needs it.
    fn new(session: &Session, store: &Store, targets: &[Target<'_>]) -> Result<Self> {
        let ids: Vec<StatementId> = targets.iter().map(|target| target.found.id).collect();
        let others: Needed = needed::objects(session, store, &ids)?;
        if let Some(unknown) = others.unknown.first() {
            return Err(CliError::new(Kind::NotChecked, format!("nobody can say which chunks {unknown} needs"))
                .hint("its manifest or list of chunks is damaged or missing: mira fsck says which"));
        }
        let mut plan = Self::default();
        for chunk in targets.iter().flat_map(|target| target.stored.chunks.chunks()) {
            let Some(size) = store.size(&chunk.cid).kind(Kind::Failed)? else { continue };
            if !others.needs(&chunk.cid) {
                plan.files.insert(chunk.cid, size);
            }
            for holder in others.holders(&chunk.cid) {
                plan.kept.entry(holder.to_owned()).or_default().insert(chunk.cid);
            }
        }
        plan.quarantine(session, targets)?;
        Ok(plan)
    }

    /// Bad records of a dataset go with it, unless another dataset's run set the same ones aside.
    fn quarantine(&mut self, session: &Session, targets: &[Target<'_>]) -> Result<()> {
        let manifest =
            |found: &Found<'_>| dataset::stated(&session.ledger, found).map(|stated| stated.subject.manifest);
        let meant = |id: &StatementId| targets.iter().any(|target| target.found.id == *id);
        let mut others = HashSet::new();
        for (id, record) in session.ledger.fold().statements().filter(|(_, record)| record.extent.is_some()) {
            let found = Found { id: *id, record };
            if !meant(id) && !removed::is_removed(session, &found)? {
                others.insert(*manifest(&found)?.digest());
            }
        }
        let mut gone = HashSet::new();
        for target in targets {
            gone.insert(*manifest(&target.found)?.digest());
        }
        let notes = Quarantined::of(session).notes()?;
        let goes = |note: &&Note| gone.contains(&note.manifest) && !others.contains(&note.manifest);
        self.notes = notes.iter().filter(goes).copied().collect();
        let stays: HashSet<Digest> =
            notes.iter().filter(|note| others.contains(&note.manifest)).map(|note| note.file).collect();
        self.quarantine = self.notes.iter().map(|note| note.file).filter(|file| !stays.contains(file)).collect();
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.files.values().fold(0, |sum, size| sum.saturating_add(*size))
    }

    /// Refuses what there is no reason for, or no word.
    fn ask(&self, args: &RmArgs, document: &Document) -> Result<()> {
        let titles = document.datasets.join(", ");
        if self.files.is_empty() && self.notes.is_empty() && !self.kept.is_empty() {
            let holders: Vec<&str> = self.kept.keys().map(String::as_str).collect();
            let message = format!("nothing to remove: other datasets need every chunk of {titles}");
            return Err(CliError::new(Kind::Failed, message)
                .hint(format!("what they share goes with all of them: name {} too", holders.join(", "))));
        }
        if !args.yes {
            let copy = match document.pinned.first() {
                Some(service) => format!("it is pinned at {service}"),
                None => "nothing here knows of another copy".to_owned(),
            };
            return Err(CliError::new(Kind::Usage, format!("this would remove {}", document.what()))
                .hint(format!("{copy}; --yes removes it, --dry-run says more")));
        }
        Ok(())
    }

    /// Removes the files.
    fn carry_out(&self, args: &RmArgs, session: &Session, store: &Store, targets: &[Target<'_>]) -> Result<Leaves> {
        let goes = |cid: &Cid| self.files.contains_key(cid);
        let mut leaves = Leaves::default();
        // Durable before the rows go: a crash leaves hashes beside their rows, which are in nobody's way.
        for target in targets.iter().filter(|_| !args.no_leaves) {
            leaves += removed::keep_leaves(store, &target.stored.committed, goes)?;
        }
        // The mark next: a crash from here on leaves a dataset that says what became of it.
        for target in targets {
            if args.no_leaves || target.stored.chunks.chunks().iter().any(|chunk| goes(&chunk.cid)) {
                removed::mark(&session.workspace, &target.found.id, !args.no_leaves)?;
            }
        }
        self.files.keys().try_for_each(|cid| store.remove(cid)).kind(Kind::Failed)?;
        store.settle(self.files.keys()).kind(Kind::Failed)?;
        let quarantined = Quarantined::of(session);
        self.quarantine.iter().try_for_each(|file| quarantined.remove(file))?;
        self.notes.iter().try_for_each(|note| quarantined.forget(note))?;
        if args.no_leaves {
            let kept: HashSet<&Cid> = self.kept.values().flatten().collect();
            let chunks = targets.iter().flat_map(|target| target.stored.chunks.chunks());
            for chunk in chunks.filter(|chunk| !kept.contains(&chunk.cid)) {
                store.remove_leaves(&chunk.leaf.leaf()).kind(Kind::Failed)?;
            }
        }
        Ok(leaves)
    }
}

impl Document {
    fn of(args: &RmArgs, targets: &[Target<'_>], plan: &Plan, pinned: Vec<String>) -> Result<Self> {
        let first = targets.first().ok_or_else(|| CliError::new(Kind::Usage, "no dataset is named"))?;
        let kept_for = plan.kept.iter();
        let kept_for: Vec<KeptFor> =
            kept_for.map(|(holder, files)| KeptFor { reference: holder.clone(), files: files.len() as u64 }).collect();
        Ok(Self {
            schema: "mira.rm/1",
            reference: first.title.clone(),
            statement: first.found.id.to_string(),
            datasets: targets.iter().map(|target| target.title.clone()).collect(),
            dry_run: args.dry_run,
            files: plan.files.len() as u64,
            bytes: plan.bytes(),
            kept_files: plan.kept.values().flatten().collect::<HashSet<_>>().len() as u64,
            kept_for,
            leaf_files: 0,
            without_leaves: 0,
            quarantine_files: plan.quarantine.len() as u64,
            pinned,
        })
    }

    fn what(&self) -> String {
        format!("{}: {} of {} bytes", self.datasets.join(", "), counted(self.files, "chunk file"), self.bytes)
    }

    fn tell(&self, output: &Output) {
        if output.is_json() {
            output.document(self);
            return;
        }
        let word = if self.dry_run { "would go" } else { "removed" };
        output.data(format_args!("{word:<10} {}", self.what()));
        if self.quarantine_files > 0 {
            let files = counted(self.quarantine_files, "file");
            output.data(format_args!("{word:<10} {files} of bad records that were set aside"));
        }
        for kept in &self.kept_for {
            let files = counted(kept.files, "chunk file");
            output.data(format_args!("{:<10} {files}, which {} needs", "kept", kept.reference));
        }
        if self.leaf_files > 0 {
            output.data(format_args!("{:<10} the hashes of the rows of {}", "kept", counted(self.leaf_files, "chunk")));
        }
        if self.without_leaves > 0 {
            let files = counted(self.without_leaves, "chunk file");
            output.talk(format_args!("warning: {files} did not verify, so nothing is left to prove these rows by"));
        }
    }
}
