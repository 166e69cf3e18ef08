//! Does this proof hold? The order of checks of `FORMAT.md`, section 12.
//!
//! A proof file says which log it comes from, never which log to believe: the [`Policy`] is the verifier's own. Each
//! check is ok, failed, or could not be made, and those three are kept apart to the end: a sound proof from a log that
//! nobody vouches for is neither right nor wrong.
//!
//! What a proof shows is membership and authorship: this row is in this dataset, which this key contributed to this
//! log. It does not show that a statement is true, that a key has not been revoked since, or that a log shows everybody
//! the same; an audit of the whole log decides the first two, witnesses and anchors the last.

use std::fmt;

use crate::dataset::{self, ChunkLeafData};
use crate::digest::{ContributorId, DatasetId, Digest, LogRoot, SchemaId, StatementId};
use crate::dsse::EnvelopeSignatureError;
use crate::entry::{Entry, EntryError};
use crate::evidence::{ChunkStep, Descent, Evidence, EvidenceError, Rotation, RowStep};
use crate::id::{EpochNumber, LeafIndex, TreeSize};
use crate::key::VerifyingKey;
use crate::log::checkpoint::{Checkpoint, VerifiedCheckpoint};
use crate::log::policy::{Policy, PolicyVerifyError};
use crate::log::tlog_proof::{TlogProof, TlogProofError};
use crate::log::vkey::KeyName;
use crate::merkle::{self, InclusionError};
use crate::row::{self, RowError};
use crate::schema::{Schema, SchemaError};
use crate::statement::{Dataset, Predicate};

/// What the verifier brings.
#[derive(Debug, Clone, Copy)]
pub struct Asks<'a> {
    /// Which logs and witnesses are believed.
    pub policy: &'a Policy,
    /// The row, where the proof leaves it out.
    pub row: Option<&'a [u8]>,
    /// Who must have signed: a contributor, by its first key or its id.
    pub signer: Option<ContributorId>,
    /// A checkpoint of the same log that the verifier got elsewhere and has verified.
    pub checkpoint: Option<&'a VerifiedCheckpoint>,
}

/// The checks of one proof, in order.
#[derive(Debug)]
pub struct Report {
    /// What the proof is about.
    pub subject: Subject,
    /// The log key that vouches for it, if the policy knows one.
    pub trusted_by: Option<String>,
    /// Every check that the proof calls for.
    pub checks: Vec<Check>,
    /// Whether a proof without an anchor that is sure leaves a gap.
    anchor_required: bool,
}

/// What a proof is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The statement.
    pub statement: StatementId,
    /// Whom it says it is from.
    pub contributor: ContributorId,
    /// The digest in the entry's header: a dataset_id, a model id, and so on.
    pub digest: Digest,
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Which.
    pub step: Step,
    /// What was checked, for a person.
    pub artifact: String,
    /// How it went.
    pub outcome: Outcome,
}

/// The checks there are, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A believed log signed the checkpoint.
    Checkpoint,
    /// The checkpoint is the one the verifier knows.
    KnownCheckpoint,
    /// The entry is in the log.
    Inclusion,
    /// The statement's signatures verify.
    Signature,
    /// The key that signed is the contributor's.
    Signer,
    /// The chunk is in the dataset.
    Chunk,
    /// The row is in the chunk.
    Row,
    /// The schema is the dataset's, and the row is a row of it.
    Schema,
    /// The checkpoint is anchored on a chain.
    Anchor,
}

/// How a check went.
#[derive(Debug)]
pub enum Outcome {
    /// It holds.
    Ok,
    /// It does not.
    Failed(Failure),
    /// It could not be made.
    NotChecked(Gap),
}

/// The three results of a proof; [`Report::verdict`] sums its checks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every check holds.
    Verified,
    /// At least one check fails.
    Failed,
    /// None fails, but some could not be made.
    Incomplete,
}

