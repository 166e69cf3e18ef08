//! `mira sql` over a workspace in which two contributors, a trainer and others did their part.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use world::{World, files, sample};

/// A workspace with datasets of two contributors, a base model from elsewhere, a model, and its life.
fn story() -> World {
    let world = World::new();
    world.ok(&["key", "new", "giver"]);
    world.ok(&["add", &sample("data/penguins.csv"), "--license", "CC0-1.0", "--allow", "train,commercial"]);
    world.ok(&["add", &sample("data/weather.csv"), "--license", "CC-BY-4.0", "--allow", "train", "--key", "giver"]);
    world.ok(&["seal"]);
    world.write("weights.bin", "sample weights");
    world.write("config.yaml", "epochs: 2");
    world.write("report.json", "{}");
    world.ok(&[
        "record",
        "train",
        "--model",
        "demo-model",
        "--artifact",
        "weights.bin",
        "--uses",
        "penguins,passes=2",
        "--uses",
        "weather,chunks=0",
        "--uses-external",
        "hf:org/base,role=base",
        "--config",
        "config.yaml",
        "--license",
        "MIT",
    ]);
    world.ok(&["seal"]);
    world.ok(&[
        "record",
        "evaluate",
        "--model",
        "demo-model",
        "--report",
        "report.json",
        "--metric",
        "acc=0.875",
        "--uses",
        "weather,role=test",
        "--key",
        "giver",
    ]);
    world.ok(&["record", "deploy", "--model", "demo-model", "--name", "chat", "--uri", "https://example.org/chat"]);
    world
}

