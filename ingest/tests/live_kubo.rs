//! Against a real Kubo, whose RPC API `MIRA_TEST_KUBO` names (`http://127.0.0.1:PORT`). Without one these tests say so
//! and pass.

mod published;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hyper::{Body, Client, Method, Request, StatusCode};
use mira_core::digest::{Digest, StatementId};
use mira_core::time::UtcTime;
use mira_core::unixfs::{Discard, FileBuilder};
use mira_ingest::outbox::{Attempt, Outbox, State, Target};
use mira_ingest::pin::{Kubo, Pin, PinError, Pinned, checks, pin_dataset};
use published::{Sample, bytes, sample};
use serde_json::Value;

/// The node's address, if there is one.
fn address() -> Option<String> {
    let address = std::env::var("MIRA_TEST_KUBO").ok();
    if address.is_none() {
        println!("skipped: MIRA_TEST_KUBO does not name the RPC API of a Kubo node");
    }
    address
}

/// Different in every run, so that a node that was used before has none of it.
fn salt() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() % (1 << 60)).unwrap()
}

fn kubo(address: &str) -> Kubo {
    Kubo::new(&address.parse().unwrap()).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn request(method: Method, url: &str, kind: &str, body: Vec<u8>) -> Vec<u8> {
    block_on(async {
        let request = Request::builder().method(method).uri(url).header("content-type", kind).body(Body::from(body));
        let response = Client::new().request(request.unwrap()).await.unwrap();
        let status = response.status();
        let body = hyper::body::to_bytes(response.into_body()).await.unwrap().to_vec();
        assert_eq!(status, StatusCode::OK, "{url}: {}", String::from_utf8_lossy(&body));
        body
    })
}

fn call(address: &str, call: &str) -> Vec<u8> {
    request(Method::POST, &format!("{address}/api/v0/{call}"), "text/plain", Vec::new())
}

/// `ipfs add` of one file.
fn add(address: &str, options: &str, content: &[u8]) -> Value {
    let head = "--mira-test-boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\
                Content-Type: application/octet-stream\r\n\r\n";
    let body = [head.as_bytes(), content, b"\r\n--mira-test-boundary--\r\n"].concat();
    let url = format!("{address}/api/v0/add?{options}");
    serde_json::from_slice(&request(Method::POST, &url, "multipart/form-data; boundary=mira-test-boundary", body))
        .unwrap()
}

fn pin(service: &Kubo, sample: &Sample) -> Result<Pinned, PinError> {
    pin_dataset(service, &sample.store, &sample.dataset, "live test", salt(), &mut |_| ())
}

fn unpin(service: &Kubo, sample: &Sample) {
    block_on(service.unpin(&sample.dataset.cid())).unwrap();
}

#[test]
fn live_kubo_passes_the_checks() {
    let Some(address) = address() else { return };
    block_on(checks::check_all(&kubo(&address), salt())).unwrap();
}

/// The files of at most 1 MiB + 1 among the vectors: their CIDs are those that `ipfs add` computes.
#[test]
fn live_files_have_the_cids_that_kubo_computes() {
    let Some(address) = address() else { return };
    let options = "only-hash=true&cid-version=1&raw-leaves=true&chunker=size-1048576&max-file-links=1024&pin=false";
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/core/vectors/unixfs");
    let mut checked = 0;
    for entry in std::fs::read_dir(vectors).unwrap() {
        let path = entry.unwrap().path();
        let vector: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let Some(file) = vector.get("file") else { continue };
        let content = match (file.get("text"), file.get("zeros")) {
            (Some(text), _) => text.as_str().unwrap().as_bytes().to_vec(),
            (_, Some(zeros)) if zeros.as_u64().unwrap() <= (1 << 20) + 1 => {
                vec![0; usize::try_from(zeros.as_u64().unwrap()).unwrap()]
            }
            _ => continue,
        };
        assert_eq!(add(&address, options, &content)["Hash"], vector["expect"]["cid"], "{}", path.display());
        checked += 1;
    }
    assert!(checked >= 4, "{checked}");
    // And one whose leaves differ, over the client's and the node's buffers.
    let content = bytes(salt(), (5 << 20) + 77);
    let mut builder = FileBuilder::new(Discard);
    builder.write(&content).unwrap();
    assert_eq!(add(&address, options, &content)["Hash"], builder.finish().unwrap().cid.to_string());
}

/// The directory that was computed here is the one that the node serves, under the same names, with the same bytes.
#[test]
fn live_a_dataset_is_listed_and_read_as_it_was_stored() {
    let Some(address) = address() else { return };
    let service = kubo(&address);
    let sample = sample(salt(), 6, 6, &[100, 1 << 20, (1 << 20) + 1, 2_500_000]);
    let pinned = pin(&service, &sample).unwrap();
    let root = sample.dataset.cid();
    assert_eq!((pinned.root, pinned.kept_files), (root, 1), "the empty file may be there");
    let stat: Value = serde_json::from_slice(&call(&address, &format!("files/stat?arg=/ipfs/{root}"))).unwrap();
    assert_eq!(stat["CumulativeSize"].as_u64(), Some(sample.dataset.link().tsize));

    let repository: Value = serde_json::from_slice(&call(&address, "repo/stat")).unwrap();
    let gateway = std::fs::read_to_string(format!("{}/gateway", repository["RepoPath"].as_str().unwrap()));
    for entry in sample.dataset.files() {
        let stored = sample.store.get(&entry.file.cid, entry.file.size).unwrap();
        let path = &entry.path;
        assert_eq!(call(&address, &format!("cat?arg=/ipfs/{root}/{path}")), stored, "{path}");
        if let Ok(gateway) = &gateway {
            let url = format!("{}/ipfs/{root}/{path}", gateway.trim());
            assert_eq!(request(Method::GET, &url, "text/plain", Vec::new()), stored, "{url}");
        }
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let listed: Value =
            serde_json::from_slice(&call(&address, &format!("ls?arg=/ipfs/{root}/{directory}"))).unwrap();
        let links = listed["Objects"][0]["Links"].as_array().unwrap();
        let link = links.iter().find(|link| link["Name"] == name).unwrap();
        assert_eq!((&link["Hash"], link["Size"].as_u64()), (&entry.file.cid.to_string().into(), Some(entry.file.size)));
    }
    let again = pin(&service, &sample).unwrap();
    assert_eq!(again.sent, 0);
    unpin(&service, &sample);
    assert!(!block_on(service.is_pinned(&root)).unwrap());
}

/// More files than one part has: three CARs, the parts unpinned at the end.
#[test]
fn live_several_cars_leave_one_pin() {
    let Some(address) = address() else { return };
    let service = kubo(&address);
    let sample = sample(salt(), 2100, 5, &[100, 200]);
    let root = sample.dataset.cid();
    pin(&service, &sample).unwrap();
    assert!(block_on(service.pinned_as(&format!("part of {root}"))).unwrap().is_empty());
    assert!(block_on(service.pinned_as("live test")).unwrap().contains(&root));
    unpin(&service, &sample);
}

/// Stands between us and the node, and hangs up on both after so many bytes.
struct Wire {
    address: String,
    budget: Arc<AtomicU64>,
}

impl Wire {
    fn new(node: &str, budget: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let budget = Arc::new(AtomicU64::new(budget));
        let (node, left) = (node.trim_start_matches("http://").to_owned(), Arc::clone(&budget));
        // Ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, node) = (client.unwrap(), TcpStream::connect(&node).unwrap());
                let (client_back, node_back) = (client.try_clone().unwrap(), node.try_clone().unwrap());
                let left = Arc::clone(&left);
                thread::spawn(move || copy(client, node, &left));
                thread::spawn(move || copy(node_back, client_back, &AtomicU64::new(u64::MAX)));
            }
        });
        Self { address, budget }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, budget: &AtomicU64) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let len = from.read(&mut buffer).unwrap_or(0);
        let left = budget.load(Ordering::SeqCst);
        if len == 0 || left < len as u64 || to.write_all(&buffer[..len]).is_err() {
            break;
        }
        budget.fetch_sub(len as u64, Ordering::SeqCst);
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn live_a_break_leaves_it_queued_and_the_next_run_pins_it() {
    let Some(address) = address() else { return };
    let sample = sample(salt(), 8, 8, &[1 << 20]);
    let root = sample.dataset.cid();
    let wire = Wire::new(&address, 3 << 20);
    let (near, far) = (kubo(&address), kubo(&wire.address));
    let directory = tempfile::tempdir().unwrap();
    let open = || Outbox::open(&directory.path().join("outbox.sqlite")).unwrap();
    let at = |seconds: i64| UtcTime::from_unix_seconds(1_800_000_000 + seconds).unwrap();
    let target = Target { dataset: root, service: far.service().into() };
    open().enqueue(&target, StatementId::new(Digest::of(b"statement")), at(0)).unwrap();

    let job = open().begin(&target, at(0)).unwrap();
    let error = pin(&far, &sample).unwrap_err();
    assert!(error.is_transient(), "{error}");
    open().finish(&target, job.attempts, Attempt::Later { error: &error.to_string() }, at(1)).unwrap();
    assert!(!block_on(near.is_pinned(&root)).unwrap(), "nothing of a broken import is pinned");
    assert_eq!(open().next_due(at(5)).unwrap(), None);

    wire.budget.store(u64::MAX, Ordering::SeqCst);
    let job = open().next_due(at(11)).unwrap().unwrap();
    assert_eq!((job.state, &job.target), (State::Queued, &target));
    let job = open().begin(&target, at(11)).unwrap();
    pin(&far, &sample).unwrap();
    assert!(open().finish(&target, job.attempts, Attempt::Confirmed, at(12)).unwrap());
    assert!(block_on(near.is_pinned(&root)).unwrap());
    assert_eq!(open().job(&target).unwrap().unwrap().state, State::Pinned);
    unpin(&near, &sample);
}

/// Prints how long an import takes beside `ipfs add` of the same bytes. 200 MB, so only when asked for.
#[test]
#[ignore = "a measurement"]
fn live_import_against_add() {
    let Some(address) = address() else { return };
    let service = kubo(&address);
    for _ in 0..3 {
        let sample = sample(salt(), 200, 200, &[1 << 20]);
        let started = Instant::now();
        let pinned = pin(&service, &sample).unwrap();
        let import = started.elapsed().as_secs_f64();
        unpin(&service, &sample);
        let content = bytes(salt(), 200 << 20);
        let started = Instant::now();
        add(&address, "cid-version=1&raw-leaves=true&chunker=size-1048576&max-file-links=1024", &content);
        let add = started.elapsed().as_secs_f64();
        let rate = |seconds: f64| 200.0 * 1.048_576 / seconds;
        println!(
            "pin {:.0} MB/s ({} bytes), add {:.0} MB/s, ratio {:.2}",
            rate(import),
            pinned.sent,
            rate(add),
            import / add
        );
    }
}