/// Why a check fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The checkpoint's signatures are not what the policy asks for.
    #[error("the checkpoint does not pass the policy")]
    Policy(#[source] PolicyVerifyError),
    /// The log has shown two roots for one size.
    #[error("the log shows root {found} at size {size}, the known checkpoint has {expected}")]
    Fork {
        /// The size of both.
        size: TreeSize,
        /// The root of the known checkpoint.
        expected: LogRoot,
        /// The root in the proof.
        found: LogRoot,
    },
    /// A path does not lead where it should.
    #[error("the inclusion proof does not hold")]
    Inclusion(#[source] InclusionError),
    /// A signature is wrong.
    #[error("the statement is not signed by the key it names")]
    Signature(#[source] EnvelopeSignatureError),
    /// The contributor is another one than the verifier asked for.
    #[error("the contributor is {found}, asked for was {expected}")]
    OtherContributor {
        /// Who was asked for.
        expected: ContributorId,
        /// Whom the statement is from.
        found: ContributorId,
    },
    /// A rotation of the signer's key does not hold.
    #[error("rotation {index} of the signer's key {reason}")]
    Rotation {
        /// Which, from 0.
        index: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Chunks are shown of something that is no dataset.
    #[error("the statement is about no dataset, but the proof goes down to a chunk")]
    NoDataset,
    /// The chunk was made under other rules than the dataset.
    #[error("the chunk's {what} is not that of the dataset")]
    OtherRules {
        /// What differs.
        what: &'static str,
    },
    /// The chunk's path leads to another dataset.
    #[error("the chunk leads to dataset {found}, the statement is about {expected}")]
    OtherDataset {
        /// The statement's.
        expected: DatasetId,
        /// Where the path leads.
        found: DatasetId,
    },
    /// The verifier's row is not the one in the proof.
    #[error("the row given is not the row in the proof")]
    OtherRow,
    /// The schema is not canonical.
    #[error("the schema is not canonical")]
    Schema(#[source] SchemaError),
    /// The schema is another one than the dataset's.
    #[error("the schema is {found}, the dataset's is {expected}")]
    OtherSchema {
        /// The dataset's.
        expected: SchemaId,
        /// The one given.
        found: SchemaId,
    },
    /// The row is not a row of the schema.
    #[error("the row is not canonical under the schema")]
    RowBytes(#[source] RowError),
    /// The registry holds another epoch than the proof's, or none.
    #[error("the registry holds {found} for epoch {epoch}, the proof's checkpoint gives {expected}")]
    NotAnchored {
        /// The epoch.
        epoch: EpochNumber,
        /// The commitment that the proof's checkpoint gives.
        expected: String,
        /// What the registry holds; `nothing` if the epoch is not anchored.
        found: String,
    },
}

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Gap {
    /// Nobody whom the verifier believes vouches for this log.
    #[error("the log {origin} is not one you trust")]
    UnknownLog {
        /// Its name.
        origin: KeyName,
    },
    /// The known checkpoint has another size, and a proof says nothing of consistency.
    #[error("the known checkpoint has size {known}, the proof's has {found}")]
    OtherSize {
        /// The known one.
        known: TreeSize,
        /// The proof's.
        found: TreeSize,
    },
    /// The known checkpoint is of another log.
    #[error("the known checkpoint is of the log {known}, the proof's of {found}")]
    OtherLog {
        /// The known one.
        known: KeyName,
        /// The proof's.
        found: KeyName,
    },
    /// The signing key is not the contributor's first, and no rotations lead to it.
    #[error("the proof does not show that {key} is a key of the contributor")]
    KeyNotShown {
        /// The key.
        key: String,
    },
    /// The proof leaves the row out and nobody brought it.
    #[error("the proof does not hold the row")]
    NoRow,
    /// No chain was asked.
    #[error("no chain was asked whether the checkpoint is anchored")]
    NoChain,
    /// The proof does not say where to look.
    #[error("the proof names no epoch that is anchored")]
    NoAnchor,
    /// Nobody whom the verifier believes vouches for this registry.
    #[error("the registry {contract} on chain {chain_id} is not one you trust")]
    UnknownRegistry {
        /// The registry that the proof names.
        contract: String,
        /// The chain that it names.
        chain_id: u64,
    },
    /// The checkpoint is in the registry of a chain that one person keeps.
    #[error("it is on a local chain, which whoever keeps it can write anew")]
    LocalAnchor,
    /// The checkpoint is in the registry, in a block that may still be replaced.
    #[error("it is in a block that may still be replaced")]
    Unconfirmed,
    /// The chain could not be asked.
    #[error("the chain could not be asked: {reason}")]
    Chain {
        /// Why not.
        reason: String,
    },
    /// An earlier check failed on which this one rests.
    #[error("the check before it failed")]
    Blocked,
}

/// Why a file is not a proof at all.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Not a C2SP tlog-proof.
    #[error("not a tlog-proof")]
    Container(#[from] TlogProofError),
    /// A tlog-proof of another application.
    #[error("the tlog-proof has no extra line, so it is not a proof of mira")]
    NoExtra,
    /// The extra line is not ours.
    #[error("the extra line is malformed")]
    Evidence(#[from] EvidenceError),
    /// The entry is malformed.
    #[error("the log entry is malformed")]
    Entry(#[from] EntryError),
    /// The file is larger than a proof may be without its row.
    #[error("the proof has {found} bytes without its row, at most {MAX_WITHOUT_ROW} are allowed")]
    TooLarge {
        /// How many.
        found: usize,
    },
}

/// Largest proof file, not counting the row's share of it.
pub const MAX_WITHOUT_ROW: usize = 1 << 20;

/// A proof file that is well formed. Nothing in it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    container: TlogProof,
    evidence: Evidence,
    entry: Entry,
}

impl Proof {
    /// Reads a proof file.
    ///
    /// # Errors
    /// [`ProofError`]: the file is damaged, or is no proof of ours.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        let container = TlogProof::parse(bytes)?;
        let evidence = Evidence::from_cbor(&container.extra)?;
        let found = bytes.len().saturating_sub(base64_len(evidence.row().map_or(0, <[u8]>::len)));
        if found > MAX_WITHOUT_ROW {
            return Err(ProofError::TooLarge { found });
        }
        let entry = Entry::parse(&evidence.entry)?;
        Ok(Self { container, evidence, entry })
    }

    /// The container: index, path and checkpoint.
    pub fn container(&self) -> &TlogProof {
        &self.container
    }

    /// What the extra line holds.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The log entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Makes every check that the proof calls for.
    pub fn verify(&self, asks: &Asks<'_>) -> Report {
        let statement = self.entry.statement();
        let subject = Subject {
            statement: self.entry.envelope().statement_id(),
            contributor: statement.signer(),
            digest: statement.subject().header(),
        };
        let mut checks = Checks(Vec::new());
        let trusted_by = self.check_checkpoint(asks, &mut checks);
        self.check_entry(asks, &mut checks);
        match &self.evidence.descent {
            Descent::Entry => {}
            Descent::Chunk(chunk) => {
                self.check_chunk(chunk, &mut checks);
                self.check_schema(None, &chunk.leaf, &mut checks);
            }
            Descent::Row { chunk, row } => {
                let row_bytes = row.row.as_deref().or(asks.row);
                let holds = self.check_chunk(chunk, &mut checks);
                check_row(row, row_bytes, asks.row, &chunk.leaf, holds, &mut checks);
                self.check_schema(row_bytes, &chunk.leaf, &mut checks);
            }
        }
        if let Some(anchor) = &self.evidence.anchor {
            let artifact = format!("epoch {} on chain {}", anchor.epoch, anchor.chain_id);
            checks.add(Step::Anchor, artifact, Outcome::NotChecked(Gap::NoChain));
        }
        Report { subject, trusted_by, checks: checks.0, anchor_required: false }
    }

    fn claimed_checkpoint(&self) -> &Checkpoint {
        self.container.checkpoint.unverified()
    }

    fn check_checkpoint(&self, asks: &Asks<'_>, checks: &mut Checks) -> Option<String> {
        let claimed = self.claimed_checkpoint();
        let artifact = format!("checkpoint {} of {}", claimed.size(), claimed.origin());
        let (outcome, trusted_by) = match asks.policy.verify(self.container.checkpoint.clone()) {
            Ok(verified) => (Outcome::Ok, Some(verified.log_key().to_string())),
            Err(PolicyVerifyError::UnknownLog { origin }) => (Outcome::NotChecked(Gap::UnknownLog { origin }), None),
            Err(error) => (Outcome::Failed(Failure::Policy(error)), None),
        };
        checks.add(Step::Checkpoint, artifact, outcome);
        if let Some(known) = asks.checkpoint {
            let known = known.checkpoint();
            let artifact = format!("checkpoint {} of {}", known.size(), known.origin());
            checks.add(Step::KnownCheckpoint, artifact, compare_checkpoints(known, claimed));
        }
        trusted_by
    }

    fn check_entry(&self, asks: &Asks<'_>, checks: &mut Checks) {
        let entry = &self.entry;
        let id = entry.entry_id();
        let included = self.included(*id.digest(), self.container.index, &self.container.path);
        checks.add(Step::Inclusion, format!("entry {id}"), outcome(included.map_err(Failure::Inclusion)));
        let statement = entry.envelope().statement_id();
        let signed = entry.envelope().clone().verify_signatures().map(|_| ());
        checks.add(Step::Signature, format!("statement {statement}"), outcome(signed.map_err(Failure::Signature)));
        let contributor = entry.statement().signer();
        checks.add(Step::Signer, format!("contributor {contributor}"), self.signer(contributor, asks));
    }

    fn included(&self, leaf: Digest, index: LeafIndex, path: &[Digest]) -> Result<(), InclusionError> {
        let checkpoint = self.claimed_checkpoint();
        merkle::verify_inclusion(leaf, index, checkpoint.size(), path, *checkpoint.root().digest())
    }

    fn signer(&self, contributor: ContributorId, asks: &Asks<'_>) -> Outcome {
        if let Some(expected) = asks.signer.filter(|expected| *expected != contributor) {
            return Outcome::Failed(Failure::OtherContributor { expected, found: contributor });
        }
        // Of two signatures, on a rotation, the first is that of the key the contributor had.
        let Some(key) = self.entry.envelope().unverified_signers().next() else {
            return Outcome::NotChecked(Gap::KeyNotShown { key: String::new() });
        };
        match self.last_rotated(contributor) {
            Err(failure) => Outcome::Failed(failure),
            Ok(Some(last)) if last == key => Outcome::Ok,
            Ok(None) if key.contributor_id() == contributor => Outcome::Ok,
            Ok(_) => Outcome::NotChecked(Gap::KeyNotShown { key: key.to_did() }),
        }
    }

    /// Follows the rotations from the contributor's first key to the last one shown.
    fn last_rotated(&self, contributor: ContributorId) -> Result<Option<VerifyingKey>, Failure> {
        let mut last: Option<(LeafIndex, VerifyingKey)> = None;
        for (index, rotation) in self.evidence.rotations.iter().enumerate() {
            let new =
                self.rotated(rotation, contributor, last).map_err(|reason| Failure::Rotation { index, reason })?;
            last = Some((rotation.index, new));
        }
        Ok(last.map(|(_, key)| key))
    }

    fn rotated(
        &self,
        rotation: &Rotation,
        contributor: ContributorId,
        last: Option<(LeafIndex, VerifyingKey)>,
    ) -> Result<VerifyingKey, &'static str> {
        let entry = Entry::parse(&rotation.entry).map_err(|_| "is no log entry")?;
        if last.is_some_and(|(before, _)| rotation.index <= before) || rotation.index >= self.container.index {
            return Err("is not between the one before it and the entry");
        }
        self.included(*entry.entry_id().digest(), rotation.index, &rotation.path).map_err(|_| "is not in the log")?;
        let Predicate::Rotate(rotate) = entry.statement().predicate() else { return Err("is not a rotate statement") };
        if entry.statement().signer() != contributor {
            return Err("is of another contributor");
        }
        let (old, new) = (rotate.old, rotate.new);
        let follows = match last {
            Some((_, before)) => old == before,
            None => old.contributor_id() == contributor,
        };
        if !follows {
            return Err("does not start from the key before it");
        }
        if !entry.envelope().unverified_signers().eq([old, new]) {
            return Err("is not signed by its old and new key");
        }
        entry.envelope().clone().verify_signatures().map_err(|_| "has a wrong signature")?;
        Ok(new)
    }

    fn dataset(&self) -> Option<&Dataset> {
        self.entry.statement().predicate().dataset()
    }

    /// Whether the chunk leaf is the dataset's, so that what it says of its rows may be used.
    fn check_chunk(&self, chunk: &ChunkStep, checks: &mut Checks) -> bool {
        let (of, result) = match self.dataset() {
            None => (String::new(), Err(Failure::NoDataset)),
            Some(dataset) => (format!(" of {}", dataset.chunks.value()), chunk_in_dataset(chunk, dataset)),
        };
        let holds = result.is_ok();
        checks.add(Step::Chunk, format!("chunk {}{of}", chunk.index), outcome(result));
        holds
    }

    fn check_schema(&self, row: Option<&[u8]>, leaf: &ChunkLeafData, checks: &mut Checks) {
        let Some(schema) = &self.evidence.schema else { return };
        let expected = self.dataset().map_or(leaf.schema_id, |dataset| dataset.schema_id);
        checks.add(Step::Schema, format!("schema {expected}"), outcome(schema_and_row(schema, expected, row)));
    }
}

impl Report {
    /// The checks summed up: a failed one outweighs one that could not be made. An anchor is evidence on top, so that
    /// one which is not sure leaves no gap unless it was required.
    pub fn verdict(&self) -> Verdict {
        let gap = |outcome: &Outcome| match outcome {
            Outcome::NotChecked(gap) => self.anchor_required || !gap.is_of_anchor_only(),
            Outcome::Ok | Outcome::Failed(_) => false,
        };
        if self.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed(_))) {
            Verdict::Failed
        } else if self.checks.iter().any(|check| gap(&check.outcome)) {
            Verdict::Incomplete
        } else {
            Verdict::Verified
        }
    }

    /// Puts what a chain said in the place of the check that was not made. Nothing happens to a proof without an anchor.
    pub fn set_anchor(&mut self, outcome: Outcome) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.step == Step::Anchor) {
            check.outcome = outcome;
        }
    }

    /// From now on a checkpoint that is not surely anchored is a gap.
    pub fn require_anchor(&mut self) {
        self.anchor_required = true;
        if !self.checks.iter().any(|check| check.step == Step::Anchor) {
            let (artifact, outcome) = ("no epoch".to_owned(), Outcome::NotChecked(Gap::NoAnchor));
            self.checks.push(Check { step: Step::Anchor, artifact, outcome });
        }
    }
}

