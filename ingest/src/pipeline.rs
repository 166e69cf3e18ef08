//! Batches in, a committed dataset out: the stages of `add` on several threads.
//!
//! ```text
//! caller's thread   next piece → … in order … → boundaries → … in order … → dataset
//! workers           parse, encode, hash, convert            row root, Parquet, CID, store
//! ```
//!
//! The caller's thread reads, keeps order and decides where chunks end; the workers do whatever takes time. Results
//! are taken in the order of the rows, so neither the number of threads nor their luck reaches the output. At any time
//! there are a few pieces and chunks per thread in memory, however long the input is.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::{error, io, thread};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mira_core::digest::{Digest, RowLeaf};
use mira_core::manifest::ListedChunk;

use crate::boundary::Boundaries;
use crate::chunk::{ChunkError, ChunkWriter};
use crate::commit::{self, CommitError, CommittedDataset};
use crate::physical::{ConvertError, PhysicalSchema};
use crate::report::{Profile, Report};
use crate::rows::{Leaf, RowEncoder, RowError};
use crate::source::{BadRow, Parsed};
use crate::store::{ChunkKey, ChunkStore, StoreError};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Rows encoded and hashed.
    pub rows: u64,
    /// Their canonical bytes.
    pub row_bytes: u64,
    /// Chunks stored.
    pub chunks: u64,
    /// Bytes of their files, those that were stored before included.
    pub file_bytes: u64,
    /// Bytes of files that were not stored before.
    pub new_bytes: u64,
}

/// Whoever watches a run: called on the caller's thread, in the order of the rows, so that what it sees is the same
/// whatever the threads did. `Break` stops the run; chunks stored until then stay.
pub trait Watch {
    /// How far the run is, after each slice of rows and each chunk.
    fn progress(&mut self, progress: Progress) -> ControlFlow<()>;

    /// The next record that is no row.
    fn bad_row(&mut self, row: BadRow) -> ControlFlow<()>;
}

/// Who watches by progress alone puts up with bad rows.
impl<F: FnMut(Progress)> Watch for F {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self(progress);
        ControlFlow::Continue(())
    }

    fn bad_row(&mut self, _: BadRow) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What a run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The dataset.
    pub dataset: CommittedDataset,
    /// Bytes of chunk files that were not stored before.
    pub new_bytes: u64,
    /// What the rows hold, if it was to be counted.
    pub report: Option<Report>,
}

