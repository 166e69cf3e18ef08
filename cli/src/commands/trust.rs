//! `mira trust`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result};
use crate::home::Home;
use crate::output::{JsonMode, Output, escape};
use crate::trust::{Trust, TrustedContract, parse_vkey};

/// Choose whose logs and contracts you believe
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira trust add example.com/log+1234abcd+AbCd…
  mira trust list
  mira trust add contract registry 1 0xd4e5… 0x5fbd… 0x77c4… 0x0b1c… example.com/log
  mira trust remove example.com/log

See `mira help trust`.")]
pub struct TrustArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Believe a log or a contract
    #[command(after_help = "Examples:
  mira trust add example.com/log+1234abcd+AbCd…")]
    Add {
        /// The log's verifier key, `name+hash+base64`; or `contract` and what `mira trust list` prints after it
        #[arg(value_name = "VKEY", required = true, num_args = 1..=8)]
        what: Vec<String>,
    },
    /// List whom you believe
    #[command(after_help = "Examples:
  mira trust list
  mira trust list --json=lines")]
    List,
    /// Stop believing a log or a contract
    #[command(after_help = "Examples:
  mira trust remove example.com/log")]
    Remove {
        /// The log's name or verifier key, or the contract's address
        #[arg(value_name = "LOG")]
        what: String,
    },
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    logs: Vec<Log>,
    contracts: Vec<Contract>,
}

#[derive(Serialize)]
struct Contract {
    role: &'static str,
    chain_id: String,
    genesis: String,
    address: String,
    code_hash: String,
    origin_id: String,
    origin: String,
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
        Action::Add { what } => add(&mut trust, what, output)?,
        Action::Remove { what } => {
            if trust.remove(what)? == 0 {
                return Err(CliError::new(Kind::NotFound, format!("you do not believe {what}"))
                    .hint("mira trust list shows whom you believe"));
            }
            output.talk(format_args!("you no longer believe {}", escape(what)));
        }
        Action::List => return list(&trust, output),
    }
    Ok(ExitCode::SUCCESS)
}

fn add(trust: &mut Trust, what: &[String], output: &Output) -> Result<()> {
    let (name, new) = match what {
        [vkey] => {
            let key = parse_vkey(vkey)?;
            (escape(key.name().as_str()), trust.add(key)?)
        }
        [word, contract @ ..] if word == "contract" => {
            let contract: TrustedContract = contract.join(" ").parse().map_err(|()| {
                CliError::new(Kind::Usage, "not a contract").hint(
                    "contract ROLE CHAIN_ID GENESIS ADDRESS CODE_HASH ORIGIN_ID ORIGIN, as `mira trust list` prints it",
                )
            })?;
            (format!("{:#x}", contract.address), trust.add_contract(contract)?)
        }
        _ => return Err(CliError::new(Kind::Usage, "neither a verifier key nor a contract").hint("mira help trust")),
    };
    output.talk(match new {
        true => format!("you now believe {name}"),
        false => format!("you believe {name} already"),
    });
    Ok(())
}

fn list(trust: &Trust, output: &Output) -> Result {
    let logs = trust.logs().iter().map(|key| Log { name: key.name().to_string(), key: key.to_string() });
    let contracts = trust.contracts().iter().map(|contract| Contract {
        role: contract.role.as_str(),
        chain_id: contract.chain.chain_id.to_string(),
        genesis: contract.chain.genesis.to_string(),
        address: format!("{:#x}", contract.address),
        code_hash: contract.code_hash.to_string(),
        origin_id: contract.origin_id.to_string(),
        origin: contract.origin.to_string(),
    });
    match output.json {
        JsonMode::Lines => {
            output.lines(logs);
            output.lines(contracts);
        }
        JsonMode::Document => {
            output.document(&Document { schema: "mira.trust/1", logs: logs.collect(), contracts: contracts.collect() });
        }
        JsonMode::Off => {
            logs.for_each(|log| output.data(format_args!("log {}", escape(&log.key))));
            let contracts = trust.contracts().iter();
            contracts.for_each(|contract| output.data(format_args!("contract {}", escape(&contract.to_string()))));
        }
    }
    Ok(ExitCode::SUCCESS)
}