impl Gap {
    /// Whether nobody asked, or the answer is true and not sure.
    fn is_of_anchor_only(&self) -> bool {
        matches!(self, Self::NoChain | Self::LocalAnchor | Self::Unconfirmed)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Checkpoint => "checkpoint",
            Self::KnownCheckpoint => "known-checkpoint",
            Self::Inclusion => "inclusion",
            Self::Signature => "signature",
            Self::Signer => "signer",
            Self::Chunk => "chunk",
            Self::Row => "row",
            Self::Schema => "schema",
            Self::Anchor => "anchor",
        })
    }
}

struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, step: Step, artifact: String, outcome: Outcome) {
        self.0.push(Check { step, artifact, outcome });
    }
}

fn outcome(result: Result<(), Failure>) -> Outcome {
    match result {
        Ok(()) => Outcome::Ok,
        Err(failure) => Outcome::Failed(failure),
    }
}

fn compare_checkpoints(known: &Checkpoint, found: &Checkpoint) -> Outcome {
    if known.origin() != found.origin() {
        let (known, found) = (known.origin().clone(), found.origin().clone());
        return Outcome::NotChecked(Gap::OtherLog { known, found });
    }
    if known.size() != found.size() {
        return Outcome::NotChecked(Gap::OtherSize { known: known.size(), found: found.size() });
    }
    if known.root() != found.root() {
        let (size, expected, found) = (known.size(), known.root(), found.root());
        return Outcome::Failed(Failure::Fork { size, expected, found });
    }
    Outcome::Ok
}

