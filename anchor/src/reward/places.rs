//! Who was first with a row: one place for each distinct row, held by the statement that had it first.
//!
//! Rows are equal if their rowkeys are: the same values under the same types, whatever the columns are called and
//! whichever file they came in. The first by log index holds the place, among all datasets of the log, used or not; a
//! copy, by anybody, finds it taken.
//!
//! Memory: 32 bytes of key, 8 of bookkeeping and the slack of a hash table, so 50 to 95 bytes for each distinct row of
//! the types that are looked at, and 4 bytes for each row of every distinct chunk. Chunks that datasets share are read
//! once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mira_core::digest::{ChunkLeaf, DatasetId, RowKey, StatementId, TypeId};
use mira_core::fold::Accepted;
use mira_core::row::row_key;
use mira_core::statement::{Dataset, Part, Predicate, Range, Ranges};

use super::evidence::{self, Evidence, EvidenceError, Outline};
use super::history::{History, Whole};
use super::policy::{AvailableRules, Policy};

/// Most distinct rows that are looked at: 6 GB of memory at worst.
const MAX_ROWS: usize = 1 << 26;
/// The ordinal of rows that are too short to count.
const SHORT: u32 = u32::MAX;
/// The holder of rows that nobody is paid for.
const NOBODY: u32 = u32::MAX;

/// Who holds a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// Nobody who is paid: it was withdrawn, or is in no dataset that counts.
    Nobody,
    /// The dataset of this contribute or transform statement.
    Statement(StatementId),
}

/// Why places cannot be given out.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// Evidence is missing or wrong.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// More rows than fit.
    #[error("more than {MAX_ROWS} distinct rows to compare")]
    TooManyRows,
}

/// The places of all rows of the types looked at so far.
pub(super) struct Places<'a, E> {
    evidence: &'a mut E,
    min_len: u32,
    /// Every dataset of the log, those that count first, in the order of their places.
    datasets: Vec<Claimant<'a>>,
    types: HashSet<TypeId>,
    outlines: HashMap<DatasetId, (TypeId, Arc<Outline>)>,
    ordinals: HashMap<RowKey, u32>,
    /// By ordinal: an index into `datasets`, or [`NOBODY`].
    holders: Vec<u32>,
    chunks: HashMap<ChunkLeaf, Arc<[u32]>>,
}

/// A dataset that may hold rows.
struct Claimant<'a> {
    id: StatementId,
    dataset: &'a Dataset,
    /// Its place in the log; none if it does not count.
    place: Option<u64>,
    reserved: bool,
    withdrawn: Vec<Ranges>,
}

/// A row of a dataset that is used: which one, and who holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    pub(super) ordinal: u32,
    pub(super) holder: Holder,
}

impl<'a, E: Evidence> Places<'a, E> {
    pub(super) fn new(history: &History<'a>, policy: &Policy, evidence: &'a mut E) -> Result<Self, PlacesError> {
        let available = policy.available.as_ref().map(|rules| first_available(history, rules));
        let mut datasets = Vec::new();
        for accepted in history.accepted() {
            let Some(dataset) = accepted.statement.predicate().dataset() else { continue };
            let place = match (&policy.available, &available) {
                (Some(rules), Some(first)) => place_of(history, rules, accepted, first.get(&accepted.statement_id)),
                _ => Some(accepted.record.seq.value()),
            };
            datasets.push(Claimant::new(history, accepted, dataset, place, evidence)?);
        }
        datasets.sort_by_key(|claimant| (claimant.place.is_none(), claimant.place));
        Ok(Self {
            evidence,
            min_len: policy.data.min_row_bytes,
            datasets,
            types: HashSet::new(),
            outlines: HashMap::new(),
            ordinals: HashMap::new(),
            holders: Vec::new(),
            chunks: HashMap::new(),
        })
    }

    /// Files that statements name.
    pub(super) fn evidence(&mut self) -> &mut E {
        self.evidence
    }

    /// How many distinct rows were seen.
    pub(super) fn len(&self) -> usize {
        self.holders.len()
    }

    /// Gives out the places of every row that could be equal to one of this dataset.
    pub(super) fn settle(&mut self, statement: &StatementId, dataset: &'a Dataset) -> Result<(), PlacesError> {
        let (ty, _) = self.outline(statement, dataset)?;
        if !self.types.insert(ty) {
            return Ok(());
        }
        for at in 0..self.datasets.len() {
            self.claim(at, ty)?;
        }
        Ok(())
    }

