//! `mira undo`

use std::process::ExitCode;

use clap::Args;
use mira_core::digest::StatementId;
use mira_core::fold::{Outcome, Record, Withdrawn};
use mira_core::statement::{Predicate, Withdraw, WithdrawReason};
use mira_lineage::epoch;
use serde::Serialize;

use super::withdraw::affected;
use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::Output;
use crate::recording::{Receipt, Recording};
use crate::refs::Found;
use crate::session::Session;
use crate::{naming, publish};

/// Take back the last thing that you stated, while nobody knows of it
///
/// A log forgets nothing: its checkpoint is signed at every entry, and one that shrank would be refused by whoever saw it
/// before. So this withdraws your last statement with the reason `error`. From then on the version before is the latest
/// again, and a bare name stands for it. What is sealed, pinned, or used by others is known to them: it is refused, and
/// `mira withdraw` says so in the open.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira add penguins.csv --license MIT
  mira undo                   that was the wrong licence")]
pub struct UndoArgs {
    /// Also if it is sealed, pinned or used
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    target: String,
    #[serde(rename = "ref")]
    reference: String,
    latest: Option<String>,
}

/// Takes it back.
pub fn run(args: &UndoArgs, global: &Global, output: &Output) -> Result {
    let mut recording = Recording::open(global)?;
    let session = &recording.session;
    let found = last(session, &recording)?;
    let (target, title) = (found.id, naming::title(session.ledger.fold(), &found.id));
    // An undo that was killed when it was logged is told again.
    let is_done = found.record.withdrawn == Withdrawn::Whole;
    if !args.force
        && !is_done
        && let Some(reason) = known(session, &found)?
    {
        return Err(CliError::new(Kind::DoesNotVerify, format!("{title} is known to others: {reason}")).hint(format!(
            "mira withdraw {target:.16} --reason error says so in the open, --force does the same here"
        )));
    }
    let withdraw = Withdraw { target, reason: WithdrawReason::Error, rows: None };
    let receipt = recording.record(Predicate::Withdraw(withdraw))?;
    let latest = latest(&recording.session, &target);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.undo/1",
            receipt,
            target: target.to_string(),
            reference: title,
            latest,
        });
        return Ok(ExitCode::SUCCESS);
    }
    output.data(format_args!("undone     {title}: withdrawn, reason error"));
    receipt.print(output);
    latest.iter().for_each(|latest| output.data(format_args!("latest     {latest}")));
    Ok(ExitCode::SUCCESS)
}

/// The last statement of whoever signs.
fn last<'a>(session: &'a Session, recording: &Recording) -> Result<Found<'a>> {
    let me = session.ledger.contributor_of(recording.key());
    let fold = session.ledger.fold();
    let accepted = session.ledger.history().iter().rev().filter_map(|event| match &event.outcome {
        Outcome::Accepted(accepted) => Some(accepted),
        Outcome::Refused(_) => None,
    });
    let mut mine = accepted.filter(|accepted| accepted.record.signer == me);
    let nothing = || CliError::new(Kind::NotFound, "you stated nothing in this log").hint("mira log lists its entries");
    let accepted = mine.next().ok_or_else(nothing)?;
    let record: &Record = fold.statement(&accepted.statement_id).ok_or_else(nothing)?;
    if let Predicate::Withdraw(Withdraw { target, reason, rows }) = accepted.statement.predicate() {
        if (*reason, rows) == (WithdrawReason::Error, &None)
            && session.ledger.is_untold(accepted.record.seq)
            && let Some(record) = fold.statement(target)
        {
            return Ok(Found { id: *target, record });
        }
        return Err(CliError::new(Kind::Usage, "your last statement takes something back, and that stays")
            .hint("mira add adds it again, mira withdraw REF --reason error takes back another one"));
    }
    if record.withdrawn == Withdrawn::Whole {
        return Err(CliError::new(Kind::Usage, "your last statement was withdrawn already"));
    }
    Ok(Found { id: accepted.statement_id, record })
}

/// Who knows of it, if somebody does.
fn known(session: &Session, found: &Found<'_>) -> Result<Option<String>> {
    let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?;
    if let Some(epoch) = epochs.iter().find(|epoch| epoch.head().size.value() > found.record.seq.value()) {
        return Ok(Some(format!("it is sealed in epoch {}", epoch.number())));
    }
    let jobs = publish::jobs(session)?;
    if let Some(job) = jobs.iter().find(|job| job.statement == found.id) {
        return Ok(Some(format!("a pin of it at {} is {}", job.target.service, job.state.as_str())));
    }
    if let Some(first) = affected(session, found)?.first() {
        return Ok(Some(format!("{} stands on it", first.reference)));
    }
    let about = session.ledger.history().iter().filter_map(|event| match &event.outcome {
        Outcome::Accepted(accepted) if accepted.record.subject == *found.id.digest() => Some(accepted),
        _ => None,
    });
    let by = |kind: &dyn std::fmt::Display, who: &_| {
        format!("a {kind} of it by {}", naming::person(session.ledger.fold(), who))
    };
    Ok(about.map(|accepted| by(&accepted.record.kind, &accepted.record.signer)).next())
}

/// What the name of what was taken back stands for now.
fn latest(session: &Session, target: &StatementId) -> Option<String> {
    let fold = session.ledger.fold();
    let record = fold.statement(target)?;
    let latest = session.ledger.latest(record)?;
    (latest != *target).then(|| naming::title(fold, &latest))
}
