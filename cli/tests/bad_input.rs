//! What must be refused: with the right exit code, in three lines, and without losing anything.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use mira_core::id::LeafIndex;
use mira_core::key::SigningKey;
use mira_core::log::vkey::VerifierKey;
use mira_lineage::log::{FsStorage, Log, LogSigner};

use world::{World, files, sample};

#[test]
fn files_that_are_no_dataset() {
    let world = World::new();
    let parquet = {
        world.ok(&["add", &sample("data/penguins.csv")]);
        world.ok(&["get", "penguins", "-o", "good.parquet"]);
        fs::read(world.ws("good.parquet")).unwrap()
    };
    let mut flipped = parquet.clone();
    let end = flipped.len();
    flipped[end - 20] ^= 0xff;
    for (name, bytes, message) in [
        ("a.bin", &b"\x00\x01\x02"[..], "format"),
        ("empty.csv", b"", "empty"),
        ("header.csv", b"a,b\n", "row"),
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "ragged.csv:3"),
        ("utf8.csv", b"a\n\xff\xfe\n", "UTF-8"),
        ("twice.csv", b"a,a\n1,2\n", "a"),
        ("quote.csv", b"a,b\n\"x\"y,2\n", "quote.csv:2"),
        ("list.ndjson", b"[1,2]\n", "list.ndjson:1"),
        ("twice.ndjson", b"{\"a\":1,\"a\":2}\n", "twice.ndjson:1"),
        ("truncated.parquet", &parquet[..parquet.len() / 2], "truncated.parquet"),
        ("flipped.parquet", &flipped, "flipped.parquet"),
        ("text.parquet", b"this is not Parquet", "text.parquet"),
    ] {
        world.write(name, bytes);
        world.fails(1, message, &["add", name]);
    }
    world.fails(1, "nowhere.csv", &["add", "nowhere.csv"]);
    assert_eq!(world.json(&["log"])["size"].as_u64(), Some(1), "nothing was logged");
}

