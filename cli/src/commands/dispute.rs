//! `mira dispute`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::statement::{Dispute, DisputeReason, Predicate};
use serde::Serialize;

use crate::args::Global;
use crate::error::Result;
use crate::output::Output;
use crate::recording::{Receipt, Recording};
use crate::{naming, read_file};

/// State that somebody's statement is wrong
///
/// A dispute decides nothing; from then on the statement is shown as disputed. `mira withdraw` takes a dispute back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira dispute sample-lab/corpus --reason copied --evidence comparison.csv
  mira dispute 8affb328 --reason rights")]
pub struct DisputeArgs {
    /// The statement
    #[arg(value_name = "REF")]
    reference: String,
    /// What is wrong: copied, false, privacy, rights
    #[arg(long)]
    reason: DisputeReason,
    /// The evidence, of which the SHA-256 is recorded
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    target: String,
    #[serde(rename = "ref")]
    reference: String,
    reason: &'static str,
    evidence: Option<String>,
}

/// States it.
pub fn run(args: &DisputeArgs, global: &Global, output: &Output) -> Result {
    let evidence = args.evidence.as_deref().map(read_file::digest).transpose()?.map(|(digest, _)| digest);
    let mut recording = Recording::open(global)?;
    let target = recording.session.find(&args.reference)?.id;
    let reference = naming::title(recording.session.ledger.fold(), &target);
    let receipt = recording.record(Predicate::Dispute(Dispute { target, reason: args.reason, evidence }))?;
    if output.is_json() {
        let (target, reason) = (target.to_string(), args.reason.as_str());
        let evidence = evidence.map(|evidence| evidence.to_string());
        output.document(&Document { schema: "mira.dispute/1", receipt, target, reference, reason, evidence });
    } else {
        output.data(format_args!("disputed   {reference}, reason {}", args.reason));
        receipt.print(output);
    }
    Ok(ExitCode::SUCCESS)
}
