//! The options that say what may be done with a dataset or a model: shared by everything that signs a rights block.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use mira_core::digest::Digest;
use mira_core::manifest::FileRef;
use mira_core::rights::{
    Attribution, Basis, Consent, License, LicenseError, PersonalData, Rights, Terms, TermsError, Use, Visibility,
};
use mira_ingest::license;
use serde::{Deserialize, Deserializer};

use crate::blobs::Blobs;
use crate::card::{Card, CardLicense};
use crate::error::{CliError, Kind, Result};
use crate::read_file;

/// Longest text of a licence that is read.
const MAX_LICENSE_TEXT: usize = 1 << 20;

/// What may be done with it. Nothing here is ever inferred.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TermsArgs {
    /// Licence, as an SPDX expression (default: that of the card, of the version before, or NOASSERTION)
    #[arg(long, value_name = "SPDX", value_parser = typed_license)]
    #[serde(deserialize_with = "license_option")]
    license: Option<License>,
    /// The licence's text, if the expression names a LicenseRef-
    #[arg(long, value_name = "FILE")]
    license_text: Option<PathBuf>,
    /// Why you may give these rights: own, licensed, consent, public-domain, unknown (default: as before, or unknown)
    #[arg(long)]
    #[serde(deserialize_with = "parsed_option")]
    basis: Option<Basis>,
    /// Uses that you allow: commercial, distill, evaluate, finetune, redistribute, retrieve, train (default for both
    /// lists, where neither is given: as before, or none)
    #[arg(long, value_delimiter = ',', value_name = "USE,…")]
    #[serde(deserialize_with = "parsed_list")]
    allow: Vec<Use>,
    /// Uses that you forbid
    #[arg(long, value_delimiter = ',', value_name = "USE,…")]
    #[serde(deserialize_with = "parsed_list")]
    deny: Vec<Use>,
    /// Personal data in it: none, present, unknown (default: as before, or unknown)
    #[arg(long)]
    #[serde(deserialize_with = "parsed_option")]
    personal_data: Option<PersonalData>,
    /// Who may see it: public, restricted, private (default: as before, or public)
    #[arg(long)]
    #[serde(deserialize_with = "parsed_option")]
    visibility: Option<Visibility>,
    /// Whom or what to name: contributor:HEX, or sha256:HEX of a text kept elsewhere
    #[arg(long, value_name = "WHOM")]
    #[serde(deserialize_with = "parsed_option")]
    attribution: Option<Attribution>,
    /// The record of consent, kept elsewhere: sha256=HEX,scope=USE+USE[,expires=YYYY-MM-DD]
    #[arg(long, value_name = "RECORD", value_parser = parse_consent)]
    #[serde(deserialize_with = "consent_option")]
    consent: Option<Consent>,
}

