//! The distributor's contract: what was paid in, what was proposed, and how to propose and to claim.
//!
//! Everything that [`reward`](crate::reward) takes from a chain is read here, and nothing is computed. The contract's
//! state decides whether an epoch is proposed or an amount paid, whoever sent the transaction.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall as _;
use mira_core::digest::{ContributorId, Digest};

use crate::abi::{MiraToken, RewardsDistributor};
use crate::chain::{ChainError, Client};
use crate::claim::Claim;
use crate::publish::Goal;
use crate::reward::{Distributor, Funded, Manifest, Proposal};
use crate::sender::{Intent, SendError, Sender, Sent};

/// A distributor's contract on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    /// Chain, address and token.
    pub distributor: Distributor,
    /// A block before which it has no events.
    pub since: u64,
}

/// A payout: the contract's event `Claimed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Who was paid.
    pub contributor: ContributorId,
    /// The account.
    pub payout: Address,
    /// The epoch of rewards whose root was used.
    pub epoch: u64,
    /// How much was paid.
    pub amount: U256,
    /// The transaction.
    pub tx: B256,
}

/// An epoch of rewards, as the contract has it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The root; zero for an epoch that was not proposed.
    pub root: B256,
    /// The sum of its amounts.
    pub total: U256,
    /// The epoch of the log.
    pub log_epoch: u64,
    /// From when on it can be claimed from, in seconds since 1970.
    pub activates_at: u64,
    /// How far it is.
    pub status: Status,
}

/// How far an epoch of rewards is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was not proposed.
    None,
    /// It is in its window.
    Pending,
    /// It can be claimed from.
    Active,
    /// It waits for the guardian.
    Disputed,
    /// It was vetoed.
    Vetoed,
}

impl Status {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Disputed => "disputed",
            Self::Vetoed => "vetoed",
        }
    }
}

/// The epoch and the leaf that the call of a claim is about; nothing if it is another call.
pub fn claim_of(input: &[u8]) -> Option<(u64, Claim)> {
    let call = RewardsDistributor::claimCall::abi_decode(input).ok()?;
    let contributor = Digest::new(call.contributorId.0).into();
    Some((call.epoch, Claim { contributor, payout: call.payout, cumulative: call.cumulative }))
}

/// The purpose of a proposal in the outbox.
pub fn proposing(epoch: u64, manifest: &Digest) -> String {
    format!("propose/{epoch}/{manifest}")
}

