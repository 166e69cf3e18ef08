//! Statements: one byte form each, and the committed vectors of section 9 of `FORMAT.md`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

use std::collections::BTreeMap;

#[path = "people/draw.rs"]
mod draw;
mod people;

use draw::Draw;
use mira_core::cbor::Reader;
use mira_core::digest::Digest;
use mira_core::rights::{Rights, Use};
use mira_core::statement::{AgentRole, DelegatedKind, Kind, Statement, StatementError};
use people::{bless, vectors};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Many bytes to draw from, so that most choices are not the default.
fn entropy() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..600)
}

proptest! {
    #[test]
    fn a_statement_reads_back_as_itself(bytes in entropy(), kind in 0..Kind::ALL.len()) {
        let statement = Draw(&bytes).statement(Kind::ALL[kind]);
        let payload = statement.to_payload();
        let parsed = Statement::parse(&payload);
        prop_assert_eq!(parsed.as_ref(), Ok(&statement), "{}", String::from_utf8_lossy(&payload));
        prop_assert_eq!(parsed.unwrap().to_payload(), payload);
    }

    #[test]
    fn a_mutated_payload_is_refused_or_says_something_else(
        bytes in entropy(),
        kind in 0..Kind::ALL.len(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"0123456789abcdefz{}[]\":,-_.\\ \n\x00\xff".to_vec()),
        edit in 0..3,
    ) {
        let statement = Draw(&bytes).statement(Kind::ALL[kind]);
        let mut payload = statement.to_payload();
        let at = at.index(payload.len());
        match edit {
            0 => payload[at] = byte,
            1 => payload.insert(at, byte),
            _ => { payload.remove(at); }
        }
        if payload != statement.to_payload() && let Ok(other) = Statement::parse(&payload) {
            prop_assert_ne!(&other, &statement);
            prop_assert_eq!(other.to_payload(), payload);
        }
    }

    #[test]
    fn rights_have_one_json_and_one_cbor_form(bytes in entropy(), at in any::<prop::sample::Index>(), byte: u8) {
        let rights = Draw(&bytes).rights();
        prop_assert_eq!(&Rights::parse(&rights.to_json_bytes()).unwrap(), &rights);
        let mut cbor = Vec::new();
        rights.write_cbor(&mut cbor);
        let mut reader = Reader::new(&cbor);
        prop_assert_eq!(&Rights::read_cbor(&mut reader).unwrap(), &rights);
        prop_assert!(reader.finish().is_ok());

        let at = at.index(cbor.len());
        cbor[at] = byte;
        if let Ok(other) = Rights::read_cbor(&mut Reader::new(&cbor)) {
            let mut again = Vec::new();
            other.write_cbor(&mut again);
            prop_assert!(cbor.starts_with(&again));
        }
    }
}

/// The longest of some arbitrary statements of a kind: it has most of its optional members.
fn sample(kind: Kind) -> Statement {
    let drawn = (0..64_u8).map(|salt| {
        let block = |i: u8| *Digest::of(&[kind.number(), salt, i]).as_bytes();
        Draw(&(0..40).flat_map(block).collect::<Vec<u8>>()).statement(kind)
    });
    drawn.max_by_key(|statement| statement.to_payload().len()).unwrap()
}

/// The kinds of which there is a second sample, without optional keys.
const BARE: &[Kind] = &[
    Kind::Register,
    Kind::Delegate,
    Kind::Contribute,
    Kind::Transform,
    Kind::Train,
    Kind::Evaluate,
    Kind::Deploy,
    Kind::Use,
    Kind::Withdraw,
    Kind::Dispute,
];

struct Vector {
    name: String,
    comment: String,
    accepted: bool,
    payload: String,
}

