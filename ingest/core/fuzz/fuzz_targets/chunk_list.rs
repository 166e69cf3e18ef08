//! Chunk lists: one spelling, and memory in proportion to the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::manifest::ChunkList;

fuzz_target!(|data: &[u8]| {
    if let Ok(list) = ChunkList::from_cbor(data) {
        assert_eq!(list.to_cbor(), data);
        let rows = list.chunks().iter().map(|chunk| u128::from(chunk.leaf.rows)).sum::<u128>();
        assert_eq!(list.rows().map(u128::from), Some(rows).filter(|rows| *rows <= u128::from(u64::MAX)));
    }
});
