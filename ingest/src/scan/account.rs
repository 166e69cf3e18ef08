//! Checks of numbers that belong to somebody: cards, bank accounts, phones, social security.

use super::prefilter::MIN_DIGITS;
use super::rules::Match;

/// Whether a number is one that a payment card can have: who issued it, its length by that, and the sum of Luhn.
pub(super) fn is_card(found: &Match<'_>) -> bool {
    // A fraction, a version or part of a longer code.
    let beside = |byte: Option<u8>| matches!(byte, Some(b'.' | b'-' | b'_' | b'+' | b'/' | b'=' | b'#'));
    if beside(found.before()) || matches!(found.after(), [b'.' | b'-', next, ..] if next.is_ascii_alphanumeric()) {
        return false;
    }
    let digits: Vec<u8> = found.bytes().iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
    is_issued(&digits) && luhn(&digits)
}

/// The issuers' first digits and lengths, by ISO/IEC 7812 and what the networks publish.
fn is_issued(digits: &[u8]) -> bool {
    let head = digits.iter().take(4).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    matches!(
        (head, digits.len()),
        (4000..=4999, 13 | 16 | 19)
            | (5100..=5599 | 2221..=2720, 16)
            | (3400..=3499 | 3700..=3799, 15)
            | (3000..=3059 | 3600..=3699 | 3800..=3999, 14)
            | (6011 | 6440..=6599 | 3528..=3589 | 6200..=6299, 16..=19)
    )
}

/// The sum of ISO/IEC 7812-1, annex B: every second digit from the right is doubled.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(*digit) << (place % 2) {
            doubled if doubled > 9 => doubled - 9,
            digit => digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Lengths of IBANs by country, from the registry of ISO 13616.
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Whether the country has accounts of this length, and the number leaves 1 when it is divided by 97.
pub(super) fn is_iban(found: &Match<'_>) -> bool {
    let grouped = found.bytes();
    let country = grouped.get(..2).unwrap_or_default();
    let Some((_, len)) = IBAN_LENGTHS.iter().find(|(code, _)| code.as_slice() == country) else { return false };
    // Words in capitals may follow after a space, and look like more groups.
    let mut characters = grouped.iter().copied().filter(|byte| *byte != b' ');
    let number: Vec<u8> = characters.by_ref().take(*len).collect();
    let spaces = if grouped.contains(&b' ') { (len - 1) / 4 } else { 0 };
    let ends = grouped.get(len + spaces).is_none_or(|next| *next == b' ');
    // Fewer digits than the prefilter looks for are no account anywhere.
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    number.len() == *len && ends && digits >= MIN_DIGITS && mod_97(&number) == 1
}

/// ISO 7064, MOD 97-10, of an account number with its first four characters moved to its end and letters as 10 to 35.
fn mod_97(number: &[u8]) -> u32 {
    let (head, rest) = number.split_at(number.len().min(4));
    rest.iter().chain(head).fold(0, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    })
}

/// Whether a number is as long as E.164 has them, stands alone, and is not part of a sum.
pub(super) fn is_phone(found: &Match<'_>) -> bool {
    let digits = found.bytes().iter().filter(|byte| byte.is_ascii_digit()).count();
    let alone =
        found.before().is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'.' | b')' | b'_'));
    let ends = match found.after() {
        [] => true,
        [b'.' | b',', next, ..] => !next.is_ascii_digit(),
        [next, ..] => !next.is_ascii_alphanumeric() && *next != b'_',
    };
    (9..=15).contains(&digits) && alone && ends && parentheses_close(found.bytes())
}

fn parentheses_close(bytes: &[u8]) -> bool {
    let count = |wanted| bytes.iter().filter(|byte| **byte == wanted).count();
    let (open, close) = (count(b'('), count(b')'));
    open == close && open <= 1 && !bytes.windows(2).any(|pair| matches!(pair, b".." | b"--" | b"()"))
}

/// Whether the administration could have given the number out: no area 000, 666 or 900 and above, no part all zeros.
pub(super) fn is_ssn(found: &Match<'_>) -> bool {
    let beside = |byte: Option<u8>| matches!(byte, Some(b'-' | b'.' | b'_' | b'/' | b'+'));
    let after = found.after().first().copied();
    let parts = (found.bytes().get(..3), found.bytes().get(4..6), found.bytes().get(7..));
    let (Some(area), Some(group), Some(serial)) = parts else { return false };
    !beside(found.before())
        && !matches!(after, Some(b'-' | b'_' | b'/'))
        && area != b"000"
        && area != b"666"
        && !area.starts_with(b"9")
        && group != b"00"
        && serial != b"0000"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        let digits = |text: &str| text.bytes().map(|byte| byte - b'0').collect::<Vec<_>>();
        // The example of ISO/IEC 7812-1, and it with one digit changed.
        assert!(luhn(&digits("79927398713")) && !luhn(&digits("79927398714")));
        // The examples of ISO 13616's registry for Germany and the United Kingdom.
        assert_eq!((mod_97(b"DE89370400440532013000"), mod_97(b"GB29NWBK60161331926819")), (1, 1));
        assert_ne!(mod_97(b"DE89370400440532013001"), 1);
        assert!(IBAN_LENGTHS.is_sorted());
    }
}
