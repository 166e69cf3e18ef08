//! The tables of a workspace: what the log holds, with what lies beside it.
//!
//! ```text
//! .mira/views/<size>-<root>-<sources>/   every table as Parquet, and the closure index
//! ```
//!
//! Every command makes its tables anew from the log, whose signatures it has just checked. The files are kept for other
//! tools (any that reads Parquet); they are named after what they were made of, can be deleted, and come back byte for
//! byte. They are written and never read here: nothing in them is signed, and whoever hands a workspace over hands over
//! its views.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mira_anchor::outbox::{Job, Stage};
use mira_core::digest::{ContributorId, Digest, StatementId};
use mira_core::entry::entry_id;
use mira_core::fold::{Fold, Outcome};
use mira_core::statement::Inputs;
use mira_core::time::UtcTime;
use mira_lineage::ancestry::Lineage;
use mira_lineage::epoch;
use mira_lineage::query::{Resolve, Unresolved};
use mira_lineage::replay::{Logged, Sources, replay};
use mira_lineage::tables::{AnchorRow, CardRow, ChunkRow, PinRow};
use mira_lineage::views::{ViewError, ViewFile, files};

use crate::card::{Card, MAX_CARD, Words};
use crate::dataset::Stored;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::lineage::MAX_INPUTS;
use crate::refs::{self, Found};
use crate::session::Session;
use crate::{chain, dataset, naming, payments, pin_receipts, publish, receipts};

/// The directory of views.
const DIR: &str = "views";

/// The tables, and the name of their views.
#[derive(Debug)]
pub struct Views {
    /// Tables and index.
    pub lineage: Arc<Lineage>,
    name: String,
}

impl Views {
    /// Makes the tables of a workspace.
    pub fn of(session: &Session) -> Result<Self> {
        let ledger = &session.ledger;
        let sources = sources(session)?;
        let head = ledger.log().head();
        let name = format!("{}-{:.16}-{:.16}", head.size, head.root.to_string(), fingerprint(&sources).to_string());
        let mut log = Vec::with_capacity(ledger.history().len());
        for event in ledger.history() {
            let entry_id = match &event.outcome {
                Outcome::Accepted(accepted) => accepted.record.entry_id,
                Outcome::Refused(_) => entry_id(&ledger.log().entry(event.index).kind(Kind::DoesNotVerify)?),
            };
            log.push(Logged { entry_id, outcome: &event.outcome });
        }
        let tables = replay(ledger.fold(), &log, sources).kind(Kind::Failed)?;
        let lineage = Lineage::new(tables).kind(Kind::Failed)?;
        Ok(Self { lineage: Arc::new(lineage), name })
    }

    /// Keeps them as files for other tools, unless they are there. The files appear together, when the last one is
    /// written; they are not made durable, as nothing is lost with them.
    pub fn keep(&self, session: &Session) -> Result<()> {
        let dir = session.workspace.path(DIR);
        let path = dir.join(&self.name);
        if path.is_dir() {
            return Ok(());
        }
        let temp = dir.join(format!(".{}.tmp-{}", self.name, std::process::id()));
        let kept = write(&self.lineage, &temp).and_then(|()| match fs::rename(&temp, &path) {
            // Somebody else made the same files in the meantime.
            Err(_) if path.is_dir() => fs::remove_dir_all(&temp),
            renamed => renamed,
        });
        if kept.is_err() {
            // What cannot be removed is a directory that nobody reads.
            let _ = fs::remove_dir_all(&temp);
        }
        kept.and_then(|()| remove_others(&dir, &self.name))
            .map_err(|error| CliError::new(Kind::Failed, error.to_string()).at(dir.display().to_string()))
    }
}

fn write(lineage: &Lineage, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let keep = |file: ViewFile| fs::write(dir.join(&file.name), &file.bytes).map_err(Failed);
    files(lineage, keep).map_err(|Failed(error)| error)
}

struct Failed(io::Error);

impl From<ViewError> for Failed {
    fn from(error: ViewError) -> Self {
        Self(io::Error::other(error))
    }
}

/// Removes the views of earlier states.
fn remove_others(dir: &Path, name: &str) -> io::Result<()> {
    for item in fs::read_dir(dir)? {
        let item = item?;
        // Names with a dot may be another process's, at work.
        if item.file_name() != name && !item.file_name().to_string_lossy().starts_with('.') {
            fs::remove_dir_all(item.path())?;
        }
    }
    Ok(())
}

/// What the tables hold that is not in the log.
fn sources(session: &Session) -> Result<Sources> {
    let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?;
    let jobs = chain::sent(&session.workspace)?;
    let mut sources = Sources {
        epochs: epochs.iter().map(epoch::SealedEpoch::head).collect(),
        anchors: anchors(session, &epochs, &jobs)?,
        pins: pins(session)?,
        rewards: payments::rewards(&session.workspace)?,
        claims: payments::claims(&jobs)?,
        ..Sources::default()
    };
    let blobs = session.blobs();
    for event in session.ledger.history() {
        let Outcome::Accepted(accepted) = &event.outcome else { continue };
        if let Some(Inputs::File { list, .. }) = accepted.statement.predicate().inputs()
            && let Some(file) = if_here(blobs.get(list, MAX_INPUTS))?
        {
            sources.lists.insert(*list, file);
        }
        if let Some(record) = session.ledger.fold().statement(&accepted.statement_id).filter(|it| it.extent.is_some()) {
            let found = Found { id: accepted.statement_id, record };
            let Some(stored) = if_here(dataset::load(&session.ledger, &session.blobs(), &found))? else { continue };
            sources.chunks.extend(chunks(&found, &stored));
            sources.cards.extend(card(session, &found, &stored)?);
        }
    }
    Ok(sources)
}

