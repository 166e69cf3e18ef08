//! Files that get their name when they are whole: written beside it under another, and then placed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::process;

/// The name under which this process writes what will be `path`: `.NAME.tmp-PID` beside it. What processes that are no
/// more have left there of the same file is removed.
pub fn beside(path: &Path) -> io::Result<PathBuf> {
    sweep_of(path)?;
    let mut name = prefix(path)?;
    name.push(std::process::id().to_string());
    Ok(path.with_file_name(name))
}

/// Removes what processes that are no more have left of `path`, whether or not it is there.
pub fn sweep_of(path: &Path) -> io::Result<()> {
    sweep(directory(path), &prefix(path)?.to_string_lossy());
    Ok(())
}

fn prefix(path: &Path) -> io::Result<OsString> {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    prefix.push(".tmp-");
    Ok(prefix)
}

/// Gives a file that is whole and durable its name. Without `replace` it is an error if there is a file of that name,
/// be it one that has come a moment ago.
pub fn place(temporary: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        fs::rename(temporary, path)?;
    } else {
        // A link fails where a rename would replace. From here on the file is there, and whoever comes next removes the
        // other name, if this process does not come to it.
        fs::hard_link(temporary, path)?;
        let _ = fs::remove_file(temporary);
    }
    sync(directory(path))
}

/// Makes durable which files a directory has.
pub fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Removes files and directories in `directory` whose name is `prefix` and the number of a process that is no more.
/// What cannot be removed stays: it is in nobody's way.
pub fn sweep(directory: &Path, prefix: &str) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|number| number.parse().ok());
        if process.is_some_and(|process| !process::is_alive(process)) {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// Removes all files `.NAME.tmp-PID` in a directory, of whatever name, whose process is no more.
pub fn sweep_all(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.strip_prefix('.')?.rsplit_once(".tmp-"));
        let process = parts.and_then(|(_, number)| number.parse().ok());
        if process.is_some_and(|process| !process::is_alive(process)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The directory of a file, `.` for a bare name.
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_goes_and_what_the_living_write_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let dead = dir.path().join(".file.tmp-2147483647");
        let (living, other) = (dir.path().join(".file.tmp-1"), dir.path().join(".other.tmp-2147483647"));
        for file in [&dead, &living, &other] {
            fs::write(file, "x").unwrap();
        }
        let temporary = beside(&path).unwrap();
        assert!(!dead.exists() && living.exists() && other.exists());
        fs::write(&temporary, "new").unwrap();
        place(&temporary, &path, false).unwrap();
        assert!(!temporary.exists());
        fs::write(&dead, "x").unwrap();
        sweep_all(dir.path());
        assert!(!dead.exists() && !other.exists() && living.exists() && path.exists());
        fs::write(&temporary, "newer").unwrap();
        assert_eq!(place(&temporary, &path, false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        place(&temporary, &path, true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
    }
}
