//! A log on a chain: deployed, sealed, anchored, proved and verified; and what must not pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use mira_core::evidence::{AnchorClaim, Evidence};
use mira_core::id::EpochNumber;
use mira_core::log::tlog_proof::TlogProof;
use serde_json::Value;

use world::{World, sample};

/// A workspace with two sealed epochs, and contracts on the local chain.
fn sealed() -> World {
    let world = World::new();
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["seal"]);
    world.ok(&["add", &sample("data/penguins.csv"), "--name", "again"]);
    world.ok(&["seal"]);
    world.ok(&["chain", "deploy"]);
    world
}

fn check<'a>(report: &'a Value, step: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["step"] == step).unwrap()
}

#[test]
fn deploy_anchor_prove_verify() {
    let world = sealed();
    let again = world.json(&["chain", "deploy"]);
    assert_eq!((again["unchanged"].as_bool(), again["chain"].as_str()), (Some(true), Some("local")));
    assert_eq!(world.json(&["chain", "status"])["deployment"]["anchored_epoch"].as_u64(), Some(0));

    let done = world.json(&["anchor"]);
    assert_eq!((done["schema"].as_str(), done["status"].as_str()), (Some("mira.anchor/1"), Some("local")));
    assert_eq!((done["epoch"].as_u64(), done["origin"].as_str()), (Some(2), Some("log.example.org/test")));
    assert_eq!(done["contract"], again["registry"]["address"]);
    assert_eq!(done["anchors"].as_array().unwrap().len(), 2);
    let nothing = world.json(&["anchor"]);
    assert_eq!((nothing["unchanged"].as_bool(), &nothing["tx"]), (Some(true), &done["tx"]));
    let text = world.run(&["anchor"]);
    assert!(text.out.contains("local already, nothing to do"), "{}", text.out);
    assert!(!text.out.contains("anchored") && !text.err.contains("anchored"), "{}{}", text.out, text.err);

    // The earliest epoch that has the entry, though the log has grown since.
    let proved = world.json(&["prove", "row", "penguins", "17", "-o", "row.tlog-proof"]);
    assert_eq!((proved["epoch"].as_u64(), proved["size"].as_u64()), (Some(1), Some(1)));
    let offline = world.json(&["verify", "row.tlog-proof"]);
    assert_eq!((offline["ok"].as_bool(), offline["anchor"].as_str()), (Some(true), Some("not-asked")));
    let asked = world.json(&["verify", "row.tlog-proof", "--chain", "local"]);
    assert_eq!((asked["ok"].as_bool(), asked["anchor"].as_str()), (Some(true), Some("local")));
    assert!(check(&asked, "anchor")["detail"].as_str().unwrap().contains("local chain"));

    // Local is not anchored where that is required; nor is what no chain was asked about, or what has no anchor.
    for args in [
        &["verify", "row.tlog-proof", "--chain", "local", "--require-anchor"][..],
        &["verify", "row.tlog-proof", "--require-anchor"],
    ] {
        assert_eq!(world.run(args).code, 4, "{args:?}");
    }
    world.ok(&["add", &sample("data/penguins.csv"), "--name", "later"]);
    let unsealed = world.json(&["prove", "entry", "later", "-o", "later.tlog-proof"]);
    assert_eq!(unsealed["epoch"], Value::Null);
    assert_eq!(world.json(&["verify", "later.tlog-proof"])["anchor"].as_str(), Some("none"));
    assert_eq!(world.run(&["verify", "later.tlog-proof", "--require-anchor"]).code, 4);

    let rows =
        world.ok(&["sql", "-c", "SELECT epoch, size, tx, status FROM anchors ORDER BY epoch", "--format", "csv"]);
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert!(rows[0].starts_with("1,1,0x") && rows[1].starts_with("2,2,0x"), "{rows:?}");
    assert!(rows.iter().all(|row| row.ends_with(",local")), "{rows:?}");

    // One more epoch: only that one is sent.
    world.ok(&["seal"]);
    let third = world.json(&["anchor"]);
    assert_eq!((third["epoch"].as_u64(), third["anchors"].as_array().unwrap().len()), (Some(3), 1));
    let status = world.json(&["chain", "status"]);
    assert_eq!(status["deployment"]["anchored_epoch"].as_u64(), Some(3));
    assert_eq!(status["outbox"].as_array().unwrap().len(), 0);
}

