//! From a fee to a payout on the workspace's own chain, and what must be refused on the way.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod world;

use std::fs;

use serde_json::Value;

use world::{World, files, sample};

/// One contributes, one trains on that and on a copy that another added, one deploys; the use has a fee of 1,000.
struct Story {
    world: World,
    usage: String,
}

const NAMES: [&str; 4] = ["contributor", "trainer", "deployer", "copier"];

impl Story {
    fn new() -> Self {
        let world = World::new();
        for name in NAMES {
            world.ok(&["key", "new", name]);
        }
        let penguins = sample("data/penguins.csv");
        world.ok(&["add", &penguins, "--key", "contributor", "--license", "CC0-1.0", "--allow", "train"]);
        world.ok(&["add", &penguins, "--key", "copier", "--name", "copy", "--license", "MIT", "--allow", "train"]);
        world.write("net.bin", "weights");
        let train = ["record", "train", "--model=net", "--artifact=net.bin", "--key=trainer", "--license=MIT"];
        world.ok(&[&train[..], &["--uses=penguins", "--uses=copy"]].concat());
        world.ok(&["record", "deploy", "--model=net", "--name=net-api", "--key=deployer"]);
        let period = ["--from=2026-01-01T00:00:00Z", "--to=2026-02-01T00:00:00Z", "--unit=requests", "--count=10"];
        let used = world.json(&[&["record", "use", "--deployment=net-api", "--key=deployer"][..], &period].concat());
        let usage = used["statement"].as_str().unwrap().to_owned();
        world.ok(&["chain", "deploy"]);
        Self { world, usage }
    }

    /// Logs the policy, seals and anchors, and pays the fee.
    fn ready(&self) {
        self.world.ok(&["rewards", "policy"]);
        self.world.ok(&["seal"]);
        self.world.ok(&["anchor"]);
        self.world.ok(&["chain", "fund", "--use", &self.usage, "1000"]);
    }

    fn id(&self, name: &str) -> String {
        let keys = self.world.json(&["key", "list"]);
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == name).unwrap().clone();
        key["contributor"].as_str().unwrap().to_owned()
    }
}

fn amount(document: &Value, contributor: &str) -> Option<String> {
    let lines = document["allocations"].as_array().unwrap();
    let line = lines.iter().find(|line| line["contributor"] == contributor)?;
    Some(line["amount"].as_str().unwrap().to_owned())
}

/// Tokens in base units.
fn tokens(whole: u64) -> String {
    format!("{whole}{}", "0".repeat(18))
}

