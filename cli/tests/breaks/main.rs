//! Every write and every rename of a command, broken: the disk is full, the device fails, a write is cut short, the
//! process is killed just before or just after. Then the same command runs again, completes, and nothing tells the
//! workspace from one that was never disturbed.
//!
//! `shim.c` breaks the calls below the real binary. The default run breaks a sample of them; the whole sweep is
//!
//! ```sh
//! cargo test --locked --workspace --test breaks -- --ignored
//! ```

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests state what they expect"
)]

mod cases;
#[allow(dead_code, reason = "another test file uses the rest of it")]
mod shim;
mod undisturbed;
#[path = "../world/mod.rs"]
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{CASES, Case};
use shim::{Fault, Kind, Shim};
use undisturbed::State;
use world::World;

/// One break of one command.
struct Round<'a> {
    bench: &'a Bench,
    at: usize,
    kind: Kind,
}

/// A case, ready to be broken again and again.
struct Bench {
    case: &'static Case,
    /// The world as it is before the command.
    before: World,
    /// What it comes to undisturbed.
    expected: State,
    /// How many calls the command makes.
    calls: usize,
}

#[test]
fn a_sample_of_all_breaks() {
    // About a second a core on an idle machine, with breaks at the start, the end and in between.
    sweep(|at, calls| at % 17 == 3 || at + 1 == calls, |at| vec![Kind::ALL[at % Kind::ALL.len()]]);
}

#[test]
#[ignore = "the whole sweep takes minutes: run it with --ignored"]
fn every_break() {
    sweep(|_, _| true, |_| Kind::ALL.to_vec());
}

fn sweep(chosen: impl Fn(usize, usize) -> bool, kinds: impl Fn(usize) -> Vec<Kind>) {
    let shim = Shim::build();
    let benches: Vec<Bench> = CASES.iter().map(|case| Bench::new(case, &shim)).collect();
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
        let before = World::bare();
        before.write("first.csv", "name,age\nRex,4\nIda,\n");
        before.write("edited.csv", "name,age\nRex,5\nIda,\nBo,1\n");
        before.write("weights.bin", [7; 100]);
        for args in case.before {
            before.ok(args);
        }
        let undisturbed = before.copied();
        let calls = shim.count(&undisturbed, case.run);
        Self { case, expected: State::of(&undisturbed).unwrap(), before, calls }
    }
}

impl Round<'_> {
    fn run(&self, shim: &Shim) -> Result<(), String> {
        let world = self.bench.before.copied();
        let broken = shim.run(&world, self.bench.case.run, Fault { at: self.at, kind: self.kind });
        broken.check(self.kind)?;
        // Whatever stands there now is a whole workspace, though perhaps without what was to be added.
        self.bench.case.check_between(&world)?;
        self.bench.case.run_again(&world, &broken)?;
        let found = State::of(&world)?;
        if found == self.bench.expected { Ok(()) } else { Err(found.differs_from(&self.bench.expected)) }
    }
}

impl std::fmt::Display for Round<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, call {} of {}, {:?}", self.bench.case.name, self.at, self.bench.calls, self.kind)
    }
}