#[test]
fn whom_to_believe_comes_from_the_verifier() {
    let world = sealed();
    world.ok(&["anchor"]);
    world.ok(&["prove", "row", "penguins", "0", "-o", "row.tlog-proof"]);
    let registry = world.json(&["chain", "deploy"])["registry"]["address"].as_str().unwrap().to_owned();
    let verify =
        |extra: &[&str]| world.run(&[&["verify", "row.tlog-proof", "--chain", "local", "--json"], extra].concat());
    let named = verify(&["--contract", &registry]);
    assert_eq!(named.code, 0, "{}", named.err);
    // Another contract than the proof's, and no registry at all.
    let other = verify(&["--contract", "0x00000000000000000000000000000000000000aa"]);
    assert_eq!(other.code, 4, "{}", other.out);
    assert!(other.out.contains("is not one you trust"), "{}", other.out);
    // The trust file forgets the registry: the proof's own word for it is not enough.
    let trusted = world.json(&["trust", "list"]);
    let lines: Vec<String> = world.ok(&["trust", "list"]).lines().map(str::to_owned).collect();
    let line = lines.iter().find(|line| line.starts_with("contract registry ")).unwrap();
    assert_eq!(trusted["contracts"].as_array().unwrap().len(), 2);
    world.ok(&["trust", "remove", &registry]);
    let forgotten = verify(&[]);
    assert_eq!(forgotten.code, 4, "{}", forgotten.out);
    assert!(forgotten.out.contains("is not one you trust"), "{}", forgotten.out);
    world.ok(&[&["trust", "add"], line.split(' ').collect::<Vec<_>>().as_slice()].concat());
    assert_eq!(verify(&[]).code, 0);
}

#[test]
fn a_forged_commitment_does_not_verify() {
    let world = sealed();
    world.ok(&["anchor"]);
    world.ok(&["prove", "row", "penguins", "0", "-o", "row.tlog-proof"]);
    let forge = |name: &str, edit: fn(&mut AnchorClaim)| {
        let mut proof = TlogProof::parse(&fs::read(world.ws("row.tlog-proof")).unwrap()).unwrap();
        let mut evidence = Evidence::from_cbor(&proof.extra).unwrap();
        edit(evidence.anchor.as_mut().unwrap());
        proof.extra = evidence.to_cbor();
        world.write(name, proof.to_bytes())
    };
    for (name, edit, says) in [
        ("previous", (|claim| claim.previous[0] ^= 1) as fn(&mut AnchorClaim), "the registry holds 0x"),
        ("epoch", |claim| claim.epoch = EpochNumber::new(2), "the registry holds 0x"),
        ("later", |claim| claim.epoch = EpochNumber::new(9), "the registry holds nothing for epoch 9"),
        ("zero", |claim| claim.epoch = EpochNumber::new(0), "the registry holds nothing for epoch 0"),
    ] {
        let file = forge(name, edit);
        let found = world.run(&["verify", &file, "--chain", "local"]);
        assert_eq!(found.code, 3, "{name}: {}", found.out);
        assert!(found.out.contains(says), "{name}: {}", found.out);
        // Without a chain it is a hint, and nothing else in the proof is wrong.
        assert_eq!(world.run(&["verify", &file]).code, 0, "{name}");
    }
    for (name, edit) in
        [("chain", (|claim| claim.chain_id = 1) as fn(&mut AnchorClaim)), ("contract", |claim| claim.contract[0] ^= 1)]
    {
        let found = world.run(&["verify", &forge(name, edit), "--chain", "local"]);
        assert_eq!(found.code, 4, "{name}: {}", found.out);
    }
    // The transaction is for people to look up; nothing rests on it.
    let file = forge("tx", |claim| claim.transaction[0] ^= 1);
    assert_eq!(world.run(&["verify", &file, "--chain", "local"]).code, 0);
}

