//! Content identifiers: what IPFS calls a block of bytes.
//!
//! A [`Cid`] here is CIDv1 with SHA-256 and one of three codecs; every other version, hash, length or spelling is
//! refused. It names bytes and nothing else: the same rows may have many CIDs, so a CID is never compared with a root.
//!
//! ```
//! use mira_core::cid::Cid;
//!
//! let cid = Cid::raw_of(b"hello world");
//! assert_eq!(cid.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
//! assert!(cid.matches(b"hello world"));
//! assert_eq!(cid.to_bytes()[..4], [0x01, 0x55, 0x12, 0x20]);
//! ```

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

use crate::digest::Digest;

/// CID version 1.
const VERSION: u8 = 0x01;
/// Multihash code of SHA-256, and the length of its digest.
const SHA2_256: [u8; 2] = [0x12, 0x20];
/// Multibase prefix of lowercase base32 without padding.
const BASE32: char = 'b';

/// How the bytes behind a CID are to be read. The order is that of the codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Codec {
    /// Bytes as they are: the leaves of files.
    Raw = 0x55,
    /// Links and UnixFS data: the inner nodes of files, and directories.
    DagPb = 0x70,
    /// Deterministic CBOR.
    DagCbor = 0x71,
}

impl Codec {
    /// The multicodec code, which takes one byte for each of the three.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The codec with this code, if it is one of the three.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0x55 => Some(Self::Raw),
            0x70 => Some(Self::DagPb),
            0x71 => Some(Self::DagCbor),
            _ => None,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::DagPb => "dag-pb",
            Self::DagCbor => "dag-cbor",
        })
    }
}

/// A CIDv1 over SHA-256. The order is that of the binary form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid {
    codec: Codec,
    digest: Digest,
}

/// Why a text or a byte string is not a CID that we use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidError {
    /// The text is not the one spelling of a CIDv1 over SHA-256.
    #[error("expected a CIDv1 of 59 characters in lowercase base32 (b…), found {found:?}")]
    Text {
        /// The text as given, cut to 80 characters.
        found: String,
    },
    /// The binary form has another length.
    #[error("expected a CID of 36 bytes, found {found}")]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// Another version.
    #[error("expected CID version 1, found {found}")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// A codec that we do not use.
    #[error("expected codec raw (0x55), dag-pb (0x70) or dag-cbor (0x71), found {found:#04x}")]
    Codec {
        /// The codec byte.
        found: u8,
    },
    /// Another hash function, or another digest length.
    #[error("expected a SHA-256 multihash (12 20), found {:02x} {:02x}", found[0], found[1])]
    Hash {
        /// The bytes for hash function and length.
        found: [u8; 2],
    },
}

impl Cid {
    /// Bytes in the binary form: version, codec, hash function, digest length, digest.
    pub const LEN: usize = 36;
    /// Characters in the text form: the multibase prefix and 58 base32 digits.
    pub const TEXT_LEN: usize = 59;

    /// Names bytes whose digest is known; hashes nothing.
    pub const fn new(codec: Codec, digest: Digest) -> Self {
        Self { codec, digest }
    }

    /// The CID of `bytes` under a codec. Whether they are well-formed under it is for the caller to know.
    pub fn of(codec: Codec, bytes: &[u8]) -> Self {
        Self::new(codec, Digest::of(bytes))
    }

    /// The CID of `bytes` as they are.
    pub fn raw_of(bytes: &[u8]) -> Self {
        Self::of(Codec::Raw, bytes)
    }

    /// How the bytes are to be read.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// SHA-256 of the bytes.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether these are the bytes that the CID names.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        Digest::of(bytes) == self.digest
    }

    /// The binary form.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let (head, digest) = out.split_at_mut(Self::LEN - Digest::LEN);
        head.copy_from_slice(&[VERSION, self.codec.code(), SHA2_256[0], SHA2_256[1]]);
        digest.copy_from_slice(self.digest.as_bytes());
        out
    }

    /// Reads exactly 36 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        let bytes: [u8; Self::LEN] = bytes.try_into().map_err(|_| CidError::Length { found: bytes.len() })?;
        let [version, code, function, len, digest @ ..] = bytes;
        if version != VERSION {
            return Err(CidError::Version { found: version });
        }
        let codec = Codec::from_code(code).ok_or(CidError::Codec { found: code })?;
        if [function, len] != SHA2_256 {
            return Err(CidError::Hash { found: [function, len] });
        }
        Ok(Self::new(codec, Digest::new(digest)))
    }
}

impl TryFrom<&[u8]> for Cid {
    type Error = CidError;

