//! Ed25519 keys, their `did:key` names, and the one rule by which a signature counts.
//!
//! Implementations of ed25519 disagree about edge cases, and a signer who wants to can make a signature that one
//! accepts and another refuses. So keys of small order and encodings that are not reduced are refused when a key is
//! read, and signatures are held to the strict rule: no point of small order, A, R and S each in their one encoding,
//! no cofactor. What passes here passes everywhere; the reverse is not true.
//!
//! Nothing here is random: a [`SigningKey`] comes from a 32-byte seed that the caller drew.
//!
//! ```
//! use mira_core::key::{SigningKey, VerifyingKey};
//!
//! let sample = SigningKey::from_seed(&[7; 32]);
//! let did = sample.verifying_key().to_did();
//! assert_eq!(did, "did:key:z6MkvDqGT54cXesYGvABpF1UapVNwjCqRcafi4Px6Thv5T3Z");
//!
//! let key = VerifyingKey::from_did(&did)?;
//! key.verify(b"hello", &sample.sign(b"hello"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use ed25519_dalek::Signer as _;

use crate::digest::{ContributorId, Digest};

/// Bytes of an encoded public key.
pub const KEY_LEN: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// What every `did:key` in base58btc starts with: method, and multibase letter.
const DID_PREFIX: &str = "did:key:z";
/// Multicodec `ed25519-pub`, as a varint.
const MULTICODEC: [u8; 2] = [0xed, 0x01];
/// Every 34-byte string that starts with [`MULTICODEC`] has 47 base58 digits.
const DID_LEN: usize = DID_PREFIX.len() + 47;

/// A public key that is not weak, from its one canonical encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

/// A private key. Its bytes are wiped when it is dropped, and never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Why bytes or a text are not a public key that we accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes encode no point of the curve.
    #[error("{found} is no point of the curve")]
    NotAPoint {
        /// The bytes, in hex.
        found: String,
    },
    /// The bytes encode a point that has another, canonical encoding.
    #[error("{found} is not the canonical encoding of its point")]
    NotCanonical {
        /// The bytes, in hex.
        found: String,
    },
    /// The point has small order: signatures under it prove nothing.
    #[error("{found} is a weak key")]
    Weak {
        /// The bytes, in hex.
        found: String,
    },
    /// The text is not the `did:key` of an ed25519 key.
    #[error("expected did:key:z6Mk and 44 base58 digits, found {found:?}")]
    Did {
        /// The text as given, cut to 80 characters.
        found: String,
    },
}

/// A signature does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify under {key}")]
pub struct SignatureError {
    /// The `did:key` it was checked with.
    pub key: String,
}

impl VerifyingKey {
    /// Reads the encoding of RFC 8032, section 5.1.2, and refuses unreduced encodings and weak keys.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Result<Self, KeyError> {
        let found = || data_encoding::HEXLOWER.encode(bytes);
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint { found: found() })?;
        // Decompression takes y modulo p, so that a few points have a second spelling.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotCanonical { found: found() });
        }
        if key.is_weak() {
            return Err(KeyError::Weak { found: found() });
        }
        Ok(Self(key))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        self.0.as_bytes()
    }

    /// Checks a signature by the strict rule.
    ///
    /// `verify_strict` refuses an R or A of small order and an S that is not reduced, and compares R as bytes with an
    /// R that it computed, so an unreduced R never matches; `from_bytes` has refused unreduced and weak A.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).map_err(|_| SignatureError { key: self.to_did() })
    }

    /// The key as text: `did:key:z6Mk…`, always 56 characters.
    pub fn to_did(&self) -> String {
        let [a, b] = MULTICODEC;
        let mut bytes = vec![a, b];
        bytes.extend_from_slice(self.as_bytes());
        format!("{DID_PREFIX}{}", bs58::encode(bytes).into_string())
    }

    /// Reads what [`Self::to_did`] prints, and nothing else.
    pub fn from_did(text: &str) -> Result<Self, KeyError> {
        let bad = || KeyError::Did { found: text.chars().take(80).collect() };
        // Base58 decoding takes quadratic time, so the length is checked first.
        let digits = text.strip_prefix(DID_PREFIX).filter(|_| text.len() == DID_LEN).ok_or_else(bad)?;
        let bytes = bs58::decode(digits).into_vec().map_err(|_| bad())?;
        let key = bytes.strip_prefix(&MULTICODEC).and_then(|key| key.try_into().ok()).ok_or_else(bad)?;
        let key = Self::from_bytes(key)?;
        if key.to_did() == text { Ok(key) } else { Err(bad()) }
    }

    /// The contributor whose first key this is: SHA-256 of the `did:key` as ASCII.
    pub fn contributor_id(&self) -> ContributorId {
        ContributorId::new(Digest::of(self.to_did().as_bytes()))
    }
}

