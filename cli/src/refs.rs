//! REF: how a person names a dataset, a model or a statement.
//!
//! CIDs are looked up by [`crate::by_cid`], for they are in files beside the log.
//!
//! `[owner/]name[@version]`, or the id of a dataset, model, statement or entry in hex (8 digits or more, if that is
//! unique), with `root:`, `model:`, `statement:` or `entry:` before it where one text could mean two things. Deployments
//! have names of their own: a bare name is that of a dataset or model if there is one, and `deployment:name` is not.
//! Commands that record store ids, never these texts.

use std::collections::HashSet;

use mira_core::digest::{ContributorId, StatementId};
use mira_core::fold::{Fold, Record, Series, Thing};
use mira_core::key::VerifyingKey;
use mira_core::name::{Label, Name};
use mira_core::statement::Kind as StatementKind;

use crate::error::{CliError, Kind, Result};
use crate::output::{counted, excerpt};

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
///
/// `mistakes` are statements that were taken back as such: a name without a version stands for the one before.
pub fn resolve<'a>(
    fold: &'a Fold,
    mistakes: &HashSet<StatementId>,
    text: &str,
    me: Option<ContributorId>,
) -> Result<Found<'a>> {
    let by_name = |name: &str, names| by_name(fold, mistakes, text, name, me, names);
    if let Some((scheme, id)) = text.split_once(':').filter(|(scheme, _)| *scheme != "did") {
        return match scheme {
            "root" | "model" | "statement" | "entry" => by_id(fold, text, id, &[scheme]),
            "cid" => Err(usage(text, "a CID is looked up in the workspace's files, which is not done here".to_owned())
                .hint("the tables chunks and pins have CIDs; mira show takes one")),
            "deployment" => by_name(id, Names::Deployments),
            _ => Err(usage(text, format!("{:?} is not a kind of REF", excerpt(scheme)))),
        };
    }
    if text.len() >= MIN_PREFIX && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return by_id(fold, text, text, &["root", "model", "statement", "entry"]);
    }
    let artifact = by_name(text, Names::Artifacts);
    match artifact {
        // What is found nowhere is reported as no dataset or model.
        Err(error) if error.kind == Kind::NotFound => by_name(text, Names::Deployments).map_err(|_| error),
        artifact => artifact,
    }
}

/// Datasets and models share their names; deployments have names of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Artifacts,
    Deployments,
}

impl Names {
    fn of(kind: StatementKind) -> Option<Self> {
        match Thing::of(kind)? {
            Thing::Dataset | Thing::Model => Some(Self::Artifacts),
            Thing::Deployment => Some(Self::Deployments),
        }
    }

    fn series<'a>(self, fold: &'a Fold, owner: &ContributorId, name: &Name) -> Option<&'a Series> {
        match self {
            Self::Artifacts => fold.artifact(owner, name),
            Self::Deployments => fold.deployment(owner, name),
        }
    }
}

fn by_id<'a>(fold: &'a Fold, text: &str, prefix: &str, schemes: &[&str]) -> Result<Found<'a>> {
    if prefix.len() < MIN_PREFIX {
        return Err(usage(text, format!("an id is given by at least {MIN_PREFIX} hex digits")));
    }
    let fits = |(id, record): &(&StatementId, &Record)| {
        schemes.iter().any(|scheme| match *scheme {
            "statement" => id.to_string().starts_with(prefix),
            "entry" => record.entry_id.to_string().starts_with(prefix),
            "model" => record.kind == StatementKind::Train && record.subject.to_string().starts_with(prefix),
            _ => record.extent.is_some() && record.subject.to_string().starts_with(prefix),
        })
    };
    let mut found: Vec<Found<'a>> =
        fold.statements().filter(fits).map(|(id, record)| Found { id: *id, record }).collect();
    // Statements about one dataset_id are versions of the same rows, and likewise for a model; the latest speaks for them.
    found.sort_by_key(|found| found.record.seq);
    let one_subject = found.windows(2).all(|pair| matches!(pair, [a, b] if a.record.subject == b.record.subject));
    match found.as_slice() {
        [] => Err(not_found(text)),
        [.., last] if found.len() == 1 || (one_subject && last.record.subject.to_string().starts_with(prefix)) => {
            Ok(*last)
        }
        _ => Err(usage(text, format!("{} things start with these digits", found.len()))),
    }
}

