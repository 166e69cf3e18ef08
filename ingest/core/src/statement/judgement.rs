//! Statements about statements, and about a log as a whole.

use super::model::AgentRole;
use super::ranges::RowSet;
use super::values::Positive;
use crate::digest::{Digest, StatementId};
use crate::field::{Members, ReadFields as _, text_fields};
use crate::json::{FieldError, Fields};
use crate::spelled::spelled_enums;

/// Somebody else says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countersign {
    /// The statement.
    pub target: StatementId,
    /// As what the signer took part in what it states.
    pub role: AgentRole,
}

/// A statement is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdraw {
    /// The statement.
    pub target: StatementId,
    /// Why.
    pub reason: WithdrawReason,
    /// Which rows of the dataset, if not the whole statement.
    pub rows: Option<RowSet>,
}

/// A statement is said to be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The statement.
    pub target: StatementId,
    /// What is wrong.
    pub reason: DisputeReason,
    /// SHA-256 of the evidence.
    pub evidence: Option<Digest>,
}

/// The rules that rewards follow from an epoch on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// SHA-256 of the policy file.
    pub policy: Digest,
    /// The first epoch.
    pub from_epoch: Positive,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// SHA-256 of the report.
    pub report: Digest,
    /// The epoch that was audited.
    pub epoch: Positive,
    /// What came out.
    pub result: AuditResult,
}

spelled_enums! {
    /// Why a statement is taken back.
    WithdrawReason, "a reason to withdraw" {
        /// Somebody no longer agrees.
        Consent = "consent",
        /// It was wrong.
        Error = "error",
        /// It was not the signer's to license.
        Licence = "licence",
        /// It says something about people that it must not.
        Privacy = "privacy",
    }

    /// What is said to be wrong.
    DisputeReason, "a reason to dispute" {
        /// It is somebody else's work.
        Copied = "copied",
        /// What it states did not happen.
        False = "false",
        /// It says something about people that it must not.
        Privacy = "privacy",
        /// The signer may not give these rights.
        Rights = "rights",
    }

    /// What came out of an audit.
    AuditResult, "a result of an audit" {
        /// Something does not verify.
        Failed = "failed",
        /// Something could not be checked.
        Incomplete = "incomplete",
        /// Everything verifies.
        Ok = "ok",
    }
}

text_fields! {
    WithdrawReason, "a reason to withdraw";
    DisputeReason, "a reason to dispute";
    AuditResult, "failed, incomplete or ok";
}

impl Countersign {
    pub(super) fn read(target: StatementId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { target, role: fields.read("role")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("role", &self.role)
    }
}

impl Withdraw {
    pub(super) fn read(target: StatementId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { target, reason: fields.read("reason")?, rows: fields.read_some("rows")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("reason", &self.reason).with_some("rows", self.rows.as_ref())
    }
}

impl Dispute {
    pub(super) fn read(target: StatementId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { target, reason: fields.read("reason")?, evidence: fields.read_some("evidence")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("reason", &self.reason).with_some("evidence", self.evidence.as_ref())
    }
}

impl Policy {
    pub(super) fn read(policy: Digest, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { policy, from_epoch: fields.read("from_epoch")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("from_epoch", &self.from_epoch)
    }
}

impl Audit {
    pub(super) fn read(report: Digest, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { report, epoch: fields.read("epoch")?, result: fields.read("result")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("epoch", &self.epoch).with("result", &self.result)
    }
}
