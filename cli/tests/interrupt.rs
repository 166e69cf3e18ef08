//! Ctrl-C: the first one stops at a safe point and says what is kept, and the same command goes on from there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod world;

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use world::{World, files};

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
    let own = world.command(args);
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
