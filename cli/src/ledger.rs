//! The workspace's log together with what its entries add up to.

use std::collections::HashSet;
use std::io;

use mira_core::digest::{ContributorId, StatementId};
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::fold::{Accepted, Fold, Outcome, Record, Refusal, Thing};
use mira_core::id::LeafIndex;
use mira_core::key::SigningKey;
use mira_core::log::vkey::VerifierKey;
use mira_core::statement::{Common, Predicate, Statement, Withdraw, WithdrawReason};
use mira_lineage::log::{FsStorage, Log, LogSigner};

use crate::clock;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::home::Home;
use crate::keystore::Keystore;
use crate::pending::{self, Pending};
use crate::read_file;
use crate::refs;
use crate::workspace::Workspace;

/// Longest file that is read as the log's public key.
const MAX_KEY: usize = 4 << 10;

/// The log of a workspace, verified on opening, and the fold over it.
#[derive(Debug)]
pub struct Ledger {
    log: Log<FsStorage>,
    fold: Fold,
    history: Vec<Event>,
    mistakes: HashSet<StatementId>,
    pending: Pending,
    /// This process logged something.
    has_logged: bool,
}

/// One entry of the log, accepted or not.
#[derive(Debug)]
pub struct Event {
    /// Its place in the log.
    pub index: LeafIndex,
    /// What the fold made of it.
    pub outcome: Outcome,
}

impl Ledger {
    /// Opens the log, checks its checkpoint and its right edge, and folds its entries.
    pub fn open(workspace: &Workspace) -> Result<Self> {
        let key = log_key(workspace)?;
        let storage = FsStorage::open(workspace.path("log")).kind(Kind::Failed)?;
        let log = Log::open(storage, &key).kind(Kind::DoesNotVerify).map_err(|error| {
            error.at(workspace.path("log").display().to_string()).hint("mira fsck says what is damaged")
        })?;
        let mut fold = Fold::new(key.name().clone());
        let mut history = Vec::new();
        let all = LeafIndex::new(0)..LeafIndex::new(log.size().value());
        for (index, entry) in (0..).zip(log.entries(all).kind(Kind::DoesNotVerify)?) {
            let outcome = fold.apply(&entry.kind(Kind::DoesNotVerify)?);
            history.push(Event { index: LeafIndex::new(index), outcome });
        }
        let mistakes = mistakes(&history);
        let pending = Pending::of(workspace);
        Ok(Self { log, fold, history, mistakes, pending, has_logged: false })
    }

    /// The log.
    pub fn log(&self) -> &Log<FsStorage> {
        &self.log
    }

    /// What the accepted entries add up to.
    pub fn fold(&self) -> &Fold {
        &self.fold
    }

    /// Every entry, in order.
    pub fn history(&self) -> &[Event] {
        &self.history
    }

    /// Statements that were taken back as mistakes: withdrawn as a whole, and for `error` alone.
    pub fn mistakes(&self) -> &HashSet<StatementId> {
        &self.mistakes
    }

    /// What the name of this version stands for without a version.
    pub fn latest(&self, record: &Record) -> Option<StatementId> {
        let version = record.version.as_ref()?;
        let series = match Thing::of(record.kind)? {
            Thing::Deployment => self.fold.deployment(&record.owner, &version.name),
            Thing::Dataset | Thing::Model => self.fold.artifact(&record.owner, &version.name),
        };
        refs::latest(series?, &self.mistakes).copied()
    }

    /// The entry that was accepted at this place.
    pub fn accepted(&self, index: LeafIndex) -> Option<&Accepted> {
        let event = self.history.get(usize::try_from(index.value()).ok()?)?;
        match &event.outcome {
            Outcome::Accepted(accepted) => Some(accepted),
            Outcome::Refused(_) => None,
        }
    }

    /// Signs a statement, and logs it if the fold would accept it. The caller holds the workspace's lock.
    pub fn record(&mut self, predicate: Predicate, key: &SigningKey, signer: &LogSigner) -> Result<&Accepted> {
        self.record_signed(predicate, &[key], signer)
    }

    /// The same with several keys, the first of which says who signs: a rotation has two.
    pub fn record_signed(
        &mut self,
        predicate: Predicate,
        keys: &[&SigningKey],
        signer: &LogSigner,
    ) -> Result<&Accepted> {
        let first = keys.first().ok_or_else(|| CliError::new(Kind::Failed, "nobody signs"))?;
        let contributor = self.contributor_of(first);
        let common =
            Common { claimed_at: clock::now()?, contributor_id: contributor, nonce: clock::nonce()?, prev: None };
        let statement = Statement::new(common, predicate).kind(Kind::Usage)?;
        let left = self.left().filter(|left| pending::says(left, &statement, keys));
        if let Some(index) = left.as_ref().and_then(|left| self.place_of(left)) {
            // A run that did not come to its end logged it, and did not tell.
            self.has_logged = true;
            return self.accepted(index).ok_or_else(disagrees);
        }
        let entry = match left.filter(|left| self.fold.check(left.as_bytes()).is_ok()) {
            Some(left) => left,
            None => self.seal(&statement, keys)?,
        };
        let indices = self.log.append(&[entry.as_bytes()], signer).kind(Kind::Failed)?;
        // The checkpoint is in place: from here on the entry is logged, whatever becomes of this process.
        self.has_logged = true;
        let outcome = self.fold.apply(entry.as_bytes());
        self.history.push(Event { index: indices.start, outcome });
        self.mistakes = mistakes(&self.history);
        self.accepted(indices.start).ok_or_else(disagrees)
    }

