//! What a node lacks of a dataset.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Pin, PinError};
use crate::directory::car::{CarContent, CarPlan};
use crate::directory::{DatasetDirectory, Entry};

/// Questions that wait for an answer at once.
const QUESTIONS: usize = 16;

/// What would be sent to a node, had it to be pinned now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missing {
    /// Whether the node lists the dataset as pinned; then nothing is missing.
    pub is_pinned: bool,
    /// Files that the node lacks. Equal ones are sent once and count once.
    pub files: usize,
    /// The blocks of them and of the directories.
    pub content: CarContent,
    /// Bytes of the CARs they would be sent in.
    pub bytes: u64,
}

impl Missing {
    /// All of a dataset, for a node that is not to be asked.
    ///
    /// # Errors
    /// None for a dataset that is one.
    pub fn everything(dataset: &DatasetDirectory) -> Result<Self, PinError> {
        let files = distinct(dataset);
        let count = files.len();
        Ok(Self::of(&dataset.cars(files)?, count))
    }

    pub(super) fn of(plans: &[CarPlan], files: usize) -> Self {
        let contents = plans.iter().map(CarPlan::content);
        let content = contents.fold(CarContent::default(), |sum, more| CarContent {
            blocks: sum.blocks + more.blocks,
            block_bytes: sum.block_bytes + more.block_bytes,
        });
        Self { is_pinned: false, files, content, bytes: plans.iter().map(CarPlan::byte_len).sum() }
    }
}

/// Files of which a node has nothing, and those of which it has the root, each CID once.
pub(super) struct Split {
    pub(super) missing: Vec<Entry>,
    pub(super) kept: Vec<Entry>,
    /// How many files of the dataset are among the kept: equal ones count as often as they stand there.
    pub(super) kept_files: usize,
}

/// Asks for the root block of every file.
pub(super) async fn split<P: Pin>(service: &P, dataset: &DatasetDirectory) -> Result<Split, PinError> {
    let answers = stream::iter(distinct(dataset))
        .map(|entry| async move { Ok::<_, PinError>((service.has_block(&entry.file.cid).await?, entry)) })
        .buffered(QUESTIONS);
    let (kept, missing): (Vec<_>, Vec<_>) =
        answers.try_collect::<Vec<_>>().await?.into_iter().partition(|(is_here, _)| *is_here);
    let entries = |answers: Vec<(bool, Entry)>| answers.into_iter().map(|(_, entry)| entry).collect();
    let (kept, missing): (Vec<Entry>, Vec<Entry>) = (entries(kept), entries(missing));
    let here: BTreeSet<_> = kept.iter().map(|entry| entry.file.cid).collect();
    let kept_files = dataset.files().filter(|entry| here.contains(&entry.file.cid)).count();
    Ok(Split { missing, kept, kept_files })
}

/// Of files whose root is there, those below which something is missing. A node that cannot tell is taken to lack all.
pub(super) async fn broken<P: Pin>(service: &P, kept: &[Entry]) -> Result<Vec<Entry>, PinError> {
    let answers = stream::iter(kept)
        .map(|entry| async move {
            match service.has_dag(&entry.file.cid).await {
                Err(error) if error.lacks_call() => Ok((false, entry)),
                answer => answer.map(|is_whole| (is_whole, entry)),
            }
        })
        .buffered(QUESTIONS);
    let answers: Vec<(bool, &Entry)> = answers.try_collect().await?;
    Ok(answers.into_iter().filter(|(is_whole, _)| !is_whole).map(|(_, entry)| entry.clone()).collect())
}

/// The files of a dataset, of equal ones the first.
pub(super) fn distinct(dataset: &DatasetDirectory) -> Vec<Entry> {
    let mut seen = BTreeSet::new();
    dataset.files().filter(|entry| seen.insert(entry.file.cid)).collect()
}