impl TermsArgs {
    /// The names of the options, for those that take all of them from elsewhere.
    pub const IDS: [&'static str; 9] =
        ["license", "license_text", "basis", "allow", "deny", "personal_data", "visibility", "attribution", "consent"];

    /// The rights block without a card.
    pub fn rights(&self, blobs: &Blobs) -> Result<Granted> {
        self.granted(blobs, None, None)
    }

    /// The rights block. A card that is given anew gives the licence where no option does, and what its licence is called is then no
    /// file of ours: the text is that of the option, of the file that the card names, or of the version `before`, if it
    /// had the same licence. The text is kept, so that it can be shown to whoever asks for it. What neither an option nor
    /// the card says is as it was before, so that no new version loosens terms in silence.
    pub fn granted(&self, blobs: &Blobs, card: Option<&Card>, before: Option<&Rights>) -> Result<Granted> {
        let (granted, text) = self.decide(Some(blobs), card, before)?;
        text.iter().try_for_each(|text| blobs.put(text).map(drop))?;
        Ok(granted)
    }

    /// The same with nothing kept, for dry runs; without a workspace there are no files and no version before.
    pub fn planned(&self, blobs: Option<&Blobs>, card: Option<&Card>, before: Option<&Rights>) -> Result<Granted> {
        self.decide(blobs, card, before).map(|(granted, _)| granted)
    }

    fn decide(
        &self,
        blobs: Option<&Blobs>,
        card: Option<&Card>,
        before: Option<&Rights>,
    ) -> Result<(Granted, Option<Vec<u8>>)> {
        let mut warnings = Vec::new();
        // A card that stays from the version before has had its say: what was signed then, by whatever option, persists.
        let inherited = before.filter(|_| card.is_some_and(Card::is_inherited)).map(|before| &before.license);
        let given = self.license.as_ref().or(inherited);
        let of_card = of_card(card, given, &mut warnings)?;
        let license = given.cloned().or_else(|| of_card.as_ref().map(|card| card.license.clone()));
        let license = license.or_else(|| before.map(|before| before.license.clone()));
        let license = license.unwrap_or_else(License::no_assertion);
        warnings.extend(deprecated(&license));
        let file = self.license_text.clone().or_else(|| of_card.and_then(|card| card.text));
        let text = file.map(|path| read_file::bounded(&path, MAX_LICENSE_TEXT)).transpose()?;
        let text = match text {
            None if license.names_license_ref() => {
                let before = before.filter(|before| before.license == license).and_then(|before| before.license_text);
                before.zip(blobs).map(|(digest, blobs)| blobs.get(&digest, MAX_LICENSE_TEXT)).transpose()?
            }
            text => text,
        };
        let lists = before.filter(|_| self.allow.is_empty() && self.deny.is_empty());
        let list = |given: &[Use], before: Option<&BTreeSet<Use>>| match before {
            Some(before) => before.clone(),
            None => given.iter().copied().collect(),
        };
        let terms = Terms {
            allow: list(&self.allow, lists.map(|before| &before.allow)),
            deny: list(&self.deny, lists.map(|before| &before.deny)),
            basis: self.basis.or(before.map(|before| before.basis)).unwrap_or(Basis::Unknown),
            license,
            license_text: text.as_ref().map(|text| Digest::of(text)),
            personal_data: self
                .personal_data
                .or(before.map(|before| before.personal_data))
                .unwrap_or(PersonalData::Unknown),
            visibility: self.visibility.or(before.map(|before| before.visibility)).unwrap_or(Visibility::Public),
            attribution: self.attribution.or(before.and_then(|before| before.attribution)),
            consent: self.consent.clone().or_else(|| before.and_then(|before| before.consent.clone())),
        };
        let rights = Rights::new(terms).map_err(|error| {
            let failed = CliError::new(Kind::Usage, error.to_string());
            match error {
                TermsError::TextMissing { .. } => failed.hint("--license-text names a file with the licence's text"),
                _ => failed,
            }
        })?;
        Ok((Granted { rights, license_text: text.as_deref().map(FileRef::of), warnings }, text))
    }
}

/// What the card says about the licence. What is given beats it, and what contradicts it is said.
fn of_card(card: Option<&Card>, given: Option<&License>, warnings: &mut Vec<String>) -> Result<Option<CardLicense>> {
    let Some(card) = card else { return Ok(None) };
    let (Some(given), of_card) = (given, card.license()) else { return card.license() };
    let who = if card.is_inherited() { "the version before, or --license, says" } else { "--license says" };
    match &of_card {
        Ok(Some(CardLicense { license, .. })) if license != given => {
            warnings.push(format!("the card says {license}, {who} {given}: {given} is signed"));
        }
        Err(error) => warnings.push(format!("{}: {given} is signed", error.message())),
        Ok(_) => {}
    }
    Ok(of_card.ok().flatten().filter(|card| card.license == *given))
}

/// A rights block, and what came with it.
#[derive(Debug)]
pub struct Granted {
    /// The block.
    pub rights: Rights,
    /// The text of the licence, which is kept.
    pub license_text: Option<FileRef>,
    /// What a person should know, though it is signed all the same.
    pub warnings: Vec<String>,
}

/// An SPDX expression whose identifiers are on SPDX's list.
pub fn known_license(text: &str) -> std::result::Result<License, String> {
    look_up(text).map_err(|(error, hint)| format!("{error}; {hint}"))
}

/// The same on a command line, where what would help has a line of its own.
fn typed_license(text: &str) -> std::result::Result<License, String> {
    look_up(text).map_err(|(error, hint)| format!("{error}\n\n  tip: {hint}"))
}

fn look_up(text: &str) -> std::result::Result<License, (String, String)> {
    let license: License = text
        .parse()
        .map_err(|error: LicenseError| (error.to_string(), "an expression is as in `MIT OR Apache-2.0`".to_owned()))?;
    license::check(&license).map_err(|error| {
        let hint = match &error.instead {
            Some(instead) => format!("did you mean {instead}?"),
            None => "LicenseRef-NAME with --license-text names a licence of your own".to_owned(),
        };
        (error.to_string(), hint)
    })?;
    Ok(license)
}

/// What SPDX would say instead.
fn deprecated(license: &License) -> Vec<String> {
    let found = license::check(license).unwrap_or_default().into_iter();
    let instead = |instead: Option<String>| instead.map(|instead| format!(": say {instead}")).unwrap_or_default();
    found.map(|old| format!("{} is deprecated by SPDX{}", old.found, instead(old.instead))).collect()
}

fn license_option<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<License>, D::Error> {
    known_license(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
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
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

fn consent_option<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Consent>, D::Error> {
    parse_consent(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}
