//! Whatever the parsers of signed things accept prints as the same bytes, and nothing makes them panic.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test states what it expects")]

use std::sync::LazyLock;

use mira_core::digest::{Digest, LogRoot};
use mira_core::dsse::Envelope;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::json::{Json, Object, SafeInt, parse_canonical};
use mira_core::key::{SigningKey, VerifyingKey};
use mira_core::log::checkpoint::{Checkpoint, SignedCheckpoint};
use mira_core::log::note::{Note, PosixSeconds};
use mira_core::log::policy::Policy;
use mira_core::log::tlog_proof::TlogProof;
use mira_core::log::vkey::VerifierKey;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

/// One valid artifact of each kind, to be mutated: envelope, payload, checkpoint, proof, policy, vkey, did:key.
static SAMPLES: LazyLock<[Vec<u8>; 7]> = LazyLock::new(|| {
    let (key, witness) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let envelope = Envelope::seal(r#"{"a":[-1,true,"é\n"],"b":{}}"#.as_bytes(), &[&key, &witness]).unwrap();
    let log = VerifierKey::note("sample.example/log".parse().unwrap(), key.verifying_key());
    let cosigner = VerifierKey::cosignature("sample.example/w".parse().unwrap(), witness.verifying_key());
    let root = LogRoot::new(Digest::of(b"sample"));
    let checkpoint = Checkpoint::new(log.name().clone(), TreeSize::new(2), root);
    let checkpoint = SignedCheckpoint::sign(&checkpoint, &key).unwrap();
    let checkpoint = checkpoint.cosign(cosigner.name(), &witness, PosixSeconds::new(1).unwrap()).unwrap();
    let proof = TlogProof {
        extra: b"extra".to_vec(),
        index: LeafIndex::new(1),
        path: vec![Digest::of(b"sibling")],
        checkpoint: checkpoint.clone(),
    };
    [
        envelope.to_bytes(),
        envelope.unverified_payload().to_vec(),
        checkpoint.as_bytes().to_vec(),
        proof.to_bytes(),
        format!("log {log}\nwitness w {cosigner}\ngroup g 1 w\nquorum g\n").into_bytes(),
        log.to_string().into_bytes(),
        key.verifying_key().to_did().into_bytes(),
    ]
});

/// Gives bytes to every parser; what one accepts must print alike. Returns how many accepted.
fn check_all(bytes: &[u8]) -> usize {
    let mut accepted = 0;
    if let Ok(json) = parse_canonical(bytes) {
        accepted += 1;
        assert_eq!(json.to_canonical(), bytes);
        // A second reader understands the same value.
        assert_eq!(from_serde(&serde_json::from_slice(bytes).unwrap()), Some(json));
    }
    if let Ok(envelope) = Envelope::parse(bytes) {
        accepted += 1;
        assert_eq!(envelope.to_bytes(), bytes);
        let _ = envelope.verify_signatures();
    }
    if let Ok(note) = Note::parse(bytes) {
        accepted += 1;
        assert_eq!(note.as_bytes(), bytes);
        assert_eq!(Note::new(note.unverified_text(), note.signatures()), Ok(note));
    }
    if let Ok(signed) = SignedCheckpoint::parse(bytes) {
        accepted += 1;
        assert_eq!(signed.unverified().to_text(), signed.note().unverified_text());
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        accepted += 1;
        assert_eq!(proof.to_bytes(), bytes);
    }
    accepted += usize::from(Policy::parse(bytes).is_ok());
    let Ok(text) = std::str::from_utf8(bytes) else { return accepted };
    if let Ok(key) = text.parse::<VerifierKey>() {
        accepted += 1;
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = VerifyingKey::from_did(text) {
        accepted += 1;
        assert_eq!(key.to_did(), text);
    }
    accepted
}

/// The same value as serde_json reads it; `insert` orders the names, so its map's order does not matter.
fn from_serde(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => Json::Int(SafeInt::try_from(number.as_i64()?).ok()?),
        Value::String(text) => Json::Text(text.clone()),
        Value::Array(items) => Json::Array(items.iter().map(from_serde).collect::<Option<_>>()?),
        Value::Object(members) => {
            let mut object = Object::default();
            for (name, value) in members {
                object.insert(name, from_serde(value)?);
            }
            Json::Object(object)
        }
    })
}

fn any_json() -> impl Strategy<Value = Json> {
    let integer = ((1_i64 - (1 << 53))..(1 << 53)).prop_map(|value| Json::Int(SafeInt::try_from(value).unwrap()));
    let text = vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect::<String>());
    let leaf = prop_oneof![any::<bool>().prop_map(Json::Bool), integer, text.clone().prop_map(Json::Text)];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let object = |members: Vec<(String, Json)>| {
            Json::object(members.iter().map(|(name, value)| (name.as_str(), value.clone())))
        };
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Json::Array), vec((text.clone(), inner), 0..4).prop_map(object),]
    })
}

#[test]
fn the_samples_are_accepted() {
    // An envelope is canonical JSON too, a checkpoint is a note, and so is a proof, the path being part of its text.
    assert_eq!(SAMPLES.each_ref().map(|sample| check_all(sample)), [2, 1, 2, 2, 1, 1, 1]);
    let policy = Policy::parse(&SAMPLES[4]).unwrap();
    let verified = policy.verify(SignedCheckpoint::parse(&SAMPLES[2]).unwrap()).unwrap();
    assert_eq!(verified.witnesses().len(), 1);
    assert!(Envelope::parse(&SAMPLES[0]).unwrap().verify_signatures().is_ok());
}

#[test]
fn no_changed_byte_verifies() {
    refuses_every_flip(&SAMPLES[0], |bytes| {
        Envelope::parse(bytes).is_ok_and(|envelope| envelope.verify_signatures().is_ok())
    });
    let policy = Policy::parse(&SAMPLES[4]).unwrap();
    refuses_every_flip(&SAMPLES[2], |bytes| {
        SignedCheckpoint::parse(bytes).is_ok_and(|signed| policy.verify(signed).is_ok())
    });
}

fn refuses_every_flip(sample: &[u8], passes: impl Fn(&[u8]) -> bool) {
    assert!(passes(sample));
    for at in 0..sample.len() {
        let mut bytes = sample.to_vec();
        bytes[at] ^= 1;
        assert!(!passes(&bytes), "byte {at} of {}", String::from_utf8_lossy(sample));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..200)) {
        check_all(&bytes);
    }

    #[test]
    fn json_like_text(text in r#"[\[\]{}",:\\ub0-9ae.\- é]{0,24}"#) {
        check_all(text.as_bytes());
    }

    #[test]
    fn mutated_samples(
        which in any::<prop::sample::Index>(),
        edits in vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..4),
    ) {
        let mut bytes = which.get(SAMPLES.as_slice()).clone();
        for (at, edit, byte) in edits {
            let at = at.index(bytes.len() + 1);
            match edit {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        check_all(&bytes);
    }

    #[test]
    fn canonical_json_reads_back(json in any_json()) {
        let bytes = json.to_canonical();
        check_all(&bytes);
        prop_assert_eq!(parse_canonical(&bytes), Ok(json));
    }
}
