//! What statements and contributors are called in answers.

use mira_core::digest::{ContributorId, StatementId};
use mira_core::fold::{Fold, Record, Withdrawn};

/// `name@version` of a dataset, model or deployment, with its owner's label if that is registered; else the kind and the
/// first digits of the id.
pub fn title(fold: &Fold, id: &StatementId) -> String {
    let Some(record) = fold.statement(id) else { return format!("{id:.16}") };
    match &record.version {
        Some(version) => {
            let label = fold.contributor(&record.owner).and_then(|owner| owner.label());
            let owner = label.map(|label| format!("{label}/")).unwrap_or_default();
            format!("{owner}{}@{}", version.name, version.number)
        }
        None => format!("{} {:.16}", record.kind, id.to_string()),
    }
}

/// The label of a contributor, if one is registered.
pub fn label(fold: &Fold, id: &ContributorId) -> Option<String> {
    fold.contributor(id).and_then(|contributor| contributor.label()).map(ToString::to_string)
}

/// The label of a contributor, else the first digits of the id.
pub fn person(fold: &Fold, id: &ContributorId) -> String {
    label(fold, id).unwrap_or_else(|| format!("{:.16}", id.to_string()))
}

/// How far others stand behind a statement.
pub const fn assurance(record: &Record) -> &'static str {
    match record {
        Record { disputes: 1.., .. } => "disputed",
        Record { countersignatures: 1.., .. } => "countersigned",
        _ => "self_attested",
    }
}

/// How much was withdrawn.
pub const fn withdrawn(withdrawn: Withdrawn) -> &'static str {
    match withdrawn {
        Withdrawn::Nothing => "nothing",
        Withdrawn::Rows => "rows",
        Withdrawn::Whole => "whole",
    }
}
