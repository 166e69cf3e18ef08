//! Every short text with a grammar: what is read is printed as it was.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use mira_core::cid::Cid;
use mira_core::digest::{DatasetId, Digest};
use mira_core::key::VerifyingKey;
use mira_core::log::checkpoint::Checkpoint;
use mira_core::log::vkey::{KeyName, VerifierKey};
use mira_core::name::{ArtifactPath, Commit, Label, MetricName, MetricValue, Name, Uri};
use mira_core::rights::{Attribution, License, Rights};
use mira_core::row;
use mira_core::statement::{Amount, EvmAddress, EvmHash, Kind, Nonce};
use mira_core::tile::{EntryBundle, Tile};
use mira_core::time::{Date, UtcTime};

fuzz_target!(|data: &[u8]| {
    if let Ok(rights) = Rights::parse(data) {
        assert_eq!(rights.to_json_bytes(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    same::<Amount>(text);
    same::<ArtifactPath>(text);
    same::<Attribution>(text);
    same::<Cid>(text);
    same::<Commit>(text);
    same::<DatasetId>(text);
    same::<Date>(text);
    same::<Digest>(text);
    same::<EntryBundle>(text);
    same::<EvmAddress>(text);
    same::<EvmHash>(text);
    same::<KeyName>(text);
    same::<Kind>(text);
    same::<Label>(text);
    same::<License>(text);
    same::<MetricName>(text);
    same::<MetricValue>(text);
    same::<Name>(text);
    same::<Nonce>(text);
    same::<Tile>(text);
    same::<Uri>(text);
    same::<UtcTime>(text);
    same::<VerifierKey>(text);
    if let Ok(key) = VerifyingKey::from_did(text) {
        assert_eq!(key.to_did(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_text(), text);
    }
    if let Ok(date) = text.parse::<Date>() {
        assert_eq!(Date::from_days(date.days()), Some(date));
    }
    if let Ok(time) = text.parse::<UtcTime>() {
        assert_eq!(UtcTime::from_unix_seconds(time.unix_seconds()), Some(time));
    }
    decimal(text);
});

fn same<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

/// A decimal at any scale: its canonical text is its own canonical text.
fn decimal(text: &str) {
    for scale in [0, 2, 38, 76] {
        let mut once = Vec::new();
        if row::decimal_text(&mut once, text, scale).is_err() {
            continue;
        }
        let mut reader = mira_core::cbor::Reader::new(&once);
        let spelled = reader.text().expect("a text string");
        let mut twice = Vec::new();
        row::decimal_text(&mut twice, spelled, scale).expect("the canonical spelling");
        assert_eq!(twice, once);
    }
}
