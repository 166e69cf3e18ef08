//! A small stored dataset, as files without meaning: pinning looks at bytes only.

use mira_core::dataset::ChunkLeafData;
use mira_core::digest::{Digest, RowRoot, SchemaId};
use mira_core::manifest::{ChunkList, ListedChunk};
use mira_core::unixfs::File;
use mira_ingest::directory::{DatasetDirectory, TopFiles};
use mira_ingest::store::Store;

/// Bytes that no other seed gives.
pub(crate) fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out
}

pub(crate) struct Sample {
    // Removed with the sample.
    directory: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) dataset: DatasetDirectory,
}

impl Sample {
    /// Where the store is.
    #[allow(dead_code, reason = "not every test file damages it")]
    pub(crate) fn store_path(&self) -> &std::path::Path {
        self.directory.path()
    }
}

/// A dataset of `chunks` files in turn of these lengths, at most `distinct` of them different.
pub(crate) fn sample(salt: u64, chunks: usize, distinct: usize, lens: &[usize]) -> Sample {
    let temporary = tempfile::tempdir().unwrap();
    let store = Store::open(temporary.path()).unwrap();
    let files: Vec<File> = (0..distinct.min(chunks))
        .map(|index| store.put(&bytes(salt + index as u64, lens[index % lens.len()])).unwrap())
        .collect();
    let listed = (0..chunks).map(|index| {
        let file = files[index % files.len()];
        let leaf = ChunkLeafData {
            row_profile: 1,
            schema_id: SchemaId::new(Digest::of(b"schema")),
            rows: 1,
            row_root: RowRoot::new(*file.cid.digest()),
        };
        ListedChunk { leaf, cid: file.cid, bytes: file.size }
    });
    let list = ChunkList::new(listed.collect());
    let put = |text: &str| store.put(format!("{text} {salt}").as_bytes()).unwrap();
    let top = TopFiles {
        manifest: put("manifest"),
        chunk_list: store.put(&list.to_cbor()).unwrap(),
        statement: put("statement"),
        schema: put("schema"),
        readme: Some(put("card")),
        license: Some(put("licence")),
        croissant: None,
        report: Some(store.put(b"").unwrap()),
    };
    let dataset = DatasetDirectory::new(&top, &list).unwrap();
    Sample { directory: temporary, store, dataset }
}
