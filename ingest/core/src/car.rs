//! CARv1: blocks in one stream behind the CID of their root.
//!
//! ```text
//! car    = varint(58) header frame*
//! header = a2 65 "roots" 81 d8 2a 58 25 00 cid[36] 67 "version" 01          (DAG-CBOR; d8 2a is tag 42, a link)
//! frame  = varint(36 + n) cid[36] data[n]                                   (n at most MAX_BLOCK_LEN)
//! ```
//! One root, and CIDs as in [`crate::cid`]. These are functions over slices: [`header`] and [`frame_head`] give the
//! bytes a writer puts around data it need not copy, [`Car`] reads a whole file in memory, and [`read_header`] and
//! [`read_frame`] read a stream that is at hand in part. Every block is compared with its CID; whether the blocks under
//! the root are all there is for the reader's walk to find out.
//!
//! The header has one length, so a writer that learns the root last leaves room and fills it in.
//!
//! ```
//! use mira_core::car::{self, Car};
//! use mira_core::cid::Cid;
//!
//! let cid = Cid::raw_of(b"hello world");
//! let mut bytes = Vec::new();
//! car::header(&mut bytes, cid);
//! car::frame_head(&mut bytes, cid, 11)?;
//! bytes.extend_from_slice(b"hello world");
//!
//! let mut car = Car::new(&bytes)?;
//! assert_eq!(car.root(), cid);
//! assert_eq!(car.next().transpose()?.map(|block| block.data), Some(&b"hello world"[..]));
//! assert!(car.next().is_none());
//! # Ok::<(), car::CarError>(())
//! ```

use crate::cbor::{self, CborError};
use crate::cid::{Cid, CidError};
use crate::varint::{self, VarintError};

/// Bytes of the header with its length in front.
pub const HEADER_LEN: usize = 59;
/// The longest header that is looked at. Only one of 58 bytes is accepted; the rest gives better errors.
pub const MAX_HEADER_LEN: usize = 4096;
/// The longest block, in bytes: what Kubo imports and exchanges.
pub const MAX_BLOCK_LEN: usize = 2 << 20;
/// The longest frame, in bytes: a longest block with CID and length in front. A streaming reader needs no more room.
pub const MAX_FRAME_LEN: usize = MAX_BLOCK_LEN + Cid::LEN + MAX_VARINT_LEN;

/// Bytes in the varint of the longest frame's length, which is between 2^21 and 2^28.
const MAX_VARINT_LEN: usize = 4;
/// CBOR tag 42, which marks a CID.
const TAG_42: [u8; 2] = [0xd8, 0x2a];
/// The multibase prefix of binary CIDs inside CBOR.
const IDENTITY: u8 = 0x00;
/// The keys of the header, in the order of DAG-CBOR: the shorter first.
const ROOTS: &str = "roots";
const VERSION: &str = "version";

/// One block and its name. From a reader, the two have been compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// The block's name.
    pub cid: Cid,
    /// The block's bytes.
    pub data: &'a [u8],
}

/// Why bytes are not a CAR that we read, or a block cannot be put into one. `at` is an offset in the bytes given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarError {
    /// The bytes end inside the header or a frame.
    #[error("the bytes end inside what starts at offset {at}: expected {expected}, found {found}")]
    Truncated {
        /// Offset of the header or frame.
        at: usize,
        /// How many bytes it takes, or at least takes.
        expected: usize,
        /// How many are there.
        found: usize,
    },
    /// A length is not a varint in its shortest form.
    #[error("the length at offset {at} is not a varint in its shortest form")]
    Length {
        /// Offset of the length.
        at: usize,
    },
    /// A header beyond the bound.
    #[error("expected a header of at most {max} bytes, found {found}")]
    HeaderLen {
        /// Its length.
        found: u64,
        /// The most allowed.
        max: usize,
    },
    /// The header is not deterministic CBOR of the expected shape.
    #[error("the header is not that of a CARv1 with one root")]
    Header(#[source] CborError),
    /// The header breaks a rule of its own.
    #[error("the header is not that of a CARv1 with one root: {rule}")]
    HeaderRule {
        /// The rule.
        rule: &'static str,
    },
    /// Another number of roots.
    #[error("expected one root, found {found}")]
    Roots {
        /// How many there are.
        found: usize,
    },
    /// Another version of the format.
    #[error("expected CAR version 1, found {found}")]
    Version {
        /// The version in the header.
        found: u64,
    },
    /// A CID is not one that we use.
    #[error("the CID at offset {at} is not usable")]
    Cid {
        /// Offset of the CID.
        at: usize,
        /// What is wrong with it.
        source: CidError,
    },
    /// A frame too short for a CID, such as padding with zeros.
    #[error("expected a frame of at least 36 bytes at offset {at}, found {found}")]
    FrameLen {
        /// Offset of the frame.
        at: usize,
        /// Its length.
        found: u64,
    },
    /// A block beyond the bound.
    #[error("expected a block of at most {max} bytes, found {found}")]
    BlockLen {
        /// Its length.
        found: u64,
        /// The most allowed.
        max: usize,
    },
    /// The block's bytes are not those that its CID names.
    #[error("the block at offset {at} does not hash to {cid}")]
    Digest {
        /// Offset of the frame.
        at: usize,
        /// The CID before it.
        cid: Cid,
    },
}

