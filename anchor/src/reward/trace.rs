//! Every division of an amount, so that each can be checked apart.

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::U256;
use mira_core::digest::StatementId;
use mira_core::json::Json;

use super::split::split;

/// What was divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// What was paid in: the fees of each run, and the pool.
    Budget,
    /// The pool: what follows fees and what follows declared use.
    Pool,
    /// The pool's part that follows fees: the statements that fees were for.
    PoolByFees,
    /// The pool's part that follows declared use: runs.
    PoolByUse,
    /// A run's part of that: the use statements.
    DeclaredUse,
    /// A run's budget: roles.
    Roles,
    /// The share of who gave the machines: them.
    Compute,
    /// The deployer's share: the use statements that brought the budget.
    Deployer,
    /// The share of who wrote the program: them.
    Developer,
    /// The trainer's share: the trainers.
    Trainer,
    /// The validator's share: the validators.
    Validator,
    /// What inputs are paid: rows and models.
    Inputs,
    /// What rows are paid: the datasets that hold their places.
    Rows,
    /// What models are paid: the models.
    Models,
    /// What a transform's own rows are paid: its owner, and what they were made from.
    Derived,
}

impl StepKind {
    /// The spelling in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Pool => "pool",
            Self::PoolByFees => "pool-by-fees",
            Self::PoolByUse => "pool-by-use",
            Self::DeclaredUse => "declared-use",
            Self::Roles => "roles",
            Self::Compute => "compute",
            Self::Deployer => "deployer",
            Self::Developer => "developer",
            Self::Trainer => "trainer",
            Self::Validator => "validator",
            Self::Inputs => "inputs",
            Self::Rows => "rows",
            Self::Models => "models",
            Self::Derived => "derived",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One division: the parts add up to the amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was divided.
    pub kind: StepKind,
    /// The train, transform or use statement whose it was, if it was one's.
    pub at: Option<StatementId>,
    /// How much.
    pub amount: U256,
    /// The parts, by their spelling, in the order of their ids; `reserve` alone if nobody had weight.
    pub parts: Vec<(String, U256)>,
}

/// All divisions of an epoch, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace(Vec<Step>);

impl Trace {
    /// The divisions.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Divides an amount and writes it down, unless it is zero; nothing if nobody has weight, and then all of it is the
    /// reserve's.
    pub(super) fn divide<K: Ord + Clone + fmt::Display>(
        &mut self,
        kind: StepKind,
        at: Option<StatementId>,
        amount: U256,
        weights: &BTreeMap<K, U256>,
    ) -> Option<BTreeMap<K, U256>> {
        let parts = split(amount, weights);
        if amount.is_zero() {
            return parts;
        }
        let shown = match &parts {
            Some(parts) => parts.iter().map(|(id, units)| (id.to_string(), *units)).collect(),
            None => vec![("reserve".to_owned(), amount)],
        };
        self.0.push(Step { kind, at, amount, parts: shown });
        parts
    }

    /// How much passed through each kind of division.
    pub(super) fn totals(&self) -> BTreeMap<StepKind, U256> {
        let mut totals = BTreeMap::new();
        for step in &self.0 {
            // Amounts move down the lineage, and each kind of division sees a unit at most once per run or transform on
            // its way; there are fewer than 2^32 of them, so this is a display of large numbers and saturates for none.
            let total = totals.entry(step.kind).or_insert(U256::ZERO);
            *total = U256::saturating_add(*total, step.amount);
        }
        totals
    }

    /// The divisions as canonical JSON.
    pub fn to_json(&self) -> Json {
        self.0.iter().map(Step::to_json).collect::<Vec<_>>().into()
    }
}

impl Step {
    fn to_json(&self) -> Json {
        let part = |(id, units): &(String, U256)| Json::from(vec![id.clone().into(), units.to_string().into()]);
        let mut members = vec![
            ("step", self.kind.as_str().into()),
            ("amount", self.amount.to_string().into()),
            ("parts", self.parts.iter().map(part).collect::<Vec<_>>().into()),
        ];
        members.extend(self.at.map(|at| ("at", at.to_string().into())));
        Json::object(members)
    }
}
