//! What went into a dataset, a model or an evaluation: a closed list.

use super::ranges::{Ranges, RowSet};
use super::values::{Amount, Positive};
use crate::digest::{Digest, StatementId};
use crate::field::{Field, Members, ReadFields as _, text_fields};
use crate::json::{FieldError, Fields, Json, Node};
use crate::name::Uri;
use crate::rights::License;
use crate::spelled::spelled_enums;

spelled_enums! {
    /// What an input was used for.
    InputRole, "an input's role" {
        /// The model that was started from.
        Base = "base",
        /// Answers of a model that were learned from.
        Distill = "distill",
        /// Adapting a model.
        Finetune = "finetune",
        /// Training from the start, before any adapting.
        Pretrain = "pretrain",
        /// Looked up in while the model runs.
        Retrieval = "retrieval",
        /// Measured with, never learned from.
        Test = "test",
        /// Learned from.
        Train = "train",
        /// Measured with while learning, to choose among models.
        Validation = "validation",
    }
}

/// A list that stands in the statement, or, if it is long, in a file that the statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed<T> {
    /// The list itself.
    Inline(T),
    /// A file with the list.
    File {
        /// How many items it has.
        count: Positive,
        /// SHA-256 of the file.
        list: Digest,
    },
}

/// The inputs, at most [`Inputs::MAX_INLINE`] of them in the statement.
pub type Inputs = Listed<Vec<Input>>;

impl Inputs {
    /// Most inputs that may stand in a statement.
    pub const MAX_INLINE: usize = 4096;

    /// The inputs that stand in the statement; none if they are in a file.
    pub fn inline(&self) -> &[Input] {
        match self {
            Self::Inline(inputs) => inputs,
            Self::File { .. } => &[],
        }
    }
}

/// Something that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A dataset or model of this log.
    Logged(LoggedInput),
    /// Anything else: shown, but never verified, and never known to be allowed.
    External(ExternalInput),
}

/// A dataset or model of this log that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedInput {
    /// The contribute, transform or train statement.
    pub statement: StatementId,
    /// What for.
    pub role: InputRole,
    /// How often.
    pub passes: Positive,
    /// How much of it.
    pub part: Part,
    /// How many tokens that was, all passes together.
    pub tokens: Option<Amount>,
}

/// How much of a dataset was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All rows.
    Whole,
    /// All rows of these chunks.
    Chunks(Ranges),
    /// These rows.
    Rows(RowSet),
}

/// Something that was used and is not in this log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalInput {
    /// Where it was found.
    pub uri: Uri,
    /// What for.
    pub role: InputRole,
    /// SHA-256 of its bytes.
    pub sha256: Option<Digest>,
    /// The licence under which it was found.
    pub license: Option<License>,
}

impl<T: Field> Field for Listed<T> {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        if !matches!(node.json(), Json::Object(_)) {
            return T::read(node).map(Self::Inline);
        }
        let mut fields = node.fields()?;
        let listed = Self::File { count: fields.read("count")?, list: fields.read("list")? };
        fields.finish()?;
        Ok(listed)
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Inline(items) => items.to_json(),
            Self::File { count, list } => Members::new().with("count", count).with("list", list).into_json(),
        }
    }
}

impl Field for Input {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let input = match fields.read_some("statement")? {
            Some(statement) => Self::Logged(LoggedInput::read(statement, node, &mut fields)?),
            None => Self::External(ExternalInput::read(&mut fields)?),
        };
        fields.finish()?;
        Ok(input)
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Logged(input) => input.write(),
            Self::External(input) => input.write(),
        }
    }
}

impl LoggedInput {
    fn read(statement: StatementId, node: &Node<'_>, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            statement,
            role: fields.read("role")?,
            passes: fields.read("passes")?,
            part: match (fields.read_some("chunks")?, fields.read_some("rows")?) {
                (None, None) => Part::Whole,
                (Some(chunks), None) => Part::Chunks(chunks),
                (None, Some(rows)) => Part::Rows(rows),
                (Some(_), Some(_)) => return Err(node.unlike("an input with chunks or rows, not both")),
            },
            tokens: fields.read_some("tokens")?,
        })
    }

    fn write(&self) -> Json {
        let (chunks, rows) = match &self.part {
            Part::Whole => (None, None),
            Part::Chunks(chunks) => (Some(chunks), None),
            Part::Rows(rows) => (None, Some(rows)),
        };
        Members::new()
            .with("statement", &self.statement)
            .with("role", &self.role)
            .with("passes", &self.passes)
            .with_some("chunks", chunks)
            .with_some("rows", rows)
            .with_some("tokens", self.tokens.as_ref())
            .into_json()
    }
}

impl ExternalInput {
    fn read(fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            uri: fields.read("uri")?,
            role: fields.read("role")?,
            sha256: fields.read_some("sha256")?,
            license: fields.read_some("license")?,
        })
    }

    fn write(&self) -> Json {
        Members::new()
            .with("uri", &self.uri)
            .with("role", &self.role)
            .with_some("sha256", self.sha256.as_ref())
            .with_some("license", self.license.as_ref())
            .into_json()
    }
}

text_fields!(InputRole, "the role of an input";);
