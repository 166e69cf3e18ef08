//! Licences: what is an expression is told from what is not in the same way twice, and what a card's name stands for is one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::rights::License;
use mira_ingest::license::{self, HubLicense};

// A name of a licence, and after a line feed the `license_name` of a card.
fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (id, name) = text.split_once('\n').map_or((text, None), |(id, name)| (id, Some(name)));
    if let Ok(license) = id.parse::<License>() {
        assert_eq!(license.as_str(), id);
        if let Err(error) = license::check(&license) {
            assert!(id.contains(error.found.as_str()));
        }
        if let Some(hub) = license::to_hub(&license) {
            assert_eq!(license::of_hub(&hub, None), Some(HubLicense::Known(license)), "{hub}");
        }
    }
    if let Some(HubLicense::Known(license) | HubLicense::Own(license)) = license::of_hub(id, name) {
        assert_eq!(license.as_str().parse::<License>().as_ref(), Ok(&license));
        license::check(&license).expect("what a card stands for is on the list, or is a reference");
    }
});