#[test]
fn values_that_do_not_fit_a_schema() {
    let world = World::new();
    world.write("s.json", r#"[["n","int"]]"#);
    world.write("word.csv", "n\n1\nword\n");
    world.fails(1, "word.csv:3", &["add", "word.csv", "--schema", "s.json"]);
    world.write("bad.json", r#"[["n","integer"]]"#);
    world.fails(2, "integer", &["add", "word.csv", "--schema", "bad.json"]);
    world.write("extra.csv", "n,m\n1,2\n");
    world.fails(1, "m", &["add", "extra.csv", "--schema", "s.json"]);
}

#[test]
fn names_that_stand_for_nothing() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.fails(1, "did you mean penguins?", &["show", "pengiuns"]);
    world.fails(1, "penguins has 1 version, not penguins@2", &["show", "penguins@2"]);
    world.fails(1, "nothing", &["show", "0123456789abcdef"]);
    world.fails(2, "version", &["show", "penguins@0"]);
    world.fails(2, "kind of REF", &["show", "what:penguins"]);
    world.fails(1, "label", &["show", "nobody/penguins"]);
    world.fails(2, "there is no row 344", &["prove", "row", "penguins", "344"]);
    world.fails(2, "there is no chunk 1", &["prove", "chunk", "penguins", "1"]);
    world.fails(2, "deadbeef", &["add", &sample("data/penguins.csv"), "--name", "deadbeef"]);
}

#[test]
fn long_texts_are_cut_in_errors() {
    let world = World::new();
    let long = "a".repeat(100_000);
    for text in [long.clone(), format!("x{long}"), format!("what{long}:x"), format!("{long}!/b"), format!("cid:{long}")]
    {
        let ended = world.run(&["show", &text]);
        assert!(matches!(ended.code, 1 | 2) && ended.err.len() < 600, "{} bytes", ended.err.len());
    }
}

#[test]
fn cids_are_refs() {
    let world = World::new();
    let add = |file: &str, name: &str| world.json(&["add", &sample(file), "--name", name]);
    let penguins = add("data/penguins.csv", "penguins");
    let airlines = add("data/airlines.csv", "airlines");
    for dataset in [&penguins, &airlines] {
        let chunk = dataset["chunks"][0]["cid"].as_str().unwrap();
        let manifest = fs::read(world.ws(".mira/blobs").join(dataset["manifest"].as_str().unwrap())).unwrap();
        for cid in [chunk.to_owned(), mira_core::cid::Cid::raw_of(&manifest).to_string()] {
            for text in [cid.clone(), format!("cid:{cid}")] {
                assert_eq!(world.json(&["show", &text])["statement"], dataset["statement"], "{text}");
            }
        }
    }
    // The directory's CID is known before any node has it: the queue names what could not be pinned.
    let pin = world.command(&["pin", "airlines", "--json"]).env("MIRA_KUBO", "http://127.0.0.1:9").output().unwrap();
    let pin: serde_json::Value = serde_json::from_slice(&pin.stdout).unwrap();
    let directory = pin["pins"][0]["cid"].as_str().unwrap();
    assert_eq!(world.json(&["show", directory])["statement"], airlines["statement"]);
    let cid = penguins["chunks"][0]["cid"].as_str().unwrap();
    world.ok(&["get", cid, "-o", "copy.csv"]);
    world.fails(1, "no dataset here has the CID", &["show", &mira_core::cid::Cid::raw_of(b"elsewhere").to_string()]);
    world.fails(2, "is not a CID", &["show", "cid:penguins"]);
    // Two versions of the same rows are one thing; two datasets with one chunk are not.
    world.ok(&["add", &sample("data/penguins.csv"), "--name", "penguins", "--license", "CC0-1.0"]);
    assert_eq!(world.json(&["show", cid])["version"], 2);
    world.fails(1, "looked up", &["sql", "-c", &format!("select * from upstream('cid:{cid}')")]);
}

/// What writers that were killed left is gone after the next one; what a living one has is not touched.
#[test]
fn leftovers_are_swept() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    let (dead, alive) = (i32::MAX, std::process::id());
    let names = |process: &str| {
        [format!(".mira/blobs/{}.tmp-{process}", "0".repeat(64)), format!(".mira/store/tmp/{process}-0")]
    };
    let (gone, kept) = (names(&dead.to_string()), names(&alive.to_string()));
    for name in gone.iter().chain(&kept) {
        world.write(name, "half a fi");
    }
    world.ok(&["ls"]);
    assert!(gone.iter().all(|name| world.ws(name).exists()), "who only reads removes nothing");
    world.ok(&["add", &sample("data/airlines.csv")]);
    assert!(gone.iter().all(|name| !world.ws(name).exists()));
    assert!(kept.iter().all(|name| world.ws(name).exists()));
    world.ok(&["get", "penguins", "-o", "copy.csv"]);
}

#[test]
fn errors_name_what_was_asked_for() {
    let world = World::new();
    let added = world.ok(&["add", &sample("data/penguins.csv")]);
    assert!(added.starts_with("penguins@1  344 rows in 1 chunk\n"), "{added}");
    world.write("one.csv", "a\n1\n");
    assert!(world.ok(&["add", "one.csv"]).starts_with("one@1  1 row in 1 chunk\n"));
    world.fails(2, "tells no name", &["add", "."]);
    let unwritable = world.fails(1, "  at nowhere/copy.csv\n", &["get", "penguins", "-o", "nowhere/copy.csv"]);
    assert!(!unwritable.err.contains("tmp"), "{}", unwritable.err);
    world.fails(2, "-o ./-", &["get", "penguins", "-o", "-", "--format", "csv"]);
    fs::create_dir(world.ws("folder.csv")).unwrap();
    world.fails(1, "no regular file", &["get", "penguins", "-o", "folder.csv", "--force"]);
    symlink("/dev/null", world.ws("null.csv")).unwrap();
    world.fails(1, "no regular file", &["get", "penguins", "-o", "null.csv", "--force"]);
    assert!(!world.ws("-").exists());
    world.write("net.bin", "weights");
    let train = ["record", "train", "--model=net", "--artifact=net.bin", "--uses-external=https://example.org/x?a=b"];
    assert!(world.run(&train).err.contains("takes no query"), "{}", world.run(&train).err);
    world.fails(2, "mira log --vkey", &["trust", "add", "nonsense"]);
    let key = world.json(&["log", "--vkey"]);
    assert_eq!(key["vkey"], world.ok(&["log", "--vkey"]).trim());
    assert_eq!((&key["schema"], &key["origin"]), (&"mira.log-key/1".into(), &"log.example.org/test".into()));
    assert_eq!(world.json(&["key", "use", "main"])["keys"][0]["default"], true);
}

