//! How people know things: labels, names and versions.

use mira_core::digest::{ContributorId, StatementId};
use mira_core::fold::{Fold, Record};
use mira_core::name::Label;
use mira_core::statement::Ranges;

/// What a contributor is called.
pub(super) fn label(fold: &Fold, id: &ContributorId) -> Option<Label> {
    fold.contributor(id).and_then(|contributor| contributor.label()).cloned()
}

/// `[label/]name@version` of what a statement adds.
pub(super) fn reference(fold: &Fold, record: &Record) -> Option<String> {
    let version = record.version.as_ref()?;
    let owner = label(fold, &record.owner).map(|label| format!("{label}/")).unwrap_or_default();
    Some(format!("{owner}{}@{}", version.name, version.number))
}

/// The same, of a statement by its id.
pub(super) fn reference_of(fold: &Fold, id: &StatementId) -> Option<String> {
    reference(fold, fold.statement(id)?)
}

/// Ranges as a person writes them: `0-9+12`.
pub(super) fn ranges(ranges: &Ranges) -> String {
    let range = |range: &mira_core::statement::Range| match range.length.value() {
        1 => range.start.value().to_string(),
        _ => format!("{}-{}", range.start.value(), range.end() - 1),
    };
    ranges.as_slice().iter().map(range).collect::<Vec<_>>().join("+")
}
