//! The rules again, as short as they can be said and as slow: rows are compared one by one, and whole units are given
//! out one by one. It shares no code with what it checks, not even the statements.

use std::collections::{BTreeMap, BTreeSet};

use mira_anchor::reward::Policy;
use mira_core::digest::{ContributorId, StatementId};
use mira_core::statement::{AgentRole, InputRole, WithdrawReason};

use crate::world::{CHUNK, Columns, Event, Piece, RESERVE, Use, person};

/// A row: the class of its types, and its value.
type Cell = (bool, u8);

pub struct Oracle<'a> {
    pub events: &'a [Event],
    pub ids: &'a [StatementId],
    pub policy: &'a Policy,
}

/// What each gets; parts of one division are keyed by something whose order is that of the rules.
type Parts<K> = BTreeMap<K, u128>;

impl Oracle<'_> {
    pub fn pay(&self, payments: &[(Option<usize>, u128)]) -> BTreeMap<ContributorId, u128> {
        let mut earned: BTreeMap<ContributorId, u128> = BTreeMap::new();
        // run → what brought it (0 for nothing in particular, else 1 + use) → amount
        let mut runs: BTreeMap<usize, Parts<Option<usize>>> = BTreeMap::new();
        let mut pool = 0;
        for (target, amount) in payments {
            match target {
                None => pool += amount,
                Some(at) => {
                    let (run, usage) = self.run_of(*at);
                    *runs.entry(run).or_default().entry(usage).or_default() += amount;
                }
            }
        }
        let fees = runs.clone();
        for (run, usage, amount) in self.divide_pool(pool, &fees) {
            match run {
                Some(run) => *runs.entry(run).or_default().entry(usage).or_default() += amount,
                None => *earned.entry(person(RESERVE)).or_default() += amount,
            }
        }
        // Newest first: what waits at a statement is complete when its turn comes.
        let mut passed: BTreeMap<usize, u128> = BTreeMap::new();
        for at in (0..self.events.len()).rev() {
            let mut give = |who: ContributorId, amount: u128| *earned.entry(who).or_default() += amount;
            match &self.events[at] {
                Event::Train { by, inputs, agents } => {
                    let Some(lines) = runs.remove(&at) else { continue };
                    if self.withdrawn(at).is_some() {
                        give(person(RESERVE), lines.values().sum());
                        continue;
                    }
                    let roles: Parts<&str> =
                        self.policy.roles.iter().map(|(role, share)| (role.as_str(), u128::from(*share))).collect();
                    for (role, amount) in divide(lines.values().sum(), &roles) {
                        match role {
                            "data" => self.inputs(at, inputs, amount, &mut give, &mut runs, &mut passed),
                            "deployer" => self.deployers(&lines, amount, &mut give),
                            role => give_equally(amount, &self.people(at, role, *by, agents), &mut give),
                        }
                    }
                }
                Event::Transform { inputs, .. } => {
                    if let Some(amount) = passed.remove(&at) {
                        self.inputs(at, inputs, amount, &mut give, &mut runs, &mut passed);
                    }
                }
                _ => {}
            }
        }
        earned.retain(|_, amount| *amount > 0);
        earned
    }

    fn run_of(&self, at: usize) -> (usize, Option<usize>) {
        match &self.events[at] {
            Event::Use { run, .. } => (*run, Some(at)),
            Event::Train { .. } => (at, None),
            other => panic!("{other:?} is not paid for"),
        }
    }

    fn divide_pool(
        &self,
        pool: u128,
        fees: &BTreeMap<usize, Parts<Option<usize>>>,
    ) -> Vec<(Option<usize>, Option<usize>, u128)> {
        let mut uses: BTreeMap<usize, Vec<(usize, u128)>> = BTreeMap::new();
        for (at, event) in self.events.iter().enumerate() {
            let Event::Use { run, count, .. } = event else { continue };
            let paid = fees.get(run).and_then(|lines| lines.get(&Some(at))).is_some_and(|fee| *fee > 0);
            if *count > 0 && !paid && self.withdrawn(at).is_none() && self.withdrawn(*run).is_none() {
                uses.entry(*run).or_default().push((at, u128::from(*count)));
            }
        }
        let share = if uses.is_empty() { 0 } else { u128::from(self.policy.declared.share) };
        let halves = divide(pool, &[("declared", share), ("fees", 10_000 - share)].into());
        let mut out = vec![];

        let live = fees.iter().filter(|(run, _)| self.withdrawn(**run).is_none());
        let weights: Parts<(StatementId, Option<StatementId>)> = live
            .flat_map(|(run, lines)| {
                lines.iter().map(|(usage, fee)| ((self.ids[*run], usage.map(|usage| self.ids[usage])), *fee))
            })
            .collect();
        match weights.values().sum::<u128>() {
            0 => out.push((None, None, halves["fees"])),
            _ => {
                out.extend(divide(halves["fees"], &weights).into_iter().map(|((run, usage), amount)| {
                    (Some(self.index(&run)), usage.map(|usage| self.index(&usage)), amount)
                }))
            }
        }
        let cap = u128::from(self.policy.declared.cap);
        let runs: Parts<StatementId> = uses
            .iter()
            .map(|(run, uses)| (self.ids[*run], uses.iter().map(|(_, count)| count).sum::<u128>().min(cap)))
            .collect();
        for (run, amount) in divide(halves["declared"], &runs) {
            let uses = &uses[&self.index(&run)];
            let weights = uses.iter().map(|(usage, count)| (self.ids[*usage], *count)).collect();
            for (usage, amount) in divide(amount, &weights) {
                out.push((Some(self.index(&run)), Some(self.index(&usage)), amount));
            }
        }
        out
    }

    fn index(&self, id: &StatementId) -> usize {
        self.ids.iter().position(|other| other == id).unwrap()
    }

    fn inputs(
        &self,
        at: usize,
        inputs: &[Use],
        amount: u128,
        give: &mut impl FnMut(ContributorId, u128),
        runs: &mut BTreeMap<usize, Parts<Option<usize>>>,
        passed: &mut BTreeMap<usize, u128>,
    ) {
        let mut cells: BTreeMap<Cell, u128> = BTreeMap::new();
        let mut models: Parts<StatementId> = BTreeMap::new();
        for input in inputs {
            assert!(input.target < at);
            let passes = u128::from(input.passes.min(u64::from(self.policy.data.passes_cap)));
            let tested = matches!(input.role, InputRole::Test | InputRole::Validation);
            let weight = if tested { 0 } else { passes };
            if weight == 0 {
                continue;
            }
            let Some((_, columns, rows)) = self.dataset(input.target) else {
                let best = models.entry(self.ids[input.target]).or_default();
                *best = weight.max(*best);
                continue;
            };
            for (position, value) in rows.iter().enumerate() {
                let used = match &input.part {
                    Piece::Whole => true,
                    Piece::Chunk(chunk) => position / CHUNK == usize::try_from(*chunk).unwrap(),
                    Piece::Rows(set) => set.contains(&(position as u64)),
                };
                if used && *value >= 2 {
                    let best = cells.entry((columns == Columns::Date, *value)).or_default();
                    *best = weight.max(*best);
                }
            }
        }
        let mut holders: Parts<Option<StatementId>> = BTreeMap::new();
        for (cell, weight) in &cells {
            *holders
                .entry(self.holder(*cell).filter(|holder| *holder < at).map(|holder| self.ids[holder]))
                .or_default() += weight;
        }
        let share = match (cells.is_empty(), models.is_empty()) {
            (true, true) => return give(person(RESERVE), amount),
            (false, true) => 0,
            (true, false) => 10_000,
            (false, false) => u128::from(self.policy.data.model_share),
        };
        let halves = divide(amount, &[("models", share), ("rows", 10_000 - share)].into());
        for (model, amount) in divide(halves["models"], &models) {
            let model = self.index(&model);
            match self.withdrawn(model) {
                Some(_) => give(person(RESERVE), amount),
                None => *runs.entry(model).or_default().entry(None).or_default() += amount,
            }
        }
        for (holder, amount) in divide(halves["rows"], &holders) {
            let Some(holder) = holder.map(|holder| self.index(&holder)) else {
                give(person(RESERVE), amount);
                continue;
            };
            let (by, ..) = self.dataset(holder).unwrap();
            match &self.events[holder] {
                Event::Transform { .. } => {
                    let share = u128::from(self.policy.data.derived_share);
                    let parts = divide(amount, &[("owner", 10_000 - share), ("parents", share)].into());
                    give(person(by), parts["owner"]);
                    *passed.entry(holder).or_default() += parts["parents"];
                }
                _ => give(person(by), amount),
            }
        }
    }

    /// Who has a row first, of all that was ever logged.
    fn holder(&self, cell: Cell) -> Option<usize> {
        (0..self.events.len()).find_map(|at| {
            let (_, columns, rows) = self.dataset(at)?;
            let has = (columns == Columns::Date) == cell.0 && rows.contains(&cell.1);
            match self.withdrawn(at) {
                Some(WithdrawReason::Error) => None,
                Some(_) => has.then_some(None),
                None => has.then(|| Some(at).filter(|at| !self.row_withdrawn(*at, cell))),
            }
        })?
    }

    fn dataset(&self, at: usize) -> Option<(u8, Columns, &[u8])> {
        match &self.events[at] {
            Event::Contribute { by, columns, rows } | Event::Transform { by, columns, rows, .. } => {
                Some((*by, *columns, rows))
            }
            _ => None,
        }
    }

    /// Why all of a statement was taken back; any reason but error is stronger.
    fn withdrawn(&self, at: usize) -> Option<WithdrawReason> {
        let mut reasons = self.events.iter().filter_map(|event| match event {
            Event::Withdraw { target, reason, rows: None } if *target == at => Some(*reason),
            _ => None,
        });
        let all: Vec<_> = reasons.by_ref().collect();
        all.iter().find(|reason| **reason != WithdrawReason::Error).or(all.first()).copied()
    }

    fn row_withdrawn(&self, at: usize, cell: Cell) -> bool {
        let (_, _, held) = self.dataset(at).unwrap();
        self.events.iter().any(|event| match event {
            Event::Withdraw { target, rows: Some(rows), .. } => {
                *target == at
                    && rows.iter().any(|row| held.get(usize::try_from(*row).unwrap()).is_some_and(|v| *v == cell.1))
            }
            _ => false,
        })
    }

    fn people(&self, at: usize, role: &str, by: u8, agents: &[(u8, AgentRole)]) -> BTreeSet<ContributorId> {
        let listed = |wanted: AgentRole| -> BTreeSet<ContributorId> {
            agents.iter().filter(|(_, role)| *role == wanted).map(|(who, _)| person(*who)).collect()
        };
        match role {
            "compute" => listed(AgentRole::Compute),
            "developer" => listed(AgentRole::Developer),
            "trainer" => {
                let trainers = listed(AgentRole::Trainer);
                if trainers.is_empty() { [person(by)].into() } else { trainers }
            }
            _ => {
                let evaluated: Vec<ContributorId> = (0..self.events.len())
                    .filter(|event| self.withdrawn(*event).is_none())
                    .filter_map(|event| match &self.events[event] {
                        Event::Evaluate { by, run } if *run == at => Some(person(*by)),
                        _ => None,
                    })
                    .collect();
                let listed = listed(AgentRole::Validator);
                let both: BTreeSet<_> = evaluated.iter().filter(|who| listed.contains(who)).copied().collect();
                let first = evaluated.iter().find(|who| **who != person(by)).copied();
                if both.is_empty() { first.into_iter().collect() } else { both }
            }
        }
    }

    fn deployers(&self, lines: &Parts<Option<usize>>, amount: u128, give: &mut impl FnMut(ContributorId, u128)) {
        let weights: Parts<Option<StatementId>> =
            lines.iter().map(|(usage, amount)| (usage.map(|usage| self.ids[usage]), *amount)).collect();
        for (usage, amount) in divide(amount, &weights) {
            let deployment = usage.and_then(|usage| match &self.events[self.index(&usage)] {
                Event::Use { deployment, .. } => *deployment,
                _ => None,
            });
            let served = deployment.filter(|at| self.withdrawn(*at).is_none()).and_then(|at| match &self.events[at] {
                Event::Deploy { by, active: true, .. } => Some(person(*by)),
                _ => None,
            });
            give(served.unwrap_or(person(RESERVE)), amount);
        }
    }
}

fn give_equally(amount: u128, people: &BTreeSet<ContributorId>, give: &mut impl FnMut(ContributorId, u128)) {
    if people.is_empty() {
        return give(person(RESERVE), amount);
    }
    for (who, amount) in divide(amount, &people.iter().map(|who| (*who, 1)).collect()) {
        give(who, amount);
    }
}

/// Whole units first, and then one after the other to whoever lacks most.
fn divide<K: Ord + Copy>(amount: u128, weights: &Parts<K>) -> Parts<K> {
    let total: u128 = weights.values().sum();
    if total == 0 {
        return weights.keys().map(|id| (*id, 0)).collect();
    }
    let mut parts: Parts<K> = weights.iter().map(|(id, weight)| (*id, amount * weight / total)).collect();
    let mut served = BTreeSet::new();
    while parts.values().sum::<u128>() < amount {
        let next = weights.iter().filter(|(id, _)| !served.contains(*id));
        // The first of the largest: `max_by_key` takes the last of equals.
        let (id, _) = next.rev().max_by_key(|(_, weight)| (amount * **weight) % total).unwrap();
        served.insert(*id);
        *parts.get_mut(id).unwrap() += 1;
    }
    parts
}
