//! The twin of a Kubo node, on loopback: the calls of its RPC API that a pin makes, with Kubo's words where ours depend on
//! them. `checks::check_all` holds of it as of the real one.
//!
//! Each user that it is asked by, as the name in the URL says, has blocks, pins and services of their own: one process is
//! as many nodes as a test wants, all at one address.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests state what they expect")]

mod http;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mira_core::car::Car;
use mira_core::cid::{Cid, Codec};
use mira_core::unixfs::{CHUNK_LEN, File, FileBuilder, Node as DagNode, Opened, Sink, decode_node};
use serde_json::{Value, json};

use self::http::Request;

/// The node. It ends with the process.
pub(crate) struct Node {
    host: String,
    users: Arc<Mutex<BTreeMap<String, Home>>>,
}

/// What the node keeps for one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Home {
    blocks: BTreeMap<Cid, Vec<u8>>,
    /// Recursive pins, with their names.
    pins: BTreeMap<Cid, String>,
    services: Vec<Service>,
}

/// A pinning service as its user made it known: name, endpoint, key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    name: String,
    endpoint: String,
    key: String,
}

/// What is said to a question: a body, or why not.
type Answer = Result<Vec<u8>, String>;

impl Node {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let node = Self { host: listener.local_addr().unwrap().to_string(), users: Arc::default() };
        let users = Arc::clone(&node.users);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let users = Arc::clone(&users);
                // A connection that breaks is the other side's to tell of.
                thread::spawn(move || serve(stream, &users));
            }
        });
        node
    }

    /// Where a user asks it.
    pub(crate) fn url(&self, user: &str) -> String {
        format!("http://{user}:sample-password@{}", self.host)
    }

    /// Makes a pinning service known, as `ipfs pin remote service add` does.
    pub(crate) fn know(&self, user: &str, name: &str, endpoint: &str, key: &str) {
        let service = Service { name: name.into(), endpoint: endpoint.into(), key: key.into() };
        let mut users = locked(&self.users);
        let home = users.entry(user.into()).or_default();
        home.services.retain(|known| known.name != name);
        home.services.push(service);
    }

    /// Gives one user all that another has.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let mut users = locked(&self.users);
        let home = users.get(from).cloned().unwrap_or_default();
        users.insert(to.into(), home);
    }

    /// The pins of a user: CIDs and names.
    pub(crate) fn pins(&self, user: &str) -> Vec<(String, String)> {
        let users = locked(&self.users);
        let pins = users.get(user).into_iter().flat_map(|home| &home.pins);
        pins.map(|(cid, name)| (cid.to_string(), name.clone())).collect()
    }
}

fn locked(users: &Mutex<BTreeMap<String, Home>>) -> MutexGuard<'_, BTreeMap<String, Home>> {
    // No call leaves a home half changed, so one that panicked does not spoil it.
    users.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, users: &Mutex<BTreeMap<String, Home>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let request = Request::read(&mut reader)?;
        // As it is sent; which name that is, is nobody's business here.
        let user = user_of(request.header("authorization"));
        let call = request.path.strip_prefix("/api/v0").unwrap_or_default();
        let (status, body) = match call.strip_prefix("/pin/remote/") {
            Some(call) => {
                let services = locked(users).entry(user).or_default().services.clone();
                said(remote(call, &request, &services))
            }
            None => match locked(users).entry(user).or_default().answer(call, &request) {
                Some(answer) => said(answer),
                None => (404, b"404 page not found".to_vec()),
            },
        };
        http::answer(&stream, status, &body).ok()?;
    }
}

/// The name in `Basic NAME:PASSWORD`.
fn user_of(authorization: &str) -> String {
    let encoded = authorization.strip_prefix("Basic ").unwrap_or_default().trim_end_matches('=');
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in encoded.bytes() {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = ALPHABET.iter().position(|known| *known == letter).unwrap_or_default();
        (bits, held) = (bits << 6 | u32::try_from(value).unwrap_or_default(), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
        }
    }
    String::from_utf8_lossy(&bytes).split(':').next().unwrap_or_default().to_owned()
}

/// Kubo has one status for all that goes wrong.
fn said(answer: Answer) -> (u16, Vec<u8>) {
    match answer {
        Ok(body) => (200, body),
        Err(message) => (500, json!({"Message": message, "Code": 0, "Type": "error"}).to_string().into_bytes()),
    }
}

