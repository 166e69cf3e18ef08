//! Nodes that misbehave: what they say is bounded, and does not lead elsewhere.

#![allow(clippy::unwrap_used, reason = "tests state what they expect")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use mira_anchor::chain::{ChainError, Client};
use mira_anchor::endpoint::Endpoint;

/// A node on loopback that answers every request with these bytes and then `filler` for ever, or nothing more.
fn node(head: &'static str, filler: Option<&'static [u8]>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(head.as_bytes());
            while let Some(filler) = filler {
                if stream.write_all(filler).is_err() {
                    break;
                }
            }
        }
    });
    Endpoint::parse(&format!("http://user:word@127.0.0.1:{port}/token"), "unused").unwrap()
}

fn refused(endpoint: &Endpoint) -> String {
    let error = Client::connect(endpoint).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    assert!(!text.contains("word") && !text.contains("token"), "{text}");
    text
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let endless = node("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", Some(&[b' '; 1 << 16]));
    assert!(refused(&endless).contains("longer than"));
}

#[test]
fn a_redirect_is_not_followed() {
    let moved =
        node("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n", None);
    assert!(matches!(Client::connect(&moved), Err(ChainError::Refused { code: 307, .. })));
}

#[test]
fn what_is_no_json_is_no_answer() {
    let text = refused(&node("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 5\r\n\r\nsorry", None));
    assert!(text.contains("502") && text.contains("sorry"), "{text}");
    let wrong = node(
        "HTTP/1.1 200 OK\r\ncontent-length: 47\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"not a number\"}",
        None,
    );
    assert!(refused(&wrong).contains("eth_chainId"));
}

#[test]
fn nobody_listens() {
    assert!(
        refused(&Endpoint::parse("http://user:word@127.0.0.1:9/token", "unused").unwrap()).contains("does not answer")
    );
}
