//! Rewards: from what was paid in to what each contributor has earned.
//!
//! Everything here is a function of its arguments: a prefix of the log, the rows it commits to, a policy file and the
//! payments that a chain recorded. There is no clock, no disk, no socket and no float, so whoever has the same inputs
//! comes to the same amounts, the same claim tree and the same manifest, byte for byte. FORMAT.md, section 15, gives the
//! rules in words.
//!
//! ```text
//! History (log prefix) ┐
//! Policy (file)        ├─ allocate → Amounts + Trace ─ Allocation: claim tree, table, manifest
//! Funded (chain)       │
//! Evidence (rows)      ┘                               Auditor: the same again, compared with the chain
//! ```
//!
//! It neither pays nor proposes, and values no row above another: pay is linear in distinct rows. Exact copies earn
//! nothing; near-duplicates and derivations that are passed off as originals are not noticed.

#![deny(clippy::float_arithmetic, clippy::float_cmp, clippy::cast_precision_loss, clippy::lossy_float_literal)]

mod allocate;
mod audit;
mod distributor;
mod epoch;
mod evidence;
mod history;
mod inflow;
mod manifest;
mod places;
mod policy;
mod split;
mod trace;

pub use allocate::{AllocateError, Amounts, Carried, Share, allocate};
pub use audit::{AuditError, Auditor, LogView, Proposal, Verdict};
pub use distributor::{Distributor, Funded};
pub use epoch::{Allocation, EpochError, Previous};
pub use evidence::{Evidence, EvidenceError, EvidenceSource, Outline, Row};
pub use history::{History, InForce, Whole, Withdrawal};
pub use inflow::OverflowError;
pub use manifest::{Funding, MAX_MANIFEST, Manifest, ManifestError, RULES};
pub use places::{Holder, PlacesError};
pub use policy::{AvailableRules, DataRules, DeclaredRules, MAX_POLICY, Policy, PolicyError, Role, WHOLE};
pub use split::split;
pub use trace::{Step, StepKind, Trace};