    /// Signs a statement that the fold will accept, and keeps it: durable before it is logged, so that whoever repeats a
    /// command that died says the same thing and not another.
    fn seal(&self, statement: &Statement, keys: &[&SigningKey]) -> Result<Entry> {
        let envelope = Envelope::seal(&statement.to_payload(), keys).kind(Kind::Failed)?;
        let entry = Entry::of(&envelope).kind(Kind::Failed)?;
        self.fold.check(entry.as_bytes()).map_err(|refusal| refused(&refusal))?;
        // What is contributed again is found by its rows and terms, so that nothing more need be kept of it.
        if !matches!(statement.predicate(), Predicate::Contribute(_)) {
            self.pending.keep(&entry)?;
        }
        Ok(entry)
    }

    /// What a run before was about to log, or logged, when it ended without having told.
    fn left(&self) -> Option<Entry> {
        if self.has_logged { None } else { self.pending.left() }
    }

    /// Where an accepted entry stands.
    fn place_of(&self, entry: &Entry) -> Option<LeafIndex> {
        let record = self.fold.statement(&entry.envelope().statement_id())?;
        (record.entry_id == entry.entry_id()).then_some(record.seq)
    }

    /// Whether the run that logged this entry ended without having told.
    pub fn is_untold(&self, index: LeafIndex) -> bool {
        self.left().and_then(|left| self.place_of(&left)) == Some(index)
    }

    /// Whose key this is: by the log, where it may be somebody's recovery key, and else its own first key's.
    pub fn contributor_of(&self, key: &SigningKey) -> ContributorId {
        let public = key.verifying_key();
        let recovers = || {
            let mut contributors = self.fold.contributors();
            contributors.find(|(_, contributor)| contributor.recovery_key() == Some(&public)).map(|(id, _)| *id)
        };
        self.fold.by_key(&public).copied().or_else(recovers).unwrap_or_else(|| public.contributor_id())
    }
}

impl Drop for Ledger {
    /// The command has told what it logged, or is about to end without an error that anybody would repeat it for.
    fn drop(&mut self) {
        if self.has_logged {
            self.pending.clear();
        }
    }
}

fn disagrees() -> CliError {
    CliError::new(Kind::Failed, "the log took an entry that its own fold refuses")
}

fn mistakes(history: &[Event]) -> HashSet<StatementId> {
    let (mut mistakes, mut others) = (HashSet::new(), HashSet::new());
    for event in history {
        let Outcome::Accepted(accepted) = &event.outcome else { continue };
        match accepted.statement.predicate() {
            Predicate::Withdraw(Withdraw { target, reason: WithdrawReason::Error, rows: None }) => {
                mistakes.insert(*target)
            }
            Predicate::Withdraw(Withdraw { target, .. }) => others.insert(*target),
            _ => continue,
        };
    }
    mistakes.retain(|target| !others.contains(target));
    mistakes
}

/// What the log's fold says no to, as an error of the command.
fn refused(refusal: &Refusal) -> CliError {
    CliError::new(Kind::DoesNotVerify, format!("the log would refuse this ({}): {}", refusal.reason(), chain(refusal)))
}

/// The public key of the workspace's log.
pub fn log_key(workspace: &Workspace) -> Result<VerifierKey> {
    let path = workspace.path("log.vkey");
    let failed = |message: String| CliError::new(Kind::Config, message).at(path.display().to_string());
    let text = read_file::text(&path, MAX_KEY).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed("the workspace has no key of its log".to_owned()),
        _ => failed(error.to_string()),
    })?;
    text.trim_end().parse().kind(Kind::Config).map_err(|error| error.at(path.display().to_string()))
}

/// The private key of the workspace's log, which its owner keeps among their keys.
pub fn log_signer(workspace: &Workspace, home: &Home) -> Result<LogSigner> {
    let key = log_key(workspace)?;
    let name = log_key_name(&key);
    let signing = Keystore::of(home).load(&name, no_passphrase).map_err(|error| match error.kind {
        Kind::NotFound => CliError::new(Kind::NotFound, format!("you do not hold the key of the log {}", key.name()))
            .hint("only whoever made this workspace can add to its log"),
        _ => error,
    })?;
    Ok(LogSigner::new(key.name().clone(), signing))
}

/// Under which name the key of a log is kept.
pub fn log_key_name(key: &VerifierKey) -> String {
    format!("log-{}", key.id())
}

fn no_passphrase() -> Result<zeroize::Zeroizing<String>> {
    Err(CliError::new(Kind::Config, "the key of a log is not encrypted"))
}
