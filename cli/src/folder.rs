//! A dataset as a folder: what is published, file by file, so that the Hub, `datasets` and `ipfs add` open it.
//!
//! ```text
//! DIR/README.md  LICENSE  croissant.json  report.json           for people and catalogues
//! DIR/manifest.cbor  chunks.cbor  schema.json  statement.dsse   what the contributor signed
//! DIR/chunks/000/000000.parquet …                               the rows, byte for byte as in the store
//! ```
//!
//! It is written beside its place under a hidden name that tells the statement, each file durable before the next, and
//! gets its name when it is whole. A run that was killed leaves the hidden folder, and the next one goes on with it: what
//! is there is hashed, and kept if it is what it should be.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use mira_core::cid::Cid;
use mira_core::digest::StatementId;
use mira_core::fold::Version;
use mira_core::manifest::{ChunkList, MAX_MANIFEST, Manifest};
use mira_core::statement::Dataset;
use mira_ingest::chunk::{self, MAX_FILE};
use mira_ingest::commit::CommittedDataset;
use mira_ingest::directory::{DatasetDirectory, Entry};
use mira_ingest::fetch::Published;
use mira_ingest::observer::Observer as _;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::store::{Store, file_of};

use crate::card::Card;
use crate::dataset::Stored;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::interrupt::interrupted;
use crate::output::{Output, counted};
use crate::progress::Progress;
use crate::read_file::{self, failed};
use crate::refs::Found;
use crate::session::Session;
use crate::task::Task;
use crate::{publish, subject, temporary};

/// What was written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// The CID of the published directory.
    pub cid: Cid,
    /// Whether the folder is that directory: an old dataset without a card gets a README.md beside it.
    pub is_published: bool,
    /// How many files there are.
    pub files: usize,
}

/// Writes the folder, every byte and row checked on the way.
pub fn write(
    session: &Session,
    found: &Found<'_>,
    stored: &Stored,
    (path, force): (&Path, bool),
    output: &Output,
) -> Result<Written> {
    let place = Place::of(path, &found.id, force)?;
    let lock = place.begin()?;
    let store = session.store()?;
    let small = RefCell::new(HashMap::new());
    let directory = publish::directory_of(session, found, stored, |bytes| {
        let file = file_of(bytes).kind(Kind::Failed)?;
        small.borrow_mut().insert(file.cid, bytes.to_vec());
        Ok(file)
    })?;
    let small = small.into_inner();
    let card = stored.manifest.fields().card.is_none().then(|| substitute(found, stored)).flatten();
    place.fill(&directory, &stored.chunks, output, |entry, index| match index {
        Some(index) => rows(&store, &stored.chunks, &stored.committed, index),
        None => Ok(small.get(&entry.file.cid).cloned().unwrap_or_default()),
    })?;
    if let Some(card) = &card {
        let file = file_of(card.as_bytes()).kind(Kind::Failed)?;
        place.keep(&Entry { path: README.to_owned(), file }, || Ok(card.as_bytes().to_vec()))?;
    }
    place.finish()?;
    drop(lock);
    let files = directory.len() + usize::from(card.is_some());
    Ok(Written { cid: directory.cid(), is_published: card.is_none(), files })
}

/// Writes the folder of a dataset that was fetched into a store, every row checked on the way, and returns the number of
/// its files.
pub fn write_fetched(
    published: &Published,
    store: &Store,
    (path, force): (&Path, bool),
    output: &Output,
) -> Result<usize> {
    let place = Place::of(path, &published.envelope.statement_id(), force)?;
    let lock = place.begin()?;
    let Published { directory, chunks, committed, .. } = published;
    place.fill(directory, chunks, output, |entry, index| match index {
        Some(index) => rows(store, chunks, committed, index),
        None => store.get(&entry.file.cid, entry.file.size).kind(Kind::DoesNotVerify),
    })?;
    place.finish()?;
    drop(lock);
    Ok(directory.len())
}

