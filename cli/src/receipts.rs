//! Anchor receipts of a workspace: `.mira/receipts/anchor-<epoch>.json`, signed, one an epoch.
//!
//! What a receipt says can be derived again from the log and the chain, so a damaged one costs nothing but asking. Where
//! an epoch is both on the local chain and on another, the other one's receipt is kept.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

use mira_anchor::chain::Identity;
use mira_anchor::registry::{Anchored, Origin};
use mira_anchor::{B256, commitment};
use mira_core::digest::Digest;
use mira_core::evidence::AnchorClaim;
use mira_core::id::EpochNumber;
use mira_core::key::SigningKey;
use mira_core::log::vkey::KeyName;
use mira_core::receipt::AnchorReceipt;
use mira_core::statement::{EvmAddress, EvmHash, Natural, Positive};
use mira_lineage::epoch::{self, SealedEpoch};
use mira_lineage::log::{FsStorage, Log};

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::counted;
use crate::pin_receipts;
use crate::workspace::Workspace;
use crate::write_file;

/// Largest receipt that is read.
const MAX_RECEIPT: u64 = 64 << 10;

/// The receipt of an epoch, if there is one: signed, and of this very epoch.
pub fn load(workspace: &Workspace, epoch: &SealedEpoch) -> Result<Option<AnchorReceipt>> {
    let receipt = match open(workspace, epoch.number()) {
        Ok(receipt) => receipt,
        Err(error) if error.kind == Kind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    check(&receipt, epoch).map_err(|what| {
        CliError::new(Kind::DoesNotVerify, format!("the receipt's {what} is not that of epoch {}", epoch.number()))
            .at(path(workspace, epoch.number()).display().to_string())
            .hint("remove the file: mira anchor writes it again")
    })?;
    Ok(Some(receipt))
}

/// The numbers of the epochs that there are receipts of, and the paths of what lies between them and is none.
pub fn numbers(workspace: &Workspace) -> Result<(Vec<EpochNumber>, Vec<PathBuf>)> {
    let dir = workspace.path("receipts");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(CliError::new(Kind::Failed, error.to_string()).at(dir.display().to_string())),
    };
    let (mut numbers, mut strays) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.map_err(|error| CliError::new(Kind::Failed, error.to_string()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = name.strip_prefix("anchor-").and_then(|name| name.strip_suffix(".json"));
        match number.and_then(|number| number.parse().ok()).filter(|number| *number > 0) {
            Some(number) => numbers.push(EpochNumber::new(number)),
            // Names with a dot may be a writer's that did not live to the end; pins have receipts of their own.
            None if name.starts_with('.') || name.starts_with(pin_receipts::PREFIX) => {}
            None => strays.push(path),
        }
    }
    numbers.sort_unstable();
    strays.sort();
    Ok((numbers, strays))
}

/// Refuses a log that is behind or beside what its own receipts say is anchored: whoever signs on it would fork it.
pub fn refuse_fork(workspace: &Workspace, log: &Log<FsStorage>) -> Result<()> {
    let (numbers, _) = numbers(workspace)?;
    let Some(last) = numbers.last() else { return Ok(()) };
    let epochs = epoch::read_all(log).kind(Kind::DoesNotVerify)?;
    let origin = log.checkpoint().checkpoint().origin();
    for number in &numbers {
        // A receipt that cannot be read is no reason to stop: the chain is asked before anything is anchored.
        let Ok(receipt) = open(workspace, *number) else { continue };
        if receipt.origin != *origin {
            continue;
        }
        let stands = |epoch: &SealedEpoch| epoch.number() == *number && check(&receipt, epoch).is_ok();
        if !epochs.iter().any(stands) {
            let message = format!(
                "epoch {number} is anchored with {}, and this log is another",
                counted(receipt.size.value(), "entry")
            );
            return Err(CliError::new(Kind::DoesNotVerify, message)
                .at(path(workspace, *number).display().to_string())
                .hint(format!("nothing was signed; the log was put back, or its epochs up to {last} were changed")));
        }
    }
    Ok(())
}

/// Reads a receipt and checks its signature.
pub fn open(workspace: &Workspace, number: EpochNumber) -> Result<AnchorReceipt> {
    let path = path(workspace, number);
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    fs::File::open(&path).and_then(|file| file.take(MAX_RECEIPT + 1).read_to_end(&mut bytes)).map_err(|error| {
        let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Failed };
        CliError::new(kind, error.to_string()).at(shown.clone())
    })?;
    let (receipt, _) = AnchorReceipt::open(&bytes).kind(Kind::DoesNotVerify).map_err(|error| error.at(shown))?;
    Ok(receipt)
}

