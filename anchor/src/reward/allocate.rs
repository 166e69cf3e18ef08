//! From a budget to amounts: the rules of FORMAT.md, section 15, as one pure function.
//!
//! Amounts move from the newest statement to the oldest: a run's budget is divided once everything that could add to it
//! has been, then its inputs', and so on; statements name only older ones, so this ends. Every division is exact and on
//! record in the [`Trace`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alloy::primitives::{Address, U256};
use mira_core::digest::{ContributorId, StatementId};
use mira_core::fold::Accepted;
use mira_core::statement::{AgentRole, Input, InputRole, Inputs, Listed, LoggedInput, Part, Predicate, Train};

use super::distributor::{Distributor, Funded};
use super::evidence::{self, Evidence};
use super::history::History;
use super::inflow::{self, Lines, OverflowError, Source};
use super::places::{Holder, Places, PlacesError};
use super::policy::{Policy, Role, WHOLE};
use super::trace::{StepKind, Trace};

/// What the epochs before left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// What each contributor has earned so far.
    pub cumulative: BTreeMap<ContributorId, U256>,
    /// Payments whose statement was missing.
    pub waiting: Vec<Funded>,
    /// The log's size at the epoch before; 0 before the first.
    pub log_size: u64,
    /// The block after the last whose payments were counted; 0 before the first epoch.
    pub next_block: u64,
}

/// What one contributor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub contributor: ContributorId,
    /// Earned in this epoch.
    pub amount: U256,
    /// Earned since the first epoch.
    pub cumulative: U256,
    /// Where it is paid to; zero while nobody said where.
    pub payout: Address,
}

/// The amounts of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amounts {
    /// What was divided.
    pub budget: U256,
    /// Everybody who ever earned something, ascending.
    pub shares: Vec<Share>,
    /// How it was divided.
    pub trace: Trace,
    /// How many distinct rows were compared.
    pub rows: u64,
    /// What the next epoch starts from.
    pub carried: Carried,
}

/// Why an epoch cannot be allocated.
#[derive(Debug, thiserror::Error)]
pub enum AllocateError {
    /// The policy is one for another log.
    #[error("the policy is for the log {expected}, not for {found}")]
    Origin {
        /// The policy's log.
        expected: String,
        /// This log.
        found: String,
    },
    /// Payments are not in the order of the chain, or were counted before.
    #[error("the payment at block {block}, event {log_index} is out of order")]
    Order {
        /// The block.
        block: u64,
        /// The event.
        log_index: u64,
    },
    /// Rows or files are missing or wrong.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// More than a token can have.
    #[error(transparent)]
    Overflow(#[from] OverflowError),
    /// The rules lost or made something: a defect of this program.
    #[error("{found} units were divided, expected {expected}")]
    Conservation {
        /// The budget.
        expected: U256,
        /// The sum of the amounts.
        found: U256,
    },
}

/// Divides what was paid in among those who earned it.
///
/// `funded` are the payments from block `carried.next_block` on, in the order of the chain.
pub fn allocate(
    history: &History<'_>,
    policy: &Policy,
    distributor: &Distributor,
    funded: &[Funded],
    carried: &Carried,
    evidence: &mut impl Evidence,
) -> Result<Amounts, AllocateError> {
    let (expected, found) = (policy.origin.as_str(), history.origin().as_str());
    if expected != found {
        return Err(AllocateError::Origin { expected: expected.to_owned(), found: found.to_owned() });
    }
    check_order(funded, carried)?;
    let mut trace = Trace::default();
    let inflow = inflow::sort(history, policy, carried.log_size, &carried.waiting, funded, &mut trace)?;
    let places = Places::new(history, policy, evidence)?;
    let mut descent = Descent { history, policy, places, trace, earned: BTreeMap::new(), open: BTreeMap::new() };
    descent.earn(policy.reserve, inflow.reserve);
    for (run, lines) in inflow.runs {
        descent.open(run, Pot::Run(lines));
    }
    descent.run()?;
    let Descent { places, trace, earned, .. } = descent;

    let found = earned.values().fold(U256::ZERO, |sum, amount| sum.saturating_add(*amount));
    if found != inflow.budget {
        return Err(AllocateError::Conservation { expected: inflow.budget, found });
    }
    let mut cumulative = carried.cumulative.clone();
    for (contributor, amount) in &earned {
        let total = cumulative.entry(*contributor).or_default();
        *total = total.checked_add(*amount).ok_or(OverflowError)?;
    }
    let payouts = history.payouts(distributor);
    let share = |(contributor, cumulative): (&ContributorId, &U256)| Share {
        contributor: *contributor,
        amount: earned.get(contributor).copied().unwrap_or_default(),
        cumulative: *cumulative,
        payout: payouts.get(contributor).copied().unwrap_or(Address::ZERO),
    };
    Ok(Amounts {
        budget: inflow.budget,
        shares: cumulative.iter().map(share).collect(),
        trace,
        rows: places.len() as u64,
        carried: Carried {
            waiting: inflow.waiting,
            log_size: history.head().size.value(),
            next_block: funded.last().map_or(carried.next_block, |event| event.block.saturating_add(1)),
            cumulative,
        },
    })
}

fn check_order(funded: &[Funded], carried: &Carried) -> Result<(), AllocateError> {
    let mut before = None;
    for event in funded {
        if event.block < carried.next_block || before.is_some_and(|before| event.place() <= before) {
            return Err(AllocateError::Order { block: event.block, log_index: event.log_index });
        }
        before = Some(event.place());
    }
    Ok(())
}

/// What waits to be divided at a statement.
#[derive(Debug, Clone)]
enum Pot {
    /// The budget of a run.
    Run(Lines),
    /// What a transform passes on to its inputs.
    Transform(U256),
}

/// The way down from the runs to what they were made from.
struct Descent<'a, 'h, E> {
    history: &'h History<'a>,
    policy: &'h Policy,
    places: Places<'a, E>,
    trace: Trace,
    earned: BTreeMap<ContributorId, U256>,
    /// What is still to be divided, by place in the log.
    open: BTreeMap<u64, (StatementId, Pot)>,
}

impl<'a, E: Evidence> Descent<'a, '_, E> {
    /// Divides from the newest statement to the oldest.
    fn run(&mut self) -> Result<(), AllocateError> {
        while let Some((_, (id, pot))) = self.open.pop_last() {
            let Some(accepted) = self.history.get(&id) else { continue };
            match pot {
                Pot::Run(lines) => self.divide_run(accepted, lines)?,
                Pot::Transform(amount) => self.divide_inputs(accepted, amount)?,
            }
        }
        Ok(())
    }

