//! The chain as a transport of alloy: requests go in, answers come out, as from a node over HTTP.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use alloy::rpc::json_rpc::{RequestPacket, Response, ResponsePacket, SerializedRequest};
use alloy::transports::{TransportError, TransportFut};
use tower::Service;

use crate::node::{Node, locked};
use crate::rpc;

/// A transport that ends in a chain of this process. Nothing is queued: an answer is there when its future is polled.
#[derive(Debug, Clone)]
pub struct DevTransport {
    node: Arc<Mutex<Node>>,
}

impl DevTransport {
    pub(crate) fn new(node: Arc<Mutex<Node>>) -> Self {
        Self { node }
    }

    fn answer(&self, request: &SerializedRequest) -> Response {
        let mut node = locked(&self.node);
        Response { id: request.id().clone(), payload: rpc::answer(&mut node, request.method(), request.params()) }
    }
}

impl Service<RequestPacket> for DevTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let transport = self.clone();
        Box::pin(async move {
            Ok(match packet {
                RequestPacket::Single(request) => ResponsePacket::Single(transport.answer(&request)),
                RequestPacket::Batch(requests) => {
                    ResponsePacket::Batch(requests.iter().map(|request| transport.answer(request)).collect())
                }
            })
        })
    }
}
