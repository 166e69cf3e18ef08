//! `mira version`

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::output::Output;

/// Print the version, and the formats this build reads and writes
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira version
  mira version --json")]
pub struct VersionArgs {}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    version: &'static str,
    formats: [&'static str; 7],
}

const FORMATS: [&str; 7] = [
    "rows 1",
    "cut-1",
    "mira.manifest/1",
    "mira.chunks/1",
    "in-toto Statement v1",
    "DSSE v1",
    "c2sp.org/tlog-proof@v1",
];

/// Prints it.
pub fn run(_: &VersionArgs, output: &Output) -> Result {
    let version = env!("CARGO_PKG_VERSION");
    if output.is_json() {
        output.document(&Document { schema: "mira.version/1", version, formats: FORMATS });
    } else {
        output.data(format_args!("mira {version}\nformats: {}", FORMATS.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}
