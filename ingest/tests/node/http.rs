//! As much of HTTP/1.1 as the twin of a node needs, at both ends.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::Value;

/// A request that came whole.
pub(super) struct Request {
    /// Of the URL, without what follows a question mark.
    pub(super) path: String,
    /// What follows it, decoded.
    options: Vec<(String, String)>,
    /// Headers with lower-case names.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// The next one on a connection; nothing where it ends, or breaks off.
    pub(super) fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let first = line(reader)?;
        let target = first.split(' ').nth(1)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let options = query.split('&').filter_map(|pair| pair.split_once('='));
        let (path, options) = (path.to_owned(), options.map(|(key, value)| (decoded(key), decoded(value))).collect());
        let headers = headers(reader)?;
        let body = body(reader, &headers)?;
        Some(Self { path, options, headers, body })
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The first option of this name.
    pub(super) fn option(&self, name: &str) -> &str {
        self.options.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// All options of this name: a list is an option that is given more than once.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The one file of a form.
    pub(super) fn file(&self) -> Option<&[u8]> {
        let boundary = self.header("content-type").split("boundary=").nth(1)?;
        let end = format!("\r\n--{boundary}--\r\n");
        let begin = self.body.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        self.body.get(begin..)?.strip_suffix(end.as_bytes())
    }
}

/// Answers a request.
pub(super) fn answer(mut stream: &TcpStream, status: u16, body: &[u8]) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())
}

/// Asks a server at `http://HOST:PORT`, and gives the status and the document of its answer.
pub(super) fn ask(
    endpoint: &str,
    method: &str,
    target: &str,
    key: &str,
    body: Option<&Value>,
) -> io::Result<(u16, Value)> {
    let host = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
    let mut reader = BufReader::new(stream);
    let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let status = line(&mut reader).and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(broken)?;
    let headers = headers(&mut reader).ok_or_else(broken)?;
    let answer = self::body(&mut reader, &headers).ok_or_else(broken)?;
    Ok((status, serde_json::from_slice(&answer).unwrap_or(Value::Null)))
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let len = reader.read_line(&mut line).ok()?;
    (len > 0).then(|| line.trim_end().to_owned())
}

fn headers(reader: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        let Some((name, value)) = line.split_once(": ") else { return Some(headers) };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}

/// What follows the headers. Nothing if it breaks off: half of a body is none.
fn body(reader: &mut impl BufRead, headers: &[(String, String)]) -> Option<Vec<u8>> {
    let value = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if value("transfer-encoding") != Some("chunked") {
        body.resize(value("content-length").map_or(Some(0), |len| len.parse().ok())?, 0);
        reader.read_exact(&mut body).ok()?;
        return Some(body);
    }
    loop {
        let len = usize::from_str_radix(&line(reader)?, 16).ok()?;
        let mut piece = vec![0; len + 2];
        reader.read_exact(&mut piece).ok()?;
        if len == 0 {
            return Some(body);
        }
        piece.truncate(len);
        body.append(&mut piece);
    }
}

/// A part of a query as it was meant.
fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = [bytes.next().unwrap_or_default(), bytes.next().unwrap_or_default()];
                u8::from_str_radix(std::str::from_utf8(&pair).unwrap_or_default(), 16).unwrap_or_default()
            }
            byte => byte,
        });
    }
    String::from_utf8(out).unwrap_or_default()
}

/// A part of a query as it is sent.
pub(super) fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
