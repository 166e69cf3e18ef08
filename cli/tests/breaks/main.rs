//! Every write and every rename of a command, broken: the disk is full, the device fails, a write is cut short, the
//! process is killed just before or just after. Then the same command runs again, completes, and nothing tells the
//! workspace from one that was never disturbed.
//!
//! `shim.c` breaks the calls below the real binary. The default run breaks a sample of them; the whole sweep is
//!
//! ```sh
//! cargo test --locked --workspace --test breaks -- --ignored
//! ```
//!
//! and with `MIRA_BREAKS=pin` it is that of the cases whose names hold `pin`.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests state what they expect"
)]

mod cases;
mod elsewhere;
#[path = "../../../ingest/tests/gateway/mod.rs"]
mod gateway;
#[path = "../../../ingest/tests/node/mod.rs"]
mod node;
#[path = "../../../ingest/tests/pinning_service/mod.rs"]
mod pinning_service;
#[allow(dead_code, reason = "another test file uses the rest of it")]
mod shim;
mod undisturbed;
#[path = "../world/mod.rs"]
mod world;

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{CASES, Case};
use elsewhere::{Elsewhere, Turn};
use shim::{Fault, Kind, Shim};
use undisturbed::State;
use world::{World, files};

/// One break of one command.
struct Round<'a> {
    bench: &'a Bench,
    at: usize,
    kind: Kind,
}

/// A case, ready to be broken again and again.
struct Bench {
    case: &'static Case,
    /// What is disturbed.
    args: Vec<String>,
    /// Whom it asks, and what they have before the command.
    elsewhere: Elsewhere,
    left: Turn,
    /// The world as it is before the command.
    before: World,
    /// What it comes to undisturbed, here and there.
    expected: (State, Vec<String>),
    /// How many calls the command makes.
    calls: usize,
}

#[test]
fn a_sample_of_all_breaks() {
    // A few seconds on an idle machine, with breaks at the start, the end and in between.
    sweep(|at, calls| at % 23 == 3 || at + 1 == calls, |at| vec![Kind::ALL[at % Kind::ALL.len()]]);
}

#[test]
#[ignore = "the whole sweep takes minutes: run it with --ignored"]
fn every_break() {
    sweep(|_, _| true, |_| Kind::ALL.to_vec());
}

/// A file that `gc` said is gone does not come back with the power: a break of the call that sees to it is told of.
#[test]
fn what_gc_removes_is_gone_for_good() {
    let shim = Shim::build();
    let bench = Bench::new(CASES.iter().find(|case| case.name == "gc").unwrap(), &shim);
    let says = |at| shim.run(&bench.before.copied(), &strs(&bench.args), Fault { at, kind: Kind::Io }).err;
    let syncs = (1..=bench.calls).map(says).filter(|err| err.contains("cannot sync") && err.contains("store/objects/"));
    assert!(syncs.count() > 0, "none of {} calls syncs the directory of a chunk file", bench.calls);
}

fn sweep(chosen: impl Fn(usize, usize) -> bool, kinds: impl Fn(usize) -> Vec<Kind>) {
    let shim = Shim::build();
    let only = std::env::var("MIRA_BREAKS").unwrap_or_default();
    let cases = CASES.iter().filter(|case| case.name.contains(&only));
    let benches: Vec<Bench> = cases.map(|case| Bench::new(case, &shim)).collect();
    assert!(!benches.is_empty(), "MIRA_BREAKS={only} is in the name of no case");
    let mut rounds = Vec::new();
    for bench in &benches {
        let calls = (1..=bench.calls).filter(|at| chosen(*at, bench.calls));
        rounds.extend(calls.flat_map(|at| kinds(at).into_iter().map(move |kind| Round { bench, at, kind })));
    }
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(round) = rounds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = round.run(&shim) {
                        eprintln!("{round}: {why}");
                        failures.lock().unwrap().push(format!("{round}: {why}"));
                    }
                }
            });
        }
    });
    for bench in &benches {
        let broken = rounds.iter().filter(|round| std::ptr::eq(round.bench, bench)).count();
        eprintln!("{:<22} {:>4} calls, {broken:>4} breaks", bench.case.name, bench.calls);
    }
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} breaks:\n{}", failures.len(), rounds.len(), failures.join("\n"));
}

impl Bench {
    fn new(case: &'static Case, shim: &Shim) -> Self {
        let mut before = World::bare_in_memory();
        before.write("first.csv", "name,age\nRex,4\nIda,\n");
        before.write("edited.csv", "name,age\nRex,5\nIda,\nBo,1\n");
        before.write("bad.csv", "name,age\nRex,4\nIda\nBo,1\n");
        before.write("weights.bin", [7; 100]);
        let elsewhere = Elsewhere::new(case.asks);
        let left = elsewhere.turn("before".to_owned(), None, &mut before);
        for args in case.before {
            before.ok(args);
        }
        if case.has_strays {
            leave_strays(&before);
        }
        let mut args: Vec<String> = case.run.iter().map(|arg| (*arg).to_owned()).collect();
        args.extend(elsewhere.words());
        let mut undisturbed = before.copied();
        let turn = elsewhere.turn("undisturbed".to_owned(), Some(&left), &mut undisturbed);
        let calls = shim.count(&undisturbed, &strs(&args));
        let expected = (State::of(&undisturbed).unwrap(), elsewhere.pins(&turn));
        Self { case, args, elsewhere, left, expected, before, calls }
    }
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// What an `add` leaves that was killed: chunk files, lines of the index and small files that no statement names.
fn leave_strays(world: &World) {
    let other = World::new();
    other.write("other.csv", "name,age\nUna,7\n");
    other.ok(&["add", "other.csv"]);
    for kind in ["store/objects", "store/chunks", "blobs"] {
        let root = other.ws(".mira").join(kind);
        for file in files(&root) {
            let to = world.ws(".mira").join(kind).join(file.strip_prefix(&root).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&file, &to).unwrap();
        }
    }
}

impl Round<'_> {
    fn run(&self, shim: &Shim) -> Result<(), String> {
        let Bench { case, elsewhere, expected, .. } = self.bench;
        let mut world = self.bench.before.copied();
        let turn = elsewhere.turn(format!("{}-{:?}", self.at, self.kind), Some(&self.bench.left), &mut world);
        let args = strs(&self.bench.args);
        let broken = shim.run(&world, &args, Fault { at: self.at, kind: self.kind });
        broken.check(self.kind)?;
        // Whatever stands there now is a whole workspace, though perhaps without what was to be added.
        case.check_between(&world)?;
        if !args.contains(&"unpin") {
            elsewhere.check(&turn, &world)?;
        }
        // Whose run came to its end and told of it, if only to be killed when nothing was left to do, has no cause to say
        // it again.
        let told = broken.code == Some(0) || (self.kind == Kind::After && self.at == self.bench.calls);
        if !(told && case.repeats) {
            case.run_again(&world, &args, &broken)?;
        }
        let (found, there) = (State::of(&world)?, elsewhere.pins(&turn));
        if found != expected.0 {
            return Err(found.differs_from(&expected.0));
        }
        if there == expected.1 { Ok(()) } else { Err(format!("there are {there:?}, expected {:?}", expected.1)) }
    }
}

impl std::fmt::Display for Round<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, call {} of {}, {:?}", self.bench.case.name, self.at, self.bench.calls, self.kind)
    }
}
