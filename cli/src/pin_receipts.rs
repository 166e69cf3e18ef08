//! Pin receipts of a workspace: `.mira/receipts/pin-<service>-<CID>.json`, signed, the latest of each pin.
//!
//! A receipt says what was seen, and is written when the queue already says so: without it a pin is as good as with it.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use mira_core::cid::Cid;
use mira_core::digest::Digest;
use mira_core::key::SigningKey;
use mira_core::pin_receipt::PinReceipt;
use mira_ingest::outbox::Target;

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::workspace::Workspace;
use crate::write_file;

/// What names of pin receipts begin with, among those of anchors.
pub const PREFIX: &str = "pin-";
/// Largest receipt that is read.
const MAX_RECEIPT: u64 = 64 << 10;

/// Signs a receipt and writes it in the place of an earlier one. Gives where it is.
pub fn keep(workspace: &Workspace, receipt: &PinReceipt, key: &SigningKey) -> Result<PathBuf> {
    let path = path(workspace, &receipt.cid, &receipt.service);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(|error| CliError::of_io(Kind::Failed, dir, &error))?;
    }
    write_file::whole(&path, &receipt.seal(key).kind(Kind::Failed)?, true)?;
    Ok(path)
}

/// SHA-256 of the receipt of a pin, if there is one that verifies and is of that pin.
pub fn digest(workspace: &Workspace, target: &Target) -> Option<Digest> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path(workspace, &target.dataset, &target.service)).ok()?;
    file.take(MAX_RECEIPT).read_to_end(&mut bytes).ok()?;
    let (receipt, _) = PinReceipt::open(&bytes).ok()?;
    (receipt.cid == target.dataset && receipt.service == target.service).then(|| Digest::of(&bytes))
}

fn path(workspace: &Workspace, cid: &Cid, service: &str) -> PathBuf {
    let service = Digest::of(service.as_bytes()).to_string();
    workspace.path("receipts").join(format!("{PREFIX}{service:.16}-{cid}.json"))
}
