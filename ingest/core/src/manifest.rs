//! The manifest of a dataset and its chunk list (`FORMAT.md`, section 6).
//!
//! A manifest is small whatever the size of the dataset: the chunks are listed in a file of their own, which it names
//! by digest. Neither is signed; a statement signs the manifest's digest. Both are read strictly, and a [`Manifest`]
//! cannot be made whose dataset_id does not follow from its other fields.

use crate::cbor::{self, CborError, Reader};
use crate::cbor_map::{MapError, MapKeys};
use crate::cid::Cid;
use crate::dataset::{self, ChunkLeafData, ChunkLeafDataError};
use crate::digest::{ChunkRoot, DatasetId, Digest, ManifestDigest};
use crate::merkle;
use crate::rights::{Rights, RightsError};
use crate::row;
use crate::schema::{Schema, SchemaError};
use crate::statement::{Dataset, Inference, Profiles};

/// Largest manifest in bytes: the schema and the physical schema are what can grow.
pub const MAX_MANIFEST: usize = 16 << 20;
/// Largest chunk list in bytes: [`Dataset::MAX_CHUNKS`] items of at most 143 bytes, and a head.
pub const MAX_CHUNK_LIST: usize = 144 << 20;
/// Longest physical schema in bytes.
const MAX_PHYSICAL: usize = 8 << 20;

const MANIFEST_TYPE: &str = "mira.manifest/1";
const CHUNKS_TYPE: &str = "mira.chunks/1";

/// What a dataset is, apart from its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    fields: ManifestFields,
    dataset_id: DatasetId,
}

/// The parts from which a [`Manifest`] is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFields {
    /// Column names and logical types.
    pub schema: Schema,
    /// How the values are stored in Parquet; a string that `mira-ingest` writes and reads.
    pub physical: String,
    /// Rows in the dataset.
    pub rows: u64,
    /// Chunks in the dataset.
    pub chunks: u64,
    /// Input rows that were set aside or skipped.
    pub bad_rows: u64,
    /// Root over the chunks.
    pub chunk_root: ChunkRoot,
    /// The chunk list file.
    pub chunk_list: FileRef,
    /// By which rules rows, cuts and files were made.
    pub profiles: Profiles,
    /// Manifest of the version before.
    pub parent: Option<ManifestDigest>,
    /// The dataset's README.md.
    pub card: Option<FileRef>,
    /// The column profile report.
    pub report: Option<FileRef>,
    /// The text of the licence, as the directory has it; that of `rights` if both are given.
    pub license: Option<FileRef>,
    /// The description that catalogues of datasets read.
    pub croissant: Option<FileRef>,
    /// What may be done with the data.
    pub rights: Rights,
}

/// A file named by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRef {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// The chunks of a dataset, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkList {
    chunks: Vec<ListedChunk>,
}

/// One chunk: what it commits to, and the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChunk {
    /// Its leaf in the dataset's tree.
    pub leaf: ChunkLeafData,
    /// Its Parquet file.
    pub cid: Cid,
    /// Length of that file in bytes.
    pub bytes: u64,
}

