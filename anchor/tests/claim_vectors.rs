//! The claim tree against OpenZeppelin's own: `vectors/claims.json`, which `vectors/claims.mjs` wrote.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

use alloy::primitives::{Address, B256, U256};
use data_encoding::HEXLOWER;
use mira_anchor::claim::{Claim, ClaimTree, verify};
use mira_core::digest::Digest;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/claims.json")).unwrap()
}

fn hash(value: &Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

fn claim(number: u32) -> Claim {
    let seed = number.to_be_bytes();
    let payout = Digest::of_parts(&[&seed, b"payout"]);
    let large = if number.is_multiple_of(2) { U256::ONE << 255 } else { U256::ZERO };
    Claim {
        contributor: Digest::of(&seed).into(),
        payout: Address::from_slice(&payout.as_bytes()[..20]),
        cumulative: U256::from(number) * U256::from(1_000_000_007_u64) + large,
    }
}

fn tree(vectors: &Value, size: u32) -> ClaimTree {
    ClaimTree::new(hash(&vectors["domain"]), (0..size).map(claim).collect()).unwrap()
}

#[test]
fn whole_trees() {
    let vectors = vectors();
    for case in vectors["whole"].as_array().unwrap() {
        let size = u32::try_from(case["size"].as_u64().unwrap()).unwrap();
        let tree = tree(&vectors, size);
        assert_eq!(tree.root(), hash(&case["root"]));
        for (number, expected) in (0..).zip(case["claims"].as_array().unwrap()) {
            let claim = claim(number);
            assert_eq!(format!("0x{}", claim.contributor), expected["contributor"].as_str().unwrap());
            assert_eq!(claim.payout, expected["payout"].as_str().unwrap().parse::<Address>().unwrap());
            assert_eq!(claim.cumulative.to_string(), expected["cumulative"].as_str().unwrap());
            let leaf = claim.leaf(hash(&vectors["domain"]));
            assert_eq!(leaf, hash(&expected["leaf"]));
            let proof: Vec<B256> = expected["proof"].as_array().unwrap().iter().map(hash).collect();
            assert_eq!(tree.prove(&claim.contributor), Some((claim, proof.clone())));
            assert!(verify(tree.root(), leaf, &proof));
        }
    }
}

#[test]
fn roots_and_proofs_of_every_size_to_300() {
    let vectors = vectors();
    let sizes = vectors["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 300);
    for (size, case) in (1..).zip(sizes) {
        let tree = tree(&vectors, size);
        assert_eq!(case[0].as_u64(), Some(size.into()));
        assert_eq!(tree.root(), hash(&case[1]), "{size}");
        let proof = |number| tree.prove(&claim(number).contributor).unwrap().1;
        let proofs: Vec<u8> = (0..size).flat_map(|number| proof(number).concat()).collect();
        assert_eq!(HEXLOWER.encode(Digest::of(&proofs).as_bytes()), case[2].as_str().unwrap(), "{size}");
    }
}

/// A million leaves: `cargo test --release -p mira-anchor --test claim_vectors -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_million_leaves() {
    let domain = B256::repeat_byte(7);
    let claims: Vec<Claim> = (0..1_000_000).map(claim).collect();
    let started = std::time::Instant::now();
    let tree = ClaimTree::new(domain, claims).unwrap();
    let built = started.elapsed();
    let mut nodes = 0;
    for claim in tree.claims() {
        nodes += tree.prove(&claim.contributor).unwrap().1.len();
    }
    let all = started.elapsed();
    println!("1,000,000 leaves: tree {built:?}, with all proofs ({nodes} nodes) {all:?}");
    assert!(nodes > 19_000_000);
}