    fn earn(&mut self, who: ContributorId, amount: U256) {
        if !amount.is_zero() {
            // Parts of one budget stay below it.
            *self.earned.entry(who).or_default() += amount;
        }
    }

    fn reserve(&mut self, amount: U256) {
        self.earn(self.policy.reserve, amount);
    }

    /// Puts an amount where it waits until its statement is the newest.
    fn open(&mut self, id: StatementId, pot: Pot) {
        let Some(accepted) = self.history.get(&id) else { return };
        let (_, waiting) = self.open.entry(accepted.record.seq.value()).or_insert_with(|| {
            (
                id,
                match pot {
                    Pot::Run(_) => Pot::Run(Lines::new()),
                    Pot::Transform(_) => Pot::Transform(U256::ZERO),
                },
            )
        });
        match (waiting, pot) {
            (Pot::Run(lines), Pot::Run(more)) => {
                more.into_iter().for_each(|(source, amount)| *lines.entry(source).or_default() += amount);
            }
            (Pot::Transform(sum), Pot::Transform(more)) => *sum += more,
            // A statement is a train or a transform.
            _ => {}
        }
    }

    fn divide_run(&mut self, accepted: &'a Accepted, lines: Lines) -> Result<(), AllocateError> {
        let (id, amount) = (accepted.statement_id, lines.values().fold(U256::ZERO, |sum, amount| sum + *amount));
        let Predicate::Train(train) = accepted.statement.predicate() else {
            self.reserve(amount);
            return Ok(());
        };
        let shares = self.policy.roles.iter().map(|(role, share)| (*role, U256::from(*share))).collect();
        let parts = self.trace.divide(StepKind::Roles, Some(id), amount, &shares).unwrap_or_default();
        for (role, amount) in parts.into_iter().filter(|(_, amount)| !amount.is_zero()) {
            match role {
                Role::Data => self.divide_inputs(accepted, amount)?,
                Role::Deployer => self.divide_deployers(id, &lines, amount),
                Role::Compute => self.divide_people(StepKind::Compute, id, amount, &agents(train, AgentRole::Compute)),
                Role::Developer => {
                    self.divide_people(StepKind::Developer, id, amount, &agents(train, AgentRole::Developer));
                }
                Role::Trainer => {
                    let listed = agents(train, AgentRole::Trainer);
                    let trainers = if listed.is_empty() { [accepted.record.owner].into() } else { listed };
                    self.divide_people(StepKind::Trainer, id, amount, &trainers);
                }
                Role::Validator => {
                    self.divide_people(StepKind::Validator, id, amount, &validators(self.history, accepted, train));
                }
            }
        }
        Ok(())
    }

