//! Epochs of rewards of this workspace's log: computed from the log, its rows, and what a chain says.
//!
//! ```text
//! .mira/rewards/<N>/manifest.json      what epoch N was computed from; its SHA-256 is on the chain
//! .mira/rewards/<N>/allocation.json    the amounts
//! .mira/rewards/<N>/trace.json         how they came about
//! ```
//!
//! The files are views: whoever removes them gets the same ones again.

use std::fs;
use std::path::{Path, PathBuf};

use mira_anchor::chain::{At, Client};
use mira_anchor::deployment::Deployment;
use mira_anchor::distributor::{Contract, State, Status};
use mira_anchor::registry::{AnchorError, Origin};
use mira_anchor::reward::{
    Allocation, AuditError, Auditor, EpochError, Funded, History, InForce, LogView, MAX_MANIFEST, MAX_POLICY, Proposal,
    Verdict,
};
use mira_core::digest::Digest;
use mira_core::fold::{Accepted, Outcome};
use mira_core::log::vkey::KeyName;
use mira_core::merkle::TreeHead;
use mira_lineage::epoch::{self, SealedEpoch};

use crate::chain::unreachable;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::evidence::Shelf;
use crate::read_file::{self, Found, failed};
use crate::session::Session;
use crate::workspace::Workspace;
use crate::write_file;

/// The log, the contract, and what was proposed so far.
pub struct Rewards<'a> {
    session: &'a Session,
    client: &'a Client,
    /// The contract that pays.
    pub contract: Contract,
    registry: Origin,
    origin: &'a KeyName,
    heads: Vec<TreeHead>,
    accepted: Vec<&'a Accepted>,
    /// Every payment so far.
    funded: Vec<Funded>,
    /// Every proposal so far, oldest first.
    pub proposals: Vec<Proposal>,
}

/// An epoch of rewards as it was computed here.
#[derive(Debug)]
pub struct Computed {
    /// The amounts.
    pub allocation: Allocation,
    /// What the contract has of it; nothing if it was not proposed.
    pub state: Option<State>,
    /// Whether the policy is in force; one that is not can be looked at and never proposed.
    pub in_force: bool,
    /// Whether the log's epoch is anchored.
    pub anchored: bool,
}

impl<'a> Rewards<'a> {
    /// Reads the log's epochs and the contract's events.
    pub fn open(session: &'a Session, client: &'a Client, deployment: &Deployment) -> Result<Self> {
        let (Some(registry), Some(distributor)) = (deployment.registry, deployment.distributor) else {
            return Err(CliError::new(Kind::NotFound, "there is no distributor").hint("mira chain deploy makes one"));
        };
        let registry = Origin { registry: registry.address, id: deployment.origin_id, since: deployment.block };
        let contract = Contract::at(client, distributor.address, deployment.block).map_err(unreachable)?;
        let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?;
        let accepted = session.ledger.history().iter().filter_map(|event| match &event.outcome {
            Outcome::Accepted(accepted) => Some(&**accepted),
            Outcome::Refused(_) => None,
        });
        let head = client.head().map_err(unreachable)?.number;
        Ok(Self {
            session,
            client,
            contract,
            registry,
            origin: session.ledger.fold().origin(),
            heads: epochs.iter().map(SealedEpoch::head).collect(),
            accepted: accepted.collect(),
            funded: contract.funded(client, head).map_err(unreachable)?,
            proposals: contract.proposals(client).map_err(unreachable)?,
        })
    }

    /// The epoch that would be proposed next.
    pub fn next_number(&self) -> u64 {
        self.proposals.last().map_or(0, |proposal| proposal.epoch) + 1
    }

    /// The newest epoch that can be claimed from, up to `most`; nothing if there is none.
    pub fn active(&self, most: Option<u64>) -> Result<Option<u64>> {
        for proposal in self.proposals.iter().rev() {
            let is_meant = most.is_none_or(|most| proposal.epoch == most);
            if is_meant && self.state(proposal.epoch)?.status == Status::Active {
                return Ok(Some(proposal.epoch));
            }
        }
        Ok(None)
    }

    /// What the contract has of an epoch.
    pub fn state(&self, epoch: u64) -> Result<State> {
        self.contract.state(self.client, epoch).map_err(unreachable)
    }

