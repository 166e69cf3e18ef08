//! Licences and cards: what is signed, what is refused, and what is published beside the rows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;

use mira_core::digest::Digest;
use mira_core::manifest::Manifest;
use serde_json::Value;
use world::{World, sample};

const CARD: &str = "---\nlicense: cc-by-4.0\nlanguage: [no, en]\ntags:\n- birds\n- \"evil\\e[31m\"\npretty_name: Palmer's \
                    penguins\nconfigs:\n- config_name: other\n  data_files: other.csv\n---\n# Penguins\n\nThree species.\n";

fn manifest(world: &World, added: &Value) -> Manifest {
    Manifest::from_cbor(&blob(world, added["manifest"].as_str().unwrap())).unwrap()
}

fn blob(world: &World, digest: &str) -> Vec<u8> {
    fs::read(world.ws(".mira/blobs").join(digest)).unwrap()
}

fn text(world: &World, digest: Digest) -> String {
    String::from_utf8(blob(world, &digest.to_string())).unwrap()
}

#[test]
fn licences_are_looked_up() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    let add = |license: &'static str| ["add".to_owned(), file.clone(), "--license".to_owned(), license.to_owned()];
    for (license, hint) in [
        ("mit", "did you mean MIT?"),
        ("Apache2.0", "did you mean Apache-2.0?"),
        ("MIT or ISC", "an expression is as in"),
        ("SomethingUnlisted", "--license-text"),
        ("MIT WITH nothing", "--license-text"),
    ] {
        let args = add(license);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert!(world.fails(2, "--license", &args).err.contains(hint), "{license}");
    }
    world.fails(2, "license_text is missing", &["add", &file, "--license", "LicenseRef-own"]);
    let old = world.run(&["add", &file, "--license", "GPL-2.0"]);
    assert_eq!((old.code, old.err.contains("say GPL-2.0-only")), (0, true), "{}", old.err);
    let json = world.json(&["add", &file, "--license", "LGPL-2.1+ OR MIT"]);
    assert_eq!(json["warnings"][0], "LGPL-2.1+ is deprecated by SPDX: say LGPL-2.1-or-later");
    world.write("net.bin", "sample weights");
    world.fails(2, "--license", &["record", "train", "--model=net", "--artifact=net.bin", "--license=mit"]);
}

#[test]
fn a_card_gives_licence_title_and_words() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    world.write("README.md", CARD);
    let added = world.json(&["add", &file, "--card", "README.md"]);
    let manifest = manifest(&world, &added);
    let fields = manifest.fields();
    assert_eq!(fields.rights.license.as_str(), "CC-BY-4.0");
    // What is kept says where the rows are, and otherwise what its author wrote.
    let kept = text(&world, fields.card.unwrap().sha256);
    let expected =
        CARD.replace("config_name: other", "config_name: default").replace("other.csv", "chunks/*/*.parquet");
    assert_eq!(kept, expected);
    let croissant: Value = serde_json::from_str(&text(&world, fields.croissant.unwrap().sha256)).unwrap();
    assert_eq!(croissant["description"], "Three species.");
    assert_eq!(croissant["license"], "https://spdx.org/licenses/CC-BY-4.0.html");
    // And SQL finds it by them.
    let query = "select ref, title like 'Palmer%' as title, description is not null as told, license, language like 'no%' as norwegian \
                 from cards where tags like '%birds%'";
    assert_eq!(
        world.ok(&["sql", "--format=csv", "-c", query]).lines().nth(1).unwrap(),
        "penguins@1,true,true,cc-by-4.0,true"
    );
    assert_eq!(croissant["distribution"][0]["sha256"], fields.card.unwrap().sha256.to_string());

    world.ok(&["add", &sample("data/airlines.csv")]);
    let found = |words: &[&str]| {
        let args: Vec<&str> = words.iter().flat_map(|word| ["--search", word]).collect();
        let items = world.json(&[&["ls"][..], &args].concat())["items"].clone();
        items.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["palmer"]), ["penguins"]);
    assert_eq!(found(&["no", "BIRDS"]), ["penguins"]);
    assert_eq!(found(&["air"]), ["airlines"]);
    assert!(found(&["birds", "airlines"]).is_empty());
    assert_eq!(found(&[]), ["penguins", "airlines"]);
    assert!(world.ok(&["ls"]).contains("Palmer's penguins"));
    assert!(!world.ok(&["ls", "--json"]).contains('\u{1b}'));
}

