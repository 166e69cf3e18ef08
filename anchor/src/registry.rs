//! Anchoring epochs of a log in its registry, and asking the registry whether an epoch is anchored.
//!
//! Epochs are anchored in order, none skipped. Before anything is signed, what the registry has must be what the log
//! says at that epoch: a log that was put back to an older state, or has another history, is found out here, and its
//! signer refuses. The transaction itself is the outbox's business, and the contract's state decides whether an epoch is
//! anchored, whoever sent it.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall as _;
use mira_core::digest::Digest;
use mira_core::id::EpochNumber;
use mira_core::merkle::{ConsistencyError, TreeHead, verify_consistency};

use crate::abi::RootRegistry;
use crate::chain::{At, BlockRef, ChainError, Client};
use crate::commitment;
use crate::outbox::{OutboxError, Stage};
use crate::publish::{CONFIRMATIONS, Goal, stage_of};
use crate::sender::{Intent, SendError, Sender, Sent};
use crate::wallet::WalletError;

/// One log in one registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The registry.
    pub registry: Address,
    /// The log's name there.
    pub id: B256,
    /// A block before which nothing of it can be found.
    pub since: u64,
}

/// An epoch that is in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchored {
    /// The epoch.
    pub epoch: EpochNumber,
    /// C_{e-1}.
    pub previous: B256,
    /// C_e.
    pub commitment: B256,
    /// The transaction that put it there; none while ours waits for a block.
    pub tx: B256,
    /// Its block; none while it waits.
    pub block: Option<BlockRef>,
    /// How sure that is.
    pub stage: Stage,
}

/// What the registry knows of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryHead {
    /// The last epoch that was anchored; 0 if there is none.
    pub epoch: EpochNumber,
    /// The size of its tree.
    pub size: u64,
    /// The time of its block, in seconds since 1970.
    pub time: u64,
    /// C_e.
    pub commitment: B256,
}

