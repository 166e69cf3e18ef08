//! A stored dataset, checked from one end to the other: files against CIDs, rows against roots, statistics against values,
//! and the report against all of them. Several threads share the chunks; what they find does not depend on how many.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::commit::CommittedDataset;
use crate::export::{self, ExportError};
use crate::observer::ChunkFiles;
use crate::report::{Profile, Report};
use crate::statistics::{self, Defect};
use crate::store::Store;

/// A dataset whose rows are those of its dataset_id.
#[derive(Debug, Clone)]
pub struct Checked {
    /// How many there are.
    pub rows: u64,
    /// What chunk files say of their values and is not so, by chunk.
    pub defects: Vec<(usize, Defect)>,
    /// What the rows hold, counted as the report that was to be compared counts.
    pub report: Option<Report>,
}

/// What is here of a dataset whose rows were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remains {
    /// Chunks whose rows are here, and are those of their roots.
    pub rows: u64,
    /// Chunks of whose rows the leaves are here, and make their roots.
    pub leaves: u64,
    /// Chunks of which there is neither.
    pub nothing: u64,
}

/// Most defects that are told of one dataset.
const MAX_DEFECTS: usize = 100;

/// Reads and checks every chunk of a dataset. `like` is a report to make again from the rows.
///
/// # Errors
/// That of the first chunk which is not there, or does not verify.
pub fn dataset(
    dataset: &CommittedDataset,
    store: &dyn ChunkFiles,
    like: Option<&Report>,
    threads: NonZeroUsize,
) -> Result<Checked, ExportError> {
    export::whole(dataset)?;
    let next = AtomicUsize::new(0);
    let shared = Mutex::new(Shared::default());
    let work = || {
        let mut profile = like.map(|report| Profile::like(dataset.schema(), report));
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= dataset.chunks.len() || lock(&shared).failed_before(index) {
                break;
            }
            let result = one(dataset, store, index, profile.as_mut());
            lock(&shared).take(index, result);
        }
        if let Some(profile) = profile {
            lock(&shared).add(profile);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.get().min(dataset.chunks.len()) {
            // A thread that cannot be had is one less; this one does all the work if need be.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, error)) = shared.error {
        return Err(error);
    }
    let mut defects = shared.defects;
    defects.sort_by_key(|(index, _)| *index);
    defects.truncate(MAX_DEFECTS);
    Ok(Checked { rows: dataset.rows, defects, report: shared.profile.map(|profile| profile.report()) })
}

/// Checks what is left of a dataset whose rows were removed: rows where they are, leaves elsewhere.
///
/// # Errors
/// That of the first chunk of which what is here does not verify.
pub fn remains(dataset: &CommittedDataset, store: &Store) -> Result<Remains, ExportError> {
    export::whole(dataset)?;
    let mut remains = Remains::default();
    for (index, chunk) in dataset.chunks.iter().enumerate() {
        if store.has(&chunk.cid).map_err(|source| ExportError::Store { index, source })? {
            export::leaves(dataset, store, index)?;
            remains.rows += 1;
        } else if store.leaves(&chunk.leaf).map_err(|source| ExportError::Leaves { index, source })?.is_some() {
            remains.leaves += 1;
        } else {
            remains.nothing += 1;
        }
    }
    Ok(remains)
}

/// What the threads found until now.
#[derive(Default)]
struct Shared {
    defects: Vec<(usize, Defect)>,
    error: Option<(usize, ExportError)>,
    profile: Option<Profile>,
}

impl Shared {
    fn failed_before(&self, index: usize) -> bool {
        self.error.as_ref().is_some_and(|(failed, _)| *failed < index)
    }

    fn take(&mut self, index: usize, result: Result<Vec<Defect>, ExportError>) {
        match result {
            // At most a few of each chunk, and no more than are told once there are enough from chunks before it.
            Ok(defects) if self.defects.len() < 4 * MAX_DEFECTS => {
                self.defects.extend(defects.into_iter().map(|defect| (index, defect)));
            }
            Ok(_) => {}
            Err(error) if self.error.as_ref().is_none_or(|(failed, _)| index < *failed) => {
                self.error = Some((index, error));
            }
            Err(_) => {}
        }
    }

    fn add(&mut self, profile: Profile) {
        match &mut self.profile {
            Some(sum) => sum.merge(&profile),
            none => *none = Some(profile),
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one(
    dataset: &CommittedDataset,
    store: &dyn ChunkFiles,
    index: usize,
    profile: Option<&mut Profile>,
) -> Result<Vec<Defect>, ExportError> {
    let Some(chunk) = export::chunk_with_file(dataset, store, index)? else { return Ok(Vec::new()) };
    if let Some(profile) = profile {
        profile.add(&chunk.rows).map_err(|source| ExportError::Arrays { index, source })?;
    }
    statistics::check(&chunk.file).map_err(|source| ExportError::Chunk { index, source })
}
