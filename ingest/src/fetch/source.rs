//! Who is asked for blocks.

use std::fmt;
use std::net::IpAddr;

use mira_core::cid::Cid;
use reqwest::Url;

use crate::pin::Address;

/// A gateway that serves blocks, or a Kubo node.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    kind: Kind,
    url: Url,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gateway,
    Kubo,
}

/// Why a text is not the URL of a gateway. The text is not repeated: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not a URL.
    #[error("a gateway is https://HOST or http://HOST:PORT, found something else")]
    Url,
    /// Another scheme.
    #[error("a gateway is asked over https or http, not over {found}")]
    Scheme {
        /// The scheme, cut to 20 characters.
        found: String,
    },
}

impl Source {
    /// A gateway by its URL: what stands before `/ipfs/CID` there. Credentials in it are used, and never shown.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn gateway(text: &str) -> Result<Self, SourceError> {
        let mut url = Url::parse(text).map_err(|_| SourceError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SourceError::Scheme { found: url.scheme().chars().take(20).collect() });
        }
        if !url.has_host() {
            return Err(SourceError::Url);
        }
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/ipfs").unwrap_or(path).to_owned();
        url.set_path(&path);
        url.set_fragment(None);
        Ok(Self { kind: Kind::Gateway, url })
    }

    /// A Kubo node by the address of its RPC API.
    ///
    /// # Errors
    /// [`SourceError`], for no address that [`Address`] reads.
    pub fn kubo(address: &Address) -> Result<Self, SourceError> {
        let url = Url::parse(&address.to_string()).map_err(|_| SourceError::Url)?;
        Ok(Self { kind: Kind::Kubo, url })
    }

    /// Whether it is this machine: then no proxy stands between.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
    }

    /// Whether it is asked with POST, as Kubo's RPC is, so that no web page can have a browser ask.
    pub(super) fn is_rpc(&self) -> bool {
        self.kind == Kind::Kubo
    }

    /// Where one block is.
    pub(super) fn block(&self, cid: &Cid) -> Url {
        match self.kind {
            Kind::Gateway => self.path(cid, &[("format", "raw")]),
            Kind::Kubo => {
                let mut url = self.url.clone();
                url.set_path("/api/v0/block/get");
                url.query_pairs_mut().append_pair("arg", &cid.to_string());
                url
            }
        }
    }

    /// Where all blocks of a file are as one CAR; a node's RPC is asked for blocks only.
    pub(super) fn car(&self, cid: &Cid) -> Option<Url> {
        let url = || self.path(cid, &[("format", "car"), ("dag-scope", "entity")]);
        (self.kind == Kind::Gateway).then(url)
    }

    fn path(&self, cid: &Cid, query: &[(&str, &str)]) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/ipfs/{cid}", self.url.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?} {self})", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_blocks_and_files() {
        let cid = Cid::raw_of(b"x");
        for (text, block) in [
            ("https://gateway.example", format!("https://gateway.example/ipfs/{cid}?format=raw")),
            ("https://gateway.example/ipfs/", format!("https://gateway.example/ipfs/{cid}?format=raw")),
            ("http://127.0.0.1:8080/a/b/", format!("http://127.0.0.1:8080/a/b/ipfs/{cid}?format=raw")),
            ("https://gateway.example/?key=k", format!("https://gateway.example/ipfs/{cid}?key=k&format=raw")),
        ] {
            assert_eq!(Source::gateway(text).unwrap().block(&cid).as_str(), block);
        }
        let gateway = Source::gateway("https://gateway.example").unwrap();
        let car = format!("https://gateway.example/ipfs/{cid}?format=car&dag-scope=entity");
        assert_eq!(gateway.car(&cid).unwrap().as_str(), car);
        let kubo = Source::kubo(&"/ip4/127.0.0.1/tcp/5001".parse().unwrap()).unwrap();
        assert_eq!(kubo.block(&cid).as_str(), format!("http://127.0.0.1:5001/api/v0/block/get?arg={cid}"));
        assert!(kubo.car(&cid).is_none() && kubo.is_loopback() && !gateway.is_loopback());
    }

    #[test]
    fn secrets_are_not_shown() {
        let source = Source::gateway("https://user:word@gateway.example:8443/token?key=secret").unwrap();
        assert_eq!(source.to_string(), "https://gateway.example:8443");
        assert_eq!(format!("{source:?}"), "Source(Gateway https://gateway.example:8443)");
        for text in ["", "gateway.example", "user:word@gateway.example", "ftp://u:word@gateway.example", "file:///x"] {
            let error = Source::gateway(text).unwrap_err().to_string();
            assert!(!error.contains("word") && !error.contains("gateway.example"), "{error}");
        }
    }
}
