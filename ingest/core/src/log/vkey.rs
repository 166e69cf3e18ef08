//! Names and public keys of those who sign notes: the verifier keys of C2SP signed-note.
//!
//! ```text
//! example.com/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
//! ```
//!
//! Name, key id in 8 hex digits, base64 of a type byte and the public key. Type 01 signs the text of a note, type 04
//! cosigns a checkpoint with a time. Keys of other types are kept, because files that name them must be readable, but
//! no signature of theirs is ever checked or counted.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};

use super::cut;
use crate::base64;
use crate::digest::Digest;
use crate::key::{KeyError, VerifyingKey};

/// Type byte of an ed25519 key that signs notes.
pub const TYPE_NOTE: u8 = 0x01;
/// Type byte of an ed25519 key that cosigns checkpoints.
pub const TYPE_COSIGNATURE: u8 = 0x04;

/// Who signs: not empty, without Unicode spaces, ASCII controls and `+`. A log's origin is such a name too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Four bytes that tell the keys of one name apart. They identify, and prove nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// A name and a public key, with the id that belongs to both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    public: PublicKey,
}

/// The key of a [`VerifierKey`], by its type byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Type 01: signs the text of a note.
    Note(Box<VerifyingKey>),
    /// Type 04: signs a checkpoint's text and a time.
    Cosignature(Box<VerifyingKey>),
    /// Any other type; its signatures are neither checked nor counted.
    Unknown {
        /// The type byte.
        kind: u8,
        /// Whatever follows it.
        material: Vec<u8>,
    },
}

