//! Pinning services through a real Kubo, with a service of our own behind it. `MIRA_TEST_KUBO` names the node's RPC API;
//! without it these tests skip, saying so.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod pinning_service;

use std::time::Duration;

use bytes::Bytes;
use mira_core::cid::{Cid, Codec};
use mira_core::unixfs::Directory;
use mira_ingest::pin::{Kubo, Pin, PinError, RemoteState, Service, Waiting, pin_remotely, services_of, unpin_remotely};
use pinning_service::{KEY, PinningService};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Makes a service known to the node, as its owner does. Gives the node, and what it says of the service.
fn known(endpoint: &str, key: &str) -> Option<(Kubo, Service)> {
    let Ok(address) = std::env::var("MIRA_TEST_KUBO") else {
        eprintln!("skipped: MIRA_TEST_KUBO names no node");
        return None;
    };
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let name = format!("service-{}", since.as_nanos());
    block_on(async {
        let uri = format!("{address}/api/v0/pin/remote/service/add?arg={name}&arg={endpoint}&arg={key}");
        let request = hyper::Request::post(uri).body(hyper::Body::empty()).unwrap();
        assert_eq!(hyper::Client::new().request(request).await.unwrap().status(), 200);
    });
    let kubo = Kubo::new(&address.parse().unwrap()).unwrap();
    let service = services_of(&kubo).unwrap().into_iter().find(|service| service.name == name).unwrap();
    Some((kubo, service))
}

/// A directory that the node has, with a name of its own.
fn content(kubo: &Kubo, service: &Service) -> Cid {
    let mut directory = Directory::new();
    directory.insert(&service.name, mira_core::unixfs::Link { cid: Cid::raw_of(b""), tsize: 0 }).unwrap();
    let block = Bytes::from(directory.encode());
    let cid = block_on(kubo.put(block.clone())).unwrap();
    assert_eq!(cid, Cid::of(Codec::DagPb, &block));
    cid
}

const WAITING: Waiting =
    Waiting { total: Duration::from_secs(20), first: Duration::from_millis(20), longest: Duration::from_millis(100) };

/// Asks, and gives the states that were told on the way.
fn ask(
    kubo: &Kubo,
    service: &Service,
    cid: &Cid,
    waiting: Waiting,
) -> (Result<RemoteState, PinError>, Vec<RemoteState>) {
    let mut told = Vec::new();
    let ended = pin_remotely(kubo, service, cid, "sample@1", waiting, &mut |state| told.push(state), &());
    (ended, told)
}

use RemoteState::{Failed, Pinned, Pinning, Queued};

#[test]
fn live_a_service_pins_after_a_while_and_is_asked_once() {
    let twin = PinningService::start();
    twin.delay(Duration::from_millis(30));
    twin.course(&["queued", "queued", "pinning", "pinning", "pinned"]);
    let Some((kubo, service)) = known(&twin.endpoint, KEY) else { return };
    let cid = content(&kubo, &service);
    let (ended, told) = ask(&kubo, &service, &cid, WAITING);
    assert_eq!((ended.unwrap(), told), (Pinned, vec![Queued, Pinning, Pinned]));
    let (again, told) = ask(&kubo, &service, &cid, WAITING);
    assert_eq!((again.unwrap(), told), (Pinned, vec![Pinned]));
    assert_eq!(twin.requests("POST /pins"), 1, "what it has is not asked for again");
    // What others pinned stays, also under the same CID.
    twin.put(&cid.to_string(), "theirs");
    assert!(unpin_remotely(&kubo, &service, &cid, "sample@1").unwrap());
    assert!(!unpin_remotely(&kubo, &service, &cid, "sample@1").unwrap());
    assert_eq!(twin.pins(), [("theirs".to_owned(), "pinned")]);
}

