//! A pinning service as the IPFS Pinning Service API 1.0 describes it, on loopback, with delays and failures as asked for.
//!
//! It fetches nothing: a pin goes from state to state each time somebody looks at it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) const KEY: &str = "sample-key";
/// A peer that nobody is, as a delegate to connect to: that nobody answers is no error.
const DELEGATE: &str = "/ip4/127.0.0.1/tcp/1/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN";

#[derive(Default)]
struct State {
    pins: BTreeMap<u64, Pin>,
    /// States that new pins go through.
    course: Vec<&'static str>,
    /// Answers instead of the next ones.
    failures: VecDeque<(u16, &'static str)>,
    delay: Duration,
    requests: Vec<String>,
}

#[derive(Clone)]
struct Pin {
    pin: Value,
    course: VecDeque<&'static str>,
}

impl Pin {
    fn status(&self) -> &'static str {
        self.course.front().copied().unwrap_or("failed")
    }

    /// Somebody looked.
    fn advance(&mut self) {
        if self.course.len() > 1 {
            self.course.pop_front();
        }
    }
}

#[derive(Clone)]
pub(crate) struct PinningService {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

impl PinningService {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let service = Self { endpoint, state: Arc::default() };
        service.course(&["queued", "pinning", "pinned"]);
        let state = Arc::clone(&service.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || serve(stream, &state));
            }
        });
        service
    }

    /// The states that pins go through from now on, one a look.
    pub(crate) fn course(&self, course: &[&'static str]) {
        self.state.lock().unwrap().course = course.to_vec();
    }

    /// Ends the course of all pins: they are pinned.
    pub(crate) fn let_go(&self) {
        self.state.lock().unwrap().pins.values_mut().for_each(|pin| pin.course = ["pinned"].into());
    }

    /// The next answers are these failures.
    pub(crate) fn fail(&self, failures: &[(u16, &'static str)]) {
        self.state.lock().unwrap().failures.extend(failures);
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// Requests whose method and path begin so.
    pub(crate) fn requests(&self, start: &str) -> usize {
        self.state.lock().unwrap().requests.iter().filter(|request| request.starts_with(start)).count()
    }

    /// Names and states of all pins, oldest first.
    pub(crate) fn pins(&self) -> Vec<(String, &'static str)> {
        let state = self.state.lock().unwrap();
        state.pins.values().map(|pin| (pin.pin["name"].as_str().unwrap_or_default().into(), pin.status())).collect()
    }

    /// Puts a pin of somebody else there.
    pub(crate) fn put(&self, cid: &str, name: &str) {
        let mut state = self.state.lock().unwrap();
        let number = state.pins.len() as u64 + 1;
        state.pins.insert(number, Pin { pin: json!({"cid": cid, "name": name}), course: ["pinned"].into() });
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).ok()? == 0 {
            return None;
        }
        let (mut len, mut key) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => len = value.parse().ok()?,
                "authorization" => value.clone_into(&mut key),
                _ => {}
            }
        }
        let mut body = vec![0; len];
        reader.read_exact(&mut body).ok()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (status, answer) = {
            let mut state = state.lock().unwrap();
            state.requests.push(format!("{method} {target}"));
            thread::sleep(state.delay);
            match state.failures.pop_front() {
                Some((status, reason)) => (status, error(reason)),
                None if key != format!("Bearer {KEY}") => (401, error("UNAUTHORIZED")),
                None => state.answer(method, target, &body),
            }
        };
        let text = if answer.is_null() { String::new() } else { answer.to_string() };
        let head = format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        (&stream).write_all(&[head.as_bytes(), text.as_bytes()].concat()).ok()?;
    }
}

fn error(reason: &str) -> Value {
    json!({"error": {"reason": reason, "details": format!("the sample service says {reason}")}})
}

