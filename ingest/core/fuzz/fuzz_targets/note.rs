//! Signed notes and checkpoints: the bytes are kept as they came, and a checkpoint's text is its only spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::log::checkpoint::SignedCheckpoint;
use mira_core::log::note::Note;
use mira_core::log::vkey::VerifierKey;

const KEY: &str = "log.example.org/sample+a165e9fa+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";

fuzz_target!(|data: &[u8]| {
    let key: VerifierKey = KEY.parse().expect("a key");
    let note = Note::parse(data);
    if let Ok(note) = &note {
        assert_eq!(note.as_bytes(), data);
        drop(note.verify([&key]));
    }
    if let Ok(checkpoint) = SignedCheckpoint::parse(data) {
        assert!(note.is_ok(), "a checkpoint is a note");
        assert_eq!(checkpoint.as_bytes(), data);
        let found = checkpoint.unverified().clone();
        assert!(data.starts_with(found.to_text().as_bytes()), "no extension lines, so this is the text");
        if let Ok(verified) = checkpoint.verify_log(&key) {
            assert_eq!(*verified.checkpoint(), found);
        }
    }
});