#[test]
fn a_name_with_two_owners_needs_one() {
    let world = World::new();
    world.ok(&["key", "new", "other"]);
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["add", &sample("data/penguins.csv"), "--key", "other"]);
    world.ok(&["show", "penguins"]);
    world.ok(&["key", "new", "third"]);
    world.fails(2, "several owners", &["show", "penguins", "--key", "third"]);
    let did = world.json(&["key", "list"])["keys"][1]["did"].as_str().unwrap().to_owned();
    world.ok(&["show", &format!("{did}/penguins"), "--key", "third"]);
}

#[test]
fn keys_that_cannot_sign() {
    let world = World::new();
    let penguins = sample("data/penguins.csv");
    world.fails(1, "there is no key", &["add", &penguins, "--key", "nobody"]);
    world.fails(2, "cannot be the name", &["add", &penguins, "--key", "../main"]);
    let pem = world.path("home/keys/main.pem");
    fs::set_permissions(&pem, Permissions::from_mode(0o640)).unwrap();
    world.fails(1, "others may read", &["add", &penguins]);
    fs::set_permissions(&pem, Permissions::from_mode(0o600)).unwrap();
    fs::write(&pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    world.fails(1, "not an ed25519 key", &["add", &penguins]);
}

#[test]
fn proofs_that_do_not_hold() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["prove", "row", "penguins", "3", "-o", "p.tlog-proof"]);
    let proof = fs::read_to_string(world.ws("p.tlog-proof")).unwrap();

    world.write("truncated.tlog-proof", &proof[..proof.len() / 2]);
    world.fails(3, "truncated.tlog-proof", &["verify", "truncated.tlog-proof"]);
    world.write("other.tlog-proof", "what is this?\n");
    world.fails(3, "tlog-proof", &["verify", "other.tlog-proof"]);
    world.fails(1, "nowhere", &["verify", "nowhere.tlog-proof"]);

    let line = proof.find("extra ").unwrap() + 40;
    let mut edited = proof.clone().into_bytes();
    edited[line] = if edited[line] == b'A' { b'B' } else { b'A' };
    world.write("edited.tlog-proof", edited);
    let ended = world.run(&["verify", "edited.tlog-proof"]);
    assert_eq!(ended.code, 3);

    // Sound, but from a log that the verifier has no reason to believe.
    let stranger = World::new();
    fs::copy(world.ws("p.tlog-proof"), stranger.ws("p.tlog-proof")).unwrap();
    stranger.ok(&["trust", "remove", "log.example.org/test"]);
    let ended = stranger.run(&["verify", "p.tlog-proof"]);
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("not one you trust"));
    let vkey = world.ok(&["log", "--vkey"]);
    stranger.ok(&["trust", "add", vkey.trim()]);
    stranger.ok(&["verify", "p.tlog-proof"]);
    let somebody = "256caa6764a528a224a869c3a262233af195e32586a9267c8cd123f91f6a69b8";
    assert_eq!(stranger.run(&["verify", "p.tlog-proof", "--signer", somebody]).code, 3);
}

/// Positions of a file, not too many of them: every one is tried by the tests of the crates below.
fn places(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by((len / 60).max(1)).chain([len - 1])
}

