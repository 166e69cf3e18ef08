//! Whose rows went into a model, through however many models and datasets between.
//!
//! The sources of a model are what lies upstream of it and was not made from anything that the log knows: contributed
//! datasets, external things, models without inputs. Each use of a source by something on the way is a row.
//!
//! **Share.** A use counts for rows × passes if the model learned from it or looks things up in it, on every step of the way;
//! what was only measured with (roles `test` and `validation`) is listed and does not count. A use's share is its part of the
//! sum over all uses that count, to 18 decimals; what rounding leaves over goes to the largest remainders, so that the
//! shares of a model add up to exactly 1. Externals have no rows that anybody knows, so they have no share, and the others
//! are shares of what is known. This describes the log; what is *paid* follows a policy (see `rewards`).

use std::collections::{BTreeMap, BTreeSet};

use mira_core::digest::ContributorId;
use mira_core::fold::Withdrawn;
use mira_core::name::{Label, Name};
use mira_core::statement::InputRole;

use crate::ancestry::{AsOf, Lineage, LineageError};
use crate::closure::Direction;
use crate::tables::{ContributionRow, DatasetVersionRow, EdgeRow, NodeKind, Rel, Share};

/// Sums below this can be divided to any number of digits in 128 bits.
const MOST_WEIGHT: u128 = 1 << 124;

/// Why a model's sources cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum ContributionError {
    /// The lineage is not known.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// Only what was made from something has contributions.
    #[error("{node} is a node of kind {found}, not a model or dataset")]
    Kind {
        /// The node, as a person knows it.
        node: String,
        /// What it is.
        found: NodeKind,
    },
    /// Some chunks were used, and nobody here knows how many rows they have.
    #[error("{via} used chunks {chunks} of {dataset}, whose chunk list is not here")]
    RowsUnknown {
        /// What used them.
        via: String,
        /// Which chunks.
        chunks: String,
        /// Of what.
        dataset: String,
    },
    /// The rows of all passes are more than can be added up exactly.
    #[error("the rows of all passes add up to 2^124 or more")]
    TooMany,
}

/// A use of a source, before shares are known.
struct Use<'a> {
    edge: &'a EdgeRow,
    counted: bool,
}

/// Lists every use of every source of `root`: datasets by log order, then in the order of their users.
///
/// # Errors
/// [`ContributionError`]; nothing is left out.
pub fn contribution(
    lineage: &Lineage,
    root: u32,
    as_of: AsOf,
    most: usize,
) -> Result<Vec<ContributionRow>, ContributionError> {
    let bound = lineage.bound(as_of)?;
    let steps = lineage.closure(root, Direction::Up, None, bound, most)?;
    let kind = lineage.row(root).map(|row| row.kind);
    if let Some(found) = kind.filter(|kind| !matches!(kind, NodeKind::ModelVersion | NodeKind::DatasetVersion)) {
        return Err(ContributionError::Kind { node: lineage.name(root), found });
    }
    let depths: BTreeMap<u32, u32> = steps.iter().map(|step| (step.node, step.depth)).collect();
    let learned = learned(lineage, root);
    let users = std::iter::once(root).chain(steps.iter().map(|step| step.node));
    let mut uses: Vec<Use<'_>> = users
        .flat_map(|user| lineage.edges_into(user))
        .filter(|edge| edge.rel == Rel::Input && is_source(lineage, edge.src))
        .map(|edge| Use { edge, counted: learned.contains(&edge.dst) && counts(edge) })
        .collect();
    uses.sort_by_key(|used| (used.edge.src, used.edge.dst, used.edge.ord));
    let weights = uses.iter().map(|used| weight(lineage, used)).collect::<Result<Vec<_>, _>>()?;
    let shares = shares(&weights)?;
    let versions: BTreeMap<u32, &DatasetVersionRow> =
        lineage.tables().dataset_versions.iter().map(|row| (row.node, row)).collect();
    let labels: BTreeMap<&ContributorId, &Label> =
        lineage.tables().agents.iter().filter_map(|row| Some((&row.contributor_id, row.label.as_ref()?))).collect();
    let row = |(used, share): (&Use<'_>, Option<Share>)| {
        let version = versions.get(&used.edge.src);
        let owner = version.map(|version| version.owner);
        ContributionRow {
            contributor: owner,
            contributor_label: owner.and_then(|owner| labels.get(&owner).copied().cloned()),
            dataset: version.map_or_else(|| lineage.name(used.edge.src), |version| Name::to_string(&version.name)),
            version: version.map(|version| version.version),
            statement_id: lineage.row(used.edge.src).and_then(|row| row.id.parse().ok()),
            usage: used.edge.usage,
            via: lineage.name(used.edge.dst),
            depth: depths.get(&used.edge.src).copied().unwrap_or_default(),
            rows: used.edge.rows_used,
            passes: used.edge.passes,
            counted: used.counted,
            withdrawn: version.is_some_and(|version| {
                version.withdrawn != Withdrawn::Nothing && version.withdrawn_seq.is_none_or(|seq| seq < bound.size)
            }),
            share,
        }
    };
    Ok(uses.iter().zip(shares).map(row).collect())
}