impl State {
    fn answer(&mut self, method: &str, target: &str, body: &[u8]) -> (u16, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let id = path.strip_prefix("/pins/").map(str::parse::<u64>);
        match (method, path, id) {
            ("GET", "/pins", _) => self.list(query),
            ("POST", "/pins", _) => match self.checked(body) {
                Some(pin) => {
                    let number = self.pins.keys().last().map_or(1, |last| last + 1);
                    self.pins.insert(number, pin);
                    (202, self.shown(number))
                }
                None => (400, error("BAD_REQUEST")),
            },
            (_, _, Some(Ok(number))) if self.pins.contains_key(&number) => match method {
                "GET" => {
                    let shown = self.shown(number);
                    self.pins.get_mut(&number).unwrap().advance();
                    (200, shown)
                }
                "DELETE" => {
                    self.pins.remove(&number);
                    (202, Value::Null)
                }
                "POST" => match self.checked(body) {
                    Some(pin) => {
                        // A replacement is another request, with a number of its own.
                        self.pins.remove(&number);
                        let number = self.pins.keys().last().map_or(number, |last| last.max(&number).to_owned()) + 1;
                        self.pins.insert(number, pin);
                        (202, self.shown(number))
                    }
                    None => (400, error("BAD_REQUEST")),
                },
                _ => (404, error("NOT_FOUND")),
            },
            _ => (404, error("NOT_FOUND")),
        }
    }

    fn checked(&self, body: &[u8]) -> Option<Pin> {
        let pin: Value = serde_json::from_slice(body).ok()?;
        let name = pin["name"].as_str().unwrap_or_default();
        let is_fine = pin["cid"].as_str()?.parse::<mira_core::cid::Cid>().is_ok() && name.len() <= 255;
        is_fine.then(|| Pin { pin, course: self.course.clone().into() })
    }

    fn shown(&self, number: u64) -> Value {
        let pin = &self.pins[&number];
        json!({
            "requestid": number.to_string(), "status": pin.status(), "created": created(number), "pin": pin.pin,
            "delegates": [DELEGATE], "info": {"status_details": "a sample"},
        })
    }

    fn list(&mut self, query: &str) -> (u16, Value) {
        let (mut cids, mut name, mut states, mut limit) = (Vec::new(), None, vec!["pinned".to_owned()], 10);
        let (mut before, mut after) = (None, None);
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            let list = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
            match key {
                "cid" => cids = list(),
                "name" => name = Some(value),
                "status" => states = list(),
                "limit" => match value.parse() {
                    Ok(number @ 1..=1000) => limit = number,
                    _ => return (400, error("BAD_REQUEST")),
                },
                "before" => before = Some(value),
                "after" => after = Some(value),
                _ => {}
            }
        }
        if cids.len() > 10 {
            return (400, error("BAD_REQUEST"));
        }
        let fits = |number: u64, pin: &Pin| {
            (cids.is_empty() || cids.iter().any(|cid| pin.pin["cid"] == **cid))
                && name.as_ref().is_none_or(|name| pin.pin["name"] == **name)
                && states.iter().any(|state| *state == pin.status())
                && before.as_ref().is_none_or(|before| seconds(&created(number)) < seconds(before))
                && after.as_ref().is_none_or(|after| seconds(&created(number)) > seconds(after))
        };
        // The newest first.
        let numbers: Vec<u64> =
            self.pins.iter().rev().filter(|(number, pin)| fits(**number, pin)).map(|(number, _)| *number).collect();
        let results: Vec<Value> = numbers.iter().take(limit).map(|number| self.shown(*number)).collect();
        for number in numbers.iter().take(limit) {
            self.pins.get_mut(number).unwrap().advance();
        }
        (200, json!({"count": numbers.len(), "results": results}))
    }
}

/// One second a pin.
fn created(number: u64) -> String {
    format!("2026-11-28T{:02}:{:02}:{:02}.000Z", number / 3600 % 24, number / 60 % 60, number % 60)
}

/// The part of a time that tells pins apart.
fn seconds(time: &str) -> String {
    time.chars().take(19).collect()
}

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
