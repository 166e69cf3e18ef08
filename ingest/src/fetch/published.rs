//! A dataset by the CID of its directory, knowing nothing else of it.
//!
//! The root block names the files beside the chunks. The statement says which manifest is meant and who says so, the
//! manifest names the other files, the chunk list the chunks' files; and the directory that follows from all of them must
//! have the CID that was asked for. So the directories below the root are computed, and never fetched: no name, no
//! nesting and no length in them is anybody's choice.

use mira_core::cid::Cid;
use mira_core::digest::Digest;
use mira_core::dsse::{Envelope, EnvelopeError, EnvelopeSignatureError, MAX_ENVELOPE, VerifiedEnvelope};
use mira_core::manifest::{ChunkList, FileRef, ListedChunk, MAX_CHUNK_LIST, MAX_MANIFEST, Manifest, ManifestError};
use mira_core::statement::{Dataset, Statement, StatementError};
use mira_core::unixfs::{Directory, File, Link, OpenError};

use super::{FetchError, Fetcher, Length, Wanted};
use crate::commit::{CommitError, CommittedDataset};
use crate::directory::{DatasetDirectory, LayoutError, TopFiles};
use crate::physical::{PhysicalError, PhysicalSchema};
use crate::store::{Store, file_of};

/// Longest README.md, LICENSE, croissant.json or report.json.
const MAX_NAMED: u64 = 64 << 20;
/// The entries that a dataset directory can have.
const NAMES: [&str; 9] = [
    "LICENSE",
    "README.md",
    "chunks",
    "chunks.cbor",
    "croissant.json",
    "manifest.cbor",
    "report.json",
    "schema.json",
    "statement.dsse",
];

/// A dataset as it was published: signed, and consistent down to the CIDs of its chunks' files.
#[derive(Debug, Clone)]
pub struct Published {
    /// The directory, whose CID is the one that was asked for.
    pub directory: DatasetDirectory,
    /// The manifest.
    pub manifest: Manifest,
    /// The chunks.
    pub chunks: ChunkList,
    /// The same for reading rows.
    pub committed: CommittedDataset,
    /// The signed statement. Its signatures verified; whether a log has it is not known from it.
    pub envelope: VerifiedEnvelope,
    /// What it says.
    pub statement: Statement,
}

