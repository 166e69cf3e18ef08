//! `mira seal`

use std::process::ExitCode;

use clap::Args;
use mira_lineage::epoch::{EpochError, OpenEpoch};
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::{Output, count, counted};
use crate::receipts;
use crate::session::Session;

/// Seal the log: its checkpoint becomes the next epoch
///
/// Epochs count from 1, grow, and are never replaced. They are what is anchored and paid by.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira seal
  mira seal && mira anchor")]
pub struct SealArgs {}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(serialize_with = "count")]
    epoch: u64,
    #[serde(serialize_with = "count")]
    size: u64,
    root: String,
    checkpoint: String,
}

/// Seals it.
pub fn run(_: &SealArgs, global: &Global, output: &Output) -> Result {
    let (session, _lock) = Session::open_to_write(global)?;
    receipts::refuse_fork(&session.workspace, session.ledger.log())?;
    let log = session.ledger.log();
    let open = OpenEpoch::next(log).map_err(|error| match error {
        EpochError::NoGrowth { .. } => {
            CliError::new(Kind::Failed, "nothing was logged since the last epoch").hint("mira add logs a dataset")
        }
        error => CliError::new(Kind::DoesNotVerify, chain(&error)).at(error.path()),
    })?;
    let sealed = open.seal(log.storage()).kind(Kind::Failed)?;
    let (epoch, head) = (sealed.number().value(), sealed.head());
    if output.is_json() {
        let checkpoint = String::from_utf8_lossy(sealed.checkpoint().signed().as_bytes()).into_owned();
        let (size, root) = (head.size.value(), head.root.to_string());
        output.document(&Document { schema: "mira.seal/1", epoch, size, root, checkpoint });
    } else {
        let entries = counted(head.size.value(), "entry");
        output.data(format_args!("epoch {epoch}: {entries}, root {}", head.root));
    }
    Ok(ExitCode::SUCCESS)
}
