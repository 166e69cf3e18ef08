//! Errors as a client sees them: a code, and words that clients look for.

use std::borrow::Cow;

use alloy::primitives::{Bytes, hex};
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::sol_types::decode_revert_reason;
use serde_json::value::to_raw_value;

use crate::node::SendError;

#[derive(Debug)]
pub(super) struct RpcError {
    code: i64,
    message: Cow<'static, str>,
    /// What a contract reverted with.
    revert: Option<Bytes>,
}

impl RpcError {
    pub(super) fn method(name: &str) -> Self {
        Self::new(-32601, format!("the method {} does not exist/is not available", name.escape_debug()))
    }

    pub(super) fn params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32602, message)
    }

    pub(super) fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32603, message)
    }

    /// A request that was understood and cannot be met.
    pub(super) fn server(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32000, message)
    }

    pub(super) fn unknown_block() -> Self {
        Self::server("header not found")
    }

    pub(super) fn forgotten(number: u64) -> Self {
        Self::server(format!(
            "historical state is not available: block {number} is more than {} blocks back",
            crate::chain::HISTORY - 1
        ))
    }

    /// A contract said no. alloy decodes the data of errors whose message has the word `revert`.
    pub(super) fn reverted(data: Bytes) -> Self {
        let message = match decode_revert_reason(&data) {
            Some(reason) if !data.is_empty() => format!("execution reverted: {reason}"),
            _ => "execution reverted".to_owned(),
        };
        Self { revert: Some(data), ..Self::new(3, message) }
    }

    fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), revert: None }
    }
}

impl From<SendError> for RpcError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused(refusal) => Self::server(refusal.to_string()),
            SendError::File(error) => {
                let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                Self::internal(format!("{error}{cause}"))
            }
        }
    }
}

impl From<RpcError> for ErrorPayload {
    fn from(error: RpcError) -> Self {
        let data = error.revert.and_then(|data| to_raw_value(&hex::encode_prefixed(data)).ok());
        Self { code: error.code, message: error.message, data }
    }
}
