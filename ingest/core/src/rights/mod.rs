//! What may be done with data or a model: the signed rights block, and how rights fold along lineage.
//!
//! A block is what its signer says and is never inferred from anything. [`Terms`] are its fields; [`Rights`] are terms
//! that do not contradict themselves, and the only thing that is ever signed, stored or folded. The JSON form stands in
//! statements, the CBOR form in manifests; both are section 7 of `FORMAT.md`.
//!
//! ```
//! use mira_core::rights::{InputRights, Rights, Use, Verdict, fold};
//!
//! let rights = Rights::parse(
//!     [
//!         r#"{"allow":["train"],"basis":"own","deny":["redistribute"],"license":"MIT","#,
//!         r#""personal_data":"none","visibility":"public"}"#,
//!     ]
//!     .concat()
//!     .as_bytes(),
//! )?;
//! let inputs = [("ours", InputRights::Terms(&rights)), ("theirs", InputRights::External)];
//! assert_eq!(fold(Use::Redistribute, inputs), Verdict::Denied { by: "ours" });
//! assert_eq!(fold(Use::Train, inputs), Verdict::Unknown { by: Some("theirs") });
//! assert_eq!(fold(Use::Train, [inputs[0]]), Verdict::Allowed);
//! # Ok::<(), mira_core::rights::RightsError>(())
//! ```

mod license;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

pub use license::{License, LicenseError};

use crate::cbor::{CborError, Reader};
use crate::digest::{ContributorId, Digest, DigestError};
use crate::field::cbor::Form;
use crate::field::{Field, Members, ReadFields as _, text_fields};
use crate::json::{FieldError, Json, JsonError, Node, parse_canonical};
use crate::spelled::spelled_enums;
use crate::time::Date;

spelled_enums! {
    /// Something that may be done with data.
    Use, "a use" {
        /// Earn money with it or with what is made from it.
        Commercial = "commercial",
        /// Train another model on a model's answers.
        Distill = "distill",
        /// Measure a model with it.
        Evaluate = "evaluate",
        /// Adapt a model that exists.
        Finetune = "finetune",
        /// Hand it on.
        Redistribute = "redistribute",
        /// Look things up in it while a model runs.
        Retrieve = "retrieve",
        /// Train a model.
        Train = "train",
    }

    /// Why the signer may give these rights.
    Basis, "a basis" {
        /// The people it is about agreed.
        Consent = "consent",
        /// A licence from the owner.
        Licensed = "licensed",
        /// The signer made it.
        Own = "own",
        /// Nobody owns it.
        PublicDomain = "public-domain",
        /// Not known.
        Unknown = "unknown",
    }

    /// Whether it says something about people who can be told apart.
    PersonalData, "a personal_data value" {
        /// It does not.
        None = "none",
        /// It does.
        Present = "present",
        /// Not known.
        Unknown = "unknown",
    }

    /// Who may see it.
    Visibility, "a visibility" {
        /// The signer and whom they choose.
        Private = "private",
        /// Everybody.
        Public = "public",
        /// Whoever meets a condition.
        Restricted = "restricted",
    }
}

/// Whom or what to name when the data are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribution {
    /// A contributor.
    Contributor(ContributorId),
    /// A text kept elsewhere, by its SHA-256.
    Text(Digest),
}

/// A record of consent, kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Consent {
    /// The last day on which it holds, if it ends.
    pub expires: Option<Date>,
    /// SHA-256 of the record.
    pub record: Digest,
    /// The uses that were agreed to.
    pub scope: BTreeSet<Use>,
}

/// The fields of a rights block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Uses that are allowed.
    pub allow: BTreeSet<Use>,
    /// Uses that are denied; none of them is allowed.
    pub deny: BTreeSet<Use>,
    /// Why the signer may give these rights.
    pub basis: Basis,
    /// The licence.
    pub license: License,
    /// SHA-256 of the licence's text: present exactly if the licence names a `LicenseRef-`.
    pub license_text: Option<Digest>,
    /// Whether it holds personal data.
    pub personal_data: PersonalData,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whom or what to name.
    pub attribution: Option<Attribution>,
    /// The record of consent.
    pub consent: Option<Consent>,
}

