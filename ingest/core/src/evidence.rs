//! What a proof file carries beside the log's own inclusion proof: the entry, and the way down to one row.
//!
//! This is the content of the `extra` line of a C2SP tlog-proof (`FORMAT.md`, section 12), in deterministic CBOR:
//!
//! ```text
//! {"row": h'83…', "entry": h'6d697261…', "levels": [[2, [h'…', …], h'6d697261…'], [17, [h'…', …]]], "schema": h'82…'}
//! ```
//!
//! It is a claim by whoever wrote the file. Nothing here is checked beyond its shape; [`crate::verify`] does that.

use crate::cbor::{self, CborError, Reader};
use crate::cbor_map::{MapError, MapKeys};
use crate::dataset::{ChunkLeafData, ChunkLeafDataError};
use crate::digest::Digest;
use crate::id::{EpochNumber, LeafIndex};

/// Longest Merkle path: no tree has more than 2^63 leaves.
const MAX_PATH: usize = 63;
/// Most rotations that one proof may carry.
const MAX_ROTATIONS: usize = 64;

/// The decoded `extra` of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The log entry, verbatim.
    pub entry: Vec<u8>,
    /// From the dataset down: to nothing, to a chunk, or to a row.
    pub descent: Descent,
    /// The canonical schema, verbatim.
    pub schema: Option<Vec<u8>>,
    /// Rotations of the signer's key, oldest first.
    pub rotations: Vec<Rotation>,
    /// Where the checkpoint is said to be anchored.
    pub anchor: Option<AnchorClaim>,
}

/// How far below the entry the proof goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Descent {
    /// The entry itself.
    Entry,
    /// A chunk of the dataset that the entry contributes.
    Chunk(ChunkStep),
    /// A row of that chunk.
    Row {
        /// The chunk.
        chunk: ChunkStep,
        /// The row's place in it.
        row: RowStep,
    },
}

/// A chunk leaf and its path to the chunk root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkStep {
    /// The chunk's index in the dataset.
    pub index: LeafIndex,
    /// Sibling hashes, the leaf's first.
    pub path: Vec<Digest>,
    /// The leaf data.
    pub leaf: ChunkLeafData,
}

/// A row's path to the row root, and possibly the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowStep {
    /// The row's index in the chunk.
    pub index: LeafIndex,
    /// Sibling hashes, the leaf's first.
    pub path: Vec<Digest>,
    /// The canonical row; absent where the verifier is to bring it.
    pub row: Option<Vec<u8>>,
}

/// A `rotate` entry under the same checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The log entry, verbatim.
    pub entry: Vec<u8>,
    /// Its index in the log.
    pub index: LeafIndex,
    /// Sibling hashes, the leaf's first.
    pub path: Vec<Digest>,
}

/// Where a checkpoint is said to be anchored; a hint about where to look, never a reason to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorClaim {
    /// The epoch.
    pub epoch: EpochNumber,
    /// The registry's commitment before this epoch, C_{e-1}.
    pub previous: [u8; 32],
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Address of the registry.
    pub contract: [u8; 20],
    /// Hash of the transaction.
    pub transaction: [u8; 32],
}