/// Why an epoch is not anchored.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The log is not in the registry.
    #[error("the log {origin_id} is not registered at {registry}")]
    NotRegistered {
        /// The log's name there.
        origin_id: B256,
        /// The registry.
        registry: Address,
    },
    /// The log has fewer epochs than the registry: it was put back.
    #[error("epoch {anchored} is anchored, and this log has {found} epochs: it was put back to an older state")]
    Behind {
        /// The last epoch in the registry.
        anchored: EpochNumber,
        /// How many this log has.
        found: u64,
    },
    /// The registry has another history.
    #[error("epoch {epoch} is anchored as {found}, and this log has {expected}: one of them is a fork")]
    Beside {
        /// The epoch.
        epoch: EpochNumber,
        /// What this log says.
        expected: B256,
        /// What the registry has.
        found: B256,
    },
    /// The log's own epochs do not extend each other.
    #[error("epoch {epoch} does not extend the one before it")]
    Inconsistent {
        /// The epoch.
        epoch: EpochNumber,
        /// Why not.
        source: ConsistencyError,
    },
    /// The log cannot show it.
    #[error("the log cannot prove that epoch {epoch} extends the one before it")]
    NoProof {
        /// The epoch.
        epoch: EpochNumber,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// More than one member has to sign.
    #[error("{threshold} members of the committee must sign, and only one key is here")]
    Committee {
        /// How many.
        threshold: u8,
    },
    /// The registry has the epoch, and no event of it is to be found.
    #[error("epoch {epoch} is anchored, and {endpoint} has no event of it")]
    NoEvent {
        /// The epoch.
        epoch: EpochNumber,
        /// Where the chain was asked.
        endpoint: String,
    },
    /// Sending.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Asking.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The outbox; also where this signer has signed another checkpoint.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The key.
    #[error(transparent)]
    Wallet(#[from] WalletError),
}

impl Origin {
    /// C_0.
    pub fn genesis(&self, chain_id: u64) -> B256 {
        commitment::genesis(chain_id, self.registry, self.id)
    }

    /// What the registry knows of the log.
    ///
    /// # Errors
    /// [`AnchorError::NotRegistered`].
    pub fn head(&self, client: &Client) -> Result<RegistryHead, AnchorError> {
        if self.threshold(client)? == 0 {
            return Err(AnchorError::NotRegistered { origin_id: self.id, registry: self.registry });
        }
        let head = client.view(self.registry, &RootRegistry::headCall { originId: self.id })?;
        let epoch = EpochNumber::new(head.epoch);
        let commitment = self.commitment(client, epoch, At::Latest)?;
        Ok(RegistryHead { epoch, size: head.size, time: head.time, commitment })
    }

    /// What the registry holds for an epoch: zero for one that is not anchored, and C_0 for epoch 0.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn commitment(&self, client: &Client, epoch: EpochNumber, at: At) -> Result<B256, ChainError> {
        let call = RootRegistry::commitmentsCall { originId: self.id, epoch: epoch.value() };
        client.view_at(self.registry, &call, at)
    }

    /// The same for an epoch of a log whoever anchors it: the outbox's key.
    fn purpose(&self, epoch: EpochNumber) -> String {
        format!("anchor/{}/{epoch}", self.id)
    }

    fn threshold(&self, client: &Client) -> Result<u8, ChainError> {
        client.view(self.registry, &RootRegistry::thresholdCall { originId: self.id })
    }

    /// Holds the log's epochs to the registry: how many of them are anchored.
    ///
    /// # Errors
    /// [`AnchorError::Behind`] and [`AnchorError::Beside`].
    pub fn anchored(&self, client: &Client, epochs: &[TreeHead]) -> Result<u64, AnchorError> {
        let head = self.head(client)?;
        let history = commitment::history(self.genesis(client.identity().chain_id), epochs.iter().copied());
        compare(&history, &head)?;
        Ok(head.epoch.value())
    }

    /// Anchors an epoch of the log, given all its epochs up to this one and the proof that it extends the one before.
    /// One that is anchored already is not sent again, whoever sent it.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn anchor(
        &self,
        sender: &mut Sender<'_>,
        epochs: &[TreeHead],
        path: &[Digest],
    ) -> Result<Anchored, AnchorError> {
        let client = sender.client();
        let chain_id = client.identity().chain_id;
        let number = EpochNumber::new(epochs.len() as u64);
        let history = commitment::history(self.genesis(chain_id), epochs.iter().copied());
        let [.., previous, ours] = history.as_slice() else {
            return Err(AnchorError::Behind { anchored: number, found: 0 });
        };
        let (previous, ours) = (*previous, *ours);
        let head = self.head(client)?;
        compare_known(&history, &head)?;
        let goal = |client: &Client| {
            let found = self.commitment(client, number, At::Latest)?;
            Ok(match found {
                B256::ZERO => Goal::Open,
                found if found == ours => Goal::Reached,
                _ => Goal::Conflict,
            })
        };
        let sent = if head.epoch < number {
            let intent = self.intent(sender, epochs, path)?;
            Some(sender.send_until(&intent, goal)?)
        } else {
            // It is there; what we have begun for it is brought to its end, so that its nonce is accounted for.
            sender.finish(Some(self.registry), &self.purpose(number), goal)?
        };
        match sent {
            Some(Sent { landed: Some(landed), stage, .. }) => {
                let (tx, block) = (landed.tx, Some(landed.block));
                Ok(Anchored { epoch: number, previous, commitment: ours, tx, block, stage })
            }
            Some(Sent { stage, tx, .. }) if stage.is_open() => {
                let tx = tx.unwrap_or_default();
                Ok(Anchored { epoch: number, previous, commitment: ours, tx, block: None, stage })
            }
            _ => self.find(client, number, previous, ours),
        }
    }

    /// Finds where an anchored epoch was put into the registry.
    ///
    /// # Errors
    /// [`AnchorError::Beside`] if it is another one, [`AnchorError::NoEvent`] if the endpoint has forgotten.
    pub fn find(
        &self,
        client: &Client,
        epoch: EpochNumber,
        previous: B256,
        expected: B256,
    ) -> Result<Anchored, AnchorError> {
        let found = self.commitment(client, epoch, At::Latest)?;
        if found != expected {
            return Err(AnchorError::Beside { epoch, expected, found });
        }
        let head = client.head()?.number;
        let events = client.events::<RootRegistry::Anchored>(self.registry, self.since, head)?;
        let event = events.into_iter().find(|found| {
            found.event.originId == self.id && found.event.epoch == epoch.value() && found.event.commitment == expected
        });
        let Some(found) = event else {
            return Err(AnchorError::NoEvent { epoch, endpoint: client.endpoint().to_string() });
        };
        let stage = stage_of(found.block, head, client.finalized()?);
        Ok(Anchored { epoch, previous, commitment: expected, tx: found.tx, block: Some(found.block), stage })
    }

    /// Checks the proof, signs the epoch, and says what is to be sent.
    ///
    /// # Errors
    /// [`AnchorError`]; also where this signer has signed another checkpoint for the epoch, or a later one.
    pub fn intent(&self, sender: &mut Sender<'_>, epochs: &[TreeHead], path: &[Digest]) -> Result<Intent, AnchorError> {
        let client = sender.client();
        let chain = client.identity();
        let epoch = EpochNumber::new(epochs.len() as u64);
        let history = commitment::history(self.genesis(chain.chain_id), epochs.iter().copied());
        let ([.., head], [.., previous, _]) = (epochs, history.as_slice()) else {
            return Err(AnchorError::Behind { anchored: epoch, found: 0 });
        };
        let before = epochs.len().checked_sub(2).and_then(|at| epochs.get(at));
        if let Some(before) = before {
            verify_consistency(*before, *head, path).map_err(|source| AnchorError::Inconsistent { epoch, source })?;
        }
        let threshold = self.threshold(client)?;
        if threshold > 1 {
            return Err(AnchorError::Committee { threshold });
        }
        let digest = commitment::signing_digest(chain.chain_id, self.registry, self.id, epoch, *head, *previous);
        sender.outbox().sign_epoch(chain, self.registry, self.id, epoch.value(), digest)?;
        let signature = sender.wallet().sign_digest(&digest)?;
        let call = RootRegistry::anchorCall {
            originId: self.id,
            epoch: epoch.value(),
            root: B256::from(*head.root.as_bytes()),
            size: head.size.value(),
            // Epoch 1 opens nothing: C_0 holds no root.
            beforePrevious: before
                .and_then(|_| history.len().checked_sub(3))
                .and_then(|at| history.get(at))
                .copied()
                .unwrap_or_default(),
            previousRoot: before.map(|before| B256::from(*before.root.as_bytes())).unwrap_or_default(),
            consistency: before
                .map(|_| path.iter().map(|hash| B256::from(*hash.as_bytes())).collect())
                .unwrap_or_default(),
            signatures: vec![signature.as_bytes().to_vec().into()],
        };
        Ok(Intent {
            purpose: self.purpose(epoch),
            to: Some(self.registry),
            input: call.abi_encode().into(),
            value: U256::ZERO,
        })
    }
}