/// Why a run stopped. Chunks stored until then stay, and a repeated run finds them.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError<E: error::Error + 'static> {
    /// The input could not be read.
    #[error(transparent)]
    Source(E),
    /// The system gives not even one thread.
    #[error("no thread can be started")]
    Thread(#[source] io::Error),
    /// A row has no canonical bytes.
    #[error("rows from {first_row} on cannot be committed")]
    Row {
        /// Position of the batch's first row in the dataset; the source counts from there.
        first_row: u64,
        /// What is wrong with which row.
        source: RowError,
    },
    /// A value does not fit the physical schema.
    #[error("rows from {first_row} on cannot be stored")]
    Convert {
        /// Position of the batch's first row in the dataset.
        first_row: u64,
        /// What does not fit.
        source: ConvertError,
    },
    /// The columns of a batch do not hold together.
    #[error("rows from {first_row} on cannot be counted")]
    Count {
        /// Position of the batch's first row in the dataset.
        first_row: u64,
        /// What is wrong with them.
        source: ArrowError,
    },
    /// A chunk's file could not be made.
    #[error("chunk {index} cannot be written")]
    Chunk {
        /// Which chunk, from 0.
        index: u64,
        /// Why not.
        source: ChunkError,
    },
    /// A chunk's file could not be stored.
    #[error("chunk {index} cannot be stored")]
    Store {
        /// Which chunk, from 0.
        index: u64,
        /// Why not.
        source: StoreError,
    },
    /// The chunks are not a dataset.
    #[error("the rows are not a dataset")]
    Commit(#[from] CommitError),
    /// Whoever watches the run said so.
    #[error("the run was stopped")]
    Stopped,
}

/// Commits to the rows of the batches, in order, and keeps their chunks' files in `store`.
///
/// `progress` is called on this thread, after each slice of rows and each chunk. A batch is of the working types of
/// [`PhysicalSchema::of_working`], and `schema` is their physical schema or another one that holds all values.
pub fn run<E: error::Error + Send + 'static>(
    schema: &PhysicalSchema,
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
    store: &impl ChunkStore,
    threads: NonZeroUsize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, PipelineError<E>> {
    // Slices are views of a batch: cutting it here spreads its rows over all threads.
    let slices = batches.into_iter().flat_map(|batch| match batch {
        Ok(batch) => slices_of(&batch).map(Ok).collect(),
        Err(error) => vec![Err(error)],
    });
    run_pieces(schema, slices, |slice| Parsed::rows(vec![slice]), store, threads, &mut |now: Progress| progress(now))
}

/// As [`run`], with pieces of the input that the workers take apart: `parse` returns the batches of a piece, what in it
/// is no row, and why there is no more if it is broken. A piece is small: as many of them as threads are in memory,
/// several times over.
pub fn run_pieces<T: Send, E: error::Error + Send + 'static>(
    schema: &PhysicalSchema,
    pieces: impl IntoIterator<Item = Result<T, E>>,
    parse: impl Fn(T) -> Parsed<E> + Sync,
    store: &impl ChunkStore,
    threads: NonZeroUsize,
    watch: &mut dyn Watch,
) -> Result<Outcome, PipelineError<E>> {
    run_counted(schema, pieces, parse, store, threads, None, watch)
}

/// As [`run_pieces`], and counts what the rows hold as they go by: `profile` is of the same schema and has counted nothing.
pub fn run_counted<T: Send, E: error::Error + Send + 'static>(
    schema: &PhysicalSchema,
    pieces: impl IntoIterator<Item = Result<T, E>>,
    parse: impl Fn(T) -> Parsed<E> + Sync,
    store: &impl ChunkStore,
    threads: NonZeroUsize,
    profile: Option<Profile>,
    watch: &mut dyn Watch,
) -> Result<Outcome, PipelineError<E>> {
    let writer = ChunkWriter::new(schema).map_err(|source| PipelineError::Chunk { index: 0, source })?;
    let counted = Mutex::new(profile.clone());
    let worker = Worker { schema, physical: schema.digest(), writer, parse: &parse, store, profile, counted: &counted };
    let (jobs, queue) = channel();
    let queue = Mutex::new(queue);
    let outcome = thread::scope(|scope| {
        let (sender, results) = channel();
        let mut started = 0;
        while started < threads.get() {
            let (worker, queue, sender) = (&worker, &queue, sender.clone());
            match thread::Builder::new().spawn_scoped(scope, move || worker.work(queue, &sender)) {
                Ok(_) => started += 1,
                // Fewer threads than asked for do the same work; none do none.
                Err(source) if started == 0 => return Err(PipelineError::Thread(source)),
                Err(_) => break,
            }
        }
        let run = Run { jobs, results, watch, limit: started * JOBS_PER_THREAD, state: State::new() };
        // When this returns, the jobs' sender is gone, and the workers end after the few jobs that are left.
        run.drive(schema, pieces.into_iter())
    })?;
    drop(worker);
    let counted = counted.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Outcome { report: counted.map(|profile| profile.report()), ..outcome })
}

/// Rows that are encoded in one go: small enough to spread a batch over all threads.
const SLICE_ROWS: usize = 8192;
/// Pieces and chunks in work for each thread; more would only take memory.
const JOBS_PER_THREAD: usize = 3;
/// Canonical bytes of chunks in work from which on no more rows are read. Most chunks have a few MiB, but one of long
/// rows may have 72.
const SEALING_BYTES: u64 = 128 << 20;

enum Job<T> {
    /// A piece to take apart and encode, by its number in the order of the input.
    Encode { number: u64, piece: T },
    /// A chunk to store, by its index.
    Seal { index: u64, chunk: OpenChunk },
}

