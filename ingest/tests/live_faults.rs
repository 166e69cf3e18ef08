//! A real Kubo behind a proxy that breaks calls: nothing is called pinned that is not, and the next run gets there.
//! `MIRA_TEST_KUBO` names the node's RPC API; without it these tests skip, saying so.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod proxy;
mod published;

use std::time::{Duration, Instant};

use mira_ingest::pin::{Kubo, Patience, Pin, PinError, Pinned, Route, pin_dataset, unpin_dataset};
use proxy::{Fault, Proxy};
use published::{Sample, sample};

fn node() -> Option<(Kubo, Kubo, Proxy)> {
    let Ok(address) = std::env::var("MIRA_TEST_KUBO") else {
        eprintln!("skipped: MIRA_TEST_KUBO names no node");
        return None;
    };
    let proxy = Proxy::before(&address);
    let kubo = |address: &str| Kubo::new(&address.parse().unwrap()).unwrap();
    Some((kubo(&address), kubo(&proxy.address), proxy))
}

fn salt() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

fn fresh() -> Sample {
    sample(salt(), 4, 4, &[3 << 20, (1 << 20) + 1, 100])
}

fn pin(service: &impl Pin, sample: &Sample) -> Result<Pinned, PinError> {
    pin_dataset(service, &sample.store, &sample.dataset, "sample@1", salt(), &())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What must hold after a run that broke: no pin; and the next run, with nothing in its way, makes it whole.
fn recovers(direct: &Kubo, sample: &Sample) {
    let root = sample.dataset.cid();
    assert!(!block_on(direct.is_pinned(&root)).unwrap());
    pin(direct, sample).unwrap();
    assert!(block_on(direct.is_pinned(&root)).unwrap() && block_on(direct.has_dag(&root)).unwrap());
    assert!(unpin_dataset(direct, &root, "sample@1").unwrap());
    assert!(!unpin_dataset(direct, &root, "sample@1").unwrap(), "once");
}

#[test]
fn live_where_there_is_no_import_files_are_added() {
    let Some((direct, through, proxy)) = node() else { return };
    for status in [404, 405] {
        let sample = fresh();
        proxy.fault("/dag/import", Fault::Answer(status, "no such call".into()), usize::MAX);
        let pinned = pin(&through, &sample).unwrap();
        assert_eq!((pinned.root, pinned.route), (sample.dataset.cid(), Some(Route::Add)), "{status}");
        for entry in sample.dataset.files() {
            let size = usize::try_from(entry.file.size).unwrap();
            let found = block_on(direct.read(&entry.file.cid, 0, size + 1)).unwrap();
            assert!(found == sample.store.get(&entry.file.cid, entry.file.size).unwrap(), "{}", entry.path);
        }
        assert_eq!(pin(&through, &sample).unwrap().sent, 0);
        assert!(unpin_dataset(&direct, &pinned.root, "sample@1").unwrap());
        proxy.heal();
    }
    // One that can be asked nothing but to add, to pin and to read.
    let sample = fresh();
    for call in ["/dag/import", "/dag/stat", "/block/stat"] {
        proxy.fault(call, Fault::Answer(404, "404 page not found".into()), usize::MAX);
    }
    assert_eq!(pin(&through, &sample).unwrap().route, Some(Route::Add));
    assert!(unpin_dataset(&direct, &sample.dataset.cid(), "sample@1").unwrap());
}

#[test]
fn live_an_import_that_breaks_is_made_good() {
    let Some((direct, through, proxy)) = node() else { return };
    let server_error = || Fault::Answer(500, "{\"Message\":\"no space left on device\",\"Code\":0}".into());
    for (fault, what) in [
        (server_error(), "500"),
        (Fault::Reset(0), "reset at once"),
        (Fault::Reset(2 << 20), "reset in the middle"),
        (Fault::Flip(1 << 19), "a wrong block"),
        (Fault::Answer(200, String::new()), "an answer that says nothing"),
        (Fault::Answer(200, "{\"Stats\":{\"BlockCount\":1,\"BlockBytesCount\":5}}".into()), "another count"),
    ] {
        let sample = fresh();
        proxy.fault("/dag/import", fault, usize::MAX);
        let error = pin(&through, &sample).unwrap_err();
        assert!(error.is_transient(), "{what}: {error}");
        if what == "500" {
            assert!(error.to_string().contains("no space left on device"), "{error}");
        }
        proxy.heal();
        recovers(&direct, &sample);
    }
}

#[test]
fn live_a_node_that_hangs_is_given_up() {
    let Some((direct, through, proxy)) = node() else { return };
    let short = Duration::from_millis(600);
    let through = through.with_patience(Patience { quick: short, stall: short, walk: short });
    for call in ["/version", "/block/stat", "/dag/import", "/pin/add", "/cat"] {
        let sample = sample(salt(), 12, 12, &[2 << 20]);
        proxy.fault(call, Fault::Hang, usize::MAX);
        let started = Instant::now();
        let error = pin(&through, &sample).unwrap_err();
        assert!(matches!(error, PinError::Timeout { .. }) && error.is_transient(), "{call}: {error}");
        assert!(started.elapsed() < Duration::from_secs(30), "{call}: {:?}", started.elapsed());
        proxy.heal();
        if call == "/cat" {
            // It is pinned there, and was not called so: it gave nothing back.
            assert!(unpin_dataset(&direct, &sample.dataset.cid(), "sample@1").unwrap());
        }
        recovers(&direct, &sample);
    }
}

/// The node says all is well, and it is not: the dataset is not called pinned.
#[test]
fn live_nothing_is_believed_without_the_read_back() {
    let Some((direct, through, proxy)) = node() else { return };
    let sample = fresh();
    let root = sample.dataset.cid();
    proxy.fault("/pin/add", Fault::Answer(200, format!("{{\"Pins\":[\"{root}\"]}}")), usize::MAX);
    let error = pin(&through, &sample).unwrap_err();
    assert!(matches!(error, PinError::NotPinned { .. }), "{error}");
    proxy.heal();
    recovers(&direct, &sample);

    proxy.fault("/cat", Fault::Answer(200, "other bytes".into()), usize::MAX);
    let error = pin(&through, &sample).unwrap_err();
    assert!(matches!(error, PinError::ReadBack { .. }) && !error.is_transient(), "{error}");
    proxy.heal();
    assert!(unpin_dataset(&direct, &root, "sample@1").unwrap());
}

#[test]
fn live_only_our_own_pin_is_ended() {
    let Some((direct, _, _)) = node() else { return };
    let sample = fresh();
    let root = pin(&direct, &sample).unwrap().root;
    let error = unpin_dataset(&direct, &root, "sample@2").unwrap_err();
    assert!(matches!(error, PinError::OtherName { .. }), "{error}");
    assert!(block_on(direct.is_pinned(&root)).unwrap());
    assert!(unpin_dataset(&direct, &root, "sample@1").unwrap());
    assert!(block_on(direct.has_dag(&root)).unwrap(), "blocks stay until the node collects its garbage");
}
