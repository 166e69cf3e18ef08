//! `mira fsck`

use std::process::ExitCode;

use clap::Args;
use mira_core::fold::Withdrawn;
use mira_ingest::export;
use mira_lineage::log::{FsStorage, check_everything};
use serde::Serialize;

use crate::args::Global;
use crate::dataset;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::home::Home;
use crate::ledger::log_key;
use crate::output::{Output, escape};
use crate::refs::Found;
use crate::session::Session;
use crate::trust::Trust;
use crate::workspace::Workspace;

/// Check everything in the workspace: every entry, tile and epoch, and every row of every dataset
///
/// Names each file at fault. Datasets are re-hashed row by row against the roots that their statements signed, so this
/// reads all of them; `--log` leaves them out.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all is well, 3 something does not verify, 4 something could not be checked.")]
pub struct FsckArgs {
    /// Check the log and its epochs only
    #[arg(long)]
    log: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    ok: bool,
    checks: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    step: &'static str,
    artifact: String,
    result: &'static str,
    detail: Option<String>,
}

/// Checks it all.
pub fn run(args: &FsckArgs, global: &Global, output: &Output) -> Result {
    let workspace = Workspace::find(global.workspace.as_deref())?;
    let mut checks = log(&workspace, global)?;
    // Without a sound log nobody knows which datasets there should be.
    if !args.log && worst(&checks) != Some(Kind::DoesNotVerify) {
        let session = Session::open(global)?;
        checks.extend(datasets(&session)?);
    }
    if output.is_json() {
        let ok = checks.iter().all(|line| line.result == OK);
        let code = exit_code(&checks);
        output.document(&Document { schema: "mira.fsck/1", ok, checks });
        return Ok(code);
    }
    for line in &checks {
        let detail = line.detail.as_ref().map(|detail| format!(": {}", escape(detail))).unwrap_or_default();
        output.data(format_args!("{:<12} {:<10} {}{detail}", line.result, line.step, escape(&line.artifact)));
    }
    Ok(exit_code(&checks))
}

const OK: &str = "ok";
const FAILED: &str = "FAILED";
const NOT_CHECKED: &str = "not checked";

fn log(workspace: &Workspace, global: &Global) -> Result<Vec<Line>> {
    let key = log_key(workspace)?;
    let trusted = Trust::load(&Home::locate(global.home.as_deref())?)?.logs().contains(&key);
    let storage = FsStorage::open(workspace.path("log")).kind(Kind::Failed)?;
    let report = check_everything(&storage, &key).kind(Kind::Failed)?;
    let mut lines = Vec::new();
    if !trusted {
        // The workspace says itself which key its log has, so without the user's word anybody could have made it.
        let detail = Some("this log is not one you trust".to_owned());
        lines.push(Line { step: "trust", artifact: key.to_string(), result: NOT_CHECKED, detail });
    }
    for defect in &report.defects {
        lines.push(Line { step: "log", artifact: defect.path(), result: FAILED, detail: Some(chain(defect)) });
    }
    for path in &report.unknown {
        let detail = Some("no log has such a file".to_owned());
        lines.push(Line { step: "log", artifact: path.clone(), result: FAILED, detail });
    }
    if let Some(head) = report.head.filter(|_| report.is_sound()) {
        let artifact = format!(
            "{}: {} entries, {} tiles and bundles, {} epochs",
            key.name(),
            head.size,
            report.objects,
            report.epochs
        );
        lines.push(Line { step: "log", artifact, result: OK, detail: None });
    }
    Ok(lines)
}

fn datasets(session: &Session) -> Result<Vec<Line>> {
    let mut found: Vec<_> = session.ledger.fold().statements().filter(|(_, record)| record.extent.is_some()).collect();
    found.sort_by_key(|(_, record)| record.seq);
    let store = session.store()?;
    let mut lines = Vec::new();
    for (id, record) in found {
        let version = record.version.as_ref();
        let name = version.map(|version| format!("{}@{}", version.name, version.number)).unwrap_or_default();
        let rows = || -> Result<u64> {
            let stored = dataset::load(&session.ledger, &session.blobs(), &Found { id: *id, record })?;
            let mut rows = 0;
            for chunk in export::chunks(&stored.committed, &store).kind(Kind::DoesNotVerify)? {
                rows += chunk.kind(Kind::DoesNotVerify)?.num_rows() as u64;
            }
            Ok(rows)
        };
        lines.push(match rows() {
            Ok(rows) => {
                let artifact = format!("{name}: {rows} rows, root {}", record.subject);
                Line { step: "dataset", artifact, result: OK, detail: None }
            }
            // Data that were withdrawn may be gone; what the log says of them stays.
            Err(error) if error.kind == Kind::NotFound || record.withdrawn != Withdrawn::Nothing => {
                Line { step: "dataset", artifact: name, result: NOT_CHECKED, detail: Some(text(&error)) }
            }
            Err(error) => Line { step: "dataset", artifact: name, result: FAILED, detail: Some(text(&error)) },
        });
    }
    Ok(lines)
}

fn text(error: &CliError) -> String {
    error.to_text().trim_start_matches("error: ").replace('\n', ",")
}

/// The worst of the results, if any is not ok: failing beats not being checked.
fn worst(lines: &[Line]) -> Option<Kind> {
    let any = |result: &str| lines.iter().any(|line| line.result == result);
    any(FAILED).then_some(Kind::DoesNotVerify).or_else(|| any(NOT_CHECKED).then_some(Kind::NotChecked))
}

fn exit_code(lines: &[Line]) -> ExitCode {
    worst(lines).map_or(ExitCode::SUCCESS, Kind::exit_code)
}