/// Writes the receipt of an epoch, unless it is one of the local chain and would replace another chain's.
pub fn keep(
    workspace: &Workspace,
    epoch: &SealedEpoch,
    chain: Identity,
    origin: &Origin,
    anchored: &Anchored,
    key: &SigningKey,
) -> Result<()> {
    let Some(receipt) = receipt(epoch, chain, origin, anchored) else { return Ok(()) };
    // A receipt that cannot be read is no reason to keep it.
    if load(workspace, epoch).is_ok_and(|old| old.is_some_and(|old| chain.local && !old.local)) {
        return Ok(());
    }
    let path = path(workspace, epoch.number());
    let failed = |error: io::Error| CliError::of_io(Kind::Failed, &path, &error);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    write_file::whole(&path, &receipt.seal(key).kind(Kind::Failed)?, true)
}

/// Whether a receipt is of this chain and registry.
pub fn is_of(receipt: &AnchorReceipt, chain: Identity, origin: &Origin) -> bool {
    receipt.chain_id.value() == chain.chain_id
        && *receipt.genesis.as_bytes() == chain.genesis.0
        && *receipt.contract.as_bytes() == origin.registry.0.0
        && *receipt.origin_id.as_bytes() == origin.id.0
}

/// What a proof says of where its checkpoint is anchored.
pub fn claim(receipt: &AnchorReceipt) -> AnchorClaim {
    AnchorClaim {
        epoch: EpochNumber::new(receipt.epoch.value()),
        previous: *receipt.previous.as_bytes(),
        chain_id: receipt.chain_id.value(),
        contract: *receipt.contract.as_bytes(),
        transaction: *receipt.tx.as_bytes(),
    }
}

/// None while the transaction waits for a block.
fn receipt(epoch: &SealedEpoch, chain: Identity, origin: &Origin, anchored: &Anchored) -> Option<AnchorReceipt> {
    let block = anchored.block?;
    let (head, hash) = (epoch.head(), |hash: B256| EvmHash::new(hash.0));
    Some(AnchorReceipt {
        checkpoint: note(epoch),
        origin: name(epoch).clone(),
        epoch: Positive::new(epoch.number().value())?,
        size: Positive::new(head.size.value())?,
        root: head.root,
        local: chain.local,
        chain_id: Positive::new(chain.chain_id)?,
        genesis: hash(chain.genesis),
        contract: EvmAddress::new(origin.registry.0.0),
        origin_id: hash(origin.id),
        tx: hash(anchored.tx),
        block_number: Natural::new(block.number)?,
        block_hash: hash(block.hash),
        commitment: hash(anchored.commitment),
        previous: hash(anchored.previous),
    })
}

/// Holds a receipt to its epoch; gives what differs.
fn check(receipt: &AnchorReceipt, epoch: &SealedEpoch) -> std::result::Result<(), &'static str> {
    let head = epoch.head();
    let previous = B256::from(*receipt.previous.as_bytes());
    let commitment = commitment::next(previous, epoch.number(), head);
    let checks = [
        ("epoch", receipt.epoch.value() == epoch.number().value()),
        ("log", receipt.origin == *name(epoch)),
        ("checkpoint", receipt.checkpoint == note(epoch)),
        ("size", receipt.size.value() == head.size.value()),
        ("root", receipt.root == head.root),
        ("commitment", *receipt.commitment.as_bytes() == commitment.0),
    ];
    checks.into_iter().find(|(_, holds)| !holds).map_or(Ok(()), |(what, _)| Err(what))
}

fn note(epoch: &SealedEpoch) -> Digest {
    Digest::of(epoch.checkpoint().signed().as_bytes())
}

fn name(epoch: &SealedEpoch) -> &KeyName {
    epoch.checkpoint().checkpoint().origin()
}

fn path(workspace: &Workspace, epoch: EpochNumber) -> PathBuf {
    workspace.path("receipts").join(format!("anchor-{epoch}.json"))
}
