//! Commands that are killed at any moment, that may not write or find no room, and that run two at once.
//!
//! The default run is short. The long kill loop is
//!
//! ```sh
//! cargo test --locked --workspace --test survival -- --ignored --nocapture
//! ```

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests state what they expect"
)]

#[path = "../../ingest/tests/gateway/mod.rs"]
mod gateway;
#[allow(dead_code, reason = "another test file uses the rest of it")]
#[path = "breaks/shim.rs"]
mod shim;
mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gateway::{Blocks, Gateway};
use shim::{Fault, Kind, Shim};
use world::{World, files, sample};

/// Numbers that are the same in every run: Knuth's MMIX generator.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

/// A table of so many bytes, whose rows are all different.
fn table(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 64);
    text.push_str("id,name,score\n");
    let mut numbers = Numbers(1);
    for row in 0_u64.. {
        if text.len() >= bytes {
            break;
        }
        writeln!(text, "{row},name {},{}.5", numbers.below(1 << 30), numbers.below(1000)).unwrap();
    }
    text
}

#[test]
fn killed_a_few_times() {
    killed(3 << 20, 5);
}

#[test]
#[ignore = "adds 100 MB some fifty times, and writes them as often: run it with --ignored"]
fn killed_fifty_times() {
    killed(100 << 20, 50);
}

/// Kills `add`, `get` and `get --from` at moments from their start to their end, `rounds` times each, and lets them end
/// at last.
fn killed(bytes: usize, rounds: u64) {
    let world = World::new();
    world.write("big.csv", table(bytes));
    let add = ["add", "big.csv", "--name", "big", "--license", "CC0-1.0"];
    let undisturbed = world.copied();
    let (expected, whole) = timed(|| undisturbed.json(&add));
    let mut numbers = Numbers(7);

    let added = kill_at_times(&world, &add, rounds, whole, &mut numbers, |world| {
        let logged = world.json(&["log"])["size"].as_u64().unwrap();
        let listed = world.json(&["ls"])["items"].as_array().unwrap().len() as u64;
        assert!(logged == listed && logged <= 1, "{logged} entries and {listed} datasets: nothing is half-visible");
    });
    let last = world.json(&add);
    assert_eq!((&last["root"], &last["chunks"]), (&expected["root"], &expected["chunks"]));
    assert_eq!((&last["rows"], &last["version"]), (&expected["rows"], &1.into()));
    assert_eq!(world.json(&["log"])["size"], 1, "no entry stands twice");
    world.ok(&["fsck"]);
    world.ok(&["gc"]);
    let count = |world: &World, kind: &str| files(&world.ws(".mira").join(kind)).len();
    for kind in ["store", "blobs", "log"] {
        assert_eq!(count(&world, kind), count(&undisturbed, kind), "{kind}");
    }

    let get = ["get", "big", "-o", "copy.csv"];
    let ((), whole) = timed(|| drop(undisturbed.ok(&get)));
    let whole_file = fs::read(undisturbed.ws("copy.csv")).unwrap();
    let check = |world: &World| match fs::read(world.ws("copy.csv")) {
        // It is there with all its bytes or not at all. Each run begins anew.
        Ok(found) => {
            assert!(found == whole_file, "half a file has the name");
            fs::remove_file(world.ws("copy.csv")).unwrap();
        }
        Err(_) => assert!(!world.ws("copy.csv").exists()),
    };
    let got = kill_at_times(&world, &get, rounds, whole, &mut numbers, check);
    world.ok(&get);
    check(&world);
    assert_eq!(fs::read_dir(world.ws("")).unwrap().count(), 2, "big.csv and .mira: nothing else is left");

    let (gateway, cid) = serve(&undisturbed);
    let from = ["get", &cid, "--from", &gateway.url, "-o", "copy.csv"];
    let stranger = World::bare();
    let ((), whole) = timed(|| drop(stranger.ok(&from)));
    check(&stranger);
    let fetched = kill_at_times(&stranger, &from, rounds, whole, &mut numbers, check);
    stranger.ok(&from);
    check(&stranger);
    assert_eq!(fs::read_dir(stranger.ws("")).unwrap().count(), 0, "nothing is left");
    eprintln!(
        "{bytes} bytes: {added} adds, {got} gets and {fetched} gets from a gateway of {rounds} each ended before they \
         were killed"
    );
}

/// A folder of the dataset, served by a gateway, and its CID.
fn serve(world: &World) -> (Gateway, String) {
    world.ok(&["get", "big", "-o", "folder/"]);
    let mut blocks = Blocks::default();
    let cid = blocks.add_folder(&world.ws("folder")).cid.to_string();
    (Gateway::honest(&blocks), cid)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

/// Kills a command again and again, and looks at what is there each time. Returns how many ended before.
fn kill_at_times(
    world: &World,
    args: &[&str],
    rounds: u64,
    whole: Duration,
    numbers: &mut Numbers,
    check: impl Fn(&World),
) -> usize {
    let whole = u64::try_from(whole.as_micros()).unwrap();
    let mut ended = 0;
    for _ in 0..rounds {
        let mut child = world.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(numbers.below(whole)));
        child.kill().unwrap();
        ended += usize::from(child.wait().unwrap().code().is_some());
        check(world);
    }
    ended
}

