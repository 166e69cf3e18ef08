//! The twin of a node that other tests pin on is asked by the client of the real one, and passes the same checks.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod node;
mod pinning_service;
mod published;

use std::time::Duration;

use mira_ingest::pin::{
    Kubo, Pin as _, PinError, RemoteState, Route, Waiting, checks, pin_dataset, pin_remotely, services_of,
    unpin_remotely,
};
use node::Node;
use pinning_service::{KEY, PinningService};
use published::sample;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn client(node: &Node, user: &str) -> Kubo {
    Kubo::new(&node.url(user).parse().unwrap()).unwrap()
}

#[test]
fn the_twin_passes_the_checks_and_keeps_users_apart() {
    let node = Node::start();
    for user in ["one", "two"] {
        let kubo = client(&node, user);
        if let Err(error) = block_on(checks::check_all(&kubo, 7)) {
            panic!("{error}: {:?}", std::error::Error::source(&error));
        }
    }
    let sample = sample(3, 5, 5, &[10, 1 << 20, (1 << 20) + 1, 0]);
    let pinned = pin_dataset(&client(&node, "one"), &sample.store, &sample.dataset, "ours", 5, &()).unwrap();
    assert_eq!((pinned.route, pinned.version.as_str()), (Some(Route::Import), "kubo 0.43.1"));
    assert_eq!(node.pins("one"), [(pinned.root.to_string(), "ours".to_owned())]);
    assert_eq!(node.pins("two"), []);
}

#[test]
fn services_are_asked_through_the_twin() {
    let (node, service) = (Node::start(), PinningService::start());
    let kubo = client(&node, "one");
    assert_eq!(services_of(&kubo).unwrap(), []);
    node.know("one", "good", &service.endpoint, KEY);
    node.know("one", "bad", &service.endpoint, "wrong-sample-key");
    let known = services_of(&kubo).unwrap();
    let (good, bad) = (&known[0], &known[1]);
    let cid = mira_core::cid::Cid::raw_of(b"sample");
    let waiting = Waiting {
        total: Duration::from_secs(20),
        first: Duration::from_millis(10),
        longest: Duration::from_millis(50),
    };
    let mut told = Vec::new();
    let ended = pin_remotely(&kubo, good, &cid, "sample@1", waiting, &mut |state| told.push(state), &());
    assert_eq!(ended.unwrap(), RemoteState::Pinned);
    assert_eq!(told, [RemoteState::Queued, RemoteState::Pinning, RemoteState::Pinned]);
    let refused = pin_remotely(&kubo, bad, &cid, "sample@1", waiting, &mut |_| (), &()).unwrap_err();
    assert!(matches!(refused, PinError::Refused { .. }) && !refused.is_transient(), "{refused}");
    assert!(refused.to_string().contains("UNAUTHORIZED"), "{refused}");
    assert!(unpin_remotely(&kubo, good, &cid, "sample@1").unwrap());
    assert!(!unpin_remotely(&kubo, good, &cid, "sample@1").unwrap());
    assert!(service.pins().is_empty() && !block_on(kubo.is_pinned(&cid)).unwrap());
}
