//! `mira help TOPIC`

use std::process::ExitCode;

use clap::{Args, CommandFactory, ValueEnum};

use crate::args::Cli;
use crate::error::{CliError, Kind, Result};
use crate::output::{Output, excerpt};
use crate::refs;

/// Explain a command or a topic: refs, trust, keys, exit-codes, environment
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira help add
  mira help refs")]
pub struct HelpArgs {
    /// A command, or one of: refs, trust, keys, exit-codes, environment
    topic: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Topic {
    Refs,
    Trust,
    Keys,
    ExitCodes,
    Environment,
}

impl Topic {
    fn text(self) -> &'static str {
        match self {
            Self::Refs => include_str!("../../help/refs.txt"),
            Self::Keys => include_str!("../../help/keys.txt"),
            Self::Trust => include_str!("../../help/trust.txt"),
            Self::ExitCodes => include_str!("../../help/exit-codes.txt"),
            Self::Environment => include_str!("../../help/environment.txt"),
        }
    }
}

/// Prints the help asked for.
pub fn run(args: &HelpArgs, output: &Output) -> Result {
    let mut root = Cli::command();
    let Some(topic) = &args.topic else {
        output.data(root.render_long_help());
        return Ok(ExitCode::SUCCESS);
    };
    if let Ok(topic) = Topic::from_str(topic, false) {
        output.data(topic.text().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    match root.find_subcommand_mut(topic) {
        Some(command) => {
            let mut command = command.clone().bin_name(format!("mira {topic}"));
            output.data(command.render_long_help());
            Ok(ExitCode::SUCCESS)
        }
        None => {
            let topics = ["refs", "trust", "keys", "exit-codes", "environment"];
            let names: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).chain(topics).collect();
            let error = CliError::new(Kind::Usage, format!("no command or topic {:?}", excerpt(topic)));
            Err(match refs::nearest(topic, names) {
                Some(name) => error.hint(format!("did you mean {name}?")),
                None => error.hint("mira help lists commands"),
            })
        }
    }
}
