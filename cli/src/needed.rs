//! What of a workspace's files its log needs: everything else may go.
//!
//! Small files are needed if a statement names them, or a needed file does. Names are looked for in bytes, without asking
//! what each field means: 64 hex digits in a statement or a text, 32 bytes as a byte string in CBOR. So what a later
//! version names is kept by this one too, and whatever is taken for a name by chance only keeps a file too many.
//!
//! Chunk files are needed if a dataset of the log lists them and was not removed here; what its published directory has
//! beside them stays as well, for the outbox may still have to send it.

use std::collections::{BTreeSet, HashMap, HashSet};

use mira_core::cid::Cid;
use mira_core::digest::{ChunkLeaf, Digest, StatementId};
use mira_core::fold::Outcome;
use mira_ingest::store::{Store, file_of};

use crate::blobs::Blobs;
use crate::error::{Kind, Result, ResultExt};
use crate::refs::Found;
use crate::session::Session;
use crate::{dataset, naming, publish, removed};

/// Longest small file: a list of chunks.
const MAX_BLOB: usize = 1 << 30;

/// What is needed.
#[derive(Debug, Default)]
pub struct Needed {
    /// Chunk files and what is published beside them, by their CIDs, and which datasets need each.
    objects: HashMap<Cid, Vec<usize>>,
    /// The titles of those, in the order of the log.
    holders: Vec<String>,
    /// Chunks of all datasets whose list of chunks is here, removed ones too: their leaves are kept.
    pub chunks: HashSet<ChunkLeaf>,
    /// Whether the chunks of a removed dataset are not known, for its list of them is not here.
    pub blind: bool,
    /// Datasets that are marked as removed and are: a chunk file is missing, or the list of them.
    pub removed: HashSet<StatementId>,
    /// Datasets that are marked as removed, and of which all chunk files are here.
    pub whole: Vec<StatementId>,
    /// Datasets of which nobody can say what they need: their manifest or list of chunks is not here, or damaged.
    pub unknown: Vec<String>,
}

impl Needed {
    /// Whether a file is needed.
    pub fn needs(&self, cid: &Cid) -> bool {
        self.objects.contains_key(cid)
    }

    /// The titles of the datasets that need a file.
    pub fn holders(&self, cid: &Cid) -> impl Iterator<Item = &str> {
        let places = self.objects.get(cid).into_iter().flatten();
        places.filter_map(|at| self.holders.get(*at)).map(String::as_str)
    }

    /// The dataset that was entered last needs these.
    fn hold(&mut self, objects: impl Iterator<Item = Cid>) {
        let at = self.holders.len().saturating_sub(1);
        for cid in objects {
            let places = self.objects.entry(cid).or_default();
            if places.last() != Some(&at) {
                places.push(at);
            }
        }
    }
}

/// The small files that are needed.
pub fn blobs(session: &Session) -> Result<BTreeSet<Digest>> {
    let blobs = session.blobs();
    let there: BTreeSet<Digest> = blobs.list()?.into_iter().map(|(digest, _)| digest).collect();
    let mut found = Vec::new();
    for event in session.ledger.history() {
        if let Outcome::Accepted(accepted) = &event.outcome {
            names(&accepted.statement.to_payload(), &mut found);
        }
    }
    let mut needed = BTreeSet::new();
    while let Some(digest) = found.pop() {
        if there.contains(&digest) && needed.insert(digest) {
            // What is damaged is needed all the same: it tells nothing, and fsck tells about it.
            match blobs.get(&digest, MAX_BLOB) {
                Ok(bytes) => names(&bytes, &mut found),
                Err(error) if error.kind == Kind::DoesNotVerify => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(needed)
}

/// The files of the store that are needed by all datasets but some.
pub fn objects(session: &Session, store: &Store, except: &[StatementId]) -> Result<Needed> {
    let mut needed = Needed::default();
    let fold = session.ledger.fold();
    let datasets = fold.statements().filter(|(id, record)| record.extent.is_some() && !except.contains(id));
    let mut datasets: Vec<_> = datasets.collect();
    datasets.sort_by_key(|(_, record)| record.seq);
    for (id, record) in datasets {
        let found = Found { id: *id, record };
        let stored = match dataset::load(&session.ledger, &session.blobs(), &found) {
            Ok(stored) => stored,
            Err(error) if removed::is_marked(&session.workspace, id) => {
                needed.blind = true;
                if error.kind == Kind::NotFound {
                    needed.removed.insert(*id);
                }
                continue;
            }
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::DoesNotVerify) => {
                needed.unknown.push(naming::title(fold, id));
                continue;
            }
            Err(error) => return Err(error),
        };
        needed.chunks.extend(stored.chunks.chunks().iter().map(|chunk| chunk.leaf.leaf()));
        if removed::is_marked(&session.workspace, id) {
            if removed::lacks_chunks(store, &stored.chunks)? {
                needed.removed.insert(*id);
                continue;
            }
            needed.whole.push(*id);
        }
        needed.holders.push(naming::title(fold, id));
        needed.hold(stored.chunks.chunks().iter().map(|chunk| chunk.cid));
        // A file beside the chunks that is not here is nothing that could be removed.
        if let Ok(directory) =
            publish::directory_of(session, &found, &stored, |bytes| file_of(bytes).kind(Kind::Failed))
        {
            needed.hold(directory.files().map(|entry| entry.file.cid));
        }
    }
    Ok(needed)
}

/// The small files that are not needed, with their lengths.
pub fn unneeded_blobs(session: &Session, blobs: &Blobs) -> Result<Vec<(Digest, u64)>> {
    let needed = self::blobs(session)?;
    Ok(blobs.list()?.into_iter().filter(|(digest, _)| !needed.contains(digest)).collect())
}

/// Everything in these bytes that may be the name of a file.
fn names(bytes: &[u8], found: &mut Vec<Digest>) {
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    for run in bytes.split(|byte| !is_hex(byte)).filter(|run| run.len() == Digest::LEN * 2) {
        found.extend(std::str::from_utf8(run).ok().and_then(|hex| hex.parse::<Digest>().ok()));
    }
    // RFC 8949, section 3.1: a byte string of 32 bytes.
    for string in bytes.windows(2 + Digest::LEN).filter(|window| window.starts_with(&[0x58, 0x20])) {
        found.extend(string.get(2..).and_then(|digest| digest.try_into().ok()).map(Digest::new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_texts_and_in_cbor() {
        let digests = [b"a", b"b", b"c"].map(|bytes| Digest::of(bytes));
        let mut bytes = format!("{{\"x\":\"{}\",\"y\":\"sha256:{}\"}}", digests[0], digests[1]).into_bytes();
        bytes.extend([0x82, 0x18, 0x2a, 0x58, 0x20]);
        bytes.extend(digests[2].as_bytes());
        let mut found = Vec::new();
        names(&bytes, &mut found);
        assert_eq!(found, digests);
        found.clear();
        names(format!("{}0", digests[0]).as_bytes(), &mut found);
        assert!(found.is_empty(), "65 digits are no digest");
    }
}