/// Appends the header of a CAR with this root, length in front: [`HEADER_LEN`] bytes.
pub fn header(out: &mut Vec<u8>, root: Cid) {
    let mut link = vec![IDENTITY];
    link.extend_from_slice(&root.to_bytes());
    let mut header = Vec::with_capacity(HEADER_LEN);
    cbor::map(&mut header, 2);
    cbor::text(&mut header, ROOTS);
    cbor::array(&mut header, 1);
    header.extend_from_slice(&TAG_42);
    cbor::bytes(&mut header, &link);
    cbor::text(&mut header, VERSION);
    cbor::uint(&mut header, 1);
    varint::write(out, header.len() as u64);
    out.extend_from_slice(&header);
}

/// Appends what stands before the data of a block: the frame's length and the CID. The data follow, and that they are
/// what the CID names is the caller's knowledge; readers check it.
pub fn frame_head(out: &mut Vec<u8>, cid: Cid, data_len: usize) -> Result<(), CarError> {
    if data_len > MAX_BLOCK_LEN {
        return Err(CarError::BlockLen { found: data_len as u64, max: MAX_BLOCK_LEN });
    }
    varint::write(out, (Cid::LEN + data_len) as u64);
    out.extend_from_slice(&cid.to_bytes());
    Ok(())
}

/// How many bytes a block of `data_len` bytes takes with its head, so that a CAR's length is known before it is made.
pub const fn frame_len(data_len: u64) -> u64 {
    let frame = data_len.saturating_add(Cid::LEN as u64);
    frame.saturating_add(varint::len(frame) as u64)
}

/// What the bytes at hand hold of a header or a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<T> {
    /// All of it.
    Done {
        /// What was read.
        value: T,
        /// How many bytes it took; the next frame starts there.
        used: usize,
    },
    /// Not all of it.
    More {
        /// How many bytes must be at hand, from the start of this header or frame, before it is worth asking again.
        /// More than there are, and never more than [`MAX_FRAME_LEN`].
        need: usize,
    },
}

/// Reads the header at the start of `bytes` and gives the root.
pub fn read_header(bytes: &[u8]) -> Result<Step<Cid>, CarError> {
    let Some((len, used)) = read_length(bytes)? else { return Ok(Step::More { need: bytes.len() + 1 }) };
    let body = usize::try_from(len).ok().filter(|len| *len <= MAX_HEADER_LEN);
    let end = used + body.ok_or(CarError::HeaderLen { found: len, max: MAX_HEADER_LEN })?;
    let Some(body) = bytes.get(used..end) else { return Ok(Step::More { need: end }) };
    Ok(Step::Done { value: read_header_body(body, used)?, used: end })
}

/// Reads the frame at the start of `bytes` and compares the block with its CID.
pub fn read_frame(bytes: &[u8]) -> Result<Step<Block<'_>>, CarError> {
    let Some((len, used)) = read_length(bytes)? else { return Ok(Step::More { need: bytes.len() + 1 }) };
    let data_len = len.checked_sub(Cid::LEN as u64).ok_or(CarError::FrameLen { at: 0, found: len })?;
    let data_end = usize::try_from(data_len).ok().filter(|len| *len <= MAX_BLOCK_LEN);
    let end = used + Cid::LEN + data_end.ok_or(CarError::BlockLen { found: data_len, max: MAX_BLOCK_LEN })?;
    let Some(frame) = bytes.get(used..end) else { return Ok(Step::More { need: end }) };
    let (cid, data) = frame.split_at(Cid::LEN);
    let cid = Cid::from_bytes(cid).map_err(|source| CarError::Cid { at: used, source })?;
    if !cid.matches(data) {
        return Err(CarError::Digest { at: 0, cid });
    }
    Ok(Step::Done { value: Block { cid, data }, used: end })
}