/// Terms that do not contradict themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rights(Terms);

/// Why terms contradict themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// One use is in both lists.
    #[error("{found} is both allowed and denied")]
    AllowedAndDenied {
        /// The use.
        found: Use,
    },
    /// The licence names a text that is not given.
    #[error("license {license} names a licence text, but license_text is missing")]
    TextMissing {
        /// The licence.
        license: License,
    },
    /// A text is given that the licence does not name.
    #[error("license_text is given, but license {license} names no LicenseRef-")]
    TextUnnamed {
        /// The licence.
        license: License,
    },
}

/// Why bytes are not a rights block.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// Not canonical JSON.
    #[error("the rights block is not canonical JSON")]
    Json(#[from] JsonError),
    /// Not deterministic CBOR.
    #[error("the rights block is not deterministic CBOR")]
    Cbor(#[from] CborError),
    /// A key is missing, unknown or has a value it cannot have.
    #[error("the rights block is malformed")]
    Field(#[from] FieldError),
}

/// In a manifest the digests of a rights block are text, as in JSON.
const CBOR: Form = Form(&[]);

impl Rights {
    /// Accepts terms that do not contradict themselves.
    pub fn new(terms: Terms) -> Result<Self, TermsError> {
        if let Some(found) = terms.allow.intersection(&terms.deny).next() {
            return Err(TermsError::AllowedAndDenied { found: *found });
        }
        match (terms.license.names_license_ref(), terms.license_text) {
            (true, None) => Err(TermsError::TextMissing { license: terms.license }),
            (false, Some(_)) => Err(TermsError::TextUnnamed { license: terms.license }),
            _ => Ok(Self(terms)),
        }
    }

    /// Reads the JSON form; refuses any other spelling of it.
    pub fn parse(json: &[u8]) -> Result<Self, RightsError> {
        Ok(Self::read(&Node::root(&parse_canonical(json)?))?)
    }

    /// Writes the JSON form.
    pub fn to_json_bytes(&self) -> Vec<u8> {
        self.to_json().to_canonical()
    }

    /// Appends the CBOR form of the manifest to `out`.
    pub fn write_cbor(&self, out: &mut Vec<u8>) {
        CBOR.write(out, &self.to_json());
    }

    /// Reads the CBOR form from `reader`, up to its last byte; refuses any other spelling of it.
    pub fn read_cbor(reader: &mut Reader<'_>) -> Result<Self, RightsError> {
        Ok(Self::read(&Node::root(&CBOR.read(reader)?))?)
    }

    /// What this block alone says about a use.
    pub fn verdict(&self, wanted: Use) -> Verdict<()> {
        fold(wanted, [((), InputRights::Terms(self))])
    }
}

impl Deref for Rights {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.0
    }
}

impl Field for Rights {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let terms = Terms {
            allow: fields.read("allow")?,
            deny: fields.read("deny")?,
            basis: fields.read("basis")?,
            license: fields.read("license")?,
            license_text: fields.read_some("license_text")?,
            personal_data: fields.read("personal_data")?,
            visibility: fields.read("visibility")?,
            attribution: fields.read_some("attribution")?,
            consent: fields.read_some("consent")?,
        };
        fields.finish()?;
        Self::new(terms).map_err(|error| match error {
            TermsError::AllowedAndDenied { .. } => node.unlike("rights in which no use is both allowed and denied"),
            TermsError::TextMissing { .. } => {
                node.unlike("rights with license_text, as the licence names a LicenseRef-")
            }
            TermsError::TextUnnamed { .. } => node.unlike("rights without license_text, as no LicenseRef- is named"),
        })
    }

    fn to_json(&self) -> Json {
        Members::new()
            .with("allow", &self.allow)
            .with("deny", &self.deny)
            .with("basis", &self.basis)
            .with("license", &self.license)
            .with_some("license_text", self.license_text.as_ref())
            .with("personal_data", &self.personal_data)
            .with("visibility", &self.visibility)
            .with_some("attribution", self.attribution.as_ref())
            .with_some("consent", self.consent.as_ref())
            .into_json()
    }
}