/// The nodes from which every step to the root learned.
fn learned(lineage: &Lineage, root: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        for edge in lineage.edges_into(node).iter().filter(|edge| edge.rel == Rel::Input && counts(edge)) {
            if found.insert(edge.src) {
                open.push(edge.src);
            }
        }
    }
    found
}

/// Whether something was learned from an input, or is looked up in it.
fn counts(edge: &EdgeRow) -> bool {
    !matches!(edge.usage, Some(InputRole::Test | InputRole::Validation))
}

/// Whether a node was not made from anything that the log knows.
fn is_source(lineage: &Lineage, node: u32) -> bool {
    let logged = |edge: &EdgeRow| {
        let kind = lineage.row(edge.src).map(|row| row.kind);
        edge.rel == Rel::Input && matches!(kind, Some(NodeKind::DatasetVersion | NodeKind::ModelVersion))
    };
    let edges = lineage.edges_into(node);
    match lineage.row(node).map(|row| row.kind) {
        // A model has no rows of its own: if it was made from externals only, those are the sources.
        Some(NodeKind::ModelVersion) => !edges.iter().any(|edge| edge.rel == Rel::Input),
        _ => !edges.iter().any(logged),
    }
}

/// What a use counts for; nothing if it does not count, or has no rows.
fn weight(lineage: &Lineage, used: &Use<'_>) -> Result<Option<u128>, ContributionError> {
    let edge = used.edge;
    let is_dataset = lineage.row(edge.src).is_some_and(|row| row.kind == NodeKind::DatasetVersion);
    if !is_dataset {
        return Ok(None);
    }
    if !used.counted {
        return Ok(Some(0));
    }
    let (Some(rows), Some(passes)) = (edge.rows_used, edge.passes) else {
        return Err(ContributionError::RowsUnknown {
            via: lineage.name(edge.dst),
            chunks: edge.chunks.clone().unwrap_or_default(),
            dataset: lineage.name(edge.src),
        });
    };
    Ok(Some(u128::from(rows) * u128::from(passes)))
}

/// Divides 1 by weight, exactly: each share is rounded down, and the largest remainders, the first of equal ones, get one
/// unit more until nothing is left over.
fn shares(weights: &[Option<u128>]) -> Result<Vec<Option<Share>>, ContributionError> {
    let total = weights.iter().flatten().try_fold(0_u128, |sum, weight| sum.checked_add(*weight));
    let total = total.filter(|total| *total < MOST_WEIGHT).ok_or(ContributionError::TooMany)?;
    if total == 0 {
        return Ok(weights.iter().map(|_| None).collect());
    }
    let parts: Vec<Option<(u128, u128)>> = weights.iter().map(|weight| weight.map(|it| divide(it, total))).collect();
    let given: u128 = parts.iter().flatten().map(|(units, _)| units).sum();
    let mut by_remainder: Vec<usize> =
        (0..parts.len()).filter(|at| parts.get(*at).is_some_and(Option::is_some)).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(parts.get(*at).copied().flatten().map(|(_, remainder)| remainder)));
    let left = usize::try_from(Share::ONE.saturating_sub(given)).unwrap_or(usize::MAX);
    let raised: BTreeSet<usize> = by_remainder.into_iter().take(left).collect();
    let share = |(at, part): (usize, &Option<(u128, u128)>)| {
        part.map(|(units, _)| Share::new(units + u128::from(raised.contains(&at))))
    };
    Ok(parts.iter().enumerate().map(share).collect())
}

/// `weight / total` in units of the last decimal of a share, and the remainder. Digit by digit, as on paper: the remainder
/// stays below the total, and ten of it below 2^128.
fn divide(weight: u128, total: u128) -> (u128, u128) {
    let (mut units, mut remainder) = (weight / total, weight % total);
    for _ in 0..Share::SCALE {
        remainder *= 10;
        units = units * 10 + remainder / total;
        remainder %= total;
    }
    (units, remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_one() {
        let of = |weights: &[u128]| {
            let weights: Vec<_> = weights.iter().copied().map(Some).collect();
            shares(&weights).unwrap().into_iter().flatten().map(Share::units).collect::<Vec<_>>()
        };
        assert_eq!(of(&[1, 1, 1]), [333_333_333_333_333_334, 333_333_333_333_333_333, 333_333_333_333_333_333]);
        assert_eq!(of(&[1, 0, 3]), [Share::ONE / 4, 0, 3 * (Share::ONE / 4)]);
        for weights in [vec![7, 11, 13, 1, 1, 1], vec![1 << 123, 3, 5], vec![1], (1..100).collect()] {
            assert_eq!(of(&weights).iter().sum::<u128>(), Share::ONE, "{weights:?}");
        }
        assert_eq!(shares(&[None, Some(0)]).unwrap(), [None, None], "nothing to share");
        assert!(matches!(shares(&[Some(1 << 123), Some(1 << 123)]), Err(ContributionError::TooMany)));
        assert!(matches!(shares(&[Some(u128::MAX), Some(2)]), Err(ContributionError::TooMany)));
    }
}
