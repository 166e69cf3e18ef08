//! How long `mira pin` takes, against `ipfs add` of the same bytes. Not run by itself:
//!
//! ```sh
//! source .ci/lib.sh; kubo_start
//! cargo test --locked -p mira-cli --test pin_speed -- --ignored --nocapture
//! kubo_stop
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests state what they expect"
)]

mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use world::{World, files};

const ROUNDS: usize = 5;
const ROWS: u64 = 2_000_000;

#[test]
#[ignore = "a measurement: needs MIRA_TEST_KUBO and MIRA_TEST_IPFS, and a machine that does nothing else"]
fn pin_against_ipfs_add() {
    let (node, ipfs) = (std::env::var("MIRA_TEST_KUBO").unwrap(), std::env::var("MIRA_TEST_IPFS").unwrap());
    let mut ratios = Vec::new();
    for round in 0..ROUNDS as u64 {
        // Each side brings bytes that the node has never seen; in turns, so that neither has the warmer machine.
        let (mira, other) = (World::new(), World::new());
        let bytes = [prepare(&mira, round * 2), prepare(&other, round * 2 + 1)];
        let pin = || timed(mira.command(&["pin", "data"]).env("MIRA_KUBO", &node));
        let objects = other.ws(".mira/store/objects");
        let add = || timed(&mut ipfs_add(&ipfs, &node, &objects));
        let (pin, add) = if round % 2 == 0 {
            let pin = pin();
            (pin, add())
        } else {
            let add = add();
            (pin(), add)
        };
        let rate = |bytes: u64, time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "round {round}: mira pin {} bytes {pin:.2?} ({:.0} MB/s), ipfs add {} bytes {add:.2?} ({:.0} MB/s)",
            bytes[0],
            rate(bytes[0], pin),
            bytes[1],
            rate(bytes[1], add)
        );
        ratios.push((pin.as_secs_f64() / bytes[0] as f64) / (add.as_secs_f64() / bytes[1] as f64));
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ROUNDS / 2];
    println!("mira pin / ipfs add, wall: median {median:.2} of {ratios:.2?}");
    assert!(median <= 1.0, "the budget is 1.0");
}

/// Adds a dataset of text that does not compress well, and gives the bytes of its files.
fn prepare(world: &World, seed: u64) -> u64 {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(std::process::id()) << 32;
    let mut text = String::from("a,b,c,d,e,f\n");
    for _ in 0..ROWS {
        for column in 0..6 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            write!(text, "{}{state:016x}", if column == 0 { "" } else { "," }).unwrap();
        }
        text.push('\n');
    }
    world.write("data.csv", text);
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

fn timed(command: &mut Command) -> Duration {
    let started = Instant::now();
    let ended = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    started.elapsed()
}
