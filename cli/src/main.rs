//! The `mira` binary: reads the command line, runs one command, reports how it went.

#![allow(unreachable_pub, reason = "a binary is nobody's library")]

mod anchor_check;
mod args;
mod blobs;
mod chain;
mod clock;
mod commands;
mod dataset;
mod error;
mod home;
mod keystore;
mod ledger;
mod output;
mod publish;
mod receipts;
mod refs;
mod session;
mod trust;
mod workspace;
mod write_file;

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
    let global = &cli.global;
    let result = match &cli.command {
        Command::Init(args) => commands::init::run(args, global, &output),
        Command::Add(args) => commands::add::run(args, global, &output),
        Command::Ls(args) => commands::ls::run(args, global, &output),
        Command::Show(args) => commands::show::run(args, global, &output),
        Command::Fsck(args) => commands::fsck::run(args, global, &output),
        Command::Get(args) => commands::get::run(args, global, &output),
        Command::Status(args) => commands::status::run(args, global, &output),
        Command::Pin(args) => commands::pin::run(args, global, &output),
        Command::Log(args) => commands::log::run(args, global, &output),
        Command::Seal(args) => commands::seal::run(args, global, &output),
        Command::Anchor(args) => commands::anchor::run(args, global, &output),
        Command::Chain(args) => commands::chain::run(args, global, &output),
        Command::Prove(args) => commands::prove::run(args, global, &output),
        Command::Verify(args) => commands::verify::run(args, global, &output),
        Command::Trust(args) => commands::trust::run(args, global, &output),
        Command::Key(args) => commands::key::run(args, global, &output),
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
