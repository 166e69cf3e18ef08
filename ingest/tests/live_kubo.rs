//! The client of Kubo, against Kubo. `MIRA_TEST_KUBO` names its RPC API and `MIRA_TEST_KUBO_GATEWAY` its gateway; without
//! them these tests skip, saying so. `.ci/lib.sh` starts a node of our own: `source .ci/lib.sh; kubo_start`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod published;

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::HttpBody;
use mira_core::cid::Cid;
use mira_ingest::pin::{Kubo, Pin, PinError, Upload, checks, dataset, pin_dataset};
use published::{Sample, sample};
use tokio::sync::mpsc;

/// The node, if there is one.
fn node() -> Option<Kubo> {
    let Ok(address) = std::env::var("MIRA_TEST_KUBO") else {
        eprintln!("skipped: MIRA_TEST_KUBO names no node");
        return None;
    };
    Some(Kubo::new(&address.parse().unwrap()).unwrap())
}

/// Differs from run to run, for the node keeps what earlier ones sent.
fn salt() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn pin(service: &impl Pin, sample: &Sample, name: &str) -> Result<mira_ingest::pin::Pinned, PinError> {
    pin_dataset(service, &sample.store, &sample.dataset, name, salt(), &())
}

#[test]
fn live_kubo_passes_the_checks() {
    let Some(kubo) = node() else { return };
    let started = Instant::now();
    if let Err(error) = block_on(checks::check_all(&kubo, salt())) {
        panic!("{error}: {:?}", std::error::Error::source(&error));
    }
    // Among them are DAGs that lack a block, for which Kubo itself would wait without end.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn live_a_dataset_reads_back_through_the_gateway() {
    let Some(kubo) = node() else { return };
    let Ok(gateway) = std::env::var("MIRA_TEST_KUBO_GATEWAY") else {
        eprintln!("skipped: MIRA_TEST_KUBO_GATEWAY names no gateway");
        return;
    };
    let sample = sample(salt(), 9, 9, &[10, 1 << 20, (1 << 20) + 1, 3 << 20]);
    let pinned = pin(&kubo, &sample, "through the gateway").unwrap();
    assert!(pinned.version.starts_with("kubo 0."), "{}", pinned.version);
    block_on(async {
        let client = hyper::Client::new();
        for entry in sample.dataset.files() {
            let uri = format!("{gateway}/ipfs/{}/{}", pinned.root, entry.path).parse().unwrap();
            let mut answer = client.get(uri).await.unwrap();
            assert_eq!(answer.status(), 200, "{}", entry.path);
            let mut found = Vec::new();
            while let Some(part) = answer.body_mut().data().await {
                found.extend_from_slice(&part.unwrap());
            }
            assert!(found == sample.store.get(&entry.file.cid, entry.file.size).unwrap(), "{}", entry.path);
        }
    });
    block_on(kubo.unpin(&pinned.root)).unwrap();
}

/// Two CARs, because a directory holds a thousand files, both under way at once: nothing but the one pin is left.
#[test]
fn live_a_dataset_of_several_cars_leaves_one_pin() {
    let Some(kubo) = node() else { return };
    let sample = sample(salt(), 1100, 1100, &[100, 200]);
    let name = format!("several cars of {}", sample.dataset.cid());
    let pinned = pin(&kubo, &sample, &name).unwrap();
    assert_eq!(pinned.root, sample.dataset.cid());
    assert!(pinned.kept_files <= 1, "a node may know the empty file, and nothing else of it");
    assert_eq!(block_on(kubo.pinned_as(&name)).unwrap(), [pinned.root]);
    assert_eq!(block_on(kubo.pinned_as(&format!("part of {}", pinned.root))).unwrap(), []);
    let again = pin(&kubo, &sample, &name).unwrap();
    assert_eq!((again.sent, again.kept_files), (0, sample.dataset.len()));
    block_on(dataset::confirm(&kubo, &sample.store, &sample.dataset, 7)).unwrap();
    block_on(kubo.unpin(&pinned.root)).unwrap();
}

/// Kubo says what is wrong with a block, or with the form, only after its answer has begun, in a trailer.
#[test]
fn live_a_car_with_a_wrong_block_is_an_error() {
    let Some(kubo) = node() else { return };
    let good = salt().to_be_bytes().repeat(1000);
    let root = Cid::raw_of(&good);
    let mut car = Vec::new();
    mira_core::car::header(&mut car, root);
    mira_core::car::frame_head(&mut car, root, good.len()).unwrap();
    car.extend_from_slice(&good);
    let import = |bytes: Vec<u8>| {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(Ok(Bytes::from(bytes))).unwrap();
        drop(sender);
        block_on(kubo.import(Upload::new(root, receiver, &mut |_| ())))
    };
    let mut flipped = car.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (bytes, what) in [(flipped, "flipped"), (car[..car.len() - 1].to_vec(), "cut"), (b"no CAR".to_vec(), "none")] {
        let error = import(bytes).unwrap_err();
        assert!(matches!(error, PinError::Refused { .. } | PinError::Answer { .. }), "{what}: {error}");
        assert!(!block_on(kubo.has_block(&root)).unwrap(), "{what}");
    }
    assert_eq!(import(car).unwrap().blocks, 1);
    assert!(block_on(kubo.has_block(&root)).unwrap());
}

/// A node that does not have all of it any more is sent the rest, and says so at once.
#[test]
fn live_a_node_that_lost_a_block_is_sent_it_again() {
    let Some(kubo) = node() else { return };
    let address = std::env::var("MIRA_TEST_KUBO").unwrap();
    let sample = sample(salt(), 5, 5, &[3 << 20]);
    let root = pin(&kubo, &sample, "loses a block").unwrap().root;
    block_on(kubo.unpin(&root)).unwrap();
    let chunk = sample.dataset.files().find(|file| file.file.size == 3 << 20).unwrap();
    let bytes = sample.store.get(&chunk.file.cid, chunk.file.size).unwrap();
    let lost = Cid::raw_of(&bytes[1 << 20..2 << 20]);
    block_on(async {
        let request = hyper::Request::post(format!("{address}/api/v0/block/rm?arg={lost}"));
        let answer = hyper::Client::new().request(request.body(hyper::Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
    });
    assert!(!block_on(kubo.has_block(&lost)).unwrap());
    let started = Instant::now();
    let error = block_on(kubo.pin(&root, "loses a block", false)).unwrap_err();
    assert!(matches!(error, PinError::Refused { call: "/dag/stat", .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let pinned = pin(&kubo, &sample, "loses a block").unwrap();
    assert_eq!(pinned.kept_files, sample.dataset.len() - 1, "only the file that lacks a block is sent");
    assert!(block_on(kubo.has_block(&lost)).unwrap());
    block_on(kubo.unpin(&root)).unwrap();
}
