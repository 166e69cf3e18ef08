//! REF: how a person names a dataset, a model or a statement.
//!
//! `[owner/]name[@version]`, a dataset_id, statement_id or entry id in hex (8 digits or more, if that is unique), with
//! `root:`, `statement:` or `entry:` before it where one text could mean two things. Commands that record store ids,
//! never these texts.

use mira_core::digest::{ContributorId, StatementId};
use mira_core::fold::{Fold, Record};
use mira_core::key::VerifyingKey;
use mira_core::name::{Label, Name};

use crate::error::{CliError, Kind, Result};

/// Shortest hex prefix that is read as an id.
const MIN_PREFIX: usize = 8;

/// What a REF stands for.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The statement.
    pub id: StatementId,
    /// What the fold keeps of it.
    pub record: &'a Record,
}

/// Finds what `text` stands for. `me` is the contributor whose names need no owner.
pub fn resolve<'a>(fold: &'a Fold, text: &str, me: Option<ContributorId>) -> Result<Found<'a>> {
    if let Some((scheme, id)) = text.split_once(':').filter(|(scheme, _)| *scheme != "did") {
        return match scheme {
            "root" | "statement" | "entry" => by_id(fold, text, id, &[scheme]),
            _ => Err(usage(text, format!("{scheme:?} is not a kind of REF"))),
        };
    }
    if text.len() >= MIN_PREFIX && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return by_id(fold, text, text, &["root", "statement", "entry"]);
    }
    by_name(fold, text, me)
}

fn by_id<'a>(fold: &'a Fold, text: &str, prefix: &str, schemes: &[&str]) -> Result<Found<'a>> {
    if prefix.len() < MIN_PREFIX {
        return Err(usage(text, format!("an id is given by at least {MIN_PREFIX} hex digits")));
    }
    let fits = |(id, record): &(&StatementId, &Record)| {
        schemes.iter().any(|scheme| match *scheme {
            "statement" => id.to_string().starts_with(prefix),
            "entry" => record.entry_id.to_string().starts_with(prefix),
            _ => record.extent.is_some() && record.subject.to_string().starts_with(prefix),
        })
    };
    let mut found: Vec<Found<'a>> =
        fold.statements().filter(fits).map(|(id, record)| Found { id: *id, record }).collect();
    // Statements about one dataset_id are versions of the same rows; the latest speaks for them.
    found.sort_by_key(|found| found.record.seq);
    let one_subject = found.windows(2).all(|pair| matches!(pair, [a, b] if a.record.subject == b.record.subject));
    match found.as_slice() {
        [] => Err(not_found(text)),
        [.., last] if found.len() == 1 || (one_subject && schemes.contains(&"root")) => Ok(*last),
        _ => Err(usage(text, format!("{} things start with these digits", found.len()))),
    }
}

fn by_name<'a>(fold: &'a Fold, text: &str, me: Option<ContributorId>) -> Result<Found<'a>> {
    let (owner, rest) = match text.rsplit_once('/') {
        Some((owner, rest)) => (Some(owner_of(fold, text, owner)?), rest),
        None => (None, text),
    };
    let (name, version) = match rest.split_once('@') {
        Some((name, version)) => {
            let number = version.parse::<u64>().ok().filter(|number| *number > 0);
            (name, Some(number.ok_or_else(|| usage(text, "a version is a number from 1".to_owned()))?))
        }
        None => (rest, None),
    };
    let name: Name = name.parse().map_err(|_| usage(text, "this is neither a name nor an id".to_owned()))?;
    let owner = match owner.or_else(|| me.filter(|me| fold.artifact(me, &name).is_some())) {
        Some(owner) => owner,
        None => only_owner(fold, text, &name)?,
    };
    let series = fold.artifact(&owner, &name).ok_or_else(|| near(fold, text, &name))?;
    let id = match version {
        Some(version) => series.version(version),
        None => series.versions().last(),
    };
    let id = id.ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("{name} has {} versions, not {text}", series.versions().len()))
    })?;
    fold.statement(id).map(|record| Found { id: *id, record }).ok_or_else(|| not_found(text))
}

fn owner_of(fold: &Fold, text: &str, owner: &str) -> Result<ContributorId> {
    if let Ok(key) = VerifyingKey::from_did(owner) {
        return Ok(fold.by_key(&key).copied().unwrap_or_else(|| key.contributor_id()));
    }
    let label: Label = owner.parse().map_err(|_| usage(text, format!("{owner:?} is neither a label nor a did:key")))?;
    fold.by_label(&label)
        .copied()
        .ok_or_else(|| CliError::new(Kind::NotFound, format!("nobody registered the label {label}")))
}

/// The one owner of a name; an error that lists them if there are several.
fn only_owner(fold: &Fold, text: &str, name: &Name) -> Result<ContributorId> {
    let mut owners: Vec<ContributorId> = named(fold).filter(|(_, n)| *n == name).map(|(owner, _)| owner).collect();
    owners.sort_unstable();
    owners.dedup();
    match owners.as_slice() {
        [] => Err(near(fold, text, name)),
        [owner] => Ok(*owner),
        _ => {
            let owners: Vec<String> = owners.iter().map(ToString::to_string).collect();
            Err(CliError::new(Kind::Usage, format!("{name} has several owners: {}", owners.join(", ")))
                .hint("put the owner's label or did:key before it: owner/name"))
        }
    }
}

fn named(fold: &Fold) -> impl Iterator<Item = (ContributorId, &Name)> {
    fold.statements()
        .filter(|(_, record)| record.kind != mira_core::statement::Kind::Deploy)
        .filter_map(|(_, record)| Some((record.owner, &record.version.as_ref()?.name)))
}

/// Not found, with the name that is nearest to what was typed.
fn near(fold: &Fold, text: &str, name: &Name) -> CliError {
    let nearest = named(fold)
        .map(|(_, known)| (distance(known.as_str(), name.as_str()), known))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    let error = not_found(text);
    match nearest {
        Some((_, known)) => error.hint(format!("did you mean {known}?")),
        None => error.hint("mira ls lists datasets and models"),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let cost = (diagonal + usize::from(x != y)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn usage(text: &str, message: String) -> CliError {
    CliError::new(Kind::Usage, format!("{text:?}: {message}")).hint("a REF is [owner/]name[@version] or an id in hex")
}

fn not_found(text: &str) -> CliError {
    CliError::new(Kind::NotFound, format!("the log has nothing that is {text}"))
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "", 0), ("penguins", "penguin", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