    /// Computes an epoch: one that was proposed again, or the next one. `policy` is used where none is in force.
    pub fn compute(&self, epoch: u64, policy: Option<&[u8]>) -> Result<Computed> {
        let mut auditor = Auditor::new(self.view(), self.contract.distributor, &self.funded);
        let mut shelf = Shelf::of(self.session)?;
        for proposal in self.proposals.iter().filter(|proposal| proposal.epoch <= epoch) {
            let verdict = self.check(&mut auditor, proposal, &mut shelf)?;
            if proposal.epoch < epoch {
                continue;
            }
            let state = Some(self.state(epoch)?);
            return match verdict {
                Some(Verdict::Equal(allocation)) => {
                    Ok(Computed { allocation: *allocation, state, in_force: true, anchored: true })
                }
                Some(verdict) => Err(differs(epoch, &verdict)),
                None => Err(CliError::new(
                    Kind::DoesNotVerify,
                    format!("epoch {epoch} adds to epoch {}, which does not hold", proposal.previous),
                )),
            };
        }
        if epoch != self.next_number() {
            return Err(CliError::new(Kind::Usage, format!("there is no epoch {epoch} of rewards"))
                .hint(format!("the next one is {}", self.next_number())));
        }
        self.compute_next(&auditor, policy, &mut shelf)
    }

    /// Computes every proposal again, oldest first; nothing for one that adds to an epoch which does not hold.
    pub fn audit(&self) -> Result<Vec<(Proposal, Result<Option<Verdict>>)>> {
        let mut auditor = Auditor::new(self.view(), self.contract.distributor, &self.funded);
        let mut shelf = Shelf::of(self.session)?;
        let check = |proposal: &Proposal| (*proposal, self.check(&mut auditor, proposal, &mut shelf));
        Ok(self.proposals.iter().map(check).collect())
    }

    /// Computes a proposal again; nothing if what it adds to does not hold.
    fn check(&self, auditor: &mut Auditor<'_>, proposal: &Proposal, shelf: &mut Shelf<'_>) -> Result<Option<Verdict>> {
        let manifest = read(&self.path(proposal.epoch, "manifest.json"), MAX_MANIFEST)?;
        match auditor.check(proposal, manifest.as_deref(), shelf) {
            Ok(verdict) => Ok(Some(verdict)),
            Err(AuditError::Previous { .. }) => Ok(None),
            Err(error) => Err(CliError::new(Kind::NotChecked, chain(&error))),
        }
    }

    fn compute_next(&self, auditor: &Auditor<'_>, policy: Option<&[u8]>, shelf: &mut Shelf<'_>) -> Result<Computed> {
        let standing = self.contract.last_standing(self.client, &self.proposals).map_err(unreachable)?;
        let previous = auditor.previous(standing).ok_or_else(|| {
            CliError::new(Kind::DoesNotVerify, format!("epoch {standing} of rewards is not what this log makes"))
                .hint(format!("mira rewards --epoch {standing} says where it differs"))
        })?;
        let anchored = self.registry.anchored(self.client, &self.heads).map_err(registry_error)?;
        let log_epoch = if anchored > 0 { anchored } else { self.heads.len() as u64 };
        let history = self.view().at(log_epoch).ok_or_else(|| {
            CliError::new(Kind::Failed, "no epoch of the log is sealed, so there is nothing to reward by")
                .hint("mira seal")
        })?;
        let (policy, in_force) = self.policy(&history, policy)?;
        let until = self.until()?;
        let start = self.funded.partition_point(|event| event.block < previous.carried.next_block);
        let end = self.funded.partition_point(|event| event.block <= until);
        let funded = self.funded.get(start..end).unwrap_or_default();
        let epoch = self.next_number();
        let distributor = self.contract.distributor;
        let allocation = Allocation::compute(epoch, &history, &policy, distributor, funded, previous, shelf)
            .map_err(|error| epoch_error(&error))?;
        Ok(Computed { allocation, state: None, in_force, anchored: anchored > 0 })
    }

