//! What a contributor states about their keys: who they are, which key follows, which no longer counts, who may sign.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use mira_core::digest::ContributorId;
use mira_core::fold::Outcome;
use mira_core::key::VerifyingKey;
use mira_core::name::{Label, Name};
use mira_core::statement::{
    Delegate, DelegatedKind, DelegationState, Predicate, Register, RevokeKey, RevokeReason, Rotate,
};
use serde::Serialize;

use super::passphrase;
use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::keystore::Keystore;
use crate::output::Output;
use crate::recording::{Receipt, Recording};
use crate::session::Session;

/// Register a label and a recovery key, once, with your first key
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira key register --label sample-lab --recovery vault")]
pub struct RegisterArgs {
    /// What you want to be called: owner/name then finds what is yours; first come, first served
    #[arg(long)]
    label: Option<Label>,
    /// A key that replaces the current one when it is lost: the name of a key of yours, or a did:key
    #[arg(long, value_name = "KEY")]
    recovery: Option<String>,
}

/// Replace your current key by another, which is made if you have none of that name
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira key rotate main-2")]
pub struct RotateArgs {
    /// The new key's name
    name: String,
}

/// State that a key of yours no longer counts
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira key revoke --reason lost --key vault")]
pub struct RevokeArgs {
    /// The key: the name of a key of yours, or a did:key (default: your current one)
    #[arg(value_name = "KEY")]
    revoked: Option<String>,
    /// Why: compromised, lost, retired
    #[arg(long)]
    reason: RevokeReason,
}

