//! JSON-RPC over HTTP with a bound: an answer is read no further than any of ours is long, and from nobody but whom we
//! asked.

use std::task::{Context, Poll};

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::http::reqwest::redirect::Policy;
use alloy::transports::http::reqwest::{Client, Url};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use tower::Service;

use super::ChainError;

/// Longest answer in bytes: thousands of events.
const MAX_ANSWER: usize = 32 << 20;
/// How much of an answer that is no JSON is kept.
const MAX_WORDS: usize = 300;

/// The transport to one node.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    url: Url,
}

/// The node talks too much.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {MAX_ANSWER} bytes")]
struct TooLong;

impl Http {
    pub(super) fn new(url: Url) -> Result<Self, ChainError> {
        // TLS is rustls with ring; the error is that another part of the program has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A redirect would send calls, and what is secret in a URL, to somebody whom the user did not name.
        let client = Client::builder().redirect(Policy::none()).build();
        let client = client.map_err(|error| ChainError::Runtime(std::io::Error::other(error.without_url())))?;
        Ok(Self { client, url })
    }

    async fn ask(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let sent = self.client.post(self.url).json(&request).send().await;
        let mut response = sent.map_err(TransportErrorKind::custom)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(TransportErrorKind::custom)? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(TransportErrorKind::custom(TooLong));
            }
            body.extend_from_slice(&piece);
        }
        if let Ok(packet) = serde_json::from_slice(&body) {
            return Ok(packet);
        }
        let words: String = String::from_utf8_lossy(&body).chars().take(MAX_WORDS).collect();
        Err(TransportErrorKind::http_error(status.as_u16(), words))
    }
}

impl Service<RequestPacket> for Http {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}
