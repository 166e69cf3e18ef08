//! What a workspace keeps and gives up: `undo`, `rm` and `gc`, whatever comes in between.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use mira_core::cid::Cid;
use world::{World, files, sample};

fn objects(world: &World) -> Vec<PathBuf> {
    files(&world.ws(".mira/store/objects"))
}

/// Rows that are the same in every version, then some that are not: several chunks, most of them shared.
fn table(world: &World, edits: u64) -> String {
    let prose = "sample ".repeat(36);
    let row = |row: u64| format!("{row},{},{prose}\n", row * if row < edits { 7_919 } else { 104_729 });
    let text: String = std::iter::once("id,value,prose\n".to_owned()).chain((0..30_000).map(row)).collect();
    world.write("table.csv", text)
}

#[test]
fn gc_removes_what_nothing_needs_and_nothing_else() {
    let world = World::new();
    world.write("README.md", "---\nlicense: other\nlicense_name: own\nlicense_link: TERMS\n---\n# Sample\n");
    world.write("TERMS", "sample text\n");
    world.ok(&["add", &sample("data/penguins.csv"), "--card", "README.md"]);
    world.write("net.bin", "sample weights");
    world.write("rows.txt", "0-9\n");
    world.ok(&["record", "train", "--model=net", "--artifact=net.bin", "--uses=penguins,rows=rows.txt"]);
    world.ok(&["rewards", "policy"]);
    let before = files(&world.ws(".mira"));
    assert_eq!(world.json(&["gc"])["bytes"], 0);
    assert_eq!(files(&world.ws(".mira")), before, "everything is needed");

    // What a killed add leaves: a chunk, a line of the index, half a file, and a small file that nothing names.
    let orphan = Cid::raw_of(b"orphan");
    let shard = format!("{:02x}", orphan.digest().as_bytes()[0]);
    let line = format!("{}-{}", "07".repeat(32), "08".repeat(32));
    for (path, bytes) in [
        (format!(".mira/store/objects/{shard}/{orphan}"), b"orphan".to_vec()),
        (format!(".mira/store/chunks/07/{line}"), format!("{orphan}\n").into_bytes()),
        (".mira/store/tmp/2147483647-0".to_owned(), b"half".to_vec()),
        (format!(".mira/blobs/{}", mira_core::digest::Digest::of(b"nobody's")), b"nobody's".to_vec()),
        (".mira/blobs/x.tmp-2147483647".to_owned(), b"half".to_vec()),
    ] {
        fs::create_dir_all(world.ws(&path).parent().unwrap()).unwrap();
        fs::write(world.ws(&path), bytes).unwrap();
    }
    let dry = world.json(&["gc", "--dry-run"]);
    assert_eq!(
        (dry["objects"]["files"].as_u64(), dry["blobs"]["files"].as_u64(), dry["temporary"]["files"].as_u64()),
        (Some(1), Some(1), Some(2))
    );
    assert_eq!((dry["index_entries"].as_u64(), dry["bytes"].as_u64()), (Some(1), Some(6 + 8 + 4 + 4)));
    assert_eq!(files(&world.ws(".mira")).len(), before.len() + 5, "a dry run removes nothing");
    let wet = world.json(&["gc"]);
    assert_eq!(
        (&wet["objects"], &wet["blobs"], &wet["temporary"]),
        (&dry["objects"], &dry["blobs"], &dry["temporary"])
    );
    assert_eq!(files(&world.ws(".mira")), before);
    assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
}

#[test]
fn gc_keeps_all_chunks_while_the_needs_of_a_dataset_are_not_known() {
    let world = World::new();
    let added = world.json(&["add", &sample("data/penguins.csv")]);
    let manifest = world.ws(".mira/blobs").join(added["manifest"].as_str().unwrap());
    let bytes = fs::read(&manifest).unwrap();
    let before = objects(&world);
    for damaged in [None, Some(b"damaged".to_vec())] {
        fs::remove_file(&manifest).unwrap();
        damaged.iter().for_each(|damaged| fs::write(&manifest, damaged).unwrap());
        let ended = world.run(&["gc"]);
        assert_eq!((ended.code, ended.err.contains("all chunk files are kept")), (4, true), "{}", ended.err);
        assert_eq!(objects(&world), before);
        fs::write(&manifest, &bytes).unwrap();
    }
}