/// Compares a folder with the dataset of a statement, if it is a folder of this kind; nothing if it is another.
pub fn check(path: &Path, dataset: &Dataset, output: &Output) -> Result<Option<subject::Found>> {
    let file = path.join(MANIFEST);
    if !path.is_dir() || !file.is_file() {
        return Ok(None);
    }
    let bytes = read_file::bounded(&file, MAX_MANIFEST)?;
    let manifest = match Manifest::from_cbor(&bytes) {
        Ok(manifest) if manifest.digest() == dataset.subject.manifest => manifest,
        Ok(other) => {
            let message = format!("{MANIFEST} is {}, not {}", other.digest(), dataset.subject.manifest);
            return Ok(Some(subject::Found::Other(message)));
        }
        Err(error) => return Ok(Some(subject::Found::Other(format!("{MANIFEST}: {}", chain(&error))))),
    };
    let differs = differences(path, &manifest, output);
    match differs {
        Ok(()) => Ok(Some(subject::Found::Subject)),
        Err(error) if matches!(error.kind, Kind::DoesNotVerify | Kind::NotFound) => {
            Ok(Some(subject::Found::Other(error.in_one_line())))
        }
        Err(error) => Err(error),
    }
}

const README: &str = "README.md";
const MANIFEST: &str = "manifest.cbor";

/// Reads every file that the manifest names, and every row.
fn differences(path: &Path, manifest: &Manifest, output: &Output) -> Result<()> {
    let wrong = |name: &str, what: String| CliError::new(Kind::DoesNotVerify, format!("{name}: {what}"));
    let fields = manifest.fields();
    let schema = fields.schema.to_json();
    let named = [(README, fields.card), ("LICENSE", fields.license), ("croissant.json", fields.croissant)];
    let named = named.into_iter().chain([("report.json", fields.report)]);
    for (name, file) in named.filter_map(|(name, file)| Some((name, file?))) {
        let limit = usize::try_from(file.bytes).unwrap_or(usize::MAX);
        let found = mira_core::digest::Digest::of(&read_file::bounded(&path.join(name), limit)?);
        if found != file.sha256 {
            return Err(wrong(name, format!("SHA-256 is {found}, not {}", file.sha256)));
        }
    }
    if read_file::bounded(&path.join("schema.json"), schema.len())? != schema.as_bytes() {
        return Err(wrong("schema.json", "not the schema of the manifest".to_owned()));
    }
    let limit = usize::try_from(fields.chunk_list.bytes).unwrap_or(usize::MAX);
    let list = read_file::bounded(&path.join("chunks.cbor"), limit.min(mira_core::manifest::MAX_CHUNK_LIST))?;
    let list = manifest.open_chunk_list(&list).kind(Kind::DoesNotVerify)?;
    let physical = PhysicalSchema::parse(&fields.physical).kind(Kind::DoesNotVerify)?;
    let progress = Progress::new(output, "verify", Some(list.chunks().iter().map(|chunk| chunk.bytes).sum()));
    for (index, listed) in list.chunks().iter().enumerate() {
        let name = mira_ingest::directory::chunk_path(index);
        let limit = usize::try_from(listed.bytes.min(MAX_FILE)).unwrap_or(usize::MAX);
        let bytes = read_file::bounded(&path.join(&name), limit)?;
        let cid = file_of(&bytes).kind(Kind::Failed)?.cid;
        if cid != listed.cid {
            return Err(wrong(&name, format!("CID is {cid}, not {}", listed.cid)));
        }
        let rows = chunk::read(bytes.into(), &physical).and_then(|rows| rows.verify(&listed.leaf));
        rows.map_err(|error| wrong(&name, chain(&error)))?;
        progress.done(listed.leaf.rows, listed.bytes);
    }
    Ok(())
}

