//! Licences by their names: SPDX's list, and the names that cards of datasets use.
//!
//! `mira-core` knows the syntax of licence expressions and no list: what was signed stays readable when the list grows.
//! Here is the list, for whoever signs now. An identifier that is on no list is refused with the nearest one that is;
//! one that SPDX has deprecated is accepted, and what to say instead is told.
//!
//! ```
//! use mira_core::rights::License;
//! use mira_ingest::license;
//!
//! let license: License = "MIT OR Apache-2.0".parse()?;
//! assert!(license::check(&license).unwrap().is_empty());
//! let error = license::check(&"mit".parse()?).unwrap_err();
//! assert_eq!(error.instead.as_deref(), Some("MIT"));
//! # Ok::<(), mira_core::rights::LicenseError>(())
//! ```
//!
//! `WITH` binds closest, then `AND`, then `OR` (SPDX 2.3, annex D).

use mira_core::rights::License;
use spdx::identifiers::{EXCEPTIONS, LICENSES};
use spdx::{exception_id, license_id};

/// An identifier that is not on SPDX's list, or not where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {found}")]
pub struct UnknownLicense {
    /// What is wrong with it.
    pub problem: &'static str,
    /// The identifier.
    pub found: String,
    /// What was probably meant.
    pub instead: Option<String>,
}

/// An identifier that SPDX has replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecated {
    /// The identifier.
    pub found: String,
    /// What to say instead, where that is one thing.
    pub instead: Option<String>,
}

/// What a card's name of a licence stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubLicense {
    /// An expression of SPDX.
    Known(License),
    /// A licence without a place on SPDX's list, by the name that a reference to its text gets.
    Own(License),
    /// A family of licences: which one is not said.
    Family,
    /// Nothing: the card says that it does not know.
    Unknown,
}

/// Looks up every identifier of an expression, and returns those that are deprecated.
///
/// # Errors
/// [`UnknownLicense`] for the first identifier that is not on SPDX's list.
pub fn check(license: &License) -> Result<Vec<Deprecated>, UnknownLicense> {
    let mut deprecated = Vec::new();
    if *license == License::no_assertion() {
        return Ok(deprecated);
    }
    let mut is_exception = false;
    for word in license.as_str().split(' ') {
        let word = word.trim_matches(['(', ')']);
        match word {
            "AND" | "OR" => {}
            "WITH" => {
                is_exception = true;
                continue;
            }
            _ if is_exception => deprecated.extend(exception(word)?),
            _ if word.starts_with("LicenseRef-") || word.starts_with("DocumentRef-") => {}
            _ => deprecated.extend(identifier(word)?),
        }
        is_exception = false;
    }
    Ok(deprecated)
}

/// The address of a licence's text, for one that is a single identifier of SPDX's list.
pub fn url(license: &License) -> Option<String> {
    listed(license).map(|id| format!("https://spdx.org/licenses/{}.html", id.name))
}

/// What the `license` of a card stands for: the ids of the Hugging Face Hub, in any case, or an SPDX expression.
/// `name` is the card's `license_name`, for the id `other`. Nothing if it is none of these.
pub fn of_hub(id: &str, name: Option<&str>) -> Option<HubLicense> {
    let lower = id.to_ascii_lowercase();
    match lower.as_str() {
        "unknown" => return Some(HubLicense::Unknown),
        "other" => return name.and_then(own),
        _ if FAMILIES.contains(&lower.as_str()) => return Some(HubLicense::Family),
        _ => {}
    }
    if let Some((_, spdx)) = RENAMED.iter().find(|(hub, _)| *hub == lower) {
        return spdx.parse().ok().map(HubLicense::Known);
    }
    if OWN.contains(&lower.as_str()) || lower.starts_with("llama") {
        return own(&lower);
    }
    if let Some(known) = LICENSES.iter().find(|license| license.name.eq_ignore_ascii_case(id)) {
        let name = known.name.strip_suffix('+').map_or_else(|| successor(known.name), successor);
        return name.as_deref().unwrap_or(known.name).parse().ok().map(HubLicense::Known);
    }
    id.parse().ok().filter(|license| check(license).is_ok()).map(HubLicense::Known)
}

/// The Hub's id of a licence: what of its list stands for exactly this expression.
pub fn to_hub(license: &License) -> Option<String> {
    let id = listed(license)?;
    let renamed = RENAMED.iter().find(|(_, spdx)| *spdx == id.name).map(|(hub, _)| (*hub).to_owned());
    let lower = id.name.to_ascii_lowercase();
    renamed.or_else(|| HUB.contains(&lower.as_str()).then_some(lower))
}