#[test]
fn damage_at_any_place_has_its_code() {
    let world = World::new();
    world.ok(&["add", &sample("data/airlines.csv")]);
    let objects = [files(&world.ws(".mira/store/objects")), files(&world.ws(".mira/blobs"))].concat();
    world.ok(&["get", "airlines", "-o", "good.parquet"]);
    world.ok(&["prove", "row", "airlines", "3", "-o", "good.tlog-proof"]);
    let flipped = |good: &[u8], at: usize| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0xff;
        bytes
    };
    let parquet = fs::read(world.ws("good.parquet")).unwrap();
    for at in places(parquet.len()) {
        for bytes in [flipped(&parquet, at), parquet[..at].to_vec()] {
            world.write("bad.parquet", bytes);
            // Some bytes mean nothing, and some are values; what is not read is refused.
            let ended = world.run(&["add", "bad.parquet"]);
            assert!(matches!(ended.code, 0 | 1), "byte {at}: {} {}", ended.code, ended.err);
        }
    }
    let proof = fs::read(world.ws("good.tlog-proof")).unwrap();
    for at in places(proof.len()) {
        for bytes in [flipped(&proof, at), proof[..at].to_vec()] {
            world.write("bad.tlog-proof", bytes);
            let ended = world.run(&["verify", "bad.tlog-proof"]);
            assert!(matches!(ended.code, 3 | 4), "byte {at}: {} {}", ended.code, ended.out);
        }
    }
    for object in objects {
        let good = fs::read(&object).unwrap();
        for at in places(good.len()).step_by(6) {
            for bytes in [flipped(&good, at), good[..at].to_vec()] {
                fs::write(&object, bytes).unwrap();
                let ended = world.run(&["get", "airlines@1", "-o", "copy/"]);
                assert_eq!(ended.code, 3, "{} byte {at}: {}", object.display(), ended.err);
                assert!(!world.ws("copy").exists());
            }
        }
        fs::write(&object, good).unwrap();
    }
    world.ok(&["get", "airlines@1", "-o", "copy/"]);
}

#[test]
fn weak_and_wrong_keys() {
    let world = World::new();
    world.ok(&["add", &sample("data/airlines.csv")]);
    world.ok(&["prove", "entry", "airlines", "-o", "p.tlog-proof"]);
    // The identity point, as a did:key: anything verifies under it.
    let weak = "did:key:z6MkeXATEjyXENzBXBxgC5EHk2JE5aqd7qMGGtDpLUH1e2Sj";
    world.fails(2, "did:key", &["verify", "p.tlog-proof", "--signer", weak]);
    world.fails(2, "did:key", &["verify", "p.tlog-proof", "--signer", "did:key:z6Mk"]);
    // A log's key of small order, well spelled: name, hash, type 1 and the identity.
    world.run(&["trust", "remove", "log.example.org/test"]);
    world.fails(2, "", &["trust", "add", "log.example.org/test+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    // The right name and another key: the checkpoint is not one of that log.
    let other = World::new();
    let vkey = other.ok(&["log", "--vkey"]);
    world.ok(&["trust", "add", vkey.trim()]);
    let ended = world.run(&["verify", "p.tlog-proof"]);
    assert!(matches!(ended.code, 3 | 4), "{}", ended.out);
    world.ok(&["key", "new", "other"]);
    let did = world.json(&["key", "list"])["keys"][1]["did"].as_str().unwrap().to_owned();
    assert_eq!(world.run(&["verify", "p.tlog-proof", "--signer", &did]).code, 3);
}

#[test]
fn files_edited_behind_our_back() {
    for (what, dir, command) in [
        ("a manifest, chunk list or card", "blobs", vec!["get", "penguins", "-o", "copy/"]),
        ("a chunk file", "store/objects", vec!["get", "penguins", "-o", "copy/"]),
        ("a log tile", "log/tile", vec!["ls"]),
        ("the checkpoint", "log/checkpoint", vec!["ls"]),
    ] {
        let world = World::new();
        world.ok(&["add", &sample("data/penguins.csv")]);
        let path = world.ws(".mira").join(dir);
        let targets = if path.is_dir() { files(&path) } else { vec![path] };
        for target in targets {
            let good = fs::read(&target).unwrap();
            let mut bad = good.clone();
            let middle = bad.len() / 2;
            bad[middle] ^= 1;
            fs::write(&target, &bad).unwrap();
            world.fails(3, "", &command);
            assert!(!world.ws("copy").exists(), "{what}: half a folder was left");
            fs::write(&target, &good).unwrap();
        }
        world.ok(&command);
    }
}

#[test]
fn fsck_names_the_very_file() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["add", &sample("data/airlines.csv")]);
    world.ok(&["seal"]);
    world.ok(&["fsck"]);
    let root = world.ws(".mira");
    let edited = ["store/objects", "blobs", "log/tile", "log/epochs"].map(|dir| files(&root.join(dir))).concat();
    for target in edited.iter().chain([&root.join("log/checkpoint")]) {
        let good = fs::read(target).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(target, &bad).unwrap();
        let ended = world.run(&["fsck"]);
        // Tiles and bundles of older sizes are nobody's any more.
        let is_leftover = ended.code == 0 && target.to_str().unwrap().ends_with(".p/1");
        assert!(ended.code == 3 || is_leftover, "{}: {}{}", target.display(), ended.out, ended.err);
        if ended.code == 3 {
            let name = target.file_name().unwrap().to_str().unwrap();
            assert!(ended.out.contains(name) || target.starts_with(root.join("log")), "{name}: {}", ended.out);
        }
        fs::write(target, &good).unwrap();
    }
    world.ok(&["fsck"]);
}

