//! Ctrl-C: the first one stops at a safe point and says what is kept, and the same command goes on from there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

#[path = "../../ingest/tests/node/mod.rs"]
mod node;
#[path = "../../ingest/tests/pinning_service/mod.rs"]
mod pinning_service;
mod world;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::thread::sleep;
use std::time::{Duration, Instant};

use node::Node;
use pinning_service::{KEY, PinningService};
use world::{World, files, sample};

/// A table of about 60 MB of canonical rows, so some tens of chunks, that compresses badly.
fn table() -> String {
    let (mut text, mut state) = (String::from("id,text\n"), 7_u64);
    for row in 0..200_000 {
        write!(text, "{row},").unwrap();
        for _ in 0..16 {
            // Knuth's MMIX generator; only its look matters.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(text, "{:016x}", state).unwrap();
        }
        text.push('\n');
    }
    text
}

/// The command with signals as a terminal would leave them, whatever the harness ignores.
fn spawn(world: &World, args: &[&str]) -> Child {
    start(&world.command(args))
}

fn start(own: &Command) -> Child {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT,TERM,HUP").arg(own.get_program()).args(own.get_args());
    for (key, value) in own.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.current_dir(own.get_current_dir().unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn an_interrupted_add_goes_on_where_it_was() {
    let world = World::new();
    world.write("big.csv", table());
    let whole = World::new();
    whole.write("big.csv", table());
    let expected = whole.json(&["add", "big.csv", "--threads", "1"]);

    let args = ["add", "big.csv", "--threads", "1"];
    let child = spawn(&world, &args);
    let stored = || files(&world.ws(".mira/store/objects")).len();
    let began = Instant::now();
    while stored() < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "no chunk was stored");
        sleep(Duration::from_millis(5));
    }
    signal(&child, "INT");
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("error: interrupted: ") && said.contains("chunks are stored"), "{said}");
    assert!(said.contains("hint: the same command goes on from there"), "{said}");
    assert_eq!(world.json(&["ls"])["items"].as_array().unwrap().len(), 0, "nothing is half-visible");

    let kept = stored();
    let again = world.json(&args);
    assert_eq!(again["root"], expected["root"]);
    assert_eq!(again["chunks"], expected["chunks"]);
    let (new, total) = (again["new_bytes"].as_u64().unwrap(), again["total_bytes"].as_u64().unwrap());
    assert!(new < total, "{kept} chunks were there, and all were written again");
    world.ok(&["fsck"]);
}

#[test]
fn two_signals_end_it_at_once_and_other_commands_end_with_one() {
    let world = World::new();
    world.write("big.csv", table());
    let child = spawn(&world, &["add", "big.csv", "--threads", "1", "--json"]);
    while files(&world.ws(".mira/store/objects")).is_empty() {
        sleep(Duration::from_millis(5));
    }
    signal(&child, "TERM");
    signal(&child, "INT");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert!(ended.stdout.is_empty(), "no document of what was not done");
    world.ok(&["fsck"]);

    // While it waits for standard input there is nothing to say.
    let mut child = spawn(&world, &["add", "-", "--format", "csv", "--name", "typed", "--json"]);
    sleep(Duration::from_millis(500));
    signal(&child, "INT");
    // The pipe stays open until it has ended: `wait_with_output` would close it first.
    let _typing = child.stdin.take();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("\"kind\":\"interrupted\""), "{said}");
}

/// Somebody who takes connections and never answers. Each that is taken comes through the channel.
fn silent() -> (String, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, taken) = channel();
    thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| sender.send(stream)));
    (url, taken)
}

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is there.
fn until(there: impl Fn() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(began.elapsed() < PATIENCE, "it never came");
        sleep(Duration::from_millis(2));
    }
}

/// Interrupts, and gives what was said; nothing may be on stdout.
fn interrupt(child: Child) -> String {
    signal(&child, "INT");
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(ended.stdout.is_empty(), "{}", String::from_utf8_lossy(&ended.stdout));
    said
}

#[test]
fn an_interrupted_pin_stays_queued() {
    let world = World::new();
    world.ok(&["add", &sample("data/weather.csv"), "--license", "CC0-1.0"]);
    let (url, taken) = silent();
    let mut pin = world.command(&["pin", "weather"]);
    let child = start(pin.env("MIRA_KUBO", &url));
    let _open = taken.recv_timeout(PATIENCE).unwrap();
    let said = interrupt(child);
    assert!(said.contains("error: interrupted: weather@1 is queued, 0 B were sent"), "{said}");
    assert!(said.contains("hint: mira pin again sends what is missing"), "{said}");
    let pins = world.json(&["status"])["pins"].clone();
    assert_eq!((&pins[0]["state"], &pins[0]["error"]), (&"queued".into(), &"interrupted".into()), "{pins}");
}

