//! The vectors of `scan-1`, `core/vectors/scan/<scenario>.json`: columns of text, and how many of their values count for
//! each kind. They are written from here with `BLESS=1`; what is expected is said here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use mira_ingest::scan::{Findings, Scanner};
use serde_json::json;

use super::scanned;

/// Twenty characters that are all different.
const TOKEN: &str = "Ab3dEf6hIj9kLm2nOp5q";

type Scenario = (&'static str, &'static str, Vec<String>, &'static [(&'static str, u64)]);

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.iter().map(|text| text.replace("TOKEN", TOKEN)).collect()
}

#[rustfmt::skip]
fn scenarios() -> Vec<Scenario> {
    let four = TOKEN.repeat(4);
    vec![
        ("nothing", "no value of these counts", texts(["", "nothing here", "1", "é"]), &[]),
        ("once_a_value", "two in one value are one", texts(["a1@b.org, c2@d.org", "a1@b.org"]), &[("email", 2)]),
        ("two_kinds", "a value may count for several", texts(["a1@b.org or +49 30 1234567"]), &[("email", 1), ("phone", 1)]),
        ("a_later_match", "the first does not pass, the second does", texts(["a@example.com, a@sample-site.org"]), &[("email", 1)]),
        ("side_by_side", "values have nothing of their neighbours", texts(["AKI", "AKIAQRSTUVWXYZ234567", "glpat", "-----BEGIN PRIVATE KEY-----", "a@", "b.org"]), &[("aws-key", 1), ("private-key", 1)]),
        ("anthropic-key", "80 characters or more", vec![format!("sk-ant-api03-{four}"), format!("(sk-ant-admin01-{four}_-)")], &[("anthropic-key", 2)]),
        ("anthropic-key_not", "79 characters, within a word, few different ones", vec![format!("sk-ant-api03-{}", &four[1..]), format!("ask-ant-api03-{four}"), format!("sk-ant-abc00-{}", "a".repeat(80))], &[]),
        ("assignment", "letters and digits as in secrets", texts(["password=9aZxKq2mV7pL", "\"api_key\": \"x9Kq2mV7pL4tB\"", "AUTH-Token : 0a1b2c3d4e5f", "passwd='tr0ub4dor!horse'", "client_secret =\t x", "my secret: hunter2!hunter3"]), &[("assignment", 5)]),
        ("assignment_not", "code, paths, words, placeholders, short ones", texts(["secret = getValue12345()", "secret: your-Secret-here1", "password=correcthorsebattery", "secret=/etc/keys/Secret1.pem", "token=9aZxKq2mV7pL", "password=9aZx", "secret=Aa1::Bb2::Cc3", "password=version2version", "password=aA1aA1aA1aA1", "secret=https://Host1/x"]), &[]),
        ("aws-key", "four prefixes", texts(["AKIAQRSTUVWXYZ234567", "x=ASIAQRSTUVWXYZ234567.", "ABIAQRSTUVWXYZ234567", "ACCAQRSTUVWXYZ234567"]), &[("aws-key", 4)]),
        ("aws-key_not", "not base32, too long, AWS's own example", texts(["AKIAQRSTUVWXYZ234561", "AKIAQRSTUVWXYZ2345677", "AKIAIOSFODNN7EXAMPLE", "AKIAAAAAAAAAAAAAAAAA"]), &[]),
        ("card", "by issuer, length and Luhn, plain and in groups", texts(["4539148803436467", "4539 1488 0343 6467", "4539-1488-0343-6467.", "371449635398431", "3714 496353 98431", "36148900647913", "2221000000000009", "6011000990139424"]), &[("card", 8)]),
        ("card_not", "a digit is another, no issuer, part of more", texts(["4539148803436468", "1234567812345670", "0.4539148803436467", "4539148803436467.5", "4539-1488-0343-6467-1", "45391488034364670", "#4539148803436467"]), &[]),
        ("email", "an address in any text", texts(["Ada.1+x@Mail.sample-site.org", "<a@b.co.uk>", "mail a@b.io.", "é a@b.org é"]), &[("email", 4)]),
        ("email_not", "reserved, programs, files, no domain", texts(["ada@example.com", "a@mail.example.org", "a@b.test", "a@localhost", "git@sample-site.org", "//ada@sample-site.org", "icon@2x.png", "a..b@c.org", "a.@b.org", "a@b", "a@b.c"]), &[]),
        ("github-token", "both forms", vec![format!("ghp_{TOKEN}{}", &TOKEN[..16]), format!("github_pat_{TOKEN}xy_{TOKEN}{TOKEN}{}", &TOKEN[..19])], &[("github-token", 2)]),
        ("github-token_not", "35 characters, of one letter, a placeholder", vec![format!("ghp_{TOKEN}{}", &TOKEN[..15]), format!("ghp_{}", "a".repeat(36)), format!("ghp_{TOKEN}xxxx{}", &TOKEN[..12])], &[]),
        ("gitlab-token", "20 characters or more", texts(["glpat-TOKEN", "glpat-TOKEN-_"]), &[("gitlab-token", 2)]),
        ("gitlab-token_not", "19 characters, within a word", texts(["glpat-b3dEf6hIj9kLm2nOp5q", "xglpat-TOKEN"]), &[]),
        ("google-key", "35 characters and no more", vec![format!("AIza{TOKEN}{}", &TOKEN[..15])], &[("google-key", 1)]),
        ("google-key_not", "34, and 36", vec![format!("AIza{TOKEN}{}", &TOKEN[..14]), format!("AIza{TOKEN}{}", &TOKEN[..16])], &[]),
        ("huggingface-token", "34 letters", texts(["hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"]), &[("huggingface-token", 1)]),
        ("huggingface-token_not", "33, 35, a digit", texts(["hf_abcdefghijklmnopqrstuvwxyzABCDEFG", "hf_abcdefghijklmnopqrstuvwxyzABCDEFGHI", "hf_abcdefghijklmnopqrstuvwxyzABCDEFG1"]), &[]),
        ("iban", "plain, in fours, before words in capitals", texts(["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "DE89 3704 0044 0532 0130 00 BIC", "NO9386011117947"]), &[("iban", 4)]),
        ("iban_not", "a digit is another, no country, another length", texts(["DE89370400440532013001", "XX89370400440532013000", "DE8937040044053201300", "GB29NWBK6016133192681X", "DE893704004405320130001"]), &[]),
        ("ip", "public ones of both versions", texts(["81.2.69.142", "see 81.22.69.142.", "2a00:1450:4001:81b::200e", "[2001:4860:4860:0:0:0:0:8888]:443", "2606:4700::6810:85e5."]), &[("ip", 5)]),
        ("ip_not", "private, versions, other numbers, documentation", texts(["10.20.30.40", "172.16.99.88", "192.168.17.23", "203.0.113.77", "224.10.20.30", "1.2.3.14", "v81.22.69.14", "81.22.69.14.5", "81.22.69.14-rc1", "300.22.69.14", "081.22.69.142", "fe80::1ff:fe23:4567:890a", "2001:db8:85a3::8a2e:370:7334", "2a00::1", "2a00:1:2:3:4:5:6:7:8", "2a00:1450::4001::200e", "12:30:45"]), &[]),
        ("jwt", "a header that says alg", texts(["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJlMTIzNDU2"]), &[("jwt", 1)]),
        ("jwt_not", "another header, bits that are not zero, a short signature", texts(["eyJub3QiOiJhIHRva2VuIn0.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJlMTIzNDU2", "eyJhbGciOiJIUzI1NiIsInQiOjF9IH.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJlMTIzNDU2", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl"]), &[]),
        ("openai-key", "the mark inside", texts(["sk-TOKENT3BlbkFJTOKEN", "sk-proj-TOKENT3BlbkFJTOKEN"]), &[("openai-key", 2)]),
        ("openai-key_not", "without it, or too short before it", texts(["sk-TOKENTOKEN", "sk-abcT3BlbkFJTOKEN"]), &[]),
        ("phone", "international, with separators", texts(["+4930123456789", "+1 (202) 555-0143", "+44 20 7946 0958.", "tel:+49-30-1234567,"]), &[("phone", 4)]),
        ("phone_not", "too short, too long, sums, times, half a parenthesis", texts(["+1234567", "+12345678901234567", "1+2345678901", "2024-01-01T00:00:00+01:00", "+1 (202 555-0143", "0800 123 4567", "+4930123456789x", "+493012345678901.5"]), &[]),
        ("private-key", "its first line", texts(["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----"]), &[("private-key", 3)]),
        ("private-key_not", "public ones, small letters", texts(["-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----", "-----begin private key-----"]), &[]),
        ("slack-token", "seven prefixes", texts(["xoxb-1234567890-abcdefghij", "xoxs-1234567890-abcdefghij"]), &[("slack-token", 2)]),
        ("slack-token_not", "another prefix, few different characters", texts(["xoxz-1234567890-abcdefghij", "xoxb-aaaaaaaaaaaaaaaaaaaaaaaa"]), &[]),
        ("stripe-key", "live ones", texts(["sk_live_TOKENabcd", "rk_live_TOKENabcd"]), &[("stripe-key", 2)]),
        ("stripe-key_not", "of a test, too short", texts(["sk_test_TOKENabcd", "sk_live_TOKENabc"]), &[]),
        ("us-ssn", "what the administration gives out", texts(["078-05-1120", "ssn 219-09-9999."]), &[("us-ssn", 2)]),
        ("us-ssn_not", "parts that are never given out, longer numbers", texts(["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "1123-45-6789", "2024-123-45-6789", "123-45-6789-0"]), &[]),
    ]
}

#[test]
fn the_vectors_say_what_the_scan_finds() {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/core/vectors/scan"));
    let bless = std::env::var_os("BLESS").is_some();
    if bless {
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
    }
    let mut names = BTreeSet::new();
    for (name, comment, texts, expect) in scenarios() {
        let counts = |findings: Findings| -> BTreeMap<String, u64> {
            findings.iter().map(|(kind, values)| (kind.to_string(), values)).collect()
        };
        let expected: BTreeMap<String, u64> =
            expect.iter().map(|(kind, values)| ((*kind).to_owned(), *values)).collect();
        let (scanner, mut alone) = (Scanner::new(), Findings::default());
        texts.iter().for_each(|text| scanner.scan_text(text, &mut alone));
        assert_eq!(counts(alone), expected, "{name}: {comment}");
        assert_eq!(counts(scanned(&texts)), expected, "{name}, as a column: {comment}");
        let file = directory.join(format!("{name}.json"));
        let vector = json!({ "comment": comment, "texts": texts, "expect": expected });
        let text = format!("{}\n", serde_json::to_string_pretty(&vector).unwrap());
        if bless {
            fs::write(&file, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "{name}: BLESS=1 writes the vectors again");
        names.insert(format!("{name}.json"));
    }
    let there = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.collect::<BTreeSet<_>>(), names, "every vector has a scenario");
}