#[test]
fn gc_waits_for_no_one() {
    let world = World::new();
    let lock = fs::File::create(world.ws(".mira/lock")).unwrap();
    lock.lock().unwrap();
    world.fails(1, "another mira is using this workspace", &["gc"]);
    world.fails(1, "another mira is using this workspace", &["gc", "--dry-run"]);
    lock.unlock().unwrap();
    // Any number may look at once; who would write is told no more than that somebody is there.
    lock.lock_shared().unwrap();
    world.ok(&["gc", "--dry-run"]);
    world.fails(1, "another mira is using this workspace", &["gc"]);
}

#[test]
fn rm_leaves_what_others_need_and_says_what_became_of_the_rest() {
    let world = World::new();
    let first = world.json(&["add", &table(&world, 0)]);
    let second = world.json(&["add", &table(&world, 10)]);
    assert!(first["chunks"].as_array().unwrap().len() > 1);
    let (shared, whole) = (objects(&world).len(), first["chunks"].as_array().unwrap().len());
    let own = shared - second["chunks"].as_array().unwrap().len();
    assert!(own > 0 && own < whole, "{own} of {whole}");
    world.fails(2, "this would remove table@1", &["rm", "table@1"]);
    assert_eq!(objects(&world).len(), shared);
    let removed = world.json(&["rm", "table@1", "--yes"]);
    assert_eq!(
        (removed["files"].as_u64(), removed["kept_files"].as_u64()),
        (Some(own as u64), Some((whole - own) as u64))
    );
    assert_eq!(objects(&world).len(), shared - own);

    assert!(world.ok(&["show", "table@1"]).contains("REMOVED HERE"));
    assert_eq!(world.json(&["show", "table@1"])["removed_here"], true);
    assert_eq!(world.json(&["show", "table@2"])["removed_here"], false);
    world.fails(1, "table@1 was removed here", &["get", "table@1", "-o", "out.csv"]);
    world.ok(&["get", "table@2", "-o", "out.csv"]);
    let fsck = world.ok(&["fsck"]);
    assert!(fsck.contains("removed, leaves kept") && fsck.contains("not asked"), "{fsck}");
    // Chunks can still be proved, for the list of them is here.
    world.ok(&["seal"]);
    world.ok(&["prove", "chunk", "table@1", "0", "-o", "chunk.tlog-proof"]);
    world.ok(&["verify", "chunk.tlog-proof"]);
    assert_eq!(world.json(&["gc"])["objects"]["files"], 0);

    // The same files bring the rows back.
    world.ok(&["add", &table(&world, 0), "--name", "again"]);
    assert_eq!(world.json(&["show", "table@1"])["removed_here"], false);
    world.ok(&["gc"]);
    assert!(files(&world.ws(".mira/removed")).is_empty());
    assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
    let refused = world.fails(1, "other datasets need every chunk", &["rm", "again", "--yes"]);
    assert!(refused.err.contains("name table@1"), "{}", refused.err);
}