/// Let somebody else sign under your name, or end that
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira key delegate sample-lab --kinds contribute,train --names corpus")]
pub struct DelegateArgs {
    /// Who: a label, did:key or contributor_id, or the name of a key of yours
    #[arg(value_name = "WHO")]
    to: String,
    /// What they may sign: contribute, deploy, train, transform, withdraw
    #[arg(long, value_delimiter = ',', value_name = "KIND,…", required = true)]
    kinds: Vec<DelegatedKind>,
    /// Only under these names (default: all)
    #[arg(long, value_delimiter = ',', value_name = "NAME,…", conflicts_with = "end")]
    names: Vec<Name>,
    /// They may no longer
    #[arg(long)]
    end: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    contributor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// Registers.
pub fn register(args: &RegisterArgs, global: &Global, output: &Output) -> Result {
    let mut recording = Recording::open(global)?;
    let keys = Keystore::of(&recording.session.home);
    let recovery = args.recovery.as_deref().map(|text| public(&keys, text)).transpose()?;
    let key = recording.key().verifying_key();
    let receipt = recording.record(Predicate::Register(Register { key, label: args.label.clone(), recovery }))?;
    let label = args.label.as_ref().map(ToString::to_string);
    let name = label.clone().unwrap_or_else(|| key.to_did());
    let document = Document { label, ..document("register", receipt, key.contributor_id()) };
    print(&document, &format!("registered {name}"), output);
    Ok(ExitCode::SUCCESS)
}

/// Rotates.
pub fn rotate(args: &RotateArgs, global: &Global, output: &Output) -> Result {
    let mut recording = Recording::open(global)?;
    let keys = Keystore::of(&recording.session.home);
    // The new key is durable before the log says that it counts: a crash between the two leaves a key that is not used.
    let new = match keys.load(&args.name, locked) {
        Ok(key) => key,
        Err(error) if error.kind == Kind::NotFound => {
            keys.create(&args.name, passphrase()?.as_deref().map(String::as_str))?
        }
        Err(error) => return Err(error),
    };
    let contributor = recording.session.ledger.contributor_of(recording.key());
    let old = last_key(&recording.session, &contributor).unwrap_or_else(|| recording.key().verifying_key());
    let predicate = Predicate::Rotate(Rotate { old, new: new.verifying_key() });
    let receipt = recording.record_by_two(predicate, &new)?;
    // The log has it: the old key signs nothing more, so the new one takes its place where no other is named.
    let default = keys.list()?.into_iter().find(|key| key.is_default);
    if default.is_some_and(|key| key.did == old.to_did()) {
        keys.set_default(&args.name)?;
    }
    let did = new.verifying_key().to_did();
    let document = Document { key: Some(did.clone()), ..document("rotate", receipt, contributor) };
    print(&document, &format!("from now on {:?} signs, {did}", args.name), output);
    Ok(ExitCode::SUCCESS)
}

/// Revokes.
pub fn revoke(args: &RevokeArgs, global: &Global, output: &Output) -> Result {
    let mut recording = Recording::open(global)?;
    let contributor = recording.session.ledger.contributor_of(recording.key());
    let key = match &args.revoked {
        Some(text) => public(&Keystore::of(&recording.session.home), text)?,
        None => last_key(&recording.session, &contributor).unwrap_or_else(|| recording.key().verifying_key()),
    };
    let receipt = recording.record(Predicate::RevokeKey(RevokeKey { key, reason: args.reason }))?;
    let document = Document { key: Some(key.to_did()), ..document("revoke-key", receipt, contributor) };
    print(&document, &format!("revoked    {}, reason {}", key.to_did(), args.reason), output);
    output.talk("what it signed before stays; only a recovery key can put another in its place");
    Ok(ExitCode::SUCCESS)
}

/// Delegates.
pub fn delegate(args: &DelegateArgs, global: &Global, output: &Output) -> Result {
    let mut recording = Recording::open(global)?;
    let to = recording.session.person(&args.to)?;
    let names: BTreeSet<Name> = args.names.iter().cloned().collect();
    let contributor = recording.session.ledger.contributor_of(recording.key());
    let predicate = Predicate::Delegate(Delegate {
        to,
        kinds: args.kinds.iter().copied().collect(),
        names: Some(names).filter(|names| !names.is_empty()),
        state: if args.end { DelegationState::Ended } else { DelegationState::Granted },
    });
    let receipt = recording.record(predicate)?;
    let kinds: Vec<&str> = args.kinds.iter().map(|kind| kind.as_str()).collect();
    let verb = if args.end { "may no longer" } else { "may" };
    let document = Document { to: Some(to.to_string()), ..document("delegate", receipt, contributor) };
    print(&document, &format!("{} {verb} {} under your name", args.to, kinds.join(", ")), output);
    Ok(ExitCode::SUCCESS)
}

fn document(kind: &'static str, receipt: Receipt, contributor: ContributorId) -> Document {
    let contributor = contributor.to_string();
    Document { schema: "mira.key/1", kind, receipt, contributor, label: None, key: None, to: None }
}

fn print(document: &Document, text: &str, output: &Output) {
    if output.is_json() {
        output.document(document);
    } else {
        output.data(text);
        document.receipt.print(output);
    }
}

/// The public half of a key: of one in the keystore, or a did:key.
fn public(keys: &Keystore, text: &str) -> Result<VerifyingKey> {
    if text.starts_with("did:") {
        return VerifyingKey::from_did(text).kind(Kind::Usage);
    }
    let key = keys.list()?.into_iter().find(|key| key.name == text).ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("there is no key {text:?}")).hint("mira key list shows your keys")
    })?;
    VerifyingKey::from_did(&key.did).kind(Kind::Config)
}

/// The last key that a contributor signed with or rotated to, also after it was revoked.
fn last_key(session: &Session, contributor: &ContributorId) -> Option<VerifyingKey> {
    let mut last = None;
    for event in session.ledger.history() {
        let Outcome::Accepted(accepted) = &event.outcome else { continue };
        if accepted.record.signer != *contributor {
            continue;
        }
        match accepted.statement.predicate() {
            Predicate::Rotate(rotate) => last = Some(rotate.new),
            _ => last = last.or(Some(accepted.key)),
        }
    }
    last
}

fn locked() -> Result<zeroize::Zeroizing<String>> {
    passphrase()?.ok_or_else(|| {
        CliError::new(Kind::Config, "the new key is encrypted")
            .hint("MIRA_PASSPHRASE_FILE names a file with its passphrase")
    })
}
