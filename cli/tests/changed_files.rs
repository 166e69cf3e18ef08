//! Files that people and programs write, changed at random: each command takes them or refuses them with its code, and never
//! ends in another way.
//!
//! The generator has a fixed seed, so a failure comes again. What is signed has fuzz targets of its own in `ingest/core/fuzz`;
//! here it is the binary that reads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;

use world::{World, sample};

/// How many changed files of each kind: each is a run of the binary.
const RUNS: usize = 40;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// One to three changes: a bit, a byte, a piece left out, doubled or cut off.
    fn changed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let (at, to) = (self.below(bytes.len()), self.below(bytes.len() + 1));
            let piece = at.min(to)..at.max(to);
            match self.below(5) {
                0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << self.below(8)),
                1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.next().to_le_bytes()[0]),
                2 => drop(bytes.drain(piece)),
                3 => {
                    let piece = bytes[piece].to_vec();
                    drop(bytes.splice(at..at, piece));
                }
                _ => bytes.truncate(to),
            }
        }
        bytes
    }
}

#[test]
fn changed_runs_cards_and_settings() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    world.ok(&["add", &file]);
    world.write("weights.bin", "weights");
    let run = r#"{"model":"net","artifact":["weights.bin"],"uses":[{"ref":"penguins","role":"train","passes":2}],
        "rights":{"license":"MIT","deny":["distill"]}}"#;
    let card =
        "---\nlicense: cc-by-4.0\npretty_name: Sample\ntags: [a, 'b', \"c\"]\nmore: {a: [1, 2.5, ~]}\n---\n# T\n";
    let config = "# settings\nkubo = \"http://127.0.0.1:5001\"\n";
    let mut random = Random(1);
    for _ in 0..RUNS {
        for (name, text, args) in [
            ("run.json", run, &["record", "train", "--from", "run.json"][..]),
            ("README.md", card, &["add", &file, "--card", "README.md", "--dry-run"]),
            (".mira/config.toml", config, &["config"]),
        ] {
            let bytes = random.changed(text.as_bytes());
            world.write(name, &bytes);
            let ended = world.run(args);
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert!(matches!(ended.code, 0..=2), "{args:?} of {shown:?}: {} {}", ended.code, ended.err);
            fs::remove_file(world.ws(name)).unwrap();
        }
    }
}

#[test]
fn changed_proofs_and_trust() {
    let world = World::new();
    world.ok(&["add", &sample("data/airlines.csv")]);
    world.ok(&["prove", "row", "airlines", "3", "-o", "good.tlog-proof"]);
    let proof = fs::read(world.ws("good.tlog-proof")).unwrap();
    let trust = fs::read(world.path("home/trust")).unwrap();
    let before_signatures = |proof: &[u8]| {
        let mark = "\n\u{2014}".as_bytes();
        proof.windows(mark.len()).position(|window| window == mark).map(|at| proof[..at].to_vec())
    };
    let vkey = world.ok(&["log", "--vkey"]);
    let mut random = Random(2);
    for _ in 0..RUNS {
        let bytes = random.changed(&proof);
        world.write("bad.tlog-proof", &bytes);
        let ended = world.run(&["verify", "bad.tlog-proof"]);
        // Lines of keys that nobody knows may be added below; what was signed may not change.
        let is_same = before_signatures(&bytes) == before_signatures(&proof);
        assert!(matches!(ended.code, 3 | 4) || ended.code == 0 && is_same, "{} {}", ended.code, ended.out);

        let bytes = random.changed(&trust);
        fs::write(world.path("home/trust"), &bytes).unwrap();
        let ended = world.run(&["verify", "good.tlog-proof"]);
        // A key of another kind under the log's name is a key that did not sign, so 3 is among them.
        let names_key = String::from_utf8_lossy(&bytes).contains(vkey.trim());
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        assert!(matches!(ended.code, 1..=4) || ended.code == 0 && names_key, "{shown:?}: {} {}", ended.code, ended.out);
        fs::write(world.path("home/trust"), &trust).unwrap();
    }
    world.ok(&["verify", "good.tlog-proof"]);
}

#[test]
fn changed_refs() {
    let world = World::new();
    let added = world.json(&["add", &sample("data/airlines.csv")]);
    let statement = added["statement"].as_str().unwrap_or("airlines").to_owned();
    let mut random = Random(3);
    for _ in 0..RUNS {
        for good in ["airlines@1", "sample/airlines@1", statement.as_str()] {
            let Ok(text) = String::from_utf8(random.changed(good.as_bytes())) else { continue };
            // A nul byte cannot be handed to a program, and what begins with `-` is no ref.
            if text.contains('\0') || text.starts_with('-') {
                continue;
            }
            let ended = world.run(&["show", &text]);
            assert!(matches!(ended.code, 0..=2), "{text:?}: {} {}", ended.code, ended.err);
        }
    }
}
