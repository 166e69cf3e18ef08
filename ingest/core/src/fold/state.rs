//! What the accepted entries of a log add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::digest::{ContributorId, Digest, EntryId, StatementId};
use crate::id::LeafIndex;
use crate::key::VerifyingKey;
use crate::name::{Label, Name};
use crate::rights::{InputRights, Rights};
use crate::spelled::spelled_enums;
use crate::statement::{Dataset, DelegatedKind, Kind, Natural};

/// Somebody who signed an accepted statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contributor {
    pub(super) key: VerifyingKey,
    pub(super) revoked: bool,
    pub(super) registered: bool,
    pub(super) recovery: Option<VerifyingKey>,
    pub(super) label: Option<Label>,
    pub(super) bind: Option<LastBind>,
}

/// The last accepted bind of a contributor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastBind {
    /// The statement.
    pub statement: StatementId,
    /// Its nonce.
    pub nonce: Natural,
}

impl Contributor {
    pub(super) fn new(key: VerifyingKey) -> Self {
        Self { key, revoked: false, registered: false, recovery: None, label: None, bind: None }
    }

    /// The key that signs for this contributor; none after it was revoked.
    pub fn current_key(&self) -> Option<&VerifyingKey> {
        Some(&self.key).filter(|_| !self.revoked)
    }

    /// The key that replaces a lost one.
    pub fn recovery_key(&self) -> Option<&VerifyingKey> {
        self.recovery.as_ref()
    }

    /// What the contributor is called.
    pub fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// The last accepted bind.
    pub fn last_bind(&self) -> Option<&LastBind> {
        self.bind.as_ref()
    }
}

spelled_enums! {
    /// What a name is used for.
    Thing, "a thing with a name" {
        /// The versions of a dataset: contribute and transform.
        Dataset = "dataset",
        /// The deployments under one name: deploy.
        Deployment = "deployment",
        /// The versions of a model: train.
        Model = "model",
    }
}

impl Thing {
    /// What a statement of this kind gives a version to.
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Contribute | Kind::Transform => Some(Self::Dataset),
            Kind::Train => Some(Self::Model),
            Kind::Deploy => Some(Self::Deployment),
            _ => None,
        }
    }
}

/// The versions under one name of one owner, oldest first: version n is item n - 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub(super) thing: Thing,
    pub(super) versions: Vec<StatementId>,
}

impl Series {
    /// What it is.
    pub const fn thing(&self) -> Thing {
        self.thing
    }

    /// The statements, oldest first.
    pub fn versions(&self) -> &[StatementId] {
        &self.versions
    }

    /// The statement that gave version `version`, counted from 1.
    pub fn version(&self, version: u64) -> Option<&StatementId> {
        self.versions.get(usize::try_from(version.checked_sub(1)?).ok()?)
    }
}

/// An accepted statement, and what later ones said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where its entry stands in the log.
    pub seq: LeafIndex,
    /// Its leaf in the log.
    pub entry_id: EntryId,
    /// Its kind.
    pub kind: Kind,
    /// Who signed it.
    pub signer: ContributorId,
    /// Whose dataset, model or deployment it is; else the signer.
    pub owner: ContributorId,
    /// The subject in the entry's header.
    pub subject: Digest,
    /// Name and version, if it gives one to a dataset, model or deployment.
    pub version: Option<Version>,
    /// The rights block, if it carries one.
    pub rights: Option<Arc<Rights>>,
    /// How large the dataset is, if it is one.
    pub extent: Option<Extent>,
    /// How much of it was withdrawn.
    pub withdrawn: Withdrawn,
    /// How many disputes about it were accepted and not withdrawn.
    pub disputes: u64,
    /// How many countersignatures were accepted and not withdrawn.
    pub countersignatures: u64,
}

/// A name, and which of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The name.
    pub name: Name,
    /// The ordinal, from 1, among the accepted statements of this owner and name.
    pub number: u64,
}

/// How large a dataset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Its rows.
    pub rows: u64,
    /// Its chunks.
    pub chunks: u64,
}

/// How much of a statement was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Withdrawn {
    /// Nothing.
    Nothing,
    /// Some rows of the dataset.
    Rows,
    /// The whole statement.
    Whole,
}

impl Extent {
    pub(super) fn of(dataset: &Dataset) -> Self {
        Self { rows: dataset.rows.value(), chunks: dataset.chunks.value() }
    }
}

impl Record {
    /// What is known about the rights in it, for folding them along lineage.
    pub fn input_rights(&self) -> InputRights<'_> {
        match (self.withdrawn, &self.rights) {
            (Withdrawn::Whole, _) => InputRights::Withdrawn,
            (Withdrawn::Rows, Some(rights)) => InputRights::PartlyWithdrawn(rights),
            (Withdrawn::Nothing, Some(rights)) => InputRights::Terms(rights),
            // Not a dataset or model: nothing is known, as of an input outside of the log.
            (_, None) => InputRights::External,
        }
    }
}

/// What one contributor may sign for another: for each kind all names, or some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Delegation(BTreeMap<DelegatedKind, Option<Arc<BTreeSet<Name>>>>);

impl Delegation {
    /// What is said about a kind replaces what was said about it before.
    pub(super) fn grant(&mut self, kinds: &BTreeSet<DelegatedKind>, names: Option<&BTreeSet<Name>>) {
        let names = names.map(|names| Arc::new(names.clone()));
        self.0.extend(kinds.iter().map(|kind| (*kind, names.clone())));
    }

    pub(super) fn end(&mut self, kinds: &BTreeSet<DelegatedKind>) {
        self.0.retain(|kind, _| !kinds.contains(kind));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it covers a kind and a name. What has no name is covered only by a delegation for all names.
    pub(super) fn covers(&self, kind: DelegatedKind, name: Option<&Name>) -> bool {
        match self.0.get(&kind) {
            None => false,
            Some(None) => true,
            Some(Some(names)) => name.is_some_and(|name| names.contains(name)),
        }
    }
}
