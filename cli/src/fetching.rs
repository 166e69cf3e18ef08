//! Files that are on other machines: those of a dataset of this log that are not here, and datasets of which nothing is
//! known but the CID of their directory.
//!
//! Whoever is asked is not believed. What the log names is compared with the log; a CID alone leads to a signed statement,
//! which says what the dataset is and who says so, and no log of this user vouches for it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use mira_core::cid::{Cid, Codec};
use mira_core::digest::Digest;
use mira_core::fold::Record;
use mira_core::manifest::{FileRef, MAX_MANIFEST, Manifest};
use mira_core::unixfs::CHUNK_LEN;
use mira_ingest::fetch::{Fetcher, Given, Length, Patience, Published, Source, State, Wanted};
use mira_ingest::store::Store;
use serde::Serialize;

use crate::args::Global;
use crate::blobs::Blobs;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::home::Home;
use crate::interrupt::interrupted;
use crate::ledger::log_key;
use crate::output::{Output, count, counted, size};
use crate::read_file::failed;
use crate::refs::Found;
use crate::session::Session;
use crate::settings::Settings;
use crate::task::Task;
use crate::trust::Trust;
use crate::{by_cid, dataset, publish, removed};

/// Who is asked.
#[derive(Debug, Args)]
pub struct FromArgs {
    /// Fetch what is not here from this gateway, or from your own node with `kubo`; the first is asked first
    #[arg(long, value_name = "URL")]
    from: Vec<String>,
}

/// What was fetched, for a document.
#[derive(Debug, Serialize)]
pub struct Fetched {
    #[serde(serialize_with = "count")]
    fetched_bytes: u64,
    #[serde(serialize_with = "count")]
    fetched_blocks: u64,
    sources: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    source: String,
    #[serde(serialize_with = "count")]
    bytes: u64,
    #[serde(serialize_with = "count")]
    blocks: u64,
    state: &'static str,
}

/// Who says what a dataset of a CID is, for a document.
#[derive(Debug, Serialize)]
pub struct Signed {
    name: String,
    signer: Vec<String>,
    contributor: String,
    statement: String,
    trusted_by: Option<String>,
}

impl FromArgs {
    /// Whether anybody is to be asked.
    pub fn is_given(&self) -> bool {
        !self.from.is_empty()
    }

    fn fetcher(&self, settings: &Settings, task: &Arc<Task>) -> Result<Fetcher> {
        let source = |text: &String| -> Result<Source> {
            if text == "kubo" {
                return Source::kubo(&publish::node_setting(settings)?.0).kind(Kind::Usage);
            }
            Source::gateway(text).kind(Kind::Usage).map_err(|error| error.hint("--from https://HOST, or --from kubo"))
        };
        let sources = self.from.iter().map(source).collect::<Result<Vec<_>>>()?;
        let fetcher = Fetcher::new(sources, Patience::default()).kind(Kind::Failed)?;
        Ok(fetcher.watched(Arc::<Task>::clone(task)))
    }
}

impl Fetched {
    fn by(fetcher: &Fetcher) -> Self {
        let given = fetcher.given();
        let line = |given: &Given| Line {
            source: given.source.clone(),
            bytes: given.bytes,
            blocks: given.blocks,
            state: match given.state {
                State::Fine => "fine",
                State::Away => "away",
                State::Wrong => "wrong",
            },
        };
        Self {
            fetched_bytes: given.iter().map(|given| given.bytes).sum(),
            fetched_blocks: given.iter().map(|given| given.blocks).sum(),
            sources: given.iter().map(line).collect(),
        }
    }

    /// Tells a person.
    pub fn tell(&self, output: &Output) {
        for line in &self.sources {
            let what = match line.state {
                "wrong" => "  gave wrong bytes, and was not asked again",
                "away" => "  did not answer in the end",
                _ => "",
            };
            let (bytes, blocks) = (line.bytes, counted(line.blocks, "block"));
            output.talk(format_args!("{}: {} in {blocks}{what}", line.source, counted(bytes, "byte")));
        }
    }
}

