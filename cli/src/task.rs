//! A stage of a command that may take long: what is shown of it, and whether it can be stopped half-way.
//!
//! Libraries see a [`Task`] as their [`Observer`]. Reading alone leaves nothing half done, so there the first signal ends
//! the process as it ends any other. Where something is written or sent, the task is [stoppable](Task::stoppable): work
//! stops between two steps, and [`Task::end`] says what is kept of it.

use std::sync::atomic::{AtomicBool, Ordering};

use mira_ingest::observer::{Halted, Observer};

use crate::error::{CliError, Result};
use crate::interrupt::SafePoints;
use crate::output::Output;
use crate::progress::Progress;

/// One stage.
#[derive(Debug)]
pub struct Task {
    progress: Progress,
    points: Option<SafePoints>,
    halted: AtomicBool,
}

impl Task {
    /// A stage that only reads. Where `total_bytes` are not known yet, [`Observer::left`] may tell later.
    pub fn reading(output: &Output, stage: &'static str, total_bytes: Option<u64>) -> Self {
        Self { progress: Progress::new(output, stage, total_bytes), points: None, halted: AtomicBool::new(false) }
    }

    /// A stage with safe points: each report of what was done is one.
    pub fn stoppable(output: &Output, stage: &'static str, total_bytes: Option<u64>) -> Self {
        Self { points: Some(SafePoints::watch()), ..Self::reading(output, stage, total_bytes) }
    }

    /// What is shown.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Says how far the stage is.
    pub fn at(&self, rows: u64, bytes: u64) -> std::result::Result<(), Halted> {
        self.progress.at(rows, bytes);
        self.check()
    }

    /// What became of the work, or that it was stopped: whatever error that led to, `why` tells it to the user.
    pub fn end<T>(&self, result: Result<T>, why: impl FnOnce() -> CliError) -> Result<T> {
        if result.is_err() && self.halted.load(Ordering::Relaxed) { Err(why()) } else { result }
    }

    fn check(&self) -> std::result::Result<(), Halted> {
        if self.points.as_ref().is_some_and(SafePoints::stop) {
            self.halted.store(true, Ordering::Relaxed);
            return Err(Halted);
        }
        Ok(())
    }
}

impl Observer for Task {
    fn done(&self, rows: u64, bytes: u64) -> std::result::Result<(), Halted> {
        self.progress.done(rows, bytes);
        self.check()
    }

    fn left(&self, bytes: u64) {
        self.progress.left(bytes);
    }
}