fn document(value: &Value) -> Answer {
    Ok(format!("{value}\n").into_bytes())
}

impl Home {
    /// Answers a call; nothing to one that it does not have.
    fn answer(&mut self, call: &str, request: &Request) -> Option<Answer> {
        Some(match call {
            "/version" => {
                document(&json!({"Version": "0.43.1", "Commit": "", "Repo": "18", "System": "", "Golang": ""}))
            }
            "/block/stat" => self.stat(request.option("arg")),
            "/dag/stat" => self.walked(request.option("arg")),
            "/dag/import" => self.import(request.file()?),
            "/add" => self.add(request.file()?),
            "/block/put" => self.put(request.file()?),
            "/pin/add" => self.pin(request.option("arg"), request.option("name")),
            "/pin/ls" => self.list(request.option("arg"), request.option("name")),
            "/pin/rm" => self.unpin(request.option("arg")),
            "/cat" => self.cat(request.option("arg"), request.option("offset"), request.option("length")),
            _ => return None,
        })
    }

    fn block(&self, cid: &Cid) -> Result<&Vec<u8>, String> {
        let missing = || format!("block was not found locally (offline): ipld: could not find {cid}");
        self.blocks.get(cid).ok_or_else(missing)
    }

    fn stat(&self, arg: &str) -> Answer {
        let block = self.block(&parsed(arg)?)?;
        document(&json!({"Key": arg, "Size": block.len()}))
    }

    fn walked(&self, arg: &str) -> Answer {
        let seen = self.walk(parsed(arg)?)?;
        document(&json!({"DagStats": [{"Cid": arg, "Size": 0, "NumBlocks": seen.len()}]}))
    }

    /// All blocks of a DAG.
    fn walk(&self, root: Cid) -> Result<BTreeSet<Cid>, String> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![root]);
        while let Some(cid) = open.pop() {
            let block = self.block(&cid)?;
            if seen.insert(cid) && cid.codec() == Codec::DagPb {
                match decode_node(block).map_err(|error| error.to_string())? {
                    DagNode::Directory(directory) => open.extend(directory.entries().map(|(_, link)| link.cid)),
                    DagNode::File(node) => open.extend(node.children().iter().map(|child| child.cid)),
                }
            }
        }
        Ok(seen)
    }

    fn import(&mut self, car: &[u8]) -> Answer {
        let blocks: Result<Vec<_>, _> = Car::new(car).map_err(|error| error.to_string())?.collect();
        let blocks = blocks.map_err(|error| error.to_string())?;
        let bytes: usize = blocks.iter().map(|block| block.data.len()).sum();
        let count = blocks.len();
        self.blocks.extend(blocks.into_iter().map(|block| (block.cid, block.data.to_vec())));
        document(&json!({"Stats": {"BlockCount": count, "BlockBytesCount": bytes}}))
    }

    fn add(&mut self, file: &[u8]) -> Answer {
        let mut builder = FileBuilder::new(Kept(&mut self.blocks));
        builder.write(file).map_err(|error| error.to_string())?;
        let cid = builder.finish().map_err(|error| error.to_string())?.cid;
        let leaves = file.chunks(CHUNK_LEN).map(|leaf| (Cid::raw_of(leaf), leaf.to_vec()));
        self.blocks.extend(leaves.chain(file.is_empty().then(|| (cid, Vec::new()))));
        document(&json!({"Name": "file", "Hash": cid.to_string(), "Size": file.len().to_string()}))
    }

    fn put(&mut self, block: &[u8]) -> Answer {
        let cid = Cid::of(Codec::DagPb, block);
        self.blocks.insert(cid, block.to_vec());
        document(&json!({"Key": cid.to_string(), "Size": block.len()}))
    }

    fn pin(&mut self, arg: &str, name: &str) -> Answer {
        let cid = parsed(arg)?;
        // Kubo looks for what is missing on the network, without end.
        if self.walk(cid).is_err() {
            thread::sleep(Duration::from_secs(60));
        }
        self.pins.insert(cid, name.to_owned());
        document(&json!({"Pins": [arg]}))
    }

    /// One pin, or those whose name holds this one.
    fn list(&self, arg: &str, name: &str) -> Answer {
        let shown = |(cid, name): (&Cid, &String)| (cid.to_string(), json!({"Type": "recursive", "Name": name}));
        if arg.is_empty() {
            let keys: BTreeMap<_, _> = self.pins.iter().filter(|(_, found)| found.contains(name)).map(shown).collect();
            return document(&if keys.is_empty() { json!({}) } else { json!({"Keys": keys}) });
        }
        match self.pins.get_key_value(&parsed(arg)?).map(shown) {
            Some((cid, pin)) => document(&json!({"Keys": {cid: pin}})),
            None => Err(format!("path '/ipfs/{arg}' is not pinned")),
        }
    }

    fn unpin(&mut self, arg: &str) -> Answer {
        match self.pins.remove(&parsed(arg)?) {
            Some(_) => document(&json!({"Pins": [arg]})),
            None => Err("not pinned or pinned indirectly".into()),
        }
    }

    fn cat(&self, arg: &str, offset: &str, length: &str) -> Answer {
        let cid = parsed(arg)?;
        let (_, opened) = File::open(cid, self.block(&cid)?).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        self.append(opened, &mut bytes)?;
        let number = |text: &str| text.parse().map_err(|_| format!("no number: {text}"));
        let (offset, length): (usize, usize) = (number(offset)?, number(length)?);
        Ok(bytes.into_iter().skip(offset).take(length).collect())
    }

    fn append(&self, opened: Opened<'_>, bytes: &mut Vec<u8>) -> Result<(), String> {
        match opened {
            Opened::Leaf(leaf) => bytes.extend_from_slice(leaf),
            Opened::Node(children) => {
                for child in children {
                    let opened = child.open(self.block(&child.cid())?).map_err(|error| error.to_string())?;
                    self.append(opened, bytes)?;
                }
            }
        }
        Ok(())
    }
}

