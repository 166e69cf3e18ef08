//! Names, labels, addresses and paths: the few texts that a statement may hold.
//!
//! Each type here has one spelling and cannot hold a text that breaks its rule. All rules are ASCII and bounded, so the
//! texts are safe in a terminal, a URL and a file name, and there is no room in them for prose or personal data.
//!
//! ```
//! use mira_core::name::{Label, Name, Uri};
//!
//! let name: Name = "lineitem-2026.1".parse()?;
//! assert_eq!(name.as_str(), "lineitem-2026.1");
//! assert!("deadbeef".parse::<Name>().is_err(), "it could be taken for a hash");
//! assert!("ann".parse::<Label>().is_ok());
//! assert!("https://ann@example.org/".parse::<Uri>().is_err(), "it names a person");
//! # Ok::<(), mira_core::name::NameError>(())
//! ```

use std::fmt;
use std::str::FromStr;

/// Why a text is not a name, label, address or path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {what}: {rule}")]
pub struct NameError {
    /// What was expected, with its article.
    pub what: &'static str,
    /// The rule that the text breaks.
    pub rule: &'static str,
    /// The text as given, cut to 80 characters.
    pub found: String,
}

/// Declares text types that differ in their rule: a function that returns the rule a text breaks.
macro_rules! text_types {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $check:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(rule) => Err(NameError { what: $what, rule, found: text.chars().take(80).collect() }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

text_types! {
    /// What a contributor calls a dataset, a model or a deployment: `[a-z0-9][a-z0-9._-]{0,127}`, and nothing that
    /// could be taken for a digest or a CID.
    Name, "a name", name_rule;
    /// What a contributor wants to be called: `[a-z0-9][a-z0-9-]{0,38}`.
    Label, "a label", label_rule;
    /// An address without query, fragment or user info.
    Uri, "a URI", uri_rule;
    /// Where a file lies below the root of a model: relative, at most 255 bytes of `A-Za-z0-9._/-`.
    ArtifactPath, "a path", path_rule;
    /// What a metric is called: `[A-Za-z0-9._/-]{1,128}`.
    MetricName, "a metric's name", metric_name_rule;
    /// The value of a metric as decimal text, exactly as it was measured: `-?digits[.digits]`, at most 64 characters.
    MetricValue, "a metric's value", metric_value_rule;
    /// A commit of a version-control system: 40 or 64 lowercase hex digits.
    Commit, "a commit", commit_rule;
}

type Rule = Result<(), &'static str>;

fn name_rule(text: &str) -> Rule {
    first_then(text, 128, b"._-", "a name matches [a-z0-9][a-z0-9._-]{0,127}")?;
    let all = |allowed: fn(u8) -> bool| text.bytes().all(allowed);
    if text.len() >= 8 && all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("8 or more hex digits look like a digest");
    }
    if text.len() >= 32 && all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')) {
        return Err("32 or more base32 digits look like a CID");
    }
    Ok(())
}

fn label_rule(text: &str) -> Rule {
    first_then(text, 39, b"-", "a label matches [a-z0-9][a-z0-9-]{0,38}")
}

/// Letters and digits in lower case, and after the first character those in `marks`.
fn first_then(text: &str, most: usize, marks: &[u8], rule: &'static str) -> Rule {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let starts = text.bytes().next().is_some_and(plain);
    let goes_on = text.bytes().all(|byte| plain(byte) || marks.contains(&byte));
    if starts && goes_on && text.len() <= most { Ok(()) } else { Err(rule) }
}

fn uri_rule(text: &str) -> Rule {
    let (scheme, rest) = text.split_once(':').ok_or("a URI starts with its scheme and a colon")?;
    if !matches!(scheme, "https" | "http" | "ipfs" | "git" | "hf" | "urn") {
        return Err("the scheme is https, http, ipfs, git, hf or urn");
    }
    if !(1..=1000).contains(&rest.len()) {
        return Err("1 to 1,000 characters follow the scheme");
    }
    if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~/:@%+,-".contains(&byte)) {
        return Err("the characters after the scheme are A-Z a-z 0-9 . _ ~ / : @ % + , -");
    }
    let after_slashes = rest.strip_prefix("//");
    // Browsers read `https:/x` and `https:///x` as `https://x`, so that a path would turn into a host with user info.
    if matches!(scheme, "https" | "http") && after_slashes.is_none() {
        return Err("// follows https: and http:");
    }
    let head = after_slashes.unwrap_or(rest).split('/').next().unwrap_or_default();
    if head.is_empty() {
        return Err("something stands before the first / of the path");
    }
    if head.contains('@') { Err("there is no user info: @ stands only after the first / of the path") } else { Ok(()) }
}

