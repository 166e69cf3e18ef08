//! `mira config`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result};
use crate::home::Home;
use crate::output::{JsonMode, Output, escape};
use crate::publish;
use crate::settings::{ConfigFile, Origin, Setting, Settings};
use crate::workspace::Workspace;

/// Show and change settings
///
/// A flag wins over the environment, that over the workspace's `.mira/config.toml`, that over `config.toml` in your own
/// directory. A workspace cannot name keys, trust or programs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira config list --show-origin
  mira config set kubo http://127.0.0.1:5001
  mira config get kubo")]
pub struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the settings that are in force
    #[command(after_help = "Examples:
  mira config list --show-origin")]
    List {
        /// Say where each comes from
        #[arg(long)]
        show_origin: bool,
    },
    /// Print one setting
    #[command(after_help = "Examples:
  mira config get kubo --show-origin")]
    Get {
        /// Its name
        name: String,
        /// Say where it comes from
        #[arg(long)]
        show_origin: bool,
    },
    /// Write a setting to the workspace's file
    #[command(after_help = "Examples:
  mira config set kubo http://127.0.0.1:5001
  mira config set kubo http://127.0.0.1:5001 --user")]
    Set {
        /// Its name: kubo
        name: String,
        /// Its value
        value: String,
        /// Write it to your own file instead
        #[arg(long)]
        user: bool,
    },
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    settings: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    value: String,
    origin: String,
}

/// Runs the action.
pub fn run(args: &ConfigArgs, global: &Global, output: &Output) -> Result {
    let home = Home::locate(global.home.as_deref())?;
    match &args.action {
        Action::List { show_origin } => print(in_force(global, &home)?, *show_origin, output),
        Action::Get { name, show_origin } => {
            let mut lines = in_force(global, &home)?;
            lines.retain(|line| line.name == name);
            if lines.is_empty() {
                // Either there is no such setting, or nobody gave it a value.
                return match Setting::named(name) {
                    Ok(_) => Err(CliError::new(Kind::NotFound, format!("{name} is not set"))),
                    Err(error) => Err(error),
                };
            }
            print(lines, *show_origin, output);
        }
        Action::Set { name, value, user } => {
            let setting = Setting::named(name)?;
            let workspace = if *user { None } else { Some(Workspace::find(global.workspace.as_deref())?) };
            let _lock = workspace.as_ref().map(Workspace::lock).transpose()?;
            let mut file = ConfigFile::open(&home, workspace.as_ref())?;
            file.set(setting, value)?;
            output.talk(format_args!("{name} is set in {}", escape(&file.path().display().to_string())));
            if output.is_json() {
                print(in_force(global, &home)?, true, output);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All settings that have a value. Outside of a workspace there are only those of the user.
fn in_force(global: &Global, home: &Home) -> Result<Vec<Line>> {
    let workspace = match Workspace::find(global.workspace.as_deref()) {
        Ok(workspace) => Some(workspace),
        Err(error) if error.kind == Kind::NotFound && global.workspace.is_none() => None,
        Err(error) => return Err(error),
    };
    let settings = Settings::load(home, workspace.as_ref())?;
    let line = |name, value: String, origin: Origin| Line { name, value, origin: origin.to_string() };
    // Clap has merged flag and environment: what the variable says too came from it, or is the same.
    let given = |variable: &'static str, value: &str| {
        let is_variable = std::env::var(variable).is_ok_and(|text| text == value);
        if is_variable { Origin::Environment(variable) } else { Origin::Flag }
    };
    let mut lines = Vec::new();
    let dir = home.dir().display().to_string();
    let origin = if global.home.is_some() { given("MIRA_HOME", &dir) } else { Origin::Default };
    lines.push(line("home", dir, origin));
    if let Some(workspace) = &workspace {
        let root = workspace.root().display().to_string();
        let origin = if global.workspace.is_some() { given("MIRA_WORKSPACE", &root) } else { Origin::Default };
        lines.push(line("workspace", root, origin));
    }
    if let Some(key) = &global.key {
        lines.push(line("key", key.clone(), given("MIRA_KEY", key)));
    }
    let (node, origin) = publish::node_setting(&settings)?;
    lines.push(line(Setting::Kubo.name(), node.to_string(), origin));
    Ok(lines)
}

fn print(settings: Vec<Line>, show_origin: bool, output: &Output) {
    match output.json {
        JsonMode::Lines => return output.lines(settings),
        JsonMode::Document => return output.document(&Document { schema: "mira.config/1", settings }),
        JsonMode::Off => {}
    }
    for Line { name, value, origin } in settings {
        let origin = if show_origin { format!("  ({})", escape(&origin)) } else { String::new() };
        output.data(format_args!("{name} = {}{origin}", escape(&value)));
    }
}
