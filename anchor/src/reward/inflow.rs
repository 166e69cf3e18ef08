//! What was paid in, and which runs it is for.
//!
//! A payment names a use statement (a fee), a train statement (the run itself) or nothing (the common pool). One that
//! names something else waits for an epoch, since the statement may be logged after the payment, and then belongs to the
//! pool. The pool follows fees, and in part use that nobody paid for, as far as the policy lets it.

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::U256;
use mira_core::digest::StatementId;
use mira_core::statement::{Predicate, Usage};

use super::distributor::Funded;
use super::history::History;
use super::policy::{Policy, WHOLE};
use super::trace::{StepKind, Trace};

/// What brought a part of a run's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    /// Nothing in particular: the run was paid itself, or a model made from it.
    Run,
    /// A use of the model.
    Use(StatementId),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("run"),
            Self::Use(id) => fmt::Display::fmt(id, f),
        }
    }
}

/// The budget of one run, by what brought it.
pub(super) type Lines = BTreeMap<Source, U256>;

/// An epoch's budget.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inflow {
    /// All of it.
    pub(super) budget: U256,
    /// What is for nobody.
    pub(super) reserve: U256,
    /// What is for each run, by its train statement.
    pub(super) runs: BTreeMap<StatementId, Lines>,
    /// Payments that wait for their statement.
    pub(super) waiting: Vec<Funded>,
}

/// The sum of payments does not fit 256 bits: no token pays that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payments add up to more than 2^256 - 1")]
pub struct OverflowError;

/// Sorts payments by purpose and divides the pool. `waited` are those of the epoch before whose statement was missing,
/// and `since` is the log's size at that epoch: use declared from there on is new.
pub(super) fn sort(
    history: &History<'_>,
    policy: &Policy,
    since: u64,
    waited: &[Funded],
    funded: &[Funded],
    trace: &mut Trace,
) -> Result<Inflow, OverflowError> {
    let mut inflow = Inflow::default();
    let mut purposes: BTreeMap<Purpose, U256> = BTreeMap::new();
    for (event, is_late) in waited.iter().map(|event| (event, true)).chain(funded.iter().map(|event| (event, false))) {
        let purpose = match event.purpose() {
            None => Purpose::Pool,
            Some(id) => match (purpose_of(history, &id), is_late) {
                (Some(purpose), _) => purpose,
                (None, true) => Purpose::Pool,
                (None, false) => {
                    inflow.waiting.push(*event);
                    continue;
                }
            },
        };
        inflow.budget = inflow.budget.checked_add(event.amount).ok_or(OverflowError)?;
        // At most the budget.
        *purposes.entry(purpose).or_default() += event.amount;
    }
    if inflow.budget.is_zero() {
        return Ok(inflow);
    }
    // Weights equal to the parts: nothing is divided here, but the step is on record.
    trace.divide(StepKind::Budget, None, inflow.budget, &purposes);
    let pool = purposes.remove(&Purpose::Pool).unwrap_or_default();
    let fees: BTreeMap<Purpose, U256> = purposes.into_iter().filter(|(_, amount)| !amount.is_zero()).collect();
    for (purpose, amount) in &fees {
        inflow.add(history, *purpose, *amount);
    }
    divide_pool(history, policy, since, pool, fees, &mut inflow, trace);
    Ok(inflow)
}

/// What a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    Pool,
    Run { run: StatementId, source: Source },
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool => f.write_str("pool"),
            Self::Run { run, source: Source::Run } => fmt::Display::fmt(run, f),
            Self::Run { source: Source::Use(id), .. } => fmt::Display::fmt(id, f),
        }
    }
}

impl Inflow {
    /// Adds to a run's budget; that of a run that was taken back is the reserve's.
    fn add(&mut self, history: &History<'_>, purpose: Purpose, amount: U256) {
        // Sums of parts of the budget stay below it.
        match purpose {
            Purpose::Run { run, source } if !history.is_withdrawn(&run) => {
                *self.runs.entry(run).or_default().entry(source).or_default() += amount;
            }
            Purpose::Pool | Purpose::Run { .. } => self.reserve += amount,
        }
    }
}