#[test]
fn a_tile_or_an_object_that_is_gone() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    for tile in files(&world.ws(".mira/log/tile")) {
        let aside = world.path("aside");
        fs::rename(&tile, &aside).unwrap();
        assert_ne!(world.run(&["ls"]).code, 0, "{}", tile.display());
        fs::rename(&aside, &tile).unwrap();
    }
    fs::remove_dir_all(world.ws(".mira/store/objects")).unwrap();
    assert_ne!(world.run(&["get", "penguins", "-o", "copy.csv"]).code, 0);
    // Adding the file again brings its chunks back.
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["get", "penguins", "-o", "copy.csv"]);
}

#[test]
fn a_log_taken_back_behind_a_sealed_epoch() {
    let world = World::new();
    let checkpoint = world.ws(".mira/log/checkpoint");
    world.ok(&["add", &sample("data/penguins.csv")]);
    let old = fs::read(&checkpoint).unwrap();
    world.ok(&["add", &sample("data/airlines.csv")]);
    world.ok(&["seal"]);
    fs::write(&checkpoint, old).unwrap();
    world.fails(3, "epoch", &["seal"]);
}

#[test]
fn another_checkpoint_of_the_same_size() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    let log = world.ws(".mira/log");
    let aside = world.path("aside");
    copy(&log, &aside);
    world.ok(&["add", &sample("data/airlines.csv")]);
    world.ok(&["seal"]);
    world.ok(&["prove", "entry", "airlines", "-o", "p.tlog-proof"]);
    let epochs = world.path("epochs");
    copy(&log.join("epochs"), &epochs);
    // The same key signs another history of the same length.
    fs::remove_dir_all(&log).unwrap();
    copy(&aside, &log);
    world.ok(&["add", &sample("data/weather.csv")]);
    copy(&epochs, &log.join("epochs"));
    world.fails(3, "epoch", &["seal"]);
    // Whoever kept the first checkpoint sees the fork.
    let forked = log.join("checkpoint");
    let first = epochs.join("1");
    world.ok(&["verify", "p.tlog-proof", "--checkpoint", first.to_str().unwrap()]);
    assert_eq!(world.run(&["verify", "p.tlog-proof", "--checkpoint", forked.to_str().unwrap()]).code, 3);
}

#[test]
fn one_writer_at_a_time() {
    let world = World::new();
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(world.ws(".mira/lock")).unwrap();
    lock.lock().unwrap();
    world.fails(1, "another mira is using", &["add", &sample("data/penguins.csv")]);
    world.ok(&["ls"]);
    drop(lock);
    world.ok(&["add", &sample("data/penguins.csv")]);
}

#[test]
fn workspaces_that_are_none() {
    let world = World::new();
    world.fails(1, "already", &["init"]);
    fs::write(world.ws(".mira/version"), "99\n").unwrap();
    world.fails(1, "version 99", &["ls"]);
    fs::write(world.ws(".mira/version"), "1\n").unwrap();
    world.fails(1, "not a workspace", &["ls", "--workspace", "/"]);
}

#[test]
fn output_is_never_written_over() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.write("mine.csv", "precious\n");
    world.fails(1, "there is a file already", &["get", "penguins", "-o", "mine.csv"]);
    world.fails(1, "there is a file already", &["prove", "entry", "penguins", "-o", "mine.csv"]);
    assert_eq!(fs::read_to_string(world.ws("mine.csv")).unwrap(), "precious\n");
    world.ok(&["get", "penguins", "-o", "mine.csv", "--force"]);
    world.fails(2, "format", &["get", "penguins", "-o", "copy.xyz"]);
}

