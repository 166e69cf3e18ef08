//! May this be used so? The terms of a dataset or model together with those of everything that it was made from.
//!
//! Each block counts, that of the asked statement first and nearer ones before those further away: allowed by all, denied
//! by any, and unknown never passes. What lies outside of the log, a list of inputs that is not at hand, and a model that
//! names no inputs are unknown; so is what stands on a consent that has ended by the day that is asked for, or that was
//! never given for this use.

use mira_core::fold::{Fold, Record, Withdrawn};
use mira_core::rights::{self, InputRights, Rights, Use, Verdict};
use mira_core::statement::Kind;
use mira_core::time::Date;

use super::{Direction, Graph, Place, Source, Step};

/// What the terms along lineage say about a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The verdict, and the item of [`Answer::items`] that decided it.
    pub verdict: Verdict<usize>,
    /// Everything that was asked, nearest first.
    pub items: Vec<Item>,
    /// The walk to the items.
    pub walk: Vec<Step>,
}

/// Something whose terms count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The node, by its step in [`Answer::walk`].
    pub step: usize,
    /// What it is to that node.
    pub about: About,
    /// What it says.
    pub says: Says,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The node itself.
    Itself,
    /// A source of the node that is no node: by its index in [`Node::sources`](super::Node::sources).
    Source(usize),
    /// That the node names no sources.
    NoSources,
}

/// What an item says about a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Its terms allow it.
    Allows,
    /// Its terms deny it.
    Denies,
    /// It was withdrawn, which denies every use.
    Withdrawn,
    /// Its terms allow it, but some of its rows were withdrawn.
    PartlyWithdrawn,
    /// Its terms allow it, but the consent that they stand on has ended, or was not given for this use.
    ConsentEnded,
    /// Its terms say nothing about it.
    Nothing,
    /// It has no terms in this log.
    Unknown,
}

impl Says {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allows => "allows",
            Self::Denies => "denies",
            Self::Withdrawn => "withdrawn",
            Self::PartlyWithdrawn => "partly-withdrawn",
            Self::ConsentEnded => "consent-ended",
            Self::Nothing => "says-nothing",
            Self::Unknown => "unknown",
        }
    }

    fn of(rights: InputRights<'_>, wanted: Use, day: Date) -> Self {
        let (terms, whole) = match rights {
            InputRights::Withdrawn => return Self::Withdrawn,
            InputRights::External => return Self::Unknown,
            InputRights::PartlyWithdrawn(terms) => (terms, false),
            InputRights::Terms(terms) => (terms, true),
        };
        match (terms.deny.contains(&wanted), terms.allow.contains(&wanted), whole) {
            (true, _, _) => Self::Denies,
            (false, false, _) => Self::Nothing,
            (false, true, _) if !consents(terms, wanted, day) => Self::ConsentEnded,
            (false, true, true) => Self::Allows,
            (false, true, false) => Self::PartlyWithdrawn,
        }
    }
}

/// Whether the consent that a block names, if it names one, holds on this day and for this use.
fn consents(terms: &Rights, wanted: Use, day: Date) -> bool {
    terms.consent.as_ref().is_none_or(|consent| {
        consent.scope.contains(&wanted) && consent.expires.is_none_or(|last| last.days() >= day.days())
    })
}

impl Graph {
    /// What the terms of `from` and of everything that it stands on say about a use on some day.
    pub fn may(&self, fold: &Fold, from: Place, wanted: Use, day: Date) -> Answer {
        let walk = self.walk(from, Direction::Up);
        let mut found = Vec::new();
        for (step, place) in walk.iter().map(|step| step.place).enumerate() {
            let Some(node) = self.node(place) else { continue };
            let record = fold.statement(&node.statement);
            found.extend(record.and_then(terms).map(|rights| (step, About::Itself, rights)));
            for (index, source) in node.sources.iter().enumerate() {
                if matches!(source, Source::External(_) | Source::Missing { .. } | Source::Dangling(_)) {
                    found.push((step, About::Source(index), InputRights::External));
                }
            }
            if node.sources.is_empty() && matches!(node.kind, Kind::Train | Kind::Transform) {
                found.push((step, About::NoSources, InputRights::External));
            }
        }
        let verdict = rights::fold(wanted, found.iter().map(|(_, _, rights)| on(*rights, wanted, day)).enumerate());
        let item = |(step, about, rights): &(usize, About, InputRights<'_>)| Item {
            step: *step,
            about: *about,
            says: Says::of(*rights, wanted, day),
        };
        let items = found.iter().map(item).collect();
        Answer { verdict, items, walk }
    }
}

/// Terms whose consent does not hold still deny what they deny, and allow no more than ones that hold in part only.
fn on(rights: InputRights<'_>, wanted: Use, day: Date) -> InputRights<'_> {
    match rights {
        InputRights::Terms(terms) if !consents(terms, wanted, day) => InputRights::PartlyWithdrawn(terms),
        rights => rights,
    }
}

/// What a node itself says: evaluations, deployments and uses carry no terms, but may be withdrawn.
fn terms(record: &Record) -> Option<InputRights<'_>> {
    let counts = record.rights.is_some() || record.withdrawn == Withdrawn::Whole;
    counts.then(|| record.input_rights())
}
