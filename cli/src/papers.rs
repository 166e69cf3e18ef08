//! What is published beside the rows of a dataset: README.md, LICENSE and croissant.json.
//!
//! They are made when a dataset is added, kept under their digests, and named in its manifest, which the statement signs.
//! So they are part of what the contributor said, and the directory's CID follows from the manifest and the statement.

use mira_core::manifest::FileRef;
use mira_core::name::Name;
use mira_core::rights::Rights;
use mira_ingest::commit::CommittedDataset;
use mira_ingest::croissant;

use crate::card::Card;
use crate::error::Result;

/// The files.
#[derive(Debug)]
pub struct Papers {
    /// README.md.
    pub card: Vec<u8>,
    /// croissant.json.
    pub croissant: Vec<u8>,
}

impl Papers {
    /// Makes the files. LICENSE is made already: it is the text that the rights block names.
    pub fn make(
        name: &Name,
        card: Option<Card>,
        (rights, license): (&Rights, Option<FileRef>),
        (committed, chunk_list): (&CommittedDataset, FileRef),
    ) -> Result<Self> {
        let card = match card {
            Some(card) => card.complete(&rights.license)?,
            None => Card::generated(name, &rights.license, committed.rows),
        };
        let schema = committed.schema().to_json();
        let files = [
            Some(("README.md", "text/markdown", FileRef::of(card.as_bytes()))),
            license.map(|license| ("LICENSE", "text/plain", license)),
            Some(("chunks.cbor", "application/cbor", chunk_list)),
            Some(("schema.json", "application/json", FileRef::of(schema.as_bytes()))),
        ];
        let files: Vec<_> = files.into_iter().flatten().collect();
        let keywords: Vec<&str> = card.words().collect();
        let croissant = croissant::describe(&croissant::Dataset {
            name,
            id: committed.dataset_id,
            rows: committed.rows,
            schema: committed.schema(),
            license: &rights.license,
            description: card.summary().as_deref(),
            keywords: &keywords,
            files: &files,
        });
        Ok(Self { card: card.as_bytes().to_vec(), croissant })
    }
}
