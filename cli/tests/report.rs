//! Column profiles through the binary, and what `fsck` says of reports and statistics that lie.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;

use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use mira_core::digest::Digest;
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::key::SigningKey;
use mira_core::log::vkey::VerifierKey;
use mira_core::manifest::{FileRef, Manifest, ManifestFields};
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::store::{ChunkKey, ChunkStore as _, Store};
use mira_lineage::log::{FsStorage, Log, LogSigner};
use serde_json::Value;
use world::{World, files, sample};

/// The checks of `fsck` of one step, and its exit code.
fn fsck(world: &World, step: &str) -> (i32, Vec<Value>) {
    let ended = world.run(&["fsck", "--json"]);
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    let checks = document["checks"].as_array().unwrap().iter().filter(|check| check["step"] == step);
    (ended.code, checks.cloned().collect())
}

fn blob(world: &World, digest: &str) -> Vec<u8> {
    fs::read(world.ws(".mira/blobs").join(digest)).unwrap()
}

#[test]
fn add_makes_a_profile_that_show_prints_and_fsck_makes_again() {
    let world = World::new();
    let penguins = sample("data/penguins.csv");
    let added = world.json(&["add", &penguins]);
    let shown = world.json(&["show", "penguins", "--profile"]);
    let profile = &shown["profile"];
    assert_eq!((profile["type"].as_str(), profile["rows"].as_u64()), (Some("mira.report/1"), Some(344)));
    let species = &profile["columns"][0];
    assert_eq!((species["name"].as_str(), species["distinct"].as_u64()), (Some("species"), Some(3)));
    assert_eq!((species["min"].as_str(), species["max"].as_str()), (Some("Adelie"), Some("Gentoo")));
    let text = world.ok(&["show", "penguins", "--profile"]);
    assert!(text.contains("\"Adelie\" to \"Gentoo\"") && text.contains("scan       nothing found"), "{text}");
    assert!(world.json(&["show", "penguins"])["profile"].is_null());

    let manifest = Manifest::from_cbor(&blob(&world, added["manifest"].as_str().unwrap())).unwrap();
    let report = blob(&world, &manifest.fields().report.unwrap().sha256.to_string());
    assert_eq!(serde_json::from_slice::<Value>(&report).unwrap(), *profile);
    let (code, reports) = fsck(&world, "report");
    assert_eq!((code, reports.len(), reports[0]["result"].as_str()), (0, 1, Some("ok")));
    assert_eq!(fsck(&world, "statistics").1[0]["artifact"], "penguins@1: 1 chunk file");
    // The same rows and terms are no new version, whatever the report would say.
    assert!(world.json(&["add", &penguins, "--threads", "3"])["unchanged"].as_bool().unwrap());
}

#[test]
fn the_profile_of_data_that_are_not_public_has_counts_only() {
    let world = World::new();
    world.write("people.csv", "name,age\nsomebody-nobody-may-see,77\n,\n");
    world.ok(&["add", "people.csv", "--visibility", "restricted"]);
    let profile = world.json(&["show", "people", "--profile"])["profile"].clone();
    let text = profile.to_string();
    assert_eq!(profile["shows_values"], false);
    assert_eq!((profile["columns"][0]["nulls"].as_u64(), profile["columns"][0]["bytes"].as_u64()), (Some(1), Some(23)));
    assert!(!text.contains("nobody-may") && !text.contains("\"77\"") && !text.contains("scan"), "{text}");
    assert_eq!(fsck(&world, "report").0, 0);
}

/// The dataset's manifest with another report in it, signed and logged by its own contributor.
fn log_with_report(world: &World, added: &Value, report: &[u8]) {
    let old = added["manifest"].as_str().unwrap();
    let fields = Manifest::from_cbor(&blob(world, old)).unwrap().fields().clone();
    let manifest = Manifest::new(ManifestFields { report: Some(FileRef::of(report)), ..fields }).unwrap().to_cbor();
    for bytes in [report, &manifest] {
        fs::write(world.ws(".mira/blobs").join(Digest::of(bytes).to_string()), bytes).unwrap();
    }
    let seed = |name: &str| {
        let pem = fs::read_to_string(world.path("home/keys").join(format!("{name}.pem"))).unwrap();
        SigningKey::from_seed(&ed25519_dalek::SigningKey::from_pkcs8_pem(&pem).unwrap().to_bytes())
    };
    let vkey: VerifierKey = fs::read_to_string(world.ws(".mira/log.vkey")).unwrap().trim().parse().unwrap();
    let mut log = Log::open(FsStorage::open(world.ws(".mira/log")).unwrap(), &vkey).unwrap();
    let payload =
        serde_json::to_string(&world.json(&["show", added["statement"].as_str().unwrap()])["payload"]).unwrap();
    let nonce = payload.split("\"nonce\":\"").nth(1).unwrap()[..32].to_owned();
    let payload = payload.replace(old, &Digest::of(&manifest).to_string()).replace(&nonce, &"5".repeat(32));
    let envelope = Envelope::seal(payload.as_bytes(), &[&seed("main")]).unwrap();
    let entry = Entry::of(&envelope).unwrap();
    let signer = LogSigner::new(vkey.name().clone(), seed(&format!("log-{}", vkey.id())));
    log.append(&[entry.as_bytes()], &signer).unwrap();
}

