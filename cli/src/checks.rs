//! Lists of checks: what was looked at, how it went, and the exit code that they add up to.
//!
//! A check is ok, FAILED, or not checked (and why); what was left out on purpose is listed as not asked. Those four are
//! never mixed up: nobody may read "verified" where something could not be looked at.

use std::process::ExitCode;

use serde::{Serialize, Serializer};

use crate::error::{CliError, Kind};
use crate::output::{Output, escape};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// It holds.
    Ok,
    /// It does not.
    Failed,
    /// It could not be made.
    NotChecked,
    /// Nobody asked for it.
    NotAsked,
}

/// One check.
#[derive(Debug, Serialize)]
pub struct Check {
    step: String,
    artifact: String,
    result: CheckResult,
    detail: Option<String>,
}

/// Checks in the order in which they were made.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Checks(Vec<Check>);

impl CheckResult {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::NotChecked => "not checked",
            Self::NotAsked => "not asked",
        }
    }
}

impl Serialize for CheckResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Checks {
    /// Adds a check that holds.
    pub fn ok(&mut self, step: impl Into<String>, artifact: impl Into<String>) {
        self.push(step, artifact, CheckResult::Ok, None);
    }

    /// Adds a check that fails.
    pub fn failed(&mut self, step: impl Into<String>, artifact: impl Into<String>, detail: impl Into<String>) {
        self.push(step, artifact, CheckResult::Failed, Some(detail.into()));
    }

    /// Adds a check that could not be made.
    pub fn not_checked(&mut self, step: impl Into<String>, artifact: impl Into<String>, why: impl Into<String>) {
        self.push(step, artifact, CheckResult::NotChecked, Some(why.into()));
    }

    /// Adds a check that nobody asked for.
    pub fn not_asked(&mut self, step: impl Into<String>, artifact: impl Into<String>, why: impl Into<String>) {
        self.push(step, artifact, CheckResult::NotAsked, Some(why.into()));
    }

    /// Adds a check that ended with an error: failed if the error says that something does not verify, else not checked.
    pub fn error(&mut self, step: impl Into<String>, artifact: impl Into<String>, error: &CliError) {
        let result = if error.kind == Kind::DoesNotVerify { CheckResult::Failed } else { CheckResult::NotChecked };
        self.push(step, artifact, result, Some(error.in_one_line()));
    }

    /// Adds a check.
    pub fn push(
        &mut self,
        step: impl Into<String>,
        artifact: impl Into<String>,
        result: CheckResult,
        detail: Option<String>,
    ) {
        self.0.push(Check { step: step.into(), artifact: artifact.into(), result, detail });
    }

    /// Adds the checks of another list.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether nothing failed and nothing that was asked for was left unchecked.
    pub fn is_ok(&self) -> bool {
        self.worst().is_none()
    }

    /// The worst result, if any is bad: failing beats not being checked.
    pub fn worst(&self) -> Option<Kind> {
        let any = |result| self.0.iter().any(|check| check.result == result);
        let failed = any(CheckResult::Failed).then_some(Kind::DoesNotVerify);
        failed.or_else(|| any(CheckResult::NotChecked).then_some(Kind::NotChecked))
    }

    /// 0, 3 or 4.
    pub fn exit_code(&self) -> ExitCode {
        self.worst().map_or(ExitCode::SUCCESS, Kind::exit_code)
    }

    /// Writes each check to stdout as one line of JSON.
    pub fn lines(&self, output: &Output) {
        output.lines(&self.0);
    }

    /// Writes one line per check to stdout.
    pub fn print(&self, output: &Output) {
        for check in &self.0 {
            let detail = check.detail.as_ref().map(|detail| format!(": {}", escape(detail))).unwrap_or_default();
            let (result, artifact) = (check.result.word(), escape(&check.artifact));
            output.data(format_args!("{result:<12} {:<16} {artifact}{detail}", check.step));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_beats_not_being_checked_and_not_being_asked_is_no_fault() {
        let mut checks = Checks::default();
        checks.ok("log", "a");
        checks.not_asked("rows", "b", "--quick");
        assert!(checks.is_ok());
        checks.not_checked("anchor", "c", "no chain");
        assert_eq!(checks.worst(), Some(Kind::NotChecked));
        checks.failed("rows", "d", "edited");
        assert_eq!(checks.worst(), Some(Kind::DoesNotVerify));
    }
}
