//! The `mira` binary: reads the command line, runs one command, reports how it went.

#![allow(unreachable_pub, reason = "a binary is nobody's library")]

mod args;
mod commands;
mod error;
mod home;
mod keystore;
mod output;
mod trust;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::error::{CliError, Kind};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = cli.global.output();
    let result = match &cli.command {
        Command::Verify(args) => commands::verify::run(args, &cli.global, &output),
        Command::Trust(args) => commands::trust::run(args, &cli.global, &output),
        Command::Key(args) => commands::key::run(args, &cli.global, &output),
        Command::Version(args) => commands::version::run(args, &output),
        Command::Help(args) => commands::help::run(args, &output),
    };
    result.unwrap_or_else(|error| {
        report(&error, output.is_json());
        error.kind.exit_code()
    })
}

/// Help and version are answers; everything else that clap has to say is a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !is_answer && std::env::args().any(|arg| arg == "--json" || arg.starts_with("--json=")) {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        report(&CliError::new(Kind::Usage, message), true);
    } else {
        // Where stdout or stderr is gone there is nobody left to tell.
        let _ = error.print();
    }
    if is_answer { ExitCode::SUCCESS } else { Kind::Usage.exit_code() }
}

fn report(error: &CliError, json: bool) {
    eprintln!("{}", if json { error.to_json() } else { error.to_text() });
}
