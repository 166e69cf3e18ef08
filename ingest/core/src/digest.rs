//! SHA-256 digests, and one type per thing a digest can stand for.
//!
//! A [`Digest`] is 32 bytes and says nothing about what was hashed. The role types ([`RowLeaf`], [`DatasetId`], …)
//! do: a function that wants a chunk root cannot be handed a row root. Text form is 64 lowercase hex digits, and no
//! other spelling parses.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

/// 32 bytes that SHA-256 made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u8; 32]);

/// Why a text or a byte string is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The text is not 64 lowercase hex digits.
    #[error("expected 64 lowercase hex digits, found {found:?}")]
    Hex {
        /// The text as given.
        found: String,
    },
    /// The byte string is not 32 bytes long.
    #[error("expected 32 bytes, found {found}")]
    Length {
        /// How many bytes there were.
        found: usize,
    },
}

impl Digest {
    /// Bytes in a digest.
    pub const LEN: usize = 32;

    /// Takes 32 bytes as they are; hashes nothing.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// SHA-256 of `data` (FIPS 180-4, 6.2). Rows are a few blocks long, so a buffer of unfinished blocks, which [`Hasher`]
    /// has, would cost a tenth of the time.
    pub fn of(data: &[u8]) -> Self {
        let (blocks, rest) = data.as_chunks::<64>();
        let mut state = INITIAL_STATE;
        compress256(&mut state, blocks);
        // The padding of section 5.1.1: a one, zeros, and the length in bits, in one block or in two.
        let mut tail = [[0; 64]; 2];
        let bytes = tail.as_flattened_mut();
        if let Some((start, end)) = bytes.split_at_mut_checked(rest.len()) {
            start.copy_from_slice(rest);
            end.first_mut().into_iter().for_each(|byte| *byte = 0x80);
        }
        let used = if rest.len() < 56 { 1 } else { 2 };
        if let Some(length) = tail.get_mut(used - 1).and_then(|block| block.last_chunk_mut::<8>()) {
            *length = (data.len() as u64 * 8).to_be_bytes();
        }
        compress256(&mut state, tail.get(..used).unwrap_or_default());
        let mut digest = [0; Self::LEN];
        digest.as_chunks_mut::<4>().0.iter_mut().zip(state).for_each(|(to, word)| *to = word.to_be_bytes());
        Self(digest)
    }

    /// SHA-256 of the parts, one after the other with nothing between them.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads exactly 64 lowercase hex digits.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        let bad = || DigestError::Hex { found: text.chars().take(80).collect() };
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| bad())?;
        bytes.try_into().map(Self).map_err(|_| bad())
    }
}

/// The fractional parts of the square roots of the first eight primes (FIPS 180-4, 5.3.3).
const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Takes bytes piece by piece, for what is too large to hold.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// SHA-256 of all bytes taken.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl TryFrom<&[u8]> for Digest {
    type Error = DigestError;

    fn try_from(bytes: &[u8]) -> Result<Self, DigestError> {
        bytes.try_into().map(Self).map_err(|_| DigestError::Length { found: bytes.len() })
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::from_hex(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Declares digest types that differ only in what they stand for.
macro_rules! digest_roles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Digest);

        impl $name {
            /// Gives a digest this role; the caller knows what was hashed.
            pub const fn new(digest: Digest) -> Self {
                Self(digest)
            }

            /// The digest without its role.
            pub const fn digest(&self) -> &Digest {
                &self.0
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                self.0.as_bytes()
            }
        }

        impl From<Digest> for $name {
            fn from(digest: Digest) -> Self {
                Self(digest)
            }
        }

        impl From<$name> for Digest {
            fn from(role: $name) -> Digest {
                role.0
            }
        }

        impl FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                Digest::from_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )*};
}

digest_roles! {
    /// The leaf hash of one canonical row: H(00 ‖ row).
    RowLeaf;
    /// The root over the rows of one chunk.
    RowRoot;
    /// The leaf hash of one chunk's leaf data.
    ChunkLeaf;
    /// The root over the chunk leaves of one dataset.
    ChunkRoot;
    /// What a dataset says: schema, counts, and every row in order.
    DatasetId;
    /// The canonical schema: column names and logical types.
    SchemaId;
    /// The logical types of the columns, without their names.
    TypeId;
    /// The key by which equal rows are counted once: type_id and row leaf.
    RowKey;
    /// SHA-256 of a manifest file.
    ManifestDigest;
    /// SHA-256 of the bytes that a statement's signature covers.
    StatementId;
    /// The leaf hash of a log entry.
    EntryId;
    /// SHA-256 of a contributor's first `did:key`.
    ContributorId;
    /// The files a model consists of.
    ModelId;
    /// The root of a log at some size.
    LogRoot;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_parts_hashes_the_concatenation() {
        assert_eq!(Digest::of_parts(&[b"ab", b"", b"c"]), Digest::of(b"abc"));
        let mut hasher = Hasher::default();
        [&b"ab"[..], b"", b"c"].into_iter().for_each(|part| hasher.update(part));
        assert_eq!(hasher.finish(), Digest::of(b"abc"));
        // FIPS 180-4, the one-block example.
        assert_eq!(Digest::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn every_length_is_padded_as_the_library_pads_it() {
        let data: Vec<u8> = (0..260_u16).map(|at| at.to_le_bytes()[0] ^ 0x5a).collect();
        for len in 0..=data.len() {
            assert_eq!(Digest::of(&data[..len]), Digest::of_parts(&[&data[..len]]), "{len} bytes");
        }
    }

    #[test]
    fn one_spelling_only() {
        let text = Digest::of(b"abc").to_string();
        assert_eq!(text.parse(), Ok(Digest::of(b"abc")));
        for bad in [text.to_uppercase(), format!("0x{text}"), format!(" {text}"), text[..62].into()] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?}");
        }
    }
}
