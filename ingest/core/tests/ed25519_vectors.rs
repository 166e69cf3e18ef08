//! The strict signature rule against the public vectors for ed25519's edge cases.
//!
//! `MIRA_VECTORS` names a directory whose `ed25519/` holds the files; without it these tests say so and pass. The
//! counts are those of the rule in `FORMAT.md`, section 8.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test states what it expects")]

use std::path::PathBuf;

use mira_core::key::VerifyingKey;
use serde_json::Value;

/// What became of one file's cases.
#[derive(Default)]
struct Tally {
    total: usize,
    accepted: Vec<usize>,
}

impl Tally {
    /// A key that is refused, or a signature that is not 64 bytes, is a refusal.
    fn add(&mut self, key: &str, message: &[u8], signature: &str) -> bool {
        let key = hex(key).try_into().ok().and_then(|key: [u8; 32]| VerifyingKey::from_bytes(&key).ok());
        let signature: Option<[u8; 64]> = hex(signature).try_into().ok();
        let accepted = key.zip(signature).is_some_and(|(key, signature)| key.verify(message, &signature).is_ok());
        if accepted {
            self.accepted.push(self.total);
        }
        self.total += 1;
        accepted
    }
}

#[test]
fn wycheproof() {
    let Some(file) = load("wycheproof_ed25519_test.json") else { return };
    let mut tally = Tally::default();
    for group in file["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            let accepted = tally.add(text(&group["publicKey"]["pk"]), &hex(text(&case["msg"])), text(&case["sig"]));
            assert_eq!(accepted, case["result"] == "valid", "case {}: {}", case["tcId"], case["comment"]);
        }
    }
    assert_eq!((tally.total, tally.accepted.len()), (151, 88));
}

#[test]
fn cctv() {
    let Some(file) = load("cctv_ed25519vectors.json") else { return };
    let mut tally = Tally::default();
    // A component of low order does no harm as long as the equation without cofactor holds, so it is not listed.
    let refused = ["low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R", "low_order_residue"];
    for case in file.as_array().unwrap() {
        let accepted = tally.add(text(&case["key"]), text(&case["msg"]).as_bytes(), text(&case["sig"]));
        let flags: Vec<&str> = case["flags"].as_array().into_iter().flatten().map(text).collect();
        assert_eq!(accepted, !flags.iter().any(|flag| refused.contains(flag)), "case {}: {flags:?}", case["number"]);
    }
    assert_eq!((tally.total, tally.accepted.len()), (914, 43));
}

#[test]
fn speccheck() {
    let Some(file) = load("speccheck_cases.json") else { return };
    let mut tally = Tally::default();
    for case in file.as_array().unwrap() {
        tally.add(text(&case["pub_key"]), &hex(text(&case["message"])), text(&case["signature"]));
    }
    assert_eq!((tally.total, tally.accepted), (12, vec![3]));
}

/// Reads a file of the vectors, or says why not if nobody said where they are.
fn load(name: &str) -> Option<Value> {
    let Some(root) = std::env::var_os("MIRA_VECTORS") else {
        println!("skipped: MIRA_VECTORS is not set, so {name} was not run");
        return None;
    };
    let path = PathBuf::from(root).join("ed25519").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}