/// A service that takes a pin on and never gets on with it.
#[test]
fn waiting_for_a_service_can_be_interrupted_and_goes_on() {
    let (mut world, node, service) = (World::new(), Node::start(), PinningService::start());
    world.ok(&["add", &sample("data/weather.csv"), "--license", "CC0-1.0"]);
    world.set("MIRA_KUBO", node.url("user"));
    node.know("user", "slow", &service.endpoint, KEY);
    service.course(&["queued"]);
    let args = ["pin", "weather", "--service", "slow", "--yes"];
    let child = spawn(&world, &args);
    // The second look and those that follow are seconds apart.
    until(|| service.requests("GET /pins") >= 3);
    let began = Instant::now();
    let said = interrupt(child);
    assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
    assert!(said.contains("error: interrupted: weather@1 is pinning at slow"), "{said}");
    assert!(said.contains("hint: the same command asks again"), "{said}");
    let state = |world: &World| {
        let pins = world.json(&["status"])["pins"].as_array().unwrap().clone();
        pins.iter().find(|pin| pin["service"].as_str().unwrap().starts_with("slow at ")).unwrap()["state"].clone()
    };
    assert_eq!(state(&world), "pinning");
    service.let_go();
    world.ok(&args);
    assert_eq!((state(&world), service.requests("POST /pins")), ("pinned".into(), 1));

    // A service that does not answer at all.
    let (silent, taken) = silent();
    node.know("user", "silent", &silent, KEY);
    let child = spawn(&world, &["pin", "weather", "--service", "silent", "--yes"]);
    let _open = taken.recv_timeout(PATIENCE).unwrap();
    let began = Instant::now();
    let said = interrupt(child);
    assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
    assert!(said.contains("error: interrupted: weather@1 is queued at silent"), "{said}");
}

#[test]
fn an_interrupted_fetch_keeps_what_has_come() {
    let world = World::bare();
    let (url, taken) = silent();
    let cid = "bafybeibhvrouzbzxqmdk7dngedvkexapwnypeuzs7m22tyjsn4ab7d24tu";
    let child = spawn(&world, &["get", cid, "--from", &url, "-o", "copy/"]);
    let _open = taken.recv_timeout(PATIENCE).unwrap();
    let said = interrupt(child);
    assert!(said.contains("error: interrupted: 0 B have come and are kept"), "{said}");
    assert!(said.contains("hint: the same command goes on from there"), "{said}");
    assert!(world.ws(&format!(".copy.fetch-{cid}")).is_dir() && !world.ws("copy").exists());
}

#[test]
fn what_is_written_is_whole_or_not_there_and_a_folder_goes_on() {
    let world = World::new();
    world.write("big.csv", table());
    world.ok(&["add", "big.csv"]);
    let hidden = |start: &str| -> Vec<PathBuf> {
        let files = files(&world.ws(".")).into_iter();
        files.filter(|path| path.to_string_lossy().contains(&format!("/.{start}"))).collect()
    };
    let child = spawn(&world, &["get", "big", "-o", "copy.csv"]);
    until(|| !hidden("copy.csv").is_empty());
    let said = interrupt(child);
    assert!(said.contains("error: interrupted: nothing is written; ") && said.contains("of 200000 rows"), "{said}");
    assert!(hidden("copy.csv").is_empty() && !world.ws("copy.csv").exists());

    let child = spawn(&world, &["get", "big", "-o", "folder/"]);
    until(|| hidden("folder.mira-").len() > 8);
    let said = interrupt(child);
    assert!(said.contains("files are written, under a hidden name beside it"), "{said}");
    let kept = hidden("folder.mira-");
    let inode = |path: &PathBuf| std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap());
    let before = inode(&kept[0]);
    world.ok(&["get", "big", "-o", "folder/"]);
    let name = kept[0].file_name().unwrap();
    let written = files(&world.ws("folder"));
    let same = written.iter().find(|path| path.file_name() == Some(name)).unwrap();
    assert_eq!(inode(same), before, "what was there is not written again");
}

/// Who only reads has nothing to keep: it ends at once, and never as if it had checked everything.
#[test]
fn checks_that_are_interrupted_say_nothing_of_the_rest() {
    let world = World::new();
    world.write("big.csv", table());
    world.ok(&["add", "big.csv"]);
    world.write("big.csv", table().replace(',', ",x"));
    world.ok(&["add", "big.csv", "--name", "other"]);
    world.ok(&["seal"]);
    world.ok(&["prove", "row", "other", "0", "-o", "row.tlog-proof"]);
    for args in
        [&["fsck"][..], &["audit"], &["diff", "big", "other"], &["verify", "big.csv", "--proof", "row.tlog-proof"]]
    {
        let mut child = spawn(&world, &[args, &["--progress=json"]].concat());
        let mut events = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        events.read_line(&mut first).unwrap();
        assert!(first.contains("mira.progress/1"), "{args:?}: {first}");
        signal(&child, "INT");
        let (mut said, mut out) = (String::new(), String::new());
        events.read_to_string(&mut said).unwrap();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{args:?}: {said}");
        assert!(out.is_empty() && said.contains("error: interrupted"), "{args:?}: {out}{said}");
    }
}
