//! A dataset as the directory that IPFS nodes pin, and the queue of pins.

use std::path::PathBuf;

use mira_core::manifest::{MAX_CHUNK_LIST, MAX_MANIFEST};
use mira_core::unixfs::File;
use mira_ingest::directory::{DatasetDirectory, TopFiles};
use mira_ingest::outbox::Outbox;
use mira_ingest::pin::Address;
use mira_ingest::store::Store;

use crate::dataset;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::refs::Found;
use crate::session::Session;

/// The dataset's directory. The files beside its chunks go to the store, where the directory's blocks are read from.
pub fn directory(session: &Session, store: &Store, found: &Found<'_>) -> Result<DatasetDirectory> {
    let stated = dataset::stated(&session.ledger, found)?;
    let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
    let fields = stored.manifest.fields();
    let blobs = session.blobs();
    let keep = |bytes: &[u8]| -> Result<File> { store.put(bytes).kind(Kind::Failed) };
    let entry = session.ledger.log().entry(found.record.seq).kind(Kind::DoesNotVerify)?;
    let envelope = entry.get(mira_core::entry::Entry::HEADER_LEN..).unwrap_or_default();
    let top = TopFiles {
        manifest: keep(&blobs.get(stated.subject.manifest.digest(), MAX_MANIFEST)?)?,
        chunk_list: keep(&blobs.get(&fields.chunk_list.sha256, MAX_CHUNK_LIST)?)?,
        statement: keep(envelope)?,
        schema: keep(fields.schema.to_json().as_bytes())?,
        readme: None,
        license: None,
        croissant: None,
        report: None,
    };
    DatasetDirectory::new(&top, &stored.chunks).kind(Kind::Failed)
}

/// The queue of pins: what is to be pinned where, and how far it is.
pub fn outbox(session: &Session) -> Result<Outbox> {
    Outbox::open(&session.workspace.path("outbox.sqlite")).kind(Kind::Failed)
}

/// The node: `MIRA_KUBO`, else `$IPFS_PATH/api`, else 127.0.0.1:5001. Only nodes on this machine: sending data to
/// others is publishing, and nothing asks yet whether data may be published.
pub fn node() -> Result<Address> {
    let said = std::env::var("MIRA_KUBO").ok().filter(|text| !text.is_empty());
    let repository = std::env::var_os("IPFS_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let address = Address::find(said.as_deref(), repository.as_deref()).kind(Kind::Usage)?;
    if !address.is_loopback() {
        return Err(CliError::new(Kind::Usage, format!("{address} is not on this machine"))
            .hint("this version pins to nodes on loopback only"));
    }
    Ok(address)
}