enum Done<E> {
    Encoded { number: u64, rows: Piece<E> },
    Sealed { index: u64, row_bytes: u64, result: Result<Sealed, SealError> },
    Panicked(Box<dyn std::any::Any + Send>),
}

/// What a worker makes of a piece: its rows up to the first error, if there is one, and what in it is no row.
struct Piece<E> {
    slices: Vec<Encoded>,
    bad: Vec<BadRow>,
    error: Option<EncodeError<E>>,
}

/// A slice's rows as they are stored, and their leaves.
struct Encoded {
    rows: RecordBatch,
    leaves: Vec<Leaf>,
}

/// A chunk in the store.
struct Sealed {
    chunk: ListedChunk,
    is_new: bool,
}

enum EncodeError<E> {
    Source(E),
    Row(RowError),
    Convert(ConvertError),
    Count(ArrowError),
}

enum SealError {
    Chunk(ChunkError),
    Store(StoreError),
}

/// The rows of a chunk that has not ended yet.
#[derive(Default)]
struct OpenChunk {
    batches: Vec<RecordBatch>,
    leaves: Vec<RowLeaf>,
    row_bytes: u64,
}

/// What every worker thread needs.
struct Worker<'a, S, P> {
    schema: &'a PhysicalSchema,
    physical: Digest,
    writer: ChunkWriter,
    parse: &'a P,
    store: &'a S,
    /// What each thread begins to count with.
    profile: Option<Profile>,
    /// What the threads that have ended counted.
    counted: &'a Mutex<Option<Profile>>,
}

impl<S: ChunkStore, P> Worker<'_, S, P> {
    fn work<T, E>(&self, queue: &Mutex<Receiver<Job<T>>>, results: &Sender<Done<E>>)
    where
        P: Fn(T) -> Parsed<E>,
    {
        let mut profile = self.profile.clone();
        loop {
            // Held only while waiting; no job runs under it, so it cannot be poisoned.
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { break };
            // A panic is carried to the caller, who would otherwise wait for this job for ever.
            let done = catch_unwind(AssertUnwindSafe(|| self.run(job, &mut profile))).unwrap_or_else(Done::Panicked);
            if results.send(done).is_err() {
                break;
            }
        }
        if let Some((sum, profile)) =
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).as_mut().zip(profile.as_ref())
        {
            sum.merge(profile);
        }
    }

    fn run<T, E>(&self, job: Job<T>, profile: &mut Option<Profile>) -> Done<E>
    where
        P: Fn(T) -> Parsed<E>,
    {
        match job {
            Job::Encode { number, piece } => {
                Done::Encoded { number, rows: self.encode_all((self.parse)(piece), profile) }
            }
            Job::Seal { index, chunk } => Done::Sealed { index, row_bytes: chunk.row_bytes, result: self.seal(&chunk) },
        }
    }

    fn encode_all<E>(&self, Parsed { batches, bad, error }: Parsed<E>, profile: &mut Option<Profile>) -> Piece<E> {
        let mut slices = Vec::new();
        for rows in batches.iter().flat_map(slices_of) {
            match self.encode(&rows, profile) {
                Ok(encoded) => slices.push(encoded),
                Err(error) => return Piece { slices, bad, error: Some(error) },
            }
        }
        Piece { slices, bad, error: error.map(EncodeError::Source) }
    }

    fn encode<E>(&self, rows: &RecordBatch, profile: &mut Option<Profile>) -> Result<Encoded, EncodeError<E>> {
        let leaves = RowEncoder::new(rows).and_then(|mut encoder| encoder.leaves()).map_err(EncodeError::Row)?;
        let rows = self.schema.convert(rows).map_err(EncodeError::Convert)?;
        if let Some(profile) = profile {
            profile.add(&rows).map_err(EncodeError::Count)?;
        }
        Ok(Encoded { rows, leaves })
    }

    fn seal(&self, chunk: &OpenChunk) -> Result<Sealed, SealError> {
        let leaf_data = commit::leaf_data(self.schema.logical(), &chunk.leaves);
        let key = ChunkKey { leaf: leaf_data.leaf(), physical: self.physical };
        let kept = self.store.kept(&key).map_err(SealError::Store)?;
        // What is signed must be readable: an index that names another chunk's file is as good as none.
        let kept = kept.and_then(|(file, bytes)| self.writer.holds(bytes.into(), &chunk.batches).then_some(file));
        let file = match kept {
            Some(file) => file,
            None => {
                let bytes = self.writer.write(&chunk.batches).map_err(SealError::Chunk)?;
                self.store.keep(&key, &bytes).map_err(SealError::Store)?
            }
        };
        let chunk = ListedChunk { leaf: leaf_data, cid: file.cid, bytes: file.size };
        Ok(Sealed { chunk, is_new: kept.is_none() })
    }
}

