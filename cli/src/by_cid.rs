//! CIDs as REFs: of a dataset's directory, of a file beside its chunks, or of a chunk's file.
//!
//! The log holds none of them. They follow from the files of this workspace, which are read when a CID is asked for,
//! the latest dataset first; a dataset whose files are not here is not found by them.

use mira_core::cid::Cid;
use mira_core::digest::Digest;
use mira_ingest::store::file_of;

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{counted, excerpt};
use crate::refs::Found;
use crate::session::Session;
use crate::{dataset, publish};

/// The CID that a REF is, if it is one: `cid:CID`, or the CID alone.
pub fn parse(text: &str) -> Result<Option<Cid>> {
    match text.strip_prefix("cid:") {
        Some(cid) => cid.parse().map(Some).map_err(|_| {
            CliError::new(Kind::Usage, format!("{:?} is not a CID", excerpt(cid)))
                .hint("a CID is bafy… or bafk…, as mira add --json and mira pin print it")
        }),
        None => Ok(text.parse().ok()),
    }
}

/// The dataset that the CID is of. What several datasets have, such as a chunk, names none of them.
pub fn find<'a>(session: &'a Session, cid: &Cid) -> Result<Found<'a>> {
    let datasets = session.ledger.fold().statements().filter(|(_, record)| record.extent.is_some());
    let mut datasets: Vec<Found<'a>> = datasets.map(|(id, record)| Found { id: *id, record }).collect();
    datasets.sort_by_key(|found| std::cmp::Reverse(found.record.seq));
    let mut fitting: Vec<Found<'a>> = Vec::new();
    for found in datasets {
        match is_of(session, &found, cid)? {
            // The directory holds the signed statement, so it is of this one alone.
            Some(Part::Directory) => return Ok(found),
            Some(Part::File) => fitting.push(found),
            None => {}
        }
    }
    let mut subjects: Vec<&Digest> = fitting.iter().map(|found| &found.record.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    match (fitting.first(), subjects.len()) {
        (Some(latest), 1) => Ok(*latest),
        (Some(_), several) => {
            let message = format!("{} have this file: {cid}", counted(several as u64, "dataset"));
            Err(CliError::new(Kind::Usage, message).hint("name one of them: mira ls lists them"))
        }
        (None, _) => Err(CliError::new(Kind::NotFound, format!("no dataset here has the CID {cid}"))),
    }
}

/// What of a dataset a CID names.
enum Part {
    Directory,
    File,
}

fn is_of(session: &Session, found: &Found<'_>, cid: &Cid) -> Result<Option<Part>> {
    let stored = match dataset::load(&session.ledger, &session.blobs(), found) {
        Ok(stored) => stored,
        // A file that is not here names nothing here.
        Err(error) if error.kind == Kind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if stored.chunks.chunks().iter().any(|chunk| chunk.cid == *cid) {
        return Ok(Some(Part::File));
    }
    let directory = publish::directory_of(session, found, &stored, |bytes| file_of(bytes).kind(Kind::Failed))?;
    if directory.cid() == *cid {
        return Ok(Some(Part::Directory));
    }
    Ok(directory.files().any(|entry| entry.file.cid == *cid).then_some(Part::File))
}
