//! A gateway of the tests: serves blocks as the trustless gateway specification says, or misbehaves as it is told.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests state what they expect")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use mira_core::car;
use mira_core::cid::Cid;
use mira_core::unixfs::{CHUNK_LEN, Directory, File, FileBuilder, Link, Sink};

/// Blocks by CID, and for each file its blocks in order.
#[derive(Clone, Default)]
pub(crate) struct Blocks {
    pub(crate) by_cid: HashMap<Cid, Vec<u8>>,
    pub(crate) files: HashMap<Cid, Vec<Cid>>,
}

impl Blocks {
    /// Cuts a file into blocks, and returns its CID.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Cid {
        self.add_file(bytes).cid
    }

    /// The blocks of a folder and of all in it.
    pub(crate) fn add_folder(&mut self, path: &Path) -> Link {
        let mut directory = Directory::new();
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let link =
                if path.is_dir() { self.add_folder(&path) } else { self.add_file(&fs::read(&path).unwrap()).link() };
            directory.insert(path.file_name().unwrap().to_str().unwrap(), link).unwrap();
        }
        self.by_cid.insert(directory.link().cid, directory.encode());
        directory.link()
    }

    fn add_file(&mut self, bytes: &[u8]) -> File {
        let mut nodes = Vec::new();
        let mut builder = FileBuilder::new(Nodes(&mut nodes));
        builder.write(bytes).unwrap();
        let file = builder.finish().unwrap();
        let root = file.cid;
        let leaves = bytes.chunks(CHUNK_LEN).map(|leaf| (Cid::raw_of(leaf), leaf.to_vec()));
        let mut order = Vec::new();
        for (cid, block) in nodes.into_iter().rev().chain(leaves) {
            order.push(cid);
            self.by_cid.insert(cid, block);
        }
        if bytes.is_empty() {
            self.by_cid.insert(root, Vec::new());
            order.push(root);
        }
        self.files.insert(root, order);
        file
    }

    /// A CAR of these blocks.
    pub(crate) fn car(&self, root: &Cid, blocks: &[Cid]) -> Vec<u8> {
        let mut out = Vec::new();
        car::header(&mut out, *root);
        for cid in blocks {
            let block = &self.by_cid[cid];
            car::frame_head(&mut out, *cid, block.len()).unwrap();
            out.extend_from_slice(block);
        }
        out
    }
}

/// Keeps the nodes over a file's leaves.
struct Nodes<'a>(&'a mut Vec<(Cid, Vec<u8>)>);

impl Sink for Nodes<'_> {
    type Error = Infallible;

    fn leaf(&mut self, _: Cid, _: u64, _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn node(&mut self, cid: Cid, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.push((cid, bytes.to_vec()));
        Ok(())
    }
}

/// A request that came.
pub(crate) struct Ask {
    pub(crate) line: String,
    pub(crate) cid: Option<Cid>,
    pub(crate) is_car: bool,
    /// How many requests came before.
    pub(crate) number: usize,
}

/// What is done about it.
pub(crate) enum Answer {
    /// What the specification says.
    Honest,
    /// A status, more header lines, and a body.
    Full(u16, &'static str, Vec<u8>),
    /// Whatever this writes to the connection.
    Write(Box<dyn FnOnce(&mut TcpStream)>),
}

/// A running gateway. It ends with the process.
pub(crate) struct Gateway {
    pub(crate) url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// Serves these blocks.
    pub(crate) fn honest(blocks: &Blocks) -> Self {
        Self::new(blocks, |_| Answer::Honest)
    }

    /// Serves these blocks where `answer` does not say otherwise.
    pub(crate) fn new(blocks: &Blocks, answer: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (blocks, answer, seen) = (Arc::new(blocks.clone()), Arc::new(answer), lines.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (blocks, answer, seen) = (blocks.clone(), answer.clone(), seen.clone());
                std::thread::spawn(move || serve(stream, &blocks, &*answer, &seen));
            }
        });
        Self { url, lines }
    }

    /// The request lines that came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How many of them ask for CARs.
    pub(crate) fn cars(&self) -> usize {
        self.asked().iter().filter(|line| line.contains("format=car")).count()
    }
}

/// One request a connection: whoever asks again connects again.
fn serve(mut stream: TcpStream, blocks: &Blocks, answer: &dyn Fn(&Ask) -> Answer, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|len| len > 2) {
        header.clear();
    }
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(line.trim_end().to_owned());
        seen.len() - 1
    };
    let path = line.split(' ').nth(1).unwrap_or_default();
    let cid = path.split(['/', '?', '=', '&']).find_map(|part| part.parse().ok());
    let ask = Ask { is_car: path.contains("format=car"), cid, number, line: line.clone() };
    let done = match answer(&ask) {
        Answer::Honest => honest(&mut stream, blocks, &ask),
        Answer::Full(status, headers, body) => full(&mut stream, status, headers, &body),
        Answer::Write(write) => {
            write(&mut stream);
            Ok(())
        }
    };
    // Whoever asked may have gone away.
    drop(done);
}

fn honest(stream: &mut TcpStream, blocks: &Blocks, ask: &Ask) -> std::io::Result<()> {
    let Some(cid) = ask.cid else { return full(stream, 400, "", b"no CID") };
    if ask.is_car {
        let Some(order) = blocks.files.get(&cid) else { return full(stream, 404, "", b"") };
        return full(stream, 200, "Content-Type: application/vnd.ipld.car; version=1\r\n", &blocks.car(&cid, order));
    }
    match blocks.by_cid.get(&cid) {
        Some(block) => full(stream, 200, "Content-Type: application/vnd.ipld.raw\r\n", block),
        None => full(stream, 404, "", b""),
    }
}

fn full(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let len = body.len();
    write!(stream, "HTTP/1.1 {status} Status\r\nContent-Length: {len}\r\nConnection: close\r\n{headers}\r\n")?;
    stream.write_all(body)
}

/// The head of an answer whose body is all that comes until the connection ends.
pub(crate) fn head(stream: &mut TcpStream, content_type: &str) {
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {content_type}\r\n\r\n");
}