/// Why bytes are not the `extra` of a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not the CBOR that is expected here.
    #[error(transparent)]
    Map(#[from] MapError),
    /// Neither none, one nor two levels.
    #[error("expected at most 2 levels, found {found}")]
    Levels {
        /// How many there are.
        found: usize,
    },
    /// A path or list longer than any valid one, or an empty list that should have been left out.
    #[error("{what} has {found} items, expected 1 to {limit}")]
    Count {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The chunk leaf data are not well formed.
    #[error("the chunk leaf data are not well formed")]
    ChunkLeaf(#[source] ChunkLeafDataError),
    /// A key that belongs to a level which is not there.
    #[error("key {key:?} needs a level that the proof does not have")]
    Stray {
        /// The key.
        key: &'static str,
    },
}

impl Evidence {
    /// The row, if the proof holds it.
    pub fn row(&self) -> Option<&[u8]> {
        match &self.descent {
            Descent::Row { row, .. } => row.row.as_deref(),
            Descent::Entry | Descent::Chunk(_) => None,
        }
    }

    /// Writes the CBOR map.
    pub fn to_cbor(&self) -> Vec<u8> {
        let row = self.row();
        let optional = [row.is_some(), self.anchor.is_some(), self.schema.is_some(), !self.rotations.is_empty()];
        let mut out = Vec::new();
        cbor::map(&mut out, 2 + optional.iter().filter(|present| **present).count() as u64);
        if let Some(row) = row {
            cbor::text(&mut out, "row");
            cbor::bytes(&mut out, row);
        }
        cbor::text(&mut out, "entry");
        cbor::bytes(&mut out, &self.entry);
        if let Some(anchor) = &self.anchor {
            cbor::text(&mut out, "anchor");
            anchor.write(&mut out);
        }
        cbor::text(&mut out, "levels");
        self.descent.write(&mut out);
        if let Some(schema) = &self.schema {
            cbor::text(&mut out, "schema");
            cbor::bytes(&mut out, schema);
        }
        if !self.rotations.is_empty() {
            cbor::text(&mut out, "rotations");
            cbor::array(&mut out, self.rotations.len() as u64);
            for rotation in &self.rotations {
                cbor::array(&mut out, 3);
                cbor::bytes(&mut out, &rotation.entry);
                cbor::uint(&mut out, rotation.index.value());
                write_path(&mut out, &rotation.path);
            }
        }
        out
    }

    /// Reads the CBOR map and nothing else.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let mut reader = Reader::new(bytes);
        let mut keys = MapKeys::open(&mut reader)?;
        let row = keys.optional(&mut reader, "row")?.then(|| reader.bytes()).transpose()?;
        keys.required(&mut reader, "entry")?;
        let entry = reader.bytes()?.to_vec();
        let anchor = keys.optional(&mut reader, "anchor")?.then(|| AnchorClaim::read(&mut reader)).transpose()?;
        keys.required(&mut reader, "levels")?;
        let descent = Descent::read(&mut reader, row)?;
        let schema = keys.optional(&mut reader, "schema")?.then(|| reader.bytes()).transpose()?.map(<[u8]>::to_vec);
        if schema.is_some() && descent == Descent::Entry {
            return Err(EvidenceError::Stray { key: "schema" });
        }
        let rotations = match keys.optional(&mut reader, "rotations")? {
            true => read_rotations(&mut reader)?,
            false => Vec::new(),
        };
        keys.close(&mut reader)?;
        reader.finish()?;
        Ok(Self { entry, descent, schema, rotations, anchor })
    }
}

impl From<CborError> for EvidenceError {
    fn from(error: CborError) -> Self {
        Self::Map(error.into())
    }
}

impl Descent {
    fn write(&self, out: &mut Vec<u8>) {
        let (chunk, row) = match self {
            Self::Entry => return cbor::array(out, 0),
            Self::Chunk(chunk) => (chunk, None),
            Self::Row { chunk, row } => (chunk, Some(row)),
        };
        cbor::array(out, 1 + u64::from(row.is_some()));
        cbor::array(out, 3);
        cbor::uint(out, chunk.index.value());
        write_path(out, &chunk.path);
        cbor::bytes(out, &chunk.leaf.encode());
        if let Some(row) = row {
            cbor::array(out, 2);
            cbor::uint(out, row.index.value());
            write_path(out, &row.path);
        }
    }

    fn read(reader: &mut Reader<'_>, row: Option<&[u8]>) -> Result<Self, EvidenceError> {
        let levels = reader.array()?;
        if levels > 2 {
            return Err(EvidenceError::Levels { found: levels });
        }
        if row.is_some() && levels < 2 {
            return Err(EvidenceError::Stray { key: "row" });
        }
        if levels == 0 {
            return Ok(Self::Entry);
        }
        reader.array_of(3)?;
        let index = LeafIndex::new(reader.uint()?);
        let path = read_path(reader)?;
        let leaf = ChunkLeafData::decode(reader.bytes()?).map_err(EvidenceError::ChunkLeaf)?;
        let chunk = ChunkStep { index, path, leaf };
        if levels == 1 {
            return Ok(Self::Chunk(chunk));
        }
        reader.array_of(2)?;
        let index = LeafIndex::new(reader.uint()?);
        let path = read_path(reader)?;
        Ok(Self::Row { chunk, row: RowStep { index, path, row: row.map(<[u8]>::to_vec) } })
    }
}

impl AnchorClaim {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 5);
        cbor::uint(out, self.epoch.value());
        cbor::bytes(out, &self.previous);
        cbor::uint(out, self.chain_id);
        cbor::bytes(out, &self.contract);
        cbor::bytes(out, &self.transaction);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EvidenceError> {
        reader.array_of(5)?;
        Ok(Self {
            epoch: EpochNumber::new(reader.uint()?),
            previous: reader.fixed()?,
            chain_id: reader.uint()?,
            contract: reader.fixed()?,
            transaction: reader.fixed()?,
        })
    }
}

fn write_path(out: &mut Vec<u8>, path: &[Digest]) {
    cbor::array(out, path.len() as u64);
    for hash in path {
        cbor::bytes(out, hash.as_bytes());
    }
}

fn read_path(reader: &mut Reader<'_>) -> Result<Vec<Digest>, EvidenceError> {
    let found = reader.array()?;
    if found > MAX_PATH {
        return Err(EvidenceError::Count { what: "a path", found, limit: MAX_PATH });
    }
    (0..found).map(|_| Ok(Digest::new(reader.fixed()?))).collect()
}

fn read_rotations(reader: &mut Reader<'_>) -> Result<Vec<Rotation>, EvidenceError> {
    let found = reader.array()?;
    if found == 0 || found > MAX_ROTATIONS {
        return Err(EvidenceError::Count { what: "rotations", found, limit: MAX_ROTATIONS });
    }
    (0..found)
        .map(|_| {
            reader.array_of(3)?;
            let entry = reader.bytes()?.to_vec();
            let index = LeafIndex::new(reader.uint()?);
            Ok(Rotation { entry, index, path: read_path(reader)? })
        })
        .collect()
}
