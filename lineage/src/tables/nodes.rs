//! `nodes`: what lineage runs between. Node ids are dense and in log order.

use super::{table, words};

words! {
    /// What a node is.
    NodeKind {
        /// A dataset as somebody contributed or made it: contribute, transform.
        DatasetVersion = "dataset_version",
        /// A model as somebody trained it: train.
        ModelVersion = "model_version",
        /// Measurements of a model: evaluate.
        Evaluation = "evaluation",
        /// A model that is served, or no longer: deploy.
        Deployment = "deployment",
        /// How much a model was used: use.
        Use = "use",
        /// Something that was used and is not in this log.
        External = "external",
        /// A program at a commit.
        Code = "code",
        /// A program's configuration.
        Config = "config",
    }
}

table! {
    /// Something that lineage runs between.
    NodeRow as "nodes" {
        /// Its number, from 0, in log order.
        node: u32,
        /// The statement that made it; of `external` its URI, with `#sha256:…` if given; of `code` URI and commit; of
        /// `config` its SHA-256.
        id: String,
        /// What it is.
        kind: NodeKind,
        /// The name that a person knows it by, if it has one: `[label/]name@version`.
        r#ref: Option<String>,
        /// The place of the first entry that speaks of it.
        created_seq: u64,
        /// What else is known of it, as JSON.
        attrs: String,
    }
}
