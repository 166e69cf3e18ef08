//! What we make of a node's answers, good, bad and hostile: a server of this file says them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use bytes::Bytes;
use mira_core::car;
use mira_core::cid::Cid;
use mira_ingest::directory::car::CarContent;
use mira_ingest::pin::{Kubo, Pin, PinError, Upload};
use tokio::sync::mpsc;

/// A node that gives this answer to every call and then hangs up. Returns what the calls' bodies were.
fn node(status: &'static str, body: impl Into<Vec<u8>>) -> (Kubo, thread::JoinHandle<Vec<u8>>) {
    let body = body.into();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    raw_node([head.into_bytes(), body].concat(), true)
}

fn raw_node(answer: Vec<u8>, reads: bool) -> (Kubo, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let body = if reads { read_request(&stream) } else { Vec::new() };
        // The client may hang up before it has read all of it, which some tests are about.
        let _ = stream.write_all(&answer);
        body
    });
    (Kubo::new(&address.parse().unwrap()).unwrap(), server)
}

/// Reads a request to its end and gives its body.
fn read_request(stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_ascii_lowercase()
    };
    let mut is_chunked = false;
    loop {
        match line().as_str() {
            "" => break,
            "transfer-encoding: chunked" => is_chunked = true,
            _ => {}
        }
    }
    let mut body = Vec::new();
    if !is_chunked {
        return body;
    }
    loop {
        let mut len = String::new();
        reader.read_line(&mut len).unwrap();
        let len = usize::from_str_radix(len.trim_end(), 16).unwrap();
        let mut chunk = vec![0; len + 2];
        reader.read_exact(&mut chunk).unwrap();
        if len == 0 {
            break;
        }
        body.extend_from_slice(&chunk[..len]);
    }
    body
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn cid() -> Cid {
    Cid::raw_of(b"hello")
}

fn car() -> Vec<u8> {
    let mut car = Vec::new();
    car::header(&mut car, cid());
    car::frame_head(&mut car, cid(), 5).unwrap();
    car.extend_from_slice(b"hello");
    car
}

fn import(node: &Kubo) -> Result<CarContent, PinError> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(Ok(Bytes::from(car()))).unwrap();
    drop(sender);
    block_on(node.import(Upload::new(cid(), receiver, &mut |_| ())))
}

const STATS: &str = "{\"Stats\":{\"BlockCount\":1,\"BlockBytesCount\":5}}\n";