#[test]
fn a_chain_that_does_not_answer_is_not_an_anchor() {
    let world = sealed();
    world.ok(&["anchor"]);
    world.ok(&["prove", "row", "penguins", "0", "-o", "row.tlog-proof"]);
    // Nobody listens on port 9 (discard) of a machine like this one.
    let away = world.run(&["verify", "row.tlog-proof", "--chain", "http://user:word@127.0.0.1:9/token"]);
    assert_eq!(away.code, 4, "{}", away.out);
    assert!(away.out.contains("http://127.0.0.1:9"), "{}", away.out);
    assert!(!away.out.contains("word") && !away.out.contains("token"), "{}", away.out);
    world.fails(2, "over https or http", &["verify", "row.tlog-proof", "--chain", "wss://node.example"]);
}

#[test]
fn a_log_that_was_put_back_is_not_anchored() {
    let world = sealed();
    world.ok(&["anchor"]);
    fs::remove_file(world.ws(".mira/log/epochs/2")).unwrap();
    world.fails(3, "put back to an older state", &["anchor"]);
}

#[test]
fn a_forged_receipt_is_no_proof() {
    let world = sealed();
    world.ok(&["anchor"]);
    let path = world.ws(".mira/receipts/anchor-1.json");
    let receipt = fs::read(&path).unwrap();
    // The receipt of another epoch, well signed.
    fs::copy(world.ws(".mira/receipts/anchor-2.json"), &path).unwrap();
    world.fails(3, "is not that of epoch 1", &["prove", "row", "penguins", "0"]);
    let mut edited = receipt.clone();
    edited[40] ^= 1;
    fs::write(&path, edited).unwrap();
    assert_eq!(world.run(&["prove", "row", "penguins", "0"]).code, 3);
    // Derived again from log and chain, byte for byte.
    world.ok(&["anchor"]);
    assert_eq!(fs::read(&path).unwrap(), receipt);
}

#[test]
fn nothing_is_paid_by_asking() {
    let world = sealed();
    let dry = world.json(&["anchor", "--dry-run"]);
    assert!(dry["gas"].as_str().unwrap().parse::<u64>().unwrap() > 21_000);
    let call = world.json(&["anchor", "--unsigned"]);
    assert!(call["data"].as_str().unwrap().starts_with("0x") && call["to"].is_string());
    assert_eq!(world.json(&["chain", "status"])["deployment"]["anchored_epoch"].as_u64(), Some(0));
    assert_eq!(world.json(&["anchor"])["epoch"].as_u64(), Some(2));
}

#[test]
fn tokens_are_paid_in() {
    let world = sealed();
    let funded = || world.json(&["chain", "status"])["deployment"]["funded"].as_str().unwrap().to_owned();
    world.fails(2, "amount of tokens", &["chain", "fund", "--pool", "1e3"]);
    world.fails(1, "are to be paid", &["chain", "fund", "--pool", "1000001"]);
    let paid = world.json(&["chain", "fund", "--pool", "2.5"]);
    assert_eq!((paid["amount"].as_str(), paid["status"].as_str()), (Some("2500000000000000000"), Some("local")));
    world.ok(&["chain", "fund", "--pool", "2.5"]);
    assert_eq!(funded(), "5000000000000000000", "paying twice is two payments");
    world.fails(2, "records no use", &["chain", "fund", "--use", "penguins", "1"]);
}