fn views(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    files(&world.ws(".mira/views")).into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

#[test]
fn the_sample_queries_answer() {
    let world = story();
    let mut queries = files(&PathBuf::from(sample("queries")));
    queries.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    assert!(queries.len() >= 5);
    for query in &queries {
        let text = fs::read_to_string(query).unwrap();
        assert!(text.starts_with("-- "), "{}: a query says what it is for", query.display());
        let answer = world.json(&["sql", "-f", query.to_str().unwrap()]);
        assert!(!answer["rows"].as_array().unwrap().is_empty(), "{}: no rows", query.display());
    }
    let answer = |name: &str| world.json(&["sql", "-f", &sample(&format!("queries/{name}.sql"))])["rows"].clone();
    let impact = answer("impact-of-a-withdrawal");
    assert_eq!((&impact[0]["what"], &impact[1]["what"]), (&Value::from("demo-model@1"), &Value::from("chat@1")));
    assert_eq!(impact[1]["served_at"], "https://example.org/chat");
    let shares = answer("contributors-of-a-model");
    let digits = |at: usize| shares[at]["share"].as_str().unwrap().replace('.', "").parse::<u128>().unwrap();
    assert_eq!(digits(0) + digits(1), 10_u128.pow(18), "{shares}");
    let unsealed = answer("unsealed-entries");
    assert_eq!(unsealed.as_array().unwrap().len(), 2);
    assert_eq!(answer("measured-models")[0]["value"], "0.875");
    world.ok(&["withdraw", "weather", "--reason", "consent", "--key", "giver"]);
    assert_eq!(answer("impact-of-a-withdrawal").as_array().unwrap().len(), 2);
}

#[test]
fn views_come_back_byte_for_byte() {
    let world = story();
    world.ok(&["sql", "-c", "select 1"]);
    let before = views(&world);
    assert_eq!(before.len(), 24);
    let stamp = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let first = before.keys().next().unwrap();
    let written = stamp(first);
    world.ok(&["sql", "-c", "select 1"]);
    assert_eq!(stamp(first), written, "views that are there are not made again");
    fs::remove_dir_all(world.ws(".mira/views")).unwrap();
    world.ok(&["sql", "-c", "select 1"]);
    assert!(views(&world) == before, "views differ");

    world.ok(&["seal"]);
    world.ok(&["sql", "-c", "select 1"]);
    let after = views(&world);
    assert_eq!(after.len(), 24, "those of the state before are gone");
    assert!(after.keys().all(|path| !before.contains_key(path)));
}

#[test]
fn views_are_not_believed() {
    let world = story();
    let ask = || world.ok(&["sql", "-c", "select ref, id, created_seq from nodes", "--format", "csv"]);
    let answer = ask();
    for path in views(&world).into_keys() {
        fs::write(path, "forged").unwrap();
    }
    assert_eq!(ask(), answer);
    fs::remove_dir_all(world.ws(".mira/views")).unwrap();
    fs::write(world.ws(".mira/views"), "in the way").unwrap();
    let ended = world.run(&["sql", "-c", "select ref, id, created_seq from nodes", "--format", "csv"]);
    assert_eq!((ended.code, ended.out), (0, answer), "views that cannot be kept are no reason to fail");
    assert!(ended.err.contains("the views were not kept"), "{}", ended.err);
}

#[test]
fn formats_and_files() {
    let world = story();
    let query = "select seq, kind, epoch from events order by seq limit 1";
    let say = |format: &str| world.ok(&["sql", "-c", query, "--format", format]);
    assert_eq!(say("csv"), "seq,kind,epoch\n0,contribute,1\n");
    assert_eq!(say("tsv"), "seq\tkind\tepoch\n0\tcontribute\t1\n");
    assert_eq!(say("json"), "[{\"seq\":0,\"kind\":\"contribute\",\"epoch\":1}]\n");
    assert_eq!(say("ndjson"), "{\"seq\":0,\"kind\":\"contribute\",\"epoch\":1}\n");
    assert_eq!(say("table"), " seq | kind       | epoch\n-----+------------+-------\n   0 | contribute |     1\n");
    assert_eq!(world.ok(&["sql", "-c", query]), say("table"));
    assert_eq!(world.ok(&["sql", "-c", query, "--json=lines"]), say("ndjson"));
    assert_eq!(world.json(&["sql", "-c", query])["schema"], "mira.sql/1");
    world.ok(&["sql", "-c", "select * from events", "-o", "events.parquet"]);
    let back = world.json(&["add", "events.parquet", "--name", "events"]);
    assert_eq!(back["rows"], 5, "what was written is Parquet that `add` reads");
    world.fails(1, "there is a file already", &["sql", "-c", query, "-o", "events.parquet"]);
    world.ok(&["sql", "-c", query, "-o", "events.parquet", "--force"]);
    world.fails(2, "there is no column nope", &["sql", "-c", "select nope from events", "-o", "never.csv"]);
    assert!(!world.ws("never.csv").exists());
    world.write("query.sql", query);
    assert_eq!(world.ok(&["sql", "-f", "query.sql", "--format", "csv"]), say("csv"));
    let both = world.run(&["sql", "-c", query, "--format", "csv", "--json"]);
    assert!(both.code == 2 && both.err.contains("--json and --format"), "{}", both.err);
}

#[test]
fn errors_name_the_place_and_the_fix() {
    let world = story();
    let ask = |code, message: &str, query: &str| world.fails(code, message, &["sql", "-c", query]).err;
    let error = ask(2, "there is no column knd", "select seq,\n  knd from events");
    assert!(error.contains("  at query:2:3\n") && error.contains("did you mean kind?"), "{error}");
    let error = ask(2, "there is no table evnts", "select 1 from evnts");
    assert!(error.contains("did you mean events?"), "{error}");
    ask(2, "closure wants a root", "select * from closure");
    for change in
        ["drop table nodes", "set time zone 'x'", "set a = 1", "begin", "create role r", "explain drop table x"]
    {
        ask(2, "only queries", change);
    }
    let error = ask(1, "pengui", "select * from upstream('pengui')");
    assert!(error.contains("did you mean penguins?"), "{error}");
    ask(4, "no epoch 7", "select * from upstream('penguins', null, 'epoch 7')");
    world.fails(2, "1 parameters, found 0", &["sql", "-c", "select * from closure where root = $1"]);
    world.write("bad.sql", "select (from events");
    assert!(world.fails(2, "found", &["sql", "-f", "bad.sql"]).err.contains("  at bad.sql:1:"));
    world.fails(1, "No such file", &["sql", "-f", "nowhere.sql"]);
    world.write("binary.sql", [0xff, 0xfe]);
    world.fails(2, "not UTF-8", &["sql", "-f", "binary.sql"]);
    let up =
        world.json(&["sql", "-c", "select ref from closure where root = $1 and ref is not null", "-p", "demo-model@1"]);
    assert_eq!(up["rows"].as_array().unwrap().len(), 3, "two datasets and a deployment: {up}");
}

/// A reader gets a document or none, never half of one.
#[test]
fn documents_are_whole() {
    let world = World::new();
    let breaks = "select 1 / (value - 20000) as x from generate_series(1, 30000)";
    for args in [&["--json"][..], &["--format", "json"]] {
        let ended = world.run(&[&["sql", "-c", breaks], args].concat());
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
    }
    let many = "select value from generate_series(1, 300000)";
    let ended = world.run(&["sql", "-c", many, "--json", "--memory", "1"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("--json=lines"), "{}", ended.err);
    assert_eq!(world.ok(&["sql", "-c", many, "--json=lines", "--memory", "1"]).lines().count(), 300_000);
    assert_eq!(world.json(&["sql", "-c", many])["rows"].as_array().unwrap().len(), 300_000);
}

#[test]
fn queries_that_would_be_too_much() {
    let world = World::new();
    for link in ["+1", " or true", "||'a'"] {
        let query = format!("select 1{}", link.repeat(4000));
        let error = world.fails(2, "operators and keywords", &["sql", "-c", &query]).err;
        assert!(error.contains("  at query:1:"), "{error}");
    }
    let endless = "select * from generate_series(1,100000000000)";
    world.fails(1, "longer than 1 s", &["sql", "-c", endless, "--timeout", "1"]);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let world = story();
    let query = "select a.value from generate_series(1, 3000000) a";
    let mut child = world.command(&["sql", "-c", query]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn anchors_are_what_the_receipts_say() {
    let world = story();
    world.ok(&["chain", "deploy"]);
    let done = world.json(&["anchor"]);
    let query = "select e.epoch, a.tx, a.contract, a.status from epochs e join anchors a on a.epoch = e.epoch and a.root = e.root
        order by e.epoch";
    let rows = world.json(&["sql", "-c", query])["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!((&rows[1]["tx"], &rows[1]["contract"]), (&done["tx"], &done["contract"]));
    assert_eq!(rows[1]["status"], "local");
}