/// The size of the tree over chunks is the statement's word, which the dataset_id commits to.
fn chunk_in_dataset(chunk: &ChunkStep, dataset: &Dataset) -> Result<(), Failure> {
    if chunk.leaf.row_profile != row::PROFILE {
        return Err(Failure::OtherRules { what: "row profile" });
    }
    if chunk.leaf.schema_id != dataset.schema_id {
        return Err(Failure::OtherRules { what: "schema_id" });
    }
    let (rows, chunks) = (dataset.rows.value(), dataset.chunks.value());
    let leaf = *chunk.leaf.leaf().digest();
    let root =
        merkle::root_from_path(leaf, chunk.index, TreeSize::new(chunks), &chunk.path).map_err(Failure::Inclusion)?;
    let found = dataset::dataset_id(row::PROFILE, &dataset.schema_id, rows, chunks, &root.into());
    let expected = dataset.subject.id;
    if found != expected {
        return Err(Failure::OtherDataset { expected, found });
    }
    Ok(())
}

fn check_row(
    step: &RowStep,
    bytes: Option<&[u8]>,
    given: Option<&[u8]>,
    chunk: &ChunkLeafData,
    chunk_holds: bool,
    checks: &mut Checks,
) {
    let outcome = match bytes {
        _ if !chunk_holds => Outcome::NotChecked(Gap::Blocked),
        None => Outcome::NotChecked(Gap::NoRow),
        Some(bytes) if given.is_some_and(|given| given != bytes) => Outcome::Failed(Failure::OtherRow),
        Some(bytes) => {
            let leaf = *row::row_leaf(bytes).digest();
            let size = TreeSize::new(chunk.rows);
            let included = merkle::verify_inclusion(leaf, step.index, size, &step.path, *chunk.row_root.digest());
            outcome(included.map_err(Failure::Inclusion))
        }
    };
    checks.add(Step::Row, format!("row {} of {} in its chunk", step.index, chunk.rows), outcome);
}

fn schema_and_row(schema: &[u8], expected: SchemaId, row: Option<&[u8]>) -> Result<(), Failure> {
    let schema = Schema::from_cbor(schema).map_err(Failure::Schema)?;
    let found = schema.schema_id();
    if found != expected {
        return Err(Failure::OtherSchema { expected, found });
    }
    if let Some(row) = row {
        row::decode_row(&schema, row).map_err(Failure::RowBytes)?;
    }
    Ok(())
}

/// How many characters base64 takes for that many bytes.
fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}