    /// Divides equally; an empty role's share is the reserve's.
    fn divide_people(&mut self, kind: StepKind, at: StatementId, amount: U256, people: &BTreeSet<ContributorId>) {
        let weights = people.iter().map(|person| (*person, U256::ONE)).collect();
        match self.trace.divide(kind, Some(at), amount, &weights) {
            Some(parts) => parts.into_iter().for_each(|(person, amount)| self.earn(person, amount)),
            None => self.reserve(amount),
        }
    }

    /// Divides by what each use brought, and gives it to who served the deployment that the use names.
    fn divide_deployers(&mut self, at: StatementId, lines: &Lines, amount: U256) {
        let parts = self.trace.divide(StepKind::Deployer, Some(at), amount, lines).unwrap_or_default();
        for (source, amount) in parts {
            match deployer(self.history, source) {
                Some(deployer) => self.earn(deployer, amount),
                None => self.reserve(amount),
            }
        }
    }

    /// Divides among the rows and the models that a train or transform statement lists.
    fn divide_inputs(&mut self, accepted: &'a Accepted, amount: U256) -> Result<(), AllocateError> {
        let id = accepted.statement_id;
        let Weights { rows, models } = self.weigh(accepted)?;
        let share = match (rows.is_empty(), models.is_empty()) {
            (_, true) => 0,
            (true, false) => WHOLE,
            (false, false) => self.policy.data.model_share,
        };
        let none = rows.is_empty() && models.is_empty();
        let halves = match none {
            true => BTreeMap::new(),
            false => [("models", share), ("rows", WHOLE - share)].map(|(half, share)| (half, U256::from(share))).into(),
        };
        let Some(halves) = self.trace.divide(StepKind::Inputs, Some(id), amount, &halves) else {
            self.reserve(amount);
            return Ok(());
        };
        let half = |name| halves.get(name).copied().filter(|amount: &U256| !amount.is_zero());
        if let Some(amount) = half("models") {
            let parts = self.trace.divide(StepKind::Models, Some(id), amount, &models).unwrap_or_default();
            parts.into_iter().for_each(|(model, amount)| self.pay_model(model, amount));
        }
        if let Some(amount) = half("rows") {
            let parts = self.trace.divide(StepKind::Rows, Some(id), amount, &rows).unwrap_or_default();
            parts.into_iter().for_each(|(holder, amount)| self.pay_rows(holder, amount));
        }
        Ok(())
    }

    fn pay_model(&mut self, model: StatementId, amount: U256) {
        if self.history.is_withdrawn(&model) {
            self.reserve(amount);
        } else if !amount.is_zero() {
            self.open(model, Pot::Run([(Source::Run, amount)].into()));
        }
    }

    /// Pays who holds rows; a transform keeps its part and passes on the rest.
    fn pay_rows(&mut self, holder: Holder, amount: U256) {
        let holder = match holder {
            Holder::Statement(id) => self.history.get(&id),
            Holder::Nobody => None,
        };
        let Some(holder) = holder.filter(|_| !amount.is_zero()) else { return self.reserve(amount) };
        if !matches!(holder.statement.predicate(), Predicate::Transform(_)) {
            return self.earn(holder.record.owner, amount);
        }
        let (id, share) = (holder.statement_id, self.policy.data.derived_share);
        let shares =
            [("owner", WHOLE - share), ("parents", share)].map(|(half, share)| (half, U256::from(share))).into();
        let parts = self.trace.divide(StepKind::Derived, Some(id), amount, &shares).unwrap_or_default();
        let part = |name| parts.get(name).copied().unwrap_or_default();
        self.earn(holder.record.owner, part("owner"));
        if !part("parents").is_zero() {
            self.open(id, Pot::Transform(part("parents")));
        }
    }

    /// The weights of what was used, by who holds it. A row that stands in several inputs counts once, with the largest
    /// of its weights; so does a model.
    fn weigh(&mut self, accepted: &'a Accepted) -> Result<Weights, AllocateError> {
        let mut inputs = self.inputs(accepted)?;
        inputs.sort_by_key(|input| Reverse(input.weight));
        let mut models = BTreeMap::new();
        let mut used_rows: BTreeMap<Holder, U256> = BTreeMap::new();
        let mut seen = Seen::default();
        for Weighed { weight, target, part } in inputs {
            let (id, weight) = (target.statement_id, U256::from(weight));
            let Some(dataset) = target.statement.predicate().dataset() else {
                models.entry(id).or_insert(weight);
                continue;
            };
            self.places.settle(&id, dataset)?;
            self.places.rows(&id, dataset, &part, |used| {
                if seen.insert(used.ordinal) {
                    // At most 2^32 rows of weight below 2^64.
                    *used_rows.entry(used.holder).or_default() += weight;
                }
            })?;
        }
        // Where the dataset that was used does not count, a newer one may hold its rows, this one included. What is newer
        // was no source, and amounts that only move to older statements come to an end.
        let mut rows: BTreeMap<Holder, U256> = BTreeMap::new();
        for (holder, weight) in used_rows {
            let is_older = |id| self.history.get(id).is_some_and(|held| held.record.seq < accepted.record.seq);
            let older = match holder {
                Holder::Statement(id) if is_older(&id) => holder,
                _ => Holder::Nobody,
            };
            *rows.entry(older).or_default() += weight;
        }
        Ok(Weights { rows, models })
    }

