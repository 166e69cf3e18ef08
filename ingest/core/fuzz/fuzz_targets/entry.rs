//! Log entries: header and envelope say the same, and both are made again from the envelope alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::entry::{Entry, entry_id};

fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = Entry::parse(data) {
        assert_eq!(entry.as_bytes(), data);
        assert_eq!(Entry::of(entry.envelope()).expect("it was read"), entry);
        assert_eq!(entry.entry_id(), entry_id(data));
    }
});
