//! A user with a home, a workspace and the built `mira`, in a directory that goes away.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests state what they expect")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct World {
    dir: TempDir,
    environment: BTreeMap<&'static str, String>,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// A user with a workspace.
    pub(crate) fn new() -> Self {
        let world = Self::bare();
        world.ok(&["init", "--origin", "log.example.org/test"]);
        world
    }

    /// A user with a directory that is no workspace yet.
    pub(crate) fn bare() -> Self {
        Self::bare_in(&std::env::temp_dir())
    }

    /// The same in memory, where the system offers that: for what runs thousands of commands and never loses power.
    pub(crate) fn bare_in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        Self::bare_in(if memory.is_dir() { memory } else { Path::new("/tmp") })
    }

    fn bare_in(place: &Path) -> Self {
        let world = Self { dir: tempfile::tempdir_in(place).unwrap(), environment: BTreeMap::new() };
        fs::create_dir(world.path("ws")).unwrap();
        world
    }

    /// The same user in a place of its own.
    pub(crate) fn copied(&self) -> Self {
        let dir = tempfile::tempdir_in(self.dir.path().parent().unwrap()).unwrap();
        let copy = Self { dir, environment: self.environment.clone() };
        copy_directory(self.dir.path(), copy.dir.path());
        copy
    }

    /// A path beside the workspace.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A path in the workspace.
    pub(crate) fn ws(&self, name: &str) -> PathBuf {
        self.path("ws").join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.ws(name), bytes).unwrap();
        name.to_owned()
    }

    /// Sets a variable of the environment for all commands to come.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.environment.insert(name, value);
    }

    /// Leaves behind what a run leaves that was killed when its transaction was sent: the newest job of this purpose is in
    /// a block, and the outbox does not know.
    pub(crate) fn forget(&self, purpose: &str) {
        let mut outbox = mira_anchor::outbox::Outbox::open(&self.ws(".mira/chain/outbox.sqlite")).unwrap();
        let jobs = outbox.jobs().unwrap();
        let job = jobs.iter().rev().find(|job| job.key.purpose.starts_with(purpose)).unwrap();
        let job = outbox.reorged(job).unwrap();
        outbox.sent(&job, 0, 1).unwrap();
        assert_eq!(self.json(&["chain", "status"])["outbox"].as_array().unwrap().len(), 1);
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mira"));
        command.args(args).current_dir(self.path("ws")).env("MIRA_HOME", self.path("home"));
        command.env_remove("MIRA_WORKSPACE").env_remove("MIRA_KEY").env_remove("MIRA_PASSPHRASE_FILE");
        command.envs(&self.environment);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        let ended = Ended { code: status.code().expect("not killed"), out: text(stdout), err: text(stderr) };
        assert!(!ended.err.contains("panicked at"), "{args:?} panicked: {}", ended.err);
        ended
    }

    /// Runs what must succeed, and returns its data.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    /// Runs what must succeed with `--json`, and returns the document.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let out = self.ok(&[args, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }

    /// Runs what must fail with this code, in an error of at most three lines that says `message`.
    pub(crate) fn fails(&self, code: i32, message: &str, args: &[&str]) -> Ended {
        let ended = self.run(args);
        assert_eq!(ended.code, code, "{args:?}: {}{}", ended.out, ended.err);
        let at = ended.err.find("error: ").unwrap_or_else(|| panic!("{args:?}: no error in {:?}", ended.err));
        let lines: Vec<&str> = ended.err[at..].lines().collect();
        assert!(lines.len() <= 3, "{args:?}: {lines:?}");
        assert!(
            lines.iter().skip(1).all(|line| line.starts_with("  at ") || line.starts_with("  hint: ")),
            "{lines:?}"
        );
        assert!(ended.err.contains(message), "{args:?}: expected {message:?} in {}", ended.err);
        let json = self.run(&[args, &["--json"]].concat());
        let last: Value = serde_json::from_str(json.err.lines().last().unwrap()).unwrap();
        assert!(last["error"]["message"].is_string(), "{args:?}: {}", json.err);
        ended
    }
}

/// A file of the repository's samples.
pub(crate) fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name).to_str().unwrap().to_owned()
}

/// The files below a directory.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Copies files and directories, with their permissions.
fn copy_directory(from: &Path, to: &Path) {
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