/// A change that must be refused: name, comment, kind of the sample, the member at fault, and the change itself.
type Refusal = (&'static str, &'static str, Kind, &'static str, fn(&mut Value));

/// Changes of a value, after which the payload is canonical JSON still.
const REFUSALS: &[Refusal] = &[
    ("statement_of_in_toto_v0_1", "another _type", Kind::Policy, "$._type", |it| {
        it["_type"] = json!("https://in-toto.io/Statement/v0.1");
    }),
    ("predicate_type_of_another_version", "urn:mira:policy:v2 does not exist", Kind::Policy, "$.predicateType", |it| {
        it["predicateType"] = json!("urn:mira:policy:v2");
    }),
    ("private", "the kind is reserved", Kind::Policy, "$.predicateType", |it| {
        it["predicateType"] = json!("urn:mira:private:v1");
    }),
    ("unknown_key", "a key that the kind does not have", Kind::Policy, "\"to_epoch\"", |it| {
        it["predicate"]["to_epoch"] = json!(9);
    }),
    ("unknown_key_outside", "a key that no statement has", Kind::Policy, "\"version\"", |it| it["version"] = json!(1)),
    ("epoch_0", "epochs count from 1", Kind::Policy, "$.predicate.from_epoch", |it| {
        it["predicate"]["from_epoch"] = json!(0);
    }),
    ("two_subjects", "exactly one subject", Kind::Policy, "$.subject", |it| {
        it["subject"] = json!([it["subject"][0], it["subject"][0]]);
    }),
    ("no_subject", "exactly one subject", Kind::Policy, "$.subject", |it| it["subject"] = json!([])),
    ("upper_case_hex", "digests are lowercase", Kind::Policy, "$.subject[0].digest.sha256", |it| {
        it["subject"][0]["digest"]["sha256"] = json!("AB".repeat(32));
    }),
    ("named_policy", "a policy has no name", Kind::Policy, "\"name\"", |it| it["subject"][0]["name"] = json!("x")),
    ("leap_second", "seconds go to 59", Kind::Policy, "$.predicate.claimed_at", |it| {
        it["predicate"]["claimed_at"] = json!("2016-12-31T23:59:60Z");
    }),
    ("short_nonce", "a nonce has 16 bytes", Kind::Policy, "$.predicate.nonce", |it| {
        it["predicate"]["nonce"] = json!("00".repeat(15));
    }),
    ("subject_of_another_contributor", "the signer is the subject", Kind::Bind, "$.subject[0].digest.sha256", |it| {
        it["subject"][0]["digest"]["sha256"] = json!("00".repeat(32));
    }),
    ("payout_without_0x", "addresses start with 0x", Kind::Bind, "$.predicate.payout", |it| {
        it["predicate"]["payout"] = json!("ab".repeat(20));
    }),
    ("bind_nonce_as_text", "bind_nonce is a number", Kind::Bind, "$.predicate.bind_nonce", |it| {
        it["predicate"]["bind_nonce"] = json!("1");
    }),
    ("bind_nonce_negative", "integers are not negative", Kind::Bind, "$.predicate.bind_nonce", |it| {
        it["predicate"]["bind_nonce"] = json!(-1);
    }),
    ("recovery_is_the_first_key", "a recovery key is another key", Kind::Register, "recovery", |it| {
        it["predicate"]["recovery"] = it["predicate"]["key"].clone();
    }),
    ("key_without_multicodec", "keys are did:key of ed25519", Kind::Register, "$.predicate.key", |it| {
        it["predicate"]["key"] = json!("did:key:z2DTLYb6VskE9pACnEVhZFqLXsTM");
    }),
    ("delegated_to_itself", "nobody delegates to themselves", Kind::Delegate, "to:", |it| {
        it["predicate"]["to"] = it["predicate"]["contributor_id"].clone();
    }),
    ("delegates_no_kind", "at least one kind", Kind::Delegate, "kinds:", |it| it["predicate"]["kinds"] = json!([])),
    ("delegates_a_kind_twice", "kinds ascend", Kind::Delegate, "$.predicate.kinds[1]", |it| {
        it["predicate"]["kinds"] = json!(["train", "train"]);
    }),
    ("delegates_kinds_out_of_order", "kinds ascend", Kind::Delegate, "$.predicate.kinds[1]", |it| {
        it["predicate"]["kinds"] = json!(["train", "deploy"]);
    }),
    ("delegation_ends_for_some_names", "an end has no names", Kind::Delegate, "names:", |it| {
        it["predicate"]["state"] = json!("ended");
        it["predicate"]["names"] = json!(["corpus"]);
    }),
    ("rows_as_text", "rows is a number", Kind::Contribute, "$.predicate.rows", |it| {
        it["predicate"]["rows"] = json!("5000000");
    }),
    ("fewer_rows_than_chunks", "every chunk has a row", Kind::Contribute, "rows:", |it| {
        it["predicate"]["rows"] = json!(1);
        it["predicate"]["chunks"] = json!(2);
    }),
    ("too_many_chunks", "at most 1,000,000 chunks", Kind::Contribute, "chunks:", |it| {
        it["predicate"]["rows"] = json!(1_000_001);
        it["predicate"]["chunks"] = json!(1_000_001);
    }),
    ("another_cut", "profiles are those of section 6", Kind::Contribute, "$.predicate.profiles.cut", |it| {
        it["predicate"]["profiles"]["cut"] = json!("cut-2");
    }),
    ("model_digest_on_a_dataset", "miraDatasetV1 is missing", Kind::Contribute, "miraDatasetV1", |it| {
        let digest = it["subject"][0]["digest"]["sha256"].clone();
        it["subject"][0]["digest"] = json!({"miraModelV1": digest, "sha256": digest});
    }),
    ("dataset_without_manifest", "sha256 is missing", Kind::Contribute, "sha256 is missing", |it| {
        it["subject"][0]["digest"] = json!({"miraDatasetV1": "00".repeat(32)});
    }),
    ("dataset_without_name", "name is missing", Kind::Contribute, "name is missing", |it| {
        it["subject"][0] = json!({"digest": it["subject"][0]["digest"]});
    }),
    ("on_behalf_of_the_signer", "the signer is left out", Kind::Contribute, "on_behalf_of:", |it| {
        it["predicate"]["on_behalf_of"] = it["predicate"]["contributor_id"].clone();
    }),
    ("name_with_upper_case", "names are lowercase", Kind::Contribute, "$.subject[0].name", |it| {
        it["subject"][0]["name"] = json!("Corpus");
    }),
    ("name_like_a_cid", "names do not look like hashes", Kind::Contribute, "$.subject[0].name", |it| {
        it["subject"][0]["name"] = json!("bafybeigdyrzt5sfp7udm7hu76uh7y26n");
    }),
    ("use_allowed_and_denied", "no use is in both lists", Kind::Contribute, "$.predicate.rights", |it| {
        it["predicate"]["rights"]["allow"] = json!(["train"]);
        it["predicate"]["rights"]["deny"] = json!(["train"]);
    }),
    ("licence_text_that_is_not_named", "MIT names no LicenseRef-", Kind::Contribute, "$.predicate.rights", |it| {
        it["predicate"]["rights"]["license"] = json!("MIT");
        it["predicate"]["rights"]["license_text"] = json!("00".repeat(32));
    }),
    (
        "licence_with_lower_case_operator",
        "operators are upper-case",
        Kind::Contribute,
        "$.predicate.rights.license",
        |it| {
            it["predicate"]["rights"]["license"] = json!("MIT or ISC");
        },
    ),
    ("model_of_other_files", "miraModelV1 is made from the files", Kind::Train, "files:", |it| {
        it["predicate"]["files"] = json!([["weights", "00".repeat(32)]]);
    }),
    ("model_without_files", "at least one file", Kind::Train, "files:", |it| it["predicate"]["files"] = json!([])),
    ("path_upwards", "paths have no .. segment", Kind::Train, "$.predicate.files[0][0]", |it| {
        it["predicate"]["files"] = json!([["../weights", "00".repeat(32)]]);
    }),
    ("paths_out_of_order", "paths ascend", Kind::Train, "$.predicate.files[1]", |it| {
        it["predicate"]["files"] = json!([["b", "00".repeat(32)], ["a", "00".repeat(32)]]);
    }),
    ("input_with_chunks_and_rows", "one of both", Kind::Transform, "$.predicate.inputs[0]", |it| {
        let rows = json!({"count": 1, "sha256": "00".repeat(32)});
        it["predicate"]["inputs"] = json!([{
            "chunks": [[0, 1]], "passes": 1, "role": "train", "rows": rows, "statement": "00".repeat(32)
        }]);
    }),
    ("ranges_that_touch", "each start is greater than the end before", Kind::Transform, "inputs[0].chunks", |it| {
        it["predicate"]["inputs"] = json!([{
            "chunks": [[0, 1], [1, 1]], "passes": 1, "role": "train", "statement": "00".repeat(32)
        }]);
    }),
    ("external_input_with_query", "URIs have no query", Kind::Transform, "$.predicate.inputs[0].uri", |it| {
        it["predicate"]["inputs"] = json!([{"role": "train", "uri": "https://example.org/?a=b"}]);
    }),
    ("role_of_an_input", "countersign takes the role of an agent", Kind::Countersign, "$.predicate.role", |it| {
        it["predicate"]["role"] = json!("base");
    }),
    ("count_as_number", "count is decimal digits as a string", Kind::Use, "$.predicate.count", |it| {
        it["predicate"]["count"] = json!(1);
    }),
    ("count_with_leading_zero", "no leading zeros", Kind::Use, "$.predicate.count", |it| {
        it["predicate"]["count"] = json!("01");
    }),
    ("use_that_ends_before_it_starts", "from is not after to", Kind::Use, "to:", |it| {
        it["predicate"]["from"] = json!("2026-02-01T00:00:00Z");
        it["predicate"]["to"] = json!("2026-01-01T00:00:00Z");
    }),
    ("metric_as_number", "values are decimal strings", Kind::Evaluate, "$.predicate.metrics[0][1]", |it| {
        it["predicate"]["metrics"] = json!([["f1", 1]]);
    }),
    ("cid_of_version_0", "CIDs are of version 1", Kind::Available, "$.predicate.cid", |it| {
        it["predicate"]["cid"] = json!("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
    }),
    ("cid_of_a_file", "the CID is that of a directory", Kind::Available, "cid:", |it| {
        it["predicate"]["cid"] = json!("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
    }),
];

/// Changes of the text of a policy statement, after which it is no canonical JSON: name, comment, from, to.
const RESPELLINGS: &[(&str, &str, &str, &str)] = &[
    ("space_after_colon", "not its RFC 8785 form", "\"_type\":", "\"_type\": "),
    ("escaped_slash", "not its RFC 8785 form", "https:/", "https:\\/"),
    ("keys_out_of_order", "not its RFC 8785 form", "\"predicateType\":", "\"a\":0,\"predicateType\":"),
    ("key_twice", "not JSON", "\"from_epoch\":", "\"from_epoch\":1,\"from_epoch\":"),
    ("null", "there is no null", "\"predicate\":{", "\"a\":null,\"predicate\":{"),
    ("fraction", "numbers are integers", "\"from_epoch\":", "\"from_epoch\":0.5,\"g\":"),
    ("byte_order_mark", "not JSON", "{\"_type", "\u{feff}{\"_type"),
    ("line_feed_at_the_end", "not its RFC 8785 form", "}}]}", "}}]}\n"),
];

fn all_vectors() -> Vec<Vector> {
    let payload = |kind| String::from_utf8(sample(kind).to_payload()).unwrap();
    let accepted = Kind::ALL.iter().map(|kind| Vector {
        name: kind.to_string(),
        comment: format!("a {kind} statement"),
        accepted: true,
        payload: payload(*kind),
    });
    let bare = BARE.iter().map(|kind| Vector {
        name: format!("{kind}_bare"),
        comment: format!("a {kind} statement without optional keys, and with lists as short as they may be"),
        accepted: true,
        payload: String::from_utf8(Draw(&[]).statement(*kind).to_payload()).unwrap(),
    });
    let refused = REFUSALS.iter().map(|(name, comment, kind, at, change)| {
        let mut value = serde_json::from_str(&payload(*kind)).unwrap();
        change(&mut value);
        let payload = canonical(&value);
        let error = Statement::parse(payload.as_bytes()).unwrap_err();
        let message = std::error::Error::source(&error).unwrap().to_string();
        assert!(message.contains(at), "{name}: {message}");
        Vector { name: format!("refused_{name}"), comment: (*comment).into(), accepted: false, payload }
    });
    let respelled = RESPELLINGS.iter().map(|(name, comment, from, to)| {
        let payload = payload(Kind::Policy).replacen(from, to, 1);
        assert!(matches!(Statement::parse(payload.as_bytes()), Err(StatementError::Json(_))), "{name}");
        Vector { name: format!("refused_{name}"), comment: (*comment).into(), accepted: false, payload }
    });
    accepted.chain(bare).chain(refused).chain(respelled).collect()
}

/// RFC 8785 for the values of this file, whose keys are ASCII.
fn canonical(value: &Value) -> String {
    let join = |items: Vec<String>| items.join(",");
    match value {
        Value::Array(items) => format!("[{}]", join(items.iter().map(canonical).collect())),
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let member = |(name, value): (&String, &Value)| format!("{}:{}", json!(name), canonical(value));
            format!("{{{}}}", join(sorted.into_iter().map(member).collect()))
        }
        scalar => scalar.to_string(),
    }
}

/// Arrays of these words ascend, and so must the members of the enums.
#[test]
fn words_ascend_as_arrays_of_them_must() {
    assert!(Use::ALL.is_sorted_by_key(|word| word.as_str()));
    assert!(DelegatedKind::ALL.is_sorted_by_key(|word| word.as_str()));
    assert!(AgentRole::ALL.is_sorted_by_key(|word| word.as_str()));
}

#[test]
fn vectors_are_current() {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    for vector in all_vectors() {
        let parsed = Statement::parse(vector.payload.as_bytes());
        let verdict = match (&parsed, vector.accepted) {
            (Ok(statement), true) => format!(
                "  \"expect\": \"accepted\",\n  \"kind\": \"{}\",\n  \"subject\": \"{}\",\n",
                statement.kind(),
                statement.subject().header()
            ),
            (Err(_), false) => "  \"expect\": \"refused\",\n".into(),
            (found, expected) => panic!("{}: expected acceptance to be {expected}, found {found:?}", vector.name),
        };
        let text = format!(
            "{{\n  \"comment\": {},\n{verdict}  \"payload\": {}\n}}\n",
            quoted(&vector.comment),
            quoted(&vector.payload)
        );
        bless(&format!("statements/{}.json", vector.name), &text);
    }
}

/// The committed vectors by themselves: this is all that another implementation gets to see.
#[test]
fn vectors_replay() {
    let mut files = 0;
    for file in std::fs::read_dir(vectors().join("statements")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let vector: Value = serde_json::from_str(&text).unwrap();
        let payload = vector["payload"].as_str().unwrap();
        match Statement::parse(payload.as_bytes()) {
            Ok(statement) => {
                assert_eq!(vector["expect"], "accepted", "{payload}");
                assert_eq!(statement.kind().as_str(), vector["kind"]);
                assert_eq!(statement.subject().header().to_string(), vector["subject"]);
                assert_eq!(statement.to_payload(), payload.as_bytes());
            }
            Err(error) => assert_eq!(vector["expect"], "refused", "{error:?}"),
        }
        files += 1;
    }
    assert!(files >= Kind::ALL.len() + 20, "{files} vectors");
}