fn path_rule(text: &str) -> Rule {
    if text.len() > 255 {
        return Err("a path has at most 255 bytes");
    }
    if !text.bytes().all(is_path_byte) {
        return Err("the characters of a path are A-Z a-z 0-9 . _ / -");
    }
    if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("a path is relative and has no empty, . or .. segment");
    }
    Ok(())
}

fn metric_name_rule(text: &str) -> Rule {
    if (1..=128).contains(&text.len()) && text.bytes().all(is_path_byte) {
        return Ok(());
    }
    Err("a metric's name matches [A-Za-z0-9._/-]{1,128}")
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._/-".contains(&byte)
}

fn metric_value_rule(text: &str) -> Rule {
    if text.len() > 64 {
        return Err("a value has at most 64 characters");
    }
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match text.strip_prefix('-').unwrap_or(text).split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.strip_prefix('-').unwrap_or(text), None),
    };
    if !digits(whole) || !fraction.is_none_or(digits) {
        return Err("a value is -?digits[.digits]");
    }
    if whole.len() > 1 && whole.starts_with('0') { Err("a value has no leading zeros") } else { Ok(()) }
}

fn commit_rule(text: &str) -> Rule {
    if matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err("a commit has 40 or 64 lowercase hex digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = NameError>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text:?} is refused");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?} passes");
        }
    }

    #[test]
    fn names() {
        let longest = format!("z{}", "_".repeat(127));
        let base32 = "abcdefghijklmnopqrstuvwxyz234567";
        check::<Name>(
            &["a", "0", "a.b_c-d", "deadbee", "deadbeeg", "dead-beef", &longest, &base32[1..], &format!("{base32}1")],
            &[
                "",
                "A",
                ".a",
                "-a",
                "_a",
                "é",
                "a b",
                "a/b",
                "a@1",
                "deadbeef",
                "00000000",
                base32,
                &format!("{longest}_"),
            ],
        );
    }

    #[test]
    fn labels() {
        let longest = format!("a{}", "-".repeat(38));
        check::<Label>(&["a", "9-", "deadbeef", &longest], &["", "-a", "a.b", "Ann", "a_b", &format!("{longest}-")]);
    }

    #[test]
    fn uris() {
        let longest = format!("urn:{}", "x".repeat(1000));
        check::<Uri>(
            &["https://example.org", "https://example.org:8080/a/b@c", "http://e//x@y", "hf:org/model@main", &longest],
            &["example.org", "https:", "https:example.org", "ftp://example.org", "HTTPS://example.org", "file:///etc"],
        );
        check::<Uri>(
            &["git://example.org/x.git", "ipfs://bafy", "urn:a:b"],
            &[
                "https://ann@example.org/",
                "https://ann:secret@example.org",
                "https:///ann@example.org",
                "https:/ann@example.org",
                "urn:ann@example.org",
                "git:/a",
                "https://e?q",
                "https://e#f",
                "https://e/\u{e9}",
                "https://e/ x",
                &format!("{longest}x"),
            ],
        );
    }

    #[test]
    fn paths() {
        let longest = "a".repeat(255);
        check::<ArtifactPath>(
            &["a", "model/weights-0001.safetensors", ".config", "...", "a/..b", &longest],
            &["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a b", "a\\b", &format!("{longest}a")],
        );
    }

    #[test]
    fn metrics() {
        check::<MetricName>(&["f1", "acc/top-1", "/", &"m".repeat(128)], &["", "a b", "é", &"m".repeat(129)]);
        check::<MetricValue>(
            &["0", "-0", "0.830", "-12.5", "100", &"9".repeat(64)],
            &["", "-", ".5", "5.", "00", "01.5", "+1", "1e5", "1.2.3", "--1", "NaN", "1,5", &"9".repeat(65)],
        );
    }

    #[test]
    fn commits() {
        let (sha1, sha256) = ("0a".repeat(20), "0a".repeat(32));
        check::<Commit>(&[&sha1, &sha256], &["", "main", &sha1[1..], &sha1.to_uppercase(), &"0a".repeat(24)]);
    }
}