fn parsed(arg: &str) -> Result<Cid, String> {
    arg.parse().map_err(|error| format!("invalid path {arg:?}: {error}"))
}

/// Keeps the nodes over a file's leaves.
struct Kept<'a>(&'a mut BTreeMap<Cid, Vec<u8>>);

impl Sink for Kept<'_> {
    type Error = Infallible;

    fn leaf(&mut self, _: Cid, _: u64, _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn node(&mut self, cid: Cid, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.insert(cid, bytes.to_vec());
        Ok(())
    }
}

/// Asks a pinning service by the published interface of such services, and says what it says in Kubo's form.
fn remote(call: &str, request: &Request, services: &[Service]) -> Answer {
    if call == "service/ls" {
        let known = services.iter().map(|known| json!({"Service": known.name, "ApiEndpoint": known.endpoint}));
        return document(&json!({"RemoteServices": known.collect::<Vec<_>>()}));
    }
    let name = request.option("service");
    let service = services.iter().find(|known| known.name == name).ok_or("service not known")?;
    match call {
        "ls" => Ok(service.list(request)?.iter().map(|found| format!("{}\n", shown(found))).collect::<String>().into()),
        "add" => {
            let pin = json!({"cid": request.option("arg"), "name": request.option("name"), "origins": []});
            document(&shown(&service.ask("POST", "/pins", Some(&pin))?))
        }
        "rm" => {
            for found in service.list(request)? {
                let number = found["requestid"].as_str().unwrap_or_default();
                service.ask("DELETE", &format!("/pins/{number}"), None)?;
            }
            Ok(Vec::new())
        }
        _ => Err(format!("no such command: {call}")),
    }
}

fn shown(found: &Value) -> Value {
    json!({"Status": found["status"], "Cid": found["pin"]["cid"], "Name": found["pin"]["name"]})
}

impl Service {
    /// The pins that are meant.
    fn list(&self, request: &Request) -> Result<Vec<Value>, String> {
        let one = |name: &str| http::encoded(request.option(name));
        let states: Vec<&str> = request.all("status").collect();
        let target = format!(
            "/pins?cid={}&name={}&status={}&limit=1000",
            one("cid"),
            one("name"),
            http::encoded(&states.join(","))
        );
        let found = self.ask("GET", &target, None)?;
        Ok(found["results"].as_array().cloned().unwrap_or_default())
    }

    fn ask(&self, method: &str, target: &str, body: Option<&Value>) -> Result<Value, String> {
        let asked = http::ask(&self.endpoint, method, target, &self.key, body);
        let (status, answer) = asked.map_err(|error| format!("{}: {error}", self.endpoint))?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let (reason, details) = (&answer["error"]["reason"], &answer["error"]["details"]);
        Err(format!("remote pinning service returned reason: {reason}, details: {details}: {status}"))
    }
}
