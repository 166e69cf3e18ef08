//! Canonical JSON: what is read is written again in the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::json::parse_canonical;

fuzz_target!(|data: &[u8]| {
    if let Ok(json) = parse_canonical(data) {
        assert_eq!(json.to_canonical(), data);
    }
});
