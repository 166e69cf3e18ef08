//! Files that statements name by digest: row sets, inputs and models' files, in one spelling each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::cbor::Reader;
use mira_core::cid::Cid;
use mira_core::dataset::ChunkLeafData;
use mira_core::digest::Digest;
use mira_core::statement::{Inputs, Listed, ModelFiles, Positive, Ranges};

fuzz_target!(|data: &[u8]| {
    if let Ok(ranges) = Ranges::from_cbor(data) {
        assert_eq!(ranges.to_cbor(), data);
        assert!(ranges.count().value() <= ranges.end());
    }
    if let Ok(leaf) = ChunkLeafData::decode(data) {
        assert_eq!(leaf.encode(), *data);
    }
    if let Ok(cid) = Cid::from_bytes(data) {
        assert_eq!(cid.to_bytes(), *data);
    }
    let Some(count) = Reader::new(data).array().ok().and_then(|count| Positive::new(count as u64)) else { return };
    let list = Digest::of(data);
    if let Ok(inputs) = (Inputs::File { count, list }).open(data) {
        assert_eq!(Inputs::in_file(&inputs).expect("not empty").1, data);
    }
    if let Ok(files) = (Listed::<ModelFiles>::File { count, list }).open(data) {
        assert_eq!(Listed::<ModelFiles>::in_file(&files).expect("not empty").1, data);
    }
});
