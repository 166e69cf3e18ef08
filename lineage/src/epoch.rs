//! Epochs: the checkpoints of a log that were sealed, numbered from 1.
//!
//! A log has many checkpoints; those who anchor and pay need a few that everybody means alike. Sealing creates
//! `epochs/<N>`, the log's checkpoint note verbatim, and never touches it again: none is skipped, none replaced, each
//! is larger than the one before, and all lie within the log.
//!
//! ```
//! # use mira_core::key::SigningKey;
//! # use mira_lineage::log::{Log, LogSigner, MemoryStorage};
//! use mira_lineage::epoch::OpenEpoch;
//!
//! # let sample = LogSigner::new("example.com/log".parse()?, SigningKey::from_seed(&[7; 32]));
//! # let mut log = Log::create(MemoryStorage::new(), &sample)?;
//! log.append(&[b"first"], &sample)?;
//! let sealed = OpenEpoch::next(&log)?.seal(log.storage())?;
//! assert_eq!(sealed.number().value(), 1);
//! assert!(OpenEpoch::next(&log).is_err(), "nothing has grown");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use mira_core::digest::Digest;
use mira_core::id::{EpochNumber, TreeSize};
use mira_core::log::checkpoint::{CheckpointError, CheckpointVerifyError, SignedCheckpoint, VerifiedCheckpoint};
use mira_core::log::vkey::VerifierKey;
use mira_core::merkle::TreeHead;

use crate::log::{Log, MAX_CHECKPOINT, ProveError, Storage, StorageError, head_of};

/// The directory of sealed epochs in a log's storage.
pub(crate) const DIRECTORY: &str = "epochs";

/// An epoch that could be sealed now.
#[derive(Debug)]
pub struct OpenEpoch {
    number: EpochNumber,
    checkpoint: VerifiedCheckpoint,
}

/// A sealed epoch: a checkpoint, with a number that it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEpoch {
    number: EpochNumber,
    checkpoint: VerifiedCheckpoint,
}

