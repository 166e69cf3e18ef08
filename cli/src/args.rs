//! The grammar of the command line, and nothing else.
//!
//! One file per command in `commands/` holds that command's arguments, help and examples.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    add, anchor, audit, bind, chain, check, claim, completion, config, countersign, demo, diff, dispute, fsck, gc, get,
    help, init, key, log, ls, pin, prove, record, rewards, rm, seal, show, sql, status, trace, trust, undo, unpin,
    verify, version, withdraw,
};
use crate::output::{JsonMode, Output, ProgressMode};

/// Provenance for data that trains AI.
///
/// Everything a command claims can be checked by somebody who does not trust whoever ran it: see `mira verify --help`.
#[derive(Debug, Parser)]
#[command(
    name = "mira",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    propagate_version = false,
    after_help = "Examples:
  mira demo
  mira init && mira add penguins.csv --license CC0-1.0
  mira verify row.tlog-proof"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Answer in JSON: one document, or with `=lines` one a line
    #[arg(long, global = true, value_enum, num_args = 0..=1, require_equals = true, value_name = "FORM",
          default_missing_value = "document", help_heading = "Global options")]
    json: Option<JsonForm>,
    /// Say nothing but data and errors
    #[arg(short, long, global = true, action = ArgAction::SetTrue, help_heading = "Global options")]
    quiet: bool,
    /// Say more: what was found, and how long each stage took
    #[arg(short, long, global = true, action = ArgAction::SetTrue, conflicts_with = "quiet",
          help_heading = "Global options")]
    verbose: bool,
    /// How to tell progress, on stderr: a bar on terminals only, `json` for one event a line, or nothing
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORM",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    progress: ProgressMode,
    /// Your keys and trust (default: `mira` in the user's config directory)
    #[arg(
        long,
        global = true,
        env = "MIRA_HOME",
        hide_env_values = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub home: Option<PathBuf>,
    /// The workspace (default: the nearest directory upwards that has `.mira/`)
    #[arg(
        long,
        global = true,
        env = "MIRA_WORKSPACE",
        hide_env_values = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub workspace: Option<PathBuf>,
    /// The key that signs, by its name (default: the one that `mira key use` chose)
    #[arg(
        long,
        global = true,
        env = "MIRA_KEY",
        hide_env_values = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub key: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum JsonForm {
    Document,
    Lines,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(init::InitArgs),
    Demo(demo::DemoArgs),
    Add(add::AddArgs),
    Ls(ls::LsArgs),
    Show(show::ShowArgs),
    Get(get::GetArgs),
    Fsck(fsck::FsckArgs),
    Undo(undo::UndoArgs),
    Rm(rm::RmArgs),
    Gc(gc::GcArgs),
    Status(status::StatusArgs),
    Log(log::LogArgs),
    Seal(seal::SealArgs),
    Anchor(anchor::AnchorArgs),
    Chain(chain::ChainCommand),
    Bind(bind::BindArgs),
    Rewards(rewards::RewardsArgs),
    Claim(claim::ClaimArgs),
    Pin(pin::PinArgs),
    Unpin(unpin::UnpinArgs),
    Record(record::RecordArgs),
    Withdraw(withdraw::WithdrawArgs),
    Countersign(countersign::CountersignArgs),
    Dispute(dispute::DisputeArgs),
    Diff(diff::DiffArgs),
    Trace(trace::TraceArgs),
    Sql(sql::SqlArgs),
    Check(check::CheckArgs),
    Prove(prove::ProveArgs),
    Verify(verify::VerifyArgs),
    Audit(audit::AuditArgs),
    Trust(trust::TrustArgs),
    Key(key::KeyArgs),
    Config(config::ConfigArgs),
    Completion(completion::CompletionArgs),
    Version(version::VersionArgs),
    Help(help::HelpArgs),
}

impl Global {
    /// How to answer.
    pub fn output(&self) -> Output {
        let json = match self.json {
            None => JsonMode::Off,
            Some(JsonForm::Document) => JsonMode::Document,
            Some(JsonForm::Lines) => JsonMode::Lines,
        };
        Output { json, quiet: self.quiet, verbose: self.verbose, progress: self.progress }
    }
}
