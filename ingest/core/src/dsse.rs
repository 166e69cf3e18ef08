//! Signed statements: DSSE envelopes in one fixed byte form.
//!
//! DSSE lets an envelope be spelled in many ways that all verify: other whitespace, another order of keys, another
//! `keyid`, another base64. Anyone could so make "new" bytes of an old statement. Here an envelope has one form:
//!
//! ```text
//! {"payload":"eyJ…","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"did:key:z6Mk…","sig":"q1…"}]}
//! ```
//!
//! That form is canonical JSON (keys in this order, no whitespace) with padded standard base64, one or two signatures
//! by different keys, each named by its `did:key`; the payload is canonical JSON too. Whatever else is refused, and the
//! payload's bytes are kept as they were signed. What a statement says, and whose second signature means what, is not
//! decided here.
//!
//! An [`Envelope`] is well-formed and no more; a [`VerifiedEnvelope`] carries signatures that verified.

use std::fmt;

use data_encoding::BASE64;

use crate::base64;
use crate::digest::{Digest, StatementId};
use crate::domain::PAYLOAD_TYPE;
use crate::json::{FieldError, Json, JsonError, Node, parse_canonical};
use crate::key::{KeyError, SIGNATURE_LEN, SigningKey, VerifyingKey};

/// Longest envelope in bytes: a log entry has at most 65,535, and its header takes 79.
pub const MAX_ENVELOPE: usize = 65_535 - 79;
/// Most signatures of an envelope.
pub const MAX_SIGNATURES: usize = 2;

/// A well-formed envelope. Nobody has checked who signed it.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    statement: Json,
    signatures: Vec<EnvelopeSignature>,
}

/// An envelope of which every signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEnvelope {
    envelope: Envelope,
}

/// One signature and the key it claims.
#[derive(Clone, Copy, PartialEq, Eq)]
struct EnvelopeSignature {
    key: VerifyingKey,
    signature: [u8; SIGNATURE_LEN],
}

