//! A directory: one node with its entries by name.

use std::collections::BTreeMap;

use crate::cid::{Cid, Codec};

use super::node::DIRECTORY_DATA;
use super::pb::{self, PbLink};
use super::{Link, MAX_ENTRIES, MAX_NAME_LEN, MAX_NODE_LEN};

/// What an empty directory takes: the data with its key and length.
const EMPTY_LEN: usize = 2 + DIRECTORY_DATA.len();

/// A directory that fits one node. Every value of this type can be encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    // A map by `String` is a map by the bytes of the name, which is the order of the links.
    entries: BTreeMap<String, Link>,
    len: usize,
    below: u64,
}

/// Why an entry cannot be in a directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// A name that could not be a path component, or that could mean another place.
    #[error("{name:?} cannot name an entry: {rule}")]
    Name {
        /// The name, cut to 80 characters.
        name: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Two entries of one name.
    #[error("there is an entry {name:?} already")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// The entry is not a UnixFS file or directory.
    #[error("expected {name:?} to be raw or dag-pb, found {found}")]
    Codec {
        /// The name.
        name: String,
        /// Its codec.
        found: Codec,
    },
    /// One entry too many.
    #[error("expected at most {max} entries, found more")]
    TooManyEntries {
        /// The most allowed.
        max: usize,
    },
    /// The node would be so long that the profile shards it.
    #[error("expected a directory node of at most {max} bytes, found {found}")]
    TooLong {
        /// The length with this entry.
        found: usize,
        /// The most allowed.
        max: usize,
    },
    /// Sizes whose sum does not fit 64 bits.
    #[error("the cumulative sizes add up to more than 64 bits hold")]
    TooLarge,
}

impl Directory {
    /// A directory without entries.
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), len: EMPTY_LEN, below: 0 }
    }

    /// Adds an entry, in any order. After an error the directory is as it was.
    ///
    /// A name has 1 to [`MAX_NAME_LEN`] bytes of UTF-8, no `/` and no NUL, and is neither `.` nor `..`.
    pub fn insert(&mut self, name: &str, link: Link) -> Result<(), DirectoryError> {
        check_name(name)?;
        if link.cid.codec() == Codec::DagCbor {
            return Err(DirectoryError::Codec { name: name.into(), found: link.cid.codec() });
        }
        if self.entries.contains_key(name) {
            return Err(DirectoryError::Duplicate { name: name.into() });
        }
        if self.entries.len() == MAX_ENTRIES {
            return Err(DirectoryError::TooManyEntries { max: MAX_ENTRIES });
        }
        let len = self.len + pb_link(name, &link).encoded_len();
        if len > MAX_NODE_LEN {
            return Err(DirectoryError::TooLong { found: len, max: MAX_NODE_LEN });
        }
        let below = self.below.checked_add(link.tsize).ok_or(DirectoryError::TooLarge)?;
        // The longest node is counted here, so that the sum in `tsize` fits whatever is added later.
        below.checked_add(MAX_NODE_LEN as u64).ok_or(DirectoryError::TooLarge)?;
        self.entries.insert(name.into(), link);
        (self.len, self.below) = (len, below);
        Ok(())
    }

    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<Link> {
        self.entries.get(name).copied()
    }

    /// The entries in ascending order of the bytes of their names.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&str, Link)> {
        self.entries.iter().map(|(name, link)| (name.as_str(), *link))
    }

    /// The node's bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self.entries(), self.len)
    }

    /// The directory's CID and cumulative size, as a parent directory links it. Encodes and hashes the node.
    pub fn link(&self) -> Link {
        Link { cid: Cid::of(Codec::DagPb, &self.encode()), tsize: self.tsize() }
    }

    /// Cumulative size in bytes: this node and all below it.
    pub fn tsize(&self) -> u64 {
        self.below + self.len as u64
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

fn encode<'a>(entries: impl Iterator<Item = (&'a str, Link)>, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len);
    for (name, link) in entries {
        pb_link(name, &link).write(&mut out);
    }
    pb::write_data(&mut out, &DIRECTORY_DATA);
    out
}

fn pb_link<'a>(name: &'a str, link: &Link) -> PbLink<'a> {
    PbLink { cid: link.cid, name, tsize: link.tsize }
}