    /// The inputs that have weight. Inputs listed in a file are not checked by the fold: what is not an older dataset or
    /// model of this log counts like an external input, for nothing.
    fn inputs(&mut self, accepted: &'a Accepted) -> Result<Vec<Weighed<'a>>, AllocateError> {
        let listed = match accepted.statement.predicate().inputs() {
            None => Vec::new(),
            Some(Listed::Inline(inputs)) => inputs.clone(),
            Some(inputs @ Listed::File { list, .. }) => open_inputs(self.places.evidence(), inputs, list)?,
        };
        let weighed = listed.into_iter().filter_map(|input| {
            let Input::Logged(input) = input else { return None };
            let target = self.history.get(&input.statement)?;
            let is_older = target.record.seq < accepted.record.seq;
            let is_usable = matches!(
                target.statement.predicate(),
                Predicate::Contribute(_) | Predicate::Transform(_) | Predicate::Train(_)
            );
            let weight = weight_of(self.policy, &input);
            (is_older && is_usable && weight > 0).then_some(Weighed { weight, target, part: input.part })
        });
        Ok(weighed.collect())
    }
}

fn open_inputs(
    evidence: &mut impl Evidence,
    inputs: &Inputs,
    list: &mira_core::digest::Digest,
) -> Result<Vec<Input>, PlacesError> {
    Ok(evidence::file(evidence, list, |bytes| inputs.open(bytes))?)
}

/// What was used, weighed.
struct Weights {
    /// Rows, by who holds them.
    rows: BTreeMap<Holder, U256>,
    models: BTreeMap<StatementId, U256>,
}

/// An input that counts.
struct Weighed<'a> {
    weight: u64,
    target: &'a Accepted,
    part: Part,
}

fn weight_of(policy: &Policy, input: &LoggedInput) -> u64 {
    let role = |role: &InputRole| policy.data.inputs.get(role).copied().unwrap_or_default();
    // At most 2^32 passes of weight 2^20.
    input.passes.value().min(u64::from(policy.data.passes_cap)) * u64::from(role(&input.role))
}

/// The agents of a run in one role.
fn agents(train: &Train, role: AgentRole) -> BTreeSet<ContributorId> {
    let agents = train.agents.iter().flatten();
    agents.filter(|agent| agent.role == role).map(|agent| agent.contributor_id).collect()
}

/// Who checked a run: the validators that its statement lists, of those who evaluated it; else whoever evaluated it
/// first and is neither its owner nor its signer. One place, so that many identities do not get many shares.
fn validators(history: &History<'_>, run: &Accepted, train: &Train) -> BTreeSet<ContributorId> {
    let listed = agents(train, AgentRole::Validator);
    let evaluated = |accepted: &&Accepted| match accepted.statement.predicate() {
        Predicate::Evaluate(evaluate) => {
            evaluate.model == run.statement_id && !history.is_withdrawn(&accepted.statement_id)
        }
        _ => false,
    };
    let by: Vec<ContributorId> = history.accepted().filter(evaluated).map(|accepted| accepted.record.signer).collect();
    let both: BTreeSet<_> = by.iter().filter(|who| listed.contains(who)).copied().collect();
    if !both.is_empty() {
        return both;
    }
    by.into_iter().find(|who| *who != run.record.owner && *who != run.record.signer).into_iter().collect()
}

fn deployer(history: &History<'_>, source: Source) -> Option<ContributorId> {
    let Source::Use(id) = source else { return None };
    match history.get(&id)?.statement.predicate() {
        Predicate::Use(usage) => history.deployer(&usage.deployment?),
        _ => None,
    }
}

/// Which rows were counted: a bit each.
#[derive(Debug, Default)]
struct Seen(Vec<u64>);

impl Seen {
    /// Counts a row; whether it is the first time.
    fn insert(&mut self, ordinal: u32) -> bool {
        let (word, bit) = ((ordinal / 64) as usize, 1_u64 << (ordinal % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let Some(word) = self.0.get_mut(word) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("reserve"),
            Self::Statement(id) => fmt::Display::fmt(id, f),
        }
    }
}
