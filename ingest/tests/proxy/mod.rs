//! A proxy before a real node, which does to chosen calls what networks, disks and other people's servers do.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of a call.
#[derive(Clone)]
pub(crate) enum Fault {
    /// This status and body, and the node hears nothing of it.
    Answer(u16, String),
    /// No answer, and no byte of the body is taken.
    Hang,
    /// Both connections end after so many bytes of the body.
    Reset(usize),
    /// One bit of the body's byte at this offset is another one.
    Flip(usize),
}

pub(crate) struct Proxy {
    pub(crate) address: String,
    rules: Arc<Mutex<Vec<(String, Fault, usize)>>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy before the node at this URL.
    pub(crate) fn before(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let proxy = Self { address, rules: Arc::default(), calls: Arc::default() };
        let (rules, calls) = (Arc::clone(&proxy.rules), Arc::clone(&proxy.calls));
        let node = node.trim_start_matches("http://").to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (rules, calls, node) = (Arc::clone(&rules), Arc::clone(&calls), node.clone());
                // A connection that breaks is what this is for.
                thread::spawn(move || serve(stream, &node, &rules, &calls));
            }
        });
        proxy
    }

    /// The next so many calls whose path ends so meet this fault.
    pub(crate) fn fault(&self, call: &str, fault: Fault, times: usize) -> &Self {
        self.rules.lock().unwrap().push((call.to_owned(), fault, times));
        self
    }

    pub(crate) fn heal(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// How often a call was made.
    pub(crate) fn calls(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|path| path.ends_with(call)).count()
    }
}

fn serve(
    mut client: TcpStream,
    node: &str,
    rules: &Mutex<Vec<(String, Fault, usize)>>,
    calls: &Mutex<Vec<String>>,
) -> Option<()> {
    let head = read_head(&mut client)?;
    let target = head.split(' ').nth(1)?;
    let path = target.split('?').next()?.to_owned();
    calls.lock().unwrap().push(path.clone());
    let fault = rules.lock().unwrap().iter_mut().find(|(call, _, times)| path.ends_with(&**call) && *times > 0).map(
        |(_, fault, times)| {
            *times -= 1;
            fault.clone()
        },
    );
    match fault {
        Some(Fault::Answer(status, body)) => {
            let len = body.len();
            let answer =
                format!("HTTP/1.1 {status} Status\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}");
            client.write_all(answer.as_bytes()).ok()?;
            // Hanging up on bytes that nobody read would take the answer away from the client.
            client.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
            let _ = std::io::copy(&mut client, &mut std::io::sink());
        }
        Some(Fault::Hang) => thread::sleep(Duration::from_secs(60)),
        Some(Fault::Reset(after)) => {
            pass(client, node, &head, move |sent, piece| piece.len().min(after.saturating_sub(sent)))?
        }
        Some(Fault::Flip(at)) => pass(client, node, &head, move |sent, piece| {
            if let Some(byte) = at.checked_sub(sent).and_then(|at| piece.get_mut(at)) {
                *byte ^= 1;
            }
            piece.len()
        })?,
        None => pass(client, node, &head, |_, piece| piece.len())?,
    }
    Some(())
}

fn read_head(client: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Hands a request on, and its answer back. `piece` sees each piece with the number of bytes before it, and says how many
/// bytes of it go on: with fewer than all, both connections end there. How a body falls into pieces is up to the kernel.
fn pass(
    mut client: TcpStream,
    node: &str,
    head: &str,
    mut piece: impl FnMut(usize, &mut [u8]) -> usize + Send + 'static,
) -> Option<()> {
    let mut upstream = TcpStream::connect(node).ok()?;
    // One request a connection, so that its end is the end of everything.
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    upstream.write_all(head.as_bytes()).ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, upstream.try_clone().ok()?);
    let requests = thread::spawn(move || {
        let (mut buffer, mut sent) = (vec![0; 64 << 10], 0);
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            let passed = piece(sent, &mut buffer[..len]);
            let written = to.write_all(&buffer[..passed]);
            if passed < len {
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            }
            if written.is_err() || passed < len {
                return;
            }
            sent += len;
        }
    });
    let _ = std::io::copy(&mut upstream, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    requests.join().ok()
}
