//! `get -o DIR`: a folder that the Hub and `datasets` open, and that is what would be published.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mira_core::cid::Cid;
use mira_core::unixfs::{Directory, Link};
use mira_ingest::store::file_of;
use world::{World, files, sample};

const CARD: &str = "---\nlicense: other\nlicense_name: own\nlicense_link: TERMS\n---\n# Weather\n\nHourly.\n";

fn weather(world: &World) -> serde_json::Value {
    world.write("README.md", CARD);
    world.write("TERMS", "sample text\n");
    world.json(&["add", &sample("data/weather.csv"), "--card", "README.md"])
}

/// What an IPFS node would call the folder, from its files alone.
fn link(dir: &Path) -> Link {
    let mut directory = Directory::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let link = if path.is_dir() { link(&path) } else { file_of(&fs::read(&path).unwrap()).unwrap().link() };
        directory.insert(&name, link).unwrap();
    }
    directory.link()
}

fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let file = |path: PathBuf| (path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap());
    files(dir).into_iter().map(file).collect()
}

#[test]
fn the_folder_is_the_published_directory() {
    let world = World::new();
    let added = weather(&world);
    let got = world.json(&["get", "weather", "-o", "out/"]);
    assert_eq!((got["format"].as_str(), &got["root"]), (Some("dir"), &added["root"]));
    let folder = world.ws("out");
    let cid: Cid = got["cid"].as_str().unwrap().parse().unwrap();
    assert_eq!(link(&folder).cid, cid);
    assert_eq!(world.json(&["show", cid.to_string().as_str()])["statement"], added["statement"]);
    for (index, chunk) in added["chunks"].as_array().unwrap().iter().enumerate() {
        let bytes = fs::read(folder.join(format!("chunks/000/{index:06}.parquet"))).unwrap();
        assert_eq!(chunk["cid"].as_str().unwrap(), file_of(&bytes).unwrap().cid.to_string());
    }
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains("configs:\n- config_name: default\n  data_files: chunks/*/*.parquet\n---\n# Weather"));
    assert_eq!(fs::read_to_string(folder.join("LICENSE")).unwrap(), "sample text\n");
    // The chunks are the rows: read as files they are the same dataset again.
    let again = world.json(&["add", "out/chunks/000", "--name", "again"]);
    assert_eq!(again["root"], added["root"]);
}

#[test]
fn the_folder_verifies_with_a_proof() {
    let world = World::new();
    weather(&world);
    world.ok(&["seal"]);
    world.ok(&["get", "weather", "--format", "dir", "-o", "out"]);
    world.ok(&["prove", "entry", "weather", "-o", "entry.tlog-proof"]);
    let verify = |code| {
        let ended = world.run(&["verify", "out", "--proof", "entry.tlog-proof"]);
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        ended.out + &ended.err
    };
    verify(0);
    for name in ["README.md", "LICENSE", "croissant.json", "schema.json", "chunks.cbor", "chunks/000/000001.parquet"] {
        let path = world.ws("out").join(name);
        let bytes = fs::read(&path).unwrap();
        let mut edited = bytes.clone();
        *edited.last_mut().unwrap() ^= 1;
        fs::write(&path, edited).unwrap();
        let said = verify(3);
        fs::remove_file(&path).unwrap();
        verify(3);
        fs::write(&path, bytes).unwrap();
        assert!(said.contains(name) || name == "chunks.cbor", "{name}: {said}");
    }
    verify(0);
}

#[test]
fn nothing_is_written_over_and_nothing_outside() {
    let world = World::new();
    weather(&world);
    fs::create_dir(world.ws("empty")).unwrap();
    world.ok(&["get", "weather", "-o", "empty"]);
    let written = contents(&world.ws("empty"));
    world.fails(1, "there is a folder already", &["get", "weather", "-o", "empty"]);
    fs::write(world.ws("empty/README.md"), "edited").unwrap();
    world.ok(&["get", "weather", "-o", "empty", "--force"]);
    assert_eq!(contents(&world.ws("empty")), written);

    fs::create_dir(world.ws("other")).unwrap();
    fs::write(world.ws("other/notes.txt"), "mine").unwrap();
    world.fails(1, "not written by mira get", &["get", "weather", "-o", "other", "--force"]);
    fs::write(world.ws("file"), "mine").unwrap();
    world.fails(1, "no folder", &["get", "weather", "-o", "file/", "--force"]);
    symlink(world.ws("other"), world.ws("link")).unwrap();
    world.fails(1, "no folder", &["get", "weather", "-o", "link/", "--force"]);
    world.fails(2, "a name of its own", &["get", "weather", "-o", "..", "--force"]);
    assert_eq!(fs::read_dir(world.ws("other")).unwrap().count(), 1);
    let hidden = |name: &str| name.starts_with('.') && name != ".mira";
    let names = fs::read_dir(world.ws("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| hidden(name)).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_killed_run_is_gone_on_with() {
    let world = World::new();
    weather(&world);
    for step in 0..12 {
        let mut child = world.command(&["get", "weather", "-o", "out/", "-q"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(step * 6));
        child.kill().unwrap();
        child.wait().unwrap();
        // It is there whole, or not at all.
        if world.ws("out").exists() {
            assert!(world.ws("out/chunks/000/000000.parquet").exists() && world.ws("out/README.md").exists());
            fs::remove_dir_all(world.ws("out")).unwrap();
        }
    }
    world.ok(&["get", "weather", "-o", "out/"]);
    // What a dead run left is not believed: a file of the right length with other bytes is made anew.
    let id = world.json(&["show", "weather"])["statement"].as_str().unwrap()[..16].to_owned();
    let expected = contents(&world.ws("out"));
    fs::rename(world.ws("out"), world.ws(&format!(".out.mira-{id}"))).unwrap();
    let chunk = world.ws(&format!(".out.mira-{id}/chunks/000/000000.parquet"));
    let mut bytes = fs::read(&chunk).unwrap();
    bytes[100] ^= 1;
    fs::write(&chunk, bytes).unwrap();
    fs::remove_file(world.ws(&format!(".out.mira-{id}/README.md"))).unwrap();
    symlink(world.ws("TERMS"), world.ws(&format!(".out.mira-{id}/README.md"))).unwrap();
    world.ok(&["get", "weather", "-o", "out/"]);
    assert_eq!(contents(&world.ws("out")), expected);
    assert_eq!(fs::read_to_string(world.ws("TERMS")).unwrap(), "sample text\n");
}

/// Others open it: `datasets`, the Hub's own reader of cards, and mlcroissant. Its first run installs them.
#[test]
#[ignore = "installs Python packages: cargo test --locked --workspace --test folder -- --ignored"]
fn others_open_it() {
    let world = World::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/hub/run.sh");
    let open = |folder: &str, rows: &str, column: &str, value: &str| {
        let ended = Command::new(&script).arg(world.ws(folder)).args([rows, column, value]).output().unwrap();
        let text = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{folder}: {text}");
    };
    weather(&world);
    world.ok(&["get", "weather", "-o", "weather/"]);
    open("weather", "26115", "origin", "EWR");
    world.ok(&["add", &sample("data/penguins.csv"), "--license", "CC0-1.0"]);
    world.ok(&["get", "penguins", "-o", "penguins/"]);
    open("penguins", "344", "species", "Adelie");
    world.ok(&["add", &sample("data/humaneval.ndjson"), "--license", "MIT"]);
    world.ok(&["get", "humaneval", "-o", "humaneval/"]);
    open("humaneval", "164", "task_id", "HumanEval/0");
}
