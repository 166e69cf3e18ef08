//! The options that say what may be done with a dataset or a model: shared by everything that signs a rights block.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use mira_core::digest::Digest;
use mira_core::rights::{
    Attribution, Basis, Consent, License, PersonalData, Rights, Terms, TermsError, Use, Visibility,
};
use serde::{Deserialize, Deserializer};

use crate::blobs::Blobs;
use crate::error::{CliError, Kind, Result};
use crate::read_file;

/// Longest text of a licence that is read.
const MAX_LICENSE_TEXT: usize = 1 << 20;

/// What may be done with it. Nothing here is ever inferred.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TermsArgs {
    /// Licence, as an SPDX expression
    #[arg(long, value_name = "SPDX", default_value = "NOASSERTION")]
    #[serde(deserialize_with = "parsed")]
    license: License,
    /// The licence's text, if the expression names a LicenseRef-
    #[arg(long, value_name = "FILE")]
    license_text: Option<PathBuf>,
    /// Why you may give these rights: own, licensed, consent, public-domain, unknown
    #[arg(long, default_value = "unknown")]
    #[serde(deserialize_with = "parsed")]
    basis: Basis,
    /// Uses that you allow: commercial, distill, evaluate, finetune, redistribute, retrieve, train
    #[arg(long, value_delimiter = ',', value_name = "USE,…")]
    #[serde(deserialize_with = "parsed_list")]
    allow: Vec<Use>,
    /// Uses that you forbid
    #[arg(long, value_delimiter = ',', value_name = "USE,…")]
    #[serde(deserialize_with = "parsed_list")]
    deny: Vec<Use>,
    /// Personal data in it: none, present, unknown
    #[arg(long, default_value = "unknown")]
    #[serde(deserialize_with = "parsed")]
    personal_data: PersonalData,
    /// Who may see it: public, restricted, private
    #[arg(long, default_value = "public")]
    #[serde(deserialize_with = "parsed")]
    visibility: Visibility,
    /// Whom or what to name: contributor:HEX, or sha256:HEX of a text kept elsewhere
    #[arg(long, value_name = "WHOM")]
    #[serde(deserialize_with = "parsed_option")]
    attribution: Option<Attribution>,
    /// The record of consent, kept elsewhere: sha256=HEX,scope=USE+USE[,expires=YYYY-MM-DD]
    #[arg(long, value_name = "RECORD", value_parser = parse_consent)]
    #[serde(deserialize_with = "consent_option")]
    consent: Option<Consent>,
}

impl Default for TermsArgs {
    /// What the options say when they are not given.
    fn default() -> Self {
        Self {
            license: License::no_assertion(),
            license_text: None,
            basis: Basis::Unknown,
            allow: Vec::new(),
            deny: Vec::new(),
            personal_data: PersonalData::Unknown,
            visibility: Visibility::Public,
            attribution: None,
            consent: None,
        }
    }
}

impl TermsArgs {
    /// The names of the options, for those that take all of them from elsewhere.
    pub const IDS: [&'static str; 9] =
        ["license", "license_text", "basis", "allow", "deny", "personal_data", "visibility", "attribution", "consent"];

    /// The rights block. A licence's text is kept, so that it can be shown to whoever asks for it.
    pub fn rights(&self, blobs: &Blobs) -> Result<Rights> {
        let license_text = match &self.license_text {
            Some(path) => Some(blobs.put(&read_file::bounded(path, MAX_LICENSE_TEXT)?)?),
            None => None,
        };
        let terms = Terms {
            allow: self.allow.iter().copied().collect::<BTreeSet<_>>(),
            deny: self.deny.iter().copied().collect::<BTreeSet<_>>(),
            basis: self.basis,
            license: self.license.clone(),
            license_text,
            personal_data: self.personal_data,
            visibility: self.visibility,
            attribution: self.attribution,
            consent: self.consent.clone(),
        };
        Rights::new(terms).map_err(|error| {
            let failed = CliError::new(Kind::Usage, error.to_string());
            match error {
                TermsError::TextMissing { .. } => failed.hint("--license-text names a file with the licence's text"),
                _ => failed,
            }
        })
    }
}

fn parse_consent(text: &str) -> std::result::Result<Consent, String> {
    let (mut record, mut scope, mut expires) = (None, None, None);
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not key=value"))?;
        match key {
            "sha256" => record = Some(value.parse::<Digest>().map_err(|error| error.to_string())?),
            "scope" => {
                let uses = value.split('+').map(str::parse::<Use>).collect::<std::result::Result<BTreeSet<_>, _>>();
                scope = Some(uses.map_err(|error| error.to_string())?);
            }
            "expires" => expires = Some(value.parse().map_err(|_| format!("{value:?} is not a day YYYY-MM-DD"))?),
            _ => return Err(format!("{key:?} is not sha256, scope or expires")),
        }
    }
    let record = record.ok_or("sha256=HEX names the record")?;
    Ok(Consent { expires, record, scope: scope.ok_or("scope=USE+USE says what was agreed to")? })
}

fn parsed<'de, T, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<T, D::Error>
where
    T: FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn parsed_list<'de, T, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<T>, D::Error>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let items = Vec::<String>::deserialize(deserializer)?;
    items.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

fn parsed_option<'de, T, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<T>, D::Error>
where
    T: FromStr<Err: std::fmt::Display>,
{
    parsed(deserializer).map(Some)
}

fn consent_option<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Consent>, D::Error> {
    parse_consent(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}