impl SigningKey {
    /// Derives the key pair from a seed (RFC 8032, section 5.1.5). The caller wipes its copy of the seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        // Never weak: it is s times the base point for a clamped s, a multiple of 8 below 2^255, and the least such s
        // that the prime order L divides is 8L, above 2^255. Canonical, because it was compressed here.
        VerifyingKey(self.0.verifying_key())
    }

    /// Signs a message; the same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_did())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({self})")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.verifying_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    /// RFC 8032, section 7.1, tests 1 and 2.
    #[test]
    fn rfc_8032() {
        for (seed, key, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ] {
            let signer = SigningKey::from_seed(&hex(seed).try_into().unwrap());
            assert_eq!(signer.verifying_key().as_bytes()[..], hex(key));
            assert_eq!(signer.sign(&hex(message))[..], hex(signature));
            assert_eq!(VerifyingKey::from_bytes(signer.verifying_key().as_bytes()), Ok(signer.verifying_key()));
        }
    }

    #[test]
    fn a_did_has_one_spelling() {
        let did = SigningKey::from_seed(&[7; 32]).verifying_key().to_did();
        assert_eq!(did.len(), DID_LEN);
        for (bad, why) in [
            (did.to_uppercase(), "upper case"),
            (did.replace("did:key:z", "did:key:m"), "another multibase"),
            (did.replace("z6Mk", "z6Ml"), "another multicodec, or no point"),
            (did.replace("z6Mk", "z16Mk"), "a leading zero byte"),
            (format!("{did}1"), "a digit more"),
            (format!("{did}#{}", &did[8..]), "a fragment"),
            (did[..55].into(), "a digit less"),
            (format!(" {}", &did[..55]), "a space"),
            (did.replace(&did[50..51], "0"), "a digit outside base58"),
            ("é".repeat(28), "not ASCII"),
        ] {
            assert!(VerifyingKey::from_did(&bad).is_err(), "{why}: {bad}");
        }
    }

    #[test]
    fn unreduced_and_weak_keys_are_refused() {
        // y = 3 is a point of large order; 3 + p is its other spelling.
        let mut three = [0; 32];
        three[0] = 3;
        assert!(VerifyingKey::from_bytes(&three).is_ok());
        let mut three_plus_p = [0xff; 32];
        three_plus_p[0] = 0xf0;
        three_plus_p[31] = 0x7f;
        assert!(matches!(VerifyingKey::from_bytes(&three_plus_p), Err(KeyError::NotCanonical { .. })));

        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(matches!(VerifyingKey::from_bytes(&identity), Err(KeyError::Weak { .. })));
        identity[31] = 0x80;
        assert!(matches!(VerifyingKey::from_bytes(&identity), Err(KeyError::NotCanonical { .. })));
        assert!(matches!(VerifyingKey::from_bytes(&[0; 32]), Err(KeyError::Weak { .. })));

        let mut two = [0; 32];
        two[0] = 2;
        assert!(matches!(VerifyingKey::from_bytes(&two), Err(KeyError::NotAPoint { .. })));
    }

    #[test]
    fn debug_prints_no_secret() {
        let printed = format!("{:?}", SigningKey::from_seed(&[0xab; 32]));
        assert!(printed.starts_with("SigningKey(of did:key:z6Mk"));
        assert!(!printed.contains("abab") && !printed.contains("171, 171"));
    }
}
