//! Two contributors, a trainer, a validator and a deployer: what they record, what the log makes of it, and what becomes
//! of a model when one of its inputs is withdrawn.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;

use serde_json::{Value, json};
use world::{World, sample};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A workspace of five people: `giver` gives penguins, `keeper` gives weather that forbids commercial use.
fn people() -> World {
    let world = World::new();
    for name in ["giver", "keeper", "trainer", "validator", "deployer"] {
        world.ok(&["key", "new", name]);
    }
    world.ok(&["key", "register", "--label", "giver", "--key", "giver"]);
    let (penguins, weather) = (sample("data/penguins.csv"), sample("data/weather.csv"));
    let allow = "train,commercial,finetune";
    world.ok(&["add", &penguins, "--license", "CC0-1.0", "--allow", allow, "--key", "giver"]);
    world.ok(&[
        "add",
        &weather,
        "--license",
        "CC-BY-NC-4.0",
        "--allow",
        "train",
        "--deny",
        "commercial",
        "--key",
        "keeper",
    ]);
    fs::create_dir_all(world.ws("out/cfg")).unwrap();
    world.write("out/weights.bin", [7; 4096]);
    world.write("out/cfg/net.json", "{}");
    world
}

/// The same with a model of both, its evaluation, deployment and use.
fn lineage() -> (World, Value) {
    let world = people();
    let trained = world.json(&[
        "record",
        "train",
        "--model",
        "net",
        "--artifact",
        "out",
        "--uses",
        "giver/penguins,passes=3,tokens=18446744073709551615",
        "--uses",
        "weather,chunks=0",
        "--license",
        "MIT",
        "--allow",
        "train,commercial",
        "--key",
        "trainer",
    ]);
    world.write("report.json", "{}");
    world.ok(&[
        "record",
        "evaluate",
        "--model",
        "net",
        "--report",
        "report.json",
        "--metric",
        "accuracy=0.830",
        "--uses",
        "penguins",
        "--key",
        "validator",
    ]);
    world.ok(&["record", "deploy", "--model", "net", "--name", "net-api", "--key", "deployer"]);
    (world, trained)
}

#[test]
fn a_training_run_says_what_went_in_and_what_came_out() {
    let world = people();
    world.write("run.yaml", "epochs: 3\n");
    world.write("rows.txt", "# the first ten, and one more\n5-9\n0-4\n12\n");
    let code = format!("https://example.org/net.git@{COMMIT}");
    let trained = world.json(&[
        "record",
        "train",
        "--model",
        "net",
        "--artifact",
        "out",
        "--uses",
        "penguins,rows=rows.txt",
        "--uses",
        "weather,chunks=1+0,passes=2",
        "--uses-external",
        "hf:org/base@v1,license=Apache-2.0,role=base",
        "--code",
        &code,
        "--config",
        "run.yaml",
        "--agent",
        "trainer=trainer",
        "--agent",
        "compute=keeper",
        "--key",
        "trainer",
    ]);
    assert_eq!((&trained["schema"], &trained["kind"]), (&json!("mira.record/1"), &json!("train")));
    assert_eq!((&trained["model"], &trained["version"]), (&json!("net"), &json!(1)));
    // SHA-256 of 4,096 bytes of 7.
    let sha256 = "c9ac7b0624824f844f6c7f3d50fab9741a8914e878467e8daaedca143a34d90b";
    assert_eq!(trained["outputs"][1], json!({"path": "weights.bin", "sha256": sha256, "bytes": 4096}));
    let inputs = &trained["inputs"];
    assert_eq!(
        (&inputs[0]["ref"], &inputs[0]["rows"], &inputs[0]["role"]),
        (&json!("giver/penguins@1"), &json!(11), &json!("train"))
    );
    assert_eq!((&inputs[1]["chunks"], &inputs[1]["passes"]), (&json!([[0, 2]]), &json!(2)), "touching ranges are one");
    assert_eq!((&inputs[2]["uri"], &inputs[2]["role"]), (&json!("hf:org/base@v1"), &json!("base")));

    let shown = world.json(&["show", "net"]);
    let predicate = &shown["payload"]["predicate"];
    assert_eq!(predicate["code"], json!({"commit": COMMIT, "uri": "https://example.org/net.git"}));
    assert_eq!(predicate["agents"].as_array().unwrap().len(), 2);
    assert_eq!(predicate["files"][0][0], json!("cfg/net.json"), "paths ascend");
    assert_eq!(predicate["inputs"][0]["rows"]["count"], json!(11));
    for reference in
        [format!("model:{}", trained["model_id"].as_str().unwrap()), trained["statement"].as_str().unwrap().to_owned()]
    {
        assert_eq!(world.json(&["show", &reference])["entry"], trained["entry"], "{reference}");
    }
    // The same files again are a run of their own: another version, the same model.
    let again = world.json(&["record", "train", "--model", "net", "--artifact", "out", "--key", "trainer"]);
    assert_eq!((&again["version"], &again["model_id"]), (&json!(2), &trained["model_id"]));
}

