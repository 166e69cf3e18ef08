//! A server of this process, on the loopback, that answers as it is told.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// What to answer to a request, by its first line; the connection ends with it.
type Answers = Box<dyn Fn(&str) -> Vec<u8> + Send>;

/// Sets what is answered from now on, and gives the server's address.
pub fn answers(answers: impl Fn(&str) -> Vec<u8> + Send + 'static) -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    static ANSWERS: Mutex<Option<Answers>> = Mutex::new(None);
    *ANSWERS.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(answers));
    ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(line) = request(&mut stream) else { continue };
                let answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = answers.as_ref().map(|answers| answers(&line)).unwrap_or_default();
                drop(answers);
                // The client may have hung up, which is its right.
                let _ = stream.write_all(&answer).and_then(|()| stream.shutdown(Shutdown::Write));
                // What it still sends is taken, so that it gets the answer and no reset.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            }
        });
        address
    })
}

/// An answer of status 200 with this body.
pub fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Reads a request to its end: ours are small. Gives the first line.
fn request(stream: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let is_chunked = bytes.windows(8).any(|window| window.eq_ignore_ascii_case(b"chunked\r"));
        let end: &[u8] = if is_chunked { b"\r\n0\r\n\r\n" } else { b"\r\n\r\n" };
        if bytes.windows(end.len()).any(|window| window == end) {
            let line = bytes.split(|byte| *byte == b'\r').next()?;
            return Some(String::from_utf8_lossy(line).into_owned());
        }
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => bytes.extend_from_slice(piece.get(..read)?),
            _ => return None,
        }
    }
}