/// `name` is `text` without its scheme.
fn by_name<'a>(
    fold: &'a Fold,
    mistakes: &HashSet<StatementId>,
    text: &str,
    name: &str,
    me: Option<ContributorId>,
    names: Names,
) -> Result<Found<'a>> {
    let (owner, rest) = match name.rsplit_once('/') {
        Some((owner, rest)) => (Some(owner_of(fold, text, owner)?), rest),
        None => (None, name),
    };
    let (name, version) = match rest.split_once('@') {
        Some((name, version)) => {
            let number = version.parse::<u64>().ok().filter(|number| *number > 0);
            (name, Some(number.ok_or_else(|| usage(text, "a version is a number from 1".to_owned()))?))
        }
        None => (rest, None),
    };
    let name: Name = name.parse().map_err(|_| usage(text, "this is neither a name nor an id".to_owned()))?;
    let owner = match owner.or_else(|| me.filter(|me| names.series(fold, me, &name).is_some())) {
        Some(owner) => owner,
        None => only_owner(fold, text, &name, names)?,
    };
    let series = names.series(fold, &owner, &name).ok_or_else(|| near(fold, text, &name))?;
    let id = match version {
        Some(version) => series.version(version),
        None => latest(series, mistakes),
    };
    let id = id.ok_or_else(|| {
        let versions = counted(series.versions().len() as u64, "version");
        CliError::new(Kind::NotFound, format!("{name} has {versions}, not {}", excerpt(text)))
    })?;
    fold.statement(id).map(|record| Found { id: *id, record }).ok_or_else(|| not_found(text))
}

/// The last version that was not taken back as a mistake; the last of all if they all were.
pub fn latest<'a>(series: &'a Series, mistakes: &HashSet<StatementId>) -> Option<&'a StatementId> {
    let mut versions = series.versions().iter().rev();
    versions.find(|id| !mistakes.contains(id)).or_else(|| series.versions().last())
}

/// Whom a did:key, a contributor_id or a label stands for.
pub fn contributor(fold: &Fold, text: &str) -> Result<ContributorId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    owner_of(fold, text, text)
}

fn owner_of(fold: &Fold, text: &str, owner: &str) -> Result<ContributorId> {
    if let Ok(key) = VerifyingKey::from_did(owner) {
        return Ok(fold.by_key(&key).copied().unwrap_or_else(|| key.contributor_id()));
    }
    let label: Label =
        owner.parse().map_err(|_| usage(text, format!("{:?} is neither a label nor a did:key", excerpt(owner))))?;
    fold.by_label(&label)
        .copied()
        .ok_or_else(|| CliError::new(Kind::NotFound, format!("nobody registered the label {label}")))
}

/// The one owner of a name; an error that lists them if there are several.
fn only_owner(fold: &Fold, text: &str, name: &Name, names: Names) -> Result<ContributorId> {
    let owners = named(fold).filter(|(of, _, n)| *of == names && *n == name);
    let mut owners: Vec<ContributorId> = owners.map(|(_, owner, _)| owner).collect();
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

fn named(fold: &Fold) -> impl Iterator<Item = (Names, ContributorId, &Name)> {
    fold.statements()
        .filter_map(|(_, record)| Some((Names::of(record.kind)?, record.owner, &record.version.as_ref()?.name)))
}

/// Not found, with the name that is nearest to what was typed.
fn near(fold: &Fold, text: &str, name: &Name) -> CliError {
    let error = not_found(text);
    match nearest(name.as_str(), named(fold).map(|(_, _, known)| known.as_str())) {
        Some(known) => error.hint(format!("did you mean {known}?")),
        None => error.hint("mira ls lists datasets and models"),
    }
}

/// The name that is nearest to what was typed, if one is near.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What is far longer is not a slip, and is not compared.
    let near = names.into_iter().filter(|name| name.len().abs_diff(typed.len()) <= 2);
    let near = near.map(|name| (distance(name, typed), name)).filter(|(distance, _)| *distance <= 2);
    near.min().map(|(_, name)| name)
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
    let text = excerpt(text);
    CliError::new(Kind::Usage, format!("{text:?}: {message}")).hint("a REF is [owner/]name[@version] or an id in hex")
}

fn not_found(text: &str) -> CliError {
    CliError::new(Kind::NotFound, format!("the log has nothing that is {}", excerpt(text)))
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