/// The caller's thread.
struct Run<'p, T, E> {
    jobs: Sender<Job<T>>,
    results: Receiver<Done<E>>,
    watch: &'p mut dyn Watch,
    limit: usize,
    state: State<E>,
}

struct State<E> {
    in_work: usize,
    /// Canonical bytes of the chunks in work.
    sealing_bytes: u64,
    /// Pieces handed out, and pieces taken back in order.
    sent: u64,
    taken: u64,
    /// Pieces that came back before their turn.
    early: BTreeMap<u64, Piece<E>>,
    boundaries: Boundaries,
    open: OpenChunk,
    chunks_sent: u64,
    sealed: BTreeMap<u64, ListedChunk>,
    progress: Progress,
}

impl<E> State<E> {
    fn new() -> Self {
        Self {
            in_work: 0,
            sealing_bytes: 0,
            sent: 0,
            taken: 0,
            early: BTreeMap::new(),
            boundaries: Boundaries::default(),
            open: OpenChunk::default(),
            chunks_sent: 0,
            sealed: BTreeMap::new(),
            progress: Progress::default(),
        }
    }
}

impl<T, E: error::Error + 'static> Run<'_, T, E> {
    fn drive(
        mut self,
        schema: &PhysicalSchema,
        mut pieces: impl Iterator<Item = Result<T, E>>,
    ) -> Result<Outcome, PipelineError<E>> {
        let mut ended: Option<Result<(), E>> = None;
        loop {
            while self.has_room() && ended.is_none() {
                match pieces.next() {
                    Some(Ok(piece)) => self.send_piece(piece),
                    // What was read before the error is looked at first: the earliest error is the one to report.
                    Some(Err(error)) => ended = Some(Err(error)),
                    None => ended = Some(Ok(())),
                }
            }
            if self.state.in_work > 0 {
                self.take_result()?;
                continue;
            }
            // Nothing is in work, so the input has ended and all its pieces were taken.
            match ended.take() {
                Some(Err(error)) => return Err(PipelineError::Source(error)),
                _ if self.state.open.leaves.is_empty() => break,
                _ => {
                    // The last rows of a dataset are a chunk whether or not the rule ends it.
                    ended = Some(Ok(()));
                    self.send_chunk();
                }
            }
        }
        let new_bytes = self.state.progress.new_bytes;
        let dataset = CommittedDataset::new(schema.clone(), self.state.sealed.into_values().collect())?;
        Ok(Outcome { dataset, new_bytes, report: None })
    }

    /// Whether more rows may be read. With nothing in work there is, so a run does not stop.
    fn has_room(&self) -> bool {
        self.state.in_work < self.limit && self.state.sealing_bytes < SEALING_BYTES
    }

    fn send_piece(&mut self, piece: T) {
        let number = self.state.sent;
        self.state.sent += 1;
        self.send(Job::Encode { number, piece });
    }

    fn send_chunk(&mut self) {
        let (index, chunk) = (self.state.chunks_sent, std::mem::take(&mut self.state.open));
        self.state.chunks_sent += 1;
        self.state.sealing_bytes += chunk.row_bytes;
        self.send(Job::Seal { index, chunk });
    }