    /// Calls `visit` for each row of a part of a dataset that was [settled](Self::settle), as often as it stands there.
    /// Positions beyond the dataset are no rows.
    pub(super) fn rows(
        &mut self,
        statement: &StatementId,
        dataset: &'a Dataset,
        part: &Part,
        mut visit: impl FnMut(Used),
    ) -> Result<(), PlacesError> {
        let (_, outline) = self.outline(statement, dataset)?;
        let positions = match part {
            Part::Whole => None,
            Part::Chunks(chunks) => Some(rows_of_chunks(&outline, chunks)),
            Part::Rows(set) => {
                let rows = evidence::file(self.evidence, &set.sha256, |bytes| set.open(bytes))?;
                Some(rows.as_slice().iter().map(|range| (range.start.value(), range.end())).collect())
            }
        };
        let mut start = 0;
        for (index, leaf) in outline.chunks.iter().enumerate() {
            let end = start + leaf.rows;
            let whole = [(start, end)];
            for (from, to) in positions.as_deref().unwrap_or(&whole) {
                let (from, to) = ((*from).max(start), (*to).min(end));
                if from >= to {
                    continue;
                }
                let ordinals = self.chunk(statement, dataset, &outline, index)?;
                // Within the chunk, which has at most 2^32 rows in memory.
                let within = |position: u64| usize::try_from(position - start).unwrap_or(usize::MAX);
                for ordinal in ordinals.get(within(from)..within(to)).unwrap_or_default() {
                    if *ordinal != SHORT {
                        visit(Used { ordinal: *ordinal, holder: self.holder(*ordinal) });
                    }
                }
            }
            start = end;
        }
        Ok(())
    }

    fn holder(&self, ordinal: u32) -> Holder {
        let at = self.holders.get(ordinal as usize).copied().filter(|at| *at != NOBODY);
        let claimant = at.and_then(|at| self.datasets.get(at as usize));
        claimant.map_or(Holder::Nobody, |claimant| Holder::Statement(claimant.id))
    }

    /// Lets one dataset take the places that are free, if it is of this type.
    fn claim(&mut self, at: usize, ty: TypeId) -> Result<(), PlacesError> {
        let Some(claimant) = self.datasets.get(at) else { return Ok(()) };
        let (id, dataset, unpaid) = (claimant.id, claimant.dataset, claimant.reserved || claimant.place.is_none());
        let (found, outline) = self.outline(&id, dataset)?;
        if found != ty {
            return Ok(());
        }
        // At most as many datasets as a log of 2^32 entries has.
        let me = u32::try_from(at).map_err(|_| PlacesError::TooManyRows)?;
        let free = self.holders.len();
        for index in 0..outline.chunks.len() {
            self.chunk(&id, dataset, &outline, index)?;
        }
        self.holders.iter_mut().skip(free).for_each(|holder| *holder = if unpaid { NOBODY } else { me });
        let withdrawn = self.datasets.get(at).map(|claimant| claimant.withdrawn.clone()).unwrap_or_default();
        self.give_up(&id, dataset, &outline, &withdrawn, me)
    }

    /// Rows that were withdrawn from the dataset that holds them are held by nobody from now on, wherever else they
    /// stand in it.
    fn give_up(
        &mut self,
        id: &StatementId,
        dataset: &'a Dataset,
        outline: &Outline,
        withdrawn: &[Ranges],
        me: u32,
    ) -> Result<(), PlacesError> {
        if withdrawn.is_empty() {
            return Ok(());
        }
        let is_in = |position: u64| withdrawn.iter().any(|ranges| contains(ranges.as_slice(), position));
        let mut start = 0;
        for (index, leaf) in outline.chunks.iter().enumerate() {
            let ordinals = self.chunk(id, dataset, outline, index)?;
            for (position, ordinal) in (start..).zip(ordinals.iter()) {
                let holder = self.holders.get_mut(*ordinal as usize).filter(|holder| **holder == me);
                if let Some(holder) = holder.filter(|_| is_in(position)) {
                    *holder = NOBODY;
                }
            }
            start += leaf.rows;
        }
        Ok(())
    }

