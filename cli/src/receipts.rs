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
use mira_lineage::epoch::SealedEpoch;

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::workspace::Workspace;
use crate::write_file;

/// Largest receipt that is read.
const MAX_RECEIPT: u64 = 64 << 10;

/// The receipt of an epoch, if there is one: signed, and of this very epoch.
pub fn load(workspace: &Workspace, epoch: &SealedEpoch) -> Result<Option<AnchorReceipt>> {
    let path = path(workspace, epoch.number());
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    match fs::File::open(&path).and_then(|file| file.take(MAX_RECEIPT + 1).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CliError::new(Kind::Failed, error.to_string()).at(shown)),
    }
    let (receipt, _) =
        AnchorReceipt::open(&bytes).kind(Kind::DoesNotVerify).map_err(|error| error.at(shown.clone()))?;
    check(&receipt, epoch).map_err(|what| {
        CliError::new(Kind::DoesNotVerify, format!("the receipt's {what} is not that of epoch {}", epoch.number()))
            .at(shown)
            .hint("remove the file: mira anchor writes it again")
    })?;
    Ok(Some(receipt))
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
    let failed = |error: io::Error| CliError::new(Kind::Failed, error.to_string()).at(path.display().to_string());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    write_file::whole(&path, &receipt.seal(key).kind(Kind::Failed)?, true)?;
    path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all()).map_err(failed)
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