    fn try_from(bytes: &[u8]) -> Result<Self, CidError> {
        Self::from_bytes(bytes)
    }
}

impl FromStr for Cid {
    type Err = CidError;

    fn from_str(text: &str) -> Result<Self, CidError> {
        let bad = || CidError::Text { found: text.chars().take(80).collect() };
        // The length comes first, so that nothing long is decoded; upper case would otherwise decode like lower case.
        if text.len() != Self::TEXT_LEN || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(bad());
        }
        let digits = text.strip_prefix(BASE32).ok_or_else(bad)?.to_ascii_uppercase();
        // The decoder refuses padding, and set bits after the last byte.
        let bytes = BASE32_NOPAD.decode(digits.as_bytes()).map_err(|_| bad())?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = BASE32_NOPAD.encode(&self.to_bytes());
        digits.make_ascii_lowercase();
        write!(f, "{BASE32}{digits}")
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: [Codec; 3] = [Codec::Raw, Codec::DagPb, Codec::DagCbor];

    #[test]
    fn agrees_with_the_cid_crate() {
        for codec in CODECS {
            for content in [&b""[..], b"hello world", &[0xff; 100]] {
                let ours = Cid::of(codec, content);
                let hash = cid::multihash::Multihash::<64>::wrap(0x12, Digest::of(content).as_bytes()).unwrap();
                let theirs = cid::Cid::new_v1(u64::from(codec.code()), hash);
                assert_eq!(ours.to_string(), theirs.to_string());
                assert_eq!(ours.to_bytes()[..], theirs.to_bytes()[..]);
                assert_eq!(theirs.to_string().parse(), Ok(ours));
                assert_eq!(Cid::from_bytes(&theirs.to_bytes()), Ok(ours));
            }
        }
    }

    #[test]
    fn one_spelling_only() {
        let text = Cid::raw_of(b"hello world").to_string();
        let last_bits_set = format!("{}f", &text[..58]);
        for (bad, why) in [
            (text.to_uppercase(), "upper case"),
            (format!("b{}", text[1..].to_uppercase()), "upper-case digits under the lower-case prefix"),
            (format!("B{}", &text[1..]), "upper-case prefix"),
            (format!("{text}="), "padding"),
            (format!(" {text}"), "white space"),
            (format!("/ipfs/{text}"), "a path"),
            (text[..58].into(), "cut off"),
            (text[1..].into(), "no multibase prefix"),
            (last_bits_set, "set bits after the last byte"),
            ("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn".into(), "CIDv0"),
            (String::new(), "nothing"),
            (format!("bé{}", &text[3..]), "not ASCII"),
        ] {
            assert!(matches!(bad.parse::<Cid>(), Err(CidError::Text { .. })), "{why}: {bad:?}");
        }
        assert_eq!(text.parse(), Ok(Cid::raw_of(b"hello world")));
    }

    #[test]
    fn refuses_other_versions_codecs_and_hashes() {
        let good = Cid::raw_of(b"x").to_bytes();
        let changed = |at: usize, to: u8| {
            let mut bytes = good;
            bytes[at] = to;
            Cid::from_bytes(&bytes)
        };
        assert_eq!(changed(0, 0), Err(CidError::Version { found: 0 }));
        assert_eq!(changed(1, 0x72), Err(CidError::Codec { found: 0x72 }));
        assert_eq!(changed(2, 0x13), Err(CidError::Hash { found: [0x13, 0x20] }));
        assert_eq!(changed(3, 0x1f), Err(CidError::Hash { found: [0x12, 0x1f] }));
        assert_eq!(Cid::from_bytes(&good[..35]), Err(CidError::Length { found: 35 }));
        assert_eq!(Cid::from_bytes(&[&good[..], &[0]].concat()), Err(CidError::Length { found: 37 }));
        assert_eq!(Cid::from_bytes(&[]), Err(CidError::Length { found: 0 }));
    }

    #[test]
    fn sorts_like_the_binary_form() {
        let mut cids: Vec<Cid> = CODECS.iter().flat_map(|codec| (0..9u8).map(|i| Cid::of(*codec, &[i]))).collect();
        cids.reverse();
        let mut by_bytes = cids.clone();
        cids.sort();
        by_bytes.sort_by_key(Cid::to_bytes);
        assert_eq!(cids, by_bytes);
    }

    #[test]
    fn matches_only_its_bytes() {
        assert!(Cid::of(Codec::DagPb, b"x").matches(b"x"));
        assert!(!Cid::raw_of(b"x").matches(b"y"));
        assert!(!Cid::raw_of(b"").matches(b"\0"));
    }
}
