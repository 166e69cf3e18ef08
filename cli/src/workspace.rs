//! A workspace: a directory with `.mira/` in it, which holds a log, a store and what goes with them.
//!
//! ```text
//! .mira/version      "1\n"; a newer one is refused
//! .mira/.gitignore   "*\n": a workspace is not committed by accident
//! .mira/lock         held by whoever writes
//! .mira/log/         the log: tiles, checkpoint, epochs, and `vkey`, its public key
//! .mira/store/       content-addressed files
//! ```
//!
//! A workspace names no keys, no trust and no programs: whoever hands one over cannot make its reader sign, believe or
//! run anything.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::error::{CliError, Kind, Result};
use crate::read_file;
use crate::temporary;

/// The version of the layout that this build reads and writes.
const VERSION: u32 = 1;
/// Longest file that is read for it.
const MAX_VERSION: usize = 64;
const DIR: &str = ".mira";

/// An open workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

/// The right to write to a workspace; ends when it is dropped.
#[derive(Debug)]
pub struct WriteLock(#[expect(dead_code, reason = "the lock lives as long as the file")] File);

impl Workspace {
    /// Finds the workspace: `given`, or the nearest directory upwards that has `.mira/`.
    pub fn find(given: Option<&Path>) -> Result<Self> {
        let root = match given {
            Some(dir) if dir.join(DIR).is_dir() => dir.to_owned(),
            Some(dir) => {
                return Err(CliError::new(Kind::NotFound, "this directory is not a workspace")
                    .at(display(dir))
                    .hint("mira init makes one"));
            }
            None => search()?,
        };
        let workspace = Self { root };
        workspace.check_owner()?;
        workspace.check_version()?;
        Ok(workspace)
    }

    /// Makes a workspace in `dir`, which may hold other files but no workspace.
    ///
    /// `.mira` is filled under another name and renamed, so that a crash never leaves half of one.
    pub fn init(dir: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
        let path = dir.join(DIR);
        if path.exists() {
            return Err(CliError::new(Kind::Failed, "there is a workspace already").at(display(&path)));
        }
        temporary::sweep(dir, &format!("{DIR}-"));
        let temp = dir.join(format!("{DIR}-{}", std::process::id()));
        let made = make(&temp).map_err(|error| failed(&temp, &error)).and_then(|()| fill(&temp));
        if let Err(error) = made {
            // What cannot be removed is a directory of an odd name, and no workspace.
            let _ = fs::remove_dir_all(&temp);
            return Err(error);
        }
        fs::rename(&temp, &path).and_then(|()| temporary::sync(dir)).map_err(|error| failed(&path, &error))?;
        Ok(Self { root: dir.to_owned() })
    }

    /// The directory that has `.mira/`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path under `.mira/`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(DIR).join(name)
    }

    /// Waits for no one: a workspace that somebody writes to, or looks at where nobody may write, is refused.
    pub fn lock(&self) -> Result<WriteLock> {
        let path = self.path("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| failed(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(WriteLock(file)),
            Err(error) => Err(self.refused(&path, error)),
        }
    }

    /// The same for who only looks, where nobody may write too: nobody begins to write while they do.
    pub fn lock_to_look(&self) -> Result<Option<WriteLock>> {
        let path = self.path("lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            // Nobody has ever written here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, &error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(WriteLock(file))),
            Err(error) => Err(self.refused(&path, error)),
        }
    }

    fn refused(&self, path: &Path, error: TryLockError) -> CliError {
        match error {
            TryLockError::WouldBlock => CliError::new(Kind::Failed, "another mira is using this workspace")
                .at(display(&self.root))
                .hint("run this again when it has ended"),
            TryLockError::Error(error) => failed(path, &error),
        }
    }

    /// Another user's workspace is refused: its files are that user's to change at any moment.
    fn check_owner(&self) -> Result<()> {
        let path = self.root.join(DIR);
        let owner = fs::metadata(&path).map_err(|error| failed(&path, &error))?.uid();
        let user = rustix::process::geteuid().as_raw();
        if owner != user {
            return Err(CliError::new(
                Kind::Config,
                format!("this workspace belongs to user {owner}, and you are user {user}"),
            )
            .at(display(&path)));
        }
        Ok(())
    }

    fn check_version(&self) -> Result<()> {
        let path = self.path("version");
        let text = read_file::text(&path, MAX_VERSION).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CliError::new(Kind::Config, "the workspace has no version").at(display(&path)),
            _ => failed(&path, &error).of_kind(Kind::Config),
        })?;
        match text.trim().parse::<u32>() {
            Ok(VERSION) => Ok(()),
            Ok(found) if found > VERSION => Err(CliError::new(
                Kind::Config,
                format!("this workspace has version {found}, and this mira reads version {VERSION}"),
            )
            .at(display(&path))
            .hint("use a newer mira")),
            _ => Err(CliError::new(Kind::Config, "not a version of a workspace").at(display(&path))),
        }
    }
}

fn search() -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|error| failed(Path::new("."), &error))?;
    here.ancestors().find(|dir| dir.join(DIR).is_dir()).map(Path::to_owned).ok_or_else(|| {
        CliError::new(Kind::NotFound, "there is no workspace here or above")
            .at(display(&here))
            .hint("mira init makes one")
    })
}

fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(dir)?;
    for (name, text) in [("version", format!("{VERSION}\n")), (".gitignore", "*\n".to_owned())] {
        let mut file = File::create_new(dir.join(name))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::of_io(Kind::Failed, path, error)
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
