//! What a chain says, held to what the log makes: anchors, proposals of rewards, and what was paid.

use mira_anchor::chain::{At, Client};
use mira_anchor::deployment::Deployment;
use mira_anchor::registry::Origin;
use mira_anchor::{commitment, endpoint::Endpoint};
use mira_core::merkle::TreeHead;
use mira_core::receipt::AnchorReceipt;
use mira_lineage::epoch::{self, SealedEpoch};

use super::{Depth, rewards};
use crate::args::Global;
use crate::chain::{deployment_on, load_deployments, parse_endpoint, unreachable};
use crate::checks::Checks;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::home::Home;
use crate::output::counted;
use crate::receipts;
use crate::session::Session;
use crate::trust::{Role, Trust, TrustedContract};

/// What to ask of a chain.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where it is; else the workspace's own, if there is one.
    pub endpoint: Option<&'a str>,
    /// This epoch of the log only.
    pub epoch: Option<u64>,
    /// Whether rewards are computed again, for which all rows are read.
    pub depth: Depth,
}

/// Checks receipts, anchors, rewards and claims.
pub fn all(session: &Session, asked: &Asked<'_>, global: &Global) -> Result<Checks> {
    let mut checks = Checks::default();
    let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?;
    let receipts = receipts_of(session, asked, &epochs, &mut checks)?;
    let endpoint = parse_endpoint(asked.endpoint.unwrap_or("local"), Some(&session.workspace))?;
    if let (None, Endpoint::Local(path)) = (asked.endpoint, &endpoint)
        && !path.exists()
    {
        no_chain(session, &receipts, epochs.len(), &mut checks);
        return Ok(checks);
    }
    let client = match Client::connect_to_read(&endpoint).map_err(unreachable) {
        Ok(client) => client,
        Err(error) => {
            checks.error("chain", endpoint.to_string(), &error);
            return Ok(checks);
        }
    };
    chain_itself(&client, &mut checks)?;
    sent(session, &client, &mut checks);
    let Some(deployment) = believed(session, &client, global, &mut checks)? else { return Ok(checks) };
    let heads: Vec<TreeHead> = epochs.iter().map(SealedEpoch::head).collect();
    anchors(&client, &deployment, asked, &heads, &receipts, &mut checks);
    rewards::all(session, &client, &deployment, asked, &mut checks)?;
    Ok(checks)
}

/// Receipts say who saw which epoch where. They are signed, and must be of the epochs that are here.
fn receipts_of(
    session: &Session,
    asked: &Asked<'_>,
    epochs: &[SealedEpoch],
    checks: &mut Checks,
) -> Result<Vec<AnchorReceipt>> {
    let (numbers, strays) = receipts::numbers(&session.workspace)?;
    for path in strays {
        checks.failed("receipt", path.display().to_string(), "no receipt has such a name");
    }
    let mut found = Vec::new();
    for number in numbers.iter().filter(|number| asked.epoch.is_none_or(|only| number.value() == only)) {
        let artifact = format!("epoch {number}");
        let Some(epoch) = epochs.iter().find(|epoch| epoch.number() == *number) else {
            match receipts::open(&session.workspace, *number) {
                Ok(_) => checks.failed(
                    "receipt",
                    artifact,
                    "the log has no such epoch: it was put back, or the epoch removed",
                ),
                Err(error) => checks.error("receipt", artifact, &error),
            }
            continue;
        };
        match receipts::load(&session.workspace, epoch) {
            Ok(Some(receipt)) => {
                let (place, block) =
                    (if receipt.local { "local chain" } else { "chain" }, receipt.block_number.value());
                checks.ok("receipt", format!("{artifact}: block {block} of {place} {}", receipt.chain_id.value()));
                found.push(receipt);
            }
            Ok(None) => {}
            Err(error) => checks.error("receipt", artifact, &error),
        }
    }
    Ok(found)
}

/// Nothing can be asked where no chain is named, and that is a fault where there was one.
fn no_chain(session: &Session, receipts: &[AnchorReceipt], epochs: usize, checks: &mut Checks) {
    let deployed = load_deployments(&session.workspace).map(|deployments| !deployments.all().is_empty());
    match deployed {
        Err(error) => checks.failed("contracts", "chain/deployment.json", error.in_one_line()),
        Ok(deployed) if deployed || !receipts.is_empty() => {
            let why = "the workspace's own chain is not here, and --chain names no other";
            checks.not_checked("chain", "anchors, rewards and claims", why);
        }
        Ok(_) => {
            checks.not_asked("anchor", counted(epochs as u64, "epoch"), "no chain was named: --chain URL asks one")
        }
    }
}

/// What was sent from here and took place must still be on the chain: a chain can be put back, too.
fn sent(session: &Session, client: &Client, checks: &mut Checks) {
    let jobs = match crate::chain::sent(&session.workspace) {
        Ok(jobs) if jobs.is_empty() => return,
        Ok(jobs) => jobs,
        Err(error) => return checks.failed("outbox", "chain/outbox.sqlite", error.in_one_line()),
    };
    let mut count = 0_u64;
    for job in jobs.iter().filter(|job| job.key.chain.is(&client.identity())) {
        let Some(landed) = job.landed else { continue };
        let artifact = format!("{} in block {}", job.key.purpose, landed.block.number);
        match client.block(At::Number(landed.block.number)) {
            Ok(Some(block)) if block.hash == landed.block.hash => count += 1,
            Ok(Some(_)) => checks.failed("sent", artifact, "the chain has another block there"),
            Ok(None) => checks.failed("sent", artifact, "the chain has no such block: it was put back"),
            Err(error) => checks.error("sent", artifact, &unreachable(error)),
        }
    }
    checks.ok("sent", format!("{count} transactions of this workspace are on the chain"));
}

