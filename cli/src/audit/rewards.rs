//! The last stage of an audit: rewards are computed again from log, rows, policy and payments, and compared with what was
//! proposed on the chain; every payout is looked up in the amounts so computed.

use std::collections::BTreeMap;

use mira_anchor::U256;
use mira_anchor::chain::Client;
use mira_anchor::claim::ClaimTree;
use mira_anchor::deployment::Deployment;
use mira_anchor::distributor::Status;
use mira_anchor::reward::Verdict;

use super::Depth;
use super::onchain::Asked;
use crate::chain::unreachable;
use crate::checks::Checks;
use crate::error::Result;
use crate::rewarding::Rewards;
use crate::session::Session;

/// The step of epochs of rewards.
const REWARDS: &str = "rewards";
/// The step of payouts.
const CLAIMS: &str = "claims";

/// Computes every epoch of rewards again, and looks up every claim.
pub fn all(
    session: &Session,
    client: &Client,
    deployment: &Deployment,
    asked: &Asked<'_>,
    checks: &mut Checks,
) -> Result<()> {
    if deployment.distributor.is_none() {
        return Ok(());
    }
    if asked.depth == Depth::Quick {
        checks.not_asked(REWARDS, "rewards and claims", "--quick reads no rows, from which they are computed");
        return Ok(());
    }
    let rewards = match Rewards::open(session, client, deployment) {
        Ok(rewards) => rewards,
        Err(error) => {
            checks.error(REWARDS, "the distributor's events", &error);
            return Ok(());
        }
    };
    let mut trees = BTreeMap::new();
    for (proposal, verdict) in rewards.audit()? {
        let epoch = proposal.epoch;
        let is_asked = asked.epoch.is_none_or(|only| only == proposal.log_epoch);
        let artifact = format!("epoch {epoch} of rewards, by epoch {} of the log", proposal.log_epoch);
        if rewards.state(epoch)?.status == Status::Vetoed {
            checks.ok(REWARDS, format!("{artifact}: vetoed"));
            continue;
        }
        match verdict {
            Ok(Some(Verdict::Equal(allocation))) => {
                let manifest = &allocation.manifest;
                let (budget, root) = (manifest.budget, manifest.root);
                if is_asked {
                    checks.ok(REWARDS, format!("{artifact}: budget {budget}, total {}, root {root}", manifest.total));
                }
                for path in rewards.edited(&allocation)? {
                    checks.failed(REWARDS, path.display().to_string(), "the file is not what was computed");
                }
                trees.extend(allocation.tree.map(|tree| (epoch, tree)));
            }
            Ok(Some(Verdict::Differs { step, expected, found, .. })) => {
                checks.failed(REWARDS, artifact, format!("{step}: expected {expected}, found {found}"));
            }
            Ok(Some(Verdict::Baseless { what })) => checks.failed(REWARDS, artifact, what),
            Ok(None) => {
                let previous = proposal.previous;
                checks.failed(REWARDS, artifact, format!("it adds to epoch {previous}, which does not hold"));
            }
            Err(error) => checks.error(REWARDS, artifact, &error),
        }
    }
    claims(&rewards, client, &trees, checks)
}

/// Every payout is a leaf of an epoch that was computed again, and pays what that leaf gives beyond earlier payouts.
fn claims(rewards: &Rewards<'_>, client: &Client, trees: &BTreeMap<u64, ClaimTree>, checks: &mut Checks) -> Result<()> {
    let mut paid = BTreeMap::new();
    let (mut count, mut sum) = (0_u64, U256::ZERO);
    let claimed = rewards.contract.claims(client).map_err(unreachable)?;
    for claimed in &claimed {
        let artifact =
            format!("tx {}: {} base units for contributor {}", claimed.tx, claimed.amount, claimed.contributor);
        let Some(tree) = trees.get(&claimed.epoch) else {
            checks.not_checked(CLAIMS, artifact, format!("epoch {} was not computed again", claimed.epoch));
            continue;
        };
        // What was paid to a contributor adds up to what the leaf gives in all.
        let total = paid.entry(claimed.contributor).or_insert(U256::ZERO);
        *total = total.saturating_add(claimed.amount);
        let leaf = tree.prove(&claimed.contributor).map(|(claim, _)| claim);
        if leaf.is_some_and(|leaf| leaf.payout == claimed.payout && leaf.cumulative == *total) {
            count += 1;
            sum = sum.saturating_add(claimed.amount);
        } else {
            checks.failed(CLAIMS, artifact, "nobody earned this");
        }
    }
    if count > 0 || claimed.is_empty() {
        checks.ok(CLAIMS, format!("{count} payouts, {sum} base units in all"));
    }
    Ok(())
}