/// The one identifier of SPDX's list that an expression is. The list is looked up by whoever has it without a `+`, which
/// says more than the identifier alone.
fn listed(license: &License) -> Option<spdx::LicenseId> {
    license_id(license.as_str()).filter(|id| id.name == license.as_str())
}

/// A licence that stands on no list, as a reference to its text; one that is an expression of SPDX after all is that.
fn own(name: &str) -> Option<HubLicense> {
    if let Some(license) = name.parse::<License>().ok().filter(|license| check(license).is_ok()) {
        return Some(if license.names_license_ref() { HubLicense::Own(license) } else { HubLicense::Known(license) });
    }
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' };
    let id: String = name.trim().chars().map(kept).collect();
    let says_something = id.contains(|c: char| c.is_ascii_alphanumeric());
    says_something.then(|| format!("LicenseRef-{id}").parse().ok()).flatten().map(HubLicense::Own)
}

/// A licence, or a licence and `+`.
fn identifier(word: &str) -> Result<Option<Deprecated>, UnknownLicense> {
    // `GPL-2.0+` is an identifier of its own, and a deprecated one.
    if let Some(id) = license_id(word).filter(|id| id.name == word) {
        return Ok(id.is_deprecated().then(|| Deprecated { found: word.into(), instead: successor(id.name) }));
    }
    let (bare, plus) = word.strip_suffix('+').map_or((word, ""), |bare| (bare, "+"));
    let found = LICENSES.iter().find(|license| license.name.eq_ignore_ascii_case(bare));
    match found {
        Some(license) if license.name != bare => {
            let instead = Some(format!("{}{plus}", license.name));
            Err(UnknownLicense { problem: "not the case of an SPDX identifier", found: word.into(), instead })
        }
        Some(license) if ["-only", "-or-later"].iter().any(|end| license.name.ends_with(end)) => {
            let instead = Some(license.name.replace("-only", "-or-later"));
            Err(UnknownLicense { problem: "this identifier says already which versions", found: word.into(), instead })
        }
        Some(license) => {
            let is_deprecated = license.flags & spdx::flags::IS_DEPRECATED != 0;
            Ok(is_deprecated.then(|| Deprecated { found: word.into(), instead: successor(word) }))
        }
        None => {
            let names = LICENSES.iter().map(|license| license.name);
            Err(UnknownLicense {
                problem: "not on SPDX's list of licences",
                found: word.into(),
                instead: near(bare, names),
            })
        }
    }
}

fn exception(word: &str) -> Result<Option<Deprecated>, UnknownLicense> {
    match exception_id(word).filter(|id| id.name == word) {
        Some(id) => Ok(id.is_deprecated().then(|| Deprecated { found: word.into(), instead: None })),
        None => {
            let names = EXCEPTIONS.iter().map(|exception| exception.name);
            let problem = "not on SPDX's list of exceptions";
            Err(UnknownLicense { problem, found: word.into(), instead: near(word, names) })
        }
    }
}

/// What SPDX says instead of a deprecated identifier: `GPL-2.0` became `GPL-2.0-only`, `GPL-2.0+` `GPL-2.0-or-later`,
/// and `GPL-2.0-with-…-exception` an expression. Others have no one successor.
fn successor(name: &str) -> Option<String> {
    if license_id(name).is_some_and(|id| id.name == name && !id.is_deprecated()) {
        return None;
    }
    if let Some((_, expression)) = REPLACED.iter().find(|(old, _)| *old == name) {
        return Some((*expression).to_owned());
    }
    let later = name.strip_suffix('+').map(|bare| format!("{bare}-or-later"));
    let instead = later.unwrap_or_else(|| format!("{name}-only"));
    license_id(&instead).filter(|id| id.name == instead).map(|_| instead)
}

/// The name on a list that is meant by another spelling: the same letters and digits, or one or two keys off.
fn near<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    // No identifier is longer, and the distance takes their product in steps.
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect()
    };
    let wanted = plain(word);
    names
        .map(|name| (distance(&plain(name), &wanted), name.len().abs_diff(word.len()), name))
        .filter(|(distance, _, _)| *distance <= 2 && *distance * 3 <= wanted.len())
        .min()
        .map(|(_, _, name)| name.to_owned())
}