/// A CAR whose bytes are all at hand: the root, and an iterator over the blocks. Nothing follows an error.
#[derive(Debug, Clone)]
pub struct Car<'a> {
    bytes: &'a [u8],
    at: usize,
    root: Cid,
}

impl<'a> Car<'a> {
    /// Reads the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, CarError> {
        match read_header(bytes)? {
            Step::Done { value: root, used } => Ok(Self { bytes, at: used, root }),
            Step::More { need } => Err(CarError::Truncated { at: 0, expected: need, found: bytes.len() }),
        }
    }

    /// The root that the header names. Nothing says yet that its block is here.
    pub const fn root(&self) -> Cid {
        self.root
    }

    fn read(&mut self, rest: &'a [u8]) -> Result<Block<'a>, CarError> {
        match read_frame(rest).map_err(|error| error.moved_by(self.at))? {
            Step::Done { value, used } => {
                self.at += used;
                Ok(value)
            }
            Step::More { need } => Err(CarError::Truncated { at: self.at, expected: need, found: rest.len() }),
        }
    }
}

impl<'a> Iterator for Car<'a> {
    type Item = Result<Block<'a>, CarError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let block = self.read(rest);
        if block.is_err() {
            self.at = self.bytes.len();
        }
        Some(block)
    }
}

impl CarError {
    /// The error of a frame that starts `start` bytes into the file.
    fn moved_by(mut self, start: usize) -> Self {
        match &mut self {
            Self::Length { at } | Self::Cid { at, .. } | Self::FrameLen { at, .. } | Self::Digest { at, .. } => {
                *at += start;
            }
            _ => {}
        }
        self
    }
}

/// Reads a length, or `None` if the bytes end first. Lengths that take more than [`MAX_VARINT_LEN`] bytes are read to
/// their end, so that the error names them.
fn read_length(bytes: &[u8]) -> Result<Option<(u64, usize)>, CarError> {
    match varint::read(bytes) {
        Ok(read) => Ok(Some(read)),
        Err(VarintError::Truncated) => Ok(None),
        Err(VarintError::NotShortest | VarintError::TooLarge) => Err(CarError::Length { at: 0 }),
    }
}

/// Reads `{"roots": [cid], "version": 1}`; `start` is where the header's body stands.
fn read_header_body(body: &[u8], start: usize) -> Result<Cid, CarError> {
    let mut reader = cbor::Reader::new(body);
    if reader.map().map_err(CarError::Header)? != 2 {
        return Err(CarError::HeaderRule { rule: "the keys are roots and version" });
    }
    read_key(&mut reader, ROOTS)?;
    match reader.array().map_err(CarError::Header)? {
        1 => {}
        found => return Err(CarError::Roots { found }),
    }
    // The CBOR reader has no tags, because no other format of ours has any: step over this one by hand.
    let tag_at = reader.offset();
    let rest = body.get(tag_at..).and_then(|rest| rest.strip_prefix(&TAG_42));
    let rest = rest.ok_or(CarError::HeaderRule { rule: "a root is a CBOR link (tag 42)" })?;
    let mut reader = cbor::Reader::new(rest);
    let link = reader.bytes().map_err(CarError::Header)?;
    let link = link.strip_prefix(&[IDENTITY]);
    let link = link.ok_or(CarError::HeaderRule { rule: "a link starts with a zero byte" })?;
    let cid_at = start + tag_at + TAG_42.len() + reader.offset() - link.len();
    let root = Cid::from_bytes(link).map_err(|source| CarError::Cid { at: cid_at, source })?;
    read_key(&mut reader, VERSION)?;
    match reader.uint().map_err(CarError::Header)? {
        1 => {}
        found => return Err(CarError::Version { found }),
    }
    reader.finish().map_err(CarError::Header)?;
    Ok(root)
}

