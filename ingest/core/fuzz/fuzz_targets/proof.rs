//! Proof files: one spelling of the container, and no verification without a signature of the log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::log::policy::Policy;
use mira_core::log::tlog_proof::TlogProof;
use mira_core::log::vkey::VerifierKey;
use mira_core::verify::{Asks, Proof, Verdict};

const KEY: &str = "log.example.org/sample+a165e9fa+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";

fuzz_target!(|data: &[u8]| {
    let container = TlogProof::parse(data);
    if let Ok(container) = &container {
        assert_eq!(container.to_bytes(), data);
    }
    let Ok(proof) = Proof::parse(data) else { return };
    assert_eq!(container.as_ref(), Ok(proof.container()));
    let key: VerifierKey = KEY.parse().expect("a key");
    let signed = proof.container().checkpoint.clone().verify_log(&key).is_ok();
    let policy = Policy::trusting(vec![key]);
    let verdict = proof.verify(&Asks { policy: &policy, row: None, signer: None, checkpoint: None }).verdict();
    assert!(signed || verdict != Verdict::Verified, "no log signed this");
    let nobody = Policy::trusting(Vec::new());
    let verdict = proof.verify(&Asks { policy: &nobody, row: None, signer: None, checkpoint: None }).verdict();
    assert_ne!(verdict, Verdict::Verified, "who trusts nobody believes nothing");
});
