//! A dataset of this workspace, from the statement that contributed it down to its chunk files.

use mira_core::manifest::{ChunkList, MAX_CHUNK_LIST, MAX_MANIFEST, Manifest};
use mira_core::statement::Dataset;
use mira_ingest::commit::CommittedDataset;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::report::{MAX_REPORT, Report};

use crate::blobs::Blobs;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::ledger::Ledger;
use crate::refs::Found;

/// A dataset whose manifest and chunk list are here and belong to its statement.
#[derive(Debug)]
pub struct Stored {
    /// The manifest.
    pub manifest: Manifest,
    /// Its chunks.
    pub chunks: ChunkList,
    /// The same for reading rows.
    pub committed: CommittedDataset,
}

/// What a statement says about the dataset it contributes.
pub fn stated<'a>(ledger: &'a Ledger, found: &Found<'_>) -> Result<&'a Dataset> {
    ledger
        .accepted(found.record.seq)
        .and_then(|accepted| accepted.statement.predicate().dataset())
        .ok_or_else(|| CliError::new(Kind::Usage, format!("{} is not a dataset", found.id)))
}

/// Reads manifest and chunk list, each checked against what names it.
pub fn load(ledger: &Ledger, blobs: &Blobs, found: &Found<'_>) -> Result<Stored> {
    let dataset = stated(ledger, found)?;
    let bytes = blobs.get(dataset.subject.manifest.digest(), MAX_MANIFEST)?;
    let manifest = Manifest::from_cbor(&bytes).kind(Kind::DoesNotVerify)?;
    if manifest.dataset_id() != dataset.subject.id {
        let message = format!("the manifest is of dataset {}, not {}", manifest.dataset_id(), dataset.subject.id);
        return Err(CliError::new(Kind::DoesNotVerify, message));
    }
    let fields = manifest.fields();
    let bytes = blobs.get(&fields.chunk_list.sha256, MAX_CHUNK_LIST)?;
    let chunks = manifest.open_chunk_list(&bytes).kind(Kind::DoesNotVerify)?;
    let physical = PhysicalSchema::parse(&fields.physical).kind(Kind::DoesNotVerify)?;
    let committed = CommittedDataset::new(physical, chunks.chunks().to_vec()).kind(Kind::DoesNotVerify)?;
    Ok(Stored { manifest, chunks, committed })
}

/// The column profile report that a manifest names, if it names one.
pub fn report(blobs: &Blobs, manifest: &Manifest) -> Result<Option<Report>> {
    let Some(named) = &manifest.fields().report else { return Ok(None) };
    let bytes = blobs.get(&named.sha256, MAX_REPORT)?;
    if bytes.len() as u64 != named.bytes {
        let message = format!("the manifest says that the report has {} bytes, it has {}", named.bytes, bytes.len());
        return Err(CliError::new(Kind::DoesNotVerify, message));
    }
    Report::parse(&bytes).kind(Kind::DoesNotVerify).map(Some)
}
