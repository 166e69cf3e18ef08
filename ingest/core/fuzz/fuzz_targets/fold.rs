//! The fold over a log of any bytes: `check` foretells `apply`, nothing counts twice, and two folds agree.
//!
//! A fuzzer signs nothing, so the target does: each statement is signed by the sample key that it is prefixed with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::fold::{Fold, Outcome};
use mira_core::key::SigningKey;
use mira_core::statement::Statement;

const MAX_ENTRIES: usize = 24;

// Lines: a digit that chooses the key, another for a second one or a space, and a payload.
fuzz_target!(|data: &[u8]| {
    let origin = "sample.example/log".parse().expect("a name");
    let (mut one, mut two) = (Fold::new(origin), Fold::new("sample.example/log".parse().expect("a name")));
    let mut counted = Vec::new();
    let mut entries = 0;
    for line in data.split(|byte| *byte == b'\n').take(MAX_ENTRIES) {
        let entry = entry(line).unwrap_or_else(|| line.to_vec());
        let foretold = one.check(&entry);
        let outcome = one.apply(&entry);
        assert_eq!(foretold.is_ok(), matches!(outcome, Outcome::Accepted(_)));
        assert_eq!(foretold.as_ref().err().map(|refusal| refusal.reason()), outcome.reason());
        assert_eq!(outcome.reason(), two.apply(&entry).reason());
        entries += 1;
        if foretold.is_ok() {
            counted.push(entry);
        }
        // What was refused may count later; what counts does so once.
        assert!(counted.iter().all(|entry| one.check(entry).is_err()));
    }
    assert_eq!(one.next_index().value(), entries);
    assert_eq!(one.statements().len(), two.statements().len());
    assert_eq!(one.contributors().len(), two.contributors().len());
});

fn entry(line: &[u8]) -> Option<Vec<u8>> {
    let ([first, second], payload) = line.split_first_chunk::<2>()?;
    let key = |digit: &u8| digit.is_ascii_digit().then(|| SigningKey::from_seed(&[digit - b'0'; 32]));
    Statement::parse(payload).ok()?;
    let keys = [key(first), key(second)];
    let keys: Vec<&SigningKey> = keys.iter().flatten().collect();
    Some(Entry::of(&Envelope::seal(payload, &keys).ok()?).ok()?.as_bytes().to_vec())
}
