//! Where a node's RPC API is.
//!
//! ```
//! use mira_ingest::pin::Address;
//!
//! let address: Address = "/ip4/127.0.0.1/tcp/5001".parse()?;
//! assert_eq!(address.to_string(), "http://127.0.0.1:5001");
//! assert!(address.is_loopback());
//! assert!(!"http://kubo.example:5001".parse::<Address>()?.is_loopback());
//! # Ok::<(), mira_ingest::pin::AddressError>(())
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port where Kubo listens if nothing else is said.
const DEFAULT_PORT: u16 = 5001;
/// The longest file that is read as an address.
const MAX_FILE_LEN: u64 = 1024;

/// Scheme, host and port of an RPC API. It is written as a URL of these three: a name and password that stand in it are
/// sent to the node and shown to nobody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    is_tls: bool,
    credentials: Option<String>,
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

/// Why a text is not such an address, or none was found.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Neither of the two spellings.
    #[error("expected http://HOST:PORT or /ip4/ADDRESS/tcp/PORT, found {found:?}: {rule}")]
    Text {
        /// The text without what may be secret in it, cut to 80 characters.
        found: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The file with the address cannot be read.
    #[error("{}: cannot read the address of the API", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Address {
    /// The address to use: what `MIRA_KUBO` says, else the file `api` of the repository at `IPFS_PATH`, else
    /// 127.0.0.1:5001. Both are arguments; a repository whose node does not run has no such file.
    ///
    /// # Errors
    /// [`AddressError`] where something is said and is no address.
    pub fn find(mira_kubo: Option<&str>, ipfs_path: Option<&Path>) -> Result<Self, AddressError> {
        if let Some(text) = mira_kubo {
            return text.parse();
        }
        let found = ipfs_path.map(Self::of_repository).transpose()?.flatten();
        Ok(found.unwrap_or(Self {
            is_tls: false,
            credentials: None,
            host: Host::Ip(Ipv4Addr::LOCALHOST.into()),
            port: DEFAULT_PORT,
        }))
    }

    /// Whether it is this machine, so that using it publishes nothing by itself. A name counts only if it is
    /// `localhost`, which RFC 6761 keeps for that; others are not looked up.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(IpAddr::V4(ip)) => ip.is_loopback(),
            Host::Ip(IpAddr::V6(ip)) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
            Host::Name(name) => name == "localhost",
        }
    }

    /// Whether the connection is encrypted.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// `name:password`, if the URL has them. Files do not keep such an address.
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }

    fn of_repository(repository: &Path) -> Result<Option<Self>, AddressError> {
        let path = repository.join("api");
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_FILE_LEN).read_to_string(&mut text));
        match read {
            Ok(_) => text.trim().parse().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(AddressError::Io { path, source }),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let parsed = if text.starts_with('/') { parse_multiaddr(text) } else { parse_url(text) };
        parsed.map_err(|rule| AddressError::Text { found: shown(text).chars().take(80).collect(), rule })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "{scheme}://[{ip}]:{}", self.port),
            Host::Ip(IpAddr::V4(ip)) => write!(f, "{scheme}://{ip}:{}", self.port),
            Host::Name(name) => write!(f, "{scheme}://{name}:{}", self.port),
        }
    }
}

/// As it is shown: a password does not get into a log by way of a struct that holds it.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address as it may be shown: scheme and host. What stands before an `@`, or behind the host, may be a secret.
pub(super) fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        // No URL, but perhaps one whose scheme was forgotten.
        return text
            .rsplit_once('@')
            .map_or(text, |(_, host)| host)
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .to_owned();
    };
    // A password may hold any of the characters that end a host.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{}", host.split(['/', '?', '#']).next().unwrap_or_default())
}

