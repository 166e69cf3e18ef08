//! Files and answers that others make, changed at random: read under one spelling or refused, without a panic and without
//! taking memory for what they only claim.
//!
//! The generator has a fixed seed, so a failure comes again; its inputs are the committed vectors. These are tests and no
//! fuzz targets because a target would build the chain's client with the coverage of the fuzzer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

use std::fs;

use alloy::primitives::keccak256;
use mira_anchor::abi::describe_error;
use mira_anchor::distributor::claim_of;
use mira_anchor::endpoint::Endpoint;
use mira_anchor::reward::{Manifest, Policy};

const POLICY: &[u8] = include_bytes!("vectors/rewards/policy.json");
const MANIFEST: &[u8] = include_bytes!("vectors/rewards/manifest.json");

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// One to four changes: a bit, a byte, a piece left out, doubled or cut off, a digit, or a large number.
    fn changed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let (at, to) = (self.below(bytes.len()), self.below(bytes.len() + 1));
            let piece = at.min(to)..at.max(to);
            match self.below(7) {
                0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << self.below(8)),
                1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.next().to_le_bytes()[0]),
                2 => drop(bytes.drain(piece)),
                3 => {
                    let piece = bytes[piece].to_vec();
                    drop(bytes.splice(at..at, piece));
                }
                4 => bytes.truncate(to),
                5 => {
                    let digit = b'0' + self.next().to_le_bytes()[0] % 10;
                    let digits = bytes.iter_mut().skip(at).skip_while(|byte| !byte.is_ascii_digit());
                    digits.take(1).for_each(|byte| *byte = digit);
                }
                _ => bytes.iter_mut().skip(at).take(8).for_each(|byte| *byte = 0xff),
            }
        }
        bytes
    }
}

/// The most memory that this process ever had, in KiB, where the system tells.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

fn bounded(what: impl FnOnce()) {
    let before = peak();
    what();
    let taken = peak() - before;
    assert!(taken < 64 << 10, "{taken} KiB were taken");
}

#[test]
fn policies_have_one_spelling() {
    let mut random = Random(1);
    let mut accepted = 0;
    bounded(|| {
        for _ in 0..20_000 {
            let bytes = random.changed(POLICY);
            if let Ok(policy) = Policy::parse(&bytes) {
                assert_eq!(policy.to_bytes(), bytes);
                accepted += 1;
            }
        }
    });
    assert_eq!(Policy::parse(POLICY).unwrap().to_bytes(), POLICY);
    assert!(accepted > 10, "{accepted}: the changes leave nothing to look at");
}

#[test]
fn manifests_say_a_block_or_nothing() {
    let mut random = Random(2);
    let mut read = 0;
    bounded(|| {
        for _ in 0..20_000 {
            read += usize::from(Manifest::next_block(&random.changed(MANIFEST)).is_ok());
        }
    });
    assert!((10..20_000).contains(&read), "{read}");
}

#[test]
fn calls_and_errors_of_contracts() {
    let mut random = Random(3);
    let word = |value: u8| [&[0; 31][..], &[value]].concat();
    let selector = |signature: &str| keccak256(signature)[..4].to_vec();
    // With one hash in a list, whose place and length stand before it.
    let call = [word(7), word(1), word(2), word(3), word(0xa0), word(1), word(9)].concat();
    let call = [selector("claim(uint64,bytes32,address,uint256,bytes32[])"), call].concat();
    let error = [selector("Unbound(bytes32)"), word(1)].concat();
    assert!(claim_of(&call).is_some() && describe_error(&error).is_some());
    let mut read = 0;
    bounded(|| {
        for _ in 0..20_000 {
            let changed = random.changed(&call[4..]);
            read += usize::from(claim_of(&[&call[..4], &changed].concat()).is_some());
            read += usize::from(describe_error(&[&error[..4], &changed].concat()).is_some());
        }
    });
    assert!(read > 10, "{read}");
}

#[test]
fn endpoints_show_no_more_than_a_host() {
    let mut random = Random(4);
    for text in ["local", "http://127.0.0.1:8545", "https://user:word@rpc.example.org/v2/key?x=1#y", "ws://h:1"] {
        for _ in 0..2_000 {
            let Ok(text) = String::from_utf8(random.changed(text.as_bytes())) else { continue };
            if let Ok(endpoint) = Endpoint::parse(&text, "chain") {
                assert!(!endpoint.to_string().contains(['@', '?', '#']), "{endpoint} of {text:?}");
            }
        }
    }
}
