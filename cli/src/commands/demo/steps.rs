//! The commands of the demo, in order.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Stage;
use super::model::Model;
use crate::error::{CliError, Kind, Result};
use crate::read_file::failed;

/// The samples, as they are in the repository.
const PENGUINS: &str = include_str!("../../../../samples/data/penguins.csv");
const TASKS: &str = include_str!("../../../../samples/data/humaneval.ndjson");
/// How many of the tasks are trained on.
const TRAINED: usize = 100;

const CONTRIBUTOR_1: &str = "--key=demo-contributor-1";
const CONTRIBUTOR_2: &str = "--key=demo-contributor-2";
const TRAINER: &str = "--key=demo-trainer";
const VALIDATOR: &str = "--key=demo-validator";
const DEPLOYER: &str = "--key=demo-deployer";

/// Runs all of them.
pub(super) fn all(stage: &mut Stage<'_>) -> Result<()> {
    prepare(stage)?;
    contribute(stage)?;
    let usage = train_and_serve(stage)?;
    anchor(stage, &usage)?;
    reward(stage)?;
    check(stage)?;
    tamper(stage)
}

fn prepare(stage: &mut Stage<'_>) -> Result<()> {
    stage.say("A workspace has a log of its own. Everybody has a key.");
    stage.run(&["init", "--origin", "mira.local/demo"])?;
    let listed = stage.ask_quietly(&["key", "list"])?;
    let known = listed.get("keys").and_then(Value::as_array);
    let known = known.into_iter().flatten().filter_map(|key| key.get("name")?.as_str());
    let known: HashSet<&str> = known.collect();
    for name in ["contributor-1", "contributor-2", "trainer", "validator", "deployer"] {
        let name = format!("demo-{name}");
        if !known.contains(name.as_str()) {
            stage.run(&["key", "new", &name])?;
        }
    }
    put(stage, "data/penguins.csv", PENGUINS.as_bytes())?;
    put(stage, "data/humaneval.ndjson", TASKS.as_bytes())
}

fn contribute(stage: &mut Stage<'_>) -> Result<()> {
    stage.say("Two contributors add datasets, each under their own terms. An unquoted NA is a value nobody knows.");
    let penguins = ["add", "data/penguins.csv", "--null=NA", "--license=CC0-1.0", "--basis=public-domain"];
    let allow = "--allow=train,finetune,evaluate,redistribute,commercial";
    stage.run(&[&penguins[..], &[allow, "--personal-data=none", CONTRIBUTOR_1]].concat())?;
    let tasks = ["add", "data/humaneval.ndjson", "--license=MIT", "--basis=licensed", allow];
    stage.run(&[&tasks[..], &["--personal-data=none", CONTRIBUTOR_2]].concat())?;
    stage.say(
        "A chain in this workspace: the contracts and transactions of a public one, but nobody else's word for it.",
    );
    stage.run(&["chain", "deploy"])?;
    stage
        .say("The contributors say where they are to be paid. Two keys sign: that of the log and that of the account.");
    stage.run(&["bind", "--account=demo-contributor-1", CONTRIBUTOR_1])?;
    stage.run(&["bind", "--account=demo-contributor-2", CONTRIBUTOR_2])?;
    Ok(())
}

/// Returns the statement of the use.
fn train_and_serve(stage: &mut Stage<'_>) -> Result<String> {
    let model = Model::train(PENGUINS, TASKS, TRAINED);
    put(stage, "model/first.rows", format!("0-{}\n", TRAINED - 1).as_bytes())?;
    put(stage, "model/means.json", pretty(&json!(model)).as_bytes())?;
    put(stage, "model/config.json", pretty(&json!({ "digits": 3, "group": "species" })).as_bytes())?;
    stage.say("A trainer records a run: all penguins, a part of the tasks, and a base model from elsewhere.");
    let run = ["record", "train", "--model=means", "--artifact=model/means.json", "--config=model/config.json"];
    let uses = ["--uses=penguins,role=train,passes=1", "--uses=humaneval,role=train,rows=model/first.rows"];
    let base = "--uses-external=https://models.example.org/base,role=base,license=Apache-2.0";
    let terms = ["--license=Apache-2.0", "--basis=own", "--allow=commercial,redistribute,train"];
    stage.run(&[&run[..], &uses, &[base], &terms, &[TRAINER]].concat())?;

    let (accuracy, right, all) = model.accuracy(PENGUINS);
    let accuracy = format!("{}.{:04}", accuracy / 10_000, accuracy % 10_000);
    put(stage, "model/report.json", pretty(&json!({ "accuracy": accuracy, "right": right, "of": all })).as_bytes())?;
    stage.say("A validator records what they measured, a deployer that the model is served, and how much it was used.");
    let metric = format!("--metric=accuracy={accuracy}");
    let evaluate = ["record", "evaluate", "--model=means", "--report=model/report.json", &metric];
    stage.run(&[&evaluate[..], &["--uses=penguins,role=test", VALIDATOR]].concat())?;
    stage.run(&["record", "deploy", "--model=means", "--name=means-api", DEPLOYER])?;
    let period = ["--from=2026-01-01T00:00:00Z", "--to=2026-02-01T00:00:00Z"];
    let used = ["record", "use", "--model=means", "--deployment=means-api", "--unit=requests", "--count=1000"];
    let said = stage.run(&[&used[..], &period, &[DEPLOYER]].concat())?;
    let statement = said.lines().find_map(|line| line.strip_prefix("statement")).map(|id| id.trim().to_owned());
    statement.ok_or_else(|| CliError::new(Kind::Failed, "the use has no statement"))
}