#[test]
fn json_records_the_same_as_options() {
    let world = people();
    let typed = world.json(&[
        "record",
        "train",
        "--model",
        "net",
        "--artifact",
        "out",
        "--uses",
        "penguins,role=finetune,passes=2",
        "--license",
        "MIT",
        "--deny",
        "distill",
        "--key",
        "trainer",
    ]);
    world.write(
        "run.json",
        r#"{"model":"net","artifact":["out"],"uses":[{"ref":"penguins","role":"finetune","passes":2}],
            "rights":{"license":"MIT","deny":["distill"]}}"#,
    );
    let read = world.json(&["record", "train", "--from", "run.json", "--key", "trainer"]);
    for member in ["model_id", "inputs", "outputs"] {
        assert_eq!(typed[member], read[member], "{member}");
    }
    let rights = |version: &str| world.json(&["show", version])["payload"]["predicate"]["rights"].clone();
    assert_eq!(rights("net@1"), rights("net@2"));

    world.fails(2, "cannot be used with", &["record", "train", "--from", "run.json", "--model", "net"]);
    world.write("bad.json", r#"{"model":"net","artifact":["out"],"usess":[]}"#);
    world.fails(2, "unknown field", &["record", "train", "--from", "bad.json"]);
    let mut piped = world.command(&["record", "train", "--from", "-"]);
    let piped = piped.stdin(fs::File::open(world.ws("run.json")).unwrap()).output().unwrap();
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    world.write("use.json", r#"{"deployment":"api","from":"2026-01-01","to":"2026-01-02","unit":"seats","count":"5"}"#);
    world.ok(&["record", "deploy", "--model", "net", "--name", "api", "--key", "trainer"]);
    assert_eq!(world.json(&["record", "use", "--from-file", "use.json"])["count"], json!("5"));
}

#[test]
fn what_the_others_record() {
    let (world, trained) = lineage();
    let used = world.json(&[
        "record",
        "use",
        "--deployment",
        "net-api",
        "--from",
        "2026-01-01",
        "--to",
        "2026-02-01T12:00:00Z",
        "--unit",
        "tokens",
        "--count",
        "18446744073709551615",
        "--key",
        "deployer",
    ]);
    assert_eq!((&used["model"], &used["deployment"]), (&json!("net@1"), &json!("net-api@1")));
    assert_eq!((&used["from"], &used["count"]), (&json!("2026-01-01T00:00:00Z"), &json!("18446744073709551615")));
    assert_eq!(used["terms"].as_array().unwrap().len(), 3, "the model and both datasets that it was made from");
    let narrow = world.json(&[
        "record",
        "use",
        "--model",
        "net",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-01",
        "--unit",
        "requests",
        "--count",
        "1",
        "--terms",
        "net",
        "--key",
        "deployer",
    ]);
    assert_eq!(narrow["terms"], json!([trained["statement"]]));

    world.ok(&["countersign", "net", "--role", "compute", "--key", "keeper"]);
    assert_eq!(world.json(&["show", "net"])["assurance"], json!("countersigned"));
    let disputed = world.json(&["dispute", "net", "--reason", "false", "--evidence", "report.json", "--key", "giver"]);
    let shown = world.json(&["show", "net"]);
    assert_eq!((&shown["assurance"], shown["said_about"].as_array().unwrap().len()), (&json!("disputed"), 2));
    world.ok(&["withdraw", disputed["statement"].as_str().unwrap(), "--reason", "error", "--key", "giver"]);
    assert_eq!(world.json(&["show", "net"])["assurance"], json!("countersigned"), "a dispute can be taken back");
    assert_eq!(
        world.json(&["record", "deploy", "--model", "net", "--name", "net-api", "--retire", "--key", "deployer"])["state"],
        json!("retired")
    );
    let items = world.json(&["ls"])["items"].clone();
    let api = items.as_array().unwrap().iter().find(|item| item["name"] == "net-api").unwrap().clone();
    assert_eq!((&api["kind"], &api["state"], &api["version"]), (&json!("deploy"), &json!("retired"), &json!(2)));
    assert!(world.run(&["check", "net-api", "--use", "train"]).out.contains("it is retired"));
}

#[test]
fn rights_fold_along_lineage() {
    let (world, _) = lineage();
    let ended = world.run(&["check", "net-api", "--use", "commercial"]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert!(ended.out.contains("net-api@1 <- net@1 <- weather@1"), "the shortest path: {}", ended.out);
    assert_eq!(world.run(&["check", "net", "--use", "train"]).code, 0);
    assert_eq!(world.run(&["check", "net", "--use", "distill"]).code, 4, "nobody said so");
    assert_eq!(world.run(&["check", "net", "--use", "train,distill,commercial"]).code, 3, "the worst decides");
    let answer: Value =
        serde_json::from_str(&world.run(&["check", "net", "--use", "commercial", "--json"]).out).unwrap();
    assert_eq!((&answer["schema"], &answer["verdict"]), (&json!("mira.check/1"), &json!("denied")));
    let line = &answer["uses"][0];
    assert_eq!((&line["by"]["ref"], &line["by"]["says"]), (&json!("weather@1"), &json!("denies")));
    assert_eq!(line["path"], json!(["net@1", "weather@1"]));
    assert_eq!(line["inputs"].as_array().unwrap().len(), 3);

    // What lies outside of the log is never known to allow anything, and neither is a model that names no inputs.
    world.ok(&[
        "record",
        "train",
        "--model",
        "tuned",
        "--artifact",
        "out",
        "--uses",
        "penguins",
        "--uses-external",
        "urn:base,license=MIT,role=base",
        "--allow",
        "train",
        "--key",
        "trainer",
    ]);
    assert_eq!(world.run(&["check", "tuned", "--use", "train"]).code, 4);
    world.ok(&["record", "train", "--model", "bare", "--artifact", "out", "--allow", "train", "--key", "trainer"]);
    assert_eq!(world.run(&["check", "bare", "--use", "train"]).code, 4);
    world.fails(2, "a use", &["check", "net", "--use", "breathe"]);
    world.fails(1, "did you mean net?", &["check", "nett", "--use", "train"]);
}

#[test]
fn forbidden_uses_are_recorded_with_a_warning() {
    let world = people();
    let args = [
        "record",
        "train",
        "--model",
        "net",
        "--artifact",
        "out",
        "--uses",
        "weather,role=distill",
        "--key",
        "trainer",
    ];
    assert!(world.json(&args)["warnings"][0].as_str().unwrap().contains("nothing that allows distill"));
    let penguins = sample("data/penguins.csv");
    world.ok(&["add", &penguins, "--name", "mine", "--deny", "train", "--key", "giver"]);
    let ended = world.run(&[
        "record",
        "train",
        "--model",
        "net",
        "--artifact",
        "out",
        "--uses",
        "giver/mine",
        "--key",
        "trainer",
    ]);
    assert_eq!(
        (ended.code, ended.err.contains("warning: giver/mine@1 does not allow train")),
        (0, true),
        "{}",
        ended.err
    );
    assert_eq!(world.run(&["check", "net", "--use", "train"]).code, 3);
}

#[test]
fn what_was_withdrawn_is_flagged_everywhere() {
    let (world, _) = lineage();
    world.ok(&["prove", "entry", "weather", "-o", "before.tlog-proof"]);
    world.fails(3, "permission", &["withdraw", "weather", "--reason", "licence", "--key", "giver"]);
    let withdrawn = world.json(&["withdraw", "weather", "--reason", "licence", "--key", "keeper"]);
    let affected: Vec<&str> =
        withdrawn["affected"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(affected, ["train", "evaluate", "deploy"]);

    world.fails(3, "withdrawn", &["get", "weather", "-o", "weather.csv"]);
    world.fails(
        3,
        "withdrawn",
        &["record", "train", "--model", "net", "--artifact", "out", "--uses", "weather", "--key", "trainer"],
    );
    assert_eq!(world.run(&["check", "net-api", "--use", "train"]).code, 3);
    for item in world.json(&["ls"])["items"].as_array().unwrap() {
        let name = item["name"].as_str().unwrap();
        assert_eq!(item["withdrawn"], json!(name == "weather"), "{name}");
        assert_eq!(item["stands_on_withdrawn"].is_string(), name.starts_with("net"), "{name}");
    }
    assert_eq!(world.json(&["show", "net-api"])["stands_on_withdrawn"], json!("weather@1"));
    assert!(world.ok(&["trace", "net-api"]).contains("stands on weather@1, which was withdrawn"));
    let traced = world.json(&["trace", "net-api"]);
    let weather = traced["nodes"].as_array().unwrap().iter().find(|node| node["ref"] == "weather@1").unwrap().clone();
    assert_eq!(weather["withdrawn"], json!("whole"));
    assert_eq!(world.run(&["verify", "before.tlog-proof"]).code, 0, "old proofs still verify");

    // What happened is recorded all the same, with a warning.
    let used = world.json(&[
        "record",
        "use",
        "--deployment",
        "net-api",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-02",
        "--unit",
        "hours",
        "--count",
        "24",
        "--key",
        "deployer",
    ]);
    assert!(used["warnings"][0].as_str().unwrap().contains("stands on weather@1, which was withdrawn"), "{used}");

    // The owner of a name may let somebody else withdraw, and end that.
    world.ok(&["key", "delegate", "giver", "--kinds", "withdraw", "--key", "trainer"]);
    world.ok(&["withdraw", "net", "--reason", "error", "--key", "giver"]);
    world.fails(3, "withdrawn", &["record", "deploy", "--model", "net", "--name", "net-api", "--key", "deployer"]);
    world.ok(&["record", "deploy", "--model", "net", "--name", "net-api", "--retire", "--key", "deployer"]);
}

#[test]
fn rows_that_were_withdrawn_may_not_be_used_again() {
    let world = people();
    world.write("left.txt", "3\n10-19\n");
    world.fails(
        2,
        "there is no row 344",
        &["withdraw", "penguins", "--reason", "consent", "--rows", &world.write("far.txt", "0-344"), "--key", "giver"],
    );
    let withdrawn =
        world.json(&["withdraw", "penguins", "--reason", "consent", "--rows", "left.txt", "--key", "giver"]);
    assert_eq!(withdrawn["rows"], json!(11));
    let train = |uses: &str| {
        world.run(&["record", "train", "--model", "net", "--artifact", "out", "--uses", uses, "--key", "trainer"])
    };
    for uses in ["penguins", "penguins,chunks=0", &format!("penguins,rows={}", world.write("a.txt", "19-30"))] {
        let ended = train(uses);
        assert_eq!(ended.code, 3, "{uses}: {}", ended.err);
    }
    let kept = world.write("kept.txt", "0-2\n4-9\n20-343\n");
    assert_eq!(train(&format!("penguins,rows={kept}")).code, 0);
    world.fails(3, "withdrawn", &["get", "penguins", "-o", "penguins.csv"]);
    assert_eq!(world.run(&["check", "penguins", "--use", "train"]).code, 4, "which rows are meant is not known");
    assert!(world.ok(&["trace", "net"]).contains("rows were withdrawn"));
}

#[test]
fn trace_shows_both_ways_and_cuts_nothing() {
    let (world, trained) = lineage();
    let up = world.json(&["trace", "net-api"]);
    assert_eq!(up["schema"], json!("mira.trace/1"));
    let refs = |traced: &Value| -> Vec<String> {
        traced["nodes"].as_array().unwrap().iter().map(|node| node["ref"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(refs(&up), ["net-api@1", "net@1", "giver/penguins@1", "weather@1"]);
    assert_eq!(up["edges"].as_array().unwrap().len(), 3);
    let edge = &up["edges"][1];
    assert_eq!(
        (&edge["to"], &edge["rel"], &edge["tokens"]),
        (&trained["statement"], &json!("input"), &json!("18446744073709551615"))
    );
    let down = world.json(&["trace", "weather", "--down"]);
    assert_eq!(refs(&down)[..2], ["weather@1", "net@1"]);
    assert_eq!((refs(&down).len(), down["edges"].as_array().unwrap().len()), (4, 3));

    // A model of two models of one dataset: the dataset is written out once, and named twice.
    world.ok(&["record", "train", "--model", "left", "--artifact", "out", "--uses", "net", "--key", "trainer"]);
    world.ok(&["record", "train", "--model", "right", "--artifact", "out", "--uses", "net", "--key", "trainer"]);
    world.ok(&[
        "record",
        "train",
        "--model",
        "both",
        "--artifact",
        "out",
        "--uses",
        "left",
        "--uses",
        "right",
        "--key",
        "trainer",
    ]);
    let text = world.ok(&["trace", "both"]);
    assert_eq!(text.matches("net@1").count(), 2, "{text}");
    assert_eq!((text.matches("written out above").count(), text.matches("weather@1").count()), (1, 1), "{text}");
    world.fails(2, "no lineage", &["trace", world.json(&["log"])["entries"][0]["statement"].as_str().unwrap()]);
}

#[test]
fn long_lists_go_to_files_and_stay_part_of_the_lineage() {
    let world = people();
    fs::create_dir(world.ws("many")).unwrap();
    for index in 0..300 {
        world.write(&format!("many/shard-{index:04}.bin"), [1]);
    }
    let mut args = vec!["record", "train", "--model", "net", "--artifact", "many", "--key", "trainer"];
    let uses: Vec<String> = (0..200).map(|pass| format!("penguins,passes={}", pass + 1)).collect();
    uses.iter().for_each(|uses| args.extend(["--uses", uses]));
    world.ok(&args);
    let predicate = world.json(&["show", "net"])["payload"]["predicate"].clone();
    assert_eq!((&predicate["files"]["count"], &predicate["inputs"]["count"]), (&json!(300), &json!(200)));
    assert_eq!(world.json(&["trace", "net"])["edges"].as_array().unwrap().len(), 200);
    world.ok(&["prove", "model", "net", "-o", "net.tlog-proof"]);
    assert_eq!(world.run(&["verify", "many", "--proof", "net.tlog-proof"]).code, 0);
    assert_eq!(world.run(&["verify", "many/shard-0000.bin", "--proof", "net.tlog-proof"]).code, 4);

    // Without the list, what is missing is shown, and no question about rights passes.
    let list = predicate["inputs"]["list"].as_str().unwrap();
    fs::remove_file(world.ws(".mira/blobs").join(list)).unwrap();
    assert!(world.ok(&["trace", "net"]).contains("MISSING  200 inputs"));
    assert_eq!(world.run(&["check", "net", "--use", "train"]).code, 4);
    fs::write(world.ws(".mira/blobs").join(list), "something else").unwrap();
    world.fails(3, "SHA-256", &["trace", "net"]);
}

#[test]
fn a_proof_fits_its_files_only() {
    let (world, _) = lineage();
    world.ok(&["prove", "model", "net", "-o", "net.tlog-proof"]);
    let verified = world.json(&["verify", "out", "--proof", "net.tlog-proof"]);
    assert_eq!(verified["checks"].as_array().unwrap().last().unwrap()["step"], json!("file"));
    assert_eq!(world.run(&["verify", "out/weights.bin", "--proof", "net.tlog-proof"]).code, 4, "one of two files");
    world.write("out/weights.bin", [8; 4096]);
    let ended = world.run(&["verify", "out", "--proof", "net.tlog-proof"]);
    assert_eq!((ended.code, ended.out.contains("weights.bin has SHA-256")), (3, true), "{}", ended.out);
    fs::remove_file(world.ws("out/weights.bin")).unwrap();
    assert!(world.run(&["verify", "out", "--proof", "net.tlog-proof"]).out.contains("weights.bin is missing"));
    world.write("out/weights.bin", [7; 4096]);
    world.write("out/more.bin", [7]);
    assert!(
        world.run(&["verify", "out", "--proof", "net.tlog-proof"]).out.contains("more.bin is no file of the model")
    );

    world.ok(&["prove", "row", "penguins", "3", "-o", "row.tlog-proof"]);
    assert_eq!(world.run(&["verify", &sample("data/penguins.csv"), "--proof", "row.tlog-proof"]).code, 0);
    assert_eq!(
        world.run(&["verify", &sample("data/airlines.csv"), "--proof", "row.tlog-proof"]).code,
        3,
        "other columns"
    );
    world.ok(&["get", "penguins", "-o", "penguins.parquet"]);
    world.ok(&["prove", "entry", "penguins", "-o", "entry.tlog-proof"]);
    assert_eq!(world.run(&["verify", "penguins.parquet", "--proof", "entry.tlog-proof"]).code, 0);
    // Rows that were read with other options are read with them again.
    let penguins = sample("data/penguins.csv");
    world.ok(&["add", &penguins, "--name", "known", "--null", "NA"]);
    world.ok(&["prove", "row", "known", "3", "-o", "known.tlog-proof"]);
    assert_eq!(world.run(&["verify", &penguins, "--proof", "known.tlog-proof", "--null", "NA"]).code, 0);
    world.fails(2, "not read as a dataset", &["verify", "known.tlog-proof", "--null", "NA"]);
    let text = fs::read_to_string(&penguins).unwrap();
    world.write("edited.csv", text.replacen("Torgersen", "Torgersem", 1));
    let ended = world.run(&["verify", "edited.csv", "--proof", "row.tlog-proof"]);
    assert_eq!((ended.code, ended.out.contains("FAILED")), (3, true), "{}", ended.out);
    world.fails(2, "not a model", &["prove", "model", "penguins"]);
    world.ok(&["prove", "entry", "net-api", "-o", "deploy.tlog-proof"]);
    world.fails(2, "about no file", &["verify", "out", "--proof", "deploy.tlog-proof"]);
}

#[test]
fn a_dataset_made_from_others_names_them() {
    let world = people();
    let made = world.json(&[
        "record",
        "transform",
        &sample("data/airlines.csv"),
        "--name",
        "joined",
        "--uses",
        "weather",
        "--uses",
        "penguins,chunks=0",
        "--license",
        "CC0-1.0",
        "--allow",
        "commercial,train",
        "--key",
        "trainer",
    ]);
    assert_eq!(
        (&made["schema"], &made["kind"], &made["rows"]),
        (&json!("mira.record/1"), &json!("transform"), &json!(16))
    );
    assert_eq!(made["inputs"].as_array().unwrap().len(), 2);
    assert_eq!(world.run(&["check", "joined", "--use", "commercial"]).code, 3, "what it was made from forbids it");
    assert_eq!(world.run(&["check", "joined", "--use", "train"]).code, 0);
    world.ok(&["prove", "row", "joined", "3", "-o", "row.tlog-proof"]);
    assert_eq!(world.run(&["verify", "row.tlog-proof"]).code, 0);
    world.fails(2, "--uses", &["record", "transform", &sample("data/airlines.csv"), "--key", "trainer"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (world, _) = lineage();
    let entries = world.json(&["log"])["size"].clone();
    let train = |rest: &[&'static str]| -> Vec<&'static str> {
        [&["record", "train", "--key", "trainer", "--model", "net"], rest].concat()
    };
    fs::create_dir(world.ws("empty")).unwrap();
    world.write("with space", "x");
    for (code, message, args) in [
        (1, "did you mean penguins?", train(&["--artifact", "out", "--uses", "penguin"])),
        (2, "there is no chunk 1", train(&["--artifact", "out", "--uses", "penguins,chunks=0-1"])),
        (2, "not a position", train(&["--artifact", "out", "--uses", "penguins,chunks=2-1"])),
        (2, "not both", train(&["--artifact", "out", "--uses", "penguins,chunks=0,rows=with space"])),
        (2, "no chunks and no rows", train(&["--artifact", "out", "--uses", "net,chunks=0"])),
        (2, "takes a dataset or a model", train(&["--artifact", "out", "--uses", "net-api"])),
        (2, "passes", train(&["--artifact", "out", "--uses", "penguins,passes=0"])),
        (2, "role", train(&["--artifact", "out", "--uses", "penguins,role=teacher"])),
        (1, "No such file", train(&["--artifact", "nowhere"])),
        (2, "no files", train(&["--artifact", "empty"])),
        (2, "path", train(&["--artifact", "with space"])),
        (2, "called", train(&["--artifact", "out/weights.bin", "--artifact", "out/weights.bin"])),
        (2, "hex", train(&["--artifact", "sha256:12"])),
        (2, "names no commit", train(&["--artifact", "out", "--code", "https://example.org/net.git"])),
        (2, "commit", train(&["--artifact", "out", "--code", "https://example.org/net.git@main"])),
        (2, "a URI", train(&["--artifact", "out", "--uses-external", "https://giver@example.org/x"])),
        (2, "license_text", train(&["--artifact", "out", "--license", "LicenseRef-own"])),
        (2, "allowed and denied", train(&["--artifact", "out", "--allow", "train", "--deny", "train"])),
        (1, "label", train(&["--artifact", "out", "--agent", "compute=nobody"])),
        (3, "name", vec!["record", "train", "--key", "giver", "--model", "penguins", "--artifact", "out"]),
        (3, "permission", train(&["--artifact", "out", "--on-behalf-of", "giver"])),
        (2, "deadbeef", vec!["record", "train", "--model", "deadbeef", "--artifact", "out"]),
        (2, "not a model", vec!["record", "deploy", "--model", "penguins", "--name", "x"]),
        (2, "a URI", vec!["record", "deploy", "--model", "net", "--name", "x", "--uri", "example.org"]),
        (2, "value", vec!["record", "evaluate", "--model", "net", "--report", "report.json", "--metric", "f1=good"]),
        (
            2,
            "second value",
            vec![
                "record",
                "evaluate",
                "--model",
                "net",
                "--report",
                "report.json",
                "--metric",
                "f1=1",
                "--metric",
                "f1=2",
            ],
        ),
        (
            2,
            "time",
            vec![
                "record",
                "use",
                "--model",
                "net",
                "--from",
                "May",
                "--to",
                "2026-01-01",
                "--unit",
                "tokens",
                "--count",
                "1",
            ],
        ),
        (
            2,
            "counting",
            vec![
                "record",
                "use",
                "--model",
                "net",
                "--from",
                "2026-01-02",
                "--to",
                "2026-01-01",
                "--unit",
                "tokens",
                "--count",
                "1",
            ],
        ),
        (
            2,
            "unit",
            vec![
                "record",
                "use",
                "--model",
                "net",
                "--from",
                "2026-01-01",
                "--to",
                "2026-01-01",
                "--unit",
                "miles",
                "--count",
                "1",
            ],
        ),
        (3, "permission", vec!["countersign", "net", "--role", "trainer", "--key", "trainer"]),
        (2, "role", vec!["countersign", "net", "--role", "friend"]),
        (2, "reason", vec!["withdraw", "net", "--reason", "boredom"]),
        (1, "nothing", vec!["dispute", "nothing-like-it", "--reason", "false"]),
    ] {
        world.fails(code, message, &args);
    }
    assert_eq!(world.json(&["log"])["size"], entries, "nothing was logged");
}

#[test]
fn what_was_withdrawn_can_be_stated_anew() {
    let world = people();
    let penguins = sample("data/penguins.csv");
    world.ok(&["withdraw", "penguins", "--reason", "error", "--key", "giver"]);
    let again = world.json(&[
        "add",
        &penguins,
        "--license",
        "CC0-1.0",
        "--allow",
        "train,commercial,finetune",
        "--key",
        "giver",
    ]);
    assert_eq!((&again["version"], &again["unchanged"]), (&json!(2), &json!(false)));
    world.ok(&["get", "giver/penguins", "-o", "penguins.csv"]);
    world.fails(3, "withdrawn", &["get", "giver/penguins@1", "-o", "first.csv"]);
}

#[test]
fn terms_that_need_more_than_a_flag() {
    let world = people();
    let penguins = sample("data/penguins.csv");
    world.write("terms.txt", "Ask first.");
    let record = "11".repeat(32);
    let consent = format!("sha256={record},scope=train+evaluate,expires=2020-12-31");
    world.ok(&[
        "add",
        &penguins,
        "--name",
        "survey",
        "--license",
        "LicenseRef-ask",
        "--license-text",
        "terms.txt",
        "--basis",
        "consent",
        "--allow",
        "train",
        "--consent",
        &consent,
        "--attribution",
        &format!("sha256:{record}"),
        "--key",
        "giver",
    ]);
    let rights = world.json(&["show", "survey"])["payload"]["predicate"]["rights"].clone();
    assert_eq!(rights["consent"], json!({"expires": "2020-12-31", "record": record, "scope": ["evaluate", "train"]}));
    let text = rights["license_text"].as_str().unwrap();
    assert_eq!(fs::read(world.ws(".mira/blobs").join(text)).unwrap(), b"Ask first.");
    let ended = world.run(&["check", "survey", "--use", "train"]);
    assert_eq!((ended.code, ended.out.contains("consent")), (4, true), "it ended in 2020: {}", ended.out);
    world.fails(2, "--license-text", &["add", &penguins, "--license", "LicenseRef-ask"]);
    world.fails(2, "scope", &["add", &penguins, "--consent", &format!("sha256={record}")]);
}

#[test]
fn names_stand_for_one_thing_each() {
    let (world, _) = lineage();
    // A deployment may be called like a model.
    world.ok(&["record", "deploy", "--model", "net", "--name", "net", "--key", "deployer"]);
    assert_eq!(world.json(&["show", "net"])["kind"], json!("train"));
    assert_eq!(world.json(&["show", "deployment:net"])["kind"], json!("deploy"));
    assert_eq!(world.json(&["show", "giver/penguins"])["kind"], json!("contribute"));
    world.fails(1, "nothing", &["show", "deployment:penguins"]);
    let used = world.json(&[
        "record",
        "use",
        "--deployment",
        "net",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-01",
        "--unit",
        "hours",
        "--count",
        "1",
    ]);
    assert_eq!(used["deployment"], json!("net@1"));
}

#[test]
fn keys_are_rotated_revoked_and_lent() {
    let world = people();
    let penguins = sample("data/penguins.csv");
    world.ok(&["key", "new", "vault"]);
    world.ok(&["key", "register", "--label", "keeper", "--recovery", "vault", "--key", "keeper"]);
    world.fails(3, "label", &["key", "register", "--label", "keeper", "--key", "trainer"]);
    world.fails(3, "taken", &["key", "register", "--label", "again", "--key", "keeper"]);

    world.ok(&["key", "rotate", "keeper-2", "--key", "keeper"]);
    world.fails(3, "key", &["add", &penguins, "--name", "late", "--key", "keeper"]);
    let added = world.json(&["add", &penguins, "--name", "late", "--key", "keeper-2"]);
    let shown = world.json(&["show", "keeper/late"]);
    assert_eq!((&shown["signer_label"], &shown["statement"]), (&json!("keeper"), &added["statement"]));
    world.ok(&["prove", "row", "keeper/late", "0", "-o", "late.tlog-proof"]);
    assert_eq!(world.run(&["verify", "late.tlog-proof"]).code, 0, "the proof holds the rotation");

    world.ok(&["key", "revoke", "--reason", "compromised", "--key", "keeper-2"]);
    world.fails(3, "revoked", &["add", &penguins, "--name", "later", "--key", "keeper-2"]);
    world.ok(&["key", "rotate", "keeper-3", "--key", "vault"]);
    world.ok(&["add", &penguins, "--name", "later", "--key", "keeper-3"]);
    assert_eq!(world.json(&["show", "keeper/later"])["signer_label"], json!("keeper"));

    world.ok(&["key", "delegate", "trainer", "--kinds", "contribute,train", "--names", "lent", "--key", "giver"]);
    world.ok(&["add", &penguins, "--name", "lent", "--on-behalf-of", "giver", "--key", "trainer"]);
    assert_eq!(world.json(&["show", "giver/lent"])["kind"], json!("contribute"));
    world.fails(3, "permission", &["add", &penguins, "--name", "other", "--on-behalf-of", "giver", "--key", "trainer"]);
    world.ok(&["key", "delegate", "trainer", "--kinds", "contribute", "--end", "--key", "giver"]);
    world.fails(
        3,
        "permission",
        &["add", &penguins, "--name", "lent", "--on-behalf-of", "giver", "--license", "MIT", "--key", "trainer"],
    );
}

#[test]
fn keys_move_between_homes() {
    let world = World::new();
    world.ok(&["key", "export", "main", "-o", "main.pem"]);
    world.fails(1, "exists", &["key", "export", "main", "-o", "main.pem"]);
    let contributor = |name: &str| {
        let keys = world.json(&["key", "list"])["keys"].clone();
        keys.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap()["contributor"].clone()
    };
    world.ok(&["key", "import", "copy", "main.pem"]);
    assert_eq!(contributor("copy"), contributor("main"));
    world.fails(1, "already", &["key", "import", "copy", "main.pem"]);
    world.fails(1, "not an ed25519 key", &["key", "import", "bad", &world.write("bad.pem", "-----BEGIN")]);
    world.fails(1, "there is no key", &["key", "export", "nobody", "-o", "nobody.pem"]);
}