/// Why bytes are not a manifest or a chunk list, or the two do not belong together.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file is larger than any valid one.
    #[error("the file has {found} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Not the CBOR that is expected here.
    #[error(transparent)]
    Map(#[from] MapError),
    /// A field has a value that this version does not know.
    #[error("{field} is {found:?}, which this version does not know")]
    Unknown {
        /// The field.
        field: &'static str,
        /// Its value, cut to 80 characters.
        found: String,
    },
    /// Counts that no dataset has.
    #[error("{rows} rows in {chunks} chunks is not a dataset")]
    Counts {
        /// Rows.
        rows: u64,
        /// Chunks.
        chunks: u64,
    },
    /// The schema is not a canonical schema.
    #[error("the schema is not canonical")]
    Schema(#[source] SchemaError),
    /// The rights block is not well formed.
    #[error("the rights block is not well formed")]
    Rights(#[source] RightsError),
    /// The file of the licence's text is another than the rights block names.
    #[error("the rights block names licence text {expected}, and license is {found}")]
    LicenseText {
        /// What the rights block names.
        expected: Digest,
        /// The file.
        found: Digest,
    },
    /// A chunk's leaf data are not well formed.
    #[error("the leaf data of chunk {index} are not well formed")]
    ChunkLeaf {
        /// Which chunk.
        index: usize,
        /// What is wrong with them.
        #[source]
        source: ChunkLeafDataError,
    },
    /// A chunk's CID is not one of ours.
    #[error("the CID of chunk {index} is not a CIDv1 with SHA-256")]
    Cid {
        /// Which chunk.
        index: usize,
    },
    /// The dataset_id does not follow from the other fields.
    #[error("dataset_id is {found}, the other fields make {expected}")]
    DatasetId {
        /// What the other fields make.
        expected: DatasetId,
        /// What stands in the file.
        found: DatasetId,
    },
    /// The chunk list is not the one the manifest names.
    #[error("the chunk list has {what} {found}, the manifest says {expected}")]
    ChunkList {
        /// What differs.
        what: &'static str,
        /// What the manifest says.
        expected: String,
        /// What the list has.
        found: String,
    },
}

impl Manifest {
    /// Makes a manifest; the dataset_id follows from the fields.
    ///
    /// # Errors
    /// [`ManifestError::Counts`] where no dataset can have so many rows and chunks, [`ManifestError::LicenseText`] where
    /// the licence has two texts.
    pub fn new(fields: ManifestFields) -> Result<Self, ManifestError> {
        let ManifestFields { rows, chunks, .. } = fields;
        if chunks == 0 || chunks > Dataset::MAX_CHUNKS || rows < chunks {
            return Err(ManifestError::Counts { rows, chunks });
        }
        if let (Some(expected), Some(FileRef { sha256: found, .. })) = (fields.rights.license_text, fields.license)
            && expected != found
        {
            return Err(ManifestError::LicenseText { expected, found });
        }
        let dataset_id =
            dataset::dataset_id(row::PROFILE, &fields.schema.schema_id(), rows, chunks, &fields.chunk_root);
        Ok(Self { fields, dataset_id })
    }

    /// The parts.
    pub fn fields(&self) -> &ManifestFields {
        &self.fields
    }

    /// What the dataset says.
    pub fn dataset_id(&self) -> DatasetId {
        self.dataset_id
    }

    /// Writes the file.
    pub fn to_cbor(&self) -> Vec<u8> {
        let fields = &self.fields;
        let mut out = Vec::new();
        let files = [fields.card, fields.report, fields.license, fields.croissant];
        let optional = files.iter().flatten().count() + usize::from(fields.parent.is_some());
        cbor::map(&mut out, 11 + optional as u64);
        if let Some(card) = &fields.card {
            cbor::text(&mut out, "card");
            card.write(&mut out);
        }
        cbor::text(&mut out, "rows");
        cbor::uint(&mut out, fields.rows);
        cbor::text(&mut out, "type");
        cbor::text(&mut out, MANIFEST_TYPE);
        cbor::text(&mut out, "chunks");
        cbor::uint(&mut out, fields.chunks);
        if let Some(parent) = &fields.parent {
            cbor::text(&mut out, "parent");
            cbor::bytes(&mut out, parent.as_bytes());
        }
        if let Some(report) = &fields.report {
            cbor::text(&mut out, "report");
            report.write(&mut out);
        }
        cbor::text(&mut out, "rights");
        fields.rights.write_cbor(&mut out);
        cbor::text(&mut out, "schema");
        out.extend_from_slice(&fields.schema.to_cbor());
        if let Some(license) = &fields.license {
            cbor::text(&mut out, "license");
            license.write(&mut out);
        }
        cbor::text(&mut out, "bad_rows");
        cbor::uint(&mut out, fields.bad_rows);
        cbor::text(&mut out, "physical");
        cbor::text(&mut out, &fields.physical);
        cbor::text(&mut out, "profiles");
        write_profiles(fields.profiles, &mut out);
        if let Some(croissant) = &fields.croissant {
            cbor::text(&mut out, "croissant");
            croissant.write(&mut out);
        }
        cbor::text(&mut out, "chunk_list");
        fields.chunk_list.write(&mut out);
        cbor::text(&mut out, "chunk_root");
        cbor::bytes(&mut out, fields.chunk_root.as_bytes());
        cbor::text(&mut out, "dataset_id");
        cbor::bytes(&mut out, self.dataset_id.as_bytes());
        out
    }

    /// SHA-256 of the file, which a statement signs.
    pub fn digest(&self) -> ManifestDigest {
        Digest::of(&self.to_cbor()).into()
    }

    /// Reads the file; refuses other spellings, unknown keys, and a dataset_id that does not follow.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, ManifestError> {
        check_size(bytes, MAX_MANIFEST)?;
        let mut reader = Reader::new(bytes);
        let reader = &mut reader;
        let mut keys = MapKeys::open(reader)?;
        let card = keys.optional(reader, "card")?.then(|| FileRef::read(reader)).transpose()?;
        keys.required(reader, "rows")?;
        let rows = reader.uint()?;
        keys.required(reader, "type")?;
        expect_text(reader, "type", MANIFEST_TYPE)?;
        keys.required(reader, "chunks")?;
        let chunks = reader.uint()?;
        let parent = keys.optional(reader, "parent")?.then(|| reader.fixed()).transpose()?;
        let report = keys.optional(reader, "report")?.then(|| FileRef::read(reader)).transpose()?;
        keys.required(reader, "rights")?;
        let rights = Rights::read_cbor(reader).map_err(ManifestError::Rights)?;
        keys.required(reader, "schema")?;
        let schema = Schema::read_cbor(reader).map_err(ManifestError::Schema)?;
        let license = keys.optional(reader, "license")?.then(|| FileRef::read(reader)).transpose()?;
        keys.required(reader, "bad_rows")?;
        let bad_rows = reader.uint()?;
        keys.required(reader, "physical")?;
        let physical = reader.text()?.to_owned();
        if physical.len() > MAX_PHYSICAL {
            return Err(ManifestError::TooLarge { found: physical.len(), limit: MAX_PHYSICAL });
        }
        keys.required(reader, "profiles")?;
        let profiles = read_profiles(reader)?;
        let croissant = keys.optional(reader, "croissant")?.then(|| FileRef::read(reader)).transpose()?;
        keys.required(reader, "chunk_list")?;
        let chunk_list = FileRef::read(reader)?;
        keys.required(reader, "chunk_root")?;
        let chunk_root = ChunkRoot::new(Digest::new(reader.fixed()?));
        keys.required(reader, "dataset_id")?;
        let found = DatasetId::new(Digest::new(reader.fixed()?));
        keys.close(reader)?;
        reader.clone().finish()?;
        let parent = parent.map(|bytes| ManifestDigest::new(Digest::new(bytes)));
        let manifest = Self::new(ManifestFields {
            schema,
            physical,
            rows,
            chunks,
            bad_rows,
            chunk_root,
            chunk_list,
            profiles,
            parent,
            card,
            report,
            license,
            croissant,
            rights,
        })?;
        if found != manifest.dataset_id {
            return Err(ManifestError::DatasetId { expected: manifest.dataset_id, found });
        }
        Ok(manifest)
    }

    /// Checks that a chunk list file is the one this manifest names, and reads it.
    ///
    /// # Errors
    /// [`ManifestError::ChunkList`] where it is another; what [`ChunkList::from_cbor`] refuses.
    pub fn open_chunk_list(&self, bytes: &[u8]) -> Result<ChunkList, ManifestError> {
        let fields = &self.fields;
        require("bytes", fields.chunk_list.bytes, bytes.len() as u64)?;
        require("SHA-256", fields.chunk_list.sha256, Digest::of(bytes))?;
        let list = ChunkList::from_cbor(bytes)?;
        require("chunks", fields.chunks, list.chunks.len() as u64)?;
        require("rows", Some(fields.rows), list.rows())?;
        require("chunk root", fields.chunk_root, list.chunk_root())?;
        for chunk in &list.chunks {
            require("row profile", row::PROFILE, chunk.leaf.row_profile)?;
            require("schema_id", fields.schema.schema_id(), chunk.leaf.schema_id)?;
        }
        Ok(list)
    }
}

impl ChunkList {
    /// Lists chunks; their order is that of the dataset.
    pub fn new(chunks: Vec<ListedChunk>) -> Self {
        Self { chunks }
    }

    /// The chunks, in order.
    pub fn chunks(&self) -> &[ListedChunk] {
        &self.chunks
    }

    /// Rows in all chunks; none if they are more than 2^64.
    pub fn rows(&self) -> Option<u64> {
        self.chunks.iter().try_fold(0u64, |sum, chunk| sum.checked_add(chunk.leaf.rows))
    }

    /// Root over the chunks.
    pub fn chunk_root(&self) -> ChunkRoot {
        merkle::root_of(self.chunks.iter().map(|chunk| chunk.leaf.leaf())).into()
    }

    /// Writes the file.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        cbor::map(&mut out, 2);
        cbor::text(&mut out, "type");
        cbor::text(&mut out, CHUNKS_TYPE);
        cbor::text(&mut out, "chunks");
        cbor::array(&mut out, self.chunks.len() as u64);
        for chunk in &self.chunks {
            cbor::array(&mut out, 3);
            cbor::bytes(&mut out, &chunk.leaf.encode());
            cbor::bytes(&mut out, &chunk.cid.to_bytes());
            cbor::uint(&mut out, chunk.bytes);
        }
        out
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, ManifestError> {
        check_size(bytes, MAX_CHUNK_LIST)?;
        let mut reader = Reader::new(bytes);
        let reader = &mut reader;
        let mut keys = MapKeys::open(reader)?;
        keys.required(reader, "type")?;
        expect_text(reader, "type", CHUNKS_TYPE)?;
        keys.required(reader, "chunks")?;
        let len = reader.array()?;
        let chunks = (0..len).map(|index| ListedChunk::read(reader, index)).collect::<Result<_, _>>()?;
        keys.close(reader)?;
        reader.clone().finish()?;
        Ok(Self { chunks })
    }
}

impl ListedChunk {
    fn read(reader: &mut Reader<'_>, index: usize) -> Result<Self, ManifestError> {
        reader.array_of(3)?;
        let leaf =
            ChunkLeafData::decode(reader.bytes()?).map_err(|source| ManifestError::ChunkLeaf { index, source })?;
        let cid = Cid::from_bytes(reader.bytes()?).map_err(|_| ManifestError::Cid { index })?;
        Ok(Self { leaf, cid, bytes: reader.uint()? })
    }
}

impl FileRef {
    /// Names these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: Digest::of(bytes) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.bytes);
        cbor::bytes(out, self.sha256.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_of(2)?;
        Ok(Self { bytes: reader.uint()?, sha256: Digest::new(reader.fixed()?) })
    }
}

fn write_profiles(profiles: Profiles, out: &mut Vec<u8>) {
    cbor::map(out, 4);
    cbor::text(out, "cut");
    cbor::text(out, Profiles::CUT);
    cbor::text(out, "rows");
    cbor::uint(out, u64::from(Profiles::ROWS));
    cbor::text(out, "infer");
    cbor::text(out, profiles.infer.as_str());
    cbor::text(out, "parquet");
    cbor::text(out, Profiles::PARQUET);
}

fn read_profiles(reader: &mut Reader<'_>) -> Result<Profiles, ManifestError> {
    let mut keys = MapKeys::open(reader)?;
    keys.required(reader, "cut")?;
    expect_text(reader, "cut profile", Profiles::CUT)?;
    keys.required(reader, "rows")?;
    let rows = reader.uint()?;
    if rows != u64::from(Profiles::ROWS) {
        return Err(ManifestError::Unknown { field: "row profile", found: rows.to_string() });
    }
    keys.required(reader, "infer")?;
    let infer = reader.text()?;
    let infer = infer.parse::<Inference>().map_err(|_| unknown("infer profile", infer))?;
    keys.required(reader, "parquet")?;
    expect_text(reader, "parquet profile", Profiles::PARQUET)?;
    keys.close(reader)?;
    Ok(Profiles { infer })
}

impl From<CborError> for ManifestError {
    fn from(error: CborError) -> Self {
        Self::Map(error.into())
    }
}

fn check_size(bytes: &[u8], limit: usize) -> Result<(), ManifestError> {
    if bytes.len() > limit {
        return Err(ManifestError::TooLarge { found: bytes.len(), limit });
    }
    Ok(())
}

fn expect_text(reader: &mut Reader<'_>, field: &'static str, expected: &str) -> Result<(), ManifestError> {
    let found = reader.text()?;
    if found != expected { Err(unknown(field, found)) } else { Ok(()) }
}

fn unknown(field: &'static str, found: &str) -> ManifestError {
    ManifestError::Unknown { field, found: found.chars().take(80).collect() }
}

fn require<T: PartialEq + std::fmt::Debug>(what: &'static str, expected: T, found: T) -> Result<(), ManifestError> {
    if expected != found {
        let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
        return Err(ManifestError::ChunkList { what, expected, found });
    }
    Ok(())
}