/// A README.md for a dataset whose manifest names none, so that `datasets` finds its rows.
fn substitute(found: &Found<'_>, stored: &Stored) -> Option<Card> {
    let Version { name, .. } = found.record.version.as_ref()?;
    let fields = stored.manifest.fields();
    Some(Card::generated(name, &fields.rights.license, fields.rows))
}

/// The bytes of a chunk, whose rows are those that the statement signed.
fn rows(store: &Store, chunks: &ChunkList, dataset: &CommittedDataset, index: usize) -> Result<Vec<u8>> {
    let listed = chunks.chunks().get(index);
    let listed = listed.ok_or_else(|| CliError::new(Kind::Failed, format!("there is no chunk {index}")))?;
    let bytes = store.get(&listed.cid, listed.bytes.min(MAX_FILE)).kind(Kind::DoesNotVerify)?;
    let rows = chunk::read(bytes.clone().into(), &dataset.physical);
    rows.and_then(|rows| rows.verify(&listed.leaf)).kind(Kind::DoesNotVerify)?;
    Ok(bytes)
}

/// Where the folder is to be, and where it grows.
struct Place {
    target: PathBuf,
    temp: PathBuf,
    replaces: bool,
}

/// Something in a folder that is no file of a dataset, by name: a file or folder of the user's.
fn stranger(folder: &Path, below: &str) -> io::Result<Option<PathBuf>> {
    const FILES: [&str; 8] =
        [README, MANIFEST, "LICENSE", "chunks.cbor", "croissant.json", "report.json", "schema.json", "statement.dsse"];
    let is_number = |text: &str, len| text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, is_folder) = (entry.file_name(), entry.file_type()?.is_dir());
        let name = name.to_str().unwrap_or_default();
        let below = match (below, is_folder) {
            ("", false) if FILES.contains(&name) => continue,
            ("", true) if name == "chunks" => "chunks",
            ("chunks", true) if is_number(name, 3) => "chunk files",
            ("chunk files", false) if name.strip_suffix(".parquet").is_some_and(|name| is_number(name, 6)) => continue,
            _ => return Ok(Some(entry.path())),
        };
        if let Some(other) = stranger(&entry.path(), below)? {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

impl Place {
    fn of(path: &Path, id: &StatementId, force: bool) -> Result<Self> {
        let usage = |message: &str| CliError::new(Kind::Usage, message).at(path.display().to_string());
        let name = path.file_name().ok_or_else(|| usage("a folder needs a name of its own"))?.to_string_lossy();
        // Without a slash at its end, which would follow a link.
        let target = path.with_file_name(&*name);
        let id = id.to_string();
        let temp = path.with_file_name(format!(".{name}.mira-{id:.16}"));
        let replaces = match fs::symlink_metadata(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(failed(&target, &error)),
            Ok(there) if !there.is_dir() => {
                return Err(CliError::new(Kind::Failed, "what is there is no folder").at(target.display().to_string()));
            }
            Ok(_) => fs::read_dir(&target).map_err(|error| failed(&target, &error))?.next().is_some(),
        };
        if replaces && !force {
            return Err(CliError::new(Kind::Failed, "there is a folder already")
                .at(target.display().to_string())
                .hint("--force replaces a folder that mira get wrote"));
        }
        if replaces && !target.join(MANIFEST).is_file() {
            return Err(CliError::new(Kind::Failed, "what is in this folder was not written by mira get")
                .at(target.display().to_string())
                .hint("name another folder, or one in it"));
        }
        if replaces && let Some(other) = stranger(&target, "").map_err(|error| failed(&target, &error))? {
            return Err(CliError::new(Kind::Failed, format!("mira get did not write {}", other.display()))
                .at(target.display().to_string())
                .hint("a folder is replaced as a whole: move what is yours, or name another folder"));
        }
        Ok(Self { target, temp, replaces })
    }

    /// Makes the hidden folder, or takes over what a dead run left in it.
    fn begin(&self) -> Result<File> {
        real_folder(&self.temp).map_err(|error| failed(&self.target, &error))?;
        let folder = File::open(&self.temp).map_err(|error| failed(&self.target, &error))?;
        match folder.try_lock() {
            Ok(()) => Ok(folder),
            Err(TryLockError::WouldBlock) => Err(CliError::new(Kind::Failed, "another mira writes this folder")
                .at(self.target.display().to_string())
                .hint("run this again when it has ended")),
            Err(TryLockError::Error(error)) => Err(failed(&self.target, &error)),
        }
    }

    /// Makes every file of a dataset what it should be. `bytes` gives those of an entry, and of a chunk by its index.
    fn fill(
        &self,
        directory: &DatasetDirectory,
        chunks: &ChunkList,
        output: &Output,
        bytes: impl Fn(&Entry, Option<usize>) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let task = Task::stoppable(output, "write", Some(directory.size()));
        for (number, entry) in directory.files().enumerate() {
            // The chunks' files come last.
            let index = (number + chunks.chunks().len()).checked_sub(directory.len());
            self.keep(&entry, || bytes(&entry, index))?;
            let rows = index.and_then(|index| chunks.chunks().get(index)).map_or(0, |chunk| chunk.leaf.rows);
            let kept = || {
                let files = counted(directory.len() as u64, "file");
                interrupted(&format!("{} of {files} are written, under a hidden name beside it", number + 1))
            };
            task.end(task.done(rows, entry.file.size).kind(Kind::Interrupted), kept)?;
        }
        Ok(())
    }

    /// Makes a file what it should be. One that is that already is left from a run before.
    fn keep(&self, entry: &Entry, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<()> {
        // Paths of entries are ours: names without dots at their start, and slashes between them.
        let path = self.temp.join(&entry.path);
        let at = |error: &io::Error| failed(&self.target.join(&entry.path), error);
        let mut above = self.temp.clone();
        for part in Path::new(&entry.path).parent().into_iter().flat_map(Path::components) {
            above.push(part);
            real_folder(&above).map_err(|error| at(&error))?;
        }
        match fs::symlink_metadata(&path) {
            Ok(there) if there.is_file() && there.len() == entry.file.size => {
                let limit = usize::try_from(entry.file.size).unwrap_or(usize::MAX);
                if file_of(&read_file::bounded(&path, limit)?).kind(Kind::Failed)?.cid == entry.file.cid {
                    return Ok(());
                }
                fs::remove_file(&path).map_err(|error| at(&error))?;
            }
            Ok(_) => fs::remove_file(&path).map_err(|error| at(&error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(&error)),
        }
        let bytes = bytes()?;
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(|error: io::Error| at(&error))
    }

    /// Puts the folder in its place. A crash between the two renames leaves the old folder and the whole new one under
    /// hidden names, and the next run ends it.
    fn finish(&self) -> Result<()> {
        let at = |error: io::Error| failed(&self.target, &error);
        sync_folders(&self.temp).map_err(at)?;
        let old = self.temp.with_extension(format!("old-{}", std::process::id()));
        if self.replaces {
            fs::rename(&self.target, &old).map_err(at)?;
        }
        fs::rename(&self.temp, &self.target).map_err(at)?;
        let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(at)?;
        if self.replaces {
            fs::remove_dir_all(&old).map_err(at)?;
        }
        // What runs moved out of the way that did not come to remove it, now that the new folder stands.
        let olds = self.temp.with_extension("old-");
        temporary::sweep(parent, &olds.file_name().unwrap_or_default().to_string_lossy());
        Ok(())
    }
}

/// Makes a folder, or sees that what is there is one and no link to another.
fn real_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::symlink_metadata(path)?.is_dir() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else is where a folder should be")),
        },
        made => made,
    }
}

/// Makes the names in a folder and in those below it durable.
fn sync_folders(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(path)?.sync_all()
}