/// Why an epoch cannot be sealed, or is not one of this log.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// The log has no more entries than at its last epoch; an empty log has no epoch.
    #[error("the log has not grown past {size} entries, so there is no epoch {number} to seal")]
    NoGrowth {
        /// The epoch that would have been sealed.
        number: EpochNumber,
        /// The log's size.
        size: TreeSize,
    },
    /// Someone else sealed it in the meantime.
    #[error("epoch {number} is sealed already")]
    Exists {
        /// Which epoch.
        number: EpochNumber,
    },
    /// The storage failed. If an epoch was being sealed, it may be sealed now: read it.
    #[error("the storage of the epochs failed")]
    Storage(#[from] StorageError),
    /// The epochs that are there are not 1, 2, 3, ….
    #[error("expected epoch {expected}, found {found}")]
    Sequence {
        /// The epoch that is missing.
        expected: EpochNumber,
        /// The path that stands in its place.
        found: String,
    },
    /// An epoch was there and is gone.
    #[error("epoch {number} is missing")]
    Missing {
        /// Which epoch.
        number: EpochNumber,
    },
    /// An epoch's file cannot be read as a checkpoint.
    #[error("epoch {number} is not a checkpoint")]
    Checkpoint {
        /// Which epoch.
        number: EpochNumber,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// An epoch is not signed by the log's key, or of another log.
    #[error("the checkpoint of epoch {number} does not verify")]
    Verify {
        /// Which epoch.
        number: EpochNumber,
        /// What is wrong with it.
        source: CheckpointVerifyError,
    },
    /// An epoch is no larger than the one before.
    #[error("epoch {number} has {found} entries, expected more than the {last} of the epoch before")]
    Shrinks {
        /// Which epoch.
        number: EpochNumber,
        /// The size of the epoch before.
        last: TreeSize,
        /// The size of this one.
        found: TreeSize,
    },
    /// The log is smaller than an epoch of its own, so its checkpoint is an old one that was put back.
    #[error("epoch {number} has {found} entries, the log's checkpoint only {log}")]
    Beyond {
        /// Which epoch.
        number: EpochNumber,
        /// The log's size.
        log: TreeSize,
        /// The epoch's size.
        found: TreeSize,
    },
    /// An epoch is no prefix of the log: one key has signed two histories.
    #[error("epoch {number} has root {found} at size {size}, the log has {expected}")]
    Fork {
        /// Which epoch.
        number: EpochNumber,
        /// The epoch's size.
        size: TreeSize,
        /// The log's root at that size.
        expected: Digest,
        /// The epoch's root.
        found: Digest,
    },
    /// The log's tree cannot be read at the size of an epoch.
    #[error("epoch {number} cannot be compared with the log")]
    Read {
        /// Which epoch.
        number: EpochNumber,
        /// Why not.
        source: ProveError,
    },
}

impl EpochError {
    /// The object at fault.
    pub fn path(&self) -> String {
        match self {
            Self::Storage(error) => error.path().to_owned(),
            Self::Sequence { found, .. } => found.clone(),
            Self::NoGrowth { number, .. }
            | Self::Exists { number }
            | Self::Missing { number }
            | Self::Checkpoint { number, .. }
            | Self::Verify { number, .. }
            | Self::Shrinks { number, .. }
            | Self::Beyond { number, .. }
            | Self::Fork { number, .. }
            | Self::Read { number, .. } => path_of(*number),
        }
    }
}

impl OpenEpoch {
    /// The epoch that follows the last sealed one, with the log's checkpoint as it stands.
    ///
    /// # Errors
    /// [`EpochError::NoGrowth`] if the log has not grown since; any other if the epochs that are there are not numbered
    /// from 1 or the last one is not within the log.
    pub fn next<S: Storage>(log: &Log<S>) -> Result<Self, EpochError> {
        let last = last(log)?;
        if let Some(last) = &last {
            check_within(log, last)?;
        }
        let number = EpochNumber::new(last.as_ref().map_or(0, |last| last.number.value()) + 1);
        let sealed = last.map_or(TreeSize::new(0), |last| last.head().size);
        if log.size() <= sealed {
            return Err(EpochError::NoGrowth { number, size: log.size() });
        }
        Ok(Self { number, checkpoint: log.checkpoint().clone() })
    }

    /// The number it would get.
    pub fn number(&self) -> EpochNumber {
        self.number
    }

    /// The checkpoint it would name.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Seals it: creates its file, durably, unless there is one.
    ///
    /// # Errors
    /// [`EpochError::Exists`] and [`EpochError::Storage`].
    pub fn seal<S: Storage>(self, storage: &S) -> Result<SealedEpoch, EpochError> {
        let Self { number, checkpoint } = self;
        storage.create(&path_of(number), checkpoint.signed().as_bytes()).map_err(|error| match error {
            StorageError::Exists { .. } => EpochError::Exists { number },
            error => EpochError::Storage(error),
        })?;
        Ok(SealedEpoch { number, checkpoint })
    }
}

impl SealedEpoch {
    /// Its number.
    pub fn number(&self) -> EpochNumber {
        self.number
    }

    /// Its checkpoint.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Its size and root.
    pub fn head(&self) -> TreeHead {
        head_of(self.checkpoint.signed())
    }

    /// Refuses an epoch that is no larger than the one before.
    pub(crate) fn check_after(&self, last: &Self) -> Result<(), EpochError> {
        let (last, found) = (last.head().size, self.head().size);
        if found > last { Ok(()) } else { Err(EpochError::Shrinks { number: self.number, last, found }) }
    }
}

/// Reads all epochs, and checks that each is larger than the one before and a prefix of the log, so consistent with
/// every other.
///
/// # Errors
/// [`EpochError`], naming the first epoch at fault.
pub fn read_all<S: Storage>(log: &Log<S>) -> Result<Vec<SealedEpoch>, EpochError> {
    let mut epochs: Vec<SealedEpoch> = Vec::new();
    for number in numbers(log.storage())? {
        let epoch = read(log.storage(), number, log.checkpoint().log_key())?;
        if let Some(last) = epochs.last() {
            epoch.check_after(last)?;
        }
        check_within(log, &epoch)?;
        epochs.push(epoch);
    }
    Ok(epochs)
}

/// The last epoch, if there is one; only its signature is checked.
pub(crate) fn last<S: Storage>(log: &Log<S>) -> Result<Option<SealedEpoch>, EpochError> {
    let last = numbers(log.storage())?.pop();
    last.map(|number| read(log.storage(), number, log.checkpoint().log_key())).transpose()
}

/// Refuses an epoch that is not a prefix of the log.
pub(crate) fn check_within<S: Storage>(log: &Log<S>, epoch: &SealedEpoch) -> Result<(), EpochError> {
    let (number, TreeHead { size, root }) = (epoch.number, epoch.head());
    if size > log.size() {
        return Err(EpochError::Beyond { number, log: log.size(), found: size });
    }
    let expected = log.head_at(size).map_err(|source| EpochError::Read { number, source })?.root;
    if root == expected { Ok(()) } else { Err(EpochError::Fork { number, size, expected, found: root }) }
}

/// The numbers of the epochs in storage: 1, 2, 3, … without a gap.
pub(crate) fn numbers<S: Storage>(storage: &S) -> Result<Vec<EpochNumber>, EpochError> {
    let mut paths = storage.list(DIRECTORY)?;
    // Paths ascend as texts; without leading zeros, shorter numbers are smaller ones.
    paths.sort_by_key(String::len);
    let numbers = (1..).map(EpochNumber::new).zip(paths);
    let check = |(expected, found)| {
        if path_of(expected) == found { Ok(expected) } else { Err(EpochError::Sequence { expected, found }) }
    };
    numbers.map(check).collect()
}

/// Reads an epoch, and checks its signature.
pub(crate) fn read<S: Storage>(storage: &S, number: EpochNumber, key: &VerifierKey) -> Result<SealedEpoch, EpochError> {
    let bytes = storage.get(&path_of(number), MAX_CHECKPOINT)?.ok_or(EpochError::Missing { number })?;
    let signed = SignedCheckpoint::parse(&bytes).map_err(|source| EpochError::Checkpoint { number, source })?;
    let checkpoint = signed.verify_log(key).map_err(|source| EpochError::Verify { number, source })?;
    Ok(SealedEpoch { number, checkpoint })
}

/// The path of an epoch's file.
pub(crate) fn path_of(number: EpochNumber) -> String {
    format!("{DIRECTORY}/{number}")
}
