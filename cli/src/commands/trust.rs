//! `mira trust`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result};
use crate::home::Home;
use crate::output::{Output, escape};
use crate::trust::{Trust, parse_vkey};

/// Choose whose logs you believe
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira trust add example.com/log+1234abcd+AbCd…
  mira trust list
  mira trust remove example.com/log

See `mira help trust`.")]
pub struct TrustArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Believe a log
    Add {
        /// The log's verifier key, `name+hash+base64`
        vkey: String,
    },
    /// List whom you believe
    List,
    /// Stop believing a log
    Remove {
        /// The log's name, or its verifier key
        log: String,
    },
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    logs: Vec<Log>,
}

#[derive(Serialize)]
struct Log {
    name: String,
    key: String,
}

/// Runs the action.
pub fn run(args: &TrustArgs, global: &Global, output: &Output) -> Result {
    let mut trust = Trust::load(&Home::locate(global.home.as_deref())?)?;
    match &args.action {
        Action::Add { vkey } => {
            let key = parse_vkey(vkey)?;
            let name = escape(key.name().as_str());
            output.talk(match trust.add(key)? {
                true => format!("you now believe {name}"),
                false => format!("you believe {name} already"),
            });
        }
        Action::Remove { log } => {
            if trust.remove(log)? == 0 {
                return Err(CliError::new(Kind::NotFound, format!("you do not believe {log}"))
                    .hint("mira trust list shows whom you believe"));
            }
            output.talk(format_args!("you no longer believe {}", escape(log)));
        }
        Action::List => return list(&trust, output),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(trust: &Trust, output: &Output) -> Result {
    let logs = trust.logs().iter().map(|key| Log { name: key.name().to_string(), key: key.to_string() });
    if output.is_json() {
        output.document(&Document { schema: "mira.trust/1", logs: logs.collect() });
    } else {
        logs.for_each(|log| output.data(format_args!("log {}", escape(&log.key))));
    }
    Ok(ExitCode::SUCCESS)
}