/// What a registry holds for an epoch of which a proof speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The very checkpoint.
    Anchored(Stage),
    /// Nothing.
    Missing {
        /// The commitment that was looked for.
        expected: B256,
    },
    /// Another one.
    Other {
        /// The commitment that was looked for.
        expected: B256,
        /// The one that is there.
        found: B256,
    },
}

/// Asks a registry whether a checkpoint is its epoch `epoch`, given C_{e-1} by whoever claims so. A claim that is wrong
/// gives another commitment than the registry's, whatever it says.
///
/// # Errors
/// [`ChainError`].
pub fn lookup(
    client: &Client,
    origin: &Origin,
    epoch: EpochNumber,
    previous: B256,
    head: TreeHead,
) -> Result<Lookup, ChainError> {
    let expected = commitment::next(previous, epoch, head);
    // Epoch 0 is C_0, which speaks of no checkpoint.
    if epoch.value() == 0 {
        return Ok(Lookup::Missing { expected });
    }
    let found = origin.commitment(client, epoch, At::Latest)?;
    if found == B256::ZERO {
        return Ok(Lookup::Missing { expected });
    }
    if found != expected {
        return Ok(Lookup::Other { expected, found });
    }
    Ok(Lookup::Anchored(sureness(client, origin, epoch, expected)?))
}

/// How sure it is that the registry holds this: it is asked as it was at blocks that are sure.
fn sureness(client: &Client, origin: &Origin, epoch: EpochNumber, expected: B256) -> Result<Stage, ChainError> {
    let held = |at| match origin.commitment(client, epoch, at) {
        Ok(found) => Ok(found == expected),
        // A node that has forgotten the state of that block, or a block before the registry was there.
        Err(ChainError::Refused { .. } | ChainError::NoCode { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    if client.finalized()?.is_some() && held(At::Finalized)? {
        return Ok(Stage::Finalized);
    }
    let deep = client.head()?.number.checked_sub(CONFIRMATIONS);
    Ok(if deep.map_or(Ok(false), |block| held(At::Number(block)))? { Stage::Confirmed } else { Stage::Mined })
}

/// The names under which a log is registered: one for each committee.
///
/// # Errors
/// [`ChainError`].
pub fn registered(
    client: &Client,
    registry: Address,
    origin: &str,
    log_key: &[u8; 32],
) -> Result<Vec<B256>, ChainError> {
    let head = client.head()?.number;
    let events = client.events::<RootRegistry::Registered>(registry, 0, head)?;
    let of_log = events.into_iter().filter(|found| found.event.origin == origin && found.event.logKey == *log_key);
    Ok(of_log.map(|found| found.event.originId).collect())
}

/// Refuses a registry that has more epochs than the log, or others.
pub fn compare(history: &[B256], head: &RegistryHead) -> Result<(), AnchorError> {
    let epoch = usize::try_from(head.epoch.value()).ok();
    match epoch.and_then(|epoch| history.get(epoch)) {
        None => Err(AnchorError::Behind { anchored: head.epoch, found: history.len().saturating_sub(1) as u64 }),
        Some(ours) if *ours != head.commitment => {
            Err(AnchorError::Beside { epoch: head.epoch, expected: *ours, found: head.commitment })
        }
        Some(_) => Ok(()),
    }
}

/// The same, where the registry may have later epochs, which `history` does not hold.
fn compare_known(history: &[B256], head: &RegistryHead) -> Result<(), AnchorError> {
    if head.epoch.value() >= history.len() as u64 { Ok(()) } else { compare(history, head) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(epoch: u64, commitment: u8) -> RegistryHead {
        RegistryHead { epoch: EpochNumber::new(epoch), size: epoch, time: 0, commitment: B256::repeat_byte(commitment) }
    }

    #[test]
    fn a_log_behind_or_beside_its_registry_is_refused() {
        let history = [0, 1, 2].map(B256::repeat_byte);
        assert!(compare(&history, &head(0, 0)).is_ok());
        assert!(compare(&history, &head(2, 2)).is_ok());
        assert!(matches!(compare(&history, &head(1, 9)), Err(AnchorError::Beside { .. })));
        assert!(matches!(compare(&history, &head(3, 3)), Err(AnchorError::Behind { found: 2, .. })));
    }
}
