//! `runs`: the activities that list inputs: what made datasets and models, and what measured them.

use mira_core::digest::{ContributorId, Digest, StatementId};
use mira_core::name::{Commit, Uri};
use mira_core::statement::Kind;
use mira_core::time::UtcTime;

use super::{Assurance, table};

table! {
    /// A run, as its closing statement tells it.
    RunRow as "runs" {
        /// The statement: transform, train or evaluate.
        statement_id: StatementId,
        /// Which of them.
        kind: Kind,
        /// Its place in the log.
        seq: u64,
        /// Who ran it.
        signer: ContributorId,
        /// The node of what it made.
        output: u32,
        /// The same, for people; an evaluation has no name.
        output_ref: Option<String>,
        /// How many inputs it lists.
        inputs: u64,
        /// Whether they are known here. If not, they stand in `input_list`, and what needs them is an error.
        inputs_known: bool,
        /// SHA-256 of the file with the inputs, if they are not in the statement.
        input_list: Option<Digest>,
        /// The program.
        code_uri: Option<Uri>,
        /// At which commit.
        code_commit: Option<Commit>,
        /// SHA-256 of its configuration.
        config: Option<Digest>,
        /// When the signer says that it was signed.
        claimed_at: UtcTime,
        /// How much stands behind it.
        assurance: Assurance,
        /// The first epoch that holds it.
        epoch: Option<u64>,
    }
}
