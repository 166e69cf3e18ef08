//! Anchor receipts, signed here with a sample key because a fuzzer signs nothing: one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::dsse::Envelope;
use mira_core::key::SigningKey;
use mira_core::receipt::AnchorReceipt;

fuzz_target!(|data: &[u8]| {
    drop(AnchorReceipt::open(data));
    let key = SigningKey::from_seed(&[1; 32]);
    let Ok(envelope) = Envelope::seal(data, &[&key]) else { return };
    let bytes = envelope.to_bytes();
    if let Ok((receipt, signer)) = AnchorReceipt::open(&bytes) {
        assert_eq!(signer, key.verifying_key());
        assert_eq!(receipt.seal(&key).expect("it was read"), bytes);
    }
});