fn purpose_of(history: &History<'_>, id: &StatementId) -> Option<Purpose> {
    match history.get(id)?.statement.predicate() {
        Predicate::Train(_) => Some(Purpose::Run { run: *id, source: Source::Run }),
        Predicate::Use(usage) => Some(Purpose::Run { run: usage.model, source: Source::Use(*id) }),
        _ => None,
    }
}

fn divide_pool(
    history: &History<'_>,
    policy: &Policy,
    since: u64,
    pool: U256,
    fees: BTreeMap<Purpose, U256>,
    inflow: &mut Inflow,
    trace: &mut Trace,
) {
    if pool.is_zero() {
        return;
    }
    let is_live = |purpose: &Purpose| matches!(purpose, Purpose::Run { run, .. } if !history.is_withdrawn(run));
    let by_fees: BTreeMap<Purpose, U256> =
        fees.iter().filter(|(at, _)| is_live(at)).map(|(at, fee)| (*at, *fee)).collect();
    let declared = declared_use(history, policy, since, &fees);
    let share = if declared.is_empty() { 0 } else { policy.declared.share };
    let halves = [("declared", share), ("fees", WHOLE - share)].map(|(half, share)| (half, U256::from(share))).into();
    let halves = trace.divide(StepKind::Pool, None, pool, &halves).unwrap_or_default();
    let half = |name| halves.get(name).copied().unwrap_or_default();

    match half("fees") {
        part if part.is_zero() => {}
        part => match trace.divide(StepKind::PoolByFees, None, part, &by_fees) {
            Some(parts) => parts.into_iter().for_each(|(at, amount)| inflow.add(history, at, amount)),
            None => inflow.reserve += part,
        },
    }
    let part = half("declared");
    if part.is_zero() {
        return;
    }
    let cap = U256::from(policy.declared.cap);
    let sum = |uses: &BTreeMap<StatementId, U256>| uses.values().fold(U256::ZERO, |sum, weight| sum + *weight);
    let runs = declared.iter().map(|(run, uses)| (*run, sum(uses).min(cap))).collect();
    let Some(parts) = trace.divide(StepKind::PoolByUse, None, part, &runs) else {
        inflow.reserve += part;
        return;
    };
    for (run, amount) in parts {
        let uses = declared.get(&run).cloned().unwrap_or_default();
        let lines = trace.divide(StepKind::DeclaredUse, Some(run), amount, &uses).unwrap_or_default();
        for (id, amount) in lines {
            inflow.add(history, Purpose::Run { run, source: Source::Use(id) }, amount);
        }
    }
}

/// Use that was declared since the epoch before and that nobody paid for, by run.
fn declared_use(
    history: &History<'_>,
    policy: &Policy,
    since: u64,
    fees: &BTreeMap<Purpose, U256>,
) -> BTreeMap<StatementId, BTreeMap<StatementId, U256>> {
    let mut declared: BTreeMap<StatementId, BTreeMap<StatementId, U256>> = BTreeMap::new();
    for accepted in history.accepted().filter(|accepted| accepted.record.seq.value() >= since) {
        let Predicate::Use(usage) = accepted.statement.predicate() else { continue };
        let id = accepted.statement_id;
        let is_paid = fees.contains_key(&Purpose::Run { run: usage.model, source: Source::Use(id) });
        let weight = weight_of(policy, usage);
        if is_paid || weight.is_zero() || history.is_withdrawn(&id) || history.is_withdrawn(&usage.model) {
            continue;
        }
        declared.entry(usage.model).or_default().insert(id, weight);
    }
    declared
}

fn weight_of(policy: &Policy, usage: &Usage) -> U256 {
    let unit = policy.declared.units.get(&usage.unit).copied().unwrap_or_default();
    U256::from(unit) * U256::from(usage.count.0)
}