#[test]
fn what_versions_share_goes_with_all_of_them() {
    let world = World::new();
    world.ok(&["add", &table(&world, 0)]);
    world.ok(&["add", &table(&world, 10)]);
    world.ok(&["add", &table(&world, 0), "--name", "copy"]);
    let all = objects(&world).len();
    // A dry run removes nothing, and says for whom what stays.
    let dry = world.json(&["rm", "table@1", "--dry-run"]);
    assert_eq!((dry["dry_run"].as_bool(), dry["files"].as_u64()), (Some(true), Some(0)));
    assert_eq!(
        (dry["kept_for"][0]["ref"].as_str(), dry["kept_for"][1]["ref"].as_str()),
        (Some("copy@1"), Some("table@2"))
    );
    let dry = world.json(&["rm", "table@1", "copy", "--dry-run"]);
    assert_eq!(dry["datasets"], serde_json::json!(["table@1", "copy@1"]));
    assert_eq!(dry["kept_for"][0]["ref"], "table@2");
    let own = dry["files"].as_u64().unwrap();
    let kept = dry["kept_files"].as_u64().unwrap();
    assert!(own > 0 && kept > 0, "{dry}");
    assert_eq!((objects(&world).len(), world.ws(".mira/removed").exists()), (all, false));
    // Without --yes nothing goes; with both --yes and --dry-run nobody knows what is meant.
    world.fails(2, "this would remove table@1, table@2", &["rm", "table", "--all-versions"]);
    world.fails(2, "", &["rm", "table", "--yes", "--dry-run"]);
    // The copy still needs what it has; with it, the rest goes too.
    let removed = world.json(&["rm", "table", "--all-versions", "--yes"]);
    assert_eq!(removed["kept_for"], serde_json::json!([{"ref": "copy@1", "files": own + kept}]));
    world.ok(&["get", "copy", "-o", "copy.csv"]);
    let removed = world.json(&["rm", "copy", "table@1", "--yes"]);
    assert_eq!((removed["files"].as_u64(), removed["kept_files"].as_u64()), (Some(own + kept), Some(0)));
    assert!(objects(&world).is_empty());
    assert_eq!(world.json(&["rm", "copy", "--yes"])["files"], 0, "again");
    assert!(world.ok(&["fsck"]).lines().all(|line| !line.starts_with("not checked")));
}

#[test]
fn rows_that_were_removed_are_proved_by_their_leaves() {
    let world = World::new();
    let added = world.json(&["add", &table(&world, 0)]);
    let chunks = added["chunks"].as_array().unwrap().len();
    world.ok(&["seal"]);
    let last = (added["rows"].as_u64().unwrap() - 1).to_string();
    world.ok(&["prove", "row", "table", &last, "-o", "before.tlog-proof", "--without-row"]);
    let removed = world.json(&["rm", "table", "--yes"]);
    assert_eq!((removed["leaf_files"].as_u64(), removed["without_leaves"].as_u64()), (Some(chunks as u64), Some(0)));
    assert!(objects(&world).is_empty());
    let leaves = files(&world.ws(".mira/store/leaves"));
    assert_eq!(leaves.len(), chunks);
    // gc keeps them, and what is left can be proved as before.
    assert_eq!(world.json(&["gc"])["leaves"]["files"], 0);
    assert_eq!(files(&world.ws(".mira/store/leaves")), leaves);
    let proved = world.run(&["prove", "row", "table", &last, "-o", "row.tlog-proof"]);
    assert_eq!((proved.code, proved.err.contains("the row was removed here")), (0, true), "{}", proved.err);
    assert_eq!(fs::read(world.ws("row.tlog-proof")).unwrap(), fs::read(world.ws("before.tlog-proof")).unwrap());
    assert_eq!(world.json(&["prove", "row", "table", "7", "-o", "7.tlog-proof"])["with_row"], false);
    let verified = world.run(&["verify", "row.tlog-proof"]);
    assert_eq!((verified.code, verified.out.contains("FAILED")), (4, false), "{}", verified.out);
    world.ok(&["prove", "chunk", "table", "0", "-o", "chunk.tlog-proof"]);
    let audit = world.run(&["audit", "table"]);
    assert!(audit.out.contains("leaves kept") && !audit.out.contains("FAILED"), "{}", audit.out);

    // Leaves are checked: edited, cut short, gone.
    let bytes = fs::read(&leaves[0]).unwrap();
    let mut edited = bytes.clone();
    edited[100] ^= 1;
    for (damaged, code, word) in [
        (Some(edited), 3, "the leaves do not have the chunk's root"),
        (Some(bytes[..bytes.len() - 1].to_vec()), 3, "expected leaves of"),
        (None, 4, "neither rows nor leaves of 1 chunk are here"),
    ] {
        match damaged {
            Some(damaged) => fs::write(&leaves[0], damaged).unwrap(),
            None => fs::remove_file(&leaves[0]).unwrap(),
        }
        let fsck = world.run(&["fsck"]);
        assert_eq!((fsck.code, fsck.out.contains(word)), (code, true), "{}", fsck.out);
        let rows = (0..chunks).map(|chunk| added["chunks"][chunk]["rows"].as_u64().unwrap());
        let firsts: Vec<u64> = rows.scan(0, |sum, rows| Some(std::mem::replace(sum, *sum + rows))).collect();
        let codes = firsts
            .iter()
            .map(|row| world.run(&["prove", "row", "table", &row.to_string(), "-o", "x.tlog-proof", "--force"]).code);
        assert_eq!(codes.filter(|found| *found == code).count(), 1, "one chunk is not proved");
    }
    // The rows bring all of it back.
    world.ok(&["add", &table(&world, 0)]);
    world.ok(&["prove", "row", "table", &last, "-o", "again.tlog-proof"]);
    world.ok(&["verify", "again.tlog-proof"]);
    assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
}

