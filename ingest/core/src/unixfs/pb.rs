//! dag-pb: the protobuf around links and data, in its canonical form only.
//!
//! ```text
//! node = link* data          link = 12 len ( 0a 24 cid[36]  12 len name  18 tsize )          data = 0a len bytes
//! ```
//! The specification allows links without name or size; UnixFS writers always write both, and here they must be there.
//! Links stand before the data although their field number is higher.

use crate::cid::Cid;
use crate::varint::{self, VarintError};

use super::node::NodeError;

/// Field 2 of a node, length-delimited; written first.
const LINK: u8 = 0x12;
/// Field 1 of a node, length-delimited; written last.
const DATA: u8 = 0x0a;
/// Field 1 of a link, length-delimited.
const HASH: u8 = 0x0a;
/// Field 2 of a link, length-delimited.
const NAME: u8 = 0x12;
/// Field 3 of a link, varint.
const TSIZE: u8 = 0x18;

/// One link as it stands in a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct PbLink<'a> {
    pub(super) cid: Cid,
    pub(super) name: &'a str,
    pub(super) tsize: u64,
}

impl PbLink<'_> {
    /// Appends the link.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(LINK);
        varint::write(out, self.body_len() as u64);
        write_bytes(out, HASH, &self.cid.to_bytes());
        write_bytes(out, NAME, self.name.as_bytes());
        write_number(out, TSIZE, self.tsize);
    }

    /// How many bytes [`write`](Self::write) appends.
    pub(super) fn encoded_len(&self) -> usize {
        let body = self.body_len();
        1 + varint::len(body as u64) + body
    }

    fn body_len(&self) -> usize {
        let name = self.name.len();
        (2 + Cid::LEN) + (1 + varint::len(name as u64) + name) + (1 + varint::len(self.tsize))
    }
}

/// Appends the data of a node, which ends it.
pub(super) fn write_data(out: &mut Vec<u8>, data: &[u8]) {
    write_bytes(out, DATA, data);
}

/// Appends a varint field.
pub(super) fn write_number(out: &mut Vec<u8>, key: u8, value: u64) {
    out.push(key);
    varint::write(out, value);
}

fn write_bytes(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    varint::write(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads a node: its links, at most `max_links` of them, and a reader over its data.
pub(super) fn read_node(bytes: &[u8], max_links: usize) -> Result<(Vec<PbLink<'_>>, Reader<'_>), NodeError> {
    let mut node = Reader { input: bytes, at: 0 };
    let mut links = Vec::new();
    while node.peek() == Some(LINK) {
        if links.len() == max_links {
            return Err(NodeError::TooManyLinks { max: max_links });
        }
        links.push(read_link(node.message(LINK, "a link")?)?);
    }
    let data = node.message(DATA, "a link or the data")?;
    node.finish()?;
    Ok((links, data))
}

fn read_link(mut link: Reader<'_>) -> Result<PbLink<'_>, NodeError> {
    let hash = link.message(HASH, "the CID of a link")?;
    let cid = Cid::from_bytes(hash.rest()).map_err(|source| NodeError::Cid { at: hash.at, source })?;
    let name = link.message(NAME, "the name of a link")?;
    let name = std::str::from_utf8(name.rest())
        .map_err(|_| NodeError::NotCanonical { at: name.at, rule: "names are valid UTF-8" })?;
    let tsize = link.number(TSIZE, "the size of a link")?;
    link.finish()?;
    Ok(PbLink { cid, name, tsize })
}

/// Reads fields in a fixed order. The input ends where the message ends, and offsets count from the block's start.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The key byte of the next field, if there is one.
    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    /// Reads a varint field with this key.
    pub(super) fn number(&mut self, key: u8, expected: &'static str) -> Result<u64, NodeError> {
        self.key(key, expected)?;
        self.varint()
    }

    /// Ends the message; bytes left over are an error.
    pub(super) fn finish(self) -> Result<(), NodeError> {
        match self.rest().len() {
            0 => Ok(()),
            extra => Err(NodeError::Trailing { at: self.at, extra }),
        }
    }

    /// Reads a length-delimited field with this key and returns a reader over it.
    fn message(&mut self, key: u8, expected: &'static str) -> Result<Reader<'a>, NodeError> {
        let field = self.at;
        self.key(key, expected)?;
        let len = self.varint()?;
        let start = self.at;
        let end = usize::try_from(len).ok().and_then(|len| start.checked_add(len));
        let input = end.and_then(|end| self.input.get(..end)).ok_or(NodeError::Truncated { at: field })?;
        self.at = input.len();
        Ok(Reader { input, at: start })
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn key(&mut self, key: u8, expected: &'static str) -> Result<(), NodeError> {
        match self.peek() {
            Some(found) if found == key => {
                self.at += 1;
                Ok(())
            }
            Some(found) => Err(NodeError::Field { at: self.at, expected, found }),
            None => Err(NodeError::Missing { at: self.at, expected }),
        }
    }

    fn varint(&mut self) -> Result<u64, NodeError> {
        let at = self.at;
        let (value, used) = varint::read(self.rest()).map_err(|error| match error {
            VarintError::Truncated => NodeError::Truncated { at },
            VarintError::TooLarge => NodeError::NotCanonical { at, rule: "integers fit 64 bits" },
            VarintError::NotShortest => NodeError::NotCanonical { at, rule: "integers are as short as can be" },
        })?;
        self.at += used;
        Ok(value)
    }
}