/// `/ip4/A/tcp/P`, `/ip6/A/tcp/P`, `/dns/N/tcp/P` (also dns4, dns6), each with `/http`, `/https` or neither.
fn parse_multiaddr(text: &str) -> Result<Address, &'static str> {
    let parts: Vec<&str> = text.split('/').skip(1).collect();
    let (kind, host, port, is_tls) = match parts.as_slice() {
        [kind, host, "tcp", port] | [kind, host, "tcp", port, "http"] => (*kind, *host, *port, false),
        [kind, host, "tcp", port, "https"] | [kind, host, "tcp", port, "tls", "http"] => (*kind, *host, *port, true),
        _ => return Err("a multiaddr names a host and a TCP port"),
    };
    let host = match kind {
        "ip4" => Host::Ip(host.parse::<Ipv4Addr>().map_err(|_| "the IPv4 address is not one")?.into()),
        "ip6" => Host::Ip(host.parse::<Ipv6Addr>().map_err(|_| "the IPv6 address is not one")?.into()),
        "dns" | "dns4" | "dns6" => Host::Name(parse_name(host)?),
        _ => return Err("a host is ip4, ip6, dns, dns4 or dns6"),
    };
    Ok(Address { is_tls, credentials: None, host, port: parse_port(port)? })
}

fn parse_url(text: &str) -> Result<Address, &'static str> {
    let (is_tls, rest) = match text.split_once("://") {
        Some(("http", rest)) => (false, rest),
        Some(("https", rest)) => (true, rest),
        _ => return Err("a URL starts with http:// or https://"),
    };
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => (Some(parse_credentials(credentials)?), rest),
        None => (None, rest),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return Err("the URL ends after the port: the path is always /api/v0");
    }
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("an IPv6 address ends with ]")?;
            let host = host.parse::<Ipv6Addr>().map_err(|_| "the IPv6 address is not one")?;
            if !port.is_empty() && !port.starts_with(':') {
                return Err("behind an IPv6 address come a colon and the port");
            }
            (Host::Ip(host.into()), port.strip_prefix(':'))
        }
        None => {
            let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
            let ip = host.parse::<Ipv4Addr>().map(|ip| Host::Ip(ip.into()));
            (ip.or_else(|_| parse_name(host).map(Host::Name))?, port)
        }
    };
    let port = match port.filter(|port| !port.is_empty() || !is_tls) {
        Some(port) => parse_port(port)?,
        // What everybody means by https; an API without it is at a port of its own.
        None if is_tls => 443,
        None => return Err("the port is missing"),
    };
    Ok(Address { is_tls, credentials, host, port })
}

/// `name:password`, each percent-encoded or not.
fn parse_credentials(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "before the @ stand a name, a colon and a password";
    let (name, password) = text.split_once(':').ok_or(RULE)?;
    let decoded = |text: &str| -> Option<String> {
        let (mut out, mut bytes) = (Vec::new(), text.bytes());
        while let Some(byte) = bytes.next() {
            let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            out.push(if byte == b'%' { digit()? << 4 | digit()? } else { byte });
        }
        String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
    };
    let name = decoded(name).filter(|name| !name.contains(':')).ok_or(RULE)?;
    Ok(format!("{name}:{}", decoded(password).ok_or(RULE)?))
}

/// A host name, in lower case so that equal ones are spelled alike.
fn parse_name(name: &str) -> Result<String, &'static str> {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    // A last label of digits would be an IPv4 address in one of its old spellings, such as 127.1 or 2130706433.
    let last_is_number = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if name.len() > 253 || !name.split('.').all(is_label) || last_is_number {
        return Err("the host name is not one");
    }
    Ok(name.to_ascii_lowercase())
}

