//! SPDX licence expressions: their syntax, not the list of licences.

use std::fmt;
use std::str::FromStr;

/// A licence expression by SPDX 2.3, annex D, with single spaces, or `NOASSERTION`.
///
/// Whether an identifier is on SPDX's list is not checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct License(Box<str>);

/// Why a text is not a licence expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an SPDX licence expression: {rule} (at byte {at} of {found:?})")]
pub struct LicenseError {
    /// Offset of the word at fault.
    pub at: usize,
    /// The rule it breaks.
    pub rule: &'static str,
    /// The text as given, cut to 80 characters.
    pub found: String,
}

impl License {
    /// Longest expression in bytes.
    pub const MAX_LEN: usize = 1024;

    /// The licence that nobody gave.
    pub fn no_assertion() -> Self {
        Self(NO_ASSERTION.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a licence text of its own, which a rights block then has to give by digest.
    pub fn names_license_ref(&self) -> bool {
        // Whatever starts so is a reference to a text; `identifier` refuses the prefixes in every other place.
        words(&self.0).any(|word| word.starts_with(LICENSE_REF) || word.starts_with(DOCUMENT_REF))
    }
}

impl FromStr for License {
    type Err = LicenseError;

    fn from_str(text: &str) -> Result<Self, LicenseError> {
        match expression(text) {
            Ok(()) => Ok(Self(text.into())),
            Err((at, rule)) => Err(LicenseError { at, rule, found: text.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

const NO_ASSERTION: &str = "NOASSERTION";
const LICENSE_REF: &str = "LicenseRef-";
const DOCUMENT_REF: &str = "DocumentRef-";

/// What may come next while an expression is read from left to right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// An identifier or an opening parenthesis.
    Operand,
    /// The identifier of an exception.
    Exception,
    /// `AND`, `OR`, `WITH` or the end: an identifier without exception stands before.
    Any,
    /// `AND`, `OR` or the end: a parenthesis or an exception stands before.
    Join,
}

/// Checks the whole text. As operators may be nested in any way, only their places matter, and no recursion is needed.
fn expression(text: &str) -> Result<(), (usize, &'static str)> {
    if text.len() > License::MAX_LEN {
        return Err((License::MAX_LEN, "at most 1,024 bytes"));
    }
    if text == NO_ASSERTION {
        return Ok(());
    }
    let (mut at, mut depth, mut expect) = (0, 0_usize, Expect::Operand);
    for word in text.split(' ') {
        (depth, expect) = step(word, depth, expect).map_err(|rule| (at, rule))?;
        at += word.len() + 1;
    }
    match (depth, expect) {
        (0, Expect::Any | Expect::Join) => Ok(()),
        (0, _) => Err((text.len(), "an operator has an operand on both sides")),
        _ => Err((text.len(), "every parenthesis is closed")),
    }
}

/// Reads one word: an operator, or an identifier with the parentheses that touch it.
fn step(word: &str, depth: usize, expect: Expect) -> Result<(usize, Expect), &'static str> {
    match (expect, word) {
        (Expect::Any | Expect::Join, "AND" | "OR") => return Ok((depth, Expect::Operand)),
        (Expect::Any, "WITH") => return Ok((depth, Expect::Exception)),
        (Expect::Any, _) => return Err("AND, OR or WITH follows an identifier"),
        (Expect::Join, _) => return Err("AND or OR follows a parenthesis or an exception"),
        (Expect::Operand | Expect::Exception, _) => {}
    }
    let opened = word.trim_start_matches('(');
    let bare = opened.trim_end_matches(')');
    let (opens, closes) = (word.len() - opened.len(), opened.len() - bare.len());
    if expect == Expect::Exception {
        return match (opens, is_idstring(bare) && !is_reserved(bare)) {
            (0, true) => close(depth, closes).map(|depth| (depth, Expect::Join)),
            _ => Err("the identifier of an exception follows WITH"),
        };
    }
    identifier(bare)?;
    let depth = close(depth + opens, closes)?;
    Ok((depth, if closes == 0 { Expect::Any } else { Expect::Join }))
}

fn close(depth: usize, closes: usize) -> Result<usize, &'static str> {
    depth.checked_sub(closes).ok_or("every parenthesis was opened before")
}

/// `simple-expression`: a licence, a licence and `+`, or a reference to a licence text.
fn identifier(word: &str) -> Result<(), &'static str> {
    let reference = match word.strip_prefix(DOCUMENT_REF) {
        Some(rest) => {
            let (document, reference) = rest.split_once(':').ok_or("a colon and LicenseRef- follow DocumentRef-")?;
            if !is_idstring(document) {
                return Err("an identifier is made of letters, digits, - and .");
            }
            Some(reference.strip_prefix(LICENSE_REF).ok_or("a colon and LicenseRef- follow DocumentRef-")?)
        }
        None => word.strip_prefix(LICENSE_REF),
    };
    if let Some(id) = reference {
        return if is_idstring(id) { Ok(()) } else { Err("an identifier is made of letters, digits, - and .") };
    }
    let id = word.strip_suffix('+').unwrap_or(word);
    if !is_idstring(id) {
        return Err("an identifier is made of letters, digits, - and ., with single spaces between words");
    }
    if is_reserved(id) { Err("AND, OR, WITH, NONE, NOASSERTION, LicenseRef- name no licence") } else { Ok(()) }
}

fn is_idstring(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// Words that would be read as something else in another case, or that name no licence at all.
fn is_reserved(word: &str) -> bool {
    let starts = |prefix: &str| word.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    ["AND", "OR", "WITH", "NONE", NO_ASSERTION].iter().any(|operator| word.eq_ignore_ascii_case(operator))
        || starts(LICENSE_REF)
        || starts(DOCUMENT_REF)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').map(|word| word.trim_start_matches('('))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_syntax_of_annex_d() {
        for (text, names_a_text) in [
            ("MIT", false),
            ("NOASSERTION", false),
            ("CC-BY-4.0", false),
            ("GPL-2.0+", false),
            ("MIT OR Apache-2.0", false),
            ("GPL-2.0-only WITH Classpath-exception-2.0", false),
            ("(MIT OR Apache-2.0) AND (GPL-2.0+ WITH Bison-exception-2.2 OR ISC)", false),
            ("((MIT))", false),
            ("SomethingUnlisted", false),
            ("x-LicenseRef-y", false),
            ("LicenseRef-Sample", true),
            ("MIT AND (DocumentRef-spdx.1:LicenseRef-a OR ISC)", true),
            ("((LicenseRef-1.0) AND MIT)", true),
        ] {
            let license: License = text.parse().unwrap();
            assert_eq!(license.names_license_ref(), names_a_text, "{text}");
        }
        assert!("A".repeat(1024).parse::<License>().is_ok());
        assert!(format!("{}A{}", "(".repeat(511), ")".repeat(511)).parse::<License>().is_ok());
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            " ",
            "MIT ",
            " MIT",
            "MIT  OR ISC",
            "MIT\tOR ISC",
            "MIT OR",
            "OR MIT",
            "MIT ISC",
            "MIT or ISC",
            "and",
            "MIT AND WITH",
            "MIT WITH",
            "MIT WITH (a)",
            "MIT WITH a WITH b",
            "(MIT) WITH a",
            "MIT WITH a+",
            "(MIT",
            "MIT)",
            ")MIT(",
            "()",
            "( MIT )",
            "(MIT)(ISC)",
            "MIT++",
            "MIT,ISC",
            "MIT/ISC",
            "NONE",
            "none",
            "noassertion",
            "MIT OR NOASSERTION",
            "LicenseRef-",
            "licenseref-a",
            "LicenseRef-a+",
            "LicenseRef-a_b",
            "DocumentRef-a",
            "DocumentRef-a:MIT",
            "DocumentRef-:LicenseRef-a",
            "DocumentRef-a:LicenseRef-",
            "Lizenz-\u{e4}",
        ] {
            assert!(text.parse::<License>().is_err(), "{text:?} passes");
        }
        assert!("A".repeat(1025).parse::<License>().is_err());
    }
}
