//! `mira completion`

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::Result;
use crate::output::Output;

/// Print a script that completes commands and options in your shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira completion bash > ~/.local/share/bash-completion/completions/mira
  mira completion zsh > \"${fpath[1]}/_mira\"
  mira completion fish > ~/.config/fish/completions/mira.fish")]
pub struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// Prints it.
pub fn run(args: &CompletionArgs, output: &Output) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mira", &mut script);
    output.data(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}
