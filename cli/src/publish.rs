//! A dataset as the directory that IPFS nodes pin, and the queue of pins.

use std::path::PathBuf;

use mira_core::cid::Cid;
use mira_core::manifest::{FileRef, MAX_CHUNK_LIST, MAX_MANIFEST};
use mira_core::unixfs::File;
use mira_ingest::directory::{DatasetDirectory, TopFiles};
use mira_ingest::outbox::{Job, Outbox};
use mira_ingest::pin::Address;
use mira_ingest::store::{Store, file_of};

use crate::dataset::{self, Stored};
use crate::error::{Kind, Result, ResultExt};
use crate::refs::Found;
use crate::session::Session;
use crate::settings::{Origin, Setting, Settings};

/// Largest file beside the chunks that a manifest may name.
const MAX_NAMED: usize = 64 << 20;

/// The file of the queue.
const OUTBOX: &str = "outbox.sqlite";

/// The dataset's directory. The files beside its chunks go to the store, where the directory's blocks are read from.
pub fn directory(session: &Session, store: &Store, found: &Found<'_>) -> Result<DatasetDirectory> {
    let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
    directory_of(session, found, &stored, |bytes| store.put(bytes).kind(Kind::Failed))
}

/// The same of a dataset that is loaded; `keep` gets each file beside the chunks.
pub fn directory_of(
    session: &Session,
    found: &Found<'_>,
    stored: &Stored,
    keep: impl Fn(&[u8]) -> Result<File>,
) -> Result<DatasetDirectory> {
    let stated = dataset::stated(&session.ledger, found)?;
    let fields = stored.manifest.fields();
    let blobs = session.blobs();
    let entry = session.ledger.log().entry(found.record.seq).kind(Kind::DoesNotVerify)?;
    let envelope = entry.get(mira_core::entry::Entry::HEADER_LEN..).unwrap_or_default();
    // Only what the manifest names is in the directory, so that its CID follows from the manifest and the statement.
    let named = |file: Option<FileRef>| -> Result<Option<File>> {
        file.map(|file| keep(&blobs.get(&file.sha256, MAX_NAMED)?)).transpose()
    };
    let top = TopFiles {
        manifest: keep(&blobs.get(stated.subject.manifest.digest(), MAX_MANIFEST)?)?,
        chunk_list: keep(&blobs.get(&fields.chunk_list.sha256, MAX_CHUNK_LIST)?)?,
        statement: keep(envelope)?,
        schema: keep(fields.schema.to_json().as_bytes())?,
        readme: named(fields.card)?,
        license: named(fields.license)?,
        croissant: named(fields.croissant)?,
        report: named(fields.report)?,
    };
    DatasetDirectory::new(&top, &stored.chunks).kind(Kind::Failed)
}

/// The CIDs of a dataset's directory, as it is pinned, and of the manifest in it. Small files are read for that, no rows.
pub fn cids(session: &Session, statement: &str) -> Result<(Cid, Cid)> {
    let found = session.find(&format!("statement:{statement}"))?;
    let stored = dataset::load(&session.ledger, &session.blobs(), &found)?;
    let directory = directory_of(session, &found, &stored, |bytes| file_of(bytes).kind(Kind::Failed))?;
    let manifest = file_of(&stored.manifest.to_cbor()).kind(Kind::Failed)?;
    Ok((directory.cid(), manifest.cid))
}

/// The queue of pins: what is to be pinned where, and how far it is.
pub fn outbox(session: &Session) -> Result<Outbox> {
    Outbox::open(&session.workspace.path(OUTBOX)).kind(Kind::Failed)
}

/// What the queue holds, without making or changing it.
pub fn jobs(session: &Session) -> Result<Vec<Job>> {
    Outbox::read(&session.workspace.path(OUTBOX)).kind(Kind::Failed)
}

/// The node, and who said so: `MIRA_KUBO`, else the setting `kubo`, else `$IPFS_PATH/api`, else 127.0.0.1:5001.
pub fn node_setting(settings: &Settings) -> Result<(Address, Origin)> {
    let repository = std::env::var_os("IPFS_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let (said, origin) = match settings.value(Setting::Kubo) {
        Some((text, origin)) => (Some(text), origin),
        None if repository.is_some() => (None, Origin::Environment("IPFS_PATH")),
        None => (None, Origin::Default),
    };
    Ok((Address::find(said.as_deref(), repository.as_deref()).kind(Kind::Usage)?, origin))
}

/// The node to pin on. One that is not on this machine publishes what it is sent, so the gate stands before it.
pub fn node(session: &Session) -> Result<Address> {
    let (address, _) = node_setting(&Settings::load(&session.home, Some(&session.workspace))?)?;
    Ok(address)
}
