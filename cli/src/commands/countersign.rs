//! `mira countersign`

use std::process::ExitCode;

use clap::Args;
use mira_core::statement::{AgentRole, Countersign, Predicate};
use serde::Serialize;

use crate::args::Global;
use crate::error::Result;
use crate::naming;
use crate::output::Output;
use crate::recording::{Receipt, Recording};

/// State the same as somebody else's statement
///
/// You sign that you took part in what it states, in the role that you name. Nobody countersigns a statement of their own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira countersign net --role compute
  mira countersign 8affb328 --role validator")]
pub struct CountersignArgs {
    /// The statement: of a dataset, a model, an evaluation, a deployment, a use or an audit
    #[arg(value_name = "REF")]
    reference: String,
    /// As what you took part: compute, contributor, deployer, developer, trainer, validator
    #[arg(long)]
    role: AgentRole,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    target: String,
    #[serde(rename = "ref")]
    reference: String,
    role: &'static str,
}

/// States it.
pub fn run(args: &CountersignArgs, global: &Global, output: &Output) -> Result {
    let mut recording = Recording::open(global)?;
    let target = recording.session.find(&args.reference)?.id;
    let reference = naming::title(recording.session.ledger.fold(), &target);
    let receipt = recording.record(Predicate::Countersign(Countersign { target, role: args.role }))?;
    if output.is_json() {
        let (target, role) = (target.to_string(), args.role.as_str());
        output.document(&Document { schema: "mira.countersign/1", receipt, target, reference, role });
    } else {
        output.data(format_args!("countersigned  {reference} as {}", args.role));
        receipt.print(output);
    }
    Ok(ExitCode::SUCCESS)
}
