//! What a chunk file says of its values: statistics, indexes and filters of any bytes are compared or refused.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::{chunk, statistics};

// A physical schema as text, a zero byte, and a chunk file of it: what `fsck` looks at has been read before.
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (Some(schema), Some(content)) = (parts.next(), parts.next()) else { return };
    let Ok(schema) = std::str::from_utf8(schema) else { return };
    let Ok(schema) = PhysicalSchema::parse(schema) else { return };
    let file = Bytes::copy_from_slice(content);
    if chunk::read(file.clone(), &schema).is_err() {
        return;
    }
    if let Ok(defects) = statistics::check(&file) {
        assert!(defects.iter().all(|defect| !defect.to_string().is_empty()));
        assert_eq!(defects, statistics::check(&file).expect("the same file again"));
    }
});
