//! Made-up secrets and addresses of every kind, from a seed, and texts that come close and are none.

use data_encoding::BASE64URL_NOPAD;
use mira_ingest::scan::Kind;

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn of(&mut self, alphabet: &str, len: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..len).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn one(&mut self, of: &[&str]) -> String {
        of[self.below(of.len())].to_owned()
    }
}

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const DIGITS: &str = "0123456789";

/// A value of this kind. Its ends are letters or digits, so that it may stand in any text.
pub(crate) fn made(kind: Kind, random: &mut Random) -> String {
    let end = |random: &mut Random| random.of(WORD, 1);
    match kind {
        Kind::Anthropic => format!("sk-ant-api03-{}{}", random.of(URL, 94), end(random)),
        Kind::Assignment => {
            let name = random.one(&["password", "DB_PASSWORD", "client_secret", "apiKey", "API-KEY", "access_token"]);
            let sign = random.one(&["=", ": ", " = ", "=\""]);
            format!("{name}{sign}{}9aZ{}", random.of(WORD, 12), random.of(WORD, 5))
        }
        Kind::Aws => format!("{}{}", random.one(&["AKIA", "ASIA"]), random.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        Kind::Card => card(random),
        Kind::Email => {
            let local = format!("{}.{}", random.of("abcdefghij", 5), random.of(WORD, 4));
            format!("{local}@{}.{}", random.of("klmnopqrst", 7), random.one(&["org", "com", "de", "co.uk", "io"]))
        }
        Kind::GitHub => match random.below(2) {
            0 => format!("{}_{}", random.one(&["ghp", "gho", "ghu", "ghs", "ghr"]), random.of(WORD, 36)),
            _ => format!("github_pat_{}_{}", random.of(WORD, 22), random.of(WORD, 59)),
        },
        Kind::GitLab => format!("glpat-{}{}", random.of(URL, 19), end(random)),
        Kind::Google => format!("AIza{}{}", random.of(URL, 34), end(random)),
        Kind::HuggingFace => format!("hf_{}", random.of(LETTERS, 34)),
        Kind::Iban => iban(random),
        Kind::Ip => match random.below(2) {
            0 => format!("81.{}.{}.{}", random.below(200) + 20, random.below(256), random.below(256)),
            _ => format!(
                "2a00:1450:{:x}:{:x}::{:x}",
                random.below(0xffff) + 1,
                random.below(0xfff) + 1,
                random.below(0xffff) + 1
            ),
        },
        Kind::Jwt => {
            let header = BASE64URL_NOPAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
            let payload = BASE64URL_NOPAD.encode(format!(r#"{{"sub":"{}"}}"#, random.of(DIGITS, 10)).as_bytes());
            format!("{header}.{payload}.{}", random.of(WORD, 43))
        }
        Kind::OpenAi => format!("sk-proj-{}T3BlbkFJ{}", random.of(WORD, 20), random.of(WORD, 20)),
        Kind::Phone => match random.below(3) {
            0 => format!("+49{}", random.of("123456789", 10)),
            1 => format!("+1 ({}) {}-{}", random.of("23456789", 3), random.of(DIGITS, 3), random.of(DIGITS, 4)),
            _ => format!("+44 20 {} {}", random.of(DIGITS, 4), random.of(DIGITS, 4)),
        },
        Kind::PrivateKey => {
            format!("-----BEGIN {}PRIVATE KEY-----", random.one(&["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]))
        }
        Kind::Slack => format!("{}-{}-{}", random.one(&["xoxb", "xoxp"]), random.of(DIGITS, 12), random.of(WORD, 24)),
        Kind::Stripe => format!("{}_live_{}", random.one(&["sk", "rk"]), random.of(WORD, 24)),
        Kind::UsSsn => format!("{}-{}-{}", random.of("12345", 3), random.of("123456789", 2), random.of("123456789", 4)),
    }
}

fn card(random: &mut Random) -> String {
    let (head, len) =
        [("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("6011", 16), ("36", 14), ("3528", 16)][random.below(7)];
    let body = format!("{head}{}", random.of(DIGITS, len - head.len() - 1));
    let digit = |digit: u32| format!("{body}{digit}");
    let number = (0..10).map(digit).find(|number| luhn(number)).unwrap();
    let groups: &[usize] = match len {
        15 => &[4, 6, 5],
        14 => &[4, 6, 4],
        _ => &[4, 4, 4, 4],
    };
    match random.below(3) {
        0 => number,
        1 => grouped(&number, groups, " "),
        _ => grouped(&number, groups, "-"),
    }
}

/// By the definition: from the right, every second digit doubled, digits added up.
pub(crate) fn luhn(number: &str) -> bool {
    let digits = number.chars().rev().map(|digit| digit.to_digit(10).unwrap());
    let sum =
        digits.enumerate().map(|(place, digit)| if place % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit });
    sum.sum::<u32>() % 10 == 0
}

fn grouped(number: &str, lens: &[usize], separator: &str) -> String {
    let mut rest = number;
    let mut groups = Vec::new();
    for len in lens {
        let (group, more) = rest.split_at(*len);
        groups.push(group);
        rest = more;
    }
    groups.join(separator)
}

fn iban(random: &mut Random) -> String {
    let (country, body) = match random.below(3) {
        0 => ("DE", random.of(DIGITS, 18)),
        1 => ("GB", format!("{}{}", random.of(UPPER, 4), random.of(DIGITS, 14))),
        _ => ("NL", format!("{}{}", random.of(UPPER, 4), random.of(DIGITS, 10))),
    };
    // ISO 13616: 98 less the remainder of the number with 00 in the place of the check digits.
    let expanded: String = format!("{body}{country}00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    let remainder = expanded.chars().fold(0, |remainder, digit| (remainder * 10 + digit.to_digit(10).unwrap()) % 97);
    let number = format!("{country}{:02}{body}", 98 - remainder);
    if random.below(2) == 0 {
        return number;
    }
    let groups: Vec<String> =
        number.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(" ")
}

/// Texts in which nothing is to be found.
pub(crate) fn near_misses() -> &'static [&'static str] {
    &[
        "4539 1488 0343 6468",
        "1234567812345678",
        "0.4539148803436467",
        "4539-1488-0343-6467-1",
        "invoice 4000000000000",
        "DE89 3704 0044 0532 0130 01",
        "XX89 3704 0044 0532 0130 00",
        "DE8937040044053201300",
        "GB29NWBK6016133192681X",
        "127.0.0.1",
        "10.20.30.40",
        "192.168.17.23",
        "172.16.99.88",
        "203.0.113.77",
        "version 1.2.3.4",
        "v81.22.69.14",
        "81.22.69.14.5",
        "300.22.69.14",
        "fe80::1ff:fe23:4567:890a",
        "2001:db8:85a3::8a2e:370:7334",
        "12:30:45",
        "::1",
        "std::vec::Vec",
        "ada@example.com",
        "someone@mail.example.org",
        "user@localhost",
        "icon@2x.png",
        "@decorator.name",
        "git@github.com:a/b.git",
        "+1234567",
        "1+234567890",
        "a+123456789012",
        "+12345678901234567890",
        "2024-01-01T00:00:00+01:00",
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "1123-45-6789",
        "2024-123-45-6789",
        "AKIAIOSFODNN7EXAMPLE",
        "AKIAAAAAAAAAAAAAAAAA",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "hf_short",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "eyJub3QiOiJhIHRva2VuIn0.eyJub3QiOiJhIHRva2VuIn0.c2lnbmF0dXJlMTIz",
        "password: required",
        "password = os.environ[\"DB_PASSWORD\"]",
        "secret: your-secret-here1",
        "api_key=XXXXXXXXXXXX1x",
        "password=correcthorsebatterystaple",
        "the secret: nobody knows",
        "password: getPassword123()",
        "secret=/etc/keys/Secret1.pem",
        "access_token=<YOUR_TOKEN_123>",
        "the risk-averse and task-specific",
        "sk-learn",
        "xoxo-love-and-kisses-to-everybody",
        "0800 123 4567",
        "ISBN 978-3-16-148410-0",
        "3.14159265358979323846",
        "1.0.0.0",
        "2.5.4.3",
    ]
}