/// Why a directory is not that of a dataset.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// A file of it could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The CID is not that of a directory.
    #[error("the CID is not that of a directory")]
    Directory(#[source] OpenError),
    /// The directory has an entry that no dataset has.
    #[error("the directory is not that of a dataset: it has an entry {name:?}")]
    Entry {
        /// Its name.
        name: String,
    },
    /// The directory lacks a file that every dataset has.
    #[error("the directory is not that of a dataset: it has no {name}")]
    NoEntry {
        /// Its name.
        name: &'static str,
    },
    /// The manifest or the chunk list is not one.
    #[error("{file} does not verify")]
    Manifest {
        /// Which of the two.
        file: &'static str,
        /// Why not.
        source: ManifestError,
    },
    /// The statement is not in an envelope.
    #[error("statement.dsse does not verify")]
    Envelope(#[from] EnvelopeError),
    /// Its signature is not one.
    #[error("statement.dsse does not verify")]
    Signature(#[from] EnvelopeSignatureError),
    /// What is signed is no statement.
    #[error("statement.dsse does not verify")]
    Statement(#[from] StatementError),
    /// What is signed is not about a dataset.
    #[error("statement.dsse is not about a dataset")]
    NoDataset,
    /// Statement and manifest contradict each other.
    #[error("statement.dsse and manifest.cbor have another {what} each")]
    Differs {
        /// In what.
        what: &'static str,
    },
    /// The physical schema is not one.
    #[error("manifest.cbor does not verify")]
    Physical(#[from] PhysicalError),
    /// The chunks are not a dataset.
    #[error("chunks.cbor does not verify")]
    Commit(#[from] CommitError),
    /// A file is not the one that the manifest names.
    #[error("{name} is not the file that manifest.cbor names")]
    File {
        /// Its name.
        name: &'static str,
    },
    /// The directory cannot be made from what is in it.
    #[error("the directory is not that of a dataset")]
    Layout(#[from] LayoutError),
    /// The directory that follows from the manifest and the statement is another one.
    #[error("the directory has CID {expected}, the one of this manifest and statement has {found}")]
    Cid {
        /// The CID that was asked for.
        expected: Cid,
        /// The one that follows.
        found: Cid,
    },
}

impl PublishedError {
    /// Whether what was published is at fault, or a source: not a matter of trying again.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_refusal(),
            _ => true,
        }
    }
}

impl Fetcher {
    /// Fetches everything of a published dataset but its chunks' files, and checks that it belongs together.
    ///
    /// # Errors
    /// [`PublishedError`].
    pub fn published(&self, store: &Store, cid: &Cid) -> Result<Published, PublishedError> {
        let root = self.directory(cid)?;
        let files = Files { fetcher: self, store, root: &root };
        let envelope = files.read("statement.dsse", Length::AtMost(MAX_ENVELOPE as u64))?;
        let envelope = Envelope::parse(&envelope)?.verify_signatures()?;
        let statement = Statement::from_json(envelope.statement())?;
        let manifest = files.read("manifest.cbor", Length::AtMost(MAX_MANIFEST as u64))?;
        let manifest = Manifest::from_cbor(&manifest).map_err(|source| wrong("manifest.cbor", source))?;
        agree(statement.predicate().dataset().ok_or(PublishedError::NoDataset)?, &manifest)?;

        let fields = manifest.fields();
        let named = FileRef { bytes: fields.chunk_list.bytes.min(MAX_CHUNK_LIST as u64), ..fields.chunk_list };
        let chunks = files.named("chunks.cbor", &named)?;
        let chunks = manifest.open_chunk_list(&chunks).map_err(|source| wrong("chunks.cbor", source))?;
        let physical = PhysicalSchema::parse(&fields.physical)?;
        let committed = CommittedDataset::new(physical, chunks.chunks().to_vec())?;

        let top = files.top(&manifest)?;
        let directory = DatasetDirectory::new(&top, &chunks)?;
        if directory.cid() != *cid {
            return Err(PublishedError::Cid { expected: *cid, found: directory.cid() });
        }
        Ok(Published { directory, manifest, chunks, committed, envelope, statement })
    }

    /// Fetches the chunks' files that are not in the store, or not intact there.
    ///
    /// # Errors
    /// [`FetchError`]; a later call goes on from there.
    pub fn chunks(&self, store: &Store, chunks: &ChunkList) -> Result<(), FetchError> {
        self.observer.left(chunks.chunks().iter().map(|chunk| chunk.bytes).sum());
        let wanted = |chunk: &ListedChunk| Wanted { cid: chunk.cid, len: Length::Exactly(chunk.bytes) };
        self.files(store, &chunks.chunks().iter().map(wanted).collect::<Vec<_>>())
    }

    fn directory(&self, cid: &Cid) -> Result<Directory, PublishedError> {
        let block = self.wait(self.block(cid))?;
        let root = Directory::open(*cid, &block).map_err(PublishedError::Directory)?;
        let foreign = root.entries().map(|(name, _)| name).find(|name| !NAMES.contains(name)).map(str::to_owned);
        foreign.map_or(Ok(root), |name| Err(PublishedError::Entry { name }))
    }
}

/// The files beside the chunks, from the links of the root.
struct Files<'a> {
    fetcher: &'a Fetcher,
    store: &'a Store,
    root: &'a Directory,
}

impl Files<'_> {
    fn link(&self, name: &'static str) -> Result<Link, PublishedError> {
        self.root.entry(name).ok_or(PublishedError::NoEntry { name })
    }

    fn read(&self, name: &'static str, len: Length) -> Result<Vec<u8>, PublishedError> {
        let cid = self.link(name)?.cid;
        self.fetcher.files(self.store, &[Wanted { cid, len }])?;
        let (Length::Exactly(limit) | Length::AtMost(limit)) = len;
        Ok(self.store.get(&cid, limit).map_err(FetchError::Store)?)
    }

    /// Reads a file that the manifest names.
    fn named(&self, name: &'static str, named: &FileRef) -> Result<Vec<u8>, PublishedError> {
        let bytes = self.read(name, Length::Exactly(named.bytes))?;
        if Digest::of(&bytes) == named.sha256 { Ok(bytes) } else { Err(PublishedError::File { name }) }
    }

    /// A file that is there iff the manifest names it.
    fn optional(&self, name: &'static str, named: Option<FileRef>) -> Result<Option<File>, PublishedError> {
        match named {
            Some(named) if named.bytes > MAX_NAMED => Err(PublishedError::File { name }),
            Some(named) => Ok(Some(self.file(&self.named(name, &named)?)?)),
            // An entry that is there nevertheless makes another directory, whose CID tells.
            None => Ok(None),
        }
    }

    fn top(&self, manifest: &Manifest) -> Result<TopFiles, PublishedError> {
        let fields = manifest.fields();
        // The schema follows from the manifest, so it is written and not fetched.
        let schema = self.store.put(fields.schema.to_json().as_bytes()).map_err(FetchError::Store)?;
        let read = |name, limit: usize| self.file(&self.read(name, Length::AtMost(limit as u64))?);
        Ok(TopFiles {
            manifest: read("manifest.cbor", MAX_MANIFEST)?,
            chunk_list: read("chunks.cbor", MAX_CHUNK_LIST)?,
            statement: read("statement.dsse", MAX_ENVELOPE)?,
            schema,
            readme: self.optional("README.md", fields.card)?,
            license: self.optional("LICENSE", fields.license)?,
            croissant: self.optional("croissant.json", fields.croissant)?,
            report: self.optional("report.json", fields.report)?,
        })
    }

    fn file(&self, bytes: &[u8]) -> Result<File, PublishedError> {
        Ok(file_of(bytes).map_err(FetchError::Store)?)
    }
}

/// Whether the statement is about the dataset of the manifest, and says the same of it.
fn agree(stated: &Dataset, manifest: &Manifest) -> Result<(), PublishedError> {
    let fields = manifest.fields();
    let same = [
        ("manifest", stated.subject.manifest == manifest.digest()),
        ("dataset_id", stated.subject.id == manifest.dataset_id()),
        ("number of rows", stated.rows.value() == fields.rows),
        ("number of chunks", stated.chunks.value() == fields.chunks),
        ("schema", stated.schema_id == fields.schema.schema_id()),
        ("set of profiles", stated.profiles == fields.profiles),
        ("rights block", stated.rights == fields.rights),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(PublishedError::Differs { what }),
        None => Ok(()),
    }
}

fn wrong(file: &'static str, source: ManifestError) -> PublishedError {
    PublishedError::Manifest { file, source }
}