#[test]
fn rm_without_leaves_keeps_nothing_to_guess_by() {
    let world = World::new();
    world.ok(&["add", &sample("data/airlines.csv")]);
    world.ok(&["rm", "airlines", "--yes"]);
    assert_eq!(files(&world.ws(".mira/store/leaves")).len(), 1);
    world.ok(&["rm", "airlines", "--yes", "--no-leaves"]);
    assert!(files(&world.ws(".mira/store/leaves")).is_empty());
    let fsck = world.run(&["fsck"]);
    assert_eq!((fsck.code, fsck.out.contains("removed here")), (4, true), "{}", fsck.out);
    let refused = world.fails(4, "neither rows nor leaves", &["prove", "row", "airlines", "0"]);
    assert!(refused.err.contains("hint: mira get"), "{}", refused.err);
}

#[test]
fn rm_of_what_does_not_verify_says_that_it_leaves_nothing() {
    let world = World::new();
    world.ok(&["add", &sample("data/airlines.csv")]);
    let file = objects(&world).remove(0);
    fs::write(&file, "damaged").unwrap();
    let refused = world.fails(3, "the file of chunk 0", &["prove", "row", "airlines", "0"]);
    assert!(refused.err.contains("hint: mira get"), "{}", refused.err);
    let removed = world.run(&["rm", "airlines", "--yes"]);
    assert_eq!((removed.code, removed.err.contains("did not verify")), (0, true), "{}", removed.err);
    assert!(!file.exists());
}

#[test]
fn rm_refuses_what_is_still_to_be_pinned() {
    let world = World::new();
    world.ok(&["add", &sample("data/airlines.csv")]);
    let pin = world.command(&["pin", "airlines"]).env("MIRA_KUBO", "http://127.0.0.1:9").output().unwrap();
    assert_eq!(pin.status.code(), Some(1));
    world.fails(1, "still to be sent", &["rm", "airlines", "--yes"]);
    let before = objects(&world);
    assert_eq!(world.json(&["gc"])["objects"]["files"], 0, "the pin has to be sent yet");
    assert_eq!(objects(&world), before);
    world.ok(&["rm", "airlines", "--yes", "--force"]);
    assert!(world.ok(&["show", "airlines"]).contains("REMOVED HERE"));
}

#[test]
fn undo_withdraws_the_last_and_the_one_before_is_the_latest() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    world.fails(1, "you stated nothing", &["undo"]);
    let first = world.json(&["add", &file, "--license", "CC0-1.0"]);
    world.ok(&["add", &file, "--license", "MIT"]);
    let undone = world.json(&["undo"]);
    assert_eq!((undone["ref"].as_str(), undone["latest"].as_str()), (Some("penguins@2"), Some("penguins@1")));
    assert_eq!(world.json(&["show", "penguins"])["statement"], first["statement"]);
    assert_eq!(world.json(&["ls"])["items"][0]["version"], 1);
    world.ok(&["get", "penguins", "-o", "copy.csv"]);
    world.fails(3, "withdrawn", &["get", "penguins@2", "-o", "other.csv"]);
    assert_eq!(world.json(&["log"])["size"], 3, "nothing left the log");
    world.fails(2, "that stays", &["undo"]);
    // What was said before is said already, and what was taken back may be said anew.
    assert_eq!(world.json(&["add", &file, "--license", "CC0-1.0"])["unchanged"], true);
    assert_eq!(world.json(&["add", &file, "--license", "MIT"])["version"], 3);
    assert_eq!(world.json(&["show", "penguins"])["version"], 3);
    world.ok(&["undo"]);
    assert_eq!(world.json(&["show", "penguins"])["version"], 1);
    assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
}

