//! Trust policies, over any checkpoint: a policy that passes one passes it again, and needs a log's signature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::log::checkpoint::SignedCheckpoint;
use mira_core::log::policy::Policy;

// A policy, a zero byte, and a checkpoint.
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (policy, checkpoint) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(policy) = Policy::parse(policy) else { return };
    let Ok(checkpoint) = SignedCheckpoint::parse(checkpoint) else { return };
    let verified = policy.verify(checkpoint.clone());
    assert_eq!(verified.is_ok(), policy.verify(checkpoint).is_ok());
    if let Ok(verified) = verified {
        assert!(policy.logs().iter().any(|log| log.name() == verified.checkpoint().origin()));
    }
});