/// Levenshtein's distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (above, y) in row.iter_mut().skip(1).zip(b) {
            let cost = (diagonal + usize::from(x != y)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Deprecated identifiers whose successor is an expression or has another name.
const REPLACED: &[(&str, &str)] = &[
    ("BSD-2-Clause-FreeBSD", "BSD-2-Clause"),
    ("BSD-2-Clause-NetBSD", "BSD-2-Clause"),
    ("bzip2-1.0.5", "bzip2-1.0.6"),
    ("eCos-2.0", "GPL-2.0-or-later WITH eCos-exception-2.0"),
    ("GPL-2.0-with-autoconf-exception", "GPL-2.0-only WITH Autoconf-exception-2.0"),
    ("GPL-2.0-with-bison-exception", "GPL-2.0-only WITH Bison-exception-2.2"),
    ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("GPL-2.0-with-font-exception", "GPL-2.0-only WITH Font-exception-2.0"),
    ("GPL-2.0-with-GCC-exception", "GPL-2.0-only WITH GCC-exception-2.0"),
    ("GPL-3.0-with-autoconf-exception", "GPL-3.0-only WITH Autoconf-exception-3.0"),
    ("GPL-3.0-with-GCC-exception", "GPL-3.0-only WITH GCC-exception-3.1"),
    ("StandardML-NJ", "SMLNJ"),
    ("wxWindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"),
];

/// Ids of the Hub that are not an SPDX identifier in lower case.
const RENAMED: &[(&str, &str)] = &[
    ("c-uda", "C-UDA-1.0"),
    ("lgpl-lr", "LGPLLR"),
    ("odbl", "ODbL-1.0"),
    ("odc-by", "ODC-By-1.0"),
    ("pddl", "PDDL-1.0"),
    ("agpl-3.0", "AGPL-3.0-only"),
    ("gpl-2.0", "GPL-2.0-only"),
    ("gpl-3.0", "GPL-3.0-only"),
    ("lgpl-2.1", "LGPL-2.1-only"),
    ("lgpl-3.0", "LGPL-3.0-only"),
];

/// Ids of the Hub that are SPDX identifiers in lower case.
const HUB: &[&str] = &[
    "afl-3.0",
    "apache-2.0",
    "artistic-2.0",
    "bsd-2-clause",
    "bsd-3-clause",
    "bsd-3-clause-clear",
    "bsl-1.0",
    "cc-by-2.0",
    "cc-by-2.5",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-nc-2.0",
    "cc-by-nc-3.0",
    "cc-by-nc-4.0",
    "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0",
    "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "cdla-permissive-1.0",
    "cdla-permissive-2.0",
    "cdla-sharing-1.0",
    "ecl-2.0",
    "epl-1.0",
    "epl-2.0",
    "etalab-2.0",
    "eupl-1.1",
    "eupl-1.2",
    "isc",
    "lppl-1.3c",
    "mit",
    "mpl-2.0",
    "ms-pl",
    "ncsa",
    "ofl-1.1",
    "osl-3.0",
    "postgresql",
    "unlicense",
    "wtfpl",
    "zlib",
];

/// Ids of the Hub that name several licences.
const FAMILIES: &[&str] = &["bsd", "cc", "gfdl", "gpl", "lgpl"];

/// Ids of the Hub for licences that SPDX does not list.
const OWN: &[&str] = &[
    "apple-amlr",
    "apple-ascl",
    "bigcode-openrail-m",
    "bigscience-bloom-rail-1.0",
    "bigscience-openrail-m",
    "creativeml-openrail-m",
    "deepfloyd-if-license",
    "fair-noncommercial-research-license",
    "gemma",
    "grok2-community",
    "h-research",
    "intel-research",
    "open-mdw",
    "openmdw-1.0",
    "openrail",
    "openrail++",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Vec<Deprecated>, UnknownLicense> {
        check(&text.parse().unwrap())
    }

    #[test]
    fn known_identifiers_in_every_place() {
        for text in [
            "NOASSERTION",
            "MIT",
            "Apache-2.0+",
            "MIT OR Apache-2.0 AND (ISC OR LicenseRef-a)",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "((MIT))",
            "DocumentRef-a:LicenseRef-b",
        ] {
            assert_eq!(checked(text), Ok(Vec::new()), "{text}");
        }
    }

    #[test]
    fn unknown_ones_with_what_was_meant() {
        for (text, instead) in [
            ("mit", Some("MIT")),
            ("ISC AND apache-2.0+", Some("Apache-2.0+")),
            ("Apache2.0", Some("Apache-2.0")),
            ("CC-BY-4", Some("CC-BY-4.0")),
            ("CCO-1.0", Some("CC0-1.0")),
            ("GPL-2.0-only+", Some("GPL-2.0-or-later")),
            ("GPL-2.0-or-later+", Some("GPL-2.0-or-later")),
            ("SomethingUnlisted", None),
            ("MIT WITH classpath-exception-2.0", Some("Classpath-exception-2.0")),
            ("MIT WITH MIT", None),
            ("Classpath-exception-2.0", None),
        ] {
            assert_eq!(checked(text).unwrap_err().instead.as_deref(), instead, "{text}");
        }
    }

    #[test]
    fn deprecated_ones_are_told() {
        for (text, instead) in [
            ("GPL-2.0", Some("GPL-2.0-only")),
            ("GPL-2.0+", Some("GPL-2.0-or-later")),
            ("LGPL-2.1+ OR MIT", Some("LGPL-2.1-or-later")),
            ("GPL-2.0-with-classpath-exception", Some("GPL-2.0-only WITH Classpath-exception-2.0")),
            ("Nunit", None),
        ] {
            let deprecated = checked(text).unwrap();
            assert_eq!(deprecated.len(), 1, "{text}");
            assert_eq!(deprecated[0].instead.as_deref(), instead, "{text}");
        }
    }

    /// Whatever we would tell a user to say is itself known and current.
    #[test]
    fn advice_is_good() {
        for license in LICENSES.iter().filter(|license| license.flags & spdx::flags::IS_DEPRECATED != 0) {
            if let Some(instead) = successor(license.name) {
                assert_eq!(checked(&instead), Ok(Vec::new()), "{} → {instead}", license.name);
            }
        }
    }

    /// What passes here passes the strict parser of the list's own crate, which also groups by precedence.
    #[test]
    fn precedence_is_that_of_the_standard() {
        let all = LICENSES.iter().filter(|license| license.flags & spdx::flags::IS_DEPRECATED == 0);
        for license in all {
            assert_eq!(checked(license.name), Ok(Vec::new()), "{}", license.name);
        }
        let text = "MIT OR Apache-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0";
        assert_eq!(checked(text), Ok(Vec::new()));
        let expression = spdx::Expression::parse(text).unwrap();
        let has = |names: &[&str]| {
            expression.evaluate(|requirement| names.contains(&requirement.license.id().map_or("", |id| id.name)))
        };
        assert!(has(&["MIT"]) && has(&["Apache-2.0", "GPL-2.0-only"]));
        assert!(!has(&["Apache-2.0"]) && !has(&["GPL-2.0-only"]));
    }

    #[test]
    fn names_of_the_hub() {
        let known = |text: &str| Some(HubLicense::Known(text.parse().unwrap()));
        let own = |text: &str| Some(HubLicense::Own(text.parse().unwrap()));
        for (id, name, expected) in [
            ("mit", None, known("MIT")),
            ("MIT", None, known("MIT")),
            ("cc0-1.0", None, known("CC0-1.0")),
            ("apache-2.0", None, known("Apache-2.0")),
            ("cc-by-4.0", None, known("CC-BY-4.0")),
            ("gpl-3.0", None, known("GPL-3.0-only")),
            ("odc-by", None, known("ODC-By-1.0")),
            ("MIT OR Apache-2.0", None, known("MIT OR Apache-2.0")),
            ("openrail", None, own("LicenseRef-openrail")),
            ("openrail++", None, own("LicenseRef-openrail--")),
            ("llama3.1", None, own("LicenseRef-llama3.1")),
            ("other", Some("Sample Terms (v2)"), own("LicenseRef-Sample-Terms--v2-")),
            ("other", Some("MIT AND ISC"), known("MIT AND ISC")),
            ("other", Some("LicenseRef-a OR MIT"), own("LicenseRef-a OR MIT")),
            ("other", None, None),
            ("other", Some("///"), None),
            ("cc", None, Some(HubLicense::Family)),
            ("unknown", None, Some(HubLicense::Unknown)),
            ("surely-nothing", None, None),
        ] {
            assert_eq!(of_hub(id, name), expected, "{id} {name:?}");
        }
        for id in HUB.iter().chain(RENAMED.iter().map(|(hub, _)| hub)) {
            let Some(HubLicense::Known(license)) = of_hub(id, None) else { panic!("{id} has no SPDX identifier") };
            assert_eq!(to_hub(&license).as_deref(), Some(*id));
            assert_eq!(check(&license), Ok(Vec::new()), "{id}");
        }
        // A `+` allows more than the identifier alone, and no id of the Hub says so.
        for text in ["MIT OR ISC", "Apache-2.0+", "MIT+"] {
            let license = text.parse().unwrap();
            assert_eq!((to_hub(&license), url(&license)), (None, None), "{text}");
        }
    }
}