impl Contract {
    /// The contract at this address, which the caller knows to be a distributor; its events start at block `since`.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn at(client: &Client, contract: Address, since: u64) -> Result<Self, ChainError> {
        let token = client.view(contract, &RewardsDistributor::tokenCall {})?;
        Ok(Self { distributor: Distributor { chain_id: client.identity().chain_id, contract, token }, since })
    }

    /// What was paid in, up to a block, in the order of the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn funded(&self, client: &Client, to: u64) -> Result<Vec<Funded>, ChainError> {
        let found = client.events::<RewardsDistributor::Funded>(self.distributor.contract, self.since, to)?;
        let payment = found.into_iter().map(|found| Funded {
            block: found.block.number,
            log_index: found.index,
            statement: found.event.statementId,
            amount: found.event.amount,
        });
        Ok(payment.collect())
    }

    /// Every proposal, oldest first, with the epoch that each adds to.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn proposals(&self, client: &Client) -> Result<Vec<Proposal>, ChainError> {
        let (contract, to) = (self.distributor.contract, client.head()?.number);
        let vetoed = client.events::<RewardsDistributor::Vetoed>(contract, self.since, to)?;
        let mut proposals: Vec<Proposal> = Vec::new();
        for found in client.events::<RewardsDistributor::Proposed>(contract, self.since, to)? {
            let place = (found.block.number, found.index);
            let stands = |epoch: u64| {
                !vetoed.iter().any(|veto| veto.event.epoch == epoch && (veto.block.number, veto.index) < place)
            };
            let previous = proposals.iter().rev().map(|proposal| proposal.epoch).find(|epoch| stands(*epoch));
            proposals.push(Proposal {
                epoch: found.event.epoch,
                previous: previous.unwrap_or(0),
                block: found.block.number,
                root: found.event.root,
                total: found.event.total,
                manifest: Digest::new(found.event.manifest.0),
                log_epoch: found.event.logEpoch,
            });
        }
        Ok(proposals)
    }

    /// Every payout, in the order of the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn claims(&self, client: &Client) -> Result<Vec<Claimed>, ChainError> {
        let to = client.head()?.number;
        let found = client.events::<RewardsDistributor::Claimed>(self.distributor.contract, self.since, to)?;
        let claimed = found.into_iter().map(|found| Claimed {
            contributor: Digest::new(found.event.contributorId.0).into(),
            payout: found.event.payout,
            epoch: found.event.epoch,
            amount: found.event.amount,
            tx: found.tx,
        });
        Ok(claimed.collect())
    }

    /// The last epoch that was proposed and not vetoed since; 0 for none: what the next one adds to.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn last_standing(&self, client: &Client, proposals: &[Proposal]) -> Result<u64, ChainError> {
        for proposal in proposals.iter().rev() {
            if self.state(client, proposal.epoch)?.status != Status::Vetoed {
                return Ok(proposal.epoch);
            }
        }
        Ok(0)
    }

    /// What the contract has of an epoch.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn state(&self, client: &Client, epoch: u64) -> Result<State, ChainError> {
        let found = client.view(self.distributor.contract, &RewardsDistributor::epochsCall { epoch })?;
        let status = match found.status {
            1 => Status::Pending,
            2 => Status::Active,
            3 => Status::Disputed,
            4 => Status::Vetoed,
            _ => Status::None,
        };
        Ok(State {
            root: found.root,
            total: found.total,
            log_epoch: found.logEpoch,
            activates_at: found.activatesAt,
            status,
        })
    }

    /// The token's symbol and decimals, which are the token's own word.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn unit(&self, client: &Client) -> Result<(String, u8), ChainError> {
        let token = self.distributor.token;
        Ok((client.view(token, &MiraToken::symbolCall {})?, client.view(token, &MiraToken::decimalsCall {})?))
    }

    /// What a contributor was paid so far.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn claimed(&self, client: &Client, contributor: &ContributorId) -> Result<U256, ChainError> {
        let contributor = B256::from(*contributor.as_bytes());
        client.view(self.distributor.contract, &RewardsDistributor::claimedCall { contributorId: contributor })
    }

    /// Proposes an epoch, which its log's epoch must be anchored for as `commitment`.
    ///
    /// # Errors
    /// [`SendError::Conflict`] if another root was proposed as this epoch.
    pub fn propose(&self, sender: &mut Sender<'_>, manifest: &Manifest, commitment: B256) -> Result<Sent, SendError> {
        let (epoch, root) = (manifest.epoch, manifest.root);
        sender.send_until(&self.proposing(manifest, commitment), |client| {
            let state = self.state(client, epoch)?;
            Ok(match state.root {
                found if found == root => Goal::Reached,
                found if found.is_zero() => Goal::Open,
                _ => Goal::Conflict,
            })
        })
    }

    /// The transaction of a proposal.
    pub fn proposing(&self, manifest: &Manifest, commitment: B256) -> Intent {
        let call = RewardsDistributor::proposeCall {
            epoch: manifest.epoch,
            root: manifest.root,
            total: manifest.total,
            manifest: B256::from(*manifest.digest().as_bytes()),
            logEpoch: manifest.log_epoch,
            logCommitment: commitment,
        };
        // What is proposed is part of the purpose: another manifest is another thing to happen, and the contract's state
        // says which of them did.
        self.intent(proposing(manifest.epoch, &manifest.digest()), call.abi_encode())
    }

    /// Has a contributor paid what an active epoch gives beyond what was paid before. Anybody may send it.
    ///
    /// # Errors
    /// [`SendError`]; the contract refuses a proof that does not lead to its root.
    pub fn claim(&self, sender: &mut Sender<'_>, epoch: u64, claim: &Claim, proof: &[B256]) -> Result<Sent, SendError> {
        sender.send_until(&self.claiming(epoch, claim, proof), |client| {
            let paid = self.claimed(client, &claim.contributor)? >= claim.cumulative;
            Ok(if paid { Goal::Reached } else { Goal::Open })
        })
    }

    /// The transaction of a claim.
    pub fn claiming(&self, epoch: u64, claim: &Claim, proof: &[B256]) -> Intent {
        let call = RewardsDistributor::claimCall {
            epoch,
            contributorId: B256::from(*claim.contributor.as_bytes()),
            payout: claim.payout,
            cumulative: claim.cumulative,
            proof: proof.to_vec(),
        };
        // What is claimed is part of the purpose: another amount or another account is another thing to happen.
        let purpose = format!("claim/{epoch}/{}/{}", claim.contributor, claim.leaf(self.distributor.domain()));
        self.intent(purpose, call.abi_encode())
    }

    fn intent(&self, purpose: String, input: Vec<u8>) -> Intent {
        Intent { purpose, to: Some(self.distributor.contract), input: input.into(), value: U256::ZERO }
    }
}