    fn send(&mut self, job: Job<T>) {
        // The queue's other end lives as long as this thread's scope.
        if self.jobs.send(job).is_ok() {
            self.state.in_work += 1;
        }
    }

    fn take_result(&mut self) -> Result<(), PipelineError<E>> {
        // Every worker holds a sender until the jobs end, so there is a result for each job.
        let Ok(done) = self.results.recv() else { return Ok(()) };
        self.state.in_work -= 1;
        match done {
            Done::Encoded { number, rows } => {
                self.state.early.insert(number, rows);
                while let Some(rows) = self.state.early.remove(&self.state.taken) {
                    self.state.taken += 1;
                    self.take_piece(rows)?;
                }
                Ok(())
            }
            Done::Sealed { index, row_bytes, result } => {
                self.state.sealing_bytes -= row_bytes;
                self.take_chunk(index, result)
            }
            Done::Panicked(payload) => resume_unwind(payload),
        }
    }

    /// Takes the next piece of the dataset.
    fn take_piece(&mut self, piece: Piece<E>) -> Result<(), PipelineError<E>> {
        for bad in piece.bad {
            go_on(self.watch.bad_row(bad))?;
        }
        for rows in piece.slices {
            self.take_rows(&rows)?;
        }
        let first_row = self.state.progress.rows;
        match piece.error {
            None => Ok(()),
            Some(EncodeError::Source(error)) => Err(PipelineError::Source(error)),
            Some(EncodeError::Row(source)) => Err(PipelineError::Row { first_row, source }),
            Some(EncodeError::Convert(source)) => Err(PipelineError::Convert { first_row, source }),
            Some(EncodeError::Count(source)) => Err(PipelineError::Count { first_row, source }),
        }
    }

    /// Takes the next rows of the dataset.
    fn take_rows(&mut self, Encoded { rows, leaves }: &Encoded) -> Result<(), PipelineError<E>> {
        let mut from = 0;
        for len in self.state.boundaries.ends(leaves) {
            self.state.open.extend(rows, leaves, from, len);
            self.send_chunk();
            from += len;
        }
        self.state.open.extend(rows, leaves, from, leaves.len() - from);
        self.state.progress.rows += leaves.len() as u64;
        self.state.progress.row_bytes += leaves.iter().map(|leaf| u64::from(leaf.len)).sum::<u64>();
        go_on(self.watch.progress(self.state.progress))
    }

    fn take_chunk(&mut self, index: u64, result: Result<Sealed, SealError>) -> Result<(), PipelineError<E>> {
        let Sealed { chunk, is_new } = result.map_err(|error| match error {
            SealError::Chunk(source) => PipelineError::Chunk { index, source },
            SealError::Store(source) => PipelineError::Store { index, source },
        })?;
        self.state.progress.chunks += 1;
        self.state.progress.file_bytes += chunk.bytes;
        self.state.progress.new_bytes += if is_new { chunk.bytes } else { 0 };
        self.state.sealed.insert(index, chunk);
        go_on(self.watch.progress(self.state.progress))
    }
}

fn go_on<E: error::Error + 'static>(flow: ControlFlow<()>) -> Result<(), PipelineError<E>> {
    if flow.is_break() { Err(PipelineError::Stopped) } else { Ok(()) }
}

impl OpenChunk {
    fn extend(&mut self, rows: &RecordBatch, leaves: &[Leaf], from: usize, len: usize) {
        if len > 0 {
            self.batches.push(rows.slice(from, len));
            let leaves = leaves.iter().skip(from).take(len);
            self.row_bytes += leaves.clone().map(|leaf| u64::from(leaf.len)).sum::<u64>();
            self.leaves.extend(leaves.map(|leaf| leaf.hash));
        }
    }
}

fn slices_of(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(SLICE_ROWS);
    starts.map(|start| batch.slice(start, SLICE_ROWS.min(batch.num_rows() - start)))
}
