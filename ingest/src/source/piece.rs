//! What one thread reads and another takes apart.

use arrow_array::RecordBatch;

use super::{Block, Guess, Plan, Source, SourceBatch, SourceError};

/// Blocks that are small are taken apart by whoever gets them; of others, only one batch at a time is in memory.
#[derive(Debug)]
pub struct Piece(Part);

#[derive(Debug)]
enum Part {
    Block(Block),
    Batch(RecordBatch),
}

/// Why a piece could not be read under a [`Guess`].
#[derive(Debug, thiserror::Error)]
pub enum GuessError {
    /// The values read so far do not come to the guessed plan.
    #[error("the rest of the input is not like its start")]
    Wrong,
    /// The input cannot be read, or not under this plan.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Source {
    /// The whole input, in order, for [`Piece::batches`] under the same plan.
    pub fn pieces(&self, plan: &Plan) -> impl Iterator<Item = Result<Piece, SourceError>> {
        self.blocks().flat_map(move |block| -> Box<dyn Iterator<Item = Result<Piece, SourceError>>> {
            match block {
                Ok(block) if block.is_small(plan) => Box::new(std::iter::once(Ok(Piece(Part::Block(block))))),
                Ok(block) => Box::new(block.batches(plan).map(|batch| Ok(Piece(Part::Batch(rows(batch?)))))),
                Err(error) => Box::new(std::iter::once(Err(error))),
            }
        })
    }
}

impl Piece {
    /// The batches of the piece in order, and why there are no more if it is broken.
    pub fn batches(self, plan: &Plan) -> (Vec<RecordBatch>, Option<SourceError>) {
        let block = match self.0 {
            Part::Block(block) => block,
            Part::Batch(batch) => return (vec![batch], None),
        };
        let mut error = None;
        let batches = block.batches(plan).map_while(|batch| match batch {
            Ok(batch) => Some(rows(batch)),
            Err(found) => {
                error = Some(found);
                None
            }
        });
        (batches.collect(), error)
    }
}

impl Guess {
    /// The same for a block that is read under a guess. After an error the input is to be read again without it.
    pub fn batches(&self, block: Block) -> (Vec<RecordBatch>, Option<GuessError>) {
        match self.read(block) {
            Ok((batches, true)) => (batches.into_iter().map(rows).collect(), None),
            Ok((_, false)) => (Vec::new(), Some(GuessError::Wrong)),
            Err(error) => (Vec::new(), Some(error.into())),
        }
    }
}

fn rows(batch: SourceBatch) -> RecordBatch {
    batch.batch
}
