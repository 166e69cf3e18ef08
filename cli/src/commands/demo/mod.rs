//! `mira demo`
//!
//! A workspace in which everything has happened once: every step is a command that a person would have typed, run as
//! its own process by the very binary that runs the demo, and printed before its answer.

mod model;
mod steps;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::home::Home;
use crate::output::{JsonMode, Output, escape};

/// Run the whole pipeline on small real datasets, offline
///
/// Two contributors add datasets under different licences, a trainer records a run over both, a validator an evaluation,
/// a deployer a deployment and its use with a fee. The log is sealed and anchored on a chain in this workspace; rewards
/// are computed, proposed, and claimed. A row is proved, the whole is audited, and an edited copy is found out.
///
/// It leaves an ordinary workspace, and keys named `demo-…` among yours: never chosen by default, and refused on other
/// chains than local ones.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira demo && cd mira-demo && mira sql -c 'select * from events'")]
pub struct DemoArgs {
    /// Where; it must not exist, or be empty
    #[arg(default_value = "mira-demo")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    workspace: String,
    steps: Vec<Step>,
    seconds: f64,
}

/// A command that was run.
#[derive(Serialize)]
struct Step {
    command: String,
    exit_code: i32,
}

/// Runs the commands of the demo in one directory.
struct Stage<'a> {
    program: PathBuf,
    home: PathBuf,
    dir: PathBuf,
    output: &'a Output,
    steps: Vec<Step>,
}

/// Runs it.
pub fn run(args: &DemoArgs, global: &Global, output: &Output) -> Result {
    let began = Instant::now();
    let home = Home::locate(global.home.as_deref())?;
    make_empty(&args.dir)?;
    let program = std::env::current_exe().kind(Kind::Failed)?;
    let dir = std::path::absolute(&args.dir).kind(Kind::Failed)?;
    let mut stage = Stage { program, home: home.dir().to_owned(), dir, output, steps: Vec::new() };
    steps::all(&mut stage)?;
    let seconds = (began.elapsed().as_secs_f64() * 100.0).round() / 100.0;
    if output.is_json() {
        let (workspace, steps) = (stage.dir.display().to_string(), stage.steps);
        output.document(&Document { schema: "mira.demo/1", workspace, steps, seconds });
    } else {
        let (steps, place) = (stage.steps.len(), args.dir.display().to_string());
        output.data(format_args!("\n{steps} commands in {seconds} s. The workspace is in {}.", escape(&place)));
    }
    Ok(ExitCode::SUCCESS)
}

fn make_empty(dir: &Path) -> Result<()> {
    let at = |error: std::io::Error| CliError::new(Kind::Failed, error.to_string()).at(dir.display().to_string());
    fs::create_dir_all(dir).map_err(at)?;
    if fs::read_dir(dir).map_err(at)?.next().is_some() {
        return Err(CliError::new(Kind::Failed, "the directory is not empty")
            .at(dir.display().to_string())
            .hint("mira demo OTHER-DIR makes another one"));
    }
    Ok(())
}

impl Stage<'_> {
    /// Says what comes.
    fn say(&self, text: &str) {
        if self.output.json == JsonMode::Off {
            self.output.data(format_args!("\n# {text}"));
        }
    }

    /// Runs a command that must succeed, and shows its answer.
    fn run(&mut self, args: &[&str]) -> Result<String> {
        self.expect(0, args)
    }

    /// Runs a command that must end with this exit code, and shows its answer.
    fn expect(&mut self, code: i32, args: &[&str]) -> Result<String> {
        let ended = self.start(args)?;
        self.show(args, code, &ended)
    }

    /// Runs a command that is no step of the demo, and returns its document.
    fn ask_quietly(&self, args: &[&str]) -> Result<Value> {
        let ended = self.start(&[args, &["--json"]].concat())?;
        serde_json::from_slice(&ended.stdout).kind(Kind::Failed)
    }

    fn start(&self, args: &[&str]) -> Result<std::process::Output> {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.dir).env("MIRA_HOME", &self.home);
        command.env_remove("MIRA_WORKSPACE").env_remove("MIRA_KEY").env_remove("MIRA_CHAIN").env_remove("ETH_RPC_URL");
        command.output().kind(Kind::Failed).map_err(|error| error.at(self.program.display().to_string()))
    }

    fn show(&mut self, args: &[&str], expected: i32, ended: &std::process::Output) -> Result<String> {
        let command = format!("mira {}", args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "));
        let found = ended.status.code().unwrap_or(-1);
        let out = String::from_utf8_lossy(&ended.stdout).into_owned();
        if self.output.json == JsonMode::Off {
            self.output.data(format!("$ {command}\n{out}").trim_end());
        }
        self.steps.push(Step { command: command.clone(), exit_code: found });
        if found == expected {
            return Ok(out);
        }
        let said = String::from_utf8_lossy(&ended.stderr).trim_end().replace('\n', "; ");
        Err(CliError::new(Kind::Failed, format!("expected exit code {expected}, found {found}: {said}")).at(command))
    }
}

/// An argument as a shell would want it.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,+%".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) { arg.to_owned() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
}
