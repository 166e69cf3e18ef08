//! Signed envelopes: one spelling, and no signature is made good by it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::dsse::Envelope;

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::parse(data) {
        assert_eq!(envelope.to_bytes(), data);
        let id = envelope.statement_id();
        if let Ok(verified) = envelope.verify_signatures() {
            assert_eq!(verified.statement_id(), id);
        }
    }
});