fn check_name(name: &str) -> Result<(), DirectoryError> {
    let rule = match name {
        "" => "a name is not empty",
        "." | ".." => "a name is not a step to this or the parent directory",
        _ if name.len() > MAX_NAME_LEN => "a name has at most 255 bytes",
        _ if name.contains(['/', '\0']) => "a name contains neither a slash nor NUL",
        _ => return Ok(()),
    };
    Err(DirectoryError::Name { name: name.chars().take(80).collect(), rule })
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha20;
    use chacha20::cipher::{KeyIvInit, StreamCipher};

    use crate::digest::Digest;

    use super::*;

    const EMPTY: &str = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";

    fn link(tsize: u64) -> Link {
        Link { cid: Cid::raw_of(b"x"), tsize }
    }

    #[test]
    fn the_empty_directory() {
        let empty = Directory::new();
        assert_eq!(empty.encode(), [0x0a, 0x02, 0x08, 0x01]);
        assert_eq!(empty.link(), Link { cid: EMPTY.parse().unwrap(), tsize: 4 });
    }

    /// Kubo's fixture `DirBasicCID` of `unixfs-v1-2025`: 4,766 files `x`, a node of exactly 262,144 bytes. It has more
    /// entries than we allow, so it pins the encoding under the bounds: order, lengths, and the size not yet sharded.
    #[test]
    fn encodes_like_kubo_up_to_the_shard_limit() {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz01234567890-_";
        let mut stream = ChaCha20::new(Digest::of(b"hamt-unixfs-v1-2025").as_bytes().into(), &[0; 12].into());
        let entries: BTreeMap<String, Link> = (0..4766)
            .map(|i| {
                let mut name = vec![0; if i == 4765 { 21 } else { 11 }];
                stream.apply_keystream(&mut name);
                let name = name.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
                (name.collect(), link(1))
            })
            .collect();
        let lens = entries.iter().map(|(name, link)| pb_link(name, link).encoded_len());
        assert_eq!(EMPTY_LEN + lens.sum::<usize>(), MAX_NODE_LEN);
        let node = encode(entries.iter().map(|(name, link)| (name.as_str(), *link)), MAX_NODE_LEN);
        assert_eq!(node.len(), MAX_NODE_LEN);
        let kubo = "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4";
        assert_eq!(Cid::of(Codec::DagPb, &node).to_string(), kubo);
    }

    #[test]
    fn links_stand_in_the_order_of_name_bytes() {
        let mut directory = Directory::new();
        for name in ["é", "b", "a.b", "a", "B", "aa"] {
            directory.insert(name, link(1)).unwrap();
        }
        let names: Vec<&str> = directory.entries().map(|(name, _)| name).collect();
        assert_eq!(names, ["B", "a", "a.b", "aa", "b", "é"]);
    }

    #[test]
    fn refuses_names_that_are_no_path_component() {
        let mut directory = Directory::new();
        let long = "n".repeat(256);
        for name in ["", ".", "..", "/", "a/b", "/a", "a/", "a\0b", "\0", &long] {
            assert!(matches!(directory.insert(name, link(1)), Err(DirectoryError::Name { .. })), "{name:?}");
        }
        for name in ["...", ".a", "a.", " ", "\\", &long[1..]] {
            directory.insert(name, link(1)).unwrap();
            assert!(matches!(directory.insert(name, link(1)), Err(DirectoryError::Duplicate { .. })), "{name:?}");
        }
    }

    #[test]
    fn refuses_what_does_not_fit_and_stays_as_it_was() {
        let mut directory = Directory::new();
        for i in 0..MAX_ENTRIES {
            directory.insert(&format!("{i:03}"), link(1)).unwrap();
        }
        assert_eq!(directory.insert("more", link(1)), Err(DirectoryError::TooManyEntries { max: MAX_ENTRIES }));

        let mut directory = Directory::new();
        let fitting = (0..).take_while(|i| directory.insert(&format!("{i:0255}"), link(1)).is_ok()).count();
        assert!(fitting < MAX_ENTRIES && directory.encode().len() <= MAX_NODE_LEN);
        assert_eq!(directory.encode().len(), directory.len);

        let mut directory = Directory::new();
        assert_eq!(directory.insert("a", link(u64::MAX)), Err(DirectoryError::TooLarge));
        directory.insert("a", link(u64::MAX / 2)).unwrap();
        let before = directory.clone();
        assert_eq!(directory.insert("b", link(u64::MAX / 2)), Err(DirectoryError::TooLarge));
        let cbor = Link { cid: Cid::of(Codec::DagCbor, b"x"), tsize: 1 };
        let refused = DirectoryError::Codec { name: "c".into(), found: Codec::DagCbor };
        assert_eq!(directory.insert("c", cbor), Err(refused));
        assert_eq!(directory, before);
    }
}