/// Why bytes are not an envelope in the fixed form, or why none can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The envelope does not fit a log entry.
    #[error("the envelope has {found} bytes, at most {MAX_ENVELOPE} fit an entry")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// The envelope is not canonical JSON.
    #[error("the envelope is not canonical JSON")]
    Json(#[from] JsonError),
    /// A member of the envelope is missing, unknown or of another kind.
    #[error("the envelope has another shape")]
    Field(#[from] FieldError),
    /// The payload is not canonical JSON.
    #[error("the payload is not canonical JSON")]
    Payload(#[source] JsonError),
    /// There are no signatures, or too many.
    #[error("expected 1 to {MAX_SIGNATURES} signatures, found {found}")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// The keyid is not the `did:key` of a key we accept.
    #[error("the key of signature {index} is not acceptable")]
    Key {
        /// Which signature, counted from 0.
        index: usize,
        /// What is wrong with the key.
        #[source]
        source: KeyError,
    },
    /// A key signed twice.
    #[error("{key} signed twice")]
    Duplicate {
        /// Its `did:key`.
        key: String,
    },
}

/// Some signatures of an envelope do not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("statement {statement}: the signature by {} does not verify", list(failed))]
pub struct EnvelopeSignatureError {
    /// The statement.
    pub statement: StatementId,
    /// The keys whose signatures fail, in the envelope's order.
    pub failed: Vec<VerifyingKey>,
}

/// The bytes that a DSSE v1 signature covers: `DSSEv1`, type and payload, each with its length.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

impl Envelope {
    /// Reads an envelope in the fixed form.
    ///
    /// Each part has one spelling (canonical JSON, strict base64, strict `did:key`), so what is accepted here prints
    /// as the very same bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        check_len(bytes.len())?;
        let json = parse_canonical(bytes)?;
        let mut fields = json.fields()?;
        let payload = base64(&fields.required("payload")?)?;
        let payload_type = fields.required("payloadType")?;
        if payload_type.text()? != PAYLOAD_TYPE {
            return Err(payload_type.unlike(PAYLOAD_TYPE).into());
        }
        let signatures = read_signatures(&fields.required("signatures")?)?;
        fields.finish()?;
        Self::of_parts(payload, signatures)
    }

    /// Signs a payload, which must be canonical JSON, with one key or with two, in this order.
    pub fn seal(payload: &[u8], keys: &[&SigningKey]) -> Result<Self, EnvelopeError> {
        check_len(payload.len())?;
        check_count(keys.len())?;
        let signed = pre_authentication_encoding(PAYLOAD_TYPE, payload);
        let sign = |key: &&SigningKey| EnvelopeSignature { key: key.verifying_key(), signature: key.sign(&signed) };
        let envelope = Self::of_parts(payload.to_vec(), keys.iter().map(sign).collect())?;
        check_len(envelope.to_bytes().len())?;
        Ok(envelope)
    }

    /// The fixed form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signature = |part: &EnvelopeSignature| {
            Json::object([("keyid", part.key.to_did().into()), ("sig", BASE64.encode(&part.signature).into())])
        };
        let signatures: Vec<Json> = self.signatures.iter().map(signature).collect();
        Json::object([
            ("payload", BASE64.encode(&self.payload).into()),
            ("payloadType", PAYLOAD_TYPE.into()),
            ("signatures", signatures.into()),
        ])
        .to_canonical()
    }

    /// The statement's identity: SHA-256 of what the signatures cover. It names no signature, so it is the same for
    /// one payload whoever signs.
    pub fn statement_id(&self) -> StatementId {
        StatementId::new(Digest::of(&self.signed_bytes()))
    }

    /// The payload, which nobody is yet shown to have signed.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as JSON, which nobody is yet shown to have signed.
    pub fn unverified_statement(&self) -> &Json {
        &self.statement
    }

    /// The keys that the envelope names, which are not yet shown to have signed.
    pub fn unverified_signers(&self) -> impl ExactSizeIterator<Item = VerifyingKey> + '_ {
        self.signatures.iter().map(|part| part.key)
    }

    /// Checks every signature, and names those that fail.
    pub fn verify_signatures(self) -> Result<VerifiedEnvelope, EnvelopeSignatureError> {
        let signed = self.signed_bytes();
        let fails = |part: &&EnvelopeSignature| part.key.verify(&signed, &part.signature).is_err();
        let failed: Vec<_> = self.signatures.iter().filter(fails).map(|part| part.key).collect();
        if failed.is_empty() {
            Ok(VerifiedEnvelope { envelope: self })
        } else {
            Err(EnvelopeSignatureError { statement: self.statement_id(), failed })
        }
    }

    /// Puts an envelope together and refuses a repeated key or a payload that is not canonical.
    fn of_parts(payload: Vec<u8>, signatures: Vec<EnvelopeSignature>) -> Result<Self, EnvelopeError> {
        if let [first, second] = signatures.as_slice()
            && first.key == second.key
        {
            return Err(EnvelopeError::Duplicate { key: first.key.to_did() });
        }
        let statement = parse_canonical(&payload).map_err(EnvelopeError::Payload)?;
        Ok(Self { payload, statement, signatures })
    }

    fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(PAYLOAD_TYPE, &self.payload)
    }
}

impl VerifiedEnvelope {
    /// The envelope.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The payload's bytes, as signed.
    pub fn payload(&self) -> &[u8] {
        &self.envelope.payload
    }

    /// The payload as JSON.
    pub fn statement(&self) -> &Json {
        &self.envelope.statement
    }

    /// The statement's identity.
    pub fn statement_id(&self) -> StatementId {
        self.envelope.statement_id()
    }

    /// The keys that signed, in the envelope's order: one or two.
    pub fn signers(&self) -> impl ExactSizeIterator<Item = VerifyingKey> + '_ {
        self.envelope.unverified_signers()
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({})", String::from_utf8_lossy(&self.to_bytes()))
    }
}

fn read_signatures(node: &Node<'_>) -> Result<Vec<EnvelopeSignature>, EnvelopeError> {
    let items = node.items()?;
    check_count(items.len())?;
    items.enumerate().map(|(index, item)| read_signature(index, &item)).collect()
}