/// Opening the local chain has executed every block again; of another chain only its name is known.
fn chain_itself(client: &Client, checks: &mut Checks) -> Result<()> {
    let (identity, head) = (client.identity(), client.head().map_err(unreachable)?);
    let artifact = format!("chain {} at {}, block {}", identity.chain_id, client.endpoint(), head.number);
    if identity.local {
        checks.ok("chain", format!("{artifact}: every block executed again; local, one operator, no independent time"));
    } else {
        checks.ok("chain", artifact);
    }
    Ok(())
}

/// The contracts of this workspace on the chain, without those that the user does not believe.
fn believed(session: &Session, client: &Client, global: &Global, checks: &mut Checks) -> Result<Option<Deployment>> {
    let deployments = match load_deployments(&session.workspace) {
        Ok(deployments) => deployments,
        Err(error) => {
            checks.failed("contracts", "chain/deployment.json", error.in_one_line());
            return Ok(None);
        }
    };
    let mut deployment = match deployment_on(&deployments, client) {
        Ok(deployment) => deployment,
        Err(error) => {
            checks.error("contracts", format!("chain/deployment.json, at {}", client.endpoint()), &error);
            return Ok(None);
        }
    };
    let trust = Trust::load(&Home::locate(global.home.as_deref())?)?;
    let origin = session.ledger.fold().origin();
    let is_believed = |role, address| {
        let fits = |contract: &&TrustedContract| {
            contract.role == role
                && contract.address == address
                && contract.chain.is(&client.identity())
                && contract.origin == *origin
                && contract.origin_id == deployment.origin_id
        };
        trust.contracts().iter().find(fits).is_some_and(|found| client.expect_code(address, found.code_hash).is_ok())
    };
    let believed =
        [(Role::Registry, deployment.registry), (Role::Distributor, deployment.distributor)].map(|(role, contract)| {
            let contract = contract?;
            let artifact = format!("{} {:#x}", role.as_str(), contract.address);
            if is_believed(role, contract.address) {
                checks.ok("contracts", artifact);
                return Some(contract);
            }
            // The workspace says itself which contracts its log has, so without the user's word anybody could have made them.
            checks.not_checked("contracts", artifact, "this contract is not one you trust: mira help trust");
            None
        });
    [deployment.registry, deployment.distributor] = believed;
    Ok(Some(deployment))
}

/// Holds every epoch to the registry.
fn anchors(
    client: &Client,
    deployment: &Deployment,
    asked: &Asked<'_>,
    heads: &[TreeHead],
    receipts: &[AnchorReceipt],
    checks: &mut Checks,
) {
    let Some(registry) = deployment.registry else { return };
    let origin = Origin { registry: registry.address, id: deployment.origin_id, since: deployment.block };
    let anchored = match origin.anchored(client, heads) {
        Ok(anchored) => anchored,
        Err(error) => return checks.failed("anchor", format!("registry {:#x}", registry.address), chain(&error)),
    };
    let history = commitment::history(origin.genesis(client.identity().chain_id), heads.iter().copied());
    for (number, head) in (1..).zip(heads) {
        if asked.epoch.is_some_and(|only| only != number) {
            continue;
        }
        let artifact = format!("epoch {number}: {}", counted(head.size.value(), "entry"));
        let receipt = receipts.iter().find(|receipt| receipt.epoch.value() == number);
        let receipt = receipt.filter(|receipt| receipts::is_of(receipt, client.identity(), &origin));
        if number > anchored {
            match receipt {
                Some(_) => checks.failed("anchor", artifact, "its receipt is of this registry, which does not have it"),
                None => checks.not_asked("anchor", artifact, "it is sealed and not anchored yet: mira anchor"),
            }
            continue;
        }
        // `history` starts with C_0.
        let expected = usize::try_from(number).ok().and_then(|index| history.get(index)).copied().unwrap_or_default();
        let place = if client.identity().local { "on the local chain" } else { "on the chain" };
        match origin.commitment(client, mira_core::id::EpochNumber::new(number), At::Latest) {
            Ok(found) if found == expected => checks.ok("anchor", format!("{artifact}, {expected} {place}")),
            Ok(found) => checks.failed("anchor", artifact, format!("expected {expected}, the registry has {found}")),
            Err(error) => checks.error("anchor", artifact, &unreachable(error)),
        }
    }
}

/// Refuses an epoch that is not there.
pub fn statements_of(session: &Session, epoch: u64) -> Result<std::ops::Range<u64>> {
    let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?;
    let size = |number: u64| match number {
        0 => Some(0),
        _ => {
            usize::try_from(number - 1).ok().and_then(|index| epochs.get(index)).map(|epoch| epoch.head().size.value())
        }
    };
    match (epoch.checked_sub(1).and_then(size), size(epoch)) {
        (Some(start), Some(end)) if epoch > 0 => Ok(start..end),
        _ => Err(CliError::new(Kind::NotFound, format!("there is no epoch {epoch}"))
            .hint(format!("the log has {}", counted(epochs.len() as u64, "epoch")))),
    }
}
