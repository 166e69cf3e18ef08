//! Policies: three witnesses, of whom the first two cosigned, under every rule and against every rule.

use data_encoding::BASE64;
use mira_core::digest::{Digest, LogRoot};
use mira_core::id::TreeSize;
use mira_core::log::checkpoint::{Checkpoint, SignedCheckpoint};
use mira_core::log::note::PosixSeconds;
use mira_core::log::policy::MAX_ITEMS;
use mira_core::log::vkey::VerifierKey;

use crate::{Scenario, key, last_signature_flipped, name, text};

const STRANGE_TYPE: &str = "pq.example+00000000+BgEC";

pub(crate) fn scenarios() -> Vec<Scenario> {
    [quorums(), logs_and_witnesses(), groups(), lines()].into_iter().flatten().collect()
}

fn quorums() -> Vec<Scenario> {
    let head = head();
    let bare_policy = format!("log {}\nquorum none\n", log("log", 1));
    let nested = |b: &str| format!("{head}group a any w1 w2\ngroup b {b}\ngroup c all a b\nquorum c\n");
    vec![
        accept("two_of_three", "two of three witnesses cosigned", &group("2 w1 w2 w3")),
        accept("any", "one is enough", &group("any w2 w3")),
        accept("all", "all of two", &group("all w1 w2")),
        accept("quorum_is_a_witness", "no group at all", &format!("{head}quorum w1\n")),
        accept(
            "nested_groups",
            "a group of groups",
            &format!("{head}group a any w1 w3\ngroup b all w2\ngroup c all a b\nquorum c\n"),
        ),
        case("quorum_none", true, "no cosignature is asked for", &bare_policy, &bare()),
        case("no_cosignatures", false, "the log alone is no quorum", &group("any w1 w2"), &bare()),
        case(
            "cosignature_wrong",
            false,
            "one wrong cosignature is enough",
            &group("any w1 w2"),
            &last_signature_flipped(&cosigned()),
        ),
        refuse("two_of_three_one_missing", "one of the two did not cosign", &group("2 w1 w3")),
        refuse("all_one_missing", "one of three did not cosign", &group("all w1 w2 w3")),
        refuse("nested_group_fails", "one of two groups fails", &nested("all w3")),
        refuse("quorum_undefined", "a quorum nobody defined", &format!("{head}quorum w9\n")),
        refuse(
            "quorum_defined_later",
            "a quorum before its witness",
            &format!("log {}\nquorum w1\n{}", log("log", 1), witnesses()),
        ),
        refuse("quorum_missing", "no quorum line", &head),
        refuse("quorum_twice", "two quorum lines", &format!("{head}quorum w1\nquorum w1\n")),
        refuse("quorum_of_two_names", "two names on the line", &format!("{head}quorum w1 w2\n")),
    ]
}

fn logs_and_witnesses() -> Vec<Scenario> {
    let (head, witnesses) = (head(), witnesses());
    let with = |line: &str| format!("{line}\n{head}quorum w1\n");
    let only_log = |log: &str| format!("log {log}\n{witnesses}quorum w1\n");
    let many = |count: u8| {
        let lines: String =
            (0..count).map(|i| format!("witness w{i} {}\ngroup g{i} any w{i}\n", witness("w", 20 + i))).collect();
        format!("log {}\n{lines}quorum none\n", log("log", 1))
    };
    let limit = u8::try_from(MAX_ITEMS).unwrap();
    vec![
        accept("log_of_strange_type", "kept, and never counted", &with(&format!("log {STRANGE_TYPE}"))),
        accept("two_keys_of_one_origin", "one of them signed", &with(&format!("log {}", log("log", 3)))),
        accept("limits_reached", "as many witnesses and groups as there may be", &many(limit)),
        refuse("limits_exceeded", "one more", &many(limit + 1)),
        refuse("no_logs", "readable, but nothing passes", &format!("{witnesses}quorum w1\n")),
        refuse("log_of_other_origin", "the log that signed is not listed", &only_log(&log("other", 3))),
        refuse("log_key_under_other_origin", "its key is, but under another name", &only_log(&log("other", 1))),
        refuse("log_key_did_not_sign", "the origin is listed with another key", &only_log(&log("log", 3))),
        refuse("log_key_of_type_04", "a cosigner's key for a log", &only_log(&witness("log", 1))),
        refuse("witness_key_of_type_01", "a log's key for a witness", &with(&format!("witness w4 {}", log("w4", 14)))),
        refuse(
            "witness_of_strange_type",
            "it cannot meet a quorum",
            &format!("{head}witness pq {STRANGE_TYPE}\nquorum pq\n"),
        ),
        refuse("log_twice", "the same log again", &with(&format!("log {}", log("log", 1)))),
        refuse("log_key_under_two_names", "the same public key again", &with(&format!("log {}", log("again", 1)))),
        refuse(
            "witness_key_under_two_names",
            "one witness counted as two",
            &with(&format!("witness w4 {}", witness("again", 11))),
        ),
        refuse("witness_without_name", "an item is missing", &with(&format!("witness {}", witness("w4", 14)))),
        refuse("log_with_two_urls", "an item too many", &only_log(&format!("{} a b", log("log", 1)))),
        refuse(
            "vkey_edited",
            "a key id of another key",
            &format!("{head}quorum w1\n").replacen("example/log+", "example/log2+", 1),
        ),
    ]
}

