//! Checks of addresses: of mail, and of machines.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::{FromStr, from_utf8};

use super::rules::Match;

/// Domains that nobody can have (RFC 2606 and RFC 6761).
const RESERVED: [&str; 8] =
    ["example", "example.com", "example.net", "example.org", "invalid", "test", "localhost", "local"];
/// Ends of file names that follow an `@` as a domain does: `icon@2x.png`.
const FILES: [&str; 14] =
    ["png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "py", "rs", "html", "json"];

/// Whether mail could come to somebody there.
pub(super) fn is_mail(found: &Match<'_>) -> bool {
    let Ok(address) = from_utf8(found.bytes()) else { return false };
    let Some((local, domain)) = address.split_once('@') else { return false };
    let domain = domain.to_ascii_lowercase();
    let last = domain.rsplit('.').next().unwrap_or_default();
    let reserved = RESERVED
        .iter()
        .any(|name| domain.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    // `git@` is how programs are fetched, `//user@` the user of a URL.
    let is_program = local == "git" || matches!(found.before(), Some(b'/' | b':' | b'@'));
    !reserved && !FILES.contains(&last) && !local.ends_with('.') && !local.contains("..") && !is_program
}

/// Whether four numbers are an address on the internet, and no version or section.
pub(super) fn is_public_v4(found: &Match<'_>) -> bool {
    let beside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    let goes_on = match found.after() {
        [b'.', next, ..] => next.is_ascii_alphanumeric(),
        [next, ..] => matches!(next, b'-' | b'_' | b'+'),
        [] => false,
    };
    if found.before().is_some_and(beside) || goes_on {
        return false;
    }
    let address = from_utf8(found.bytes()).ok().and_then(|text| Ipv4Addr::from_str(text).ok());
    address.is_some_and(|address| {
        let octets = address.octets();
        // Versions and sections have small numbers.
        octets.iter().filter(|octet| **octet > 9).count() >= 2 && is_routed(octets)
    })
}

/// Addresses that IANA's registry of special purposes does not keep from the internet.
fn is_routed(octets: [u8; 4]) -> bool {
    !matches!(
        octets,
        [0 | 10 | 127 | 224.., ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Whether groups of hex digits are a global unicast address that is no documentation.
pub(super) fn is_public_v6(found: &Match<'_>) -> bool {
    let beside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b'_' | b'-');
    if found.before().is_some_and(beside) || found.after().first().is_some_and(|byte| beside(*byte) && *byte != b'.') {
        return false;
    }
    let Some(address) = from_utf8(found.bytes()).ok().and_then(|text| Ipv6Addr::from_str(text).ok()) else {
        return false;
    };
    let segments = address.segments();
    // 2000::/3 without 2001:db8::/32 and 3fff::/20; three groups that are not zero tell an address from `2a::b`.
    matches!(segments, [0x2000..=0x3fff, ..])
        && !matches!(segments, [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..])
        && segments.iter().filter(|segment| **segment != 0).count() >= 3
}
