//! How the command line behaves, whatever the command: help, settings, completion, pipes, strings from strangers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use world::{World, sample};

/// Every `--help` there is, in `tests/help.txt`. `BLESS=1` writes it anew.
#[test]
fn the_help_is_the_committed_one() {
    let mut text = String::new();
    collect(&[], &mut text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    for (number, (line, expected)) in (1..).zip(text.lines().zip(committed.lines())) {
        assert_eq!(line, expected, "line {number} of tests/help.txt; BLESS=1 writes it");
    }
    assert!(text == committed, "the help has other commands than tests/help.txt; BLESS=1 writes it");
}

#[test]
fn every_help_has_examples() {
    let mut text = String::new();
    collect(&[], &mut text);
    let helps = text.split("$ mira").filter(|help| !help.is_empty());
    let without: Vec<&str> =
        helps.filter(|help| !help.contains("\nExamples:\n")).filter_map(|help| help.lines().next()).collect();
    assert!(without.is_empty(), "no examples: {without:?}");
}

/// A slip of the finger is answered with what was meant: for verbs, flags, topics and REFs.
#[test]
fn the_nearest_match_is_named() {
    let world = World::new();
    world.ok(&["add", &sample("data/weather.csv")]);
    for (args, meant) in [
        (&["ad"][..], "'add'"),
        (&["key", "lst"], "'list'"),
        (&["add", "--licens", "MIT", "x"], "'--license'"),
        (&["help", "verfy"], "did you mean verify?"),
        (&["help", "reffs"], "did you mean refs?"),
        (&["show", "wether"], "did you mean weather?"),
    ] {
        let ended = world.run(args);
        assert!(ended.code != 0 && ended.err.contains(meant), "{args:?}: {}", ended.err);
    }
}

/// With `=lines` every list is a line for each item, whatever the command.
#[test]
fn lists_are_lines_for_programs() {
    let world = World::new();
    world.ok(&["add", &sample("data/weather.csv")]);
    world.ok(&["add", &sample("data/airlines.csv")]);
    for (args, list) in [
        (&["ls"][..], "items"),
        (&["log"], "entries"),
        (&["key", "list"], "keys"),
        (&["config", "list"], "settings"),
        (&["trust", "list"], "logs"),
        (&["fsck"], "checks"),
        (&["audit"], "checks"),
    ] {
        let whole = world.json(args);
        let items = whole[list].as_array().unwrap_or_else(|| panic!("{args:?}: {whole}"));
        let lines = world.ok(&[args, &["--json=lines"]].concat());
        let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!items.is_empty() && lines == *items, "{args:?}: {lines:?}");
    }
    world.write("net.bin", "sample weights");
    world.ok(&["record", "train", "--model=net", "--artifact=net.bin", "--uses=weather", "--uses=airlines"]);
    let whole = world.json(&["trace", "net"]);
    let [nodes, edges] = ["nodes", "edges"].map(|list| whole[list].as_array().unwrap().clone());
    let lines = world.ok(&["trace", "net", "--json=lines"]);
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((nodes.len(), edges.len()), (3, 2));
    assert_eq!(lines, [nodes, edges].concat());
}

/// Progress is for those who ask, or who look at a terminal.
#[test]
fn progress_is_quiet_unless_asked_for() {
    let world = World::new();
    let data = sample("data/weather.csv");
    let said = world.run(&["add", &data, "-q", "--name", "quiet"]);
    assert_eq!(said.err, "");
    let said = world.run(&["add", &data, "--name", "plain"]);
    assert!(!said.err.contains("rows/s") && !said.err.contains('\r'), "{}", said.err);
    let said = world.run(&["add", &data, "-q", "--name", "events", "--progress=json"]);
    let events: Vec<serde_json::Value> = said.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap();
    let rows = world.json(&["add", &data, "--name", "events"])["rows"].clone();
    assert_eq!((&last["stage"], &last["rows"]), (&"commit".into(), &rows));
    let said = world.run(&["add", &data, "-v", "--name", "told"]);
    for stage in ["weather.csv: csv, ", "read under a guess: ", "manifest made: "] {
        assert!(said.err.contains(stage), "{stage}: {}", said.err);
    }
}

