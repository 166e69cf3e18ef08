//! The manifest of an epoch of rewards, and its table of amounts: two files of canonical JSON.
//!
//! The manifest names everything that the amounts were computed from; its SHA-256 goes on the chain with the root. It
//! repeats totals of each kind of division, so that two who disagree find out where. The table lists the amounts; the
//! manifest names its SHA-256. Both are views: whoever has log, rows, chain and policy writes the same bytes.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256};
use mira_core::digest::Digest;
use mira_core::json::{FieldError, Json, JsonError, SafeInt, parse_canonical};

use super::allocate::Share;
use super::distributor::Distributor;
use super::trace::StepKind;

/// The rules by which amounts are computed: FORMAT.md, section 15.
pub const RULES: &str = "reward-1";
/// Longest manifest that is read.
pub const MAX_MANIFEST: usize = 64 << 10;

const TYPE: &str = "mira.rewards/1";
const TABLE_TYPE: &str = "mira.allocation/1";

/// What an epoch of rewards was computed from, and what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which epoch of rewards, from 1.
    pub epoch: u64,
    /// SHA-256 of the manifest of the epoch that it adds to; none for the first.
    pub previous: Option<Digest>,
    /// The log.
    pub origin: String,
    /// Its epoch.
    pub log_epoch: u64,
    /// The size of its checkpoint.
    pub log_size: u64,
    /// The root of its checkpoint.
    pub log_root: Digest,
    /// SHA-256 of the policy file.
    pub policy: Digest,
    /// Chain, contract and token.
    pub distributor: Distributor,
    /// The payments.
    pub funding: Funding,
    /// What was divided.
    pub budget: U256,
    /// The sum of what everybody has earned so far.
    pub total: U256,
    /// How much passed through each kind of division.
    pub steps: BTreeMap<StepKind, U256>,
    /// SHA-256 of the table of amounts.
    pub allocation: Digest,
    /// The root of the claim tree; zero if nobody has earned anything.
    pub root: B256,
}

/// Which payments were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funding {
    /// The first block.
    pub from_block: u64,
    /// The block after the last.
    pub next_block: u64,
    /// How many there are.
    pub events: u64,
    /// Their digest.
    pub digest: Digest,
    /// How many of them wait for the statement that they name.
    pub waiting: u64,
}

/// Why bytes are not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Too long.
    #[error("a manifest of rewards has at most {MAX_MANIFEST} bytes, found {found}")]
    Length {
        /// How many bytes there are.
        found: usize,
    },
    /// Not canonical JSON.
    #[error("the manifest is not canonical JSON")]
    Json(#[from] JsonError),
    /// A member is missing or of another kind.
    #[error("the manifest is malformed")]
    Field(#[from] FieldError),
}

impl Manifest {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Distributor { chain_id, contract, token } = self.distributor;
        let steps = self.steps.iter().map(|(kind, amount)| (kind.as_str(), amount.to_string().into()));
        let mut members = vec![
            ("type", TYPE.into()),
            ("rules", RULES.into()),
            ("epoch", uint(self.epoch)),
            ("origin", self.origin.clone().into()),
            ("log_epoch", uint(self.log_epoch)),
            ("log_size", uint(self.log_size)),
            ("log_root", self.log_root.to_string().into()),
            ("policy", self.policy.to_string().into()),
            ("chain_id", uint(chain_id)),
            ("distributor", hex(contract.as_slice()).into()),
            ("token", hex(token.as_slice()).into()),
            ("funding", self.funding.to_json()),
            ("budget", self.budget.to_string().into()),
            ("total", self.total.to_string().into()),
            ("steps", Json::object(steps)),
            ("allocation", self.allocation.to_string().into()),
            ("root", hex(self.root.as_slice()).into()),
        ];
        members.extend(self.previous.map(|previous| ("previous", previous.to_string().into())));
        Json::object(members).to_canonical()
    }

    /// What goes on the chain: SHA-256 of the file.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Up to which block a manifest counts payments, which whoever proposes chooses. Nothing else of a manifest is ever
    /// read: it is computed again and compared as a whole.
    pub fn next_block(bytes: &[u8]) -> Result<u64, ManifestError> {
        if bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::Length { found: bytes.len() });
        }
        let json = parse_canonical(bytes)?;
        let funding = json.fields()?.required("funding")?.fields()?.required("next_block")?;
        Ok(funding.uint()?)
    }
}

impl Funding {
    fn to_json(self) -> Json {
        Json::object([
            ("from_block", uint(self.from_block)),
            ("next_block", uint(self.next_block)),
            ("events", uint(self.events)),
            ("digest", self.digest.to_string().into()),
            ("waiting", uint(self.waiting)),
        ])
    }
}

/// The table of amounts.
pub(super) fn table(epoch: u64, shares: &[Share]) -> Vec<u8> {
    let row = |share: &Share| {
        Json::object([
            ("contributor", share.contributor.to_string().into()),
            ("amount", share.amount.to_string().into()),
            ("cumulative", share.cumulative.to_string().into()),
            ("payout", hex(share.payout.as_slice()).into()),
        ])
    };
    let rows: Vec<Json> = shares.iter().map(row).collect();
    let members = [("type", TABLE_TYPE.into()), ("epoch", uint(epoch)), ("allocations", rows.into())];
    Json::object(members).to_canonical()
}

/// A number, or a decimal string where a double would round it.
fn uint(value: u64) -> Json {
    SafeInt::try_from(value).map_or_else(|_| value.to_string().into(), Json::from)
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", data_encoding::HEXLOWER.encode(bytes))
}
