//! Why a chain did not answer, or answered with no.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use alloy::primitives::{Address, B256, Bytes};
use alloy::rpc::json_rpc::{ErrorPayload, RpcError};
use alloy::sol_types::{Panic, Revert as RevertText, SolError as _};
use alloy::transports::http::reqwest;
use alloy::transports::{TransportError, TransportErrorKind};

use super::Identity;
use crate::endpoint::Endpoint;

/// The most characters of a node's words that are kept.
const MAX_WORDS: usize = 300;

/// A question to a chain that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// There is no local chain yet.
    #[error("there is no local chain in {}", path.display())]
    NoLocal {
        /// Where it would be.
        path: PathBuf,
    },
    /// The local chain cannot be made or opened.
    #[error("the local chain cannot be used")]
    Local(#[source] Box<mira_devchain::ChainError>),
    /// This process cannot wait for anything.
    #[error("no runtime to talk to the chain with")]
    Runtime(#[source] io::Error),
    /// Nobody answers.
    #[error("{endpoint} does not answer {method}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// The question.
        method: &'static str,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nobody answers in time.
    #[error("{endpoint} did not answer {method} in {seconds} s")]
    Timeout {
        /// The endpoint.
        endpoint: String,
        /// The question.
        method: &'static str,
        /// How long we waited.
        seconds: u64,
    },
    /// The answer is an error.
    #[error("{endpoint} refuses {method}: {message} (code {code})")]
    Refused {
        /// The endpoint.
        endpoint: String,
        /// The question.
        method: &'static str,
        /// JSON-RPC's error code.
        code: i64,
        /// Its words, cut.
        message: String,
    },
    /// The contract refuses.
    #[error("the contract refuses: {0}")]
    Revert(Revert),
    /// The answer is none to this question.
    #[error("{endpoint} answers {method} with something that is not {expected}")]
    Answer {
        /// The endpoint.
        endpoint: String,
        /// The question.
        method: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// Another chain than the recorded one answers.
    #[error("{endpoint} is {found}, expected {expected}")]
    OtherChain {
        /// The endpoint.
        endpoint: String,
        /// The recorded chain.
        expected: Box<Identity>,
        /// The one that answers.
        found: Box<Identity>,
    },
    /// There is no contract at this address.
    #[error("there is no contract at {address}")]
    NoCode {
        /// The address.
        address: Address,
    },
    /// The contract is another one than the recorded one.
    #[error("the contract at {address} has code {found}, expected {expected}")]
    OtherCode {
        /// The address.
        address: Address,
        /// The recorded code's hash.
        expected: B256,
        /// The hash of the code there.
        found: B256,
    },
}

/// What a contract said when it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    /// The node's words.
    pub message: String,
    /// The bytes that the contract returned, where the node hands them on.
    pub data: Option<Bytes>,
}

impl ChainError {
    pub(super) fn of(endpoint: &Endpoint, method: &'static str, error: TransportError) -> Self {
        let endpoint = endpoint.to_string();
        match error {
            RpcError::ErrorResp(payload) => refused(endpoint, method, &payload),
            RpcError::Transport(TransportErrorKind::Custom(source)) => {
                // The URL may hold a secret, and reqwest puts it into its words.
                let source = match source.downcast::<reqwest::Error>() {
                    Ok(error) => error.without_url().into(),
                    Err(other) => other,
                };
                Self::Unreachable { endpoint, method, source }
            }
            RpcError::NullResp => Self::Answer { endpoint, method, expected: "an answer" },
            RpcError::DeserError { .. } => Self::Answer { endpoint, method, expected: "in the form of this question" },
            RpcError::Transport(TransportErrorKind::HttpError(error)) => {
                let message = cut(&error.body);
                Self::Refused { endpoint, method, code: i64::from(error.status), message }
            }
            other => Self::Unreachable { endpoint, method, source: cut(&other.to_string()).into() },
        }
    }

    /// Whether a node says of a transaction that it has it.
    pub fn is_already_known(&self) -> bool {
        self.says(&["already known", "already imported", "already exists", "known transaction"])
    }

    /// Whether a node says that a transaction's nonce is used up.
    pub fn is_nonce_too_low(&self) -> bool {
        self.says(&["nonce too low", "nonce is too low", "old nonce", "invalid nonce", "oldnonce"])
    }

    /// Whether a node says that a transaction offers less than any block takes.
    pub fn is_below_base_fee(&self) -> bool {
        self.says(&["base fee", "basefee"])
    }

    /// Whether a node says that a waiting transaction offers too little to be replaced by this one.
    pub fn is_underpriced(&self) -> bool {
        self.says(&["underpriced", "replacement fee too low", "fee too low"])
    }

    /// Whether the same question may be answered later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout { .. })
    }

    /// What the contract said, if it refused.
    pub fn revert(&self) -> Option<&Revert> {
        match self {
            Self::Revert(revert) => Some(revert),
            _ => None,
        }
    }

    /// Nodes have no codes for these, only words, and each its own.
    fn says(&self, words: &[&str]) -> bool {
        let Self::Refused { message, .. } = self else { return false };
        let message = message.to_lowercase();
        words.iter().any(|word| message.contains(word))
    }
}

impl From<mira_devchain::ChainError> for ChainError {
    fn from(error: mira_devchain::ChainError) -> Self {
        Self::Local(Box::new(error))
    }
}

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(data) = self.data.as_deref().filter(|data| !data.is_empty()) else {
            return f.write_str(&self.message);
        };
        if let Some(name) = crate::abi::describe_error(data) {
            f.write_str(&name)
        } else if let Ok(text) = RevertText::abi_decode(data) {
            f.write_str(&cut(&text.reason))
        } else if let Ok(panic) = Panic::abi_decode(data) {
            write!(f, "{panic}")
        } else {
            write!(f, "{} ({})", self.message, cut(&alloy::hex::encode_prefixed(data)))
        }
    }
}

fn refused(endpoint: String, method: &'static str, payload: &ErrorPayload) -> ChainError {
    let message = cut(&payload.message);
    let data = payload.as_revert_data();
    if data.is_some() || payload.code == 3 || message.contains("revert") {
        return ChainError::Revert(Revert { message, data });
    }
    ChainError::Refused { endpoint, method, code: payload.code, message }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(message: &'static str) -> ChainError {
        let payload = ErrorPayload { code: -32000, message: message.into(), data: None };
        refused("node".to_owned(), "eth_sendRawTransaction", &payload)
    }

    #[test]
    fn the_dialects_of_nodes() {
        for known in ["already known", "Transaction already imported", "ALREADY_EXISTS: already known"] {
            assert!(says(known).is_already_known(), "{known}");
        }
        for low in ["nonce too low", "Nonce too low", "nonce too low: next nonce 5, tx nonce 4", "OldNonce"] {
            assert!(says(low).is_nonce_too_low(), "{low}");
        }
        for cheap in ["replacement transaction underpriced", "transaction underpriced"] {
            assert!(says(cheap).is_underpriced(), "{cheap}");
        }
        let other = says("insufficient funds for gas * price + value");
        assert!(!other.is_already_known() && !other.is_nonce_too_low() && !other.is_underpriced());
    }

    #[test]
    fn a_revert_says_why() {
        let data: Bytes = RevertText::from("no such origin").abi_encode().into();
        let revert = Revert { message: "execution reverted".to_owned(), data: Some(data) };
        assert_eq!(revert.to_string(), "no such origin");
        assert_eq!(Revert { message: "execution reverted".to_owned(), data: None }.to_string(), "execution reverted");
        assert!(says("execution reverted").revert().is_some());
    }
}
