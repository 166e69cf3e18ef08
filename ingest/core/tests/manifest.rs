//! Manifests and chunk lists: one spelling, and no file that contradicts itself or the other.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod sample;

use mira_core::cbor;
use mira_core::digest::Digest;
use mira_core::manifest::{ChunkList, FileRef, Manifest, ManifestError, ManifestFields};
use proptest::prelude::*;
use sample::{chunk_list, manifest, manifest_fields};

#[test]
fn both_files_read_back() {
    let manifest = manifest();
    assert_eq!(Manifest::from_cbor(&manifest.to_cbor()).unwrap(), manifest);
    assert_eq!(manifest.open_chunk_list(&chunk_list().to_cbor()).unwrap(), chunk_list());
    assert_eq!(manifest.dataset_id(), sample::dataset().subject.id);
}

#[test]
fn every_optional_key_has_its_place() {
    for present in 0..32_u8 {
        let file = |bit: u8| (present & bit != 0).then(|| FileRef::of(b"sample"));
        let parent = (present & 4 != 0).then(|| Digest::of(b"parent").into());
        let fields = ManifestFields { card: file(1), report: file(2), parent, ..manifest_fields() };
        let manifest = Manifest::new(ManifestFields { license: file(8), croissant: file(16), ..fields }).unwrap();
        let bytes = manifest.to_cbor();
        assert_eq!(Manifest::from_cbor(&bytes).unwrap(), manifest);
        assert_eq!(usize::from(bytes[0] & 0x1f), 11 + present.count_ones() as usize);
    }
}

/// RFC 8949, section 4.2.1: keys ascend bytewise by their encoding, the head with the length first.
#[test]
fn keys_are_in_canonical_order() {
    let fields = ManifestFields {
        card: Some(FileRef::of(b"")),
        report: Some(FileRef::of(b"")),
        parent: Some(Digest::of(b"").into()),
        license: Some(FileRef::of(b"")),
        croissant: Some(FileRef::of(b"")),
        ..manifest_fields()
    };
    let bytes = Manifest::new(fields).unwrap().to_cbor();
    let mut at = 0;
    let keys = [
        "card",
        "rows",
        "type",
        "chunks",
        "parent",
        "report",
        "rights",
        "schema",
        "license",
        "bad_rows",
        "physical",
        "profiles",
        "croissant",
        "chunk_list",
        "chunk_root",
        "dataset_id",
    ];
    let encoded: Vec<Vec<u8>> = keys
        .iter()
        .map(|key| {
            let mut out = Vec::new();
            cbor::text(&mut out, key);
            out
        })
        .collect();
    assert!(encoded.is_sorted());
    for key in &encoded {
        at += bytes[at..].windows(key.len()).position(|window| window == key).unwrap() + key.len();
    }
}

#[test]
fn a_manifest_does_not_contradict_itself() {
    let refused = |fields: ManifestFields| Manifest::new(fields).is_err();
    assert!(refused(ManifestFields { rows: 0, chunks: 0, ..manifest_fields() }));
    assert!(refused(ManifestFields { rows: 1, chunks: 2, ..manifest_fields() }));
    assert!(refused(ManifestFields { rows: 2_000_000, chunks: 1_000_001, ..manifest_fields() }));

    // The dataset_id is the file's last item, so its last byte is the file's.
    let mut bytes = manifest().to_cbor();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(Manifest::from_cbor(&bytes), Err(ManifestError::DatasetId { .. })));
    // Its rows come right after the head, the first key and its text.
    let mut bytes = manifest().to_cbor();
    let at = bytes.windows(5).position(|window| window == b"\x64rows").unwrap() + 5;
    bytes[at] += 1;
    assert!(matches!(Manifest::from_cbor(&bytes), Err(ManifestError::DatasetId { .. })));
}

#[test]
fn another_chunk_list_is_refused() {
    let swapped = ChunkList::new(chunk_list().chunks().iter().rev().cloned().collect());
    assert!(matches!(manifest().open_chunk_list(&swapped.to_cbor()), Err(ManifestError::ChunkList { .. })));

    // Even one that the manifest names is refused if it does not make the chunk root.
    let fields = ManifestFields { chunk_list: FileRef::of(&swapped.to_cbor()), ..manifest_fields() };
    let manifest = Manifest::new(fields).unwrap();
    let error = manifest.open_chunk_list(&swapped.to_cbor()).unwrap_err();
    assert!(error.to_string().contains("chunk root"), "{error}");
}

proptest! {
    #[test]
    fn a_flipped_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = manifest().to_cbor();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // What still parses is another manifest, which no statement about this one signs.
        if let Ok(other) = Manifest::from_cbor(&bytes) {
            prop_assert_eq!(other.to_cbor(), bytes);
            prop_assert_ne!(other.digest(), manifest().digest());
        }
        let mut bytes = chunk_list().to_cbor();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert!(manifest().open_chunk_list(&bytes).is_err());
    }
}