/// The help of a command and of those below it.
fn collect(path: &[&str], text: &mut String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mira"));
    let ended = command.args(path).arg("--help").env("COLUMNS", "100").env_remove("CLICOLOR_FORCE").output().unwrap();
    assert!(ended.status.success(), "{path:?}");
    let help = String::from_utf8(ended.stdout).unwrap();
    text.push_str(&format!("$ mira {} --help\n{help}\n", path.join(" ")).replace("mira  ", "mira "));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| !line.is_empty()) {
        // Names stand two columns in; what is further in goes on with the line above.
        let name =
            line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')).and_then(|rest| rest.split(' ').next());
        if let Some(name) = name {
            collect(&[path, &[name]].concat(), text);
        }
    }
}

#[test]
fn settings_win_over_one_another() {
    let world = World::new();
    let kubo = |world: &World| {
        let got = world.json(&["config", "get", "kubo"])["settings"][0].clone();
        (got["value"].as_str().unwrap().to_owned(), got["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(kubo(&world).1, "default");
    world.ok(&["config", "set", "kubo", "http://127.0.0.1:1001", "--user"]);
    let (value, origin) = kubo(&world);
    assert!(value == "http://127.0.0.1:1001" && origin.starts_with("user "), "{value} {origin}");
    world.ok(&["config", "set", "kubo", "/ip4/127.0.0.1/tcp/1002"]);
    let (value, origin) = kubo(&world);
    assert!(value == "http://127.0.0.1:1002" && origin.starts_with("workspace "), "{value} {origin}");
    let ended = world.command(&["config", "list", "--show-origin"]).env("MIRA_KUBO", "http://127.0.0.1:1003").output();
    let listed = String::from_utf8(ended.unwrap().stdout).unwrap();
    assert!(listed.contains("kubo = http://127.0.0.1:1003  (environment MIRA_KUBO)"), "{listed}");
    assert!(listed.contains("(environment MIRA_HOME)"), "{listed}");

    world.fails(2, "no setting", &["config", "set", "key", "main"]);
    world.fails(2, "http://HOST:PORT", &["config", "set", "kubo", "nonsense"]);
    fs::write(world.ws(".mira/config.toml"), "# a workspace names no keys\nkey = \"other\"\n").unwrap();
    world.fails(1, "config.toml:2", &["config", "list"]);
}

#[test]
fn every_shell_gets_a_script() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(world.ok(&["completion", shell]).contains("prove"), "{shell}");
    }
    let path = world.path("mira.bash");
    fs::write(&path, world.ok(&["completion", "bash"])).unwrap();
    assert!(Command::new("bash").arg("-n").arg(path).status().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let world = World::new();
    world.ok(&["add", &sample("data/weather.csv")]);
    for args in [&["help", "refs"][..], &["log"], &["show", "weather"], &["add", "--help"], &["version"]] {
        let mut child = world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn strings_of_strangers_do_not_steer_the_terminal() {
    let world = World::new();
    let steering = "a\u{1b}]0;x\u{7}\u{202e}b";
    world.write("steering.csv", format!("{steering},n\n{steering},1\n"));
    world.ok(&["add", "steering.csv"]);
    world.ok(&["prove", "row", "steering", "0", "-o", "p.tlog-proof"]);
    world.write("ragged.csv", format!("{steering}\n1,2\n"));
    world.write("wrong.csv", format!("{steering},n\n1,{steering}\n"));
    let schema = world.json(&["show", "steering"])["columns"].to_string();
    world.write("schema.json", schema);
    for args in [
        &["show", "steering"][..],
        &["verify", "p.tlog-proof"],
        &["add", "ragged.csv"],
        &["add", "wrong.csv", "--schema", "schema.json"],
        &["add", "no\u{1b}[31m.csv"],
        &["show", "no\u{1b}[31m"],
        &["verify", "no\u{1b}[31m"],
        &["add", "steering.csv", "--name", "no\u{1b}[31m"],
    ] {
        let ended = world.run(args);
        let said = format!("{}{}", ended.out, ended.err);
        assert!(!said.is_empty(), "{args:?}");
        let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!said.contains(steers), "{args:?}: {said:?}");
    }
}

#[test]
fn colours_are_for_terminals() {
    let world = World::new();
    let run = |variable: Option<&str>| {
        let mut command = world.command(&["--help"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        if let Some(name) = variable {
            command.env(name, "1");
        }
        command.output().unwrap().stdout.contains(&0x1b)
    };
    assert_eq!([run(None), run(Some("NO_COLOR")), run(Some("CLICOLOR_FORCE"))], [false, false, true]);
}
