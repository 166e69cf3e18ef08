//! Envelopes: other spellings of a good one, and good spellings of something else.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, HEXLOWER};
use mira_core::domain::PAYLOAD_TYPE;
use mira_core::dsse::{Envelope, pre_authentication_encoding};

use crate::{Scenario, flipped, key, spare_bit_set, text};

const PAYLOAD: &str = r#"{"_type":"https://in-toto.io/Statement/v1","sample":[1,"x/y?>",true]}"#;

pub(crate) fn scenarios() -> Vec<Scenario> {
    [well_formed(), spellings(), payloads(), keyids(), signatures()].into_iter().flatten().collect()
}

fn well_formed() -> Vec<Scenario> {
    let (_, _, entry) = parts();
    let two = two();
    // The second entry starts where the first ends.
    let second = two.split_once(&format!("{entry},")).unwrap().1.trim_end_matches("]}");
    let swapped = two.replace(&format!("{entry},{second}"), &format!("{second},{entry}"));
    vec![
        accept("one_signature", "the fixed form", one()),
        accept("two_signatures", "the fixed form of a rotation: old key, then new", two.clone()),
        accept("two_signatures_swapped", "the same statement; whose comes first is for the fold to judge", swapped),
        accept("payload_with_padding", "base64 of a length that needs padding", sealed(r#"{"sample":10}"#)),
    ]
}

fn spellings() -> Vec<Scenario> {
    let one = one();
    let (payload, sig, entry) = parts();
    let did = key(1).verifying_key().to_did();
    let in_order = format!(r#""payload":"{payload}","payloadType":"{PAYLOAD_TYPE}""#);
    let swapped = format!(r#""payloadType":"{PAYLOAD_TYPE}","payload":"{payload}""#);
    let type_member = format!(r#","payloadType":"{PAYLOAD_TYPE}""#);
    let payload_twice = format!(r#"{{"payload":"{payload}","#);
    vec![
        refuse("leading_space", "white space before the envelope", format!(" {one}")),
        refuse("trailing_newline", "white space after the envelope", format!("{one}\n")),
        refuse("trailing_garbage", "a second value after the envelope", format!("{one}{{}}")),
        refuse("space_after_colon", "white space between tokens", one.replacen("\":\"", "\": \"", 1)),
        refuse("byte_order_mark", "a byte order mark", format!("\u{feff}{one}")),
        refuse("keys_out_of_order", "payloadType before payload", one.replace(&in_order, &swapped)),
        refuse(
            "sig_before_keyid",
            "the signature's keys in another order",
            one.replace(&entry, &format!(r#"{{"sig":"{sig}","keyid":"{did}"}}"#)),
        ),
        refuse("extra_key", "an unknown key of the envelope", one.replacen('{', r#"{"a":1,"#, 1)),
        refuse("extra_key_in_signature", "an unknown key of the signature", one.replace(r#""}]"#, r#"","x":1}]"#)),
        refuse("key_twice", "payload twice", one.replacen('{', &payload_twice, 1)),
        refuse("key_missing", "no payloadType", one.replace(&type_member, "")),
        refuse("slash_escaped", "an escape that JSON allows", one.replace("n/vnd", r"n\/vnd")),
        refuse("unicode_escape", "a character escaped that needs no escape", one.replace("\"sig\"", r#""\u0073ig""#)),
        refuse("cut_off", "the last byte is missing", one[..one.len() - 1].into()),
        refuse("empty", "nothing", String::new()),
    ]
}

fn payloads() -> Vec<Scenario> {
    let one = one();
    let (payload, _, _) = parts();
    let padded = sealed(r#"{"sample":10}"#);
    let other_type = by_hand(PAYLOAD, "text/plain");
    let broken = format!("{}\\n{}", &payload[..8], &payload[8..]);
    vec![
        refuse("payload_type_other", "another application's type", one.replace("in-toto+json", "other+json")),
        refuse("payload_type_capitals", "types compare byte for byte", one.replace("application", "Application")),
        refuse("payload_type_relabelled", "another type was signed", other_type.replace("text/plain", PAYLOAD_TYPE)),
        refuse(
            "payload_unpadded",
            "base64 without its padding",
            padded.replace("==\",\"payloadType", "\",\"payloadType"),
        ),
        refuse(
            "payload_padding_inside",
            "two padded texts in place of one",
            one.replace(&payload, &twice(PAYLOAD.as_bytes())),
        ),
        refuse("payload_url_safe", "URL-safe base64", one.replace(&payload, &BASE64URL.encode(PAYLOAD.as_bytes()))),
        refuse(
            "payload_spare_bits",
            "base64 whose spare bits are not zero",
            spare_bit_set(&padded, "\",\"payloadType"),
        ),
        refuse("payload_line_break", "a line break in base64", one.replace(&payload, &broken)),
        refuse(
            "payload_edited",
            "another payload under the signature",
            one.replace(&payload, &BASE64.encode(b"{\"sample\":2}")),
        ),
        refuse("payload_with_space", "signed, but with white space", sealed(r#"{"sample": 1}"#)),
        refuse("payload_names_descend", "signed, but the names descend", sealed(r#"{"b":1,"a":2}"#)),
        refuse("payload_name_twice", "signed, but a name stands twice", sealed(r#"{"a":1,"a":2}"#)),
        refuse("payload_fraction", "signed, but with a fraction", sealed(r#"{"sample":1.5}"#)),
        refuse("payload_2_to_the_53", "signed, but a double need not hold the number", sealed("9007199254740992")),
        refuse("payload_null", "signed, but with null", sealed(r#"{"sample":null}"#)),
        refuse("payload_empty", "signed, but nothing", sealed("")),
    ]
}

fn keyids() -> Vec<Scenario> {
    let one = one();
    let did = key(1).verifying_key().to_did();
    let with_keyid = |keyid: &str| one.replace(&did, keyid);
    let mut weak = vec![0xed, 0x01, 1];
    weak.resize(34, 0);
    let weak = format!("did:key:z{}", bs58::encode(weak).into_string());
    vec![
        refuse(
            "keyid_of_another_key",
            "one key's signature, another's name",
            with_keyid(&key(2).verifying_key().to_did()),
        ),
        refuse("keyid_empty", "DSSE makes it optional, the fixed form does not", with_keyid("")),
        refuse(
            "keyid_in_hex",
            "the key, but no did:key",
            with_keyid(&HEXLOWER.encode(key(1).verifying_key().as_bytes())),
        ),
        refuse("keyid_with_fragment", "a DID URL", with_keyid(&format!("{did}#{}", &did[8..]))),
        refuse("keyid_weak", "the identity point, under which anything verifies", with_keyid(&weak)),
    ]
}

fn signatures() -> Vec<Scenario> {
    let one = one();
    let (_, sig, entry) = parts();
    let raw = BASE64.decode(sig.as_bytes()).unwrap();
    let with_sig = |raw: &[u8]| one.replace(&sig, &BASE64.encode(raw));
    let with_entries = |entries: &str| one.replace(&entry, entries);
    let stolen = format!(r#"{{"keyid":"{}","sig":"{sig}"}}"#, key(2).verifying_key());
    vec![
        refuse("sig_unpadded", "base64 without its padding", one.replace(&sig, &BASE64_NOPAD.encode(&raw))),
        refuse("sig_padding_inside", "two padded texts in place of one", one.replace(&sig, &twice(&raw))),
        refuse("sig_url_safe", "URL-safe base64", one.replace(&sig, &BASE64URL.encode(&raw))),
        refuse("sig_spare_bits", "base64 whose spare bits are not zero", spare_bit_set(&one, "\"}]}")),
        refuse("sig_63_bytes", "a byte too few", with_sig(&raw[..63])),
        refuse("sig_65_bytes", "a byte too many", with_sig(&[&raw[..], &[0]].concat())),
        refuse("sig_empty", "no signature", one.replace(&sig, "")),
        refuse("sig_r_bit_flipped", "another R", with_sig(&flipped(&raw, 0))),
        refuse("sig_s_bit_flipped", "another S", with_sig(&flipped(&raw, 32))),
        refuse("sig_s_plus_order", "S + L, a second signature to lax verifiers", with_sig(&plus_order(&raw))),
        refuse("signatures_none", "an empty list", with_entries("")),
        refuse("signatures_twice", "the same signature twice", with_entries(&format!("{entry},{entry}"))),
        refuse("signatures_three", "one more than a rotation has", two().replace("]}", &format!(",{entry}]}}"))),
        refuse("signatures_second_wrong", "a good one and a bad one", with_entries(&format!("{entry},{stolen}"))),
    ]
}

fn accept(name: &str, comment: &str, envelope: String) -> Scenario {
    Scenario::new(name, true, comment, vec![("envelope", envelope.into())])
}

fn refuse(name: &str, comment: &str, envelope: String) -> Scenario {
    Scenario::new(name, false, comment, vec![("envelope", envelope.into())])
}

fn one() -> String {
    text(&Envelope::seal(PAYLOAD.as_bytes(), &[&key(1)]).unwrap().to_bytes())
}

fn two() -> String {
    text(&Envelope::seal(PAYLOAD.as_bytes(), &[&key(1), &key(2)]).unwrap().to_bytes())
}

/// Of the envelope with one signature: payload and signature in base64, and the signature's object.
fn parts() -> (String, String, String) {
    let sig = BASE64.encode(&key(1).sign(&pre_authentication_encoding(PAYLOAD_TYPE, PAYLOAD.as_bytes())));
    let entry = format!(r#"{{"keyid":"{}","sig":"{sig}"}}"#, key(1).verifying_key());
    (BASE64.encode(PAYLOAD.as_bytes()), sig, entry)
}

fn sealed(payload: &str) -> String {
    by_hand(payload, PAYLOAD_TYPE)
}

/// An envelope in the fixed form around any payload, however wrong.
fn by_hand(payload: &str, payload_type: &str) -> String {
    let sig = BASE64.encode(&key(1).sign(&pre_authentication_encoding(payload_type, payload.as_bytes())));
    let entry = format!(r#"{{"keyid":"{}","sig":"{sig}"}}"#, key(1).verifying_key());
    let payload = BASE64.encode(payload.as_bytes());
    format!(r#"{{"payload":"{payload}","payloadType":"{payload_type}","signatures":[{entry}]}}"#)
}

/// The signature with the order of the group added to S, both little-endian.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    let order = HEXLOWER.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut sum = signature.to_vec();
    let mut carry = 0;
    for (digit, add) in sum[32..].iter_mut().zip(order) {
        let [low, high] = (u16::from(*digit) + u16::from(add) + carry).to_le_bytes();
        (*digit, carry) = (low, u16::from(high));
    }
    sum
}

/// The same bytes as two texts of base64, each with its padding.
pub(super) fn twice(bytes: &[u8]) -> String {
    let (start, end) = bytes.split_at(4);
    format!("{}{}", BASE64.encode(start), BASE64.encode(end))
}
