//! What one thread reads and another takes apart.

use super::{Block, Guess, Parsed, Plan, Source, SourceBatch, SourceError};

/// Blocks that are small are taken apart by whoever gets them; of others, only one batch at a time is in memory.
#[derive(Debug)]
pub struct Piece(Part);

#[derive(Debug)]
enum Part {
    Block(Block),
    Batch(SourceBatch),
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
    /// The whole input, in order, for [`Piece::parse`] under the same plan.
    pub fn pieces(&self, plan: &Plan) -> impl Iterator<Item = Result<Piece, SourceError>> {
        self.blocks().flat_map(move |block| -> Box<dyn Iterator<Item = Result<Piece, SourceError>>> {
            match block {
                Ok(block) if block.is_small(plan) => Box::new(std::iter::once(Ok(Piece(Part::Block(block))))),
                Ok(block) => Box::new(block.batches(plan).map(|batch| Ok(Piece(Part::Batch(batch?))))),
                Err(error) => Box::new(std::iter::once(Err(error))),
            }
        })
    }
}

impl Piece {
    /// The rows of the piece in order, what is no row, and why there is no more if it is broken.
    pub fn parse(self, plan: &Plan) -> Parsed<SourceError> {
        match self.0 {
            Part::Block(block) => parsed(block.batches(plan)),
            Part::Batch(batch) => parsed(std::iter::once(Ok(batch))),
        }
    }
}

impl Guess {
    /// The same for a block that is read under a guess. After an error the input is to be read again without it.
    pub fn parse(&self, block: Block) -> Parsed<GuessError> {
        match self.read(block) {
            Ok((batches, true)) => parsed(batches.into_iter().map(Ok)),
            Ok((_, false)) => Parsed::broken(GuessError::Wrong),
            Err(error) => Parsed::broken(error.into()),
        }
    }
}

fn parsed<E>(batches: impl Iterator<Item = Result<SourceBatch, E>>) -> Parsed<E> {
    let mut parsed = Parsed::rows(Vec::new());
    for batch in batches {
        match batch {
            Ok(SourceBatch { batch, bad, .. }) => {
                parsed.batches.push(batch);
                parsed.bad.extend(bad);
            }
            Err(error) => {
                parsed.error = Some(error);
                break;
            }
        }
    }
    parsed
}