fn parse_port(port: &str) -> Result<u16, &'static str> {
    let all_digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| all_digits && *port != 0).ok_or("a port is 1 to 65535")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings() {
        for (text, url, loopback) in [
            ("http://127.0.0.1:5001", "http://127.0.0.1:5001", true),
            ("http://127.9.9.9:1/", "http://127.9.9.9:1", true),
            ("http://localhost:5001", "http://localhost:5001", true),
            ("http://LOCALHOST:5001", "http://localhost:5001", true),
            ("http://[::1]:5001", "http://[::1]:5001", true),
            ("http://[::ffff:127.0.0.1]:80", "http://[::ffff:127.0.0.1]:80", true),
            ("http://10.0.0.1:5001", "http://10.0.0.1:5001", false),
            ("http://0.0.0.0:5001", "http://0.0.0.0:5001", false),
            ("http://localhost.example:80", "http://localhost.example:80", false),
            ("http://127.0.0.1.example:80", "http://127.0.0.1.example:80", false),
            ("/ip4/127.0.0.1/tcp/5001", "http://127.0.0.1:5001", true),
            ("/ip4/127.0.0.1/tcp/5001/http", "http://127.0.0.1:5001", true),
            ("/ip6/::1/tcp/5001", "http://[::1]:5001", true),
            ("/dns4/node.example/tcp/80", "http://node.example:80", false),
            ("/dns4/node.example/tcp/443/https", "https://node.example:443", false),
            ("https://node.example", "https://node.example:443", false),
            ("https://node.example:5001/", "https://node.example:5001", false),
            ("https://[::1]", "https://[::1]:443", true),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.is_loopback()), (url, loopback), "{text}");
            assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "127.0.0.1:5001",
            "http://",
            "http://:5001",
            "http://127.0.0.1",
            "http://127.0.0.1:0",
            "http://127.0.0.1:65536",
            "http://127.0.0.1:+80",
            "http://127.0.0.1:5001/api/v0",
            "http://name@127.0.0.1:5001",
            "http://a:%0@127.0.0.1:5001",
            "http://a:%0a@127.0.0.1:5001",
            "ftp://127.0.0.1:5001",
            "http://127.0.0.1:5001?x",
            "http://::1:5001",
            "http://[::1]5001",
            "http://[::1]:",
            "http://127.1:5001",
            "http://2130706433:5001",
            "http://a..b:1",
            "http://a b:1",
            "/",
            "/ip4/127.0.0.1",
            "/ip4/127.0.0.1/udp/5001",
            "/ip4/::1/tcp/1",
            "/unix/tmp/kubo",
            "/ip4/127.0.0.1/tcp/5001/",
            "unix:///tmp/kubo",
        ] {
            assert!(matches!(text.parse::<Address>(), Err(AddressError::Text { .. })), "{text:?}");
        }
    }

    #[test]
    fn what_is_refused_shows_no_secret() {
        for (text, shown) in [
            ("http://user:secret@127.0.0.1:5001/x", "http://127.0.0.1:5001"),
            ("http://user:se/cr@et?secret#@node.example:1/x", "http://node.example:1"),
            ("https://node.example/api?token=secret", "https://node.example"),
            ("user:secret@node.example:5001", "node.example:5001"),
            ("nonsense", "nonsense"),
        ] {
            let message = text.parse::<Address>().unwrap_err().to_string();
            assert!(message.contains(&format!("found {shown:?}")) && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn a_password_is_sent_and_not_shown() {
        let address: Address = "https://user:se%2Fcret%3A@node.example".parse().unwrap();
        assert_eq!(address.credentials(), Some("user:se/cret:"));
        for shown in [address.to_string(), format!("{address:?}")] {
            assert_eq!(shown, "https://node.example:443");
        }
        let loopback: Address = "http://a:b@127.0.0.1:5001".parse().unwrap();
        assert!(loopback.is_loopback());
        assert!(!"http://127.0.0.1:5001@node.example:1".parse::<Address>().unwrap().is_loopback());
    }

    #[test]
    fn the_setting_comes_before_the_repository_before_the_default() {
        let repository = tempfile::tempdir().unwrap();
        let find = |setting| Address::find(setting, Some(repository.path())).map(|address| address.to_string());
        assert_eq!(find(None).unwrap(), "http://127.0.0.1:5001");
        std::fs::write(repository.path().join("api"), "/ip4/127.0.0.1/tcp/4444\n").unwrap();
        assert_eq!(find(None).unwrap(), "http://127.0.0.1:4444");
        assert_eq!(find(Some("http://127.0.0.1:3333")).unwrap(), "http://127.0.0.1:3333");
        assert!(find(Some("")).is_err());
        std::fs::write(repository.path().join("api"), "nonsense").unwrap();
        assert!(find(None).is_err());
        assert_eq!(Address::find(None, None).unwrap().to_string(), "http://127.0.0.1:5001");
    }
}
