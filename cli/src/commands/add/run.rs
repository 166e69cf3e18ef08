//! Runs of the pipeline over one input: under a guess, or under a plan.

use std::num::NonZeroUsize;
use std::path::Path;

use mira_core::schema::Schema;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline::{self, PipelineError};
use mira_ingest::report::{Profile, Show};
use mira_ingest::source::{Guess, GuessError, Piece, Plan, Problem, Respelled, Source, SourceError};
use mira_ingest::store::ChunkStore;

use super::watch::{BadRowPolicy, BadRows, Watcher};
use super::{AddArgs, Parent};
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::interrupt::{SafePoints, interrupted};
use crate::output::{Output, counted};
use crate::reading;
use crate::task::Task;

/// What a run made, and what it left out.
pub struct Added {
    pub outcome: pipeline::Outcome,
    pub bad: BadRows,
    /// Columns whose numbers are written otherwise in the input.
    pub respelled: Vec<Respelled>,
}

impl Added {
    /// What a person should know about types that were inferred.
    pub fn warnings(&self) -> Vec<String> {
        const SHOWN: usize = 5;
        let line = |Respelled { column, example, scale }: &Respelled| {
            let number = example.trim_end_matches('0').trim_end_matches('.');
            format!(
                "column {column:?} is read as numbers, so {example} becomes {number}; with --schema, \"text\" or \
                 [\"decimal\",{scale}] for it keeps the zeros"
            )
        };
        let mut lines: Vec<String> = self.respelled.iter().take(SHOWN).map(line).collect();
        if let Some(more) = self.respelled.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            lines.push(format!("the same of {}", counted(more as u64, "more column")));
        }
        lines
    }
}

/// An input, and how it is read.
pub struct Run<'a> {
    args: &'a AddArgs,
    source: &'a Source,
    /// The one that was given.
    schema: Option<Schema>,
    parent: Option<&'a Parent>,
    output: &'a Output,
    policy: BadRowPolicy,
    show: Show,
    /// Between two stages as within them, the first signal only asks.
    _points: SafePoints,
}

