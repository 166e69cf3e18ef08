//! How long `mira pin` takes, and how much work it is for both sides, against `ipfs add` of the same bytes. Not run by
//! itself:
//!
//! ```sh
//! source .ci/lib.sh; kubo_start
//! MIRA_PIN_ROWS=14000000 cargo test --locked --workspace --test pin_speed -- --ignored --nocapture
//! kubo_stop
//! ```
//!
//! A million rows are 48 MB; without the variable there are two million. `MIRA_PIN_ROUNDS` is how often each side runs, in
//! turns. CPU seconds are those of the command and of the node together, which a busy machine changes less than the wall.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests state what they expect"
)]

mod world;

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use world::{World, files};

/// A number from the environment.
fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap())
}

/// What one command cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    /// Of the command itself.
    own: f64,
    /// Of the node.
    node: f64,
    /// Peak memory of the command, in MiB.
    peak: u64,
}

#[test]
#[ignore = "a measurement: needs MIRA_TEST_KUBO, MIRA_TEST_KUBO_PID and MIRA_TEST_IPFS"]
fn pin_against_ipfs_add() {
    let (node, ipfs) = (std::env::var("MIRA_TEST_KUBO").unwrap(), std::env::var("MIRA_TEST_IPFS").unwrap());
    let (rows, rounds) = (number("MIRA_PIN_ROWS", 2_000_000), number("MIRA_PIN_ROUNDS", 5));
    let (mut walls, mut works) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Each side brings bytes that the node has never seen; in turns, so that neither has the warmer machine.
        let (mira, other) = (World::new(), World::new());
        let bytes = [prepare(&mira, rows, round * 2), prepare(&other, rows, round * 2 + 1)];
        let pin = || measured(mira.command(&["pin", "data"]).env("MIRA_KUBO", &node));
        let objects = other.ws(".mira/store/objects");
        let add = || measured(&mut ipfs_add(&ipfs, &node, &objects));
        let (pin, add) = if round % 2 == 0 {
            let pin = pin();
            (pin, add())
        } else {
            let add = add();
            (pin(), add)
        };
        for (what, cost, bytes) in [("mira pin", pin, bytes[0]), ("ipfs add", add, bytes[1])] {
            let Cost { wall, own, node, peak } = cost;
            let (mb, rate) = (bytes as f64 / 1e6, bytes as f64 / 1e6 / wall);
            println!(
                "round {round}: {what} {mb:.0} MB, {wall:.2} s ({rate:.0} MB/s), CPU {own:.2} s and {node:.2} s of the node, \
                 {peak} MiB"
            );
        }
        let per_byte = |cost: f64, bytes: u64| cost / bytes as f64;
        walls.push(per_byte(pin.wall, bytes[0]) / per_byte(add.wall, bytes[1]));
        works.push(per_byte(pin.own + pin.node, bytes[0]) / per_byte(add.own + add.node, bytes[1]));
    }
    walls.sort_by(f64::total_cmp);
    works.sort_by(f64::total_cmp);
    let (wall, work) = (walls[walls.len() / 2], works[works.len() / 2]);
    println!("mira pin / ipfs add: wall, median {wall:.2} of {walls:.2?}; CPU, median {work:.2} of {works:.2?}");
    assert!(wall <= 1.0, "the budget is 1.0");
}

/// Adds a dataset of text that does not compress well, and gives the bytes of its files.
fn prepare(world: &World, rows: u64, seed: u64) -> u64 {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(std::process::id()) << 32;
    let mut file = BufWriter::new(fs::File::create(world.ws("data.csv")).unwrap());
    file.write_all(b"a,b,c,d,e,f\n").unwrap();
    for _ in 0..rows {
        for column in 0..6 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            write!(file, "{}{state:016x}", if column == 0 { "" } else { "," }).unwrap();
        }
        file.write_all(b"\n").unwrap();
    }
    file.flush().unwrap();
    world.ok(&["add", "data.csv", "-q"]);
    fs::remove_file(world.ws("data.csv")).unwrap();
    files(&world.ws(".mira/store/objects")).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

fn ipfs_add(ipfs: &str, node: &str, directory: &Path) -> Command {
    let port = node.rsplit(':').next().unwrap();
    let mut command = Command::new(ipfs);
    command.arg(format!("--api=/ip4/127.0.0.1/tcp/{port}")).args(["add", "--recursive", "--quieter"]).arg(directory);
    command.env("IPFS_TELEMETRY", "off");
    command
}

fn measured(command: &mut Command) -> Cost {
    let node = std::env::var("MIRA_TEST_KUBO_PID").unwrap().parse().unwrap();
    let (started, before) = (Instant::now(), cpu(node).unwrap());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut own, mut peak) = (0.0, 0);
    let status = loop {
        // What a process used can be read until somebody takes its exit status, so the last look is at all of it.
        if let Some(now) = cpu(child.id()) {
            own = now;
        }
        peak = peak.max(peak_of(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    Cost { wall: started.elapsed().as_secs_f64(), own, node: cpu(node).unwrap() - before, peak }
}

/// CPU seconds of a process, in user and system mode.
fn cpu(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields 14 and 15, in hundredths of a second; the name before may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) / 100.0)
}

/// Peak resident memory of a process, in MiB.
fn peak_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? >> 10)
}
