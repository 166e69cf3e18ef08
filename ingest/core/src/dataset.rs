//! What a dataset is made of, above its rows: chunks, their leaf data, and the name over everything.
//!
//! Rows are cut into chunks ([`Cut1`]); a chunk's rows have a root, which its leaf data ([`ChunkLeafData`]) puts
//! together with schema and row count; the leaf data are the leaves of the dataset's tree; and [`dataset_id`] binds
//! that tree's root to both of its sizes. The trees themselves are in `merkle`.
//!
//! ```text
//! chunk leaf data, 87 bytes
//!   6d6972612f6368756e6b2f763100  "mira/chunk/v1\0"
//!   01                            row_profile
//!   …32 bytes…                    schema_id
//!   0000000000000003              rows
//!   …32 bytes…                    row_root
//! ```

use crate::digest::{ChunkLeaf, ChunkRoot, DatasetId, Digest, RowRoot, SchemaId};
use crate::{domain, row};

mod cut;

pub use cut::Cut1;

/// What the dataset's tree says of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkLeafData {
    /// How the rows are encoded: [`row::PROFILE`].
    pub row_profile: u8,
    /// The canonical schema of the rows.
    pub schema_id: SchemaId,
    /// How many rows the chunk has, at least one: the size of the tree under `row_root`.
    pub rows: u64,
    /// The root over the rows' leaves.
    pub row_root: RowRoot,
}

/// Why bytes are not chunk leaf data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkLeafDataError {
    /// The length is another.
    #[error("chunk leaf data has {} bytes, found {found}", ChunkLeafData::LEN)]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// It does not start with the tag of chunk leaf data.
    #[error("the bytes do not start with the tag of chunk leaf data")]
    Tag,
    /// The rows are encoded in a way that this version does not know.
    #[error("row profile {found} is unknown, expected {}", row::PROFILE)]
    RowProfile {
        /// The profile's number.
        found: u8,
    },
    /// The chunk has no rows.
    #[error("a chunk has at least one row, found none")]
    NoRows,
}

impl ChunkLeafData {
    /// Length of the encoding in bytes.
    pub const LEN: usize = domain::CHUNK.len() + 1 + 2 * Digest::LEN + size_of::<u64>();

    /// "mira/chunk/v1\0" ‖ u8 row_profile ‖ schema_id ‖ u64be rows ‖ row_root.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let parts: [&[u8]; 5] = [
            domain::CHUNK,
            &[self.row_profile],
            self.schema_id.as_bytes(),
            &self.rows.to_be_bytes(),
            self.row_root.as_bytes(),
        ];
        // The parts have the array's length together, by the definition of that length.
        for (to, from) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        out
    }

    /// Reads exactly [`ChunkLeafData::LEN`] bytes, of a row profile that this version knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChunkLeafDataError> {
        let length = || ChunkLeafDataError::Length { found: bytes.len() };
        if bytes.len() != Self::LEN {
            return Err(length());
        }
        let rest = bytes.strip_prefix(domain::CHUNK).ok_or(ChunkLeafDataError::Tag)?;
        // None of these three is missing from 87 bytes that start with the tag.
        let (&[row_profile], rest) = rest.split_first_chunk().ok_or_else(length)?;
        let (schema_id, rest) = rest.split_first_chunk().ok_or_else(length)?;
        let (rows, row_root) = rest.split_first_chunk().ok_or_else(length)?;
        if row_profile != row::PROFILE {
            return Err(ChunkLeafDataError::RowProfile { found: row_profile });
        }
        let rows = u64::from_be_bytes(*rows);
        if rows == 0 {
            return Err(ChunkLeafDataError::NoRows);
        }
        Ok(Self {
            row_profile,
            schema_id: Digest::new(*schema_id).into(),
            rows,
            row_root: Digest::try_from(row_root).map_err(|_| length())?.into(),
        })
    }

    /// The chunk's leaf in the dataset's tree: H(00 ‖ chunk leaf data).
    pub fn leaf(&self) -> ChunkLeaf {
        // RFC 6962, section 2.1.
        Digest::of_parts(&[&[domain::LEAF_PREFIX], &self.encode()]).into()
    }
}

/// The name of a dataset: H("mira/dataset/v1\0" ‖ u8 row_profile ‖ schema_id ‖ u64be rows ‖ u64be chunks ‖ chunk_root).
///
/// A bare root would leave its size, and so the meaning of an index, to whoever proves something under it.
pub fn dataset_id(row_profile: u8, schema_id: &SchemaId, rows: u64, chunks: u64, chunk_root: &ChunkRoot) -> DatasetId {
    let counts = [rows.to_be_bytes(), chunks.to_be_bytes()].concat();
    Digest::of_parts(&[domain::DATASET, &[row_profile], schema_id.as_bytes(), &counts, chunk_root.as_bytes()]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ChunkLeafData {
        ChunkLeafData {
            row_profile: 1,
            schema_id: Digest::new([0xaa; 32]).into(),
            rows: 0x0102_0304_0506_0708,
            row_root: Digest::new([0xbb; 32]).into(),
        }
    }

    #[test]
    fn every_byte_has_its_place() {
        let bytes = sample().encode();
        assert_eq!(bytes.len(), 87);
        assert_eq!(&bytes[..14], b"mira/chunk/v1\0");
        assert_eq!(bytes[14], 1);
        assert_eq!(&bytes[15..47], [0xaa; 32]);
        assert_eq!(&bytes[47..55], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(&bytes[55..], [0xbb; 32]);
        assert_eq!(ChunkLeafData::decode(&bytes), Ok(sample()));
    }

    #[test]
    fn refuses_what_encoding_does_not_make() {
        let bytes = sample().encode();
        let decode_with = |at: usize, byte: u8| {
            let mut changed = bytes;
            changed[at] = byte;
            ChunkLeafData::decode(&changed)
        };
        for (at, byte) in domain::CHUNK.iter().enumerate() {
            assert_eq!(decode_with(at, byte ^ 0x20), Err(ChunkLeafDataError::Tag));
        }
        assert_eq!(decode_with(14, 0), Err(ChunkLeafDataError::RowProfile { found: 0 }));
        assert_eq!(decode_with(14, 2), Err(ChunkLeafDataError::RowProfile { found: 2 }));
        assert_eq!(ChunkLeafData::decode(&bytes[..86]), Err(ChunkLeafDataError::Length { found: 86 }));
        assert_eq!(ChunkLeafData::decode(&[&bytes[..], &[0]].concat()), Err(ChunkLeafDataError::Length { found: 88 }));
        let empty = ChunkLeafData { rows: 0, ..sample() }.encode();
        assert_eq!(ChunkLeafData::decode(&empty), Err(ChunkLeafDataError::NoRows));
    }

    #[test]
    fn a_dataset_id_binds_each_of_its_parts() {
        let (schema, root) = (Digest::new([1; 32]).into(), Digest::new([2; 32]).into());
        let ids = [
            dataset_id(1, &schema, 3, 4, &root),
            dataset_id(2, &schema, 3, 4, &root),
            dataset_id(1, &Digest::new([3; 32]).into(), 3, 4, &root),
            dataset_id(1, &schema, 4, 3, &root),
            dataset_id(1, &schema, 3, 5, &root),
            dataset_id(1, &schema, 3, 4, &Digest::new([3; 32]).into()),
        ];
        for (i, a) in ids.iter().enumerate() {
            assert!(!ids[i + 1..].contains(a));
        }
    }
}
