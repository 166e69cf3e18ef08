//! The `mira` binary: reads the command line, runs one command, reports how it went.

#![allow(unreachable_pub, reason = "a binary is nobody's library")]
#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::bare_urls,
    rustdoc::invalid_html_tags,
    reason = "help texts are read in terminals"
)]

mod anchor_check;
mod args;
mod artifact;
mod audit;
mod blobs;
mod by_cid;
mod card;
mod chain;
mod checks;
mod clock;
mod commands;
mod dataset;
mod error;
mod evidence;
mod fetching;
mod folder;
mod gate;
mod home;
mod interrupt;
mod keystore;
mod ledger;
mod lineage;
mod naming;
mod nearby;
mod needed;
mod output;
mod papers;
mod payments;
mod pending;
mod pin_receipts;
mod pinning;
mod process;
mod progress;
mod publish;
mod quarantined;
mod read_file;
mod reading;
mod receipts;
mod recording;
mod refs;
mod removed;
mod rewarding;
mod session;
mod settings;
mod subject;
mod task;
mod temporary;
mod terms;
mod trust;
mod unchanged;
mod uses;
mod views;
mod workspace;
mod write_file;
mod write_tree;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::error::{CliError, Kind};

fn main() -> ExitCode {
    // Before anything connects: nodes of chains, gateways.
    mira_ingest::tls::install();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = cli.global.output();
    interrupt::install(output);
    let global = &cli.global;
    let result = match &cli.command {
        Command::Init(args) => commands::init::run(args, global, &output),
        Command::Add(args) => commands::add::run(args, global, &output),
        Command::Ls(args) => commands::ls::run(args, global, &output),
        Command::Show(args) => commands::show::run(args, global, &output),
        Command::Fsck(args) => commands::fsck::run(args, global, &output),
        Command::Gc(args) => commands::gc::run(args, global, &output),
        Command::Rm(args) => commands::rm::run(args, global, &output),
        Command::Undo(args) => commands::undo::run(args, global, &output),
        Command::Get(args) => commands::get::run(args, global, &output),
        Command::Status(args) => commands::status::run(args, global, &output),
        Command::Pin(args) => commands::pin::run(args, global, &output),
        Command::Unpin(args) => commands::unpin::run(args, global, &output),
        Command::Record(args) => commands::record::run(args, global, &output),
        Command::Withdraw(args) => commands::withdraw::run(args, global, &output),
        Command::Countersign(args) => commands::countersign::run(args, global, &output),
        Command::Dispute(args) => commands::dispute::run(args, global, &output),
        Command::Sql(args) => commands::sql::run(args, global, &output),
        Command::Diff(args) => commands::diff::run(args, global, &output),
        Command::Trace(args) => commands::trace::run(args, global, &output),
        Command::Check(args) => commands::check::run(args, global, &output),
        Command::Log(args) => commands::log::run(args, global, &output),
        Command::Seal(args) => commands::seal::run(args, global, &output),
        Command::Anchor(args) => commands::anchor::run(args, global, &output),
        Command::Chain(args) => commands::chain::run(args, global, &output),
        Command::Bind(args) => commands::bind::run(args, global, &output),
        Command::Rewards(args) => commands::rewards::run(args, global, &output),
        Command::Claim(args) => commands::claim::run(args, global, &output),
        Command::Prove(args) => commands::prove::run(args, global, &output),
        Command::Audit(args) => commands::audit::run(args, global, &output),
        Command::Demo(args) => commands::demo::run(args, global, &output),
        Command::Verify(args) => commands::verify::run(args, global, &output),
        Command::Trust(args) => commands::trust::run(args, global, &output),
        Command::Key(args) => commands::key::run(args, global, &output),
        Command::Config(args) => commands::config::run(args, global, &output),
        Command::Completion(args) => commands::completion::run(args, &output),
        Command::Version(args) => commands::version::run(args, &output),
        Command::Help(args) => commands::help::run(args, &output),
    };
    result.unwrap_or_else(|error| {
        report(&error, output.is_json());
        error.kind.exit_code()
    })
}

/// Help and version are answers; everything else that clap has to say is a usage error, in the form of all others.
fn usage(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = std::env::args().any(|arg| arg == "--json" || arg.starts_with("--json="));
    if is_answer || (!json && error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        // Where stdout or stderr is gone there is nobody left to tell.
        let _ = error.print();
    } else {
        report(&in_three_lines(&error.to_string()), json);
    }
    if is_answer { ExitCode::SUCCESS } else { Kind::Usage.exit_code() }
}

/// Clap's text is a message, which may go on in indented lines, then tips, then how to call the command.
fn in_three_lines(text: &str) -> CliError {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().trim_start_matches("error: ");
    let rest: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let message = if rest.is_empty() { first.to_owned() } else { format!("{first} {}", rest.join(", ")) };
    let error = CliError::new(Kind::Usage, message);
    let mut after = lines.map(str::trim).filter(|line| !line.is_empty());
    match after.find(|line| line.starts_with("tip: ") || line.starts_with("Usage: ")) {
        Some(hint) => error.hint(hint.trim_start_matches("tip: ").trim_start_matches("Usage: ")),
        None => error.hint("--help explains the command"),
    }
}

fn report(error: &CliError, json: bool) {
    eprintln!("{}", if json { error.to_json() } else { error.to_text() });
}