    /// The policy in force, or the one given where there is none.
    fn policy(&self, history: &History<'_>, given: Option<&[u8]>) -> Result<(Vec<u8>, bool)> {
        match (history.policy(), given) {
            (Some(InForce { policy, .. }), None) => Ok((self.session.blobs().get(&policy, MAX_POLICY)?, true)),
            (Some(InForce { policy, .. }), Some(given)) if Digest::of(given) == policy => Ok((given.to_vec(), true)),
            (_, Some(given)) => Ok((given.to_vec(), false)),
            (None, None) => Err(CliError::new(Kind::NotFound, "no policy is in force at this epoch of the log")
                .hint("mira rewards policy new, then mira rewards policy log, then mira seal")),
        }
    }

    /// The last block whose payments count: the newest on the local chain, else the last that cannot be taken back.
    fn until(&self) -> Result<u64> {
        let head = self.client.head().map_err(unreachable)?.number;
        if self.client.identity().local {
            return Ok(head);
        }
        Ok(self.client.finalized().map_err(unreachable)?.unwrap_or(head))
    }

    /// What the registry holds for an epoch of the log.
    pub fn commitment(&self, log_epoch: u64) -> Result<mira_anchor::B256> {
        let epoch = mira_core::id::EpochNumber::new(log_epoch);
        self.registry.commitment(self.client, epoch, At::Latest).map_err(unreachable)
    }

    /// Keeps the files of an epoch. The caller holds the workspace's lock.
    pub fn keep(&self, allocation: &Allocation) -> Result<()> {
        let dir = self.path(allocation.manifest.epoch, "");
        fs::create_dir_all(&dir).map_err(|error| failed(&dir, &error))?;
        self.files(allocation).into_iter().try_for_each(|(path, bytes)| write_file::whole(&path, &bytes, true))
    }

    /// The files of an epoch that are here and are not what was computed.
    pub fn edited(&self, allocation: &Allocation) -> Result<Vec<PathBuf>> {
        let mut edited = Vec::new();
        for (path, expected) in self.files(allocation) {
            match read_file::if_short(&path, expected.len())? {
                Found::Bytes(found) if found == expected => {}
                Found::Bytes(_) | Found::TooLong => edited.push(path),
                Found::Nothing => {}
            }
        }
        Ok(edited)
    }

    /// The files of an epoch, the manifest last: it names the table.
    fn files(&self, allocation: &Allocation) -> [(PathBuf, Vec<u8>); 3] {
        let epoch = allocation.manifest.epoch;
        [
            (self.path(epoch, "trace.json"), allocation.amounts.trace.to_json().to_canonical()),
            (self.path(epoch, "allocation.json"), allocation.table.clone()),
            (self.path(epoch, "manifest.json"), allocation.manifest.to_bytes()),
        ]
    }

    fn path(&self, epoch: u64, name: &str) -> PathBuf {
        directory(&self.session.workspace, epoch).join(name)
    }

    fn view(&self) -> LogView<'_> {
        LogView { origin: self.origin, epochs: &self.heads, accepted: &self.accepted }
    }
}

/// Where the files of an epoch of rewards are.
pub fn directory(workspace: &Workspace, epoch: u64) -> PathBuf {
    workspace.path("rewards").join(epoch.to_string())
}

/// Reads a small file that need not be there.
fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>> {
    Ok(match read_file::if_short(path, limit)? {
        Found::Bytes(bytes) => Some(bytes),
        Found::Nothing | Found::TooLong => None,
    })
}

fn differs(epoch: u64, verdict: &Verdict) -> CliError {
    let text = match verdict {
        Verdict::Differs { step, expected, found, .. } => {
            format!("epoch {epoch} was proposed with {step} {found}, and this log makes {expected}")
        }
        Verdict::Baseless { what } => format!("epoch {epoch} was proposed, and {what}"),
        Verdict::Equal(_) => format!("epoch {epoch} holds"),
    };
    CliError::new(Kind::DoesNotVerify, text)
}

fn epoch_error(error: &EpochError) -> CliError {
    let kind = match error {
        EpochError::Policy(_) => Kind::DoesNotVerify,
        _ => Kind::NotChecked,
    };
    CliError::new(kind, chain(error))
}

fn registry_error(error: AnchorError) -> CliError {
    match error {
        AnchorError::Chain(error) => unreachable(error),
        AnchorError::Behind { .. } | AnchorError::Beside { .. } => CliError::new(Kind::DoesNotVerify, chain(&error)),
        error => CliError::new(Kind::Failed, chain(&error)),
    }
}
