//! Every bit of every artifact flipped, and every length cut: nothing panics, nothing passes for what it was, and no
//! memory is taken for what a damaged count claims.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod sample;

use mira_core::car::{self, Car};
use mira_core::cid::Cid;
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::log::checkpoint::SignedCheckpoint;
use mira_core::manifest::Manifest;
use mira_core::schema::Schema;
use mira_core::verify::{Asks, Proof, Verdict};
use sample::{Log, to_row};

/// Calls `check` with every damaged version of `good`.
fn damaged(good: &[u8], mut check: impl FnMut(&[u8], &str)) {
    for at in 0..good.len() {
        check(&good[..at], &format!("cut at byte {at}"));
        for bit in 0..8 {
            let mut bytes = good.to_vec();
            bytes[at] ^= 1 << bit;
            check(&bytes, &format!("bit {bit} of byte {at}"));
        }
    }
    check(&[good, &[0]].concat(), "a byte more");
    check(&[good, b"\n"].concat(), "a line more");
}

#[test]
fn no_damaged_proof_verifies() {
    let (log, policy) = (Log::sample(), sample::trust());
    let asks = Asks { policy: &policy, row: None, signer: None, checkpoint: None };
    // The longest one, which has every part that the others have.
    let good = log.proof(3, to_row(0, 1)).to_bytes();
    assert_eq!(Proof::parse(&good).unwrap().verify(&asks).verdict(), Verdict::Verified);
    damaged(&good, |bytes, what| {
        if let Ok(proof) = Proof::parse(bytes) {
            assert_ne!(proof.verify(&asks).verdict(), Verdict::Verified, "{what}");
        }
    });
}

#[test]
fn damaged_files_are_refused_or_other_files() {
    let manifest = sample::manifest();
    damaged(&manifest.to_cbor(), |bytes, what| {
        if let Ok(found) = Manifest::from_cbor(bytes) {
            assert_eq!(found.to_cbor(), bytes, "{what}");
            assert_ne!(found.digest(), manifest.digest(), "{what}");
        }
    });
    damaged(&sample::chunk_list().to_cbor(), |bytes, what| {
        assert!(manifest.open_chunk_list(bytes).is_err(), "{what}");
    });
    damaged(&sample::schema().to_cbor(), |bytes, what| {
        if let Ok(found) = Schema::from_cbor(bytes) {
            assert_ne!(found.schema_id(), sample::schema().schema_id(), "{what}");
        }
    });
    let entry = sample::contribution(&sample::contributor_key());
    damaged(entry.as_bytes(), |bytes, what| {
        if let Ok(found) = Entry::parse(bytes) {
            assert_ne!(found.entry_id(), entry.entry_id(), "{what}");
        }
    });
    damaged(&entry.envelope().to_bytes(), |bytes, what| {
        assert!(Envelope::parse(bytes).map_or(true, |found| found.verify_signatures().is_err()), "{what}");
    });
    let policy = sample::trust();
    damaged(Log::sample().checkpoint().as_bytes(), |bytes, what| {
        if let Ok(found) = SignedCheckpoint::parse(bytes) {
            assert!(policy.verify(found).is_err(), "{what}");
        }
    });
}

#[test]
fn a_damaged_car_gives_no_block_that_is_another() {
    let blocks = [&b"first"[..], &[7; 300], b""].map(|data| (Cid::raw_of(data), data));
    let mut good = Vec::new();
    car::header(&mut good, blocks[0].0);
    for (cid, data) in blocks {
        car::frame_head(&mut good, cid, data.len()).unwrap();
        good.extend_from_slice(data);
    }
    assert_eq!(Car::new(&good).unwrap().map(Result::unwrap).count(), 3);
    damaged(&good, |bytes, what| {
        let Ok(car) = Car::new(bytes) else { return };
        for block in car.map_while(Result::ok) {
            // Whoever trusts a CID gets its bytes or nothing; of another codec it is another CID.
            let is_known = blocks.iter().any(|(cid, data)| cid.digest() == block.cid.digest() && *data == block.data);
            assert!(is_known, "{what}");
        }
    });
}
