//! `rights`: what may be done with datasets and models, as their signers say.

use mira_core::digest::{Digest, StatementId};
use mira_core::rights::{Attribution, Basis, License, PersonalData, Visibility};
use mira_core::time::Date;

use super::table;

table! {
    /// A rights block. Each use is `allowed`, `denied` or `unknown` by this block alone; `mira check` folds them along
    /// lineage.
    RightsRow as "rights" {
        /// The contribute, transform or train statement.
        statement_id: StatementId,
        /// What it adds, for people.
        r#ref: String,
        /// The licence.
        license: License,
        /// SHA-256 of its text, for a licence of one's own.
        license_text: Option<Digest>,
        /// Why the signer may give these rights.
        basis: Basis,
        /// Whether there are personal data in it.
        personal_data: PersonalData,
        /// Who may see it.
        visibility: Visibility,
        /// Whom or what to name.
        attribution: Option<Attribution>,
        /// SHA-256 of a record of consent kept elsewhere.
        consent: Option<Digest>,
        /// The last day on which the consent holds.
        consent_expires: Option<Date>,
        /// Earn money with it.
        commercial: String,
        /// Train another model on a model's answers.
        distill: String,
        /// Measure a model with it.
        evaluate: String,
        /// Adapt a model that exists.
        finetune: String,
        /// Hand it on.
        redistribute: String,
        /// Look things up in it while a model runs.
        retrieve: String,
        /// Train a model.
        train: String,
    }
}
