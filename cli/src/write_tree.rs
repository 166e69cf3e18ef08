//! A directory of files that a command leaves for its user: whole or not at all, and never over another without
//! `--force`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{CliError, Kind, Result};

/// Writes a directory as it is made. It gets its name when `fill` has returned without an error and all files are
/// durable; a crash or an error before leaves at most a hidden temporary directory.
///
/// With `force` the files go into a directory that is there, over those of the same path and beside all others.
pub fn stream(path: &Path, force: bool, fill: impl FnOnce(&Tree) -> Result<()>) -> Result<()> {
    if !force && path.symlink_metadata().is_ok() && !is_empty_directory(path) {
        return Err(CliError::new(Kind::Failed, "there is something already")
            .at(display(path))
            .hint("--force writes into a directory that is there"));
    }
    let name =
        path.file_name().ok_or_else(|| CliError::new(Kind::Usage, "not the name of a directory").at(display(path)))?;
    let temp = path.with_file_name(format!(".{}.tmp-{}", name.to_string_lossy(), std::process::id()));
    // What is written below was made here just now, so no link of somebody else's leads out of it.
    fs::create_dir(&temp).map_err(|error| failed(path, &error))?;
    let tree = Tree { root: temp, name: path.to_owned() };
    let result = fill(&tree).and_then(|()| match force && path.symlink_metadata().is_ok() {
        true => merge(&tree.root, path),
        // This fails where something else than an empty directory has come since the check above.
        false => fs::rename(&tree.root, path).map_err(|error| failed(path, &error)),
    });
    if result.is_err() || force {
        // Nothing more can be done about what cannot be removed.
        let _ = fs::remove_dir_all(&tree.root);
    }
    result
}

/// A directory that is being made.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// What it will be called, for errors: nobody knows of the other name.
    name: PathBuf,
}

impl Tree {
    /// Writes a file below, by a path of plain parts.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        let target = self.root.join(path);
        let write = || -> io::Result<()> {
            if let Some(directory) = target.parent() {
                fs::create_dir_all(directory)?;
            }
            let mut file = File::create_new(&target)?;
            file.write_all(content)?;
            file.sync_all()
        };
        write().map_err(|error| failed(&self.name.join(path), &error))
    }
}

/// Moves all files below one directory to the same paths below another, in which directories are real ones: a link
/// would lead out of it.
fn merge(from: &Path, to: &Path) -> Result<()> {
    if !to.symlink_metadata().is_ok_and(|there| there.is_dir()) {
        return Err(CliError::new(Kind::Failed, "what is there is no directory").at(display(to)));
    }
    for entry in fs::read_dir(from).map_err(|error| failed(to, &error))? {
        let entry = entry.map_err(|error| failed(to, &error))?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(|error| failed(&target, &error))?.is_dir() {
            match fs::create_dir(&target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&target, &error)),
                _ => merge(&entry.path(), &target)?,
            }
        } else {
            fs::rename(entry.path(), &target).map_err(|error| failed(&target, &error))?;
        }
    }
    Ok(())
}

fn is_empty_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|there| there.is_dir())
        && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::new(Kind::Failed, error.to_string()).at(display(path))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
