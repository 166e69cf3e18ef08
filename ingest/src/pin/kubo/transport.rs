//! Requests of the client crate, over a connection with bounds.
//!
//! The crate knows the calls and makes the requests. It does not send them: its own transport holds any answer that is
//! not OK in memory whole, waits without end, and opens a connection for each request. Neither it nor hyper 0.14 gives
//! access to trailers, where Kubo reports an error after the first byte of an answer; so no answer counts as a success
//! for what it does not say, only for what it says.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use hyper::body::HttpBody;
use hyper::client::HttpConnector;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Body, Request};
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
    authorization: Option<HeaderValue>,
    client: Client,
}

/// The client crate's own hyper has no TLS that is still maintained; what is encrypted goes over another client.
enum Client {
    Plain(hyper::Client<HttpConnector>),
    Tls(reqwest::Client),
}

impl Transport {
    pub(super) fn new(address: &Address) -> Result<Self, PinError> {
        let service = address.to_string();
        let requests = IpfsClient::from_str(&service).map_err(PinError::Address)?;
        let authorization = address.credentials().map(|pair| {
            let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair.as_bytes())));
            value.iter_mut().for_each(|value| value.set_sensitive(true));
            value
        });
        // Base64 is a header's value.
        let authorization = authorization.and_then(Result::ok);
        let client = if address.is_tls() { Client::Tls(tls()?) } else { Client::Plain(plain()) };
        Ok(Self { service, requests, authorization, client })
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// Makes a request with an empty body.
    pub(super) fn request<R: ApiRequest>(&self, request: R) -> Result<Request<Body>, PinError> {
        let error = |source| PinError::Request { call: R::PATH, source: Box::new(source) };
        let mut request = self.requests.build_base_request(request, None).map_err(error)?;
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        Ok(request)
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

    pub(super) fn unreachable(&self, call: &'static str, source: impl Into<Cause>) -> PinError {
        PinError::Unreachable { service: self.service.clone(), call, source: innermost(source.into()) }
    }

    pub(super) fn timeout(&self, call: &'static str, time: Duration) -> PinError {
        PinError::Timeout { service: self.service.clone(), call, seconds: time.as_secs() }
    }

    pub(super) fn answer(&self, call: &'static str, expected: &'static str) -> PinError {
        PinError::Answer { service: self.service.clone(), call, expected }
    }

    pub(super) fn refused(&self, call: &'static str, status: u16, body: &[u8]) -> PinError {
        let words = serde_json::from_slice::<ApiError>(body).map(|error| error.message);
        let words = words.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
        let message = words.trim().chars().take(300).collect();
        PinError::Refused { service: self.service.clone(), call, status, message }
    }

    async fn exchange(&self, call: &'static str, request: Request<Body>, limit: usize) -> Result<Bytes, PinError> {
        let (status, body) = match &self.client {
            Client::Plain(client) => {
                let response = client.request(request).await.map_err(|error| self.unreachable(call, error))?;
                let status = response.status().as_u16();
                (status, self.collect(call, parts(response.into_body()), limit).await?)
            }
            Client::Tls(client) => {
                let response = client.execute(encrypted(request).map_err(|error| self.unreachable(call, error))?).await;
                let response = response.map_err(|error| self.unreachable(call, error.without_url()))?;
                let status = response.status().as_u16();
                let parts = response.bytes_stream().map_err(reqwest::Error::without_url);
                (status, self.collect(call, parts, limit).await?)
            }
        };
        if status == 200 { Ok(body) } else { Err(self.refused(call, status, &body)) }
    }

    async fn collect<E: Into<Cause>>(
        &self,
        call: &'static str,
        parts: impl Stream<Item = Result<Bytes, E>>,
        limit: usize,
    ) -> Result<Bytes, PinError> {
        let (mut parts, mut answer) = (pin!(parts), Vec::new());
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| self.unreachable(call, error))?;
            if part.len() > limit - answer.len() {
                return Err(PinError::AnswerTooLong { service: self.service.clone(), call, limit });
            }
            answer.extend_from_slice(&part);
        }
        Ok(answer.into())
    }
}

/// Why a connection broke.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What the system or the other side said: the layers above say the same again, and where they were.
fn innermost(error: Cause) -> Cause {
    let mut cause: &(dyn std::error::Error + 'static) = &*error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let said = cause.to_string();
    if error.source().is_some() { said.into() } else { error }
}

fn plain() -> hyper::Client<HttpConnector> {
    let mut connector = HttpConnector::new();
    // The end of a body is a small piece after large ones, which must not wait for an acknowledgement.
    connector.set_nodelay(true);
    hyper::Client::builder().pool_idle_timeout(IDLE).build(connector)
}

fn tls() -> Result<reqwest::Client, PinError> {
    crate::tls::install();
    // A node does not send us elsewhere with the data.
    let builder = reqwest::Client::builder().https_only(true).redirect(reqwest::redirect::Policy::none());
    builder.pool_idle_timeout(IDLE).build().map_err(|error| PinError::Tls(Box::new(error)))
}

/// A body in its parts.
fn parts(body: Body) -> impl Stream<Item = Result<Bytes, hyper::Error>> + Send {
    stream::unfold(body, |mut body| async move { Some((body.data().await?, body)) })
}

/// The same request for the other client, whose body is taken as it comes.
fn encrypted(request: Request<Body>) -> Result<reqwest::Request, Cause> {
    let (head, body) = request.into_parts();
    let mut request = reqwest::Request::new(reqwest::Method::POST, head.uri.to_string().parse()?);
    for (name, value) in &head.headers {
        let mut value = reqwest::header::HeaderValue::from_bytes(value.as_bytes())?;
        value.set_sensitive(true);
        request.headers_mut().insert(reqwest::header::HeaderName::from_bytes(name.as_str().as_bytes())?, value);
    }
    *request.body_mut() = Some(reqwest::Body::wrap_stream(parts(body)));
    Ok(request)
}
