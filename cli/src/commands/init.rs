//! `mira init`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::key::SigningKey;
use mira_core::log::vkey::{KeyName, VerifierKey};
use mira_ingest::store::Store;
use mira_lineage::log::{FsStorage, Log, LogSigner};
use serde::Serialize;

use crate::args::Global;
use crate::clock;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::home::Home;
use crate::keystore::Keystore;
use crate::ledger::log_key_name;
use crate::output::Output;
use crate::trust::Trust;
use crate::workspace::Workspace;

/// Make a workspace: a log and a store, in `.mira/` of a directory
///
/// The log's private key goes to your keys, its public key to the workspace and to whom you trust. If you have no
/// signing key yet, one named `main` is made.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira init
  mira init corpus --origin data.example.org/corpus")]
pub struct InitArgs {
    /// Where
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The log's name, for ever: like a URL without its scheme (default: one made up at random)
    #[arg(long, value_name = "NAME")]
    origin: Option<KeyName>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    workspace: String,
    origin: String,
    log_key: String,
}

/// Makes it.
pub fn run(args: &InitArgs, global: &Global, output: &Output) -> Result {
    let home = Home::locate(global.home.as_deref())?;
    let keys = Keystore::of(&home);
    keys.sweep();
    let origin = match &args.origin {
        Some(origin) => origin.clone(),
        None => format!("mira.local/{}", hex(&clock::random::<8>()?)).parse().kind(Kind::Failed)?,
    };
    let seed = zeroize::Zeroizing::new(clock::random::<32>()?);
    let signer = LogSigner::new(origin, SigningKey::from_seed(&seed));
    let vkey = signer.verifier().clone();
    let workspace = Workspace::init(&args.dir, |dir| {
        // All that a workspace needs in its user's home comes before it: a workspace whose user has no key, or does not
        // believe its log, could not be made again. A crash in between leaves a key that signs for no log.
        if keys.default_name()?.is_none() {
            keys.create("main", super::key::passphrase()?.as_deref().map(String::as_str))?;
            output.talk("made your signing key, main");
        }
        // The key is kept before the log is there: a log without its key could never grow.
        keys.keep(&log_key_name(&vkey), &seed)?;
        Trust::load(&home)?.add(vkey.clone())?;
        Log::create(FsStorage::create(dir.join("log")).kind(Kind::Failed)?, &signer).kind(Kind::Failed)?;
        Store::open(dir.join("store")).kind(Kind::Failed)?;
        fs::write(dir.join("log.vkey"), format!("{vkey}\n"))
            .map_err(|error| CliError::new(Kind::Failed, error.to_string()))
    })?;
    print(&workspace, &vkey, output);
    Ok(ExitCode::SUCCESS)
}

fn print(workspace: &Workspace, vkey: &VerifierKey, output: &Output) {
    let (root, origin) = (workspace.root().display().to_string(), vkey.name().to_string());
    output.talk(format_args!("workspace in {root}, log {origin}"));
    if output.is_json() {
        output.document(&Document { schema: "mira.init/1", workspace: root, origin, log_key: vkey.to_string() });
    } else {
        output.data(vkey);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