#[test]
fn passwords_are_not_repeated() {
    let world = World::new();
    let url = "http://user:secret@node.example:5001";
    world.fails(2, "node.example", &["config", "set", "kubo", url]);
    world.write(".mira/config.toml", format!("kubo = \"{url}\"\n"));
    world.fails(1, "node.example", &["config", "list"]);
    fs::remove_file(world.ws(".mira/config.toml")).unwrap();
    let output = world.command(&["config", "list"]).env("MIRA_KUBO", url).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "the environment may have one");
    for text in [output.stdout, world.run(&["config", "set", "kubo", url]).err.into_bytes()] {
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("node.example") && !text.contains("secret"), "{text}");
    }
}

/// A workspace that somebody hands over may link anywhere.
#[test]
fn endless_files_are_not_read() {
    let world = World::new();
    world.fails(1, "larger than", &["key", "import", "other", "/dev/zero"]);
    for name in [".mira/version", ".mira/log.vkey"] {
        let (path, aside) = (world.ws(name), world.path("aside"));
        fs::rename(&path, &aside).unwrap();
        world.fails(1, path.file_name().unwrap().to_str().unwrap(), &["ls"]);
        symlink("/dev/zero", &path).unwrap();
        world.fails(1, "larger than", &["ls"]);
        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }
    let trust = world.path("home/trust");
    fs::remove_file(&trust).unwrap();
    symlink("/dev/zero", &trust).unwrap();
    world.fails(1, "larger than", &["trust", "list"]);
}

#[test]
fn threads_have_a_range() {
    let world = World::new();
    let penguins = sample("data/penguins.csv");
    for threads in ["0", "513", "20000", "-1"] {
        assert_eq!(world.run(&["add", &penguins, "--threads", threads]).code, 2, "{threads}");
    }
    world.ok(&["add", &penguins, "--threads", "512"]);
}

#[test]
fn an_index_that_names_another_file_signs_nothing_unreadable() {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["add", &sample("data/airlines.csv")]);
    let index = files(&world.ws(".mira/store/chunks"));
    assert_eq!(index.len(), 2);
    for (from, to) in [(0, 1), (1, 0)] {
        let good = fs::read(&index[to]).unwrap();
        fs::copy(&index[from], &index[to]).unwrap();
        for name in ["penguins", "airlines"] {
            let again = format!("{name}-{from}");
            world.ok(&["add", &sample(&format!("data/{name}.csv")), "--name", &again]);
            world.ok(&["get", &again, "-o", &format!("{again}.csv")]);
        }
        assert_eq!(fs::read(&index[to]).unwrap(), good, "and the index is right again");
    }
}