#[test]
fn a_report_that_lies_does_not_verify() {
    let world = World::new();
    let added = world.json(&["add", &sample("data/penguins.csv")]);
    let manifest = Manifest::from_cbor(&blob(&world, added["manifest"].as_str().unwrap())).unwrap();
    let report = blob(&world, &manifest.fields().report.unwrap().sha256.to_string());
    let lie = String::from_utf8(report).unwrap().replace("\"max\":\"Gentoo\"", "\"max\":\"Chinstrap\"");
    log_with_report(&world, &added, lie.as_bytes());
    let (code, reports) = fsck(&world, "report");
    assert_eq!((code, reports.len()), (3, 2));
    assert_eq!((reports[0]["result"].as_str(), reports[1]["result"].as_str()), (Some("ok"), Some("FAILED")));
    let detail = reports[1]["detail"].as_str().unwrap();
    assert!(detail.contains("column species") && detail.contains("Chinstrap") && detail.contains("Gentoo"), "{detail}");
    // Not even JSON.
    log_with_report(&world, &added, b"{}");
    assert_eq!(fsck(&world, "report").1[2]["result"], "FAILED");
}

#[test]
fn values_of_data_that_are_not_public_are_found_in_a_report() {
    let world = World::new();
    let added = world.json(&["add", &sample("data/penguins.csv"), "--visibility", "private"]);
    let public = world.json(&["add", &sample("data/penguins.csv"), "--name", "public"]);
    let manifest = Manifest::from_cbor(&blob(&world, public["manifest"].as_str().unwrap())).unwrap();
    let report = blob(&world, &manifest.fields().report.unwrap().sha256.to_string());
    log_with_report(&world, &added, &report);
    let (code, reports) = fsck(&world, "report");
    assert_eq!((code, reports[2]["detail"].as_str()), (3, Some("it shows values of data that are not public")));
}

/// The rows, roots and CIDs of this dataset all fit; only what its file says of a column does not, and an engine that
/// believes it would not find the row.
#[test]
fn a_maximum_that_hides_a_row_does_not_verify() {
    let rows = "n,word\n1,a\n4886718345,b\n81985529216486895,c\n";
    let honest = World::new();
    honest.write("numbers.csv", rows);
    let added = honest.json(&["add", "numbers.csv"]);
    let file = files(&honest.ws(".mira/store/objects")).remove(0);
    let mut bytes = fs::read(file).unwrap();
    // The maximum stands in the footer as eight bytes: the greatest value, twice (an old and a new field).
    let footer =
        bytes.len() - 8 - u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let (truth, lie) = (0x0123_4567_89ab_cdef_i64.to_le_bytes(), 5_i64.to_le_bytes());
    let places: Vec<usize> = (footer..bytes.len() - 8).filter(|at| bytes[*at..].starts_with(&truth)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 8].copy_from_slice(&lie);
    }
    // Whoever has such a file in their store has it in their manifest, because its rows are the right ones.
    let manifest = Manifest::from_cbor(&blob(&honest, added["manifest"].as_str().unwrap())).unwrap();
    let fields = manifest.fields();
    let list = manifest.open_chunk_list(&blob(&honest, &fields.chunk_list.sha256.to_string())).unwrap();
    let physical = PhysicalSchema::parse(&fields.physical).unwrap().digest();
    let world = World::new();
    let store = Store::open(world.ws(".mira/store")).unwrap();
    store.keep(&ChunkKey { leaf: list.chunks()[0].leaf.leaf(), physical }, &bytes).unwrap();
    world.write("numbers.csv", rows);
    let again = world.json(&["add", "numbers.csv"]);
    assert_eq!(again["root"], added["root"]);
    assert_ne!(again["chunks"][0]["cid"], added["chunks"][0]["cid"], "the file with the lie is the one that is named");

    let (code, statistics) = fsck(&world, "statistics");
    assert_eq!((code, statistics.len(), statistics[0]["result"].as_str()), (3, 1, Some("FAILED")));
    assert_eq!(statistics[0]["artifact"], "numbers@1, chunk 0");
    let detail = "row group 0, column n: the maximum is 5, the values say 81985529216486895";
    assert_eq!(statistics[0]["detail"], detail);
    assert_eq!(fsck(&world, "dataset").1[0]["result"], "ok");
    assert_eq!(world.run(&["audit", "numbers"]).code, 3);
}