/// Where epochs stand, by their receipts; how sure that is, by what was last seen of the transaction. No chain is asked.
fn anchors(session: &Session, epochs: &[epoch::SealedEpoch], jobs: &[Job]) -> Result<Vec<AnchorRow>> {
    let mut anchors = Vec::new();
    for epoch in epochs {
        let Some(receipt) = receipts::load(&session.workspace, epoch)? else { continue };
        let landed = |job: &&Job| job.landed.is_some_and(|landed| landed.tx.0 == *receipt.tx.as_bytes());
        let stage = jobs.iter().find(landed).map_or(Stage::Mined, |job| job.stage);
        anchors.push(AnchorRow {
            epoch: epoch.number().value(),
            size: receipt.size.value(),
            root: receipt.root,
            chain_id: receipt.chain_id.value(),
            contract: receipt.contract.to_string(),
            tx: receipt.tx.to_string(),
            block: Some(receipt.block_number.value()),
            status: chain::status(stage, receipt.local).to_owned(),
        });
    }
    Ok(anchors)
}

fn pins(session: &Session) -> Result<Vec<PinRow>> {
    let jobs = publish::jobs(session)?;
    let mut pins: Vec<PinRow> = jobs
        .into_iter()
        .map(|job| (pin_receipts::digest(&session.workspace, &job.target), job))
        .map(|(receipt, job)| PinRow {
            statement_id: job.statement,
            cid: job.target.dataset.to_string(),
            service: job.target.service,
            state: job.state.as_str().to_owned(),
            attempts: job.attempts.into(),
            error: job.last_error,
            confirmed_at: job.confirmed_at.and_then(UtcTime::from_unix_seconds),
            receipt,
        })
        .collect();
    pins.sort_by(|a, b| (&a.cid, &a.service).cmp(&(&b.cid, &b.service)));
    Ok(pins)
}

/// What the card of a dataset says, if it is here and one that can be read.
fn card(session: &Session, found: &Found<'_>, stored: &Stored) -> Result<Option<CardRow>> {
    let Some(file) = stored.manifest.fields().card else { return Ok(None) };
    let Some(bytes) = if_here(session.blobs().get(&file.sha256, MAX_CARD))? else { return Ok(None) };
    let Some(card) = Card::kept(bytes) else { return Ok(None) };
    let lines = |words: &Words| (!words.0.is_empty()).then(|| words.0.join("\n"));
    let front = card.front();
    Ok(Some(CardRow {
        statement_id: found.id,
        r#ref: naming::title(session.ledger.fold(), &found.id),
        title: front.pretty_name.clone(),
        description: card.summary(),
        language: lines(&front.language),
        tags: lines(&front.tags),
        tasks: lines(&front.task_categories),
        license: lines(&front.license),
    }))
}

/// The chunks of a dataset.
fn chunks(found: &Found<'_>, stored: &Stored) -> Vec<ChunkRow> {
    let mut first_row = 0;
    let row = |(index, chunk): (u64, &mira_core::manifest::ListedChunk)| {
        let row = ChunkRow {
            statement_id: found.id,
            index,
            first_row,
            rows: chunk.leaf.rows,
            root: chunk.leaf.row_root,
            cid: chunk.cid,
            bytes: chunk.bytes,
        };
        first_row += chunk.leaf.rows;
        row
    };
    (0..).zip(stored.chunks.chunks()).map(row).collect()
}

fn if_here<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A digest that differs where sources do. It is a name and no more, so another version may make another one.
fn fingerprint(sources: &Sources) -> Digest {
    let Sources { epochs, lists, chunks, cards, anchors, pins, rewards, claims } = sources;
    let mut lists: Vec<&Digest> = lists.keys().collect();
    lists.sort_unstable();
    let version = env!("CARGO_PKG_VERSION");
    Digest::of(format!("{:?}", (version, epochs, lists, chunks, cards, anchors, pins, rewards, claims)).as_bytes())
}

/// REFs in queries.
#[derive(Debug)]
pub struct Refs {
    fold: Fold,
    mistakes: HashSet<StatementId>,
    me: Option<ContributorId>,
}

impl Refs {
    /// Those of whoever is asking.
    pub fn of(session: &Session) -> Result<Self> {
        let ledger = &session.ledger;
        Ok(Self { fold: ledger.fold().clone(), mistakes: ledger.mistakes().clone(), me: session.me()? })
    }
}

impl Resolve for Refs {
    fn resolve(&self, text: &str) -> std::result::Result<StatementId, Unresolved> {
        let found = refs::resolve(&self.fold, &self.mistakes, text, self.me).map(|found| found.id);
        found.map_err(|error| Unresolved { message: error.message().to_owned(), hint: error.help().map(str::to_owned) })
    }
}
