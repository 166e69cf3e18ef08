//! Manifests: one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::digest::Digest;
use mira_core::manifest::Manifest;

fuzz_target!(|data: &[u8]| {
    if let Ok(manifest) = Manifest::from_cbor(data) {
        assert_eq!(manifest.to_cbor(), data);
        assert_eq!(manifest.digest(), Digest::of(data).into());
    }
});