fn read_signature(index: usize, node: &Node<'_>) -> Result<EnvelopeSignature, EnvelopeError> {
    let mut fields = node.fields()?;
    let key = fields.required("keyid")?.text()?;
    let sig = fields.required("sig")?;
    fields.finish()?;
    let key = VerifyingKey::from_did(key).map_err(|source| EnvelopeError::Key { index, source })?;
    let signature = base64(&sig)?.try_into().map_err(|_| sig.unlike("64 bytes in padded base64"))?;
    Ok(EnvelopeSignature { key, signature })
}

fn base64(node: &Node<'_>) -> Result<Vec<u8>, FieldError> {
    base64::decode(node.text()?).ok_or_else(|| node.unlike("padded base64"))
}

fn check_len(found: usize) -> Result<(), EnvelopeError> {
    if found > MAX_ENVELOPE { Err(EnvelopeError::TooLong { found }) } else { Ok(()) }
}

fn check_count(found: usize) -> Result<(), EnvelopeError> {
    if (1..=MAX_SIGNATURES).contains(&found) { Ok(()) } else { Err(EnvelopeError::Count { found }) }
}

fn list(keys: &[VerifyingKey]) -> String {
    keys.iter().map(VerifyingKey::to_did).collect::<Vec<_>>().join(" and by ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample_key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    /// The example of DSSE's protocol document.
    #[test]
    fn pae_of_the_protocol_document() {
        assert_eq!(
            pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn seal_parse_verify() {
        let (old, new) = (sample_key(1), sample_key(2));
        for keys in [vec![&old], vec![&old, &new]] {
            let envelope = Envelope::seal(br#"{"a":1}"#, &keys).unwrap();
            let parsed = Envelope::parse(&envelope.to_bytes()).unwrap();
            assert_eq!(parsed, envelope);
            assert_eq!(
                parsed.statement_id(),
                StatementId::new(Digest::of(b"DSSEv1 28 application/vnd.in-toto+json 7 {\"a\":1}"))
            );
            let verified = parsed.verify_signatures().unwrap();
            assert_eq!(verified.payload(), br#"{"a":1}"#);
            assert!(verified.signers().eq(keys.iter().map(|key| key.verifying_key())));
        }
    }

    #[test]
    fn a_failing_signature_is_named() {
        let (old, new) = (sample_key(1), sample_key(2));
        let mut envelope = Envelope::seal(br#"{"a":1}"#, &[&old, &new]).unwrap();
        envelope.signatures[1].signature[0] ^= 1;
        assert_eq!(envelope.verify_signatures().unwrap_err().failed, [new.verifying_key()]);
    }

    #[test]
    fn counts_and_sizes_are_bounded() {
        let key = sample_key(1);
        let seal = |payload: &[u8], keys: &[&SigningKey]| Envelope::seal(payload, keys);
        assert_eq!(seal(b"1", &[]), Err(EnvelopeError::Count { found: 0 }));
        assert_eq!(seal(b"1", &[&key; 3]), Err(EnvelopeError::Count { found: 3 }));
        assert_eq!(seal(b"1", &[&key; 2]), Err(EnvelopeError::Duplicate { key: key.verifying_key().to_did() }));
        assert!(matches!(seal(b" 1", &[&key]), Err(EnvelopeError::Payload(_))));

        let overhead = seal(b"\"\"", &[&key]).unwrap().to_bytes().len() - 4;
        let longest = (MAX_ENVELOPE - overhead) / 4 * 3;
        let payload = |len: usize| format!("\"{}\"", "x".repeat(len - 2)).into_bytes();
        let envelope = seal(&payload(longest), &[&key]).unwrap().to_bytes();
        assert!(envelope.len() <= MAX_ENVELOPE && Envelope::parse(&envelope).is_ok());
        assert!(matches!(seal(&payload(longest + 1), &[&key]), Err(EnvelopeError::TooLong { .. })));
        assert_eq!(
            Envelope::parse(&vec![b' '; MAX_ENVELOPE + 1]),
            Err(EnvelopeError::TooLong { found: MAX_ENVELOPE + 1 })
        );
    }
}