/// Fetches the files of a dataset of this log that are not here; nothing if nobody is to be asked.
pub fn complete(session: &Session, found: &Found<'_>, from: &FromArgs, output: &Output) -> Result<Option<Fetched>> {
    if !from.is_given() {
        return Ok(None);
    }
    let task = Arc::new(Task::stoppable(output, "fetch", None));
    let fetcher = from.fetcher(&Settings::load(&session.home, Some(&session.workspace))?, &task)?;
    // So that no gc takes what is not whole yet.
    let _lock = session.workspace.lock()?;
    task.end(fetch(session, found, &fetcher), || interrupted(&come(&fetcher)))?;
    Ok(Some(Fetched::by(&fetcher)))
}

/// What has come until now, and stays.
fn come(fetcher: &Fetcher) -> String {
    let bytes = fetcher.given().iter().map(|given| given.bytes).sum();
    format!("{} have come and are kept", size(bytes))
}

fn fetch(session: &Session, found: &Found<'_>, fetcher: &Fetcher) -> Result<()> {
    let (store, blobs) = (session.store()?, session.blobs());
    let here = Here { fetcher, store: &store, blobs: &blobs };
    let manifest = *dataset::stated(&session.ledger, found)?.subject.manifest.digest();
    here.small(&manifest, MAX_MANIFEST as u64)?;
    let manifest = Manifest::from_cbor(&blobs.get(&manifest, MAX_MANIFEST)?).kind(Kind::DoesNotVerify)?;
    let fields = manifest.fields();
    for file in [Some(fields.chunk_list), fields.card, fields.license, fields.croissant, fields.report] {
        let Some(FileRef { bytes, sha256 }) = file else { continue };
        here.small(&sha256, bytes)?;
    }
    let stored = dataset::load(&session.ledger, &blobs, found)?;
    fetcher.chunks(&store, &stored.chunks).map_err(|error| refused(&error, error.is_refusal()))?;
    // All files are durable: from here on the dataset is here, whether or not a crash leaves the mark.
    removed::unmark(&session.workspace, &found.id)
}

/// The CID in a REF of which this workspace knows nothing, if somebody is to be asked about it.
pub fn foreign(reference: &str, from: &FromArgs, global: &Global) -> Result<Option<Cid>> {
    let Some(cid) = by_cid::parse(reference)?.filter(|_| from.is_given()) else { return Ok(None) };
    let Some(session) = session(global)? else { return Ok(Some(cid)) };
    match session.find(reference) {
        Ok(_) => Ok(None),
        Err(error) if error.kind == Kind::NotFound => Ok(Some(cid)),
        Err(error) => Err(error),
    }
}

/// A dataset that was fetched by its CID, in a store of its own beside the file that it is fetched for.
pub struct Foreign {
    /// What was published.
    pub published: Published,
    /// Its files.
    pub store: Store,
    /// What was fetched.
    pub fetched: Fetched,
    /// Who says so.
    pub signed: Signed,
    place: PathBuf,
    _lock: File,
}

impl Foreign {
    /// Fetches all of it. What has come stays if this fails or is killed, and the next run goes on with it.
    pub fn fetch(
        cid: &Cid,
        from: &FromArgs,
        (path, global, output): (&Path, &Global, &Output),
        allow: impl FnOnce(&Record) -> Result<()>,
    ) -> Result<Self> {
        let session = session(global)?;
        let settings = match &session {
            Some(session) => Settings::load(&session.home, Some(&session.workspace))?,
            None => Settings::load(&Home::locate(global.home.as_deref())?, None)?,
        };
        let task = Arc::new(Task::stoppable(output, "fetch", None));
        let fetcher = from.fetcher(&settings, &task)?;
        let (place, lock) = place(path, cid)?;
        let store = Store::open(&place).kind(Kind::Failed)?;
        let stopped = || interrupted(&come(&fetcher));
        let published = fetcher.published(&store, cid).map_err(|error| refused(&error, error.is_refusal()));
        let published = task.end(published, stopped)?;
        let id = published.envelope.statement_id();
        let record = session.as_ref().and_then(|session| session.ledger.fold().statement(&id));
        record.map_or(Ok(()), allow)?;
        let trusted_by = match (&session, record) {
            (Some(session), Some(_)) => {
                let key = log_key(&session.workspace)?;
                let trust = Trust::load(&session.home)?;
                trust.logs().contains(&key).then(|| key.name().as_str().to_owned())
            }
            _ => None,
        };
        let chunks = fetcher.chunks(&store, &published.chunks).map_err(|error| refused(&error, error.is_refusal()));
        task.end(chunks, stopped)?;
        let signed = Signed {
            name: published.statement.subject().name().map(ToString::to_string).unwrap_or_default(),
            signer: published.envelope.signers().map(|key| key.to_did()).collect(),
            contributor: published.statement.owner().to_string(),
            statement: id.to_string(),
            trusted_by,
        };
        Ok(Self { fetched: Fetched::by(&fetcher), published, store, signed, place, _lock: lock })
    }