impl Field for Consent {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let consent = Self {
            expires: fields.read_some("expires")?,
            record: fields.read("record")?,
            scope: fields.read("scope")?,
        };
        fields.finish()?;
        Ok(consent)
    }

    fn to_json(&self) -> Json {
        Members::new()
            .with_some("expires", self.expires.as_ref())
            .with("record", &self.record)
            .with("scope", &self.scope)
            .into_json()
    }
}

text_fields! {
    Use, "a use";
    Basis, "own, licensed, consent, public-domain or unknown";
    PersonalData, "none, present or unknown";
    Visibility, "public, restricted or private";
    Attribution, "contributor:<64 hex> or sha256:<64 hex>";
    License, "an SPDX licence expression";
}

/// Why a text is not an attribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributionError {
    /// Another prefix.
    #[error("expected contributor:<64 hex> or sha256:<64 hex>, found {found:?}")]
    Prefix {
        /// The text as given, cut to 80 characters.
        found: String,
    },
    /// No digest after the prefix.
    #[error("the attribution names no digest")]
    Digest(#[from] DigestError),
}

impl FromStr for Attribution {
    type Err = AttributionError;

    fn from_str(text: &str) -> Result<Self, AttributionError> {
        match text.split_once(':') {
            Some(("contributor", id)) => Ok(Self::Contributor(id.parse()?)),
            Some(("sha256", digest)) => Ok(Self::Text(digest.parse()?)),
            _ => Err(AttributionError::Prefix { found: text.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for Attribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contributor(id) => write!(f, "contributor:{id}"),
            Self::Text(digest) => write!(f, "sha256:{digest}"),
        }
    }
}

/// What is known about the rights in one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputRights<'a> {
    /// The block that its statement carries.
    Terms(&'a Rights),
    /// The same, after some of the input's rows were withdrawn: which of them were used is not known here.
    PartlyWithdrawn(&'a Rights),
    /// The input was withdrawn.
    Withdrawn,
    /// The input is no statement in the log.
    External,
}

/// What the rights in all inputs together say about a use. `by` is the first input that decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<T> {
    /// There are inputs; each allows it, and none denies it.
    Allowed,
    /// An input denies it, or was withdrawn.
    Denied {
        /// The first such input.
        by: T,
    },
    /// No input denies it, but not every one allows it.
    Unknown {
        /// The first input that does not allow it; none if there are no inputs.
        by: Option<T>,
    },
}

impl<T> Verdict<T> {
    /// Whether the use is allowed; unknown never passes.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }
}

/// Folds the rights in all inputs of a model, near and far, for one use. `T` names an input in the answer.
pub fn fold<'a, T>(wanted: Use, inputs: impl IntoIterator<Item = (T, InputRights<'a>)>) -> Verdict<T> {
    let mut unknown = None;
    let mut any = false;
    for (by, rights) in inputs {
        any = true;
        let (terms, whole) = match rights {
            InputRights::Withdrawn => return Verdict::Denied { by },
            InputRights::External => (None, false),
            InputRights::Terms(terms) => (Some(terms), true),
            InputRights::PartlyWithdrawn(terms) => (Some(terms), false),
        };
        if terms.is_some_and(|terms| terms.deny.contains(&wanted)) {
            return Verdict::Denied { by };
        }
        let allowed = whole && terms.is_some_and(|terms| terms.allow.contains(&wanted));
        if !allowed && unknown.is_none() {
            unknown = Some(by);
        }
    }
    if any && unknown.is_none() { Verdict::Allowed } else { Verdict::Unknown { by: unknown } }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = concat!(
        r#"{"allow":["train"],"basis":"own","deny":["distill","redistribute"],"license":"MIT","#,
        r#""personal_data":"none","visibility":"public"}"#
    );

    fn rights(text: &str) -> Result<Rights, RightsError> {
        Rights::parse(text.as_bytes())
    }

    #[test]
    fn refuses_blocks_that_contradict_themselves() {
        assert_eq!(rights(PLAIN).unwrap().to_json_bytes(), PLAIN.as_bytes());
        let digest = Digest::default().to_string();
        let own_text = PLAIN.replace("MIT\"", &format!("LicenseRef-a\",\"license_text\":\"{digest}\""));
        assert!(rights(&own_text).is_ok());
        for (from, to, why) in [
            ("[\"train\"]", "[\"distill\"]", "allowed and denied"),
            ("[\"train\"]", "[\"train\",\"commercial\"]", "not ascending"),
            ("[\"train\"]", "[\"train\",\"train\"]", "twice"),
            ("[\"train\"]", "[\"breathe\"]", "no use"),
            ("\"own\"", "\"Own\"", "no basis"),
            ("MIT", "LicenseRef-a", "a text is named but not given"),
            ("MIT\"", &format!("MIT\",\"license_text\":\"{digest}\""), "a text is given but not named"),
            ("\"basis\"", "\"attribution\":\"ann\",\"basis\"", "prose as attribution"),
            (",\"visibility\":\"public\"", "", "a key is missing"),
            ("\"public\"}", "\"public\",\"will\":\"x\"}", "an unknown key"),
            ("\"basis\":", "\"basis\": ", "a space"),
        ] {
            let changed = PLAIN.replace(from, to);
            assert!(changed != PLAIN && rights(&changed).is_err(), "{why}");
        }
    }

    #[test]
    fn cbor_keys_ascend_by_length_first() {
        let mut cbor = Vec::new();
        rights(PLAIN).unwrap().write_cbor(&mut cbor);
        assert_eq!(cbor[..6], [0xa6, 0x64, b'd', b'e', b'n', b'y']);
        let keys = ["deny", "allow", "basis", "license", "visibility", "personal_data"];
        let places = keys.map(|key| cbor.windows(key.len()).position(|window| window == key.as_bytes()).unwrap());
        assert!(places.is_sorted());

        let read = |bytes: &[u8]| Rights::read_cbor(&mut Reader::new(bytes));
        assert!(read(&cbor).is_ok());
        cbor[0] = 0xa5;
        assert!(read(&cbor).is_err(), "a key is missing");
        assert!(matches!(read(&[0x81; 64]), Err(RightsError::Cbor(CborError::Range { at: 5, .. }))), "too deep");
        let swapped = [&[0xa2, 0x65][..], b"allow", &[0x80, 0x64], b"deny", &[0x80]].concat();
        assert!(matches!(read(&swapped), Err(RightsError::Cbor(CborError::NotCanonical { at: 8, .. }))));
    }

    #[test]
    fn the_first_input_that_decides_is_named() {
        let allows = rights(PLAIN).unwrap();
        let silent = rights(&PLAIN.replace("[\"train\"]", "[]")).unwrap();
        let denies = rights(&PLAIN.replace("\"train\"", "").replace("\"redistribute\"", "\"train\"")).unwrap();
        let (yes, maybe, no) = (InputRights::Terms(&allows), InputRights::Terms(&silent), InputRights::Terms(&denies));
        let verdict = |inputs: &[InputRights<'_>]| fold(Use::Train, inputs.iter().copied().enumerate());
        assert_eq!(verdict(&[yes, yes]), Verdict::Allowed);
        assert_eq!(verdict(&[]), Verdict::Unknown { by: None });
        assert_eq!(verdict(&[yes, maybe, InputRights::External]), Verdict::Unknown { by: Some(1) });
        assert_eq!(verdict(&[yes, InputRights::External]), Verdict::Unknown { by: Some(1) });
        assert_eq!(verdict(&[yes, InputRights::PartlyWithdrawn(&allows)]), Verdict::Unknown { by: Some(1) });
        assert_eq!(verdict(&[maybe, yes, no, InputRights::Withdrawn]), Verdict::Denied { by: 2 });
        assert_eq!(verdict(&[InputRights::External, InputRights::Withdrawn, no]), Verdict::Denied { by: 1 });
        assert_eq!(verdict(&[InputRights::PartlyWithdrawn(&denies)]), Verdict::Denied { by: 0 });
        assert_eq!(allows.verdict(Use::Distill), Verdict::Denied { by: () });
        assert!(allows.verdict(Use::Train).is_allowed() && !allows.verdict(Use::Retrieve).is_allowed());
    }
}
