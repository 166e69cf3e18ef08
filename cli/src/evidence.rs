//! The rows and files of a workspace, for rewards to be computed from.

use std::rc::Rc;

use mira_anchor::reward::{Evidence, EvidenceSource, Outline, Row};
use mira_core::digest::{Digest, StatementId};
use mira_core::statement::Dataset;
use mira_ingest::export;
use mira_ingest::rows::RowEncoder;
use mira_ingest::store::Store;

use crate::blobs::Blobs;
use crate::dataset::{self, Stored};
use crate::error::Result;
use crate::refs::Found;
use crate::session::Session;

/// Largest row set or list of inputs that is read.
const MAX_FILE: usize = 256 << 20;

/// What a workspace can show.
#[derive(Debug)]
pub struct Shelf<'a> {
    session: &'a Session,
    blobs: Blobs,
    store: Store,
    /// The dataset that was asked for last, whose chunks are likely to be next.
    open: Option<(StatementId, Rc<Stored>)>,
}

impl<'a> Shelf<'a> {
    /// The rows and files of this workspace.
    pub fn of(session: &'a Session) -> Result<Self> {
        Ok(Self { session, blobs: session.blobs(), store: session.store()?, open: None })
    }

    fn dataset(&mut self, statement: &StatementId) -> std::result::Result<Rc<Stored>, EvidenceSource> {
        if let Some((open, stored)) = &self.open
            && open == statement
        {
            return Ok(stored.clone());
        }
        let record = self.session.ledger.fold().statement(statement).ok_or("the log has no such statement")?;
        let found = Found { id: *statement, record };
        let stored = Rc::new(dataset::load(&self.session.ledger, &self.blobs, &found)?);
        self.open = Some((*statement, stored.clone()));
        Ok(stored)
    }
}

impl Evidence for Shelf<'_> {
    fn outline(&mut self, statement: &StatementId, _: &Dataset) -> std::result::Result<Outline, EvidenceSource> {
        let stored = self.dataset(statement)?;
        let chunks = stored.chunks.chunks().iter().map(|chunk| chunk.leaf).collect();
        Ok(Outline { schema: stored.committed.schema().clone(), chunks })
    }

    fn chunk(
        &mut self,
        statement: &StatementId,
        _: &Dataset,
        index: usize,
    ) -> std::result::Result<Vec<Row>, EvidenceSource> {
        let stored = self.dataset(statement)?;
        let chunk = stored.committed.chunks.get(index).ok_or("the dataset has no such chunk")?;
        if !self.store.has(&chunk.cid)? && self.store.has_leaves(&chunk.leaf.leaf()) {
            return Err("its rows were removed here, and rewards go by their lengths, which leaves do not tell".into());
        }
        let batch = export::chunk(&stored.committed, &self.store, index)?.ok_or("the dataset has no such chunk")?;
        let leaves = RowEncoder::new(&batch)?.leaves()?;
        Ok(leaves.into_iter().map(|leaf| Row { leaf: leaf.hash, len: leaf.len }).collect())
    }

    fn file(&mut self, sha256: &Digest) -> std::result::Result<Vec<u8>, EvidenceSource> {
        Ok(self.blobs.get(sha256, MAX_FILE)?)
    }
}