#[test]
fn where_nobody_may_write_what_reads_works() {
    let (shim, world) = (Shim::build(), read_only());
    let locked = |args: &[&str]| shim.run(&world, args, Fault { at: 1, kind: Kind::Locked });
    let before = files(&world.path(""));
    for args in WRITERS {
        let ended = locked(args);
        ended.check(Kind::Locked).unwrap_or_else(|why| panic!("{args:?}: {why}"));
        assert_eq!(ended.code, Some(1), "{args:?}: {}", ended.err);
        assert!(ended.err.contains("hint: ") && ended.err.contains(".mira/"), "{args:?}: {}", ended.err);
    }
    let elsewhere = tempfile::tempdir().unwrap();
    for args in
        READERS.iter().map(|args| args.to_vec()).chain(writing_to(elsewhere.path()).iter().map(|args| strs(args)))
    {
        let ended = locked(&args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.err);
    }
    assert_eq!(files(&world.path("")), before);
    assert_eq!(world.json(&["log"])["size"], 1);
}

/// The same on a file system that is mounted without writes.
#[test]
fn a_read_only_mount_can_be_read() {
    let world = read_only();
    let root = world.path(".").canonicalize().unwrap();
    let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && cd \"$0/ws\" && exec \"$@\"";
    let Some(run) = mounted(&world, &root, mount) else { return };
    for args in WRITERS {
        let ended = run(args);
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.starts_with("error: Read-only file system") && err.contains("\n  hint: "), "{args:?}: {err}");
        assert_eq!(err.lines().count(), 3, "{args:?}: {err}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    for args in
        READERS.iter().map(|args| args.to_vec()).chain(writing_to(elsewhere.path()).iter().map(|args| strs(args)))
    {
        let ended = run(&args);
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

/// A workspace as it is handed on: a dataset that is logged, sealed and anchored.
fn read_only() -> World {
    let mut world = World::new();
    world.ok(&["add", &sample("data/penguins.csv"), "--license", "CC0-1.0", "--allow", "train"]);
    world.write("other.csv", "a\n1\n");
    world.ok(&["seal"]);
    world.ok(&["chain", "deploy"]);
    world.ok(&["anchor"]);
    // Nobody is asked what would be sent to a node that is not on this machine.
    world.set("MIRA_KUBO", "http://192.0.2.1:5001".to_owned());
    world
}

/// What reads the workspace and writes to another place.
fn writing_to(dir: &Path) -> Vec<Vec<String>> {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut all: Vec<Vec<String>> = ["x.csv", "x.parquet", "x.ndjson", "x.arrow", "x.car", "x/"]
        .iter()
        .map(|name| words(&["get", "penguins", "-o", &path(name)]))
        .collect();
    all.push(words(&["prove", "row", "penguins", "0", "-o", &path("row.tlog-proof")]));
    all.push(words(&["verify", &path("row.tlog-proof")]));
    all
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

const WRITERS: &[&[&str]] = &[
    &["add", "other.csv"],
    &["seal"],
    &["withdraw", "penguins", "--reason", "error"],
    &["undo"],
    &["pin", "penguins"],
    &["unpin", "penguins"],
    &["rm", "penguins", "--yes"],
    &["gc"],
];
const READERS: &[&[&str]] = &[
    &["ls"],
    &["log"],
    &["show", "penguins"],
    &["status"],
    &["fsck"],
    &["trace", "penguins"],
    &["audit"],
    &["diff", "penguins", "penguins"],
    &["add", "other.csv", "--dry-run"],
    &["sql", "-c", "select name from datasets"],
    &["gc", "--dry-run"],
    &["rm", "penguins", "--dry-run"],
    &["pin", "--all", "--dry-run"],
    &["show", "penguins", "--profile"],
    &["check", "penguins", "--use", "train"],
    &["config", "list", "--show-origin"],
    &["trust", "list"],
    &["key", "list"],
    &["chain", "status"],
];

/// Runs commands in a mount namespace of their own, after `script`, whose `$0` is `path` and `$@` the command. Nothing
/// where that is refused.
fn mounted<'a>(world: &'a World, path: &'a Path, script: &'a str) -> Option<impl Fn(&[&str]) -> Output + 'a> {
    let run = move |args: &[&str]| {
        let own = world.command(args);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(path).arg(own.get_program()).args(own.get_args());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.output().unwrap()
    };
    let tried = Command::new("unshare").args(["--mount", "sh", "-c", script]).arg(path).arg("true").output();
    match tried {
        Ok(output) if output.status.success() => Some(run),
        refused => {
            eprintln!("skipped: no mounts may be made here: {refused:?}");
            None
        }
    }
}

/// A file system that is full for real: what was added before stays, the error says what helps, and with room the same
/// command goes on.
#[test]
fn a_full_disk_is_said_and_got_over() {
    let (world, expected) = (World::new(), World::new());
    for world in [&world, &expected] {
        world.write("small.csv", "a\n1\n");
        world.ok(&["add", "small.csv"]);
        fs::write(world.path("big.csv"), table(24 << 20)).unwrap();
    }
    let big = world.path("big.csv");
    let add = ["add", big.to_str().unwrap()];
    let expected = expected.json(&["add", expected.path("big.csv").to_str().unwrap()]);
    // The store is a disk of its own, smaller than what is to be stored, and then the same files on a larger one.
    let store = world.ws(".mira/store");
    let kept = world.path("kept");
    let small = format!(
        "mkdir -p {kept} && mount -t tmpfs -o size=2m tmpfs {kept} && cp -a \"$0\"/. {kept} && mount --bind {kept} \"$0\" \
         && cd {ws} && \"$@\"; code=$?; umount \"$0\" && cp -a {kept}/. \"$0\"; exit $code",
        kept = kept.display(),
        ws = world.ws("").display(),
    );
    let Some(run) = mounted(&world, &store, &small) else { return };
    let full = run(&add);
    let err = String::from_utf8(full.stderr).unwrap();
    assert_eq!(full.status.code(), Some(1), "{err}");
    let error = &err[err.find("error: ").unwrap()..];
    assert!(error.contains("No space left on device"), "{error}");
    assert!(error.contains("\n  at ") && error.contains("store/"), "{error}");
    assert!(error.contains("\n  hint: ") && error.contains("goes on where it was"), "{error}");
    assert_eq!(error.lines().count(), 3, "{error}");
    assert_eq!(world.json(&["ls"])["items"].as_array().unwrap().len(), 1, "nothing is half-visible");
    world.ok(&["fsck"]);

    let stored = files(&store.join("objects")).len();
    let again = world.json(&add);
    assert_eq!((&again["root"], &again["chunks"]), (&expected["root"], &expected["chunks"]));
    assert!(stored > 1, "some chunks were stored before the disk was full");
    let (new, total) = (&again["new_bytes"], &again["total_bytes"]);
    assert!(new.as_u64() < total.as_u64(), "the chunks that fit are used: {new} of {total}");
    assert_eq!(world.json(&["log"])["size"], 2);
    world.ok(&["fsck"]);
    assert!(files(&store.join("tmp")).is_empty());
}

/// Training twice on the same inputs is two runs. A command that was killed before it told of its run, and its repetition,
/// are one.
#[test]
fn a_killed_record_is_told_again_and_a_repeated_one_is_another() {
    let (shim, world) = (Shim::build(), World::new());
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.write("weights.bin", [7; 100]);
    let train = ["record", "train", "--model", "model", "--artifact", "weights.bin", "--uses", "penguins"];
    let size = || world.json(&["log"])["size"].as_u64().unwrap();
    // All that comes after the entry is logged is that the pending one is removed.
    let calls = shim.count(&world.copied(), &train);
    let killed = shim.run(&world, &train, Fault { at: calls, kind: Kind::Before });
    assert_eq!((killed.code, size()), (None, 2));
    let again = world.run(&train);
    assert!(again.code == 0 && again.err.contains("it is not logged twice"), "{}", again.err);
    assert_eq!(size(), 2);
    let another = world.run(&train);
    assert!(another.code == 0 && !another.err.contains("it is not logged twice"), "{}", another.err);
    assert_eq!(size(), 3);
    // An undo is not done twice either, which would take back the one before.
    let undo = ["undo"];
    let calls = shim.count(&world.copied(), &undo);
    let killed = shim.run(&world, &undo, Fault { at: calls, kind: Kind::Before });
    assert_eq!((killed.code, size()), (None, 4));
    world.ok(&undo);
    assert_eq!(size(), 4);
    world.fails(2, "takes something back", &undo);
    assert!(!world.ws(".mira/pending").exists());
}

#[test]
fn two_at_once() {
    for (one, two, entries) in [("same", "same", 1), ("one", "two", 2)] {
        let world = World::new();
        world.write("big.csv", table(2 << 20));
        let spawn = |name: &str| -> Child {
            let mut command = world.command(&["add", "big.csv", "--name", name]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [spawn(one), spawn(two)].map(|child| child.wait_with_output().unwrap());
        let codes = both.each_ref().map(|output| output.status.code().unwrap());
        assert!(codes.contains(&0), "{codes:?}");
        for output in &both {
            let err = String::from_utf8_lossy(&output.stderr);
            let says = err.contains("another mira is using this workspace") && err.contains("hint: ");
            assert!(output.status.success() || (output.status.code() == Some(1) && says), "{err}");
        }
        // Whoever was told to try again does.
        for name in [one, two] {
            world.ok(&["add", "big.csv", "--name", name]);
        }
        assert_eq!(world.json(&["log"])["size"], entries);
        world.ok(&["fsck"]);
    }
}
