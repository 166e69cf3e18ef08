//! What a statement is about: the one in-toto subject, and the 32 bytes in an entry's header.

use std::collections::BTreeMap;

use crate::cbor;
use crate::digest::{ContributorId, DatasetId, Digest, ManifestDigest, ModelId, StatementId};
use crate::domain;
use crate::field::{Field as _, Members, ReadFields as _};
use crate::json::{FieldError, Fields, Json, Node};
use crate::name::{ArtifactPath, Name};

/// A dataset: its name, what its rows say, and the manifest that describes its files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DatasetSubject {
    /// What its owner calls it.
    pub name: Name,
    /// What its rows say.
    pub id: DatasetId,
    /// SHA-256 of the manifest file.
    pub manifest: ManifestDigest,
}

/// A model: its name, and the files that it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelSubject {
    /// What its owner calls it.
    pub name: Name,
    /// Its files.
    pub id: ModelId,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The signer: register, rotate, revoke-key, delegate, bind.
    Contributor(ContributorId),
    /// A dataset: contribute, transform.
    Dataset(DatasetSubject),
    /// A model under its name: train.
    NamedModel(ModelSubject),
    /// A model: evaluate, deploy, use.
    Model(ModelId),
    /// Another statement: available, refused, countersign, withdraw, dispute.
    Statement(StatementId),
    /// A file: the policy of a policy statement, the report of an audit.
    File(Digest),
}

impl Subject {
    /// The 32 bytes in an entry's header.
    pub fn header(&self) -> Digest {
        match self {
            Self::Contributor(id) => (*id).into(),
            Self::Dataset(dataset) => dataset.id.into(),
            Self::NamedModel(model) => model.id.into(),
            Self::Model(id) => (*id).into(),
            Self::Statement(id) => (*id).into(),
            Self::File(digest) => *digest,
        }
    }

    /// The name, if this kind of subject has one.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Dataset(dataset) => Some(&dataset.name),
            Self::NamedModel(model) => Some(&model.name),
            _ => None,
        }
    }

    pub(super) fn to_json(&self) -> Json {
        let digest = match self {
            Self::Dataset(dataset) => Members::new().with(DATASET, &dataset.id).with(SHA256, &dataset.manifest),
            Self::NamedModel(ModelSubject { id, .. }) | Self::Model(id) => Members::new().with(MODEL, id),
            Self::Contributor(_) | Self::Statement(_) | Self::File(_) => Members::new().with(SHA256, &self.header()),
        };
        Members::new().with_json("digest", digest.into_json()).with_some("name", self.name()).into_json()
    }
}

const DATASET: &str = "miraDatasetV1";
const MODEL: &str = "miraModelV1";
const SHA256: &str = "sha256";

/// The subject as it stands in the payload; which members it must have depends on the kind.
pub(super) struct SubjectReader<'a> {
    subject: Fields<'a>,
    digest: Fields<'a>,
}

impl<'a> SubjectReader<'a> {
    pub(super) fn new(node: &Node<'a>) -> Result<Self, FieldError> {
        let mut subject = node.fields()?;
        let digest = subject.required("digest")?.fields()?;
        Ok(Self { subject, digest })
    }

    pub(super) fn dataset(mut self) -> Result<DatasetSubject, FieldError> {
        let dataset = DatasetSubject {
            name: self.subject.read("name")?,
            id: self.digest.read(DATASET)?,
            manifest: self.digest.read(SHA256)?,
        };
        self.finish()?;
        Ok(dataset)
    }

    pub(super) fn named_model(mut self) -> Result<ModelSubject, FieldError> {
        let model = ModelSubject { name: self.subject.read("name")?, id: self.digest.read(MODEL)? };
        self.finish()?;
        Ok(model)
    }

    pub(super) fn model(mut self) -> Result<ModelId, FieldError> {
        let id = self.digest.read(MODEL)?;
        self.finish()?;
        Ok(id)
    }

    pub(super) fn sha256(mut self) -> Result<Digest, FieldError> {
        let digest = self.digest.read(SHA256)?;
        self.finish()?;
        Ok(digest)
    }

    pub(super) fn signer(mut self, signer: &ContributorId) -> Result<(), FieldError> {
        let sha256 = self.digest.required(SHA256)?;
        if ContributorId::read(&sha256)? != *signer {
            return Err(sha256.unlike("the contributor_id of the signer"));
        }
        self.finish()
    }

    fn finish(self) -> Result<(), FieldError> {
        self.digest.finish()?;
        self.subject.finish()
    }
}

/// The files of a model: at least one, ascending by path.
pub type ModelFiles = BTreeMap<ArtifactPath, Digest>;

/// The CBOR array `[[path, sha256], …]`: what the model id is made from, and the file of a long list.
pub fn model_list(files: &ModelFiles) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::array(&mut out, files.len() as u64);
    for (path, sha256) in files {
        cbor::array(&mut out, 2);
        cbor::text(&mut out, path.as_str());
        cbor::bytes(&mut out, sha256.as_bytes());
    }
    out
}

/// The model id: H(tag ‖ [`model_list`]).
pub fn model_id(files: &ModelFiles) -> ModelId {
    ModelId::new(Digest::of_parts(&[domain::MODEL, &model_list(files)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_its_files() {
        let file = |path: &str, byte: u8| (path.parse::<ArtifactPath>().unwrap(), Digest::new([byte; 32]));
        let files = ModelFiles::from([file("b/weights", 2), file("a", 1)]);
        let list =
            [&[0x82, 0x82, 0x61, b'a', 0x58, 32][..], &[1; 32], &[0x82, 0x69], b"b/weights", &[0x58, 32], &[2; 32]];
        assert_eq!(model_list(&files), list.concat());
        assert_eq!(*model_id(&files).digest(), Digest::of(&[b"mira/model/v1\0", list.concat().as_slice()].concat()));
    }
}
