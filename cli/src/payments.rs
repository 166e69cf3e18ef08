//! Rewards and claims as rows of tables, from what lies in the workspace; no chain is asked.
//!
//! Rewards come from the files of the epochs that `mira rewards` computed here, claims from the transactions that were
//! sent from here and took place. What somebody else claimed is on the chain, and `mira audit` looks at all of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use mira_anchor::distributor::claim_of;
use mira_anchor::outbox::{Job, Stage};
use mira_anchor::{Address, U256};
use mira_core::digest::{ContributorId, Digest};
use mira_lineage::tables::{ClaimRow, RewardRow, TokenAmount};
use serde_json::Value;

use crate::error::{CliError, Kind, Result};
use crate::read_file::{self, failed};
use crate::workspace::Workspace;

/// Largest file of an epoch of rewards that is read.
const MAX_FILE: usize = 1 << 30;

/// The amounts of every epoch of rewards that was computed here, by epoch and contributor.
pub fn rewards(workspace: &Workspace) -> Result<Vec<RewardRow>> {
    let dir = workspace.path("rewards");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&dir, &error)),
    };
    let mut epochs: Vec<u64> = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| failed(&dir, &error))?.file_name();
        epochs.extend(name.to_string_lossy().parse::<u64>());
    }
    epochs.sort_unstable();
    let mut rows = Vec::new();
    for epoch in epochs {
        let dir = dir.join(epoch.to_string());
        let (manifest, _) = read(&dir.join("manifest.json"))?;
        let (table, digest) = read(&dir.join("allocation.json"))?;
        let broken = || {
            CliError::new(Kind::DoesNotVerify, "not the files of an epoch of rewards")
                .at(dir.display().to_string())
                .hint("remove the directory: mira rewards makes it again")
        };
        let named = manifest.get("allocation").and_then(Value::as_str);
        if named != Some(digest.to_string().as_str()) {
            return Err(broken());
        }
        let lines = table.get("allocations").and_then(Value::as_array).ok_or_else(broken)?;
        for line in lines {
            rows.push(reward(epoch, &manifest, line).ok_or_else(broken)?);
        }
    }
    Ok(rows)
}

fn reward(epoch: u64, manifest: &Value, line: &Value) -> Option<RewardRow> {
    let payout = text(line, "payout")?;
    let unbound = payout.parse::<Address>().ok()?.is_zero();
    Some(RewardRow {
        epoch,
        policy: parsed(manifest, "policy")?,
        contributor: parsed(line, "contributor")?,
        amount: parsed(line, "amount")?,
        cumulative: parsed(line, "cumulative")?,
        payout: (!unbound).then(|| payout.to_owned()),
        root: text(manifest, "root").map(ToOwned::to_owned),
    })
}

/// What was claimed from here and paid, in the order of the chain.
pub fn claims(jobs: &[Job]) -> Result<Vec<ClaimRow>> {
    let mut paid: Vec<_> = jobs
        .iter()
        .filter(|job| job.key.purpose.starts_with("claim/") && job.stage != Stage::Reverted)
        .filter_map(|job| Some((job, job.landed?, claim_of(&job.call.input)?)))
        .collect();
    paid.sort_by_key(|(_, landed, _)| (landed.block.number, landed.tx));
    let mut before: BTreeMap<(u64, ContributorId), U256> = BTreeMap::new();
    let mut rows = Vec::new();
    for (job, landed, (epoch, claim)) in paid {
        let chain_id = job.key.chain.chain_id;
        let sum = before.entry((chain_id, claim.contributor)).or_default();
        let amount = claim.cumulative.saturating_sub(*sum);
        *sum = claim.cumulative;
        rows.push(ClaimRow {
            epoch,
            contributor: claim.contributor,
            payout: format!("{:#x}", claim.payout),
            amount: token_amount(amount)?,
            cumulative: token_amount(claim.cumulative)?,
            chain_id,
            tx: landed.tx.to_string(),
            block: Some(landed.block.number),
        });
    }
    Ok(rows)
}

fn token_amount(amount: U256) -> Result<TokenAmount> {
    let amount = u128::try_from(amount).ok().and_then(TokenAmount::new);
    amount.ok_or_else(|| CliError::new(Kind::Failed, "an amount has more than 38 digits"))
}

/// A JSON file, and its SHA-256.
fn read(path: &Path) -> Result<(Value, Digest)> {
    let bytes = read_file::bounded(path, MAX_FILE)?;
    let value = serde_json::from_slice(&bytes).map_err(|error| {
        CliError::new(Kind::DoesNotVerify, error.to_string())
            .at(path.display().to_string())
            .hint("remove the directory: mira rewards makes it again")
    })?;
    Ok((value, Digest::of(&bytes)))
}

fn text<'a>(object: &'a Value, member: &str) -> Option<&'a str> {
    object.get(member)?.as_str()
}

fn parsed<T: FromStr>(object: &Value, member: &str) -> Option<T> {
    text(object, member)?.parse().ok()
}