#[test]
fn undo_refuses_what_others_know_of() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    world.ok(&["add", &file]);
    world.ok(&["seal"]);
    world.fails(3, "sealed in epoch 1", &["undo"]);
    world.ok(&["add", &file, "--license", "MIT"]);
    let pin = world.command(&["pin", "penguins"]).env("MIRA_KUBO", "http://127.0.0.1:9").output().unwrap();
    assert_eq!(pin.status.code(), Some(1));
    world.fails(3, "a pin of it at", &["undo"]);
    world.ok(&["undo", "--force"]);
    assert_eq!(world.json(&["show", "penguins"])["version"], 1);
}

/// After any sequence of add, rm and gc, some of them killed, every dataset of the log verifies or says that it was
/// removed.
#[test]
fn whatever_is_killed_no_dataset_is_lost() {
    let world = World::new();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |bound: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % bound
    };
    let mut versions = 0_u64;
    for step in 0..24 {
        let file = table(&world, random(6) * 5_000);
        let version = format!("table@{}", random(versions.max(1)) + 1);
        let args: Vec<&str> = match random(4) {
            _ if versions == 0 => vec!["add", &file],
            0 | 1 => vec!["add", &file],
            2 => vec!["rm", &version, "--yes"],
            _ => vec!["gc"],
        };
        if random(2) == 0 && versions > 0 {
            let mut child = world.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random(60_000)));
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            let code = world.run(&args).code;
            assert!(code == 0 || args[0] == "rm", "{step}: {args:?} ended with {code}");
        }
        versions = world.json(&["log"])["size"].as_u64().unwrap();
        let fsck = world.run(&["fsck"]);
        assert!(matches!(fsck.code, 0 | 4) && !fsck.out.contains("FAILED"), "{step}: after {args:?}: {}", fsck.out);
        let unchecked = fsck.out.lines().filter(|line| line.starts_with("not checked"));
        assert!(unchecked.clone().all(|line| line.contains("removed here")), "{step}: after {args:?}: {}", fsck.out);
    }
    assert!(versions > 1);
    world.ok(&["gc"]);
    assert!(files(&world.ws(".mira/store/tmp")).is_empty());
}

/// Whatever becomes of a chunk file, adding the same rows again writes it anew, and says so.
#[test]
fn add_mends_what_is_damaged() {
    let world = World::new();
    // Not changed for long, so that `add` need not read it to know it.
    let file = sample("data/penguins.csv");
    let first = world.json(&["add", &file]);
    let chunk = objects(&world).remove(0);
    let bytes = fs::read(&chunk).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for damaged in [Some(flipped.clone()), Some(bytes[..bytes.len() - 1].to_vec()), Some(Vec::new()), None] {
        // The clock of a file system ticks every few milliseconds.
        std::thread::sleep(Duration::from_millis(20));
        match &damaged {
            Some(damaged) => fs::write(&chunk, damaged).unwrap(),
            None => fs::remove_file(&chunk).unwrap(),
        }
        let again = world.run(&["add", &file, "--json"]);
        assert!(again.code == 0 && again.err.contains("mended: "), "{}", again.err);
        let again: serde_json::Value = serde_json::from_str(&again.out).unwrap();
        assert_eq!((&again["root"], &again["unchanged"]), (&first["root"], &true.into()));
        assert_eq!(fs::read(&chunk).unwrap(), bytes);
        assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
    }
    // Nothing is mended where nothing is damaged, and the input is not read for it.
    let again = world.run(&["add", &file, "-v"]);
    assert!(again.err.contains("they are not read") && !again.err.contains("mended"), "{}", again.err);

    // Bits that rot leave the time of the last write as it was: fsck finds them, and makes the next add look.
    let written = fs::metadata(&chunk).unwrap().modified().unwrap();
    fs::write(&chunk, &flipped).unwrap();
    fs::File::options().write(true).open(&chunk).unwrap().set_modified(written).unwrap();
    let fsck = world.run(&["fsck"]);
    assert_eq!((fsck.code, fsck.out.contains("mira add of the same files mends it")), (3, true), "{}", fsck.out);
    world.ok(&["add", &file]);
    assert_eq!(fs::read(&chunk).unwrap(), bytes);
    assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
}
