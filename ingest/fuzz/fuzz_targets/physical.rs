//! Physical schemas in a file's footer: one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_ingest::physical::PhysicalSchema;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(schema) = PhysicalSchema::parse(text) {
        assert_eq!(schema.to_string(), text);
        assert!(schema.arrow().fields().len() == schema.columns().len());
    }
});
