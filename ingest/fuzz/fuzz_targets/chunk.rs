//! Chunk files from a node or a store: read or refused, and what was read is written again and read the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mira_core::dataset::ChunkLeafData;
use mira_core::digest::Digest;
use mira_ingest::chunk::{self, ChunkError, ChunkWriter};
use mira_ingest::physical::PhysicalSchema;

// A physical schema as text, a zero byte, and the file.
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (Some(schema), Some(content)) = (parts.next(), parts.next()) else { return };
    let Ok(schema) = std::str::from_utf8(schema) else { return };
    let Ok(schema) = PhysicalSchema::parse(schema) else { return };
    let content = Bytes::copy_from_slice(content);
    let Ok(rows) = chunk::read(content.clone(), &schema) else { return };
    // The rows are given out under their own root only, so another is asked first for what it is.
    let other =
        ChunkLeafData { row_profile: 1, schema_id: Digest::of(b"").into(), rows: 1, row_root: Digest::of(b"").into() };
    let Err(ChunkError::Root { found, .. }) = rows.verify(&other) else { return };
    let batch = chunk::read(content, &schema).and_then(|rows| rows.verify(&found)).expect("the same file again");
    let writer = ChunkWriter::new(&schema).expect("a schema that was parsed");
    let written = writer.write(std::slice::from_ref(&batch)).expect("rows of this schema");
    assert!(writer.holds(written.into(), &[batch]));
});