#[test]
fn live_waiting_goes_on_where_it_stopped() {
    let twin = PinningService::start();
    twin.course(&["queued", "pinning", "pinning", "pinned"]);
    let Some((kubo, service)) = known(&twin.endpoint, KEY) else { return };
    let cid = content(&kubo, &service);
    let at_once = Waiting { total: Duration::ZERO, ..WAITING };
    assert_eq!(ask(&kubo, &service, &cid, at_once).0.unwrap(), Queued);
    assert_eq!(ask(&kubo, &service, &cid, WAITING).0.unwrap(), Pinned);
    assert_eq!(twin.requests("POST /pins"), 1);
}

#[test]
fn live_a_pin_that_failed_is_asked_for_anew() {
    let twin = PinningService::start();
    twin.course(&["queued", "failed"]);
    let Some((kubo, service)) = known(&twin.endpoint, KEY) else { return };
    let cid = content(&kubo, &service);
    let (ended, told) = ask(&kubo, &service, &cid, WAITING);
    let error = ended.unwrap_err();
    assert!(matches!(error, PinError::RemoteFailed { .. }) && !error.is_transient(), "{error}");
    assert_eq!(told, [Queued, Failed]);
    twin.course(&["queued", "pinned"]);
    assert_eq!(ask(&kubo, &service, &cid, WAITING).0.unwrap(), Pinned);
    assert_eq!(twin.pins(), [("sample@1".to_owned(), "pinned")], "the one that failed was ended");
}

#[test]
fn live_a_service_says_why_not() {
    let twin = PinningService::start();
    let Some((kubo, service)) = known(&twin.endpoint, "another-key") else { return };
    let cid = content(&kubo, &service);
    let error = ask(&kubo, &service, &cid, WAITING).0.unwrap_err();
    assert!(error.to_string().contains("UNAUTHORIZED") && !error.is_transient(), "{error}");
    assert!(!error.to_string().contains("another-key"), "{error}");

    let Some((kubo, service)) = known(&twin.endpoint, KEY) else { return };
    for (status, reason, is_transient) in [
        (409, "INSUFFICIENT_FUNDS", false),
        (400, "BAD_REQUEST", false),
        (429, "TOO_MANY_REQUESTS", true),
        (500, "INTERNAL_SERVER_ERROR", true),
        (503, "OVERLOADED", true),
    ] {
        twin.fail(&[(status, reason)]);
        let error = ask(&kubo, &service, &cid, WAITING).0.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.is_transient(), is_transient, "{error}");
    }
    assert_eq!(twin.pins(), []);
    assert_eq!(ask(&kubo, &service, &cid, WAITING).0.unwrap(), Pinned);
}

#[test]
fn live_a_service_that_is_down_for_a_moment_is_waited_for() {
    let twin = PinningService::start();
    twin.course(&["queued", "pinning", "pinned"]);
    let Some((kubo, service)) = known(&twin.endpoint, KEY) else { return };
    let cid = content(&kubo, &service);
    assert_eq!(ask(&kubo, &service, &cid, Waiting { total: Duration::ZERO, ..WAITING }).0.unwrap(), Queued);
    let mut told = Vec::new();
    let mut report = |state| {
        told.push(state);
        if told.len() == 1 {
            twin.fail(&[(502, "BAD_GATEWAY"), (503, "OVERLOADED"), (429, "TOO_MANY_REQUESTS")]);
        }
    };
    let ended = pin_remotely(&kubo, &service, &cid, "sample@1", WAITING, &mut report, &());
    assert_eq!(ended.unwrap(), Pinned, "{told:?}");
}

#[test]
fn live_a_service_that_is_away_is_tried_later() {
    // Nobody listens on port 9 (discard).
    let Some((kubo, service)) = known("http://127.0.0.1:9", KEY) else { return };
    assert_eq!(service.endpoint, "http://127.0.0.1:9");
    let cid = content(&kubo, &service);
    let error = ask(&kubo, &service, &cid, WAITING).0.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let unknown = Service { name: "nobody".into(), ..service };
    let error = ask(&kubo, &unknown, &cid, WAITING).0.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("service not known"), "{error}");
}