fn groups() -> Vec<Scenario> {
    let head = head();
    let with = |lines: &str| format!("{head}{lines}quorum w1\n");
    vec![
        refuse("name_taken", "a witness and a group of one name", &with("group w1 any w2\n")),
        refuse("name_none", "none is predefined", &with("group none any w2\n")),
        refuse("member_none", "none is no member", &group("any none")),
        refuse("member_twice", "a witness twice in one group", &group("2 w1 w1")),
        refuse(
            "member_of_two_groups",
            "a witness that counts in two ways",
            &with("group a any w1 w2\ngroup b any w1 w3\n"),
        ),
        refuse("member_undefined", "a name nobody defined", &group("any w9")),
        refuse("member_is_the_group", "a group of itself", &group("any g")),
        refuse("member_defined_later", "a group before its member", &format!("group g any w1\n{head}quorum g\n")),
        refuse("threshold_0", "a group that asks for nobody", &group("0 w1 w2")),
        refuse("threshold_above_members", "three of two", &group("3 w1 w2")),
        refuse("threshold_leading_zero", "a leading zero", &group("01 w1 w2")),
        refuse("threshold_plus", "a sign", &group("+1 w1 w2")),
        refuse("threshold_word", "neither a number nor all nor any", &group("some w1 w2")),
        refuse("group_without_members", "no members", &group("all")),
    ]
}

fn lines() -> Vec<Scenario> {
    let (head, log, witnesses) = (head(), log("log", 1), witnesses());
    let loose = format!("# sample\n\n \t# indented\n\tlog  {log}\thttps://sample.example/ \n{witnesses}quorum w1 \n");
    let octets = [head.as_bytes(), b"group \xff any w1 # w2\nquorum \xff\n"].concat();
    let octets_ok = [head.as_bytes(), b"group \xff any w1\n# \xfe\nquorum \xff\n"].concat();
    let base64_case = |name: &str, accept, comment: &str, policy: &[u8]| {
        let input = vec![("policy_base64", BASE64.encode(policy).into()), ("checkpoint", cosigned().into())];
        Scenario::new(name, accept, comment, input)
    };
    vec![
        accept("white_space_comments_urls", "tabs, blank lines, comments, URLs", &loose),
        base64_case("name_not_utf_8", true, "names and comments are octets", &octets_ok),
        base64_case("comment_after_items", false, "comments have lines of their own", &octets),
        refuse("keyword_unknown", "a line of another form", &format!("{head}observer w1\nquorum w1\n")),
        refuse("keyword_capitals", "keywords are in lower case", &format!("{head}Quorum w1\n")),
        refuse("carriage_return", "CRLF", &format!("{head}quorum w1\n").replace('\n', "\r\n")),
        refuse("delete_character", "a control character in a comment", &format!("#\u{7f}\n{head}quorum w1\n")),
        refuse("no_final_newline", "the last line does not end", &format!("{head}quorum w1")),
        refuse("empty", "nothing", ""),
    ]
}

fn accept(name: &str, comment: &str, policy: &str) -> Scenario {
    case(name, true, comment, policy, &cosigned())
}

fn refuse(name: &str, comment: &str, policy: &str) -> Scenario {
    case(name, false, comment, policy, &cosigned())
}

fn case(name: &str, accept: bool, comment: &str, policy: &str, checkpoint: &str) -> Scenario {
    Scenario::new(name, accept, comment, vec![("policy", policy.into()), ("checkpoint", checkpoint.into())])
}

/// A checkpoint that its log alone signed.
fn bare() -> String {
    let root = LogRoot::new(Digest::of(b"sample root"));
    let checkpoint = Checkpoint::new(name("sample.example/log"), TreeSize::new(7), root);
    text(SignedCheckpoint::sign(&checkpoint, &key(1)).unwrap().as_bytes())
}

/// The same, cosigned by w1 and w2.
fn cosigned() -> String {
    let time = PosixSeconds::new(1_700_000_000).unwrap();
    let bare = SignedCheckpoint::parse(bare().as_bytes()).unwrap();
    let one = bare.cosign(&name("sample.example/w1"), &key(11), time).unwrap();
    text(one.cosign(&name("sample.example/w2"), &key(12), time).unwrap().as_bytes())
}

fn log(label: &str, seed: u8) -> String {
    VerifierKey::note(name(&format!("sample.example/{label}")), key(seed).verifying_key()).to_string()
}

fn witness(label: &str, seed: u8) -> String {
    VerifierKey::cosignature(name(&format!("sample.example/{label}")), key(seed).verifying_key()).to_string()
}

fn witnesses() -> String {
    (1..=3).map(|i| format!("witness w{i} {}\n", witness(&format!("w{i}"), 10 + i))).collect()
}

fn head() -> String {
    format!("log {}\n{}", log("log", 1), witnesses())
}

/// A policy whose quorum is one group.
fn group(rule: &str) -> String {
    format!("{}group g {rule}\nquorum g\n", head())
}
