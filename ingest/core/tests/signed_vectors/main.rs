//! The vectors of keys, manifests, chunk lists, envelopes, notes, policies and proofs: `vectors/<kind>/<scenario>.json`.
//!
//! Each file has `comment`, `expect` (`accept` or `refuse`), its input, and what comes of it (`result` or `error`). The
//! scenarios are made here from sample keys; whether one is accepted is said beside it, so that `BLESS=1`, which writes
//! the files anew, cannot turn a refusal into its opposite. An input that is not text is base64 under `<key>_base64`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test states what it expects")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use data_encoding::{BASE64, HEXLOWER};
use mira_core::dsse::Envelope;
use mira_core::key::{SigningKey, VerifyingKey};
use mira_core::log::checkpoint::SignedCheckpoint;
use mira_core::log::note::Note;
use mira_core::log::policy::Policy;
use mira_core::log::tlog_proof::TlogProof;
use mira_core::log::vkey::{KeyName, VerifierKey};
use mira_core::manifest::Manifest;
use serde_json::Value;

mod envelopes;
mod keys;
mod manifests;
mod notes;
mod policies;
mod proofs;
#[path = "../sample/mod.rs"]
mod sample;

/// A scenario: its file's name, whether it passes, why it is there, and its input.
struct Scenario {
    name: String,
    accept: bool,
    comment: String,
    input: Vec<(&'static str, Value)>,
}

/// What a format's reader makes of an input: a line about what it accepted, or the error.
type Judge = fn(&Value) -> Result<String, Box<dyn Error>>;

#[test]
fn envelopes_vectors() {
    let judge: Judge = |case| {
        let envelope = Envelope::parse(&input(case, "envelope"))?.verify_signatures()?;
        Ok(format!("statement_id {}", envelope.statement_id()))
    };
    run("envelopes", judge, &envelopes::scenarios());
}

#[test]
fn notes_vectors() {
    let judge: Judge = |case| {
        let keys = case["keys"].as_array().into_iter().flatten();
        let keys: Vec<VerifierKey> = keys.map(|key| key.as_str().unwrap().parse()).collect::<Result<_, _>>()?;
        let note = Note::parse(&input(case, "note"))?;
        let signers =
            note.verify(&keys)?.signers().iter().map(|signer| signer.key.name().to_string()).collect::<Vec<_>>();
        Ok(format!("signed by {}", signers.join(", ")))
    };
    run("notes", judge, &notes::scenarios());
}

#[test]
fn policies_vectors() {
    let judge: Judge = |case| {
        let policy = Policy::parse(&input(case, "policy"))?;
        let verified = policy.verify(SignedCheckpoint::parse(&input(case, "checkpoint"))?)?;
        let (checkpoint, count) = (verified.checkpoint(), verified.witnesses().len());
        Ok(format!("{} at {}, cosignatures: {count}", checkpoint.origin(), checkpoint.size()))
    };
    run("policies", judge, &policies::scenarios());
}

#[test]
fn tlog_proofs_vectors() {
    let judge: Judge = |case| {
        let proof = TlogProof::parse(&input(case, "proof"))?;
        assert_eq!(proof.to_bytes(), input(case, "proof"));
        Ok(format!("leaf {}, hashes: {}, bytes of extra: {}", proof.index, proof.path.len(), proof.extra.len()))
    };
    run("tlog-proofs", judge, &proofs::scenarios());
}

#[test]
fn keys_vectors() {
    let judge: Judge = |case| {
        let hex = |key: &str| HEXLOWER.decode(&input(case, key)).unwrap();
        let key = VerifyingKey::from_bytes(&hex("key").try_into().unwrap())?;
        key.verify(&input(case, "message"), &hex("signature").try_into().unwrap())?;
        Ok(format!("by {}", key.to_did()))
    };
    run("keys", judge, &keys::scenarios());
}

#[test]
fn manifests_vectors() {
    let judge: Judge = |case| {
        let bytes = input(case, "manifest");
        let manifest = Manifest::from_cbor(&bytes)?;
        assert_eq!(manifest.to_cbor(), bytes);
        Ok(format!("dataset_id {}, manifest {}", manifest.dataset_id(), manifest.digest()))
    };
    run("manifests", judge, &manifests::scenarios());
}

#[test]
fn chunk_lists_vectors() {
    let judge: Judge = |case| {
        let list = Manifest::from_cbor(&input(case, "manifest"))?.open_chunk_list(&input(case, "chunk_list"))?;
        assert_eq!(list.to_cbor(), input(case, "chunk_list"));
        Ok(format!("chunks: {}", list.chunks().len()))
    };
    run("chunk-lists", judge, &manifests::lists());
}

/// Judges every scenario and compares it with its file, or writes the file; a file without scenario is an error.
fn run(folder: &str, judge: Judge, scenarios: &[Scenario]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(folder);
    let bless = std::env::var_os("BLESS").is_some();
    let mut names = BTreeSet::new();
    for scenario in scenarios {
        let case = Value::Object(scenario.input.iter().map(|(key, value)| ((*key).into(), value.clone())).collect());
        let outcome = judge(&case);
        assert_eq!(outcome.is_ok(), scenario.accept, "{}: {outcome:?}", scenario.name);
        let path = folder.join(format!("{}.json", scenario.name));
        let file = scenario.file(&outcome);
        if bless {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &file).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(committed, file, "{} differs; BLESS=1 writes it anew", path.display());
        assert!(names.insert(path.file_name().unwrap().to_owned()), "{} is there twice", scenario.name);
    }
    let on_disk: BTreeSet<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(on_disk, names, "files and scenarios of {}", folder.display());
    // A mutation that changed nothing would test nothing.
    let inputs: BTreeSet<String> = scenarios.iter().map(|scenario| format!("{:?}", scenario.input)).collect();
    assert_eq!(inputs.len(), scenarios.len(), "two scenarios of {} have one input", folder.display());
}

impl Scenario {
    fn new(name: &str, accept: bool, comment: &str, input: Vec<(&'static str, Value)>) -> Self {
        Self { name: name.into(), accept, comment: comment.into(), input }
    }

    /// The file: one key on each line, in this order.
    fn file(&self, outcome: &Result<String, Box<dyn Error>>) -> String {
        let expect = if self.accept { "accept" } else { "refuse" };
        let mut members = vec![("comment", self.comment.as_str().into()), ("expect", expect.into())];
        members.extend(self.input.iter().cloned());
        members.push(match outcome {
            Ok(result) => ("result", result.as_str().into()),
            Err(error) => ("error", chain(error.as_ref()).into()),
        });
        let lines: Vec<String> =
            members.iter().map(|(key, value): &(&str, Value)| format!("  \"{key}\": {value}")).collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }
}

/// The bytes under a key, or under the key with `_base64` where they are not text.
fn input(case: &Value, key: &str) -> Vec<u8> {
    match case[key].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => BASE64.decode(case[format!("{key}_base64")].as_str().unwrap().as_bytes()).unwrap(),
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Sets the lowest spare bit of the padded base64 that ends where `after` first starts.
fn spare_bit_set(text: &str, after: &str) -> String {
    let (before, rest) = text.split_once(after).unwrap();
    let digits = before.trim_end_matches('=');
    let padding = &before[digits.len()..];
    assert!(!padding.is_empty(), "only padded base64 has spare bits");
    let (start, last) = digits.split_at(digits.len() - 1);
    // Spare bits are zero before, so the next digit of the alphabet differs in the lowest of them only.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let next = alphabet.find(last).unwrap() + 1;
    format!("{start}{}{padding}{after}{rest}", &alphabet[next..=next])
}

/// A note whose last signature has one bit changed.
fn last_signature_flipped(note: &str) -> String {
    let (start, blob) = note.trim_end().rsplit_once(' ').unwrap();
    let blob = BASE64.decode(blob.as_bytes()).unwrap();
    format!("{start} {}\n", BASE64.encode(&flipped(&blob, blob.len() - 2)))
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

/// A sample key; everybody knows its seed.
fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
