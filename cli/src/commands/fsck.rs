//! `mira fsck`

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::args::Global;
use crate::audit::{self, Depth};
use crate::checks::Checks;
use crate::error::{Kind, Result};
use crate::output::{JsonMode, Output};
use crate::session::Session;
use crate::workspace::Workspace;

/// Check the log and the data: every entry, tile and epoch, every row of every dataset, and files that statements name
///
/// Names each file at fault. `mira audit` goes on to receipts, the chain and rewards. Datasets are re-hashed row by row
/// against the roots that their statements signed, so this reads all of them; `--log` leaves them out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira fsck
  mira fsck --log
  mira fsck --json=lines           a line for each check

Exit codes: 0 all is well, 3 something does not verify, 4 something could not be checked.")]
pub struct FsckArgs {
    /// Check the log and its epochs only
    #[arg(long)]
    log: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    ok: bool,
    checks: Checks,
}

/// Checks it all.
pub fn run(args: &FsckArgs, global: &Global, output: &Output) -> Result {
    let workspace = Workspace::find(global.workspace.as_deref())?;
    let mut checks = audit::log(&workspace, global)?;
    // Without a sound log nobody knows which datasets there should be.
    if !args.log && checks.worst() != Some(Kind::DoesNotVerify) {
        let session = Session::open(global)?;
        checks.extend(audit::datasets(&session, None, Depth::Full, output)?);
        checks.extend(audit::objects(&session, None));
        checks.extend(audit::quarantine(&session)?);
    }
    let code: ExitCode = checks.exit_code();
    match output.json {
        JsonMode::Document => output.document(&Document { schema: "mira.fsck/1", ok: checks.is_ok(), checks }),
        JsonMode::Lines => checks.lines(output),
        JsonMode::Off => checks.print(output),
    }
    Ok(code)
}