#[test]
fn a_payment_that_was_cut_off_blocks_no_other_and_is_made_once() {
    let world = sealed();
    let tokens = |whole: u64| Some(format!("{whole}{}", "0".repeat(18)));
    let funded = || Some(world.json(&["chain", "status"])["deployment"]["funded"].as_str()?.to_owned());
    let waiting = || world.json(&["chain", "status"])["outbox"].as_array().unwrap().len();
    world.ok(&["chain", "fund", "--pool", "1"]);
    world.forget("approve/");
    world.ok(&["chain", "fund", "--pool", "2"]);
    assert_eq!((funded(), waiting()), (tokens(3), 0));
    // Another amount is another payment; the one before is named.
    world.forget("fund/");
    let other = world.run(&["chain", "fund", "--pool", "5"]);
    assert_eq!(other.code, 0, "{}", other.err);
    assert!(other.err.contains("/1, begun by an earlier run is in block"), "{}", other.err);
    assert_eq!((funded(), waiting()), (tokens(8), 0));
    // The same one again goes on with what was begun.
    world.forget("fund/");
    world.ok(&["chain", "fund", "--pool", "5"]);
    assert_eq!((funded(), waiting()), (tokens(8), 0));
    world.ok(&["chain", "fund", "--pool", "5"]);
    assert_eq!(funded(), tokens(13));
}

#[test]
fn what_is_asked_of_a_payment_is_one_document() {
    let world = sealed();
    let dry = world.json(&["chain", "fund", "--pool", "1", "--dry-run"]);
    assert_eq!((dry["schema"].as_str(), dry["calls"].as_array().unwrap().len()), (Some("mira.calls/1"), 2));
    assert!(dry["calls"][0]["gas"].is_string() && dry["calls"][1]["gas"].is_null(), "{dry}");
    assert!(world.ok(&["chain", "fund", "--pool", "1", "--dry-run"]).contains("would follow"));
    let calls = world.json(&["chain", "fund", "--pool", "1", "--unsigned"]);
    let purpose = |at: usize| calls["calls"][at]["purpose"].as_str().unwrap().to_owned();
    assert!(purpose(0).starts_with("approve/") && purpose(1).starts_with("fund/"), "{calls}");
    assert_eq!(world.json(&["chain", "status"])["deployment"]["funded"].as_str(), Some("0"));
    world.fails(2, "neither --use nor --pool", &["chain", "fund", "1"]);
}

#[test]
fn a_chain_that_was_cut_back_has_no_anchors() {
    let world = sealed();
    let anchored = || world.json(&["chain", "status"])["deployment"]["anchored_epoch"].as_u64();
    let chain = world.ws(".mira/chain/local");
    let before = fs::read(&chain).unwrap();
    world.ok(&["anchor"]);
    fs::write(&chain, &before).unwrap();
    assert_eq!(anchored(), Some(0));
    assert_eq!(world.json(&["anchor"])["status"].as_str(), Some("local"));
    assert_eq!(anchored(), Some(2), "what is reported is there");
    // The same with contracts that are gone: deploying sends the very bytes again.
    fs::write(&chain, &before[..before.len() - 1]).unwrap();
    world.ok(&["chain", "recover"]);
    world.fails(3, "nothing was signed", &["anchor"]);
    world.ok(&["chain", "deploy"]);
    world.ok(&["anchor"]);
    assert_eq!(anchored(), Some(2));
}

#[test]
fn a_chain_that_was_lost_is_not_made_again_in_silence() {
    let world = sealed();
    world.ok(&["anchor"]);
    let record = world.ws(".mira/chain/deployment.json");
    fs::remove_file(world.ws(".mira/chain/local")).unwrap();
    world.fails(1, "was lost", &["chain", "deploy"]);
    assert!(!world.ws(".mira/chain/local").exists());
    fs::rename(&record, world.ws("aside.json")).unwrap();
    world.ok(&["chain", "deploy"]);
    assert_eq!(world.json(&["anchor"])["epoch"].as_u64(), Some(2));
    assert_eq!(world.json(&["chain", "status"])["deployment"]["anchored_epoch"].as_u64(), Some(2));
    // What is there stays, whatever is asked for.
    let again = world.run(&["chain", "deploy", "--window", "48h"]);
    assert!(again.code == 0 && again.err.contains("was ignored"), "{}", again.err);
    assert!(!world.run(&["chain", "deploy"]).err.contains("ignored"));
    // A record without end is not read to its end.
    fs::remove_file(&record).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &record).unwrap();
    world.fails(1, "not a record of deployments", &["chain", "status"]);
}

