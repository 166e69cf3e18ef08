//! `mira key`

mod statements;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mira_core::key::VerifyingKey;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::home::Home;
use crate::keystore::Keystore;
use crate::output::{JsonMode, Output};

/// Make and choose your signing keys
///
/// A key is an ed25519 key in PKCS#8 PEM under $MIRA_HOME/keys, readable by you alone. With a passphrase (from the file
/// that MIRA_PASSPHRASE_FILE names) it is encrypted. Your contributor_id is the hash of your first key's did:key.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira key new                     a key named `main`
  mira key new work
  mira key use work
  mira key list
  mira key export work -o work.pem       the private key, readable by you alone
  mira key import work work.pem
  mira key register --label sample-lab --recovery vault
  mira key rotate main-2                 from now on this key signs
  mira key revoke --reason lost --key vault
  mira key delegate sample-lab --kinds contribute,train --names corpus

The last four are statements: they are signed and go to the log of the workspace that you are in.")]
pub struct KeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key
    #[command(after_help = "Examples:
  mira key new
  mira key new work")]
    New {
        /// Its name: lower-case letters, digits and hyphens
        #[arg(default_value = "main")]
        name: String,
    },
    /// List your keys
    #[command(after_help = "Examples:
  mira key list
  mira key list --json=lines")]
    List,
    /// Choose the key that signs where `--key` chooses none
    #[command(after_help = "Examples:
  mira key use work")]
    Use {
        /// The key's name
        name: String,
    },
    /// Copy a private key to a file, as it is kept: encrypted if it has a passphrase
    #[command(after_help = "Examples:
  mira key export work -o work.pem")]
    Export {
        /// The key's name
        name: String,
        /// The file; it must not exist
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Keep a private key from a file: an ed25519 key in PKCS#8 PEM
    #[command(after_help = "Examples:
  mira key import work work.pem")]
    Import {
        /// Its name: lower-case letters, digits and hyphens
        name: String,
        /// The file
        file: PathBuf,
    },
    Register(statements::RegisterArgs),
    Rotate(statements::RotateArgs),
    Revoke(statements::RevokeArgs),
    Delegate(statements::DelegateArgs),
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    keys: Vec<KeyLine>,
}

#[derive(Serialize)]
struct KeyLine {
    name: String,
    did: String,
    contributor: String,
    default: bool,
}

/// Runs the action.
pub fn run(args: &KeyArgs, global: &Global, output: &Output) -> Result {
    let keys = Keystore::of(&Home::locate(global.home.as_deref())?);
    match &args.action {
        Action::New { name } => {
            keys.create(name, passphrase()?.as_deref().map(String::as_str))?;
            output.talk(format_args!("made key {name:?}"));
            print(&keys, output, |key| key == name)
        }
        Action::Use { name } => {
            keys.set_default(name)?;
            output.talk(format_args!("{name:?} signs from now on"));
            if output.is_json() { print(&keys, output, |key| key == name) } else { Ok(ExitCode::SUCCESS) }
        }
        Action::List => print(&keys, output, |_| true),
        Action::Export { name, output: file } => {
            keys.export(name, file)?;
            output.talk(format_args!("{}: the private key {name:?}; whoever has it can sign as you", display(file)));
            print(&keys, output, |key| key == name)
        }
        Action::Import { name, file } => {
            let given = passphrase()?;
            keys.import_pem(name, file, given.as_deref().map(String::as_str))?;
            print(&keys, output, |key| key == name)
        }
        Action::Register(args) => statements::register(args, global, output),
        Action::Rotate(args) => statements::rotate(args, global, output),
        Action::Revoke(args) => statements::revoke(args, global, output),
        Action::Delegate(args) => statements::delegate(args, global, output),
    }
}

fn print(keys: &Keystore, output: &Output, wanted: impl Fn(&str) -> bool) -> Result {
    let mut lines = Vec::new();
    for key in keys.list()?.into_iter().filter(|key| wanted(&key.name)) {
        let public = VerifyingKey::from_did(&key.did).kind(Kind::Config)?;
        let contributor = public.contributor_id().to_string();
        lines.push(KeyLine { name: key.name, did: key.did, contributor, default: key.is_default });
    }
    match output.json {
        JsonMode::Lines => output.lines(lines),
        JsonMode::Document => output.document(&Document { schema: "mira.keys/1", keys: lines }),
        JsonMode::Off => {
            for key in &lines {
                let mark = if key.default { "*" } else { " " };
                output.data(format_args!("{mark} {:<16} {}  {}", key.name, key.did, key.contributor));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The passphrase, from the file that `MIRA_PASSPHRASE_FILE` names; never from the command line.
pub fn passphrase() -> Result<Option<Zeroizing<String>>> {
    let Some(path) = std::env::var_os("MIRA_PASSPHRASE_FILE").filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    let mut text = Zeroizing::new(String::new());
    fs::File::open(&path)
        .and_then(|file| file.take(4096).read_to_string(&mut text))
        .map_err(|error| CliError::new(Kind::Config, error.to_string()).at(display(&path)))?;
    let passphrase = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if passphrase.is_empty() {
        return Err(CliError::new(Kind::Config, "the passphrase file is empty").at(display(&path)));
    }
    Ok(Some(passphrase))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
