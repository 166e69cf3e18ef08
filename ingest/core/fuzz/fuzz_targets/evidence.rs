//! The evidence inside a proof file: one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::evidence::Evidence;

fuzz_target!(|data: &[u8]| {
    if let Ok(evidence) = Evidence::from_cbor(data) {
        assert_eq!(evidence.to_cbor(), data);
    }
});
