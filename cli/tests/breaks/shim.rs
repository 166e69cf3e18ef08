//! The library that breaks calls, and commands that run over it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::world::World;

/// How a call breaks; `shim.c` says what each does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Full,
    Io,
    Short,
    Before,
    After,
    /// Not a break that a command gets over, so not one of [`Kind::ALL`].
    Locked,
}

/// Which call breaks, from 1, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

pub(crate) struct Shim {
    dir: TempDir,
}

/// How a command over a broken disk ended.
pub(crate) struct Broken {
    /// Nothing if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) err: String,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Full, Self::Before, Self::Io, Self::After, Self::Short];

    const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Io => "io",
            Self::Short => "short",
            Self::Before => "before",
            Self::After => "after",
            Self::Locked => "locked",
        }
    }

    const fn kills(self) -> bool {
        matches!(self, Self::Before | Self::After)
    }

    /// What the error says: the words of the system for ENOSPC and EIO, or SQLite's, which knows a full disk only where
    /// it writes and calls the rest what it calls every failure.
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Full | Self::Short => &[
                "No space left on device",
                "disk I/O error",
                "unable to open database file",
                "attempt to write a readonly database",
            ],
            Self::Locked => &["Read-only file system", "readonly database"],
            _ => &[
                "Input/output error",
                "disk I/O error",
                "unable to open database file",
                "attempt to write a readonly database",
            ],
        }
    }
}

impl Shim {
    pub(crate) fn build() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/breaks/shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(dir.path().join("shim.so"))
            .args([source, "-ldl"])
            .output()
            .expect("cc, which compiles the C of our dependencies too");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { dir }
    }

    /// Runs a command to its end, and counts its calls.
    pub(crate) fn count(&self, world: &World, args: &[&str]) -> usize {
        let file = tempfile::NamedTempFile::new_in(self.dir.path()).unwrap();
        let Output { status, stderr, .. } = self.command(world, args).env("FAULT_COUNT", file.path()).output().unwrap();
        assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        let calls = fs::read_to_string(file.path()).unwrap().trim().parse().unwrap();
        assert!(calls > 0, "{args:?} writes something");
        calls
    }

    pub(crate) fn run(&self, world: &World, args: &[&str], fault: Fault) -> Broken {
        let mut command = self.command(world, args);
        command.env("FAULT_AT", fault.at.to_string()).env("FAULT_KIND", fault.kind.name());
        let Output { status, stderr, .. } = command.output().unwrap();
        Broken { code: status.code(), err: String::from_utf8_lossy(&stderr).into_owned() }
    }

    fn command(&self, world: &World, args: &[&str]) -> Command {
        let below: PathBuf = world.path(".").canonicalize().unwrap();
        let mut command = world.command(args);
        command.env("LD_PRELOAD", self.dir.path().join("shim.so")).env("FAULT_BELOW", below);
        command
    }
}

impl Broken {
    /// A command that could not write says so in three lines, and never panics.
    pub(crate) fn check(&self, kind: Kind) -> Result<(), String> {
        let Some(code) = self.code else {
            return if kind.kills() { Ok(()) } else { Err(format!("died: {}", self.err)) };
        };
        if self.err.contains("panicked") {
            return Err(self.err.clone());
        }
        match code {
            // What failed was not needed, such as removing a file that the next run removes.
            0 => Ok(()),
            1 => self.check_error(kind),
            _ => Err(format!("exit code {code}: {}", self.err)),
        }
    }

    fn check_error(&self, kind: Kind) -> Result<(), String> {
        let lines: Vec<&str> = self.err.lines().skip_while(|line| !line.starts_with("error: ")).collect();
        let shaped = lines.iter().skip(1).all(|line| line.starts_with("  at ") || line.starts_with("  hint: "));
        let says = kind.kills() || kind.words().iter().any(|words| self.err.contains(words));
        // What SQLite says has no place of its own, and does not help.
        let least = if self.err.contains("the outbox") { 3 } else { 1 };
        if (least..=3).contains(&lines.len()) && shaped && says { Ok(()) } else { Err(format!("says {:?}", self.err)) }
    }
}
