//! Where a chain is: the one in the workspace, or a node's RPC API.
//!
//! A node's URL may carry a password or an access token in its user part, path or query. It is used as it was given,
//! and shown and stored as scheme, host and port alone.

use std::fmt;
use std::path::PathBuf;

use alloy::transports::http::reqwest::Url;

/// A chain's address.
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The chain kept in this file, run by this process.
    Local(PathBuf),
    /// A node's RPC API over HTTP or HTTPS.
    Node(NodeUrl),
}

/// The URL of a node.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeUrl(Url);

/// Why a text is not the URL of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL.
    #[error("expected `local`, https://HOST or http://HOST:PORT, found something else")]
    Url,
    /// Another scheme.
    #[error("a chain is reached over https or http, found {scheme}")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
}

impl Endpoint {
    /// Reads what a person gave: `local`, for the chain in `local`, or a node's URL.
    ///
    /// # Errors
    /// [`EndpointError`], which never repeats the text: it may hold a secret.
    pub fn parse(text: &str, local: impl Into<PathBuf>) -> Result<Self, EndpointError> {
        if text == "local" { Ok(Self::Local(local.into())) } else { NodeUrl::parse(text).map(Self::Node) }
    }

    /// Whether it is the workspace's own chain.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }
}

impl NodeUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::Url)?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Self(url)),
            "http" | "https" => Err(EndpointError::Url),
            scheme => Err(EndpointError::Scheme { scheme: scheme.chars().take(20).collect() }),
        }
    }

    /// The URL with all it holds, to be sent to and never shown.
    pub(crate) fn full(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(_) => f.write_str("local"),
            Self::Node(url) => f.write_str(&shown(&url.0)),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeUrl({})", shown(&self.0))
    }
}

fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let url = Endpoint::parse("http://user:word@node.example:8545/v3/token?key=1", "x").unwrap();
        assert_eq!(url.to_string(), "http://node.example:8545");
        assert_eq!(format!("{url:?}"), "Endpoint(http://node.example:8545)");
        let Endpoint::Node(inner) = &url else { panic!("not a node") };
        assert_eq!(inner.full().path(), "/v3/token");
        assert_eq!(Endpoint::parse("http://[::1]:80/", "x").unwrap().to_string(), "http://[::1]");
    }

    #[test]
    fn only_http_https_and_local() {
        assert!(Endpoint::parse("local", "chain/local").unwrap().is_local());
        let tls = Endpoint::parse("https://user:word@node.example/token", "x").unwrap();
        assert_eq!(tls.to_string(), "https://node.example");
        assert!(matches!(Endpoint::parse("wss://node.example", "x"), Err(EndpointError::Scheme { .. })));
        assert!(matches!(Endpoint::parse("ftp://node.example", "x"), Err(EndpointError::Scheme { .. })));
        for text in ["", "node.example", "localhost", "Local", "http://"] {
            assert!(Endpoint::parse(text, "x").is_err(), "{text}");
        }
    }
}