    /// The ordinals of a chunk's rows; new rows get the next ones, and no holder yet.
    fn chunk(
        &mut self,
        statement: &StatementId,
        dataset: &Dataset,
        outline: &Outline,
        index: usize,
    ) -> Result<Arc<[u32]>, PlacesError> {
        let Some(leaf) = outline.chunks.get(index) else { return Ok(Arc::new([])) };
        if let Some(known) = self.chunks.get(&leaf.leaf()) {
            return Ok(known.clone());
        }
        let ty = outline.schema.type_id();
        let rows = evidence::chunk(self.evidence, statement, dataset, index, leaf)?;
        let mut ordinals = Vec::with_capacity(rows.len());
        for row in rows {
            ordinals.push(match row.len < self.min_len {
                true => SHORT,
                false => self.ordinal(row_key(&ty, &row.leaf))?,
            });
        }
        let ordinals: Arc<[u32]> = ordinals.into();
        self.chunks.insert(leaf.leaf(), ordinals.clone());
        Ok(ordinals)
    }

    fn ordinal(&mut self, key: RowKey) -> Result<u32, PlacesError> {
        if self.holders.len() >= MAX_ROWS {
            return Err(PlacesError::TooManyRows);
        }
        // Below MAX_ROWS.
        let next = u32::try_from(self.holders.len()).map_err(|_| PlacesError::TooManyRows)?;
        let ordinal = *self.ordinals.entry(key).or_insert(next);
        if ordinal == next {
            self.holders.push(NOBODY);
        }
        Ok(ordinal)
    }

    fn outline(&mut self, statement: &StatementId, dataset: &Dataset) -> Result<(TypeId, Arc<Outline>), PlacesError> {
        let id = dataset.subject.id;
        if let Some(known) = self.outlines.get(&id) {
            return Ok(known.clone());
        }
        let outline = evidence::outline(self.evidence, statement, dataset)?;
        let known = (outline.schema.type_id(), outline);
        self.outlines.insert(id, known.clone());
        Ok(known)
    }
}

impl<'a> Claimant<'a> {
    fn new(
        history: &History<'a>,
        accepted: &'a Accepted,
        dataset: &'a Dataset,
        place: Option<u64>,
        evidence: &mut impl Evidence,
    ) -> Result<Self, EvidenceError> {
        let withdrawal = history.withdrawal(&accepted.statement_id).cloned().unwrap_or_default();
        let open = |set: &mira_core::statement::RowSet| evidence::file(evidence, &set.sha256, |bytes| set.open(bytes));
        // Rows of what is vacated or reserved as a whole need no look.
        let withdrawn = match withdrawal.whole {
            Some(_) => Vec::new(),
            None => withdrawal.rows.iter().map(open).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            id: accepted.statement_id,
            dataset,
            place: place.filter(|_| withdrawal.whole != Some(Whole::Vacated)),
            reserved: withdrawal.whole == Some(Whole::Reserved),
            withdrawn,
        })
    }
}

/// The first statement, by those whose word counts, that a dataset can be fetched.
fn first_available<'a>(history: &History<'a>, rules: &AvailableRules) -> HashMap<StatementId, &'a Accepted> {
    let mut first = HashMap::new();
    for accepted in history.accepted() {
        let Predicate::Available(available) = accepted.statement.predicate() else { continue };
        if rules.by.as_ref().is_none_or(|by| by.contains(&accepted.record.signer)) {
            first.entry(available.target).or_insert(accepted);
        }
    }
    first
}

/// The place of a dataset that must be fetchable: its own if it was in time, else that of the statement that it is.
fn place_of(
    history: &History<'_>,
    rules: &AvailableRules,
    accepted: &Accepted,
    available: Option<&&Accepted>,
) -> Option<u64> {
    let available = available?;
    let in_time = history.epoch_of(available) <= history.epoch_of(accepted) + u64::from(rules.within);
    Some(if in_time { accepted.record.seq.value() } else { available.record.seq.value() })
}

/// The positions of the rows of some chunks, as `(start, end)`.
fn rows_of_chunks(outline: &Outline, chunks: &Ranges) -> Vec<(u64, u64)> {
    let mut start = 0;
    let mut rows = Vec::new();
    for (index, leaf) in (0..).zip(&outline.chunks) {
        let end = start + leaf.rows;
        if contains(chunks.as_slice(), index) {
            rows.push((start, end));
        }
        start = end;
    }
    rows
}

/// Whether a position is in ascending ranges.
fn contains(ranges: &[Range], position: u64) -> bool {
    let before = ranges.partition_point(|range| range.start.value() <= position);
    let last = before.checked_sub(1).and_then(|at| ranges.get(at));
    last.is_some_and(|range| position < range.end())
}
