//! What a workspace comes to, apart from what differs between any two runs: times, nonces and keys.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::elsewhere::kind_of;
use crate::world::{World, files};

/// What can be told of a world without knowing when it was made, and by which keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Kind and name of each entry, in order, and whether it counts.
    log: Vec<String>,
    /// Name, version, rows and flags of each artifact; the roots of datasets.
    artifacts: Vec<String>,
    /// Where each pin is, how far, and what went wrong.
    pins: Vec<String>,
    /// How many files each directory has, views aside.
    files: BTreeMap<String, usize>,
}

impl State {
    /// Checks the workspace, and looks at it.
    pub(crate) fn of(world: &World) -> Result<Self, String> {
        let json = |args: &[&str]| {
            let ended = world.run(&[args, &["--json"]].concat());
            match ended.code {
                0 => serde_json::from_str::<Value>(&ended.out).map_err(|error| error.to_string()),
                code => Err(format!("{args:?}: {code}: {}{}", ended.out, ended.err)),
            }
        };
        sound(world)?;
        let log = json(&["log"])?["entries"].as_array().cloned().unwrap_or_default();
        let log = log.iter().map(|entry| format!("{} {} {}", entry["kind"], entry["name"], entry["accepted"]));
        let items = json(&["ls"])?["items"].as_array().cloned().unwrap_or_default();
        let artifacts = items.iter().map(|item| {
            // A model is named by its files, which are the same in every run; so is a dataset by its rows.
            format!("{}@{} {} {} {}", item["name"], item["version"], item["kind"], item["root"], item["withdrawn"])
        });
        let pins = json(&["status"])?["pins"].as_array().cloned().unwrap_or_default();
        let pins = pins.iter().map(|pin| format!("{}: {} {}", kind_of(pin), pin["state"], pin["error"]));
        let (log, artifacts, pins) = (log.collect(), artifacts.collect(), pins.collect());
        Ok(Self { log, artifacts, pins, files: count_files(world) })
    }

    /// Where the two differ, for people.
    pub(crate) fn differs_from(&self, expected: &Self) -> String {
        let (found, expected) = (format!("{self:#?}"), format!("{expected:#?}"));
        let only = |one: &str, other: &str| {
            let lines = one.lines().filter(|line| !other.lines().any(|there| there == *line));
            lines.map(str::trim).collect::<Vec<_>>().join(" ")
        };
        format!("has {}, but undisturbed {}", only(&found, &expected), only(&expected, &found))
    }
}

/// What fsck finds is right; what was removed here on purpose is not asked for.
pub(crate) fn sound(world: &World) -> Result<(), String> {
    let ended = world.run(&["fsck"]);
    if ended.code == 0 { Ok(()) } else { Err(format!("fsck: {}: {}{}", ended.code, ended.out, ended.err)) }
}

/// Files by directory. Their names are digests or keys' names, which differ; their number does not.
fn count_files(world: &World) -> BTreeMap<String, usize> {
    let root = world.path("");
    let mut found = BTreeMap::new();
    for file in files(&root) {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap();
        // Views and caches are made anew by whoever needs them, and SQLite's journals come and go.
        if path.contains("/views/") || path.contains("/cache/") || path.ends_with("-wal") || path.ends_with("-shm") {
            continue;
        }
        let directory: Vec<&str> = path.split('/').collect();
        // A log that did not come to be leaves its key, which signs for nothing; a statement that was logged and could not
        // be forgotten is replaced by the next.
        if path.starts_with("home/keys/log-") || path == "ws/.mira/pending" {
            continue;
        }
        // Objects are spread over directories by their digest.
        let kept = directory[..directory.len() - 1].iter().filter(|name| name.len() > 2 || **name == "ws").copied();
        *found.entry(kept.collect::<Vec<_>>().join("/")).or_default() += 1;
    }
    found
}