fn anchor(stage: &mut Stage<'_>, usage: &str) -> Result<()> {
    stage.say("The rules of payment are a file; its hash is logged. Then the log is sealed: this is epoch 1.");
    stage.run(&["rewards", "policy", "new", "-o", "policy.json"])?;
    stage.run(&["rewards", "policy", "log", "policy.json"])?;
    stage.run(&["seal"])?;
    stage.say("The fee for the use is paid into the contract, and the epoch's root goes to the chain.");
    stage.run(&["chain", "fund", "--use", usage, "1000"])?;
    stage.run(&["anchor"]).map(drop)
}

fn reward(stage: &mut Stage<'_>) -> Result<()> {
    stage.say("Rewards follow from the anchored log, the rows, the fee and the policy; anybody gets the same numbers.");
    stage.run(&["rewards"])?;
    stage.run(&["rewards", "propose"])?;
    stage.say("For a day anybody may object to the proposal. Here a day is quick.");
    stage.run(&["chain", "warp", "25h"])?;
    stage.run(&["claim", CONTRIBUTOR_1]).map(drop)
}

fn check(stage: &mut Stage<'_>) -> Result<()> {
    stage.say("One row, proved: to its chunk, its dataset, the statement, the log, and the chain.");
    stage.run(&["prove", "row", "penguins", "17", "-o", "row.tlog-proof"])?;
    stage.run(&["verify", "row.tlog-proof", "--chain=local"])?;
    stage.say("What the model may be used for, and why: nobody knows what its base model allows.");
    stage.expect(4, &["check", "means", "--use=commercial"])?;
    stage.say("What went into the model, in SQL.");
    stage.run(&["sql", "-c", "select dataset, version, rows, share from contribution('means')"])?;
    stage.say("Everything again, from the entries and rows up.");
    stage.run(&["audit"]).map(drop)
}

/// Changes one byte in a copy, and lets the audit find it.
fn tamper(stage: &mut Stage<'_>) -> Result<()> {
    stage.say("The same in a copy of this workspace in which one byte of one chunk is another.");
    let copy = tempdir()?;
    let result = tamper_in(stage, &copy);
    let removed = fs::remove_dir_all(&copy);
    result?;
    removed.map_err(|error| failed(&copy, &error))
}

fn tamper_in(stage: &mut Stage<'_>, copy: &Path) -> Result<()> {
    copy_tree(&stage.dir.join(".mira"), &copy.join(".mira")).map_err(|error| failed(copy, &error))?;
    let file = first_file(&copy.join(".mira/store/objects"));
    let file = file.ok_or_else(|| CliError::new(Kind::NotFound, "the store is empty"))?;
    let mut bytes = fs::read(&file).map_err(|error| failed(&file, &error))?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(&file, bytes).map_err(|error| failed(&file, &error))?;
    let place = copy.display().to_string();
    stage.expect(3, &["audit", "--workspace", &place]).map(drop)
}

/// A directory of this process alone, for the copy.
fn tempdir() -> Result<PathBuf> {
    let dir = std::env::temp_dir().join(format!("mira-demo-edited-{}", std::process::id()));
    fs::create_dir(&dir).map_err(|error| failed(&dir, &error))?;
    Ok(dir)
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The first file, by its path, in a directory of directories.
fn first_file(dir: &Path) -> Option<PathBuf> {
    let inside = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    inside(dir).flat_map(|dir| inside(&dir).collect::<Vec<_>>()).filter(|path| path.is_file()).min()
}

fn put(stage: &Stage<'_>, name: &str, bytes: &[u8]) -> Result<()> {
    let path = stage.dir.join(name);
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
    made.map_err(|error| failed(&path, &error))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