#[test]
fn from_a_fee_to_a_payout() {
    let story = Story::new();
    let world = &story.world;
    let bound = world.json(&["bind", "--key", "contributor", "--account", "contributor"]);
    assert_eq!((bound["schema"].as_str(), bound["nonce"].as_u64()), (Some("mira.bind/1"), Some(1)));
    story.ready();

    let rewards = world.json(&["rewards"]);
    assert_eq!((rewards["schema"].as_str(), rewards["epoch"].as_u64()), (Some("mira.rewards/1"), Some(1)));
    assert_eq!((rewards["budget"].as_str(), rewards["status"].as_str()), (Some(&*tokens(1000)), Some("computed")));
    assert_eq!(rewards["proposable"].as_bool(), Some(true));
    let expected = [("contributor", Some(500)), ("trainer", Some(100)), ("deployer", Some(100)), ("copier", None)];
    for (name, whole) in expected {
        assert_eq!(amount(&rewards, &story.id(name)), whole.map(tokens), "{name}");
    }
    let mine = world.json(&["rewards", "--mine", "--key", "contributor"]);
    assert_eq!(mine["allocations"].as_array().unwrap().len(), 1);
    assert_eq!(mine["allocations"][0]["payout"], bound["payout"]);
    let of_model = world.json(&["rewards", "--model", "net"]);
    assert_eq!(of_model["model"][0]["step"].as_str(), Some("roles"));

    let dry = world.json(&["rewards", "propose", "--dry-run"]);
    assert!(dry["purpose"].as_str().unwrap().starts_with("propose/1/"));
    let proposed = world.json(&["rewards", "propose"]);
    for key in ["epoch", "root", "manifest", "policy", "total"] {
        assert_eq!(proposed[key], rewards[key], "{key}");
    }
    world.fails(1, "nothing was paid in", &["rewards", "propose"]);
    world.fails(1, "is pending", &["claim", "--key", "contributor"]);

    world.ok(&["chain", "warp", "8d"]);
    // Anybody may send it: here the trainer pays for the transaction that pays the contributor.
    let contributor = story.id("contributor");
    let claimed = world.json(&["claim", "--key", "trainer", "--contributor", &contributor]);
    assert_eq!((claimed["amount"].as_str(), &claimed["payout"]), (Some(&*tokens(500)), &bound["payout"]));
    world.fails(1, "nothing to claim", &["claim", "--key", "contributor"]);
    let query = "select r.amount = c.amount and r.payout = c.payout as paid, c.amount > 0 as some
        from claims c join rewards r on r.epoch = c.epoch and r.contributor = c.contributor";
    assert_eq!(world.ok(&["sql", "--format=csv", "-c", query]).trim(), "paid,some\ntrue,true");
    world.fails(1, "was bound to no account", &["claim", "--key", "trainer"]);
    world.fails(1, "has earned nothing", &["claim", "--key", "copier"]);
    world.fails(1, "no such epoch", &["claim", "--key", "contributor", "--epoch", "9"]);
    let audited = world.json(&["audit"]);
    let detail = |step: &str| {
        let checks = audited["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["step"] == step).unwrap_or_else(|| panic!("no {step}: {audited}"));
        (check["result"].as_str().unwrap().to_owned(), check["artifact"].as_str().unwrap().to_owned())
    };
    assert_eq!(audited["ok"].as_bool(), Some(true), "{audited}");
    assert_eq!(detail("claims"), ("ok".to_owned(), format!("1 payouts, {} base units in all", tokens(500))));
    assert_eq!(detail("rewards").0, "ok");
    let shown = world.json(&["rewards"]);
    assert_eq!((shown["epoch"].as_u64(), shown["status"].as_str()), (Some(1), Some("active")));
    assert_eq!((&shown["root"], &shown["allocations"]), (&rewards["root"], &rewards["allocations"]));
}

#[test]
fn the_files_are_views_and_a_second_epoch_adds_to_the_first() {
    let story = Story::new();
    let world = &story.world;
    story.ready();
    world.ok(&["rewards", "propose"]);
    let read = || -> Vec<(String, Vec<u8>)> {
        let names = files(&world.ws(".mira/rewards"));
        names.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
    };
    let before = read();
    assert_eq!(before.len(), 3);
    fs::remove_dir_all(world.ws(".mira/rewards")).unwrap();
    world.ok(&["rewards", "--epoch", "1"]);
    assert_eq!(read(), before, "made again, byte for byte");

    // The trainer binds later: what was earned before is paid with the next epoch.
    world.ok(&["bind", "--key", "trainer", "--account", "trainer"]);
    world.ok(&["seal"]);
    world.ok(&["anchor"]);
    world.ok(&["chain", "fund", "--pool", "10"]);
    let second = world.json(&["rewards"]);
    assert_eq!((second["epoch"].as_u64(), second["total"].as_str()), (Some(2), Some(&*tokens(1010))));
    world.ok(&["rewards", "propose"]);
    world.ok(&["chain", "warp", "8d"]);
    let claimed = world.json(&["claim", "--key", "trainer"]);
    assert_eq!(claimed["epoch"].as_u64(), Some(2));
    assert!(claimed["amount"].as_str().unwrap().len() >= tokens(100).len());
}

#[test]
fn a_run_that_was_cut_off_is_ended_by_the_next() {
    let story = Story::new();
    let world = &story.world;
    world.fails(2, "is past", &["bind", "--key", "contributor", "--account", "contributor", "--expires", "0"]);
    world.ok(&["bind", "--key", "contributor", "--account", "contributor", "--expires", "1"]);
    story.ready();
    let chain = world.ws(".mira/chain/local");
    let before = fs::read(&chain).unwrap();
    let proposed = world.json(&["rewards", "propose"]);
    world.forget("propose/");
    assert_eq!(world.json(&["rewards", "propose"]), proposed, "nothing is proposed twice");
    world.fails(1, "nothing was paid in", &["rewards", "propose"]);

    // Another policy is not applied to it.
    world.ok(&["rewards", "policy", "new", "-o", "policy.json"]);
    let text = fs::read_to_string(world.ws("policy.json")).unwrap();
    world.write("other.json", text.replacen("\"min_row_bytes\": 16", "\"min_row_bytes\": 1", 1));
    world.fails(2, "was proposed", &["rewards", "--epoch", "1", "--policy", "other.json"]);
    world.fails(1, "larger than", &["rewards", "--policy", "/dev/zero"]);

    world.ok(&["chain", "warp", "8d"]);
    let claimed = world.json(&["claim", "--key", "contributor"]);
    world.forget("claim/");
    assert_eq!(world.json(&["claim", "--key", "contributor"]), claimed);
    world.fails(1, "nothing to claim", &["claim", "--key", "contributor"]);

    // A chain that was cut back knows of neither, and what is reported is what it has then.
    fs::write(&chain, before).unwrap();
    assert_eq!(world.json(&["rewards"])["status"].as_str(), Some("computed"));
    assert_eq!(world.json(&["rewards", "propose"])["root"], proposed["root"]);
    assert_eq!(world.json(&["rewards"])["status"].as_str(), Some("pending"));
    world.fails(1, "is pending", &["claim", "--key", "contributor"]);
    world.ok(&["chain", "warp", "8d"]);
    assert_eq!(world.json(&["claim", "--key", "contributor"])["amount"], claimed["amount"]);
    assert_eq!(world.json(&["audit"])["ok"].as_bool(), Some(true));

    // Blocks before it may be others by then: a proposal is computed anew, and never sent again as it was.
    let before = fs::read(&chain).unwrap();
    world.ok(&["chain", "mine"]);
    world.ok(&["chain", "fund", "--pool", "7"]);
    world.ok(&["rewards", "propose"]);
    fs::write(&chain, before).unwrap();
    world.ok(&["chain", "fund", "--pool", "8"]);
    world.ok(&["rewards", "propose"]);
    assert_eq!(world.json(&["rewards"])["status"].as_str(), Some("pending"));
    assert_eq!(world.json(&["audit"])["ok"].as_bool(), Some(true));
}

#[test]
fn readers_do_not_shut_each_other_out() {
    let story = Story::new();
    let world = &story.world;
    story.ready();
    // One holds the chain to read, one the right to write.
    let path = world.ws(".mira/chain/local");
    let endpoint = mira_anchor::endpoint::Endpoint::Local(path);
    let reader = mira_anchor::chain::Client::connect_to_read(&endpoint).unwrap();
    let writer = fs::File::options().write(true).open(world.ws(".mira/lock")).unwrap();
    writer.try_lock().unwrap();
    for args in [&["audit"][..], &["chain", "status"], &["rewards"]] {
        world.ok(args);
    }
    assert!(world.run(&["rewards"]).err.contains("were not written"));
    assert!(!world.ws(".mira/rewards").exists());
    world.fails(1, "another mira is using", &["chain", "fund", "--pool", "1"]);
    drop(writer);
    world.fails(1, "the chain is in use", &["chain", "fund", "--pool", "1"]);
    drop(reader);
    world.ok(&["chain", "fund", "--pool", "1"]);
}

#[test]
fn a_withdrawn_dataset_is_paid_to_the_reserve() {
    let story = Story::new();
    let world = &story.world;
    world.ok(&["withdraw", "penguins", "--reason", "consent", "--key", "contributor"]);
    story.ready();
    let rewards = world.json(&["rewards"]);
    assert_eq!(amount(&rewards, &story.id("contributor")), None);
    assert_eq!(amount(&rewards, &story.id("copier")), None, "a copy does not step in");
}

#[test]
fn policies_are_files_and_never_retroactive() {
    let story = Story::new();
    let world = &story.world;
    world.ok(&["seal"]);
    world.ok(&["anchor"]);
    world.fails(1, "no policy is in force", &["rewards"]);
    world.ok(&["rewards", "policy", "new", "-o", "policy.json"]);
    let text = fs::read_to_string(world.ws("policy.json")).unwrap();
    // Without one in force, a file says what would be.
    let preview = world.json(&["rewards", "--policy", "policy.json"]);
    assert_eq!(preview["proposable"].as_bool(), Some(false));
    for (name, message, text) in [
        ("sum.json", "add up to 10001", text.replacen("5000", "5001", 2)),
        ("fraction.json", "a fraction", text.replacen("16", "16.5", 1)),
        ("words.json", "not JSON", "policy".to_owned()),
        ("other.json", "for the log", text.replace("log.example.org/test", "log.example.org/other")),
    ] {
        world.write(name, text);
        let code = if name == "other.json" { 3 } else { 2 };
        world.fails(code, message, &["rewards", "policy", "log", name]);
    }
    let logged = world.json(&["rewards", "policy", "log", "policy.json"]);
    assert_eq!(logged["from_epoch"].as_u64(), Some(2));
    world.fails(1, "no policy is in force", &["rewards", "policy", "show"]);
    world.ok(&["seal"]);
    assert_eq!(world.json(&["rewards", "policy", "show"])["policy"], logged["policy"]);
    // A stranger's policy is logged and does not count.
    world.write("mine.json", text.replacen("\"min_row_bytes\": 16", "\"min_row_bytes\": 1", 1));
    world.ok(&["rewards", "policy", "log", "mine.json", "--key", "copier"]);
    world.ok(&["seal"]);
    world.ok(&["add", &sample("data/penguins.csv"), "--name", "more", "--key", "copier"]);
    world.ok(&["seal"]);
    assert_eq!(world.json(&["rewards", "policy"])["policy"], logged["policy"]);
}

#[test]
fn an_account_elsewhere_signs_what_it_is_shown() {
    let story = Story::new();
    let world = &story.world;
    let payout = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
    let typed: Value = serde_json::from_str(&world.ok(&["bind", "--key", "contributor", "--payout", payout])).unwrap();
    assert_eq!((typed["primaryType"].as_str(), typed["message"]["payout"].as_str()), (Some("Bind"), Some(payout)));
    let forged = format!("0x{}1b", "11".repeat(64));
    world.fails(3, "signature", &["bind", "--key", "contributor", "--payout", payout, "--signature", &forged]);
    world.fails(2, "", &["bind", "--key", "contributor", "--signature", &forged]);
}

#[test]
fn nothing_is_computed_from_rows_that_are_gone_or_edited() {
    let story = Story::new();
    let world = &story.world;
    story.ready();
    let chunk = files(&world.ws(".mira/store/objects")).into_iter().next().unwrap();
    let bytes = fs::read(&chunk).unwrap();
    fs::remove_file(&chunk).unwrap();
    world.fails(4, "cannot be read", &["rewards"]);
    let mut edited = bytes.clone();
    let middle = edited.len() / 2;
    edited[middle] ^= 1;
    fs::write(&chunk, &edited).unwrap();
    world.fails(4, "cannot be read", &["rewards", "propose"]);
    fs::write(&chunk, &bytes).unwrap();
    world.ok(&["rewards", "propose"]);
    // Leaves do for proofs, and not for rewards, which says so.
    world.ok(&["rm", "penguins", "copy", "--yes"]);
    let audit = world.run(&["audit"]);
    assert_eq!((audit.code, audit.out.contains("rewards go by their lengths")), (4, true), "{}", audit.out);
}
