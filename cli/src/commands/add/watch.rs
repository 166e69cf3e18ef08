//! What watches a run of the pipeline: progress, records that are no rows, and the wish to stop.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use mira_ingest::observer::Halted;
use mira_ingest::pipeline::{self, Watch};
use mira_ingest::quarantine::Quarantine;
use mira_ingest::source::{BadRow, OnBadRow, Source};

use crate::error::{CliError, Kind, Result};
use crate::interrupt::interrupted;
use crate::output::{Output, counted, escape};
use crate::task::Task;

/// `--on-bad-row`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum BadRowPolicy {
    /// The first bad record ends the command.
    #[default]
    Fail,
    /// Bad records are counted and left out.
    Skip,
    /// The same, and they are kept in a file.
    Quarantine,
}

impl BadRowPolicy {
    /// The same for whoever reads.
    pub fn on_bad_row(self) -> OnBadRow {
        match self {
            Self::Fail => OnBadRow::Fail,
            Self::Skip | Self::Quarantine => OnBadRow::SetAside,
        }
    }
}

/// The records of a run that were no rows.
#[derive(Debug, Default)]
pub struct BadRows {
    /// How many there are.
    pub count: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// The first few: where, and why.
    pub first: Vec<(String, String)>,
    /// Where they are kept.
    pub kept: Option<PathBuf>,
    writer: Option<Quarantine>,
}

/// How many bad records are shown.
const SHOWN: usize = 3;

impl BadRows {
    /// Makes the file of bad records durable, if there is one. Nothing names it yet.
    pub fn keep(&mut self) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            self.kept = Some(writer.keep().map_err(|error| cannot_keep(&error))?);
        }
        Ok(())
    }

    /// The error of an input in which there is nothing else.
    pub fn all_bad(&self) -> Option<CliError> {
        let (place, reason) = self.first.first()?;
        let message = format!("not one good row: all {} are bad, the first: {reason}", self.count);
        Some(CliError::new(Kind::Failed, message).at(place.clone()))
    }

    /// `3 bad rows: 2 ragged, 1 utf8`
    pub fn summary(&self) -> String {
        let mut text = counted(self.count, "bad row");
        for (index, (kind, count)) in self.kinds.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{} {count} {kind}", if index == 0 { ":" } else { "," });
        }
        text
    }

    /// Shows the first few to a person.
    pub fn talk(&self, output: &Output) {
        for (place, reason) in &self.first {
            output.talk(format_args!("bad row: {}\n  at {}", escape(reason), escape(place)));
        }
        let rest = self.count - self.first.len() as u64;
        if rest > 0 {
            output.talk(format_args!("and {rest} more"));
        }
    }

    fn note(&mut self, row: &BadRow) {
        if row.continues {
            return;
        }
        self.count += 1;
        *self.kinds.entry(row.problem.kind().unwrap_or("other")).or_default() += 1;
        if self.first.len() < SHOWN {
            self.first.push((row.place.to_string(), row.problem.to_string()));
        }
    }
}

/// Watches one run.
pub struct Watcher<'a> {
    task: Task,
    source: &'a Source,
    quarantine: Option<&'a Path>,
    limit: Option<u64>,
    bad: BadRows,
    chunks: u64,
    stopped: Option<CliError>,
}

impl<'a> Watcher<'a> {
    /// Begins to watch. Bad rows go to a file in `quarantine` if there is one, and at most `limit` are put up with.
    pub fn new(task: Task, source: &'a Source, quarantine: Option<&'a Path>, limit: Option<u64>) -> Self {
        let (bad, chunks, stopped) = (BadRows::default(), 0, None);
        Self { task, source, quarantine, limit, bad, chunks, stopped }
    }

    /// What was set aside.
    pub fn into_bad_rows(self) -> BadRows {
        self.bad
    }

    /// Why the run was stopped.
    pub fn why(self) -> CliError {
        self.stopped.unwrap_or_else(|| CliError::new(Kind::Failed, "the run was stopped"))
    }

    fn stop(&mut self, why: CliError) -> ControlFlow<()> {
        self.stopped = Some(why);
        ControlFlow::Break(())
    }

    fn set_aside(&mut self, row: &BadRow) -> Result<()> {
        self.bad.note(row);
        if let Some(limit) = self.limit.filter(|limit| self.bad.count > *limit) {
            let message = format!("more than {}: {}", counted(limit, "bad row"), row.problem);
            let hint = "--max-bad-rows allows more, or none if it is left out";
            return Err(CliError::new(Kind::Failed, message).at(row.place.to_string()).hint(hint));
        }
        let Some(directory) = self.quarantine else { return Ok(()) };
        let writer = match self.bad.writer.take() {
            Some(writer) => Ok(writer),
            None => Quarantine::begin(directory),
        };
        let pushed = writer.and_then(|mut writer| writer.push(row).map(|()| writer));
        self.bad.writer = Some(pushed.map_err(|error| cannot_keep(&error))?);
        Ok(())
    }

    /// What an interrupted run leaves for the next.
    fn kept(&self) -> String {
        let (chunks, read) = (u128::from(self.chunks), u128::from(self.source.meter().bytes()));
        let about = (chunks * u128::from(self.source.bytes_total())).checked_div(read).unwrap_or(0);
        match self.chunks {
            0 => "nothing is stored yet".to_owned(),
            1 if about <= 1 => "1 chunk is stored".to_owned(),
            chunks if about <= u128::from(chunks) => format!("{chunks} chunks are stored"),
            1 => format!("1 of about {about} chunks is stored"),
            chunks => format!("{chunks} of about {about} chunks are stored"),
        }
    }
}

impl Watch for Watcher<'_> {
    fn progress(&mut self, progress: pipeline::Progress) -> ControlFlow<()> {
        self.chunks = progress.chunks;
        match self.task.at(progress.rows, self.source.meter().bytes()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(Halted) => {
                let kept = self.kept();
                self.stop(interrupted(&kept))
            }
        }
    }

    fn bad_row(&mut self, row: BadRow) -> ControlFlow<()> {
        match self.set_aside(&row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.stop(error),
        }
    }
}

fn cannot_keep(error: &io::Error) -> CliError {
    CliError::new(Kind::Failed, format!("bad rows cannot be kept: {error}"))
}
