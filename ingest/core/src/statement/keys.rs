//! Statements about the signer: keys, delegations, and the account that is paid.

use std::collections::BTreeSet;

use super::Kind;
use super::values::{EvmAddress, EvmSignature, Natural};
use crate::digest::ContributorId;
use crate::field::{Members, ReadFields as _, text_fields};
use crate::json::{FieldError, Fields};
use crate::key::VerifyingKey;
use crate::log::vkey::KeyName;
use crate::name::{Label, Name};
use crate::spelled::spelled_enums;

/// A contributor's first key, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The first key.
    pub key: VerifyingKey,
    /// What the contributor wants to be called.
    pub label: Option<Label>,
    /// A key that is kept apart, to replace the current one when it is lost; not the first key.
    pub recovery: Option<VerifyingKey>,
}

/// A new key in place of the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotate {
    /// The current key.
    pub old: VerifyingKey,
    /// The one that replaces it.
    pub new: VerifyingKey,
}

/// A key that no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeKey {
    /// The contributor's current key, or an earlier one.
    pub key: VerifyingKey,
    /// Why.
    pub reason: RevokeReason,
}

/// What another contributor may sign under the signer's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegate {
    /// The other contributor, never the signer.
    pub to: ContributorId,
    /// For which kinds this says what holds from now on, at least one.
    pub kinds: BTreeSet<DelegatedKind>,
    /// For which names, at least one; all if absent. Absent also when the delegation ends.
    pub names: Option<BTreeSet<Name>>,
    /// Whether it is given or ends.
    pub state: DelegationState,
}

/// The account on a chain that the signer is paid to.
///
/// Its two halves are checked apart: this statement's own signature here, the account's by whoever knows the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The account.
    pub payout: EvmAddress,
    /// Greater than in every earlier bind of the signer.
    pub bind_nonce: Natural,
    /// The only log in which this counts.
    pub log_origin: KeyName,
    /// The last epoch for which it counts.
    pub expires_epoch: Natural,
    /// The chain.
    pub chain_id: Natural,
    /// The contract that pays.
    pub contract: EvmAddress,
    /// The account's signature by EIP-712.
    pub signature: EvmSignature,
}

spelled_enums! {
    /// Why a key no longer counts.
    RevokeReason, "a reason to revoke a key" {
        /// Somebody else may have it.
        Compromised = "compromised",
        /// Nobody has it.
        Lost = "lost",
        /// It is no longer wanted.
        Retired = "retired",
    }

    /// A kind of statement that one contributor may sign for another.
    DelegatedKind, "a kind that can be delegated" {
        /// Add a dataset.
        Contribute = "contribute",
        /// Deploy a model.
        Deploy = "deploy",
        /// Add a model.
        Train = "train",
        /// Add a dataset made from others.
        Transform = "transform",
        /// Withdraw a statement.
        Withdraw = "withdraw",
    }

    /// Whether a delegation is given or ends.
    DelegationState, "a state of a delegation" {
        /// It ends.
        Ended = "ended",
        /// It is given.
        Granted = "granted",
    }
}

text_fields! {
    RevokeReason, "a reason to revoke a key";
    DelegatedKind, "a kind that can be delegated";
    DelegationState, "granted or ended";
}

impl DelegatedKind {
    /// The delegated kind that allows to sign this kind for another, if there is one.
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Contribute => Some(Self::Contribute),
            Kind::Deploy => Some(Self::Deploy),
            Kind::Train => Some(Self::Train),
            Kind::Transform => Some(Self::Transform),
            Kind::Withdraw => Some(Self::Withdraw),
            _ => None,
        }
    }
}

impl Register {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            key: fields.read("key")?,
            label: fields.read_some("label")?,
            recovery: fields.read_some("recovery")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with("key", &self.key)
            .with_some("label", self.label.as_ref())
            .with_some("recovery", self.recovery.as_ref())
    }
}

impl Rotate {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { old: fields.read("old")?, new: fields.read("new")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("old", &self.old).with("new", &self.new)
    }
}

impl RevokeKey {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { key: fields.read("key")?, reason: fields.read("reason")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("key", &self.key).with("reason", &self.reason)
    }
}

impl Delegate {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            to: fields.read("to")?,
            kinds: fields.read("kinds")?,
            names: fields.read_some("names")?,
            state: fields.read("state")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with("to", &self.to)
            .with("kinds", &self.kinds)
            .with_some("names", self.names.as_ref())
            .with("state", &self.state)
    }
}

impl Bind {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            payout: fields.read("payout")?,
            bind_nonce: fields.read("bind_nonce")?,
            log_origin: fields.read("log_origin")?,
            expires_epoch: fields.read("expires_epoch")?,
            chain_id: fields.read("chain_id")?,
            contract: fields.read("contract")?,
            signature: fields.read("signature")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with("payout", &self.payout)
            .with("bind_nonce", &self.bind_nonce)
            .with("log_origin", &self.log_origin)
            .with("expires_epoch", &self.expires_epoch)
            .with("chain_id", &self.chain_id)
            .with("contract", &self.contract)
            .with("signature", &self.signature)
    }
}
