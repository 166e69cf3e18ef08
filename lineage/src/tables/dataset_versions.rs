//! `dataset_versions`: each version of a dataset, contributed or made from others.

use mira_core::cid::Cid;
use mira_core::digest::{ContributorId, DatasetId, ManifestDigest, SchemaId, StatementId};
use mira_core::fold::Withdrawn;
use mira_core::name::Name;
use mira_core::rights::License;
use mira_core::time::UtcTime;

use super::{Assurance, table};

table! {
    /// A version of a dataset.
    DatasetVersionRow as "dataset_versions" {
        /// The statement that added it.
        statement_id: StatementId,
        /// Its node.
        node: u32,
        /// Its place in the log.
        seq: u64,
        /// Whose it is.
        owner: ContributorId,
        /// Who signed for it.
        signer: ContributorId,
        /// What the owner calls it.
        name: Name,
        /// Which version.
        version: u64,
        /// Both, for people.
        r#ref: String,
        /// What its rows say; equal rows have equal ids.
        dataset_id: DatasetId,
        /// SHA-256 of its manifest.
        manifest: ManifestDigest,
        /// Its schema.
        schema_id: SchemaId,
        /// How many rows.
        rows: u64,
        /// How many chunks.
        chunks: u64,
        /// Its licence; table `rights` has the rest.
        license: License,
        /// Whether it was made from others.
        derived: bool,
        /// When the signer says that it was signed.
        claimed_at: UtcTime,
        /// How much of it was withdrawn.
        withdrawn: Withdrawn,
        /// The place of the first withdrawal.
        withdrawn_seq: Option<u64>,
        /// How much stands behind it.
        assurance: Assurance,
        /// The CID of its directory, from the last statement that says it can be fetched.
        available: Option<Cid>,
        /// The first epoch that holds it.
        epoch: Option<u64>,
    }
}
