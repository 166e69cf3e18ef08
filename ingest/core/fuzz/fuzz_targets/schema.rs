//! Schemas: one spelling in CBOR; any spelling in JSON comes to a schema that both forms give back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::schema::Schema;

fuzz_target!(|data: &[u8]| {
    if let Ok(schema) = Schema::from_cbor(data) {
        assert_eq!(schema.to_cbor(), data);
        assert_eq!(Schema::from_json(&schema.to_json()).expect("what was written"), schema);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(schema) = Schema::from_json(text) {
        assert_eq!(Schema::from_json(&schema.to_json()).expect("what was written"), schema);
        assert_eq!(Schema::from_cbor(&schema.to_cbor()).expect("what was written"), schema);
    }
});
