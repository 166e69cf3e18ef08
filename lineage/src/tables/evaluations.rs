//! `evaluations`: what was measured on models, one row per metric.

use mira_core::digest::{ContributorId, Digest, ModelId, StatementId};
use mira_core::name::{MetricName, MetricValue};
use mira_core::time::UtcTime;

use super::{Assurance, table};

table! {
    /// A metric of an evaluation; one row without a metric if it has none.
    EvaluationRow as "evaluations" {
        /// The evaluate statement.
        statement_id: StatementId,
        /// Its node.
        node: u32,
        /// Its place in the log.
        seq: u64,
        /// Who measured.
        signer: ContributorId,
        /// The train statement of the model.
        model: StatementId,
        /// The same, for people.
        model_ref: Option<String>,
        /// The model's files.
        model_id: ModelId,
        /// SHA-256 of the full report.
        report: Digest,
        /// What was measured.
        metric: Option<MetricName>,
        /// What came out: decimal text, exactly as it was signed.
        value: Option<MetricValue>,
        /// When the signer says that it was signed.
        claimed_at: UtcTime,
        /// How much stands behind it.
        assurance: Assurance,
        /// The first epoch that holds it.
        epoch: Option<u64>,
    }
}
