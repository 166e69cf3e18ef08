//! Sending bytes as the one file of a form.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use hyper::Body;
use hyper::body::Sender;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use ipfs_api_prelude::ApiRequest;
use tokio::time::timeout;

use super::transport::MAX_ANSWER;
use super::{Kubo, PinError, Upload};

impl Kubo {
    /// Sends what is long, and gives the answer.
    pub(super) async fn upload<R: ApiRequest>(
        &self,
        request: R,
        name: &'static str,
        upload: &mut Upload<'_>,
    ) -> Result<Bytes, PinError> {
        // The CID commits to every byte that is sent, so they cannot hold its text, and what ends the form cannot stand in
        // the data.
        let boundary = format!("mira-{}", upload.cid);
        let mut request = self.form(request, &boundary)?;
        let (sender, body) = Body::channel();
        *request.body_mut() = body;

        // The time for sending has no bound but that bytes move; that for the answer starts with the last byte. A node
        // that answers before it has read everything has refused, and is not sent the rest.
        let mut answer = pin!(self.transport.ask_ok(R::PATH, request, MAX_ANSWER, None));
        match select(pin!(self.feed(R::PATH, sender, upload, name, &boundary)), answer.as_mut()).await {
            Either::Left((Ok(()), answer)) => {
                let late = || self.transport.timeout(R::PATH, self.patience.walk);
                timeout(self.patience.walk, answer).await.unwrap_or_else(|_| Err(late()))
            }
            // A node that hangs up may have said why.
            Either::Left((Err(error @ PinError::Unreachable { .. }), answer)) => {
                match timeout(self.patience.quick, answer).await {
                    Ok(Err(refused @ PinError::Refused { .. })) => Err(refused),
                    _ => Err(error),
                }
            }
            Either::Left((Err(error), _)) => Err(error),
            Either::Right((answer, _)) => answer,
        }
    }

    /// Sends what is short, and gives the answer.
    pub(super) async fn upload_whole<R: ApiRequest>(
        &self,
        request: R,
        name: &'static str,
        bytes: Bytes,
    ) -> Result<Bytes, PinError> {
        // As above, with the digest of these very bytes.
        let boundary = format!("mira-{}", mira_core::digest::Digest::of(&bytes));
        let mut request = self.form(request, &boundary)?;
        let form = [form_head(name, &boundary).as_bytes(), &bytes, form_tail(&boundary).as_bytes()].concat();
        *request.body_mut() = form.into();
        self.transport.ask_ok(R::PATH, request, MAX_ANSWER, Some(self.patience.quick)).await
    }

    fn form<R: ApiRequest>(&self, request: R, boundary: &str) -> Result<hyper::Request<Body>, PinError> {
        let mut request = self.transport.request(request)?;
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        // CIDs and digests are letters and digits.
        let kind = kind.map_err(|_| self.transport.answer(R::PATH, "a content type"))?;
        request.headers_mut().insert(CONTENT_TYPE, kind);
        Ok(request)
    }

    async fn feed(
        &self,
        call: &'static str,
        mut body: Sender,
        upload: &mut Upload<'_>,
        name: &str,
        boundary: &str,
    ) -> Result<(), PinError> {
        let stall = self.patience.stall;
        let mut piece = Bytes::from(form_head(name, boundary));
        loop {
            self.push(call, &mut body, piece, stall).await?;
            piece = match upload.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => {
                    // The form has no end then, so the node sees a broken request and keeps nothing that is whole.
                    body.abort();
                    return Err(PinError::Car(Box::new(error)));
                }
                None => break,
            };
        }
        self.push(call, &mut body, Bytes::from(form_tail(boundary)), stall).await
    }

    async fn push(&self, call: &'static str, body: &mut Sender, piece: Bytes, stall: Duration) -> Result<(), PinError> {
        let sent = timeout(stall, body.send_data(piece)).await;
        sent.map_err(|_| self.transport.timeout(call, stall))?.map_err(|error| self.transport.unreachable(call, error))
    }
}

fn form_head(name: &str, boundary: &str) -> String {
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
}

fn form_tail(boundary: &str) -> String {
    format!("\r\n--{boundary}--\r\n")
}
