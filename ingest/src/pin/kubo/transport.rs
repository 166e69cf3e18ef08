//! Requests of the client crate, over a connection with bounds.
//!
//! The crate knows the calls and makes the requests. It does not send them: its own transport holds any answer that is
//! not OK in memory whole, waits without end, and opens a connection for each request. Neither it nor hyper 0.14 gives
//! access to trailers, where Kubo reports an error after the first byte of an answer; so no answer counts as a success
//! for what it does not say, only for what it says.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::HttpBody;
use hyper::client::HttpConnector;
use hyper::{Body, Request, StatusCode};
use ipfs_api_backend_hyper::{ApiError, IpfsClient, TryFromUri};
use ipfs_api_prelude::{ApiRequest, Backend};
use tokio::time::timeout;

use crate::pin::{Address, PinError};

/// The longest answer that is looked at. The longest sensible one lists a few thousand pins.
pub(super) const MAX_ANSWER: usize = 4 << 20;
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(10);

/// A connection to one node.
pub(super) struct Transport {
    service: String,
    requests: IpfsClient,
    client: hyper::Client<HttpConnector>,
}

impl Transport {
    pub(super) fn new(address: &Address) -> Result<Self, PinError> {
        let service = address.to_string();
        let requests = IpfsClient::from_str(&service).map_err(PinError::Address)?;
        let mut connector = HttpConnector::new();
        // The end of a body is a small piece after large ones, which must not wait for an acknowledgement.
        connector.set_nodelay(true);
        let client = hyper::Client::builder().pool_idle_timeout(IDLE).build(connector);
        Ok(Self { service, requests, client })
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// Makes a request with an empty body.
    pub(super) fn request<R: ApiRequest>(&self, request: R) -> Result<Request<Body>, PinError> {
        let error = |source| PinError::Request { call: R::PATH, source: Box::new(source) };
        self.requests.build_base_request(request, None).map_err(error)
    }

    /// Puts a question and gives the answer if the status is OK, within a time if there is one.
    pub(super) async fn ask_ok(
        &self,
        call: &'static str,
        request: Request<Body>,
        limit: usize,
        time: Option<Duration>,
    ) -> Result<Bytes, PinError> {
        let Some(time) = time else { return self.exchange(call, request, limit).await };
        let exchange = timeout(time, self.exchange(call, request, limit));
        exchange.await.unwrap_or_else(|_| Err(self.timeout(call, time)))
    }

    pub(super) fn unreachable(&self, call: &'static str, source: hyper::Error) -> PinError {
        PinError::Unreachable { service: self.service.clone(), call, source }
    }

    pub(super) fn timeout(&self, call: &'static str, time: Duration) -> PinError {
        PinError::Timeout { service: self.service.clone(), call, seconds: time.as_secs() }
    }

    pub(super) fn answer(&self, call: &'static str, expected: &'static str) -> PinError {
        PinError::Answer { service: self.service.clone(), call, expected }
    }

    pub(super) fn refused(&self, call: &'static str, status: StatusCode, body: &[u8]) -> PinError {
        let words = serde_json::from_slice::<ApiError>(body).map(|error| error.message);
        let words = words.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
        let message = words.trim().chars().take(300).collect();
        PinError::Refused { service: self.service.clone(), call, status: status.as_u16(), message }
    }

    async fn exchange(&self, call: &'static str, request: Request<Body>, limit: usize) -> Result<Bytes, PinError> {
        let response = self.client.request(request).await.map_err(|error| self.unreachable(call, error))?;
        let status = response.status();
        let body = self.collect(call, response.into_body(), limit).await?;
        if status == StatusCode::OK { Ok(body) } else { Err(self.refused(call, status, &body)) }
    }

    async fn collect(&self, call: &'static str, mut body: Body, limit: usize) -> Result<Bytes, PinError> {
        let mut answer = Vec::new();
        while let Some(part) = body.data().await {
            let part = part.map_err(|error| self.unreachable(call, error))?;
            if part.len() > limit - answer.len() {
                return Err(PinError::AnswerTooLong { service: self.service.clone(), call, limit });
            }
            answer.extend_from_slice(&part);
        }
        Ok(answer.into())
    }
}