/// What cannot be the proof's subject is not a failure to look.
#[test]
fn data_that_cannot_be_the_subject_does_not_verify() {
    let world = World::new();
    let penguins = sample("data/penguins.csv");
    world.ok(&["add", &penguins]);
    world.ok(&["prove", "row", "penguins", "3", "-o", "row.tlog-proof"]);
    let text = fs::read_to_string(&penguins).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let number = header.split(',').position(|column| column == "body_mass_g").unwrap();
    let mut fields: Vec<&str> = rows.lines().next().unwrap().split(',').collect();
    fields[number] = "heavy";
    let column = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
    for (name, content) in [
        ("ragged.csv", format!("{text}1,2,3\n")),
        ("column.csv", text.lines().map(|line| column(line) + "\n").collect()),
        ("cell.csv", format!("{header}\n{}\n", fields.join(","))),
        ("header.csv", format!("{header}\n")),
        ("empty.csv", String::new()),
        ("quote.csv", format!("{text}\"open")),
        ("junk.parquet", "this is not Parquet".to_owned()),
        ("airlines.csv", fs::read_to_string(sample("data/airlines.csv")).unwrap()),
    ] {
        world.write(name, content);
        let ended = world.run(&["verify", name, "--proof", "row.tlog-proof", "--json"]);
        assert_eq!(ended.code, 3, "{name}: {}{}", ended.out, ended.err);
        let document: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!((&document["ok"], &document["verdict"]), (&false.into(), &"does not verify".into()), "{name}");
        let last = document["checks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["step"], &last["result"]), (&"file".into(), &"FAILED".into()), "{name}");
        assert!(!last["detail"].as_str().unwrap().is_empty());
    }
    world.fails(1, "nowhere.csv", &["verify", "nowhere.csv", "--proof", "row.tlog-proof"]);
    assert_eq!(world.run(&["verify", &penguins, "--proof", "row.tlog-proof"]).code, 0);
}

#[test]
fn usage_errors_have_their_code() {
    let world = World::new();
    for args in
        [&["nonsense"][..], &["add"], &["verify", "--nonsense", "x"], &["add", "x.csv", "--allow", "everything"]]
    {
        assert_eq!(world.run(args).code, 2, "{args:?}");
    }
    assert!(world.run(&["veriffy"]).err.contains("verify"), "the nearest verb is suggested");
}

#[test]
fn killed_at_any_moment() {
    let world = World::new();
    let mut text = String::from("id,word,amount\n");
    for row in 0..300_000_u32 {
        let hash = row.wrapping_mul(2_654_435_761);
        text.push_str(&format!("{row},w{hash:x},{}.5\n", hash % 9973));
    }
    world.write("big.csv", &text);
    let expected = World::new();
    fs::copy(world.ws("big.csv"), expected.ws("big.csv")).unwrap();
    let root = expected.json(&["add", "big.csv"])["root"].clone();
    for wait in [5, 20, 40, 80, 120, 180, 250, 400] {
        let mut child = world.command(&["add", "big.csv", "-q"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        // A child that has ended already cannot be killed, and need not be.
        let _ = child.kill();
        child.wait().unwrap();
        assert!(world.json(&["log"])["size"].as_u64() <= Some(1), "nothing is logged twice");
    }
    assert_eq!(world.json(&["add", "big.csv"])["root"], root);
    assert_eq!(world.json(&["log"])["size"].as_u64(), Some(1));
    world.ok(&["get", "big", "-o", "copy.csv"]);
    assert!(fs::read_to_string(world.ws("copy.csv")).unwrap() == text);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}

#[test]
fn a_statement_replayed_under_another_keyid_changes_nothing() {
    let world = World::new();
    let added = world.json(&["add", &sample("data/airlines.csv")]);
    world.ok(&["key", "new", "other"]);
    let keys = world.json(&["key", "list"]);
    let did = |name: &str| {
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == name).unwrap();
        key["did"].as_str().unwrap().to_owned()
    };
    // Whoever holds the log's key can log anything: here the same statement, said to be by another key.
    let vkey: VerifierKey = fs::read_to_string(world.ws(".mira/log.vkey")).unwrap().trim().parse().unwrap();
    let pem = fs::read_to_string(world.path("home/keys").join(format!("log-{}.pem", vkey.id()))).unwrap();
    let key = ed25519_dalek::SigningKey::from_pkcs8_pem(&pem).unwrap();
    let signer = LogSigner::new(vkey.name().clone(), SigningKey::from_seed(&key.to_bytes()));
    let mut log = Log::open(FsStorage::open(world.ws(".mira/log")).unwrap(), &vkey).unwrap();
    let entry = log.entries(LeafIndex::new(0)..LeafIndex::new(1)).unwrap().next().unwrap().unwrap();
    let keyid = |did: &str| format!("\"keyid\":\"{did}\"").into_bytes();
    let (old, new) = (keyid(&did("main")), keyid(&did("other")));
    let at = entry.windows(old.len()).position(|window| window == old).unwrap();
    let replayed = [&entry[..at], &new, &entry[at + old.len()..]].concat();
    log.append(&[&replayed], &signer).unwrap();

    let listed = world.ok(&["log"]);
    assert!(listed.lines().last().unwrap().contains("repeated"), "{listed}");
    assert_eq!(world.json(&["show", "airlines"])["version"].as_u64(), Some(1), "no second version");
    assert_eq!(world.json(&["show", "airlines"])["statement"], added["statement"]);
    let audited = world.ok(&["audit"]);
    assert!(audited.contains("1 signed and accepted, 1 refused") && audited.contains("entry 1: repeated"), "{audited}");
    // The log goes on.
    world.ok(&["add", &sample("data/penguins.csv")]);
}