#[test]
fn time_passes_where_it_is_ones_own() {
    let world = sealed();
    let time = || world.json(&["chain", "status"])["timestamp"].as_u64().unwrap();
    let before = time();
    world.fails(2, "too long a time", &["chain", "warp", "99999999d"]);
    world.ok(&["chain", "warp", "25h"]);
    assert!(time() >= before + 25 * 3600);
    let block = world.json(&["chain", "mine"])["block"].as_u64().unwrap();
    assert_eq!(world.json(&["chain", "status"])["block"].as_u64(), Some(block));
}

#[test]
fn without_a_chain_or_an_epoch_it_says_what_is_missing() {
    let world = World::new();
    world.fails(1, "no epoch is sealed", &["anchor"]);
    world.ok(&["add", &sample("data/penguins.csv")]);
    world.ok(&["seal"]);
    world.fails(1, "no local chain yet", &["anchor"]);
    world.fails(1, "no local chain yet", &["chain", "status"]);
    world.fails(2, "no account", &["anchor", "--chain", "http://127.0.0.1:9"]);
}

/// The same script on anvil. `MIRA_TEST_ANVIL` names its RPC API.
#[test]
fn live_anvil_anchors_are_mined_confirmed_and_finalized() {
    let Ok(url) = std::env::var("MIRA_TEST_ANVIL") else {
        eprintln!("skipped: MIRA_TEST_ANVIL names no node");
        return;
    };
    let world = World::new();
    let keys = world.path("home/keys/evm");
    fs::create_dir_all(&keys).unwrap();
    let sample_key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../anchor/tests/data/sample-anvil-0.json");
    fs::copy(sample_key, keys.join("deployer")).unwrap();
    fs::set_permissions(keys.join("deployer"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(world.path("password"), "sample password\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = world.command(args);
        command.arg("--json").env("MIRA_CHAIN", &url).env("MIRA_ACCOUNT", "deployer");
        let ended = command.env("MIRA_PASSPHRASE_FILE", world.path("password")).output().unwrap();
        let out = String::from_utf8(ended.stdout).unwrap();
        let answer: Value = serde_json::from_str(&out).unwrap_or_default();
        (ended.status.code().unwrap(), answer, String::from_utf8(ended.stderr).unwrap())
    };
    let ok = |args: &[&str]| {
        let (code, answer, err) = run(args);
        assert_eq!(code, 0, "{args:?}: {err}");
        answer
    };
    ok(&["add", &sample("data/penguins.csv")]);
    ok(&["seal"]);
    let deployed = ok(&["chain", "deploy"]);
    assert_eq!(ok(&["chain", "deploy"])["unchanged"].as_bool(), Some(true));
    let done = ok(&["anchor"]);
    assert_eq!((done["epoch"].as_u64(), done["status"].as_str()), (Some(1), Some("mined")));
    assert_eq!(ok(&["anchor"])["unchanged"].as_bool(), Some(true));
    ok(&["chain", "fund", "--pool", "3"]);
    ok(&["prove", "row", "penguins", "3", "-o", "row.tlog-proof"]);

    let verify = ["verify", "row.tlog-proof", "--chain", &url];
    assert_eq!(ok(&verify)["anchor"].as_str(), Some("mined"));
    assert_eq!(run(&[&verify[..], &["--require-anchor"]].concat()).0, 4, "a block that may still be replaced");
    for _ in 0..10 {
        ok(&["chain", "mine"]);
    }
    let registry = deployed["registry"]["address"].as_str().unwrap();
    let required = [&verify[..], &["--require-anchor", "--contract", registry]].concat();
    assert_eq!(ok(&required)["anchor"].as_str(), Some("confirmed"));
    for _ in 0..60 {
        ok(&["chain", "mine"]);
    }
    assert_eq!(ok(&required)["anchor"].as_str(), Some("finalized"));
    assert_eq!(ok(&["anchor"])["status"].as_str(), Some("finalized"));
    // The account of the local chain pays nowhere else, and a wrong password opens nothing.
    fs::write(world.path("password"), "another\n").unwrap();
    assert_eq!(run(&["chain", "fund", "--pool", "1"]).0, 1);
}
