//! The rules: for each kind a pattern, and a check of what it finds.
//!
//! Patterns are over bytes and ASCII, and the library matches them in linear time whatever the text. A check looks at
//! what a pattern cannot: sums, lengths by country, ranges of addresses, how random a string is, and what stands beside
//! the match.

use regex::bytes::{Regex, RegexSet};

use super::findings::{Findings, Kind};
use super::prefilter::Suspicion;
use super::{account, address, secret};

/// Words that name a secret; in the pattern of assignments `_`, `-` and nothing between their parts are the same.
pub(super) const ASSIGNED: [&str; 15] = [
    "password",
    "passwd",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "accesstoken",
    "access_token",
    "access-token",
    "authtoken",
    "auth_token",
    "auth-token",
];

/// What a pattern found, and where.
pub(super) struct Match<'t> {
    /// The whole value.
    pub(super) text: &'t [u8],
    /// Where in it the match begins.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

impl<'t> Match<'t> {
    pub(super) fn bytes(&self) -> &'t [u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// The byte before the match.
    pub(super) fn before(&self) -> Option<u8> {
        self.text.get(..self.start)?.last().copied()
    }

    /// The bytes after the match.
    pub(super) fn after(&self) -> &'t [u8] {
        self.text.get(self.end..).unwrap_or_default()
    }
}

struct Rule {
    kind: Kind,
    pattern: &'static str,
    check: fn(&Match<'_>) -> bool,
}

/// A rule whose pattern is enough.
const fn plain(kind: Kind, pattern: &'static str) -> Rule {
    Rule { kind, pattern, check: |_| true }
}

const fn checked(kind: Kind, pattern: &'static str, check: fn(&Match<'_>) -> bool) -> Rule {
    Rule { kind, pattern, check }
}

/// Rules of values in which a word lit up.
const WORDS: [Rule; 13] = [
    checked(Kind::Anthropic, r"\bsk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,}", secret::is_random),
    checked(
        Kind::Assignment,
        r#"(?i:password|passwd|secret|(?:api|access)[_-]?key|(?:access|auth)[_-]?token)["']? {0,2}[:=] {0,2}["']?[^\s"',;]{12,128}"#,
        secret::is_assigned,
    ),
    checked(Kind::Aws, r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", secret::is_key_id),
    checked(
        Kind::Email,
        r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}\b",
        address::is_mail,
    ),
    checked(
        Kind::GitHub,
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b",
        secret::is_random,
    ),
    checked(Kind::GitLab, r"\bglpat-[A-Za-z0-9_-]{20,}", secret::is_random),
    checked(Kind::Google, r"\bAIza[A-Za-z0-9_-]{35,}", |found| found.bytes().len() == 39 && secret::is_random(found)),
    checked(Kind::HuggingFace, r"\bhf_[A-Za-z]{34}\b", secret::is_random),
    checked(Kind::Jwt, r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}", secret::is_jwt),
    checked(Kind::OpenAi, r"\bsk-[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}", secret::is_random),
    plain(Kind::PrivateKey, r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----"),
    checked(Kind::Slack, r"\bxox[abeprs]-[A-Za-z0-9-]{20,}", secret::is_random),
    checked(Kind::Stripe, r"\b[rs]k_live_[A-Za-z0-9]{24,}", secret::is_random),
];

/// Rules of values with digits, or with colons between them.
const NUMBERS: [Rule; 6] = [
    checked(
        Kind::Card,
        r"\b(?:[0-9]{13,19}|[0-9]{4}(?: [0-9]{4}){3}|[0-9]{4}(?:-[0-9]{4}){3}|[0-9]{4} [0-9]{6} [0-9]{4,5}|[0-9]{4}-[0-9]{6}-[0-9]{4,5})\b",
        account::is_card,
    ),
    checked(
        Kind::Iban,
        r"\b[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)\b",
        account::is_iban,
    ),
    checked(Kind::Ip, r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b", address::is_public_v4),
    checked(Kind::Ip, r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}", address::is_public_v6),
    checked(Kind::Phone, r"\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}", account::is_phone),
    checked(Kind::UsSsn, r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", account::is_ssn),
];

/// The rules, compiled.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    words: Group,
    numbers: Group,
}

impl Rules {
    pub(super) fn new() -> Self {
        Self { words: Group::new(&WORDS), numbers: Group::new(&NUMBERS) }
    }

    /// Counts the value for each kind of which something stands in it.
    pub(super) fn look(&self, text: &[u8], suspicion: Suspicion, findings: &mut Findings) {
        if suspicion.has(Suspicion::WORDS) {
            self.words.look(text, findings);
        }
        if suspicion.has(Suspicion::NUMBERS) {
            self.numbers.look(text, findings);
        }
    }
}

#[derive(Clone)]
struct Group {
    rules: &'static [Rule],
    any: RegexSet,
    each: Vec<Regex>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.each).finish()
    }
}

impl Group {
    fn new(rules: &'static [Rule]) -> Self {
        let patterns: Vec<String> = rules.iter().map(|rule| format!("(?-u){}", rule.pattern)).collect();
        let each = patterns.iter().map(|pattern| compiled(pattern)).collect();
        #[expect(clippy::expect_used, reason = "the patterns are constants, and every test compiles them")]
        let any = RegexSet::new(&patterns).expect("the rules are patterns");
        // Sets of the `bytes` flavour take the same patterns as single ones.
        Self { rules, any, each }
    }

    fn look(&self, text: &[u8], findings: &mut Findings) {
        if !self.any.is_match(text) {
            return;
        }
        let mut last = None;
        for number in self.any.matches(text) {
            let (Some(rule), Some(pattern)) = (self.rules.get(number), self.each.get(number)) else { continue };
            // Two rules may have one kind, and lie side by side.
            if last != Some(rule.kind) && pattern_holds(rule, pattern, text) {
                findings.add(rule.kind, 1);
                last = Some(rule.kind);
            }
        }
    }
}

fn pattern_holds(rule: &Rule, pattern: &Regex, text: &[u8]) -> bool {
    let mut found = pattern.find_iter(text);
    found.any(|found| (rule.check)(&Match { text, start: found.start(), end: found.end() }))
}

/// A pattern of ours.
pub(super) fn compiled(pattern: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the patterns are constants, and every test compiles them")]
    Regex::new(pattern).expect("a rule is a pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report is made again by whoever reads the document, so it says the same as the rules here.
    #[test]
    fn the_document_has_every_pattern() {
        let document = include_str!("../../core/FORMAT.md");
        let block = document.split("```text\nanthropic-key ").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let block = format!("anthropic-key {block}");
        let written: Vec<(&str, &str)> = block
            .lines()
            .map(|line| line.split_once(' ').map(|(kind, rest)| (kind, rest.trim_start())).unwrap())
            .collect();
        let mut rules: Vec<_> = WORDS.iter().chain(&NUMBERS).map(|rule| (rule.kind.as_str(), rule.pattern)).collect();
        rules.sort_by_key(|(kind, _)| *kind);
        assert_eq!(written, rules);
    }
}