/// Why a text is not a verifier key or a key name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// The name is empty or has a character it may not have.
    #[error("{found:?} is not a key name: not empty, without spaces, controls and plus signs")]
    Name {
        /// The name, cut to 80 characters.
        found: String,
    },
    /// The text is not three parts of the right form.
    #[error("expected name+8 hex digits+base64 of type and key, found {found:?}")]
    Form {
        /// The text, cut to 80 characters.
        found: String,
    },
    /// An ed25519 key is not 32 bytes long.
    #[error("an ed25519 key has 32 bytes, found {found}")]
    Length {
        /// How many bytes follow the type.
        found: usize,
    },
    /// The public key is not acceptable.
    #[error("the key of {name} is not acceptable")]
    Key {
        /// The name.
        name: KeyName,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// The key id belongs to another name or key.
    #[error("the key id of {name} is {found}, its name and key have {expected}")]
    Id {
        /// The name.
        name: KeyName,
        /// The id that name and key give.
        expected: KeyId,
        /// The id in the text.
        found: KeyId,
    },
}

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c < ' ' || c == '+') {
            return Err(VerifierKeyError::Name { found: cut(text) });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyId {
    /// Takes four bytes as they are.
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// The recommended id: the first bytes of SHA-256(name ‖ LF ‖ type ‖ key).
    fn of(name: &KeyName, kind: u8, key: &[u8]) -> Self {
        let digest = Digest::of_parts(&[name.0.as_bytes(), b"\n", &[kind], key]);
        let [a, b, c, d, ..] = *digest.as_bytes();
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl VerifierKey {
    /// A key that signs notes (type 01); a log's name is its origin.
    pub fn note(name: KeyName, key: VerifyingKey) -> Self {
        let id = KeyId::of(&name, TYPE_NOTE, key.as_bytes());
        Self { name, id, public: PublicKey::Note(Box::new(key)) }
    }

    /// A key that cosigns checkpoints (type 04).
    pub fn cosignature(name: KeyName, key: VerifyingKey) -> Self {
        let id = KeyId::of(&name, TYPE_COSIGNATURE, key.as_bytes());
        Self { name, id, public: PublicKey::Cosignature(Box::new(key)) }
    }

    /// The name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The bytes of the key without its type, by which two verifier keys are the same key under two names.
    pub fn material(&self) -> &[u8] {
        match &self.public {
            PublicKey::Note(key) | PublicKey::Cosignature(key) => key.as_bytes(),
            PublicKey::Unknown { material, .. } => material,
        }
    }

    fn kind(&self) -> u8 {
        match &self.public {
            PublicKey::Note(_) => TYPE_NOTE,
            PublicKey::Cosignature(_) => TYPE_COSIGNATURE,
            PublicKey::Unknown { kind, .. } => *kind,
        }
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let form = || VerifierKeyError::Form { found: cut(text) };
        // Base64 may contain a plus sign, names and hex do not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(form()) };
        let name: KeyName = name.parse()?;
        let id = HEXLOWER.decode(id.as_bytes()).ok().and_then(|id| id.try_into().ok()).map(KeyId).ok_or_else(form)?;
        let key = base64::decode(key).ok_or_else(form)?;
        let (kind, material) = key.split_first().ok_or_else(form)?;
        let verifier = match *kind {
            TYPE_NOTE => Self::note(name.clone(), ed25519(&name, material)?),
            TYPE_COSIGNATURE => Self::cosignature(name.clone(), ed25519(&name, material)?),
            // How an unknown type makes its ids is unknown too: type 02 has another rule.
            kind => {
                let public = PublicKey::Unknown { kind, material: material.to_vec() };
                return Ok(Self { name, id, public });
            }
        };
        if verifier.id == id {
            Ok(verifier)
        } else {
            Err(VerifierKeyError::Id { name, expected: verifier.id, found: id })
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind()], self.material()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, BASE64.encode(&key))
    }
}

fn ed25519(name: &KeyName, material: &[u8]) -> Result<VerifyingKey, VerifierKeyError> {
    let bytes = material.try_into().map_err(|_| VerifierKeyError::Length { found: material.len() })?;
    VerifyingKey::from_bytes(bytes).map_err(|source| VerifierKeyError::Key { name: name.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verifier key of C2SP signed-note.
    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_example_of_signed_note() {
        let key: VerifierKey = EXAMPLE.parse().unwrap();
        assert_eq!(key.to_string(), EXAMPLE);
        assert_eq!(key.name().as_str(), "example.com/foo");
        assert!(matches!(key.public(), PublicKey::Note(_)));
    }

    #[test]
    fn other_types_are_kept() {
        for text in ["w+00000000+AgEC", "w+ffffffff+/w=="] {
            let key: VerifierKey = text.parse().unwrap();
            assert!(matches!(key.public(), PublicKey::Unknown { .. }));
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (bad, why) in [
            (EXAMPLE.replace("530d", "530D"), "id in capitals"),
            (EXAMPLE.replace("530d", "530e"), "another id"),
            (EXAMPLE.replace("530d", "0530d"), "a digit more"),
            (EXAMPLE.replace("foo", "bar"), "another name"),
            (EXAMPLE.replace("example.com/foo", ""), "no name"),
            (EXAMPLE.replace("/foo", " foo"), "a space in the name"),
            (EXAMPLE.replace("/foo", "\u{a0}foo"), "a no-break space in the name"),
            (EXAMPLE.replace("/foo", "+foo"), "a plus in the name"),
            (EXAMPLE.replace("+Aek", "+BOk"), "type 04 with the id of type 01"),
            (EXAMPLE.replace("U2k", "U2l"), "another key"),
            (EXAMPLE[..EXAMPLE.len() - 4].into(), "a key of 29 bytes"),
            (format!("{EXAMPLE}="), "padding where none is needed"),
            (format!("{EXAMPLE}\n"), "a newline"),
            ("w+00000000+".into(), "no type"),
            ("w+00000000".into(), "two parts"),
            ("w+00000000+/x==".into(), "spare bits in base64"),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{why}: {bad:?}");
        }
    }

    #[test]
    fn a_weak_key_is_refused() {
        let bytes = [&[TYPE_NOTE, 1][..], &[0; 31]].concat();
        let text = format!("w+00000000+{}", BASE64.encode(&bytes));
        assert!(matches!(text.parse::<VerifierKey>(), Err(VerifierKeyError::Key { .. })));
    }
}