    /// Tells a person who says so, and removes the store: what was asked for is written.
    pub fn finish(self, output: &Output) -> Result<(Fetched, Signed)> {
        fs::remove_dir_all(&self.place).map_err(|error| failed(&self.place, &error))?;
        let Signed { name, signer, trusted_by, .. } = &self.signed;
        output.talk(format_args!("{name}, signed by {}", signer.join(" and ")));
        match trusted_by {
            Some(origin) => output.talk(format_args!("logged in {origin}")),
            None => output.talk("no log that you trust vouches for it: mira help trust"),
        }
        self.fetched.tell(output);
        Ok((self.fetched, self.signed))
    }
}

/// Where files of a dataset of this log are looked for before they are fetched.
struct Here<'a> {
    fetcher: &'a Fetcher,
    store: &'a Store,
    blobs: &'a Blobs,
}

impl Here<'_> {
    /// Fetches a small file by its SHA-256, unless it is here. Up to one leaf the digest is that of its block; nobody can
    /// be asked for a longer file without the CID of its node.
    fn small(&self, digest: &Digest, len: u64) -> Result<()> {
        let limit = usize::try_from(len).unwrap_or(usize::MAX);
        match self.blobs.get(digest, limit) {
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::DoesNotVerify) => {}
            Err(error) => return Err(error),
        }
        let cid = Cid::new(Codec::Raw, *digest);
        let wanted = Wanted { cid, len: Length::AtMost(len.min(CHUNK_LEN as u64)) };
        self.fetcher.files(self.store, &[wanted]).map_err(|error| {
            let is_long = len > CHUNK_LEN as u64 && !error.is_refusal();
            let error = refused(&error, error.is_refusal());
            if is_long {
                error.hint("the CID of the dataset's directory fetches all of it: mira get CID")
            } else {
                error
            }
        })?;
        self.blobs.put(&self.store.get(&cid, CHUNK_LEN as u64).kind(Kind::Failed)?).map(drop)
    }
}

/// The workspace, if the command runs in one.
fn session(global: &Global) -> Result<Option<Session>> {
    match Session::open(global) {
        Ok(session) => Ok(Some(session)),
        Err(error) if error.kind == Kind::NotFound && global.workspace.is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes what was fetched for a file or folder that is there by now, unless somebody is at it.
pub fn forget(path: &Path, cid: &Cid) -> Result<()> {
    if !name_of_place(path, cid)?.exists() {
        return Ok(());
    }
    let (place, _lock) = place(path, cid)?;
    fs::remove_dir_all(&place).map_err(|error| failed(&place, &error))
}

/// Where a fetched dataset is kept until its file or folder is written: beside it, under a name that tells the CID.
fn name_of_place(path: &Path, cid: &Cid) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| {
        CliError::new(Kind::Usage, "a file or folder needs a name of its own").at(path.display().to_string())
    })?;
    Ok(path.with_file_name(format!(".{}.fetch-{cid}", name.to_string_lossy())))
}

/// Makes that place, or takes over one of a run before, and locks it.
fn place(path: &Path, cid: &Cid) -> Result<(PathBuf, File)> {
    let place = name_of_place(path, cid)?;
    let made = fs::create_dir_all(&place).and_then(|()| File::open(&place));
    let lock = made.map_err(|error| failed(path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok((place, lock)),
        Err(TryLockError::WouldBlock) => Err(CliError::new(Kind::Failed, "another mira fetches this")
            .at(path.display().to_string())
            .hint("run this again when it has ended")),
        Err(TryLockError::Error(error)) => Err(failed(path, &error)),
    }
}

fn refused(error: &(dyn std::error::Error + 'static), is_refusal: bool) -> CliError {
    if is_refusal {
        return CliError::new(Kind::DoesNotVerify, chain(error));
    }
    CliError::new(Kind::Failed, chain(error)).hint("what has come is kept: the same command goes on from there")
}
