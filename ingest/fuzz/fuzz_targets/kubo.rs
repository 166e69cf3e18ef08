//! Answers of a node to each call, from the first byte of HTTP on: believed, refused or an error, within bounded memory.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mira_core::cid::Cid;
use mira_ingest::pin::{Kubo, Patience, Pin, PinError, Upload};
use mira_ingest_fuzz::server;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

const FILE: &[u8] = b"hello";

// A byte for the call, in its highest bit whether the rest is all of the answer or only its body; and the answer.
fuzz_target!(|data: &[u8]| {
    let Some((call, rest)) = data.split_first() else { return };
    let body = rest.to_vec();
    let answer = if call & 0x80 == 0 { server::ok(rest) } else { rest.to_vec() };
    let address = server::answers(move |_| answer.clone()).parse().expect("the address of a node");
    let quick = Duration::from_secs(2);
    let patience = Patience { quick, stall: quick, walk: quick };
    let node = Kubo::new(&address).expect("a client").with_patience(patience);
    runtime().block_on(ask(&node, call & 0x7f, &body));
});

async fn ask(node: &Kubo, call: u8, body: &[u8]) {
    let cid = Cid::raw_of(FILE);
    let says = |word: &str| String::from_utf8_lossy(body).contains(word);
    match call % 9 {
        0 => drop(node.version().await),
        1 => drop(node.has_block(&cid).await),
        2 => drop(node.has_dag(&cid).await),
        3 => drop(upload(cid, async |file| node.import(file).await).await),
        4 => drop(upload(cid, async |file| node.add(file).await).await),
        5 => {
            // A pin is believed only where the answer names it; escapes may spell the name otherwise.
            let is_pinned = node.is_pinned(&cid).await.is_ok_and(|is| is);
            assert!(!is_pinned || says(&cid.to_string()) || says("\\u"));
        }
        6 => {
            let roots = node.pinned_as("a").await.unwrap_or_default();
            assert!(roots.is_sorted());
        }
        7 => {
            let piece = node.read(&cid, 0, 100).await.unwrap_or_default();
            assert!(piece.len() <= 100);
        }
        _ => drop(node.unpin(&cid).await),
    }
}

async fn upload<T>(cid: Cid, call: impl AsyncFnOnce(Upload<'_>) -> Result<T, PinError>) -> Result<T, PinError> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(Ok(Bytes::from_static(FILE))).expect("there is room for one");
    drop(sender);
    call(Upload::new(cid, receiver, &mut |_| ())).await
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_all().build().expect("a runtime"))
}
