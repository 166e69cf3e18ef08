//! `mira record transform`

use clap::Args;
use mira_core::statement::InputRole;

use super::{code, digest};
use crate::args::Global;
use crate::commands::add::{self, AddArgs, Origin};
use crate::error::Result;
use crate::output::Output;
use crate::recording::Recording;
use crate::uses::{ExternalSpec, UseSpec, Used};

/// Add a dataset that was made from others
///
/// Everything is as with `mira add`, and the statement names what the rows were made from. Its rights are what you say
/// here; those of its inputs hold beside them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira record transform clean.csv --name clean --uses penguins,rows=kept.txt --license CC0-1.0
  mira record transform joined.parquet --uses weather --uses airlines --code https://example.org/etl.git@COMMIT")]
pub struct TransformArgs {
    #[command(flatten)]
    add: AddArgs,
    /// A dataset that it was made from: REF[,role=R][,chunks=0-9+12][,rows=FILE][,passes=N]
    #[arg(long, value_name = "REF,…", required_unless_present = "uses_external")]
    uses: Vec<UseSpec>,
    /// Anything else that it was made from: URI[,sha256=HEX][,license=SPDX][,role=R]
    #[arg(long, value_name = "URI,…")]
    uses_external: Vec<ExternalSpec>,
    /// The program: URI@COMMIT
    #[arg(long, value_name = "URI@COMMIT")]
    code: Option<String>,
    /// The program's configuration, of which the SHA-256 is recorded: a file, or sha256:HEX
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
}

/// Records it.
pub(super) fn run(args: &TransformArgs, global: &Global, output: &Output) -> Result {
    if args.add.is_dry_run() {
        return add::run(&args.add, global, output);
    }
    let recording = Recording::open(global)?;
    let session = &recording.session;
    let used = Used::find(session, &args.uses, &args.uses_external, InputRole::Train)?;
    let origin = Origin {
        inputs: used.listed(&session.blobs())?,
        code: args.code.as_deref().map(code).transpose()?,
        config: args.config.as_deref().map(digest).transpose()?,
        lines: used.lines,
        warnings: used.warnings,
    };
    add::add(&args.add, recording, Some(origin), output)
}