#[test]
fn a_flag_beats_the_card_and_the_card_is_kept() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    world.write("README.md", CARD);
    let first = world.json(&["add", &file, "--card", "README.md", "--license", "MIT"]);
    assert!(first["warnings"][0].as_str().unwrap().contains("the card says CC-BY-4.0, --license says MIT"));
    assert_eq!(manifest(&world, &first).fields().rights.license.as_str(), "MIT");
    // The next version keeps the card, and the licence that was signed: the card has had its say.
    let again = world.json(&["add", &file]);
    assert_eq!(again["unchanged"], true, "{again}");
    let basis = world.json(&["add", &file, "--basis", "own"]);
    assert!(basis["warnings"][0].as_str().unwrap().contains("the card says CC-BY-4.0"), "{basis}");
    assert_eq!(manifest(&world, &basis).fields().rights.license.as_str(), "MIT");
    world.ok(&["undo"]);
    // A card that is given anew says it again.
    let second = world.json(&["add", &file, "--card", "README.md"]);
    assert_eq!(second["version"], 3);
    let (before, after) = (manifest(&world, &first), manifest(&world, &second));
    assert_eq!(after.fields().card, before.fields().card);
    assert_eq!(after.fields().rights.license.as_str(), "CC-BY-4.0");
    assert_eq!(world.json(&["add", &file])["unchanged"], true);
    assert_eq!(world.json(&["add", &file, "--card", "README.md"])["unchanged"], true);
    // Another card is another version, and so is none.
    world.write("README.md", CARD.replace("Three", "3"));
    assert_eq!(world.json(&["add", &file, "--card", "README.md"])["version"], 4);
    let without = world.json(&["add", &file, "--no-card"]);
    assert_eq!(without["version"], 5);
    let card = text(&world, manifest(&world, &without).fields().card.unwrap().sha256);
    assert!(card.contains("no card was given") && card.contains("license: cc-by-4.0"), "terms stay: {card}");
    assert_eq!(world.json(&["add", &file, "--license=MIT"])["version"], 6);
    assert!(world.ok(&["fsck"]).lines().all(|line| line.starts_with("ok")));
    // What is published beside the rows is looked at, too.
    for (what, file) in [("card", after.fields().card), ("croissant", after.fields().croissant)] {
        let path = world.ws(".mira/blobs").join(file.unwrap().sha256.to_string());
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, "damaged").unwrap();
        let failed = world.run(&["fsck"]);
        assert_eq!(failed.code, 3);
        assert!(failed.out.contains(&format!("{what} of penguins@3")), "{}", failed.out);
        fs::remove_file(&path).unwrap();
        assert_eq!(world.run(&["fsck"]).code, 4);
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_licence_of_ones_own_has_its_text_beside_the_card() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    world.write("README.md", "---\nlicense: other\nlicense_name: sample terms\nlicense_link: TERMS\n---\n");
    world.fails(2, "LicenseRef-sample-terms names a licence text", &["add", &file, "--card", "README.md"]);
    world.write("TERMS", "sample text\n");
    let added = world.json(&["add", &file, "--card", "README.md"]);
    let first = manifest(&world, &added);
    let (rights, license) = (&first.fields().rights, first.fields().license.unwrap());
    assert_eq!((rights.license.as_str(), rights.license_text), ("LicenseRef-sample-terms", Some(license.sha256)));
    assert_eq!(text(&world, license.sha256), "sample text\n");
    // The text of the version before counts as long as the licence does.
    fs::remove_file(world.ws("TERMS")).unwrap();
    assert_eq!(world.json(&["add", &file])["unchanged"], true);
    // A link that leads elsewhere is not followed.
    for link in ["/etc/passwd", "../TERMS", "https://example.org/terms", ".", ".."] {
        world.write("other.md", format!("---\nlicense: other\nlicense_name: more terms\nlicense_link: {link}\n---\n"));
        world.fails(2, "license_text is missing", &["add", &file, "--card", "other.md"]);
    }
}

#[test]
fn cards_that_are_ambiguous_or_grow_are_refused() {
    let world = World::new();
    let file = sample("data/penguins.csv");
    let bomb = ('b'..='i').zip('a'..='h').fold("a: &a [x,x,x,x,x,x,x,x]\n".to_owned(), |yaml, (name, of)| {
        format!("{yaml}{name}: &{name} [*{of},*{of},*{of},*{of},*{of},*{of},*{of},*{of}]\n")
    });
    for (front, said) in [
        ("license: mit\nlicense: isc\n", "duplicate"),
        ("license: [mit, isc]\n", "several licences"),
        ("license: cc\n", "family"),
        ("license: surely-nothing\n", "not known"),
        ("license: [mit\n", "not usable YAML"),
        (&bomb, "not usable YAML"),
        (&"# long\n".repeat(10_000), "more than"),
        ("{tags: a}\n", "cannot be completed"),
    ] {
        world.write("card.md", format!("---\n{front}---\n"));
        let ended = world.run(&["add", &file, "--card", "card.md"]);
        assert!(ended.code > 0 && ended.err.contains(said) && ended.err.contains("card.md"), "{said}: {}", ended.err);
    }
    world.write("card.md", "---\ntags: a\n");
    world.fails(1, "no line --- ends", &["add", &file, "--card", "card.md"]);
    world.write("card.md", [0xff, 0xfe]);
    world.fails(1, "not UTF-8", &["add", &file, "--card", "card.md"]);
    world.write("card.md", vec![b'a'; 1 << 20]);
    world.fails(1, "larger than", &["add", &file, "--card", "card.md"]);
    assert_eq!(world.json(&["log"])["size"], 0);
}
