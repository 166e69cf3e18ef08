//! Statements about models: trained, measured, deployed, used.

use std::collections::{BTreeMap, BTreeSet};

use super::dataset::Code;
use super::inputs::{Inputs, Listed};
use super::subject::{ModelFiles, ModelSubject};
use super::values::Amount;
use crate::digest::{ContributorId, Digest, ModelId, StatementId};
use crate::field::{Field, Members, ReadFields as _, text_fields};
use crate::json::{FieldError, Fields, Json, Node};
use crate::name::{MetricName, MetricValue, Name, Uri};
use crate::rights::Rights;
use crate::spelled::spelled_enums;
use crate::time::UtcTime;

/// A model made from datasets and models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Train {
    /// Name and model id; the id is that of the files, if they stand here.
    pub subject: ModelSubject,
    /// Whose model it is, if not the signer's.
    pub on_behalf_of: Option<ContributorId>,
    /// The files of the model.
    pub files: Listed<ModelFiles>,
    /// What it was made from.
    pub inputs: Inputs,
    /// What may be done with it.
    pub rights: Rights,
    /// The program that trained it.
    pub code: Option<Code>,
    /// SHA-256 of the program's configuration.
    pub config: Option<Digest>,
    /// Who took part, and how; at least one, if given.
    pub agents: Option<BTreeSet<Agent>>,
}

/// Somebody who took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Agent {
    /// Who.
    pub contributor_id: ContributorId,
    /// How.
    pub role: AgentRole,
}

/// Measurements of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluate {
    /// The model.
    pub subject: ModelId,
    /// The train statement that made it.
    pub model: StatementId,
    /// SHA-256 of the full report.
    pub report: Digest,
    /// What it was measured with.
    pub inputs: Inputs,
    /// What came out.
    pub metrics: BTreeMap<MetricName, MetricValue>,
}

/// A model that is served, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// The model.
    pub subject: ModelId,
    /// The train statement that made it.
    pub model: StatementId,
    /// What its owner calls the deployment.
    pub deployment: Name,
    /// Whether it is served.
    pub state: DeploymentState,
    /// Whose deployment it is, if not the signer's.
    pub on_behalf_of: Option<ContributorId>,
    /// Where it is served.
    pub uri: Option<Uri>,
}

/// How much a model was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The model.
    pub subject: ModelId,
    /// The train statement that made it.
    pub model: StatementId,
    /// The deploy statement of the deployment in which it was used.
    pub deployment: Option<StatementId>,
    /// When counting started.
    pub from: UtcTime,
    /// When counting ended, not before it started.
    pub to: UtcTime,
    /// What was counted.
    pub unit: Unit,
    /// How many.
    pub count: Amount,
    /// The contribute, transform and train statements whose rights the user relied on.
    pub terms: BTreeSet<StatementId>,
}

spelled_enums! {
    /// How somebody took part.
    AgentRole, "an agent's role" {
        /// Gave the machines.
        Compute = "compute",
        /// Gave data.
        Contributor = "contributor",
        /// Serves the model.
        Deployer = "deployer",
        /// Wrote the program.
        Developer = "developer",
        /// Ran the training.
        Trainer = "trainer",
        /// Checked the result.
        Validator = "validator",
    }

    /// Whether a deployment is served.
    DeploymentState, "a state of a deployment" {
        /// It is.
        Active = "active",
        /// No longer.
        Retired = "retired",
    }

    /// What was counted.
    Unit, "a unit of use" {
        /// Hours of serving.
        Hours = "hours",
        /// Requests answered.
        Requests = "requests",
        /// People who may use it.
        Seats = "seats",
        /// Tokens read and written.
        Tokens = "tokens",
    }
}

text_fields! {
    AgentRole, "the role of an agent";
    DeploymentState, "active or retired";
    Unit, "requests, tokens, hours or seats";
}

impl Field for Agent {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let agent = Self { contributor_id: fields.read("contributor_id")?, role: fields.read("role")? };
        fields.finish()?;
        Ok(agent)
    }

    fn to_json(&self) -> Json {
        Members::new().with("contributor_id", &self.contributor_id).with("role", &self.role).into_json()
    }
}

impl Train {
    pub(super) fn read(subject: ModelSubject, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            subject,
            on_behalf_of: fields.read_some("on_behalf_of")?,
            files: fields.read("files")?,
            inputs: fields.read("inputs")?,
            rights: fields.read("rights")?,
            code: fields.read_some("code")?,
            config: fields.read_some("config")?,
            agents: fields.read_some("agents")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with_some("on_behalf_of", self.on_behalf_of.as_ref())
            .with("files", &self.files)
            .with("inputs", &self.inputs)
            .with("rights", &self.rights)
            .with_some("code", self.code.as_ref())
            .with_some("config", self.config.as_ref())
            .with_some("agents", self.agents.as_ref())
    }
}

impl Evaluate {
    pub(super) fn read(subject: ModelId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            subject,
            model: fields.read("model")?,
            report: fields.read("report")?,
            inputs: fields.read("inputs")?,
            metrics: fields.read("metrics")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with("model", &self.model)
            .with("report", &self.report)
            .with("inputs", &self.inputs)
            .with("metrics", &self.metrics)
    }
}

impl Deploy {
    pub(super) fn read(subject: ModelId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            subject,
            model: fields.read("model")?,
            deployment: fields.read("deployment")?,
            state: fields.read("state")?,
            on_behalf_of: fields.read_some("on_behalf_of")?,
            uri: fields.read_some("uri")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with("model", &self.model)
            .with("deployment", &self.deployment)
            .with("state", &self.state)
            .with_some("on_behalf_of", self.on_behalf_of.as_ref())
            .with_some("uri", self.uri.as_ref())
    }
}

impl Usage {
    pub(super) fn read(subject: ModelId, fields: &mut Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            subject,
            model: fields.read("model")?,
            deployment: fields.read_some("deployment")?,
            from: fields.read("from")?,
            to: fields.read("to")?,
            unit: fields.read("unit")?,
            count: fields.read("count")?,
            terms: fields.read("terms")?,
        })
    }

    pub(super) fn write(&self, object: Members) -> Members {
        object
            .with("model", &self.model)
            .with_some("deployment", self.deployment.as_ref())
            .with("from", &self.from)
            .with("to", &self.to)
            .with("unit", &self.unit)
            .with("count", &self.count)
            .with("terms", &self.terms)
    }
}