impl<'a> Run<'a> {
    pub fn new(
        args: &'a AddArgs,
        (source, schema): (&'a Source, Option<Schema>),
        parent: Option<&'a Parent>,
        output: &'a Output,
        (policy, show): (BadRowPolicy, Show),
    ) -> Self {
        Self { show, args, source, schema, parent, output, policy, _points: SafePoints::watch() }
    }

    /// Reads the input and commits to its rows. Bad ones go to a file in `quarantine`, if the user wants that.
    ///
    /// Where types are to be inferred, the start of the input is a good guess, and one pass finds out whether it was
    /// right. If not, inference looks at all values first. Either way the types are those that all values have.
    pub fn commit(self, store: &impl ChunkStore, quarantine: Option<&Path>) -> Result<(Added, Plan)> {
        let quarantine = quarantine.filter(|_| self.policy == BadRowPolicy::Quarantine);
        if self.schema.is_none()
            && let Some(guess) = self.source.guess().map_err(|error| self.source_error(&error))?
        {
            let added = self.output.timed("read under a guess", || self.under_guess(&guess, store, quarantine))?;
            if let Some(added) = added {
                return Ok((added, guess.plan().clone()));
            }
            self.output.detail("the rest is not like the start: all of it is read again");
        }
        let plan = self.output.timed("types found", || self.plan())?;
        self.output.timed("read and stored", || self.under_plan(plan, store, quarantine))
    }

    fn plan(&self) -> Result<Plan> {
        let plan = match self.schema.clone() {
            Some(schema) => self.source.under(schema),
            None if self.source.format().declares_types() => self.source.infer(),
            None => return self.infer(),
        };
        plan.map_err(|error| self.source_error(&error))
    }

    /// Looks at all values.
    fn infer(&self) -> Result<Plan> {
        let task = Task::stoppable(self.output, "infer", Some(self.source.bytes_total()));
        let plan = self.source.infer_watched(&task).map_err(|error| self.source_error(&error));
        task.end(plan, || interrupted("types are being inferred, nothing is stored yet"))
    }

    /// Nothing if the guess was wrong, or anything else in the input: reading it again will tell.
    fn under_guess(&self, guess: &Guess, store: &impl ChunkStore, kept: Option<&Path>) -> Result<Option<Added>> {
        let mut watcher = self.watcher(kept);
        let blocks = self.source.blocks().map(|block| block.map_err(GuessError::from));
        let physical = self.physical(guess.plan())?;
        let parse = |block| guess.parse(block);
        match pipeline::run_counted(
            &physical,
            blocks,
            parse,
            store,
            threads(self.args),
            self.profile(&physical),
            &mut watcher,
        ) {
            Ok(outcome) => Ok(Some(Added { outcome, bad: watcher.into_bad_rows(), respelled: guess.respelled() })),
            Err(PipelineError::Source(_) | PipelineError::Convert { .. }) => Ok(None),
            Err(error) => Err(failed(&error, watcher)),
        }
    }

    /// Runs once more, with wider columns, if a given schema's first rows needed less room than later ones.
    fn under_plan(&self, mut plan: Plan, store: &impl ChunkStore, kept: Option<&Path>) -> Result<(Added, Plan)> {
        let mut physical = self.physical(&plan)?;
        loop {
            let mut watcher = self.watcher(kept);
            let pieces = self.source.pieces(&plan);
            let parse = |piece: Piece| piece.parse(&plan);
            let result = pipeline::run_counted(
                &physical,
                pieces,
                parse,
                store,
                threads(self.args),
                self.profile(&physical),
                &mut watcher,
            );
            match result {
                Ok(outcome) => {
                    let respelled = plan.respelled().to_vec();
                    return Ok((Added { outcome, bad: watcher.into_bad_rows(), respelled }, plan));
                }
                Err(PipelineError::Source(error)) if error.widening().is_some() => {
                    plan = self.source.measure(plan).map_err(|error| self.source_error(&error))?;
                    physical = own_physical(&plan)?;
                }
                // The version before stored its values in less room than this one needs.
                Err(PipelineError::Convert { .. }) if physical != own_physical(&plan)? => {
                    physical = own_physical(&plan)?;
                }
                Err(PipelineError::Source(error)) => return Err(self.source_error(&error)),
                Err(error) => return Err(failed(&error, watcher)),
            }
        }
    }

    fn watcher<'w>(&'w self, kept: Option<&'w Path>) -> Watcher<'w> {
        let task = Task::stoppable(self.output, "commit", Some(self.source.bytes_total()));
        Watcher::new(task, self.source, kept, self.args.max_bad_rows)
    }

    /// What is counted while rows go by.
    fn profile(&self, physical: &PhysicalSchema) -> Option<Profile> {
        Some(Profile::new(physical.logical(), self.show))
    }

    /// The parent's physical schema, so that chunks can stay the same, or the plan's own.
    fn physical(&self, plan: &Plan) -> Result<PhysicalSchema> {
        match self.parent.filter(|parent| parent.stored.committed.physical.logical() == plan.schema()) {
            Some(parent) => Ok(parent.stored.committed.physical.clone()),
            None => own_physical(plan),
        }
    }

    /// A reading error, with what would help.
    fn source_error(&self, error: &SourceError) -> CliError {
        let failed = reading::source_error(error);
        match error {
            SourceError::NoRows { .. } if self.policy != BadRowPolicy::Fail => {
                failed.hint("if all rows are bad, --on-bad-row fail names the first")
            }
            // That bytes are no UTF-8 has mostly another reason than a bad record.
            _ if matches!(error.problem(), Some(Problem::Utf8)) => failed,
            _ if self.policy == BadRowPolicy::Fail && error.is_of_a_record() => {
                failed.hint("--on-bad-row quarantine sets it aside")
            }
            _ => failed,
        }
    }
}

fn threads(args: &AddArgs) -> NonZeroUsize {
    let given = args.threads.and_then(|threads| NonZeroUsize::new(threads.into()));
    given.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

fn own_physical(plan: &Plan) -> Result<PhysicalSchema> {
    PhysicalSchema::of_working(plan.arrow()).kind(Kind::Failed)
}

/// Why a run ended: what its watcher said, or that all rows were bad, or else what the pipeline says.
fn failed<E: std::error::Error + 'static>(error: &PipelineError<E>, watcher: Watcher<'_>) -> CliError {
    match error {
        PipelineError::Stopped => watcher.why(),
        PipelineError::Commit(_) => match watcher.into_bad_rows().all_bad() {
            Some(all_bad) => all_bad,
            None => CliError::caused(Kind::Failed, error),
        },
        _ => CliError::caused(Kind::Failed, error),
    }
}
