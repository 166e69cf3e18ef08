//! The same client against anvil. `MIRA_TEST_ANVIL` names its RPC API; without it these tests skip, saying so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect")]

mod support;

use std::time::Duration;

use mira_anchor::chain::Client;
use mira_anchor::endpoint::Endpoint;
use mira_anchor::outbox::{Key, Stage};

use support::{World, epochs, origin_of, sample_keystore};

fn world() -> Option<World> {
    let Ok(url) = std::env::var("MIRA_TEST_ANVIL") else {
        eprintln!("skipped: MIRA_TEST_ANVIL names no node");
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    let client = Client::connect(&Endpoint::parse(&url, "unused").unwrap()).unwrap();
    let wallet = sample_keystore(dir.path());
    let origin = format!("log.example.org/{}", dir.path().file_name().unwrap().to_str().unwrap().to_lowercase());
    Some(World { dir, client, wallet, origin })
}

#[test]
fn live_anvil_epochs_are_anchored_in_order() {
    let Some(world) = world() else { return };
    let deployment = world.deploy();
    assert!(deployment.is_complete());
    let origin = origin_of(&deployment);
    let mut outbox = world.outbox();
    let mut sender = world.sender(&mut outbox);
    for count in 1..=3 {
        let (heads, path) = epochs(&[3, 8, 21][..count]);
        let anchored = origin.anchor(&mut sender, &heads, &path).unwrap();
        assert_eq!((anchored.epoch.value(), anchored.stage), (count as u64, Stage::Mined));
        assert_eq!(origin.anchored(&world.client, &heads).unwrap(), count as u64);
        let again = origin.anchor(&mut sender, &heads, &path).unwrap();
        assert_eq!((again.tx, again.block), (anchored.tx, anchored.block));
    }

    // The block goes, and another of the same height comes; the transaction does not come back by itself.
    let (heads, path) = epochs(&[3, 8, 21, 34]);
    let before = origin.anchor(&mut sender, &heads, &path).unwrap();
    let height = world.client.head().unwrap().number;
    let _: serde_json::Value = world.client.request("anvil_reorg", (1, Vec::<u8>::new())).unwrap();
    assert_eq!(world.client.head().unwrap().number, height, "no gap in height shows it");
    assert_eq!(origin.anchored(&world.client, &heads).unwrap(), 3);
    let after = origin.anchor(&mut sender, &heads, &path).unwrap();
    assert_eq!(after.tx, before.tx, "the very bytes are sent again");
    assert_ne!(after.block, before.block);
    assert_eq!(origin.anchored(&world.client, &heads).unwrap(), 4);

    // Nobody makes blocks: it waits, and is ended by a later call.
    drop(sender);
    let _: serde_json::Value = world.client.request("evm_setAutomine", (false,)).unwrap();
    let (heads, path) = epochs(&[3, 8, 21, 34, 55]);
    let mut sender = world.sender(&mut outbox).waiting(Duration::from_millis(1));
    let waits = origin.anchor(&mut sender, &heads, &path).unwrap();
    assert_eq!((waits.block, waits.stage), (None, Stage::Broadcast));
    let again = origin.anchor(&mut sender, &heads, &path).unwrap();
    assert_eq!((again.tx, again.block), (waits.tx, None), "nothing is signed twice");
    // It has waited long: raised under the same nonce, and one of the two gets into a block.
    drop(sender);
    let key = Key {
        chain: world.client.identity(),
        contract: Some(origin.registry),
        purpose: format!("anchor/{}/5", origin.id),
    };
    let job = outbox.job(&key).unwrap().unwrap();
    outbox.sent(&job, 0, 1).unwrap();
    let mut sender = world.sender(&mut outbox).waiting(Duration::from_millis(1));
    let raised = origin.anchor(&mut sender, &heads, &path).unwrap();
    assert_ne!(raised.tx, waits.tx);
    drop(sender);
    let job = outbox.job(&key).unwrap().unwrap();
    let [first, second] = job.attempts.as_slice() else { panic!("{:?}", job.attempts) };
    assert_eq!(first.nonce, second.nonce);
    let (old, new) = (first.signed.fees, second.signed.fees);
    assert!(new.tip * 10 >= old.tip * 11 && new.cap * 10 >= old.cap * 11, "{old:?} {new:?}");
    let mut sender = world.sender(&mut outbox).waiting(Duration::from_millis(1));
    world.client.mine().unwrap();
    let _: serde_json::Value = world.client.request("evm_setAutomine", (true,)).unwrap();
    let done = origin.anchor(&mut sender, &heads, &path).unwrap();
    assert_eq!((done.tx, done.stage), (raised.tx, Stage::Mined));
    assert_eq!(origin.anchored(&world.client, &heads).unwrap(), 5);
}
