//! Checks of keys, tokens and passwords: whether a string is as random as a secret is, and no example of one.

use data_encoding::BASE64URL_NOPAD;

use super::rules::Match;

/// Fewest different characters of a token.
const TOKEN_CHARACTERS: usize = 10;
/// The same of a password that is assigned.
const PASSWORD_CHARACTERS: usize = 8;
/// What stands in the place of a secret in texts about secrets.
const PLACEHOLDERS: [&str; 12] = [
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "your",
    "xxxx",
    "****",
    "....",
    "redacted",
    "dummy",
    "sample",
];
/// What code has and secrets do not.
const CODE: &[u8] = b"(){}[]<>$`\\|";

/// Whether a token has as many different characters as a random one has.
pub(super) fn is_random(found: &Match<'_>) -> bool {
    different(found.bytes()) >= TOKEN_CHARACTERS && !is_placeholder(found.bytes())
}

/// AWS writes its own examples with `EXAMPLE` at the end.
pub(super) fn is_key_id(found: &Match<'_>) -> bool {
    is_random(found)
}

/// Whether the header says what a JSON web token's says.
pub(super) fn is_jwt(found: &Match<'_>) -> bool {
    let header = found.bytes().split(|byte| *byte == b'.').next().unwrap_or_default();
    let Ok(json) = BASE64URL_NOPAD.decode(header) else { return false };
    json.starts_with(b"{\"") && json.windows(5).any(|window| window == b"\"alg\"")
}

/// Whether what is assigned looks like a secret: letters and digits, not a word, an expression, a path or a placeholder.
pub(super) fn is_assigned(found: &Match<'_>) -> bool {
    let bytes = found.bytes();
    let Some(sign) = bytes.iter().position(|byte| matches!(byte, b':' | b'=')) else { return false };
    let value = bytes.get(sign + 1..).unwrap_or_default().trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && (has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) || has(is_symbol) || is_mixed(value))
        && !value.iter().any(|byte| CODE.contains(byte) || !byte.is_ascii_graphic())
        && !value.starts_with(b"/")
        && !value.windows(2).any(|pair| pair == b"//" || pair == b"::" || pair == b"==")
        && different(value) >= PASSWORD_CHARACTERS
        && !is_placeholder(value)
}

fn is_symbol(byte: &u8) -> bool {
    matches!(byte, b'!' | b'#' | b'%' | b'&' | b'*' | b'+' | b'?' | b'@' | b'^' | b'~')
}

/// Whether digits and letters take turns, as in hex and in base 36, and not as in `version2`.
fn is_mixed(value: &[u8]) -> bool {
    let turns = value.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()));
    turns.count() >= 4
}

fn is_placeholder(value: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| value.windows(word.len()).any(|window| window == word.as_bytes()))
}

/// How many different bytes there are.
fn different(value: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in value {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count()
}