#[test]
fn an_import_is_one_file_of_a_form() {
    let (kubo, server) = node("200 OK", STATS);
    assert_eq!(import(&kubo).unwrap(), CarContent { blocks: 1, block_bytes: 5 });
    let body = server.join().unwrap();
    let boundary = format!("--mira-{}", cid());
    let head = format!(
        "{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"dataset.car\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    assert_eq!(body, [head.as_bytes(), &car(), format!("\r\n{boundary}--\r\n").as_bytes()].concat());
}

#[test]
fn a_piece_is_no_longer_than_was_asked() {
    for (len, is_right) in [(4, true), (5, true), (6, false)] {
        let (kubo, server) = node("200 OK", vec![b'x'; len]);
        match block_on(kubo.read(&cid(), 0, 5)) {
            Ok(bytes) => assert!(is_right && bytes.len() == len),
            Err(error) => assert!(!is_right && matches!(error, PinError::AnswerTooLong { limit: 5, .. }), "{error}"),
        }
        server.join().unwrap();
    }
}

/// Kubo reports an error after the first byte of an answer in a trailer, which nothing here sees.
#[test]
fn an_import_that_does_not_say_it_was_done_was_not() {
    for (answer, what) in [
        (String::new(), "nothing"),
        ("{}\n".into(), "no stats"),
        (STATS.replace("5}}\n", ""), "cut off"),
        ("<html>".into(), "no JSON"),
    ] {
        let (kubo, _) = node("200 OK", answer);
        let error = import(&kubo).unwrap_err();
        assert!(matches!(error, PinError::Answer { .. }), "{what}: {error}");
    }
}

/// A node is asked to pin only after it has said that it has everything: this one has no second answer.
#[test]
fn a_dag_is_walked_before_it_is_pinned() {
    let missing = "{\"Message\":\"error traversing DAG: block was not found locally (offline)\",\"Code\":0}";
    let walked = |cid: Cid| format!("{{\"DagStats\":[{{\"Cid\":\"{cid}\",\"NumBlocks\":1,\"Size\":5}}]}}");
    let (kubo, _) = node("500 Internal Server Error", missing);
    let error = block_on(kubo.pin(&cid(), "name", false)).unwrap_err();
    assert!(matches!(error, PinError::Refused { call: "/dag/stat", .. }), "{error}");
    for answer in [walked(Cid::raw_of(b"other")), "{}".into(), String::new(), "{\"DagStats\":[]}".into()] {
        let (kubo, _) = node("200 OK", answer.clone());
        let error = block_on(kubo.pin(&cid(), "name", false)).unwrap_err();
        assert!(matches!(error, PinError::Answer { call: "/dag/stat", .. }), "{answer}: {error}");
    }
    let (kubo, _) = node("200 OK", walked(cid()));
    let error = block_on(kubo.pin(&cid(), "name", false)).unwrap_err();
    assert!(matches!(error, PinError::Unreachable { call: "/pin/add", .. }), "{error}");
}

#[test]
fn a_refusal_before_the_end_is_the_answer() {
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno\x1b!";
    let (kubo, _server) = raw_node(answer.into(), true);
    let error = import(&kubo).unwrap_err();
    assert!(error.to_string().ends_with("refused /dag/import (status 403): \"no\\u{1b}!\""), "{error}");
    let (kubo, _server) = raw_node(Vec::new(), false);
    let error = import(&kubo).unwrap_err();
    assert!(matches!(error, PinError::Unreachable { .. }) && error.is_transient(), "{error}");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    for status in ["200 OK", "500 Internal Server Error"] {
        let (kubo, _) = node(status, vec![b'x'; 5 << 20]);
        assert!(matches!(block_on(kubo.is_pinned(&cid())), Err(PinError::AnswerTooLong { .. })), "{status}");
    }
}

#[test]
fn only_a_recursive_pin_of_that_very_root_counts() {
    let keys = |cid: Cid, kind: &str| format!("{{\"Keys\":{{\"{cid}\":{{\"Type\":\"{kind}\",\"Name\":\"\"}}}}}}");
    let missing = format!("{{\"Message\":\"path '{}' is not pinned\",\"Code\":0,\"Type\":\"error\"}}", cid());
    for (status, answer, expected) in [
        ("200 OK", keys(cid(), "recursive"), Some(true)),
        ("200 OK", keys(cid(), "indirect through x"), Some(false)),
        ("200 OK", keys(cid(), "direct"), Some(false)),
        ("200 OK", keys(Cid::raw_of(b"other"), "recursive"), Some(false)),
        ("200 OK", "{}".into(), Some(false)),
        ("500 Internal Server Error", missing, Some(false)),
        ("500 Internal Server Error", "{\"Message\":\"pinner is closed\",\"Code\":0}".into(), None),
        ("404 Not Found", "404 page not found".into(), None),
        ("200 OK", "recursive".into(), None),
    ] {
        let (kubo, _) = node(status, answer.clone());
        assert_eq!(block_on(kubo.is_pinned(&cid())).ok(), expected, "{answer}");
    }
}

#[test]
fn nobody_there() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let kubo = Kubo::new(&format!("http://{address}").parse().unwrap()).unwrap();
    let error = block_on(kubo.version()).unwrap_err();
    assert!(matches!(error, PinError::Unreachable { .. }) && error.is_transient());
    assert_eq!(error.to_string(), format!("http://{address} cannot be reached for /version"));
}