fn read_key(reader: &mut cbor::Reader<'_>, key: &str) -> Result<(), CarError> {
    match reader.text().map_err(CarError::Header)? {
        found if found == key => Ok(()),
        _ => Err(CarError::HeaderRule { rule: "the keys are roots and version" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(blocks: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        header(&mut out, Cid::raw_of(blocks[0]));
        for data in blocks {
            frame_head(&mut out, Cid::raw_of(data), data.len()).unwrap();
            out.extend_from_slice(data);
        }
        out
    }

    #[test]
    fn the_header_byte_by_byte() {
        let root = Cid::raw_of(b"x");
        let mut out = Vec::new();
        header(&mut out, root);
        let expected =
            [b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00", &root.to_bytes()[..], b"\x67version\x01"].concat();
        assert_eq!(out, expected);
        assert_eq!(out.len(), HEADER_LEN);
        assert_eq!(read_header(&out), Ok(Step::Done { value: root, used: HEADER_LEN }));
    }

    #[test]
    fn reads_what_was_written() {
        let long = vec![9; MAX_BLOCK_LEN];
        let blocks = [&b"root"[..], b"", &[7; 92], &long];
        let bytes = car(&blocks);
        let expected_len = blocks.iter().map(|data| frame_len(data.len() as u64)).sum::<u64>() + HEADER_LEN as u64;
        assert_eq!(bytes.len() as u64, expected_len);
        let reader = Car::new(&bytes).unwrap();
        assert_eq!(reader.root(), Cid::raw_of(b"root"));
        let read: Vec<Block<'_>> = reader.collect::<Result<_, _>>().unwrap();
        assert_eq!(read, blocks.map(|data| Block { cid: Cid::raw_of(data), data }));
        assert!(frame_head(&mut Vec::new(), Cid::raw_of(&long), MAX_BLOCK_LEN + 1).is_err());
    }

    /// A reader that is given one byte more at a time asks for what it needs, never too much, and ends where the whole
    /// reader ends; a file cut anywhere but between frames is refused.
    #[test]
    fn every_prefix() {
        let bytes = car(&[b"root", &[7; 200]]);
        let ends = [HEADER_LEN, HEADER_LEN + 41, bytes.len()];
        for cut in 0..bytes.len() {
            let prefix = &bytes[..cut];
            let whole = Car::new(prefix).and_then(|car| car.collect::<Result<Vec<_>, _>>());
            assert_eq!(whole.is_ok(), ends.contains(&cut), "{cut}");
            let step = match cut {
                ..HEADER_LEN => {
                    read_header(prefix).map(|step| matches!(step, Step::More { need } if need > cut && need <= 59))
                }
                _ if cut < ends[1] => read_frame(&prefix[ends[0]..])
                    .map(|step| matches!(step, Step::More { need } if need > cut - ends[0] && need <= 41)),
                _ => read_frame(&prefix[ends[1]..])
                    .map(|step| matches!(step, Step::More { need } if need > cut - ends[1] && need <= 238)),
            };
            assert_eq!(step, Ok(true), "{cut}");
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = car(&[b"root", &[7; 20]]);
        let whole: Vec<_> = Car::new(&bytes).unwrap().map(Result::unwrap).collect();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                let read = Car::new(&bytes).and_then(|car| {
                    let root = car.root();
                    Ok((root, car.collect::<Result<Vec<_>, _>>()?))
                });
                // The root's CID and the codecs are covered by no digest; the blocks themselves are.
                if let Ok((root, blocks)) = read {
                    assert!(root != whole[0].cid || blocks != whole, "{at}");
                    assert!(blocks.iter().zip(&whole).all(|(a, b)| a.data == b.data), "{at}");
                }
            }
        }
    }

    #[test]
    fn nothing_follows_an_error() {
        let mut bytes = car(&[b"root", b"next"]);
        bytes[HEADER_LEN + 40] ^= 1;
        let mut reader = Car::new(&bytes).unwrap();
        let at = HEADER_LEN;
        assert_eq!(reader.next(), Some(Err(CarError::Digest { at, cid: Cid::raw_of(b"root") })));
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn lengths_are_checked_before_bytes_are_waited_for() {
        let length = |value| {
            let mut out = Vec::new();
            varint::write(&mut out, value);
            out
        };
        let max = (MAX_BLOCK_LEN + Cid::LEN) as u64;
        assert_eq!(read_frame(&length(max)), Ok(Step::More { need: MAX_FRAME_LEN }));
        assert!(matches!(read_frame(&length(max + 1)), Err(CarError::BlockLen { .. })));
        assert!(matches!(read_frame(&length(u64::MAX)), Err(CarError::BlockLen { .. })));
        assert_eq!(read_frame(&[0]), Err(CarError::FrameLen { at: 0, found: 0 }));
        assert_eq!(read_frame(&[0x80, 0x00]), Err(CarError::Length { at: 0 }));
        assert_eq!(read_header(&length(4096)), Ok(Step::More { need: 4098 }));
        assert_eq!(read_header(&length(4097)), Err(CarError::HeaderLen { found: 4097, max: 4096 }));
    }
}
