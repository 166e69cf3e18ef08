//! Statements about datasets: contributed, made from others, fetchable, not taken.

use super::inputs::Inputs;
use super::subject::DatasetSubject;
use super::values::Positive;
use crate::cid::Cid;
use crate::digest::{ContributorId, Digest, SchemaId, StatementId};
use crate::field::{Field, Members, ReadFields as _, text_fields};
use crate::json::{FieldError, Fields, Json, Node, SafeInt};
use crate::name::{Commit, Uri};
use crate::rights::Rights;
use crate::spelled::spelled_enums;

/// One version of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Name, dataset_id and manifest.
    pub subject: DatasetSubject,
    /// Whose dataset it is, if not the signer's.
    pub on_behalf_of: Option<ContributorId>,
    /// How many rows it has: no fewer than chunks.
    pub rows: Positive,
    /// How many chunks it has: at most [`Dataset::MAX_CHUNKS`].
    pub chunks: Positive,
    /// Its schema.
    pub schema_id: SchemaId,
    /// How rows were read, encoded, cut and written.
    pub profiles: Profiles,
    /// What may be done with it.
    pub rights: Rights,
}

impl Dataset {
    /// Most chunks of a dataset.
    pub const MAX_CHUNKS: u64 = 1_000_000;
}

/// A dataset made from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transform {
    /// The dataset that was made.
    pub output: Dataset,
    /// What it was made from.
    pub inputs: Inputs,
    /// The program that made it.
    pub code: Option<Code>,
    /// SHA-256 of the program's configuration.
    pub config: Option<Digest>,
}

/// How rows were read, encoded, cut and written. This version knows one way each, and rows that were not inferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Profiles {
    /// How types were inferred.
    pub infer: Inference,
}

/// A program at some commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The commit.
    pub commit: Commit,
    /// Where its repository is.
    pub uri: Uri,
}

/// A dataset can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// The contribute or transform statement.
    pub target: StatementId,
    /// The CID of the dataset's directory.
    pub cid: Cid,
}

/// A dataset was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The contribute or transform statement.
    pub target: StatementId,
    /// Why.
    pub reason: RefusedReason,
}

spelled_enums! {
    /// How types were inferred.
    Inference, "an inference profile" {
        /// By the rules `infer-1`.
        Infer1 = "infer-1",
        /// They were given.
        None = "none",
    }

    /// Why a dataset was not taken.
    RefusedReason, "a reason to refuse a dataset" {
        /// Its files are not what they should be.
        Malformed = "malformed",
        /// Its files do not say what the statement says.
        Mismatch = "mismatch",
        /// The refuser does not take such data.
        Policy = "policy",
        /// Its rights do not allow it.
        Rights = "rights",
        /// It is too large.
        Size = "size",
        /// Its files could not be fetched.
        Unavailable = "unavailable",
    }
}

text_fields! {
    Inference, "infer-1 or none";
    RefusedReason, "a reason to refuse a dataset";
}

impl Profiles {
    /// The row profile, section 4.
    pub const ROWS: u8 = 1;
    /// The cut, section 5.
    pub const CUT: &str = "cut-1";
    /// The Parquet profile.
    pub const PARQUET: &str = "pq-1";
}

impl Field for Profiles {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        fields.constant("cut", Self::CUT)?;
        fields.constant("parquet", Self::PARQUET)?;
        let rows = fields.required("rows")?;
        if rows.uint()? != u64::from(Self::ROWS) {
            return Err(rows.unlike("row profile 1"));
        }
        let profiles = Self { infer: fields.read("infer")? };
        fields.finish()?;
        Ok(profiles)
    }

    fn to_json(&self) -> Json {
        Members::new()
            .with_json("cut", Self::CUT)
            .with("infer", &self.infer)
            .with_json("parquet", Self::PARQUET)
            .with_json("rows", SafeInt::from(u32::from(Self::ROWS)))
            .into_json()
    }
}

impl Field for Code {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let code = Self { commit: fields.read("commit")?, uri: fields.read("uri")? };
        fields.finish()?;
        Ok(code)
    }

    fn to_json(&self) -> Json {
        Members::new().with("commit", &self.commit).with("uri", &self.uri).into_json()
    }
}

impl Dataset {
    pub(super) fn read(subject: DatasetSubject, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            subject,
            on_behalf_of: fields.read_some("on_behalf_of")?,
            rows: fields.read("rows")?,
            chunks: fields.read("chunks")?,
            schema_id: fields.read("schema_id")?,
            profiles: fields.read("profiles")?,
            rights: fields.read("rights")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with_some("on_behalf_of", self.on_behalf_of.as_ref())
            .with("rows", &self.rows)
            .with("chunks", &self.chunks)
            .with("schema_id", &self.schema_id)
            .with("profiles", &self.profiles)
            .with("rights", &self.rights)
    }
}

impl Transform {
    pub(super) fn read(subject: DatasetSubject, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            output: Dataset::read(subject, fields)?,
            inputs: fields.read("inputs")?,
            code: fields.read_some("code")?,
            config: fields.read_some("config")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        self.output
            .write(object)
            .with("inputs", &self.inputs)
            .with_some("code", self.code.as_ref())
            .with_some("config", self.config.as_ref())
    }
}

impl Available {
    pub(super) fn read(target: StatementId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { target, cid: fields.read("cid")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("cid", &self.cid)
    }
}

impl Refused {
    pub(super) fn read(target: StatementId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self { target, reason: fields.read("reason")? })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object.with("reason", &self.reason)
    }
}
